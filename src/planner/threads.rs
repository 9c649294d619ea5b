//! The threads that rollouts are spread over.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

/// Who does what a plan needs. No result depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Threads {
    /// The caller's own thread.
    One,
    /// All that are idle in the pool of the caller's thread, and itself.
    Pool,
}

impl Threads {
    /// Does `one` with every item and its index. Idle threads take single items: rollouts differ in length.
    ///
    /// # Errors
    /// One of those of `one`.
    pub(super) fn each<T: Send, E: Send>(
        self,
        items: &mut [T],
        one: impl Fn(usize, &mut T) -> Result<(), E> + Sync + Send,
    ) -> Result<(), E> {
        if let [item] = items {
            return self.alone(|| one(0, item));
        }
        match self {
            Self::One => items.iter_mut().enumerate().try_for_each(|(i, item)| one(i, item)),
            Self::Pool => items.par_iter_mut().enumerate().with_max_len(1).try_for_each(|(i, item)| one(i, item)),
        }
    }

    /// Does `one`, which waits for no other thread, on the caller's. An idle thread stays awake for what comes next: to be
    /// woken takes it about as long as its share of a short plan.
    pub(super) fn alone<T>(self, one: impl FnOnce() -> T) -> T {
        match self {
            Self::One => one(),
            Self::Pool => {
                let done = AtomicBool::new(false);
                rayon::in_place_scope(|scope| {
                    scope.spawn(|_| {
                        while !done.load(Ordering::Relaxed) {
                            if rayon::yield_now() != Some(rayon::Yield::Executed) {
                                std::hint::spin_loop();
                            }
                        }
                    });
                    // A panic must end the wait, too.
                    let done = Done(&done);
                    let result = one();
                    drop(done);
                    result
                })
            }
        }
    }
}

/// Sets a flag when it goes.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
