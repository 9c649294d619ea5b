//! Episodes that come from elsewhere: a file of trajectories, or a robot's log.

use std::path::{Path, PathBuf};

use super::{Job, RecordError};
use crate::logs::{MappedEpisode, MappedLog};
use crate::physics::Model;
use crate::policy::{PolicySpec, ReplayEpisode, ReplayFile, ReplayModel, ReplayWith};
use crate::task::Task;

/// Where replayed episodes come from.
#[derive(Debug)]
pub enum Replayed {
    /// A file of trajectories; also a recording that is verified.
    File(ReplayFile),
    /// The episodes of a log.
    Log(Vec<ReplayEpisode>),
}

impl Replayed {
    /// Opens what a job replays; None for a job that does not. Episodes and steps of the job are lowered to what is there, and
    /// what was read is noted in it.
    pub(super) fn open(job: &mut Job, task: &Task, model: &Model) -> Result<Option<Self>, RecordError> {
        let opened = match &mut job.policy {
            PolicySpec::Replay { .. } => Self::File(open_file(job, task, model)?),
            PolicySpec::Log { .. } => Self::Log(open_log(job, model)?),
            _ => return Ok(None),
        };
        job.episodes = job.episodes.min(opened.episodes() as u64);
        let longest = (0..job.episodes as usize).map(|e| opened.steps(e)).max().unwrap_or(0);
        job.steps = job.steps.min(longest);
        Ok(Some(opened.cut(job.steps)))
    }

    /// Without the rows of a log that are not recorded: what follows from it must follow from the recording too.
    fn cut(mut self, steps: usize) -> Self {
        if let Self::Log(episodes) = &mut self {
            for episode in episodes {
                let (before, now) = (episode.steps, episode.steps.min(steps));
                let arrays =
                    [&mut episode.time, &mut episode.qpos, &mut episode.qvel, &mut episode.act, &mut episode.ctrl];
                for array in arrays.into_iter().flatten() {
                    array.truncate(array.len() / before.max(1) * now);
                }
                episode.steps = now;
            }
        }
        self
    }

    fn episodes(&self) -> usize {
        match self {
            Self::File(file) => file.episodes(),
            Self::Log(episodes) => episodes.len(),
        }
    }

    fn steps(&self, episode: usize) -> usize {
        match self {
            Self::File(file) => file.steps(episode),
            Self::Log(episodes) => episodes.get(episode).map_or(0, |e| e.steps),
        }
    }

    /// What is taken from it.
    pub(super) fn with(&self) -> ReplayWith {
        match self {
            Self::File(file) => file.with(),
            Self::Log(_) => ReplayWith::States,
        }
    }

    /// An episode.
    ///
    /// # Errors
    /// As [`ReplayFile::episode`].
    pub(super) fn episode(&self, number: u64) -> Result<ReplayEpisode, RecordError> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        match self {
            Self::File(file) => Ok(file.episode(number)?),
            Self::Log(episodes) => Ok(episodes.get(number).cloned().unwrap_or_default()),
        }
    }
}

fn open_file(job: &mut Job, task: &Task, model: &Model) -> Result<ReplayFile, RecordError> {
    let PolicySpec::Replay { file, with, sha256 } = &mut job.policy else {
        return Err(RecordError::Setting("the policy is no replay".to_owned()));
    };
    let maps_actions = task.env(model)?.action_labels().is_some();
    let opened = ReplayFile::open(file, *with, &ReplayModel::new(model, maps_actions))?;
    if opened.is_without_controls() && model.nu() > 0 {
        let text = "holds states without controls: they are 0 in the recording, and so is what actuators do";
        tracing::warn!("{}: {text}", file.display());
    }
    if let Some(expected) = sha256 {
        opened.expect_sha256(expected)?;
    }
    check_mocap(&opened, file, model)?;
    *sha256 = Some(opened.sha256().to_owned());
    // The hash says which file it is; where it lay does not decide the result.
    *file = PathBuf::from(file.file_name().unwrap_or_default());
    Ok(opened)
}

fn open_log(job: &mut Job, model: &Model) -> Result<Vec<ReplayEpisode>, RecordError> {
    let PolicySpec::Log { file, map, sha256, noise } = &mut job.policy else {
        return Err(RecordError::Setting("the policy is no log".to_owned()));
    };
    let log = MappedLog::new(file, map, model)?;
    for note in &log.notes {
        tracing::warn!("{}: {note}", file.display());
    }
    if let Some(expected) = sha256.as_ref().filter(|s| !s.eq_ignore_ascii_case(&log.sha256)) {
        let text = format!("its SHA-256 is {}, not {expected}: it is another log", log.sha256);
        return Err(RecordError::Setting(format!("{}: {text}", file.display())));
    }
    *sha256 = Some(log.sha256);
    *file = PathBuf::from(file.file_name().unwrap_or_default());
    **map = map.as_ref().clone().without_file();
    // No log measures activations.
    let known = |x: &f64| Some(*x).filter(|x| x.is_finite());
    *noise = log.noise.iter().map(known).chain((0..model.na()).map(|_| None)).collect();
    let na = model.na();
    Ok(log.episodes.into_iter().map(|e| replay(e, na)).collect())
}

/// An episode of a log, as one that is replayed. Its model's activations are zero, as its map says.
fn replay(episode: MappedEpisode, na: usize) -> ReplayEpisode {
    let MappedEpisode { time, qpos, qvel, ctrl, .. } = episode;
    ReplayEpisode {
        steps: time.len(),
        act: (na > 0).then(|| vec![0.0; time.len() * na]),
        time: Some(time),
        qpos: Some(qpos),
        qvel: Some(qvel),
        ctrl: Some(ctrl),
        ..ReplayEpisode::default()
    }
}

/// Refuses a replay with poses of another number of mocap bodies than the model's.
pub(super) fn check_mocap(opened: &ReplayFile, path: &Path, model: &Model) -> Result<(), RecordError> {
    match opened.nmocap().filter(|n| *n != model.nmocap()) {
        None => Ok(()),
        Some(n) => Err(RecordError::Setting(format!(
            "{}: it has poses of {n} mocap bodies, the model has {}; replay it with its own model",
            path.display(),
            model.nmocap()
        ))),
    }
}
