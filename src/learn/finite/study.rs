//! The study of a recording by interventions, as truth.

use std::path::{Path, PathBuf};

use super::super::LearnError;
use super::super::data::{Data, Part};
use super::super::evaluate::steps_of;
use crate::bounded;
use crate::dataset::schema::{ElementType, Var, attribute};
use crate::dataset::{ArrayFormat, ArrayReader, Attribute, INFLUENCE, Recording, RowReader};
use crate::zero::ZeroVerdict;

/// What is read of a study.
const STUDY: ArrayFormat = ArrayFormat {
    format: INFLUENCE,
    what: "study of interventions: make one with `dynsparse influence RECORDING`",
    axes: &[
        ("row", ElementType::I64),
        ("size", ElementType::F64),
        ("sign", ElementType::F64),
        ("state_next", ElementType::Text),
        ("input", ElementType::Text),
    ],
    variables: &[
        ("row_in_recording", ElementType::I64, &["row"]),
        ("row_status", ElementType::U8, &["row"]),
        ("applied", ElementType::F64, &["row", "size", "sign", "input"]),
        ("change", ElementType::F32, &["row", "size", "sign", "state_next", "input"]),
        ("verdict", ElementType::U8, &["row", "size", "state_next", "input"]),
        ("jacobian", ElementType::U8, &["row", "state_next", "input"]),
    ],
};

/// Units of sizes, as a study names them.
const UNITS: [&str; 3] = ["absolute", "range", "sd"];

/// A size with its unit, such as `0.1sd`.
#[derive(Debug, Clone, PartialEq)]
pub struct StudySize {
    /// In the unit.
    pub size: f64,
    /// `absolute`, `sd` or `range`.
    pub unit: String,
}

impl std::str::FromStr for StudySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = UNITS.iter().find_map(|unit| Some((text.strip_suffix(unit)?.trim_end(), *unit)));
        let (number, unit) = parts.ok_or_else(|| {
            format!("the size \"{text}\" has no unit; give it as the study has it, as 0.1sd, 0.1range or 1e-3absolute")
        })?;
        match number.parse::<f64>() {
            Ok(size) if size.is_finite() && size > 0.0 => Ok(Self { size, unit: unit.to_owned() }),
            _ => Err(format!("\"{number}\" in \"{text}\" is no number above 0")),
        }
    }
}

impl std::fmt::Display for StudySize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:e} {}", self.size, self.unit)
    }
}

/// A study by interventions beside the recording that it is of.
#[derive(Debug)]
pub struct FiniteTruth {
    file: PathBuf,
    reader: ArrayReader,
    recording: Recording,
    sizes: Vec<f64>,
    unit: String,
    /// Studied rows: their numbers in the study, and in the recording.
    rows: Vec<[usize; 2]>,
}

/// What a study says of one row and size.
#[derive(Debug)]
pub(super) struct Graph {
    /// The row's place in the study, and in the recording.
    pub(super) row: usize,
    pub(super) step: usize,
    /// Sizes of the study.
    pub(super) sizes: usize,
    /// Sizes that were applied, with their signs; 0 where none was, or where the steps have diverged. [sign, input]
    pub(super) applied: Vec<f64>,
    /// Changes in standard deviations of the data, [sign, output, input].
    pub(super) change: Vec<f64>,
    /// Verdicts by number, [output, input]: of what never changes, and where the recorded Jacobian has no number, undecided.
    pub(super) verdicts: Vec<u8>,
    /// The recorded Jacobian of the normalised map, [output, input]; 0 where its zero test says so.
    pub(super) jacobian: Vec<f64>,
}

impl Graph {
    /// Whether a change (sign, output, input) is of a decided entry and a size that was applied.
    pub(super) fn counts(&self, at: usize) -> bool {
        let (per, inputs) = (self.verdicts.len(), self.applied.len() / 2);
        let (sign, entry) = (at / per, at % per);
        self.verdicts[entry] != ZeroVerdict::Undecided.code() && self.applied[sign * inputs + entry % inputs] != 0.0
    }

