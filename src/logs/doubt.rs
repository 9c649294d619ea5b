//! What a map may say and cannot mean: numbers in another unit, a quaternion in another order, a sign. Found by the model's ranges
//! and by what positions and velocities say of each other; `checked = true` of a joint tells that its user has looked.

use std::f64::consts::PI;

use super::map::{Frame, JointPlan, Order, Orientation, Plan, Scalar, Source, Unit, field};
use super::mapped::{Samples, orientations};
use super::pose::quaternion;
use super::{Log, LogError, LogMap};
use crate::kinematics::JointKind;
use crate::physics::Model;
use crate::quat::{self, Quat, conjugate, mul, turn};

/// How far beyond a joint's range a robot may be, as a share of it: calibrations are off by less.
const BEYOND: f64 = 0.25;

/// A velocity that is that much of the slope of its position was meant in another unit: around 180 / pi.
const DEGREES: std::ops::Range<f64> = 40.0..80.0;

/// A velocity that correlates less with the slope of the position is another one's, where the squares of that slope are so many
/// times those of its noise.
const UNLIKE: f64 = 0.5;
const MOVES: f64 = 100.0;

/// A column whose least and most is known.
struct Column {
    least: f64,
    most: f64,
    rows: usize,
    outside: usize,
}

/// Looks at everything; returns what is odd and may be right.
pub(super) fn look(
    log: &Log,
    map: &LogMap,
    plan: &Plan,
    model: &Model,
    samples: &[Samples],
    noise: &[f64],
) -> Result<Vec<String>, LogError> {
    let mut notes = Vec::new();
    let look = Look { log, map, model, samples, noise };
    let mut small = Vec::new();
    for joint in &plan.joints {
        match &joint.source {
            Source::Measured(scalar) => {
                let column = look.column(joint, scalar)?;
                if !joint.checked {
                    notes.extend(look.range(joint, scalar, &column)?);
                    look.jumps(joint, scalar)?;
                    if let Some(speed) = &scalar.velocity {
                        look.velocity(joint, 0, &speed.column, Some(speed.unit))?;
                    }
                }
                if scalar.unit == Unit::Deg {
                    small.push((joint, scalar, column));
                }
            }
            Source::Turned(turned) if !joint.checked => {
                look.order(joint, turned, &plan.start)?;
                for (axis, column) in turned.linear_velocity.iter().flatten().enumerate() {
                    look.velocity(joint, axis, column, None)?;
                }
            }
            _ => {}
        }
    }
    look.radians(&small)?;
    Ok(notes)
}

struct Look<'a> {
    log: &'a Log,
    map: &'a LogMap,
    model: &'a Model,
    samples: &'a [Samples],
    /// Of positions by dof, and of velocities (2 nv).
    noise: &'a [f64],
}

