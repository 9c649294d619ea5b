//! Attributes and texts out of a file: what is there and cannot be read is an error, never taken for absent.

use hdf5::types::VarLenUnicode;
use hdf5::{Attribute as H5Attribute, Container, Location};

use super::schema::{ATTRIBUTES, AttributeType};
use super::writer::Attribute;

/// All attributes of the root, by name. Those that are not in [`ATTRIBUTES`] are somebody's own: one that holds neither
/// text nor a number is left out.
///
/// # Errors
/// The first one that cannot be read or holds something else, with what is wrong.
pub(super) fn of_root(root: &Location) -> Result<Vec<(String, Attribute)>, String> {
    let names = root.attr_names().map_err(|e| format!("the list of root attributes cannot be read ({})", line(&e)))?;
    let mut found = Vec::new();
    for name in names {
        let told = |e: String| format!("the root attribute {name} {e}");
        let attribute = root.attr(&name).map_err(|e| told(format!("cannot be read ({})", line(&e))))?;
        let value = value(&attribute).map_err(told)?;
        match (value, ATTRIBUTES.iter().find(|(known, _)| *known == name)) {
            (Some(value), Some((_, kind))) if kind_of(&value) == *kind => found.push((name, value)),
            (Some(value), None) => found.push((name, value)),
            (None, None) => {}
            (_, Some((_, kind))) => {
                let kind = match kind {
                    AttributeType::Text => "text",
                    AttributeType::Int => "a signed whole number",
                    AttributeType::Unsigned => "an unsigned whole number",
                    AttributeType::Float => "a number",
                };
                return Err(told(format!("is not {kind}: the file is damaged or was changed")));
            }
        }
    }
    Ok(found)
}

/// The schema version of a recording, read without a text; None in the file of another program.
///
/// # Errors
/// What is wrong.
pub(super) fn format_version(root: &Location) -> Result<Option<i64>, String> {
    version_of(root, "schema_version")
}

/// The same of a file whose version is an attribute of that name.
///
/// # Errors
/// What is wrong.
pub(super) fn version_of(root: &Location, attribute: &str) -> Result<Option<i64>, String> {
    let read = |e: hdf5::Error| format!("its root attributes cannot be read ({})", line(&e));
    let names = root.attr_names().map_err(read)?;
    if !["format", attribute].iter().all(|name| names.iter().any(|there| there == name)) {
        return Ok(None);
    }
    match value(&root.attr(attribute).map_err(read)?)? {
        Some(Attribute::Int(version)) => Ok(Some(version)),
        _ => Ok(None),
    }
}

fn kind_of(value: &Attribute) -> AttributeType {
    match value {
        Attribute::Text(_) => AttributeType::Text,
        Attribute::Int(_) => AttributeType::Int,
        Attribute::Unsigned(_) => AttributeType::Unsigned,
        Attribute::Float(_) => AttributeType::Float,
    }
}

/// What an attribute holds; None where it is neither text nor a number.
fn value(attribute: &H5Attribute) -> Result<Option<Attribute>, String> {
    let read = |e: hdf5::Error| format!("cannot be read ({})", line(&e));
    let kind = attribute.dtype().map_err(read)?;
    if !attribute.get_shape().map_err(read)?.is_empty() {
        return Ok(None);
    }
    Ok(if kind.is::<VarLenUnicode>() {
        texts(attribute)?.pop().map(Attribute::Text)
    } else if kind.is::<f64>() {
        Some(Attribute::Float(attribute.read_scalar().map_err(read)?))
    } else if kind.is::<u64>() {
        Some(Attribute::Unsigned(attribute.read_scalar().map_err(read)?))
    } else if kind.is::<i64>() {
        Some(Attribute::Int(attribute.read_scalar().map_err(read)?))
    } else {
        None
    })
}

/// A text attribute; None where there is none of the name.
///
/// # Errors
/// What is wrong with it, its name included.
pub(super) fn text(at: &Location, name: &str) -> Result<Option<String>, String> {
    let told = |e: String| format!("the attribute {name} {e}");
    let names = at.attr_names().map_err(|e| told(format!("cannot be read ({})", line(&e))))?;
    if !names.iter().any(|there| there == name) {
        return Ok(None);
    }
    let attribute = at.attr(name).map_err(|e| told(format!("cannot be read ({})", line(&e))))?;
    match value(&attribute).map_err(told)? {
        Some(Attribute::Text(text)) => Ok(Some(text)),
        _ => Err(told("is not text".to_owned())),
    }
}

/// All texts of a dataset or an attribute whose size is known to be sound.
///
/// # Errors
/// What is wrong, to follow its name.
pub(super) fn texts(at: &Container) -> Result<Vec<String>, String> {
    let read = |e: hdf5::Error| format!("cannot be read ({})", line(&e));
    if !at.dtype().map_err(read)?.is::<VarLenUnicode>() {
        return Err("does not hold text as this program stores it".to_owned());
    }
    let raw = at.read_raw::<VarLenUnicode>().map_err(read)?;
    let text = |(i, raw): (usize, &VarLenUnicode)| match std::str::from_utf8(raw.as_bytes()) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(format!("is damaged: its entry {i} is not UTF-8")),
    };
    raw.iter().enumerate().map(text).collect()
}

/// The first line of HDF5's words.
pub(super) fn line(error: &hdf5::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
