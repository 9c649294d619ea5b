//! What the engine does with every field of a compiled model.

/// Fields that the derivatives take account of, or that were worked into others when the model was compiled.
#[rustfmt::skip]
pub(super) const COVERED: &[&str] = &[
    "qpos0", "qpos_spring", "body_parentid", "body_rootid", "body_weldid", "body_mocapid", "body_jntnum",
    "body_jntadr", "body_dofnum", "body_dofadr", "body_treeid", "body_geomnum", "body_geomadr", "body_simple",
    "body_sameframe", "body_pos", "body_quat", "body_ipos", "body_iquat", "body_mass", "body_subtreemass",
    "body_inertia", "body_invweight0", "body_gravcomp", "body_margin", "body_contype", "body_conaffinity",
    "body_bvhadr", "body_bvhnum", "bvh_depth", "bvh_child", "bvh_nodeid", "bvh_aabb", "oct_depth", "oct_child",
    "oct_aabb", "oct_coeff", "jnt_type", "jnt_qposadr", "jnt_dofadr", "jnt_bodyid", "jnt_actuatorid", "jnt_limited",
    "jnt_actfrclimited", "jnt_actgravcomp", "jnt_solref", "jnt_solimp", "jnt_pos", "jnt_axis", "jnt_stiffness",
    "jnt_stiffnesspoly", "jnt_range", "jnt_actfrcrange", "jnt_margin", "dof_bodyid", "dof_jntid", "dof_parentid",
    "dof_treeid", "dof_Madr", "dof_simplenum", "dof_solref", "dof_solimp", "dof_frictionloss", "dof_armature",
    "dof_damping", "dof_dampingpoly", "dof_invweight0", "dof_M0", "dof_length", "tree_bodyadr", "tree_bodynum",
    "tree_dofadr", "tree_dofnum", "tree_sleep_policy", "geom_type", "geom_contype", "geom_conaffinity", "geom_condim",
    "geom_bodyid", "geom_dataid", "geom_priority", "geom_sameframe", "geom_solmix", "geom_solref", "geom_solimp",
    "geom_size", "geom_aabb", "geom_rbound", "geom_pos", "geom_quat", "geom_friction", "geom_margin", "geom_gap", "geom_surfacevel",
    "geom_adhesion", "pair_adhesion",
    "geom_fluid", "site_bodyid", "site_sameframe", "site_pos", "site_quat", "mesh_vertadr", "mesh_vertnum",
    "mesh_faceadr", "mesh_facenum", "mesh_bvhadr", "mesh_bvhnum", "mesh_octadr", "mesh_octnum", "mesh_normaladr",
    "mesh_normalnum", "mesh_graphadr", "mesh_extrema", "mesh_vert", "mesh_normal", "mesh_face", "mesh_facenormal",
    "mesh_graph", "mesh_scale", "mesh_pos", "mesh_quat", "mesh_polynum", "mesh_polyadr", "mesh_polynormal",
    "mesh_polyvertadr", "mesh_polyvertnum", "mesh_polyvert", "mesh_polymapadr", "mesh_polymapnum", "mesh_polymap",
    "hfield_size", "hfield_nrow", "hfield_ncol", "hfield_adr", "hfield_data", "pair_dim", "pair_geom1", "pair_geom2",
    "pair_signature", "pair_solref", "pair_solreffriction", "pair_solimp", "pair_margin", "pair_gap", "pair_friction",
    "exclude_signature", "eq_type", "eq_obj1id", "eq_obj2id", "eq_objtype", "eq_active0", "eq_solref", "eq_solimp",
    "eq_data", "tendon_adr", "tendon_num", "tendon_actuatorid", "tendon_treenum", "tendon_treeid", "ten_J_rownnz",
    "ten_J_rowadr", "ten_J_colind", "tendon_limited", "tendon_actfrclimited", "tendon_solref_lim", "tendon_solimp_lim",
    "tendon_solref_fri", "tendon_solimp_fri", "tendon_range", "tendon_actfrcrange", "tendon_margin",
    "tendon_stiffness", "tendon_stiffnesspoly", "tendon_damping", "tendon_dampingpoly", "tendon_frictionloss",
    "tendon_lengthspring", "tendon_length0", "tendon_armature", "tendon_invweight0", "wrap_type", "wrap_objid", "wrap_prm",
    "actuator_trntype", "actuator_dyntype", "actuator_gaintype", "actuator_biastype", "actuator_ctrladr",
    "actuator_ctrlnum", "actuator_ctrlspec", "actuator_outadr", "actuator_outnum", "actuator_actadr",
    "actuator_actnum", "actuator_trnid", "actuator_cranklength", "actuator_dynprm", "actuator_gainprm",
    "actuator_biasprm", "actuator_actlimited", "actuator_actrange", "actuator_actearly", "actuator_damping",
    "actuator_dampingpoly", "actuator_armature", "actuator_group", "actuator_forcelimited", "actuator_forcerange",
    "actuator_ctrllimited", "actuator_ctrlrange", "actuator_gear", "actuator_acc0", "actuator_length0",
    "actuator_lengthrange", "B_rownnz", "B_rowadr", "B_colind", "M_rownnz", "M_rowadr", "M_colind", "mapM2M",
    "D_rownnz", "D_rowadr", "D_diag", "D_colind", "mapM2D", "mapD2M", "opt.timestep", "opt.impratio", "opt.tolerance",
    "opt.ls_tolerance", "opt.noslip_tolerance", "opt.ccd_tolerance", "opt.sleep_tolerance", "opt.gravity", "opt.wind",
    "opt.magnetic", "opt.density", "opt.viscosity", "opt.o_margin", "opt.o_solref", "opt.o_solimp", "opt.o_friction",
    "opt.integrator", "opt.cone", "opt.jacobian", "opt.solver", "opt.iterations", "opt.ls_iterations",
    "opt.noslip_iterations", "opt.ccd_iterations", "opt.disableflags", "opt.enableflags", "opt.disableactuator", "opt.sdf_initpoints",
    "opt.sdf_iterations",
];

