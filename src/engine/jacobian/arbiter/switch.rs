//! What switches between a state and a nudged one, by comparing their constraint rows.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::physics::{ConstraintRow, Sim};

/// What switches between two regimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SwitchKind {
    /// A contact opens or closes, or begins or ends to push.
    Contact,
    /// The point of a contact jumps: to another corner or facet, or because the search for it ends elsewhere.
    Shape,
    /// A limit of a joint or tendon.
    Limit,
    /// Friction: a friction loss, or an edge or zone of a contact's cone.
    Friction,
    /// Neither contacts nor constraints: a force or activation at its range.
    Other,
}

/// The constraints of a state.
#[derive(Debug, Clone)]
pub(super) struct ConstraintStates {
    /// Geoms of the contacts, and where they are.
    pairs: Vec<[i32; 2]>,
    points: Vec<[f64; 3]>,
    /// The rows of dry friction, limits and contacts.
    friction: Vec<ConstraintRow>,
    limits: Vec<ConstraintRow>,
    contacts: Vec<ConstraintRow>,
}

/// A point that moves so many times as far as the input has jumped, m per radian or metre.
const JUMP: f64 = 1e3;

impl ConstraintStates {
    /// Of the last forward pass.
    pub(super) fn of(sim: &Sim) -> Self {
        let (pairs, points) = sim.contacts().map(|c| (c.geom, c.pos)).unzip();
        let rows: Vec<ConstraintRow> = sim.constraint_rows().collect();
        let of = |is: fn(&ConstraintRow) -> bool| -> Vec<ConstraintRow> { rows.iter().copied().filter(is).collect() };
        Self {
            pairs,
            points,
            friction: of(ConstraintRow::is_friction_loss),
            limits: of(ConstraintRow::is_limit),
            contacts: of(ConstraintRow::is_contact),
        }
    }

    /// What is different in a state that is `nudge` away.
    pub(super) fn switch(&self, other: &Self, nudge: f64) -> Option<SwitchKind> {
        if self.pairs != other.pairs || self.pushing() != other.pushing() {
            return Some(SwitchKind::Contact);
        }
        let moved = |(x, y): (&[f64; 3], &[f64; 3])| (0..3).any(|k| (x[k] - y[k]).abs() > JUMP * nudge);
        if self.points.iter().zip(&other.points).any(moved) {
            return Some(SwitchKind::Shape);
        }
        if self.limits != other.limits {
            return Some(SwitchKind::Limit);
        }
        // A friction loss, or rows of a contact that goes on pushing: edges of its pyramid, the zone of its cone.
        (self.friction != other.friction || self.contacts != other.contacts).then_some(SwitchKind::Friction)
    }

    /// Whether a row of each contact that has rows pushes.
    fn pushing(&self) -> BTreeMap<usize, bool> {
        let mut out = BTreeMap::new();
        for row in &self.contacts {
            *out.entry(row.id).or_default() |= row.pushes();
        }
        out
    }
}
