//! Welds of two bodies: six constraint rows, the places of two anchors and an orientation; and connects, which have the first three.
//!
//! With the anchors p_0, p_1 on the bodies (m), the velocity s_j(p) that a unit of dof j gives to a point of a body that it moves (0
//! of another), its angular velocity w_j, quaternions q_0 and q_1 of the two orientations that are to be one, and the weld's scale t
//! of torques, the rows are
//!
//! ```text
//! J_j = s_j(p_0) - s_j(p_1)                              (3)
//! J_j = t/2 vec(q_1^-1 (w_j0 - w_j1) q_0)                (3)
//! ```
//!
//! with w_j0 = w_j where the dof moves body 0 and 0 elsewhere, w_j1 likewise. By dof k, the velocities change as those of a tendon's
//! points ([`super::tendon`]), and the second rows by
//!
//! ```text
//! t/2 vec(q_1^-1 (w'_jk0 - w'_jk1 + (w_j0 - w_j1) w_k0 / 2 - w_k1 (w_j0 - w_j1) / 2) q_0),        w'_jk = w_k x w_j
//! ```
//!
//! where k carries the axis of j along, and w' = 0 where not. Products without a sign are quaternions'.
//!
//! MuJoCo takes what J changes in time, times v, off the rows' aref. With the accelerations a_i of the anchors that velocities alone
//! make, the angular velocities o_i and accelerations of the bodies e_i, that is
//!
//! ```text
//! a_0 - a_1,        t/2 vec(q_1^-1 X q_0),        X = e_0 - e_1 + (o_0 - o_1) o_0 / 2 - o_1 (o_0 - o_1) / 2.
//! ```

use mujoco_rs::mujoco_c::{mjtEq, mjtObj};

use super::bending::Bend;
use super::motion::{Motion, ULP};
use super::spatial::{Size, Spatial, Vec3, add3, cross, lin, norm3, rot, rotate, scale3, sub3};
use super::tree::Tree;
use crate::physics::{Model, Sim};

type Quaternion = [f64; 4];

/// Rows of a weld, and of a connect.
pub(super) const ROWS: usize = 6;
const PLACES: usize = 3;

/// One of the two things that are joined: its body, and where and how on it.
#[derive(Debug)]
struct Side {
    body: usize,
    offset: Vec3,
    turn: Quaternion,
}

/// A weld, or a connect.
#[derive(Debug)]
pub(super) struct Weld {
    /// How many rows it has.
    pub(super) rows: usize,
    sides: [Side; 2],
    scale: f64,
    /// Dofs that move one of the bodies, and which.
    dofs: Vec<(usize, [bool; 2])>,
}

/// A body's drift at its anchor, and how it changes: angular velocity and acceleration, the anchor's acceleration.
#[derive(Debug, Clone, Copy, Default)]
struct Drift {
    turn: Vec3,
    turning: Vec3,
    acceleration: Vec3,
    /// Bounds on the terms of the anchor's acceleration, and of the turning.
    size: f64,
    turn_size: f64,
}

/// The changes of the rows' drift, and bounds on their errors: of the places, of the orientation.
type Change = ([f64; ROWS], [f64; 2]);

/// How a dof moves the anchor of a side, with a bound on its error, and its angular velocity; nothing of a side that it does not.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    velocity: Vec3,
    error: f64,
    turn: Vec3,
}

fn product(a: Quaternion, b: Quaternion) -> Quaternion {
    let ([s, x @ ..], [t, y @ ..]) = (a, b);
    let v = add3(cross(x, y), add3(scale3(y, s), scale3(x, t)));
    [s * t - x[0] * y[0] - x[1] * y[1] - x[2] * y[2], v[0], v[1], v[2]]
}

fn pure(v: Vec3) -> Quaternion {
    [0.0, v[0], v[1], v[2]]
}

impl Weld {
    /// The equality of that number; None where it is no weld or connect of bodies or sites.
    pub(super) fn new(model: &Model, tree: &Tree, id: usize) -> Option<Self> {
        let equality = model.equalities().nth(id)?;
        let rows = match equality.kind {
            Ok(mjtEq::mjEQ_WELD) => ROWS,
            Ok(mjtEq::mjEQ_CONNECT) => PLACES,
            _ => return None,
        };
        let vector = |from: usize| std::array::from_fn(|i| equality.data[from + i]);
        let [first, second] = equality.objects.map(|object| usize::try_from(object).ok());
        let none = [1.0, 0.0, 0.0, 0.0];
        // The anchors of a weld are kept the other way round.
        let (offsets, turn, scale) = match rows {
            ROWS => ([3, 0].map(vector), std::array::from_fn(|i| equality.data[6 + i]), equality.data[10]),
            _ => ([0, 3].map(vector), none, 0.0),
        };
        let sides = match equality.object_kind {
            Ok(mjtObj::mjOBJ_BODY) => [
                Side { body: first?, offset: offsets[0], turn },
                Side { body: second?, offset: offsets[1], turn: none },
            ],
            Ok(mjtObj::mjOBJ_SITE) => {
                let [first, second] = [first?, second?].map(|site| {
                    let (body, offset, turn) = model.site_on_body(site);
                    Side { body, offset, turn }
                });
                [first, second]
            }
            _ => return None,
        };
        let moves = |dof: usize| std::array::from_fn(|i| tree.chain[sides[i].body].binary_search(&dof).is_ok());
        let all = (0..tree.nv()).map(|dof| (dof, moves(dof)));
        let dofs = all.filter(|(_, moves): &(usize, [bool; 2])| moves.contains(&true)).collect();
        Some(Self { rows, scale, dofs, sides })
    }

