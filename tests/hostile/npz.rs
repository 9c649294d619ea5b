//! Arrays of numpy: the archive, the headers within it, and the numbers.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::case::Case;
use crate::common::bytes::{FLOATS, INTEGERS, damage, one_in, pick};
use crate::common::{Dice, Place};
use crate::drive::Target;
use crate::limits::make;

/// Rows of a replay, and sizes of the embedded model.
const ROWS: usize = 6;
const POSITIONS: usize = 9;
const DOFS: usize = 9;
const CONTROLS: usize = 6;

/// An array: type, shape and data, which need not agree.
#[derive(Clone)]
struct Array {
    name: String,
    kind: String,
    shape: Vec<i64>,
    data: Vec<u8>,
}

impl Array {
    fn floats(name: &str, shape: &[usize], value: impl Fn(usize) -> f64) -> Self {
        let n = shape.iter().product();
        let data = (0..n).flat_map(|i| value(i).to_le_bytes()).collect();
        Self { name: name.to_owned(), kind: "<f8".to_owned(), shape: shape.iter().map(|n| *n as i64).collect(), data }
    }

    fn integers(name: &str, values: &[i64]) -> Self {
        let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self { name: name.to_owned(), kind: "<i8".to_owned(), shape: vec![values.len() as i64], data }
    }

    /// As numpy writes it.
    fn npy(&self, dice: &mut Dice) -> Vec<u8> {
        let shape: String = self.shape.iter().map(|n| format!("{n}, ")).collect();
        let order = if one_in(dice, 10) { "True" } else { "False" };
        let mut header = format!("{{'descr': '{}', 'fortran_order': {order}, 'shape': ({shape}), }}", self.kind);
        if one_in(dice, 20) {
            header = String::from_utf8_lossy(&damage(header.as_bytes(), dice)).into_owned();
        }
        while !(header.len() + 11).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let length = u16::try_from(header.len()).unwrap_or(u16::MAX);
        [b"\x93NUMPY\x01\x00".as_slice(), &length.to_le_bytes(), header.as_bytes(), &self.data].concat()
    }

    fn change(&mut self, dice: &mut Dice) {
        let size = self.data.len() as u64 / 8;
        match dice.below(7) {
            0 => {
                let other = ["<f4", "<i8", ">f8", "|b1", "<c16", "|O", "<U4", "<f2", "|V8", "<i4", "<M8[ns]"];
                (*pick(dice, &other)).clone_into(&mut self.kind);
            }
            1 | 2 if !self.shape.is_empty() => {
                let at = dice.below(self.shape.len() as u64) as usize;
                self.shape[at] = *pick(dice, &INTEGERS);
            }
            3 if one_in(dice, 2) => self.shape.push(*pick(dice, &[0, 1, 2, -1, i64::MAX])),
            3 => drop(self.shape.pop()),
            4 | 5 if size > 0 => {
                let at = 8 * dice.below(size) as usize;
                let value = if self.kind.contains('i') {
                    pick(dice, &INTEGERS).to_le_bytes()
                } else {
                    pick(dice, &FLOATS).parse::<f64>().unwrap_or(f64::NAN).to_le_bytes()
                };
                self.data[at..at + 8].copy_from_slice(&value);
            }
            _ => self.data.truncate(dice.below(self.data.len().max(1) as u64) as usize),
        }
    }
}

/// As an archive.
fn zipped(arrays: &[Array], dice: &mut Dice) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for array in arrays {
        let method = *pick(dice, &[CompressionMethod::Stored, CompressionMethod::Deflated]);
        let options = SimpleFileOptions::default().compression_method(method);
        // Two arrays of one name are no archive that this library writes.
        if zip.start_file(format!("{}.npy", array.name), options).is_ok() {
            zip.write_all(&array.npy(dice)).expect("into memory");
        }
    }
    zip.finish().expect("into memory").into_inner()
}

/// States and controls of the embedded model.
fn replay() -> Vec<Array> {
    let small = |i: usize| 0.01 * (i % 5) as f64;
    vec![
        Array::floats("qpos", &[ROWS, POSITIONS], small),
        Array::floats("qvel", &[ROWS, DOFS], small),
        Array::floats("ctrl", &[ROWS, CONTROLS], small),
        Array::floats("qacc_warmstart", &[ROWS, DOFS], |_| 0.0),
        Array::floats("time", &[ROWS], |i| 0.01 * i as f64),
        Array::integers("episode_offsets", &[0, 3, ROWS as i64]),
    ]
}

/// Jacobians of the embedded model, predicted.
fn predicted() -> Vec<Array> {
    let (state, steps) = (2 * DOFS, 3);
    vec![
        Array::floats("A", &[steps, state, state], |i| (i % 3) as f64),
        Array::floats("B", &[steps, state, CONTROLS], |i| (i % 2) as f64),
        Array::integers("steps", &[0, 1, 2]),
        Array::floats("std", &[state + CONTROLS], |_| 1.0),
    ]
}

/// A prediction for a recording of the embedded model, as it should be.
pub(crate) fn prediction() -> Vec<u8> {
    zipped(&predicted(), &mut Dice(3))
}

/// Archives.
pub(crate) struct Npz {
    recording: Vec<u8>,
}

impl Target for Npz {
    fn new() -> Self {
        let place = Place::new();
        make(&place, "record --episodes 2 --steps 6 -o a.h5");
        Self { recording: place.read("a.h5") }
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let score = one_in(dice, 3);
        let mut arrays = if score { predicted() } else { replay() };
        for _ in 0..dice.below(3) {
            let at = dice.below(arrays.len() as u64) as usize;
            match dice.below(8) {
                0 => drop(arrays.remove(at)),
                1 => (*pick(dice, &["", "edges", "done", "x/y", "../x", "act", "mocap_pos"]))
                    .clone_into(&mut arrays[at].name),
                _ => arrays[at].change(dice),
            }
            if arrays.is_empty() {
                break;
            }
        }
        let file = zipped(&arrays, dice);
        let file = if one_in(dice, 4) { damage(&file, dice) } else { file };
        let case = Case::of("p.npz", file);
        if score {
            return case.with("a.h5", self.recording.clone()).command("score --truth a.h5 --prediction p.npz");
        }
        let with = pick(dice, &["states", "controls"]);
        case.command(&format!("record --replay p.npz --replay-with {with} --threads 1 -o out.h5"))
    }
}
