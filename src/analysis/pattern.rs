//! Zero patterns as bits.

use serde::Serialize;

/// One of the two Jacobians.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Matrix {
    /// d next state / d state, ndx x ndx.
    A,
    /// d next state / d control, ndx x nu.
    B,
}

impl Matrix {
    /// Both, in this order everywhere.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// Rows and columns of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Entries of the next state.
    pub rows: usize,
    /// Entries of the state or of the control.
    pub columns: usize,
}

impl Shape {
    /// Entries.
    pub fn entries(self) -> usize {
        self.rows * self.columns
    }

    /// 64-bit words of a bit for every entry.
    pub(super) fn words(self) -> usize {
        self.entries().div_ceil(64)
    }
}

/// The zero pattern of one matrix at one step: a bit for every entry, row-major, the first lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern<'a> {
    /// Entries that are zero.
    pub(super) zero: &'a [u64],
    /// Entries of which it is not known; never among the zeros.
    pub(super) undecided: &'a [u64],
}

impl Pattern<'_> {
    pub(super) fn zeros(&self) -> usize {
        ones(self.zero)
    }

    pub(super) fn undecided(&self) -> usize {
        ones(self.undecided)
    }
}

/// By entry: steps in which it is zero, and in which it is undecided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) zero: Vec<u64>,
    pub(super) undecided: Vec<u64>,
}

/// A pattern that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Kept {
    pub(super) zero: Vec<u64>,
    pub(super) undecided: Vec<u64>,
}

impl Kept {
    pub(super) fn set(&mut self, pattern: Pattern<'_>) {
        self.zero.clear();
        self.zero.extend_from_slice(pattern.zero);
        self.undecided.clear();
        self.undecided.extend_from_slice(pattern.undecided);
    }

    pub(super) fn view(&self) -> Pattern<'_> {
        Pattern { zero: &self.zero, undecided: &self.undecided }
    }
}

/// Bits that are set.
pub(super) fn ones(words: &[u64]) -> usize {
    words.iter().map(|w| w.count_ones() as usize).sum()
}

/// Calls `f` with the number of every bit that is set in `word`, which holds the bits from `base` on.
pub(super) fn each_one(mut word: u64, base: usize, mut f: impl FnMut(usize)) {
    while word != 0 {
        f(base + word.trailing_zeros() as usize);
        word &= word - 1;
    }
}
