//! Calls of the renderer through the C guard (`guard.c`).

use std::ffi::{c_char, c_int};

use mujoco_rs::mujoco_c::{mjData, mjModel, mjrContext, mjvCamera, mjvOption, mjvScene};

unsafe extern "C" {
    pub(super) fn ds_make_scene(m: *const mjModel, scene: *mut mjvScene, geoms: c_int) -> c_int;
    pub(super) fn ds_make_context(m: *const mjModel, context: *mut mjrContext, font_scale: c_int) -> c_int;
    pub(super) fn ds_draw(
        m: *const mjModel,
        d: *mut mjData,
        option: *const mjvOption,
        camera: *mut mjvCamera,
        scene: *mut mjvScene,
        context: *const mjrContext,
        size: *const c_int,
        label: *const c_char,
        rgb: *mut u8,
    ) -> c_int;
}
