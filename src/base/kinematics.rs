//! How the degrees of freedom of a robot hang together: the kinematic tree, the kinds of its joints, and what each actuator
//! moves. A recording holds it as JSON in its root attribute `kinematics`.

use serde::{Deserialize, Serialize};

use crate::layout::StateLayout;

/// The kind of a joint, by its name in MJCF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JointKind {
    /// Six degrees of freedom: a position and a quaternion.
    Free,
    /// Three: a quaternion.
    Ball,
    /// One, along an axis.
    Slide,
    /// One, about an axis.
    Hinge,
}

impl JointKind {
    /// Degrees of freedom.
    pub const fn dofs(self) -> usize {
        match self {
            Self::Free => 6,
            Self::Ball => 3,
            Self::Slide | Self::Hinge => 1,
        }
    }

    /// Whether its dof of that number, from 0, moves along an axis; else it turns.
    const fn translates(self, dof: usize) -> bool {
        match self {
            Self::Free => dof < 3,
            Self::Slide => true,
            Self::Ball | Self::Hinge => false,
        }
    }
}

/// The kinematic tree by degrees of freedom, and the dofs that actuators move.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinematics {
    /// By dof (nv): the dof before it on the way to the root (MuJoCo's `dof_parentid`), -1 where there is none.
    pub dof_parent: Vec<i32>,
    /// By activation (na): dofs that its actuator moves.
    pub act_dofs: Vec<Vec<usize>>,
    /// By control (nu): the same.
    pub ctrl_dofs: Vec<Vec<usize>>,
    /// By free or ball joint: where its quaternion begins in qpos, and the first of its three rotations among the dofs.
    /// All other coordinates are dofs themselves, in the same order.
    #[serde(default)]
    pub quaternions: Vec<[usize; 2]>,
    /// The joints, in the order of their dofs. Empty in recordings that were made before it was kept, which lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joints: Vec<JointKind>,
    /// By joint: whether its position has a range that it may not leave. Empty in recordings that were made before it was
    /// kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limited: Vec<bool>,
}

impl Kinematics {
    /// Whether it is that of a model with these sizes, without a number out of range.
    pub fn fits(&self, nv: usize, na: usize, nu: usize) -> bool {
        let sound = |dofs: &Vec<usize>| dofs.iter().all(|d| *d < nv);
        self.dof_parent.len() == nv
            && self.dof_parent.iter().all(|p| (-1..nv as i32).contains(p))
            && [(&self.act_dofs, na), (&self.ctrl_dofs, nu)]
                .iter()
                .all(|(of, n)| of.len() == *n && of.iter().all(sound))
            && (self.joints.is_empty() || self.joints.iter().map(|kind| kind.dofs()).sum::<usize>() == nv)
            && (self.limited.is_empty() || self.limited.len() == self.joints.len())
            && self.places_of_quaternions() == self.quaternions
    }

    /// Where the quaternions are, by the kinds of the joints; as they are told where the joints are not.
    fn places_of_quaternions(&self) -> Vec<[usize; 2]> {
        if self.joints.is_empty() {
            // Each has one number more than dofs, and takes three of these.
            let sound = |(k, [qpos, dof]): (usize, &[usize; 2])| {
                let first = k.checked_sub(1).map_or(0, |last| self.quaternions[last][1].saturating_add(3));
                let fits = dof.checked_add(3).is_some_and(|end| end <= self.dof_parent.len());
                fits && dof.checked_add(k) == Some(*qpos) && first <= *dof
            };
            return self.quaternions.iter().enumerate().filter(|q| sound(*q)).map(|(_, q)| *q).collect();
        }
        let (mut dof, mut found) = (0, Vec::new());
        for kind in &self.joints {
            let turns = match kind {
                JointKind::Free => Some(dof + 3),
                JointKind::Ball => Some(dof),
                JointKind::Slide | JointKind::Hinge => None,
            };
            found.extend(turns.map(|first| [first + found.len(), first]));
            dof += kind.dofs();
        }
        found
    }

    /// By dof (nv): whether it moves along an axis; None where the joints are not known.
    pub fn translations(&self) -> Option<Vec<bool>> {
        let of = |kind: &JointKind| {
            let kind = *kind;
            (0..kind.dofs()).map(move |dof| kind.translates(dof))
        };
        let all: Vec<bool> = self.joints.iter().flat_map(of).collect();
        (all.len() == self.dof_parent.len()).then_some(all)
    }

