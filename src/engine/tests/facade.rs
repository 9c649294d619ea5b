//! The facade against differences of whole steps, which share nothing with the engines, and its promises.

use std::sync::Arc;

use dynsparse_engine::physics::Solver;
use dynsparse_engine::{
    Differentiator, EngineChoice, EngineKind, Error, Linearization, Model, Settings, Sim, SolverMode, ZeroVerdict,
};

const HUMANOID: &str = include_str!("../examples/humanoid.xml");

fn humanoid() -> Arc<Model> {
    Arc::new(Model::from_text("humanoid.xml", HUMANOID).unwrap())
}

/// A humanoid in the middle of a fall, with controls.
fn fallen(model: &Arc<Model>, steps: usize) -> Sim {
    let mut sim = Sim::new(model).unwrap();
    for (i, u) in sim.ctrl_mut().iter_mut().enumerate() {
        *u = 0.3 * (i as f64).sin();
    }
    for _ in 0..steps {
        sim.step().unwrap();
    }
    sim
}

fn state(sim: &mut Sim) -> Vec<f64> {
    let mut state = vec![0.0; sim.model().state_size()];
    sim.get_state(&mut state).unwrap();
    state
}

fn bits(lin: &Linearization) -> Vec<u64> {
    [lin.a(), lin.b(), lin.c(), lin.d()]
        .iter()
        .flat_map(|m| m.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        .collect()
}

/// The column of an input of `k` steps by central differences, of next states and then of sensors.
fn differenced(model: &Arc<Model>, from: &[f64], input: usize, k: usize) -> Vec<f64> {
    let h = 1e-6;
    let (nv, ndx) = (model.nv(), model.ndx());
    let mut direction = vec![0.0; nv];
    let mut run = |by: f64| {
        let mut sim = Sim::new(model).unwrap();
        sim.set_state(from).unwrap();
        sim.nudge(input, by, &mut direction);
        (0..k).for_each(|_| sim.step().unwrap());
        sim
    };
    let (up, down) = (run(h), run(-h));
    let mut column = vec![0.0; ndx];
    model.differentiate_pos(down.qpos(), up.qpos(), 2.0 * h, &mut column[..nv]);
    for i in 0..nv {
        column[nv + i] = (up.qvel()[i] - down.qvel()[i]) / (2.0 * h);
    }
    column.extend(up.sensordata().iter().zip(down.sensordata()).map(|(up, down)| (up - down) / (2.0 * h)));
    column
}

#[test]
fn matrices_are_derivatives_of_one_and_of_several_steps() {
    let mut model = Model::from_text(
        "arm.xml",
        r#"<mujoco><option timestep="0.01" integrator="implicitfast"/><worldbody>
             <body><joint name="ball" type="ball" damping="0.1"/><geom type="capsule" fromto="0 0 0 0.4 0 0.1" size="0.05"/>
               <body pos="0.4 0 0.1"><joint name="elbow" axis="0 1 0" range="-0.1 0.2" limited="true"/>
                 <geom type="box" size="0.1 0.05 0.02" pos="0.1 0 0"/><site name="hand" pos="0.2 0 0"/></body></body>
           </worldbody><actuator><motor name="elbow" joint="elbow" gear="3"/></actuator>
           <sensor><framepos name="hand" objtype="site" objname="hand"/><framelinvel name="speed" objtype="site" objname="hand"/>
           </sensor></mujoco>"#,
    )
    .unwrap();
    model.set_solver(Solver::CONVERGED);
    let model = Arc::new(model);
    let d = Differentiator::new(&model, &Settings::new().sensors()).unwrap();
    assert_eq!(d.engine(), EngineKind::Implicit);
    let mut sim = Sim::new(&model).unwrap();
    sim.ctrl_mut()[0] = 0.4;
    (0..37).for_each(|_| sim.step().unwrap());
    let from = state(&mut sim);
    let ndx = model.ndx();
    let mut space = d.linearize(&mut sim).unwrap();
    for k in [1, 5] {
        let lin = d.linearize_steps(&mut sim, k).unwrap();
        d.linearize_into(&mut sim, k, &mut space).unwrap();
        assert_eq!(bits(&space), bits(&lin), "into the matrices of another");
        assert!(lin.is_smooth() && !lin.is_near_singular());
        // Where the hand is at the start of the last step depends on the elbow's velocity of the steps before, its own velocity on all.
        let verdicts = lin.c_verdicts();
        assert_eq!(verdicts[(2, model.nv() + 3)] == ZeroVerdict::Zero, k == 1, "{k} steps");
        assert_eq!(verdicts[(3, model.nv() + 3)], ZeroVerdict::Nonzero);
        assert_eq!([lin.a().shape(), lin.b().shape()], [(ndx, ndx), (ndx, 1)]);
        assert_eq!([lin.c().shape(), lin.d().shape()], [(6, ndx), (6, 1)]);
        assert_eq!(lin.states()[..3], ["pos:ball.rx", "pos:ball.ry", "pos:ball.rz"]);
        assert_eq!((lin.controls(), &lin.sensors()[0]), (&["elbow".to_owned()][..], &"hand[0]".to_owned()));
        for input in 0..=ndx {
            let right = differenced(&model, &from, input, k);
            for (i, right) in right.iter().enumerate() {
                let found = match (i < ndx, input < ndx) {
                    (true, true) => lin.a()[(i, input)],
                    (true, false) => lin.b()[(i, 0)],
                    (false, true) => lin.c()[(i - ndx, input)],
                    (false, false) => lin.d()[(i - ndx, 0)],
                };
                assert!(
                    (found - right).abs() < 1e-6 * right.abs().max(1.0),
                    "{k} steps ({i}, {input}): {found} {right}"
                );
            }
        }
    }
}

#[test]
fn a_simulation_that_is_linearized_stays_as_it_is() {
    let model = humanoid();
    let d = Differentiator::auto(&model).unwrap();
    let mut sim = fallen(&model, 60);
    let before = (state(&mut sim), sim.contacts().collect::<Vec<_>>(), sim.sensordata().to_vec());
    d.linearize_steps(&mut sim, 3).unwrap();
    assert!(!before.1.is_empty());
    assert_eq!((state(&mut sim), sim.contacts().collect::<Vec<_>>(), sim.sensordata().to_vec()), before);
}

#[test]
fn many_states_come_out_as_each_alone() {
    let model = humanoid();
    let d = Differentiator::auto(&model).unwrap();
    let mut sim = fallen(&model, 0);
    let (mut states, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        states.push(state(&mut sim));
        alone.push(bits(&d.linearize_steps(&mut sim, 2).unwrap()));
        (0..3).for_each(|_| sim.step().unwrap());
    }
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let many = pool.install(|| d.linearize_many(&states, 2)).unwrap();
        assert!(many.iter().map(bits).eq(alone.iter().cloned()), "{threads} threads");
    }
    assert!(d.linearize_many::<Vec<f64>>(&[], 1).unwrap().is_empty());
    let fresh = Differentiator::auto(&model).unwrap();
    assert!(fresh.linearize_many(&states, 2).unwrap().iter().map(bits).eq(alone));
}

