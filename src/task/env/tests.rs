//! The rules of a task: actions, events, ends.

use std::sync::Arc;

use super::*;
use crate::physics::{ModelSource, SolverMode};
use crate::task::Task;

/// Two carts with position servos and a ball above the floor, a sensor on the first cart, a mocap target.
const CARTS: &str = r#"<mujoco><option timestep="0.01"/><worldbody>
    <body name="one"><joint name="x" type="slide" axis="1 0 0"/><geom size="1"/><site name="tip" pos="0 0 2"/></body>
    <body name="two" pos="0 5 0"><joint name="y" type="slide" axis="0 1 0"/><geom size="1"/></body>
    <body name="ball" pos="9 9 1"><freejoint name="free"/><geom size="0.1"/></body>
    <body name="goal" mocap="true" pos="9 9 0"/>
    </worldbody>
    <actuator>
      <position name="a" joint="x" ctrlrange="-1 2"/><position name="b" joint="y" ctrlrange="-1 2"/>
    </actuator>
    <sensor><framepos name="where" objtype="body" objname="one"/></sensor>
    <keyframe><key name="held" qpos="0.5 0.25 9 9 0.2 1 0 0 0" ctrl="0.5 0.25"/></keyframe></mujoco>"#;

/// The carts under these rules, written as in the file format, after the reset of episode `episode`.
fn carts(rules: &str, episode: u64) -> (Sim, Env) {
    let spec = format!(
        "name = \"carts\"\nsuite = \"mjcf\"\ndescription = \"\"\nsubsteps = 2\nepisode_length = 10\n{rules}\n\
         [reset]\nbase = {{ positions = \"held\" }}\nctrl = {{ keyframe = \"held\" }}\n"
    );
    let task = Task::from_parts(toml::from_str(&spec).unwrap(), ModelSource::text("carts.xml", CARTS));
    let model = Arc::new(task.model(SolverMode::Converged).unwrap());
    let mut sim = Sim::new(&model).unwrap();
    let mut env = task.env(&model).unwrap();
    task.reset(&mut sim, 5, episode).unwrap();
    env.begin(&sim, 5, episode);
    (sim, env)
}

fn act(sim: &mut Sim, env: &mut Env, action: &[f64]) -> Vec<f64> {
    let mut ctrl = vec![f64::NAN; 2];
    env.act(sim, action, &mut ctrl);
    ctrl
}

fn refusal(rules: &str) -> String {
    let spec = format!(
        "name = \"carts\"\nsuite = \"mjcf\"\ndescription = \"\"\nsubsteps = 2\nepisode_length = 10\n{rules}\n\
         [reset]\nbase = \"qpos0\"\n"
    );
    let task = Task::from_parts(toml::from_str(&spec).unwrap(), ModelSource::text("carts.xml", CARTS));
    task.model(SolverMode::Task).unwrap_err().to_string()
}

#[test]
fn an_action_is_the_control_unless_the_task_says_otherwise() {
    let (mut sim, mut env) = carts("", 0);
    assert_eq!(env.action_labels(), None);
    assert_eq!(act(&mut sim, &mut env, &[0.25, -7.0]), [0.25, -7.0]);
}

