//! C and D of every type of sensor that MuJoCo has, against differences of whole steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use dynsparse::jacobian::{Arbiter, Chain, EngineKind, EngineRequest, EngineSpec, Jacobian, ZeroVerdict};
use dynsparse::physics::{Model, PhysicsError, Sim, Solver};
use dynsparse::rng::Stream;
use mujoco_rs::mujoco_c::mjtSensor;

/// Joints of all kinds, limits and tendons that are at work, and what sensors hang on; nothing touches.
const ARM: &str = r#"<mujoco>
  <option timestep="0.005" integrator="implicitfast" magnetic="0.3 -0.5 0.1"/>
  <visual><map znear="0.01"/></visual>
  <worldbody>
    <geom name="floor" type="plane" size="3 3 .1" pos="0 0 -2" contype="0" conaffinity="0"/>
    <site name="post" pos="0.3 0.4 1.2"/>
    <site name="zone" type="box" size="5 5 5"/>
    <camera name="eye" pos="0 -4 0.3" xyaxes="1 0 0 0 0 1" resolution="64 48" fovy="50"/>
    <body name="upper" pos="0 0 0.8"><joint name="shoulder" axis="0 1 0" damping="0.2" stiffness="3"/>
      <geom name="bone" type="capsule" fromto="0 0 0 0.5 0 0" size="0.04" contype="0" conaffinity="0"/>
      <site name="elbow" pos="0.5 0.02 0"/>
      <body name="lower" pos="0.5 0 0"><joint name="bend" axis="0.2 1 0.1" range="-10 10" limited="true" solreflimit="0.03 1"/>
        <geom type="capsule" fromto="0 0 0 0.4 0 0.1" size="0.03" contype="0" conaffinity="0"/>
        <site name="tip" pos="0.4 0.01 0.1" euler="10 20 30"/>
        <camera name="hand" pos="0.4 0 0.1"/>
        <body name="wrist" pos="0.42 0 0.1"><joint name="ball" type="ball" damping="0.02"/>
          <geom name="fist" type="box" size="0.05 0.04 0.03" pos="0.06 0.01 0" contype="0" conaffinity="0"/>
          <site name="palm" pos="0.05 0 0.02" euler="30 0 40"/></body></body></body>
    <body name="cart" pos="0 1 0"><joint name="slide" type="slide" axis="1 0 0.1" stiffness="20"/>
      <geom name="block" size="0.1" contype="0" conaffinity="0"/><site name="hook" pos="0 0 0.1"/></body>
    <body name="drone" pos="1 1 1"><freejoint name="free"/>
      <geom name="hull" type="ellipsoid" size="0.1 0.2 0.05" contype="0" conaffinity="0"/>
      <site name="laser" pos="0.02 0 -0.05" euler="170 5 0"/></body>
  </worldbody>
  <tendon>
    <spatial name="rope" limited="true" range="0 0.9" stiffness="5" solreflimit="0.04 1">
      <site site="post"/><site site="elbow"/><site site="hook"/></spatial>
    <fixed name="gear"><joint joint="shoulder" coef="0.5"/><joint joint="slide" coef="-1.2"/></fixed>
  </tendon>
  <actuator>
    <position name="servo" joint="shoulder" kp="15" kv="1"/>
    <motor name="push" joint="slide" gear="2"/>
    <general name="pull" tendon="gear" dyntype="filter" dynprm="0.1" gainprm="4" biastype="affine" biasprm="0 -1 -0.2"/>
    <motor name="twist" joint="ball" gear="0.1 0.05 0.2"/>
    <motor name="lift" site="laser" gear="0 0 1 0.01 0 0.02"/>
  </actuator>
  <sensor>
    <accelerometer site="tip"/><accelerometer site="laser"/><velocimeter site="tip"/><gyro site="palm"/>
    <force site="tip"/><torque site="palm"/><torque site="elbow"/>
    <magnetometer site="palm"/><rangefinder site="laser"/><camprojection site="tip" camera="eye"/>
    <jointpos joint="bend"/><jointvel joint="slide"/>
    <tendonpos tendon="rope"/><tendonvel tendon="rope"/>
    <actuatorpos actuator="pull"/><actuatorvel actuator="servo"/>
    <actuatorfrc actuator="servo"/><actuatorfrc actuator="pull"/><jointactuatorfrc joint="shoulder"/>
    <tendonactuatorfrc tendon="gear"/>
    <ballquat joint="ball"/><ballangvel joint="ball"/>
    <jointlimitpos joint="bend"/><jointlimitvel joint="bend"/><jointlimitfrc joint="bend"/>
    <tendonlimitpos tendon="rope"/><tendonlimitvel tendon="rope"/><tendonlimitfrc tendon="rope"/>
    <framepos objtype="site" objname="palm"/><framepos objtype="camera" objname="hand" reftype="body" refname="drone"/>
    <framequat objtype="geom" objname="fist"/><framequat objtype="body" objname="wrist" reftype="body" refname="drone"/>
    <framexaxis objtype="site" objname="tip"/><frameyaxis objtype="xbody" objname="drone"/>
    <framezaxis objtype="geom" objname="fist" reftype="site" refname="laser"/>
    <framelinvel objtype="site" objname="tip"/><framelinvel objtype="site" objname="tip" reftype="body" refname="drone"/>
    <frameangvel objtype="body" objname="drone"/>
    <framelinacc objtype="site" objname="palm"/><frameangacc objtype="body" objname="wrist"/>
    <subtreecom body="upper"/><subtreelinvel body="upper"/><subtreeangmom body="upper"/>
    <insidesite objtype="body" objname="wrist" site="zone"/>
    <distance geom1="bone" geom2="block" cutoff="5"/><normal geom1="bone" geom2="block" cutoff="5"/>
    <fromto geom1="bone" geom2="block" cutoff="5"/>
    <e_potential/><e_kinetic/><clock/><user dim="2" datatype="real" needstage="acc"/>
    <framelinvel objtype="site" objname="palm" cutoff="0.05"/>
  </sensor>
