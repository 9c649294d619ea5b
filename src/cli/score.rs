//! `dynsparse score`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::learn::{
    self, Data, EntryGroup, JacobianError, Prediction, Recovered, Sparsity, StateFeatures, VARYING,
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

Examples:
  dynsparse score --truth CheetahRun.h5 --prediction pred.npz
  dynsparse score --truth CheetahRun.h5 --prediction pred.npz --json

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
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// Scores.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let data = Data::whole(&args.truth, StateFeatures::default(), None)?;
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

/// A count for clap.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "it must be a whole number above 0".to_owned())
}