    /// Anchors and orientations now.
    fn place(&self, sim: &Sim) -> ([Vec3; 2], [Quaternion; 2]) {
        let at = |side: &Side| {
            let frame = &sim.xmat().as_chunks::<9>().0[side.body];
            add3(sim.xpos().as_chunks::<3>().0[side.body], rotate(frame, side.offset))
        };
        let turn = |side: &Side| product(sim.xquat().as_chunks::<4>().0[side.body], side.turn);
        (std::array::from_fn(|i| at(&self.sides[i])), std::array::from_fn(|i| turn(&self.sides[i])))
    }

    fn moved(&self, sim: &Sim, tree: &Tree, anchors: [Vec3; 2]) -> Vec<[Moved; 2]> {
        let axes = sim.cdof().as_chunks::<6>().0;
        let coms = sim.subtree_com().as_chunks::<3>().0;
        let of = |dof: usize, side: usize| {
            let (turn, linear) = (rot(&axes[dof]), lin(&axes[dof]));
            let lever = sub3(anchors[side], coms[tree.root[tree.dof_body[dof]]]);
            let size = norm3(linear) + norm3(turn) * (norm3(lever) + norm3(anchors[side]) + 1e-3);
            Moved { velocity: add3(linear, cross(turn, lever)), error: 4.0 * ULP * size, turn }
        };
        let both = |(dof, moves): &(usize, [bool; 2])| {
            std::array::from_fn(|side| if moves[side] { of(*dof, side) } else { Moved::default() })
        };
        self.dofs.iter().map(both).collect()
    }

