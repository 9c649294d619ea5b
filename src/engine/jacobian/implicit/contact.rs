//! The derivative of contact forces by position, at a fixed acceleration, without evaluating the whole model.
//!
//! What changes is where two geoms touch. That depends on their relative pose alone, so the narrow phase is
//! differenced once per touching pair, over the six motions of the second geom about the contact (and over the turns of
//! both where an iteration finds the contact, which depends on how both lie in the world); everything else (the
//! points' velocities and accelerations, impedance, the wrench on both bodies) is in closed form.

use nalgebra::DMatrix;

use super::bending::Bend;
use super::motion::{Motion, ULP};
use super::narrow::{Geometry, MOTIONS, Narrow, SHARE, along};
use super::rows::Rows;
use super::spatial::{
    Size, Spatial, Vec3, add3, cross, cross_motion, dot, dot3, join, lin, norm3, rot, scale3, sub, sub3,
};
use super::surface::{self, Surfaces};
use super::tree::Tree;
use crate::physics::{ContactDetail, ContactGeometry, Model, PhysicsError, Sim};

/// The contacts of a state and how their geometry changes.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    pub(super) details: Vec<ContactDetail>,
    narrow: Narrow,
    dofs: Vec<usize>,
    gap: f64,
    /// Dofs (nv) that move a contact which is on an edge in a way that its geometry has no derivative by. Their columns
    /// of the sums lack that motion's share; no other column does.
    pub(super) edges: Vec<bool>,
    /// Dofs (nv) that move a contact whose differences leave something open.
    pub(super) open: Vec<bool>,
    /// Of a geom whose surface moves; empty without any.
    surfaces: Surfaces,
    /// By body, whether an actuator makes it stick.
    sticks: Vec<bool>,
    /// Rows of a contact that has none.
    none: Rows,
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
    /// How each contact shifts, where that is asked for.
    pub(super) shifts: Option<&'a mut Vec<Shift>>,
}

/// How a contact shifts with a dof.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    /// The contact's place in [`Contacts::details`], and the dof.
    pub(super) contact: usize,
    pub(super) dof: usize,
    /// How its position and its distance change, and how its frame turns.
    pub(super) pos: Vec3,
    pub(super) dist: f64,
    pub(super) about: Vec3,
    /// Bounds on the errors of these, and of the change of the rows' J a - aref.
    pub(super) errors: [f64; 3],
    pub(super) jar_error: f64,
}

impl Contacts {
    pub(super) fn new(model: &Model) -> Self {
        let mut sticks = vec![false; model.bodies().len()];
        model.adhesion_bodies().for_each(|body| sticks[body] = true);
        Self {
            gap: model.largest_gap(),
            edges: vec![false; model.nv()],
            open: vec![false; model.nv()],
            surfaces: Surfaces::new(model),
            sticks,
            none: Rows::none(model),
            ..Self::default()
        }
    }

    /// Whether a contact's geometry is asked for: it pushes or sticks.
    fn counts(&self, contact: &ContactDetail, rows: &Rows) -> bool {
        let there = contact.row.is_some() || contact.in_gap;
        contact.row.is_some_and(|row| rows.pushes_within(row, row_count(contact, rows)))
            || there && (contact.adhesion != 0.0 || self.sticks(contact))
    }

    /// Whether an actuator makes one of a contact's bodies stick.
    pub(super) fn sticks(&self, contact: &ContactDetail) -> bool {
        contact.bodies.iter().any(|body| self.sticks[*body])
    }

