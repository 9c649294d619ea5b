//! Recordings as data to learn from.
//!
//! **State.** The coordinates that A and B act on: position, velocity and activation of every degree of freedom. The
//! recorded Jacobian lives in the tangent space of the position; where every joint is a hinge or a slide (nq = nv), a
//! position coordinate is its own tangent coordinate, so A is the derivative of (qpos', qvel', act') with respect to
//! (qpos, qvel, act) as they are. A free or ball joint has no such coordinates: its quaternion has four numbers and
//! three directions. Such models are refused rather than learned in coordinates that the truth does not have.
//!
//! **Normalised.** Every coordinate is shifted and scaled by mean and standard deviation over the states of the training
//! episodes, the next state by those of the state, the action by its own. An entry of the Jacobian of the normalised map
//! is d s'_i / d x_j times std_j / std_i: scaled by what is positive, so its zeros are where they were.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LearnError;
use super::models::Space;
use super::truths::{Filling, Store, Truths};
use crate::analysis::{DEFAULT_THRESHOLD, Regimes};
use crate::dataset::schema::{Axis, Var, attribute};
use crate::dataset::{self, FlagReader, Recording, RowReader};
use crate::flags::StepFlags;
use crate::kinematics::Kinematics;
use crate::layout::StateLayout;
use crate::number;
use crate::rng::Stream;
use crate::zero::ZeroVerdict;

/// Flags of states that have no derivative, or none to trust. Of a control at its limit only its own column of B is in doubt
/// ([`StepFlags::CTRL_AT_LIMIT`]): that column is undecided.
pub(super) const NO_DERIVATIVE: StepFlags = StepFlags::SOLVER_UNCONVERGED
    .union(StepFlags::JACOBIAN_NOT_FINITE)
    .union(StepFlags::CONTACT_SWITCH)
    .union(StepFlags::LIMIT_SWITCH)
    .union(StepFlags::FRICTION_SWITCH)
    .union(StepFlags::FORCE_AT_LIMIT)
    .union(StepFlags::OTHER_SWITCH)
    .union(StepFlags::NEAR_SINGULAR);

/// Bytes of Jacobians that are held in memory where nothing is said.
pub const MEMORY: u64 = 4 << 30;

/// A part of the data: whole episodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Gradients and statistics come from here.
    Train,
    /// When to stop, and thresholds.
    Validation,
    /// Results.
    Test,
}

/// How the episodes are split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// Share of the episodes for validation, at least one.
    #[serde(with = "crate::number")]
    pub validation: f64,
    /// Share for the test, at least one.
    #[serde(with = "crate::number")]
    pub test: f64,
    /// Which ones; the same for every run, so that results can be compared.
    pub seed: u64,
}

impl Default for Split {
    fn default() -> Self {
        Self { validation: 0.1, test: 0.2, seed: 0 }
    }
}

/// Mean and standard deviation of every input: state, then action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Norm {
    /// In units of the recording.
    #[serde(with = "crate::number")]
    pub mean: Vec<f64>,
    /// In units of the recording, above 0.
    #[serde(with = "crate::number")]
    pub std: Vec<f64>,
}

/// A recording: states in memory, 4 bytes a coordinate and step; Jacobians, 5 bytes an entry and step, there too while they
/// fit, else in a file.
#[derive(Debug, Clone)]
pub struct Data {
    /// The task's name.
    pub task: String,
    /// Labels of the state.
    pub state: Vec<String>,
    /// Labels of the action.
    pub action: Vec<String>,
    /// Statistics of the training episodes.
    pub norm: Norm,
    /// What joins state and action, where the recording tells.
    pub kinematics: Option<Kinematics>,
    /// Steps of every episode, in the order of the file.
    pub episodes: Vec<Range<usize>>,
    parts: Vec<Part>,
    x: Vec<f32>,
    next: Vec<f32>,
    truths: Arc<Store>,
    derivative: Vec<bool>,
    contacts: Vec<usize>,
    to_switch: Vec<Option<usize>>,
}

