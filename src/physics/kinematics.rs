//! How degrees of freedom hang together: the kinematic tree, and what each actuator moves.

use mujoco_rs::mujoco_c::{mjModel, mjtJoint, mjtTrn, mjtWrap};
use serde::{Deserialize, Serialize};

use super::Model;
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
        let parts = Parts::new(m);
        let (mut act_dofs, mut ctrl_dofs) = (vec![Vec::new(); model.na()], vec![Vec::new(); model.nu()]);
        for actuator in 0..m.nactuator as usize {
            let dofs = parts.moved(actuator);
            let (acts, controls) = super::trees::inputs(m, actuator);
            act_dofs[acts].fill(dofs.clone());
            ctrl_dofs[controls].fill(dofs);
        }
        Self { dof_parent: parts.dof_parentid.to_vec(), act_dofs, ctrl_dofs, quaternions: parts.quaternions() }
    }
}

/// Arrays of a model, each with one entry per object.
struct Parts<'a> {
    m: &'a mjModel,
    nv: usize,
    dof_parentid: &'a [i32],
    jnt_type: &'a [i32],
    jnt_qposadr: &'a [i32],
    jnt_dofadr: &'a [i32],
    body_dofadr: &'a [i32],
    body_dofnum: &'a [i32],
    body_parentid: &'a [i32],
    site_bodyid: &'a [i32],
    geom_bodyid: &'a [i32],
    tendon_adr: &'a [i32],
    tendon_num: &'a [i32],
    wrap_type: &'a [i32],
    wrap_objid: &'a [i32],
}

/// The entry of an object whose number may be -1.
fn at(values: &[i32], id: i32) -> Option<i32> {
    usize::try_from(id).ok().and_then(|id| values.get(id)).copied()
}

impl<'a> Parts<'a> {
    fn new(m: &'a mjModel) -> Self {
        // SAFETY: the arrays have these lengths (mjmodel.h) and live as long as the model; an enum there is an int.
        unsafe {
            Self {
                m,
                nv: m.nv as usize,
                dof_parentid: view(m.dof_parentid, m.nv as usize),
                jnt_type: view(m.jnt_type.cast(), m.njnt as usize),
                jnt_qposadr: view(m.jnt_qposadr, m.njnt as usize),
                jnt_dofadr: view(m.jnt_dofadr, m.njnt as usize),
                body_dofadr: view(m.body_dofadr, m.nbody as usize),
                body_dofnum: view(m.body_dofnum, m.nbody as usize),
                body_parentid: view(m.body_parentid, m.nbody as usize),
                site_bodyid: view(m.site_bodyid, m.nsite as usize),
                geom_bodyid: view(m.geom_bodyid, m.ngeom as usize),
                tendon_adr: view(m.tendon_adr, m.ntendon as usize),
                tendon_num: view(m.tendon_num, m.ntendon as usize),
                wrap_type: view(m.wrap_type.cast(), m.nwrap as usize),
                wrap_objid: view(m.wrap_objid, m.nwrap as usize),
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

    fn joint(&self, joint: i32) -> Vec<usize> {
        let Some(first) = at(self.jnt_dofadr, joint) else { return Vec::new() };
        let end = at(self.jnt_dofadr, joint + 1).map_or(self.nv, |e| e as usize);
        (first as usize..end).collect()
    }

    /// All dofs between a body and the root.
    fn chain(&self, body: Option<i32>) -> Vec<usize> {
        let mut body = body.unwrap_or(0);
        while body > 0 && at(self.body_dofnum, body) == Some(0) {
            body = at(self.body_parentid, body).unwrap_or(0);
        }
        let ends = at(self.body_dofadr, body).zip(at(self.body_dofnum, body)).filter(|(_, n)| *n > 0);
        let mut dof = ends.map_or(-1, |(first, n)| first + n - 1);
        let mut found = Vec::new();
        while let Ok(this) = usize::try_from(dof) {
            found.push(this);
            dof = self.dof_parentid[this];
        }
        found
    }

    fn tendon(&self, tendon: i32) -> Vec<usize> {
        let Some((first, n)) = at(self.tendon_adr, tendon).zip(at(self.tendon_num, tendon)) else { return Vec::new() };
        let wraps = first as usize..(first + n) as usize;
        let dofs = |wrap: usize| {
            let id = self.wrap_objid[wrap];
            match self.wrap_type[wrap] {
                w if w == mjtWrap::mjWRAP_JOINT as i32 => self.joint(id),
                w if w == mjtWrap::mjWRAP_SITE as i32 => self.chain(at(self.site_bodyid, id)),
                w if w == mjtWrap::mjWRAP_SPHERE as i32 || w == mjtWrap::mjWRAP_CYLINDER as i32 => {
                    self.chain(at(self.geom_bodyid, id))
                }
                _ => Vec::new(),
            }
        };
        wraps.flat_map(dofs).collect()
    }

    /// Dofs that an actuator moves, in order.
    fn moved(&self, actuator: usize) -> Vec<usize> {
        // SAFETY: trntype has one entry per actuator, trnid two.
        let (kind, ids) = unsafe {
            (
                *self.m.actuator_trntype.cast::<i32>().add(actuator),
                *self.m.actuator_trnid.cast::<[i32; 2]>().add(actuator),
            )
        };
        let is = |t: mjtTrn| kind == t as i32;
        let mut found = if is(mjtTrn::mjTRN_JOINT) || is(mjtTrn::mjTRN_JOINTINPARENT) {
            self.joint(ids[0])
        } else if is(mjtTrn::mjTRN_TENDON) {
            self.tendon(ids[0])
        } else if is(mjtTrn::mjTRN_SITE) || is(mjtTrn::mjTRN_SLIDERCRANK) {
            ids.into_iter().flat_map(|id| self.chain(at(self.site_bodyid, id))).collect()
        } else if is(mjtTrn::mjTRN_BODY) {
            self.chain(Some(ids[0]))
        } else {
            (0..self.nv).collect()
        };
        found.sort_unstable();
        found.dedup();
        found
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
