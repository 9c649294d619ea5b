//! What was submitted, and what each array task says of itself: JSON files in a folder of their own,
//! `slurm/run-0001` in the folder of the sweep. Only the process that submits writes the first; only one array
//! task writes each of the others. So nothing is written by two, on whatever nodes they run.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::settings::MOST_UNITS;
use super::{SlurmError, SlurmSettings};
use crate::bounded::{self, word};
use crate::files::{self, Lock};
use crate::seal;
use crate::sweep::SweepError;

/// Value of the field `format`.
const FORMAT: &str = "dynsparse-slurm";

/// Version of these files; another one is refused. The first one had no checksum.
const VERSION: u32 = 2;

/// Episodes of an array task, at most.
const MOST_EPISODES: u64 = 100_000_000;

/// Name of the file in the folder of a submission.
const FILE: &str = "submission.json";

/// A part of a task's episodes: the work of one array task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unit {
    /// The task.
    pub task: String,
    /// Every `of`-th episode, beginning with episode `part` - 1.
    pub part: u64,
    /// Into how many parts the task is dealt.
    pub of: u64,
    /// Episodes of this part.
    pub episodes: u64,
}

/// One job array of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Submitted {
    /// Its script.
    pub script: String,
    /// Index 0 of the array is this unit.
    pub first: usize,
    /// How many units it has.
    pub units: usize,
    /// Slurm's number, once it is submitted.
    pub job: Option<u64>,
}

/// Everything that one call of `sweep --slurm` has submitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Submission {
    format: String,
    version: u32,
    /// Folder of the sweep, an absolute path.
    pub sweep: PathBuf,
    /// Name of its jobs.
    pub name: String,
    /// Folder of the model files, an absolute path.
    pub assets: PathBuf,
    /// The command that goes on with the sweep.
    pub command: String,
    /// What the cluster was asked for.
    pub settings: SlurmSettings,
    /// The work, in the order of the arrays.
    pub units: Vec<Unit>,
    /// The arrays.
    pub arrays: Vec<Submitted>,
    /// Slurm's number of the job that checks and joins.
    pub merge: Option<u64>,
}

impl Submission {
    /// Of a sweep, with nothing in it.
    pub(super) fn new(sweep: &Path, name: String, assets: &Path, command: String, settings: SlurmSettings) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            sweep: sweep.to_owned(),
            name,
            assets: assets.to_owned(),
            command,
            settings,
            units: Vec::new(),
            arrays: Vec::new(),
            merge: None,
        }
    }

    /// Reads the submission in a folder.
    ///
    /// # Errors
    /// [`SlurmError::File`].
    pub(super) fn read(folder: &Path) -> Result<Self, SlurmError> {
        let file = folder.join(FILE);
        let missing = || SlurmError::file(&file, "there is no such file");
        let value = parsed(&file)?.ok_or_else(missing)?;
        if value["format"] != FORMAT || value["version"] != VERSION {
            let version = word(&value["version"].to_string());
            let reason =
                format!("is of version {version}, this program knows {VERSION}; use the dynsparse that submitted it");
            return Err(SlurmError::file(&file, reason));
        }
        let again = "cancel its jobs, delete its folder and submit the same sweep again: what is recorded is kept";
        let there: Self = seal::unseal(value).map_err(|e| SlurmError::file(&file, format!("{e}; {again}")))?;
        there.check().map_err(|what| SlurmError::file(&file, format!("{what}; {again}")))?;
        Ok(there)
    }

    /// Whether what it says can be.
    fn check(&self) -> Result<(), String> {
        self.settings.validate().map_err(|e| e.to_string())?;
        bounded::within("the number of units", self.units.len() as u64, &(0..=MOST_UNITS))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        for unit in &self.units {
            if unit.task.is_empty() || unit.task.starts_with('.') || !unit.task.chars().all(plain) {
                return Err(format!("names the task \"{}\"", word(&unit.task)));
            }
            bounded::within("of", unit.of, &(1..=MOST_UNITS))?;
            bounded::within("part", unit.part, &(1..=unit.of))?;
            bounded::within("episodes", unit.episodes, &(1..=MOST_EPISODES))?;
        }
        for array in &self.arrays {
            let end = array.first.checked_add(array.units);
            if end.is_none_or(|end| end > self.units.len()) || !array.script.chars().all(plain) {
                return Err(format!("has an array \"{}\" that is not of its units", word(&array.script)));
            }
        }
        if !(self.sweep.is_absolute() && self.assets.is_absolute() && self.name.chars().all(plain)) {
            return Err("has a folder that is no absolute path, or a name that is no job's".to_owned());
        }
        Ok(())
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// [`SlurmError::File`].
    pub(super) fn write(&self, folder: &Path) -> Result<(), SlurmError> {
        write(&folder.join(FILE), self)
    }

    /// The array job and index of a unit, once submitted.
    pub(super) fn task_of(&self, unit: usize) -> Option<(u64, u64)> {
        let array = self.arrays.iter().find(|a| (a.first..a.first + a.units).contains(&unit))?;
        Some((array.job?, (unit - array.first) as u64))
    }
}

