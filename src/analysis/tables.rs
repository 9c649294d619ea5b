//! Which tables there are, and what is in them.

use serde_json::{Value, json};

use super::compare::Comparison;
use super::table::Table;
use super::{Against, Analysis, Matrix};

/// All tables of some recordings. Those without a row are left out.
pub fn tables(analyses: &[Analysis], comparisons: &[Comparison]) -> Vec<Table> {
    let mut all = vec![recordings(analyses)];
    all.extend(global(analyses));
    all.extend(state(analyses));
    all.extend(regimes(analyses));
    all.extend(embedding(analyses));
    all.extend(runs(analyses));
    all.extend(switches(analyses));
    all.push(trace(analyses));
    all.push(thresholds(analyses));
    all.push(compared(comparisons));
    all.retain(|table| !table.rows.is_empty());
    all
}

fn recordings(analyses: &[Analysis]) -> Table {
    let mut table = Table::new(
        "recordings",
        "what was analysed",
        &[
            ("file", "file"),
            ("content_sha256", "digest of the recording's content"),
            ("zero", "what makes an entry zero: mask, or the threshold"),
            ("masks", "whether the recording holds zero masks"),
            ("episodes", "episodes"),
            ("steps", "steps"),
            ("samples", "steps that count"),
            ("unwanted", "steps left out by their flags"),
            ("not_finite", "steps left out because an entry is NaN or infinite"),
            ("step_kind", "control: a step of the policy; physics: a step of the simulation"),
            ("step_duration", "duration of a step, s"),
            ("engine", "how the Jacobians were computed"),
            ("policy", "policy"),
        ],
    );
    for a in analyses {
        let attribute = |name: &str| a.subject.attributes.get(name).cloned().unwrap_or(Value::Null);
        let s = &a.selection;
        let cells = vec![
            json!(a.subject.file),
            json!(a.subject.content_sha256),
            json!(a.criterion),
            json!(a.masks),
            json!(s.episodes),
            json!(s.steps),
            json!(s.samples),
            json!(s.unwanted),
            json!(s.not_finite),
            attribute("step_kind"),
            attribute("step_duration"),
            attribute("engine"),
            attribute("policy"),
        ];
        table.add(a, cells);
    }
    table
}

/// Labels of an entry.
fn labels(a: &Analysis, matrix: Matrix, entry: usize) -> [Value; 2] {
    let columns = match matrix {
        Matrix::A => &a.subject.state,
        Matrix::B => &a.subject.control,
    };
    [json!(a.subject.state[entry / columns.len()]), json!(columns[entry % columns.len()])]
}

