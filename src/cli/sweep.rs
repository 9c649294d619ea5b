//! `dynsparse sweep`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dynsparse::record::RecordError;
use dynsparse::sweep::slurm::SlurmSettings;
use dynsparse::sweep::{
    self, Done, Estimate, How, Plan, Planned, Share, SweepError, SweepReport, TaskOutcome, TaskReport,
};
use dynsparse::task::Assets;
use serde_json::json;

use super::args::Settings;
use super::progress::Board;
use super::record::parse_shard;
use super::table::Table;
use super::{config, output, signals, slurm};

/// Where a sweep goes by default.
const OUT: &str = "sweep";

const AFTER: &str = "\
Examples:
  dynsparse sweep --dry-run            all of Playground: time, memory and disk
  dynsparse sweep dm_control_suite --out runs
                                       one suite
  dynsparse sweep 'Walker*' 'gymnasium/*' --steps 200
                                       tasks by pattern
  dynsparse sweep --config sweep.toml  tasks and settings from a file
  dynsparse sweep --slurm --config sweep.toml
                                       the same on a cluster
  dynsparse sweep --slurm --status --out runs
                                       how far it is

A TOML file has tables: [sweep] tasks = [\"Walker*\"], out = \"runs\"; [record] with the settings of all tasks; \
[task.WalkerRun] with those of one; [slurm] for a cluster.
Flags win over [record].
Killed at any instant, the same command goes on with what is missing; a file that is there is believed by its checksum \
only.
Exit status 1 when a task failed or lacks its model files, each with a line on stderr; the others are recorded.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// Tasks, suites (gymnasium; dm_control_suite, locomotion, manipulation of Playground) or patterns such as 'Walker*' and
    /// 'gymnasium/*' [default: all of Playground]
    #[arg(value_name = "TASK")]
    tasks: Vec<String>,
    /// Folder for the recordings, the manifest and the index [default: sweep]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// A TOML file of tasks and settings; flags win over it
    #[arg(long, value_name = "FILE", help_heading = "Sweep")]
    config: Option<PathBuf>,
    /// Measure each task for a moment and print the plan: time, memory and disk; record nothing
    #[arg(long, conflicts_with_all = ["shard", "merge", "force"], help_heading = "Sweep")]
    dry_run: bool,
    /// Print the plan of --dry-run, or what was recorded, as JSON
    #[arg(long, help_heading = "Sweep")]
    json: bool,
    /// Record part I of N of every task's episodes, and leave the joining to --merge
    #[arg(long, value_name = "I/N", value_parser = parse_shard, help_heading = "Sweep")]
    shard: Option<(u64, u64)>,
    /// Join what processes with --shard have recorded
    #[arg(long, conflicts_with = "shard", help_heading = "Sweep")]
    merge: bool,
    /// Submit to Slurm instead: job arrays with parts of the tasks, then a job that checks and joins
    #[arg(long, conflicts_with_all = ["shard", "merge"], help_heading = "Cluster")]
    slurm: bool,
    /// With --slurm: show how far the sweep is, by its folder and the queue; submit nothing
    #[arg(long, requires = "slurm", conflicts_with_all = ["dry_run", "force"], help_heading = "Cluster")]
    status: bool,
    /// Start anew where the folder holds another sweep; drops what that sweep has recorded
    #[arg(long, conflicts_with_all = ["shard", "merge"], help_heading = "Sweep")]
    force: bool,
}

/// What a sweep's flags and file say together.
pub(super) struct Asked {
    pub(super) plan: Plan,
    pub(super) out: PathBuf,
    pub(super) threads: usize,
    pub(super) slurm: SlurmSettings,
}

