//! Logs of real robots, as states and controls of a model.
//!
//! A [`Log`] is named columns of numbers, episode by episode, whatever layout they were stored in. A [`LogMap`] (TOML) says what
//! each joint and actuator of a model is made of; nothing that it does not say is assumed. Together they are a [`MappedLog`]: the
//! states qpos (nq) and qvel (nv) and the controls (nu) at the log's times, with an estimate of the measurement's noise. This room
//! neither simulates nor differentiates.

mod doubt;
mod error;
mod filter;
mod first_map;
mod log;
mod map;
mod mapped;
mod noise;
mod pose;
mod read;

pub use error::LogError;
pub use first_map::{FirstMap, first_map};
pub use log::{Log, LogArray, LogEpisode};
pub use map::{Interpolation, LogMap};
pub use mapped::{MappedEpisode, MappedLog};
pub use pose::Track;
