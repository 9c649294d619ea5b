//! Contacts in detail, and the narrow phase alone: two geoms at poses of one's own choice.

use std::ffi::c_int;

use mujoco_rs::mujoco_c::{mj_contactForce, mjPreContact};

use super::elements::Slices;
use super::guard;
use super::sim::view;
use super::{Model, PhysicsError, Sim};

/// mjMAXCONPAIR: the most contacts of one pair of geoms.
const MOST: usize = 50;

/// mjContact.exclude of a contact in its gap.
const IN_GAP: i32 = 1;

/// What the narrow phase says of one contact.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ContactGeometry {
    /// Distance, m; negative: penetration.
    pub dist: f64,
    /// Midpoint between the surfaces, m.
    pub pos: [f64; 3],
    /// From the first geom to the second.
    pub normal: [f64; 3],
    /// A direction that the first tangent is to follow; zero where any will do.
    pub tangent: [f64; 3],
}

/// A contact with what its constraint rows are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContactDetail {
    /// Its geoms.
    pub geoms: [usize; 2],
    /// Their bodies.
    pub bodies: [usize; 2],
    /// Distance, m.
    pub dist: f64,
    /// Position, m, in the world.
    pub pos: [f64; 3],
    /// Normal and two tangents, by rows.
    pub frame: [[f64; 3]; 3],
    /// Distance from which on it acts, m.
    pub margin: f64,
    /// Friction of the two tangents, of spinning, and of rolling about the tangents.
    pub friction: [f64; 5],
    /// Friction of the regularised cone.
    pub mu: f64,
    /// 1, 3, 4 or 6: normal; tangents; spin; rolling.
    pub dim: usize,
    /// Its first constraint row; None where it has none.
    pub row: Option<usize>,
    /// Force by which the two stick to each other, N.
    pub adhesion: f64,
    /// Whether it has no row because it is beyond the distance from which on it acts, but within the gap behind that.
    pub in_gap: bool,
}

