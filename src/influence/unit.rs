//! What a size of one means for each input.

use super::{InfluenceError, SizeUnit};
use crate::dataset::schema::Var;
use crate::dataset::{Recording, RowReader};
use crate::moments::Moments;
use crate::physics::Model;

/// The unit of every input (ndx + nu), over all rows of the recording. Positions are differences from those of the first row, in the
/// tangent space there.
///
/// # Errors
/// [`InfluenceError::Dataset`].
pub(super) fn units(recording: &Recording, model: &Model, unit: SizeUnit) -> Result<Vec<f64>, InfluenceError> {
    let layout = model.layout();
    if unit == SizeUnit::Absolute {
        return Ok(vec![1.0; layout.inputs()]);
    }
    let mut readers = Vec::new();
    for var in [Var::Qpos, Var::Qvel, Var::Act, Var::Ctrl] {
        if recording.has(var) {
            readers.push((var, RowReader::new(recording, var)?));
        }
    }
    let mut first = Vec::new();
    let mut values = vec![0.0; layout.inputs()];
    let mut seen = Moments::of(layout.inputs());
    for row in 0..recording.shape(Var::Qpos)[0] {
        for (var, reader) in &mut readers {
            let numbers = reader.numbers(row)?;
            match var {
                Var::Qpos if row == 0 => first.extend_from_slice(numbers),
                Var::Qpos => model.differentiate_pos(&first, numbers, 1.0, &mut values[..layout.nv]),
                Var::Qvel => values[layout.velocities()].copy_from_slice(numbers),
                Var::Act => values[layout.activations()].copy_from_slice(numbers),
                _ => values[layout.controls()].copy_from_slice(numbers),
            }
        }
        seen.add(values.iter().copied());
    }
    Ok(match unit {
        SizeUnit::Range => seen.ends.iter().map(|[least, most]| most - least).collect(),
        _ => seen.std(),
    })
}
