//! Slurm, which the tests of `dynsparse sweep --slurm` start on loopback. It comes from the system's packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Result, bail};

use crate::place::{say, tell};

/// What the tests start and call.
const PROGRAMS: &[&str] = &["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"];

/// The packages of Debian and Ubuntu that hold them.
const PACKAGES: &[&str] = &["slurmctld", "slurmd", "slurm-client", "munge"];

/// Installs Slurm if it is missing. Only where CI=true is it an error that this cannot be done; elsewhere the
/// tests that need it are skipped, and a line says why.
pub(crate) fn ensure(offline: bool) -> Result<()> {
    if missing().is_none() {
        say("slurm", "ready");
        return Ok(());
    }
    let installed = if offline { Err("--offline forbids downloads".to_owned()) } else { install() };
    let Err(reason) = installed else {
        say("slurm", "ready");
        return Ok(());
    };
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        bail!("Slurm cannot be installed, and with CI=true no test may be skipped: {reason}");
    }
    tell(format_args!("warning: no Slurm, so the tests of `sweep --slurm` are skipped: {reason}"));
    Ok(())
}

/// The first program that is not there.
fn missing() -> Option<&'static str> {
    PROGRAMS.iter().copied().find(|name| find(name).is_none())
}

/// A program on PATH or where daemons are, which is not on the PATH of every user.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(daemons).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Installs the packages, or says in a few words why not.
fn install() -> Result<(), String> {
    if !Path::new("/etc/debian_version").exists() || find("apt-get").is_none() {
        return Err(format!("{} is missing, and only Debian and Ubuntu are known here", missing().unwrap_or_default()));
    }
    let root = words(&mut Command::new("id"), &["-u"]).is_ok_and(|uid| uid.trim() == "0");
    if !root && words(&mut Command::new("sudo"), &["-n", "true"]).is_err() {
        return Err(format!("it takes root: sudo apt-get install {}", PACKAGES.join(" ")));
    }
    say("slurm", "installing 3.5 MB of system packages ...");
    let install = [&["install", "-y", "-q", "--no-install-recommends"], PACKAGES].concat();
    if apt(root, &install).is_err() {
        // The usual reason: lists of packages that are old or were never fetched.
        apt(root, &["update", "-q"])?;
        apt(root, &install)?;
    }
    missing().map_or(Ok(()), |name| Err(format!("the packages {} hold no {name}", PACKAGES.join(", "))))
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
    }
}
