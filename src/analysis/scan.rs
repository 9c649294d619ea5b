//! Streams a recording: workers decompress blocks of steps and reduce every matrix to its zero pattern, a bit for
//! every entry; what depends on the order of steps sees these patterns one after the other. Memory holds the blocks
//! under way and nothing of those before.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::pattern::{Matrix, Pattern, Shape};
use super::{AnalysisError, Criterion, Settings};
use crate::dataset::schema::Var;
use crate::dataset::{DatasetError, Recording, RowReader};

/// Blocks that a thread takes from a wave: enough to even out, few enough to keep memory small.
const BLOCKS_PER_THREAD: usize = 4;

/// The numbers of the recorded masks (`A_zero`, see `schema::ZERO_VERDICTS`).
pub(super) const VERDICTS: usize = 3;
const ZERO: u8 = 1;
const UNDECIDED: u8 = 2;

/// What sums up a matrix over all steps that count; the same whatever the order of blocks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    /// By entry: steps in which it is zero.
    pub(super) zero: Vec<u64>,
    /// By entry: steps in which it is undecided.
    pub(super) undecided: Vec<u64>,
    /// By entry: its largest absolute value.
    pub(super) largest: Vec<f64>,
    /// Values by (how many of the thresholds are above them, the mask's verdict).
    pub(super) joint: Vec<[u64; VERDICTS]>,
}

impl Sums {
    fn new(shape: Shape, thresholds: usize) -> Self {
        let n = shape.entries();
        Self {
            zero: vec![0; n],
            undecided: vec![0; n],
            largest: vec![0.0; n],
            joint: vec![[0; VERDICTS]; thresholds + 1],
        }
    }

    fn add(&mut self, other: &Self) {
        self.zero.iter_mut().zip(&other.zero).for_each(|(a, b)| *a += b);
        self.undecided.iter_mut().zip(&other.undecided).for_each(|(a, b)| *a += b);
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
    settings: &'a Settings,
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
}

/// What a thread needs to work on a block.
struct Worker<'a> {
    readers: Readers<'a>,
    /// One step.
    values: [Vec<f64>; 2],
    masks: [Vec<u8>; 2],
    /// By matrix and bin.
    tallies: [Vec<Tally>; 2],
}

/// Values of a bin, by lane and verdict: neighbours count in different lanes, so that none waits for the other's
/// increment.
type Tally = [u64; LANES * 4];
const LANES: usize = 4;

/// The variables of the recorded zero test.
const MASKS: [Var; 2] = [Var::AZero, Var::BZero];

/// Whether a recording has the zero test.
pub(super) fn has_masks(recording: &Recording) -> bool {
    let [a, b] = MASKS.map(|var| recording.has(var));
    a && (b || !recording.has(Var::B))
}

