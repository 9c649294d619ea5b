//! Plain `dynsparse tasks`: what can be recorded.

use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use dynsparse::physics::SolverMode;
use dynsparse::task::{Assets, Task, catalogue};
use serde::Serialize;

use super::super::output;

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    suite: String,
    description: String,
    files: bool,
    #[serde(flatten)]
    sizes: Option<Sizes>,
}

#[derive(Debug, Serialize)]
struct Sizes {
    nq: usize,
    nv: usize,
    na: usize,
    nu: usize,
    timestep: f64,
    substeps: usize,
    control_dt: f64,
    steps: usize,
}

/// Lists the tasks; sizes come from compiling each model that is there.
pub(super) fn run(assets: &Assets, json: bool) -> anyhow::Result<ExitCode> {
    let mut rows = vec![row(Task::embedded())?];
    for entry in catalogue() {
        rows.push(if assets.has(entry.name.as_str()) {
            row(Task::from_catalogue(&entry.name, assets)?)?
        } else {
            Row {
                name: entry.name.clone(),
                suite: entry.suite.clone(),
                description: entry.description.clone(),
                files: false,
                sizes: None,
            }
        });
    }
    if json {
        output::print(&serde_json::to_string_pretty(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["task", "nv", "na", "nu", "dt ms", "substeps", "ctrl ms", "steps", "suite"]);
    for row in &rows {
        let cells = match &row.sizes {
            Some(s) => [
                s.nv.to_string(),
                s.na.to_string(),
                s.nu.to_string(),
                ms(s.timestep),
                s.substeps.to_string(),
                ms(s.control_dt),
                s.steps.to_string(),
            ],
            None => std::array::from_fn(|_| "-".to_owned()),
        };
        table.add_row(
            [row.name.clone()].into_iter().chain(cells).chain([row.suite.trim_end_matches("_suite").to_owned()]),
        );
    }
    output::right_aligned(&mut table, 1);
    let missing = rows.iter().filter(|r| !r.files).count();
    let mut text = output::table(&table);
    if missing > 0 {
        text.push_str(&format!(
            "\nThe files of {missing} tasks are not in {}: run `cargo xtask setup`, or give --assets.",
            assets.root().display()
        ));
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn row(task: Task) -> anyhow::Result<Row> {
    let model = task.model(SolverMode::Task)?;
    let sizes = Sizes {
        nq: model.nq(),
        nv: model.nv(),
        na: model.na(),
        nu: model.nu(),
        timestep: model.timestep(),
        substeps: task.spec.substeps,
        control_dt: task.control_dt(&model),
        steps: task.spec.episode_length,
    };
    Ok(Row {
        name: task.spec.name,
        suite: task.spec.suite,
        description: task.spec.description,
        files: true,
        sizes: Some(sizes),
    })
}

fn ms(seconds: f64) -> String {
    format!("{}", (seconds * 1e6).round() / 1e3)
}
