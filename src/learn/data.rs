//! Recordings as data to learn from.
//!
//! **State.** What A and B act on are tangent coordinates: of positions, velocities and activations of every degree of freedom, and
//! controls. What networks see are features of the state, and what they say becomes a next state, as
//! [`manifold`](super::manifold) has it; where every joint is a hinge or a slide and nothing else is asked for, all of these
//! are the same numbers.
//!
//! **Normalised.** Every tangent coordinate is scaled by its standard deviation over the states of the training episodes; numbers are
//! shifted by their mean before a network sees them. An entry of the Jacobian of the normalised map is that of A or B times std_j /
//! std_i: scaled by what is positive, so its zeros are where they were.
//!
//! **Still.** What never changes in the training episodes has no standard deviation, and no derivative by it can be learned: its scale
//! is 1, and its rows and columns are undecided, in no loss and no score.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LearnError;
use super::manifold::{Coordinates, LearningTarget, StateFeatures, StateSpace};
use super::models::Space;
use super::norm::{Norm, angular};
use super::truths::{Filling, Store, Truths};
use crate::analysis::{DEFAULT_THRESHOLD, Regimes};
use crate::dataset::schema::{Axis, Var, attribute};
use crate::dataset::{self, FlagReader, Recording, RowReader};
use crate::flags::StepFlags;
use crate::kinematics::Kinematics;
use crate::layout::StateLayout;
use crate::moments::Moments;
use crate::number;
use crate::quat;
use crate::rng::Stream;
use crate::zero::ZeroVerdict;

/// Flags of states that have no derivative, or none to trust: a recording does not tell which columns a switch bends. Of a
/// control at its limit only its own column of B is in doubt ([`StepFlags::CTRL_AT_LIMIT`]), and of a Jacobian that is not finite
/// the entries that are not: these are undecided, and the rest counts.
pub(super) const NO_DERIVATIVE: StepFlags = StepFlags::SOLVER_UNCONVERGED
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

/// A recording: states in memory, 8 bytes a coordinate and step; Jacobians, 5 bytes an entry and step, there too while they
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
    /// How states become features, and outputs next states.
    pub coordinates: Coordinates,
    /// What joins state and action, where the recording tells.
    pub kinematics: Option<Kinematics>,
    /// Steps of every episode, in the order of the file.
    pub episodes: Vec<Range<usize>>,
    parts: Vec<Part>,
    rows: Arc<Vec<f64>>,
    after: Arc<Vec<f64>>,
    truths: Arc<Store>,
    derivative: Vec<bool>,
    contacts: Vec<usize>,
    to_switch: Vec<Option<usize>>,
}

impl Data {
    /// Reads a recording and splits it; features and target are the usual ones.
    ///
    /// # Errors
    /// [`LearnError`] when it cannot be read, is too small to split, holds NaN, or does not tell joints that are not hinges and
    /// slides.
    pub fn read(path: &Path, split: &Split) -> Result<Self, LearnError> {
        Self::read_within(path, split, StateFeatures::default(), MEMORY)
    }

    /// As [`Data::read`], with these features and so many bytes for Jacobians; more than these go into a file, which changes
    /// no result.
    ///
    /// # Errors
    /// As [`Data::read`], and where it lacks what the features need.
    pub fn read_within(path: &Path, split: &Split, features: StateFeatures, memory: u64) -> Result<Self, LearnError> {
        Self::load_all(path, Some(split), features, None, memory)
    }

    /// Reads a recording as one part, with the statistics that a network was trained with; without any, with its own,
    /// where a coordinate that never changes has the standard deviation 1.
    ///
    /// # Errors
    /// As [`Data::read_within`], and when the statistics are those of another model.
    pub fn whole(path: &Path, features: StateFeatures, norm: Option<&Norm>) -> Result<Self, LearnError> {
        Self::load_all(path, None, features, norm, MEMORY)
    }

