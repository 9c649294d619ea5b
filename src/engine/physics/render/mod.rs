//! Pictures of a simulation, drawn by MuJoCo's own offscreen renderer.

mod calls;
mod gl;

use std::ffi::{CString, c_int};
use std::sync::Arc;

use mujoco_rs::mujoco_c::{
    mjModel, mjr_freeContext, mjrContext, mjtCamera, mjtJoint, mjtObj, mjtVisFlag, mjv_defaultFreeCamera,
    mjv_defaultOption, mjv_freeScene, mjvCamera, mjvOption, mjvScene,
};

use super::guard::check;
use super::{Model, PhysicsError, Sim, names};
use gl::Gl;

/// Things that a picture can show besides the model's geoms (sites, tendons, lights, contacts).
const DECORATIONS: usize = 20_000;

/// Width and height of a picture at most, pixels; graphics drivers take no more for sure.
pub const MOST_PIXELS: usize = 8192;

/// Where a picture is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Camera {
    /// MuJoCo's free camera, as the model's `<visual>` has it; it follows the first body that moves freely.
    Free,
    /// A camera of the model, by its number.
    Fixed(usize),
}

impl Model {
    /// Names of the model's cameras; one without a name is called by its number.
    pub fn cameras(&self) -> Vec<String> {
        let n = self.raw().ncam as usize;
        (0..n).map(|i| names::name(self.raw(), mjtObj::mjOBJ_CAMERA, i).unwrap_or_else(|| i.to_string())).collect()
    }

    /// The camera that shows the model best: the first one that follows a body, else the first one, else the free one.
    pub fn usual_camera(&self) -> Camera {
        let n = self.raw().ncam as usize;
        // Modes (mjtCamLight): 0 fixed to its body, 1 and 2 with the body's or its subtree's position alone, 3 and 4 aim.
        // SAFETY: cam_mode has ncam entries.
        let follows = |i: &usize| matches!(unsafe { *self.raw().cam_mode.cast::<c_int>().add(*i) }, 1 | 2);
        match (0..n).find(follows) {
            Some(i) => Camera::Fixed(i),
            None if n > 0 => Camera::Fixed(0),
            None => Camera::Free,
        }
    }

    /// The first body with a free joint.
    fn first_free_body(&self) -> Option<usize> {
        let m = self.raw();
        // SAFETY: both arrays have njnt entries.
        let joint = |i: usize| unsafe { (*m.jnt_type.cast::<c_int>().add(i), *m.jnt_bodyid.add(i)) };
        (0..m.njnt as usize)
            .map(joint)
            .find(|(kind, _)| *kind == mjtJoint::mjJNT_FREE as c_int)
            .map(|(_, b)| b as usize)
    }
}

/// Draws simulations of one model in one size. It stays on the thread that made it.
pub struct Renderer {
    model: Arc<Model>,
    width: usize,
    height: usize,
    camera: Box<mjvCamera>,
    follows: Option<usize>,
    option: Box<mjvOption>,
    scene: Box<mjvScene>,
    context: Box<mjrContext>,
    /// Last, so that it is dropped after what lives in it.
    _gl: Gl,
}