fn global(analyses: &[Analysis]) -> Vec<Table> {
    let matrix = ("matrix", "A: d next state / d state; B: d next state / d control");
    let row = ("row", "entry of the next state");
    let column = ("column", "entry of the state or control");
    let mut counts = Table::new(
        "global",
        "Q1: entries that are zero in every sample",
        &[
            matrix,
            ("rows", "entries of the next state"),
            ("columns", "entries of the state or control"),
            ("entries", "entries of the matrix"),
            ("samples", "steps that count"),
            ("episodes", "episodes with such steps"),
            ("always_zero", "entries that are zero in every sample"),
            ("percent", "their share, percent"),
            ("open", "entries that are never nonzero but undecided at least once"),
            ("published", "always_zero in arXiv 2511.08086, Table 1"),
            ("quiet_samples", "steps since an entry was seen nonzero for the first time"),
            (
                "bound_steps",
                "largest share of steps in which a zero entry can be nonzero, 95 % confidence, independent steps",
            ),
            ("bound_episodes", "the same for the share of episodes"),
            ("in_one_episode", "entries that are nonzero in exactly one episode"),
            ("expected_next_episode", "entries that one more episode is expected to take from the count (Good 1953)"),
        ],
    );
    let mut blocks = Table::new(
        "global_blocks",
        "Q1 by block",
        &[
            matrix,
            ("row_kind", "pos, vel or act"),
            ("column_kind", "pos, vel, act or ctrl"),
            ("entries", "entries of the block"),
            ("always_zero", "zero in every sample"),
            ("open", "never nonzero, but undecided at least once"),
        ],
    );
    let mut cells = Table::new(
        "global_cells",
        "Q1: the entries that were never nonzero, and what explains them",
        &[
            matrix,
            row,
            column,
            ("open", "undecided at least once, so not zero in every sample"),
            ("reason", "structure that explains it, if any"),
            ("of", "which column, row or part"),
        ],
    );
    let mut convergence = Table::new(
        "global_convergence",
        "Q1: entries not seen nonzero, by the number of samples",
        &[matrix, ("samples", "steps that count, in order"), ("never_nonzero", "entries not nonzero in any of them")],
    );
    let mut entries = Table::new(
        "entries",
        "Q1: share of the steps in which each entry is zero",
        &[
            matrix,
            row,
            column,
            ("share_zero", "share of the samples in which it is zero"),
            ("share_undecided", "share of the samples in which it is undecided"),
            ("largest", "its largest absolute value"),
        ],
    );
    for a in analyses {
        for g in &a.global {
            let name = json!(g.matrix.name());
            let published = a.published.map(|p| if g.matrix == Matrix::A { p.zero_a } else { p.zero_b });
            let b = &g.bound;
            counts.add(
                a,
                vec![
                    name.clone(),
                    json!(g.shape.rows),
                    json!(g.shape.columns),
                    json!(g.entries),
                    json!(g.samples),
                    json!(g.episodes),
                    json!(g.zero),
                    json!(g.percent),
                    json!(g.open),
                    json!(published),
                    json!(b.quiet_samples),
                    json!(b.share_of_steps),
                    json!(b.share_of_episodes),
                    json!(b.in_one_episode),
                    json!(b.expected_next_episode),
                ],
            );
            for b in &g.blocks {
                blocks.add(
                    a,
                    vec![name.clone(), json!(b.row), json!(b.column), json!(b.entries), json!(b.zero), json!(b.open)],
                );
            }
            for c in &g.cells {
                let reason = c.reason.map(|r| &g.reasons[r]);
                let (kind, of) = (reason.map(|r| r.kind), reason.map(|r| &r.name));
                let place = [name.clone(), json!(c.row), json!(c.column), json!(c.open)];
                cells.add(a, place.into_iter().chain([json!(kind), json!(of)]).collect());
            }
            for p in &g.convergence {
                convergence.add(a, vec![name.clone(), json!(p.samples), json!(p.never_nonzero)]);
            }
            for e in 0..g.entries {
                let [row, column] = labels(a, g.matrix, e);
                let figures = [g.share_zero[e], g.share_undecided[e], g.largest[e]].map(|x| json!(x));
                entries.add(a, [name.clone(), row, column].into_iter().chain(figures).collect());
            }
        }
    }
    vec![counts, blocks, cells, convergence, entries]
}

const MATRIX: (&str, &str) = ("matrix", "A or B");

