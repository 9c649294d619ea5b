//! `dynsparse analyze`.

mod overview;
mod page;
pub(super) mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::analysis::{self, compare, paper, table};
use dynsparse::files::{FileKind, Lock, replace};
use serde_json::json;

use super::gather::{Choice, Gathered, made_with, report_skipped};
use super::output;
#[cfg(feature = "report")]
pub(super) use page::thresholds;

const AFTER: &str = "\
Examples:
  dynsparse analyze CheetahRun.h5      tables of one recording
  dynsparse analyze sweep/ -o results  a sweep; every table as a file
  dynsparse analyze a.h5 b.h5          two of one task, side by side
  dynsparse analyze CheetahRun.h5 --zero 1e-12
                                       a threshold, not the zero masks
  dynsparse analyze CheetahRun.h5 --exclude contacts_changed

An entry is zero where the recorded zero test says so; undecided entries are counted by themselves. A recording \
without zero masks is read with the threshold 1e-7.
Exit status 1 when a recording could not be analysed; the others are.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,
    #[cfg_attr(
        feature = "parquet",
        doc = "Write every table as CSV, JSON and Parquet into this folder, and all results as analysis.json"
    )]
    #[cfg_attr(
        not(feature = "parquet"),
        doc = "Write every table as CSV and JSON into this folder, and all results as analysis.json; this build writes no Parquet"
    )]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print all results as JSON
    #[arg(long)]
    json: bool,
}

/// Analyses.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = args.choice.settings()?;
    let Gathered { analyses, skipped } = args.choice.gather(&args.choice.files()?, &settings)?;
    let comparisons = compare::comparisons(&analyses);
    let program = format!("dynsparse {}", output::version());
    let everything = || {
        let skipped: Vec<_> =
            skipped.iter().map(|s| json!({"file": s.file.display().to_string(), "reason": s.reason})).collect();
        json!({
            "program": program, "settings": settings, "recordings": analyses, "comparisons": comparisons,
            "skipped": skipped, "published": {"source": paper::SOURCE, "table": paper::PUBLISHED},
        })
    };
    if let Some(folder) = args.output.as_ref().filter(|_| !analyses.is_empty()) {
        let _alone = Lock::of_results(folder)?;
        let tables = analysis::tables(&analyses, &comparisons);
        table::write(folder, &tables, &program, &made_with(&settings, &analyses)?)?;
        replace(&folder.join("analysis.json"), FileKind::Json, everything().to_string().as_bytes())?;
    }
    let text = if args.json {
        serde_json::to_string_pretty(&everything())?
    } else {
        let mut text = match &analyses[..] {
            [one] => page::page(one),
            several => overview::overview(several, &comparisons),
        };
        if let Some(folder) = args.output.as_ref().filter(|_| !analyses.is_empty()) {
            text.push_str(&format!("\ntables: {}\n", folder.display()));
        }
        text
    };
    if !analyses.is_empty() || args.json {
        output::print(&text)?;
    }
    report_skipped(&skipped);
    Ok(if skipped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
