//! `dynsparse analyze`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use dynsparse::analysis::compare::{self, Comparison};
use dynsparse::analysis::temporal::Runs;
use dynsparse::analysis::{self, Analysis, Criterion, Matrix, Settings, Steps, paper, table};
use dynsparse::sweep::Manifest;
use serde_json::json;

use super::output::{self, grouped, wrapped};

/// Cells of a reason, contact sets and levels that a page shows.
const SHOWN: usize = 6;

const AFTER: &str = "\
Examples:
  dynsparse analyze CheetahRun.h5                 tables of one recording
  dynsparse analyze sweep/ -o results             a sweep; every table as a file
  dynsparse analyze a.h5 b.h5                     two of one task: what differs, side by side
  dynsparse analyze CheetahRun.h5 --zero 1e-12    a fixed threshold instead of the zero masks
  dynsparse analyze CheetahRun.h5 --exclude contacts_changed

An entry is zero where the recorded zero test says so; undecided entries are counted by
themselves. A recording without zero masks is read with the threshold 1e-7.
Exit status 1 when a recording could not be analysed; the others are.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// Recordings, or folders of them, such as a sweep's
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write every table as CSV, JSON and Parquet into this folder, and all results as analysis.json
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print all results as JSON
    #[arg(long)]
    json: bool,
    /// What makes an entry zero: `mask`, the recorded zero test, or a threshold such as 1e-7 [default: mask where
    /// recorded, else 1e-7]
    #[arg(long, value_name = "mask|X")]
    zero: Option<Criterion>,
    /// Thresholds to compare besides 1e-16, 1e-15, ..., 1e-2
    #[arg(long, value_name = "X,...", value_delimiter = ',')]
    thresholds: Vec<f64>,
    /// Leave out steps with any of these flags
    #[arg(long, value_name = "FLAG,...", value_delimiter = ',', help_heading = "Steps")]
    exclude: Vec<String>,
    /// Only steps with any of these flags
    #[arg(long, value_name = "FLAG,...", value_delimiter = ',', help_heading = "Steps")]
    only: Vec<String>,
    /// Episodes whose sparsity is given step by step [default: 0]
    #[arg(long, value_name = "N,...", value_delimiter = ',', help_heading = "Figures")]
    trace: Option<Vec<i64>>,
    /// Compute t-SNE besides principal components
    #[arg(long, help_heading = "Figures")]
    tsne: bool,
    /// Perplexity of t-SNE
    #[arg(long, value_name = "X", default_value_t = 50.0, requires = "tsne", help_heading = "Figures")]
    perplexity: f64,
    /// Steps in the embedding of (s, a, s'), at most 5000
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(0..=5000), help_heading = "Figures")]
    embed: u64,
    /// Seed of the embedding's sample
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Figures")]
    seed: u64,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Args {
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings {
            zero: self.zero,
            steps: Steps { exclude: analysis::flag_bits(&self.exclude)?, only: analysis::flag_bits(&self.only)? },
            embedding_rows: self.embed as usize,
            tsne: self.tsne,
            perplexity: self.perplexity,
            seed: self.seed,
            ..Settings::default()
        };
        if let Some(trace) = &self.trace {
            settings.trace.clone_from(trace);
        }
        let wrong = self.thresholds.iter().find(|x| !(x.is_finite() && **x > 0.0));
        anyhow::ensure!(wrong.is_none(), "--thresholds holds {}; thresholds are above 0", wrong.unwrap_or(&0.0));
        anyhow::ensure!(
            self.perplexity.is_finite() && self.perplexity > 1.0,
            "--perplexity is {}; it is above 1, 50 as published",
            self.perplexity
        );
        settings.add_thresholds(&self.thresholds);
        Ok(settings)
    }
}

/// A recording that was not analysed.
struct Skipped {
    file: PathBuf,
    reason: String,
}

