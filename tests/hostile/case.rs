//! One input: files, and the commands that get to read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::Place;

/// Files by their name in a fresh folder.
pub(crate) type Files = BTreeMap<String, Arc<Vec<u8>>>;

/// An input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    /// All files.
    pub(crate) files: Files,
    /// The names of those that are hostile; only these are made smaller.
    pub(crate) hostile: Vec<String>,
    /// Files that a command may rightly write again; all others must be as they were.
    pub(crate) written: Vec<String>,
    /// Arguments of the program, one command after the other.
    pub(crate) commands: Vec<Vec<String>>,
    /// What must not come out differently.
    pub(crate) same: Option<Same>,
    /// The hostile file before it was damaged, where it has the same length.
    pub(crate) undamaged: Option<Arc<Vec<u8>>>,
    /// What was done, in words, where the generator knows.
    pub(crate) what: String,
}

/// If the first command accepts the input, the second must say what it says of the undamaged one.
#[derive(Debug, Clone)]
pub(crate) struct Same {
    /// Position of the command that judges.
    pub(crate) accepted: usize,
    /// Position of the command that is compared.
    pub(crate) said: usize,
    /// What it says on stdout of the undamaged input.
    pub(crate) expected: Arc<Vec<u8>>,
}

impl Case {
    /// With one hostile file.
    pub(crate) fn of(name: &str, bytes: Vec<u8>) -> Self {
        let mut case = Self::default();
        case.hostile.push(name.to_owned());
        case.with(name, bytes)
    }

    pub(crate) fn with(mut self, name: &str, bytes: impl Into<Arc<Vec<u8>>>) -> Self {
        self.files.insert(name.to_owned(), bytes.into());
        self
    }

    /// A command, its arguments separated by blanks.
    pub(crate) fn command(mut self, arguments: &str) -> Self {
        self.commands.push(arguments.split(' ').map(str::to_owned).collect());
        self
    }

    /// A fresh folder with the files.
    pub(crate) fn place(&self) -> Place {
        let place = Place::new();
        for (name, bytes) in &self.files {
            let path = place.path(name);
            let folder = path.parent().expect("below a folder");
            std::fs::create_dir_all(folder).expect("a folder is made");
            std::fs::write(&path, bytes.as_slice()).expect("a file is written");
        }
        place
    }

    /// Bytes of all files.
    pub(crate) fn stored(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }
}

/// Every file of a folder by its name, as seeds are kept.
pub(crate) fn files_of(place: &Place) -> Files {
    let listing = place.listing().into_iter().filter(|(name, _)| place.path(&name.to_string_lossy()).is_file());
    listing.map(|(name, bytes)| (name.to_string_lossy().into_owned(), Arc::new(bytes))).collect()
}
