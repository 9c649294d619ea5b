//! Torques, energy, and how actions change.

use serde::{Deserialize, Serialize};

use super::super::super::offset::norm;
use super::{Now, Resolve, Term, TermKind, boxed};

/// Which differences of actions count.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ActionRate {
    /// |a - a1|^2.
    First,
    /// |a - a1|^2 + |a - 2 a1 + a2|^2.
    Second,
    /// |a1 - a2|^2 + |a1 - 2 a2 + a|^2, as Playground's H1JoystickGaitTracking has it.
    Shifted,
}

pub(super) fn resolve(kind: &TermKind, with: &Resolve<'_, '_>) -> Option<Result<Box<dyn Term>, String>> {
    Some(match kind {
        TermKind::Torques { norm, generalized } => Ok(boxed(Torques { norm: *norm, generalized: *generalized })),
        TermKind::Energy {} => with.actuated().map(|()| boxed(Energy)),
        TermKind::ActionRate { order } => Ok(boxed(*order)),
        TermKind::IdleAction { below } => with.commanded().map(|()| boxed(IdleAction(*below))),
        TermKind::Accelerations {} => Ok(boxed(Accelerations)),
        TermKind::Speeds { above } => Ok(boxed(Speeds(*above))),
        TermKind::Alive {} => Ok(boxed(Alive)),
        TermKind::Ends { before } => Ok(boxed(Ends(*before))),
        _ => return None,
    })
}

fn squared(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|x| x * x).sum()
}

#[derive(Debug)]
struct Torques {
    norm: bool,
    generalized: bool,
}

impl Term for Torques {
    fn of(&self, now: &Now<'_>) -> f64 {
        let sim = now.taken.sim;
        let u = if self.generalized { sim.qfrc_actuator() } else { sim.actuator_force() };
        let sum: f64 = u.iter().map(|u| u.abs()).sum();
        if self.norm { norm(u) + sum } else { sum }
    }
}

#[derive(Debug)]
struct Energy;

impl Term for Energy {
    fn of(&self, now: &Now<'_>) -> f64 {
        let sim = now.taken.sim;
        now.joints.velocities(sim).iter().zip(sim.actuator_force()).map(|(v, u)| v.abs() * u.abs()).sum()
    }
}

impl Term for ActionRate {
    fn of(&self, now: &Now<'_>) -> f64 {
        let (a, [a1, a2]) = (now.taken.action, &now.memory.last);
        let all = || a.iter().zip(a1).zip(a2).map(|((a, a1), a2)| (*a, *a1, *a2));
        match self {
            Self::First => squared(all().map(|(a, a1, _)| a - a1)),
            Self::Second => {
                squared(all().map(|(a, a1, _)| a - a1)) + squared(all().map(|(a, a1, a2)| a - 2.0 * a1 + a2))
            }
            Self::Shifted => {
                squared(all().map(|(_, a1, a2)| a1 - a2)) + squared(all().map(|(a, a1, a2)| a1 - 2.0 * a2 + a))
            }
        }
    }
}

#[derive(Debug)]
struct IdleAction(f64);

impl Term for IdleAction {
    fn of(&self, now: &Now<'_>) -> f64 {
        if norm(&now.command()) < self.0 { squared(now.taken.action.iter().copied()) } else { 0.0 }
    }
}

#[derive(Debug)]
struct Accelerations;

impl Term for Accelerations {
    fn of(&self, now: &Now<'_>) -> f64 {
        squared(now.joints.accelerations(now.taken.sim).iter().copied())
    }
}

#[derive(Debug)]
struct Speeds(f64);

impl Term for Speeds {
    fn of(&self, now: &Now<'_>) -> f64 {
        squared(now.joints.velocities(now.taken.sim).iter().map(|v| (v.abs() - self.0).max(0.0)))
    }
}

#[derive(Debug)]
struct Alive;

impl Term for Alive {
    fn of(&self, _now: &Now<'_>) -> f64 {
        1.0
    }
}

#[derive(Debug)]
struct Ends(Option<i64>);

impl Term for Ends {
    fn of(&self, now: &Now<'_>) -> f64 {
        f64::from(now.taken.over && self.0.is_none_or(|before| now.memory.count < before))
    }
}
