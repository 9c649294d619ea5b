//! States on manifolds: what networks see of them and say of the next one, and how derivatives of that become A and B.
//!
//! A configuration q (nq numbers) has nv tangent coordinates. Those of hinges, slides and the places of free joints are the numbers
//! themselves; an orientation R has three, the turn ω in the body's own frame, with which R becomes R exp([ω]x): as
//! `mj_integratePos` (+) and `mj_differentiatePos` (-) have it. A recording's A and B are derivatives by ξ = (dq, dv, da, du) at
//! the state, of the next state in the tangent space at the true next state: A (ndx, ndx), B (ndx, nu), ndx = 2 nv + na.
//!
//! ```text
//! features   φ (F) of the state                     z = (φ - mean) / std      [features], dφ/dξ (F, ndx + nu)
//! network    z (F) -> y (O)                         target, normalised        O = ndx, or nv + na for accelerations
//! next state s' (y, s):  numbers  x' = u            orientations  R' = R exp([δ]x)
//!            (u, δ) = P y + C ξ + c                 P (ndx, O), C (ndx, ndx + nu), both constant: see [Rows]
//! rows of J  numbers       du/dξ = P dy/dξ + C
//!            orientations  Jr(δ) dδ/dξ + exp(-[δ]x) S     S (3, ndx + nu) takes the turn of that joint
//!
//! Jr(δ) = I - (1 - cos θ)/θ² [δ]x + (θ - sin θ)/θ³ [δ]x²,   θ = |δ|      right Jacobian of SO(3), (3, 3)
//! ```
//!
//! So the rows of an orientation are in the frame of the predicted R' as those of A are in that of the true one: each is a turn in the
//! body's own frame after the step, which is what a difference of two such predictions by `mj_differentiatePos` measures. Everything
//! is then scaled: a tangent coordinate by its standard deviation σ, those of an orientation by one number, the root of a third of
//! the mean square angle from the mean orientation, so that a turn of the frame changes no length.

mod chain;
mod features;
mod rows;
mod target;
#[cfg(test)]
mod tests;
mod ties;

pub use chain::TangentChain;
pub use features::{Orientation, StateFeatures};
pub use target::LearningTarget;
pub use ties::Ties;

use features::Feature;
use rows::{Row, Rows};

use super::norm::Norm;
use crate::kinematics::{JointKind, Kinematics};
use crate::layout::StateLayout;
use crate::quat;

/// Numbers of a mocap body's place, and of its orientation.
const PLACE: usize = 3;
const QUATERNION: usize = 4;

/// Mocap bodies at most.
const MOST_MOCAP: usize = 1000;

/// How states of one recording become features, and outputs of networks next states. A state is a row of numbers: qpos (nq), qvel
/// (nv), act (na), ctrl (nu), places (3) and quaternions (4) of the mocap bodies; a next state has the first three.
#[derive(Debug, Clone, PartialEq)]
pub struct Coordinates {
    layout: StateLayout,
    mocap: usize,
    /// Duration of a step, s.
    seconds: f64,
    /// By position dof: its number in qpos; None where it is of an orientation.
    numbers: Vec<Option<usize>>,
    /// By free or ball joint: where its quaternion begins in qpos, and its first dof that turns.
    turns: Vec<[usize; 2]>,
    features: Vec<Feature>,
    rows: Rows,
    ties: Option<Ties>,
}

/// What a recording says of its states.
#[derive(Debug, Clone, Copy)]
pub struct StateSpace<'a> {
    /// Sizes of the tangent state.
    pub layout: StateLayout,
    /// Joints; None in a recording that does not tell, which must be of hinges and slides.
    pub kinematics: Option<&'a Kinematics>,
    /// Mocap bodies.
    pub mocap: usize,
    /// Duration of a step, s.
    pub seconds: f64,
}