impl Data {
    /// Reads a recording and splits it.
    ///
    /// # Errors
    /// [`LearnError`] when it cannot be read, is too small to split, has joints whose tangent space is not their
    /// coordinates, holds NaN, or a coordinate that never changes in the training episodes.
    pub fn read(path: &Path, split: &Split) -> Result<Self, LearnError> {
        Self::read_within(path, split, MEMORY)
    }

    /// As [`Data::read`], with so many bytes for Jacobians; more than these go into a file. It changes no result.
    ///
    /// # Errors
    /// As [`Data::read`].
    pub fn read_within(path: &Path, split: &Split, memory: u64) -> Result<Self, LearnError> {
        Self::load_all(path, Some(split), None, memory)
    }

    /// Reads a recording as one part, with the statistics that a network was trained with; without any, with its own,
    /// where a coordinate that never changes has the standard deviation 1.
    ///
    /// # Errors
    /// As [`Data::read`], and when the statistics are those of another model.
    pub fn whole(path: &Path, norm: Option<&Norm>) -> Result<Self, LearnError> {
        Self::load_all(path, None, norm, MEMORY)
    }

    fn load_all(path: &Path, split: Option<&Split>, norm: Option<&Norm>, memory: u64) -> Result<Self, LearnError> {
        let recording = Recording::open(path)?;
        let refuse = |message: String| LearnError::file(path, message);
        let width = |var: Var| recording.shape(var).get(1).copied().unwrap_or(0);
        let (nq, nv, na, nu) = (width(Var::Qpos), width(Var::Qvel), width(Var::Act), width(Var::Ctrl));
        if nq != nv {
            return Err(refuse(format!(
                "its model has free or ball joints (nq = {nq}, nv = {nv}), whose Jacobian lives in other coordinates than \
                 their quaternion; `learn` takes models of hinges and slides"
            )));
        }
        let layout = StateLayout { nv, na, nu };
        let (outputs, inputs) = (layout.ndx(), layout.inputs());
        if recording.store() == dataset::Store::Masks {
            return Err(refuse(
                "keeps the verdicts of its zero test and no Jacobians that a network could be compared with (it was \
                 recorded with --store masks): record it again with --store f32"
                    .to_owned(),
            ));
        }
        let sound = width(Var::A) == outputs && (nu == 0 || width(Var::B) == outputs);
        if !sound || recording.shape(Var::A).last() != Some(&outputs) {
            return Err(refuse("A and B do not fit the state: the file is damaged".to_owned()));
        }
        let steps = recording.len(Axis::Step);
        let kinematics = recording.kinematics()?;
        let bounds = recording.offsets()?;
        let episodes: Vec<Range<usize>> = bounds.windows(2).map(|w| w[0]..w[1]).filter(|r| !r.is_empty()).collect();
        let parts = match split {
            Some(split) => parts(episodes.len(), split).map_err(refuse)?,
            None => vec![Part::Train; episodes.len()],
        };
        let mut data = Self {
            task: recording.text_attribute(attribute::TASK).unwrap_or_default(),
            state: recording.labels(Axis::State)?,
            action: if nu > 0 { recording.labels(Axis::Actuator)? } else { Vec::new() },
            norm: Norm { mean: Vec::new(), std: Vec::new() },
            kinematics,
            episodes,
            parts,
            x: Vec::new(),
            next: Vec::new(),
            truths: Arc::new(Store::Memory(Truths::default())),
            derivative: Vec::new(),
            contacts: Vec::new(),
            to_switch: Vec::new(),
        };
        let (x, next) = (steps.saturating_mul(inputs), steps.saturating_mul(outputs));
        let room = data.x.try_reserve_exact(x).and_then(|()| data.next.try_reserve_exact(next));
        room.map_err(|_| refuse(format!("the states of its {steps} steps do not fit into memory")))?;
        data.norm = match norm {
            Some(norm) if norm.mean.len() == inputs => norm.clone(),
            Some(norm) => {
                return Err(refuse(format!("has {inputs} inputs, the model was trained on {}", norm.mean.len())));
            }
            None => data.statistics(&recording, split.is_none())?,
        };
        data.load(&recording, memory)?;
        Ok(data)
    }

    /// Numbers that a network sees: state and action.
    pub fn inputs(&self) -> usize {
        self.norm.mean.len()
    }

