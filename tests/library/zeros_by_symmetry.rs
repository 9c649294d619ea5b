//! The zero test of the implicit engine against what must be true whatever the numbers are: symmetry, and structure.

use std::sync::Arc;

use dynsparse::jacobian::{Engine, EngineKind, EngineSpec, Jacobian, ZeroVerdict};
use dynsparse::physics::{Model, Sim, Solver, SolverMode};
use dynsparse::rng::Stream;
use dynsparse::task::{Assets, Task};

use crate::common;

/// Along an infinite plane nothing depends on where the robot is.
const ON_A_PLANE: [(&str, &[usize]); 6] = [
    ("CheetahRun", &[0]),
    ("HopperHop", &[0]),
    ("WalkerRun", &[1]),
    ("HumanoidWalk", &[0, 1]),
    ("Go1JoystickFlatTerrain", &[0, 1]),
    ("G1JoystickFlatTerrain", &[0, 1]),
];

fn engine(model: &Arc<Model>) -> Box<dyn Engine> {
    EngineSpec::new(EngineKind::Implicit).build(model).unwrap()
}

/// Calls `f` with a simulation at `n` states of a rollout under uniform actions.
fn rollout(name: &str, n: usize, mut f: impl FnMut(&mut Sim)) -> Arc<Model> {
    common::vendor();
    let task = Task::from_catalogue(name, &Assets::find(None)).unwrap();
    let model = Arc::new(task.model(SolverMode::Converged).unwrap());
    let mut sim = Sim::new(&model).unwrap();
    let mut env = task.env(&model).unwrap();
    task.reset(&mut sim, 3, 0).unwrap();
    env.begin(&sim, 3, 0);
    let mut draws = Stream::new(3, "actions", 0);
    let entries = env.action_labels().map_or(model.nu(), |l| l.len());
    let mut ctrl = vec![0.0; model.nu()];
    for _ in 0..n {
        let action: Vec<f64> = (0..entries).map(|_| 1.8 * draws.uniform() - 0.9).collect();
        env.act(&mut sim, &action, &mut ctrl);
        sim.ctrl_mut().copy_from_slice(&ctrl);
        f(&mut sim);
        for _ in 0..task.spec.substeps {
            sim.step().unwrap();
        }
        env.after(&mut sim);
        if sim.divergence().is_some() {
            break;
        }
    }
    model
}

#[test]
fn nothing_depends_on_where_a_robot_stands_on_a_plane() {
    for (name, dofs) in ON_A_PLANE {
        let (mut it, mut out) = (None, None);
        let mut contacts = 0;
        rollout(name, 40, |sim| {
            let model = sim.model().clone();
            let engine = it.get_or_insert_with(|| engine(&model));
            let out = out.get_or_insert_with(|| Jacobian::zeros(&model, false));
            engine.jacobian(sim, out).unwrap();
            contacts += usize::from(sim.contacts().len() > 0);
            let ndx = model.ndx();
            for dof in dofs {
                for row in 0..ndx {
                    let (x, verdict) = (out.a[row * ndx + dof], out.verdicts.a[row * ndx + dof]);
                    let expected = if row == *dof { ZeroVerdict::Nonzero } else { ZeroVerdict::Zero };
                    assert_eq!(verdict, expected, "{name}: row {row}, dof {dof}: {x:e}");
                }
            }
        });
        assert!(contacts > 5, "{name}: {contacts} states with contacts");
    }
}

