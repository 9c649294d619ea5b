//! Q3: changes in time.

use super::super::table::{Table, row};
use super::super::temporal::{Delays, Runs};
use super::super::{Analysis, Matrix};
use super::{COLUMN, MATRIX, ROW, labels, table};

pub(super) fn tables(analyses: &[Analysis]) -> Vec<Table> {
    vec![
        table(analyses, runs),
        table(analyses, run_lengths),
        table(analyses, entry_runs),
        table(analyses, autocorrelation),
        table(analyses, switches),
        table(analyses, fano),
        table(analyses, delays),
        table(analyses, delay_lift),
        table(analyses, delay_since),
        table(analyses, trace),
    ]
}

/// What the column `value` holds.
const VALUE: &str = "zero or nonzero";

row! {
    /// Runs and their lengths.
    struct RunFigures {
        runs: u64 => "runs; an entry that does not switch within an episode is left out of it",
        mean: Option<f64> => "mean length, steps",
        whole_runs: u64 => "runs not cut by the bounds of an episode or a gap",
        whole_mean: Option<f64> => "mean length of those, steps",
    }
}

impl RunFigures {
    fn of(runs: &Runs) -> Self {
        Self { runs: runs.runs, mean: runs.mean, whole_runs: runs.whole_runs, whole_mean: runs.whole_mean }
    }
}

row! {
    struct RunRow in "runs": "Q3: durations of zero and nonzero" {
        matrix: Matrix => MATRIX,
        of: &'static str => "entries, or groups: entries that never contradict each other counted once",
        value: &'static str => VALUE,
        figures: RunFigures,
        mean_low: Option<f64> =>
            "lower end of the 95 % interval of the mean, of groups, which takes runs for independent",
        mean_high: Option<f64> => "upper end",
        sequences: usize => "entries or groups that switch",
    }
}

fn runs(a: &Analysis) -> impl Iterator<Item = RunRow> {
    a.temporal.iter().flat_map(|t| {
        let entries = |value, runs: &Runs| RunRow {
            matrix: t.matrix,
            of: "entries",
            value,
            figures: RunFigures::of(runs),
            mean_low: None,
            mean_high: None,
            sequences: t.switching_entries,
        };
        let d = &t.distinct;
        let groups = |value, runs: &Runs, interval: Option<[f64; 2]>| RunRow {
            matrix: t.matrix,
            of: "groups",
            value,
            figures: RunFigures::of(runs),
            mean_low: interval.map(|[low, _]| low),
            mean_high: interval.map(|[_, high]| high),
            sequences: d.groups,
        };
        [
            entries("zero", &t.zero),
            entries("nonzero", &t.nonzero),
            groups("zero", &d.zero, d.zero_interval),
            groups("nonzero", &d.nonzero, d.nonzero_interval),
        ]
    })
}

row! {
    struct RunLengthRow in "run_lengths": "Q3: distribution of the durations in log bins" {
        matrix: Matrix => MATRIX,
        value: &'static str => VALUE,
        from: u64 => "shortest run of the bin, steps",
        to: u64 => "longest, steps",
        runs: u64 => "runs",
    }
}

fn run_lengths(a: &Analysis) -> impl Iterator<Item = RunLengthRow> {
    a.temporal.iter().flat_map(|t| {
        [("zero", &t.zero), ("nonzero", &t.nonzero)].into_iter().flat_map(move |(value, found)| {
            found.histogram.iter().enumerate().map(move |(k, runs)| RunLengthRow {
                matrix: t.matrix,
                value,
                from: 1 << k,
                to: (2 << k) - 1,
                runs: *runs,
            })
        })
    })
}

row! {
    struct EntryRunRow<'a> in "entry_runs": "Q3: durations by entry, of those that switch" {
        matrix: Matrix => MATRIX,
        row: &'a str => ROW,
        column: &'a str => COLUMN,
        switches: u64 => "switches between zero and nonzero",
        value: &'static str => VALUE,
        figures: RunFigures,
    }
}

