//! The weights of a network: named matrices, drawn from a seed, kept as safetensors.

use std::collections::BTreeMap;
use std::path::Path;

use burn_tensor::Tensor;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::place::{self, Place};
use super::{LearnError, files};
use crate::rng::Stream;
use crate::seal;

/// Stands for the checksum while it is computed: SHA-256 of the whole file with this in its place.
const NO_SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The notes of a file: one text, which begins with the file's checksum.
const NOTES: &str = "dynsparse";
const SUM: &str = "{\"sha256\":\"";

/// How a matrix begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Uniform within 1 / sqrt(this many inputs), as PyTorch's linear layers begin.
    Uniform(usize),
    /// Always this.
    Constant(f64),
}

/// What a matrix is.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Its name, unique within the network.
    pub name: String,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// How it begins.
    pub init: Init,
}

/// The matrices of a network, in the order that it asks for them.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// By position.
    pub slots: Vec<Slot>,
}

impl Layout {
    /// Adds a matrix and returns its position.
    pub fn add(&mut self, name: impl Into<String>, shape: [usize; 2], init: Init) -> usize {
        self.slots.push(Slot { name: name.into(), shape, init });
        self.slots.len() - 1
    }

    /// Adds weight and bias of a linear layer.
    pub fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Linear {
        let init = Init::Uniform(inputs);
        Linear {
            weight: self.add(format!("{name}.weight"), [inputs, outputs], init),
            bias: self.add(format!("{name}.bias"), [1, outputs], init),
        }
    }

    /// Numbers in all matrices.
    pub fn count(&self) -> usize {
        self.slots.iter().map(|s| s.shape[0] * s.shape[1]).sum()
    }

    /// Draws them; each matrix has a stream of its own, so that one more layer leaves the others as they are.
    pub fn draw(&self, seed: u64, place: &Place) -> Vec<Tensor<2>> {
        let drawn = self.slots.iter().map(|slot| {
            let mut stream = Stream::new(seed, &format!("learn/init/{}", slot.name), 0);
            let n = slot.shape[0] * slot.shape[1];
            let values: Vec<f64> = match slot.init {
                Init::Uniform(inputs) => {
                    let bound = 1.0 / (inputs.max(1) as f64).sqrt();
                    (0..n).map(|_| bound * (2.0 * stream.uniform() - 1.0)).collect()
                }
                Init::Constant(x) => vec![x; n],
            };
            place.tensor64(values, slot.shape)
        });
        drawn.collect()
    }
}

/// Positions of a linear layer's matrices.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    /// [inputs, outputs]
    pub weight: usize,
    /// [1, outputs]
    pub bias: usize,
}

/// Named groups of matrices, as they go into a file: 32-bit floats, bit for bit.
pub(super) type Groups = BTreeMap<&'static str, Vec<Tensor<2>>>;

/// Writes groups of matrices of one layout, with notes (a JSON object) and the checksum of the whole, whole or not at all.
///
/// # Errors
/// [`LearnError::File`] when it cannot be written.
pub(super) fn write(file: &Path, layout: &Layout, groups: &Groups, notes: &str) -> Result<(), LearnError> {
    let mut buffers = Vec::new();
    for (group, tensors) in groups {
        for (slot, tensor) in layout.slots.iter().zip(tensors) {
            let values = place::numbers32(tensor.clone().inner())?;
            buffers.push((format!("{group}/{}", slot.name), slot.shape, values));
        }
    }
    let mut views = Vec::new();
    for (name, shape, values) in &buffers {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytemuck::cast_slice(values));
        views.push((name.as_str(), view.map_err(|e| LearnError::io(file, "cannot be written", e))?));
    }
    let notes = format!("{SUM}{NO_SUM}\",{}", notes.strip_prefix('{').unwrap_or_default());
    let mut bytes = safetensors::serialize(views, Some([(NOTES.to_owned(), notes)].into()))
        .map_err(|e| LearnError::io(file, "cannot be written", e))?;
    let at = find(&bytes, NO_SUM).ok_or_else(|| LearnError::file(file, "cannot be written: its header is too long"))?;
    let sum = seal::sha256_hex(&bytes);
    bytes[at..at + sum.len()].copy_from_slice(sum.as_bytes());
    files::replace(file, &bytes)
}

