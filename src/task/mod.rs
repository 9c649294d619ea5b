//! Tasks: which model, how long a control step is, how an episode starts, and the rules while it runs.
//!
//! A [`Task`] comes from the catalogue of suites, from an MJCF file of the user, from the
//! program itself, or out of a recording. What it does not hold is what to do in it (that is a policy).

mod assets;
mod catalogue;
mod changes;
mod env;
mod error;
pub mod parity;
mod reset;
pub mod reward;
mod spec;
mod swimmer;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use assets::{ASSETS_VARIABLE, Assets};
pub use catalogue::{
    CatalogueEntry, Suite, catalogue, file_stem, find, names_suite, nearest, playground, suites, tasks_of,
};
pub use changes::Changes;
pub use env::{ActionSpec, Bounds, DoneSpec, Env, EventSpec, ModelBounds};
pub use error::TaskError;
pub use reward::{Memory, ObservedArray, ObservedPart, RewardSpec, Scorer, Taken};
pub use spec::{Base, Mode, Op, PerEntry, Raised, Reset, ResetControl, Target, TaskSpec};

use crate::physics::{Model, ModelEdit, ModelSource, Sim, Solver, SolverMode};
use crate::rng::Stream;
use crate::text;

/// The suite of MJCF files.
const MJCF: &str = "mjcf";

/// Control steps per episode of an MJCF file, as in all of Playground's suite.
const EPISODE_LENGTH: usize = 1000;

/// Physics steps of a control step at most; more is a slip of the keyboard that would never come back.
const MOST_SUBSTEPS: usize = 100_000;

/// A task with its model.
#[derive(Debug, Clone)]
pub struct Task {
    /// What is done with the model.
    pub spec: TaskSpec,
    /// The model before it is compiled and edited.
    pub source: ModelSource,
}

impl Task {
    /// A task of the catalogue, by its full name or, for one of Playground, its bare one.
    ///
    /// # Errors
    /// [`TaskError::Unknown`] with the nearest names, [`TaskError::Missing`] when set-up has not fetched
    /// its files, [`TaskError::File`] when one of them cannot be used.
    pub fn from_catalogue(name: &str, assets: &Assets) -> Result<Self, TaskError> {
        catalogue::build(name, assets)
    }

    /// A model of the user. Its episodes start at the default position or at `keyframe` (name or number);
    /// `reset_noise` s adds uniform(-s, s) to every hinge and slide position and to every velocity.
    ///
    /// # Errors
    /// [`TaskError::Setting`] for no substeps or a noise that is negative or not finite. The file itself is
    /// opened by [`Task::model`].
    pub fn from_mjcf(
        path: &Path,
        substeps: usize,
        keyframe: Option<&str>,
        reset_noise: f64,
    ) -> Result<Self, TaskError> {
        let name = text::plain(&path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy()).into_owned();
        if !(reset_noise.is_finite() && reset_noise >= 0.0) {
            let reason = format!("a reset noise of {reset_noise} makes no sense; give 0 or a positive number");
            return Err(TaskError::Setting { task: name, reason });
        }
        let reset = Reset {
            base: keyframe.map_or(Base::Qpos0, |k| Base::Keyframe(k.to_owned())),
            ops: if reset_noise > 0.0 { vec![Op::Jitter { scale: reset_noise }] } else { Vec::new() },
            ctrl: ResetControl::Zero,
            forward: true,
            actuation: true,
            untouched: false,
            lift: None,
            mocap_after_forward: false,
            settle: 0,
        };
        let spec = TaskSpec {
            description: format!(
                "the model in {}",
                text::plain(&path.file_name().unwrap_or_default().to_string_lossy())
            ),
            name,
            suite: MJCF.to_owned(),
            timestep: None,
            substeps,
            episode_length: EPISODE_LENGTH,
            action_repeat: 1,
            refresh: false,
            edits: Vec::new(),
            reset,
            reward: None,
            observe: Vec::new(),
            action: ActionSpec::Control,
            events: Vec::new(),
            done: Vec::new(),
        };
        check_substeps(&spec)?;
        Ok(Self { spec, source: ModelSource::Disk(path.to_owned()) })
    }

