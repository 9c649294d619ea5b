//! At least one state of every task, worked out by hand from its formula and the geometry of its model.
//!
//! Numbers are rounded to six digits. `fade(d)` is 0.1^(d^2), the gaussian fall-off at d margins. A hinge about y
//! turned by t has the rotation matrix [[cos t, 0, sin t], [0, 1, 0], [-sin t, 0, cos t]].

use super::Scorer;
use crate::physics::Sim;
use crate::task::tests::catalogue_sim;

/// Six digits are given.
const ROUNDING: f64 = 2e-6;

/// A task at rest in its default position.
struct State {
    sim: Sim,
    scorer: Scorer,
}

/// None where the task's files are missing.
fn state_of(task: &str) -> Option<State> {
    let (task, sim) = catalogue_sim(task)?;
    let scorer = task.scorer(sim.model()).unwrap().unwrap();
    Some(State { sim, scorer })
}

impl State {
    fn at(mut self, qpos: &[f64], qvel: &[f64]) -> Self {
        self.sim.qpos_mut().copy_from_slice(qpos);
        self.sim.qvel_mut().copy_from_slice(qvel);
        self
    }

    fn target(mut self, pos: [f64; 3]) -> Self {
        self.sim.mocap_pos_mut().copy_from_slice(&pos);
        self
    }

    #[track_caller]
    fn is_worth(&mut self, action: &[f64], reward: f64) {
        self.sim.forward().unwrap();
        let found = self.scorer.reward(&self.sim, action);
        assert!((found - reward).abs() < ROUNDING, "{found} instead of {reward}");
    }

    /// The whole observation, after [`State::is_worth`].
    #[track_caller]
    fn shows(&self, expected: &[(&str, f64)]) {
        let labels = self.scorer.labels();
        assert_eq!(labels, expected.iter().map(|e| e.0).collect::<Vec<_>>());
        let mut found = vec![f64::NAN; labels.len()];
        self.scorer.observe(&self.sim, &mut self.scorer.begin(&self.sim, 0, 0), &mut found);
        for (found, (label, expected)) in found.iter().zip(expected) {
            assert!((found - expected).abs() < ROUNDING, "{label} is {found} instead of {expected}");
        }
    }
}

#[test]
fn acrobot_swingup() {
    let Some(state) = state_of("AcrobotSwingup") else { return };
    // The arms are 1 m long and start at z = 2; they lean by 0.3 and 0.3 + 0.4 = 0.7.
    // tip x = sin 0.3 + sin 0.7 = 0.295520 + 0.644218 = 0.939738
    // tip z = 2 + cos 0.3 + cos 0.7 = 2 + 0.955336 + 0.764842 = 3.720179, 0.279821 below the target at z = 4
    // distance = sqrt(0.939738^2 + 0.279821^2) = 0.980514, so 0.780514 margins of 1 m beyond the radius 0.2
    // reward = fade(0.780514) = 0.1^0.609202 = 0.245922
    let mut state = state.at(&[0.3, 0.4], &[0.5, -0.6]);
    state.is_worth(&[0.7], 0.245922);
    state.shows(&[
        ("xmat:upper_arm[0,2]", 0.295520),
        ("xmat:lower_arm[0,2]", 0.644218),
        ("upper_arm upright", 0.955336),
        ("lower_arm upright", 0.764842),
        ("qvel:shoulder", 0.5),
        ("qvel:elbow", -0.6),
    ]);
}

#[test]
fn acrobot_swingup_sparse() {
    let Some(state) = state_of("AcrobotSwingupSparse") else { return };
    // As above: 0.98 m is beyond the radius of 0.2 m.
    let mut state = state.at(&[0.3, 0.4], &[0.5, -0.6]);
    state.is_worth(&[0.7], 0.0);
    // The lower arm is vertical: tip x = sin 0.1 = 0.099833, tip z = 2 + cos 0.1 + 1 = 3.995004.
    // distance = sqrt(0.099833^2 + 0.004996^2) = 0.099958 < 0.2
    let mut state = state.at(&[0.1, -0.1], &[0.5, -0.6]);
    state.is_worth(&[0.7], 1.0);
    state.shows(&[
        ("xmat:upper_arm[0,2]", 0.099833),
        ("xmat:lower_arm[0,2]", 0.0),
        ("upper_arm upright", 0.995004),
        ("lower_arm upright", 1.0),
        ("qvel:shoulder", 0.5),
        ("qvel:elbow", -0.6),
    ]);
}

