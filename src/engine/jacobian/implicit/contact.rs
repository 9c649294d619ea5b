//! The derivative of contact forces by position, at a fixed acceleration, without evaluating the whole model.
//!
//! What changes is where two geoms touch. That depends on their relative pose alone, so the narrow phase is
//! differenced once per touching pair, over the six motions of the second geom about the contact (and over the turns of
//! both where an iteration finds the contact, which depends on how both lie in the world); everything else (the
//! points' velocities and accelerations, impedance, the wrench on both bodies) is in closed form.

use nalgebra::DMatrix;

use super::motion::{Motion, ULP};
use super::narrow::{Geometry, MOTIONS, Narrow, along};
use super::rows::Rows;
use super::spatial::{
    Size, Spatial, Vec3, add3, cross, cross_motion, dot, dot3, join, lin, norm3, rot, scale3, sub, sub3,
};
use super::tree::Tree;
use crate::physics::{ContactDetail, PhysicsError, Sim};

/// The contacts of a state and how their geometry changes.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    details: Vec<ContactDetail>,
    narrow: Narrow,
    dofs: Vec<usize>,
    gap: f64,
    /// Dofs (nv) that move a contact which is on an edge in a way that its geometry has no derivative by. Their columns
    /// of the sums lack that motion's share; no other column does.
    pub(super) edges: Vec<bool>,
    /// Whether a contact that some dof moves has the inverse inertia of nothing, so that its force is that of a rigid body:
    /// how its lever changes is rounding times 1e15.
    pub(super) light: bool,
}

/// Where derivatives go: columns 0..nv of a matrix of nv rows, bounds on the errors of its entries, and bounds on the
/// errors of the rows' forces (n rows).
pub(super) struct Sums<'a> {
    pub(super) out: &'a mut DMatrix<f64>,
    pub(super) noise: &'a mut DMatrix<f64>,
    pub(super) errors: &'a mut DMatrix<f64>,
    /// How the rows' J a - aref changes (n x nv).
    pub(super) jar: &'a mut DMatrix<f64>,
}

impl Contacts {
    pub(super) fn new(gap: f64, nv: usize) -> Self {
        Self { gap, edges: vec![false; nv], ..Self::default() }
    }

    /// Adds d (J' f) / dq at fixed accelerations, and marks `edges`. `fields` are those of the accelerations and of the
    /// velocities.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn by_position(
        &mut self,
        tree: &Tree,
        sim: &mut Sim,
        rows: &Rows,
        fields: [&Motion; 2],
        mut sums: Sums<'_>,
    ) -> Result<(), PhysicsError> {
        self.details.clear();
        self.details
            .extend(sim.contact_details().filter(|c| c.row.is_some_and(|r| rows.pushes_within(r, row_count(c, rows)))));
        for pair in self.details.chunk_by(|a, b| a.geoms == b.geoms) {
            let centre = pair[0].pos;
            let [first, second] = pair[0].bodies.map(|b| &tree.chain[b]);
            // Axes of dofs that turn have a rotation.
            let turns = first.iter().any(|dof| norm3(rot(&fields[0].axis[*dof])) > 0.0);
            self.narrow.differentiate(sim, pair, (self.gap, turns), centre)?;
            let moved = !first.is_empty() || !second.is_empty();
            self.light |= moved && pair.iter().any(|c| c.row.is_some_and(|row| rows.is_light(row)));
            for (contact, geometry) in pair.iter().zip(&self.narrow.geometry) {
                let touching = Touching { contact, geometry, narrow: &self.narrow, centre };
                one(tree, sim, rows, fields, &touching, (&mut self.dofs, &mut self.edges), &mut sums);
            }
        }
        Ok(())
    }
}

/// A contact, and how its geometry changes when the second geom moves about a centre.
struct Touching<'a> {
    contact: &'a ContactDetail,
    geometry: &'a Geometry,
    narrow: &'a Narrow,
    centre: Vec3,
}

