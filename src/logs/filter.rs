//! Velocities from positions: the slope of a polynomial that fits the samples around best (Savitzky and Golay's filter where
//! samples are evenly apart).
//!
//! With times t_j of the window around t_k, x_j = (t_j - t_k) / s and the Vandermonde matrix V (window x order + 1), the slope at
//! t_k is w . y / s, where w = Q R^-T e_1 and V = Q R.

use nalgebra::{DMatrix, DVector};

/// A window of samples and the order of the polynomial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    pub(super) window: usize,
    pub(super) order: usize,
}

/// The weights of a slope: the first sample, and the weight of each from there on, 1/s.
pub(super) type Weights = (usize, Vec<f64>);

impl Filter {
    /// Weights of the slope at every sample. At the ends the window is the first or last whole one. None where there are fewer
    /// samples than a window has.
    pub(super) fn weights(self, times: &[f64]) -> Option<Vec<Weights>> {
        let n = times.len();
        (n >= self.window).then(|| (0..n).map(|k| self.at(times, k)).collect())
    }

    fn at(self, times: &[f64], k: usize) -> Weights {
        let start = k.saturating_sub(self.window / 2).min(times.len() - self.window);
        let window = &times[start..start + self.window];
        let scale = 0.5 * (window[self.window - 1] - window[0]);
        let x = |j: usize| (window[j] - times[k]) / scale;
        let vandermonde = DMatrix::from_fn(self.window, self.order + 1, |j, p| x(j).powi(p as i32));
        let qr = vandermonde.qr();
        let mut unit = DVector::zeros(self.order + 1);
        unit[1] = 1.0 / scale;
        // Times rise, so that the matrix has its full rank.
        let z = qr.r().transpose().solve_lower_triangular(&unit).unwrap_or(unit);
        (start, (qr.q() * z).as_slice().to_vec())
    }
}

/// The slope that weights make of values.
pub(super) fn slope((start, weights): &Weights, values: &[f64]) -> f64 {
    weights.iter().zip(&values[*start..]).map(|(w, y)| w * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_is_differentiated_at_uneven_times_and_at_both_ends() {
        let times: Vec<f64> = (0..11).map(|k| 0.1 * k as f64 + 0.01 * (k % 3) as f64).collect();
        let values: Vec<f64> = times.iter().map(|t| 1.0 - 2.0 * t + 3.0 * t * t - 0.5 * t * t * t).collect();
        let weights = Filter { window: 5, order: 3 }.weights(&times).unwrap();
        for (t, w) in times.iter().zip(&weights) {
            let exact = -2.0 + 6.0 * t - 1.5 * t * t;
            assert!((slope(w, &values) - exact).abs() < 1e-10, "{t}");
        }
        assert!(Filter { window: 13, order: 3 }.weights(&times).is_none());
    }

    #[test]
    fn weights_are_those_of_savitzky_and_golay() {
        let times: Vec<f64> = (0..7).map(|k| k as f64).collect();
        let weights = Filter { window: 5, order: 2 }.weights(&times).unwrap();
        // Their published table: (-2, -1, 0, 1, 2) / 10.
        for (w, exact) in weights[3].1.iter().zip([-0.2, -0.1, 0.0, 0.1, 0.2]) {
            assert!((w - exact).abs() < 1e-14);
        }
    }
}
