//! The Python packages that a few tests open our files with. They are a help, not a need.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::download::{self, Downloads};
use crate::tree::Tree;

/// What is installed, dependencies included, each wheel by its sha256.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The packages' stamp: compiled parts fit one version of Python.
pub(crate) fn stamp() -> Result<String> {
    let out = Command::new("python3")
        .args(["-c", "import sys, platform; print(*sys.version_info[:2], sys.platform, platform.machine())"])
        .stdin(Stdio::null())
        .output()
        .ok()
        .context("there is no python3 on PATH")?;
    ensure!(out.status.success(), "python3 does not run");
    let packages: String = packages().map(|package| format!("{package}\n")).collect();
    Ok(format!("{packages}python {}", String::from_utf8_lossy(&out.stdout).trim()))
}

/// Names and versions.
fn packages() -> impl Iterator<Item = &'static str> {
    REQUIREMENTS.lines().filter(|line| line.contains("==")).filter_map(|line| line.split_whitespace().next())
}

/// Installs them into the tree, from the downloads alone if `offline`.
pub(crate) fn install(tree: &Tree, downloads: &Downloads, offline: bool) -> Result<()> {
    tree.make(|dir| {
        let mut pip = download::pip();
        pip.args(["install", "--quiet", "--no-deps", "--only-binary=:all:", "--no-warn-script-location"])
            // A help is not worth long waits on a machine without network.
            .args(["--retries", "1"])
            .arg("--target")
            .arg(dir);
        if offline {
            pip.arg("--no-index").arg("--find-links").arg(downloads.dir());
        }
        // A file of its own, since pip takes hashes from files only.
        let list = dir.join("requirements.txt");
        fs::write(&list, REQUIREMENTS).with_context(|| format!("{} cannot be written", list.display()))?;
        pip.args(["--require-hashes", "--requirement"]).arg(&list);
        let done = download::pip_outcome(pip.output());
        fs::remove_file(&list).with_context(|| format!("{} cannot be removed", list.display()))?;
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_version_and_hashes() {
        let names: Vec<&str> = packages().collect();
        assert!(names.len() == 8 && names[0].starts_with("numpy=="), "{names:?}");
        for package in REQUIREMENTS.replace("\\\n", " ").lines() {
            if package.starts_with('#') {
                continue;
            }
            let mut words = package.split_whitespace();
            let name = words.next().unwrap_or_default();
            let hashes: Vec<&str> = words.collect();
            let sound = |h: &&str| {
                let hex = h.strip_prefix("--hash=sha256:").unwrap_or_default();
                hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())
            };
            assert!(name.contains("==") && !hashes.is_empty() && hashes.iter().all(sound), "{package}");
        }
    }

    /// pip itself refuses a wheel whose hash is not in the list.
    #[test]
    fn pip_is_asked_for_hashes() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("tzdata-2026.6-py3-none-any.whl");
        fs::write(&wheel, b"another").unwrap();
        let mut pip = download::pip();
        let list = dir.path().join("requirements.txt");
        pip.args(["download", "--no-deps", "--no-index", "--only-binary=:all:", "--require-hashes", "--find-links"]);
        pip.arg(dir.path()).arg("--dest").arg(dir.path().join("got")).arg("--requirement").arg(&list);
        let only: Vec<&str> = REQUIREMENTS.lines().skip_while(|l| !l.starts_with("tzdata")).collect();
        fs::write(&list, only.join("\n")).unwrap();
        let Ok(out) = pip.output() else { return };
        let said = String::from_utf8_lossy(&out.stderr);
        if said.contains("No module named pip") {
            return;
        }
        assert!(!out.status.success() && said.to_lowercase().contains("hash"), "{said}");
    }
}
