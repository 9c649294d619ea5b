//! Putting a simulation into the first state of an episode.

use std::collections::HashMap;
use std::f64::consts::{PI, TAU};

use super::spec::{Base, Mode, Op, PerEntry, Reset, ResetControl, Target};
use super::{TaskError, TaskSpec};
use crate::physics::{Joint, JointKind, Model, Sim};
use crate::quat;
use crate::rng::Stream;

/// Physics steps after a reset, at most.
const MOST_SETTLING: usize = 100_000;

/// Draws of one state in which nothing touches, at most.
const MOST_ATTEMPTS: usize = 10_000;

/// Draws of one point, at most; see [`Op::Apart`].
const MOST_DRAWS: usize = 100_000;

/// Whether the reset of `spec` fits `model`.
///
/// # Errors
/// [`TaskError::Reset`] for the first operation that does not, [`TaskError::Physics`] for a keyframe that
/// the model lacks.
pub(super) fn check(spec: &TaskSpec, model: &Model) -> Result<(), TaskError> {
    let of_ctrl = match &spec.reset.ctrl {
        ResetControl::Keyframe(name) => Some(name.as_str()),
        ResetControl::Zero | ResetControl::Qpos(_) => None,
    };
    for name in spec.reset.base.keyframe().into_iter().chain(of_ctrl) {
        model.keyframe(name).map_err(|e| TaskError::File {
            file: model.file().into(),
            reason: format!("{e}; name one that it has, or leave --keyframe out"),
        })?;
    }
    if let ResetControl::Qpos([first, end]) = spec.reset.ctrl
        && (end > model.nq() || end.checked_sub(first) != Some(model.nu()))
    {
        return Err(TaskError::Setting {
            task: spec.name.clone(),
            reason: format!(
                "the reset copies qpos [{first}, {end}] of {} into {} controls; it needs as many",
                model.nq(),
                model.nu()
            ),
        });
    }
    let settle = spec.reset.settle;
    if settle > MOST_SETTLING {
        return Err(TaskError::Setting {
            task: spec.name.clone(),
            reason: format!("the reset settles for {settle} physics steps; the most is {MOST_SETTLING}"),
        });
    }
    if let Some(lift) = &spec.reset.lift
        && !(lift.qpos < model.nq() && lift.by.is_finite() && lift.by > 0.0)
    {
        let reason = format!(
            "the reset lifts qpos {} of {} by {}; it needs one that there is, and a number above 0",
            lift.qpos,
            model.nq(),
            lift.by
        );
        return Err(TaskError::Setting { task: spec.name.clone(), reason });
    }
    for (i, op) in spec.reset.ops.iter().enumerate() {
        check_op(op, model).map_err(|reason| TaskError::Reset {
            task: spec.name.clone(),
            number: i + 1,
            op: op.word(),
            reason,
        })?;
    }
    Ok(())
}

