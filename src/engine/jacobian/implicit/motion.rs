//! The derivative of inverse dynamics in closed form, by position and by velocity.
//!
//! With a body's velocity v and acceleration a (gravity as an acceleration of the world), its share of the forces is
//! f = I a + v x* I v - f_ext, the force through a joint is the sum F over what hangs behind it, and a dof's is
//! tau = S' F with its axis S. All are written at one fixed point per tree, where it has its centre of mass now.
//!
//! Moving dof k carries everything behind it along with S_k. Seen from there nothing has changed but the motion of the
//! base: its velocity u_k by w_k = u_k x S_k, its acceleration alpha_k by alpha_k x S_k. Hence
//!
//! ```text
//! d f = I beta_k + B w_k,    beta_k = alpha_k x S_k - w_k x u_k,    B w = I (w x v) + w x* I v + v x* I w
//! ```
//!
//! and the sums of I and B over bodies give the derivative of every tau behind k; before k, S_k x* F comes on top.
//! (The derivatives are those of Carpentier and Mansard, RSS 2018, in world coordinates.) What is zero by symmetry,
//! such as a translation of everything, is zero to the last bit here.

use nalgebra::DMatrix;

use super::spatial::{
    Matrix, Size, Spatial, ZERO, add, add_scaled, add3, apply, apply_transposed, cross, cross_force, cross_motion, dot,
    join, lin, momentum, norm3, rot, rotate, rotate_back, scale3, sub, sub3, unit,
};
use super::tree::Tree;
use crate::physics::{Body, Model, Sim};

/// Rounding of one operation.
pub(super) const ULP: f64 = f64::EPSILON;

/// Velocities, accelerations and forces of the bodies, under a field of joint velocities and accelerations.
#[derive(Debug)]
pub(super) struct Motion {
    /// Axes of the dofs.
    pub(super) axis: Vec<Spatial>,
    /// Velocity of every body, and of what a dof's group moves, before and after the group.
    pub(super) v: Vec<Spatial>,
    pub(super) before: Vec<Spatial>,
    after: Vec<Spatial>,
    /// Acceleration of every body, and before a dof's group.
    pub(super) acc: Vec<Spatial>,
    acc_before: Vec<Spatial>,
    /// Force through the joints of every body.
    force: Vec<Spatial>,
    /// Sums of inertias and of B over what hangs behind; and of how outside forces change along, where there are any.
    inertia: Vec<[f64; 10]>,
    inertia_variation: Vec<Matrix>,
    outside: Vec<Matrix>,
    has_outside: bool,
    size: Vec<Size>,
    /// |B|, as rotational and linear rows by rotational and linear columns.
    inertia_variation_size: Vec<[f64; 4]>,
}

/// Forces on bodies that depend on where they are and how fast they move: those of a fluid, of compensated gravity,
/// and what is applied from outside.
#[derive(Debug)]
pub(super) struct ExternalForces {
    gravity: [f64; 3],
    /// By body: share of its weight that is carried (gravcomp times mass).
    carried: Vec<f64>,
    /// By body: sides of its inertia's box; None for a body without mass, which a medium does not hold.
    boxes: Vec<Option<[f64; 3]>>,
    density: f64,
    viscosity: f64,
    wind: [f64; 3],
}

impl ExternalForces {
    /// Of a model. Without `closed` a fluid's forces and compensated gravity are left to be differenced.
    pub(super) fn new(model: &Model, closed: bool) -> Self {
        let medium = model.medium();
        let carries = closed && model.has_passive_forces();
        let carried = model.bodies().map(|b| if carries { b.gravcomp * b.mass } else { 0.0 }).collect();
        // MuJoCo's inertia box: the box of the body's mass with its inertia.
        let boxes = model
            .bodies()
            .map(|Body { mass, inertia: i, .. }| {
                let side = |a: f64, b: f64, c: f64| ((a + b - c).max(1e-15) / mass * 6.0).sqrt();
                // MuJoCo skips a body of less than mjMINVAL.
                (mass >= 1e-15).then(|| [side(i[1], i[2], i[0]), side(i[0], i[2], i[1]), side(i[0], i[1], i[2])])
            })
            .collect();
        Self {
            gravity: model.gravity(),
            carried,
            boxes,
            density: if closed { medium.density } else { 0.0 },
            viscosity: if closed { medium.viscosity } else { 0.0 },
            wind: medium.wind,
        }
    }

