//! Activations of actuators: their next values and what these depend on.

use mujoco_rs::mujoco_c::mjtDyn;

use super::muscle::Excitation;
use crate::jacobian::steps::{NEAR, sides_meet_at};
use crate::physics::{Model, Sim};

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

/// An entry of A or B whose derivatives to the two sides differ, known without a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kink {
    /// The next activation's row, and the column of A, or of B behind them (ndx + nu).
    pub(super) row: usize,
    pub(super) column: usize,
    /// How far they are apart.
    pub(super) apart: f64,
}

/// How an activation moves, as far as its derivative goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dynamics {
    /// d act / dt = u.
    Integrator,
    /// d act / dt = (u - act) / tau, by Euler's method.
    Filter,
    /// The same, integrated exactly.
    FilterExact,
    /// A muscle's.
    Muscle(Excitation),
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
    /// What bends of the next activations, by themselves or their controls, now.
    pub(super) kinks: Vec<Kink>,
    h: f64,
    /// Whether a step has stages, whose activations everything after them depends on.
    chained: bool,
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
                        // Others are not covered.
                        _ => Dynamics::Muscle(Excitation::new(a.dynprm)),
                    },
                    tau: a.dynprm[0].max(1e-15),
                    range: a.actrange.filter(|_| actuation),
                    early: a.actearly,
                    // Without a callback a user's dynamics are none.
                    disabled: !actuation || a.disabled || a.dyntype == Ok(mjtDyn::mjDYN_USER),
                };
                (a.activations.start, activation)
            })
            .collect();
        all.sort_by_key(|(adr, _)| *adr);
        let now = vec![Now::default(); all.len()];
        let all = all.into_iter().map(|(_, a)| a).collect();
        Self { all, now, kinks: Vec::new(), h: model.timestep(), chained: model.steps_by_runge_kutta() }
    }

    /// The control of an activation.
    pub(super) fn control(&self, i: usize) -> usize {
        self.all[i].control
    }

    /// What one unit of an activation's rate is of its change in a step, s.
    pub(super) fn gain(&self, i: usize) -> f64 {
        match self.all[i].kind {
            Dynamics::FilterExact => -self.all[i].tau * (-self.h / self.all[i].tau).exp_m1(),
            Dynamics::Integrator | Dynamics::Filter | Dynamics::Muscle(_) => self.h,
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

    /// Fills `now` and `kinks` at the state of `work`, after its actuation stage. Returns whether anything else than the next
    /// activations may bend when an activation or its control is nudged by `reach`, and marks these columns in `bent`.
    pub(super) fn set(&mut self, work: &Sim, reach: f64, bent: &mut [bool]) -> bool {
        let model = work.model();
        let mut edge = false;
        self.kinks.clear();
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
                Dynamics::Muscle(excitation) => {
                    let by = excitation.slopes(act, u, ctrl_range);
                    ([1.0 + self.h * by[0], self.h * by[1]], by)
                }
            };
            if !heard {
                (of_next[1], of_rate[1]) = (0.0, 0.0);
            }
            let mut next = act + rate * self.gain(i);
            let mut near =
                matches!(a.kind, Dynamics::Muscle(excitation) if !a.disabled && excitation.bends_within(act, u, reach));
            if let Some([low, high]) = a.range {
                let within = (next - low).abs().min((next - high).abs());
                near |= of_next.into_iter().any(|by| by != 0.0 && within <= reach * by.abs());
                if next <= low || next >= high {
                    of_next = [0.0; 2];
                }
                next = next.clamp(low, high);
            }
            let (used, of_used) = if a.early { (next, of_next) } else { (act, [1.0, 0.0]) };
            self.now[i] = Now { used, of_used, of_next, rate, of_rate };
            if near {
                let columns = [model.layout().activation(i), model.layout().control(a.control)];
                if a.early || self.chained {
                    edge = true;
                    columns.into_iter().for_each(|column| bent[column] = true);
                }
                // A stage's columns are marked: what follows bends with them.
                let own = if self.chained { &[][..] } else { &columns[..] };
                for (k, &column) in own.iter().enumerate() {
                    let apart = self.sides_apart(i, [act, u], k, ctrl_range);
                    if apart > 0.0 {
                        self.kinks.push(Kink { row: model.layout().activation(i), column, apart });
                    }
                }
            }
        }
        edge
    }

    /// The next activation.
    fn next(&self, i: usize, [act, u]: [f64; 2], ctrl_range: Option<[f64; 2]>) -> f64 {
        let a = &self.all[i];
        let u = ctrl_range.map_or(u, |[low, high]| u.clamp(low, high));
        let rate = match a.kind {
            _ if a.disabled => 0.0,
            Dynamics::Integrator => u,
            Dynamics::Filter | Dynamics::FilterExact => (u - act) / a.tau,
            Dynamics::Muscle(excitation) => excitation.rate(act, u),
        };
        let next = act + rate * self.gain(i);
        a.range.map_or(next, |[low, high]| next.clamp(low, high))
    }

    /// How far the derivatives of the next activation by itself (`k` = 0) or its control (1) to the two sides are apart, as whole
    /// steps tell it. A control at an end of its range has one side.
    fn sides_apart(&self, i: usize, at: [f64; 2], k: usize, ctrl_range: Option<[f64; 2]>) -> f64 {
        let apart = |h: f64| {
            let next = |by: f64| {
                let mut at = at;
                at[k] += by;
                self.next(i, at, ctrl_range)
            };
            let here = next(0.0);
            (next(h) - here) / h - (next(-h) - here) / -h
        };
        let one_sided = ctrl_range.is_some_and(|[low, high]| at[1] + NEAR[0] > high || at[1] - NEAR[0] < low);
        if k == 1 && one_sided { 0.0 } else { sides_meet_at(NEAR.map(apart), self.now[i].used) }
    }
}
