//! Statistics of a feature, entry by entry, as LeRobot normalises by them.

use serde_json::{Value, json};

use super::table::Values;
use crate::moments::Moments;

/// Of the rows so far.
#[derive(Debug, Clone)]
pub(super) struct Stats(Moments);

impl Stats {
    pub(super) fn new(width: usize) -> Self {
        Self(Moments::of(width))
    }

    /// Adds rows.
    pub(super) fn add(&mut self, values: &Values) {
        let numbers: Vec<f64> = match values {
            Values::Bool(values) => values.iter().map(|x| f64::from(u8::from(*x))).collect(),
            Values::U8(values) => values.iter().map(|x| f64::from(*x)).collect(),
            Values::I64(values) => values.iter().map(|x| *x as f64).collect(),
            Values::F32(values) => values.iter().map(|x| f64::from(*x)).collect(),
            Values::F64(values) => values.clone(),
            Values::Text(_) => return,
        };
        let rows = numbers.chunks_exact(self.0.mean.len().max(1));
        rows.for_each(|row| self.0.add(row.iter().copied()));
    }

    /// In the shape of the feature. JSON has no NaN: an entry that is NaN somewhere has null.
    pub(super) fn json(&self, shape: &[usize]) -> Value {
        let Moments { n, mean, ends, .. } = &self.0;
        let end = |k: usize| ends.iter().map(|ends| ends[k]).collect::<Vec<_>>();
        json!({
            "min": shaped(&end(0), shape), "max": shaped(&end(1), shape), "mean": shaped(mean, shape),
            "std": shaped(&self.0.std(), shape), "count": [*n as u64],
        })
    }
}

fn shaped(numbers: &[f64], shape: &[usize]) -> Value {
    match shape {
        [rows, columns] if *rows > 0 => numbers.chunks_exact((*columns).max(1)).map(|row| json!(row)).collect(),
        _ => json!(numbers),
    }
}
