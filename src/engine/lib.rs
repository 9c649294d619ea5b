//! Exact Jacobians of a MuJoCo step: where `mjd_transitionFD` differences, this crate differentiates.
//!
//! A step of MuJoCo maps a state and a control to the next state and to sensor values. Near a state it is linear,
//!
//! ```text
//! dx' = A dx + B du        A: ndx x ndx    B: ndx x nu
//! dy  = C dx + D du        C: ns x ndx     D: ns x nu
//! ```
//!
//! with the tangent state dx = (dq, dqvel, dact) of ndx = 2 nv + na numbers (dq turns and moves joints; nv numbers also
//! where `qpos` holds quaternions), the control u of nu numbers and the sensor values y of ns = nsensordata numbers.
//! [`Differentiator`] computes these matrices by implicit differentiation of the constraint solve, and says with each entry
//! whether it is zero, nonzero or undecided; at a state, where a derivative does not exist, it says so.
//!
//! # In a minute
//!
//! ```
//! use std::sync::Arc;
//! use dynsparse_engine::{Differentiator, Model, Sim};
//!
//! # fn main() -> Result<(), dynsparse_engine::Error> {
//! let model = Arc::new(Model::from_text(
//!     "pendulum.xml",
//!     r#"<mujoco><option timestep="0.01"/><worldbody>
//!          <body><joint name="hinge" axis="0 1 0" damping="0.1"/><geom type="capsule" fromto="0 0 0 0 0 -1" size="0.05"/></body>
//!        </worldbody><actuator><motor name="motor" joint="hinge"/></actuator></mujoco>"#,
//! )?);
//! let mut sim = Sim::new(&model)?;
//! sim.qpos_mut()[0] = 0.5;
//!
//! let d = Differentiator::auto(&model)?;
//! let lin = d.linearize(&mut sim)?;
//! println!("{:.4}{:.4}", lin.a(), lin.b());
//! assert_eq!(lin.states(), ["pos:hinge", "vel:hinge"]);
//! assert!(lin.a()[(1, 0)] < 0.0, "gravity pulls it back");
//! # Ok(())
//! # }
//! ```
//!
//! # Rooms
//!
//! - The facade: [`Differentiator`], [`Linearization`], [`Settings`], [`Worker`]; [`Model`] and [`Sim`] of `physics`.
//! - [`physics`]: MuJoCo in types: models, simulations, names, contacts.
//! - [`jacobian`]: the engines, each with buffers of the caller, and the chain over the physics steps of a control step.
//!
//! MuJoCo 3.17.0 is linked from the folder that the environment variable `MUJOCO_DYNAMIC_LINK_DIR` names while this crate is
//! built; where the program runs, the loader must find it (an rpath, or `LD_LIBRARY_PATH`).

mod differentiator;
mod linearization;
mod worker;

pub mod jacobian;
pub mod physics;

pub use differentiator::{Differentiator, Settings};
pub use jacobian::{EngineChoice, EngineKind, Switches, ZeroVerdict};
pub use linearization::Linearization;
pub use nalgebra;
pub use physics::{Model, PhysicsError as Error, Sim, SolverMode};
pub use worker::Worker;
