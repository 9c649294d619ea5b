//! The Cartesian controller of PandaPickCubeCartesian: actions move the fingertips in the plane across the
//! robot's base and open or close the gripper; inverse kinematics gives the joint angles.
//!
//! The inverse kinematics is the geometrical one of He and Liu, "Analytical Inverse Kinematics for Franka Emika
//! Panda" (2021), with the seventh joint given; elbow, shoulder and wrist stay on the branches that the current
//! joint angles are on.

use std::f64::consts::{FRAC_PI_4, PI, TAU};

use nalgebra::{Matrix3, Vector3};

use super::{Limits, Misfit};
use crate::physics::Model;

/// Controls: seven joint angles (rad) and the opening of one finger (m).
const NU: usize = 8;

/// Where the fingertips start, m.
const START: [f64; 3] = [0.6610531727385961, -0.000517801856808683, 0.17906834283555892];

/// Their orientation, which stays; columns are the hand's axes in the base frame. To float64 what Playground
/// finds by forward kinematics of its start posture.
const ROTATION: [[f64; 3]; 3] = [
    [0.9984962230008576, 0.000941248993995923, 0.05481246850263845],
    [0.0010211938906077563, -0.9999984553769301, -0.0014305267532095226],
    [0.05481103735616776, 0.0014843497179454113, -0.9984956418982787],
];

/// Metres that the fingertips move for an action of 1.
const SCALE: f64 = 0.005;

/// Where the fingertips may go, m.
const WITHIN: [[f64; 3]; 2] = [[0.25, -0.32, 0.02], [0.77, 0.32, 0.5]];

/// Metres that each finger's target moves in a control step.
const GRIPPER: f64 = 0.02;

/// The controller.
#[derive(Debug, Clone)]
pub(super) struct Cartesian {
    limits: Limits,
    tip: [f64; 3],
    /// Whether the last place of the fingertips has no joint angles.
    unreachable: bool,
}

