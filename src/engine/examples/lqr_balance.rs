//! Balances two poles on a cart by linear-quadratic regulation about the upright state.
//!
//!     cargo run -p dynsparse-engine --example lqr_balance

use std::sync::Arc;

use dynsparse_engine::{Differentiator, Error, Model, Sim};
use nalgebra::{DMatrix, DVector};

const CART: &str = r#"<mujoco model="cart with two poles">
  <option timestep="0.01" integrator="implicitfast"/>
  <worldbody>
    <body name="cart">
      <joint name="slider" type="slide" axis="1 0 0" damping="0.1"/>
      <geom type="box" size="0.2 0.1 0.05" mass="1" contype="0"/>
      <body name="lower">
        <joint name="lower" axis="0 1 0" damping="0.002"/>
        <geom type="capsule" fromto="0 0 0 0 0 0.5" size="0.02" mass="0.1" contype="0"/>
        <body name="upper" pos="0 0 0.5">
          <joint name="upper" axis="0 1 0" damping="0.002"/>
          <geom type="capsule" fromto="0 0 0 0 0 0.5" size="0.02" mass="0.1" contype="0"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator><motor name="push" joint="slider" gear="10"/></actuator>
</mujoco>"#;

/// The gain K of u = -K x which makes the sum of x'Qx + u'Ru over all steps least, where x' = A x + B u: the fixed point of
/// Riccati's recursion P = Q + A'P (A - B K), K = (R + B'PB)^-1 B'P A.
fn regulator(a: &DMatrix<f64>, b: &DMatrix<f64>, q: &DMatrix<f64>, r: &DMatrix<f64>) -> DMatrix<f64> {
    let mut p = q.clone();
    loop {
        let weight = (r + b.transpose() * &p * b).cholesky().expect("R is positive definite");
        let k = weight.solve(&(b.transpose() * &p * a));
        let next = q + a.transpose() * &p * (a - b * &k);
        let change = (&next - &p).amax();
        p = next;
        if change <= 1e-10 * p.amax() {
            return k;
        }
    }
}

/// Balances from both poles tilted by `tilt`, rad, for ten seconds. Returns the largest entry of the last state.
fn balance(tilt: f64, print: bool) -> Result<f64, Error> {
    let model = Arc::new(Model::from_text("cart.xml", CART)?);
    let mut sim = Sim::new(&model)?;
    // Upright and at rest: a state of the tangent space is the distance from here.
    let upright = model.qpos0().to_vec();
    let lin = Differentiator::auto(&model)?.linearize(&mut sim)?;
    let (n, nu) = (model.ndx(), model.nu());
    let k = regulator(lin.a(), lin.b(), &DMatrix::identity(n, n), &DMatrix::identity(nu, nu));
    sim.qpos_mut()[1] += tilt;
    sim.qpos_mut()[2] -= tilt;
    let mut x = DVector::zeros(n);
    for step in 0..=1000 {
        let (dq, rest) = x.as_mut_slice().split_at_mut(model.nv());
        model.differentiate_pos(&upright, sim.qpos(), 1.0, dq);
        rest.copy_from_slice(sim.qvel());
        if print && step % 100 == 0 {
            println!("{:>5.1} s  cart {:>8.4} m  poles {:>8.4} {:>8.4} rad", sim.time(), x[0], x[1], x[2]);
        }
        sim.ctrl_mut().copy_from_slice((-&k * &x).as_slice());
        sim.step()?;
    }
    Ok(x.amax())
}

fn main() -> Result<(), Error> {
    balance(0.1, true).map(|_| ())
}

#[test]
fn it_comes_to_rest_upright() -> Result<(), Error> {
    main()?;
    let left = balance(0.1, false)?;
    assert!(left < 1e-3, "{left}");
    Ok(())
}