</mujoco>"#;

/// A box and a ball that lie on a floor, and press on what feels it.
const TOUCH: &str = r#"<mujoco>
  <option timestep="0.004" integrator="implicitfast"/>
  <asset><mesh name="pad" builtin="sphere" params="2" scale="0.13 0.13 0.13"/></asset>
  <worldbody>
    <geom name="floor" type="plane" size="3 3 .1" friction="0.9"/>
    <body name="box" pos="0 0 0.0990"><freejoint/><geom name="crate" type="box" size="0.2 0.15 0.1" mass="3"/>
      <site name="below" type="box" size="0.3 0.3 0.05" pos="0 0 -0.1"/><site name="middle"/>
      <body name="lid" pos="0 0 0.12"><joint name="hinge" axis="0 1 0" stiffness="10" damping="0.5"/>
        <geom type="box" size="0.1 0.1 0.01" contype="0" conaffinity="0"/><site name="joint"/></body></body>
    <body name="ball" pos="0.8 0 0.0995"><freejoint/><geom name="ball" size="0.1" mass="1" condim="6" friction="0.8 0.05 0.02"/>
      <geom name="skin" type="mesh" mesh="pad" contype="0" conaffinity="0" mass="0.01"/></body>
  </worldbody>
  <actuator><motor name="lid" joint="hinge" gear="2"/></actuator>
  <sensor>
    <touch site="below"/><force site="joint"/><torque site="joint"/><force site="middle"/><accelerometer site="joint"/>
    <contact name="net" geom1="crate" data="found force torque pos" reduce="netforce"/>
    <contact name="all" body1="ball" num="1" data="found force torque dist pos normal tangent"/>
    <contact name="close" geom1="crate" geom2="floor" num="2" data="force dist" reduce="none"/>
    <tactile geom="skin" mesh="pad"/>
  </sensor>
