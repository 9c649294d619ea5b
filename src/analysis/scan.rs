//! Streams a recording: workers decompress blocks of steps and reduce every matrix to its zero pattern, a bit for
//! every entry; what depends on the order of steps sees these patterns one after the other. Memory holds the blocks
//! under way and nothing of those before.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::pattern::{Matrix, Pattern, Shape};
use super::{AnalysisError, AnalysisSettings, Criterion};
use crate::dataset::schema::Var;
use crate::dataset::{DatasetError, FlagReader, Recording, RowReader, Store};
use crate::flags::StepFlags;
use crate::zero::ZeroVerdict;

/// Blocks of a thread that may wait for those before them: enough to even out, few enough to keep memory small.
const BLOCKS_PER_THREAD: usize = 4;

/// The numbers of the recorded masks (`A_zero`, see [`ZeroVerdict`]).
pub(super) const VERDICTS: usize = ZeroVerdict::ALL.len();

/// What sums up a matrix over all steps that count; the same whatever the order of blocks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    /// By entry: its largest absolute value.
    pub(super) largest: Vec<f64>,
    /// Values by (how many of the thresholds are above them, the mask's verdict).
    pub(super) joint: Vec<[u64; VERDICTS]>,
}

impl Sums {
    fn new(shape: Shape, thresholds: usize) -> Self {
        Self { largest: vec![0.0; shape.entries()], joint: vec![[0; VERDICTS]; thresholds + 1] }
    }

    fn add(&mut self, other: &Self) {
        self.largest.iter_mut().zip(&other.largest).for_each(|(a, b)| *a = a.max(*b));
        for (a, b) in self.joint.iter_mut().zip(&other.joint) {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        }
    }
}

/// Whether a step counts, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It counts.
    Counts,
    /// Its flags are not wanted.
    Unwanted,
    /// An entry is NaN or infinite.
    NotFinite,
}

/// The patterns of some steps.
struct Block {
    steps: Range<usize>,
    uses: Vec<Use>,
    words: Vec<u64>,
    sums: [Sums; 2],
}

/// How to get from values to patterns.
pub(super) struct Scan<'a> {
    recording: &'a Recording,
    criterion: Criterion,
    shapes: [Shape; 2],
    bins: Bins,
    settings: &'a AnalysisSettings,
    readers: Readers<'a>,
    block: usize,
    /// Workers between two blocks, with the buffers that they have.
    idle: Mutex<Vec<Worker<'a>>>,
}

/// Readers of what is large.
#[derive(Clone)]
struct Readers<'a> {
    values: [Option<RowReader<'a>>; 2],
    masks: [Option<RowReader<'a>>; 2],
    flags: FlagReader<'a>,
}

/// What a thread needs to work on a block.
struct Worker<'a> {
    readers: Readers<'a>,
    /// By matrix and bin.
    tallies: [Vec<Tally>; 2],
}

/// Values of a bin, by lane and verdict: neighbours count in different lanes, so that none waits for the other's
/// increment.
type Tally = [u64; LANES * 4];
const LANES: usize = 4;

/// The variables of the recorded zero test.
const MASKS: [Var; 2] = [Var::AZero, Var::BZero];

/// The variables that have the shapes of A and B: their masks, where the recording keeps no numbers.
pub(super) fn held(recording: &Recording) -> [Var; 2] {
    if recording.store() == Store::Masks { MASKS } else { [Var::A, Var::B] }
}

/// Whether a recording has the zero test.
pub(super) fn has_masks(recording: &Recording) -> bool {
    let [a, b] = MASKS.map(|var| recording.has(var));
    a && (b || !recording.has(Var::B))
}

