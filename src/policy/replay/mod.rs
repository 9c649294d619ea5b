//! Trajectories from a file.
//!
//! Three layouts are read. HDF5 or .npz with arrays `qpos` (rows x nq), `qvel` (rows x nv) and `ctrl`
//! (rows x nu), where `episode_offsets` (episodes + 1) may cut the rows into episodes; HDF5 with one group
//! `episode_<number>` per episode, as Minari writes them, where the arrays may also lie in a group
//! `observations` or `infos` and the controls may be called `actions`. Optional arrays are `act` (rows x
//! na), `time` (rows), `qacc_warmstart` (rows x nv), `mocap_pos` (rows x nmocap x 3) and `mocap_quat`
//! (rows x nmocap x 4); of a model that sleeps `tree_asleep` (rows x ntree), `qacc_smooth` (rows x nv) and `act_dot` (rows x na). Row t of the controls acts in the state of row t; a state more than there are
//! controls, at the end, is left out. Without `episode_offsets`, `terminals` and `timeouts` as D4RL has them (and
//! `terminations`, `truncations`, `dones`) cut the rows where any of them is true.
//!
//! HDF5 of robosuite, robomimic and LIBERO has one group `data/demo_<number>` per episode, with time, qpos, qvel and act side
//! by side in one array `states`; its actions are those of a controller, so its states alone are replayed, without controls.

mod error;
mod h5;
mod layout;
mod npz;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::ReplayWith;
use crate::physics::Model;
use crate::seal;
pub use error::ReplayError;
use layout::{Column, Field, Table, Want};

/// How far from 1 the length of a quaternion may be: beyond rounding in any format, it is no rotation.
const UNIT: f64 = 0.01;

/// Numbers checked at a time, 2 MiB of them.
const SCAN: usize = 1 << 18;

/// What a file must fit.
#[derive(Debug, Clone, Default)]
pub struct ReplayModel {
    /// Position coordinates.
    pub nq: usize,
    /// Degrees of freedom.
    pub nv: usize,
    /// Activations.
    pub na: usize,
    /// Controls.
    pub nu: usize,
    /// Kinematic trees, where the model sleeps; else 0.
    pub ntree: usize,
    /// Where quaternions begin in qpos.
    pub quaternions: Vec<usize>,
    /// Whether the task makes its controls of actions: an array `actions` holds none then.
    pub maps_actions: bool,
}

impl ReplayModel {
    /// Of a model, in a task that maps actions or not.
    pub fn new(model: &Model, maps_actions: bool) -> Self {
        let quaternions = model.kinematics().quaternions.iter().map(|[qpos, _]| *qpos).collect();
        let (nq, nv, na, nu) = (model.nq(), model.nv(), model.na(), model.nu());
        let ntree = if model.sleeps() { model.ntree() } else { 0 };
        Self { nq, nv, na, nu, ntree, quaternions, maps_actions }
    }
}

/// A file of trajectories whose every array and number has been checked.
#[derive(Debug)]
pub struct ReplayFile {
    with: ReplayWith,
    file: String,
    sha256: String,
    quaternions: Vec<usize>,
    store: Store,
    tables: Vec<Table>,
    spans: Vec<Span>,
}

#[derive(Debug)]
enum Store {
    H5(h5::H5),
    Npz(npz::Npz),
}

/// The rows of one episode.
#[derive(Debug)]
struct Span {
    table: usize,
    start: usize,
    steps: usize,
}

/// One episode of a [`ReplayFile`]; all arrays are row-major with one row per control step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplayEpisode {
    /// Number of control steps.
    pub steps: usize,
    /// Position coordinates (steps x nq).
    pub qpos: Option<Vec<f64>>,
    /// Velocities (steps x nv).
    pub qvel: Option<Vec<f64>>,
    /// Activations (steps x na); None where na is 0.
    pub act: Option<Vec<f64>>,
    /// Controls (steps x nu).
    pub ctrl: Option<Vec<f64>>,
    /// Accelerations that the solver starts from (steps x nv).
    pub qacc_warmstart: Option<Vec<f64>>,
    /// Positions of the mocap bodies (steps x nmocap x 3), m.
    pub mocap_pos: Option<Vec<f64>>,
    /// Orientations of the mocap bodies (steps x nmocap x 4), w first.
    pub mocap_quat: Option<Vec<f64>>,
    /// Which trees sleep (steps x ntree), as mjData.tree_asleep.
    pub tree_asleep: Option<Vec<f64>>,
    /// Accelerations without constraints that what sleeps keeps (steps x nv).
    pub qacc_smooth: Option<Vec<f64>>,
    /// Rates of the activations that what sleeps keeps (steps x na).
    pub act_dot: Option<Vec<f64>>,
    /// Simulation time (steps), s.
    pub time: Option<Vec<f64>>,
}

