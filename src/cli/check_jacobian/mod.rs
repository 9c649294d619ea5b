//! `dynsparse check-jacobian`.

mod csv;
mod random;
mod survey;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::check::{self, CheckReport};
use dynsparse::files::{FileKind, Inputs, Output};
use dynsparse::jacobian::{EngineSpec, Method, Nudge};
use dynsparse::physics::{SolverMode, mujoco_version};
use dynsparse::sweep::select;
use dynsparse::task::{Assets, Task};
use serde_json::json;

use super::args::{ModelFile, PolicyName, Settings, Subject, is_path, refuse_file};
use super::{output, threads};

/// States of a task that are enough for a 99th percentile, and episodes that they come from.
const STATES: usize = 200;
const EPISODES: u64 = 8;

/// Engines that are checked by default.
const ENGINES: &str = "implicit,transition-fd:1e-5,transition-fd:1e-6,transition-fd:1e-7";

const AFTER: &str = "\
Examples:
  dynsparse check-jacobian WalkerRun --worst 3
  dynsparse check-jacobian robot.xml --substeps 5 --engines transition-fd:1e-6
  dynsparse check-jacobian --all --csv errors.csv
  dynsparse check-jacobian --random 2000 --failures failures

The arbiter: differences of whole steps at 15 nudges from 2^-10 to 2^-24, extrapolated to none entry by entry, with an \
error estimate each and a converged solver. It says too where the one-sided derivatives differ; such states are \
counted, and left out of the errors. The error of a state is max |X - X_ref| / max |A_ref| over A and B. At the edge \
of its range a control has a derivative towards the inside, for all engines.
Exit status 1 when a task could not be checked, or a random model fails; an engine that does not cover a model is \
named with the reason.";

/// Random models of one run, at most.
const MOST_MODELS: u64 = 100_000_000;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// Tasks, suites, patterns such as 'Walker*', or an MJCF file [default: the embedded Juggler]
    #[arg(value_name = "TASK|MODEL.xml")]
    tasks: Vec<String>,
    /// All tasks of Playground
    #[arg(long, conflicts_with = "tasks")]
    all: bool,
    /// In place of tasks, N random models, each with the engine that it gets by itself
    #[arg(long, value_name = "N", conflicts_with_all = ["tasks", "all", "csv"])]
    random: Option<u64>,
    /// The number of the first random model
    #[arg(long, value_name = "N", default_value_t = 0, requires = "random")]
    first: u64,
    /// Folder for random models that fail, taken apart as far as they still do
    #[arg(long, value_name = "DIR", requires = "random")]
    failures: Option<PathBuf>,
    /// States of each task
    #[arg(long, value_name = "N", default_value_t = STATES)]
    states: usize,
    /// Episodes that they come from, each a random sample of its physics steps
    #[arg(long, value_name = "N", default_value_t = EPISODES)]
    episodes: u64,
    /// Engines to check: implicit, whole-step or transition-fd, with :EPS behind for another nudge
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = ENGINES)]
    engines: Vec<String>,
    /// Judge only the engine that `auto` means for each model, for about so many seconds, and print two lines of JSON: what
    /// the model is, and how the engine does
    #[arg(long, value_name = "SECONDS", hide = true, conflicts_with_all = ["engines", "json", "csv", "threads"])]
    survey: Option<f64>,
    /// Show the N worst states, and the N largest kinks
    #[arg(long, value_name = "N", default_value_t = 0)]
    worst: usize,
    /// Seed of resets, policy and the choice of states, and of random models
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Worker threads; the result does not depend on them [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Solver of the rollouts and the engines; the arbiter's always converges
    #[arg(long, value_enum, default_value = "converged")]
    solver: SolverMode,

    /// Who acts [default: colored]
    #[arg(long, value_enum, help_heading = "Policy")]
    policy: Option<PolicyName>,
    /// Standard deviation of gaussian and colored noise, in half control ranges [default: 1]
    #[arg(long, value_name = "X", help_heading = "Policy")]
    scale: Option<f64>,
    /// Exponent of colored noise, power 1/f^beta, from 0 (white) to 2 (red) [default: 1, pink]
    #[arg(long, value_name = "X", help_heading = "Policy")]
    beta: Option<f64>,
    #[command(flatten)]
    model: ModelFile,
    /// Everything as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Errors by task, engine, block and contacts as a table
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    csv: Option<PathBuf>,
    /// Folder of the suites' model files [default: vendor/ here, above, or where the program was built]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    assets: Option<PathBuf>,
}

