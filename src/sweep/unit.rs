//! A unit: one part of one task's episodes, what an array task of a cluster does.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::run::Sweep;
use super::{How, Outcome, Plan, Share, SweepError, TaskReport, Watch};
use crate::dataset::DatasetError;

/// Folder of the notes, one JSON file a unit.
const UNITS: &str = "units";

/// What a unit leaves in `units/TASK.PART-of-OF.json`, so that the merge and others can say what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitReport {
    /// The task.
    pub task: String,
    /// Part, from 1.
    pub part: u64,
    /// Number of parts.
    pub of: u64,
    /// None when its episodes are all there, else why not.
    pub failure: Option<String>,
    /// The machine.
    pub host: String,
    /// Wall-clock time, s.
    pub seconds: f64,
}

/// Records part `shard.0` of `shard.1` (from 1) of one task of a plan, in the folder of the sweep; `how.share`
/// does not matter. Many such processes may work at once; `run` with [`Share::Merge`] joins what they leave.
///
/// # Errors
/// As [`super::run`]. What stops the task is in the report and in the unit's note.
pub fn run_unit(
    plan: &Plan,
    task: &str,
    shard: (u64, u64),
    how: &How<'_>,
    watch: &dyn Watch,
) -> Result<TaskReport, SweepError> {
    let task = plan.task(task)?;
    let how = How { share: Share::Shard(shard.0, shard.1), force: false, ..*how };
    let folder = Folder::open(how.folder, false)?;
    let manifest = folder.settle(plan, false)?;
    let sweep = Sweep { plan, how: &how, watch, folder, manifest: Mutex::new(manifest) };
    let report = sweep.reported(task, None, None)?;
    if report.outcome == Outcome::Stopped { Err(SweepError::Stopped) } else { Ok(report) }
}

/// Leaves a unit's note; a unit that was stopped goes on later and leaves none.
pub(super) fn note(folder: &Folder, report: &TaskReport, (part, of): (u64, u64)) -> Result<(), SweepError> {
    let failure = match &report.outcome {
        Outcome::Stopped => return Ok(()),
        Outcome::Failed { reason } | Outcome::MissingAssets { reason, .. } => Some(reason.clone()),
        Outcome::Recorded(_) | Outcome::Kept(_) | Outcome::Part => None,
    };
    let path = folder.file(UNITS);
    std::fs::create_dir_all(&path).map_err(|e| DatasetError::io(&path, e))?;
    let unit = UnitReport {
        task: report.name.clone(),
        part,
        of,
        failure,
        host: gethostname::gethostname().to_string_lossy().into_owned(),
        seconds: report.seconds,
    };
    let text = serde_json::to_string_pretty(&unit).unwrap_or_default() + "\n";
    folder.write_text(&format!("{UNITS}/{}.{part}-of-{of}.json", report.name), &text)
}

impl UnitReport {
    /// The notes that lie in the folder of a sweep, by task and part.
    ///
    /// # Errors
    /// An I/O error. A note that cannot be understood is left out.
    pub fn read_all(folder: &std::path::Path) -> Result<Vec<Self>, SweepError> {
        let path = folder.join(UNITS);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(DatasetError::io(&path, e).into()),
        };
        let mut notes = Vec::new();
        for entry in entries {
            let file = entry.map_err(|e| DatasetError::io(&path, e))?.path();
            if file.extension().is_some_and(|e| e == "json") {
                let text = std::fs::read_to_string(&file).map_err(|e| DatasetError::io(&file, e))?;
                notes.extend(serde_json::from_str::<Self>(&text));
            }
        }
        notes.sort_by(|a, b| (&a.task, a.of, a.part).cmp(&(&b.task, b.of, b.part)));
        Ok(notes)
    }
}

/// What the notes say about episodes of a task that are missing, to be put behind an error; may be empty.
pub(super) fn failures(folder: &Folder, task: &str) -> String {
    let notes = UnitReport::read_all(&folder.file("")).unwrap_or_default();
    let failed: Vec<String> = notes
        .iter()
        .filter(|n| n.task == task)
        .filter_map(|n| Some(format!("; part {}/{} failed on {}: {}", n.part, n.of, n.host, n.failure.as_ref()?)))
        .collect();
    let more = failed.len().saturating_sub(3);
    let rest = if more > 0 { format!("; and {more} parts more") } else { String::new() };
    format!("{}{rest}", failed[..failed.len().min(3)].concat())
}

/// Removes the notes of a task.
pub(super) fn forget(folder: &Folder, task: &str) {
    for note in UnitReport::read_all(&folder.file("")).unwrap_or_default().iter().filter(|n| n.task == task) {
        let _ = std::fs::remove_file(folder.file(&format!("{UNITS}/{task}.{}-of-{}.json", note.part, note.of)));
    }
    // Only when it is empty.
    let _ = std::fs::remove_dir(folder.file(UNITS));
}
