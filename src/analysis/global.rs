//! Q1: entries that are zero in every sample.

use serde::Serialize;

use super::pattern::{Counts, Matrix, Pattern, Shape, each_one};
use super::scan::Sums;
use super::symmetry::Reason;

/// Counted so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Steps that count.
    pub samples: u64,
    /// Entries that were not nonzero in any of them.
    pub never_nonzero: usize,
}

/// A block of the matrix, such as vel'/pos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GlobalBlock {
    /// Kind of the next state's entries: pos, vel or act.
    pub row: String,
    /// Kind of the state's or control's entries: pos, vel, act or ctrl.
    pub column: String,
    /// Entries.
    pub entries: usize,
    /// Of them, zero in every sample.
    pub zero: usize,
    /// Never nonzero, but undecided at least once.
    pub undecided: usize,
}

/// An entry that was never nonzero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Label of the next state's entry.
    pub row: String,
    /// Label of the state's or control's entry.
    pub column: String,
    /// Whether it was undecided at least once: then it is not among those that are zero in every sample.
    pub undecided: bool,
    /// What explains it, if anything that the recording shows: a number of [`GlobalSparsity::reasons`].
    pub reason: Option<usize>,
}

/// How much a sample that was not seen could change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bound {
    /// Steps since an entry was last seen nonzero for the first time.
    pub quiet_samples: u64,
    /// With 95 % confidence, the share of steps in which any one of these entries is nonzero is at most 1 - 0.05^(1/n)
    /// (about 3 / n, the rule of three), were the n steps independent.
    pub share_of_steps: f64,
    /// The same of episodes, which are independent draws: the share of episodes in which it is nonzero at all.
    pub share_of_episodes: f64,
    /// Entries that were nonzero in exactly one episode.
    pub in_one_episode: usize,
    /// Entries that one more episode is expected to take from the count: those over the episodes (Good 1953).
    pub expected_next_episode: f64,
}

/// The answer to Q1 for one matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GlobalSparsity {
    /// The matrix.
    pub matrix: Matrix,
    /// Rows and columns.
    pub shape: Shape,
    /// Entries.
    pub entries: usize,
    /// Steps that count.
    pub samples: u64,
    /// Episodes with such steps.
    pub episodes: u64,
    /// Entries that are zero in every sample.
    pub zero: usize,
    /// Their share of the entries, percent.
    pub percent: f64,
    /// Entries that were never nonzero, but undecided at least once: not among `zero`.
    pub undecided: usize,
    /// By kind of row and column.
    pub blocks: Vec<GlobalBlock>,
    /// What explains the cells.
    pub reasons: Vec<Reason>,
    /// The entries of `zero` and of `undecided`.
    pub cells: Vec<Cell>,
    /// How the count fell with the number of samples: a point where it changes, and the last.
    pub convergence: Vec<Point>,
    /// What remains possible.
    pub bound: Bound,
    /// By entry, row-major: share of the samples in which it is zero.
    pub share_zero: Vec<f64>,
    /// By entry: share in which it is undecided.
    pub share_undecided: Vec<f64>,
    /// By entry: largest absolute value.
    pub largest: Vec<f64>,
}

/// Watches which entries were nonzero.
#[derive(Debug)]
pub(super) struct Watch {
    matrix: Matrix,
    shape: Shape,
    samples: u64,
    episodes: u64,
    /// Entries that were nonzero, ever and in this episode.
    nonzero: Vec<u64>,
    now: Vec<u64>,
    counted: bool,
    /// Entries by the episodes they were nonzero in; 2 stands for more.
    in_episodes: Vec<u8>,
    left: usize,
    points: Vec<Point>,
}

