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
    pub(super) fn width(&self) -> usize {
        self.tail.iter().product()
    }

    /// The rows as they are stored, little-endian.
    pub(super) fn bytes(&mut self, rows: Range<usize>) -> Result<Vec<u8>, DatasetError> {
        let mut bytes = Vec::with_capacity(rows.len() * self.width() * self.kind.size());
        for row in rows {
            bytes.extend_from_slice(self.reader.row(row)?);
        }
        Ok(bytes)
    }

    /// A row of floats, as doubles.
    #[cfg(feature = "parquet")]
    pub(super) fn numbers(&mut self, row: usize) -> Result<&[f64], DatasetError> {
        self.reader.numbers(row)
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

/// Whether one of the task's conditions ends the episode, by row.
pub(super) struct Terminated<'a>(Option<Column<'a>>);

impl<'a> Terminated<'a> {
    pub(super) fn of(recording: &'a Recording) -> Result<Self, DatasetError> {
        Ok(Self(Column::of(recording, Var::Terminated)?))
    }

    /// 1 where it does; only time ends an episode of a task without conditions.
    pub(super) fn flags(&mut self, rows: Range<usize>) -> Result<Vec<u8>, DatasetError> {
        match &mut self.0 {
            Some(column) => column.bytes(rows),
            None => Ok(vec![0; rows.len()]),
        }
    }
}