</mujoco>"#;

/// A ball that an actuator makes stick to what it touches, and what hangs on the actuator.
const STICK: &str = r#"<mujoco>
  <option timestep="0.004"/>
  <worldbody>
    <geom type="plane" size="3 3 .1"/>
    <body name="ball" pos="0 0 0.0995"><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0.1 1"/>
      <joint axis="0 1 0"/><geom size="0.1" mass="1" pos="0.01 0 0"/><site name="middle"/></body>
  </worldbody>
  <actuator><adhesion name="grip" body="ball" gain="3" ctrlrange="0 1"/></actuator>
  <sensor>
    <actuatorpos actuator="grip"/><actuatorvel actuator="grip"/><actuatorfrc actuator="grip"/><force site="middle"/>
  </sensor>
</mujoco>"#;

fn types() -> Vec<mjtSensor> {
    use mjtSensor::*;
    let mut all = Vec::new();
    let mut next = Some(mjSENS_TOUCH);
    // A chain through all types: one that MuJoCo adds does not compile until it has its place, and its sensor above.
    while let Some(kind) = next {
        all.push(kind);
        next = match kind {
            mjSENS_TOUCH => Some(mjSENS_ACCELEROMETER),
            mjSENS_ACCELEROMETER => Some(mjSENS_VELOCIMETER),
            mjSENS_VELOCIMETER => Some(mjSENS_GYRO),
            mjSENS_GYRO => Some(mjSENS_FORCE),
            mjSENS_FORCE => Some(mjSENS_TORQUE),
            mjSENS_TORQUE => Some(mjSENS_MAGNETOMETER),
            mjSENS_MAGNETOMETER => Some(mjSENS_RANGEFINDER),
            mjSENS_RANGEFINDER => Some(mjSENS_CAMPROJECTION),
            mjSENS_CAMPROJECTION => Some(mjSENS_JOINTPOS),
            mjSENS_JOINTPOS => Some(mjSENS_JOINTVEL),
            mjSENS_JOINTVEL => Some(mjSENS_TENDONPOS),
            mjSENS_TENDONPOS => Some(mjSENS_TENDONVEL),
            mjSENS_TENDONVEL => Some(mjSENS_ACTUATORPOS),
            mjSENS_ACTUATORPOS => Some(mjSENS_ACTUATORVEL),
            mjSENS_ACTUATORVEL => Some(mjSENS_ACTUATORFRC),
            mjSENS_ACTUATORFRC => Some(mjSENS_JOINTACTFRC),
            mjSENS_JOINTACTFRC => Some(mjSENS_TENDONACTFRC),
            mjSENS_TENDONACTFRC => Some(mjSENS_BALLQUAT),
            mjSENS_BALLQUAT => Some(mjSENS_BALLANGVEL),
            mjSENS_BALLANGVEL => Some(mjSENS_JOINTLIMITPOS),
            mjSENS_JOINTLIMITPOS => Some(mjSENS_JOINTLIMITVEL),
            mjSENS_JOINTLIMITVEL => Some(mjSENS_JOINTLIMITFRC),
            mjSENS_JOINTLIMITFRC => Some(mjSENS_TENDONLIMITPOS),
            mjSENS_TENDONLIMITPOS => Some(mjSENS_TENDONLIMITVEL),
            mjSENS_TENDONLIMITVEL => Some(mjSENS_TENDONLIMITFRC),
            mjSENS_TENDONLIMITFRC => Some(mjSENS_FRAMEPOS),
            mjSENS_FRAMEPOS => Some(mjSENS_FRAMEQUAT),
            mjSENS_FRAMEQUAT => Some(mjSENS_FRAMEXAXIS),
            mjSENS_FRAMEXAXIS => Some(mjSENS_FRAMEYAXIS),
            mjSENS_FRAMEYAXIS => Some(mjSENS_FRAMEZAXIS),
            mjSENS_FRAMEZAXIS => Some(mjSENS_FRAMELINVEL),
            mjSENS_FRAMELINVEL => Some(mjSENS_FRAMEANGVEL),
            mjSENS_FRAMEANGVEL => Some(mjSENS_FRAMELINACC),
            mjSENS_FRAMELINACC => Some(mjSENS_FRAMEANGACC),
            mjSENS_FRAMEANGACC => Some(mjSENS_SUBTREECOM),
            mjSENS_SUBTREECOM => Some(mjSENS_SUBTREELINVEL),
            mjSENS_SUBTREELINVEL => Some(mjSENS_SUBTREEANGMOM),
            mjSENS_SUBTREEANGMOM => Some(mjSENS_INSIDESITE),
            mjSENS_INSIDESITE => Some(mjSENS_GEOMDIST),
            mjSENS_GEOMDIST => Some(mjSENS_GEOMNORMAL),
            mjSENS_GEOMNORMAL => Some(mjSENS_GEOMFROMTO),
            mjSENS_GEOMFROMTO => Some(mjSENS_CONTACT),
            mjSENS_CONTACT => Some(mjSENS_E_POTENTIAL),
            mjSENS_E_POTENTIAL => Some(mjSENS_E_KINETIC),
            mjSENS_E_KINETIC => Some(mjSENS_CLOCK),
            mjSENS_CLOCK => Some(mjSENS_TACTILE),
            mjSENS_TACTILE => Some(mjSENS_PLUGIN),
            mjSENS_PLUGIN => Some(mjSENS_USER),
            mjSENS_USER => None,
        };
    }
    all
}

