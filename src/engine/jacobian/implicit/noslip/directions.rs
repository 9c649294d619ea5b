//! The directions of friction of a state, and how their forces change before they are swept.

use mujoco_rs::mujoco_c::mjtConstraint::*;
use nalgebra::{DMatrix, DVector};

use super::super::bending::Bend;
use super::super::contact::{Shift, bends};
use super::super::motion::ULP;
use super::{Scene, Slope};
use crate::physics::{ContactDetail, GeomShape};

/// A direction of friction.
#[derive(Debug)]
pub(super) struct Direction {
    /// r (nv), and how it changes with the positions.
    pub(super) jacobian: Vec<f64>,
    pub(super) bends: Vec<Bend>,
    /// r a* - aref and the force f*, and how they change.
    pub(super) residual: f64,
    pub(super) residual_change: Slope,
    pub(super) force: f64,
    pub(super) force_change: Slope,
}

/// What holds the forces of directions that are solved for together.
#[derive(Debug)]
pub(super) enum Hold {
    /// One, within a bound to both sides. `undone` where MuJoCo takes back what gains nothing.
    Bound { bound: f64, change: Slope, undone: bool },
    /// Those of a contact, within its ellipse: the normal force.
    Ellipse { normal: f64, change: Slope, friction: [f64; 5] },
}

/// Directions that are solved for together, from `first` on.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) first: usize,
    pub(super) n: usize,
    pub(super) hold: Hold,
}

/// All friction that can change, in the order of MuJoCo's sweeps.
#[derive(Debug, Default)]
pub(super) struct Friction {
    pub(super) directions: Vec<Direction>,
    pub(super) blocks: Vec<Block>,
}

/// The solver's acceleration, and its derivative with bounds.
type Solved<'a> = (&'a DVector<f64>, &'a DMatrix<f64>, &'a DMatrix<f64>);

impl Friction {
    /// None where a friction's Jacobian has no derivative in closed form here, or where two geoms touch more than once in an order that
    /// may change: sweeps in another order come to something else, however the geometry changes.
    pub(super) fn of(scene: &Scene<'_>, solved: Solved<'_>) -> Option<Self> {
        let mut out = Self::default();
        for row in 0..scene.rows.n {
            if matches!(scene.rows.of(row).kind, mjCNSTR_FRICTION_DOF | mjCNSTR_FRICTION_TENDON) {
                if !scene.bending.is_closed(scene.rows.of(row), scene.tendons) {
                    return None;
                }
                out.add_loss(scene, row, solved);
            }
        }
        let pushes = |c: &ContactDetail| {
            let n = if scene.rows.pyramidal { 2 * (c.dim - 1) } else { c.dim };
            c.dim > 1 && c.row.is_some_and(|row| scene.rows.pushes_within(row, n))
        };
        let mut touching: Vec<_> = scene.contacts.details.iter().enumerate().filter(|(_, c)| pushes(c)).collect();
        touching.sort_unstable_by_key(|(_, contact)| contact.row);
        let ordered = |geoms: [usize; 2]| {
            let shapes = geoms.map(|geom| scene.sim.model().shape(geom));
            matches!(shapes, [GeomShape::Plane, GeomShape::Box { .. } | GeomShape::Capsule { .. }])
        };
        if touching.windows(2).any(|pair| pair[0].1.geoms == pair[1].1.geoms && !ordered(pair[0].1.geoms)) {
            return None;
        }
        for contact in touching {
            out.add_contact(scene, contact, solved);
        }
        Some(out)
    }

    /// The friction loss of a dof or a tendon.
    fn add_loss(&mut self, scene: &Scene<'_>, row: usize, (a, da, noise): Solved<'_>) {
        let rows = scene.rows;
        let jacobian = rows.row(row).to_vec();
        let mut bends = Vec::new();
        scene.bending.of_row(rows.of(row), &jacobian, (scene.sim, scene.tendons), &mut bends);
        let mut change = along(&jacobian, (da, noise));
        by_velocity(&jacobian, rows.damping[row], &mut change);
        for bend in &bends {
            let rate = a[bend.at.0] + rows.damping[row] * scene.sim.qvel()[bend.at.0];
            change.x[bend.at.1] += bend.x * rate;
            change.error[bend.at.1] += (bend.error + 4.0 * ULP * bend.x.abs()) * rate.abs();
        }
        let mut force_change = Slope::zero(da.ncols());
        for (c, x) in change.x.iter().enumerate() {
            let mut weighed = [0.0];
            rows.weigh(row, &[*x], &mut weighed);
            force_change.x[c] = -weighed[0];
            force_change.error[c] = rows.mass(row) * change.error[c] + 2.0 * ULP * weighed[0].abs();
        }
        let hold = Hold::Bound { bound: rows.friction_loss(row), change: Slope::zero(da.ncols()), undone: false };
        self.blocks.push(Block { first: self.directions.len(), n: 1, hold });
        self.directions.push(Direction {
            jacobian,
            bends,
            residual: rows.jar[row],
            residual_change: change,
            force: rows.force[row],
            force_change,
        });
    }

