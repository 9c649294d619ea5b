//! What follows from input has a bound: files that are read whole, numbers in settings, words of a file in a message.

use std::fmt::{Debug, Display};
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::ops::RangeInclusive;
use std::path::Path;

use crate::text;

/// Bytes of a file of settings or of a manifest, at most.
pub const TEXT: u64 = 64 << 20;

/// Elements of a list and characters of a word that a message shows.
const SHOWN: usize = 8;
const LETTERS: usize = 60;
const SENTENCE: usize = 2000;

/// Opens a regular file.
///
/// # Errors
/// As [`File::open`]; [`ErrorKind::InvalidInput`] for what is no regular file, which may never end.
pub fn open(path: &Path) -> std::io::Result<File> {
    // Asked before it is opened: opening a pipe waits for somebody to write.
    let about = std::fs::metadata(path)?;
    if about.is_dir() {
        return Err(Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    if !about.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is a device or a pipe: give a regular file"));
    }
    File::open(path)
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As [`std::fs::read`]; [`ErrorKind::InvalidInput`] for what is no regular file, which may never end, and
/// [`ErrorKind::FileTooLarge`].
pub fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let large = |bytes: u64| Error::new(ErrorKind::FileTooLarge, format!("it has {bytes} bytes, more than {most}"));
    let file = open(path)?;
    let size = file.metadata()?.len();
    if size > most {
        return Err(large(size));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX)).map_err(Error::other)?;
    // It may grow, and some file systems tell no size.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(large(bytes.len() as u64)) } else { Ok(bytes) }
}

/// As [`read`], of text in UTF-8 of at most [`TEXT`] bytes.
///
/// # Errors
/// As [`read`]; [`ErrorKind::InvalidData`] for bytes that are no UTF-8.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    String::from_utf8(read(path, TEXT)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

/// Refuses a setting outside of its range, and NaN.
///
/// # Errors
/// One line with the setting, its value and the range.
pub fn within<T: PartialOrd + Display>(name: &str, value: T, range: &RangeInclusive<T>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = (range.start(), range.end());
    Err(format!("{name} is {value}; it must be {least} to {most}"))
}

/// Refuses settings whose product is above `most`.
///
/// # Errors
/// One line with the settings, their values and the bound.
pub fn product(factors: &[(&str, u64)], most: u64, of: &str) -> Result<(), String> {
    let all = factors.iter().try_fold(1u64, |all, (_, x)| all.checked_mul(*x));
    if all.is_some_and(|all| all <= most) {
        return Ok(());
    }
    let names = factors.iter().map(|(name, x)| format!("{name} {x}")).collect::<Vec<_>>().join(" x ");
    Err(format!("{names} is more than {most} {of}: lower one of them"))
}

/// A list as a message shows it: no longer than a line.
pub fn listed<T: Debug>(list: &[T]) -> String {
    match list.get(..SHOWN) {
        Some(first) if list.len() > SHOWN => format!("{first:?} and {} more", list.len() - SHOWN),
        _ => format!("{list:?}"),
    }
}

/// The name that is nearest to a word, by letters that are added, left out, changed or swapped; and how many.
pub fn closest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<(usize, &'n str)> {
    names.into_iter().map(|name| (strsim::damerau_levenshtein(name, word), name)).min()
}

/// As [`closest`], where so few letters differ that it may be meant.
pub fn meant<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    closest(word, names).filter(|(letters, _)| *letters <= 3).map(|(_, name)| name)
}

/// The key that a reader of TOML does not know, and those that it does, from what it says of it; None where it says something else.
pub fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let (unknown, known) = message.strip_prefix("unknown field `")?.split_once('`')?;
    Some((unknown, known.split('`').skip(1).step_by(2).collect()))
}

/// The line of a text in which a byte is, from 1.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

/// A word of a file as a message shows it: on one line, without what a terminal obeys, and not too long.
pub fn word(text: &str) -> String {
    plain(text, LETTERS)
}

/// As [`word`], with room for a sentence.
pub fn sentence(text: &str) -> String {
    plain(text, SENTENCE)
}

fn plain(words: &str, letters: usize) -> String {
    let first: String = words.chars().take(letters).collect();
    let mut shown = text::strict(&first).into_owned();
    if words.chars().nth(letters).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_products_are_named() {
        within("steps", 3, &(1..=3)).unwrap();
        assert_eq!(within("steps", 4, &(1..=3)), Err("steps is 4; it must be 1 to 3".to_owned()));
        assert_eq!(within("lr", f64::NAN, &(0.0..=1.0)), Err("lr is NaN; it must be 0 to 1".to_owned()));
        product(&[("a", 2), ("b", 3)], 6, "rows").unwrap();
        let text = "a 2 x b 4 is more than 6 rows: lower one of them";
        assert_eq!(product(&[("a", 2), ("b", 4)], 6, "rows"), Err(text.to_owned()));
        product(&[("a", u64::MAX), ("b", u64::MAX)], u64::MAX, "rows").unwrap_err();
    }

    #[test]
    fn messages_stay_short_and_plain() {
        assert_eq!(listed(&[1, 2]), "[1, 2]");
        assert_eq!(listed(&[0; 20]), "[0, 0, 0, 0, 0, 0, 0, 0] and 12 more");
        assert_eq!(word("a b"), "a b");
        assert_eq!(word("a\u{1b}[2J\n\u{202e}b"), "a\\u001b[2J\\u000a\\u202eb");
        assert_eq!(word(&"x".repeat(100)), format!("{}…", "x".repeat(60)));
    }

    #[test]
    fn only_regular_files_of_a_known_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, b"abc").unwrap();
        assert_eq!(read(&file, 3).unwrap(), b"abc");
        assert_eq!(read(&file, 2).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read(Path::new("/dev/zero"), 9).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(folder.path(), 9).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(read(&folder.path().join("none"), 9).unwrap_err().kind(), ErrorKind::NotFound);
        std::fs::write(&file, [0xff]).unwrap();
        assert_eq!(read_text(&file).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
