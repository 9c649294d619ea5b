//! The kinematic trees of a model: who moves whom. Made once.

use crate::physics::{JointKind, Model};

/// Dofs that move together: one of a hinge or slide, three of a ball, three positions and three turns of a free joint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) first: usize,
    pub(super) len: usize,
}

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) parent: Vec<usize>,
    pub(super) root: Vec<usize>,
    /// Groups of every body, in the order of their dofs.
    pub(super) groups: Vec<Vec<Group>>,
    pub(super) dof_body: Vec<usize>,
    /// Dofs that move a body: its own and those of the bodies before it, in order.
    pub(super) chain: Vec<Vec<usize>>,
    /// First and last dof of the group of a dof, if that turns itself, else the dof alone.
    together: Vec<(usize, usize)>,
    /// By dof: those whose axes it carries along, those before it in its chain (itself too) whose axes it does not, and
    /// those of the bodies behind its own.
    pub(super) carried: Vec<Vec<usize>>,
    pub(super) upstream: Vec<Vec<usize>>,
    pub(super) behind: Vec<Vec<usize>>,
}

impl Tree {
    pub(super) fn new(model: &Model) -> Self {
        let (parent, root): (Vec<usize>, Vec<usize>) = model.bodies().map(|b| (b.parent, b.root)).unzip();
        let dof_body: Vec<usize> = model.dof_bodies().collect();
        let mut groups = vec![Vec::new(); parent.len()];
        let mut together: Vec<(usize, usize)> = (0..dof_body.len()).map(|d| (d, d)).collect();
        for joint in model.joints() {
            let first = joint.dof;
            let parts: &[(usize, usize, bool)] = match joint.kind {
                JointKind::Free => &[(0, 3, false), (3, 3, true)],
                JointKind::Ball => &[(0, 3, true)],
                JointKind::Slide | JointKind::Hinge => &[(0, 1, false)],
            };
            for (offset, len, turns_itself) in parts.iter().copied() {
                let first = first + offset;
                groups[dof_body[first]].push(Group { first, len });
                if turns_itself {
                    together[first..first + len].fill((first, first + len - 1));
                }
            }
        }
        let mut chain: Vec<Vec<usize>> = vec![Vec::new(); parent.len()];
        for body in 1..parent.len() {
            let mut dofs = chain[parent[body]].clone();
            dofs.extend(groups[body].iter().flat_map(|g| g.first..g.first + g.len));
            chain[body] = dofs;
        }
        let nv = dof_body.len();
        let mut tree = Self {
            parent,
            root,
            groups,
            dof_body,
            chain,
            together,
            carried: vec![Vec::new(); nv],
            upstream: vec![Vec::new(); nv],
            behind: vec![Vec::new(); nv],
        };
        for k in 0..nv {
            let body = tree.dof_body[k];
            let behind: Vec<usize> = (k + 1..nv)
                .filter(|j| tree.dof_body[*j] != body && tree.chain[tree.dof_body[*j]].binary_search(&k).is_ok())
                .collect();
            let (carried, upstream): (Vec<usize>, Vec<usize>) =
                tree.chain[body].iter().copied().partition(|j| tree.carries(k, *j));
            tree.carried[k] = carried.into_iter().chain(behind.iter().copied()).collect();
            tree.upstream[k] = upstream;
            tree.behind[k] = behind;
        }
        tree
    }

    pub(super) fn nv(&self) -> usize {
        self.dof_body.len()
    }

    pub(super) fn nbody(&self) -> usize {
        self.parent.len()
    }

    /// Whether moving dof `k` carries the axis of dof `j` along, for two dofs of one chain.
    pub(super) fn carries(&self, k: usize, j: usize) -> bool {
        j > self.together[k].1 || (j >= self.together[k].0 && self.together[k].0 != self.together[k].1)
    }
}
