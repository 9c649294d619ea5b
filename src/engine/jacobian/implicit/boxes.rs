//! Contacts of two boxes in closed form, with their derivatives.
//!
//! MuJoCo looks for the axis n along which the boxes are farthest apart,
//!
//! ```text
//! s(n) = |n . d| - h_1(n) - h_2(n),        h_i(n) = sum_k |n . a_ik| e_ik        (m)
//! ```
//!
//! with the offset d of their centres, their axes a_ik and half-edges e_ik, among their six face normals and nine products of
//! edges. On a face that wins, the face of the other box that looks at it is clipped by its sides, and every corner of what is left
//! touches, halfway between both surfaces; of two edges that win, the points that are nearest to each other touch.
//!
//! Where two faces are parallel, either may win, and rounding decides. With a tilt t (rad, in the plane of the faces) of one against
//! the other, their s differ by h_1(t) - h_2(t) - t . d up to t^2, which is larger than 0 for every t where the second face lies within
//! the first one: then the first one is met however the boxes tilt. Where neither lies within the other there is no derivative.
//!
//! Every other choice of MuJoCo's must be clear by more than [`TIE`], or there is no closed form here.

use super::closed::Exact;
use super::dual::{Arrow, Dual};
use super::motion::ULP;
use super::spatial::{Vec3, cross, dot3, norm3, scale3, sub3};
use crate::physics::ContactGeometry;

/// Lengths (m) and cosines by which a choice has to be clear.
const TIE: f64 = 1e-6;

/// By how much (m) an edge has to be away from where it takes the place of a face of nearly the same normal.
const YIELDS: f64 = 1e-7;

/// Faces that are tilted by more against each other, rad, are not taken for parallel.
const ALIKE: f64 = 1e-3;

/// MuJoCo's: edges whose directions' sine squared is less have no product; an edge has to win by this share; one that is within this
/// cosine of the face's normal and not better than it by this share gives way to the face.
const NO_PRODUCT: f64 = 1e-16;
const EDGE_BIAS: f64 = 1e-6;
const SAME_AXIS: f64 = 0.99;
const BETTER: f64 = 0.05;

/// A box: centre, axes and half-edges.
#[derive(Clone, Copy)]
struct Block {
    centre: Arrow,
    axes: [Arrow; 3],
    halves: Vec3,
}

/// The axis that wins: a face of one of the boxes, or an edge of each.
#[derive(Clone, Copy)]
enum Winner {
    Face { of: usize, axis: usize },
    Edges([usize; 2]),
}

/// A corner of the clipped face, in the axes of the other one: along it, and its height over it; and how much its rounding is
/// amplified.
#[derive(Clone, Copy)]
struct Corner {
    at: [Dual; 3],
    wild: f64,
}

/// The contacts of two boxes (position, row-major orientation, half-edges) whose centres are seen from the point that the second
/// one turns about, and their derivatives by its turns about the axes and moves along them: all that are nearer than `margin`. None
/// where there is no closed form.
pub(super) fn of_boxes(
    poses: &[(Vec3, [f64; 9]); 2],
    halves: [Vec3; 2],
    axes: &[Vec3; 3],
    margin: f64,
) -> Option<Vec<Exact>> {
    let column = |m: &[f64; 9], c: usize| [m[c], m[3 + c], m[6 + c]];
    let blocks: [Block; 2] = std::array::from_fn(|i| {
        let (pos, mat) = &poses[i];
        let arrow = |v: Vec3, point: bool| if i == 0 { Arrow::constant(v) } else { Arrow::carried(v, axes, point) };
        Block {
            centre: arrow(*pos, true),
            axes: std::array::from_fn(|c| arrow(column(mat, c), false)),
            halves: halves[i],
        }
    });
    match winner(&blocks)? {
        Winner::Face { of, axis } => on_face(&blocks, of, axis, margin),
        Winner::Edges(edges) => of_edges(&blocks, edges).map(|contact| vec![contact]),
    }
}

/// How far the boxes are apart along an axis of length 1.
fn separation(blocks: &[Block; 2], n: Vec3) -> f64 {
    let offset = sub3(blocks[1].centre.value(), blocks[0].centre.value());
    let reach = |b: &Block| (0..3).map(|k| dot3(n, b.axes[k].value()).abs() * b.halves[k]).sum::<f64>();
    dot3(n, offset).abs() - reach(&blocks[0]) - reach(&blocks[1])
}

