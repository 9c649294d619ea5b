//! `cargo xtask demo`: small data sets of eight tasks, and a table of what is in them.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

use crate::setup::Setup;
use crate::step::{cargo, check, run};

/// From hanging ball to running cheetah: contacts, closed chains, many and few dimensions.
const TASKS: &[&str] = &[
    "BallInCup",
    "CartpoleBalance",
    "CheetahRun",
    "ReacherHard",
    "FingerSpin",
    "FingerTurnEasy",
    "WalkerRun",
    "SwimmerSwimmer6",
];

/// Record the Jacobians of eight tasks and show what is in the files
#[derive(Args)]
pub(crate) struct Demo {
    /// Episodes of each task
    #[arg(long, default_value = "10")]
    episodes: NonZero<u32>,
    /// Steps of each episode
    #[arg(long, default_value = "1000")]
    steps: NonZero<u32>,
    /// Folder for the files; what is finished there is kept
    #[arg(long, default_value = "demo")]
    out: PathBuf,
    /// Threads to record with [default: dynsparse chooses]
    #[arg(long)]
    threads: Option<NonZero<u32>>,
}

impl Demo {
    /// Records the tasks one after the other; each uses all threads.
    pub(crate) fn run(&self) -> Result<()> {
        Setup::default().run()?;
        let dynsparse = build(Program::Recorder)?;
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("the folder {} cannot be made", self.out.display()))?;

        let mut files = Vec::new();
        for task in TASKS {
            let file = self.out.join(format!("{task}.h5"));
            let mut record = Command::new(&dynsparse);
            record.args(["record", task, "--seed", "0", "-o"]).arg(&file);
            record.args(["--episodes", &self.episodes.to_string(), "--steps", &self.steps.to_string()]);
            if let Some(threads) = self.threads {
                record.args(["--threads", &threads.to_string()]);
            }
            run(&format!("recording {task}"), &mut record)?;
            files.push(OsString::from(file));
        }
        run("what was recorded", Command::new(&dynsparse).arg("info").args(&files))
    }
}

/// What of the program is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// What records, verifies, checks, analyses and renders: half of what is compiled.
    Recorder,
    /// All of it.
    Whole,
}

/// Builds the program; cargo says where it is, whatever the target folder.
pub(crate) fn build(program: Program) -> Result<PathBuf> {
    let features: &[&str] = match program {
        Program::Recorder => &["--no-default-features"],
        Program::Whole => &[],
    };
    crate::place::tell(format_args!("==> cargo build --release {}", features.concat()));
    let out = cargo()
        .args(["build", "--release", "--package", "dynsparse", "--bin", "dynsparse"])
        .args(features)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cargo build cannot be started")?;
    check("cargo build --release", out.status)?;
    executable(&String::from_utf8_lossy(&out.stdout))
        .context("cargo build --release did not say where it put dynsparse: run it alone and look")
}

/// The program among cargo's messages, one JSON object a line.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "dynsparse")
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"dynsparse","kind":["lib"]},"executable":null}
not json
{"reason":"compiler-artifact","target":{"name":"dynsparse","kind":["bin"]},"executable":"/t/release/dynsparse"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/t/release/dynsparse")));
        assert_eq!(executable(""), None);
    }
}
