//! Options, flags, sizes and compiler settings.

use super::xml::list;
use super::{Build, XmlElement};

pub(super) fn draw(build: &mut Build) {
    compiler(build);
    let mut option = XmlElement::new("option");
    let d = &mut build.draw;
    option.set("timestep", d.log(0.001, 0.01));
    if d.chance(0.65) {
        option.set(
            "integrator",
            d.pick(&["Euler", "implicit", "implicit", "implicitfast", "implicitfast", "RK4", "discrete"]),
        );
    }
    if d.chance(0.4) {
        option.set("cone", d.pick(&["elliptic", "elliptic", "pyramidal"]));
    }
    if d.chance(0.2) {
        option.set("solver", d.pick(&["CG", "PGS", "Newton"]));
    }
    if d.chance(0.2) {
        option.set("impratio", d.log(0.3, 20.0));
    }
    if d.chance(0.05) {
        option.set("noslip_iterations", 1 + d.below(4));
        if d.chance(0.3) {
            option.set("noslip_tolerance", 1e-9);
        }
    }
    if d.chance(0.2) {
        option.set("jacobian", d.pick(&["dense", "sparse", "auto"]));
    }
    if d.chance(0.15) {
        option.set("gravity", if d.chance(0.3) { "0 0 0".to_owned() } else { list(&d.many::<3>(-9.0, 9.0)) });
    }
    if d.chance(0.15) {
        option.set("density", if d.chance(0.5) { 1000.0 } else { d.log(1.0, 2000.0) });
    }
    if d.chance(0.12) {
        option.set("viscosity", d.log(1e-4, 1.0));
    }
    if d.chance(0.1) {
        option.set("wind", list(&d.many::<3>(-2.0, 2.0)));
    }
    if d.chance(0.05) {
        option.set("magnetic", list(&d.many::<3>(-1.0, 1.0)));
    }
    if d.chance(0.05) {
        option.set("o_margin", d.log(0.001, 0.05));
        option.set("o_solref", "0.02 1");
        option.set("o_solimp", "0.8 0.9 0.01 0.5 2");
        option.set("o_friction", "0.8 0.8 0.01 0.001 0.001");
    }
    if d.chance(0.05) {
        option.set("actuatorgroupdisable", d.pick(&["1", "2", "1 2"]));
    }
    if d.chance(0.05) {
        let (name, value) = [
            ("ccd_iterations", 60.0),
            ("ccd_tolerance", 1e-7),
            ("iterations", 50.0),
            ("ls_iterations", 30.0),
            ("ls_tolerance", 0.02),
            ("tolerance", 1e-9),
            ("sdf_iterations", 12.0),
            ("sdf_initpoints", 20.0),
            ("sleep_tolerance", 1e-3),
        ][d.below(9)];
        option.set(name, value);
    }
    flags(build, &mut option);
    build.root.push(option);
    extras(build);
}

fn flags(build: &mut Build, option: &mut XmlElement) {
    // What is on by default, and how often it is put out; then what is out, and how often it is put on.
    const OFF: [(&str, f64); 17] = [
        ("actuation", 0.01),
        ("autoreset", 0.01),
        ("clampctrl", 0.04),
        ("constraint", 0.01),
        ("contact", 0.02),
        ("damper", 0.02),
        ("equality", 0.01),
        ("eulerdamp", 0.06),
        ("filterparent", 0.03),
        ("frictionloss", 0.02),
        ("gravity", 0.02),
        ("island", 0.03),
        ("limit", 0.02),
        ("midphase", 0.02),
        ("nativeccd", 0.02),
        ("refsafe", 0.03),
        ("spring", 0.02),
    ];
    const ON: [(&str, f64); 8] = [
        ("diagexact", 0.03),
        ("energy", 0.02),
        ("fwdinv", 0.01),
        ("invdiscrete", 0.01),
        ("ipc", 0.01),
        ("multiccd", 0.04),
        ("override", 0.02),
        ("sleep", 0.01),
    ];
    let d = &mut build.draw;
    let mut flag = XmlElement::new("flag");
    if d.chance(0.6) {
        for (name, p) in OFF.into_iter().chain([("sensor", 0.01), ("warmstart", 0.02)]) {
            if d.chance(p) {
                flag.set(name, "disable");
            }
        }
        for (name, p) in ON {
            if d.chance(p) {
                flag.set(name, "enable");
            }
        }
        // Without both MuJoCo leaves out all passive forces, those of a medium too.
        if flag.get("spring").is_some() && option.get("density").is_some() {
            flag.set("damper", "disable");
        }
        // MuJoCo takes it under that integrator only.
        if flag.get("ipc").is_some() {
            option.set("integrator", "discrete");
            option.set("solver", "CG");
        }
    }
    if !flag.attributes.is_empty() {
        option.push(flag);
    }
}

fn compiler(build: &mut Build) {
    let d = &mut build.draw;
    let mut compiler = XmlElement::new("compiler");
    // Degrees by default in MJCF; ranges below are radians.
    compiler.set("angle", "radian");
    let rare: [(&str, &str); 13] = [
        ("conflict", "merge"),
        ("usethread", "false"),
        ("autolimits", "true"),
        ("alignfree", "true"),
        ("fusestatic", "true"),
        ("inertiafromgeom", "true"),
        ("boundmass", "0.001"),
        ("boundinertia", "0.00001"),
        ("balanceinertia", "true"),
        ("settotalmass", "2"),
        ("eulerseq", "zyx"),
        ("inertiagrouprange", "0 4"),
        ("fitaabb", "true"),
    ];
    for (name, value) in rare {
        if d.chance(0.01) {
            compiler.set(name, value);
        }
    }
    // Ranges of lengths that no actuator gives are found by a simulation of the compiler's. Where that diverges, MuJoCo 3.17
    // resets it, its time too, and waits for ever for the time to be over: so it is two steps long.
    if d.chance(0.03) {
        let mut range = XmlElement::new("lengthrange").with("mode", d.pick(&["muscle", "none", "all", "muscleuser"]));
        for (name, value) in [("timestep", "0.005"), ("inttotal", "0.01"), ("interval", "0.005"), ("tolrange", "0.5")] {
            range.set(name, value);
        }
        for (name, value) in
            [("accel", "15"), ("maxforce", "10"), ("timeconst", "0.5"), ("useexisting", "true"), ("uselimit", "true")]
        {
            if d.chance(0.3) {
                range.set(name, value);
            }
        }
        compiler.push(range);
    }
    build.root.push(compiler);
}

/// Classes of defaults, and what has a place of its own.
fn extras(build: &mut Build) {
    let d = &mut build.draw;
    if d.chance(0.05) {
        let mut statistic = XmlElement::new("statistic");
        statistic.set("meaninertia", d.log(0.01, 2.0));
        build.root.push(statistic);
    }
    if d.chance(0.03) {
        build.root.push(XmlElement::new("size").with("memory", "4M"));
    }
    if build.draw.chance(0.1) {
        let class = match build.draw.below(4) {
            0 => XmlElement::new("joint").with("damping", build.draw.log(0.01, 1.0)),
            1 => XmlElement::new("geom").with("friction", list(&[build.draw.within(0.2, 1.5), 0.01, 0.001])),
            2 => XmlElement::new("general").with("ctrlrange", "-0.7 0.7"),
            _ => XmlElement::new("tendon").with("stiffness", build.draw.log(1.0, 100.0)),
        };
        build.root.push(XmlElement::new("default")).push(class);
    }
}
