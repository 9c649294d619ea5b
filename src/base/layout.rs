//! How the inputs and outputs of a step are numbered: the tangent state, then the controls.

use std::ops::Range;

/// Sizes of a model's state. Rows of A and B, and columns of A, are the tangent state: nv positions, nv velocities, na
/// activations (ndx = 2 nv + na); columns of B are the nu controls, which follow the tangent state where inputs are numbered
/// through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateLayout {
    /// Degrees of freedom.
    pub nv: usize,
    /// Activations.
    pub na: usize,
    /// Controls.
    pub nu: usize,
}

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepInput {
    /// A position in the tangent space, of this dof.
    Position(usize),
    /// A velocity, of this dof.
    Velocity(usize),
    /// This activation.
    Activation(usize),
    /// This control.
    Control(usize),
}

impl StateLayout {
    /// Size of the tangent state.
    pub const fn ndx(self) -> usize {
        2 * self.nv + self.na
    }

    /// Number of inputs: tangent state and controls.
    pub const fn inputs(self) -> usize {
        self.ndx() + self.nu
    }

    /// The velocities among the inputs.
    pub const fn velocities(self) -> Range<usize> {
        self.nv..2 * self.nv
    }

    /// The activations among the inputs.
    pub const fn activations(self) -> Range<usize> {
        2 * self.nv..self.ndx()
    }

    /// The controls among the inputs.
    pub const fn controls(self) -> Range<usize> {
        self.ndx()..self.inputs()
    }

    /// The number of an activation among the inputs.
    pub const fn activation(self, i: usize) -> usize {
        2 * self.nv + i
    }

    /// The number of a control among the inputs.
    pub const fn control(self, i: usize) -> usize {
        self.ndx() + i
    }

    /// What an input is, by its number.
    pub const fn input(self, number: usize) -> StepInput {
        if number < self.nv {
            StepInput::Position(number)
        } else if number < 2 * self.nv {
            StepInput::Velocity(number - self.nv)
        } else if number < self.ndx() {
            StepInput::Activation(number - 2 * self.nv)
        } else {
            StepInput::Control(number - self.ndx())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_kinds_are_inverse() {
        let layout = StateLayout { nv: 3, na: 2, nu: 4 };
        assert_eq!((layout.ndx(), layout.inputs()), (8, 12));
        let blocks = [0..3, layout.velocities(), layout.activations(), layout.controls()];
        assert!(blocks.into_iter().flatten().eq(0..12));
        for number in 0..layout.inputs() {
            let back = match layout.input(number) {
                StepInput::Position(dof) => dof,
                StepInput::Velocity(dof) => layout.velocities().start + dof,
                StepInput::Activation(i) => layout.activation(i),
                StepInput::Control(i) => layout.control(i),
            };
            assert_eq!(back, number);
        }
    }
}
