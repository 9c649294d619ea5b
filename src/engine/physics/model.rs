//! A compiled model: loaded, checked, edited, then shared as a constant.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use mujoco_rs::mujoco_c::{
    mj_deleteModel, mj_name2id, mj_sizeModel, mj_stateSize, mjModel, mjVFS, mjtCone, mjtDisableBit, mjtEnableBit,
    mjtIntegrator, mjtObj, mjtSolver, mjtState,
};
use mujoco_rs::wrappers::mj_auxiliary::MjVfs;

use super::arrays::{Owner, Role, arrays};
use super::edit::ObjectKind;
use super::elements::{Slices, Variant};
use super::guard::{self, check, one_line};
use super::names::{self, Names};
use super::process::Limits;
use super::{Files, PhysicsError, Solver, StateLayout, plugins};

/// The number that a compiled model's file begins with (engine_io.c).
const MJB: i32 = 54321;

/// A physics step takes so long at most, s.
const LONGEST_STEP: f64 = 1e6;

/// Iterations of a solver, which ends by its tolerance, at most; and of what takes all of them.
const MOST_ITERATIONS: i32 = 1_000_000;
const MOST_SWEEPS: i32 = 10_000;

/// Ranges, what says that one is in force, and what they belong to.
const RANGES: [(&str, &str, Owner); 7] = [
    ("jnt_range", "jnt_limited", Owner::Of(ObjectKind::Joint)),
    ("jnt_actfrcrange", "jnt_actfrclimited", Owner::Of(ObjectKind::Joint)),
    ("tendon_range", "tendon_limited", Owner::Of(ObjectKind::Tendon)),
    ("tendon_actfrcrange", "tendon_actfrclimited", Owner::Of(ObjectKind::Tendon)),
    ("actuator_ctrlrange", "actuator_ctrllimited", Owner::Control),
    ("actuator_forcerange", "actuator_forcelimited", Owner::Of(ObjectKind::Actuator)),
    ("actuator_actrange", "actuator_actlimited", Owner::Of(ObjectKind::Actuator)),
];

/// A compiled MuJoCo model. Auto-reset is off, so that divergence stays visible.
#[derive(Debug)]
pub struct Model {
    ptr: NonNull<mjModel>,
    file: String,
    names: Names,
    wants_autoreset: bool,
    /// See [`Model::with_wider_margins`].
    pub(super) wider: OnceLock<Box<Model>>,
}

// SAFETY: mjModel is plain memory without thread affinity; it is only changed through `&mut self`, and
// simulations read it (the C API takes it as const).
unsafe impl Send for Model {}
// SAFETY: as above; shared access never writes.
unsafe impl Sync for Model {}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: `ptr` came from MuJoCo and is deleted once; every Sim holds an Arc of its Model.
        unsafe { mj_deleteModel(self.ptr.as_ptr()) };
    }
}

/// Whether a file is what mj_saveModel writes: by its name, or by the number that such a file begins with.
fn is_compiled(path: &Path) -> bool {
    let head = || {
        let mut head = [0; 4];
        File::open(path)?.read_exact(&mut head).map(|()| i32::from_le_bytes(head))
    };
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("mjb")) || head().is_ok_and(|head: i32| head == MJB)
}

impl Model {
    /// Compiles an MJCF file from disk.
    ///
    /// # Errors
    /// [`PhysicsError::File`] when it cannot be read, [`PhysicsError::Load`] when MuJoCo refuses it (the
    /// message names element and line), [`PhysicsError::Nonsense`] when it loads but holds NaN or a
    /// time step that is not positive.
    pub fn from_path(path: &Path) -> Result<Self, PhysicsError> {
        Self::check_file(path)?;
        let file = path.display().to_string();
        Self::load(file.clone(), &file, ptr::null())
    }

