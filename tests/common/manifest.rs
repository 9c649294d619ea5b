//! The manifest of a sweep and other JSON with a checksum, and what becomes of it when what it says is changed.

use dynsparse::seal;
use serde_json::Value;

use super::bytes::{damage, one_in};
use super::{Dice, json};

/// As [`changed`], by a seed.
pub(crate) fn mutate(file: &[u8], seed: u64) -> Vec<u8> {
    changed(file, &mut Dice(seed))
}

/// A JSON file with values changed and, mostly, a checksum that is right again where it had one: what it says must be refused, not
/// only its damage. Sometimes any bytes.
pub(crate) fn changed(file: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = file.to_vec();
    if !one_in(dice, 5)
        && let Ok(document) = serde_json::from_slice::<Value>(&bytes)
    {
        let had_one = document.get(seal::FIELD).is_some();
        let document = json::damage(&document, dice);
        bytes = if had_one && !one_in(dice, 5) { sealed(document) } else { document.to_string().into_bytes() };
    }
    if one_in(dice, 4) { damage(&bytes, dice) } else { bytes }
}

/// A document with the checksum that it should have.
pub(crate) fn sealed(mut document: Value) -> Vec<u8> {
    match document.as_object_mut() {
        Some(fields) => drop(fields.remove(seal::FIELD)),
        None => return document.to_string().into_bytes(),
    }
    seal::pretty(&document).expect("JSON").into_bytes()
}
