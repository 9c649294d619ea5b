//! Contacts on edges: a derivative by position that exists is right, and one that does not is no number.
//!
//! The truth is differences of whole steps, written here again: central ones at many nudges, and one-sided ones, of which
//! those count that agree with each other and with their neighbours.

use std::sync::Arc;

use dynsparse::jacobian::{Arbiter, Engine, EngineKind, EngineSpec, Implicit, Jacobian, ZeroVerdict};
use dynsparse::physics::{Model, Sim};

/// Nudges are powers of two with these exponents.
const FROM: i32 = 8;
const TO: i32 = 33;

/// A derivative of the next velocities by one position, as far as differences know it.
struct Truth {
    values: Vec<f64>,
    errors: Vec<f64>,
}

struct Case {
    model: Arc<Model>,
    sim: Sim,
    state: Vec<f64>,
    /// The finest nudge.
    to: i32,
}

impl Case {
    /// A model after some steps from its first state.
    fn new(mjcf: &str, steps: usize) -> Self {
        let mut model = Model::from_text("edge.xml", mjcf).unwrap();
        model.set_solver(Arbiter::SOLVER);
        let model = Arc::new(model);
        let mut sim = Sim::new(&model).unwrap();
        for _ in 0..steps {
            sim.step().unwrap();
        }
        let mut state = vec![0.0; model.state_size()];
        sim.get_state(&mut state).unwrap();
        Self { model, sim, state, to: TO }
    }

    fn jacobian(&mut self) -> Jacobian {
        let spec = EngineSpec::new(EngineKind::Implicit);
        let mut out = Jacobian::zeros(&self.model, false);
        self.sim.set_state(&self.state).unwrap();
        Implicit::new(&spec, &self.model).unwrap().jacobian(&mut self.sim, &mut out).unwrap();
        out
    }

    /// The velocities after a step from a nudged position.
    fn next(&mut self, column: usize, by: f64) -> Vec<f64> {
        self.sim.set_state(&self.state).unwrap();
        self.sim.qacc_warmstart_mut().fill(0.0);
        let mut motion = vec![0.0; self.model.nv()];
        motion[column] = 1.0;
        let mut qpos = self.sim.qpos().to_vec();
        self.model.integrate_pos(&mut qpos, &motion, by);
        self.sim.qpos_mut().copy_from_slice(&qpos);
        self.sim.step().unwrap();
        self.sim.qvel().to_vec()
    }

    fn truth(&mut self, column: usize) -> Truth {
        let nv = self.model.nv();
        let here = self.next(column, 0.0);
        let sides: Vec<[Vec<f64>; 2]> =
            (FROM..=self.to).map(|k| [1.0, -1.0].map(|sign| self.next(column, sign * 0.5_f64.powi(k)))).collect();
        let mut truth = Truth { values: vec![f64::NAN; nv], errors: vec![f64::INFINITY; nv] };
        for row in 0..nv {
            let f = |i: usize, side: usize| sides[i][side][row] - here[row];
            let h = |i: usize| 0.5_f64.powi(FROM + i as i32);
            let central = |i: usize| (f(i, 0) - f(i, 1)) / (2.0 * h(i));
            // At the nudge i and twice as wide.
            let better = |i: usize| central(i) + (central(i) - central(i - 1)) / 3.0;
            let ahead = |i: usize| (4.0 * f(i, 0) - f(i - 1, 0)) / (2.0 * h(i));
            let behind = |i: usize| -(4.0 * f(i, 1) - f(i - 1, 1)) / (2.0 * h(i));
            // Neighbours agree by accident too: an error is never less than what rounding makes at its nudge, measured at
            // the finest ones.
            let last = sides.len() - 1;
            let rounding = (last - 3..=last).map(|i| (central(i) - central(i - 1)).abs() * h(i)).fold(0.0, f64::max);
            for i in 2..sides.len() {
                let spread = [ahead(i), behind(i), better(i - 1)].map(|x| (x - better(i)).abs());
                let error = spread.into_iter().fold(rounding / h(i), f64::max);
                if error < truth.errors[row] {
                    (truth.values[row], truth.errors[row]) = (better(i), error);
                }
            }
        }
        truth
    }