    /// Numbers that it predicts: the state.
    pub fn outputs(&self) -> usize {
        self.state.len()
    }

    /// What a network maps from and to.
    pub fn space(&self) -> Space<'_> {
        Space { inputs: self.inputs(), outputs: self.outputs(), kinematics: self.kinematics.as_ref() }
    }

    /// Normalised state and action of all steps.
    pub fn x(&self) -> &[f32] {
        &self.x
    }

    /// Normalised next state of all steps.
    pub fn next(&self) -> &[f32] {
        &self.next
    }

    /// True Jacobians of the normalised map at steps, in their order.
    ///
    /// # Errors
    /// [`LearnError::File`] where they are on disk and cannot be read.
    pub fn truths(&self, steps: &[usize]) -> Result<Truths, LearnError> {
        self.truths.read(steps)
    }

    /// Memory that the Jacobians take, bytes.
    pub(super) fn held(&self) -> u64 {
        self.truths.held()
    }

    /// Whether the state has a derivative.
    pub fn has_derivative(&self, step: usize) -> bool {
        self.derivative[step]
    }

    /// Contacts at a step.
    pub fn contacts(&self, step: usize) -> usize {
        self.contacts[step]
    }

    /// Steps to the nearest one where the set of touching geoms changes, before or after; None where it never does in
    /// the episode.
    pub fn to_switch(&self, step: usize) -> Option<usize> {
        self.to_switch[step]
    }

    /// Episodes of a part.
    pub fn part(&self, part: Part) -> impl Iterator<Item = Range<usize>> + '_ {
        self.episodes.iter().zip(&self.parts).filter(move |(_, p)| **p == part).map(|(range, _)| range.clone())
    }

    /// Numbers of the steps of a part.
    pub fn steps(&self, part: Part) -> Vec<usize> {
        self.part(part).flatten().collect()
    }

    /// At most that many steps of a part, evenly apart.
    pub fn some_steps(&self, part: Part, most: usize) -> Vec<usize> {
        evenly(&self.steps(part), most)
    }

    /// Mean and standard deviation over the training episodes, in one pass (Welford).
    fn statistics(&self, recording: &Recording, still_is_one: bool) -> Result<Norm, LearnError> {
        let mut rows = StateRows::new(recording)?;
        let (mut n, mut mean, mut square) = (0.0, Vec::new(), Vec::new());
        for step in self.part(Part::Train).flatten() {
            let row = rows.read(step, false)?;
            mean.resize(row.len(), 0.0);
            square.resize(row.len(), 0.0);
            n += 1.0;
            for (x, (m, s)) in row.iter().zip(mean.iter_mut().zip(&mut square)) {
                let off: f64 = x - *m;
                *m += off / n;
                *s += off * (x - *m);
            }
        }
        let mut std: Vec<f64> = square.iter().map(|s| (s / n).sqrt()).collect();
        let names = || self.state.iter().chain(&self.action);
        let constant = |(s, m): (&f64, &f64)| *s <= 1e-12 * m.abs().max(1e-3);
        let still: Vec<&str> =
            names().zip(std.iter().zip(&mean)).filter(|(_, sm)| constant(*sm)).map(|(name, _)| name.as_str()).collect();
        if still_is_one {
            std.iter_mut().zip(&mean).for_each(|(s, m)| *s = if constant((s, m)) { 1.0 } else { *s });
        } else if !still.is_empty() {
            return Err(LearnError::file(
                recording.path(),
                format!(
                    "{} never changes in the training episodes, so it cannot be normalised: record more episodes or \
                     another policy",
                    still.join(", ")
                ),
            ));
        }
        Ok(Norm { mean, std })
    }

    fn load(&mut self, recording: &Recording, memory: u64) -> Result<(), LearnError> {
        let reader = |var: Var| recording.has(var).then(|| RowReader::new(recording, var)).transpose();
        let (mut a, mut b) = (reader(Var::A)?, reader(Var::B)?);
        let masked = recording.has(Var::AZero) && (b.is_none() || recording.has(Var::BZero));
        let (mut az, mut bz) = if masked { (reader(Var::AZero)?, reader(Var::BZero)?) } else { (None, None) };
        let mut flags = FlagReader::new(recording)?;
        let mut rows = StateRows::new(recording)?;
        let mut limits = Limits::of(recording)?;
        let mut regimes = Regimes::new(recording)?;
        let (nx, nu) = (self.outputs(), self.inputs() - self.outputs());
        let (mean, std) = (self.norm.mean.clone(), self.norm.std.clone());
        let mut sets = Vec::new();
        let steps = recording.len(Axis::Step);
        let mut truths = Filling::new(nx * (nx + nu), steps, memory)?;
        for step in 0..steps {
            let normal = |(i, x): (usize, &f64)| ((x - mean[i]) / std[i]) as f32;
            let now = rows.read(step, false)?;
            self.x.extend(now.iter().enumerate().map(normal));
            limits.look(&now[nx..]);
            self.next.extend(rows.read(step, true)?.iter().enumerate().map(normal));
            let step_flags = flags.step(step)?;
            let mut finite = true;
            for i in 0..nx {
                for (from, width, values, masks) in [(0, nx, &mut a, &mut az), (nx, nu, &mut b, &mut bz)] {
                    let Some(values) = values else { continue };
                    let row = &values.numbers(step)?[i * width..(i + 1) * width];
                    for (j, value) in row.iter().enumerate() {
                        finite &= value.is_finite();
                        let verdict = match masks {
                            _ if from == nx && step_flags.contains(StepFlags::CTRL_AT_LIMIT) && limits.at_limit[j] => {
                                ZeroVerdict::Undecided.code()
                            }
                            Some(masks) => masks.row(step)?[i * width + j],
                            None => u8::from(value.abs() < DEFAULT_THRESHOLD),
                        };
                        // The test says zero where the number is the noise of differences.
                        let value =
                            if verdict == ZeroVerdict::Zero.code() { 0.0 } else { value * std[from + j] / std[i] };
                        truths.push(value as f32, verdict);
                    }
                }
            }
            truths.end_step()?;
            self.derivative.push(finite && !step_flags.intersects(NO_DERIVATIVE));
            let regime = regimes.next(step)?;
            self.contacts.push(regime.contacts);
            sets.push(regime.contact_set);
        }
        self.truths = Arc::new(truths.finish()?);
        self.to_switch = self.episodes.iter().flat_map(|e| distances(&sets[e.clone()])).collect();
        Ok(())
    }
}

