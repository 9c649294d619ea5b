//! Asks computations that take long to stop: the loops of the engines look, and end. A program sets a flag for its whole process, in
//! a signal handler; who calls the engine as a library may say it for what one thread runs.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::PhysicsError;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether something is asked to stop.
type Question = Rc<dyn Fn() -> bool>;

thread_local! {
    static HERE: RefCell<Option<Question>> = const { RefCell::new(None) };
}

/// From now on, Jacobians under way in this process end with [`PhysicsError::Stopped`] once `flag` is set. Only the first call
/// counts.
pub fn stop_when(flag: Arc<AtomicBool>) {
    let _ = ASKED.set(flag);
}

/// Runs something during which Jacobians of this thread end with [`PhysicsError::Stopped`] once `asked` is true. It is asked
/// before every physics step of a control step and between the columns of a Jacobian: some microseconds to some
/// milliseconds apart.
pub fn stop_if<T>(asked: Rc<dyn Fn() -> bool>, run: impl FnOnce() -> T) -> T {
    /// Puts back what was asked before, after a panic too.
    struct Before(Option<Question>);
    impl Drop for Before {
        fn drop(&mut self) {
            HERE.set(self.0.take());
        }
    }
    let _before = Before(HERE.replace(Some(asked)));
    run()
}

/// Whether to go on.
///
/// # Errors
/// [`PhysicsError::Stopped`] once the flag of [`stop_when`] is set, or what [`stop_if`] asks is true.
pub(crate) fn go_on() -> Result<(), PhysicsError> {
    let flagged = ASKED.get().is_some_and(|flag| flag.load(Ordering::Relaxed));
    // Not borrowed while it is asked: that may run something which asks for itself.
    let here = || HERE.with_borrow(Clone::clone).is_some_and(|asked| asked());
    if flagged || here() { Err(PhysicsError::Stopped) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_a_thread_runs_is_stopped_and_nothing_else() {
        assert!(go_on().is_ok());
        let asked = Rc::new(Cell::new(false));
        let question = asked.clone();
        stop_if(Rc::new(move || question.get()), || {
            assert!(go_on().is_ok());
            asked.set(true);
            assert!(matches!(go_on(), Err(PhysicsError::Stopped)));
            stop_if(Rc::new(|| false), || assert!(go_on().is_ok()));
            assert!(go_on().is_err());
            std::thread::spawn(|| assert!(go_on().is_ok())).join().unwrap();
        });
        assert!(go_on().is_ok());
        let panicked = std::panic::catch_unwind(|| stop_if(Rc::new(|| true), || panic!("on purpose")));
        assert!(panicked.is_err() && go_on().is_ok());
    }
}