impl Coordinates {
    /// Of a recording's states.
    ///
    /// # Errors
    /// A sentence that says which features need what the recording does not have.
    pub fn new(space: StateSpace<'_>, features: StateFeatures, target: LearningTarget) -> Result<Self, String> {
        let StateSpace { layout, kinematics, mocap, seconds } = space;
        if mocap > MOST_MOCAP {
            return Err(format!("has {mocap} mocap bodies, more than {MOST_MOCAP}"));
        }
        let turns = kinematics.map(|tree| tree.quaternions.clone()).unwrap_or_default();
        let mut numbers = Vec::with_capacity(layout.nv);
        for dof in 0..layout.nv {
            let before = turns.iter().filter(|[_, first]| *first <= dof).count();
            let turned = turns.iter().any(|[_, first]| (*first..first + 3).contains(&dof));
            numbers.push((!turned).then_some(dof + before));
        }
        let rows = Rows::default();
        let mut found = Self { layout, mocap, seconds, numbers, turns, features: Vec::new(), rows, ties: None };
        found.features = found.seen(kinematics, features)?;
        found.aim(target);
        found.ties = ties::of(&found);
        Ok(found)
    }

    /// The same states with another target.
    pub fn with_target(&self, target: LearningTarget) -> Self {
        let mut other = self.clone();
        other.aim(target);
        other.ties = ties::of(&other);
        other
    }

    fn aim(&mut self, target: LearningTarget) {
        let copied =
            |column: usize| self.features.iter().any(|f| matches!(f, Feature::Copy { column: c, .. } if *c == column));
        let as_number: Vec<bool> = (0..self.layout.ndx()).map(copied).collect();
        self.rows = Rows::new(self, target, &as_number);
    }

    /// Whether features and outputs are those of other coordinates.
    pub fn sees_as(&self, other: &Self) -> bool {
        self.features == other.features && self.rows == other.rows && self.layout == other.layout
    }

    /// Sizes of the tangent state.
    pub fn layout(&self) -> StateLayout {
        self.layout
    }

    /// Mocap bodies.
    pub fn mocap(&self) -> usize {
        self.mocap
    }

    /// Duration of a step, s.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// What networks predict.
    pub fn target(&self) -> LearningTarget {
        self.rows.target
    }

    /// StateFeatures.
    pub fn inputs(&self) -> usize {
        self.features.len()
    }

    /// Numbers that a network predicts.
    pub fn outputs(&self) -> usize {
        self.rows.outputs.len()
    }

    /// What joins features, outputs and coordinates; None where they are the same numbers in the same order.
    pub fn ties(&self) -> Option<&Ties> {
        self.ties.as_ref()
    }

    /// Whether features are the coordinates themselves and outputs the next ones, so that a network's derivatives are the
    /// Jacobian.
    pub fn is_plain(&self) -> bool {
        self.ties.is_none()
    }

    /// Whether features are the coordinates.
    pub(super) fn copies(&self) -> bool {
        self.features.iter().all(|f| matches!(f, Feature::Copy { .. }))
    }

    /// Numbers of qpos.
    pub(super) fn nq(&self) -> usize {
        self.layout.nv + self.turns.len()
    }

    /// Numbers of a next state: qpos, qvel, act.
    pub(super) fn after(&self) -> usize {
        self.nq() + self.layout.nv + self.layout.na
    }

    /// Numbers of a state.
    pub(super) fn width(&self) -> usize {
        self.after() + self.layout.nu + (PLACE + QUATERNION) * self.mocap
    }

    /// Orientations: where the quaternion begins in a row, and the first tangent coordinate.
    pub(super) fn turns(&self) -> &[[usize; 2]] {
        &self.turns
    }

    /// Where a tangent coordinate is in a row; None for those of orientations.
    pub(super) fn at(&self, column: usize) -> Option<usize> {
        match self.numbers.get(column) {
            Some(number) => *number,
            None => Some(self.turns.len() + column),
        }
    }