/// The axis that MuJoCo takes here and nearby.
fn winner(blocks: &[Block; 2]) -> Option<Winner> {
    let faces: [[f64; 3]; 2] =
        std::array::from_fn(|i| std::array::from_fn(|axis| separation(blocks, blocks[i].axes[axis].value())));
    let all = (0..6).map(|i| (faces[i / 3][i % 3], i / 3, i % 3));
    let (best, of, axis) = all.clone().fold((f64::NEG_INFINITY, 0, 0), |most, x| if x.0 > most.0 { x } else { most });
    let near: Vec<(usize, usize)> =
        all.filter(|(s, i, k)| (*i, *k) != (of, axis) && *s > best - TIE).map(|(_, i, k)| (i, k)).collect();
    let face = match near[..] {
        [] => (of, axis),
        [(other, k)] if other != of => {
            let pair = if of == 0 { [axis, k] } else { [k, axis] };
            let outer = (0..2).find(|outer| lies_within(blocks, pair, *outer))?;
            (outer, pair[outer])
        }
        _ => return None,
    };
    let face_normal = blocks[face.0].axes[face.1].value();
    // The edges that may be better than the face, the best one last.
    let mut better: Vec<(f64, bool, [usize; 2])> = Vec::new();
    for edges in (0..9).map(|i| [i / 3, i % 3]) {
        let product = edge_product(blocks, edges).value();
        let length = norm3(product);
        if length * length < NO_PRODUCT {
            continue;
        }
        let n = scale3(product, 1.0 / length);
        let s = separation(blocks, n);
        if s > best - TIE {
            let cosine = dot3(n, face_normal).abs();
            if (cosine - SAME_AXIS).abs() < TIE {
                return None;
            }
            better.push((s, cosine > SAME_AXIS, edges));
        }
    }
    better.sort_by(|a, b| a.0.total_cmp(&b.0));
    let yields = |s: f64| best + BETTER * best.abs() - s;
    match better[..] {
        [] => Some(Winner::Face { of: face.0, axis: face.1 }),
        _ if better.iter().all(|(s, same, _)| *same && yields(*s) > YIELDS) => {
            Some(Winner::Face { of: face.0, axis: face.1 })
        }
        [.., (s, same, edges)] => {
            let second = better.len().checked_sub(2).map_or(best, |i| better[i].0.max(best));
            let clear = s - EDGE_BIAS * s.abs() > second + TIE && (!same || yields(s) < -YIELDS);
            clear.then_some(Winner::Edges(edges))
        }
    }
}

/// Whether of two parallel faces (an axis of each box) that of box `outer` has the other one within it, seen along them, by more
/// than what their tilt makes of the boxes' sizes.
fn lies_within(blocks: &[Block; 2], pair: [usize; 2], outer: usize) -> bool {
    let (big, small) = (&blocks[outer], &blocks[1 - outer]);
    let tilt = norm3(cross(big.axes[pair[outer]].value(), small.axes[pair[1 - outer]].value()));
    let slack = TIE + 4.0 * tilt * (norm3(big.halves) + norm3(small.halves));
    let offset = sub3(small.centre.value(), big.centre.value());
    let within = |i: usize| {
        let side = (pair[outer] + i) % 3;
        let n = big.axes[side].value();
        let others = [1, 2].map(|k| (pair[1 - outer] + k) % 3);
        let reach: f64 = others.iter().map(|k| dot3(n, small.axes[*k].value()).abs() * small.halves[*k]).sum();
        dot3(n, offset).abs() + reach < big.halves[side] - slack
    };
    tilt < ALIKE && within(1) && within(2)
}

fn edge_product(blocks: &[Block; 2], [i, j]: [usize; 2]) -> Arrow {
    blocks[0].axes[i].cross(blocks[1].axes[j])
}

