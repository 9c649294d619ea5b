//! Bytes that are changed without a thought for what they mean.

use super::Dice;

/// Numbers that are rarely thought of.
pub(crate) const INTEGERS: [i64; 18] = [
    0,
    1,
    -1,
    2,
    3,
    255,
    65_535,
    65_536,
    i32::MAX as i64,
    i32::MIN as i64,
    1 << 31,
    1 << 32,
    1 << 40,
    1 << 53,
    1 << 62,
    i64::MAX,
    i64::MIN,
    -2,
];

/// The same for floats, as text.
pub(crate) const FLOATS: [&str; 16] = [
    "0", "-0", "1", "-1", "0.5", "1e-3", "1e-308", "1e308", "-1e308", "1e39", "nan", "inf", "-inf", "1e9", "1e-320",
    "45",
];

/// One of a list.
pub(crate) fn pick<'a, T>(dice: &mut Dice, list: &'a [T]) -> &'a T {
    &list[dice.below(list.len() as u64) as usize]
}

/// True once in `n`.
pub(crate) fn one_in(dice: &mut Dice, n: u64) -> bool {
    dice.below(n) == 0
}

/// Bytes with some of them flipped, set, cut out, doubled, moved or put in.
pub(crate) fn damage(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len().max(1) as u64) as usize;
        let end = (at + 1 + dice.below(64) as usize).min(bytes.len());
        if bytes.is_empty() {
            return bytes;
        }
        match dice.below(8) {
            0 | 1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes[at] = *pick(dice, &[0, 1, 0x20, 0x7f, 0x80, 0xff, b'-', b'9', b'"', b'<']),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let copy = bytes[at..end].to_vec();
                let to = dice.below(bytes.len() as u64) as usize;
                bytes.splice(to..to, copy);
            }
            6 => bytes.insert(at, dice.below(256) as u8),
            _ => {
                let number = pick(dice, &INTEGERS).to_le_bytes();
                let room = number.len().min(bytes.len() - at);
                bytes[at..at + room].copy_from_slice(&number[..room]);
            }
        }
    }
    bytes
}

/// Sectors of 512 bytes that a disk has lost: zeroed, random, or another one in their place; or the end is missing.
pub(crate) fn damage_sectors(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    const SECTOR: usize = 512;
    let mut out = bytes.to_vec();
    let sectors = bytes.len() / SECTOR;
    for _ in 0..=dice.below(2) {
        let at = SECTOR * dice.below(sectors.max(1) as u64) as usize;
        let from = SECTOR * dice.below(sectors.max(1) as u64) as usize;
        // What was cut off before has no sectors.
        let at = at.min(out.len());
        let room = SECTOR.min(out.len() - at);
        match dice.below(6) {
            0..=2 => out[at..at + room].fill(0),
            3 => out[at..at + room].iter_mut().for_each(|b| *b = dice.below(256) as u8),
            4 if from + room <= bytes.len() => out[at..at + room].copy_from_slice(&bytes[from..from + room]),
            _ => out.truncate(at),
        }
        if out.is_empty() {
            return out;
        }
    }
    out
}

/// One of some words.
pub(crate) fn word<'a>(dice: &mut Dice, list: &[&'a str]) -> &'a str {
    pick::<&str>(dice, list)
}