/// The solver of this model stops after one iteration; what is differentiated by default does not.
#[test]
fn the_solver_runs_to_its_end_unless_the_models_own_is_asked_for() {
    let early = HUMANOID.replace("<option ", "<option iterations=\"1\" ls_iterations=\"4\" tolerance=\"1e-3\" ");
    let early = Arc::new(Model::from_text("humanoid.xml", &early).unwrap());
    let model = humanoid();
    let mut sim = fallen(&model, 60);
    let from = state(&mut sim);
    let linearized = |model: &Arc<Model>, solver: SolverMode| {
        let mut sim = Sim::new(model).unwrap();
        sim.set_state(&from).unwrap();
        bits(&Differentiator::new(model, &Settings::new().solver(solver)).unwrap().linearize(&mut sim).unwrap())
    };
    let right = linearized(&model, SolverMode::Converged);
    assert_eq!(linearized(&early, SolverMode::Converged), right);
    assert_ne!(linearized(&early, SolverMode::Task), right);
    assert_eq!(early.solver().iterations, 1, "the model of others is left alone");
}

#[test]
fn what_is_asked_for_is_what_one_gets() {
    let model = humanoid();
    let mut sim = fallen(&model, 60);
    let plain = Differentiator::auto(&model).unwrap().linearize(&mut sim).unwrap();
    let fast = Differentiator::new(&model, &Settings::new().without_zero_test()).unwrap();
    let fast = fast.linearize(&mut sim).unwrap();
    assert!(plain.is_judged() && !fast.is_judged() && !fast.is_smooth());
    assert!(fast.a_verdicts().iter().all(|v| *v == ZeroVerdict::Undecided));
    assert_eq!((plain.c().shape(), plain.sensors().len()), ((0, model.ndx()), 0));
    let scale = plain.a().amax();
    for engine in [EngineChoice::WholeStep, EngineChoice::TransitionFd] {
        let other = Differentiator::new(&model, &Settings::new().engine(engine)).unwrap();
        let off = (other.linearize(&mut sim).unwrap().a() - plain.a()).amax();
        assert!(off < 1e-5 * scale, "{engine:?}: {off:e} of {scale}");
    }
    let discrete = Arc::new(Model::from_text("discrete.xml", &HUMANOID.replace("implicitfast", "discrete")).unwrap());
    let fallback = Differentiator::auto(&discrete).unwrap();
    assert_eq!(fallback.engine(), EngineKind::WholeStep);
    assert!(fallback.fallback().unwrap().contains("discrete"), "{fallback:?}");
    let refused = Differentiator::new(&discrete, &Settings::new().engine(EngineChoice::Implicit));
    assert!(matches!(refused, Err(Error::NotCovered { .. })), "{refused:?}");
}

