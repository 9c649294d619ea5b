//! Chunk compression that any HDF5 reads: the standard shuffle filter, then a zlib stream.
//!
//! Most bytes of a Jacobian are mantissa noise that deflate only burns time on, and what is left compresses
//! by its statistics, not by repetitions. After shuffling, each byte plane is judged by its entropy and either
//! stored or coded with Huffman codes and runs; both are ordinary deflate blocks of one zlib stream (RFC 1950,
//! 1951), so the file needs no special reader. On Jacobians this is several times as fast as deflate over
//! everything, at nearly the same size (`cargo bench --bench codec`).

use serde::{Deserialize, Serialize};
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Strategy};

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Keeps up with the Jacobians: a few percent of the recording's time.
    #[default]
    Fast,
    /// Deflate level 6 on every byte: smaller files, several times slower.
    Small,
}

/// The gzip level written into the dataset's filter, for information only.
pub(super) const NOMINAL_LEVEL: u8 = 2;

/// Above this entropy (share of 8 bits per byte) a plane is stored as it is.
const STORE_ABOVE: f64 = 0.7;

/// Entropy is judged on blocks of this many bytes, one in [`SAMPLE_EVERY`].
const SAMPLE_BLOCK: usize = 256;
const SAMPLE_EVERY: usize = 8;

/// The longest stored block of deflate.
const STORED_MAX: usize = 65_535;

/// A raw deflate stream with a 32 KiB window: zlib's header and checksum are written here.
const RAW_WINDOW: i32 = -15;

/// Compresses chunks; keeps its buffers.
pub struct Encoder {
    effort: Effort,
    deflate: Deflate,
    shuffled: Vec<u8>,
    /// Space for the result, never shrunk, so that it is not cleared for every chunk; `end` bytes are used.
    out: Vec<u8>,
    end: usize,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("effort", &self.effort).finish_non_exhaustive()
    }
}

impl Encoder {
    /// A new encoder.
    pub fn new(effort: Effort) -> Self {
        let (level, strategy) = match effort {
            Effort::Fast => (1, Strategy::Rle),
            Effort::Small => (6, Strategy::Default),
        };
        let config = DeflateConfig { level, strategy, window_bits: RAW_WINDOW, ..DeflateConfig::default() };
        Self { effort, deflate: Deflate::new_with_config(config), shuffled: Vec::new(), out: Vec::new(), end: 0 }
    }

    /// The filtered bytes of a chunk of `item`-byte values.
    pub fn encode(&mut self, chunk: &[u8], item: usize) -> &[u8] {
        shuffle(chunk, item, &mut self.shuffled);
        let shuffled = std::mem::take(&mut self.shuffled);
        self.end = 0;
        // CMF: deflate with a 32 KiB window; FLG: makes the pair a multiple of 31.
        self.put(&[0x78, 0x01]);
        let plane = if item > 1 { (chunk.len() / item).max(1) } else { chunk.len().max(1) };
        // Neighbouring planes that are coded make one stream; a stored one between them breaks it.
        let mut coded = 0;
        let mut start = 0;
        for bytes in shuffled.chunks(plane) {
            if self.effort == Effort::Fast && entropy(bytes) > STORE_ABOVE {
                self.code(&shuffled[start - coded..start]);
                self.store(bytes);
                coded = 0;
            } else {
                coded += bytes.len();
            }
            start += bytes.len();
        }
        self.code(&shuffled[start - coded..]);
        // An empty final block ends the stream.
        self.put(&[1, 0, 0, 0xff, 0xff]);
        self.put(&simd_adler32::adler32(&shuffled.as_slice()).to_be_bytes());
        self.shuffled = shuffled;
        &self.out[..self.end]
    }

    /// At least `n` bytes of space behind what is used.
    fn space(&mut self, n: usize) -> &mut [u8] {
        if self.out.len() < self.end + n {
            self.out.resize(self.end + n, 0);
        }
        &mut self.out[self.end..]
    }