/// Sweeps.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.status {
        return slurm::status(&status_folder(args)?, args.json);
    }
    let asked = asked(args)?;
    if args.slurm {
        let how = slurm::How { dry_run: args.dry_run, force: args.force, json: args.json };
        return slurm::submit(&asked, &how, args.config.as_deref());
    }
    let stop = signals::install()?;
    if args.dry_run {
        return dry_run(&asked, args.json, &stop);
    }
    let share = match (args.shard, args.merge) {
        (Some((part, of)), _) => Share::Shard(part, of),
        (_, true) => Share::Merge,
        _ => Share::Whole,
    };
    if !matches!(share, Share::Shard(..)) {
        slurm::check_idle(&asked.out)?;
    }
    let how = How { folder: &asked.out, threads: asked.threads, share, force: args.force, stop: &stop };
    let board = Board::new();
    let report = sweep::run_sweep(&asked.plan, &how, &board);
    board.finish();
    let report = report?;
    let text = if args.json { as_json(&report)? } else { table(&report, share) };
    output::print(&text)?;
    report_failures(&report);
    Ok(verdict(&report))
}

/// A line on stderr for every task that is not as it should be.
pub(super) fn report_failures(report: &SweepReport) {
    for task in &report.tasks {
        match &task.outcome {
            TaskOutcome::Failed { reason } => output::report_task(&task.name, reason),
            TaskOutcome::MissingAssets { reason, .. } => output::report_task(&task.name, reason),
            TaskOutcome::Stopped => output::report_task(&task.name, "it was stopped before it was recorded"),
            TaskOutcome::Recorded(_) | TaskOutcome::Kept(_) | TaskOutcome::Part => {}
        }
    }
}

/// The folder whose status is wanted: named alone like a task, or as the sweep names it.
fn status_folder(args: &Args) -> anyhow::Result<PathBuf> {
    match args.tasks.as_slice() {
        [folder] if args.out.is_none() && Path::new(folder).is_dir() => Ok(PathBuf::from(folder)),
        _ => Ok(asked(args)?.out),
    }
}

/// Joins flags and file.
pub(super) fn asked(args: &Args) -> anyhow::Result<Asked> {
    let file = match &args.config {
        Some(path) => config::read_sweep(path)?,
        None => config::SweepFile::default(),
    };
    let place =
        |table: &str| args.config.as_ref().map_or_else(String::new, |p| format!("{}, [{table}]: ", p.display()));
    own_names_only(&file.record, &place("record"))?;
    let wanted = if args.tasks.is_empty() { file.sweep.tasks.clone().unwrap_or_default() } else { args.tasks.clone() };
    let names = sweep::select(&wanted)?;
    let all = sweep::select(&[])?;
    for (name, settings) in &file.task {
        let place = place(&format!("task.{name}"));
        own_names_only(settings, &place)?;
        for (field, given) in [("threads", settings.threads.is_some()), ("assets", settings.assets.is_some())] {
            anyhow::ensure!(!given, "{place}{field} is for all tasks; put it into [record]");
        }
        // A task that the flags leave out may have its table; a misspelt one may not.
        if !all.iter().chain(&names).any(|(known, _)| known == name) {
            return Err(sweep::select(std::slice::from_ref(name)).err().map_or_else(
                || anyhow::anyhow!("{place}is no task; write the name of one task"),
                |error| anyhow::anyhow!("{place}{error}"),
            ));
        }
    }
    let shared = args.settings.clone().or(file.record.clone());
    let threads = shared.threads()?;
    let assets = Assets::find(shared.assets.as_deref());
    let mut tasks = Vec::new();
    for (name, suite) in names {
        let own = file.task.get(&name).cloned().unwrap_or_default();
        // Flags win over a task's own table, which wins over the table of all.
        let settings = args.settings.clone().or(own).or(file.record.clone());
        anyhow::ensure!(
            settings.log.is_none() && settings.map.is_none(),
            "{name}: a sweep has no setting `log`: record a robot's log with `dynsparse record MODEL.xml --log LOG --map FILE`"
        );
        let settings = settings.asked().map_err(|e| anyhow::anyhow!("{name}: {e}"))?;
        tasks.push(Planned { name, suite, settings });
    }
    let out = args.out.clone().or(file.sweep.out.clone()).unwrap_or_else(|| PathBuf::from(OUT));
    Ok(Asked { plan: Plan { tasks, assets }, out, threads, slurm: file.slurm })
}

