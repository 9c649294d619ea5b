//! `dynsparse learn`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use dynsparse::files::{FileKind, replace};
use dynsparse::learn::{
    self, Backend, DEFAULT_WEIGHT, Grid, GridOutcome, LearningTarget, Loss, Measure, ModelKind, RunResult, STATES,
    Split, StateFeatures, Summary, Training, TrainingProgress,
};
use dynsparse::report::{self, ReportInput};
use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use super::score::finite_page;
use super::table::Table;

const AFTER: &str = "\
Losses, joined by + and weighed by :X (0.1 where nothing is said), \
with J* the recorded Jacobian:
  mse       mean square error of the next state
  mse-jac   mean square of J - J*
  mae-jac   mean of |J - J*|
  l1        mean of |J|
  sae       mean of |J| where J* is zero
  mask      -log p of the zeros of J* by a network's gates: adaptive needs it
Models:
  mlp                 dense layers with ELU, the paper's network
  oracle              sees only what the true mask lets through: an upper bound
  unmasked            the oracle's network with a mask of ones: its control
  transformer         attention over state variables, softmax
  sparse-transformer  the same with sparsemax, whose weights can be exactly
                      zero
  gated               networks with learned masks of the inputs, mixed by the
                      state
  graph               messages along the kinematic tree, and along contact
                      edges that it learns
  adaptive            gates of the Jacobian's entries that the state sets; what
                      is shut is exactly zero; needs the loss mask
  adaptive-open       the same network, whose gates let everything pass: its
                      control