impl ReplayFile {
    /// Opens a file for a model of these sizes and checks all of it, so that a long recording does not
    /// stop in its middle. `States` needs `qpos`, `qvel`, `ctrl` and, where na > 0, `act`; `Controls`
    /// needs `ctrl`, and the first row of `qpos` and `qvel` is the first state where they are there.
    ///
    /// # Errors
    /// [`ReplayError`], naming file, array, what was expected and what to do.
    pub fn open(path: &Path, with: ReplayWith, model: &ReplayModel) -> Result<Self, ReplayError> {
        let file = path.display().to_string();
        let want = Want { with, model };
        let (format, sha256) = probe(path, &file)?;
        let (store, tables, spans) = match format {
            Format::Hdf5 => {
                let (h5, tables, spans) = h5::H5::open(path, &file, &want)?;
                (Store::H5(h5), tables, spans)
            }
            Format::Npz => {
                let (npz, tables, spans) = npz::Npz::open(path, &file, &want)?;
                (Store::Npz(npz), tables, spans)
            }
        };
        let this = Self { file, with, sha256, quaternions: model.quaternions.clone(), store, tables, spans };
        if this.spans.iter().all(|s| s.steps == 0) {
            let array = this.tables.first().and_then(|t| t.columns.first()).map_or("ctrl", |c| &c.path);
            return Err(ReplayError::Empty { file: this.file.clone(), array: array.to_owned() });
        }
        this.check_mocap()?;
        this.scan()?;
        Ok(this)
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.file
    }

    /// What is taken from it.
    pub fn with(&self) -> ReplayWith {
        self.with
    }

    /// Whether no episode has controls.
    pub fn is_without_controls(&self) -> bool {
        !self.tables.iter().flat_map(|t| &t.columns).any(|c| c.field == Field::Ctrl)
    }

    /// Number of episodes.
    pub fn episodes(&self) -> usize {
        self.spans.len()
    }

    /// Number of control steps of an episode; 0 for an episode the file does not have.
    pub fn steps(&self, episode: usize) -> usize {
        self.spans.get(episode).map_or(0, |s| s.steps)
    }

    /// Number of mocap bodies that the file has poses of, None where it has none. The caller compares it
    /// with the model: the sizes given to [`ReplayFile::open`] do not have it.
    pub fn nmocap(&self) -> Option<usize> {
        self.tables.first()?.columns.iter().find_map(|c| match c.field {
            Field::MocapPos => Some(c.width / 3),
            Field::MocapQuat => Some(c.width / 4),
            _ => None,
        })
    }

    /// Reads one episode: from HDF5 no more than its own rows.
    ///
    /// # Errors
    /// [`ReplayError::Episode`] for an episode that is not there, [`ReplayError::Damaged`] when the file
    /// cannot be read any more.
    pub fn episode(&self, i: usize) -> Result<ReplayEpisode, ReplayError> {
        let span = self.spans.get(i).ok_or_else(|| ReplayError::Episode {
            file: self.file.clone(),
            episode: i,
            episodes: self.spans.len(),
        })?;
        let mut episode = ReplayEpisode { steps: span.steps, ..ReplayEpisode::default() };
        for column in &self.tables[span.table].columns {
            let values = Some(self.read(column, span.start..span.start + span.steps)?);
            match column.field {
                Field::Ctrl => episode.ctrl = values,
                Field::Qpos => episode.qpos = values,
                Field::Qvel => episode.qvel = values,
                Field::Act => episode.act = values,
                Field::Warmstart => episode.qacc_warmstart = values,
                Field::MocapPos => episode.mocap_pos = values,
                Field::MocapQuat => episode.mocap_quat = values,
                Field::Time => episode.time = values,
                Field::TreeAsleep => episode.tree_asleep = values,
                Field::QaccSmooth => episode.qacc_smooth = values,
                Field::ActDot => episode.act_dot = values,
            }
        }
        Ok(episode)
    }

    /// SHA-256 of the whole file, lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Compares the file's SHA-256 with the one in the settings, in either case of letters.
    ///
    /// # Errors
    /// [`ReplayError::Sha256`].
    pub fn expect_sha256(&self, expected: &str) -> Result<(), ReplayError> {
        if self.sha256.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        Err(ReplayError::Sha256 { file: self.file.clone(), expected: expected.to_owned(), found: self.sha256.clone() })
    }

