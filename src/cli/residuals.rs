//! How far a model is from its robot, for people.

use dynsparse::analysis::Residual;

use super::table::Table;

/// A line for each horizon and entry of the state; empty without a log.
pub(super) fn table(residuals: &[Residual]) -> String {
    if residuals.is_empty() {
        return String::new();
    }
    let number = |x: f64| format!("{x:.2e}");
    let maybe = |x: Option<f64>, show: &dyn Fn(f64) -> String| x.map_or_else(|| "-".to_owned(), show);
    let mut out = Table::of(residuals)
        .words("residual", |r| r.entry.clone())
        .number("ahead, s", |r| format!("{:.4}", r.horizon))
        .number("steps", |r| r.steps.to_string())
        .number("median", |r| number(r.median))
        .number("rms", |r| number(r.rms))
        .number("mean", |r| format!("{:+.1e}", r.mean))
        .number("noise", |r| maybe(r.noise, &number))
        .number("rms/noise", |r| maybe(r.rms_in_noise, &|x| format!("{x:.1}")))
        .number("<2 noise", |r| maybe(r.within_noise, &|x| format!("{:.0} %", 100.0 * x)))
        .text();
    out.push_str("\nresidual: the model's prediction minus what the robot did; m, rad, or per second. noise: of the measurement, from\nthe log itself.\n");
    out
}
