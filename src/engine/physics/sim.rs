//! One simulation: an mjData that belongs to one worker.

use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use mujoco_rs::mujoco_c::{mj_deleteData, mjData, mjSolverStat, mjtDisableBit, mjtState, mjtWarning};

use super::guard::{self, check};
use super::sleep::Unsettled;
use super::{Divergence, Model, PhysicsError};

/// Everything a step depends on.
const INTEGRATION: c_int = mjtState::mjSTATE_INTEGRATION as c_int;

/// Beyond this MuJoCo calls a number huge (mjMAXVAL).
const HUGE: f64 = 1e10;

/// Whether MuJoCo takes a number for a failure (mju_isBad): NaN, infinite or beyond 1e10.
pub fn is_bad(value: f64) -> bool {
    value.is_nan() || value.abs() > HUGE
}

/// Rows of mjData.solver per island, and islands with statistics (mjNSOLVER, mjNISLAND).
const NSOLVER: usize = 200;
const NISLAND: usize = 20;

/// Warnings after which the numbers mean nothing, with the names of mjtWarning.
const FATAL_WARNINGS: [(mjtWarning, &str); 7] = [
    (mjtWarning::mjWARN_BADQPOS, "BADQPOS (NaN or huge position)"),
    (mjtWarning::mjWARN_BADQVEL, "BADQVEL (NaN or huge velocity)"),
    (mjtWarning::mjWARN_BADQACC, "BADQACC (NaN or huge acceleration)"),
    (mjtWarning::mjWARN_BADCTRL, "BADCTRL (NaN or huge control)"),
    (mjtWarning::mjWARN_INERTIA, "INERTIA (near-singular inertia matrix)"),
    (mjtWarning::mjWARN_CONTACTFULL, "CONTACTFULL (contacts do not fit; raise <size memory>)"),
    (mjtWarning::mjWARN_CNSTRFULL, "CNSTRFULL (constraints do not fit; raise <size memory>)"),
];

/// A detected contact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contact {
    /// The two geoms; -1 for a flex.
    pub geom: [i32; 2],
    /// Distance between the nearest points, m; negative: penetration.
    pub dist: f64,
    /// The middle between them in the world, m.
    pub pos: [f64; 3],
}

/// What the constraint solver did in the last step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SolverStats {
    /// Iterations of the solver, the most over all islands.
    pub iterations: i32,
    /// Gradient norm after the last of them, scaled by 1 / trace(M); the largest over all islands.
    /// 0 where nothing was to be solved, NaN where MuJoCo does not tell: PGS ([`Sim::swept_residual`] does), more than 20
    /// islands or 200 iterations.
    pub residual: f64,
}

/// A simulation of a [`Model`].
#[derive(Debug)]
pub struct Sim {
    model: Arc<Model>,
    pub(super) data: NonNull<mjData>,
    poisoned: bool,
    /// Of a model that sleeps.
    pub(super) unsettled: Unsettled,
}

// SAFETY: mjData has no thread affinity; a Sim is used by one thread at a time (it is not Sync).
unsafe impl Send for Sim {}

impl Drop for Sim {
    fn drop(&mut self) {
        // SAFETY: made by mj_makeData, deleted once. Deleting frees two buffers and reads nothing that an
        // interrupted call could have left undefined.
        unsafe { mj_deleteData(self.data.as_ptr()) };
    }
}