    /// Whether a fluid's forces are among them.
    pub(super) fn has_fluid(&self) -> bool {
        self.density > 0.0 || self.viscosity > 0.0
    }

    /// The drag at a body's centre of mass along the axes of its inertia, and its derivative by the velocity there
    /// (diagonal).
    fn drag(&self, body: usize, v: &Spatial) -> (Spatial, Spatial) {
        use std::f64::consts::PI;
        let Some(b) = self.boxes[body] else { return (ZERO, ZERO) };
        let d = (b[0] + b[1] + b[2]) / 3.0;
        let quartic = |i: usize, j: usize, k: usize| b[i] * (b[j].powi(4) + b[k].powi(4)) / 64.0;
        let area = |j: usize, k: usize| 0.5 * b[j] * b[k];
        let shape = [quartic(0, 1, 2), quartic(1, 0, 2), quartic(2, 0, 1), area(1, 2), area(0, 2), area(0, 1)];
        let (mut f, mut df) = (ZERO, ZERO);
        for i in 0..6 {
            let viscous = self.viscosity * PI * d * if i < 3 { d * d } else { 3.0 };
            let dense = self.density * shape[i];
            f[i] = -viscous * v[i] - dense * v[i].abs() * v[i];
            df[i] = -viscous - 2.0 * dense * v[i].abs();
        }
        (f, df)
    }
}

impl Motion {
    pub(super) fn new(tree: &Tree) -> Self {
        let (nv, nb) = (tree.nv(), tree.nbody());
        Self {
            axis: vec![ZERO; nv],
            v: vec![ZERO; nb],
            before: vec![ZERO; nv],
            after: vec![ZERO; nv],
            acc: vec![ZERO; nb],
            acc_before: vec![ZERO; nv],
            force: vec![ZERO; nb],
            inertia: vec![[0.0; 10]; nb],
            inertia_variation: vec![[ZERO; 6]; nb],
            outside: vec![[ZERO; 6]; nb],
            has_outside: false,
            size: vec![Size::default(); nv],
            inertia_variation_size: vec![[0.0; 4]; nb],
        }
    }

    /// The motion of a simulation at accelerations `qacc` (nv), with gravity and outside forces.
    pub(super) fn set(&mut self, tree: &Tree, sim: &Sim, qacc: &[f64], outside: &ExternalForces) {
        let qvel = sim.qvel();
        self.carry(tree, sim, |d| qvel[d], |d| qacc[d], &outside.gravity);
        let inertias = sim.cinert().as_chunks::<10>().0;
        self.has_outside = false;
        for (b, i) in inertias.iter().enumerate().skip(1) {
            let v = self.v[b];
            let h = momentum(i, &v);
            self.force[b] = add(&momentum(i, &self.acc[b]), &cross_force(&v, &h));
            self.inertia[b] = *i;
            self.inertia_variation[b] = std::array::from_fn(|c| {
                let w = unit(c);
                let a = momentum(i, &cross_motion(&w, &v));
                add(&add(&a, &cross_force(&w, &h)), &cross_force(&v, &momentum(i, &w)))
            });
            self.inertia_variation_size[b] = term_sizes(i, &v, &h);
            self.outside[b] = [ZERO; 6];
            self.push(tree, sim, b, outside);
        }
        self.collect(tree, true);
    }

    /// A field of accelerations alone: no velocity, no gravity, no forces.
    pub(super) fn set_accelerations(&mut self, tree: &Tree, sim: &Sim, field: &[f64]) {
        self.carry(tree, sim, |_| 0.0, |d| field[d], &[0.0; 3]);
        let inertias = sim.cinert().as_chunks::<10>().0;
        self.has_outside = false;
        for (b, inertia) in inertias.iter().enumerate().skip(1) {
            self.force[b] = momentum(inertia, &self.acc[b]);
            self.inertia[b] = *inertia;
        }
        self.collect(tree, false);
    }

