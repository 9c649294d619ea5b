//! Activations of actuators: their next values and what these depend on.

use mujoco_rs::mujoco_c::mjtDyn;

use crate::physics::{Model, PhysicsError, Sim};

/// Nudge of a muscle's activation and control: its time constant is smooth, or linear by parts.
const NUDGE: f64 = 1.0 / 1_048_576.0;

/// And the finest, where a kink is near.
const FINEST: f64 = 1.0 / 268_435_456.0;

/// One-sided derivatives of a next activation that are farther apart may be those of a kink.
const BENDS: f64 = 1e-7;

/// One activation, its value and derivatives now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Now {
    /// The activation that makes the force.
    pub(super) used: f64,
    /// d used, by activation and control.
    pub(super) of_used: [f64; 2],
    /// d next activation, by activation and control.
    pub(super) of_next: [f64; 2],
    /// How fast it changes, 1/s, and d rate, by activation and control.
    pub(super) rate: f64,
    pub(super) of_rate: [f64; 2],
}

/// How an activation moves, as far as its derivative goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dynamics {
    /// d act / dt = u.
    Integrator,
    /// d act / dt = (u - act) / tau, by Euler's method.
    Filter,
    /// The same, integrated exactly.
    FilterExact,
    /// d act / dt is smooth, or linear by parts: a muscle.
    Differenced,
}

#[derive(Debug)]
struct Activation {
    actuator: usize,
    control: usize,
    kind: Dynamics,
    tau: f64,
    range: Option<[f64; 2]>,
    /// Whether the force is that of the next activation.
    early: bool,
    /// Whether it is switched off, its group or all actuation: its rate is 0. MuJoCo clamps it all the same where its group
    /// is off, and leaves it as it is where all actuation is.
    disabled: bool,
}

/// All activations of a model, in the order of act.
#[derive(Debug)]
pub(super) struct Activations {
    all: Vec<Activation>,
    pub(super) now: Vec<Now>,
    h: f64,
}

impl Activations {
    pub(super) fn new(model: &Model) -> Self {
        let [_, _, actuation] = model.pushes();
        let mut all: Vec<(usize, Activation)> = model
            .actuators()
            .enumerate()
            .filter(|(_, a)| !a.activations.is_empty())
            .map(|(id, a)| {
                let activation = Activation {
                    actuator: id,
                    control: a.controls.start,
                    kind: match a.dyntype {
                        Ok(mjtDyn::mjDYN_INTEGRATOR) => Dynamics::Integrator,
                        Ok(mjtDyn::mjDYN_FILTER) => Dynamics::Filter,
                        Ok(mjtDyn::mjDYN_FILTEREXACT) => Dynamics::FilterExact,
                        _ => Dynamics::Differenced,
                    },
                    tau: a.dynprm[0].max(1e-15),
                    range: a.actrange.filter(|_| actuation),
                    early: a.actearly,
                    disabled: !actuation || a.disabled,
                };
                (a.activations.start, activation)
            })
            .collect();
        all.sort_by_key(|(adr, _)| *adr);
        let now = vec![Now::default(); all.len()];
        Self { all: all.into_iter().map(|(_, a)| a).collect(), now, h: model.timestep() }
    }

    /// The control of an activation.
    pub(super) fn control(&self, i: usize) -> usize {
        self.all[i].control
    }

    /// What one unit of an activation's rate is of its change in a step, s.
    pub(super) fn gain(&self, i: usize) -> f64 {
        match self.all[i].kind {
            Dynamics::FilterExact => -self.all[i].tau * (-self.h / self.all[i].tau).exp_m1(),
            Dynamics::Integrator | Dynamics::Filter | Dynamics::Differenced => self.h,
        }
    }

    /// The range that a next activation is held in.
    pub(super) fn range(&self, i: usize) -> Option<[f64; 2]> {
        self.all[i].range
    }

    /// The activation of an actuator.
    pub(super) fn of(&self, actuator: usize) -> Option<usize> {
        self.all.iter().position(|a| a.actuator == actuator)
    }

