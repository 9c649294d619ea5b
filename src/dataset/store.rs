//! What is kept of the Jacobians.

use serde::{Deserialize, Serialize};

use super::schema::{ElementType, Var};

/// What a recording keeps of A, B, C and D. Verdicts, floors, kinks and flags come from the numbers in full precision,
/// whatever is kept of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// The numbers in double precision.
    #[default]
    F64,
    /// The numbers rounded to single precision (a share of 6e-8): half the size.
    F32,
    /// The verdicts of the zero test alone, no numbers.
    Masks,
}

/// The variables that it is about.
pub(super) const MATRICES: [Var; 4] = [Var::A, Var::B, Var::C, Var::D];

impl Store {
    /// The default, as a recipe's reader knows it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The type in which a variable is stored.
    pub fn kind(self, var: Var) -> ElementType {
        if self == Self::F32 && MATRICES.contains(&var) { ElementType::F32 } else { var.spec().kind }
    }

    /// The variables that are not kept.
    pub fn absent(self) -> &'static [Var] {
        if self == Self::Masks { &MATRICES } else { &[] }
    }
}
