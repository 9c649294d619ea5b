//! Training of one network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn_tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::batch::{Batch, Wanted, assemble};
use super::data::{Data, Part, Split, shuffle};
use super::loss::Loss;
use super::manifold::{Coordinates, LearningTarget, StateFeatures, StateSpace};
use super::models::{ModelSpec, Network, Space, predict};
use super::norm::Norm;
use super::optim::{AdamW, Rates, schedule};
use super::params::{self, Groups};
use super::place::{self, Backend, Place};
use super::{LearnError, files};
use crate::bounded;
use crate::kinematics::Kinematics;
use crate::layout::StateLayout;
use crate::rng::Stream;

/// Where a run in progress is kept, inside its folder.
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";
/// Where the weights of a finished run are.
pub const MODEL: &str = "model.safetensors";

/// States of a batch whose Jacobians are taken together outside training.
pub(super) const CHUNK: usize = 64;

/// Looks at the validation loss, at most; each is kept in every checkpoint.
const MOST_LOOKS: u64 = 1_000_000;

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Optimiser steps at most.
    pub steps: usize,
    /// States of a step.
    pub batch: usize,
    /// Highest learning rate.
    #[serde(with = "crate::number")]
    pub lr: f64,
    /// Weight decay, as a share of the learning rate.
    #[serde(with = "crate::number")]
    pub weight_decay: f64,
    /// Largest norm of the gradient.
    #[serde(with = "crate::number")]
    pub clip: f64,
    /// Inputs that a step differentiates by, drawn anew each time; 0: all. What they give is an
    /// unbiased estimate of every Jacobian term, since each is a sum over entries.
    pub columns: usize,
    /// Steps between two looks at the validation loss, each with a checkpoint.
    pub check_every: usize,
    /// Looks without a better validation loss before training stops.
    pub patience: usize,
    /// States that the validation loss is taken over.
    pub validation_states: usize,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            steps: 2000,
            batch: 256,
            lr: 1e-3,
            weight_decay: 1e-4,
            clip: 10.0,
            columns: 0,
            check_every: 100,
            patience: 10,
            validation_states: 256,
        }
    }
}

impl Training {
    /// # Errors
    /// [`LearnError::Settings`] that names the field.
    pub fn check(&self) -> Result<(), LearnError> {
        let positive = [
            ("steps", self.steps),
            ("batch", self.batch),
            ("check_every", self.check_every),
            ("patience", self.patience),
            ("validation_states", self.validation_states),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, n)| *n == 0) {
            return Err(LearnError::Settings(format!("{name} must be at least 1")));
        }
        for (name, n, most) in [
            ("steps", self.steps, 100_000_000),
            ("batch", self.batch, 1_000_000),
            ("columns", self.columns, 1_000_000),
            ("check_every", self.check_every, 100_000_000),
            ("patience", self.patience, 100_000_000),
            ("validation_states", self.validation_states, 10_000_000),
        ] {
            bounded::within(name, n, &(0..=most)).map_err(LearnError::Settings)?;
        }
        let looks = (self.steps / self.check_every) as u64;
        if looks > MOST_LOOKS {
            return Err(LearnError::Settings(format!(
                "steps {} with check_every {} are {looks} looks, more than {MOST_LOOKS}: raise check_every",
                self.steps, self.check_every
            )));
        }
        for (name, x, zero) in
            [("lr", self.lr, false), ("clip", self.clip, false), ("weight_decay", self.weight_decay, true)]
        {
            if !(x.is_finite() && (x > 0.0 || zero && x == 0.0)) {
                return Err(LearnError::Settings(format!("{name} is {x}; it must be a positive number")));
            }
        }
        Ok(())
    }
}

/// All that decides a run besides the recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// The network.
    pub model: ModelSpec,
    /// The loss.
    pub loss: Loss,
    /// Seed of weights, batches and columns.
    pub seed: u64,
    /// How to train.
    pub training: Training,
    /// How the episodes are split.
    pub split: Split,
    /// What computes.
    #[serde(default)]
    pub backend: Backend,
    /// What the network sees of a state.
    #[serde(default)]
    pub features: StateFeatures,
    /// What it predicts.
    #[serde(default)]
    pub target: LearningTarget,
}

impl RunSpec {
    /// Refuses a step whose tensors would not fit into the memory of a usual machine.
    ///
    /// # Errors
    /// [`LearnError::Settings`] with what makes them large.
    pub fn check_size(&self, space: Space<'_>) -> Result<(), LearnError> {
        let all = space.columns;
        let columns = if self.training.columns == 0 { all } else { self.training.columns.min(all) };
        let directions = if self.loss.needs_jacobian() { columns } else { 0 };
        self.model.check_batch(space, ("batch", self.training.batch), directions)?;
        // Validation and test differentiate by all inputs.
        self.model.check_batch(space, ("states at once", CHUNK), all)
    }

