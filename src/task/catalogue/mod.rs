//! The catalogue: suites of tasks that people publish on, each as one TOML file in `assets/` lists it.
//!
//! A task's full name is `SUITE/NAME`, with both as the suite's users write them (`gymnasium/Ant-v5`). Tasks of MuJoCo Playground
//! are called by their bare name as well, which is the name that their recordings keep.

mod compose;
mod document;
mod recipe;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::{Assets, Reset, RewardSpec, Task, TaskError, TaskSpec};
use document::{Rules, TaskRow};
use recipe::Recipe;

/// The suite whose tasks have bare names.
const PLAYGROUND: &str = "playground";

/// Endings of files that hold a model.
const MODEL_FILES: [&str; 4] = [".xml", ".mjcf", ".mjb", ".urdf"];

/// A suite of tasks.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Its name, which comes before the slash of a task's full name.
    pub name: String,
    /// The package and version that its tasks are those of, such as `Gymnasium 1.4.0`.
    pub package: String,
    /// One line for people.
    pub description: String,
    /// Its tasks, in the file's order.
    pub tasks: Vec<CatalogueEntry>,
}

/// One task of the catalogue. Its dimensions are found by loading it.
#[derive(Debug, Clone)]
pub struct CatalogueEntry {
    /// The name that a recording keeps: the full name, but for tasks of Playground the bare one.
    pub name: String,
    /// The suite that a recording names: that of the task, for tasks of Playground `dm_control_suite`, `locomotion` or
    /// `manipulation`.
    pub suite: String,
    /// The suite of the catalogue, such as `playground` or `gymnasium`.
    pub collection: String,
    /// One line for people.
    pub description: String,
    /// The robot: the key of the model in the file.
    pub model: String,
    /// The command that fetches its files.
    pub fetch: String,
    task: TaskRow,
    recipe: Recipe,
    reset: Reset,
    rules: Rules,
    reward: Option<RewardSpec>,
}

impl Suite {
    /// Whether its tasks are called by their bare names, as those of Playground are.
    pub fn bare(&self) -> bool {
        self.name == PLAYGROUND
    }
}

impl CatalogueEntry {
    pub(super) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The name with its suite: `playground/WalkerRun`.
    pub fn full_name(&self) -> String {
        full_name(&self.collection, &self.task.name)
    }

    /// The task's rules; its model comes from [`Task::from_catalogue`].
    pub fn spec(&self) -> TaskSpec {
        let row = &self.task;
        TaskSpec {
            name: self.name.clone(),
            suite: self.suite.clone(),
            description: row.description.clone(),
            timestep: row.timestep,
            substeps: row.substeps,
            episode_length: row.episode_length,
            action_repeat: row.action_repeat,
            refresh: row.refresh,
            edits: row.edits.clone(),
            reset: self.reset.clone(),
            action: self.rules.action.clone(),
            events: self.rules.events.clone(),
            done: self.rules.done.clone(),
            observe: Vec::new(),
            reward: self.reward.clone(),
        }
    }
}

fn full_name(suite: &str, name: &str) -> String {
    format!("{suite}/{name}")
}

/// All suites.
pub fn suites() -> &'static [Suite] {
    static SUITES: LazyLock<Vec<Suite>> = LazyLock::new(|| {
        let files = [
            (
                "playground.toml",
                include_str!("../../../assets/playground.toml"),
                include_str!("../../../assets/rewards.toml"),
            ),
            ("gymnasium.toml", include_str!("../../../assets/gymnasium.toml"), ""),
            ("dm_control.toml", include_str!("../../../assets/dm_control.toml"), ""),
            ("menagerie.toml", include_str!("../../../assets/menagerie.toml"), ""),
        ];
        // Part of the program, not of its input; a test parses them.
        let read =
            |(file, text, rewards)| document::parse(text, rewards).unwrap_or_else(|e| panic!("assets/{file}: {e}"));
        files.into_iter().map(read).collect()
    });
    &SUITES
}

/// All tasks, by suite and then in the file's order.
pub fn catalogue() -> impl Iterator<Item = &'static CatalogueEntry> {
    suites().iter().flat_map(|suite| &suite.tasks)
}

/// The tasks of one suite; none where there is no such suite.
pub fn tasks_of(suite: &str) -> &'static [CatalogueEntry] {
    suites().iter().find(|s| s.name == suite).map_or(&[], |s| &s.tasks)
}

/// The tasks of MuJoCo Playground.
pub fn playground() -> &'static [CatalogueEntry] {
    tasks_of(PLAYGROUND)
}

/// The entry of that name, full or bare.
pub fn find(name: &str) -> Option<&'static CatalogueEntry> {
    catalogue().find(|e| e.name == name || e.full_name() == name)
}

/// Whether a text names a task of a suite rather than a file: `SUITE/NAME` with a suite that there is, and no ending of a model
/// file. There may be no such task.
pub fn names_suite(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let model = MODEL_FILES.iter().any(|end| lower.ends_with(end));
    text.split_once('/').is_some_and(|(suite, name)| {
        !model
            && !name.is_empty()
            && !name.contains(['/', '\\'])
            && suites().iter().any(|s| s.name.eq_ignore_ascii_case(suite))
    })
}

/// What a file of a task is called, without its ending: `gymnasium-Ant-v5` for `gymnasium/Ant-v5`.
pub fn file_stem(task: &str) -> String {
    task.replace('/', "-")
}

/// Builds a task of the catalogue.
///
/// # Errors
/// [`TaskError::Unknown`], [`TaskError::Missing`] and [`TaskError::File`].
pub(super) fn build(name: &str, assets: &Assets) -> Result<Task, TaskError> {
    let entry = find(name).ok_or_else(|| TaskError::Unknown { name: name.to_owned(), near: nearest(name) })?;
    let source = entry.recipe.assemble(entry, &entry.task.text, assets.root())?;
    Ok(Task { spec: entry.spec(), source })
}

/// Up to three names that look like `name`, best first.
pub fn nearest(name: &str) -> Vec<String> {
    let wanted = name.to_lowercase();
    // A bare name may be that of any suite.
    let alike = |e: &CatalogueEntry| {
        let bare = strsim::jaro_winkler(&wanted, &e.task.name.to_lowercase());
        bare.max(strsim::jaro_winkler(&wanted, &e.name.to_lowercase()))
    };
    let mut scored: Vec<(f64, &str)> =
        catalogue().map(|e| (alike(e), e.name.as_str())).filter(|(score, _)| *score > 0.8).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}
