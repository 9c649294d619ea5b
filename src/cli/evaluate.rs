//! `dynsparse evaluate`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::learn::{self, Data, Evaluation, FiniteScore, Part, Place, Trained};
use serde::Serialize;

use super::learn::short;
use super::{output, score};

const AFTER: &str = "\
Examples:
  dynsparse evaluate learned/CheetahRun-mlp-mse-s0 CheetahRun.h5
  dynsparse evaluate learned/CheetahRun-mlp-mse-s0 other.h5 --json
  dynsparse evaluate learned/CheetahRun-mlp-mse-s0 CheetahRun.h5 \\
      --influence CheetahRun.influence.h5

The recording that the model was trained on is evaluated on its test episodes, any other one of the same model on all \
of its episodes.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// Folder of a finished run of `learn`
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Recording
    #[arg(value_name = "FILE")]
    recording: PathBuf,
    /// States whose Jacobian is evaluated, at most
    #[arg(long, value_name = "N", default_value_t = learn::STATES, value_parser = score::at_least_one)]
    states: usize,
    #[command(flatten)]
    finite: score::Finite,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// All that is printed as JSON.
#[derive(Debug, Serialize)]
struct Found {
    #[serde(flatten)]
    evaluation: Evaluation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    influence: Vec<FiniteScore>,
}

/// Evaluates.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let place = Place::cpu();
    let trained = Trained::read(&args.run, &place)?;
    let notes = &trained.notes;
    let spec = &notes.spec;
    let same = Data::read_within(&args.recording, &spec.split, spec.features, learn::MEMORY)
        .ok()
        .map(|data| data.with_target(spec.target))
        .filter(|data| data.norm == notes.norm);
    let (data, part) = match same {
        Some(data) => (data, Some(Part::Test)),
        None => {
            let whole = Data::whole(&args.recording, spec.features, Some(&notes.norm))?;
            (whole.with_norm(spec.target, &notes.norm), None)
        }
    };
    if data.state != notes.state || data.action != notes.action {
        anyhow::bail!(
            "{}: its state and action have other names than those of {}: evaluate it on a recording of {}",
            args.recording.display(),
            args.run.display(),
            notes.task
        );
    }
    if !data.coordinates.sees_as(&trained.coordinates) {
        anyhow::bail!(
            "{}: its states have other features than those of {}: evaluate it on a recording of {} by the same version",
            args.recording.display(),
            args.run.display(),
            notes.task
        );
    }
    let found = learn::evaluate(&trained, &data, part, args.states, &place)?;
    let influence = match args.finite.open(&args.recording)? {
        Some((study, size)) => learn::score_network(&trained, &data, part, (&study, size), args.states, &place)?,
        None => Vec::new(),
    };
    if args.json {
        output::print(&serde_json::to_string_pretty(&Found { evaluation: found, influence })?)?;
    } else {
        output::print(&(page(&found) + &score::finite_page(&influence)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn page(found: &Evaluation) -> String {
    let next = &found.next;
    let mut text = format!(
        "next state ({} episodes): MSE {}, nothing changes {}\n",
        found.part,
        short(next.mse),
        short(next.persistence)
    );
    for b in &found.baselines {
        let cell = |x: Option<f64>| x.map_or("-".to_owned(), short);
        text.push_str(&format!(
            "  {}: MSE {}, relative error of J {}, ROC-AUC {}\n",
            b.name,
            short(b.mse),
            cell(b.jacobian),
            cell(b.auc)
        ));
    }
    for o in &next.open_loop {
        let rmse = o.rmse.map_or("not finite".to_owned(), short);
        text.push_str(&format!(
            "  {} steps open loop: RMSE {rmse}, nothing changes {}\n",
            o.horizon,
            short(o.persistence)
        ));
    }
    let judged = &found.judged;
    text.push_str(&format!(
        "scored: {} of {} states, {} of which have a derivative; {} entries\n",
        output::grouped(judged.states),
        output::grouped(judged.all),
        output::grouped(judged.usable),
        output::grouped(judged.entries)
    ));
    text.push_str(&score::page(Some(&found.jacobian), Some(&found.sparsity), &found.recovered));
    text
}
