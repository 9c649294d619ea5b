//! `cargo xtask fuzz`: as many hostile inputs as one likes for everything that reads files, judged on a release build. The
//! inputs and the judge are those of `tests/hostile`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::place::{root, tell};
use crate::setup::Setup;
use crate::step::{cargo, check};

/// What reads files, as `tests/hostile` names it.
const TARGETS: [&str; 8] = ["mjcf", "recordings", "onnx", "npz", "logs", "toml", "manifests", "weights"];

/// Inputs after which counts are written: a run that was ended goes on after them.
const CHUNK: u64 = 500;

/// Run hostile inputs through everything that reads files
#[derive(Args)]
pub(crate) struct Fuzz {
    /// What to run: mjcf, recordings, onnx, npz, logs, toml, manifests, weights [default: all]
    #[arg(value_name = "TARGET", value_parser = TARGETS)]
    targets: Vec<String>,
    /// Inputs of each target
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    inputs: u64,
    /// Seed of the inputs
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The number of the first input
    #[arg(long, value_name = "N", default_value_t = 0)]
    first: u64,
    /// Folder for inputs that fail, made small, and for the counts, which a run that was ended goes on with
    #[arg(long, value_name = "DIR", default_value = "fuzz")]
    failures: PathBuf,
    /// Judge a build that checks for overflow of whole numbers, in place of a release build
    #[arg(long)]
    checked: bool,
}

impl Fuzz {
    /// Sets up, builds, runs what has not been run yet, and prints a table.
    pub(crate) fn run(&self) -> Result<()> {
        Setup::default().run()?;
        let harness = build(self.checked)?;
        let failures = std::path::absolute(&self.failures)?;
        std::fs::create_dir_all(&failures)
            .with_context(|| format!("the folder {} cannot be made", failures.display()))?;
        let targets: Vec<&str> = match &self.targets[..] {
            [] => TARGETS.to_vec(),
            some => some.iter().map(String::as_str).collect(),
        };
        let mut sums = Vec::new();
        for target in targets {
            let mut sum = Sum { target: target.to_owned(), ..Sum::default() };
            let mut first = self.first;
            while first < self.first + self.inputs {
                let count = CHUNK.min(self.first + self.inputs - first);
                sum.add(&self.chunk(&harness, &failures, target, first, count)?);
                tell(format_args!("==> {}", sum.line()));
                first += count;
            }
            sums.push(sum);
        }
        tell(format_args!("{HEAD}"));
        sums.iter().for_each(|sum| tell(sum.row()));
        let failed: u64 = sums.iter().map(|sum| sum.failures).sum();
        if failed > 0 {
            bail!("{failed} inputs failed; they are in {}, each with a script that runs it again", failures.display());
        }
        Ok(())
    }

    /// Runs some inputs of a target, unless this build has run them already; returns the counts.
    fn chunk(&self, harness: &Path, failures: &Path, target: &str, first: u64, count: u64) -> Result<Value> {
        let file = failures.join("counts").join(format!("{target}-{}-{first}.json", self.seed));
        let there = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        if let Some(counts) = there.filter(|c| c["inputs"] == count && is_newer(&file, harness)) {
            return Ok(counts);
        }
        let mut command = Command::new(harness);
        command.args(["--exact", target, "--nocapture"]).current_dir(root()).stdin(Stdio::null()).stdout(Stdio::null());
        for (name, value) in [("COUNT", count), ("SEED", self.seed), ("FIRST", first)] {
            command.env(format!("DYNSPARSE_FUZZ_{name}"), value.to_string());
        }
        command.env("DYNSPARSE_FUZZ_FAILURES", failures).env("DYNSPARSE_FUZZ_TABLE", failures.join("counts"));
        command.env("RUST_BACKTRACE", "0");
        // An input that fails makes the harness fail after its counts are written.
        let status = command.status().context("the harness cannot be started")?;
        match std::fs::read(&file) {
            Ok(bytes) if is_newer(&file, harness) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{} is no JSON", file.display()))
            }
            _ => bail!("the harness ended without counts: {status}"),
        }
    }
}

/// Whether counts were made with the harness as it is.
fn is_newer(file: &Path, harness: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    time(file).zip(time(harness)).is_some_and(|(counts, built)| counts > built)
}

/// Builds the program and the harness; cargo says where that is.
fn build(checked: bool) -> Result<PathBuf> {
    let mut args = vec!["test", "--package", "dynsparse", "--test", "hostile", "--no-run"];
    if !checked {
        args.push("--release");
    }
    let step = format!("cargo {}", args.join(" "));
    tell(format_args!("==> {step}"));
    let out = cargo()
        .args(args)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cargo test cannot be started")?;
    check(&step, out.status)?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = |message: &Value| message["target"]["name"] == "hostile";
    let executable = messages.filter(ours).find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.context("cargo did not say where it put the harness")
}

/// Heads of the table.
const HEAD: &str = "target       inputs  accepted   refused  failed  slowest     largest  kinds of failures";

/// Counts of a target.
#[derive(Default)]
struct Sum {
    target: String,
    inputs: u64,
    accepted: u64,
    refused: u64,
    failures: u64,
    kinds: std::collections::BTreeMap<String, u64>,
    slowest: f64,
    largest: u64,
}

impl Sum {
    fn add(&mut self, counts: &Value) {
        let number = |name: &str| counts[name].as_u64().unwrap_or(0);
        self.inputs += number("inputs");
        self.accepted += number("accepted");
        self.refused += number("refused");
        for (kind, n) in counts["failures"].as_object().into_iter().flatten() {
            let n = n.as_u64().unwrap_or(0);
            self.failures += n;
            *self.kinds.entry(kind.clone()).or_default() += n;
        }
        self.slowest = self.slowest.max(counts["slowest_seconds"].as_f64().unwrap_or(0.0));
        self.largest = self.largest.max(number("largest_bytes"));
    }

    fn line(&self) -> String {
        let Self { target, inputs, accepted, refused, failures, .. } = self;
        format!("{target}: {inputs} inputs, {accepted} accepted, {refused} refused, {failures} failed")
    }

    fn row(&self) -> String {
        let kinds: Vec<String> = self.kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        format!(
            "{:<11}{:>8}{:>10}{:>10}{:>8}{:>7.1} s{:>8} MiB  {}",
            self.target,
            self.inputs,
            self.accepted,
            self.refused,
            self.failures,
            self.slowest,
            self.largest >> 20,
            kinds.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let mut sum = Sum { target: "npz".to_owned(), ..Sum::default() };
        for (accepted, seconds) in [(3, 0.5), (4, 0.25)] {
            sum.add(&serde_json::json!({
                "inputs": 10, "accepted": accepted, "refused": 5, "failures": {"panic": 10 - 5 - accepted},
                "slowest_seconds": seconds, "largest_bytes": 5 << 20,
            }));
        }
        assert_eq!(sum.line(), "npz: 20 inputs, 7 accepted, 10 refused, 3 failed");
        assert!(sum.row().ends_with("0.5 s       5 MiB  3 panic"), "{}", sum.row());
        assert_eq!(sum.row().find("3 panic"), HEAD.find("kinds"), "columns");
    }

    #[test]
    fn the_targets_are_those_of_the_harness() {
        let harness = std::fs::read_to_string(root().join("tests/hostile/main.rs")).unwrap();
        let tests: Vec<&str> =
            harness.lines().filter_map(|line| line.strip_prefix("fn ")?.strip_suffix("() {")).collect();
        assert_eq!(tests, TARGETS);
    }
}
