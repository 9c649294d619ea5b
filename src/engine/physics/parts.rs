//! Where tendons, actuators and equality constraints of a model take hold.

use std::ops::Range;

use mujoco_rs::mujoco_c::{mjModel, mjtEq, mjtObj, mjtTrn, mjtWrap};

use super::sim::view;

/// Something that a force acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// A joint, by its number.
    Joint(usize),
    /// A body, by its number.
    Body(usize),
}

/// Arrays of a model that say what is joined, each with one entry per object.
pub(super) struct Parts<'a> {
    m: &'a mjModel,
    jnt_bodyid: &'a [i32],
    geom_bodyid: &'a [i32],
    site_bodyid: &'a [i32],
    tendon_adr: &'a [i32],
    tendon_num: &'a [i32],
    wrap_type: &'a [i32],
    wrap_objid: &'a [i32],
}

/// A body whose number may be -1.
fn body(id: i32) -> Option<Hold> {
    usize::try_from(id).ok().map(Hold::Body)
}

/// The body of an object whose number may be -1.
fn body_of(bodies: &[i32], id: i32) -> Option<Hold> {
    body(*bodies.get(usize::try_from(id).ok()?)?)
}

impl<'a> Parts<'a> {
    pub(super) fn new(m: &'a mjModel) -> Self {
        // SAFETY: the arrays have these lengths (mjmodel.h) and live as long as the model; an enum there is an int.
        unsafe {
            Self {
                m,
                jnt_bodyid: view(m.jnt_bodyid, m.njnt as usize),
                geom_bodyid: view(m.geom_bodyid, m.ngeom as usize),
                site_bodyid: view(m.site_bodyid, m.nsite as usize),
                tendon_adr: view(m.tendon_adr, m.ntendon as usize),
                tendon_num: view(m.tendon_num, m.ntendon as usize),
                wrap_type: view(m.wrap_type.cast(), m.nwrap as usize),
                wrap_objid: view(m.wrap_objid, m.nwrap as usize),
            }
        }
    }

    /// The body of something.
    pub(super) fn body(&self, hold: Hold) -> Option<usize> {
        match hold {
            Hold::Joint(joint) => usize::try_from(*self.jnt_bodyid.get(joint)?).ok(),
            Hold::Body(body) => Some(body),
        }
    }

    /// The body of a geom.
    pub(super) fn geom(&self, id: i32) -> Option<Hold> {
        body_of(self.geom_bodyid, id)
    }

    fn joint(&self, id: i32) -> Option<Hold> {
        usize::try_from(id).ok().filter(|id| *id < self.jnt_bodyid.len()).map(Hold::Joint)
    }

    fn site(&self, id: i32) -> Option<Hold> {
        body_of(self.site_bodyid, id)
    }

    /// What a tendon runs over; its number may be -1.
    pub(super) fn tendon(&self, id: i32) -> impl Iterator<Item = Hold> + '_ {
        let id = usize::try_from(id).ok().filter(|id| *id < self.tendon_adr.len());
        let wraps = id.map_or(0..0, |id| {
            let first = self.tendon_adr[id] as usize;
            first..first + self.tendon_num[id] as usize
        });
        wraps.filter_map(|wrap| {
            let id = self.wrap_objid[wrap];
            match self.wrap_type[wrap] {
                w if w == mjtWrap::mjWRAP_JOINT as i32 => self.joint(id),
                w if w == mjtWrap::mjWRAP_SITE as i32 => self.site(id),
                w if w == mjtWrap::mjWRAP_SPHERE as i32 || w == mjtWrap::mjWRAP_CYLINDER as i32 => self.geom(id),
                _ => None,
            }
        })
    }

    /// What an equality constraint joins; None where that is not known.
    pub(super) fn equality(&self, equality: usize) -> Option<Vec<Hold>> {
        // SAFETY: all four arrays have neq entries.
        let (kind, ids, of) = unsafe {
            let m = self.m;
            let ids = [*m.eq_obj1id.add(equality), *m.eq_obj2id.add(equality)];
            (*m.eq_type.cast::<i32>().add(equality), ids, *m.eq_objtype.cast::<i32>().add(equality))
        };
        let all = |hold: &dyn Fn(i32) -> Option<Hold>| Some(ids.into_iter().filter_map(hold).collect());
        match kind {
            k if k == mjtEq::mjEQ_CONNECT as i32 || k == mjtEq::mjEQ_WELD as i32 => match of {
                o if o == mjtObj::mjOBJ_SITE as i32 => all(&|id| self.site(id)),
                o if o == mjtObj::mjOBJ_BODY as i32 => all(&body),
                _ => None,
            },
            k if k == mjtEq::mjEQ_JOINT as i32 => all(&|id| self.joint(id)),
            k if k == mjtEq::mjEQ_TENDON as i32 => Some(ids.into_iter().flat_map(|id| self.tendon(id)).collect()),
            _ => None,
        }
    }

    /// What an actuator senses or moves; None where that is not known. What a body's adhesion moves besides is joined by
    /// its contacts.
    pub(super) fn actuator(&self, actuator: usize) -> Option<Vec<Hold>> {
        // SAFETY: trntype has one entry per actuator, trnid two.
        let (kind, ids) = unsafe {
            (
                *self.m.actuator_trntype.cast::<i32>().add(actuator),
                *self.m.actuator_trnid.cast::<[i32; 2]>().add(actuator),
            )
        };
        let is = |t: mjtTrn| kind == t as i32;
        if is(mjtTrn::mjTRN_JOINT) || is(mjtTrn::mjTRN_JOINTINPARENT) {
            Some(self.joint(ids[0]).into_iter().collect())
        } else if is(mjtTrn::mjTRN_TENDON) {
            Some(self.tendon(ids[0]).collect())
        } else if is(mjtTrn::mjTRN_SITE) || is(mjtTrn::mjTRN_SLIDERCRANK) {
            Some(ids.into_iter().filter_map(|id| self.site(id)).collect())
        } else if is(mjtTrn::mjTRN_BODY) {
            Some(body(ids[0]).into_iter().collect())
        } else {
            None
        }
    }

    /// An actuator's activations and controls.
    pub(super) fn inputs(&self, actuator: usize) -> (Range<usize>, Range<usize>) {
        let range = |first: i32, n: i32| match usize::try_from(first) {
            Ok(first) => first..first + n.max(0) as usize,
            Err(_) => 0..0,
        };
        let m = self.m;
        // SAFETY: all four arrays have one entry per actuator; an address is -1 where there are none.
        unsafe {
            (
                range(*m.actuator_actadr.add(actuator), *m.actuator_actnum.add(actuator)),
                range(*m.actuator_ctrladr.add(actuator), *m.actuator_ctrlnum.add(actuator)),
            )
        }
    }
}