/// Constraint rows of a contact.
fn row_count(contact: &ContactDetail, rows: &Rows) -> usize {
    match contact.dim {
        1 => 1,
        dim if rows.pyramidal => 2 * (dim - 1),
        dim => dim,
    }
}

/// A share of a motion that is no more than this is its rounding.
const NONE: f64 = 1e-12;

/// Whether a motion has a share in one of the marked ones.
fn stirs(marked: &[bool; MOTIONS], motion: &[f64; MOTIONS]) -> bool {
    let most = motion.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    marked.iter().zip(motion).any(|(marked, x)| *marked && x.abs() > NONE * most)
}

/// Whether a contact says what its first tangent is to follow.
fn is_given(hint: Vec3) -> bool {
    norm3(hint) >= 0.5
}

/// A normal this close to where MuJoCo takes another axis for the first tangent, or to the direction that the tangent
/// follows, has no frame beside it.
const BESIDE: f64 = 1e-6;

/// Whether the frame of a contact jumps near its normal.
fn frame_jumps(frame: &[Vec3; 3], hint: Vec3) -> bool {
    let n = frame[0];
    if is_given(hint) {
        norm3(sub3(hint, scale3(n, dot3(n, hint)))) < BESIDE
    } else {
        (n[1].abs() - 0.5).abs() < BESIDE
    }
}

/// How the frame turns when the normal changes by `dn`, and the direction that the first tangent follows by `dh`.
fn frame_turn(frame: &[Vec3; 3], hint: Vec3, dn: Vec3, dh: Vec3) -> Vec3 {
    let [n, _, t2] = *frame;
    // MuJoCo's frame: the hint, or else the axis y, or z where the normal is close to y.
    let given = is_given(hint);
    let h = if given {
        hint
    } else if n[1].abs() < 0.5 {
        [0.0, 1.0, 0.0]
    } else {
        [0.0, 0.0, 1.0]
    };
    let dh = if given { dh } else { [0.0; 3] };
    let along = dot3(n, h);
    let length = norm3(sub3(h, scale3(n, along)));
    let about = (dot3(t2, dh) - dot3(t2, dn) * along) / length;
    add3(cross(n, dn), scale3(n, about))
}

