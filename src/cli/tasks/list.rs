//! Plain `dynsparse tasks`: what can be recorded.

use std::process::ExitCode;

use anyhow::Context as _;
use comfy_table::{ContentArrangement, Table, presets};
use dynsparse::physics::SolverMode;
use dynsparse::task::parity::Reference;
use dynsparse::task::{Assets, Task, TaskSpec, catalogue};
use serde::Serialize;

use super::super::output;

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    suite: String,
    description: String,
    /// Whether the model files are there, and the command that fetches them.
    files: bool,
    fetch: Option<&'static str>,
    nq: usize,
    nv: usize,
    na: usize,
    nu: usize,
    /// Entries of an action.
    actions: usize,
    timestep: f64,
    substeps: usize,
    control_dt: f64,
    steps: usize,
    reward: bool,
}

/// Lists the tasks. Sizes come from the references that are part of the program, so that nothing is compiled and
/// tasks without files are listed too.
pub(super) fn run(assets: &Assets, json: bool) -> anyhow::Result<ExitCode> {
    let mut rows = vec![embedded()?];
    for entry in catalogue() {
        let reference = Reference::builtin(&entry.name);
        let size = |name: &str| {
            let found = reference.as_ref().and_then(|r| r.size(name));
            found.with_context(|| format!("{} has no reference in the program", entry.name))
        };
        let sizes = [size("nq")?, size("nv")?, size("na")?, size("nu")?];
        let timestep = reference.as_ref().and_then(Reference::timestep).unwrap_or(f64::NAN);
        rows.push(row(&entry.spec(), sizes, timestep, assets.has(&entry.name), Some(entry.fetch())));
    }
    if json {
        output::print(&serde_json::to_string_pretty(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&text(&rows, assets))?;
    Ok(ExitCode::SUCCESS)
}

fn text(rows: &[Row], assets: &Assets) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["task", "nv", "na", "nu", "dt ms", "ctrl ms", "steps", "reward"]);
    let mut suite = "";
    for row in rows {
        if row.suite != suite {
            suite = &row.suite;
            table.add_row([format!("[{suite}]")]);
        }
        let reward = if row.reward { "yes" } else { "-" };
        table.add_row([
            row.name.clone(),
            row.nv.to_string(),
            row.na.to_string(),
            row.nu.to_string(),
            ms(row.timestep),
            ms(row.control_dt),
            row.steps.to_string(),
            if row.files { reward } else { "absent" }.to_owned(),
        ]);
    }
    output::right_aligned(&mut table, 1);
    let mut text = output::table(&table);
    text.push_str("\nWithout a reward, the observation is the state: qpos, qvel, act.");
    // The most complete command fetches what the others do.
    if let Some(fetch) = rows.iter().filter(|r| !r.files).filter_map(|r| r.fetch).max_by_key(|f| f.len()) {
        let missing = rows.iter().filter(|r| !r.files).count();
        text.push_str(&format!(
            "\nabsent: the files of {missing} tasks are not in {}.\nRun `{fetch}`, or give --assets.",
            assets.root().display()
        ));
    }
    text
}

fn embedded() -> anyhow::Result<Row> {
    let task = Task::embedded();
    let model = task.model(SolverMode::Task)?;
    let sizes = [model.nq(), model.nv(), model.na(), model.nu()];
    Ok(row(&task.spec, sizes, model.timestep(), true, None))
}

fn row(spec: &TaskSpec, [nq, nv, na, nu]: [usize; 4], timestep: f64, files: bool, fetch: Option<&'static str>) -> Row {
    Row {
        name: spec.name.clone(),
        suite: spec.suite.clone(),
        description: spec.description.clone(),
        files,
        fetch,
        nq,
        nv,
        na,
        nu,
        actions: spec.action.size(nu),
        timestep,
        substeps: spec.substeps,
        control_dt: timestep * spec.substeps as f64,
        steps: spec.episode_length,
        reward: spec.reward.is_some(),
    }
}

fn ms(seconds: f64) -> String {
    format!("{}", (seconds * 1e6).round() / 1e3)
}
