//! The recipe: what decides every byte of a recording, as JSON in the file and beside unfinished work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::residual::Horizons;
use super::{Job, RecordError};
use crate::dataset::schema::{self, Axis, Var, attribute};
use crate::dataset::{Attribute, Header, ModelFile, ModelFiles, hdf5_version};
use crate::jacobian::Resolved;
use crate::number;
use crate::physics::{Model, ModelSource, PluginFile, mujoco_version};
use crate::policy::PolicySpec;
use crate::seal::sha256_hex;
use crate::task::{Env, Scorer, Task};

/// A file of the model, by hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHash {
    /// Its name.
    pub name: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// The recipe of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The settings.
    pub job: Job,
    /// The model's files.
    pub model: Vec<FileHash>,
    /// The plugins that it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginFile>,
    /// Version of this program.
    pub dynsparse: String,
    /// Commit it was built from.
    pub commit: String,
    /// Version of MuJoCo.
    pub mujoco: String,
    /// Version of HDF5.
    pub hdf5: String,
    /// Version of the schema.
    pub schema: u32,
    /// Operating system and architecture.
    pub platform: String,
}

impl Recipe {
    /// The recipe of a job with its model, and the model's files.
    ///
    /// # Errors
    /// [`RecordError::Physics`] when a file of the model cannot be read.
    pub fn new(job: &Job, task: &Task, model: &Model) -> Result<(Self, ModelFiles), RecordError> {
        let (main, files) = task.source.files()?;
        let (layout, root) = match &task.source {
            ModelSource::Memory { .. } => ("memory", None),
            ModelSource::Disk(_) => ("disk", None),
            ModelSource::Kept { root, .. } => ("kept", root.clone()),
        };
        let files: Vec<ModelFile> = files
            .into_iter()
            .map(|f| ModelFile { sha256: sha256_hex(&f.bytes), name: f.name, bytes: f.bytes })
            .collect();
        let hashes = files.iter().map(|f| FileHash { name: f.name.clone(), sha256: f.sha256.clone() }).collect();
        let recipe = Self::of_this_program(job.clone(), hashes, model.plugins()?);
        recipe.check_readable()?;
        Ok((recipe, ModelFiles { main, layout: layout.to_owned(), root, files }))
    }