impl<'a> Scan<'a> {
    /// A scan of a recording with a criterion that it can answer.
    pub(super) fn new(
        recording: &'a Recording,
        settings: &'a AnalysisSettings,
        criterion: Criterion,
    ) -> Result<Self, DatasetError> {
        let reader = |var: Var| recording.has(var).then(|| RowReader::new(recording, var)).transpose();
        let mask = |var: Var| if has_masks(recording) { reader(var) } else { Ok(None) };
        let [a, b] = MASKS;
        let (values, masks) = ([reader(Var::A)?, reader(Var::B)?], [mask(a)?, mask(b)?]);
        let readers = Readers { values, masks, flags: FlagReader::new(recording)? };
        let shape = |var: Var| match recording.shape(var)[..] {
            [_, rows, columns] => Shape { rows, columns },
            _ => Shape { rows: 0, columns: 0 },
        };
        let matrices = held(recording);
        let shapes = matrices.map(shape);
        for (var, shape) in matrices.into_iter().zip(shapes) {
            let wrong = recording.has(var) && (shape.entries() == 0 || shape.rows != shapes[0].columns);
            if wrong {
                return Err(
                    recording.foreign(&format!("{} does not fit the state: the file is damaged", var.spec().name))
                );
            }
        }
        let steps = recording.shape(Var::Time)[0];
        let all = readers.values.iter().chain(&readers.masks).flatten();
        for reader in all.clone() {
            if reader.rows() != steps {
                return Err(recording.foreign("variables of a step have different lengths: the file is damaged"));
            }
        }
        let rows: Vec<usize> = all.map(RowReader::chunk_rows).collect();
        Ok(Self {
            recording,
            criterion,
            shapes,
            bins: Bins::new(&settings.thresholds),
            settings,
            readers,
            block: block_rows(&rows),
            idle: Mutex::default(),
        })
    }

    /// Shapes of A and B; B is 0 x 0 in a model without controls.
    pub(super) fn shapes(&self) -> [Shape; 2] {
        self.shapes
    }

