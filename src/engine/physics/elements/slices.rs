//! Arrays of mjModel as slices, each with the type of its rows and the size that counts them. As in mjmodel.h (3.17.0).

use mujoco_rs::mujoco_c::{
    mjModel, mjNBIAS, mjNDYN, mjNEQDATA, mjNFLUID, mjNGAIN, mjNIMP, mjNPOLY, mjNREF, mjtTextureRole,
};

use crate::physics::sim::view;

/// The arrays of a compiled model.
#[derive(Clone, Copy)]
pub(in crate::physics) struct Slices<'a>(pub(in crate::physics) &'a mjModel);

macro_rules! slices {
    ($( $count:ident: { $( $name:ident: $t:ty ),* $(,)? } )*) => { impl<'a> Slices<'a> { $( $(
        pub(in crate::physics) fn $name(self) -> &'a [$t] {
            // SAFETY: the array has this many rows of this type (mjmodel.h; `physics/arrays.rs` says the same of every
            // array, and a test compares the two), it lives as long as the model, and nobody writes to a shared model.
            unsafe { view(self.0.$name.cast_const().cast(), self.0.$count as usize) }
        }
    )* )* }

    /// Rows and numbers of each array, to be compared with the table of all arrays.
    #[cfg(test)]
    fn shapes(m: &mjModel) -> Vec<(&'static str, usize, usize)> {
        let slices = Slices(m);
        vec![ $( $( (stringify!($name), slices.$name().len(), size_of_val(slices.$name())) ),* ),* ]
    }
    };
}

