//! The exact chain over the physics steps of a control step.

use nalgebra::DMatrix;

use super::boolean_chain::BooleanChain;
use super::holes::{Holes, filled};
use super::{Engine, EngineSpec, Jacobian};
use crate::physics::{Model, PhysicsError, Sim, go_on};

/// Composes the Jacobians of successive physics steps under one control:
/// A = A_k ... A_1 and B = B_k + A_k (B_(k-1) + ...). Sensors are those of the last step:
/// C = C_k A_(k-1) ... A_1 and D = D_k + C_k B_(k-1..1).
///
/// Where entries are tested for zero, the verdicts take the boolean product, see [`super::Verdicts`].
///
/// An entry of a step that is NaN (the state has no derivative there) makes NaN of those entries of the product that
/// it flows into, and of no others.
///
/// Matrices are kept transposed: a row-major slice is the column-major storage of its transpose.
#[derive(Debug, Clone)]
pub struct Chain {
    steps: usize,
    /// Transposes of the product so far: ndx x ndx, nu x ndx.
    a: DMatrix<f64>,
    b: DMatrix<f64>,
    /// One step's transposes, and space for a product.
    step_a: DMatrix<f64>,
    step_c: DMatrix<f64>,
    next_a: DMatrix<f64>,
    next_b: DMatrix<f64>,
    c: DMatrix<f64>,
    d: DMatrix<f64>,
    boolean: Option<BooleanChain>,
    holes: Holes,
    /// The product so far, where steps have holes.
    so_far: Jacobian,
}

impl Chain {
    /// A chain for a model and what its engine computes.
    pub fn new(model: &Model, spec: &EngineSpec) -> Self {
        let (n, nu) = (model.ndx(), model.nu());
        let ns = if spec.sensors { model.nsensordata() } else { 0 };
        let z = DMatrix::zeros;
        Self {
            steps: 0,
            a: z(n, n),
            b: z(nu, n),
            step_a: z(n, n),
            step_c: z(n, ns),
            next_a: z(n, n),
            next_b: z(nu, n),
            c: z(n, ns),
            d: z(nu, ns),
            boolean: spec.zero_test.then(|| BooleanChain::new(model, spec.sensors)),
            holes: Holes::new(n, nu, ns),
            so_far: Jacobian::zeros(model, spec.sensors),
        }
    }

    /// Forgets all steps.
    pub fn start(&mut self) {
        self.steps = 0;
        self.holes.clear();
    }

    /// Takes `k` physics steps of `sim` under its present control, and their Jacobian into `whole`; `step` is space for that of one.
    ///
    /// # Errors
    /// As [`Engine::jacobian`].
    pub fn over(
        &mut self,
        engine: &mut dyn Engine,
        sim: &mut Sim,
        k: usize,
        [step, whole]: [&mut Jacobian; 2],
    ) -> Result<(), PhysicsError> {
        if engine.jacobian_at_once(sim, k, whole)? {
            return (0..k).try_for_each(|_| go_on().and_then(|()| sim.step()));
        }
        self.start();
        for _ in 0..k {
            go_on()?;
            engine.jacobian(sim, step)?;
            self.push(step);
            sim.step()?;
        }
        self.finish(whole);
        Ok(())
    }

    /// Appends a step.
    pub fn push(&mut self, step: &Jacobian) {
        if step.is_finite() && self.holes.none() {
            return self.add(step);
        }
        if self.steps == 0 {
            self.holes.first(step);
        } else {
            let mut so_far = std::mem::take(&mut self.so_far);
            self.product(&mut so_far);
            self.holes.push(step, &so_far, self.boolean.is_some());
            self.so_far = so_far;
        }
        self.add(&filled(step));
    }

