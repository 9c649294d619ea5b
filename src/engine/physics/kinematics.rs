//! How degrees of freedom hang together: the kinematic tree, and what each actuator moves.

use mujoco_rs::mujoco_c::{mjModel, mjtJoint};
use serde::{Deserialize, Serialize};

use super::Model;
use super::parts::{Hold, Parts};
use super::sim::view;

/// The kinematic tree by degrees of freedom, and the dofs that actuators move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinematics {
    /// By dof (nv): the dof before it on the way to the root (MuJoCo's `dof_parentid`), -1 where there is none.
    pub dof_parent: Vec<i32>,
    /// By activation (na): dofs that its actuator moves.
    pub act_dofs: Vec<Vec<usize>>,
    /// By control (nu): the same.
    pub ctrl_dofs: Vec<Vec<usize>>,
    /// By free or ball joint: where its quaternion begins in qpos, and the first of its three rotations among the dofs.
    /// All other coordinates are dofs themselves, in the same order.
    pub quaternions: Vec<[usize; 2]>,
}

impl Kinematics {
    /// Of a model. What an actuator moves through sites, tendons in space or bodies is the whole way from there to the
    /// root.
    pub fn new(model: &Model) -> Self {
        let m = model.raw();
        let (tree, parts) = (Tree::new(m), Parts::new(m));
        let (mut act_dofs, mut ctrl_dofs) = (vec![Vec::new(); model.na()], vec![Vec::new(); model.nu()]);
        for actuator in 0..m.nactuator as usize {
            let mut dofs: Vec<usize> = match parts.actuator(actuator) {
                Some(moved) => moved.into_iter().flat_map(|hold| tree.dofs(hold)).collect(),
                None => (0..model.nv()).collect(),
            };
            dofs.sort_unstable();
            dofs.dedup();
            let (acts, controls) = parts.inputs(actuator);
            act_dofs[acts].fill(dofs.clone());
            ctrl_dofs[controls].fill(dofs);
        }
        Self { dof_parent: tree.dof_parentid.to_vec(), act_dofs, ctrl_dofs, quaternions: tree.quaternions() }
    }
}

/// Joints and bodies of a model, and their degrees of freedom.
struct Tree<'a> {
    nv: usize,
    dof_parentid: &'a [i32],
    jnt_type: &'a [i32],
    jnt_qposadr: &'a [i32],
    jnt_dofadr: &'a [i32],
    body_dofadr: &'a [i32],
    body_dofnum: &'a [i32],
    body_parentid: &'a [i32],
}

impl<'a> Tree<'a> {
    fn new(m: &'a mjModel) -> Self {
        // SAFETY: the arrays have these lengths (mjmodel.h) and live as long as the model; an enum there is an int.
        unsafe {
            Self {
                nv: m.nv as usize,
                dof_parentid: view(m.dof_parentid, m.nv as usize),
                jnt_type: view(m.jnt_type.cast(), m.njnt as usize),
                jnt_qposadr: view(m.jnt_qposadr, m.njnt as usize),
                jnt_dofadr: view(m.jnt_dofadr, m.njnt as usize),
                body_dofadr: view(m.body_dofadr, m.nbody as usize),
                body_dofnum: view(m.body_dofnum, m.nbody as usize),
                body_parentid: view(m.body_parentid, m.nbody as usize),
            }
        }
    }

    fn quaternions(&self) -> Vec<[usize; 2]> {
        let of = |joint: usize| {
            let (qpos, dof) = (self.jnt_qposadr[joint] as usize, self.jnt_dofadr[joint] as usize);
            match self.jnt_type[joint] {
                t if t == mjtJoint::mjJNT_FREE as i32 => Some([qpos + 3, dof + 3]),
                t if t == mjtJoint::mjJNT_BALL as i32 => Some([qpos, dof]),
                _ => None,
            }
        };
        (0..self.jnt_type.len()).filter_map(of).collect()
    }

    /// Dofs that a force on something moves: those of a joint, all between a body and the root.
    fn dofs(&self, hold: Hold) -> Vec<usize> {
        let mut body = match hold {
            Hold::Joint(joint) => {
                let end = self.jnt_dofadr.get(joint + 1).map_or(self.nv, |end| *end as usize);
                return (self.jnt_dofadr[joint] as usize..end).collect();
            }
            Hold::Body(body) => body,
        };
        while body > 0 && self.body_dofnum[body] == 0 {
            body = self.body_parentid[body] as usize;
        }
        let last = self.body_dofadr[body] + self.body_dofnum[body] - 1;
        // The world has none.
        let last = usize::try_from(last).ok().filter(|_| self.body_dofnum[body] > 0);
        let parent = |dof: &usize| usize::try_from(self.dof_parentid[*dof]).ok();
        std::iter::successors(last, parent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_with_actuators_of_every_kind() {
        let mjcf = r#"<mujoco>
          <worldbody>
            <body><freejoint/><geom size="0.1"/>
              <body pos="0 0 1"><joint name="a"/><geom size="0.1"/>
                <body pos="0 0 1"><joint name="b"/><geom size="0.1"/><site name="tip"/></body>
              </body>
              <body pos="1 0 0"><joint name="c"/><geom size="0.1"/></body>
            </body>
          </worldbody>
          <tendon><fixed name="t"><joint joint="a" coef="1"/><joint joint="c" coef="1"/></fixed></tendon>
          <actuator>
            <motor joint="b"/><motor tendon="t"/><general site="tip" gear="1 0 0 0 0 0" dyntype="integrator"/>
          </actuator>
        </mujoco>"#;
        let found = Kinematics::new(&Model::from_text("tree.xml", mjcf).unwrap());
        assert_eq!(found.dof_parent, [-1, 0, 1, 2, 3, 4, 5, 6, 5]);
        assert_eq!(found.ctrl_dofs, [vec![7], vec![6, 8], (0..8).collect()]);
        assert_eq!(found.quaternions, [[3, 3]]);
        assert_eq!(found.act_dofs, [(0..8).collect::<Vec<_>>()]);
    }
}
