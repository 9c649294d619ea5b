//! Where a tendon touches the sphere or cylinder that it wraps around.
//!
//! In the geom's frame the tendon runs from x0 over the points of contact w0 and w1 to x1 (m). Around a sphere all is in the plane
//! through its centre, x0 and x1; along a cylinder's axis a tendon rises evenly with its way in the plane across. In the plane, with
//! radius r and an end e, the tangent from e touches at
//!
//! ```text
//! (r^2 e +- r sqrt(e.e - r^2) R e) / e.e,        R a quarter turn.
//! ```
//!
//! A tendon that runs inside (here found for its way alone; MuJoCo's own point is differenced) touches at one point, where it makes equal angles with the circle; z, the sine of the angle between the
//! radius and each part, solves asin(r z / |e0|) + asin(r z / |e1|) - 2 asin z + (the angle between e0 and e1) = 0.
//!
//! Which of several paths it takes, and when it takes none, is MuJoCo's: who uses this compares what comes of it with MuJoCo's own.

use super::jet::Number;
use super::spatial::{Vec3, add3, dot3, norm3, scale3, sub3};

/// MuJoCo's mjMINVAL.
const NO_LENGTH: f64 = 1e-15;

/// Ends this near to one line through a sphere's centre (sine) have no plane, and any small motion turns it.
const IN_LINE: f64 = 1e-9;

/// Newton's method for a path inside: where MuJoCo starts it, when one more step leaves nothing to take off, and after how many steps
/// it is given up.
const START: f64 = 1.0 - 1e-7;
const TOLERANCE: f64 = 1e-9;
const STEPS: usize = 20;

/// What a tendon wraps around.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Round {
    pub(super) cylinder: bool,
    /// m.
    pub(super) radius: f64,
}

/// Which way a tendon takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Past the geom, in a straight line.
    Straight,
    /// Around it, over the first or the second pair of tangents.
    Around(bool),
    /// Inside.
    Inside,
    /// Not to be said: the ends and a sphere's centre lie on one line.
    Unknown,
}

/// A point of the plane.
type Flat<N> = [N; 2];

fn flat_dot<N: Number>(a: Flat<N>, b: Flat<N>) -> N {
    a[0] * b[0] + a[1] * b[1]
}

fn flat_cross<N: Number>(a: Flat<N>, b: Flat<N>) -> N {
    a[0] * b[1] - a[1] * b[0]
}

fn values<N: Number>(a: Flat<N>) -> Flat<f64> {
    a.map(Number::value)
}

fn flat_norm(a: Flat<f64>) -> f64 {
    flat_dot(a, a).sqrt()
}

fn flat_sub(a: Flat<f64>, b: Flat<f64>) -> Flat<f64> {
    [a[0] - b[0], a[1] - b[1]]
}

/// Whether the lines from a to b and from c to d meet between their ends.
fn meet([a, b]: [Flat<f64>; 2], [c, d]: [Flat<f64>; 2]) -> bool {
    let (first, second, between) = (flat_sub(b, a), flat_sub(d, c), flat_sub(a, c));
    let det = flat_cross(first, second);
    if det.abs() < NO_LENGTH {
        return false;
    }
    let along = [flat_cross(second, between) / det, flat_cross(first, between) / det];
    along.into_iter().all(|t| (0.0..=1.0).contains(&t))
}

/// The way of a tendon from `ends[0]` to `ends[1]`, in the geom's frame, with its points of contact where it has any. `side` is the
/// side site's place there.
pub(super) fn wrap<N: Number>(round: Round, ends: [[N; 3]; 2], side: Option<Vec3>) -> (Way, [[N; 3]; 2]) {
    let none = |way: Way| (way, ends);
    let at = ends.map(|e| e.map(Number::value));
    if at.iter().any(|e| norm3(*e) < NO_LENGTH) {
        return none(Way::Straight);
    }
    let Some(axes) = plane(round, ends) else {
        return none(if passes(round, at, side) { Way::Straight } else { Way::Unknown });
    };
    let flat = ends.map(|e| axes.map(|axis| dot(e, axis)));
    let side_flat = side.map(|s| axes.map(|axis| dot3(s, axis.map(Number::value))));
    let (way, points, arc) = if side.is_some_and(|s| norm3(s) < round.radius) {
        let Some(point) = inside(flat, round.radius) else { return none(Way::Straight) };
        (Way::Inside, [point; 2], N::constant(0.0))
    } else {
        match around(flat, side_flat, round.radius) {
            None => return none(Way::Straight),
            Some((second, points)) => (Way::Around(second), points, arc(points, second, round.radius)),
        }
    };
    let mut out = points.map(|p| std::array::from_fn(|i| axes[0][i] * p[0] + axes[1][i] * p[1]));
    if round.cylinder {
        let way = |i: usize| {
            let d = [flat[i][0] - points[i][0], flat[i][1] - points[i][1]];
            flat_dot(d, d).sqrt()
        };
        let (first, last) = (way(0), way(1));
        let rise = (ends[1][2] - ends[0][2]) * (first + arc + last).inverse();
        out[0][2] = ends[0][2] + rise * first;
        out[1][2] = ends[0][2] + rise * (first + arc);
    }
    (way, out)
}

