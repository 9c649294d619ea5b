//! `dynsparse tasks check`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use dynsparse::sweep::select;
use dynsparse::task::parity::{Parity, Reference, compare};
use dynsparse::task::{Assets, Suite, Task, file_stem, suites};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::super::output;
use super::list::remedies;

/// Differences of one task that are printed, and tasks whose differences are; --json has all.
const SHOWN: usize = 3;
const TASKS_SHOWN: usize = 5;

/// The arguments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Tasks, suites or patterns, as `sweep` takes them [default: all suites whose files are there, and Playground]
    #[arg(value_name = "TASK")]
    tasks: Vec<String>,
    /// Compare with the files TASK.json in this folder, as `tasks digest TASK --json` writes them
    /// [default: what the suites themselves have, which is part of the program]
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
}

/// One task, and how its model compares; None when its files are not there.
struct Row {
    task: String,
    outcome: Option<Parity>,
}

/// What is compared.
struct Wanted {
    tasks: Vec<(String, Reference)>,
    /// Tasks of the catalogue that the folder has no reference of.
    without: Vec<String>,
    /// Suites that were not asked for by name and whose files are not there.
    absent: Vec<&'static Suite>,
}

/// Compares models with references; fails when one differs or could not be compared.
pub(super) fn run(args: &Args, assets: &Assets, json: bool) -> anyhow::Result<ExitCode> {
    let wanted = wanted(args, assets)?;
    let rows: Vec<Row> = wanted
        .tasks
        .into_par_iter()
        .map(|(task, reference)| {
            let outcome = match task_of(&task, assets)? {
                None => None,
                Some(built) => {
                    let (model, digest) = built.digest()?;
                    Some(compare(&model, &digest, &reference))
                }
            };
            Ok(Row { task, outcome })
        })
        .collect::<anyhow::Result<_>>()?;
    let fine = rows.iter().all(|r| r.outcome.as_ref().is_some_and(Parity::equal));
    if json {
        output::print(&serde_json::to_string_pretty(&rows.iter().map(Row::json).collect::<Vec<_>>())?)?;
    } else {
        output::print(&text(&rows, &wanted.without, &wanted.absent, args.reference.as_deref(), assets))?;
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn wanted(args: &Args, assets: &Assets) -> anyhow::Result<Wanted> {
    let mut absent = Vec::new();
    let names: Vec<String> = if args.tasks.is_empty() {
        let there = |suite: &&Suite| suite.bare() || suite.tasks.iter().any(|e| assets.has(&e.name));
        let (there, not): (Vec<_>, Vec<_>) = suites().iter().partition(there);
        absent = not;
        there.iter().flat_map(|suite| suite.tasks.iter().map(|e| e.name.clone())).collect()
    } else {
        select(&args.tasks)?.into_iter().map(|(name, _)| name).collect()
    };
    let Some(folder) = &args.reference else {
        let builtin = |name: String| match Reference::builtin(&name) {
            Some(reference) => Ok((name, reference)),
            None => Err(anyhow::anyhow!("{name} is no task of a suite: give a --reference for it")),
        };
        let tasks = names.into_iter().map(builtin).collect::<anyhow::Result<_>>()?;
        return Ok(Wanted { tasks, without: Vec::new(), absent });
    };
    if !folder.is_dir() {
        anyhow::bail!("{}: is no folder; --reference wants one with files TASK.json", folder.display());
    }
    let file = |name: &str| folder.join(format!("{}.json", file_stem(name)));
    let (there, without): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| !args.tasks.is_empty() || file(name).exists());
    if there.is_empty() {
        anyhow::bail!(
            "{}: has no file of any task; the reference of a task is called TASK.json, such as WalkerRun.json",
            folder.display()
        );
    }
    let read = |name: String| Ok((name.clone(), Reference::read(&file(&name), &name)?));
    Ok(Wanted { tasks: there.into_iter().map(read).collect::<anyhow::Result<_>>()?, without, absent })
}

/// The task, or None when its files are not there.
fn task_of(name: &str, assets: &Assets) -> anyhow::Result<Option<Task>> {
    let embedded = Task::embedded();
    if name == embedded.spec.name {
        return Ok(Some(embedded));
    }
    if !assets.has(name) {
        return Ok(None);
    }
    Ok(Some(Task::from_catalogue(name, assets)?))
}

impl Row {
    fn verdict(&self) -> &'static str {
        match &self.outcome {
            None => "no files",
            Some(c) if !c.equal() => "differs",
            Some(c) if c.moved.is_some() => "equal, moved",
            Some(_) => "equal",
        }
    }

    fn json(&self) -> Value {
        let share = |(equal, total): (usize, usize)| json!({ "equal": equal, "total": total });
        let mut out = json!({ "task": self.task, "verdict": self.verdict() });
        if let Some(c) = &self.outcome {
            out["arrays"] = share(c.arrays);
            out["others"] = share(c.others);
            out["moved"] = json!(c.moved);
            out["unseen"] = json!(c.unseen);
            out["differences"] = c
                .differences
                .iter()
                .map(|d| json!({ "field": d.field, "ours": d.ours, "reference": d.reference }))
                .collect();
        }
        out
    }
}

