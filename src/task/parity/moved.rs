//! Models that differ only in where their files lay.
//!
//! A compiled model keeps the paths of its mesh, texture and height-field files. Playground loads one task from
//! an absolute path, so those paths hold the folder of the machine that made the reference. Whether that is the
//! only difference can be told without the paths: every stored path is then longer by the same number of bytes,
//! and the addresses of the paths and the size of the saved model follow from it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::physics::Model;
use crate::seal::sha256_hex;

type Leaves = BTreeMap<String, Value>;

/// Arrays of addresses into `paths`.
const ADDRESSES: [&str; 4] = ["mesh_pathadr", "hfield_pathadr", "skin_pathadr", "tex_pathadr"];

/// Fields that follow from the paths.
pub(super) fn depends(field: &str) -> bool {
    let array = field.strip_prefix("arrays.").unwrap_or_default();
    array == "paths"
        || ADDRESSES.contains(&array)
        || ["sizes.npaths", "sizes.nbuffer", "mjb.bytes", "mjb.sha256"].contains(&field)
}

/// By how many bytes each path is longer in the reference, where that explains every difference of addresses and
/// sizes; None where the paths are equal, or differ in another way.
pub(super) fn find(model: &Model, ours: &Leaves, reference: &Leaves) -> Option<i64> {
    let number = |leaves: &Leaves, field: &str| leaves.get(field).and_then(Value::as_i64);
    let difference = |field: &str| Some(number(reference, field)? - number(ours, field)?);
    let paths = model.numbers("paths")?;
    let ends: Vec<usize> = paths.iter().enumerate().filter(|(_, c)| **c == 0.0).map(|(i, _)| i).collect();
    let count = i64::try_from(ends.len()).ok()?;
    let longer = difference("sizes.npaths")?;
    if longer == 0 || longer % count != 0 {
        return None;
    }
    let each = longer / count;
    let addresses_follow = ADDRESSES.iter().all(|name| {
        let addresses = model.numbers(name).unwrap_or_default();
        let bytes: Vec<u8> = addresses
            .iter()
            .map(|a| if *a < 0.0 { *a as i64 } else { *a as i64 + each * before(&ends, *a as usize) })
            .flat_map(|a| (a as i32).to_le_bytes())
            .collect();
        let shape = addresses.len();
        let expected = format!("int32[{shape}] {}", sha256_hex(&bytes));
        let field = format!("arrays.{name}");
        reference.get(&field).and_then(Value::as_str).is_some_and(|r| expected.starts_with(r))
    });
    let saved_follows = difference("mjb.bytes").is_none_or(|d| d == longer);
    (addresses_follow && saved_follows).then_some(each)
}

/// Number of paths that end before an address.
fn before(ends: &[usize], address: usize) -> i64 {
    ends.partition_point(|end| *end < address) as i64
}