    /// Reads everything once. `visit` sees every step in order with its patterns, empty where it does not count.
    ///
    /// Every thread makes blocks; whoever has made the one that is next in order passes it on, and those behind it that
    /// are there already.
    pub(super) fn run(
        &self,
        visit: impl FnMut(usize, Use, [Pattern<'_>; 2]) -> Result<(), AnalysisError> + Send,
    ) -> Result<[Sums; 2], AnalysisError> {
        let steps = self.recording.shape(Var::Time)[0];
        let ahead = BLOCKS_PER_THREAD * rayon::current_num_threads();
        let queue = Queue::default();
        let next = AtomicUsize::new(0);
        let order = Mutex::new(Order {
            sums: self.shapes.map(|shape| Sums::new(shape, self.bins.count())),
            visit,
            failed: None,
        });
        rayon::broadcast(|_| {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let start = number * self.block;
                if start >= steps || !queue.wait(number, ahead) {
                    return;
                }
                queue.put(number, self.block(start..(start + self.block).min(steps)));
                // Whoever holds the order looks again after it has let go, so that no block is left behind.
                while queue.is_ready() {
                    let Ok(mut order) = order.try_lock() else { break };
                    while let Some(block) = queue.take() {
                        self.pass_on(block, &mut order);
                        queue.passed(order.failed.is_some());
                    }
                }
            }
        });
        let order = order.into_inner().unwrap_or_else(PoisonError::into_inner);
        match order.failed {
            Some(error) => Err(error),
            None => Ok(order.sums),
        }
    }

    /// Shows the steps of a block, and sums it up.
    fn pass_on<V>(&self, block: Result<Block, DatasetError>, order: &mut Order<V>)
    where
        V: FnMut(usize, Use, [Pattern<'_>; 2]) -> Result<(), AnalysisError>,
    {
        let work = || -> Result<(), AnalysisError> {
            let block = block?;
            for (total, part) in order.sums.iter_mut().zip(&block.sums) {
                total.add(part);
            }
            for (i, step) in block.steps.clone().enumerate() {
                (order.visit)(step, block.uses[i], self.patterns(&block.words, i))?;
            }
            Ok(())
        };
        if order.failed.is_none() {
            order.failed = work().err();
        }
    }

    /// Words of a step: zeros, then undecided entries, of A and then of B.
    fn step_words(&self) -> usize {
        2 * (self.shapes[0].words() + self.shapes[1].words())
    }

    fn patterns<'w>(&self, words: &'w [u64], step: usize) -> [Pattern<'w>; 2] {
        let mut rest = &words[step * self.step_words()..(step + 1) * self.step_words()];
        self.shapes.map(|shape| {
            let (zero, more) = rest.split_at(shape.words());
            let (undecided, more) = more.split_at(shape.words());
            rest = more;
            Pattern { zero, undecided }
        })
    }

    fn worker(&self) -> Worker<'a> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Worker {
            readers: self.readers.clone(),
            tallies: [(); 2].map(|()| vec![[0; LANES * 4]; self.bins.count() + 1]),
        })
    }

    fn block(&self, steps: Range<usize>) -> Result<Block, DatasetError> {
        let mut worker = self.worker();
        let mut block = Block {
            uses: Vec::with_capacity(steps.len()),
            words: vec![0; steps.len() * self.step_words()],
            sums: self.shapes.map(|shape| Sums::new(shape, self.bins.count())),
            steps: steps.clone(),
        };
        let step_words = self.step_words();
        for (step, words) in steps.zip(block.words.chunks_exact_mut(step_words.max(1))) {
            block.uses.push(self.step(step, words, &mut worker, &mut block.sums)?);
        }
        for (sums, tallies) in block.sums.iter_mut().zip(&mut worker.tallies) {
            for (joint, tally) in sums.joint.iter_mut().zip(tallies) {
                for (i, n) in std::mem::replace(tally, [0; LANES * 4]).into_iter().enumerate() {
                    joint[(i % 4).min(VERDICTS - 1)] += n;
                }
            }
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        Ok(block)
    }

    /// Reduces a step to its patterns, and sums it up.
    fn step(
        &self,
        step: usize,
        words: &mut [u64],
        worker: &mut Worker<'a>,
        sums: &mut [Sums; 2],
    ) -> Result<Use, DatasetError> {
        let Worker { readers, tallies } = worker;
        if !self.settings.steps.take(readers.flags.step(step)?) {
            return Ok(Use::Unwanted);
        }
        // Of numbers that are not kept, the recorder's flag tells.
        if readers.values[0].is_none() && readers.flags.step(step)?.contains(StepFlags::JACOBIAN_NOT_FINITE) {
            return Ok(Use::NotFinite);
        }
        for reader in readers.values.iter_mut().flatten() {
            let numbers = reader.numbers(step)?;
            if numbers.iter().fold(false, |any, x| any | (x.to_bits() & EXPONENT == EXPONENT)) {
                return Ok(Use::NotFinite);
            }
        }
        let mut rest = words;
        for (m, sums) in sums.iter_mut().enumerate() {
            let values = readers.values[m].as_mut().map(|reader| reader.numbers(step)).transpose()?;
            let mask = readers.masks[m].as_mut().map(|reader| reader.row(step)).transpose()?;
            if values.is_none() && mask.is_none() {
                continue;
            }
            let (zero, more) = rest.split_at_mut(self.shapes[m].words());
            let (undecided, more) = more.split_at_mut(self.shapes[m].words());
            rest = more;
            match (self.criterion, mask) {
                (Criterion::Mask, Some(mask)) => {
                    if !unpack(mask, zero, undecided) {
                        let name = MASKS[m].spec().name;
                        let text = format!("{name} holds a number that is no verdict: the file is damaged");
                        return Err(self.recording.foreign(&text));
                    }
                }
                (Criterion::Threshold(limit), _) => pack(values.unwrap_or_default(), zero, limit),
                // A mask is only asked for where all are recorded.
                (Criterion::Mask, None) => {}
            }
            let Some(values) = values else { continue };
            for (largest, x) in sums.largest.iter_mut().zip(values) {
                let x = x.abs();
                *largest = if x > *largest { x } else { *largest };
            }
            self.bins.add(values, mask, &mut tallies[m]);
        }
        Ok(Use::Counts)
    }
}

