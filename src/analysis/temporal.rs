//! Q3: how the zero pattern changes in time.
//!
//! A step that does not count and an entry that is undecided are gaps: they end runs, and nothing is compared across
//! them.

use std::collections::HashSet;

use serde::Serialize;

use super::information::OTHER;
use super::pattern::{Counts, Kept, Matrix, Pattern, Shape, each_one, ones};
use super::regime::Regime;
use super::shuffle::{EventLog, Memoryless};

/// Lags of the autocorrelation, steps: each one at first, then ten per decade.
pub(super) const LAGS: [usize; 27] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16, 20, 25, 32, 40, 50, 63, 79, 100, 126, 158, 200, 251, 316, 398, 500];

/// Windows of the Fano factor, steps.
pub const WINDOWS: [usize; 6] = [10, 20, 50, 100, 200, 500];

/// Lags on either side of a contact event, steps.
pub const REACH: usize = 20;

/// Patterns, and columns of them, that are compared at most; beyond, entries are one group where they are the same.
const MOST_KEPT: usize = 4096;

/// Runs of less than 2, 4, 8, ... steps.
const BINS: usize = 40;

/// Runs of one kind, zero or nonzero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Runs {
    /// Runs.
    pub runs: u64,
    /// Steps in them.
    pub steps: u64,
    /// Mean length, steps; None without a run.
    pub mean: Option<f64>,
    /// Runs whose begin and end were seen: not cut by the episode's bounds or a gap.
    pub whole_runs: u64,
    /// Steps in those.
    pub whole_steps: u64,
    /// Mean length of those, steps.
    pub whole_mean: Option<f64>,
    /// By k: runs of 2^k to 2^(k + 1) - 1 steps.
    pub histogram: Vec<u64>,
}

#[derive(Debug, Clone, Default)]
struct Tally {
    runs: u64,
    steps: u64,
    squares: u128,
    whole_runs: u64,
    whole_steps: u64,
    bins: Vec<u64>,
}

impl Tally {
    fn add(&mut self, length: usize, whole: bool) {
        self.runs += 1;
        self.steps += length as u64;
        self.squares += (length * length) as u128;
        if whole {
            self.whole_runs += 1;
            self.whole_steps += length as u64;
        }
        let bin = (length.max(1).ilog2() as usize).min(BINS - 1);
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.steps += other.steps;
        self.squares += other.squares;
        self.whole_runs += other.whole_runs;
        self.whole_steps += other.whole_steps;
        if self.bins.len() < other.bins.len() {
            self.bins.resize(other.bins.len(), 0);
        }
        self.bins.iter_mut().zip(&other.bins).for_each(|(a, b)| *a += b);
    }

    /// 95 % interval of the mean length.
    fn interval(&self) -> Option<[f64; 2]> {
        let (n, mean) = (self.runs as f64, ratio(self.steps, self.runs)?);
        let variance = (self.squares as f64 - n * mean * mean).max(0.0) / (n - 1.0);
        let half = 1.96 * (variance / n).sqrt();
        (self.runs > 1).then_some([mean - half, mean + half])
    }

    fn result(&self) -> Runs {
        Runs {
            runs: self.runs,
            steps: self.steps,
            mean: ratio(self.steps, self.runs),
            whole_runs: self.whole_runs,
            whole_steps: self.whole_steps,
            whole_mean: ratio(self.whole_steps, self.whole_runs),
            histogram: self.bins.clone(),
        }
    }
}

fn ratio(a: u64, b: u64) -> Option<f64> {
    (b > 0).then(|| a as f64 / b as f64)
}

/// One entry over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryRuns {
    /// Number of the entry, row-major.
    pub entry: usize,
    /// Switches between zero and nonzero.
    pub switches: u64,
    /// Runs of zero, in episodes where the entry switches.
    pub zero: Runs,
    /// Runs of nonzero, in episodes where the entry switches.
    pub nonzero: Runs,
}

/// Entries that never contradict each other are one group: at every step they are zero together or nonzero together, or one
/// of them is undecided. What one of them does says all of the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distinct {
    /// Groups of entries that switch.
    pub groups: usize,
    /// Switches of groups.
    pub switches: u64,
    /// Runs of zero of groups.
    pub zero: Runs,
    /// 95 % interval of their mean length, steps: 1.96 standard deviations of a run over the root of their number, which takes
    /// runs for independent.
    pub zero_interval: Option<[f64; 2]>,
    /// Runs of nonzero of groups.
    pub nonzero: Runs,
    /// 95 % interval of their mean length.
    pub nonzero_interval: Option<[f64; 2]>,
}

