//! The Python packages that a few tests open our files with. They are a help, not a need.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::download::{self, Downloads};
use crate::tree::Tree;

/// What is installed, dependencies included; each has wheels for Python 3.11, 3.12 and 3.13.
const PACKAGES: &[&str] = &[
    "numpy==2.4.6",
    "h5py==3.16.0",
    "xarray==2026.9.0",
    "h5netcdf==1.8.2",
    "pandas==3.1.1",
    "packaging==26.3",
    "python-dateutil==4.0.0",
    "tzdata==2026.6",
];

/// The packages' stamp: compiled parts fit one version of Python.
pub(crate) fn stamp() -> Result<String> {
    let out = Command::new("python3")
        .args(["-c", "import sys, platform; print(*sys.version_info[:2], sys.platform, platform.machine())"])
        .stdin(Stdio::null())
        .output()
        .ok()
        .context("there is no python3 on PATH")?;
    ensure!(out.status.success(), "python3 does not run");
    Ok(format!("{}python {}", PACKAGES.join("\n") + "\n", String::from_utf8_lossy(&out.stdout).trim()))
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
        download::pip_outcome(pip.args(PACKAGES).output())
    })
}
