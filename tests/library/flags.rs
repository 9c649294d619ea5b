//! Where the implicit engine says that there is no derivative: against one-sided differences of whole steps, written here.

use std::sync::Arc;

use dynsparse::jacobian::{Arbiter, EngineKind, EngineSpec, Jacobian, Switches};
use dynsparse::physics::{Model, Sim};

struct Case {
    model: Arc<Model>,
    state: Vec<f64>,
}

impl Case {
    /// A model at a state that `set` makes of the default one.
    fn new(mjcf: &str, set: impl Fn(&mut Sim)) -> Self {
        let mut model = Model::from_text("flags.xml", mjcf).unwrap();
        model.set_solver(Arbiter::SOLVER);
        let model = Arc::new(model);
        let mut sim = Sim::new(&model).unwrap();
        sim.reset().unwrap();
        set(&mut sim);
        let mut state = vec![0.0; model.state_size()];
        sim.get_state(&mut state).unwrap();
        Self { model, state }
    }

    /// The next velocity after a nudge of one input.
    fn next(&self, input: usize, nudge: f64) -> Vec<f64> {
        let mut sim = Sim::new(&self.model).unwrap();
        sim.set_state(&self.state).unwrap();
        sim.qacc_warmstart_mut().fill(0.0);
        sim.nudge(input, nudge, &mut vec![0.0; self.model.nv()]);
        sim.step().unwrap();
        sim.qvel().to_vec()
    }

    /// By how much the derivatives of whole steps to both sides differ at most, over the columns of the state.
    fn kink(&self) -> f64 {
        let h = 1e-6;
        let here = self.next(0, 0.0);
        let side = |input: usize, h: f64| -> Vec<f64> {
            self.next(input, h).iter().zip(&here).map(|(x, y)| (x - y) / h).collect()
        };
        (0..self.model.ndx())
            .flat_map(|c| {
                let (up, down) = (side(c, h), side(c, -h));
                up.into_iter().zip(down).map(|(x, y)| (x - y).abs()).collect::<Vec<_>>()
            })
            .fold(0.0, f64::max)
    }

    fn jacobian(&self) -> Jacobian {
        let spec = EngineSpec::new(EngineKind::Implicit);
        let mut engine = spec.build(&self.model).unwrap();
        let mut sim = Sim::new(&self.model).unwrap();
        sim.set_state(&self.state).unwrap();
        let mut out = Jacobian::zeros(&self.model, false);
        engine.jacobian(&mut sim, &mut out).unwrap();
        out
    }

    fn switches(&self) -> Switches {
        self.jacobian().verdicts.switches
    }

    /// Whole steps have a derivative here, and the engine raises no flag.
    fn is_smooth(&self, what: &str) {
        let kink = self.kink();
        assert!(kink < 1e-2, "{what}: whole steps bend by {kink}");
        assert!(!self.switches().any(), "{what}: {:?}", self.switches());
    }

    /// Whole steps have none, and the engine says so.
    fn is_bent(&self, what: &str, which: impl Fn(Switches) -> bool) {
        let kink = self.kink();
        assert!(kink > 1e-3, "{what}: whole steps bend by {kink} only");
        assert!(which(self.switches()), "{what}: {:?}", self.switches());
    }
}

const BOX: &str = r#"<mujoco><option cone="elliptic"/><worldbody><geom type="plane" size="1 1 .1"/>
    <body pos="0 0 .0499"><freejoint/><geom type="box" size=".05 .05 .05"/></body></worldbody></mujoco>"#;

fn steps(n: usize) -> impl Fn(&mut Sim) {
    move |sim| (0..n).for_each(|_| sim.step().unwrap())
}

/// The tangential part of every cone is zero, where its own derivative is undefined, but all are well within the zone of
/// sticking.
#[test]
fn a_box_at_rest_has_a_derivative() {
    for n in [0, 1, 10, 300] {
        Case::new(BOX, steps(n)).is_smooth("a box at rest");
    }
}