/// Adds one contact.
fn one(
    tree: &Tree,
    sim: &Sim,
    rows: &Rows,
    fields: [&Motion; 2],
    &Touching { contact, geometry, narrow, centre }: &Touching<'_>,
    (dofs, edges): (&mut Vec<usize>, &mut [bool]),
    sums: &mut Sums<'_>,
) {
    let Some(row) = contact.row else { return };
    let dim = contact.dim;
    let frame_jumps = frame_jumps(&contact.frame, geometry.touch.tangent);
    let [n, t1, t2] = contact.frame;
    let axes = [n, t1, t2];
    let coms = sim.subtree_com().as_chunks::<3>().0;
    let origins = contact.bodies.map(|b| coms[tree.root[b]]);
    let chains = contact.bodies.map(|b| &tree.chain[b]);
    let arms = origins.map(|o| sub3(contact.pos, o));

    // Force and torque at the contact, on the second body.
    let along_rows = ContactRows { rows, row, dim, friction: &contact.friction };
    let f = along_rows.to_frame(|r| rows.force[r]);
    let compose = |f: &[f64; 6]| {
        let force = (0..dim.min(3)).fold([0.0; 3], |x, i| add3(x, scale3(axes[i], f[i])));
        let torque = (3..dim).fold([0.0; 3], |x, i| add3(x, scale3(axes[i - 3], f[i])));
        (force, torque)
    };
    let (force, torque) = compose(&f);
    let wrenches = arms.map(|arm| join(add3(cross(arm, force), torque), force));
    let force_size = norm3(force);

    // What the two points do under both fields.
    let points = fields.map(|field| contact.bodies.map(|b| field.v[b]));
    let relative = points.map(|[x1, x2]| {
        let at = |x: &Spatial, arm: Vec3| add3(lin(x), cross(rot(x), arm));
        (sub3(at(&x2, arms[1]), at(&x1, arms[0])), sub3(rot(&x2), rot(&x1)))
    });
    let rate = rows.damping[row].max(rows.damping[row + along_rows.count() - 1]);
    let sizes = points.map(|xs| {
        let both = [0, 1].map(|i| (Size::of(&xs[i]), norm3(arms[i])));
        let spread: f64 = both.iter().map(|(s, arm)| s.lin + s.rot * arm).sum();
        let turn: f64 = both.iter().map(|(s, _)| s.rot).sum();
        (spread, turn)
    });
    let (spread, turn) = (sizes[0].0 + rate * sizes[1].0, sizes[0].1 + rate * sizes[1].1);
    let slope = contact.friction.iter().take(dim - 1).fold(1.0_f64, |m, x| m.max(*x));
    let mass = (row..row + along_rows.count()).map(|r| rows.mass(r)).fold(0.0, f64::max);

    dofs.clear();
    dofs.extend(chains[1]);
    dofs.extend(chains[0].iter().filter(|d| chains[1].binary_search(d).is_err()));
    for &k in dofs.iter() {
        let in_chain = chains.map(|c| c.binary_search(&k).is_ok());
        let s = &fields[0].axis[k];
        let twist = |i: usize| {
            if in_chain[i] { join(rot(s), add3(lin(s), cross(rot(s), sub3(centre, origins[i])))) } else { [0.0; 6] }
        };
        let first = twist(0);
        let apart = if in_chain[0] && in_chain[1] && tree.root[contact.bodies[0]] == tree.root[contact.bodies[1]] {
            [0.0; 6]
        } else {
            sub(&twist(1), &first)
        };
        let motions = narrow.in_axes(&apart, rot(&first));
        let mut change = along(&geometry.by, &motions);
        edges[k] |= stirs(&geometry.broken, &motions);
        let turned = rot(&first);
        change.pos = add3(change.pos, add3(lin(&first), cross(turned, sub3(contact.pos, centre))));
        change.normal = add3(change.normal, cross(turned, n));
        change.tangent = add3(change.tangent, cross(turned, geometry.touch.tangent));
        let about = frame_turn(&contact.frame, geometry.touch.tangent, change.normal, change.tangent);
        edges[k] |= dim > 1 && frame_jumps && norm3(change.normal) + norm3(change.tangent) > 0.0;

        // How the relative motion at the contact, in its frame, changes.
        let moved = [0, 1].map(|field| {
            let (mut linear, mut angular) = ([0.0; 3], [0.0; 3]);
            for side in [0, 1] {
                let x = &points[field][side];
                let mut d = cross(rot(x), change.pos);
                let mut w = [0.0; 3];
                if in_chain[side] {
                    let carried = cross_motion(s, &sub(x, &fields[field].before[k]));
                    w = rot(&carried);
                    d = add3(d, add3(lin(&carried), cross(w, arms[side])));
                }
                if side == 1 {
                    (linear, angular) = (add3(linear, d), add3(angular, w));
                } else {
                    (linear, angular) = (sub3(linear, d), sub3(angular, w));
                }
            }
            let (y, z) = relative[field];
            std::array::from_fn::<f64, 6, _>(|i| match i {
                i if i >= dim => 0.0,
                i if i < 3 => dot3(cross(about, axes[i]), y) + dot3(axes[i], linear),
                i => dot3(cross(about, axes[i - 3]), z) + dot3(axes[i - 3], angular),
            })
        });
        let (df, jar, push) = along_rows.change(&moved, change.dist);
        for (r, x) in jar.iter().enumerate().take(along_rows.count()) {
            sums.jar[(row + r, k)] = *x;
        }

        let (mut dforce, mut dtorque) = compose(&df);
        dforce = add3(dforce, cross(about, force));
        dtorque = add3(dtorque, cross(about, torque));

        // Bounds on the error: of rounding, and of the differenced geometry.
        let apart_size = Size::of(&apart);
        let apart_size = apart_size.rot + apart_size.lin + if geometry.spins { norm3(turned) } else { 0.0 };
        let [e_dist, e_pos, e_normal] = geometry.error.map(|e| e * apart_size);
        let motion_size = 4.0 * ULP * (Size::of(s).rot * spread + norm3(change.pos) * turn + norm3(about) * spread);
        let e_jar =
            slope * (motion_size + e_normal * spread + e_pos * turn) + push * (e_dist + ULP * change.dist.abs());
        for r in row..row + along_rows.count() {
            sums.errors[(r, k)] += mass * e_jar + rows.softening(row).abs() * rows.force[r].abs() * e_dist;
        }
        let e_force = force_size * (e_normal + 4.0 * ULP * norm3(about));

        for side in [0, 1] {
            let sign = if side == 1 { 1.0 } else { -1.0 };
            let dwrench = join(add3(add3(cross(change.pos, force), cross(arms[side], dforce)), dtorque), dforce);
            let e_wrench = Size {
                rot: norm3(arms[side]) * e_force + force_size * (e_pos + 4.0 * ULP * norm3(change.pos)),
                lin: e_force,
            };
            for &j in chains[side].iter().filter(|j| chains[1 - side].binary_search(j).is_err()) {
                let sj = &fields[0].axis[j];
                let mut x = dot(sj, &dwrench);
                let mut e = Size::of(sj).dot(e_wrench);
                if in_chain[side] && tree.carries(k, j) {
                    x += dot(&cross_motion(s, sj), &wrenches[side]);
                    e += 4.0 * ULP * Size::of(s).cross_motion(Size::of(sj)).dot(Size::of(&wrenches[side]));
                }
                sums.out[(j, k)] += sign * x;
                sums.noise[(j, k)] += e + ULP * x.abs();
            }
        }
    }
}

