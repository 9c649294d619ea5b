//! Tendons: their limits, and the paths that they take over geoms.

use mujoco_rs::mujoco_c::{mjtDisableBit, mjtWrap};

use super::sim::view;
use super::{Model, Sim};

/// The limit of a tendon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TendonLimit {
    /// The tendon.
    pub tendon: usize,
    /// Lowest and highest length.
    pub range: [f64; 2],
    /// Distance from a limit from which on it acts.
    pub margin: f64,
}

impl Model {
    /// The limits of tendons that act.
    pub fn tendon_limits(&self) -> impl Iterator<Item = TendonLimit> + '_ {
        let m = self.raw();
        let off = mjtDisableBit::mjDSBL_LIMIT as i32 | mjtDisableBit::mjDSBL_CONSTRAINT as i32;
        let on = m.opt.disableflags & off == 0;
        (0..m.ntendon as usize).filter_map(move |tendon| {
            // SAFETY: the three arrays have ntendon rows.
            unsafe {
                (on && *m.tendon_limited.add(tendon)).then(|| TendonLimit {
                    tendon,
                    range: *m.tendon_range.cast::<[f64; 2]>().add(tendon),
                    margin: *m.tendon_margin.add(tendon),
                })
            }
        })
    }

    /// The tendons that may run over a geom.
    pub fn wrapping_tendons(&self) -> impl Iterator<Item = usize> + '_ {
        let m = self.raw();
        // SAFETY: wrap_type has nwrap entries, an enum there is an int; the other two have ntendon, and address it.
        let (kinds, first, n) = unsafe {
            let tendons = m.ntendon as usize;
            (
                view(m.wrap_type.cast::<i32>().cast_const(), m.nwrap as usize),
                view(m.tendon_adr.cast_const(), tendons),
                view(m.tendon_num.cast_const(), tendons),
            )
        };
        let round = [mjtWrap::mjWRAP_SPHERE as i32, mjtWrap::mjWRAP_CYLINDER as i32];
        (0..first.len()).filter(move |t| {
            let path = first[*t] as usize..(first[*t] + n[*t]) as usize;
            kinds[path].iter().any(|kind| round.contains(kind))
        })
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
}
