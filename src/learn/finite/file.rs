//! Anyone's predictions under intervention, from an .npz file.
//!
//! Arrays, with the axes of the study: `change` [row, size, sign, state, input], x' with the intervention minus x' without it in the units and the
//! tangent space of the study; or `next` [row, size, sign, input, qpos + qvel + act] and `base` [row, qpos + qvel + act], predicted next
//! states with and without it, whose difference is taken here. Rows are those of the study, in its order; `steps` says which rows of the
//! recording they are where not all are predicted, `size` which sizes. `A` and `B`, or `edges`, may stand beside them or alone.

use std::path::{Path, PathBuf};

use super::super::LearnError;
use super::super::data::Data;
use super::super::score::Prediction;
use super::study::{FiniteTruth, Graph};
use crate::bounded;
use crate::npz::Archive;

/// What such a file may hold.
const OWN: [&str; 4] = ["change", "next", "base", "size"];
const BESIDE: [&str; 5] = ["A", "B", "edges", "steps", "std"];

/// What a file predicts under intervention.
#[derive(Debug)]
pub struct FinitePrediction {
    file: PathBuf,
    /// Rows that are predicted, as the study has them, and their places in the arrays.
    rows: Vec<[usize; 2]>,
    places: Vec<usize>,
    /// Places of the sizes that are predicted among those of the study; None: all of them.
    sizes: Option<Vec<usize>>,
    changes: Option<Changes>,
    /// Jacobians or edges.
    pub(super) beside: Option<Prediction>,
}

#[derive(Debug)]
enum Changes {
    /// [row, size, sign, state, input]
    Change(Vec<f64>),
    /// [row, size, sign, input, coordinate] and [row, coordinate]
    Next { next: Vec<f64>, base: Vec<f64> },
}

/// An archive that is being read.
struct Open<'a> {
    file: &'a Path,
    npz: Archive,
    names: Vec<String>,
}

impl Open<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|there| there == name)
    }

    fn refuse(&self, message: impl Into<String>) -> LearnError {
        LearnError::file(self.file, message)
    }

    fn shape(&mut self, name: &str) -> Result<Vec<usize>, LearnError> {
        let shape = self.npz.shape(name);
        shape.map_err(|e| LearnError::file(self.file, format!("its array {name} cannot be read: {e}")))
    }

    /// The numbers of an array of that shape, which is looked at before they are read.
    fn array(&mut self, name: &str, shape: &[usize], axes: &str) -> Result<Vec<f64>, LearnError> {
        if !self.has(name) {
            return Err(self.refuse(format!("has no array {name} ({axes})")));
        }
        let there = self.shape(name)?;
        if there != shape {
            let (there, shape) = (bounded::listed(&there), bounded::listed(shape));
            return Err(self.refuse(format!("{name} has the shape {there}, not {shape} ({axes})")));
        }
        let damaged = |e| LearnError::file(self.file, format!("its array {name} cannot be read: {e}"));
        let numbers = self.npz.numbers(name).map_err(damaged)?;
        numbers.map(|(_, numbers)| numbers).ok_or_else(|| {
            self.refuse(format!("{name} does not hold numbers: save it as float64, float32 or whole numbers"))
        })
    }
}

impl FinitePrediction {
    /// Reads predictions of a study.
    ///
    /// # Errors
    /// [`LearnError::File`] that names the array: missing, of another shape or type, of rows or sizes that the study has not, or scaled
    /// otherwise than it says.
    pub fn read(file: &Path, data: &Data, truth: &FiniteTruth) -> Result<Self, LearnError> {
        truth.fits(data)?;
        let open = bounded::open(file).map_err(|e| LearnError::io(file, "cannot be read", e))?;
        let npz = Archive::new(open)
            .map_err(|e| LearnError::file(file, format!("is no .npz file ({e}): write it with numpy.savez")))?;
        let names = npz.names();
        let mut open = Open { file, npz, names };
        if let Some(other) = open.names.iter().find(|n| !OWN.contains(&n.as_str()) && !BESIDE.contains(&n.as_str())) {
            let known = [&OWN[..], &BESIDE].concat().join(", ");
            return Err(open.refuse(format!("has an array \"{}\"; arrays are {known}", bounded::word(other))));
        }
        let beside =
            (open.has("A") || open.has("edges")).then(|| Prediction::read_beside(file, data, &OWN)).transpose()?;
        let main = match (open.has("change"), open.has("next")) {
            (true, true) => return Err(open.refuse("has both change and next: score them one after the other")),
            (true, false) => Some("change"),
            (false, true) => Some("next"),
            (false, false) if beside.is_some() => None,
            _ => return Err(open.refuse("has neither change, nor next (with base), nor A (with B), nor edges")),
        };
        let (rows, places, n) = match (main, &beside) {
            (Some(main), _) => rows(&mut open, main, truth)?,
            (None, beside) => rows_beside(&open, beside.as_ref(), truth)?,
        };
        let sizes = sizes(&mut open, truth)?;
        let k = sizes.as_ref().map_or(truth.sizes().len(), Vec::len);
        let changes = main.map(|main| changes(&mut open, main, data, [n, k])).transpose()?;
        let found = Self { file: file.to_owned(), rows, places, sizes, changes, beside };
        found.check_scale(data, truth)?;
        Ok(found)
    }

