//! What tests need from the system's packages: Slurm, which those of `dynsparse sweep --slurm` start on loopback, OpenGL
//! without a window, which those of `dynsparse render` draw with, Chromium, which opens the pages of `dynsparse view`, and PyTorch, for
//! `dynsparse.torch`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Result, bail};

use crate::place::{say, tell};

/// A few packages of Debian and Ubuntu, and what they are for.
pub(crate) struct Packages {
    label: &'static str,
    names: &'static [&'static str],
    size: &'static str,
    /// What runs without them, and what does not.
    without: &'static str,
    /// The first thing that is not there.
    missing: fn() -> Option<&'static str>,
}

/// Slurm.
pub(crate) const SLURM: Packages = Packages {
    label: "slurm",
    names: &["slurmctld", "slurmd", "slurm-client", "munge"],
    size: "3.5 MB",
    without: "no Slurm, so the tests of `sweep --slurm` are skipped",
    missing: || {
        let programs = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"];
        programs.into_iter().find(|name| find(name).is_none())
    },
};

/// EGL and Mesa's drivers, which draw on the processor where there is nothing else.
pub(crate) const OPENGL: Packages = Packages {
    label: "opengl",
    names: &["libegl1", "libgl1-mesa-dri"],
    size: "40 MB",
    without: "no OpenGL, so the tests of `render` see its error only",
    missing: || ["libEGL.so.1", "dri"].into_iter().find(|name| !in_libraries(name)),
};

/// A browser.
pub(crate) const CHROMIUM: Packages = Packages {
    label: "chromium",
    names: &["chromium"],
    size: "90 MB",
    without: "no Chromium, so the pages of `view` are read, but not opened",
    missing: || {
        let programs = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        programs.iter().all(|name| find(name).is_none()).then_some("chromium")
    },
};

/// PyTorch for the system's Python, without CUDA.
pub(crate) const TORCH: Packages = Packages {
    label: "pytorch",
    names: &["python3-torch"],
    size: "150 MB",
    without: "no PyTorch of the system, so the tests of dynsparse.torch are skipped",
    missing: || (!Path::new(TORCH_FOLDER).join("torch").is_dir()).then_some("torch"),
};

/// Where Debian and Ubuntu have packages of Python.
pub(crate) const TORCH_FOLDER: &str = "/usr/lib/python3/dist-packages";

impl Packages {
    /// Whether nothing is missing.
    pub(crate) fn is_there(&self) -> bool {
        (self.missing)().is_none()
    }

    /// Installs what is missing. Only where CI=true is it an error that this cannot be done; elsewhere a line says what
    /// is not tested, and why.
    pub(crate) fn ensure(&self, offline: bool) -> Result<()> {
        if self.is_there() {
            say(self.label, "ready");
            return Ok(());
        }
        let installed = if offline { Err("--offline forbids downloads".to_owned()) } else { self.install() };
        let Err(reason) = installed else {
            say(self.label, "ready");
            return Ok(());
        };
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            bail!("{} cannot be installed, and with CI=true nothing may be left untested: {reason}", self.label);
        }
        tell(format_args!("warning: {}: {reason}", self.without));
        Ok(())
    }

    /// Installs the packages, or says in a few words why not.
    fn install(&self) -> Result<(), String> {
        let missing = (self.missing)().unwrap_or_default();
        if !Path::new("/etc/debian_version").exists() || find("apt-get").is_none() {
            return Err(format!("{missing} is missing, and only Debian and Ubuntu are known here"));
        }
        let names = self.names.join(" ");
        let root = words(&mut Command::new("id"), &["-u"]).is_ok_and(|uid| uid.trim() == "0");
        if !root && words(&mut Command::new("sudo"), &["-n", "true"]).is_err() {
            return Err(format!("it takes root: sudo apt-get install {names}"));
        }
        say(self.label, format_args!("installing {} of system packages ...", self.size));
        let install = [&["install", "-y", "-q", "--no-install-recommends"], self.names].concat();
        if apt(root, &install).is_err() {
            // The usual reason: lists of packages that are old or were never fetched.
            apt(root, &["update", "-q"])?;
            apt(root, &install)?;
        }
        (self.missing)().map_or(Ok(()), |name| Err(format!("the packages {names} hold no {name}")))
    }
}

/// Whether a library or a folder of drivers is where the system has them.
fn in_libraries(name: &str) -> bool {
    let roots = ["/usr/lib", "/usr/lib64", "/lib", "/usr/local/lib"].map(PathBuf::from);
    let inside = |dir: &PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    // Debian has a folder for each architecture.
    roots.iter().any(|dir| dir.join(name).exists() || inside(dir).any(|sub| sub.join(name).exists()))
}

/// A program on PATH or where daemons are, which is not on the PATH of every user.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(daemons).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn apt(root: bool, args: &[&str]) -> Result<String, String> {
    let mut command = if root { Command::new("env") } else { Command::new("sudo") };
    if !root {
        command.args(["-n", "env"]);
    }
    words(command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]), args)
}

/// What a command prints, or the last line it has to say about its failure.
fn words(command: &mut Command, args: &[&str]) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        command.args(args).stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it failed without a word").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_its_last_line() {
        let failing = ["-c", "echo one >&2; echo 'E: two' >&2; echo >&2; exit 3"];
        assert_eq!(words(&mut Command::new("sh"), &failing), Err("E: two".to_owned()));
        assert_eq!(words(&mut Command::new("echo"), &["yes"]), Ok("yes\n".to_owned()));
        assert!(words(&mut Command::new("/none"), &[]).is_err());
    }

    #[test]
    fn programs_are_found() {
        assert!(find("sh").is_some());
        assert!(find("no such program").is_none());
        assert!(!in_libraries("libnone.so.9"));
    }
}
