//! Equality constraints.

use mujoco_rs::mujoco_c::{mjtEq, mjtObj};

use super::{Slices, Unknown, Variant};
use crate::physics::Model;

/// An equality constraint of a compiled model, active or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equality<'a> {
    /// What is made equal.
    pub kind: Result<mjtEq, Unknown>,
    /// Of which kind the two objects are.
    pub object_kind: Result<mjtObj, Unknown>,
    /// The objects; -1 where there is none.
    pub objects: [i32; 2],
    /// Numbers whose meaning depends on the kind (`eq_data`); of joints and tendons the coefficients of a polynomial.
    pub data: &'a [f64],
}

impl Model {
    /// The body that a site is fixed to, and its place (m) and orientation (a quaternion) there.
    pub fn site_on_body(&self, site: usize) -> (usize, [f64; 3], [f64; 4]) {
        let m = Slices(self.raw());
        (m.site_bodyid()[site] as usize, m.site_pos()[site], m.site_quat()[site])
    }

    /// All equality constraints, in the model's order.
    pub fn equalities(&self) -> impl ExactSizeIterator<Item = Equality<'_>> + '_ {
        let m = Slices(self.raw());
        (0..m.eq_type().len()).map(move |id| Equality {
            kind: Variant::of(m.eq_type()[id]),
            object_kind: Variant::of(m.eq_objtype()[id]),
            objects: [m.eq_obj1id()[id], m.eq_obj2id()[id]],
            data: &m.eq_data()[id],
        })
    }
}
