//! The MuJoCo library: its place in the wheel, and a check of one that the user brings.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::pins::MUJOCO_VERSION;
use crate::wheel;

/// The name that the linker looks for.
const LINK_NAME: &str = if cfg!(target_os = "macos") { "libmujoco.dylib" } else { "libmujoco.so" };

/// Fills `into` with lib/, the plugins beside the library, and include/ from the wheel.
pub(crate) fn unpack(wheel: &Path, into: &Path) -> Result<()> {
    wheel::unpack(wheel, into, place)?;
    let lib = into.join("lib");
    let name = library_name();
    ensure!(
        lib.join(&name).is_file(),
        "{} holds no mujoco/{name}: it is the wheel of another kind of machine",
        wheel.display()
    );
    link(&name, &lib.join(LINK_NAME))?;
    if cfg!(target_os = "macos") {
        // The library calls itself by its place in a framework, and programs look for it there.
        let framework = lib.join("mujoco.framework/Versions/A");
        fs::create_dir_all(&framework).with_context(|| format!("{} cannot be made", framework.display()))?;
        link(&format!("../../../{name}"), &framework.join(&name))?;
    }
    Ok(())
}

fn link(target: &str, path: &Path) -> Result<()> {
    symlink(target, path).with_context(|| format!("{} cannot be made", path.display()))
}

fn library_name() -> String {
    if cfg!(target_os = "macos") {
        format!("libmujoco.{MUJOCO_VERSION}.dylib")
    } else {
        format!("libmujoco.so.{MUJOCO_VERSION}")
    }
}

fn place(entry: &str) -> Option<String> {
    let name = entry.strip_prefix("mujoco/")?;
    if name.starts_with("include/") {
        return Some(name.to_owned());
    }
    let is_mujoco = name.starts_with("libmujoco.") && !name.contains('/');
    let is_plugin = name.strip_prefix("plugin/").is_some_and(|plugin| !plugin.contains('/') && is_library(plugin));
    (is_mujoco || is_plugin).then(|| format!("lib/{name}"))
}

fn is_library(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "so" || ending == "dylib")
}

/// Fails unless `dir`, which the user named, holds the MuJoCo that the binding is made for.
pub(crate) fn check(dir: &Path) -> Result<()> {
    let library = dir.join(LINK_NAME);
    let mend = format!("point MUJOCO_DYNAMIC_LINK_DIR to MuJoCo {MUJOCO_VERSION}, or unset it to use the vendored one");
    ensure!(dir.is_absolute(), "MUJOCO_DYNAMIC_LINK_DIR is {:?}, which is not an absolute path: {mend}", dir.display());
    let Ok(real) = library.canonicalize() else {
        bail!("there is no {}: {mend}", library.display());
    };
    let name = real.file_name().unwrap_or_default().as_encoded_bytes();
    let version = match stated_version(name) {
        Some(version) => version,
        // No version in the name, but the library also holds its own full name.
        None => {
            let bytes = fs::read(&real).with_context(|| format!("{} cannot be read", real.display()))?;
            stated_version(&bytes)
                .with_context(|| format!("{} does not say which version of MuJoCo it is: {mend}", real.display()))?
        }
    };
    ensure!(version == MUJOCO_VERSION, "{} is MuJoCo {version}: {mend}", library.display());
    Ok(())
}

/// The version in the first `libmujoco.so.X.Y.Z` or `libmujoco.X.Y.Z.dylib` among the bytes.
fn stated_version(bytes: &[u8]) -> Option<String> {
    const STEM: &[u8] = b"libmujoco.";
    bytes.windows(STEM.len()).enumerate().filter(|(_, window)| *window == STEM).find_map(|(at, _)| {
        let rest = &bytes[at + STEM.len()..];
        let rest = rest.strip_prefix(b"so.").unwrap_or(rest);
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.');
        let version = String::from_utf8(digits.copied().collect()).ok()?;
        let version = version.trim_end_matches('.');
        version.contains('.').then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names_and_from_the_library_itself() {
        let read = |bytes: &[u8]| stated_version(bytes);
        assert_eq!(read(b"libmujoco.so.3.17.0").as_deref(), Some("3.17.0"));
        assert_eq!(read(b"libmujoco.3.17.0.dylib").as_deref(), Some("3.17.0"));
        assert_eq!(read(b"\x7fELF libmujoco.so\0 libmujoco.so.3.3.7\0").as_deref(), Some("3.3.7"));
        assert_eq!(read(b"libmujoco.so"), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn a_users_library_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let told = || check(dir.path()).unwrap_err().to_string();
        assert!(check(Path::new("lib")).unwrap_err().to_string().contains("absolute"));
        assert!(told().contains(&format!("no {}", dir.path().join(LINK_NAME).display())));

        let library = dir.path().join(LINK_NAME);
        fs::write(&library, b"nothing").unwrap();
        assert!(told().contains("does not say"));
        fs::write(&library, b"\0libmujoco.so.3.3.7\0").unwrap();
        assert!(told().contains("is MuJoCo 3.3.7"));
        fs::write(&library, b"\0libmujoco.so.3.17.0\0").unwrap();
        check(dir.path()).unwrap();

        fs::rename(&library, dir.path().join("libmujoco.so.3.2.0")).unwrap();
        symlink("libmujoco.so.3.2.0", &library).unwrap();
        assert!(told().contains("is MuJoCo 3.2.0"));
    }

    #[test]
    fn the_library_its_plugins_and_the_headers_are_taken() {
        assert_eq!(place("mujoco/libmujoco.so.3.17.0").as_deref(), Some("lib/libmujoco.so.3.17.0"));
        assert_eq!(place("mujoco/include/mujoco/mujoco.h").as_deref(), Some("include/mujoco/mujoco.h"));
        // Where the wheel has them: beside the library.
        assert_eq!(place("mujoco/plugin/libsensor.so").as_deref(), Some("lib/plugin/libsensor.so"));
        assert_eq!(place("mujoco/plugin/libsensor.dylib").as_deref(), Some("lib/plugin/libsensor.dylib"));
        assert_eq!(place("mujoco/plugin/__init__.py"), None);
        assert_eq!(place("mujoco/plugin/deeper/libsensor.so"), None);
        assert_eq!(place("mujoco/__init__.py"), None);
    }
}