impl Renderer {
    /// A renderer for pictures of `width` x `height` pixels, with contact points and forces where `contacts` says so.
    ///
    /// # Errors
    /// [`PhysicsError::NoOpenGl`]; [`PhysicsError::Mujoco`] when MuJoCo cannot use what is there.
    ///
    /// # Panics
    /// When a side is 0 or above [`MOST_PIXELS`], or the camera is one of another model.
    pub fn new(
        model: &Arc<Model>,
        width: usize,
        height: usize,
        camera: Camera,
        contacts: bool,
    ) -> Result<Self, PhysicsError> {
        assert!((1..=MOST_PIXELS).contains(&width) && (1..=MOST_PIXELS).contains(&height), "{width} x {height}");
        let gl = Gl::new()?;
        let raw: *const mjModel = model.ptr();

        // SAFETY: these are C structs of numbers and pointers, for which zero is a value, and MuJoCo sets them up.
        let (mut view, mut option) =
            unsafe { (Box::<mjvCamera>::new_zeroed().assume_init(), Box::<mjvOption>::new_zeroed().assume_init()) };
        // SAFETY: the model is valid, both structs are writable.
        unsafe {
            mjv_defaultFreeCamera(raw, &mut *view);
            mjv_defaultOption(&mut *option);
        }
        if let Camera::Fixed(i) = camera {
            assert!(i < model.raw().ncam as usize, "camera {i}");
            view.type_ = mjtCamera::mjCAMERA_FIXED as c_int;
            view.fixedcamid = i as c_int;
        }
        for flag in [mjtVisFlag::mjVIS_CONTACTPOINT, mjtVisFlag::mjVIS_CONTACTFORCE] {
            option.flags[flag as usize] = contacts.into();
        }

        // The size of the offscreen buffer is the model's to say, so a copy says ours. MuJoCo takes what it needs of it.
        let mut copy = model.copy()?;
        let global = &mut copy.raw_mut().vis.global;
        (global.offwidth, global.offheight) = (width as c_int, height as c_int);
        // SAFETY: as above.
        let (scene, context) =
            unsafe { (Box::<mjvScene>::new_zeroed().assume_init(), Box::<mjrContext>::new_zeroed().assume_init()) };
        let follows = if camera == Camera::Free { model.first_free_body() } else { None };
        let mut this =
            Self { model: model.clone(), width, height, camera: view, follows, option, scene, context, _gl: gl };
        let geoms = DECORATIONS + model.raw().ngeom as usize;
        // SAFETY: model and structs are valid, the context of OpenGL is current, and the guard turns a fatal error into a
        // return code; what was not made is zero, which freeing takes.
        check(unsafe { calls::ds_make_scene(raw, &mut *this.scene, geoms as c_int) })?;
        // SAFETY: as above.
        check(unsafe { calls::ds_make_context(copy.ptr(), &mut *this.context, font_scale(height)) })?;
        if (this.context.offWidth as usize) < width || (this.context.offHeight as usize) < height {
            return Err(PhysicsError::Mujoco(format!(
                "OpenGL draws at most {} x {} pixels here",
                this.context.offWidth, this.context.offHeight
            )));
        }
        Ok(this)
    }

    /// Draws the state that `sim` is in since its last [`Sim::forward`], with a label in the corner, into `rgb`: `height` rows
    /// of `width` pixels of 3 bytes, from the top.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    ///
    /// # Panics
    /// When `rgb` has another size, or `sim` is one of another model.
    pub fn draw(&mut self, sim: &mut Sim, label: &str, rgb: &mut [u8]) -> Result<(), PhysicsError> {
        assert_eq!(rgb.len(), 3 * self.width * self.height, "bytes of a picture");
        assert!(Arc::ptr_eq(sim.model(), &self.model), "a simulation of another model");
        let label = CString::new(label.replace('\0', "")).unwrap_or_default();
        if let Some(body) = self.follows {
            // SAFETY: subtree_com has nbody rows of 3, and the body is one of the model.
            self.camera.lookat = unsafe { *sim.raw().subtree_com.cast::<[f64; 3]>().add(body) };
        }
        let (camera, option) = (&mut *self.camera, &*self.option);
        let (scene, context) = (&mut *self.scene, &*self.context);
        let size = [self.width as c_int, self.height as c_int];
        let m = self.model.ptr();
        // SAFETY: model and data belong together, the scene and the context were made for the model, OpenGL is current on
        // this thread (a Renderer cannot leave it), and `rgb` has the bytes of a picture of this size.
        sim.call(|d| unsafe {
            calls::ds_draw(m, d, option, camera, scene, context, size.as_ptr(), label.as_ptr(), rgb.as_mut_ptr())
        })?;
        if self.scene.status != 0 {
            return Err(PhysicsError::Mujoco(format!("a picture shows more than {DECORATIONS} things")));
        }
        // OpenGL begins at the bottom.
        let row = 3 * self.width;
        for i in 0..self.height / 2 {
            let (top, bottom) = rgb.split_at_mut((self.height - 1 - i) * row);
            top[i * row..(i + 1) * row].swap_with_slice(&mut bottom[..row]);
        }
        Ok(())
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        // SAFETY: made by MuJoCo or still zero, freed once, and OpenGL is current until the field is dropped. Its
        // functions are there since MuJoCo has set `glInitialized`.
        unsafe {
            if self.context.glInitialized != 0 {
                mjr_freeContext(&mut *self.context);
            }
            mjv_freeScene(&mut *self.scene);
        }
    }
}

/// The size of MuJoCo's letters, in percent, that suits pictures of this height.
fn font_scale(height: usize) -> c_int {
    match height {
        0..160 => 50,
        160..400 => 100,
        400..640 => 150,
        640..960 => 200,
        _ => 300,
    }
}
