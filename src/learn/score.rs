//! Anyone's model against the truth: Jacobians, or how likely each entry is an edge, from an .npz file.
//!
//! Rows and columns are those of the recording's A and B: tangent coordinates, so that of an orientation they are turns in the
//! body's own frame, before and after the step.
//!
//! Arrays: `A` [n, state, state] and `B` [n, state, actuator] in the units of the recording, or `edges` [n, state,
//! state + actuator], where a higher number says edge (probabilities, or a mask). `steps` [n], whole numbers, says which
//! steps of the recording they belong to; without it n must be all of them. `std` [state + actuator] says that A and B are
//! those of a map normalised with these standard deviations.

use std::path::Path;

use npyz::NpyFile;
use serde::Serialize;

use super::LearnError;
use super::data::Data;
use super::evaluate::{FIXED, JacobianError, Recovered, Sparsity, decided, jacobian_error, recovered};
use crate::bounded;
use crate::npz::Archive;

/// The threshold of edges.
pub(super) const EDGE: [f64; 1] = [0.5];

/// What a file predicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Steps of the recording.
    pub steps: Vec<usize>,
    /// Scores, [step, outputs, inputs]: of the normalised Jacobian, or of edges.
    pub values: Vec<f32>,
    /// Whether they are derivatives.
    pub jacobian: bool,
}

/// What a prediction is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The task.
    pub task: String,
    /// States that were scored: those of the prediction that have a derivative.
    pub states: usize,
    /// Their entries that are decided, which the scores stand on.
    pub entries: usize,
    /// States of the prediction that have none, and do not count.
    pub without_derivative: usize,
    /// Where Jacobians were predicted.
    pub jacobian: Option<JacobianError>,
    /// Where Jacobians were predicted.
    pub sparsity: Option<Sparsity>,
    /// Which entries are zero.
    pub recovered: Recovered,
}

/// Scores a prediction of a recording that was read with [`Data::whole`].
///
/// # Errors
/// [`LearnError::Settings`] when no state of it has a derivative.
pub fn score(data: &Data, prediction: &Prediction) -> Result<Score, LearnError> {
    let per = data.outputs() * data.inputs();
    let (mut steps, mut values) = (Vec::new(), Vec::new());
    for (step, row) in prediction.steps.iter().zip(prediction.values.chunks(per)) {
        if data.has_derivative(*step) {
            steps.push(*step);
            values.extend_from_slice(row);
        }
    }
    if steps.is_empty() {
        return Err(LearnError::Settings("no state of the prediction has a Jacobian in the recording".to_owned()));
    }
    let truths = data.truths(&steps)?;
    Ok(Score {
        task: data.task.clone(),
        states: steps.len(),
        entries: decided(&truths),
        without_derivative: prediction.steps.len() - steps.len(),
        jacobian: prediction.jacobian.then(|| jacobian_error(&truths, &values)),
        sparsity: prediction.jacobian.then(|| Sparsity::of(&truths, &values, None)),
        recovered: recovered(data, &steps, &truths, &values, if prediction.jacobian { &FIXED } else { &EDGE }, None)?,
    })
}

impl Prediction {
    /// Reads a prediction of a recording.
    ///
    /// # Errors
    /// [`LearnError::File`] that names the array: missing, of another shape or type, not finite, of steps that are not
    /// there, or scaled otherwise than it says.
    pub fn read(file: &Path, data: &Data) -> Result<Self, LearnError> {
        Self::read_beside(file, data, &[])
    }

    /// As [`Prediction::read`], of a file that has other arrays too.
    pub(super) fn read_beside(file: &Path, data: &Data, others: &[&str]) -> Result<Self, LearnError> {
        let refuse = |message: String| LearnError::file(file, message);
        let open = bounded::open(file).map_err(|e| LearnError::io(file, "cannot be read", e))?;
        let mut npz =
            Archive::new(open).map_err(|e| refuse(format!("is no .npz file ({e}): write it with numpy.savez")))?;
        let names = npz.names();
        let known = ["A", "B", "edges", "steps", "std"];
        if let Some(other) = names.iter().find(|n| !known.contains(&n.as_str()) && !others.contains(&n.as_str())) {
            return Err(refuse(format!("has an array \"{other}\"; arrays are {}", known.join(", "))));
        }
        let has = |name: &str| names.iter().any(|n| n == name);
        let (nx, inputs) = (data.outputs(), data.inputs());
        let nu = inputs - nx;
        let all = data.len();
        // As many numbers as one for each entry of each step; what is declared beyond that is not read.
        let most = all.max(1).saturating_mul(nx * inputs);
        let mut array = |name: &str| read_array(file, &mut npz, name, most);
        let given = if has("steps") { Some(array("steps")?) } else { None };
        let jacobian = has("A");
        let main = array(if jacobian { "A" } else { "edges" }).map_err(|e| match has("edges") {
            false if !jacobian => refuse("has neither A (with B) nor edges".to_owned()),
            _ => e,
        })?;
        if jacobian && has("edges") {
            return Err(refuse("has both A and edges: score them one after the other".to_owned()));
        }
        let n = main.shape.first().copied().unwrap_or(0);
        let steps = match given {
            Some(given) => steps(&given, n, all).map_err(refuse)?,
            None if n == all => (0..all).collect(),
            None => {
                let text = format!("predicts {n} steps, the recording has {all}: say which ones with an array `steps`");
                return Err(refuse(text));
            }
        };
        let second = if jacobian && nu > 0 { Some(array("B")?) } else { None };
        let width = if jacobian { nx } else { inputs };
        main.shaped(if jacobian { "A" } else { "edges" }, &[n, nx, width]).map_err(refuse)?;
        if let Some(b) = &second {
            b.shaped("B", &[n, nx, nu]).map_err(refuse)?;
        }
        let own = if has("std") { Some(array("std")?) } else { None };
        if let Some(own) = &own {
            own.shaped("std", &[inputs]).map_err(refuse)?;
            if !jacobian || own.values.iter().any(|s| *s <= 0.0) {
                return Err(refuse("std belongs to A and B, and must be above 0".to_owned()));
            }
        }
        let std = &data.norm.std;
        let factor = |i: usize, j: usize| {
            let undo = own.as_ref().map_or(1.0, |own| own.values[i] / own.values[j]);
            undo * std[j] / std[i]
        };
        let mut values = Vec::with_capacity(n * nx * inputs);
        for row in 0..n * nx {
            let left = main.values[row * width..(row + 1) * width].iter();
            let right = second.iter().flat_map(|b| &b.values[row * nu..(row + 1) * nu]);
            let scaled = left.chain(right).enumerate().map(|(j, x)| {
                let scale = if jacobian { factor(row % nx, j) } else { 1.0 };
                (x * scale) as f32
            });
            values.extend(scaled);
        }
        let prediction = Self { steps, values, jacobian };
        if jacobian && own.is_none() && prediction.looks_normalised(data)? {
            return Err(refuse(
                "A and B fit the truth far better as those of a normalised map: say so with an array `std`, the standard \
                 deviations of state and action that it was normalised with"
                    .to_owned(),
            ));
        }
        Ok(prediction)
    }

