//! Where a model comes from: a file on disk with what it refers to, or a set of named files in memory.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::compiler::{self, Want};
use super::{Model, PhysicsError, provider};

/// Files in memory by name.
pub type Files = BTreeMap<String, Arc<[u8]>>;

/// A model before it is compiled.
#[derive(Debug, Clone)]
pub enum ModelSource {
    /// Files in memory under bare names, as Playground merges its folders; references inside them resolve
    /// by bare name.
    Memory {
        /// The name of the main MJCF.
        main: String,
        /// All files, the main one among them.
        files: Files,
    },
    /// A file on disk; references resolve as MuJoCo does, relative to it.
    Disk(PathBuf),
    /// What MuJoCo read of a file on disk, kept in memory; references resolve as they did there, and never to the disk.
    Kept {
        /// The name of the main file among `files`.
        main: String,
        /// All files by their path in the deepest folder that holds them all, with `/` between.
        files: Files,
        /// Where that folder was, where the model refers to it by an absolute path.
        root: Option<String>,
    },
}

/// Where the files of a model that can lie anywhere are said to be.
const ANYWHERE: &str = "/dynsparse-model";

/// One file that a model was built from.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The bare name, or the path relative to the folder that holds all files of the model.
    pub name: String,
    /// What it holds.
    pub bytes: Arc<[u8]>,
}

impl ModelSource {
    /// A model from MJCF text.
    pub fn text(name: &str, mjcf: &str) -> Self {
        Self::Memory { main: name.to_owned(), files: Files::from([(name.to_owned(), mjcf.as_bytes().into())]) }
    }

    /// Compiles the model.
    ///
    /// # Errors
    /// [`PhysicsError::Load`], [`PhysicsError::File`] or [`PhysicsError::Nonsense`].
    pub fn load(&self) -> Result<Model, PhysicsError> {
        match compiler::elsewhere() {
            Some(compile) => Model::from_saved(&self.name(), &compile(self, Want::Model)?.model),
            None => self.load_here(),
        }
    }

    /// The main file, as messages name it.
    pub fn name(&self) -> String {
        match self {
            Self::Memory { main, .. } | Self::Kept { main, .. } => main.clone(),
            Self::Disk(path) => path.display().to_string(),
        }
    }

    pub(super) fn load_here(&self) -> Result<Model, PhysicsError> {
        match self {
            Self::Memory { main, files } => Model::from_files(main, files),
            Self::Disk(path) => Ok(from_disk(path)?.0),
            Self::Kept { main, files, root } => {
                let root = root.as_deref().unwrap_or(ANYWHERE).trim_end_matches('/');
                let serve =
                    |name: &str| name.strip_prefix(root)?.strip_prefix('/').and_then(|name| files.get(name)).cloned();
                Ok(provider::compile(main, &format!("{root}/{main}"), &serve)?.0)
            }
        }
    }

    /// The model as it can be kept, and compiled from that: of one on disk, what MuJoCo reads is taken into memory. Another is
    /// given back as it is.
    ///
    /// # Errors
    /// As [`ModelSource::load`], and where what was read does not make the same model again.
    pub fn kept(self) -> Result<(Self, Model), PhysicsError> {
        let Some(compile) = compiler::elsewhere() else { return self.kept_here() };
        let compiled = compile(&self, Want::Files)?;
        let model = Model::from_saved(&compiled.source.name(), &compiled.model)?;
        Ok((compiled.source, model))
    }

    pub(super) fn kept_here(self) -> Result<(Self, Model), PhysicsError> {
        let Self::Disk(path) = &self else {
            let model = self.load_here()?;
            return Ok((self, model));
        };
        let file = path.display().to_string();
        let trouble = |message: String| PhysicsError::File { file: file.clone(), message };
        let (_, name, read) = from_disk(path)?;
        // A model that MuJoCo makes of the disk by itself: what is kept has to make the same.
        let model = Model::from_path(path)?;
        let root = common_folder(read.keys());
        if !read.contains_key(&name) {
            return Err(trouble(
                "MuJoCo reads it by another name than its path; give the path without links".to_owned(),
            ));
        }
        let relative = |name: &str| name[root.len()..].trim_start_matches('/').to_owned();
        let main = relative(&name);
        let files: Files = read.into_iter().map(|(name, bytes)| (relative(&name), bytes)).collect();
        let wanted = but_for_paths(&model)?;
        for root in [None, Some(root.clone())] {
            let kept = Self::Kept { main: main.clone(), files: files.clone(), root };
            // Where an absolute path leads out of the kept files, there is no such file.
            if let Ok(again) = kept.load_here()
                && but_for_paths(&again)? == wanted
            {
                return Ok((kept, again));
            }
        }
        Err(trouble(
            "what MuJoCo reads of it does not make the same model again; put all its files beside it, and change none meanwhile".to_owned(),
        ))
    }

