//! What lies on a border between two regimes, where chance alone seldom puts a model: a mug that stands all but upright, a
//! limit about to begin, a moving body without mass in a medium.
//!
//! It has draws of its own, so that the rest of a model does not change with it.

use super::draw::Draw;
use super::xml::{exact, list};
use super::{Build, XmlElement};

pub(super) fn draw(build: &mut Build, mut d: Draw) {
    if d.chance(0.06) {
        mug(build, &mut d);
    }
    if d.chance(0.1) {
        limit(build, &mut d);
    }
    if d.chance(0.04) {
        massless(build, &mut d);
    }
}

/// A cylinder that stands on a plane, by up to 3e-4 rad from upright: its lowest point runs around its rim.
fn mug(build: &mut Build, d: &mut Draw) {
    let (radius, half) = (d.within(0.02, 0.06), d.within(0.03, 0.08));
    let (tilt, depth) = (d.log(1e-6, 3e-4), d.log(1e-5, 1e-3));
    let world = build.root.section("worldbody");
    let flat = |g: &XmlElement| g.tag == "geom" && g.get("type") == Some("plane") && g.get("zaxis").is_none();
    let mut height = half - depth;
    if !world.children.iter().any(flat) {
        let plane = XmlElement::new("geom").with("name", "table").with("type", "plane").with("size", "2 2 0.1");
        world.push(plane.with("pos", "0 0 -0.2"));
        height -= 0.2;
    }
    let mut body = XmlElement::new("body").with("name", "mug").with("pos", exact(&[-1.5, 1.5, height]));
    body.set("euler", list(&[tilt, 0.0, 0.0]));
    if d.chance(0.4) {
        body.push(XmlElement::new("freejoint").with("name", "mug"));
    } else {
        body.push(XmlElement::new("joint").with("name", "lift").with("type", "slide").with("axis", "0 0 1"));
        body.push(XmlElement::new("joint").with("name", "tilt").with("type", "hinge").with("axis", "1 0 0"));
    }
    let geom = XmlElement::new("geom").with("name", "cup").with("type", "cylinder").with("size", list(&[radius, half]));
    body.push(geom.with("condim", d.pick(&["1", "3", "4", "6"])));
    build.root.section("worldbody").push(body);
}

/// A limit of a tendon that begins within the reach of every nudge.
fn limit(build: &mut Build, d: &mut Draw) {
    let gap = d.log(1e-10, 1e-7);
    let Some(joint) = d.name(&build.scalar_joints()) else { return };
    let mut tendon = XmlElement::new("fixed").with("name", "cord").with("range", list(&[-1.0, gap]));
    tendon.push(XmlElement::new("joint").with("joint", joint).with("coef", d.pick(&["1", "-1", "0.5"])));
    build.root.section("tendon").push(tendon);
}

/// A body without mass that moves in a medium: what it carries is fixed to it.
fn massless(build: &mut Build, d: &mut Draw) {
    let option = build.root.section("option");
    if option.get("viscosity").is_none() {
        option.set("viscosity", d.log(1e-3, 1.0));
    }
    let mut body = XmlElement::new("body").with("name", "arm").with("pos", "-1 -1 0.6");
    let kind = d.pick(&["hinge", "slide", "ball"]);
    body.push(XmlElement::new("joint").with("name", "swivel").with("type", kind));
    let mut load = XmlElement::new("body").with("name", "load").with("pos", list(&d.many::<3>(0.05, 0.2)));
    load.push(XmlElement::new("geom").with("name", "load").with("size", list(&[d.within(0.03, 0.08)])));
    body.push(load);
    build.root.section("worldbody").push(body);
}
