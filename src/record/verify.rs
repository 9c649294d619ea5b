//! Simulates a recording again, from itself, and compares bit for bit.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::content::ragged_start;
use super::episode::TERMINATED;
use super::restored::{Restored, restored};
use super::{Recipe, RecordError, RecordProgress, Replayed, Runner, Sink, replayed};
use crate::dataset::schema::{ElementType, RAGGED, Var, attribute};
use crate::dataset::{Attribute, COMPLETED, DatasetError, EpisodeRow, Header, Recording, RowReader, StepRow};
use crate::flags::StepFlags;
use crate::kinematics::Kinematics;
use crate::physics::PluginFile;
use crate::policy::{PolicySpec, ReplayFile, ReplayModel, ReplayWith};
use crate::text;

/// What a verification found.
#[derive(Debug, Clone, PartialEq)]
pub enum Verification {
    /// Every bit agrees.
    Same {
        /// Episodes compared.
        episodes: usize,
        /// Rows compared.
        rows: usize,
        /// Episodes of an expert or a network whose actions were taken from the file.
        followed: usize,
        /// Whether they can be planned again.
        planned: bool,
    },
    /// The first difference, by episode and row.
    Different(Deviation),
}

/// Where a recording and its repetition part.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// Number of the episode.
    pub episode: i64,
    /// Row within it.
    pub row: usize,
    /// Variable and entry, such as `A[vel:rootx, pos:rootz]`.
    pub what: String,
    /// What the file holds.
    pub recorded: String,
    /// What the simulation gives.
    pub simulated: String,
    /// Versions that differ between then and now, if any.
    pub versions: Option<String>,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "episode {}, row {}: {} is {} in the file and {} simulated again",
            self.episode, self.row, self.what, self.recorded, self.simulated
        )?;
        match &self.versions {
            Some(versions) => write!(f, " (then and now differ: {versions})"),
            None => Ok(()),
        }
    }
}

/// Threads of a verification at most.
const MOST_WORKERS: usize = 256;

/// What is found in the first episode, by its place, in which anything is found.
#[derive(Default)]
struct First(Mutex<Option<(usize, Result<Deviation, RecordError>)>>);

impl First {
    fn put(&self, index: usize, what: Result<Deviation, RecordError>) {
        let mut slot = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if slot.as_ref().is_none_or(|(at, _)| index < *at) {
            *slot = Some((index, what));
        }
    }

    /// Whether something was found before an episode, which then cannot hold the first any more.
    fn is_before(&self, index: usize) -> bool {
        let slot = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        slot.as_ref().is_some_and(|(at, _)| *at < index)
    }
}

