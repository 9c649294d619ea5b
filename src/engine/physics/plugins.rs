//! Plugins: MuJoCo's engine extended by shared libraries (forces of actuators, passive forces, sensors, signed distances).
//!
//! Loading a library runs code of it, so only those are loaded that lie in one folder beside the MuJoCo in use, or that the user
//! names. All of them are, before the first model is compiled: MuJoCo knows a plugin by the order in which it was registered, and
//! a compiled model holds that number, so every process that shares models has to load the same in the same order.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use dynsparse_base::seal::sha256_hex;
use mujoco_rs::mujoco_c::{mj_version, mjp_getPluginAtSlot, mjp_pluginCount};
use serde::{Deserialize, Serialize};

use super::{Model, PhysicsError, guard};

/// The folder that takes the place of the one beside MuJoCo's library.
const FOLDER: &str = "MUJOCO_PLUGIN_DIR";

/// Folders with plugins, seen from that of MuJoCo's library: as in its wheel, and as in its archive.
const BESIDE: [&str; 2] = ["plugin", "../bin/mujoco_plugin"];

/// A library has so many bytes at most.
const LARGEST: u64 = 1 << 30;

/// How names of libraries end here.
const ENDING: &str = if cfg!(target_os = "macos") { "dylib" } else { "so" };

/// Plugins of MuJoCo 3.17 whose derivatives are among the tests. None of them keeps anything from one step to the next but
/// activations, which are part of A's state.
const TESTED: [&str; 8] = [
    "mujoco.elasticity.cable",
    "mujoco.pid",
    "mujoco.sensor.touch_grid",
    "mujoco.sdf.bolt",
    "mujoco.sdf.bowl",
    "mujoco.sdf.gear",
    "mujoco.sdf.nut",
    "mujoco.sdf.torus",
];

/// A plugin that a model uses, and the library that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFile {
    /// Its name, as in MJCF.
    pub name: String,
    /// The library's file name.
    pub library: String,
    /// SHA-256 of the library, hexadecimal.
    pub sha256: String,
}

impl PluginFile {
    /// Whether its derivatives are among the tests of this program.
    pub fn is_tested(&self) -> bool {
        TESTED.contains(&self.name.as_str())
    }
}

/// A library that was loaded, and the plugins that it registered.
#[derive(Debug, Clone)]
struct Library {
    path: PathBuf,
    sha256: String,
    slots: std::ops::Range<c_int>,
}

/// What was loaded.
#[derive(Debug, Clone, Default)]
struct Loaded {
    libraries: Vec<Library>,
    /// Where MuJoCo's own were looked for.
    folder: Option<PathBuf>,
}

static NAMED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static LOADED: OnceLock<Result<Loaded, PhysicsError>> = OnceLock::new();

/// Names plugin libraries, or folders of them, to be loaded beside those of MuJoCo, before the first model is. Their code runs in
/// this process. What is named later has no effect.
pub fn use_plugins(paths: &[PathBuf]) {
    NAMED.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(paths);
}

/// What [`use_plugins`] was given.
pub fn named_plugins() -> Vec<PathBuf> {
    NAMED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Loads all plugin libraries, once per process.
///
/// # Errors
/// [`PhysicsError::Plugin`] for one that the user has named and that cannot be loaded, the same every time.
pub(super) fn load() -> Result<(), PhysicsError> {
    loaded().map(|_| ())
}

fn loaded() -> Result<&'static Loaded, PhysicsError> {
    LOADED.get_or_init(load_all).as_ref().map_err(Clone::clone)
}

fn load_all() -> Result<Loaded, PhysicsError> {
    let named_folder = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let by_user = named_folder.is_some();
    let folder = named_folder.or_else(beside_mujoco);
    let mut found = Loaded { libraries: Vec::new(), folder: folder.clone() };
    for path in folder.iter().map(|folder| libraries(folder)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        match open(&path) {
            Ok(library) => found.libraries.push(library),
            Err(error) if by_user => return Err(error),
            // A model that needs it will say so.
            Err(error) => tracing::warn!("{error}"),
        }
    }
    for named in NAMED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let paths = if named.is_dir() { libraries(named)? } else { vec![named.clone()] };
        if paths.is_empty() {
            return Err(trouble(named, format!("there is no library (*.{ENDING}) in this folder; name another")));
        }
        for path in paths {
            let library = open(&path)?;
            if library.slots.is_empty() && !found.libraries.iter().any(|other| other.sha256 == library.sha256) {
                return Err(trouble(&path, "it is a library and registers no plugin; name one that does".to_owned()));
            }
            found.libraries.push(library);
        }
    }
    Ok(found)
}

fn trouble(path: &Path, message: String) -> PhysicsError {
    PhysicsError::Plugin { file: path.display().to_string(), message }
}

/// The folder of plugins that came with the MuJoCo in use.
fn beside_mujoco() -> Option<PathBuf> {
    // SAFETY: dladdr fills the struct it is given for an address of this process; the path is NUL-terminated and lives as long as
    // the library.
    let library = unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        let known = libc::dladdr(mj_version as *const c_void, &raw mut info) != 0 && !info.dli_fname.is_null();
        known.then(|| CStr::from_ptr(info.dli_fname).to_string_lossy().into_owned())?
    };
    let folder = Path::new(&library).canonicalize().ok()?.parent()?.to_owned();
    BESIDE.iter().map(|beside| folder.join(beside)).find(|folder| folder.is_dir())
}