/// At most that many of some steps, evenly apart.
pub(super) fn evenly(steps: &[usize], most: usize) -> Vec<usize> {
    let n = most.min(steps.len());
    (0..n).map(|i| steps[i * steps.len() / n.max(1)]).collect()
}

/// Which controls are at a limit, where a nudge would leave the range.
struct Limits {
    /// By control: its range, where it is limited.
    ranges: Vec<Option<[f64; 2]>>,
    eps: f64,
    /// By control, of the state looked at last. Of a recording that does not tell its ranges, all of them.
    at_limit: Vec<bool>,
}

impl Limits {
    fn of(recording: &Recording) -> Result<Self, LearnError> {
        let nu = recording.shape(Var::Ctrl).get(1).copied().unwrap_or(0);
        let ranges: Vec<Option<[f64; 2]>> = match recording.text_attribute(attribute::CTRL_RANGE) {
            Some(text) => {
                let read = number::from_json(&text).filter(|all: &Vec<_>| all.len() == nu);
                let text = "its root attribute ctrl_range cannot be read: the file is damaged".to_owned();
                read.ok_or_else(|| recording.foreign(&text))?
            }
            None => Vec::new(),
        };
        let eps = recording.float_attribute(attribute::EPS).unwrap_or(0.0);
        Ok(Self { ranges, eps, at_limit: vec![true; nu] })
    }

    fn look(&mut self, ctrl: &[f64]) {
        for ((at_limit, range), u) in self.at_limit.iter_mut().zip(&self.ranges).zip(ctrl) {
            *at_limit = range.is_some_and(|[low, high]| u - low < self.eps || high - u < self.eps);
        }
    }
}

