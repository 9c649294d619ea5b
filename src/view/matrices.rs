//! A and B of the steps: numbers to four digits, verdicts, floors, and how many entries are zero; in blocks of steps, each a pack
//! of its own, by entry and not by step, since an entry changes little from one step to the next.

use std::ops::Range;

use serde::Serialize;

use super::ViewError;
use super::pack::Pack;
use crate::analysis::DEFAULT_THRESHOLD;
use crate::dataset::Recording;
use crate::dataset::schema::{Axis, Var};
use crate::zero::ZeroVerdict;

/// Steps of a block at most.
const BLOCK: usize = 64;

/// Numbers of a block at most, so that one is quickly there and read.
const MOST: usize = 1 << 22;

/// Binary digits of a number behind its first one. It is off by 2^-15 of itself at most: four decimal digits.
const DIGITS: u32 = 14;

/// What is known of the entries of a recording.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Kept {
    /// Whether there are numbers, or verdicts alone.
    values: bool,
    /// Whether there are verdicts of a zero test; else an entry below `threshold` is taken for zero.
    test: bool,
    threshold: f64,
    /// Whether rows have a floor of their noise.
    floor: bool,
    /// Steps of a block.
    pub(super) block: usize,
    #[serde(skip)]
    ndx: usize,
    #[serde(skip)]
    nu: usize,
}

/// How many entries are zero or undecided at each step, and which sizes there are.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Zeros of A, undecided entries of A, the same of B.
    counts: [Vec<u32>; 4],
    /// By tenth of a decade from 1e-20 on, how many nonzero entries are so large.
    sizes: Vec<u64>,
}

/// Sizes that are told apart.
const DECADES: [f64; 2] = [-20.0, 20.0];

impl Kept {
    /// Of a recording.
    pub(super) fn of(recording: &Recording) -> Result<Self, ViewError> {
        let (ndx, nu) = (recording.len(Axis::State), recording.len(Axis::Actuator));
        let (values, test) = (recording.has(Var::A), recording.has(Var::AZero));
        if ndx > 0 && !values && !test {
            return Err(recording.foreign("has neither A nor A_zero, so there is no matrix to show").into());
        }
        let block = (MOST / (ndx * (ndx + nu)).max(1)).clamp(1, BLOCK);
        let floor = test && recording.has(Var::ZeroFloor);
        Ok(Self { values, test, threshold: DEFAULT_THRESHOLD, floor, block, ndx, nu })
    }

    /// What the page has to say about it.
    pub(super) fn note(self) -> Option<String> {
        match (self.values, self.test) {
            (false, _) => Some("Verdicts alone were recorded: there are no numbers to show.".to_owned()),
            (_, false) => Some(format!(
                "No zero test was recorded: an entry below {:e} counts as zero, which cannot tell noise from a small derivative.",
                self.threshold
            )),
            _ => None,
        }
    }

    /// Whether there are numbers, or verdicts alone.
    pub(super) fn has_values(self) -> bool {
        self.values
    }

    /// Whether there are verdicts of a zero test.
    pub(super) fn has_test(self) -> bool {
        self.test
    }

    /// Entries of A and B.
    pub(super) fn entries(self) -> usize {
        self.ndx * (self.ndx + self.nu)
    }

    /// Reads A and B of some rows of the file.
    pub(super) fn read(self, recording: &Recording, rows: Range<usize>) -> Result<[Entries; 2], ViewError> {
        let one = |var: Var, mask: Var, columns: usize| {
            let entries = self.ndx * columns;
            let values: Vec<f64> =
                if self.values && entries > 0 { recording.read(var, rows.clone())? } else { Vec::new() };
            let verdicts: Vec<u8> = match (self.test && entries > 0, entries) {
                (true, _) => recording.read(mask, rows.clone())?,
                (false, _) => values.iter().map(|x| by_size(*x, self.threshold)).collect(),
            };
            if entries > 0 && verdicts.len() != rows.len() * entries {
                return Err(recording.foreign(&format!("{} has a wrong shape", mask.spec().name)).into());
            }
            Ok::<_, ViewError>(Entries { entries, values, verdicts })
        };
        Ok([one(Var::A, Var::AZero, self.ndx)?, one(Var::B, Var::BZero, self.nu)?])
    }

    /// Packs the matrices in some rows of the file, and counts.
    pub(super) fn block(self, recording: &Recording, rows: Range<usize>, tally: &mut Tally) -> Result<Pack, ViewError> {
        let mut pack = Pack::default();
        let n = rows.len();
        let parts = self.read(recording, rows.clone())?;
        tally.count(&parts, n);
        for (part, [values, verdicts]) in parts.iter().zip([["A", "AZero"], ["B", "BZero"]]) {
            if self.values {
                let short: Vec<f32> = part.values.iter().map(|x| shortened(*x)).collect();
                pack.add_by_column(values, &short, n);
            }
            pack.add_by_column(verdicts, &part.verdicts, n);
        }
        if self.floor {
            let floor: Vec<f32> = recording.read::<f64>(Var::ZeroFloor, rows)?.into_iter().map(|x| x as f32).collect();
            pack.add_by_column("floor", &floor, n);
        }
        Ok(pack)
    }
}

