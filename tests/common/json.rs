//! JSON with a value changed.

use serde_json::Value;

use super::Dice;
use super::bytes::{FLOATS, INTEGERS, one_in, pick, word};

/// Texts that are rarely thought of.
pub(crate) const TEXTS: [&str; 16] = [
    "",
    "x",
    "nan",
    "../../outside",
    "/dev/zero",
    "/dev/full",
    ".",
    "..",
    "=1+1",
    "a\u{1b}[31mred",
    "two\nlines",
    "<script>alert(1)</script>",
    "%s%n",
    "\u{202e}backwards",
    "$(touch made)",
    "Ünïcödé 名",
];

/// Changes one to three values.
pub(crate) fn damage(value: &Value, dice: &mut Dice) -> Value {
    let mut value = value.clone();
    for _ in 0..=dice.below(3) {
        let nodes = count(&value);
        change(&mut value, &mut dice.below(nodes), dice);
    }
    value
}

fn count(value: &Value) -> u64 {
    1 + match value {
        Value::Array(all) => all.iter().map(count).sum(),
        Value::Object(all) => all.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the node at a position, in order of depth first; true once that is done.
fn change(value: &mut Value, at: &mut u64, dice: &mut Dice) -> bool {
    if *at == 0 {
        change_here(value, dice);
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(all) => all.iter_mut().any(|v| change(v, at, dice)),
        Value::Object(all) => all.values_mut().any(|v| change(v, at, dice)),
        _ => false,
    }
}

fn change_here(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Array(all) if !all.is_empty() && !one_in(dice, 4) => {
            let at = dice.below(all.len() as u64) as usize;
            match dice.below(3) {
                0 => drop(all.remove(at)),
                1 => all.insert(at, all[at].clone()),
                _ => all[at] = scalar(dice),
            }
        }
        Value::Object(all) if !all.is_empty() && !one_in(dice, 4) => {
            let key = all.keys().nth(dice.below(all.len() as u64) as usize).cloned().unwrap_or_default();
            match dice.below(3) {
                0 => drop(all.remove(&key)),
                1 => {
                    let moved = all.remove(&key).unwrap_or_default();
                    all.insert(word(dice, &TEXTS).to_owned(), moved);
                }
                _ => drop(all.insert(word(dice, &TEXTS).to_owned(), scalar(dice))),
            }
        }
        _ => *value = scalar(dice),
    }
}

/// Any value.
pub(crate) fn scalar(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => Value::Null,
        1 => Value::Bool(one_in(dice, 2)),
        2 | 3 => Value::from(*pick(dice, &INTEGERS)),
        4 => pick(dice, &FLOATS).parse::<f64>().map_or(Value::Null, Value::from),
        5 => Value::Array(Vec::new()),
        6 if one_in(dice, 8) => deep(),
        _ => Value::from(word(dice, &TEXTS)),
    }
}

/// More brackets than a recursive reader has stack for, if it does not count.
fn deep() -> Value {
    (0..100).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}
