//! What is in a folder, and how that differs from what should be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Files by their path in the folder.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// All files of a folder. One that goes away meanwhile is not there.
pub(crate) fn files(folder: &Path) -> Result<Files> {
    let mut found = Files::new();
    list(folder, folder, &mut found).with_context(|| format!("{} cannot be read", folder.display()))?;
    Ok(found)
}

fn list(root: &Path, folder: &Path, found: &mut Files) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(root, &path, found)?;
        } else if let Ok(bytes) = fs::read(&path) {
            let name = path.strip_prefix(root).context("below the folder")?.to_owned();
            found.insert(name, comparable(&path, bytes));
        }
    }
    Ok(())
}

/// A manifest says when and how often, and its checksum follows; what it says besides must be the same.
fn comparable(path: &Path, bytes: Vec<u8>) -> Vec<u8> {
    if path.file_name().is_none_or(|name| name != "manifest.json") {
        return bytes;
    }
    let Ok(mut manifest) = serde_json::from_slice::<Value>(&bytes) else { return bytes };
    if let Some(tasks) = manifest["tasks"].as_object_mut() {
        for task in tasks.values_mut().filter_map(Value::as_object_mut) {
            for time in ["seconds", "attempts", "estimate"] {
                task.remove(time);
            }
        }
    }
    if let Some(whole) = manifest.as_object_mut() {
        whole.remove("checksum");
    }
    manifest.to_string().into_bytes()
}

/// What differs, in words; None where nothing does.
pub(crate) fn difference(found: &Files, expected: &Files) -> Option<String> {
    let missing = expected.keys().find(|name| !found.contains_key(*name)).map(|name| (name, "is missing"));
    let left = || found.keys().find(|name| !expected.contains_key(*name)).map(|name| (name, "was left behind"));
    let differs = || broken(found, expected).map(|name| (name, "has other bytes"));
    missing.or_else(left).or_else(differs).map(|(name, what)| format!("{} {what}", name.display()))
}

/// A file that has the name of a finished one, but not its bytes. A manifest is written again and again.
pub(crate) fn broken<'a>(found: &Files, expected: &'a Files) -> Option<&'a PathBuf> {
    expected.iter().find(|(name, bytes)| found.get(*name).is_some_and(|there| there != *bytes)).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(all: &[(&str, &str)]) -> Files {
        all.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn what_differs_is_named() {
        let expected = of(&[("a", "1"), ("b/c", "2")]);
        assert_eq!(difference(&expected, &expected), None);
        let said = |all: &[(&str, &str)]| difference(&of(all), &expected).unwrap();
        assert_eq!(said(&[("a", "1")]), "b/c is missing");
        assert_eq!(said(&[("a", "1"), ("b/c", "2"), ("b/c.tmp", "")]), "b/c.tmp was left behind");
        assert_eq!(said(&[("a", "1"), ("b/c", "3")]), "b/c has other bytes");
        assert_eq!(broken(&of(&[("a", "2"), ("x", "")]), &expected), Some(&PathBuf::from("a")));
        assert_eq!(broken(&of(&[("a", "1"), ("x", "")]), &expected), None, "what is missing is not broken");
    }

    #[test]
    fn folders_are_copied_and_times_of_manifests_do_not_count() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("s")).unwrap();
        let manifest = |seconds: f64, bytes: u64| {
            format!(r#"{{"tasks": {{"a": {{"bytes": {bytes}, "seconds": {seconds}, "attempts": 2}}}}}}"#)
        };
        let write = |folder: &Path, text: String| fs::write(folder.join("s/manifest.json"), text).unwrap();
        write(from.path(), manifest(1.0, 3));
        copy(from.path(), to.path()).unwrap();
        let expected = files(from.path()).unwrap();
        assert_eq!(files(to.path()).unwrap(), expected);
        write(to.path(), manifest(2.0, 3));
        assert_eq!(difference(&files(to.path()).unwrap(), &expected), None);
        write(to.path(), manifest(1.0, 4));
        assert_eq!(difference(&files(to.path()).unwrap(), &expected).unwrap(), "s/manifest.json has other bytes");
    }
}
