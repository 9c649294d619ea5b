//! The tasks of MuJoCo Playground, as `assets/playground.toml` lists them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::{ActionSpec, Assets, DoneSpec, EventSpec, Reset, RewardSpec, Task, TaskError, TaskSpec, swimmer};
use crate::physics::{Files, ModelEdit, ModelSource, needed};

/// One task of the catalogue. Its dimensions are found by loading it.
#[derive(Debug, Clone)]
pub struct CatalogueEntry {
    /// The task's name.
    pub name: String,
    /// Its suite: `dm_control_suite`, `locomotion` or `manipulation`.
    pub suite: String,
    /// One line for people.
    pub description: String,
    /// The robot: the key of the model in the file.
    pub model: String,
    task: TaskRow,
    recipe: Recipe,
    reset: Reset,
    rules: Rules,
    reward: Option<RewardSpec>,
}

impl CatalogueEntry {
    pub(super) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The task's rules; its model comes from [`Task::from_catalogue`].
    pub fn spec(&self) -> TaskSpec {
        let row = &self.task;
        TaskSpec {
            name: row.name.clone(),
            suite: row.suite.clone(),
            description: row.description.clone(),
            timestep: row.timestep,
            substeps: row.substeps,
            episode_length: row.episode_length,
            action_repeat: row.action_repeat,
            edits: row.edits.clone(),
            reset: self.reset.clone(),
            action: self.rules.action.clone(),
            events: self.rules.events.clone(),
            done: self.rules.done.clone(),
            observe: Vec::new(),
            reward: self.reward.clone(),
        }
    }

    /// The command that fetches its files.
    pub fn fetch(&self) -> &'static str {
        fetch(self.recipe.files.iter().map(String::as_str).chain([self.recipe.xml.as_str()]))
    }
}

/// All tasks, by suite and then in the file's order.
pub fn catalogue() -> &'static [CatalogueEntry] {
    static ENTRIES: LazyLock<Vec<CatalogueEntry>> = LazyLock::new(|| {
        // Part of the program, not of its input; a test parses it.
        parse(include_str!("../../assets/playground.toml"), include_str!("../../assets/rewards.toml"))
            .expect("assets/playground.toml and assets/rewards.toml are valid")
    });
    &ENTRIES
}

/// The entry of that name.
pub(super) fn find(name: &str) -> Option<&'static CatalogueEntry> {
    catalogue().iter().find(|e| e.name == name)
}

/// How the files of a model are put together. Paths are relative to [`Assets::root`].
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    /// The main MJCF.
    pub(super) xml: String,
    /// Patterns `FOLDER/*` or `FOLDER/*.EXTENSION` of files that it may refer to by bare name; a later pattern
    /// replaces files of an earlier one.
    #[serde(default)]
    files: Vec<String>,
    /// Writes a part of the MJCF.
    #[serde(default)]
    generator: Option<Generator>,
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Generator {
    Swimmer,
}

/// What happens while an episode runs.
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[serde(default)]
    action: ActionSpec,
    #[serde(default)]
    events: Vec<EventSpec>,
    #[serde(default)]
    done: Vec<DoneSpec>,
}