fn check_op(op: &Op, model: &Model) -> Result<(), String> {
    let span = |target: Target, [first, end]: [usize; 2]| {
        let n = match target {
            Target::Qpos => model.nq(),
            Target::Qvel => model.nv(),
            Target::Act => model.na(),
            Target::Ctrl => model.nu(),
            Target::MocapPos => 3 * model.nmocap(),
            Target::MocapQuat => 4 * model.nmocap(),
        };
        if first < end && end <= n {
            Ok(end - first)
        } else {
            Err(format!("range [{first}, {end}] does not lie in {}, which has {n} entries", target.word()))
        }
    };
    let need = |ok: bool, reason: &str| if ok { Ok(()) } else { Err(reason.to_owned()) };
    let finite = |xs: &[f64]| xs.iter().all(|x| x.is_finite());
    match op {
        Op::Uniform { target, range, low: a, high: b, clip, .. }
        | Op::Normal { target, range, mean: a, std: b, clip, .. } => {
            let n = span(*target, *range)?;
            need(a.fits(n) && b.fits(n), "needs one finite number, or as many as the range has entries")?;
            need(
                clip.iter().flatten().all(|c| c.fits(n)),
                "clip needs [low, high], each one number or as many as the range",
            )?;
            let ordered = |low: &PerEntry, high: &PerEntry| (0..n).all(|i| low.at(i) <= high.at(i));
            let is_uniform = matches!(op, Op::Uniform { .. });
            need(!is_uniform || ordered(a, b), "low is above high")?;
            need(clip.iter().all(|[low, high]| ordered(low, high)), "the low end of clip is above the high one")
        }
        Op::Quaternion { target, range, .. } => need(span(*target, *range)? == 4, "the range must have 4 entries"),
        Op::Yaw { target, range, low, high } | Op::AxisAngle { target, range, low, high } => {
            need(span(*target, *range)? == 4, "the range must have 4 entries")?;
            need(finite(&[*low, *high]), "needs finite numbers")?;
            need(low <= high, "low is above high")
        }
        Op::Assign { target, range, value } | Op::Max { target, range, value } => {
            need(value.fits(span(*target, *range)?), "needs one finite number, or as many as the range has entries")
        }
        Op::Apart { target, range, low, high, from, distance } => {
            let n = span(*target, *range)?;
            need(low.fits(n) && high.fits(n), "needs one finite number, or as many as the range has entries")?;
            need((0..n).all(|i| low.at(i) <= high.at(i)), "low is above high")?;
            need(from.len() == n && finite(from), "from needs as many finite numbers as the range has entries")?;
            need(finite(distance) && distance[0] <= distance[1], "distance needs [low, high]")?;
            need(share_apart(n, low, high, from, *distance) > 0.01, "too few points of the box are at such a distance")
        }
        Op::Joints { range, .. } => span(Target::Qpos, *range).map(|_| ()),
        Op::Sphere { target, range, radius } => {
            span(*target, *range)?;
            need(radius.is_finite(), "the radius must be finite")
        }
        Op::Thrown { qpos, qvel, radius, height, rise, speed, spread } => {
            span(Target::Qpos, [*qpos, qpos.saturating_add(3)])?;
            span(Target::Qvel, [*qvel, qvel.saturating_add(3)])?;
            need(finite(&[*radius, *height, *spread]) && finite(rise) && finite(speed), "needs finite numbers")?;
            need(0.0 <= rise[0] && rise[0] <= rise[1] && speed[0] <= speed[1], "rise and speed need [low, high]")
        }
        Op::Held { range, site } => {
            need(span(Target::Qpos, *range)? == 3, "the range must have 3 entries")?;
            model.site(site).map(|_| ()).map_err(|e| e.to_string())
        }
        Op::Copy { target, range, source, from } => {
            need(span(*target, *range)? == span(*source, *from)?, "source and target must have as many entries")
        }
        Op::Polar { target, range, axes, center, angle, radius } => {
            let n = span(*target, *range)?;
            need(axes.iter().all(|a| *a < n), "an axis lies outside of the range")?;
            need(finite(center) && finite(angle) && finite(radius), "needs finite numbers")?;
            need(angle[0] <= angle[1] && radius[0] <= radius[1], "angle and radius need [low, high]")
        }
        Op::Jitter { scale } => need(scale.is_finite() && *scale >= 0.0, "the scale must be finite and not negative"),
        Op::Branch { p, then, otherwise } => {
            need((0.0..=1.0).contains(p), "p must lie between 0 and 1")?;
            then.iter().chain(otherwise).try_for_each(|op| check_op(op, model))
        }
    }
}

/// Applies a checked reset. Time is 0 afterwards; the warm start is what the forward pass and settling leave.
///
/// # Errors
/// [`TaskError::Physics`]; [`TaskError::Setting`] where something touches whatever is drawn.
pub(super) fn apply(spec: &TaskSpec, sim: &mut Sim, stream: Stream) -> Result<(), TaskError> {
    let reset = &spec.reset;
    let mut draft = Draft::begin(reset, sim, stream)?;
    let touching = |what: &str, n: usize| TaskError::Setting {
        task: spec.name.clone(),
        reason: format!("the reset has {what} {n} times, and something touches still"),
    };
    for attempt in 1.. {
        for op in &reset.ops {
            draft.apply(op, sim)?;
        }
        if let ResetControl::Qpos([first, end]) = reset.ctrl {
            draft.ctrl.copy_from_slice(&draft.qpos[first..end]);
        }
        draft.put(reset, sim)?;
        let contacts = sim.contacts().len();
        if contacts == 0 || !reset.untouched {
            break;
        }
        if attempt == MOST_ATTEMPTS {
            return Err(touching("been drawn", attempt));
        }
    }
    if let Some(lift) = &reset.lift {
        let mut lifted = 0;
        while sim.contacts().len() > 0 {
            draft.qpos[lift.qpos] += lift.by;
            draft.put(reset, sim)?;
            lifted += 1;
            if lifted == MOST_ATTEMPTS {
                return Err(touching("lifted", lifted));
            }
        }
    }
    for _ in 0..reset.settle {
        sim.step()?;
    }
    sim.set_time(0.0);
    Ok(())
}