/// Where a text is in the header of a file.
fn find(bytes: &[u8], text: &str) -> Option<usize> {
    let length = bytes.first_chunk().map_or(0, |n| usize::try_from(u64::from_le_bytes(*n)).unwrap_or(0));
    let header = bytes.get(8..)?.get(..length)?;
    header.windows(text.len()).position(|w| w == text.as_bytes()).map(|at| at + 8)
}

/// The notes of a file of weights, as JSON, once its checksum is right.
///
/// # Errors
/// [`LearnError::File`] when it is none, or not the file that was written.
pub(super) fn notes(file: &Path, bytes: &[u8]) -> Result<String, LearnError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(file, &e.to_string()))?;
    let notes = header.metadata().as_ref().and_then(|all| all.get(NOTES));
    let notes = notes.ok_or_else(|| LearnError::file(file, "was not written by `dynsparse learn`"))?;
    let Some((sum, rest)) = notes.strip_prefix(SUM).and_then(|rest| rest.split_once("\",")) else {
        let text = "has no checksum: it is of an earlier version, or damaged. Remove it and give the same command again, \
                    which trains this network alone once more";
        return Err(LearnError::file(file, text));
    };
    let mut whole = bytes.to_vec();
    match find(bytes, sum) {
        Some(at) if sum.len() == NO_SUM.len() => whole[at..at + sum.len()].copy_from_slice(NO_SUM.as_bytes()),
        _ => return Err(changed(file)),
    }
    if seal::sha256_hex(&whole) != sum { Err(changed(file)) } else { Ok(format!("{{{rest}")) }
}

/// Reads a group of matrices.
///
/// # Errors
/// [`LearnError::File`] when the file is damaged or holds another network.
pub(super) fn read(
    file: &Path,
    bytes: &[u8],
    layout: &Layout,
    group: &str,
    place: &Place,
) -> Result<Vec<Tensor<2>>, LearnError> {
    let all = SafeTensors::deserialize(bytes).map_err(|e| damaged(file, &e.to_string()))?;
    let mut tensors = Vec::new();
    for slot in &layout.slots {
        let name = format!("{group}/{}", slot.name);
        let view = all.tensor(&name).map_err(|_| other(file, &format!("it has no {name}")))?;
        if view.shape() != slot.shape || view.dtype() != Dtype::F32 {
            let text = format!("its {name} is {:?} {:?}, not {:?}", view.shape(), view.dtype(), slot.shape);
            return Err(other(file, &text));
        }
        let values: Vec<f32> = bytemuck::pod_collect_to_vec(view.data());
        tensors.push(place.tensor(values, slot.shape));
    }
    let found = all.names().iter().filter(|n| n.strip_prefix(group).is_some_and(|rest| rest.starts_with('/'))).count();
    if found != layout.slots.len() {
        return Err(other(file, &format!("it has {found} matrices instead of {}", layout.slots.len())));
    }
    Ok(tensors)
}

fn damaged(file: &Path, reason: &str) -> LearnError {
    LearnError::file(file, format!("is no whole safetensors file ({reason}): remove it and train again"))
}

fn changed(file: &Path) -> LearnError {
    LearnError::file(
        file,
        "does not have the checksum that it states: it is damaged. Remove it and give the same command again, which trains \
         this network alone once more",
    )
}

fn other(file: &Path, reason: &str) -> LearnError {
    LearnError::file(
        file,
        format!("holds the weights of another model ({reason}): give it the settings it was made with"),
    )
}
