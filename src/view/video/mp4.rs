//! The container of a video (ISO/IEC 14496-12 and -15): ftyp, moov, mdat. What says where frames lie comes before them, so that
//! a player begins with the first bytes; its size follows from the number of frames, so that frames are written as they come.

use std::io::{self, Seek, SeekFrom, Write};

/// Units of time in a second.
const TIMESCALE: u32 = 90_000;

/// What a video is, before there are frames.
#[derive(Debug, Clone)]
pub(super) struct Movie {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Frames a second.
    pub(super) rate: f64,
    pub(super) frames: usize,
    /// Every so many frames is complete in itself, from the first one on.
    pub(super) key_every: usize,
}

/// The parameter sets of H.264 that all frames share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParameterSets {
    pub(super) sequence: Vec<u8>,
    pub(super) picture: Vec<u8>,
}

/// Writes frames.
pub(super) struct Writer<W> {
    out: W,
    movie: Movie,
    sets: ParameterSets,
    sizes: Vec<u32>,
}

impl<W: Write + Seek> Writer<W> {
    /// Leaves room for what says where frames lie.
    pub(super) fn new(mut out: W, movie: Movie, sets: ParameterSets) -> io::Result<Self> {
        out.seek(SeekFrom::Start(0))?;
        out.write_all(&head(&movie, &sets, &[]))?;
        Ok(Self { out, movie, sets, sizes: Vec::new() })
    }

    /// Adds a frame: its units, each behind its length.
    pub(super) fn frame(&mut self, units: &[u8]) -> io::Result<()> {
        self.out.write_all(units)?;
        self.sizes.push(u32::try_from(units.len()).map_err(|_| io::Error::other("a frame of more than 4 GB"))?);
        Ok(())
    }

    /// Says where they lie.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.sizes.len() != self.movie.frames {
            return Err(io::Error::other("a video has another number of frames than it was begun with"));
        }
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&head(&self.movie, &self.sets, &self.sizes))?;
        self.out.flush()
    }
}

/// Everything before the first frame; `sizes` is empty as long as they are not known.
fn head(movie: &Movie, sets: &ParameterSets, sizes: &[u32]) -> Vec<u8> {
    let mut out = Bytes::default();
    out.boxed(b"ftyp", |b| {
        b.raw(b"isom").u32(0x200);
        [b"isom", b"iso2", b"avc1", b"mp41"].into_iter().for_each(|brand| {
            b.raw(brand);
        });
    });
    // The same size whatever the place of the data is.
    let moov = boxed_moov(movie, sets, sizes, 0).len();
    let data = out.0.len() + moov + 16;
    out.raw(&boxed_moov(movie, sets, sizes, data as u64));
    let total = 16 + sizes.iter().map(|size| u64::from(*size)).sum::<u64>();
    out.u32(1).raw(b"mdat").u64(total);
    out.0
}

fn boxed_moov(movie: &Movie, sets: &ParameterSets, sizes: &[u32], data: u64) -> Vec<u8> {
    let ticks = (f64::from(TIMESCALE) / movie.rate).round().max(1.0) as u32;
    let duration = ticks.saturating_mul(movie.frames as u32);
    let mut out = Bytes::default();
    out.boxed(b"moov", |b| {
        b.full(b"mvhd", 0, |b| {
            b.u32(0).u32(0).u32(TIMESCALE).u32(duration).u32(0x10000).u16(0x100).zeros(10).matrix().zeros(24).u32(2);
        });
        b.boxed(b"trak", |b| {
            // Enabled, in the movie, in its preview.
            b.full(b"tkhd", 7, |b| {
                b.u32(0).u32(0).u32(1).u32(0).u32(duration).zeros(16).matrix();
                b.u32((movie.width as u32) << 16).u32((movie.height as u32) << 16);
            });
            b.boxed(b"mdia", |b| {
                // Language: undetermined.
                b.full(b"mdhd", 0, |b| {
                    b.u32(0).u32(0).u32(TIMESCALE).u32(duration).u16(0x55c4).u16(0);
                });
                b.full(b"hdlr", 0, |b| {
                    b.u32(0).raw(b"vide").zeros(12).raw(b"video\0");
                });
                b.boxed(b"minf", |b| {
                    b.full(b"vmhd", 1, |b| {
                        b.zeros(8);
                    });
                    b.boxed(b"dinf", |b| {
                        b.full(b"dref", 0, |b| {
                            b.u32(1).full(b"url ", 1, |_| {});
                        });
                    });
                    b.boxed(b"stbl", |b| samples(b, movie, sets, sizes, ticks, data));
                });
            });
        });
    });
    out.0
}

