//! The manifest: what was asked, what is done, what it is worth. JSON, replaced whole after every change.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Estimate, Plan, SweepError};
use crate::bounded::{self, word};
use crate::dataset::{hdf5_version, schema};
use crate::physics::mujoco_version;
use crate::record::{self, RecordSettings};
use crate::seal;
use crate::task::file_stem;

/// Value of the field `format`.
const FORMAT: &str = "dynsparse-sweep";

/// Version of the manifest; another one is refused. The first one had no checksum.
const VERSION: u32 = 2;

/// Tasks of a sweep, and episodes and bytes of one, at most: what a manifest says beyond that is not so.
const MOST_TASKS: usize = 10_000;
const MOST_EPISODES: u64 = 100_000_000;
const MOST_BYTES: u64 = 1 << 50;

/// What to do with a manifest that cannot be believed. Nothing recorded is lost by it.
const FIX: &str =
    "restore it from a copy, or delete it and give the same sweep again: recordings that are whole are kept";

/// The manifest of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    /// What records; a sweep is gone on with by the same only.
    pub program: Program,
    /// Digest of the whole sweep's content, once every task is done: SHA-256 over a line `NAME DIGEST` for each
    /// task, by name. No time, place or machine is in it, so that two sites can compare it.
    pub content_sha256: Option<String>,
    /// The tasks, by name.
    pub tasks: BTreeMap<String, TaskEntry>,
}

/// The program and what it works with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Version of this program.
    pub dynsparse: String,
    /// Commit it was built from.
    pub commit: String,
    /// Version of MuJoCo.
    pub mujoco: String,
    /// Version of HDF5.
    pub hdf5: String,
    /// Version of the schema.
    pub schema: u32,
    /// Operating system and architecture.
    pub platform: String,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskEntry {
    /// Its suite.
    pub suite: String,
    /// Its recording, in the folder of the manifest.
    pub file: String,
    /// What was asked.
    pub settings: RecordSettings,
    /// What it was thought to cost, where that was measured.
    #[serde(default)]
    pub estimate: Option<Estimate>,
    /// How often it was begun.
    pub attempts: u32,
    /// What became of it.
    #[serde(flatten)]
    pub state: State,
}

impl TaskEntry {
    /// The recording, when it is done.
    pub fn done(&self) -> Option<&Done> {
        match &self.state {
            State::Done(done) => Some(done),
            _ => None,
        }
    }
}

impl TaskEntry {
    fn check(&self, name: &str) -> Result<(), String> {
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        let stem = file_stem(name);
        if !plain(&stem) || stem.starts_with('.') || stem.is_empty() || self.file != format!("{stem}.h5") {
            return Err(format!("its file is \"{}\", which is not in the folder of the sweep", word(&self.file)));
        }
        if !plain(&self.suite) {
            return Err(format!("its suite is \"{}\"", word(&self.suite)));
        }
        if let Some(e) = &self.estimate {
            bounded::within("its estimated episodes", e.episodes, &(0..=MOST_EPISODES))?;
            bounded::within("its estimated steps", e.steps, &(0..=MOST_BYTES))?;
            bounded::within("its estimated seconds", e.seconds, &(0.0..=1e15))?;
            for bytes in [e.disk, e.memory_per_thread, e.memory_shared] {
                bounded::within("its estimated bytes", bytes, &(0..=MOST_BYTES))?;
            }
        }
        if let State::Done(done) = &self.state {
            is_digest("sha256", &done.sha256)?;
            is_digest("content_sha256", &done.content_sha256)?;
            bounded::within("episodes", done.episodes, &(1..=MOST_EPISODES))?;
            bounded::within("ended_early", done.ended_early, &(0..=done.episodes))?;
            bounded::within("steps", done.steps, &(0..=MOST_BYTES))?;
            bounded::within("bytes", done.bytes, &(1..=MOST_BYTES))?;
            bounded::within("seconds", done.seconds, &(0.0..=1e15))?;
        }
        Ok(())
    }
}

fn is_digest(name: &str, text: &str) -> Result<(), String> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(format!("{name} is \"{}\", which is no SHA-256", word(text)))
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// Not recorded yet.
    Pending,
    /// Recorded.
    Done(Done),
    /// It could not be recorded.
    Failed {
        /// Why.
        reason: String,
    },
    /// Its model files are not there.
    MissingAssets {
        /// What is missing.
        reason: String,
        /// The command that fetches it.
        fix: String,
    },
}

/// A finished recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// SHA-256 of the file.
    pub sha256: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Digest of its content, see [`crate::record::Recipe::content`].
    pub content_sha256: String,
    /// Episodes.
    pub episodes: u64,
    /// Rows.
    pub steps: u64,
    /// Episodes that ended before their last step.
    pub ended_early: u64,
    /// Wall-clock time of the attempt that finished it, s.
    pub seconds: f64,
}