    /// Appends a step whose entries are all finite.
    fn add(&mut self, step: &Jacobian) {
        self.steps += 1;
        if self.steps == 1 {
            self.a.as_mut_slice().copy_from_slice(&step.a);
            self.b.as_mut_slice().copy_from_slice(&step.b);
            self.c.as_mut_slice().copy_from_slice(&step.c);
            self.d.as_mut_slice().copy_from_slice(&step.d);
            if let Some(boolean) = &mut self.boolean {
                boolean.first(step);
            }
            return;
        }
        if let Some(boolean) = &mut self.boolean {
            // Transposed, a column is a row.
            let largest =
                |m: &DMatrix<f64>| m.row_iter().map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max);
            boolean.push(step, largest(&self.a).max(1.0 + largest(&self.b)));
        }
        self.step_a.as_mut_slice().copy_from_slice(&step.a);
        self.d.as_mut_slice().copy_from_slice(&step.d);
        if !step.c.is_empty() {
            self.step_c.as_mut_slice().copy_from_slice(&step.c);
            self.a.mul_to(&self.step_c, &mut self.c);
            self.d.gemm(1.0, &self.b, &self.step_c, 1.0);
        }
        self.a.mul_to(&self.step_a, &mut self.next_a);
        std::mem::swap(&mut self.a, &mut self.next_a);
        self.next_b.as_mut_slice().copy_from_slice(&step.b);
        self.next_b.gemm(1.0, &self.b, &self.step_a, 1.0);
        std::mem::swap(&mut self.b, &mut self.next_b);
    }

    /// The Jacobian of all steps since [`Chain::start`].
    pub fn finish(&self, out: &mut Jacobian) {
        self.product(out);
        self.holes.punch(out);
    }

    fn product(&self, out: &mut Jacobian) {
        out.a.copy_from_slice(self.a.as_slice());
        out.b.copy_from_slice(self.b.as_slice());
        out.c.copy_from_slice(self.c.as_slice());
        out.d.copy_from_slice(self.d.as_slice());
        if let Some(boolean) = &self.boolean {
            boolean.finish(&mut out.verdicts);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::jacobian::EngineKind;
    use crate::physics::Solver;

    /// Two pendulums on a cart with a sensor: smooth, so that differences of the whole control step are a
    /// second opinion.
    const MODEL: &str = r#"<mujoco><option timestep="0.01" integrator="implicitfast"/><worldbody>
        <body><joint name="x" type="slide" axis="1 0 0" damping="0.1"/><geom size=".1"/>
          <body pos="0 0 .2"><joint name="p" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 0 0 .5" size=".05"/>
            <site name="tip" pos="0 0 .5"/></body></body></worldbody>
        <actuator><motor name="push" joint="x" gear="10"/><motor name="swing" joint="p"/></actuator>
        <sensor><framepos name="tip" objtype="site" objname="tip"/><jointvel name="vx" joint="x"/></sensor></mujoco>"#;

    #[test]
    fn the_product_is_the_derivative_of_the_whole_control_step() {
        let mut model = crate::physics::Model::from_text("chain.xml", MODEL).unwrap();
        model.set_solver(Solver::CONVERGED);
        let model = Arc::new(model);
        let (ndx, nu, ns, k) = (model.ndx(), model.nu(), model.nsensordata(), 7);
        let spec = EngineSpec { sensors: true, ..EngineSpec::new(EngineKind::TransitionFd) };
        let mut sim = Sim::new(&model).unwrap();
        sim.qpos_mut().copy_from_slice(&[0.1, 0.7]);
        sim.qvel_mut().copy_from_slice(&[-0.3, 1.1]);
        sim.ctrl_mut().copy_from_slice(&[0.4, -0.2]);
        let mut start = vec![0.0; model.state_size()];
        sim.get_state(&mut start).unwrap();

        let mut engine = spec.build(&model).unwrap();
        let (mut step, mut whole) = (Jacobian::zeros(&model, true), Jacobian::zeros(&model, true));
        let mut chain = Chain::new(&model, &spec);
        chain.over(&mut *engine, &mut sim, k, [&mut step, &mut whole]).unwrap();

        let mut run = |nudge: &dyn Fn(&mut Sim)| {
            sim.set_state(&start).unwrap();
            nudge(&mut sim);
            for _ in 0..k {
                sim.step().unwrap();
            }
            let state: Vec<f64> = sim.qpos().iter().chain(sim.qvel()).copied().collect();
            (state, sim.sensordata().to_vec())
        };
        let h = 1e-6;
        for j in 0..ndx + nu {
            let nudged = |sim: &mut Sim, by: f64| match j {
                j if j < ndx / 2 => sim.qpos_mut()[j] += by,
                j if j < ndx => sim.qvel_mut()[j - ndx / 2] += by,
                j => sim.ctrl_mut()[j - ndx] += by,
            };
            let (up, up_s) = run(&|s| nudged(s, h));
            let (down, down_s) = run(&|s| nudged(s, -h));
            let check = |found: f64, up: f64, down: f64, what: &str| {
                let expected = (up - down) / (2.0 * h);
                assert!(
                    (found - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                    "{what} column {j}: {found} against {expected}"
                );
            };
            for i in 0..ndx {
                let found = if j < ndx { whole.a[i * ndx + j] } else { whole.b[i * nu + j - ndx] };
                check(found, up[i], down[i], "state");
            }
            for i in 0..ns {
                let found = if j < ndx { whole.c[i * ndx + j] } else { whole.d[i * nu + j - ndx] };
                check(found, up_s[i], down_s[i], "sensor");
            }
        }
    }
}
