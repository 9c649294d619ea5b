//! Contacts of a plane with a sphere, capsule, cylinder, box or ellipsoid in closed form, with their derivatives.
//!
//! A cylinder that stands almost upright, say at a tilt of 1e-6, touches at a point of its rim that runs round with 1 / tilt:
//! differences see its derivative only with nudges far below the tilt, where rounding is all that is left. The formulas
//! are MuJoCo's, with values that carry their derivatives along; who uses them compares the values with MuJoCo's own.

use super::dual::{Arrow, Dual};
use super::motion::ULP;
use super::spatial::{Vec3, cross, norm3};
use crate::physics::{ContactGeometry, GeomShape};

/// Below this angle to the plane, rad, there is no derivative by a turn to be had: rim points run round with radius / tilt,
/// and what rounding leaves of that where the points' forces cancel is 3e-5 of the largest entry at a tilt of 1e-7.
const UPRIGHT: f64 = 5e-7;

/// MuJoCo's mjMINVAL: below it the rim point is on the cylinder's own axis x.
const NO_LENGTH: f64 = 1e-15;

/// A corner of a box within this height of its centre, m, is about to be passed over.
const LEVEL: f64 = 1e-4;

/// A contact with its derivatives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exact {
    pub(super) touch: ContactGeometry,
    pub(super) by: [ContactGeometry; 6],
    /// Bounds on rounding: of the distance, the position, the normal.
    pub(super) error: [f64; 3],
    /// Motions without a derivative, whose `by` is zero.
    pub(super) broken: [bool; 6],
}

/// The contacts that a plane at `plane` (position, row-major orientation) may have with a shape, as far as they are in
/// closed form, and their derivatives by turns of the shape about the axes through the origin and moves along them. More
/// than the narrow phase finds: distance does not count here. None where there is no closed form.
pub(super) fn on_plane(
    (from, frame): &(Vec3, [f64; 9]),
    shape: GeomShape,
    (pos, mat): &(Vec3, [f64; 9]),
    axes: &[Vec3; 3],
) -> Option<Vec<Exact>> {
    let column = |m: &[f64; 9], c: usize| [m[c], m[3 + c], m[6 + c]];
    let n = column(frame, 2);
    let normal = Arrow::constant(n);
    let centre = Arrow::carried(*pos, axes, true);
    let side = |c: usize| Arrow::carried(column(mat, c), axes, false);
    let height = |p: Arrow| (p - Arrow::constant(*from)).dot(normal);
    let (none, zero) = ([false; 6], Arrow::constant([0.0; 3]));
    let reach = norm3(*from) + norm3(*pos) + 0.01;
    let exact = |point: Arrow, dist: Dual, tangent: Arrow, wild: f64, broken: [bool; 6]| {
        let at = point - normal.scaled(dist.map(0.5 * dist.x, 0.5));
        let part = |i: usize| if broken[i] { 0.0 } else { 1.0 };
        let rounding = 8.0 * ULP * reach;
        Exact {
            touch: ContactGeometry { dist: dist.x, pos: at.0.map(|x| x.x), normal: n, tangent: tangent.0.map(|x| x.x) },
            by: std::array::from_fn(|i| ContactGeometry {
                dist: part(i) * dist.by[i],
                pos: at.0.map(|x| part(i) * x.by[i]),
                normal: [0.0; 3],
                tangent: tangent.0.map(|x| part(i) * x.by[i]),
            }),
            error: [rounding * wild, rounding * wild * wild, ULP],
            broken,
        }
    };
    // A point of the shape under the plane's surface.
    let touching = |point: Arrow, tangent: Arrow| exact(point, height(point), tangent, 1.0, none);
    Some(match shape {
        GeomShape::Sphere { radius } => vec![touching(centre - normal.times(radius), zero)],
        GeomShape::Capsule { radius, half } => {
            [half, -half].map(|x| touching(centre + side(2).times(x) - normal.times(radius), side(2))).to_vec()
        }
        GeomShape::Ellipsoid { radii } => {
            let along: [Dual; 3] = std::array::from_fn(|i| side(i).dot(normal) * Dual::constant(radii[i]));
            let length = (along[0] * along[0] + along[1] * along[1] + along[2] * along[2]).sqrt().inverse();
            let point = (0..3).fold(centre, |p, i| p - side(i).times(radii[i]).scaled(along[i] * length));
            vec![touching(point, zero)]
        }
        GeomShape::Box { halves } => {
            let mut out = Vec::with_capacity(8);
            for i in 0..8_usize {
                let arm =
                    (0..3).fold(zero, |p, c| p + side(c).times(if i >> c & 1 == 1 { halves[c] } else { -halves[c] }));
                if arm.dot(normal).x.abs() < LEVEL {
                    return None;
                }
                out.push(touching(centre + arm, zero));
            }
            out
        }
        GeomShape::Cylinder { radius, half } => {
            // The axis towards the plane, and from it the direction to the lowest point of the rim.
            let down = if side(2).dot(normal).x > 0.0 { -1.0 } else { 1.0 };
            let axis = side(2).times(down);
            // MuJoCo's axis (axis . normal) - normal, without its cancellation: that leaves 1e-16 / tilt^2 in the distance's
            // derivative.
            let out = axis.cross(axis.cross(normal));
            let square = out.dot(out);
            let length = square.x.sqrt();
            let steep = length < UPRIGHT;
            let rim = if length < NO_LENGTH {
                side(0).times(radius)
            } else {
                out.scaled(square.sqrt().inverse()).times(radius)
            };
            let (axis, wild) = (axis.times(half), 1.0 + if steep { 0.0 } else { 1.0 / length });
            let broken = std::array::from_fn(|i| steep && i < 3 && norm3(cross(axes[i], n)) > NO_LENGTH);
            let sideways = rim.cross(axis);
            let sideways = sideways.scaled(sideways.dot(sideways).sqrt().inverse()).times(0.75_f64.sqrt() * radius);
            let foot = centre + axis;
            [foot + rim, centre - axis + rim, foot - rim.times(0.5) + sideways, foot - rim.times(0.5) - sideways]
                .map(|point| exact(point, height(point), zero, wild, broken))
                .to_vec()
        }
        GeomShape::Plane | GeomShape::Other => return None,
    })
}
