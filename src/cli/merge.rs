//! `dynsparse merge`.

use std::process::ExitCode;

use super::record::{self, Args};

/// Joins the shards of several processes. Takes the settings of the recording, so that shards of other
/// settings are noticed.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(args.shard.is_none(), "--shard is for `dynsparse record`; merge joins all shards");
    record::work(args, true)
}
