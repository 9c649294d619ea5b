//! `dynsparse tasks`: one file per way to look at them.

mod check;
mod compile;
mod digest;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use dynsparse::task::{Assets, Task};

use super::args;

const AFTER: &str = "\
Examples:
  dynsparse tasks                          list suites and tasks, with sizes
  dynsparse tasks --suite gymnasium        one suite
  dynsparse tasks check                    compare models with the suites' own
  dynsparse tasks digest WalkerRun --json  a model in numbers and hashes
  dynsparse tasks compile WalkerRun        the model, as WalkerRun.mjb";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// List this suite alone
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    /// As JSON
    #[arg(long, global = true)]
    json: bool,
    /// Folder of the suites' model files [default: vendor/ here, above, or where the program was built]
    #[arg(long, value_name = "DIR", global = true)]
    assets: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compile the models and compare every number with the suite's own
    Check(check::Args),
    /// Show what a compiled model is: sizes, options, names, and a hash of every array
    Digest(digest::Args),
    /// Write the compiled model with the task's edits, as an MJB file that MuJoCo loads
    Compile(compile::Args),
}

/// Lists, checks or digests.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let assets = Assets::find(args.assets.as_deref());
    match &args.action {
        None => list::run(&assets, args.suite.as_deref(), args.json),
        Some(Action::Check(check)) => check::run(check, &assets, args.json),
        Some(Action::Digest(digest)) => digest::run(digest, &assets, args.json),
        Some(Action::Compile(compile)) => compile::run(compile, &assets, args.json),
    }
}

/// The task of the catalogue, the embedded one, or the model in a file.
fn named(task: &str, assets: &Assets) -> anyhow::Result<Task> {
    let embedded = Task::embedded();
    if task == embedded.spec.name {
        return Ok(embedded);
    }
    if args::is_path(task) {
        return Ok(Task::from_mjcf(task.as_ref(), 1, None, 0.0)?);
    }
    args::refuse_file(task)?;
    Ok(Task::from_catalogue(task, assets)?)
}