fn spec() -> EngineSpec {
    EngineSpec { sensors: true, ..EngineSpec::new(EngineKind::Implicit) }
}

fn load(mjcf: &str, solver: Solver) -> Arc<Model> {
    let mut model = Model::from_text("sensors.xml", mjcf).unwrap();
    model.set_solver(solver);
    Arc::new(model)
}

/// Types and names of the sensors, and where their values begin.
fn sensors(model: &Model) -> Vec<(usize, String, std::ops::Range<usize>)> {
    let get = |field: &str| model.numbers(field).unwrap();
    let (kinds, first, dim) = (get("sensor_type"), get("sensor_adr"), get("sensor_dim"));
    (0..kinds.len())
        .map(|i| {
            let at = first[i] as usize;
            (kinds[i] as usize, format!("{:?} {i}", types()[kinds[i] as usize]), at..at + dim[i] as usize)
        })
        .collect()
}

/// A random state near the default one, after some steps. Returns the integration state.
fn state(sim: &mut Sim, k: u64, spread: f64, steps: usize) -> Vec<f64> {
    let model = sim.model().clone();
    sim.reset().unwrap();
    let mut draws = Stream::new(9, "sensors", k);
    let mut draw = || 2.0 * draws.uniform() - 1.0;
    let motion: Vec<f64> = (0..model.nv()).map(|_| spread * draw()).collect();
    let mut qpos = sim.qpos().to_vec();
    model.integrate_pos(&mut qpos, &motion, 1.0);
    sim.qpos_mut().copy_from_slice(&qpos);
    sim.qvel_mut().iter_mut().for_each(|v| *v = spread * draw());
    sim.ctrl_mut().iter_mut().for_each(|u| *u = draw());
    sim.act_mut().iter_mut().for_each(|x| *x = draw());
    for _ in 0..steps {
        sim.step().unwrap();
    }
    let mut state = vec![0.0; model.state_size()];
    sim.get_state(&mut state).unwrap();
    state
}

