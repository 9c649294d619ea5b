//! How a number is written into JSON that is read back: JSON has none that is infinite or NaN, so these are the texts
//! `inf`, `-inf` and `nan`. For `#[serde(with = "dynsparse_base::number")]` on numbers, and on options, lists and arrays of them.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number, or what holds some.
pub trait Numbers: Sized {
    /// The same with every number as it is written.
    type Wire: Serialize + for<'de> Deserialize<'de>;

    /// As it is written.
    fn to_wire(&self) -> Self::Wire;

    /// What was written so.
    fn from_wire(wire: Self::Wire) -> Self;
}

/// A number as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Wire(f64);

impl Serialize for Wire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            x if x.is_finite() => serializer.serialize_f64(x),
            x if x.is_nan() => serializer.serialize_str("nan"),
            x if x > 0.0 => serializer.serialize_str("inf"),
            _ => serializer.serialize_str("-inf"),
        }
    }
}

impl<'de> Deserialize<'de> for Wire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsWritten;

        impl Visitor<'_> for AsWritten {
            type Value = Wire;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("f64")
            }

            fn visit_f64<E: Error>(self, x: f64) -> Result<Wire, E> {
                Ok(Wire(x))
            }

            fn visit_u64<E: Error>(self, x: u64) -> Result<Wire, E> {
                Ok(Wire(x as f64))
            }

            fn visit_i64<E: Error>(self, x: i64) -> Result<Wire, E> {
                Ok(Wire(x as f64))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Wire, E> {
                match text {
                    "inf" => Ok(Wire(f64::INFINITY)),
                    "-inf" => Ok(Wire(f64::NEG_INFINITY)),
                    "nan" => Ok(Wire(f64::NAN)),
                    _ => Err(E::invalid_type(Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_any(AsWritten)
    }
}

impl Numbers for f64 {
    type Wire = Wire;

    fn to_wire(&self) -> Wire {
        Wire(*self)
    }

    fn from_wire(wire: Wire) -> Self {
        wire.0
    }
}

impl<T: Numbers> Numbers for Option<T> {
    type Wire = Option<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        self.as_ref().map(T::to_wire)
    }

    fn from_wire(wire: Self::Wire) -> Self {
        wire.map(T::from_wire)
    }
}

impl<T: Numbers> Numbers for Vec<T> {
    type Wire = Vec<T::Wire>;

    fn to_wire(&self) -> Self::Wire {
        self.iter().map(T::to_wire).collect()
    }

    fn from_wire(wire: Self::Wire) -> Self {
        wire.into_iter().map(T::from_wire).collect()
    }
}

macro_rules! arrays {
    ($($n:literal),*) => {
        $(impl<T: Numbers> Numbers for [T; $n] {
            type Wire = [T::Wire; $n];

            fn to_wire(&self) -> Self::Wire {
                self.each_ref().map(T::to_wire)
            }

            fn from_wire(wire: Self::Wire) -> Self {
                wire.map(T::from_wire)
            }
        })*
    };
}

arrays!(2, 3);

/// For serde.
///
/// # Errors
/// [`Serializer::Error`].
pub fn serialize<T: Numbers, S: Serializer>(numbers: &T, serializer: S) -> Result<S::Ok, S::Error> {
    numbers.to_wire().serialize(serializer)
}

/// For serde.
///
/// # Errors
/// As the deserializer, and for what is no number.
pub fn deserialize<'de, T: Numbers, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::Wire::deserialize(deserializer).map(T::from_wire)
}

/// Numbers as JSON text.
pub fn to_json(numbers: &impl Numbers) -> String {
    // Numbers, texts and lists; writing these cannot fail.
    serde_json::to_string(&numbers.to_wire()).unwrap_or_default()
}

/// Numbers from JSON text; None where it is something else.
pub fn from_json<T: Numbers>(text: &str) -> Option<T> {
    serde_json::from_str::<T::Wire>(text).ok().map(T::from_wire)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_has_not_comes_back() {
        let all = vec![Some([1.5, f64::INFINITY]), None, Some([f64::NEG_INFINITY, -0.0])];
        let text = to_json(&all);
        assert_eq!(text, r#"[[1.5,"inf"],null,["-inf",-0.0]]"#);
        assert_eq!(from_json::<Vec<Option<[f64; 2]>>>(&text), Some(all));
        assert!(from_json::<f64>("\"nan\"").is_some_and(f64::is_nan));
        assert_eq!(from_json::<f64>("3"), Some(3.0));
        assert_eq!(from_json::<f64>("null"), None);
        assert_eq!(from_json::<f64>("\"x\""), None);
    }
}
