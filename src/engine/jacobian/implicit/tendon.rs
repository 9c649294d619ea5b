//! How the moment arms of tendons in space change with the configuration.
//!
//! The length of a tendon is a sum over straight pieces from a point a on one body to a point b on another, and over arcs on geoms,
//! which are of one body. With u the unit vector along a piece and s_j(p) the velocity that a unit of dof j gives to a point p that
//! its body carries along, its moment arms are (m or m/rad)
//!
//! ```text
//! J_j = sum over pieces  u . (s_j(b) - s_j(a)) / divisor.
//! ```
//!
//! Dof k moves the points by D_k(a) and D_k(b): with their bodies, and points of contact along their geoms besides, as [`super::wrap`]
//! says. So the arms change by
//!
//! ```text
//! dJ_j / dq_k = sum over pieces  [u'_k . (s_j(b) - s_j(a)) + u . (s'_jk(b) - s'_jk(a))] / divisor,
//! u'_k     = (1 - u u') (D_k(b) - D_k(a)) / |b - a|,
//! s'_jk(p) = w_k x s_j(p) + w_j x (D_k(p) - s_k(p))   where k carries the axis of j along, w their angular velocities,
//! s'_jk(p) = w_j x D_k(p)                             where it does not.
//! ```
//!
//! Dofs that move both ends of a piece alike, and all that decides on the ends, change nothing: these are left out, so that what
//! does not depend on a dof is zero and not rounding.

use super::bending::Bend;
use super::jet::Jet;
use super::motion::ULP;
use super::spatial::{Vec3, add3, cross, dot3, lin, norm3, rot, rotate, rotate_back, scale3, sub3};
use super::tree::Tree;
use super::wrap::{Round, Way, wrap};
use crate::physics::{Model, PathGeom, PathPiece, Sim};
use nalgebra::DMatrix;

/// Straight pieces that are shorter, m, have no direction.
const NO_LENGTH: f64 = 1e-9;

/// MuJoCo's moment arms are those from here up to this share of the largest.
const SAME: f64 = 1e-7;

/// Nudge of the ends of a path inside a geom, m.
const NUDGE: f64 = 1.0 / 262_144.0;

/// The bodies of a piece: those of its ends and of the geom between.
const FIRST: usize = 0;
const GEOM: usize = 1;
const LAST: usize = 2;

/// A dof that moves some of a piece's bodies against the others.
#[derive(Debug, Clone, Copy)]
struct Mover {
    dof: usize,
    /// Its place among the tendon's dofs.
    place: usize,
    /// Which bodies it moves.
    moves: [bool; 3],
}

#[derive(Debug)]
struct Piece {
    path: PathPiece,
    round: Option<Round>,
    movers: Vec<Mover>,
}

/// A moment arm: the dof, and its value with a bound on its rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Arm {
    pub(super) dof: usize,
    pub(super) x: f64,
    pub(super) error: f64,
}

/// A tendon's moment arms, and for one in space their derivatives by its own dofs.
#[derive(Debug)]
pub(super) struct Tendon {
    pieces: Vec<Piece>,
    /// Whether it has arms with derivatives in closed form now, and these arms are MuJoCo's.
    pub(super) closed: bool,
    pub(super) arms: Vec<Arm>,
    /// dJ_j / dq_k and bounds on their rounding, row by row; empty for a fixed tendon, whose arms are constant.
    bends: Vec<(f64, f64)>,
}

/// All tendons of a model.
#[derive(Debug)]
pub(super) struct Tendons {
    pub(super) all: Vec<Tendon>,
    /// Space of a piece: by end and mover.
    space: [Vec<Moved>; 4],
}

/// How a dof moves a point: with the body that it is on, and in all; and bounds on the rounding of these.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    own: Vec3,
    own_error: f64,
    whole: Vec3,
    whole_error: f64,
}

/// A point of a path, and which of the piece's bodies it is on.
#[derive(Clone, Copy)]
struct End<'a> {
    at: Vec3,
    error: f64,
    on: usize,
    moved: &'a [Moved],
}

