//! Geoms, sites, assets without files, explicit pairs of geoms.

use super::tree::orientation;
use super::xml::list;
use super::{Build, XmlElement};

/// What moving things may hit.
pub(super) fn ground(build: &mut Build, world: &mut XmlElement) {
    if !build.draw.chance(0.75) {
        return;
    }
    let name = format!("g{}", build.geoms.len());
    let mut geom = XmlElement::new("geom").with("name", &name);
    if build.draw.chance(0.08) {
        let asset = XmlElement::new("hfield")
            .with("name", "field")
            .with("nrow", 4)
            .with("ncol", 4)
            .with("size", "1 1 0.05 0.1")
            .with("elevation", "0 0.2 0.5 0.1 0.3 0.6 0.4 0.2 0.1 0.5 0.7 0.3 0 0.2 0.4 0.1");
        build.root.section("asset").push(asset);
        geom.set("type", "hfield");
        geom.set("hfield", "field");
    } else if build.draw.chance(0.1) {
        geom.set("type", "box");
        geom.set("size", "0.6 0.6 0.05");
        geom.set("pos", "0 0 -0.05");
    } else {
        geom.set("type", "plane");
        geom.set("size", "2 2 0.1");
        if build.draw.chance(0.15) {
            geom.set("zaxis", list(&[build.draw.within(-0.3, 0.3), build.draw.within(-0.3, 0.3), 1.0]));
        }
    }
    build.geoms.push(name);
    touch(build, &mut geom);
    world.push(geom);
}

/// A geom with mass, about `size` large.
pub(super) fn solid(build: &mut Build, body: &mut XmlElement, size: f64) {
    let name = format!("g{}", build.geoms.len());
    let mut geom = XmlElement::new("geom").with("name", &name);
    let d = &mut build.draw;
    let kind = match d.below(20) {
        0..=5 => "sphere",
        6..=10 => "capsule",
        11..=13 => "box",
        14..=15 => "cylinder",
        16..=17 => "ellipsoid",
        _ => "mesh",
    };
    geom.set("type", kind);
    match kind {
        "sphere" => geom.set("size", list(&[size])),
        "capsule" | "cylinder" if d.chance(0.3) => {
            geom.set("fromto", list(&[-size, 0.0, 0.0, size, d.within(-0.02, 0.02), 0.0]));
            geom.set("size", list(&[0.4 * size]));
        }
        "capsule" | "cylinder" => geom.set("size", list(&[d.within(0.3, 0.9) * size, d.within(0.3, 1.0) * size])),
        "mesh" => geom.set("mesh", mesh(build)),
        _ => geom.set("size", list(&d.many::<3>(0.4, 1.0).map(|x| x * size))),
    }
    if geom.get("fromto").is_none() {
        if build.draw.chance(0.4) {
            geom.set("pos", list(&build.draw.many::<3>(-0.03, 0.03)));
        }
        orientation(build, &mut geom, 0.3);
        if kind == "cylinder" && build.draw.chance(0.3) {
            // Upright but for a hair.
            geom.attributes.retain(|(n, _)| !matches!(*n, "quat" | "euler" | "axisangle" | "zaxis" | "xyaxes"));
            geom.set("euler", list(&[build.draw.log(1e-6, 1e-3), 0.0, 0.0]));
        }
    }
    if build.draw.chance(0.7) {
        geom.set("mass", build.draw.log(0.05, 3.0));
    } else if build.draw.chance(0.3) {
        geom.set("density", build.draw.log(200.0, 3000.0));
    }
    if kind != "mesh" && build.draw.chance(0.02) {
        geom.set("shellinertia", "true");
    }
    // A mesh stands for the simple shape that fits it.
    if kind == "mesh" && build.draw.chance(0.15) {
        geom.set("type", build.draw.pick(&["box", "capsule", "sphere", "ellipsoid"]));
        geom.set("fitscale", build.draw.within(0.8, 1.2));
    }
    if matches!(kind, "sphere" | "cylinder") {
        build.round.push(name.clone());
    }
    build.geoms.push(name);
    touch(build, &mut geom);
    body.push(geom);
}

