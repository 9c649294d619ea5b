//! What touches within a control step, against the contacts of its physics steps, recorded one by one.

use std::collections::BTreeMap;

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::Var;

use crate::common::Place;

/// By step: the pairs of geoms of a ragged table, with another column of it.
fn table(recording: &Recording, count: Var, columns: [Var; 2]) -> Vec<Vec<[i32; 2]>> {
    let counts: Vec<i32> = recording.read(count, 0..recording.shape(count)[0]).unwrap();
    let [first, second] = columns.map(|var| recording.read::<i32>(var, 0..recording.shape(var)[0]).unwrap());
    let mut pairs = first.into_iter().zip(second).map(|(a, b)| [a.min(b), a.max(b)]);
    counts.into_iter().map(|n| pairs.by_ref().take(n as usize).collect()).collect()
}

#[test]
fn pairs_that_touch_within_a_step_are_those_of_its_physics_steps() {
    let place = Place::new();
    let record = |output: &str, more: &[&str]| {
        place.run(&[&["record", "WalkerRun", "--episodes", "2", "--seed", "3", "-o", output], more].concat()).ok();
        Recording::open(&place.path(output)).unwrap()
    };
    let whole = record("control.h5", &["--steps", "60"]);
    let parts = record("physics.h5", &["--steps", "60", "--step", "physics"]);
    let substeps = parts.shape(Var::Time)[0] / whole.shape(Var::Time)[0];
    assert_eq!((whole.shape(Var::Time)[0], substeps), (120, 10));
    assert!(!parts.has(Var::Ntouch), "a row of one physics step has its contacts and no more");

    let found = table(&whole, Var::Ntouch, [Var::TouchGeom1, Var::TouchGeom2]);
    let steps: Vec<i32> = whole.read(Var::TouchSteps, 0..whole.shape(Var::TouchSteps)[0]).unwrap();
    let start = table(&whole, Var::Ncon, [Var::ContactGeom1, Var::ContactGeom2]);
    let each = table(&parts, Var::Ncon, [Var::ContactGeom1, Var::ContactGeom2]);
    let (mut expected, mut counted, mut more) = (Vec::new(), Vec::new(), 0);
    for (step, parts) in each.chunks(substeps).enumerate() {
        let mut all: BTreeMap<[i32; 2], i32> = BTreeMap::new();
        for pairs in parts {
            let mut pairs = pairs.clone();
            pairs.sort_unstable();
            pairs.dedup();
            pairs.into_iter().for_each(|pair| *all.entry(pair).or_default() += 1);
        }
        more += usize::from(all.keys().any(|pair| !start[step].contains(pair)));
        expected.push(all.keys().copied().collect::<Vec<_>>());
        counted.extend(all.into_values());
    }
    assert_eq!((found, steps), (expected, counted));
    assert!(more > 10, "{more} steps with a contact that its start does not show");
    let offsets: Vec<i64> = whole.read(Var::TouchOffset, 0..120).unwrap();
    let counts: Vec<i32> = whole.read(Var::Ntouch, 0..120).unwrap();
    assert!((1..120).all(|t| offsets[t] - offsets[t - 1] == i64::from(counts[t - 1])) && offsets[0] == 0);
    place.run(&["verify", "control.h5"]).ok();

    // The analysis takes what touches within the step, and says so.
    let ran = place.run(&["analyze", "control.h5"]).ok();
    assert!(ran.stdout.contains("geoms touch in any\n  physics step of the step"), "{}", ran.stdout);
}
