//! Bodies and joints: chains, branches, free bodies, bodies that something outside moves.

use super::xml::list;
use super::{Build, Joint, XmlElement, geoms};

/// Degrees of freedom of a model, at most.
const MOST: usize = 9;

pub(super) fn draw(build: &mut Build) {
    let mut world = XmlElement::new("worldbody");
    geoms::ground(build, &mut world);
    let sites = build.draw.below(3);
    for _ in 0..sites {
        geoms::site(build, &mut world);
    }
    if build.draw.chance(0.05) {
        mocap(build, &mut world);
    }
    if build.draw.chance(0.04) {
        // Fixed to the world.
        let mut fixed = XmlElement::new("body").with("name", body_name(build)).with("pos", "0.4 0 0.1");
        geoms::solid(build, &mut fixed, 0.08);
        world.push(fixed);
    }
    let most = match build.draw.below(10) {
        0..=1 => 1,
        2..=5 => 3,
        6..=8 => 6,
        _ => MOST,
    };
    let mut trees = 0;
    while build.dofs < most && trees < 4 {
        let x = 0.25 * trees as f64;
        let height = if build.draw.chance(0.6) { build.draw.within(0.02, 0.12) } else { build.draw.within(0.2, 0.8) };
        let root = body(build, [x, 0.0, height], 0, most);
        world.push(root);
        trees += 1;
    }
    build.root.push(world);
}

fn body_name(build: &mut Build) -> String {
    let name = format!("b{}", build.bodies.len());
    build.bodies.push(name.clone());
    name
}

fn mocap(build: &mut Build, world: &mut XmlElement) {
    let name = body_name(build);
    let mut body = XmlElement::new("body").with("name", name).with("mocap", "true").with("pos", "-0.3 0 0.3");
    if build.draw.chance(0.5) {
        body.set("quat", list(&build.draw.many::<4>(0.1, 1.0)));
    }
    geoms::site(build, &mut body);
    if build.draw.chance(0.5) {
        geoms::solid(build, &mut body, 0.06);
    }
    world.push(body);
}

fn body(build: &mut Build, pos: [f64; 3], depth: usize, most: usize) -> XmlElement {
    let name = body_name(build);
    build.moving.push(name.clone());
    let mut body = XmlElement::new("body").with("name", name).with("pos", list(&pos));
    orientation(build, &mut body, 0.25);
    if build.draw.chance(0.06) {
        body.set("gravcomp", build.draw.within(0.2, 1.5));
    }
    if build.draw.chance(0.01) {
        body.set("simple", "false");
    }
    if depth == 0 && build.draw.chance(0.01) {
        body.set("sleep", "never");
    }
    if build.draw.chance(0.05) {
        inertial(build, &mut body);
    }
    joints(build, &mut body, depth);
    let size = build.draw.within(0.03, 0.1);
    let geoms = match build.draw.below(8) {
        0 => 2,
        _ => 1,
    };
    // Now and then a body whose mass is all in its children: MuJoCo skips it in a medium.
    let mut child_only = false;
    if depth == 0 && build.dofs < most && build.draw.chance(0.04) {
        child_only = true;
    } else {
        for _ in 0..geoms {
            geoms::solid(build, &mut body, size);
        }
    }
    let sites = if build.draw.chance(0.6) { 1 + build.draw.below(2) } else { 0 };
    for _ in 0..sites {
        geoms::site(build, &mut body);
    }
    let mut children = usize::from(child_only);
    while depth < 4 && build.dofs < most && children < 3 && build.draw.chance(0.6) {
        children += 1;
    }
    for _ in 0..children {
        let offset =
            [size + build.draw.within(0.03, 0.15), build.draw.within(-0.05, 0.05), build.draw.within(-0.1, 0.1)];
        let child = if child_only || build.draw.chance(0.08) {
            fixed(build, offset)
        } else {
            self::body(build, offset, depth + 1, most)
        };
        child_only = false;
        body.push(child);
    }
    body
}

/// A body that is fixed to its parent.
fn fixed(build: &mut Build, pos: [f64; 3]) -> XmlElement {
    let mut body = XmlElement::new("body").with("name", body_name(build)).with("pos", list(&pos));
    geoms::solid(build, &mut body, 0.05);
    body
}

fn inertial(build: &mut Build, body: &mut XmlElement) {
    let d = &mut build.draw;
    let mut inertial = XmlElement::new("inertial");
    inertial.set("pos", list(&d.many::<3>(-0.03, 0.03)));
    inertial.set("mass", d.log(0.05, 3.0));
    if d.chance(0.3) {
        inertial.set("fullinertia", "0.004 0.005 0.006 0.0005 -0.0004 0.0003");
    } else {
        inertial.set("diaginertia", list(&d.many::<3>(0.004, 0.006)));
        orientation(build, &mut inertial, 0.5);
    }
    body.push(inertial);
}

/// One of the ways to turn something, sometimes.
pub(super) fn orientation(build: &mut Build, e: &mut XmlElement, p: f64) {
    let d = &mut build.draw;
    if !d.chance(p) {
        return;
    }
    match d.below(5) {
        0 | 1 => e.set("quat", list(&d.many::<4>(0.1, 1.0))),
        2 => e.set("euler", list(&d.many::<3>(-1.5, 1.5))),
        3 => {
            let ([x, y, z], angle) = (d.direction(), d.within(-2.0, 2.0));
            e.set("axisangle", list(&[x, y, z, angle]));
        }
        _ if d.chance(0.5) => e.set("zaxis", list(&d.direction())),
        _ => e.set("xyaxes", "1 0.2 0 -0.2 1 0.3"),
    }
}