/// The contacts on the face of box `of` along one of its axes.
fn on_face(blocks: &[Block; 2], of: usize, a: usize, margin: f64) -> Option<Vec<Exact>> {
    let (face, other) = (&blocks[of], &blocks[1 - of]);
    let (x, y) = ((a + 1) % 3, (a + 2) % 3);
    let offset = other.centre - face.centre;
    let aside = offset.dot(face.axes[a]).x;
    // Centres side by side: either face may be met.
    if aside.abs() < TIE {
        return None;
    }
    let side = aside.signum();
    // The face that looks at it.
    let looks = |k: usize| other.axes[k].dot(face.axes[a]).x;
    let mut order = [0, 1, 2];
    order.sort_by(|i, j| looks(*j).abs().total_cmp(&looks(*i).abs()));
    let [b, u, v] = order;
    if looks(b).abs() - looks(u).abs() < TIE {
        return None;
    }
    let towards = if side * looks(b) > 0.0 { -1.0 } else { 1.0 };
    let middle = offset + other.axes[b].times(towards * other.halves[b]);
    let corners = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]].map(|[su, sv]| {
        let p = middle + other.axes[u].times(su * other.halves[u]) + other.axes[v].times(sv * other.halves[v]);
        let height = p.dot(face.axes[a]);
        let height = height.map(side * height.x - face.halves[a], side);
        Corner { at: [p.dot(face.axes[x]), p.dot(face.axes[y]), height], wild: 1.0 }
    });
    let mut polygon = corners.to_vec();
    for (coordinate, limit) in [(0, face.halves[x]), (1, face.halves[y])] {
        for sign in [1.0, -1.0] {
            polygon = clip(&polygon, coordinate, sign, limit)?;
        }
    }
    let apart = |p: &Corner, q: &Corner| (p.at[0].x - q.at[0].x).hypot(p.at[1].x - q.at[1].x);
    let crowded = (0..polygon.len()).any(|i| (0..i).any(|j| apart(&polygon[i], &polygon[j]) < TIE));
    if crowded {
        return None;
    }
    // From the first geom to the second one.
    let normal = face.axes[a].times(if of == 0 { side } else { -side });
    let size = norm3(face.halves) + norm3(other.halves) + norm3(face.centre.value()) + norm3(other.centre.value());
    let contact = |corner: &Corner| {
        let [p, q, height] = corner.at;
        let up = height.map(side * (face.halves[a] + 0.5 * height.x), 0.5 * side);
        let pos = face.centre + face.axes[x].scaled(p) + face.axes[y].scaled(q) + face.axes[a].scaled(up);
        exact(height, pos, normal, size, corner.wild)
    };
    Some(polygon.iter().filter(|corner| corner.at[2].x <= margin).map(contact).collect())
}

/// The part of a polygon where `sign` times a coordinate is no more than the limit. None where a corner is about to cross.
fn clip(polygon: &[Corner], coordinate: usize, sign: f64, limit: f64) -> Option<Vec<Corner>> {
    let beyond = |corner: &Corner| {
        let c = corner.at[coordinate];
        c.map(sign * c.x - limit, sign)
    };
    let mut out = Vec::with_capacity(polygon.len() + 1);
    for (i, p) in polygon.iter().enumerate() {
        let q = &polygon[(i + 1) % polygon.len()];
        let (dp, dq) = (beyond(p), beyond(q));
        if dp.x.abs() < TIE {
            return None;
        }
        if dp.x < 0.0 {
            out.push(*p);
        }
        if dp.x * dq.x < 0.0 {
            let t = dp * (dp - dq).inverse();
            let at: [Dual; 3] = std::array::from_fn(|k| p.at[k] + t * (q.at[k] - p.at[k]));
            let length = (0..3).map(|k| (q.at[k].x - p.at[k].x).powi(2)).sum::<f64>().sqrt();
            out.push(Corner { at, wild: p.wild.max(q.wild) * (1.0 + length / (dp.x - dq.x).abs()) });
        }
    }
    Some(out)
}