impl Manifest {
    /// Of a plan, with nothing done.
    pub fn new(plan: &Plan) -> Self {
        let entry = |t: &super::Planned| TaskEntry {
            suite: t.suite.clone(),
            file: t.file(),
            settings: t.settings.clone(),
            estimate: None,
            attempts: 0,
            state: State::Pending,
        };
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: Program {
                dynsparse: env!("CARGO_PKG_VERSION").to_owned(),
                commit: record::COMMIT.to_owned(),
                mujoco: mujoco_version(),
                hdf5: hdf5_version(),
                schema: schema::VERSION,
                platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            },
            content_sha256: None,
            tasks: plan.tasks.iter().map(|t| (t.name.clone(), entry(t))).collect(),
        }
    }

    /// Reads a manifest; None when there is none.
    ///
    /// # Errors
    /// [`SweepError::Manifest`] when it cannot be read, has another version, does not have the checksum that it states, or says
    /// what cannot be.
    pub fn read(file: &Path) -> Result<Option<Self>, SweepError> {
        let refuse = |reason: String| SweepError::Manifest { file: file.to_owned(), reason };
        let bytes = match bounded::read(file, bounded::TEXT) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(refuse(e.to_string())),
        };
        let broken =
            |broken: seal::Broken| refuse(format!("{broken}; {FIX}, choose another folder, or --force to start anew"));
        let value = seal::parse(&bytes).map_err(broken)?;
        if value["format"] != FORMAT {
            return Err(refuse("is not the manifest of a sweep; choose another folder".to_owned()));
        }
        if value["version"] != VERSION {
            return Err(refuse(format!(
                "is a manifest of version {}, this program knows version {VERSION}; use the dynsparse that wrote it \
                 ({}), choose another folder, or --force to start anew",
                word(&value["version"].to_string()),
                value["program"]["dynsparse"].as_str().map_or_else(|| "unknown".to_owned(), word)
            )));
        }
        let manifest: Self = seal::unseal(value).map_err(broken)?;
        manifest.check().map_err(|what| refuse(format!("{what}; {FIX}")))?;
        Ok(Some(manifest))
    }

    /// Whether what it says can be: files in its folder, numbers that a sweep can have.
    fn check(&self) -> Result<(), String> {
        bounded::within("the number of tasks", self.tasks.len(), &(1..=MOST_TASKS))?;
        if let Some(digest) = &self.content_sha256 {
            is_digest("content_sha256", digest)?;
        }
        for (name, entry) in &self.tasks {
            entry.check(name).map_err(|what| format!("says of the task \"{}\": {what}", word(name)))?;
        }
        Ok(())
    }

    /// As JSON, for people too.
    pub fn to_json(&self) -> String {
        // Plain data with text keys; serialising it cannot fail.
        seal::pretty(self).unwrap_or_default()
    }

    /// What differs from the sweep that is `there`, for people. None when it is the same sweep.
    pub(super) fn difference(&self, there: &Self) -> Option<String> {
        let asked = |m: &Self| {
            let tasks: serde_json::Map<String, Value> = m
                .tasks
                .iter()
                .map(|(name, e)| (name.clone(), serde_json::to_value(&e.settings).unwrap_or_default()))
                .collect();
            (tasks, serde_json::to_value(&m.program).unwrap_or_default())
        };
        let ((there_tasks, there_program), (here_tasks, here_program)) = (asked(there), asked(self));
        let names = |a: &serde_json::Map<String, Value>, b: &serde_json::Map<String, Value>| {
            let names: Vec<&str> = a.keys().filter(|k| !b.contains_key(*k)).map(String::as_str).collect();
            let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
            format!("{}{more}", names[..names.len().min(3)].join(", "))
        };
        let mut found = Vec::new();
        let (only_there, only_here) = (names(&there_tasks, &here_tasks), names(&here_tasks, &there_tasks));
        if !only_there.is_empty() {
            found.push(format!("tasks there and not here: {only_there}"));
        }
        if !only_here.is_empty() {
            found.push(format!("tasks here and not there: {only_here}"));
        }
        record::compare("", &there_program, &here_program, &mut found);
        for (name, here) in &here_tasks {
            if let Some(there) = there_tasks.get(name) {
                record::compare(name, there, here, &mut found);
            }
        }
        record::at_most_three(found)
    }

    /// The digest over all tasks, when each is done.
    pub fn content(&self) -> Option<String> {
        let mut hash = Sha256::new();
        for (name, entry) in &self.tasks {
            let State::Done(done) = &entry.state else { return None };
            hash.update(format!("{name} {}\n", done.content_sha256).as_bytes());
        }
        Some(seal::hex(&hash.finalize()))
    }
}