fn dot<N: Number>(a: [N; 3], b: [N; 3]) -> N {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit<N: Number>(a: [N; 3]) -> [N; 3] {
    let inverse = dot(a, a).sqrt().inverse();
    a.map(|x| x * inverse)
}

fn cross<N: Number>(a: [N; 3], b: [N; 3]) -> [N; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Two axes of the plane that the tendon is wrapped in; none where it has no plane.
fn plane<N: Number>(round: Round, ends: [[N; 3]; 2]) -> Option<[[N; 3]; 2]> {
    if round.cylinder {
        let (zero, one) = (N::constant(0.0), N::constant(1.0));
        return Some([[one, zero, zero], [zero, one, zero]]);
    }
    let normal = cross(ends[0], ends[1]);
    let size = |a: [N; 3]| norm3(a.map(Number::value));
    if size(normal) <= IN_LINE * size(ends[0]) * size(ends[1]) {
        return None;
    }
    let first = unit(ends[0]);
    Some([first, unit(cross(normal, first))])
}

/// Whether a tendon whose ends are on one line with a sphere's centre runs past the sphere in any plane.
fn passes(round: Round, ends: [Vec3; 2], side: Option<Vec3>) -> bool {
    let way = sub3(ends[1], ends[0]);
    let long = dot3(way, way);
    if long < NO_LENGTH {
        return true;
    }
    let nearest = add3(ends[0], scale3(way, (-dot3(way, ends[0]) / long).clamp(0.0, 1.0)));
    norm3(nearest) > round.radius && side.is_none_or(|s| norm3(s) >= round.radius && dot3(s, nearest) >= 0.0)
}

/// The points of contact of a tendon around a circle, and whether they are the second pair of tangents; none where it runs straight.
fn around<N: Number>(ends: [Flat<N>; 2], side: Option<Flat<f64>>, r: f64) -> Option<(bool, [Flat<N>; 2])> {
    let at = ends.map(values);
    let way = flat_sub(at[1], at[0]);
    let long = flat_dot(way, way);
    if at.iter().any(|e| flat_norm(*e) < r) || r < NO_LENGTH || long < NO_LENGTH {
        return None;
    }
    let side = side.map(|s| {
        let length = flat_norm(s);
        // MuJoCo takes the first axis for the direction of nothing.
        if length < NO_LENGTH { [r, 0.0] } else { s.map(|x| x * r / length) }
    });
    let nearest = (-flat_dot(way, at[0]) / long).clamp(0.0, 1.0);
    let nearest = [at[0][0] + nearest * way[0], at[0][1] + nearest * way[1]];
    if flat_norm(nearest) > r && side.is_none_or(|s| flat_dot(s, nearest) >= 0.0) {
        return None;
    }
    let better = |second: bool| {
        let points = tangents(at, second, r);
        if meet([at[0], points[0]], [at[1], points[1]]) {
            return -10_000.0;
        }
        let difference = flat_sub(points[0], points[1]);
        side.map_or(-flat_dot(difference, difference), |s| {
            let sum = [points[0][0] + points[1][0], points[0][1] + points[1][1]];
            let length = flat_norm(sum);
            if length < NO_LENGTH { s[0] } else { flat_dot(sum, s) / length }
        })
    };
    let second = better(false) <= better(true);
    let flat = tangents(at, second, r);
    if meet([at[0], flat[0]], [at[1], flat[1]]) {
        return None;
    }
    Some((second, tangents(ends, second, r)))
}

/// Where the tangents of one of two pairs touch.
fn tangents<N: Number>(ends: [Flat<N>; 2], second: bool, r: f64) -> [Flat<N>; 2] {
    std::array::from_fn(|i| {
        let e = ends[i];
        let square = flat_dot(e, e);
        let inverse = square.inverse();
        let along = inverse.scale(r * r);
        let across = (square - N::constant(r * r)).sqrt() * inverse.scale(if second == (i == 1) { -r } else { r });
        // A quarter turn of (x, y) is (-y, x).
        [e[0] * along - e[1] * across, e[1] * along + e[0] * across]
    })
}

/// The way along a circle between two of its points.
fn arc<N: Number>(points: [Flat<N>; 2], second: bool, r: f64) -> N {
    let turn = flat_cross(points[0], points[1]);
    let angle = (if second { turn } else { -turn }).atan2(flat_dot(points[0], points[1]));
    let full = if angle.value() < 0.0 { 2.0 * std::f64::consts::PI } else { 0.0 };
    (angle + N::constant(full)).scale(r)
}

/// Where a tendon inside a circle touches it; none where it runs straight.
fn inside<N: Number>(ends: [Flat<N>; 2], r: f64) -> Option<Flat<N>> {
    let at = ends.map(values);
    let way = flat_sub(at[1], at[0]);
    let long = flat_dot(way, way);
    if at.iter().any(|e| flat_norm(*e) <= r) || r < NO_LENGTH {
        return None;
    }
    if long > NO_LENGTH {
        let nearest = -flat_dot(way, at[0]) / long;
        let point = [at[0][0] + nearest * way[0], at[0][1] + nearest * way[1]];
        if nearest > 0.0 && nearest < 1.0 && flat_norm(point) <= r {
            return None;
        }
    }
    let lengths = ends.map(|e| flat_dot(e, e).sqrt());
    let cos = flat_dot(at[0], at[1]) / (lengths[0].value() * lengths[1].value());
    if cos < -1.0 + NO_LENGTH {
        return None;
    }
    let shares = lengths.map(|length| length.inverse().scale(r));
    let apart = flat_cross(ends[0], ends[1]);
    let between = if apart.value() < 0.0 { -apart } else { apart }.atan2(flat_dot(ends[0], ends[1]));
    let solved = if cos > 1.0 - NO_LENGTH { None } else { equal_angles(shares, between) };
    let Some(z) = solved else {
        // Where MuJoCo's iteration does not come to an end, it takes the middle.
        let middle = [ends[0][0] + ends[1][0], ends[0][1] + ends[1][1]];
        let inverse = flat_dot(middle, middle).sqrt().inverse().scale(r);
        return Some(middle.map(|x| x * inverse));
    };
    let from = usize::from(apart.value() <= 0.0);
    let (sin, cos) = (z.asin() - (shares[from] * z).asin()).sin_cos();
    let scale = lengths[from].inverse().scale(r);
    let [x, y] = ends[from];
    Some([(cos * x - sin * y) * scale, (sin * x + cos * y) * scale])
}

/// The sine z, by Newton's method from MuJoCo's own start; none where that comes to nothing.
fn equal_angles<N: Number>([a, b]: [N; 2], between: N) -> Option<N> {
    let rest = |z: N| (a * z).asin() + (b * z).asin() - z.asin().scale(2.0) + between;
    let slope = |a: N, z: N| (N::constant(1.0) - a * z * (a * z)).sqrt().inverse() * a;
    let mut z = N::constant(START);
    let mut f = rest(z);
    if f.value() > 0.0 {
        return None;
    }
    for _ in 0..STEPS {
        // A step forgets the errors of the point that it starts from.
        let from = z.exact();
        let df = slope(a, from) + slope(b, from) - slope(N::constant(1.0), from).scale(2.0);
        let next = from - f * df.inverse();
        if f.value().abs() <= TOLERANCE {
            // Derivatives come to their end a step after the value.
            return Some(next);
        }
        if df.value() > -NO_LENGTH || next.value() > z.value() {
            return None;
        }
        (z, f) = (next, rest(next.exact()));
        if f.value() > TOLERANCE {
            return None;
        }
    }
    None
}