/// What has become of a unit, in the words of the array task that worked on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Said {
    /// It has begun.
    Running,
    /// All its episodes are there.
    Done,
    /// It was asked to stop, and left the rest for later.
    Stopped,
    /// It could not go on.
    Failed,
}

/// The file of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnitFile {
    /// What it says last.
    pub state: Said,
    /// How often it was begun.
    pub starts: u32,
    /// The node.
    pub host: String,
    /// Why, where it stopped or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl UnitFile {
    fn path(folder: &Path, unit: usize) -> PathBuf {
        folder.join("units").join(format!("{unit:06}.json"))
    }

    /// Reads the file of a unit; None when it never began.
    ///
    /// # Errors
    /// [`SlurmError::File`].
    pub(super) fn read(folder: &Path, unit: usize) -> Result<Option<Self>, SlurmError> {
        read(&Self::path(folder, unit))
    }

    /// Replaces it.
    ///
    /// # Errors
    /// [`SlurmError::File`].
    pub(super) fn write(&self, folder: &Path, unit: usize) -> Result<(), SlurmError> {
        write(&Self::path(folder, unit), self)
    }
}

/// How the merge ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MergeFile {
    /// Digest of the whole sweep's content, when every task is done.
    pub content_sha256: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl MergeFile {
    const NAME: &str = "merge.json";

    /// Reads the file; None when the merge has not ended.
    ///
    /// # Errors
    /// [`SlurmError::File`].
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, SlurmError> {
        read(&folder.join(Self::NAME))
    }

    /// Replaces it.
    ///
    /// # Errors
    /// [`SlurmError::File`].
    pub(super) fn write(&self, folder: &Path) -> Result<(), SlurmError> {
        write(&folder.join(Self::NAME), self)
    }
}

/// The folders of all submissions of a sweep, oldest first.
///
/// # Errors
/// [`SlurmError::File`].
pub(super) fn folders(sweep: &Path) -> Result<Vec<PathBuf>, SlurmError> {
    let all = sweep.join("slurm");
    let entries = match std::fs::read_dir(&all) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(SlurmError::file(&all, e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| SlurmError::file(&all, e))?.path();
        if path.join(FILE).is_file() && number(&path).is_some() {
            found.push(path);
        }
    }
    found.sort_by_key(|path| number(path));
    Ok(found)
}

fn number(folder: &Path) -> Option<u32> {
    folder.file_name()?.to_str()?.strip_prefix("run-")?.parse().ok()
}

/// Keeps other processes from submitting the same sweep, until it is dropped.
///
/// # Errors
/// [`SweepError::Busy`] while another one does.
pub(super) fn lock(sweep: &Path) -> Result<Lock, SlurmError> {
    let folder = sweep.join("slurm");
    std::fs::create_dir_all(&folder).map_err(|e| SlurmError::file(&folder, e))?;
    let lock = Lock::of_folder(&folder, true).map_err(|e| SlurmError::file(e.file, e.message))?;
    lock.ok_or_else(|| SweepError::Busy { folder: sweep.to_owned() }.into())
}

/// The folder that the next submission will have.
pub(super) fn name_next(sweep: &Path) -> PathBuf {
    let all = sweep.join("slurm");
    let entries = std::fs::read_dir(&all).into_iter().flatten().flatten();
    let last = entries.filter_map(|entry| number(&entry.path())).max().unwrap_or(0);
    all.join(format!("run-{:04}", last + 1))
}