    /// Files of a model that was kept from the file `main` on disk which lie outside its folder, by their paths in
    /// [`ModelSource::files`]. Where a file lies is decided past links. Meshes, pictures and height fields may also lie in a folder
    /// beside that of the model, where the model names it for its assets (`meshdir="../meshes"`).
    pub fn outside(&self, main: &Path) -> Vec<String> {
        let Self::Kept { main: name, files, .. } = self else { return Vec::new() };
        let Ok(absolute) = without_dots(main) else { return files.keys().cloned().collect() };
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| lexical(path));
        let own = real(folder);
        let text = files.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        let assets: Vec<PathBuf> = asset_folders(&text)
            .iter()
            .filter(|named| Path::new(named).is_relative())
            .map(|named| real(&lexical(&folder.join(named))))
            .filter(|found| own.parent().is_some_and(|beside| found.starts_with(beside)) && !own.starts_with(found))
            .collect();
        let lies_inside = |(name, place): &(&String, PathBuf)| {
            let place = real(place);
            place.starts_with(&own)
                || is_asset(Path::new(name)) && assets.iter().any(|folder| place.starts_with(folder))
        };
        let others = files.keys().zip(self.places(main)).filter(|(other, _)| *other != name);
        others.filter(|file| !lies_inside(file)).map(|(name, _)| name.clone()).collect()
    }

    /// Where the files lie of a model that was kept from the file `main` on disk.
    pub fn places(&self, main: &Path) -> Vec<PathBuf> {
        let Self::Kept { main: name, files, .. } = self else { return vec![main.to_owned()] };
        let Ok(absolute) = without_dots(main) else { return vec![main.to_owned()] };
        let depth = Path::new(name).components().count();
        let root = absolute.ancestors().nth(depth).unwrap_or(Path::new("/"));
        files.keys().map(|name| root.join(name)).collect()
    }

    /// The main file's name in [`ModelSource::files`] and all files, so that they can be stored with a
    /// recording and the model built again without the disk. Of a model on disk, those of [`ModelSource::kept`].
    ///
    /// # Errors
    /// As [`ModelSource::kept`].
    pub fn files(&self) -> Result<(String, Vec<SourceFile>), PhysicsError> {
        match self {
            Self::Memory { main, files } | Self::Kept { main, files, .. } => Ok((
                main.clone(),
                files.iter().map(|(name, bytes)| SourceFile { name: name.clone(), bytes: bytes.clone() }).collect(),
            )),
            Self::Disk(_) => self.clone().kept()?.0.files(),
        }
    }
}

/// Compiles the model of a file on disk from what lies there. Returns it with its absolute name and all files that the compiler read.
/// Where it asks for a pipe or a device, which may give no end of bytes or none at all, that is an error.
fn from_disk(path: &Path) -> Result<(Model, String, Files), PhysicsError> {
    let file = path.display().to_string();
    let trouble = |message: &str| PhysicsError::File { file: file.clone(), message: message.to_owned() };
    Model::check_file(path)?;
    let absolute = without_dots(path).map_err(|e| trouble(&e.to_string()))?;
    let name = absolute.to_str().ok_or_else(|| trouble("its path is no UTF-8: rename it"))?;
    let strange: Mutex<Option<String>> = Mutex::default();
    let serve = |name: &str| match std::fs::metadata(name) {
        Ok(found) if found.is_file() => std::fs::read(name).ok().map(Arc::from),
        Ok(found) if !found.is_dir() => {
            strange.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| name.to_owned());
            None
        }
        _ => None,
    };
    let compiled = provider::compile(&file, name, &serve);
    if let Some(strange) = strange.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let strange = dynsparse_base::text::plain(&strange).into_owned();
        return Err(trouble(&format!("refers to {strange}, which is no regular file; put a file in its place")));
    }
    match compiled {
        Ok((model, read)) => Ok((model, name.to_owned(), read)),
        // It says what is wrong in the usual words.
        Err(error) => Err(Model::from_path(path).err().unwrap_or(error)),
    }
}

