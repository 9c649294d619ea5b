//! Actuators: every transmission, gain, bias and kind of dynamics, and MuJoCo's short forms.

use super::xml::list;
use super::{Build, XmlElement};

pub(super) fn draw(build: &mut Build) {
    let n = match build.draw.below(8) {
        0 => 0,
        1..=4 => 1,
        5..=6 => 2,
        _ => 3,
    };
    for _ in 0..n {
        if let Some(e) = actuator(build) {
            build.root.section("actuator").push(e);
        }
    }
}

fn actuator(build: &mut Build) -> Option<XmlElement> {
    let name = format!("a{}", build.actuators.len());
    let mut e = match build.draw.below(40) {
        0..=15 => general(build)?,
        16..=19 => short(build, "motor", &[])?,
        20..=22 => position(build)?,
        23 => short(build, "velocity", &["kv"])?,
        24..=25 => intvelocity(build)?,
        26..=27 => damper(build)?,
        28 => cylinder(build)?,
        29..=32 => muscle(build)?,
        33..=35 => adhesion(build)?,
        36..=37 => pid(build)?,
        38 => dcmotor(build)?,
        _ => orientation(build)?,
    };
    let d = &mut build.draw;
    e.set("name", &name);
    build.actuators.push(name);
    if d.chance(0.08) {
        e.set("group", d.pick(&["1", "2"]));
    }
    if e.tag != "dcmotor" && e.tag != "orientation" && d.chance(0.12) {
        let low = if matches!(e.tag, "adhesion") { 0.0 } else { -d.log(0.05, 20.0) };
        e.set("forcerange", list(&[low, d.log(0.05, 20.0)]));
        if d.chance(0.2) {
            e.set("forcelimited", "true");
        }
    }
    if !matches!(e.tag, "adhesion" | "orientation") && (e.get("joint").is_some() || e.get("tendon").is_some()) {
        if d.chance(0.05) {
            e.set("armature", d.log(0.001, 0.1));
        }
        if d.chance(0.05) {
            let linear = d.log(0.01, 0.5);
            e.set("damping", if d.chance(0.4) { list(&[linear, 0.1, 0.05]) } else { linear.to_string() });
        }
    }
    if d.chance(0.03) {
        e.set("delay", 0.01);
        e.set("nsample", 8);
        e.set("interp", d.pick(&["zoh", "linear", "cubic"]));
    }
    let limited =
        d.chance(0.1) && e.get("ctrlrange").is_some() && !matches!(e.tag, "adhesion" | "damper" | "orientation");
    if limited {
        e.set("ctrllimited", "true");
    }
    Some(e)
}

/// What an actuator pulls at, and through which gear.
fn transmission(build: &mut Build, e: &mut XmlElement) -> Option<()> {
    let scalar = build.scalar_joints();
    let turning = build.joints_of(&["ball", "free"]);
    let d = &mut build.draw;
    match d.below(20) {
        0..=7 => e.set("joint", d.name(&scalar)?),
        8..=9 => {
            let joint = d.name(&turning)?;
            e.set(if d.chance(0.5) { "joint" } else { "jointinparent" }, joint);
            e.set("gear", list(&d.many::<6>(-1.0, 1.0)));
        }
        10 => e.set("jointinparent", d.name(&scalar)?),
        11..=14 => e.set("tendon", d.name(&build.tendons)?),
        15..=17 => {
            e.set("site", d.name(&build.sites)?);
            e.set("gear", list(&d.many::<6>(-1.0, 1.0)));
            if d.chance(0.5) && e.tag != "muscle" {
                e.set("refsite", d.name(&build.sites)?);
                if e.get("refsite") == e.get("site") {
                    e.attributes.retain(|(n, _)| *n != "refsite");
                }
            }
        }
        18 if build.sites.len() >= 2 => {
            let at = d.below(build.sites.len());
            e.set("cranksite", &build.sites[at]);
            e.set("slidersite", &build.sites[(at + 1) % build.sites.len()]);
            e.set("cranklength", d.within(0.1, 0.5));
        }
        19 if e.tag == "general" => e.set("body", d.name(&build.moving)?),
        _ => return None,
    }
    if d.chance(0.3) && e.get("gear").is_none() {
        e.set("gear", d.within(-3.0, 3.0));
    }
    Some(())
}

