//! What a file is, by its first bytes.

use std::io::Read;
use std::path::Path;

/// How much of a file tells what it is.
const HEAD: u64 = 4096;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A page.
    Html,
    /// A drawing.
    Svg,
    /// A picture, or several that move.
    Png,
    /// A video.
    Mp4,
    /// A table: text with a comma in its first line that is no comment (`#`).
    Csv,
    /// A JSON object.
    Json,
    /// A table.
    Parquet,
    /// XML that is neither a page nor a drawing, such as a model.
    Xml,
    /// A recording, or another HDF5 file.
    Hdf5,
    /// Text without any of these beginnings.
    Text,
    /// Anything else.
    Data,
}

impl FileKind {
    /// For people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Html => "an HTML page",
            Self::Svg => "an SVG drawing",
            Self::Png => "a PNG picture",
            Self::Mp4 => "an MP4 video",
            Self::Csv => "a CSV table",
            Self::Json => "a JSON file",
            Self::Parquet => "a Parquet table",
            Self::Xml => "an XML file",
            Self::Hdf5 => "an HDF5 file",
            Self::Text => "a text file",
            Self::Data => "a file of data",
        }
    }

    /// The kind of a file that is there; None for an empty one.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn of(file: &Path) -> std::io::Result<Option<Self>> {
        let mut head = Vec::new();
        std::fs::File::open(file)?.take(HEAD).read_to_end(&mut head)?;
        Ok(Self::of_bytes(&head))
    }

    /// Whether a file may stand where one of this kind belongs: it is of this kind, or empty, or not there.
    pub fn fits(self, file: &Path) -> bool {
        match Self::of(file) {
            Ok(found) => found.is_none_or(|found| found == self),
            Err(e) => e.kind() == std::io::ErrorKind::NotFound,
        }
    }

    fn of_bytes(head: &[u8]) -> Option<Self> {
        if head.is_empty() {
            return None;
        }
        for (start, kind) in
            [(&b"\x89HDF\r\n\x1a\n"[..], Self::Hdf5), (b"\x89PNG", Self::Png), (b"PAR1", Self::Parquet)]
        {
            if head.starts_with(start) {
                return Some(kind);
            }
        }
        if head.get(4..8) == Some(b"ftyp") {
            return Some(Self::Mp4);
        }
        // A letter that the end of the head cuts in two is text all the same.
        let text = match std::str::from_utf8(head) {
            Ok(text) => text,
            Err(e) if e.error_len().is_none() => std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or_default(),
            Err(_) => return Some(Self::Data),
        };
        if text.contains('\0') {
            return Some(Self::Data);
        }
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let begins = |start: &str| text.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start));
        Some(if begins("<!doctype html") || begins("<html") {
            Self::Html
        } else if begins("<svg") {
            Self::Svg
        } else if begins("<") {
            Self::Xml
        } else if begins("{") {
            Self::Json
        } else if text.lines().find(|line| !line.starts_with('#')).is_none_or(|line| line.contains(',')) {
            Self::Csv
        } else {
            Self::Text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        for (head, kind) in [
            (&b"\x89HDF\r\n\x1a\n\0\0"[..], Some(FileKind::Hdf5)),
            (b"\x89PNG\r\n", Some(FileKind::Png)),
            (b"PAR1", Some(FileKind::Parquet)),
            (b"\0\0\0\x20ftypisom", Some(FileKind::Mp4)),
            (b"", None),
            (b"<!DOCTYPE html><html>", Some(FileKind::Html)),
            (b"<svg xmlns=", Some(FileKind::Svg)),
            (b"<mujoco model=\"x\"/>", Some(FileKind::Xml)),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?>", Some(FileKind::Xml)),
            (b"{\"a\": 1}", Some(FileKind::Json)),
            (b"# made by\ntask,nv\na,1\n", Some(FileKind::Csv)),
            (b"my notes\n", Some(FileKind::Text)),
            (b"[record]\nseed = 1\n", Some(FileKind::Text)),
            (b"PK\x03\x04\0\0", Some(FileKind::Data)),
            (b"\xff\xfe", Some(FileKind::Data)),
        ] {
            assert_eq!(FileKind::of_bytes(head), kind, "{:?}", String::from_utf8_lossy(head));
        }
        // Cut within a letter.
        assert_eq!(FileKind::of_bytes(&"a,ü".as_bytes()[..3]), Some(FileKind::Csv));
    }
}
