//! The forward dynamics in stages, for derivatives at a fixed acceleration: what MuJoCo solves, and the pieces
//! that it solves it from.
//!
//! MuJoCo's acceleration a satisfies `M a = smooth + J' f(J a - aref)`. A stage recomputes what follows from
//! positions, velocities or controls; none of them solves anything.

use mujoco_rs::mujoco_c::{
    mj_applyFT, mj_differentiatePos, mj_fullM, mj_integratePos, mj_isSparse, mj_mulJacVec, mjData, mjd_quatIntegrate,
    mjtConstraintState, mjtDisableBit, mjtGain, mjtIntegrator,
};

use super::elements::{Slices, Variant};
use super::guard;
use super::sim::view;
use super::{Actuator, JointKind, Model, PhysicsError, Sim, StepInput};

/// A contact in the elliptic cone's middle zone, where its rows push back together.
#[derive(Debug, Clone, Copy)]
pub struct Cone<'a> {
    /// Its first constraint row.
    pub row: usize,
    /// Its rows.
    pub dim: usize,
    /// d2 cost / d jar2, dim x dim, row-major.
    pub hessian: &'a [f64],
}

/// What the integrator adds to the inertia before it solves for the step's acceleration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damping {
    /// Nothing: semi-implicit Euler.
    None,
    /// h times the joints' damping: Euler with implicit damping.
    Joints,
    /// -h times the symmetric part of d (passive + actuator) / d velocity: implicitfast.
    Symmetric,
    /// -h times d (passive + actuator - bias) / d velocity: implicit.
    Full,
}

impl Model {
    /// How the integrator treats damping; None for RK4.
    pub fn integrator_damping(&self) -> Option<Damping> {
        match Variant::of(self.raw().opt.integrator) {
            Ok(mjtIntegrator::mjINT_EULER) => {
                let on_joints = |a: Actuator| a.is_damped() && a.is_on_joint();
                let damped = self.dof_damping().iter().any(|x| *x > 0.0)
                    || self.has_curved_dampers()
                    || self.actuators().any(on_joints);
                let off = [mjtDisableBit::mjDSBL_EULERDAMP, mjtDisableBit::mjDSBL_DAMPER].map(|b| self.is_disabled(b));
                Some(if damped && off == [false; 2] { Damping::Joints } else { Damping::None })
            }
            Ok(mjtIntegrator::mjINT_IMPLICITFAST) => Some(Damping::Symmetric),
            Ok(mjtIntegrator::mjINT_IMPLICIT) => Some(Damping::Full),
            Ok(mjtIntegrator::mjINT_RK4 | mjtIntegrator::mjINT_DISCRETE) | Err(_) => None,
        }
    }

    /// Whether its steps are mj_RungeKutta's, of four stages.
    pub fn steps_by_runge_kutta(&self) -> bool {
        matches!(Variant::of(self.raw().opt.integrator), Ok(mjtIntegrator::mjINT_RK4))
    }

    /// Which entries of the lower triangle of the inertia MuJoCo keeps (nv x nv, row-major): those of dofs on one branch, and of
    /// bodies that it takes for simple the diagonal alone. What implicitfast adds to the inertia is added to these.
    pub fn inertia_pattern(&self) -> Vec<bool> {
        let m = self.raw();
        // SAFETY: M_rownnz and M_rowadr have nv entries; they point into M_colind, which has nC.
        unsafe { pattern(self.nv(), [m.M_rownnz, m.M_rowadr, m.M_colind].map(<*mut i32>::cast_const)) }
    }

    /// Which entries of d smooth / d velocity (nv x nv, row-major) MuJoCo keeps.
    pub fn damping_pattern(&self) -> Vec<bool> {
        let m = self.raw();
        // SAFETY: D_rownnz and D_rowadr have nv entries; they point into D_colind, which has nD.
        unsafe { pattern(self.nv(), [m.D_rownnz, m.D_rowadr, m.D_colind].map(<*mut i32>::cast_const)) }
    }

    /// Gravity, m/s^2; zero where it is off.
    pub fn gravity(&self) -> [f64; 3] {
        if self.is_disabled(mjtDisableBit::mjDSBL_GRAVITY) { [0.0; 3] } else { self.raw().opt.gravity }
    }

