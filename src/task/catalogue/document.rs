//! A suite as a TOML file; `assets/playground.toml` begins with what its tables mean.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::recipe::{Recipe, TextEdit};
use super::{CatalogueEntry, PLAYGROUND, Suite, full_name};
use crate::physics::ModelEdit;
use crate::task::{ActionSpec, DoneSpec, EventSpec, Reset, RewardSpec};

/// What happens while an episode runs.
#[derive(Deserialize, Debug, Clone, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[serde(default)]
    pub(super) action: ActionSpec,
    #[serde(default)]
    pub(super) events: Vec<EventSpec>,
    #[serde(default)]
    pub(super) done: Vec<DoneSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    suite: SuiteRow,
    model: BTreeMap<String, Recipe>,
    reset: BTreeMap<String, Reset>,
    #[serde(default)]
    rules: BTreeMap<String, Rules>,
    /// Rewards that tasks name.
    #[serde(default)]
    reward: BTreeMap<String, RewardSpec>,
    task: Vec<TaskRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteRow {
    name: String,
    package: String,
    description: String,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskRow {
    pub(super) name: String,
    /// None: that of the file.
    suite: Option<String>,
    pub(super) description: String,
    model: String,
    reset: String,
    /// None: the action is the control, nothing disturbs, and only time ends an episode.
    rules: Option<String>,
    pub(super) timestep: Option<f64>,
    pub(super) substeps: usize,
    pub(super) episode_length: usize,
    #[serde(default)]
    pub(super) refresh: bool,
    #[serde(default = "crate::task::spec::once")]
    pub(super) action_repeat: usize,
    #[serde(default)]
    pub(super) text: Vec<TextEdit>,
    #[serde(default)]
    pub(super) edits: Vec<ModelEdit>,
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

/// Reads a suite. `rewards` is a file of more rewards that its tasks name; it may be empty.
///
/// # Errors
/// What is wrong, with the task and the table, or the line that TOML's parser names.
pub(super) fn parse(text: &str, rewards: &str) -> Result<Suite, String> {
    let mut document: Document = toml::from_str(text).map_err(|e| e.to_string())?;
    let rewards: BTreeMap<String, RewardSpec> = toml::from_str(rewards).map_err(|e| e.to_string())?;
    document.reward.extend(rewards);
    let suite = &document.suite;
    check_word("the suite's name", &suite.name)?;
    let mut tasks: Vec<CatalogueEntry> = Vec::with_capacity(document.task.len());
    for task in &document.task {
        if tasks.iter().any(|e| e.task.name == task.name) {
            return Err(format!("{}: is there twice; each task has a name of its own", task.name));
        }
        tasks.push(document.entry(task)?);
    }
    let unused = document.model.keys().find(|name| tasks.iter().all(|t| t.model != **name));
    if let Some(name) = unused {
        return Err(format!("[model.{name}] belongs to no task; leave it out, or name it in a [[task]]"));
    }
    let (name, package, description) = (suite.name.clone(), suite.package.clone(), suite.description.clone());
    Ok(Suite { name, package, description, tasks })
}

/// A name that stands in front of or behind the slash, and in the name of a file.
fn check_word(what: &str, word: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if word.is_empty() || word.starts_with('.') || !word.chars().all(plain) {
        return Err(format!("{what} is \"{word}\"; it needs letters, digits, `_`, `-` and `.`, and no dot in front"));
    }
    Ok(())
}

impl Document {
    fn entry(&self, task: &TaskRow) -> Result<CatalogueEntry, String> {
        let name = &task.name;
        check_word("the name of a task", name)?;
        let missing =
            |table: &str, key: &str| format!("{name}: there is no [{table}.{key}]; write one, or name another");
        let recipe = self.model.get(&task.model).ok_or_else(|| missing("model", &task.model))?;
        let reset = self.reset.get(&task.reset).ok_or_else(|| missing("reset", &task.reset))?;
        let rules = match &task.rules {
            None => Rules::default(),
            Some(key) => self.rules.get(key).cloned().ok_or_else(|| missing("rules", key))?,
        };
        let reward = match &task.reward {
            None => None,
            Some(NamedReward::Own(spec)) => Some(spec.clone()),
            Some(NamedReward::Name(key)) => Some(self.reward.get(key).cloned().ok_or_else(|| missing("reward", key))?),
        };
        if let Some(timestep) = task.timestep.filter(|dt| !(dt.is_finite() && *dt > 0.0)) {
            return Err(format!("{name}: the timestep is {timestep} s; give a number above 0, or leave it out"));
        }
        for (field, n) in [
            ("substeps", task.substeps),
            ("episode_length", task.episode_length),
            ("action_repeat", task.action_repeat),
        ] {
            if n == 0 {
                return Err(format!("{name}: {field} is 0; give at least 1"));
            }
        }
        recipe.check().map_err(|reason| format!("[model.{}]: {reason}", task.model))?;
        let collection = self.suite.name.clone();
        let bare = collection == PLAYGROUND;
        Ok(CatalogueEntry {
            name: if bare { name.clone() } else { full_name(&collection, name) },
            suite: task.suite.clone().unwrap_or_else(|| collection.clone()),
            description: task.description.clone(),
            model: task.model.clone(),
            fetch: recipe.fetch(&collection),
            collection,
            recipe: recipe.clone(),
            reset: reset.clone(),
            rules,
            reward,
            task: task.clone(),
        })
    }
}