/// What rounding makes changes when the robot stands elsewhere; what is true does not.
#[test]
fn verdicts_are_the_same_elsewhere_on_the_plane() {
    for (name, dofs) in ON_A_PLANE {
        let mut engines = None;
        let (mut entries, mut undecided) = (0, 0);
        rollout(name, 25, |sim| {
            let model = sim.model().clone();
            let it = engines.get_or_insert_with(|| engine(&model));
            let (mut here, mut there) = (Jacobian::zeros(&model, false), Jacobian::zeros(&model, false));
            it.jacobian(sim, &mut here).unwrap();
            let mut other = Sim::new(&model).unwrap();
            let mut state = vec![0.0; model.state_size()];
            sim.get_state(&mut state).unwrap();
            other.set_state(&state).unwrap();
            let mut moved = vec![0.0; model.nv()];
            for (dof, by) in dofs.iter().zip([3.7182818, -0.2718281]) {
                moved[*dof] = by;
            }
            let mut qpos = sim.qpos().to_vec();
            model.integrate_pos(&mut qpos, &moved, 1.0);
            other.qpos_mut().copy_from_slice(&qpos);
            it.jacobian(&mut other, &mut there).unwrap();
            if here.verdicts.switches.any() || there.verdicts.switches.any() {
                return;
            }
            let scale = here.a.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
            for i in 0..here.a.len() {
                let (v, w) = (here.verdicts.a[i], there.verdicts.a[i]);
                entries += 1;
                if v == ZeroVerdict::Undecided || w == ZeroVerdict::Undecided {
                    undecided += 1;
                } else {
                    assert_eq!(v, w, "{name}: entry {i}: {:e} and {:e}", here.a[i], there.a[i]);
                }
                assert!((here.a[i] - there.a[i]).abs() < 1e-9 * scale, "{name}: {:e}, {:e}", here.a[i], there.a[i]);
                // No derivative above 1e-10 is ever called zero.
                assert!(v != ZeroVerdict::Zero || here.a[i].abs() < 1e-10, "{name}: {:e} called zero", here.a[i]);
            }
        });
        assert!(entries > 0 && undecided * 1000 < entries, "{name}: {undecided} undecided of {entries}");
    }
}

/// Two chains that share nothing, until they touch.
#[test]
fn what_is_not_connected_does_not_flow() {
    let mjcf = r#"<mujoco><option timestep=".004"/><worldbody><geom type="plane" size="9 9 1"/>
        <body pos="0 0 .5"><freejoint/><geom name="lower" type="sphere" size=".1"/></body>
        <body pos=".02 0 .9"><freejoint/><geom name="upper" type="sphere" size=".1"/></body>
        <body pos="3 0 1"><joint axis="0 1 0"/><geom type="capsule" size=".05" fromto="0 0 0 .4 0 0"/></body>
        </worldbody></mujoco>"#;
    let mut model = Model::from_text("two.xml", mjcf).unwrap();
    model.set_solver(Solver::CONVERGED);
    let model = Arc::new(model);
    let mut sim = Sim::new(&model).unwrap();
    let mut engine = engine(&model);
    let mut out = Jacobian::zeros(&model, false);
    let (nv, ndx) = (model.nv(), model.ndx());
    let part = |i: usize| match i % nv {
        0..6 => 0,
        6..12 => 1,
        _ => 2,
    };
    let (mut apart, mut touching) = (0, 0);
    for _ in 0..300 {
        engine.jacobian(&mut sim, &mut out).unwrap();
        sim.forward().unwrap();
        let [lower, upper] = ["lower", "upper"].map(|g| model.geom(g).unwrap().number() as i32);
        let touch = sim.contacts().any(|c| c.geom == [lower, upper]);
        // Spheres that part again may still overlap.
        let pushes = touch && sim.qfrc_constraint()[6..12].iter().any(|f| *f != 0.0);
        let flows = |x: usize, y: usize| {
            let entries = (0..ndx * ndx).filter(|e| part(e / ndx) == x && part(e % ndx) == y);
            entries.filter(|e| out.verdicts.a[*e] != ZeroVerdict::Zero).count()
        };
        for (x, y) in [(0, 2), (1, 2), (2, 0), (2, 1)] {
            assert_eq!(flows(x, y), 0, "{x} depends on {y}");
        }
        if pushes {
            touching += 1;
            assert!(flows(0, 1) > 0 && flows(1, 0) > 0, "touching spheres do not push each other");
        } else if !touch {
            apart += 1;
            assert_eq!(flows(0, 1) + flows(1, 0), 0, "spheres push each other before they touch");
        }
        sim.step().unwrap();
    }
    assert!(apart > 20 && touching > 5, "{apart} states apart, {touching} touching");
}
