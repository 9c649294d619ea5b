//! Plain `dynsparse tasks`: what can be recorded.

use std::process::ExitCode;

use anyhow::Context as _;
use comfy_table::{ContentArrangement, Table, presets};
use dynsparse::physics::SolverMode;
use dynsparse::task::parity::Reference;
use dynsparse::task::{Assets, CatalogueEntry, Suite, Task, TaskSpec, find, suites};
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

/// Lists the tasks, of one suite or all. Sizes come from the references that are part of the program, so that nothing is
/// compiled and tasks without files are listed too.
pub(super) fn run(assets: &Assets, suite: Option<&str>, json: bool) -> anyhow::Result<ExitCode> {
    let (chosen, mut rows) = match suite {
        None => (suites().iter().collect(), vec![embedded()?]),
        Some(name) => (vec![suite_of(name)?], Vec::new()),
    };
    for entry in chosen.iter().flat_map(|suite| &suite.tasks) {
        let reference = Reference::builtin(&entry.name);
        let size = |name: &str| {
            let found = reference.as_ref().and_then(|r| r.size(name));
            found.with_context(|| format!("{} has no reference in the program", entry.name))
        };
        let sizes = [size("nq")?, size("nv")?, size("na")?, size("nu")?];
        let timestep = reference.as_ref().and_then(Reference::timestep).unwrap_or(f64::NAN);
        rows.push(row(&entry.spec(), sizes, timestep, assets.has(&entry.name), Some(&entry.fetch)));
    }
    if json {
        output::print(&serde_json::to_string_pretty(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::print(&text(&rows, &chosen, assets))?;
    Ok(ExitCode::SUCCESS)
}

fn suite_of(name: &str) -> anyhow::Result<&'static Suite> {
    let found = suites().iter().find(|suite| suite.name == name);
    found.with_context(|| {
        let names: Vec<&str> = suites().iter().map(|suite| suite.name.as_str()).collect();
        format!("there is no suite \"{name}\"; there are {}", names.join(", "))
    })
}

/// The suites: how many tasks each has, and how many of these have their files here.
fn summary(chosen: &[&Suite], assets: &Assets) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["suite", "tasks", "here", "package"]);
    for suite in chosen {
        let here = suite.tasks.iter().filter(|e| assets.has(&e.name)).count();
        table.add_row([suite.name.clone(), suite.tasks.len().to_string(), here.to_string(), suite.package.clone()]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    output::table(&table)
}

/// The commands that fetch the files of some tasks, the most complete one of each suite, in words.
pub(super) fn remedies<'a>(tasks: impl Iterator<Item = &'a str>) -> String {
    let mut commands: Vec<&str> = tasks.filter_map(find).map(|entry: &CatalogueEntry| entry.fetch.as_str()).collect();
    commands.sort_unstable();
    commands.dedup();
    // A command with more flags fetches what the one without does.
    let all = commands.clone();
    commands.retain(|c| !all.iter().any(|more| more.len() > c.len() && more.starts_with(c)));
    commands.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(" and ")
}

fn text(rows: &[Row], chosen: &[&Suite], assets: &Assets) -> String {
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
    let mut text = summary(chosen, assets);
    text.push('\n');
    text.push_str(&output::table(&table));
    text.push_str("\nWithout a reward, the observation is the state: qpos, qvel, act.");
    let missing: Vec<&str> = rows.iter().filter(|r| !r.files).map(|r| r.name.as_str()).collect();
    if !missing.is_empty() {
        text.push_str(&format!(
            "\nabsent: the files of {} tasks are not in {}.\nRun {}, or give --assets.",
            missing.len(),
            assets.root().display(),
            remedies(missing.iter().copied())
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