/// Makes the folder of the next submission.
///
/// # Errors
/// [`SlurmError::File`].
pub(super) fn next_folder(sweep: &Path) -> Result<PathBuf, SlurmError> {
    let folder = name_next(sweep);
    // Made here, so that it may be removed when nothing comes of it.
    std::fs::create_dir(&folder).map_err(|e| SlurmError::file(&folder, e))?;
    for name in ["logs", "units"] {
        let path = folder.join(name);
        std::fs::create_dir(&path).map_err(|e| SlurmError::file(&path, e))?;
    }
    Ok(folder)
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, SlurmError> {
    let again = "delete it: it says only what became of a job";
    let opened = |value| seal::unseal(value).map_err(|e| SlurmError::file(file, format!("{e}; {again}")));
    parsed(file)?.map(opened).transpose()
}

/// A file as JSON, not yet believed; None when there is none.
fn parsed(file: &Path) -> Result<Option<Value>, SlurmError> {
    match bounded::read(file, bounded::TEXT) {
        Ok(bytes) => seal::parse(&bytes).map(Some).map_err(|e| SlurmError::file(file, e)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SlurmError::file(file, e)),
    }
}

/// Replaces a file whole, under a temporary name that no other process on no other node has.
fn write(file: &Path, value: &impl Serialize) -> Result<(), SlurmError> {
    let text = seal::pretty(value).map_err(|e| SlurmError::file(file, e))?;
    files::replace_ours(file, text.as_bytes()).map_err(|e| SlurmError::file(e.file, e.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission() -> Submission {
        let (sweep, assets) = (Path::new("/project/s"), Path::new("/project/assets"));
        let mut note = Submission::new(sweep, "dynsparse-s".to_owned(), assets, "cd x".to_owned(), Default::default());
        note.units = vec![Unit { task: "A".to_owned(), part: 1, of: 2, episodes: 3 }; 2];
        note.arrays = vec![Submitted { script: "array-1.sh".to_owned(), first: 0, units: 2, job: Some(7) }];
        note
    }

    #[test]
    fn a_submission_is_believed_by_its_checksum_and_its_numbers() {
        let folder = tempfile::tempdir().unwrap();
        submission().write(folder.path()).unwrap();
        let read = || Submission::read(folder.path());
        assert_eq!(read().unwrap(), submission());
        let file = folder.path().join(FILE);
        let text = std::fs::read_to_string(&file).unwrap();
        let refused = |text: &str, part: &str| {
            std::fs::write(&file, text).unwrap();
            let error = read().unwrap_err().to_string();
            assert!(error.contains("submission.json: ") && error.contains(part), "{error}");
        };
        refused(&text.replace("\"job\": 7", "\"job\": 5"), "the checksum that it states");
        refused(&text.replace("\"version\": 2", "\"version\": 1"), "version 1");
        let changed = |f: &dyn Fn(&mut Submission), part: &str| {
            let mut note = submission();
            f(&mut note);
            refused(&seal::pretty(&note).unwrap(), part);
        };
        changed(&|n| n.units[0].of = 0, "of is 0");
        changed(&|n| n.units[0].part = 0, "part is 0");
        changed(&|n| n.units[1].episodes = u64::MAX, "episodes is 18446744073709551615");
        changed(&|n| n.units[1].task = "../A".to_owned(), "names the task \"../A\"");
        changed(&|n| n.arrays[0].first = usize::MAX, "not of its units");
        changed(&|n| n.arrays[0].units = 3, "not of its units");
        changed(&|n| n.sweep = "s".into(), "absolute path");
        changed(&|n| n.settings.cpus = Some(0), "slurm.cpus");
    }

    #[test]
    fn the_word_of_an_array_task_is_believed_by_its_checksum() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("units")).unwrap();
        let unit =
            UnitFile { state: Said::Failed, starts: 2, host: "n1".to_owned(), reason: Some("no disk".to_owned()) };
        unit.write(folder.path(), 3).unwrap();
        assert_eq!(UnitFile::read(folder.path(), 3).unwrap(), Some(unit));
        let file = UnitFile::path(folder.path(), 3);
        let text = std::fs::read_to_string(&file).unwrap().replace("\"starts\": 2", "\"starts\": 3");
        std::fs::write(&file, text).unwrap();
        let error = UnitFile::read(folder.path(), 3).unwrap_err().to_string();
        assert!(error.contains("000003.json") && error.contains("delete it"), "{error}");
    }
}
