//! Recordings of Playground's tasks keep the rules: actions, events and ends are in the file, and it all repeats.

use dynsparse::dataset::schema::{Axis, Var};
use dynsparse::dataset::{COMPLETED, Recording};
use dynsparse::flags::StepFlags;

use crate::common::{Place, vendor};

/// Records a task in a fresh folder.
fn record(place: &Place, task: &str, extra: &[&str]) -> Recording {
    let vendor = vendor();
    let args = ["record", task, "-o", "out.h5", "--assets", &vendor, "--force"];
    place.run(&args.iter().chain(extra).copied().collect::<Vec<_>>()).ok();
    Recording::open(&place.path("out.h5")).unwrap()
}

/// A variable of the steps of one episode, row by row.
fn rows(recording: &Recording, var: Var, episode: usize) -> Vec<Vec<f64>> {
    let offsets = recording.offsets().unwrap();
    let width = recording.shape(var)[1..].iter().product::<usize>().max(1);
    let values: Vec<f64> = recording.read(var, offsets[episode]..offsets[episode + 1]).unwrap();
    values.chunks(width).map(<[f64]>::to_vec).collect()
}

#[test]
fn actions_add_up_to_controls_without_bounds_and_what_is_applied_is_clamped() {
    let place = Place::new();
    let recording = record(&place, "Go1Handstand", &["--episodes", "2", "--steps", "40", "--past-done"]);
    let limits = [[-0.863, 0.863], [-0.686, 4.501], [-2.818, -0.888]];
    let mut clamped = 0;
    for episode in 0..2 {
        let (actions, ctrl) = (rows(&recording, Var::Action, episode), rows(&recording, Var::Ctrl, episode));
        let qpos = rows(&recording, Var::Qpos, episode);
        let mut last = qpos[0][7..].to_vec();
        for (k, action) in actions.iter().enumerate() {
            assert!(action.iter().all(|a| (-1.0..1.0).contains(a)));
            for (i, u) in last.iter_mut().enumerate() {
                *u += 0.3 * action[i];
                let [low, high] = limits[i % 3];
                assert!((ctrl[k][i] - u.clamp(low, high)).abs() < 1e-12, "episode {episode}, step {k}, control {i}");
                clamped += usize::from(*u < low || *u > high);
            }
        }
    }
    assert!(clamped > 20, "40 steps of noise wind up: {clamped}");
    let flags: Vec<u32> = recording.read(Var::Flags, 0..80).unwrap();
    assert!(flags.iter().any(|f| f & StepFlags::CTRL_CLAMPED.bits() != 0));
}

#[test]
fn an_episode_ends_where_the_task_says_and_goes_on_when_asked() {
    let place = Place::new();
    let ended = record(&place, "Go1Handstand", &["--episodes", "4", "--steps", "100"]);
    let offsets = ended.offsets().unwrap();
    let episodes = ended.episodes().unwrap();
    let mut early = 0;
    for (i, episode) in episodes.iter().enumerate() {
        let terminated: Vec<u8> = ended.read(Var::Terminated, offsets[i]..offsets[i + 1]).unwrap();
        let (last, rest) = terminated.split_last().unwrap();
        assert!(rest.iter().all(|t| *t == 0), "only the last step ends an episode");
        if *last == 1 {
            early += 1;
            let expected = format!(", in step {}", episode.length - 1);
            assert!(episode.end.starts_with("terminated: ") && episode.end.ends_with(&expected), "{}", episode.end);
        } else {
            assert_eq!((episode.end.as_str(), episode.length), (COMPLETED, 100));
        }
    }
    assert!(early > 0, "uniform noise makes a handstand fall");
    place.run(&["verify", "out.h5"]).ok();

    let whole = record(&place, "Go1Handstand", &["--episodes", "4", "--steps", "100", "--past-done"]);
    assert_eq!(whole.len(Axis::Step), 400);
    let terminated: Vec<u8> = whole.read(Var::Terminated, 0..400).unwrap();
    assert!(terminated.iter().filter(|t| **t == 1).count() >= early);
}

#[test]
fn an_action_lasts_as_long_as_the_task_repeats_it() {
    let place = Place::new();
    let recording = record(&place, "AlohaSinglePegInsertion", &["--episodes", "1", "--steps", "21"]);
    let (actions, ctrl) = (rows(&recording, Var::Action, 0), rows(&recording, Var::Ctrl, 0));
    for pair in actions.chunks(2).filter(|p| p.len() == 2) {
        assert_eq!(pair[0], pair[1]);
    }
    assert_ne!(actions[1], actions[2]);
    // The delta is applied at every control step, the repeated ones too.
    let moved = |k: usize| ctrl[k + 1][1] - ctrl[k][1];
    assert!((moved(0) - 0.005 * actions[1][1]).abs() < 1e-12);
    assert!((moved(1) - 0.005 * actions[2][1]).abs() < 1e-12);
}

