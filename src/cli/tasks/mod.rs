//! `dynsparse tasks`: one file per way to look at them.

mod check;
mod digest;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use dynsparse::task::Assets;

const AFTER: &str = "\
Examples:
  dynsparse tasks                          list them, with sizes
  dynsparse tasks check                    compare models with Playground's
  dynsparse tasks digest WalkerRun --json  a model in numbers and hashes";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// As JSON
    #[arg(long, global = true)]
    json: bool,
    /// Folder of Playground's model files [default: vendor/ here, above, or where the program was built]
    #[arg(long, value_name = "DIR", global = true)]
    assets: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compile the models and compare every number with Playground's own
    Check(check::Args),
    /// Show what a compiled model is: sizes, options, names, and a hash of every array
    Digest(digest::Args),
}

/// Lists, checks or digests.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let assets = Assets::find(args.assets.as_deref());
    match &args.action {
        None => list::run(&assets, args.json),
        Some(Action::Check(check)) => check::run(check, &assets, args.json),
        Some(Action::Digest(digest)) => digest::run(digest, &assets, args.json),
    }
}