    /// Holds every column by a position against whole steps, to 1e-8 of the largest entry: nothing is withheld.
    fn holds(&mut self, what: &str) -> Jacobian {
        let (nv, ndx) = (self.model.nv(), self.model.ndx());
        let found = self.jacobian();
        let largest = found.a.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        for column in 0..nv {
            let truth = self.truth(column);
            for row in 0..nv {
                let (x, value) = (found.a[(nv + row) * ndx + column], truth.values[row]);
                assert!((x - value).abs() <= 1e-8 * largest, "{what}: {x} at {row}, {column}, {value}");
            }
        }
        found
    }

    /// Holds every column by a position against whole steps, and returns how many have an entry without a number.
    fn hold(&mut self, what: &str) -> usize {
        let (nv, ndx) = (self.model.nv(), self.model.ndx());
        let jacobian = self.jacobian();
        let largest = jacobian.a.iter().filter(|x| !x.is_nan()).fold(1.0_f64, |m, x| m.max(x.abs()));
        let mut withheld = 0;
        for column in 0..nv {
            let entries = |row: usize| (jacobian.a[row * ndx + column], jacobian.verdicts.a[row * ndx + column]);
            if (0..ndx).any(|row| entries(row).0.is_nan()) {
                withheld += 1;
                assert!(jacobian.verdicts.switches.any(), "{what}: column {column} is withheld without a flag");
            }
            let truth = self.truth(column);
            for row in 0..nv {
                let (x, verdict) = entries(nv + row);
                if x.is_nan() {
                    assert_eq!(verdict, ZeroVerdict::Undecided, "{what}: {row}, {column}");
                    continue;
                }
                assert!(x.abs() < 1e3, "{what}: {x:e} at {row}, {column}");
                let apart = (x - truth.values[row]).abs();
                // What differences cannot tell either must be flagged, unless it lies within what they leave open.
                let flagged = jacobian.verdicts.switches.any();
                assert!(
                    flagged || apart <= 1e-6 * largest + 2.0 * truth.errors[row].min(1e-4 * largest),
                    "{what}: {x:e} at {row}, {column}, by whole steps {:e} within {:.1e}, largest {largest:.1e}",
                    truth.values[row],
                    truth.errors[row]
                );
            }
        }
        withheld
    }
}

fn cylinder(tilt: f64, height: f64) -> String {
    let (w, y) = ((0.5 * tilt).cos(), (0.5 * tilt).sin());
    format!(
        r#"<mujoco><worldbody><geom type="plane" size="1 1 .05"/>
        <body pos="0 0 {height:e}" quat="{w:.17} 0 {y:e} 0"><freejoint/>
        <geom type="cylinder" size=".04 .05" mass=".3"/></body></worldbody></mujoco>"#
    )
}

#[test]
fn a_cylinder_that_stands_almost_upright() {
    for tilt in [1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3] {
        for steps in [0, 5] {
            let mut case = Case::new(&cylinder(tilt, 0.049_904), steps);
            let withheld = case.hold(&format!("tilt {tilt:e} after {steps} steps"));
            // Nearer to upright rounding decides, which counts as upright.
            let flagged = case.jacobian().verdicts.switches.any();
            if tilt < 5e-7 {
                assert!(flagged, "tilt {tilt:e} after {steps} steps");
            } else {
                assert_eq!((withheld, flagged), (0, false), "tilt {tilt:e} after {steps} steps");
            }
        }
    }
}

