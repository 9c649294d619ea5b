//! Hostile inputs: whatever a file says, the program ends by itself, in time and memory that the file's size bounds, with
//! success or with one line on stderr.
//!
//! This is a plain harness for the stable compiler, and no cargo-fuzz: that needs a nightly one, and it runs its inputs
//! inside one process, where the death of the process is the end of the run. MuJoCo's compiler and HDF5 are C and C++,
//! which overflow stacks and raise signals; exit codes, words, memory and child processes are what a user meets. So every
//! input here is a process of the real binary, in a fresh folder, under limits of processor time and memory. What is
//! lost is the guidance by coverage; generators that know the formats stand in for it.
//!
//! An input follows from a seed and its number. The environment says how many:
//!
//! - `DYNSPARSE_FUZZ_COUNT`: inputs of each target (40)
//! - `DYNSPARSE_FUZZ_SEED`, `DYNSPARSE_FUZZ_FIRST`: the seed, and the number of the first input (0, 0)
//! - `DYNSPARSE_FUZZ_THREADS`: processes at a time (all cores)
//! - `DYNSPARSE_FUZZ_PROGRAM`: a program to judge in place of the one that is built with this
//! - `DYNSPARSE_FUZZ_FAILURES`: the folder for inputs that fail, made small, with a script that runs them again
//! - `DYNSPARSE_FUZZ_TABLE`: the folder for a file of counts for each target
//!
//! `cargo xtask fuzz` sets these for long runs.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "this harness has a judge of its own")]
mod common;

mod case;
mod counts;
mod drive;
mod judge;
mod keep;
mod limits;
mod logs;
mod manifests;
mod mjcf;
mod npz;
mod onnx;
mod recordings;
mod settings;
mod shrink;
mod weights;

#[test]
fn mjcf() {
    drive::fuzz::<mjcf::Mjcf>("mjcf");
}

#[test]
fn recordings() {
    drive::fuzz::<recordings::Recordings>("recordings");
}

#[test]
fn onnx() {
    drive::fuzz::<onnx::Onnx>("onnx");
}

#[test]
fn npz() {
    drive::fuzz::<npz::Npz>("npz");
}

#[test]
fn logs() {
    drive::fuzz::<logs::Logs>("logs");
}

#[test]
fn toml() {
    drive::fuzz::<settings::Settings>("toml");
}

#[test]
fn manifests() {
    drive::fuzz::<manifests::Manifests>("manifests");
}

#[test]
fn weights() {
    drive::fuzz::<weights::Weights>("weights");
}
