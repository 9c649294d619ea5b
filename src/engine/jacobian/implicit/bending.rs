//! Constraint rows whose Jacobians change with the configuration, but for contacts: limits and friction of tendons in space, and
//! equalities. Welds and connects have a file of their own ([`super::weld`]).
//!
//! With h_jk = dJ_j / dq_k of a row of force f, which pushes back with D (J a - aref), aref = -b J v - k imp pos, the columns of the
//! positions gain
//!
//! ```text
//! f h_jk - D J_j sum_i h_ik (a_i + b v_i).
//! ```
//!
//! A tendon's row has +-J of the tendon. An equality of x1 and a polynomial p of x2 (joints or tendons, from where they are in
//! `qpos0`) has J1 - p' J2, so that h = h1 - p' h2 - p'' J2 J2'.

use mujoco_rs::mujoco_c::mjtConstraint::*;
use mujoco_rs::mujoco_c::mjtEq;

use super::motion::ULP;
use super::tendon::{Arm, Tendons};
use super::tree::Tree;
use super::weld::Weld;
use crate::physics::{ConstraintRow, Model, Sim};

/// One of the two sides of an equality: a joint or a tendon, and its value in `qpos0`.
#[derive(Debug, Clone, Copy)]
enum Side {
    Joint { dof: usize, qpos: usize, rest: f64 },
    Tendon { id: usize, rest: f64 },
}

/// An equality of joints or tendons.
#[derive(Debug)]
struct Coupling {
    sides: [Option<Side>; 2],
    polynomial: [f64; 5],
}

/// What bends the rows of a model.
#[derive(Debug)]
pub(super) struct Bending {
    couplings: Vec<Option<Coupling>>,
    welds: Vec<Option<Weld>>,
}

/// An entry of dJ/dq: the row's dof, the position's, and the value with a bound on its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bend {
    pub(super) at: (usize, usize),
    pub(super) x: f64,
    pub(super) error: f64,
}

impl Bending {
    pub(super) fn new(model: &Model, tree: &Tree) -> Self {
        let couplings = model.equalities().map(|equality| {
            let side = |object: i32| {
                let id = usize::try_from(object).ok()?;
                match equality.kind {
                    Ok(mjtEq::mjEQ_JOINT) => {
                        let joint = model.joints().nth(id)?;
                        Some(Side::Joint { dof: joint.dof, qpos: joint.qpos, rest: model.qpos0()[joint.qpos] })
                    }
                    Ok(mjtEq::mjEQ_TENDON) => Some(Side::Tendon { id, rest: model.tendons().nth(id)?.length0 }),
                    _ => None,
                }
            };
            let sides = equality.objects.map(side);
            let polynomial = std::array::from_fn(|i| equality.data[i]);
            sides[0].is_some().then_some(Coupling { sides, polynomial })
        });
        let welds = (0..model.equalities().len()).map(|id| Weld::new(model, tree, id));
        Self { couplings: couplings.collect(), welds: welds.collect() }
    }

    /// Whether an equality's rows have derivatives in closed form.
    pub(super) fn covers(&self, equality: usize) -> bool {
        self.couplings[equality].is_some() || self.welds[equality].is_some()
    }

    /// Whether the tendons that a row is of have derivatives in closed form now.
    pub(super) fn is_closed(&self, row: &ConstraintRow, tendons: &Tendons) -> bool {
        let closed = |id: usize| tendons.all[id].closed;
        match row.kind {
            mjCNSTR_LIMIT_TENDON | mjCNSTR_FRICTION_TENDON => closed(row.id),
            mjCNSTR_EQUALITY => self.couplings[row.id].as_ref().is_none_or(|coupling| {
                let side = |side: &Option<Side>| !matches!(side, Some(Side::Tendon { id, .. }) if !closed(*id));
                coupling.sides.iter().all(side)
            }),
            mjCNSTR_FRICTION_DOF
            | mjCNSTR_LIMIT_JOINT
            | mjCNSTR_CONTACT_FRICTIONLESS
            | mjCNSTR_CONTACT_PYRAMIDAL
            | mjCNSTR_CONTACT_ELLIPTIC => true,
        }
    }

    /// Whether there are welds or connects.
    pub(super) fn has_welds(&self) -> bool {
        self.welds.iter().any(Option::is_some)
    }

    /// The weld or connect that a row is of.
    pub(super) fn weld(&self, row: &ConstraintRow) -> Option<&Weld> {
        let id = (row.kind == mjCNSTR_EQUALITY).then_some(row.id)?;
        self.welds.get(id)?.as_ref()
    }