    /// Whether there is a file that may be a model.
    pub(super) fn check_file(path: &Path) -> Result<(), PhysicsError> {
        let reason = match std::fs::metadata(path) {
            Err(e) => Some(e.to_string()),
            Ok(m) if m.is_dir() => Some("is a folder; name the MJCF file in it".to_owned()),
            Ok(m) if !m.is_file() => Some("is not a regular file; name an MJCF file".to_owned()),
            Ok(_) if is_compiled(path) => {
                let text =
                    "is a compiled model (MJB), which does not say what it was made of; give its MJCF or URDF file";
                Some(text.to_owned())
            }
            Ok(_) => None,
        };
        reason.map_or(Ok(()), |message| Err(PhysicsError::File { file: path.display().to_string(), message }))
    }

    /// Compiles an MJCF given as text.
    ///
    /// # Errors
    /// As [`Model::from_path`].
    pub fn from_text(name: &str, mjcf: &str) -> Result<Self, PhysicsError> {
        Self::from_files(name, &Files::from([(name.to_owned(), mjcf.as_bytes().into())]))
    }

    /// Compiles the MJCF `main` among `files`; references inside them resolve by bare file name.
    ///
    /// # Errors
    /// As [`Model::from_path`].
    pub fn from_files(main: &str, files: &Files) -> Result<Self, PhysicsError> {
        guard::init()?;
        let mut vfs = MjVfs::new();
        for (name, bytes) in files {
            if name.contains('\0') {
                return Err(PhysicsError::File {
                    file: name.replace('\0', "?"),
                    message: "the file name holds a NUL byte".to_owned(),
                });
            }
            vfs.add_from_buffer(name, bytes).map_err(|e| PhysicsError::File {
                file: name.clone(),
                message: format!("cannot be given to MuJoCo: {e}"),
            })?;
        }
        if !files.contains_key(main) {
            return Err(PhysicsError::File {
                file: main.to_owned(),
                message: "is not among the model's files".to_owned(),
            });
        }
        Self::load(main.to_owned(), main, vfs.ffi())
    }

    pub(super) fn load(file: String, name: &str, vfs: *const mjVFS) -> Result<Self, PhysicsError> {
        guard::init()?;
        plugins::load()?;
        Limits::begin();
        let failed = |message: &str| {
            let message = one_line(message);
            PhysicsError::Load { file: file.clone(), message: plugins::fix(&message).unwrap_or(message) }
        };
        let c_name = CString::new(name).map_err(|_| failed("the file name holds a NUL byte"))?;
        let mut raw: *mut mjModel = ptr::null_mut();
        let mut error = [0 as c_char; 1024];
        // SAFETY: the name is NUL-terminated, `vfs` is null or lives through this call, `error` has the
        // size that is passed, and the guard turns a fatal error into a return code.
        let code =
            unsafe { guard::ds_load_xml(c_name.as_ptr(), vfs, &mut raw, error.as_mut_ptr(), error.len() as c_int) };
        check(code).map_err(|e| failed(&e.to_string()))?;
        // SAFETY: MuJoCo leaves a NUL-terminated string in `error`; the last byte was zero before.
        let message = unsafe { CStr::from_ptr(error.as_ptr()) }.to_string_lossy();
        let Some(ptr) = NonNull::new(raw) else { return Err(failed(&message)) };
        if !message.is_empty() {
            tracing::debug!(%file, warning = %one_line(&message), "MuJoCo compiled with a warning");
        }
        Self::own(ptr, file)
    }

    /// The model that [`Model::saved`] has written; `file` is its name in messages.
    ///
    /// # Errors
    /// [`PhysicsError::Load`] where these are not the bytes of a model.
    pub fn from_saved(file: &str, bytes: &[u8]) -> Result<Self, PhysicsError> {
        let (bytes, signature) = bytes.split_last_chunk().ok_or_else(|| Self::lost(file))?;
        let mut ptr = Self::load_mjb(file, bytes)?;
        // SAFETY: just made by MuJoCo, and owned here alone.
        unsafe { ptr.as_mut() }.signature = u64::from_le_bytes(*signature);
        let model = Self::own(ptr, file.to_owned())?;
        model.check_plugins()?;
        Ok(model)
    }

