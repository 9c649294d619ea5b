//! Numbers that carry their derivatives by some coordinates (six, where nothing else is said) along, and bounds on the rounding of both; and what is written for them
//! and for plain numbers alike.

use std::ops::{Add, Mul, Neg, Sub};

use super::motion::ULP;

/// What geometry is written in: plain numbers, or [`Jet`]s.
pub(super) trait Number:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    /// A number that depends on nothing.
    fn constant(x: f64) -> Self;

    /// The number itself.
    fn value(self) -> f64;

    /// A function of it that has this value, slope and second derivative here.
    fn map(self, value: f64, slope: f64, bend: f64) -> Self;

    /// The same with no error, as a point to start an iteration from that forgets it.
    fn exact(self) -> Self;

    fn scale(self, by: f64) -> Self {
        self * Self::constant(by)
    }

    fn inverse(self) -> Self {
        let x = 1.0 / self.value();
        self.map(x, -x * x, 2.0 * x * x * x)
    }

    fn sqrt(self) -> Self {
        let root = self.value().sqrt();
        self.map(root, 0.5 / root, -0.25 / (root * self.value()))
    }

    fn asin(self) -> Self {
        let (x, rest) = (self.value(), 1.0 - self.value() * self.value());
        self.map(x.asin(), 1.0 / rest.sqrt(), x / (rest * rest.sqrt()))
    }

    fn sin_cos(self) -> (Self, Self) {
        let (sin, cos) = self.value().sin_cos();
        (self.map(sin, cos, -sin), self.map(cos, -sin, -cos))
    }

    /// The angle of a vector (`x`, `self`) of the plane, -pi to pi.
    fn atan2(self, x: Self) -> Self {
        // atan2(y, x) = base + asin of the sine of a small rest, whose slope is 1.
        let base = self.value().atan2(x.value());
        let (sin, cos) = base.sin_cos();
        let length = (self * self + x * x).sqrt();
        let rest = (self.scale(cos) - x.scale(sin)) * length.inverse();
        rest.asin() + Self::constant(base)
    }
}

impl Number for f64 {
    fn constant(x: f64) -> Self {
        x
    }

    fn value(self) -> f64 {
        self
    }

    fn map(self, value: f64, _slope: f64, _bend: f64) -> Self {
        value
    }

    fn exact(self) -> Self {
        self
    }
}

/// A number with its derivatives by some coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jet<const N: usize = 6> {
    pub(super) x: f64,
    pub(super) by: [f64; N],
    /// Bounds on the rounding of the number and of its derivatives.
    pub(super) error: f64,
    pub(super) errors: [f64; N],
}

impl<const N: usize> Jet<N> {
    /// Coordinate `i`, known up to `error`.
    pub(super) fn coordinate(x: f64, error: f64, i: usize) -> Self {
        Self { x, by: std::array::from_fn(|k| f64::from(u8::from(k == i))), error, errors: [0.0; N] }
    }
}

impl<const N: usize> Number for Jet<N> {
    fn constant(x: f64) -> Self {
        Self { x, by: [0.0; N], error: 0.0, errors: [0.0; N] }
    }

    fn value(self) -> f64 {
        self.x
    }

    fn map(self, value: f64, slope: f64, bend: f64) -> Self {
        let errors = std::array::from_fn(|i| {
            slope.abs() * (self.errors[i] + 2.0 * ULP * self.by[i].abs()) + bend.abs() * self.error * self.by[i].abs()
        });
        Self {
            x: value,
            by: self.by.map(|x| slope * x),
            error: slope.abs() * self.error + 2.0 * ULP * value.abs(),
            errors,
        }
    }

    fn exact(self) -> Self {
        Self { error: 0.0, errors: [0.0; N], ..self }
    }
}

impl<const N: usize> Add for Jet<N> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let x = self.x + other.x;
        let by: [f64; N] = std::array::from_fn(|i| self.by[i] + other.by[i]);
        Self {
            x,
            error: self.error + other.error + ULP * x.abs(),
            errors: std::array::from_fn(|i| self.errors[i] + other.errors[i] + ULP * by[i].abs()),
            by,
        }
    }
}

impl<const N: usize> Neg for Jet<N> {
    type Output = Self;
    fn neg(self) -> Self {
        Self { x: -self.x, by: self.by.map(|x| -x), ..self }
    }
}

impl<const N: usize> Sub for Jet<N> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<const N: usize> Mul for Jet<N> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let x = self.x * other.x;
        let one_side = |a: &Self, b: &Self, i: usize| {
            a.x.abs() * b.errors[i] + a.error * b.by[i].abs() + 2.0 * ULP * (a.x * b.by[i]).abs()
        };
        Self {
            x,
            by: std::array::from_fn(|i| self.x * other.by[i] + other.x * self.by[i]),
            error: self.x.abs() * other.error + self.error * other.x.abs() + ULP * x.abs(),
            errors: std::array::from_fn(|i| one_side(&self, &other, i) + one_side(&other, &self, i)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Derivatives against differences; and what a difference of large numbers rounds is within the bound.
    #[test]
    fn functions_and_their_bounds() {
        fn f<X: Number>(x: X, y: X) -> X {
            let (sin, cos) = (x * y).sin_cos();
            sin.atan2(cos.scale(0.3)) * (x * x + y).sqrt().inverse() + x.scale(0.2).asin()
        }
        let h = 1e-6;
        for (x, y) in [(1.3, 0.4), (-0.7, 2.1), (2.0, 1.9)] {
            let jet: Jet = f(Jet::coordinate(x, 0.0, 0), Jet::coordinate(y, 0.0, 4));
            assert!((jet.x - f(x, y)).abs() <= jet.error + 1e-15);
            let expected = [(f(x + h, y) - f(x - h, y)) / (2.0 * h), (f(x, y + h) - f(x, y - h)) / (2.0 * h)];
            for (found, expected) in [jet.by[0], jet.by[4]].into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-8, "{x} {y}: {found} for {expected}");
            }
            assert_eq!(jet.by[1], 0.0);
            assert!(jet.errors[0] > 0.0 && jet.errors[0] < 1e-12, "{:e}", jet.errors[0]);
        }
        // (1 + x)^2 - 1 - 2 x for a small x that is known to one unit of 1: nothing but rounding is left of it.
        let one: Jet = Jet::constant(1.0);
        let x = Jet::coordinate(1e-9, 1e-16, 2);
        let rest = (one + x) * (one + x) - one - x.scale(2.0);
        assert!((rest.x - 1e-18).abs() <= rest.error && rest.error < 1e-14, "{rest:?}");
        assert!((rest.by[2] - 2e-9).abs() <= rest.errors[2], "{rest:?}");
    }
}
