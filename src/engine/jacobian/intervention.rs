//! Interventions of finite size: what a control step, or some of them, makes of a state of which one input was changed.
//!
//! With x the state in its tangent space and u the controls of the first control step, do(x_j := x_j + delta) changes the next
//! state by
//!
//! ```text
//! change_i = x'_i(x + delta e_j, u) - x'_i(x, u)      (ndx numbers, in the units of the state)
//! ```
//!
//! in the tangent space of x'. Both steps are whole: positions, contacts, solve and integration, on a model whose solver runs
//! to its end ([`Model::strict`]) and from the same warm start, as [`super::steps`] takes its differences.
//!
//! A change is seen beyond what rounding makes. That is measured: from the base and from the changed state the same steps are taken
//! again from states that differ in the last bits of every entry. What these come to differently is what nothing at all does. What a
//! solve of constraints leaves goes to any dof of a tree, now here and now there: where there are constraint rows, the noise of a tree's
//! velocities is the largest of theirs, and that of its positions at least what this moves in the time of the steps.

use std::sync::Arc;

use super::Switches;
use super::kink::ActiveConstraints;
use super::steps::NextState;
use crate::physics::{BodyId, JointKind, Model, PhysicsError, Sim, go_on};

/// Runs from states that differ in their last bits: of the base, and of a changed state.
const BASE_PROBES: u64 = 4;
const PROBES: u64 = 2;

/// A change up to this share of the largest one of its intervention, or up to so many times the base's noise, may be noise:
/// it is measured at the changed state too.
const SMALL: f64 = 1e-6;
const NEAR_NOISE: f64 = 1e3;

/// What drives a control step beside the state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drive {
    /// Controls (nu).
    pub ctrl: Vec<f64>,
    /// Positions of mocap bodies (nmocap x 3).
    pub mocap_pos: Vec<f64>,
    /// Their orientations (nmocap x 4).
    pub mocap_quat: Vec<f64>,
    /// Forces (N) and torques (N m) on bodies.
    pub forces: Vec<(BodyId, [f64; 6])>,
}

impl Drive {
    /// Puts a simulation under it.
    pub fn apply(&self, sim: &mut Sim) {
        sim.ctrl_mut().copy_from_slice(&self.ctrl);
        sim.mocap_pos_mut().copy_from_slice(&self.mocap_pos);
        sim.mocap_quat_mut().copy_from_slice(&self.mocap_quat);
        for (body, force) in &self.forces {
            sim.set_body_force(*body, *force);
        }
    }
}

/// What an intervention has done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effect {
    /// The size that was applied; less than asked for where the range of a control cuts it, down to 0, and 0 where it is below the last
    /// bit of what it is added to.
    pub applied: f64,
    /// By how much each entry of the state is another one afterwards (ndx); NaN where the step has diverged.
    pub change: Vec<f64>,
    /// How far rounding alone may move each of these (ndx).
    pub noise: Vec<f64>,
    /// What switches within the steps that does not switch without the intervention.
    pub switches: Switches,
    /// Whether the steps end in numbers that are none, or that MuJoCo calls huge.
    pub diverged: bool,
}

/// Which constraints act in a physics step, and which forces are held by their ranges.
#[derive(Debug)]
struct Acting {
    constraints: ActiveConstraints,
    held: Vec<(usize, bool)>,
}

impl Acting {
    fn read(sim: &Sim) -> Self {
        Self { constraints: ActiveConstraints::read(sim), held: sim.held_forces().collect() }
    }

    fn switches(&self, other: &Self) -> Switches {
        Switches { force: self.held != other.held, ..self.constraints.switches(&other.constraints) }
    }
}

