//! One recording: a page.

use dynsparse::analysis::embedding::Embedding;
use dynsparse::analysis::global::GlobalSparsity;
use dynsparse::analysis::state::ContactSet;
use dynsparse::analysis::temporal::{Delays, Fano, Runs, Temporal, WINDOWS};
use dynsparse::analysis::threshold::Disagreement;
use dynsparse::analysis::{Analysis, Criterion, Matrix, RARE};

use super::super::output::{grouped, wrapped};
use super::super::picture::{self, Entries};
use super::super::residuals;
use super::super::table::Table;
use super::words::{SHOWN, cut, heading, maybe, note, percent, share};

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
    let (of, left_out) = if left_out.is_empty() {
        (String::new(), String::new())
    } else {
        (format!(" of {}", grouped(s.steps as usize)), format!("; {}", left_out.join(", ")))
    };
    let kind = a.subject.attributes.get("step_kind").and_then(|v| v.as_str()).unwrap_or("");
    let samples = grouped(s.samples as usize);
    out.push_str(&wrapped("samples", &format!("{samples}{of} {kind} steps in {} episodes{left_out}", s.episodes)));
    let flags: Vec<String> = s
        .flags
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(name, n)| format!("{name} {} %", percent(*n as f64 / s.steps.max(1) as f64)))
        .collect();
    if !flags.is_empty() {
        out.push_str(&wrapped("flags", &flags.join(", ")));
    }
    if let Some(largest) = a.beyond_reason() {
        let text =
            format!("BEYOND REASON: up to {largest:.1e} in the steps that count; dynsparse info says in how many");
        out.push_str(&wrapped("entries", &text));
    }
    out
}

/// The page.
pub(super) fn page(a: &Analysis) -> String {
    let mut out = format!("{}  {}\n\n", a.subject.file, a.subject.task);
    out.push_str(&basis(a));
    out.push_str(&global(a));
    out.push_str(&state(a));
    out.push_str(&temporal(a));
    out.push_str(&thresholds(a));
    if !a.residuals.is_empty() {
        out.push_str(&heading("How real: the model's prediction against what the robot did"));
        out.push_str(&residuals::table(&a.residuals));
    }
    out
}

fn global(a: &Analysis) -> String {
    let mut out = heading("Q1  Entries that are zero in every sample");
    out.push_str(&zeros(a));
    out.push('\n');
    out.push_str(&blocks(a));
    out.push_str(&map(a));
    out.push_str(&reasons(a));
    for g in &a.global {
        let unexplained: Vec<_> = g.cells.iter().filter(|c| c.reason.is_none()).collect();
        if !unexplained.is_empty() {
            let named = unexplained.iter().take(2 * SHOWN);
            let named =
                named.map(|c| format!("{}'/{}{}", c.row, c.column, if c.undecided { " (undecided)" } else { "" }));
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
        "undecided: never nonzero, undecided at least once. quiet: samples since the count last fell. next episode: \
             entries nonzero in one episode only, over episodes: what one more is expected to take. An entry called \
             zero is nonzero in at most {} % of steps (were they independent) and {} % of episodes, with 95 % \
             confidence.",
        percent(worst),
        percent(episodes)
    )));
    out
}

/// Entries that are zero in every sample, a line for each matrix.
fn zeros(a: &Analysis) -> String {
    let published = |g: &GlobalSparsity| a.published.map(|p| if g.matrix == Matrix::A { p.zero_a } else { p.zero_b });
    Table::of(&a.global)
        .words("", |g| g.matrix.name().to_owned())
        .words("size", |g| format!("{} x {}", g.shape.rows, g.shape.columns))
        .number("zero", |g| g.zero.to_string())
        .number("%", |g| format!("{:.1}", g.percent))
        .number("paper", |g| published(g).map_or_else(|| "-".to_owned(), |n| n.to_string()))
        .number("undecided", |g| g.undecided.to_string())
        .number("quiet", |g| grouped(g.bound.quiet_samples as usize))
        .number("next episode", |g| match g.episodes {
            0 | 1 => "-".to_owned(),
            episodes => format!("{}/{episodes}", g.bound.in_one_episode),
        })
        .indented()
}

fn blocks(a: &Analysis) -> String {
    Table::of(a.global.iter().flat_map(|g| &g.blocks))
        .words("block", |b| format!("{}'/{}", b.row, b.column))
        .number("zero", |b| b.zero.to_string())
        .number("of", |b| b.entries.to_string())
        .number("%", |b| format!("{:.1}", 100.0 * b.zero as f64 / b.entries as f64))
        .indented()
}

