//! The one table of everything that mjModel holds: arrays, options, statistics and visual settings by name,
//! with type, shape, the objects that own the rows, and what may be set. As in mjmodel.h (3.17.0), in its order.

use std::ffi::c_void;

use mujoco_rs::mujoco_c::mjModel;

use super::edit::ObjectKind::{self, *};

/// One array: `rows` x `cols`, row-major. `ptr` may be null when the array is empty.
pub(super) struct Array {
    pub(super) name: &'static str,
    pub(super) owner: Owner,
    pub(super) rows: usize,
    /// None for a vector, and for a single number.
    width: Option<usize>,
    scalar: bool,
    pub(super) element: Element,
    pub(super) role: Role,
    pub(super) ptr: *mut c_void,
}

/// What the rows of an array belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Of(ObjectKind),
    /// Degrees of freedom; found by the name of their joint.
    Dof,
    /// Controls; found by the name of their actuator.
    Control,
    Qpos,
    /// Nothing that has a name.
    Other,
}

/// Whether a number may be set from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Structure, or derived from other numbers: only read.
    Fixed,
    /// A number that decides the motion: may be set, may be infinite, NaN never means anything.
    Given,
    /// May be set to any finite number.
    Free,
    /// May be set to the number of an object of this kind, or to -1 for none.
    Id(ObjectKind),
}

use Owner::{Control, Dof, Of, Other, Qpos};

const GIVEN: Role = Role::Given;
const FIXED: Role = Role::Fixed;
const FREE: Role = Role::Free;
const MATERIAL: Role = Role::Id(Material);

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    F32,
    I32,
    I64,
    U8,
    I8,
    Bool,
}

impl Element {
    /// Bytes per element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::U8 | Self::I8 | Self::Bool => 1,
        }
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32)
    }
}

/// A type that mjModel is made of.
trait Field {
    const ELEMENT: Element;
    const LEN: Option<usize> = None;
}

macro_rules! fields {
    ($($t:ty => $e:ident),*) => { $( impl Field for $t { const ELEMENT: Element = Element::$e; } )* };
}

fields! { f64 => F64, f32 => F32, i32 => I32, i64 => I64, u8 => U8, i8 => I8, bool => Bool }

impl<T: Field, const N: usize> Field for [T; N] {
    const ELEMENT: Element = T::ELEMENT;
    const LEN: Option<usize> = Some(N);
}

fn element<T: Field>(_: *mut T) -> (Element, Option<usize>) {
    (T::ELEMENT, T::LEN)
}

macro_rules! role {
    () => {
        FIXED
    };
    ($role:ident) => {
        $role
    };
}

macro_rules! width {
    () => {
        None
    };
    ($cols:expr) => {
        Some($cols as usize)
    };
}

macro_rules! arrays {
    ($m:ident; $( $owner:expr, $rows:ident => { $( $name:ident $([$cols:expr])? $(= $role:ident)? ),* $(,)? } )*) => {
        vec![ $( $( Array {
            name: stringify!($name),
            owner: $owner,
            rows: $m.$rows as usize,
            width: width!($($cols)?),
            scalar: false,
            element: element($m.$name).0,
            role: role!($($role)?),
            ptr: $m.$name.cast(),
        } ),* ),* ]
    };
}

macro_rules! settings {
    ($( $prefix:literal, $part:expr, $role:expr => { $( $name:ident ),* $(,)? } )*) => {
        vec![ $( $( {
            // SAFETY: the caller's pointer is valid; no reference is made.
            let field = unsafe { &raw mut $part.$name };
            let (element, len) = element(field);
            Array {
                name: concat!($prefix, stringify!($name)),
                owner: Other,
                rows: len.unwrap_or(1),
                width: None,
                scalar: len.is_none(),
                element,
                role: $role,
                ptr: field.cast(),
            }
        } ),* ),* ]
    };
}

macro_rules! sizes {
    ($m:ident; $($name:ident),* $(,)?) => { vec![ $( (stringify!($name), $m.$name) ),* ] };
}

impl Array {
    /// Columns of a row.
    pub(super) fn cols(&self) -> usize {
        self.width.unwrap_or(1)
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.rows * self.cols()
    }

    /// Sizes of the dimensions; none for a single number.
    pub(super) fn shape(&self) -> Vec<usize> {
        if self.scalar { Vec::new() } else { [self.rows].into_iter().chain(self.width).collect() }
    }