    /// Fills `now` at the state of `work`, after its actuation stage. Returns whether an activation enters or leaves its range
    /// when it or its control is nudged by `reach`, and marks these columns in `bent`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn set(&mut self, work: &mut Sim, reach: f64, bent: &mut [bool]) -> Result<bool, PhysicsError> {
        let model = work.model().clone();
        let mut edge = false;
        for i in 0..self.all.len() {
            let a = &self.all[i];
            let (act, u) = (work.act()[i], work.ctrl()[a.control]);
            let rate = if a.disabled { 0.0 } else { work.act_dot()[i] };
            let ctrl_range = model.clamped_range(a.control);
            // Beyond its range a control does nothing; on its edge the derivative is that of the inside.
            let heard = ctrl_range.is_none_or(|[low, high]| (low..=high).contains(&u));
            let (mut of_next, mut of_rate) = match a.kind {
                _ if a.disabled => ([1.0, 0.0], [0.0; 2]),
                Dynamics::Integrator => ([1.0, self.h], [0.0, 1.0]),
                Dynamics::Filter => ([1.0 - self.h / a.tau, self.h / a.tau], [-1.0 / a.tau, 1.0 / a.tau]),
                Dynamics::FilterExact => {
                    let decay = -self.h / a.tau;
                    ([decay.exp(), -decay.exp_m1()], [-1.0 / a.tau, 1.0 / a.tau])
                }
                Dynamics::Differenced => {
                    let (by, bends) = self.differenced(work, i, rate, bent)?;
                    edge |= bends;
                    ([1.0 + by[0], by[1]], by.map(|x| x / self.h))
                }
            };
            if !heard {
                (of_next[1], of_rate[1]) = (0.0, 0.0);
            }
            let mut next = act + rate * self.gain(i);
            if let Some([low, high]) = a.range {
                let within = (next - low).abs().min((next - high).abs());
                let columns = [model.layout().activation(i), model.layout().control(a.control)];
                for (column, by) in columns.into_iter().zip(of_next) {
                    if by != 0.0 && within <= reach * by.abs() {
                        (edge, bent[column]) = (true, true);
                    }
                }
                if next <= low || next >= high {
                    of_next = [0.0; 2];
                }
                next = next.clamp(low, high);
            }
            let (used, of_used) = if a.early { (next, of_next) } else { (act, [1.0, 0.0]) };
            self.now[i] = Now { used, of_used, of_next, rate, of_rate };
        }
        Ok(edge)
    }

    /// The derivatives of h times activation `i`'s rate (which is `rate` now) by activation and control, where the rate is smooth or
    /// linear by parts, and whether it bends within reach: these columns are marked in `bent`. The state of `work` stays.
    fn differenced(
        &self,
        work: &mut Sim,
        i: usize,
        rate: f64,
        bent: &mut [bool],
    ) -> Result<([f64; 2], bool), PhysicsError> {
        let model = work.model().clone();
        let control = self.all[i].control;
        let (act, u) = (work.act()[i], work.ctrl()[control]);
        let (mut by, mut edge) = ([0.0; 2], false);
        for (k, by) in by.iter_mut().enumerate() {
            let range = model.clamped_range(control).filter(|_| k == 1);
            let nudge = range.map_or(NUDGE, |[low, high]| NUDGE.min(0.25 * (high - low)));
            if nudge <= 0.0 {
                continue;
            }
            let mut rate_at = |nudge: f64| -> Result<f64, PhysicsError> {
                if k == 0 {
                    work.act_mut()[i] = act + nudge;
                } else {
                    work.ctrl_mut()[control] = u + nudge;
                }
                work.stage_actuation()?;
                Ok(work.act_dot()[i])
            };
            let out = range.map_or(0.0, |[low, high]| match () {
                () if u + nudge > high => 1.0,
                () if u - nudge < low => -1.0,
                () => 0.0,
            });
            if out == 0.0 {
                // A kink beside the state is not at it: nudges shrink until both sides agree.
                let mut h = nudge;
                loop {
                    let (up, down) = (rate_at(h)?, rate_at(-h)?);
                    *by = self.h * (up - down) / (2.0 * h);
                    if self.h * (up - 2.0 * rate + down).abs() / h <= BENDS {
                        break;
                    }
                    edge = true;
                    let layout = model.layout();
                    bent[if k == 0 { layout.activation(i) } else { layout.control(control) }] = true;
                    h *= 0.0625;
                    if h < FINEST {
                        break;
                    }
                }
            } else {
                // On the edge of its range, from the inside, to the second order too.
                let (near, far) = (rate_at(-out * nudge)?, rate_at(-2.0 * out * nudge)?);
                *by = self.h * out * (3.0 * rate - 4.0 * near + far) / (2.0 * nudge);
            }
            work.act_mut()[i] = act;
            work.ctrl_mut()[control] = u;
        }
        work.stage_actuation()?;
        Ok((by, edge))
    }
}
