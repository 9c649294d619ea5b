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
    let ndx = a.len().isqrt();
    let trusted = a.iter().enumerate().filter(|(at, _)| !doubtful[at % ndx]);
    trusted.map(|(_, x)| x.abs()).filter(|x| x.is_finite()).fold(0.0, f64::max)
}

/// Fills the verdicts of a Jacobian, from bounds on the errors of A and B, but for the columns (ndx + nu) that are
/// `doubtful` and will come from elsewhere.
pub(super) fn judge(out: &mut Jacobian, bounds: &[Vec<f64>; 2], doubtful: &[bool]) {
    let ndx = out.verdicts.floor.len();
    let nu = out.b.len() / ndx.max(1);
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
    for r in 0..ndx {
        let mut floor = 0.0_f64;
        for c in (0..ndx).filter(|c| !doubtful[*c]) {
            let bound = bounds_a[r * ndx + c];
            verdicts.a[r * ndx + c] = decide(a[r * ndx + c], bound);
            floor = floor.max(bound);
        }
        for c in (0..nu).filter(|c| !doubtful[ndx + *c]) {
            let bound = bounds_b[r * nu + c];
            verdicts.b[r * nu + c] = decide(b[r * nu + c], bound);
            floor = floor.max(bound);
        }
        verdicts.floor[r] = CERTAIN * floor;
    }
}