/// Refuses what one recording has and a sweep has not.
fn own_names_only(settings: &Settings, place: &str) -> anyhow::Result<()> {
    let given = [
        ("task", settings.task.is_some(), "write `tasks` into [sweep]"),
        ("output", settings.output.is_some(), "write `out` into [sweep]"),
        ("substeps", settings.substeps.is_some(), "it is for MJCF files"),
        ("keyframe", settings.keyframe.is_some(), "it is for MJCF files"),
        ("reset-noise", settings.reset_noise.is_some(), "it is for MJCF files"),
    ];
    match given.iter().find(|(_, given, _)| *given) {
        Some((name, _, fix)) => anyhow::bail!("{place}a sweep has no setting `{name}`: {fix}"),
        None => Ok(()),
    }
}

fn dry_run(asked: &Asked, as_json: bool, stop: &std::sync::atomic::AtomicBool) -> anyhow::Result<ExitCode> {
    let measured = sweep::measure(&asked.plan, asked.threads, stop);
    if stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(SweepError::Stopped.into());
    }
    let mut rows: Vec<(&Planned, &Result<Estimate, RecordError>)> = asked.plan.tasks.iter().zip(&measured).collect();
    let seconds = |r: &Result<Estimate, RecordError>| r.as_ref().map_or(-1.0, |e| e.seconds);
    rows.sort_by(|a, b| seconds(b.1).total_cmp(&seconds(a.1)));
    let good: Vec<&Estimate> = measured.iter().flatten().collect();
    let total = Total {
        seconds: good.iter().map(|e| e.seconds).sum(),
        wall: wall(&good, asked.threads),
        memory: Estimate::memory_of_all(good.iter().copied(), asked.threads),
        disk: good.iter().map(|e| e.disk).sum(),
    };
    let bad = measured.len() - good.len();
    let text = if as_json {
        let tasks: Vec<_> = rows
            .iter()
            .map(|(task, estimate)| match estimate {
                Ok(e) => {
                    json!({"task": task.name, "suite": task.suite, "estimate": e, "memory": e.memory(asked.threads)})
                }
                Err(error) => json!({"task": task.name, "suite": task.suite, "error": error.to_string()}),
            })
            .collect();
        let total = json!({
            "threads": asked.threads, "seconds": total.seconds, "wall_seconds": total.wall,
            "memory": total.memory, "disk": total.disk,
        });
        serde_json::to_string_pretty(&json!({"folder": asked.out, "tasks": tasks, "total": total}))?
    } else {
        plan_table(asked, &rows, &total)
    };
    output::print(&text)?;
    for (task, estimate) in rows {
        if let Err(error) = estimate {
            output::report_task(&task.name, &error.to_string());
        }
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Total {
    seconds: f64,
    wall: f64,
    memory: u64,
    disk: u64,
}

/// Wall-clock time on so many threads: all of them busy, but no episode on two.
fn wall(tasks: &[&Estimate], threads: usize) -> f64 {
    let even = tasks.iter().map(|e| e.seconds).sum::<f64>() / threads as f64;
    let longest = tasks.iter().map(|e| e.seconds / e.episodes.clamp(1, threads as u64) as f64).fold(0.0, f64::max);
    even.max(longest)
}

fn plan_table(asked: &Asked, rows: &[(&Planned, &Result<Estimate, RecordError>)], total: &Total) -> String {
    let notes: String = rows
        .iter()
        .filter_map(|(task, estimate)| Some(output::wrapped(&task.name, &estimate.as_ref().err()?.to_string())))
        .collect();
    let of = |estimate: &Result<Estimate, RecordError>, cell: &dyn Fn(&Estimate) -> String| {
        estimate.as_ref().map_or_else(|_| "-".to_owned(), cell)
    };
    let time = |e: &Estimate| output::duration(e.seconds / e.episodes.clamp(1, asked.threads as u64) as f64);
    let text = Table::of(rows)
        .words("task", |(task, _)| output::short(&task.name))
        .number("episodes", |(_, estimate)| of(estimate, &|e| e.episodes.to_string()))
        .number("steps", |(_, estimate)| of(estimate, &|e| e.steps.to_string()))
        .number("time", |(_, estimate)| of(estimate, &time))
        .number("memory", |(_, estimate)| of(estimate, &|e| output::bytes(e.memory(asked.threads))))
        .number("disk", |(_, estimate)| of(estimate, &|e| output::bytes(e.disk)))
        .text();
    format!(
        "{text}\n{} tasks on {} threads: about {} ({} of work),\n{} of memory, {} of disk in {}.\nThe times follow from a short measurement on this machine.\n{}",
        rows.len(),
        asked.threads,
        output::duration(total.wall),
        output::duration(total.seconds),
        output::bytes(total.memory),
        output::bytes(total.disk),
        asked.out.display(),
        if notes.is_empty() { String::new() } else { format!("\n{notes}") }
    )
}

fn status(outcome: &TaskOutcome) -> &'static str {
    match outcome {
        TaskOutcome::Recorded(_) => "done",
        TaskOutcome::Kept(_) => "kept",
        TaskOutcome::Part => "part done",
        TaskOutcome::Failed { .. } => "failed",
        TaskOutcome::MissingAssets { .. } => "no files",
        TaskOutcome::Stopped => "stopped",
    }
}