/// Analyses.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let settings = args.settings()?;
    anyhow::ensure!(args.threads != Some(0), "threads is 0; give at least 1, or leave it out for all cores");
    let files = files(&args.files)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0)).build()?;
    let (mut analyses, mut skipped) = (Vec::new(), Vec::new());
    for file in &files {
        match pool.install(|| analysis::analyze(file, &settings)) {
            Ok(analysis) => analyses.push(analysis),
            // Of one recording, the error is all there is to say.
            Err(error) if files.len() == 1 => return Err(error.into()),
            Err(error) => skipped.push(Skipped { file: file.clone(), reason: error.to_string() }),
        }
    }
    name_apart(&mut analyses);
    let comparisons = compare::comparisons(&analyses);
    let program = format!("dynsparse {}", output::version());
    let everything = || {
        let skipped: Vec<_> =
            skipped.iter().map(|s| json!({"file": s.file.display().to_string(), "reason": s.reason})).collect();
        json!({
            "program": program, "settings": settings, "recordings": analyses, "comparisons": comparisons,
            "skipped": skipped, "published": {"source": paper::SOURCE, "table": paper::TABLE},
        })
    };
    if let Some(folder) = &args.output {
        if !analyses.is_empty() {
            let tables = table::tables(&analyses, &comparisons);
            table::write(folder, &tables, &program, &settings)?;
            table::replace(&folder.join("analysis.json"), everything().to_string().as_bytes())?;
        }
    }
    let text = if args.json {
        serde_json::to_string_pretty(&everything())?
    } else {
        let mut text = match &analyses[..] {
            [one] => page(one),
            several => overview(several, &comparisons),
        };
        if let Some(folder) = args.output.as_ref().filter(|_| !analyses.is_empty()) {
            text.push_str(&format!("\ntables: {}\n", folder.display()));
        }
        text
    };
    if !analyses.is_empty() || args.json {
        output::print(&text)?;
    }
    for Skipped { reason, .. } in &skipped {
        output::report(&anyhow::anyhow!("{reason}"));
    }
    Ok(if skipped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The recordings that are meant: a folder stands for those in it.
fn files(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        if path.join("manifest.json").is_file() {
            let manifest = Manifest::of(path)?;
            files.extend(manifest.tasks.values().filter(|e| e.done().is_some()).map(|e| path.join(&e.file)));
        } else {
            let entries = std::fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
            let recording = |p: &PathBuf| p.is_file() && p.extension().is_some_and(|e| e == "h5");
            found.retain(|p| recording(p) && p.file_name().is_some_and(|n| n != "index.h5"));
            found.sort();
            files.extend(found);
        }
        anyhow::ensure!(files.len() > before, "{}: there is no finished recording in this folder", path.display());
    }
    Ok(files)
}

/// Gives recordings of one name their paths instead.
fn name_apart(analyses: &mut [Analysis]) {
    let mut count = BTreeMap::new();
    analyses.iter().for_each(|a| *count.entry(a.subject.name.clone()).or_insert(0) += 1);
    for a in analyses.iter_mut().filter(|a| count[&a.subject.name] > 1) {
        a.subject.name = Path::new(&a.subject.file).with_extension("").display().to_string();
    }
}

/// A table without lines.
fn plain<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>, left: usize) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    output::right_aligned(&mut table, left);
    output::table(&table).lines().map(|line| format!("  {line}\n")).collect()
}

fn heading(title: &str) -> String {
    format!("\n{title}\n")
}

/// A share as percent.
fn percent(share: f64) -> String {
    match 100.0 * share {
        x if x > 0.0 && x < 0.005 => format!("{x:.0e}"),
        x if x > 0.0 && x < 0.05 => format!("{x:.2}"),
        x => format!("{x:.1}"),
    }
}

/// What the words of a table mean.
fn note(text: &str) -> String {
    let mut out = String::from(" ");
    let mut width = 1;
    for word in text.split(' ') {
        if width + 1 + word.chars().count() > 79 {
            out.push_str("\n ");
            width = 1;
        }
        out.push(' ');
        out.push_str(word);
        width += 1 + word.chars().count();
    }
    out + "\n"
}

/// A number with three digits that count.
fn short(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        a if !(1e-3..1e5).contains(&a) => format!("{x:.1e}"),
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 10.0 => format!("{x:.1}"),
        a if a >= 1.0 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}