    /// The model that `mj_saveModel` has written into a buffer, as the content of an MJB file; `file` is its name in messages.
    ///
    /// It is for the bytes of a model that somebody has in memory: a model that came from another binding of MuJoCo, edits
    /// included. MuJoCo checks sizes and references of what it loads, and little else.
    ///
    /// # Errors
    /// [`PhysicsError::Load`] where these are not the bytes of a model, [`PhysicsError::Nonsense`] as [`Model::from_path`].
    pub fn from_mjb(file: &str, bytes: &[u8]) -> Result<Self, PhysicsError> {
        let model = Self::own(Self::load_mjb(file, bytes)?, file.to_owned())?;
        model.check_plugins()?;
        Ok(model)
    }

    fn lost(file: &str) -> PhysicsError {
        PhysicsError::Load { file: file.to_owned(), message: "it cannot be loaded once it is compiled".to_owned() }
    }

    fn load_mjb(file: &str, bytes: &[u8]) -> Result<NonNull<mjModel>, PhysicsError> {
        guard::init()?;
        plugins::load()?;
        let mut raw: *mut mjModel = ptr::null_mut();
        // SAFETY: the bytes have the length that is passed; the guard turns a fatal error into a return code.
        let code = unsafe { guard::ds_load_saved(bytes.as_ptr().cast(), bytes.len() as i64, &mut raw) };
        check(code).map_err(|e| PhysicsError::Load { file: file.to_owned(), message: e.to_string() })?;
        NonNull::new(raw).ok_or_else(|| Self::lost(file))
    }

    /// Checks a model that was just made, and keeps it.
    fn own(ptr: NonNull<mjModel>, file: String) -> Result<Self, PhysicsError> {
        // SAFETY: just made by MuJoCo, and owned here alone.
        let names = Names::read(unsafe { ptr.as_ref() });
        let mut model = Self { ptr, file, names, wants_autoreset: true, wider: OnceLock::new() };
        model.check_sense()?;
        model.check_ranges()?;
        model.check_trees()?;
        model.keep_autoreset_off();
        Ok(model)
    }

    /// Refuses what MuJoCo loads without complaint although it cannot mean anything.
    pub(super) fn check_sense(&self) -> Result<(), PhysicsError> {
        let nonsense = |field: String, value: f64, fix: &str| {
            Err(PhysicsError::Nonsense {
                file: self.file.clone(),
                field,
                value: value.to_string(),
                fix: fix.to_owned(),
            })
        };
        let opt = &self.raw().opt;
        if !(opt.timestep > 0.0 && opt.timestep <= LONGEST_STEP) {
            return nonsense(
                "option timestep".to_owned(),
                opt.timestep,
                "a time step must be positive, and 1e6 s at most; set <option timestep=\"0.002\"/>",
            );
        }
        // A step with more of them does not end.
        let loops = [
            ("iterations", opt.iterations, MOST_ITERATIONS),
            ("ls_iterations", opt.ls_iterations, MOST_ITERATIONS),
            ("noslip_iterations", opt.noslip_iterations, MOST_SWEEPS),
            ("ccd_iterations", opt.ccd_iterations, MOST_SWEEPS),
            ("sdf_iterations", opt.sdf_iterations, MOST_SWEEPS),
            ("sdf_initpoints", opt.sdf_initpoints, MOST_SWEEPS),
        ];
        for (name, n, most) in loops {
            if n > most {
                return nonsense(format!("option {name}"), n.into(), &format!("give at most {most}"));
            }
        }
        let scalars = [
            ("density", opt.density),
            ("viscosity", opt.viscosity),
            ("impratio", opt.impratio),
            ("tolerance", opt.tolerance),
        ];
        let vectors = opt
            .gravity
            .iter()
            .map(|v| ("gravity", *v))
            .chain(opt.wind.iter().map(|v| ("wind", *v)))
            .chain(opt.magnetic.iter().map(|v| ("magnetic", *v)));
        for (name, value) in scalars.into_iter().chain(vectors) {
            if !value.is_finite() {
                return nonsense(format!("option {name}"), value, "give it a finite number");
            }
        }
        for array in arrays(self.raw()).iter().filter(|a| a.role == Role::Given) {
            // Ranges may be infinite on purpose; NaN never means anything.
            // SAFETY: the table's sizes are those of mjmodel.h for this pinned version.
            if let Some(i) = (0..array.len()).find(|i| unsafe { array.get(*i) }.is_nan()) {
                let row = i / array.cols();
                return nonsense(
                    format!("{} of {}", array.name, self.owner_name(array.owner, row)),
                    f64::NAN,
                    &format!("mend the number in the MJCF (row {row} of {})", array.name),
                );
            }
        }
        Ok(())
    }

