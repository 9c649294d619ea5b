//! Archives of arrays as numpy writes them (.npz): a zip file with a member for each array.

use std::fs::File;
use std::io::{self, BufReader};

use npyz::npz::{array_name_from_file_name, file_name_from_array_name};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

/// The bytes of an array, its header first.
pub(crate) type Member<'a> = ZipFile<'a, BufReader<File>>;

/// An archive, open.
pub(crate) struct Archive(ZipArchive<BufReader<File>>);

impl Archive {
    /// Reads the archive's table.
    ///
    /// # Errors
    /// When the file is no archive, or a damaged one.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        ZipArchive::new(BufReader::new(file)).map(Self).map_err(|e| match e {
            ZipError::Io(e) => e,
            e => io::Error::new(io::ErrorKind::InvalidData, e.to_string()),
        })
    }

    /// The names of all arrays, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let members = self.0.file_names_raw().map(String::from_utf8_lossy);
        let mut names: Vec<String> =
            members.filter_map(|name| array_name_from_file_name(&name).map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// What is stored of an array; None where the archive has none of that name.
    ///
    /// # Errors
    /// When it is damaged, encrypted, or compressed otherwise than numpy does.
    pub(crate) fn member(&mut self, array: &str) -> io::Result<Option<Member<'_>>> {
        let damaged = |message: String| Err(io::Error::new(io::ErrorKind::InvalidData, message));
        match self.0.by_name(&file_name_from_array_name(array)) {
            Ok(member) => Ok(Some(member)),
            Err(ZipError::FileNotFound) => Ok(None),
            Err(ZipError::Io(e)) => Err(e),
            Err(ZipError::InvalidArchive(what)) => damaged(what.into_owned()),
            Err(ZipError::UnsupportedArchive(what)) => damaged(what.to_owned()),
            Err(e) => damaged(e.to_string()),
        }
    }
}
