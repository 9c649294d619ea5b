//! The floating-point arrays of mjModel that decide the motion, by name.

use mujoco_rs::mujoco_c::mjModel;

/// One array: `rows` x `cols`, row-major. `ptr` is null when the array is empty.
pub(super) struct Array {
    pub(super) name: &'static str,
    pub(super) owner: &'static str,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) ptr: *mut f64,
}

macro_rules! arrays {
    ($m:ident; $( $owner:literal $rows:ident { $( $name:ident : $cols:expr ),* $(,)? } )*) => {
        vec![ $( $( Array {
            name: stringify!($name),
            owner: $owner,
            rows: $m.$rows as usize,
            cols: $cols as usize,
            ptr: $m.$name.cast(),
        } ),* ),* ]
    };
}

/// The arrays of `m`, as in MuJoCo's mjmodel.h (3.17.0).
pub(super) fn float_arrays(m: &mjModel) -> Vec<Array> {
    arrays! { m;
        "qpos" nq { qpos0: 1, qpos_spring: 1 }
        "body" nbody { body_pos: 3, body_quat: 4, body_ipos: 3, body_iquat: 4, body_mass: 1, body_inertia: 3, body_gravcomp: 1 }
        "joint" njnt { jnt_pos: 3, jnt_axis: 3, jnt_stiffness: 1, jnt_range: 2, jnt_actfrcrange: 2, jnt_margin: 1, jnt_solref: 2, jnt_solimp: 5 }
        "dof" nv { dof_damping: 1, dof_armature: 1, dof_frictionloss: 1, dof_solref: 2, dof_solimp: 5 }
        "geom" ngeom { geom_size: 3, geom_pos: 3, geom_quat: 4, geom_friction: 3, geom_margin: 1, geom_gap: 1, geom_solref: 2, geom_solimp: 5, geom_solmix: 1, geom_fluid: 12 }
        "site" nsite { site_size: 3, site_pos: 3, site_quat: 4 }
        "tendon" ntendon { tendon_range: 2, tendon_stiffness: 1, tendon_damping: 1, tendon_frictionloss: 1, tendon_lengthspring: 2 }
        "equality" neq { eq_data: 12, eq_solref: 2, eq_solimp: 5 }
        "actuator" nactuator { actuator_gainprm: 10, actuator_biasprm: 10, actuator_dynprm: 10, actuator_forcerange: 2, actuator_actrange: 2 }
        "control" nu { actuator_ctrlrange: 2 }
        "keyframe" nkey { key_time: 1, key_qpos: m.nq, key_qvel: m.nv, key_act: m.na, key_ctrl: m.nu }
    }
}
