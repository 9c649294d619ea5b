//! Things that threads use in turns, kept for the next one.

use std::sync::{Mutex, PoisonError};

/// What nobody uses at the moment.
#[derive(Debug)]
pub struct Idle<T>(Mutex<Vec<T>>);

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Idle<T> {
    /// One that was put back, or a new one.
    pub fn take<E>(&self, new: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let found = self.lock().pop();
        found.map_or_else(new, Ok)
    }

    /// Keeps one for the next.
    pub fn put(&self, item: T) {
        self.lock().push(item);
    }

    /// A sum over all of them.
    pub fn sum(&self, of: impl Fn(&T) -> u64) -> u64 {
        self.lock().iter().map(of).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
