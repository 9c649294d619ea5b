//! Minari: a folder `data` with `metadata.json` and `main_data.hdf5`, in which an episode is a group. Observations have one row more
//! than the rest: the state after the last step.

use serde_json::json;

use super::columns::{Column, Episode, FINDINGS, Terminated, action, action_width};
use super::{ExportError, ExportJob};
use crate::dataset::schema::{Axis, ElementType, Var};
use crate::dataset::{Archive, Attribute, Recording};
use crate::files::NewFolder;

/// The version of Minari's layout.
const VERSION: &str = "0.5.3";

/// What is observed before a step, and the same after it.
const OBSERVED: [[Var; 2]; 4] = [
    [Var::Observation, Var::ObservationNext],
    [Var::Qpos, Var::QposNext],
    [Var::Qvel, Var::QvelNext],
    [Var::Act, Var::ActNext],
];

/// What goes into `infos` besides, a row a step.
const INFOS: [Var; 5] = [Var::Time, Var::Ctrl, Var::Residual, Var::ResidualTenth, Var::ResidualSecond];

/// What is read, episode by episode.
struct Columns<'a> {
    /// Before a step, and after it.
    observed: Vec<[Column<'a>; 2]>,
    acted: Option<Column<'a>>,
    reward: Option<Column<'a>>,
    terminated: Terminated<'a>,
    infos: Vec<Column<'a>>,
}

impl<'a> Columns<'a> {
    fn of(recording: &'a Recording) -> Result<Self, ExportError> {
        let mut observed = Vec::new();
        for [before, after] in OBSERVED {
            if let [Some(before), Some(after)] = [Column::of(recording, before)?, Column::of(recording, after)?] {
                observed.push([before, after]);
            }
        }
        Ok(Self {
            observed,
            acted: Column::of(recording, action(recording))?,
            reward: Column::of(recording, Var::Reward)?,
            terminated: Terminated::of(recording)?,
            infos: Column::those(recording, &[&INFOS[..], &FINDINGS].concat())?,
        })
    }
}

pub(super) fn write(
    job: &ExportJob<'_>,
    episodes: &[Episode],
    folder: &NewFolder,
    notes: &mut Vec<String>,
) -> Result<(), ExportError> {
    let recording = job.recording;
    let actions = action_width(recording);
    let mut columns = Columns::of(recording)?;
    let numbers = folder.make_room("data/main_data.hdf5")?;
    let mut file = Archive::create(&numbers)?;
    for (number, episode) in episodes.iter().enumerate() {
        write_episode(number, episode, &mut columns, actions, &mut file)?;
    }
    file.finish()?;
    if !recording.has(Var::Reward) {
        notes.push("the task has no reward: rewards are NaN".to_owned());
    }
    let steps: usize = episodes.iter().map(|e| e.rows.len()).sum();
    let length = std::fs::metadata(&numbers).map_or(0, |m| m.len());
    let about = |name: &str| recording.text_attribute(name).unwrap_or_default();
    let metadata = json!({
        "dataset_id": job.name,
        "minari_version": VERSION,
        "data_format": "hdf5",
        "jpeg_encoding": true,
        "total_episodes": episodes.len(),
        "total_steps": steps,
        "dataset_size": length as f64 / 1e6,
        "observation_space": observation_space(&columns),
        "action_space": space(actions),
        "algorithm_name": about("policy"),
        "description": about("description"),
        "code_permalink": "",
        "author": [],
        "author_email": [],
        // What the infos are.
        "dynsparse": {
            "content_sha256": about("content_sha256"),
            "command": about("command"),
            "task": about("task"),
            "engine": about("engine"),
            "state": recording.labels(Axis::State)?,
            "actuator": recording.labels(Axis::Actuator)?,
        },
    });
    let text = serde_json::to_string_pretty(&metadata).unwrap_or_default();
    Ok(folder.write("data/metadata.json", text.as_bytes())?)
}

fn write_episode(
    number: usize,
    episode: &Episode,
    columns: &mut Columns<'_>,
    actions: usize,
    file: &mut Archive,
) -> Result<(), ExportError> {
    let (rows, group) = (episode.rows.clone(), format!("episode_{number}"));
    let count = rows.len();
    let about = [
        ("id", Attribute::Int(number as i64)),
        ("total_steps", Attribute::Int(count as i64)),
        ("dynsparse/episode", Attribute::Int(episode.row.episode)),
        ("dynsparse/end", Attribute::Text(episode.row.end.clone())),
    ];
    file.group(&group, &about)?;
    for part in ["observations", "infos"] {
        file.group(&format!("{group}/{part}"), &[])?;
    }
    for [before, after] in &mut columns.observed {
        let mut bytes = before.bytes(rows.clone())?;
        bytes.extend(after.bytes(rows.end - 1..rows.end)?);
        file.array(&format!("{group}/observations/{}", before.name()), before.kind, &before.tail, count + 1, &bytes)?;
    }
    let bytes = columns.acted.as_mut().map(|column| column.bytes(rows.clone())).transpose()?.unwrap_or_default();
    file.array(&format!("{group}/actions"), ElementType::F64, &[actions], count, &bytes)?;
    let bytes = match &mut columns.reward {
        Some(column) => column.bytes(rows.clone())?,
        None => f64::NAN.to_le_bytes().repeat(count),
    };
    file.array(&format!("{group}/rewards"), ElementType::F64, &[], count, &bytes)?;
    let terminations = columns.terminated.flags(rows.clone())?;
    let mut truncations = vec![0; count];
    truncations[count - 1] = 1 - terminations[count - 1].min(1);
    file.booleans(&format!("{group}/terminations"), &terminations)?;
    file.booleans(&format!("{group}/truncations"), &truncations)?;
    for column in &mut columns.infos {
        let bytes = column.bytes(rows.clone())?;
        file.array(&format!("{group}/infos/{}", column.name()), column.kind, &column.tail, count, &bytes)?;
    }
    Ok(())
}

/// A box without bounds, as Minari writes spaces: JSON with the infinities of Python's.
fn space(width: usize) -> String {
    let all = |word: &str| vec![word; width].join(", ");
    let (low, high) = (all("-Infinity"), all("Infinity"));
    format!(r#"{{"type": "Box", "dtype": "float64", "shape": [{width}], "low": [{low}], "high": [{high}]}}"#)
}

fn observation_space(columns: &Columns<'_>) -> String {
    let spaces: Vec<String> = columns
        .observed
        .iter()
        .map(|[column, _]| format!(r#""{}": {}"#, column.name(), space(column.width())))
        .collect();
    format!(r#"{{"type": "Dict", "subspaces": {{{}}}}}"#, spaces.join(", "))
}
