//! What the last job does: look at every unit, join what is whole, and name what is not.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::SlurmError;
use super::commands;
use super::status::{UnitPlace, UnitStatus, units};
use super::submission::{MergeFile, Submission};
use super::unit::plan;
use crate::record::finished_episodes;
use crate::sweep::{How, Manifest, Share, SweepError, SweepReport, SweepWatch, run_sweep};

/// How long the lock of an array task that has ended may outlive it, on file systems of more than one machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the merge found.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// Array tasks that have ended without their episodes.
    pub failed: Vec<UnitStatus>,
    /// What became of the tasks.
    pub report: SweepReport,
    /// The command that goes on with the sweep.
    pub command: String,
    /// Folder of the sweep.
    pub sweep: std::path::PathBuf,
}

impl Merged {
    /// The error for what is missing; None when nothing is.
    pub fn incomplete(&self) -> Option<SlurmError> {
        self.missing().map(|failed| SlurmError::Incomplete { failed, command: self.command.clone() })
    }

    /// What is missing, in words.
    fn missing(&self) -> Option<String> {
        let tasks: Vec<&str> =
            self.report.tasks.iter().filter(|t| !t.outcome.good()).map(|t| t.name.as_str()).collect();
        if self.failed.is_empty() && tasks.is_empty() {
            return None;
        }
        let array = self.failed.iter().map(UnitStatus::named).collect::<Vec<_>>().join(", ");
        let array = match self.failed.len() {
            0 => String::new(),
            1 => format!("array task {array} failed; "),
            n => format!("{n} array tasks failed: {array}; "),
        };
        let of = self.report.tasks.len();
        Some(format!("{array}{} of {of} tasks are not whole: {}", tasks.len(), tasks.join(", ")))
    }
}

impl UnitStatus {
    /// How a message names it: `41_3 (CheetahRun, part 2 of 4)`.
    pub fn named(&self) -> String {
        let job = if self.job.is_empty() { "not submitted" } else { &self.job };
        format!("{job} ({}, part {} of {})", self.task, self.part, self.of)
    }
}

/// Checks every unit of the submission in `folder` and joins the tasks that are whole. Nothing may be at work in
/// the sweep any more.
///
/// # Errors
/// [`SlurmError`] where nothing could be joined. Units and tasks that failed are in the result.
pub fn merge(folder: &Path, stop: &AtomicBool, watch: &dyn SweepWatch) -> Result<Merged, SlurmError> {
    let note = Submission::read(folder)?;
    let merged = work(&note, folder, stop, watch);
    let file = match &merged {
        Ok(merged) => MergeFile { content_sha256: merged.report.content_sha256.clone(), reason: merged.missing() },
        Err(error) => MergeFile { content_sha256: None, reason: Some(error.to_string()) },
    };
    file.write(folder)?;
    merged
}

fn work(note: &Submission, folder: &Path, stop: &AtomicBool, watch: &dyn SweepWatch) -> Result<Merged, SlurmError> {
    let manifest = Manifest::of(&note.sweep)?;
    let mut present = BTreeMap::new();
    for (name, entry) in &manifest.tasks {
        present.insert(name.clone(), finished_episodes(&note.sweep.join(&entry.file))?);
    }
    // Without squeue, as in a container, all units that have not reported are taken for dead: their jobs are over.
    let queue = commands::queue(&note.name).unwrap_or_default();
    let units = units(note, folder, &note.sweep, &manifest, &present, Some(&queue))?;
    let plan = plan(note)?;
    let how = How { folder: &note.sweep, threads: note.settings.threads(), share: Share::Merge, force: false, stop };
    let begun = Instant::now();
    let report = loop {
        match run_sweep(&plan, &how, watch) {
            Err(SweepError::Busy { .. }) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_secs(1)),
            other => break other?,
        }
    };
    let failed = units.into_iter().filter(|u| u.state != UnitPlace::Done).collect();
    Ok(Merged { failed, report, command: note.command.clone(), sweep: note.sweep.clone() })
}
