//! A unit: one part of one task's episodes, what an array task of a cluster does.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::run::Sweep;
use super::{How, Plan, Share, SweepError, SweepWatch, TaskOutcome, TaskReport};
use crate::bounded::{self, word};
use crate::dataset::DatasetError;
use crate::seal;
use crate::task::file_stem;

/// Folder of the notes, one JSON file a unit.
const UNITS: &str = "units";

/// What a unit leaves in `units/TASK.PART-of-OF.json`, so that the merge and others can say what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct UnitReport {
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
/// As [`super::run_sweep()`]. What stops the task is in the report and in the unit's note.
pub fn run_unit(
    plan: &Plan,
    task: &str,
    shard: (u64, u64),
    how: &How<'_>,
    watch: &dyn SweepWatch,
) -> Result<TaskReport, SweepError> {
    let task = plan.task(task)?;
    let how = How { share: Share::Shard(shard.0, shard.1), force: false, ..*how };
    let folder = Folder::open(how.folder, false)?;
    let manifest = folder.settle(plan, false)?;
    let sweep = Sweep { plan, how: &how, watch, folder, manifest: Mutex::new(manifest) };
    let report = sweep.reported(task, None, None)?;
    if report.outcome == TaskOutcome::Stopped { Err(SweepError::Stopped) } else { Ok(report) }
}

/// Leaves a unit's note; a unit that was stopped goes on later and leaves none.
pub(super) fn note(folder: &Folder, report: &TaskReport, (part, of): (u64, u64)) -> Result<(), SweepError> {
    let failure = match &report.outcome {
        TaskOutcome::Stopped => return Ok(()),
        TaskOutcome::Failed { reason } | TaskOutcome::MissingAssets { reason, .. } => Some(reason.clone()),
        TaskOutcome::Recorded(_) | TaskOutcome::Kept(_) | TaskOutcome::Part => None,
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
    let text = seal::pretty(&unit).unwrap_or_default();
    folder.write_text(&format!("{UNITS}/{}", name(&report.name, (part, of))), &text)
}

/// A note as it lies in the folder: what it says, or why it cannot be believed.
struct Note {
    file: PathBuf,
    said: Result<UnitReport, String>,
}

impl UnitReport {
    /// Reads a note.
    fn read(file: &Path) -> Result<Self, String> {
        let bytes = bounded::read(file, bounded::TEXT).map_err(|e| e.to_string())?;
        let note: Self = seal::parse(&bytes).and_then(seal::unseal).map_err(|e| e.to_string())?;
        if file.file_name() == Some(name(&note.task, (note.part, note.of)).as_ref()) {
            return Ok(note);
        }
        Err(format!("is about another part: {} of {} of \"{}\"", note.part, note.of, word(&note.task)))
    }
}

fn name(task: &str, (part, of): (u64, u64)) -> String {
    format!("{}.{part}-of-{of}.json", file_stem(task))
}

fn notes(folder: &Path) -> Result<Vec<Note>, SweepError> {
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
            notes.push(Note { said: UnitReport::read(&file), file });
        }
    }
    notes.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(notes)
}

/// Whether a note is about a task, by its name.
fn is_of(note: &Path, task: &str) -> bool {
    let rest =
        note.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_prefix(&file_stem(task))?.strip_prefix('.'));
    rest.is_some_and(|rest| {
        rest.trim_end_matches(".json")
            .split_once("-of-")
            .is_some_and(|(part, of)| [part, of].iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())))
    })
}

/// What the notes say about episodes of a task that are missing, to be put behind an error; may be empty.
pub(super) fn failures(folder: &Folder, task: &str) -> String {
    let said = |note: &Note| match &note.said {
        Ok(n) => {
            let (host, failure) = (word(&n.host), bounded::sentence(n.failure.as_ref()?));
            Some(format!("; part {}/{} failed on {host}: {failure}", n.part, n.of))
        }
        Err(reason) => Some(format!("; {} {reason}", note.file.display())),
    };
    let notes = notes(&folder.file("")).unwrap_or_default();
    let failed: Vec<String> = notes.iter().filter(|n| is_of(&n.file, task)).filter_map(said).collect();
    let more = failed.len().saturating_sub(3);
    let rest = if more > 0 { format!("; and {more} parts more") } else { String::new() };
    format!("{}{rest}", failed[..failed.len().min(3)].concat())
}

/// Removes the notes of a task.
pub(super) fn forget(folder: &Folder, task: &str) {
    for note in notes(&folder.file("")).unwrap_or_default().iter().filter(|n| is_of(&n.file, task)) {
        let _ = std::fs::remove_file(&note.file);
    }
    // Only when it is empty.
    let _ = std::fs::remove_dir(folder.file(UNITS));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_told_apart_by_their_names() {
        let of = |name: &str, task: &str| is_of(Path::new(name), task);
        assert!(of("units/A.1-of-2.json", "A") && of("A.b.10-of-20.json", "A.b"));
        assert!(
            !of("A.b.1-of-2.json", "A") && !of("AB.1-of-2.json", "A") && !of("A.1-of-.json", "A") && !of("A.json", "A")
        );
    }

    #[test]
    fn a_damaged_note_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("units/A.1-of-2.json");
        std::fs::create_dir(folder.path().join("units")).unwrap();
        let unit = |of| UnitReport {
            task: "A".to_owned(),
            part: 1,
            of,
            failure: Some("no disk".to_owned()),
            host: "n1".to_owned(),
            seconds: 0.5,
        };
        let text = seal::pretty(&unit(2)).unwrap();
        std::fs::write(&file, &text).unwrap();
        let said = || notes(folder.path()).unwrap().remove(0).said;
        assert_eq!(said(), Ok(unit(2)));
        for bad in [text.replace("no disk", "nO disk"), "{}".to_owned(), seal::pretty(&unit(3)).unwrap()] {
            std::fs::write(&file, bad).unwrap();
            assert!(said().is_err());
        }
    }
}
