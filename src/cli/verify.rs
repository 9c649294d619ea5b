//! `dynsparse verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use dynsparse::dataset::{Recording, schema::Axis};
use dynsparse::record::{self, RecordError, Verification};
use dynsparse::sweep::{self, Manifest};
use serde_json::json;

use super::progress::Shown;
use super::table::Table;
use super::{output, signals, threads};

/// The arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The recording, or the folder of a sweep
    file: PathBuf,
    /// Only the first N episodes
    #[arg(long, value_name = "N")]
    episodes: Option<u64>,
    /// Only compare what is stored with its digests; simulate nothing
    #[arg(long)]
    content_only: bool,
    /// Plan an expert's actions again, instead of taking those in the file
    #[arg(long, conflicts_with = "content_only")]
    plan: bool,
    /// As JSON; for the folder of a sweep
    #[arg(long)]
    json: bool,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Verifies; exit status 1 when something differs.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let stop = signals::install()?;
    let threads = threads::count(args.threads)?;
    anyhow::ensure!(args.episodes != Some(0), "episodes is 0; verify at least one, or leave it out for all");
    if args.file.is_dir() {
        return folder(args, threads, &stop);
    }
    anyhow::ensure!(!args.json, "--json is for the folder of a sweep; {} is a file", args.file.display());
    let (good, text) = one(args, &args.file, "verify", threads, &stop)?;
    output::print(&format!("{}: {text}", args.file.display()))?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verifies one recording: its digests, then bit for bit. Returns whether it is good, and a sentence.
fn one(args: &Args, file: &Path, name: &str, threads: usize, stop: &AtomicBool) -> anyhow::Result<(bool, String)> {
    let recording = Recording::open(file)?;
    let content = match record::check_content(&recording, args.episodes, threads, stop) {
        Err(RecordError::Stopped) => return Err(RecordError::Stopped.into()),
        other => other,
    };
    if args.content_only {
        content?;
        let steps = output::grouped(recording.len(Axis::Step));
        let episodes = args.episodes.map_or_else(String::new, |n| format!(" of the first {n} episodes"));
        return Ok((true, format!("{steps} steps stored, the content{episodes} has its digests; nothing simulated")));
    }
    let shown = Shown::new(name);
    // Of content that does not have its digest, the simulation can tell which entry it is.
    let verdict = record::verify(&recording, args.episodes, threads, args.plan, stop, &shown);
    shown.finish();
    match verdict? {
        Verification::Different(difference) => Ok((false, format!("differs: {difference}"))),
        Verification::Same { episodes, rows, followed, planned } => {
            content?;
            let steps = output::grouped(rows);
            let how = match (followed, planned) {
                (0, _) => "",
                (_, true) => " under the actions in the file (--plan plans them again)",
                (_, false) => " under the actions in the file",
            };
            Ok((true, format!("{episodes} episodes, {steps} steps simulated again{how}: every bit agrees")))
        }
    }
}

/// Verifies every recording of a sweep and shows a line for each.
fn folder(args: &Args, threads: usize, stop: &AtomicBool) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::of(&args.file)?;
    let mut results: Vec<(&str, Option<String>)> = Vec::new();
    for (name, entry) in &manifest.tasks {
        let mut wrong = sweep::check_folder(&args.file, entry, threads, stop)?;
        if wrong.is_none() && !args.content_only {
            wrong = match one(args, &args.file.join(&entry.file), name, threads, stop) {
                Ok((true, _)) => None,
                Ok((false, text)) => Some(text),
                Err(error) if matches!(error.downcast_ref(), Some(RecordError::Stopped)) => return Err(error),
                Err(error) => Some(format!("{error:#}")),
            };
        }
        results.push((name, wrong));
    }
    let whole = manifest.wrong();
    let good = whole.is_none() && results.iter().all(|(_, wrong)| wrong.is_none());
    let text = if args.json {
        let tasks: Vec<_> = results.iter().map(|(name, wrong)| json!({"task": name, "wrong": wrong})).collect();
        let content = &manifest.content_sha256;
        serde_json::to_string_pretty(&json!({"content_sha256": content, "wrong": whole, "tasks": tasks}))?
    } else {
        page(args, &manifest, &results, whole, good)
    };
    output::print(&text)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn page(
    args: &Args,
    manifest: &Manifest,
    results: &[(&str, Option<String>)],
    whole: Option<String>,
    good: bool,
) -> String {
    let simulated = if args.content_only { "digests agree" } else { "every bit agrees" };
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let rows = results.iter().map(|(name, wrong)| (*name, wrong, manifest.tasks.get(*name).and_then(|e| e.done())));
    let table = Table::of(rows)
        .words("task", |(name, ..)| output::short(name))
        .words("result", |(_, wrong, _)| if wrong.is_none() { simulated } else { "WRONG" }.to_owned())
        .number("ep.", |(.., done)| or_dash(done.map(|d| d.episodes.to_string())))
        .number("steps", |(.., done)| or_dash(done.map(|d| output::grouped(d.steps as usize))))
        .number("content", |(.., done)| or_dash(done.map(|d| d.content_sha256.chars().take(8).collect())));
    let mut text = table.text() + "\n";
    for (name, wrong) in results {
        if let Some(wrong) = wrong {
            text.push_str(&output::wrapped(name, wrong));
        }
    }
    if let Some(whole) = whole {
        text.push_str(&output::wrapped("sweep", &whole));
    }
    match &manifest.content_sha256 {
        Some(_) if !good => text.push_str("the sweep differs from its manifest: compare no digest of it\n"),
        Some(content) => text.push_str(&output::whole(results.len(), content)),
        None => text.push_str("the sweep is not finished: start it again\n"),
    }
    text
}
