//! What every room may use and what knows none of them: texts from outside made safe to show, numbers that JSON has not,
//! checksums, things that threads use in turns, the chunks of a recording (feature `chunks`); and the words that engine, file and analysis share: zero verdicts, flags of a
//! step, the layout of its inputs, and the kinematic tree.

#![forbid(unsafe_code)]

#[cfg(feature = "chunks")]
pub mod chunk;
pub mod flags;
#[cfg(feature = "chunks")]
pub mod heap;
pub mod idle;
pub mod kinematics;
pub mod layout;
pub mod number;
pub mod seal;
pub mod text;
pub mod zero;
