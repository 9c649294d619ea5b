//! What a variable's attributes say of its numbers: units, and what codes and bits mean (CF conventions). Written and compared by
//! the same list.

use hdf5::Dataset;

use super::attributes::{self, line};
use super::h5;
use super::schema::{self, Var};
use crate::flags::StepFlags;
use crate::zero::ZeroVerdict;

/// The value of such an attribute.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Text(String),
    Codes(Vec<u8>),
    Masks(Vec<u32>),
}

/// Attributes of a variable that its numbers need, by name; of a recording in which trees sleep, or not.
fn meanings(var: Var, sleeps: bool) -> Vec<(&'static str, Meaning)> {
    let units = var.spec().units;
    let mut all = Vec::new();
    if !units.is_empty() {
        all.push(("units", Meaning::Text(units.to_owned())));
    }
    let codes = |names: &[&str]| {
        let values = (0..names.len() as u8).collect();
        vec![("flag_values", Meaning::Codes(values)), ("flag_meanings", Meaning::Text(names.join(" ")))]
    };
    all.extend(match var {
        Var::Flags => {
            // Recordings without sleep are those of before there was a flag of it.
            let flags = || StepFlags::TABLE.iter().filter(|flag| sleeps || flag.0 != StepFlags::SLEEP_SWITCH);
            vec![
                ("flag_masks", Meaning::Masks(flags().map(|f| f.0.bits()).collect())),
                ("flag_meanings", Meaning::Text(flags().map(|f| f.1).collect::<Vec<_>>().join(" "))),
            ]
        }
        Var::AZero | Var::BZero | Var::CZero | Var::DZero => codes(&ZeroVerdict::NAMES),
        Var::ConstraintType => codes(&schema::CONSTRAINT_TYPES),
        Var::ConstraintState => codes(&schema::CONSTRAINT_STATES),
        _ => Vec::new(),
    });
    all
}

/// Writes description and meaning of a variable.
pub(super) fn write(dataset: &Dataset, var: Var, sleeps: bool) -> hdf5::Result<()> {
    h5::text_attribute(dataset, "long_name", var.spec().description)?;
    for (name, meaning) in meanings(var, sleeps) {
        match meaning {
            Meaning::Text(text) => h5::text_attribute(dataset, name, &text)?,
            Meaning::Codes(codes) => drop(dataset.new_attr_builder().with_data(&codes).create(name)?),
            Meaning::Masks(masks) => drop(dataset.new_attr_builder().with_data(&masks).create(name)?),
        }
    }
    Ok(())
}

/// Whether a variable's attributes say what its numbers mean.
///
/// # Errors
/// The first that does not, and what is wrong with it.
pub(super) fn check(dataset: &Dataset, var: Var, sleeps: bool) -> Result<(), String> {
    let wrong = |name: &str, what: &str| format!("the attribute {name} of {} {what}", var.spec().name);
    let names = dataset.attr_names().map_err(|e| wrong("list", &format!("cannot be read ({})", line(&e))))?;
    let expected = meanings(var, sleeps);
    let known = ["units", "flag_values", "flag_masks", "flag_meanings", "scale_factor", "add_offset", "_FillValue"];
    let strange = |name: &&&str| names.iter().any(|n| n == **name) && !expected.iter().any(|(known, _)| known == *name);
    if let Some(name) = known.iter().find(strange) {
        return Err(wrong(name, "is none of a recording's"));
    }
    for (name, meaning) in expected {
        if !names.iter().any(|there| there == name) {
            return Err(wrong(name, "is not there"));
        }
        let same = match &meaning {
            Meaning::Text(text) => {
                attributes::text(dataset, name).map_err(|e| wrong(name, &e))?.as_deref() == Some(text)
            }
            Meaning::Codes(codes) => numbers::<u8>(dataset, name, codes.len()).as_ref() == Some(codes),
            Meaning::Masks(masks) => numbers::<u32>(dataset, name, masks.len()).as_ref() == Some(masks),
        };
        if !same {
            return Err(wrong(name, "does not say what the schema says"));
        }
    }
    Ok(())
}

/// The numbers of an attribute; None where they are not so many, or of another type.
fn numbers<T: hdf5::H5Type>(dataset: &Dataset, name: &str, n: usize) -> Option<Vec<T>> {
    let attribute = dataset.attr(name).ok()?;
    let sound = attribute.size() == n && attribute.dtype().ok()?.is::<T>();
    if sound { attribute.read_raw().ok() } else { None }
}
