//! Tests of the real binary, each in a fresh folder of its own: what it writes, what it says, and what it refuses.
//!
//! One file runs with `cargo test --test program sweep::`.
//!
//! All files are one binary, because each of its own would link the whole library once more. Tests of any file run side by
//! side, in one process: none may change the environment, the working folder or the limits of this process, nor count on
//! its memory (`tests/memory.rs` does, and has a process to itself). What a test changes is a process that it starts.

#[path = "../common/mod.rs"]
#[cfg_attr(not(feature = "learn"), expect(dead_code, reason = "some of it is for learn.rs alone"))]
mod common;

#[cfg(feature = "report")]
mod ablate;
mod all_tasks;
mod analysis;
mod bad_input;
mod check_jacobian;
mod compile;
mod determinism;
mod docs;
mod expert;
mod export;
mod held_state;
mod help;
mod hostile_recordings;
mod influence;
mod interrupt;
mod kept_models;
#[cfg(feature = "learn")]
mod learn;
mod logs;
mod names;
mod onnx;
mod outputs;
mod parity;
mod plugins;
mod python;
mod remembered;
mod render;
mod replay;
#[cfg(feature = "report")]
mod report;
#[cfg(feature = "learn")]
mod score_influence;
mod sleep;
mod slurm;
mod store;
mod suites;
mod sweep;
mod tasks;
mod touches;
mod trust;
#[cfg(feature = "video")]
mod video;
#[cfg(feature = "report")]
mod view;
mod zero_test;