    /// Refuses a range in force whose ends are the wrong way round: nothing lies in it. Several edits may go through such a
    /// range, so that it is for whoever makes them to ask when all are made; a model that was loaded has none.
    ///
    /// # Errors
    /// [`PhysicsError::Nonsense`] that names the range and its owner.
    pub fn check_ranges(&self) -> Result<(), PhysicsError> {
        let numbers = |field: &str| self.numbers(field).unwrap_or_default();
        for (field, limited, owner) in RANGES {
            let (ranges, limited) = (numbers(field), numbers(limited));
            for (row, range) in ranges.as_chunks::<2>().0.iter().enumerate() {
                let [low, high] = *range;
                // Written so that NaN fails.
                if limited.get(row).is_none_or(|l| *l == 0.0) || low <= high {
                    continue;
                }
                let owner = match owner {
                    Owner::Control => format!("control \"{}\"", self.names.ctrl[row]),
                    owner => self.owner_name(owner, row),
                };
                return Err(PhysicsError::Nonsense {
                    file: self.file.clone(),
                    field: format!("{field} of {owner}"),
                    value: format!("{low} to {high}"),
                    fix: format!(
                        "a range goes from the lower end to the upper; set {field}[0] and {field}[1] so that it does"
                    ),
                });
            }
        }
        Ok(())
    }

    /// The object that a row belongs to, for people.
    fn owner_name(&self, owner: Owner, row: usize) -> String {
        match owner {
            Owner::Of(kind) => {
                let name = names::name(self.raw(), kind.mujoco(), row);
                let name = name.map_or_else(|| row.to_string(), |n| format!("\"{n}\""));
                format!("{} {name}", kind.word())
            }
            Owner::Dof => format!("dof {row}"),
            Owner::Control => format!("control {row}"),
            Owner::Qpos => format!("qpos {row}"),
            Owner::Other => format!("row {row}"),
        }
    }

    pub(super) fn raw(&self) -> &mjModel {
        // SAFETY: valid for as long as self; written only through `&mut self`.
        unsafe { self.ptr.as_ref() }
    }

    pub(super) fn raw_mut(&mut self) -> &mut mjModel {
        // A copy made before is one of another model.
        self.wider.take();
        // SAFETY: valid, and `&mut self` excludes every other access.
        unsafe { self.ptr.as_mut() }
    }

    /// A model of its own with the same numbers.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for it.
    pub(super) fn copy(&self) -> Result<Self, PhysicsError> {
        let mut raw: *mut mjModel = ptr::null_mut();
        // SAFETY: the model is valid and the guard turns a fatal error into a return code.
        check(unsafe { guard::ds_copy_model(self.ptr(), &mut raw) })?;
        let ptr = NonNull::new(raw)
            .ok_or_else(|| PhysicsError::Mujoco("mj_copyModel returned nothing: not enough memory".to_owned()))?;
        let (file, names) = (self.file.clone(), self.names.clone());
        Ok(Self { ptr, file, names, wants_autoreset: self.wants_autoreset, wider: OnceLock::new() })
    }

    /// Whether the model itself leaves MuJoCo's automatic reset on, which is always off here.
    pub(super) fn wants_autoreset(&self) -> bool {
        self.wants_autoreset
    }

    pub(super) fn set_wants_autoreset(&mut self, wants: bool) {
        self.wants_autoreset = wants;
    }

    /// The main file the model was loaded from.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Labels of its coordinates.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Number of position coordinates.
    pub fn nq(&self) -> usize {
        self.raw().nq as usize
    }

