//! The physics room from outside: MuJoCo's fatal errors and warnings, states, and where models come from.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use dynsparse::jacobian::{EngineKind, EngineSpec, Jacobian};
use dynsparse::physics::{Divergence, Files, Model, ModelEdit, ModelSource, PhysicsError, Sim};

/// A ball on a floor and a pendulum, with everything a Jacobian needs and two places for a test's own text.
fn mjcf(option: &str, extra: &str) -> String {
    format!(
        r#"<mujoco><option timestep="0.005" integrator="implicitfast"/>{option}
        <worldbody><geom type="plane" size="5 5 .1"/>
          <body name="ball" pos="0 0 .1"><freejoint name="free"/><geom name="ball" size=".1"/></body>
          <body name="arm" pos="2 0 1"><joint name="hinge" axis="0 1 0" damping=".1"/>
            <geom type="capsule" fromto="0 0 0 0 0 -.5" size=".05"/></body></worldbody>
        <actuator><motor name="motor" joint="hinge" ctrllimited="true" ctrlrange="-1 1"/></actuator>{extra}</mujoco>"#
    )
}

/// Boxes that lie on a floor all at once.
fn crowd(boxes: usize, size: &str) -> String {
    let bodies: String = (0..boxes)
        .map(|i| {
            format!(r#"<body pos="{} 0 .09"><freejoint/><geom type="box" size=".1 .1 .1"/></body>"#, i as f64 * 0.3)
        })
        .collect();
    format!(r#"<mujoco>{size}<worldbody><geom type="plane" size="90 5 .1"/>{bodies}</worldbody></mujoco>"#)
}

fn model(text: &str) -> Arc<Model> {
    Arc::new(Model::from_text("test.xml", text).unwrap())
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn state(sim: &mut Sim) -> Vec<f64> {
    let mut state = vec![0.0; sim.model().state_size()];
    sim.get_state(&mut state).unwrap();
    state
}

fn jacobian(sim: &mut Sim) -> Result<Jacobian, PhysicsError> {
    let model = sim.model().clone();
    let mut out = Jacobian::zeros(&model, false);
    EngineSpec::new(EngineKind::TransitionFd).build(&model)?.jacobian(sim, &mut out)?;
    Ok(out)
}

/// The state after some steps, to the bit.
fn trajectory(model: &Arc<Model>) -> Vec<u64> {
    let mut sim = Sim::new(model).unwrap();
    sim.qvel_mut()[0] = 0.5;
    sim.ctrl_mut()[0] = 0.7;
    for _ in 0..30 {
        sim.step().unwrap();
    }
    bits(&state(&mut sim))
}

/// Models that step but that mjd_transitionFD refuses, each with a word of MuJoCo's reason.
fn undifferentiable() -> [(String, &'static str); 2] {
    [
        (mjcf(r#"<option integrator="RK4"/>"#, ""), "RK4"),
        (mjcf(r#"<option><flag sleep="enable"/></option>"#, ""), "sleep"),
    ]
}

#[test]
fn a_fatal_error_comes_back_and_spoils_only_its_own_simulation() {
    for (text, word) in undifferentiable() {
        let model = model(&text);
        let before = trajectory(&model);
        let mut sim = Sim::new(&model).unwrap();
        match jacobian(&mut sim) {
            Err(PhysicsError::Mujoco(message)) => assert!(message.contains(word), "{word}: {message}"),
            other => panic!("{word}: {other:?}"),
        }
        assert!(matches!(sim.step(), Err(PhysicsError::Poisoned)), "{word}: step");
        assert!(matches!(sim.reset(), Err(PhysicsError::Poisoned)), "{word}: reset");
        assert!(matches!(jacobian(&mut sim), Err(PhysicsError::Poisoned)), "{word}: jacobian");
        let values = vec![0.0; model.state_size()];
        assert!(matches!(sim.set_state(&values), Err(PhysicsError::Poisoned)), "{word}: set_state");
        drop(sim);
        assert_eq!(trajectory(&model), before, "{word}: a new simulation");
    }
}

#[test]
fn an_arena_too_small_comes_back() {
    let mut failed = (false, false);
    for kilobytes in [1, 2, 4, 8] {
        let text = crowd(4, &format!(r#"<size memory="{kilobytes}K"/>"#));
        let model = match Model::from_text("small.xml", &text) {
            Ok(model) => Arc::new(model),
            Err(error) => {
                assert!(matches!(error, PhysicsError::Load { .. }), "{kilobytes}K: {error}");
                assert!(error.to_string().contains("memory"), "{kilobytes}K: {error}");
                failed.0 = true;
                continue;
            }
        };
        // Twice: the first error must not spoil the second simulation's message.
        for _ in 0..2 {
            let mut sim = Sim::new(&model).unwrap();
            let error = sim.step().unwrap_err();
            assert!(matches!(&error, PhysicsError::Mujoco(m) if m.contains("memory")), "{kilobytes}K: {error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
            assert!(matches!(sim.step(), Err(PhysicsError::Poisoned)));
            failed.1 = true;
        }
    }
    assert_eq!(failed, (true, true), "loading and stepping should both fail for some size");
    trajectory(&model(&mjcf("", "")));
}

#[test]
fn errors_on_several_threads_stay_on_their_threads() {
    let models: Vec<(Arc<Model>, &str)> = undifferentiable().iter().map(|(text, word)| (model(text), *word)).collect();
    let sound = model(&mjcf("", ""));
    let expected = trajectory(&sound);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (models, sound, expected) = (&models, &sound, &expected);
            scope.spawn(move || {
                for round in 0..20 {
                    let (model, word) = &models[(thread + round) % models.len()];
                    let message = jacobian(&mut Sim::new(model).unwrap()).unwrap_err().to_string();
                    assert!(message.contains(word), "thread {thread}: {message}");
                    assert_eq!(&trajectory(sound), expected, "thread {thread}, round {round}");
                }
            });
        }
    });
}

#[test]
fn the_same_state_gives_the_same_jacobian_in_any_simulation() {
    let model = model(&mjcf("", ""));
    let mut sim = Sim::new(&model).unwrap();
    sim.ctrl_mut()[0] = 0.3;
    for _ in 0..40 {
        sim.step().unwrap();
    }
    let kept = state(&mut sim);
    let first = jacobian(&mut sim).unwrap();
    assert_eq!(bits(&state(&mut sim)), bits(&kept), "the Jacobian left its mark on the state");
    assert!(first.a.iter().any(|x| *x != 0.0) && first.b.iter().any(|x| *x != 0.0));

    let mut fresh = Sim::new(&model).unwrap();
    fresh.set_state(&kept).unwrap();
    let other = jacobian(&mut fresh).unwrap();
    assert_eq!((bits(&first.a), bits(&first.b)), (bits(&other.a), bits(&other.b)), "fresh");

    // Elsewhere and back, with Jacobians on the way.
    sim.qvel_mut().fill(2.0);
    for _ in 0..25 {
        sim.step().unwrap();
        jacobian(&mut sim).unwrap();
    }
    assert_ne!(bits(&jacobian(&mut sim).unwrap().a), bits(&first.a), "the detour made no difference");
    sim.set_state(&kept).unwrap();
    let back = jacobian(&mut sim).unwrap();
    assert_eq!((bits(&first.a), bits(&first.b)), (bits(&back.a), bits(&back.b)), "reused");

    fresh.step().unwrap();
    sim.step().unwrap();
    assert_eq!(bits(&state(&mut fresh)), bits(&state(&mut sim)), "the next state");
}

#[test]
fn divergence_stays_visible() {
    let model = model(&mjcf("", "").replace("damping=\".1\"", ""));
    let mut sim = Sim::new(&model).unwrap();
    assert_eq!(sim.divergence(), None);
    sim.qvel_mut()[6] = 9e9;
    let mut found = None;
    for _ in 0..2000 {
        sim.step().unwrap();
        found = sim.divergence();
        if found.is_some() {
            break;
        }
    }
    assert!(matches!(found, Some(Divergence::Huge(_))), "{found:?}");
    // MuJoCo would put the default state in place of this one when the next step begins.
    let (time, hinge) = (sim.time(), sim.qpos()[7]);
    sim.step().unwrap();
    assert!(sim.time() > time && sim.qpos()[7] >= hinge, "it was reset: {} s, {} rad", sim.time(), sim.qpos()[7]);
    assert!(sim.divergence().is_some());

    let mut sim = Sim::new(&model).unwrap();
    sim.qpos_mut()[0] = f64::NAN;
    assert_eq!(sim.divergence(), Some(Divergence::NotFinite("qpos free.x".to_owned())));
    let mut sim = Sim::new(&model).unwrap();
    sim.qvel_mut()[6] = -2e10;
    assert_eq!(sim.divergence(), Some(Divergence::Huge("qvel hinge".to_owned())));
}

#[test]
fn a_control_of_nan_ends_with_a_reason() {
    let mut sim = Sim::new(&model(&mjcf("", ""))).unwrap();
    sim.ctrl_mut()[0] = f64::NAN;
    sim.step().unwrap();
    match sim.divergence() {
        Some(Divergence::Warning(name)) => assert!(name.starts_with("BADCTRL"), "{name}"),
        other => panic!("{other:?}"),
    }
    sim.reset().unwrap();
    assert_eq!(sim.divergence(), None, "a reset clears it");
}

#[test]
fn contacts_or_constraints_that_do_not_fit_end_with_a_reason() {
    // One body on many feet: many contacts, few degrees of freedom, so that only contacts can be too many.
    let feet: String = (0..200).map(|i| format!(r#"<geom size=".05" pos="{} 0 0"/>"#, f64::from(i) * 0.1)).collect();
    let feet = format!(
        r#"<mujoco><size memory="60K"/><worldbody><geom type="plane" size="90 5 .1"/>
        <body pos="0 0 .04"><freejoint/>{feet}</body></worldbody></mujoco>"#
    );
    for (text, word) in [(feet, "CONTACTFULL"), (crowd(6, r#"<size memory="40K"/>"#), "CNSTRFULL")] {
        let mut sim = Sim::new(&model(&text)).unwrap();
        sim.step().unwrap();
        match sim.divergence() {
            Some(Divergence::Warning(name)) => {
                assert!(name.starts_with(word) && name.contains("<size memory>"), "{word}: {name}");
            }
            other => panic!("{word}: {other:?}"),
        }
    }
}

#[test]
fn mujoco_writes_no_log_file() {
    let dir = tempfile::tempdir().unwrap();
    let record = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        Command::new(env!("CARGO_BIN_EXE_dynsparse"))
            .args(["record", name, "--episodes", "2", "--steps", "50", "--threads", "2"])
            .current_dir(dir.path())
            .output()
            .unwrap()
    };
    // mjd_transitionFD raises an error on RK4.
    std::fs::write(dir.path().join("rk4.xml"), &undifferentiable()[0].0).unwrap();
    let failed = Command::new(env!("CARGO_BIN_EXE_dynsparse"))
        .args(["record", "rk4.xml", "--engine", "transition-fd", "--steps", "2"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stderr).contains("RK4"), "{failed:?}");
    // A warning while compiling, and one that ends the episode.
    let flung = r#"<mujoco><compiler settotalmass="1"/><worldbody><body><joint name="j" type="slide"/>
        <geom size=".1"/></body></worldbody><actuator><motor joint="j" gear="1e13"/></actuator></mujoco>"#;
    let warned = record("flung.xml", flung);
    assert!(warned.status.success(), "{warned:?}");
    assert!(String::from_utf8_lossy(&warned.stdout).contains("ended early"), "{warned:?}");

    let mut names: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["flung.h5", "flung.xml", "rk4.xml"]);
}

#[test]
fn a_model_without_meaning_is_refused_by_field() {
    let refused = |text: &str| Model::from_text("bad.xml", text).unwrap_err().to_string();
    let message = refused(&mjcf("", "").replace("timestep=\"0.005\"", "timestep=\"0\""));
    assert!(message.contains("bad.xml") && message.contains("timestep"), "{message}");

    // Playground-like edits meet the same check, whichever way the number came in.
    let mut model = Model::from_text("bad.xml", &mjcf("", "")).unwrap();
    let refused = |error: PhysicsError| match error {
        PhysicsError::Nonsense { field, .. } => field,
        other => panic!("{other}"),
    };
    let field = refused(model.set_field(&ModelEdit::of("dof_damping", "hinge", f64::NAN)).unwrap_err());
    assert!(field.contains("dof_damping"), "{field}");
    let mut model = Model::from_text("bad.xml", &mjcf("", "")).unwrap();
    let field = refused(model.set_field(&ModelEdit::of("body_mass", "arm", f64::NAN)).unwrap_err());
    assert!(field.contains("body_mass") && field.contains("arm"), "{field}");
    let mut model = Model::from_text("bad.xml", &mjcf("", "")).unwrap();
    let field = refused(model.set_field(&ModelEdit::all("opt.timestep", -0.1)).unwrap_err());
    assert!(field.contains("timestep"), "{field}");
}

/// One edit as the catalogue writes it.
fn edit(text: &str) -> ModelEdit {
    toml::from_str(text).unwrap()
}

#[test]
fn edits_pick_rows_by_name_number_and_content() {
    let text = r#"<mujoco><asset><material name="a"/><material name="b" rgba="1 0 0 1"/></asset><worldbody>
        <site name="s" rgba=".1 .2 .3 .4"/><body><freejoint name="free"/><geom name="g" size=".1" group="2" contype="4"/>
        <body name="arm"><joint name="j"/><geom name="h" size=".1" material="a"/><geom name="i" size=".2" group="2"/></body>
        </body></worldbody><actuator><motor joint="j" ctrllimited="true" ctrlrange="-1 1"/></actuator></mujoco>"#;
    let mut model = Model::from_text("edit.xml", text).unwrap();
    let set = |model: &mut Model, text: &str| model.set_field(&edit(text));
    // 0.7 is no single-precision number; MuJoCo's own binding rounds in the same way.
    for (text, field, expected) in [
        (
            "field = \"site_rgba\"\nobject = \"s\"\ncolumn = 3\nvalue = 0.7",
            "site_rgba",
            vec![0.1f32.into(), 0.2f32.into(), 0.3f32.into(), f64::from(0.7f32)],
        ),
        ("field = \"geom_conaffinity\"\nobject = \"h\"\nvalue = 3", "geom_conaffinity", vec![1.0, 3.0, 1.0]),
        (
            "field = \"dof_damping\"\nrows = { first = 4 }\nvalue = 0.5",
            "dof_damping",
            vec![0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5],
        ),
        (
            "field = \"dof_damping\"\nrows = { end = 2 }\nvalue = 2",
            "dof_damping",
            vec![2.0, 2.0, 0.0, 0.0, 0.5, 0.5, 0.5],
        ),
        ("field = \"dof_damping\"\nobject = \"j\"\nvalue = 9", "dof_damping", vec![2.0, 2.0, 0.0, 0.0, 0.5, 0.5, 9.0]),
        (
            "field = \"geom_matid\"\nwhere = { field = \"geom_group\", equals = 2 }\nvalue = { kind = \"material\", name = \"b\" }",
            "geom_matid",
            vec![1.0, 0.0, 1.0],
        ),
        (
            "field = \"geom_matid\"\nwhere = { field = \"geom_matid\", equals = { kind = \"material\", name = \"a\" } }\nvalue = -1",
            "geom_matid",
            vec![1.0, -1.0, 1.0],
        ),
        (
            "field = \"actuator_ctrlrange\"\nrows = { first = 0 }\ncolumn = 1\nvalue = 0.5",
            "actuator_ctrlrange",
            vec![-1.0, 0.5],
        ),
        ("field = \"vis.global.offwidth\"\nvalue = 3840", "vis.global.offwidth", vec![3840.0]),
        ("field = \"opt.ccd_iterations\"\nvalue = 20", "opt.ccd_iterations", vec![20.0]),
        ("field = \"opt.gravity\"\nrows = { first = 2 }\nvalue = -1", "opt.gravity", vec![0.0, 0.0, -1.0]),
    ] {
        set(&mut model, text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(model.numbers(field).unwrap(), expected, "{text}");
    }
    // Auto-reset stays off whatever an edit says.
    set(&mut model, "field = \"opt.disableflags\"\nvalue = 0").unwrap();
    assert_ne!(model.numbers("opt.disableflags").unwrap(), [0.0]);

    let before = ["dof_damping", "geom_matid", "geom_conaffinity"].map(|f| model.numbers(f).unwrap());
    for (text, reason) in [
        ("field = \"dof_dampin\"\nvalue = 1", "not a field that can be set"),
        ("field = \"jnt_qposadr\"\nvalue = 1", "not a field that can be set"),
        ("field = \"dof_damping\"\nobject = \"elbow\"\nvalue = 1", "no joint named \"elbow\""),
        ("field = \"dof_damping\"\nobject = \"free\"\nvalue = 1", "6 dofs"),
        ("field = \"dof_damping\"\nrows = { first = 4, end = 8 }\nvalue = 1", "rows 4 to 8 are not among its 7 rows"),
        ("field = \"dof_damping\"\nrows = { first = 9 }\nvalue = 1", "rows 9 to 7"),
        (
            "field = \"dof_damping\"\nobject = \"j\"\nrows = { first = 0 }\nvalue = 1",
            "give one of object, rows and where",
        ),
        ("field = \"dof_damping\"\ncolumn = 1\nvalue = 1", "no column 1"),
        ("field = \"geom_conaffinity\"\nvalue = 0.5", "whole number"),
        ("field = \"geom_conaffinity\"\nvalue = 3e9", "whole number"),
        ("field = \"opt.iterations\"\nvalue = -1", "whole number"),
        ("field = \"site_rgba\"\nvalue = nan", "not finite"),
        ("field = \"geom_matid\"\nvalue = 2", "2 is no material; the model has 2"),
        ("field = \"geom_matid\"\nvalue = { kind = \"material\", name = \"c\" }", "no material named \"c\""),
        (
            "field = \"geom_matid\"\nwhere = { field = \"geom_group\", equals = 7 }\nvalue = 0",
            "no row has geom_group 7",
        ),
        ("field = \"geom_matid\"\nwhere = { field = \"dof_damping\", equals = 7 }\nvalue = 0", "one number for each"),
    ] {
        let message = set(&mut model, text).unwrap_err().to_string();
        assert!(message.contains(reason) && !message.contains('\n'), "{text}: {message}");
    }
    assert_eq!(before, ["dof_damping", "geom_matid", "geom_conaffinity"].map(|f| model.numbers(f).unwrap()));
}

#[test]
fn nan_in_the_mjcf_is_refused_by_field() {
    let text = mjcf("", "").replace("damping=\".1\"", "damping=\"nan\"");
    let message = Model::from_text("bad.xml", &text).unwrap_err().to_string();
    assert!(message.contains("bad.xml") && message.to_lowercase().contains("nan"), "{message}");
    let text = mjcf(r#"<option gravity="0 0 nan"/>"#, "");
    let message = Model::from_text("bad.xml", &text).unwrap_err().to_string();
    assert!(message.contains("bad.xml") && message.to_lowercase().contains("nan"), "{message}");
}

/// A tetrahedron.
const OBJ: &str = "v 0 0 0\nv .2 0 0\nv 0 .2 0\nv 0 0 .2\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n";

const MAIN: &str = r#"<mujoco><compiler meshdir="parts"/><include file="shared.xml"/>
    <asset><mesh name="wedge" file="wedge.obj"/></asset>
    <worldbody><body><freejoint name="free"/><geom type="mesh" mesh="wedge"/></body></worldbody></mujoco>"#;

const SHARED: &str = r#"<mujocoinclude><option timestep="0.003"/></mujocoinclude>"#;

/// MAIN and what it refers to, as a user would lay it out.
fn on_disk(dir: &Path) -> ModelSource {
    std::fs::create_dir(dir.join("parts")).unwrap();
    std::fs::write(dir.join("robot.xml"), MAIN).unwrap();
    std::fs::write(dir.join("shared.xml"), SHARED).unwrap();
    std::fs::write(dir.join("parts/wedge.obj"), OBJ).unwrap();
    std::fs::write(dir.join("parts/unused.obj"), OBJ).unwrap();
    ModelSource::Disk(dir.join("robot.xml"))
}

#[test]
fn a_model_is_the_same_from_disk_and_from_memory() {
    let dir = tempfile::tempdir().unwrap();
    let disk = on_disk(dir.path());
    let files = [("robot.xml", MAIN), ("shared.xml", SHARED), ("wedge.obj", OBJ)];
    let files: Files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().into())).collect();
    let memory = ModelSource::Memory { main: "robot.xml".to_owned(), files: files.clone() };
    let fall = |source: &ModelSource| {
        let model = Arc::new(source.load().unwrap());
        assert_eq!((model.nq(), model.nv(), model.timestep()), (7, 6, 0.003));
        let mut sim = Sim::new(&model).unwrap();
        sim.qvel_mut()[3..6].copy_from_slice(&[1.0, 2.0, 3.0]);
        for _ in 0..20 {
            sim.step().unwrap();
        }
        bits(&state(&mut sim))
    };
    assert_eq!(fall(&disk), fall(&memory));

    let mut lacking = files;
    lacking.remove("wedge.obj");
    let message = Model::from_files("robot.xml", &lacking).unwrap_err().to_string();
    assert!(message.contains("robot.xml") && message.contains("wedge.obj"), "{message}");
    let message = Model::from_files("other.xml", &lacking).unwrap_err().to_string();
    assert!(message.contains("other.xml"), "{message}");
}

#[test]
fn the_files_of_a_model_on_disk_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (main, files) = on_disk(dir.path()).files().unwrap();
    assert_eq!(main, "robot.xml");
    let names: Vec<&str> = files.iter().map(|f| f.name.as_str()).collect();
    let expected: Vec<String> = [Path::new("parts").join("wedge.obj"), "robot.xml".into(), "shared.xml".into()]
        .map(|p| p.display().to_string())
        .to_vec();
    assert_eq!(names, expected);
    assert_eq!(&*files[0].bytes, OBJ.as_bytes());

    // References out of the folder: names are relative to the deepest folder that holds all.
    let nested = dir.path().join("robots/mine");
    std::fs::create_dir_all(&nested).unwrap();
    std::fs::write(nested.join("robot.xml"), MAIN.replace("meshdir=\"parts\"", "meshdir=\"../../parts\"")).unwrap();
    std::fs::write(nested.join("shared.xml"), SHARED).unwrap();
    let source = ModelSource::Disk(nested.join("robot.xml"));
    source.load().unwrap();
    let (main, files) = source.files().unwrap();
    assert_eq!(main, "robots/mine/robot.xml");
    let names: Vec<&str> = files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["parts/wedge.obj", "robots/mine/robot.xml", "robots/mine/shared.xml"]);
}

/// Friction-loss rows whose recorded state (1: within the loss, 2 and 3: at it) is not the one of their force.
fn states_against_forces(sim: &Sim) -> usize {
    let (loss, force, (types, _, states)) = (sim.efc_frictionloss(), sim.efc_force(), sim.constraints());
    (0..types.len()).filter(|i| types[*i] == 1).filter(|i| (states[*i] == 1) != (force[*i].abs() < loss[*i])).count()
}

#[test]
fn the_states_of_constraint_rows_are_those_of_their_forces() {
    // Two arms, so that there are islands, each of two joints, so that a solve takes more than one iteration.
    let arm = |i: usize| {
        format!(
            r#"<body pos="{i} 0 1"><joint name="a{i}" axis="0 1 0" frictionloss=".3"/><geom size=".05" fromto="0 0 0 .3 0 0"
            type="capsule"/><body pos=".3 0 0"><joint name="b{i}" axis="0 1 0" frictionloss=".1"/>
            <geom size=".05" fromto="0 0 0 .3 0 0" type="capsule"/></body></body>"#
        )
    };
    let motors = |i: usize| format!(r#"<motor joint="a{i}" gear="3"/><motor joint="b{i}" gear="1"/>"#);
    let (arms, motors) = ([0, 1].map(arm).concat(), [0, 1].map(motors).concat());
    let text = format!("<mujoco><worldbody>{arms}</worldbody><actuator>{motors}</actuator></mujoco>");
    let mut sim = Sim::new(&model(&text)).unwrap();
    let (mut jar, mut stale) = (Vec::new(), 0);
    for step in 0..400 {
        for (i, ctrl) in sim.ctrl_mut().iter_mut().enumerate() {
            *ctrl = (step as f64 * 0.05 * (i + 1) as f64).sin();
        }
        sim.step().unwrap();
        stale += states_against_forces(&sim);
        let before = (bits(sim.qpos()), bits(sim.qvel()), bits(sim.qacc()));
        sim.settle_constraints(&mut jar).unwrap();
        assert_eq!(states_against_forces(&sim), 0, "step {step}");
        assert_eq!(before, (bits(sim.qpos()), bits(sim.qvel()), bits(sim.qacc())), "step {step}");
    }
    assert!(stale > 0, "MuJoCo tells the states of the solution now; settling them is not needed any more");
}

#[test]
fn every_label_selects_one_row() {
    // MuJoCo itself refuses equal names, so only made-up ones and parts of others can clash.
    let text = r#"<mujoco><worldbody>
        <body><joint name="joint1" type="slide"/><geom size=".1"/>
          <body><joint type="hinge"/><joint name="joint2"/><geom name="geom0" size=".1"/></body></body>
        <body><freejoint/><geom size=".1"/></body>
        <body><joint name="b" type="ball"/><geom size=".1"/>
          <body><joint name="b.qw"/><joint name="b.rx"/><geom size=".1"/></body></body>
        <body mocap="true"><geom size=".1"/></body><body name="body1" mocap="true"><geom size=".1"/></body></worldbody>
        <actuator><motor joint="joint1"/><motor name="actuator0" joint="joint2"/>
          <general joint="joint1" dyntype="filter"/></actuator>
        <sensor><framepos name="p" objtype="body" objname="body1"/><jointpos name="p[0]" joint="joint2"/></sensor></mujoco>"#;
    let model = Model::from_text("names.xml", text).unwrap();
    let names = model.names();
    let lists = [
        (&names.qpos, model.nq()),
        (&names.dof, model.nv()),
        (&names.act, model.na()),
        (&names.ctrl, model.nu()),
        (&names.sensor, model.nsensordata()),
        (&names.mocap, model.nmocap()),
        (&names.state(), model.ndx()),
    ];
    for (labels, n) in lists {
        assert_eq!(labels.len(), n, "{labels:?}");
        assert_eq!(labels.iter().collect::<HashSet<_>>().len(), n, "{labels:?}");
    }
    assert_eq!(names.geom.iter().collect::<HashSet<_>>().len(), names.geom.len(), "{:?}", names.geom);
    // Labels that were unique before stay as the model has them.
    for name in ["joint1", "joint2", "b.qx"] {
        assert!(names.qpos.iter().any(|l| l == name), "{name}: {:?}", names.qpos);
    }

    // A made-up label must not take one that the model gives to a later object.
    let text = r#"<mujoco><worldbody><body><joint name="joint1" type="slide"/><joint axis="0 1 0"/>
        <joint name="joint1#2" axis="1 0 0"/><geom size=".1"/></body></worldbody></mujoco>"#;
    let model = Model::from_text("names.xml", text).unwrap();
    assert_eq!(model.names().dof, ["joint1", "joint1#3", "joint1#2"]);
}
