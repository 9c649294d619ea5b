//! One small file over many recordings: a table of them, and a link to each.

use std::path::Path;

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File};

use super::schema::attribute;
use super::{DatasetError, h5};

/// The value of the root attribute `format`.
const FORMAT: &str = "dynsparse-index";

/// One recording of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexRow {
    /// The task; the name of the link.
    pub task: String,
    /// Its suite.
    pub suite: String,
    /// The recording, relative to the index.
    pub file: String,
    /// SHA-256 of the recording's bytes.
    pub sha256: String,
    /// Digest of the recording's content.
    pub content_sha256: String,
    /// Position coordinates.
    pub nq: i64,
    /// Degrees of freedom.
    pub nv: i64,
    /// Activations.
    pub na: i64,
    /// Controls.
    pub nu: i64,
    /// Physics steps per control step.
    pub substeps: i64,
    /// Physics time step, s.
    pub timestep: f64,
    /// Episodes.
    pub episodes: i64,
    /// Rows.
    pub steps: i64,
}

/// Writes an index, which must not exist. Its bytes depend on the rows alone.
///
/// # Errors
/// [`DatasetError::Io`].
pub fn write_index(path: &Path, rows: &[IndexRow], content: Option<&str>) -> Result<(), DatasetError> {
    let file = h5::create(path)?;
    let written = fill(&file, rows, content).and_then(|()| file.close());
    written.map_err(|e| DatasetError::h5(path, "cannot be written", &e))
}

/// Whether a file is an index.
pub fn is_index(path: &Path) -> bool {
    let format = h5::open(path).and_then(|file| {
        let text = file.attr("format").and_then(|a| a.read_scalar::<VarLenUnicode>());
        text.map_err(|e| DatasetError::h5(path, "its format cannot be read", &e))
    });
    format.is_ok_and(|text| text.as_str() == FORMAT)
}

fn fill(file: &File, rows: &[IndexRow], content: Option<&str>) -> hdf5::Result<()> {
    let texts = |name: &str, value: &dyn Fn(&IndexRow) -> &str| {
        let values: Vec<VarLenUnicode> = rows.iter().map(|r| h5::text(value(r))).collect();
        file.new_dataset_builder().obj_track_times(false).with_data(&values).create(name)
    };
    let numbers = |name: &str, value: &dyn Fn(&IndexRow) -> i64| {
        let values: Vec<i64> = rows.iter().map(value).collect();
        file.new_dataset_builder().obj_track_times(false).with_data(&values).create(name)
    };
    let scale = texts("task", &|r| &r.task)?;
    h5::text_attribute(&scale, "long_name", "tasks; each is a link to its recording too")?;
    h5::set_scale(&scale, "task")?;
    let steps: Vec<f64> = rows.iter().map(|r| r.timestep).collect();
    let timestep = file.new_dataset_builder().obj_track_times(false).with_data(&steps).create("timestep")?;
    h5::text_attribute(&timestep, "units", "s")?;
    let table: [(Dataset, &str); 12] = [
        (texts("suite", &|r| &r.suite)?, "suite of the task"),
        (texts("file", &|r| &r.file)?, "its recording, in the folder of this file"),
        (texts("sha256", &|r| &r.sha256)?, "SHA-256 of the recording's bytes"),
        (texts("content_sha256", &|r| &r.content_sha256)?, "digest of the recording's content"),
        (numbers("nq", &|r| r.nq)?, "position coordinates"),
        (numbers("nv", &|r| r.nv)?, "degrees of freedom"),
        (numbers("na", &|r| r.na)?, "activations"),
        (numbers("nu", &|r| r.nu)?, "controls"),
        (numbers("substeps", &|r| r.substeps)?, "physics steps per control step"),
        (timestep, "duration of a physics step"),
        (numbers("episodes", &|r| r.episodes)?, "recorded episodes"),
        (numbers("steps", &|r| r.steps)?, "recorded steps"),
    ];
    for (dataset, description) in &table {
        h5::text_attribute(dataset, "long_name", description)?;
        h5::attach_scale(dataset, &scale, 0)?;
    }
    for row in rows {
        // A slash would begin a group.
        file.link_external(&row.file, "/", &row.task.replace('/', "-"))?;
    }
    h5::text_attribute(file, "format", FORMAT)?;
    if let Some(content) = content {
        h5::text_attribute(file, attribute::CONTENT_SHA256, content)?;
    }
    Ok(())
}
