//! A log as states and controls of a model.

use std::path::Path;

use super::filter::{Filter, Weights, slope};
use super::map::{Control, JointPlan, Order, Plan, Rows, Source};
use super::noise;
use super::pose::{Track, quaternion};
use super::{Log, LogError, LogMap, doubt};
use crate::logs::map::{Frame, LEAST_RATE, Linear, MOST_RATE, Orientation, Scalar, field};
use crate::physics::{Joint, Model};
use crate::quat::{self, Quat, conjugate, mul, normalized};

/// An episode; every array row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedEpisode {
    /// Which one of the log it is.
    pub name: String,
    /// Times from its first row on, s.
    pub time: Vec<f64>,
    /// Positions (rows x nq).
    pub qpos: Vec<f64>,
    /// Velocities (rows x nv).
    pub qvel: Vec<f64>,
    /// Controls (rows x nu), as they were commanded: perhaps outside of their ranges.
    pub ctrl: Vec<f64>,
}

/// A log, mapped.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedLog {
    /// Its file.
    pub file: String,
    /// How it is stored.
    pub layout: &'static str,
    /// SHA-256 of what was read of it.
    pub sha256: String,
    /// Its episodes.
    pub episodes: Vec<MappedEpisode>,
    /// Standard deviation of the measurement by tangent state without activations (2 nv); NaN where nothing is measured, or it
    /// cannot be told.
    pub noise: Vec<f64>,
    /// What its user should know.
    pub notes: Vec<String>,
}

/// Whether MuJoCo takes a number: beyond 1e10 (its mjMAXVAL) it resets the state.
fn within(x: f64) -> bool {
    x.abs() <= 1e10
}

/// Numbers of all states and controls, at most: 1 GiB of them.
const MOST: f64 = 134_217_728.0;

/// One of the log's episodes, before rows are put where the map says.
pub(super) struct Samples {
    pub(super) name: String,
    pub(super) time: Vec<f64>,
    pub(super) qpos: Vec<f64>,
    pub(super) qvel: Vec<f64>,
    pub(super) ctrl: Vec<f64>,
    /// Weights of a slope, where the map has a filter.
    weights: Option<Vec<Weights>>,
}

impl MappedLog {
    /// Reads a log, maps it onto a model, and looks for what cannot be meant.
    ///
    /// # Errors
    /// [`LogError`], one line that names file, field and fix.
    pub fn new(path: &Path, map: &LogMap, model: &Model) -> Result<Self, LogError> {
        let columns = map.columns();
        let wanted = |array: &str| {
            let of = |c: &String| c.strip_prefix(array).is_some_and(|rest| rest.is_empty() || rest.starts_with('['));
            !array.is_empty() && columns.iter().any(of)
        };
        let plan = map.resolve(model)?;
        let mut log = Log::open(path, &wanted)?;
        cut(&mut log, map)?;
        let joints: Vec<Joint> = model.joints().collect();
        let (nq, nv) = (model.nq(), model.nv());
        let mapper = Mapper { log: &log, map, plan: &plan, model, joints: &joints, nq, nv };
        let samples: Vec<Samples> = (0..log.episodes.len()).map(|e| mapper.samples(e)).collect::<Result<_, _>>()?;
        let mut notes = log.notes.clone();
        let noise = mapper.noise(&samples)?;
        notes.extend(log.left_out());
        notes.extend(doubt::look(&log, map, &plan, model, &samples, &noise)?);
        let numbers = model.nq() + model.nv() + model.nu();
        let rows: f64 = samples.iter().map(|s| mapper.count(s)).sum();
        if rows * numbers as f64 > MOST {
            let problem = format!("makes {rows:.0} rows of {numbers} numbers, more than {MOST:.0} in all");
            return Err(LogError::new(map.file(), "[time] rate", problem, "give a lower one, or split the log"));
        }
        let episodes = samples.into_iter().map(|s| mapper.rows(s)).collect();
        Ok(Self { file: log.file, layout: log.layout, sha256: log.sha256, episodes, noise, notes })
    }
}

