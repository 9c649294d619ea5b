//! `dynsparse sweep --slurm`, and what its jobs do on their nodes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use dynsparse::record::in_quotes;
use dynsparse::sweep::Share;
use dynsparse::sweep::slurm::{self, Draft, Request, Status, TaskStatus, UnitEnd, UnitPlace};

use super::progress::Board;
use super::sweep::Asked;
use super::table::Table;
use super::{output, signals, sweep};

/// Failed array tasks that are shown each; `--json` has all.
const SHOWN: usize = 20;

/// The arguments of a job.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, clap::Subcommand)]
enum Work {
    /// Record the episodes of one unit
    Unit {
        /// Folder of the submission
        folder: PathBuf,
        /// Number of the unit
        unit: usize,
    },
    /// Check all units and join what is whole
    Merge {
        /// Folder of the submission
        folder: PathBuf,
    },
}

/// Flags of a submission.
pub(super) struct How {
    pub(super) dry_run: bool,
    pub(super) force: bool,
    pub(super) json: bool,
}

/// Submits what is missing, or shows what would be.
pub(super) fn submit(asked: &Asked, how: &How, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let place = config.map_or_else(String::new, |path| format!("{}, [slurm]: ", path.display()));
    asked.slurm.validate().map_err(|e| anyhow::anyhow!("{place}{e}"))?;
    let stop = signals::install()?;
    let folder = std::path::absolute(&asked.out).with_context(|| format!("{}", asked.out.display()))?;
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let request = Request {
        plan: &asked.plan,
        folder: &folder,
        settings: &asked.slurm,
        program: &program,
        command: &command(std::env::args().collect()),
        threads: asked.threads,
        force: how.force,
        stop: &stop,
    };
    let draft = if how.dry_run { slurm::draft_submission(&request)? } else { slurm::submit(&request)? };
    let text =
        if how.json { serde_json::to_string_pretty(&draft)? } else { submitted(&draft, &asked.out, how.dry_run) };
    output::print(&text)?;
    for skipped in &draft.skipped {
        output::report_task(&skipped.task, &skipped.reason);
    }
    Ok(if draft.skipped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Refuses a sweep in a folder that jobs are at work in.
pub(super) fn check_idle(folder: &Path) -> anyhow::Result<()> {
    Ok(slurm::check_idle(folder)?)
}

/// The command line that goes on with a sweep, from anywhere.
fn command(mut args: Vec<String>) -> String {
    // A second time it would drop what the first has recorded.
    args.retain(|arg| arg != "--force");
    let words: Vec<String> = args.iter().map(|arg| in_quotes(arg)).collect();
    let words = words.join(" ");
    match std::env::current_dir() {
        Ok(here) => format!("cd {} && {words}", in_quotes(&here.to_string_lossy())),
        Err(_) => words,
    }
}

fn submitted(draft: &Draft, out: &Path, dry_run: bool) -> String {
    let mut text = String::new();
    if draft.folder.is_none() {
        text.push_str(&format!("nothing to submit: {} tasks are done\n", draft.done));
        if let Some(content) = &draft.content_sha256 {
            text.push_str(&output::whole(draft.done, content));
        }
    } else {
        let arrays = draft.scripts.len() - 1;
        let jobs: Vec<String> = draft.jobs.iter().map(u64::to_string).collect();
        let (verb, jobs) = match jobs.split_last() {
            Some((merge, [])) => ("submitted", format!("; merge: job {merge}")),
            Some((merge, arrays)) => ("submitted", format!(": job {}; merge: job {merge}", arrays.join(", "))),
            None => ("to submit", ", then a merge".to_owned()),
        };
        let kept = if draft.done > 0 { format!("; {} tasks are done", draft.done) } else { String::new() };
        let (a, s) = (arrays, if arrays == 1 { "" } else { "s" });
        text.push_str(&format!(
            "{verb}: {} array tasks of {} tasks in {a} array{s}{jobs}\n{} of work on one thread, the longest array task {}, as measured here{kept}\n",
            draft.units,
            draft.tasks,
            output::duration(draft.seconds),
            output::duration(draft.longest),
        ));
    }
    let mut fixes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for skipped in &draft.skipped {
        match &skipped.fix {
            Some(fix) => fixes.entry(fix).or_default().push(&skipped.task),
            None => text.push_str(&output::wrapped(&skipped.task, &skipped.reason)),
        }
    }
    for (fix, tasks) in fixes {
        text.push_str(&output::no_files(&tasks, fix));
    }
    if dry_run {
        if let Some(size) = draft.assumed_array_size {
            text.push_str(&format!("no scontrol here, so MaxArraySize is taken to be {size}\n"));
        }
        for (name, script) in &draft.scripts {
            text.push_str(&format!("\n==> {name}\n{script}"));
        }
    } else if let Some(folder) = &draft.folder {
        text.push_str(&format!("scripts and logs: {}\n", folder.display()));
        let out = in_quotes(&out.to_string_lossy());
        text.push_str(&format!("progress: dynsparse sweep --slurm --status --out {out}\n"));
    }
    text
}

/// Shows how far a sweep is.
pub(super) fn status(folder: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let folder = std::path::absolute(folder).with_context(|| format!("{}", folder.display()))?;
    let status = slurm::status(&folder)?;
    output::print(&if json { serde_json::to_string_pretty(&status)? } else { table(&status) })?;
    let failed = status.merge == UnitPlace::Failed || status.units.iter().any(|u| u.state == UnitPlace::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A line for every task.
fn tasks(tasks: &[TaskStatus]) -> String {
    let status = |task: &TaskStatus| match task.status {
        "missing_assets" => "no files",
        "pending" if task.running > 0 => "running",
        "pending" if task.episodes == Some(task.finished) => "recorded",
        status => status,
    };
    let count = |n: usize| if n == 0 { "-".to_owned() } else { n.to_string() };
    Table::of(tasks)
        .words("task", |task| output::short(&task.name))
        .words("status", |task| status(task).to_owned())
        .number("episodes", |task| {
            let episodes = task.episodes.map_or("?".to_owned(), |n| n.to_string());
            format!("{}/{episodes}", task.finished)
        })
        .number("running", |task| count(task.running))
        .number("pending", |task| count(task.pending))
        .number("failed", |task| count(task.failed))
        .text()
}

fn table(status: &Status) -> String {
    let mut text = tasks(&status.tasks);
    text.push('\n');
    let count = |state: UnitPlace| status.units.iter().filter(|u| u.state == state).count();
    text.push_str(&format!(
        "array tasks: {} done, {} running, {} pending, {} failed, of {}\n",
        count(UnitPlace::Done),
        count(UnitPlace::Running),
        count(UnitPlace::Pending),
        count(UnitPlace::Failed),
        status.units.len()
    ));
    let job = status.merge_job.map_or(String::new(), |job| format!(" (job {job})"));
    let merge = match (status.merge, status.merge_reason.as_str()) {
        (UnitPlace::Pending, "Dependency" | "None" | "") => "waits for them".to_owned(),
        (UnitPlace::Pending, reason) => format!("pending: {reason}"),
        (UnitPlace::Running, _) => "running".to_owned(),
        (UnitPlace::Done, _) => "done".to_owned(),
        (UnitPlace::Failed, _) => "failed".to_owned(),
        (UnitPlace::Unknown, _) => "unknown".to_owned(),
    };
    text.push_str(&format!("merge{job}: {merge}\n"));
    if let Some(reason) = &status.no_queue {
        text.push_str(&output::wrapped("no queue", reason));
    }
    let failed: Vec<_> = status.units.iter().filter(|u| u.state == UnitPlace::Failed).collect();
    for unit in failed.iter().take(SHOWN) {
        let log = status.folder.join(&unit.log);
        text.push_str(&output::wrapped(
            &unit.job,
            &format!("{}, part {} of {}: {}; log: {}", unit.task, unit.part, unit.of, unit.reason, log.display()),
        ));
    }
    if failed.len() > SHOWN {
        text.push_str(&format!("and {} more; --json has all\n", failed.len() - SHOWN));
    }
    if status.merge == UnitPlace::Failed && failed.is_empty() {
        text.push_str(&output::wrapped("merge", &status.merge_reason));
    }
    match &status.content_sha256 {
        Some(content) if status.is_over() => {
            text.push_str(&output::whole(status.tasks.len(), content));
        }
        _ if status.is_over() => text.push_str(&output::wrapped("go on", &status.command)),
        _ => {}
    }
    text
}

/// Does the work of one job.
pub(super) fn job(args: &Args) -> anyhow::Result<ExitCode> {
    let stop = signals::install()?;
    match &args.work {
        Work::Unit { folder, unit } => {
            let time_is_up = signals::install_time_limit(&stop)?;
            let board = Board::new();
            let end = slurm::run_unit_of(folder, *unit, &stop, &time_is_up, &board);
            board.finish();
            match end? {
                UnitEnd::Done => {
                    output::print(&format!("unit {unit}: all its episodes are there"))?;
                    Ok(ExitCode::SUCCESS)
                }
                UnitEnd::Stopped => Ok(ExitCode::from(143)),
            }
        }
        Work::Merge { folder } => {
            let board = Board::new();
            let merged = slurm::merge(folder, &stop, &board);
            board.finish();
            let merged = merged?;
            let mut text = sweep::table(&merged.report, Share::Merge);
            for unit in &merged.failed {
                let log = folder.join(&unit.log);
                text.push_str(&format!("{} failed: {}; log: {}\n", unit.named(), unit.reason, log.display()));
            }
            output::print(&text)?;
            sweep::report_failures(&merged.report);
            merged.incomplete().map_or(Ok(ExitCode::SUCCESS), |error| Err(error.into()))
        }
    }
}
