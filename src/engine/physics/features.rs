//! What a model is made of, in MuJoCo's own enums, for those who must know whether they cover it.

use mujoco_rs::mujoco_c::{
    mjtBias, mjtCone, mjtDisableBit, mjtDyn, mjtEnableBit, mjtEq, mjtGain, mjtGeom, mjtIntegrator, mjtJoint, mjtSolver,
    mjtTrn, mjtWrap,
};

use super::Model;
use super::arrays::sizes;
use super::sim::view;

/// A number that is no variant of its enum, or a bit that has no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown(pub i32);

/// A number as a variant of one of MuJoCo's enums.
trait Variant: Sized {
    fn of(raw: i32) -> Result<Self, Unknown>;
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
}

/// The kinds of things that a model is made of, one entry per thing.
#[derive(Debug, Clone)]
pub struct Features {
    /// Of the options, the integrator.
    pub integrator: Result<mjtIntegrator, Unknown>,
    /// The constraint solver.
    pub solver: Result<mjtSolver, Unknown>,
    /// The friction cone.
    pub cone: Result<mjtCone, Unknown>,
    /// The flags that switch something off.
    pub disabled: Vec<Result<mjtDisableBit, Unknown>>,
    /// The flags that switch something on.
    pub enabled: Vec<Result<mjtEnableBit, Unknown>>,
    /// Of every joint.
    pub joints: Vec<Result<mjtJoint, Unknown>>,
    /// Of every geom.
    pub geoms: Vec<Result<mjtGeom, Unknown>>,
    /// Of every equality.
    pub equalities: Vec<Result<mjtEq, Unknown>>,
    /// Of every point of a tendon.
    pub wraps: Vec<Result<mjtWrap, Unknown>>,
    /// Of every actuator, what it acts on.
    pub transmissions: Vec<Result<mjtTrn, Unknown>>,
    /// How its activation moves.
    pub dynamics: Vec<Result<mjtDyn, Unknown>>,
    /// How its force depends on its control.
    pub gains: Vec<Result<mjtGain, Unknown>>,
    /// What its force is without one.
    pub biases: Vec<Result<mjtBias, Unknown>>,
    /// How many controls it has.
    pub controls: Vec<usize>,
    /// How many forces it makes.
    pub outputs: Vec<usize>,
}

/// The bits that are set in `flags`, each by itself.
fn bits<T: Variant>(flags: i32) -> Vec<Result<T, Unknown>> {
    (0..i32::BITS).map(|bit| flags & 1_i32.wrapping_shl(bit)).filter(|bit| *bit != 0).map(T::of).collect()
}

impl Model {
    /// What the model is made of.
    pub fn features(&self) -> Features {
        let m = self.raw();
        fn all<T: Variant, P>(p: *const P, n: i64) -> Vec<Result<T, Unknown>> {
            // SAFETY: callers pass an array of mjModel with its own length; an enum there is an int.
            unsafe { view(p.cast::<i32>(), n as usize) }.iter().map(|x| T::of(*x)).collect()
        }
        let counts = |p: *const i32| -> Vec<usize> {
            // SAFETY: both arrays have nactuator entries.
            unsafe { view(p, m.nactuator as usize) }.iter().map(|n| (*n).max(0) as usize).collect()
        };
        let n = m.nactuator;
        Features {
            integrator: Variant::of(m.opt.integrator),
            solver: Variant::of(m.opt.solver),
            cone: Variant::of(m.opt.cone),
            disabled: bits(m.opt.disableflags),
            enabled: bits(m.opt.enableflags),
            joints: all(m.jnt_type, m.njnt),
            geoms: all(m.geom_type, m.ngeom),
            equalities: all(m.eq_type, m.neq),
            wraps: all(m.wrap_type, m.nwrap),
            transmissions: all(m.actuator_trntype, n),
            dynamics: all(m.actuator_dyntype, n),
            gains: all(m.actuator_gaintype, n),
            biases: all(m.actuator_biastype, n),
            controls: counts(m.actuator_ctrlnum),
            outputs: counts(m.actuator_outnum),
        }
    }

    /// Whether the actuator's group is switched off (`actuatorgroupdisable`).
    pub fn actuator_is_disabled(&self, actuator: usize) -> bool {
        let m = self.raw();
        assert!(actuator < m.nactuator as usize, "actuator {actuator} of {}", m.nactuator);
        // SAFETY: the array has nactuator entries.
        let group = unsafe { *m.actuator_group.add(actuator) };
        (0..31).contains(&group) && m.opt.disableactuator & (1 << group) != 0
    }

    /// Names of all arrays and settings of a compiled model.
    pub fn field_names(&self) -> Vec<&'static str> {
        self.fields().iter().map(|a| a.name).collect()
    }

    /// All sizes of a compiled model, by name.
    pub fn sizes(&self) -> Vec<(&'static str, i64)> {
        sizes(self.raw())
    }
}
