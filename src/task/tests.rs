//! The catalogue: sizes, resets, edits.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::physics::JointKind;
use crate::rng::normal_from_uniform;

/// The catalogue's names with (nq, nv, nu), as Playground has them.
const TASKS: [(&str, [usize; 3]); 54] = [
    ("AcrobotSwingup", [2, 2, 1]),
    ("AcrobotSwingupSparse", [2, 2, 1]),
    ("AeroCubeRotateZAxis", [23, 22, 7]),
    ("AlohaHandOver", [23, 22, 14]),
    ("AlohaSinglePegInsertion", [30, 28, 14]),
    ("ApolloJoystickFlatTerrain", [39, 38, 32]),
    ("BallInCup", [4, 4, 2]),
    ("BarkourJoystick", [19, 18, 12]),
    ("BerkeleyHumanoidJoystickFlatTerrain", [19, 18, 12]),
    ("BerkeleyHumanoidJoystickRoughTerrain", [19, 18, 12]),
    ("CartpoleBalance", [2, 2, 1]),
    ("CartpoleBalanceSparse", [2, 2, 1]),
    ("CartpoleSwingup", [2, 2, 1]),
    ("CartpoleSwingupSparse", [2, 2, 1]),
    ("CheetahRun", [9, 9, 6]),
    ("FingerSpin", [3, 3, 2]),
    ("FingerTurnEasy", [3, 3, 2]),
    ("FingerTurnHard", [3, 3, 2]),
    ("FishSwim", [14, 13, 5]),
    ("G1JoystickFlatTerrain", [36, 35, 29]),
    ("G1JoystickRoughTerrain", [36, 35, 29]),
    ("Go1Footstand", [19, 18, 12]),
    ("Go1Getup", [19, 18, 12]),
    ("Go1Handstand", [19, 18, 12]),
    ("Go1JoystickFlatTerrain", [19, 18, 12]),
    ("Go1JoystickRoughTerrain", [19, 18, 12]),
    ("H1InplaceGaitTracking", [26, 25, 19]),
    ("H1JoystickGaitTracking", [26, 25, 19]),
    ("HopperHop", [7, 7, 4]),
    ("HopperStand", [7, 7, 4]),
    ("HumanoidRun", [28, 27, 21]),
    ("HumanoidStand", [28, 27, 21]),
    ("HumanoidWalk", [28, 27, 21]),
    ("LeapCubeReorient", [23, 22, 16]),
    ("LeapCubeRotateZAxis", [23, 22, 16]),
    ("Op3Joystick", [27, 26, 20]),
    ("PandaOpenCabinet", [10, 10, 8]),
    ("PandaPickCube", [16, 15, 8]),
    ("PandaPickCubeCartesian", [16, 15, 8]),
    ("PandaPickCubeOrientation", [16, 15, 8]),
    ("PandaRobotiqPushCube", [20, 19, 8]),
    ("PendulumSwingup", [1, 1, 1]),
    ("PointMass", [2, 2, 2]),
    ("ReacherEasy", [2, 2, 2]),
    ("ReacherHard", [2, 2, 2]),
    ("SpotFlatTerrainJoystick", [19, 18, 12]),
    ("SpotGetup", [19, 18, 12]),
    ("SpotJoystickGaitTracking", [19, 18, 12]),
    ("SwimmerSwimmer6", [8, 8, 5]),
    ("T1JoystickFlatTerrain", [30, 29, 23]),
    ("T1JoystickRoughTerrain", [30, 29, 23]),
    ("WalkerRun", [9, 9, 6]),
    ("WalkerStand", [9, 9, 6]),
    ("WalkerWalk", [9, 9, 6]),
];

/// A simulation of a task of the catalogue, or None with a message where set-up has not run.
pub(super) fn catalogue_sim(name: &str) -> Option<(Task, Sim)> {
    let assets = Assets::find(None);
    if !assets.has(name) {
        eprintln!("skipped: no files of {name} in {}", assets.root().display());
        return None;
    }
    let task = Task::from_catalogue(name, &assets).unwrap();
    let model = Arc::new(task.model(SolverMode::Converged).unwrap());
    Some((task, Sim::new(&model).unwrap()))
}

