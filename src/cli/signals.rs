//! SIGINT and SIGTERM ask the work to stop; a second one ends the process at once, and so does time where nothing has stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::output;

/// How long the work has to stop by itself. Engines look between the columns of a Jacobian, but not within a product or a solve of
/// matrices with thousands of rows, nor within mjd_transitionFD.
const PATIENCE: Duration = Duration::from_secs(7);

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
    dynsparse::physics::stop_when(stop.clone());
    end_in_time()?;
    Ok(stop)
}

/// Ends the process where a signal has not: nothing is lost by that, since what is finished lies under its own name, synced, and
/// drafts are dropped by the next run, as after any kill.
fn end_in_time() -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            std::thread::sleep(PATIENCE);
            output::report(&anyhow::anyhow!("stopped in the middle of a step; what was finished before it is kept"));
            dynsparse::dataset::exit_now(128 + signal);
        }
    })?;
    Ok(())
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
