//! Calls into MuJoCo through the C guard (`guard.c`), which turns fatal errors into return codes.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

use mujoco_rs::mujoco_c::{mj_version, mjData, mjModel, mjPreContact, mjVFS};

use super::PhysicsError;

/// The MuJoCo version this program is written for.
pub const REQUIRED_VERSION: &str = "3.17.0";

unsafe extern "C" {
    fn ds_install_handler();
    fn ds_share_messages();
    fn ds_quiet_clock();
    fn ds_callback() -> *const c_char;
    fn ds_last_error() -> *const c_char;
    fn ds_last_warning() -> *const c_char;
    fn ds_clear_warning();
    fn ds_begin_loading();
    fn ds_end_loading();
    pub(super) fn ds_load_xml(
        filename: *const c_char,
        vfs: *const mjVFS,
        out: *mut *mut mjModel,
        error: *mut c_char,
        error_sz: c_int,
    ) -> c_int;
    pub(super) fn ds_print_schema(buffer: *mut c_char, size: c_int, written: *mut c_int) -> c_int;
    pub(super) fn ds_copy_model(m: *const mjModel, out: *mut *mut mjModel) -> c_int;
    pub(super) fn ds_save_model(m: *const mjModel, buffer: *mut c_void, size: i64) -> c_int;
    pub(super) fn ds_load_saved(buffer: *const c_void, size: i64, out: *mut *mut mjModel) -> c_int;
    pub(super) fn ds_make_data(m: *const mjModel, out: *mut *mut mjData) -> c_int;
    pub(super) fn ds_reset(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_reset_key(m: *const mjModel, d: *mut mjData, key: c_int) -> c_int;
    pub(super) fn ds_step(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_forward(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_step1(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_get_state(m: *const mjModel, d: *const mjData, state: *mut f64, sig: c_int) -> c_int;
    pub(super) fn ds_set_state(m: *const mjModel, d: *mut mjData, state: *const f64, sig: c_int) -> c_int;
    pub(super) fn ds_kinematics(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_update_sleep(m: *const mjModel, d: *mut mjData) -> c_int;
    /// Exported by the library, declared in no public header (3.17.0). Fails for other kinds of objects than it knows only.
    pub(super) fn mj_sleepState(m: *const mjModel, d: *const mjData, kind: c_int, id: c_int) -> c_int;
    pub(super) fn ds_stage_position(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_stage_light(m: *const mjModel, d: *mut mjData, ncon: *mut c_int) -> c_int;
    pub(super) fn ds_stage_seen(m: *const mjModel, d: *mut mjData, contacts: c_int, ncon: *mut c_int) -> c_int;
    pub(super) fn ds_sensors(
        m: *const mjModel,
        d: *mut mjData,
        position: c_int,
        velocity: c_int,
        acceleration: c_int,
    ) -> c_int;
    pub(super) fn ds_collision(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_stage_velocity(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_stage_actuation(m: *const mjModel, d: *mut mjData) -> c_int;
    pub(super) fn ds_constraint_update(m: *const mjModel, d: *mut mjData, jar: *const f64, cones: c_int) -> c_int;
    /// Exported by the library, declared in no public header (3.17.0). Fails for other types than the two that it knows only.
    pub(super) fn mju_wrap(
        points: *mut f64,
        first: *const f64,
        second: *const f64,
        pos: *const f64,
        mat: *const f64,
        radius: f64,
        kind: c_int,
        side: *const f64,
    ) -> f64;
    pub(super) fn ds_smooth_vel(m: *const mjModel, d: *mut mjData, bias: c_int) -> c_int;
    pub(super) fn ds_collide(
        m: *const mjModel,
        d: *mut mjData,
        type1: c_int,
        type2: c_int,
        g1: c_int,
        g2: c_int,
        margin: f64,
        out: *mut mjPreContact,
        n: *mut c_int,
    ) -> c_int;
    pub(super) fn ds_transition_fd(
        m: *const mjModel,
        d: *mut mjData,
        eps: f64,
        centered: c_int,
        a: *mut f64,
        b: *mut f64,
        c: *mut f64,
        d: *mut f64,
    ) -> c_int;
}

/// Installs the log handler and checks the library's version, once per process.
///
/// # Errors
/// [`PhysicsError::Version`] when the loaded library is not [`REQUIRED_VERSION`].
pub(super) fn init() -> Result<(), PhysicsError> {
    static FOUND: OnceLock<String> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        // SAFETY: runs once, before any other MuJoCo call of this process; the handler is a C function
        // with static lifetime.
        unsafe { ds_install_handler() };
        mujoco_version()
    });
    if found == REQUIRED_VERSION { Ok(()) } else { Err(PhysicsError::Version { found: found.clone() }) }
}

/// From now on MuJoCo's messages that are not of our own calls go to whom they went before us: for a process in which
/// others use the same library. Otherwise they go nowhere, so that no file or console output is left to the library.
pub fn share_messages() {
    // SAFETY: sets a flag.
    unsafe { ds_share_messages() };
}

/// From now on the clock that is installed in MuJoCo (`mjcb_time`), which times the stages of each step for `mjData.timer`, is asked by
/// steps of others only: for who shares the library with others, before each batch. Such a clock may take the lock of Python, or be long.
pub fn quiet_clock() {
    // SAFETY: reads and sets pointers to functions that take nothing and live as long as the process.
    unsafe { ds_quiet_clock() };
}

/// The name of a callback (`mjcb_control`, ...) that someone in this process has installed in MuJoCo. A step calls it, from any
/// thread, and its derivative is not ours to know: who shares the library with others asks before each batch.
pub fn installed_callback() -> Option<&'static str> {
    // SAFETY: reads pointers; what comes back is null or a constant text, NUL-terminated and ASCII.
    unsafe {
        let name = ds_callback();
        if name.is_null() { None } else { CStr::from_ptr(name).to_str().ok() }
    }
}

/// The version of the MuJoCo library that is loaded, as "major.minor.patch".
pub fn mujoco_version() -> String {
    // SAFETY: takes no argument and reads a constant.
    let v = unsafe { mj_version() };
    // mjVERSION_HEADER is major * 1000000 + minor * 1000 + patch since 3.3.
    format!("{}.{}.{}", v / 1_000_000, v / 1000 % 1000, v % 1000)
}

/// Turns a guard's return code into a result with the message of this thread.
pub(super) fn check(code: c_int) -> Result<(), PhysicsError> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: points to this thread's NUL-terminated buffer.
    let message = unsafe { CStr::from_ptr(ds_last_error()) };
    Err(PhysicsError::Mujoco(one_line(&message.to_string_lossy())))
}

/// Runs `load`, which lets the system load a library. What MuJoCo says against that comes back beside the result; None where it
/// says nothing.
pub(super) fn while_loading<T>(load: impl FnOnce() -> T) -> (T, Option<String>) {
    // SAFETY: both set a flag of this thread.
    unsafe { ds_begin_loading() };
    let result = load();
    // SAFETY: as above; the text is this thread's NUL-terminated buffer.
    let message = unsafe {
        ds_end_loading();
        one_line(&CStr::from_ptr(ds_last_error()).to_string_lossy())
    };
    (result, Some(message).filter(|message| !message.is_empty()))
}

/// MuJoCo spreads its messages over lines; one clear line is what a terminal and a file want.
pub(super) fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Takes the last warning raised on this thread.
pub(super) fn take_warning() -> Option<String> {
    // SAFETY: points to this thread's NUL-terminated buffer; cleared after it was copied.
    unsafe {
        let text = CStr::from_ptr(ds_last_warning()).to_string_lossy().trim().to_owned();
        ds_clear_warning();
        (!text.is_empty()).then_some(text)
    }
}