fn state(analyses: &[Analysis]) -> Vec<Table> {
    let mut means = Table::new(
        "sparsity",
        "Q2: sparsity of a step, the share of its entries that are zero",
        &[
            MATRIX,
            ("samples", "steps that count"),
            ("mean", "mean sparsity"),
            ("std", "standard deviation"),
            ("min", "smallest"),
            ("max", "largest"),
            ("mean_undecided", "mean share of undecided entries, which are not in the sparsity"),
            ("patterns", "distinct zero patterns"),
            ("complete", "whether all patterns were told apart"),
            ("entropy", "entropy of the pattern, bits"),
            ("entropy_corrected", "the same with the Miller-Madow correction, bits"),
            ("half", "patterns that together hold in half of the samples"),
        ],
    );
    let mut bins = Table::new(
        "sparsity_bins",
        "Q2: distribution of the sparsity in bins of 0.1",
        &[
            MATRIX,
            ("from", "smallest sparsity of the bin"),
            ("to", "end of the bin; 1 is in the last"),
            ("steps", "steps"),
        ],
    );
    let mut levels = Table::new(
        "sparsity_levels",
        "Q2: distribution of the exact number of zeros",
        &[MATRIX, ("zero", "entries that are zero"), ("sparsity", "their share"), ("steps", "steps")],
    );
    let mut patterns = Table::new(
        "patterns",
        "Q2: the most frequent zero patterns",
        &[
            MATRIX,
            ("rank", "from 1, the most frequent"),
            ("steps", "steps in which it holds"),
            ("share", "their share"),
            ("zero", "entries that are zero"),
            ("undecided", "entries that are undecided"),
            ("first_step", "number of its first step, of all steps of the recording"),
        ],
    );
    for a in analyses {
        for s in &a.state {
            let name = json!(s.matrix.name());
            let p = &s.patterns;
            means.add(
                a,
                vec![
                    name.clone(),
                    json!(s.samples),
                    json!(s.mean),
                    json!(s.std),
                    json!(s.min),
                    json!(s.max),
                    json!(s.mean_undecided),
                    json!(p.distinct),
                    json!(p.complete),
                    json!(p.entropy_bits),
                    json!(p.entropy_corrected_bits),
                    json!(p.half),
                ],
            );
            for (i, steps) in s.bins.iter().enumerate() {
                let edge = |i: usize| json!(i as f64 / 10.0);
                bins.add(a, vec![name.clone(), edge(i), edge(i + 1), json!(steps)]);
            }
            for l in &s.levels {
                let share = l.zero as f64 / s.entries as f64;
                levels.add(a, vec![name.clone(), json!(l.zero), json!(share), json!(l.steps)]);
            }
            for (i, p) in p.most.iter().enumerate() {
                let cells = [json!(p.steps), json!(p.share), json!(p.zero), json!(p.undecided), json!(p.first_step)];
                patterns.add(a, [name.clone(), json!(i + 1)].into_iter().chain(cells).collect());
            }
        }
    }
    vec![means, bins, levels, patterns]
}

fn regimes(analyses: &[Analysis]) -> Vec<Table> {
    let group = [
        ("steps", "steps"),
        ("share", "their share of the samples"),
        ("mean_a", "mean sparsity of A in them"),
        ("mean_b", "mean sparsity of B in them"),
    ];
    let with =
        |first: &[(&'static str, &'static str)], last: &[(&'static str, &'static str)]| [first, &group, last].concat();
    let mut sets = Table::new(
        "contact_sets",
        "Q2: sparsity by the set of geom pairs in contact",
        &with(
            &[("rank", "from 1, the most frequent"), ("pairs", "geom pairs, joined by +; empty: nothing touches")],
            &[("patterns_a", "distinct patterns of A in them")],
        ),
    );
    let mut counts = Table::new(
        "regime_counts",
        "Q2: sparsity by the number of contacts, of constraint rows that act, and of limits that act",
        &with(&[("of", "contacts, rows or limits"), ("count", "how many")], &[]),
    );
    let mut information = Table::new(
        "information",
        "Q2: whether the zero pattern follows the regime",
        &[
            MATRIX,
            ("regime", "contacts: set of geom pairs; constraints: rows that act, by type, what they hold and state"),
            ("at", "step: within the step; start: at its start"),
            ("samples", "steps"),
            ("regimes", "distinct regimes"),
            ("patterns", "distinct patterns"),
            ("pairs", "distinct pairs of both"),
            ("regime_entropy", "bits"),
            ("pattern_entropy", "bits"),
            ("information", "mutual information as counted, bits"),
            ("explained", "its share of the pattern's entropy"),
            ("bias", "its bias by Miller and Madow, bits"),
            ("corrected", "mutual information without the bias, bits"),
            ("corrected_explained", "its share of the pattern's entropy"),
            ("complete", "whether all were told apart"),
            ("shifts", "circular shifts of the regimes against the patterns, within episodes"),
            ("chance_explained", "mean share of the pattern's entropy that the shifts explain"),
            ("beyond", "share explained beyond chance"),
            ("beyond_low", "lower end of its 95 % interval"),
            ("beyond_high", "upper end"),
            ("p", "share of the shifts, and the recording itself, that explain as much"),
            ("recurring_regimes", "regimes of at least 5 steps; below, the others count as one"),
            ("rare_steps", "share of the steps with another regime"),
            ("recurring_explained", "share of the pattern's entropy that what recurs explains"),
            ("recurring_chance_explained", "mean share that its shifts explain"),
            ("recurring_beyond", "share that it explains beyond chance"),
            ("recurring_beyond_low", "lower end of its 95 % interval"),
            ("recurring_beyond_high", "upper end"),
            ("recurring_p", "share of its shifts, and itself, that explain as much"),
        ],
    );
    for a in analyses {
        let cells = |g: &super::state::Group| [json!(g.steps), json!(g.share), json!(g.mean_a), json!(g.mean_b)];
        for (i, s) in a.regimes.contact_sets.iter().enumerate() {
            let pairs = s.pairs.iter().map(|p| p.join("/")).collect::<Vec<_>>().join("+");
            let first = [json!(i + 1), json!(pairs)];
            sets.add(a, first.into_iter().chain(cells(&s.group)).chain([json!(s.patterns_a)]).collect());
        }
        let r = &a.regimes;
        for (of, groups) in [("contacts", &r.by_contacts), ("rows", &r.by_rows), ("limits", &r.by_limits)] {
            for g in groups {
                counts.add(a, [json!(of), json!(g.count)].into_iter().chain(cells(&g.group)).collect());
            }
        }
        for i in &r.information {
            let n = &i.information;
            let c = i.chance.as_ref();
            let at = if i.regime == "contacts" { r.contacts_of } else { "start" };
            let of = |against: Option<&Against>| {
                let interval = against.and_then(|x| x.beyond_interval);
                [
                    json!(against.and_then(|x| x.chance_explained)),
                    json!(against.and_then(|x| x.beyond)),
                    json!(interval.map(|i| i[0])),
                    json!(interval.map(|i| i[1])),
                    json!(against.and_then(|x| x.p)),
                ]
            };
            let recurring = c.map(|c| &c.recurring);
            let mut cells = vec![
                json!(i.matrix.name()),
                json!(i.regime),
                json!(at),
                json!(n.samples),
                json!(n.regimes),
                json!(n.patterns),
                json!(n.pairs),
                json!(n.regime_bits),
                json!(n.pattern_bits),
                json!(n.bits),
                json!(n.explained),
                json!(n.bias_bits),
                json!(n.corrected_bits),
                json!(n.corrected_explained),
                json!(n.complete),
                json!(c.map(|c| c.shifts)),
            ];
            cells.extend(of(c.map(|c| &c.all)));
            cells.extend([json!(c.map(|c| c.recurring_regimes)), json!(c.map(|c| c.rare_steps))]);
            cells.push(json!(recurring.and_then(|x| x.explained)));
            cells.extend(of(recurring));
            information.add(a, cells);
        }
    }
    vec![sets, counts, information]
}

