//! Samples of random numbers, compared with what the scripts in `reference` drew with Playground's own code.
//!
//! Both sides are samples. Means differ by less than 5 standard errors; shares of draws on either side of a quantile
//! by less than 5 of theirs, which needs no assumption about the distribution; the reach of either sample beyond the
//! other's 1.25 % quantiles is checked in the same way, so a bound that is off by 2 % of the width is found.

use serde::Deserialize;

/// Draws of every entry in the files.
pub(crate) const N: usize = 4000;

/// Standard errors that two samples may differ by: of 10 000 comparisons none exceeds them by chance.
pub(crate) const SIGMAS: f64 = 5.0;

/// Playground computes in float32.
pub(crate) const FLOAT32: f64 = 3e-6;

/// Quantiles in the files.
const QUANTILES: [f64; 9] = [0.0, 0.0125, 0.1, 0.25, 0.5, 0.75, 0.9, 0.9875, 1.0];

/// What a file says of one entry.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Entry {
    /// Always this.
    Same(f64),
    /// Mean, standard deviation and quantiles.
    Drawn([f64; 2 + QUANTILES.len()]),
}

/// A sample of one entry.
pub(crate) struct Sample {
    drawn: Vec<f64>,
    pub(crate) sorted: Vec<f64>,
    mean: f64,
    std: f64,
}

impl Sample {
    pub(crate) fn new(drawn: Vec<f64>) -> Self {
        let mut sorted = drawn.clone();
        sorted.sort_by(f64::total_cmp);
        let n = drawn.len() as f64;
        let mean = drawn.iter().sum::<f64>() / n;
        let std = (drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        Self { drawn, sorted, mean, std }
    }

    /// The share of draws below `x`.
    pub(crate) fn below(&self, x: f64) -> f64 {
        self.sorted.partition_point(|y| *y < x) as f64 / self.sorted.len() as f64
    }

    pub(crate) fn width(&self) -> f64 {
        self.sorted[self.sorted.len() - 1] - self.sorted[0]
    }

    /// Standard error of `std`, from the fourth moment.
    fn std_error(&self) -> f64 {
        let n = self.drawn.len() as f64;
        let fourth = self.drawn.iter().map(|x| (x - self.mean).powi(4)).sum::<f64>() / n;
        ((fourth - self.std.powi(4)) / n).sqrt() / (2.0 * self.std)
    }

    /// Distances from the mean.
    pub(crate) fn folded(&self) -> Sample {
        Sample::new(self.drawn.iter().map(|x| (x - self.mean).abs()).collect())
    }

    pub(crate) fn correlation(&self, other: &Self) -> f64 {
        let n = self.drawn.len() as f64;
        let pairs = self.drawn.iter().zip(&other.drawn);
        pairs.map(|(x, y)| (x - self.mean) * (y - other.mean)).sum::<f64>() / (n * self.std * other.std)
    }
}

/// Standard error of the difference of two shares around `p`, of `n` draws and of N.
pub(crate) fn share_error(p: f64, n: usize) -> f64 {
    (p * (1.0 - p) * (1.0 / n as f64 + 1.0 / N as f64)).sqrt()
}

/// What is wrong with one entry.
pub(crate) fn compare(found: &Sample, expected: &Entry) -> Vec<String> {
    let rounding = FLOAT32 * found.sorted.iter().fold(1.0_f64, |a, x| a.max(x.abs()));
    let n = found.sorted.len();
    let mut wrong = Vec::new();
    match expected {
        Entry::Same(value) => {
            let off = found.sorted.iter().map(|x| (x - value).abs()).fold(0.0, f64::max);
            if off > rounding {
                wrong.push(format!("is {} to {}, not always {value}", found.sorted[0], found.sorted[n - 1]));
            }
        }
        Entry::Drawn([mean, std, quantiles @ ..]) => {
            if found.width() == 0.0 {
                return vec![format!("is always {}, not spread by {std}", found.mean)];
            }
            let error = (std * std / N as f64 + found.std * found.std / n as f64).sqrt();
            if (found.mean - mean).abs() > SIGMAS * error + rounding {
                wrong.push(format!("has the mean {}, not {mean}", found.mean));
            }
            if (found.std - std).abs() > SIGMAS * (1.0 + n as f64 / N as f64).sqrt() * found.std_error() + rounding {
                wrong.push(format!("has the standard deviation {}, not {std}", found.std));
            }
            for (p, x) in QUANTILES.iter().zip(quantiles) {
                // Where a value has a share of its own, the two shares lie apart.
                let (low, high) = (found.below(x - rounding), found.below(x + rounding));
                // At the ends of the other sample as many lie beyond as a shifted bound lets out.
                let error = SIGMAS * share_error(p.clamp(0.00125, 0.99875), n);
                if *p < low - error || *p > high + error {
                    wrong.push(format!("has {low} to {high} of its draws below {x}, not {p}"));
                }
            }
        }
    }
    wrong
}
