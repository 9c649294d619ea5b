//! A sweep on a cluster that runs Slurm.

mod arrays;
mod commands;
mod error;
mod script;
mod settings;

pub use arrays::{Array, deal};
pub use error::SlurmError;
pub use script::Scripts;
pub use settings::SlurmSettings;