/// A change of the main MJCF's text before it is compiled.
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct TextEdit {
    /// Occurs exactly once.
    find: String,
    replace: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    model: BTreeMap<String, Recipe>,
    reset: BTreeMap<String, Reset>,
    #[serde(default)]
    rules: BTreeMap<String, Rules>,
    task: Vec<TaskRow>,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct TaskRow {
    name: String,
    suite: String,
    description: String,
    model: String,
    reset: String,
    /// None: the action is the control, nothing disturbs, and only time ends an episode.
    rules: Option<String>,
    timestep: Option<f64>,
    substeps: usize,
    episode_length: usize,
    #[serde(default = "super::spec::once")]
    action_repeat: usize,
    #[serde(default)]
    text: Vec<TextEdit>,
    #[serde(default)]
    edits: Vec<ModelEdit>,
    #[serde(default)]
    reward: Option<NamedReward>,
}

/// A reward in its place, or the key of one that several tasks have.
#[derive(Deserialize, Debug, Clone)]
#[serde(untagged)]
enum NamedReward {
    Name(String),
    Own(RewardSpec),
}

fn parse(text: &str, rewards: &str) -> Result<Vec<CatalogueEntry>, String> {
    let rewards: BTreeMap<String, RewardSpec> = toml::from_str(rewards).map_err(|e| e.to_string())?;
    let document: Document = toml::from_str(text).map_err(|e| e.to_string())?;
    let mut entries: Vec<CatalogueEntry> = Vec::with_capacity(document.task.len());
    for task in document.task {
        let recipe = document.model.get(&task.model).ok_or_else(|| format!("{}: no [model.{}]", task.name, task.model));
        let reset = document.reset.get(&task.reset).ok_or_else(|| format!("{}: no [reset.{}]", task.name, task.reset));
        let rules = match &task.rules {
            None => Ok(Rules::default()),
            Some(name) => document.rules.get(name).cloned().ok_or_else(|| format!("{}: no [rules.{name}]", task.name)),
        };
        let reward = match &task.reward {
            None => Ok(None),
            Some(NamedReward::Own(spec)) => Ok(Some(spec.clone())),
            Some(NamedReward::Name(name)) => {
                let found = rewards.get(name).cloned().map(Some);
                found.ok_or_else(|| format!("{}: no reward [{name}]", task.name))
            }
        };
        if entries.iter().any(|e| e.name == task.name) {
            return Err(format!("{} is there twice", task.name));
        }
        entries.push(CatalogueEntry {
            name: task.name.clone(),
            suite: task.suite.clone(),
            description: task.description.clone(),
            model: task.model.clone(),
            recipe: recipe?.clone(),
            reset: reset?.clone(),
            rules: rules?,
            reward: reward?,
            task,
        });
    }
    Ok(entries)
}

/// Builds a task of the catalogue.
///
/// # Errors
/// [`TaskError::Unknown`], [`TaskError::Missing`] and [`TaskError::File`].
pub(super) fn build(name: &str, assets: &Assets) -> Result<Task, TaskError> {
    let entry = find(name).ok_or_else(|| TaskError::Unknown { name: name.to_owned(), near: nearest(name) })?;
    let row = &entry.task;
    let source = entry.recipe.assemble(&row.name, &row.text, assets.root())?;
    Ok(Task { spec: entry.spec(), source })
}

/// The command that fetches files: the meshes of robots are large, so set-up leaves them out unless asked.
fn fetch<'a>(mut files: impl Iterator<Item = &'a str>) -> &'static str {
    if files.any(|f| f.starts_with("menagerie/")) { "cargo xtask setup --all-assets" } else { "cargo xtask setup" }
}

/// Up to three names that look like `name`, best first.
pub fn nearest(name: &str) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = catalogue()
        .iter()
        .map(|e| (strsim::jaro_winkler(&wanted, &e.name.to_lowercase()), e.name.as_str()))
        .filter(|(score, _)| *score > 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

impl Recipe {
    /// Folders and extensions of the patterns.
    fn patterns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.files.iter().map(|pattern| {
            let (folder, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
            (folder, name.strip_prefix("*."))
        })
    }

    /// Whether its main file and all folders are there.
    pub(super) fn present(&self, root: &Path) -> bool {
        root.join(&self.xml).is_file() && self.patterns().all(|(folder, _)| root.join(folder).is_dir())
    }

    /// Reads all files into memory under their bare names.
    fn assemble(&self, task: &str, edits: &[TextEdit], root: &Path) -> Result<ModelSource, TaskError> {
        let read = |path: &Path| std::fs::read(path).map_err(|e| trouble(task, path, &e));
        let mut files = Files::new();
        for (folder, extension) in self.patterns() {
            let folder = root.join(folder);
            for item in std::fs::read_dir(&folder).map_err(|e| trouble(task, &folder, &e))? {
                let path = item.map_err(|e| trouble(task, &folder, &e))?.path();
                let matches = extension.is_none_or(|e| path.extension().is_some_and(|x| x == e));
                if let (true, true, Some(name)) = (matches, path.is_file(), path.file_name()) {
                    files.insert(name.to_string_lossy().into_owned(), read(&path)?.into());
                }
            }
        }

        let path = root.join(&self.xml);
        let refuse = |reason: String| TaskError::File { file: path.clone(), reason };
        let mut xml =
            String::from_utf8(read(&path)?).map_err(|_| refuse("is not text in the UTF-8 encoding".to_owned()))?;
        if let Some(Generator::Swimmer) = self.generator {
            xml = swimmer::generate(&xml).map_err(refuse)?;
        }
        for edit in edits {
            let count = xml.matches(&edit.find).count();
            if count != 1 {
                return Err(refuse(format!(
                    "{task} changes `{}`, which occurs {count} times instead of once: another version of the file; \
                     run `cargo xtask setup`",
                    edit.find
                )));
            }
            xml = xml.replacen(&edit.find, &edit.replace, 1);
        }
        let main = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.insert(main.clone(), Arc::from(xml.into_bytes()));
        // A recording keeps them all, so what the model does not use is left out.
        Ok(ModelSource::Memory { files: needed(&main, &files), main })
    }
}

fn trouble(task: &str, path: &Path, error: &std::io::Error) -> TaskError {
    if error.kind() == std::io::ErrorKind::NotFound {
        let fetch = find(task).map_or("cargo xtask setup", CatalogueEntry::fetch);
        TaskError::Missing { task: task.to_owned(), file: path.to_owned(), fetch }
    } else {
        TaskError::File { file: path.to_owned(), reason: error.to_string() }
    }
}
