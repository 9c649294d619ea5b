//! Whether a change is one.
//!
//! With c the change, n the measured noise of that entry (what rounding makes of it) and A_ij delta what the Jacobian predicts:
//!
//! - c = 0 to the last bit: unchanged.
//! - |c| > 10 n: changed.
//! - |c| > 3 n: undecided.
//! - |c| > 10 n, but not above ten times the largest noise of that output in any intervention of the row: undecided. Where steps jump with the
//!   last bit of a state (contacts with height fields), the few steps that measure a noise may all have missed the jump.
//! - |c| <= 3 n: nothing is seen. That is unchanged where the Jacobian says zero as well, or where it predicts more than 10 n, which
//!   would have been seen; else the change may be hidden by the noise, and is undecided.

use crate::zero::ZeroVerdict;

const WITHIN: f64 = 3.0;
const BEYOND: f64 = 10.0;

/// What the Jacobian says of an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Derivative {
    pub(super) verdict: ZeroVerdict,
    /// Its number; NaN where it is not known.
    pub(super) value: f64,
}

/// Whether a change is beyond the largest noise of its output in a row.
pub(super) fn stands_out(change: f64, largest_noise: f64) -> bool {
    change.abs() > BEYOND * largest_noise
}

/// Whether an intervention of that size has changed an entry: nonzero where it has.
pub(super) fn judge(change: f64, noise: f64, size: f64, derivative: Derivative) -> ZeroVerdict {
    if !(change.is_finite() && noise.is_finite()) {
        return ZeroVerdict::Undecided;
    }
    if change == 0.0 {
        return ZeroVerdict::Zero;
    }
    if change.abs() > BEYOND * noise {
        return ZeroVerdict::Nonzero;
    }
    let would_be_seen = derivative.verdict == ZeroVerdict::Nonzero && (derivative.value * size).abs() > BEYOND * noise;
    let nothing = derivative.verdict == ZeroVerdict::Zero || would_be_seen;
    if change.abs() <= WITHIN * noise && nothing { ZeroVerdict::Zero } else { ZeroVerdict::Undecided }
}

/// The verdict of a size from those of its two signs; a sign that the range of a control does not let be applied says nothing.
pub(super) fn of_both(signs: [Option<ZeroVerdict>; 2]) -> ZeroVerdict {
    let any = |verdict| signs.contains(&Some(verdict));
    if any(ZeroVerdict::Nonzero) {
        ZeroVerdict::Nonzero
    } else if any(ZeroVerdict::Undecided) || signs == [None, None] {
        ZeroVerdict::Undecided
    } else {
        ZeroVerdict::Zero
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ZeroVerdict::{Nonzero, Undecided, Zero};

    #[test]
    fn nothing_seen_is_nothing_only_where_something_would_be_seen() {
        let of = |verdict, value| Derivative { verdict, value };
        for (change, derivative, expected) in [
            (0.0, of(Nonzero, 1.0), Zero),
            (1.1e-14, of(Zero, 0.0), Nonzero),
            (5e-15, of(Zero, 0.0), Undecided),
            (2e-15, of(Zero, 0.0), Zero),
            (2e-15, of(Nonzero, 1.0), Zero),
            (2e-15, of(Nonzero, 1e-12), Undecided),
            (2e-15, of(Nonzero, f64::NAN), Undecided),
            (2e-15, of(Undecided, 1.0), Undecided),
            (f64::NAN, of(Zero, 0.0), Undecided),
        ] {
            assert_eq!(judge(change, 1e-15, 1e-3, derivative), expected, "{change} {derivative:?}");
        }
        assert_eq!(judge(1.0, f64::INFINITY, 1.0, of(Zero, 0.0)), Undecided);
    }

    #[test]
    fn a_sign_that_was_not_applied_says_nothing() {
        assert_eq!(of_both([None, Some(Zero)]), Zero);
        assert_eq!(of_both([None, None]), Undecided);
        assert_eq!(of_both([Some(Undecided), Some(Nonzero)]), Nonzero);
        assert_eq!(of_both([Some(Undecided), Some(Zero)]), Undecided);
    }
}