fn sim_of(task: &Task) -> Sim {
    Sim::new(&Arc::new(task.model(SolverMode::Converged).unwrap())).unwrap()
}

/// A task on MJCF text with this reset, written as in the file format.
fn task_with_reset(mjcf: &str, reset: &str) -> Task {
    let spec = format!(
        "name = \"test\"\nsuite = \"mjcf\"\ndescription = \"\"\nsubsteps = 1\nepisode_length = 10\n[reset]\n{reset}"
    );
    Task::from_parts(toml::from_str(&spec).unwrap(), ModelSource::text("test.xml", mjcf))
}

const MIXED: &str = r#"<mujoco><worldbody>
    <body><freejoint name="a"/><geom size="1"/></body>
    <body pos="5 0 0"><joint name="a.x" type="hinge"/><geom size="1"/></body>
    <body pos="9 0 0"><joint name="b" type="ball"/><geom size="1"/></body>
    <body pos="13 0 0"><joint type="slide"/><geom size="1"/></body>
    <body pos="17 0 0" mocap="true"><geom size="1"/></body>
    </worldbody><keyframe><key name="up" time="3" qvel="1 0 0 0 0 0 0 0 0 0 7"/></keyframe></mujoco>"#;

#[test]
fn the_catalogue_holds_all_tasks() {
    let mut names: Vec<&str> = playground().iter().map(|e| e.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, TASKS.map(|(name, _)| name));
    assert!(playground().iter().all(|e| !e.description.is_empty()));
    for (suite, n) in [("dm_control_suite", 25), ("locomotion", 19), ("manipulation", 10)] {
        assert_eq!(playground().iter().filter(|e| e.suite == suite).count(), n, "{suite}");
    }
}

#[test]
fn every_model_loads_with_its_dimensions_and_resets() {
    for (name, dims) in TASKS {
        let Some((task, mut sim)) = catalogue_sim(name) else { continue };
        let model = sim.model().clone();
        assert_eq!([model.nq(), model.nv(), model.nu()], dims, "{name}");
        assert_eq!(Some(model.timestep()), task.spec.timestep);
        assert!((0.0025..=0.05).contains(&task.control_dt(&model)), "{name}");
        for episode in 0..5 {
            task.reset(&mut sim, 3, episode).unwrap();
            assert_eq!(sim.divergence(), None, "{name}");
            assert_eq!(sim.time(), 0.0);
            let norm = |q: &[f64]| q.iter().map(|x| x * x).sum::<f64>().sqrt();
            for joint in model.joints().filter(|j| j.kind == JointKind::Free) {
                let quat = &sim.qpos()[joint.qpos + 3..joint.qpos + 7];
                assert!((norm(quat) - 1.0).abs() < 1e-5, "{name}: {quat:?} is no unit quaternion");
            }
        }
    }
}

#[test]
fn the_model_is_edited_before_the_solver_is_set() {
    let Some((task, sim)) = catalogue_sim("WalkerWalk") else { return };
    assert_eq!(sim.model().solver(), Solver::CONVERGED);
    let own = task.model(SolverMode::Task).unwrap();
    assert_ne!(own.solver(), Solver::CONVERGED);
    assert_eq!(own.timestep(), 0.0025);
}

#[test]
fn a_shared_key_correlates_draws() {
    let Some((task, mut sim)) = catalogue_sim("CartpoleBalance") else { return };
    for episode in 0..50 {
        task.reset(&mut sim, 1, episode).unwrap();
        let (qpos, qvel) = (sim.qpos(), sim.qvel());
        assert!(qpos[0].abs() <= 0.1 && qpos[1].abs() <= 0.034);
        let u = (qpos[1] + 0.034) / 0.068;
        assert!((qvel[0] - 0.01 * normal_from_uniform(u)).abs() < 1e-9, "{u}");
    }
    let Some((task, mut sim)) = catalogue_sim("CartpoleSwingup") else { return };
    task.reset(&mut sim, 1, 0).unwrap();
    assert_eq!(sim.qpos()[0], sim.qvel()[0]);
    assert_ne!(sim.qvel()[0], sim.qvel()[1]);
}