    /// Whether nothing but their motion makes two geoms push each other sideways.
    pub(super) fn is_plain(&self, contact: &ContactDetail) -> bool {
        contact.adhesion == 0.0 && !self.sticks(contact) && !contact.geoms.iter().any(|geom| self.surfaces.moves(*geom))
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
        let mut details = std::mem::take(&mut self.details);
        details.clear();
        details.extend(sim.contact_details().filter(|contact| self.counts(contact, rows)));
        self.details = details;
        let mut place = 0;
        for pair in self.details.chunk_by(|a, b| a.geoms == b.geoms) {
            let centre = pair[0].pos;
            let [first, second] = pair[0].bodies.map(|b| &tree.chain[b]);
            // Axes of dofs that turn have a rotation.
            let turns = first.iter().any(|dof| norm3(rot(&fields[0].axis[*dof])) > 0.0);
            self.narrow.twists.clear();
            let coms = sim.subtree_com().as_chunks::<3>().0;
            let origins = pair[0].bodies.map(|b| coms[tree.root[b]]);
            for dof in first.iter().chain(second) {
                let (_, of_first, apart) = twists(tree, &pair[0], fields[0], (*dof, origins, centre));
                self.narrow.twists.push((apart, rot(&of_first)));
            }
            self.narrow.differentiate(sim, pair, (self.gap, turns), centre)?;
            let moved = !first.is_empty() || !second.is_empty();
            self.light |= moved && pair.iter().any(|c| c.row.is_some_and(|row| rows.is_light(row)));
            for (at, (contact, geometry)) in pair.iter().zip(&self.narrow.geometry).enumerate() {
                let (narrow, surfaces) = (&self.narrow, &self.surfaces);
                let touching = Touching { contact, geometry, narrow, centre, at: place + at, surfaces };
                let rows = if contact.row.is_some() { rows } else { &self.none };
                let marks = [&mut self.edges, &mut self.open].map(Vec::as_mut_slice);
                add_contact(tree, sim, rows, fields, &touching, (&mut self.dofs, marks), &mut sums);
            }
            place += pair.len();
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
    /// Its place in the list of contacts.
    at: usize,
    surfaces: &'a Surfaces,
}

/// Constraint rows of a contact.
fn row_count(contact: &ContactDetail, rows: &Rows) -> usize {
    match contact.dim {
        1 => 1,
        dim if rows.pyramidal => 2 * (dim - 1),
        dim => dim,
    }
}

/// Whether a motion has a share in one of the marked ones.
fn stirs(marked: &[bool; MOTIONS], motion: &[f64; MOTIONS]) -> bool {
    let most = motion.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    marked.iter().zip(motion).any(|(marked, x)| *marked && x.abs() > SHARE * most)
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

/// Adds the derivative of one contact's generalised force J' f (nv) by each dof k that moves one of its bodies,
///
/// ```text
/// d (J' f) / dq_k = sum over both bodies of +- ((dS / dq_k)' w + S' dw / dq_k)
/// ```
///
/// with the axes S of the body's dofs (6 x nv) and the contact's wrench w on it (6) about its tree's centre of mass.
fn add_contact(
    tree: &Tree,
    sim: &Sim,
    rows: &Rows,
    fields: [&Motion; 2],
    touching: &Touching<'_>,
    (dofs, [edges, open]): (&mut Vec<usize>, [&mut [bool]; 2]),
    sums: &mut Sums<'_>,
) {
    let row = touching.contact.row.unwrap_or(0);
    let state = ContactState::new(tree, sim, rows, fields, touching, row);
    dofs.clear();
    dofs.extend(state.chains[1]);
    dofs.extend(state.chains[0].iter().filter(|d| state.chains[1].binary_search(d).is_err()));
    for &k in dofs.iter() {
        let moved = state.geometry_change(k);
        edges[k] |= state.is_at_edge(&moved);
        open[k] |= moved.open != [0.0; 3];
        let force = state.force_change(k, &moved);
        let bound = state.error_bound(k, &moved, &force);
        if let Some(shifts) = &mut sums.shifts {
            let GeometryChange { touch, about, .. } = &moved;
            let errors = [bound.pos, bound.dist, bound.turn];
            let jar_error = bound.jar;
            let (contact, pos, dist) = (touching.at, touch.pos, touch.dist);
            shifts.push(Shift { contact, dof: k, pos, dist, about: *about, errors, jar_error });
        }
        if touching.contact.row.is_none() {
            continue;
        }
        state.scatter(k, &moved, &force, &bound, sums);
    }
}

/// How a dof moves the bodies of a contact: which of them, the motion of the first one about a centre, and that of the second one
/// against it. `origins` are the centres of mass of the bodies' trees.
fn twists(
    tree: &Tree,
    contact: &ContactDetail,
    field: &Motion,
    (dof, origins, centre): (usize, [Vec3; 2], Vec3),
) -> ([bool; 2], Spatial, Spatial) {
    let in_chain = contact.bodies.map(|b| tree.chain[b].binary_search(&dof).is_ok());
    let s = &field.axis[dof];
    let twist = |i: usize| {
        if in_chain[i] { join(rot(s), add3(lin(s), cross(rot(s), sub3(centre, origins[i])))) } else { [0.0; 6] }
    };
    let first = twist(0);
    let apart = if in_chain[0] && in_chain[1] && tree.root[contact.bodies[0]] == tree.root[contact.bodies[1]] {
        [0.0; 6]
    } else {
        sub(&twist(1), &first)
    };
    (in_chain, first, apart)
}

/// A contact as it is, before anything changes.
struct ContactState<'a> {
    tree: &'a Tree,
    fields: [&'a Motion; 2],
    touching: &'a Touching<'a>,
    rows: ContactRows<'a>,
    /// Dofs that move each body.
    chains: [&'a Vec<usize>; 2],
    /// Centres of mass of the bodies' trees, and the contact's moment arms about them, m.
    origins: [Vec3; 2],
    arms: [Vec3; 2],
    /// Force (N) and torque (N m) at the contact on the second body, and the wrench of both about each origin.
    force: Vec3,
    torque: Vec3,
    force_size: f64,
    wrenches: [Spatial; 2],
    /// Motion of each body, and the relative linear and angular motion at the contact: of accelerations and of velocities.
    points: [[Spatial; 2]; 2],
    relative: [(Vec3, Vec3); 2],
    /// What its surface adds to the motion of each body.
    surface: Option<[Spatial; 2]>,
    /// How large what `relative` is the difference of may be, linear and angular; velocities weigh as in the rows' J a - aref.
    spread: f64,
    turn: f64,
    /// The largest friction of the contact, 1 at least, and the largest inertia that one of its rows moves.
    slope: f64,
    mass: f64,
}

/// How the geometry of a contact changes with a dof.
struct GeometryChange {
    in_chain: [bool; 2],
    /// Motion of the first body about the contact's centre, and of the second against it.
    first: Spatial,
    apart: Spatial,
    /// Among `apart` are motions by which the geometry has no derivative.
    broken: bool,
    /// What differences leave open of it: of the distance, the position, the normal.
    open: [f64; 3],
    touch: ContactGeometry,
    /// How the contact's frame turns.
    about: Vec3,
}

/// How a contact's force changes with a dof, and its rows' J a - aref.
struct ForceChange {
    force: Vec3,
    torque: Vec3,
    /// By how much an error of the distance changes a row.
    push: f64,
    jar: [f64; 10],
}

/// Bounds on the errors of a change, of rounding and of the differenced geometry.
struct ErrorBound {
    /// Of the distance and the position, m, and of how the frame turns.
    dist: f64,
    pos: f64,
    turn: f64,
    /// Of a row's J a - aref.
    jar: f64,
    /// Of the force, N.
    force: f64,
}

impl<'a> ContactState<'a> {
    fn new(
        tree: &'a Tree,
        sim: &Sim,
        rows: &'a Rows,
        fields: [&'a Motion; 2],
        touching: &'a Touching<'a>,
        row: usize,
    ) -> Self {
        let contact = touching.contact;
        let coms = sim.subtree_com().as_chunks::<3>().0;
        let origins = contact.bodies.map(|b| coms[tree.root[b]]);
        let arms = origins.map(|o| sub3(contact.pos, o));
        let dim = if contact.row.is_some() { contact.dim } else { 1 };
        let rows = ContactRows { rows, row, dim, friction: &contact.friction, adhesion: contact.adhesion };
        let surface = touching.surfaces.of(sim, contact, origins);
        let f = rows.to_frame(|r| rows.rows.force[r]);
        let (force, torque) = along_frame(contact, &f);
        let points = fields.map(|field| contact.bodies.map(|b| field.v[b]));
        let relative = points.map(|[x1, x2]| {
            let at = |x: &Spatial, arm: Vec3| add3(lin(x), cross(rot(x), arm));
            (sub3(at(&x2, arms[1]), at(&x1, arms[0])), sub3(rot(&x2), rot(&x1)))
        });
        let rate = rows.rows.damping[row].max(rows.rows.damping[row + rows.count() - 1]);
        let sizes = points.map(|xs| {
            let both = [0, 1].map(|i| (Size::of(&xs[i]), norm3(arms[i])));
            let spread: f64 = both.iter().map(|(s, arm)| s.lin + s.rot * arm).sum();
            let turn: f64 = both.iter().map(|(s, _)| s.rot).sum();
            (spread, turn)
        });
        let moves = surface.iter().flatten().zip(&arms).map(|(x, arm)| Size::of(x).lin + Size::of(x).rot * norm3(*arm));
        Self {
            tree,
            fields,
            touching,
            surface,
            chains: contact.bodies.map(|b| &tree.chain[b]),
            origins,
            arms,
            force,
            torque,
            force_size: norm3(force),
            wrenches: arms.map(|arm| join(add3(cross(arm, force), torque), force)),
            points,
            relative,
            spread: sizes[0].0 + rate * (sizes[1].0 + moves.sum::<f64>()),
            turn: sizes[0].1 + rate * sizes[1].1,
            slope: contact.friction.iter().take(contact.dim - 1).fold(1.0_f64, |m, x| m.max(*x)),
            mass: (row..row + rows.count()).map(|r| rows.rows.mass(r)).fold(0.0, f64::max),
            rows,
        }
    }

    /// Kinematics: how position, normal, distance and frame of the contact change with the dof.
    fn geometry_change(&self, k: usize) -> GeometryChange {
        let &Touching { contact, geometry, narrow, centre, .. } = self.touching;
        let (in_chain, first, apart) = twists(self.tree, contact, self.fields[0], (k, self.origins, centre));
        let motions = narrow.in_axes(&apart, rot(&first));
        let mut touch = along(&geometry.by, &motions);
        let turned = rot(&first);
        touch.pos = add3(touch.pos, add3(lin(&first), cross(turned, sub3(contact.pos, centre))));
        touch.normal = add3(touch.normal, cross(turned, contact.frame[0]));
        touch.tangent = add3(touch.tangent, cross(turned, geometry.touch.tangent));
        let about = frame_turn(&contact.frame, geometry.touch.tangent, touch.normal, touch.tangent);
        let broken = stirs(&geometry.broken, &motions);
        let shares = geometry.open.iter().zip(&motions);
        let open = shares.fold([0.0_f64; 3], |sum, (open, x)| std::array::from_fn(|i| sum[i] + open[i] * x.abs()));
        GeometryChange { in_chain, first, apart, broken, open, touch, about }
    }

    /// Whether the geometry, or the contact's frame, has no derivative by the dof.
    fn is_at_edge(&self, moved: &GeometryChange) -> bool {
        let Touching { contact, geometry, .. } = self.touching;
        let frame_moves = norm3(moved.touch.normal) + norm3(moved.touch.tangent) > 0.0;
        moved.broken || contact.dim > 1 && frame_jumps(&contact.frame, geometry.touch.tangent) && frame_moves
    }

    /// How the relative motion at the contact, in its frame, changes with the dof: of accelerations and of velocities.
    fn motion_change(&self, k: usize, moved: &GeometryChange) -> [[f64; 6]; 2] {
        let contact = self.touching.contact;
        let (axes, dim) = (&contact.frame, contact.dim);
        let s = &self.fields[0].axis[k];
        [0, 1].map(|field| {
            let (mut linear, mut angular) = ([0.0; 3], [0.0; 3]);
            for side in [0, 1] {
                let x = &self.points[field][side];
                let mut d = cross(rot(x), moved.touch.pos);
                let mut w = [0.0; 3];
                if moved.in_chain[side] {
                    let carried = cross_motion(s, &sub(x, &self.fields[field].before[k]));
                    w = rot(&carried);
                    d = add3(d, add3(lin(&carried), cross(w, self.arms[side])));
                }
                if side == 1 {
                    (linear, angular) = (add3(linear, d), add3(angular, w));
                } else {
                    (linear, angular) = (sub3(linear, d), sub3(angular, w));
                }
            }
            let (y, z) = self.relative[field];
            std::array::from_fn::<f64, 6, _>(|i| match i {
                i if i >= dim => 0.0,
                i if i < 3 => dot3(cross(moved.about, axes[i]), y) + dot3(axes[i], linear),
                i => dot3(cross(moved.about, axes[i - 3]), z) + dot3(axes[i - 3], angular),
            })
        })
    }

    /// How the contact's force changes with the dof.
    fn force_change(&self, k: usize, moved: &GeometryChange) -> ForceChange {
        let mut motion = self.motion_change(k, moved);
        if let Some(surface) = &self.surface {
            let contact = (&self.touching.contact.frame, self.arms);
            let change = surface::change(
                surface,
                contact,
                (&self.fields[0].axis[k], moved.in_chain),
                (moved.touch.pos, moved.about),
            );
            for i in surface::DRIVEN.into_iter().filter(|i| *i < self.rows.dim) {
                motion[1][i] += change[i];
            }
        }
        let (df, jar, push) = self.rows.change(&motion, moved.touch.dist);
        let (force, torque) = along_frame(self.touching.contact, &df);
        let torque = add3(torque, cross(moved.about, self.torque));
        ForceChange { force: add3(force, cross(moved.about, self.force)), torque, push, jar }
    }

    /// Bounds on the errors of rounding and of the differenced geometry.
    fn error_bound(&self, k: usize, moved: &GeometryChange, force: &ForceChange) -> ErrorBound {
        let geometry = self.touching.geometry;
        let (spread, turn) = (self.spread, self.turn);
        let s = &self.fields[0].axis[k];
        let apart = Size::of(&moved.apart);
        let apart = apart.rot + apart.lin + if geometry.spins { norm3(rot(&moved.first)) } else { 0.0 };
        let [dist, pos, normal]: [f64; 3] = std::array::from_fn(|i| geometry.error[i] * apart + moved.open[i]);
        let (touch, about) = (&moved.touch, moved.about);
        let motion = 4.0 * ULP * (Size::of(s).rot * spread + norm3(touch.pos) * turn + norm3(about) * spread);
        ErrorBound {
            dist,
            pos,
            turn: normal + 4.0 * ULP * norm3(about),
            jar: self.slope * (motion + normal * spread + pos * turn) + force.push * (dist + ULP * touch.dist.abs()),
            force: self.force_size * (normal + 4.0 * ULP * norm3(about)),
        }
    }

    /// Adds the changes to the column of the dof, with their bounds.
    fn scatter(&self, k: usize, moved: &GeometryChange, force: &ForceChange, bound: &ErrorBound, sums: &mut Sums<'_>) {
        let (rows, row, count) = (self.rows.rows, self.rows.row, self.rows.count());
        for (r, x) in force.jar.iter().enumerate().take(count) {
            sums.jar[(row + r, k)] = *x;
        }
        for r in row..row + count {
            sums.errors[(r, k)] += self.mass * bound.jar + rows.softening(row).abs() * rows.force[r].abs() * bound.dist;
        }
        let s = &self.fields[0].axis[k];
        for side in [0, 1] {
            let sign = if side == 1 { 1.0 } else { -1.0 };
            let arm = self.arms[side];
            let lever = add3(cross(moved.touch.pos, self.force), cross(arm, force.force));
            let dwrench = join(add3(lever, force.torque), force.force);
            let e_wrench = Size {
                rot: norm3(arm) * bound.force + self.force_size * (bound.pos + 4.0 * ULP * norm3(moved.touch.pos)),
                lin: bound.force,
            };
            for &j in self.chains[side].iter().filter(|j| self.chains[1 - side].binary_search(j).is_err()) {
                let sj = &self.fields[0].axis[j];
                let mut x = dot(sj, &dwrench);
                let mut e = Size::of(sj).dot(e_wrench);
                if moved.in_chain[side] && self.tree.carries(k, j) {
                    x += dot(&cross_motion(s, sj), &self.wrenches[side]);
                    e += 4.0 * ULP * Size::of(s).cross_motion(Size::of(sj)).dot(Size::of(&self.wrenches[side]));
                }
                sums.out[(j, k)] += sign * x;
                sums.noise[(j, k)] += e + ULP * x.abs();
            }
        }
    }
}

/// How the Jacobian of the relative motion along axis `i` of a contact's frame (normal and tangents, then turns about these) changes with the
/// positions: with the velocity v_m of the contact's point by a unit of dof m (and its turn w_m), and frame axis e,
///
/// ```text
/// d (e v_m) / dq_k = (about_k x e) v_m + e (w_m x pos_k + (S_k x S_m at the point, where k carries m)).
/// ```
pub(super) fn bends(
    (tree, sim, motion): (&Tree, &Sim, &Motion),
    contact: &ContactDetail,
    i: usize,
    shifts: &[&Shift],
) -> Vec<Bend> {
    let axes = &motion.axis;
    let coms = sim.subtree_com().as_chunks::<3>().0;
    let chains = contact.bodies.map(|b| &tree.chain[b]);
    let e = if i < 3 { contact.frame[i] } else { contact.frame[i - 3] };
    let mut out = Vec::new();
    for side in [0, 1] {
        let sign = if side == 1 { 1.0 } else { -1.0 };
        let arm = sub3(contact.pos, coms[tree.root[contact.bodies[side]]]);
        let at = |motion: &[f64; 6]| if i < 3 { add3(lin(motion), cross(rot(motion), arm)) } else { rot(motion) };
        for &m in chains[side].iter().filter(|m| chains[1 - side].binary_search(m).is_err()) {
            let (v, turn) = (at(&axes[m]), if i < 3 { rot(&axes[m]) } else { [0.0; 3] });
            let size = norm3(lin(&axes[m])) + norm3(rot(&axes[m])) * norm3(arm);
            for shift in shifts {
                let [pos_error, _, turn_error] = shift.errors;
                let mut moved: Vec3 = cross(turn, shift.pos);
                let mut sizes = norm3(turn) * norm3(shift.pos) + norm3(shift.about) * norm3(v);
                if chains[side].binary_search(&shift.dof).is_ok() && tree.carries(shift.dof, m) {
                    let carried = at(&cross_motion(&axes[shift.dof], &axes[m]));
                    moved = add3(moved, carried);
                    let own = &axes[shift.dof];
                    sizes += norm3(rot(own)) * size + norm3(lin(own)) * norm3(rot(&axes[m]));
                }
                let x = sign * (dot3(cross(shift.about, e), v) + dot3(e, moved));
                let error = 8.0 * ULP * sizes + turn_error * norm3(v) + pos_error * norm3(turn);
                if x != 0.0 || error != 0.0 {
                    out.push(Bend { at: (m, shift.dof), x, error });
                }
            }
        }
    }
    out
}

/// Force and torque of components along the axes of a contact's frame: normal and both tangents, then turns about these.
fn along_frame(contact: &ContactDetail, f: &[f64; 6]) -> (Vec3, Vec3) {
    let (axes, dim) = (&contact.frame, contact.dim);
    let force = (0..dim.min(3)).fold([0.0; 3], |x, i| add3(x, scale3(axes[i], f[i])));
    let torque = (3..dim).fold([0.0; 3], |x, i| add3(x, scale3(axes[i - 3], f[i])));
    (force, torque)
}

/// The constraint rows of one contact, and the way between them and the contact's frame.
struct ContactRows<'a> {
    rows: &'a Rows,
    row: usize,
    dim: usize,
    friction: &'a [f64; 5],
    /// Force by which the geoms stick, N.
    adhesion: f64,
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
        if self.adhesion != 0.0 {
            // aref has R times the adhesion, shared by the edges of a pyramid, and R is one over D.
            let (sharing, share) = if self.pyramidal() { (n, self.adhesion / n as f64) } else { (1, self.adhesion) };
            (0..sharing).for_each(|r| jar[r] += rows.regularisation(row + r) * share * softening * dist);
        }
        let mut df = [0.0; 10];
        rows.weigh(row, &jar[..n], &mut df[..n]);
        let change = |r: usize| -df[r - row] + rows.force[r] * softening * dist;
        (self.to_frame(change), jar, push)
    }
}