impl Sim {
    /// The contacts of the last position stage, but for those of flexes.
    pub fn contact_details(&self) -> impl Iterator<Item = ContactDetail> + '_ {
        let (m, d) = (self.model().raw(), self.raw());
        // SAFETY: the arena holds ncon contacts since the last collision stage.
        let all = unsafe { view(d.contact.cast_const(), d.ncon.max(0) as usize) };
        all.iter().filter_map(move |c| {
            let geoms = [usize::try_from(c.geom[0]).ok()?, usize::try_from(c.geom[1]).ok()?];
            let f = &c.frame;
            Some(ContactDetail {
                geoms,
                bodies: geoms.map(|g| Slices(m).geom_bodyid()[g] as usize),
                dist: c.dist,
                pos: c.pos,
                frame: [[f[0], f[1], f[2]], [f[3], f[4], f[5]], [f[6], f[7], f[8]]],
                margin: c.includemargin,
                friction: c.friction,
                mu: c.mu,
                dim: c.dim as usize,
                row: usize::try_from(c.efc_address).ok(),
                adhesion: c.adhesion,
                in_gap: c.exclude == IN_GAP,
            })
        })
    }

    /// Torque (N m) and force (N) on every body from its contacts and from xfrc_applied, about the centre of mass of its tree, as the
    /// last step or forward pass left contacts and their forces (nbody x 6): what mj_rnePostConstraint calls cfrc_ext, of a model
    /// without connect and weld constraints. The world's are zero.
    ///
    /// ```text
    /// f_b = sum of f_c,   t_b = sum of t_c + (p_c - com) x f_c     over contacts c at p_c, with the sign of the second geom
    /// ```
    pub fn external_forces(&self) -> Vec<[f64; 6]> {
        let (m, d) = (self.model().raw(), self.raw());
        let all = Slices(m);
        let root = |body: usize| all.body_rootid()[body] as usize;
        let about = |body: usize, at: &[f64], torque: [f64; 3], force: [f64; 3]| {
            let com = &self.subtree_com()[3 * root(body)..][..3];
            let arm = [at[0] - com[0], at[1] - com[1], at[2] - com[2]];
            let moment = cross(arm, force);
            [torque[0] + moment[0], torque[1] + moment[1], torque[2] + moment[2], force[0], force[1], force[2]]
        };
        let mut out: Vec<[f64; 6]> = vec![[0.0; 6]; m.nbody as usize];
        for (body, (sum, applied)) in out.iter_mut().zip(self.xfrc_applied().chunks_exact(6)).enumerate().skip(1) {
            let [fx, fy, fz, tx, ty, tz] = std::array::from_fn(|i| applied[i]);
            *sum = about(body, &self.xipos()[3 * body..][..3], [tx, ty, tz], [fx, fy, fz]);
        }
        // SAFETY: the arena holds ncon contacts since the last collision stage.
        let contacts = unsafe { view(d.contact.cast_const(), d.ncon.max(0) as usize) };
        for (i, c) in contacts.iter().enumerate().filter(|(_, c)| c.efc_address >= 0) {
            let mut local = [0.0; 6];
            // SAFETY: i is the number of a contact, whose rows are those that MuJoCo made; six numbers are written.
            unsafe { mj_contactForce(m, d, i as c_int, &mut local) };
            let turned =
                |v: &[f64]| [0, 1, 2].map(|k| c.frame[k] * v[0] + c.frame[3 + k] * v[1] + c.frame[6 + k] * v[2]);
            let (force, torque) = (turned(&local[..3]), turned(&local[3..]));
            for (geom, sign) in c.geom.iter().zip([-1.0, 1.0]) {
                let Ok(geom) = usize::try_from(*geom) else { continue };
                let body = all.geom_bodyid()[geom] as usize;
                if body > 0 {
                    let wrench = about(body, &c.pos, torque, force);
                    out[body].iter_mut().zip(wrench).for_each(|(sum, x)| *sum += sign * x);
                }
            }
        }
        out
    }

    /// The contacts that the narrow phase finds between two geoms, in the order of a contact's geoms, at their poses
    /// now: those of [`Sim::set_geom_pose`], or of the last position stage. Leaves the list of contacts as it is.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn collide(
        &mut self,
        geoms: [usize; 2],
        margin: f64,
        out: &mut Vec<ContactGeometry>,
    ) -> Result<(), PhysicsError> {
        let model = self.model().clone();
        let m = model.raw();
        assert!(geoms.iter().all(|g| *g < m.ngeom as usize), "two geoms of the model");
        let [first, second] = geoms.map(|g| Slices(m).geom_type()[g]);
        let mut found: [mjPreContact; MOST] =
            std::array::from_fn(|_| mjPreContact { dist: 0.0, pos: [0.0; 3], normal: [0.0; 3], tangent: [0.0; 3] });
        let mut n: c_int = 0;
        out.clear();
        let [a, b] = geoms.map(|g| g as c_int);
        // SAFETY: model and data belong together, the types index MuJoCo's table of 9 x 9, and the buffer holds the most
        // contacts that a pair may have.
        self.call(|d| unsafe { guard::ds_collide(m, d, first, second, a, b, margin, found.as_mut_ptr(), &mut n) })?;
        out.extend(found.iter().take(n.max(0) as usize).map(|c| ContactGeometry {
            dist: c.dist,
            pos: c.pos,
            normal: c.normal,
            tangent: c.tangent,
        }));
        Ok(())
    }

    /// Detects contacts again where the geoms are now, by the margins of `model`, which has the same geoms. Forgets the
    /// constraint rows.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn collide_all(&mut self, model: &Model) -> Result<(), PhysicsError> {
        assert_eq!(model.raw().ngeom, self.model().raw().ngeom, "a copy of the simulation's model");
        let m = model.ptr();
        // SAFETY: both models have the same sizes, so the data fits either.
        self.call(|d| unsafe { guard::ds_collision(m, d) })
    }

    /// Position and orientation (row-major) of a geom.
    pub fn geom_pose(&self, geom: usize) -> ([f64; 3], [f64; 9]) {
        let d = self.raw();
        assert!(geom < self.model().raw().ngeom as usize, "a geom of the model");
        // SAFETY: both arrays have ngeom rows.
        unsafe { (*d.geom_xpos.cast::<[f64; 3]>().add(geom), *d.geom_xmat.cast::<[f64; 9]>().add(geom)) }
    }

    /// Puts a geom elsewhere, for [`Sim::collide`], until the next position stage.
    pub fn set_geom_pose(&mut self, geom: usize, pos: &[f64; 3], mat: &[f64; 9]) {
        assert!(geom < self.model().raw().ngeom as usize, "a geom of the model");
        let d = self.raw();
        // SAFETY: both arrays have ngeom rows, and `&mut self` excludes every other access.
        unsafe {
            *d.geom_xpos.cast::<[f64; 3]>().add(geom) = *pos;
            *d.geom_xmat.cast::<[f64; 9]>().add(geom) = *mat;
        }
    }
}

