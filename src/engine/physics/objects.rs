//! Named objects of a model, and where they are in a simulation.
//!
//! What a simulation tells here is what its last step or forward pass derived: after [`Sim::step`] that is
//! the state at the *start* of that step, and a Jacobian engine may leave that of a nudged state.

use std::ops::Range;

use mujoco_rs::mujoco_c::mjtObj;

use super::elements::Slices;
use super::{Joint, Model, PhysicsError, Sim};

macro_rules! ids {
    ($( $(#[$doc:meta])* $id:ident )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $id(usize);
    )* };
}

ids! {
    /// A body of a model.
    BodyId
    /// A geom of a model.
    GeomId
    /// A site of a model.
    SiteId
}

impl GeomId {
    /// Its number, as contacts give it.
    pub fn number(self) -> usize {
        self.0
    }
}

impl Model {
    /// The body of that name.
    ///
    /// # Errors
    /// [`PhysicsError::NoSuchName`].
    pub fn body(&self, name: &str) -> Result<BodyId, PhysicsError> {
        self.named(mjtObj::mjOBJ_BODY, "body", name).map(BodyId)
    }

    /// The geom of that name.
    ///
    /// # Errors
    /// [`PhysicsError::NoSuchName`].
    pub fn geom(&self, name: &str) -> Result<GeomId, PhysicsError> {
        self.named(mjtObj::mjOBJ_GEOM, "geom", name).map(GeomId)
    }

    /// The site of that name.
    ///
    /// # Errors
    /// [`PhysicsError::NoSuchName`].
    pub fn site(&self, name: &str) -> Result<SiteId, PhysicsError> {
        self.named(mjtObj::mjOBJ_SITE, "site", name).map(SiteId)
    }

    /// Where the values of the sensor of that name lie in [`Sim::sensordata`].
    ///
    /// # Errors
    /// [`PhysicsError::NoSuchName`].
    pub fn sensor(&self, name: &str) -> Result<Range<usize>, PhysicsError> {
        self.named(mjtObj::mjOBJ_SENSOR, "sensor", name).map(|id| self.sensor_at(id).values)
    }

    /// The joint of that name.
    ///
    /// # Errors
    /// [`PhysicsError::NoSuchName`].
    pub fn joint(&self, name: &str) -> Result<Joint, PhysicsError> {
        self.named(mjtObj::mjOBJ_JOINT, "joint", name).map(|id| self.joint_at(id))
    }

    /// The number of a mocap body among the mocap bodies, None for any other body.
    pub fn mocap(&self, body: BodyId) -> Option<usize> {
        let slots = Slices(self.raw()).body_mocapid();
        assert!(body.0 < slots.len(), "a body of another model");
        usize::try_from(slots[body.0]).ok()
    }

    /// Size parameters of a geom, m.
    pub fn geom_size(&self, geom: GeomId) -> [f64; 3] {
        row(self.raw().geom_size.cast(), self.raw().ngeom as usize, geom.0)
    }

    /// Size parameters of a site, m.
    pub fn site_size(&self, site: SiteId) -> [f64; 3] {
        row(self.raw().site_size.cast(), self.raw().nsite as usize, site.0)
    }

    fn named(&self, kind: mjtObj, word: &'static str, name: &str) -> Result<usize, PhysicsError> {
        self.id(kind, name).ok_or_else(|| PhysicsError::NoSuchName { kind: word, name: name.to_owned() })
    }
}

impl Model {
    /// All bodies, the world first.
    pub fn body_ids(&self) -> impl ExactSizeIterator<Item = BodyId> + use<> {
        (0..self.raw().nbody as usize).map(BodyId)
    }
}

impl Sim {
    /// Position of a body's frame in the world, m (xpos).
    pub fn body_pos(&self, body: BodyId) -> [f64; 3] {
        row(self.raw().xpos.cast(), self.model().raw().nbody as usize, body.0)
    }

    /// Orientation of a body's frame as a quaternion (xquat).
    pub fn body_quat(&self, body: BodyId) -> [f64; 4] {
        row(self.raw().xquat.cast(), self.model().raw().nbody as usize, body.0)
    }

    /// Orientation of a body's frame as a rotation matrix, row-major; its columns are the body's axes (xmat).
    pub fn body_mat(&self, body: BodyId) -> [f64; 9] {
        row(self.raw().xmat.cast(), self.model().raw().nbody as usize, body.0)
    }

    /// Position of a body's centre of mass in the world, m (xipos).
    pub fn body_com(&self, body: BodyId) -> [f64; 3] {
        row(self.raw().xipos.cast(), self.model().raw().nbody as usize, body.0)
    }

    /// Position of a geom in the world, m (geom_xpos).
    pub fn geom_pos(&self, geom: GeomId) -> [f64; 3] {
        row(self.raw().geom_xpos.cast(), self.model().raw().ngeom as usize, geom.0)
    }

    /// Orientation of a geom as a rotation matrix, row-major (geom_xmat).
    pub fn geom_mat(&self, geom: GeomId) -> [f64; 9] {
        row(self.raw().geom_xmat.cast(), self.model().raw().ngeom as usize, geom.0)
    }

    /// Position of a site in the world, m (site_xpos).
    pub fn site_pos(&self, site: SiteId) -> [f64; 3] {
        row(self.raw().site_xpos.cast(), self.model().raw().nsite as usize, site.0)
    }

    /// Orientation of a site as a rotation matrix, row-major (site_xmat).
    pub fn site_mat(&self, site: SiteId) -> [f64; 9] {
        row(self.raw().site_xmat.cast(), self.model().raw().nsite as usize, site.0)
    }

    /// Sets the force (N) and torque (N m) on a body's centre of mass, in the world frame (xfrc_applied). It
    /// stays until it is set again or the simulation is reset.
    pub fn set_body_force(&mut self, body: BodyId, force: [f64; 6]) {
        assert!(body.0 < self.model().raw().nbody as usize, "a body of another model");
        // SAFETY: xfrc_applied has nbody rows of 6, and `&mut self` excludes every other access.
        unsafe { *self.raw().xfrc_applied.cast::<[f64; 6]>().add(body.0) = force };
    }

    /// Force (N) and torque (N m) applied to a body (xfrc_applied).
    pub fn body_force(&self, body: BodyId) -> [f64; 6] {
        row(self.raw().xfrc_applied.cast(), self.model().raw().nbody as usize, body.0)
    }
}

/// Row `i` of an array of `n` rows.
fn row<const N: usize>(array: *const f64, n: usize, i: usize) -> [f64; N] {
    assert!(i < n, "row {i} of {n}: an object of another model");
    // SAFETY: callers pass an array of mjModel or mjData with n rows of N numbers, and i < n.
    unsafe { *array.cast::<[f64; N]>().add(i) }
}
