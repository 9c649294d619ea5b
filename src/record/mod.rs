//! From a job to a file: episodes go to workers, workers stream them into shards, shards are joined in order
//! while the others are still being recorded.
//!
//! An episode is the unit of work. It depends on (model, task, settings, seed, its number) only, so threads,
//! processes, order and interruptions cannot change the result, and the merged file is the same to the byte.

mod budget;
mod content;
mod episode;
mod error;
mod job;
mod joiner;
mod machine;
mod parts;
mod probe;
mod recipe;
mod replayed;
mod residual;
mod restored;
mod rows;
mod settings;
mod unsound;
mod verify;
mod workers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use budget::{Budget, MOST_THREADS, Permit};
pub use content::check_content;
pub use episode::{Runner, Sink};
pub use error::RecordError;
pub use job::{Job, StepKind};
pub use probe::Probe;
pub use recipe::{FileHash, Recipe};
pub use replayed::Replayed;
pub use restored::{Restored, restored};
pub use rows::RecordedRows;
pub use settings::{RecordSettings, command, in_quotes};
pub use unsound::drop_unsound;
pub use verify::{Verification, verify};

use crate::dataset::schema::attribute;
use crate::dataset::{DatasetError, Header, ModelFiles, Recording};
use crate::files::{self, Inputs, publish};
use crate::physics::{Model, ModelSource, PluginFile};
use crate::policy::{OnnxFile, PolicySpec};
use crate::task::Task;
use parts::Parts;
pub(crate) use parts::drop_unfinished;
pub use parts::finished_episodes;
pub(crate) use recipe::{at_most_three, compare};

/// The commit that this program was built from, with `-dirty` when its sources had changes.
pub const COMMIT: &str = env!("DYNSPARSE_COMMIT");

/// Told what happens. Called from the workers.
pub trait RecordProgress: Sync {
    /// Work begins: `done` of `episodes` were there already; each gives up to `rows` rows.
    fn begin(&self, episodes: u64, done: u64, rows: usize);
    /// A row was recorded.
    fn row(&self);
    /// An episode is finished and safe.
    fn episode(&self, episode: u64, rows: usize, end: &str);
    /// `done` of `total` shards are joined.
    fn joining(&self, done: u64, total: u64);
}

/// Nobody watches.
impl RecordProgress for () {
    fn begin(&self, _: u64, _: u64, _: usize) {}
    fn row(&self) {}
    fn episode(&self, _: u64, _: usize, _: &str) {}
    fn joining(&self, _: u64, _: u64) {}
}

/// How to run a job, which does not change its result.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    /// The file to write.
    pub output: &'a Path,
    /// Worker threads.
    pub threads: usize,
    /// The threads that this job shares with others, and its rank among them; a worker waits for a permit.
    pub budget: Option<(&'a Budget, usize)>,
    /// Record only part `.0` of `.1` (from 1), and do not merge.
    pub shard: Option<(u64, u64)>,
    /// Record nothing, only merge what is there.
    pub merge_only: bool,
    /// Replace an output or unfinished work of other settings.
    pub force: bool,
    /// The command that makes the recording, for its provenance.
    pub command: String,
    /// Set when the work is to stop.
    pub stop: &'a AtomicBool,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The file is there now.
    Recorded,
    /// The file was there already, with the same recipe.
    AlreadyThere,
    /// All episodes of this part are there; the rest is other processes' work.
    PartDone {
        /// The folder of shards.
        folder: PathBuf,
    },
}

/// A job made ready: its model is compiled, its files are hashed.
pub struct Prepared {
    task: Task,
    job: Job,
    model: Arc<Model>,
    replay: Option<Replayed>,
    network: Option<OnnxFile>,
    recipe: Recipe,
    files: ModelFiles,
    /// What was read for it.
    inputs: Inputs,
    /// Files of the model from outside its folder.
    outside: Vec<String>,
}

