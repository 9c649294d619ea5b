//! `dynsparse score`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dynsparse::learn::{
    self, ALL, Data, EntryGroup, FinitePrediction, FinitePredictor, FiniteScore, FiniteTruth, JacobianError,
    Prediction, Recovered, Sparsity, StateFeatures, StudySize, VARYING,
};

use super::learn::short;
use super::output;
use super::table::Table;

const AFTER: &str = "\
Arrays of the .npz file, rows and columns in the order of the recording's state and actuator (of free and ball joints \
turns in the body's own frame, as mj_integratePos and mj_differentiatePos have them; examples/score_jax.py makes these of \
derivatives by quaternions):
  A, B   predicted Jacobians [steps, state, state] and [steps, state,
         actuator], in the recording's units
  edges  instead of A and B: [steps, state, state + actuator], higher where an
         edge is more likely
  steps  which steps of the recording (0, 1, ...); absent: all of them
  std    [state + actuator], where A and B are those of a map normalised with
         these standard deviations

With --influence the truth is what interventions of finite size have done, and these are scored (A and B, or edges, \
may stand beside them, or alone):
  change predicted changes of the next state [row, size, sign, state, input],
         axes and units as `change` of the study has them
  next   instead of change: predicted next states under the interventions
         [row, size, sign, input, qpos + qvel + act], with
  base   those without them [row, qpos + qvel + act]
  steps  which steps of the recording (row_in_recording of the study);
         absent: all rows of the study
  size   which of its sizes; absent: all of them

Examples:
  dynsparse score --truth CheetahRun.h5 --prediction pred.npz
  dynsparse score --truth CheetahRun.h5 --prediction pred.npz --json
  dynsparse score --truth CheetahRun.h5 --prediction pred.npz --size 0.1sd \
      --influence CheetahRun.influence.h5

Jacobians are compared in units of one standard deviation of the recording. Undecided entries and states without a \
derivative do not count.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// Recording
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// What a model says of its states (.npz)
    #[arg(long, value_name = "FILE")]
    prediction: PathBuf,
    #[command(flatten)]
    finite: Finite,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// The study whose interventions are the truth.
#[derive(Debug, clap::Args)]
pub(super) struct Finite {
    /// Score what is predicted under interventions: the study by `dynsparse influence` of this very recording
    #[arg(long, value_name = "STUDY.h5")]
    influence: Option<PathBuf>,
    /// One of the study's sizes, with its unit, as 0.1sd [default: all of them]
    #[arg(long, value_name = "SIZE", requires = "influence")]
    size: Option<StudySize>,
}

impl Finite {
    /// The study, where one is given, and the size.
    pub(super) fn open(&self, recording: &Path) -> anyhow::Result<Option<(FiniteTruth, Option<&StudySize>)>> {
        let study = self.influence.as_ref().map(|file| FiniteTruth::open(file, recording)).transpose()?;
        Ok(study.map(|study| (study, self.size.as_ref())))
    }
}