/// Checks every task, and goes on where one fails.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let flags = Settings {
        policy: Some(args.policy.unwrap_or(PolicyName::Colored)),
        scale: args.scale,
        beta: args.beta,
        assets: args.assets.clone(),
        ..Settings::default()
    };
    if let Some(models) = args.random {
        let pool = threads::pool(args.threads)?;
        let (seed, first) = (args.seed, args.first);
        dynsparse::bounded::within("--random", models, &(0..=MOST_MODELS)).map_err(anyhow::Error::msg)?;
        dynsparse::bounded::within("--first", first, &(0..=u64::MAX - MOST_MODELS)).map_err(anyhow::Error::msg)?;
        let settings =
            check::random::RandomSettings { seed, first, models, ..check::random::RandomSettings::default() };
        return pool.install(|| random::run(&settings, args.failures.as_deref(), args.json));
    }
    if args.policy == Some(PolicyName::Replay) {
        anyhow::bail!("states of a replay cannot be checked; choose another --policy");
    }
    if args.policy == Some(PolicyName::Expert) {
        anyhow::bail!("states of an expert cannot be checked; choose another --policy");
    }
    let settings = check::CheckSettings {
        states: args.states,
        episodes: args.episodes,
        policy: flags.asked()?.policy,
        solver: args.solver,
        seed: args.seed,
        engines: args.engines.iter().map(|text| engine(text)).collect::<anyhow::Result<_>>()?,
        worst: args.worst,
    };
    settings.validate()?;
    let tasks = args.tasks(&flags)?;
    if let Some(seconds) = args.survey {
        return survey::run(tasks, &settings, seconds);
    }
    let pool = threads::pool(args.threads)?;
    // Before the work, not after it.
    let inputs = Inputs::new(args.tasks.iter().filter(|name| is_path(name)));
    let table = args.csv.as_deref().map(|file| Output::claim(file, FileKind::Csv, &inputs)).transpose()?;

    let (mut reports, mut failed): (Vec<CheckReport>, Vec<(String, String)>) = Default::default();
    let many = tasks.len() > 1;
    for (name, load) in tasks {
        let outcome = load().and_then(|task| Ok(pool.install(|| check::check_task(&task, &settings))?));
        match outcome {
            Ok(report) => {
                if !args.json {
                    output::print(&text::task(&report))?;
                }
                reports.push(report);
            }
            Err(error) if !many => return Err(error),
            Err(error) => failed.push((name, format!("{error:#}"))),
        }
    }
    if let Some(file) = &table {
        csv::write(file, &settings, &reports)?;
    }
    if args.json {
        let all = json!({
            "dynsparse": env!("CARGO_PKG_VERSION"),
            "commit": dynsparse::record::COMMIT,
            "mujoco": mujoco_version(),
            "settings": settings,
            "tasks": reports,
            "failed": failed.iter().map(|(task, reason)| json!({ "task": task, "reason": reason })).collect::<Vec<_>>(),
        });
        output::print(&serde_json::to_string_pretty(&all)?)?;
    } else if many {
        output::print(&text::summary(&reports, &failed))?;
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A task's name, and what loads it.
type Named<'a> = (String, Box<dyn FnOnce() -> anyhow::Result<Task> + 'a>);

impl Args {
    /// The tasks that are meant. An unknown name is refused before anything is computed.
    fn tasks<'a>(&'a self, flags: &'a Settings) -> anyhow::Result<Vec<Named<'a>>> {
        if let [one] = &self.tasks[..]
            && is_path(one)
        {
            let settings = flags.clone().of(&Subject::of(one), &self.model);
            return Ok(vec![(one.clone(), Box::new(move || settings.task()))]);
        }
        if self.tasks.is_empty() && !self.all {
            let settings = flags.clone().of(&Subject::default(), &self.model);
            return Ok(vec![(Task::embedded().spec.name, Box::new(move || settings.task()))]);
        }
        if let Some(file) = self.tasks.iter().find(|t| is_path(t)) {
            anyhow::bail!("{file} is a file; check one model file at a time, or tasks of the catalogue");
        }
        if let Some(flag) = self.model.given() {
            anyhow::bail!("{flag} is for MJCF files; the task says its own");
        }
        let named = |name: String| -> Named<'a> {
            let task = name.clone();
            let load = move || match Task::embedded() {
                embedded if embedded.spec.name == task => Ok(embedded),
                _ => Ok(Task::from_catalogue(&task, &Assets::find(self.assets.as_deref()))?),
            };
            (name, Box::new(load))
        };
        self.tasks.iter().try_for_each(|name| refuse_file(name))?;
        Ok(select(&self.tasks)?.into_iter().map(|(name, _)| named(name)).collect())
    }
}

/// An engine by its name, perhaps with a nudge.
fn engine(text: &str) -> anyhow::Result<EngineSpec> {
    let (kind, eps) = match text.split_once(':') {
        Some((kind, eps)) => (kind, Some(eps)),
        None => (text, None),
    };
    let method = match (kind, eps) {
        ("implicit", None) => Method::Implicit,
        ("whole-step", None) => Method::WholeStep,
        ("transition-fd", None) => Method::TransitionFd(Nudge::default()),
        ("transition-fd", Some(eps)) => {
            let eps = eps.parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0).ok_or_else(|| {
                anyhow::anyhow!("the nudge of the engine \"{text}\" is no positive number; write transition-fd:1e-6")
            })?;
            Method::TransitionFd(Nudge::centered(eps))
        }
        ("implicit" | "whole-step", Some(_)) => {
            anyhow::bail!("the engine {kind} chooses its own nudges; write {kind}, without \":\" and a number")
        }
        _ => anyhow::bail!(
            "unknown engine \"{text}\"; give implicit, whole-step or transition-fd, such as transition-fd:1e-6"
        ),
    };
    Ok(EngineSpec::new(method))
}