#[test]
fn the_tilt_of_a_cylinder_moves_it() {
    // By hand from whole steps: the wide nudges see |tilt|, whose central differences are 0.
    for steps in 0..20 {
        let mut case = Case::new(&cylinder(1e-4, 0.049_904), steps);
        let jacobian = case.jacobian();
        let x = jacobian.a[9 * jacobian.verdicts.floor.len() + 3];
        let truth = case.truth(3);
        assert!((x - truth.values[3]).abs() < 1e-6 * x.abs(), "step {steps}: {x} for {}", truth.values[3]);
        assert!((-6.0..-3.0).contains(&x), "step {steps}: {x}");
    }
}

#[test]
fn a_cylinder_exactly_upright_turns_as_one_beside_it() {
    // MuJoCo takes a cylinder that leans by less than 3e-8 for upright: what changes within that is no part of a derivative.
    let mut case = Case { to: 24, ..Case::new(&cylinder(0.0, 0.0499), 0) };
    case.hold("upright");
    // On a slope, where no axis of the world is the normal's.
    let slope = r#"<mujoco><worldbody><body euler="20 30 0"><geom type="plane" size="1 1 .05"/></body>
        <body euler="20 30 0"><freejoint/><geom type="cylinder" pos="0 0 .0499" size=".04 .05" mass=".3"/></body>
        </worldbody></mujoco>"#;
    let mut slope = Case { to: 24, ..Case::new(slope, 0) };
    slope.hold("upright on a slope");
    // As beside it: the points on the rim move with the tilt, all but what MuJoCo counts as none.
    for case in [&mut case, &mut slope] {
        let jacobian = case.jacobian();
        for turn in [3, 4] {
            // On the slope rounding leans it.
            let x = jacobian.a[(6 + turn) * 12 + turn];
            let flagged = jacobian.verdicts.switches.any();
            assert!((x.is_nan() && flagged) || (-6.0..-3.0).contains(&x), "{turn}: {x}");
        }
    }
}

fn on_floor(geom: &str, pose: &str) -> String {
    format!(
        r#"<mujoco><worldbody><geom type="plane" size="2 2 .05"/>
        <body {pose}><freejoint/>{geom}</body></worldbody></mujoco>"#
    )
}

