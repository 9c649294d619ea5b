//! Files of weights, and what becomes of them when header or body are changed.

use dynsparse::seal::sha256_hex;
use serde_json::Value;

use super::bytes::{damage, one_in};
use super::{Dice, json};

/// As [`changed`], mostly with a checksum that is right again.
pub(crate) fn mutate(file: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let bytes = changed(file, &mut dice);
    if one_in(&mut dice, 5) { bytes } else { sealed(&bytes).unwrap_or(bytes) }
}

/// A file of weights with fields of its header, its notes or its numbers changed.
pub(crate) fn changed(file: &[u8], dice: &mut Dice) -> Vec<u8> {
    match (dice.below(5), parts(file)) {
        // What is said of the matrices.
        (0 | 1, Some((header, body))) => joined(&json::damage(&header, dice), body),
        (2 | 3, Some((mut header, body))) => {
            // What is said of the run.
            let notes =
                header["__metadata__"]["dynsparse"].as_str().and_then(|t| serde_json::from_str::<Value>(t).ok());
            let mut notes = json::damage(&notes.unwrap_or_default(), dice);
            if let Some(fields) = notes.as_object_mut() {
                // It comes first, and is written anew.
                fields.remove("sha256");
                let rest = notes.to_string();
                let sum = "0".repeat(64);
                header["__metadata__"]["dynsparse"] = format!("{{\"sha256\":\"{sum}\",{}", &rest[1..]).into();
            }
            joined(&header, body)
        }
        _ => damage(file, dice),
    }
}

/// The header as JSON, and what lies behind it.
fn parts(file: &[u8]) -> Option<(Value, &[u8])> {
    let length = usize::try_from(u64::from_le_bytes(*file.first_chunk()?)).ok()?;
    Some((serde_json::from_slice(file.get(8..8 + length)?).ok()?, &file[8 + length..]))
}

fn joined(header: &Value, body: &[u8]) -> Vec<u8> {
    let mut header = header.to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), body].concat()
}

/// The file with the checksum that it should have: over the whole file, with zeros in the checksum's own place. None where it has
/// no such place.
pub(crate) fn sealed(file: &[u8]) -> Option<Vec<u8>> {
    let mark = br#"{\"sha256\":\""#;
    let at = file.windows(mark.len()).position(|w| w == mark)? + mark.len();
    let mut bytes = file.to_vec();
    bytes.get_mut(at..at + 64)?.fill(b'0');
    let sum = sha256_hex(&bytes);
    bytes[at..at + 64].copy_from_slice(sum.as_bytes());
    Some(bytes)
}

/// The file as it was before there were checksums.
pub(crate) fn unsealed(file: &[u8]) -> Vec<u8> {
    let (mut header, body) = parts(file).expect("a file of weights");
    let notes = header["__metadata__"]["dynsparse"].as_str().expect("notes");
    let mut notes: Value = serde_json::from_str(notes).expect("JSON");
    notes.as_object_mut().expect("an object").remove("sha256");
    header["__metadata__"]["dynsparse"] = notes.to_string().into();
    joined(&header, body)
}
