//! Where things are in the work tree, and the one way to tell the user something.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The workspace root. Cargo's run-time value comes first: with a shared target folder the binary may
/// have been compiled for another checkout.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .filter(|dir| dir.ends_with("xtask"))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}

/// The folder that set-up fills.
pub(crate) fn vendor() -> PathBuf {
    root().join("vendor")
}

/// The user's own value of the environment variable `name`. The path that cargo puts there from
/// `.cargo/config.toml` does not count.
pub(crate) fn users_own(name: &str, ours: &Path) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !same_place(Path::new(value), ours))
}

/// Whether two paths lead to one place; the last name itself may be missing or a link.
fn same_place(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| {
        let parent = path.parent()?.canonicalize().ok()?;
        Some(parent.join(path.file_name()?))
    };
    a == b || real(a).is_some_and(|a| Some(a) == real(b))
}

/// One line of progress about an item of set-up, in columns.
pub(crate) fn say(item: &str, state: impl Display) {
    tell(format_args!("{item:<18} {state}"));
}

/// One line on stderr. A closed stderr is no reason to stop.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A result on stdout. A closed stdout is no reason to stop.
pub(crate) fn show(text: impl Display) {
    let _ = write!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_this_crate() {
        assert!(root().join("xtask/src/place.rs").is_file());
    }

    #[test]
    fn one_place_is_seen_through_links_and_when_missing() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        std::fs::create_dir(&real).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(same_place(&real.join("lib"), &link.join("lib")));
        assert!(same_place(Path::new("/none/lib"), Path::new("/none/lib")));
        assert!(!same_place(&real.join("lib"), &real.join("bin")));
        assert!(!same_place(Path::new("cmake"), &real.join("cmake")));
    }
}
