//! Arrays of numbers as text of a page: little-endian, by planes of their bytes, deflated (zlib), in base64. `page/data.js` reads it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;

/// A type of numbers that the page reads.
pub(super) trait Number: bytemuck::Pod {
    /// Its name there.
    const NAME: &'static str;
}

macro_rules! numbers {
    ($($t:ident)*) => { $( impl Number for $t { const NAME: &'static str = stringify!($t); } )* };
}

numbers! { u8 i16 u16 u32 f32 f64 }

/// Where an array is among the bytes of its pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Place {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    at: usize,
    length: usize,
}

/// Arrays that are read together.
#[derive(Debug, Default)]
pub(super) struct Pack {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// A pack as the page has it.
#[derive(Debug)]
pub(super) struct Packed {
    /// Where its arrays are, as JSON.
    pub(super) places: serde_json::Value,
    /// All of them.
    pub(super) base64: String,
}

impl Pack {
    /// Adds an array.
    pub(super) fn add<T: Number>(&mut self, name: &'static str, values: &[T]) {
        let (size, bytes) = (size_of::<T>(), bytemuck::cast_slice::<T, u8>(values));
        self.places.push(Place { name, kind: T::NAME, at: self.bytes.len(), length: values.len() });
        self.bytes.reserve(bytes.len());
        for plane in 0..size {
            self.bytes.extend(bytes.iter().skip(plane).step_by(size));
        }
    }

    /// Adds a matrix of `n` rows by its columns, one after the other.
    pub(super) fn add_by_column<T: Number>(&mut self, name: &'static str, rows: &[T], n: usize) {
        let columns = rows.len().checked_div(n).unwrap_or(0);
        let turned = (0..columns).flat_map(|column| (0..n).map(move |row| rows[row * columns + column]));
        self.add(name, &turned.collect::<Vec<T>>());
    }

    /// What goes into the page.
    pub(super) fn packed(&self) -> Result<Packed, serde_json::Error> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(7));
        // Into memory, which takes everything.
        let _ = encoder.write_all(&self.bytes);
        let base64 = STANDARD.encode(encoder.finish().unwrap_or_default());
        Ok(Packed { places: serde_json::to_value(&self.places)?, base64 })
    }
}

/// Of so many bytes of base64, how many come from this many.
pub(super) fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}