/// Interventions on one state at a time, each of which is simulated.
#[derive(Debug)]
pub struct Interventions {
    sim: Sim,
    /// Whether solves start from nothing, as in differences of whole steps.
    cold: bool,
    /// Physics steps of a control step.
    substeps: usize,
    state: Vec<f64>,
    drives: Vec<Drive>,
    next: NextState,
    /// What acts in each physics step from the base.
    base: Vec<Acting>,
    noise: Vec<f64>,
    /// The kinematic tree of every dof, by number.
    trees: Vec<usize>,
    /// Whether any of the steps since the last look has constraint rows.
    constrained: bool,
    /// Space.
    direction: Vec<f64>,
    jar: Vec<f64>,
    nudged: NextState,
    probed: Vec<f64>,
}

impl Interventions {
    /// For a model whose control steps have so many physics steps, with a simulation of its own.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for one.
    pub fn new(model: &Model, substeps: usize) -> Result<Self, PhysicsError> {
        let model = Arc::new(model.strict()?);
        let (nv, ndx) = (model.nv(), model.ndx());
        let mut trees = vec![0; nv];
        for (tree, dofs) in model.dofs_of_trees().into_iter().enumerate() {
            dofs.into_iter().for_each(|dof| trees[dof] = tree);
        }
        Ok(Self {
            cold: !model.solves_by_sweeps(),
            substeps,
            state: vec![0.0; model.state_size()],
            drives: Vec::new(),
            next: NextState::new(&model),
            base: Vec::new(),
            noise: vec![0.0; ndx],
            trees,
            constrained: false,
            direction: vec![0.0; nv],
            jar: Vec::new(),
            nudged: NextState::new(&model),
            probed: vec![0.0; ndx],
            sim: Sim::new(&model)?,
        })
    }

    /// The model that is stepped.
    pub fn model(&self) -> &Arc<Model> {
        self.sim.model()
    }

    /// Takes a state ([`Sim::get_state`]) and what drives each control step from it as the place to intervene at. False where its own
    /// steps diverge.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`], [`PhysicsError::Stopped`].
    ///
    /// # Panics
    /// When there is no drive, or the state is of another model.
    pub fn begin(&mut self, state: &[f64], drives: Vec<Drive>) -> Result<bool, PhysicsError> {
        assert!(!drives.is_empty(), "at least one control step");
        self.state.copy_from_slice(state);
        self.drives = drives;
        let mut base = std::mem::take(&mut self.base);
        base.clear();
        self.constrained = false;
        self.place()?;
        self.run(0.0, None, Some(&mut base))?;
        self.base = base;
        if self.sim.divergence().is_some() {
            return Ok(false);
        }
        self.next.note(&self.sim);
        self.noise.fill(0.0);
        for probe in 0..BASE_PROBES {
            self.place()?;
            self.shake(probe);
            self.run(0.0, None, None)?;
            let Self { sim, next, noise, probed, .. } = self;
            next.difference(sim, 1.0, probed);
            widen(noise, probed);
        }
        let grain = self.grain();
        self.noise.iter_mut().zip(grain).for_each(|(noise, grain)| *noise = noise.max(grain));
        let mut noise = std::mem::take(&mut self.noise);
        self.share(&mut noise);
        self.noise = noise;
        Ok(true)
    }

    /// How far rounding alone may move each entry of the next state (ndx).
    pub fn base_noise(&self) -> &[f64] {
        &self.noise
    }

    /// Changes an input (an entry of the tangent state, or a control of the first control step behind them) by `size`, and takes
    /// the steps. A control stays within its range.
    ///
    /// # Errors
    /// [`PhysicsError::Stopped`]; whatever MuJoCo cannot step is an intervention that has diverged.
    pub fn apply(&mut self, input: usize, size: f64, out: &mut Effect) -> Result<(), PhysicsError> {
        go_on()?;
        let ndx = self.model().ndx();
        out.change.resize(ndx, 0.0);
        out.noise.resize(ndx, 0.0);
        out.noise.copy_from_slice(&self.noise);
        (out.switches, out.diverged) = (Switches::default(), false);
        out.applied = self.room(input, size);
        if out.applied != 0.0 && !self.moves(input, out.applied)? {
            out.applied = 0.0;
        }
        if out.applied == 0.0 {
            out.change.fill(0.0);
            return Ok(());
        }
        match self.changed(input, out) {
            Ok(()) => {}
            Err(PhysicsError::Stopped) => return Err(PhysicsError::Stopped),
            Err(_) => {
                // A fatal error leaves the mjData half computed.
                self.sim = Sim::new(&self.sim.model().clone())?;
                out.diverged = true;
            }
        }
        if out.diverged {
            out.change.fill(f64::NAN);
        }
        Ok(())
    }