#[test]
fn forces_of_a_kick_are_in_the_file() {
    let place = Place::new();
    let extra = ["--episodes", "3", "--steps", "170", "--past-done", "--seed", "2"];
    let recording = record(&place, "BarkourJoystick", &extra);
    assert_eq!(recording.labels(Axis::ForcedBody).unwrap(), ["torso"]);
    for episode in 0..3 {
        let forces = rows(&recording, Var::XfrcApplied, episode);
        let first = forces.iter().position(|f| f.iter().any(|x| *x != 0.0)).expect("a kick within 170 steps");
        // After the wait of at least 50 steps, and not in the first step of the kick, whose sine is 0.
        assert!(first > 50, "step {first}");
        assert!(forces.iter().all(|f| f[2..].iter().all(|x| *x == 0.0)), "a kick is horizontal");
    }
    place.run(&["verify", "out.h5"]).ok();
}

#[test]
fn a_push_is_flagged_and_explains_the_jump_of_the_velocity() {
    let place = Place::new();
    // Pushes come after 5 to 10 s, which are 250 to 500 control steps; the humanoid lies on the floor by then.
    let extra =
        ["--episodes", "1", "--steps", "501", "--past-done", "--engine", "transition-fd", "--difference", "forward"];
    let recording = record(&place, "BerkeleyHumanoidJoystickFlatTerrain", &extra);
    let (before, after) = (rows(&recording, Var::Qvel, 0), rows(&recording, Var::QvelNext, 0));
    let flags: Vec<u32> = recording.read(Var::Flags, 0..501).unwrap();
    let mut pushes = 0;
    for k in 1..501 {
        let jump = (before[k][0] - after[k - 1][0]).hypot(before[k][1] - after[k - 1][1]);
        assert_eq!(flags[k] & StepFlags::EVENT.bits() != 0, jump > 0.0, "step {k}");
        assert_eq!(before[k][2..], after[k - 1][2..], "step {k}");
        if jump > 0.0 {
            pushes += 1;
            assert!((0.1..2.0).contains(&jump), "{jump}");
        }
    }
    assert!((1..=2).contains(&pushes), "{pushes}");
}

#[test]
fn tasks_with_rules_repeat_on_any_number_of_threads() {
    let place = Place::new();
    let vendor = vendor();
    for task in ["PandaRobotiqPushCube", "LeapCubeReorient", "PandaPickCubeCartesian", "Go1Getup"] {
        for threads in ["1", "2"] {
            let out = format!("{task}.{threads}.h5");
            let sizes = ["--episodes", "3", "--steps", "15", "--threads", threads];
            let args = ["record", task, "-o", &out, "--assets", &vendor];
            place.run(&args.iter().chain(&sizes).copied().collect::<Vec<_>>()).ok();
        }
        assert!(place.read(&format!("{task}.1.h5")) == place.read(&format!("{task}.2.h5")), "{task}");
        place.run(&["verify", &format!("{task}.2.h5")]).ok();
    }
}

#[test]
fn rewards_and_observations_are_in_the_file_and_survive_a_replay() {
    let place = Place::new();
    let recording = record(&place, "WalkerWalk", &["--episodes", "2", "--steps", "30"]);
    let (now, next) = (rows(&recording, Var::Observation, 1), rows(&recording, Var::ObservationNext, 1));
    assert_eq!(now[0].len(), 24);
    for k in 1..30 {
        assert_eq!(now[k], next[k - 1], "what is seen after a step is seen before the next");
    }
    let qvel = rows(&recording, Var::Qvel, 1);
    for k in 0..30 {
        assert_eq!(now[k][15..], qvel[k], "the walker sees its velocities");
    }
    let reward: Vec<f64> = rows(&recording, Var::Reward, 1).concat();
    assert!(reward.iter().all(|r| (0.0..=1.0).contains(r)) && reward.iter().any(|r| *r > 0.05), "{reward:?}");
    let labels = recording.labels(Axis::Observation).unwrap();
    assert_eq!(labels.len(), 24);
    place.run(&["verify", "out.h5"]).ok();

    // A replay of states sees what is derived from each state, not from the one before it.
    std::fs::rename(place.path("out.h5"), place.path("first.h5")).unwrap();
    let again = record(&place, "WalkerWalk", &["--replay", "first.h5"]);
    place.run(&["verify", "out.h5"]).ok();
    assert_eq!(rows(&again, Var::Reward, 1).concat(), reward);
    assert_eq!(rows(&again, Var::ObservationNext, 1), next);
    let heading = labels.iter().position(|l| l == "torso upright").unwrap();
    let qpos = rows(&again, Var::Qpos, 1);
    for (k, seen) in rows(&again, Var::Observation, 1).iter().enumerate() {
        assert!((seen[heading] - qpos[k][2].cos()).abs() < 1e-12, "step {k}");
    }
}