/// Uniform random numbers, drawn in order; those with a key are drawn once.
struct Draws {
    stream: Stream,
    shared: HashMap<String, Vec<f64>>,
}

impl Draws {
    fn next(&mut self) -> f64 {
        self.stream.uniform()
    }

    /// `n` numbers, the first ones of `key` if there is one.
    fn take(&mut self, key: Option<&str>, n: usize) -> Vec<f64> {
        let Some(key) = key else { return (0..n).map(|_| self.stream.uniform()).collect() };
        let list = self.shared.entry(key.to_owned()).or_default();
        while list.len() < n {
            list.push(self.stream.uniform());
        }
        list[..n].to_vec()
    }
}

/// The state while operations change it.
struct Draft {
    qpos: Vec<f64>,
    qvel: Vec<f64>,
    act: Vec<f64>,
    ctrl: Vec<f64>,
    mocap_pos: Vec<f64>,
    mocap_quat: Vec<f64>,
    /// Where the solver begins.
    warmstart: Vec<f64>,
    draws: Draws,
}

impl Draft {
    /// The state before the operations.
    fn begin(reset: &Reset, sim: &mut Sim, stream: Stream) -> Result<Self, TaskError> {
        match &reset.base {
            Base::Keyframe(name) => {
                let key = sim.model().keyframe(name)?;
                sim.reset_to_key(key)?;
            }
            Base::Qpos0 => sim.reset()?,
            Base::Positions(name) => {
                let qpos = sim.model().keyframe_qpos(sim.model().keyframe(name)?).to_vec();
                sim.reset()?;
                sim.qpos_mut().copy_from_slice(&qpos);
            }
            Base::Zero => {
                sim.reset()?;
                sim.qpos_mut().fill(0.0);
            }
        }
        let ctrl = match &reset.ctrl {
            ResetControl::Keyframe(name) => sim.model().keyframe_ctrl(sim.model().keyframe(name)?).to_vec(),
            ResetControl::Zero | ResetControl::Qpos(_) => vec![0.0; sim.model().nu()],
        };
        Ok(Self {
            qpos: sim.qpos().to_vec(),
            qvel: sim.qvel().to_vec(),
            act: sim.act().to_vec(),
            ctrl,
            mocap_pos: sim.mocap_pos().to_vec(),
            mocap_quat: sim.mocap_quat().to_vec(),
            warmstart: sim.qacc_warmstart().to_vec(),
            draws: Draws { stream, shared: HashMap::new() },
        })
    }

    /// Puts the state into a simulation, with its forward pass, which begins anew each time.
    fn put(&self, reset: &Reset, sim: &mut Sim) -> Result<(), TaskError> {
        sim.qpos_mut().copy_from_slice(&self.qpos);
        sim.qvel_mut().copy_from_slice(&self.qvel);
        sim.act_mut().copy_from_slice(&self.act);
        sim.ctrl_mut().copy_from_slice(&self.ctrl);
        sim.qacc_warmstart_mut().copy_from_slice(&self.warmstart);
        let mocap = |sim: &mut Sim| {
            sim.mocap_pos_mut().copy_from_slice(&self.mocap_pos);
            sim.mocap_quat_mut().copy_from_slice(&self.mocap_quat);
        };
        if !reset.mocap_after_forward {
            mocap(sim);
        }
        match (reset.forward, reset.actuation) {
            (true, true) => sim.forward()?,
            (true, false) => sim.forward_unactuated()?,
            (false, _) => {}
        }
        if reset.mocap_after_forward {
            mocap(sim);
        }
        Ok(())
    }

    fn slice(&mut self, target: Target, [first, end]: [usize; 2]) -> &mut [f64] {
        let all = match target {
            Target::Qpos => &mut self.qpos,
            Target::Qvel => &mut self.qvel,
            Target::Act => &mut self.act,
            Target::Ctrl => &mut self.ctrl,
            Target::MocapPos => &mut self.mocap_pos,
            Target::MocapQuat => &mut self.mocap_quat,
        };
        &mut all[first..end]
    }

