//! The engine whole-step at models with plugins, delays and flexes, against differences of `mj_step` that MuJoCo's own Python
//! binding has taken (`tests/reference/whole_steps.py`).

use std::sync::Arc;

use dynsparse::jacobian::{ControlStep, EngineKind, EngineRequest, Jacobian, ZeroVerdict};
use dynsparse::physics::{Model, REQUIRED_VERSION, Sim, Solver};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    mujoco: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    mjcf: String,
    /// Physics steps that count as one.
    span: usize,
    /// The integration state.
    state: Vec<f64>,
    /// [A B; C D], (ndx + nsensordata) x (ndx + nu).
    jacobian: Vec<f64>,
}

/// Shapes whose contacts jump with the nudge: differences of them settle on less, or on nothing, which is said.
const JUMPY: [&str; 5] = ["torus", "bolt", "nut", "gear", "bowl"];

fn cases() -> Vec<Case> {
    let reference: Reference = serde_json::from_str(include_str!("../reference/whole_steps.json")).unwrap();
    assert_eq!(reference.mujoco, REQUIRED_VERSION);
    reference.cases
}

impl Case {
    fn model(&self) -> Arc<Model> {
        let mut model = Model::from_text("case.xml", &self.mjcf).unwrap();
        model.set_solver(Solver::CONVERGED);
        Arc::new(model)
    }

    /// What the engine that the model gets by itself says, and where the simulation is then.
    fn found(&self, model: &Arc<Model>) -> (Jacobian, Sim) {
        let resolved = EngineRequest { sensors: true, ..EngineRequest::default() }.resolve(model);
        assert_eq!(resolved.spec.kind(), EngineKind::WholeStep, "{}", self.name);
        assert!(resolved.fallback.is_some());
        let mut sim = Sim::new(model).unwrap();
        sim.set_state(&self.state).unwrap();
        let found = ControlStep::new(model, &resolved.spec).unwrap().over(&mut sim, self.span).unwrap().clone();
        (found, sim)
    }

    /// An entry of the reference, by block.
    fn right(&self, model: &Model, rows: usize, row: usize, column: usize) -> f64 {
        let columns = model.ndx() + model.nu();
        self.jacobian[(rows + row) * columns + column]
    }
}

/// Compares a block of `columns` columns that begins at (`from`) of the reference, whose largest entry is `scale`.
fn compare(
    case: &Case,
    model: &Model,
    [rows, first, columns]: [usize; 3],
    values: &[f64],
    verdicts: &[ZeroVerdict],
) -> [usize; 3] {
    let right = |at: usize| case.right(model, rows, at / columns, first + at % columns);
    let most = if JUMPY.contains(&&*case.name) { 1e-6 } else { 2e-8 };
    let scale = (0..values.len()).map(|at| right(at).abs()).fold(0.0, f64::max).max(1.0);
    let mut count = [0; 3];
    for (at, (x, verdict)) in values.iter().zip(verdicts).enumerate() {
        let (right, place) = (right(at), format!("{}: [{}, {}]", case.name, rows + at / columns, first + at % columns));
        if x.is_nan() && JUMPY.contains(&&*case.name) {
            assert_eq!(*verdict, ZeroVerdict::Undecided, "{place}");
            count[2] += 1;
            continue;
        }
        assert!((x - right).abs() <= most * scale, "{place} is {x:e}, differences say {right:e}");
        match verdict {
            ZeroVerdict::Zero => {
                assert!(right.abs() <= 1e-8 * scale, "{place} is called zero, differences say {right:e}")
            }
            ZeroVerdict::Nonzero => assert!(*x != 0.0, "{place} is called nonzero"),
            ZeroVerdict::Undecided => {}
        }
        count[*verdict as usize] += 1;
    }
    count
}

#[test]
fn plugins_delays_and_flexes_agree_with_pythons_differences() {
    for case in cases() {
        let model = case.model();
        let (ndx, nu) = (model.ndx(), model.nu());
        let (found, _) = case.found(&model);
        let v = &found.verdicts;
        let mut all = [0; 3];
        for (block, values, verdicts) in [
            ([0, 0, ndx], &found.a, &v.a),
            ([0, ndx, nu], &found.b, &v.b),
            ([ndx, 0, ndx], &found.c, &v.c),
            ([ndx, ndx, nu], &found.d, &v.d),
        ] {
            let count = compare(&case, &model, block, values, verdicts);
            all.iter_mut().zip(count).for_each(|(x, n)| *x += n);
        }
        eprintln!("{}: {all:?} by verdict, kink {:.1e}", case.name, v.kink);
        let (undecided, n): (usize, usize) = (all[ZeroVerdict::Undecided as usize], all.iter().sum());
        if JUMPY.contains(&&*case.name) {
            assert!(undecided * 2 <= n && (undecided > 0) == v.switches.any(), "{}: {all:?}", case.name);
        } else {
            assert!(v.kink == 0.0 && !v.switches.any(), "{}: {:?}", case.name, v.switches);
            assert!(undecided * 20 <= n, "{}: {all:?}", case.name);
        }
    }
}