/// Autocorrelation at one lag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Correlation {
    /// Steps between the two patterns.
    pub lag: usize,
    /// Pairs of an entry with itself so much later.
    pub pairs: u64,
    /// Share of them that differ.
    pub differ: f64,
    /// 1 - differ / (2 variance), the variance of an entry being m (1 - m) around its mean m in the episode; None
    /// where nothing varies.
    pub correlation: Option<f64>,
}

/// Counts of events in windows against a memoryless model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fano {
    /// Steps of a window.
    pub window: usize,
    /// Windows, one after the other within episodes.
    pub windows: u64,
    /// Mean events of a window.
    pub mean: f64,
    /// Variance (of windows - 1 degrees of freedom) over mean; None where it has no meaning.
    pub fano: Option<f64>,
    /// What events without memory give, at random steps of their episodes: the mean over shuffles; None without an event.
    pub memoryless: Option<f64>,
    /// The middle 95 % of the shuffles.
    pub memoryless_interval: Option<[f64; 2]>,
}

/// How switches cluster. An event is a step whose pattern differs from that of the step before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Events {
    /// Pairs of successive steps that both count.
    pub steps: u64,
    /// Events among them.
    pub events: u64,
    /// Events per step.
    pub rate: Option<f64>,
    /// Entries that switch.
    pub switches: u64,
    /// Of how many decided pairs of an entry.
    pub pairs: u64,
    /// Switches per entry and step.
    pub switch_rate: Option<f64>,
    /// Entries that switch in an event, on average.
    pub together: Option<f64>,
    /// Groups of entries that always switch together, of which those are, on average.
    pub together_groups: Option<f64>,
    /// Intervals between successive events of an episode.
    pub intervals: u64,
    /// Mean interval, steps.
    pub interval_mean: Option<f64>,
    /// Its standard deviation, steps.
    pub interval_std: Option<f64>,
    /// (std - mean) / (std + mean) of the intervals: -1 regular, 0 as a Poisson process, to 1 bursty (Goh and
    /// Barabasi 2008).
    pub burstiness: Option<f64>,
    /// What events without memory give, at random steps of their episodes, so that each keeps its rate: the mean over
    /// shuffles.
    pub memoryless_burstiness: Option<f64>,
    /// The middle 95 % of the shuffles.
    pub memoryless_burstiness_interval: Option<[f64; 2]>,
    /// Fano factors.
    pub fano: Vec<Fano>,
}

/// What an event of a regime is followed by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delays {
    /// `contacts`: the set of geom pairs in contact changes; `constraints`: the list of constraint rows that act does.
    pub regime: &'static str,
    /// Events of the regime.
    pub regime_events: u64,
    /// Share of the steps of all events of the regime in which the pattern switches.
    pub with_switch: Option<f64>,
    /// Share of the pattern's events in whose step the regime changes.
    pub with_regime: Option<f64>,
    /// That share if the two had nothing to do with each other: events of the regime per step.
    pub chance: Option<f64>,
    /// Rate of the pattern's events so many steps after an event of the regime (before it where negative), over their
    /// rate at any step.
    pub lift: Vec<Lift>,
    /// By d: events of the pattern d steps after the last event of the regime; the last counts that many or more.
    pub since: Vec<u64>,
    /// Events of the pattern before the first event of the regime in their episode.
    pub before_any: u64,
}

/// See [`Delays::lift`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lift {
    /// Steps after the event of the regime.
    pub lag: i64,
    /// Pairs of an event of the regime and a step so much later.
    pub pairs: u64,
    /// Events of the pattern among them.
    pub events: u64,
    /// (events / pairs) / rate; None where it has no meaning.
    pub lift: Option<f64>,
}

/// How the pattern of one matrix changes in time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Temporal {
    /// The matrix.
    pub matrix: Matrix,
    /// Entries that switch in at least one episode.
    pub switching_entries: usize,
    /// Runs of zero of all entries; those constant over an episode are left out of it.
    pub zero: Runs,
    /// Runs of nonzero, likewise.
    pub nonzero: Runs,
    /// Every entry that switches.
    pub entries: Vec<EntryRuns>,
    /// The same without repetition.
    pub distinct: Distinct,
    /// Autocorrelation.
    pub autocorrelation: Vec<Correlation>,
    /// Switches.
    pub events: Events,
    /// Switches and regimes.
    pub delays: Vec<Delays>,
}