    fn apply(&mut self, op: &Op, sim: &mut Sim) -> Result<(), TaskError> {
        match op {
            Op::Uniform { target, range, low, high, mode, clip, key } => {
                let draws = self.draws.take(key.as_deref(), range[1] - range[0]);
                let values = draws.into_iter().enumerate().map(|(i, u)| between(low.at(i), high.at(i), u));
                combine(self.slice(*target, *range), values, *mode, clip.as_ref());
            }
            Op::Normal { target, range, mean, std, mode, clip, key } => {
                let draws = self.draws.take(key.as_deref(), range[1] - range[0]);
                let normal = crate::rng::normal_from_uniform;
                let values = draws.into_iter().enumerate().map(|(i, u)| mean.at(i) + std.at(i) * normal(u));
                combine(self.slice(*target, *range), values, *mode, clip.as_ref());
            }
            Op::Quaternion { target, range, key } => {
                let draws = self.draws.take(key.as_deref(), 4);
                let q: Vec<f64> = draws.into_iter().map(crate::rng::normal_from_uniform).collect();
                let norm = q.iter().map(|x| x * x).sum::<f64>().sqrt();
                for (x, q) in self.slice(*target, *range).iter_mut().zip(q) {
                    *x = q / norm;
                }
            }
            Op::Yaw { target, range, low, high } => {
                let turn = quat::from_axis_angle([0.0, 0.0, 1.0], between(*low, *high, self.draws.next()));
                let x = self.slice(*target, *range);
                let turned = quat::mul([x[0], x[1], x[2], x[3]], turn);
                x.copy_from_slice(&turned);
            }
            Op::AxisAngle { target, range, low, high } => {
                let axis: [f64; 3] = std::array::from_fn(|_| between(-1.0, 1.0, self.draws.next()));
                let norm = axis.iter().map(|x| x * x).sum::<f64>().sqrt();
                // Three draws of exactly 0 leave no axis; any will do.
                let axis = if norm > 0.0 { axis.map(|x| x / norm) } else { [0.0, 0.0, 1.0] };
                let turn = quat::from_axis_angle(axis, between(*low, *high, self.draws.next()));
                self.slice(*target, *range).copy_from_slice(&turn);
            }
            Op::Apart { target, range, low, high, from, distance } => {
                let n = range[1] - range[0];
                let mut point = Vec::new();
                // A hundredth of the box is at such a distance, or more; that a thousand draws miss it does not happen.
                for _ in 0..MOST_DRAWS {
                    point = self.draws.take(None, n);
                    point.iter_mut().enumerate().for_each(|(i, u)| *u = between(low.at(i), high.at(i), *u));
                    if is_apart(&point, from, *distance) {
                        break;
                    }
                }
                self.slice(*target, *range).copy_from_slice(&point);
            }
            Op::Assign { target, range, value } => {
                for (i, x) in self.slice(*target, *range).iter_mut().enumerate() {
                    *x = value.at(i);
                }
            }
            Op::Max { target, range, value } => {
                for (i, x) in self.slice(*target, *range).iter_mut().enumerate() {
                    *x = x.max(value.at(i));
                }
            }
            Op::Copy { target, range, source, from } => {
                let copied = self.slice(*source, *from).to_vec();
                self.slice(*target, *range).copy_from_slice(&copied);
            }
            Op::Polar { target, range, axes, center, angle, radius } => {
                let angle = between(angle[0], angle[1], self.draws.next());
                let radius = between(radius[0], radius[1], self.draws.next());
                let x = self.slice(*target, *range);
                // libm: the platform's sine may differ in the last bit from machine to machine.
                x[axes[0]] = center[0] + radius * libm::sin(angle);
                x[axes[1]] = center[1] + radius * libm::cos(angle);
            }
            Op::Jitter { scale } => {
                for joint in sim.model().joints().filter(Joint::is_scalar) {
                    self.qpos[joint.qpos] += between(-scale, *scale, self.draws.next());
                }
                for i in 0..self.qvel.len() {
                    self.qvel[i] += between(-scale, *scale, self.draws.next());
                }
            }
            Op::Branch { p, then, otherwise } => {
                let chosen = if self.draws.next() < *p { then } else { otherwise };
                for op in chosen {
                    self.apply(op, sim)?;
                }
            }
            Op::Joints { range, unlimited } => self.joints(*range, *unlimited, sim.model()),
            Op::Sphere { target, range, radius } => {
                let draws = self.draws.take(None, range[1] - range[0]);
                let unit: Vec<f64> = draws.into_iter().map(crate::rng::normal_from_uniform).collect();
                let norm = unit.iter().map(|x| x * x).sum::<f64>().sqrt();
                for (x, u) in self.slice(*target, *range).iter_mut().zip(unit) {
                    *x = radius * u / norm;
                }
            }
            Op::Thrown { qpos, qvel, radius, height, rise, speed, spread } => {
                let angle = between(0.0, TAU, self.draws.next());
                let up = (2.0 * -sim.model().gravity()[2] * between(rise[0], rise[1], self.draws.next())).sqrt();
                let speed = between(speed[0], speed[1], self.draws.next());
                let (sin, cos) = (libm::sin(angle), libm::cos(angle));
                let [x, y] = [-sin, -cos].map(|a| a + spread * crate::rng::normal_from_uniform(self.draws.next()));
                self.qpos[*qpos..qpos + 3].copy_from_slice(&[radius * sin, radius * cos, *height]);
                self.qvel[*qvel..qvel + 3].copy_from_slice(&[speed * x, speed * y, up]);
            }
            Op::Held { range, site } => {
                sim.qpos_mut().copy_from_slice(&self.qpos);
                sim.forward_unactuated()?;
                let site = sim.model().site(site)?;
                let (pos, mat) = (sim.site_pos(site), sim.site_mat(site));
                let angle = PI - libm::atan2(mat[6], mat[0]);
                self.qpos[range[0]..range[1]].copy_from_slice(&[pos[0], pos[2], angle]);
            }
        }
        Ok(())
    }

