//! Statistics of a feature, entry by entry, as LeRobot normalises by them.

use serde_json::{Value, json};

use super::table::Values;

/// Sums over the rows so far.
#[derive(Debug, Clone)]
pub(super) struct Stats {
    count: usize,
    low: Vec<f64>,
    high: Vec<f64>,
    mean: Vec<f64>,
    /// Sum of the squared distances from the mean.
    spread: Vec<f64>,
}

impl Stats {
    pub(super) fn new(width: usize) -> Self {
        let all = |x: f64| vec![x; width];
        Self { count: 0, low: all(f64::INFINITY), high: all(f64::NEG_INFINITY), mean: all(0.0), spread: all(0.0) }
    }

    /// Adds rows, by Welford's updates of mean and spread.
    pub(super) fn add(&mut self, values: &Values) {
        let numbers: Vec<f64> = match values {
            Values::Bool(values) => values.iter().map(|x| f64::from(u8::from(*x))).collect(),
            Values::U8(values) => values.iter().map(|x| f64::from(*x)).collect(),
            Values::I64(values) => values.iter().map(|x| *x as f64).collect(),
            Values::F32(values) => values.iter().map(|x| f64::from(*x)).collect(),
            Values::F64(values) => values.clone(),
            Values::Text(_) => return,
        };
        for row in numbers.chunks_exact(self.mean.len().max(1)) {
            self.count += 1;
            for (i, x) in row.iter().enumerate() {
                self.low[i] = self.low[i].min(*x);
                self.high[i] = self.high[i].max(*x);
                let apart = x - self.mean[i];
                self.mean[i] += apart / self.count as f64;
                self.spread[i] += apart * (x - self.mean[i]);
            }
        }
    }

    /// In the shape of the feature. JSON has no NaN: an entry that is NaN somewhere has null.
    pub(super) fn json(&self, shape: &[usize]) -> Value {
        let std: Vec<f64> = self.spread.iter().map(|s| (s / self.count.max(1) as f64).sqrt()).collect();
        json!({
            "min": shaped(&self.low, shape), "max": shaped(&self.high, shape), "mean": shaped(&self.mean, shape),
            "std": shaped(&std, shape), "count": [self.count],
        })
    }
}

fn shaped(numbers: &[f64], shape: &[usize]) -> Value {
    match shape {
        [rows, columns] if *rows > 0 => numbers.chunks_exact((*columns).max(1)).map(|row| json!(row)).collect(),
        _ => json!(numbers),
    }
}
