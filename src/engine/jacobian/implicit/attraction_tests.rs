//! Contacts that stick or whose surfaces move, and other actuators, against differences of whole steps.

use super::noslip::tests::compare;

/// A puck on the floor whose weight is beside its joints, a body with a gap around it, and motors.
fn puck(floor: &str, puck: &str) -> String {
    format!(
        r#"<geom name="floor" type="plane" size="2 2 .1" {floor}/>
        <body name="puck" pos="0 0 .0498"><joint name="x" type="slide" axis="1 0 0"/><joint name="z" type="slide" axis="0 0 1"/>
        <joint name="r" axis="0 1 0"/><joint name="s" axis="0 0 1"/><geom name="puck" type="capsule" size=".05 .04" euler="80 0 0" mass=".4" pos=".01 0 0" {puck}/></body>
        <body name="box" pos=".5 0 .06"><freejoint/><geom type="box" size=".05 .06 .06" mass=".5" {puck}/></body>
        <body name="ball" pos=".52 .01 .172"><freejoint/><geom size=".05" mass=".3" {puck}/></body>"#
    )
}

const OPTIONS: [&str; 3] = [
    r#"<option timestep="0.003"/>"#,
    r#"<option timestep="0.003" cone="elliptic" integrator="implicitfast"/>"#,
    r#"<option timestep="0.003" noslip_iterations="3"/>"#,
];

#[test]
fn adhesion_of_geoms() {
    for option in OPTIONS {
        for (floor, own) in
            [(r#"adhesion="3""#, ""), ("", r#"adhesion="2" gap=".01""#), ("", r#"adhesion="2" condim="1""#)]
        {
            let (off, compared) = compare(option, &puck(floor, own), r#"<actuator><motor joint="x"/></actuator>"#);
            assert!(off < 1e-6 && compared > 5, "{option} {floor} {own}: {off:e} at {compared}");
        }
    }
}

#[test]
fn adhesion_actuators() {
    for option in OPTIONS {
        for own in ["", r#"gap=".01""#, r#"condim="1""#, r#"condim="6""#] {
            let actuators = r#"<actuator><adhesion body="puck" gain="5" ctrlrange="0 1"/><adhesion body="ball" gain="4" ctrlrange="0 1"/>
                <general body="box" dyntype="filter" dynprm=".05" gainprm="3"/><motor joint="x"/></actuator>"#;
            let (off, compared) = compare(option, &puck("", own), actuators);
            assert!(off < 1e-6 && compared > 5, "{option} {own}: {off:e} at {compared}");
        }
    }
}

#[test]
fn surfaces_that_move() {
    for option in OPTIONS {
        for (floor, own) in
            [(r#"surfacevel=".3 .1 .05 .2 0 .5""#, ""), ("", r#"surfacevel=".1 .2 -.1 .3 .1 .7" condim="6""#)]
        {
            let (off, compared) = compare(option, &puck(floor, own), r#"<actuator><motor joint="x"/></actuator>"#);
            assert!(off < 1e-6 && compared > 5, "{option} {floor} {own}: {off:e} at {compared}");
        }
    }
}

/// Actuators that damp their joints under Euler's method, and those of users, whose callbacks are none.
#[test]
fn dampers_of_actuators_and_users_actuators() {
    let bodies = r#"<body><joint name="a" axis="0 1 0" damping=".1"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/>
        <body pos=".3 0 0"><joint name="b" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/></body></body>"#;
    let rest = r#"<actuator><general joint="a" damping=".4 .2 .1" gear="1.5"/><general joint="b" damping=".3"/>
        <general joint="b" gaintype="user" biastype="user"/><general joint="a" dyntype="user" gaintype="user" actdim="1"/></actuator>"#;
    for option in ["", r#"<option><flag eulerdamp="disable"/></option>"#, r#"<option integrator="implicitfast"/>"#] {
        let (off, _) = compare(option, bodies, rest);
        assert!(off < 1e-6, "{option}: {off:e}");
    }
}