    /// Number of degrees of freedom.
    pub fn nv(&self) -> usize {
        self.raw().nv as usize
    }

    /// Number of controls.
    pub fn nu(&self) -> usize {
        self.raw().nu as usize
    }

    /// Number of activations.
    pub fn na(&self) -> usize {
        self.raw().na as usize
    }

    /// Number of mocap bodies.
    pub fn nmocap(&self) -> usize {
        self.raw().nmocap as usize
    }

    /// Number of sensor values.
    pub fn nsensordata(&self) -> usize {
        self.raw().nsensordata as usize
    }

    /// How the inputs and outputs of a step are numbered.
    pub fn layout(&self) -> StateLayout {
        StateLayout { nv: self.nv(), na: self.na(), nu: self.nu() }
    }

    /// Size of the tangent state, 2 nv + na.
    pub fn ndx(&self) -> usize {
        self.layout().ndx()
    }

    /// Physics time step, s.
    pub fn timestep(&self) -> f64 {
        self.raw().opt.timestep
    }

    /// The integrator's name, as in MJCF.
    pub fn integrator(&self) -> &'static str {
        match Variant::of(self.raw().opt.integrator) {
            Ok(mjtIntegrator::mjINT_EULER) => "Euler",
            Ok(mjtIntegrator::mjINT_RK4) => "RK4",
            Ok(mjtIntegrator::mjINT_IMPLICIT) => "implicit",
            Ok(mjtIntegrator::mjINT_IMPLICITFAST) => "implicitfast",
            Ok(mjtIntegrator::mjINT_DISCRETE) => "discrete",
            Err(_) => "unknown",
        }
    }

    /// The friction cone's name, as in MJCF.
    pub fn cone(&self) -> &'static str {
        if self.has_pyramidal_cones() { "pyramidal" } else { "elliptic" }
    }

    /// Whether friction cones are pyramids.
    pub fn has_pyramidal_cones(&self) -> bool {
        self.raw().opt.cone == mjtCone::mjCONE_PYRAMIDAL as i32
    }

    /// The solver settings in force.
    pub fn solver(&self) -> Solver {
        let opt = &self.raw().opt;
        Solver { iterations: opt.iterations, ls_iterations: opt.ls_iterations, tolerance: opt.tolerance }
    }

    /// Whether the solver leaves its gradient in mjData: Newton and CG do, PGS does not.
    pub(super) fn solver_tells_gradient(&self) -> bool {
        !self.solves_by_sweeps()
    }

    /// Noslip iterations: sweeps over the rows of friction behind the solver. 0 without any.
    pub fn noslip_sweeps(&self) -> usize {
        usize::try_from(self.raw().opt.noslip_iterations).unwrap_or(0)
    }

    /// Lets noslip iterations go through all their sweeps, however little these gain. At rest the first one gains nothing, and where it
    /// would end there, a step from a nudged state would take another number of them.
    pub fn take_all_noslip_sweeps(&mut self) {
        self.raw_mut().opt.noslip_tolerance = NO_END;
    }

    /// Sets the solver settings.
    pub fn set_solver(&mut self, solver: Solver) {
        let opt = &mut self.raw_mut().opt;
        opt.iterations = solver.iterations;
        opt.ls_iterations = solver.ls_iterations;
        opt.tolerance = solver.tolerance;
    }

    /// The range that MuJoCo clamps control `i` to: that of a limited control, unless `<flag clampctrl="disable"/>`.
    pub fn clamped_range(&self, i: usize) -> Option<[f64; 2]> {
        self.ctrl_range(i).filter(|_| !self.is_disabled(mjtDisableBit::mjDSBL_CLAMPCTRL))
    }

    /// The range of control `i` where it is limited, whether MuJoCo clamps the control to it or not.
    pub fn ctrl_range(&self, i: usize) -> Option<[f64; 2]> {
        assert!(i < self.nu(), "control {i} of {}", self.nu());
        let m = Slices(self.raw());
        m.actuator_ctrllimited()[i].then(|| m.actuator_ctrlrange()[i])
    }

    /// Default position coordinates (nq).
    pub fn qpos0(&self) -> &[f64] {
        self.slice(self.raw().qpos0, self.nq())
    }

    /// Row of the keyframe of that name (or number).
    ///
    /// # Errors
    /// [`PhysicsError::NoSuchName`].
    pub fn keyframe(&self, name: &str) -> Result<usize, PhysicsError> {
        match self.id(mjtObj::mjOBJ_KEY, name) {
            Some(id) => Ok(id),
            None => name
                .parse()
                .ok()
                .filter(|k| *k < self.raw().nkey as usize)
                .ok_or_else(|| PhysicsError::NoSuchName { kind: "keyframe", name: name.to_owned() }),
        }
    }

    /// Positions of a keyframe (nq), by its row from [`Model::keyframe`].
    pub fn keyframe_qpos(&self, key: usize) -> &[f64] {
        let n = self.nq();
        &self.slice(self.raw().key_qpos, self.raw().nkey as usize * n)[key * n..(key + 1) * n]
    }

    /// Controls of a keyframe (nu).
    pub fn keyframe_ctrl(&self, key: usize) -> &[f64] {
        let n = self.nu();
        &self.slice(self.raw().key_ctrl, self.raw().nkey as usize * n)[key * n..(key + 1) * n]
    }

    pub(super) fn id(&self, kind: mjtObj, name: &str) -> Option<usize> {
        let name = CString::new(name).ok()?;
        // SAFETY: the name is NUL-terminated; the result is -1 or a valid id.
        usize::try_from(unsafe { mj_name2id(self.ptr.as_ptr(), kind as i32, name.as_ptr()) }).ok()
    }

    pub(super) fn slice(&self, p: *const f64, n: usize) -> &[f64] {
        // SAFETY: callers pass an array of mjModel with its own length; a null pointer only with n = 0.
        if n == 0 { &[] } else { unsafe { std::slice::from_raw_parts(p, n) } }
    }

    /// Numbers of everything a step depends on: the integration state (mjSTATE_INTEGRATION) and, where trees sleep, what
    /// [`Sim::get_state`](super::Sim::get_state) gives behind it.
    pub fn state_size(&self) -> usize {
        self.integration_size() + self.sleep_size()
    }

    /// Numbers in the integration state (mjSTATE_INTEGRATION).
    pub(super) fn integration_size(&self) -> usize {
        // SAFETY: the model is valid and the signature is one of MuJoCo's own.
        let n = unsafe { mj_stateSize(self.ptr.as_ptr(), mjtState::mjSTATE_INTEGRATION as i32) };
        n as usize
    }

    /// Memory of the compiled model, bytes.
    pub fn bytes(&self) -> u64 {
        // SAFETY: the model is valid.
        unsafe { mj_sizeModel(self.ptr.as_ptr()) as u64 }
    }

    pub(super) fn ptr(&self) -> *const mjModel {
        self.ptr.as_ptr()
    }
}