fn control_range(build: &mut Build, e: &mut XmlElement) {
    let d = &mut build.draw;
    if d.chance(0.7) {
        e.set("ctrlrange", list(&[-d.within(0.3, 1.5), d.within(0.3, 1.5)]));
        if d.chance(0.1) {
            e.set("ctrllimited", "true");
        }
    }
}

fn general(build: &mut Build) -> Option<XmlElement> {
    let mut e = XmlElement::new("general");
    transmission(build, &mut e)?;
    control_range(build, &mut e);
    let d = &mut build.draw;
    let dynamics = match d.below(10) {
        0..=4 => "none",
        5 => "integrator",
        6..=7 => "filter",
        8 => "filterexact",
        _ => "muscle",
    };
    if dynamics != "none" {
        e.set("dyntype", dynamics);
        match dynamics {
            "filter" | "filterexact" => e.set("dynprm", d.log(0.005, 0.2)),
            "muscle" => e.set("dynprm", list(&[d.log(0.005, 0.05), d.log(0.02, 0.1), 0.1])),
            _ => {}
        }
        if d.chance(0.3) {
            e.set("actearly", "true");
        }
        if d.chance(0.3) {
            e.set("actrange", list(&[-d.within(0.05, 0.6), d.within(0.05, 0.6)]));
            if d.chance(0.3) {
                e.set("actlimited", "true");
            }
        }
    }
    // Gains of muscles need a range of lengths, which takes a simulation to find: given here.
    match d.below(6) {
        0..=2 => e.set("gainprm", d.within(-5.0, 5.0)),
        3..=4 => {
            e.set("gaintype", "affine");
            e.set("gainprm", list(&d.many::<3>(-3.0, 3.0)));
        }
        _ => {
            e.set("gaintype", "muscle");
            e.set("gainprm", list(&[0.75, 1.05, d.log(1.0, 50.0), 200.0, 0.5, 1.6, 1.5, 1.3, 1.2]));
            e.set("lengthrange", "0.1 0.8");
        }
    }
    if d.chance(0.06) {
        // What the short form sets, spelled out; its inputs are chosen by name.
        e.attributes.retain(|(n, _)| matches!(*n, "joint" | "jointinparent" | "tendon" | "site" | "refsite" | "gear"));
        e.set("gaintype", "pid");
        e.set("gainprm", "0 0 0");
        e.set("biastype", "affine");
        e.set("biasprm", "0 -3 -0.2");
        e.set("input", "pos vel ff");
        e.set("velrange", "-0.5 0.5");
        e.set("ffrange", "-0.5 0.5");
        return Some(e);
    }
    match d.below(5) {
        0..=1 => {}
        2..=3 => {
            e.set("biastype", "affine");
            e.set("biasprm", list(&[d.within(-1.0, 1.0), -d.log(0.1, 30.0), -d.log(0.01, 3.0)]));
            if e.get("gaintype").is_none() && e.get("dyntype").is_none() && d.chance(0.3) {
                // A servo whose gain and bias agree may take its range from the joint.
                e.set("gainprm", 4);
                e.set("biasprm", "0 -4 -0.3");
                inherit(build, &mut e, &["ctrlrange", "ctrllimited"]);
            }
        }
        _ => {
            e.set("biastype", "muscle");
            e.set("biasprm", list(&[0.75, 1.05, d.log(1.0, 50.0), 200.0, 0.5, 1.6, 1.5, 1.3, 1.2]));
            e.set("lengthrange", "0.1 0.8");
        }
    }
    Some(e)
}

fn short(build: &mut Build, tag: &'static str, gains: &[&'static str]) -> Option<XmlElement> {
    let mut e = XmlElement::new(tag);
    transmission(build, &mut e)?;
    control_range(build, &mut e);
    gains.iter().for_each(|gain| e.set(gain, build.draw.log(0.1, 20.0)));
    Some(e)
}

fn position(build: &mut Build) -> Option<XmlElement> {
    let mut e = short(build, "position", &["kp"])?;
    let d = &mut build.draw;
    match d.below(4) {
        0 => e.set("kv", d.log(0.05, 2.0)),
        1 if e.get("refsite").is_none() => e.set("dampratio", d.within(0.3, 1.2)),
        _ => {}
    }
    if d.chance(0.25) {
        e.set("timeconst", d.log(0.01, 0.2));
    }
    if d.chance(0.3) {
        inherit(build, &mut e, &["ctrlrange", "ctrllimited"]);
    }
    Some(e)
}

