//! Which inputs take a row or a contact to an edge: where it begins or ceases to push, or its friction to slip.

use mujoco_rs::mujoco_c::mjtConstraint::*;
use nalgebra::{DMatrix, DVector};

use super::{ContactRows, Rows, ULP};
use crate::jacobian::Switches;

impl Rows {
    /// Whether every row pushes or slips as before when the acceleration changes by `change` (nv), however much that is. Elliptic
    /// cones, whose force bends all over their middle zone, must not feel it, unless it is `slight`.
    pub(in crate::jacobian::implicit) fn stay(&self, change: &DVector<f64>, slight: bool) -> bool {
        (0..self.n).all(|row| {
            let terms = || self.row(row).iter().zip(change.iter()).map(|(j, x)| j * x);
            let by: f64 = terms().sum();
            if by.abs() <= 4.0 * ULP * terms().map(f64::abs).sum::<f64>() {
                return true;
            }
            let keeps = |edge: f64| edge * (edge + by) > 0.0;
            let slips = self.loss[row] / self.d[row];
            match self.rows[row].kind {
                mjCNSTR_EQUALITY => true,
                mjCNSTR_CONTACT_ELLIPTIC => slight,
                mjCNSTR_FRICTION_DOF | mjCNSTR_FRICTION_TENDON => {
                    keeps(self.jar[row] - slips) && keeps(self.jar[row] + slips)
                }
                _ => keeps(self.jar[row]),
            }
        })
    }

    /// Looks for rows that begin or cease to push, or whose friction begins or ceases to slip, within `reach` of any
    /// input, and marks these inputs. `changes` are da/dp, and how J a - aref of the contacts that push changes with the
    /// positions at a fixed acceleration; `motion` are the velocity and the acceleration (nv).
    pub(in crate::jacobian::implicit) fn switches(
        &self,
        changes: [&DMatrix<f64>; 2],
        motion: [&[f64]; 2],
        reach: f64,
        found: &mut Switches,
        bent: &mut [bool],
    ) {
        let largest = changes[0].iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let mut contacts = self.contacts.iter().peekable();
        let mut row = 0;
        while row < self.n {
            let contact = contacts.next_if(|t| t.row == row);
            let block = Block::new(self, row, contact, changes, motion);
            let kind = self.rows[row].kind;
            if let Some(contact) = contact.filter(|_| kind == mjCNSTR_CONTACT_ELLIPTIC) {
                let [top, bottom] = block.zones(contact, largest, reach, bent);
                found.contact |= top;
                found.friction |= bottom;
            } else if kind != mjCNSTR_EQUALITY {
                for row in row..row + block.rows {
                    let edge = match kind {
                        mjCNSTR_FRICTION_DOF | mjCNSTR_FRICTION_TENDON => {
                            self.jar[row].abs() - self.loss[row] / self.d[row]
                        }
                        _ => self.jar[row],
                    };
                    let near = block.crosses(row, edge, largest, reach, bent);
                    match kind {
                        mjCNSTR_LIMIT_JOINT | mjCNSTR_LIMIT_TENDON => found.limit |= near,
                        mjCNSTR_CONTACT_FRICTIONLESS => found.contact |= near,
                        _ => found.friction |= near,
                    }
                }
            }
            row += block.rows;
        }
    }
}

/// The constraint rows of one contact, or a row alone, and how J a - aref of them changes.
struct Block<'a> {
    of: &'a Rows,
    row: usize,
    rows: usize,
    /// da/dp, and what the positions change at a fixed acceleration where that is known.
    da: &'a DMatrix<f64>,
    known: Option<&'a DMatrix<f64>>,
    /// By dof, where it is not: the change of the rows' position, and a bound on what the Jacobian's turning changes.
    position: Vec<f64>,
    turning: Vec<f64>,
}

