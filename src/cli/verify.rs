//! `dynsparse verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::dataset::Recording;
use dynsparse::record::{self, Verdict};

use super::progress::Shown;
use super::{output, signals};

/// The arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recording
    file: PathBuf,
    /// Only the first N episodes
    #[arg(long, value_name = "N")]
    episodes: Option<u64>,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Verifies; exit status 1 when something differs.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let stop = signals::install()?;
    anyhow::ensure!(args.threads != Some(0), "threads is 0; give at least 1, or leave it out for all cores");
    anyhow::ensure!(args.episodes != Some(0), "episodes is 0; verify at least one, or leave it out for all");
    let recording = Recording::open(&args.file)?;
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let shown = Shown::new("verify");
    let verdict = record::verify(&recording, args.episodes, threads, &stop, &shown);
    shown.finish();
    let (text, code) = match verdict? {
        Verdict::Same { episodes, rows } => (
            format!(
                "{}: {episodes} episodes, {} steps simulated again: every bit agrees",
                args.file.display(),
                output::grouped(rows)
            ),
            ExitCode::SUCCESS,
        ),
        Verdict::Different(difference) => {
            (format!("{}: differs: {difference}", args.file.display()), ExitCode::FAILURE)
        }
    };
    output::print(&text)?;
    Ok(code)
}
