//! The soft indicator that the suite's rewards are made of.

/// How a [`Tolerance`] falls off outside of its bounds: a function s of the distance d in margins, with s(0) = 1
/// and s(1) = v. The formulas are those of DM Control's `rewards.tolerance` (Tassa et al. 2018).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sigmoid {
    /// v^(d^2).
    Gaussian,
    /// 1 - d (1 - v), and 0 beyond its zero.
    Linear,
    /// 1 - d^2 (1 - v), and 0 beyond its zero.
    Quadratic,
    /// 1 / (1 + d^2 (1/v - 1)).
    LongTail,
    /// 1 / (1 + d (1/v - 1)).
    Reciprocal,
    /// 1 / cosh(d acosh(1/v)).
    Hyperbolic,
    /// (1 + cos(d acos(2 v - 1))) / 2, and 0 beyond its first zero.
    Cosine,
    /// 1 - tanh(d atanh(sqrt(1 - v)))^2.
    TanhSquared,
}

impl Sigmoid {
    /// s(d) for d >= 0. `v` = s(1) lies in (0, 1); linear, quadratic and cosine also take 0.
    fn at(self, d: f64, v: f64) -> f64 {
        match self {
            Self::Gaussian => libm::exp(libm::log(v) * d * d),
            Self::Linear => (1.0 - d * (1.0 - v)).max(0.0),
            Self::Quadratic => (1.0 - d * d * (1.0 - v)).max(0.0),
            Self::LongTail => 1.0 / (1.0 + d * d * (1.0 / v - 1.0)),
            Self::Reciprocal => 1.0 / (1.0 + d * (1.0 / v - 1.0)),
            Self::Hyperbolic => 1.0 / libm::cosh(d * libm::acosh(1.0 / v)),
            Self::Cosine => {
                let angle = d * libm::acos(2.0 * v - 1.0);
                if angle < std::f64::consts::PI { (1.0 + libm::cos(angle)) / 2.0 } else { 0.0 }
            }
            Self::TanhSquared => {
                let tanh = libm::tanh(d * libm::atanh((1.0 - v).sqrt()));
                1.0 - tanh * tanh
            }
        }
    }
}

/// 1 within `[low, high]`, less outside, never below 0.
///
/// ```
/// use dynsparse::task::reward::{Sigmoid, Tolerance};
/// let fast = Tolerance::at_least(10.0).fading(10.0, Sigmoid::Linear, 0.0);
/// assert_eq!([fast.of(-1.0), fast.of(2.5), fast.of(12.0)], [0.0, 0.25, 1.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    low: f64,
    high: f64,
    margin: f64,
    sigmoid: Sigmoid,
    at_margin: f64,
}

impl Tolerance {
    /// 1 within the bounds, both included, and 0 elsewhere.
    pub const fn within(low: f64, high: f64) -> Self {
        Self { low, high, margin: 0.0, sigmoid: Sigmoid::Gaussian, at_margin: 0.1 }
    }

    /// 1 from `low` on.
    pub const fn at_least(low: f64) -> Self {
        Self::within(low, f64::INFINITY)
    }

    /// 1 at 0 alone.
    pub const fn zero() -> Self {
        Self::within(0.0, 0.0)
    }

    /// Falls off like a gaussian, to 0.1 at a distance of `margin` from the bounds.
    pub const fn margin(self, margin: f64) -> Self {
        self.fading(margin, Sigmoid::Gaussian, 0.1)
    }

    /// Falls off like `sigmoid`, to `at_margin` at a distance of `margin` from the bounds. `margin` is not
    /// negative, 0 cuts off at the bounds; `at_margin` lies in (0, 1), and may be 0 for the linear, quadratic
    /// and cosine forms.
    pub const fn fading(self, margin: f64, sigmoid: Sigmoid, at_margin: f64) -> Self {
        Self { margin, sigmoid, at_margin, ..self }
    }

    /// Its value at `x`, in [0, 1]. For NaN it is 0 or NaN.
    pub fn of(&self, x: f64) -> f64 {
        if self.low <= x && x <= self.high {
            return 1.0;
        }
        if self.margin == 0.0 {
            return 0.0;
        }
        let outside = if x < self.low { self.low - x } else { x - self.high };
        self.sigmoid.at(outside / self.margin, self.at_margin)
    }
}
