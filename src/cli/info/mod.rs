//! `dynsparse info`.

mod verdicts;

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::analysis::{Residual, residuals};
use dynsparse::dataset::schema::{self, Axis, Var};
use dynsparse::dataset::{Attribute, COMPLETED, DatasetError, EpisodeRow, Recording, Store};
use dynsparse::flags::StepFlags;
use dynsparse::physics::PluginFile;
use dynsparse::sweep::{Done, Manifest, State, TaskEntry};
use dynsparse::zero::ZeroVerdict;
use serde_json::{Map, Value, json};

use self::verdicts::Verdicts;
use super::output::{self, bytes, grouped, wrapped};
use super::picture;
use super::residuals::table as residual_table;
use super::table::Table;

/// Rows read at once when a whole variable is summed up.
const BLOCK: usize = 1 << 16;

/// The arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings, or the folder of one sweep; several recordings give one line each
    #[arg(required_unless_present = "schema")]
    files: Vec<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The schema of recordings as Markdown
    #[arg(long, conflicts_with_all = ["files", "json"])]
    schema: bool,
}

/// What a recording holds, summed up.
struct Summary {
    path: PathBuf,
    attributes: Vec<(String, Attribute)>,
    variables: Vec<(Var, Vec<usize>, u64)>,
    episodes: Vec<EpisodeRow>,
    steps: usize,
    /// Steps with each bit of [`StepFlags::TABLE`].
    flagged: Vec<usize>,
    contacts: Range,
    iterations: Range,
    /// What the zero test says, of every matrix that has a mask.
    zeros: Vec<Verdicts>,
    /// Of every matrix.
    entries: Vec<(&'static str, Entries)>,
    store: Store,
    /// Of a robot's log.
    residuals: Vec<Residual>,
    size: u64,
}

/// The matrices of a recording, and their masks.
const MATRICES: [(&str, Var, Var); 4] =
    [("A", Var::A, Var::AZero), ("B", Var::B, Var::BZero), ("C", Var::C, Var::CZero), ("D", Var::D, Var::DZero)];

/// What the numbers of a matrix come to.
#[derive(Default, Clone, Copy)]
struct Entries {
    /// The largest finite one, by size.
    largest: f64,
    /// Steps with an entry that is no number.
    undefined: usize,
    /// Steps with an entry beyond [`schema::BEYOND_REASON`].
    beyond: usize,
}

#[derive(Default, Clone, Copy)]
struct Range {
    sum: i64,
    max: i64,
}

/// Shows.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.schema {
        output::print(&schema_markdown())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let [folder] = &args.files[..]
        && folder.is_dir()
    {
        output::print(&sweep_page(folder, &Manifest::of(folder)?, args.json))?;
        return Ok(ExitCode::SUCCESS);
    }
    let summaries = args.files.iter().map(|path| Summary::read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let text = if args.json {
        let mut values: Vec<Value> = summaries.iter().map(Summary::json).collect();
        let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
        serde_json::to_string_pretty(&value)?
    } else if let [one] = &summaries[..] {
        one.page()
    } else {
        table(&summaries)
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

impl Entries {
    fn read(recording: &Recording, matrix: Var) -> Result<Self, DatasetError> {
        let mut out = Self::default();
        let shape = recording.shape(matrix);
        let Some((steps, entries)) = shape.split_first() else { return Ok(out) };
        let entries = entries.iter().product::<usize>();
        if entries == 0 {
            return Ok(out);
        }
        let rows = (BLOCK / entries).max(1);
        for start in (0..*steps).step_by(rows) {
            let values: Vec<f64> = recording.read(matrix, start..(start + rows).min(*steps))?;
            for step in values.chunks_exact(entries) {
                let largest = step.iter().filter(|x| x.is_finite()).fold(0.0_f64, |most, x| most.max(x.abs()));
                out.largest = out.largest.max(largest);
                out.undefined += usize::from(step.iter().any(|x| !x.is_finite()));
                out.beyond += usize::from(largest > schema::BEYOND_REASON);
            }
        }
        Ok(out)
    }
}

impl Summary {
    fn read(path: &std::path::Path) -> anyhow::Result<Self> {
        let recording = Recording::open(path)?;
        let steps = recording.len(Axis::Step);
        let mut flagged = vec![0; StepFlags::TABLE.len()];
        let (mut contacts, mut iterations) = (Range::default(), Range::default());
        let mut at = 0;
        while at < steps {
            let end = (at + BLOCK).min(steps);
            for flags in recording.read::<u32>(Var::Flags, at..end)? {
                for (count, (flag, ..)) in flagged.iter_mut().zip(StepFlags::TABLE) {
                    *count += usize::from(StepFlags::from_bits_retain(flags).contains(flag));
                }
            }
            for (range, var) in [(&mut contacts, Var::Ncon), (&mut iterations, Var::SolverIterations)] {
                for n in recording.read::<i32>(var, at..end)? {
                    range.sum += i64::from(n);
                    range.max = range.max.max(n.into());
                }
            }
            at = end;
        }
        let episodes = recording.episodes()?;
        let first = episodes.first().map_or(0, |episode| usize::try_from(episode.length).unwrap_or(0));
        let (mut zeros, mut entries) = (Vec::new(), Vec::new());
        for (name, matrix, mask) in MATRICES {
            if recording.has(mask) {
                zeros.push(Verdicts::read(&recording, name, mask, first)?);
            }
            if recording.has(matrix) {
                entries.push((name, Entries::read(&recording, matrix)?));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            attributes: recording.attributes(),
            variables: Var::ALL
                .iter()
                .filter(|v| recording.has(**v))
                .map(|v| (*v, recording.shape(*v), recording.stored_bytes(*v)))
                .collect(),
            episodes,
            steps,
            flagged,
            contacts,
            iterations,
            zeros,
            entries,
            store: recording.store(),
            residuals: residuals(&recording)?,
            size: std::fs::metadata(path).map_or(0, |m| m.len()),
        })
    }

    fn text(&self, name: &str) -> String {
        self.attributes.iter().find(|(n, _)| n == name).map_or_else(String::new, |(_, value)| match value {
            Attribute::Text(t) => t.clone(),
            Attribute::Int(i) => i.to_string(),
            Attribute::Unsigned(u) => u.to_string(),
            Attribute::Float(x) => number(*x),
        })
    }

    /// Why another engine ran than the one that was hoped for.
    fn fallback(&self) -> String {
        match self.text("engine_fallback") {
            reason if reason.is_empty() => reason,
            reason => format!("; {reason}"),
        }
    }

    /// What the derivatives hold fixed beside what they are not by.
    fn held(&self) -> String {
        match self.text("held_state") {
            held if held.is_empty() => held,
            held => format!("; held at the beginning of a step: {held}"),
        }
    }

    /// The plugins that took part, each with its library.
    fn plugins(&self) -> String {
        let found: Vec<PluginFile> = serde_json::from_str(&self.text("plugins")).unwrap_or_default();
        let untested = |plugin: &PluginFile| if plugin.is_tested() { "" } else { ", not one that the tests know" };
        let told = |plugin: &PluginFile| {
            let sha256: String = plugin.sha256.chars().take(8).collect();
            format!("{} ({}, {sha256}{})", plugin.name, plugin.library, untested(plugin))
        };
        found.iter().map(told).collect::<Vec<_>>().join("; ")
    }

    /// What the zero test says of the matrices, for people.
    fn zeros(&self) -> String {
        if self.zeros.is_empty() {
            return "not tested".to_owned();
        }
        let told: Vec<String> = self
            .zeros
            .iter()
            .filter(|verdicts| verdicts.counts.iter().sum::<usize>() > 0)
            .map(|Verdicts { matrix: name, counts: [nonzero, zero, undecided], .. }| {
                let share = |n: &usize| 100.0 * *n as f64 / (nonzero + zero + undecided) as f64;
                format!("{name} {:.1} % zero, {:.2} % undecided", share(zero), share(undecided))
            })
            .collect();
        told.join("; ")
    }

    /// How large entries are, and what a reader must not take for data.
    fn entries(&self) -> String {
        let largest: Vec<String> =
            self.entries.iter().map(|(name, e)| format!("{name} up to {}", short(e.largest))).collect();
        let mut told = largest.join(", ");
        match self.store {
            Store::F64 => {}
            Store::F32 => told += ", kept in single precision",
            Store::Masks => told += "not kept, but for what the zero test says of them",
        }
        let worst = |of: fn(&Entries) -> usize| self.entries.iter().map(|(_, e)| of(e)).max().unwrap_or(0);
        let (undefined, beyond) = (worst(|e| e.undefined), worst(|e| e.beyond));
        if undefined > 0 {
            told += &format!("; NaN in {} steps, where an entry has no derivative", grouped(undefined));
        }
        if beyond > 0 {
            let limit = number(schema::BEYOND_REASON);
            told += &format!("; BEYOND REASON: above {limit} in {} steps, look at these first", grouped(beyond));
        }
        told
    }

    fn mean(&self, range: Range) -> f64 {
        range.sum as f64 / self.steps.max(1) as f64
    }

    fn page(&self) -> String {
        let mut out = format!("{}  {}\n\n", self.path.display(), bytes(self.size));
        if self.attributes.iter().any(|(name, _)| name == "recipe") {
            out.push_str(&self.about());
        } else {
            let numbers: Vec<String> = self.episodes.iter().map(|e| e.episode.to_string()).collect();
            out.push_str(&wrapped(
                "shard",
                &format!("episode {} of a recording that is not joined yet", numbers.join(", ")),
            ));
        }
        out.push_str(&self.pictures());
        out.push_str("\n  variable           shape             stored  holds\n");
        for (var, shape, stored) in &self.variables {
            let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
            let spec = var.spec();
            let axes = spec.axes.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ");
            out.push_str(&format!("  {:<17} {:<16} {:>8}  {axes}\n", spec.name, shape, bytes(*stored)));
        }
        if !self.residuals.is_empty() {
            out.push_str(&format!("\n{}", residual_table(&self.residuals)));
        }
        out
    }

    /// Sparsity over the first episode, and which entries are what.
    fn pictures(&self) -> String {
        let mut out = String::new();
        let number = self.episodes.first().map_or(0, |episode| episode.episode);
        for verdicts in self.zeros.iter().filter(|verdicts| verdicts.matrix == "A") {
            if let Some(bars) = picture::over_time(&verdicts.first) {
                out.push_str(&format!("  over time A {bars} zero, episode {number}\n"));
            }
        }
        // C and D have rows of their own.
        let dynamics =
            self.zeros.iter().filter(|verdicts| ["A", "B"].contains(&verdicts.matrix) && verdicts.columns > 0);
        let maps = picture::map(&dynamics.map(Verdicts::entries).collect::<Vec<_>>());
        maps.map_or(out.clone(), |maps| format!("{out}\n{maps}"))
    }

    /// What was recorded, how, and by what.
    fn about(&self) -> String {
        let t = |name: &str| self.text(name);
        let kind = t("step_kind");
        let duration = self.attributes.iter().find_map(|(n, v)| match v {
            Attribute::Float(x) if n == "step_duration" => Some(*x * 1e3),
            _ => None,
        });
        let early: Vec<&EpisodeRow> = self.episodes.iter().filter(|e| e.end != COMPLETED).collect();
        let ends = match early.as_slice() {
            [] => "all completed".to_owned(),
            [first, ..] => format!("{} ended early (episode {}: {})", early.len(), first.episode, first.end),
        };
        let per = match (kind.as_str(), t("substeps").as_str()) {
            ("physics", _) => "per physics step".to_owned(),
            (_, "1") => "per control step (1 physics step)".to_owned(),
            (_, n) if !self.text("held_state").is_empty() => format!("per control step ({n} physics steps at once)"),
            (_, n) => format!("per control step (chain over {n} physics steps)"),
        };
        // Both choose their own nudges.
        let how = match t("engine").as_str() {
            engine @ ("implicit" | "whole-step") => engine.to_owned(),
            engine => format!("{engine}, eps {}, {}", t("eps"), t("difference")),
        };
        let mut hosts: Vec<String> = self.episodes.iter().map(|e| format!("{} ({})", e.host, e.cpu)).collect();
        hosts.sort();
        hosts.dedup();
        let flags: Vec<String> = self
            .flagged
            .iter()
            .zip(StepFlags::TABLE)
            .filter(|(n, _)| **n > 0)
            .map(|(n, (_, name, _))| format!("{name} {:.1} %", 100.0 * *n as f64 / self.steps.max(1) as f64))
            .collect();
        let commit = t("git_commit");
        let lines = [
            ("task", format!("{} ({}): {}", t("task"), t("suite"), t("description"))),
            (
                "steps",
                format!(
                    "{} {kind} steps of {} ms in {} episodes, {ends}",
                    grouped(self.steps),
                    number(duration.unwrap_or(0.0)),
                    self.episodes.len()
                ),
            ),
            (
                "model",
                format!(
                    "nq {}, nv {}, na {}, nu {}; {}, {} cone",
                    t("nq"),
                    t("nv"),
                    t("na"),
                    t("nu"),
                    t("integrator"),
                    t("cone")
                ),
            ),
            ("policy", format!("{}; seed {}", t("policy"), t("seed"))),
            ("Jacobian", format!("{how}, {per}{}{}", self.fallback(), self.held())),
            ("zeros", self.zeros()),
            ("entries", self.entries()),
            (
                "solver",
                format!(
                    "{}: at most {} iterations, tolerance {}; used {:.1} on average, {} at most",
                    t("solver"),
                    t("solver_max_iterations"),
                    t("solver_tolerance"),
                    self.mean(self.iterations),
                    self.iterations.max
                ),
            ),
            ("contacts", format!("{:.2} per step on average, {} at most", self.mean(self.contacts), self.contacts.max)),
            ("flags", if flags.is_empty() { "none".to_owned() } else { flags.join(", ") }),
            (
                "made by",
                format!(
                    "dynsparse {} ({}), MuJoCo {}, HDF5 {}",
                    t("dynsparse_version"),
                    commit.chars().take(9).collect::<String>(),
                    t("mujoco_version"),
                    t("hdf5_version")
                ),
            ),
            ("made on", format!("{}, {}", hosts.join("; "), t("platform"))),
            ("content", t("content_sha256")),
            ("command", command(&t("command"))),
        ];
        let mut out = String::new();
        for (name, value) in lines {
            out.push_str(&wrapped(name, &escaped(&value)));
        }
        let plugins = self.plugins();
        if !plugins.is_empty() {
            out.push_str(&wrapped("plugins", &escaped(&plugins)));
        }
        out
    }

    fn json(&self) -> Value {
        let attributes: Map<String, Value> = self
            .attributes
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    // The recipe is JSON itself; a script wants it as such.
                    Attribute::Text(t) if name == "recipe" => serde_json::from_str(t).unwrap_or_else(|_| json!(t)),
                    Attribute::Text(t) => json!(t),
                    Attribute::Int(i) => json!(i),
                    Attribute::Unsigned(u) => json!(u),
                    Attribute::Float(x) => json!(x),
                };
                (name.clone(), value)
            })
            .collect();
        json!({
            "file": self.path.display().to_string(),
            "bytes": self.size,
            "steps": self.steps,
            "attributes": attributes,
            "episodes": self.episodes.iter().map(|e| json!({"episode": e.episode, "steps": e.length, "end": e.end, "host": e.host, "cpu": e.cpu})).collect::<Vec<_>>(),
            "flags": StepFlags::TABLE.iter().zip(&self.flagged).map(|((_, name, _), n)| ((*name).to_owned(), json!(n))).collect::<Map<_, _>>(),
            "zeros": (!self.zeros.is_empty()).then(|| self.zeros.iter().map(|Verdicts { matrix: name, counts, .. }| {
                ((*name).to_owned(), ZeroVerdict::NAMES.iter().zip(counts).map(|(v, n)| ((*v).to_owned(), json!(n))).collect::<Value>())
            }).collect::<Map<_, _>>()),
            "store": self.store,
            "entries": self.entries.iter().map(|(name, e)| {
                ((*name).to_owned(), json!({"largest": e.largest, "steps_undefined": e.undefined, "steps_beyond_reason": e.beyond}))
            }).collect::<Map<_, _>>(),
            "residuals": (!self.residuals.is_empty()).then_some(&self.residuals),
            "contacts": {"mean": self.mean(self.contacts), "max": self.contacts.max},
            "solver_iterations": {"mean": self.mean(self.iterations), "max": self.iterations.max},
            "variables": self.variables.iter().map(|(var, shape, stored)| {
                let spec = var.spec();
                (spec.name.to_owned(), json!({
                    "shape": shape, "stored_bytes": stored, "units": spec.units, "description": spec.description,
                    "dimensions": spec.axes.iter().map(|a| a.name()).collect::<Vec<_>>(),
                }))
            }).collect::<Map<_, _>>(),
        })
    }
}

