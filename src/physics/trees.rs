//! Which parts of a state can act on each other at all: kinematic trees, and what joins them.
//!
//! Trees meet in contacts, equality constraints, tendons and actuators. Contacts are those of the state; the others are
//! taken from the model, whether they are active or not. Without one of them nothing flows from one tree to another
//! within a step: the inertia, and the system that is solved for the constraint forces, fall apart into blocks.

use std::ops::Range;

use mujoco_rs::mujoco_c::{mjModel, mjtEq, mjtObj, mjtTrn, mjtWrap};

use super::sim::view;
use super::{Model, PhysicsError, Sim};

/// Groups of trees and actuators that can act on each other within a step.
#[derive(Debug, Clone)]
pub struct Groups {
    /// By node (trees, then actuators): its parent, as the model alone has it.
    fixed: Vec<usize>,
    /// The same with the contacts of the last state.
    now: Vec<usize>,
    /// Node of every entry of the tangent state, then of every control.
    nodes: Vec<usize>,
    /// Trees of the bodies of every geom; None for what cannot move.
    geoms: Vec<Option<usize>>,
    ndx: usize,
}

impl Groups {
    /// The groups of a model, as far as the model alone says.
    pub fn new(model: &Model) -> Self {
        let m = model.raw();
        let (trees, actuators) = (m.ntree as usize, m.nactuator as usize);
        let parts = Parts::new(m);
        let mut fixed: Vec<usize> = (0..trees + actuators).collect();
        // Flexes and plugins may join anything.
        if model.has_flexes() || model.has_plugins() {
            (1..fixed.len()).for_each(|node| join(&mut fixed, 0, node));
        }
        for tendon in 0..m.ntendon as usize {
            join_all(&mut fixed, parts.tendon(tendon));
        }
        for equality in 0..m.neq as usize {
            match parts.equality(equality) {
                Some(joined) => join_all(&mut fixed, joined.into_iter()),
                None => (1..trees).for_each(|tree| join(&mut fixed, 0, tree)),
            }
        }
        for actuator in 0..actuators {
            let node = trees + actuator;
            match parts.actuator(actuator) {
                Some(joined) => joined.into_iter().for_each(|tree| join(&mut fixed, node, tree)),
                None => (0..trees).for_each(|tree| join(&mut fixed, node, tree)),
            }
        }
        let (nv, na, nu) = (model.nv(), model.na(), model.nu());
        let mut nodes: Vec<usize> = parts.dof_treeid.iter().map(|tree| *tree as usize).collect();
        nodes.extend_from_within(..);
        // An entry without an actuator does not occur; it would be alone.
        nodes.resize(2 * nv + na + nu, usize::MAX);
        for actuator in 0..actuators {
            let (acts, controls) = inputs(m, actuator);
            nodes[2 * nv..2 * nv + na][acts].fill(trees + actuator);
            nodes[2 * nv + na..][controls].fill(trees + actuator);
        }
        let geoms = (0..m.ngeom as usize).map(|geom| parts.body(parts.geom_bodyid[geom])).collect();
        Self { now: fixed.clone(), fixed, nodes, geoms, ndx: 2 * nv + na }
    }

    /// Whether anything can act, within a step, from one entry of the tangent state on another.
    pub fn state_acts(&self, on: usize, from: usize) -> bool {
        self.same(self.nodes[on], self.nodes[from])
    }

    /// Whether anything can act, within a step, from a control on an entry of the tangent state.
    pub fn control_acts(&self, on: usize, control: usize) -> bool {
        self.same(self.nodes[on], self.nodes[self.ndx + control])
    }

    fn same(&self, one: usize, other: usize) -> bool {
        one == other || one != usize::MAX && other != usize::MAX && root(&self.now, one) == root(&self.now, other)
    }
}

impl Sim {
    /// Finds the contacts of the present state and what they join. Warm start and state stay as they are.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn group(&mut self, groups: &mut Groups) -> Result<(), PhysicsError> {
        groups.now.clone_from(&groups.fixed);
        if groups.fixed.len() < 2 {
            return Ok(());
        }
        self.stage_position()?;
        for contact in self.contacts() {
            let tree = |geom: i32| usize::try_from(geom).ok().and_then(|geom| groups.geoms[geom]);
            if let [Some(one), Some(other)] = contact.geom.map(tree) {
                join(&mut groups.now, one, other);
            }
        }
        Ok(())
    }
}

fn root(parents: &[usize], mut node: usize) -> usize {
    while parents[node] != node {
        node = parents[node];
    }
    node
}

fn join(parents: &mut [usize], one: usize, other: usize) {
    let (one, other) = (root(parents, one), root(parents, other));
    parents[one.max(other)] = one.min(other);
}

