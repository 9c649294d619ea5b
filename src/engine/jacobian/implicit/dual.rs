//! Numbers and vectors that carry their derivatives by six motions along: turns about three axes and moves along them.

use std::ops::{Add, Mul, Sub};

use super::spatial::{Vec3, cross};

/// A number and its derivatives by six motions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dual {
    pub(super) x: f64,
    pub(super) by: [f64; 6],
}

impl Dual {
    pub(super) fn constant(x: f64) -> Self {
        Self { x, by: [0.0; 6] }
    }

    pub(super) fn map(self, x: f64, slope: f64) -> Self {
        Self { x, by: self.by.map(|d| slope * d) }
    }

    pub(super) fn sqrt(self) -> Self {
        let root = self.x.sqrt();
        self.map(root, 0.5 / root)
    }

    pub(super) fn inverse(self) -> Self {
        self.map(1.0 / self.x, -1.0 / (self.x * self.x))
    }
}

impl Add for Dual {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, by: std::array::from_fn(|i| self.by[i] + other.by[i]) }
    }
}

impl Sub for Dual {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + other.map(-other.x, -1.0)
    }
}

impl Mul for Dual {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let by = |i: usize| self.by[i].mul_add(other.x, self.x * other.by[i]);
        Self { x: self.x * other.x, by: std::array::from_fn(by) }
    }
}

/// A vector of such numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrow(pub(super) [Dual; 3]);

impl Arrow {
    pub(super) fn constant(v: Vec3) -> Self {
        Self(v.map(Dual::constant))
    }

    /// A vector that is carried along: turned about the axes, and moved along them if it is a point.
    pub(super) fn carried(v: Vec3, axes: &[Vec3; 3], point: bool) -> Self {
        let by: [Vec3; 6] = std::array::from_fn(|i| match i {
            0..3 => cross(axes[i], v),
            _ if point => axes[i - 3],
            _ => [0.0; 3],
        });
        Self(std::array::from_fn(|r| Dual { x: v[r], by: by.map(|d| d[r]) }))
    }

    pub(super) fn dot(self, other: Self) -> Dual {
        let [a, b, c] = std::array::from_fn(|i| self.0[i] * other.0[i]);
        a + b + c
    }

    pub(super) fn cross(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        Self([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
    }

    pub(super) fn scaled(self, s: Dual) -> Self {
        Self(self.0.map(|x| x * s))
    }

    pub(super) fn times(self, s: f64) -> Self {
        self.scaled(Dual::constant(s))
    }

    /// The vector alone.
    pub(super) fn value(self) -> Vec3 {
        self.0.map(|x| x.x)
    }
}

impl Add for Arrow {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Sub for Arrow {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
}