    /// The bytes, in this machine's order (little-endian where MuJoCo is built for).
    ///
    /// # Safety
    /// The model that the array was read from must be alive and not be changed meanwhile.
    pub(super) unsafe fn bytes(&self) -> &[u8] {
        let n = self.len() * self.element.size();
        // SAFETY: the caller keeps the model alive; the table holds the array's own size.
        if n == 0 { &[] } else { unsafe { std::slice::from_raw_parts(self.ptr.cast(), n) } }
    }

    /// Element `i` as a number; exact for all types but i64 beyond 2^53.
    ///
    /// # Safety
    /// As [`Array::bytes`].
    pub(super) unsafe fn get(&self, i: usize) -> f64 {
        assert!(i < self.len(), "element {i} of {}", self.name);
        // SAFETY: inside the array, and the type is the table's; the caller keeps the model alive.
        unsafe {
            match self.element {
                Element::F64 => *self.ptr.cast::<f64>().add(i),
                Element::F32 => (*self.ptr.cast::<f32>().add(i)).into(),
                Element::I32 => (*self.ptr.cast::<i32>().add(i)).into(),
                Element::I64 => *self.ptr.cast::<i64>().add(i) as f64,
                Element::U8 | Element::Bool => (*self.ptr.cast::<u8>().add(i)).into(),
                Element::I8 => (*self.ptr.cast::<i8>().add(i)).into(),
            }
        }
    }

    /// Sets element `i`, rounded to the array's type. Only the types that may be set are known here.
    ///
    /// # Safety
    /// As [`Array::bytes`], and nobody else may read or write the model meanwhile.
    pub(super) unsafe fn set(&self, i: usize, value: f64) {
        assert!(i < self.len(), "element {i} of {}", self.name);
        // SAFETY: inside the array, and the type is the table's; the caller has the model alone.
        unsafe {
            match self.element {
                Element::F64 => *self.ptr.cast::<f64>().add(i) = value,
                Element::F32 => *self.ptr.cast::<f32>().add(i) = value as f32,
                Element::I32 => *self.ptr.cast::<i32>().add(i) = value as i32,
                other => unreachable!("{} of type {other:?} is never set", self.name),
            }
        }
    }
}

