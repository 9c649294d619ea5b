//! Putting a simulation into the first state of an episode.

use std::collections::HashMap;

use super::spec::{Base, Op, Reset, Target};
use super::{TaskError, TaskSpec};
use crate::physics::{Joint, Model, Sim};
use crate::rng::Stream;

/// Whether the reset of `spec` fits `model`.
///
/// # Errors
/// [`TaskError::Reset`] for the first operation that does not, [`TaskError::Physics`] for a keyframe that
/// the model lacks.
pub(super) fn check(spec: &TaskSpec, model: &Model) -> Result<(), TaskError> {
    if let Base::Keyframe(name) = &spec.reset.base {
        model.keyframe(name).map_err(|e| TaskError::File {
            file: model.file().into(),
            reason: format!("{e}; name one that it has, or leave --keyframe out"),
        })?;
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
            Target::MocapPos => 3 * model.nmocap(),
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
        Op::Uniform { target, range, low: a, high: b, .. } | Op::Normal { target, range, mean: a, std: b, .. } => {
            let n = span(*target, *range)?;
            need(a.fits(n) && b.fits(n), "needs one finite number, or as many as the range has entries")
        }
        Op::Quaternion { target, range, .. } => need(span(*target, *range)? == 4, "the range must have 4 entries"),
        Op::Polar { target, range, axes, center, angle, radius } => {
            let n = span(*target, *range)?;
            need(axes.iter().all(|a| *a < n), "an axis lies outside of the range")?;
            need(finite(center) && finite(angle) && finite(radius), "needs finite numbers")
        }
        Op::Jitter { scale } => need(scale.is_finite() && *scale >= 0.0, "the scale must be finite and not negative"),
        Op::Branch { p, then, otherwise } => {
            need((0.0..=1.0).contains(p), "p must lie between 0 and 1")?;
            then.iter().chain(otherwise).try_for_each(|op| check_op(op, model))
        }
    }
}

/// Applies a checked reset. Time is 0 and controls are zero afterwards; the warm start is what the forward
/// pass and settling leave.
///
/// # Errors
/// [`TaskError::Physics`].
pub(super) fn apply(reset: &Reset, sim: &mut Sim, stream: Stream) -> Result<(), TaskError> {
    match &reset.base {
        Base::Keyframe(name) => {
            let key = sim.model().keyframe(name)?;
            sim.reset_to_key(key)?;
        }
        Base::Qpos0 => sim.reset()?,
        Base::Zero => {
            sim.reset()?;
            sim.qpos_mut().fill(0.0);
        }
    }
    sim.ctrl_mut().fill(0.0);

    let mut draft = Draft {
        qpos: sim.qpos().to_vec(),
        qvel: sim.qvel().to_vec(),
        mocap_pos: sim.mocap_pos().to_vec(),
        draws: Draws { stream, shared: HashMap::new() },
    };
    let scalar: Vec<usize> = sim.model().joints().filter(Joint::is_scalar).map(|j| j.qpos).collect();
    for op in &reset.ops {
        draft.apply(op, &scalar);
    }
    sim.qpos_mut().copy_from_slice(&draft.qpos);
    sim.qvel_mut().copy_from_slice(&draft.qvel);
    if !reset.mocap_after_forward {
        sim.mocap_pos_mut().copy_from_slice(&draft.mocap_pos);
    }
    sim.forward()?;
    if reset.mocap_after_forward {
        sim.mocap_pos_mut().copy_from_slice(&draft.mocap_pos);
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
    mocap_pos: Vec<f64>,
    draws: Draws,
}

impl Draft {
    fn slice(&mut self, target: Target, [first, end]: [usize; 2]) -> &mut [f64] {
        let all = match target {
            Target::Qpos => &mut self.qpos,
            Target::Qvel => &mut self.qvel,
            Target::MocapPos => &mut self.mocap_pos,
        };
        &mut all[first..end]
    }

    fn apply(&mut self, op: &Op, scalar: &[usize]) {
        match op {
            Op::Uniform { target, range, low, high, key } => {
                let draws = self.draws.take(key.as_deref(), range[1] - range[0]);
                for (i, (x, u)) in self.slice(*target, *range).iter_mut().zip(draws).enumerate() {
                    *x = between(low.at(i), high.at(i), u);
                }
            }
            Op::Normal { target, range, mean, std, key } => {
                let draws = self.draws.take(key.as_deref(), range[1] - range[0]);
                for (i, (x, u)) in self.slice(*target, *range).iter_mut().zip(draws).enumerate() {
                    *x = mean.at(i) + std.at(i) * crate::rng::normal_from_uniform(u);
                }
            }
            Op::Quaternion { target, range, key } => {
                let draws = self.draws.take(key.as_deref(), 4);
                let q: Vec<f64> = draws.into_iter().map(crate::rng::normal_from_uniform).collect();
                let norm = q.iter().map(|x| x * x).sum::<f64>().sqrt();
                for (x, q) in self.slice(*target, *range).iter_mut().zip(q) {
                    *x = q / norm;
                }
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
                for i in scalar {
                    self.qpos[*i] += between(-scale, *scale, self.draws.next());
                }
                for i in 0..self.qvel.len() {
                    self.qvel[i] += between(-scale, *scale, self.draws.next());
                }
            }
            Op::Branch { p, then, otherwise } => {
                let chosen = if self.draws.next() < *p { then } else { otherwise };
                for op in chosen {
                    self.apply(op, scalar);
                }
            }
        }
    }
}

fn between(low: f64, high: f64, u: f64) -> f64 {
    low + (high - low) * u
}
