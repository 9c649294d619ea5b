//! The constraint rows at the solution: their Jacobian J, their weights W, and their forces.

mod edges;

use std::ops::Range;

use mujoco_rs::mujoco_c::mjtConstraint::*;
use mujoco_rs::mujoco_c::mjtConstraintState;
use nalgebra::DMatrix;

use super::bending::{Bend, Bending};
use super::motion::{Motion, ULP};
use super::tendon::Tendons;
use super::tree::Tree;
use super::weld;
use crate::physics::{ConstraintRow, Model, Sim};

/// What the rows of a model's equalities, limits and tendons are in closed form.
#[derive(Debug)]
pub(super) struct Coverage {
    /// By equality: whether it couples joints or tendons, or welds.
    equality: Vec<bool>,
    /// By joint: whether its position is one number.
    pub(super) joint: Vec<bool>,
    /// By tendon: whether its moment arms depend on the configuration; of a fixed sum of joints they do not.
    pub(super) bends: Vec<bool>,
}

impl Coverage {
    pub(super) fn new(model: &Model, bending: &Bending) -> Self {
        let bends = model.tendons().map(|t| !t.is_fixed()).collect();
        let equality = (0..model.equalities().len()).map(|id| bending.covers(id)).collect();
        let joint = model.joints().map(|j| j.is_scalar()).collect();
        Self { equality, joint, bends }
    }

    /// Whether all rows but those of contacts have a derivative in closed form here.
    pub(super) fn all(&self, sim: &Sim) -> bool {
        sim.constraint_rows().all(|row| {
            let of = |list: &[bool]| list.get(row.id).copied().unwrap_or(false);
            match row.kind {
                mjCNSTR_EQUALITY => of(&self.equality),
                mjCNSTR_LIMIT_JOINT => of(&self.joint),
                mjCNSTR_FRICTION_TENDON
                | mjCNSTR_LIMIT_TENDON
                | mjCNSTR_FRICTION_DOF
                | mjCNSTR_CONTACT_FRICTIONLESS
                | mjCNSTR_CONTACT_PYRAMIDAL
                | mjCNSTR_CONTACT_ELLIPTIC => true,
            }
        })
    }
}

/// A contact in the middle zone of its cone: first row, rows, Hessian.
#[derive(Debug, Clone)]
struct MiddleZone {
    row: usize,
    dim: usize,
    hessian: [f64; 36],
}

/// The constraint rows of a contact, and what decides on the zones of its cone.
#[derive(Debug, Clone)]
struct ContactRows {
    row: usize,
    rows: usize,
    friction: [f64; 5],
    /// Friction of the regularised cone.
    mu: f64,
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    nv: usize,
    pub(super) pyramidal: bool,
    /// The least distance over which the impedance of an equality or a limit changes (m or rad).
    width: f64,
    pub(super) n: usize,
    rows: Vec<ConstraintRow>,
    /// Jacobian, n x nv, row-major; and W times it.
    pub(super) j: Vec<f64>,
    wj: Vec<f64>,
    /// Whether a row pushes back, alone or with the others of its cone.
    active: Vec<bool>,
    d: Vec<f64>,
    pub(super) force: Vec<f64>,
    pub(super) damping: Vec<f64>,
    /// Stiffness, impedance, its derivative by position, position less margin.
    stiffness: Vec<f64>,
    impedance: Vec<f64>,
    slope: Vec<f64>,
    depth: Vec<f64>,
    loss: Vec<f64>,
    middle_zones: Vec<MiddleZone>,
    middle_zone_of: Vec<Option<usize>>,
    /// Contacts in the order of their rows.
    contacts: Vec<ContactRows>,
    /// J a - aref.
    pub(super) jar: Vec<f64>,
    /// Sizes of the dofs' motions at contacts, for bounds on rounding (nv).
    reach: Vec<f64>,
    /// What the rounding of tendons' moment arms is of, by row (n x nv); empty where no tendon's arms depend on the configuration.
    blur: Vec<f64>,
}