#[test]
fn shapes_on_a_plane_are_in_closed_form() {
    for (what, geom, pose) in [
        ("sphere", r#"<geom type="sphere" size=".1"/>"#, r#"pos="0 0 .0995""#),
        ("capsule", r#"<geom type="capsule" size=".05 .1"/>"#, r#"pos="0 0 .0499" euler="0 90.1 20""#),
        ("ellipsoid", r#"<geom type="ellipsoid" size=".05 .1 .07"/>"#, r#"pos="0 0 .0699" euler="10 3 20""#),
        ("box", r#"<geom type="box" size=".05 .1 .07"/>"#, r#"pos="0 0 .0698""#),
        ("box on its edge", r#"<geom type="box" size=".1 .1 .1"/>"#, r#"pos="0 0 .1413" euler="45 0 0""#),
        ("cylinder", r#"<geom type="cylinder" size=".05 .1"/>"#, r#"pos="0 0 .0499" euler="0 90 20""#),
        ("cylinder on its rim", r#"<geom type="cylinder" size=".05 .1"/>"#, r#"pos="0 0 .1055" euler="0 40 20""#),
    ] {
        for steps in [0, 3] {
            assert_eq!(Case::new(&on_floor(geom, pose), steps).hold(what), 0, "{what}");
        }
    }
}

#[test]
fn other_contacts_on_edges() {
    let corner = r#"<mujoco><asset><mesh name="m" vertex="0 0 0 .2 0 0.05 0 .2 .06 0 0 .2"/></asset><worldbody>
        <geom type="plane" size="2 2 .05"/><body pos="0 0 .0497" euler="5 7 0"><freejoint/><geom type="mesh" mesh="m"/></body>
        </worldbody></mujoco>"#;
    let capsule = r#"<mujoco><worldbody><geom type="box" size=".2 .2 .2"/>
        <body pos="0.2353 0 .2353" euler="90 0 0"><freejoint/><geom type="capsule" size=".05 .1"/></body>
        </worldbody></mujoco>"#;
    let seam = r#"<mujoco><asset><hfield name="h" nrow="3" ncol="3" size="1 1 .2 .1" elevation="0 0 0 0 1 0 0 0 0"/></asset>
        <worldbody><geom type="hfield" hfield="h"/>
        <body pos="0.5 0 .1975"><freejoint/><geom type="sphere" size=".1"/></body></worldbody></mujoco>"#;
    let boxes = r#"<mujoco><worldbody><geom type="box" size=".2 .2 .2"/>
        <body pos=".05 .02 .2998" euler="0 0 30"><freejoint/><geom type="box" size=".15 .15 .1"/></body>
        </worldbody></mujoco>"#;
    for (what, mjcf, most) in
        [("mesh corner", corner, 0), ("capsule on edge", capsule, 6), ("seam", seam, 6), ("boxes", boxes, 0)]
    {
        for steps in [0, 3] {
            let withheld = Case::new(mjcf, steps).hold(what);
            assert!(withheld <= most, "{what} after {steps} steps: {withheld} columns withheld");
        }
    }
}

/// What comes out of an iteration is right within its tolerance only, and how it changes depends on the steps that the
/// iteration takes: on where the geoms stand, on how both lie in the world, and on how far their margin inflates them.
#[test]
fn contacts_of_iterations_change_as_those_of_a_step() {
    let ellipsoid = r#"<mujoco><worldbody><geom type="box" size="0.6 0.6 0.05" pos="0 0 -0.05"/>
        <body pos="0 0 0.0331"><freejoint/>
        <geom type="ellipsoid" size="0.01648 0.01854 0.02897" pos="-0.00623 -0.027 -0.0205"/></body></worldbody>
        <keyframe><key qpos="-0.002057443067126049 0.015158568174140855 0.0322867014161292 0.9999881708193847
        -0.0011535149254142598 -0.003581719280093398 0.003082030437251459" qvel="-0.0030574125495919377
        0.0008144726111225734 0.2648584942001274 -0.021351366136837698 -0.07820711393332451 -0.00004610507089520683"/>
        </keyframe></mujoco>"#;
    let mesh = r#"<mujoco><option><flag nativeccd="disable"/></option>
        <asset><mesh name="m" vertex="0.05 0 -0.03 -0.04 0.04 -0.03 -0.03 -0.05 -0.03 0 0.01 0.05"/></asset><worldbody>
        <body pos="0.1117 -0.0231 -0.0768"><joint axis="-0.431 -0.391 0.3254"/>
        <geom type="cylinder" size="0.01182 0.01324"/></body>
        <body pos="0.1318 0.0219 -0.0746"><geom type="mesh" mesh="m" margin="0.0333" solimp="0.793 0.961 0.000696"/></body>
        </worldbody><keyframe><key qpos="1.694789774425304" qvel="-4.158838274189545"/></keyframe></mujoco>"#;
    let capsule = r#"<mujoco><option><flag nativeccd="disable"/></option><worldbody>
        <body pos="0.1784 -0.0469 0.0684"><joint type="slide" axis="1 0 0"/>
        <geom type="cylinder" size="0.05849 0.07166"/></body><body pos="0.1824 0.00351 0.0955"><joint type="ball"/>
        <geom type="capsule" size="0.03136 0.02275" solref="0.0874 0.608"/></body></worldbody>
        <keyframe><key qpos="-0.006315630946501332 0.984388812206026 0.0008015370167308523 -0.000014735492213089789
        -0.176005749124525" qvel="-0.9687837730009671 0.1381598395930556 -0.02488244135629635 -54.071799504436214"/>
        </keyframe></mujoco>"#;
    for (what, mjcf) in [("ellipsoid in box", ellipsoid), ("mesh at cylinder", mesh), ("capsule turns", capsule)] {
        at_key(mjcf).holds(what);
    }
}

fn at_key(mjcf: &str) -> Case {
    let mut case = Case::new(mjcf, 0);
    case.sim.reset_to_key(0).unwrap();
    case.sim.get_state(&mut case.state).unwrap();
    case
}

/// Which of two parallel faces is the one that is met depends on which box tilts more: tilts about different axes have
/// derivatives of different contacts, and none of them is a sum of others.
#[test]
fn boxes_with_parallel_faces() {
    let beam = r#"<mujoco><worldbody><geom type="box" size=".5 .03 .05"/><body pos="0 0 .0996" euler="0 0 20">
        <joint type="slide" axis="0 0 1"/><joint axis="0 1 0"/><joint axis="0 0 1"/><geom type="box" size=".08 .05 .05"/></body>
        </worldbody><keyframe><key qpos="0 0 .3" qvel="0 0 .1"/></keyframe></mujoco>"#;
    let stack = |yaw: f64| {
        format!(
            r#"<mujoco><worldbody><geom type="plane" size="3 3 .1"/>
            <body pos="0 0 .0496"><freejoint/><geom type="box" size=".05 .05 .05"/></body>
            <body pos="0 0 .149" euler="0 0 {yaw}"><freejoint/><geom type="box" size=".05 .05 .05"/></body></worldbody>
            <keyframe><key qvel=".1 -.2 0 .1 .2 -.1 -.2 .1 0 .3 -.1 .2"/></keyframe></mujoco>"#
        )
    };
    let stacks: Vec<(String, String)> =
        [10.0, 30.0, 45.0].into_iter().map(|yaw| (format!("stack at {yaw}"), stack(yaw))).collect();
    for (what, mjcf) in stacks.iter().map(|(what, mjcf)| (what.as_str(), mjcf.as_str())).chain([("beam", beam)]) {
        let found = at_key(mjcf).holds(what);
        assert!(!found.verdicts.switches.any(), "{what}: {:?}", found.verdicts.switches);
    }
}

/// A step that jumps at the state itself is central differences' blind spot: they are the same at every nudge, or grow. The
/// sides lie apart by one over the nudge.
#[test]
fn a_step_that_jumps_at_the_state_has_no_derivative() {
    let capsule = r#"<mujoco><worldbody><geom type="plane" size="3 3 .1"/><body pos="0 0 .148"><freejoint/>
        <geom type="capsule" size=".05 .1"/></body></worldbody><keyframe><key qpos="0 0 .148 0.9659258262890683 0 0
        0.25881904510252074" qvel=".41 -.69 0 -1.45 .94 1.24"/></keyframe></mujoco>"#;
    let cable = r#"<mujoco><option gravity="0 0 0"/><worldbody><site name="o" pos="0 0 1"/><body pos="0 0 1">
        <joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/><geom size=".05"/><site name="c"/></body></worldbody>
        <tendon><spatial damping="1"><site site="o"/><site site="c"/></spatial></tendon>
        <keyframe><key qpos="0 0" qvel=".5 .3"/></keyframe></mujoco>"#;
    // The first tangent follows another axis where the normal's y is larger than 0.5.
    let spheres = r#"<mujoco><worldbody><body pos="0 0 .5"><freejoint/><geom size=".1" friction=".2"/></body>
        <body pos="0.0995 0.0995 0.640714249456123"><freejoint/><geom size=".1" friction=".2"/></body></worldbody>
        <keyframe><key qpos="0 0 .5 1 0 0 0 0.0995 0.0995 0.640714249456123 1 0 0 0" qvel="0 0 0 0 0 0 .3 -.4 -.5 0 1 0"/>
        </keyframe></mujoco>"#;
    for (what, mjcf) in [("capsule", capsule), ("cable", cable), ("spheres", spheres)] {
        let mut case = at_key(mjcf);
        let found = case.jacobian();
        assert!(found.verdicts.switches.any() && found.verdicts.kink > 0.0, "{what}");
        let none = found.a.iter().zip(&found.verdicts.a).filter(|(x, _)| x.is_nan());
        assert!(none.clone().count() > 0 && none.clone().all(|(_, v)| *v == ZeroVerdict::Undecided), "{what}");
    }
}
