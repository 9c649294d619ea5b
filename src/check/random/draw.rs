//! Draws: numbers with few digits, so that a model can be read.

use crate::rng::Stream;

/// A number to four digits.
pub(super) fn rounded(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

/// A stream of draws.
pub(super) struct Draw(Stream);

impl Draw {
    pub(super) fn new(seed: u64, purpose: &str, index: u64) -> Self {
        Self(Stream::new(seed, purpose, index))
    }

    /// Whether something of probability `p` happens.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.0.uniform() < p
    }

    /// Evenly between two numbers, to three digits.
    pub(super) fn within(&mut self, low: f64, high: f64) -> f64 {
        let x = low + (high - low) * self.0.uniform();
        format!("{x:.2e}").parse().unwrap_or(x)
    }

    /// Evenly in the logarithm.
    pub(super) fn log(&mut self, low: f64, high: f64) -> f64 {
        let x = self.0.uniform();
        let x = low * (high / low).powf(x);
        format!("{x:.2e}").parse().unwrap_or(x)
    }

    pub(super) fn normal(&mut self) -> f64 {
        self.0.normal()
    }

    /// One of `0..n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        ((self.0.uniform() * n as f64) as usize).min(n.saturating_sub(1))
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// One of some names; None where there are none.
    pub(super) fn name(&mut self, from: &[String]) -> Option<String> {
        (!from.is_empty()).then(|| from[self.below(from.len())].clone())
    }

    /// `N` numbers between two.
    pub(super) fn many<const N: usize>(&mut self, low: f64, high: f64) -> [f64; N] {
        std::array::from_fn(|_| self.within(low, high))
    }

    /// A direction, along an axis half of the time.
    pub(super) fn direction(&mut self) -> [f64; 3] {
        if self.chance(0.5) {
            let mut out = [0.0; 3];
            out[self.below(3)] = if self.chance(0.3) { -1.0 } else { 1.0 };
            return out;
        }
        let mut out = self.many(-1.0, 1.0);
        // Never without a length.
        out[2] += if out[2] < 0.0 { -0.3 } else { 0.3 };
        out
    }
}