/// The contact of two edges, the lines of which are nearest to each other within both.
fn of_edges(blocks: &[Block; 2], edges: [usize; 2]) -> Option<Exact> {
    let product = edge_product(blocks, edges);
    let offset = blocks[1].centre - blocks[0].centre;
    let square = product.dot(product);
    let sine = square.x.sqrt();
    let along = product.dot(offset).x;
    let normal = product.scaled(square.sqrt().inverse()).times(if along < 0.0 { -1.0 } else { 1.0 });
    // The middle of the edge of each box that is farthest towards the other one.
    let mut middles = [offset; 2];
    for (i, (block, towards)) in blocks.iter().zip([1.0, -1.0]).enumerate() {
        let mut middle = block.centre;
        for k in (0..3).filter(|k| *k != edges[i]) {
            let part = towards * normal.dot(block.axes[k]).x;
            if part.abs() < TIE {
                return None;
            }
            middle = middle + block.axes[k].times(part.signum() * block.halves[k]);
        }
        middles[i] = middle;
    }
    let [first, second] = [blocks[0].axes[edges[0]], blocks[1].axes[edges[1]]];
    let between = middles[1] - middles[0];
    let (cosine, d1, d2) = (first.dot(second), first.dot(between), second.dot(between));
    let inverse = square.inverse();
    let s = (d1 - cosine * d2) * inverse;
    let t = (cosine * d1 - d2) * inverse;
    let inside = |x: Dual, half: f64| x.x.abs() < half - TIE;
    if !inside(s, blocks[0].halves[edges[0]]) || !inside(t, blocks[1].halves[edges[1]]) {
        return None;
    }
    let (p, q) = (middles[0] + first.scaled(s), middles[1] + second.scaled(t));
    let size = blocks.iter().map(|b| norm3(b.halves) + norm3(b.centre.value())).sum();
    Some(exact((q - p).dot(normal), (p + q).times(0.5), normal, size, 1.0 / (sine * sine)))
}

