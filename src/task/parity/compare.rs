//! Compares a digest with a reference, field by field.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::reference::{DIGITS, leaves};
use super::{Reference, TaskDigest, moved};
use crate::physics::Model;

/// The outcome for one task.
#[derive(Debug, Clone, PartialEq)]
pub struct Parity {
    /// Arrays that are equal, and all.
    pub arrays: (usize, usize),
    /// Sizes, options, statistics, visual settings, names and timing that are equal, and all.
    pub others: (usize, usize),
    /// What is not equal: arrays in the model's order, then the rest.
    pub differences: Vec<FieldDifference>,
    /// The reference was made from files in another folder: by how many bytes each stored path is longer
    /// there. What holds the paths themselves is then not compared.
    pub moved: Option<i64>,
    /// Settings that the maker of the reference could not see, and that are not compared: lists that are empty
    /// there. MuJoCo's Python binding (3.17.0) shows `vis.rgba.bv` and `vis.rgba.bvactive` so; the hash of the
    /// saved model covers them.
    pub unseen: Vec<String>,
}

/// One field that is not equal.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDifference {
    /// Its path, such as `arrays.geom_size`.
    pub field: String,
    /// What it is here; None: it is not here.
    pub ours: Option<String>,
    /// What it is in the reference; None: it is not there.
    pub reference: Option<String>,
}

impl Parity {
    /// Whether nothing differs.
    pub fn equal(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares `ours`, the digest of `model`, with a reference. Numbers and hashes must be equal exactly; fields of
/// `playground` and of `suite` count only where both have them.
pub fn compare(model: &Model, ours: &TaskDigest, reference: &Reference) -> Parity {
    // Our own digest is made of numbers, texts and whole arrays.
    let tree = serde_json::to_value(ours).unwrap_or_default();
    let here = leaves(&tree).unwrap_or_default();
    let moved = moved::find(model, &here, &reference.leaves);
    let fields: BTreeSet<&String> = here.keys().chain(reference.leaves.keys()).collect();
    let mut out = Parity { arrays: (0, 0), others: (0, 0), differences: Vec::new(), moved, unseen: Vec::new() };
    let version = Value::String(ours.model.mujoco.clone());
    let theirs = Value::String(reference.mujoco.clone());
    out.count("mujoco", Some(&version), Some(&theirs));
    for field in fields {
        let (a, b) = (here.get(field), reference.leaves.get(field));
        let optional = ["playground.", "suite.", "mjb."].iter().any(|part| field.starts_with(part));
        let skipped = optional && (a.is_none() || b.is_none()) || moved.is_some() && moved::depends(field);
        if skipped {
            continue;
        }
        let empty = |v: Option<&Value>| v.and_then(Value::as_array).is_some_and(Vec::is_empty);
        if field.starts_with("vis.") && empty(b) && !empty(a) && a.is_some() {
            out.unseen.push(field.clone());
            continue;
        }
        out.count(field, a, b);
    }
    // In the model's order, where what was set comes before what follows from it.
    let order: HashMap<&str, usize> = ours.model.arrays.0.iter().enumerate().map(|(i, (name, _))| (*name, i)).collect();
    out.differences.sort_by_key(|d| match d.field.strip_prefix("arrays.") {
        Some(name) => order.get(name).copied().unwrap_or(usize::MAX - 1),
        None => usize::MAX,
    });
    out
}

impl Parity {
    fn count(&mut self, field: &str, ours: Option<&Value>, reference: Option<&Value>) {
        let equal = ours.zip(reference).is_some_and(|(a, b)| same(field, a, b));
        let counter = if field.starts_with("arrays.") { &mut self.arrays } else { &mut self.others };
        counter.1 += 1;
        counter.0 += usize::from(equal);
        if !equal {
            let text = |v: Option<&Value>| v.map(shortened);
            let (ours, reference) = (text(ours), text(reference));
            self.differences.push(FieldDifference { field: field.to_owned(), ours, reference });
        }
    }
}

fn same(field: &str, a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) if field.starts_with("arrays.") || field == "mjb.sha256" => {
            same_hash(a, b)
        }
        (Value::Number(x), Value::Number(y)) => x == y || !(x.is_u64() && y.is_u64()) && x.as_f64() == y.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(field, a, b)),
        _ => a == b,
    }
}

/// Texts that end in a hash, of which one may be cut.
fn same_hash(a: &str, b: &str) -> bool {
    let split = |text: &str| {
        let (head, hash) = text.rsplit_once(' ').unwrap_or(("", text));
        (head.to_owned(), hash.to_owned())
    };
    let ((head_a, a), (head_b, b)) = (split(a), split(b));
    let n = a.len().min(b.len());
    head_a == head_b && n >= DIGITS && a.as_bytes()[..n] == b.as_bytes()[..n]
}

/// A value for people: hashes cut, long lists too.
fn shortened(value: &Value) -> String {
    let text = match value {
        Value::String(text) => match text.rsplit_once(' ') {
            Some((head, hash)) if hash.len() > DIGITS => format!("{head} {}", &hash[..DIGITS]),
            _ => text.clone(),
        },
        other => other.to_string(),
    };
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