    /// The same data for another target, with the statistics of its training episodes.
    pub fn with_target(&self, target: LearningTarget) -> Self {
        let mut other = self.clone();
        other.coordinates = self.coordinates.with_target(target);
        other.norm.target = Vec::new();
        let plain = |o: usize| other.coordinates.number(o) == Some(o);
        if !(0..other.coordinates.outputs()).all(plain) {
            let mut found = Moments::default();
            other.part(Part::Train).flatten().for_each(|step| {
                found.add(other.coordinates.goal(other.row(step), other.after(step)).into_iter());
            });
            let (scales, coordinates) = (found.scales(), &other.coordinates);
            // What is the next value of a coordinate is scaled as the present one is.
            let own = |(o, scale)| {
                coordinates.number(o).map_or(scale, |column| [self.norm.mean[column], self.norm.std[column]])
            };
            other.norm.target = scales.into_iter().enumerate().map(own).collect();
        }
        other
    }

    /// The same data with the statistics that a network was trained with.
    pub fn with_norm(&self, target: LearningTarget, norm: &Norm) -> Self {
        Self { coordinates: self.coordinates.with_target(target), norm: norm.clone(), ..self.clone() }
    }

    fn load_all(
        path: &Path,
        split: Option<&Split>,
        features: StateFeatures,
        norm: Option<&Norm>,
        memory: u64,
    ) -> Result<Self, LearnError> {
        let recording = Recording::open(path)?;
        let refuse = |message: String| LearnError::file(path, message);
        let coordinates = coordinates(&recording, features)?;
        let layout = coordinates.layout();
        let (outputs, inputs, nu) = (layout.ndx(), layout.inputs(), layout.nu);
        if recording.store() == dataset::Store::Masks {
            return Err(refuse(
                "keeps the verdicts of its zero test and no Jacobians that a network could be compared with (it was \
                 recorded with --store masks): record it again with --store f32"
                    .to_owned(),
            ));
        }
        let width = |var: Var| recording.shape(var).get(1).copied().unwrap_or(0);
        let sound = width(Var::A) == outputs && (nu == 0 || width(Var::B) == outputs);
        if !sound || recording.shape(Var::A).last() != Some(&outputs) {
            return Err(refuse("A and B do not fit the state: the file is damaged".to_owned()));
        }
        let kinematics = recording.kinematics()?;
        let bounds = recording.offsets()?;
        let episodes: Vec<Range<usize>> = bounds.windows(2).map(|w| w[0]..w[1]).filter(|r| !r.is_empty()).collect();
        let parts = match split {
            Some(split) => parts(episodes.len(), split).map_err(refuse)?,
            None => vec![Part::Train; episodes.len()],
        };
        let [rows, after] = states(&recording, &coordinates)?;
        let mut data = Self {
            task: recording.text_attribute(attribute::TASK).unwrap_or_default(),
            state: recording.labels(Axis::State)?,
            action: recording.labels(Axis::Actuator)?,
            norm: Norm {
                mean: Vec::new(),
                std: Vec::new(),
                still: Vec::new(),
                features: Vec::new(),
                target: Vec::new(),
            },
            coordinates,
            kinematics,
            episodes,
            parts,
            rows: Arc::new(rows),
            after: Arc::new(after),
            truths: Arc::new(Store::Memory(Truths::default())),
            derivative: Vec::new(),
            contacts: Vec::new(),
            to_switch: Vec::new(),
        };
        data.norm = match norm {
            Some(norm) if norm.mean.len() == inputs => norm.clone(),
            Some(norm) => {
                return Err(refuse(format!(
                    "has {inputs} inputs, the network was trained on {}: evaluate it on a recording of the same model",
                    norm.mean.len()
                )));
            }
            None => data.statistics(split.is_none()),
        };
        if norm.is_none() {
            data = data.with_target(LearningTarget::default());
        }
        data.load(&recording, memory)?;
        Ok(data)
    }

    /// Columns of the Jacobian: tangent state and action.
    pub fn inputs(&self) -> usize {
        self.norm.mean.len()
    }

    /// Rows of the Jacobian: the tangent state.
    pub fn outputs(&self) -> usize {
        self.state.len()
    }

