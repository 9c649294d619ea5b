//! Whether a state has a derivative: what switches within reach of a nudge, and how much the two sides differ.

use std::sync::Arc;

use mujoco_rs::mujoco_c::{mjtConstraint, mjtConstraintState};

use super::Switches;
use super::asleep::Asleep;
use super::steps::{Column, Steps};
use crate::physics::{ConstraintRow, Model, PhysicsError, Sim, go_on};

/// One-sided Jacobians, row-major: forward and backward, A and B of each.
#[derive(Debug, Clone)]
pub(crate) struct OneSided {
    /// d next state / d state, nudged up and nudged down (ndx x ndx).
    pub(crate) a: [Vec<f64>; 2],
    /// d next state / d control (ndx x nu).
    pub(crate) b: [Vec<f64>; 2],
}

impl OneSided {
    /// Zeros of the sizes of a model.
    pub(crate) fn new(model: &Model) -> Self {
        let (ndx, nu) = (model.ndx(), model.nu());
        let of = |n: usize| [vec![0.0; n], vec![0.0; n]];
        Self { a: of(ndx * ndx), b: of(ndx * nu) }
    }

    /// Differences of mjd_transitionFD to either side at the present state of `sim`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(crate) fn take(&mut self, sim: &mut Sim, eps: f64) -> Result<(), PhysicsError> {
        let ([up_a, down_a], [up_b, down_b]) = (&mut self.a, &mut self.b);
        sim.transition_fd(eps, false, up_a, up_b, None)?;
        // One-sided, MuJoCo nudges by what it is given: downwards with a negative number.
        sim.transition_fd(-eps, false, down_a, down_b, None)
    }

    /// The largest difference between both sides, as a share of the largest entry of A. Controls that lie within `eps`
    /// of an end of their range have one side only and are left out.
    pub(crate) fn apart(&self, sim: &Sim, eps: f64) -> f64 {
        let model = sim.model();
        let [up, down] = &self.a;
        let largest = up.iter().chain(down).fold(0.0_f64, |most, x| most.max(x.abs()));
        let mut apart = up.iter().zip(down).fold(0.0_f64, |most, (x, y)| most.max((x - y).abs()));
        let nu = model.nu();
        for u in (0..nu).filter(|u| has_two_sides(model, *u, sim.ctrl()[*u], eps)) {
            let [up, down] = &self.b;
            for row in 0..model.ndx() {
                apart = apart.max((up[row * nu + u] - down[row * nu + u]).abs());
            }
        }
        if largest > 0.0 { apart / largest } else { 0.0 }
    }
}

/// How much the one-sided derivatives at the present state differ: the largest difference over A and B as a share of the
/// largest entry of A. `sides` is space.
///
/// # Errors
/// [`PhysicsError::Mujoco`].
pub(crate) fn one_sided(sim: &mut Sim, eps: f64, sides: &mut OneSided) -> Result<f64, PhysicsError> {
    sides.take(sim, eps)?;
    Ok(sides.apart(sim, eps))
}

/// Whether a control can be nudged both ways without leaving its range.
fn has_two_sides(model: &Model, control: usize, u: f64, eps: f64) -> bool {
    match model.clamped_range(control) {
        None => true,
        Some([low, high]) => u - eps >= low && u + eps <= high,
    }
}

/// What whole steps say about some columns of A and B.
#[derive(Debug)]
pub(super) struct Bends {
    /// Columns of A, then of B, that something may bend (ndx + nu).
    pub(super) columns: Vec<bool>,
    sensors: bool,
    /// Made for the first column that is asked for.
    steps: Option<Steps>,
    apart: Vec<f64>,
    column: Column,
}

impl Bends {
    /// For a model; with `sensors`, whole columns have these below.
    pub(super) fn new(model: &Model, sensors: bool) -> Self {
        Self { columns: Vec::new(), sensors, steps: None, apart: vec![0.0; model.ndx()], column: Column::default() }
    }

    /// Places the differences at `state`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn begin(&mut self, model: &Model, state: &[f64]) -> Result<(), PhysicsError> {
        if self.steps.is_none() {
            self.steps = Some(Steps::new(model, self.sensors)?);
        }
        self.steps.as_mut().map_or(Ok(()), |steps| steps.begin(state))
    }

    /// How far the derivatives of the two sides by one input are apart (ndx), at the state of [`Bends::begin`].
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn sides_apart(&mut self, input: usize) -> Result<&[f64], PhysicsError> {
        if let Some(steps) = &mut self.steps {
            steps.sides_apart(input, &mut self.apart)?;
        }
        Ok(&self.apart)
    }

    /// The derivatives by one input, by extrapolated differences of whole steps, at the state of [`Bends::begin`]; those that
    /// may jump by the measure of the largest entry of A.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn derive(&mut self, input: usize, jumps: Option<f64>) -> Result<&Column, PhysicsError> {
        if let Some(steps) = &mut self.steps {
            match jumps {
                None => steps.derive(input, &mut self.column)?,
                Some(largest) => steps.derive_unless_it_jumps(input, largest, &mut self.column)?,
            }
        }
        Ok(&self.column)
    }
}