    /// dJ/dq of a row, whose J is `jacobian` (nv), into `out`; nothing of one that does not bend.
    pub(super) fn of_row(
        &self,
        row: &ConstraintRow,
        jacobian: &[f64],
        (sim, tendons): (&Sim, &Tendons),
        out: &mut Vec<Bend>,
    ) {
        out.clear();
        match row.kind {
            mjCNSTR_LIMIT_TENDON | mjCNSTR_FRICTION_TENDON => {
                add_tendon(tendons, row.id, sign(tendons, row.id, jacobian), out);
            }
            mjCNSTR_EQUALITY => {
                if let Some(coupling) = self.couplings.get(row.id).and_then(Option::as_ref) {
                    coupling.add((sim, tendons), out);
                }
            }
            mjCNSTR_FRICTION_DOF
            | mjCNSTR_LIMIT_JOINT
            | mjCNSTR_CONTACT_FRICTIONLESS
            | mjCNSTR_CONTACT_PYRAMIDAL
            | mjCNSTR_CONTACT_ELLIPTIC => {}
        }
    }

    /// The arms of tendons in space that a row's J consists of, each times its share.
    pub(super) fn arms_of<'a>(
        &self,
        row: &ConstraintRow,
        (sim, tendons): (&Sim, &'a Tendons),
    ) -> impl Iterator<Item = (f64, &'a Arm)> {
        let shares = match row.kind {
            mjCNSTR_LIMIT_TENDON | mjCNSTR_FRICTION_TENDON => [Some((row.id, 1.0)), None],
            mjCNSTR_EQUALITY => {
                let coupling = self.couplings.get(row.id).and_then(Option::as_ref);
                coupling.map_or([None; 2], |c| {
                    let [_, slope, _] = c.at(sim);
                    let share = |i: usize, x: f64| match c.sides[i] {
                        Some(Side::Tendon { id, .. }) => Some((id, x)),
                        _ => None,
                    };
                    [share(0, 1.0), share(1, -slope)]
                })
            }
            _ => [None; 2],
        };
        let bent = shares.into_iter().flatten().map(|(id, share)| (&tendons.all[id], share));
        bent.filter(|(tendon, _)| tendon.bends())
            .flat_map(|(tendon, share)| tendon.arms.iter().map(move |arm| (share, arm)))
    }
}

/// Which way a row has a tendon's arms.
fn sign(tendons: &Tendons, id: usize, jacobian: &[f64]) -> f64 {
    let along: f64 = tendons.all[id].arms.iter().map(|arm| arm.x * jacobian[arm.dof]).sum();
    if along < 0.0 { -1.0 } else { 1.0 }
}

fn add_tendon(tendons: &Tendons, id: usize, share: f64, out: &mut Vec<Bend>) {
    let bends = tendons.all[id].entries();
    out.extend(bends.map(|bend| Bend {
        x: share * bend.x,
        error: share.abs() * (bend.error + ULP * bend.x.abs()),
        ..bend
    }));
}

impl Coupling {
    /// x2, from where it is in `qpos0`, p' and p''.
    fn at(&self, sim: &Sim) -> [f64; 3] {
        let x = match self.sides[1] {
            Some(Side::Joint { qpos, rest, .. }) => sim.qpos()[qpos] - rest,
            Some(Side::Tendon { id, rest }) => sim.ten_length()[id] - rest,
            None => return [0.0; 3],
        };
        let [_, p1, p2, p3, p4] = self.polynomial;
        [x, p1 + x * (2.0 * p2 + x * (3.0 * p3 + x * 4.0 * p4)), 2.0 * p2 + x * (6.0 * p3 + x * 12.0 * p4)]
    }

    fn add(&self, (sim, tendons): (&Sim, &Tendons), out: &mut Vec<Bend>) {
        let [x, slope, bend] = self.at(sim);
        if let Some(Side::Tendon { id, .. }) = self.sides[0] {
            add_tendon(tendons, id, 1.0, out);
        }
        let [_, _, p2, p3, p4] = self.polynomial.map(f64::abs);
        let error = 4.0 * ULP * (2.0 * p2 + x.abs() * (6.0 * p3 + x.abs() * 12.0 * p4));
        let mut square = |r: &Arm, c: &Arm| {
            let both = r.x * c.x;
            let arms = bend.abs() * (r.error * c.x.abs() + r.x.abs() * c.error);
            out.push(Bend { at: (r.dof, c.dof), x: -bend * both, error: error * both.abs() + arms });
        };
        match self.sides[1] {
            None => {}
            Some(_) if bend == 0.0 && error == 0.0 && !self.second_bends(tendons) => {}
            Some(Side::Joint { dof, .. }) => {
                let arm = Arm { dof, x: 1.0, error: 0.0 };
                square(&arm, &arm);
            }
            Some(Side::Tendon { id, .. }) => {
                let arms = &tendons.all[id].arms;
                arms.iter().for_each(|r| arms.iter().for_each(|c| square(r, c)));
                add_tendon(tendons, id, -slope, out);
            }
        }
    }

    fn second_bends(&self, tendons: &Tendons) -> bool {
        matches!(self.sides[1], Some(Side::Tendon { id, .. }) if tendons.all[id].bends())
    }
}