fn entry_runs(a: &Analysis) -> impl Iterator<Item = EntryRunRow<'_>> {
    a.temporal.iter().flat_map(move |t| {
        t.entries.iter().flat_map(move |e| {
            let [row, column] = labels(a, t.matrix, e.entry);
            [("zero", &e.zero), ("nonzero", &e.nonzero)].map(|(value, runs)| EntryRunRow {
                matrix: t.matrix,
                row,
                column,
                switches: e.switches,
                value,
                figures: RunFigures::of(runs),
            })
        })
    })
}

row! {
    struct AutocorrelationRow in "autocorrelation": "Q3: autocorrelation of the pattern" {
        matrix: Matrix => MATRIX,
        lag: usize => "steps",
        pairs: u64 => "pairs of an entry with itself so much later",
        differ: f64 => "share of them that differ",
        correlation: Option<f64> => "1 - differ / (2 variance), around the mean of the entry in the episode",
    }
}

fn autocorrelation(a: &Analysis) -> impl Iterator<Item = AutocorrelationRow> {
    a.temporal.iter().flat_map(|t| {
        t.autocorrelation.iter().map(|c| AutocorrelationRow {
            matrix: t.matrix,
            lag: c.lag,
            pairs: c.pairs,
            differ: c.differ,
            correlation: c.correlation,
        })
    })
}

row! {
    struct SwitchRow in "switches":
        "Q3: switches of the pattern; an event is a step whose pattern differs from the one before"
    {
        matrix: Matrix => MATRIX,
        steps: u64 => "pairs of successive steps that count",
        events: u64 => "events",
        rate: Option<f64> => "events per step",
        switch_rate: Option<f64> => "switches per entry and step",
        together: Option<f64> => "entries that switch in an event, on average",
        together_groups: Option<f64> => "groups of entries that always switch together, of which these are",
        interval_mean: Option<f64> => "mean interval of events, steps",
        interval_std: Option<f64> => "its standard deviation, steps",
        burstiness: Option<f64> => "(std - mean) / (std + mean) of the intervals (Goh and Barabasi 2008)",
        memoryless_burstiness: Option<f64> =>
            "the same of events at random steps of their episodes, mean over shuffles",
        memoryless_burstiness_low: Option<f64> => "lower end of the middle 95 % of the shuffles",
        memoryless_burstiness_high: Option<f64> => "upper end",
    }
}

fn switches(a: &Analysis) -> impl Iterator<Item = SwitchRow> {
    a.temporal.iter().map(|t| {
        let e = &t.events;
        SwitchRow {
            matrix: t.matrix,
            steps: e.steps,
            events: e.events,
            rate: e.rate,
            switch_rate: e.switch_rate,
            together: e.together,
            together_groups: e.together_groups,
            interval_mean: e.interval_mean,
            interval_std: e.interval_std,
            burstiness: e.burstiness,
            memoryless_burstiness: e.memoryless_burstiness,
            memoryless_burstiness_low: e.memoryless_burstiness_interval.map(|[low, _]| low),
            memoryless_burstiness_high: e.memoryless_burstiness_interval.map(|[_, high]| high),
        }
    })
}

row! {
    struct FanoRow in "fano": "Q3: variance over mean of the events in windows" {
        matrix: Matrix => MATRIX,
        window: usize => "steps of a window",
        windows: u64 => "windows",
        mean: f64 => "mean events of a window",
        fano: Option<f64> => "variance over mean",
        memoryless: Option<f64> => "the same of events at random steps of their episodes, mean over shuffles",
        memoryless_low: Option<f64> => "lower end of the middle 95 % of the shuffles",
        memoryless_high: Option<f64> => "upper end",
    }
}

fn fano(a: &Analysis) -> impl Iterator<Item = FanoRow> {
    a.temporal.iter().flat_map(|t| {
        t.events.fano.iter().map(|f| FanoRow {
            matrix: t.matrix,
            window: f.window,
            windows: f.windows,
            mean: f.mean,
            fano: f.fano,
            memoryless: f.memoryless,
            memoryless_low: f.memoryless_interval.map(|[low, _]| low),
            memoryless_high: f.memoryless_interval.map(|[_, high]| high),
        })
    })
}

