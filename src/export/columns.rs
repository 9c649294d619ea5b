//! The variables of a recording, episode by episode.

use std::ops::Range;

use crate::dataset::schema::{Axis, ElementType, Var};
use crate::dataset::{DatasetError, EpisodeRow, Recording, RowReader};

/// What the Jacobians are, and what is known of them.
pub(super) const FINDINGS: [Var; 12] = [
    Var::A,
    Var::B,
    Var::AZero,
    Var::BZero,
    Var::ZeroFloor,
    Var::Kink,
    Var::Flags,
    Var::Sensordata,
    Var::C,
    Var::D,
    Var::CZero,
    Var::DZero,
];

/// An episode with its rows of the recording.
pub(super) struct Episode {
    pub(super) row: EpisodeRow,
    pub(super) rows: Range<usize>,
}

impl Episode {
    /// Those that have a step.
    pub(super) fn all(recording: &Recording) -> Result<Vec<Self>, DatasetError> {
        let (episodes, offsets) = (recording.episodes()?, recording.offsets()?);
        let rows = offsets.windows(2).map(|two| two[0]..two[1]);
        Ok(episodes
            .into_iter()
            .zip(rows)
            .map(|(row, rows)| Self { row, rows })
            .filter(|e| !e.rows.is_empty())
            .collect())
    }
}

/// A variable that is exported.
pub(super) struct Column<'a> {
    pub(super) var: Var,
    pub(super) kind: ElementType,
    /// Shape of a row.
    pub(super) tail: Vec<usize>,
    reader: RowReader<'a>,
}

impl<'a> Column<'a> {
    /// The variable, where the recording has it and it has entries.
    pub(super) fn of(recording: &'a Recording, var: Var) -> Result<Option<Self>, DatasetError> {
        let shape = recording.shape(var);
        if !recording.has(var) || shape.contains(&0) {
            return Ok(None);
        }
        let (kind, tail) = (recording.kind(var), shape[1..].to_vec());
        Ok(Some(Self { var, kind, tail, reader: RowReader::new(recording, var)? }))
    }

    /// Those of several that are there.
    pub(super) fn those(recording: &'a Recording, vars: &[Var]) -> Result<Vec<Self>, DatasetError> {
        vars.iter().filter_map(|var| Self::of(recording, *var).transpose()).collect()
    }

    pub(super) fn name(&self) -> &'static str {
        self.var.spec().name
    }

    /// Numbers of a row.
    #[cfg(feature = "parquet")]
    pub(super) fn width(&self) -> usize {
        self.tail.iter().product()
    }

    /// Appends the rows as they are stored, little-endian.
    pub(super) fn bytes(&mut self, rows: Range<usize>, to: &mut Vec<u8>) -> Result<(), DatasetError> {
        for row in rows {
            to.extend_from_slice(self.reader.row(row)?);
        }
        Ok(())
    }

    /// Appends the rows of floats as doubles.
    #[cfg(feature = "parquet")]
    pub(super) fn numbers(&mut self, rows: Range<usize>, to: &mut Vec<f64>) -> Result<(), DatasetError> {
        for row in rows {
            to.extend_from_slice(self.reader.numbers(row)?);
        }
        Ok(())
    }
}

/// What a policy decided on: its action, or the control where these are the same.
pub(super) fn action(recording: &Recording) -> Var {
    if recording.has(Var::Action) && recording.len(Axis::Action) > 0 { Var::Action } else { Var::Ctrl }
}

/// Entries of it.
pub(super) fn action_width(recording: &Recording) -> usize {
    recording.len(if action(recording) == Var::Action { Axis::Action } else { Axis::Actuator })
}

/// By row of an episode: whether one of the task's conditions ends it there.
pub(super) fn terminated(recording: &Recording, episode: &Episode) -> Result<Vec<u8>, DatasetError> {
    let mut flags = Vec::new();
    match Column::of(recording, Var::Terminated)? {
        Some(mut column) => column.bytes(episode.rows.clone(), &mut flags)?,
        None => flags.resize(episode.rows.len(), 0),
    }
    Ok(flags)
}

/// Names of an axis; none where it has no entry.
pub(super) fn names(recording: &Recording, axis: Axis) -> Result<Vec<String>, DatasetError> {
    if recording.len(axis) == 0 { Ok(Vec::new()) } else { recording.labels(axis) }
}
