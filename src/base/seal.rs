//! JSON files that say what they are worth: a checksum in the file, over everything else in it.
//!
//! The checksum is SHA-256 over the JSON without it, on one line, keys as they are read. It finds damage: whoever changes such
//! a file on purpose can compute it anew.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The field that holds it.
pub const FIELD: &str = "checksum";

/// Why a file cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It is not JSON, or not an object.
    #[error("is not JSON ({0})")]
    Json(String),
    /// There is no checksum in it.
    #[error("has no checksum: it is of an earlier version, or damaged")]
    Unsealed,
    /// The checksum is another one.
    #[error("does not have the checksum that it states: it is damaged, or was changed by hand")]
    Changed,
    /// The content is whole and not what is expected.
    #[error("cannot be understood ({0})")]
    Other(String),
}

/// A digest as text: lower-case hexadecimal digits.
pub fn hex(digest: &[u8]) -> String {
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 as [`hex`].
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[derive(Serialize)]
struct Sealed<'a, T> {
    #[serde(flatten)]
    content: &'a T,
    checksum: String,
}

/// A struct or an object as JSON with its checksum, for people too. The content has no field [`FIELD`].
///
/// # Errors
/// What serde says of content that is no JSON.
pub fn pretty(content: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&Sealed { content, checksum: checksum(content)? })? + "\n")
}

/// As [`pretty`], on one line.
///
/// # Errors
/// As [`pretty`].
pub fn line(content: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Sealed { content, checksum: checksum(content)? })
}

/// Over what a reader will find.
fn checksum(content: &impl Serialize) -> Result<String, serde_json::Error> {
    let read: Value = serde_json::from_str(&serde_json::to_string(content)?)?;
    Ok(sha256_hex(read.to_string().as_bytes()))
}

/// Reads JSON, not yet believed.
///
/// # Errors
/// [`Broken::Json`].
pub fn parse(bytes: &[u8]) -> Result<Value, Broken> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| Broken::Json(e.to_string()))?;
    if value.is_object() { Ok(value) } else { Err(Broken::Json("it is no object".to_owned())) }
}

/// What a sealed file holds, once its checksum is right.
///
/// # Errors
/// [`Broken`].
pub fn unseal<T: DeserializeOwned>(mut value: Value) -> Result<T, Broken> {
    let stated = value.as_object_mut().and_then(|o| o.remove(FIELD)).ok_or(Broken::Unsealed)?;
    if stated.as_str() != Some(&*sha256_hex(value.to_string().as_bytes())) {
        return Err(Broken::Changed);
    }
    T::deserialize(value).map_err(|e| Broken::Other(e.to_string()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Content {
        name: String,
        numbers: Vec<f64>,
        small: f32,
        inner: Option<Box<Content>>,
    }

    fn content() -> Content {
        let numbers = vec![0.1, 1e300, -5e-324, 1.0, 123_456_789.123_456_78];
        let inner = Content { name: "ü \"q\"".to_owned(), numbers: vec![1.0 / 3.0], small: 0.1, inner: None };
        Content { name: "a".to_owned(), numbers, small: 0.3, inner: Some(Box::new(inner)) }
    }

    #[test]
    fn what_is_sealed_is_read_and_every_flipped_bit_is_found() {
        for text in [pretty(&content()).unwrap(), line(&content()).unwrap()] {
            assert_eq!(unseal::<Content>(parse(text.as_bytes()).unwrap()).unwrap(), content());
            for bit in 0..8 * text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                // White space, and the e of an exponent, may change and mean the same.
                match parse(&bytes).and_then(unseal::<Content>) {
                    Ok(found) => assert!(found == content(), "{bit}"),
                    Err(Broken::Other(what)) => panic!("bit {bit}: {what}"),
                    Err(_) => {}
                }
            }
        }
    }

    #[test]
    fn what_is_not_sealed_is_told_from_what_is_damaged() {
        let read = |text: &str| parse(text.as_bytes()).and_then(unseal::<Value>).unwrap_err();
        assert_eq!(read("{}"), Broken::Unsealed);
        assert_eq!(read("{\"checksum\": 3}"), Broken::Changed);
        assert!(matches!(read("[1]"), Broken::Json(_)));
        assert!(matches!(read(""), Broken::Json(_)));
    }
}
