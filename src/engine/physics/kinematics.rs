//! How degrees of freedom hang together: the kinematic tree, and what each actuator moves.

use dynsparse_base::kinematics::Kinematics;

use super::attachments::{Attachment, Attachments};
use super::elements::Slices;
use super::{JointKind, Model};

impl Model {
    /// The kinematic tree, the joints, and what actuators move. What one moves through sites, tendons in space or bodies is the
    /// whole way from there to the root.
    pub fn kinematics(&self) -> Kinematics {
        let (tree, attachments) = (Tree { model: self, m: Slices(self.raw()) }, Attachments::new(self));
        let (mut act_dofs, mut ctrl_dofs) = (vec![Vec::new(); self.na()], vec![Vec::new(); self.nu()]);
        for actuator in 0..attachments.actuators() {
            let mut dofs: Vec<usize> = match attachments.transmission(actuator) {
                Some(moved) => moved.into_iter().flat_map(|attachment| tree.dofs(attachment)).collect(),
                None => (0..self.nv()).collect(),
            };
            dofs.sort_unstable();
            dofs.dedup();
            let (acts, controls) = attachments.inputs(actuator);
            act_dofs[acts].fill(dofs.clone());
            ctrl_dofs[controls].fill(dofs);
        }
        Kinematics {
            dof_parent: tree.m.dof_parentid().to_vec(),
            act_dofs,
            ctrl_dofs,
            quaternions: tree.quaternions(),
            joints: self.joints().map(|joint| joint.kind).collect(),
            limited: tree.m.jnt_limited().to_vec(),
        }
    }
}

/// Joints and bodies of a model, and their degrees of freedom.
struct Tree<'a> {
    model: &'a Model,
    m: Slices<'a>,
}

impl Tree<'_> {
    fn quaternions(&self) -> Vec<[usize; 2]> {
        let of = |joint: super::Joint| match joint.kind {
            JointKind::Free => Some([joint.qpos + 3, joint.dof + 3]),
            JointKind::Ball => Some([joint.qpos, joint.dof]),
            JointKind::Slide | JointKind::Hinge => None,
        };
        self.model.joints().filter_map(of).collect()
    }

    /// Dofs that a force on something moves: those of a joint, all between a body and the root.
    fn dofs(&self, attachment: Attachment) -> Vec<usize> {
        let (first, number) = (self.m.body_dofadr(), self.m.body_dofnum());
        let mut body = match attachment {
            Attachment::Joint(joint) => {
                let joints = self.m.jnt_dofadr();
                let end = joints.get(joint + 1).map_or(self.model.nv(), |end| *end as usize);
                return (joints[joint] as usize..end).collect();
            }
            Attachment::Body(body) => body,
        };
        while body > 0 && number[body] == 0 {
            body = self.m.body_parentid()[body] as usize;
        }
        let last = first[body] + number[body] - 1;
        // The world has none.
        let last = usize::try_from(last).ok().filter(|_| number[body] > 0);
        let parent = |dof: &usize| usize::try_from(self.m.dof_parentid()[*dof]).ok();
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
              <body pos="1 0 0"><joint name="c" range="-9 9"/><geom size="0.1"/></body>
            </body>
          </worldbody>
          <tendon><fixed name="t"><joint joint="a" coef="1"/><joint joint="c" coef="1"/></fixed></tendon>
          <actuator>
            <motor joint="b"/><motor tendon="t"/><general site="tip" gear="1 0 0 0 0 0" dyntype="integrator"/>
          </actuator>
        </mujoco>"#;
        let found = Model::from_text("tree.xml", mjcf).unwrap().kinematics();
        assert_eq!(found.dof_parent, [-1, 0, 1, 2, 3, 4, 5, 6, 5]);
        assert_eq!(found.ctrl_dofs, [vec![7], vec![6, 8], (0..8).collect()]);
        assert_eq!(found.quaternions, [[3, 3]]);
        assert_eq!(found.joints, [JointKind::Free, JointKind::Hinge, JointKind::Hinge, JointKind::Hinge]);
        assert_eq!(found.limited, [false, false, false, true]);
        assert!(found.fits(9, 1, 3));
        assert_eq!(found.act_dofs, [(0..8).collect::<Vec<_>>()]);
    }
}