/// Verifies `episodes` (all when None) of a recording on `threads` threads. The actions of an expert are those in
/// the file unless `plan` is set; then they are planned again. The actions of a network, which is not in the file, are always
/// those in the file. An expert's episode that ended before the task would have, whose last action is in no row, is always
/// planned again; of a network's, why it broke off is not compared.
///
/// # Errors
/// [`RecordError`] when the file or its model cannot be read, or `stop` is set.
pub fn verify(
    recording: &Recording,
    episodes: Option<u64>,
    threads: usize,
    plan: bool,
    stop: &AtomicBool,
    progress: &dyn RecordProgress,
) -> Result<Verification, RecordError> {
    let Restored { recipe, task, files, .. } = &restored(recording)?;
    let mut job = recipe.job.clone();
    job.validate()?;
    // A replay is in the recording itself: its states and controls are the ones that were replayed.
    let replay = match &mut job.policy {
        PolicySpec::Replay { file, with, .. } => {
            file.clone_from(&recording.path().to_owned());
            Some(*with)
        }
        PolicySpec::Log { .. } => Some(ReplayWith::States),
        _ => None,
    };
    let model = Arc::new(task.model(job.solver)?);
    let plugins = model.plugins()?;
    same_plugins(recording, recipe, &plugins);
    let replay =
        replay.map(|with| ReplayFile::open(recording.path(), with, &ReplayModel::new(&model, false))).transpose()?;
    if let Some(file) = &replay {
        replayed::check_mocap(file, recording.path(), &model)?;
    }
    let replay = replay.map(Replayed::File);

    let rows = recording.episodes()?;
    let offsets = recording.offsets()?;
    outline(recording, &recipe.header(&model, job.rows_per_episode(), Some(files.clone()), "")?)?;
    super::content::check_bookkeeping(recording, recipe)?;
    let count = episodes.map_or(rows.len(), |n| rows.len().min(usize::try_from(n).unwrap_or(usize::MAX)));
    progress.begin(count as u64, 0, job.rows_per_episode());
    // A network is not in the file, what it did is.
    let scripted = (job.policy.is_expert() && !plan) || job.policy.is_onnx();
    let shared = Shared {
        recording,
        recipe,
        plugins,
        replayed: replay.is_some(),
        scripted,
        by_network: job.policy.is_onnx(),
        followed: AtomicUsize::new(0),
        stop,
        progress,
    };
    let (next, first) = (AtomicUsize::new(0), First::default());
    let workers = threads.clamp(1, count.clamp(1, MOST_WORKERS));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut runner = match Runner::new(task, &job, &model, replay.as_ref()) {
                    Ok(runner) => runner,
                    Err(error) => return first.put(0, Err(error)),
                };
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || first.is_before(index) {
                        return;
                    }
                    match shared.episode(&mut runner, &rows[index], offsets[index]) {
                        Ok(None) => {
                            progress.episode(rows[index].episode as u64, rows[index].length as usize, &rows[index].end)
                        }
                        Ok(Some(deviation)) => first.put(index, Ok(deviation)),
                        Err(error) => first.put(index, Err(error)),
                    }
                }
            });
        }
    });
    match first.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        None => {
            let followed = shared.followed.into_inner();
            let planned = job.policy.is_expert();
            Ok(Verification::Same { episodes: count, rows: offsets[count], followed, planned })
        }
        Some((_, Ok(difference))) => Ok(Verification::Different(difference)),
        Some((_, Err(error))) => Err(error),
    }
}

/// Names the plugins whose library is another one than that which recorded.
fn same_plugins(recording: &Recording, recipe: &Recipe, here: &[PluginFile]) {
    for plugin in here {
        let there = recipe.plugins.iter().find(|there| there.name == plugin.name);
        if let Some(there) = there.filter(|there| there.sha256 != plugin.sha256) {
            tracing::warn!(
                "{}: the plugin {} is in another library than it was: {} with the SHA-256 {} recorded, {} with {} simulates",
                recording.path().display(),
                plugin.name,
                there.library,
                there.sha256,
                plugin.library,
                plugin.sha256
            );
        }
    }
}

/// The kinematic tree as recordings tell it that were made before the limits of joints were kept, and before their kinds were.
fn as_once_told(tree: &Attribute) -> Option<[Attribute; 2]> {
    let Attribute::Text(text) = tree else { return None };
    let later: Kinematics = serde_json::from_str(text).ok()?;
    let earlier = Kinematics { limited: Vec::new(), ..later };
    let earliest = Kinematics { joints: Vec::new(), ..earlier.clone() };
    let told = |tree: Kinematics| serde_json::to_string(&tree).ok().map(Attribute::Text);
    Some([told(earlier)?, told(earliest)?])
}

/// What the recipe says of a file's outline: its variables, their shapes, the labels, the root attributes.
fn outline(recording: &Recording, expected: &Header) -> Result<(), RecordError> {
    let damaged = |what: String| -> Result<(), RecordError> {
        Err(recording.foreign(&format!("{what}: the file is damaged or was changed")).into())
    };
    let variables: Vec<Var> = expected.variables().collect();
    for var in Var::ALL {
        let name = var.spec().name;
        match (variables.contains(var), recording.has(*var)) {
            (true, false) => return damaged(format!("it lacks the variable {name}")),
            (false, true) => return damaged(format!("it has the variable {name}, which its recipe does not give")),
            (false, false) => continue,
            (true, true) => {}
        }
        let tail = expected.tail(*var);
        if recording.shape(*var)[1..] != tail {
            return damaged(format!(
                "{name} has the shape {:?} behind its rows instead of {tail:?}",
                &recording.shape(*var)[1..]
            ));
        }
    }
    for (axis, labels) in &expected.labels {
        if !labels.is_empty() && recording.labels(*axis)? != *labels {
            return damaged(format!("the labels of {} are not those of the model", axis.name()));
        }
    }
    let found = recording.attributes();
    for (name, value) in expected.attributes.iter().filter(|(name, _)| name != "command") {
        // Versions are those of the program that wrote it, and are in the recipe.
        let value = match value {
            Attribute::Text(text) => Attribute::Text(text::plain(text).into_owned()),
            other => other.clone(),
        };
        let there = found.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        let once = || (name == attribute::KINEMATICS).then(|| as_once_told(&value)).flatten();
        if there != Some(&value) && !there.is_some_and(|there| once().is_some_and(|told| told.contains(there))) {
            return damaged(format!("the root attribute {name} is not what its recipe gives"));
        }
    }
    Ok(())
}