    /// See [`Op::Joints`].
    fn joints(&mut self, range: [usize; 2], unlimited: bool, model: &Model) {
        let limits: HashMap<usize, [f64; 2]> = model.joint_limits().map(|l| (l.qpos, l.range)).collect();
        for joint in model.joints().filter(|j| (range[0]..range[1]).contains(&j.qpos)) {
            match (joint.kind, limits.get(&joint.qpos)) {
                (JointKind::Hinge | JointKind::Slide, Some([low, high])) => {
                    self.qpos[joint.qpos] = between(*low, *high, self.draws.next());
                }
                (JointKind::Hinge, None) if unlimited => {
                    self.qpos[joint.qpos] = between(-PI, PI, self.draws.next());
                }
                (JointKind::Free, _) if unlimited => {
                    let quat = self.draws.take(None, 4);
                    let norm = quat.iter().map(|x| x * x).sum::<f64>().sqrt();
                    for (x, q) in self.qpos[joint.qpos + 3..joint.qpos + 7].iter_mut().zip(quat) {
                        *x = q / norm;
                    }
                }
                _ => {}
            }
        }
    }
}

fn combine(entries: &mut [f64], values: impl Iterator<Item = f64>, mode: Mode, clip: Option<&[PerEntry; 2]>) {
    for (i, (x, value)) in entries.iter_mut().zip(values).enumerate() {
        *x = match mode {
            Mode::Set => value,
            Mode::Add => *x + value,
            Mode::Mul => *x * value,
        };
        if let Some([low, high]) = clip {
            *x = x.max(low.at(i)).min(high.at(i));
        }
    }
}

fn between(low: f64, high: f64, u: f64) -> f64 {
    low + (high - low) * u
}

/// Whether a point's distance from another is within bounds.
fn is_apart(point: &[f64], from: &[f64], [least, most]: [f64; 2]) -> bool {
    let distance = point.iter().zip(from).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    (least..=most).contains(&distance)
}

/// The share of a box's points that are at such a distance from a point, of some thousand draws.
fn share_apart(n: usize, low: &PerEntry, high: &PerEntry, from: &[f64], distance: [f64; 2]) -> f64 {
    const DRAWS: usize = 2000;
    let mut stream = Stream::new(0, "share apart", 0);
    let mut draw = || (0..n).map(|i| between(low.at(i), high.at(i), stream.uniform())).collect::<Vec<_>>();
    let hits = (0..DRAWS).filter(|_| is_apart(&draw(), from, distance)).count();
    hits as f64 / DRAWS as f64
}