    /// Whether springs, dampers and actuators push.
    pub fn pushes(&self) -> [bool; 3] {
        [mjtDisableBit::mjDSBL_SPRING, mjtDisableBit::mjDSBL_DAMPER, mjtDisableBit::mjDSBL_ACTUATION]
            .map(|bit| !self.is_disabled(bit))
    }

    /// Whether there are passive forces at all: where springs and dampers are both switched off, MuJoCo leaves out those of a medium
    /// and compensated gravity too.
    pub fn has_passive_forces(&self) -> bool {
        let [springs, dampers, _] = self.pushes();
        springs || dampers
    }

    /// Whether it has flexible elements.
    pub fn has_flexes(&self) -> bool {
        self.raw().nflex > 0
    }

    /// Bodies that move freely, with no other joint on them and none behind: six dofs alone in their tree. With each, the bodies
    /// that move with it as one: itself and those that are fixed to it.
    pub fn free_bodies(&self) -> Vec<(usize, Vec<usize>)> {
        let m = Slices(self.raw());
        let alone = |dof: usize| m.tree_dofnum()[m.dof_treeid()[dof] as usize] == 6;
        let free = self.joints().filter(|j| j.kind == JointKind::Free && alone(j.dof));
        free.map(|j| {
            let body = m.dof_bodyid()[j.dof] as usize;
            (body, (body..m.body_rootid().len()).filter(|b| m.body_rootid()[*b] as usize == body).collect())
        })
        .collect()
    }

    /// Whether contacts are found and act.
    pub fn has_contacts(&self) -> bool {
        !self.is_disabled(mjtDisableBit::mjDSBL_CONTACT) && !self.is_disabled(mjtDisableBit::mjDSBL_CONSTRAINT)
    }

    /// The tangent vector (nv) that moves `from` to `to` (nq) in `dt`.
    pub fn differentiate_pos(&self, from: &[f64], to: &[f64], dt: f64, out: &mut [f64]) {
        assert_eq!((from.len(), to.len(), out.len()), (self.nq(), self.nq(), self.nv()), "qpos is nq, the vector nv");
        // SAFETY: all arrays have the sizes that MuJoCo reads and writes.
        unsafe { mj_differentiatePos(self.ptr(), out.as_mut_ptr(), dt, from.as_ptr(), to.as_ptr()) };
    }

    /// Whether it has plugins.
    pub fn has_plugins(&self) -> bool {
        self.raw().nplugin > 0
    }

    /// Whether a dof's damper has higher powers.
    pub fn has_curved_dampers(&self) -> bool {
        Slices(self.raw()).dof_dampingpoly().iter().flatten().any(|x| *x != 0.0)
    }

    /// The dampers of the dofs, with those of actuators on their joints (nv): b and the coefficients of the higher powers; a
    /// velocity v is damped by v (b + c0 |v| + c1 v^2).
    pub fn dampers(&self) -> Vec<(f64, [f64; 2])> {
        let own = self.dof_damping().iter().copied().zip(Slices(self.raw()).dof_dampingpoly().iter().copied());
        let mut all: Vec<(f64, [f64; 2])> = own.collect();
        let joints: Vec<_> = self.joints().collect();
        for actuator in self.actuators().filter(|a| a.is_damped() && a.is_on_joint()) {
            let joint = usize::try_from(actuator.targets[0]).ok().and_then(|id| joints.get(id));
            let Some(joint) = joint else { continue };
            let share = actuator.gear * actuator.gear;
            for (b, powers) in &mut all[joint.dof..joint.dof + joint.kind.dofs()] {
                *b += actuator.damping * share;
                powers.iter_mut().zip(actuator.dampingpoly).for_each(|(sum, c)| *sum += c * share);
            }
        }
        all
    }

    /// Linear damping of the dofs (nv).
    pub fn dof_damping(&self) -> &[f64] {
        Slices(self.raw()).dof_damping()
    }