fn maybe(x: Option<f64>) -> String {
    x.map_or_else(|| "-".to_owned(), short)
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    format!("{}~", text.chars().take(most - 1).collect::<String>())
}

/// What counts, and how zero is decided.
fn basis(a: &Analysis) -> String {
    let s = &a.selection;
    let mut out = String::new();
    let zero = match (a.criterion, a.masks, a.settings.zero) {
        (Criterion::Mask, ..) => "by the recorded zero test".to_owned(),
        (Criterion::Threshold(x), false, None) => format!("|x| < {x:e}: the recording has no zero masks"),
        (Criterion::Threshold(x), ..) => format!("|x| < {x:e}"),
    };
    out.push_str(&wrapped("zero", &zero));
    let mut left_out = Vec::new();
    if s.unwanted > 0 {
        left_out.push(format!("{} left out by their flags", grouped(s.unwanted as usize)));
    }
    if s.not_finite > 0 {
        let episodes: Vec<String> = s.not_finite_episodes.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = if s.not_finite_episodes.len() > SHOWN { ", ..." } else { "" };
        let count = grouped(s.not_finite as usize);
        left_out.push(format!("{count} with NaN or infinite entries (episodes {}{more})", episodes.join(", ")));
    }
    let of = if left_out.is_empty() {
        String::new()
    } else {
        format!(" of {}; {}", grouped(s.steps as usize), left_out.join(", "))
    };
    let kind = a.subject.attributes.get("step_kind").and_then(|v| v.as_str()).unwrap_or("");
    let samples = grouped(s.samples as usize);
    out.push_str(&wrapped("samples", &format!("{samples} {kind} steps in {} episodes{of}", s.episodes)));
    let flags: Vec<String> = s
        .flags
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(name, n)| format!("{name} {} %", percent(*n as f64 / s.steps.max(1) as f64)))
        .collect();
    if !flags.is_empty() {
        out.push_str(&wrapped("flags", &flags.join(", ")));
    }
    out
}

fn page(a: &Analysis) -> String {
    let mut out = format!("{}  {}\n\n", a.subject.file, a.subject.task);
    out.push_str(&basis(a));
    out.push_str(&global(a));
    out.push_str(&state(a));
    out.push_str(&temporal(a));
    out.push_str(&thresholds(a));
    out
}

fn global(a: &Analysis) -> String {
    let mut out = heading("Q1  Entries that are zero in every sample");
    let rows = a.global.iter().map(|g| {
        let published = a.published.map(|p| if g.matrix == Matrix::A { p.zero_a } else { p.zero_b });
        [
            g.matrix.name().to_owned(),
            format!("{} x {}", g.shape.rows, g.shape.columns),
            g.zero.to_string(),
            format!("{:.1}", g.percent),
            published.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            g.open.to_string(),
            grouped(g.bound.quiet_samples as usize),
            format!("{}/{}", g.bound.in_one_episode, g.episodes),
        ]
    });
    let header = ["", "size", "zero", "%", "paper", "open", "quiet", "next episode"];
    out.push_str(&plain(header, rows, 2));
    let blocks = a.global.iter().flat_map(|g| &g.blocks).map(|b| {
        let percent = 100.0 * b.zero as f64 / b.entries as f64;
        [format!("{}'/{}", b.row, b.column), b.zero.to_string(), b.entries.to_string(), format!("{percent:.1}")]
    });
    out.push('\n');
    out.push_str(&plain(["block", "zero", "of", "%"], blocks, 1));
    let mut reasons = Vec::new();
    for g in &a.global {
        let name = || g.matrix.name().to_owned();
        for r in g.reasons.iter().take(2 * SHOWN) {
            let cells = [r.cells.to_string(), r.open.to_string(), cut(&r.name, 26), r.kind.describe().to_owned()];
            let [cells, open, which, why] = cells;
            reasons.push([name(), cells, open, which, why]);
        }
        let rest = &g.reasons[g.reasons.len().min(2 * SHOWN)..];
        if !rest.is_empty() {
            let [cells, open] = [rest.iter().map(|r| r.cells).sum::<usize>(), rest.iter().map(|r| r.open).sum()];
            let which = format!("{} more", rest.len());
            reasons.push([name(), cells.to_string(), open.to_string(), which, String::new()]);
        }
    }
    if !reasons.is_empty() {
        out.push('\n');
        out.push_str(&plain(["", "zero", "open", "which", "why"], reasons, 9));
    }
    for g in &a.global {
        let unexplained: Vec<_> = g.cells.iter().filter(|c| c.reason.is_none()).collect();
        if !unexplained.is_empty() {
            let named = unexplained.iter().take(2 * SHOWN);
            let named = named.map(|c| format!("{}'/{}{}", c.row, c.column, if c.open { " (open)" } else { "" }));
            let mut text = named.collect::<Vec<_>>().join(", ");
            if unexplained.len() > 2 * SHOWN {
                text.push_str(", ...");
            }
            out.push_str(&wrapped("", &format!("{} of {} by themselves: {text}", unexplained.len(), g.matrix.name())));
        }
    }
    out.push('\n');
    let worst = a.global.iter().map(|g| g.bound.share_of_steps).fold(0.0, f64::max);
    let episodes = a.global.iter().map(|g| g.bound.share_of_episodes).fold(0.0, f64::max);
    out.push_str(&note(&format!(
        "open: never nonzero, undecided at least once. quiet: samples since the count last fell. next episode: \
             entries nonzero in one episode only, over episodes: what one more is expected to take. An entry called \
             zero is nonzero in at most {} % of steps (were they independent) and {} % of episodes, with 95 % \
             confidence.",
        percent(worst),
        percent(episodes)
    )));
    out
}