    /// Bounds on the rounding of the rows' J by dof: of the places, of the orientation.
    pub(super) fn errors<'a>(&'a self, sim: &Sim, tree: &Tree) -> impl Iterator<Item = (usize, [f64; 2])> + 'a {
        let moved = self.moved(sim, tree, self.place(sim).0);
        self.dofs.iter().zip(moved).map(|((dof, _), [first, second])| {
            let turns = self.scale.abs() * (norm3(first.turn) + norm3(second.turn));
            (*dof, [first.error + second.error, 8.0 * ULP * turns])
        })
    }

    /// dJ/dq of all rows.
    pub(super) fn bends(&self, sim: &Sim, tree: &Tree, out: &mut [Vec<Bend>; ROWS]) {
        out.iter_mut().for_each(Vec::clear);
        let (anchors, [q0, q1]) = self.place(sim);
        let moved = self.moved(sim, tree, anchors);
        let back = [q1[0], -q1[1], -q1[2], -q1[3]];
        let turned = |v: Quaternion| product(product(back, v), q0);
        for ((j, _), row) in self.dofs.iter().zip(&moved) {
            for ((k, k_moves), column) in self.dofs.iter().zip(&moved) {
                // How the velocity field of j changes at each anchor, and its axis.
                let change = |side: usize| {
                    let (s, m) = (&row[side], &column[side]);
                    if k_moves[side] && tree.carries(*k, *j) {
                        let error = norm3(m.turn) * (s.error + 4.0 * ULP * norm3(s.velocity));
                        (cross(m.turn, s.velocity), cross(m.turn, s.turn), error)
                    } else {
                        let error = norm3(s.turn) * (m.error + 4.0 * ULP * norm3(m.velocity));
                        (cross(s.turn, m.velocity), [0.0; 3], error)
                    }
                };
                let [first, second] = [change(0), change(1)];
                let place = sub3(first.0, second.0);
                for i in 0..3 {
                    out[i].push(Bend { at: (*j, *k), x: place[i], error: first.2 + second.2 });
                }
                if self.rows == PLACES {
                    continue;
                }
                let relative = pure(sub3(row[0].turn, row[1].turn));
                let axes = pure(sub3(first.1, second.1));
                let after = product(relative, pure(column[0].turn)).map(|x| 0.5 * x);
                let before = product(pure(column[1].turn), relative).map(|x| 0.5 * x);
                let sum = turned(std::array::from_fn(|i| axes[i] + after[i] - before[i]));
                let turns = |m: &[Moved; 2]| norm3(m[0].turn) + norm3(m[1].turn);
                let turn_error = 16.0 * ULP * self.scale.abs() * turns(row) * turns(column);
                for i in 0..3 {
                    let x = 0.5 * self.scale * sum[1 + i];
                    out[3 + i].push(Bend { at: (*j, *k), x, error: turn_error });
                }
            }
        }
    }

    /// How the drift of all rows changes with the position and the velocity of each dof.
    pub(super) fn drift(&self, sim: &Sim, tree: &Tree, motion: &Motion) -> Vec<(usize, [Change; 2])> {
        let (anchors, [q0, q1]) = self.place(sim);
        let moved = self.moved(sim, tree, anchors);
        let coms = sim.subtree_com().as_chunks::<3>().0;
        let levers: [Vec3; 2] = std::array::from_fn(|i| sub3(anchors[i], coms[tree.root[self.sides[i].body]]));
        let bodies = [0, 1].map(|i| self.sides[i].body);
        let omega = bodies.map(|b| rot(&motion.v[b]));
        let alpha = bodies.map(|b| rot(&motion.acc[b]));
        let relative = sub3(omega[0], omega[1]);
        let twice = |a: Vec3, b: Vec3| product(pure(a), pure(b)).map(|x| 0.5 * x);
        let sum =
            |terms: [Quaternion; 3]| -> Quaternion { std::array::from_fn(|i| terms[0][i] + terms[1][i] - terms[2][i]) };
        let x = sum([pure(sub3(alpha[0], alpha[1])), twice(relative, omega[0]), twice(omega[1], relative)]);
        let back = [q1[0], -q1[1], -q1[2], -q1[3]];
        let change = |k: usize, by: usize| -> Change {
            let (dof, moves) = self.dofs[k];
            let sides: [Drift; 2] = std::array::from_fn(|i| {
                if !moves[i] {
                    return Drift::default();
                }
                // A position carries the anchor along.
                let carried = if by == 0 { moved[k][i].velocity } else { [0.0; 3] };
                let [velocity, acceleration] = motion.drift_changes(bodies[i], dof)[by];
                anchor_drift(
                    [&motion.v[bodies[i]], &motion.acc[bodies[i]]],
                    levers[i],
                    carried,
                    [velocity, acceleration],
                )
            });
            let [first, second] = sides;
            let dx = {
                let d = sub3(first.turn, second.turn);
                let turned = sum([twice(d, omega[0]), twice(relative, first.turn), twice(second.turn, relative)]);
                let rest = sum([pure(sub3(first.turning, second.turning)), turned, twice(omega[1], d)]);
                if by == 1 {
                    rest
                } else {
                    let [w0, w1] = [0, 1].map(|i| pure(moved[k][i].turn).map(|x| 0.5 * x));
                    sum([rest, product(x, w0), product(w1, x)])
                }
            };
            let turned = product(product(back, dx), q0);
            let place = sub3(first.acceleration, second.acceleration);
            let half = 0.5 * self.scale;
            let rows = [place[0], place[1], place[2], half * turned[1], half * turned[2], half * turned[3]];
            let spins = norm3(omega[0]) + norm3(omega[1]);
            let turn_size = first.turn_size
                + second.turn_size
                + spins * 4.0 * (norm3(first.turn) + norm3(second.turn))
                + (norm3(alpha[0]) + norm3(alpha[1]) + spins * spins)
                    * (norm3(moved[k][0].turn) + norm3(moved[k][1].turn));
            (rows, [16.0 * ULP * (first.size + second.size), 16.0 * ULP * self.scale.abs() * turn_size])
        };
        (0..self.dofs.len()).map(|k| (self.dofs[k].0, [change(k, 0), change(k, 1)])).collect()
    }
}

/// How the drift at an anchor changes, which is `lever` from where velocity and acceleration of its body are taken and is `carried`
/// along, when these change.
fn anchor_drift(
    [v, a]: [&Spatial; 2],
    lever: Vec3,
    carried: Vec3,
    [(dv, v_size), (da, a_size)]: [(Spatial, Size); 2],
) -> Drift {
    let (omega, d_omega) = (rot(v), rot(&dv));
    let speed = add3(lin(v), cross(omega, lever));
    let d_speed = add3(add3(lin(&dv), cross(d_omega, lever)), cross(omega, carried));
    let terms =
        [lin(&da), cross(rot(&da), lever), cross(rot(a), carried), cross(d_omega, speed), cross(omega, d_speed)];
    let at = |size: Size| size.lin + size.rot * norm3(lever);
    let speed_size = norm3(lin(v)) + norm3(omega) * norm3(lever);
    Drift {
        turn: d_omega,
        turning: rot(&da),
        acceleration: terms.into_iter().fold([0.0; 3], add3),
        size: at(a_size)
            + norm3(rot(a)) * norm3(carried)
            + v_size.rot * speed_size
            + norm3(omega) * (at(v_size) + norm3(omega) * norm3(carried)),
        turn_size: a_size.rot,
    }
}
