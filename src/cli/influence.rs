//! `dynsparse influence`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use dynsparse::dataset::Recording;
use dynsparse::files::{FileKind, Inputs, Output};
use dynsparse::influence::{
    EntryKinds, EntryShare, InfluenceOutcome, InfluenceProgress, InfluenceRun, InfluenceSettings, SizeSummary,
    SizeUnit, Study, influence, influence_table,
};
use serde_json::json;

use super::progress::Lines;
use super::table::Table;
use super::{output, signals, threads};

const AFTER: &str = "\
Examples:
  dynsparse influence WalkerRun.h5  interventions of 0.01, 0.1 and 1 standard
                                    deviation at 100 steps
  dynsparse influence a.h5 --sizes 1e-4,1e-3,1e-2 --unit absolute --radius
                                    and where each zero of the Jacobian breaks
  dynsparse influence a.h5 --horizon 10 --steps 50 --csv table.csv

For every sampled step and every input (positions, velocities, activations, controls) the step is simulated after \
do(x_j := x_j +- size) and without it; what changes beyond rounding depends on the input at that size. Controls stay \
within their ranges. Interrupt it and start it again: it goes on where it was.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// The recording
    file: PathBuf,
    /// The file of graphs [default: the recording's name with .influence.h5]
    #[arg(short, long, value_name = "FILE.h5")]
    output: Option<PathBuf>,
    /// Sizes of interventions, rising; each is taken to both sides
    #[arg(
        long,
        value_name = "SIZE,...",
        value_delimiter = ',',
        default_value = "0.01,0.1,1",
        allow_hyphen_values = true
    )]
    sizes: Vec<f64>,
    /// What sizes are in: the input's own unit, or its standard deviation or range in the recording
    #[arg(long, value_enum, default_value_t)]
    unit: SizeUnit,
    /// How many steps are sampled, spread over the recording
    #[arg(long, value_name = "N", default_value_t = 100)]
    steps: usize,
    /// Look at the state so many recorded steps later, under the recorded controls
    #[arg(long, value_name = "N", default_value_t = 1)]
    horizon: usize,
    /// Find the smallest size at which each zero of the Jacobian breaks
    #[arg(long)]
    radius: bool,
    /// Compare Jacobians beside each step with its own: which entries change with
    /// the state, and how
    #[arg(long)]
    second: bool,
    /// Leave rows with one of these flags out of the table
    #[arg(long, value_name = "FLAG,...", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Replace the output, or unfinished work of other settings
    #[arg(long)]
    force: bool,
    /// Write the table as CSV too
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Intervenes.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let stop = signals::install()?;
    let threads = threads::count(args.threads)?;
    let recording = Recording::open(&args.file)?;
    let inputs = Inputs::new([&args.file]);
    let name = args.output.clone().unwrap_or_else(|| args.file.with_extension("influence.h5"));
    anyhow::ensure!(
        args.csv.as_ref() != Some(&name),
        "{}: the graphs and the table are both to go there; name two files",
        name.display()
    );
    let csv = args.csv.as_ref().map(|file| Output::claim(file, FileKind::Csv, &inputs)).transpose()?;
    let settings = InfluenceSettings {
        sizes: args.sizes.clone(),
        unit: args.unit,
        rows: args.steps,
        horizon: args.horizon,
        radius: args.radius,
        second: args.second,
        exclude: args.exclude.clone(),
    };
    let study = Study::new(&recording, settings.clone())?;
    let run = InfluenceRun { output: &name, threads, force: args.force, stop: &stop };
    let found = influence(&study, &run, &Shown(Mutex::new(Lines::new())))?;
    let program = format!("dynsparse {}", output::version());
    if let Some(csv) = csv {
        csv.write(&influence_table(&found).to_csv(&program, &serde_json::to_value(&settings)?)?)?;
    }
    if args.json {
        output::print(&serde_json::to_string_pretty(&json!({"program": program, "influence": found}))?)?;
    } else {
        output::print(&format!("{}\n{}: the graphs", page(&found), name.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn page(found: &InfluenceOutcome) -> String {
    let settings = &found.settings;
    let rows = found.rows - found.flagged - found.not_studied;
    let mut text = format!("{}: {} rows, {} count", found.task, output::grouped(found.rows), output::grouped(rows));
    for (number, why) in [(found.flagged, "left out by flags"), (found.not_studied, "could not be simulated again")] {
        if number > 0 {
            text.push_str(&format!("; {} {why}", output::grouped(number)));
        }
    }
    text.push('\n');
    if settings.horizon > 1 {
        text.push_str(&format!("the state is that of {} rows later\n", settings.horizon));
    }
    let percent = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{:.1}", 100.0 * x));
    let share = |s: &EntryShare| match s.interval {
        Some([low, high]) => format!("{} ({:.1}-{:.1})", percent(s.share), 100.0 * low, 100.0 * high),
        None => percent(s.share),
    };
    let part =
        |count: u64, s: &SizeSummary| percent((s.broken.count > 0).then(|| count as f64 / s.broken.count as f64));
    let graphs = Table::of(&found.summaries)
        .number("size", |s| format!("{:e}", s.size))
        .words("", |s| s.matrix.to_owned())
        .number("sparse %", |s| percent(s.sparsity))
        .number("Jacobian %", |s| percent(s.jacobian_sparsity))
        .number("undecided", |s| output::grouped(s.undecided as usize))
        .number("zeros broken %", |s| share(&s.broken))
        .number("missed %", |s| share(&s.missed));
    let breaks = Table::of(found.summaries.iter().filter(|s| s.broken.count > 0 || s.vanished.count > 0))
        .number("size", |s| format!("{:e}", s.size))
        .words("", |s| s.matrix.to_owned())
        .number("broken", |s| output::grouped(s.broken.count as usize))
        .number("contact %", |s| part(s.breaks.contact, s))
        .number("limit %", |s| part(s.breaks.limit, s))
        .number("friction %", |s| part(s.breaks.friction, s))
        .number("force %", |s| part(s.breaks.force, s))
        .number("smooth %", |s| part(s.breaks.smooth, s))
        .number("vanished", |s| output::grouped(s.vanished.count as usize));
    text.push_str(&format!("\n{}\n{}\n{}", graphs.text(), breaks.text(), model(found)));
    text.push_str(&format!(
        "size: in {}.\n\
         sparse: entries that the intervention does not change; Jacobian: its zeros.\n\
         zeros broken: of the Jacobian's zeros, those that the intervention changes\n\
         (95 % interval); missed: of the entries that it changes, those that the\n\
         Jacobian calls zero. Below: what switches in the steps in which zeros break;\n\
         vanished: nonzero in the Jacobian, unchanged by the intervention. Off by: how\n\
         far a linear model is, |change - A delta| / |change|; J by: how far the\n\
         Jacobian changes, |J after the intervention - J| / |J|; medians over\n\
         interventions, and what nine of ten are off by (90 %).\n",
        match settings.unit {
            SizeUnit::Absolute => "each input's own unit",
            SizeUnit::Sd => "standard deviations of each input in the recording",
            SizeUnit::Range => "ranges of each input in the recording",
        }
    ));
    text
}

/// How far a linear model holds, and second order.
fn model(found: &InfluenceOutcome) -> String {
    let rows: Vec<_> = found.summaries.iter().filter(|s| s.linear_error.is_some() || s.entries.is_some()).collect();
    if rows.is_empty() {
        return String::new();
    }
    let error = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.1e}"));
    let mut table = Table::of(rows)
        .number("size", |s| format!("{:e}", s.size))
        .words("", |s| s.matrix.to_owned())
        .number("off by", |s| error(s.linear_error.map(|e| e.median)))
        .number("90 %", |s| error(s.linear_error.map(|e| e.ninth_decile)));
    if found.settings.second {
        let share = |s: &SizeSummary, of: &dyn Fn(&EntryKinds) -> u64| {
            let all = s.entries.map(|e| e.constant + e.bilinear + e.bends + e.switches + e.undecided);
            match (&s.entries, all) {
                (Some(entries), Some(all)) if all > 0 => format!("{:.1}", 100.0 * of(entries) as f64 / all as f64),
                _ => "-".to_owned(),
            }
        };
        table = table
            .number("const %", |s| share(s, &|e| e.constant))
            .number("bilin %", |s| share(s, &|e| e.bilinear))
            .number("bends %", |s| share(s, &|e| e.bends))
            .number("switch %", |s| share(s, &|e| e.switches))
            .number("?", |s| share(s, &|e| e.undecided))
            .number("J by", |s| error(s.second_share.map(|e| e.median)));
    }
    table.text() + "\n"
}

/// Tells how a study comes along.
struct Shown(Mutex<Lines>);

impl InfluenceProgress for Shown {
    fn rows(&self, done: usize, rows: usize) {
        if self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_due() {
            let _ = writeln!(std::io::stderr(), "influence: {done} of {rows} rows");
        }
    }
}
