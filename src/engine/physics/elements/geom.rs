//! Geoms: their shapes, and what of them acts through a medium or at a distance.

use mujoco_rs::mujoco_c::mjtGeom;

use super::{Slices, Unknown, Variant};
use crate::physics::Model;

/// A geom's shape, about its own frame; lengths in m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GeomShape {
    /// The plane z = 0, infinite to whatever collides.
    Plane,
    /// About the origin.
    Sphere {
        /// Radius.
        radius: f64,
    },
    /// A cylinder along z with half spheres on its ends.
    Capsule {
        /// Radius.
        radius: f64,
        /// Half the length of its cylinder.
        half: f64,
    },
    /// About the origin.
    Ellipsoid {
        /// Along x, y and z.
        radii: [f64; 3],
    },
    /// Along z.
    Cylinder {
        /// Radius.
        radius: f64,
        /// Half its length.
        half: f64,
    },
    /// About the origin.
    Box {
        /// Half its sides.
        halves: [f64; 3],
    },
    /// A mesh, height field or signed distance field.
    Other,
}

impl Model {
    /// The kind of a geom.
    pub(in crate::physics) fn geom_kind(&self, geom: usize) -> Result<mjtGeom, Unknown> {
        Variant::of(Slices(self.raw()).geom_type()[geom])
    }

    /// The shape of a geom.
    pub fn shape(&self, geom: usize) -> GeomShape {
        let size = Slices(self.raw()).geom_size()[geom];
        match self.geom_kind(geom) {
            Ok(mjtGeom::mjGEOM_PLANE) => GeomShape::Plane,
            Ok(mjtGeom::mjGEOM_SPHERE) => GeomShape::Sphere { radius: size[0] },
            Ok(mjtGeom::mjGEOM_CAPSULE) => GeomShape::Capsule { radius: size[0], half: size[1] },
            Ok(mjtGeom::mjGEOM_ELLIPSOID) => GeomShape::Ellipsoid { radii: size },
            Ok(mjtGeom::mjGEOM_CYLINDER) => GeomShape::Cylinder { radius: size[0], half: size[1] },
            Ok(mjtGeom::mjGEOM_BOX) => GeomShape::Box { halves: size },
            _ => GeomShape::Other,
        }
    }

    /// Whether a geom is a plane.
    pub(crate) fn is_plane(&self, geom: usize) -> bool {
        self.shape(geom) == GeomShape::Plane
    }

    /// Whether a geom feels the medium as an ellipsoid (`fluidshape="ellipsoid"`) and not as the box of its body's inertia.
    pub fn has_ellipsoid_fluid(&self) -> bool {
        Slices(self.raw()).geom_fluid().iter().any(|coefficients| coefficients[0] != 0.0)
    }

    /// Whether a geom or a pair of them sticks.
    pub fn has_adhesive_geoms(&self) -> bool {
        let m = Slices(self.raw());
        m.geom_adhesion().iter().chain(m.pair_adhesion()).any(|x| *x != 0.0)
    }

    /// By geom, the velocity of its surface in its own frame, m/s, and the turn of that about its centre, rad/s; empty where none moves.
    pub(crate) fn surface_velocities(&self) -> Vec<[f64; 6]> {
        let all = Slices(self.raw()).geom_surfacevel();
        if all.iter().flatten().all(|x| *x == 0.0) { Vec::new() } else { all.to_vec() }
    }

    /// By how much farther than the distance from which on it acts a contact of two geoms may be listed, m: what their gaps may come to,
    /// be it by the pair's own.
    pub(crate) fn gaps(&self, geoms: [usize; 2]) -> Vec<f64> {
        let m = Slices(self.raw());
        let [a, b] = geoms.map(|geom| m.geom_gap()[geom]);
        let mut all = vec![a + b, a.max(b)];
        all.extend(m.pair_gap());
        all.sort_unstable_by(f64::total_cmp);
        all.dedup();
        all
    }

    /// How far beyond the distance from which on it acts a contact of two geoms may be listed, m.
    pub(crate) fn largest_gap(&self) -> f64 {
        let m = Slices(self.raw());
        2.0 * m.geom_gap().iter().chain(m.pair_gap()).copied().fold(0.0, f64::max)
    }
}
