//! The kinematic tree, as a recording tells it in its root attribute `kinematics`.

use serde::{Deserialize, Serialize};

/// How degrees of freedom, activations and controls hang together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinematics {
    /// By dof: the dof before it on the way to the root, -1 where there is none.
    pub dof_parent: Vec<i32>,
    /// By activation: dofs that its actuator moves.
    pub act_dofs: Vec<Vec<usize>>,
    /// By control: the same.
    pub ctrl_dofs: Vec<Vec<usize>>,
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
        let chain = Kinematics { dof_parent: vec![-1, 0, 1], act_dofs: vec![vec![2]], ctrl_dofs: vec![vec![2]] };
        assert_eq!(chain.nodes(), 5);
        assert_eq!(chain.edges(), [[0, 1], [1, 2], [2, 3], [2, 4], [3, 4]]);
        assert!(chain.fits(3, 1, 1));
        assert!(!chain.fits(2, 1, 1) && !chain.fits(3, 0, 1));
        assert!(!Kinematics { ctrl_dofs: vec![vec![3]], ..chain }.fits(3, 1, 1));
    }
}
