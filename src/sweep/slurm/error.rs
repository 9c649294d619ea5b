//! What can go wrong between a sweep and a cluster.

use std::path::PathBuf;

use crate::dataset::DatasetError;
use crate::record::RecordError;
use crate::sweep::SweepError;

/// An error of the Slurm part of a sweep.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// A command of Slurm's is not there.
    #[error("{program} not found: load your cluster's Slurm module, or run this on a login node")]
    Missing {
        /// The command.
        program: &'static str,
    },
    /// A command of Slurm's failed.
    #[error("{program} failed: {words}")]
    Failed {
        /// The command.
        program: &'static str,
        /// What it says.
        words: String,
    },
    /// sbatch takes a script not.
    #[error("sbatch refused {script}: {words}{hint}")]
    Refused {
        /// The script's name.
        script: String,
        /// What sbatch says.
        words: String,
        /// Where to look.
        hint: String,
    },
    /// A setting that makes no sense.
    #[error("slurm.{name}: {reason}")]
    Setting {
        /// The setting, as in the file.
        name: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The cluster has no job arrays.
    #[error("the cluster takes no job arrays (its MaxArraySize is {size}); ask its staff, or set slurm.max-array-size")]
    NoArrays {
        /// What `scontrol` says.
        size: String,
    },
    /// A folder that cannot be written into a batch script.
    #[error("{} holds one of % $ ` \" ' \\, which batch scripts cannot name; use another folder", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
    },
    /// Jobs of an earlier submission are at work.
    #[error(
        "jobs of this sweep are still in the queue ({queued}); wait for them, or stop them with `scancel --name={name}`"
    )]
    Queued {
        /// How many, in words.
        queued: String,
        /// Name of the jobs.
        name: String,
    },
    /// An array task that is not of this submission.
    #[error("there is no unit {unit} in {}", folder.display())]
    NoUnit {
        /// Its number.
        unit: usize,
        /// Folder of the submission.
        folder: PathBuf,
    },
    /// An array task could not do its part.
    #[error("{task}, part {part} of {of}: {reason}")]
    Unit {
        /// The task.
        task: String,
        /// Part, from 1.
        part: u64,
        /// Number of parts.
        of: u64,
        /// Why not.
        reason: String,
    },
    /// Not everything is there after all jobs have ended.
    #[error("{failed}; what is finished is kept; go on with: {command}")]
    Incomplete {
        /// What is missing, in words.
        failed: String,
        /// The command.
        command: String,
    },
    /// Nothing was submitted yet.
    #[error("{}: nothing of this sweep was submitted to Slurm; do so with `dynsparse sweep --slurm`", folder.display())]
    NoSubmission {
        /// Folder of the sweep.
        folder: PathBuf,
    },
    /// From the sweep.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// From a recording.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// From a file.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A file that cannot be read or written.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

impl SlurmError {
    /// A failed read or write.
    pub(super) fn file(file: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::File { file: file.into(), reason: reason.to_string() }
    }
}