    /// A field of joint velocities alone: what the points of the bodies do under it.
    pub(super) fn set_field(&mut self, tree: &Tree, sim: &Sim, field: &[f64]) {
        self.carry(tree, sim, |d| field[d], |_| 0.0, &[0.0; 3]);
    }

    /// The velocities of a simulation, and the accelerations that they are by themselves, without any of the joints.
    pub(super) fn set_drift(&mut self, tree: &Tree, sim: &Sim) {
        let qvel = sim.qvel();
        self.carry(tree, sim, |d| qvel[d], |_| 0.0, &[0.0; 3]);
    }

    /// How a body's velocity and acceleration of [`Motion::set_drift`] change with the position of a dof that moves it, and with its
    /// velocity; with bounds on their terms.
    pub(super) fn drift_changes(&self, body: usize, k: usize) -> [[(Spatial, Size); 2]; 2] {
        let (s, u, v) = (&self.axis[k], &self.before[k], &self.v[body]);
        let (rest, w) = (sub(v, u), cross_motion(u, s));
        let carried = cross_motion(s, &sub(&self.acc[body], &self.acc_before[k]));
        let own = sub(&w, &cross_motion(s, &self.after[k]));
        let [sizes, before, velocity] = [self.size[k], Size::of(u), Size::of(v)];
        let both = velocity.plus(before);
        let turned = before.cross_motion(sizes).cross_motion(both);
        let accelerated = sizes.cross_motion(Size::of(&self.acc[body]).plus(Size::of(&self.acc_before[k])));
        let all = both.plus(Size::of(&self.after[k]));
        [
            [
                (cross_motion(s, &rest), sizes.cross_motion(both)),
                (add(&carried, &cross_motion(&w, &rest)), accelerated.plus(turned)),
            ],
            [(*s, sizes), (add(&own, &cross_motion(s, v)), sizes.cross_motion(all))],
        ]
    }

    fn carry(
        &mut self,
        tree: &Tree,
        sim: &Sim,
        qvel: impl Fn(usize) -> f64,
        qacc: impl Fn(usize) -> f64,
        gravity: &[f64; 3],
    ) {
        self.axis.copy_from_slice(sim.cdof().as_chunks::<6>().0);
        for (size, axis) in self.size.iter_mut().zip(&self.axis) {
            *size = Size::of(axis);
        }
        self.v[0] = ZERO;
        self.acc[0] = join([0.0; 3], scale3(*gravity, -1.0));
        for b in 1..tree.nbody() {
            let (mut v, mut acc) = (self.v[tree.parent[b]], self.acc[tree.parent[b]]);
            for group in &tree.groups[b] {
                let (u, base) = (v, acc);
                for d in group.first..group.first + group.len {
                    self.before[d] = u;
                    self.acc_before[d] = base;
                    // A free joint's translations are along fixed axes; u is zero there.
                    add_scaled(&mut acc, &cross_motion(&u, &self.axis[d]), qvel(d));
                    add_scaled(&mut acc, &self.axis[d], qacc(d));
                    add_scaled(&mut v, &self.axis[d], qvel(d));
                }
                self.after[group.first..group.first + group.len].fill(v);
            }
            (self.v[b], self.acc[b]) = (v, acc);
        }
    }