    /// The largest size of a change over the signs that were applied, [output, input].
    pub(super) fn largest(&self, changes: &[f64]) -> Vec<f32> {
        let (per, inputs) = (self.verdicts.len(), self.applied.len() / 2);
        let of = |entry: usize| {
            let applied = |sign: &usize| self.applied[sign * inputs + entry % inputs] != 0.0;
            [0, 1].into_iter().filter(applied).map(|sign| changes[sign * per + entry].abs()).fold(0.0, f64::max) as f32
        };
        (0..per).map(of).collect()
    }
}

impl FiniteTruth {
    /// Opens a study and the recording that it is of.
    ///
    /// # Errors
    /// [`LearnError::Dataset`] when one of the two cannot be read; [`LearnError::File`] when the study is of another recording, of more than
    /// one step ahead, or has no row to score.
    pub fn open(file: &Path, recording: &Path) -> Result<Self, LearnError> {
        let truth = Self::of(file, ArrayReader::open(file, &STUDY)?, recording)?;
        if !truth.is_of_recording() {
            let content = |text: Option<String>| text.map_or("unknown".to_owned(), |t| t.chars().take(12).collect());
            let text = format!(
                "is a study of another recording (content {}) than {} (content {}): make one of it with `dynsparse influence {}`",
                content(truth.studied()),
                recording.display(),
                content(truth.recording.text_attribute(attribute::CONTENT_SHA256)),
                recording.display()
            );
            return Err(LearnError::file(file, text));
        }
        Ok(truth)
    }

    /// Opens studies, each of one of the recordings; by recording the study that is of it.
    ///
    /// # Errors
    /// As [`FiniteTruth::open`], for one that is of none of the recordings, and for two of the same.
    pub fn of_each(files: &[PathBuf], recordings: &[PathBuf]) -> Result<Vec<Option<Self>>, LearnError> {
        let mut found: Vec<Option<Self>> = recordings.iter().map(|_| None).collect();
        for file in files {
            let mut own = None;
            for (i, recording) in recordings.iter().enumerate() {
                let truth = Self::of(file, ArrayReader::open(file, &STUDY)?, recording)?;
                if truth.is_of_recording() {
                    own = Some((i, truth));
                    break;
                }
            }
            let Some((i, truth)) = own else {
                let text =
                    "is a study of none of these recordings: make one of each with `dynsparse influence RECORDING`";
                return Err(LearnError::file(file, text));
            };
            if let Some(other) = &found[i] {
                let text = format!("is a study of the same recording as {}: give one of the two", other.file.display());
                return Err(LearnError::file(file, text));
            }
            found[i] = Some(truth);
        }
        Ok(found)
    }

    fn of(file: &Path, reader: ArrayReader, recording: &Path) -> Result<Self, LearnError> {
        let refuse = |message: String| Err(LearnError::file(file, message));
        let number = |name: &str, i: usize| reader.numbers(name, i).map(|row| row.first().copied().unwrap_or(f64::NAN));
        let sizes = (0..reader.len("size")).map(|i| number("size", i)).collect::<Result<Vec<f64>, _>>()?;
        let signs = (0..reader.len("sign")).map(|i| number("sign", i)).collect::<Result<Vec<f64>, _>>()?;
        let rising = sizes.windows(2).all(|pair| pair[0] < pair[1]) && sizes.iter().all(|s| s.is_finite() && *s > 0.0);
        let unit = match reader.attribute("unit") {
            Some(Attribute::Text(unit)) if UNITS.contains(&unit.as_str()) => unit.clone(),
            _ => return refuse("its attribute unit is none of a size: the file is damaged".to_owned()),
        };
        if !rising || signs != [1.0, -1.0] {
            return refuse("its sizes do not rise, or its signs are not 1 and -1: the file is damaged".to_owned());
        }
        match reader.attribute("horizon") {
            Some(Attribute::Int(1)) => {}
            Some(Attribute::Int(horizon)) => {
                return refuse(format!(
                    "looks {horizon} rows ahead, and a model is asked for the next state: make a study without --horizon"
                ));
            }
            _ => return refuse("its attribute horizon is no whole number: the file is damaged".to_owned()),
        }
        let recording = Recording::open(recording)?;
        let steps = recording.shape(Var::Qpos)[0];
        let mut rows: Vec<[usize; 2]> = Vec::new();
        for row in 0..reader.len("row") {
            let step = number("row_in_recording", row)?;
            let after_last = rows.last().is_none_or(|[_, last]| *last < step as usize);
            if !(step >= 0.0 && step < i64::MAX as f64 && after_last) {
                return refuse(format!("row_in_recording[{row}] is {step}: rows rise, the file is damaged"));
            }
            // 0: the row was studied.
            if number("row_status", row)? == 0.0 {
                rows.push([row, step as usize]);
            }
        }
        let truth = Self { file: file.to_owned(), reader, recording, sizes, unit, rows };
        if truth.is_of_recording() {
            if let Some([row, step]) = truth.rows.iter().find(|[_, step]| *step >= steps) {
                let text =
                    format!("row_in_recording[{row}] is {step}, the recording has {steps} rows: the file is damaged");
                return refuse(text);
            }
            if truth.rows.is_empty() {
                return refuse("none of its rows could be studied, so there is nothing to compare with".to_owned());
            }
        }
        Ok(truth)
    }