    /// Rows that are predicted: their numbers in the study, and in the recording.
    pub(super) fn rows(&self) -> &[[usize; 2]] {
        &self.rows
    }

    /// Places of the sizes that are predicted; None: all of them.
    pub(super) fn sizes(&self) -> Option<&[usize]> {
        self.sizes.as_deref()
    }

    /// Whether changes are predicted, and not Jacobians or edges alone.
    pub(super) fn has_changes(&self) -> bool {
        self.changes.is_some()
    }

    /// Changes in standard deviations of the data at a row of the study, [sign, output, input].
    ///
    /// # Errors
    /// [`LearnError::File`] where the row or the size is not predicted.
    pub(super) fn changes(&self, data: &Data, graph: &Graph, size: usize) -> Result<Vec<f64>, LearnError> {
        let k = match &self.sizes {
            None => Some(size),
            Some(sizes) => sizes.iter().position(|at| *at == size),
        };
        let place = self.rows.iter().position(|[row, _]| *row == graph.row).map(|at| self.places[at]);
        let (Some(k), Some(row), Some(changes)) = (k, place, &self.changes) else {
            let text = format!("predicts no changes of step {} at this size of the study", graph.step);
            return Err(LearnError::file(&self.file, text));
        };
        let (nx, inputs, std) = (data.outputs(), data.inputs(), &data.norm.std);
        let sizes = self.sizes.as_ref().map_or(graph.sizes, Vec::len);
        let per = 2 * nx * inputs;
        let mut found = vec![0.0; per];
        match changes {
            Changes::Change(all) => {
                let from = (row * sizes + k) * per;
                for (at, (to, x)) in found.iter_mut().zip(&all[from..from + per]).enumerate() {
                    *to = x / std[at / inputs % nx];
                }
            }
            Changes::Next { next, base } => {
                let width = data.coordinates.after();
                let without = &base[row * width..(row + 1) * width];
                let from = (row * sizes + k) * 2 * inputs * width;
                for (at, with) in next[from..from + 2 * inputs * width].chunks(width.max(1)).enumerate() {
                    let (sign, j) = (at / inputs, at % inputs);
                    for (i, x) in data.coordinates.apart(without, with).into_iter().enumerate() {
                        found[(sign * nx + i) * inputs + j] = x / std[i];
                    }
                }
            }
        }
        Ok(found)
    }

    /// Refuses changes that fit the study ten times better as those of a normalised state.
    fn check_scale(&self, data: &Data, truth: &FiniteTruth) -> Result<(), LearnError> {
        if !matches!(self.changes, Some(Changes::Change(_))) {
            return Ok(());
        }
        let size = self.sizes.as_ref().map_or(0, |sizes| sizes[0]);
        let (inputs, std) = (data.inputs(), &data.norm.std);
        let (mut as_said, mut normalised, mut all) = (0.0, 0.0, 0.0);
        for row in &self.rows {
            let graph = truth.graph(data, *row, size)?;
            let found = self.changes(data, &graph, size)?;
            for at in (0..found.len()).filter(|at| graph.counts(*at)) {
                let (said, change) = (found[at], graph.change[at]);
                as_said += (said - change).powi(2);
                normalised += (said * std[at / inputs % data.outputs()] - change).powi(2);
                all += change * change;
            }
        }
        if normalised < 0.25 * all && 100.0 * normalised < as_said {
            return Err(LearnError::file(
                &self.file,
                "change fits the study far better as that of a normalised state: multiply it by the standard deviations that \
                 the state was divided by",
            ));
        }
        Ok(())
    }
}

