//! How real a recording of a robot's log is: what the model predicts against what the robot did, by joint.

use serde::Serialize;

use super::AnalysisError;
use crate::dataset::schema::{Axis, Var, attribute};
use crate::dataset::{Recording, RowReader};

/// The horizons, by their variables.
const HORIZONS: [Var; 3] = [Var::Residual, Var::ResidualTenth, Var::ResidualSecond];

/// The residuals of one entry of the state at one horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Residual {
    /// How far ahead the model predicts, s.
    pub horizon: f64,
    /// The entry: `pos:` or `vel:` and a dof.
    pub entry: String,
    /// Steps with a residual.
    pub steps: u64,
    /// Median of its size, in m, rad, or per second.
    pub median: f64,
    /// Root of the mean square.
    pub rms: f64,
    /// Mean: how far the model is off to one side.
    pub mean: f64,
    /// Nineteen of twenty are smaller.
    pub p95: f64,
    /// Standard deviation of the measurement; None where the log does not tell it.
    pub noise: Option<f64>,
    /// The root mean square in units of the measurement's noise.
    pub rms_in_noise: Option<f64>,
    /// The share of the steps whose residual is within twice the noise.
    pub within_noise: Option<f64>,
}

/// The residuals of a recording; none without a log.
///
/// # Errors
/// [`AnalysisError::Dataset`] where they cannot be read.
pub fn residuals(recording: &Recording) -> Result<Vec<Residual>, AnalysisError> {
    let mut found = Vec::new();
    if !recording.has(Var::Residual) {
        return Ok(found);
    }
    let labels = recording.labels(Axis::State)?;
    let text = |name: &str| recording.text_attribute(name).unwrap_or_default();
    let damaged =
        |name: &str| recording.foreign(&format!("the root attribute {name} cannot be read: the file is damaged"));
    let noise: Vec<Option<f64>> =
        serde_json::from_str(&text(attribute::MEASUREMENT_NOISE)).map_err(|_| damaged(attribute::MEASUREMENT_NOISE))?;
    let seconds: [f64; 3] =
        serde_json::from_str(&text(attribute::RESIDUAL_HORIZONS)).map_err(|_| damaged(attribute::RESIDUAL_HORIZONS))?;
    if noise.len() != labels.len() {
        return Err(damaged(attribute::MEASUREMENT_NOISE).into());
    }
    for (var, horizon) in HORIZONS.into_iter().zip(seconds) {
        let mut reader = RowReader::new(recording, var)?;
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); labels.len()];
        for row in 0..reader.rows() {
            let values = reader.numbers(row)?;
            columns.iter_mut().zip(values).filter(|(_, x)| x.is_finite()).for_each(|(to, x)| to.push(*x));
        }
        for ((entry, column), noise) in labels.iter().zip(&mut columns).zip(&noise) {
            found.extend(of(horizon, entry, column, *noise));
        }
    }
    Ok(found)
}

fn of(horizon: f64, entry: &str, values: &mut [f64], noise: Option<f64>) -> Option<Residual> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let rms = (values.iter().map(|x| x * x).sum::<f64>() / n).sqrt();
    let mean = values.iter().sum::<f64>() / n;
    values.iter_mut().for_each(|x| *x = x.abs());
    values.sort_by(f64::total_cmp);
    let quantile = |share: f64| values[((n - 1.0) * share).round() as usize];
    let noise = noise.filter(|s| *s > 0.0);
    Some(Residual {
        horizon,
        entry: entry.to_owned(),
        steps: values.len() as u64,
        median: quantile(0.5),
        rms,
        mean,
        p95: quantile(0.95),
        noise,
        rms_in_noise: noise.map(|s| rms / s),
        within_noise: noise.map(|s| values.partition_point(|x| *x <= 2.0 * s) as f64 / n),
    })
}