    /// Whether taking the numbers for those of a normalised map makes them ten times better.
    fn looks_normalised(&self, data: &Data) -> Result<bool, LearnError> {
        let (nx, inputs) = (data.outputs(), data.inputs());
        let std = &data.norm.std;
        let undone: Vec<f32> = self
            .values
            .iter()
            .enumerate()
            .map(|(at, x)| {
                let (i, j) = (at / inputs % nx, at % inputs);
                (f64::from(*x) * std[i] / std[j]) as f32
            })
            .collect();
        let truths = data.truths(&self.steps)?;
        let [as_said, normalised] = [&self.values, &undone].map(|values| jacobian_error(&truths, values));
        Ok(normalised.relative.is_some_and(|n| n < 0.5) && normalised.rmse * 10.0 < as_said.rmse)
    }
}

/// An array of numbers.
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Array {
    fn shaped(&self, name: &str, shape: &[usize]) -> Result<(), String> {
        if self.shape == shape {
            return Ok(());
        }
        Err(format!(
            "{name} has the shape {:?}, not {shape:?} (steps, state after the step, what it is differentiated by)",
            self.shape
        ))
    }
}

fn steps(given: &Array, n: usize, all: usize) -> Result<Vec<usize>, String> {
    given.shaped("steps", &[n])?;
    let mut steps = Vec::with_capacity(n);
    for (i, x) in given.values.iter().enumerate() {
        if x.fract() != 0.0 || *x < 0.0 || *x >= all as f64 {
            return Err(format!("steps[{i}] is {x}; steps of the recording are 0 to {}", all.max(1) - 1));
        }
        steps.push(*x as usize);
    }
    let mut sorted = steps.clone();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("steps has {} twice; predict each step once", twice[0]));
    }
    Ok(steps)
}

fn read_array(file: &Path, npz: &mut Archive, name: &str, most: usize) -> Result<Array, LearnError> {
    let refuse = |message: String| LearnError::file(file, message);
    let damaged = |e: std::io::Error| refuse(format!("its array {name} cannot be read: {e}"));
    let member = npz.member(name).map_err(damaged)?.ok_or_else(|| refuse(format!("has no array {name}")))?;
    let found = NpyFile::new(member).map_err(damaged)?;
    if found.order() != npyz::Order::C {
        return Err(refuse(format!("{name} is in Fortran order: save numpy.ascontiguousarray({name})")));
    }
    let shape: Vec<usize> = found.shape().iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect();
    let numbers = shape.iter().try_fold(1usize, |all, n| all.checked_mul((*n).max(1)));
    if numbers.is_none_or(|n| n > most) {
        let shape = bounded::listed(&shape);
        return Err(refuse(format!("{name} has the shape {shape}, more than one number for each entry of each step")));
    }
    let kind = match found.dtype() {
        npyz::DType::Plain(plain) => plain.to_string(),
        _ => String::new(),
    };
    macro_rules! numbers {
        ($($text:literal => $kind:ty),*) => {
            match kind.as_str() {
                $($text => found.into_vec::<$kind>().map_err(damaged)?.into_iter().map(|x| f64::from(x)).collect(),)*
                "<i8" => found.into_vec::<i64>().map_err(damaged)?.into_iter().map(|x| x as f64).collect(),
                "|b1" => found.into_vec::<bool>().map_err(damaged)?.into_iter().map(|x| f64::from(u8::from(x))).collect(),
                _ => return Err(refuse(format!("{name} holds {kind}; numbers are float32, float64, int32, int64, uint8, bool"))),
            }
        };
    }
    let values: Vec<f64> = numbers!("<f8" => f64, "<f4" => f32, "<i4" => i32, "|u1" => u8, "|i1" => i8);
    if let Some(at) = values.iter().position(|x| !x.is_finite()) {
        let per: usize = shape.iter().skip(1).product::<usize>().max(1);
        return Err(refuse(format!("{name} is not finite at row {}", at / per)));
    }
    Ok(Array { shape, values })
}
