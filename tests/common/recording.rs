//! A recording that somebody has changed: something else in the place of a variable, an attribute, a label or a row, or other
//! bytes, as disks and cables make them.

use hdf5::types::{TypeDescriptor, VarLenUnicode};
use hdf5::{Dataset, File, Group, Location};
use serde_json::Value;

use super::bytes::{FLOATS, INTEGERS, damage, damage_sectors, one_in, pick};
use super::json::TEXTS;
use super::{Dice, Place, json, open_to_change};

/// The bytes after a change, and what was done.
pub(crate) fn changed(bytes: &[u8], dice: &mut Dice) -> (Vec<u8>, String) {
    match dice.below(12) {
        0..=2 => (damage_sectors(bytes, dice), "sectors".to_owned()),
        3 => (damage(bytes, dice), "bytes".to_owned()),
        4 => (heap(bytes, dice), "a word of a heap of texts".to_owned()),
        _ => structure(bytes, dice),
    }
}

/// Another word in a heap of texts, if there is one: sizes and counts of HDF5 are words.
fn heap(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let heaps: Vec<usize> = bytes.windows(4).enumerate().filter(|(_, w)| *w == b"GCOL").map(|(at, _)| at).collect();
    let mut bytes = bytes.to_vec();
    let start = if heaps.is_empty() { 0 } else { *pick(dice, &heaps) };
    let at = start + 8 * dice.below(512) as usize;
    if let Some(word) = bytes.get_mut(at..at + 8) {
        word.copy_from_slice(&pick(dice, &INTEGERS).to_le_bytes());
    }
    bytes
}

/// The bytes after one change or two to what HDF5 sees. HDF5 itself writes them; a change that it refuses is another one's
/// turn.
fn structure(bytes: &[u8], dice: &mut Dice) -> (Vec<u8>, String) {
    let place = Place::new();
    place.write("r.h5", bytes);
    let mut done = Vec::new();
    {
        let file = open_to_change(&place.path("r.h5"));
        let most = 1 + dice.below(2) as usize;
        for _ in 0..20 {
            if done.len() < most
                && let Ok(what) = change(&file, dice)
            {
                done.push(what);
            }
        }
    }
    (place.read("r.h5"), done.join("; "))
}

/// Every dataset, those of groups too.
fn datasets(group: &Group) -> hdf5::Result<Vec<Dataset>> {
    let mut all = group.datasets()?;
    for inner in group.groups()? {
        all.extend(datasets(&inner)?);
    }
    Ok(all)
}

/// Changes something; says what.
fn change(file: &File, dice: &mut Dice) -> hdf5::Result<String> {
    let all = datasets(file)?;
    let dataset = pick(dice, &all);
    let group = file.group(dataset.name().rsplit_once('/').map_or("/", |(g, _)| if g.is_empty() { "/" } else { g }))?;
    let name = dataset.name().rsplit('/').next().unwrap_or_default().to_owned();
    match dice.below(12) {
        0 => resize(dataset, dice).map(|shape| format!("{name} has the shape {shape:?}")),
        1 => group.unlink(&name).map(|()| format!("{name} is gone")),
        2 => replace(&group, &name, dataset, dice).map(|()| format!("{name} is another dataset")),
        3 => {
            let other = pick(dice, &all).name();
            group.unlink(&name)?;
            let linked = match dice.below(4) {
                0 => group.link_soft(&other, &name),
                1 => group.link_external("elsewhere.h5", &other, &name),
                _ => group.link_hard(&other, &name),
            };
            linked.map(|()| format!("{name} is {other}"))
        }
        4 => labels(&group, &name, dataset, dice).map(|n| format!("{name} has {n} labels")),
        5 | 6 => values(dataset, dice).map(|()| format!("{name} has other values")),
        7 => {
            let names = dataset.attr_names()?;
            if names.is_empty() {
                return Err("no attribute".into());
            }
            let of = pick::<String>(dice, &names);
            attribute(dataset, of, dice).map(|()| format!("attribute {of} of {name} is another"))
        }
        _ => {
            let names = file.attr_names()?;
            let of = pick::<String>(dice, &names);
            attribute(file, of, dice).map(|()| format!("attribute {of} is another"))
        }
    }
}

/// Another number of rows, up to numbers that no disk holds.
fn resize(dataset: &Dataset, dice: &mut Dice) -> hdf5::Result<Vec<usize>> {
    let mut shape = dataset.shape();
    let axis = dice.below(shape.len().max(1) as u64) as usize;
    let Some(n) = shape.get_mut(axis) else { return Err("a scalar".into()) };
    *n = *pick(dice, &[0, n.saturating_sub(1), *n + 1, 2 * *n, 1 << 20, 1 << 31, 1 << 40, 1 << 62]);
    dataset.resize(shape.clone()).map(|()| shape)
}

