//! Rewards against their formulas.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::physics::SolverMode;
use crate::task::tests::catalogue_sim;
use crate::task::{Assets, CatalogueEntry, Task, catalogue};

const SIGMOIDS: [Sigmoid; 8] = [
    Sigmoid::Gaussian,
    Sigmoid::Linear,
    Sigmoid::Quadratic,
    Sigmoid::LongTail,
    Sigmoid::Reciprocal,
    Sigmoid::Hyperbolic,
    Sigmoid::Cosine,
    Sigmoid::TanhSquared,
];

/// A model without most of what a reward needs.
const BARE: &str = r#"<mujoco><worldbody><body name="torso"><joint name="rootx" type="slide"/><geom size="1"/></body>
    </worldbody></mujoco>"#;

#[test]
fn every_sigmoid_has_the_value_of_its_formula() {
    // At half a margin, with v = 0.1.
    let expected = [
        0.562341, // 0.1^0.25
        0.55,     // 1 - 0.5 * 0.9
        0.775,    // 1 - 0.25 * 0.9
        0.307692, // 1 / (1 + 0.25 * 9)
        0.181818, // 1 / (1 + 0.5 * 9)
        0.426401, // 1 / cosh(0.5 * acosh 10) = 1 / cosh(0.5 * 2.993223); cosh(x / 2) = sqrt((1 + cosh x) / 2) = sqrt 5.5
        0.658114, // (1 + cos(0.5 * acos -0.8)) / 2; cos(x / 2) = sqrt((1 + cos x) / 2) = sqrt 0.1 = 0.316228
        0.480506, // 1 - tanh(0.5 * atanh(sqrt 0.9))^2; with t = tanh x = 0.948683: tanh(x / 2) = t / (1 + sqrt 0.1)
    ];
    for (sigmoid, expected) in SIGMOIDS.into_iter().zip(expected) {
        let tolerance = Tolerance::within(-1.0, 2.0).fading(4.0, sigmoid, 0.1);
        for x in [-3.0, 4.0] {
            assert!((tolerance.of(x) - expected).abs() < 1e-6, "{sigmoid:?}: {}", tolerance.of(x));
        }
        // At a whole margin it is v, at the bounds and within 1.
        for x in [-5.0, 6.0] {
            assert!((tolerance.of(x) - 0.1).abs() < 1e-12, "{sigmoid:?}: {}", tolerance.of(x));
        }
        assert_eq!([-1.0, 0.0, 2.0].map(|x| tolerance.of(x)), [1.0; 3]);
    }
}

#[test]
fn some_sigmoids_end() {
    let at = |sigmoid, x| Tolerance::zero().fading(1.0, sigmoid, 0.1).of(x);
    // Their zeros: 1 / 0.9 = 1.111, 1 / sqrt 0.9 = 1.054, pi / acos(-0.8) = 1.2576.
    for (sigmoid, before, after) in
        [(Sigmoid::Linear, 1.11, 1.12), (Sigmoid::Quadratic, 1.05, 1.06), (Sigmoid::Cosine, 1.25, 1.26)]
    {
        assert!(at(sigmoid, before) > 0.0 && at(sigmoid, before) < 0.01, "{sigmoid:?}: {}", at(sigmoid, before));
        assert_eq!([at(sigmoid, after), at(sigmoid, -after), at(sigmoid, 1e9)], [0.0; 3], "{sigmoid:?}");
    }
    // The others do not: 10 margins out, a long tail is 1 / (1 + 900) and a reciprocal 1 / (1 + 90).
    assert!((at(Sigmoid::LongTail, 10.0) - 1.0 / 901.0).abs() < 1e-12);
    assert!((at(Sigmoid::Reciprocal, -10.0) - 1.0 / 91.0).abs() < 1e-12);
}

#[test]
fn without_a_margin_it_is_a_step() {
    let step = Tolerance::within(-0.25, 0.25);
    assert_eq!([-0.26, -0.25, 0.25, 0.26].map(|x| step.of(x)), [0.0, 1.0, 1.0, 0.0]);
    assert_eq!(Tolerance::at_least(2.0).of(f64::INFINITY), 1.0);
    assert_eq!(step.of(f64::NAN), 0.0);
}

