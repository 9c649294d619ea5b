//! The analysis of recordings whose answers are known, and what numpy says of random ones.

use std::path::Path;

use dynsparse::analysis::state::RegimeInformation;
use dynsparse::analysis::temporal::Temporal;
use dynsparse::analysis::{self, Analysis, AnalysisSettings, Criterion, ReasonKind};
use dynsparse::dataset::Attribute;
use dynsparse::flags::StepFlags;
use serde_json::Value;

use crate::common::made::{Made, Step, pattern};
use crate::common::{self, Place};

fn analyze(made: &Made, settings: &AnalysisSettings) -> Analysis {
    let place = Place::new();
    let path = place.path("made.h5");
    made.write(&path);
    analysis::analyze(&path, settings).unwrap_or_else(|e| panic!("{e}"))
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-10 * (1.0 + expected.abs()), "{what}: {found}, not {expected}");
}

/// Entry 0 of A switches every `k` steps, nothing else is ever zero.
fn every(k: usize, episodes: usize, length: usize) -> Made {
    let step = |t: usize| Step {
        a: pattern(4, |e| e == 0 && (t / k).is_multiple_of(2)),
        b: pattern(2, |_| false),
        ..Step::default()
    };
    Made::new(1, 1, vec![(0..length).map(step).collect(); episodes])
}