#[test]
fn ball_in_cup() {
    let Some(state) = state_of("BallInCup") else { return };
    // The cup is at (0.1, 0.6 + 0.05), its target 0.05 below: (0.1, 0.6). The ball is at (0.12, 0.2 + 0.42).
    // It is 0.02 off in both, within 0.05 (half the box) - 0.025 (the ball's radius) = 0.025.
    let mut state = state.at(&[0.1, 0.05, 0.12, 0.42], &[0.1, -0.2, 0.3, -0.4]);
    state.is_worth(&[0.5, 2.0], 1.0);
    state.shows(&[
        ("qpos:cup_x", 0.1),
        ("qpos:cup_z", 0.05),
        ("qpos:ball_x", 0.12),
        ("qpos:ball_z", 0.42),
        ("qvel:cup_x", 0.1),
        ("qvel:cup_z", -0.2),
        ("qvel:ball_x", 0.3),
        ("qvel:ball_z", -0.4),
    ]);
    // 0.026 off in x; then in z.
    let mut state = state.at(&[0.1, 0.05, 0.126, 0.42], &[0.0; 4]);
    state.is_worth(&[0.0; 2], 0.0);
    let mut state = state.at(&[0.1, 0.05, 0.12, 0.374], &[0.0; 4]);
    state.is_worth(&[0.0; 2], 0.0);
}

#[test]
fn cartpole_balance() {
    let Some(state) = state_of("CartpoleBalance") else { return };
    // upright  = (1 + cos 0.3) / 2 = (1 + 0.955336) / 2 = 0.977668
    // centered = (1 + fade(0.8 / 2)) / 2 = (1 + 0.1^0.16) / 2 = (1 + 0.691831) / 2 = 0.845915
    // calm     = (4 + 1 - 0.6^2) / 5 = 0.928
    // swing    = (1 + fade(1.5 / 5)) / 2 = (1 + 0.1^0.09) / 2 = (1 + 0.812831) / 2 = 0.906415
    // reward   = 0.977668 * 0.845915 * 0.928 * 0.906415 = 0.695655
    let mut state = state.at(&[0.8, 0.3], &[0.2, 1.5]);
    state.is_worth(&[0.6], 0.695655);
    state.shows(&[
        ("qpos:slider", 0.8),
        ("pole_1 upright", 0.955336),
        ("xmat:pole_1[0,2]", 0.295520),
        ("qvel:slider", 0.2),
        ("qvel:hinge_1", 1.5),
    ]);
}

#[test]
fn cartpole_swingup() {
    let Some(state) = state_of("CartpoleSwingup") else { return };
    // upright  = (1 + cos 2) / 2 = (1 - 0.416147) / 2 = 0.291927
    // centered = (1 + fade(1.5 / 2)) / 2 = (1 + 0.1^0.5625) / 2 = (1 + 0.273842) / 2 = 0.636921
    // calm     = (4 + 0) / 5 = 0.8, because 1.7 is beyond 1
    // swing    = (1 + fade(4 / 5)) / 2 = (1 + 0.1^0.64) / 2 = (1 + 0.229087) / 2 = 0.614543
    // reward   = 0.291927 * 0.636921 * 0.8 * 0.614543 = 0.091412
    let mut state = state.at(&[-1.5, 2.0], &[0.2, -4.0]);
    state.is_worth(&[1.7], 0.091412);
    state.shows(&[
        ("qpos:slider", -1.5),
        ("pole_1 upright", -0.416147),
        ("xmat:pole_1[0,2]", 0.909297),
        ("qvel:slider", 0.2),
        ("qvel:hinge_1", -4.0),
    ]);
}

#[test]
fn cartpole_balance_sparse() {
    let Some(state) = state_of("CartpoleBalanceSparse") else { return };
    // cos 0.05 = 0.998750 is at least 0.995, and 0.24 lies within 0.25.
    let mut state = state.at(&[0.24, 0.05], &[1.0, 2.0]);
    state.is_worth(&[1.0], 1.0);
    state.shows(&[
        ("qpos:slider", 0.24),
        ("pole_1 upright", 0.998750),
        ("xmat:pole_1[0,2]", 0.049979),
        ("qvel:slider", 1.0),
        ("qvel:hinge_1", 2.0),
    ]);
    // cos 0.11 = 0.993956 is less.
    let mut state = state.at(&[0.24, 0.11], &[1.0, 2.0]);
    state.is_worth(&[1.0], 0.0);
}

#[test]
fn cartpole_swingup_sparse() {
    let Some(state) = state_of("CartpoleSwingupSparse") else { return };
    // cos 0.09 = 0.995953 is at least 0.995, and -0.25 lies on the edge.
    let mut state = state.at(&[-0.25, -0.09], &[0.0, 9.0]);
    state.is_worth(&[0.3], 1.0);
    // The cart is out.
    let mut state = state.at(&[-0.26, -0.09], &[0.0, 9.0]);
    state.is_worth(&[0.3], 0.0);
    state.shows(&[
        ("qpos:slider", -0.26),
        ("pole_1 upright", 0.995953),
        ("xmat:pole_1[0,2]", -0.089879),
        ("qvel:slider", 0.0),
        ("qvel:hinge_1", 9.0),
    ]);
}