impl Cartesian {
    pub(super) const LABELS: [&'static str; 3] = ["tip_y", "tip_z", "gripper"];

    pub(super) fn new(model: &Model) -> Result<Self, Misfit> {
        if model.nu() != NU {
            return Err(format!("needs {NU} controls, the model has {}", model.nu()).into());
        }
        Ok(Self { limits: Limits::of_controls(model), tip: START, unreachable: false })
    }

    pub(super) fn begin(&mut self) {
        (self.tip, self.unreachable) = (START, false);
    }

    pub(super) fn unreachable(&self) -> bool {
        self.unreachable
    }

    /// The controls that follow on `last`; where the fingertips cannot be, the joint angles stay.
    pub(super) fn control(&mut self, last: &[f64], action: &[f64], ctrl: &mut [f64]) {
        for (i, a) in [(1, action[0]), (2, action[1])] {
            self.tip[i] = (self.tip[i] + SCALE * a).max(WITHIN[0][i]).min(WITHIN[1][i]);
        }
        ctrl.copy_from_slice(last);
        let current: [f64; 7] = std::array::from_fn(|i| last[i]);
        let rotation = Matrix3::from_fn(|r, c| ROTATION[r][c]);
        let angles = inverse(&rotation, &Vector3::from(self.tip), &current);
        self.unreachable = angles.iter().any(|q| q.is_nan());
        if !self.unreachable {
            ctrl[..7].copy_from_slice(&angles);
        }
        ctrl[7] += if action[2] < 0.0 { -GRIPPER } else { GRIPPER };
        self.limits.clip(ctrl);
    }
}

/// Lengths of the arm along its links (d) and across its joints (a), m, as in the robot's Denavit-Hartenberg
/// table. D7 goes to the fingertips.
const D1: f64 = 0.333;
const D3: f64 = 0.316;
const D5: f64 = 0.384;
const D7: f64 = 0.2104;
const A4: f64 = 0.0825;
const A7: f64 = 0.088;

/// Shoulder to elbow joint and elbow joint to wrist, m, their squares, and the angles that their offsets make.
const LL24: f64 = 0.10666225;
const LL46: f64 = 0.15426225;
const L24: f64 = 0.326591870689;
const L46: f64 = 0.392762332715;
const ANGLE_H46: f64 = 1.35916951803;
const ANGLE_342: f64 = 1.31542071191;
const ANGLE_46H: f64 = 0.211626808766;

/// Range of the sixth joint, rad.
const Q6: [f64; 2] = [-0.0175, 3.7525];

/// A link's frame in the one before it: a turn by `q` about z after a quarter turn (`sign`) about x.
fn link(q: f64, quarter: f64) -> Matrix3<f64> {
    let (s, c) = (libm::sin(q), libm::cos(q));
    // quarter: -1, 0 or 1 quarter turns, as sine; its cosine is 0 or 1.
    let flat = 1.0 - quarter.abs();
    Matrix3::new(c, -s, 0.0, s * flat, c * flat, -quarter, s * quarter, c * quarter, flat)
}

/// Joint angles (rad) that bring the fingertips to `tip` with the orientation `rotation`, with the seventh joint
/// where it is in `current` and on the branches that `current` is on. NaN where there are none.
fn inverse(rotation: &Matrix3<f64>, tip: &Vector3<f64>, current: &[f64; 7]) -> [f64; 7] {
    let q7 = current[6];
    let z_hand: Vector3<f64> = rotation.column(2).into();

    // The wrist (joint 6): back along the hand and across joint 7.
    let x6 = (rotation * Vector3::new(libm::cos(q7 - FRAC_PI_4), -libm::sin(q7 - FRAC_PI_4), 0.0)).normalize();
    let p6 = tip - D7 * z_hand - A7 * x6;
    let shoulder = Vector3::new(0.0, 0.0, D1);
    let v26 = p6 - shoulder;
    let (ll26, l26) = (v26.norm_squared(), v26.norm());

    // The elbow, from the triangle of shoulder, elbow joint and wrist.
    let at_elbow = libm::acos((LL24 + LL46 - ll26) / (2.0 * L24 * L46));
    let q4 = at_elbow + ANGLE_H46 + ANGLE_342 - TAU;
    let at_wrist = libm::acos((ll26 + LL46 - LL24) / (2.0 * l26 * L46));
    let wrist_h = ANGLE_46H + at_wrist;

    // Joint 6, whose axis must see the shoulder at the right angle.
    let z6 = z_hand.cross(&x6);
    let y6 = z6.cross(&x6);
    let r6 = Matrix3::from_columns(&[x6, y6.normalize(), z6.normalize()]);
    let v = r6.transpose() * -v26;
    let phi = libm::atan2(v.y, v.x);
    let theta = libm::asin(-l26 * libm::cos(wrist_h) / libm::sqrt(v.x * v.x + v.y * v.y));
    let mut q6 = if wrist_is_flipped(current) { PI - theta - phi } else { theta - phi };
    if q6 <= Q6[0] {
        q6 += TAU;
    }
    if q6 >= Q6[1] {
        q6 -= TAU;
    }

    // Joints 1 and 2, from the direction of the upper arm.
    let at_p26 = 1.5 * PI - at_wrist - at_elbow - ANGLE_342;
    let at_p = PI - at_p26 - wrist_h;
    let lp6 = l26 * libm::sin(at_p26) / libm::sin(at_p);
    let z5 = r6 * Vector3::new(libm::sin(q6), libm::cos(q6), 0.0);
    let upper = p6 - lp6 * z5 - shoulder;
    let z3 = upper / upper.norm();
    let upright = z3.z.abs() > 0.999;
    let (mut q1, mut q2) = if upright { (current[0], 0.0) } else { (libm::atan2(upper.y, upper.x), libm::acos(z3.z)) };
    if current[1] < 0.0 {
        q1 += if q1 < 0.0 { PI } else { -PI };
        if !upright {
            q2 = -q2;
        }
    }

    // Joint 3, then 5, from what is left.
    let x3 = (-v26.cross(&upper)).normalize().cross(&z3);
    let w = (link(q1, 0.0) * link(q2, -1.0)).transpose() * x3;
    let q3 = libm::atan2(w.z, w.x);
    let to_elbow = shoulder + D3 * z3 + A4 * x3 - p6 + D5 * z5;
    let r5 = r6 * link(q6, 1.0).transpose();
    let h = r5.transpose() * to_elbow;
    let q5 = -libm::atan2(h.y, h.x);
    [q1, q2, q3, q4, q5, q6, q7]
}

/// Quarter turns about x between one joint's frame and the next, and where the next lies in it, m.
const LINKS: [(f64, [f64; 3]); 7] = [
    (0.0, [0.0, 0.0, D1]),
    (-1.0, [0.0, 0.0, 0.0]),
    (1.0, [0.0, -D3, 0.0]),
    (1.0, [A4, 0.0, 0.0]),
    (-1.0, [-A4, D5, 0.0]),
    (1.0, [0.0, 0.0, 0.0]),
    (1.0, [A7, 0.0, 0.0]),
];

/// Which of its two solutions joint 6 is on.
fn wrist_is_flipped(q: &[f64; 7]) -> bool {
    let mut frame = Matrix3::identity();
    let mut origin = Vector3::zeros();
    let mut origins = [Vector3::zeros(); 6];
    let mut elbow = Vector3::zeros();
    for (i, (quarter, offset)) in LINKS.iter().take(6).enumerate() {
        origin += frame * Vector3::from(*offset);
        frame *= link(q[i], *quarter);
        origins[i] = origin;
        if i == 3 {
            // Beside joint 4, on the axis of the forearm.
            elbow = origin + frame * Vector3::new(-A4, 0.0, 0.0);
        }
    }
    let wrist = origins[5];
    let z6: Vector3<f64> = frame.column(2).into();
    (elbow - wrist).cross(&(origins[1] - wrist)).dot(&z6) <= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fingertips and their orientation, by the robot's Denavit-Hartenberg table.
    fn forward(q: &[f64; 7]) -> (Matrix3<f64>, Vector3<f64>) {
        let mut frame = Matrix3::identity();
        let mut origin = Vector3::zeros();
        for (q, (quarter, offset)) in q.iter().zip(LINKS) {
            origin += frame * Vector3::from(offset);
            frame *= link(*q, quarter);
        }
        // The hand is turned by an eighth and reaches D7 along the last axis.
        origin += frame * Vector3::new(0.0, 0.0, D7);
        (frame * link(-FRAC_PI_4, 0.0), origin)
    }

    #[test]
    fn inverse_undoes_forward() {
        let mut stream = crate::rng::Stream::new(3, "ik", 0);
        let (mut tried, mut solved) = (0, 0);
        for _ in 0..2000 {
            // Around the posture the task starts from, and far enough to meet both signs of joint 2.
            let q: [f64; 7] = [0.0, 0.3, 0.0, -1.9, 0.0, 2.2, 0.785].map(|x| x + 0.6 * (2.0 * stream.uniform() - 1.0));
            // With an upright upper arm the solution is only near: the second joint is taken as 0.
            if q[1].abs() < 0.06 {
                continue;
            }
            tried += 1;
            let (rotation, tip) = forward(&q);
            let found = inverse(&rotation, &tip, &q);
            let (r, t) = forward(&found);
            assert!((r - rotation).norm() < 1e-6 && (t - tip).norm() < 1e-6, "{q:?} gave {found:?}");
            if q.iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-6) {
                solved += 1;
            }
        }
        // The branch that the arm is on, not another posture with the same hand.
        assert!(tried > 1500 && solved == tried, "{solved} of {tried} on their own branch");
    }

    #[test]
    fn the_start_is_where_forward_kinematics_puts_the_keyframe() {
        // Keyframe low_home of the model.
        let q = [-0.00002, 0.47804, -0.00055, -1.81309, -0.00161, 2.34597, 0.78501];
        let (rotation, tip) = forward(&q);
        assert!((tip - Vector3::from(START)).norm() < 1e-12, "{tip:?}");
        assert!((rotation - Matrix3::from_fn(|r, c| ROTATION[r][c])).norm() < 1e-12);
    }

    #[test]
    fn out_of_reach_is_not_a_number() {
        let far = inverse(&Matrix3::from_fn(|r, c| ROTATION[r][c]), &Vector3::new(2.0, 0.0, 0.5), &[0.1; 7]);
        assert!(far.iter().any(|q| q.is_nan()));
    }
}
