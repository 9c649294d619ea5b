//! The zero verdict: whether an entry of a Jacobian is zero. One definition for the engine that gives it, the file that keeps
//! it, and whoever reads it.

/// Whether the derivative of an output by an input is zero. The numbers are those of a recording's `A_zero` and its kin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[repr(u8)]
pub enum ZeroVerdict {
    /// The output depends on the input: the derivative is larger than what rounding can make.
    Nonzero = 0,
    /// It does not: zero by structure, or below what rounding makes.
    Zero = 1,
    /// Inside the noise band: either could be true.
    #[default]
    Undecided = 2,
}

impl ZeroVerdict {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Nonzero, Self::Zero, Self::Undecided];

    /// Their names in a recording, in the same order.
    pub const NAMES: [&str; 3] = ["nonzero", "zero", "undecided"];

    /// Its number in a recording.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::ZeroVerdict;

    #[test]
    fn numbers_are_positions() {
        for (i, verdict) in ZeroVerdict::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(verdict.code()), i);
        }
    }
}