impl Prepared {
    /// Compiles the model, opens the replay file, and differentiates once.
    ///
    /// For a replay, `job.episodes` and `job.steps` are lowered to what the file holds and its hash is
    /// noted.
    ///
    /// # Errors
    /// Whatever keeps the job from being recorded, before anything is written.
    pub fn new(task: Task, mut job: Job) -> Result<Self, RecordError> {
        job.validate()?;
        // What is simulated is what is stored.
        let disk = match &task.source {
            ModelSource::Disk(path) => Some(path.clone()),
            ModelSource::Memory { .. } | ModelSource::Kept { .. } => None,
        };
        let (task, model) = task.kept(job.solver)?;
        let model = Arc::new(model);
        let outside = disk.as_ref().map_or_else(Vec::new, |path| task.source.outside(path));
        let mut inputs = Inputs::new(disk.iter().flat_map(|path| task.source.places(path)));
        match &job.policy {
            PolicySpec::Replay { file, .. } | PolicySpec::Onnx { file, .. } | PolicySpec::Log { file, .. } => {
                inputs.add(file);
            }
            _ => {}
        }
        if model.nv() == 0 {
            return Err(RecordError::Setting(format!(
                "{}: the model has no degree of freedom, so there is nothing to differentiate; give a body a joint",
                model.file()
            )));
        }
        check_size(&model)?;
        let replay = Replayed::open(&mut job, &task, &model)?;
        if i32::try_from(job.rows_per_episode()).is_err() {
            return Err(RecordError::Setting(format!(
                "steps is {}: an episode has at most {} rows; record more episodes instead",
                job.steps,
                i32::MAX
            )));
        }
        let network = open_network(&mut job, &task, &model)?;
        network.iter().flat_map(OnnxFile::beside).for_each(|file| inputs.add(file));
        let (recipe, files) = Recipe::new(&job, &task, &model)?;
        let prepared = Self { task, job, model, replay, network, recipe, files, inputs, outside };
        prepared.runner()?.preflight()?;
        Ok(prepared)
    }

    /// A runner of its own for one thread.
    fn runner(&self) -> Result<Runner<'_>, RecordError> {
        let mut runner = Runner::new(&self.task, &self.job, &self.model, self.replay.as_ref())?;
        if let Some(network) = &self.network {
            runner.act_by(network);
        }
        Ok(runner)
    }

    /// The job, as it will be recorded.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Why the engine is not the implicit one, where `auto` had to fall back.
    pub fn fallback(&self) -> Option<String> {
        self.job.jacobian.resolve(&self.model).fallback
    }

    /// The plugins that its model uses.
    pub fn plugins(&self) -> &[PluginFile] {
        &self.recipe.plugins
    }

    /// Files of the model from outside its folder ([`ModelSource::outside`]), as the recording names them.
    pub fn outside_files(&self) -> &[String] {
        &self.outside
    }

    /// The compiled model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    fn header(&self, command: &str, shard: bool) -> Result<Header, RecordError> {
        let files = (!shard).then(|| self.files.clone());
        self.recipe.header(&self.model, self.job.rows_per_episode(), files, command)
    }
}

/// The largest A and B of a step, bytes. An engine holds some tens of these.
const MOST_BYTES: usize = 1 << 30;

/// Numbers of an integration state, at most; a simulation and an engine hold some of them.
const MOST_NUMBERS: usize = 1 << 24;

/// Refuses a model whose state or Jacobian is larger than any robot's.
fn check_size(model: &Model) -> Result<(), RecordError> {
    if model.state_size() > MOST_NUMBERS {
        return Err(RecordError::Setting(format!(
            "{}: its state has {} numbers, the most is {MOST_NUMBERS}; lower nuserdata, or take bodies out",
            model.file(),
            model.state_size()
        )));
    }
    let bytes = model.ndx().saturating_mul(model.ndx() + model.nu()).saturating_mul(8);
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(RecordError::Setting(format!(
        "{}: with nv = {} and nu = {} the Jacobian of one step has {:.1} GB, the most is {:.1} GB; take bodies or actuators out",
        model.file(),
        model.nv(),
        model.nu(),
        bytes as f64 / 1e9,
        MOST_BYTES as f64 / 1e9
    )))
}

/// Opens the network that acts, for what the task shows it.
fn open_network(job: &mut Job, task: &Task, model: &Model) -> Result<Option<OnnxFile>, RecordError> {
    let PolicySpec::Onnx { file, sha256 } = &mut job.policy else { return Ok(None) };
    let Some(scorer) = task.scorer(model)? else {
        return Err(RecordError::Setting(format!(
            "policy onnx: the task {} has no observation here to show to a network; say what it sees, as --observe \
             qpos,qvel, or export its trajectories and replay them (see examples/export_playground.py)",
            task.spec.name
        )));
    };
    let actions = task.env(model)?.action_labels().map_or(model.nu(), |labels| labels.len());
    let opened = OnnxFile::open(file, scorer.size(), actions)?;
    if let Some(expected) = sha256.as_ref().filter(|s| !s.eq_ignore_ascii_case(opened.sha256())) {
        return Err(RecordError::Setting(format!(
            "{}: its SHA-256 is {}, not {expected}: it is another network",
            file.display(),
            opened.sha256()
        )));
    }
    *sha256 = Some(opened.sha256().to_owned());
    // As of a replay: the hash says which file it is.
    *file = PathBuf::from(file.file_name().unwrap_or_default());
    Ok(Some(opened))
}

