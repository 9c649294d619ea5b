//! Derivatives of a step in which trees of bodies sleep.
//!
//! mj_step of a model that sleeps is a function of (q, v, act), of the control and of s, which trees sleep
//! ([`Sim::tree_asleep`](crate::physics::Sim::tree_asleep)). s is discrete and held: A and B are the derivatives among states in which the
//! same trees sleep. For a tree t that sleeps through the step, and for one that falls asleep at its end,
//!
//! ```text
//! q_t' = q_t,   v_t' = 0:    d q_t' / d q_t = I,   all else of these rows is 0,
//! ```
//!
//! with a sensor y of what sleeps, which keeps its value, as a function of where that is: dy = dy/dq_t dq_t alone,
//! and what sleeps acts on nothing else but what sees its place: its contacts with what is awake would have woken it. A position
//! of a tree that sleeps is nudged with the tree asleep at its new place, as the step before would have left it there; to write
//! qpos by hand wakes it, which is another step. A velocity of a tree that sleeps cannot be nudged at all: it is 0 while the tree sleeps, and
//! anything else wakes it, on both sides, by as much however small it is. Its column is 0, what would be woken is undecided in it, and
//! the step is flagged (`sleep_switch`). The columns of a tree that falls asleep at the end of the step have all derivatives, since it does
//! so at all velocities below a tolerance; within reach of that one the step jumps, and whole steps say so.

use super::{Jacobian, ZeroVerdict};
use crate::physics::{Model, PhysicsError, Sim};

/// What differences of a step leave of a constant row.
const ROUNDING: f64 = 1e-8;

/// What sleeps in a step; nothing where a model does not.
#[derive(Debug, Clone, Default)]
pub(super) struct Asleep {
    /// By dof, the first tree of the cycle in which it sleeps through the step (nv).
    held: Vec<Option<usize>>,
    /// By dof, whether it sleeps after the step (nv).
    frozen: Vec<bool>,
    /// Whether some tree falls asleep in the step.
    pub(super) begins: bool,
    /// By sensor value, whether it is not computed (nsensordata).
    sensors: Vec<bool>,
}

impl Asleep {
    /// From what sleeps before a step and after it (ntree each, as mjData.tree_asleep).
    pub(super) fn of(model: &Model, before: &[i32], after: &[i32]) -> Self {
        let nv = model.nv();
        let mut out = Self { held: vec![None; nv], frozen: vec![false; nv], ..Self::default() };
        for (tree, dofs) in model.dofs_of_trees().into_iter().enumerate().filter(|(tree, _)| after[*tree] >= 0) {
            let through = before[tree] >= 0;
            out.begins |= !through;
            for dof in dofs {
                out.frozen[dof] = true;
                out.held[dof] = through.then(|| first_of_cycle(before, tree));
            }
        }
        out
    }

    /// Whether anything sleeps.
    pub(super) fn any(&self) -> bool {
        self.frozen.contains(&true)
    }

    /// The dofs that sleep through the step.
    pub(super) fn held(&self) -> impl Iterator<Item = usize> + '_ {
        self.held.iter().enumerate().filter_map(|(dof, cycle)| cycle.map(|_| dof))
    }

    /// Whether a column of A is that of a velocity of what sleeps through the step.
    pub(super) fn is_velocity(&self, column: usize) -> bool {
        let nv = self.held.len();
        column >= nv && self.held.get(column - nv).is_some_and(Option::is_some)
    }

    /// The same with what is not computed ([`Sim::asleep_sensors`]).
    pub(super) fn with_sensors(self, sensors: Vec<bool>) -> Self {
        Self { sensors, ..self }
    }

    /// Whether a sensor value is that of what sleeps, and an input (ndx + nu) is none of the positions that it goes with.
    pub(super) fn is_still(&self, sensor: usize, input: usize) -> bool {
        self.sensors.get(sensor) == Some(&true) && self.held.get(input).is_none_or(Option::is_none)
    }

    /// Puts what sleeps into a Jacobian of the same step with all trees awake, and into bounds on its errors (A, B).
    pub(super) fn hold(&self, out: &mut Jacobian, bounds: &mut [Vec<f64>; 2]) {
        let nv = self.held.len();
        let (ndx, nu) = (out.verdicts.floor.len(), out.b.len().checked_div(out.verdicts.floor.len()).unwrap_or(0));
        let [bounds_a, bounds_b] = bounds;
        for dof in (0..nv).filter(|dof| self.frozen[*dof]) {
            for row in [dof, nv + dof] {
                for matrix in [&mut out.a, &mut *bounds_a] {
                    matrix[row * ndx..(row + 1) * ndx].fill(0.0);
                }
                for matrix in [&mut out.b, &mut *bounds_b] {
                    matrix[row * nu..(row + 1) * nu].fill(0.0);
                }
            }
            out.a[dof * ndx + dof] = 1.0;
        }
        for column in self.held().map(|dof| nv + dof) {
            for row in 0..ndx {
                (out.a[row * ndx + column], bounds_a[row * ndx + column]) = (0.0, 0.0);
            }
            for at in (column..out.c.len()).step_by(ndx) {
                if std::mem::take(&mut out.c[at]) != 0.0 {
                    out.verdicts.c[at] = ZeroVerdict::Undecided;
                }
            }
        }
        let Jacobian { c, d, verdicts, .. } = out;
        for (matrix, verdicts, columns, first) in [(c, &mut verdicts.c, ndx, 0), (d, &mut verdicts.d, nu, ndx)] {
            for (at, (x, verdict)) in matrix.iter_mut().zip(verdicts).enumerate() {
                if self.is_still(at / columns, first + at % columns) {
                    (*x, *verdict) = (0.0, ZeroVerdict::Zero);
                }
            }
        }
    }

    /// Puts the rows of what sleeps after the step to what they are, where differences have come to that but for their rounding, and not
    /// to the edge of falling asleep.
    fn settle(&self, out: &mut Jacobian) {
        let (nv, ndx) = (self.held.len(), out.verdicts.floor.len());
        let nu = out.b.len().checked_div(ndx).unwrap_or(0);
        let Jacobian { a, b, verdicts, .. } = out;
        let kink = verdicts.kink;
        for (row, dof) in (0..nv).filter(|dof| self.frozen[*dof]).flat_map(|dof| [(dof, Some(dof)), (nv + dof, None)]) {
            for (matrix, verdicts, columns) in [(&mut *a, &mut verdicts.a, ndx), (&mut *b, &mut verdicts.b, nu)] {
                for column in 0..columns {
                    let one = columns == ndx && dof == Some(column);
                    let (x, verdict) = (&mut matrix[row * columns + column], &mut verdicts[row * columns + column]);
                    let exact = f64::from(u8::from(one));
                    let bent = kink > 0.0 && *verdict == ZeroVerdict::Undecided;
                    if (*x - exact).abs() <= ROUNDING && !bent {
                        (*x, *verdict) = (exact, if one { ZeroVerdict::Nonzero } else { ZeroVerdict::Zero });
                    }
                }
            }
        }
    }

    /// Says in the verdicts what a nudge would wake, and that something sleeps.
    pub(super) fn tell(&self, out: &mut Jacobian) {
        self.settle(out);
        let (nv, ndx) = (self.held.len(), out.verdicts.floor.len());
        for dof in self.held() {
            let woken = (0..nv).filter(|other| self.held[*other] == self.held[dof]);
            for row in woken.flat_map(|other| [other, nv + other]) {
                out.verdicts.a[row * ndx + nv + dof] = ZeroVerdict::Undecided;
            }
            for sensor in (0..self.sensors.len()).filter(|sensor| self.sensors[*sensor]) {
                if let Some(verdict) = out.verdicts.c.get_mut(sensor * ndx + nv + dof) {
                    *verdict = ZeroVerdict::Undecided;
                }
            }
        }
        out.verdicts.switches.sleep |= self.any();
    }
}

