//! `dynsparse ablate`.

mod variants;
mod variants_table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use dynsparse::analysis::compare;
use dynsparse::analysis::{self, Analysis, Skipped};
use dynsparse::files::{FileKind, Inputs, Lock, replace};
use dynsparse::report::{self, ReportInput};

use super::args::{ModelFile, Settings, Subject};
use super::gather::{made_with, report_skipped};
use super::record::{self, How};
use super::{analyze, output, signals};
use variants::Variant;

/// Recordings of an ablation, at most.
const MOST: usize = 1000;

const AFTER: &str = "\
Examples:
  dynsparse ablate CheetahRun --over method  engines, differences, eps, solver
  dynsparse ablate CheetahRun --over threshold
                                             thresholds beside the zero test
  dynsparse ablate WalkerRun --over step     physics steps beside control steps
  dynsparse ablate BallInCup --over policy --replay expert.h5
  dynsparse ablate robot.xml --over physics  time step, softness of contacts
  dynsparse ablate CheetahRun --policy colored --over beta=0,1,2
                                             any setting of `dynsparse record`
  dynsparse ablate CheetahRun --over timestep=0.005,0.01 \\
      --over set=geom_solref[0]=0.02,geom_solref[0]=0.1

Makes one recording for each variant, all with the same seed, and puts them side by side: in the terminal, in \
DIR/report.html, and in DIR/figures as SVG, PNG and CSV. The recordings stay in DIR. Killed at any instant, the same \
command goes on. A variant that cannot be recorded is named and left out; the exit status is 1 then.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// A task (see `dynsparse tasks`) or an MJCF file; the embedded Juggler when left out
    #[arg(value_name = "TASK|MODEL.xml")]
    task: Option<String>,
    /// What to vary: threshold, method, step, policy, physics, or SETTING=VALUE,...; with several, every combination
    #[arg(long, required = true, value_name = "WHAT")]
    over: Vec<String>,
    /// The folder for recordings, report and figures [default: ablation-TASK-WHAT]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    model: ModelFile,
    /// Replace recordings of other settings
    #[arg(long, help_heading = "Files")]
    force: bool,
}

/// Records the variants and compares them.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let subject = args.task.as_deref().map_or_else(Subject::default, Subject::of);
    let mut base = args.settings.clone().of(&subject, &args.model);
    let each = args.over.iter().map(|over| variants::of(over, &base)).collect::<anyhow::Result<Vec<_>>>()?;
    let count = each.iter().fold(1, |all: usize, next| all.saturating_mul(next.len()));
    anyhow::ensure!(count <= MOST, "--over asks for {count} recordings, more than {MOST}: give fewer values");
    let all = each.into_iter().reduce(|all, next| variants::product(&all, &next)).unwrap_or_default();
    // Only the variant that replays has a use for it.
    if args.over.iter().any(|o| o == "policy") {
        base.replay = None;
    }
    let task = base.task()?.spec.name;
    let folder = args.output.clone().unwrap_or_else(|| default_folder(&task, &args.over));
    let _alone = Lock::of_results(&folder)?;
    let stop = signals::install()?;
    let how = How { shard: None, merge_only: false, force: args.force, stop: &stop, inputs: Inputs::default() };
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    for Variant { name, settings } in all {
        let file = folder.join(format!("{name}.h5"));
        let settings = Settings { output: Some(file.clone()), ..settings.or(base.clone()) };
        match record::one(&settings, &how) {
            Ok(text) => {
                tracing::info!("{text}");
                files.push(file);
            }
            Err(error) if stop.load(Ordering::Relaxed) => return Err(error),
            Err(error) => skipped.push(Skipped { reason: format!("{name}: {error}"), file }),
        }
    }
    let settings = analysis::AnalysisSettings {
        embedding_rows: EMBEDDED,
        trace: Vec::new(),
        ..analysis::AnalysisSettings::default()
    };
    let mut analyses = Vec::new();
    for file in files {
        match analysis::analyze(&file, &settings) {
            Ok(analysis) => analyses.push(analysis),
            Err(error) => skipped.push(Skipped { reason: error.to_string(), file }),
        }
    }
    if !analyses.is_empty() {
        show(&task, args, &folder, &settings, &analyses, &skipped)?;
    }
    report_skipped(&skipped);
    Ok(if skipped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Steps in the embeddings, which are beside the point here.
const EMBEDDED: usize = 500;

fn default_folder(task: &str, over: &[String]) -> PathBuf {
    let what: Vec<&str> = over.iter().map(|o| o.split_once('=').map_or(o.as_str(), |(key, _)| key)).collect();
    PathBuf::from(format!("ablation-{task}-{}", what.join("-")).replace(['/', '\\'], "_"))
}

fn show(
    task: &str,
    args: &Args,
    folder: &Path,
    settings: &analysis::AnalysisSettings,
    analyses: &[Analysis],
    skipped: &[Skipped],
) -> anyhow::Result<()> {
    let comparisons = compare::comparisons(analyses);
    let program = format!("dynsparse {}", output::version());
    let title = format!("{task} over {}", args.over.join(" and "));
    let input = ReportInput {
        title: &title,
        analyses,
        comparisons: &comparisons,
        skipped,
        learned: &[],
        program: &program,
        settings: &made_with(settings, analyses)?,
    };
    let page = folder.join("report.html");
    replace(&page, FileKind::Html, report::page(&input)?.as_bytes())?;
    let figures = folder.join("figures");
    report::write_figures(&input, &figures)?;
    let text = match analyses {
        [one] => analyze::thresholds(one),
        several => variants_table::side_by_side(several, &comparisons),
    };
    output::print(&format!("{title}\n{text}\nreport:  {}\nfigures: {}\n", page.display(), figures.display()))
}