/// All arrays of `m`.
pub(super) fn arrays(m: &mjModel) -> Vec<Array> {
    arrays! { m;
        Qpos, nq => { qpos0 = GIVEN, qpos_spring = GIVEN }
        Of(Body), nbody => {
            body_parentid, body_rootid, body_weldid, body_mocapid, body_jntnum, body_jntadr, body_dofnum, body_dofadr,
            body_treeid, body_geomnum, body_geomadr, body_simple, body_sameframe, body_pos[3] = GIVEN,
            body_quat[4] = GIVEN, body_ipos[3] = GIVEN, body_iquat[4] = GIVEN, body_mass = GIVEN, body_subtreemass,
            body_inertia[3] = GIVEN, body_invweight0[2], body_gravcomp = GIVEN, body_margin, body_user[m.nuser_body],
            body_plugin, body_contype, body_conaffinity, body_bvhadr, body_bvhnum,
        }
        Other, nbvh => { bvh_depth, bvh_child[2], bvh_nodeid }
        Other, nbvhstatic => { bvh_aabb[6] }
        Other, noct => { oct_depth, oct_child[8], oct_aabb[6], oct_coeff[8] }
        Of(Joint), njnt => {
            jnt_type, jnt_qposadr, jnt_dofadr, jnt_bodyid, jnt_actuatorid, jnt_group, jnt_limited, jnt_actfrclimited,
            jnt_actgravcomp, jnt_solref[2] = GIVEN, jnt_solimp[5] = GIVEN, jnt_pos[3] = GIVEN, jnt_axis[3] = GIVEN,
            jnt_stiffness = GIVEN, jnt_stiffnesspoly[2], jnt_range[2] = GIVEN, jnt_actfrcrange[2] = GIVEN,
            jnt_margin = GIVEN, jnt_user[m.nuser_jnt],
        }
        Dof, nv => {
            dof_bodyid, dof_jntid, dof_parentid, dof_treeid, dof_Madr, dof_simplenum, dof_solref[2] = GIVEN,
            dof_solimp[5] = GIVEN, dof_frictionloss = GIVEN, dof_armature = GIVEN, dof_damping = GIVEN,
            dof_dampingpoly[2], dof_invweight0, dof_M0, dof_length,
        }
        Other, ntree => { tree_bodyadr, tree_bodynum, tree_dofadr, tree_dofnum, tree_sleep_policy }
        Of(Geom), ngeom => {
            geom_type, geom_contype = FREE, geom_conaffinity = FREE, geom_condim, geom_bodyid, geom_dataid,
            geom_matid = MATERIAL, geom_group = FREE, geom_priority = FREE, geom_plugin, geom_sameframe,
            geom_solmix = GIVEN, geom_solref[2] = GIVEN, geom_solimp[5] = GIVEN, geom_size[3] = GIVEN, geom_aabb[6],
            geom_rbound, geom_pos[3] = GIVEN, geom_quat[4] = GIVEN, geom_friction[3] = GIVEN, geom_margin = GIVEN,
            geom_gap = GIVEN, geom_surfacevel[6], geom_adhesion, geom_fluid[12] = GIVEN, geom_user[m.nuser_geom],
            geom_rgba[4] = FREE,
        }
        Of(Site), nsite => {
            site_type, site_bodyid, site_dataid, site_matid, site_group = FREE, site_sameframe, site_size[3] = GIVEN,
            site_pos[3] = GIVEN, site_quat[4] = GIVEN, site_user[m.nuser_site], site_rgba[4] = FREE,
        }
        Of(Camera), ncam => {
            cam_mode, cam_bodyid, cam_targetbodyid, cam_pos[3], cam_quat[4], cam_poscom0[3], cam_pos0[3], cam_mat0[9],
            cam_projection, cam_fovy, cam_ipd, cam_resolution[2], cam_output, cam_sensorsize[2], cam_intrinsic[4],
            cam_user[m.nuser_cam],
        }
        Of(Light), nlight => {
            light_mode, light_bodyid, light_targetbodyid, light_type, light_texid, light_castshadow, light_bulbradius,
            light_intensity, light_range, light_active, light_pos[3], light_dir[3], light_poscom0[3], light_pos0[3],
            light_dir0[3], light_attenuation[3], light_cutoff, light_softness, light_exponent, light_ambient[3],
            light_diffuse[3], light_specular[3],
        }
        Other, nflex => {
            flex_contype, flex_conaffinity, flex_condim, flex_priority, flex_solmix, flex_solref[2], flex_solimp[5],
            flex_friction[3], flex_margin, flex_gap, flex_selfcollide, flex_activelayers, flex_passive, flex_dim,
            flex_matid, flex_group, flex_interp, flex_cellnum[3], flex_nodeadr, flex_nodenum, flex_vertadr,
            flex_vertnum, flex_edgeadr, flex_edgenum, flex_elemadr, flex_elemnum, flex_elemdataadr, flex_stiffnessadr,
            flex_elemedgeadr, flex_bendingadr, flex_shellnum, flex_shelldataadr, flex_texcoordadr,
        }
        Other, nflexnode => { flex_nodebodyid }
        Other, nflexvert => { flex_vertbodyid, flex_vertedgeadr, flex_vertedgenum }
        Other, nflexedge => { flex_vertedge[2], flex_edge[2], flex_edgeflap[2] }
        Other, nflexelemdata => { flex_elem, flex_elemtexcoord }
        Other, nflexelemedge => { flex_elemedge }
        Other, nflexelem => { flex_elemlayer }
        Other, nflexshelldata => { flex_shell }
        Other, nflexvert => { flex_vert[3], flex_vert0[3], flex_vertmetric[4] }
        Other, nflexnode => { flex_node[3], flex_node0[3] }
        Other, nflexedge => { flexedge_length0, flexedge_invweight0 }
        Other, nflex => { flex_radius, flex_size[3] }
        Other, nflexstiffness => { flex_stiffness }
        Other, nflexbending => { flex_bending }
        Other, nefm0dof => { efm0_dofid, efm0_L_rownnz, efm0_L_rowadr }
        Other, nefm0L => { efm0_L_colind, efm0_L }
        Other, nefmCvert => { efmC_perm }
        Other, nflex => { flex_damping, flex_edgestiffness, flex_edgedamping, flex_edgeequality, flex_rigid }
        Other, nflexedge => { flexedge_rigid }
        Other, nflex => { flex_centered, flex_flatskin, flex_bvhadr, flex_bvhnum }
        Other, nflexedge => { flexedge_J_rownnz, flexedge_J_rowadr }
        Other, nJfe => { flexedge_J_colind }
        Other, nflexvert => { flexvert_J_rownnz[2], flexvert_J_rowadr[2] }
        Other, nJfv => { flexvert_J_colind[2] }
        Other, nflex => { flex_rgba[4] }
        Other, nflextexcoord => { flex_texcoord[2] }
        Of(Mesh), nmesh => {
            mesh_vertadr, mesh_vertnum, mesh_faceadr, mesh_facenum, mesh_bvhadr, mesh_bvhnum, mesh_octadr, mesh_octnum,
            mesh_normaladr, mesh_normalnum, mesh_texcoordadr, mesh_texcoordnum, mesh_graphadr, mesh_extrema[27],
        }
        Other, nmeshvert => { mesh_vert[3] }
        Other, nmeshnormal => { mesh_normal[3] }
        Other, nmeshtexcoord => { mesh_texcoord[2] }
        Other, nmeshface => { mesh_face[3], mesh_facenormal[3], mesh_facetexcoord[3] }
        Other, nmeshgraph => { mesh_graph }
        Of(Mesh), nmesh => { mesh_scale[3], mesh_pos[3], mesh_quat[4], mesh_pathadr, mesh_polynum, mesh_polyadr }
        Other, nmeshpoly => { mesh_polynormal[3], mesh_polyvertadr, mesh_polyvertnum }
        Other, nmeshpolyvert => { mesh_polyvert }
        Other, nmeshvert => { mesh_polymapadr, mesh_polymapnum }
        Other, nmeshpolymap => { mesh_polymap }
        Other, nskin => {
            skin_matid, skin_group, skin_rgba[4], skin_inflate, skin_vertadr, skin_vertnum, skin_texcoordadr,
            skin_faceadr, skin_facenum, skin_boneadr, skin_bonenum,
        }
        Other, nskinvert => { skin_vert[3] }
        Other, nskintexvert => { skin_texcoord[2] }
        Other, nskinface => { skin_face[3] }
        Other, nskinbone => {
            skin_bonevertadr, skin_bonevertnum, skin_bonebindpos[3], skin_bonebindquat[4], skin_bonebodyid,
        }
        Other, nskinbonevert => { skin_bonevertid, skin_bonevertweight }
        Other, nskin => { skin_pathadr }
        Of(Hfield), nhfield => { hfield_size[4], hfield_nrow, hfield_ncol, hfield_adr }
        Other, nhfielddata => { hfield_data }
        Of(Hfield), nhfield => { hfield_pathadr }
        Of(Texture), ntex => { tex_type, tex_colorspace, tex_height, tex_width, tex_nchannel, tex_adr }
        Other, ntexdata => { tex_data }
        Of(Texture), ntex => { tex_pathadr, tex_contenttypeadr }
        Of(Material), nmat => {
            mat_texid[10], mat_texuniform, mat_texrepeat[2], mat_emission, mat_specular, mat_shininess, mat_reflectance,
            mat_metallic, mat_roughness, mat_rgba[4] = FREE,
        }
        Other, npair => {
            pair_dim, pair_geom1, pair_geom2, pair_signature, pair_solref[2], pair_solreffriction[2], pair_solimp[5],
            pair_margin, pair_gap, pair_adhesion, pair_friction[5],
        }
        Other, nexclude => { exclude_signature }
        Of(Equality), neq => {
            eq_type, eq_obj1id, eq_obj2id, eq_objtype, eq_active0, eq_solref[2] = GIVEN, eq_solimp[5] = GIVEN,
            eq_data[12] = GIVEN,
        }
        Of(Tendon), ntendon => {
            tendon_adr, tendon_num, tendon_matid, tendon_actuatorid, tendon_group, tendon_treenum, tendon_treeid[2],
            ten_J_rownnz, ten_J_rowadr,
        }
        Other, nJten => { ten_J_colind }
        Of(Tendon), ntendon => {
            tendon_limited, tendon_actfrclimited, tendon_width, tendon_solref_lim[2], tendon_solimp_lim[5],
            tendon_solref_fri[2], tendon_solimp_fri[5], tendon_range[2] = GIVEN, tendon_actfrcrange[2], tendon_margin,
            tendon_stiffness = GIVEN, tendon_stiffnesspoly[2], tendon_damping = GIVEN, tendon_dampingpoly[2],
            tendon_armature, tendon_frictionloss = GIVEN, tendon_lengthspring[2] = GIVEN, tendon_length0,
            tendon_invweight0, tendon_user[m.nuser_tendon], tendon_rgba[4] = FREE,
        }
        Other, nwrap => { wrap_type, wrap_objid, wrap_prm }
        Of(Actuator), nactuator => {
            actuator_trntype, actuator_dyntype, actuator_gaintype, actuator_biastype, actuator_ctrladr,
            actuator_ctrlnum, actuator_ctrlspec, actuator_outadr, actuator_outnum, actuator_actadr, actuator_actnum,
            actuator_trnid[2], actuator_cranklength, actuator_dynprm[10] = GIVEN, actuator_gainprm[10] = GIVEN,
            actuator_biasprm[10] = GIVEN, actuator_actlimited, actuator_actrange[2] = GIVEN, actuator_actearly,
            actuator_history[2], actuator_historyadr, actuator_delay, actuator_damping, actuator_dampingpoly[2],
            actuator_armature, actuator_group, actuator_user[m.nuser_actuator], actuator_plugin, actuator_forcelimited,
            actuator_forcerange[2] = GIVEN,
        }
        Control, nu => { actuator_ctrllimited, actuator_ctrlrange[2] = GIVEN }
        Other, nout => { actuator_gear[6], actuator_acc0, actuator_length0, actuator_lengthrange[2] }
        Of(Sensor), nsensor => {
            sensor_type, sensor_datatype, sensor_needstage, sensor_objtype, sensor_objid, sensor_reftype, sensor_refid,
            sensor_intprm[3], sensor_dim, sensor_adr, sensor_cutoff, sensor_noise, sensor_history[2], sensor_historyadr,
            sensor_delay, sensor_interval[2], sensor_user[m.nuser_sensor], sensor_plugin,
        }
        Other, nplugin => { plugin, plugin_stateadr, plugin_statenum }
        Other, npluginattr => { plugin_attr }
        Other, nplugin => { plugin_attradr }
        Other, nnumeric => { numeric_adr, numeric_size }
        Other, nnumericdata => { numeric_data }
        Other, ntext => { text_adr, text_size }
        Other, ntextdata => { text_data }
        Other, ntuple => { tuple_adr, tuple_size }
        Other, ntupledata => { tuple_objtype, tuple_objid, tuple_objprm }
        Of(Keyframe), nkey => {
            key_time = GIVEN, key_qpos[m.nq] = GIVEN, key_qvel[m.nv] = GIVEN, key_act[m.na] = GIVEN,
            key_mpos[3 * m.nmocap], key_mquat[4 * m.nmocap], key_ctrl[m.nu] = GIVEN,
        }
        Of(Body), nbody => { name_bodyadr }
        Of(Joint), njnt => { name_jntadr }
        Of(Geom), ngeom => { name_geomadr }
        Of(Site), nsite => { name_siteadr }
        Of(Camera), ncam => { name_camadr }
        Of(Light), nlight => { name_lightadr }
        Other, nflex => { name_flexadr }
        Of(Mesh), nmesh => { name_meshadr }
        Other, nskin => { name_skinadr }
        Of(Hfield), nhfield => { name_hfieldadr }
        Of(Texture), ntex => { name_texadr }
        Of(Material), nmat => { name_matadr }
        Other, npair => { name_pairadr }
        Other, nexclude => { name_excludeadr }
        Of(Equality), neq => { name_eqadr }
        Of(Tendon), ntendon => { name_tendonadr }
        Of(Actuator), nactuator => { name_actuatoradr }
        Of(Sensor), nsensor => { name_sensoradr }
        Other, nnumeric => { name_numericadr }
        Other, ntext => { name_textadr }
        Other, ntuple => { name_tupleadr }
        Of(Keyframe), nkey => { name_keyadr }
        Other, nplugin => { name_pluginadr }
        Other, nnames => { names }
        Other, nnames_map => { names_map }
        Other, npaths => { paths }
        Of(Body), nbody => { B_rownnz, B_rowadr }
        Other, nB => { B_colind }
        Dof, nv => { M_rownnz, M_rowadr }
        Other, nC => { M_colind, mapM2M }
        Dof, nv => { D_rownnz, D_rowadr, D_diag }
        Other, nD => { D_colind, mapM2D }
        Other, nC => { mapD2M }
    }
}