impl<'a> Block<'a> {
    fn new(
        of: &'a Rows,
        row: usize,
        contact: Option<&ContactRows>,
        [da, jar]: [&'a DMatrix<f64>; 2],
        motion: [&[f64]; 2],
    ) -> Self {
        let rows = contact.map_or(1, |t| t.rows);
        let known = contact.filter(|_| of.pushes_within(row, rows)).map(|_| jar);
        let position = match contact {
            // Two edges of a pyramid stand for the normal together.
            Some(t) if of.pyramidal && t.rows > 1 => {
                of.row(row).iter().zip(of.row(row + 1)).map(|(a, b)| 0.5 * (a + b)).collect()
            }
            _ => of.row(row).to_vec(),
        };
        let moves = |c: usize| (row..row + rows).fold(0.0_f64, |m, r| m.max(of.row(r)[c].abs()));
        let mut turning: Vec<f64> = (0..of.nv).map(moves).collect();
        let turns = match of.rows[row].kind {
            mjCNSTR_FRICTION_DOF => false,
            // The limit of a ball turns with it; that of a hinge or slide stays.
            mjCNSTR_LIMIT_JOINT => turning.iter().filter(|j| **j != 0.0).count() > 1,
            _ => true,
        };
        let [velocity, acceleration] = motion.map(|x| {
            x.iter().zip(&turning).filter(|(_, j)| **j != 0.0).fold(0.0_f64, |most, (x, _)| most.max(x.abs()))
        });
        let factor = if turns { of.damping[row] * velocity + acceleration } else { 0.0 };
        turning.iter_mut().for_each(|x| *x *= factor);
        Self { of, row, rows, da, known, position, turning }
    }

    /// How much a unit of input `c` changes a row, and a bound on what is not known of it.
    fn change(&self, row: usize, c: usize) -> (f64, f64) {
        let (of, nv) = (self.of, self.of.nv);
        let j = of.row(row);
        let solved: f64 = j.iter().zip(self.da.column(c).iter()).map(|(j, x)| j * x).sum();
        match (c < nv, self.known) {
            (true, Some(known)) => (solved + known[(row, c)], 0.0),
            (true, None) => (solved + of.push(row) * self.position[c], self.turning[c]),
            (false, _) if c < 2 * nv => (solved + of.damping[row] * j[c - nv], 0.0),
            (false, _) => (solved, 0.0),
        }
    }

    /// An upper bound on the change of a row by a unit of any input; `largest` is that of da.
    fn most(&self, row: usize, largest: f64) -> f64 {
        let of = self.of;
        let most = |x: &[f64]| x.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let total: f64 = of.row(row).iter().map(|x| x.abs()).sum();
        let position = match self.known {
            Some(known) => known.row(row).iter().fold(0.0_f64, |m, x| m.max(x.abs())),
            None => most(&self.position) * of.push(row).abs() + most(&self.turning),
        };
        position + most(of.row(row)) * of.damping[row] + total * largest
    }

    /// Whether a row changes by `distance` within `reach` of an input; marks these.
    fn crosses(&self, row: usize, distance: f64, largest: f64, reach: f64, bent: &mut [bool]) -> bool {
        let within = |change: f64| change > 0.0 && distance.abs() <= 2.0 * reach * change;
        if !within(self.most(row, largest)) {
            return false;
        }
        let mut any = false;
        for (c, bent) in bent.iter_mut().enumerate() {
            let (change, unknown) = self.change(row, c);
            if within(change.abs() + unknown) {
                (any, *bent) = (true, true);
            }
        }
        any
    }

    /// Whether an elliptic cone comes to an edge of its middle zone within `reach` of an input: that of no force, and that of
    /// sticking; marks these inputs. With N the normal and T the length of the tangential part of J a - aref, each times its
    /// friction, the edges are N = mu T and mu N + T = 0. The force is the same on both sides of either, its derivative is
    /// not; along an edge and within the zones nothing bends, so that a box at rest is far from both although its T is 0.
    fn zones(&self, contact: &ContactRows, largest: f64, reach: f64, bent: &mut [bool]) -> [bool; 2] {
        let (of, row, mu) = (self.of, self.row, contact.mu);
        let scale = |i: usize| if i == 0 { mu } else { contact.friction[i - 1] };
        let by_row = |f: &dyn Fn(usize) -> f64| -> [f64; 6] {
            std::array::from_fn(|i| if i < self.rows { scale(i) * f(row + i) } else { 0.0 })
        };
        let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let u = by_row(&|r| of.jar[r]);
        let (normal, tangent) = (u[0], length(&u[1..]));
        let edges = [normal - mu * tangent, mu * normal + tangent];
        let within = |edge: usize, change: f64| change > 0.0 && edges[edge].abs() <= 2.0 * reach * change;
        let most = by_row(&|r| self.most(r, largest));
        let (n, t) = (most[0], length(&most[1..]));
        if !within(0, n + mu * t) && !within(1, mu * n + t) {
            return [false; 2];
        }
        let mut found = [false; 2];
        for (c, bent) in bent.iter_mut().enumerate() {
            let (change, unknown) = (by_row(&|r| self.change(r, c).0), by_row(&|r| self.change(r, c).1));
            // Along the tangential part its length changes in the first order, across it in the second.
            let (dn, across) = (change[0], length(&change[1..]));
            let rest = unknown[0] + (1.0 + mu) * length(&unknown[1..]);
            let (along, bend) = if across * reach < tangent {
                let along: f64 = u[1..].iter().zip(&change[1..]).map(|(u, x)| u * x).sum();
                (along / tangent, reach * across * across / tangent)
            } else {
                (0.0, across)
            };
            for (edge, change) in [dn - mu * along, mu * dn + along].into_iter().enumerate() {
                if within(edge, change.abs() + (1.0 + mu) * bend + rest) {
                    (found[edge], *bent) = (true, true);
                }
            }
        }
        found
    }
}
