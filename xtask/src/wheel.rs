//! Unpacks the wanted part of a wheel, and nothing outside the folder it is given.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use zip::ZipArchive;

/// Unpacks every entry for which `place` names a path below `into`. No entry of the wheel may leave
/// the folder, wanted or not: all are looked at before the first is written.
pub(crate) fn unpack(wheel: &Path, into: &Path, place: impl Fn(&str) -> Option<String>) -> Result<()> {
    let broken = || format!("{} cannot be read as a wheel", wheel.display());
    let mut archive = ZipArchive::new(File::open(wheel).with_context(broken)?).with_context(broken)?;

    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).with_context(broken)?;
        let name = entry.name().with_context(broken)?;
        if entry.is_symlink() || !stays_inside(&name) {
            bail!(
                "{} holds the entry {name:?}, which may lead out of its folder, so nothing of it was unpacked: delete that file and run `cargo xtask setup` again",
                wheel.display()
            );
        }
    }

    let mut files = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).with_context(broken)?;
        if entry.is_dir() {
            continue;
        }
        let Some(path) = place(&entry.name().with_context(broken)?) else {
            continue;
        };
        let path: PathBuf = into.join(path);
        let unwritten = || format!("{} cannot be written", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(unwritten)?;
        }
        let mut file = File::create_new(&path).with_context(unwritten)?;
        io::copy(&mut entry, &mut file).with_context(unwritten)?;
        if entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0) {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).with_context(unwritten)?;
        }
        files += 1;
    }
    ensure!(files > 0, "{} holds none of the files that set-up needs", wheel.display());
    Ok(())
}

/// Whether an entry's name is a plain path below the folder.
fn stays_inside(name: &str) -> bool {
    !name.contains(['\\', '\0'])
        && !name.is_empty()
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn wheel(dir: &Path, fill: impl FnOnce(&mut ZipWriter<File>)) -> PathBuf {
        let path = dir.join("crafted.whl");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        let plain = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file("pkg/data/good.xml", plain).unwrap();
        zip.write_all(b"<mujoco/>").unwrap();
        zip.start_file("pkg/bin/tool", plain.unix_permissions(0o755)).unwrap();
        fill(&mut zip);
        zip.finish().unwrap();
        path
    }

    #[test]
    fn takes_what_is_placed_and_keeps_the_executable_bit() {
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("into");
        let from = wheel(dir.path(), |_| {});
        unpack(&from, &into, |name| name.strip_prefix("pkg/").map(str::to_owned)).unwrap();
        assert_eq!(fs::read(into.join("data/good.xml")).unwrap(), b"<mujoco/>");
        let mode = |path: &str| into.join(path).metadata().unwrap().permissions().mode();
        assert_eq!(mode("bin/tool") & 0o111, 0o111);
        assert_eq!(mode("data/good.xml") & 0o111, 0);
    }

    #[test]
    fn refuses_entries_that_leave_the_folder() {
        for evil in ["../evil", "pkg/../../evil", "/tmp/evil", "pkg\\..\\evil"] {
            let dir = tempfile::tempdir().unwrap();
            let into = dir.path().join("into");
            let from = wheel(dir.path(), |zip| {
                zip.start_file(evil, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored))
                    .unwrap();
            });
            let error = unpack(&from, &into, |name| Some(name.to_owned())).unwrap_err();
            assert!(error.to_string().contains("evil"), "{error}");
            assert!(error.to_string().contains("crafted.whl"), "{error}");
            assert!(!into.exists() && !dir.path().join("evil").exists());
        }
    }

    #[test]
    fn refuses_links_even_where_they_are_not_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("into");
        let from = wheel(dir.path(), |zip| {
            zip.add_symlink("pkg/link", "/etc", SimpleFileOptions::default()).unwrap();
        });
        let error = unpack(&from, &into, |name| name.strip_prefix("pkg/data/").map(str::to_owned)).unwrap_err();
        assert!(error.to_string().contains("pkg/link"), "{error}");
        assert!(!into.exists());
    }

    #[test]
    fn a_file_that_is_no_wheel_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("torn.whl");
        fs::write(&path, b"PK").unwrap();
        let error = unpack(&path, dir.path(), |_| None).unwrap_err();
        assert!(error.to_string().contains("torn.whl"), "{error}");
    }
}