#[test]
fn a_pattern_that_switches_every_five_steps() {
    let found = analyze(&every(5, 3, 200), &AnalysisSettings::default());
    let (a, b) = (&found.temporal[0], &found.temporal[1]);
    // 40 runs of 5 an episode, zero and nonzero in turn; the first and the last are cut by its bounds.
    assert_eq!((a.zero.runs, a.zero.mean, a.zero.whole_runs), (60, Some(5.0), 57));
    assert_eq!((a.nonzero.runs, a.nonzero.whole_mean, a.nonzero.whole_runs), (60, Some(5.0), 57));
    assert_eq!(a.zero.histogram, [0, 0, 60]);
    assert_eq!((a.switching_entries, a.entries[0].entry, a.entries[0].switches), (1, 0, 3 * 39));
    assert_eq!((b.switching_entries, b.zero.runs, b.events.rate), (0, 0, Some(0.0)));
    assert_eq!((b.events.burstiness, b.events.interval_mean), (None, None));
    let events = &a.events;
    assert_eq!((events.steps, events.events, events.together), (3 * 199, 3 * 39, Some(1.0)));
    assert_eq!(events.switch_rate, Some(39.0 / (199.0 * 4.0)));
    // Regular: no spread at all, and as many events in every window of ten steps.
    assert_eq!((events.interval_mean, events.interval_std, events.burstiness), (Some(5.0), Some(0.0), Some(-1.0)));
    let fano = events.fano.iter().find(|f| f.window == 10).expect("a window of ten");
    assert_eq!((fano.windows, fano.mean, fano.fano), (3 * 19, 2.0, Some(0.0)));
    // A square wave of period ten: 1 - 4 lag / 10 to the half period, then back. An entry that is zero half of the time
    // has the variance 1/4, so that a share d of differing pairs gives 1 - 2 d.
    for (lag, differ) in [(1, 39.0 / 199.0), (5, 1.0), (10, 0.0), (20, 0.0)] {
        let found = a.autocorrelation.iter().find(|c| c.lag == lag).expect("the lag");
        close(found.correlation.expect("it varies"), 1.0 - 2.0 * differ, "autocorrelation");
        assert_eq!(found.pairs, 3 * 4 * (200 - lag as u64));
    }
    let (mean, half) = (found.state[0].mean, 0.5 / 4.0);
    assert_eq!((mean, found.state[0].std, found.state[0].patterns.entropy_bits), (half, half, 1.0));
    assert_eq!(found.state[0].bins, [300, 0, 300, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_contact_that_explains_everything_and_one_that_explains_nothing() {
    // Foot and floor touch in every other block of four steps, and entry 1 is zero exactly then. Hand and floor touch
    // by a rhythm that has nothing to do with it.
    let step = |t: usize| {
        let touch = t / 4 % 2 == 1;
        let mut contacts = if touch { vec![[0, 1], [1, 0]] } else { Vec::new() };
        contacts.extend((t / 8 % 2 == 1).then_some([0, 2]));
        let alone = t / 8 % 2 == 1;
        Step {
            a: pattern(4, |e| e == 1 && touch),
            b: pattern(2, |e| e == 0 && t / 16 % 2 == 1),
            contacts: if t < 320 { contacts } else { vec![[2, 0]; usize::from(alone)] },
            ..Step::default()
        }
    };
    let all = analyze(&Made::new(1, 1, vec![(0..320).map(step).collect()]), &AnalysisSettings::default());
    let by = |matrix: &str, regime: &str| {
        let mut found = all.regimes.information.iter().filter(|i| i.matrix.name() == matrix && i.regime == regime);
        found.next().expect("it is there").information.clone()
    };
    for regime in ["contacts", "constraints"] {
        let a = by("A", regime);
        assert_eq!((a.regimes, a.patterns, a.pairs), (4, 2, 4));
        assert_eq!((a.regime_bits, a.pattern_bits, a.bits, a.explained), (2.0, 1.0, 1.0, Some(1.0)));
        let b = by("B", regime);
        assert_eq!((b.pattern_bits, b.bits, b.explained, b.corrected_explained), (1.0, 0.0, Some(0.0), Some(0.0)));
    }
    let sets = &all.regimes.contact_sets;
    assert_eq!((all.regimes.distinct_contact_sets, sets.len()), (4, 4));
    let foot = sets.iter().find(|s| s.pairs == [["floor", "foot"]]).expect("the foot");
    assert_eq!((foot.group.steps, foot.group.mean_a, foot.patterns_a), (80, 0.25, 1));
    let none = sets.iter().find(|s| s.pairs.is_empty()).expect("nothing touches");
    assert_eq!((none.group.share, none.group.mean_a), (0.25, 0.0));
    let counts: Vec<_> = all.regimes.by_contacts.iter().map(|c| (c.count, c.group.steps)).collect();
    assert_eq!(counts, [(0, 80), (1, 80), (2, 80), (3, 80)]);
    // Every change of A's pattern comes with a change of contact, in the same step.
    let delay = &all.temporal[0].delays[0];
    assert_eq!((delay.regime_events, delay.with_switch, delay.with_regime), (79, Some(1.0), Some(1.0)));
    assert_eq!((delay.since[0], delay.since.iter().sum::<u64>(), delay.before_any), (79, 79, 0));
    let at = |lag: i64| delay.lift.iter().find(|l| l.lag == lag).expect("a lag").lift;
    assert_eq!((at(1), at(-1), at(4)), (Some(0.0), Some(0.0), at(0)));
    close(at(0).expect("a rate"), 319.0 / 79.0, "lift");
}

#[test]
fn independent_parts_and_symmetries_are_named() {
    // x slides freely and its position matters to nothing; y and z never touch the rest; motor1 has no effect.
    let dofs = 3;
    let n = 2 * dofs;
    let dof = |i: usize| i % dofs;
    let zero = |row: usize, column: usize| column == 0 && row != 0 || dof(row) != dof(column);
    let step = Step {
        a: pattern(n * n, |e| zero(e / n, e % n)),
        b: pattern(n * 2, |e| e % 2 == 1 || dof(e / 2) != 0),
        ..Step::default()
    };
    let mut made = Made::new(3, 2, vec![vec![step; 5]; 4]);
    let found = analyze(&made, &AnalysisSettings::default());
    // A recording that does not tell what moves a dof leaves it at that.
    made.tells_kinematics = false;
    let untold = &analyze(&made, &AnalysisSettings::default()).global[0].reasons[0];
    assert_eq!((untold.kind, &untold.name[..]), (ReasonKind::CyclicPosition, "pos:x"));
    let (a, b) = (&found.global[0], &found.global[1]);
    // Three parts of two entries: 4 of each part's own, less the one of vel:x by pos:x.
    assert_eq!((a.entries, a.zero, a.undecided, a.percent), (36, 36 - 11, 0, 100.0 * 25.0 / 36.0));
    let reasons: Vec<_> = a.reasons.iter().map(|r| (r.kind, &r.name[..], r.cells)).collect();
    // Between the parts: 2 x 4 by every part's rows, less what the column has explained.
    let part = ReasonKind::SeparatePart;
    assert_eq!(reasons, [(ReasonKind::Translation, "pos:x", 5), (part, "x", 8), (part, "y", 6), (part, "z", 6)]);
    assert!(a.cells.iter().all(|c| c.reason.is_some()));
    let reasons: Vec<_> = b.reasons.iter().map(|r| (r.kind, &r.name[..], r.cells)).collect();
    assert_eq!((b.zero, reasons[0]), (12 - 2, (ReasonKind::NoEffect, "motor1", 6)));
    let block = |row: &str, column: &str| {
        let found = a.blocks.iter().find(|b| (&b.row[..], &b.column[..]) == (row, column)).expect("a block");
        (found.entries, found.zero)
    };
    assert_eq!((block("pos", "pos"), block("vel", "pos"), block("vel", "vel")), ((9, 6), (9, 7), (9, 6)));
    assert_eq!((a.bound.quiet_samples, a.bound.in_one_episode, a.episodes), (19, 0, 4));
    close(a.bound.share_of_steps, 1.0 - 0.05_f64.powf(1.0 / 20.0), "rule of three");
    assert_eq!(a.share_zero.iter().filter(|s| **s == 1.0).count(), 25);
}

#[test]
fn the_count_falls_as_samples_come() {
    // Entry e is nonzero from step 10 e of the second episode on.
    let step =
        |t: usize, on: bool| Step { a: pattern(4, |e| !on || t < 10 * e), b: pattern(2, |_| false), ..Step::default() };
    let episodes = [false, true].map(|on| (0..40).map(|t| step(t, on)).collect()).to_vec();
    let found = analyze(&Made::new(1, 1, episodes), &AnalysisSettings::default());
    let points: Vec<_> = found.global[0].convergence.iter().map(|p| (p.samples, p.never_nonzero)).collect();
    assert_eq!(points, [(41, 3), (51, 2), (61, 1), (71, 0), (80, 0)]);
    let bound = &found.global[0].bound;
    assert_eq!((bound.quiet_samples, bound.in_one_episode, bound.expected_next_episode), (9, 4, 2.0));
}

#[test]
fn thresholds_see_values_below_them() {
    let a: Vec<f64> = vec![0.0, -1e-9, 1e-5, 1e-3];
    let step = Step { a, b: vec![1.0; 2], ..Step::default() };
    let mut settings = AnalysisSettings::default();
    settings.add_thresholds(&[1.1e-9, 2e-5]);
    let found = analyze(&Made::new(1, 1, vec![vec![step; 3]]), &settings);
    assert_eq!((found.criterion, found.masks), (Criterion::Threshold(1e-7), false));
    let thresholds = &found.thresholds[0].thresholds;
    assert_eq!(thresholds.len(), 17);
    for (threshold, zeros) in
        [(1e-16, 1), (1e-9, 1), (1.1e-9, 2), (1e-8, 2), (1e-5, 2), (2e-5, 3), (1e-3, 3), (1e-2, 4)]
    {
        let found = thresholds.iter().find(|t| t.threshold == threshold).expect("the threshold");
        assert_eq!((found.always_zero, found.mean), (zeros, zeros as f64 / 4.0), "{threshold}");
        assert_eq!(found.against_mask, None);
    }
}

/// Entry 0 is zero by the mask, though its value is not small; 1 is nonzero, though it is; 2 is undecided in every third
/// step and zero else; 3 switches.
fn masked() -> Made {
    let step = |t: usize| Step {
        a: vec![1e-5, 1e-9, 1e-12, 1.0],
        b: vec![1.0, 1e-9],
        masks: [vec![1, 0, if t % 3 == 2 { 2 } else { 1 }, u8::from((t / 6).is_multiple_of(2))], vec![0, 2]],
        ..Step::default()
    };
    Made::new(1, 1, vec![(0..36).map(step).collect(); 2])
}

#[test]
fn masks_decide_and_undecided_entries_stay_apart() {
    let found = analyze(&masked(), &AnalysisSettings::default());
    assert_eq!((found.criterion, found.masks), (Criterion::Mask, true));
    let (a, b) = (&found.global[0], &found.global[1]);
    assert_eq!((a.zero, a.undecided, b.zero, b.undecided), (1, 1, 0, 1));
    let cells: Vec<_> = a.cells.iter().map(|c| (&c.row[..], &c.column[..], c.undecided)).collect();
    assert_eq!(cells, [("pos:x", "pos:x", false), ("vel:x", "pos:x", true)]);
    assert_eq!((a.share_zero[2], a.share_undecided[2], b.share_undecided[1]), (2.0 / 3.0, 1.0 / 3.0, 1.0));
    let last = a.convergence.last().map(|p| (p.samples, p.never_nonzero));
    assert_eq!((last, b.bound.quiet_samples), (Some((72, 2)), 71));
    let (a, b) = (&found.state[0], &found.state[1]);
    // One entry always, one in two steps of three, one in every other.
    close(a.mean, (1.0 + 2.0 / 3.0 + 0.5) / 4.0, "mean");
    close(a.mean_undecided, 1.0 / 12.0, "undecided");
    assert_eq!((a.patterns.distinct, b.mean, b.mean_undecided, b.patterns.distinct), (4, 0.0, 0.5, 1));
    // What is undecided between two zeros is no switch, and the runs beside it are not those of a switching entry.
    let t = &found.temporal[0];
    assert_eq!((t.switching_entries, t.entries[0].entry, t.entries[0].switches), (1, 3, 10));
    assert_eq!((t.zero.runs, t.zero.mean, t.nonzero.runs), (6, Some(6.0), 6));
    // Pairs: three entries all the time; of entry 2, those two of three steps that lie side by side.
    assert_eq!(t.autocorrelation[0].pairs, 2 * (3 * 35 + 12));
    assert_eq!(found.temporal[1].events.pairs, 2 * 35);
}

#[test]
fn thresholds_are_compared_with_the_mask() {
    let found = analyze(&masked(), &AnalysisSettings::default());
    let at = |threshold: f64| {
        let found = found.thresholds[0].thresholds.iter().find(|t| t.threshold == threshold).expect("the threshold");
        let d = found.against_mask.clone().expect("a mask");
        (found.always_zero, [d.false_nonzero, d.false_zero, d.undecided_zero, d.undecided_nonzero, d.decided])
    };
    // 72 steps; entry 2 is undecided in 24 of them, entry 3 is zero by the mask in 36.
    assert_eq!(at(1e-16), (0, [72 + 48 + 36, 0, 0, 24, 264]));
    assert_eq!(at(1e-11), (1, [72 + 36, 0, 24, 0, 264]));
    assert_eq!(at(1e-7), (2, [72 + 36, 72, 24, 0, 264]));
    assert_eq!(at(1e-4), (3, [36, 72, 24, 0, 264]));
    let fixed =
        analyze(&masked(), &AnalysisSettings { zero: Some(Criterion::Threshold(1e-7)), ..AnalysisSettings::default() });
    assert_eq!((fixed.global[0].zero, fixed.global[0].undecided, fixed.state[0].mean), (2, 0, 0.5));
    assert_eq!(fixed.thresholds, found.thresholds);
}

#[test]
fn flags_choose_steps_and_nan_is_left_out() {
    let step = |t: usize| Step {
        a: if t == 7 { vec![1.0, f64::NAN, 1.0, 1.0] } else { pattern(4, |e| e == 0 && t >= 20) },
        b: if t == 8 { vec![f64::INFINITY, 1.0] } else { vec![1.0; 2] },
        flags: if t >= 30 { StepFlags::CONTACTS_CHANGED.bits() } else { 0 },
        ..Step::default()
    };
    let made = Made::new(1, 1, vec![(0..40).map(step).collect()]);
    let (none, changed) = (StepFlags::empty(), StepFlags::CONTACTS_CHANGED);
    let with = |exclude, only| {
        let settings = AnalysisSettings { steps: analysis::Steps { exclude, only }, ..AnalysisSettings::default() };
        let found = analyze(&made, &settings);
        let s = &found.selection;
        assert_eq!((s.steps, s.flags["contacts_changed"], s.flags["event"]), (40, 10, 0));
        (s.samples, s.unwanted, s.not_finite, found.state[0].mean * 4.0 * s.samples as f64)
    };
    assert_eq!(with(none, none), (38, 0, 2, 20.0));
    assert_eq!(with(changed, none), (28, 10, 2, 10.0));
    assert_eq!(with(none, changed | StepFlags::EVENT), (10, 30, 0, 10.0));
    let found = analyze(&made, &AnalysisSettings::default());
    // Runs do not reach over the two steps that are left out.
    let t: &Temporal = &found.temporal[0];
    assert_eq!((t.nonzero.runs, t.zero.runs, t.events.steps, t.events.intervals), (2, 1, 36, 0));
    assert_eq!((found.traces[0].steps[7].sparsity_a, found.traces[0].steps[25].sparsity_a), (None, Some(0.25)));
    assert_eq!(found.selection.not_finite_episodes, [0]);
}

/// What numpy says, from tests/reference/analysis.py.
#[test]
fn random_recordings_agree_with_numpy() {
    let reference: Value = serde_json::from_str(include_str!("../reference/analysis.json")).expect("JSON");
    let list = |v: &Value| v.as_array().expect("a list").clone();
    let sets: Vec<Vec<[i32; 2]>> = serde_json::from_value(reference["sets"].clone()).expect("pairs");
    let ones = |v: &Value| v.as_str().expect("text").bytes().map(|b| b == b'1').collect::<Vec<_>>();
    let episode = |e: &Value| {
        let (a, b, x) = (list(&e["a"]), list(&e["b"]), list(&e["x"]));
        let (contacts, finite) = (e["contacts"].as_str().expect("text").as_bytes(), ones(&e["finite"]));
        let step = |t: usize| {
            // Small values for zeros; what is not finite may be anywhere.
            let values = |v: &Value| ones(v).iter().map(|z| if *z { -3e-9 } else { 0.5 }).collect::<Vec<f64>>();
            let mut step = Step {
                a: values(&a[t]),
                b: values(&b[t]),
                contacts: sets[usize::from(contacts[t] - b'0')].clone(),
                x: serde_json::from_value(x[t].clone()).expect("numbers"),
                ..Step::default()
            };
            if !finite[t] {
                step.b[t % 8] = f64::NAN;
            }
            step
        };
        (0..a.len()).map(step).collect::<Vec<_>>()
    };
    let made = Made::new(2, 2, list(&reference["episodes"]).iter().map(episode).collect());
    let found = analyze(&made, &AnalysisSettings { embedding_rows: 1000, ..AnalysisSettings::default() });
    let number = |v: &Value| v.as_f64().expect("a number");
    let count = |v: &Value| v.as_u64().expect("a count");
    for (m, name) in ["A", "B"].into_iter().enumerate() {
        let r = &reference[name];
        let (g, s, t) = (&found.global[m], &found.state[m], &found.temporal[m]);
        assert_eq!((g.samples, g.zero as u64), (count(&r["samples"]), count(&r["always_zero"])));
        assert_eq!(g.bound.in_one_episode as u64, count(&r["in_one_episode"]));
        let after = g.convergence.iter().rev().find(|p| p.samples <= 10).expect("a point");
        assert_eq!(after.never_nonzero as u64, count(&r["never_nonzero_after_10"]));
        close(s.mean, number(&r["mean"]), "mean");
        close(s.std, number(&r["std"]), "std");
        for (found, expected) in g.share_zero.iter().zip(list(&r["share_zero"])) {
            close(*found, number(&expected), "share");
        }
        let levels: Vec<(usize, u64)> = serde_json::from_value(r["levels"].clone()).expect("levels");
        assert_eq!(s.levels.iter().map(|l| (l.zero, l.steps)).collect::<Vec<_>>(), levels);
        let bins: Vec<u64> = serde_json::from_value(r["bins"].clone()).expect("bins");
        assert_eq!(s.bins.to_vec(), bins);
        assert_eq!(s.patterns.distinct as u64, count(&r["distinct"]));
        assert_eq!(s.patterns.most[0].steps, count(&r["most"]));
        close(s.patterns.entropy_bits, number(&r["entropy"]), "entropy");
        let information = found.regimes.information.iter().find(|i| i.matrix.name() == name && i.regime == "contacts");
        let RegimeInformation { information, chance, .. } = information.expect("it is there");
        close(information.bits, number(&r["information"]), "information");
        close(information.bias_bits, number(&r["bias"]), "bias");
        // Shifts and shuffles draw other numbers than numpy's: as near as the means of so many draws are.
        let chance = chance.as_ref().expect("shifts");
        assert_eq!(chance.shifts, 200);
        let near = |found: f64, mean: f64, std: f64, what: &str| {
            assert!((found - mean).abs() < 5.0 * std / 200_f64.sqrt(), "{what}: {found}, not {mean}");
        };
        let [mean, std] = ["bits", "std"].map(|k| number(&r["chance"][k]));
        near(chance.all.chance_bits, mean, std, "chance");
        assert!((chance.all.chance_std / std - 1.0).abs() < 0.25, "{} {std}", chance.all.chance_std);
        close(chance.all.bits, information.bits, "information");
        close(chance.all.beyond_bits, information.bits - chance.all.chance_bits, "beyond chance");
        assert_eq!(t.distinct.groups as u64, count(&r["groups"]));
        for (runs, expected) in [(&t.zero, &r["zero"]), (&t.nonzero, &r["nonzero"])] {
            assert_eq!((runs.runs, runs.whole_runs), (count(&expected["runs"]), count(&expected["whole_runs"])));
            close(runs.mean.expect("runs"), number(&expected["mean"]), "run");
            close(runs.whole_mean.expect("runs"), number(&expected["whole_mean"]), "whole run");
            let histogram: Vec<u64> = serde_json::from_value(expected["histogram"].clone()).expect("counts");
            assert_eq!(runs.histogram, histogram);
        }
        for expected in list(&r["autocorrelation"]) {
            let found = t.autocorrelation.iter().find(|c| c.lag as u64 == count(&expected["lag"])).expect("the lag");
            assert_eq!(found.pairs, count(&expected["pairs"]));
            close(found.correlation.expect("it varies"), number(&expected["correlation"]), "autocorrelation");
        }
        let (e, b) = (&t.events, &r["bursts"]);
        assert_eq!([e.steps, e.events, e.switches], ["steps", "events", "switches"].map(|k| count(&b[k])));
        close(e.burstiness.expect("events"), number(&b["burstiness"]), "burstiness");
        let [mean, std] = ["memoryless_burstiness", "memoryless_burstiness_std"].map(|k| number(&b[k]));
        near(e.memoryless_burstiness.expect("events"), mean, std, "memoryless");
        let [low, high] = e.memoryless_burstiness_interval.expect("events");
        assert!(((high - low) / (4.0 * std) - 1.0).abs() < 0.3, "{low} to {high}, {std}");
        for expected in list(&b["fano"]) {
            let found = e.fano.iter().find(|f| f.window as u64 == count(&expected["window"])).expect("the window");
            assert_eq!(found.windows, count(&expected["windows"]));
            close(found.fano.expect("windows"), number(&expected["fano"]), "Fano factor");
        }
        for expected in list(&r["lift"]) {
            let lag = expected["lag"].as_i64().expect("a lag");
            let found = t.delays[0].lift.iter().find(|l| l.lag == lag).expect("the lag");
            assert_eq!((found.pairs, found.events), (count(&expected["pairs"]), count(&expected["events"])));
            close(found.lift.expect("a rate"), number(&expected["lift"]), "lift");
        }
    }
    let (e, r) = (&found.embedding, &reference["pca"]);
    assert_eq!(e.features.len() as u64, count(&r["features"]));
    for k in 0..2 {
        close(e.explained[k], number(&r["explained"][k]), "explained");
        close(e.steps[0].pca[k], number(&r["first"][k]), "first score");
        close(e.steps[e.steps.len() - 1].pca[k], number(&r["last"][k]), "last score");
    }
}

fn json_on(threads: usize, path: &Path, settings: &AnalysisSettings) -> String {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let found = pool.install(|| analysis::analyze(path, settings)).unwrap_or_else(|e| panic!("{e}"));
    serde_json::to_string(&found).expect("JSON")
}

/// On a real recording, with several blocks and chunks, and t-SNE.
#[test]
fn threads_change_nothing() {
    let place = Place::new();
    place.small("juggler.h5", &["--episodes", "7", "--steps", "90"]).ok();
    let settings = AnalysisSettings { tsne: true, embedding_rows: 200, ..AnalysisSettings::default() };
    let one = json_on(1, &place.path("juggler.h5"), &settings);
    assert!(one.contains("\"tsne\":["), "t-SNE is there");
    for threads in [2, 5] {
        assert!(json_on(threads, &place.path("juggler.h5"), &settings) == one, "{threads} threads differ");
    }
}

#[test]
fn the_verb_prints_and_writes_tables() {
    let place = Place::new();
    place.small("a.h5", &[]).ok();
    place.small("a_name_that_is_longer_than_most.h5", &["--seed", "1"]).ok();
    place.small("b.h5", &["--step", "physics"]).ok();
    place.small("c.h5", &["--no-zero-test"]).ok();
    for (args, words) in [
        (&["analyze", "a.h5"][..], &["Q1 ", "Q2 ", "Q3 ", "pos'/vel", "by the recorded zero test", "burstiness"][..]),
        (&["analyze", "c.h5"], &["|x| < 1e-7", "the recording has no zero masks"]),
        (&["analyze", "a.h5", "--zero", "1e-9"], &["|x| < 1e-9"]),
        (&["analyze", "a.h5", "c.h5"], &["masks true", "masks false", "no zero masks in c"]),
        (&["analyze", "a.h5", "b.h5"], &["step_kind control", "step_kind physics", "side by side"]),
        (&["analyze", "."], &["side by side"]),
    ] {
        let text = place.run(args).ok().stdout;
        for word in words {
            assert!(text.contains(word), "{args:?}: no {word} in\n{text}");
        }
        let wide = text.lines().find(|l| l.chars().count() > 80);
        assert!(wide.is_none(), "{args:?}: wider than 80 columns: {wide:?}");
    }
    let ran = place.run(&["analyze", "a.h5", "b.h5", "-o", "out", "--trace", "1,2", "--tsne", "--embed", "90"]).ok();
    assert!(ran.stdout.contains("tables: out"), "{}", ran.stdout);
    let csv = String::from_utf8(place.read("out/entries.csv")).expect("text");
    let mut lines = csv.lines().skip_while(|l| l.starts_with('#'));
    assert_eq!(lines.next(), Some("recording,task,matrix,row,column,share_zero,share_undecided,largest"));
    assert_eq!(lines.count(), 2 * (18 * 18 + 18 * 6), "a line for every entry of both");
    assert!(csv.contains("# settings {") && csv.contains("# made by dynsparse"), "{csv}");
    for name in
        ["global", "sparsity_bins", "information", "embedding", "run_lengths", "trace", "thresholds", "comparison"]
    {
        let table: Value = serde_json::from_slice(&place.read(&format!("out/{name}.json"))).expect("JSON");
        let (columns, rows) = (table["columns"].as_array().expect("columns"), table["data"].as_array().expect("rows"));
        assert!(
            !rows.is_empty() && rows.iter().all(|r| r.as_array().is_some_and(|r| r.len() == columns.len())),
            "{name}"
        );
        assert_eq!(table["settings"]["trace"], serde_json::json!([1, 2]), "{name}");
        assert_eq!(table["settings"]["zero_by_recording"]["b"], "mask", "{name}");
        let parquet = place.read(&format!("out/{name}.parquet"));
        assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"), "{name}");
    }
    assert!(!ran.after.keys().any(|k| k.to_string_lossy().ends_with(".tmp")), "nothing half written stays");
    let all: Value = serde_json::from_str(&place.run(&["analyze", "a.h5", "--json"]).ok().stdout).expect("JSON");
    assert_eq!(all["recordings"][0]["global"][0]["entries"], 18 * 18);
    assert_eq!(all["recordings"][0]["criterion"], "mask");
}

#[test]
fn bad_input_gets_one_line() {
    let place = Place::new();
    place.small("good.h5", &[]).ok();
    let good = place.read("good.h5");
    place.write("cut.h5", &good[..good.len() / 2]).write("notes.h5", "not HDF5");
    std::fs::create_dir(place.path("under_way.h5.parts")).expect("a folder");
    std::fs::create_dir(place.path("empty")).expect("a folder");
    place.write("old.h5", &good);
    let old = common::open_to_change(&place.path("old.h5"));
    old.attr("schema_version").and_then(|a| a.write_scalar(&2_i64)).expect("another version");
    old.close().expect("the file is closed");
    place.run(&["analyze", "old.h5"]).refused(&["old.h5", "schema version 2"]);
    place.run(&["analyze", "nowhere.h5"]).refused(&["nowhere.h5", "no such file"]);
    place.run(&["analyze", "cut.h5"]).refused(&["cut.h5", "truncated"]);
    place.run(&["analyze", "notes.h5"]).refused(&["notes.h5", "not an HDF5 file"]);
    place.run(&["analyze", "under_way.h5"]).refused(&["under_way.h5", "still being recorded"]);
    place.run(&["analyze", "empty"]).refused(&["empty", "no finished recording"]);
    place.run(&["analyze", "good.h5", "--only", "event"]).refused(&["good.h5", "no step is left of 120", "--only"]);
    place.run(&["analyze", "good.h5", "--exclude", "evnt"]).refused(&["evnt", "ctrl_clamped, ", "event"]);
    place.run(&["analyze", "good.h5", "--thresholds", "0"]).refused(&["--thresholds", "above 0"]);
    place.run(&["analyze", "good.h5", "--threads", "0"]).refused(&["threads is 0"]);
    place.run(&["analyze", "good.h5", "--zero", "mosk"]).usage(&["mosk", "--zero", "1e-7"]);
    place.run(&["analyze"]).usage(&["<FILE>"]);

    let nothing = |name: &str, step: Step| Made::new(1, 1, vec![vec![step; 3]]).write(&place.path(name));
    let b = vec![1.0; 2];
    nothing("nan.h5", Step { a: vec![f64::NAN; 4], b: b.clone(), ..Step::default() });
    nothing("plain.h5", Step { a: vec![1.0; 4], b, ..Step::default() });
    Made::new(1, 1, vec![Vec::new()]).write(&place.path("none.h5"));
    place.run(&["analyze", "nan.h5"]).refused(&["nan.h5", "none of its 3 steps has a finite Jacobian"]);
    place.run(&["analyze", "none.h5"]).refused(&["none.h5", "has no steps"]);
    place.run(&["analyze", "plain.h5", "--zero", "mask"]).refused(&["plain.h5", "has no zero masks", "--zero"]);

    // The rest goes on; each of the others has a line.
    let ran = place.run(&["analyze", "good.h5", "cut.h5", "nan.h5", "under_way.h5", "plain.h5"]);
    ran.sane();
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stdout.contains("good") && ran.stdout.contains("plain"), "{}", ran.stdout);
    let errors: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(errors.len(), 3, "{}", ran.stderr);
    for (line, name) in errors.iter().zip(["cut.h5", "nan.h5", "under_way.h5"]) {
        assert!(line.starts_with("error: ") && line.contains(name), "{line}");
    }
}

/// A chunk that is damaged is noticed, whatever the file's outline says.
#[test]
fn a_damaged_chunk_is_noticed() {
    let place = Place::new();
    place.small("a.h5", &[]).ok();
    let (start, size) = {
        let file = common::open_to_change(&place.path("a.h5"));
        let chunk = file.dataset("A").expect("A").chunk_info(0).expect("a chunk");
        (chunk.addr as usize, chunk.size as usize)
    };
    let mut bytes = place.read("a.h5");
    bytes[start + size / 2..start + size].fill(0xa5);
    place.write("a.h5", bytes);
    place.run(&["analyze", "a.h5"]).refused(&["a.h5", "A has a damaged chunk"]);
}

#[test]
fn recordings_are_compared_by_what_differs() {
    let made = |engine: &str| {
        let mut made = every(4, 1, 40);
        made.attributes =
            vec![("engine", Attribute::Text(engine.to_owned())), ("policy", Attribute::Text("zero".into()))];
        made
    };
    let analyses = ["fd", "implicit"].map(|engine| analyze(&made(engine), &AnalysisSettings::default()));
    let found = analysis::compare::comparisons(&analyses);
    assert_eq!((found.len(), &found[0].keys[..]), (1, &["engine".to_owned()][..]));
    assert_eq!(found[0].recordings[1].values, ["implicit"]);
    assert_eq!(found[0].recordings[0].figures[0].zero_run, Some(4.0));
    assert!(analysis::compare::comparisons(&analyses[..1]).is_empty());
}

/// Entries 1 to 6 of A are zero at the same steps, and entry 7 at others: two groups, and runs of two sequences.
#[test]
fn entries_that_switch_together_count_once() {
    let step = |t: usize| Step {
        a: pattern(16, |e| (1..=6).contains(&e) && t / 5 % 2 == 1 || e == 7 && t / 10 % 2 == 1),
        b: pattern(8, |_| false),
        ..Step::default()
    };
    let found = analyze(&Made::new(2, 2, vec![(0..100).map(step).collect(); 2]), &AnalysisSettings::default());
    let (t, d) = (&found.temporal[0], &found.temporal[0].distinct);
    assert_eq!((t.switching_entries, d.groups), (7, 2));
    assert_eq!((t.zero.runs, d.zero.runs, d.nonzero.runs), (2 * (6 * 10 + 5), 2 * (10 + 5), 2 * (10 + 5)));
    assert_eq!((t.events.switches, d.switches), (2 * (6 * 19 + 9), 2 * (19 + 9)));
    close(t.events.together_groups.expect("events"), 28.0 / 19.0, "groups in an event");
    // 20 runs of 5 and 10 of 10.
    let [low, high] = d.zero_interval.expect("runs");
    let (mean, std) = (200.0 / 30.0, (30.0 / 29.0_f64 * (2.0 / 9.0)).sqrt() * 5.0);
    close(0.5 * (low + high), mean, "middle");
    close(0.5 * (high - low), 1.96 * std / 30_f64.sqrt(), "half of the interval");
    assert_eq!(found.temporal[1].distinct.groups, 0);
}
