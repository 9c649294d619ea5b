//! Jacobians of the paper's eight tasks equal those of MuJoCo's own Python binding to the last bit.
//!
//! `tests/reference/make.py` wrote the expected numbers. States are in the file as well, so that no libm's sine
//! has a part in this. On other platforms MuJoCo is another build; there the numbers agree to 1e-9.

use std::sync::Arc;

use dynsparse::jacobian::{EngineSpec, Jacobian, Method, Nudge};
use dynsparse::physics::{Model, REQUIRED_VERSION, Sim, SolverMode};
use dynsparse::task::{Assets, Task};
use serde::Deserialize;

use crate::common::paper_tasks;

/// Where MuJoCo is the very build that wrote the reference.
const BITWISE: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

#[derive(Deserialize)]
struct Reference {
    mujoco: String,
    eps: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    task: String,
    solver: SolverMode,
    after: usize,
    state: State,
    #[serde(rename = "A")]
    a: Vec<f64>,
    #[serde(rename = "B")]
    b: Vec<f64>,
}

#[derive(Deserialize)]
struct State {
    qpos: Vec<f64>,
    qvel: Vec<f64>,
    act: Vec<f64>,
    ctrl: Vec<f64>,
    qacc_warmstart: Vec<f64>,
    mocap_pos: Vec<f64>,
    mocap_quat: Vec<f64>,
    time: f64,
}

impl State {
    fn put(&self, sim: &mut Sim) {
        sim.qpos_mut().copy_from_slice(&self.qpos);
        sim.qvel_mut().copy_from_slice(&self.qvel);
        sim.act_mut().copy_from_slice(&self.act);
        sim.ctrl_mut().copy_from_slice(&self.ctrl);
        sim.qacc_warmstart_mut().copy_from_slice(&self.qacc_warmstart);
        sim.mocap_pos_mut().copy_from_slice(&self.mocap_pos);
        sim.mocap_quat_mut().copy_from_slice(&self.mocap_quat);
        sim.set_time(self.time);
    }
}

fn reference() -> Reference {
    // The floats need serde_json's float_roundtrip, which the program switches on for its own files.
    serde_json::from_str(include_str!("../reference/jacobians.json")).unwrap()
}

/// The first entry that is not the expected one.
fn difference(found: &[f64], expected: &[f64], columns: usize) -> Option<String> {
    assert_eq!(found.len(), expected.len(), "number of entries");
    let same = |x: f64, y: f64| {
        if BITWISE { x.to_bits() == y.to_bits() } else { (x - y).abs() <= 1e-9 * x.abs().max(y.abs()).max(1.0) }
    };
    let at = found.iter().zip(expected).position(|(x, y)| !same(*x, *y))?;
    Some(format!("[{}, {}] is {:?}, MuJoCo gives {:?}", at / columns, at % columns, found[at], expected[at]))
}

#[test]
fn the_file_covers_every_task_with_both_solvers() {
    let reference = reference();
    assert_eq!(reference.mujoco, REQUIRED_VERSION);
    for task in paper_tasks() {
        for solver in [SolverMode::Task, SolverMode::Converged] {
            for after in [0, 10] {
                let case = reference.cases.iter().find(|c| c.task == task && c.solver == solver && c.after == after);
                let case = case.unwrap_or_else(|| panic!("{task} after {after} steps, {solver:?}"));
                let entries = case.a.iter().chain(&case.b);
                assert!(entries.filter(|x| **x != 0.0).count() > 5, "{task}: hardly any numbers");
            }
        }
    }
}

#[test]
fn jacobians_equal_mujocos_own_to_the_last_bit() {
    let reference = reference();
    let spec = EngineSpec::new(Method::TransitionFd(Nudge::centered(reference.eps)));
    let assets = Assets::find(None);
    let mut loaded: Option<(&str, SolverMode, Arc<Model>)> = None;
    for case in &reference.cases {
        let label = format!("{} after {} steps, {:?}", case.task, case.after, case.solver);
        if !assets.has(&case.task) {
            assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{label}: run `cargo xtask setup`");
            eprintln!("skipped: no files of {} in {}", case.task, assets.root().display());
            continue;
        }
        // Cases of one model follow each other.
        let model = match &loaded {
            Some((task, solver, model)) if (*task, *solver) == (&case.task, case.solver) => model.clone(),
            _ => Arc::new(Task::from_catalogue(&case.task, &assets).unwrap().model(case.solver).unwrap()),
        };
        loaded = Some((&case.task, case.solver, model.clone()));
        let mut sim = Sim::new(&model).unwrap();
        let mut jacobian = Jacobian::zeros(&model, false);
        case.state.put(&mut sim);
        spec.build(&model).unwrap().jacobian(&mut sim, &mut jacobian).unwrap();
        for (name, found, expected, columns) in
            [("A", &jacobian.a, &case.a, model.ndx()), ("B", &jacobian.b, &case.b, model.nu())]
        {
            if let Some(difference) = difference(found, expected, columns) {
                panic!("{label}: {name}{difference}");
            }
        }
    }
}

#[test]
fn steps_equal_mujocos_own_to_the_last_bit() {
    let reference = reference();
    let assets = Assets::find(None);
    for pair in reference.cases.windows(2).filter(|p| p[0].after < p[1].after && assets.has(&p[0].task)) {
        let [from, to] = pair else { unreachable!() };
        assert_eq!((&from.task, from.solver), (&to.task, to.solver));
        let task = Task::from_catalogue(&from.task, &assets).unwrap();
        let mut sim = Sim::new(&Arc::new(task.model(from.solver).unwrap())).unwrap();
        from.state.put(&mut sim);
        for _ in from.after..to.after {
            sim.step().unwrap();
        }
        for (name, found, expected) in [
            ("qpos", sim.qpos(), &to.state.qpos),
            ("qvel", sim.qvel(), &to.state.qvel),
            ("qacc_warmstart", sim.qacc_warmstart(), &to.state.qacc_warmstart),
        ] {
            match difference(found, expected, 1) {
                Some(difference) if BITWISE => panic!("{} after {}: {name}{difference}", to.task, to.after),
                // Contacts let a rounding error of another build grow over many steps.
                Some(difference) => eprintln!("{} after {}: {name}{difference}", to.task, to.after),
                None => {}
            }
        }
    }
}
