//! Slopes and iterations of iLQG against rollouts of tasks.

use std::sync::Arc;

use super::*;
use crate::physics::SolverMode;
use crate::planner::{Method, Planner, Start, resolve_plan};
use crate::policy::{PlanMethod, PlanSpec};
use crate::task::{Assets, Env, Memory, Task};

/// A search in the state that seed 1 resets to, without guides.
struct Case {
    planner: Planner,
    env: Env,
    memory: Memory,
}

impl Case {
    fn new(name: &str) -> Self {
        let task = Task::from_catalogue(name, &Assets::find(None)).expect("a task");
        let model = Arc::new(task.model(SolverMode::Converged).expect("a model"));
        let asked = PlanSpec { method: Some(PlanMethod::Ilqg), horizon: Some(40), ..PlanSpec::default() };
        let spec = PlanSpec { guide: None, ..resolve_plan(&asked, name) };
        let mut planner = Planner::new(&task, &model, &spec).expect("a planner");
        let mut sim = Sim::new(&model).expect("a simulation");
        task.reset(&mut sim, 1, 0).expect("a reset");
        sim.get_state(&mut planner.state).expect("a state");
        let env = task.env(&model).expect("its rules");
        Self { planner, env, memory: Memory::default() }
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut Ilqg, &mut Here<'_>) -> R) -> R {
        let Planner { rollouts, threads, units, stream, method, state } = &mut self.planner;
        let Method::Jacobians(ilqg) = method else { panic!("another method") };
        let actions = rollouts.model.nu();
        let start = Start { state, env: &self.env, memory: &self.memory, forced: &[], actions };
        act(ilqg, &mut Here { rollouts, threads: *threads, units, stream, start })
    }
}

#[test]
fn slopes_are_what_a_rollout_does() {
    for name in ["CartpoleSwingup", "ReacherHard"] {
        let mut case = Case::new(name);
        case.with(|ilqg, here| {
            for (k, u) in ilqg.now.plan.iter_mut().enumerate() {
                *u = 0.3 * libm::sin(0.7 * k as f64);
            }
            ilqg.look(here).unwrap();
            ilqg.slopes.take(here, &ilqg.now.states, &ilqg.now.plan).unwrap();
            // Every control a little to the side: where that leads is A (A (... B u) + B u) + B u.
            let model = &here.rollouts.model;
            let (n, nu, width) = (model.ndx(), model.nu(), width(model));
            let by = 1e-6;
            let mut trajectory = ilqg.now.clone();
            trajectory.plan.iter_mut().for_each(|u| *u += by);
            follow(here, &mut trajectory, 0.0, |_, _, _| ()).unwrap();
            let mut predicted = DVector::zeros(n);
            let mut found = DVector::zeros(n);
            for (k, slope) in ilqg.slopes.all.iter().enumerate() {
                predicted = &slope.a * predicted + &slope.b * DVector::from_element(nu, by);
                let [from, to] = [&ilqg.now, &trajectory].map(|t| step_of(&t.coordinates, k + 1, width));
                difference(model, from, to, found.as_mut_slice());
                let error = (&found - &predicted).amax();
                assert!(error < 1e-3 * predicted.amax(), "{name}, action {k}: {found} and {predicted}");
            }
        });
    }
}

#[test]
fn the_gradient_is_that_of_the_reward() {
    let mut case = Case::new("ReacherHard");
    case.with(|ilqg, here| {
        ilqg.look(here).unwrap();
        ilqg.slopes.take(here, &ilqg.now.states, &ilqg.now.plan).unwrap();
        // ReacherHard pays within the target alone, so without guides nothing is to be seen from afar.
        assert!(ilqg.slopes.all.iter().all(|s| s.state.0.amax() == 0.0 && s.state.1.amax() == 0.0));
    });
    let mut case = Case::new("CartpoleBalance");
    case.with(|ilqg, here| {
        ilqg.look(here).unwrap();
        ilqg.slopes.take(here, &ilqg.now.states, &ilqg.now.plan).unwrap();
        for slope in &ilqg.slopes.all {
            let (gradient, curvature) = &slope.state;
            // The cart loses by being away from the middle, the pole by leaning.
            assert!(gradient.amax() > 0.0);
            let least = curvature.clone().symmetric_eigenvalues().min();
            assert!(least > -1e-9 * curvature.amax(), "{least}");
        }
    });
}

#[test]
fn every_iteration_is_at_least_as_good() {
    for name in ["CartpoleBalance", "CartpoleSwingup", "CheetahRun"] {
        let mut case = Case::new(name);
        case.with(|ilqg, here| {
            ilqg.look(here).unwrap();
            let first = ilqg.now.value;
            let mut better = 0;
            for _ in 0..15 {
                let before = ilqg.now.value;
                ilqg.slopes.take(here, &ilqg.now.states, &ilqg.now.plan).unwrap();
                let improved = ilqg.improve(here).unwrap();
                assert_eq!(improved, ilqg.now.value > before, "{name}");
                assert!(ilqg.now.value >= before, "{name}");
                better += usize::from(improved);
                assert!(ilqg.now.plan.iter().all(|u| (-1.0..=1.0).contains(u)));
            }
            assert!(better >= 3 || ilqg.now.value > 0.95, "{name}: {better} steps, {first} to {}", ilqg.now.value);
        });
    }
}
