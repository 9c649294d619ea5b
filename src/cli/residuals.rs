//! How far a model is from its robot, for people.

use dynsparse::analysis::Residual;

use super::table::Table;

/// A table for each horizon, with a line for each entry of the state; empty without a log.
pub(super) fn table(residuals: &[Residual]) -> String {
    if residuals.is_empty() {
        return String::new();
    }
    let number = |x: f64| format!("{x:.1e}");
    let times = |x: f64| if x < 1e5 { format!("{x:.1}") } else { number(x) };
    let maybe = |x: Option<f64>, show: &dyn Fn(f64) -> String| x.map_or_else(|| "-".to_owned(), show);
    let mut out = String::new();
    for ahead in residuals.chunk_by(|a, b| a.horizon == b.horizon) {
        out.push_str(&format!("{:.4} s ahead\n", ahead[0].horizon));
        let table = Table::of(ahead)
            .words("residual", |r| r.entry.clone())
            .number("steps", |r| r.steps.to_string())
            .number("median", |r| number(r.median))
            .number("rms", |r| number(r.rms))
            .number("mean", |r| format!("{:+.1e}", r.mean))
            .number("noise", |r| maybe(r.noise, &number))
            .number("rms/noise", |r| maybe(r.rms_in_noise, &times))
            .number("<2 noise", |r| maybe(r.within_noise, &|x| format!("{:.0} %", 100.0 * x)));
        out.push_str(&table.text());
        out.push('\n');
    }
    out.push_str("residual: the model's prediction minus what the robot did; m, rad, or per\n");
    out.push_str("second. noise: of the measurement, from the log itself.\n");
    out
}
