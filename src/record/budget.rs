//! A number of threads that several recordings share.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Threads at most, of anything. More is a slip of the keyboard: every thread has a simulation of its own.
pub const MOST_THREADS: usize = 1024;

/// As many permits as threads may work at once. Whoever waits with the lowest rank gets the next one, so
/// that a recording of a low rank takes every thread it can use and those of higher ranks fill the gaps.
#[derive(Debug)]
pub struct Budget {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// How many wait, by rank.
    waiting: BTreeMap<usize, usize>,
}

/// The right to keep one thread busy, until it is dropped.
#[derive(Debug)]
pub struct Permit<'a> {
    budget: &'a Budget,
}

impl Budget {
    /// A budget of so many threads, at least one.
    pub fn new(threads: usize) -> Self {
        Self { state: Mutex::new(State { free: threads.max(1), waiting: BTreeMap::new() }), changed: Condvar::new() }
    }

    /// Waits for a permit.
    pub fn take(&self, rank: usize) -> Permit<'_> {
        let mut state = self.lock();
        *state.waiting.entry(rank).or_default() += 1;
        while state.free == 0 || state.waiting.first_key_value().is_some_and(|(first, _)| *first < rank) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.free -= 1;
        if let Some(waiting) = state.waiting.get_mut(&rank) {
            *waiting -= 1;
            if *waiting == 0 {
                state.waiting.remove(&rank);
            }
        }
        // Another one may have slept while it was not its turn.
        self.changed.notify_all();
        Permit { budget: self }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.budget.lock().free += 1;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_more_permits_than_threads() {
        let budget = Budget::new(3);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for rank in 0..12 {
                let (budget, now, most) = (&budget, &now, &most);
                scope.spawn(move || {
                    for _ in 0..20 {
                        let _permit = budget.take(rank % 4);
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_micros(50));
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(budget.lock().free, 3);
        assert!(budget.lock().waiting.is_empty());
    }

    #[test]
    fn the_lowest_rank_is_first() {
        let budget = Budget::new(1);
        let held = budget.take(0);
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            for rank in [5, 1, 3] {
                let (budget, sender) = (&budget, sender.clone());
                scope.spawn(move || {
                    let _permit = budget.take(rank);
                    sender.send(rank).expect("the receiver lives");
                });
            }
            while budget.lock().waiting.len() < 3 {
                std::thread::sleep(Duration::from_millis(1));
            }
            drop(held);
        });
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 3, 5]);
    }
}
