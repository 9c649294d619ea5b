//! Threads: pools that engines share, and that are made anew after a fork.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::DynsparseError;

/// The pools of a process, by their number of threads; 0 stands for all cores.
static POOLS: Mutex<Option<Owned<Pools>>> = Mutex::new(None);

/// Pools that are kept: with as many, those that nobody uses go before another one comes.
const KEPT: usize = 4;

type Pools = HashMap<usize, Arc<ThreadPool>>;

/// Something that is of use in the process that made it only: its threads or locks do not live on in a fork.
pub(crate) struct Owned<T> {
    process: u32,
    inner: T,
}

impl<T> Owned<T> {
    /// Of this process.
    pub(crate) fn new(inner: T) -> Self {
        Self { process: std::process::id(), inner }
    }

    /// What it is, in the process that made it.
    pub(crate) fn here(&mut self) -> Option<&mut T> {
        (self.process == std::process::id()).then_some(&mut self.inner)
    }
}

/// A pool with so many threads, all cores with 0. The lock is held by who has the interpreter, so that no fork by Python sees it
/// taken.
pub(crate) fn pool(_py: Python<'_>, threads: usize) -> PyResult<Arc<ThreadPool>> {
    let mut all = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if all.as_mut().is_none_or(|pools| pools.here().is_none()) {
        // Those of the process that was forked have no threads here, and wait for them when they end.
        std::mem::forget(all.replace(Owned::new(Pools::new())));
    }
    let pools = all.as_mut().and_then(Owned::here).ok_or_else(|| DynsparseError::new_err("no threads"))?;
    if let Some(pool) = pools.get(&threads) {
        return Ok(pool.clone());
    }
    if pools.len() >= KEPT {
        pools.retain(|threads, pool| *threads == 0 || Arc::strong_count(pool) > 1);
    }
    let name = |i| format!("dynsparse-{i}");
    let made = ThreadPoolBuilder::new().num_threads(threads).thread_name(name).build();
    let pool = Arc::new(made.map_err(|e| DynsparseError::new_err(format!("threads cannot be started: {e}")))?);
    pools.insert(threads, pool.clone());
    Ok(pool)
}
