//! Outputs of a network as rows of the tangent state: (u, δ) = P y + C ξ + c.
//!
//! ```text
//! target         row                u or δ                         P               C
//! next           number             y                              1               0
//! next           what is no number  s + y, or δ = y                1               1 at its own s, or 0
//! increment      number             s + y                          1               1 at its own s
//! increment      orientation        δ = y                          1               0
//! acceleration   velocity           v + h y                        h               1 at v
//!                activation         a + h y                        h               1 at a
//!                place              q + h v' = q + h v + h² y      h²              1 at q, h at v
//!                orientation        δ = h v' = h v + h² y          h²              h at v
//! ```

use super::{Coordinates, LearningTarget};

/// What an output stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Row {
    /// The next value of a number, at a place of the row.
    Number { at: usize, column: usize },
    /// What is added to a tangent coordinate.
    Step { column: usize },
    /// The rate of a velocity or an activation, at a place of the row.
    Rate { at: usize, column: usize },
}

/// The rows of a target.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) target: LearningTarget,
    pub(super) outputs: Vec<Row>,
}

impl Rows {
    /// `as_number`: by tangent coordinate, whether the network sees the number itself.
    pub(super) fn new(coordinates: &Coordinates, target: LearningTarget, as_number: &[bool]) -> Self {
        let (layout, column_at) = (coordinates.layout, |column: usize| coordinates.at(column));
        let row = |column: usize| match (target, column_at(column)) {
            (LearningTarget::Next, Some(at)) if as_number[column] => Row::Number { at, column },
            (LearningTarget::Acceleration, Some(at)) => Row::Rate { at, column },
            _ => Row::Step { column },
        };
        let first = if target == LearningTarget::Acceleration { layout.nv } else { 0 };
        Self { target, outputs: (first..layout.ndx()).map(row).collect() }
    }

    /// What an output should be at a step.
    pub(super) fn goal(&self, coordinates: &Coordinates, output: Row, row: &[f64], after: &[f64]) -> f64 {
        match output {
            Row::Number { at, .. } => after[at],
            Row::Rate { at, .. } => (after[at] - row[at]) / coordinates.seconds,
            Row::Step { column } => match coordinates.at(column) {
                Some(at) => after[at] - row[at],
                None => {
                    let turn = coordinates.turns.iter().find(|[_, first]| (*first..first + 3).contains(&column));
                    turn.map_or(0.0, |[at, first]| {
                        let [now, next] = [row, after].map(|row| super::features::orientation(row, *at));
                        crate::quat::turn(next, now)[column - first]
                    })
                }
            },
        }
    }

    /// Tangent increments of a step, [ndx], from the outputs as they are.
    pub(super) fn steps(&self, coordinates: &Coordinates, row: &[f64], outputs: &[f64]) -> Vec<f64> {
        let (layout, h) = (coordinates.layout, coordinates.seconds);
        let mut by = vec![0.0; layout.ndx()];
        for (output, y) in self.outputs.iter().zip(outputs) {
            match *output {
                Row::Number { at, column } => by[column] = y - row[at],
                Row::Step { column } => by[column] = *y,
                Row::Rate { column, .. } => by[column] = h * y,
            }
        }
        if self.target == LearningTarget::Acceleration {
            for dof in 0..layout.nv {
                let v = coordinates.at(layout.nv + dof).map_or(0.0, |at| row[at]);
                by[dof] = h * (v + by[layout.nv + dof]);
            }
        }
        by
    }

    /// P: tangent coordinate, output, factor.
    pub(super) fn spread(&self, coordinates: &Coordinates) -> Vec<(usize, usize, f64)> {
        let (layout, h) = (coordinates.layout, coordinates.seconds);
        let mut found = Vec::new();
        for (o, output) in self.outputs.iter().enumerate() {
            match *output {
                Row::Number { column, .. } | Row::Step { column } => found.push((column, o, 1.0)),
                Row::Rate { column, .. } => {
                    found.push((column, o, h));
                    if layout.velocities().contains(&column) {
                        found.push((column - layout.nv, o, h * h));
                    }
                }
            }
        }
        found
    }

    /// C: tangent coordinate of the next state, of the state, factor. (What a turn before the step is after it, exp(-[δ]x), is
    /// not in it.)
    pub(super) fn carried(&self, coordinates: &Coordinates) -> Vec<(usize, usize, f64)> {
        let (layout, h) = (coordinates.layout, coordinates.seconds);
        let own = |column: usize| coordinates.at(column).map(|_| (column, column, 1.0));
        let of_output = |output: &Row| match *output {
            Row::Number { .. } => None,
            Row::Step { column } | Row::Rate { column, .. } => own(column),
        };
        let mut found: Vec<_> = self.outputs.iter().filter_map(of_output).collect();
        if self.target == LearningTarget::Acceleration {
            for dof in 0..layout.nv {
                found.extend(own(dof));
                found.push((dof, layout.nv + dof, h));
            }
        }
        found
    }
}