    /// The sizes of the state that it is of.
    pub fn layout(&self) -> StateLayout {
        StateLayout { nv: self.dof_parent.len(), na: self.act_dofs.len(), nu: self.ctrl_dofs.len() }
    }

    /// Dofs, activations and controls: the nodes of the graph, in this order.
    pub fn nodes(&self) -> usize {
        self.dof_parent.len() + self.act_dofs.len() + self.ctrl_dofs.len()
    }

    /// Pairs of nodes that the tree or an actuator joins, each once.
    pub fn edges(&self) -> Vec<[usize; 2]> {
        let (nv, na) = (self.dof_parent.len(), self.act_dofs.len());
        let parents = self.dof_parent.iter().enumerate();
        let mut found: Vec<[usize; 2]> =
            parents.filter_map(|(dof, p)| usize::try_from(*p).ok().map(|p| [p, dof])).collect();
        for (first, sets) in [(nv, &self.act_dofs), (nv + na, &self.ctrl_dofs)] {
            let pairs = sets.iter().enumerate().flat_map(|(i, dofs)| dofs.iter().map(move |d| [*d, first + i]));
            found.extend(pairs);
        }
        // An activation and the control of the same actuator move the same dofs.
        for (i, dofs) in self.act_dofs.iter().enumerate() {
            let own = self.ctrl_dofs.iter().enumerate().filter(|(_, d)| *d == dofs);
            found.extend(own.map(|(j, _)| [nv + i, nv + na + j]));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_with_a_muscle() {
        let chain = Kinematics {
            dof_parent: vec![-1, 0, 1],
            act_dofs: vec![vec![2]],
            ctrl_dofs: vec![vec![2]],
            joints: vec![JointKind::Slide, JointKind::Hinge, JointKind::Hinge],
            ..Kinematics::default()
        };
        assert_eq!(chain.nodes(), 5);
        assert_eq!(chain.edges(), [[0, 1], [1, 2], [2, 3], [2, 4], [3, 4]]);
        assert!(chain.fits(3, 1, 1));
        assert!(!chain.fits(2, 1, 1) && !chain.fits(3, 0, 1));
        assert_eq!(chain.translations(), Some(vec![true, false, false]));
        assert!(!Kinematics { ctrl_dofs: vec![vec![3]], ..chain.clone() }.fits(3, 1, 1));
        assert!(!Kinematics { joints: vec![JointKind::Ball, JointKind::Slide], ..chain.clone() }.fits(3, 1, 1));
        assert!(!Kinematics { limited: vec![true], ..chain }.fits(3, 1, 1));
    }

    #[test]
    fn quaternions_are_where_the_joints_have_them() {
        let joints = vec![JointKind::Slide, JointKind::Ball, JointKind::Free, JointKind::Ball];
        let tree = Kinematics {
            dof_parent: vec![-1; 13],
            quaternions: vec![[1, 1], [8, 7], [12, 10]],
            joints,
            ..Kinematics::default()
        };
        assert!(tree.fits(13, 0, 0));
        assert!(Kinematics { joints: Vec::new(), ..tree.clone() }.fits(13, 0, 0));
        for wrong in [vec![[1, 1], [8, 7]], vec![[1, 1], [8, 7], [13, 10]], vec![[1, 1], [4, 3], [13, 11]]] {
            for joints in [tree.joints.clone(), Vec::new()] {
                let known = !joints.is_empty();
                let fits = Kinematics { quaternions: wrong.clone(), joints, ..tree.clone() }.fits(13, 0, 0);
                // Without the joints fewer of them are as good.
                assert!(!fits || !known && wrong.len() == 2, "{wrong:?}");
            }
        }
    }

    #[test]
    fn what_was_recorded_before_joints_were_kept_is_read() {
        let old = r#"{"dof_parent":[-1,0],"act_dofs":[],"ctrl_dofs":[[1]],"quaternions":[]}"#;
        let read: Kinematics = serde_json::from_str(old).unwrap();
        assert!(read.fits(2, 0, 1) && read.translations().is_none());
        let free = Kinematics { dof_parent: vec![-1; 6], joints: vec![JointKind::Free], ..read.clone() };
        assert_eq!(free.translations(), Some(vec![true, true, true, false, false, false]));
        assert_eq!(serde_json::to_string(&Kinematics { joints: Vec::new(), ..read }).unwrap(), old);
        assert!(serde_json::to_string(&free).unwrap().contains(r#""joints":["free"]"#));
    }
}
