//! cmake, which builds the HDF5 that is linked in: the machine's own if it is new enough, else a wheel.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::wheel;

/// (major, minor, patch).
pub(crate) type Version = (u32, u32, u32);

/// The oldest cmake that HDF5 takes.
pub(crate) const OLDEST: Version = (3, 26, 0);

/// The first cmake on PATH that is new enough.
pub(crate) fn on_path() -> Option<(PathBuf, Version)> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join("cmake"))
        .filter(|program| program.is_file())
        .find_map(|program| {
            let version = good_version(&program)?;
            Some((program, version))
        })
}

/// The version of `program`, if it runs and is new enough.
pub(crate) fn good_version(program: &Path) -> Option<Version> {
    let out = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    parse_version(&String::from_utf8_lossy(&out.stdout)).filter(|version| *version >= OLDEST)
}

/// Fills `into` with bin/ and share/ from the wheel; the manual stays behind.
pub(crate) fn unpack(wheel: &Path, into: &Path) -> Result<()> {
    wheel::unpack(wheel, into, |name| {
        let name = name.strip_prefix("cmake/data/")?;
        (name.starts_with("bin/") || name.starts_with("share/")).then(|| name.to_owned())
    })
}

/// Fills `into` with a link to a program of the machine.
pub(crate) fn link(program: &Path, into: &Path) -> Result<()> {
    let bin = into.join("bin");
    fs::create_dir_all(&bin)
        .and_then(|()| symlink(program, bin.join("cmake")))
        .with_context(|| format!("{} cannot be written", bin.display()))
}

/// Reads the first line of `cmake --version`, say `cmake version 3.31.0-rc1`.
fn parse_version(text: &str) -> Option<Version> {
    let version = text.lines().next()?.strip_prefix("cmake version ")?;
    let mut parts = version.split(['.', '-', ' ']).map(str::parse::<u32>);
    let major = parts.next()?.ok()?;
    let minor = parts.next()?.ok()?;
    let patch = parts.next().and_then(Result::ok).unwrap_or(0);
    Some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_numbers() {
        let read = |text| parse_version(text);
        assert_eq!(read("cmake version 3.25.1\n\nCMake suite"), Some((3, 25, 1)));
        assert_eq!(read("cmake version 4.4.4"), Some((4, 4, 4)));
        assert_eq!(read("cmake version 3.31.0-rc1"), Some((3, 31, 0)));
        assert_eq!(read("cmake version 3.26"), Some((3, 26, 0)));
        assert_eq!(read("cmake version 3.27.20230713-gabc"), Some((3, 27, 20_230_713)));
        assert!(read("cmake version 3.9.6").unwrap() < OLDEST);
        for bad in ["", "cmake version ", "cmake version x.y", "cmake: not found", "cmake version 3"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_program_that_does_not_run_has_no_version() {
        assert_eq!(good_version(Path::new("/none/cmake")), None);
        assert_eq!(good_version(Path::new("/dev/null")), None);
    }
}