fn join_all(parents: &mut [usize], mut nodes: impl Iterator<Item = usize>) {
    if let Some(first) = nodes.next() {
        nodes.for_each(|node| join(parents, first, node));
    }
}

/// Arrays of a model that say what is joined, each with one entry per object.
struct Parts<'a> {
    m: &'a mjModel,
    body_treeid: &'a [i32],
    dof_treeid: &'a [i32],
    geom_bodyid: &'a [i32],
    site_bodyid: &'a [i32],
    jnt_bodyid: &'a [i32],
    tendon_adr: &'a [i32],
    tendon_num: &'a [i32],
    wrap_type: &'a [i32],
    wrap_objid: &'a [i32],
}

impl<'a> Parts<'a> {
    fn new(m: &'a mjModel) -> Self {
        // SAFETY: the arrays have these lengths (mjmodel.h) and live as long as the model; an enum there is an int.
        unsafe {
            Self {
                m,
                body_treeid: view(m.body_treeid, m.nbody as usize),
                dof_treeid: view(m.dof_treeid, m.nv as usize),
                geom_bodyid: view(m.geom_bodyid, m.ngeom as usize),
                site_bodyid: view(m.site_bodyid, m.nsite as usize),
                jnt_bodyid: view(m.jnt_bodyid, m.njnt as usize),
                tendon_adr: view(m.tendon_adr, m.ntendon as usize),
                tendon_num: view(m.tendon_num, m.ntendon as usize),
                wrap_type: view(m.wrap_type.cast(), m.nwrap as usize),
                wrap_objid: view(m.wrap_objid, m.nwrap as usize),
            }
        }
    }

    /// The tree of a body; None for one that cannot move.
    fn body(&self, body: i32) -> Option<usize> {
        usize::try_from(*self.body_treeid.get(usize::try_from(body).ok()?)?).ok()
    }

    fn joint(&self, joint: i32) -> Option<usize> {
        self.body(*self.jnt_bodyid.get(usize::try_from(joint).ok()?)?)
    }

    fn site(&self, site: i32) -> Option<usize> {
        self.body(*self.site_bodyid.get(usize::try_from(site).ok()?)?)
    }

    /// The trees that a tendon runs over.
    fn tendon(&self, tendon: usize) -> impl Iterator<Item = usize> + '_ {
        let (first, n) = (self.tendon_adr[tendon] as usize, self.tendon_num[tendon] as usize);
        (first..first + n).filter_map(|wrap| {
            let id = self.wrap_objid[wrap];
            match self.wrap_type[wrap] {
                w if w == mjtWrap::mjWRAP_JOINT as i32 => self.joint(id),
                w if w == mjtWrap::mjWRAP_SITE as i32 => self.site(id),
                w if w == mjtWrap::mjWRAP_SPHERE as i32 || w == mjtWrap::mjWRAP_CYLINDER as i32 => {
                    self.body(*self.geom_bodyid.get(usize::try_from(id).ok()?)?)
                }
                _ => None,
            }
        })
    }

    fn tendon_id(&self, id: i32) -> impl Iterator<Item = usize> + '_ {
        let id = usize::try_from(id).ok().filter(|id| *id < self.tendon_adr.len());
        id.into_iter().flat_map(|tendon| self.tendon(tendon))
    }

    /// The trees that an equality constraint joins; None where that is not known.
    fn equality(&self, equality: usize) -> Option<Vec<usize>> {
        // SAFETY: all four arrays have neq entries.
        let (kind, ids, of) = unsafe {
            let m = self.m;
            let ids = [*m.eq_obj1id.add(equality), *m.eq_obj2id.add(equality)];
            (*m.eq_type.cast::<i32>().add(equality), ids, *m.eq_objtype.cast::<i32>().add(equality))
        };
        let all = |tree: &dyn Fn(i32) -> Option<usize>| Some(ids.into_iter().filter_map(tree).collect());
        match kind {
            k if k == mjtEq::mjEQ_CONNECT as i32 || k == mjtEq::mjEQ_WELD as i32 => match of {
                o if o == mjtObj::mjOBJ_SITE as i32 => all(&|id| self.site(id)),
                o if o == mjtObj::mjOBJ_BODY as i32 => all(&|id| self.body(id)),
                _ => None,
            },
            k if k == mjtEq::mjEQ_JOINT as i32 => all(&|id| self.joint(id)),
            k if k == mjtEq::mjEQ_TENDON as i32 => Some(ids.into_iter().flat_map(|id| self.tendon_id(id)).collect()),
            _ => None,
        }
    }

    /// The trees that an actuator senses or moves; None where that is not known. What a body's adhesion moves is joined
    /// by its contacts.
    fn actuator(&self, actuator: usize) -> Option<Vec<usize>> {
        // SAFETY: trntype has one entry per actuator, trnid two.
        let (kind, ids) = unsafe {
            (
                *self.m.actuator_trntype.cast::<i32>().add(actuator),
                *self.m.actuator_trnid.cast::<[i32; 2]>().add(actuator),
            )
        };
        let is = |t: mjtTrn| kind == t as i32;
        let trees = if is(mjtTrn::mjTRN_JOINT) || is(mjtTrn::mjTRN_JOINTINPARENT) {
            self.joint(ids[0]).into_iter().collect()
        } else if is(mjtTrn::mjTRN_TENDON) {
            self.tendon_id(ids[0]).collect()
        } else if is(mjtTrn::mjTRN_SITE) || is(mjtTrn::mjTRN_SLIDERCRANK) {
            ids.into_iter().filter_map(|id| self.site(id)).collect()
        } else if is(mjtTrn::mjTRN_BODY) {
            self.body(ids[0]).into_iter().collect()
        } else {
            return None;
        };
        Some(trees)
    }
}