/// The constraint rows of one contact, and the way between them and the contact's frame.
struct ContactRows<'a> {
    rows: &'a Rows,
    row: usize,
    dim: usize,
    friction: &'a [f64; 5],
}

impl ContactRows<'_> {
    fn pyramidal(&self) -> bool {
        self.rows.pyramidal && self.dim > 1
    }

    fn count(&self) -> usize {
        if self.pyramidal() { 2 * (self.dim - 1) } else { self.dim }
    }

    /// Forces of the rows as one along each axis of the frame.
    fn to_frame(&self, force: impl Fn(usize) -> f64) -> [f64; 6] {
        let mut f = [0.0; 6];
        if self.pyramidal() {
            for i in 1..self.dim {
                let (up, down) = (force(self.row + 2 * (i - 1)), force(self.row + 2 * (i - 1) + 1));
                f[0] += up + down;
                f[i] = self.friction[i - 1] * (up - down);
            }
        } else {
            for (i, x) in f.iter_mut().enumerate().take(self.dim) {
                *x = force(self.row + i);
            }
        }
        f
    }

    /// The change of the forces along the frame when the relative accelerations and velocities along it change by
    /// `moved`, and the distance by `dist`; that of the rows' J a - aref; and by how much an error of the distance changes
    /// a row.
    fn change(&self, moved: &[[f64; 6]; 2], dist: f64) -> ([f64; 6], [f64; 10], f64) {
        let (rows, row, n) = (self.rows, self.row, self.count());
        let mut jar = [0.0; 10];
        let push = rows.push(row);
        for (r, x) in jar.iter_mut().enumerate().take(n) {
            let along = |field: &[f64; 6]| {
                if self.pyramidal() {
                    let i = r / 2 + 1;
                    let side = if r % 2 == 0 { 1.0 } else { -1.0 };
                    field[0] + side * self.friction[i - 1] * field[i]
                } else {
                    field[r]
                }
            };
            // The stiffness of elliptic friction rows is zero.
            *x = along(&moved[0]) + rows.damping[row + r] * along(&moved[1]) + rows.push(row + r) * dist;
        }
        let softening = rows.softening(row);
        let mut df = [0.0; 10];
        rows.weigh(row, &jar[..n], &mut df[..n]);
        let change = |r: usize| -df[r - row] + rows.force[r] * softening * dist;
        (self.to_frame(change), jar, push)
    }
}