/// The largest entry of a row's Jacobian that is taken for rounding: of levers of metres.
const FAINT: f64 = 1e-12;

/// The largest inverse inertia of a row that is taken for none, 1/kg or 1/(kg m^2): MuJoCo makes 1e-15 of what is less.
const LIGHT: f64 = 1e-12;

/// A weld that is off by less, m or rad, is taken for met.
const MET: f64 = 1e-9;

impl Rows {
    pub(super) fn new(model: &Model) -> Self {
        let width = model.narrowest_impedance();
        Self { nv: model.nv(), pyramidal: model.has_pyramidal_cones(), width, ..Self::default() }
    }

    /// A row that is none: nothing pushes.
    pub(super) fn none(model: &Model) -> Self {
        Self {
            n: 1,
            active: vec![false],
            d: vec![1.0],
            force: vec![0.0],
            damping: vec![0.0],
            stiffness: vec![0.0],
            impedance: vec![0.5],
            slope: vec![0.0],
            depth: vec![0.0],
            middle_zone_of: vec![None],
            ..Self::new(model)
        }
    }

    /// The regularisation R of a row, 1/kg or 1/(kg m^2).
    pub(super) fn regularisation(&self, row: usize) -> f64 {
        1.0 / self.d[row]
    }

    /// Takes the rows from a simulation, after [`Sim::stage_constraint`] with cones. `reach` bounds how far a unit of
    /// each dof moves a contact's point.
    pub(super) fn set(&mut self, sim: &Sim, jar: &[f64], reach: impl Iterator<Item = f64>) {
        self.rows.clear();
        self.rows.extend(sim.constraint_rows());
        let n = self.rows.len();
        self.n = n;
        sim.constraint_jacobian(&mut self.j);
        let copy = |to: &mut Vec<f64>, from: &[f64]| {
            to.clear();
            to.extend_from_slice(from);
        };
        copy(&mut self.d, sim.efc_D());
        copy(&mut self.force, sim.efc_force());
        copy(&mut self.jar, jar);
        copy(&mut self.loss, sim.efc_frictionloss());
        let table = sim.efc_KBIP().as_chunks::<4>().0;
        for (to, column) in
            [(&mut self.stiffness, 0), (&mut self.damping, 1), (&mut self.impedance, 2), (&mut self.slope, 3)]
        {
            to.clear();
            to.extend(table.iter().map(|row| row[column]));
        }
        self.depth.clear();
        self.depth.extend(sim.efc_pos().iter().zip(sim.efc_margin()).map(|(p, m)| p - m));
        self.active.clear();
        self.active.extend(self.rows.iter().map(|row| row.state == Some(mjtConstraintState::mjCNSTRSTATE_QUADRATIC)));
        self.middle_zone_of.clear();
        self.middle_zone_of.resize(n, None);
        self.middle_zones.clear();
        for cone in sim.cones() {
            let mut hessian = [0.0; 36];
            hessian[..cone.dim * cone.dim].copy_from_slice(cone.hessian);
            for row in cone.row..cone.row + cone.dim {
                self.active[row] = true;
                self.middle_zone_of[row] = Some(self.middle_zones.len());
            }
            self.middle_zones.push(MiddleZone { row: cone.row, dim: cone.dim, hessian });
        }
        self.contacts.clear();
        self.contacts.extend(sim.contact_details().filter_map(|c| {
            let rows = if self.pyramidal && c.dim > 1 { 2 * (c.dim - 1) } else { c.dim };
            c.row.map(|row| ContactRows { row, rows, friction: c.friction, mu: c.mu })
        }));
        self.contacts.sort_unstable_by_key(|t| t.row);
        self.reach.clear();
        self.reach.extend(reach);
        let nv = self.nv;
        self.wj.clear();
        self.wj.resize(n * nv, 0.0);
        for row in 0..n {
            if !self.active[row] {
                continue;
            }
            match self.middle_zone_of[row] {
                None => {
                    let d = self.d[row];
                    for c in 0..nv {
                        self.wj[row * nv + c] = d * self.j[row * nv + c];
                    }
                }
                Some(m) => {
                    let m = &self.middle_zones[m];
                    for k in 0..m.dim {
                        let x = m.hessian[(row - m.row) * m.dim + k];
                        for c in 0..nv {
                            self.wj[row * nv + c] += x * self.j[(m.row + k) * nv + c];
                        }
                    }
                }
            }
        }
    }