#[test]
fn targets_are_where_playground_puts_them() {
    let Some((task, mut sim)) = catalogue_sim("ReacherHard") else { return };
    for episode in 0..50 {
        task.reset(&mut sim, 1, episode).unwrap();
        let target = sim.mocap_pos();
        assert!((0.05..=0.2).contains(&target[0].hypot(target[1])) && target[2] == 0.01, "{target:?}");
    }
    let Some((task, mut sim)) = catalogue_sim("SwimmerSwimmer6") else { return };
    let near = (0..400)
        .filter(|episode| {
            task.reset(&mut sim, 1, *episode).unwrap();
            let target = sim.mocap_pos();
            assert!(target[..2].iter().all(|x| x.abs() <= 2.0) && target[2] == 0.05);
            target[..2].iter().all(|x| x.abs() <= 0.3)
        })
        .count();
    // 0.2 + 0.8 * 0.15^2 of 400 is 87, with a standard deviation of 8.
    assert!((55..120).contains(&near), "{near}");
}

#[test]
fn a_mocap_body_can_move_before_or_after_the_forward_pass() {
    let reset =
        "base = \"qpos0\"\nops = [{ op = \"uniform\", target = \"mocap_pos\", range = [0, 1], low = 5.0, high = 6.0 }]";
    let mjcf = r#"<mujoco><worldbody><body name="m" mocap="true"><geom size="1"/></body></worldbody>
        <sensor><framepos objtype="body" objname="m"/></sensor></mujoco>"#;
    let seen = |reset: &str| {
        let task = task_with_reset(mjcf, reset);
        let mut sim = sim_of(&task);
        task.reset(&mut sim, 0, 0).unwrap();
        assert!(sim.mocap_pos()[0] >= 5.0);
        sim.sensordata()[0]
    };
    assert!(seen(reset) >= 5.0);
    assert_eq!(seen(&format!("{reset}\nmocap_after_forward = true")), 0.0);
}

#[test]
fn resets_are_reproducible_and_differ() {
    let task = Task::embedded();
    let mut sim = sim_of(&task);
    let mut start = |seed, episode| {
        task.reset(&mut sim, seed, episode).unwrap();
        let mut state = vec![0.0; sim.model().state_size()];
        sim.get_state(&mut state).unwrap();
        // What came before must not matter.
        sim.ctrl_mut().fill(0.5);
        sim.step().unwrap();
        state
    };
    let first = start(7, 2);
    assert_ne!(first, start(7, 3));
    assert_ne!(first, start(8, 2));
    assert_eq!(first, start(7, 2));
}

#[test]
fn settling_steps_and_sets_the_time_back() {
    let fall =
        r#"<mujoco><worldbody><body><joint type="slide" axis="0 0 1"/><geom size="1"/></body></worldbody></mujoco>"#;
    let task = task_with_reset(fall, "base = \"zero\"\nsettle = 10");
    let mut sim = sim_of(&task);
    task.reset(&mut sim, 0, 0).unwrap();
    assert!((sim.qvel()[0] + 10.0 * 0.002 * 9.81).abs() < 1e-12);
    assert_eq!(sim.time(), 0.0);
}

#[test]
fn an_unknown_task_gets_suggestions() {
    let error = |name: &str| Task::from_catalogue(name, &Assets::find(None)).unwrap_err().to_string();
    holds(&error("walkerwalk"), &["\"walkerwalk\"", "did you mean WalkerWalk", "`dynsparse tasks`"]);
    holds(&error("CartPoleBalence"), &["CartpoleBalance"]);
    assert!(!error("xyzzy").contains("did you mean"));
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_missing_file_is_named_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let assets = Assets::find(Some(dir.path()));
    assert!(!assets.has("CheetahRun") && !assets.has("no such task"));
    let error = Task::from_catalogue("CheetahRun", &assets).unwrap_err().to_string();
    holds(&error, &["playground/dm_control_suite/xmls", "cargo xtask setup", "--assets", ASSETS_VARIABLE]);
}

