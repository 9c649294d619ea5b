//! Small models that once gave wrong numbers in silence. Each value was derived by hand or is that of whole-step
//! differences, which are also taken here, by means of their own: Richardson's extrapolation of two central differences.

use std::sync::Arc;

use dynsparse::jacobian::{EngineKind, EngineRequest, EngineSpec, Jacobian, ZeroVerdict};
use dynsparse::physics::{Model, Sim, Solver};

/// As tight as it gets: what is differenced must not depend on where a solver stops.
const SOLVER: Solver = Solver { iterations: 200, ls_iterations: 50, tolerance: 1e-20 };

/// A model and a state of it.
struct Case {
    model: Arc<Model>,
    sim: Sim,
}

impl Case {
    fn new(mjcf: &str) -> Self {
        let mut model = Model::from_text("case.xml", mjcf).unwrap();
        model.set_solver(SOLVER);
        let model = Arc::new(model);
        let mut sim = Sim::new(&model).unwrap();
        sim.reset().unwrap();
        Self { sim, model }
    }

    fn steps(mut self, n: usize) -> Self {
        (0..n).for_each(|_| self.sim.step().unwrap());
        self
    }

    /// By an engine, or by the one that the model gets.
    fn jacobian(&mut self, engine: Option<EngineKind>) -> (String, Jacobian) {
        let spec = match engine {
            Some(engine) => EngineSpec::new(engine),
            None => EngineRequest::default().resolve(&self.model).spec,
        };
        let mut out = Jacobian::zeros(&self.model, false);
        spec.build(&self.model).unwrap().jacobian(&mut self.sim, &mut out).unwrap();
        (spec.kind().name().to_owned(), out)
    }

    /// The next velocities and activations after a nudge of input `input` of (position, velocity, activation, control).
    fn next(&self, input: usize, by: f64, start: &[f64], ctrl: &[f64]) -> Vec<f64> {
        let mut sim = Sim::new(&self.model).unwrap();
        sim.set_state(start).unwrap();
        sim.ctrl_mut().copy_from_slice(ctrl);
        sim.qacc_warmstart_mut().fill(0.0);
        sim.nudge(input, by, &mut vec![0.0; self.model.nv()]);
        sim.step().unwrap();
        sim.qvel().iter().chain(sim.act()).copied().collect()
    }

    /// Rows of velocity and activation of A and B side by side, by whole steps.
    fn whole_steps(&mut self, h: f64) -> Vec<Vec<f64>> {
        let (ctrl, mut start) = (self.sim.ctrl().to_vec(), vec![0.0; self.model.state_size()]);
        self.sim.get_state(&mut start).unwrap();
        let columns = self.model.ndx() + self.model.nu();
        let central = |input: usize, h: f64| -> Vec<f64> {
            let (up, down) = (self.next(input, h, &start, &ctrl), self.next(input, -h, &start, &ctrl));
            up.iter().zip(down).map(|(x, y)| (x - y) / (2.0 * h)).collect()
        };
        (0..columns)
            .map(|c| {
                central(c, h).iter().zip(central(c, 0.5 * h)).map(|(far, near)| (4.0 * near - far) / 3.0).collect()
            })
            .collect()
    }

    /// The engine of the model and the engine whole-step agree with whole steps in every entry, but for columns left out.
    fn agrees(&mut self, engine: &str, left_out: &[usize]) -> Jacobian {
        self.agrees_within(1.0 / 65_536.0, engine, left_out)
    }

    /// The same, by nudges of `h`.
    fn agrees_within(&mut self, h: f64, engine: &str, left_out: &[usize]) -> Jacobian {
        let right = self.whole_steps(h);
        let (name, found) = self.jacobian(None);
        assert_eq!(name, engine);
        let (_, by_steps) = self.jacobian(Some(EngineKind::WholeStep));
        let (ndx, nv, nu) = (self.model.ndx(), self.model.nv(), self.model.nu());
        let scale = found.a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        for (column, right) in right.iter().enumerate().filter(|(c, _)| !left_out.contains(c)) {
            for (row, right) in right.iter().enumerate() {
                for (who, jacobian) in [(name.as_str(), &found), ("whole-step", &by_steps)] {
                    let x = at(jacobian, ndx, nu, nv + row, column);
                    let error = (x - right).abs() / scale;
                    assert!(error < 1e-6, "{who}, row {row}, column {column}: {x} for {right}");
                }
            }
        }
        found
    }

    fn engine(&self) -> (String, String) {
        let resolved = EngineRequest::default().resolve(&self.model);
        (resolved.spec.kind().name().to_owned(), resolved.fallback.unwrap_or_default())
    }
}

/// An entry of A and B side by side.
fn at(jacobian: &Jacobian, ndx: usize, nu: usize, row: usize, column: usize) -> f64 {
    if column < ndx { jacobian.a[row * ndx + column] } else { jacobian.b[row * nu + column - ndx] }
}

