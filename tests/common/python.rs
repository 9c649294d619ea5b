//! python3 with what the documents and the examples import.

use std::path::{Path, PathBuf};
use std::process::Command;

/// python3 with the packages, from vendor/python or its own.
pub(crate) struct Python(Option<PathBuf>);

impl Python {
    /// None where there is none, which is said; with CI=true that fails.
    pub(crate) fn find() -> Option<Self> {
        let vendor = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/python");
        let found = [Some(vendor), None].into_iter().map(Self).find(|python| {
            let out = python.command().args(["-c", "import h5py, xarray, h5netcdf"]).output();
            out.is_ok_and(|out| out.status.success())
        });
        if found.is_none() {
            let missing = "no python3 with h5py, xarray and h5netcdf: run `cargo xtask setup --python`";
            assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{missing}");
            eprintln!("skipped: {missing}");
        }
        found
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("python3");
        if let Some(path) = &self.0 {
            command.env("PYTHONPATH", path);
        }
        // Warnings of the libraries about our files or our example are errors.
        command.env("PYTHONWARNINGS", "error::FutureWarning,error::UserWarning");
        command
    }
}