/// State and action, or next state, step by step.
struct StateRows<'a> {
    recording: &'a Recording,
    now: Vec<(Var, RowReader<'a>)>,
    after: Vec<(Var, RowReader<'a>)>,
    row: Vec<f64>,
}

impl<'a> StateRows<'a> {
    fn new(recording: &'a Recording) -> Result<Self, LearnError> {
        let readers = |vars: &[Var]| -> Result<Vec<_>, LearnError> {
            let there = vars.iter().filter(|v| recording.shape(**v).get(1).is_some_and(|n| *n > 0));
            there.map(|v| Ok((*v, RowReader::new(recording, *v)?))).collect()
        };
        let now = readers(&[Var::Qpos, Var::Qvel, Var::Act, Var::Ctrl])?;
        let after = readers(&[Var::QposNext, Var::QvelNext, Var::ActNext])?;
        Ok(Self { recording, now, after, row: Vec::new() })
    }

    fn read(&mut self, step: usize, after: bool) -> Result<&[f64], LearnError> {
        self.row.clear();
        for (var, reader) in if after { &mut self.after } else { &mut self.now } {
            let numbers = reader.numbers(step)?;
            self.row.extend_from_slice(numbers);
            if let Some(at) = numbers.iter().position(|x| !x.is_finite()) {
                let text = format!(
                    "{}[{step}, {at}] is not finite: record the episode again, or leave it out",
                    var.spec().name
                );
                return Err(LearnError::file(self.recording.path(), text));
            }
        }
        Ok(&self.row)
    }
}

/// Which part each episode is in.
fn parts(episodes: usize, split: &Split) -> Result<Vec<Part>, String> {
    let sound = split.validation >= 0.0 && split.test >= 0.0 && split.validation + split.test < 1.0;
    if !sound {
        return Err("the shares for validation and test must be at least 0 and below 1 together".to_owned());
    }
    let count = |share: f64| ((share * episodes as f64).round() as usize).max(1);
    let (validation, test) = (count(split.validation), count(split.test));
    if validation + test >= episodes {
        return Err(format!(
            "has {episodes} episodes with steps; {} are needed to split them into training, validation and test: record \
             more (--episodes)",
            validation + test + 1
        ));
    }
    let mut order: Vec<usize> = (0..episodes).collect();
    shuffle(&mut order, &mut Stream::new(split.seed, "learn/split", 0));
    let mut parts = vec![Part::Train; episodes];
    for (rank, episode) in order.into_iter().enumerate() {
        if rank < test {
            parts[episode] = Part::Test;
        } else if rank < test + validation {
            parts[episode] = Part::Validation;
        }
    }
    Ok(parts)
}

/// Fisher and Yates.
pub(super) fn shuffle(items: &mut [usize], stream: &mut Stream) {
    for i in (1..items.len()).rev() {
        let j = (stream.uniform() * (i + 1) as f64) as usize;
        items.swap(i, j.min(i));
    }
}

/// By step: how far the nearest change is. A change between two steps is 0 steps from both.
fn distances(sets: &[u32]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; sets.len()];
    let mut last = None;
    for i in 0..sets.len() {
        if i > 0 && sets[i] != sets[i - 1] {
            last = Some(i);
        }
        found[i] = last.map(|l| i - l);
    }
    let mut next: Option<usize> = None;
    for i in (0..sets.len()).rev() {
        if i + 1 < sets.len() && sets[i] != sets[i + 1] {
            next = Some(i);
        }
        let ahead = next.map(|n| n - i);
        found[i] = [found[i], ahead].into_iter().flatten().min();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_to_a_switch() {
        assert_eq!(distances(&[1, 1, 1]), [None; 3]);
        let found: Vec<_> = distances(&[1, 1, 1, 2, 2, 3]).into_iter().flatten().collect();
        assert_eq!(found, [2, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn every_part_has_an_episode_and_none_is_in_two() {
        for episodes in 3..30 {
            let parts = parts(episodes, &Split::default()).unwrap();
            for part in [Part::Train, Part::Validation, Part::Test] {
                assert!(parts.contains(&part), "{episodes}");
            }
        }
        assert!(parts(2, &Split::default()).unwrap_err().contains("3 are needed"));
        let other = Split { seed: 1, ..Split::default() };
        assert_ne!(parts(20, &Split::default()), parts(20, &other));
    }
}
