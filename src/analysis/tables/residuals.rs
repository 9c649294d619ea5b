//! How real a recording of a robot's log is.

use super::super::Analysis;
use super::super::table::{Table, row};

row! {
    struct ResidualRow<'a> in "residuals": "what the model predicts minus what the robot did, by entry of the state" {
        horizon: f64 => "how far ahead the model predicts, s",
        entry: &'a str => "entry of the state",
        steps: u64 => "steps with a residual",
        median: f64 => "median of its size; m, rad, or per second",
        rms: f64 => "root of its mean square",
        mean: f64 => "mean",
        p95: f64 => "95th percentile of its size",
        noise: Option<f64> => "standard deviation of the measurement",
        rms_in_noise: Option<f64> => "root mean square in units of that noise",
        within_noise: Option<f64> => "share of the steps within twice that noise",
    }
}

pub(super) fn table(analyses: &[Analysis]) -> Table {
    super::table(analyses, |a| {
        a.residuals.iter().map(|r| ResidualRow {
            horizon: r.horizon,
            entry: &r.entry,
            steps: r.steps,
            median: r.median,
            rms: r.rms,
            mean: r.mean,
            p95: r.p95,
            noise: r.noise,
            rms_in_noise: r.rms_in_noise,
            within_noise: r.within_noise,
        })
    })
}