macro_rules! slices {
    ($( $(#[$doc:meta])* $field:ident $field_mut:ident : |$m:ident| $n:expr; )*) => { $(
        $(#[$doc])*
        pub fn $field(&self) -> &[f64] {
            let $m = &*self.model;
            // SAFETY: the array has this many entries (mjdata.h) and lives as long as self.
            unsafe { view(self.raw().$field.cast(), $n) }
        }

        #[doc = concat!("[`Sim::", stringify!($field), "`] for writing.")]
        pub fn $field_mut(&mut self) -> &mut [f64] {
            let n = { let $m = &*self.model; $n };
            self.unsettled.moved = true;
            if n == 0 {
                return &mut [];
            }
            // SAFETY: as above, and `&mut self` excludes every other access.
            unsafe { std::slice::from_raw_parts_mut(self.raw().$field.cast(), n) }
        }
    )* };
}

impl Sim {
    /// A simulation in the model's default state.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when MuJoCo cannot make it (an arena that does not fit, a missing plugin).
    pub fn new(model: &Arc<Model>) -> Result<Self, PhysicsError> {
        let mut raw: *mut mjData = ptr::null_mut();
        // SAFETY: the model is valid and the guard turns a fatal error into a return code.
        check(unsafe { guard::ds_make_data(model.ptr(), &mut raw) })?;
        let data = NonNull::new(raw)
            .ok_or_else(|| PhysicsError::Mujoco("mj_makeData returned nothing: not enough memory".to_owned()))?;
        Ok(Self { model: model.clone(), data, poisoned: false, unsettled: Unsettled::default() })
    }

    pub(super) fn raw(&self) -> &mjData {
        // SAFETY: valid for as long as self.
        unsafe { self.data.as_ref() }
    }

    /// Memory in use, bytes: the buffer, and of the arena what was ever needed.
    pub fn bytes(&self) -> u64 {
        self.raw().nbuffer as u64 + self.raw().maxuse_arena as u64
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Whether it can still be used: no fatal error of MuJoCo has left it half computed.
    pub fn is_usable(&self) -> bool {
        !self.poisoned
    }

    pub(super) fn call(&mut self, f: impl FnOnce(*mut mjData) -> c_int) -> Result<(), PhysicsError> {
        if self.unsettled.placed && !self.poisoned {
            self.settle_sleep()?;
        }
        self.call_as_it_is(f)
    }

    /// [`Self::call`] without what a state that was set has to catch up with.
    pub(super) fn call_as_it_is(&mut self, f: impl FnOnce(*mut mjData) -> c_int) -> Result<(), PhysicsError> {
        if self.poisoned {
            return Err(PhysicsError::Poisoned);
        }
        let result = check(f(self.data.as_ptr()));
        self.poisoned = result.is_err();
        if let Some(warning) = guard::take_warning() {
            tracing::debug!(%warning, time = self.time(), "MuJoCo");
        }
        result
    }

    /// Back to the model's default state; clears warnings and the solver's warm start.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`]; the simulation is unusable afterwards, as after every such error.
    pub fn reset(&mut self) -> Result<(), PhysicsError> {
        let m = self.model.ptr();
        self.unsettled = Unsettled::default();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_reset(m, d) })
    }

    /// Back to a keyframe of the model (see [`Model::keyframe`]).
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn reset_to_key(&mut self, key: usize) -> Result<(), PhysicsError> {
        let m = self.model.ptr();
        self.unsettled = Unsettled::default();
        // SAFETY: as above; MuJoCo checks the key against nkey.
        self.call(|d| unsafe { guard::ds_reset_key(m, d, key as c_int) })
    }

    /// One physics step (mj_step). Afterwards contacts, constraints, solver statistics and sensors are
    /// those of the state before it.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn step(&mut self) -> Result<(), PhysicsError> {
        let m = self.model.ptr();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_step(m, d) })
    }

    /// Forward dynamics without integration (mj_forward).
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn forward(&mut self) -> Result<(), PhysicsError> {
        let m = self.model.ptr();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_forward(m, d) })
    }

    /// Forward dynamics as if there were no actuators.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn forward_unactuated(&mut self) -> Result<(), PhysicsError> {
        // SAFETY: valid; the copy of the struct frees nothing, and its arrays stay the model's, which the pass only reads.
        let mut unactuated = ManuallyDrop::new(unsafe { ptr::read(self.model.ptr()) });
        unactuated.opt.disableflags |= mjtDisableBit::mjDSBL_ACTUATION as c_int;
        // SAFETY: model and data belong together, and the copy lives as long as the call.
        self.call(|d| unsafe { guard::ds_forward(&raw const *unactuated, d) })
    }

    /// Derives anew what follows from position and velocity alone (mj_step1): poses, contacts, their sensors. What follows from
    /// accelerations and forces stays that of the last step.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn refresh(&mut self) -> Result<(), PhysicsError> {
        let m = self.model.ptr();
        // SAFETY: model and data belong together.
        self.call(|d| unsafe { guard::ds_step1(m, d) })
    }

    /// Copies the state into `state` ([`Model::state_size`] numbers): the integration state, and what sleeps behind it (tree_asleep,
    /// qacc_smooth, act_dot, sensordata), where the model does.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn get_state(&mut self, state: &mut [f64]) -> Result<(), PhysicsError> {
        assert_eq!(state.len(), self.model.state_size(), "integration state");
        let m = self.model.clone();
        let (state, sleep) = state.split_at_mut(m.integration_size());
        self.get_sleep(sleep)?;
        // SAFETY: the buffer has the size that MuJoCo writes.
        self.call_as_it_is(|d| unsafe { guard::ds_get_state(m.ptr(), d, state.as_mut_ptr(), INTEGRATION) })
    }

    /// Sets the state that [`Sim::get_state`] gave; the same state gives the same step and Jacobian in any simulation of
    /// the model, to the last bit. What sleeps there sleeps where positions say, also where these are moved before the next call.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn set_state(&mut self, state: &[f64]) -> Result<(), PhysicsError> {
        assert_eq!(state.len(), self.model.state_size(), "integration state");
        let m = self.model.clone();
        let (state, sleep) = state.split_at(m.integration_size());
        // SAFETY: the buffer has the size that MuJoCo reads.
        self.call_as_it_is(|d| unsafe { guard::ds_set_state(m.ptr(), d, state.as_ptr(), INTEGRATION) })?;
        self.set_sleep(sleep)
    }

    /// Finite-difference transition matrices (mjd_transitionFD) at the current state and control, all
    /// row-major: A (ndx x ndx), B (ndx x nu), and with `sensors` C (nsensordata x ndx), D (nsensordata x
    /// nu). State and trajectory stay as they are, bit for bit; contacts and sensors are those of the last
    /// nudge until the next step.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] for RK4, delays or sleep, which MuJoCo cannot difference.
    ///
    /// # Panics
    /// When a buffer has another size.
    pub fn transition_fd(
        &mut self,
        eps: f64,
        centered: bool,
        a: &mut [f64],
        b: &mut [f64],
        sensors: Option<(&mut [f64], &mut [f64])>,
    ) -> Result<(), PhysicsError> {
        let (ndx, nu, ns) = (self.model.ndx(), self.model.nu(), self.model.nsensordata());
        assert_eq!((a.len(), b.len()), (ndx * ndx, ndx * nu), "A is ndx x ndx, B is ndx x nu");
        let (c, d_out) = match sensors {
            Some((c, d)) => {
                assert_eq!((c.len(), d.len()), (ns * ndx, ns * nu), "C is ns x ndx, D is ns x nu");
                (c.as_mut_ptr(), d.as_mut_ptr())
            }
            None => (ptr::null_mut(), ptr::null_mut()),
        };
        let m = self.model.ptr();
        // A warning about a nudged state is not one about the trajectory.
        let warnings = self.raw().warning.clone();
        // SAFETY: all buffers have the sizes that MuJoCo writes (checked above) or are null.
        let result = self.call(|d| unsafe {
            guard::ds_transition_fd(m, d, eps, centered.into(), a.as_mut_ptr(), b.as_mut_ptr(), c, d_out)
        });
        // SAFETY: valid, and `&mut self` excludes every other access.
        unsafe { self.data.as_mut() }.warning = warnings;
        result
    }

    slices! {
        /// Position (nq).
        qpos qpos_mut: |m| m.nq();
        /// Velocity (nv).
        qvel qvel_mut: |m| m.nv();
        /// Activation (na).
        act act_mut: |m| m.na();
        /// Control (nu).
        ctrl ctrl_mut: |m| m.nu();
        /// The acceleration that the solver starts from (nv). Part of the state: without it a Jacobian
        /// changes.
        qacc_warmstart qacc_warmstart_mut: |m| m.nv();
        /// Positions of mocap bodies (nmocap x 3).
        mocap_pos mocap_pos_mut: |m| 3 * m.nmocap();
        /// Orientations of mocap bodies (nmocap x 4).
        mocap_quat mocap_quat_mut: |m| 4 * m.nmocap();
        /// Sensor values (nsensordata).
        sensordata sensordata_mut: |m| m.nsensordata();
    }

    /// Simulation time, s.
    pub fn time(&self) -> f64 {
        self.raw().time
    }

    /// Sets the simulation time, s.
    pub fn set_time(&mut self, time: f64) {
        // SAFETY: valid, and `&mut self` excludes every other access.
        unsafe { self.data.as_mut() }.time = time;
    }

    /// The contacts found by the last step or forward.
    pub fn contacts(&self) -> impl ExactSizeIterator<Item = Contact> + '_ {
        let d = self.raw();
        // SAFETY: the arena holds ncon contacts since the last collision stage.
        let all = if d.ncon > 0 { unsafe { std::slice::from_raw_parts(d.contact, d.ncon as usize) } } else { &[] };
        all.iter().map(|c| Contact { geom: c.geom, dist: c.dist, pos: c.pos })
    }

    /// Constraint rows of the last step or forward: type (mjtConstraint), id within the type, and state
    /// (mjtConstraintState), nefc entries each.
    pub fn constraints(&self) -> (&[i32], &[i32], &[i32]) {
        let d = self.raw();
        let n = d.nefc.max(0) as usize;
        // SAFETY: the arena holds nefc entries of each since the constraint stage.
        unsafe { (view(d.efc_type.cast(), n), view(d.efc_id.cast(), n), view(d.efc_state.cast(), n)) }
    }

    /// Statistics of the constraint solver in the last step or forward.
    pub fn solver_stats(&self) -> SolverStats {
        let d = self.raw();
        let mut stats = SolverStats::default();
        if d.nefc == 0 {
            return stats;
        }
        let islands = d.nisland.max(1) as usize;
        let mut told = self.model.solver_tells_gradient() && islands <= NISLAND;
        // Noslip iterations come after those of the solver, and have no gradient, as those of PGS have not.
        let most = if self.model.solves_by_sweeps() { 0 } else { self.model.noslip_sweeps() };
        for island in 0..islands.min(NISLAND) {
            let all = d.solver_niter[island].max(0) as usize;
            let own = &d.solver[island * NSOLVER..island * NSOLVER + all.min(NSOLVER)];
            let swept = |stat: &&mjSolverStat| stat.gradient == 0.0 && stat.lineslope == 0.0 && stat.neval == 0;
            let n = all - if all <= NSOLVER { own.iter().rev().take(most).take_while(swept).count() } else { 0 };
            stats.iterations = stats.iterations.max(n as i32);
            told &= n <= NSOLVER;
            if n > 0 {
                stats.residual = stats.residual.max(d.solver[island * NSOLVER + n.min(NSOLVER) - 1].gradient);
            }
        }
        if !told {
            stats.residual = f64::NAN;
        }
        stats
    }

    /// The first control that MuJoCo takes for none, and all others with it: NaN, infinite or beyond 1e10.
    pub fn refused_control(&self) -> Option<usize> {
        self.ctrl().iter().position(|u| is_bad(*u))
    }

    /// Forgets MuJoCo's warnings, so that [`Sim::divergence`] tells of what comes; a reset does so too, and costs more.
    pub fn clear_warnings(&mut self) {
        // SAFETY: valid, and `&mut self` excludes every other access.
        for warning in &mut unsafe { self.data.as_mut() }.warning {
            warning.number = 0;
        }
    }

    /// Why the current state cannot be continued, if so: a value of the state that is NaN, infinite or
    /// beyond 1e10, or a MuJoCo warning since the last reset.
    pub fn divergence(&self) -> Option<Divergence> {
        let names = self.model.names();
        for (word, values, labels) in
            [("qpos", self.qpos(), &names.qpos), ("qvel", self.qvel(), &names.dof), ("act", self.act(), &names.act)]
        {
            if let Some(i) = values.iter().position(|v| is_bad(*v)) {
                let what = format!("{word} {}", labels[i]);
                return Some(if values[i].is_finite() { Divergence::Huge(what) } else { Divergence::NotFinite(what) });
            }
        }
        FATAL_WARNINGS
            .iter()
            .find(|(kind, _)| self.raw().warning[*kind as usize].number > 0)
            .map(|(_, name)| Divergence::Warning((*name).to_owned()))
    }
}

/// # Safety
/// `p` must point to `n` values that live as long as the result; it may be null when `n` is 0.
pub(super) unsafe fn view<'a, T>(p: *const T, n: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    if n == 0 { &[] } else { unsafe { std::slice::from_raw_parts(p, n) } }
}
