//! Planned controls, with the real binary where it makes sense.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use dynsparse::dataset::schema::{Axis, Var};
use dynsparse::dataset::{Effort, Recording, Store};
use dynsparse::jacobian::EngineRequest;
use dynsparse::physics::{Sim, SolverMode};
use dynsparse::planner::{self, PlanError, Planner};
use dynsparse::policy::{PlanSpec, PolicySpec};
use dynsparse::record::{self, Job, Prepared, Run, StepKind};
use dynsparse::task::{Assets, Memory, Task};

use crate::common::{self, Place, vendor};

/// The methods, each with cheap settings.
fn methods() -> [(&'static str, Vec<&'static str>); 5] {
    // Controls that cost something stay within their limits, where they differ.
    let newton = ["--horizon", "8", "--tries", "3", "--effort", "0.1"];
    let both = [&CHEAP[2..], &["--tries", "3", "--effort", "1e-6", "--noise", "0.3"]].concat();
    let [sampling, mppi, cem] = [&CHEAP[2..]; 3].map(<[_]>::to_vec);
    [("sampling", sampling), ("mppi", mppi), ("cem", cem), ("ilqg", newton.to_vec()), ("ilqs", both)]
}

/// Cheap settings: these tests are about the way of the controls, not about how good they are.
const CHEAP: [&str; 8] = ["--planner", "sampling", "--horizon", "8", "--samples", "6", "--spacing", "3"];

fn expert(place: &Place, task: &str, output: &str, more: &[&str]) -> common::Ran {
    let vendor = vendor();
    let args = [&["record", task, "--policy", "expert", "--assets", &vendor, "-o", output], more].concat();
    place.run(&args)
}

fn values(recording: &Recording, var: Var) -> Vec<f64> {
    recording.read(var, 0..recording.len(Axis::Step)).expect("a variable")
}

fn total(place: &Place, file: &str) -> f64 {
    values(&Recording::open(&place.path(file)).expect("a recording"), Var::Reward).iter().sum()
}

#[test]
fn an_expert_is_good() {
    let place = Place::new();
    let vendor = vendor();
    for (task, steps, least, more) in [
        ("CartpoleSwingup", "250", 100.0, &[][..]),
        ("FingerTurnEasy", "100", 60.0, &[]),
        ("PendulumSwingup", "200", 80.0, &["--planner", "ilqg"]),
    ] {
        expert(&place, task, "e.h5", &[&["--episodes", "1", "--steps", steps], more].concat()).ok();
        place.run(&["record", task, "--assets", &vendor, "-o", "u.h5", "--episodes", "1", "--steps", steps]).ok();
        let (expert, uniform) = (total(&place, "e.h5"), total(&place, "u.h5"));
        assert!(expert > least && uniform < 0.3 * least, "{task}: {expert} and {uniform} of {steps}");
        for file in ["e.h5", "u.h5"] {
            std::fs::remove_file(place.path(file)).expect("a file is removed");
        }
    }
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let place = Place::new();
    for (method, cheap) in methods() {
        for (threads, file) in [("1", "one.h5"), ("2", "two.h5"), ("5", "five.h5")] {
            let more = ["--planner", method, "--episodes", "2", "--steps", "30", "--threads", threads, "--seed", "7"];
            expert(&place, "HopperHop", file, &[&more[..], &cheap].concat()).ok();
        }
        let one = place.read("one.h5");
        assert!(one == place.read("two.h5"), "{method}: two threads");
        assert!(one == place.read("five.h5"), "{method}: five threads");
        for file in ["one.h5", "two.h5", "five.h5"] {
            std::fs::remove_file(place.path(file)).expect("a file is removed");
        }
    }
}

