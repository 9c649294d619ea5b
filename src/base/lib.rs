//! What every room may use and what knows none of them: texts from outside made safe to show, numbers that JSON has not,
//! checksums, things that threads use in turns.

#![forbid(unsafe_code)]

pub mod idle;
pub mod number;
pub mod seal;
pub mod text;
