//! LeRobot v3.0: `data/` and `meta/episodes/` as Parquet, `meta/info.json` and `meta/stats.json`, the task in `meta/tasks.parquet`.
//!
//! What policies take is in single precision, as they expect: observation.state (qpos, qvel, act), observation.environment_state (what
//! the task observes), action, next.reward. What is exact is named after dynsparse: dynsparse.qpos, .qvel, .act, .ctrl, .A, .B and so on.

mod features;
mod stats;
mod table;

use serde_json::{Map, Value, json};

use self::features::{Feature, Place, features};
use self::table::{Column as TableColumn, Kind, Values, Writer};
use super::columns::Episode;
use super::{ExportError, ExportJob};
use crate::dataset::Recording;
use crate::dataset::schema::{Axis, Var};
use crate::files::NewFolder;

/// A file of data ends with the episode in which it has grown to this, bytes.
const FILE: usize = 100 << 20;

/// Files of a folder.
const CHUNK: usize = 1000;

pub(super) fn write(
    job: &ExportJob<'_>,
    episodes: &[Episode],
    folder: &NewFolder,
    notes: &mut Vec<String>,
) -> Result<(), ExportError> {
    let recording = job.recording;
    let problem =
        |problem: &str| ExportError::Recording { file: recording.path().to_owned(), problem: problem.to_owned() };
    if recording.len(Axis::Actuator) == 0 {
        return Err(problem("has no controls, and LeRobot has no data set without actions; export it as minari"));
    }
    let seconds = recording.float_attribute("step_duration").filter(|s| *s > 0.0);
    let seconds = seconds.ok_or_else(|| problem("does not say how long its steps are"))?;
    let mut features = features(recording)?;
    if !recording.has(Var::Reward) {
        notes.push("the task has no reward: there is no next.reward".to_owned());
    }
    let columns: Vec<TableColumn> = features.iter().map(|f| f.column.clone()).collect();
    let data = |file: usize| format!("data/chunk-{:03}/file-{:03}.parquet", file / CHUNK, file % CHUNK);
    let (mut file, mut first) = (0, 0);
    let mut writer = Writer::create(folder, &data(file), columns.clone(), &[])?;
    let mut index = Vec::new();
    for (number, episode) in episodes.iter().enumerate() {
        if writer.bytes() > FILE {
            std::mem::replace(&mut writer, Writer::create(folder, &data(file + 1), columns.clone(), &[])?).finish()?;
            file += 1;
        }
        let place = Place { number, first, seconds };
        let values = features.iter_mut().map(|f| f.read(episode, place)).collect::<Result<Vec<_>, _>>()?;
        writer.rows(episode.rows.len(), &values)?;
        index.push([number, episode.rows.len(), file / CHUNK, file % CHUNK, first, first + episode.rows.len()]);
        first += episode.rows.len();
    }
    writer.finish()?;
    let task = text(recording, "description").unwrap_or_else(|| text(recording, "task").unwrap_or_default());
    write_episodes(folder, &index, &task)?;
    write_task(folder, &task)?;
    write_json(folder, "info.json", &info(recording, &features, [episodes.len(), first], seconds))?;
    let stats: Map<String, Value> =
        features.iter().map(|f| (f.column.name.clone(), f.stats.json(&f.column.shape))).collect();
    write_json(folder, "stats.json", &Value::Object(stats))
}

fn text(recording: &Recording, name: &str) -> Option<String> {
    recording.text_attribute(name).filter(|text| !text.is_empty())
}

fn info(recording: &Recording, features: &[Feature<'_>], [episodes, frames]: [usize; 2], seconds: f64) -> Value {
    let about = |name: &str| text(recording, name).unwrap_or_default();
    let rate = 1.0 / seconds;
    let whole = (rate - rate.round()).abs() < 1e-9 * rate;
    let feature = |f: &Feature<'_>| {
        let shape = if f.column.shape.is_empty() { vec![1] } else { f.column.shape.clone() };
        (f.column.name.clone(), json!({ "dtype": f.column.kind.name(), "shape": shape, "names": f.names }))
    };
    json!({
        "codebase_version": "v3.0",
        "robot_type": about("task"),
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": 1,
        "chunks_size": CHUNK,
        "data_files_size_in_mb": FILE >> 20,
        "video_files_size_in_mb": 200,
        "fps": if whole { json!(rate.round() as u64) } else { json!(rate) },
        "splits": { "train": format!("0:{episodes}") },
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": null,
        "features": features.iter().map(feature).collect::<Map<_, _>>(),
        "dynsparse": {
            "content_sha256": about("content_sha256"),
            "command": about("command"),
            "engine": about("engine"),
            "state": recording.labels(Axis::State).unwrap_or_default(),
            "actuator": recording.labels(Axis::Actuator).unwrap_or_default(),
        },
    })
}

/// Where each episode is: number, length, folder and file of its data, first row and the one behind the last.
fn write_episodes(folder: &NewFolder, index: &[[usize; 6]], task: &str) -> Result<(), ExportError> {
    let names = [
        "episode_index",
        "length",
        "data/chunk_index",
        "data/file_index",
        "dataset_from_index",
        "dataset_to_index",
        "meta/episodes/chunk_index",
        "meta/episodes/file_index",
    ];
    let number = |name: &str| TableColumn { name: name.to_owned(), kind: Kind::I64, shape: Vec::new() };
    let mut columns: Vec<TableColumn> = names.iter().map(|name| number(name)).collect();
    columns.push(TableColumn { name: "tasks".to_owned(), kind: Kind::Text, shape: vec![1] });
    let of = |k: usize| Values::I64(index.iter().map(|row| row.get(k).map_or(0, |n| *n as i64)).collect());
    let mut values: Vec<Values> = (0..names.len()).map(of).collect();
    values.push(Values::Text(vec![task.to_owned(); index.len()]));
    let mut writer = Writer::create(folder, "meta/episodes/chunk-000/file-000.parquet", columns, &[])?;
    writer.rows(index.len(), &values)?;
    writer.finish()
}

/// The one task; its text is the index of a table of pandas.
fn write_task(folder: &NewFolder, task: &str) -> Result<(), ExportError> {
    let index = "__index_level_0__";
    let column = |name: &str, kind| TableColumn { name: name.to_owned(), kind, shape: Vec::new() };
    let about = |name: Option<&str>, field: &str, pandas: &str, numpy: &str| json!({ "name": name, "field_name": field, "pandas_type": pandas, "numpy_type": numpy, "metadata": null });
    let pandas = json!({
        "index_columns": [index],
        "column_indexes": [],
        "columns": [about(Some("task_index"), "task_index", "int64", "int64"), about(None, index, "unicode", "object")],
        "creator": { "library": "dynsparse", "version": env!("CARGO_PKG_VERSION") },
        "pandas_version": "2.0.0",
    });
    let columns = vec![column("task_index", Kind::I64), column(index, Kind::Text)];
    let mut writer = Writer::create(folder, "meta/tasks.parquet", columns, &[("pandas", pandas.to_string())])?;
    writer.rows(1, &[Values::I64(vec![0]), Values::Text(vec![task.to_owned()])])?;
    writer.finish()
}

fn write_json(folder: &NewFolder, name: &str, value: &Value) -> Result<(), ExportError> {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    Ok(folder.write(&format!("meta/{name}"), text.as_bytes())?)
}
