//! The paths that tendons take: what they run over, and over geoms, where.

use mujoco_rs::mujoco_c::mjtWrap;

use super::elements::{Slices, Variant};
use super::guard;
use super::sim::view;
use super::{Model, Sim};

/// A site that a tendon runs through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathSite {
    /// Its number.
    pub site: usize,
    /// The body that it is fixed to.
    pub body: usize,
}

/// A geom that a tendon may wrap around.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathGeom {
    /// Its number.
    pub geom: usize,
    /// The body that it is fixed to.
    pub body: usize,
    /// Whether it is a cylinder; else it is a sphere.
    pub cylinder: bool,
    /// m.
    pub radius: f64,
    /// The site on whose side of it the tendon runs.
    pub side: Option<PathSite>,
}

/// A piece of a tendon's path from one site to the next, over a geom or straight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathPiece {
    /// Where it begins and ends.
    pub ends: [PathSite; 2],
    /// What it may wrap around between.
    pub geom: Option<PathGeom>,
    /// What its length is divided by: that of the last pulley before it.
    pub divisor: f64,
}

impl PathGeom {
    /// Where MuJoCo has a tendon between two ends touch the geom, all in the geom's frame, with the side site there (m); None where it
    /// runs past.
    pub fn touches(&self, ends: [[f64; 3]; 2], side: Option<[f64; 3]>) -> Option<[[f64; 3]; 2]> {
        const HERE: [f64; 3] = [0.0; 3];
        const UNTURNED: [f64; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let kind = if self.cylinder { mjtWrap::mjWRAP_CYLINDER } else { mjtWrap::mjWRAP_SPHERE };
        let mut points = [[0.0; 3]; 2];
        let side = side.as_ref().map_or(std::ptr::null(), |s| s.as_ptr());
        // SAFETY: all arrays have the sizes that MuJoCo reads and writes, and the kind is one that it wraps around.
        let length = unsafe {
            guard::mju_wrap(
                points.as_mut_ptr().cast(),
                ends[0].as_ptr(),
                ends[1].as_ptr(),
                HERE.as_ptr(),
                UNTURNED.as_ptr(),
                self.radius,
                kind as i32,
                side,
            )
        };
        (length >= 0.0).then_some(points)
    }
}

impl Model {
    /// The pieces of a spatial tendon's path, in order; none of a fixed one.
    pub fn tendon_pieces(&self, tendon: usize) -> Vec<PathPiece> {
        let m = Slices(self.raw());
        let first = m.tendon_adr()[tendon] as usize;
        let path = first..first + m.tendon_num()[tendon] as usize;
        let site = |id: i32| {
            let site = usize::try_from(id).ok()?;
            Some(PathSite { site, body: *m.site_bodyid().get(site)? as usize })
        };
        let (mut pieces, mut divisor, mut begun, mut over) = (Vec::new(), 1.0, None, None);
        for at in path {
            let (object, param) = (m.wrap_objid()[at], m.wrap_prm()[at]);
            match mjtWrap::of(m.wrap_type()[at]) {
                Ok(mjtWrap::mjWRAP_PULLEY) => (divisor, begun, over) = (param, None, None),
                Ok(mjtWrap::mjWRAP_SITE) => {
                    let end = site(object);
                    if let (Some(begin), Some(end)) = (begun, end) {
                        pieces.push(PathPiece { ends: [begin, end], geom: over, divisor });
                    }
                    (begun, over) = (end, None);
                }
                Ok(kind @ (mjtWrap::mjWRAP_SPHERE | mjtWrap::mjWRAP_CYLINDER)) => {
                    let geom = object as usize;
                    over = Some(PathGeom {
                        geom,
                        body: m.geom_bodyid()[geom] as usize,
                        cylinder: kind == mjtWrap::mjWRAP_CYLINDER,
                        radius: m.geom_size()[geom][0],
                        side: site(param.round() as i32),
                    });
                }
                Ok(mjtWrap::mjWRAP_NONE | mjtWrap::mjWRAP_JOINT) | Err(_) => {}
            }
        }
        pieces
    }
}

impl Sim {
    /// The points of a tendon's path: what each is on (a geom, -1 for a site, -2 for a pulley), and where, m.
    pub fn tendon_path(&self, tendon: usize) -> impl ExactSizeIterator<Item = (i32, [f64; 3])> + '_ {
        let (m, d) = (self.model().raw(), self.raw());
        assert!(tendon < m.ntendon as usize, "a tendon of the model");
        // SAFETY: both arrays have two entries per wrap object, in which the paths' addresses and lengths lie.
        let (objects, points) = unsafe {
            let (first, n) = (*d.ten_wrapadr.add(tendon) as usize, (*d.ten_wrapnum.add(tendon)).max(0) as usize);
            (
                view(d.wrap_obj.cast::<i32>().add(first).cast_const(), n),
                view(d.wrap_xpos.cast::<[f64; 3]>().add(first).cast_const(), n),
            )
        };
        objects.iter().copied().zip(points.iter().copied())
    }

    /// Where a site of a tendon's path is, m.
    pub fn path_site(&self, site: &PathSite) -> [f64; 3] {
        let m = self.model().raw();
        assert!(site.site < m.nsite as usize, "a site of the model");
        // SAFETY: site_xpos has nsite rows.
        unsafe { *self.raw().site_xpos.cast::<[f64; 3]>().add(site.site) }
    }
}