fn state(a: &Analysis) -> String {
    let mut out = heading("Q2  Sparsity by state: share of a step's entries that are zero, %");
    let rows = a.state.iter().map(|s| {
        [
            s.matrix.name().to_owned(),
            percent(s.mean),
            percent(s.std),
            percent(s.min),
            percent(s.max),
            percent(s.mean_undecided),
            grouped(s.patterns.distinct),
            format!("{:.2}", s.patterns.entropy_bits),
            s.patterns.half.to_string(),
        ]
    });
    let header = ["", "mean", "std", "min", "max", "undecided", "patterns", "bits", "half"];
    out.push_str(&plain(header, rows, 1));
    out.push('\n');
    for s in &a.state {
        let most = s.bins.iter().copied().max().unwrap_or(1).max(1);
        for (i, steps) in s.bins.iter().enumerate().filter(|(_, n)| **n > 0) {
            let name = if s.bins[..i].iter().all(|n| *n == 0) { s.matrix.name() } else { "" };
            let share = *steps as f64 / s.samples.max(1) as f64;
            let bar = "#".repeat(((*steps as f64 / most as f64 * 40.0).round() as usize).max(1));
            out.push_str(&format!("  {name:<2}{:>3} - {:<4} {:>6} % {bar}\n", i * 10, (i + 1) * 10, percent(share)));
        }
    }
    let r = &a.regimes;
    let rows = r.contact_sets.iter().take(SHOWN).map(|set| {
        let pairs: Vec<String> = set.pairs.iter().map(|p| p.join("/")).collect();
        let text = if pairs.is_empty() { "nothing touches".to_owned() } else { pairs.join(" + ") };
        [
            cut(&text, 38),
            percent(set.group.share),
            percent(set.group.mean_a),
            set.group.mean_b.map_or_else(|| "-".to_owned(), percent),
            grouped(set.patterns_a),
        ]
    });
    out.push('\n');
    out.push_str(&plain(["in contact", "time %", "A %", "B %", "patterns of A"], rows, 1));
    if r.distinct_contact_sets > SHOWN {
        out.push_str(&format!("  and {} other contact sets\n", grouped(r.distinct_contact_sets - SHOWN)));
    }
    let share = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{} %", percent(x)));
    let rows = r.information.iter().map(|i| {
        let n = &i.information;
        [
            format!("pattern of {} by {}", i.matrix.name(), i.regime),
            grouped(n.regimes),
            format!("{:.3}", n.bits),
            format!("{:.3}", n.pattern_bits),
            share(n.explained),
            share(n.corrected_explained),
        ]
    });
    out.push('\n');
    out.push_str(&plain(["information", "regimes", "bits", "of", "explained", "corrected"], rows, 1));
    let e = &a.embedding;
    let first = |k: usize| e.loadings[k].iter().take(2).map(|l| l.feature.clone()).collect::<Vec<_>>().join(", ");
    if !e.steps.is_empty() {
        let text = format!(
            "of {} features of (s, a, s') in {} steps, two components explain {} % ({}) and {} % ({}) of the variance",
            e.features.len(),
            grouped(e.steps.len()),
            percent(e.explained[0]),
            first(0),
            percent(e.explained[1]),
            first(1)
        );
        out.push('\n');
        out.push_str(&wrapped("PCA", &text));
    }
    out
}

