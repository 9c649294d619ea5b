//! `dynsparse check-jacobian --survey`: what `cargo xtask corpus` asks of every model.

use std::process::ExitCode;
use std::time::Duration;

use dynsparse::check::{self, CheckSettings};

use super::super::output;
use super::Named;

/// Two lines of JSON for each task. The first comes before anything is judged, so that a reader knows the model too where
/// the judging takes too long or ends the process.
pub(super) fn run(tasks: Vec<Named<'_>>, settings: &CheckSettings, seconds: f64) -> anyhow::Result<ExitCode> {
    let limit = Duration::try_from_secs_f64(seconds)
        .map_err(|_| anyhow::anyhow!("--survey {seconds}: give the seconds as a positive number"))?;
    for (_, load) in tasks {
        let task = load()?;
        let (facts, engine) = check::facts(&task, settings)?;
        output::print(&serde_json::to_string(&facts)?)?;
        output::print(&serde_json::to_string(&check::survey(&task, settings, &engine, limit)?)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
