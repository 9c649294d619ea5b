//! Constraint rows of a state.

use mujoco_rs::mujoco_c::{mjtConstraint, mjtConstraintState};

use super::Variant;
use crate::physics::Sim;

/// A row of the constraint Jacobian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConstraintRow {
    /// What makes it.
    pub kind: mjtConstraint,
    /// The number of the equality, dof, joint, tendon or contact that makes it.
    pub id: usize,
    /// Whether and how it pushes.
    pub state: mjtConstraintState,
}

impl ConstraintRow {
    /// Whether a contact makes it.
    pub fn is_contact(&self) -> bool {
        use mjtConstraint::*;
        match self.kind {
            mjCNSTR_CONTACT_FRICTIONLESS | mjCNSTR_CONTACT_PYRAMIDAL | mjCNSTR_CONTACT_ELLIPTIC => true,
            mjCNSTR_EQUALITY
            | mjCNSTR_FRICTION_DOF
            | mjCNSTR_FRICTION_TENDON
            | mjCNSTR_LIMIT_JOINT
            | mjCNSTR_LIMIT_TENDON => false,
        }
    }

    /// Whether the limit of a joint or tendon makes it.
    pub fn is_limit(&self) -> bool {
        matches!(self.kind, mjtConstraint::mjCNSTR_LIMIT_JOINT | mjtConstraint::mjCNSTR_LIMIT_TENDON)
    }

    /// Whether the dry friction of a dof or tendon makes it.
    pub fn is_friction_loss(&self) -> bool {
        matches!(self.kind, mjtConstraint::mjCNSTR_FRICTION_DOF | mjtConstraint::mjCNSTR_FRICTION_TENDON)
    }

    /// Whether it has a force.
    pub fn pushes(&self) -> bool {
        self.state != mjtConstraintState::mjCNSTRSTATE_SATISFIED
    }
}

impl Sim {
    /// Constraint rows of the last step or forward pass (nefc), in MuJoCo's order: equalities, friction losses, limits,
    /// contacts.
    ///
    /// # Panics
    /// If MuJoCo numbers a kind or state as its headers do not.
    pub fn constraint_rows(&self) -> impl ExactSizeIterator<Item = ConstraintRow> + '_ {
        let (kinds, ids, states) = self.constraints();
        kinds.iter().zip(ids).zip(states).map(|((kind, id), state)| ConstraintRow {
            kind: Variant::of(*kind).expect("a kind of MuJoCo's constraints"),
            id: *id as usize,
            state: Variant::of(*state).expect("a state of MuJoCo's constraints"),
        })
    }
}