/// Gymnasium's models step by RK4: a humanoid in the air, falling and on the ground, against differences of whole steps.
#[test]
fn runge_kutta_of_a_humanoid() {
    let model = Arc::new(Model::from_text("rk4.xml", &HUMANOID.replace("implicitfast", "RK4")).unwrap());
    let exact = Differentiator::auto(&model).unwrap();
    assert_eq!((exact.engine(), exact.fallback()), (EngineKind::Implicit, None));
    let differences = Differentiator::new(&model, &Settings::new().engine(EngineChoice::WholeStep)).unwrap();
    for steps in [0, 60, 200] {
        let mut sim = fallen(&model, steps);
        let (found, other) = (exact.linearize(&mut sim).unwrap(), differences.linearize(&mut sim).unwrap());
        assert!(found.is_smooth() && other.is_smooth(), "{steps}");
        for (what, found, other) in [("A", found.a(), other.a()), ("B", found.b(), other.b())] {
            let (off, scale) = ((found - other).amax(), other.amax());
            assert!(off < 1e-8 * scale, "{what} after {steps} steps: {off:e} of {scale}");
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (model, other) = (humanoid(), humanoid());
    let d = Differentiator::auto(&model).unwrap();
    let mut sim = Sim::new(&other).unwrap();
    assert!(matches!(d.linearize(&mut sim), Err(Error::OtherModel { .. })));
    assert!(matches!(d.linearize_steps(&mut Sim::new(&model).unwrap(), 0), Err(Error::NoSteps)));
    assert!(matches!(d.linearize_many(&[vec![0.0; 3]], 1), Err(Error::StateSize { found: 3, .. })));
    for wrong in [f64::NAN, f64::INFINITY, 1e11] {
        let mut sim = fallen(&model, 60);
        sim.ctrl_mut()[1] = wrong;
        let refused = d.linearize(&mut sim);
        assert!(matches!(&refused, Err(Error::Control { name, .. }) if name == "right_hip_y"), "{refused:?}");
    }
    // A state that is no number is refused or undecided, and the next one comes out right.
    let mut sim = fallen(&model, 60);
    let right = bits(&d.linearize(&mut sim).unwrap());
    let mut broken = fallen(&model, 60);
    broken.qvel_mut()[3] = f64::NAN;
    if let Ok(lin) = d.linearize(&mut broken) {
        assert!(!lin.is_smooth());
    }
    assert_eq!(bits(&d.linearize(&mut sim).unwrap()), right);
}

#[test]
fn what_a_model_lacks_is_a_matrix_without_rows_or_columns() {
    let hinge = r#"<body><joint name="j"/><geom size=".1"/></body>"#;
    for (body, nv) in [(hinge, 1), ("<geom size=\".1\"/>", 0)] {
        let text = format!("<mujoco><worldbody>{body}</worldbody></mujoco>");
        let model = Arc::new(Model::from_text("bare.xml", &text).unwrap());
        let d = Differentiator::new(&model, &Settings::new().sensors()).unwrap();
        let lin = d.linearize(&mut Sim::new(&model).unwrap()).unwrap();
        let n = 2 * nv;
        assert_eq!([lin.a().shape(), lin.b().shape()], [(n, n), (n, 0)]);
        assert_eq!([lin.c().shape(), lin.d().shape()], [(0, n), (0, 0)]);
        assert_eq!([lin.b_verdicts().shape(), lin.d_verdicts().shape()], [(n, 0), (0, 0)]);
        assert_eq!((lin.b() * nalgebra::DVector::<f64>::zeros(0)).len(), n);
        assert!(lin.is_smooth());
    }
}

/// Products with the matrices, of sizes that vector instructions take by pieces and those that they do not.
#[test]
fn matrices_multiply_vectors() {
    for joints in 1..20 {
        let bodies: String = (0..joints)
            .map(|i| format!(r#"<body pos="{i} 0 0"><joint name="j{i}"/><geom size=".1"/></body>"#))
            .collect();
        let motors: String = (0..joints).map(|i| format!(r#"<motor joint="j{i}"/>"#)).collect();
        let text = format!("<mujoco><worldbody>{bodies}</worldbody><actuator>{motors}</actuator></mujoco>");
        let model = Arc::new(Model::from_text("row.xml", &text).unwrap());
        let lin = Differentiator::auto(&model).unwrap().linearize(&mut Sim::new(&model).unwrap()).unwrap();
        let (x, u) = (nalgebra::DVector::repeat(2 * joints, 1.0), nalgebra::DVector::repeat(joints, 1.0));
        let next = lin.a() * x + lin.b() * u;
        for i in 0..2 * joints {
            let right: f64 = lin.a().row(i).iter().sum::<f64>() + lin.b().row(i).iter().sum::<f64>();
            assert!((next[i] - right).abs() < 1e-12 * right.abs().max(1.0));
        }
    }
}

/// A rollout in a worker is that of the model whose solver runs to its end, and its matrices are those of the facade.
#[test]
fn a_worker_goes_along_a_trajectory() {
    let model = humanoid();
    let d = Differentiator::auto(&model).unwrap();
    let mut sim = fallen(&model, 55);
    let mut worker = d.worker().unwrap();
    worker.sim().set_state(&state(&mut sim)).unwrap();
    let mut alone = Sim::new(&Arc::new(model.strict().unwrap())).unwrap();
    alone.set_state(&state(&mut sim)).unwrap();
    let row_major = |lin: &Linearization| lin.a().transpose().as_slice().to_vec();
    for steps in [1, 3, 1] {
        let here = state(&mut alone);
        sim.set_state(&here).unwrap();
        let expected = row_major(&d.linearize_steps(&mut sim, steps).unwrap());
        assert_eq!(worker.advance(steps).unwrap().a, expected);
        (0..steps).for_each(|_| alone.step().unwrap());
        assert_eq!(state(worker.sim()), state(&mut alone), "after {steps} steps");
    }
    assert!(matches!(worker.jacobian(0), Err(Error::NoSteps)));
    worker.sim().ctrl_mut()[1] = f64::NAN;
    assert!(matches!(worker.advance(1), Err(Error::Control { .. })));
}

/// The bytes of `mj_saveModel` are the model, edits included; others are refused, and nothing is read beyond their end.
#[test]
fn a_model_comes_from_the_bytes_of_an_mjb() {
    let model = humanoid();
    let saved = model.saved().unwrap();
    let bytes = &saved[..saved.len() - 8];
    let again = Arc::new(Model::from_mjb("memory", bytes).unwrap());
    assert_eq!(again.names(), model.names());
    let [here, there] = [&model, &again].map(|model| {
        let mut sim = fallen(model, 60);
        bits(&Differentiator::auto(model).unwrap().linearize(&mut sim).unwrap())
    });
    assert_eq!(here, there);
    for broken in [&bytes[..0], &bytes[..3], &bytes[..bytes.len() - 1], b"<mujoco/>"] {
        let error = Model::from_mjb("memory", broken).unwrap_err().to_string();
        assert!(error.starts_with("memory: MuJoCo cannot load the model"), "{error}");
    }
}
