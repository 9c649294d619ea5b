//! Equalities: loops that are closed, bodies, joints and tendons that follow others.

use super::xml::list;
use super::{Build, XmlElement};

pub(super) fn draw(build: &mut Build) {
    let scalar = build.scalar_joints();
    let moving = build.moving.clone();
    let mut made = Vec::new();
    let d = &mut build.draw;
    if !moving.is_empty() && d.chance(0.12) {
        let mut e = XmlElement::new("connect");
        if build.sites.len() >= 2 && d.chance(0.4) {
            sites(&mut e, &build.sites, d.below(build.sites.len()));
        } else {
            e.set("body1", &moving[d.below(moving.len())]);
            if moving.len() > 1 && d.chance(0.5) {
                other(&mut e, &moving, d.below(moving.len()));
            }
            e.set("anchor", list(&d.many::<3>(-0.1, 0.1)));
        }
        made.push(e);
    }
    if !moving.is_empty() && d.chance(0.1) {
        let mut e = XmlElement::new("weld");
        if build.sites.len() >= 2 && d.chance(0.3) {
            sites(&mut e, &build.sites, d.below(build.sites.len()));
        } else {
            e.set("body1", &moving[d.below(moving.len())]);
            if build.bodies.len() > 1 && d.chance(0.5) {
                other(&mut e, &build.bodies, d.below(build.bodies.len()));
            }
            if d.chance(0.2) {
                e.set("anchor", list(&d.many::<3>(-0.1, 0.1)));
            }
            if d.chance(0.3) {
                e.set("relpose", "0.05 -0.02 0.1 0.9 0.1 0.2 -0.1");
            }
        }
        if d.chance(0.3) {
            e.set("torquescale", d.log(0.1, 5.0));
        }
        made.push(e);
    }
    if !scalar.is_empty() && d.chance(0.12) {
        let first = d.below(scalar.len());
        let mut e = XmlElement::new("joint").with("joint1", &scalar[first]);
        if scalar.len() > 1 && d.chance(0.7) {
            e.set("joint2", &scalar[(first + 1) % scalar.len()]);
        }
        e.set("polycoef", list(&d.many::<5>(-0.7, 0.7)));
        made.push(e);
    }
    if !build.tendons.is_empty() && d.chance(0.15) {
        let mut e = XmlElement::new("tendon").with("tendon1", &build.tendons[0]);
        if build.tendons.len() > 1 && d.chance(0.7) {
            e.set("tendon2", &build.tendons[1]);
        }
        e.set("polycoef", list(&d.many::<5>(-0.7, 0.7)));
        made.push(e);
    }
    for mut e in made {
        e.set("name", format!("e{}", build.root.section("equality").children.len()));
        if build.draw.chance(0.04) {
            e.set("active", "false");
        }
        build.solver(&mut e, ["solref", "solimp"], 0.3);
        build.root.section("equality").push(e);
    }
    // MuJoCo takes no empty section amiss, but a reader does.
    build.root.children.retain(|c| c.tag != "equality" || !c.children.is_empty());
}

fn other(e: &mut XmlElement, bodies: &[String], at: usize) {
    if e.get("body1") != Some(&bodies[at]) {
        e.set("body2", &bodies[at]);
    }
}

fn sites(e: &mut XmlElement, sites: &[String], at: usize) {
    e.set("site1", &sites[at]);
    e.set("site2", &sites[(at + 1) % sites.len()]);
}