/// How much farther contacts are listed in [`Model::with_wider_margins`], m.
pub(crate) const WIDER: f64 = 2e-6;

impl Model {
    /// A copy whose contacts are listed from [`WIDER`] farther on, and act from where they did. Made once.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for it.
    pub(crate) fn with_wider_margins(&self) -> Result<&Self, PhysicsError> {
        if self.wider.get().is_none() {
            let mut copy = self.copy()?;
            let m = copy.raw_mut();
            for (list, n) in [(m.geom_gap, m.ngeom), (m.pair_gap, m.npair), (m.body_margin, m.nbody)] {
                for i in 0..n as usize {
                    // SAFETY: each list has n entries, and the copy is not shared yet.
                    unsafe { *list.add(i) += WIDER };
                }
            }
            // Another thread may have been faster; then this one goes.
            let _ = self.wider.set(Box::new(copy));
        }
        self.wider.get().map(|m| &**m).ok_or(PhysicsError::Poisoned)
    }
}

impl Model {
    /// The inverse mass of two bodies in the model's configuration, which the rows of a contact between them are regularised by, 1/kg.
    pub(crate) fn inverse_mass(&self, bodies: [usize; 2]) -> f64 {
        bodies.iter().map(|body| Slices(self.raw()).body_invweight0()[*body][0]).sum()
    }
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// What rests on the floor is held by it; a force beside the centre of mass of its tree turns it. By hand.
    #[test]
    fn forces_from_outside_are_those_of_contacts_and_of_the_user() {
        let text = r#"<mujoco><worldbody><geom type="plane" size="5 5 1"/>
            <body name="a" pos="0 0 0.5"><freejoint/><geom type="box" size="0.5 0.5 0.5" mass="2"/></body>
            <body name="b" pos="3 0 1"><freejoint/><geom size="0.1" mass="1"/>
              <body name="c" pos="1 0 0"><geom size="0.1" mass="1"/></body></body></worldbody></mujoco>"#;
        let model = Arc::new(Model::from_text("m.xml", text).unwrap());
        let mut sim = Sim::new(&model).unwrap();
        for _ in 0..2000 {
            sim.step().unwrap();
        }
        let rests = sim.external_forces()[1];
        assert!(rests[..5].iter().all(|x| x.abs() < 1e-6) && (rests[5] - 2.0 * 9.81).abs() < 1e-6, "{rests:?}");

        sim.reset().unwrap();
        sim.set_body_force(model.body("c").unwrap(), [0.0, 0.0, 4.0, 0.5, 0.0, 0.0]);
        sim.forward().unwrap();
        // The centre of mass of b and c lies half a metre from c: 4 N turn about y by (0.5, 0, 0) x (0, 0, 4) = (0, -2, 0).
        let found = sim.external_forces()[3];
        let expected = [0.5, -2.0, 0.0, 0.0, 0.0, 4.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        assert_eq!(sim.external_forces()[0], [0.0; 6]);
    }
}
