//! `cargo xtask sweep`: everything that a sweep over all tasks needs, and the sweep.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::demo::{Program, build};
use crate::setup::Setup;
use crate::step::run;

/// Record all tasks of Playground, or some of them, into one folder
#[derive(Args)]
pub(crate) struct Sweep {
    /// What `dynsparse sweep` takes; `dynsparse sweep --help` lists it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

impl Sweep {
    /// Sets up with the meshes of all robots, builds, and passes the arguments on.
    pub(crate) fn run(&self) -> Result<()> {
        Setup { all_assets: true, ..Setup::default() }.run()?;
        let dynsparse = build(Program::Recorder)?;
        run("dynsparse sweep", Command::new(dynsparse).arg("sweep").args(&self.arguments))
    }
}