fn embedding(analyses: &[Analysis]) -> Vec<Table> {
    let mut places = Table::new(
        "embedding",
        "Q2: a sample of (s, a, s') in two dimensions",
        &[
            ("step", "number of the step, of all steps of the recording"),
            ("pca1", "first principal component"),
            ("pca2", "second principal component"),
            ("tsne1", "first coordinate by t-SNE"),
            ("tsne2", "second coordinate by t-SNE"),
            ("sparsity_a", "sparsity of A"),
            ("sparsity_b", "sparsity of B"),
            ("contacts", "contacts"),
        ],
    );
    let mut loadings = Table::new(
        "embedding_loadings",
        "Q2: what the principal components are made of",
        &[
            ("component", "1 or 2"),
            ("explained", "share of the variance that it explains"),
            ("feature", "variable and label"),
            ("weight", "its weight"),
        ],
    );
    for a in analyses {
        for s in &a.embedding.steps {
            let [t1, t2] = s.tsne.map_or([Value::Null, Value::Null], |t| t.map(|x| json!(x)));
            let cells = vec![
                json!(s.step),
                json!(s.pca[0]),
                json!(s.pca[1]),
                t1,
                t2,
                json!(s.sparsity_a),
                json!(s.sparsity_b),
                json!(s.contacts),
            ];
            places.add(a, cells);
        }
        for (k, list) in a.embedding.loadings.iter().enumerate() {
            for l in list {
                let cells = vec![json!(k + 1), json!(a.embedding.explained[k]), json!(l.feature), json!(l.weight)];
                loadings.add(a, cells);
            }
        }
    }
    vec![places, loadings]
}