    /// Steps.
    pub fn len(&self) -> usize {
        self.derivative.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.derivative.is_empty()
    }

    /// What a network maps from and to.
    pub fn space(&self) -> Space<'_> {
        Space {
            inputs: self.coordinates.inputs(),
            outputs: self.coordinates.outputs(),
            columns: self.inputs(),
            kinematics: self.kinematics.as_ref(),
            ties: self.coordinates.ties(),
        }
    }

    /// A state as it was recorded; see [`Coordinates`].
    pub fn row(&self, step: usize) -> &[f64] {
        let width = self.coordinates.width();
        &self.rows[step * width..(step + 1) * width]
    }

    /// The next state as it was recorded: qpos, qvel, act.
    pub fn after(&self, step: usize) -> &[f64] {
        let width = self.coordinates.after();
        &self.after[step * width..(step + 1) * width]
    }

    /// Names of what never changes in the training episodes.
    pub fn still(&self) -> Vec<String> {
        let names = self.state.iter().chain(&self.action);
        names.enumerate().filter(|(i, _)| self.norm.still.contains(i)).map(|(_, name)| name.clone()).collect()
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

    /// Mean and standard deviation over the training episodes. `scored`: what never changes keeps its rows and columns.
    fn statistics(&self, scored: bool) -> Norm {
        let layout = self.coordinates.layout();
        let steps = || self.part(Part::Train).flatten();
        let mut found = Moments::default();
        for step in steps() {
            let row = self.row(step);
            found.add((0..layout.inputs()).map(|column| self.coordinates.at(column).map_or(0.0, |at| row[at])));
        }
        let (mut mean, mut std, mut still) = (found.mean.clone(), found.std(), found.still());
        for [at, first] in self.coordinates.turns() {
            let spread = angular(|| steps().map(|step| quat::normalized(quat::at(self.row(step), *at))));
            for column in *first..first + 3 {
                (mean[column], std[column], still[column]) = (0.0, spread, spread <= 1e-12);
            }
        }
        std.iter_mut().zip(&still).filter(|(_, still)| **still).for_each(|(s, _)| *s = 1.0);
        let still = still.iter().enumerate().filter(|(_, still)| **still && !scored).map(|(i, _)| i).collect();
        let mut features = Moments::default();
        if !self.coordinates.copies() {
            steps().for_each(|step| features.add(self.coordinates.features(self.row(step))));
        }
        Norm { mean, std, still, features: features.scales(), target: Vec::new() }
    }

    fn load(&mut self, recording: &Recording, memory: u64) -> Result<(), LearnError> {
        let reader = |var: Var| recording.has(var).then(|| RowReader::new(recording, var)).transpose();
        let (mut a, mut b) = (reader(Var::A)?, reader(Var::B)?);
        let masked = recording.has(Var::AZero) && (b.is_none() || recording.has(Var::BZero));
        let (mut az, mut bz) = if masked { (reader(Var::AZero)?, reader(Var::BZero)?) } else { (None, None) };
        let mut flags = FlagReader::new(recording)?;
        let mut limits = Limits::of(recording)?;
        let mut regimes = Regimes::new(recording)?;
        let (nx, nu) = (self.outputs(), self.inputs() - self.outputs());
        let std = self.norm.std.clone();
        let mut still = vec![false; nx + nu];
        self.norm.still.iter().for_each(|column| still[*column] = true);
        let ctrl = self.coordinates.after();
        let mut sets = Vec::new();
        let steps = recording.len(Axis::Step);
        let mut truths = Filling::new(nx * (nx + nu), steps, memory)?;
        for step in 0..steps {
            limits.look(&self.row(step)[ctrl..ctrl + nu]);
            let step_flags = flags.step(step)?;
            let mut any = false;
            for i in 0..nx {
                for (from, width, values, masks) in [(0, nx, &mut a, &mut az), (nx, nu, &mut b, &mut bz)] {
                    let Some(values) = values else { continue };
                    let row = &values.numbers(step)?[i * width..(i + 1) * width];
                    for (j, value) in row.iter().enumerate() {
                        let at_limit =
                            from == nx && step_flags.contains(StepFlags::CTRL_AT_LIMIT) && limits.at_limit[j];
                        // An entry without a number is in doubt by itself.
                        let verdict = if at_limit || !value.is_finite() || still[i] || still[from + j] {
                            ZeroVerdict::Undecided.code()
                        } else {
                            match masks {
                                Some(masks) => masks.row(step)?[i * width + j],
                                None => u8::from(value.abs() < DEFAULT_THRESHOLD),
                            }
                        };
                        // The test says zero where the number is the noise of differences.
                        let known = verdict != ZeroVerdict::Zero.code() && value.is_finite();
                        let value = if known { value * std[from + j] / std[i] } else { 0.0 };
                        any |= verdict != ZeroVerdict::Undecided.code();
                        truths.push(value as f32, verdict);
                    }
                }
            }
            truths.end_step()?;
            self.derivative.push(any && !step_flags.intersects(NO_DERIVATIVE));
            let regime = regimes.next(step)?;
            self.contacts.push(regime.contacts);
            sets.push(regime.contact_set);
        }
        self.truths = Arc::new(truths.finish()?);
        self.to_switch = self.episodes.iter().flat_map(|e| distances(&sets[e.clone()])).collect();
        Ok(())
    }
}