    /// What networks see.
    fn seen(&self, kinematics: Option<&Kinematics>, how: StateFeatures) -> Result<Vec<Feature>, String> {
        let (layout, joints) = (self.layout, kinematics.map_or(&[][..], |tree| &tree.joints));
        let first_dofs = joints.iter().scan(0, |dof, kind| {
            let first = *dof;
            *dof += kind.dofs();
            Some(first)
        });
        let joints: Vec<(usize, JointKind)> = first_dofs.zip(joints.iter().copied()).collect();
        if joints.is_empty() && (how.sincos || how.local) && layout.nv > 0 {
            return Err(
                "does not tell its joints, which the features sincos and local need: record it again with this version"
                    .to_owned(),
            );
        }
        let free: Vec<usize> =
            joints.iter().filter(|(_, kind)| *kind == JointKind::Free).map(|(dof, _)| *dof).collect();
        let root = free.first().copied().filter(|_| how.local);
        if how.local && root.is_none() {
            return Err("has no free joint, from which the features local would see horizontal places".to_owned());
        }
        let limited = kinematics.map_or(&[][..], |tree| &tree.limited);
        let turns_freely = |dof: usize| {
            let joint = joints.iter().position(|(first, kind)| *first == dof && *kind == JointKind::Hinge);
            // Of a recording that does not tell ranges, all of them: an angle follows from both numbers within a turn.
            how.sincos && joint.is_some_and(|joint| !limited.get(joint).copied().unwrap_or(false))
        };
        let mut found = Vec::new();
        for column in 0..layout.inputs() {
            if let Some([at, first]) = self.turns.iter().find(|[_, first]| (*first..first + 3).contains(&column)) {
                if *first == column {
                    found.extend((0..how.orientation.numbers()).map(|part| Feature::Turned {
                        at: *at,
                        column: Some(column),
                        how: how.orientation,
                        part,
                    }));
                }
                continue;
            }
            let Some(at) = self.at(column) else { continue };
            let horizontal = free.iter().find(|dof| (**dof..**dof + 2).contains(&column));
            match (root, horizontal) {
                (Some(root), Some(dof)) if root == *dof => {}
                (Some(root), Some(dof)) => {
                    let from_column = root + column - dof;
                    let Some(from) = self.at(from_column) else { continue };
                    found.push(Feature::Between { at, column: Some(column), from, from_column });
                }
                _ if turns_freely(column) => {
                    found.extend([Feature::Sine { at, column }, Feature::Cosine { at, column }])
                }
                _ => found.push(Feature::Copy { at, column }),
            }
        }
        let places = self.after() + layout.nu;
        for body in 0..self.mocap {
            for axis in 0..PLACE {
                let at = places + PLACE * body + axis;
                found.push(
                    match root
                        .filter(|_| axis < 2)
                        .and_then(|root| self.at(root + axis).map(|from| (from, root + axis)))
                    {
                        Some((from, from_column)) => Feature::Between { at, column: None, from, from_column },
                        None => Feature::Given { at },
                    },
                );
            }
            let at = places + PLACE * self.mocap + QUATERNION * body;
            let parts = 0..how.orientation.numbers();
            found.extend(parts.map(|part| Feature::Turned { at, column: None, how: how.orientation, part }));
        }
        Ok(found)
    }

    /// Features of a state, as they are (features).
    pub fn features(&self, row: &[f64]) -> impl Iterator<Item = f64> {
        self.features.iter().map(|feature| feature.value(row))
    }

    /// Mean and standard deviation that a feature is normalised with.
    pub(super) fn scale(&self, norm: &Norm, feature: usize) -> [f64; 2] {
        match (self.features[feature], norm.features.get(feature)) {
            (Feature::Copy { column, .. }, _) => [norm.mean[column], norm.std[column]],
            (_, Some(scale)) => *scale,
            // Of a norm of these coordinates there is one for all or for none.
            (_, None) => [0.0, 1.0],
        }
    }

    /// Normalised features of a state (features).
    pub fn normal(&self, norm: &Norm, row: &[f64]) -> Vec<f64> {
        let of = |(i, x): (usize, f64)| {
            let [mean, std] = self.scale(norm, i);
            (x - mean) / std
        };
        self.features(row).enumerate().map(of).collect()
    }