    /// The task that needs no file: two fingers juggling a box.
    pub fn embedded() -> Self {
        // Both are part of the program, not of its input; a test parses and compiles them.
        let spec =
            toml::from_str(include_str!("../../assets/models/juggler.toml")).expect("models/juggler.toml is valid");
        let source = ModelSource::text("juggler.xml", include_str!("../../assets/models/juggler.xml"));
        Self { spec, source }
    }

    /// A task from its parts, as a recording keeps them.
    pub fn from_parts(spec: TaskSpec, source: ModelSource) -> Self {
        Self { spec, source }
    }

    /// The task with its model as it can be stored ([`ModelSource::kept`]), and the model as [`Task::model`] gives it.
    ///
    /// # Errors
    /// As [`Task::model`] and [`ModelSource::kept`].
    pub fn kept(self, solver: SolverMode) -> Result<(Self, Model), TaskError> {
        check_substeps(&self.spec)?;
        let (source, model) = self.source.kept()?;
        let task = Self { source, ..self };
        let model = task.set_up(model, solver)?;
        Ok((task, model))
    }

    /// Compiles the model, edits it and sets the solver up.
    ///
    /// # Errors
    /// [`TaskError::Physics`] when it does not compile or an edit does not fit it, [`TaskError::Reset`]
    /// when the reset does not, [`TaskError::Reward`] when the reward does not, [`TaskError::Setting`] for no
    /// substeps.
    pub fn model(&self, solver: SolverMode) -> Result<Model, TaskError> {
        check_substeps(&self.spec)?;
        self.set_up(self.source.load()?, solver)
    }

    fn set_up(&self, mut model: Model, solver: SolverMode) -> Result<Model, TaskError> {
        if let Some(timestep) = self.spec.timestep {
            model.set_field(&ModelEdit::all("opt.timestep", timestep))?;
        }
        for edit in &self.spec.edits {
            model.set_field(edit)?;
        }
        model.check_ranges()?;
        if solver == SolverMode::Converged {
            model.set_solver(Solver::CONVERGED);
            model.take_all_noslip_sweeps();
        }
        reset::check(&self.spec, &model)?;
        let actions = self.env(&model)?.action_labels().map_or(model.nu(), |labels| labels.len());
        if let Some(scorer) = self.scorer(&model)?.filter(Scorer::rewards)
            && scorer.actions() != actions
        {
            let reason = format!("its reward needs an action of {} numbers, not {actions}", scorer.actions());
            return Err(TaskError::Setting { task: self.spec.name.clone(), reason });
        }
        Ok(model)
    }

    /// The reward and observation for simulations of `model` (which [`Task::model`] made); None for a task
    /// without.
    ///
    /// # Errors
    /// As [`TaskSpec::scorer`].
    pub fn scorer(&self, model: &Model) -> Result<Option<Scorer>, TaskError> {
        self.spec.scorer(model)
    }

    /// The rules of the task, for one simulation of its model.
    ///
    /// # Errors
    /// [`TaskError::Setting`] for a rule that does not fit the model.
    pub fn env(&self, model: &Model) -> Result<Env, TaskError> {
        Env::new(&self.spec, model)
    }

    /// Puts `sim` into the first state of an episode: a function of (seed, episode) alone. Time is 0. Settling may diverge as any step may; ask [`Sim::divergence`].
    ///
    /// # Errors
    /// [`TaskError::Reset`] when `sim` is one of another model that the reset does not fit,
    /// [`TaskError::Physics`] when MuJoCo fails.
    pub fn reset(&self, sim: &mut Sim, seed: u64, episode: u64) -> Result<(), TaskError> {
        reset::check(&self.spec, sim.model())?;
        reset::apply(&self.spec, sim, Stream::new(seed, "reset", episode))
    }

    /// Duration of a control step, s.
    pub fn control_dt(&self, model: &Model) -> f64 {
        model.timestep() * self.spec.substeps as f64
    }
}

fn check_substeps(spec: &TaskSpec) -> Result<(), TaskError> {
    let reason = match spec.substeps {
        0 => "0 substeps; a control step needs at least 1 physics step".to_owned(),
        _ if spec.action_repeat == 0 => "0 control steps per action; an action lasts at least 1".to_owned(),
        n if n > MOST_SUBSTEPS => format!("{n} substeps; at most {MOST_SUBSTEPS} make a control step"),
        _ => return Ok(()),
    };
    Err(TaskError::Setting { task: spec.name.clone(), reason })
}