/// Takes a range from the joint's, where it has one, in place of some attributes.
fn inherit(build: &mut Build, e: &mut XmlElement, instead: &[&str]) {
    if build.joints.iter().any(|j| j.limited && j.kind != "ball" && Some(j.name.as_str()) == e.get("joint")) {
        e.attributes.retain(|(n, _)| !instead.contains(n));
        e.set("inheritrange", build.draw.within(0.5, 1.2));
    }
}

fn intvelocity(build: &mut Build) -> Option<XmlElement> {
    let mut e = short(build, "intvelocity", &["kp"])?;
    let d = &mut build.draw;
    e.set("actrange", list(&[-d.within(0.05, 1.0), d.within(0.05, 1.0)]));
    match d.below(3) {
        0 => e.set("kv", d.log(0.05, 2.0)),
        1 if e.get("refsite").is_none() => e.set("dampratio", d.within(0.3, 1.2)),
        _ => {}
    }
    if d.chance(0.1) {
        e.set("actlimited", "true");
    } else if d.chance(0.3) {
        inherit(build, &mut e, &["actrange"]);
    }
    Some(e)
}

fn damper(build: &mut Build) -> Option<XmlElement> {
    let mut e = XmlElement::new("damper");
    transmission(build, &mut e)?;
    e.set("kv", build.draw.log(0.05, 5.0));
    e.set("ctrlrange", list(&[0.0, build.draw.within(0.5, 2.0)]));
    Some(e)
}

fn cylinder(build: &mut Build) -> Option<XmlElement> {
    let mut e = short(build, "cylinder", &[])?;
    let d = &mut build.draw;
    e.set("timeconst", d.log(0.01, 0.5));
    if d.chance(0.5) {
        e.set("area", d.log(0.5, 5.0));
    } else {
        e.set("diameter", d.log(0.5, 2.0));
    }
    e.set("bias", list(&[d.within(-1.0, 1.0), -d.log(0.1, 5.0), -d.log(0.01, 1.0)]));
    Some(e)
}

fn muscle(build: &mut Build) -> Option<XmlElement> {
    let mut e = XmlElement::new("muscle");
    if !build.tendons.is_empty() && build.draw.chance(0.6) {
        e.set("tendon", &build.tendons[0]);
    } else if build.sites.len() >= 2 && build.draw.chance(0.2) {
        e.set("cranksite", &build.sites[0]);
        e.set("slidersite", &build.sites[1]);
        e.set("cranklength", build.draw.within(0.1, 0.5));
    } else {
        let kind = if build.draw.chance(0.2) { "jointinparent" } else { "joint" };
        e.set(kind, build.draw.name(&build.scalar_joints())?);
    }
    let d = &mut build.draw;
    e.set("ctrlrange", "0 1");
    e.set("lengthrange", list(&[d.within(-0.4, 0.1), d.within(0.3, 0.9)]));
    if d.chance(0.5) {
        e.set("timeconst", list(&[d.log(0.005, 0.05), d.log(0.02, 0.1)]));
    }
    if d.chance(0.4) {
        e.set("tausmooth", d.within(0.05, 0.4));
    }
    if d.chance(0.5) {
        e.set("force", d.log(1.0, 50.0));
    } else {
        e.set("scale", d.log(5.0, 100.0));
    }
    if d.chance(0.3) {
        e.set("range", list(&[0.6, 1.2]));
        if e.get("joint").is_some() {
            e.set("gear", d.within(-2.0, 2.0));
        }
        e.set("lmin", 0.4);
        e.set("lmax", 1.7);
        e.set("vmax", d.within(1.0, 3.0));
        e.set("fpmax", 1.1);
        e.set("fvmax", 1.3);
    }
    Some(e)
}

fn adhesion(build: &mut Build) -> Option<XmlElement> {
    let mut e = XmlElement::new("adhesion").with("body", build.draw.name(&build.moving)?);
    e.set("gain", build.draw.log(0.5, 20.0));
    e.set("ctrlrange", "0 1");
    Some(e)
}