/// Scores.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let data = Data::whole(&args.truth, StateFeatures::default(), None)?;
    if let Some((study, size)) = args.finite.open(&args.truth)? {
        let prediction = FinitePrediction::read(&args.prediction, &data, &study)?;
        let found = learn::score_interventions(&data, &study, size, &prediction)?;
        if args.json {
            output::print(&serde_json::to_string_pretty(&found)?)?;
        } else {
            output::print(&finite_page(&found))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let prediction = Prediction::read(&args.prediction, &data)?;
    let found = learn::score(&data, &prediction)?;
    if args.json {
        output::print(&serde_json::to_string_pretty(&found)?)?;
    } else {
        let (states, entries) = (output::grouped(found.states), output::grouped(found.entries));
        let mut text = format!("{}: {states} states, {entries} entries", found.task);
        if found.without_derivative > 0 {
            text.push_str(&format!("; {} more states have no derivative", output::grouped(found.without_derivative)));
        }
        text.push('\n');
        text.push_str(&page(found.jacobian.as_ref(), found.sparsity.as_ref(), &found.recovered));
        output::print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Errors of the Jacobian and what is recovered of its zeros.
pub(super) fn page(jacobian: Option<&JacobianError>, sparsity: Option<&Sparsity>, found: &Recovered) -> String {
    let mut text = String::new();
    if let Some(j) = jacobian {
        let relative = j.relative.map_or("-".to_owned(), short);
        text.push_str(&format!("Jacobian ({} states): relative error {relative}, MAE {}\n", j.states, short(j.mae)));
    }
    if let Some(s) = sparsity {
        let untrained = s.untrained.map_or(String::new(), |u| format!(", untrained {}", short(u)));
        text.push_str(&format!(
            "share below 1e-6: {}, of the truth {}{untrained}\nzero in truth, by its zero test: {}\n",
            short(s.model),
            short(s.target_small),
            short(s.target)
        ));
    }
    let cell = |x: Option<f64>| x.map_or("-".to_owned(), short);
    let name = |g: &EntryGroup| if g.name == VARYING { "entries that vary".to_owned() } else { g.name.clone() };
    let zeros = |g: &EntryGroup| match g.entries {
        0 => "-".to_owned(),
        entries => format!("{:.1}%", 100.0 * g.zeros as f64 / entries as f64),
    };
    let table = Table::of(&found.groups)
        .words("", name)
        .number("states", |g| output::grouped(g.states))
        .number("entries", |g| output::grouped(g.entries))
        .number("zeros", zeros)
        .number("ROC-AUC", |g| cell(g.roc_auc))
        .number("PR-AUC", |g| cell(g.pr_auc))
        .number("of zeros", |g| cell(g.pr_auc_zeros));
    text.push_str(&table.text());
    if let Some(all) = found.groups.first() {
        for cut in &all.cuts {
            let best = if found.threshold == Some(cut.threshold) { " (best on validation)" } else { "" };
            text.push_str(&format!(
                "at {:.1e}{best}: F1 of edges {}, of zeros {}, SHD {}\n",
                cut.threshold,
                cell(cut.f1),
                cell(cut.f1_zeros),
                short(cut.shd)
            ));
        }
    }
    text
}

/// Predictions under intervention, size by size.
pub(super) fn finite_page(scores: &[FiniteScore]) -> String {
    let cell = |x: Option<f64>| x.map_or("-".to_owned(), short);
    let mut text = String::new();
    for score in scores {
        let unchanged = score.unchanged().map_or("-".to_owned(), |x| format!("{:.1} %", 100.0 * x));
        text.push_str(&format!(
            "interventions of {:e} {}: {} of {} rows, {} entries, {unchanged} unchanged\n",
            score.size,
            score.unit,
            output::grouped(score.states),
            output::grouped(score.of),
            output::grouped(score.entries)
        ));
        let group = |p: &FinitePredictor, name: &str| p.recovered.groups.iter().find(|g| g.name == name).cloned();
        let below = |p: &FinitePredictor, i: usize| {
            let cut = p.error.and(group(p, ALL)).and_then(|g| g.cuts.get(i).map(|cut| cut.sparsity));
            cell(cut)
        };
        let table = Table::of(&score.predictors)
            .words("predicted by", |p| p.name.clone())
            .number("AUC", |p| cell(group(p, ALL).and_then(|g| g.roc_auc)))
            .number("varying", |p| cell(group(p, VARYING).and_then(|g| g.roc_auc)))
            .number("error", |p| cell(p.error.and_then(|e| e.relative)))
            .number("median", |p| cell(p.error.and_then(|e| e.median)))
            .number("<1e-6", |p| below(p, 0))
            .number("<1e-2", |p| below(p, 2));
        text.push_str(&table.indented());
        let small = score.predictors.iter().find_map(|p| p.sparsity).map(|s| s.target_small);
        text.push_str(&format!("  the simulator changes {} by less than 1e-6\n", cell(small)));
    }
    if !scores.is_empty() {
        text.push_str(
            "AUC: of the predicted change as a score for entries that change; varying: over\n\
             entries that change at some rows and not at others; error: of predicted against\n\
             simulated changes, norm by norm; median: the same of each intervention; <: share\n\
             of entries predicted to change by less standard deviations.\n",
        );
    }
    text
}

/// A count for clap.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "it must be a whole number above 0".to_owned())
}
