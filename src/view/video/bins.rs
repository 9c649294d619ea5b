//! Which entries of an axis share a square of the picture: each has its own where there is room, else neighbours are taken
//! together, as many in each direction, and never over the bounds of positions, velocities, activations and controls.

use std::ops::Range;

use crate::zero::ZeroVerdict;

/// The squares along an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bins {
    /// The entries of each.
    pub(super) entries: Vec<Range<usize>>,
    /// Entries of an axis in all.
    pub(super) total: usize,
}

impl Bins {
    /// Of `total` entries, `together` to a square, in parts that end at `bounds`.
    pub(super) fn new(total: usize, together: usize, bounds: &[usize]) -> Self {
        let mut ends: Vec<usize> = bounds.iter().copied().filter(|end| (1..total).contains(end)).collect();
        ends.push(total);
        let mut entries = Vec::new();
        let mut from = 0;
        for end in ends {
            while from < end {
                let to = (from + together).min(end);
                entries.push(from..to);
                from = to;
            }
        }
        Self { entries, total }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The square behind which an entry begins, where one begins there.
    pub(super) fn starting_at(&self, entry: usize) -> Option<usize> {
        self.entries.binary_search_by_key(&entry, |bin| bin.start).ok()
    }
}

/// What a square shows of the entries in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shown {
    Zero,
    Undecided,
    /// The largest |x| of those that are not zero; without numbers none.
    Nonzero(Option<f64>),
}

/// What a square of rows and columns shows of a matrix that has `columns`: an entry that is not zero before one that is
/// undecided, and that before zeros, so that a single entry is always seen.
pub(super) fn pooled(
    (values, verdicts): (&[f64], &[u8]),
    columns: usize,
    rows: &Range<usize>,
    across: &Range<usize>,
) -> Shown {
    const NONZERO: u8 = ZeroVerdict::Nonzero.code();
    const ZERO: u8 = ZeroVerdict::Zero.code();
    let mut shown = Shown::Zero;
    for row in rows.clone() {
        let own = row * columns + across.start..row * columns + across.end;
        let values = values.get(own.clone()).unwrap_or_default();
        for (i, verdict) in verdicts[own].iter().enumerate() {
            let x = values.get(i).map(|x| x.abs());
            match (*verdict, shown) {
                (ZERO, _) => {}
                // An entry without a number is none that a size could be told of.
                (NONZERO, _) if x.is_none_or(|x| !x.is_nan()) => {
                    let before = if let Shown::Nonzero(before) = shown { before } else { None };
                    shown = Shown::Nonzero(x.map(|x| before.map_or(x, |b| b.max(x))));
                }
                (_, Shown::Zero) => shown = Shown::Undecided,
                _ => {}
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_hold_every_entry_once_and_cross_no_bound() {
        let bins = Bins::new(23, 4, &[10, 20]);
        let sizes: Vec<usize> = bins.entries.iter().map(ExactSizeIterator::len).collect();
        assert_eq!(sizes, [4, 4, 2, 4, 4, 2, 3]);
        assert_eq!(bins.entries.iter().cloned().flatten().collect::<Vec<_>>(), (0..23).collect::<Vec<_>>());
        assert_eq!((bins.starting_at(10), bins.starting_at(11)), (Some(3), None));
        assert_eq!(Bins::new(3, 1, &[0, 3, 9]).entries, [0..1, 1..2, 2..3]);
        assert_eq!(Bins::new(0, 1, &[]).len(), 0);
    }

    #[test]
    fn a_single_entry_is_seen_among_thousands() {
        let (columns, rows) = (100, 60);
        let (mut values, mut verdicts) = (vec![0.0; columns * rows], vec![1; columns * rows]);
        let of = |values: &[f64], verdicts: &[u8], r, c| pooled((values, verdicts), columns, &r, &c);
        assert_eq!(of(&values, &verdicts, 0..60, 0..100), Shown::Zero);
        verdicts[17 * columns + 3] = 2;
        assert_eq!(of(&values, &verdicts, 0..60, 0..100), Shown::Undecided);
        (values[40 * columns + 99], verdicts[40 * columns + 99]) = (-2e-9, 0);
        (values[41 * columns + 99], verdicts[41 * columns + 99]) = (1e-9, 0);
        assert_eq!(of(&values, &verdicts, 0..60, 0..100), Shown::Nonzero(Some(2e-9)));
        assert_eq!(of(&[], &verdicts, 0..60, 0..100), Shown::Nonzero(None));
        assert_eq!(of(&values, &verdicts, 0..20, 0..4), Shown::Undecided);
        values[40 * columns + 99] = f64::NAN;
        assert_eq!(of(&values, &verdicts, 40..41, 0..100), Shown::Undecided);
    }
}