slices! {
    nbody: {
        body_parentid: i32, body_rootid: i32, body_dofadr: i32, body_dofnum: i32, body_treeid: i32, body_mass: f64,
        body_mocapid: i32, body_inertia: [f64; 3], body_invweight0: [f64; 2], body_gravcomp: f64,
    }
    njnt: {
        jnt_type: i32, jnt_qposadr: i32, jnt_dofadr: i32, jnt_bodyid: i32, jnt_limited: bool, jnt_range: [f64; 2],
        jnt_margin: f64, jnt_solref: [f64; mjNREF as usize], jnt_solimp: [f64; mjNIMP as usize], jnt_stiffness: f64,
        jnt_stiffnesspoly: [f64; mjNPOLY as usize], jnt_actfrclimited: bool, jnt_actfrcrange: [f64; 2],
        jnt_actgravcomp: bool,
    }
    nv: {
        dof_bodyid: i32, dof_parentid: i32, dof_treeid: i32, dof_damping: f64, dof_length: f64, dof_invweight0: f64,
        dof_dampingpoly: [f64; mjNPOLY as usize],
    }
    ntree: { tree_bodyadr: i32, tree_dofnum: i32, tree_sleep_policy: i32 }
    ngeom: {
        geom_type: i32, geom_bodyid: i32, geom_size: [f64; 3], geom_gap: f64, geom_adhesion: f64,
        geom_surfacevel: [f64; 6],
        geom_fluid: [f64; mjNFLUID as usize], geom_dataid: i32, geom_matid: i32, geom_group: i32, geom_pos: [f64; 3],
        geom_quat: [f64; 4], geom_rgba: [f32; 4],
    }
    nmesh: { mesh_vertadr: i32, mesh_vertnum: i32, mesh_faceadr: i32, mesh_facenum: i32 }
    nmeshvert: { mesh_vert: [f32; 3] }
    nmeshface: { mesh_face: [i32; 3] }
    nhfield: { hfield_size: [f64; 4], hfield_nrow: i32, hfield_ncol: i32, hfield_adr: i32 }
    nhfielddata: { hfield_data: f32 }
    nmat: { mat_rgba: [f32; 4], mat_texid: [i32; mjtTextureRole::mjNTEXROLE as usize] }
    ntex: { tex_type: i32, tex_height: i32, tex_width: i32, tex_nchannel: i32, tex_adr: i64 }
    ntexdata: { tex_data: u8 }
    nflex: { flex_vertadr: i32, flex_vertnum: i32, flex_interp: i32, flex_centered: bool, flex_rgba: [f32; 4] }
    nflexvert: { flex_vertbodyid: i32, flex_vert: [f64; 3] }
    nsite: { site_bodyid: i32, site_pos: [f64; 3], site_quat: [f64; 4] }
    npair: { pair_gap: f64, pair_adhesion: f64 }
    neq: {
        eq_type: i32, eq_obj1id: i32, eq_obj2id: i32, eq_objtype: i32, eq_solimp: [f64; mjNIMP as usize],
        eq_data: [f64; mjNEQDATA as usize],
    }
    ntendon: {
        tendon_adr: i32, tendon_num: i32, tendon_limited: bool, tendon_range: [f64; 2], tendon_margin: f64,
        tendon_solimp_lim: [f64; mjNIMP as usize], tendon_stiffness: f64,
        tendon_stiffnesspoly: [f64; mjNPOLY as usize], tendon_lengthspring: [f64; 2], tendon_length0: f64,
        tendon_damping: f64, tendon_armature: f64,
        tendon_dampingpoly: [f64; mjNPOLY as usize], tendon_actfrclimited: bool,
        tendon_group: i32, tendon_matid: i32, tendon_width: f64, tendon_rgba: [f32; 4],
    }
    nsensor: {
        sensor_type: i32, sensor_adr: i32, sensor_dim: i32, sensor_delay: f64, sensor_interval: [f64; 2],
        sensor_history: [i32; 2],
    }
    nwrap: { wrap_type: i32, wrap_objid: i32, wrap_prm: f64 }
    nactuator: {
        actuator_trntype: i32, actuator_trnid: [i32; 2], actuator_dyntype: i32, actuator_gaintype: i32,
        actuator_biastype: i32, actuator_dynprm: [f64; mjNDYN as usize], actuator_gainprm: [f64; mjNGAIN as usize],
        actuator_biasprm: [f64; mjNBIAS as usize], actuator_ctrladr: i32, actuator_ctrlnum: i32, actuator_ctrlspec: i32, actuator_outadr: i32,
        actuator_outnum: i32, actuator_actadr: i32, actuator_actnum: i32, actuator_actlimited: bool,
        actuator_actrange: [f64; 2], actuator_actearly: bool, actuator_forcelimited: bool,
        actuator_forcerange: [f64; 2], actuator_damping: f64, actuator_dampingpoly: [f64; mjNPOLY as usize],
        actuator_armature: f64, actuator_group: i32, actuator_history: [i32; 2],
    }
    nout: { actuator_gear: [f64; 6], actuator_acc0: f64, actuator_lengthrange: [f64; 2] }
    nu: { actuator_ctrllimited: bool, actuator_ctrlrange: [f64; 2] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physics::Model;
    use crate::physics::arrays::arrays;

    #[test]
    fn slices_are_those_of_the_table_of_all_arrays() {
        let mjcf = r#"<mujoco>
          <asset>
            <mesh name="m" vertex="0 0 0 1 0 0 0 1 0 0 0 1"/>
            <hfield name="f" nrow="2" ncol="2" size="1 1 1 1"/>
            <texture name="t" type="cube" builtin="flat" width="2" height="2"/><material name="c" texture="t"/>
          </asset>
          <worldbody>
            <flexcomp name="x" type="grid" count="2 2 2" spacing="0.1 0.1 0.1" dim="3" mass="1"/>
            <body><freejoint/><geom size="0.1" name="g"/></body>
            <body pos="0 0 1"><joint name="a"/><geom size="0.1" name="h"/><site name="s"/>
              <body pos="0 0 1"><joint name="b"/><geom size="0.1"/><site name="tip"/></body>
            </body>
          </worldbody>
          <contact><pair geom1="g" geom2="h"/></contact>
          <equality><joint joint1="a" joint2="b"/></equality>
          <tendon><fixed name="t"><joint joint="a" coef="1"/></fixed><spatial><site site="s"/><site site="tip"/></spatial></tendon>
          <actuator><motor joint="b"/><general tendon="t" dyntype="filter" dynprm="0.1"/><motor joint="a"/></actuator>
          <sensor><jointpos joint="a"/></sensor>
        </mujoco>"#;
        let model = Model::from_text("slices.xml", mjcf).unwrap();
        let all = arrays(model.raw());
        for (name, rows, bytes) in shapes(model.raw()) {
            let array = all.iter().find(|a| a.name == name).unwrap();
            assert!(rows > 0, "{name} has no row in this model, so that nothing is compared");
            assert_eq!((rows, bytes), (array.rows, array.len() * array.element.size()), "{name}");
        }
    }
}