    /// Moves `qpos` (nq) along the tangent vector `v` (nv) for `dt`.
    pub fn integrate_pos(&self, qpos: &mut [f64], v: &[f64], dt: f64) {
        assert_eq!((qpos.len(), v.len()), (self.nq(), self.nv()), "qpos is nq, v is nv");
        // SAFETY: both arrays have the sizes that MuJoCo reads and writes.
        unsafe { mj_integratePos(self.ptr(), qpos.as_mut_ptr(), v.as_ptr(), dt) };
    }
}

impl Sim {
    /// Nudges an input of a step: an entry of the tangent state, or a control behind them (ndx + nu). `direction` (nv) is
    /// space.
    pub fn nudge(&mut self, input: usize, by: f64, direction: &mut [f64]) {
        let model = self.model().clone();
        match model.layout().input(input) {
            StepInput::Position(dof) => {
                direction.fill(0.0);
                direction[dof] = 1.0;
                model.integrate_pos(self.qpos_mut(), direction, by);
            }
            StepInput::Velocity(dof) => self.qvel_mut()[dof] += by,
            StepInput::Activation(i) => self.act_mut()[i] += by,
            StepInput::Control(i) => self.ctrl_mut()[i] += by,
        }
    }

    /// Nudges the first inputs, the positions among them, by so much of `by` each, as [`Sim::nudge`] one.
    pub fn nudge_along(&mut self, along: &[f64], by: f64) {
        let model = self.model().clone();
        for (input, share) in along.iter().enumerate() {
            match model.layout().input(input) {
                StepInput::Position(_) => {}
                StepInput::Velocity(dof) => self.qvel_mut()[dof] += by * share,
                StepInput::Activation(i) => self.act_mut()[i] += by * share,
                StepInput::Control(i) => self.ctrl_mut()[i] += by * share,
            }
        }
        model.integrate_pos(self.qpos_mut(), &along[..model.nv()], by);
    }

    /// Nudges several inputs by as much each, as [`Sim::nudge`] one.
    pub fn nudge_together(&mut self, inputs: &[usize], by: f64, direction: &mut [f64]) {
        let model = self.model().clone();
        direction.fill(0.0);
        for input in inputs {
            match model.layout().input(*input) {
                StepInput::Position(dof) => direction[dof] = 1.0,
                StepInput::Velocity(dof) => self.qvel_mut()[dof] += by,
                StepInput::Activation(i) => self.act_mut()[i] += by,
                StepInput::Control(i) => self.ctrl_mut()[i] += by,
            }
        }
        if direction.contains(&1.0) {
            model.integrate_pos(self.qpos_mut(), direction, by);
        }
    }
}

/// Derivatives of a quaternion turned by `velocity` for `dt`, in the tangent space: by the quaternion and by the
/// velocity, 3 x 3, row-major (mjd_quatIntegrate).
pub(crate) fn turn_derivatives(velocity: [f64; 3], dt: f64) -> ([f64; 9], [f64; 9]) {
    let (mut by_turn, mut by_velocity, mut by_time) = ([0.0; 9], [0.0; 9], [0.0; 3]);
    // SAFETY: all arrays have the sizes that MuJoCo reads and writes.
    unsafe { mjd_quatIntegrate(&velocity, dt, &mut by_turn, &mut by_velocity, &mut by_time) };
    // MuJoCo's is the derivative by the velocity times dt.
    (by_turn, by_velocity.map(|x| dt * x))
}

