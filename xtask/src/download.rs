//! Gets pinned wheels through the user's own pip, and trusts none before its sha256 is checked.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use sha2::{Digest as _, Sha256};

use crate::pins::Wheel;
use crate::place::say;
use crate::tree::remove;

/// The folder that wheels are kept in.
pub(crate) struct Downloads {
    dir: PathBuf,
}

impl Downloads {
    /// The downloads below `vendor`.
    pub(crate) fn new(vendor: &Path) -> Downloads {
        Downloads { dir: vendor.join("downloads") }
    }

    /// Where the wheels are, for pip.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the wheel is here already; its sha256 is not looked at.
    pub(crate) fn has(&self, wheel: &Wheel) -> bool {
        self.dir.join(wheel.file).is_file()
    }

    /// The verified wheel, downloaded if it is not here.
    pub(crate) fn get(&self, wheel: &Wheel) -> Result<PathBuf> {
        let kept = self.dir.join(wheel.file);
        if !self.has(wheel) {
            say(&wheel.label(), format_args!("downloading {} MB ...", wheel.megabytes));
            // pip writes into a folder of its own, so that an interrupted download is never taken for a wheel.
            let partial = self.dir.join(".partial");
            remove(&partial)?;
            fs::create_dir_all(&partial).with_context(|| format!("{} cannot be made", partial.display()))?;
            self.pip_download(wheel, &partial)?;
            let got = only_wheel(&partial)?;
            verify(&got, wheel.sha256)?;
            fs::rename(&got, &kept).with_context(|| format!("{} cannot be written", kept.display()))?;
            remove(&partial)?;
        } else {
            verify(&kept, wheel.sha256)?;
        }
        Ok(kept)
    }

    /// How to do without the network; ends with the list of files.
    pub(crate) fn by_hand(&self, wheels: &[&Wheel]) -> String {
        let files: String = wheels.iter().map(|w| format!("\n  {} (sha256 {})", w.file, w.sha256)).collect();
        format!("run `cargo xtask setup --offline` with these put into {}:{files}", self.dir.display())
    }

    /// Asks for one platform and one Python, so that everybody gets the file that the pin is for.
    fn pip_download(&self, wheel: &Wheel, into: &Path) -> Result<()> {
        let mut pip = pip();
        pip.args(["download", "--quiet", "--no-deps"]);
        if wheel.is_source() {
            // pip chooses no platform for these. What they are built with may be wheels.
            pip.args(["--no-binary", wheel.package]);
        } else {
            pip.arg("--only-binary=:all:")
                .args(["--python-version", "312", "--implementation", "cp", "--abi", "cp312"])
                .args(["--platform", wheel.platform]);
        }
        pip.arg("--dest").arg(into).arg(format!("{}=={}", wheel.package, wheel.version));
        pip_outcome(pip.output()).map_err(|reason| {
            anyhow!("{} was not downloaded: {reason}; try again, or {}", wheel.label(), self.by_hand(&[wheel]))
        })
    }
}

/// The user's own pip, so that their index, proxy and certificates hold.
pub(crate) fn pip() -> Command {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input"])
        // Settings that people have for installing, which would stop a download to a folder.
        .env("PIP_USER", "0")
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .stdin(Stdio::null());
    pip
}

/// Turns the outcome of a pip command into one sentence if it failed.
pub(crate) fn pip_outcome(out: std::io::Result<Output>) -> Result<()> {
    let out = match out {
        Ok(out) if out.status.success() => return Ok(()),
        Ok(out) => out,
        Err(_) => {
            bail!("python3 with pip is needed for downloads, and there is no python3 on PATH")
        }
    };
    let told = String::from_utf8_lossy(&out.stderr);
    if told.contains("No module named pip") {
        bail!("python3 has no pip, which is needed for downloads: install pip for it");
    }
    if told.contains("Retrying (") {
        bail!("the package index that pip is set to cannot be reached");
    }
    let reason = told.lines().rev().find(|line| line.starts_with("ERROR:")).or(told.lines().last());
    // pip lists every version it knows of, which may be hundreds.
    let short: String = reason.unwrap_or("it gave no reason").chars().take(200).collect();
    bail!("pip failed ({short})")
}

/// The wheel in a folder that holds one. Its name is not looked at: a mirror may have its own.
fn only_wheel(dir: &Path) -> Result<PathBuf> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ext| ext == "whl" || ext == "gz"))
        .with_context(|| format!("pip reported success but left no wheel in {}", dir.display()))
}

/// Deletes the file and fails unless its sha256 is the pinned one.
fn verify(path: &Path, sha256: &str) -> Result<()> {
    let found = hash(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if found != sha256 {
        remove(path)?;
        bail!(
            "{} had sha256 {found} where {sha256} is pinned, so it was deleted: run `cargo xtask setup` again, and if that repeats, look at what your package index serves",
            path.display()
        );
    }
    Ok(())
}

fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn a_wheel_with_another_sha256_is_deleted_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.whl");
        fs::write(&path, b"abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&path, abc).unwrap();
        let error = verify(&path, &"0".repeat(64)).unwrap_err().to_string();
        assert!(error.contains("a.whl") && error.contains(abc), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_kept_wheel_is_verified_too() {
        let vendor = tempfile::tempdir().unwrap();
        let downloads = Downloads::new(vendor.path());
        let wheel = &crate::pins::WHEELS[0];
        fs::create_dir(downloads.dir()).unwrap();
        fs::write(downloads.dir().join(wheel.file), b"torn").unwrap();
        assert!(downloads.get(wheel).unwrap_err().to_string().contains("deleted"));
        assert!(!downloads.has(wheel));
    }

    #[test]
    fn pip_failures_become_one_sentence() {
        let failed = |stderr: &str| {
            let out = Output { status: ExitStatus::from_raw(256), stdout: Vec::new(), stderr: stderr.into() };
            pip_outcome(Ok(out)).unwrap_err().to_string()
        };
        assert!(failed("/usr/bin/python3: No module named pip\n").contains("install pip"));
        assert_eq!(failed("noise\nERROR: no route\nbye\n"), "pip failed (ERROR: no route)");
        assert!(failed("WARNING: Retrying (Retry(total=0\nERROR: none\n").contains("reached"));
        assert_eq!(failed(""), "pip failed (it gave no reason)");
        let missing = pip_outcome(Err(std::io::ErrorKind::NotFound.into())).unwrap_err();
        assert!(missing.to_string().contains("no python3"));
    }
}