/// What explains the zeros; the last line of a matrix sums up what is not shown.
fn reasons(a: &Analysis) -> String {
    struct Line {
        matrix: Matrix,
        zero: usize,
        undecided: usize,
        which: String,
        why: &'static str,
    }
    let mut lines = Vec::new();
    for g in &a.global {
        let (shown, rest) = g.reasons.split_at(g.reasons.len().min(2 * SHOWN));
        lines.extend(shown.iter().map(|r| Line {
            matrix: g.matrix,
            zero: r.cells,
            undecided: r.undecided,
            which: cut(&r.name, 26),
            why: r.kind.describe(),
        }));
        lines.extend((!rest.is_empty()).then(|| Line {
            matrix: g.matrix,
            zero: rest.iter().map(|r| r.cells).sum(),
            undecided: rest.iter().map(|r| r.undecided).sum(),
            which: format!("{} more", rest.len()),
            why: "",
        }));
    }
    if lines.is_empty() {
        return String::new();
    }
    let table = Table::of(&lines)
        .words("", |line| line.matrix.name().to_owned())
        .words("zero", |line| line.zero.to_string())
        .words("undecided", |line| line.undecided.to_string())
        .words("which", |line| line.which.clone())
        .words("why", |line| line.why.to_owned());
    format!("\n{}", table.indented())
}

fn state(a: &Analysis) -> String {
    let mut out = heading("Q2  Sparsity by state: share of a step's entries that are zero, %");
    out.push_str(&sparsity(a));
    out.push('\n');
    out.push_str(&bins(a));
    out.push('\n');
    out.push_str(&contact_sets(a));
    out.push('\n');
    out.push_str(&information(a));
    let which = match a.regimes.contacts_of {
        "step" => "in any physics step of the step",
        _ => "at the start of the step (the recording does not tell more)",
    };
    out.push_str(&note(&format!(
        "how many of the bits of the zero pattern follow from which geoms touch {which} and from which constraint rows act at \
         its start. recur: regimes of at least {RARE} steps, the others are taken for one. by chance: mean over circular \
         shifts of these against the patterns within episodes; beyond: the difference, with its interval.",
    )));
    out.push_str(&components(&a.embedding));
    out
}

/// Sparsity of a step and its zero patterns.
fn sparsity(a: &Analysis) -> String {
    Table::of(&a.state)
        .words("", |s| s.matrix.name().to_owned())
        .number("mean", |s| percent(s.mean))
        .number("std", |s| percent(s.std))
        .number("min", |s| percent(s.min))
        .number("max", |s| percent(s.max))
        .number("undecided", |s| percent(s.mean_undecided))
        .number("patterns", |s| grouped(s.patterns.distinct))
        .number("bits", |s| format!("{:.2}", s.patterns.entropy_bits))
        .number("half", |s| s.patterns.half.to_string())
        .indented()
}

/// The distribution of the sparsity as bars.
fn bins(a: &Analysis) -> String {
    let mut out = String::new();
    for s in &a.state {
        let most = s.bins.iter().copied().max().unwrap_or(1).max(1);
        for (i, steps) in s.bins.iter().enumerate().filter(|(_, n)| **n > 0) {
            let name = if s.bins[..i].iter().all(|n| *n == 0) { s.matrix.name() } else { "" };
            let share = *steps as f64 / s.samples.max(1) as f64;
            let bar = "#".repeat(((*steps as f64 / most as f64 * 40.0).round() as usize).max(1));
            out.push_str(&format!("  {name:<2}{:>3} - {:<4} {:>6} % {bar}\n", i * 10, (i + 1) * 10, percent(share)));
        }
    }
    out
}

/// The most frequent sets of geoms that touch.
fn contact_sets(a: &Analysis) -> String {
    let pairs = |set: &ContactSet| match &set.pairs[..] {
        [] => "nothing touches".to_owned(),
        pairs => pairs.iter().map(|p| p.join("/")).collect::<Vec<_>>().join(" + "),
    };
    let mut out = Table::of(a.regimes.contact_sets.iter().take(SHOWN))
        .words("in contact", |set| cut(&pairs(set), 38))
        .number("time %", |set| percent(set.group.share))
        .number("A %", |set| percent(set.group.mean_a))
        .number("B %", |set| share(set.group.mean_b))
        .number("patterns of A", |set| grouped(set.patterns_a))
        .indented();
    if a.regimes.distinct_contact_sets > SHOWN {
        let others = grouped(a.regimes.distinct_contact_sets - SHOWN);
        out.push_str(&format!("  and {others} other contact sets\n"));
    }
    out
}

