//! SIGINT and SIGTERM ask the work to stop; a second one ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

static RECEIVED: std::sync::OnceLock<Arc<AtomicUsize>> = std::sync::OnceLock::new();

/// Installs the handlers and returns the flag that they set.
///
/// # Errors
/// When the system refuses a handler.
pub(super) fn install() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let received = RECEIVED.get_or_init(Arc::default).clone();
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and only sets it, the second ends the process.
        flag::register_conditional_shutdown(signal, 128 + signal, stop.clone())?;
        flag::register(signal, stop.clone())?;
        flag::register_usize(signal, received.clone(), signal as usize)?;
    }
    Ok(stop)
}

/// SIGUSR1 is what a job gets shortly before its time limit: it asks the work to stop too, and sets the flag
/// returned.
///
/// # Errors
/// When the system refuses a handler.
pub(super) fn install_time_limit(stop: &Arc<AtomicBool>) -> anyhow::Result<Arc<AtomicBool>> {
    let time_is_up = Arc::new(AtomicBool::new(false));
    // In this order: whoever finds the work stopped may ask why.
    flag::register(SIGUSR1, time_is_up.clone())?;
    flag::register(SIGUSR1, stop.clone())?;
    Ok(time_is_up)
}

/// 128 + signal, when one has asked the work to stop.
pub(super) fn exit_code() -> Option<i32> {
    let signal = RECEIVED.get()?.load(Ordering::Relaxed);
    (signal != 0).then_some(128 + signal as i32)
}