/// Watches the patterns of one matrix, step after step.
#[derive(Debug)]
pub(super) struct Watch {
    matrix: Matrix,
    entries: usize,
    previous: Kept,
    /// Runs that began at a bound or a gap.
    cut: Vec<u64>,
    start: Vec<usize>,
    /// Of the episode: whether the entry switches in it, and its runs before it did.
    varies: Vec<bool>,
    pending: Vec<Vec<(bool, usize, bool)>>,
    /// Of the episode: steps decided and steps zero.
    decided: Vec<u64>,
    zero_steps: Vec<u64>,
    /// Of the episodes before, by entry.
    decided_before: Vec<u64>,
    zero_before: Vec<u64>,
    switches: Vec<u64>,
    /// By entry: nonzero, zero.
    tallies: Vec<[Tally; 2]>,
    history: History,
    /// m (1 - m) times the decided steps, and these.
    variance: f64,
    decided_total: u64,
    counts: EventCounts,
    log: EventLog,
    delays: [DelayCounts; 2],
    /// By entry: a digest of when it was zero, nonzero and undecided.
    past: Vec<[u64; 2]>,
    episode: u64,
    /// The patterns that have occurred, by their numbers, and whether these are all.
    patterns: Vec<Kept>,
    complete: bool,
}

/// The last patterns of the episode.
#[derive(Debug, Default)]
struct History {
    ring: Vec<Past>,
    /// Patterns that were put in.
    filled: usize,
    /// By lag: pairs and differing ones.
    pairs: [u64; LAGS.len()],
    differ: [u64; LAGS.len()],
}

/// A pattern that has gone by.
#[derive(Debug, Default)]
struct Past {
    pattern: Kept,
    /// Its number; [`OTHER`] where it has none.
    id: u32,
    undecided: usize,
}

impl History {
    fn put(&mut self, pattern: Pattern<'_>, id: u32, entries: usize) {
        let most = LAGS[LAGS.len() - 1];
        let undecided = pattern.undecided();
        for (i, lag) in LAGS.iter().enumerate().take_while(|(_, lag)| **lag <= self.filled) {
            let past = &self.ring[(self.filled - lag) % most];
            // Mostly there are few patterns, and it is the same.
            let (differ, missing) = if past.id == id && id != OTHER {
                (0, undecided)
            } else if past.undecided + undecided == 0 {
                let pairs = pattern.zero.iter().zip(&past.pattern.zero);
                (pairs.map(|(a, b)| u64::from((a ^ b).count_ones())).sum(), 0)
            } else {
                let past = &past.pattern;
                (0..past.zero.len()).fold((0, 0), |(differ, missing), w| {
                    let gap = pattern.undecided[w] | past.undecided[w];
                    let different = (pattern.zero[w] ^ past.zero[w]) & !gap;
                    (differ + u64::from(different.count_ones()), missing + gap.count_ones() as usize)
                })
            };
            self.differ[i] += differ;
            self.pairs[i] += (entries - missing) as u64;
        }
        let at = self.filled % most;
        if self.ring.len() <= at {
            self.ring.push(Past::default());
        }
        let past = &mut self.ring[at];
        past.pattern.set(pattern);
        (past.id, past.undecided) = (id, undecided);
        self.filled += 1;
    }
}

#[derive(Debug, Default)]
pub(super) struct EventCounts {
    steps: u64,
    events: u64,
    switches: u64,
    pairs: u64,
    last: Option<usize>,
    intervals: u64,
    /// Sum of intervals and of their squares.
    sum: u64,
    squares: u128,
    /// By window: steps and events of the one under way, windows, sum of events and of their squares.
    windows: [(usize, u64, u64, u64, u128); WINDOWS.len()],
}

impl EventCounts {
    /// Nothing is compared across what follows.
    pub(super) fn gap(&mut self) {
        self.last = None;
        self.windows.iter_mut().for_each(|w| (w.0, w.1) = (0, 0));
    }

