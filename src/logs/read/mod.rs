//! Readers of logs, one for each layout.

mod csv;
mod h5;
#[cfg(feature = "parquet")]
mod lerobot;
mod npz;
#[cfg(feature = "parquet")]
mod parquet;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Log, LogArray, LogEpisode, LogError};
use crate::bounded;
use crate::seal;

/// Numbers that a log may hold in memory: 1 GiB of them.
const MOST: usize = 1 << 27;

/// What a reader finds in a file or folder.
struct Found {
    layout: &'static str,
    arrays: Vec<LogArray>,
    episodes: Vec<LogEpisode>,
    notes: Vec<String>,
    sha256: String,
}

/// Reads a log by what is there: a folder of LeRobot's, or a file by its first bytes.
pub(super) fn open(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Log, LogError> {
    let file = path.display().to_string();
    let there = std::fs::metadata(path).map_err(|e| LogError::new(&file, "log", e, "check its path"))?;
    let found = if there.is_dir() {
        folder(path, wanted)?
    } else {
        let mut magic = [0; 8];
        let length = bounded::open(path).and_then(|mut f| f.read(&mut magic));
        let length = length.map_err(|e| LogError::new(&file, "log", e, "check the file"))?;
        match &magic[..length] {
            [0x89, b'H', b'D', b'F', ..] => h5::read(path, wanted)?,
            [0x93, b'N', b'U', b'M', ..] => {
                let fix = "store the arrays of a log together with numpy.savez";
                return Err(LogError::new(&file, "log", "is one array of numpy's", fix));
            }
            [b'P', b'K', ..] => npz::read(path, wanted)?,
            [b'P', b'A', b'R', b'1', ..] => {
                let fix = "give the folder of its data set, which holds meta/info.json";
                return Err(LogError::new(&file, "log", "is one Parquet file", fix));
            }
            _ => csv::read(path, wanted)?,
        }
    };
    let Found { layout, arrays, episodes, notes, sha256 } = found;
    if arrays.is_empty() {
        if wanted("") {
            let fix = "give a LeRobot folder, HDF5, .npz or CSV with a header, with a row of numbers for every sample";
            return Err(LogError::new(&file, "log", "has no columns of numbers", fix));
        }
        let there: Vec<String> = open(path, &|_| true)?.arrays.iter().flat_map(LogArray::columns).collect();
        let fix = format!("name columns of it in the map, such as {}", bounded::listed(&there));
        return Err(LogError::new(&file, "log", "has none of the map's columns", fix));
    }
    if episodes.iter().all(|e| e.rows == 0) {
        return Err(LogError::new(&file, "log", "has no rows", "record it again"));
    }
    Ok(Log { file, layout, sha256, arrays, episodes, notes })
}

/// Reads a folder, which is a data set of LeRobot's.
#[cfg(feature = "parquet")]
fn folder(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Found, LogError> {
    lerobot::read(path, wanted)
}

/// Refuses a folder, in a build that cannot read Parquet.
#[cfg(not(feature = "parquet"))]
fn folder(path: &Path, _: &dyn Fn(&str) -> bool) -> Result<Found, LogError> {
    let problem = "is a folder of Parquet files, which this build of the program cannot read";
    Err(LogError::new(path.display(), "log", problem, "build it with --features parquet"))
}

/// SHA-256 of a file, by one pass.
fn sha256(path: &Path) -> Result<String, LogError> {
    let failed = |e: std::io::Error| LogError::new(path.display(), "file", e, "check the file");
    let mut file: File = bounded::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(seal::hex(&hash.finalize())),
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(failed(e)),
        }
    }
}

/// Refuses more numbers than a log may have.
fn check_size(file: &str, field: &str, numbers: usize) -> Result<(), LogError> {
    if numbers <= MOST {
        return Ok(());
    }
    let fix = "split the log into several files";
    Err(LogError::new(file, field, format!("holds {numbers} numbers, the most is {MOST}"), fix))
}