/// A legged robot: actions are not controls, conditions end the episode, the reward remembers.
#[test]
fn plans_under_the_rules_of_a_task_are_the_same_on_any_number_of_threads() {
    let place = Place::new();
    for (task, more) in [("Go1JoystickFlatTerrain", &["--command", "0.5,0,0"][..]), ("BarkourJoystick", &[])] {
        // Their meshes are no part of a plain set-up.
        if common::present(&[task], &Assets::find(Some(vendor().as_ref()))).is_empty() {
            continue;
        }
        for (threads, file) in [("1", "one.h5"), ("3", "three.h5")] {
            let all = ["--episodes", "1", "--steps", "12", "--threads", threads, "--seed", "7"];
            expert(&place, task, file, &[&all[..], &CHEAP, more].concat()).ok();
        }
        assert!(place.read("one.h5") == place.read("three.h5"), "{task}");
        place.run(&["verify", "one.h5", "--plan"]).ok();
        for file in ["one.h5", "three.h5"] {
            std::fs::remove_file(place.path(file)).expect("a file is removed");
        }
    }
}

#[test]
fn methods_seeds_and_episodes_differ() {
    let place = Place::new();
    let mut found: Vec<Vec<f64>> = Vec::new();
    for (i, (method, cheap)) in methods().iter().enumerate() {
        for seed in ["0", "1"] {
            let file = format!("{i}{seed}.h5");
            let more = ["--planner", method, "--episodes", "2", "--steps", "10", "--seed", seed];
            expert(&place, "WalkerRun", &file, &[&more[..], cheap].concat()).ok();
            let recording = Recording::open(&place.path(&file)).expect("a recording");
            let ctrl = values(&recording, Var::Ctrl);
            let (first, second) = ctrl.split_at(ctrl.len() / 2);
            found.extend([first.to_vec(), second.to_vec()]);
            assert!(ctrl.iter().all(|u| (-1.0..=1.0).contains(u)), "{method}: a control outside its range");
        }
    }
    for (i, a) in found.iter().enumerate() {
        let twin = found[i + 1..].iter().position(|b| a == b);
        assert!(twin.is_none(), "{i} comes again {twin:?} later");
    }
}

#[test]
fn a_replay_without_planning_gives_the_same_jacobians() {
    let place = Place::new();
    expert(&place, "WalkerRun", "own.h5", &[&["--episodes", "2", "--steps", "25"][..], &CHEAP].concat()).ok();
    let own = Recording::open(&place.path("own.h5")).expect("a recording");
    let vendor = vendor();
    for with in ["states", "controls"] {
        let file = format!("{with}.h5");
        let args =
            ["record", "WalkerRun", "--assets", &vendor, "--replay", "own.h5", "--replay-with", with, "-o", &file];
        place.run(&args).ok();
        let again = Recording::open(&place.path(&file)).expect("a recording");
        for var in [Var::Qpos, Var::Ctrl, Var::QvelNext, Var::A, Var::B, Var::ZeroFloor, Var::Reward] {
            let steps = own.len(Axis::Step);
            let name = var.spec().name;
            assert!(own.bytes(var, 0..steps).unwrap() == again.bytes(var, 0..steps).unwrap(), "{with}: {name} differs");
        }
    }
}