    /// Takes the outside forces on a body off its share, with how they change.
    fn push(&mut self, tree: &Tree, sim: &Sim, b: usize, outside: &ExternalForces) {
        let com = sim.subtree_com().as_chunks::<3>().0[tree.root[b]];
        let arm = sub3(sim.xipos().as_chunks::<3>().0[b], com);
        if outside.has_fluid() {
            let axes = &sim.ximat().as_chunks::<9>().0[b];
            let wind = join([0.0; 3], outside.wind);
            // Relative velocity at the centre of mass, along the axes of the inertia.
            let local =
                |v: &Spatial| join(rotate_back(axes, rot(v)), rotate_back(axes, add3(lin(v), cross(rot(v), arm))));
            let world = |f: &Spatial| {
                let force = rotate(axes, lin(f));
                join(add3(rotate(axes, rot(f)), cross(arm, force)), force)
            };
            let (f, df) = outside.drag(b, &local(&sub(&self.v[b], &wind)));
            self.force[b] = sub(&self.force[b], &world(&f));
            for c in 0..6 {
                let along = local(&unit(c));
                let change = world(&std::array::from_fn(|i| df[i] * along[i]));
                add_scaled(&mut self.inertia_variation[b][c], &change, -1.0);
                let (size, column) = (Size::of(&change), usize::from(c > 2));
                self.inertia_variation_size[b][column] += size.rot;
                self.inertia_variation_size[b][2 + column] += size.lin;
            }
            if outside.wind != [0.0; 3] {
                // Seen from the carried body the wind turns the other way.
                self.has_outside = true;
                for c in 0..6 {
                    let along = local(&cross_motion(&unit(c), &wind));
                    let change = world(&std::array::from_fn(|i| df[i] * along[i]));
                    add_scaled(&mut self.outside[b][c], &change, -1.0);
                }
            }
        }
        let applied = sim.xfrc_applied().as_chunks::<6>().0[b];
        let (mut force, torque) = (rot(&applied), lin(&applied));
        if outside.carried[b] != 0.0 {
            force = add3(force, scale3(outside.gravity, -outside.carried[b]));
        }
        if force != [0.0; 3] || torque != [0.0; 3] {
            self.has_outside = true;
            let wrench = join(add3(torque, cross(arm, force)), force);
            self.force[b] = sub(&self.force[b], &wrench);
            for c in 0..6 {
                // It stays as it is in the world, but for its point, which is carried.
                let s = unit(c);
                let moved = add3(lin(&s), cross(rot(&s), arm));
                let change = sub(&join(cross(moved, force), [0.0; 3]), &cross_force(&s, &wrench));
                add_scaled(&mut self.outside[b][c], &change, -1.0);
            }
        }
    }

    /// Sums over what hangs behind every body.
    fn collect(&mut self, tree: &Tree, inertia_variation: bool) {
        for b in (1..tree.nbody()).rev() {
            let p = tree.parent[b];
            if p == 0 {
                continue;
            }
            self.force[p] = add(&self.force[p], &self.force[b]);
            for i in 0..10 {
                self.inertia[p][i] += self.inertia[b][i];
            }
            if inertia_variation {
                for c in 0..6 {
                    self.inertia_variation[p][c] = add(&self.inertia_variation[p][c], &self.inertia_variation[b][c]);
                }
                for i in 0..4 {
                    self.inertia_variation_size[p][i] += self.inertia_variation_size[b][i];
                }
            }
            if self.has_outside {
                for c in 0..6 {
                    self.outside[p][c] = add(&self.outside[p][c], &self.outside[b][c]);
                }
            }
        }
    }