/// Cuts a log into episodes where the column of the map changes.
fn cut(log: &mut Log, map: &LogMap) -> Result<(), LogError> {
    let Some(of) = &map.episodes else { return Ok(()) };
    let column = log.column(&of.column, "[episodes] column", map.file())?;
    let mut cut = Vec::new();
    for (index, whole) in log.episodes.iter().enumerate() {
        let values = log.values(index, column)?;
        let mut start = 0;
        for row in 1..=whole.rows {
            if row == whole.rows || values[row] != values[start] {
                cut.push(whole.part(start..row, format!("episode {}", values[start])));
                start = row;
            }
        }
    }
    log.episodes = cut;
    Ok(())
}

struct Mapper<'a> {
    log: &'a Log,
    map: &'a LogMap,
    plan: &'a Plan,
    model: &'a Model,
    joints: &'a [Joint],
    nq: usize,
    nv: usize,
}

impl Mapper<'_> {
    fn column(&self, episode: usize, name: &str, field: &str) -> Result<Vec<f64>, LogError> {
        self.log.values(episode, self.log.column(name, field, self.map.file())?)
    }

    /// A column in the model's units, all of it within what MuJoCo takes.
    fn scaled(&self, episode: usize, name: &str, field: &str, linear: &Linear) -> Result<Vec<f64>, LogError> {
        let raw = self.column(episode, name, field)?;
        let values: Vec<f64> = raw.iter().map(|x| linear.of(*x)).collect();
        match values.iter().position(|x| !within(*x)) {
            None => Ok(values),
            Some(row) => {
                let of = &self.log.episodes[episode].name;
                let problem =
                    format!("holds {:e} in {of}, row {row}: {field} is beyond the 1e10 that MuJoCo takes", raw[row]);
                Err(LogError::new(
                    &self.log.file,
                    format!("column {name}"),
                    problem,
                    "mend the row, or scale and offset in the map",
                ))
            }
        }
    }

    /// Refuses states and controls that follow from the columns and are beyond what MuJoCo takes.
    fn bounded(&self, samples: &Samples) -> Result<(), LogError> {
        let wrong = |field: String, row: usize| {
            let problem = format!("is beyond the 1e10 that MuJoCo takes in {}, row {row}", samples.name);
            Err(LogError::new(self.map.file(), field, problem, "mend what it is made of"))
        };
        for plan in &self.plan.joints {
            let (joint, dofs) = (&plan.joint, plan.joint.kind.dofs());
            let of = |values: &[f64], width: usize, at: usize, count: usize| {
                values.chunks(width).position(|row| row[at..at + count].iter().any(|x| !within(*x)))
            };
            let position = of(&samples.qpos, self.nq, joint.qpos, dofs + usize::from(!joint.is_scalar()));
            let speed = of(&samples.qvel, self.nv, joint.dof, dofs);
            if let Some(row) = position.or(speed) {
                let what = if position.is_some() { "position" } else { "velocity" };
                return wrong(field(&plan.name, what), row);
            }
        }
        let nu = self.plan.controls.len();
        match samples.ctrl.iter().position(|x| !within(*x)) {
            Some(at) => wrong(format!("control {}", at % nu), at / nu),
            None => Ok(()),
        }
    }

    fn columns<const N: usize>(
        &self,
        episode: usize,
        names: &[String; N],
        field: &str,
    ) -> Result<[Vec<f64>; N], LogError> {
        let mut all = [const { Vec::new() }; N];
        for (to, name) in all.iter_mut().zip(names) {
            *to = self.scaled(episode, name, field, &Linear { slope: 1.0, shift: 0.0 })?;
        }
        Ok(all)
    }

    /// The states and controls at the log's own times.
    fn samples(&self, episode: usize) -> Result<Samples, LogError> {
        let of = &self.log.episodes[episode];
        let time = self.times(episode)?;
        let filter = self.map.velocity.as_ref().map(|v| Filter { window: v.window, order: v.order });
        let weights = match filter {
            None => None,
            Some(filter) => Some(filter.weights(&time).ok_or_else(|| {
                let problem =
                    format!("is {}, and {} of {} has {} rows", filter.window, of.name, self.log.file, of.rows);
                LogError::new(
                    self.map.file(),
                    "[velocity] window",
                    problem,
                    "give a shorter one, or cut the episode out",
                )
            })?),
        };
        let mut samples = Samples {
            name: of.name.clone(),
            qpos: self.plan.start.repeat(of.rows),
            qvel: vec![0.0; of.rows * self.nv],
            ctrl: Vec::new(),
            time,
            weights,
        };
        for joint in &self.plan.joints {
            match &joint.source {
                Source::Keyframe | Source::Follow { .. } => {}
                Source::At(x) => samples.qpos.iter_mut().skip(joint.joint.qpos).step_by(self.nq).for_each(|q| *q = *x),
                Source::Measured(scalar) => self.scalar(episode, joint, scalar, &mut samples)?,
                Source::Turned(turned) => self.turned(episode, joint, turned, &mut samples)?,
            }
        }
        for joint in &self.plan.joints {
            if let Source::Follow { leader, polynomial } = &joint.source {
                self.follow(joint, &self.plan.joints[*leader].joint, polynomial, &mut samples);
            }
        }
        samples.ctrl = self.controls(episode, &samples)?;
        self.bounded(&samples)?;
        Ok(samples)
    }

    /// Times from the first row on, s, rising.
    fn times(&self, episode: usize) -> Result<Vec<f64>, LogError> {
        let (of, time) = (&self.log.episodes[episode], &self.map.time);
        if time.column == "none" {
            return Ok((0..of.rows).map(|k| k as f64 / time.rate).collect());
        }
        let unit = self.map.time_unit()?;
        let stamps = self.column(episode, &time.column, "[time] column")?;
        let times: Vec<f64> = stamps.iter().map(|t| (t - stamps[0]) * unit).collect();
        let field = format!("column {}", time.column);
        let mut steps: Vec<f64> = times.windows(2).map(|t| t[1] - t[0]).collect();
        for (row, step) in steps.iter().enumerate() {
            let at = format!("from {} to {} in {}, row {}", stamps[row], stamps[row + 1], of.name, row + 1);
            if *step < 0.0 {
                let fix = "sort the rows, or cut the log into episodes there";
                return Err(LogError::new(&self.log.file, field, format!("time runs backwards {at}"), fix));
            }
            if *step == 0.0 {
                return Err(LogError::new(
                    &self.log.file,
                    field,
                    format!("time stands still {at}"),
                    "take one row out",
                ));
            }
            if *step > time.max_gap {
                let fix = format!("cut the log into episodes there, or raise max_gap in {}", self.map.file());
                return Err(LogError::new(&self.log.file, field, format!("time jumps by {step} s {at}"), fix));
            }
        }
        let median = noise::median(&mut steps);
        if time.rows == Rows::Logged && times.len() > 1 && (median * time.rate - 1.0).abs() > 0.05 {
            let problem = format!("is {}, and rows of {} are {median:?} s apart in the median", time.rate, of.name);
            let fix = if (LEAST_RATE..=MOST_RATE).contains(&(1.0 / median)) {
                format!("give rate = {:.6}, check the unit of time, or rows = \"resampled\"", 1.0 / median)
            } else {
                "check the unit of time".to_owned()
            };
            return Err(LogError::new(self.map.file(), "[time] rate", problem, fix));
        }
        Ok(times)
    }

    fn scalar(&self, episode: usize, plan: &JointPlan, scalar: &Scalar, to: &mut Samples) -> Result<(), LogError> {
        let field = |what: &str| field(&plan.name, what);
        let q = self.scaled(episode, &scalar.column, &field("column"), &scalar.linear)?;
        let v = match (&scalar.velocity, &to.weights) {
            (Some(speed), _) => self.scaled(episode, &speed.column, &field("velocity"), &speed.linear)?,
            (None, Some(weights)) => weights.iter().map(|w| slope(w, &q)).collect(),
            // Refused when the map was resolved.
            (None, None) => vec![f64::NAN; q.len()],
        };
        put(&mut to.qpos, self.nq, plan.joint.qpos, &q);
        put(&mut to.qvel, self.nv, plan.joint.dof, &v);
        Ok(())
    }

    /// A free or ball joint. MuJoCo's angular velocity is along the axes of the body: 2 conj(q) dq/dt.
    fn turned(&self, episode: usize, plan: &JointPlan, turned: &Orientation, to: &mut Samples) -> Result<(), LogError> {
        let field = |what: &str| field(&plan.name, what);
        let Some([qpos, dof]) = quaternion(&plan.joint) else { return Ok(()) };
        let parts = self.columns(episode, &turned.columns, &field("orientation"))?;
        let mut quats: Vec<Quat> = Vec::with_capacity(to.time.len());
        let [first, second, third, fourth] = &parts;
        for (row, first) in first.iter().enumerate() {
            let read: Quat = [*first, second[row], third[row], fourth[row]];
            let norm = read.iter().map(|x| x * x).sum::<f64>().sqrt();
            if (norm - 1.0).abs() > 0.01 {
                let problem = format!("is a quaternion of length {norm} in {}, row {row}", to.name);
                let fix = "it is no rotation; mend the row, or name other columns";
                return Err(LogError::new(
                    &self.log.file,
                    format!("columns {}", turned.columns.join(", ")),
                    problem,
                    fix,
                ));
            }
            let q = match turned.order {
                Order::Wxyz => read,
                Order::Xyzw => [read[3], read[0], read[1], read[2]],
            };
            let before = quats.last().copied().unwrap_or(q);
            // Of the two that are one orientation the one next to the last.
            let same = q.iter().zip(before).map(|(a, b)| a * b).sum::<f64>() >= 0.0;
            quats.push(normalized(if same { q } else { q.map(|x| -x) }));
        }
        for (i, at) in (qpos..qpos + 4).enumerate() {
            put(&mut to.qpos, self.nq, at, &quats.iter().map(|q| q[i]).collect::<Vec<_>>());
        }
        let spins: Vec<[f64; 3]> = match (&turned.angular_velocity, &to.weights) {
            (Some((columns, frame)), _) => {
                let w = self.columns(episode, columns, &field("angular_velocity"))?;
                let read = |row: usize| [0.0, w[0][row], w[1][row], w[2][row]];
                let body = |row: usize, q: &Quat| match frame {
                    Frame::Body => read(row),
                    Frame::World => mul(mul(conjugate(*q), read(row)), *q),
                };
                quats.iter().enumerate().map(|(row, q)| body(row, q)).map(|w| [w[1], w[2], w[3]]).collect()
            }
            (None, Some(weights)) => {
                let parts: [Vec<f64>; 4] = std::array::from_fn(|i| quats.iter().map(|q| q[i]).collect());
                let rate = |w: &Weights| std::array::from_fn(|i| slope(w, &parts[i]));
                let spin = |(q, w): (&Quat, &Weights)| mul(conjugate(*q), rate(w)).map(|x| 2.0 * x);
                quats.iter().zip(weights).map(spin).map(|w| [w[1], w[2], w[3]]).collect()
            }
            (None, None) => vec![[f64::NAN; 3]; quats.len()],
        };
        for i in 0..3 {
            put(&mut to.qvel, self.nv, dof + i, &spins.iter().map(|w| w[i]).collect::<Vec<_>>());
        }
        let Some(position) = &turned.position else { return Ok(()) };
        let place = self.columns(episode, position, &field("position"))?;
        let speeds = turned.linear_velocity.as_ref();
        let speeds = speeds.map(|names| self.columns(episode, names, &field("linear_velocity"))).transpose()?;
        for i in 0..3 {
            let v = match (&speeds, &to.weights) {
                (Some(speeds), _) => speeds[i].clone(),
                (None, Some(weights)) => weights.iter().map(|w| slope(w, &place[i])).collect(),
                (None, None) => vec![f64::NAN; to.time.len()],
            };
            put(&mut to.qpos, self.nq, plan.joint.qpos + i, &place[i]);
            put(&mut to.qvel, self.nv, plan.joint.dof + i, &v);
        }
        Ok(())
    }

    /// A joint at c0 + c1 q + c2 q^2 ..., moving at its slope times the leader's velocity.
    fn follow(&self, plan: &JointPlan, leader: &Joint, polynomial: &[f64], to: &mut Samples) {
        for row in 0..to.time.len() {
            let q = to.qpos[row * self.nq + leader.qpos];
            let v = to.qvel[row * self.nv + leader.dof];
            let value = polynomial.iter().rev().fold(0.0, |sum, c| sum * q + c);
            let powers = polynomial.iter().enumerate().skip(1).rev();
            let slope = powers.fold(0.0, |sum, (p, c)| sum * q + p as f64 * c);
            to.qpos[row * self.nq + plan.joint.qpos] = value;
            to.qvel[row * self.nv + plan.joint.dof] = slope * v;
        }
    }

    fn controls(&self, episode: usize, samples: &Samples) -> Result<Vec<f64>, LogError> {
        let (rows, nu) = (samples.time.len(), self.plan.controls.len());
        let mut ctrl = vec![0.0; rows * nu];
        for (at, control) in self.plan.controls.iter().enumerate() {
            match control {
                Control::Value(value) => put(&mut ctrl, nu, at, &vec![*value; rows]),
                Control::Hold { qpos, linear } => {
                    let q = samples.qpos.iter().skip(*qpos).step_by(self.nq);
                    put(&mut ctrl, nu, at, &q.map(|x| linear.of(*x)).collect::<Vec<_>>());
                }
                Control::Column { name, column, linear } => {
                    let field = format!("[actuator.{name}] column");
                    put(&mut ctrl, nu, at, &self.scaled(episode, column, &field, linear)?);
                }
            }
        }
        Ok(ctrl)
    }

    /// How many rows an episode has.
    fn count(&self, samples: &Samples) -> f64 {
        let last = samples.time.last().copied().unwrap_or(0.0);
        match self.map.time.rows {
            Rows::Logged => samples.time.len() as f64,
            Rows::Resampled => (last * self.map.time.rate).floor() + 1.0,
        }
    }

    /// Puts rows where the map says: at the samples, or evenly. A control is the last one that was commanded.
    fn rows(&self, samples: Samples) -> MappedEpisode {
        let Samples { name, time, qpos, qvel, ctrl, .. } = samples;
        if self.map.time.rows == Rows::Logged {
            return MappedEpisode { name, time, qpos, qvel, ctrl };
        }
        let (rate, nu) = (self.map.time.rate, self.plan.controls.len());
        let interpolation = self.map.time.interpolation;
        let track =
            Track { joints: self.joints, time: &time, qpos: &qpos, qvel: &qvel, interpolation, row: 1.0 / rate };
        let mut even = MappedEpisode { name, time: Vec::new(), qpos: Vec::new(), qvel: Vec::new(), ctrl: Vec::new() };
        let (mut q, mut v) = (vec![0.0; self.nq], vec![0.0; self.nv]);
        for k in 0.. {
            let t = k as f64 / rate;
            if !track.at(t, &mut q, &mut v) {
                break;
            }
            even.time.push(t);
            even.qpos.extend_from_slice(&q);
            even.qvel.extend_from_slice(&v);
            let last = time.partition_point(|s| *s <= t + 1e-3 / rate).max(1) - 1;
            even.ctrl.extend_from_slice(&ctrl[last * nu..(last + 1) * nu]);
        }
        even
    }

    /// The noise of positions and velocities by dof (2 nv).
    fn noise(&self, samples: &[Samples]) -> Result<Vec<f64>, LogError> {
        let mut noise = vec![f64::NAN; 2 * self.nv];
        let steps: Vec<Vec<Vec<f64>>> = samples.iter().map(|s| self.steps(s)).collect();
        let gain = self.gain(samples);
        for plan in &self.plan.joints {
            for (k, [rounding, of_speed]) in self.roundings(plan)?.into_iter().enumerate() {
                let dof = plan.joint.dof + k;
                let moved: Vec<Vec<f64>> = steps.iter().map(|s| s[dof].clone()).collect();
                let speed = |s: &Samples| s.qvel.iter().skip(dof).step_by(self.nv).copied().collect::<Vec<_>>();
                let speeds: Vec<Vec<f64>> = samples.iter().map(speed).collect();
                let inner: Vec<Vec<f64>> =
                    speeds.iter().map(|v| v.get(1..v.len().saturating_sub(1)).unwrap_or_default().to_vec()).collect();
                noise[dof] = noise::of_steps(&moved, &inner, rounding);
                noise[self.nv + dof] = if of_speed.is_nan() {
                    noise[dof] * gain
                } else {
                    let changes: Vec<Vec<f64>> =
                        speeds.iter().map(|v| v.windows(2).map(|p| p[1] - p[0]).collect()).collect();
                    noise::of_steps(&changes, &inner, of_speed)
                };
            }
        }
        Ok(noise)
    }

    /// By dof of a joint that is measured: what rounding has done to its position and to its velocity (NaN where no column has
    /// it). A number of a quaternion turns by twice what it changes by.
    fn roundings(&self, plan: &JointPlan) -> Result<Vec<[f64; 2]>, LogError> {
        match &plan.source {
            Source::Measured(scalar) => {
                let speed = scalar.velocity.as_ref().map(|v| self.rounding(&v.column, v.linear.slope)).transpose()?;
                Ok(vec![[self.rounding(&scalar.column, scalar.linear.slope)?, speed.unwrap_or(f64::NAN)]])
            }
            Source::Turned(turned) => {
                let of = |names: &[String], slope: f64| -> Result<Vec<f64>, LogError> {
                    names.iter().map(|name| self.rounding(name, slope)).collect()
                };
                let unknown = || Ok(vec![f64::NAN; 3]);
                let turn = of(&turned.columns, 2.0)?.into_iter().fold(f64::INFINITY, f64::min);
                let spins = turned.angular_velocity.as_ref().map_or_else(unknown, |(names, _)| of(names, 1.0))?;
                let places = turned.position.as_ref().map_or(Ok(Vec::new()), |names| of(names, 1.0))?;
                let speeds = turned.linear_velocity.as_ref().map_or_else(unknown, |names| of(names, 1.0))?;
                let straight = places.into_iter().zip(speeds).map(|(x, v)| [x, v]);
                Ok(straight.chain(spins.into_iter().map(|w| [turn, w])).collect())
            }
            Source::Keyframe | Source::At(_) | Source::Follow { .. } => Ok(Vec::new()),
        }
    }

    /// What rounding has done to a column, over all episodes, times what one of its units is.
    fn rounding(&self, column: &str, slope: f64) -> Result<f64, LogError> {
        let mut all = Vec::new();
        for episode in 0..self.log.episodes.len() {
            all.extend(self.column(episode, column, "column")?);
        }
        Ok(noise::of_rounding(all) * slope.abs())
    }

    /// How large the filter's slope of white noise of size 1 is, in the middle of the longest episode, 1/s.
    fn gain(&self, samples: &[Samples]) -> f64 {
        let longest = samples.iter().max_by_key(|s| s.time.len());
        let weights = longest.and_then(|s| s.weights.as_ref()).and_then(|w| w.get(w.len() / 2));
        weights.map_or(f64::NAN, |(_, w)| w.iter().map(|x| x * x).sum::<f64>().sqrt())
    }

    /// By dof: how far every sample is from the one before, in the tangent space.
    fn steps(&self, samples: &Samples) -> Vec<Vec<f64>> {
        let mut steps = vec![Vec::with_capacity(samples.time.len()); self.nv];
        let mut out = vec![0.0; self.nv];
        for pair in samples.qpos.chunks(self.nq).collect::<Vec<_>>().windows(2) {
            self.model.differentiate_pos(pair[0], pair[1], 1.0, &mut out);
            steps.iter_mut().zip(&out).for_each(|(to, x)| to.push(*x));
        }
        steps
    }
}

/// Writes a column of rows of `width` entries.
fn put(to: &mut [f64], width: usize, at: usize, values: &[f64]) {
    to.iter_mut().skip(at).step_by(width).zip(values).for_each(|(to, x)| *to = *x);
}

/// The orientations of a joint along an episode.
pub(super) fn orientations(samples: &Samples, nq: usize, at: usize) -> impl Iterator<Item = Quat> + '_ {
    samples.qpos.chunks(nq).map(move |q| quat::at(q, at))
}
