//! In the place of verbs that this build has not.

use std::ffi::OsString;
use std::process::ExitCode;

/// The arguments, which nobody reads.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<OsString>,
}

/// Says what to build.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    Err(missing())
}

/// What is missing, and how one gets it.
pub(super) fn missing() -> anyhow::Error {
    anyhow::anyhow!(
        "this build of dynsparse cannot train or evaluate networks: build it with the feature learn, as \
         `cargo install --path .` or `cargo build --release` does"
    )
}
