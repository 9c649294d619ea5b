//! The engine as one wants it: chosen by the model, with a solver that runs to its end, for one state or many.

use std::sync::Arc;

use dynsparse_base::idle::Idle;
use rayon::prelude::*;

use crate::jacobian::{EngineChoice, EngineKind, EngineRequest, EngineSpec};
use crate::linearization::{Axes, Linearization};
use crate::physics::{Model, PhysicsError, Sim, SolverMode};
use crate::worker::{Bench, Worker};

/// Pieces that each thread takes of many states, so that none waits long for the slowest.
const PIECES: usize = 4;

/// What a [`Differentiator`] computes, and how.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Settings {
    /// Which engine; `Auto` is implicit differentiation where it covers the model, and whole steps elsewhere.
    pub engine: EngineChoice,
    /// Whether sensors are differentiated too: C and D.
    pub sensors: bool,
    /// Whether no entry is tested for zero, and no state for switches: it is faster, and nothing is known of kinks then.
    pub without_zero_test: bool,
    /// How hard the constraint solver works in the step that is differentiated. It runs to its end (Newton's method, tolerance
    /// 1e-20, also in the place of CG and PGS; noslip takes all iterations of the model), unless the model's own settings are asked for: these stop early
    /// in many tasks, and what is differentiated then is where the solver stopped.
    pub solver: SolverMode,
}

impl Settings {
    /// The defaults: engine by the model, converged solver, zero test, no sensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this engine.
    pub fn engine(mut self, engine: EngineChoice) -> Self {
        self.engine = engine;
        self
    }

    /// With C and D.
    pub fn sensors(mut self) -> Self {
        self.sensors = true;
        self
    }

    /// Without verdicts, kinks and switches.
    pub fn without_zero_test(mut self) -> Self {
        self.without_zero_test = true;
        self
    }

    /// With these solver settings.
    pub fn solver(mut self, solver: SolverMode) -> Self {
        self.solver = solver;
        self
    }

    fn request(&self) -> EngineRequest {
        EngineRequest {
            engine: self.engine,
            sensors: self.sensors,
            zero_test: !self.without_zero_test,
            ..EngineRequest::default()
        }
    }
}

/// Linearizes the steps of one model. It owns a simulation of its own, whose solver runs to its end: simulations that are given
/// to it are read and left as they are, to the last bit, and what has been derived in them (contacts, sensors) too.
///
/// ```
/// # use std::sync::Arc;
/// # use dynsparse_engine::{Differentiator, Error, Model, Settings, Sim, ZeroVerdict};
/// # fn main() -> Result<(), Error> {
/// // Two blocks that cannot feel each other.
/// let model = Arc::new(Model::from_text(
///     "blocks.xml",
///     r#"<mujoco><worldbody>
///          <body><joint name="left" type="slide" axis="1 0 0"/><geom size="0.1" mass="1"/></body>
///          <body pos="0 5 0"><joint name="right" type="slide" axis="1 0 0"/><geom size="0.1" mass="2"/></body>
///        </worldbody><actuator><motor name="push" joint="left"/></actuator>
///        <sensor><jointvel name="speed" joint="left"/></sensor></mujoco>"#,
/// )?);
/// let d = Differentiator::new(&model, &Settings::new().sensors())?;
/// let lin = d.linearize(&mut Sim::new(&model)?)?;
/// // The speed of a block after a step of 2 ms under 1 N: dt / m.
/// assert!((lin.b()[(2, 0)] - 0.002).abs() < 1e-12);
/// // Zeros are known, not guessed from small numbers.
/// assert_eq!(lin.b_verdicts()[(3, 0)], ZeroVerdict::Zero);
/// assert_eq!(lin.c()[(0, 2)], 1.0);
/// assert!(lin.is_smooth());
/// # Ok(())
/// # }
/// ```
pub struct Differentiator {
    /// The model that simulations belong to.
    model: Arc<Model>,
    /// The same with the solver settings of the differentiated step.
    solved: Arc<Model>,
    spec: EngineSpec,
    fallback: Option<String>,
    axes: Arc<Axes>,
    /// What nobody uses at present.
    idle: Idle<Bench>,
}

impl Differentiator {
    /// The engine that suits the model, with its defaults: implicit differentiation where it covers the model, whole steps
    /// elsewhere ([`Differentiator::fallback`] says why); a converged solver; the zero test.
    ///
    /// # Errors
    /// As [`Differentiator::new`].
    pub fn auto(model: &Arc<Model>) -> Result<Self, PhysicsError> {
        Self::new(model, &Settings::new())
    }