    /// The file alone knows the number of mocap bodies; it must say the same everywhere.
    fn check_mocap(&self) -> Result<(), ReplayError> {
        let Some(bodies) = self.nmocap() else { return Ok(()) };
        for column in self.tables.iter().flat_map(|t| &t.columns) {
            let each = match column.field {
                Field::MocapPos => 3,
                Field::MocapQuat => 4,
                _ => continue,
            };
            if column.width != bodies * each {
                return Err(ReplayError::Shape {
                    file: self.file.clone(),
                    array: column.path.clone(),
                    found: layout::shape_text(&column.shape),
                    expected: format!("(rows, {bodies}, {each}), as the first mocap array has {bodies} bodies"),
                    fix: "store the same mocap bodies in all of them".to_owned(),
                });
            }
        }
        Ok(())
    }

    fn scan(&self) -> Result<(), ReplayError> {
        for span in &self.spans {
            for column in &self.tables[span.table].columns {
                let block = (SCAN / column.width.max(1)).max(1);
                let end = span.start + span.steps;
                let mut row = span.start;
                while row < end {
                    let next = end.min(row + block);
                    self.read(column, row..next)?;
                    row = next;
                }
            }
        }
        Ok(())
    }

    /// Rows of an array, all of them finite.
    fn read(&self, column: &Column, rows: Range<usize>) -> Result<Vec<f64>, ReplayError> {
        let start = rows.start;
        let values = match &self.store {
            Store::H5(h5) => h5.read(column, rows)?,
            Store::Npz(npz) => npz.read(column, rows),
        };
        let place = |k: usize| {
            let (row, col) = (start + k / column.width, column.from + k % column.width);
            (self.file.clone(), column.path.clone(), row, col, values[k])
        };
        if let Some(k) = values.iter().position(|v| !v.is_finite()) {
            let (file, array, row, col, value) = place(k);
            return Err(ReplayError::NotFinite { file, array, row, col, value });
        }
        if column.field == Field::TreeAsleep
            && let Some(k) = values.iter().position(|v| f64::from(*v as i32) != *v)
        {
            let (file, array, row, col, value) = place(k);
            return Err(ReplayError::NoTree { file, array, row, col, value });
        }
        let mocap: Vec<usize> = (0..column.width).step_by(4).collect();
        let quaternions = match column.field {
            Field::Qpos => &self.quaternions,
            Field::MocapQuat => &mocap,
            _ => return Ok(values),
        };
        for (row, pose) in values.chunks_exact(column.width.max(1)).enumerate() {
            for at in quaternions {
                let norm = pose[*at..*at + 4].iter().map(|x| x * x).sum::<f64>().sqrt();
                if (norm - 1.0).abs() > UNIT {
                    return Err(ReplayError::NoRotation {
                        file: self.file.clone(),
                        array: column.path.clone(),
                        row: start + row,
                        col: column.from + at,
                        norm,
                    });
                }
            }
        }
        Ok(values)
    }
}

enum Format {
    Hdf5,
    Npz,
}

/// The format by content, and the SHA-256 by one pass over the file.
fn probe(path: &Path, file: &str) -> Result<(Format, String), ReplayError> {
    let failed = |message: String| ReplayError::File { file: file.to_owned(), message };
    let io = |e: std::io::Error| failed(e.to_string());
    let length = match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(failed("there is no such file; check the path of the replay file".to_owned()));
        }
        Err(e) => return Err(io(e)),
        Ok(m) if m.is_dir() => return Err(failed("it is a folder; name the HDF5 or .npz file in it".to_owned())),
        // A pipe could be read once only.
        Ok(m) if !m.is_file() => return Err(failed("it is not a plain file; copy it into one".to_owned())),
        Ok(m) => m.len(),
    };
    let mut reader = File::open(path).map_err(io)?;
    let format = format(&mut reader, length).map_err(io)?;
    let format = format.ok_or_else(|| ReplayError::Format { file: file.to_owned() })?;
    reader.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(io(e)),
        }
    }
    Ok((format, seal::hex(&hash.finalize())))
}

fn format(reader: &mut File, length: u64) -> std::io::Result<Option<Format>> {
    // HDF5's signature stands at 0, or behind a user block at 512, 1024, 2048 ...
    let mut at = 0;
    while at + 8 <= length {
        let mut magic = [0; 8];
        reader.seek(SeekFrom::Start(at))?;
        reader.read_exact(&mut magic)?;
        if &magic == b"\x89HDF\r\n\x1a\n" {
            return Ok(Some(Format::Hdf5));
        }
        // The second is an archive without members.
        if at == 0 && (magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06")) {
            return Ok(Some(Format::Npz));
        }
        at = if at == 0 { 512 } else { at * 2 };
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