/// The libraries in a folder, by name.
fn libraries(folder: &Path) -> Result<Vec<PathBuf>, PhysicsError> {
    let read = |e: std::io::Error| trouble(folder, format!("the folder of plugins cannot be read: {e}"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.extension() == Some(OsStr::new(ENDING)) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Loads one library: its constructors register its plugins.
fn open(path: &Path) -> Result<Library, PhysicsError> {
    let bytes = match std::fs::metadata(path) {
        Ok(there) if there.is_file() && there.len() > LARGEST => {
            return Err(trouble(
                path,
                format!("it has {} bytes, more than any plugin library; name another", there.len()),
            ));
        }
        Ok(there) if there.is_file() => std::fs::read(path),
        Ok(_) => {
            return Err(trouble(path, "it is no regular file; name a library or a folder of libraries".to_owned()));
        }
        Err(e) => Err(e),
    };
    let bytes = bytes.map_err(|e| trouble(path, format!("it cannot be read: {e}")))?;
    // A name without a slash would be looked for elsewhere.
    let absolute = path.canonicalize().map_err(|e| trouble(path, format!("it cannot be read: {e}")))?;
    let name = CString::new(absolute.as_os_str().as_encoded_bytes())
        .map_err(|_| trouble(path, "its name holds a NUL byte; rename it".to_owned()))?;
    // SAFETY: takes nothing and reads a number.
    let before = unsafe { mjp_pluginCount() };
    // SAFETY: the name is NUL-terminated. What the library does when it is loaded is the business of whoever named it. The handle is
    // never closed: MuJoCo keeps pointers into the library.
    let open = || unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    let (handle, complaint) = guard::while_loading(open);
    if let Some(complaint) = complaint {
        return Err(trouble(
            path,
            format!(
                "MuJoCo does not take its plugins: {complaint}; name one library for a plugin, or \
                 let {FOLDER} name the folder that takes the place of MuJoCo's own"
            ),
        ));
    }
    if handle.is_null() {
        // SAFETY: after a failure dlerror gives a NUL-terminated text, or null.
        let reason = unsafe {
            let text: *const c_char = libc::dlerror();
            if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
        };
        let reason = guard::one_line(&reason);
        return Err(trouble(
            path,
            format!("it cannot be loaded ({reason}); name a plugin library of MuJoCo {}", super::REQUIRED_VERSION),
        ));
    }
    // SAFETY: as above.
    let after = unsafe { mjp_pluginCount() };
    Ok(Library { path: path.to_owned(), sha256: sha256_hex(&bytes), slots: before..after })
}

/// The name of a plugin by its number.
fn name_of(slot: c_int) -> Option<String> {
    // SAFETY: MuJoCo gives null for a number that it does not know, or a plugin that lives as long as the process.
    unsafe {
        let plugin = mjp_getPluginAtSlot(slot);
        (!plugin.is_null() && !(*plugin).name.is_null())
            .then(|| CStr::from_ptr((*plugin).name).to_string_lossy().into_owned())
    }
}

/// What mends MuJoCo's complaint that it does not know a plugin; None for another complaint.
pub(super) fn fix(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("plugin ")?;
    let (name, _) = rest.split_once(" not found")?;
    let loaded = loaded().ok()?;
    let known: Vec<String> = loaded.libraries.iter().flat_map(|l| l.slots.clone()).filter_map(name_of).collect();
    let place = match &loaded.folder {
        Some(folder) => format!("{} holds none with it", folder.display()),
        None => format!("there is no folder `plugin` beside MuJoCo's library, and {FOLDER} names none"),
    };
    let known = if known.is_empty() { "none is loaded".to_owned() } else { format!("loaded are {}", known.join(", ")) };
    Some(format!("the library of the plugin {name} is not loaded: name it with --plugin FILE ({place}; {known})"))
}

impl Model {
    /// The plugins that the model uses, by name, each once.
    ///
    /// # Errors
    /// As for any model where plugins cannot be loaded.
    pub fn plugins(&self) -> Result<Vec<PluginFile>, PhysicsError> {
        if !self.has_plugins() {
            return Ok(Vec::new());
        }
        let loaded = loaded()?;
        let mut found: Vec<PluginFile> = self
            .plugin_slots()
            .iter()
            .map(|slot| {
                let library = loaded.libraries.iter().find(|library| library.slots.contains(slot));
                let name = name_of(*slot).unwrap_or_default();
                match library {
                    Some(Library { path, sha256, .. }) => PluginFile {
                        name,
                        library: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                        sha256: sha256.clone(),
                    },
                    // Registered by the program itself.
                    None => PluginFile { name, library: String::new(), sha256: String::new() },
                }
            })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup();
        Ok(found)
    }

    /// Names of the plugins that keep a state of their own (mjData.plugin_state).
    pub(super) fn plugins_with_state(&self) -> Vec<String> {
        let m = self.raw();
        // SAFETY: plugin_statenum has nplugin entries.
        let sizes = unsafe { super::sim::view(m.plugin_statenum.cast_const(), m.nplugin as usize) };
        let with = self.plugin_slots().iter().zip(sizes).filter(|(_, n)| **n > 0);
        let mut names: Vec<String> = with.filter_map(|(slot, _)| name_of(*slot)).collect();
        names.sort();
        names.dedup();
        names
    }

    fn plugin_slots(&self) -> &[c_int] {
        let m = self.raw();
        // SAFETY: the array has nplugin entries and lives as long as the model.
        unsafe { super::sim::view(m.plugin.cast_const(), m.nplugin as usize) }
    }

    /// Refuses a saved model whose plugins are not those that this process knows by these numbers.
    pub(super) fn check_plugins(&self) -> Result<(), PhysicsError> {
        match self.plugin_slots().iter().find(|slot| name_of(**slot).is_none()) {
            None => Ok(()),
            Some(slot) => Err(PhysicsError::Load {
                file: self.file().to_owned(),
                message: format!("it uses the plugin of number {slot}, which this process has not loaded"),
            }),
        }
    }
}