/// Blocks that were made and wait for those before them.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    moved: Condvar,
}

#[derive(Default)]
struct Waiting {
    ready: BTreeMap<usize, Result<Block, DatasetError>>,
    /// The next block in order.
    next: usize,
    failed: bool,
}

/// What sees the blocks in order.
struct Order<V> {
    sums: [Sums; 2],
    visit: V,
    failed: Option<AnalysisError>,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until fewer than `ahead` blocks before this one have not been passed on. False when it is not wanted any
    /// more. The next block in order never waits, so that there is always a thread that gets on.
    fn wait(&self, number: usize, ahead: usize) -> bool {
        let mut state = self.state();
        while number >= state.next + ahead && !state.failed {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.failed
    }

    fn put(&self, number: usize, block: Result<Block, DatasetError>) {
        self.state().ready.insert(number, block);
    }

    fn is_ready(&self) -> bool {
        let state = self.state();
        state.ready.contains_key(&state.next)
    }

    /// The next block in order, if it is there. [`Queue::passed`] must follow.
    fn take(&self) -> Option<Result<Block, DatasetError>> {
        let mut state = self.state();
        let next = state.next;
        state.ready.remove(&next)
    }

    fn passed(&self, failed: bool) {
        let mut state = self.state();
        state.next += 1;
        state.failed |= failed;
        self.moved.notify_all();
    }
}

/// The bits of a float's exponent; all set in what is NaN or infinite.
const EXPONENT: u64 = 0x7ff << 52;

/// A bit for every value below the limit.
fn pack(values: &[f64], words: &mut [u64], limit: f64) {
    for (values, word) in values.chunks(64).zip(words) {
        let bits = values.iter().map(|x| u64::from(x.abs() < limit));
        *word = bits.enumerate().fold(0, |word, (i, bit)| word | bit << i);
    }
}

/// A bit for every verdict that is zero, and for every one that is undecided; false where there is another number than
/// 0, 1 and 2. Eight at a time: the lowest bit of a byte says zero, the next one undecided.
fn unpack(mask: &[u8], zero: &mut [u64], undecided: &mut [u64]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    // Gathers the lowest bit of every byte in the highest byte.
    let gather = |bytes: u64| (bytes & LOW).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let mut wrong = 0;
    for ((mask, zero), undecided) in mask.chunks(64).zip(zero).zip(undecided) {
        for (i, eight) in mask.chunks(8).enumerate() {
            let mut bytes = [0; 8];
            bytes[..eight.len()].copy_from_slice(eight);
            let bytes = u64::from_le_bytes(bytes);
            wrong |= bytes & !(3 * LOW) | bytes & bytes >> 1 & LOW;
            *zero |= gather(bytes) << (8 * i);
            *undecided |= gather(bytes >> 1) << (8 * i);
        }
    }
    wrong == 0
}

/// How many of ascending thresholds a value reaches, by its exponent first.
struct Bins {
    thresholds: Vec<f64>,
    /// By the exponent bits of |x|: the thresholds that all values of the exponent reach, and the next one.
    by_exponent: Vec<(u32, f64)>,
    /// An exponent has several thresholds.
    crowded: bool,
}

impl Bins {
    fn new(thresholds: &[f64]) -> Self {
        let reached = |x: f64| thresholds.partition_point(|t| *t <= x);
        let by_exponent = (0..2048_u64).map(|e| {
            let first = reached(f64::from_bits(e << 52));
            (first as u32, thresholds.get(first).copied().unwrap_or(f64::INFINITY))
        });
        let crowded =
            (0..2047_u64).any(|e| reached(f64::from_bits((e + 1) << 52)) > reached(f64::from_bits(e << 52)) + 1);
        Self { thresholds: thresholds.to_vec(), by_exponent: by_exponent.collect(), crowded }
    }

    fn count(&self) -> usize {
        self.thresholds.len()
    }

