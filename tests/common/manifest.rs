//! The manifest of a sweep, and what becomes of it when what it says is changed.

use serde_json::Value;

use super::Dice;
use super::fuzz::{change, damage};

/// A manifest, or another JSON file with a checksum, with values changed and, mostly, a checksum that is right again: what it
/// says must be refused, not only its damage.
pub(crate) fn mutate(file: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut bytes = file.to_vec();
    if dice.below(5) > 0
        && let Ok(mut document) = serde_json::from_slice::<Value>(&bytes)
    {
        change(&mut document, &mut dice);
        bytes = if dice.below(5) > 0 { sealed(document) } else { document.to_string().into_bytes() };
    }
    if dice.below(4) == 0 { damage(&bytes, &mut dice) } else { bytes }
}

/// A document with the checksum that it should have.
pub(crate) fn sealed(mut document: Value) -> Vec<u8> {
    match document.as_object_mut() {
        Some(fields) => drop(fields.remove(dynsparse::seal::FIELD)),
        None => return document.to_string().into_bytes(),
    }
    dynsparse::seal::pretty(&document).expect("JSON").into_bytes()
}