    /// A name for a folder: task, model, loss, what is not usual of target and features, seed.
    pub fn name(&self, task: &str) -> String {
        let clean = |text: &str| text.replace(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c)), "_");
        let mut name = format!("{}-{}-{}", clean(task), self.model.kind, clean(&self.loss.to_string()));
        if self.target != LearningTarget::default() {
            name.push_str(&format!("-{}", self.target));
        }
        if self.features != StateFeatures::default() {
            name.push_str(&format!("-{}", self.features));
        }
        format!("{name}-s{}", self.seed)
    }
}

/// A look at the losses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Optimiser steps so far.
    pub step: usize,
    /// Mean training loss since the last look.
    #[serde(with = "crate::number")]
    pub train: f64,
    /// Validation loss.
    #[serde(with = "crate::number")]
    pub validation: f64,
    /// Mean norm of the gradient since the last look.
    #[serde(with = "crate::number")]
    pub gradient: f64,
}

/// What a file of weights says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notes {
    /// The settings.
    pub spec: RunSpec,
    /// The task.
    pub task: String,
    /// Labels of the state.
    pub state: Vec<String>,
    /// Labels of the action.
    pub action: Vec<String>,
    /// Statistics of the data.
    pub norm: Norm,
    /// What joins them, where the recording told.
    #[serde(default)]
    pub kinematics: Option<Kinematics>,
    /// Mocap bodies.
    #[serde(default)]
    pub mocap: usize,
    /// Duration of a step, s.
    #[serde(default, with = "crate::number")]
    pub seconds: f64,
    /// Optimiser steps so far.
    pub step: usize,
    /// The step of the best validation loss.
    pub best: usize,
    /// Looks so far.
    pub looks: Vec<Look>,
}

impl Notes {
    fn best_loss(&self) -> f64 {
        self.looks.iter().map(|l| l.validation).fold(f64::INFINITY, f64::min)
    }

    /// Looks since the best.
    fn waited(&self) -> usize {
        self.looks.iter().filter(|l| l.step > self.best).count()
    }

    /// How its states become features, and its outputs next states.
    fn coordinates(&self, file: &Path) -> Result<Coordinates, LearnError> {
        let tagged = |tag: &str| self.state.iter().filter(|name| name.starts_with(tag)).count();
        let layout = StateLayout { nv: tagged("pos:"), na: tagged("act:"), nu: self.action.len() };
        let kinematics = self.kinematics.as_ref();
        let fits = kinematics.is_none_or(|tree| tree.fits(layout.nv, layout.na, layout.nu));
        if !fits || layout.ndx() != self.state.len() {
            return Err(LearnError::file(file, "its kinematic tree is none of its state: remove it"));
        }
        let space = StateSpace { layout, kinematics, mocap: self.mocap, seconds: self.seconds };
        Coordinates::new(space, self.spec.features, self.spec.target)
            .map_err(|e| LearnError::file(file, format!("its recording {e}")))
    }

    /// Refuses what no run says of itself.
    fn check(&self, file: &Path) -> Result<Coordinates, LearnError> {
        let (inputs, outputs, controls) = (self.norm.mean.len(), self.state.len(), self.action.len());
        let wrong = |what: &str| Err(LearnError::file(file, format!("its {what}: remove it")));
        if self.norm.std.len() != inputs || inputs != outputs + controls {
            return wrong("statistics, state and action are not as many");
        }
        let coordinates = self.coordinates(file)?;
        let one_or_none = |scales: &[[f64; 2]], n: usize| scales.is_empty() || scales.len() == n;
        if !one_or_none(&self.norm.features, coordinates.inputs())
            || !one_or_none(&self.norm.target, coordinates.outputs())
            || self.norm.still.iter().any(|column| *column >= inputs)
        {
            return wrong("statistics are not those of its features and its target");
        }
        let scales = || self.norm.features.iter().chain(&self.norm.target);
        let means = self.norm.mean.iter().chain(scales().map(|[mean, _]| mean));
        let stds = self.norm.std.iter().chain(scales().map(|[_, std]| std));
        if !means.into_iter().all(|x| x.is_finite()) || !stds.into_iter().all(|x| x.is_finite() && *x > 0.0) {
            return wrong("statistics are not finite, or a standard deviation is not above 0");
        }
        let most = self.spec.training.steps;
        let ordered = self.looks.windows(2).all(|w| w[0].step < w[1].step);
        if self.step > most
            || self.best > self.step
            || !ordered
            || self.looks.last().is_some_and(|l| l.step > self.step)
        {
            return wrong("steps are not those of its settings");
        }
        Ok(coordinates)
    }

