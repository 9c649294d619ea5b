//! A derivative from nudges of several sizes, with a bound on its error: of functions that bend, have kinks, or jump.

use super::ZeroVerdict;

/// Numbers that are this close to zero, as a share of the largest entry of their row (or of 1), may be called zero, where
/// what noise makes is smaller still.
const LARGEST_ZERO: f64 = 1e-10;

/// Bounds count each rounding once, at its largest; entries within `CERTAIN` of them are what rounding makes, entries
/// within `BAND` times as much may be.
const CERTAIN: f64 = 4.0;
const BAND: f64 = 8.0;

/// What an entry of a Jacobian is, by a bound on its error. `scale` is the size of the numbers around it.
pub(super) fn decide(x: f64, bound: f64, scale: f64) -> ZeroVerdict {
    let floor = CERTAIN * bound;
    if x == 0.0 && bound == 0.0 || x.abs() <= floor && floor <= LARGEST_ZERO * scale.max(1.0) {
        ZeroVerdict::Zero
    } else if x.is_nan() || bound.is_nan() || x.abs() <= BAND * floor {
        ZeroVerdict::Undecided
    } else {
        ZeroVerdict::Nonzero
    }
}

/// Over the next nudge, a sixteenth at most, what a smooth function leaves shrinks by this at least.
const SHRINKS: f64 = 100.0;

/// A bound on what is left where that is not seen, in units of what the extrapolation takes off.
const UNCONFIRMED: f64 = 3.0;

/// Values that are apart by so many times their bounds are not the same.
const REFUTED: f64 = 16.0;

/// Where the nudges of an input lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// At +h, -h, +2h and -2h.
    Both,
    /// At h, 2h, 3h and 4h upwards, where the input cannot go below.
    Up,
    /// As far downwards.
    Down,
}

impl Side {
    /// The four nudges of a size.
    pub(super) fn nudges(self, h: f64) -> [f64; 4] {
        match self {
            Self::Both => [h, -h, 2.0 * h, -2.0 * h],
            Self::Up => [h, 2.0 * h, 3.0 * h, 4.0 * h],
            Self::Down => [-h, -2.0 * h, -3.0 * h, -4.0 * h],
        }
    }
}

/// What nudges of one size say.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// The derivative, extrapolated.
    x: f64,
    /// How far the extrapolation is from the differences over the smallest nudges, and what it leaves where the function is
    /// smooth.
    apart: f64,
    left: f64,
    /// The mean of the derivatives of both sides, each of the second order.
    mean: f64,
    /// How far the derivatives of both sides lie apart.
    gap: f64,
    /// The larger of the changes over the smallest nudges.
    jump: f64,
    /// Whether the values of each side agree with one another better than with the value in the middle.
    split: bool,
    /// The fourth difference, in units of one value's error: rounding, where the function is smooth.
    ripple: f64,
    /// Whether nothing changed at all.
    still: bool,
}

impl Look {
    fn new(side: Side, at: f64, values: [f64; 4], h: f64) -> Self {
        let still = values.iter().all(|v| *v == at);
        let [a, b, c, d] = values;
        let (x, near, gap, fourth, mean);
        match side {
            Side::Both => {
                near = (a - b) / (2.0 * h);
                let far = (c - d) / (4.0 * h);
                x = if near == far { near } else { near + (near - far) / 3.0 };
                gap = ((4.0 * a - c - 3.0 * at) - (3.0 * at - 4.0 * b + d)).abs() / (2.0 * h);
                mean = (4.0 * (a - b) - (c - d)) / (4.0 * h);
                fourth = c - 4.0 * a + 6.0 * at - 4.0 * b + d;
            }
            Side::Up | Side::Down => {
                let h = if side == Side::Up { h } else { -h };
                x = (-25.0 * at + 48.0 * a - 36.0 * b + 16.0 * c - 3.0 * d) / (12.0 * h);
                near = (-3.0 * at + 4.0 * a - b) / (2.0 * h);
                // Only what lies on that side counts: the gap is to the derivative in the middle of the nudges, less what a
                // parabola bends until there.
                let middle = (d - at) / (4.0 * h) - (d - 2.0 * b + at) / (2.0 * h);
                gap = (near - middle).abs();
                mean = x;
                fourth = at - 4.0 * a + 6.0 * b - 4.0 * c + d;
            }
        }
        let apart = (near - x).abs();
        // Where both agree well, what is left after the extrapolation is smaller by as much again.
        let left = apart * (90.0 * apart / (x.abs() + f64::MIN_POSITIVE)).min(3.0);
        let (jump, spread) = match side {
            Side::Both => ((a - at).abs().max((b - at).abs()), (a - c).abs().max((b - d).abs())),
            Side::Up | Side::Down => ((a - at).abs(), (a - b).abs().max((a - c).abs())),
        };
        Self { x, apart, left, mean, gap, jump, split: spread < 0.1 * jump, ripple: fourth.abs() / 8.0, still }
    }