    /// Whether a row that pushes back has the inverse inertia of nothing and nothing but rounding for a Jacobian: a contact or a
    /// tendon that no dof can change, by construction or at this state. Its force is rounding too. A row of an ordinary mass without a
    /// lever, as that of a connect across the plane of a linkage, has a force like any other.
    pub(super) fn is_faint(&self) -> bool {
        (0..self.n).filter(|row| self.active[*row] && self.is_light(*row)).any(|row| {
            let size = self.size(row);
            size > 0.0 && size < FAINT || !self.rows[row].is_contact()
        })
    }

    /// Whether a row that pushes back at some dof has the inverse inertia of nothing in the model's configuration: two
    /// spheres about one centre. Its force is that of a rigid body, many digits larger than what it does, and where the
    /// solver stops is rounding.
    pub(super) fn is_rigid(&self) -> bool {
        (0..self.n).any(|row| self.active[row] && self.is_light(row) && self.size(row) >= FAINT)
    }

    /// Whether the inverse inertia that a row's regularisation is made from is none. D is in proportion to I / (1 - I) and
    /// to one over that.
    pub(super) fn is_light(&self, row: usize) -> bool {
        self.impedance[row] < LIGHT * self.d[row] * (1.0 - self.impedance[row])
    }

    /// The size of what the forces of equalities, limits and friction in joint space are sums of: forces that work against
    /// each other cancel, and their rounding does not.
    pub(super) fn terms(&self) -> f64 {
        let rows = (0..self.n).filter(|row| self.active[*row] && !self.rows[*row].is_contact());
        rows.map(|row| self.force[row].abs() * self.size(row)).fold(0.0, f64::max)
    }

    /// By dof, the nudge beyond which nothing is seen of how the impedance of equalities and limits changes: all samples
    /// would lie outside its width, on one straight line (nv).
    pub(super) fn widest_nudges(&self, out: &mut [f64]) {
        out.fill(0.0);
        let has_width = |row: &usize| self.rows[*row].is_limit() || self.rows[*row].kind == mjCNSTR_EQUALITY;
        for row in (0..self.n).filter(has_width) {
            for (most, x) in out.iter_mut().zip(self.row(row)) {
                *most = most.max(x.abs());
            }
        }
        out.iter_mut().for_each(|reach| *reach = 0.5 * self.width / *reach);
    }

    /// The largest entry of a row's Jacobian.
    fn size(&self, row: usize) -> f64 {
        self.row(row).iter().fold(0.0_f64, |most, x| most.max(x.abs()))
    }

    /// What makes a row.
    pub(super) fn of(&self, row: usize) -> &ConstraintRow {
        &self.rows[row]
    }

    /// The friction loss of a row, N or N m.
    pub(super) fn friction_loss(&self, row: usize) -> f64 {
        self.loss[row]
    }