/// Whether a file is what MuJoCo reads as a mesh, a picture, a height field or a skin, by its name.
fn is_asset(path: &Path) -> bool {
    let known = ["obj", "stl", "msh", "png", "ktx", "hf", "bin", "skn"];
    path.extension().is_some_and(|e| known.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// A path without `.` and `..`, taken off as text.
fn lexical(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

/// The folders that the `<compiler>` elements of an MJCF text name for assets.
fn asset_folders(text: &str) -> Vec<String> {
    let Ok(document) = roxmltree::Document::parse(text) else { return Vec::new() };
    let compilers = document.descendants().filter(|n| n.has_tag_name("compiler"));
    let named = compilers.flat_map(|n| ["assetdir", "meshdir", "texturedir"].map(|name| n.attribute(name)));
    named.flatten().map(str::to_owned).collect()
}

/// An absolute path without `.` and `..`, which MuJoCo takes off as text, past links. Where that leads elsewhere than the path
/// itself does, the path without links.
fn without_dots(path: &Path) -> std::io::Result<PathBuf> {
    let clean = lexical(&std::path::absolute(path)?);
    let meant = path.canonicalize()?;
    if clean.canonicalize().is_ok_and(|found| found == meant) {
        return Ok(clean);
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(folder.canonicalize()?.join(path.file_name().unwrap_or_default()))
}

/// All that a compiled model is, but for the names of files in it: MuJoCo keeps where they lay.
fn but_for_paths(model: &Model) -> Result<serde_json::Value, PhysicsError> {
    let mut digest = serde_json::to_value(model.digest()?).unwrap_or_default();
    for part in ["sizes", "arrays"] {
        if let Some(part) = digest.get_mut(part).and_then(serde_json::Value::as_object_mut) {
            part.retain(|name, _| {
                !["npaths", "nbuffer", "paths"].contains(&name.as_str()) && !name.ends_with("_pathadr")
            });
        }
    }
    if let Some(whole) = digest.as_object_mut() {
        whole.remove("mjb");
    }
    Ok(digest)
}

/// The deepest folder that holds all files, by absolute names; `/` at the root.
fn common_folder<'a>(mut names: impl Iterator<Item = &'a String>) -> String {
    let folder = |name: &'a str| Path::new(name).parent().unwrap_or(Path::new("/")).to_owned();
    let mut shared = names.next().map_or_else(|| PathBuf::from("/"), |name| folder(name));
    for name in names {
        while !Path::new(name).starts_with(&shared) {
            shared.pop();
        }
    }
    shared.to_string_lossy().into_owned()
}

/// Those of `files` that the MJCF `main` needs, directly or through what it includes, by bare name as MuJoCo looks
/// them up. All of them where one of the MJCF files is no well-formed XML, which MuJoCo will say.
pub fn needed(main: &str, files: &Files) -> Files {
    let mut needed = Files::new();
    let mut waiting = vec![main.to_owned()];
    while let Some(name) = waiting.pop() {
        let Some(bytes) = files.get(&name).filter(|_| !needed.contains_key(&name)) else { continue };
        needed.insert(name.clone(), bytes.clone());
        if !is_mjcf(Path::new(&name)) {
            continue;
        }
        let Some(references) = references(&String::from_utf8_lossy(bytes)) else { return files.clone() };
        let bare = |path: &String| Path::new(path).file_name().map(|n| n.to_string_lossy().into_owned());
        waiting.extend(references.iter().filter_map(bare));
    }
    needed
}

fn is_mjcf(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml") || e.eq_ignore_ascii_case("mjcf"))
}

/// The files that an MJCF text refers to, as they are written there; None where it is no well-formed XML.
fn references(text: &str) -> Option<Vec<String>> {
    // An included file may hold several root elements; a wrapper makes it one document.
    let body = text.trim_start_matches('\u{feff}');
    let body = body.find("?>").filter(|_| body.trim_start().starts_with("<?xml")).map_or(body, |i| &body[i + 2..]);
    let wrapped = format!("<root>{body}</root>");
    let document = roxmltree::Document::parse(&wrapped).ok()?;
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    let files = |node: roxmltree::Node<'_, '_>| -> Vec<String> {
        let files = node.attributes().filter(|a| a.name().starts_with("file") && !a.value().is_empty());
        files.map(|a| a.value().to_owned()).collect()
    };
    Some(elements.flat_map(files).collect())
}
