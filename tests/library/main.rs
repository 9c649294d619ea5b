//! Tests that call the library: its numbers, its physics and its engines, against references, against differences of whole
//! steps, and against what must be true in any case.
//!
//! One file runs with `cargo test --test library sensors::`.
//!
//! All files are one binary, because each of its own would link the whole library once more; their tests run side by side in
//! one process.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "these tests seldom start the program")]
mod common;

mod cases;
mod contacts_at_edges;
mod corpus;
mod engine_alone;
mod episodes;
mod events;
mod flags;
mod implicit;
#[cfg(feature = "learn")]
mod learned;
mod physics;
mod random_models;
mod reference;
mod resets;
mod rewards;
mod rollouts;
mod rules;
mod sample;
mod sensors;
mod sleep;
mod suites;
mod whole_steps;
mod zeros_by_symmetry;
