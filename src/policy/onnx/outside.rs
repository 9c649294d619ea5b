//! Numbers of a network that lie beside it: newer exporters write the weights of `policy.onnx` to `policy.onnx.data`.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::{BYTES, proto};
use crate::bounded::{self, word};

/// Files beside the network, by their names in it.
#[derive(Debug, Default)]
pub(super) struct Outside {
    files: BTreeMap<String, Vec<u8>>,
    /// Where they lie.
    pub(super) places: Vec<PathBuf>,
}

/// What an entry of a tensor says.
fn entry<'a>(t: &'a proto::Tensor, key: &str) -> Option<&'a str> {
    t.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str())
}

impl Outside {
    /// Reads the files that the tensors of a network at `path` name: in its own folder, or in one below it.
    ///
    /// # Errors
    /// A reason where a file is elsewhere, cannot be read, or they are too large together.
    pub(super) fn read(path: &Path, tensors: &[proto::Tensor]) -> Result<Self, String> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (mut files, mut places) = (BTreeMap::new(), Vec::new());
        let mut left = BYTES;
        for t in tensors.iter().filter(|t| t.data_location != 0) {
            let location = entry(t, "location").unwrap_or_default();
            if files.contains_key(location) {
                continue;
            }
            let shown = word(location);
            let plain = |part| matches!(part, Component::Normal(_));
            if location.is_empty() || !Path::new(location).components().all(plain) {
                return Err(format!(
                    "its tensor \"{}\" lies in the file \"{shown}\", which is not in the network's folder: save the model as \
                     one file",
                    word(&t.name)
                ));
            }
            let file = folder.join(location);
            let inside = || Some(file.canonicalize().ok()?.starts_with(folder.canonicalize().ok()?));
            if inside() == Some(false) {
                return Err(format!(
                    "its numbers lie in the file \"{shown}\", a link that leads out of the network's folder"
                ));
            }
            let bytes = bounded::read(&file, left).map_err(|e| {
                format!(
                    "its numbers lie in the file \"{shown}\" beside it, which cannot be read: {e}; copy both together"
                )
            })?;
            left -= bytes.len() as u64;
            files.insert(location.to_owned(), bytes);
            places.push(file);
        }
        Ok(Self { files, places })
    }

    /// The bytes of a tensor, where they do not lie in the network's own file.
    ///
    /// # Errors
    /// A reason where its offset or length are no numbers or lead out of the file.
    pub(super) fn of(&self, t: &proto::Tensor) -> Result<Option<&[u8]>, String> {
        if t.data_location == 0 {
            return Ok(None);
        }
        let location = entry(t, "location").unwrap_or_default();
        let all = self.files.get(location).map_or(&[][..], Vec::as_slice);
        let number = |key: &str| match entry(t, key) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| format!("its {key} is \"{}\", no number", word(text))),
        };
        let offset: usize = number("offset")?.unwrap_or(0);
        let end = number("length")?.map_or(Some(all.len()), |length: usize| offset.checked_add(length));
        let part = end.and_then(|end| all.get(offset..end));
        part.map(Some).ok_or_else(|| {
            format!("it lies beyond the end of \"{}\", which has {} bytes: copy it again", word(location), all.len())
        })
    }

    /// All bytes behind those of the network's file, file by file in the order of their names, as `cat` shows them.
    pub(super) fn append_to(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for file in self.files.values() {
            bytes.extend_from_slice(file);
        }
        bytes
    }
}