/// The first tree of the cycle that a tree sleeps in.
fn first_of_cycle(asleep: &[i32], tree: usize) -> usize {
    let next = |tree: &usize| usize::try_from(asleep[*tree]).ok();
    std::iter::successors(Some(tree), next).take(asleep.len()).min().unwrap_or(tree)
}

/// Takes a step of a model, in a simulation of its own, to see what sleeps in it.
#[derive(Debug)]
pub(super) struct Watch {
    sim: Sim,
    pub(super) asleep: Asleep,
    /// The velocities below which dofs rest (nv).
    speeds: Vec<f64>,
    tired: Vec<bool>,
    /// Whether there is a sensor that forces or accelerations change.
    felt: bool,
}

impl Watch {
    /// For a model; None where nothing sleeps.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for a simulation.
    pub(super) fn new(model: &std::sync::Arc<Model>) -> Result<Option<Self>, PhysicsError> {
        if !model.sleeps() {
            return Ok(None);
        }
        let speeds = model.resting_speeds();
        let tired = vec![false; model.nv()];
        let felt = model.sensed().0.iter().any(|sensor| sensor.by[2]);
        Ok(Some(Self { sim: Sim::new(model)?, asleep: Asleep::default(), speeds, tired, felt }))
    }

    /// Whether something sleeps beside a sensor of a force or an acceleration: its own, or one of what carries it.
    pub(super) fn is_felt(&self) -> bool {
        self.felt && self.asleep.any()
    }

    /// Looks at the step from a state ([`Sim::get_state`]).
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn look(&mut self, state: &[f64]) -> Result<(), PhysicsError> {
        let model = self.sim.model().clone();
        self.asleep = Asleep::of(&model, &vec![-1; model.ntree()], &vec![-1; model.ntree()]);
        self.sim.set_state(state)?;
        self.tired.fill(false);
        if !self.sim.is_drowsy() {
            return Ok(());
        }
        let before = self.sim.tree_asleep().to_vec();
        for (tree, dofs) in model.dofs_of_trees().into_iter().enumerate() {
            dofs.into_iter().for_each(|dof| self.tired[dof] = Sim::is_tired(before[tree]));
        }
        self.sim.forward()?;
        let sensors = self.sim.asleep_sensors();
        self.sim.step()?;
        self.asleep = Asleep::of(&model, &before, self.sim.tree_asleep()).with_sensors(sensors);
        Ok(())
    }

    /// Marks the velocities (in ndx + nu columns) by which a tree that may fall asleep in this step comes to the edge of that within
    /// `reach`. `qvel` has nv entries.
    pub(super) fn mark_edges(&self, qvel: &[f64], reach: f64, bent: &mut [bool]) {
        let nv = qvel.len();
        for (dof, v) in qvel.iter().enumerate() {
            bent[nv + dof] |= self.tired[dof] && (v.abs() - self.speeds[dof]).abs() <= reach;
        }
    }
}

#[cfg(test)]
mod tests;
