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
    /// Whether and how it pushes, as the last constraint stage or solve has left it; None where none has said so since the rows
    /// were made, as after a position stage alone: MuJoCo leaves the memory as it was.
    pub state: Option<mjtConstraintState>,
}

impl ConstraintRow {
    /// A row of MuJoCo's arrays.
    ///
    /// # Panics
    /// If MuJoCo numbers kinds as its headers do not: it writes one for every row that it makes.
    fn of(kind: i32, id: i32, state: i32) -> Self {
        Self {
            kind: Variant::of(kind).expect("a kind of MuJoCo's constraints"),
            id: id as usize,
            state: Variant::of(state).ok(),
        }
    }

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

    /// Whether it has a force, after a constraint stage or a solve.
    pub fn pushes(&self) -> bool {
        self.state.is_some_and(|state| state != mjtConstraintState::mjCNSTRSTATE_SATISFIED)
    }
}

impl Sim {
    /// Constraint rows of the last step or forward pass (nefc), in MuJoCo's order: equalities, friction losses, limits,
    /// contacts.
    pub fn constraint_rows(&self) -> impl ExactSizeIterator<Item = ConstraintRow> + '_ {
        let (kinds, ids, states) = self.constraints();
        kinds.iter().zip(ids).zip(states).map(|((kind, id), state)| ConstraintRow::of(*kind, *id, *state))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::physics::Model;

    #[test]
    fn a_state_that_nobody_has_written_is_none() {
        let row = ConstraintRow::of(6, 3, -858_993_459);
        assert!(row.is_contact() && row.id == 3 && row.state.is_none() && !row.pushes());
    }

    #[test]
    fn rows_have_kinds_after_the_position_stage_and_states_after_the_constraint_stage() {
        let mjcf = r#"<mujoco><worldbody><geom type="plane" size="1 1 1"/>
            <body pos="0 0 .09"><freejoint/><geom size=".1"/></body></worldbody></mujoco>"#;
        let mut sim = Sim::new(&Arc::new(Model::from_text("ball.xml", mjcf).unwrap())).unwrap();
        sim.stage_position().unwrap();
        assert!(sim.constraint_rows().len() > 0 && sim.constraint_rows().all(|row| row.is_contact()));
        sim.forward().unwrap();
        assert!(sim.constraint_rows().all(|row| row.pushes()));
    }
}