/// Solver settings of [`Model::strict`]: what the solver leaves of a residual stays below rounding, even where it is
/// amplified as in the middle zone of an elliptic cone.
const TO_THE_END: Solver = Solver { iterations: 100, ls_iterations: 50, tolerance: 1e-20 };

/// A tolerance that no sweep comes below: the gain of one is at least its rounding.
const NO_END: f64 = -1.0;

/// With the flag `ipc` a step is many solves, and a tighter tolerance than this takes seconds and gains nothing.
const IPC_TOLERANCE: f64 = 1e-14;

impl Model {
    /// A copy whose solver runs to its end, or to the model's own tolerance where that is tighter still, so that differences of its
    /// steps see the step and not where the solver stopped. Newton converges as far as it can, and takes the place of CG, which has the same solution and comes less
    /// near to it (but with the flag `ipc`, which goes with CG alone), and of PGS under pyramidal cones, which has it too. Under
    /// elliptic ones PGS ends elsewhere, and is what its number of sweeps makes of it: it takes all of these, and the step is
    /// that of the model. So do noslip iterations, after any solver.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for it.
    pub fn strict(&self) -> Result<Self, PhysicsError> {
        let mut copy = self.copy()?;
        let needs_cg = self.needs_cg();
        copy.take_all_noslip_sweeps();
        let opt = &mut copy.raw_mut().opt;
        if self.sweeps_end_elsewhere() {
            opt.tolerance = 0.0;
            return Ok(copy);
        }
        if !needs_cg {
            opt.solver = mjtSolver::mjSOL_NEWTON as i32;
        }
        opt.iterations = opt.iterations.max(TO_THE_END.iterations);
        opt.ls_iterations = opt.ls_iterations.max(TO_THE_END.ls_iterations);
        let tighter = opt.tolerance > 0.0 && opt.tolerance < TO_THE_END.tolerance;
        opt.tolerance = match (needs_cg, tighter) {
            (true, _) => IPC_TOLERANCE,
            (false, true) => opt.tolerance,
            (false, false) => TO_THE_END.tolerance,
        };
        Ok(copy)
    }

