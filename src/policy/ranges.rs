//! The ranges of a model's controls.

use super::PolicyError;
use crate::physics::Model;

/// The range of each control (nu), in the units of that control. An unlimited control has [-1, 1] by
/// convention: policies stay inside it, [`ControlRanges::clamp`] leaves it alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlRanges {
    /// Lower ends (nu).
    pub lo: Vec<f64>,
    /// Upper ends (nu).
    pub hi: Vec<f64>,
    /// Whether MuJoCo clamps the control to its range (nu).
    pub limited: Vec<bool>,
}

impl From<&Model> for ControlRanges {
    fn from(model: &Model) -> Self {
        let ranges: Vec<Option<[f64; 2]>> = (0..model.nu()).map(|i| model.ctrl_range(i)).collect();
        Self {
            lo: ranges.iter().map(|r| r.map_or(-1.0, |[lo, _]| lo)).collect(),
            hi: ranges.iter().map(|r| r.map_or(1.0, |[_, hi]| hi)).collect(),
            limited: (0..model.nu()).map(|i| model.clamped_range(i).is_some()).collect(),
        }
    }
}

impl ControlRanges {
    /// `n` unlimited entries, [-1, 1] each: those of an action that a task turns into controls.
    pub fn unit(n: usize) -> Self {
        Self { lo: vec![-1.0; n], hi: vec![1.0; n], limited: vec![false; n] }
    }

    /// Moves every limited control (of `ctrl`, nu) into its range, as MuJoCo does inside a step, and
    /// returns how many it moved. NaN is left as it is: it is for the caller to report.
    pub fn clamp(&self, ctrl: &mut [f64]) -> usize {
        let mut moved = 0;
        for (i, u) in ctrl.iter_mut().enumerate().take(self.limited.len()) {
            if !self.limited[i] {
                continue;
            }
            // Not f64::clamp, which panics on a range without meaning.
            let inside = if *u < self.lo[i] {
                self.lo[i]
            } else if *u > self.hi[i] {
                self.hi[i]
            } else {
                continue;
            };
            *u = inside;
            moved += 1;
        }
        moved
    }

    /// Whether a limited control is closer than `eps` to one of its ends, so that a nudge by `eps` would leave
    /// the range.
    pub fn at_limit(&self, ctrl: &[f64], eps: f64) -> bool {
        ctrl.iter()
            .enumerate()
            .take(self.limited.len())
            .any(|(i, u)| self.limited[i] && (*u - self.lo[i] < eps || self.hi[i] - *u < eps))
    }

    /// The middle and half the width of every range (nu each).
    ///
    /// # Errors
    /// [`PolicyError::Lengths`] and [`PolicyError::Range`].
    pub fn middle_and_half(&self) -> Result<(Vec<f64>, Vec<f64>), PolicyError> {
        let frame = self.frame()?;
        Ok((0..frame.nu()).map(|i| frame.middle_and_half(i)).unzip())
    }

    /// The ranges as the policies use them.
    ///
    /// # Errors
    /// [`PolicyError::Lengths`] and [`PolicyError::Range`].
    pub(super) fn frame(&self) -> Result<Frame, PolicyError> {
        let (lo, hi, limited) = (self.lo.len(), self.hi.len(), self.limited.len());
        if lo != hi || lo != limited {
            return Err(PolicyError::Lengths { lo, hi, limited });
        }
        for (control, (&lo, &hi)) in self.lo.iter().zip(&self.hi).enumerate() {
            if !(lo.is_finite() && hi.is_finite() && lo <= hi) {
                return Err(PolicyError::Range { control, lo, hi });
            }
        }
        Ok(Frame { lo: self.lo.clone(), hi: self.hi.clone() })
    }
}

/// Checked ranges: finite, and lo <= hi.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    lo: Vec<f64>,
    hi: Vec<f64>,
}

impl Frame {
    /// Number of controls.
    pub(super) fn nu(&self) -> usize {
        self.lo.len()
    }

    fn middle_and_half(&self, i: usize) -> (f64, f64) {
        let (lo, hi) = (self.lo[i], self.hi[i]);
        // Halved before they are added, so that a huge range does not overflow.
        (0.5 * lo + 0.5 * hi, 0.5 * hi - 0.5 * lo)
    }

    /// Control `i` at `x` half ranges from the middle of its range, clamped into it.
    pub(super) fn at(&self, i: usize, x: f64) -> f64 {
        let (mid, half) = self.middle_and_half(i);
        self.clamped(i, mid + half * x)
    }

    /// `u` moved by `x` half ranges of control `i`, clamped into the range.
    pub(super) fn moved(&self, i: usize, u: f64, x: f64) -> f64 {
        self.clamped(i, u + self.middle_and_half(i).1 * x)
    }

    fn clamped(&self, i: usize, u: f64) -> f64 {
        u.clamp(self.lo[i], self.hi[i])
    }

    /// The value of control `i`'s range that is nearest to zero.
    pub(super) fn zero(&self, i: usize) -> f64 {
        0.0_f64.clamp(self.lo[i], self.hi[i])
    }
}
