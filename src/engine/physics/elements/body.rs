//! Bodies.

use super::Slices;
use crate::physics::Model;

/// A body of a compiled model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Body {
    /// The body that it hangs on; that of the world is the world.
    pub parent: usize,
    /// The first body of its tree below the world.
    pub root: usize,
    /// kg.
    pub mass: f64,
    /// About its centre of mass, along the axes of its inertia frame, kg m^2.
    pub inertia: [f64; 3],
    /// Share of its weight that is compensated.
    pub gravcomp: f64,
}

impl Model {
    /// All bodies, the world first.
    pub fn bodies(&self) -> impl ExactSizeIterator<Item = Body> + '_ {
        let m = Slices(self.raw());
        (0..m.body_mass().len()).map(move |id| Body {
            parent: m.body_parentid()[id] as usize,
            root: m.body_rootid()[id] as usize,
            mass: m.body_mass()[id],
            inertia: m.body_inertia()[id],
            gravcomp: m.body_gravcomp()[id],
        })
    }

    /// The body that each dof moves directly (nv).
    pub fn dof_bodies(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        Slices(self.raw()).dof_bodyid().iter().map(|body| *body as usize)
    }
}
