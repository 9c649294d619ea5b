//! Where a model comes from: a file on disk with what it refers to, or a set of named files in memory.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Model, PhysicsError};

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
}

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
        match self {
            Self::Memory { main, files } => Model::from_files(main, files),
            Self::Disk(path) => Model::from_path(path),
        }
    }

    /// The main file's name in [`ModelSource::files`] and all files, so that they can be stored with a
    /// recording and the model built again without the disk.
    ///
    /// # Errors
    /// [`PhysicsError::File`] when a file cannot be read.
    pub fn files(&self) -> Result<(String, Vec<SourceFile>), PhysicsError> {
        match self {
            Self::Memory { main, files } => Ok((
                main.clone(),
                files.iter().map(|(name, bytes)| SourceFile { name: name.clone(), bytes: bytes.clone() }).collect(),
            )),
            Self::Disk(path) => disk_files(path),
        }
    }
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
        waiting.extend(references.files.iter().filter_map(bare));
    }
    needed
}

/// SHA-256 as lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The main file and everything it refers to, named relative to their deepest common folder.
fn disk_files(main: &Path) -> Result<(String, Vec<SourceFile>), PhysicsError> {
    let absolute = |p: &Path| {
        p.canonicalize().map_err(|e| PhysicsError::File { file: p.display().to_string(), message: e.to_string() })
    };
    let main = absolute(main)?;
    let mut found: BTreeMap<PathBuf, Arc<[u8]>> = BTreeMap::new();
    let mut scan = Scan { folder: main.parent().unwrap_or(Path::new("/")).to_owned(), found: &mut found };
    scan.visit(&main)?;

    let mut root: Vec<Component<'_>> = main.parent().unwrap_or(Path::new("/")).components().collect();
    for path in found.keys() {
        let shared = root.iter().zip(path.components()).take_while(|(a, b)| **a == *b).count();
        root.truncate(shared);
    }
    let root: PathBuf = root.into_iter().collect();
    let relative = |p: &Path| p.strip_prefix(&root).unwrap_or(p).to_string_lossy().into_owned();
    let files = found.iter().map(|(path, bytes)| SourceFile { name: relative(path), bytes: bytes.clone() }).collect();
    Ok((relative(&main), files))
}

/// Walks the references of an MJCF file. MuJoCo itself has resolved them before this runs, so a
/// reference that is not found here was not needed, or resolves in a way that `verify` will report.
struct Scan<'a> {
    folder: PathBuf,
    found: &'a mut BTreeMap<PathBuf, Arc<[u8]>>,
}

impl Scan<'_> {
    fn visit(&mut self, path: &Path) -> Result<(), PhysicsError> {
        if self.found.contains_key(path) {
            return Ok(());
        }
        let bytes = std::fs::read(path)
            .map_err(|e| PhysicsError::File { file: path.display().to_string(), message: e.to_string() })?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        self.found.insert(path.to_owned(), bytes.into());
        if !is_mjcf(path) {
            return Ok(());
        }
        let Some(references) = references(&text) else {
            tracing::debug!(file = %path.display(), "not scanned for references: not well-formed XML");
            return Ok(());
        };
        let mut folders = vec![self.folder.clone(), path.parent().unwrap_or(&self.folder).to_owned()];
        for dir in &references.folders {
            folders.push(self.folder.join(dir));
            folders.push(path.parent().unwrap_or(&self.folder).join(dir));
        }
        for file in &references.files {
            let target =
                folders.iter().map(|f| f.join(file)).find_map(|p| p.canonicalize().ok().filter(|p| p.is_file()));
            if let Some(target) = target {
                self.visit(&target)?;
            } else {
                tracing::debug!(reference = file, file = %path.display(), "reference not found beside the model");
            }
        }
        Ok(())
    }
}

fn is_mjcf(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xml") || e.eq_ignore_ascii_case("mjcf"))
}

/// What an MJCF file refers to, as it is written there.
struct References {
    files: Vec<String>,
    /// Where its compiler element looks for them.
    folders: Vec<String>,
}

/// The references of an MJCF text; None where it is no well-formed XML.
fn references(text: &str) -> Option<References> {
    // An included file may hold several root elements; a wrapper makes it one document.
    let body = text.trim_start_matches('\u{feff}');
    let body = body.find("?>").filter(|_| body.trim_start().starts_with("<?xml")).map_or(body, |i| &body[i + 2..]);
    let wrapped = format!("<root>{body}</root>");
    let document = roxmltree::Document::parse(&wrapped).ok()?;
    let mut found = References { files: Vec::new(), folders: Vec::new() };
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let files = node.attributes().filter(|a| a.name().starts_with("file") && !a.value().is_empty());
        found.files.extend(files.map(|a| a.value().to_owned()));
        if node.has_tag_name("compiler") {
            let folders = ["assetdir", "meshdir", "texturedir"].into_iter().filter_map(|a| node.attribute(a));
            found.folders.extend(folders.map(str::to_owned));
        }
    }
    Some(found)
}