/// The command that a file says it was made with: its words, not ours.
fn command(text: &str) -> String {
    if text.is_empty() { "no command".to_owned() } else { format!("the file says: {text}") }
}

/// Text of a file without anything that a terminal obeys.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect()
}

/// Two digits.
fn short(x: f64) -> String {
    if x == 0.0 || (0.01..1e4).contains(&x) { format!("{x:.2}") } else { format!("{x:.1e}") }
}

fn number(x: f64) -> String {
    if x != 0.0 && (x.abs() < 1e-3 || x.abs() >= 1e6) {
        format!("{x:e}")
    } else {
        format!("{}", (x * 1e9).round() / 1e9)
    }
}

/// One line a recording; the task is named where the file's name does not say it.
fn table(summaries: &[Summary]) -> String {
    let named = summaries.iter().all(|s| s.path.file_stem().is_some_and(|n| n.to_string_lossy() == s.text("task")));
    let states = |s: &Summary| s.variables.iter().find(|(v, ..)| *v == Var::A).and_then(|(_, n, _)| n.last().copied());
    let mut table = Table::of(summaries).words("file", |s| s.path.display().to_string());
    if !named {
        table = table.words("task", |s| escaped(&s.text("task")));
    }
    let mut out = table
        .number("episodes", |s| s.episodes.len().to_string())
        .number("steps", |s| grouped(s.steps))
        .number("state", |s| states(s).unwrap_or(0).to_string())
        .number("ctrl", |s| s.text("nu"))
        .number("contacts", |s| format!("{:.2}", s.mean(s.contacts)))
        .number("size", |s| bytes(s.size))
        .text();
    out.push_str("\nstate: entries of the tangent state; contacts: mean per step. `dynsparse info\nFILE` shows one recording in full.\n");
    out
}