fn joints(build: &mut Build, body: &mut XmlElement, depth: usize) {
    let free = depth == 0 && build.draw.chance(0.35);
    if free {
        let name = joint_name(build, "free", false);
        build.dofs += 6;
        let mut joint = if build.draw.chance(0.7) {
            XmlElement::new("freejoint")
        } else {
            XmlElement::new("joint").with("type", "free")
        };
        joint.set("name", name);
        if joint.tag == "freejoint" && build.draw.chance(0.1) {
            joint.set("align", build.draw.pick(&["true", "false"]));
        }
        if joint.tag == "joint" {
            if build.draw.chance(0.5) {
                joint.set("damping", build.draw.log(0.01, 1.0));
            }
            if build.draw.chance(0.1) {
                joint.set("frictionloss", build.draw.log(0.001, 0.1));
            }
            if build.draw.chance(0.1) {
                joint.set("stiffness", build.draw.log(0.1, 20.0));
            }
            if build.draw.chance(0.1) {
                joint.set("armature", build.draw.log(0.001, 0.1));
            }
        }
        body.push(joint);
        return;
    }
    let kinds: &[&'static str] = match build.draw.below(12) {
        0..=4 => &["hinge"],
        5..=6 => &["slide"],
        7 => &["ball"],
        8 => &["slide", "slide"],
        9 => &["slide", "slide", "hinge"],
        10 => &["hinge", "hinge"],
        _ => &["slide", "ball"],
    };
    for (i, kind) in kinds.iter().enumerate() {
        let axis = match kinds.len() {
            1 => build.draw.direction(),
            _ => [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]][i],
        };
        let joint = joint(build, kind, axis);
        body.push(joint);
    }
}

fn joint_name(build: &mut Build, kind: &'static str, limited: bool) -> String {
    let name = format!("j{}", build.joints.len());
    build.joints.push(Joint { name: name.clone(), kind, limited });
    name
}

fn joint(build: &mut Build, kind: &'static str, axis: [f64; 3]) -> XmlElement {
    let mut e = XmlElement::new("joint").with("type", kind);
    build.dofs += if kind == "ball" { 3 } else { 1 };
    let limited = build.draw.chance(0.25);
    e.set("name", joint_name(build, kind, limited));
    let d = &mut build.draw;
    if kind != "ball" {
        e.set("axis", list(&axis));
    }
    if d.chance(0.2) {
        e.set("pos", list(&d.many::<3>(-0.04, 0.04)));
    }
    let chance = |d: &mut super::Draw, p: f64| d.chance(p);
    if chance(d, 0.5) {
        let linear = d.log(0.005, 2.0);
        match d.below(6) {
            0 => e.set("damping", list(&[linear, d.log(0.01, 1.0), 0.0])),
            1 => e.set("damping", list(&[linear, d.log(0.01, 1.0), d.log(0.01, 1.0)])),
            _ => e.set("damping", linear),
        }
    }
    if chance(d, 0.2) {
        let linear = d.log(0.1, 50.0);
        match d.below(4) {
            0 if kind != "ball" => e.set("stiffness", list(&[linear, d.log(0.1, 10.0), d.log(0.1, 10.0)])),
            _ => e.set("stiffness", linear),
        }
        if kind != "ball" && chance(d, 0.4) {
            e.set("springref", d.within(-0.3, 0.3));
        }
    }
    if kind != "ball" && chance(d, 0.03) {
        e.set("springdamper", list(&[d.within(0.05, 0.3), d.within(0.3, 1.0)]));
    }
    if chance(d, 0.2) {
        e.set("armature", d.log(0.001, 0.3));
    }
    if kind != "ball" && chance(d, 0.05) {
        e.set("ref", d.within(-0.2, 0.2));
    }
    let friction = chance(d, 0.12);
    if friction {
        e.set("frictionloss", d.log(0.001, 0.5));
    }
    if limited {
        let range = match kind {
            "ball" => [0.0, d.within(0.1, 1.0)],
            "slide" => [-d.log(0.001, 0.1), d.log(0.001, 0.1)],
            _ => [-d.log(0.01, 1.0), d.log(0.01, 1.0)],
        };
        e.set("range", list(&range));
        if chance(d, 0.2) {
            e.set("limited", "true");
        }
        if chance(d, 0.4) {
            e.set("margin", d.log(0.001, 0.3));
        }
    }
    if kind != "ball" && chance(d, 0.08) {
        e.set("actuatorfrcrange", list(&[-d.log(0.05, 5.0), d.log(0.05, 5.0)]));
        if chance(d, 0.2) {
            e.set("actuatorfrclimited", "true");
        }
    }
    if chance(d, 0.03) {
        e.set("actuatorgravcomp", "true");
    }
    if limited {
        build.solver(&mut e, ["solreflimit", "solimplimit"], 0.2);
    }
    if friction {
        build.solver(&mut e, ["solreffriction", "solimpfriction"], 0.2);
    }
    e
}