    fn changed(&mut self, input: usize, out: &mut Effect) -> Result<(), PhysicsError> {
        let mut acting = Vec::with_capacity(self.base.len());
        self.constrained = false;
        self.place()?;
        self.run(out.applied, Some(input), Some(&mut acting))?;
        out.diverged = self.sim.divergence().is_some();
        if out.diverged {
            return Ok(());
        }
        let switches = self.base.iter().zip(&acting).map(|(base, here)| base.switches(here));
        out.switches = switches.fold(Switches::default(), Switches::or);
        self.next.difference(&self.sim, 1.0, &mut out.change);
        let largest = out.change.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let small = |(x, noise): (&f64, &f64)| *x != 0.0 && x.abs() <= (SMALL * largest).max(NEAR_NOISE * noise);
        if !out.change.iter().zip(&self.noise).any(small) {
            return Ok(());
        }
        self.nudged.note(&self.sim);
        for probe in 0..PROBES {
            self.place()?;
            self.shake(BASE_PROBES + probe);
            self.run(out.applied, Some(input), None)?;
            let Self { sim, nudged, probed, .. } = self;
            nudged.difference(sim, 1.0, probed);
            widen(&mut out.noise, probed);
        }
        self.share(&mut out.noise);
        Ok(())
    }

    /// Gives the noise of a solve to all dofs of a tree.
    fn share(&self, noise: &mut [f64]) {
        if !self.constrained {
            return;
        }
        let nv = self.trees.len();
        let (positions, rest) = noise.split_at_mut(nv);
        let mut most = vec![0.0_f64; nv];
        for (tree, noise) in self.trees.iter().zip(&*rest) {
            most[*tree] = most[*tree].max(*noise);
        }
        let time = self.model().timestep() * (self.substeps * self.drives.len()) as f64;
        for ((position, velocity), tree) in positions.iter_mut().zip(rest).zip(&self.trees) {
            *velocity = most[*tree];
            *position = position.max(time * most[*tree]);
        }
    }

    /// The size of an intervention that the range of a control leaves.
    fn room(&self, input: usize, size: f64) -> f64 {
        let Some(control) = input.checked_sub(self.model().ndx()) else { return size };
        let Some([low, high]) = self.model().clamped_range(control) else { return size };
        let u = self.drives[0].ctrl[control];
        let applied = (u + size).clamp(low, high) - u;
        // What is cut by nothing but rounding is not cut.
        if (applied - size).abs() <= 4.0 * f64::EPSILON * u.abs().max(size.abs()) { size } else { applied }
    }

    /// Whether a change of an input makes any number of the state or the controls another one: x + delta is x where delta is below the last
    /// bit of x.
    fn moves(&mut self, input: usize, by: f64) -> Result<bool, PhysicsError> {
        // Any turn scales a quaternion to length 1, so a change is compared with one by nothing.
        let mut sides = [Vec::new(), Vec::new()];
        for (numbers, by) in sides.iter_mut().zip([0.0, by]) {
            self.place()?;
            self.sim.nudge(input, by, &mut self.direction);
            for part in [self.sim.qpos(), self.sim.qvel(), self.sim.act(), self.sim.ctrl()] {
                numbers.extend_from_slice(part);
            }
        }
        let [without, with] = sides;
        Ok(without != with)
    }

    fn place(&mut self) -> Result<(), PhysicsError> {
        self.sim.set_state(&self.state)?;
        self.sim.clear_warnings();
        self.drives[0].apply(&mut self.sim);
        if self.cold {
            self.sim.qacc_warmstart_mut().fill(0.0);
        }
        Ok(())
    }