/// How a geom meets others, and the medium.
fn touch(build: &mut Build, geom: &mut XmlElement) {
    let d = &mut build.draw;
    if d.chance(0.4) {
        geom.set("condim", d.pick(&["1", "3", "4", "6"]));
    }
    if d.chance(0.3) {
        geom.set("friction", list(&[d.within(0.1, 1.5), d.log(0.001, 0.1), d.log(1e-4, 0.05)]));
    }
    if d.chance(0.15) {
        geom.set("margin", d.log(0.001, 0.05));
    }
    if d.chance(0.08) {
        geom.set("gap", d.log(0.0005, 0.02));
    }
    if d.chance(0.08) {
        geom.set("priority", d.pick(&["1", "2"]));
    }
    if d.chance(0.05) {
        geom.set("solmix", d.within(0.1, 3.0));
    }
    if d.chance(0.06) {
        geom.set("adhesion", d.log(0.1, 10.0));
    }
    if d.chance(0.06) {
        geom.set("surfacevel", list(&d.many::<6>(-0.6, 0.6)));
    }
    if d.chance(0.04) {
        geom.set("contype", d.pick(&["0", "2", "3"]));
    }
    if d.chance(0.04) {
        geom.set("conaffinity", d.pick(&["0", "2", "3"]));
    }
    if d.chance(0.06) {
        geom.set("fluidshape", "ellipsoid");
        if d.chance(0.4) {
            geom.set("fluidcoef", "0.4 0.3 1.2 0.9 0.8");
        }
    }
    if d.chance(0.02) {
        geom.set("group", 1);
    }
    build.solver(geom, ["solref", "solimp"], 0.1);
}

/// A convex mesh whose corners are written into the model.
fn mesh(build: &mut Build) -> String {
    let d = &mut build.draw;
    let name = format!("m{}", build.geoms.len());
    let mut corners = vec![0.05, 0.0, -0.03, -0.04, 0.04, -0.03, -0.03, -0.05, -0.03, 0.0, 0.01, 0.05];
    for _ in 0..d.below(4) {
        corners.extend(d.many::<3>(-0.06, 0.06));
    }
    let mut mesh = XmlElement::new("mesh").with("name", &name).with("vertex", list(&corners));
    if d.chance(0.2) {
        mesh.set("inertia", d.pick(&["convex", "exact", "legacy"]));
    }
    if d.chance(0.1) {
        mesh.set("scale", list(&d.many::<3>(0.7, 1.3)));
    }
    if d.chance(0.05) {
        mesh.set("refpos", list(&d.many::<3>(-0.01, 0.01)));
        mesh.set("refquat", list(&d.many::<4>(0.1, 1.0)));
    }
    if d.chance(0.05) {
        mesh.set("maxhullvert", 6);
    }
    build.root.section("asset").push(mesh);
    name
}

/// A site, of those that tendons, actuators and sensors refer to.
pub(super) fn site(build: &mut Build, body: &mut XmlElement) {
    let name = format!("s{}", build.sites.len());
    let pos = build.draw.many::<3>(-0.1, 0.1);
    let mut site = XmlElement::new("site").with("name", &name).with("pos", list(&pos));
    orientation(build, &mut site, 0.3);
    if build.draw.chance(0.1) {
        site.set("type", build.draw.pick(&["sphere", "box", "capsule", "cylinder", "ellipsoid"]));
        site.set("size", "0.05 0.05 0.05");
        if site.get("type") != Some("sphere") && site.get("type") != Some("ellipsoid") && build.draw.chance(0.3) {
            site.attributes.retain(|(n, _)| matches!(*n, "name" | "type" | "size"));
            site.set("fromto", list(&build.draw.many::<6>(-0.1, 0.1)));
        }
    }
    build.sites.push(name);
    body.push(site);
}

/// Pairs of geoms with settings of their own, and pairs of bodies that pass through each other.
pub(super) fn pairs(build: &mut Build) {
    if build.geoms.len() >= 2 && build.draw.chance(0.12) {
        let first = build.draw.below(build.geoms.len() - 1);
        let second = first + 1 + build.draw.below(build.geoms.len() - 1 - first);
        let (geoms, d) = (&build.geoms, &mut build.draw);
        let mut pair = XmlElement::new("pair").with("name", "p0");
        pair.set("geom1", &geoms[first]);
        pair.set("geom2", &geoms[second]);
        if d.chance(0.6) {
            pair.set("condim", d.pick(&["1", "3", "4", "6"]));
        }
        if d.chance(0.5) {
            pair.set("friction", list(&[d.within(0.1, 1.5), d.within(0.1, 1.5), 0.02, 0.01, 0.005]));
        }
        if d.chance(0.3) {
            pair.set("margin", d.log(0.001, 0.05));
        }
        if d.chance(0.2) {
            pair.set("gap", d.log(0.0005, 0.02));
        }
        if d.chance(0.2) {
            pair.set("adhesion", d.log(0.1, 10.0));
        }
        if d.chance(0.2) {
            pair.set("solreffriction", list(&[d.log(0.01, 0.1), d.within(0.5, 1.5)]));
        }
        build.solver(&mut pair, ["solref", "solimp"], 0.2);
        build.root.section("contact").push(pair);
    }
    if build.moving.len() >= 2 && build.draw.chance(0.08) {
        let mut exclude = XmlElement::new("exclude");
        exclude.set("name", "x0");
        exclude.set("body1", &build.moving[0]);
        exclude.set("body2", &build.moving[1]);
        build.root.section("contact").push(exclude);
    }
}