/// d sensors / d input (by column) after `k` steps, by differences of whole steps at many sizes of nudges, each extrapolated;
/// of each entry the pair of sizes that agree best, with how well they do.
fn by_whole_steps(sim: &mut Sim, state: &[f64], k: usize) -> Vec<Vec<(f64, f64)>> {
    let model = sim.model().clone();
    let mut direction = vec![0.0; model.nv()];
    let mut values = |input: usize, by: f64| -> Vec<f64> {
        sim.set_state(state).unwrap();
        sim.nudge(input, by, &mut direction);
        for _ in 0..k {
            sim.qacc_warmstart_mut().fill(0.0);
            sim.step().unwrap();
        }
        sim.sensordata().to_vec()
    };
    (0..model.ndx() + model.nu())
        .map(|input| {
            let sizes: Vec<f64> = (0..15).map(|i| 2.0_f64.powi(-8 - i)).collect();
            let centred: Vec<Vec<f64>> = sizes
                .iter()
                .map(|h| {
                    let (up, down) = (values(input, *h), values(input, -h));
                    up.iter().zip(&down).map(|(u, d)| (u - d) / (2.0 * h)).collect()
                })
                .collect();
            (0..model.nsensordata())
                .map(|r| {
                    let better: Vec<f64> = centred.windows(2).map(|w| w[1][r] + (w[1][r] - w[0][r]) / 3.0).collect();
                    better.windows(2).map(|w| (w[0], (w[1] - w[0]).abs())).min_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
                })
                .collect()
        })
        .collect()
}

/// The engine's Jacobian of `k` physics steps.
fn by_engine(model: &Arc<Model>, state: &[f64], k: usize) -> Jacobian {
    let spec = spec();
    let mut sim = Sim::new(model).unwrap();
    sim.set_state(state).unwrap();
    let mut engine = spec.build(model).unwrap();
    let (mut step, mut whole) = (Jacobian::zeros(model, true), Jacobian::zeros(model, true));
    let mut chain = Chain::new(model, &spec);
    chain.over(&mut *engine, &mut sim, k, [&mut step, &mut whole]).unwrap();
    whole
}

/// Compares C and D with differences at `n` states; returns the largest error of every sensor, as a share of its own
/// largest entry of C and D, and how many entries are nonzero, zero and undecided.
fn compare(mjcf: &str, n: u64, spread: f64, settle: usize, k: usize) -> (BTreeMap<String, f64>, [usize; 3]) {
    let [model, strict] = [Solver::CONVERGED, Arbiter::SOLVER].map(|solver| load(mjcf, solver));
    let (ndx, nu) = (model.ndx(), model.nu());
    let (mut sim, mut judge) = (Sim::new(&model).unwrap(), Sim::new(&strict).unwrap());
    let (mut errors, mut counts) = (BTreeMap::new(), [0; 3]);
    for i in 0..n {
        let state = state(&mut sim, i, spread, settle);
        let found = by_engine(&model, &state, k);
        let expected = by_whole_steps(&mut judge, &state, k);
        let largest = found.c.iter().chain(&found.d).fold(0.0_f64, |m, x| m.max(x.abs()));
        for (_, name, rows) in sensors(&model) {
            // The errors of a sensor count beside its own entries. One whose forces cancel has none, only what rounding leaves
            // of them: the body floats freely.
            let own =
                rows.clone().flat_map(|r| expected.iter().map(move |column| column[r].0.abs())).fold(0.0, f64::max);
            let own = if own > 1e-9 * largest { own } else { largest };
            for r in rows {
                for (c, column) in expected.iter().enumerate() {
                    let (x, verdict) = if c < ndx {
                        (found.c[r * ndx + c], found.verdicts.c[r * ndx + c])
                    } else {
                        (found.d[r * nu + c - ndx], found.verdicts.d[r * nu + c - ndx])
                    };
                    counts[verdict as usize] += 1;
                    let (right, noise) = column[r];
                    let error = (x - right).abs() / own;
                    if error > 1e-8 {
                        eprintln!("state {i} {name} [{r}, {c}]: {x:e} for {right:e} +- {noise:.0e} ({verdict:?})");
                    }
                    let worst = errors.entry(name.clone()).or_insert(0.0_f64);
                    *worst = worst.max(if error.is_nan() { f64::INFINITY } else { error });
                    // Zero is what differences do not see; nonzero what they see.
                    let seen = right.abs() > 100.0 * noise + 1e-10 * largest;
                    assert!(
                        verdict != ZeroVerdict::Zero || !seen,
                        "{name} [{r}, {c}]: zero for {right:e} +- {noise:.0e}"
                    );
                    if verdict == ZeroVerdict::Nonzero {
                        let agree = (x - right).abs() <= 0.5 * x.abs() || x.abs() < 1e-9 * largest;
                        assert!(agree, "{name} [{r}, {c}]: {x:e} for {right:e} +- {noise:.0e}");
                    }
                }
            }
        }
    }
    (errors, counts)
}

