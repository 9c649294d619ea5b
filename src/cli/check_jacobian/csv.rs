//! Errors as a table for other programs.

use dynsparse::analysis::csv::text as table;
use dynsparse::check::{Errors, Report, Settings};
use dynsparse::files::Output;
use dynsparse::physics::{SolverMode, mujoco_version};
use serde_json::Value;

const COLUMNS: [&str; 18] = [
    "task",
    "nv",
    "states",
    "smooth",
    "arbiter_flagged",
    "engine",
    "engine_flagged",
    "part",
    "part_states",
    "median",
    "p99",
    "max",
    "seed",
    "episodes",
    "policy",
    "solver",
    "dynsparse",
    "mujoco",
];

/// Writes the table: a row for each task, engine and part (all, a block, a kind of contacts).
pub(super) fn write(file: &Output, settings: &Settings, reports: &[Report]) -> anyhow::Result<()> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let solver = match settings.solver {
        SolverMode::Converged => "converged",
        SolverMode::Task => "task",
    };
    for report in reports {
        let mut row = |engine: &str, flagged: usize, part: &str, errors: &Option<Errors>| {
            let numbers =
                errors.map_or([const { String::new() }; 3], |e| [e.median, e.p99, e.max].map(|x| format!("{x:e}")));
            let mut out = vec![
                report.task.clone(),
                report.nv.to_string(),
                report.states.to_string(),
                report.smooth.to_string(),
                report.arbiter.states.to_string(),
                engine.to_owned(),
                flagged.to_string(),
                part.to_owned(),
                errors.map_or(0, |e| e.states).to_string(),
            ];
            out.extend(numbers);
            out.extend([
                settings.seed.to_string(),
                settings.episodes.to_string(),
                settings.policy.describe(),
                solver.to_owned(),
                env!("CARGO_PKG_VERSION").to_owned(),
                mujoco_version(),
            ]);
            rows.push(out);
        };
        row("arbiter", report.arbiter.states, "all", &report.reference);
        for engine in &report.engines {
            let mut row = |part: &str, errors: &Option<Errors>| row(&engine.engine, engine.flags.states, part, errors);
            row("all", &engine.errors);
            engine.blocks.iter().for_each(|(block, errors)| row(block.label(), errors));
            engine.contacts.iter().for_each(|(contacts, errors)| row(contacts.label(), errors));
        }
    }
    let rows = rows.into_iter().map(|row| row.into_iter().map(Value::String).collect());
    Ok(file.write(&table(&COLUMNS, rows)?)?)
}