#[test]
fn another_version_of_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let xmls = dir.path().join("playground/dm_control_suite/xmls");
    std::fs::create_dir_all(xmls.join("common")).unwrap();
    std::fs::write(xmls.join("reacher.xml"), "<mujoco/>").unwrap();
    std::fs::write(xmls.join("swimmer.xml"), "<mujoco><worldbody/></mujoco>").unwrap();
    let error = |name: &str| Task::from_catalogue(name, &Assets::find(Some(dir.path()))).unwrap_err().to_string();
    holds(&error("ReacherHard"), &["reacher.xml", "occurs 0 times"]);
    holds(&error("SwimmerSwimmer6"), &["swimmer.xml", "no body"]);
}

#[test]
fn the_embedded_model_juggles() {
    let task = Task::embedded();
    let mut sim = sim_of(&task);
    assert_eq!(sim.model().nv(), 9);
    for episode in 0..200 {
        task.reset(&mut sim, 1, episode).unwrap();
        assert_eq!(sim.contacts().len(), 0, "something touches at the start");
    }
    for episode in 0..3 {
        task.reset(&mut sim, 0, episode).unwrap();
        let mut stream = Stream::new(0, "test", episode);
        let mut changes = 0;
        let mut before = 0;
        for step in 0..2000 {
            if step % 20 == 0 {
                sim.ctrl_mut().iter_mut().for_each(|u| *u = 2.0 * stream.uniform() - 1.0);
            }
            sim.step().unwrap();
            let now = sim.contacts().filter(|c| c.dist < 0.0).count();
            changes += usize::from(now != before);
            before = now;
        }
        assert_eq!(sim.divergence(), None);
        assert!(changes > 50, "contacts changed {changes} times");
    }
}

#[test]
fn noise_moves_hinges_slides_and_velocities_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("robot.xml");
    std::fs::write(&path, MIXED).unwrap();
    let task = Task::from_mjcf(&path, 2, None, 0.1).unwrap();
    assert_eq!((task.spec.name.as_str(), task.spec.suite.as_str()), ("robot", "mjcf"));
    let mut sim = sim_of(&task);
    task.reset(&mut sim, 5, 5).unwrap();
    let qpos0 = sim.model().qpos0().to_vec();
    let moved: Vec<usize> = (0..qpos0.len()).filter(|i| sim.qpos()[*i] != qpos0[*i]).collect();
    assert_eq!(moved, [7, 12]);
    assert!(moved.iter().all(|i| (sim.qpos()[*i] - qpos0[*i]).abs() <= 0.1));
    assert!(sim.qvel().iter().all(|v| *v != 0.0 && v.abs() <= 0.1));
}

#[test]
fn a_keyframe_is_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("robot.xml");
    std::fs::write(&path, MIXED).unwrap();
    let task = Task::from_mjcf(&path, 1, Some("up"), 0.0).unwrap();
    let mut sim = sim_of(&task);
    task.reset(&mut sim, 0, 0).unwrap();
    assert_eq!((sim.qvel()[0], sim.qvel()[10], sim.time()), (1.0, 7.0, 0.0));
    let absent = Task::from_mjcf(&path, 1, Some("down"), 0.0).unwrap();
    assert!(absent.model(SolverMode::Task).unwrap_err().to_string().contains("down"));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let path = Path::new("robot.xml");
    assert!(Task::from_mjcf(path, 0, None, 0.0).is_err());
    assert!(Task::from_mjcf(path, 1, None, -1.0).is_err());
    assert!(Task::from_mjcf(path, 1, None, f64::NAN).is_err());
    let cases = [
        "{ op = \"uniform\", target = \"qpos\", range = [0, 99], low = 0.0, high = 1.0 }",
        "{ op = \"uniform\", target = \"qpos\", range = [2, 1], low = 0.0, high = 1.0 }",
        "{ op = \"uniform\", target = \"qpos\", range = [0, 2], low = [0.0], high = 1.0 }",
        "{ op = \"normal\", target = \"qvel\", range = [0, 2], mean = nan, std = 1.0 }",
        "{ op = \"quaternion\", target = \"qpos\", range = [0, 3] }",
        "{ op = \"polar\", target = \"mocap_pos\", range = [0, 2], axes = [0, 2], center = [0.0, 0.0], angle = [0.0, 1.0], radius = [0.0, 1.0] }",
        "{ op = \"branch\", p = 2.0, then = [] }",
        "{ op = \"branch\", p = 0.5, then = [{ op = \"jitter\", scale = -1.0 }] }",
    ];
    for case in cases {
        let task = task_with_reset(MIXED, &format!("base = \"qpos0\"\nops = [{case}]"));
        let error = task.model(SolverMode::Task).unwrap_err().to_string();
        assert!(error.contains("reset operation 1"), "{case}: {error}");
    }
}

