//! `dynsparse report`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::analysis::compare;
use dynsparse::files::{FileKind, Inputs, Lock, Output};
#[cfg(feature = "learn")]
use dynsparse::learn;
use dynsparse::report::{self, ReportInput};

use super::gather::{Choice, Gathered, made_with, report_skipped};
use super::output as terminal;

const AFTER: &str = "\
Examples:
  dynsparse report sweep/ -o report.html      every recording of a sweep
  dynsparse report a.h5 b.h5 -o report.html   some recordings
  dynsparse report sweep/ --learned learned/  with what `dynsparse learn` found
                                              on them
  dynsparse report sweep/ -o report.html --figures figures
                                              every figure as SVG and PNG too,
                                              every table as CSV

The page holds its figures, style and data and fetches nothing; the CSV behind every figure is inside it. Undecided \
entries are counted by themselves. A recording without zero masks is read with the threshold 1e-7, and the page says \
so.
Exit status 1 when a recording could not be analysed; the others are in the page, which names it.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,
    /// The page; one of this name is replaced
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Write every figure as SVG and PNG, and every table as CSV, into this folder
    #[arg(long, value_name = "DIR", help_heading = "Figures")]
    figures: Option<PathBuf>,
    /// Trained networks besides: a folder of `dynsparse learn`
    #[arg(long, value_name = "DIR")]
    learned: Option<PathBuf>,
    /// Title of the page
    #[arg(long, value_name = "TEXT", default_value = "Sparsity of robot dynamics")]
    title: String,
}

/// Writes the page.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    // Before the work: a place that cannot be written to is known at once.
    let settings = args.choice.settings()?;
    let files = args.choice.files()?;
    let output = Output::claim(&args.output, FileKind::Html, &Inputs::new(&files))?;
    #[cfg(feature = "learn")]
    let learned = args.learned.as_deref().map_or_else(|| Ok(Vec::new()), learn::read_results)?;
    #[cfg(not(feature = "learn"))]
    let learned = if args.learned.is_some() {
        return Err(super::absent::missing("train or evaluate networks", "learn"));
    } else {
        Vec::new()
    };
    let Gathered { analyses, skipped } = args.choice.gather(&files, &settings)?;
    if analyses.is_empty() {
        report_skipped(&skipped);
        return Ok(ExitCode::FAILURE);
    }
    let comparisons = compare::comparisons(&analyses);
    let program = format!("dynsparse {}", terminal::version());
    let settings = made_with(&settings, &analyses)?;
    let input = ReportInput {
        title: &args.title,
        analyses: &analyses,
        comparisons: &comparisons,
        skipped: &skipped,
        learned: &learned,
        program: &program,
        settings: &settings,
    };
    let page = report::page(&input)?;
    let figures = args.figures.as_deref().map(Lock::of_results).transpose()?;
    output.write(page.as_bytes())?;
    let size = terminal::bytes(page.len() as u64);
    let recordings =
        if analyses.len() == 1 { "1 recording".to_owned() } else { format!("{} recordings", analyses.len()) };
    let networks = if learned.is_empty() { String::new() } else { format!(", {} trained networks", learned.len()) };
    let mut text = format!("{}: {recordings}{networks}, {size}\n", args.output.display());
    if let Some(folder) = &args.figures {
        let count = report::write_figures(&input, folder)?;
        text.push_str(&format!("{}: {count} figures as SVG and PNG, the tables in data\n", folder.display()));
    }
    drop(figures);
    terminal::print(&text)?;
    report_skipped(&skipped);
    Ok(if skipped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