/// Runs a job.
///
/// # Errors
/// [`RecordError`]; finished episodes are kept in every case, and the same job goes on from them.
pub fn record(prepared: &Prepared, run: &Run<'_>, progress: &dyn RecordProgress) -> Result<RecordOutcome, RecordError> {
    if already_there(prepared, run)? {
        if parts::are_there(run.output) {
            // Killed between the last rename and the clean-up.
            Parts::open(run.output, &prepared.recipe, true, run.force)?.remove()?;
        }
        return Ok(RecordOutcome::AlreadyThere);
    }
    let total = prepared.job.episodes;
    let folder = files::parts_of(run.output);
    if run.merge_only && !folder.is_dir() {
        return Err(RecordError::Incomplete { folder, missing: total as usize, total, first: 0 });
    }
    let parts = Parts::open(run.output, &prepared.recipe, run.shard.is_none(), run.force)?;
    // The same command may have finished in another process while this one waited for nothing.
    if run.shard.is_none() && already_there(prepared, run)? {
        parts.remove()?;
        return Ok(RecordOutcome::AlreadyThere);
    }
    let mut todo = Todo { episodes: total, shard: run.shard, present: parts.present()? };
    for (episode, error) in unsound::find(prepared, run, &parts, &todo)? {
        if run.merge_only {
            return Err(RecordError::Unsound(error));
        }
        tracing::warn!("{error}: the episode is recorded again");
        parts.drop_shard(episode)?;
        todo.present.remove(&episode);
    }
    let missing = todo.missing();
    if run.merge_only
        && let Some(first) = todo.first()
    {
        return Err(RecordError::Incomplete { folder, missing: missing as usize, total, first });
    }
    if let Some(reason) = prepared.fallback() {
        tracing::warn!("{}: the engine whole-step computes the Jacobians: {reason}", prepared.job.task.name);
    }
    let held = prepared.model.held_state();
    if prepared.job.policy.replays_states() && !held.is_empty() {
        tracing::warn!(
            "{}: {} of the model are not in the file to replay: each row has what the rows before it have left, the first nothing; so \
             let rows be whole motions, in order",
            prepared.job.task.name,
            held.join(" and ")
        );
    }
    for plugin in prepared.plugins().iter().filter(|plugin| !plugin.is_tested()) {
        tracing::warn!(
            "{}: the plugin {} is not one that the tests know: its code takes part in every step, and entries are right as far as a \
             step depends on the integration state alone",
            prepared.job.task.name,
            plugin.name
        );
    }
    progress.begin(todo.asked(), todo.asked() - missing, prepared.job.rows_per_episode());
    let joined = workers::record(prepared, run, &parts, &todo, progress)?;
    if run.shard.is_some() {
        return Ok(RecordOutcome::PartDone { folder });
    }
    publish(&joined, run.output).inspect_err(|_| drop(std::fs::remove_file(&joined)))?;
    parts.remove()?;
    Ok(RecordOutcome::Recorded)
}

/// The episodes of a process, and which of them are there.
struct Todo {
    episodes: u64,
    shard: Option<(u64, u64)>,
    present: BTreeSet<u64>,
}

impl Todo {
    /// Whether an episode is this process's work.
    fn mine(&self, episode: u64) -> bool {
        self.shard.is_none_or(|(part, of)| episode % of == part - 1)
    }

    /// Whether it is, and is missing.
    fn wants(&self, episode: u64) -> bool {
        self.mine(episode) && !self.present.contains(&episode)
    }

    /// How many are this process's work.
    fn asked(&self) -> u64 {
        let (part, of) = self.shard.unwrap_or((1, 1));
        if part > self.episodes { 0 } else { (self.episodes - part) / of + 1 }
    }

    /// How many of them are missing.
    fn missing(&self) -> u64 {
        let there = self.present.range(..self.episodes).filter(|e| self.mine(**e)).count();
        self.asked() - there as u64
    }

    /// The first one that is missing.
    fn first(&self) -> Option<u64> {
        (0..self.episodes).find(|e| self.wants(*e))
    }
}

/// Whether the output is there with the same recipe.
fn already_there(prepared: &Prepared, run: &Run<'_>) -> Result<bool, RecordError> {
    // Not even --force removes a folder.
    if run.output.is_dir() {
        let message = "is a folder; name the file to write, such as -o out.h5";
        return Err(DatasetError::io(run.output, message).into());
    }
    // A link would be replaced, not what it leads to: the command line has followed it.
    if files::resolve(run.output)? != run.output {
        return Err(DatasetError::io(run.output, "is a symbolic link; remove it, or name another output").into());
    }
    prepared.inputs.spare(run.output)?;
    if !run.output.exists() || run.force {
        return Ok(false);
    }
    let exists = |reason: String| RecordError::Exists { file: run.output.to_owned(), reason };
    let recording = Recording::open(run.output).map_err(|e| exists(e.to_string()))?;
    let recipe = recording.text_attribute(attribute::RECIPE).unwrap_or_default();
    match prepared.recipe.difference(&recipe) {
        None => Ok(true),
        Some(difference) => Err(exists(format!("a recording with other settings ({difference})"))),
    }
}