/// What a recording says of its coordinates.
fn coordinates(recording: &Recording, features: StateFeatures) -> Result<Coordinates, LearnError> {
    let refuse = |message: String| LearnError::file(recording.path(), message);
    let width = |var: Var| recording.shape(var).get(1).copied().unwrap_or(0);
    let layout = StateLayout { nv: width(Var::Qvel), na: width(Var::Act), nu: width(Var::Ctrl) };
    let kinematics = recording.kinematics()?;
    let quaternions = kinematics.as_ref().map_or(0, |tree| tree.quaternions.len());
    if width(Var::Qpos) != layout.nv + quaternions {
        let (nq, nv) = (width(Var::Qpos), layout.nv);
        return Err(refuse(match kinematics {
            None => format!(
                "does not tell its joints (root attribute kinematics), some of which are free or ball joints (nq = {nq}, \
                 nv = {nv}): record it again with this version"
            ),
            Some(_) => format!("nq = {nq} and nv = {nv} are not those of its joints: the file is damaged"),
        }));
    }
    let mocap = recording.len(Axis::Mocap);
    let seconds = recording.float_attribute(attribute::STEP_DURATION).filter(|h| h.is_finite() && *h > 0.0);
    let seconds = seconds
        .ok_or_else(|| refuse("its root attribute step_duration is no duration: the file is damaged".to_owned()))?;
    let space = StateSpace { layout, kinematics: kinematics.as_ref(), mocap, seconds };
    Coordinates::new(space, features, LearningTarget::default()).map_err(refuse)
}

/// All states and all next states.
fn states(recording: &Recording, coordinates: &Coordinates) -> Result<[Vec<f64>; 2], LearnError> {
    let steps = recording.len(Axis::Step);
    let (mut now, mut after) = (Vec::new(), Vec::new());
    let room = now
        .try_reserve_exact(steps.saturating_mul(coordinates.width()))
        .and_then(|()| after.try_reserve_exact(steps.saturating_mul(coordinates.after())));
    room.map_err(|_| {
        LearnError::file(recording.path(), format!("the states of its {steps} steps do not fit into memory"))
    })?;
    let mut rows = StateRows::new(recording)?;
    for step in 0..steps {
        now.extend_from_slice(rows.read(step, false)?);
        after.extend_from_slice(rows.read(step, true)?);
    }
    if now.len() != steps * coordinates.width() || after.len() != steps * coordinates.after() {
        return Err(LearnError::file(
            recording.path(),
            "its states do not have the sizes of its model: the file is damaged",
        ));
    }
    Ok([now, after])
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
        let now = readers(&[Var::Qpos, Var::Qvel, Var::Act, Var::Ctrl, Var::MocapPos, Var::MocapQuat])?;
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
