//! Numbers of a compiled model as variants of MuJoCo's enums.

use mujoco_rs::mujoco_c::{
    mjtBias, mjtCone, mjtConstraint, mjtConstraintState, mjtDisableBit, mjtDyn, mjtEnableBit, mjtEq, mjtGain, mjtGeom,
    mjtIntegrator, mjtJoint, mjtObj, mjtSensor, mjtSolver, mjtTrn, mjtWrap,
};

/// A number that is no variant of its enum, or a bit that has no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown(pub i32);

/// One of MuJoCo's enums.
pub(in crate::physics) trait Variant: Sized {
    /// The variant that a number of the compiled model stands for.
    fn of(raw: i32) -> Result<Self, Unknown>;

    /// The bits that are set in `flags`, each by itself.
    fn bits(flags: i32) -> Vec<Result<Self, Unknown>> {
        (0..i32::BITS).map(|bit| flags & 1_i32.wrapping_shl(bit)).filter(|bit| *bit != 0).map(Self::of).collect()
    }
}

macro_rules! variants {
    ($( $t:ident { $( $v:ident ),* $(,)? } )*) => { $(
        impl Variant for $t {
            fn of(raw: i32) -> Result<Self, Unknown> {
                match raw {
                    $( x if x == $t::$v as i32 => Ok($t::$v), )*
                    x => Err(Unknown(x)),
                }
            }
        }
    )* };
}

