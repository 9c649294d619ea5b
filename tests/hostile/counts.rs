//! What a run came to.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::judge::{Kind, Verdict};

/// Counts of inputs.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    inputs: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) failures: BTreeMap<Kind, u64>,
    /// Processor time in seconds, and the number of the input.
    slowest: (f64, u64),
    /// Bytes, and the number of the input.
    largest: (u64, u64),
}

impl Counts {
    pub(crate) fn add(&mut self, number: u64, verdict: &Verdict) {
        self.inputs += 1;
        match &verdict.fault {
            Some(fault) => *self.failures.entry(fault.kind).or_default() += 1,
            None if verdict.accepted => self.accepted += 1,
            None => self.refused += 1,
        }
        if verdict.processor > self.slowest.0 {
            self.slowest = (verdict.processor, number);
        }
        if verdict.memory > self.largest.0 {
            self.largest = (verdict.memory, number);
        }
    }

    /// Failures by kind.
    pub(crate) fn words(&self) -> String {
        if self.failures.is_empty() {
            return "no failure".to_owned();
        }
        self.failures.iter().map(|(kind, n)| format!("{n} x {kind}")).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn line(&self, of: u64) -> String {
        format!(
            "{} of {of} inputs: {} accepted, {} refused, {}; slowest {:.1} s ({}), largest {} MiB ({})",
            self.inputs,
            self.accepted,
            self.refused,
            self.words(),
            self.slowest.0,
            self.slowest.1,
            self.largest.0 >> 20,
            self.largest.1,
        )
    }

    /// As JSON, for a table over all targets.
    pub(crate) fn write(&self, folder: &Path, name: &str, seed: u64, first: u64, took: Duration) {
        let failures: BTreeMap<String, u64> = self.failures.iter().map(|(kind, n)| (kind.to_string(), *n)).collect();
        let all = serde_json::json!({
            "target": name, "seed": seed, "first": first, "inputs": self.inputs, "accepted": self.accepted,
            "refused": self.refused, "failures": failures, "seconds": took.as_secs_f64(),
            "slowest_seconds": self.slowest.0, "slowest_input": self.slowest.1,
            "largest_bytes": self.largest.0, "largest_input": self.largest.1,
        });
        std::fs::create_dir_all(folder).expect("a folder is made");
        std::fs::write(folder.join(format!("{name}-{seed}-{first}.json")), all.to_string())
            .expect("counts are written");
    }
}
