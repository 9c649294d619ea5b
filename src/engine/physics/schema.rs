//! The elements and attributes of MJCF, as MuJoCo itself lists them.

use std::ffi::{c_char, c_int};

use super::PhysicsError;
use super::guard::{self, check};

/// Room for MuJoCo's own listing, which takes 31 kB in 3.17.
const ROOM: usize = 1 << 20;

/// Every pair of an element and an attribute that MuJoCo's MJCF has, in MuJoCo's order. An element is its path without the
/// root: `option/flag`, `body/geom`, `actuator/motor`; a body in a body is `body`, and so is the world. An element
/// without attributes is there with an empty one. The root's own are those of `mujoco`.
///
/// # Errors
/// [`PhysicsError::Version`] with another library, [`PhysicsError::Mujoco`] where it prints nothing that can be read.
pub fn xml_schema() -> Result<Vec<(String, String)>, PhysicsError> {
    guard::init()?;
    let mut buffer = vec![0_u8; ROOM];
    let mut written: c_int = 0;
    // SAFETY: the buffer has the size that is passed, and MuJoCo keeps to it; the guard turns a fatal error into a code.
    check(unsafe { guard::ds_print_schema(buffer.as_mut_ptr().cast::<c_char>(), ROOM as c_int - 1, &mut written) })?;
    let text = &buffer[..usize::try_from(written).unwrap_or(0).min(ROOM)];
    parse(&String::from_utf8_lossy(text)).ok_or_else(|| PhysicsError::Mujoco("its XML schema is empty".to_owned()))
}

/// Reads the listing: an element a line, three blanks deeper inside another; its attributes from column 30 on, also on the lines
/// that follow.
fn parse(text: &str) -> Option<Vec<(String, String)>> {
    const DEEPER: usize = 3;
    const ATTRIBUTES: usize = 30;
    let mut out = Vec::new();
    let mut path: Vec<String> = Vec::new();
    for line in text.trim_end_matches('\0').lines() {
        let depth = line.len() - line.trim_start().len();
        let (mut head, mut rest) = ("", line);
        if depth < ATTRIBUTES {
            // The number of times in brackets ends the element's part: "joint (*)".
            let end = line.find(") ").or_else(|| line.ends_with(')').then(|| line.len() - 1))?;
            (head, rest) = line.split_at(end + 1);
        }
        if let Some(tag) = head.split_whitespace().next() {
            path.truncate((depth / DEEPER).saturating_sub(1));
            let tag = tag.rsplit(')').next().unwrap_or(tag);
            // The root is left out of paths.
            if depth > 0 {
                path.push(tag.to_owned());
            }
            out.push((place(&path), String::new()));
        }
        out.extend(rest.split_whitespace().map(|name| (place(&path), name.to_owned())));
    }
    (!out.is_empty()).then_some(out)
}

fn place(path: &[String]) -> String {
    if path.is_empty() { "mujoco".to_owned() } else { path.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_by_its_columns() {
        let text = "mujoco (!)                    model \n   option (*)                 cone density \n                              \
                    wind \n      flag (?)                sleep \n   (world)body (R)            name \n      \
                    joint (*)               axis \n   keyframe (*)               \n";
        let found: Vec<String> = parse(text).unwrap().iter().map(|(e, a)| format!("{e}.{a}")).collect();
        assert_eq!(
            found,
            [
                "mujoco.",
                "mujoco.model",
                "option.",
                "option.cone",
                "option.density",
                "option.wind",
                "option/flag.",
                "option/flag.sleep",
                "body.",
                "body.name",
                "body/joint.",
                "body/joint.axis",
                "keyframe.",
            ]
        );
    }
}
