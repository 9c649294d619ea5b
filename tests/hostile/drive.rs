//! Many inputs of one target, on all cores.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::common::Dice;
use crate::counts::Counts;
use crate::judge::{Kind, judge};
use crate::keep::keep;
use crate::shrink::shrink;

/// Inputs of each target where nothing is said.
const FEW: u64 = 40;

/// Time between two lines of a long run.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Inputs that are kept of faults with one signature; hangs all look the same.
const KEPT: u64 = 3;

/// Something that reads files.
pub(crate) trait Target: Sync {
    /// Makes what inputs are made from: recordings, networks, folders.
    fn new() -> Self;

    /// One input.
    fn case(&self, dice: &mut Dice) -> Case;
}

/// What the environment says.
struct Series {
    seed: u64,
    first: u64,
    count: u64,
    threads: u64,
    failures: PathBuf,
    table: Option<PathBuf>,
}

impl Series {
    fn read() -> Self {
        let text = |name: &str| std::env::var(format!("DYNSPARSE_FUZZ_{name}")).ok();
        let number = |name: &str| text(name).map(|t| t.parse::<u64>().unwrap_or_else(|e| panic!("{name}: {e}")));
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        Self {
            seed: number("SEED").unwrap_or(0),
            first: number("FIRST").unwrap_or(0),
            count: number("COUNT").unwrap_or(FEW),
            threads: number("THREADS").unwrap_or(cores).max(1),
            failures: text("FAILURES").map_or_else(|| std::env::temp_dir().join("dynsparse-hostile"), PathBuf::from),
            table: text("TABLE").map(PathBuf::from),
        }
    }
}

/// The dice of an input.
fn dice(seed: u64, name: &str, number: u64) -> Dice {
    let mut dice = Dice(seed);
    for word in name.bytes().map(u64::from).chain([number]) {
        dice = Dice(dice.below(u64::MAX) ^ word);
    }
    dice
}

/// Runs the inputs of a target, keeps those that fail, and fails if one did.
pub(crate) fn fuzz<T: Target>(name: &'static str) {
    let series = Series::read();
    let target = T::new();
    let next = AtomicU64::new(0);
    let shared = Mutex::new((Counts::default(), BTreeMap::<String, u64>::new(), Instant::now()));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..series.threads.min(series.count) {
            scope.spawn(|| {
                loop {
                    let done = next.fetch_add(1, Ordering::Relaxed);
                    if done >= series.count {
                        return;
                    }
                    one(name, &target, &series, series.first + done, &shared);
                    let mut shared = shared.lock().expect("no thread panics");
                    if shared.2.elapsed() > LINE_EVERY {
                        shared.2 = Instant::now();
                        eprintln!(
                            "{name}: {} after {:.0} s",
                            shared.0.line(series.count),
                            begun.elapsed().as_secs_f64()
                        );
                    }
                }
            });
        }
    });
    let (counts, _, _) = shared.into_inner().expect("no thread panics");
    println!("{name}: {}", counts.line(series.count));
    if let Some(folder) = &series.table {
        counts.write(folder, name, series.seed, series.first, begun.elapsed());
    }
    assert!(counts.failures.is_empty(), "{name}: {}; see {}", counts.words(), series.failures.display());
    // Damage that nobody notices, or that nobody lets pass, shows nothing.
    let enough = series.count >= FEW;
    assert!(!enough || counts.refused > 0 && counts.accepted > 0, "{name}: {}", counts.line(series.count));
}

/// Makes one input, judges it, and keeps it if it fails.
fn one<T: Target>(
    name: &str,
    target: &T,
    series: &Series,
    number: u64,
    shared: &Mutex<(Counts, BTreeMap<String, u64>, Instant)>,
) {
    let case = target.case(&mut dice(series.seed, name, number));
    let verdict = judge(&case);
    let known = {
        let mut shared = shared.lock().expect("no thread panics");
        shared.0.add(number, &verdict);
        let Some(fault) = &verdict.fault else { return };
        let seen = shared.1.entry(fault.signature(&case)).or_default();
        *seen += 1;
        *seen
    };
    let Some(fault) = &verdict.fault else { return };
    if known > KEPT {
        return;
    }
    let tries = match fault.kind {
        Kind::Asleep => 0,
        _ if verdict.processor > 2.0 => 6,
        _ => 100,
    };
    // Only the first of its kind is made small.
    let tries = if known == 1 { tries } else { 0 };
    let signature = fault.signature(&case);
    let small = shrink(&case, tries, &|c| judge(c).fault.is_some_and(|f| f.signature(c) == signature));
    let verdict = if tries > 0 { judge(&small) } else { verdict };
    keep(&series.failures, name, series.seed, number, &small, &verdict, &case);
}