/// The fields of mjOption, mjStatistic and mjVisual, such as `opt.timestep` and `vis.global.offwidth`.
///
/// # Safety
/// `p` must point to a model.
pub(super) unsafe fn settings(p: *mut mjModel) -> Vec<Array> {
    settings! {
        "opt.", (*p).opt, FREE => {
            timestep, impratio, tolerance, ls_tolerance, noslip_tolerance, ccd_tolerance, sleep_tolerance, gravity, wind,
            magnetic, density, viscosity, o_margin, o_solref, o_solimp, o_friction, integrator, cone, jacobian, solver,
            iterations, ls_iterations, noslip_iterations, ccd_iterations, disableflags, enableflags, disableactuator,
            sdf_initpoints, sdf_iterations,
        }
        "stat.", (*p).stat, FIXED => { meaninertia, meanmass, meansize, extent, center }
        "vis.global.", (*p).vis.global, FREE => {
            cameraid, orthographic, fovy, ipd, azimuth, elevation, linewidth, glow, realtime, offwidth, offheight,
            ellipsoidinertia, bvactive,
        }
        "vis.quality.", (*p).vis.quality, FIXED => { shadowsize, offsamples, numslices, numstacks, numquads }
        "vis.headlight.", (*p).vis.headlight, FIXED => { ambient, diffuse, specular, active }
        "vis.map.", (*p).vis.map, FIXED => {
            stiffness, stiffnessrot, force, torque, alpha, fogstart, fogend, znear, zfar, haze, shadowclip, shadowscale,
            actuatortendon,
        }
        "vis.scale.", (*p).vis.scale, FIXED => {
            forcewidth, contactwidth, contactheight, connect, com, camera, light, selectpoint, jointlength, jointwidth,
            actuatorlength, actuatorwidth, framelength, framewidth, constraint, slidercrank, frustum,
        }
        "vis.rgba.", (*p).vis.rgba, FIXED => {
            fog, haze, force, inertia, joint, actuator, actuatornegative, actuatorpositive, com, camera, light,
            selectpoint, connect, contactpoint, contactforce, contactfriction, contacttorque, contactgap, rangefinder,
            constraint, slidercrank, crankbroken, frustum, bv, bvactive,
        }
    }
}

