//! Tendons: sums of joints, and cables over sites, wrapped around geoms, split by pulleys.

use super::xml::list;
use super::{Build, XmlElement};

pub(super) fn draw(build: &mut Build) {
    let scalar = build.scalar_joints();
    if !scalar.is_empty() && build.draw.chance(0.22) {
        let mut e = XmlElement::new("fixed");
        let n = 1 + build.draw.below(scalar.len().min(3));
        let first = build.draw.below(scalar.len());
        for i in 0..n {
            let joint = &scalar[(first + i) % scalar.len()];
            e.push(XmlElement::new("joint").with("joint", joint).with("coef", build.draw.within(-2.0, 2.0)));
        }
        tendon(build, e);
    }
    if build.sites.len() >= 2 && build.draw.chance(0.3) {
        let e = cable(build);
        tendon(build, e);
    }
}

fn cable(build: &mut Build) -> XmlElement {
    let mut e = XmlElement::new("spatial");
    let n = build.sites.len();
    let first = build.draw.below(n);
    let site = |build: &Build, i: usize| XmlElement::new("site").with("site", &build.sites[(first + i) % n]);
    e.push(site(build, 0));
    let mut next = 1;
    if build.draw.chance(0.35)
        && let Some(round) = build.draw.name(&build.round.clone())
    {
        let mut wrap = XmlElement::new("geom").with("geom", round);
        if build.draw.chance(0.3) {
            wrap.set("sidesite", &build.sites[build.draw.below(n)]);
        }
        e.push(wrap);
    }
    e.push(site(build, next));
    next += 1;
    if next < n && build.draw.chance(0.4) {
        if build.draw.chance(0.4) {
            e.push(XmlElement::new("pulley").with("divisor", build.draw.pick(&["1", "2", "3"])));
            e.push(site(build, next - 1));
        }
        e.push(site(build, next));
    }
    e
}

fn tendon(build: &mut Build, mut e: XmlElement) {
    let name = format!("t{}", build.tendons.len());
    e.set("name", &name);
    build.tendons.push(name);
    let d = &mut build.draw;
    if d.chance(0.4) {
        let linear = d.log(1.0, 100.0);
        e.set("stiffness", if d.chance(0.2) { list(&[linear, 10.0, 20.0]) } else { linear.to_string() });
        if d.chance(0.4) {
            let length = d.within(0.05, 0.4);
            e.set("springlength", if d.chance(0.4) { list(&[length, length + 0.05]) } else { length.to_string() });
        }
    }
    if d.chance(0.35) {
        let linear = d.log(0.01, 2.0);
        e.set("damping", if d.chance(0.25) { list(&[linear, 0.3, 0.2]) } else { linear.to_string() });
    }
    if d.chance(0.05) {
        e.set("armature", d.log(0.001, 0.1));
    }
    let friction = d.chance(0.12);
    if friction {
        e.set("frictionloss", d.log(0.001, 0.5));
    }
    let limited = d.chance(0.3);
    if limited {
        let middle = if e.tag == "fixed" { 0.0 } else { d.within(0.1, 0.4) };
        e.set("range", list(&[middle - d.log(0.001, 0.1), middle + d.log(0.001, 0.1)]));
        if d.chance(0.2) {
            e.set("limited", "true");
        }
        if d.chance(0.3) {
            e.set("margin", d.log(0.001, 0.05));
        }
    }
    if d.chance(0.08) {
        e.set("actuatorfrcrange", list(&[-d.log(0.05, 5.0), d.log(0.05, 5.0)]));
        if d.chance(0.2) {
            e.set("actuatorfrclimited", "true");
        }
    }
    if limited {
        build.solver(&mut e, ["solreflimit", "solimplimit"], 0.2);
    }
    if friction {
        build.solver(&mut e, ["solreffriction", "solimpfriction"], 0.2);
    }
    build.root.section("tendon").push(e);
}
