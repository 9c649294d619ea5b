//! The paths that tendons take over geoms.

use super::Sim;
use super::sim::view;

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
}