/// What the column `regime` holds.
const REGIME: &str = "contacts: the set of geom pairs changes; constraints: the rows that act change";

/// Every matrix with every regime.
fn by_regime(a: &Analysis) -> impl Iterator<Item = (Matrix, &Delays)> {
    a.temporal.iter().flat_map(|t| t.delays.iter().map(|d| (t.matrix, d)))
}

row! {
    struct DelayRow in "delays": "Q3: switches of the pattern and events of contact" {
        matrix: Matrix => MATRIX,
        regime: &'static str => REGIME,
        regime_events: u64 => "events of the regime",
        with_switch: Option<f64> => "share of these in whose step the pattern switches",
        with_regime: Option<f64> => "share of the pattern's events in whose step the regime changes",
        chance: Option<f64> => "the same if the two had nothing to do with each other",
        before_any: u64 => "pattern's events before the first event of the regime in their episode",
    }
}

fn delays(a: &Analysis) -> impl Iterator<Item = DelayRow> {
    by_regime(a).map(|(matrix, d)| DelayRow {
        matrix,
        regime: d.regime,
        regime_events: d.regime_events,
        with_switch: d.with_switch,
        with_regime: d.with_regime,
        chance: d.chance,
        before_any: d.before_any,
    })
}

row! {
    struct DelayLiftRow in "delay_lift":
        "Q3: rate of switches around an event of contact, over their rate at any step"
    {
        matrix: Matrix => MATRIX,
        regime: &'static str => REGIME,
        lag: i64 => "steps after the event of the regime",
        pairs: u64 => "events of the regime with a step so much later",
        events: u64 => "pattern's events in these steps",
        lift: Option<f64> => "rate over the rate at any step",
    }
}

fn delay_lift(a: &Analysis) -> impl Iterator<Item = DelayLiftRow> {
    by_regime(a).flat_map(|(matrix, d)| {
        d.lift.iter().map(move |l| DelayLiftRow {
            matrix,
            regime: d.regime,
            lag: l.lag,
            pairs: l.pairs,
            events: l.events,
            lift: l.lift,
        })
    })
}

row! {
    struct DelaySinceRow in "delay_since": "Q3: steps from the last event of contact to a switch" {
        matrix: Matrix => MATRIX,
        regime: &'static str => REGIME,
        delay: usize => "steps; the last counts all longer ones too",
        events: u64 => "pattern's events",
    }
}

fn delay_since(a: &Analysis) -> impl Iterator<Item = DelaySinceRow> {
    by_regime(a).flat_map(|(matrix, d)| {
        let row =
            move |(delay, events): (usize, &u64)| DelaySinceRow { matrix, regime: d.regime, delay, events: *events };
        d.since.iter().enumerate().map(row)
    })
}

row! {
    struct TraceRow in "trace": "Q3: sparsity step by step in chosen episodes" {
        episode: i64 => "number of the episode",
        step: usize => "number of the step in the episode",
        time: f64 => "s",
        sparsity_a: Option<f64> => "sparsity of A; empty where the step does not count",
        sparsity_b: Option<f64> => "sparsity of B",
        undecided_a: Option<f64> => "share of the entries of A that are undecided",
        contacts: usize => "contacts",
        contact_event: bool => "whether other geom pairs touch than in the step before",
    }
}

fn trace(a: &Analysis) -> impl Iterator<Item = TraceRow> {
    a.traces.iter().flat_map(|t| {
        t.steps.iter().map(|s| TraceRow {
            episode: t.episode,
            step: s.step,
            time: s.step as f64 * t.step_duration,
            sparsity_a: s.sparsity_a,
            sparsity_b: s.sparsity_b,
            undecided_a: s.undecided_a,
            contacts: s.contacts,
            contact_event: s.contact_event,
        })
    })
}