    /// How normalised features change with a normalised tangent coordinate at a state (features); added to what is there.
    pub fn add_direction(&self, norm: &Norm, row: &[f64], column: usize, direction: &mut [f64]) {
        for (i, (feature, d)) in self.features.iter().zip(direction).enumerate() {
            if feature.columns().contains(&column) {
                *d += feature.slope(row, column) * norm.std[column] / self.scale(norm, i)[1];
            }
        }
    }

    /// What a network should say of a step, as it is (outputs).
    pub fn goal(&self, row: &[f64], after: &[f64]) -> Vec<f64> {
        self.rows.outputs.iter().map(|output| self.rows.goal(self, *output, row, after)).collect()
    }

    /// Mean and standard deviation that an output is normalised with.
    pub(super) fn goal_scale(&self, norm: &Norm, output: usize) -> [f64; 2] {
        match (self.rows.outputs[output], norm.target.get(output)) {
            (Row::Number { column, .. }, _) => [norm.mean[column], norm.std[column]],
            (_, Some(scale)) => *scale,
            (_, None) => [0.0, 1.0],
        }
    }

    /// The same, normalised.
    pub fn normal_goal(&self, norm: &Norm, row: &[f64], after: &[f64]) -> Vec<f64> {
        let of = |(i, x): (usize, f64)| {
            let [mean, std] = self.goal_scale(norm, i);
            (x - mean) / std
        };
        self.goal(row, after).into_iter().enumerate().map(of).collect()
    }

    /// The next state that a network's normalised outputs stand for: qpos, qvel, act.
    pub fn next(&self, norm: &Norm, row: &[f64], outputs: &[f64]) -> Vec<f64> {
        let raw = |(i, y): (usize, &f64)| {
            let [mean, std] = self.goal_scale(norm, i);
            y * std + mean
        };
        let raw: Vec<f64> = outputs.iter().enumerate().map(raw).collect();
        self.moved(row, &self.rows.steps(self, row, &raw))
    }

    /// A state's qpos, qvel and act, moved by tangent increments, [ndx].
    pub(super) fn moved(&self, row: &[f64], by: &[f64]) -> Vec<f64> {
        let mut next = row[..self.after()].to_vec();
        for (column, step) in by.iter().enumerate() {
            if let Some(at) = self.at(column) {
                next[at] += step;
            }
        }
        for [at, first] in &self.turns {
            let turn = [by[*first], by[first + 1], by[first + 2]];
            let q = quat::integrated(features::orientation(row, *at), turn, 1.0);
            next[*at..at + 4].copy_from_slice(&q);
        }
        next
    }

    /// Tangent increments from one state to another, [ndx]; orientations in the frame of the first.
    pub(super) fn apart(&self, from: &[f64], to: &[f64]) -> Vec<f64> {
        let mut apart: Vec<f64> =
            (0..self.layout.ndx()).map(|column| self.at(column).map_or(0.0, |at| to[at] - from[at])).collect();
        for [at, first] in &self.turns {
            let turn = quat::turn(features::orientation(to, *at), features::orientation(from, *at));
            apart[*first..first + 3].copy_from_slice(&turn);
        }
        apart
    }

    /// The error of a predicted next state in standard deviations, [ndx]: of numbers the difference of both, normalised in 32
    /// bits, of orientations the turn between them (its length is the geodesic distance).
    pub(super) fn error(&self, norm: &Norm, predicted: &[f64], truth: &[f64]) -> Vec<f64> {
        let turned = self.apart(truth, predicted);
        let number = |column: usize| match self.at(column) {
            Some(at) => {
                let normal = |x: f64| ((x - norm.mean[column]) / norm.std[column]) as f32;
                f64::from(normal(predicted[at]) - normal(truth[at]))
            }
            None => turned[column] / norm.std[column],
        };
        (0..self.layout.ndx()).map(number).collect()
    }
}
