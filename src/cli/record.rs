//! `dynsparse record`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use dynsparse::dataset::{Recording, schema::Axis};
use dynsparse::files::Inputs;
use dynsparse::physics::named_plugins;
use dynsparse::record::{self, Prepared, RecordError, RecordOutcome, Run};

use super::args::{ModelFile, Settings, Subject};
use super::progress::Shown;
use super::{config, output, signals};

const AFTER: &str = "\
Examples:
  dynsparse record CheetahRun --episodes 10 -o cheetah.h5
  dynsparse record WalkerRun --policy colored --beta 1 --step physics
  dynsparse record robot.xml --substeps 5 --reset-noise 0.05 --sensors
  dynsparse record HumanoidRun --replay expert.npz --replay-with states
  dynsparse record --config job.toml --threads 8

A TOML file holds the same names: task = \"CheetahRun\", episodes = 10, replay-with = \"states\".
Killed at any instant, the same command goes on with the episodes that are missing.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    model: ModelFile,
    /// A TOML file of settings; flags win over it
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub(super) config: Option<PathBuf>,
    /// Record only every N-th episode, beginning with the I-th, and leave the joining to `dynsparse merge`
    #[arg(long, value_name = "I/N", value_parser = parse_shard, help_heading = "Files")]
    pub(super) shard: Option<(u64, u64)>,
    /// Replace an output or unfinished episodes of other settings
    #[arg(long, help_heading = "Files")]
    pub(super) force: bool,
}

/// Parts of a recording, at most.
const MOST_SHARDS: u64 = 1_000_000;

pub(super) fn parse_shard(text: &str) -> Result<(u64, u64), String> {
    let parsed = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    let sound = |(i, n): &(u64, u64)| 1 <= *i && i <= n && *n <= MOST_SHARDS;
    parsed.filter(sound).ok_or_else(|| format!("give I/N with 1 <= I <= N <= {MOST_SHARDS}, such as 2/8"))
}

/// Records.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    work(args, false)
}

/// Records what is missing (or nothing, with `merge_only`) and joins it.
pub(super) fn work(args: &Args, merge_only: bool) -> anyhow::Result<ExitCode> {
    let settings = args.settings.clone().of(&args.subject, &args.model);
    let settings = match &args.config {
        Some(path) => settings.or(config::read(path)?),
        None => settings,
    };
    let stop = signals::install()?;
    let inputs = Inputs::new(args.config.iter().chain(&settings.map));
    let how = How { shard: args.shard, merge_only, force: args.force, stop: &stop, inputs };
    output::print(&one(&settings, &how)?)?;
    Ok(ExitCode::SUCCESS)
}

/// How to go about a recording.
pub(super) struct How<'a> {
    pub(super) shard: Option<(u64, u64)>,
    pub(super) merge_only: bool,
    pub(super) force: bool,
    pub(super) stop: &'a AtomicBool,
    /// What was read besides the files of the task and the policy.
    pub(super) inputs: Inputs,
}

/// Makes one recording, shows how it comes along, and says in a line what came of it.
pub(super) fn one(settings: &Settings, how: &How<'_>) -> anyhow::Result<String> {
    let threads = settings.threads()?;
    let task = settings.task()?;
    let job = settings.asked()?.job(&task);
    let file = settings.output(&task)?;
    how.inputs.spare(&file)?;
    let name = task.spec.name.clone();
    let prepared = Prepared::new(task, job).map_err(in_words)?;
    outside(settings, &prepared)?;
    let command = settings.command(prepared.job()) + &plugin_flags(&prepared);
    let How { shard, merge_only, force, stop, .. } = *how;
    let run = Run { output: &file, threads, budget: None, shard, merge_only, force, command, stop };
    let shown = Shown::new(&name);
    let started = Instant::now();
    let outcome = record::record(&prepared, &run, &shown);
    shown.finish();
    Ok(match outcome.map_err(in_words)? {
        RecordOutcome::AlreadyThere => format!("{} is there already, recorded with the same settings", file.display()),
        RecordOutcome::PartDone { folder } => format!(
            "all episodes of this part are in {}; when the others are done, run `dynsparse merge` with the same settings",
            folder.display()
        ),
        RecordOutcome::Recorded => {
            let recording = Recording::open(&file)?;
            let size = std::fs::metadata(&file).map_or(0, |m| m.len());
            let early = match shown.ended_early() {
                0 => String::new(),
                n => format!(", {n} ended early (see episode_end)"),
            };
            format!(
                "{}: {} episodes, {} steps{early}, {}, {:.1} s",
                file.display(),
                recording.len(Axis::Episode),
                output::grouped(recording.len(Axis::Step)),
                output::bytes(size),
                started.elapsed().as_secs_f64()
            )
        }
    })
}

/// The flags that load the plugins of a model, by file names: where they lie does not decide the result.
fn plugin_flags(prepared: &Prepared) -> String {
    let named = if prepared.plugins().is_empty() { Vec::new() } else { named_plugins() };
    let flag = |path: PathBuf| Some(format!(" --plugin {}", record::in_quotes(&path.file_name()?.to_string_lossy())));
    named.into_iter().filter_map(flag).collect()
}

/// What a stop means for whoever has asked for it.
fn in_words(error: RecordError) -> anyhow::Error {
    match error {
        RecordError::Stopped => {
            anyhow::anyhow!("stopped; finished episodes are kept, and the same command goes on from them")
        }
        other => other.into(),
    }
}

/// Files that are shown of those from outside a model's folder.
const SHOWN: usize = 5;

/// Names the files from outside the model's folder, before they are in the recording; or refuses them.
fn outside(settings: &Settings, prepared: &Prepared) -> anyhow::Result<()> {
    let names = prepared.outside_files();
    if names.is_empty() {
        return Ok(());
    }
    let model = settings.task.as_deref().unwrap_or_default();
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    if settings.no_outside_files == Some(true) {
        anyhow::bail!(
            "{model}: it takes files from outside its folder: {shown}{more}; put them beside it, or leave --no-outside-files out"
        );
    }
    tracing::warn!(
        "{model}: the recording will hold files from outside its folder: {shown}{more} (--no-outside-files refuses them)"
    );
    Ok(())
}
