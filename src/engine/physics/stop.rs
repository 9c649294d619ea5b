//! Asks computations that take long to stop: a signal handler sets a flag, and the loops of the engines look at it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::PhysicsError;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on, Jacobians under way in this process end with [`PhysicsError::Stopped`] once `flag` is set. Only the first call
/// counts.
pub fn stop_when(flag: Arc<AtomicBool>) {
    let _ = ASKED.set(flag);
}

/// Whether to go on.
///
/// # Errors
/// [`PhysicsError::Stopped`] once the flag of [`stop_when`] is set.
pub(crate) fn go_on() -> Result<(), PhysicsError> {
    match ASKED.get() {
        Some(flag) if flag.load(Ordering::Relaxed) => Err(PhysicsError::Stopped),
        _ => Ok(()),
    }
}
