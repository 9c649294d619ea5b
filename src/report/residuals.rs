//! What the model predicts against what the robot did, of a recording of a robot's log.

use maud::Markup;

use super::chart::{self, Axis, Row, short};
use super::figure::{Figure, percent};
use super::table::Table;
use crate::analysis::{Analysis, Residual};

/// Rows of the figure.
const ENTRIES: usize = 60;

/// Every entry at every horizon.
pub(super) fn table(a: &Analysis) -> Markup {
    let maybe = |x: Option<f64>, digits: usize| x.map_or_else(|| "–".to_owned(), |x| format!("{x:.digits$}"));
    Table::of(&a.residuals)
        .words("entry", |r| &r.entry)
        .number("ahead, s", |r| format!("{:.4}", r.horizon))
        .number("steps", |r| r.steps)
        .number("median", |r| format!("{:.2e}", r.median))
        .number("rms", |r| format!("{:.2e}", r.rms))
        .number("mean", |r| format!("{:+.1e}", r.mean))
        .number("noise", |r| r.noise.map_or_else(|| "–".to_owned(), |x| format!("{x:.2e}")))
        .number("rms / noise", |r| maybe(r.rms_in_noise, 1))
        .number("within 2 noise", |r| r.within_noise.map_or_else(|| "–".to_owned(), percent))
        .markup()
}

/// Residuals by entry and horizon, in units of the measurement's noise where the log tells it.
pub(super) fn figure(a: &Analysis) -> Option<Figure> {
    let in_noise = a.residuals.iter().any(|r| r.rms_in_noise.is_some());
    let value =
        |r: &Residual| Some(r.rms).filter(|_| !in_noise).or(r.rms_in_noise).filter(|x| *x > 0.0 && x.is_finite());
    let mut horizons: Vec<f64> = a.residuals.iter().map(|r| r.horizon).collect();
    horizons.sort_by(f64::total_cmp);
    horizons.dedup();
    let mut entries: Vec<&str> = Vec::new();
    for r in a.residuals.iter().filter(|r| value(r).is_some()) {
        if !entries.contains(&r.entry.as_str()) {
            entries.push(&r.entry);
        }
    }
    let class = |horizon: f64| ["ap", "bp", "cp"].get(horizons.iter().position(|h| *h == horizon)?).copied();
    let row = |entry: &&str| {
        let of = a.residuals.iter().filter(|r| r.entry == **entry);
        let marks: Vec<(&'static str, f64)> = of.filter_map(|r| Some((class(r.horizon)?, value(r)?))).collect();
        let note = marks.first().map_or_else(String::new, |(_, x)| short(*x));
        Row { name: (**entry).to_owned(), marks, note }
    };
    let more = entries.len().saturating_sub(ENTRIES);
    let rows: Vec<Row> = entries.iter().take(ENTRIES).map(row).collect();
    let all = || rows.iter().flat_map(|r| r.marks.iter().map(|(_, x)| *x));
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let names: Vec<String> = horizons.iter().map(|h| format!("after {} s", short(*h))).collect();
    let legend: Vec<(&str, &str)> =
        horizons.iter().zip(&names).filter_map(|(h, name)| Some((class(*h)?, name.as_str()))).collect();
    let unit = if in_noise {
        "rms of the residual / noise of the measurement"
    } else {
        "rms of the residual, m, rad, or per s"
    };
    let rest = if more > 0 { format!(" {more} more entries are in the table.") } else { String::new() };
    (!rows.is_empty()).then(|| Figure {
        name: "residuals",
        title: "How real the model is, by entry of the state".to_owned(),
        caption: format!(
            "The model's prediction minus what the robot did, from the recorded state under the recorded commands.{} At the \
             right, after one row.{rest}",
            if in_noise { " At 1 nobody could tell the model from the robot." } else { "" }
        ),
        tables: vec!["residuals"],
        drawing: chart::rows(
            "Residuals of the model by entry of the state",
            &Axis::log(unit, low / 1.3, high * 1.3),
            330.0,
            "one row",
            &legend,
            &rows,
        ),
    })
}
