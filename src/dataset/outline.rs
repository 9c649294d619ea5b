//! The outline of a recording, looked at once when it is opened: every variable's type and shape against its axes, labels
//! and offsets, and against what is stored.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, Group, LinkType};

use super::attributes::{line, texts};
use super::schema::{Axis, ElementType, OPTIONAL, Var};
use super::store::MATRICES;
use super::stored::stored;
use super::{DatasetError, h5};
use crate::capacity;
use crate::chunk::Stored;
use crate::heap::{self, HeapError};

/// A dataset of such elements, and where its numbers lie; text lies in HDF5's heap.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) dataset: Dataset,
    pub(super) kind: ElementType,
    pub(super) stored: Option<Stored>,
}

/// What an open file holds by name.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) variables: BTreeMap<Var, Column>,
    pub(super) scales: BTreeMap<Axis, Column>,
    /// The files of the model, by the name of their dataset.
    pub(super) model: Option<(Group, Vec<(String, Column)>)>,
}

impl Outline {
    /// Finds what there is. No text has been read when this returns, and the heap that texts lie in is sound.
    ///
    /// # Errors
    /// [`DatasetError`] that names what is wrong.
    pub(super) fn of(
        path: &std::path::Path,
        file: &hdf5::File,
        bytes: &File,
        length: u64,
    ) -> Result<Self, DatasetError> {
        let foreign = |text: String| DatasetError::foreign(path, text);
        let links = links(file).map_err(|e| foreign(format!("the list of its variables {e}")))?;
        let mut outline = Self::default();
        let mut data: Vec<Range<u64>> = Vec::new();
        let mut column =
            |at: &Group, name: &str, kind: ElementType, dimensions: usize| -> Result<Column, DatasetError> {
                let column = open(at, name, kind, dimensions, length).map_err(|e| foreign(format!("{name} {e}")))?;
                data.extend(column.stored.iter().flat_map(Stored::ranges));
                Ok(column)
            };
        for (name, link) in &links {
            let var = Var::by_name(name);
            let axis = Axis::ALL.into_iter().find(|axis| axis.name() == name);
            if (var.is_some() || axis.is_some() || name == "model") && *link != LinkType::Hard {
                return Err(foreign(format!("{name} is a link to somewhere else: the file is not to be trusted")));
            }
            if let Some(var) = var {
                let spec = var.spec();
                let single = MATRICES.contains(&var) && is_single(file, name);
                let kind = if single { ElementType::F32 } else { spec.kind };
                outline.variables.insert(var, column(file, name, kind, spec.axes.len())?);
            } else if let Some(axis) = axis {
                let kind = if axis.is_rows() { ElementType::I64 } else { ElementType::Text };
                outline.scales.insert(axis, column(file, name, kind, 1)?);
            } else if name == "model" {
                let model = |e: hdf5::Error| foreign(format!("the model cannot be read ({})", line(&e)));
                let root = file.group(name).map_err(model)?;
                let files = root.group("files").map_err(model)?;
                let mut found = Vec::new();
                for (name, link) in self::links(&files).map_err(|e| foreign(format!("the list of model files {e}")))? {
                    if link != LinkType::Hard {
                        return Err(foreign(format!("the model's file {name} is a link to somewhere else")));
                    }
                    let opened = column(&files, &name, ElementType::U8, 1)?;
                    found.push((name, opened));
                }
                outline.model = Some((root, found));
            }
        }
        heap::check(bytes, length, data).map_err(|e| match e {
            HeapError::Io(e) => DatasetError::io(path, e),
            HeapError::Damaged(_) => DatasetError::foreign(path, e),
        })?;
        Ok(outline)
    }