fn runs(analyses: &[Analysis]) -> Vec<Table> {
    let value = ("value", "zero or nonzero");
    let figures = [
        ("runs", "runs; an entry that does not switch within an episode is left out of it"),
        ("mean", "mean length, steps"),
        ("whole_runs", "runs not cut by the bounds of an episode or a gap"),
        ("whole_mean", "mean length of those, steps"),
    ];
    let of = ("of", "entries, or groups: entries that never contradict each other counted once");
    let interval = [
        ("mean_low", "lower end of the 95 % interval of the mean, of groups, which takes runs for independent"),
        ("mean_high", "upper end"),
        ("sequences", "entries or groups that switch"),
    ];
    let mut totals = Table::new(
        "runs",
        "Q3: durations of zero and nonzero",
        &[&[MATRIX, of, value][..], &figures, &interval].concat(),
    );
    let mut histogram = Table::new(
        "run_lengths",
        "Q3: distribution of the durations in log bins",
        &[MATRIX, value, ("from", "shortest run of the bin, steps"), ("to", "longest, steps"), ("runs", "runs")],
    );
    let mut entries = Table::new(
        "entry_runs",
        "Q3: durations by entry, of those that switch",
        &[
            &[MATRIX, ("row", "entry of the next state"), ("column", "entry of the state or control")][..],
            &[("switches", "switches between zero and nonzero"), value],
            &figures,
        ]
        .concat(),
    );
    for a in analyses {
        for t in &a.temporal {
            let name = json!(t.matrix.name());
            let cells =
                |r: &super::temporal::Runs| [json!(r.runs), json!(r.mean), json!(r.whole_runs), json!(r.whole_mean)];
            for (value, r) in [("zero", &t.zero), ("nonzero", &t.nonzero)] {
                let first = [name.clone(), json!("entries"), json!(value)];
                let last = [Value::Null, Value::Null, json!(t.switching_entries)];
                totals.add(a, first.into_iter().chain(cells(r)).chain(last).collect());
                for (k, n) in r.histogram.iter().enumerate() {
                    let edges = [json!(1_u64 << k), json!((2_u64 << k) - 1)];
                    let cells = [name.clone(), json!(value)].into_iter().chain(edges).chain([json!(n)]);
                    histogram.add(a, cells.collect());
                }
            }
            let d = &t.distinct;
            for (value, r, interval) in
                [("zero", &d.zero, d.zero_interval), ("nonzero", &d.nonzero, d.nonzero_interval)]
            {
                let first = [name.clone(), json!("groups"), json!(value)];
                let last = [json!(interval.map(|i| i[0])), json!(interval.map(|i| i[1])), json!(d.groups)];
                totals.add(a, first.into_iter().chain(cells(r)).chain(last).collect());
            }
            for e in &t.entries {
                for (value, r) in [("zero", &e.zero), ("nonzero", &e.nonzero)] {
                    let [row, column] = labels(a, t.matrix, e.entry);
                    let first = [name.clone(), row, column, json!(e.switches), json!(value)];
                    entries.add(a, first.into_iter().chain(cells(r)).collect());
                }
            }
        }
    }
    vec![totals, histogram, entries]
}