/// Fields without influence on the dynamics: drawing, names, sensors, keyframes, what users keep.
#[rustfmt::skip]
pub(super) const IDLE: &[&str] = &[
    "body_user", "jnt_group", "jnt_user", "geom_matid", "geom_group", "geom_user", "geom_rgba", "site_type",
    "site_dataid", "site_matid", "site_group", "site_size", "site_user", "site_rgba", "cam_mode", "cam_bodyid",
    "cam_targetbodyid", "cam_pos", "cam_quat", "cam_poscom0", "cam_pos0", "cam_mat0", "cam_projection", "cam_fovy",
    "cam_ipd", "cam_resolution", "cam_output", "cam_sensorsize", "cam_intrinsic", "cam_user", "light_mode",
    "light_bodyid", "light_targetbodyid", "light_type", "light_texid", "light_castshadow", "light_bulbradius",
    "light_intensity", "light_range", "light_active", "light_pos", "light_dir", "light_poscom0", "light_pos0",
    "light_dir0", "light_attenuation", "light_cutoff", "light_softness", "light_exponent", "light_ambient",
    "light_diffuse", "light_specular", "mesh_texcoordadr", "mesh_texcoordnum", "mesh_texcoord", "mesh_facetexcoord",
    "mesh_pathadr", "skin_matid", "skin_group", "skin_rgba", "skin_inflate", "skin_vertadr", "skin_vertnum",
    "skin_texcoordadr", "skin_faceadr", "skin_facenum", "skin_boneadr", "skin_bonenum", "skin_vert", "skin_texcoord",
    "skin_face", "skin_bonevertadr", "skin_bonevertnum", "skin_bonebindpos", "skin_bonebindquat", "skin_bonebodyid",
    "skin_bonevertid", "skin_bonevertweight", "skin_pathadr", "hfield_pathadr", "tex_type", "tex_colorspace",
    "tex_height", "tex_width", "tex_nchannel", "tex_adr", "tex_data", "tex_pathadr", "tex_contenttypeadr", "mat_texid",
    "mat_texuniform", "mat_texrepeat", "mat_emission", "mat_specular", "mat_shininess", "mat_reflectance",
    "mat_metallic", "mat_roughness", "mat_rgba", "tendon_matid", "tendon_group", "tendon_width", "tendon_user",
    "tendon_rgba", "actuator_historyadr", "actuator_user", "sensor_type", "sensor_datatype", "sensor_needstage",
    "sensor_objtype", "sensor_objid", "sensor_reftype", "sensor_refid", "sensor_intprm", "sensor_dim", "sensor_adr",
    "sensor_cutoff", "sensor_noise", "sensor_historyadr", "sensor_user", "numeric_adr", "numeric_size", "numeric_data",
    "text_adr", "text_size", "text_data", "tuple_adr", "tuple_size", "tuple_objtype", "tuple_objid", "tuple_objprm",
    "key_time", "key_qpos", "key_qvel", "key_act", "key_mpos", "key_mquat", "key_ctrl", "name_bodyadr", "name_jntadr",
    "name_geomadr", "name_siteadr", "name_camadr", "name_lightadr", "name_flexadr", "name_meshadr", "name_skinadr",
    "name_hfieldadr", "name_texadr", "name_matadr", "name_pairadr", "name_excludeadr", "name_eqadr", "name_tendonadr",
    "name_actuatoradr", "name_sensoradr", "name_numericadr", "name_textadr", "name_tupleadr", "name_keyadr",
    "name_pluginadr", "names", "names_map", "paths", "stat.meaninertia", "stat.meanmass", "stat.meansize",
    "stat.extent", "stat.center", "vis.global.cameraid", "vis.global.orthographic", "vis.global.fovy",
    "vis.global.ipd", "vis.global.azimuth", "vis.global.elevation", "vis.global.linewidth", "vis.global.glow",
    "vis.global.realtime", "vis.global.offwidth", "vis.global.offheight", "vis.global.ellipsoidinertia",
    "vis.global.bvactive", "vis.quality.shadowsize", "vis.quality.offsamples", "vis.quality.numslices",
    "vis.quality.numstacks", "vis.quality.numquads", "vis.headlight.ambient", "vis.headlight.diffuse",
    "vis.headlight.specular", "vis.headlight.active", "vis.map.stiffness", "vis.map.stiffnessrot", "vis.map.force",
    "vis.map.torque", "vis.map.alpha", "vis.map.fogstart", "vis.map.fogend", "vis.map.znear", "vis.map.zfar",
    "vis.map.haze", "vis.map.shadowclip", "vis.map.shadowscale", "vis.map.actuatortendon", "vis.scale.forcewidth",
    "vis.scale.contactwidth", "vis.scale.contactheight", "vis.scale.connect", "vis.scale.com", "vis.scale.camera",
    "vis.scale.light", "vis.scale.selectpoint", "vis.scale.jointlength", "vis.scale.jointwidth",
    "vis.scale.actuatorlength", "vis.scale.actuatorwidth", "vis.scale.framelength", "vis.scale.framewidth",
    "vis.scale.constraint", "vis.scale.slidercrank", "vis.scale.frustum", "vis.rgba.fog", "vis.rgba.haze",
    "vis.rgba.force", "vis.rgba.inertia", "vis.rgba.joint", "vis.rgba.actuator", "vis.rgba.actuatornegative",
    "vis.rgba.actuatorpositive", "vis.rgba.com", "vis.rgba.camera", "vis.rgba.light", "vis.rgba.selectpoint",
    "vis.rgba.connect", "vis.rgba.contactpoint", "vis.rgba.contactforce", "vis.rgba.contactfriction",
    "vis.rgba.contacttorque", "vis.rgba.contactgap", "vis.rgba.rangefinder", "vis.rgba.constraint",
    "vis.rgba.slidercrank", "vis.rgba.crankbroken", "vis.rgba.frustum", "vis.rgba.bv", "vis.rgba.bvactive",
];