fn temporal(a: &Analysis) -> String {
    let mut out = heading("Q3  Changes in time");
    let rows = a.temporal.iter().map(|t| {
        let e = &t.events;
        [
            t.matrix.name().to_owned(),
            t.switching_entries.to_string(),
            maybe(e.switch_rate),
            maybe(e.rate),
            maybe(e.together),
            maybe(e.burstiness),
            maybe(e.memoryless_burstiness),
        ]
    });
    let header = ["", "entries that switch", "switches", "events", "together", "burstiness", "memoryless"];
    out.push_str(&plain(header, rows, 1));
    let switching: Vec<_> = a.temporal.iter().filter(|t| t.events.events > 0).collect();
    if switching.is_empty() {
        out.push_str("  no entry switches between zero and nonzero\n");
        return out;
    }
    let rows = switching.iter().flat_map(|t| {
        let one = |value: &str, r: &Runs| {
            let most = r.histogram.iter().copied().max().unwrap_or(0);
            let bin = r.histogram.iter().position(|n| *n == most).unwrap_or(0);
            let often = if r.runs == 0 { "-".to_owned() } else { format!("{}-{}", 1_u64 << bin, (2_u64 << bin) - 1) };
            [
                format!("{} {value}", t.matrix.name()),
                grouped(r.runs as usize),
                maybe(r.mean),
                grouped(r.whole_runs as usize),
                maybe(r.whole_mean),
                often,
            ]
        };
        [one("zero", &t.zero), one("nonzero", &t.nonzero)]
    });
    out.push('\n');
    out.push_str(&plain(["runs of", "runs", "mean steps", "uncut", "mean steps", "most often"], rows, 1));
    let lags = [1, 2, 5, 10, 20, 50, 100];
    let rows = switching.iter().map(|t| {
        let at = |lag: usize| t.autocorrelation.iter().find(|c| c.lag == lag).and_then(|c| c.correlation);
        let mut cells = vec![t.matrix.name().to_owned()];
        cells.extend(lags.map(|lag| maybe(at(lag))));
        <[String; 8]>::try_from(cells).unwrap_or_default()
    });
    out.push('\n');
    out.push_str(&plain(["autocorrelation, lag", "1", "2", "5", "10", "20", "50", "100"], rows, 1));
    let rows = switching.iter().flat_map(|t| {
        let row = |name: String, of: &dyn Fn(&analysis::temporal::Fano) -> Option<f64>| {
            let at = |w: usize| t.events.fano.iter().find(|f| f.window == w).and_then(of);
            let [a, b, c, d, e, f] = analysis::temporal::WINDOWS.map(|w| maybe(at(w)));
            [name, a, b, c, d, e, f]
        };
        [row(t.matrix.name().to_owned(), &|f| f.fano), row("memoryless".to_owned(), &|f| Some(f.memoryless))]
    });
    out.push('\n');
    out.push_str(&plain(["Fano factor, window", "10", "20", "50", "100", "200", "500"], rows, 1));
    let rows = switching.iter().flat_map(|t| t.delays.iter().map(move |d| (t, d))).map(|(t, d)| {
        let lift = |lag: i64| maybe(d.lift.iter().find(|l| l.lag == lag).and_then(|l| l.lift));
        let share = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), percent);
        [
            format!("{} by {}", t.matrix.name(), d.regime),
            grouped(d.regime_events as usize),
            share(d.with_switch),
            share(d.with_regime),
            share(d.chance),
            lift(-1),
            lift(0),
            lift(1),
        ]
    });
    out.push('\n');
    let header = ["delay", "changes", "switch %", "of them %", "chance %", "-1", "0", "1"];
    out.push_str(&plain(header, rows, 1));
    out.push_str(&note(
        "switches: per entry and step. event: a step whose pattern differs from the one before; events: per step; \
         together: entries that switch in one. burstiness: -1 regular, 0 Poisson, to 1. delay: changes of the contact \
         set (or of the constraint rows that act), the share of them in whose step the pattern switches, the share of \
         switches in whose step they happen and by chance, and the rate of switches so many steps after them, over \
         the rate at any step.",
    ));
    out
}