    pub(super) fn step(&mut self, at: usize, event: bool) {
        self.steps += 1;
        if event {
            self.events += 1;
            if let Some(last) = self.last.replace(at) {
                let interval = (at - last) as u64;
                self.intervals += 1;
                self.sum += interval;
                self.squares += u128::from(interval) * u128::from(interval);
            }
        }
        for (window, length) in self.windows.iter_mut().zip(WINDOWS) {
            window.0 += 1;
            window.1 += u64::from(event);
            if window.0 == length {
                let n = window.1;
                *window = (0, 0, window.2 + 1, window.3 + n, window.4 + u128::from(n * n));
            }
        }
    }

    /// Mean and standard deviation of the intervals.
    fn interval(&self) -> Option<(f64, f64)> {
        let mean = ratio(self.sum, self.intervals)?;
        Some((mean, (self.squares as f64 / self.intervals as f64 - mean * mean).max(0.0).sqrt()))
    }

    /// See [`Events::burstiness`].
    pub(super) fn burstiness(&self) -> Option<f64> {
        // One interval has no spread.
        self.interval().filter(|_| self.intervals > 1).map(|(mean, std)| (std - mean) / (std + mean))
    }

    /// Fano factors by window.
    pub(super) fn fano(&self) -> [Option<f64>; WINDOWS.len()] {
        self.windows.map(|(_, _, windows, events, squares)| {
            let (n, sum) = (windows as f64, events as f64);
            let variance = (squares as f64 - sum * sum / n) / (n - 1.0);
            (windows > 1 && events > 0).then(|| variance.max(0.0) / (sum / n))
        })
    }

    fn result(&self, memoryless: &Memoryless, distinct: u64) -> Events {
        let rate = ratio(self.events, self.steps);
        let (mean, std) = self.interval().unzip();
        let fano = self.windows.iter().zip(self.fano()).zip(WINDOWS.into_iter().zip(memoryless.fano));
        let fano = fano.filter(|((w, _), _)| w.2 > 0).map(|((w, fano), (window, memoryless))| Fano {
            window,
            windows: w.2,
            mean: w.3 as f64 / w.2 as f64,
            fano,
            memoryless: memoryless.map(|(mean, _)| mean),
            memoryless_interval: memoryless.map(|(_, middle)| middle),
        });
        Events {
            steps: self.steps,
            events: self.events,
            rate,
            switches: self.switches,
            pairs: self.pairs,
            switch_rate: ratio(self.switches, self.pairs),
            together: ratio(self.switches, self.events),
            together_groups: ratio(distinct, self.events),
            intervals: self.intervals,
            interval_mean: mean,
            interval_std: std,
            burstiness: self.burstiness(),
            memoryless_burstiness: memoryless.burstiness.map(|(mean, _)| mean),
            memoryless_burstiness_interval: memoryless.burstiness.map(|(_, middle)| middle),
            fano: fano.collect(),
        }
    }
}

/// Longest delay that is counted by itself.
const SINCE: usize = 64;

#[derive(Debug)]
struct DelayCounts {
    /// The last steps as bits, the newest lowest: whether the step was seen, had an event of the regime, of the
    /// pattern.
    seen: u64,
    regime: u64,
    pattern: u64,
    last: Option<usize>,
    regime_events: u64,
    together: u64,
    pairs: [u64; 2 * REACH + 1],
    events: [u64; 2 * REACH + 1],
    since: [u64; SINCE + 1],
    before_any: u64,
}

impl DelayCounts {
    fn new() -> Self {
        Self {
            seen: 0,
            regime: 0,
            pattern: 0,
            last: None,
            regime_events: 0,
            together: 0,
            pairs: [0; 2 * REACH + 1],
            events: [0; 2 * REACH + 1],
            since: [0; SINCE + 1],
            before_any: 0,
        }
    }

    fn gap(&mut self) {
        (self.seen, self.regime, self.pattern, self.last) = (0, 0, 0, None);
    }

    fn step(&mut self, at: usize, regime: bool, pattern: bool) {
        self.seen = self.seen << 1 | 1;
        self.regime = self.regime << 1 | u64::from(regime);
        self.pattern = self.pattern << 1 | u64::from(pattern);
        for lag in 0..=REACH {
            // An event of the regime `lag` steps ago, and this step.
            let then = self.regime >> lag & 1;
            self.pairs[REACH + lag] += then;
            self.events[REACH + lag] += then & u64::from(pattern);
            // An event of the regime now, and the step `lag` ago.
            if lag > 0 && regime {
                self.pairs[REACH - lag] += self.seen >> lag & 1;
                self.events[REACH - lag] += self.pattern >> lag & 1;
            }
        }
        if regime {
            self.regime_events += 1;
            self.together += u64::from(pattern);
            self.last = Some(at);
        }
        if pattern {
            match self.last {
                Some(last) => self.since[(at - last).min(SINCE)] += 1,
                None => self.before_any += 1,
            }
        }
    }

