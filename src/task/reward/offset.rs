//! Where one thing is, seen from another.

use crate::physics::{BodyId, GeomId, Sim, SiteId};

/// A thing with a position and axes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Body(BodyId),
    Geom(GeomId),
    Site(SiteId),
}

impl Place {
    /// In the world, m.
    pub(super) fn pos(self, sim: &Sim) -> [f64; 3] {
        match self {
            Self::Body(body) => sim.body_pos(body),
            Self::Geom(geom) => sim.geom_pos(geom),
            Self::Site(site) => sim.site_pos(site),
        }
    }

    /// Its axes are the columns; row-major.
    pub(super) fn mat(self, sim: &Sim) -> [f64; 9] {
        match self {
            Self::Body(body) => sim.body_mat(body),
            Self::Geom(geom) => sim.geom_mat(geom),
            Self::Site(site) => sim.site_mat(site),
        }
    }
}

/// The way from one thing to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offset {
    pub(super) from: Place,
    pub(super) to: Place,
    /// Whose axes it is expressed in; None: those of the world.
    pub(super) frame: Option<Place>,
}

impl Offset {
    /// In m.
    pub(super) fn of(&self, sim: &Sim) -> [f64; 3] {
        let (from, to) = (self.from.pos(sim), self.to.pos(sim));
        let w = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
        let Some(frame) = self.frame else { return w };
        let x = frame.mat(sim);
        [0, 1, 2].map(|k| w[0] * x[k] + w[1] * x[3 + k] + w[2] * x[6 + k])
    }

    /// Its length, m.
    pub(super) fn length(&self, sim: &Sim) -> f64 {
        norm(&self.of(sim))
    }

    /// Its length along the first two axes, m.
    pub(super) fn planar_length(&self, sim: &Sim) -> f64 {
        norm(&self.of(sim)[..2])
    }
}

/// Euclidean length.
pub(super) fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}