    /// Subtracts d tau / dq from columns 0..nv of `out`, and adds bounds on its rounding to `noise`.
    pub(super) fn by_position(
        &self,
        tree: &Tree,
        inertia_variation: bool,
        out: &mut DMatrix<f64>,
        noise: &mut DMatrix<f64>,
    ) {
        for k in 0..tree.nv() {
            let (s, b) = (&self.axis[k], tree.dof_body[k]);
            let w = if inertia_variation { cross_motion(&self.before[k], s) } else { ZERO };
            let beta = sub(&cross_motion(&self.acc_before[k], s), &cross_motion(&w, &self.before[k]));
            let base_size = Size::of(&self.acc_before[k]).cross_motion(self.size[k]);
            let w_size =
                if inertia_variation { Size::of(&self.before[k]).cross_motion(self.size[k]) } else { Size::default() };
            let beta_size = base_size.plus(w_size.cross_motion(Size::of(&self.before[k])));
            // What hangs behind the dof, as seen from there, and as seen from before.
            let mut behind = momentum(&self.inertia[b], &beta);
            let mut behind_size = beta_size.momentum(&self.inertia[b]);
            if inertia_variation {
                behind = add(&behind, &apply(&self.inertia_variation[b], &w));
                behind_size = behind_size.plus(spread(&self.inertia_variation_size[b], w_size));
            }
            if self.has_outside {
                behind = add(&behind, &apply(&self.outside[b], s));
            }
            let whole = add(&behind, &cross_force(s, &self.force[b]));
            let whole_size = behind_size.plus(self.size[k].cross_force(Size::of(&self.force[b])));
            for j in tree.upstream[k].iter().copied() {
                out[(j, k)] -= dot(&self.axis[j], &whole);
                noise[(j, k)] += ULP * self.size[j].dot(whole_size);
            }
            for j in tree.carried[k].iter().copied() {
                let bj = tree.dof_body[j];
                let sj = &self.axis[j];
                let mut x = dot(sj, &momentum(&self.inertia[bj], &beta));
                let mut size = beta_size.momentum(&self.inertia[bj]);
                if inertia_variation {
                    x += dot(&apply_transposed(&self.inertia_variation[bj], sj), &w);
                    size = size.plus(spread(&self.inertia_variation_size[bj], w_size));
                }
                if self.has_outside {
                    x += dot(&apply_transposed(&self.outside[bj], sj), s);
                }
                out[(j, k)] -= x;
                noise[(j, k)] += ULP * self.size[j].dot(size);
            }
        }
    }

    /// Subtracts d tau / d velocity, drag included, from columns nv..2 nv of `out`, and adds bounds on its rounding to
    /// `noise`.
    pub(super) fn by_velocity(&self, tree: &Tree, out: &mut DMatrix<f64>, noise: &mut DMatrix<f64>) {
        let nv = tree.nv();
        for k in 0..nv {
            let (s, b) = (&self.axis[k], tree.dof_body[k]);
            // d a = own - v x S behind the dof.
            let own = sub(&cross_motion(&self.before[k], s), &cross_motion(s, &self.after[k]));
            let own_size = Size::of(&self.before[k]).plus(Size::of(&self.after[k])).cross_motion(self.size[k]);
            let at = |body: usize| {
                let force = add(&momentum(&self.inertia[body], &own), &apply(&self.inertia_variation[body], s));
                let size = own_size
                    .momentum(&self.inertia[body])
                    .plus(spread(&self.inertia_variation_size[body], self.size[k]));
                (force, size)
            };
            let (whole, whole_size) = at(b);
            for j in tree.chain[b].iter().copied() {
                out[(j, nv + k)] -= dot(&self.axis[j], &whole);
                noise[(j, nv + k)] += ULP * self.size[j].dot(whole_size);
            }
            for j in tree.behind[k].iter().copied() {
                let (force, size) = at(tree.dof_body[j]);
                out[(j, nv + k)] -= dot(&self.axis[j], &force);
                noise[(j, nv + k)] += ULP * self.size[j].dot(size);
            }
        }
    }
}

/// Bounds on the terms of B: its rotational and linear rows by its rotational and linear columns. The sum of the terms
/// may be zero where they are not.
fn term_sizes(inertia: &[f64; 10], v: &Spatial, h: &Spatial) -> [f64; 4] {
    let (v, h) = (Size::of(v), Size::of(h));
    let (m, c) = (inertia[9], norm3([inertia[6], inertia[7], inertia[8]]));
    let turn = inertia[0] + inertia[1] + inertia[2];
    [
        2.0 * (turn * v.rot + c * v.lin) + h.rot,
        2.0 * c * v.rot + m * v.lin + h.lin,
        m * v.lin + 2.0 * c * v.rot + h.lin,
        2.0 * m * v.rot,
    ]
}

/// A bound on a matrix of such blocks times a vector.
fn spread(m: &[f64; 4], v: Size) -> Size {
    Size { rot: m[0] * v.rot + m[1] * v.lin, lin: m[2] * v.rot + m[3] * v.lin }
}