    fn result(&self, name: &'static str, events: &EventCounts) -> Delays {
        let rate = ratio(events.events, events.steps).filter(|p| *p > 0.0);
        let lift = self.pairs.iter().zip(&self.events).enumerate().map(|(i, (pairs, events))| Lift {
            lag: i as i64 - REACH as i64,
            pairs: *pairs,
            events: *events,
            lift: ratio(*events, *pairs).zip(rate).map(|(share, rate)| share / rate),
        });
        Delays {
            regime: name,
            regime_events: self.regime_events,
            with_switch: ratio(self.together, self.regime_events),
            with_regime: ratio(self.together, events.events),
            chance: ratio(self.regime_events, events.steps),
            lift: lift.collect(),
            since: self.since.to_vec(),
            before_any: self.before_any,
        }
    }
}

impl Watch {
    pub(super) fn new(matrix: Matrix, shape: Shape) -> Self {
        let (n, words) = (shape.entries(), shape.words());
        let mut watch = Self {
            matrix,
            entries: n,
            previous: Kept { zero: vec![0; words], undecided: vec![0; words] },
            cut: vec![0; words],
            start: vec![0; n],
            varies: vec![false; n],
            pending: vec![Vec::new(); n],
            decided: vec![0; n],
            zero_steps: vec![0; n],
            decided_before: vec![0; n],
            zero_before: vec![0; n],
            switches: vec![0; n],
            tallies: vec![Default::default(); n],
            history: History::default(),
            variance: 0.0,
            decided_total: 0,
            counts: EventCounts::default(),
            log: EventLog::default(),
            delays: [DelayCounts::new(), DelayCounts::new()],
            past: vec![[0; 2]; n],
            episode: 0,
            patterns: Vec::new(),
            complete: true,
        };
        watch.forget();
        watch
    }

    /// Everything before is a gap.
    fn forget(&mut self) {
        self.previous.zero.fill(0);
        fill(&mut self.previous.undecided, self.entries);
    }

    /// Step `at` of the episode; `id` is the number of its pattern. `changed` says whether the regimes of [`Delays`] differ from those of the step before;
    /// None where that step did not count.
    pub(super) fn step(&mut self, at: usize, pattern: Pattern<'_>, id: u32, changed: Option<[bool; 2]>) {
        let (mut switched, mut pairs) = (0, 0);
        for w in 0..pattern.zero.len() {
            let (zero, undecided) = (pattern.zero[w], pattern.undecided[w]);
            let (zero_before, undecided_before) = (self.previous.zero[w], self.previous.undecided[w]);
            let valid = if (w + 1) * 64 <= self.entries { !0 } else { (1 << (self.entries % 64)) - 1 };
            let both = !undecided & !undecided_before & valid;
            let switch = (zero ^ zero_before) & both;
            let (ends, begins) = (undecided & !undecided_before, !undecided & undecided_before & valid);
            let changes = switch | ends | begins;
            if changes != 0 {
                each_one(changes, w * 64, |e| {
                    let now = u64::from(zero >> (e % 64) & 1 == 1) | u64::from(undecided >> (e % 64) & 1 == 1) << 1;
                    self.past[e] = mixed(self.past[e], [self.episode, (at as u64) << 2 | now]);
                });
            }
            pairs += u64::from(both.count_ones());
            switched += u64::from(switch.count_ones());
            if ends != 0 {
                each_one(ends, w * 64, |e| self.close(e, zero_before >> (e % 64) & 1 == 1, at, true));
            }
            if switch != 0 {
                each_one(switch, w * 64, |e| {
                    if !std::mem::replace(&mut self.varies[e], true) {
                        for (zero, length, whole) in self.pending[e].drain(..) {
                            self.tallies[e][usize::from(zero)].add(length, whole);
                        }
                    }
                    self.switches[e] += 1;
                    self.close(e, zero_before >> (e % 64) & 1 == 1, at, false);
                    self.start[e] = at;
                });
                self.cut[w] &= !switch;
            }
            if begins != 0 {
                each_one(begins, w * 64, |e| self.start[e] = at);
                self.cut[w] |= begins;
            }
        }
        self.previous.set(pattern);
        if id as usize == self.patterns.len() && self.patterns.len() < MOST_KEPT {
            let mut kept = Kept::default();
            kept.set(pattern);
            self.patterns.push(kept);
        }
        self.complete &= (id as usize) < self.patterns.len();
        self.history.put(pattern, id, self.entries);
        self.counts.switches += switched;
        self.counts.pairs += pairs;
        match changed {
            Some(changed) => {
                self.counts.step(at, switched > 0);
                self.log.push(at, switched > 0);
                for (delay, changed) in self.delays.iter_mut().zip(changed) {
                    delay.step(at, changed, switched > 0);
                }
            }
            None => self.gap_of_events(),
        }
    }

