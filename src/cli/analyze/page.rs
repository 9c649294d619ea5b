//! One recording: a page.

use dynsparse::analysis::temporal::{Fano, Runs, WINDOWS};
use dynsparse::analysis::threshold::Disagreement;
use dynsparse::analysis::{Analysis, Criterion, Matrix, RARE};

use super::super::output::{grouped, wrapped};
use super::words::{SHOWN, cut, heading, maybe, note, percent, plain};

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
            if g.episodes > 1 { format!("{}/{}", g.bound.in_one_episode, g.episodes) } else { "-".to_owned() },
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
        let (n, c) = (&i.information, i.chance.as_ref());
        let interval = c.and_then(|c| c.recurring.beyond_interval);
        [
            format!("{} by {}", i.matrix.name(), i.regime),
            grouped(n.regimes),
            c.map_or_else(|| "-".to_owned(), |c| grouped(c.recurring_regimes)),
            format!("{:.3}", n.pattern_bits),
            share(c.map_or(n.explained, |c| c.recurring.explained)),
            share(c.and_then(|c| c.recurring.chance_explained)),
            share(c.and_then(|c| c.recurring.beyond)),
            interval.map_or_else(|| "-".to_owned(), |[low, high]| format!("± {}", percent(0.5 * (high - low)))),
        ]
    });
    out.push('\n');
    let header = ["information", "regimes", "recur", "bits", "explained", "by chance", "beyond", "95 %"];
    out.push_str(&plain(header, rows, 1));
    let which = match r.contacts_of {
        "step" => "in any physics step of the step",
        _ => "at the start of the step (the recording does not tell more)",
    };
    out.push_str(&note(&format!(
        "how many of the bits of the zero pattern follow from which geoms touch {which} and from which constraint rows act at \
         its start. recur: regimes of at least {RARE} steps, the others are taken for one. by chance: mean over circular \
         shifts of these against the patterns within episodes; beyond: the difference, with its interval.",
    )));
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
            t.distinct.groups.to_string(),
            maybe(e.switch_rate),
            maybe(e.rate),
            maybe(e.together),
            maybe(e.together_groups),
            maybe(e.burstiness),
            e.memoryless_burstiness_interval
                .map_or_else(|| "-".to_owned(), |[low, high]| format!("{low:.2} to {high:.2}")),
        ]
    });
    let header = ["", "entries", "groups", "switches", "events", "together", "groups", "burst", "memoryless"];
    out.push_str(&plain(header, rows, 1));
    let switching: Vec<_> = a.temporal.iter().filter(|t| t.events.events > 0).collect();
    if switching.is_empty() {
        out.push_str("  no entry switches between zero and nonzero\n");
        return out;
    }
    let rows = switching.iter().flat_map(|t| {
        let one = |of: &str, r: &Runs| {
            let most = r.histogram.iter().copied().max().unwrap_or(0);
            let bin = r.histogram.iter().position(|n| *n == most).unwrap_or(0);
            let often = if r.runs == 0 { "-".to_owned() } else { format!("{}-{}", 1_u64 << bin, (2_u64 << bin) - 1) };
            [
                format!("{} {of}", t.matrix.name()),
                grouped(r.runs as usize),
                maybe(r.mean),
                grouped(r.whole_runs as usize),
                maybe(r.whole_mean),
                often,
            ]
        };
        let d = &t.distinct;
        [
            one("zero", &t.zero),
            one("nonzero", &t.nonzero),
            one("zero, by group", &d.zero),
            one("nonzero, by group", &d.nonzero),
        ]
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
        let row = |name: String, of: &dyn Fn(&Fano) -> Option<f64>| {
            let at = |w: usize| t.events.fano.iter().find(|f| f.window == w).and_then(of);
            let [a, b, c, d, e, f] = WINDOWS.map(|w| maybe(at(w)));
            [name, a, b, c, d, e, f]
        };
        [row(t.matrix.name().to_owned(), &|f| f.fano), row("memoryless".to_owned(), &|f| f.memoryless)]
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

/// What fixed thresholds would have said.
pub(in super::super) fn thresholds(a: &Analysis) -> String {
    let mut out = heading("Ablation  Fixed thresholds");
    let Some(first) = a.thresholds.first() else { return out };
    let rows = first.thresholds.iter().enumerate().map(|(i, t)| {
        let b = a.thresholds.get(1).map(|b| &b.thresholds[i]);
        let sum = |f: &dyn Fn(&Disagreement) -> u64| {
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