#[test]
fn offsets_deltas_and_bounds() {
    let (mut sim, mut env) = carts(r#"action = { kind = "offset", offset = [1.0, 0.0], scale = 0.5 }"#, 0);
    assert_eq!(env.action_labels().unwrap(), ["a", "b"]);
    assert_eq!(act(&mut sim, &mut env, &[1.0, -4.0]), [1.5, -2.0]);

    let bounded =
        r#"action = { kind = "offset", offset = 0.0, scale = [1.0, 2.0], clip = { low = -0.5, high = [0.5, 3.0] } }"#;
    let (mut sim, mut env) = carts(bounded, 0);
    assert_eq!(act(&mut sim, &mut env, &[-2.0, 4.0]), [-0.5, 3.0]);

    let (mut sim, mut env) = carts(r#"action = { kind = "delta_qpos", qpos = [0, 2], scale = 0.5 }"#, 0);
    assert_eq!(act(&mut sim, &mut env, &[1.0, 0.0]), [1.0, 0.25]);
}

#[test]
fn deltas_begin_at_the_resets_controls_and_wind_up_only_without_bounds() {
    let (mut sim, mut env) = carts(r#"action = { kind = "delta_ctrl", scale = 1.0 }"#, 0);
    assert_eq!(act(&mut sim, &mut env, &[1.0, 0.0]), [1.5, 0.25]);
    // What is applied is clamped; what is added to is not.
    sim.ctrl_mut().copy_from_slice(&[1.0, 0.25]);
    assert_eq!(act(&mut sim, &mut env, &[2.0, 0.0]), [3.5, 0.25]);

    let (mut sim, mut env) = carts(r#"action = { kind = "delta_ctrl", scale = 1.0, clip = "ctrlrange" }"#, 0);
    assert_eq!(act(&mut sim, &mut env, &[9.0, -9.0]), [2.0, -1.0]);
    assert_eq!(act(&mut sim, &mut env, &[-0.5, 0.5]), [1.5, -0.5]);
}

#[test]
fn pushes_come_at_their_interval_with_their_size() {
    let rules = r#"events = [{ kind = "push", interval = [0.06, 0.1], magnitude = [0.5, 2.0] }]"#;
    let mut intervals = Vec::new();
    for episode in 0..40 {
        let (mut sim, mut env) = carts(rules, episode);
        let mut pushed = Vec::new();
        for step in 0..12 {
            let before = sim.qvel().to_vec();
            let mut ctrl = [0.0; 2];
            let moved = env.act(&mut sim, &[0.0; 2], &mut ctrl);
            let change = (sim.qvel()[0] - before[0]).hypot(sim.qvel()[1] - before[1]);
            assert_eq!(moved, change > 0.0);
            if moved {
                assert!((0.5..2.0).contains(&change), "{change}");
                pushed.push(step + 1);
            }
            env.after(&mut sim);
        }
        // A control step lasts 0.02 s: an interval is 3, 4 or 5 of them, the same throughout an episode.
        let every = pushed[0];
        assert!(pushed.iter().enumerate().all(|(i, at)| *at == every * (i + 1)), "{pushed:?}");
        intervals.push(every);
    }
    intervals.sort_unstable();
    intervals.dedup();
    assert_eq!(intervals, [3, 4, 5]);
}

#[test]
fn a_kick_is_half_a_sine_of_force() {
    let rules = r#"events = [{ kind = "kick", body = "two", mass = 3.0, speed = [0.5, 0.5], wait = [4, 5], duration = [6, 7], period = 100 }]"#;
    let (mut sim, mut env) = carts(rules, 0);
    let body = sim.model().body("two").unwrap();
    assert_eq!(env.forced_bodies().collect::<Vec<_>>(), [body]);
    // The peak is mass speed / (2 duration): 3 * 0.5 / (2 * 6 * 0.02) = 6.25 N.
    for step in 0..11 {
        act(&mut sim, &mut env, &[0.0; 2]);
        let [x, y, rest @ ..] = sim.body_force(body);
        let i = f64::from(step - 4);
        // A new kick begins at every fourth step, in another direction.
        let i = if step >= 8 { i - 4.0 } else { i };
        let expected = if step < 4 { 0.0 } else { 6.25 * (std::f64::consts::PI * i / 6.0).sin() };
        assert!((x.hypot(y) - expected).abs() < 1e-12, "step {step}: {x} {y}, not {expected}");
        assert_eq!(rest, [0.0; 4]);
        env.after(&mut sim);
    }
}

#[test]
fn a_swap_happens_in_its_share_of_episodes_and_moves_what_deltas_add_to() {
    let rules = "action = { kind = \"delta_ctrl\", scale = 1.0 }\n\
                 events = [{ kind = \"swap\", keyframe = \"held\", p = 0.3 }]";
    let mut swapped = 0;
    for episode in 0..400 {
        let (mut sim, mut env) = carts(rules, episode);
        sim.qpos_mut()[0] = -3.0;
        let mut ctrl = [0.0; 2];
        if env.act(&mut sim, &[1.0, 0.0], &mut ctrl) {
            swapped += 1;
            assert_eq!((sim.qpos()[0], ctrl), (0.5, [1.5, 0.25]));
        }
        env.after(&mut sim);
        assert!(!env.act(&mut sim, &[1.0, 0.0], &mut ctrl), "only before the first control step");
    }
    // 0.3 +- 4 standard deviations of 400 draws.
    assert!((83..158).contains(&swapped), "{swapped}");
}

#[test]
fn conditions_end_an_episode_and_say_why() {
    let done = |rule: &str, change: fn(&mut Sim)| {
        let (mut sim, mut env) = carts(&format!("done = [{rule}]"), 0);
        assert!(env.can_end());
        sim.forward().unwrap();
        assert_eq!(env.after(&mut sim), None, "{rule}");
        change(&mut sim);
        sim.forward().unwrap();
        env.after(&mut sim).unwrap_or_else(|| panic!("{rule} does not end"))
    };
    let right: fn(&mut Sim) = |sim| sim.qpos_mut()[0] = 4.0;
    assert_eq!(done(r#"{ when = "sensor", sensors = ["where"], above = 3.0 }"#, right), "sensor where[0] above 3");
    assert_eq!(done(r#"{ when = "qpos", range = [0, 2], bounds = "ctrlrange" }"#, right), "qpos x above 2");
    assert_eq!(
        done(r#"{ when = "position", site = "tip", axes = [2, 0], below = -3.0, above = 3.0 }"#, right),
        "tip x above 3"
    );
    assert_eq!(
        done(r#"{ when = "reached", body = "ball", target = "goal", distance = 0.1 }"#, |sim| sim.qpos_mut()[4] = 0.05),
        "ball at its target"
    );
}

#[test]
fn what_was_never_lifted_cannot_be_dropped() {
    let (mut sim, mut env) = carts(r#"done = [{ when = "dropped", body = "ball", reached = 0.5, below = 0.1 }]"#, 0);
    for (height, over) in [(0.05, None), (0.6, None), (0.2, None), (0.05, Some("ball dropped".to_owned()))] {
        sim.qpos_mut()[4] = height;
        sim.forward().unwrap();
        assert_eq!(env.after(&mut sim), over, "at {height}");
    }
    env.begin(&sim, 5, 1);
    assert_eq!(env.after(&mut sim), None, "a new episode has lifted nothing");
}

#[test]
fn rules_that_do_not_fit_are_refused_by_name() {
    for (rules, part) in [
        (r#"action = { kind = "offset", offset = [1.0], scale = 1.0 }"#, "offset needs one finite number or 2"),
        (r#"action = { kind = "delta_qpos", qpos = [0, 3], scale = 1.0 }"#, "qpos [0, 3] of 9 does not fit 2 controls"),
        (r#"action = { kind = "panda_cartesian" }"#, "needs 8 controls"),
        (
            r#"events = [{ kind = "kick", body = "three", mass = 1.0, speed = [0.0, 1.0], wait = [1, 2], duration = [1, 2], period = 9 }]"#,
            "no body named \"three\"",
        ),
        (r#"events = [{ kind = "push", interval = [0.0, 1.0], magnitude = [0.0, 1.0] }]"#, "interval"),
        (r#"done = [{ when = "sensor", sensors = ["where"], entry = 3, above = 1.0 }]"#, "has 3 values, not 4"),
        (r#"done = [{ when = "sensor", sensors = ["where"] }]"#, "needs below, above or both"),
        (r#"done = [{ when = "reached", body = "ball", target = "one", distance = 0.1 }]"#, "one is no mocap body"),
    ] {
        let message = refusal(rules);
        assert!(message.starts_with("task carts: ") && message.contains(part), "{message}");
    }
}

/// A Panda task of the catalogue, or None with a message where its files are missing.
fn catalogue_env(name: &str) -> Option<(Sim, Env)> {
    let assets = crate::task::Assets::find(None);
    if !assets.has(name) {
        eprintln!("skipped: no files of {name} in {}", assets.root().display());
        return None;
    }
    let task = Task::from_catalogue(name, &assets).unwrap();
    let model = Arc::new(task.model(SolverMode::Converged).unwrap());
    let mut sim = Sim::new(&model).unwrap();
    let mut env = task.env(&model).unwrap();
    task.reset(&mut sim, 1, 0).unwrap();
    env.begin(&sim, 1, 0);
    Some((sim, env))
}

#[test]
fn torques_of_the_push_come_one_or_two_steps_late() {
    let Some((mut sim, mut env)) = catalogue_env("PandaRobotiqPushCube") else { return };
    let mut ctrl = [0.0; 8];
    let mut delays = [0; 2];
    for step in 0..400_u32 {
        // Far below what would be clipped, and different at every step.
        let action = [f64::from(step + 1) * 1e-4; 7];
        env.act(&mut sim, &action, &mut ctrl);
        assert_eq!(ctrl[7], 0.82);
        let of = (ctrl[0] / 0.1 / 1e-4).round() as u32;
        assert!(of == 0 || (1..=2).contains(&(step + 1 - of)), "step {step} acts as {of}");
        if of > 0 {
            delays[(step - of) as usize] += 1;
        }
        env.after(&mut sim);
    }
    assert!(delays.iter().all(|n| (150..250).contains(n)), "{delays:?}");
    for _ in 0..3 {
        env.act(&mut sim, &[100.0; 7], &mut ctrl);
    }
    assert_eq!(ctrl[..7], [8.0 / 150.0, 8.0 / 150.0, 8.0 / 150.0, 8.0 / 150.0, 0.4, 0.4, 0.4]);
}

#[test]
fn the_fingertips_go_where_the_action_says() {
    let Some((mut sim, mut env)) = catalogue_env("PandaPickCubeCartesian") else { return };
    let hand = sim.model().site("gripper").unwrap();
    let mut ctrl = [0.0; 8];
    let at = |sim: &mut Sim, ctrl: &[f64]| {
        sim.qpos_mut()[..7].copy_from_slice(&ctrl[..7]);
        sim.forward().unwrap();
        sim.site_pos(hand)
    };
    env.act(&mut sim, &[0.0, 0.0, 1.0], &mut ctrl);
    assert_eq!(ctrl[7], 0.04, "the gripper opens no further than its range");
    let start = at(&mut sim, &ctrl);
    for _ in 0..10 {
        env.act(&mut sim, &[1.0, -0.5, -1.0], &mut ctrl);
    }
    assert_eq!(ctrl[7], 0.0);
    let end = at(&mut sim, &ctrl);
    for (i, moved) in [0.0, 0.05, -0.025].into_iter().enumerate() {
        assert!((end[i] - start[i] - moved).abs() < 1e-6, "from {start:?} to {end:?}");
    }
}

#[test]
fn the_goal_of_the_leap_hand_turns_after_a_success_and_slows_down() {
    let Some((mut sim, mut env)) = catalogue_env("LeapCubeReorient") else { return };
    let goal = |sim: &Sim| -> [f64; 4] { std::array::from_fn(|i| sim.mocap_quat()[i]) };
    let cube = sim.model().joints().last().unwrap().qpos + 3;
    // The cube's orientation becomes the goal's: a success.
    let reached = goal(&sim);
    sim.qpos_mut()[cube..cube + 4].copy_from_slice(&reached);
    sim.forward().unwrap();
    env.after(&mut sim);
    let mut turned = vec![crate::quat::angle_between(reached, goal(&sim))];
    // 0.1 s at 1 to 5 rad/s about each axis.
    assert!((0.1 * 3_f64.sqrt()..0.5 * 3_f64.sqrt()).contains(&turned[0]), "{turned:?}");
    // Far from the goal it slows down to 0.8 of the speed with every control step.
    sim.qpos_mut()[cube..cube + 4].copy_from_slice(&[0.0, 1.0, 0.0, 0.0]);
    sim.mocap_quat_mut()[..4].copy_from_slice(&[1.0, 0.0, 0.0, 0.0]);
    for _ in 0..3 {
        sim.forward().unwrap();
        let before = goal(&sim);
        env.after(&mut sim);
        turned.push(crate::quat::angle_between(before, goal(&sim)));
    }
    for pair in turned.windows(2) {
        assert!((pair[1] / pair[0] - 0.8).abs() < 1e-6, "{turned:?}");
    }
}