    /// The recipe that this program, with its libraries, gives a job and a model.
    pub(super) fn of_this_program(job: Job, model: Vec<FileHash>, plugins: Vec<PluginFile>) -> Self {
        Self {
            job,
            model,
            plugins,
            dynsparse: env!("CARGO_PKG_VERSION").to_owned(),
            commit: super::COMMIT.to_owned(),
            mujoco: mujoco_version(),
            hdf5: hdf5_version(),
            schema: schema::VERSION,
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }

    /// Refuses a recipe that would not come back out of the recording as it is here.
    fn check_readable(&self) -> Result<(), RecordError> {
        let reason = match serde_json::from_str::<Self>(&self.to_json()) {
            Ok(again) if again == *self => return Ok(()),
            Ok(again) => again.difference(&self.to_json()).unwrap_or_else(|| "a number is NaN".to_owned()),
            Err(e) => e.to_string(),
        };
        Err(RecordError::Setting(format!(
            "these settings cannot be kept in a recording, since they do not read back as they are: {reason}; give finite \
             numbers"
        )))
    }

    /// SHA-256 of its JSON, hexadecimal; every shard carries it.
    pub(super) fn sha256(&self) -> String {
        sha256_hex(self.to_json().as_bytes())
    }

    /// As JSON with sorted keys.
    pub fn to_json(&self) -> String {
        // Plain data without maps of other keys than strings; serialising it cannot fail.
        serde_json::to_value(self).map(|v| v.to_string()).unwrap_or_default()
    }

    /// What decides the content besides the episodes: a first line with the format's version, the job without
    /// compression, description and a replay's file name as JSON with sorted keys, and a line for each file
    /// of the model. The same on every machine, whatever program, MuJoCo or commit recorded it.
    pub fn content(&self) -> String {
        let mut job = serde_json::to_value(&self.job).unwrap_or_default();
        if let Some(job) = job.as_object_mut() {
            job.remove("compression");
            job.get_mut("task").and_then(Value::as_object_mut).map(|task| task.remove("description"));
            job.get_mut("policy").and_then(Value::as_object_mut).map(|policy| policy.remove("file"));
        }
        let mut text = format!("dynsparse content 1\njob {job}\n");
        for file in &self.model {
            text.push_str(&format!("model {} {}\n", file.name, file.sha256));
        }
        text
    }

    /// What differs from another recipe, for people: `seed: 1 there, 2 here`. None when nothing does.
    pub fn difference(&self, there: &str) -> Option<String> {
        let here = self.to_json();
        if here == there {
            return None;
        }
        let (Ok(there), Ok(here)) = (serde_json::from_str::<Value>(there), serde_json::from_str::<Value>(&here)) else {
            return Some("it has no readable recipe".to_owned());
        };
        let mut found = Vec::new();
        compare("", &there, &here, &mut found);
        at_most_three(found)
    }

    /// The header of a recording or of one of its shards.
    ///
    /// # Errors
    /// [`RecordError::Task`] when the task does not fit the model.
    pub fn header(
        &self,
        model: &Model,
        rows_per_episode: usize,
        files: Option<ModelFiles>,
        source: &str,
    ) -> Result<Header, RecordError> {
        let scorer = self.job.scorer(model)?;
        let env = Env::new(&self.job.task, model)?;
        let labels = self.labels(model, &env, scorer.as_ref());
        // A shard says what it is and whose; the rest is said once, in the merged file.
        let mut attributes = self.identity();
        if files.is_some() {
            let engine = self.job.jacobian.resolve(model);
            attributes.extend(self.attributes(model, &engine, source));
            if labels.contains_key(&Axis::Sensor) {
                attributes.push((attribute::SENSOR_ENGINE, Attribute::Text(json_text(&engine.spec.kind()))));
            }
        }
        Ok(Header {
            labels,
            absent: self.absent(model, &env, scorer.as_ref()),
            rows_per_episode,
            effort: self.job.compression,
            store: self.job.store,
            attributes: attributes.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
            shard: files.is_none(),
            content: files.is_some().then(|| self.content()),
            model: files,
        })
    }

    /// The labels of the axes that a recording has.
    fn labels(&self, model: &Model, env: &Env, scorer: Option<&Scorer>) -> BTreeMap<Axis, Vec<String>> {
        let (job, names) = (&self.job, model.names());
        let letters = |s: &[&str]| s.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
        let mut labels = BTreeMap::from([
            (Axis::Coordinate, names.qpos.clone()),
            (Axis::Dof, names.dof.clone()),
            (Axis::Activation, names.act.clone()),
            (Axis::Actuator, names.ctrl.clone()),
            (Axis::State, names.state()),
            (Axis::StateNext, names.state()),
            (Axis::Geom, names.geom.clone()),
        ]);
        // A replay brings controls, not actions.
        if let Some(action) = env.action_labels().filter(|_| !job.policy.is_replay()) {
            labels.insert(Axis::Action, action);
        }
        let forced = job.task.forced_bodies();
        if !forced.is_empty() {
            labels.insert(Axis::ForcedBody, forced);
            labels.insert(Axis::Wrench, letters(&["fx", "fy", "fz", "tx", "ty", "tz"]));
        }
        if let Some(scorer) = scorer {
            labels.insert(Axis::Observation, scorer.labels());
        }
        if job.jacobian.sensors {
            labels.insert(Axis::Sensor, names.sensor.clone());
        }
        if model.nmocap() > 0 {
            labels.insert(Axis::Mocap, names.mocap.clone());
            labels.insert(Axis::Xyz, letters(&["x", "y", "z"]));
            labels.insert(Axis::Quaternion, letters(&["w", "x", "y", "z"]));
        }
        if model.sleeps() && model.ntree() > 0 {
            labels.insert(Axis::Tree, model.tree_labels());
        }
        labels
    }

    /// The variables that a recording lacks though it has their axes.
    fn absent(&self, model: &Model, env: &Env, scorer: Option<&Scorer>) -> Vec<Var> {
        let job = &self.job;
        let mut absent = Vec::new();
        if scorer.is_none_or(|s| !s.rewards()) {
            absent.push(Var::Reward);
        }
        if !(model.sleeps() && model.ntree() > 0) {
            absent.extend([Var::TreeAsleep, Var::QaccSmooth, Var::ActDot]);
        }
        if !env.can_end() {
            absent.push(Var::Terminated);
        }
        if !matches!(job.policy, PolicySpec::Log { .. }) {
            absent.extend([Var::Residual, Var::ResidualTenth, Var::ResidualSecond]);
        }
        if !job.jacobian.sensors || model.nsensordata() == 0 {
            absent.extend([Var::Sensordata, Var::C, Var::D, Var::CZero, Var::DZero]);
        }
        if !job.jacobian.zero_test {
            absent.extend([Var::AZero, Var::BZero, Var::ZeroFloor, Var::Kink, Var::CZero, Var::DZero]);
        }
        if job.substeps_per_row() == 1 {
            absent.extend([Var::Ntouch, Var::TouchOffset, Var::TouchGeom1, Var::TouchGeom2, Var::TouchSteps]);
        }
        absent
    }

    /// The root attributes that say what a file is, and of which recipe.
    fn identity(&self) -> Vec<(&'static str, Attribute)> {
        vec![
            (attribute::FORMAT, schema::FORMAT.into()),
            (attribute::SCHEMA_VERSION, Attribute::Int(schema::VERSION.into())),
            (attribute::RECIPE_SHA256, Attribute::Text(self.sha256())),
        ]
    }

    /// The root attributes behind these, but for those that other parts of the header decide.
    fn attributes(&self, model: &Model, engine: &Resolved, source: &str) -> Vec<(&'static str, Attribute)> {
        use attribute::*;
        let job = &self.job;
        let clamped: Vec<_> = (0..model.nu()).map(|i| model.clamped_range(i)).collect();
        let solver = model.solver();
        let row_dt = model.timestep() * job.substeps_per_row() as f64;
        let text = Attribute::Text;
        let mut attributes = vec![
            (TASK, text(job.task.name.clone())),
            (SUITE, text(job.task.suite.clone())),
            (DESCRIPTION, text(job.task.description.clone())),
            (STEP_KIND, job.step.name().into()),
            (STEP_DURATION, Attribute::Float(row_dt)),
            (TIMESTEP, Attribute::Float(model.timestep())),
            (SUBSTEPS, Attribute::Int(job.task.substeps as i64)),
            (INTEGRATOR, model.integrator().into()),
            (CONE, model.cone().into()),
            (POLICY, text(job.policy.describe() + &job.explore.map(|e| e.describe()).unwrap_or_default())),
            (ENGINE, text(json_text(&engine.spec.kind()))),
            (EPS, Attribute::Float(engine.spec.reach())),
            (DIFFERENCE, text(json_text(&job.jacobian.difference))),
            (SOLVER, text(json_text(&job.solver))),
            (SOLVER_MAX_ITERATIONS, Attribute::Int(solver.iterations.into())),
            (SOLVER_LS_ITERATIONS, Attribute::Int(solver.ls_iterations.into())),
            (SOLVER_TOLERANCE, Attribute::Float(solver.tolerance)),
            (SEED, Attribute::Unsigned(job.seed)),
            (NQ, Attribute::Int(model.nq() as i64)),
            (NV, Attribute::Int(model.nv() as i64)),
            (NA, Attribute::Int(model.na() as i64)),
            (NU, Attribute::Int(model.nu() as i64)),
            (KINEMATICS, text(serde_json::to_string(&model.kinematics()).unwrap_or_default())),
            (CTRL_RANGE, text(number::to_json(&clamped))),
            (DYNSPARSE_VERSION, text(self.dynsparse.clone())),
            (GIT_COMMIT, text(self.commit.clone())),
            (MUJOCO_VERSION, text(self.mujoco.clone())),
            (HDF5_VERSION, text(self.hdf5.clone())),
            (PLATFORM, text(self.platform.clone())),
            (COMMAND, text(source.to_owned())),
            (RECIPE, text(self.to_json())),
        ];
        if let PolicySpec::Log { noise, .. } = &job.policy {
            attributes.push((MEASUREMENT_NOISE, text(serde_json::to_string(noise).unwrap_or_default())));
            let horizons = Horizons::new(model.timestep(), job.substeps_per_row());
            attributes.push((RESIDUAL_HORIZONS, text(serde_json::to_string(&horizons.seconds()).unwrap_or_default())));
        }
        if !job.task.edits.is_empty() {
            let edits: Vec<String> = job.task.edits.iter().map(ToString::to_string).collect();
            attributes.push((MODEL_EDITS, text(edits.join("; "))));
        }
        if let Some(fallback) = &engine.fallback {
            attributes.push((ENGINE_FALLBACK, text(fallback.clone())));
        }
        if !self.plugins.is_empty() {
            attributes.push((PLUGINS, text(serde_json::to_string(&self.plugins).unwrap_or_default())));
        }
        let untested: Vec<&str> = self.plugins.iter().filter(|p| !p.is_tested()).map(|p| p.name.as_str()).collect();
        if !untested.is_empty() {
            attributes.push((UNTESTED_PLUGINS, text(untested.join(", "))));
        }
        let held = model.held_state();
        if !held.is_empty() {
            attributes.push((HELD_STATE, text(held.join(", "))));
        }
        attributes
    }
}

/// A unit variant's name in settings.
fn json_text(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The first three of these as one text; None when there are none.
pub(crate) fn at_most_three(mut found: Vec<String>) -> Option<String> {
    let more = found.len().saturating_sub(3);
    found.truncate(3);
    let mut text = found.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    (!text.is_empty()).then_some(text)
}

/// Adds every value that differs, with its path: `seed: 1 there, 2 here`.
pub(crate) fn compare(path: &str, there: &Value, here: &Value, found: &mut Vec<String>) {
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() || path == "job" { key.clone() } else { format!("{path}.{key}") };
                compare(&path, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), found);
            }
        }
        (a, b) if a != b => {
            let short = |v: &Value| {
                let text = v.to_string();
                if text.len() > 60 { format!("{}...", text.chars().take(57).collect::<String>()) } else { text }
            };
            found.push(format!("{path}: {} there, {} here", short(a), short(b)));
        }
        _ => {}
    }
}
