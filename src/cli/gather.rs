//! Which recordings an analysis is about, with what settings: the same for every verb that analyses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dynsparse::analysis::{self, Analysis, AnalysisSettings, Criterion, Skipped, Steps};
use dynsparse::sweep::Manifest;
use serde_json::json;

use super::{output, threads};

/// The arguments that choose.
#[derive(Debug, clap::Args)]
pub(super) struct Choice {
    /// Recordings, or folders of them, such as a sweep's
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What makes an entry zero: `mask`, the recorded zero test, or a threshold such as 1e-7 [default: mask where
    /// recorded, else 1e-7]
    #[arg(long, value_name = "mask|X")]
    zero: Option<Criterion>,
    /// Thresholds to compare besides 1e-16, 1e-15, ..., 1e-2
    #[arg(long, value_name = "X,...", value_delimiter = ',')]
    thresholds: Vec<f64>,
    /// Leave out steps with any of these flags
    #[arg(long, value_name = "FLAG,...", value_delimiter = ',', help_heading = "Steps")]
    exclude: Vec<String>,
    /// Only steps with any of these flags
    #[arg(long, value_name = "FLAG,...", value_delimiter = ',', help_heading = "Steps")]
    only: Vec<String>,
    /// Episodes whose sparsity is given step by step [default: 0]
    #[arg(long, value_name = "N,...", value_delimiter = ',', help_heading = "Figures")]
    trace: Option<Vec<i64>>,
    /// Compute t-SNE besides principal components
    #[arg(long, help_heading = "Figures")]
    tsne: bool,
    /// Perplexity of t-SNE
    #[arg(long, value_name = "X", default_value_t = 50.0, requires = "tsne", help_heading = "Figures")]
    perplexity: f64,
    /// Steps in the embedding of (s, a, s'), at most 5000
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(0..=5000), help_heading = "Figures")]
    embed: u64,
    /// Seed of the embedding's sample
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Figures")]
    seed: u64,
    /// Worker threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Thresholds that are counted at once, at most.
const MOST_THRESHOLDS: usize = 64;

impl Choice {
    pub(super) fn settings(&self) -> anyhow::Result<AnalysisSettings> {
        let mut settings = AnalysisSettings {
            zero: self.zero,
            steps: Steps { exclude: analysis::flags_named(&self.exclude)?, only: analysis::flags_named(&self.only)? },
            embedding_rows: self.embed as usize,
            tsne: self.tsne,
            perplexity: self.perplexity,
            seed: self.seed,
            ..AnalysisSettings::default()
        };
        if let Some(trace) = &self.trace {
            settings.trace.clone_from(trace);
        }
        let wrong = self.thresholds.iter().find(|x| !(x.is_finite() && **x > 0.0));
        anyhow::ensure!(wrong.is_none(), "--thresholds holds {}; thresholds are above 0", wrong.unwrap_or(&0.0));
        anyhow::ensure!(
            self.perplexity.is_finite() && self.perplexity > 1.0,
            "--perplexity is {}; it is above 1, 50 as published",
            self.perplexity
        );
        anyhow::ensure!(
            self.thresholds.len() <= MOST_THRESHOLDS,
            "--thresholds has {} values; at most {MOST_THRESHOLDS} are counted at once",
            self.thresholds.len()
        );
        settings.add_thresholds(&self.thresholds);
        Ok(settings)
    }

    /// The recordings that are meant.
    ///
    /// # Errors
    /// A folder without any.
    pub(super) fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        files(&self.files)
    }

    /// Analyses the recordings `files`. One that cannot be is skipped, unless it is the only one.
    ///
    /// # Errors
    /// Of the arguments, or of the only recording.
    pub(super) fn gather(&self, files: &[PathBuf], settings: &AnalysisSettings) -> anyhow::Result<Gathered> {
        let pool = threads::pool(self.threads)?;
        let (mut analyses, mut skipped) = (Vec::new(), Vec::new());
        for file in files {
            match pool.install(|| analysis::analyze(file, settings)) {
                Ok(analysis) => analyses.push(analysis),
                // Of one recording, the error is all there is to say.
                Err(error) if files.len() == 1 => return Err(error.into()),
                Err(error) => skipped.push(Skipped { file: file.clone(), reason: error.to_string() }),
            }
        }
        name_apart(&mut analyses);
        Ok(Gathered { analyses, skipped })
    }
}

/// What was found.
pub(super) struct Gathered {
    pub(super) analyses: Vec<Analysis>,
    pub(super) skipped: Vec<Skipped>,
}

/// A line on stderr for every recording that was skipped.
pub(super) fn report_skipped(skipped: &[Skipped]) {
    for Skipped { reason, .. } in skipped {
        output::report(&anyhow::anyhow!("{reason}"));
    }
}

/// The settings for every table, with what the default of --zero came to, so that a table that is copied away says it.
pub(super) fn made_with(settings: &AnalysisSettings, analyses: &[Analysis]) -> anyhow::Result<serde_json::Value> {
    let mut made_with = serde_json::to_value(settings)?;
    let used: BTreeMap<_, _> = analyses.iter().map(|a| (&a.subject.name, a.criterion)).collect();
    made_with["zero_by_recording"] = json!(used);
    Ok(made_with)
}

/// The recordings that are meant: a folder stands for those in it.
fn files(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        if path.join("manifest.json").is_file() {
            let manifest = Manifest::of(path)?;
            files.extend(manifest.tasks.values().filter(|e| e.done().is_some()).map(|e| path.join(&e.file)));
        } else {
            let entries = std::fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
            let recording = |p: &PathBuf| p.is_file() && p.extension().is_some_and(|e| e == "h5");
            found.retain(|p| recording(p) && p.file_name().is_some_and(|n| n != "index.h5"));
            found.sort();
            files.extend(found);
        }
        anyhow::ensure!(files.len() > before, "{}: there is no finished recording in this folder", path.display());
    }
    Ok(files)
}

/// Gives recordings of one name their paths instead.
fn name_apart(analyses: &mut [Analysis]) {
    let mut count = BTreeMap::new();
    analyses.iter().for_each(|a| *count.entry(a.subject.name.clone()).or_insert(0) += 1);
    for a in analyses.iter_mut().filter(|a| count[&a.subject.name] > 1) {
        a.subject.name = Path::new(&a.subject.file).with_extension("").display().to_string();
    }
}
