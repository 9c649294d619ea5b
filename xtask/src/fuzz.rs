//! `cargo xtask fuzz-jacobian`: as many random models as one likes, judged by a release build.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::demo::{Program, build};
use crate::setup::Setup;
use crate::step::run;

/// Judge random models against differences of whole steps
#[derive(Args)]
pub(crate) struct FuzzJacobian {
    /// How many
    #[arg(value_name = "N", default_value_t = 2000)]
    models: u64,
    /// Seed of models and states
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The number of the first model
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
    /// Folder for models that fail, taken apart as far as they still do
    #[arg(long, value_name = "DIR")]
    failures: Option<PathBuf>,
}

impl FuzzJacobian {
    /// Sets up, builds, and judges.
    pub(crate) fn run(&self) -> Result<()> {
        Setup::default().run()?;
        let mut command = Command::new(build(Program::Recorder)?);
        command.args(["check-jacobian", "--random", &self.models.to_string()]);
        command.args(["--seed", &self.seed.to_string(), "--first", &self.first.to_string()]);
        if let Some(folder) = &self.failures {
            command.arg("--failures").arg(folder);
        }
        run("dynsparse check-jacobian --random", &mut command)
    }
}
