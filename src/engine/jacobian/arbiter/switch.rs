//! What switches between a state and a nudged one, by comparing their constraint rows.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::physics::Sim;

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
pub(super) struct Regime {
    /// Geoms of the contacts, and where they are.
    pairs: Vec<[i32; 2]>,
    points: Vec<[f64; 3]>,
    /// States of the rows by type and id.
    rows: BTreeMap<(i32, i32), Vec<i32>>,
}

/// Numbers of mjtConstraint and mjtConstraintState.
const FRICTION_DOF: i32 = 1;
const LIMIT_JOINT: i32 = 3;
const FIRST_CONTACT: i32 = 5;
const SATISFIED: i32 = 0;

/// A point that moves so many times as far as the input has jumped, m per radian or metre.
const JUMP: f64 = 1e3;

impl Regime {
    /// Of the last forward pass.
    pub(super) fn of(sim: &Sim) -> Self {
        let (pairs, points) = sim.contacts().map(|c| (c.geom, c.pos)).unzip();
        let mut rows = BTreeMap::<_, Vec<i32>>::new();
        let (kinds, ids, states) = sim.constraints();
        for ((kind, id), state) in kinds.iter().zip(ids).zip(states) {
            rows.entry((*kind, *id)).or_default().push(*state);
        }
        Self { pairs, points, rows }
    }

    /// What is different in a state that is `nudge` away.
    pub(super) fn switch(&self, other: &Self, nudge: f64) -> Option<SwitchKind> {
        let contacts = |r: &Self| -> Vec<_> {
            r.rows.iter().filter(|((kind, _), _)| *kind >= FIRST_CONTACT).map(|(key, s)| (*key, pushes(s))).collect()
        };
        let rows = |first: i32, end: i32| {
            let range = (first, i32::MIN)..(end, i32::MIN);
            !self.rows.range(range.clone()).eq(other.rows.range(range))
        };
        if self.pairs != other.pairs || contacts(self) != contacts(other) {
            return Some(SwitchKind::Contact);
        }
        let moved = |(x, y): (&[f64; 3], &[f64; 3])| (0..3).any(|k| (x[k] - y[k]).abs() > JUMP * nudge);
        if self.points.iter().zip(&other.points).any(moved) {
            return Some(SwitchKind::Shape);
        }
        if rows(LIMIT_JOINT, FIRST_CONTACT) {
            return Some(SwitchKind::Limit);
        }
        // A friction loss, or rows of a contact that goes on pushing: edges of its pyramid, the zone of its cone.
        (rows(FRICTION_DOF, LIMIT_JOINT) || rows(FIRST_CONTACT, i32::MAX)).then_some(SwitchKind::Friction)
    }
}

fn pushes(states: &[i32]) -> bool {
    states.iter().any(|s| *s != SATISFIED)
}
