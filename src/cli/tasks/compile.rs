//! `dynsparse tasks compile`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::files::{FileKind, Inputs, Output};
use dynsparse::physics::{ModelSource, SolverMode};
use dynsparse::task::{Assets, file_stem};
use serde::Serialize;

use super::super::output;

/// The arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A task (see `dynsparse tasks`), an MJCF file, or Juggler
    #[arg(value_name = "TASK|MODEL.xml")]
    task: String,
    /// The file; one of this name is replaced [default: the task's name with .mjb, here]
    #[arg(short, long, value_name = "FILE.mjb")]
    output: Option<PathBuf>,
}

/// What was written, and how the task steps it.
#[derive(Serialize)]
struct Written {
    task: String,
    file: PathBuf,
    bytes: usize,
    mujoco: String,
    /// Duration of a physics step, s, and how many of them are a control step.
    timestep: f64,
    substeps: usize,
}

/// Writes the model as the task has it: with its time step, its edits and its own solver.
pub(super) fn run(args: &Args, assets: &Assets, json: bool) -> anyhow::Result<ExitCode> {
    let task = super::named(&args.task, assets)?;
    let disk = match &task.source {
        ModelSource::Disk(path) => Some(path.clone()),
        ModelSource::Memory { .. } | ModelSource::Kept { .. } => None,
    };
    // As for a recording, so that it is known which files are read.
    let (task, model) = task.kept(SolverMode::Task)?;
    let inputs = Inputs::new(disk.iter().flat_map(|path| task.source.places(path)));
    let name = task.spec.name.clone();
    let file = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.mjb", file_stem(&name))));
    let bytes = model.mjb()?;
    let target = Output::claim(&file, FileKind::Data, &inputs)?;
    target.write(&bytes)?;
    let written = Written {
        task: name,
        file,
        bytes: bytes.len(),
        mujoco: dynsparse::physics::mujoco_version(),
        timestep: model.timestep(),
        substeps: task.spec.substeps,
    };
    output::print(&if json { serde_json::to_string_pretty(&written)? } else { text(&written) })?;
    Ok(ExitCode::SUCCESS)
}

fn text(written: &Written) -> String {
    let Written { task, file, bytes, mujoco, timestep, substeps } = written;
    let bytes = output::bytes(*bytes as u64);
    let steps = if *substeps == 1 { "step" } else { "steps" };
    format!(
        "{}: the model of {task} for MuJoCo {mujoco}, {bytes}; a control step is {substeps} physics {steps} of {timestep} s",
        file.display()
    )
}
