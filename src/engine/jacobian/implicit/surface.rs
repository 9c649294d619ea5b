//! Surfaces that move (`surfacevel`): what they add to the velocity at a contact.
//!
//! The surface of a geom moves with a velocity v and a turn w in the geom's frame R, about its centre c: at a contact's point p
//!
//! ```text
//! R v + (R w) x (p - c),
//! ```
//!
//! a motion that the geom carries along as a body carries its own. It drives the tangents of the contact and its spin; the normal and
//! the rolling directions do not feel it.

use super::spatial::{Spatial, Vec3, ZERO, add3, cross, cross_motion, dot3, join, lin, rot, rotate, sub3};
use crate::physics::{ContactDetail, Model, Sim};

/// The axes of a contact that a surface drives: both tangents, and the spin about the normal.
pub(super) const DRIVEN: [usize; 3] = [1, 2, 3];

/// By geom, velocity and turn of its surface in its own frame; empty where none moves.
#[derive(Debug, Default)]
pub(super) struct Surfaces(Vec<[f64; 6]>);

impl Surfaces {
    pub(super) fn new(model: &Model) -> Self {
        Self(model.surface_velocities())
    }

    /// Whether the surface of a geom moves.
    pub(super) fn moves(&self, geom: usize) -> bool {
        self.0.get(geom).is_some_and(|v| *v != [0.0; 6])
    }

    /// The motions that the surfaces of both geoms add, each about an origin; None where neither moves.
    pub(super) fn of(&self, sim: &Sim, contact: &ContactDetail, origins: [Vec3; 2]) -> Option<[Spatial; 2]> {
        contact.geoms.iter().any(|geom| self.moves(*geom)).then(|| {
            std::array::from_fn(|side| {
                let geom = contact.geoms[side];
                let v = &self.0[geom];
                if *v == [0.0; 6] {
                    return ZERO;
                }
                let (centre, frame) = sim.geom_pose(geom);
                let (velocity, turn) = (rotate(&frame, [v[0], v[1], v[2]]), rotate(&frame, [v[3], v[4], v[5]]));
                join(turn, add3(velocity, cross(turn, sub3(origins[side], centre))))
            })
        })
    }
}

/// How the relative motion of two surfaces along the axes of a contact's frame, whose arms from the origins are these, changes with a dof
/// of axis `s` that moves the bodies that it has in its chain: the contact moves by `pos`, and its frame turns by `about`.
pub(super) fn change(
    surface: &[Spatial; 2],
    (frame, arms): (&[Vec3; 3], [Vec3; 2]),
    (s, in_chain): (&Spatial, [bool; 2]),
    (pos, about): (Vec3, Vec3),
) -> [f64; 6] {
    let mut out = [0.0; 6];
    for (side, motion) in surface.iter().enumerate() {
        let sign = if side == 1 { 1.0 } else { -1.0 };
        let at = |x: &Spatial| add3(lin(x), cross(rot(x), arms[side]));
        let carried = if in_chain[side] { cross_motion(s, motion) } else { ZERO };
        let linear = add3(cross(rot(motion), pos), at(&carried));
        for (i, axis) in frame.iter().enumerate() {
            let turned = cross(about, *axis);
            out[i] += sign * (dot3(turned, at(motion)) + dot3(*axis, linear));
            out[3 + i] += sign * (dot3(turned, rot(motion)) + dot3(*axis, rot(&carried)));
        }
    }
    out
}