    /// The Jacobian of a row (nv).
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.j[row * self.nv..(row + 1) * self.nv]
    }

    fn weighted(&self, row: usize) -> &[f64] {
        &self.wj[row * self.nv..(row + 1) * self.nv]
    }

    /// Whether any of `n` rows pushes back.
    pub(super) fn pushes_within(&self, row: usize, n: usize) -> bool {
        self.active[row..row + n].iter().any(|a| *a)
    }

    /// An upper bound on the weight of a row.
    pub(super) fn mass(&self, row: usize) -> f64 {
        match self.middle_zone_of[row] {
            None if self.active[row] => self.d[row],
            None => 0.0,
            Some(m) => self.middle_zones[m].hessian.iter().fold(0.0, |m, x| m.max(x.abs())),
        }
    }

    /// d (stiffness x impedance x depth) / d position of a row.
    pub(super) fn push(&self, row: usize) -> f64 {
        self.stiffness[row] * (self.impedance[row] + self.slope[row] * self.depth[row])
    }

    /// d ln D / d position: D is in proportion to I / (1 - I).
    pub(super) fn softening(&self, row: usize) -> f64 {
        self.slope[row] / (self.impedance[row] * (1.0 - self.impedance[row]))
    }

    /// W times a change of J a - aref, for the rows from `row` on.
    pub(super) fn weigh(&self, row: usize, jar: &[f64], out: &mut [f64]) {
        for (i, x) in out.iter_mut().enumerate() {
            *x = match self.middle_zone_of[row + i] {
                Some(m) => {
                    let m = &self.middle_zones[m];
                    (0..m.dim).map(|k| m.hessian[(row + i - m.row) * m.dim + k] * jar[m.row + k - row]).sum()
                }
                None if self.active[row + i] => self.d[row + i] * jar[i],
                None => 0.0,
            };
        }
    }

    /// Adds J' W J to `out` (nv x nv).
    pub(super) fn add_hessian(&self, out: &mut DMatrix<f64>) {
        for row in (0..self.n).filter(|row| self.active[*row]) {
            let (j, wj) = (self.row(row), self.weighted(row));
            for c in (0..self.nv).filter(|c| wj[*c] != 0.0) {
                let x = wj[c];
                for (r, j) in j.iter().enumerate() {
                    out[(r, c)] += j * x;
                }
            }
        }
    }

    /// Subtracts J' W B J from columns nv..2 nv of `out`, and adds bounds on the rounding of the rows' forces to `errors`
    /// (n x ndx + nu). Without `all`, of contacts alone.
    pub(super) fn by_velocity(&self, all: bool, out: &mut DMatrix<f64>, errors: &mut DMatrix<f64>) {
        let nv = self.nv;
        let which = |row: usize| self.active[row] && (all || self.rows[row].is_contact());
        for row in (0..self.n).filter(|row| which(*row)) {
            let (j, wj, b) = (self.row(row), self.weighted(row), self.damping[row]);
            let mass = self.mass(row);
            for c in 0..nv {
                if j[c] != 0.0 {
                    for r in 0..nv {
                        out[(r, nv + c)] -= b * wj[r] * j[c];
                    }
                }
                errors[(row, nv + c)] += ULP * b * mass * self.entry_size(row, c);
            }
        }
    }

    /// A bound on the terms of an entry of J: those of a contact are sums that may cancel.
    fn entry_size(&self, row: usize, c: usize) -> f64 {
        let x = self.j[row * self.nv + c].abs();
        let size = if self.rows[row].is_contact() && x != 0.0 { self.reach[c] } else { x };
        if self.blur.is_empty() { size } else { size + self.blur[row * self.nv + c] }
    }

    /// Takes what the rounding of tendons' moment arms and welds' anchors makes of the rows' Jacobians.
    pub(super) fn blur(&mut self, bending: &Bending, (sim, tree, tendons): (&Sim, &Tree, &Tendons)) {
        self.blur.clear();
        if !tendons.any_bends() && !self.rows.iter().any(|row| bending.weld(row).is_some()) {
            return;
        }
        self.blur.resize(self.n * self.nv, 0.0);
        for (row, blur) in self.rows.iter().zip(self.blur.chunks_exact_mut(self.nv)) {
            for (share, arm) in bending.arms_of(row, (sim, tendons)) {
                blur[arm.dof] += (share * arm.error).abs() / ULP;
            }
        }
        let welds: Vec<usize> = (0..self.n).filter(|row| self.begins_weld(*row, bending)).collect();
        for first in welds {
            let Some(weld) = bending.weld(&self.rows[first]) else { continue };
            for (dof, errors) in weld.errors(sim, tree) {
                for k in 0..weld.rows {
                    self.blur[(first + k) * self.nv + dof] += errors[k / 3] / ULP;
                }
            }
        }
    }

    /// Whether a row is the first one of a weld.
    fn begins_weld(&self, row: usize, bending: &Bending) -> bool {
        let of = |row: usize| bending.weld(&self.rows[row]).map(|_| self.rows[row].id);
        of(row).is_some() && (row == 0 || of(row - 1) != of(row))
    }

    /// By active row, the dofs that it couples, be it by its rounding.
    pub(super) fn active_dofs(&self) -> impl Iterator<Item = impl Iterator<Item = usize> + '_> + '_ {
        let dofs = move |row: usize| (0..self.nv).filter(move |dof| self.entry_size(row, *dof) != 0.0);
        (0..self.n).filter(|row| self.active[*row]).map(dofs)
    }

    /// Adds bounds on the rounding of the forces of `rows` in a product of J' W J with `x` (dofs x any) to `errors` (rows x any).
    pub(super) fn rounding(&self, (rows, dofs): (&[usize], &[usize]), x: &DMatrix<f64>, errors: &mut DMatrix<f64>) {
        let mut sizes: Vec<(usize, f64)> = Vec::with_capacity(dofs.len());
        for (at, row) in rows.iter().copied().enumerate().filter(|(_, row)| self.active[*row]) {
            let mass = self.mass(row);
            sizes.clear();
            sizes
                .extend(dofs.iter().map(|dof| self.entry_size(row, *dof)).enumerate().filter(|(_, size)| *size != 0.0));
            for (c, column) in x.column_iter().enumerate() {
                let terms: f64 = sizes.iter().map(|(i, size)| size * column[*i].abs()).sum();
                errors[(at, c)] += 2.0 * ULP * mass * terms;
            }
        }
    }

    /// J' of `rows` (dofs x rows).
    pub(super) fn transposed(&self, (rows, dofs): (&[usize], &[usize]), out: &mut DMatrix<f64>) {
        for (mut column, row) in out.column_iter_mut().zip(rows) {
            let j = self.row(*row);
            column.iter_mut().zip(dofs).for_each(|(to, dof)| *to = j[*dof]);
        }
    }

    /// Adds d (J' f) / dq of the rows that are no contacts, at a fixed acceleration: the motion are velocity and acceleration (nv).
    pub(super) fn by_position(
        &self,
        bending: &Bending,
        (sim, tree, tendons): (&Sim, &Tree, &Tendons),
        motion: [&[f64]; 2],
        (out, noise, errors): (&mut DMatrix<f64>, &mut DMatrix<f64>, &mut DMatrix<f64>),
    ) {
        let (mut bends, mut weld_bends): (Vec<Bend>, [Vec<Bend>; weld::ROWS]) = Default::default();
        let mut row = 0;
        while row < self.n {
            if self.rows[row].is_contact() {
                row += 1;
                continue;
            }
            if let Some(weld) = bending.weld(&self.rows[row]) {
                weld.bends(sim, tree, &mut weld_bends);
                let off = self.off(row..row + weld.rows);
                for (k, bends) in weld_bends.iter().enumerate().take(weld.rows) {
                    self.push_by_position(row + k, Some(&off), (&mut *out, &mut *noise, &mut *errors));
                    self.bend(row + k, bends, motion, (&mut *out, &mut *noise, &mut *errors));
                }
                row += weld.rows;
                continue;
            }
            self.push_by_position(row, None, (&mut *out, &mut *noise, &mut *errors));
            bending.of_row(&self.rows[row], self.row(row), (sim, tendons), &mut bends);
            self.bend(row, &bends, motion, (&mut *out, &mut *noise, &mut *errors));
            row += 1;
        }
    }

    /// Adds what the change of welds' drift makes of their forces: the part of J's change in time that MuJoCo takes off aref, so that
    /// J a - aref has dJ/dt v. `drift` is of [`Motion::set_drift`].
    pub(super) fn drift(
        &self,
        bending: &Bending,
        (sim, tree, drift): (&Sim, &Tree, &Motion),
        (out, errors): (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) {
        for first in (0..self.n).filter(|row| self.begins_weld(*row, bending)) {
            let Some(weld) = bending.weld(&self.rows[first]) else { continue };
            for (dof, changes) in weld.drift(sim, tree, drift) {
                for (column, (change, error)) in [dof, self.nv + dof].into_iter().zip(changes) {
                    for k in 0..weld.rows {
                        let row = first + k;
                        for (to, w) in self.weighted(row).iter().enumerate().filter(|(_, w)| **w != 0.0) {
                            out[(to, column)] -= w * change[k];
                        }
                        errors[(row, column)] += self.mass(row) * error[k / 3];
                    }
                }
            }
        }
    }

    /// How the distance by which a weld is off, the norm of its rows' positions, changes with the positions, by dof
    /// with bounds on its error (nv). Where the weld is met it changes in any direction.
    fn off(&self, rows: Range<usize>) -> Vec<(f64, f64)> {
        let norm = |x: &dyn Fn(usize) -> f64| rows.clone().map(|r| x(r) * x(r)).sum::<f64>().sqrt();
        let off = norm(&|r| self.depth[r]);
        let change = |c: usize| {
            let size = norm(&|r| self.row(r)[c]);
            if off < MET {
                return (0.0, size);
            }
            (rows.clone().map(|r| self.depth[r] / off * self.row(r)[c]).sum(), 16.0 * ULP * size)
        };
        (0..self.nv).map(change).collect()
    }

    /// Adds how a row that pushes back does so with its position, and its impedance with that or with how far its weld is `off`.
    fn push_by_position(
        &self,
        row: usize,
        off: Option<&[(f64, f64)]>,
        (out, noise, errors): (&mut DMatrix<f64>, &mut DMatrix<f64>, &mut DMatrix<f64>),
    ) {
        if !self.active[row] {
            return;
        }
        let j = self.row(row);
        let (d, stiffness) = (self.d[row], self.stiffness[row]);
        let by_impedance = d * stiffness * self.slope[row] * self.depth[row] - self.force[row] * self.softening(row);
        let whole = self.d[row] * self.push(row) - self.force[row] * self.softening(row);
        for c in 0..self.nv {
            let blur = ULP * self.blur.get(row * self.nv + c).copied().unwrap_or(0.0);
            let (weight, error) = match off {
                None if j[c] == 0.0 => continue,
                None => (whole * j[c], whole.abs() * blur),
                Some(off) => {
                    let (by, error) = off[c];
                    let own = d * stiffness * self.impedance[row];
                    (own * j[c] + by_impedance * by, own.abs() * blur + by_impedance.abs() * (error + blur))
                }
            };
            errors[(row, c)] += error;
            for (r, x) in j.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                let x = if off.is_none() { whole * x * j[c] } else { weight * x };
                out[(r, c)] -= x;
                noise[(r, c)] += 2.0 * ULP * x.abs();
            }
        }
    }

    /// Adds what the change of a row's Jacobian makes of its force.
    fn bend(
        &self,
        row: usize,
        bends: &[Bend],
        [velocity, acceleration]: [&[f64]; 2],
        (out, noise, errors): (&mut DMatrix<f64>, &mut DMatrix<f64>, &mut DMatrix<f64>),
    ) {
        let (force, wj) = (self.force[row], self.weighted(row));
        for bend in bends {
            let (r, c) = bend.at;
            let x = force * bend.x;
            out[(r, c)] += x;
            noise[(r, c)] += force.abs() * bend.error + 2.0 * ULP * x.abs();
            if self.active[row] {
                // J a - aref changes, and the force with it.
                let rate = acceleration[r] + self.damping[row] * velocity[r];
                let size = acceleration[r].abs() + (self.damping[row] * velocity[r]).abs();
                for (to, w) in wj.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                    out[(to, c)] -= w * bend.x * rate;
                }
                errors[(row, c)] += self.d[row] * (bend.error + 4.0 * ULP * bend.x.abs()) * size;
            }
        }
    }
}
