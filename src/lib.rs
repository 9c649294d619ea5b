//! Ground-truth Jacobians of robot dynamics.
//!
//! The way of one number: MJCF and task, physics, policy, Jacobian engine, record, dataset. A module
//! knows the ones before it and never those after it; `ARCHITECTURE.md` has the picture.

#![deny(unsafe_code)]

pub mod analysis;
pub mod bounded;
mod capacity;
pub mod check;
pub mod dataset;
pub mod export;
pub mod files;
pub mod influence;
#[cfg(feature = "learn")]
pub mod learn;
pub mod logs;
mod moments;
mod npz;
pub mod planner;
pub mod policy;
mod quat;
pub mod record;
pub mod render;
#[cfg(feature = "report")]
pub mod report;
pub mod rng;
pub mod sweep;
pub mod task;
#[cfg(feature = "report")]
pub mod view;
pub mod watch;

use dynsparse_base::{chunk, heap, idle, number};
pub use dynsparse_base::{flags, kinematics, layout, seal, text, zero};
pub use dynsparse_engine::{jacobian, physics};
