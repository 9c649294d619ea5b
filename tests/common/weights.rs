//! Files of weights, and what becomes of them when header or body are changed.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Dice;
use super::fuzz::{change, damage};

/// A file of weights with fields of its header, its notes or its numbers changed and, mostly, a checksum that is right again.
pub(crate) fn mutate(file: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut bytes = file.to_vec();
    match (dice.below(5), parts(file)) {
        (0 | 1, Some((mut header, body))) => {
            // What is said of the matrices.
            change(&mut header, &mut dice);
            bytes = joined(&header, body);
        }
        (2 | 3, Some((mut header, body))) => {
            // What is said of the run.
            let notes =
                header["__metadata__"]["dynsparse"].as_str().and_then(|t| serde_json::from_str::<Value>(t).ok());
            let mut notes = notes.unwrap_or_default();
            change(&mut notes, &mut dice);
            if let Some(fields) = notes.as_object_mut() {
                // It comes first, and is written anew.
                fields.remove("sha256");
                let rest = notes.to_string();
                let sum = "0".repeat(64);
                header["__metadata__"]["dynsparse"] = format!("{{\"sha256\":\"{sum}\",{}", &rest[1..]).into();
            }
            bytes = joined(&header, body);
        }
        _ => bytes = damage(&bytes, &mut dice),
    }
    if dice.below(5) > 0 { sealed(bytes) } else { bytes }
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

/// The file with the checksum that it should have, where there is a place for one.
pub(crate) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mark = br#"{\"sha256\":\""#;
    let Some(at) = bytes.windows(mark.len()).position(|w| w == mark).map(|at| at + mark.len()) else { return bytes };
    let Some(place) = bytes.get_mut(at..at + 64) else { return bytes };
    place.fill(b'0');
    let sum: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    bytes[at..at + 64].copy_from_slice(sum.as_bytes());
    bytes
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
