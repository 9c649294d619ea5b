//! The features of a data set, and where their numbers come from.

use serde_json::{Value, json};

use super::super::ExportError;
use super::super::columns::{Column, Episode, FINDINGS, Terminated, action};
use super::stats::Stats;
use super::table::{Column as TableColumn, Kind, Values};
use crate::dataset::Recording;
use crate::dataset::schema::{ElementType, Var};

/// What is exact, besides.
const EXACT: [Var; 7] =
    [Var::Qpos, Var::Qvel, Var::Act, Var::Ctrl, Var::Residual, Var::ResidualTenth, Var::ResidualSecond];

/// Where the numbers of a feature come from.
enum Source<'a> {
    /// Variables side by side, in single precision.
    Single(Vec<Column<'a>>),
    /// A variable as it is.
    Exact(Box<Column<'a>>),
    Done(Box<Terminated<'a>>),
    Counted(Counted),
}

/// What every row of LeRobot has.
#[derive(Clone, Copy)]
enum Counted {
    Timestamp,
    Frame,
    Episode,
    Row,
    Task,
}

pub(super) struct Feature<'a> {
    pub(super) column: TableColumn,
    /// Names of its entries.
    pub(super) names: Value,
    source: Source<'a>,
    pub(super) stats: Stats,
}

/// Where an episode stands among all.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) number: usize,
    /// Its first row.
    pub(super) first: usize,
    pub(super) seconds: f64,
}

/// All features of a recording.
pub(super) fn features(recording: &Recording) -> Result<Vec<Feature<'_>>, ExportError> {
    let mut all: Vec<Feature<'_>> = Vec::new();
    let single = [
        ("observation.state", vec![Var::Qpos, Var::Qvel, Var::Act]),
        ("observation.environment_state", vec![Var::Observation]),
        ("action", vec![action(recording)]),
        ("next.reward", vec![Var::Reward]),
    ];
    for (name, vars) in single {
        let columns = Column::those(recording, &vars)?;
        let width: usize = columns.iter().map(Column::width).sum();
        if width == 0 {
            continue;
        }
        let labels = columns.iter().map(|c| labels(recording, c)).collect::<Result<Vec<_>, _>>()?.concat();
        let shape = if name == "next.reward" { Vec::new() } else { vec![width] };
        let names = if labels.len() == width { json!(labels) } else { Value::Null };
        all.push(Feature::new(name, Kind::F32, shape, names, Source::Single(columns)));
    }
    for column in Column::those(recording, &[&EXACT[..], &FINDINGS].concat())? {
        let kind = match column.kind {
            ElementType::F64 => Kind::F64,
            ElementType::F32 => Kind::F32,
            ElementType::U8 => Kind::U8,
            _ => Kind::I64,
        };
        // LeRobot knows one value by the shape [1], in its files as in ours none.
        let shape = if column.width() == 1 { Vec::new() } else { column.tail.clone() };
        let labels = if shape.len() == 1 { labels(recording, &column)? } else { Vec::new() };
        let names = if labels.is_empty() { Value::Null } else { json!(labels) };
        all.push(Feature::new(
            format!("dynsparse.{}", column.name()),
            kind,
            shape,
            names,
            Source::Exact(Box::new(column)),
        ));
    }
    let done = Source::Done(Box::new(Terminated::of(recording)?));
    all.push(Feature::new("next.done", Kind::Bool, Vec::new(), Value::Null, done));
    let counted = [
        ("timestamp", Kind::F32, Counted::Timestamp),
        ("frame_index", Kind::I64, Counted::Frame),
        ("episode_index", Kind::I64, Counted::Episode),
        ("index", Kind::I64, Counted::Row),
        ("task_index", Kind::I64, Counted::Task),
    ];
    for (name, kind, source) in counted {
        all.push(Feature::new(name, kind, Vec::new(), Value::Null, Source::Counted(source)));
    }
    Ok(all)
}

/// Names of the entries of a row; with what they are behind it where the same names are positions and velocities, as LeRobot has it.
fn labels(recording: &Recording, column: &Column<'_>) -> Result<Vec<String>, ExportError> {
    let axes = column.var.spec().axes;
    let names = if let [_, axis] = axes { recording.labels(*axis)? } else { Vec::new() };
    let what = match column.var {
        Var::Qpos => ".pos",
        Var::Qvel => ".vel",
        Var::Act => ".act",
        _ => return Ok(names),
    };
    Ok(names.into_iter().map(|name| name + what).collect())
}

impl<'a> Feature<'a> {
    fn new(name: impl Into<String>, kind: Kind, shape: Vec<usize>, names: Value, source: Source<'a>) -> Self {
        let stats = Stats::new(shape.iter().product());
        Self { column: TableColumn { name: name.into(), kind, shape }, names, source, stats }
    }

    /// The values of an episode.
    pub(super) fn read(&mut self, episode: &Episode, place: Place) -> Result<Values, ExportError> {
        let rows = episode.rows.clone();
        let values = match &mut self.source {
            Source::Single(columns) => {
                let mut values = Vec::new();
                for row in rows {
                    for column in &mut *columns {
                        values.extend(column.numbers(row)?.iter().map(|x| *x as f32));
                    }
                }
                Values::F32(values)
            }
            Source::Exact(column) => exact(column, rows)?,
            Source::Done(terminated) => {
                let mut done: Vec<bool> = terminated.flags(rows)?.into_iter().map(|flag| flag != 0).collect();
                done.last_mut().into_iter().for_each(|last| *last = true);
                Values::Bool(done)
            }
            Source::Counted(Counted::Timestamp) => {
                Values::F32((0..rows.len()).map(|k| (k as f64 * place.seconds) as f32).collect())
            }
            Source::Counted(counted) => {
                let number = |k: usize| match counted {
                    Counted::Frame => k,
                    Counted::Episode => place.number,
                    Counted::Row => place.first + k,
                    _ => 0,
                };
                Values::I64((0..rows.len()).map(|k| number(k) as i64).collect())
            }
        };
        self.stats.add(&values);
        Ok(values)
    }
}

/// The rows of a variable as they are; bit masks become wider, since Parquet's readers know no unsigned numbers of that size
/// everywhere.
fn exact(column: &mut Column<'_>, rows: std::ops::Range<usize>) -> Result<Values, ExportError> {
    let bytes = column.bytes(rows)?;
    let (eights, fours) = (bytes.as_chunks::<8>().0, bytes.as_chunks::<4>().0);
    Ok(match column.kind {
        ElementType::F64 => Values::F64(eights.iter().map(|b| f64::from_le_bytes(*b)).collect()),
        ElementType::F32 => Values::F32(fours.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        ElementType::I64 => Values::I64(eights.iter().map(|b| i64::from_le_bytes(*b)).collect()),
        ElementType::I32 => Values::I64(fours.iter().map(|b| i32::from_le_bytes(*b).into()).collect()),
        ElementType::U32 => Values::I64(fours.iter().map(|b| u32::from_le_bytes(*b).into()).collect()),
        ElementType::U8 | ElementType::Text => Values::U8(bytes),
    })
}