fn check(mjcf: &str, n: u64, spread: f64, settle: usize) {
    for k in [1, 7] {
        let (errors, [nonzero, zero, undecided]) = compare(mjcf, n, spread, settle, k);
        for (name, error) in &errors {
            eprintln!("{k} steps: {name}: {error:.1e}");
        }
        eprintln!("{k} steps: {nonzero} nonzero, {zero} zero, {undecided} undecided");
        for (name, error) in errors {
            assert!(error < 1e-7, "{k} steps, {name}: {error:e}");
        }
        assert!(undecided * 20 < nonzero + zero + undecided, "{undecided} undecided");
    }
}

#[test]
fn every_type_of_sensor_is_in_the_models() {
    let mut seen = [false; 64];
    for mjcf in [ARM, TOUCH] {
        for (kind, ..) in sensors(&load(mjcf, Solver::CONVERGED)) {
            seen[kind] = true;
        }
    }
    for kind in types() {
        // Those of plugins are in whole_steps.rs.
        assert!(seen[kind as usize] != (kind == mjtSensor::mjSENS_PLUGIN), "{kind:?}");
    }
}

#[test]
fn sensors_of_an_arm_agree_with_whole_steps() {
    check(ARM, 2, 0.4, 3);
}

#[test]
fn sensors_of_contacts_agree_with_whole_steps() {
    check(TOUCH, 2, 0.0, 12);
}

#[test]
fn sensors_of_what_sticks_agree_with_whole_steps() {
    let model = load(STICK, Solver::CONVERGED);
    assert_eq!(EngineRequest::default().resolve(&model).spec.kind(), EngineKind::Implicit);
    check(STICK, 3, 0.0, 12);
}

#[test]
fn forces_of_a_servo_and_kinetic_energy_by_hand() {
    let mjcf = r#"<mujoco><option gravity="0 0 0"/><worldbody><body><joint name="h" axis="0 1 0"/>
        <inertial pos="0 0 0" mass="1" diaginertia="0.3 0.5 0.4"/></body></worldbody>
        <actuator><position name="p" joint="h" kp="15"/></actuator>
        <sensor><actuatorfrc actuator="p"/><e_kinetic/><jointpos joint="h"/></sensor></mujoco>"#;
    let model = load(mjcf, Solver::CONVERGED);
    let mut sim = Sim::new(&model).unwrap();
    sim.qvel_mut()[0] = 1.7;
    let mut state = vec![0.0; model.state_size()];
    sim.get_state(&mut state).unwrap();
    let found = by_engine(&model, &state, 1);
    // The force is kp (u - q), the energy I v^2 / 2.
    let c = [-15.0, 0.0, 0.0, 0.5 * 1.7, 1.0, 0.0];
    let d = [15.0, 0.0, 0.0];
    for (x, right) in found.c.iter().zip(c).chain(found.d.iter().zip(d)) {
        assert!((x - right).abs() < 1e-9, "{x} for {right}");
    }
    let verdicts: Vec<bool> =
        found.verdicts.c.iter().chain(&found.verdicts.d).map(|v| *v == ZeroVerdict::Zero).collect();
    assert_eq!(verdicts, c.iter().chain(&d).map(|x| *x == 0.0).collect::<Vec<_>>());
}

