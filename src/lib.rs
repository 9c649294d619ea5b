//! Ground-truth Jacobians of robot dynamics.
//!
//! The way of one number: MJCF and task, physics, policy, Jacobian engine, record, dataset. A module
//! knows the ones before it and never those after it; `ARCHITECTURE.md` has the picture.

pub mod analysis;
pub mod bounded;
mod capacity;
pub mod check;
pub mod dataset;
pub mod files;
pub mod jacobian;
pub mod learn;
mod number;
pub mod physics;
pub mod planner;
pub mod policy;
pub mod record;
pub mod render;
pub mod report;
pub mod rng;
pub mod seal;
pub mod sweep;
pub mod task;
pub mod text;
pub mod watch;