/// A ball on a table, which cannot roll: moved slowly it sticks, moved fast it slips. The edge is found by halving.
#[test]
fn the_edges_of_an_elliptic_cone_are_flagged_and_its_zones_are_not() {
    let mjcf = r#"<mujoco><option cone="elliptic" gravity="0 0 -10"/><worldbody><geom type="plane" size="1 1 .1"/>
        <body pos="0 0 .0999"><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/>
        <geom type="sphere" size=".1" mass="1"/></body></worldbody></mujoco>"#;
    let at = |speed: f64| Case::new(mjcf, move |sim| sim.qvel_mut()[0] = speed);
    // How the next velocity depends on this one is linear while the ball sticks.
    let slope = |speed: f64| (at(speed).next(2, 1e-6)[0] - at(speed).next(2, -1e-6)[0]) / 2e-6;
    let sticking = slope(1e-4);
    let (mut low, mut high) = (1e-4, 1.0);
    assert!((slope(high) - sticking).abs() > 1e-3, "it slips at 1 m/s");
    while high - low > 1e-9 {
        let middle = 0.5 * (low + high);
        if (slope(middle) - sticking).abs() < 1e-6 { low = middle } else { high = middle }
    }
    // The slope was taken over 1e-6 to either side.
    at(low + 1e-6).is_bent("the edge of sticking", |s| s.friction);
    at(0.5 * low).is_smooth("sticking");
    at(2.0 * low).is_smooth("slipping");
}

#[test]
fn a_contact_that_no_dof_changes_is_no_switch() {
    let mjcf = r#"<mujoco><worldbody><geom type="plane" size="1 1 .1"/>
        <body pos="0 0 .1"><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/><joint axis="0 0 1"/>
        <geom type="sphere" size=".1"/></body></worldbody></mujoco>"#;
    Case::new(mjcf, |_| {}).is_smooth("a ball that cannot leave the table");
    let lifted = mjcf.replace("<joint type=\"slide\" axis=\"1 0 0\"/>", "<joint type=\"slide\" axis=\"0 0 1\"/>");
    let falling = |sim: &mut Sim| sim.qvel_mut()[0] = -1.0;
    Case::new(&lifted, falling).is_bent("a ball that touches down", |s| s.contact);
}