/// How far the zero pattern follows the regime.
fn information(a: &Analysis) -> String {
    let share = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{} %", percent(x)));
    let half = |[low, high]: [f64; 2]| format!("± {}", percent(0.5 * (high - low)));
    Table::of(a.regimes.information.iter().map(|i| (i, i.chance.as_ref())))
        .words("information", |(i, _)| format!("{} by {}", i.matrix.name(), i.regime))
        .number("regimes", |(i, _)| grouped(i.information.regimes))
        .number("recur", |(_, c)| c.map_or_else(|| "-".to_owned(), |c| grouped(c.recurring_regimes)))
        .number("bits", |(i, _)| format!("{:.3}", i.information.pattern_bits))
        .number("explained", |(i, c)| share(c.map_or(i.information.explained, |c| c.recurring.explained)))
        .number("by chance", |(_, c)| share(c.and_then(|c| c.recurring.chance_explained)))
        .number("beyond", |(_, c)| share(c.and_then(|c| c.recurring.beyond)))
        .number("95 %", |(_, c)| c.and_then(|c| c.recurring.beyond_interval).map_or_else(|| "-".to_owned(), half))
        .indented()
}

/// What the principal components are made of.
fn components(e: &Embedding) -> String {
    let first = |k: usize| e.loadings[k].iter().take(2).map(|l| l.feature.clone()).collect::<Vec<_>>().join(", ");
    if e.steps.is_empty() {
        return String::new();
    }
    let text = format!(
        "of {} features of (s, a, s') in {} steps, two components explain {} % ({}) and {} % ({}) of the variance",
        e.features.len(),
        grouped(e.steps.len()),
        percent(e.explained[0]),
        first(0),
        percent(e.explained[1]),
        first(1)
    );
    format!("\n{}", wrapped("PCA", &text))
}

fn temporal(a: &Analysis) -> String {
    let mut out = heading("Q3  Changes in time");
    out.push_str(&over_time(a));
    out.push_str(&switches(a));
    let switching: Vec<&Temporal> = a.temporal.iter().filter(|t| t.events.events > 0).collect();
    if switching.is_empty() {
        out.push_str("  no entry switches between zero and nonzero\n");
        return out;
    }
    for table in [runs, autocorrelation, fano, delays] {
        out.push('\n');
        out.push_str(&table(&switching));
    }
    out.push_str(&note(
        "entries: those that switch; groups: those that never contradict each other count once. \
         switches: per entry and step. event: a step whose pattern differs from the one before; events: per step; \
         together: entries that switch in one. burst: burstiness, -1 regular, 0 Poisson, to 1; memoryless: the middle 95 % of \
         shuffles, which put the events of every episode at random steps of it. delay: changes of the contact \
         set (or of the constraint rows that act), the share of them in whose step the pattern switches, the share of \
         switches in whose step they happen and by chance, and the rate of switches so many steps after them, over \
         the rate at any step.",
    ));
    out
}

/// Which entries are nonzero, and which switch.
fn map(a: &Analysis) -> String {
    let matrices: Vec<Entries> = a
        .global
        .iter()
        .map(|g| {
            let zero = || g.share_zero.iter().zip(&g.share_undecided);
            // Shares are counts over samples.
            let nonzero: Vec<bool> =
                zero().map(|(z, u)| z + u < 1.0 - 0.5 / a.selection.samples.max(1) as f64).collect();
            let switches = nonzero.iter().zip(&g.share_zero).map(|(nonzero, zero)| *nonzero && *zero > 0.0).collect();
            Entries { name: g.matrix.name(), columns: g.shape.columns, nonzero, switches }
        })
        .collect();
    picture::map(&matrices).map_or_else(String::new, |map| format!("\n{map}"))
}

/// The first episode at a glance.
fn over_time(a: &Analysis) -> String {
    let Some(trace) = a.traces.first() else { return String::new() };
    let shares: Vec<Option<f64>> = trace.steps.iter().map(|s| s.sparsity_a).collect();
    let bars = picture::over_time(&shares);
    bars.map_or_else(String::new, |bars| format!("  A  {bars} zero, episode {}\n\n", trace.episode))
}

fn switches(a: &Analysis) -> String {
    let ends = |[low, high]: [f64; 2]| format!("{low:.2} to {high:.2}");
    Table::of(&a.temporal)
        .words("", |t| t.matrix.name().to_owned())
        .number("entries", |t| t.switching_entries.to_string())
        .number("groups", |t| t.distinct.groups.to_string())
        .number("switches", |t| maybe(t.events.switch_rate))
        .number("events", |t| maybe(t.events.rate))
        .number("together", |t| maybe(t.events.together))
        .number("groups", |t| maybe(t.events.together_groups))
        .number("burst", |t| maybe(t.events.burstiness))
        .number("memoryless", |t| t.events.memoryless_burstiness_interval.map_or_else(|| "-".to_owned(), ends))
        .indented()
}