    fn put(&mut self, bytes: &[u8]) {
        self.space(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    fn store(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(STORED_MAX) {
            let n = block.len() as u16;
            self.put(&[0]);
            self.put(&n.to_le_bytes());
            self.put(&(!n).to_le_bytes());
            self.put(block);
        }
    }

    /// Deflate blocks that end on a byte (sync flush), so that anything may follow.
    fn code(&mut self, mut bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.deflate.reset();
        loop {
            let room = bytes.len() + bytes.len() / 8 + 256;
            self.space(room);
            let (before_in, before_out) = (self.deflate.total_in(), self.deflate.total_out());
            let target = &mut self.out[self.end..self.end + room];
            let status = self.deflate.compress(bytes, target, DeflateFlush::SyncFlush);
            debug_assert!(status.is_ok(), "deflate into a fresh buffer");
            bytes = &bytes[(self.deflate.total_in() - before_in) as usize..];
            let written = (self.deflate.total_out() - before_out) as usize;
            self.end += written;
            if bytes.is_empty() && written < room {
                return;
            }
        }
    }
}

/// HDF5's shuffle filter: all first bytes, then all second bytes, ...
fn shuffle(bytes: &[u8], item: usize, out: &mut Vec<u8>) {
    out.clear();
    if item == 8 {
        out.resize(bytes.len(), 0);
        let n = bytes.len() / 8;
        for (p, plane) in out.chunks_exact_mut(n.max(1)).take(8).enumerate() {
            for (to, value) in plane.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *to = value[p];
            }
        }
    } else {
        for p in 0..item {
            out.extend(bytes.iter().skip(p).step_by(item));
        }
    }
}

/// Shannon entropy of the bytes' histogram, as a share of 8 bits, from a fixed sample of them.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [[0u32; 256]; 4];
    let mut n = 0;
    for block in bytes.chunks(SAMPLE_BLOCK).step_by(SAMPLE_EVERY) {
        n += block.len();
        // Four tables, so that equal neighbours do not wait for each other's increment.
        let (quads, rest) = block.as_chunks::<4>();
        for quad in quads {
            for (count, byte) in counts.iter_mut().zip(quad) {
                count[*byte as usize] += 1;
            }
        }
        for byte in rest {
            counts[0][*byte as usize] += 1;
        }
    }
    let n = n as f64;
    let bits: f64 = (0..256)
        .map(|i| f64::from(counts.iter().map(|c| c[i]).sum::<u32>()))
        .filter(|c| *c > 0.0)
        .map(|c| -c * libm::log2(c / n))
        .sum();
    bits / n / 8.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::{Decoder, decode};

    proptest! {
        #[test]
        fn what_is_encoded_decodes(values in proptest::collection::vec(any::<f64>(), 1..2000), small in any::<bool>()) {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let effort = if small { Effort::Small } else { Effort::Fast };
            for item in [1, 4, 8] {
                let filtered = Encoder::new(effort).encode(&bytes, item).to_vec();
                prop_assert_eq!(decode(&filtered, item, bytes.len()).unwrap(), bytes.clone());
            }
        }
    }

    #[test]
    fn long_planes_of_every_kind_survive() {
        let mut noise = crate::rng::Stream::new(0, "codec", 0);
        let mixed: Vec<u8> =
            (0..300_000).flat_map(|i| (if i % 3 == 0 { 0.0 } else { noise.uniform() }).to_le_bytes()).collect();
        let zeros = vec![0u8; 2_400_000];
        for bytes in [mixed, zeros] {
            let mut encoder = Encoder::new(Effort::Fast);
            let first = encoder.encode(&bytes, 8).to_vec();
            assert_eq!(encoder.encode(&bytes, 8), first, "an encoder keeps nothing from chunk to chunk");
            assert_eq!(decode(&first, 8, bytes.len()).unwrap(), bytes);
        }
    }

    #[test]
    fn a_decoder_keeps_nothing_from_chunk_to_chunk() {
        let mut decoder = Decoder::new();
        for n in [1003usize, 8, 3, 77, 0, 1003] {
            let bytes: Vec<u8> = (0..n * 8).map(|i| (i * i % 251) as u8).collect();
            let filtered = Encoder::new(Effort::Small).encode(&bytes, 8).to_vec();
            assert_eq!(decoder.decode(&filtered[..filtered.len() / 2], 8, bytes.len()), None);
            assert_eq!(decoder.decode(&filtered, 8, bytes.len()), Some(&bytes[..]));
        }
    }

    #[test]
    fn filters_that_were_left_out_are_not_undone() {
        let bytes: Vec<u8> = (0..1000u32).flat_map(|i| f64::from(i).to_le_bytes()).collect();
        let mut shuffled = Vec::new();
        shuffle(&bytes, 8, &mut shuffled);
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode_masked(&shuffled, 8, bytes.len(), 2), Some(&bytes[..]));
        assert_eq!(decoder.decode_masked(&bytes, 8, bytes.len(), 3), Some(&bytes[..]));
        assert_eq!(decoder.decode_masked(&bytes[1..], 8, bytes.len(), 3), None);
    }

    #[test]
    fn damage_is_noticed() {
        let bytes: Vec<u8> = (0..1000u32).flat_map(|i| f64::from(i).to_le_bytes()).collect();
        let mut filtered = Encoder::new(Effort::Fast).encode(&bytes, 8).to_vec();
        let middle = filtered.len() / 2;
        filtered[middle] ^= 1;
        assert_eq!(decode(&filtered, 8, bytes.len()), None);
    }
}