    /// Step `at` of the episode does not count.
    pub(super) fn gap(&mut self, at: usize) {
        for w in 0..self.previous.zero.len() {
            let valid = if (w + 1) * 64 <= self.entries { !0 } else { (1 << (self.entries % 64)) - 1 };
            let zero = self.previous.zero[w];
            each_one(!self.previous.undecided[w] & valid, w * 64, |e| {
                self.close(e, zero >> (e % 64) & 1 == 1, at, true);
            });
        }
        self.forget();
        let nothing = self.previous.clone();
        self.history.put(nothing.view(), OTHER, self.entries);
        self.gap_of_events();
    }

    fn gap_of_events(&mut self) {
        self.counts.gap();
        self.log.gap();
        self.delays.iter_mut().for_each(DelayCounts::gap);
    }

    /// The episode had `length` steps.
    pub(super) fn end_episode(&mut self, length: usize) {
        self.gap(length);
        for e in 0..self.entries {
            self.pending[e].clear();
            self.varies[e] = false;
            let (n, zero) = (self.decided[e], self.zero_steps[e]);
            if n > 0 {
                self.variance += zero as f64 * (n - zero) as f64 / n as f64;
                self.decided_total += n;
            }
            self.decided_before[e] += n;
            self.zero_before[e] += zero;
            (self.decided[e], self.zero_steps[e]) = (0, 0);
        }
        self.history.filled = 0;
        self.log.end_episode();
        self.episode += 1;
    }

    fn close(&mut self, e: usize, zero: bool, at: usize, cut: bool) {
        let length = at - self.start[e];
        self.decided[e] += length as u64;
        self.zero_steps[e] += if zero { length as u64 } else { 0 };
        let whole = !cut && self.cut[e / 64] >> (e % 64) & 1 == 0;
        if self.varies[e] {
            self.tallies[e][usize::from(zero)].add(length, whole);
        } else {
            self.pending[e].push((zero, length, whole));
        }
    }

    /// In how many of the samples each entry was zero and undecided, when all episodes have ended.
    pub(super) fn counts(&self, samples: u64) -> Counts {
        let undecided = self.decided_before.iter().map(|n| samples - n).collect();
        Counts { zero: self.zero_before.clone(), undecided }
    }

    /// Entries that switch, one of each group: the one that is undecided least.
    fn groups(&self) -> Vec<usize> {
        let mut seen = HashSet::new();
        let different: Vec<usize> =
            (0..self.entries).filter(|e| self.switches[*e] > 0 && seen.insert(self.past[*e])).collect();
        if !self.complete || different.len() > MOST_KEPT {
            return different;
        }
        // What an entry is in each pattern says what it was at every step.
        let mut columns: Vec<(usize, Column)> = different.iter().map(|e| (*e, self.column(*e))).collect();
        columns.sort_by_key(|(_, column)| ones(&column.undecided));
        let mut groups: Vec<(usize, Column)> = Vec::new();
        for (entry, column) in columns {
            match groups.iter_mut().find(|(_, group)| group.agrees(&column)) {
                Some((_, group)) => group.learn(&column),
                None => groups.push((entry, column)),
            }
        }
        groups.into_iter().map(|(entry, _)| entry).collect()
    }

