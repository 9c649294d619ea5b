//! Python packages that the module is built and tested with, each file by its sha256, in folders below `vendor`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::download::{Downloads, pip, pip_outcome};
use crate::place::{say, vendor};
use crate::setup::lock;
use crate::tree::Tree;

/// The oldest Python that the module is for.
const OLDEST_PYTHON: (u32, u32) = (3, 10);

/// A list of packages.
pub(crate) struct List {
    /// Its folder below `vendor`.
    folder: &'static str,
    /// Its file beside this one, and what that says.
    file: &'static str,
    text: &'static str,
    megabytes: u32,
}

/// What the module is built with, and tested with in part.
pub(crate) const BUILD: List =
    List { folder: "module", file: "build.txt", text: include_str!("build.txt"), megabytes: 60 };

/// What its tests use besides: JAX, Gymnasium, and what opens recordings.
pub(crate) const TESTS: List =
    List { folder: "module-tests", file: "tests.txt", text: include_str!("tests.txt"), megabytes: 160 };

/// The oldest numpy that it is for.
pub(crate) const OLDEST: List =
    List { folder: "module-oldest", file: "oldest.txt", text: include_str!("oldest.txt"), megabytes: 18 };

impl List {
    /// The folder with all its packages, downloaded where it is not there.
    ///
    /// # Errors
    /// As [`List::download`].
    pub(super) fn folder(&self, offline: bool) -> Result<PathBuf> {
        let vendor = vendor();
        let _lock = lock(&vendor)?;
        self.download(&vendor, offline)
    }

    /// As `folder`, for who has the lock of `vendor`.
    ///
    /// # Errors
    /// Where there is no Python for it, or where a package is not here and cannot be downloaded.
    pub(crate) fn download(&self, vendor: &Path, offline: bool) -> Result<PathBuf> {
        let version = python_version()?;
        let machine = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let tree = Tree::new(vendor, self.folder, format!("{}\npython {version} {machine}", self.sum()));
        if !tree.ready() {
            tree.make(|dir| {
                let mut pip = pip();
                pip.args(["download", "--quiet", "--only-binary=:all:", "--retries", "1", "--require-hashes"]);
                if offline {
                    pip.arg("--no-index").arg("--find-links").arg(Downloads::new(vendor).dir());
                } else {
                    say("python module", format_args!("downloading {} MB ...", self.megabytes));
                }
                let list = dir.join("requirements.txt");
                fs::write(&list, self.text).with_context(|| format!("{} cannot be written", list.display()))?;
                let out = pip.arg("--no-deps").arg("--dest").arg(dir).arg("--requirement").arg(&list).output();
                pip_outcome(out).with_context(|| {
                    let from = Downloads::new(vendor).dir().display().to_string();
                    let file = self.file;
                    format!(
                        "the packages of xtask/src/module/{file} are not here (they may also lie in {from}, with --offline)"
                    )
                })
            })?;
        }
        say("python module", format_args!("packages of {} ready", self.file));
        Ok(tree.path())
    }

    /// What tells one list from another in a stamp.
    fn sum(&self) -> String {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(self.text.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The user's Python, which must be new enough and able to make environments.
fn python_version() -> Result<String> {
    let script = "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')";
    let out = Command::new("python3").args(["-c", script]).stdin(Stdio::null()).output();
    let out = out.ok().context("there is no python3 on PATH")?;
    ensure!(
        out.status.success(),
        "python3 has no module venv or ensurepip (on Debian and Ubuntu: apt-get install python3-venv)"
    );
    let version = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    let number = |part: Option<&str>| part.and_then(|p| p.parse::<u32>().ok()).unwrap_or(0);
    let mut parts = version.split('.');
    let found = (number(parts.next()), number(parts.next()));
    let (major, minor) = OLDEST_PYTHON;
    ensure!(found >= OLDEST_PYTHON, "python3 is {version}, and the module is for {major}.{minor} and newer");
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_version_and_hashes() {
        for (list, wanted) in [
            (BUILD, &["maturin==", "mujoco==", "numpy==", "pytest=="][..]),
            (TESTS, &["gymnasium==", "h5netcdf==", "jax==", "jaxlib==", "xarray=="]),
            (OLDEST, &["numpy==1.26"]),
        ] {
            let joined = list.text.replace("\\\n", " ");
            for line in joined.lines().filter(|line| !line.starts_with('#')) {
                let name = line.split_whitespace().next().unwrap_or_default();
                let hashes = line.split_whitespace().filter_map(|word| word.strip_prefix("--hash=sha256:"));
                let hashes: Vec<&str> = hashes.collect();
                let sound = |hash: &&str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
                assert!(name.contains("==") && !hashes.is_empty() && hashes.iter().all(sound), "{line}");
            }
            for package in wanted {
                assert!(joined.contains(package), "{package} in {}", list.file);
            }
        }
        assert!(BUILD.text.contains(&format!("mujoco=={}", crate::pins::MUJOCO_VERSION)));
    }
}