    fn studied(&self) -> Option<String> {
        match self.reader.attribute("recording_content_sha256") {
            Some(Attribute::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    fn is_of_recording(&self) -> bool {
        let of = self.recording.text_attribute(attribute::CONTENT_SHA256).filter(|text| !text.is_empty());
        of.is_some() && of == self.studied()
    }

    /// An error of its file.
    pub(super) fn refuse(&self, message: impl Into<String>) -> LearnError {
        LearnError::file(&self.file, message)
    }

    /// Sizes of interventions, rising.
    pub(super) fn sizes(&self) -> &[f64] {
        &self.sizes
    }

    /// Unit of the sizes: `absolute`, `sd` or `range`.
    pub(super) fn unit(&self) -> &str {
        &self.unit
    }

    /// Rows of the study, those included that could not be studied.
    pub(super) fn all_rows(&self) -> usize {
        self.reader.len("row")
    }

    /// Studied rows: their numbers in the study, and in the recording.
    pub(super) fn rows(&self) -> &[[usize; 2]] {
        &self.rows
    }

    /// The places of sizes: of one that was asked for, or of all.
    ///
    /// # Errors
    /// [`LearnError::File`] where it has no such size, or another unit.
    pub(super) fn places(&self, asked: Option<&StudySize>) -> Result<Vec<usize>, LearnError> {
        let Some(asked) = asked else { return Ok((0..self.sizes.len()).collect()) };
        let same = |size: &f64| (size - asked.size).abs() <= 1e-12 * asked.size;
        match self.sizes.iter().position(same) {
            Some(at) if asked.unit == self.unit => Ok(vec![at]),
            _ => {
                let there: Vec<String> = self.sizes.iter().map(|size| format!("{size:e}{}", self.unit)).collect();
                Err(self.refuse(format!(
                    "has no size {:e}{}; its sizes are {}",
                    asked.size,
                    asked.unit,
                    bounded::word(&there.join(", "))
                )))
            }
        }
    }

    /// Refuses a study that does not have the state and the controls of the data.
    ///
    /// # Errors
    /// [`LearnError::File`].
    pub(super) fn fits(&self, data: &Data) -> Result<(), LearnError> {
        let controls = data.action.iter().map(|name| format!("ctrl:{name}"));
        let inputs: Vec<String> = data.state.iter().cloned().chain(controls).collect();
        if self.reader.labels("state_next") == data.state && self.reader.labels("input") == inputs {
            return Ok(());
        }
        Err(self.refuse("its axes are not the state and the controls of its recording: the file is damaged"))
    }

    /// The studied rows that lie in a part of the data, by their place among the studied ones.
    pub(super) fn rows_in(&self, data: &Data, part: Option<Part>) -> Vec<usize> {
        let there = steps_of(data, part);
        (0..self.rows.len()).filter(|row| there.binary_search(&self.rows[*row][1]).is_ok()).collect()
    }

    /// Refuses a study of other states, and one without a row in a part of the data.
    ///
    /// # Errors
    /// [`LearnError::File`].
    pub(in super::super) fn has_rows_in(&self, data: &Data, part: Option<Part>) -> Result<(), LearnError> {
        self.fits(data)?;
        if !self.rows_in(data, part).is_empty() {
            return Ok(());
        }
        let n = self.rows.len();
        Err(self.refuse(format!("none of its {n} studied rows lies in a test episode: study more rows (--steps)")))
    }

    /// Verdicts of a row and a size, [output, input].
    ///
    /// # Errors
    /// [`LearnError`] where they are damaged.
    pub(super) fn verdicts(&self, data: &Data, row: usize, size: usize) -> Result<Vec<u8>, LearnError> {
        let per = data.outputs() * data.inputs();
        let mut verdicts = self.reader.row("verdict", row)?[size * per..(size + 1) * per].to_vec();
        if let Some(at) = verdicts.iter().position(|code| usize::from(*code) >= ZeroVerdict::ALL.len()) {
            let text =
                format!("verdict has the code {} in row {row}, which is none: the file is damaged", verdicts[at]);
            return Err(self.refuse(text));
        }
        for (entry, verdict) in verdicts.iter_mut().enumerate() {
            let own = [entry / data.inputs(), entry % data.inputs()];
            if own.iter().any(|i| data.norm.still.contains(i)) {
                *verdict = ZeroVerdict::Undecided.code();
            }
        }
        Ok(verdicts)
    }

    /// All of a row and a size.
    ///
    /// # Errors
    /// [`LearnError`] where it is damaged.
    pub(super) fn graph(&self, data: &Data, [row, step]: [usize; 2], size: usize) -> Result<Graph, LearnError> {
        let (nx, inputs, std) = (data.outputs(), data.inputs(), &data.norm.std);
        let part = |name: &str, n: usize| -> Result<Vec<f64>, LearnError> {
            Ok(self.reader.numbers(name, row)?[size * n..(size + 1) * n].to_vec())
        };
        let mut applied = part("applied", 2 * inputs)?;
        let mut change = part("change", 2 * nx * inputs)?;
        for (at, delta) in applied.iter_mut().enumerate() {
            let (sign, input) = (at / inputs, at % inputs);
            let mut own = (0..nx).map(|i| change[(sign * nx + i) * inputs + input]);
            if !delta.is_finite() || own.any(|x| !x.is_finite()) {
                *delta = 0.0;
            }
        }
        for (at, x) in change.iter_mut().enumerate() {
            *x /= std[at / inputs % nx];
        }
        let mut verdicts = self.verdicts(data, row, size)?;
        let jacobian = self.jacobian(data, row, step)?;
        for (verdict, j) in verdicts.iter_mut().zip(&jacobian) {
            if !j.is_finite() {
                *verdict = ZeroVerdict::Undecided.code();
            }
        }
        Ok(Graph { row, step, sizes: self.sizes.len(), applied, change, verdicts, jacobian })
    }

    /// The recorded Jacobian of the normalised map, [output, input].
    fn jacobian(&self, data: &Data, row: usize, step: usize) -> Result<Vec<f64>, LearnError> {
        let (nx, inputs, std) = (data.outputs(), data.inputs(), &data.norm.std);
        let zero = self.reader.row("jacobian", row)?;
        let nu = inputs - nx;
        let a = RowReader::new(&self.recording, Var::A)?.numbers(step)?.to_vec();
        let b = if nu > 0 { RowReader::new(&self.recording, Var::B)?.numbers(step)?.to_vec() } else { Vec::new() };
        let entry = |at: usize| {
            let (i, j) = (at / inputs, at % inputs);
            let value = if j < nx { a[i * nx + j] } else { b[i * nu + j - nx] };
            let is_zero = zero[at] == ZeroVerdict::Zero.code();
            if is_zero { 0.0 } else { value * std[j] / std[i] }
        };
        Ok((0..nx * inputs).map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::StudySize;

    #[test]
    fn a_size_has_a_unit() {
        let size = |text: &str| text.parse::<StudySize>();
        assert_eq!(size("0.1sd"), Ok(StudySize { size: 0.1, unit: "sd".to_owned() }));
        assert_eq!(size("1e-3 absolute"), Ok(StudySize { size: 1e-3, unit: "absolute".to_owned() }));
        for bad in ["0.1", "sd", "0sd", "-1range", "nansd", "1 m"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