    /// The error that noise of so much in each value makes.
    fn rounding(side: Side, noise: f64, h: f64) -> f64 {
        if side == Side::Both { 1.5 * noise / h } else { 11.0 * noise / h }
    }

    /// Whether both sides have the same derivative, up to rounding and to what bends within the nudge.
    fn is_smooth(&self, noise: f64, h: f64) -> bool {
        self.gap <= (16.0 * noise / h).max(3.0 * self.left.min(1e-4 * self.x.abs())).max(1e-8 * self.x.abs())
    }
}

/// The best that is known of an entry after some sizes of nudges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    x: f64,
    cost: f64,
    left: f64,
    h: f64,
    ripple: f64,
    smooth: bool,
    /// The last change over a nudge, and whether it stayed while the nudge shrank.
    jump: f64,
    stays: bool,
    /// What the values show to be noise.
    erratic: f64,
    still: bool,
    /// What the nudges of the size before say, where both sides have one derivative by them; and the mean of the sides.
    before: Option<(Look, f64)>,
    mean: f64,
}

impl Entry {
    pub(super) const UNKNOWN: Self = Self {
        x: 0.0,
        cost: f64::INFINITY,
        left: 0.0,
        h: 1.0,
        ripple: 0.0,
        smooth: false,
        jump: f64::INFINITY,
        stays: false,
        erratic: 0.0,
        still: false,
        before: None,
        mean: f64::NAN,
    };

    /// Looks at the values around `at` for nudges of the size `h`. `noise` is an estimate of a value's error. Returns
    /// whether smaller nudges are of no use.
    pub(super) fn look(&mut self, side: Side, at: f64, values: [f64; 4], h: f64, noise: f64) -> bool {
        let look = Look::new(side, at, values, h);
        let rounding = Look::rounding(side, noise, h);
        let smooth = look.is_smooth(noise, h);
        // A change that does not shrink with the nudge is a jump where the values of a side agree, else noise.
        let stays = !smooth && look.jump > 0.5 * self.jump;
        self.stays = stays && look.split && look.jump > 64.0 * noise;
        if stays && !look.split {
            self.erratic = look.jump.max(self.jump);
            return true;
        }
        self.jump = look.jump;
        // Of what is smooth an error of the second order is left, so many times less over the next nudge; where a second
        // derivative jumps, it is one of the first, and the extrapolation takes little of it off.
        let before = self.before.take().filter(|(before, _)| smooth && SHRINKS * look.apart <= before.apart);
        if let Some((before, size)) = before {
            self.take(&before, before.left, Look::rounding(side, noise, size), true, size);
        }
        let left = if before.is_some() { look.left } else { UNCONFIRMED * look.apart };
        self.take(&look, if smooth { left } else { left + look.gap }, rounding, smooth, h);
        if smooth && side == Side::Both {
            // Where a second derivative jumps, each side bends evenly, and their mean has nothing of the jump.
            let steady = (look.mean - self.mean).abs() + look.gap;
            self.take(&Look { x: look.mean, ..look }, steady, 2.0 * rounding, true, h);
        }
        self.mean = look.mean;
        self.before = smooth.then_some((look, h));
        smooth && self.left <= rounding.max(1e-10 * look.x.abs())
    }

    /// Takes over what nudges of the size `h` say, where it is better, with a bound on what they leave; or where it shows that
    /// wider ones cannot be right within theirs, because all of their values lay beyond what bends.
    fn take(&mut self, look: &Look, left: f64, rounding: f64, smooth: bool, h: f64) {
        let cost = left + rounding;
        let refutes = h < self.h && (look.x - self.x).abs() > REFUTED * (cost + self.cost);
        if cost < self.cost || refutes {
            *self = Self { x: look.x, cost, left, h, ripple: look.ripple, smooth, still: look.still, ..*self };
        }
    }

    /// What it says about a value's error; nothing where the function is not smooth.
    pub(super) fn ripple(&self) -> f64 {
        if self.smooth { self.ripple } else { self.erratic }
    }