impl Sim {
    /// Everything that follows from positions.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn stage_position(&mut self) -> Result<(), PhysicsError> {
        let m = self.model().ptr();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_stage_position(m, d) })
    }

    /// What follows from positions but for contacts and inertia. There are no contacts afterwards, and no rows of any.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn stage_light(&mut self) -> Result<(), PhysicsError> {
        let m = self.model().ptr();
        // SAFETY: model and data belong together; ncon is a member of data, which nobody else reads meanwhile.
        self.call(|d| unsafe { guard::ds_stage_light(m, d, &raw mut (*d).ncon) })
    }

    /// Everything that follows from velocities, after [`Sim::stage_position`].
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn stage_velocity(&mut self) -> Result<(), PhysicsError> {
        let m = self.model().ptr();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_stage_velocity(m, d) })
    }

    /// Actuator forces, after [`Sim::stage_velocity`].
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn stage_actuation(&mut self) -> Result<(), PhysicsError> {
        let m = self.model().ptr();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_stage_actuation(m, d) })
    }

    /// Constraint forces at the acceleration `qacc` (nv), without solving for it. With `cones` the Hessians of
    /// [`Sim::cones`] too. `jar` is space for one number per constraint row.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn stage_constraint(&mut self, qacc: &[f64], jar: &mut Vec<f64>, cones: bool) -> Result<(), PhysicsError> {
        assert_eq!(qacc.len(), self.model().nv(), "qacc is nv");
        let n = self.nefc();
        if n == 0 {
            self.qfrc_constraint_mut().fill(0.0);
            return Ok(());
        }
        jar.resize(n, 0.0);
        let m = self.model().ptr();
        // SAFETY: jar has nefc entries, qacc nv.
        unsafe { mj_mulJacVec(m, self.data.as_ptr(), jar.as_mut_ptr(), qacc.as_ptr()) };
        for (x, aref) in jar.iter_mut().zip(self.efc_aref()) {
            *x -= aref;
        }
        // SAFETY: jar has nefc entries.
        self.call(|d| unsafe { guard::ds_constraint_update(m, d, jar.as_ptr(), cones.into()) })
    }

    /// States and forces of the constraint rows at the acceleration that was solved for. Where MuJoCo 3.17 solves by
    /// islands, it leaves the states of an earlier iteration. Positions, velocities and what follows from them stay.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn settle_constraints(&mut self, jar: &mut Vec<f64>) -> Result<(), PhysicsError> {
        // Noslip iterations leave forces that are no function of the acceleration, and states of their own.
        if self.model().noslip_sweeps() > 0 {
            return Ok(());
        }
        let qacc = self.qacc().to_vec();
        self.stage_constraint(&qacc, jar, false)
    }

    /// How far the sweeps of PGS have left the solution: the gradient at the acceleration that they came to, scaled as
    /// [`SolverStats::residual`](super::SolverStats::residual), and its largest entry as a share of the largest constraint force.
    /// None with other solvers, and with noslip iterations, which leave the solution by themselves. Rows have the states and
    /// forces of [`Sim::settle_constraints`] afterwards.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn swept_residual(&mut self, jar: &mut Vec<f64>) -> Result<Option<[f64; 2]>, PhysicsError> {
        let model = self.model().clone();
        if !model.solves_by_sweeps() || model.noslip_sweeps() > 0 || self.nefc() == 0 {
            return Ok(None);
        }
        let swept = self.qfrc_constraint().to_vec();
        self.settle_constraints(jar)?;
        let largest = |x: &mut dyn Iterator<Item = f64>| x.fold(0.0_f64, |most, x| most.max(x.abs()));
        let apart = || swept.iter().zip(self.qfrc_constraint()).map(|(swept, at)| swept - at);
        let scale = 1.0 / (model.raw().stat.meaninertia * model.nv().max(1) as f64);
        let norm = apart().map(|x| x * x).sum::<f64>().sqrt();
        let all = largest(&mut swept.iter().copied());
        Ok(Some([scale * norm, if norm == 0.0 { 0.0 } else { largest(&mut apart()) / all }]))
    }

    /// Whether a force is held by a limit now: an actuator's by its forcerange, a joint's by its actfrcrange. Then
    /// MuJoCo's d smooth / d velocity, which looks through the limit, is not the derivative.
    pub fn force_is_clamped(&self) -> bool {
        self.clamped_forces() > 0
    }

    /// Number of forces that are held by a limit now.
    pub fn clamped_forces(&self) -> usize {
        self.held_forces().count()
    }

    /// The forces that are held by a limit now: numbers of actuators, then of joints counted behind all actuators, and whether the
    /// upper limit holds them.
    pub fn held_forces(&self) -> impl Iterator<Item = (usize, bool)> + '_ {
        let (model, d) = (self.model(), self.raw());
        let held = |[low, high]: [f64; 2], force: f64| (force <= low || force >= high).then_some(force >= high);
        let actuators = model.actuators().enumerate().filter_map(move |(i, actuator)| {
            let range = actuator.forcerange?;
            // SAFETY: an actuator's outputs are entries of actuator_force.
            let mut forces = actuator.outputs.clone().map(|output| unsafe { *d.actuator_force.add(output) });
            let end = if actuator.gaintype == Ok(mjtGain::mjGAIN_SO3) {
                // The size of its torque is held, not its components; rounding leaves it beside the bound.
                let size = forces.map(|x| x * x).sum::<f64>().sqrt();
                (size >= range[1] * (1.0 - 1e-14)).then_some(true)
            } else {
                forces.find_map(|force| held(range, force))
            };
            Some((i, end?))
        });
        let behind = model.actuators().len();
        let joints = model.joints().enumerate().filter_map(move |(i, joint)| {
            // SAFETY: qfrc_actuator has nv entries, of which a joint's dof is one.
            Some((behind + i, held(joint.actfrcrange?, unsafe { *d.qfrc_actuator.add(joint.dof) })?))
        });
        actuators.chain(joints)
    }

    /// Number of constraint rows.
    pub fn nefc(&self) -> usize {
        self.raw().nefc.max(0) as usize
    }

    /// All forces but those of constraints (nv): passive, actuators, applied, less the bias.
    pub fn smooth_force(&self, out: &mut [f64]) {
        let (nv, nbody) = (self.model().nv(), self.model().raw().nbody as usize);
        assert_eq!(out.len(), nv, "forces are nv");
        let d = self.raw();
        // SAFETY: the four arrays have nv entries.
        let (passive, bias, actuator, applied) = unsafe {
            (
                view(d.qfrc_passive.cast::<f64>(), nv),
                view(d.qfrc_bias.cast::<f64>(), nv),
                view(d.qfrc_actuator.cast::<f64>(), nv),
                view(d.qfrc_applied.cast::<f64>(), nv),
            )
        };
        for i in 0..nv {
            out[i] = passive[i] - bias[i] + applied[i] + actuator[i];
        }
        for body in 1..nbody {
            // SAFETY: xfrc_applied and xipos have nbody rows.
            let (force, at) =
                unsafe { (*d.xfrc_applied.cast::<[f64; 6]>().add(body), *d.xipos.cast::<[f64; 3]>().add(body)) };
            if force.iter().any(|x| *x != 0.0) {
                let (f, t) = ([force[0], force[1], force[2]], [force[3], force[4], force[5]]);
                let data: *mut mjData = self.data.as_ptr();
                // SAFETY: model and data belong together, the body is one of theirs, out has nv entries. It uses
                // MuJoCo's stack alone.
                unsafe { mj_applyFT(self.model().ptr(), data, &f, &t, &at, body as i32, out.as_mut_ptr()) };
            }
        }
    }

    /// Passive forces and those of actuators (nv).
    pub fn pushing_force(&self, out: &mut [f64]) {
        let nv = self.model().nv();
        assert_eq!(out.len(), nv, "forces are nv");
        let d = self.raw();
        // SAFETY: both arrays have nv entries.
        let (passive, actuator) =
            unsafe { (view(d.qfrc_passive.cast::<f64>(), nv), view(d.qfrc_actuator.cast::<f64>(), nv)) };
        for (x, (p, a)) in out.iter_mut().zip(passive.iter().zip(actuator)) {
            *x = p + a;
        }
    }

    /// The inertia M (nv x nv).
    pub fn inertia(&self, out: &mut [f64]) {
        let nv = self.model().nv();
        assert_eq!(out.len(), nv * nv, "M is nv x nv");
        // SAFETY: out has nv x nv entries.
        unsafe { mj_fullM(self.model().ptr(), self.data.as_ptr(), out.as_mut_ptr()) };
    }

    /// d (passive + actuator) / d velocity, and less d bias / d velocity with `bias` (nv x nv, row-major): the entries of
    /// [`Model::damping_pattern`]; what else is in `out` stays.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn smooth_derivative(&mut self, bias: bool, out: &mut [f64]) -> Result<(), PhysicsError> {
        let nv = self.model().nv();
        assert_eq!(out.len(), nv * nv, "the derivative is nv x nv");
        let m = self.model().ptr();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_smooth_vel(m, d, bias.into()) })?;
        let m = self.model().raw();
        for row in 0..nv {
            // SAFETY: D_rownnz and D_rowadr have nv entries; they point into D_colind and qDeriv, which have nD.
            unsafe {
                let (n, first) = (*m.D_rownnz.add(row) as usize, *m.D_rowadr.add(row) as usize);
                for k in first..first + n {
                    out[row * nv + *m.D_colind.add(k) as usize] = *self.raw().qDeriv.add(k);
                }
            }
        }
        Ok(())
    }

    /// The constraint Jacobian (nefc x nv, row-major).
    pub fn constraint_jacobian(&self, out: &mut Vec<f64>) {
        let (n, nv) = (self.nefc(), self.model().nv());
        out.clear();
        out.resize(n * nv, 0.0);
        let d = self.raw();
        // SAFETY: takes the model alone.
        if unsafe { mj_isSparse(self.model().ptr()) } == 0 {
            // SAFETY: dense, the Jacobian has nefc rows of nv.
            out.copy_from_slice(unsafe { view(d.efc_J.cast::<f64>(), n * nv) });
            return;
        }
        for row in 0..n {
            // SAFETY: rownnz and rowadr have nefc entries and point into colind and efc_J.
            unsafe {
                let (count, first) = (*d.efc_J_rownnz.add(row) as usize, *d.efc_J_rowadr.add(row) as usize);
                for k in first..first + count {
                    out[row * nv + *d.efc_J_colind.add(k) as usize] = *d.efc_J.add(k);
                }
            }
        }
    }

    /// The Jacobian of a tendon's length: dofs and values that may not be zero.
    pub fn tendon_jacobian(&self, tendon: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let m = self.model().raw();
        assert!(tendon < m.ntendon as usize, "a tendon of the model");
        // SAFETY: the row's address and length lie within ten_J and its columns.
        let (columns, values) = unsafe {
            let (first, n) = (*m.ten_J_rowadr.add(tendon) as usize, *m.ten_J_rownnz.add(tendon) as usize);
            (view(m.ten_J_colind.add(first).cast_const(), n), view(self.raw().ten_J.add(first).cast::<f64>(), n))
        };
        columns.iter().map(|c| *c as usize).zip(values.iter().copied())
    }

    /// The moments of an actuator's output: dofs and values that may not be zero.
    pub fn actuator_moment(&self, output: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let d = self.raw();
        assert!(output < self.len_nout(), "an output of an actuator of the model");
        // SAFETY: the row's address and length lie within actuator_moment and its columns.
        let (columns, values) = unsafe {
            let (first, n) = (*d.moment_rowadr.add(output) as usize, *d.moment_rownnz.add(output) as usize);
            (view(d.moment_colind.add(first).cast_const(), n), view(d.actuator_moment.add(first).cast::<f64>(), n))
        };
        columns.iter().map(|c| *c as usize).zip(values.iter().copied())
    }

    /// Contacts in the middle zone of an elliptic cone, after [`Sim::stage_constraint`] with cones.
    pub fn cones(&self) -> impl Iterator<Item = Cone<'_>> {
        let d = self.raw();
        let n = d.ncon.max(0) as usize;
        // SAFETY: the arena holds ncon contacts, and nefc states, since the constraint stage.
        let (contacts, states) =
            unsafe { (view(d.contact.cast_const(), n), view(d.efc_state.cast::<i32>(), self.nefc())) };
        contacts.iter().filter_map(move |c| {
            let row = usize::try_from(c.efc_address).ok()?;
            let dim = c.dim as usize;
            (*states.get(row)? == mjtConstraintState::mjCNSTRSTATE_CONE as i32).then(|| Cone {
                row,
                dim,
                hessian: &c.H[..dim * dim],
            })
        })
    }

    /// The first of the three dofs of every turn: those of ball joints, and of free joints behind the position.
    pub fn turns(&self) -> impl Iterator<Item = usize> + '_ {
        self.model().joints().filter_map(|j| match j.kind {
            JointKind::Free => Some(j.dof + 3),
            JointKind::Ball => Some(j.dof),
            JointKind::Slide | JointKind::Hinge => None,
        })
    }
}