proptest! {
    #[test]
    fn a_tolerance_lies_between_0_and_1_and_falls(
        low in -1e3..1e3, width in 0.0..1e3, margin in prop_oneof![Just(0.0), 1e-6..1e3], v in 0.001..0.999,
        kind in 0..SIGMOIDS.len(), x in prop_oneof![-1e4..1e4, Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ) {
        let tolerance = Tolerance::within(low, low + width).fading(margin, SIGMOIDS[kind], v);
        let value = tolerance.of(x);
        prop_assert!((0.0..=1.0).contains(&value), "{tolerance:?} at {x} is {value}");
        if x.is_finite() {
            let further = if x < low { x - 1.0 } else { x + 1.0 };
            prop_assert!(tolerance.of(further) <= value);
        }
        let nan = tolerance.of(f64::NAN);
        prop_assert!(nan.is_nan() || nan == 0.0);
    }
}

/// The tasks that have a reward.
fn suite() -> impl Iterator<Item = &'static CatalogueEntry> {
    catalogue().filter(|e| e.suite == "dm_control_suite")
}

/// Every task of the suite, in 40 states from its reset on to wild ones, after a physics step.
fn in_a_random_state(mut check: impl FnMut(&str, &mut Sim, &Scorer)) {
    let mut stream = crate::rng::Stream::new(7, "test", 0);
    for entry in suite() {
        let Some((task, mut sim)) = catalogue_sim(&entry.name) else { continue };
        let scorer = task.scorer(sim.model()).unwrap().unwrap();
        for round in 0..40 {
            let spread = 0.05 * f64::from(round);
            task.reset(&mut sim, 1, round as u64).unwrap();
            sim.qpos_mut().iter_mut().for_each(|q| *q += spread * (stream.uniform() - 0.5));
            sim.qvel_mut().iter_mut().for_each(|v| *v += 20.0 * spread * (stream.uniform() - 0.5));
            sim.ctrl_mut().iter_mut().for_each(|u| *u = 3.0 * (stream.uniform() - 0.5));
            sim.step().unwrap();
            if sim.divergence().is_none() {
                check(&entry.name, &mut sim, &scorer);
            }
        }
    }
}

#[test]
fn rewards_lie_between_0_and_1_and_observations_are_finite() {
    let mut seen = 0;
    in_a_random_state(|name, sim, scorer| {
        let action = sim.ctrl().to_vec();
        let reward = scorer.reward(sim, &action);
        assert!((0.0..=1.0).contains(&reward), "{name}: {reward}");
        let labels = scorer.labels();
        let mut observation = vec![f64::NAN; labels.len()];
        scorer.observe(sim, &mut scorer.begin(sim, 0, 0), &mut observation);
        for (label, x) in labels.iter().zip(&observation) {
            assert!(x.is_finite(), "{name}: {label} is {x}");
        }
        seen += 1;
    });
    let tasks = suite().filter(|e| Assets::find(None).has(&e.name)).count();
    assert!(seen >= 30 * tasks, "only {seen} states of {tasks} tasks");
}

#[test]
fn a_number_that_is_none_is_no_reward() {
    in_a_random_state(|name, sim, scorer| {
        let action = vec![0.5; sim.model().nu()];
        let mut observation = vec![0.0; scorer.labels().len()];
        let before = sim.qvel().to_vec();
        for bad in [f64::NAN, f64::INFINITY] {
            sim.qvel_mut()[0] = bad;
            assert!(scorer.reward(sim, &action).is_nan(), "{name}: {bad}");
            scorer.observe(sim, &mut scorer.begin(sim, 0, 0), &mut observation);
            sim.qvel_mut().copy_from_slice(&before);
        }
        let mut bad_action = action.clone();
        bad_action[0] = f64::NAN;
        assert!(scorer.reward(sim, &bad_action).is_nan(), "{name}");
        // What MuJoCo makes of a broken state is not finite either; no panic, and nothing to be proud of.
        sim.qpos_mut().fill(f64::NAN);
        sim.forward().unwrap();
        let reward = scorer.reward(sim, &action);
        assert!(reward.is_nan() || reward == 0.0, "{name}: {reward}");
        scorer.observe(sim, &mut scorer.begin(sim, 0, 0), &mut observation);
        sim.reset().unwrap();
    });
}