    /// Whether both sides have the same derivative.
    pub(super) fn is_smooth(&self) -> bool {
        self.smooth
    }

    /// The derivative with a bound on its error; NaN and infinity where the function jumps.
    pub(super) fn derivative(&self, side: Side, at: f64, noise: f64) -> (f64, f64) {
        if !self.smooth && self.stays {
            (f64::NAN, f64::INFINITY)
        } else if self.still {
            // A change that is smaller than the last place of the value is not seen.
            (0.0, 0.25 * f64::EPSILON * at.abs() / self.h)
        } else {
            (self.x, self.left + Look::rounding(side, noise.max(self.erratic), self.h))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [f64; 4] = [1.0 / 4096.0, 1.0 / 131_072.0, 1.0 / 4_194_304.0, 1.0 / 67_108_864.0];

    fn derivative(side: Side, f: &dyn Fn(f64) -> f64) -> (f64, f64, ZeroVerdict) {
        let (at, noise) = (f(0.0), 2.0 * f64::EPSILON * f(0.0).abs().max(1.0));
        let mut entry = Entry::UNKNOWN;
        for h in SIZES {
            if entry.look(side, at, side.nudges(h).map(f), h, noise) {
                break;
            }
        }
        let (x, bound) = entry.derivative(side, at, noise);
        (x, bound, decide(x, bound, 1.0))
    }

    #[test]
    fn smooth_functions_are_right_within_their_bounds() {
        let cases: [(&dyn Fn(f64) -> f64, f64); 4] = [
            (&|t| (1.0 + t).sin(), 1.0_f64.cos()),
            (&|t| (1e3 * t).exp() * 1e-3, 1.0),
            (&|t| t.cos(), 0.0),
            (&|t| 3.0 + 2.0 * t, 2.0),
        ];
        for (i, (f, expected)) in cases.iter().enumerate() {
            for side in [Side::Both, Side::Up, Side::Down] {
                let (x, bound, verdict) = derivative(side, f);
                assert!((x - expected).abs() <= 4.0 * bound, "case {i}: {x} +- {bound} for {expected}");
                let most = if side == Side::Both { 1e-8 } else { 2e-7 };
                assert!(bound < most, "case {i}, {side:?}: {bound}");
                let right = if *expected == 0.0 {
                    [ZeroVerdict::Zero, ZeroVerdict::Undecided]
                } else {
                    [ZeroVerdict::Nonzero; 2]
                };
                assert!(right.contains(&verdict), "case {i}, {side:?}: {verdict:?} of {x} +- {bound}");
            }
        }
    }

    #[test]
    fn kinks_are_undecided_and_jumps_have_no_value() {
        let (x, bound, verdict) = derivative(Side::Both, &|t: f64| 1.0 + t.abs());
        assert!(x.abs() < 1e-6 && bound > 1.0 && verdict == ZeroVerdict::Undecided, "{x} +- {bound}");
        let (x, _, verdict) = derivative(Side::Both, &|t: f64| if t > 0.0 { 2.0 } else { 1.0 });
        assert!(x.is_nan() && verdict == ZeroVerdict::Undecided);
        // A kink and a jump that are further away than the smallest nudge do not matter.
        let (x, _, verdict) = derivative(Side::Both, &|t: f64| (t - 1e-6).max(0.0) + 3.0 * t);
        assert!((x - 3.0).abs() < 1e-6 && verdict == ZeroVerdict::Nonzero, "{x}");
        let (x, _, _) = derivative(Side::Both, &|t: f64| if t > 1e-6 { 5.0 } else { 3.0 * t });
        assert!((x - 3.0).abs() < 1e-6, "{x}");
        // On one side nobody looks at the other.
        let (x, _, verdict) = derivative(Side::Up, &|t: f64| 2.0 * t.abs());
        assert!((x - 2.0).abs() < 1e-9 && verdict == ZeroVerdict::Nonzero, "{x}");
    }

    #[test]
    fn what_does_not_change_is_zero() {
        assert_eq!(derivative(Side::Both, &|_| 0.0), (0.0, 0.0, ZeroVerdict::Zero));
        assert_eq!(derivative(Side::Both, &|_| 1.0).2, ZeroVerdict::Zero);
        // A large value hides small changes.
        assert_eq!(decide(0.0, 1e-6, 1.0), ZeroVerdict::Undecided);
        assert_eq!(decide(0.0, 1e-6, 1e6), ZeroVerdict::Zero);
    }
}
