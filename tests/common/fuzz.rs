//! Many inputs from one seed each: what every kind of fuzzing here shares.

use serde_json::{Map, Value, json};

use super::{Dice, Ran};

/// Where a series of seeds begins, and how many there are: DYNSPARSE_FUZZ_SEED and DYNSPARSE_FUZZ_COUNT, else a short
/// series that is always the same.
fn series(few: u64) -> std::ops::Range<u64> {
    let number =
        |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap_or_else(|e| panic!("{name}: {e}")));
    let first = number("DYNSPARSE_FUZZ_SEED").unwrap_or(0);
    first..first + number("DYNSPARSE_FUZZ_COUNT").unwrap_or(few)
}

/// Says at which seed a test has failed, hangs too.
struct At(u64);

impl Drop for At {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("at the seed {}", self.0);
        }
    }
}

/// Runs one input a seed. Each must end by itself: with success, or with an error in words.
pub(crate) fn short(few: u64, mut run: impl FnMut(u64) -> Ran) {
    let (mut good, mut bad) = (0, 0);
    for seed in series(few) {
        let _at = At(seed);
        let ran = run(seed);
        let code = ran.status.code();
        let ended = code.is_some_and(|c| c <= 2) && !ran.stderr.contains("panicked");
        assert!(ended, "seed {seed}: {}: {:?}\n{}", ran.what, ran.status, ran.stderr);
        if code == Some(0) {
            good += 1;
        } else {
            bad += 1;
            // What a check finds wrong is its answer, on stdout.
            let told = ran.stderr.contains("error: ") || !ran.stdout.is_empty();
            assert!(told, "seed {seed}: {}: no error line\n{}", ran.what, ran.stderr);
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

/// How many values a document has, itself included.
fn values(document: &Value) -> u64 {
    1 + match document {
        Value::Array(list) => list.iter().map(values).sum(),
        Value::Object(fields) => fields.values().map(values).sum(),
        _ => 0,
    }
}

/// Changes some values of a document: numbers become extreme, types others, fields go or get another's value. No number
/// between what is small and what is out of all bounds, which would be a long run rather than a fault.
pub(crate) fn change(document: &mut Value, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let mut at = dice.below(values(document));
        let other = picked(document, &mut dice.below(values(document)).clone()).cloned().unwrap_or_default();
        change_one(document, &mut at, other, dice);
    }
}

fn picked<'a>(document: &'a Value, at: &mut u64) -> Option<&'a Value> {
    if *at == 0 {
        return Some(document);
    }
    *at -= 1;
    match document {
        Value::Array(list) => list.iter().find_map(|v| picked(v, at)),
        Value::Object(fields) => fields.values().find_map(|v| picked(v, at)),
        _ => None,
    }
}

fn change_one(document: &mut Value, at: &mut u64, other: Value, dice: &mut Dice) -> bool {
    if *at == 0 {
        renew(document, other, dice);
        return true;
    }
    *at -= 1;
    match document {
        Value::Array(list) => list.iter_mut().any(|v| change_one(v, at, other.clone(), dice)),
        Value::Object(fields) => fields.values_mut().any(|v| change_one(v, at, other.clone(), dice)),
        _ => false,
    }
}

fn renew(value: &mut Value, other: Value, dice: &mut Dice) {
    let below = |n: usize, dice: &mut Dice| dice.below(n.max(1) as u64) as usize;
    match (dice.below(8), &mut *value) {
        (0, _) => *value = other,
        (1, _) => {
            let kinds = [json!(null), json!(true), json!(""), json!([]), json!({}), json!(3), json!("x"), json!(-0.5)];
            *value = kinds[below(kinds.len(), dice)].clone();
        }
        (_, Value::Number(_)) => {
            let extremes = [
                json!(0),
                json!(-1),
                json!(1),
                json!(2),
                json!(0.3),
                json!(1e-300),
                json!(1e300),
                json!(-1e300),
                json!(9_999_999_999_u64),
                json!(i64::MAX),
                json!(i64::MIN),
                json!(u64::MAX),
            ];
            *value = extremes[below(extremes.len(), dice)].clone();
        }
        (_, Value::String(text)) => match dice.below(4) {
            0 => text.push_str(["/../../x", "\n#SBATCH --x", "\u{1b}[2J", "=1+1", "\u{0}", "x"][below(6, dice)]),
            1 => *text = text.chars().rev().collect(),
            2 => *text = text.repeat(1 + below(300, dice)),
            _ => drop(text.pop()),
        },
        (_, Value::Array(list)) if !list.is_empty() => {
            let at = below(list.len(), dice);
            if dice.below(2) == 0 {
                list.remove(at);
            } else {
                let copy = list[at].clone();
                list.extend(std::iter::repeat_n(copy, [1, 3, 200][below(3, dice)]));
            }
        }
        (_, Value::Object(fields)) if !fields.is_empty() => {
            let key = fields.keys().nth(below(fields.len(), dice)).cloned().unwrap_or_default();
            let held = fields.remove(&key).unwrap_or_default();
            match dice.below(3) {
                0 => {}
                1 => drop(fields.insert(format!("{key}x"), held)),
                _ => drop(fields.insert(key, renewed(held, dice))),
            }
        }
        _ => *value = Value::Object(Map::new()),
    }
}

fn renewed(mut value: Value, dice: &mut Dice) -> Value {
    renew(&mut value, Value::Null, dice);
    value
}
