//! What is zero: an entry that is no larger than what rounding can have made of nothing.

use crate::jacobian::{Jacobian, ZeroVerdict};

/// The bounds that are carried along count each rounding once, at its largest; entries within `CERTAIN` of them are
/// what rounding makes, entries within `BAND` times as much may be.
const CERTAIN: f64 = 4.0;
const BAND: f64 = 8.0;

/// A larger number is never called zero, nor a larger share of the largest entry of A: where the bounds are that wide
/// (differences across an edge), nothing is sure.
const LARGEST_ZERO: f64 = 1e-10;
const LARGEST_SHARE: f64 = 1e-11;

/// A share of the largest entry of A that is not seen beside it: nothing is sure of what is smaller.
const UNSEEN: f64 = 1e-16;

/// The largest entry of A (ndx x ndx, row-major) in columns that are not `doubtful`: nothing of what is to be replaced is a
/// scale for the rest.
pub(super) fn trusted_scale(a: &[f64], doubtful: &[bool]) -> f64 {
    let ndx = a.len().isqrt().max(1);
    let mut largest = vec![0.0_f64; ndx];
    for row in a.chunks_exact(ndx) {
        for (most, x) in largest.iter_mut().zip(row) {
            let size = if x.is_finite() { x.abs() } else { 0.0 };
            *most = if size > *most { size } else { *most };
        }
    }
    largest.iter().zip(doubtful).filter(|(_, doubtful)| !**doubtful).fold(0.0, |most, (x, _)| most.max(*x))
}

/// Fills the verdicts of a Jacobian, from bounds on the errors of A and B, but for the columns (ndx + nu) that are
/// `doubtful` and will come from elsewhere.
pub(super) fn judge(out: &mut Jacobian, bounds: &[Vec<f64>; 2], doubtful: &[bool]) {
    let ndx = out.verdicts.floor.len();
    let Jacobian { a, b, verdicts, .. } = out;
    let [bounds_a, bounds_b] = bounds;
    let scale = trusted_scale(a, doubtful);
    let largest = LARGEST_ZERO.min(LARGEST_SHARE * scale);
    let decide = |x: f64, bound: f64| {
        let floor = CERTAIN * bound;
        if x.abs() <= floor.min(largest) {
            ZeroVerdict::Zero
        } else if x.abs() <= (BAND * floor).max(UNSEEN * scale) || x.is_nan() {
            ZeroVerdict::Undecided
        } else {
            ZeroVerdict::Nonzero
        }
    };
    let (of_a, of_b) = doubtful.split_at(ndx);
    verdicts.floor.fill(0.0);
    for (numbers, bounds, verdicts_of, doubtful) in
        [(&*a, bounds_a, &mut verdicts.a, of_a), (&*b, bounds_b, &mut verdicts.b, of_b)]
    {
        let (columns, all) = (doubtful.len().max(1), !doubtful.contains(&true));
        let rows = numbers.chunks_exact(columns).zip(bounds.chunks_exact(columns));
        for ((floor, (numbers, bounds)), verdicts) in
            verdicts.floor.iter_mut().zip(rows).zip(verdicts_of.chunks_exact_mut(columns))
        {
            let row = numbers.iter().zip(bounds).zip(verdicts);
            if all {
                row.for_each(|((x, bound), verdict)| *verdict = decide(*x, *bound));
                *floor = floor.max(CERTAIN * most_of(bounds));
                continue;
            }
            for (((x, bound), verdict), _) in row.zip(doubtful).filter(|(_, doubtful)| !**doubtful) {
                *verdict = decide(*x, *bound);
                *floor = floor.max(CERTAIN * bound);
            }
        }
    }
}

/// The largest of some bounds, of several at once.
fn most_of(bounds: &[f64]) -> f64 {
    let mut most = [0.0_f64; 8];
    let chunks = bounds.chunks_exact(most.len());
    let rest = chunks.remainder().iter().fold(0.0_f64, |most, x| most.max(*x));
    for chunk in chunks {
        for (most, x) in most.iter_mut().zip(chunk) {
            *most = if *x > *most { *x } else { *most };
        }
    }
    most.into_iter().fold(rest, f64::max)
}