/// A ball that moves in a plane, its center off the axis of its hinge, on a floor.
fn puck(floor: &str, actuator: &str, height: f64) -> String {
    format!(
        r#"<mujoco><option timestep="0.003"/><worldbody><geom type="plane" size="2 2 .1" {floor}/>
        <body name="puck" pos="0 0 {height}"><joint name="x" type="slide" axis="1 0 0"/>
          <joint name="z" type="slide" axis="0 0 1"/><joint name="r" axis="0 1 0"/>
          <geom type="sphere" size=".05" mass=".4" pos=".01 0 0"/></body></worldbody>
        <actuator>{actuator}<motor joint="x" ctrlrange="-1 1"/></actuator></mujoco>"#
    )
}

#[test]
fn adhesion_of_an_actuator_acts_through_contacts() {
    let mut case = Case::new(&puck("", r#"<adhesion name="ad" body="puck" gain="5" ctrlrange="0 1"/>"#, 0.0498));
    // At the end of its range it has a derivative to the inside.
    case.sim.ctrl_mut()[0] = 0.5;
    let found = case.agrees("implicit", &[]);
    let b = at(&found, 6, 2, 4, 6);
    assert!((b + 0.00248).abs() < 1e-5, "{b}");
    assert_eq!(found.verdicts.b[4 * 2], ZeroVerdict::Nonzero);
}

#[test]
fn adhesion_of_a_surface_pulls() {
    let mut case = Case::new(&puck(r#"adhesion="3""#, "", 0.0498)).steps(30);
    let found = case.agrees("implicit", &[]);
    let a = at(&found, 6, 1, 4, 1);
    assert!((a + 8.348).abs() < 1e-2, "{a}");
}

#[test]
fn a_surface_that_moves_drags_what_lies_on_it() {
    let mut case = Case::new(&puck(r#"surfacevel=".3 .1 0 0 0 .5""#, "", 0.0498));
    let found = case.agrees("implicit", &[]);
    // Of the turn by the position along the belt, here and not a step on.
    let a = at(&found, 6, 1, 5, 0);
    assert!((1.5..1.6).contains(&a), "{a}");
    assert_eq!(found.verdicts.a[5 * 6], ZeroVerdict::Nonzero);
    let belt = r#"<mujoco><worldbody>
        <geom type="plane" size="1 1 .05" friction="1" surfacevel="0 0 0 0 0 1"/>
        <body pos=".3 0 .05"><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/>
          <joint type="slide" axis="0 0 1"/><geom type="sphere" size=".05" mass=".3"/></body></worldbody></mujoco>"#;
    let mut case = Case::new(belt).steps(30);
    case.agrees("implicit", &[]);
}

/// v' = v - h f / D with f = 2 v + 3 v |v| and D = 1 + h (2 + 6 |v|): Euler takes damping implicitly.
#[test]
fn damping_that_depends_on_velocity_under_euler() {
    let mut case = Case::new(
        r#"<mujoco><option timestep="0.005" gravity="0 0 0"/><worldbody><body>
        <joint type="slide" axis="1 0 0" damping="2 3 0"/><geom size=".1" mass="1"/></body></worldbody></mujoco>"#,
    );
    case.sim.qvel_mut()[0] = 2.0;
    let (h, v) = (0.005, 2.0);
    let (f, df, d, dd) = (2.0 * v + 3.0 * v * v, 2.0 + 6.0 * v, 1.0 + h * (2.0 + 6.0 * v), h * 6.0);
    let right: f64 = 1.0 - h * (df * d - f * dd) / (d * d);
    assert!((right - 0.9366757).abs() < 1e-6);
    for engine in [None, Some(EngineKind::WholeStep)] {
        let (name, found) = case.jacobian(engine);
        assert!((found.a[3] - right).abs() < 1e-9, "{name}: {} for {right}", found.a[3]);
    }
}

#[test]
fn damping_that_depends_on_velocity_at_rest() {
    let mut case = Case::new(
        r#"<mujoco><option timestep="0.005" integrator="implicitfast"/><worldbody><body>
        <joint axis="0 1 0" damping=".01 .4 0"/><geom type="capsule" fromto="0 0 0 .15 0 0" size=".015"/>
        <body pos=".15 0 0"><joint axis="0 1 0" damping=".005 .2 0"/>
        <geom type="capsule" fromto="0 0 0 .1 0 0" size=".01"/></body></body></worldbody></mujoco>"#,
    );
    for engine in [None, Some(EngineKind::WholeStep)] {
        let (name, found) = case.jacobian(engine);
        let a = found.a[3 * 4 + 3];
        assert!((a - 0.7233749).abs() < 1e-6, "{name}: {a}");
    }
}

/// Its drag has |v| v and no linear part: at rest, what it does to the velocity is to keep it.
#[test]
fn an_ellipsoid_at_rest_in_water() {
    let mut case = Case::new(
        r#"<mujoco><option density="1000" gravity="0 0 0"/><worldbody><body><freejoint/>
        <geom type="ellipsoid" size=".1 .05 .03" mass=".5" fluidshape="ellipsoid"/></body></worldbody></mujoco>"#,
    );
    let (_, found) = case.jacobian(None);
    for i in 6..12 {
        assert!((found.a[i * 12 + i] - 1.0).abs() < 1e-9, "{i}: {}", found.a[i * 12 + i]);
    }
}

#[test]
fn muscles_with_noslip_depend_on_their_activation() {
    let mut case = Case::new(
        r#"<mujoco><option timestep="0.003" integrator="implicitfast" noslip_iterations="2"/><worldbody>
        <site name="o1" pos="-.1 0 .03"/><site name="o2" pos="-.1 0 -.03"/>
        <body><joint name="sh" axis="0 1 0" range="-80 80" damping=".1"/>
          <geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/>
          <geom name="wrap" type="cylinder" fromto="0 -.05 0 0 .05 0" size=".045" contype="0" conaffinity="0" mass="0.01"/>
          <site name="ws" pos="0 0 .06"/><site name="i1" pos=".15 0 .03"/><site name="i2" pos=".15 0 -.03"/>
          <body pos=".3 0 0"><joint name="el" axis="0 1 0" range="-5 120" damping=".1"/>
            <geom type="capsule" fromto="0 0 0 .25 0 0" size=".025"/><site name="j1" pos=".1 0 .025"/></body></body>
        </worldbody>
        <tendon><spatial name="t1"><site site="o1"/><geom geom="wrap" sidesite="ws"/><site site="i1"/></spatial>
          <spatial name="t2"><site site="o2"/><site site="i2"/></spatial>
          <spatial name="t3"><site site="i1"/><site site="j1"/></spatial></tendon>
        <actuator><muscle tendon="t1" ctrlrange="0 1"/>
          <muscle tendon="t2" ctrlrange="0 1" timeconst="0.02 0.06" tausmooth="0.1"/>
          <muscle tendon="t3" ctrlrange="0 1"/></actuator></mujoco>"#,
    );
    // At the end of the range of activations, and within.
    let found = case.jacobian(None).1;
    let a = found.a[3 * 7 + 6];
    assert!((a + 0.347416).abs() < 1e-5, "{a}");
    case.sim.act_mut().copy_from_slice(&[0.2, 0.3, 0.4]);
    case.sim.ctrl_mut().copy_from_slice(&[0.4, 0.5, 0.6]);
    case.agrees("implicit", &[]);
}

#[test]
fn a_damper_with_noslip_acts_through_the_integrator() {
    let mut case = Case::new(
        r#"<mujoco><option timestep="0.005" integrator="implicitfast" noslip_iterations="1"/><worldbody>
        <body><joint name="a" axis="0 1 0" damping=".02"/><geom type="capsule" fromto="0 0 0 .25 0 0" size=".02"/>
          <body pos=".25 0 0"><joint name="b" axis="0 1 0" damping=".02"/>
            <geom type="capsule" fromto="0 0 0 .2 0 0" size=".02"/></body></body></worldbody>
        <tendon><fixed><joint joint="a" coef="1"/><joint joint="b" coef="-.6"/></fixed></tendon>
        <actuator><damper joint="a" kv=".8" ctrlrange="0 2"/>
          <general joint="b" dyntype="filter" dynprm=".03" gaintype="affine" gainprm="2 .5 -.4" ctrlrange="-1 1"/></actuator>
        </mujoco>"#,
    );
    case.sim.qvel_mut().copy_from_slice(&[1.0, -0.7]);
    case.sim.act_mut()[0] = 0.3;
    case.sim.ctrl_mut().copy_from_slice(&[0.5, 0.2]);
    case.agrees("implicit", &[]);
}

/// Friction losses of two dofs that are not coupled where the mass lies, and are a little beside it; a box with one contact beside
/// its axis. A_ij of two directions is exactly 0, and its derivative is not.
#[test]
fn friction_that_is_coupled_beside_the_state_alone() {
    for rest in [
        r#"<option timestep="0.004" noslip_iterations="1" noslip_tolerance="-1" gravity="0 0 0"/><worldbody>
           <body><joint type="slide" axis="1 0 0" frictionloss="5"/><joint axis="0 0 1" frictionloss="5"/>
           <geom size=".05" pos=".3 0 0" mass="1"/><geom size=".05" mass="1"/></body></worldbody>
           <actuator><general joint="x" biastype="affine" biasprm="2"/><general joint="t" biastype="affine" biasprm="1"/></actuator>"#,
        r#"<option timestep="0.004" noslip_iterations="1" noslip_tolerance="-1" gravity="0 4 -9.81"/><worldbody>
           <geom size=".08" pos="0.05 0 -.08"/><body pos="0 0 .0493"><freejoint/><geom type="box" size=".1 .1 .05"/></body></worldbody>"#,
    ] {
        let rest = rest.replacen("<joint type", "<joint name=\"x\" type", 1).replacen(
            "<joint axis",
            "<joint name=\"t\" axis",
            1,
        );
        Case::new(&format!("<mujoco>{rest}</mujoco>")).agrees("implicit", &[]);
    }
}

/// Sweeps go over contacts in their order. A cylinder that lies flat touches at both ends, and which comes first changes there; and
/// two boxes of one centre may part either way.
#[test]
fn what_an_order_decides_is_marked() {
    for rest in [
        r#"<option timestep="0.004" noslip_iterations="1" noslip_tolerance="-1"/><worldbody><geom type="plane" size="5 5 .1"/>
           <body pos="0 0 .099" euler="0 90 0"><freejoint/><geom type="cylinder" size=".1 .15"/></body></worldbody>"#,
        r#"<worldbody><geom type="box" size="2 2 .1"/><body><freejoint/><geom type="box" size=".15 .15 .1"/></body></worldbody>"#,
    ] {
        let mut case = Case::new(&format!("<mujoco>{rest}</mujoco>"));
        case.sim.qvel_mut().copy_from_slice(&[0.02, 0.05, 0.01, 0.1, 0.05, 0.2]);
        let (engine, found) = case.jacobian(None);
        assert_eq!(engine, "implicit");
        assert!(found.verdicts.kink > 0.0, "{rest}: {:?}", found.verdicts.switches);
    }
}

/// A box and a ball that slide on a floor, and a hinge with friction that sticks: sweeps over friction behind the solver.
#[test]
fn noslip_iterations_are_differentiated_as_far_as_they_go() {
    for (cone, condim) in [("pyramidal", 3), ("pyramidal", 6), ("elliptic", 3), ("elliptic", 4), ("elliptic", 6)] {
        for sweeps in [1, 5] {
            // All sweeps are taken, as in a recording with a converged solver.
            let mut case = Case::new(&format!(
                r#"<mujoco><option timestep="0.003" cone="{cone}" noslip_iterations="{sweeps}" noslip_tolerance="-1"/><worldbody>
                <geom type="plane" size="2 2 .1" condim="{condim}"/>
                <body pos="0 0 .0597"><freejoint/><geom type="box" size=".1 .08 .06" condim="{condim}" friction=".6 .02 .01"/></body>
                <body pos=".5 0 .0698"><freejoint/><geom size=".07" condim="{condim}" friction=".8 .02 .01"/></body>
                <body pos="0 1 .5"><joint axis="0 1 0" frictionloss=".3"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/>
                  <body pos=".3 0 0"><joint axis="0 1 0" frictionloss=".02"/><geom type="capsule" fromto="0 0 0 .2 0 0" size=".03"/></body></body>
                </worldbody></mujoco>"#
            ));
            case.sim.qvel_mut()[..12]
                .copy_from_slice(&[0.4, 0.2, 0.0, 0.0, 0.0, 0.3, 0.01, 0.02, 0.0, 0.1, -0.2, 0.05]);
            case.agrees("implicit", &[]);
        }
    }
}

#[test]
fn an_early_activation_reaches_the_force_in_the_same_step() {
    let mut case = Case::new(
        r#"<mujoco><option timestep="0.004" integrator="implicitfast"/><worldbody>
        <body><joint name="a" axis="0 1 0" damping=".05"/><geom type="capsule" fromto="0 0 0 .3 0 0" size=".03"/>
          <body pos=".3 0 0"><joint name="b" axis="0 1 0" damping=".05"/>
            <geom type="capsule" fromto="0 0 0 .25 0 0" size=".03"/>
            <body pos=".25 0 0"><joint name="c" axis="0 1 0" damping=".05"/>
              <geom type="capsule" fromto="0 0 0 .2 0 0" size=".03"/></body></body></body></worldbody>
        <actuator>
          <general joint="a" dyntype="filterexact" dynprm="0.03" gainprm="4" biastype="affine" biasprm="0 -4 -0.4"
            actearly="true" ctrlrange="-1 1"/>
          <intvelocity joint="b" kp="30" kv="1" actrange="-0.05 0.05" ctrlrange="-3 3"/>
          <general joint="c" dyntype="filter" dynprm="0.02" gaintype="affine" gainprm="2 0.5 -0.8" actearly="true"
            actlimited="true" actrange="-.5 .5" ctrlrange="-2 2"/></actuator></mujoco>"#,
    );
    case.sim.qvel_mut().copy_from_slice(&[0.4, -0.3, 0.8]);
    case.sim.act_mut().copy_from_slice(&[0.2, 0.01, 0.1]);
    case.sim.ctrl_mut().copy_from_slice(&[0.5, 1.0, -0.7]);
    case.agrees("implicit", &[]);
}

#[test]
fn a_controller_with_an_integral_beside_a_limited_actuator() {
    let mut case = Case::new(
        r#"<mujoco><option timestep="0.01" gravity="0 0 0" integrator="implicitfast"/><worldbody>
        <body><joint name="idle" type="slide" axis="1 0 0"/><geom size=".1" mass="1"/></body>
        <body pos="0 1 0"><joint name="work" type="slide" axis="1 0 0"/><geom size=".1" mass="2"/></body></worldbody>
        <actuator><pid joint="idle" kp="2" ki="0.5" kv="0.3" input="pos vel ff"/>
          <general joint="work" gaintype="affine" gainprm="3 0 -1.5" ctrllimited="true" ctrlrange="-0.4 0.7"/></actuator>
        </mujoco>"#,
    );
    case.sim.qvel_mut().copy_from_slice(&[0.2, -0.5]);
    case.sim.ctrl_mut().iter_mut().zip([0.1, -0.2, 0.3, 0.25]).for_each(|(u, x)| *u = x);
    case.agrees("implicit", &[]);
    assert!(case.engine().1.is_empty());
}

/// MuJoCo advances the activation of a disabled actuator by nothing; it is clamped to its range all the same.
#[test]
fn a_disabled_actuator_keeps_its_activation() {
    let body = r#"<worldbody><body><joint name="h" axis="0 1 0" damping="1"/>
        <geom type="capsule" size=".02" fromto="0 0 0 .3 0 0"/></body></worldbody>
        <actuator><intvelocity group="1" joint="h" kp="10" actrange="-1 1" ctrlrange="-1 1"/>
        <motor group="0" joint="h" ctrlrange="-1 1"/></actuator>"#;
    for option in [r#"actuatorgroupdisable="1""#, ""] {
        let flag = if option.is_empty() { r#"<flag actuation="disable"/>"# } else { "" };
        for act in [0.4, 1.5] {
            let mut case = Case::new(&format!("<mujoco><option {option}>{flag}</option>{body}</mujoco>"));
            case.sim.act_mut()[0] = act;
            case.sim.ctrl_mut().copy_from_slice(&[0.3, 0.2]);
            let found = case.agrees("implicit", &[]);
            // All actuation is off: not even the range of the activation holds.
            let right = if act < 1.0 || option.is_empty() { 1.0 } else { 0.0 };
            assert_eq!(found.a[2 * 3 + 2], right, "{option} {act}");
            assert_eq!(found.b[2 * 2], 0.0);
            assert_eq!(found.verdicts.b[2 * 2], ZeroVerdict::Zero);
        }
    }
}

/// MuJoCo skips bodies without mass in its model of a medium.
#[test]
fn a_body_without_mass_feels_no_medium() {
    let mut case = Case::new(
        r#"<mujoco><option density="1.225" viscosity="1.8e-5"/><worldbody><body><freejoint/>
        <body pos=".025 0 0"><geom type="box" size=".025 .01 .01" mass="1e-2"/></body></body></worldbody></mujoco>"#,
    );
    case.sim.qvel_mut().copy_from_slice(&[0.5, -0.2, 0.3, 1.0, -2.0, 0.5]);
    let found = case.agrees("implicit", &[]);
    assert!(found.a.iter().all(|x| x.abs() < 10.0));
}

#[test]
fn a_cylinder_that_stands_nearly_upright() {
    for tilt in [1e-6, 1e-5, 1e-4, 3e-4] {
        let half = 0.5 * tilt;
        let height = 0.049904;
        let mut case = Case::new(&format!(
            r#"<mujoco><worldbody><geom type="plane" size="1 1 .05"/>
            <body pos="0 0 {height}" quat="{} 0 {half} 0"><freejoint/>
            <geom type="cylinder" size=".04 .05" mass=".3"/></body></worldbody></mujoco>"#,
            f64::cos(half)
        ));
        let (_, found) = case.jacobian(None);
        let (_, by_steps) = case.jacobian(Some(EngineKind::WholeStep));
        let scale = by_steps.a.iter().filter(|x| x.is_finite()).fold(0.0_f64, |most, x| most.max(x.abs()));
        for (k, (x, right)) in found.a.iter().zip(&by_steps.a).enumerate() {
            // Where differences do not settle, nothing is claimed; the closed form still has a value.
            if right.is_finite() && x.is_finite() && !by_steps.verdicts.switches.any() {
                assert!((x - right).abs() < 1e-6 * scale, "tilt {tilt}, entry {k}: {x} for {right}");
            } else if right.is_nan() {
                assert_eq!(by_steps.verdicts.a[k], ZeroVerdict::Undecided, "tilt {tilt}, {k}");
            }
        }
        assert!(found.a.iter().filter(|x| x.is_finite()).all(|x| x.abs() < 1e3), "tilt {tilt}");
    }
}

#[test]
fn what_has_a_derivative_is_not_flagged() {
    let resting = r#"<mujoco><option cone="elliptic"/><worldbody><geom type="plane" size="1 1 .1"/>
        <body pos="0 0 .0499"><freejoint/><geom type="box" size=".05 .05 .05"/></body></worldbody></mujoco>"#;
    let touching = r#"<mujoco><worldbody><geom type="plane" size="1 1 .1"/>
        <body pos="0 0 .1"><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/><joint axis="0 0 1"/>
        <geom type="sphere" size=".1"/></body></worldbody></mujoco>"#;
    let ranges = r#"<mujoco><worldbody><body><joint name="h" axis="0 1 0" damping="1"/>
        <geom type="capsule" size=".02" fromto="0 0 0 .3 0 0"/></body></worldbody>
        <actuator><motor joint="h" ctrlrange="-1 1" forcerange="-1 1"/></actuator></mujoco>"#;
    for (name, mjcf, controls) in [
        ("a box at rest under an elliptic cone", resting, &[][..]),
        ("a contact that nothing can move", touching, &[]),
        ("a force range that is the control's", ranges, &[0.3]),
        ("at its end, from the inside", ranges, &[1.0]),
    ] {
        for steps in [0, 1, 9] {
            let mut case = Case::new(mjcf);
            case.sim.ctrl_mut().copy_from_slice(controls);
            let mut case = case.steps(steps);
            for engine in [None, Some(EngineKind::WholeStep)] {
                let (engine, found) = case.jacobian(engine);
                assert!(!found.verdicts.switches.any(), "{name}, {engine}, step {steps}: {:?}", found.verdicts);
            }
        }
    }
}

#[test]
fn a_tendon_at_its_limit_is_flagged() {
    let mut case = Case::new(
        r#"<mujoco><option><flag contact="disable"/></option><worldbody><body><joint name="a"/><geom size=".1"/>
        <body><joint name="b"/><geom size=".1"/><body><joint name="c"/><geom size=".1"/></body></body></body></worldbody>
        <tendon><fixed limited="true" range="0 .5"><joint joint="a" coef=".25"/><joint joint="b" coef=".5"/>
        <joint joint="c" coef=".75"/></fixed></tendon></mujoco>"#,
    );
    // Its length is 0, the lower end of its range.
    for engine in [None, Some(EngineKind::WholeStep)] {
        let (engine, found) = case.jacobian(engine);
        let verdicts = &found.verdicts;
        assert!(
            verdicts.switches.limit && verdicts.kink > 1e-3,
            "{engine}: {:?}, {}",
            verdicts.switches,
            verdicts.kink
        );
    }
}

#[test]
fn a_model_without_actuators_has_a_and_no_b() {
    let mut case = Case::new(
        r#"<mujoco><worldbody><body><joint axis="0 1 0" damping=".01"/>
        <geom type="capsule" fromto="0 0 0 .2 0 0" size=".02"/><body pos=".2 0 0"><joint axis="0 1 0"/>
        <geom type="capsule" fromto="0 0 0 .2 0 0" size=".02"/></body></body></worldbody></mujoco>"#,
    );
    case.sim.qvel_mut().copy_from_slice(&[1.0, -2.0]);
    let found = case.agrees("implicit", &[]);
    assert!(found.b.is_empty());
}

/// A sphere that turns about its own centre has no inertia at its contact by the model, which gives the contact the
/// stiffness of 1e15: what its friction does is lost beside its normal force of 1e17, but not to a solver that takes a
/// whole step. The state says so.
#[test]
fn a_contact_that_nothing_carries_is_named() {
    for body in [r#"<joint/>"#, r#"<joint type="ball"/>"#] {
        let mut case = Case::new(&format!(
            r#"<mujoco><worldbody><geom size="0.6"/><body>{body}<geom size="0.0602"/></body></worldbody></mujoco>"#
        ));
        let (_, found) = case.jacobian(None);
        let (_, by_steps) = case.jacobian(Some(EngineKind::WholeStep));
        assert!(found.verdicts.near_singular);
        assert_eq!(found.a.len(), by_steps.a.len());
        for (x, y) in found.a.iter().zip(&by_steps.a) {
            assert!((x - y).abs() <= 1e-9, "{x} {y}");
        }
    }
    // Nor is the lever of such a contact a number: it is rounding, times 1e16.
    let mut case = Case::new(
        r#"<mujoco><option timestep="0.00377"/><worldbody><geom type="plane" size="2 2 0.1"/>
        <body pos="0 0 0.0724" quat="0.786 0.44 0.75 0.263"><joint damping="1.22"/><geom size="0.0815" condim="1" priority="1"/>
        <body pos="0.1965 -0.00786 -0.0531"><joint axis="1 0 0"/><geom size="0.03" contype="0" conaffinity="0"/></body></body>
        </worldbody></mujoco>"#,
    );
    case.sim.qpos_mut()[0] = 0.27;
    case.sim.qvel_mut()[0] = 17.6;
    let (_, found) = case.jacobian(None);
    let (_, by_steps) = case.jacobian(Some(EngineKind::WholeStep));
    let scale = found.a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    assert!(found.a.iter().zip(&by_steps.a).all(|(x, y)| (x - y).abs() <= 1e-9 * scale));
    // Beside a heavy one a light body is none of that.
    let light = r#"<mujoco><worldbody><body><joint type="slide"/><geom size=".1" mass="1e6"/></body>
        <body pos="0 0 1"><joint type="slide"/><geom size=".01" mass="1e-10"/></body></worldbody></mujoco>"#;
    let (_, found) = Case::new(light).jacobian(None);
    assert!(!found.verdicts.near_singular);
}

/// CG leaves more behind than Newton's method does, and a difference of what it leaves is none of the dynamics: what
/// slides on a plane does so without regard to where on it.
#[test]
fn what_cg_leaves_is_no_derivative() {
    let mut case = Case::new(
        r#"<mujoco><option timestep="0.0074" solver="CG"/><worldbody><geom type="plane" size="2 2 0.1"/>
        <body pos="0 0 0.0574"><freejoint/><geom type="capsule" fromto="-0.0867 0 0 0.0867 -0.0149 0" size="0.03468"/></body>
        </worldbody><keyframe><key qpos="0.028705978154211005 0.040245274544147204 0.028258746707975478 0.9920191338674869
        -0.1252990618490094 0.013549613644290666 -0.003819831233074078" qvel="0.008430547577143808 0.12995793042207007
        0.11701179599048474 -4.318880031896556 0.2433624133972495 -0.04024031825692857"/></keyframe></mujoco>"#,
    );
    case.sim.reset_to_key(0).unwrap();
    let (_, found) = case.jacobian(None);
    let (_, by_steps) = case.jacobian(Some(EngineKind::WholeStep));
    let scale = found.a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    for (k, (x, y)) in found.a.iter().zip(&by_steps.a).enumerate() {
        assert!((x - y).abs() <= 1e-9 * scale, "{x} {y} at {k}");
        if k % 12 < 2 && k / 12 >= 6 {
            assert!(
                found.verdicts.a[k] == ZeroVerdict::Zero && by_steps.verdicts.a[k] == ZeroVerdict::Zero,
                "{k}: {x} {y}"
            );
        }
    }
}

/// A ball that is welded to where it cannot go: forces of 1e10 that cancel but for 100, whose rounding is that of their sizes.
/// Differences over small nudges see nothing but that.
#[test]
fn forces_that_cancel_are_nudged_widely() {
    let mut case = Case::new(
        r#"<mujoco><worldbody><body name="b" pos="0 0 0.34"><joint type="ball"/><geom size="0.0403" shellinertia="true"/>
        <geom type="capsule" size="0.02249 0.03526" pos="0.0228 0.00218 -0.0285"/></body></worldbody>
        <equality><weld body1="b" relpose="0.05 -0.02 0.1 0.9 0.1 0.2 -0.1"/></equality></mujoco>"#,
    );
    let (name, found) = case.jacobian(None);
    let (_, by_steps) = case.jacobian(Some(EngineKind::WholeStep));
    assert_eq!(name, "implicit");
    let scale = found.a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    for (k, (x, y)) in found.a.iter().zip(&by_steps.a).enumerate() {
        assert!((x - y).abs() <= 1e-6 * scale, "{k}: {x} {y}");
    }
}

/// A force through the axis of a capsule does not spin it, but by what rounding makes of a product of zeros: no number of 1e-21
/// beside others of 1 is called nonzero.
#[test]
fn what_is_smaller_than_anything_seen_is_not_called_nonzero() {
    let mut case = Case::new(
        r#"<mujoco><option gravity="0 0 0" integrator="implicit"/><worldbody><body pos="0 0 1"><freejoint/>
        <geom type="capsule" size=".05 .1" mass="1"/><site name="s" pos=".02 .01 .03"/></body></worldbody>
        <actuator><general site="s" gear="0 0 1 0 0 0" gaintype="affine" gainprm="1 0 -.2" biastype="affine" biasprm=".1 0 0"/>
        </actuator></mujoco>"#,
    );
    case.sim.ctrl_mut()[0] = 0.4;
    case.sim.qvel_mut().copy_from_slice(&[0.1, -0.3, 0.2, 0.5, -0.7, 0.3]);
    let (_, found) = case.jacobian(None);
    let scale = found.a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let all = found.a.iter().chain(&found.b).zip(found.verdicts.a.iter().chain(&found.verdicts.b));
    for (x, verdict) in all {
        assert!(x.abs() > 1e-16 * scale || *verdict != ZeroVerdict::Nonzero, "{x:e}");
    }
    assert!(found.b[11].abs() < 1e-16 && found.verdicts.b[11] != ZeroVerdict::Nonzero, "{}", found.b[11]);
}

/// All nudges of a size beyond the width of an impedance lie on one straight line through the state, with another slope than
/// at the state: they agree with each other, and are wrong. In A, and in what a force sensor shows.
#[test]
fn an_impedance_that_changes_within_a_tenth_of_a_millimetre() {
    let mjcf = r#"<mujoco><option gravity="0 0 0"/><worldbody><body pos="0 0 1">
        <joint type="slide" axis="1 0 0"/><geom size=".05"/><body name="b"><geom size=".04"/><site name="s"/></body></body></worldbody>
        <equality><connect body1="b" anchor="0 0 .1" solimp=".5 .95 .0001"/></equality>
        <sensor><force site="s"/><torque site="s"/></sensor></mujoco>"#;
    let mut case = Case::new(mjcf);
    case.agrees_within(1e-6, "implicit", &[]);
    let mut by = |engine: EngineKind| {
        let spec = EngineSpec { sensors: true, ..EngineSpec::new(engine) };
        let mut out = Jacobian::zeros(&case.model, true);
        spec.build(&case.model).unwrap().jacobian(&mut case.sim, &mut out).unwrap();
        out.c
    };
    let (found, right) = (by(EngineKind::Implicit), by(EngineKind::WholeStep));
    let known: Vec<(f64, f64)> = found.into_iter().zip(right).filter(|(_, right)| right.is_finite()).collect();
    let largest = known.iter().fold(0.0_f64, |most, (_, right)| most.max(right.abs()));
    let torque = known.iter().filter(|(_, right)| right.abs() > 0.1 * largest).count();
    assert!(known.len() > 6 && torque > 0, "{known:?}");
    for (found, right) in known {
        assert!((found - right).abs() < 1e-6 * largest, "C: {found} for {right}");
    }
}

/// Three spheres on each other, each twenty times as heavy as the one below, at rest: PGS from the warm start of its solution has
/// nothing to do, but a hundred sweeps from there do not come to the solution of a nudged state. That is what is differentiated.
#[test]
fn pgs_has_the_derivative_of_the_solution_that_it_seeks() {
    let sphere = |x: f64, z: f64, mass: f64| {
        format!(
            r#"<body pos="{x} 0 {z}"><joint type="slide" axis="0 0 1"/><joint type="slide" axis="1 0 0"/><joint axis="0 1 0"/>
            <geom size=".05" mass="{mass}"/></body>"#
        )
    };
    let spheres = sphere(0.0, 0.05, 0.1) + &sphere(0.01, 0.149, 2.0) + &sphere(0.005, 0.248, 40.0);
    let stack = |solver: &str, cone: &str| {
        let mjcf = format!(
            r#"<mujoco><option solver="{solver}" cone="{cone}"/><worldbody><geom type="plane" size="5 5 1"/>{spheres}</worldbody></mujoco>"#
        );
        let mut model = Model::from_text("stack.xml", &mjcf).unwrap();
        model.set_solver(Solver { iterations: if solver == "PGS" { 100 } else { 200 }, ..SOLVER });
        let model = Arc::new(model);
        Case { sim: Sim::new(&model).unwrap(), model }
    };
    let (mut pgs, mut newton) = (stack("PGS", "pyramidal"), stack("Newton", "pyramidal").steps(3));
    let mut state = vec![0.0; pgs.model.state_size()];
    newton.sim.get_state(&mut state).unwrap();
    pgs.sim.set_state(&state).unwrap();
    let (engine, found) = pgs.jacobian(None);
    let (_, steps) = pgs.jacobian(Some(EngineKind::WholeStep));
    let (_, truth) = newton.jacobian(Some(EngineKind::Implicit));
    assert_eq!(engine, "implicit");
    let scale = truth.a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    for found in [&found, &steps] {
        let off = found.a.iter().zip(&truth.a).map(|(x, y)| (x - y).abs()).fold(0.0_f64, f64::max);
        assert!(off < 1e-6 * scale && found.verdicts.kink == 0.0, "{off:e}");
    }
    // Under elliptic cones its sweeps end elsewhere: what is differentiated is the step that so many of them make.
    let mut pgs = stack("PGS", "elliptic");
    assert!(pgs.engine().1.contains("the solver PGS with elliptic cones"), "{}", pgs.engine().1);
    pgs.sim.set_state(&state).unwrap();
    pgs.sim.qacc_warmstart_mut().fill(0.0);
    pgs.agrees("whole-step", &[]);
}
