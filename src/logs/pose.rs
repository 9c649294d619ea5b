//! States between samples.

use super::Interpolation;
use crate::kinematics::JointKind;
use crate::physics::Joint;
use crate::quat::{self, Quat, integrated, normalized, turn};

/// A time within this share of a row's length of a sample is that sample's.
const SAME: f64 = 1e-3;

/// Where the quaternion of a joint begins in qpos, and its turns among the dofs.
pub(super) fn quaternion(joint: &Joint) -> Option<[usize; 2]> {
    match joint.kind {
        JointKind::Free => Some([joint.qpos + 3, joint.dof + 3]),
        JointKind::Ball => Some([joint.qpos, joint.dof]),
        JointKind::Slide | JointKind::Hinge => None,
    }
}

/// How many of a joint's coordinates are its dofs: all before the quaternion.
fn plain(joint: &Joint) -> usize {
    match joint.kind {
        JointKind::Free => 3,
        JointKind::Ball => 0,
        JointKind::Slide | JointKind::Hinge => 1,
    }
}

/// The states of an episode, at every time between its first and its last sample.
#[derive(Debug, Clone, Copy)]
pub struct Track<'a> {
    /// The model's joints.
    pub joints: &'a [Joint],
    /// Rising, s.
    pub time: &'a [f64],
    /// By time (nq each).
    pub qpos: &'a [f64],
    /// By time (nv each).
    pub qvel: &'a [f64],
    /// What lies between two samples.
    pub interpolation: Interpolation,
    /// How long a row lasts, s.
    pub row: f64,
}

impl Track<'_> {
    /// Writes position (nq) and velocity (nv) at a time; false, and nothing written, outside of the log. A time within a
    /// thousandth of a row of a sample is that sample's.
    pub fn at(&self, time: f64, qpos: &mut [f64], qvel: &mut [f64]) -> bool {
        let (nq, nv, n) = (qpos.len(), qvel.len(), self.time.len());
        let near = SAME * self.row;
        let after = self.time.partition_point(|t| *t < time);
        for k in [after.checked_sub(1), Some(after)].into_iter().flatten().filter(|k| *k < n) {
            if (self.time[k] - time).abs() <= near {
                qpos.copy_from_slice(&self.qpos[k * nq..(k + 1) * nq]);
                qvel.copy_from_slice(&self.qvel[k * nv..(k + 1) * nv]);
                return true;
            }
        }
        if after == 0 || after == n {
            return false;
        }
        let (first, weights) = self.weights(after - 1, time);
        let mixed = |values: &[f64], width: usize, column: usize| {
            weights.iter().enumerate().map(|(j, w)| w * values[(first + j) * width + column]).sum::<f64>()
        };
        for (column, v) in qvel.iter_mut().enumerate() {
            *v = mixed(self.qvel, nv, column);
        }
        for joint in self.joints {
            for column in joint.qpos..joint.qpos + plain(joint) {
                qpos[column] = mixed(self.qpos, nq, column);
            }
            if let Some([q, _]) = quaternion(joint) {
                let of = |k: usize| quat::at(&self.qpos[k * nq..(k + 1) * nq], q);
                qpos[q..q + 4].copy_from_slice(&self.turned(first, &weights, of));
            }
        }
        true
    }

    /// Of which samples the state at a time is made, behind sample `k`, and with which weights.
    fn weights(&self, k: usize, time: f64) -> (usize, Vec<f64>) {
        let (first, count) = match self.interpolation {
            Interpolation::Linear => (k, 2),
            Interpolation::Cubic => {
                let count = self.time.len().min(4);
                (k.saturating_sub(1).min(self.time.len() - count), count)
            }
        };
        let t = &self.time[first..first + count];
        let others = |j: usize| (0..count).filter(move |i| *i != j);
        let weight = |j: usize| others(j).map(|i| (time - t[i]) / (t[j] - t[i])).product();
        (first, (0..count).map(weight).collect())
    }

    fn turned(&self, first: usize, weights: &[f64], of: impl Fn(usize) -> Quat) -> Quat {
        let start = of(first);
        if self.interpolation == Interpolation::Linear {
            return integrated(start, turn(of(first + 1), start), weights[1]);
        }
        let mut sum = [0.0; 4];
        for (j, w) in weights.iter().enumerate() {
            let q = of(first + j);
            let same = q.iter().zip(start).map(|(a, b)| a * b).sum::<f64>() >= 0.0;
            sum.iter_mut().zip(q).for_each(|(s, x)| *s += if same { w * x } else { -w * x });
        }
        normalized(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joint(kind: JointKind, qpos: usize, dof: usize) -> Joint {
        Joint { kind, qpos, dof, stiffness: 0.0, stiffnesspoly: [0.0; 2], actfrcrange: None, actgravcomp: false }
    }

    #[test]
    fn cubics_and_turns_are_met_between_samples() {
        let joints = [joint(JointKind::Slide, 0, 0), joint(JointKind::Ball, 1, 1)];
        let time: Vec<f64> = (0..6).map(|k| 0.1 * k as f64 + 0.02 * (k % 2) as f64).collect();
        let about = |t: f64| [libm::cos(0.5 * t), 0.0, libm::sin(0.5 * t), 0.0];
        let cubic = |t: f64| 1.0 + t * t * t;
        // Every other quaternion with the other sign, which is the same orientation.
        let sign = |k: usize| if k.is_multiple_of(2) { 1.0 } else { -1.0 };
        let qpos: Vec<f64> = time
            .iter()
            .enumerate()
            .flat_map(|(k, t)| [vec![cubic(*t)], about(*t).map(|x| x * sign(k)).to_vec()].concat())
            .collect();
        let qvel: Vec<f64> = time.iter().flat_map(|t| [3.0 * t * t, 0.0, 1.0, 0.0]).collect();
        for (interpolation, tolerance) in [(Interpolation::Cubic, 1e-6), (Interpolation::Linear, 0.02)] {
            let track = Track { joints: &joints, time: &time, qpos: &qpos, qvel: &qvel, interpolation, row: 0.1 };
            let (mut q, mut v) = ([0.0; 5], [0.0; 4]);
            for t in [0.03, 0.21, 0.47] {
                assert!(track.at(t, &mut q, &mut v));
                assert!((q[0] - cubic(t)).abs() < tolerance && (v[2] - 1.0).abs() < 1e-12, "{t} {q:?}");
                let off = turn(quat::at(&q, 1), about(t)).iter().map(|x| x.abs()).sum::<f64>();
                assert!(off < 1e-6, "{t}: {off}");
            }
            assert!(track.at(0.1 + 0.02 + 1e-5, &mut q, &mut v) && q[0] == qpos[5]);
            assert!(!track.at(0.6, &mut q, &mut v) && !track.at(-0.01, &mut q, &mut v));
        }
    }
}