struct Shared<'a> {
    recording: &'a Recording,
    recipe: &'a Recipe,
    /// The plugins that are loaded here.
    plugins: Vec<PluginFile>,
    replayed: bool,
    /// Whether actions are taken from the file.
    scripted: bool,
    /// Whether they are those of a network, which is not there.
    by_network: bool,
    followed: AtomicUsize,
    stop: &'a AtomicBool,
    progress: &'a dyn RecordProgress,
}

impl Shared<'_> {
    fn episode(
        &self,
        runner: &mut Runner<'_>,
        episode: &EpisodeRow,
        first: usize,
    ) -> Result<Option<Deviation>, RecordError> {
        let number = u64::try_from(episode.episode).unwrap_or(0);
        let length = episode.length as usize;
        let ragged = if length > 0 { ragged_start(self.recording, first)? } else { Default::default() };
        let mut sink = Comparison {
            shared: self,
            episode: episode.episode,
            first,
            length,
            row: 0,
            ragged,
            readers: HashMap::new(),
            difference: None,
        };
        // The comparison stops a run by an error of its own once it has found a difference.
        let ended = match self.script(episode, first)? {
            Some(actions) => {
                self.followed.fetch_add(1, Ordering::Relaxed);
                runner.follow(number, &actions, &mut sink)
            }
            None => runner.run(number, &mut sink),
        };
        if let Some(difference) = sink.difference {
            return Ok(Some(difference));
        }
        let (rows, end) = ended?;
        // The action under which an episode broke off is in no row.
        let same_end = end == episode.end || self.replayed || (self.by_network && !whole(episode));
        if rows == length && same_end {
            return Ok(None);
        }
        Ok(Some(self.difference(
            episode.episode,
            rows,
            "the end of the episode",
            format!("after {length} rows ({})", episode.end),
            format!("after {rows} rows ({end})"),
        )))
    }

    /// The actions of an episode's rows, where they are to be taken from the file and all of them are there.
    fn script(&self, episode: &EpisodeRow, first: usize) -> Result<Option<Vec<f64>>, RecordError> {
        if !self.scripted || !(whole(episode) || self.by_network) {
            return Ok(None);
        }
        let var = if self.recording.has(Var::Action) { Var::Action } else { Var::Ctrl };
        Ok(Some(self.recording.read(var, first..first + episode.length as usize)?))
    }

    fn difference(&self, episode: i64, row: usize, what: &str, recorded: String, simulated: String) -> Deviation {
        let now = Recipe::of_this_program(self.recipe.job.clone(), self.recipe.model.clone(), self.plugins.clone());
        let versions = now.difference(&self.recipe.to_json());
        Deviation { episode, row, what: what.to_owned(), recorded, simulated, versions }
    }
}

/// Whether the last action of an episode is in its last row.
fn whole(episode: &EpisodeRow) -> bool {
    episode.end == COMPLETED || episode.end.starts_with(TERMINATED)
}

/// Compares the rows of one episode with the file.
struct Comparison<'a> {
    shared: &'a Shared<'a>,
    episode: i64,
    first: usize,
    length: usize,
    row: usize,
    /// Next rows of [`RAGGED`].
    ragged: [usize; RAGGED.len()],
    /// By variable: its chunk of the row before is not decoded again for this one.
    readers: HashMap<Var, RowReader<'a>>,
    difference: Option<Deviation>,
}