fn thresholds(a: &Analysis) -> String {
    let mut out = heading("Ablation  Fixed thresholds");
    let Some(first) = a.thresholds.first() else { return out };
    let rows = first.thresholds.iter().enumerate().map(|(i, t)| {
        let b = a.thresholds.get(1).map(|b| &b.thresholds[i]);
        let sum = |f: &dyn Fn(&analysis::threshold::Disagreement) -> u64| {
            let parts = a.thresholds.iter().filter_map(|m| m.thresholds[i].against_mask.as_ref());
            let decided: u64 = parts.clone().map(|d| d.decided).sum();
            let n: u64 = parts.map(f).sum();
            if decided == 0 { "-".to_owned() } else { percent(n as f64 / decided as f64) }
        };
        [
            format!("{:e}", t.threshold),
            t.always_zero.to_string(),
            b.map_or_else(|| "-".to_owned(), |b| b.always_zero.to_string()),
            percent(t.mean),
            b.map_or_else(|| "-".to_owned(), |b| percent(b.mean)),
            sum(&|d| d.false_nonzero),
            sum(&|d| d.false_zero),
        ]
    });
    let header = ["|x| <", "zero in A", "in B", "mean A %", "mean B %", "false nonzero %", "false zero %"];
    out.push_str(&plain(header, rows, 1));
    if !a.masks {
        out.push_str("  false: against the recorded zero test, which this recording does not have\n");
    }
    out
}