macro_rules! views {
    ($( $(#[$doc:meta])* $name:ident, $len:ident; )*) => { impl Sim { $(
        $(#[$doc])*
        pub fn $name(&self) -> &[f64] {
            let n = self.$len();
            // SAFETY: the array has this many entries (mjdata.h) and lives as long as self.
            unsafe { view(self.raw().$name.cast(), n) }
        }
    )* } };
}

views! {
    /// Acceleration of the last forward pass (nv).
    qacc, len_nv;
    /// Constraint forces in joint space (nv).
    qfrc_constraint, len_nv;
    /// Constraint mass of the rows (nefc).
    #[allow(non_snake_case, reason = "MuJoCo's name")]
    efc_D, nefc;
    /// Reference acceleration of the rows (nefc).
    efc_aref, nefc;
    /// Force of the rows (nefc).
    efc_force, nefc;
    /// Position of the rows (nefc).
    efc_pos, nefc;
    /// Distance from which on the rows act (nefc).
    efc_margin, nefc;
    /// Stiffness, damping, impedance and its derivative by position of the rows (nefc x 4).
    #[allow(non_snake_case, reason = "MuJoCo's name")]
    efc_KBIP, len_4efc;
    /// Friction loss of the rows (nefc).
    efc_frictionloss, nefc;
    /// Axes of the dofs, rotation then translation at the centre of mass of their tree (nv x 6).
    cdof, len_6nv;
    /// Velocities of the bodies, in the same frames (nbody x 6).
    cvel, len_6nbody;
    /// Inertias of the bodies, in the same frames: xx, yy, zz, xy, xz, yz, mass times offset, mass (nbody x 10).
    cinert, len_10nbody;
    /// Centres of mass of the subtrees (nbody x 3).
    subtree_com, len_3nbody;
    /// Centres of mass of the bodies (nbody x 3).
    xipos, len_3nbody;
    /// Orientations of the bodies' inertias, row-major (nbody x 9).
    ximat, len_9nbody;
    /// Orientations of the bodies, row-major (nbody x 9).
    xmat, len_9nbody;
    /// Positions of the bodies (nbody x 3).
    xpos, len_3nbody;
    /// Orientations of the bodies as quaternions (nbody x 4).
    xquat, len_4nbody;
    /// Forces and torques on the bodies from outside (nbody x 6).
    xfrc_applied, len_6nbody;
    /// Rates of the activations (na).
    act_dot, len_na;
    /// Lengths of the tendons (ntendon).
    ten_length, len_ntendon;
    /// Actuator forces in joint space (nv).
    qfrc_actuator, len_nv;
    /// Lengths of the actuators (nout).
    actuator_length, len_nout;
    /// Velocities of the actuators (nout).
    actuator_velocity, len_nout;
    /// Forces of the actuators (nout).
    actuator_force, len_nout;
}

macro_rules! lengths {
    ($( $name:ident: $times:literal * $field:ident; )*) => { impl Sim { $(
        fn $name(&self) -> usize {
            $times * self.model().raw().$field as usize
        }
    )* } };
}

lengths! {
    len_nv: 1 * nv;
    len_6nv: 6 * nv;
    len_3nbody: 3 * nbody;
    len_4nbody: 4 * nbody;
    len_6nbody: 6 * nbody;
    len_9nbody: 9 * nbody;
    len_10nbody: 10 * nbody;
    len_na: 1 * na;
    len_ntendon: 1 * ntendon;
    len_nout: 1 * nout;
}

impl Sim {
    fn len_4efc(&self) -> usize {
        4 * self.nefc()
    }

    fn qfrc_constraint_mut(&mut self) -> &mut [f64] {
        let n = self.model().nv();
        // SAFETY: the array has nv entries, and `&mut self` excludes every other access.
        if n == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(self.raw().qfrc_constraint.cast(), n) } }
    }
}

/// The entries of a matrix (n x n) in compressed rows: their number and first address by row, and their columns.
///
/// # Safety
/// The first two have n entries, which point into the third.
unsafe fn pattern(n: usize, [count, first, columns]: [*const i32; 3]) -> Vec<bool> {
    let mut out = vec![false; n * n];
    for row in 0..n {
        // SAFETY: the caller's promise.
        unsafe {
            let (count, first) = (*count.add(row) as usize, *first.add(row) as usize);
            for k in first..first + count {
                out[row * n + *columns.add(k) as usize] = true;
            }
        }
    }
    out
}