/// A dataset of another type or shape.
fn replace(group: &Group, name: &str, dataset: &Dataset, dice: &mut Dice) -> hdf5::Result<()> {
    let mut shape = dataset.shape();
    match dice.below(4) {
        0 => shape.push(2),
        1 => drop(shape.pop()),
        2 => shape.iter_mut().for_each(|n| *n = (*n + 1).min(100)),
        _ => {}
    }
    group.unlink(name)?;
    match dice.below(6) {
        0 => group.new_dataset::<f64>().shape(shape).create(name).map(drop),
        1 => group.new_dataset::<f32>().shape(shape).create(name).map(drop),
        2 => group.new_dataset::<i32>().shape(shape).create(name).map(drop),
        3 => group.new_dataset::<u8>().shape(shape).create(name).map(drop),
        4 => group.new_dataset::<VarLenUnicode>().shape(shape).create(name).map(drop),
        _ => group.create_group(name).map(drop),
    }
}

/// Fewer labels, or more of them.
fn labels(group: &Group, name: &str, dataset: &Dataset, dice: &mut Dice) -> hdf5::Result<usize> {
    held(dataset)?;
    let mut labels = dataset.read_raw::<VarLenUnicode>()?;
    let n = *pick(dice, &[0, 1, labels.len() / 2, labels.len() + 1, 5000]);
    labels.resize(n, pick(dice, &TEXTS).parse().unwrap_or_default());
    group.unlink(name)?;
    group.new_dataset_builder().with_data(&labels).create(name).map(|_| n)
}

/// The number of values of a dataset, where it is not empty and memory holds them: an earlier change may have declared more.
fn held(dataset: &Dataset) -> hdf5::Result<usize> {
    let size = dataset.size();
    if (1..=1 << 20).contains(&size) { Ok(size) } else { Err("no values, or more than there are".into()) }
}

/// One value, or all of them.
fn values(dataset: &Dataset, dice: &mut Dice) -> hdf5::Result<()> {
    let size = held(dataset)?;
    let at = dice.below(size as u64) as usize;
    let all = one_in(dice, 6);
    match dataset.dtype()?.to_descriptor()? {
        TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii => {
            let mut values = dataset.read_raw::<VarLenUnicode>()?;
            let other = values[dice.below(size as u64) as usize].clone();
            let text = if one_in(dice, 3) { other } else { pick(dice, &TEXTS).parse().unwrap_or_default() };
            values[at] = text.clone();
            if all {
                values.fill(text);
            }
            dataset.write_raw(&values)
        }
        TypeDescriptor::Float(_) => {
            let mut values = dataset.read_raw::<f64>()?;
            let value = pick(dice, &FLOATS).parse().unwrap_or(f64::NAN);
            values[at] = value;
            if all {
                values.fill(value);
            }
            dataset.write_raw(&values)
        }
        _ => {
            let mut values = dataset.read_raw::<i64>()?;
            values[at] = *pick(dice, &INTEGERS);
            if all {
                let value = values[at];
                values.fill(value);
            }
            dataset.write_raw(&values)
        }
    }
}

/// An attribute that is gone, has another value, or another type. In a text that is JSON a value changes.
fn attribute(at: &Location, name: &str, dice: &mut Dice) -> hdf5::Result<()> {
    // What links datasets to their scales holds references, which are the library's own.
    if ["DIMENSION_LIST", "REFERENCE_LIST"].contains(&name) && !one_in(dice, 10) {
        return Err("references".into());
    }
    let there = at.attr(name)?.read_scalar::<VarLenUnicode>().map(|text| text.as_str().to_owned());
    at.delete_attr(name)?;
    let text = match there {
        Ok(text) if one_in(dice, 2) => match serde_json::from_str::<Value>(&text) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Some(json::damage(&value, dice).to_string()),
            _ => Some(text.chars().rev().collect()),
        },
        _ => None,
    };
    let text = text.or_else(|| one_in(dice, 3).then(|| (*pick(dice, &TEXTS)).to_owned()));
    if let Some(text) = text {
        let text: VarLenUnicode = text.replace('\0', "").parse().unwrap_or_default();
        return at.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&text);
    }
    match dice.below(4) {
        0 => Ok(()),
        1 => at.new_attr::<i64>().create(name)?.write_scalar(pick(dice, &INTEGERS)),
        2 => at.new_attr::<f64>().create(name)?.write_scalar(&pick(dice, &FLOATS).parse().unwrap_or(f64::NAN)),
        _ => at.new_attr::<f64>().shape([3]).create(name)?.write_raw(&[1.0, f64::NAN, -1.0]),
    }
}