/// At an end of its range a control goes one way only, and that way the force is free.
#[test]
fn a_control_range_that_is_the_force_range_has_a_derivative() {
    let mjcf = r#"<mujoco><worldbody><body><joint name="h" axis="0 1 0" damping="1"/>
        <geom type="capsule" size=".02" fromto="0 0 0 .3 0 0"/></body></worldbody>
        <actuator><motor joint="h" ctrlrange="-1 1" forcerange="-1 1"/></actuator></mujoco>"#;
    for u in [-1.0, 0.3, 1.0] {
        let case = Case::new(mjcf, |sim| sim.ctrl_mut()[0] = u);
        case.is_smooth("a control at the end of its range");
        let inwards = if u > 0.0 { -1e-6 } else { 1e-6 };
        let slope = (case.next(2, inwards)[0] - case.next(2, 0.0)[0]) / inwards;
        let b = case.jacobian().b[1];
        assert!((b - slope).abs() < 1e-6 * slope.abs() && slope != 0.0, "u {u}: {b} for {slope}");
    }
    // The force reaches its range where the control has room to both sides.
    let wide = mjcf.replace(r#"ctrlrange="-1 1""#, r#"ctrlrange="-2 2""#);
    assert!(Case::new(&wide, |sim| sim.ctrl_mut()[0] = 1.0).switches().force);
    // The same for the range of a joint.
    let joint = mjcf.replace(r#"forcerange="-1 1""#, "").replace("<joint ", r#"<joint actuatorfrcrange="-1 1" "#);
    for u in [-1.0, 0.3, 1.0] {
        Case::new(&joint, |sim| sim.ctrl_mut()[0] = u).is_smooth("a control at the end of its joint's range");
    }
    let wide = joint.replace(r#"ctrlrange="-1 1""#, r#"ctrlrange="-2 2""#);
    assert!(Case::new(&wide, |sim| sim.ctrl_mut()[0] = 1.0).switches().force);
}

#[test]
fn limits_of_tendons_and_balls_that_are_about_to_begin_are_flagged() {
    let tendon = r#"<mujoco><worldbody><body><joint name="a" axis="0 1 0"/><geom size=".1"/>
        <body pos=".3 0 0"><joint name="b" axis="0 1 0"/><geom size=".1" contype="0"/></body></body></worldbody>
        <tendon><fixed limited="true" range="0 .5"><joint joint="a" coef=".25"/><joint joint="b" coef=".5"/></fixed></tendon>
        </mujoco>"#;
    let outwards = |q: f64| move |sim: &mut Sim| (sim.qpos_mut()[0], sim.qvel_mut()[0]) = (q, 1.0);
    Case::new(tendon, outwards(2.0)).is_bent("a tendon at its limit", |s| s.limit);
    Case::new(tendon, outwards(1.9)).is_smooth("a tendon before its limit");
    let ball = r#"<mujoco><compiler angle="radian"/><worldbody><body><joint type="ball" limited="true" range="0 1"/>
        <geom size=".1" pos="0 0 .2"/></body></worldbody><option><flag gravity="disable"/></option></mujoco>"#;
    let turned = |angle: f64| {
        move |sim: &mut Sim| {
            sim.qpos_mut()[..4].copy_from_slice(&[(0.5 * angle).cos(), (0.5 * angle).sin(), 0.0, 0.0]);
            sim.qvel_mut()[0] = 1.0;
        }
    };
    Case::new(ball, turned(1.0)).is_bent("a ball at its limit", |s| s.limit);
    Case::new(ball, turned(0.9)).is_smooth("a ball before its limit");
}

/// A tendon beside a cylinder: its path touches the cylinder at one height of the slide.
#[test]
fn a_tendon_that_comes_upon_a_geom_is_flagged() {
    let mjcf = r#"<mujoco><option><flag gravity="disable" contact="disable"/></option><worldbody>
        <site name="near" pos="-1 0 .1"/><geom name="pulley" type="cylinder" size=".1 1" zaxis="0 1 0" pos="0 0 0"/>
        <body pos="1 0 .1"><joint type="slide" axis="0 0 1"/><geom size=".05"/><site name="far"/></body></worldbody>
        <tendon><spatial stiffness="1000" springlength="1"><site site="near"/><geom geom="pulley"/><site site="far"/>
        </spatial></tendon></mujoco>"#;
    let at = |z: f64| Case::new(mjcf, move |sim| sim.qpos_mut()[0] = z);
    at(0.0).is_bent("a tendon at a tangent", |s| s.force);
    at(0.02).is_smooth("a free tendon");
    at(-0.02).is_smooth("a wrapped tendon");
}

/// The contact's own columns are beyond all reason until whole steps replace them; they are no scale for the joint's.
#[test]
fn a_kink_beside_columns_that_whole_steps_replace_is_flagged() {
    let mjcf = r#"<mujoco><option timestep=".00108" integrator="implicit"/><asset><hfield name="field" nrow="4" ncol="4"
        size="1 1 .05 .1" elevation="0 .2 .5 .1 .3 .6 .4 .2 .1 .5 .7 .3 0 .2 .4 .1"/></asset><worldbody>
        <geom type="hfield" hfield="field" solref=".0201 .737"/><body pos="0 0 .203">
        <joint type="slide" axis=".0111 .897 -.956" damping=".00696 .607 0"/><geom size=".0646"/>
        <geom type="capsule" fromto="-.0841 0 0 .0841 .0194 0" size=".03364"/></body>
        <body><geom type="cylinder" fromto="-.0534 0 0 .0534 -.00538 0" size=".02136" gap=".0024"/></body>
        <body pos=".5 0 .0233"><freejoint/><geom size=".0721"/></body></worldbody></mujoco>"#;
    let case = Case::new(mjcf, |_| {});
    let (kink, found) = (case.kink(), case.jacobian().verdicts);
    assert!(kink > 1e-5, "{kink}");
    assert!(found.switches.any() && found.kink > 2e-6, "{:?} {}", found.switches, found.kink);
}
