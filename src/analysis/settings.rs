//! What is asked of an analysis, and what it came to.

use serde::{Serialize, Serializer};

use super::AnalysisError;
use crate::flags::StepFlags;

/// The threshold where a recording has no masks and none is asked for: it gives the published counts of the paper's
/// tasks on centred differences at eps 1e-6.
pub const DEFAULT_THRESHOLD: f64 = 1e-7;

/// What makes an entry zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Criterion {
    /// The zero test that was recorded: zero, nonzero or undecided.
    Mask,
    /// |entry| < threshold; nothing is undecided.
    Threshold(f64),
}

impl std::fmt::Display for Criterion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mask => f.write_str("mask"),
            Self::Threshold(x) => write!(f, "{x:e}"),
        }
    }
}

impl std::str::FromStr for Criterion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "mask" {
            return Ok(Self::Mask);
        }
        match text.parse::<f64>() {
            Ok(x) if x > 0.0 && x.is_finite() => Ok(Self::Threshold(x)),
            _ => Err("it is neither `mask` nor a threshold above 0, such as 1e-7".to_owned()),
        }
    }
}

impl Serialize for Criterion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Mask => serializer.serialize_str("mask"),
            Self::Threshold(x) => serializer.serialize_f64(*x),
        }
    }
}

/// Which steps count, by their flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Steps {
    /// Steps with any of these do not count.
    pub exclude: StepFlags,
    /// Only steps with any of these count; none: all.
    pub only: StepFlags,
}

impl Steps {
    /// Whether a step with these flags counts.
    pub fn take(self, flags: StepFlags) -> bool {
        !flags.intersects(self.exclude) && (self.only.is_empty() || flags.intersects(self.only))
    }
}

/// Flags by their names.
///
/// # Errors
/// [`AnalysisError::Settings`] that lists the names.
pub fn flags_named(names: &[String]) -> Result<StepFlags, AnalysisError> {
    let known = || StepFlags::TABLE.map(|(_, name, _)| name).join(", ");
    let one = |name: &String| {
        let unknown = || AnalysisError::Settings(format!("there is no flag \"{name}\"; flags are {}", known()));
        StepFlags::named(name).ok_or_else(unknown)
    };
    names.iter().map(one).collect()
}

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Names {
            exclude: Vec<&'static str>,
            only: Vec<&'static str>,
        }
        Names { exclude: self.exclude.names(), only: self.only.names() }.serialize(serializer)
    }
}

/// The settings of an analysis; in every result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnalysisSettings {
    /// What makes an entry zero; None: the mask where one was recorded, else [`DEFAULT_THRESHOLD`].
    pub zero: Option<Criterion>,
    /// Fixed thresholds that are compared with the zero test; ascending.
    pub thresholds: Vec<f64>,
    /// Which steps count.
    pub steps: Steps,
    /// Numbers of the episodes whose sparsity is given step by step.
    pub trace: Vec<i64>,
    /// Most rows of the embedding of (s, a, s').
    pub embedding_rows: usize,
    /// Whether t-SNE is computed besides the principal components.
    pub tsne: bool,
    /// Perplexity of t-SNE.
    pub perplexity: f64,
    /// Seed of the embedding's sample.
    pub seed: u64,
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self {
            zero: None,
            thresholds: (-16..=-2).map(decade).collect(),
            steps: Steps::default(),
            trace: vec![0],
            embedding_rows: 2000,
            tsne: false,
            perplexity: 50.0,
            seed: 0,
        }
    }
}

/// The float that reads as this power of ten.
fn decade(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().unwrap_or(0.0)
}

impl AnalysisSettings {
    /// Adds thresholds, in order and each once.
    pub fn add_thresholds(&mut self, more: &[f64]) {
        self.thresholds.extend_from_slice(more);
        self.thresholds.sort_by(f64::total_cmp);
        self.thresholds.dedup();
    }
}