    /// An engine with these settings.
    ///
    /// # Errors
    /// [`PhysicsError::NotCovered`] with everything of the model that the engine does not cover,
    /// [`PhysicsError::SensorsNotCovered`] with the sensors that cannot be differentiated, [`PhysicsError::Mujoco`] where there
    /// is no memory.
    pub fn new(model: &Arc<Model>, settings: &Settings) -> Result<Self, PhysicsError> {
        let solved = match settings.solver {
            SolverMode::Task => model.clone(),
            SolverMode::Converged => Arc::new(model.strict()?),
        };
        let resolved = settings.request().resolve(&solved);
        let idle = Idle::default();
        idle.put(Bench::new(&solved, &resolved.spec)?);
        Ok(Self {
            model: model.clone(),
            solved,
            spec: resolved.spec,
            fallback: resolved.fallback,
            axes: Arc::new(Axes::new(model, settings.sensors)),
            idle,
        })
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The engine that was chosen.
    pub fn engine(&self) -> EngineKind {
        self.spec.kind()
    }

    /// What of the model implicit differentiation does not cover, where whole steps had to take its place.
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    fn empty(&self) -> Linearization {
        Linearization::empty(&self.axes, self.spec.zero_test)
    }

    /// The linearization of the physics step that `sim` would take now, under its present control.
    ///
    /// The simulation stays as it is. The derivative depends on the solver's warm start (`qacc_warmstart`) no more than the step
    /// does, and both are taken from the whole integration state.
    ///
    /// # Errors
    /// [`PhysicsError::OtherModel`] for a simulation of another model; [`PhysicsError::Control`] for a control that is no number, or
    /// that MuJoCo takes for none; [`PhysicsError::Mujoco`] where MuJoCo refuses the step.
    pub fn linearize(&self, sim: &mut Sim) -> Result<Linearization, PhysicsError> {
        self.linearize_steps(sim, 1)
    }

    /// The linearization of the next `steps` physics steps under the present control, as of a control step: the exact product
    /// A = A_k ... A_1, B = B_k + A_k B_(k-1) + ...; sensors are those of the last step. The simulation stays as it is.
    ///
    /// # Errors
    /// As [`Differentiator::linearize`], and [`PhysicsError::NoSteps`] for none.
    pub fn linearize_steps(&self, sim: &mut Sim, steps: usize) -> Result<Linearization, PhysicsError> {
        let mut lin = self.empty();
        self.linearize_into(sim, steps, &mut lin)?;
        Ok(lin)
    }

    /// As [`Differentiator::linearize_steps`], into the matrices of an earlier linearization of this differentiator, without an
    /// allocation.
    ///
    /// # Errors
    /// As [`Differentiator::linearize_steps`].
    ///
    /// # Panics
    /// When `lin` comes from another differentiator.
    pub fn linearize_into(&self, sim: &mut Sim, steps: usize, lin: &mut Linearization) -> Result<(), PhysicsError> {
        assert!(lin.is_of(&self.axes), "a linearization of another differentiator");
        if !Arc::ptr_eq(sim.model(), &self.model) {
            return Err(PhysicsError::OtherModel { file: self.model.file().to_owned() });
        }
        if steps == 0 {
            return Err(PhysicsError::NoSteps);
        }
        let mut worker = self.worker()?;
        worker.start_at(sim)?;
        lin.take(worker.jacobian(steps)?);
        Ok(())
    }

    /// A simulation and an engine, for a loop of one's own; each thread borrows one.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] where there is no memory for another one.
    pub fn worker(&self) -> Result<Worker<'_>, PhysicsError> {
        let bench = self.idle.take(|| Bench::new(&self.solved, &self.spec))?;
        Ok(Worker::new(&self.idle, bench))
    }

    /// The linearizations of `steps` physics steps from each of many states, on all threads of the present rayon pool, in the
    /// order of the states. A state is what [`Sim::get_state`] gives; each comes out as it would alone, to the last bit.
    ///
    /// # Errors
    /// That of the first state which has one; [`PhysicsError::StateSize`] for a state of another size.
    pub fn linearize_many<S: AsRef<[f64]> + Sync>(
        &self,
        states: &[S],
        steps: usize,
    ) -> Result<Vec<Linearization>, PhysicsError> {
        if steps == 0 {
            return Err(PhysicsError::NoSteps);
        }
        let size = self.solved.state_size();
        if let Some(found) = states.iter().map(|s| s.as_ref().len()).find(|n| *n != size) {
            return Err(PhysicsError::StateSize { found, size });
        }
        let piece = states.len().div_ceil(PIECES * rayon::current_num_threads()).max(1);
        let pieces: Vec<Result<Vec<Linearization>, PhysicsError>> =
            states.par_chunks(piece).map(|states| self.piece(states, steps)).collect();
        let mut all = Vec::with_capacity(states.len());
        for piece in pieces {
            all.append(&mut piece?);
        }
        Ok(all)
    }

    fn piece<S: AsRef<[f64]>>(&self, states: &[S], steps: usize) -> Result<Vec<Linearization>, PhysicsError> {
        let mut worker = self.worker()?;
        let one = |state: &S| {
            let mut lin = self.empty();
            worker.sim().set_state(state.as_ref())?;
            lin.take(worker.jacobian(steps)?);
            Ok(lin)
        };
        states.iter().map(one).collect()
    }
}

impl std::fmt::Debug for Differentiator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Differentiator")
            .field("model", &self.model.file())
            .field("spec", &self.spec)
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}