fn switches(analyses: &[Analysis]) -> Vec<Table> {
    let mut autocorrelation = Table::new(
        "autocorrelation",
        "Q3: autocorrelation of the pattern",
        &[
            MATRIX,
            ("lag", "steps"),
            ("pairs", "pairs of an entry with itself so much later"),
            ("differ", "share of them that differ"),
            ("correlation", "1 - differ / (2 variance), around the mean of the entry in the episode"),
        ],
    );
    let mut events = Table::new(
        "switches",
        "Q3: switches of the pattern; an event is a step whose pattern differs from the one before",
        &[
            MATRIX,
            ("steps", "pairs of successive steps that count"),
            ("events", "events"),
            ("rate", "events per step"),
            ("switch_rate", "switches per entry and step"),
            ("together", "entries that switch in an event, on average"),
            ("together_groups", "groups of entries that always switch together, of which these are"),
            ("interval_mean", "mean interval of events, steps"),
            ("interval_std", "its standard deviation, steps"),
            ("burstiness", "(std - mean) / (std + mean) of the intervals (Goh and Barabasi 2008)"),
            ("memoryless_burstiness", "the same of events at random steps of their episodes, mean over shuffles"),
            ("memoryless_burstiness_low", "lower end of the middle 95 % of the shuffles"),
            ("memoryless_burstiness_high", "upper end"),
        ],
    );
    let mut fano = Table::new(
        "fano",
        "Q3: variance over mean of the events in windows",
        &[
            MATRIX,
            ("window", "steps of a window"),
            ("windows", "windows"),
            ("mean", "mean events of a window"),
            ("fano", "variance over mean"),
            ("memoryless", "the same of events at random steps of their episodes, mean over shuffles"),
            ("memoryless_low", "lower end of the middle 95 % of the shuffles"),
            ("memoryless_high", "upper end"),
        ],
    );
    let regime = ("regime", "contacts: the set of geom pairs changes; constraints: the rows that act change");
    let mut delays = Table::new(
        "delays",
        "Q3: switches of the pattern and events of contact",
        &[
            MATRIX,
            regime,
            ("regime_events", "events of the regime"),
            ("with_switch", "share of these in whose step the pattern switches"),
            ("with_regime", "share of the pattern's events in whose step the regime changes"),
            ("chance", "the same if the two had nothing to do with each other"),
            ("before_any", "pattern's events before the first event of the regime in their episode"),
        ],
    );
    let mut lift = Table::new(
        "delay_lift",
        "Q3: rate of switches around an event of contact, over their rate at any step",
        &[
            MATRIX,
            regime,
            ("lag", "steps after the event of the regime"),
            ("pairs", "events of the regime with a step so much later"),
            ("events", "pattern's events in these steps"),
            ("lift", "rate over the rate at any step"),
        ],
    );
    let mut since = Table::new(
        "delay_since",
        "Q3: steps from the last event of contact to a switch",
        &[MATRIX, regime, ("delay", "steps; the last counts all longer ones too"), ("events", "pattern's events")],
    );
    for a in analyses {
        for t in &a.temporal {
            let name = json!(t.matrix.name());
            for c in &t.autocorrelation {
                let cells = vec![name.clone(), json!(c.lag), json!(c.pairs), json!(c.differ), json!(c.correlation)];
                autocorrelation.add(a, cells);
            }
            let e = &t.events;
            events.add(
                a,
                vec![
                    name.clone(),
                    json!(e.steps),
                    json!(e.events),
                    json!(e.rate),
                    json!(e.switch_rate),
                    json!(e.together),
                    json!(e.together_groups),
                    json!(e.interval_mean),
                    json!(e.interval_std),
                    json!(e.burstiness),
                    json!(e.memoryless_burstiness),
                    json!(e.memoryless_burstiness_interval.map(|i| i[0])),
                    json!(e.memoryless_burstiness_interval.map(|i| i[1])),
                ],
            );
            for f in &e.fano {
                let [low, high] = [0, 1].map(|end| json!(f.memoryless_interval.map(|i| i[end])));
                let cells = [json!(f.window), json!(f.windows), json!(f.mean), json!(f.fano), json!(f.memoryless)];
                fano.add(a, [name.clone()].into_iter().chain(cells).chain([low, high]).collect());
            }
            for d in &t.delays {
                let first = [name.clone(), json!(d.regime)];
                let shares = [json!(d.with_switch), json!(d.with_regime), json!(d.chance), json!(d.before_any)];
                let cells = first.iter().cloned().chain([json!(d.regime_events)]).chain(shares);
                delays.add(a, cells.collect());
                for l in &d.lift {
                    let cells = [json!(l.lag), json!(l.pairs), json!(l.events), json!(l.lift)];
                    lift.add(a, first.iter().cloned().chain(cells).collect());
                }
                for (delay, n) in d.since.iter().enumerate() {
                    since.add(a, first.iter().cloned().chain([json!(delay), json!(n)]).collect());
                }
            }
        }
    }
    vec![autocorrelation, events, fano, delays, lift, since]
}