type Rows = (Vec<[usize; 2]>, Vec<usize>, usize);

/// The rows that an array predicts, their places in it, and its rows.
fn rows(open: &mut Open<'_>, main: &str, truth: &FiniteTruth) -> Result<Rows, LearnError> {
    let n = open.shape(main)?.first().copied().unwrap_or(0);
    if !open.has("steps") {
        let all = truth.all_rows();
        if n != all {
            let text = format!(
                "{main} has {n} rows, the study has {all}: predict all of them, or say with an array `steps` which rows of the \
                 recording they are (row_in_recording of the study)"
            );
            return Err(open.refuse(text));
        }
        return Ok((truth.rows().to_vec(), truth.rows().iter().map(|[row, _]| *row).collect(), n));
    }
    let mut found: Vec<([usize; 2], usize)> = Vec::new();
    for (place, step) in open.array("steps", &[n], "one for each row")?.into_iter().enumerate() {
        let Some(row) = truth.rows().iter().find(|[_, own]| *own as f64 == step) else {
            let text = format!(
                "steps[{place}] is {step}, which is no row that was studied: they are in row_in_recording of the study"
            );
            return Err(open.refuse(text));
        };
        found.push((*row, place));
    }
    found.sort_unstable();
    if let Some(twice) = found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(open.refuse(format!("steps has {} twice; predict each step once", twice[0].0[1])));
    }
    if found.is_empty() {
        return Err(open.refuse(format!("{main} has no rows")));
    }
    let (rows, places) = found.into_iter().unzip();
    Ok((rows, places, n))
}

/// The rows of the study that Jacobians or edges are predicted of.
fn rows_beside(open: &Open<'_>, beside: Option<&Prediction>, truth: &FiniteTruth) -> Result<Rows, LearnError> {
    let predicted: std::collections::BTreeSet<usize> = beside.iter().flat_map(|p| p.steps.iter().copied()).collect();
    let rows: Vec<[usize; 2]> = truth.rows().iter().filter(|[_, step]| predicted.contains(step)).copied().collect();
    if rows.is_empty() {
        return Err(
            open.refuse("predicts none of the steps that were studied: they are in row_in_recording of the study")
        );
    }
    let n = rows.len();
    Ok((rows, (0..n).collect(), n))
}

/// The places of the sizes that are predicted.
fn sizes(open: &mut Open<'_>, truth: &FiniteTruth) -> Result<Option<Vec<usize>>, LearnError> {
    if !open.has("size") {
        return Ok(None);
    }
    let shape = open.shape("size")?;
    if shape.len() != 1 || !(1..=truth.sizes().len()).contains(&shape[0]) {
        let text = format!("size has the shape {}; it is a list of sizes of the study", bounded::listed(&shape));
        return Err(open.refuse(text));
    }
    let mut places = Vec::new();
    for size in open.array("size", &shape, "sizes of the study")? {
        let at = truth.sizes().iter().position(|own| (own - size).abs() <= 1e-12 * own);
        match at {
            Some(at) if !places.contains(&at) => places.push(at),
            _ => {
                let text = format!(
                    "size has {size}, twice or none of the study's ({}): give each once",
                    bounded::listed(truth.sizes())
                );
                return Err(open.refuse(text));
            }
        }
    }
    Ok(Some(places))
}

fn changes(open: &mut Open<'_>, main: &str, data: &Data, [n, k]: [usize; 2]) -> Result<Changes, LearnError> {
    let (nx, inputs, width) = (data.outputs(), data.inputs(), data.coordinates.after());
    if main == "change" {
        let shape = [n, k, 2, nx, inputs];
        return open.array("change", &shape, "row, size, sign, state, input").map(Changes::Change);
    }
    let next = open.array("next", &[n, k, 2, inputs, width], "row, size, sign, input, qpos and qvel and act")?;
    let base = open.array("base", &[n, width], "row, qpos and qvel and act")?;
    Ok(Changes::Next { next, base })
}
