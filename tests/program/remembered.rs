//! Rewards and observations that depend on earlier control steps, in recordings.

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::{Axis, Var};
use dynsparse::task::Assets;

use crate::common::{self, Place, vendor};

const TASK: &str = "Go1JoystickFlatTerrain";

/// Whether there is nothing to test: the robot's meshes are no part of a plain set-up.
fn is_missing() -> bool {
    common::present(&[TASK], &Assets::find(Some(vendor().as_ref()))).is_empty()
}

fn record(place: &Place, output: &str, more: &[&str]) -> Recording {
    let vendor = vendor();
    let all = ["record", TASK, "--assets", &vendor, "-o", output, "--episodes", "2", "--seed", "4"];
    place.run(&[&all[..], more].concat()).ok();
    Recording::open(&place.path(output)).expect("a recording")
}

fn values(recording: &Recording, var: Var) -> Vec<f64> {
    recording.read(var, 0..recording.len(Axis::Step)).expect("a variable")
}

fn column(recording: &Recording, label: &str) -> Vec<f64> {
    let labels = recording.labels(Axis::Observation).expect("labels");
    let i = labels.iter().position(|l| l == label).unwrap_or_else(|| panic!("no {label} in {labels:?}"));
    values(recording, Var::Observation).chunks(labels.len()).map(|row| row[i]).collect()
}

#[test]
fn an_observation_has_the_last_action_and_the_command() {
    if is_missing() {
        return;
    }
    let place = Place::new();
    let recording = record(&place, "a.h5", &["--steps", "6", "--policy", "gaussian", "--scale", "0.1"]);
    let last = column(&recording, "last action:FR_hip");
    let actions: Vec<f64> = values(&recording, Var::Action).chunks(12).map(|row| row[0]).collect();
    for episode in 0..2 {
        let rows = 6 * episode;
        assert_eq!(last[rows], 0.0, "an episode begins without an action");
        assert_eq!(last[rows + 1], 0.0, "what is seen after a step was decided before its action was known");
        assert_eq!(last[rows + 2..rows + 6], actions[rows..rows + 4]);
    }
    let command = column(&recording, "command forward");
    assert!(command[0] != command[6] && command.iter().all(|c| c.abs() <= 1.5), "{command:?}");
    assert!(values(&recording, Var::Reward).iter().any(|r| *r > 0.0));
    place.run(&["verify", "a.h5"]).ok();

    let fixed = record(&place, "b.h5", &["--steps", "3", "--command", "0.6,-0.1,0"]);
    assert_eq!(column(&fixed, "command forward"), [0.6; 6]);
    assert_eq!(column(&fixed, "command left"), [-0.1; 6]);
    let refused = ["record", "CartpoleBalance", "--assets", &vendor(), "--command", "1,0,0"];
    place.run(&refused).refused(&["CartpoleBalance", "takes no commands"]);
    place.run(&["record", TASK, "--assets", &vendor(), "--command", "1,0"]).refused(&["--command", "three numbers"]);
}

#[test]
fn a_row_within_a_control_step_earns_nothing() {
    if is_missing() {
        return;
    }
    let place = Place::new();
    let settings = ["--steps", "4", "--policy", "gaussian", "--scale", "0.1"];
    let whole = record(&place, "whole.h5", &settings);
    let parts = record(&place, "parts.h5", &[&settings[..], &["--step", "physics"]].concat());
    let (whole_reward, rewards) = (values(&whole, Var::Reward), values(&parts, Var::Reward));
    assert_eq!(rewards.len(), 5 * whole_reward.len());
    for (k, rows) in rewards.chunks(5).enumerate() {
        assert_eq!(rows, [0.0, 0.0, 0.0, 0.0, whole_reward[k]], "control step {k}");
    }
    let n = whole.labels(Axis::Observation).expect("labels").len();
    let (seen, all) = (values(&whole, Var::Observation), values(&parts, Var::Observation));
    for (k, row) in seen.chunks(n).enumerate() {
        assert_eq!(&all[5 * k * n..(5 * k + 1) * n], row, "what is seen at the start of control step {k}");
    }
}

#[test]
fn a_replay_has_no_actions_to_reward() {
    if is_missing() {
        return;
    }
    let place = Place::new();
    drop(record(&place, "a.h5", &["--steps", "3"]));
    let replayed = record(&place, "r.h5", &["--replay", "a.h5"]);
    assert!(!replayed.has(Var::Reward) && !replayed.has(Var::Observation));
    place.run(&["verify", "r.h5"]).ok();
}