    /// Whether these are the same data and settings but for what has happened since; names what differs.
    fn same(&self, other: &Self) -> Result<(), String> {
        let parts = [
            ("model", self.spec.model == other.spec.model),
            ("loss", self.spec.loss == other.spec.loss),
            ("seed", self.spec.seed == other.spec.seed),
            ("split", self.spec.split == other.spec.split),
            ("backend", self.spec.backend == other.spec.backend),
            ("training settings", self.spec.training == other.spec.training),
            ("state", self.state == other.state && self.action == other.action),
            ("features", self.spec.features == other.spec.features),
            ("target", self.spec.target == other.spec.target),
            ("recording", self.norm == other.norm && self.task == other.task && self.kinematics == other.kinematics),
        ];
        parts.iter().find(|(_, same)| !same).map_or(Ok(()), |(name, _)| Err((*name).to_owned()))
    }
}

/// A trained network.
pub struct Trained {
    /// Its architecture.
    pub model: Box<dyn Network>,
    /// The weights of the best validation loss.
    pub weights: Vec<Tensor<2>>,
    /// What it was made with.
    pub notes: Notes,
    /// How its states become features, and its outputs next states.
    pub coordinates: Coordinates,
}

impl Trained {
    /// Reads what a finished run has left in its folder.
    ///
    /// # Errors
    /// [`LearnError::File`] when there is none, or not a whole one.
    pub fn read(folder: &Path, place: &Place) -> Result<Self, LearnError> {
        let file = folder.join(MODEL);
        let bytes = files::read(&file)?.ok_or_else(|| {
            LearnError::file(folder, format!("has no {MODEL}: give a folder that `dynsparse learn` has finished"))
        })?;
        let notes = read_notes(&file, &bytes)?;
        let inputs = notes.norm.mean.len();
        let coordinates = notes.check(&file)?;
        let space = Space {
            inputs: coordinates.inputs(),
            outputs: coordinates.outputs(),
            columns: inputs,
            kinematics: notes.kinematics.as_ref(),
            ties: coordinates.ties(),
        };
        let model = notes.spec.model.build(space).map_err(|e| LearnError::file(&file, e.to_string()))?;
        notes
            .spec
            .model
            .check_batch(space, ("states at once", CHUNK), inputs)
            .map_err(|e| LearnError::file(&file, e.to_string()))?;
        let weights = params::read(&file, &bytes, model.layout(), "weights", place)?;
        Ok(Self { model, weights, notes, coordinates })
    }

    /// The same network before training.
    pub fn untrained(&self, place: &Place) -> Vec<Tensor<2>> {
        self.model.layout().draw(self.notes.spec.seed, place)
    }

    fn write(&self, folder: &Path) -> Result<(), LearnError> {
        let groups = BTreeMap::from([("weights", self.weights.clone())]);
        params::write(&folder.join(MODEL), self.model.layout(), &groups, &written(&self.notes)?)
    }
}

fn written(notes: &Notes) -> Result<String, LearnError> {
    serde_json::to_string(notes).map_err(|e| LearnError::Library(e.to_string()))
}

fn read_notes(file: &Path, bytes: &[u8]) -> Result<Notes, LearnError> {
    let text = params::notes(file, bytes)?;
    serde_json::from_str(&text).map_err(|e| LearnError::file(file, format!("was written by another version: {e}")))
}

/// How a run comes along.
#[derive(Debug, Clone, Copy)]
pub struct TrainingProgress {
    /// Optimiser steps so far.
    pub step: usize,
    /// Steps at most.
    pub steps: usize,
    /// Loss of the last step.
    pub loss: f64,
}

/// A run on its way.
struct Run<'a> {
    data: &'a Data,
    place: &'a Place,
    file: PathBuf,
    model: Box<dyn Network>,
    notes: Notes,
    state: AdamW,
    best: Vec<Tensor<2>>,
    validation: Vec<usize>,
    train: Vec<usize>,
    epoch: Option<usize>,
}