fn text(rows: &[Row], without: &[String], absent: &[&Suite], folder: Option<&Path>, assets: &Assets) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["task", "arrays", "others", "verdict"]);
    for row in rows {
        let share = |(equal, total): (usize, usize)| format!("{equal}/{total}");
        let [arrays, others] = match &row.outcome {
            Some(c) => [share(c.arrays), share(c.others)],
            None => ["-".to_owned(), "-".to_owned()],
        };
        table.add_row([row.task.clone(), arrays, others, row.verdict().to_owned()]);
    }
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    let mut out = output::table(&table);
    let mut say = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    let differing: Vec<(&Row, &Parity)> =
        rows.iter().filter_map(|r| Some((r, r.outcome.as_ref()?))).filter(|(_, c)| !c.equal()).collect();
    for (row, c) in differing.iter().take(TASKS_SHOWN) {
        for d in c.differences.iter().take(SHOWN) {
            say(&format!("\n{} differs in {}", row.task, d.field));
            say(&format!("  here       {}", d.ours.as_deref().unwrap_or("not there")));
            say(&format!("  reference  {}", d.reference.as_deref().unwrap_or("not there")));
        }
        if let Some(more) = c.differences.len().checked_sub(SHOWN).filter(|n| *n > 0) {
            say(&format!("\n{} differs in {more} more fields: see --json", row.task));
        }
    }
    if let Some(more) = differing.len().checked_sub(TASKS_SHOWN).filter(|n| *n > 0) {
        say(&format!("\n{more} more models differ: see --json"));
    }
    for row in rows {
        if let Some(bytes) = row.outcome.as_ref().and_then(|c| c.moved) {
            say(&format!("\n{}: the reference was made from files in another folder.", row.task));
            say(&format!("Each stored path is {bytes} bytes longer there; addresses and sizes agree with that."));
            say("Not compared: paths, nbuffer and the hash of the mjb, which hold the folder.");
        }
    }
    let unseen: BTreeSet<&String> = rows.iter().filter_map(|r| r.outcome.as_ref()).flat_map(|c| &c.unseen).collect();
    if !unseen.is_empty() {
        let names = unseen.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        say(&format!("\nNot compared, because the reference's maker could not see them:\n  {names}"));
    }
    let equal = rows.iter().filter(|r| r.outcome.as_ref().is_some_and(Parity::equal)).count();
    let whose = folder.map_or_else(|| whose(rows), |f| format!("the files in {}", f.display()));
    say(&format!("\n{equal} of {} models equal {whose}.", rows.len()));
    let missing = rows.iter().filter(|r| r.outcome.is_none()).count();
    if missing > 0 {
        let root = assets.root().display();
        let names = rows.iter().filter(|r| r.outcome.is_none()).map(|r| r.task.as_str());
        say(&format!("The files of {missing} tasks are not in {root}:\nrun {}, or give --assets.", remedies(names)));
    }
    if let Some(first) = without.first() {
        say(&format!("Not compared: {} tasks without a file there, such as {first}.", without.len()));
    }
    for suite in absent {
        let remedy = remedies(suite.tasks.iter().map(|e| e.name.as_str()));
        say(&format!(
            "Not compared: {} tasks of {}, whose files are not there: run {remedy}.",
            suite.tasks.len(),
            suite.name
        ));
    }
    out
}

/// What the tasks are compared with: the packages of their suites.
fn whose(rows: &[Row]) -> String {
    let of = |suite: &&Suite| rows.iter().any(|r| suite.tasks.iter().any(|e| e.name == r.task));
    let packages: Vec<&str> = suites().iter().filter(of).map(|suite| suite.package.as_str()).collect();
    format!("what {} has", packages.join(", "))
}