/// The tasks after a run, and what is wrong with some.
pub(super) fn table(report: &SweepReport, share: Share) -> String {
    let of = |task: &TaskReport, cell: fn(&Done) -> String| task.outcome.done().map_or_else(|| "-".to_owned(), cell);
    let seconds = |task: &TaskReport| task.outcome.done().map_or(task.seconds, |done| done.seconds);
    let mut text = Table::of(&report.tasks)
        .words("task", |task| output::short(&task.name))
        .words("status", |task| status(&task.outcome).to_owned())
        .number("ep.", |task| of(task, |done| done.episodes.to_string()))
        .number("steps", |task| of(task, |done| output::grouped(done.steps as usize)))
        .number("size", |task| of(task, |done| output::bytes(done.bytes)))
        .number("time", |task| output::duration(seconds(task)))
        .number("content", |task| of(task, |done| done.content_sha256.chars().take(8).collect()))
        .text();
    let bad: Vec<&TaskReport> = report.tasks.iter().filter(|t| !t.outcome.good()).collect();
    text.push('\n');
    for task in &bad {
        if let TaskOutcome::Failed { reason } = &task.outcome {
            text.push_str(&output::wrapped(&task.name, reason));
        }
    }
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for task in &bad {
        if let TaskOutcome::MissingAssets { fix, .. } = &task.outcome {
            missing.entry(fix).or_default().push(&task.name);
        }
    }
    for (fix, names) in missing {
        text.push_str(&output::no_files(&names, fix));
    }
    match (&report.content_sha256, share) {
        (Some(content), _) => text.push_str(&output::whole(report.tasks.len(), content)),
        (None, Share::Shard(..)) if bad.is_empty() => {
            text.push_str("this part is recorded; when all are, run the same sweep with --merge\n");
        }
        (None, _) => text.push_str(&format!("{} of {} tasks are not done\n", bad.len(), report.tasks.len())),
    }
    text
}

fn as_json(report: &SweepReport) -> anyhow::Result<String> {
    let tasks: Vec<_> = report
        .tasks
        .iter()
        .map(|t| {
            let reason = match &t.outcome {
                TaskOutcome::Failed { reason } | TaskOutcome::MissingAssets { reason, .. } => Some(reason),
                _ => None,
            };
            json!({"task": t.name, "status": status(&t.outcome), "reason": reason, "recording": t.outcome.done(), "seconds": t.seconds})
        })
        .collect();
    Ok(serde_json::to_string_pretty(&json!({"content_sha256": report.content_sha256, "tasks": tasks}))?)
}

fn verdict(report: &SweepReport) -> ExitCode {
    if report.tasks.iter().all(|t| t.outcome.good()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