/// How far a point's position may be off, m.
fn position_error(p: Vec3) -> f64 {
    4.0 * ULP * (1e-3 + norm3(p))
}

impl Tendon {
    fn new(model: &Model, tree: &Tree, id: usize) -> Self {
        let paths = model.tendon_pieces(id);
        let bodies = |path: &PathPiece| {
            let [first, last] = path.ends.map(|e| e.body);
            [first, path.geom.map_or(first, |g| g.body), last]
        };
        let of_piece = |path: &PathPiece| -> Vec<(usize, [bool; 3])> {
            let moves = |dof: usize| bodies(path).map(|b| tree.chain[b].binary_search(&dof).is_ok());
            let all = (0..tree.nv()).map(|dof| (dof, moves(dof)));
            all.filter(|(_, m)| m.contains(&true) && m.contains(&false)).collect()
        };
        let mut dofs: Vec<usize> = paths.iter().flat_map(|p| of_piece(p).into_iter().map(|(dof, _)| dof)).collect();
        dofs.sort_unstable();
        dofs.dedup();
        let place = |dof: usize| dofs.binary_search(&dof).unwrap_or_default();
        let pieces: Vec<Piece> = paths
            .iter()
            .map(|path| Piece {
                path: *path,
                round: path.geom.map(|g| Round { cylinder: g.cylinder, radius: g.radius }),
                movers: of_piece(path)
                    .into_iter()
                    .map(|(dof, moves)| Mover { dof, place: place(dof), moves })
                    .collect(),
            })
            .collect();
        let arms = dofs.iter().map(|&dof| Arm { dof, x: 0.0, error: 0.0 }).collect();
        let bends = if pieces.is_empty() { Vec::new() } else { vec![(0.0, 0.0); dofs.len() * dofs.len()] };
        Self { pieces, closed: false, arms, bends }
    }

    /// dJ_j / dq_k of places j and k among the arms, with its bound.
    fn bend(&self, j: usize, k: usize) -> (f64, f64) {
        self.bends[j * self.arms.len() + k]
    }

    /// Whether its arms depend on the configuration.
    pub(super) fn bends(&self) -> bool {
        !self.bends.is_empty()
    }

    /// Adds `force` (N, with a bound on its error) times dJ/dq to the columns of the positions, but for rows that are `held`.
    pub(super) fn add_bends(
        &self,
        (force, error): (f64, f64),
        held: &dyn Fn(usize) -> bool,
        out: &mut DMatrix<f64>,
        noise: &mut DMatrix<f64>,
    ) {
        if !self.bends() || force == 0.0 && error == 0.0 {
            return;
        }
        for (j, row) in self.arms.iter().enumerate().filter(|(_, arm)| !held(arm.dof)) {
            for (k, column) in self.arms.iter().enumerate() {
                let (x, own) = self.bend(j, k);
                out[(row.dof, column.dof)] += force * x;
                noise[(row.dof, column.dof)] +=
                    (force.abs() + error) * own + (error + 2.0 * ULP * force.abs()) * x.abs();
            }
        }
    }

    /// dJ/dq, entry by entry.
    pub(super) fn entries(&self) -> impl Iterator<Item = Bend> + '_ {
        let n = self.arms.len();
        self.bends.iter().enumerate().map(move |(at, (x, error))| Bend {
            at: (self.arms[at / n].dof, self.arms[at % n].dof),
            x: *x,
            error: *error,
        })
    }

    /// How J v changes with the positions at a fixed v (nv): by arm, with bounds on its error.
    pub(super) fn turning(&self, v: impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
        if !self.bends() {
            return vec![(0.0, 0.0); self.arms.len()];
        }
        let column = |k: usize| {
            self.arms.iter().enumerate().fold((0.0, 0.0), |(sum, error), (j, arm)| {
                let ((x, own), v) = (self.bend(j, k), v(arm.dof));
                (sum + x * v, error + (own + 2.0 * ULP * x.abs()) * v.abs())
            })
        };
        (0..self.arms.len()).map(column).collect()
    }

    /// J v for a vector (nv), with a bound on its error.
    pub(super) fn along(&self, v: impl Fn(usize) -> f64) -> (f64, f64) {
        self.arms.iter().fold((0.0, 0.0), |(sum, error), arm| {
            let v = v(arm.dof);
            (sum + arm.x * v, error + (arm.error + 2.0 * ULP * arm.x.abs()) * v.abs())
        })
    }
}