/// A contact with bounds on its rounding, of numbers of a size that is amplified.
fn exact(dist: Dual, pos: Arrow, normal: Arrow, size: f64, wild: f64) -> Exact {
    let rounding = 16.0 * ULP * (size + 0.01);
    let none = [0.0; 3];
    Exact {
        touch: ContactGeometry { dist: dist.x, pos: pos.value(), normal: normal.value(), tangent: none },
        by: std::array::from_fn(|i| ContactGeometry {
            dist: dist.by[i],
            pos: pos.0.map(|x| x.by[i]),
            normal: normal.0.map(|x| x.by[i]),
            tangent: none,
        }),
        error: [rounding * wild, rounding * wild, 16.0 * ULP * wild],
        broken: [false; 6],
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::model;
    use super::*;
    use crate::jacobian::draws::Draws;
    use crate::physics::Sim;

    type Pose = (Vec3, [f64; 9]);
    const AXES: [Vec3; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    const HALVES: [Vec3; 2] = [[0.2, 0.15, 0.1], [0.1, 0.05, 0.12]];
    const NUDGE: f64 = 1.0 / 4_194_304.0;

    fn two_boxes() -> Sim {
        let geom = |h: Vec3| format!(r#"<geom type="box" size="{} {} {}"/>"#, h[0], h[1], h[2]);
        let bodies = format!("{}<body pos=\"0 0 3\"><freejoint/>{}</body>", geom(HALVES[0]), geom(HALVES[1]));
        Sim::new(&model("", &bodies, "")).unwrap()
    }

    /// Turned about an axis through the origin.
    fn turned((pos, mat): Pose, axis: Vec3, angle: f64) -> Pose {
        let (sin, cos) = angle.sin_cos();
        let apply = |v: Vec3| {
            let across = cross(axis, v);
            let along = dot3(axis, v) * (1.0 - cos);
            std::array::from_fn(|i| cos * v[i] + sin * across[i] + along * axis[i])
        };
        let columns: [Vec3; 3] = std::array::from_fn(|c| apply([mat[c], mat[3 + c], mat[6 + c]]));
        (apply(pos), std::array::from_fn(|i| columns[i % 3][i / 3]))
    }

    fn found(sim: &mut Sim, poses: [Pose; 2]) -> Vec<ContactGeometry> {
        let mut out = Vec::new();
        (0..2).for_each(|g| sim.set_geom_pose(g, &poses[g].0, &poses[g].1));
        sim.collide([0, 1], 0.0, &mut out).unwrap();
        out
    }

    fn numbers(c: &ContactGeometry) -> Vec<f64> {
        std::iter::once(c.dist).chain(c.pos).chain(c.normal).collect()
    }

    fn nearest<'a>(list: &'a [ContactGeometry], to: &ContactGeometry) -> &'a ContactGeometry {
        let far = |c: &ContactGeometry| norm3(sub3(c.pos, to.pos));
        list.iter().min_by(|a, b| far(a).total_cmp(&far(b))).unwrap()
    }

    /// Compares contacts in closed form with MuJoCo's, and their derivatives with differences of these. How many there are;
    /// None where they are not in closed form.
    fn check(sim: &mut Sim, poses: [Pose; 2]) -> Option<usize> {
        let here = found(sim, poses);
        let all = of_boxes(&poses, HALVES, &AXES, 0.0)?;
        assert_eq!(all.len(), here.len(), "{poses:?}");
        for motion in 0..6 {
            let [up, down] = [NUDGE, -NUDGE].map(|by| {
                let axis = AXES[motion % 3];
                let (pos, mat) = poses[1];
                let moved = match motion {
                    0..3 => turned(poses[1], axis, by),
                    _ => (std::array::from_fn(|i| pos[i] + by * axis[i]), mat),
                };
                found(sim, [poses[0], moved])
            });
            for contact in &all {
                let same = nearest(&here, &contact.touch);
                let off = numbers(same).into_iter().zip(numbers(&contact.touch)).map(|(x, y)| (x - y).abs());
                assert!(off.fold(0.0, f64::max) < 1e-12, "{same:?} is not {:?}", contact.touch);
                let ends = [&up, &down].map(|list| numbers(nearest(list, same)));
                for (i, by) in numbers(&contact.by[motion]).into_iter().enumerate() {
                    let seen = (ends[0][i] - ends[1][i]) / (2.0 * NUDGE);
                    let error = 1e-7 * (1.0 + by.abs()) + contact.error.iter().fold(0.0_f64, |m, e| m.max(*e)) / NUDGE;
                    assert!((seen - by).abs() < error, "motion {motion}, number {i}: {seen} is not {by}, {poses:?}");
                }
            }
        }
        Some(all.len())
    }

    /// Somewhere, turned at random, and then moved so that the boxes overlap by little.
    fn at_random(sim: &mut Sim, draws: &mut Draws) -> [Pose; 2] {
        let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let mut somewhere = |pos: Vec3| {
            (0..3).fold((pos, identity), |pose, i| {
                let (_, mat) = turned(pose, AXES[i], 3.0 * draws.normal());
                (pose.0, mat)
            })
        };
        let first = somewhere([0.1, -0.2, 0.05]);
        let (_, mat) = somewhere([0.0; 3]);
        let direction: Vec3 = std::array::from_fn(|_| draws.normal());
        let direction = scale3(direction, 1.0 / norm3(direction));
        let at = |far: f64| [first, (std::array::from_fn(|i| first.0[i] + far * direction[i]), mat)];
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if found(sim, at(middle)).is_empty() { high = middle } else { low = middle }
        }
        at(low - 0.06 * draws.uniform())
    }

    #[test]
    fn boxes_that_touch_somehow() {
        let (mut sim, mut draws) = (two_boxes(), Draws::new(3));
        let mut counts = [0; 9];
        for _ in 0..400 {
            let poses = at_random(&mut sim, &mut draws);
            if let Some(n) = check(&mut sim, poses) {
                counts[n] += 1;
            }
        }
        let all: usize = counts.iter().sum();
        assert!(all > 360, "{all} of 400 are in closed form");
        assert!(counts[1] > 50 && counts[2] > 50 && counts[3..].iter().sum::<usize>() > 10, "{counts:?}");
    }

    #[test]
    fn faces_that_lie_on_each_other() {
        let mut sim = two_boxes();
        let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let on = |x: f64, yaw: f64, tilt: f64| {
            let (_, mat) = turned(turned(([0.0; 3], identity), AXES[2], yaw), AXES[0], tilt);
            [([0.0; 3], identity), ([x, 0.01, 0.2199], mat)]
        };
        for tilt in [0.0, 1e-15, 1e-9, 1e-7, 1e-4] {
            for yaw in [0.0, 0.3, 1.0] {
                assert_eq!(check(&mut sim, on(0.05, yaw, tilt)), Some(4), "tilt {tilt}, yaw {yaw}");
            }
        }
        // The upper box hangs over.
        assert_eq!(check(&mut sim, on(0.15, 0.3, 0.0)), None);
    }
}