/// Trains a network, or goes on where a killed run has stopped; the weights come out the same. The folder is created; it
/// keeps a checkpoint, then the finished model. `watch` hears of every step.
///
/// # Errors
/// [`LearnError`]: settings that make no sense, a checkpoint of other settings, a loss that is not finite.
pub fn train(
    data: &Data,
    spec: &RunSpec,
    folder: &Path,
    place: &Place,
    watch: &mut dyn FnMut(TrainingProgress),
) -> Result<Trained, LearnError> {
    spec.training.check()?;
    let model = spec.model.build(data.space())?;
    spec.check_size(data.space())?;
    let notes = Notes {
        spec: spec.clone(),
        task: data.task.clone(),
        state: data.state.clone(),
        action: data.action.clone(),
        norm: data.norm.clone(),
        kinematics: data.kinematics.clone(),
        mocap: data.coordinates.mocap(),
        seconds: data.coordinates.seconds(),
        step: 0,
        best: 0,
        looks: Vec::new(),
    };
    if let Some(bytes) = files::read(&folder.join(MODEL))? {
        let file = folder.join(MODEL);
        let found = read_notes(&file, &bytes)?;
        found.same(&notes).map_err(|what| differs(&file, &what))?;
        found.check(&file)?;
        // Killed between the last write and the clean-up.
        drop_checkpoint(&folder.join(CHECKPOINT))?;
        return Trained::read(folder, place);
    }
    std::fs::create_dir_all(folder).map_err(|e| LearnError::io(folder, "cannot be created", e))?;
    let weights = model.layout().draw(spec.seed, place);
    let mut run = Run {
        data,
        place,
        file: folder.join(CHECKPOINT),
        best: weights.clone(),
        state: AdamW::new(weights),
        model,
        notes,
        validation: data.some_steps(Part::Validation, spec.training.validation_states),
        train: data.steps(Part::Train),
        epoch: None,
    };
    if let Some(bytes) = files::read(&run.file)? {
        run.resume(&bytes)?;
    }
    run.go(watch)?;
    let coordinates = data.coordinates.clone();
    let trained = Trained { model: run.model, weights: run.best, notes: run.notes, coordinates };
    trained.write(folder)?;
    drop_checkpoint(&run.file)?;
    Ok(trained)
}

/// Removes the checkpoint of a finished run, if it is still there.
fn drop_checkpoint(file: &Path) -> Result<(), LearnError> {
    match std::fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(LearnError::io(file, "cannot be removed", e)),
        _ => Ok(()),
    }
}

fn differs(file: &Path, what: &str) -> LearnError {
    LearnError::file(file, format!("was made with another {what}: choose another folder with -o, or remove it"))
}