fn trace(analyses: &[Analysis]) -> Table {
    let mut table = Table::new(
        "trace",
        "Q3: sparsity step by step in chosen episodes",
        &[
            ("episode", "number of the episode"),
            ("step", "number of the step in the episode"),
            ("time", "s"),
            ("sparsity_a", "sparsity of A; empty where the step does not count"),
            ("sparsity_b", "sparsity of B"),
            ("undecided_a", "share of the entries of A that are undecided"),
            ("contacts", "contacts"),
            ("contact_event", "whether other geom pairs touch than in the step before"),
        ],
    );
    for a in analyses {
        for t in &a.traces {
            for s in &t.steps {
                let cells = vec![
                    json!(t.episode),
                    json!(s.step),
                    json!(s.step as f64 * t.step_duration),
                    json!(s.sparsity_a),
                    json!(s.sparsity_b),
                    json!(s.undecided_a),
                    json!(s.contacts),
                    json!(s.contact_event),
                ];
                table.add(a, cells);
            }
        }
    }
    table
}

fn thresholds(analyses: &[Analysis]) -> Table {
    let mut table = Table::new(
        "thresholds",
        "Ablation: fixed thresholds against the recorded zero test",
        &[
            MATRIX,
            ("threshold", "entries |x| below it are zero"),
            ("always_zero", "entries that are zero in every sample"),
            ("mean", "mean sparsity"),
            ("false_nonzero", "values that are zero by the test and not by the threshold"),
            ("false_zero", "values that are nonzero by the test and zero by the threshold"),
            ("undecided_zero", "values that are undecided by the test and zero by the threshold"),
            ("undecided_nonzero", "values that are undecided by the test and nonzero by the threshold"),
            ("decided", "values that the test decided"),
        ],
    );
    for a in analyses {
        for t in &a.thresholds {
            for x in &t.thresholds {
                let d = x.against_mask.as_ref();
                let cells = vec![
                    json!(t.matrix.name()),
                    json!(x.threshold),
                    json!(x.always_zero),
                    json!(x.mean),
                    json!(d.map(|d| d.false_nonzero)),
                    json!(d.map(|d| d.false_zero)),
                    json!(d.map(|d| d.undecided_zero)),
                    json!(d.map(|d| d.undecided_nonzero)),
                    json!(d.map(|d| d.decided)),
                ];
                table.add(a, cells);
            }
        }
    }
    table
}

fn compared(comparisons: &[Comparison]) -> Table {
    let mut table = Table::new(
        "comparison",
        "Ablation: recordings of one task side by side",
        &[
            ("differs", "what differs in how they were made"),
            MATRIX,
            ("samples", "steps that count"),
            ("entries", "entries"),
            ("always_zero", "entries that are zero in every sample"),
            ("open", "entries that are never nonzero but undecided at least once"),
            ("mean", "mean sparsity"),
            ("mean_undecided", "mean share of undecided entries"),
            ("mean_published", "mean sparsity with the published threshold, |x| < 1e-12"),
            ("patterns", "distinct patterns"),
            ("entropy", "entropy of the pattern, bits"),
            ("event_rate", "steps whose pattern differs from the one before, per step"),
            ("events_per_second", "the same per second of simulated time"),
            ("switch_rate", "switches per entry and step"),
            ("zero_run", "mean length of a run of zero, steps"),
            ("nonzero_run", "mean length of a run of nonzero, steps"),
            ("explained_by_contacts", "share of the pattern's entropy that the contact set explains beyond chance"),
            ("explained_by_constraints", "the same of the constraint rows that act"),
        ],
    );
    for comparison in comparisons {
        for r in &comparison.recordings {
            let differs: Vec<String> = comparison
                .keys
                .iter()
                .zip(&r.values)
                .map(|(key, value)| match value {
                    Value::String(text) => format!("{key} {text}"),
                    other => format!("{key} {other}"),
                })
                .collect();
            for f in &r.figures {
                table.rows.push(vec![
                    json!(r.name),
                    json!(comparison.task),
                    json!(differs.join("; ")),
                    json!(f.matrix.name()),
                    json!(r.samples),
                    json!(f.entries),
                    json!(f.always_zero),
                    json!(f.open),
                    json!(f.mean),
                    json!(f.mean_undecided),
                    json!(f.mean_published),
                    json!(f.patterns),
                    json!(f.entropy_bits),
                    json!(f.event_rate),
                    json!(f.events_per_second),
                    json!(f.switch_rate),
                    json!(f.zero_run),
                    json!(f.nonzero_run),
                    json!(f.explained_by_contacts),
                    json!(f.explained_by_constraints),
                ]);
            }
        }
    }
    table
}
