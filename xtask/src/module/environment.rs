//! Virtual environments of Python.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::step::run;
use crate::tree::remove;

/// A virtual environment below the target folder.
pub(super) struct Environment(PathBuf);

impl Environment {
    /// Makes it anew, with these packages out of the folders `packages` alone.
    ///
    /// # Errors
    /// Where Python or pip fail.
    pub(super) fn make(name: &str, packages: &[&Path], wanted: &[&str]) -> Result<Self> {
        let path = super::target().join(name);
        remove(&path)?;
        run("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(&path))?;
        let made = Self(path);
        made.install(packages, wanted)?;
        Ok(made)
    }

    /// Installs something, without an index.
    ///
    /// # Errors
    /// Where pip fails.
    pub(super) fn install(&self, packages: &[&Path], wanted: &[&str]) -> Result<()> {
        let mut pip = Command::new(self.program("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]);
        for folder in packages {
            pip.arg("--find-links").arg(folder);
        }
        pip.args(wanted.iter().map(OsString::from)).stdin(Stdio::null());
        run("pip install", &mut pip)
    }

    /// Installs something from the package index, with all that it needs.
    ///
    /// # Errors
    /// Where pip fails.
    pub(super) fn download(&self, wanted: &str) -> Result<()> {
        let mut pip = Command::new(self.program("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted]).stdin(Stdio::null());
        run("pip install from the index", &mut pip)
    }

    /// Takes packages of another folder in, by links.
    ///
    /// # Errors
    /// Where one cannot be made.
    pub(super) fn link(&self, folder: &Path, packages: &[&str]) -> Result<()> {
        let libraries = self.0.join("lib");
        let entries = std::fs::read_dir(&libraries).with_context(|| format!("{} is not there", libraries.display()))?;
        for entry in entries {
            let place = entry?.path().join("site-packages");
            for package in packages.iter().filter(|package| folder.join(package).exists()) {
                let (from, to) = (folder.join(package), place.join(package));
                std::os::unix::fs::symlink(from, &to).with_context(|| format!("{} cannot be made", to.display()))?;
            }
        }
        Ok(())
    }

    /// A program of it.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }
}
