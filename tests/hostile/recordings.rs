//! Recordings: sectors that a disk has lost, and files in which a variable, an attribute or a label is another one.

use std::sync::Arc;

use crate::case::{Case, Same};
use crate::common::bytes::{one_in, pick, word};
use crate::common::{Dice, Place, recording};
use crate::drive::Target;
use crate::limits::make;

/// A model with a contact, an activation, sensors and a limit.
const MODEL: &str = r#"<mujoco><option timestep="0.01"/><worldbody><geom name="floor" type="plane" size="1 1 .1"/>
<body name="leg" pos="0 0 .12"><joint name="lift" type="slide" axis="0 0 1"/><joint name="tilt" axis="0 1 0" range="-10 10"/>
<geom name="foot" type="box" size=".1 .1 .1"/></body></worldbody>
<actuator><motor name="push" joint="lift" ctrlrange="-5 5"/><general name="slow" joint="tilt" dyntype="filter" dynprm=".1" ctrlrange="-1 1"/></actuator>
<sensor><jointpos name="height" joint="lift"/></sensor></mujoco>"#;

/// A model without actuators.
const PASSIVE: &str =
    r#"<mujoco><worldbody><body><joint name="swing"/><geom size=".1" pos="0 0 -.5"/></body></worldbody></mujoco>"#;

/// What every recording is shown to; the second judges, the third is compared. (`verify --content-only` knows no model, and so not
/// what labels and some attributes must say.)
const ALWAYS: [&str; 3] = ["info r.h5", "verify r.h5 --threads 1", "analyze r.h5 --threads 1 --embed 10 --json"];

/// What some are shown to besides.
const SOMETIMES: [&str; 8] = [
    "info r.h5 --json",
    "verify r.h5 --content-only --threads 1",
    "report r.h5 --threads 1 --embed 10 -o out.html",
    "learn r.h5 --steps 2 --width 4 --depth 1 --states 3 -o learned",
    "record m.xml --sensors --replay r.h5 --threads 1 -o again.h5",
    "record Juggler --replay r.h5 --replay-with controls --threads 1 -o again.h5",
    "analyze r.h5 --threads 1 --embed 10 --exclude contacts_changed -o tables",
    "score --truth r.h5 --prediction p.npz",
];

/// A recording and what is said of it.
struct Seed {
    bytes: Arc<Vec<u8>>,
    analysis: Arc<Vec<u8>>,
}

/// Recordings.
pub(crate) struct Recordings {
    seeds: Vec<Seed>,
    prediction: Arc<Vec<u8>>,
}

impl Target for Recordings {
    fn new() -> Self {
        let jobs = [
            "record Juggler --episodes 3 --steps 6 --threads 1 -o r.h5",
            "record m.xml --sensors --episodes 4 --steps 30 --threads 1 -o r.h5",
            "record passive.xml --episodes 3 --steps 5 --threads 1 -o r.h5",
            "record m.xml --no-zero-test --policy zero --episodes 3 --steps 5 --step physics --threads 1 -o r.h5",
        ];
        let seed = |job: &&str| {
            let place = Place::new();
            place.write("m.xml", MODEL).write("passive.xml", PASSIVE);
            make(&place, job);
            let analysis = make(&place, ALWAYS[2]);
            Seed { bytes: Arc::new(place.read("r.h5")), analysis: Arc::new(analysis) }
        };
        let seeds = jobs.iter().map(seed).collect();
        Self { seeds, prediction: Arc::new(super::npz::prediction()) }
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let seed = pick(dice, &self.seeds);
        // Now and then as it was.
        let as_it_was = one_in(dice, 12);
        let (bytes, what) =
            if as_it_was { (seed.bytes.to_vec(), String::new()) } else { recording::changed(&seed.bytes, dice) };
        let undamaged = (bytes.len() == seed.bytes.len()).then(|| Arc::clone(&seed.bytes));
        let mut case = Case { undamaged, what, ..Case::of("r.h5", bytes) }.with("m.xml", MODEL.as_bytes().to_vec());
        case = case.with("p.npz", Arc::clone(&self.prediction));
        for command in ALWAYS {
            case = case.command(command);
        }
        case = case.command(word(dice, &SOMETIMES));
        case.same = Some(Same { accepted: 1, said: 2, expected: Arc::clone(&seed.analysis) });
        case
    }
}
