//! The forward dynamics in stages, for derivatives at a fixed acceleration: what MuJoCo solves, and the pieces
//! that it solves it from.
//!
//! MuJoCo's acceleration a satisfies `M a = smooth + J' f(J a - aref)`. A stage recomputes what follows from
//! positions, velocities or controls; none of them solves anything.

use mujoco_rs::mujoco_c::{
    mj_applyFT, mj_fullM, mj_integratePos, mj_isSparse, mj_mulJacVec, mj_mulM, mjData, mjd_quatIntegrate,
    mjtDisableBit, mjtIntegrator,
};

use super::guard;
use super::sim::view;
use super::{JointKind, Model, PhysicsError, Sim};

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
        let m = self.raw();
        match m.opt.integrator {
            i if i == mjtIntegrator::mjINT_EULER as i32 => {
                let damped = self.dof_damping().iter().any(|x| *x > 0.0);
                let off = (mjtDisableBit::mjDSBL_EULERDAMP as i32) | (mjtDisableBit::mjDSBL_DAMPER as i32);
                Some(if damped && m.opt.disableflags & off == 0 { Damping::Joints } else { Damping::None })
            }
            i if i == mjtIntegrator::mjINT_IMPLICITFAST as i32 => Some(Damping::Symmetric),
            i if i == mjtIntegrator::mjINT_IMPLICIT as i32 => Some(Damping::Full),
            _ => None,
        }
    }

    /// Whether it has flexible elements.
    pub fn has_flexes(&self) -> bool {
        self.raw().nflex > 0
    }

    /// Whether a body moves freely and has no other joint on it or behind it: six dofs alone in their tree.
    pub fn has_free_bodies_alone(&self) -> bool {
        let m = self.raw();
        self.joints().any(|j| {
            // SAFETY: dof_treeid has nv entries, tree_dofnum ntree; every dof lies in a tree.
            j.kind == JointKind::Free && unsafe { *m.tree_dofnum.add(*m.dof_treeid.add(j.dof) as usize) } == 6
        })
    }

    /// Whether it has plugins.
    pub fn has_plugins(&self) -> bool {
        self.raw().nplugin > 0
    }

    /// Linear damping of the dofs (nv).
    pub fn dof_damping(&self) -> &[f64] {
        self.slice(self.raw().dof_damping, self.nv())
    }

    /// Moves `qpos` (nq) along the tangent vector `v` (nv) for `dt`.
    pub fn integrate_pos(&self, qpos: &mut [f64], v: &[f64], dt: f64) {
        assert_eq!((qpos.len(), v.len()), (self.nq(), self.nv()), "qpos is nq, v is nv");
        // SAFETY: both arrays have the sizes that MuJoCo reads and writes.
        unsafe { mj_integratePos(self.ptr(), qpos.as_mut_ptr(), v.as_ptr(), dt) };
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

    /// Whether a force is held by a limit now: an actuator's by its forcerange, a joint's by its actfrcrange. Then
    /// MuJoCo's d smooth / d velocity, which looks through the limit, is not the derivative.
    pub fn force_is_clamped(&self) -> bool {
        let (m, d) = (self.model().raw(), self.raw());
        let held = |limited: bool, [low, high]: [f64; 2], force: f64| limited && (force <= low || force >= high);
        let actuators = (0..m.nactuator as usize).any(|i| {
            // SAFETY: the model's arrays have one row per actuator; its outputs are entries of actuator_force.
            unsafe {
                let (limited, range) =
                    (*m.actuator_forcelimited.add(i), *m.actuator_forcerange.cast::<[f64; 2]>().add(i));
                let (first, n) = (*m.actuator_outadr.add(i) as usize, *m.actuator_outnum.add(i) as usize);
                (first..first + n).any(|o| held(limited, range, *d.actuator_force.add(o)))
            }
        });
        let joints = (0..m.njnt as usize).any(|i| {
            // SAFETY: the arrays have one row per joint; its dof address is one of qfrc_actuator's entries.
            unsafe {
                let force = *d.qfrc_actuator.add(*m.jnt_dofadr.add(i) as usize);
                held(*m.jnt_actfrclimited.add(i), *m.jnt_actfrcrange.cast::<[f64; 2]>().add(i), force)
            }
        });
        actuators || joints
    }

    /// Whether equality constraints are among the rows.
    pub fn has_equality_rows(&self) -> bool {
        const EQUALITY: i32 = 0; // mjCNSTR_EQUALITY
        self.constraints().0.contains(&EQUALITY)
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

    /// `M v` (nv), with the inertia of the last [`Sim::stage_position`] or forward pass.
    pub fn mul_inertia(&self, v: &[f64], out: &mut [f64]) {
        let nv = self.model().nv();
        assert_eq!((v.len(), out.len()), (nv, nv), "both are nv");
        // SAFETY: both arrays have nv entries.
        unsafe { mj_mulM(self.model().ptr(), self.data.as_ptr(), out.as_mut_ptr(), v.as_ptr()) };
    }

    /// The inertia M (nv x nv).
    pub fn inertia(&self, out: &mut [f64]) {
        let nv = self.model().nv();
        assert_eq!(out.len(), nv * nv, "M is nv x nv");
        // SAFETY: out has nv x nv entries.
        unsafe { mj_fullM(self.model().ptr(), self.data.as_ptr(), out.as_mut_ptr()) };
    }

    /// d (passive + actuator) / d velocity, and less d bias / d velocity with `bias` (nv x nv, row-major).
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn smooth_derivative(&mut self, bias: bool, out: &mut [f64]) -> Result<(), PhysicsError> {
        let nv = self.model().nv();
        assert_eq!(out.len(), nv * nv, "the derivative is nv x nv");
        let m = self.model().ptr();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_smooth_vel(m, d, bias.into()) })?;
        out.fill(0.0);
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

    /// Contacts in the middle zone of an elliptic cone, after [`Sim::stage_constraint`] with cones.
    pub fn cones(&self) -> impl Iterator<Item = Cone<'_>> {
        const CONE: i32 = 4; // mjCNSTRSTATE_CONE
        let d = self.raw();
        let n = d.ncon.max(0) as usize;
        // SAFETY: the arena holds ncon contacts, and nefc states, since the constraint stage.
        let (contacts, states) =
            unsafe { (view(d.contact.cast_const(), n), view(d.efc_state.cast::<i32>(), self.nefc())) };
        contacts.iter().filter_map(move |c| {
            let row = usize::try_from(c.efc_address).ok()?;
            let dim = c.dim as usize;
            (*states.get(row)? == CONE).then(|| Cone { row, dim, hessian: &c.H[..dim * dim] })
        })
    }

    /// Damping factors of the constraint rows (nefc): d aref / d (J v) is minus this.
    pub fn constraint_damping(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        // SAFETY: efc_KBIP has nefc rows of 4.
        let all = unsafe { view(self.raw().efc_KBIP.cast::<[f64; 4]>(), self.nefc()) };
        all.iter().map(|row| row[1])
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
}

impl Sim {
    fn len_nv(&self) -> usize {
        self.model().nv()
    }

    fn qfrc_constraint_mut(&mut self) -> &mut [f64] {
        let n = self.model().nv();
        // SAFETY: the array has nv entries, and `&mut self` excludes every other access.
        if n == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(self.raw().qfrc_constraint.cast(), n) } }
    }
}