/// Finds out what switches around a state, in a simulation of its own.
#[derive(Debug)]
pub(super) struct Surroundings {
    work: Sim,
    state: Vec<f64>,
    direction: Vec<f64>,
    qacc: Vec<f64>,
    jar: Vec<f64>,
}

impl Surroundings {
    /// For a model.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for a simulation.
    pub(super) fn new(model: &Arc<Model>) -> Result<Self, PhysicsError> {
        Ok(Self {
            work: Sim::new(model)?,
            state: vec![0.0; model.state_size()],
            direction: vec![0.0; model.nv()],
            qacc: vec![0.0; model.nv()],
            jar: Vec::new(),
        })
    }

    /// Solves, and says which constraints act.
    fn regime(&mut self) -> Result<ActiveConstraints, PhysicsError> {
        self.work.forward()?;
        self.qacc.copy_from_slice(self.work.qacc());
        // Where MuJoCo 3.17 solves by islands, it leaves the rows' states of an early iteration.
        self.work.stage_constraint(&self.qacc, &mut self.jar, false)?;
        Ok(ActiveConstraints::read(&self.work))
    }

    /// What differs between the solution at the state of `sim` and those after a nudge of any entry to either side.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn switches(&mut self, sim: &mut Sim, eps: f64) -> Result<Switches, PhysicsError> {
        let inputs = sim.model().ndx() + sim.model().nu();
        sim.get_state(&mut self.state)?;
        self.work.set_state(&self.state)?;
        let trees = self.work.tree_asleep().to_vec();
        let asleep = Asleep::of(sim.model(), &trees, &trees);
        let here = self.regime()?;
        let mut found = Switches::default();
        for input in (0..inputs).filter(|input| !asleep.is_velocity(*input)) {
            for nudge in [eps, -eps] {
                go_on()?;
                self.work.set_state(&self.state)?;
                self.work.nudge(input, nudge, &mut self.direction);
                found = found.or(here.switches(&self.regime()?));
            }
        }
        Ok(found)
    }
}

/// Which constraints act, and how.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ActiveConstraints {
    /// Geom pairs of the contacts that push, and the states of their rows.
    contacts: Vec<([i32; 2], Vec<Option<mjtConstraintState>>)>,
    /// Type and id of the limits that push.
    limits: Vec<(mjtConstraint, usize)>,
    /// Type, id and state of the rows of friction loss.
    friction: Vec<ConstraintRow>,
    /// Whether a force is held by its range.
    held: bool,
}

impl ActiveConstraints {
    /// Those of the last step, whose states are settled ([`Sim::settle_constraints`]).
    pub(super) fn read(sim: &Sim) -> Self {
        let mut out = Self { held: sim.force_is_clamped(), ..Self::default() };
        let mut contacts: Vec<([i32; 2], Vec<Option<mjtConstraintState>>)> =
            sim.contacts().map(|c| (c.geom, Vec::new())).collect();
        for row in sim.constraint_rows() {
            if row.is_friction_loss() {
                out.friction.push(row);
            } else if row.is_limit() && row.pushes() {
                out.limits.push((row.kind, row.id));
            } else if row.is_contact()
                && let Some((_, states)) = contacts.get_mut(row.id)
            {
                states.push(row.state);
            }
        }
        contacts.retain(|(_, states)| {
            states.iter().any(|state| *state != Some(mjtConstraintState::mjCNSTRSTATE_SATISFIED))
        });
        // The points of one pair come in any order.
        contacts.sort_unstable_by_key(|(geoms, states)| {
            (*geoms, states.iter().map(|s| s.map(|s| s as u32)).collect::<Vec<_>>())
        });
        out.contacts = contacts;
        out
    }

    /// What differs from another.
    pub(super) fn switches(&self, other: &Self) -> Switches {
        let contact = !self.contacts.iter().map(|c| c.0).eq(other.contacts.iter().map(|c| c.0));
        Switches {
            contact,
            limit: self.limits != other.limits,
            friction: self.friction != other.friction || !contact && self.contacts != other.contacts,
            force: self.held != other.held,
            sleep: false,
            other: false,
        }
    }
}
