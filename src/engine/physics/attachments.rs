//! Where tendons, actuators and equality constraints of a model take hold.

use std::ops::Range;

use mujoco_rs::mujoco_c::{mjtEq, mjtObj, mjtTrn, mjtWrap};

use super::Model;
use super::elements::{Actuator, Equality, Slices, Tendon};

/// Something that a force acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attachment {
    /// A joint, by its number.
    Joint(usize),
    /// A body, by its number.
    Body(usize),
}

/// A model, asked for what its elements are attached to.
pub(super) struct Attachments<'a> {
    m: Slices<'a>,
    tendons: Vec<Tendon<'a>>,
    equalities: Vec<Equality<'a>>,
    actuators: Vec<Actuator<'a>>,
}

/// A body whose number may be -1.
fn body(id: i32) -> Option<Attachment> {
    usize::try_from(id).ok().map(Attachment::Body)
}

/// The body of an object whose number may be -1.
fn body_of(bodies: &[i32], id: i32) -> Option<Attachment> {
    body(*bodies.get(usize::try_from(id).ok()?)?)
}

impl<'a> Attachments<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        Self {
            m: Slices(model.raw()),
            tendons: model.tendons().collect(),
            equalities: model.equalities().collect(),
            actuators: model.actuators().collect(),
        }
    }

    /// The body of something.
    pub(super) fn body(&self, attachment: Attachment) -> Option<usize> {
        match attachment {
            Attachment::Joint(joint) => usize::try_from(*self.m.jnt_bodyid().get(joint)?).ok(),
            Attachment::Body(body) => Some(body),
        }
    }

    /// The body of a geom.
    pub(super) fn geom(&self, id: i32) -> Option<Attachment> {
        body_of(self.m.geom_bodyid(), id)
    }

    fn joint(&self, id: i32) -> Option<Attachment> {
        usize::try_from(id).ok().filter(|id| *id < self.m.jnt_bodyid().len()).map(Attachment::Joint)
    }

    fn site(&self, id: i32) -> Option<Attachment> {
        body_of(self.m.site_bodyid(), id)
    }

    /// What a tendon runs over; its number may be -1.
    pub(super) fn tendon(&self, id: i32) -> impl Iterator<Item = Attachment> + '_ {
        let tendon = usize::try_from(id).ok().and_then(|id| self.tendons.get(id));
        tendon.into_iter().flat_map(Tendon::path).filter_map(|point| match point.kind {
            Ok(mjtWrap::mjWRAP_JOINT) => self.joint(point.object),
            Ok(mjtWrap::mjWRAP_SITE) => self.site(point.object),
            Ok(mjtWrap::mjWRAP_SPHERE | mjtWrap::mjWRAP_CYLINDER) => self.geom(point.object),
            Ok(mjtWrap::mjWRAP_PULLEY | mjtWrap::mjWRAP_NONE) | Err(_) => None,
        })
    }

    /// Number of equality constraints.
    pub(super) fn equalities(&self) -> usize {
        self.equalities.len()
    }

    /// What an equality constraint joins; None where that is not known.
    pub(super) fn equality(&self, equality: usize) -> Option<Vec<Attachment>> {
        use mjtEq::*;
        let Equality { kind, object_kind, objects, .. } = self.equalities[equality];
        match (kind, object_kind) {
            (Ok(mjEQ_CONNECT | mjEQ_WELD), Ok(mjtObj::mjOBJ_SITE)) => {
                Some(objects.into_iter().filter_map(|id| self.site(id)).collect())
            }
            (Ok(mjEQ_CONNECT | mjEQ_WELD), Ok(mjtObj::mjOBJ_BODY)) => {
                Some(objects.into_iter().filter_map(body).collect())
            }
            (Ok(mjEQ_JOINT), _) => Some(objects.into_iter().filter_map(|id| self.joint(id)).collect()),
            (Ok(mjEQ_TENDON), _) => Some(objects.into_iter().flat_map(|id| self.tendon(id)).collect()),
            (Ok(mjEQ_CONNECT | mjEQ_WELD), _) => None,
            (Ok(mjEQ_FLEX | mjEQ_FLEXVERT | mjEQ_FLEXSTRAIN | mjEQ_DISTANCE) | Err(_), _) => None,
        }
    }

    /// Number of actuators.
    pub(super) fn actuators(&self) -> usize {
        self.actuators.len()
    }

    /// What an actuator senses or moves, its transmission; None where that is not known. What a body's adhesion moves
    /// besides is joined by its contacts.
    pub(super) fn transmission(&self, actuator: usize) -> Option<Vec<Attachment>> {
        use mjtTrn::*;
        let Actuator { transmission, targets, .. } = &self.actuators[actuator];
        match transmission {
            Ok(mjTRN_JOINT | mjTRN_JOINTINPARENT) => Some(self.joint(targets[0]).into_iter().collect()),
            Ok(mjTRN_TENDON) => Some(self.tendon(targets[0]).collect()),
            Ok(mjTRN_SITE | mjTRN_SLIDERCRANK) => Some(targets.iter().filter_map(|id| self.site(*id)).collect()),
            Ok(mjTRN_BODY) => Some(body(targets[0]).into_iter().collect()),
            Ok(mjTRN_SO3 | mjTRN_UNDEFINED) | Err(_) => None,
        }
    }

    /// An actuator's activations and controls.
    pub(super) fn inputs(&self, actuator: usize) -> (Range<usize>, Range<usize>) {
        let Actuator { activations, controls, .. } = &self.actuators[actuator];
        (activations.clone(), controls.clone())
    }
}
