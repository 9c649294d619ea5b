//! The command line: one file per verb. Each parses into a validated job, calls one library function and
//! prints. Nothing else in the program prints.

#[cfg(feature = "report")]
mod ablate;
mod absent;
mod analyze;
mod args;
mod check_jacobian;
mod compile;
mod completions;
mod config;
#[cfg(feature = "learn")]
mod evaluate;
mod export;
mod gather;
mod influence;
mod info;
#[cfg(feature = "learn")]
mod learn;
mod merge;
mod output;
mod picture;
mod progress;
mod record;
mod render;
mod replay_map;
#[cfg(feature = "report")]
mod report;
mod residuals;
#[cfg(feature = "learn")]
mod score;
mod signals;
mod slurm;
mod sweep;
mod table;
mod tasks;
mod threads;
mod verify;
#[cfg(feature = "report")]
mod view;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

const AFTER: &str = "\
Examples:
  dynsparse record                           the embedded model
  dynsparse record CheetahRun --episodes 10  a task of MuJoCo Playground
  dynsparse record gymnasium/Ant-v5          one of another suite
  dynsparse record robot.xml --substeps 5    any MJCF
  dynsparse sweep 'Walker*' locomotion       many tasks into one folder
  dynsparse info CheetahRun.h5               what a file holds
  dynsparse verify CheetahRun.h5             simulate again, compare bits
  dynsparse analyze CheetahRun.h5            sparsity, by state and in time";

/// Ground-truth Jacobians of robot dynamics, recorded from MuJoCo into HDF5
#[derive(Debug, Parser)]
#[command(name = "dynsparse", version = output::version(), after_help = AFTER, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// More log messages on stderr: -v for progress, -vv for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// How log messages look
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// A plugin library of MuJoCo to load, or a folder of them; its code runs here; may be given again
    #[arg(long, global = true, value_name = "PATH")]
    plugin: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// One line for people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Record trajectories and the Jacobians of every step
    Record(Box<record::Args>),
    /// Write a first map of a robot's log onto a model, from the names in both
    ReplayMap(replay_map::Args),
    /// Record many tasks into one folder, with a manifest and an index
    Sweep(Box<sweep::Args>),
    /// Join the episodes that several `record --shard` processes have recorded
    Merge(Box<record::Args>),
    /// Show what recordings hold
    Info(info::Args),
    /// Simulate a recording again and compare bit for bit
    Verify(verify::Args),
    /// Answer the questions of "Dynamic Sparsity" from recordings
    Analyze(Box<analyze::Args>),
    /// Intervene in a recording at finite size: which zeros of the Jacobian hold, and how far
    Influence(influence::Args),
    /// Record variants of one task that differ in a setting, and put them side by side
    #[cfg(feature = "report")]
    Ablate(Box<ablate::Args>),
    /// Record and compare variants of one task: not in this build
    #[cfg(not(feature = "report"))]
    Ablate(absent::Args),
    /// Compare Jacobian engines with extrapolated differences, and say where there is no derivative
    CheckJacobian(Box<check_jacobian::Args>),
    /// Put the answers of `analyze` into one page with figures, which opens from disk
    #[cfg(feature = "report")]
    Report(Box<report::Args>),
    /// Put answers into one page with figures: not in this build
    #[cfg(not(feature = "report"))]
    Report(absent::Args),
    /// Write a recording as a data set of Minari or LeRobot
    Export(export::Args),
    /// Draw an episode as a strip of pictures, or as an animation
    Render(render::Args),
    /// Put an episode into one page that plays it: the robot, its Jacobians, what acts
    #[cfg(feature = "report")]
    View(view::Args),
    /// Put an episode into one page that plays it: not in this build
    #[cfg(not(feature = "report"))]
    View(absent::Args),
    /// Train world models on recordings, and see how much of the true sparsity they recover
    #[cfg(feature = "learn")]
    Learn(Box<learn::Args>),
    /// Evaluate a trained model on a recording
    #[cfg(feature = "learn")]
    Evaluate(evaluate::Args),
    /// Score anyone's predicted Jacobians or edges against a recording
    #[cfg(feature = "learn")]
    Score(score::Args),
    /// Train world models: not in this build
    #[cfg(not(feature = "learn"))]
    Learn(absent::Args),
    /// Evaluate a trained model: not in this build
    #[cfg(not(feature = "learn"))]
    Evaluate(absent::Args),
    /// Score predicted Jacobians: not in this build
    #[cfg(not(feature = "learn"))]
    Score(absent::Args),
    /// List what can be recorded
    Tasks(tasks::Args),
    /// What a job of `sweep --slurm` does on its node
    #[command(hide = true)]
    SlurmJob(slurm::Args),
    /// What compiles a model, in a process that may die of it
    #[command(hide = true)]
    Compile(compile::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

/// Parses the command line, runs one verb, and turns every error into one line on stderr.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(cli.verbose, cli.log_format);
    dynsparse::dataset::survive_file_size_limit();
    dynsparse::watch::on_hang(|text| {
        output::report(&anyhow::anyhow!("{text}"));
        dynsparse::dataset::exit_now(1)
    });
    match run(cli.verb, &cli.plugin) {
        Ok(code) => code,
        Err(error) => {
            if let Some(code) = output::broken_pipe(&error) {
                return code;
            }
            output::report(&error);
            // HDF5's own exit handlers would try again to write what the disk has refused.
            dynsparse::dataset::exit_now(signals::exit_code().unwrap_or(1))
        }
    }
}

