//! `cargo xtask bench`: what each claim of speed is measured with.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::setup::Setup;
use crate::step::{cargo, run};

/// Run the benchmarks
#[derive(Args)]
pub(crate) struct Bench {
    /// Passed on to `cargo bench`
    #[arg(last = true)]
    args: Vec<OsString>,
}

impl Bench {
    /// Runs `cargo bench`.
    pub(crate) fn run(&self) -> Result<()> {
        Setup::default().run()?;
        run("cargo bench", cargo().arg("bench").args(&self.args))
    }
}