    fn column(&self, entry: usize) -> Column {
        let words = self.patterns.len().div_ceil(64);
        let mut column = Column { zero: vec![0; words], undecided: vec![0; words] };
        for (i, pattern) in self.patterns.iter().enumerate() {
            let bit = |words: &[u64]| (words[entry / 64] >> (entry % 64) & 1) << (i % 64);
            column.zero[i / 64] |= bit(&pattern.zero);
            column.undecided[i / 64] |= bit(&pattern.undecided);
        }
        column
    }

    fn distinct(&self) -> Distinct {
        let groups = self.groups();
        let mut total: [Tally; 2] = Default::default();
        for e in &groups {
            total.iter_mut().zip(&self.tallies[*e]).for_each(|(total, tally)| total.merge(tally));
        }
        let [nonzero, zero] = &total;
        Distinct {
            switches: groups.iter().map(|e| self.switches[*e]).sum(),
            groups: groups.len(),
            zero: zero.result(),
            zero_interval: zero.interval(),
            nonzero: nonzero.result(),
            nonzero_interval: nonzero.interval(),
        }
    }

    pub(super) fn result(&self) -> Temporal {
        let mut total: [Tally; 2] = Default::default();
        for tallies in &self.tallies {
            total.iter_mut().zip(tallies).for_each(|(total, tally)| total.merge(tally));
        }
        let entries: Vec<EntryRuns> = (0..self.entries)
            .filter(|e| self.switches[*e] > 0)
            .map(|e| EntryRuns {
                entry: e,
                switches: self.switches[e],
                zero: self.tallies[e][1].result(),
                nonzero: self.tallies[e][0].result(),
            })
            .collect();
        let distinct = self.distinct();
        let variance = self.variance / self.decided_total.max(1) as f64;
        let history = &self.history;
        let correlation = |i: usize| {
            let differ = history.differ[i] as f64 / history.pairs[i] as f64;
            let correlation = (variance > 0.0).then(|| 1.0 - differ / (2.0 * variance));
            Correlation { lag: LAGS[i], pairs: history.pairs[i], differ, correlation }
        };
        Temporal {
            matrix: self.matrix,
            switching_entries: entries.len(),
            zero: total[1].result(),
            nonzero: total[0].result(),
            entries,
            autocorrelation: (0..LAGS.len()).filter(|i| history.pairs[*i] > 0).map(correlation).collect(),
            events: self.counts.result(&self.log.memoryless(), distinct.switches),
            distinct,
            delays: vec![
                self.delays[0].result("contacts", &self.counts),
                self.delays[1].result("constraints", &self.counts),
            ],
        }
    }
}

/// What an entry is in each of some patterns, a bit each.
struct Column {
    zero: Vec<u64>,
    undecided: Vec<u64>,
}

impl Column {
    /// Whether the two are the same wherever both are decided.
    fn agrees(&self, other: &Self) -> bool {
        let words = self.zero.iter().zip(&other.zero).zip(self.undecided.iter().zip(&other.undecided));
        words.into_iter().all(|((a, b), (open_a, open_b))| (a ^ b) & !(open_a | open_b) == 0)
    }

    /// Takes what another one that agrees says where this one is undecided.
    fn learn(&mut self, other: &Self) {
        for (w, undecided) in self.undecided.iter_mut().enumerate() {
            self.zero[w] |= other.zero[w] & *undecided;
            *undecided &= other.undecided[w];
        }
    }
}

/// A digest with two more numbers in it (the finaliser of SplitMix64, Steele, Lea and Flood 2014, in two lanes).
fn mixed(mut digest: [u64; 2], numbers: [u64; 2]) -> [u64; 2] {
    for number in numbers {
        for (lane, salt) in digest.iter_mut().zip([0x9e37_79b9_7f4a_7c15_u64, 0xd1b5_4a32_d192_ed03]) {
            let mut x = (*lane ^ number).wrapping_add(salt);
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *lane = x ^ (x >> 31);
        }
    }
    digest
}

/// Which regimes differ, in the order of [`Temporal::delays`].
pub(super) fn changes(before: Regime, now: Regime) -> [bool; 2] {
    [before.contact_set != now.contact_set, before.constraint_set != now.constraint_set]
}

/// Sets the first `n` bits.
fn fill(words: &mut [u64], n: usize) {
    words.fill(!0);
    if let Some(last) = words.last_mut().filter(|_| !n.is_multiple_of(64)) {
        *last = (1 << (n % 64)) - 1;
    }
    debug_assert_eq!(ones(words), n, "a bit for every entry");
}