fn run(verb: Verb, plugins: &[PathBuf]) -> anyhow::Result<ExitCode> {
    threads::check_environment()?;
    dynsparse::physics::use_plugins(plugins);
    if !matches!(verb, Verb::Compile(_)) {
        compile::elsewhere(plugins)?;
    }
    match verb {
        Verb::Record(args) => record::run(&args),
        Verb::ReplayMap(args) => replay_map::run(&args),
        Verb::Sweep(args) => sweep::run(&args),
        Verb::Merge(args) => merge::run(&args),
        Verb::Info(args) => info::run(&args),
        Verb::Verify(args) => verify::run(&args),
        Verb::Analyze(args) => analyze::run(&args),
        Verb::Influence(args) => influence::run(&args),
        #[cfg(feature = "report")]
        Verb::Ablate(args) => ablate::run(&args),
        Verb::CheckJacobian(args) => check_jacobian::run(&args),
        #[cfg(feature = "report")]
        Verb::Report(args) => report::run(&args),
        #[cfg(feature = "report")]
        Verb::View(args) => view::run(&args),
        #[cfg(not(feature = "report"))]
        Verb::Ablate(_) | Verb::Report(_) | Verb::View(_) => {
            Err(absent::missing("draw figures or write pages", "report"))
        }
        Verb::Export(args) => export::run(&args),
        Verb::Render(args) => render::run(&args),
        #[cfg(feature = "learn")]
        Verb::Learn(args) => learn::run(&args),
        #[cfg(feature = "learn")]
        Verb::Evaluate(args) => evaluate::run(&args),
        #[cfg(feature = "learn")]
        Verb::Score(args) => score::run(&args),
        #[cfg(not(feature = "learn"))]
        Verb::Learn(_) | Verb::Evaluate(_) | Verb::Score(_) => {
            Err(absent::missing("train or evaluate networks", "learn"))
        }
        Verb::Tasks(args) => tasks::run(&args),
        Verb::SlurmJob(args) => slurm::job(&args),
        Verb::Compile(args) => compile::run(&args),
        Verb::Completions(args) => completions::run(&args),
    }
}

fn start_log(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let asked = std::env::var("DYNSPARSE_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(level));
    let layer = tracing_subscriber::fmt::layer().with_writer(|| output::Log).with_target(false);
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Text => registry.with(layer.with_ansi(false).without_time().with_filter(filter)).init(),
        LogFormat::Json => registry.with(layer.json().with_filter(filter)).init(),
    }
}
