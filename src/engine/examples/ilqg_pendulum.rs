//! Swings a pendulum up whose motor is too weak to lift it at once: iterative linear-quadratic control with limits of the
//! torque, after Tassa, Erez and Todorov (2012).
//!
//!     cargo run -p dynsparse-engine --example ilqg_pendulum

use std::sync::Arc;

use dynsparse_engine::{Differentiator, Error, Linearization, Model, Settings, Sim};
use nalgebra::{Matrix2, RowVector2, Vector2};

const PENDULUM: &str = r#"<mujoco model="pendulum">
  <option timestep="0.02" integrator="implicitfast"/>
  <worldbody><body>
    <joint name="hinge" axis="0 1 0" damping="0.1"/>
    <geom type="capsule" fromto="0 0 0 0 0 -0.5" size="0.02" mass="0.1"/>
    <geom type="sphere" pos="0 0 -0.5" size="0.05" mass="1"/>
  </body></worldbody>
  <actuator><motor name="motor" joint="hinge" gear="2" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>"#;

const STEPS: usize = 150;
/// Weights: of the angle to the top at each step and at the end, of the speed at the end, of the control.
const ANGLE: f64 = 0.1;
const LAST_ANGLE: f64 = 200.0;
const LAST_SPEED: f64 = 20.0;
const CONTROL: f64 = 0.05;

/// The cost of a state, its gradient and its curvature: 1 + cos(q) is 0 at the top; the curvature is Gauss and Newton's.
fn cost(q: f64, v: f64, last: bool) -> (f64, Vector2<f64>, Matrix2<f64>) {
    let (angle, speed) = if last { (LAST_ANGLE, LAST_SPEED) } else { (ANGLE, 0.0) };
    let value = angle * (1.0 + q.cos()) + 0.5 * speed * v * v;
    let bend = angle * (-q.cos()).max(0.0);
    (value, Vector2::new(-angle * q.sin(), speed * v), Matrix2::new(bend, 0.0, 0.0, speed))
}

/// A trajectory: the integration state before each step, (q, v) before each step and after the last, controls and the cost.
struct Path {
    states: Vec<Vec<f64>>,
    x: Vec<Vector2<f64>>,
    u: Vec<f64>,
    cost: f64,
}

/// Rolls out `control(step, x)`.
fn roll(sim: &mut Sim, mut control: impl FnMut(usize, Vector2<f64>) -> f64) -> Result<Path, Error> {
    sim.reset()?;
    let mut path = Path { states: Vec::new(), x: Vec::new(), u: Vec::new(), cost: 0.0 };
    for step in 0..=STEPS {
        let x = Vector2::new(sim.qpos()[0], sim.qvel()[0]);
        path.x.push(x);
        path.cost += cost(x[0], x[1], step == STEPS).0;
        if step == STEPS {
            break;
        }
        let u = control(step, x).clamp(-1.0, 1.0);
        sim.ctrl_mut()[0] = u;
        path.cost += 0.5 * CONTROL * u * u;
        path.u.push(u);
        let mut state = vec![0.0; sim.model().state_size()];
        sim.get_state(&mut state)?;
        path.states.push(state);
        sim.step()?;
    }
    Ok(path)
}

/// Changes of the control and gains that make the linear-quadratic model of the cost least, from the last step to the first.
fn backward(path: &Path, lins: &[Linearization], damping: f64) -> Option<Vec<(f64, RowVector2<f64>)>> {
    let (_, mut vx, mut vxx) = cost(path.x[STEPS][0], path.x[STEPS][1], true);
    let mut gains = vec![(0.0, RowVector2::zeros()); STEPS];
    for t in (0..STEPS).rev() {
        let a = Matrix2::from_fn(|i, j| lins[t].a()[(i, j)]);
        let b = Vector2::from_fn(|i, _| lins[t].b()[(i, 0)]);
        let (_, lx, lxx) = cost(path.x[t][0], path.x[t][1], false);
        let (qx, qu) = (lx + a.transpose() * vx, CONTROL * path.u[t] + b.dot(&vx));
        let quu = CONTROL + (b.transpose() * vxx * b)[0] + damping;
        let qux = b.transpose() * vxx * a;
        if quu <= 0.0 {
            return None;
        }
        // The least of a parabola within limits; at a limit the control stays there whatever the state does.
        let wanted = -qu / quu;
        let step = wanted.clamp(-1.0 - path.u[t], 1.0 - path.u[t]);
        let gain = if step == wanted { -qux / quu } else { RowVector2::zeros() };
        vx = qx + gain.transpose() * (quu * step + qu) + qux.transpose() * step;
        vxx = lxx
            + a.transpose() * vxx * a
            + gain.transpose() * (quu - damping) * gain
            + gain.transpose() * qux
            + qux.transpose() * gain;
        vxx = 0.5 * (vxx + vxx.transpose());
        gains[t] = (step, gain);
    }
    Some(gains)
}

/// Plans until the cost falls no more. Returns the best path.
fn plan(print: bool) -> Result<Path, Error> {
    let model = Arc::new(Model::from_text("pendulum.xml", PENDULUM)?);
    let mut sim = Sim::new(&model)?;
    let differentiator = Differentiator::new(&model, &Settings::new().without_zero_test())?;
    let mut best = roll(&mut sim, |step, _| (0.1 * step as f64).sin())?;
    let mut damping = 1e-3;
    for iteration in 0..200 {
        let lins = differentiator.linearize_many(&best.states, 1)?;
        let better = backward(&best, &lins, damping).map(|gains| {
            [1.0, 0.5, 0.25, 0.1, 0.03, 0.01].iter().find_map(|share| {
                let control = |t: usize, x: Vector2<f64>| {
                    let (step, gain) = gains[t];
                    best.u[t] + share * step + (gain * (x - best.x[t]))[0]
                };
                roll(&mut sim, control).map(|path| (path.cost < best.cost).then_some(path)).transpose()
            })
        });
        match better.flatten().transpose()? {
            Some(path) => {
                if print && iteration % 10 == 0 {
                    println!("iteration {iteration:>3}  cost {:>9.3}", path.cost);
                }
                let gained = best.cost - path.cost;
                best = path;
                damping = (damping / 2.0).max(1e-6);
                if gained < 1e-6 * best.cost {
                    break;
                }
            }
            None => damping *= 10.0,
        }
        if damping > 1e6 {
            break;
        }
    }
    Ok(best)
}

fn main() -> Result<(), Error> {
    let path = plan(true)?;
    let last = path.x[STEPS];
    println!(
        "after {STEPS} steps: cost {:.3}, height {:.3} of 1, speed {:.3} rad/s",
        path.cost,
        -last[0].cos(),
        last[1]
    );
    Ok(())
}

#[test]
fn it_stands_upright_at_the_end() -> Result<(), Error> {
    main()?;
    let last = plan(false)?.x[STEPS];
    assert!(last[0].cos() < -0.99 && last[1].abs() < 0.5, "{last}");
    Ok(())
}
