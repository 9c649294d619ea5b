//! In the place of what this build has not.

/// The arguments of a verb, which nobody reads.
#[cfg(not(feature = "learn"))]
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<std::ffi::OsString>,
}

/// What this build `cannot` do, and how one gets what does it.
pub(super) fn missing(cannot: &str, feature: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "this build of dynsparse cannot {cannot}: build it with the feature {feature}, as `cargo install --path .` or \
         `cargo build --release` does"
    )
}