#[test]
fn sensors_that_show_the_past_are_for_whole_steps_or_refused_by_name() {
    for (setting, word) in [(r#"delay="0.01" nsample="5""#, "delay"), (r#"interval="0.02" nsample="5""#, "interval")] {
        let mjcf = format!(
            r#"<mujoco><worldbody><body><joint name="h"/><geom size=".1"/></body></worldbody>
            <sensor><jointpos name="now" joint="h"/><jointpos name="late" joint="h" {setting}/></sensor></mujoco>"#
        );
        let model = load(&mjcf, Solver::CONVERGED);
        for engine in [EngineKind::Implicit, EngineKind::TransitionFd] {
            let refused = EngineSpec { method: engine.into(), ..spec() }.build(&model).err();
            let Some(PhysicsError::SensorsNotCovered { obstacles, .. }) = refused else { panic!("{refused:?}") };
            assert!(
                obstacles.contains(word) && obstacles.contains("late") && !obstacles.contains("now"),
                "{obstacles}"
            );
        }
        // What a late sensor shows is held with its history.
        let resolved = EngineRequest { sensors: true, ..EngineRequest::default() }.resolve(&model);
        assert_eq!(resolved.spec.kind(), EngineKind::WholeStep);
        assert!(resolved.spec.build(&model).is_ok());
    }
    // With the flag, MuJoCo shows the kinetic energy of the step before.
    let mjcf = |flag: &str| {
        format!(
            r#"<mujoco><option><flag energy="{flag}"/></option><worldbody><body><joint name="h"/><geom size=".1"/></body>
            </worldbody><sensor><e_kinetic name="lively"/></sensor></mujoco>"#
        )
    };
    assert!(spec().build(&load(&mjcf("disable"), Solver::CONVERGED)).is_ok());
    let Err(PhysicsError::SensorsNotCovered { obstacles, .. }) =
        spec().build(&load(&mjcf("enable"), Solver::CONVERGED))
    else {
        panic!("it is not refused")
    };
    assert!(obstacles.contains("energy") && obstacles.contains("lively"), "{obstacles}");
}

/// At half of its width a contact's impedance has a second derivative that jumps, so that differences err by the nudge.
#[test]
fn forces_where_the_impedance_changes_its_parabola() {
    let mjcf = r#"<mujoco><option cone="elliptic" integrator="implicitfast"/><worldbody>
        <geom type="plane" size="3 3 .1"/><body pos="0 0 .0995"><freejoint/><geom name="c" type="box" size=".1 .1 .1"/>
        <site name="s" type="box" size=".12 .12 .12"/></body></worldbody>
        <sensor><touch site="s"/><contact geom1="c" data="force" reduce="netforce"/></sensor></mujoco>"#;
    let mut model = Model::from_text("half.xml", mjcf).unwrap();
    model.set_solver(Arbiter::SOLVER);
    let model = Arc::new(model);
    let mut sim = Sim::new(&model).unwrap();
    let mut state = vec![0.0; model.state_size()];
    sim.get_state(&mut state).unwrap();
    let truth = Arbiter::with_sensors(&model).unwrap().judge(&state).unwrap().sensed;
    let spec = EngineRequest { sensors: true, ..EngineRequest::default() }.resolve(&model).spec;
    assert_eq!(spec.kind(), EngineKind::Implicit);
    let mut found = Jacobian::zeros(&model, true);
    spec.build(&model).unwrap().jacobian(&mut sim, &mut found).unwrap();
    let largest = truth.values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!(largest > 2e4);
    for (k, (x, y)) in found.c.iter().zip(&truth.values).enumerate() {
        assert!((x - y).abs() <= 1e-7 * largest, "{k}: {x} {y}");
    }
}

/// Four corners of a box that lies flat push alike, and which of them has the largest force is decided by rounding: along and
/// across the contact, the force of one corner has a derivative by the turn about z, and its neighbour's has the opposite.
#[test]
fn a_sensor_that_picks_one_of_equals_has_no_derivative() {
    let mjcf = |reduce: &str| {
        format!(
            r#"<mujoco><worldbody><geom type="plane" size="2 2 .1"/><body name="box" pos="0 0 0.0606"><freejoint/>
            <geom type="box" size="0.05369 0.07442 0.0712" mass="2.61"/></body></worldbody>
            <equality><weld body1="box" solref="0.0882 0.95"/></equality>
            <sensor><contact name="one" data="force torque" reduce="{reduce}"/><framepos name="box" objtype="body" objname="box"/></sensor></mujoco>"#
        )
    };
    for kind in [EngineKind::Implicit, EngineKind::WholeStep] {
        for (reduce, picks) in [("maxforce", true), ("mindist", true), ("netforce", false)] {
            let model = load(&mjcf(reduce), Solver::CONVERGED);
            let mut out = Jacobian::zeros(&model, true);
            let spec = EngineSpec { sensors: true, ..EngineSpec::new(kind) };
            spec.build(&model).unwrap().jacobian(&mut Sim::new(&model).unwrap(), &mut out).unwrap();
            let turn = 5;
            for (row, values) in out.c.chunks(model.ndx()).enumerate().take(6) {
                let said = &out.verdicts.c[row * model.ndx()..][..model.ndx()];
                if picks {
                    assert!(values.iter().all(|x| x.is_nan()), "{kind:?}, {reduce}, {row}: {values:?}");
                    assert!(said.iter().all(|v| *v == ZeroVerdict::Undecided), "{kind:?}, {reduce}, {row}");
                } else {
                    // The force on the box as a whole does not depend on how it is turned, but for its direction.
                    assert!(values[turn].is_finite(), "{kind:?}, {reduce}, {row}: {values:?}");
                }
            }
            // The other sensor is none the worse for it.
            assert!(out.c[model.ndx() * 6..].iter().all(|x| x.is_finite()), "{kind:?}, {reduce}");
        }
    }
}

/// A sphere, a capsule and two boxes that press on a plane a little aslant: nothing is tied, and every sensor of contacts has its
/// derivative, whatever rounding makes of the values that are zero.
#[test]
fn sensors_of_contacts_that_are_not_tied_have_derivatives() {
    let body = |name: &str, pos: &str, geom: &str, sensors: &str| {
        let sensors = sensors.replace("NAME", name);
        [format!(r#"<body name="{name}" pos="{pos}" euler="1.3 -0.8 20"><freejoint/><geom {geom}/></body>"#), sensors]
    };
    let both = r#"<contact body1="NAME" reduce="netforce" data="found force torque pos"/>
        <contact body1="NAME" reduce="maxforce" data="found force torque pos"/>"#;
    let bodies = [
        body("a", "0 0 .095", r#"size=".1""#, both),
        body("b", "1 0 .075", r#"type="capsule" size=".08 .2" euler="0 89 0""#, both),
        body("c", "2 0 .117", r#"type="box" size=".15 .1 .12""#, both),
    ];
    let [worldbody, sensors] = [0, 1].map(|k| bodies.iter().map(|b| b[k].as_str()).collect::<String>());
    let mjcf = format!(
        r#"<mujoco><worldbody><geom type="plane" size="3 3 .1"/>{worldbody}</worldbody><sensor>{sensors}</sensor></mujoco>"#
    );
    let model = load(&mjcf, Solver::CONVERGED);
    let mut sim = Sim::new(&model).unwrap();
    let mut engine = spec().build(&model).unwrap();
    let mut out = Jacobian::zeros(&model, true);
    let mut stream = Stream::new(3, "test", 0);
    let (mut gone, mut all) = (0, 0);
    for _ in 0..12 {
        sim.qvel_mut().iter_mut().for_each(|v| *v = 0.05 * stream.normal());
        for _ in 0..3 {
            sim.step().unwrap();
        }
        engine.jacobian(&mut sim, &mut out).unwrap();
        gone += out.c.iter().filter(|x| x.is_nan()).count();
        all += out.c.len();
    }
    assert!(50 * gone < all, "{gone} of {all} have none");
}
