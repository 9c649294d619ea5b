//! What a model is made of, in MuJoCo's own enums, for those who must know whether they cover it.

use mujoco_rs::mujoco_c::{
    mjtBias, mjtCone, mjtDisableBit, mjtDyn, mjtEnableBit, mjtEq, mjtGain, mjtGeom, mjtIntegrator, mjtJoint, mjtSolver,
    mjtTrn, mjtWrap,
};

use super::Model;
use super::arrays::sizes;
use super::elements::{Slices, Unknown, Variant};

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

impl Model {
    /// What the model is made of.
    pub fn features(&self) -> Features {
        let (m, opt) = (Slices(self.raw()), &self.raw().opt);
        fn all<T: Variant>(numbers: &[i32]) -> Vec<Result<T, Unknown>> {
            numbers.iter().map(|x| T::of(*x)).collect()
        }
        let counts = |numbers: &[i32]| -> Vec<usize> { numbers.iter().map(|n| (*n).max(0) as usize).collect() };
        Features {
            integrator: Variant::of(opt.integrator),
            solver: Variant::of(opt.solver),
            cone: Variant::of(opt.cone),
            disabled: Variant::bits(opt.disableflags),
            enabled: Variant::bits(opt.enableflags),
            joints: all(m.jnt_type()),
            geoms: all(m.geom_type()),
            equalities: all(m.eq_type()),
            wraps: all(m.wrap_type()),
            transmissions: all(m.actuator_trntype()),
            dynamics: all(m.actuator_dyntype()),
            gains: all(m.actuator_gaintype()),
            biases: all(m.actuator_biastype()),
            controls: counts(m.actuator_ctrlnum()),
            outputs: counts(m.actuator_outnum()),
        }
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
