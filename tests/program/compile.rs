//! A model is compiled by a process that may die of it; what it dies of is one line, and the program goes on to the end.

use std::process::{Command, Stdio};

use crate::common::{Place, finish};

/// Records a model that must be refused.
#[track_caller]
fn refused(mjcf: &str, set: &[(&str, &str)], parts: &[&str]) {
    let place = Place::new();
    place.write("model.xml", mjcf);
    let mut command = place.command(&["record", "model.xml", "--steps", "2", "-o", "out.h5"]);
    command.envs(set.iter().copied());
    let ran = place.run_command(command).refused(parts);
    assert!(ran.stderr.starts_with("error: model.xml: MuJoCo cannot load the model: "), "{}", ran.stderr);
    assert!(!place.has("out.h5"));
}

#[test]
fn models_that_end_the_compiler() {
    let body = r#"<worldbody><body><joint/><geom size=".1"/></body>"#;
    let attached = format!(
        r#"<mujoco><asset><model name="s" file="model.xml"/></asset>{body}<attach model="s" body="world" prefix="p"/></worldbody></mujoco>"#
    );
    refused(&attached, &[], &["contains itself"]);
    let field = r#"<asset><hfield name="h" nrow="65536" ncol="65536" size="1 1 1 1"/></asset>"#;
    let field = format!(r#"<mujoco>{field}{body}<geom type="hfield" hfield="h"/></worldbody></mujoco>"#);
    refused(&field, &[], &["signal 11", "size"]);
    let user = format!(r#"<mujoco><size nuser_body="2000000000"/>{body}</worldbody></mujoco>"#);
    // It may be told in words, or die.
    refused(&user, &[], &["DYNSPARSE_COMPILE_GIB allows more"]);
    let cable = r#"<composite type="cable" curve="s" count="2000000000 1 1" size="1" prefix="q" initial="none">
        <joint kind="main"/><geom type="capsule" size=".005"/></composite>"#;
    let cable = format!("<mujoco>{body}{cable}</worldbody></mujoco>");
    // Memory may end in words or in a signal.
    refused(&cable, &[("DYNSPARSE_COMPILE_GIB", "1")], &["it may take 1 GiB"]);
    let nested = (0..6).fold(r#"<geom size=".1"/>"#.to_owned(), |inner, _| {
        format!(r#"<replicate count="1000" offset="1 0 0">{inner}</replicate>"#)
    });
    let nested = format!("<mujoco>{body}{nested}</worldbody></mujoco>");
    refused(&nested, &[("DYNSPARSE_COMPILE_GIB", "1"), ("DYNSPARSE_COMPILE_SECONDS", "3")], &["DYNSPARSE_COMPILE_"]);
}

/// A muscle whose length range MuJoCo looks for by a simulation that blows up, so that it looks for ever.
const ENDLESS: &str = r#"<mujoco><option timestep="0.01"/><compiler><lengthrange mode="all" useexisting="false" inttotal="1e9" interval="2" timeconst="1e-7" maxforce="1e9"/></compiler>
    <worldbody><body><joint name="a" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 .5 0 0" size=".02"/>
    <body pos=".5 0 0"><joint name="b" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 .5 0 0" size=".02"/></body></body></worldbody>
    <tendon><fixed name="t"><joint joint="a" coef="1"/><joint joint="b" coef="2"/></fixed></tendon>
    <actuator><general tendon="t"/></actuator></mujoco>"#;

#[test]
fn a_compilation_without_end() {
    refused(ENDLESS, &[("DYNSPARSE_COMPILE_SECONDS", "1")], &["more than 1 s of processor time", "length ranges"]);
}

/// A signal is obeyed while MuJoCo compiles.
#[test]
#[cfg(unix)]
fn a_signal_while_it_compiles() {
    let place = Place::new();
    place.write("model.xml", ENDLESS);
    let mut command = place.command(&["record", "model.xml", "-o", "out.h5"]);
    command.env("DYNSPARSE_COMPILE_SECONDS", "600").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let compiler = || {
        let listed = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap_or_default();
        listed.split_whitespace().next().map(str::to_owned)
    };
    while compiler().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    let (status, _, stderr) = finish(child);
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("error: stopped"), "{stderr}");
}

#[test]
fn limits_are_numbers() {
    let place = Place::new();
    for (name, value) in [("DYNSPARSE_COMPILE_GIB", "much"), ("DYNSPARSE_COMPILE_SECONDS", "0")] {
        let mut command = place.command(&["record", "--steps", "2"]);
        command.env(name, value);
        place.run_command(command).refused(&[name, "whole number"]);
    }
}

/// A Jacobian of a million columns is told by its size, not by what the machine has.
#[test]
fn models_too_large_to_differentiate() {
    let place = Place::new();
    let bodies = r#"<replicate count="1000" offset="1 0 0"><body><freejoint/><geom size=".1"/></body></replicate>"#;
    place.write("model.xml", format!("<mujoco><worldbody>{bodies}</worldbody></mujoco>"));
    place.run(&["record", "model.xml"]).refused(&["model.xml", "nv = 6000", "take bodies"]);
}