impl Tendons {
    pub(super) fn new(model: &Model, tree: &Tree) -> Self {
        let all = (0..model.tendons().len()).map(|id| Tendon::new(model, tree, id)).collect();
        Self { all, space: Default::default() }
    }

    /// Whether any has arms that depend on the configuration.
    pub(super) fn any_bends(&self) -> bool {
        self.all.iter().any(Tendon::bends)
    }

    /// Takes the arms and their derivatives at the state of `sim`, after its position stage.
    pub(super) fn set(&mut self, sim: &Sim, tree: &Tree) {
        let Self { all, space } = self;
        for (id, tendon) in all.iter_mut().enumerate() {
            if tendon.pieces.is_empty() {
                tendon.arms.clear();
                tendon.arms.extend(sim.tendon_jacobian(id).map(|(dof, x)| Arm { dof, x, error: 0.0 }));
                tendon.closed = true;
                continue;
            }
            tendon.arms.iter_mut().for_each(|arm| (arm.x, arm.error) = (0.0, 0.0));
            tendon.bends.fill((0.0, 0.0));
            tendon.closed = tendon.take(sim, tree, space) && tendon.is_same(sim, id);
        }
    }
}

impl Tendons {
    /// Tendons and dofs, in order, for which a path takes another way, or touches a geom elsewhere, when the dof is nudged by `reach`:
    /// points that are farther than `jump` (m) from where they were. To the first order in the nudge, which is small.
    pub(super) fn switching(&self, sim: &Sim, tree: &Tree, (reach, jump): (f64, f64)) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for (id, tendon) in self.all.iter().enumerate() {
            for piece in &tendon.pieces {
                piece.switching(sim, tree, (reach, jump), |dof| found.push((id, dof)));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Tendon {
    /// Adds up all pieces. False where one has no direction.
    fn take(&mut self, sim: &Sim, tree: &Tree, space: &mut [Vec<Moved>; 4]) -> bool {
        let Self { pieces, arms, bends, .. } = self;
        let mut good = true;
        for piece in &*pieces {
            let at = piece.path.ends.map(|end| sim.path_site(&end));
            let Some(contact) = piece.place(sim, tree, at, space) else { return false };
            let [first, in_, out, last] = &*space;
            let end = |at: Vec3, error: f64, on: usize, moved| End { at, error, on, moved };
            let begin = end(at[0], position_error(at[0]), FIRST, first);
            let finish = end(at[1], position_error(at[1]), LAST, last);
            let mut add = |from: End<'_>, to: End<'_>, all: bool| {
                good &= piece.add([from, to], all, (sim, tree), (&mut arms[..], &mut bends[..]));
            };
            match contact {
                None => add(begin, finish, false),
                Some([(w0, e0), (w1, e1)]) => {
                    add(begin, end(w0, e0, GEOM, in_), true);
                    add(end(w1, e1, GEOM, out), finish, true);
                }
            }
        }
        good
    }

    /// Whether MuJoCo's moment arms are these.
    fn is_same(&self, sim: &Sim, id: usize) -> bool {
        let largest = sim.tendon_jacobian(id).fold(0.0_f64, |most, (_, x)| most.max(x.abs()));
        let theirs = |dof: usize| sim.tendon_jacobian(id).find(|(d, _)| *d == dof).map_or(0.0, |(_, x)| x);
        let near = |x: f64, error: f64| x.abs() <= SAME * largest + error + 1e-12;
        let ours = |dof: usize| self.arms.iter().any(|arm| arm.dof == dof);
        self.arms.iter().all(|arm| near(arm.x - theirs(arm.dof), 64.0 * arm.error))
            && sim.tendon_jacobian(id).all(|(dof, x)| ours(dof) || near(x, 0.0))
    }
}

/// Points of contact, with bounds on their errors.
type Contact = [(Vec3, f64); 2];

impl Piece {
    /// How the piece's dofs move its ends (0 and 3) and points of contact (1 and 2), into `space`; and where the latter are, None
    /// where it is straight. None in all where its way is not known.
    fn place(&self, sim: &Sim, tree: &Tree, ends: [Vec3; 2], space: &mut [Vec<Moved>; 4]) -> Option<Option<Contact>> {
        for (slot, (at, on)) in [(0, (ends[0], FIRST)), (3, (ends[1], LAST))] {
            let moved = self.movers.iter().map(|mover| {
                let (own, own_error) = mover.at(sim, tree, at, on);
                Moved { own, own_error, whole: own, whole_error: own_error }
            });
            space[slot].clear();
            space[slot].extend(moved);
        }
        let Some((round, geom)) = self.round.zip(self.path.geom) else { return Some(None) };
        let (centre, axes) = sim.geom_pose(geom.geom);
        let local = |p: Vec3| rotate_back(&axes, sub3(p, centre));
        let side = geom.side.map(|s| local(sim.path_site(&s)));
        // The way is found with plain numbers first: most pieces are straight.
        let (way, _) = wrap(round, ends.map(local), side);
        match way {
            Way::Straight => return Some(None),
            Way::Unknown => return None,
            Way::Around(_) | Way::Inside => {}
        }
        let jets: [[Jet; 3]; 2] = std::array::from_fn(|e| {
            let (x, error) = (local(ends[e]), position_error(ends[e]) + position_error(centre));
            std::array::from_fn(|i| Jet::coordinate(x[i], error, 3 * e + i))
        });
        let points = match way {
            Way::Inside => inside(&geom, ends.map(local), side, jets)?,
            _ => wrap(round, jets, side).1,
        };
        let mut contact = [([0.0; 3], 0.0); 2];
        for (w, point) in points.iter().enumerate() {
            let at = add3(centre, rotate(&axes, point.map(|x| x.x)));
            let error = point.iter().fold(position_error(centre), |sum, x| sum + x.error);
            contact[w] = (at, error);
            let moved: Vec<Moved> = (0..self.movers.len())
                .map(|k| self.slide(sim, tree, k, (at, point), (ends, &axes), [&space[0][k], &space[3][k]]))
                .collect();
            space[1 + w] = moved;
        }
        Some(Some(contact))
    }

    /// Names the dofs for which the piece takes another way, or touches its geom elsewhere, when they are nudged.
    fn switching(&self, sim: &Sim, tree: &Tree, (reach, jump): (f64, f64), mut name: impl FnMut(usize)) {
        let Some((round, geom)) = self.round.zip(self.path.geom) else { return };
        let (centre, axes) = sim.geom_pose(geom.geom);
        let local = |p: Vec3| rotate_back(&axes, sub3(p, centre));
        let ends = self.path.ends.map(|end| sim.path_site(&end));
        let side = geom.side.map(|s| (sim.path_site(&s), s.body));
        let here = (ends.map(local), side.map(|(at, _)| local(at)));
        let (way, points) = wrap(round, here.0, here.1);
        for mover in &self.movers {
            // How the ends and the side site move as seen from the geom.
            let seen = |p: Vec3, moves: bool| {
                let (own, carried) = (mover.velocity(sim, tree, p), if mover.moves[GEOM] { 1.0 } else { 0.0 });
                rotate_back(&axes, scale3(own, f64::from(u8::from(moves)) - carried))
            };
            let by = [seen(ends[0], mover.moves[FIRST]), seen(ends[1], mover.moves[LAST])];
            let side_by = side.map(|(at, body)| seen(at, tree.chain[body].binary_search(&mover.dof).is_ok()));
            let other = [reach, -reach].into_iter().any(|h| {
                let moved = |x: Vec3, by: Vec3| add3(x, scale3(by, h));
                let nudged: [Vec3; 2] = std::array::from_fn(|e| moved(here.0[e], by[e]));
                let (way_there, there) = wrap(round, nudged, here.1.zip(side_by).map(|(x, by)| moved(x, by)));
                way_there != way || there.iter().zip(&points).any(|(x, y)| norm3(sub3(*x, *y)) > jump)
            });
            if other || way == Way::Unknown {
                name(mover.dof);
            }
        }
    }

    /// How mover `k` moves a point of contact, from how it moves the ends.
    fn slide(
        &self,
        sim: &Sim,
        tree: &Tree,
        k: usize,
        (at, point): (Vec3, &[Jet; 3]),
        (ends, axes): ([Vec3; 2], &[f64; 9]),
        moved: [&Moved; 2],
    ) -> Moved {
        let mover = &self.movers[k];
        let (own, own_error) = mover.at(sim, tree, at, GEOM);
        let mut relative = [0.0; 6];
        let mut relative_error = [0.0; 2];
        for e in 0..2 {
            let (carried, error) = mover.at(sim, tree, ends[e], GEOM);
            let local = rotate_back(axes, sub3(moved[e].own, carried));
            relative[3 * e..3 * e + 3].copy_from_slice(&local);
            relative_error[e] = moved[e].own_error + error;
        }
        let (mut sliding, mut sliding_error) = ([0.0; 3], 0.0);
        for (i, coordinate) in point.iter().enumerate() {
            for c in 0..6 {
                sliding[i] += coordinate.by[c] * relative[c];
                sliding_error += (coordinate.errors[c] + 4.0 * ULP * coordinate.by[c].abs()) * relative[c].abs()
                    + coordinate.by[c].abs() * relative_error[c / 3];
            }
        }
        let whole = add3(own, rotate(axes, sliding));
        Moved { own, own_error, whole, whole_error: own_error + sliding_error }
    }

    /// Adds a straight part between two ends to moment arms and their derivatives; by `all` movers, or by those of the two ends
    /// alone. False where it has no direction.
    fn add(
        &self,
        [from, to]: [End<'_>; 2],
        all: bool,
        (sim, tree): (&Sim, &Tree),
        (arms, bends): (&mut [Arm], &mut [(f64, f64)]),
    ) -> bool {
        let body = |on: usize| match (on, self.path.geom) {
            (FIRST, _) | (GEOM, None) => self.path.ends[0].body,
            (GEOM, Some(geom)) => geom.body,
            _ => self.path.ends[1].body,
        };
        if body(from.on) == body(to.on) {
            return true;
        }
        let apart = |m: &Mover| m.moves[from.on] != m.moves[to.on];
        if !self.movers.iter().any(apart) {
            return true;
        }
        let way = sub3(to.at, from.at);
        let length = norm3(way);
        if length < NO_LENGTH {
            return false;
        }
        let (n, share) = (arms.len(), 1.0 / self.path.divisor);
        let u = scale3(way, 1.0 / length);
        let u_error = (from.error + to.error) / length + 2.0 * ULP;
        let axes = sim.cdof().as_chunks::<6>().0;
        for (j, row) in self.movers.iter().enumerate().filter(|(_, m)| apart(m)) {
            let (end, sign) = if row.moves[to.on] { (&to, share) } else { (&from, -share) };
            let Moved { own: s, own_error: s_error, .. } = end.moved[j];
            let arm = &mut arms[row.place];
            arm.x += sign * dot3(u, s);
            arm.error += share.abs() * (s_error + (u_error + 2.0 * ULP) * norm3(s));
            let w = rot(&axes[row.dof]);
            for (k, column) in self.movers.iter().enumerate().filter(|(_, m)| all || apart(m)) {
                let (a, b) = (&from.moved[k], &to.moved[k]);
                let change = sub3(b.whole, a.whole);
                let turned = scale3(sub3(change, scale3(u, dot3(u, change))), 1.0 / length);
                let turned_error = (a.whole_error + b.whole_error + 2.0 * ULP * (norm3(a.whole) + norm3(b.whole)))
                    / length
                    + 4.0 * u_error * norm3(change) / length;
                // How the velocity field of row's dof changes at the end that it moves.
                let m = &end.moved[k];
                let carried = column.moves[end.on] && tree.carries(column.dof, row.dof);
                let (field, field_error) = if carried {
                    let wk = rot(&axes[column.dof]);
                    let slid = sub3(m.whole, m.own);
                    let size = norm3(wk) * norm3(s) + norm3(w) * norm3(slid);
                    let error = norm3(wk) * s_error + norm3(w) * (m.whole_error + m.own_error);
                    (add3(cross(wk, s), cross(w, slid)), error + 4.0 * ULP * size)
                } else {
                    (cross(w, m.whole), norm3(w) * (m.whole_error + 4.0 * ULP * norm3(m.whole)))
                };
                let (x, error) = &mut bends[row.place * n + column.place];
                *x += sign * (dot3(turned, s) + dot3(u, field));
                *error += share.abs()
                    * (turned_error * norm3(s)
                        + norm3(turned) * s_error
                        + u_error * norm3(field)
                        + field_error
                        + 4.0 * ULP * (norm3(turned) * norm3(s) + norm3(field)));
            }
        }
        true
    }
}

/// Where a tendon inside a geom touches it, by differences of MuJoCo's own answer: its iteration ends within a tolerance, which its
/// derivatives feel. `jets` are the ends with their errors. None where the way changes within the nudges.
fn inside(geom: &PathGeom, ends: [Vec3; 2], side: Option<Vec3>, jets: [[Jet; 3]; 2]) -> Option<[[Jet; 3]; 2]> {
    let at = |c: usize, by: f64| {
        let mut ends = ends;
        ends[c / 3][c % 3] += by;
        geom.touches(ends, side)
    };
    let here = geom.touches(ends, side)?;
    let input = jets.iter().flatten().fold(0.0_f64, |most, x| most.max(x.error));
    let mut points = here.map(|point| point.map(|x| Jet { x, by: [0.0; 6], error: input, errors: [0.0; 6] }));
    for c in 0..6 {
        let [p1, m1, p2, m2] = [NUDGE, -NUDGE, 2.0 * NUDGE, -2.0 * NUDGE].map(|by| at(c, by));
        let (p1, m1, p2, m2) = (p1?, m1?, p2?, m2?);
        for (w, point) in points.iter_mut().enumerate() {
            for (i, x) in point.iter_mut().enumerate() {
                let near = (p1[w][i] - m1[w][i]) / (2.0 * NUDGE);
                let far = (p2[w][i] - m2[w][i]) / (4.0 * NUDGE);
                x.by[c] = near + (near - far) / 3.0;
                // What is left after the extrapolation is far less, where nothing jumps.
                let apart = (near - far).abs();
                x.errors[c] = apart * (1e3 * apart).min(1.0) + 4.0 * ULP * norm3(here[w]) / NUDGE;
                x.error += x.by[c].abs() * input;
            }
        }
    }
    Some(points)
}

impl Mover {
    /// The velocity that a unit of the dof gives to a point of one of the piece's bodies, with a bound on its error.
    fn at(&self, sim: &Sim, tree: &Tree, p: Vec3, on: usize) -> (Vec3, f64) {
        if !self.moves[on] {
            return ([0.0; 3], 0.0);
        }
        let (rot, lin, lever) = self.field(sim, tree, p);
        let error = 2.0 * ULP * (norm3(lin) + 2.0 * norm3(rot) * norm3(lever)) + norm3(rot) * position_error(p);
        (add3(lin, cross(rot, lever)), error)
    }

    /// The velocity that a unit of the dof gives to a point that it moves.
    fn velocity(&self, sim: &Sim, tree: &Tree, p: Vec3) -> Vec3 {
        let (rot, lin, lever) = self.field(sim, tree, p);
        add3(lin, cross(rot, lever))
    }

    /// Its angular velocity, its linear one at its tree's centre of mass, and where a point is from there.
    fn field(&self, sim: &Sim, tree: &Tree, p: Vec3) -> (Vec3, Vec3, Vec3) {
        let axis = &sim.cdof().as_chunks::<6>().0[self.dof];
        let centre = sim.subtree_com().as_chunks::<3>().0[tree.root[tree.dof_body[self.dof]]];
        (rot(axis), lin(axis), sub3(p, centre))
    }
}
