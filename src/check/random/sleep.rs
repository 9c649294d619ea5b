//! Trees of bodies that sleep: at wide tolerances those fall asleep within a few steps that move, and some begin asleep.
//!
//! It has draws of its own, so that the rest of a model does not change with it.

use super::draw::Draw;
use super::{Build, XmlElement};

pub(super) fn draw(build: &mut Build, mut d: Draw) {
    if !d.chance(0.04) {
        return;
    }
    let option = build.root.section("option");
    option.set("sleep_tolerance", d.log(0.001, 3.0));
    option.section("flag").set("sleep", "enable");
    let moves = |body: &XmlElement| body.children.iter().any(|e| e.tag == "joint" || e.tag == "freejoint");
    let bodies = build.root.section("worldbody").children.iter_mut().filter(|e| e.tag == "body" && moves(e));
    for body in bodies.filter(|body| body.get("mocap").is_none()) {
        if d.chance(0.4) {
            body.set("sleep", d.pick(&["never", "allowed", "allowed", "init"]));
        }
    }
}
