//! One change to a recording, drawn by a seed: of its structure, by HDF5, or of its bytes. Nothing else of the tests is used
//! here, so that anyone may call it.

use std::path::Path;

use hdf5::types::{FloatSize, IntSize, TypeDescriptor as T, VarLenUnicode};

/// Numbers that programs believe at their peril.
const EXTREMES: [i64; 12] =
    [0, 1, -1, 2, 255, 256, i32::MAX as i64, i32::MIN as i64, 1 << 31, 1 << 40, 1 << 62, i64::MAX];

/// A generator that is the same in every run (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % n.max(1) as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Changes a valid recording in one place. Returns what was done.
pub(crate) fn mutate(file: &Path, seed: u64) -> String {
    let mut draw = Draw(seed);
    for _ in 0..20 {
        let done = match draw.below(14) {
            0..7 => structure(file, &mut draw).unwrap_or(None),
            _ => bytes(file, &mut draw),
        };
        if let Some(done) = done {
            return done;
        }
    }
    "nothing".to_owned()
}

/// A change that HDF5 makes, so that the file is one of HDF5's all the same.
fn structure(path: &Path, draw: &mut Draw) -> hdf5::Result<Option<String>> {
    let builder = hdf5::File::with_options().with_fapl(|p| p.file_locking(false)).clone();
    let file = builder.open_rw(path)?;
    let names: Vec<String> = file.member_names()?.into_iter().filter(|name| name != "model").collect();
    let name = draw.one(&names).clone();
    let dataset = file.dataset(&name)?;
    let shape = dataset.shape();
    let kind = draw.below(9);
    let done = match kind {
        0 => {
            let axis = draw.below(shape.len());
            let mut larger = shape.clone();
            let extreme = usize::try_from(*draw.one(&EXTREMES)).unwrap_or(3);
            larger[axis] = [shape[axis] + 1, shape[axis] / 2, extreme][draw.below(3)];
            dataset.resize(larger.clone())?;
            format!("{name} resized from {shape:?} to {larger:?}")
        }
        1 => {
            drop(dataset);
            file.unlink(&name)?;
            format!("{name} taken away")
        }
        2 => {
            drop(dataset);
            file.unlink(&name)?;
            let sizes: Vec<usize> = (0..1 + draw.below(3)).map(|_| [0, 1, 3, 20][draw.below(4)]).collect();
            match draw.below(4) {
                0 => drop(file.new_dataset::<f64>().shape(sizes.clone()).create(name.as_str())?),
                1 => drop(file.new_dataset::<i64>().shape(sizes.clone()).create(name.as_str())?),
                2 => drop(file.new_dataset::<u8>().shape(sizes.clone()).create(name.as_str())?),
                _ => drop(file.new_dataset::<VarLenUnicode>().shape(sizes.clone()).create(name.as_str())?),
            }
            format!("{name} made anew with {sizes:?}")
        }
        3 | 4 => {
            let rows = shape.iter().product::<usize>();
            if rows == 0 {
                return Ok(None);
            }
            let (at, extreme) = (draw.below(rows), *draw.one(&EXTREMES));
            let descriptor = dataset.dtype()?.to_descriptor()?;
            macro_rules! put {
                ($t:ty, $value:expr) => {{
                    let mut values = dataset.read_raw::<$t>()?;
                    values[at] = $value;
                    dataset.write_raw(&values)?;
                }};
            }
            match descriptor {
                T::Float(FloatSize::U8) => put!(f64, [f64::NAN, f64::INFINITY, extreme as f64, 1e300][draw.below(4)]),
                T::Integer(IntSize::U8) => put!(i64, extreme),
                T::Integer(IntSize::U4) => put!(i32, extreme as i32),
                T::Unsigned(IntSize::U4) => put!(u32, extreme as u32),
                T::Unsigned(IntSize::U1) => put!(u8, extreme as u8),
                T::VarLenUnicode => put!(VarLenUnicode, text(draw)),
                _ => return Ok(None),
            }
            format!("{name}[{at}] changed ({extreme})")
        }
        5 => {
            // Labels: fewer or more of them.
            let Ok(mut labels) = dataset.read_raw::<VarLenUnicode>() else { return Ok(None) };
            drop(dataset);
            let size = [0, 1, labels.len() / 2, labels.len() + 1, 5000][draw.below(5)];
            labels.resize(size, text(draw));
            file.unlink(&name)?;
            file.new_dataset_builder().with_data(&labels).create(name.as_str())?;
            format!("{name} with {size} labels")
        }
        6 => {
            drop(dataset);
            file.unlink(&name)?;
            match draw.below(3) {
                0 => file.link_soft("/qpos", &name)?,
                1 => file.link_soft(&format!("/{name}"), &name)?,
                _ => file.link_external("elsewhere.h5", "/qpos", &name)?,
            }
            format!("{name} as a link")
        }
        _ => {
            let attributes = file.attr_names()?;
            let name = draw.one(&attributes).clone();
            let old = file.attr(&name)?;
            if kind == 7 {
                if let Ok(value) = old.read_scalar::<i64>() {
                    let extreme = *draw.one(&EXTREMES);
                    old.write_scalar(&extreme)?;
                    return Ok(Some(format!("attribute {name} from {value} to {extreme}")));
                }
                if old.read_scalar::<VarLenUnicode>().is_ok() {
                    old.write_scalar(&text(draw))?;
                    return Ok(Some(format!("attribute {name} with another text")));
                }
            }
            drop(old);
            file.delete_attr(&name)?;
            match draw.below(4) {
                0 => format!("attribute {name} taken away"),
                1 => {
                    file.new_attr::<f64>().create(name.as_str())?.write_scalar(&f64::NAN)?;
                    format!("attribute {name} as NaN")
                }
                2 => {
                    file.new_attr::<i64>().create(name.as_str())?.write_scalar(draw.one(&EXTREMES))?;
                    format!("attribute {name} as a whole number")
                }
                _ => {
                    file.new_attr::<u8>().shape([3]).create(name.as_str())?;
                    format!("attribute {name} as an array")
                }
            }
        }
    };
    Ok(Some(done))
}

