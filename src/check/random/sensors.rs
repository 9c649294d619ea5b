//! Sensors. They change no motion: their draws are a stream of their own, so that a model is the same without them. A few
//! stages run for them alone, and C and D are judged too.

use super::draw::Draw;
use super::{Build, XmlElement};

/// Those that are cut off sometimes: beyond it they are constant.
const CUT: [&str; 7] = ["touch", "accelerometer", "gyro", "actuatorfrc", "framepos", "framelinvel", "e_kinetic"];

pub(super) fn draw(build: &mut Build, mut own: Draw) {
    let d = &mut own;
    if !d.chance(0.2) {
        return;
    }
    let mut made = Vec::new();
    for _ in 0..1 + d.below(6) {
        let e = match d.below(9) {
            0 => d.name(&build.sites).map(|site| {
                let kind = d.pick(&["touch", "accelerometer", "velocimeter", "gyro", "force", "torque"]);
                XmlElement::new(kind).with("site", site)
            }),
            1 => d.name(&build.sites).map(|site| {
                let kind = d.pick(&["magnetometer", "rangefinder"]);
                XmlElement::new(kind).with("site", site)
            }),
            2 => d.name(&build.moving).map(|body| {
                let kind = d.pick(&["subtreecom", "subtreelinvel", "subtreeangmom"]);
                XmlElement::new(kind).with("body", body)
            }),
            3 => d.name(&build.actuators).map(|actuator| {
                let kind = d.pick(&["actuatorpos", "actuatorvel", "actuatorfrc"]);
                XmlElement::new(kind).with("actuator", actuator)
            }),
            4 => joint(build, d),
            5 => tendon(build, d),
            6 => frame(build, d),
            7 => geoms(build, d),
            _ => Some(XmlElement::new(d.pick(&["e_potential", "e_kinetic", "clock"]))),
        };
        made.extend(e);
    }
    for mut e in made {
        if CUT.contains(&e.tag) && d.chance(0.25) {
            e.set("cutoff", d.log(0.05, 50.0));
        }
        build.root.section("sensor").push(e);
    }
}

fn joint(build: &Build, d: &mut Draw) -> Option<XmlElement> {
    let limited: Vec<String> = build.joints.iter().filter(|j| j.limited).map(|j| j.name.clone()).collect();
    let (kinds, from): (&[&'static str], _) = match d.below(3) {
        0 => (&["jointpos", "jointvel", "jointactuatorfrc"], build.scalar_joints()),
        1 => (&["jointlimitpos", "jointlimitvel", "jointlimitfrc"], limited),
        _ => (&["ballquat", "ballangvel"], build.joints_of(&["ball"])),
    };
    let name = d.name(&from)?;
    Some(XmlElement::new(d.pick(kinds)).with("joint", name))
}

fn tendon(build: &mut Build, d: &mut Draw) -> Option<XmlElement> {
    let name = d.name(&build.tendons)?;
    let all = &build.root.section("tendon").children;
    let limited = all.iter().any(|t| t.get("name") == Some(&name) && t.get("range").is_some());
    let kinds: &[&'static str] = if limited && d.chance(0.5) {
        &["tendonlimitpos", "tendonlimitvel", "tendonlimitfrc"]
    } else {
        &["tendonpos", "tendonvel", "tendonactuatorfrc"]
    };
    Some(XmlElement::new(d.pick(kinds)).with("tendon", name))
}

/// Of a body, a geom or a site, sometimes as another one sees it.
fn frame(build: &Build, d: &mut Draw) -> Option<XmlElement> {
    let object = |d: &mut Draw| -> Option<(&'static str, String)> {
        match d.below(4) {
            0 => d.name(&build.bodies).map(|name| ("body", name)),
            1 => d.name(&build.bodies).map(|name| ("xbody", name)),
            2 => d.name(&build.geoms).map(|name| ("geom", name)),
            _ => d.name(&build.sites).map(|name| ("site", name)),
        }
    };
    let kind = d.pick(&[
        "framepos",
        "framequat",
        "framexaxis",
        "frameyaxis",
        "framezaxis",
        "framelinvel",
        "frameangvel",
        "framelinacc",
        "frameangacc",
    ]);
    let (of, name) = object(d)?;
    let mut e = XmlElement::new(kind).with("objtype", of).with("objname", name);
    if !kind.ends_with("acc") && d.chance(0.4) {
        let (of, name) = object(d)?;
        e.set("reftype", of);
        e.set("refname", name);
    }
    Some(e)
}

/// Between two geoms.
fn geoms(build: &Build, d: &mut Draw) -> Option<XmlElement> {
    let (first, second) = (d.name(&build.geoms)?, d.name(&build.geoms)?);
    if first == second {
        return None;
    }
    if d.chance(0.6) {
        let kind = d.pick(&["distance", "normal", "fromto"]);
        return Some(XmlElement::new(kind).with("geom1", first).with("geom2", second).with("cutoff", d.log(0.1, 10.0)));
    }
    let data = d.pick(&["force", "force torque", "dist pos normal", "found force torque dist pos normal tangent"]);
    let mut e = XmlElement::new("contact").with("geom1", first).with("data", data);
    if d.chance(0.5) {
        e.set("reduce", d.pick(&["netforce", "mindist", "maxforce"]));
    }
    Some(e)
}