impl Look<'_> {
    fn limit(&self, joint: &JointPlan) -> Option<[f64; 2]> {
        self.model.joint_limits().find(|l| l.dof == joint.joint.dof).map(|l| l.range)
    }

    /// The positions of a hinge or slide in an episode.
    fn positions<'s>(&self, joint: &JointPlan, samples: &'s Samples) -> impl Iterator<Item = f64> + use<'s> {
        samples.qpos.iter().skip(joint.joint.qpos).step_by(self.model.nq()).copied()
    }

    /// The extent of a column, in its own unit; shares of a range must be ones.
    fn column(&self, joint: &JointPlan, scalar: &Scalar) -> Result<Column, LogError> {
        let at = self.log.column(&scalar.column, &field(&joint.name, "column"), self.map.file())?;
        let mut column = Column { least: f64::INFINITY, most: f64::NEG_INFINITY, rows: 0, outside: 0 };
        let limit = self.limit(joint);
        for episode in 0..self.log.episodes.len() {
            for x in self.log.values(episode, at)? {
                column.least = column.least.min(x);
                column.most = column.most.max(x);
                column.rows += 1;
                let q = scalar.linear.of(x);
                column.outside += usize::from(limit.is_some_and(|[low, high]| q < low || q > high));
            }
        }
        if let Some([low, high]) = scalar.unit.bounds().filter(|_| !joint.checked) {
            let room = 0.1 * (high - low);
            if column.least < low - room || column.most > high + room {
                let problem = format!(
                    "is {}, which runs from {low} to {high}, and column {} from {} to {}",
                    scalar.unit.name(),
                    scalar.column,
                    column.least,
                    column.most
                );
                let fix = "give the unit that it is in, or checked = true if this is meant";
                return Err(LogError::new(self.map.file(), field(&joint.name, "unit"), problem, fix));
            }
        }
        Ok(column)
    }

    /// Compares positions with the model's range.
    fn range(&self, joint: &JointPlan, scalar: &Scalar, column: &Column) -> Result<Option<String>, LogError> {
        let Some([low, high]) = self.limit(joint) else { return Ok(None) };
        let width = high - low;
        let ends = |scale: f64| {
            let of = |x: f64| scalar.linear.slope * scale * x + scalar.linear.shift;
            let (a, b) = (of(column.least), of(column.most));
            (a.min(b), a.max(b))
        };
        let beyond = |(least, most): (f64, f64)| (low - least).max(most - high);
        let far = beyond(ends(1.0));
        if far <= BEYOND * width {
            let note = || {
                format!(
                    "joint {} is outside of the model's range [{low:.4}, {high:.4}] in {} of {} rows, by {far:.2e} at most: \
                     there the model's limit pushes",
                    joint.name, column.outside, column.rows
                )
            };
            return Ok((column.outside > 0).then(note));
        }
        let raw = format!("column {} runs from {} to {}", scalar.column, column.least, column.most);
        let hinge = joint.joint.kind == JointKind::Hinge;
        let (word, what, fix) = match scalar.unit {
            Unit::Rad if beyond(ends(PI / 180.0)) <= 0.1 * width => {
                ("unit", format!("is rad, and it looks like degrees: {raw}"), "give unit = \"deg\"")
            }
            Unit::Metre if !hinge && beyond(ends(1e-3)) <= 0.1 * width => {
                ("unit", format!("is m, and it looks like millimetres: {raw}"), "give unit = \"mm\"")
            }
            _ => (
                "column",
                format!("leaves the model's range [{low:.4}, {high:.4}] by {far:.3}: {raw}"),
                "check unit, range, sign and offset, or give checked = true if this is meant",
            ),
        };
        Err(LogError::new(self.map.file(), field(&joint.name, word), what, fix))
    }

    /// Whether columns in degrees are in radians: all are within the ranges as they are, and as degrees nothing moves.
    fn radians(&self, of: &[(&JointPlan, &Scalar, Column)]) -> Result<(), LogError> {
        if of.is_empty() || of.iter().any(|(joint, ..)| joint.checked) {
            return Ok(());
        }
        let mut moves: f64 = 0.0;
        for (joint, scalar, column) in of {
            let Some([low, high]) = self.limit(joint) else { return Ok(()) };
            let room = 0.1 * (high - low);
            let slope = scalar.linear.slope * 180.0 / PI;
            let ends = [column.least, column.most].map(|x| slope * x + scalar.linear.shift);
            if ends.iter().any(|q| *q < low - room || *q > high + room) {
                return Ok(());
            }
            moves = moves.max((column.most - column.least) / (high - low));
        }
        if moves <= 0.1 {
            return Ok(());
        }
        let (joint, scalar, column) = &of[0];
        let problem = format!(
            "is deg, and it looks like radians: column {} runs from {} to {}",
            scalar.column, column.least, column.most
        );
        let fix = "give unit = \"rad\", or checked = true if this is meant";
        Err(LogError::new(self.map.file(), field(&joint.name, "unit"), problem, fix))
    }

    /// A hinge does not turn by half a turn between two samples; a column that wraps around does.
    fn jumps(&self, joint: &JointPlan, scalar: &Scalar) -> Result<(), LogError> {
        if joint.joint.kind != JointKind::Hinge {
            return Ok(());
        }
        for samples in self.samples {
            let q: Vec<f64> = self.positions(joint, samples).collect();
            if let Some(row) = q.windows(2).position(|p| (p[1] - p[0]).abs() > PI) {
                let problem =
                    format!("jumps from {} to {} rad in {}, row {}", q[row], q[row + 1], samples.name, row + 1);
                let fix = "unwrap it (numpy.unwrap), check its unit, or give checked = true if this is meant";
                return Err(LogError::new(&self.log.file, format!("column {}", scalar.column), problem, fix));
            }
        }
        Ok(())
    }

    /// Compares a measured velocity with the slope of its position, of the joint's dof `axis`.
    fn velocity(&self, joint: &JointPlan, axis: usize, column: &str, unit: Option<Unit>) -> Result<(), LogError> {
        let (at, dof) = (joint.joint.qpos + axis, joint.joint.dof + axis);
        let (mut both, mut slopes, mut speeds, mut noise) = (0.0, 0.0, 0.0, 0.0);
        let (mut slope_sum, mut speed_sum, mut n) = (0.0, 0.0, 0.0);
        for samples in self.samples {
            let q: Vec<f64> = samples.qpos.iter().skip(at).step_by(self.model.nq()).copied().collect();
            let v: Vec<f64> = samples.qvel.iter().skip(dof).step_by(self.model.nv()).copied().collect();
            for k in 1..q.len().saturating_sub(1) {
                let dt = samples.time[k + 1] - samples.time[k - 1];
                let slope = (q[k + 1] - q[k - 1]) / dt;
                both += slope * v[k];
                slopes += slope * slope;
                speeds += v[k] * v[k];
                slope_sum += slope;
                speed_sum += v[k];
                n += 1.0;
                noise += 2.0 * (self.noise[dof] / dt).powi(2);
            }
        }
        let alike = both / (slopes * speeds).sqrt();
        let ratio = both / slopes;
        let key = if unit.is_some() { "velocity" } else { "linear_velocity" };
        // The same about the means, where the slope itself changes by more than noise.
        let spread = slopes - slope_sum * slope_sum / n;
        let about = (both - slope_sum * speed_sum / n) / (spread * (speeds - speed_sum * speed_sum / n)).sqrt();
        let likeness = match spread > MOVES * noise && about.is_finite() {
            true if alike * about <= 0.0 => 0.0,
            true => alike.abs().min(about.abs()),
            false => alike.abs(),
        };
        // A joint that moves well beyond its noise, and a velocity that knows nothing of it.
        if slopes > MOVES * noise && (likeness.is_nan() || likeness < UNLIKE) {
            let shown = |x: f64| if x.is_finite() { x } else { 0.0 };
            let problem = format!(
                "does not go with the slope of the position: column {column} correlates by {:.2} with it, by {:.2} about the means",
                shown(alike),
                shown(about)
            );
            let fix = "name the column of this joint's velocity, or give checked = true if this is meant";
            return Err(LogError::new(self.map.file(), field(&joint.name, key), problem, fix));
        }
        // Where they have nothing to do with each other, noise decides.
        if alike.is_nan() || alike.abs() <= 0.8 || (0.5..2.0).contains(&ratio) {
            return Ok(());
        }
        let (what, fix) = match unit {
            Some(Unit::RadPerSecond) if DEGREES.contains(&ratio) => {
                ("is rad/s, and it looks like degrees per second", "give velocity_unit = \"deg/s\"")
            }
            Some(Unit::DegPerSecond) if DEGREES.contains(&(1.0 / ratio)) => {
                ("is deg/s, and it looks like radians per second", "give velocity_unit = \"rad/s\"")
            }
            _ if (0.5..2.0).contains(&-ratio) => {
                ("has the other sign than the slope of the position", "check the columns of position and velocity")
            }
            _ => ("does not fit the position", "check units and columns, or give checked = true if this is meant"),
        };
        let problem = format!("{what}: column {column} is {ratio:.3} times the slope of the position");
        let key = if unit.is_some() { "velocity_unit" } else { "linear_velocity" };
        Err(LogError::new(self.map.file(), field(&joint.name, key), problem, fix))
    }

    /// Whether a quaternion is in the other order: by the angular velocity where it is measured, else by how far the model would
    /// be turned from where it starts.
    fn order(&self, joint: &JointPlan, turned: &Orientation, start: &[f64]) -> Result<(), LogError> {
        let Orientation { order, columns, angular_velocity, .. } = turned;
        let Some([at, dof]) = quaternion(&joint.joint) else { return Ok(()) };
        let (given, other) = match order {
            Order::Wxyz => ("wxyz", "xyzw"),
            Order::Xyzw => ("xyzw", "wxyz"),
        };
        // The numbers in the columns' order, read the other way.
        let swapped = |q: Quat| match order {
            Order::Wxyz => [q[3], q[0], q[1], q[2]],
            Order::Xyzw => [q[1], q[2], q[3], q[0]],
        };
        let why = match angular_velocity {
            Some((_, frame)) => self.by_spin(at, dof, *frame, swapped),
            None => self.by_start(at, quat::at(start, at), swapped),
        };
        let Some(why) = why else { return Ok(()) };
        let problem = format!("is {given}, and columns {} look like {other}: {why}", columns.join(", "));
        let fix = format!("give order = \"{other}\", or checked = true if this is meant");
        Err(LogError::new(self.map.file(), field(&joint.name, "order"), problem, fix))
    }

    /// By how much angular velocity and turns disagree in both orders.
    fn by_spin(&self, at: usize, dof: usize, frame: Frame, swapped: impl Fn(Quat) -> Quat) -> Option<String> {
        let (nq, nv) = (self.model.nq(), self.model.nv());
        let (mut as_given, mut as_other, mut all) = (0.0, 0.0, 0.0);
        for samples in self.samples {
            let quats: Vec<Quat> = orientations(samples, nq, at).collect();
            let spin = |k: usize| -> [f64; 3] { std::array::from_fn(|i| samples.qvel[k * nv + dof + i]) };
            // One along the world's axes was put into the body's by the order that was given.
            let along = |k: usize, q: Quat| match frame {
                Frame::Body => spin(k),
                Frame::World => {
                    let [x, y, z] = spin(k);
                    let world = mul(mul(quats[k], [0.0, x, y, z]), conjugate(quats[k]));
                    let [_, x, y, z] = mul(mul(conjugate(q), world), q);
                    [x, y, z]
                }
            };
            for k in 1..quats.len() {
                let dt = samples.time[k] - samples.time[k - 1];
                let off = |a: Quat, b: Quat| {
                    let (seen, ends) = (turn(a, b).map(|x| x / dt), [along(k, a), along(k - 1, b)]);
                    (0..3).map(|i| seen[i] - 0.5 * (ends[0][i] + ends[1][i])).map(|x| x * x).sum::<f64>()
                };
                as_given += off(quats[k], quats[k - 1]);
                as_other += off(swapped(quats[k]), swapped(quats[k - 1]));
                all += spin(k).iter().map(|x| x * x).sum::<f64>();
            }
        }
        (as_other < 0.25 * as_given && as_other < 0.25 * all).then(|| {
            let share = |x: f64| (x / all).sqrt() * 100.0;
            format!(
                "its turns are off the angular velocity by {:.0} % as given, by {:.0} % the other way",
                share(as_given),
                share(as_other)
            )
        })
    }

    /// By how far the model is turned from its keyframe, in the median.
    fn by_start(&self, at: usize, start: Quat, swapped: impl Fn(Quat) -> Quat) -> Option<String> {
        let size = |w: [f64; 3]| w.iter().map(|x| x * x).sum::<f64>().sqrt().to_degrees();
        let quats: Vec<Quat> = self.samples.iter().flat_map(|s| orientations(s, self.model.nq(), at)).collect();
        let mut given: Vec<f64> = quats.iter().map(|q| size(turn(*q, start))).collect();
        let mut other: Vec<f64> = quats.iter().map(|q| size(turn(swapped(*q), start))).collect();
        let (given, other) = (super::noise::median(&mut given), super::noise::median(&mut other));
        (given > 120.0 && other < 60.0).then(|| {
            format!("it is turned by {given:.0} degrees from the keyframe as given, by {other:.0} the other way")
        })
    }
}
