//! `dynsparse tasks digest`.

use std::process::ExitCode;

use dynsparse::seal::sha256_hex;
use dynsparse::task::Assets;
use dynsparse::task::parity::TaskDigest;

use super::super::output;

/// The arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A task (see `dynsparse tasks`), an MJCF file, or Juggler
    #[arg(value_name = "TASK|MODEL.xml")]
    task: String,
}

/// Prints what a compiled model is.
pub(super) fn run(args: &Args, assets: &Assets, json: bool) -> anyhow::Result<ExitCode> {
    let task = super::named(&args.task, assets)?;
    let (_, digest) = task.digest()?;
    output::print(&if json { serde_json::to_string_pretty(&digest)? } else { summary(&digest)? })?;
    Ok(ExitCode::SUCCESS)
}

fn summary(digest: &TaskDigest) -> anyhow::Result<String> {
    let model = &digest.model;
    let size = |name: &str| model.sizes.0.iter().find(|(n, _)| *n == name).map(|(n, v)| format!("{n} {v}"));
    let list = |names: &[&str]| names.iter().filter_map(|n| size(n)).collect::<Vec<_>>().join(", ");
    let full = model.arrays.0.iter().filter(|(_, a)| !a.shape.contains(&0)).count();
    let mut lines = vec![
        format!("{}, MuJoCo {}", digest.task, model.mujoco),
        format!("  state    {}", list(&["nq", "nv", "na", "nu", "nmocap", "nsensordata"])),
        format!("  objects  {}", list(&["nbody", "njnt", "ngeom", "nsite", "ntendon", "neq", "nmesh", "nkey"])),
    ];
    if let Some(timing) = digest.playground.as_ref().or(digest.suite.as_ref()) {
        lines.push(format!(
            "  timing   {} physics steps of {} s, {} actions of {} numbers an episode",
            timing.n_substeps,
            timing.sim_dt,
            timing.episode_length / timing.action_repeat,
            timing.action_size
        ));
    }
    lines.push(format!("  arrays   {}, {full} not empty", model.arrays.0.len()));
    lines.push(format!("  mjb      {} bytes", output::grouped(model.mjb.bytes)));
    lines.push(format!("  sha256   of the mjb     {}", &model.mjb.sha256[..16]));
    lines.push(format!("           of everything  {}", &sha256_hex(&serde_json::to_vec(digest)?)[..16]));
    Ok(lines.join("\n"))
}