#[test]
fn cheetah_run() {
    let Some(state) = state_of("CheetahRun") else { return };
    // Nothing turns, so the centre of mass moves as the root does: 2.5 m/s forward.
    // reward = 2.5 / 10
    let qpos = [3.0, 0.4, 0.2, 0.1, -0.2, 0.3, -0.4, 0.5, -0.3];
    let mut state = state.at(&qpos, &[2.5, 0.7, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    state.is_worth(&[0.5; 6], 0.25);
    state.shows(&[
        ("qpos:rootz", 0.4),
        ("qpos:rooty", 0.2),
        ("qpos:bthigh", 0.1),
        ("qpos:bshin", -0.2),
        ("qpos:bfoot", 0.3),
        ("qpos:fthigh", -0.4),
        ("qpos:fshin", 0.5),
        ("qpos:ffoot", -0.3),
        ("qvel:rootx", 2.5),
        ("qvel:rootz", 0.7),
        ("qvel:rooty", 0.0),
        ("qvel:bthigh", 0.0),
        ("qvel:bshin", 0.0),
        ("qvel:bfoot", 0.0),
        ("qvel:fthigh", 0.0),
        ("qvel:fshin", 0.0),
        ("qvel:ffoot", 0.0),
    ]);
    // A torso that turns about its origin at 2 rad/s moves the centre of mass too, by 2 (height above the origin)
    // forward; the legs hang, so that height is negative and the reward is 0.
    let mut state = state.at(&[0.0; 9], &[0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    state.is_worth(&[0.5; 6], 0.0);
}

#[test]
fn finger_spin() {
    let Some(state) = state_of("FingerSpin") else { return };
    // -15.2 rad/s is beyond -15. The tip is 0.13 m from the hinge, which turns about -y: at 0.5 rad it is at
    // 0.13 (-sin 0.5, cos 0.5) = 0.13 (-0.479426, 0.877583) = (-0.062325, 0.114086).
    // The finger hangs down (its joint's `ref` makes -pi/2 straight), far from the body: ln(1 + 0) = 0.
    let mut state = state.at(&[-1.5, 0.1, 0.5], &[0.3, -0.4, -15.2]);
    state.is_worth(&[1.0, 1.0], 1.0);
    state.shows(&[
        ("sensor:proximal", -1.5),
        ("sensor:distal", 0.1),
        ("tip_x", -0.062325),
        ("tip_z", 0.114086),
        ("qvel:proximal", 0.3),
        ("qvel:distal", -0.4),
        ("qvel:hinge", -15.2),
        ("ln(1 + sensor:touchtop)", 0.0),
        ("ln(1 + sensor:touchbottom)", 0.0),
    ]);
    let mut state = state.at(&[-1.5, 0.1, 0.5], &[0.3, -0.4, -14.9]);
    state.is_worth(&[1.0, 1.0], 0.0);
    let mut state = state.at(&[-1.5, 0.1, 0.5], &[0.3, -0.4, 15.2]);
    state.is_worth(&[1.0, 1.0], 0.0);
}

#[test]
fn finger_turn_easy() {
    let Some(state) = state_of("FingerTurnEasy") else { return };
    // The body's hinge is at (0.2, 0.4); the target lies (0.05, 0.1) from it, the tip as in finger_spin.
    // target - tip = (0.05 + 0.062325, 0.1 - 0.114086) = (0.112325, -0.014086), length 0.113205
    // distance = 0.113205 - 0.07 = 0.043205: not there
    let mut state = state.at(&[-1.5, 0.1, 0.5], &[0.3, -0.4, 0.5]).target([0.25, 0.0, 0.5]);
    state.is_worth(&[1.0, 1.0], 0.0);
    state.shows(&[
        ("sensor:proximal", -1.5),
        ("sensor:distal", 0.1),
        ("tip_x", -0.062325),
        ("tip_z", 0.114086),
        ("qvel:proximal", 0.3),
        ("qvel:distal", -0.4),
        ("qvel:hinge", 0.5),
        ("ln(1 + sensor:touchtop)", 0.0),
        ("ln(1 + sensor:touchbottom)", 0.0),
        ("target_x", 0.05),
        ("target_z", 0.1),
        ("distance to target", 0.043205),
    ]);
    // At 0 rad the tip is at (0, 0.13): target - tip = (0.05, -0.03), length 0.058310, less than 0.07.
    let mut state = state.at(&[-1.5, 0.1, 0.0], &[0.0; 3]);
    state.is_worth(&[1.0, 1.0], 1.0);
}

#[test]
fn finger_turn_hard() {
    let Some(state) = state_of("FingerTurnHard") else { return };
    // At 0 rad the length is 0.058310 as above, but the radius is 0.03: distance 0.028310.
    let mut state = state.at(&[-1.5, 0.1, 0.0], &[0.0; 3]).target([0.25, 0.0, 0.5]);
    state.is_worth(&[1.0, 1.0], 0.0);
    // At -0.3 rad the tip is at 0.13 (sin 0.3, cos 0.3) = (0.038418, 0.124194).
    // target - tip = (0.011582, -0.024194), length 0.026823, distance 0.026823 - 0.03 = -0.003177
    let mut state = state.at(&[-1.5, 0.1, -0.3], &[0.0; 3]);
    state.is_worth(&[1.0, 1.0], 1.0);
    state.shows(&[
        ("sensor:proximal", -1.5),
        ("sensor:distal", 0.1),
        ("tip_x", 0.038418),
        ("tip_z", 0.124194),
        ("qvel:proximal", 0.0),
        ("qvel:distal", 0.0),
        ("qvel:hinge", 0.0),
        ("ln(1 + sensor:touchtop)", 0.0),
        ("ln(1 + sensor:touchbottom)", 0.0),
        ("target_x", 0.05),
        ("target_z", 0.1),
        ("distance to target", -0.003177),
    ]);
    // Pressed into the body, the finger feels a force F (sensors 14 and 15 of the model): ln(1 + F) is seen.
    let mut state = state.at(&[-0.241315, 0.473222, -1.197458], &[0.0; 3]);
    state.is_worth(&[1.0, 1.0], 0.0);
    let (top, bottom) = (state.sim.sensordata()[14], state.sim.sensordata()[15]);
    assert!(top > 1.0 && bottom > 1.0 && top != bottom, "{top} {bottom}");
    let mut seen = [0.0; 12];
    state.scorer.observe(&state.sim, &mut state.scorer.begin(&state.sim, 0, 0), &mut seen);
    assert!((seen[7].exp() - 1.0 - top).abs() < 1e-9 * top && (seen[8].exp() - 1.0 - bottom).abs() < 1e-9 * bottom);
}

#[test]
fn fish_swim() {
    let Some(state) = state_of("FishSwim") else { return };
    // The fish is at (0.1, -0.2, 0.3), rolled by 60 degrees about x: its y axis is (0, 0.5, 0.866025), its z axis
    // (0, -0.866025, 0.5), so up = 0.5. The mouth is 0.0745 along y: (0.1, -0.16275, 0.364519).
    // w = target - mouth = (0.13, -0.12, 0.41) - mouth = (0.03, 0.04275, 0.045481), length 0.069254
    // The radii are 0.005 + 0.04 = 0.045; d = (0.069254 - 0.045) / 0.09 = 0.269487, in = 0.1^0.072623 = 0.846012
    // reward = (7 * 0.846012 + (0.5 + 1) / 2) / 8 = (5.922087 + 0.75) / 8 = 0.834011
    // The mouth is a capsule along the fish's y axis: its own x, y, z are the fish's x, -z, y.
    // w there = (0.03, 0.866025 * 0.04275 - 0.5 * 0.045481, 0.5 * 0.04275 + 0.866025 * 0.045481)
    //         = (0.03, 0.014282, 0.060763)
    let (cos, sin) = (30f64.to_radians().cos(), 30f64.to_radians().sin());
    let qpos = [0.1, -0.2, 0.3, cos, sin, 0.0, 0.0, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17];
    let qvel = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.11, 0.12, 0.13];
    let mut state = state.at(&qpos, &qvel).target([0.13, -0.12, 0.41]);
    state.is_worth(&[0.5; 5], 0.834011);
    state.shows(&[
        ("torso upright", 0.5),
        ("qpos:tail1", 0.11),
        ("qpos:tail_twist", 0.12),
        ("qpos:tail2", 0.13),
        ("qpos:finright_roll", 0.14),
        ("qpos:finright_pitch", 0.15),
        ("qpos:finleft_roll", 0.16),
        ("qpos:finleft_pitch", 0.17),
        ("target_x", 0.03),
        ("target_y", 0.014282),
        ("target_z", 0.060763),
        ("qvel:root.tx", 0.01),
        ("qvel:root.ty", 0.02),
        ("qvel:root.tz", 0.03),
        ("qvel:root.rx", 0.04),
        ("qvel:root.ry", 0.05),
        ("qvel:root.rz", 0.06),
        ("qvel:tail1", 0.07),
        ("qvel:tail_twist", 0.08),
        ("qvel:tail2", 0.09),
        ("qvel:finright_roll", 0.1),
        ("qvel:finright_pitch", 0.11),
        ("qvel:finleft_roll", 0.12),
        ("qvel:finleft_pitch", 0.13),
    ]);
}

#[test]
fn hopper_hop() {
    let Some(state) = state_of("HopperHop") else { return };
    // The straight leg is 0.05 + 0.2 + 0.33 + 0.32 = 0.9 m long. The torso's two capsules (radius 0.0653, length
    // 0.25, middle 0.075; radius 0.03, length 0.070711, middle 0.135) have volumes 0.004515 and 0.000313, so its
    // centre of mass is (0.004515 * 0.075 + 0.000313 * 0.135) / 0.004828 = 0.0789 above its origin.
    // h = 0.0789 + 0.9 = 0.9789 lies in [0.6, 2]: standing. It moves at 1.4 m/s, 0.6 margins of 1 m/s below 2.
    // reward = 1 - 0.6 * 0.5 = 0.7
    let mut state = state.at(&[2.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0], &[1.4, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0]);
    state.is_worth(&[1.0; 4], 0.7);
    state.shows(&[
        ("qpos:rootz", 0.1),
        ("qpos:rooty", 0.0),
        ("qpos:waist", 0.0),
        ("qpos:hip", 0.0),
        ("qpos:knee", 0.0),
        ("qpos:ankle", 0.0),
        ("qvel:rootx", 1.4),
        ("qvel:rootz", 0.2),
        ("qvel:rooty", 0.0),
        ("qvel:waist", 0.0),
        ("qvel:hip", 0.0),
        ("qvel:knee", 0.0),
        ("qvel:ankle", 0.0),
        ("ln(1 + sensor:touch_toe)", 0.0),
        ("ln(1 + sensor:touch_heel)", 0.0),
    ]);
    // Lying on its back (a quarter turn), torso and foot are about level: not standing.
    let quarter = std::f64::consts::FRAC_PI_2;
    let mut state = state.at(&[2.0, 0.1, quarter, 0.0, 0.0, 0.0, 0.0], &[1.4, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0]);
    state.is_worth(&[1.0; 4], 0.0);
}

#[test]
fn hopper_stand() {
    let Some(state) = state_of("HopperStand") else { return };
    // It stands as above. The quadratics of the action are 1 - 0.25 = 0.75, 1 - 0.04 = 0.96, 1 and 0 (1.2 is beyond
    // 1); their mean is 0.6775. reward = (0.6775 + 4) / 5 = 0.9355
    // 0.07 lower the foot's axis is 0.03 above the floor, its radius is 0.04: toe and heel feel the floor. The torso
    // is turned by 0.05, so that the foot tilts and both forces differ.
    let mut state = state.at(&[0.0, -0.07, 0.05, 0.0, 0.0, 0.0, 0.0], &[0.0; 7]);
    state.is_worth(&[0.5, -0.2, 0.0, 1.2], 0.9355);
    // The sensors are the velocity (3 values), toe, heel.
    let [toe, heel] = [3, 4].map(|i| state.sim.sensordata()[i]);
    assert!(toe > 1.0 && heel > 1.0 && toe != heel, "{toe} {heel}");
    state.shows(&[
        ("qpos:rootz", -0.07),
        ("qpos:rooty", 0.05),
        ("qpos:waist", 0.0),
        ("qpos:hip", 0.0),
        ("qpos:knee", 0.0),
        ("qpos:ankle", 0.0),
        ("qvel:rootx", 0.0),
        ("qvel:rootz", 0.0),
        ("qvel:rooty", 0.0),
        ("qvel:waist", 0.0),
        ("qvel:hip", 0.0),
        ("qvel:knee", 0.0),
        ("qvel:ankle", 0.0),
        ("ln(1 + sensor:touch_toe)", (1.0 + toe).ln()),
        ("ln(1 + sensor:touch_heel)", (1.0 + heel).ln()),
    ]);
}

/// The humanoid of its three tests: its torso is 1.2 m high, pitched by 0.6, and moves at (0.5, -0.8, 0.1) m/s; its
/// right elbow is bent by -0.5.
///
/// head height = 1.2 + 0.19 cos 0.6 = 1.2 + 0.19 * 0.825336 = 1.356814
/// standing    = fade((1.4 - 1.356814) / 0.35) = fade(0.123389) = 0.1^0.015225 = 0.965551
/// upright     = 1 - (0.9 - 0.825336) / 1.9 = 0.960703
/// calm        = (4 + 1 - 0.2^2) / 5 = 0.992
/// All three   = 0.965551 * 0.960703 * 0.992 = 0.920187
fn humanoid(state: State) -> State {
    let mut qpos = [0.0; 28];
    qpos[2] = 1.2;
    (qpos[3], qpos[5]) = (0.3f64.cos(), 0.3f64.sin());
    qpos[24] = -0.5;
    let mut qvel = [0.0; 27];
    qvel[..3].copy_from_slice(&[0.5, -0.8, 0.1]);
    state.at(&qpos, &qvel)
}

const HUMANOID_ACTION: [f64; 21] = [0.2; 21];

#[test]
fn humanoid_stand() {
    let Some(state) = state_of("HumanoidStand") else { return };
    // moving = mean of fade(0.5 / 2) = 0.1^0.0625 = 0.865964 and fade(0.8 / 2) = 0.1^0.16 = 0.691831: 0.778898
    // reward = 0.920187 * 0.778898 = 0.716731
    let mut state = humanoid(state);
    state.is_worth(&HUMANOID_ACTION, 0.716731);

    // Seen from the torso, in its axes:
    // left hand = upper arm + lower arm + hand = (0, .17, .06) + (.18, .18, -.18) + (.18, -.18, .18)
    //           = (0.36, 0.17, 0.06)
    // The right hand is (.18, .18, .18) from its elbow, turned by -0.5 about k = (0, -1, 1) / sqrt 2. That is at a
    // right angle to k, so it becomes cos 0.5 (.18, .18, .18) - sin 0.5 (k x (.18, .18, .18)), where the product is
    // (-.36, .18, .18) / sqrt 2 = (-0.254558, 0.127279, 0.127279): (0.280007, 0.096944, 0.096944).
    // right hand = (0, -.17, .06) + (.18, -.18, -.18) + that = (0.460007, -0.253056, -0.023056)
    // The lower waist is turned by -t about y and the pelvis by another -t, where t = 2 atan 0.002 = 0.004:
    // left foot = (-.01, 0, -.26) + turned by -t (0, 0, -.165) + turned by -2t ((0, .1, -.04) + (0, -.01, -.403) +
    //             (0, 0, -.39)), with the last sum (0, .09, -.833)
    //   x = -.01 + .165 sin t + .833 sin 2t = -0.002676
    //   z = -.26 - .165 cos t - .833 cos 2t = -1.257972
    // The right foot is its mirror image in y.
    let bent = ("qpos:right_elbow", -0.5);
    let joints = [
        "abdomen_z",
        "abdomen_y",
        "abdomen_x",
        "right_hip_x",
        "right_hip_z",
        "right_hip_y",
        "right_knee",
        "right_ankle_y",
        "right_ankle_x",
        "left_hip_x",
        "left_hip_z",
        "left_hip_y",
        "left_knee",
        "left_ankle_y",
        "left_ankle_x",
        "right_shoulder1",
        "right_shoulder2",
        "right_elbow",
        "left_shoulder1",
        "left_shoulder2",
        "left_elbow",
    ];
    let positions = joints.map(|j| format!("qpos:{j}"));
    let velocities = joints.map(|j| format!("qvel:{j}"));
    let mut expected: Vec<(&str, f64)> =
        positions.iter().map(|p| (p.as_str(), if p == bent.0 { bent.1 } else { 0.0 })).collect();
    expected.extend([
        ("head height", 1.356814),
        ("left_hand_x", 0.36),
        ("left_hand_y", 0.17),
        ("left_hand_z", 0.06),
        ("left_foot_x", -0.002676),
        ("left_foot_y", 0.09),
        ("left_foot_z", -1.257972),
        ("right_hand_x", 0.460007),
        ("right_hand_y", -0.253056),
        ("right_hand_z", -0.023056),
        ("right_foot_x", -0.002676),
        ("right_foot_y", -0.09),
        ("right_foot_z", -1.257972),
        ("xmat:torso[2,0]", -0.564642),
        ("xmat:torso[2,1]", 0.0),
        ("torso upright", 0.825336),
        ("sensor:torso_subtreelinvel[0]", 0.5),
        ("sensor:torso_subtreelinvel[1]", -0.8),
        ("sensor:torso_subtreelinvel[2]", 0.1),
        ("qvel:root.tx", 0.5),
        ("qvel:root.ty", -0.8),
        ("qvel:root.tz", 0.1),
        ("qvel:root.rx", 0.0),
        ("qvel:root.ry", 0.0),
        ("qvel:root.rz", 0.0),
    ]);
    expected.extend(velocities.iter().map(|v| (v.as_str(), 0.0)));
    state.shows(&expected);
}

#[test]
fn humanoid_walk() {
    let Some(state) = state_of("HumanoidWalk") else { return };
    // speed = sqrt(0.5^2 + 0.8^2) = 0.943398; of 1 m/s that is 0.943398
    // moving = (5 * 0.943398 + 1) / 6 = 0.952832; reward = 0.920187 * 0.952832 = 0.876783
    humanoid(state).is_worth(&HUMANOID_ACTION, 0.876783);
}

#[test]
fn humanoid_run() {
    let Some(state) = state_of("HumanoidRun") else { return };
    // The speed is 0.094340 of 10 m/s.
    // moving = (5 * 0.094340 + 1) / 6 = 0.245283; reward = 0.920187 * 0.245283 = 0.225706
    humanoid(state).is_worth(&HUMANOID_ACTION, 0.225706);
}

#[test]
fn pendulum_swingup() {
    let Some(state) = state_of("PendulumSwingup") else { return };
    // cos 0.1 = 0.995004 is more than cos 8 degrees = 0.990268; cos 0.15 = 0.988771 is not.
    let mut state = state.at(&[0.1], &[2.0]);
    state.is_worth(&[1.0], 1.0);
    state.shows(&[("xmat:pole[0,2]", 0.099833), ("pole upright", 0.995004), ("qvel:hinge", 2.0)]);
    state.at(&[-0.15], &[2.0]).is_worth(&[1.0], 0.0);
}

#[test]
fn point_mass() {
    let Some(state) = state_of("PointMass") else { return };
    // distance = sqrt(0.02^2 + 0.01^2) = 0.022361; d = (0.022361 - 0.015) / 0.015 = 0.490712
    // near = 0.1^0.240798 = 0.574383; the action's quadratics are 0.75 and 0.91, calm = (0.83 + 4) / 5 = 0.966
    // reward = 0.574383 * 0.966 = 0.554854
    let mut state = state.at(&[0.02, -0.01], &[0.3, 0.4]);
    state.is_worth(&[0.5, -0.3], 0.554854);
    state.shows(&[("qpos:root_x", 0.02), ("qpos:root_y", -0.01), ("qvel:root_x", 0.3), ("qvel:root_y", 0.4)]);
}

#[test]
fn reacher_easy() {
    let Some(state) = state_of("ReacherEasy") else { return };
    // Both links are 0.12 m long and point along 0.5 and 0.5 + 1 = 1.5.
    // finger = 0.12 (cos 0.5 + cos 1.5, sin 0.5 + sin 1.5) = 0.12 (0.948320, 1.476921) = (0.113798, 0.177230)
    // w = (0.16, 0.21) - finger = (0.046202, 0.032770), length 0.056643, within 0.01 + 0.05
    let mut state = state.at(&[0.5, 1.0], &[0.3, 0.4]).target([0.16, 0.21, 0.01]);
    state.is_worth(&[1.0, 1.0], 1.0);
    state.shows(&[
        ("qpos:shoulder", 0.5),
        ("qpos:wrist", 1.0),
        ("target_x", 0.046202),
        ("target_y", 0.032770),
        ("qvel:shoulder", 0.3),
        ("qvel:wrist", 0.4),
    ]);
    // Height does not count: 0.05 above. But 0.07 aside is too far.
    state.target([0.16, 0.21, 0.06]).is_worth(&[1.0, 1.0], 1.0);
    let Some(state) = state_of("ReacherEasy") else { return };
    state.at(&[0.5, 1.0], &[0.3, 0.4]).target([0.183798, 0.177230, 0.01]).is_worth(&[1.0, 1.0], 0.0);
}

#[test]
fn reacher_hard() {
    let Some(state) = state_of("ReacherHard") else { return };
    // 0.056643 as above is beyond 0.01 + 0.015.
    let mut state = state.at(&[0.5, 1.0], &[0.3, 0.4]).target([0.16, 0.21, 0.01]);
    state.is_worth(&[1.0, 1.0], 0.0);
    // w = (0.12, 0.195) - finger = (0.006202, 0.017770), length 0.018821, within
    let mut state = state.target([0.12, 0.195, 0.01]);
    state.is_worth(&[1.0, 1.0], 1.0);
    state.shows(&[
        ("qpos:shoulder", 0.5),
        ("qpos:wrist", 1.0),
        ("target_x", 0.006202),
        ("target_y", 0.017770),
        ("qvel:shoulder", 0.3),
        ("qvel:wrist", 0.4),
    ]);
}

#[test]
fn swimmer_swimmer6() {
    let Some(state) = state_of("SwimmerSwimmer6") else { return };
    // The head's hinge is at (0, -0.05) of the head and, moved by (0.2, -0.3), at (0.2, -0.35) of the world; the
    // head is turned by 0.7: sin 0.644218, cos 0.764842. The nose is (0, -0.01) from the hinge in the head's axes:
    // nose = (0.2 + 0.01 sin 0.7, -0.35 - 0.01 cos 0.7) = (0.206442, -0.357648)
    // w = (0.5, 0.1) - nose = (0.293558, 0.457648), length 0.543708
    // d = (0.543708 - 0.1) / 0.5 = 0.887416; reward = 1 / (1 + 9 * 0.787507) = 0.123647
    // w in the head's axes = (wx cos + wy sin, wy cos - wx sin) = (0.519351, 0.160914)
    //
    // The hinge moves at (0.4, -0.2), in the head's axes (0.4 cos - 0.2 sin, -0.4 sin - 0.2 cos) = (0.177093,
    // -0.410656). A point (0, y) from it moves, at 1.5 rad/s, by (-1.5 y, 0) more. y is 0.05 for the head and 0.1
    // more for every segment while all are straight: x velocities 0.177093 - 0.075 = 0.102093, then 0.15 less each.
    // Segment 4 is turned by 0.3 (sin 0.295520, cos 0.955336) about a hinge at y = 0.5, which moves at (0.177093 -
    // 0.75, -0.410656) = (-0.572907, -0.410656); it turns at 1.5 + 0.8 = 2.3 rad/s, its middle 0.05 beyond. There:
    //   x = -0.572907 * 0.955336 - 0.410656 * 0.295520 - 0.05 * 2.3 = -0.783676
    //   y = 0.572907 * 0.295520 - 0.410656 * 0.955336 = -0.223009
    let qpos = [0.2, -0.3, 0.7, 0.0, 0.0, 0.0, 0.0, 0.3];
    let qvel = [0.4, -0.2, 1.5, 0.0, 0.0, 0.0, 0.0, 0.8];
    let mut state = state.at(&qpos, &qvel).target([0.5, 0.1, 0.05]);
    state.is_worth(&[1.0; 5], 0.123647);
    state.shows(&[
        ("qpos:joint_0", 0.0),
        ("qpos:joint_1", 0.0),
        ("qpos:joint_2", 0.0),
        ("qpos:joint_3", 0.0),
        ("qpos:joint_4", 0.3),
        ("target_x", 0.519351),
        ("target_y", 0.160914),
        ("sensor:head_vel[0]", 0.102093),
        ("sensor:head_vel[1]", -0.410656),
        ("sensor:head_gyro[2]", 1.5),
        ("sensor:velocimeter_0[0]", -0.047907),
        ("sensor:velocimeter_0[1]", -0.410656),
        ("sensor:gyro_0[2]", 1.5),
        ("sensor:velocimeter_1[0]", -0.197907),
        ("sensor:velocimeter_1[1]", -0.410656),
        ("sensor:gyro_1[2]", 1.5),
        ("sensor:velocimeter_2[0]", -0.347907),
        ("sensor:velocimeter_2[1]", -0.410656),
        ("sensor:gyro_2[2]", 1.5),
        ("sensor:velocimeter_3[0]", -0.497907),
        ("sensor:velocimeter_3[1]", -0.410656),
        ("sensor:gyro_3[2]", 1.5),
        ("sensor:velocimeter_4[0]", -0.783676),
        ("sensor:velocimeter_4[1]", -0.223009),
        ("sensor:gyro_4[2]", 2.3),
    ]);
}

/// The walker of its three tests, moving forward at `speed`.
///
/// torso z  = 1.3 - 0.25 = 1.05, so 0.25 margins of 0.6 below 1.2: fade(0.25) = 0.1^0.0625 = 0.865964
/// upright  = (1 + cos 0.3) / 2 = 0.977668
/// stand    = (3 * 0.865964 + 0.977668) / 4 = 0.893890
fn walker(state: State, speed: f64) -> State {
    let qpos = [-0.25, 0.4, 0.3, 0.2, -0.5, 0.1, -0.3, -0.2, -0.4];
    state.at(&qpos, &[0.3, speed, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
}

#[test]
fn walker_stand() {
    let Some(state) = state_of("WalkerStand") else { return };
    let mut state = walker(state, 0.8);
    state.is_worth(&[0.9; 6], 0.893890);
    // The torso turns about y, the joints of the legs about -y, so their pitch is
    // right: thigh 0.3 - 0.2 = 0.1, leg 0.1 + 0.5 = 0.6, foot 0.6 - 0.1 = 0.5
    // left:  thigh 0.3 + 0.3 = 0.6, leg 0.6 + 0.2 = 0.8, foot 0.8 + 0.4 = 1.2
    // Of each, cosine and sine are seen.
    state.shows(&[
        ("xmat:torso[0,0]", 0.955336),
        ("xmat:torso[0,2]", 0.295520),
        ("xmat:right_thigh[0,0]", 0.995004),
        ("xmat:right_thigh[0,2]", 0.099833),
        ("xmat:right_leg[0,0]", 0.825336),
        ("xmat:right_leg[0,2]", 0.564642),
        ("xmat:right_foot[0,0]", 0.877583),
        ("xmat:right_foot[0,2]", 0.479426),
        ("xmat:left_thigh[0,0]", 0.825336),
        ("xmat:left_thigh[0,2]", 0.564642),
        ("xmat:left_leg[0,0]", 0.696707),
        ("xmat:left_leg[0,2]", 0.717356),
        ("xmat:left_foot[0,0]", 0.362358),
        ("xmat:left_foot[0,2]", 0.932039),
        ("torso upright", 0.955336),
        ("qvel:rootz", 0.3),
        ("qvel:rootx", 0.8),
        ("qvel:rooty", 0.0),
        ("qvel:right_hip", 0.0),
        ("qvel:right_knee", 0.0),
        ("qvel:right_ankle", 0.0),
        ("qvel:left_hip", 0.0),
        ("qvel:left_knee", 0.0),
        ("qvel:left_ankle", 0.0),
    ]);
}

#[test]
fn walker_walk() {
    let Some(state) = state_of("WalkerWalk") else { return };
    // 0.8 m/s is (1 - 0.8) / 0.5 = 0.4 margins short: 1 - 0.4 * 0.5 = 0.8
    // reward = 0.893890 * (5 * 0.8 + 1) / 6 = 0.744908
    walker(state, 0.8).is_worth(&[0.9; 6], 0.744908);
}

#[test]
fn walker_run() {
    let Some(state) = state_of("WalkerRun") else { return };
    // 2 m/s is (8 - 2) / 4 = 1.5 margins short: 1 - 1.5 * 0.5 = 0.25
    // reward = 0.893890 * (5 * 0.25 + 1) / 6 = 0.335209
    walker(state, 2.0).is_worth(&[0.9; 6], 0.335209);
}
