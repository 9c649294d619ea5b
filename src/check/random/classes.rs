//! Classes of defaults: an element may take what it has from one.

use super::draw::Draw;
use super::{Build, XmlElement};

/// What no class can hold: names, what an element refers to, and what MuJoCo takes from the element alone.
const OWN: [&str; 32] = [
    "name",
    "class",
    "joint",
    "jointinparent",
    "tendon",
    "site",
    "refsite",
    "slidersite",
    "cranksite",
    "body",
    "lengthrange",
    "geom1",
    "geom2",
    "body1",
    "body2",
    "site1",
    "site2",
    "joint1",
    "joint2",
    "tendon1",
    "tendon2",
    "polycoef",
    "anchor",
    "relpose",
    "torquescale",
    "tausmooth",
    "vertex",
    "refpos",
    "refquat",
    "fromto",
    "mesh",
    "hfield",
];

/// Moves attributes of a few elements into classes of their own.
pub(super) fn draw(build: &mut Build) {
    if !build.draw.chance(0.15) {
        return;
    }
    let mut classes = Vec::new();
    move_some(&mut build.root, &mut build.draw, &mut classes);
    if classes.is_empty() {
        return;
    }
    // MuJoCo reads defaults before what uses them, and the root of classes has no parent.
    let at = build.root.children.iter().position(|c| c.tag == "default");
    match at {
        Some(at) => build.root.children[at].children.extend(classes),
        None => {
            let mut default = XmlElement::new("default");
            default.children = classes;
            build.root.children.insert(0, default);
        }
    }
}

fn move_some(e: &mut XmlElement, draw: &mut Draw, classes: &mut Vec<XmlElement>) {
    // The tag in a class, and what else stays with the element.
    let (tag, stays): (&'static str, &[&str]) = match e.tag {
        "joint" if e.get("type") != Some("free") && e.get("joint").is_none() && e.get("joint1").is_none() => {
            ("joint", &[])
        }
        "geom" if e.get("geom").is_none() => ("geom", &[]),
        "site" if e.get("site").is_none() => ("site", &[]),
        "mesh" => ("mesh", &[]),
        "pair" => ("pair", &[]),
        "fixed" | "spatial" => ("tendon", &["armature", "actuatorfrcrange", "actuatorfrclimited"]),
        "connect" | "weld" => ("equality", &[]),
        "general" | "motor" | "position" | "velocity" | "intvelocity" | "orientation" | "pid" | "damper"
        | "cylinder" | "muscle" | "adhesion" | "dcmotor" => (e.tag, &[]),
        _ => ("", &[]),
    };
    if !tag.is_empty() && draw.chance(0.5) {
        let moves = |name: &str| !OWN.contains(&name) && !stays.contains(&name);
        let moved: Vec<_> = e.attributes.iter().filter(|(name, _)| moves(name)).cloned().collect();
        if !moved.is_empty() {
            let class = format!("c{}", classes.len());
            e.attributes.retain(|(name, _)| !moves(name));
            e.set("class", &class);
            let mut inner = XmlElement::new(tag);
            inner.attributes = moved;
            let mut outer = XmlElement::new("default").with("class", class);
            outer.push(inner);
            classes.push(outer);
        }
    }
    e.children.iter_mut().filter(|c| c.tag != "default").for_each(|child| move_some(child, draw, classes));
}
