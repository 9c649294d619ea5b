//! Sensors. They change no motion; a few are there so that the stages that serve them run.

use super::{Build, Element};

pub(super) fn draw(build: &mut Build) {
    if !build.draw.chance(0.08) {
        return;
    }
    let d = &mut build.draw;
    let mut made = Vec::new();
    if let Some(site) = d.name(&build.sites) {
        let kind = ["touch", "accelerometer", "velocimeter", "gyro", "force", "torque", "magnetometer", "rangefinder"]
            [d.below(8)];
        made.push(Element::new(kind).with("site", site));
    }
    if let Some(body) = d.name(&build.moving) {
        let kind = ["subtreecom", "subtreelinvel", "subtreeangmom"][d.below(3)];
        made.push(Element::new(kind).with("body", body));
    }
    if let Some(actuator) = d.name(&build.actuators) {
        let kind = ["actuatorpos", "actuatorvel", "actuatorfrc"][d.below(3)];
        made.push(Element::new(kind).with("actuator", actuator));
    }
    made.push(Element::new(["e_potential", "e_kinetic", "clock"][d.below(3)]));
    for e in made {
        build.root.section("sensor").push(e);
    }
}