/// What samples are, and where: one after the other, in one chunk.
fn samples(b: &mut Bytes, movie: &Movie, sets: &ParameterSets, sizes: &[u32], ticks: u32, data: u64) {
    let frames = movie.frames as u32;
    b.full(b"stsd", 0, |b| {
        b.u32(1).boxed(b"avc1", |b| {
            b.zeros(6).u16(1).zeros(16).u16(movie.width as u16).u16(movie.height as u16);
            // 72 dots an inch, one frame a sample, no name, 24 bits.
            b.u32(0x48_0000).u32(0x48_0000).u32(0).u16(1).zeros(32).u16(24).u16(0xffff);
            b.boxed(b"avcC", |b| {
                // Profile, compatibility and level as the sequence's parameters say; lengths of four bytes.
                let profile: [u8; 3] = std::array::from_fn(|i| sets.sequence.get(i + 1).copied().unwrap_or(0));
                b.raw(&[1]).raw(&profile).raw(&[0xff, 0xe1]).u16(sets.sequence.len() as u16).raw(&sets.sequence);
                b.raw(&[1]).u16(sets.picture.len() as u16).raw(&sets.picture);
            });
            // BT.709, from 16 to 235.
            b.boxed(b"colr", |b| {
                b.raw(b"nclx").u16(1).u16(1).u16(1).raw(&[0]);
            });
        });
    });
    b.full(b"stts", 0, |b| {
        b.u32(1).u32(frames).u32(ticks);
    });
    b.full(b"stss", 0, |b| {
        let keys: Vec<u32> = (0..frames).step_by(movie.key_every).map(|frame| frame + 1).collect();
        b.u32(keys.len() as u32);
        keys.into_iter().for_each(|key| {
            b.u32(key);
        });
    });
    b.full(b"stsc", 0, |b| {
        b.u32(1).u32(1).u32(frames).u32(1);
    });
    b.full(b"stsz", 0, |b| {
        b.u32(0).u32(frames);
        (0..movie.frames).for_each(|frame| {
            b.u32(sizes.get(frame).copied().unwrap_or(0));
        });
    });
    b.full(b"co64", 0, |b| {
        b.u32(1).u64(data);
    });
}

/// Big-endian numbers, and boxes of them.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes);
        self
    }

    fn u16(&mut self, n: u16) -> &mut Self {
        self.raw(&n.to_be_bytes())
    }

    fn u32(&mut self, n: u32) -> &mut Self {
        self.raw(&n.to_be_bytes())
    }

    fn u64(&mut self, n: u64) -> &mut Self {
        self.raw(&n.to_be_bytes())
    }

    fn zeros(&mut self, n: usize) -> &mut Self {
        self.0.resize(self.0.len() + n, 0);
        self
    }

    /// The matrix that changes nothing.
    fn matrix(&mut self) -> &mut Self {
        [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000].into_iter().fold(self, Self::u32)
    }

    fn boxed(&mut self, name: &[u8; 4], fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.0.len();
        self.u32(0).raw(name);
        fill(self);
        let size = (self.0.len() - start) as u32;
        self.0[start..start + 4].copy_from_slice(&size.to_be_bytes());
        self
    }

    /// A box with a version, 0, and flags.
    fn full(&mut self, name: &[u8; 4], flags: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.boxed(name, |b| {
            b.u32(flags);
            fill(b);
        })
    }
}