    /// Thresholds at or below |x|: x is zero for those that follow.
    fn of(&self, x: f64) -> usize {
        let (first, next) = self.by_exponent[(x.abs().to_bits() >> 52) as usize];
        // Without a branch: which side of a threshold a value is on cannot be foretold.
        let mut bin = first as usize + usize::from(x.abs() >= next);
        while self.crowded && self.thresholds.get(bin).is_some_and(|t| *t <= x.abs()) {
            bin += 1;
        }
        bin
    }

    fn add(&self, values: &[f64], mask: Option<&[u8]>, tallies: &mut [Tally]) {
        match mask {
            None => {
                for (i, x) in values.iter().enumerate() {
                    tallies[self.of(*x)][i % LANES * 4] += 1;
                }
            }
            Some(mask) => {
                for (i, (x, verdict)) in values.iter().zip(mask).enumerate() {
                    let lane = i % LANES * 4 + usize::from(*verdict & 3);
                    tallies[self.of(*x)][lane] += 1;
                }
            }
        }
    }
}

/// Steps of a block: a multiple of every variable's chunks, so that no chunk is decompressed twice; where that is
/// too large, of those of the first, which is the largest.
fn block_rows(chunks: &[usize]) -> usize {
    let first = chunks.first().copied().unwrap_or(1);
    let most = chunks.iter().copied().max().unwrap_or(1);
    let common = chunks.iter().fold(1, |a: usize, b| (a / gcd(a, *b)).saturating_mul(*b));
    if common <= 4 * most { common } else { first * (2 * most).div_ceil(first) }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The matrices that a recording has.
pub(super) fn matrices(shapes: [Shape; 2]) -> impl Iterator<Item = (usize, Matrix)> {
    Matrix::BOTH.into_iter().enumerate().filter(move |(i, _)| shapes[*i].entries() > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bin_counts_the_thresholds_that_a_value_reaches(
            exponent in -20.0..5.0_f64,
            mut thresholds in proptest::collection::vec((-17.0..1.0_f64).prop_map(|e| 10_f64.powf(e)), 0..20),
        ) {
            thresholds.sort_by(f64::total_cmp);
            let bins = Bins::new(&thresholds);
            let x = 10_f64.powf(exponent);
            for x in [x, -x, 0.0, thresholds.first().copied().unwrap_or(1.0)] {
                prop_assert_eq!(bins.of(x), thresholds.iter().filter(|t| **t <= x.abs()).count());
            }
        }

        #[test]
        fn blocks_are_whole_chunks(a in 1usize..500, b in 1usize..500, c in 1usize..4000) {
            let rows = block_rows(&[a, b, c]);
            prop_assert!(rows >= a.max(b).max(c) && rows <= 8 * a.max(b).max(c) + a && rows.is_multiple_of(a));
        }
    }

    #[test]
    fn bits_of_values_and_verdicts() {
        let values: Vec<f64> = (0..70).map(|i| f64::from(i % 3)).collect();
        let mut words = [0; 2];
        pack(&values, &mut words, 0.5);
        assert_eq!((super::super::pattern::ones(&words), words[0] & 0b1111, words[1]), (24, 0b1001, 0b10_0100));
        let mask: Vec<u8> = (0..70).map(|i| i % 3).collect();
        let (mut zero, mut undecided) = ([0; 2], [0; 2]);
        assert!(unpack(&mask, &mut zero, &mut undecided));
        for (e, verdict) in mask.iter().enumerate() {
            let bit = |words: &[u64; 2]| words[e / 64] >> (e % 64) & 1 == 1;
            assert_eq!((bit(&zero), bit(&undecided)), (*verdict == 1, *verdict == 2), "{e}");
        }
        assert_eq!((zero[1] >> 6, undecided[1] >> 6), (0, 0));
        for wrong in [3, 4, 255] {
            let mut mask = mask.clone();
            mask[66] = wrong;
            assert!(!unpack(&mask, &mut [0; 2], &mut [0; 2]), "{wrong}");
        }
    }
}
