//! `cargo xtask test`: everything that must hold before a change goes in.

use std::ffi::OsString;

use anyhow::Result;
use clap::Args;

use crate::module;
use crate::setup::Setup;
use crate::step::{cargo, run};
use crate::suites::Suite;

/// Check formatting, lints and documentation, then run all tests
#[derive(Args)]
pub(crate) struct Test {
    /// Passed on to `cargo test`
    #[arg(last = true)]
    args: Vec<OsString>,
}

impl Test {
    /// Runs the checks, cheapest first, and stops at the first that fails.
    pub(crate) fn run(&self) -> Result<()> {
        let all =
            Setup { all_assets: true, python: true, slurm: true, opengl: true, chromium: true, ..Setup::default() };
        Setup { suites: Suite::all(), ..all }.run()?;
        run("cargo fmt", cargo().args(["fmt", "--all", "--check"]))?;
        run("cargo clippy", cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
        for features in ["", "parquet", "report"] {
            let build = ["clippy", "--package", "dynsparse", "--no-default-features", "--features", features];
            run("cargo clippy of a smaller build", cargo().args(build).args(["--", "-D", "warnings"]))?;
        }
        run("cargo doc", cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
        run("cargo test", cargo().args(["test", "--workspace"]).args(&self.args))?;
        module::test(false)
    }
}
