//! A sample of `cargo xtask corpus`, on the robots that set-up fetches with the meshes: models as others have written them,
//! without anything that Playground changes in them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dynsparse::check::{CheckSettings, facts, survey};
use dynsparse::physics::SolverMode;
use dynsparse::policy::PolicySpec;
use dynsparse::task::Task;

/// Arms, hands and quadrupeds, with both cones, equalities, tendons, friction losses and a height field.
const MODELS: [&str; 7] = [
    "boston_dynamics_spot/spot.xml",
    "franka_emika_panda/panda.xml",
    "franka_emika_panda/mjx_single_cube.xml",
    "google_barkour_vb/scene_hfield_mjx.xml",
    "robotiq_2f85_v4/2f85.xml",
    "tetheria_aero_hand_open/scene_right.xml",
    "unitree_go1/go1.xml",
];

/// Errors of the engine that are no fault of it: the arbiter's own, and those of contacts between meshes, whose places MuJoCo
/// finds by an iteration.
const MOST: f64 = 1e-7;

/// No limit: the states are the same on every machine.
const NO_LIMIT: Duration = Duration::MAX;

/// Where set-up puts the robots; None where it has not fetched them, which CI does not allow.
fn menagerie() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/menagerie");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var("CI").is_ok_and(|v| v == "true");
    assert!(!ci, "{} is missing: run `cargo xtask setup --all-assets`", folder.display());
    eprintln!("skipped: run `cargo xtask setup --all-assets`");
    None
}

fn settings() -> CheckSettings {
    CheckSettings {
        states: 4,
        episodes: 2,
        policy: PolicySpec::Colored { beta: 1.0, scale: 1.0 },
        solver: SolverMode::Converged,
        seed: 0,
        engines: Vec::new(),
        worst: 1,
    }
}

#[test]
fn robots_that_nobody_prepared_get_right_numbers() {
    let Some(folder) = menagerie() else { return };
    let (mut states, mut judged) = (0, 0);
    for name in MODELS {
        let task = Task::from_mjcf(&folder.join(name), 1, None, 0.0).unwrap();
        let (facts, engine) = facts(&task, &settings()).unwrap();
        assert_eq!((facts.engine.as_str(), facts.fallback.as_deref()), ("implicit", None), "{name}");
        let found = survey(&task, &settings(), &engine, NO_LIMIT).unwrap();
        assert_eq!(found.refused, None, "{name}");
        let report = found.report.unwrap();
        assert_eq!(report.states, 4, "{name}");
        let agreement = report.engines[0].agreement;
        assert_eq!(agreement.arbiter_only, 0, "{name}: {:?}", report.kinks);
        if let Some(errors) = report.engines[0].errors {
            assert!(errors.max < MOST, "{name}: {errors:?}, {:?}", report.worst);
            judged += errors.states;
        }
        states += report.states;
    }
    // Some begin exactly on a limit.
    assert!(judged * 2 > states, "{judged} of {states} states could be judged");
}

/// What `--survey` writes for each of the corpus' models is what the library says.
#[test]
fn a_model_that_cannot_be_differenced_says_why() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, option: &str, joint: &str| {
        let path = place.path().join(name);
        let body = format!("<body pos='0 0 1'>{joint}<geom size='.1'/></body>");
        std::fs::write(&path, format!("<mujoco><option {option}/><worldbody>{body}</worldbody></mujoco>")).unwrap();
        Task::from_mjcf(&path, 1, None, 0.0).unwrap()
    };
    let task = write("fixed.xml", "", "");
    assert!(facts(&task, &settings()).unwrap_err().to_string().contains("no degree of freedom"));
    assert!(write("torn.xml", "tolerance='x'", "").model(SolverMode::Converged).is_err());

    let task = write("ball.xml", "", "<freejoint/>");
    let (first, engine) = facts(&task, &settings()).unwrap();
    assert_eq!((first.nv, first.nu, first.sha256.len()), (6, 0, 64));
    let found = survey(&task, &settings(), &engine, NO_LIMIT).unwrap();
    assert!(found.cost.unwrap().jacobian_us > 0.0);
    assert_eq!((found.kinks, found.alarms.by.states), (0, 0));
    // A limit that is over at once leaves one state.
    let short = survey(&task, &settings(), &engine, Duration::ZERO).unwrap();
    assert_eq!(short.report.unwrap().states, 1);
    // The same model in another file has the same sha256, another model has not.
    assert_eq!(facts(&write("again.xml", "", "<freejoint/>"), &settings()).unwrap().0.sha256, first.sha256);
    assert_ne!(facts(&write("slide.xml", "", "<joint type='slide'/>"), &settings()).unwrap().0.sha256, first.sha256);
}