/// Fields of flexible elements: covered as long as a model has none of these, so that they are empty.
#[rustfmt::skip]
pub(super) const FLEXES: &[&str] = &[
    "flex_contype", "flex_conaffinity", "flex_condim", "flex_priority", "flex_solmix", "flex_solref", "flex_solimp",
    "flex_friction", "flex_margin", "flex_gap", "flex_selfcollide", "flex_activelayers", "flex_passive", "flex_dim",
    "flex_matid", "flex_group", "flex_interp", "flex_cellnum", "flex_nodeadr", "flex_nodenum", "flex_vertadr",
    "flex_vertnum", "flex_edgeadr", "flex_edgenum", "flex_elemadr", "flex_elemnum", "flex_elemdataadr",
    "flex_stiffnessadr", "flex_elemedgeadr", "flex_bendingadr", "flex_shellnum", "flex_shelldataadr",
    "flex_texcoordadr", "flex_nodebodyid", "flex_vertbodyid", "flex_vertedgeadr", "flex_vertedgenum", "flex_vertedge",
    "flex_edge", "flex_edgeflap", "flex_elem", "flex_elemtexcoord", "flex_elemedge", "flex_elemlayer", "flex_shell",
    "flex_vert", "flex_vert0", "flex_vertmetric", "flex_node", "flex_node0", "flexedge_length0", "flexedge_invweight0",
    "flex_radius", "flex_size", "flex_stiffness", "flex_bending", "efm0_dofid", "efm0_L_rownnz", "efm0_L_rowadr",
    "efm0_L_colind", "efm0_L", "efmC_perm", "flex_damping", "flex_edgestiffness", "flex_edgedamping",
    "flex_edgeequality", "flex_rigid", "flexedge_rigid", "flex_centered", "flex_flatskin", "flex_bvhadr",
    "flex_bvhnum", "flexedge_J_rownnz", "flexedge_J_rowadr", "flexedge_J_colind", "flexvert_J_rownnz",
    "flexvert_J_rowadr", "flexvert_J_colind", "flex_rgba", "flex_texcoord",
];

/// Fields of plugins: covered as long as they are empty, or -1 for none.
#[rustfmt::skip]
pub(super) const PLUGINS: &[&str] = &[
    "body_plugin", "geom_plugin", "actuator_plugin", "sensor_plugin", "plugin", "plugin_stateadr", "plugin_statenum",
    "plugin_attr", "plugin_attradr",
];

/// Fields that are covered as long as they are 0, with the feature that another number makes.
pub(super) const ZERO: &[(&str, &str)] = &[
    ("actuator_history", "actuators with a history"),
    ("actuator_delay", "actuators with a delay"),
    ("sensor_history", "sensors with a history"),
    ("sensor_delay", "sensors with a delay"),
    ("sensor_interval", "sensors with an interval"),
];