#[test]
fn labels_are_different_and_as_many_as_playground_has() {
    for entry in suite() {
        let Some((task, sim)) = catalogue_sim(&entry.name) else { continue };
        let expected = match entry.model.as_str() {
            "acrobot" | "reacher" => 6,
            "ball_in_cup" => 8,
            "cartpole" => 5,
            "cheetah" => 17,
            "finger" if entry.name == "FingerSpin" => 9,
            "finger" => 12,
            "fish" | "walker" => 24,
            "hopper" => 15,
            "humanoid" => 67,
            "pendulum" => 3,
            "point_mass" => 4,
            "swimmer" => 25,
            other => panic!("{other}"),
        };
        let mut labels = task.scorer(sim.model()).unwrap().unwrap().labels();
        assert_eq!(labels.len(), expected, "{}", entry.name);
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), expected, "{}: a label is there twice", entry.name);
    }
}

#[test]
fn after_a_step_joints_are_at_its_end_and_poses_at_its_start() {
    let Some((task, mut sim)) = catalogue_sim("CartpoleBalance") else { return };
    let scorer = task.scorer(sim.model()).unwrap().unwrap();
    // In 0.01 s the cart moves by 0.02 m and the pole by about 0.03 rad.
    sim.qpos_mut().copy_from_slice(&[0.8, 0.3]);
    sim.qvel_mut().copy_from_slice(&[2.0, 3.0]);
    sim.step().unwrap();
    assert!((sim.qpos()[0] - 0.82).abs() < 1e-3 && (sim.qpos()[1] - 0.33).abs() < 1e-3, "{:?}", sim.qpos());
    let mut seen = [0.0; 5];
    scorer.observe(&sim, &mut scorer.begin(&sim, 0, 0), &mut seen);
    assert_eq!([seen[0], seen[3], seen[4]], [sim.qpos()[0], sim.qvel()[0], sim.qvel()[1]]);
    assert!((seen[1] - 0.3f64.cos()).abs() < 1e-12 && (seen[2] - 0.3f64.sin()).abs() < 1e-12, "{seen:?}");
}

#[test]
fn a_model_without_the_robot_is_refused() {
    let specs = [
        RewardSpec::Acrobot { sparse: false },
        RewardSpec::BallInCup {},
        RewardSpec::Cartpole { sparse: true },
        RewardSpec::Cheetah { speed: 10.0 },
        RewardSpec::FingerSpin {},
        RewardSpec::FingerTurn {},
        RewardSpec::Fish {},
        RewardSpec::Hopper { speed: None },
        RewardSpec::Humanoid { speed: None },
        RewardSpec::Pendulum { dm_control: false },
        RewardSpec::PointMass {},
        RewardSpec::Reacher {},
        RewardSpec::Swimmer {},
        RewardSpec::Walker { speed: Some(1.0), dm_control: false },
        RewardSpec::PushCube {},
        RewardSpec::AlohaHandOver {},
        RewardSpec::AlohaPeg {},
    ];
    let model = Model::from_text("bare.xml", BARE).unwrap();
    for spec in specs {
        let error = Scorer::new(&spec, &model, 0.02).unwrap_err().to_string();
        for part in ["bare.xml", spec.word(), "the model has no ", "another reward"] {
            assert!(error.contains(part), "no \"{part}\" in: {error}");
        }
    }
    // A sensor of another size.
    let sensor = r#"</worldbody><sensor><jointpos name="torso_subtreelinvel" joint="rootx"/></sensor>"#;
    let model = Model::from_text("short.xml", &BARE.replace("</worldbody>", sensor)).unwrap();
    let error = Scorer::new(&RewardSpec::Cheetah { speed: 10.0 }, &model, 0.01).unwrap_err().to_string();
    assert!(error.contains("\"torso_subtreelinvel\" of the model has 1 values instead of 3"), "{error}");
}