#[test]
fn verify_follows_the_file_and_plans_only_when_asked() {
    let place = Place::new();
    for (file, step) in [("control.h5", "control"), ("physics.h5", "physics")] {
        let more = ["--episodes", "2", "--steps", "12", "--explore-scale", "0.2", "--step", step];
        expert(&place, "WalkerRun", file, &[&more[..], &CHEAP].concat()).ok();
        let followed = place.run(&["verify", file]).ok();
        assert!(followed.stdout.contains("under the actions in the file"), "{}", followed.stdout);
        let planned = place.run(&["verify", "--plan", file]).ok();
        assert!(planned.stdout.contains("simulated again: every bit agrees"), "{}", planned.stdout);
    }
    // Other controls, which the planner would not have given: the file no longer follows from them.
    let file = common::open_to_change(&place.path("control.h5"));
    let data = file.dataset("ctrl").expect("ctrl");
    let mut ctrl: Vec<f64> = data.read_raw().expect("ctrl");
    let at = ctrl.len() / 3;
    ctrl[at] = 0.5 * ctrl[at] + 0.1;
    let shape = data.shape();
    data.write(&ndarray::Array2::from_shape_vec((shape[0], shape[1]), ctrl).expect("a matrix")).expect("written");
    drop((data, file));
    for more in [&[][..], &["--plan"]] {
        let ran = place.run(&[&["verify", "control.h5"], more].concat());
        assert_eq!(ran.status.code(), Some(1), "{more:?}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn exploration_adds_noise_to_any_policy() {
    let place = Place::new();
    let vendor = vendor();
    let record = |file: &str, more: &[&str]| {
        let base = ["record", "CheetahRun", "--assets", &vendor, "--episodes", "1", "--steps", "200", "-o", file];
        place.run(&[&base[..], more].concat()).ok();
        values(&Recording::open(&place.path(file)).expect("a recording"), Var::Ctrl)
    };
    let quiet = record("quiet.h5", &["--policy", "sinusoid", "--amplitude", "0.3"]);
    let explore = ["--policy", "sinusoid", "--amplitude", "0.3", "--explore-scale", "0.1", "--explore-beta", "0"];
    let noisy = record("noisy.h5", &explore);
    let again = record("again.h5", &[&explore[..], &["--threads", "1"]].concat());
    assert_eq!(noisy, again);
    let noise: Vec<f64> = noisy.iter().zip(&quiet).map(|(a, b)| a - b).collect();
    let std = (noise.iter().map(|x| x * x).sum::<f64>() / noise.len() as f64).sqrt();
    assert!((0.09..0.11).contains(&std), "{std}");
    place.run(&["verify", "noisy.h5"]).ok();
    let strong = record("strong.h5", &["--policy", "zero", "--explore-scale", "3"]);
    assert!(strong.iter().all(|u| (-1.0..=1.0).contains(u)) && strong.contains(&1.0) && strong.contains(&-1.0));
}

#[test]
fn a_recording_says_how_it_was_planned() {
    let place = Place::new();
    let more = [
        "--episodes",
        "1",
        "--steps",
        "3",
        "--noise",
        "0.25",
        "--explore-scale",
        "0.5",
        "--guide",
        "qpos:rootz,0,1,0.5",
    ];
    expert(&place, "CheetahRun", "e.h5", &[&more[..], &CHEAP].concat()).ok();
    let recording = Recording::open(&place.path("e.h5")).expect("a recording");
    let policy = recording.text_attribute("policy").expect("policy");
    assert!(policy.contains("horizon 8") && policy.contains("noise 0.25"), "{policy}");
    assert!(policy.contains("standard deviation 0.5 half ranges, added"), "{policy}");
    // The command has every number, so that it means the same under another table of defaults.
    let command = recording.text_attribute("command").expect("command");
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let vendor = vendor();
    place.run(&[&words[..], &["--assets", &vendor, "-o", "again.h5"]].concat()).ok();
    assert!(place.read("e.h5") == place.read("again.h5"));
}

#[test]
fn bad_input() {
    let place = Place::new();
    if !common::present(&["Go1Getup"], &Assets::find(Some(vendor().as_ref()))).is_empty() {
        expert(&place, "Go1Getup", "x.h5", &["--planner", "ilqg"])
            .refused(&["Go1Getup: the policy expert cannot plan with derivatives", "another --planner"]);
    }
    place.run(&["record", "--policy", "expert"]).refused(&["Juggler: the task has no reward"]);
    let cases: [(&[&str], &str); 15] = [
        (&["--horizon", "0"], "horizon is 0: give a whole number from 1 to 10000"),
        (&["--planner", "cem", "--samples", "1"], "samples is 1: give a whole number from 2"),
        (&["--planner", "cem", "--noise=-1"], "noise is -1: give a finite number"),
        (&["--planner", "sampling", "--elites", "3"], "elites is given: it has no meaning for this --planner"),
        (&["--planner", "cem", "--samples", "4", "--elites", "5"], "elites is 5: there are 4 samples"),
        (&["--scale", "1"], "--scale has no meaning for the policy expert"),
        (&["--explore-scale=-1"], "explore-scale is -1"),
        (&["--explore-beta", "1"], "--explore-beta is given without --explore-scale"),
        (
            &["--guide", "nose,0,1,1"],
            "guide is \"nose\": name a qpos:, a qvel:, or what the task observes: qpos:slider",
        ),
        (&["--planner", "ilqg", "--samples", "5"], "samples is given: it has no meaning for this --planner"),
        (&["--planner", "ilqg", "--tries", "0"], "tries is 0: give a whole number from 1 to 60"),
        (&["--planner", "ilqs", "--effort", "0"], "effort is 0: give a finite number of rewards, above 0"),
        (&["--planner", "ilqs", "--elites", "3"], "elites is given: it has no meaning for this --planner"),
        (&["--planner", "mppi", "--effort", "1"], "effort is given: it has no meaning for this --planner"),
        (&["--coarse", "0"], "coarse is 0: give a whole number from 1"),
    ];
    for (more, words) in cases {
        expert(&place, "CartpoleBalance", "x.h5", more).refused(&[words]);
    }
    expert(&place, "CartpoleBalance", "x.h5", &["--guide", "pole_1 upright,1"]).usage(&["ENTRY,TARGET,WIDTH,WEIGHT"]);
    place.run(&["record", "--horizon", "5"]).refused(&["--horizon has no meaning for the policy uniform"]);
    place.run(&["record", "--planner", "cem", "--policy", "zero"]).refused(&["--planner has no meaning"]);
    place.write("job.toml", "policy = \"expert\"\ntask = \"CartpoleBalance\"\nhorizons = 3\n");
    place.run(&["record", "--config", "job.toml"]).refused(&["job.toml, line 3", "did you mean `horizon`"]);
    place.run(&["check-jacobian", "--policy", "expert"]).refused(&["states of an expert cannot be checked"]);
    std::fs::remove_file(place.path("job.toml")).expect("a file is removed");
    place.small("own.h5", &[]).ok();
    let replay = ["record", "--replay", "own.h5", "--explore-scale", "1", "-o", "x.h5"];
    place.run(&replay).refused(&["explore-scale has no meaning for a replay"]);
}

/// A cartpole whose physics step is so long that no control keeps it finite.
fn hopeless() -> Task {
    let mut task = Task::from_catalogue("CartpoleBalance", &Assets::find(Some(vendor().as_ref()))).expect("a task");
    task.spec.timestep = Some(1e6);
    task
}

#[test]
fn a_plan_that_diverges_ends_the_episode_with_a_reason() {
    let task = hopeless();
    let model = Arc::new(task.model(SolverMode::Converged).expect("a model"));
    let plan = planner::resolve_plan(&PlanSpec::default(), "CartpoleBalance");
    let mut planner = Planner::new(&task, &model, &plan).expect("a planner");
    let mut sim = Sim::new(&model).expect("a simulation");
    task.reset(&mut sim, 0, 0).expect("a reset");
    planner.begin(0, 0);
    let (env, memory) = (task.env(&model).expect("its rules"), Memory::default());
    let error = planner.act(&mut sim, (&env, &memory), 0, &mut [0.0]).expect_err("it diverges");
    assert!(matches!(error, PlanError::Diverged), "{error}");

    let job = Job {
        task: task.spec.clone(),
        policy: PolicySpec::Expert { plan },
        explore: None,
        jacobian: EngineRequest::default(),
        solver: SolverMode::Converged,
        step: StepKind::Control,
        episodes: 1,
        steps: 5,
        seed: 0,
        past_done: false,
        compression: Effort::Fast,
        store: Store::F64,
    };
    let prepared = Prepared::new(task, job).expect("a job");
    let place = Place::new();
    let file = place.path("e.h5");
    let run = Run {
        output: &file,
        threads: 2,
        budget: None,
        shard: None,
        merge_only: false,
        force: false,
        command: String::new(),
        stop: &AtomicBool::new(false),
    };
    record::record(&prepared, &run, &()).expect("a recording");
    let end = Recording::open(&file).expect("a recording").episodes().expect("episodes")[0].end.clone();
    assert_eq!(end, "the planner found no plan whose simulation stays finite, in step 0");
    place.run(&["verify", "e.h5"]).ok();
}
