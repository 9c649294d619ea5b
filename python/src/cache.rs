//! Decoded chunks that are kept, up to a bound in bytes: the one that was used longest ago goes first. Those of small variables
//! stay, so that large ones do not push them out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// A chunk: of which column, of which file, its number, and whether its floats are shortened.
pub(crate) type Key = (usize, usize, usize, bool);

/// What a chunk costs beside its bytes: its place in both maps.
pub(crate) const OVERHEAD: usize = 160;

/// Chunks by their key.
pub(crate) struct Cache {
    /// Bytes of chunks that come and go, at most.
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    bytes: usize,
    /// Bytes of chunks that stay.
    staying: usize,
    clock: u64,
    /// When each was used last; None for those that stay.
    chunks: HashMap<Key, (Option<u64>, Arc<Vec<u8>>)>,
    /// Which was used when, the longest ago first.
    used: BTreeMap<u64, Key>,
    hits: u64,
    misses: u64,
}

impl Cache {
    /// One that keeps so many bytes at most, of chunks that come and go.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, inner: Mutex::default() }
    }

    /// A chunk that is there.
    pub(crate) fn get(&self, key: Key) -> Option<Arc<Vec<u8>>> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.clock += 1;
        let Some((when, bytes)) = inner.chunks.get_mut(&key) else {
            inner.misses += 1;
            return None;
        };
        inner.hits += 1;
        if let Some(when) = when {
            inner.used.remove(when);
            *when = inner.clock;
            inner.used.insert(inner.clock, key);
        }
        Some(bytes.clone())
    }

    /// Whether a chunk is there.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.lock().chunks.contains_key(&key)
    }

    /// Keeps a chunk: for good where it `stays`; else one that is larger than the bound is not kept. Returns memory of those that had
    /// to go, for the next chunk.
    pub(crate) fn put(&self, key: Key, bytes: &Arc<Vec<u8>>, stays: bool) -> Option<Vec<u8>> {
        let cost = bytes.capacity().saturating_add(OVERHEAD);
        let mut inner = self.lock();
        let inner = &mut *inner;
        if inner.chunks.contains_key(&key) || !stays && cost > self.most {
            return None;
        }
        if stays {
            inner.staying += cost;
            inner.chunks.insert(key, (None, bytes.clone()));
            return None;
        }
        let mut free = None;
        while inner.bytes > self.most - cost {
            let Some((_, oldest)) = inner.used.pop_first() else { break };
            if let Some((_, gone)) = inner.chunks.remove(&oldest) {
                inner.bytes -= gone.capacity() + OVERHEAD;
                free = Arc::try_unwrap(gone).ok().or(free);
            }
        }
        inner.clock += 1;
        inner.bytes += cost;
        inner.used.insert(inner.clock, key);
        inner.chunks.insert(key, (Some(inner.clock), bytes.clone()));
        free
    }

    /// Bytes that are kept, and how often a chunk was there and was not.
    pub(crate) fn statistics(&self) -> (usize, u64, u64) {
        let inner = self.lock();
        (inner.bytes + inner.staying, inner.hits, inner.misses)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