/// An actuator's activations and controls.
pub(super) fn inputs(m: &mjModel, actuator: usize) -> (Range<usize>, Range<usize>) {
    let range = |first: i32, n: i32| match usize::try_from(first) {
        Ok(first) => first..first + n.max(0) as usize,
        Err(_) => 0..0,
    };
    // SAFETY: all four arrays have one entry per actuator; an address is -1 where there are none.
    unsafe {
        (
            range(*m.actuator_actadr.add(actuator), *m.actuator_actnum.add(actuator)),
            range(*m.actuator_ctrladr.add(actuator), *m.actuator_ctrlnum.add(actuator)),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn groups(mjcf: &str) -> Groups {
        let model = Arc::new(Model::from_text("trees.xml", mjcf).unwrap());
        let mut groups = Groups::new(&model);
        Sim::new(&model).unwrap().group(&mut groups).unwrap();
        groups
    }

    /// Three sliders in a row, 1 m apart, with what is to join them.
    fn sliders(more: &str, radius: [f64; 3]) -> Groups {
        let bodies: String = (0..3)
            .map(|i| {
                let radius = radius[i];
                format!(
                    r#"<body pos="{i} 0 0"><joint name="j{i}" type="slide" axis="1 0 0"/><geom size="{radius}"/>
                       <site name="s{i}"/></body>"#
                )
            })
            .collect();
        groups(&format!("<mujoco><worldbody>{bodies}</worldbody>{more}</mujoco>"))
    }

    /// Which of the pairs 01, 12, 02 are joined.
    fn pairs(groups: &Groups) -> [bool; 3] {
        let found = [(0, 1), (1, 2), (0, 2)].map(|(i, j)| groups.state_acts(i, j));
        let velocities = [(3, 1), (4, 2), (0, 5)].map(|(i, j)| groups.state_acts(i, j));
        assert_eq!(found, velocities);
        found
    }

    #[test]
    fn trees_are_joined_by_what_acts_between_them() {
        let apart = [0.1; 3];
        assert_eq!(pairs(&sliders("", apart)), [false; 3]);
        assert_eq!(pairs(&sliders("", [0.6, 0.6, 0.1])), [true, false, false], "a contact");
        for (more, expected) in [
            (r#"<equality><joint joint1="j0" joint2="j2"/></equality>"#, [false, false, true]),
            (r#"<equality><weld site1="s1" site2="s2" active="false"/></equality>"#, [false, true, false]),
            (r#"<equality><joint joint1="j0"/></equality>"#, [false; 3]),
            (
                r#"<tendon><fixed><joint joint="j0" coef="1"/><joint joint="j1" coef="1"/></fixed></tendon>"#,
                [true, false, false],
            ),
            (r#"<tendon><spatial><site site="s1"/><site site="s2"/></spatial></tendon>"#, [false, true, false]),
            (r#"<actuator><motor site="s0" refsite="s2"/></actuator>"#, [false, false, true]),
            (r#"<actuator><motor joint="j0"/><motor joint="j1"/></actuator>"#, [false; 3]),
        ] {
            assert_eq!(pairs(&sliders(more, apart)), expected, "{more}");
        }
    }

    #[test]
    fn a_control_and_its_activation_act_on_the_tree_that_they_move() {
        let groups = sliders(
            r#"<actuator><motor joint="j2"/><general joint="j0" dyntype="filter" dynprm="1"/></actuator>"#,
            [0.1; 3],
        );
        let by_control = |control| (0..6).map(|row| groups.control_acts(row, control)).collect::<Vec<_>>();
        assert_eq!(by_control(0), [false, false, true, false, false, true]);
        assert_eq!(by_control(1), [true, false, false, true, false, false]);
        // The activation is entry 6.
        assert!(groups.state_acts(0, 6) && !groups.state_acts(1, 6) && groups.control_acts(6, 1));
        assert!(!groups.control_acts(6, 0));
    }
}