/// A sweep: a line a task, then what made it.
fn sweep_page(folder: &std::path::Path, manifest: &Manifest, json: bool) -> String {
    if json {
        return manifest.to_json();
    }
    let status = |state: &State| match state {
        State::Pending => "pending",
        State::Done(_) => "done",
        State::Failed { .. } => "failed",
        State::MissingAssets { .. } => "no files",
    };
    let of = |entry: &TaskEntry, cell: fn(&Done) -> String| entry.done().map_or_else(|| "-".to_owned(), cell);
    let table = Table::of(&manifest.tasks)
        .words("task", |(name, _)| output::short(name))
        .words("status", |(_, entry)| status(&entry.state).to_owned())
        .number("ep.", |(_, entry)| of(entry, |done| done.episodes.to_string()))
        .number("early", |(_, entry)| of(entry, |done| done.ended_early.to_string()))
        .number("steps", |(_, entry)| of(entry, |done| grouped(done.steps as usize)))
        .number("size", |(_, entry)| of(entry, |done| bytes(done.bytes)))
        .number("content", |(_, entry)| of(entry, |done| done.content_sha256.chars().take(8).collect()));
    let mut notes = String::new();
    for (name, entry) in &manifest.tasks {
        if let State::Failed { reason } | State::MissingAssets { reason, .. } = &entry.state {
            notes.push_str(&wrapped(name, reason));
        }
    }
    let program = &manifest.program;
    let done = || manifest.tasks.values().filter_map(|e| e.done());
    let mut out =
        format!("{}  {}\n\n{}\n{notes}", folder.display(), bytes(done().map(|d| d.bytes).sum()), table.text());
    let commit = program.commit.chars().take(9).collect::<String>();
    let (dynsparse, mujoco, hdf5) = (&program.dynsparse, &program.mujoco, &program.hdf5);
    let count = done().count();
    out.push_str(&wrapped("tasks", &format!("{count} of {} done", manifest.tasks.len())));
    out.push_str(&wrapped("made by", &format!("dynsparse {dynsparse} ({commit}), MuJoCo {mujoco}, HDF5 {hdf5}")));
    out.push_str(&wrapped("content", manifest.content_sha256.as_deref().unwrap_or("not finished")));
    out
}

fn schema_markdown() -> String {
    let mut out = format!(
        "Schema version {}.\n\n| variable | dimensions | type | units | holds |\n|---|---|---|---|---|\n",
        schema::VERSION
    );
    for var in Var::ALL {
        let v = var.spec();
        let axes = v.axes.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ");
        out.push_str(&format!(
            "| `{}` | {axes} | {} | {} | {} |\n",
            v.name,
            format!("{:?}", v.kind).to_lowercase(),
            v.units,
            v.description
        ));
    }
    out.push_str("\n| dimension | runs over |\n|---|---|\n");
    for axis in Axis::ALL {
        out.push_str(&format!("| `{}` | {} |\n", axis.name(), axis.description()));
    }
    out.push_str("\n| flag | bit | meaning |\n|---|---|---|\n");
    for (flag, name, meaning) in StepFlags::TABLE {
        out.push_str(&format!("| `{name}` | {} | {meaning} |\n", flag.bits()));
    }
    out
}