    /// Entries of every axis, the same in all variables that have it and in its scale.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn sizes(&self) -> Result<BTreeMap<Axis, usize>, String> {
        let mut sizes: BTreeMap<Axis, (usize, &str)> = BTreeMap::new();
        for (axis, column) in &self.scales {
            sizes.insert(*axis, (column.shape()?[0], axis.name()));
        }
        for (var, column) in &self.variables {
            let spec = var.spec();
            let shape = column.shape().map_err(|e| format!("{} {e}", spec.name))?;
            for (axis, size) in spec.axes.iter().zip(shape) {
                let (expected, by) = *sizes.entry(*axis).or_insert((size, spec.name));
                if size != expected {
                    let name = axis.name();
                    let text = format!("{} has {size} entries along {name}, {by} has {expected}", spec.name);
                    return Err(format!("{text}: the file is damaged"));
                }
            }
        }
        let sizes: BTreeMap<Axis, usize> = sizes.into_iter().map(|(axis, (size, _))| (axis, size)).collect();
        let of = |axis: Axis| sizes.get(&axis).copied().unwrap_or(0);
        for (axis, expected, how) in [
            (Axis::State, (2 * of(Axis::Dof)).saturating_add(of(Axis::Activation)), "2 dof + activation"),
            (Axis::StateNext, of(Axis::State), "those of state"),
            (Axis::EpisodeBound, of(Axis::Episode) + 1, "one more than episode"),
            (Axis::Xyz, 3, "three"),
            (Axis::Quaternion, 4, "four"),
            (Axis::Wrench, 6, "six"),
        ] {
            if sizes.get(&axis).is_some_and(|size| *size != expected) {
                let (name, size) = (axis.name(), of(axis));
                return Err(format!("{name} has {size} entries instead of {expected} ({how}): the file is damaged"));
            }
        }
        Ok(sizes)
    }

    /// Refuses a recording that lacks a variable whose axes it has, or the labels of an axis that a variable has.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn complete(&self) -> Result<(), String> {
        let has = |var: &Var| self.variables.contains_key(var);
        let labelled = |var: Var| var.spec().axes.iter().find(|axis| !self.scales.contains_key(axis));
        if !has(&Var::A) && !has(&Var::AZero) {
            return Err(
                "lacks the variables A and A_zero, of which a recording has one: the file is damaged".to_owned()
            );
        }
        let types = |kind| MATRICES.iter().find(|var| self.variables.get(var).is_some_and(|c| c.kind == kind));
        if let (Some(single), Some(double)) = (types(ElementType::F32), types(ElementType::F64)) {
            let [single, double] = [single, double].map(|var| var.spec().name);
            return Err(format!("{single} is in single precision and {double} in double: the file was changed"));
        }
        for var in Var::ALL {
            let name = var.spec().name;
            let group = OPTIONAL.iter().find(|group| group.contains(var));
            // Of a group, one that could be there is as good as another.
            let may_lack = group.is_some_and(|group| !group.iter().any(has));
            match labelled(*var) {
                Some(axis) if has(var) => {
                    return Err(format!("lacks the coordinate {}, which {name} has: the file is damaged", axis.name()));
                }
                None if !has(var) && !may_lack => {
                    return Err(format!("lacks the variable {name}: the file is damaged"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The labels of all axes that do not grow.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn labels(&self) -> Result<BTreeMap<Axis, Vec<String>>, String> {
        let mut labels = BTreeMap::new();
        for (axis, column) in self.scales.iter().filter(|(axis, _)| !axis.is_rows()) {
            let found = texts(&column.dataset).map_err(|e| format!("{} {e}", axis.name()))?;
            if let Some(missing) = found.iter().position(String::is_empty) {
                return Err(format!("{} lacks its label {missing}: the file is damaged", axis.name()));
            }
            labels.insert(*axis, found);
        }
        let of = |axis: Axis| labels.get(&axis).map_or(&[][..], Vec::as_slice);
        let tagged = |tag: &str, axis: Axis| of(axis).iter().map(|l| format!("{tag}:{l}")).collect::<Vec<_>>();
        let state = [tagged("pos", Axis::Dof), tagged("vel", Axis::Dof), tagged("act", Axis::Activation)].concat();
        for axis in [Axis::State, Axis::StateNext] {
            if labels.contains_key(&axis) && of(axis) != state {
                let name = axis.name();
                return Err(format!("the labels of dof and activation are not those of {name}: the file is damaged"));
            }
        }
        Ok(labels)
    }
}

impl Column {
    /// Its shape.
    pub(super) fn shape(&self) -> Result<Vec<usize>, String> {
        match &self.stored {
            Some(stored) => Ok(stored.shape().to_vec()),
            None => self.dataset.get_shape().map_err(|e| line(&e)),
        }
    }
}

/// The names in a group, and what kind of link each is.
pub(super) fn links(group: &Group) -> Result<Vec<(String, LinkType)>, String> {
    let mut found = Vec::new();
    group
        .iter_visit_default(|name, info| {
            found.push((name.to_owned(), info.link_type));
            Ok(())
        })
        .map_err(|e| format!("cannot be read ({})", line(&e)))?;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Whether a dataset holds numbers in single precision.
fn is_single(at: &Group, name: &str) -> bool {
    at.dataset(name).and_then(|dataset| dataset.dtype()).is_ok_and(|dtype| dtype.is::<f32>())
}

/// Opens a dataset of that element type with so many dimensions.
pub(super) fn open(
    at: &Group,
    name: &str,
    kind: ElementType,
    dimensions: usize,
    length: u64,
) -> Result<Column, String> {
    let read = |e: hdf5::Error| format!("cannot be read ({})", line(&e));
    let dataset = at.dataset(name).map_err(read)?;
    let found = dataset.get_shape().map_err(read)?.len();
    if found != dimensions {
        return Err(format!("has {found} dimensions instead of {dimensions}"));
    }
    let dtype = dataset.dtype().map_err(read)?;
    let right = match kind {
        ElementType::F64 => dtype.is::<f64>(),
        ElementType::F32 => dtype.is::<f32>(),
        ElementType::I64 => dtype.is::<i64>(),
        ElementType::I32 => dtype.is::<i32>(),
        ElementType::U32 => dtype.is::<u32>(),
        ElementType::U8 => dtype.is::<u8>(),
        ElementType::Text => dtype.is::<VarLenUnicode>(),
    };
    if !right {
        return Err(format!("does not hold {}: the file is damaged or was changed", kind.name()));
    }
    let stored = match kind {
        ElementType::Text => {
            capacity::check(&dataset, length)?;
            if dataset.is_chunked() {
                return Err("is not stored as this program stores text".to_owned());
            }
            None
        }
        _ => Some(stored(&dataset, kind.size(), length)?),
    };
    Ok(Column { dataset, kind, stored })
}

/// Opens the file with HDF5, and its bytes.
pub(super) fn open_file(path: &std::path::Path) -> Result<(hdf5::File, File, u64), DatasetError> {
    let trouble = |e: std::io::Error| DatasetError::io(path, e);
    let there = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => DatasetError::io(path, "no such file"),
        _ => trouble(e),
    })?;
    if !there.is_file() && !there.is_dir() {
        return Err(DatasetError::foreign(path, "is not a plain file; copy it into one"));
    }
    let file = h5::open(path)?;
    let bytes = File::open(path).map_err(trouble)?;
    let length = bytes.metadata().map_err(trouble)?.len();
    Ok((file, bytes, length))
}