#[test]
fn a_specification_survives_json() {
    let assets = Assets::find(None);
    let specs = playground().iter().filter_map(|e| Task::from_catalogue(&e.name, &assets).ok()).map(|t| t.spec);
    for spec in specs.chain([Task::embedded().spec]) {
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<TaskSpec>(&text).unwrap(), spec);
    }
    let extra = serde_json::to_string(&Task::embedded().spec).unwrap().replacen("{", "{\"colour\":1,", 1);
    assert!(serde_json::from_str::<TaskSpec>(&extra).unwrap_err().to_string().contains("colour"));
}

/// A ball that falls on a floor, a hinge with limits and one without, and a free body high above.
const TOUCHING: &str = r#"<mujoco><worldbody><geom name="floor" type="plane" size="9 9 1"/>
    <body><joint name="z" type="slide" axis="0 0 1"/><geom size="0.5"/></body>
    <body pos="5 0 5"><joint name="limited" type="hinge" limited="true" range="10 20"/><geom size="0.1"/>
      <site name="tip" pos="0.5 0 0.25"/></body>
    <body pos="-5 0 5"><joint name="turning" type="hinge"/><geom size="0.1"/></body>
    <body pos="0 5 5"><freejoint name="free"/><geom size="0.1"/></body>
    </worldbody><actuator><position joint="turning" kp="3" ctrlrange="-1 1"/></actuator></mujoco>"#;

/// Positions and velocities after resets of [`TOUCHING`].
fn starts(reset: &str) -> Vec<Vec<f64>> {
    let task = task_with_reset(TOUCHING, &format!("base = \"qpos0\"\n{reset}"));
    let mut sim = sim_of(&task);
    let mut start = |episode| {
        task.reset(&mut sim, 2, episode).unwrap();
        [sim.qpos(), sim.qvel()].concat()
    };
    (0..200).map(&mut start).collect()
}

#[test]
fn what_touches_is_drawn_anew_or_lifted() {
    let draw = "ops = [{ op = \"uniform\", target = \"qpos\", range = [0, 1], low = 0.0, high = 1.0 }]";
    let touching = |starts: &[Vec<f64>]| starts.iter().filter(|s| s[0] < 0.5).count();
    assert!((60..140).contains(&touching(&starts(draw))));
    let untouched = starts(&format!("{draw}\nuntouched = true"));
    assert_eq!(touching(&untouched), 0);
    assert!(untouched.iter().any(|s| s[0] < 0.6) && untouched.iter().any(|s| s[0] > 0.9));

    let lifted = starts(
        "ops = [{ op = \"assign\", target = \"qpos\", range = [0, 1], value = 0.0 }]\nlift = { qpos = 0, by = 0.03 }",
    );
    assert!(lifted.iter().all(|s| (s[0] - 0.51).abs() < 1e-12), "{}", lifted[0][0]);

    let never = "ops = [{ op = \"assign\", target = \"qpos\", range = [0, 1], value = 0.0 }]\nuntouched = true";
    let task = task_with_reset(TOUCHING, &format!("base = \"qpos0\"\n{never}"));
    let error = task.reset(&mut sim_of(&task), 0, 0).unwrap_err().to_string();
    holds(&error, &["drawn 10000 times", "touches"]);
}