/// Several recordings: a line each.
fn overview(analyses: &[Analysis], comparisons: &[Comparison]) -> String {
    let mut out = String::new();
    let name = |a: &Analysis| cut(&a.subject.name, 18);
    let criteria: Vec<String> = analyses.iter().map(|a| a.criterion.to_string()).collect();
    out.push_str("Q1  Entries that are zero in every sample\n");
    let rows = analyses.iter().map(|a| {
        let [state, control] = [a.subject.state.len(), a.subject.control.len()];
        let of = |m: Matrix| a.global.iter().find(|g| g.matrix == m);
        let cell = |m: Matrix| of(m).map_or_else(|| "-".to_owned(), |g| g.zero.to_string());
        let share = |m: Matrix| of(m).map_or_else(|| "-".to_owned(), |g| format!("{:.1}", g.percent));
        let open: usize = a.global.iter().map(|g| g.open).sum();
        let paper = a
            .published
            .map_or_else(|| "-".to_owned(), |p| format!("{} {} {} {}", p.state, p.control, p.zero_a, p.zero_b));
        [
            name(a),
            state.to_string(),
            control.to_string(),
            cell(Matrix::A),
            share(Matrix::A),
            cell(Matrix::B),
            share(Matrix::B),
            open.to_string(),
            paper,
        ]
    });
    let header = ["recording", "state", "ctrl", "A", "%", "B", "%", "open", "paper"];
    out.push_str(&plain(header, rows, 1));
    if analyses.iter().any(|a| a.published.is_some()) {
        out.push_str(&wrapped("paper", &format!("state, ctrl, A, B as published ({})", paper::SOURCE)));
    }
    for a in analyses {
        for g in a.global.iter().filter(|g| !g.cells.is_empty()) {
            let mut of: Vec<String> = g
                .reasons
                .iter()
                .take(SHOWN)
                .map(|r| format!("{} {} ({})", r.cells, r.name, r.kind.describe()))
                .collect();
            let rest = g.cells.iter().filter(|c| c.reason.is_none_or(|r| r >= SHOWN)).count();
            if rest > 0 {
                of.push(format!("{rest} others"));
            }
            out.push_str(&wrapped(&cut(&a.subject.name, 20), &format!("{}: {}", g.matrix.name(), of.join(", "))));
        }
    }
    out.push_str(&heading("Q2  Sparsity by state: share of a step's entries that are zero"));
    let figures: Vec<_> = analyses.iter().map(|a| (a, compare::figures(a))).collect();
    let lines = || figures.iter().flat_map(|(a, f)| f.iter().map(move |f| (*a, f)));
    let rows = lines().map(|(a, f)| {
        [
            name(a),
            f.matrix.name().to_owned(),
            percent(f.mean),
            percent(f.mean_undecided),
            grouped(f.patterns),
            format!("{:.2}", f.entropy_bits),
            f.explained_by_contacts.map_or_else(|| "-".to_owned(), percent),
            f.explained_by_constraints.map_or_else(|| "-".to_owned(), percent),
        ]
    });
    let header = ["recording", "", "mean %", "undecided %", "patterns", "bits", "contacts %", "rows %"];
    out.push_str(&plain(header, rows, 2));
    out.push_str(&heading("Q3  Changes in time"));
    let rows = lines().map(|(a, f)| {
        let temporal = a.temporal.iter().find(|t| t.matrix == f.matrix);
        [
            name(a),
            f.matrix.name().to_owned(),
            maybe(f.switch_rate),
            maybe(f.event_rate),
            maybe(f.events_per_second),
            maybe(temporal.and_then(|t| t.events.burstiness)),
            maybe(f.zero_run),
            maybe(f.nonzero_run),
        ]
    });
    let header = ["recording", "", "switches", "events", "per s", "burst", "zero run", "nonzero run"];
    out.push_str(&plain(header, rows, 2));
    out.push_str(&note(
        "contacts, rows: share of the pattern's entropy that the contact set and the constraint rows that act explain, \
         corrected for bias. switches: per \
         entry and step. events: steps whose pattern differs from the one before, per step and per second. runs: mean \
         length, steps.",
    ));
    let zero = match criteria.iter().all(|c| *c == criteria[0]) {
        true => criteria.first().cloned().unwrap_or_default(),
        false => analyses.iter().zip(&criteria).map(|(a, c)| format!("{} {c}", name(a))).collect::<Vec<_>>().join(", "),
    };
    let samples: Vec<String> = analyses.iter().map(|a| grouped(a.selection.samples as usize)).collect();
    let samples = match samples.iter().all(|s| *s == samples[0]) {
        true => format!("{} steps in each", samples.first().cloned().unwrap_or_default()),
        false => analyses.iter().zip(&samples).map(|(a, s)| format!("{} {s}", name(a))).collect::<Vec<_>>().join(", "),
    };
    out.push_str(&wrapped("samples", &samples));
    let without: Vec<String> = analyses.iter().filter(|a| !a.masks).map(name).collect();
    let note = if without.is_empty() { String::new() } else { format!("; no zero masks in {}", without.join(", ")) };
    out.push_str(&wrapped("zero", &format!("{zero}{note}")));
    for c in comparisons {
        out.push_str(&heading(&format!("{}: recordings side by side", c.task)));
        for r in &c.recordings {
            let differs: Vec<String> = c.keys.iter().zip(&r.values).map(|(k, v)| format!("{k} {}", text(v))).collect();
            let differs = if differs.is_empty() { "made in the same way".to_owned() } else { differs.join(", ") };
            out.push_str(&wrapped(&cut(&r.name, 30), &differs));
        }
    }
    if analyses.iter().any(|a| a.subject.task != analyses[0].subject.task) && !comparisons.is_empty() {
        out.push_str("  recordings of different tasks are not compared with each other\n");
    }
    out
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