impl Sink for Comparison<'_> {
    fn row(&mut self, row: &StepRow<'_>) -> Result<(), RecordError> {
        if self.stopped() {
            return Err(RecordError::Stopped);
        }
        if self.row == self.length {
            self.difference = Some(self.shared.difference(
                self.episode,
                self.row,
                "the number of rows",
                self.length.to_string(),
                "more".to_owned(),
            ));
            return Err(RecordError::Stopped);
        }
        let at = self.first + self.row;
        let recording = self.shared.recording;
        let mut failure = None;
        let mut found = None;
        let ragged = self.ragged;
        let readers = &mut self.readers;
        row.visit(|var, simulated| {
            if failure.is_some() || found.is_some() || simulated.is_empty() || !recording.has(var) {
                return;
            }
            let width: usize = recording.shape(var)[1..].iter().product::<usize>() * recording.kind(var).size();
            let count = simulated.len() / width.max(1);
            let start = var.spec().axes[0].ragged().map_or(at, |table| ragged[table]);
            match rows(recording, readers, var, start..start + count) {
                Ok(recorded) if same(var, &recorded, simulated, self.shared.replayed) => {}
                Ok(recorded) => found = Some((var, recorded, simulated.to_vec())),
                Err(error) => failure = Some(error),
            }
        });
        if let Some(error) = failure {
            return Err(error.into());
        }
        if let Some((var, recorded, simulated)) = found {
            let (what, recorded, simulated) = self.describe(var, &recorded, &simulated)?;
            self.difference = Some(self.shared.difference(self.episode, self.row, &what, recorded, simulated));
            return Err(RecordError::Stopped);
        }
        self.ragged.iter_mut().zip(row.counts()).for_each(|(at, n)| *at += n);
        self.row += 1;
        self.shared.progress.row();
        Ok(())
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }
}

impl Comparison<'_> {
    /// The first entry that differs, by name, with both values.
    fn describe(&self, var: Var, recorded: &[u8], simulated: &[u8]) -> Result<(String, String, String), RecordError> {
        let spec = var.spec();
        let kind = self.shared.recording.kind(var);
        let size = kind.size();
        let index = recorded.chunks(size).zip(simulated.chunks(size)).position(|(a, b)| a != b).unwrap_or(0);
        let recording = self.shared.recording;
        let shape = recording.shape(var);
        let mut rest = index;
        let mut labels = Vec::new();
        for (i, axis) in spec.axes.iter().enumerate().skip(1).rev() {
            let n = shape[i].max(1);
            labels.push(recording.labels(*axis)?.get(rest % n).cloned().unwrap_or_else(|| (rest % n).to_string()));
            rest /= n;
        }
        labels.reverse();
        let what =
            if labels.is_empty() { spec.name.to_owned() } else { format!("{}[{}]", spec.name, labels.join(", ")) };
        let show = |bytes: &[u8]| {
            let item = bytes.chunks(size).nth(index).unwrap_or_default();
            match kind {
                ElementType::F64 => {
                    item.try_into().map(f64::from_le_bytes).map(|v| format!("{v:e}")).unwrap_or_default()
                }
                ElementType::F32 => {
                    item.try_into().map(f32::from_le_bytes).map(|v| format!("{v:e}")).unwrap_or_default()
                }
                _ => item.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b)).to_string(),
            }
        };
        Ok((what, show(recorded), show(simulated)))
    }
}

/// Whether two values agree. A replayed recording has clamped controls already, so that its repetition
/// cannot tell which were.
/// Rows of a variable as little-endian bytes. What is in one piece is read by itself, what is in chunks by a reader that
/// keeps the last one.
fn rows<'a>(
    recording: &'a Recording,
    readers: &mut HashMap<Var, RowReader<'a>>,
    var: Var,
    rows: Range<usize>,
) -> Result<Vec<u8>, DatasetError> {
    let reader = match readers.entry(var) {
        Entry::Occupied(reader) => reader.into_mut(),
        Entry::Vacant(place) => match RowReader::new(recording, var) {
            Ok(reader) => place.insert(reader),
            Err(_) => return recording.bytes(var, rows),
        },
    };
    let mut out = Vec::new();
    for row in rows {
        out.extend_from_slice(reader.row(row)?);
    }
    Ok(out)
}

fn same(var: Var, recorded: &[u8], simulated: &[u8], replayed: bool) -> bool {
    if replayed && var == Var::Flags && recorded.len() == 4 && simulated.len() == 4 {
        let mask = |b: &[u8]| StepFlags::from_le_bytes([b[0], b[1], b[2], b[3]]) - StepFlags::CTRL_CLAMPED;
        return mask(recorded) == mask(simulated);
    }
    recorded == simulated
}