    /// Takes all physics steps, after a change of one input, and notes which constraints act in each.
    fn run(&mut self, by: f64, input: Option<usize>, mut acting: Option<&mut Vec<Acting>>) -> Result<(), PhysicsError> {
        if let Some(input) = input {
            self.sim.nudge(input, by, &mut self.direction);
        }
        for (number, drive) in self.drives.iter().enumerate() {
            if number > 0 {
                drive.apply(&mut self.sim);
            }
            for _ in 0..self.substeps {
                go_on()?;
                self.sim.step()?;
                self.constrained |= self.sim.nefc() > 0;
                if let Some(acting) = &mut acting {
                    self.sim.settle_constraints(&mut self.jar)?;
                    acting.push(Acting::read(&self.sim));
                }
            }
        }
        Ok(())
    }

    /// Moves every entry of the state by one or two units in the last place of what it is computed with: of a translation,
    /// of all places in the world.
    fn shake(&mut self, probe: u64) {
        let model = self.sim.model().clone();
        let nv = model.nv();
        let length = model.joints().filter(|j| matches!(j.kind, JointKind::Free | JointKind::Slide));
        let length = length.map(|j| self.sim.qpos()[j.qpos..][..if j.kind == JointKind::Free { 3 } else { 1 }].iter());
        let length = length.flatten().fold(1.0_f64, |most, x| most.max(x.abs()));
        let mut direction = std::mem::take(&mut self.direction);
        direction.fill(length);
        for joint in model.joints().filter(|j| j.kind == JointKind::Hinge) {
            direction[joint.dof] = self.sim.qpos()[joint.qpos].abs().max(1.0);
        }
        for (dof, size) in direction.iter_mut().enumerate() {
            *size *= bits(probe, dof);
        }
        model.integrate_pos(self.sim.qpos_mut(), &direction, f64::EPSILON);
        for (i, x) in self.sim.qvel_mut().iter_mut().enumerate() {
            *x += f64::EPSILON * x.abs().max(1.0) * bits(probe, nv + i);
        }
        for (i, x) in self.sim.act_mut().iter_mut().enumerate() {
            *x += f64::EPSILON * x.abs() * bits(probe, 2 * nv + i);
        }
        self.direction = direction;
    }

    /// What the last places of the next state are worth (ndx): two of them.
    fn grain(&mut self) -> Vec<f64> {
        let model = self.sim.model().clone();
        let (qpos, rest) = self.next.parts();
        let mut grain = vec![1.0; model.nv()];
        for joint in model.joints() {
            let n = match joint.kind {
                JointKind::Free => 3,
                JointKind::Ball => 0,
                JointKind::Slide | JointKind::Hinge => 1,
            };
            grain[joint.dof..joint.dof + n].copy_from_slice(&qpos[joint.qpos..joint.qpos + n]);
        }
        grain.extend_from_slice(rest);
        grain.iter_mut().for_each(|x| *x = 2.0 * f64::EPSILON * x.abs());
        grain
    }
}

/// Keeps the largest size of each; what is no number is no measure.
fn widen(noise: &mut [f64], seen: &[f64]) {
    for (noise, seen) in noise.iter_mut().zip(seen) {
        *noise = if seen.is_finite() { noise.max(seen.abs()) } else { f64::INFINITY };
    }
}

/// -2, -1, 1 or 2, as it comes of the numbers (the finalizer of MurmurHash3).
fn bits(probe: u64, entry: usize) -> f64 {
    let mut x = (probe << 32 | entry as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    for (shift, factor) in [(33, 0xff51_afd7_ed55_8ccd_u64), (33, 0xc4ce_b9fe_1a85_ec53)] {
        x = (x ^ x >> shift).wrapping_mul(factor);
    }
    [-2.0, -1.0, 1.0, 2.0][(x >> 62) as usize]
}