Targets; whatever it is, errors are those of the next state that follows, and \
Jacobians those of A and B:
  next          the next state; of an orientation the turn to it
  increment     the next state minus the present one
  acceleration  (v' - v) / h of every dof; positions follow as q + h v'
Features, joined by +:
  6d, quat  orientations of free and ball joints: two columns of the rotation
            matrix, or the quaternion with its first number positive
  sincos    sine and cosine of hinges without a range, in the place of the
            angle
  local     x and y of free joints and mocap bodies as seen from the first
            free joint, whose own are not seen

Examples:
  dynsparse learn CheetahRun.h5 --loss mse,mse+sae --seeds 3
  dynsparse learn sweep/*.h5 --seeds 3 -o learned \\
      --loss mse,mse+mse-jac,mse+mae-jac,mse+l1,mse+sae
  dynsparse learn BallInCup.h5 --model mlp,unmasked,oracle --weights 25000 \\
      --loss mse+sae --columns 4
  dynsparse learn FingerSpin.h5 --model adaptive --loss mse+mask:0.3 --lr 3e-3
  dynsparse learn Go1JoystickFlatTerrain.h5 --target next,increment \\
      --features 6d+local
  dynsparse learn --grid grid.toml -o learned
  dynsparse learn CheetahRun.h5 --influence CheetahRun.influence.h5

Every run has a folder with its weights (model.safetensors), losses (curve.csv) and result.json; results.csv and \
results.json put them side by side, report.html and figures/ show them. Killed, the same command goes on, with the \
same weights in the end. Undecided entries and states without a derivative do not count in Jacobian losses.
Exit status 1 when a run diverged; the others are finished.";

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// Recordings, one a task
    #[arg(required_unless_present = "grid", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder of the results; runs that are finished in it are not done again
    #[arg(short, long, value_name = "DIR", default_value = "learned")]
    output: PathBuf,
    /// Everything from a TOML file instead: recordings, models, losses, targets, features, seeds, width, weights, depth,
    /// states, influence, [training], [split]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "Run", "Training"])]
    grid: Option<PathBuf>,
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    training: TrainingArgs,
}

#[derive(Debug, clap::Args)]
#[group(id = "Run", multiple = true)]
struct Run {
    /// Networks
    #[arg(long, value_name = "MODEL,...", value_delimiter = ',', default_value = "mlp")]
    model: Vec<ModelKind>,
    /// Losses
    #[arg(long, value_name = "LOSS,...", value_delimiter = ',', default_value = "mse")]
    loss: Vec<Loss>,
    /// What networks predict
    #[arg(long, value_name = "TARGET,...", value_delimiter = ',', default_value = "next")]
    target: Vec<LearningTarget>,
    /// What networks see of a state
    #[arg(long, value_name = "FEATURES", default_value_t = StateFeatures::default())]
    features: StateFeatures,
    /// Seeds of each
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Neurons of a hidden layer, or features of a token [default: mlp and adaptive 512, oracle and unmasked 128, gated 64, others 32]
    #[arg(long, value_name = "N", help_heading = "Network")]
    width: Option<usize>,
    /// Numbers in a network, in place of --width: each gets the width that comes nearest, so that sizes are equal
    #[arg(long, value_name = "N", help_heading = "Network", conflicts_with = "width")]
    weights: Option<usize>,
    /// Hidden layers, 1 to 6 [default: 2, transformers 1]
    #[arg(long, value_name = "N", help_heading = "Network")]
    depth: Option<usize>,
    /// Test states whose Jacobian is evaluated, at most
    #[arg(long, value_name = "N", default_value_t = STATES)]
    states: usize,
    /// Score networks under interventions of finite size too: studies by `dynsparse influence`, each of one of the recordings
    #[arg(long, value_name = "STUDY.h5,...", value_delimiter = ',')]
    influence: Vec<PathBuf>,
    /// cpu, or gpu in builds with the feature gpu
    #[arg(long, value_name = "BACKEND", default_value_t = Backend::Cpu)]
    backend: Backend,
    /// Memory for the Jacobians of all recordings, GiB; the rest is read from temporary files. It changes no result
    #[arg(long, value_name = "GIB", default_value_t = 4.0)]
    memory: f64,
    /// Which episodes are for validation and test
    #[arg(long, value_name = "N", default_value_t = 0)]
    split_seed: u64,
}

#[derive(Debug, clap::Args)]
#[group(id = "Training", multiple = true)]
struct TrainingArgs {
    /// Optimiser steps, at most
    #[arg(long, value_name = "N", default_value_t = Training::default().steps, help_heading = "Training")]
    steps: usize,
    /// States of a step
    #[arg(long, value_name = "N", default_value_t = Training::default().batch, help_heading = "Training")]
    batch: usize,
    /// Highest learning rate, of a cosine
    #[arg(long, value_name = "X", default_value_t = Training::default().lr, help_heading = "Training")]
    lr: f64,
    /// Weight decay of AdamW
    #[arg(long, value_name = "X", default_value_t = Training::default().weight_decay, help_heading = "Training")]
    weight_decay: f64,
    /// Largest norm of the gradient
    #[arg(long, value_name = "X", default_value_t = Training::default().clip, help_heading = "Training")]
    clip: f64,
    /// Inputs that a step differentiates by, drawn anew each time: an unbiased estimate of the Jacobian losses; 0: all
    #[arg(long, value_name = "N", default_value_t = Training::default().columns, help_heading = "Training")]
    columns: usize,
    /// Steps between two looks at the validation loss, each with a checkpoint
    #[arg(long, value_name = "N", default_value_t = Training::default().check_every, help_heading = "Training")]
    check_every: usize,
    /// Looks without a better validation loss before training stops
    #[arg(long, value_name = "N", default_value_t = Training::default().patience, help_heading = "Training")]
    patience: usize,
}

impl Args {
    fn grid(&self) -> anyhow::Result<Grid> {
        if let Some(file) = &self.grid {
            return Ok(Grid::read(file)?);
        }
        let (run, t) = (&self.run, &self.training);
        Ok(Grid {
            recordings: self.files.clone(),
            models: run.model.clone(),
            losses: run.loss.clone(),
            targets: run.target.clone(),
            features: run.features,
            seeds: run.seeds,
            width: run.width,
            weights: run.weights,
            depth: run.depth,
            states: run.states,
            influence: run.influence.clone(),
            training: Training {
                steps: t.steps,
                batch: t.batch,
                lr: t.lr,
                weight_decay: t.weight_decay,
                clip: t.clip,
                columns: t.columns,
                check_every: t.check_every,
                patience: t.patience,
                ..Training::default()
            },
            backend: run.backend,
            memory: run.memory,
            split: Split { seed: run.split_seed, ..Split::default() },
        })
    }
}

/// Trains.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let grid = args.grid()?;
    dynsparse::physics::keep_freed_memory();
    let mut shown = Shown::new(grid.len());
    let outcome = learn::run_grid(&grid, &args.output, &mut |number, run, p| shown.step(number, run, p));
    shown.finish();
    let GridOutcome { results, failures, held: _held } = outcome?;
    if !results.is_empty() {
        let mut text = shown_as(&learn::summaries(&results), &results);
        for run in results.iter().filter(|run| !run.influence.is_empty()) {
            text.push_str(&format!("{}\n{}", run.spec.name(&run.task), finite_page(&run.influence)));
        }
        let estimate = grid.training.columns > 0 && grid.losses.iter().any(Loss::needs_jacobian);
        text.push_str(&format!(
            "Jacobian losses: {}; weights {DEFAULT_WEIGHT} where nothing is said\n{}: {} runs\n",
            if estimate {
                format!("{} inputs a step, drawn at random", grid.training.columns)
            } else {
                "all inputs".into()
            },
            args.output.display(),
            results.len(),
        ));
        output::print(&text)?;
        let page = args.output.join("report.html");
        let program = format!("dynsparse {}", output::version());
        let input = ReportInput {
            title: "Do learned models recover the sparsity?",
            analyses: &[],
            comparisons: &[],
            skipped: &[],
            learned: &results,
            program: &program,
            settings: &serde_json::to_value(&grid)?,
        };
        replace(&page, FileKind::Html, report::page(&input)?.as_bytes())?;
        let figures = report::write_figures(&input, &args.output.join("figures"))?;
        output::print(&format!("{}: {figures} figures, also in figures/\n", page.display()))?;
    }
    match failures.len() {
        0 => Ok(ExitCode::SUCCESS),
        n => {
            let first = failures.into_iter().next().map_or_else(String::new, |f| f.to_string());
            anyhow::bail!("{n} of {} runs diverged; the first: {first}", grid.len())
        }
    }
}

/// For every task what its scores stand on and what predictions are worth that nothing has learned; then for every target two
/// tables, of errors and of what was recovered, with a row for every setting: mean over seeds and half of the 95 % interval.
/// Within 80 columns.
fn shown_as(summaries: &[Summary], results: &[RunResult]) -> String {
    let errors = [
        (Measure::Next, "next-state MSE", true),
        (Measure::OpenLoop, "20 steps", true),
        (Measure::Jacobian, "J error", true),
    ];
    let recovered = [
        (Measure::Sparsity, "sparsity", false),
        (Measure::Untrained, "untrained", false),
        (Measure::Auc, "AUC", true),
        (Measure::AucVaries, "AUC varying", true),
    ];
    let mut tasks: Vec<&str> = summaries.iter().map(|s| s.task.as_str()).collect();
    tasks.dedup();
    let mut out = String::new();
    for task in tasks {
        let own: Vec<&Summary> = summaries.iter().filter(|s| s.task == task).collect();
        out.push_str(&stands_on(task, &own));
        if let Some(run) = results.iter().find(|r| r.task == task) {
            out.push_str(&unlearned(run));
        }
        let mut targets: Vec<&str> = own.iter().map(|s| s.target.as_str()).collect();
        targets.dedup();
        for target in targets {
            let own: Vec<&Summary> = own.iter().copied().filter(|s| s.target == target).collect();
            out.push_str(&format!("  target: {target}\n"));
            for columns in [&errors[..], &recovered] {
                out.push_str(&part(&own, columns));
                out.push('\n');
            }
        }
    }
    out
}

/// What is zero in truth, and how many states and entries that is of.
fn stands_on(task: &str, own: &[&Summary]) -> String {
    let value =
        |measure: Measure| own.iter().find_map(|s| s.means.get(measure.name()).copied().flatten()).map(|m| m.mean);
    let mut out = task.to_owned();
    if let Some(target) = value(Measure::Target) {
        let small = value(Measure::TargetSmall).unwrap_or(0.0);
        out.push_str(&format!(
            ": {:.1} % of the true Jacobian is zero, {:.1} % below 1e-6",
            100.0 * target,
            100.0 * small
        ));
    }
    out.push('\n');
    if let [Some(states), Some(usable), Some(entries), Some(varying)] =
        [Measure::States, Measure::Usable, Measure::Entries, Measure::Varying].map(value)
    {
        out.push_str(&format!(
            "  scored: {} states ({:.1} % usable), {} entries, {} vary\n",
            output::grouped(states as usize),
            100.0 * usable,
            output::grouped(entries as usize),
            output::grouped(varying as usize)
        ));
    }
    out
}

/// What predictions are worth that nothing has learned.
fn unlearned(run: &RunResult) -> String {
    let (cell, mut out) = (|x: Option<f64>| x.map_or("-".to_owned(), short), String::new());
    let still = &run.evaluation.still;
    if !still.is_empty() {
        let more = if still.len() > 3 { format!(" and {} more", still.len() - 3) } else { String::new() };
        out.push_str(&format!("  never change, in no score: {}{more}\n", still[..still.len().min(3)].join(", ")));
    }
    let baselines = &run.evaluation.baselines;
    if !baselines.is_empty() {
        let table = Table::of(baselines)
            .words("nothing learned", |b| b.name.clone())
            .number("next-state MSE", |b| short(b.mse))
            .number("20 steps", |b| cell(b.open_loop))
            .number("J error", |b| cell(b.jacobian))
            .number("AUC", |b| cell(b.auc))
            .number("varying", |b| cell(b.auc_varying));
        out.push_str(&table.indented());
        out.push('\n');
    }
    out
}

fn part(summaries: &[&Summary], columns: &[(Measure, &str, bool)]) -> String {
    let mut table = Table::of(summaries)
        .words("model", |summary| summary.model.clone())
        .words("loss", |summary| summary.loss.clone());
    for (measure, heading, interval) in columns {
        table = table.number(heading, |summary| {
            let Some(mean) = summary.means.get(measure.name()).copied().flatten() else { return "-".to_owned() };
            let half = mean.half.filter(|_| *interval).map_or(String::new(), |h| format!(" ±{}", short(h)));
            format!("{}{half}", short(mean.mean))
        });
    }
    table.indented()
}

/// Three digits.
pub(super) fn short(x: f64) -> String {
    if x == 0.0 || (0.001..1000.0).contains(&x.abs()) { format!("{x:.3}") } else { format!("{x:.1e}") }
}

/// A bar on a terminal, a line now and then elsewhere.
struct Shown {
    runs: usize,
    bar: Option<ProgressBar>,
    last: Instant,
}

impl Shown {
    fn new(runs: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:12} {percent:>3}%  {eta:>4} left  {msg}") {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar
        });
        Self { runs, bar, last: Instant::now() }
    }

    fn step(&mut self, number: usize, run: &str, p: TrainingProgress) {
        let what = || format!("run {}/{}, {run}", number + 1, self.runs);
        if let Some(bar) = &self.bar {
            if p.step == 1 {
                bar.reset();
            }
            bar.set_length(p.steps as u64);
            bar.set_position(p.step as u64);
            bar.set_prefix(what());
            bar.set_message(format!("loss {:.3e}", p.loss));
        } else if self.last.elapsed() >= LINE_EVERY {
            self.last = Instant::now();
            let _ = writeln!(std::io::stderr(), "{}: step {} of {}, loss {:.3e}", what(), p.step, p.steps, p.loss);
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
