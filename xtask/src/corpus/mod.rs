//! `cargo xtask corpus`: the engines on models that others have published, each judged in a process of its own.

mod child;
mod collections;
mod results;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde_json::json;

use crate::demo::{Program, build};
use crate::place::{self, say, tell};
use crate::setup::Setup;
use collections::{Collection, ModelFile};
use results::Results;

/// Fetch public MJCF models (700 MB, 1.5 GB unpacked) and judge the engines on each
#[derive(Args)]
pub(crate) struct Corpus {
    /// Collections to take, by name [default: all]
    #[arg(value_name = "COLLECTION")]
    only: Vec<String>,
    /// Folder for results; models that have a line there already are not judged again
    #[arg(long, default_value = "corpus")]
    out: PathBuf,
    /// Forget the results in the folder first
    #[arg(long)]
    fresh: bool,
    /// States of each model, from two episodes
    #[arg(long, default_value_t = 8)]
    states: usize,
    /// Seconds after which no further state of a model is begun
    #[arg(long, default_value_t = 2.0)]
    within: f64,
    /// Seconds after which a model is given up
    #[arg(long, default_value_t = 60.0)]
    limit: f64,
    /// Take every n-th model file only, for a quick look
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    /// Judge with this program instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Download nothing: use the wheels in vendor/downloads
    #[arg(long)]
    offline: bool,
    /// Only make the tables anew from the results in the folder
    #[arg(long)]
    tables: bool,
}

impl Corpus {
    /// Downloads, judges what is not judged yet, and writes the tables.
    pub(crate) fn run(&self) -> Result<()> {
        ensure!(self.every > 0, "--every 0 takes no model; give 1 for all");
        let limit = seconds("--limit", self.limit)?;
        seconds("--within", self.within)?;
        fs::create_dir_all(&self.out).with_context(|| format!("the folder {} cannot be made", self.out.display()))?;
        if !self.tables {
            self.judge(limit)?;
        }
        let results = Results::read(&self.lines())?;
        let text = table::markdown(&results);
        self.write("corpus.csv", &table::csv(&results))?;
        self.write("corpus.md", &text)?;
        print!("{text}");
        Ok(())
    }

    fn judge(&self, limit: Duration) -> Result<()> {
        let collections = self.collections()?;
        Setup { offline: self.offline, ..Setup::default() }.run()?;
        let folder = collections::fetch(&collections, &place::vendor(), self.offline)?;
        let program = match &self.program {
            Some(program) => program.clone(),
            None => build(Program::Recorder)?,
        };
        let settings = json!({
            "program": version(&program)?, "states": self.states, "within": self.within, "limit": self.limit,
        });
        let lines = self.lines();
        if self.fresh && lines.exists() {
            fs::remove_file(&lines).with_context(|| format!("{} cannot be removed", lines.display()))?;
        }
        let mut results = Results::open(&lines, &settings)?;
        let done: BTreeSet<String> = results.files();
        let files = collections::models(&collections, &folder)?;
        let files: Vec<&ModelFile> = files.iter().step_by(self.every).filter(|f| !done.contains(&f.name)).collect();
        say("models", format_args!("{} files to judge, {} done before", files.len(), done.len()));
        for (i, file) in files.iter().enumerate() {
            let mut command = Command::new(&program);
            command.arg("check-jacobian").arg(folder.join(&file.name));
            command.args(["--states", &self.states.to_string(), "--episodes", "2", "--worst", "2"]);
            command.args(["--survey", &self.within.to_string()]);
            let ran = child::run(&mut command, limit, &self.out)?;
            let line = results::line(file, &ran);
            tell(format_args!("{:>5} / {}  {}", i + 1, files.len(), table::brief(&line)));
            results.add(line)?;
        }
        Ok(())
    }

    /// The collections that are meant.
    fn collections(&self) -> Result<Vec<&'static Collection>> {
        if self.only.is_empty() {
            return Ok(collections::ALL.iter().collect());
        }
        let named = |name: &String| {
            let names = || collections::ALL.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
            let found = collections::ALL.iter().find(|c| c.name == name);
            found.with_context(|| format!("there is no collection \"{name}\"; there are {}", names()))
        };
        self.only.iter().map(named).collect()
    }

    fn lines(&self) -> PathBuf {
        self.out.join("models.jsonl")
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.out.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// A positive time.
fn seconds(flag: &str, x: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(x) {
        Ok(time) if x > 0.0 => Ok(time),
        _ => bail!("{flag} {x}: give the seconds as a positive number"),
    }
}

/// What the program says that it is, so that results of two programs are not mixed.
fn version(program: &Path) -> Result<String> {
    let unable = || format!("{} does not run", program.display());
    let out = Command::new(program).arg("--version").stdin(Stdio::null()).output().with_context(unable)?;
    ensure!(out.status.success(), unable());
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
