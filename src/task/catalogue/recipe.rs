//! How the files of a model are put together.

use std::path::{Component, Path};
use std::sync::Arc;

use serde::Deserialize;

use super::compose::{Change, compose};
use super::{CatalogueEntry, PLAYGROUND};
use crate::physics::{Files, ModelSource, needed};
use crate::task::{TaskError, swimmer};

/// How the files of a model are put together. Paths are relative to [`crate::task::Assets::root`].
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub(in crate::task) struct Recipe {
    /// The main MJCF.
    pub(in crate::task) xml: String,
    /// Patterns `FOLDER/*` or `FOLDER/*.EXTENSION` of files that it may refer to by bare name; a later pattern
    /// replaces files of an earlier one.
    #[serde(default)]
    files: Vec<String>,
    /// What is changed in the MJCF before anything else.
    #[serde(default)]
    changes: Vec<Change>,
    /// Writes a part of the MJCF.
    #[serde(default)]
    generator: Option<Generator>,
    /// Of how many links the generator makes a swimmer.
    #[serde(default = "six")]
    links: usize,
}

fn six() -> usize {
    6
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Generator {
    Swimmer,
}

/// A change of the main MJCF's text before it is compiled.
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct TextEdit {
    /// Occurs exactly once.
    find: String,
    replace: String,
}

impl Recipe {
    /// Whether all paths lie below the folder of the assets.
    pub(super) fn check(&self) -> Result<(), String> {
        for path in std::iter::once(&self.xml).chain(&self.files) {
            let inside = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
            if path.is_empty() || !inside {
                return Err(format!(
                    "\"{path}\" does not lie below the folder of the assets; give a path relative to it"
                ));
            }
        }
        Ok(())
    }

    /// The command that fetches the files for a suite: the meshes of robots are large, so set-up leaves them out unless asked.
    pub(super) fn fetch(&self, suite: &str) -> String {
        let mut files = self.files.iter().chain([&self.xml]);
        if files.any(|f| f.starts_with("menagerie/")) {
            "cargo xtask setup --all-assets".to_owned()
        } else if suite == PLAYGROUND {
            "cargo xtask setup".to_owned()
        } else {
            format!("cargo xtask setup --suite {suite}")
        }
    }

    /// Folders and extensions of the patterns.
    fn patterns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.files.iter().map(|pattern| {
            let (folder, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
            (folder, name.strip_prefix("*."))
        })
    }

    /// Whether its main file and all folders are there.
    pub(in crate::task) fn present(&self, root: &Path) -> bool {
        root.join(&self.xml).is_file() && self.patterns().all(|(folder, _)| root.join(folder).is_dir())
    }

    /// Reads all files of an entry's model into memory under their bare names.
    pub(super) fn assemble(
        &self,
        entry: &CatalogueEntry,
        edits: &[TextEdit],
        root: &Path,
    ) -> Result<ModelSource, TaskError> {
        let read = |path: &Path| std::fs::read(path).map_err(|e| trouble(entry, path, &e));
        let mut files = Files::new();
        for (folder, extension) in self.patterns() {
            let folder = root.join(folder);
            for item in std::fs::read_dir(&folder).map_err(|e| trouble(entry, &folder, &e))? {
                let path = item.map_err(|e| trouble(entry, &folder, &e))?.path();
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
        xml = compose(&xml, &self.changes)
            .map_err(|e| refuse(format!("{e}: another version of the file; run `{}`", entry.fetch)))?;
        if let Some(Generator::Swimmer) = self.generator {
            xml = swimmer::generate(&xml, self.links).map_err(refuse)?;
        }
        for edit in edits {
            let count = xml.matches(&edit.find).count();
            if count != 1 {
                return Err(refuse(format!(
                    "{} changes `{}`, which occurs {count} times instead of once: another version of the file; run `{}`",
                    entry.name, edit.find, entry.fetch
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

fn trouble(entry: &CatalogueEntry, path: &Path, error: &std::io::Error) -> TaskError {
    if error.kind() == std::io::ErrorKind::NotFound {
        TaskError::Missing { task: entry.name.clone(), file: path.to_owned(), fetch: entry.fetch.clone() }
    } else {
        TaskError::File { file: path.to_owned(), reason: error.to_string() }
    }
}