/// Runs of zero and nonzero, of entries and of groups.
fn runs(switching: &[&Temporal]) -> String {
    let rows = switching.iter().flat_map(|t| {
        let d = &t.distinct;
        [
            (t.matrix, "zero", &t.zero),
            (t.matrix, "nonzero", &t.nonzero),
            (t.matrix, "zero, by group", &d.zero),
            (t.matrix, "nonzero, by group", &d.nonzero),
        ]
    });
    let often = |r: &Runs| {
        let most = r.histogram.iter().copied().max().unwrap_or(0);
        let bin = r.histogram.iter().position(|n| *n == most).unwrap_or(0);
        if r.runs == 0 { "-".to_owned() } else { format!("{}-{}", 1_u64 << bin, (2_u64 << bin) - 1) }
    };
    Table::of(rows)
        .words("runs of", |(matrix, of, _)| format!("{} {of}", matrix.name()))
        .number("runs", |(.., r)| grouped(r.runs as usize))
        .number("mean steps", |(.., r)| maybe(r.mean))
        .number("uncut", |(.., r)| grouped(r.whole_runs as usize))
        .number("mean steps", |(.., r)| maybe(r.whole_mean))
        .number("most often", |(.., r)| often(r))
        .indented()
}

/// Autocorrelation at some lags.
fn autocorrelation(switching: &[&Temporal]) -> String {
    let at = |t: &Temporal, lag: usize| t.autocorrelation.iter().find(|c| c.lag == lag).and_then(|c| c.correlation);
    let mut table = Table::of(switching).words("autocorrelation, lag", |t| t.matrix.name().to_owned());
    for lag in [1, 2, 5, 10, 20, 50, 100] {
        table = table.number(&lag.to_string(), |t| maybe(at(t, lag)));
    }
    table.indented()
}

/// Fano factors of the switches, and of as many without memory.
fn fano(switching: &[&Temporal]) -> String {
    type Of = fn(&Fano) -> Option<f64>;
    let rows = switching.iter().flat_map(|t| {
        let both: [(&str, Of); 2] = [(t.matrix.name(), |f| f.fano), ("memoryless", |f| f.memoryless)];
        both.map(|(name, of)| (*t, name, of))
    });
    let mut table = Table::of(rows).words("Fano factor, window", |(_, name, _)| name.to_owned());
    for window in WINDOWS {
        table = table.number(&window.to_string(), |(t, _, of)| {
            maybe(t.events.fano.iter().find(|f| f.window == window).and_then(of))
        });
    }
    table.indented()
}

/// Switches around events of contact.
fn delays(switching: &[&Temporal]) -> String {
    let lift = |d: &Delays, lag: i64| maybe(d.lift.iter().find(|l| l.lag == lag).and_then(|l| l.lift));
    let mut table = Table::of(switching.iter().flat_map(|t| t.delays.iter().map(|d| (t.matrix, d))))
        .words("delay", |(matrix, d)| format!("{} by {}", matrix.name(), d.regime))
        .number("changes", |(_, d)| grouped(d.regime_events as usize))
        .number("switch %", |(_, d)| share(d.with_switch))
        .number("of them %", |(_, d)| share(d.with_regime))
        .number("chance %", |(_, d)| share(d.chance));
    for lag in [-1, 0, 1] {
        table = table.number(&lag.to_string(), |(_, d)| lift(d, lag));
    }
    table.indented()
}

/// What fixed thresholds would have said.
pub(in super::super) fn thresholds(a: &Analysis) -> String {
    let mut out = heading("Ablation  Fixed thresholds");
    let Some(first) = a.thresholds.first() else {
        out.push_str("  none: the recording keeps the verdicts of its zero test and no numbers (--store masks)\n");
        return out;
    };
    let of_b = |i: usize| a.thresholds.get(1).map(|b| &b.thresholds[i]);
    let wrong = |i: usize, count: fn(&Disagreement) -> u64| {
        let parts = a.thresholds.iter().filter_map(|m| m.thresholds[i].against_mask.as_ref());
        let decided: u64 = parts.clone().map(|d| d.decided).sum();
        let n: u64 = parts.map(count).sum();
        if decided == 0 { "-".to_owned() } else { percent(n as f64 / decided as f64) }
    };
    let table = Table::of(first.thresholds.iter().enumerate())
        .words("|x| <", |(_, t)| format!("{:e}", t.threshold))
        .number("zero in A", |(_, t)| t.always_zero.to_string())
        .number("in B", |(i, _)| of_b(i).map_or_else(|| "-".to_owned(), |b| b.always_zero.to_string()))
        .number("mean A %", |(_, t)| percent(t.mean))
        .number("mean B %", |(i, _)| share(of_b(i).map(|b| b.mean)))
        .number("false nonzero %", |(i, _)| wrong(i, |d| d.false_nonzero))
        .number("false zero %", |(i, _)| wrong(i, |d| d.false_zero));
    out.push_str(&table.indented());
    if !a.masks {
        out.push_str("  false: against the recorded zero test, which this recording does not have\n");
    }
    out
}
