//! A simulation and an engine for one thread, to be used in turns.

use std::sync::Arc;

use dynsparse_base::idle::Idle;

use crate::jacobian::{ControlStep, EngineSpec, Jacobian};
use crate::physics::{Model, PhysicsError, Sim};

/// What a thread needs of its own: both cost as much as some steps.
pub(crate) struct Bench {
    sim: Sim,
    jacobian: ControlStep,
    state: Vec<f64>,
}

impl Bench {
    pub(crate) fn new(model: &Arc<Model>, spec: &EngineSpec) -> Result<Self, PhysicsError> {
        Ok(Self {
            sim: Sim::new(model)?,
            jacobian: ControlStep::new(model, spec)?,
            state: vec![0.0; model.state_size()],
        })
    }
}

/// A simulation with an engine, borrowed from a [`crate::Differentiator`] for as long as it lives; then it serves the next one.
///
/// It is for loops that want more than the linearization of one state: a rollout with its Jacobians, matrices that go straight
/// to where they are wanted. Its simulation has the solver settings of the step that is differentiated, and any state: set one
/// ([`Sim::set_state`]) before anything else.
///
/// ```
/// # use std::sync::Arc;
/// # use dynsparse_engine::{Differentiator, Error, Model, Sim};
/// # fn main() -> Result<(), Error> {
/// # let model = Arc::new(Model::from_text("slider.xml", r#"<mujoco><worldbody><body><joint type="slide" damping="1"/>
/// #   <geom size="0.1"/></body></worldbody></mujoco>"#)?);
/// let d = Differentiator::auto(&model)?;
/// let mut state = vec![0.0; model.state_size()];
/// Sim::new(&model)?.get_state(&mut state)?;
/// let mut worker = d.worker()?;
/// worker.sim().set_state(&state)?;
/// for _ in 0..3 {
///     let slope = worker.advance(1)?.a[3];
///     assert!(0.0 < slope && slope < 1.0, "a damper takes speed away");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Worker<'a> {
    home: &'a Idle<Bench>,
    /// There until it is dropped.
    bench: Option<Bench>,
    /// Whether an error has left the engine in the middle of something.
    torn: bool,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(home: &'a Idle<Bench>, bench: Bench) -> Self {
        Self { home, bench: Some(bench), torn: false }
    }

    fn bench(&mut self) -> &mut Bench {
        self.bench.as_mut().expect("it is there until the worker is dropped")
    }

    /// Whether it can be used: not after an error of MuJoCo, nor after a Jacobian that has not come to its end.
    pub fn is_usable(&self) -> bool {
        !self.torn && self.bench.as_ref().is_some_and(|bench| bench.sim.is_usable())
    }

    /// Its simulation.
    pub fn sim(&mut self) -> &mut Sim {
        &mut self.bench().sim
    }

    /// Takes the whole integration state of another simulation, which must be one of the same model.
    pub(crate) fn start_at(&mut self, other: &mut Sim) -> Result<(), PhysicsError> {
        let Bench { sim, state, .. } = self.bench();
        other.get_state(state)?;
        sim.set_state(state)
    }

    /// The Jacobian of the next `steps` physics steps under the present control. The simulation is then in any state.
    ///
    /// # Errors
    /// [`PhysicsError::Control`] for a control that is no number, or that MuJoCo takes for none; [`PhysicsError::NoSteps`] for
    /// none; [`PhysicsError::Mujoco`] where MuJoCo refuses the step; [`PhysicsError::Stopped`] where it is asked to stop
    /// ([`crate::physics::stop_if`]). After the last two the worker is of no use.
    pub fn jacobian(&mut self, steps: usize) -> Result<&mut Jacobian, PhysicsError> {
        let Bench { sim, .. } = self.bench();
        if steps == 0 {
            return Err(PhysicsError::NoSteps);
        }
        if let Some(i) = sim.refused_control() {
            let (name, value) = (sim.model().names().ctrl[i].clone(), sim.ctrl()[i]);
            return Err(PhysicsError::Control { name, value });
        }
        // It stays so until it comes back.
        self.torn = true;
        let Bench { sim, jacobian, .. } = self.bench();
        jacobian.over(sim, steps)?;
        self.torn = false;
        Ok(self.bench().jacobian.last())
    }

    /// As [`Worker::jacobian`], and the simulation has taken the steps afterwards.
    ///
    /// # Errors
    /// As [`Worker::jacobian`].
    pub fn advance(&mut self, steps: usize) -> Result<&mut Jacobian, PhysicsError> {
        self.jacobian(steps)?;
        let Bench { sim, jacobian, .. } = self.bench();
        if steps == 1 {
            sim.step()?;
        }
        Ok(jacobian.last())
    }
}

impl Drop for Worker<'_> {
    /// Keeps what can be used again.
    fn drop(&mut self) {
        let usable = self.is_usable();
        if let Some(bench) = self.bench.take().filter(|_| usable) {
            self.home.put(bench);
        }
    }
}

impl std::fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}
