//! Trees of bodies that sleep: the engines against differences of `mj_step` that MuJoCo's own Python binding has taken
//! (`tests/reference/sleep.py`), over steps in which trees fall asleep, sleep and are woken.

use std::collections::HashMap;
use std::sync::Arc;

use dynsparse::jacobian::{ControlStep, EngineKind, EngineSpec, ZeroVerdict};
use dynsparse::physics::{Model, REQUIRED_VERSION, Sim, Solver};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    mujoco: String,
    scene: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// Attributes of `<option>`.
    option: String,
    /// Physics steps that count as one.
    span: usize,
    /// As `Sim::get_state` has it.
    state: Vec<f64>,
    /// `mjData.tree_asleep` behind the steps.
    after: Vec<i32>,
    /// Dofs that sleep through the first step, whose velocities have no derivative.
    held: Vec<usize>,
    /// Entries of [A B; C D] that are not zero: row, column, value.
    jacobian: Vec<(usize, usize, f64)>,
}

/// As a share of the largest entry of a block.
const MOST: f64 = 2e-7;

fn check(case: &Case, scene: &str, kind: EngineKind) {
    let mut model = Model::from_text("scene.xml", &scene.replace("OPTION", &case.option)).unwrap();
    model.set_solver(Solver::CONVERGED);
    let model = Arc::new(model);
    let (ndx, nu, nv) = (model.ndx(), model.nu(), model.nv());
    let spec = EngineSpec { sensors: true, ..EngineSpec::new(kind) };
    let mut sim = Sim::new(&model).unwrap();
    sim.set_state(&case.state).unwrap();
    let found = ControlStep::new(&model, &spec).unwrap().over(&mut sim, case.span).unwrap().clone();
    sim.set_state(&case.state).unwrap();
    (0..case.span).for_each(|_| sim.step().unwrap());
    assert_eq!(sim.tree_asleep(), case.after, "{}", case.name);
    let right: HashMap<(usize, usize), f64> =
        case.jacobian.iter().map(|(row, column, x)| ((*row, *column), *x)).collect();
    let v = &found.verdicts;
    for ([first_row, first, columns], values, verdicts) in [
        ([0, 0, ndx], &found.a, &v.a),
        ([0, ndx, nu], &found.b, &v.b),
        ([ndx, 0, ndx], &found.c, &v.c),
        ([ndx, ndx, nu], &found.d, &v.d),
    ] {
        let scale = values.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
        for (at, (x, verdict)) in values.iter().zip(verdicts).enumerate() {
            let (row, column) = (first_row + at / columns, first + at % columns);
            let place = format!("{} by {kind:?}: [{row}, {column}]", case.name);
            if first == 0 && column >= nv && case.held.contains(&(column - nv)) {
                assert_eq!(*x, 0.0, "{place}");
                let own = row == column || row + nv == column;
                assert!(!own || *verdict == ZeroVerdict::Undecided || case.span > 1, "{place}: {verdict:?}");
                continue;
            }
            let right = right.get(&(row, column)).copied().unwrap_or(0.0);
            assert!(
                (x - right).abs() <= MOST * scale,
                "{place} is {x:e}, differences say {right:e}, the largest is {scale:e}"
            );
            assert!(*verdict != ZeroVerdict::Zero || right.abs() <= 1e-7 * scale, "{place} is called zero: {right:e}");
        }
    }
    let sleeps = !case.held.is_empty() || case.after.iter().any(|tree| *tree >= 0);
    assert_eq!(v.switches.sleep, sleeps, "{}", case.name);
    let undecided = v.a.iter().filter(|verdict| **verdict == ZeroVerdict::Undecided).count();
    let few = ndx * ndx / if case.span > 1 { 10 } else { 50 };
    assert!(undecided <= 2 * case.held.len() * case.held.len() + few, "{}: {undecided}", case.name);
}

#[test]
fn engines_agree_with_pythons_differences() {
    let reference: Reference = serde_json::from_str(include_str!("../reference/sleep.json")).unwrap();
    assert_eq!(reference.mujoco, REQUIRED_VERSION);
    for case in &reference.cases {
        check(case, &reference.scene, EngineKind::Implicit);
        if case.span == 1 && case.option.is_empty() {
            check(case, &reference.scene, EngineKind::WholeStep);
        }
    }
    assert!(reference.cases.iter().any(|case| case.held.is_empty() && case.after.iter().any(|tree| *tree >= 0)));
}

#[test]
fn what_goes_with_sleep_goes_to_whole_steps_or_is_refused() {
    let resolved = |bodies: &str, rest: &str| {
        let text = format!(
            r#"<mujoco><option><flag sleep="enable"/></option><worldbody><geom type="plane" size="3 3 .1"/>{bodies}</worldbody>{rest}</mujoco>"#
        );
        let model = Model::from_text("model.xml", &text).unwrap();
        let resolved = dynsparse::jacobian::EngineRequest::default().resolve(&model);
        (resolved.spec.kind(), resolved.fallback.unwrap_or_default())
    };
    let boxes = r#"<body name="a" pos="0 0 .1" POLICY><freejoint/><geom type="box" size=".1 .1 .1"/><site name="a"/></body>
        <body pos="1 0 .1" POLICY><freejoint/><geom type="box" size=".1 .1 .1"/><site name="b"/></body>
        <body pos="2 0 1" POLICY><joint name="j" axis="0 0 1"/><geom type="box" size=".1 .1 .1"/></body>"#;
    let tendon = r#"<tendon><spatial limited="true" range="0 3"><site site="a"/><site site="b"/></spatial></tendon>"#;
    let activation = r#"<actuator><general joint="j" dyntype="filter" dynprm=".1"/></actuator>"#;
    let crank = r#"<site name="s"/><site name="c" pos="0 .1 0"/>"#;
    let still = r#"<actuator><general cranksite="c" slidersite="s" cranklength=".2"/></actuator>"#;
    let (kind, why) = resolved(&format!("{crank}{}", boxes.replace("POLICY", "")), still);
    assert!(kind == EngineKind::WholeStep && why.contains("actuators of what cannot move beside sleep"), "{why}");
    for (rest, word) in [
        ("", ""),
        (tendon, "tendons between trees that sleep"),
        (activation, "actuators with an activation on what sleeps"),
    ] {
        for (policy, sleeps) in [(r#"sleep="never""#, false), (r#"sleep="allowed""#, true)] {
            let (kind, why) = resolved(&boxes.replace("POLICY", policy), rest);
            assert_eq!(kind == EngineKind::WholeStep, sleeps && !rest.is_empty(), "{why}");
            assert!(!sleeps || why.contains(word), "{why}");
        }
    }
}