#[test]
fn a_speed_that_makes_no_sense_is_refused() {
    let Some((mut task, sim)) = catalogue_sim("WalkerRun") else { return };
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        task.spec.reward = Some(RewardSpec::Walker { speed: Some(speed), dm_control: false });
        assert!(task.scorer(sim.model()).unwrap_err().to_string().contains("speed must be"), "{speed}");
    }
}

#[test]
fn a_task_whose_reward_does_not_fit_has_no_model() {
    let Some((mut task, _)) = catalogue_sim("WalkerRun") else { return };
    task.spec.reward = Some(RewardSpec::Fish {});
    let error = task.model(SolverMode::Task).unwrap_err().to_string();
    assert!(error.contains("walker.xml") && error.contains("fish") && error.contains("\"mouth\""), "{error}");
    task.spec.reward = None;
    let model = task.model(SolverMode::Task).unwrap();
    assert!(task.scorer(&model).unwrap().is_none());
}

#[test]
fn a_reward_is_read_strictly() {
    let read = |text: &str| toml::from_str::<RewardSpec>(text);
    assert_eq!(
        read("kind = \"walker\"\nspeed = 8.0").unwrap(),
        RewardSpec::Walker { speed: Some(8.0), dm_control: false }
    );
    assert_eq!(read("kind = \"walker\"").unwrap(), RewardSpec::Walker { speed: None, dm_control: false });
    assert_eq!(read("kind = \"pendulum\"").unwrap(), RewardSpec::Pendulum { dm_control: false });
    for bad in
        ["kind = \"pendulum\"\nspeed = 1.0", "kind = \"walker\"\nsped = 1.0", "kind = \"dragon\"", "kind = \"cheetah\""]
    {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_scorer_goes_to_another_thread() {
    let Some((task, mut sim)) = catalogue_sim("PendulumSwingup") else { return };
    let scorer = task.scorer(sim.model()).unwrap().unwrap();
    sim.forward().unwrap();
    let here = scorer.reward(&sim, &[0.0]);
    let model = Arc::clone(sim.model());
    let there = std::thread::spawn(move || {
        let mut sim = Sim::new(&model).unwrap();
        sim.forward().unwrap();
        scorer.reward(&sim, &[0.0])
    });
    assert_eq!(here, there.join().unwrap());
    assert_eq!(here, 1.0);
    assert!(Task::embedded().spec.reward.is_none());
}

/// The reward of a task of the catalogue, as data.
fn spec_of(name: &str) -> RewardSpec {
    catalogue().find(|e| e.name == name).unwrap().spec().reward.unwrap()
}

#[test]
fn every_task_has_a_reward_that_reads_as_it_is_written() {
    // Suites beyond Playground have tasks without.
    let without = |suite: &str| catalogue().filter(|e| e.collection == suite && e.spec().reward.is_none()).count();
    assert_eq!(["playground", "gymnasium", "dm_control", "menagerie"].map(without), [0, 0, 28, 16]);
    for entry in catalogue() {
        let Some(spec) = entry.spec().reward else { continue };
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<RewardSpec>(&text).unwrap(), spec, "{}", entry.name);
    }
    let text = serde_json::to_string(&spec_of("Go1JoystickFlatTerrain")).unwrap();
    for (old, new) in
        [("\"kind\":\"track\"", "\"kind\":\"trick\""), ("\"sigma\"", "\"sigme\""), ("\"rate\"", "\"rat\"")]
    {
        assert!(text.contains(old) && serde_json::from_str::<RewardSpec>(&text.replace(old, new)).is_err(), "{new}");
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_name() {
    let Some((_, sim)) = catalogue_sim("Go1JoystickFlatTerrain") else { return };
    let change = |from: &str, to: &str| {
        let text = serde_json::to_string(&spec_of("Go1JoystickFlatTerrain")).unwrap();
        assert!(text.contains(from), "{from}");
        let spec: RewardSpec = serde_json::from_str(&text.replacen(from, to, 1)).unwrap();
        Scorer::new(&spec, sim.model(), 0.02).unwrap_err().to_string()
    };
    for (from, to, said) in [
        ("\"joints\":[7,19]", "\"joints\":[7,99]", "joints [7, 99]"),
        ("\"joints\":[7,19]", "\"joints\":[0,19]", "not all hinges and slides"),
        ("\"joints\":[7,19]", "\"joints\":[19,7]", "joints [19, 7]"),
        ("\"sigma\":0.25", "\"sigma\":0.0", "tracking_lin_vel: sigma must be"),
        ("\"low\":[-1.5", "\"low\":[2.5", "in order"),
        ("\"entries\":[2]", "\"entries\":[9]", "lin_vel_z"),
        ("FR_floor_found", "XX_floor_found", "XX_floor_found"),
        ("\"pose\":\"home\"", "\"pose\":\"away\"", "away"),
    ] {
        let error = change(from, to);
        assert!(error.contains(said), "{to}: {error}");
    }
}

#[test]
fn commands_are_playgrounds() {
    // Of Spot: a tenth of them is none. Of Go1: later ones change each component by half, to none but with a probability.
    let Some((task, sim)) = catalogue_sim("SpotFlatTerrainJoystick") else { return };
    let scorer = task.scorer(sim.model()).unwrap().unwrap();
    let n = 4000;
    let commands: Vec<[f64; 3]> = (0..n).map(|episode| scorer.begin(&sim, 1, episode).command()).collect();
    let still = commands.iter().filter(|c| **c == [0.0; 3]).count() as f64 / n as f64;
    assert!((still - 0.1).abs() < 0.02, "{still}");
    for (i, most) in [1.0, 0.8, 1.0].into_iter().enumerate() {
        let largest = commands.iter().map(|c| c[i].abs()).fold(0.0, f64::max);
        let mean = commands.iter().map(|c| c[i].abs()).sum::<f64>() / n as f64;
        assert!(largest <= most && largest > 0.95 * most && (mean - 0.45 * most).abs() < 0.03, "{i}: {largest} {mean}");
    }
    assert_eq!(scorer.begin(&sim, 1, 7).command(), scorer.begin(&sim, 1, 7).command());
    assert_ne!(scorer.begin(&sim, 1, 7).command(), scorer.begin(&sim, 2, 7).command());
}

#[test]
fn a_command_lasts_as_long_as_in_playground_and_a_plan_keeps_it() {
    let Some((task, mut sim)) = catalogue_sim("Go1JoystickFlatTerrain") else { return };
    let scorer = task.scorer(sim.model()).unwrap().unwrap();
    task.reset(&mut sim, 0, 0).unwrap();
    let (mut changes, mut zeros, steps) = (0, [0; 3], 40_000);
    let mut memory = scorer.begin(&sim, 3, 0);
    let mut plan = memory.without_foresight();
    let first = plan.command();
    let action = vec![0.0; 12];
    let taken = Taken::plain(&sim, &action);
    for _ in 0..steps {
        let before = memory.command();
        scorer.conclude(&taken, &mut memory);
        scorer.conclude(&taken, &mut plan);
        if memory.command() != before {
            changes += 1;
            (0..3).for_each(|i| zeros[i] += usize::from(memory.command()[i] == 0.0));
        }
    }
    assert_eq!(plan.command(), first);
    // 800 s at one in 5 s, of which an eighth changes no component.
    assert!((110..170).contains(&changes), "{changes}");
    // How often a component is 0: never for long in the first, mostly in the second.
    let share = zeros.map(|z| z as f64 / f64::from(changes));
    assert!(share[0] < 0.2 && (share[1] - 0.75).abs() < 0.15 && (share[2] - 0.5).abs() < 0.2, "{share:?}");
}
