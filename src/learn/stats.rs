//! What several seeds say together.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// Values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// The interval reaches this far to either side, by Student's t; None with fewer than two values.
    pub half: Option<f64>,
}

/// The mean of values; None where there are none.
pub fn mean(values: &[f64]) -> Option<Mean> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let half = student(n).map(|t| t.inverse_cdf(0.975) * deviation(values, mean) / (n as f64).sqrt());
    Some(Mean { n, mean, half })
}

/// Whether two settings differ, judged by what they came to in the same cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Paired {
    /// Pairs.
    pub n: usize,
    /// Mean of the differences, with its interval.
    pub difference: Mean,
    /// Two-sided p of the paired t test; None with fewer than two pairs, or where all differences are the same.
    pub p: Option<f64>,
}

/// The paired t test of `a` against `b`; None where there are no pairs.
pub fn paired(a: &[f64], b: &[f64]) -> Option<Paired> {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let difference = mean(&differences)?;
    let n = differences.len();
    let error = deviation(&differences, difference.mean) / (n as f64).sqrt();
    let p = student(n).filter(|_| error > 0.0).map(|t| 2.0 * t.cdf(-(difference.mean / error).abs()));
    Some(Paired { n, difference, p })
}

/// Student's t with n - 1 degrees of freedom.
fn student(n: usize) -> Option<StudentsT> {
    (n > 1).then(|| StudentsT::new(0.0, 1.0, (n - 1) as f64).ok()).flatten()
}

fn deviation(values: &[f64], mean: f64) -> f64 {
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len().max(2) - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_and_tests_are_those_of_scipy() {
        // tests/reference/learn.py
        let (a, b) = ([0.91, 0.88, 0.95, 0.90], [0.85, 0.86, 0.90, 0.89]);
        let m = mean(&a).unwrap();
        assert!((m.mean - 0.91).abs() < 1e-12 && (m.half.unwrap() - 0.046844).abs() < 1e-5, "{m:?}");
        let found = paired(&a, &b).unwrap();
        assert!((found.p.unwrap() - 0.060482).abs() < 1e-5, "{found:?}");
        assert_eq!(mean(&[2.0]).unwrap().half, None);
        assert_eq!(mean(&[]), None);
        assert_eq!(paired(&a, &a).unwrap().p, None);
    }
}