impl Watch {
    pub(super) fn new(matrix: Matrix, shape: Shape) -> Self {
        Self {
            matrix,
            shape,
            samples: 0,
            episodes: 0,
            nonzero: vec![0; shape.words()],
            now: vec![0; shape.words()],
            counted: false,
            in_episodes: vec![0; shape.entries()],
            left: shape.entries(),
            points: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, pattern: Pattern<'_>) {
        self.samples += 1;
        self.counted = true;
        let n = self.shape.entries();
        let mut fresh = 0;
        for w in 0..pattern.zero.len() {
            let valid = if (w + 1) * 64 <= n { !0 } else { (1 << (n % 64)) - 1 };
            let nonzero = !(pattern.zero[w] | pattern.undecided[w]) & valid;
            fresh += (nonzero & !self.nonzero[w]).count_ones();
            self.nonzero[w] |= nonzero;
            self.now[w] |= nonzero;
        }
        if fresh > 0 {
            self.left -= fresh as usize;
            self.points.push(Point { samples: self.samples, never_nonzero: self.left });
        }
    }

    pub(super) fn end_episode(&mut self) {
        self.episodes += u64::from(std::mem::take(&mut self.counted));
        for (w, word) in self.now.iter_mut().enumerate() {
            each_one(std::mem::take(word), w * 64, |e| self.in_episodes[e] = (self.in_episodes[e] + 1).min(2));
        }
    }

    /// The answer; `labels` are those of the rows and of the columns, `explain` finds reasons for the entries that are
    /// zero in every sample and for those that are undecided.
    pub(super) fn result(
        self,
        sums: &Sums,
        counts: &Counts,
        labels: [&[String]; 2],
        explain: impl FnOnce(&[bool], &[bool]) -> (Vec<Reason>, Vec<Option<usize>>),
    ) -> GlobalSparsity {
        let (n, samples) = (self.shape.entries(), self.samples);
        let zero: Vec<bool> = counts.zero.iter().map(|z| *z == samples).collect();
        let undecided: Vec<bool> = (0..n).map(|e| !zero[e] && self.nonzero[e / 64] >> (e % 64) & 1 == 0).collect();
        let (reasons, reason) = explain(&zero, &undecided);
        let place = |e: usize| (e / self.shape.columns, e % self.shape.columns);
        let mut blocks: Vec<GlobalBlock> = Vec::new();
        let mut cells = Vec::new();
        for e in 0..n {
            let (row, column) = place(e);
            let kinds = [kind(&labels[0][row]), column_kind(self.matrix, &labels[1][column])];
            let found = blocks.iter().position(|b| [&b.row[..], &b.column[..]] == kinds).unwrap_or_else(|| {
                let [row, column] = kinds.map(str::to_owned);
                blocks.push(GlobalBlock { row, column, entries: 0, zero: 0, undecided: 0 });
                blocks.len() - 1
            });
            blocks[found].entries += 1;
            blocks[found].zero += usize::from(zero[e]);
            blocks[found].undecided += usize::from(undecided[e]);
            if zero[e] || undecided[e] {
                let (row, column) = (labels[0][row].clone(), labels[1][column].clone());
                cells.push(Cell { row, column, undecided: undecided[e], reason: reason[e] });
            }
        }
        let count = |which: &[bool]| which.iter().filter(|w| **w).count();
        let mut convergence = self.points;
        let last = convergence.last().map_or(0, |p| p.samples);
        if last < samples {
            convergence.push(Point { samples, never_nonzero: self.left });
        }
        let in_one_episode = self.in_episodes.iter().filter(|n| **n == 1).count();
        let at_most = |n: u64| 1.0 - 0.05_f64.powf(1.0 / n.max(1) as f64);
        let share = |counts: &[u64]| counts.iter().map(|c| *c as f64 / samples.max(1) as f64).collect();
        GlobalSparsity {
            matrix: self.matrix,
            shape: self.shape,
            entries: n,
            samples,
            episodes: self.episodes,
            zero: count(&zero),
            percent: 100.0 * count(&zero) as f64 / n.max(1) as f64,
            undecided: count(&undecided),
            blocks,
            reasons,
            cells,
            convergence,
            bound: Bound {
                quiet_samples: samples - last,
                share_of_steps: at_most(samples),
                share_of_episodes: at_most(self.episodes),
                in_one_episode,
                expected_next_episode: in_one_episode as f64 / self.episodes.max(1) as f64,
            },
            share_zero: share(&counts.zero),
            share_undecided: share(&counts.undecided),
            largest: sums.largest.clone(),
        }
    }
}

/// pos, vel or act, as a state's label begins.
pub(super) fn kind(label: &str) -> &str {
    label.split_once(':').map_or(label, |(kind, _)| kind)
}

/// The kind of a column.
fn column_kind(matrix: Matrix, label: &str) -> &str {
    match matrix {
        Matrix::A => kind(label),
        Matrix::B => "ctrl",
    }
}