/// One of A and B at some steps.
#[derive(Debug)]
pub(super) struct Entries {
    /// Entries of a step.
    entries: usize,
    /// Step by step, row by row; nothing where verdicts alone were recorded.
    values: Vec<f64>,
    verdicts: Vec<u8>,
}

impl Entries {
    /// Values (none where there are none) and codes of the verdicts of a step, counted from the first one that was read.
    pub(super) fn at(&self, step: usize) -> (&[f64], &[u8]) {
        let own = step * self.entries..(step + 1) * self.entries;
        (self.values.get(own.clone()).unwrap_or_default(), &self.verdicts[own])
    }
}

/// The verdict by size alone.
fn by_size(x: f64, threshold: f64) -> u8 {
    let verdict = match x {
        x if x.is_nan() => ZeroVerdict::Undecided,
        x if x.abs() < threshold => ZeroVerdict::Zero,
        _ => ZeroVerdict::Nonzero,
    };
    verdict.code()
}

/// A number in single precision, rounded to [`DIGITS`].
fn shortened(x: f64) -> f32 {
    let single = x as f32;
    if !single.is_finite() {
        return single;
    }
    let dropped = f32::MANTISSA_DIGITS - 1 - DIGITS;
    let bits = single.to_bits();
    // Half a unit more, and the rest cut off; a carry goes into the exponent, as it should.
    f32::from_bits((bits + (1 << (dropped - 1))) & !((1 << dropped) - 1))
}

impl Tally {
    /// Counts the entries of `steps` steps.
    pub(super) fn count(&mut self, parts: &[Entries; 2], steps: usize) {
        for (part, at) in parts.iter().zip([0, 2]) {
            for step in 0..steps {
                let (values, verdicts) = part.at(step);
                let number = |verdict: ZeroVerdict| verdicts.iter().filter(|v| **v == verdict.code()).count() as u32;
                self.counts[at].push(number(ZeroVerdict::Zero));
                self.counts[at + 1].push(number(ZeroVerdict::Undecided));
                let nonzero = values.iter().zip(verdicts).filter(|(_, v)| **v == ZeroVerdict::Nonzero.code());
                nonzero.for_each(|(x, _)| self.see(*x));
            }
        }
    }

    /// Of A (0) or B (1): zeros and undecided entries by step.
    pub(super) fn counts(&self, matrix: usize) -> [&[u32]; 2] {
        [&self.counts[2 * matrix], &self.counts[2 * matrix + 1]]
    }

    fn see(&mut self, x: f64) {
        self.sizes.resize(((DECADES[1] - DECADES[0]) * 10.0) as usize + 1, 0);
        let size = x.abs().log10();
        if size.is_finite() {
            let last = self.sizes.len() - 1;
            let at = ((size - DECADES[0]) * 10.0).floor().max(0.0) as usize;
            self.sizes[at.min(last)] += 1;
        }
    }

    /// The decades of sizes that colours go over: all but a hundredth of the smallest entries, and a thousandth of the largest.
    pub(super) fn decades(&self) -> [i32; 2] {
        let total: u64 = self.sizes.iter().sum();
        let quantile = |share: f64| {
            let mut left = (share * total as f64) as u64;
            let found = self.sizes.iter().position(|n| match left.checked_sub(*n) {
                Some(rest) if rest > 0 || *n == 0 => {
                    left = rest;
                    false
                }
                _ => true,
            });
            DECADES[0] + found.unwrap_or(0) as f64 / 10.0
        };
        if total == 0 {
            return [-1, 0];
        }
        let low = quantile(0.01).floor() as i32;
        [low, (quantile(0.999) + 0.1).ceil().max(f64::from(low + 1)) as i32]
    }

    /// Counts of the first steps.
    pub(super) fn pack(&self, pack: &mut Pack, steps: usize) {
        let names = ["zerosA", "undecidedA", "zerosB", "undecidedB"];
        for (name, counts) in names.into_iter().zip(&self.counts) {
            pack.add(name, &counts[..steps]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_are_kept() {
        let mut x = 1.234567890123e-30;
        while x < 1e30 {
            for sign in [1.0, -1.0] {
                let short = f64::from(shortened(sign * x));
                assert!((short / (sign * x) - 1.0).abs() <= 2_f64.powi(-15) * 1.001, "{x} {short}");
            }
            x *= 1.37;
        }
        assert_eq!([shortened(0.0), shortened(1.0), shortened(-0.25)], [0.0, 1.0, -0.25]);
        assert!(shortened(f64::NAN).is_nan() && shortened(1e300) == f32::INFINITY);
        assert_eq!(shortened(f64::from(f32::MAX)), f32::INFINITY, "a carry beyond what there is");
    }

    #[test]
    fn colours_go_over_the_sizes_that_there_are() {
        let mut tally = Tally::default();
        assert_eq!(tally.decades(), [-1, 0]);
        (0..2000).for_each(|_| tally.see(0.5));
        (0..2000).for_each(|_| tally.see(2e-3));
        tally.see(1e12);
        tally.see(-1e-15);
        assert_eq!(tally.decades(), [-3, 0], "single entries far away do not count");
    }
}