fn text(draw: &mut Draw) -> VarLenUnicode {
    let texts =
        ["", "x", "\u{1b}[31mred", "../../../etc/passwd", "[[1e999]]", "{\"job\":null}", "null", "-1", "ä\n\r\tö"];
    let long = "pos:".repeat(20_000);
    let text = if draw.below(8) == 0 { long.as_str() } else { *draw.one(&texts) };
    text.parse().unwrap_or_default()
}

/// A change of the bytes, as disks and cables make them.
fn bytes(path: &Path, draw: &mut Draw) -> Option<String> {
    let mut bytes = std::fs::read(path).ok()?;
    let length = bytes.len();
    let done = match draw.below(6) {
        0 | 1 => {
            let sector = draw.below(length.div_ceil(512));
            let end = (sector * 512 + 512).min(length);
            let fill = if draw.below(4) == 0 { draw.below(256) as u8 } else { 0 };
            bytes[sector * 512..end].fill(fill);
            format!("sector {sector} filled with {fill}")
        }
        2 => {
            let flips: Vec<usize> = (0..1 + draw.below(8)).map(|_| draw.below(length * 8)).collect();
            flips.iter().for_each(|bit| bytes[bit / 8] ^= 1 << (bit % 8));
            format!("bits {flips:?} flipped")
        }
        3 => {
            // A word where a heap of texts is, if there is one: sizes and counts of HDF5 are words.
            let heaps: Vec<usize> =
                bytes.windows(4).enumerate().filter(|(_, w)| *w == b"GCOL").map(|(at, _)| at).collect();
            let at = match heaps[..] {
                [] => draw.below(length / 8) * 8,
                _ => draw.one(&heaps) + draw.below(512) * 8,
            };
            let word = *draw.one(&EXTREMES);
            bytes.get_mut(at..at + 8)?.copy_from_slice(&word.to_le_bytes());
            format!("the word at {at} set to {word}")
        }
        4 => {
            let at = draw.below(length / 8) * 8;
            let word = *draw.one(&EXTREMES);
            bytes.get_mut(at..at + 8)?.copy_from_slice(&word.to_le_bytes());
            format!("the word at {at} set to {word}")
        }
        _ => {
            let keep = draw.below(length);
            bytes.truncate(keep);
            format!("cut to {keep} bytes")
        }
    };
    std::fs::write(path, bytes).ok()?;
    Some(done)
}
