//! A folder below vendor/ that is there whole or not at all, with a stamp that says what it was made from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// One folder that set-up makes.
pub(crate) struct Tree {
    vendor: PathBuf,
    name: &'static str,
    stamp: String,
}

impl Tree {
    /// The folder `name`, made from what `stamp` says.
    pub(crate) fn new(vendor: &Path, name: &'static str, stamp: impl Into<String>) -> Tree {
        Tree { vendor: vendor.to_owned(), name, stamp: stamp.into() }
    }

    /// The same with another stamp: a folder that was made before `part` was in it is not ready.
    pub(crate) fn since(self, part: &str) -> Tree {
        Tree { stamp: format!("{}\nwith {part}", self.stamp), ..self }
    }

    /// Where the folder is.
    pub(crate) fn path(&self) -> PathBuf {
        self.vendor.join(self.name)
    }

    /// Whether it is there, made from the same thing.
    pub(crate) fn ready(&self) -> bool {
        self.path().is_dir() && fs::read_to_string(self.stamp_path()).is_ok_and(|text| text.trim_end() == self.stamp)
    }

    /// Makes it anew: `fill` works in a folder beside it, which then takes its place in one step. What
    /// an interrupted run left behind is dropped first.
    pub(crate) fn make(&self, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let fresh = self.vendor.join(format!(".unpack-{}", self.name));
        let stamps = self.vendor.join(".stamps");
        remove(&fresh)?;
        fs::create_dir_all(&fresh).with_context(|| unwritable(&fresh))?;
        fs::create_dir_all(&stamps).with_context(|| unwritable(&stamps))?;
        fill(&fresh)?;

        // The stamp goes first and comes last, so that it never vouches for half a tree.
        remove(&self.stamp_path())?;
        remove(&self.path())?;
        fs::rename(&fresh, self.path()).with_context(|| unwritable(&self.path()))?;
        let draft = stamps.join(format!(".{}", self.name));
        fs::write(&draft, format!("{}\n", self.stamp)).with_context(|| unwritable(&draft))?;
        fs::rename(&draft, self.stamp_path()).with_context(|| unwritable(&self.stamp_path()))
    }

    fn stamp_path(&self) -> PathBuf {
        self.vendor.join(".stamps").join(self.name)
    }
}

fn unwritable(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

/// Removes a file, a link or a whole folder, if there is one.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let Ok(found) = path.symlink_metadata() else {
        return Ok(());
    };
    if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
        .with_context(|| format!("{} cannot be removed", path.display()))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn write(text: &'static str) -> impl FnOnce(&Path) -> Result<()> {
        move |dir| Ok(fs::write(dir.join("file"), text)?)
    }

    #[test]
    fn is_ready_once_made_and_replaced_when_the_source_changes() {
        let vendor = tempfile::tempdir().unwrap();
        let old = Tree::new(vendor.path(), "thing", "one");
        assert!(!old.ready());
        old.make(write("1")).unwrap();
        assert!(old.ready());
        old.make(write("1")).unwrap();
        assert!(old.ready());

        let new = Tree::new(vendor.path(), "thing", "two");
        assert!(!new.ready());
        new.make(write("2")).unwrap();
        assert!(new.ready() && !old.ready());
        assert_eq!(fs::read(new.path().join("file")).unwrap(), b"2");
    }

    #[test]
    fn a_failed_or_interrupted_run_leaves_the_old_tree_and_nothing_in_the_way() {
        let vendor = tempfile::tempdir().unwrap();
        let tree = Tree::new(vendor.path(), "thing", "one");
        tree.make(write("1")).unwrap();
        tree.make(|dir| {
            fs::write(dir.join("half"), "")?;
            bail!("interrupted")
        })
        .unwrap_err();
        assert!(tree.ready());
        tree.make(write("1")).unwrap();
        assert!(!tree.path().join("half").exists());
        assert!(!vendor.path().join(".unpack-thing").exists());
    }

    #[test]
    fn a_tree_without_its_folder_or_stamp_is_not_ready() {
        let vendor = tempfile::tempdir().unwrap();
        let tree = Tree::new(vendor.path(), "thing", "one");
        tree.make(write("1")).unwrap();
        fs::remove_dir_all(tree.path()).unwrap();
        assert!(!tree.ready());
        tree.make(write("1")).unwrap();
        fs::remove_file(vendor.path().join(".stamps/thing")).unwrap();
        assert!(!tree.ready());
        tree.make(write("1")).unwrap();
        let (old, more) = (tree.ready(), tree.since("more"));
        assert!(old);
        assert!(!more.ready(), "made before there was more in it");
        more.make(write("2")).unwrap();
        assert!(more.ready());
    }
}
