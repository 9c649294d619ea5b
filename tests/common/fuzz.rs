//! Many inputs from one seed each: what every kind of fuzzing here shares.

use super::{Dice, Ran};

/// Where a series of seeds begins, and how many there are: DYNSPARSE_FUZZ_SEED and DYNSPARSE_FUZZ_COUNT, else a short
/// series that is always the same.
fn series(few: u64) -> std::ops::Range<u64> {
    let number =
        |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap_or_else(|e| panic!("{name}: {e}")));
    let first = number("DYNSPARSE_FUZZ_SEED").unwrap_or(0);
    first..first + number("DYNSPARSE_FUZZ_COUNT").unwrap_or(few)
}

/// Runs one input a seed. Each must end by itself: with success, or with an error in words.
pub(crate) fn short(few: u64, mut run: impl FnMut(u64) -> Ran) {
    let (mut good, mut bad) = (0, 0);
    for seed in series(few) {
        let ran = run(seed);
        let code = ran.status.code();
        let ended = code.is_some_and(|c| c <= 2) && !ran.stderr.contains("panicked");
        assert!(ended, "seed {seed}: {}: {:?}\n{}", ran.what, ran.status, ran.stderr);
        if code == Some(0) {
            good += 1;
        } else {
            bad += 1;
            assert!(ran.stderr.contains("error: "), "seed {seed}: {}: no error line\n{}", ran.what, ran.stderr);
            assert!(ran.stderr.len() < 20_000, "seed {seed}: {}: {} bytes of words", ran.what, ran.stderr.len());
        }
    }
    println!("{good} accepted, {bad} refused");
    assert!(bad > 0, "nothing that was changed was refused");
}

/// Bytes with some of them changed, cut out, doubled or put in.
pub(crate) fn damage(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(3) {
        let n = bytes.len() as u64;
        if n == 0 {
            bytes.push(dice.below(256) as u8);
            continue;
        }
        let at = dice.below(n) as usize;
        match dice.below(6) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'-', b'9', b'"'][dice.below(8) as usize],
            2 => bytes.truncate(at),
            3 => {
                let end = (at + dice.below(64) as usize).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + dice.below(64) as usize).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => bytes.insert(at, dice.below(256) as u8),
        }
    }
    bytes
}
