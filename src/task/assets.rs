//! Where the model files of the catalogue lie.

use std::path::{Path, PathBuf};

/// The environment variable that names the folder.
pub const ASSETS_VARIABLE: &str = "DYNSPARSE_ASSETS";

/// The folder that holds `playground` and the other suites, as `cargo xtask setup` fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assets {
    root: PathBuf,
}

impl Assets {
    /// Takes the first of: `explicit` (--assets); the environment variable [`ASSETS_VARIABLE`]; a folder
    /// `vendor` with model files in the current folder or one of its parents; `vendor` of the source
    /// tree. Nothing is opened: a missing file is reported for the task that needs it.
    pub fn find(explicit: Option<&Path>) -> Self {
        let variable = || std::env::var_os(ASSETS_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
        let nearby = || {
            let here = std::env::current_dir().ok()?;
            here.ancestors()
                .map(|dir| dir.join("vendor"))
                .find(|dir| super::suites().iter().any(|suite| dir.join(&suite.name).is_dir()))
        };
        let root = explicit
            .map(Path::to_owned)
            .or_else(variable)
            .or_else(nearby)
            .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor"));
        Self { root }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the model files of this task of the catalogue are there.
    pub fn has(&self, task: &str) -> bool {
        super::catalogue::find(task).is_some_and(|entry| entry.recipe().present(&self.root))
    }
}
