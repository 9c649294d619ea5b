//! What a size of one means for each input.

use super::{InfluenceError, SizeUnit};
use crate::dataset::schema::Var;
use crate::dataset::{Recording, RowReader};
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
    let mut seen = vec![Spread::default(); layout.inputs()];
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
        seen.iter_mut().zip(&values).for_each(|(seen, x)| seen.add(*x));
    }
    Ok(seen.iter().map(|seen| if unit == SizeUnit::Sd { seen.deviation() } else { seen.most - seen.least }).collect())
}

/// What values spread over (the mean and the squares by Welford's recurrence).
#[derive(Debug, Clone, Copy)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
    least: f64,
    most: f64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { count: 0.0, mean: 0.0, squares: 0.0, least: f64::INFINITY, most: f64::NEG_INFINITY }
    }
}

impl Spread {
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        let off = x - self.mean;
        self.mean += off / self.count;
        self.squares += off * (x - self.mean);
        self.least = self.least.min(x);
        self.most = self.most.max(x);
    }

    fn deviation(&self) -> f64 {
        (self.squares / self.count).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_those_of_numpy() {
        let mut spread = Spread::default();
        [1.0, 4.0, -2.0, 1e-3].into_iter().for_each(|x| spread.add(x));
        // np.std([1, 4, -2, 1e-3])
        assert!((spread.deviation() - 2.164_976_948_491_6).abs() < 1e-13, "{}", spread.deviation());
        assert_eq!(spread.most - spread.least, 6.0);
    }
}
