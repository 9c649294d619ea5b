//! Errors as a table for other programs.

use dynsparse::analysis::csv::text as table;
use dynsparse::check::{CheckReport, CheckSettings, Errors};
use dynsparse::files::Output;
use dynsparse::physics::{SolverMode, mujoco_version};
use serde_json::Value;

/// A row: a task, an engine and a part (all, a block, a kind of contacts).
struct Row<'a> {
    settings: &'a CheckSettings,
    report: &'a CheckReport,
    engine: &'a str,
    engine_flagged: usize,
    part: &'a str,
    errors: Option<Errors>,
}

/// A column's name and what it holds of a row.
type Column = (&'static str, fn(&Row<'_>) -> String);

const COLUMNS: [Column; 18] = [
    ("task", |row| row.report.task.clone()),
    ("nv", |row| row.report.nv.to_string()),
    ("states", |row| row.report.states.to_string()),
    ("smooth", |row| row.report.smooth.to_string()),
    ("arbiter_flagged", |row| row.report.arbiter.states.to_string()),
    ("engine", |row| row.engine.to_owned()),
    ("engine_flagged", |row| row.engine_flagged.to_string()),
    ("part", |row| row.part.to_owned()),
    ("part_states", |row| row.errors.map_or(0, |e| e.states).to_string()),
    ("median", |row| number(row.errors.map(|e| e.median))),
    ("p99", |row| number(row.errors.map(|e| e.p99))),
    ("max", |row| number(row.errors.map(|e| e.max))),
    ("seed", |row| row.settings.seed.to_string()),
    ("episodes", |row| row.settings.episodes.to_string()),
    ("policy", |row| row.settings.policy.describe()),
    ("solver", |row| solver(row.settings).to_owned()),
    ("dynsparse", |_| env!("CARGO_PKG_VERSION").to_owned()),
    ("mujoco", |_| mujoco_version()),
];

fn number(x: Option<f64>) -> String {
    x.map_or_else(String::new, |x| format!("{x:e}"))
}

fn solver(settings: &CheckSettings) -> &'static str {
    match settings.solver {
        SolverMode::Converged => "converged",
        SolverMode::Task => "task",
    }
}

/// The rows of a task: the arbiter's, then those of every engine.
fn rows<'a>(settings: &'a CheckSettings, report: &'a CheckReport) -> Vec<Row<'a>> {
    let row = |engine, engine_flagged, part, errors| Row { settings, report, engine, engine_flagged, part, errors };
    let mut all = vec![row("arbiter", report.arbiter.states, "all", report.reference)];
    for engine in &report.engines {
        let row = |part, errors| row(&engine.engine, engine.flags.states, part, errors);
        all.push(row("all", engine.errors));
        all.extend(engine.blocks.iter().map(|(block, errors)| row(block.label(), *errors)));
        all.extend(engine.contacts.iter().map(|(contacts, errors)| row(contacts.label(), *errors)));
    }
    all
}

/// Writes the table.
pub(super) fn write(file: &Output, settings: &CheckSettings, reports: &[CheckReport]) -> anyhow::Result<()> {
    let rows = reports.iter().flat_map(|report| rows(settings, report));
    let values = rows.map(|row| COLUMNS.map(|(_, value)| Value::String(value(&row))).to_vec());
    Ok(file.write(&table(&COLUMNS.map(|(name, _)| name), values)?)?)
}
