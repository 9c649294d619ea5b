//! The plan: which tasks, and what is asked of each.

use std::path::Path;

use super::SweepError;
use crate::record::{Job, RecordSettings};
use crate::task::{Assets, CatalogueEntry, Task, TaskError, catalogue, file_stem, nearest, playground, suites};

/// Tasks and settings of a sweep.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tasks, by name, each once.
    pub tasks: Vec<Planned>,
    /// Where their model files lie.
    pub assets: Assets,
}

/// One task of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// Its suite.
    pub suite: String,
    /// What is asked of it.
    pub settings: RecordSettings,
}

impl Plan {
    /// The task of that name.
    ///
    /// # Errors
    /// [`SweepError::Unknown`] when the plan has none.
    pub fn task(&self, name: &str) -> Result<&Planned, SweepError> {
        self.tasks
            .iter()
            .find(|t| t.name == name)
            .ok_or_else(|| SweepError::Unknown(format!("the task {name} is not in this sweep")))
    }
}

impl Planned {
    /// The name of its recording.
    pub fn file(&self) -> String {
        format!("{}.h5", file_stem(&self.name))
    }

    /// Reads its model files and settles its job.
    ///
    /// # Errors
    /// [`TaskError::Missing`] when set-up has not fetched them, or another [`TaskError`].
    pub fn load(&self, assets: &Assets) -> Result<(Task, Job), TaskError> {
        let embedded = Task::embedded();
        let task = if self.name == embedded.spec.name { embedded } else { Task::from_catalogue(&self.name, assets)? };
        let task = self.settings.changes.apply(task)?;
        let job = self.settings.job(&task);
        Ok((task, job))
    }
}

/// The tasks that `wanted` means, by name: names, suites (`gymnasium`, or `locomotion` of Playground), and patterns
/// with `*`, `?` and `[...]`. A pattern with a slash is of full names (`gymnasium/*`), one without of Playground's bare ones
/// (`Walker*`). Nothing wanted means all of Playground. The embedded task comes in by its name only.
///
/// # Errors
/// [`SweepError::Unknown`] that names everything unknown, with the nearest names.
pub fn select(wanted: &[String]) -> Result<Vec<(String, String)>, SweepError> {
    let own = |e: &CatalogueEntry| (e.name.clone(), e.suite.clone());
    if wanted.is_empty() {
        let mut all: Vec<_> = playground().iter().map(own).collect();
        all.sort();
        return Ok(all);
    }
    let embedded = Task::embedded().spec;
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for word in wanted {
        let pattern = glob::Pattern::new(word)
            .map_err(|e| SweepError::Setting(format!("the pattern \"{word}\" cannot be read: {}", e.msg)))?;
        let suite = |e: &CatalogueEntry| e.collection == *word || e.suite == *word;
        let full = word.contains('/');
        let means = |e: &CatalogueEntry| match full {
            true => pattern.matches(&e.full_name()),
            false => suite(e) || !e.name.contains('/') && pattern.matches(&e.name),
        };
        let before = found.len();
        found.extend(catalogue().filter(|e| means(e)).map(own));
        if *word == embedded.name {
            found.push((embedded.name.clone(), embedded.suite.clone()));
        }
        if found.len() == before {
            unknown.push(describe_unknown(word));
        }
    }
    if !unknown.is_empty() {
        return Err(SweepError::Unknown(unknown.join("; ")));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn describe_unknown(word: &str) -> String {
    if word.contains(['*', '?', '[']) {
        return format!("no task matches \"{word}\"");
    }
    let of_suite =
        word.split_once('/').is_some_and(|(suite, _)| suites().iter().any(|s| s.name.eq_ignore_ascii_case(suite)));
    if word.contains('/') && !of_suite || Path::new(word).extension().is_some() {
        return format!("\"{word}\" is a file; a sweep records tasks of the catalogue, `dynsparse record` any model");
    }
    let mut names: Vec<&str> = catalogue().flat_map(|e| [e.collection.as_str(), e.suite.as_str()]).collect();
    names.sort_unstable();
    names.dedup();
    let alike = |name: &&&str| strsim::jaro_winkler(name, &word.to_lowercase()) > 0.8;
    let mut near: Vec<String> = names.iter().filter(alike).map(|name| (*name).to_owned()).collect();
    near.extend(nearest(word));
    near.truncate(3);
    match near.as_slice() {
        [] => format!("unknown task or suite \"{word}\""),
        near => format!("unknown task or suite \"{word}\"; did you mean {}?", near.join(" or ")),
    }
}
