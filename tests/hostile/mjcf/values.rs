//! Values of attributes, and which attributes and elements there are.

use std::collections::BTreeMap;

use crate::common::Dice;
use crate::common::bytes::{FLOATS, INTEGERS, one_in, pick};
use crate::common::json::TEXTS;

/// Names that the seeds use.
pub(crate) const NAMES: [&str; 8] = ["a", "b", "c", "world", "part", "self", "", "nobody"];

/// Words of any attribute.
const WORDS: [&str; 40] = [
    "true",
    "false",
    "auto",
    "enable",
    "disable",
    "hinge",
    "slide",
    "ball",
    "free",
    "plane",
    "sphere",
    "capsule",
    "ellipsoid",
    "cylinder",
    "box",
    "mesh",
    "hfield",
    "sdf",
    "cube",
    "2d",
    "skybox",
    "builtin",
    "gradient",
    "checker",
    "flat",
    "cable",
    "cloth",
    "grid",
    "circle",
    "disc",
    "square",
    "ellipsoid",
    "gmsh",
    "direct",
    "radial",
    "quadratic",
    "muscle",
    "user",
    "implicit",
    "PGS",
];

/// Elements and attributes by the path of the element.
pub(crate) struct Grammar {
    attributes: BTreeMap<String, Vec<String>>,
    elements: BTreeMap<String, Vec<String>>,
}

impl Grammar {
    /// Of pairs of a path and an attribute.
    pub(crate) fn new(schema: &[(String, String)]) -> Self {
        let mut grammar = Self { attributes: BTreeMap::new(), elements: BTreeMap::new() };
        for (path, attribute) in schema {
            let path = if path == "mujoco" { "" } else { path };
            if attribute.is_empty() {
                let (parent, tag) = path.rsplit_once('/').unwrap_or(("", path));
                let tag = if parent.is_empty() && tag == "body" { "worldbody" } else { tag };
                grammar.elements.entry(parent.to_owned()).or_default().push(tag.to_owned());
            } else {
                grammar.attributes.entry(path.to_owned()).or_default().push(attribute.clone());
            }
        }
        let within = grammar.elements.entry("body".to_owned()).or_default();
        within.extend(["body", "frame", "replicate", "composite", "flexcomp"].map(str::to_owned));
        grammar
    }

    pub(crate) fn attribute(&self, path: &str, dice: &mut Dice) -> Option<String> {
        self.attributes.get(path).map(|all| pick(dice, all).clone())
    }

    pub(crate) fn element(&self, path: &str, dice: &mut Dice) -> Option<String> {
        self.elements.get(path).map(|all| pick(dice, all).clone())
    }
}

/// Attributes that are names.
const REFERENCES: [&str; 30] = [
    "name",
    "class",
    "childclass",
    "joint",
    "joint1",
    "joint2",
    "body",
    "body1",
    "body2",
    "geom",
    "geom1",
    "geom2",
    "site",
    "site1",
    "site2",
    "tendon",
    "tendon1",
    "material",
    "mesh",
    "hfield",
    "texture",
    "actuator",
    "target",
    "objname",
    "refname",
    "reftype",
    "cranksite",
    "slidersite",
    "model",
    "flex",
];

/// A value for an attribute of any element.
pub(crate) fn of(name: &str, dice: &mut Dice) -> String {
    if name.ends_with("file") || name.ends_with("dir") {
        return (*pick(dice, &["m.xml", "part.xml", "table.stl", "bytes.png", "none", "/dev/zero", ".", ".."]))
            .to_owned();
    }
    if REFERENCES.contains(&name) && !one_in(dice, 8) {
        return (*pick(dice, &NAMES)).to_owned();
    }
    match dice.below(8) {
        0 | 1 => (*pick(dice, &WORDS)).to_owned(),
        2 => pick(dice, &INTEGERS).to_string(),
        3 => (*pick(dice, &TEXTS)).to_owned(),
        4 if one_in(dice, 6) => "1 ".repeat(*pick(dice, &[8, 100, 5000])),
        _ => numbers(dice.below(7) + 1, dice),
    }
}

/// Another value in the place of one: numbers for numbers.
pub(crate) fn other(name: &str, old: &str, dice: &mut Dice) -> String {
    let old: Vec<&str> = old.split_whitespace().collect();
    let numeric = !old.is_empty() && old.iter().all(|word| word.parse::<f64>().is_ok());
    if !numeric || one_in(dice, 6) {
        return of(name, dice);
    }
    if one_in(dice, 3) {
        return numbers(old.len() as u64, dice);
    }
    let mut new: Vec<String> = old.iter().map(|word| (*word).to_owned()).collect();
    let at = dice.below(new.len() as u64) as usize;
    new[at] = number(dice);
    new.join(" ")
}

fn numbers(n: u64, dice: &mut Dice) -> String {
    (0..n).map(|_| number(dice)).collect::<Vec<_>>().join(" ")
}

fn number(dice: &mut Dice) -> String {
    match dice.below(4) {
        // Numbers of parts are either few or too many: what lies between is long work, and no fault.
        0 => pick(dice, &INTEGERS.map(|n| if n == 255 { 4 } else { n })).to_string(),
        1 => (*pick(dice, &FLOATS)).to_owned(),
        _ => (*pick(dice, &["0.1", "1", "2", "-1", "0.01", "3", "10"])).to_owned(),
    }
}
