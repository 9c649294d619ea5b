//! Ends a program whose library computes without an end.
//!
//! HDF5 follows what a file says of itself, and a damaged one can lead it round in circles, with its lock held. Nothing can
//! stop such a call, so the process ends, by a hook of whoever may print. What counts is the processor time of the thread
//! that called: a slow disk uses none. Without a hook, and where the system does not tell a thread's time, nothing is
//! watched.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Processor time of one call that has no end: all of a large file's metadata take a hundredth of it.
const LIMIT: Duration = Duration::from_secs(20);

/// How often the time is looked at.
const TICK: Duration = Duration::from_secs(1);

/// A tick of `/proc/.../stat` (USER_HZ is 100 wherever Linux tells it).
const STAT_TICK: Duration = Duration::from_millis(10);

static WATCH: OnceLock<Watch> = OnceLock::new();

/// Sets what is done when a call has used up its time; it gets one line that names the file, and ends the process. The
/// first hook stays.
pub fn on_hang(hook: fn(&str)) {
    WATCH.get_or_init(|| Watch::new(LIMIT, TICK, hook));
}

/// Calls into a library that reads `file`.
pub(crate) fn watched<T>(file: &Path, call: impl FnOnce() -> T) -> T {
    match WATCH.get() {
        Some(watch) => watch.call(file, call),
        None => call(),
    }
}

/// The calls under way, and the thread that looks at them.
#[derive(Debug)]
struct Watch {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    calls: Mutex<Calls>,
    begun: Condvar,
}

#[derive(Debug, Default)]
struct Calls {
    next: u64,
    under_way: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    number: u64,
    file: PathBuf,
    /// Where the system tells the time of its thread.
    stat: PathBuf,
    /// The thread's time when it was first looked at.
    since: Option<Duration>,
}

impl Watch {
    fn new(limit: Duration, tick: Duration, hook: fn(&str)) -> Self {
        let shared = Arc::new(Shared { calls: Mutex::default(), begun: Condvar::new() });
        let watcher = Arc::clone(&shared);
        // Without this thread the calls are made all the same.
        drop(std::thread::Builder::new().name("watch".to_owned()).spawn(move || watcher.look(limit, tick, hook)));
        Self { shared }
    }

    fn call<T>(&self, file: &Path, call: impl FnOnce() -> T) -> T {
        let _under_way = own_stat().map(|stat| self.shared.begin(file, stat));
        call()
    }
}

impl Shared {
    fn begin(&self, file: &Path, stat: PathBuf) -> UnderWay<'_> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.next += 1;
        let number = calls.next;
        calls.under_way.push(Call { number, file: file.to_owned(), stat, since: None });
        self.begun.notify_all();
        UnderWay { shared: self, number }
    }

    fn look(&self, limit: Duration, tick: Duration, hook: fn(&str)) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            while calls.under_way.is_empty() {
                calls = self.begun.wait(calls).unwrap_or_else(PoisonError::into_inner);
            }
            drop(calls);
            std::thread::sleep(tick);
            calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let mut hangs = None;
            for call in &mut calls.under_way {
                let Some(now) = processor_time(&call.stat) else { continue };
                let since = *call.since.get_or_insert(now);
                if now.saturating_sub(since) >= limit {
                    hangs = Some(call.file.clone());
                }
            }
            if let Some(file) = hangs {
                let seconds = limit.as_secs_f64();
                hook(&format!(
                    "{}: cannot be read: HDF5 has computed on it for {seconds} s without an end: the file is damaged, \
                     record or copy it again",
                    file.display()
                ));
            }
        }
    }
}

/// Takes its call off the list when it ends, by a panic too.
struct UnderWay<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut calls = self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.under_way.retain(|call| call.number != self.number);
    }
}

/// Where the system tells the time of this thread, if it does.
fn own_stat() -> Option<PathBuf> {
    thread_local! {
        static STAT: Option<PathBuf> =
            std::fs::read_link("/proc/thread-self").ok().map(|thread| Path::new("/proc").join(thread).join("stat"));
    }
    STAT.with(Clone::clone)
}

/// What a thread has computed so far, for itself and in the system.
fn processor_time(stat: &Path) -> Option<Duration> {
    let text = std::fs::read_to_string(stat).ok()?;
    // The name of the thread, in parentheses, may hold anything; utime and stime are the 12th and 13th words behind it.
    let mut words = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || words.next()?.parse::<u32>().ok();
    Some(STAT_TICK * ticks()?.checked_add(ticks()?)?)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_call_that_computes_without_an_end_is_told() {
        static TOLD: Mutex<Option<String>> = Mutex::new(None);
        let told = || TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        let hook = |text: &str| *TOLD.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
        let watch = Watch::new(Duration::from_millis(50), Duration::from_millis(5), hook);
        // A test that waits for it would hang without the watch.
        watch.call(Path::new("circle.h5"), || while told().is_none() {});
        let text = told().clone().unwrap_or_default();
        assert!(text.starts_with("circle.h5: cannot be read") && text.contains("the file is damaged"), "{text}");
    }

    #[test]
    fn waiting_is_not_computing_and_a_call_that_ended_is_forgotten() {
        static TOLD: AtomicBool = AtomicBool::new(false);
        let limit = Duration::from_millis(300);
        let watch = Watch::new(limit, Duration::from_millis(5), |_| TOLD.store(true, Ordering::Relaxed));
        watch.call(Path::new("slow.h5"), || std::thread::sleep(Duration::from_millis(900)));
        assert!(watch.shared.calls.lock().unwrap().under_way.is_empty());
        let stat = own_stat().expect("a thread's time");
        let spent = || processor_time(&stat).expect("a thread's time");
        // Beyond the limit, but in no call.
        let start = spent();
        while spent() < start + 2 * limit {}
        assert!(!TOLD.load(Ordering::Relaxed));
    }
}