#[test]
fn joints_are_drawn_within_their_limits() {
    let all = starts("ops = [{ op = \"joints\", range = [0, 10] }]");
    let (low, high) = (10.0_f64.to_radians(), 20.0_f64.to_radians());
    for start in &all {
        assert!(start[0] == 0.0 && (low..high).contains(&start[1]) && start[2].abs() <= std::f64::consts::PI);
        let norm: f64 = start[6..10].iter().map(|q| q * q).sum();
        assert!(start[6..10].iter().all(|q| *q >= 0.0) && (norm - 1.0).abs() < 1e-12);
        assert_eq!(start[3..6], [0.0, 5.0, 5.0]);
    }
    assert!(all.iter().any(|s| s[2] > 3.0) && all.iter().any(|s| s[2] < -3.0));
    let limited = starts("ops = [{ op = \"joints\", range = [0, 10], unlimited = false }]");
    assert!(limited.iter().all(|s| s[2] == 0.0 && s[6] == 1.0 && s[1] >= low));
}

#[test]
fn points_are_drawn_on_spheres_and_at_a_distance() {
    let sphere = starts("ops = [{ op = \"sphere\", target = \"qvel\", range = [0, 3], radius = 2.0 }]");
    let velocities = |s: &Vec<f64>| [s[10], s[11], s[12]];
    assert!(sphere.iter().map(velocities).all(|v| (v[0].hypot(v[1]).hypot(v[2]) - 2.0).abs() < 1e-12));
    assert!((0..3).all(|i| sphere.iter().any(|s| s[10 + i] > 0.5) && sphere.iter().any(|s| s[10 + i] < -0.5)));

    let apart = "ops = [{ op = \"apart\", target = \"qvel\", range = [0, 2], low = -1.0, high = 1.0, from = [0.0, 0.0], \
                 distance = [0.8, 1.0] }]";
    assert!(starts(&apart.replace("\\\n", "")).iter().all(|s| (0.8..=1.0).contains(&s[10].hypot(s[11]))));
    let task = task_with_reset(TOUCHING, &format!("base = \"qpos0\"\n{}", apart.replace("0.8, 1.0", "5.0, 6.0")));
    holds(&task.model(SolverMode::Task).unwrap_err().to_string(), &["reset operation 1 (apart)", "too few points"]);
}

#[test]
fn a_thing_is_held_at_a_site_and_thrown_to_the_middle() {
    // The hinge is at 15 degrees about z; seen in x and z its site is at 5 + 0.5 cos and 5.25.
    let held = "ops = [{ op = \"assign\", target = \"qpos\", range = [1, 2], value = 0.26179938779914943 }, \
                { op = \"held\", range = [3, 6], site = \"tip\" }]";
    for start in starts(held) {
        let x = 5.0 + 0.5 * 15.0_f64.to_radians().cos();
        assert!((start[3] - x).abs() < 1e-9 && (start[4] - 5.25).abs() < 1e-9, "{start:?}");
        assert!((start[5] - std::f64::consts::PI).abs() < 1e-9);
    }
    let thrown = "ops = [{ op = \"thrown\", qpos = 3, qvel = 3, radius = 7.0, height = 0.5, rise = [1.0, 1.0], \
                  speed = [2.0, 3.0], spread = 0.0 }]";
    for start in starts(thrown) {
        let (at, v) = (&start[3..6], &start[13..16]);
        assert!((at[0].hypot(at[1]) - 7.0).abs() < 1e-12 && at[2] == 0.5);
        assert!((v[2] - (2.0 * 9.81_f64).sqrt()).abs() < 1e-12 && (2.0..3.0).contains(&v[0].hypot(v[1])));
        assert!((at[0] * v[0] + at[1] * v[1] + 7.0 * v[0].hypot(v[1])).abs() < 1e-9, "towards the middle");
    }
}

#[test]
fn actuators_may_rest_in_the_forward_pass() {
    let pushed = |more: &str| {
        let reset = format!(
            "base = \"qpos0\"\nops = [{{ op = \"assign\", target = \"qpos\", range = [2, 3], value = 0.5 }}]\n{more}"
        );
        let task = task_with_reset(TOUCHING, &reset);
        let mut sim = sim_of(&task);
        task.reset(&mut sim, 0, 0).unwrap();
        sim.qfrc_actuator()[2]
    };
    assert_eq!(pushed(""), -1.5);
    assert_eq!(pushed("actuation = false"), 0.0);
}
