//! `dynsparse check-jacobian --random`.

use std::path::Path;
use std::process::ExitCode;

use dynsparse::check::random::{self, Failure, RandomReport, RandomSettings};
use dynsparse::files::{FileKind, Lock, replace};
use dynsparse::physics::mujoco_version;
use serde_json::json;

use super::super::output;

/// Judges random models, and writes those that fail, taken apart, into a folder.
pub(super) fn run(settings: &RandomSettings, folder: Option<&Path>, as_json: bool) -> anyhow::Result<ExitCode> {
    // Before the work, not after it.
    let _alone = folder.map(Lock::of_results).transpose()?;
    let report = random::check_random(settings);
    if let Some(folder) = folder {
        write(&report, folder)?;
    }
    if as_json {
        let all = json!({
            "dynsparse": env!("CARGO_PKG_VERSION"),
            "commit": dynsparse::record::COMMIT,
            "mujoco": mujoco_version(),
            "random": report,
        });
        output::print(&serde_json::to_string_pretty(&all)?)?;
    } else {
        output::print(&text(&report))?;
    }
    Ok(if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(report: &RandomReport, folder: &Path) -> anyhow::Result<()> {
    for failure in report.failures.iter().chain(&report.flags) {
        let Some(mjcf) = &failure.shrunk else { continue };
        let kind = failure.verdict.kind.label().replace(' ', "-");
        let file = folder.join(format!("{}-{}-{kind}.xml", report.settings.seed, failure.model));
        replace(&file, FileKind::Xml, mjcf.as_bytes())?;
    }
    Ok(())
}

fn text(report: &RandomReport) -> String {
    let RandomSettings { seed, first, models, .. } = report.settings;
    let mut out = format!("Random models {first} to {} of seed {seed}\n\n", first + models.saturating_sub(1));
    for (engine, tally) in &report.engines {
        out.push_str(&output::wrapped(
            "",
            &format!(
                "{engine}: {} models, {} states; without a derivative {} as engine and arbiter say, {} as only the \
                 engine, {} as only the arbiter, {} unsettled; C and D at {} states, {} entries",
                tally.models,
                tally.states,
                tally.both,
                tally.engine_only,
                tally.arbiter_only,
                tally.unsettled,
                tally.sensed[0],
                tally.sensed[1]
            ),
        ));
    }
    for (title, reasons) in [
        ("MuJoCo refuses", &report.refused),
        ("fall back", &report.fallbacks),
        ("the engine declines", &report.declined),
    ] {
        let mut reasons: Vec<_> = reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons {
            out.push_str(&output::wrapped("", &format!("{title} {count}: {reason}")));
        }
    }
    for (title, list) in [("failures", &report.failures), ("missing or false flags", &report.flags)] {
        out.push_str(&format!("\n{title}: {}\n", list.len()));
        list.iter().for_each(|failure| out.push_str(&output::wrapped("", &describe(failure))));
    }
    out
}

fn describe(failure: &Failure) -> String {
    let verdict = &failure.verdict;
    let at = format!("model {}, state {}: {}", failure.model, verdict.state, failure.cause());
    if !verdict.text.is_empty() {
        return format!("{at}: {}", verdict.text);
    }
    let ([row, column], [truth, error, value]) = (&verdict.entry, verdict.values);
    format!("{at}; error {:.0e}, d {row}' / d {column} is {truth:e} +- {error:.0e}, not {value:e}", verdict.error)
}