fn pid(build: &mut Build) -> Option<XmlElement> {
    let mut e = XmlElement::new("pid");
    transmission(build, &mut e)?;
    let d = &mut build.draw;
    e.set("kp", d.log(0.5, 20.0));
    if d.chance(0.5) {
        e.set("ki", d.log(0.1, 5.0));
        if d.chance(0.4) {
            e.set("imax", d.log(0.05, 1.0));
        }
    }
    if d.chance(0.5) {
        e.set("kv", d.log(0.05, 2.0));
    } else if e.get("refsite").is_none() && d.chance(0.3) {
        e.set("dampratio", d.within(0.3, 1.2));
    }
    if d.chance(0.2) {
        e.set("slewmax", d.log(0.5, 5.0));
    }
    if d.chance(0.6) {
        e.set("input", d.pick(&["pos", "pos vel", "pos vel ff", "vel ff"]));
    }
    if e.get("input").is_none_or(|i| i.contains("pos")) && d.chance(0.3) {
        e.set("posrange", "-0.5 0.5");
    }
    if e.get("input").is_none_or(|i| i.contains("vel")) && d.chance(0.3) {
        e.set("velrange", "-0.5 0.5");
    }
    if e.get("input").is_some_and(|i| i.contains("ff")) && d.chance(0.3) {
        e.set("ffrange", "-0.5 0.5");
    }
    if e.get("input").is_none() && e.get("posrange").is_none() && d.chance(0.3) {
        inherit(build, &mut e, &[]);
    }
    Some(e)
}

fn dcmotor(build: &mut Build) -> Option<XmlElement> {
    let mut e = XmlElement::new("dcmotor");
    transmission(build, &mut e)?;
    let d = &mut build.draw;
    if d.chance(0.3) {
        e.set("nominal", "12 0.5 60");
    } else {
        e.set("motorconst", d.log(0.05, 0.5));
        e.set("resistance", d.log(0.5, 5.0));
    }
    if d.chance(0.3) {
        e.set("inductance", "0.02 0");
    }
    if d.chance(0.2) {
        e.set("cogging", "0.01 6 0.3");
    }
    if d.chance(0.2) {
        e.set("thermal", "2 20 0 0.004 25 25");
    }
    if d.chance(0.2) {
        e.set("lugre", "20 0.5 0.05 0.08 0.1");
    }
    if d.chance(0.2) {
        e.set("saturation", "0.5 0 0");
    }
    if d.chance(0.3) {
        e.set("input", d.pick(&["pos vel", "pos", "vel", "voltage", "pos vel ff voltage", "none"]));
        let input = e.get("input").unwrap_or_default();
        if input.contains("pos") {
            // Gains of error, integral and velocity; and where the setpoint's rate, the integral and the voltage end.
            let all = ["2 0 0.1 0 0 0", "2 0.7 0.1 0 0 0", "2 0.7 0.1 3 0.3 0", "2 0.7 0.1 0 0 0.5"];
            e.set("controller", d.pick(&all));
        } else if input == "vel" {
            e.set("controller", "2 0 0.1 0 0 0");
        }
    } else if d.chance(0.3) {
        e.set("ctrlrange", "-6 6");
    }
    Some(e)
}

fn orientation(build: &mut Build) -> Option<XmlElement> {
    let mut e = XmlElement::new("orientation");
    let balls = build.joints_of(&["ball"]);
    let d = &mut build.draw;
    if let Some(ball) = d.name(&balls) {
        e.set("joint", ball);
    } else if build.sites.len() >= 2 {
        e.set("site", &build.sites[0]);
        e.set("refsite", &build.sites[1]);
    } else {
        return None;
    }
    e.set("kp", d.log(0.5, 10.0));
    match d.below(3) {
        0 => e.set("kv", d.log(0.05, 1.0)),
        1 if e.get("joint").is_some() => e.set("dampratio", d.within(0.3, 1.2)),
        _ => {}
    }
    if d.chance(0.2) {
        e.set("forcerange", "0 2");
        if d.chance(0.4) {
            e.set("forcelimited", "true");
        }
    }
    if d.chance(0.2) {
        e.set("ctrlrange", "0 2");
    }
    if d.chance(0.3) {
        e.set("input", d.pick(&["expmap", "quat"]));
    }
    Some(e)
}