variants! {
    mjtIntegrator { mjINT_EULER, mjINT_RK4, mjINT_IMPLICIT, mjINT_IMPLICITFAST, mjINT_DISCRETE }
    mjtSolver { mjSOL_PGS, mjSOL_CG, mjSOL_NEWTON }
    mjtCone { mjCONE_PYRAMIDAL, mjCONE_ELLIPTIC }
    mjtDisableBit {
        mjDSBL_CONSTRAINT, mjDSBL_EQUALITY, mjDSBL_FRICTIONLOSS, mjDSBL_LIMIT, mjDSBL_CONTACT, mjDSBL_SPRING,
        mjDSBL_DAMPER, mjDSBL_GRAVITY, mjDSBL_CLAMPCTRL, mjDSBL_WARMSTART, mjDSBL_FILTERPARENT, mjDSBL_ACTUATION,
        mjDSBL_REFSAFE, mjDSBL_SENSOR, mjDSBL_MIDPHASE, mjDSBL_EULERDAMP, mjDSBL_AUTORESET, mjDSBL_NATIVECCD,
        mjDSBL_ISLAND, mjDSBL_MULTICCD,
    }
    mjtEnableBit {
        mjENBL_OVERRIDE, mjENBL_ENERGY, mjENBL_FWDINV, mjENBL_INVDISCRETE, mjENBL_SLEEP, mjENBL_DIAGEXACT, mjENBL_IPC,
    }
    mjtJoint { mjJNT_FREE, mjJNT_BALL, mjJNT_SLIDE, mjJNT_HINGE }
    mjtGeom {
        mjGEOM_PLANE, mjGEOM_HFIELD, mjGEOM_SPHERE, mjGEOM_CAPSULE, mjGEOM_ELLIPSOID, mjGEOM_CYLINDER, mjGEOM_BOX,
        mjGEOM_MESH, mjGEOM_SDF,
    }
    mjtEq {
        mjEQ_CONNECT, mjEQ_WELD, mjEQ_JOINT, mjEQ_TENDON, mjEQ_FLEX, mjEQ_FLEXVERT, mjEQ_FLEXSTRAIN, mjEQ_DISTANCE,
    }
    mjtWrap { mjWRAP_NONE, mjWRAP_JOINT, mjWRAP_PULLEY, mjWRAP_SITE, mjWRAP_SPHERE, mjWRAP_CYLINDER }
    mjtTrn {
        mjTRN_JOINT, mjTRN_JOINTINPARENT, mjTRN_SLIDERCRANK, mjTRN_TENDON, mjTRN_SITE, mjTRN_BODY, mjTRN_SO3,
        mjTRN_UNDEFINED,
    }
    mjtDyn {
        mjDYN_NONE, mjDYN_INTEGRATOR, mjDYN_FILTER, mjDYN_FILTEREXACT, mjDYN_MUSCLE, mjDYN_DCMOTOR, mjDYN_PID,
        mjDYN_USER,
    }
    mjtGain {
        mjGAIN_FIXED, mjGAIN_AFFINE, mjGAIN_MUSCLE, mjGAIN_DCMOTOR, mjGAIN_SO3, mjGAIN_PID, mjGAIN_USER,
    }
    mjtBias { mjBIAS_NONE, mjBIAS_AFFINE, mjBIAS_MUSCLE, mjBIAS_DCMOTOR, mjBIAS_SO3, mjBIAS_USER }
    mjtObj {
        mjOBJ_UNKNOWN, mjOBJ_BODY, mjOBJ_XBODY, mjOBJ_JOINT, mjOBJ_DOF, mjOBJ_GEOM, mjOBJ_SITE, mjOBJ_CAMERA,
        mjOBJ_LIGHT, mjOBJ_FLEX, mjOBJ_MESH, mjOBJ_SKIN, mjOBJ_HFIELD, mjOBJ_TEXTURE, mjOBJ_MATERIAL, mjOBJ_PAIR,
        mjOBJ_EXCLUDE, mjOBJ_EQUALITY, mjOBJ_TENDON, mjOBJ_ACTUATOR, mjOBJ_SENSOR, mjOBJ_NUMERIC, mjOBJ_TEXT,
        mjOBJ_TUPLE, mjOBJ_KEY, mjOBJ_PLUGIN,
    }
    mjtSensor {
        mjSENS_TOUCH, mjSENS_ACCELEROMETER, mjSENS_VELOCIMETER, mjSENS_GYRO, mjSENS_FORCE, mjSENS_TORQUE,
        mjSENS_MAGNETOMETER, mjSENS_RANGEFINDER, mjSENS_CAMPROJECTION, mjSENS_JOINTPOS, mjSENS_JOINTVEL,
        mjSENS_TENDONPOS, mjSENS_TENDONVEL, mjSENS_ACTUATORPOS, mjSENS_ACTUATORVEL, mjSENS_ACTUATORFRC,
        mjSENS_JOINTACTFRC, mjSENS_TENDONACTFRC, mjSENS_BALLQUAT, mjSENS_BALLANGVEL, mjSENS_JOINTLIMITPOS,
        mjSENS_JOINTLIMITVEL, mjSENS_JOINTLIMITFRC, mjSENS_TENDONLIMITPOS, mjSENS_TENDONLIMITVEL,
        mjSENS_TENDONLIMITFRC, mjSENS_FRAMEPOS, mjSENS_FRAMEQUAT, mjSENS_FRAMEXAXIS, mjSENS_FRAMEYAXIS,
        mjSENS_FRAMEZAXIS, mjSENS_FRAMELINVEL, mjSENS_FRAMEANGVEL, mjSENS_FRAMELINACC, mjSENS_FRAMEANGACC,
        mjSENS_SUBTREECOM, mjSENS_SUBTREELINVEL, mjSENS_SUBTREEANGMOM, mjSENS_INSIDESITE, mjSENS_GEOMDIST,
        mjSENS_GEOMNORMAL, mjSENS_GEOMFROMTO, mjSENS_CONTACT, mjSENS_E_POTENTIAL, mjSENS_E_KINETIC, mjSENS_CLOCK,
        mjSENS_TACTILE, mjSENS_PLUGIN, mjSENS_USER,
    }
    mjtConstraint {
        mjCNSTR_EQUALITY, mjCNSTR_FRICTION_DOF, mjCNSTR_FRICTION_TENDON, mjCNSTR_LIMIT_JOINT, mjCNSTR_LIMIT_TENDON,
        mjCNSTR_CONTACT_FRICTIONLESS, mjCNSTR_CONTACT_PYRAMIDAL, mjCNSTR_CONTACT_ELLIPTIC,
    }
    mjtConstraintState {
        mjCNSTRSTATE_SATISFIED, mjCNSTRSTATE_QUADRATIC, mjCNSTRSTATE_LINEARNEG, mjCNSTRSTATE_LINEARPOS,
        mjCNSTRSTATE_CONE,
    }
}
