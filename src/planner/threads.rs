//! The threads that rollouts are spread over.

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
        match self {
            Self::One => items.iter_mut().enumerate().try_for_each(|(i, item)| one(i, item)),
            Self::Pool => items.par_iter_mut().enumerate().with_max_len(1).try_for_each(|(i, item)| one(i, item)),
        }
    }
}