impl Run<'_> {
    fn resume(&mut self, bytes: &[u8]) -> Result<(), LearnError> {
        let found = read_notes(&self.file, bytes)?;
        found.same(&self.notes).map_err(|what| differs(&self.file, &what))?;
        found.check(&self.file)?;
        let group = |name| params::read(&self.file, bytes, self.model.layout(), name, self.place);
        self.state = AdamW { weights: group("weights")?, first: group("adam1")?, second: group("adam2")? };
        self.best = group("best")?;
        self.notes = found;
        Ok(())
    }

    fn save(&self) -> Result<(), LearnError> {
        let groups: Groups = BTreeMap::from([
            ("weights", self.state.weights.clone()),
            ("adam1", self.state.first.clone()),
            ("adam2", self.state.second.clone()),
            ("best", self.best.clone()),
        ]);
        params::write(&self.file, self.model.layout(), &groups, &written(&self.notes)?)
    }

    fn go(&mut self, watch: &mut dyn FnMut(TrainingProgress)) -> Result<(), LearnError> {
        let training = self.notes.spec.training.clone();
        let (mut sum, mut norms, mut n) = (0.0, 0.0, 0);
        while self.notes.step < training.steps && self.notes.waited() < training.patience {
            let step = self.notes.step;
            let (loss, gradients) = self.gradients(step, &training)?;
            if !loss.is_finite() {
                return Err(self.diverged(loss, step + 1));
            }
            let rates = Rates {
                lr: schedule(training.lr, step + 1, training.steps),
                decay: training.weight_decay,
                clip: training.clip,
            };
            let norm = self.state.step(gradients, step + 1, rates)?;
            self.notes.step += 1;
            (sum, norms, n) = (sum + loss, norms + norm, n + 1);
            watch(TrainingProgress { step: step + 1, steps: training.steps, loss });
            if self.notes.step.is_multiple_of(training.check_every) || self.notes.step == training.steps {
                self.look(sum / f64::from(n), norms / f64::from(n))?;
                (sum, norms, n) = (0.0, 0.0, 0);
            }
        }
        Ok(())
    }

    fn diverged(&self, loss: f64, step: usize) -> LearnError {
        let kept = self.notes.looks.last().map_or(0, |l| l.step);
        let run = self.notes.spec.name(&self.notes.task);
        LearnError::Diverged { run, loss, step, kept, file: self.file.clone() }
    }

    fn look(&mut self, train: f64, gradient: f64) -> Result<(), LearnError> {
        let validation = self.validation_loss()?;
        if !validation.is_finite() {
            return Err(self.diverged(validation, self.notes.step));
        }
        if validation < self.notes.best_loss() {
            self.best = self.state.weights.clone();
            self.notes.best = self.notes.step;
        }
        self.notes.looks.push(Look { step: self.notes.step, train, validation, gradient });
        self.save()
    }

    fn gradients(&mut self, step: usize, training: &Training) -> Result<(f64, Vec<Tensor<2>>), LearnError> {
        let steps = self.draw(step, training.batch);
        let spec = &self.notes.spec;
        let columns = spec.loss.needs_jacobian().then(|| {
            let mut all: Vec<usize> = (0..self.data.inputs()).collect();
            if training.columns > 0 && training.columns < all.len() {
                shuffle(&mut all, &mut Stream::new(spec.seed, "learn/columns", step as u64));
                all.truncate(training.columns);
            }
            all
        });
        let batch = assemble(self.data, &steps, self.wanted(columns.as_deref()), self.place)?;
        gradients(&*self.model, &self.state.weights, &spec.loss, &batch)
    }

    /// The steps of a batch: every epoch is an order of its own, which the seed decides.
    fn draw(&mut self, step: usize, batch: usize) -> Vec<usize> {
        let n = self.train.len();
        let mut drawn = Vec::with_capacity(batch);
        for at in step * batch..(step + 1) * batch {
            let epoch = at / n;
            if self.epoch != Some(epoch) {
                self.train = self.data.steps(Part::Train);
                shuffle(&mut self.train, &mut Stream::new(self.notes.spec.seed, "learn/batch", epoch as u64));
                self.epoch = Some(epoch);
            }
            drawn.push(self.train[at % n]);
        }
        drawn
    }

    fn validation_loss(&self) -> Result<f64, LearnError> {
        let loss = &self.notes.spec.loss;
        let columns: Vec<usize> = (0..self.data.inputs()).collect();
        let mut sum = 0.0;
        for chunk in self.validation.chunks(CHUNK) {
            let columns = loss.needs_jacobian().then_some(&columns[..]);
            let batch = assemble(self.data, chunk, self.wanted(columns), self.place)?;
            sum += one(objective(&*self.model, &self.state.weights, loss, &batch)?)? * chunk.len() as f64;
        }
        Ok(sum / self.validation.len().max(1) as f64)
    }

    fn wanted<'b>(&self, columns: Option<&'b [usize]>) -> Wanted<'b> {
        let marks = self.notes.spec.loss.gates().is_some();
        Wanted { columns, truth: true, mask: self.model.needs_mask(), marks }
    }
}

/// What training makes small: a tensor of one number.
pub(super) fn objective(
    model: &dyn Network,
    weights: &[Tensor<2>],
    loss: &Loss,
    batch: &Batch,
) -> Result<Tensor<1>, LearnError> {
    let (next, jacobian) = predict(model, weights, &batch.input)?;
    let value = loss.of(&next, jacobian.as_ref(), batch);
    let Some(weight) = loss.gates() else { return Ok(value) };
    match (model.gates(weights, &batch.input), &batch.marks) {
        (Some(gates), Some(marks)) => Ok(value + gates.surprise(marks) * weight),
        _ => Err(no_gates("this model")),
    }
}

/// Of a network that the loss `mask` has nothing to teach.
pub(super) fn no_gates(model: &str) -> LearnError {
    LearnError::Settings(format!("the loss mask teaches gates, which {model} has not: use --model adaptive"))
}

/// The loss of a batch and its gradient by every matrix of the network, in their order.
///
/// # Errors
/// [`LearnError::Library`].
pub fn gradients(
    model: &dyn Network,
    weights: &[Tensor<2>],
    loss: &Loss,
    batch: &Batch,
) -> Result<(f64, Vec<Tensor<2>>), LearnError> {
    let tracked: Vec<_> = weights.iter().map(|w| w.clone().autodiff().require_grad()).collect();
    let value = objective(model, &tracked, loss, batch)?;
    let mut all = value.backward();
    let own = |w: &Tensor<2>| w.grad_remove(&mut all).unwrap_or_else(|| w.clone().inner().zeros_like());
    let found = tracked.iter().map(own).collect();
    Ok((one(value)?, found))
}

fn one(tensor: Tensor<1>) -> Result<f64, LearnError> {
    Ok(place::numbers(tensor.inner())?.first().copied().unwrap_or(f64::NAN))
}
