//! What every room may use and what knows none of them: texts from outside made safe to show, numbers that JSON has not,
//! checksums, things that threads use in turns; and the words that engine, file and analysis share: zero verdicts, flags of a
//! step, the layout of its inputs, and the kinematic tree.

#![forbid(unsafe_code)]

pub mod flags;
pub mod idle;
pub mod kinematics;
pub mod layout;
pub mod number;
pub mod seal;
pub mod text;
pub mod zero;