    /// [`Self::strict`] without noslip iterations: what these begin with.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for it.
    pub fn strict_without_noslip(&self) -> Result<Self, PhysicsError> {
        let mut copy = self.strict()?;
        copy.raw_mut().opt.noslip_iterations = 0;
        Ok(copy)
    }

    /// A copy with four times the iterations, where these and not a tolerance make the step: with PGS under elliptic cones. What
    /// changes with them is no property of the constraints.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for it.
    pub fn with_more_sweeps(&self) -> Result<Option<Self>, PhysicsError> {
        if !self.sweeps_end_elsewhere() {
            return Ok(None);
        }
        let mut copy = self.copy()?;
        let opt = &mut copy.raw_mut().opt;
        opt.iterations = opt.iterations.saturating_mul(4);
        Ok(Some(copy))
    }

    /// The least distance over which the impedance of an equality or a limit changes (m or rad), its `solimp` width; infinite
    /// without any.
    pub fn narrowest_impedance(&self) -> f64 {
        let m = Slices(self.raw());
        let all = [m.eq_solimp(), m.jnt_solimp(), m.tendon_solimp_lim()].into_iter().flatten();
        all.map(|[_, _, width, ..]| *width).fold(f64::INFINITY, f64::min)
    }

    /// Whether the model is solved by CG alone: with the flag `ipc`. Even at its end CG leaves more than rounding.
    pub fn needs_cg(&self) -> bool {
        self.raw().opt.solver == mjtSolver::mjSOL_CG as i32 && self.is_enabled(mjtEnableBit::mjENBL_IPC)
    }

    /// Whether the constraints are solved by sweeps over their forces: by PGS.
    pub fn solves_by_sweeps(&self) -> bool {
        self.raw().opt.solver == mjtSolver::mjSOL_PGS as i32
    }

    /// Whether the solver's sweeps come to another end than the solution of the constraints, be they as many as they may: those
    /// of PGS do under elliptic cones, since they move a contact's force along its ray and around its normal, and not both.
    pub fn sweeps_end_elsewhere(&self) -> bool {
        self.solves_by_sweeps() && !self.has_pyramidal_cones()
    }

    /// What one step hands on to the next besides positions, velocities and activations: the samples of actuators and sensors
    /// with a delay, an interval or a number of samples (mjData.history), and the states of plugins (mjData.plugin_state). A and B are
    /// derivatives with these held at what they are. One word for each kind; nothing for most models.
    pub fn held_state(&self) -> Vec<String> {
        let m = Slices(self.raw());
        let kept = |what: &str, samples: &[[i32; 2]]| samples.iter().any(|[n, _]| *n > 0).then(|| what.to_owned());
        let history =
            [kept("history of actuators", m.actuator_history()), kept("history of sensors", m.sensor_history())];
        let plugins = self.plugins_with_state().into_iter().map(|name| format!("state of the plugin {name}"));
        history.into_iter().flatten().chain(plugins).collect()
    }
}