    /// The friction of a contact that pushes.
    fn add_contact(&mut self, scene: &Scene<'_>, (at, contact): (usize, &ContactDetail), (_, da, noise): Solved<'_>) {
        let (Some(row), rows, dim) = (contact.row, scene.rows, contact.dim) else { return };
        let shifts: Vec<&Shift> = scene.shifts.iter().filter(|shift| shift.contact == at).collect();
        let n = if rows.pyramidal { 2 * (dim - 1) } else { dim };
        let (residuals, forces) = changes(scene, (row, n), &shifts, (da, noise));
        let half_sum = |one: &Slope, other: &Slope, sign: f64| {
            let mut out = one.scaled(0.5);
            out.add(0.5 * sign, 0.0, other);
            out
        };
        let first = self.directions.len();
        for i in 1..dim {
            let (up, down) = if rows.pyramidal { (2 * (i - 1), 2 * (i - 1) + 1) } else { (i, i) };
            let bends = bends((scene.tree, scene.sim, scene.motion), contact, i, &shifts);
            let direction = if rows.pyramidal {
                let mut residual_change = residuals[up].clone();
                residual_change.add(-1.0, 0.0, &residuals[down]);
                let share = 2.0 * contact.friction[i - 1];
                let scaled = |bend: &Bend| Bend { x: share * bend.x, error: share * bend.error, ..*bend };
                let edges = rows.row(row + up).iter().zip(rows.row(row + down));
                Direction {
                    jacobian: edges.map(|(up, down)| up - down).collect(),
                    bends: bends.iter().map(scaled).collect(),
                    residual: rows.jar[row + up] - rows.jar[row + down],
                    residual_change,
                    force: 0.5 * (rows.force[row + up] - rows.force[row + down]),
                    force_change: half_sum(&forces[up], &forces[down], -1.0),
                }
            } else {
                Direction {
                    jacobian: rows.row(row + i).to_vec(),
                    bends,
                    residual: rows.jar[row + i],
                    residual_change: residuals[i].clone(),
                    force: rows.force[row + i],
                    force_change: forces[i].clone(),
                }
            };
            if rows.pyramidal {
                let bound = 0.5 * (rows.force[row + up] + rows.force[row + down]);
                let hold = Hold::Bound { bound, change: half_sum(&forces[up], &forces[down], 1.0), undone: true };
                self.blocks.push(Block { first: self.directions.len(), n: 1, hold });
            }
            self.directions.push(direction);
        }
        if !rows.pyramidal {
            let hold = Hold::Ellipse { normal: rows.force[row], change: forces[0].clone(), friction: contact.friction };
            self.blocks.push(Block { first, n: dim - 1, hold });
        }
    }
}

/// r da, with bounds.
fn along(jacobian: &[f64], (da, noise): (&DMatrix<f64>, &DMatrix<f64>)) -> Slope {
    let mut out = Slope::zero(da.ncols());
    for (c, (x, error)) in out.x.iter_mut().zip(&mut out.error).enumerate() {
        for (dof, by) in jacobian.iter().enumerate().filter(|(_, by)| **by != 0.0) {
            *x += by * da[(dof, c)];
            *error += by.abs() * (noise[(dof, c)] + 4.0 * ULP * da[(dof, c)].abs());
        }
    }
    out
}

/// Adds that of -aref, which has the damping times the velocity.
fn by_velocity(jacobian: &[f64], damping: f64, out: &mut Slope) {
    let nv = jacobian.len();
    for (dof, by) in jacobian.iter().enumerate() {
        out.x[nv + dof] += damping * by;
        out.error[nv + dof] += 4.0 * ULP * (damping * by).abs();
    }
}

/// How J a - aref and the forces of the `n` rows of a contact from `row` on change.
fn changes(
    scene: &Scene<'_>,
    (row, n): (usize, usize),
    shifts: &[&Shift],
    (da, noise): (&DMatrix<f64>, &DMatrix<f64>),
) -> (Vec<Slope>, Vec<Slope>) {
    let (rows, inputs) = (scene.rows, da.ncols());
    let mut residuals: Vec<Slope> = Vec::with_capacity(n);
    for r in row..row + n {
        let mut change = along(rows.row(r), (da, noise));
        by_velocity(rows.row(r), rows.damping[r], &mut change);
        for shift in shifts {
            change.x[shift.dof] += scene.jar_change[(r, shift.dof)];
            change.error[shift.dof] += shift.jar_error + 2.0 * ULP * scene.jar_change[(r, shift.dof)].abs();
        }
        residuals.push(change);
    }
    let mass = (row..row + n).map(|r| rows.mass(r)).fold(0.0, f64::max);
    let softening = rows.softening(row);
    let mut forces = vec![Slope::zero(inputs); n];
    let (mut jar, mut weighed) = (vec![0.0; n], vec![0.0; n]);
    for c in 0..inputs {
        (0..n).for_each(|r| jar[r] = residuals[r].x[c]);
        rows.weigh(row, &jar, &mut weighed);
        let error: f64 = residuals.iter().map(|slope| slope.error[c]).sum();
        for r in 0..n {
            forces[r].x[c] = -weighed[r];
            let pushes = rows.pushes_within(row + r, 1);
            forces[r].error[c] = if pushes { mass * error + 4.0 * ULP * weighed[r].abs() } else { 0.0 };
        }
    }
    for shift in shifts {
        let [_, dist_error, _] = shift.errors;
        for (r, force) in forces.iter_mut().enumerate() {
            let by = rows.force[row + r] * softening;
            force.x[shift.dof] += by * shift.dist;
            force.error[shift.dof] += by.abs() * (dist_error + 4.0 * ULP * shift.dist.abs());
        }
    }
    (residuals, forces)
}