impl<'a> Scan<'a> {
    /// A scan of a recording with a criterion that it can answer.
    pub(super) fn new(
        recording: &'a Recording,
        settings: &'a Settings,
        criterion: Criterion,
    ) -> Result<Self, DatasetError> {
        let reader = |var: Var| recording.has(var).then(|| RowReader::new(recording, var)).transpose();
        let mask = |var: Var| if has_masks(recording) { reader(var) } else { Ok(None) };
        let [a, b] = MASKS;
        let readers = Readers { values: [reader(Var::A)?, reader(Var::B)?], masks: [mask(a)?, mask(b)?] };
        let shape = |var: Var| match recording.shape(var)[..] {
            [_, rows, columns] => Shape { rows, columns },
            _ => Shape { rows: 0, columns: 0 },
        };
        let shapes = [shape(Var::A), shape(Var::B)];
        for (var, shape) in [Var::A, Var::B].into_iter().zip(shapes) {
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
    pub(super) fn run(
        &self,
        mut visit: impl FnMut(usize, Use, [Pattern<'_>; 2]) -> Result<(), AnalysisError> + Send,
    ) -> Result<[Sums; 2], AnalysisError> {
        let steps = self.recording.shape(Var::Time)[0];
        let wave = self.block * BLOCKS_PER_THREAD * rayon::current_num_threads();
        let mut flags =
            self.recording.has(Var::Flags).then(|| RowReader::new(self.recording, Var::Flags)).transpose()?;
        let mut sums = self.shapes.map(|shape| Sums::new(shape, self.bins.count()));
        let mut before: Vec<Block> = Vec::new();
        let mut at = 0;
        while at < steps || !before.is_empty() {
            let end = (at + wave).min(steps);
            let mut wanted = Vec::with_capacity(end - at);
            for step in at..end {
                let bits = match &mut flags {
                    Some(reader) => reader.row(step)?.try_into().map_or(0, u32::from_le_bytes),
                    None => 0,
                };
                wanted.push(self.settings.steps.take(bits));
            }
            let starts: Vec<usize> = (at..end).step_by(self.block).collect();
            let read = || -> Result<Vec<Block>, DatasetError> {
                let one = |start: &usize| {
                    let range = *start..(*start + self.block).min(end);
                    self.block(range.clone(), &wanted[range.start - at..range.end - at])
                };
                starts.par_iter().map(one).collect()
            };
            let mut take = || -> Result<(), AnalysisError> {
                for block in before.drain(..) {
                    for (total, part) in sums.iter_mut().zip(&block.sums) {
                        total.add(part);
                    }
                    for (i, step) in block.steps.clone().enumerate() {
                        visit(step, block.uses[i], self.patterns(&block.words, i))?;
                    }
                }
                Ok(())
            };
            let (read, taken) = rayon::join(read, &mut take);
            taken?;
            before = read?;
            at = end;
        }
        Ok(sums)
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
            values: self.shapes.map(|shape| vec![0.0; shape.entries()]),
            masks: self.shapes.map(|shape| vec![0; shape.entries()]),
            tallies: [(); 2].map(|()| vec![[0; LANES * 4]; self.bins.count() + 1]),
        })
    }

    fn block(&self, steps: Range<usize>, wanted: &[bool]) -> Result<Block, DatasetError> {
        let mut worker = self.worker();
        let mut block = Block {
            uses: Vec::with_capacity(steps.len()),
            words: vec![0; steps.len() * self.step_words()],
            sums: self.shapes.map(|shape| Sums::new(shape, self.bins.count())),
            steps: steps.clone(),
        };
        let step_words = self.step_words();
        for ((step, wanted), words) in steps.zip(wanted).zip(block.words.chunks_exact_mut(step_words.max(1))) {
            let used = if *wanted { self.step(step, words, &mut worker, &mut block.sums)? } else { Use::Unwanted };
            block.uses.push(used);
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
        let Worker { readers, values, masks, tallies } = worker;
        for (reader, values) in readers.values.iter_mut().zip(values.iter_mut()) {
            let Some(reader) = reader else { continue };
            let bytes = reader.row(step)?;
            let mut infinite = false;
            for (value, bytes) in values.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *value = f64::from_le_bytes(*bytes);
                infinite |= value.to_bits() & EXPONENT == EXPONENT;
            }
            if infinite {
                return Ok(Use::NotFinite);
            }
        }
        let mut rest = words;
        for m in 0..2 {
            if let Some(reader) = &mut readers.masks[m] {
                masks[m].copy_from_slice(reader.row(step)?);
            }
            let mask = readers.masks[m].is_some().then_some(&masks[m][..]);
            let (zero, more) = rest.split_at_mut(self.shapes[m].words());
            let (undecided, more) = more.split_at_mut(self.shapes[m].words());
            rest = more;
            match (self.criterion, mask) {
                (Criterion::Mask, Some(mask)) => {
                    pack(mask, zero, &mut sums[m].zero, |v| *v == ZERO);
                    if mask.iter().fold(0, |most, v| most.max(*v)) >= UNDECIDED {
                        pack(mask, undecided, &mut sums[m].undecided, |v| *v >= UNDECIDED);
                    }
                }
                (Criterion::Threshold(limit), _) => {
                    pack(&values[m], zero, &mut sums[m].zero, |x| x.abs() < limit);
                }
                // A mask is only asked for where all are recorded.
                (Criterion::Mask, None) => {}
            }
            for (largest, x) in sums[m].largest.iter_mut().zip(&values[m]) {
                *largest = if x.abs() > *largest { x.abs() } else { *largest };
            }
            self.bins.add(&values[m], mask, &mut tallies[m]);
        }
        Ok(Use::Counts)
    }
}

/// The bits of a float's exponent; all set in what is NaN or infinite.
const EXPONENT: u64 = 0x7ff << 52;

/// A bit for every value that `is`, and one more for its entry.
fn pack<T>(values: &[T], words: &mut [u64], counts: &mut [u64], is: impl Fn(&T) -> bool) {
    for ((values, counts), word) in values.chunks(64).zip(counts.chunks_mut(64)).zip(words) {
        let mut bits = 0;
        for (i, (value, count)) in values.iter().zip(counts).enumerate() {
            let one = u64::from(is(value));
            bits |= one << i;
            *count += one;
        }
        *word = bits;
    }
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
                    tallies[self.of(*x)][i % LANES * 4 + usize::from((*verdict).min(UNDECIDED))] += 1;
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
    fn bits_and_counts() {
        let values: Vec<f64> = (0..70).map(|i| if i % 3 == 0 { 0.0 } else { 1.0 }).collect();
        let (mut words, mut counts) = (vec![0; 2], vec![0; 70]);
        for _ in 0..2 {
            pack(&values, &mut words, &mut counts, |x| x.abs() < 0.5);
        }
        assert_eq!(super::super::pattern::ones(&words), 24);
        assert_eq!((words[0] & 0b1111, words[1]), (0b1001, 0b100100));
        assert_eq!((counts[0], counts[1], counts[69]), (2, 0, 2));
    }
}