/// The sizes of `m`.
pub(super) fn sizes(m: &mjModel) -> Vec<(&'static str, i64)> {
    sizes! { m;
        nq, nv, nu, nactuator, nout, na, nbody, nbvh, nbvhstatic, nbvhdynamic, noct, njnt, ntree, nM, nB, nC, nD, ngeom,
        nsite, ncam, nlight, nflex, nflexnode, nflexvert, nflexedge, nflexelem, nflexelemdata, nflexstiffness,
        nflexbending, nefm0dof, nefm0L, nefmCvert, nflexelemedge, nflexshelldata, nflextexcoord, nJfe, nJfv, nmesh,
        nmeshvert, nmeshnormal, nmeshtexcoord, nmeshface, nmeshgraph, nmeshpoly, nmeshpolyvert, nmeshpolymap, nskin,
        nskinvert, nskintexvert, nskinface, nskinbone, nskinbonevert, nhfield, nhfielddata, ntex, ntexdata, nmat, npair,
        nexclude, neq, ntendon, nJten, nwrap, nsensor, nnumeric, nnumericdata, ntext, ntextdata, ntuple, ntupledata,
        nkey, nmocap, nplugin, npluginattr, nuser_body, nuser_jnt, nuser_geom, nuser_site, nuser_cam, nuser_tendon,
        nuser_actuator, nuser_sensor, nnames, npaths, nnames_map, nJmom, ngravcomp, nemax, njmax, nconmax, npolygonmax,
        nmeshdegmax, nuserdata, nsensordata, npluginstate, nhistory, narena, nbuffer,
    }
}
