//! The settings of a recording: flags and the TOML file share this one struct, so their names are the same.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use dynsparse::dataset::{Effort, Store};
use dynsparse::files;
use dynsparse::jacobian::{Difference, EngineChoice, EngineRequest};
use dynsparse::logs::LogMap;
use dynsparse::physics::SolverMode;
use dynsparse::policy::{Explore, Guide, PlanMethod, PlanSpec, PolicySpec, ReplayWith, Spline};
use dynsparse::record::{self, Job, StepKind};
use dynsparse::task::{Assets, Changes, ObservedPart, Task, file_stem, find, names_suite};
use serde::Deserialize;

use super::threads;

/// Settings that decide what is recorded, and where. What is not given has a default.
#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Settings {
    /// See [`Subject`].
    #[arg(skip)]
    pub(super) task: Option<String>,
    /// See [`Subject`].
    #[arg(skip)]
    pub(super) output: Option<PathBuf>,
    /// Number of episodes [default: 10, or all of a replay]
    #[arg(long, value_name = "N")]
    pub(super) episodes: Option<u64>,
    /// Control steps per episode [default: the task's, or all of a replay]
    #[arg(long, value_name = "N")]
    pub(super) steps: Option<usize>,
    /// Seed of resets and policy [default: 0]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Worker threads; the result does not depend on them [default: all cores]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,

    /// Who acts [default: uniform, or replay with --replay, log with --log, onnx with --onnx-file]
    #[arg(long, value_enum, help_heading = "Policy")]
    pub(super) policy: Option<PolicyName>,
    /// Standard deviation of gaussian and colored noise, in half control ranges [default: 1]
    #[arg(long, value_name = "X", help_heading = "Policy")]
    pub(super) scale: Option<f64>,
    /// Exponent of colored noise, power 1/f^beta, from 0 (white) to 2 (red) [default: 1, pink]
    #[arg(long, value_name = "X", help_heading = "Policy")]
    pub(super) beta: Option<f64>,
    /// Frequency of the sinusoid, Hz [default: 1]
    #[arg(long, value_name = "HZ", help_heading = "Policy")]
    pub(super) frequency: Option<f64>,
    /// Amplitude of the sinusoid, a share of the half control range [default: 1]
    #[arg(long, value_name = "X", help_heading = "Policy")]
    pub(super) amplitude: Option<f64>,
    /// Trajectories to replay: our own .h5, an .npz, or an HDF5 file with qpos, qvel, ctrl
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    pub(super) replay: Option<PathBuf>,
    /// What to take from the replay [default: states]
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Policy")]
    pub(super) replay_with: Option<ReplayWith>,
    /// A robot's log to replay: a LeRobot folder, HDF5 (Minari, robomimic, D4RL), .npz or CSV; needs --map
    #[arg(long, value_name = "LOG", help_heading = "Policy")]
    pub(super) log: Option<PathBuf>,
    /// What the columns of the log are to the model, as TOML (`dynsparse replay-map` writes a first one)
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    pub(super) map: Option<PathBuf>,
    /// The network of the policy onnx: from the task's observation to its action
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    pub(super) onnx_file: Option<PathBuf>,
    /// Add colored noise to the policy's actions: its standard deviation, in half control ranges [default: none]
    #[arg(long, value_name = "X", help_heading = "Policy")]
    pub(super) explore_scale: Option<f64>,
    /// Exponent of that noise, as --beta [default: 1]
    #[arg(long, value_name = "X", help_heading = "Policy")]
    pub(super) explore_beta: Option<f64>,

    /// How a plan is improved
    #[arg(long, value_enum, value_name = "METHOD", help_heading = "Expert [defaults: the task's own]")]
    pub(super) planner: Option<PlanMethod>,
    /// Actions that a plan looks ahead
    #[arg(long, value_name = "N", help_heading = "Expert [defaults: the task's own]")]
    pub(super) horizon: Option<usize>,
    /// Plans that are tried in an iteration
    #[arg(long, value_name = "N", help_heading = "Expert [defaults: the task's own]")]
    pub(super) samples: Option<usize>,
    /// Iterations before every action
    #[arg(long, value_name = "N", help_heading = "Expert [defaults: the task's own]")]
    pub(super) iterations: Option<usize>,
    /// Actions from one point of a plan's spline to the next
    #[arg(long, value_name = "N", help_heading = "Expert [defaults: the task's own]")]
    pub(super) spacing: Option<usize>,
    /// What the controls are between the points
    #[arg(long, value_enum, help_heading = "Expert [defaults: the task's own]")]
    pub(super) spline: Option<Spline>,
    /// Standard deviation of the points tried, in half control ranges
    #[arg(long, value_name = "X", help_heading = "Expert [defaults: the task's own]")]
    pub(super) noise: Option<f64>,
    /// Scales of that noise, each half of the one before
    #[arg(long, value_name = "N", help_heading = "Expert [defaults: the task's own]")]
    pub(super) levels: Option<usize>,
    /// Physics steps that one step of the planner's rollouts takes at once
    #[arg(long, value_name = "N", help_heading = "Expert [defaults: the task's own]")]
    pub(super) coarse: Option<usize>,
    /// Adds WEIGHT / (1 + ((x - TARGET) / WIDTH)^2) to what a step of a plan is worth, with x an entry of the observation, a qpos: or a qvel:
    #[arg(long, value_name = "ENTRY,TARGET,WIDTH,WEIGHT", help_heading = "Expert [defaults: the task's own]")]
    pub(super) guide: Option<Vec<Guide>>,
    /// Of cem: how many of the best plans make the mean
    #[arg(long, value_name = "N", help_heading = "Expert [defaults: the task's own]")]
    pub(super) elites: Option<usize>,
    /// Of mppi: how fast weights fall, in differences between the best return and the mean
    #[arg(long, value_name = "X", help_heading = "Expert [defaults: the task's own]")]
    pub(super) temperature: Option<f64>,
    /// Of ilqg and ilqs: step sizes that a line search tries, each half of the one before
    #[arg(long, value_name = "N", help_heading = "Expert [defaults: the task's own]")]
    pub(super) tries: Option<usize>,
    /// Of ilqg and ilqs: what a control at the end of its range costs in a step of a plan, in rewards
    #[arg(long, value_name = "X", help_heading = "Expert [defaults: the task's own]")]
    pub(super) effort: Option<f64>,

    /// What computes the Jacobians [default: auto]
    #[arg(long, value_enum, help_heading = "Jacobian")]
    pub(super) engine: Option<EngineChoice>,
    /// Size of a nudge of transition-fd [default: 1e-6]
    #[arg(long, value_name = "X", help_heading = "Jacobian")]
    pub(super) eps: Option<f64>,
    /// Kind of difference [default: centered]
    #[arg(long, value_enum, help_heading = "Jacobian")]
    pub(super) difference: Option<Difference>,
    /// Record sensors and their Jacobians C and D too
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Jacobian")]
    pub(super) sensors: Option<bool>,
    /// Leave out the test of every entry for zero and of every state for switches
    #[arg(long = "no-zero-test", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = parse_no, value_name = "BOOL", help_heading = "Jacobian")]
    pub(super) zero_test: Option<bool>,
    /// What a row is: a control step, or one physics step [default: control]
    #[arg(long, value_enum, help_heading = "Jacobian")]
    pub(super) step: Option<StepKind>,
    /// Constraint solver: run to convergence, or as the model says [default: converged]
    #[arg(long, value_enum, help_heading = "Jacobian")]
    pub(super) solver: Option<SolverMode>,

    /// Physics time step, s; the control step of a task stays as long as it is [default: the model's]
    #[arg(long, value_name = "S", help_heading = "Model")]
    pub(super) timestep: Option<f64>,
    /// Change a field of the compiled model, as FIELD=X, FIELD[COLUMN]=X, FIELD@OBJECT=X or both; may be given again
    #[arg(long, value_name = "FIELD=X", help_heading = "Model")]
    pub(super) set: Option<Vec<String>>,
    /// What a policy sees and the recording keeps as observation: qpos, qvel, act, ctrl, sensordata, a part of one as qpos[2:], sensor:NAME [default: the task's]
    #[arg(long, value_name = "PART,...", help_heading = "Policy")]
    pub(super) observe: Option<Vec<String>>,
    /// Velocity command of a legged robot in all episodes: forward and to the left, m/s, and yaw rate, rad/s [default: as the task draws them]
    #[arg(long, value_name = "X,Y,YAW", allow_hyphen_values = true, help_heading = "Model")]
    pub(super) command: Option<String>,

    /// Record on where the task would end the episode (fallen, dropped, out of bounds)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) past_done: Option<bool>,

    /// See [`ModelFile`].
    #[arg(skip)]
    pub(super) substeps: Option<usize>,
    /// See [`ModelFile`].
    #[arg(skip)]
    pub(super) keyframe: Option<String>,
    /// See [`ModelFile`].
    #[arg(skip)]
    pub(super) reset_noise: Option<f64>,
    /// See [`ModelFile`].
    #[arg(skip)]
    pub(super) no_outside_files: Option<bool>,

    /// How hard to compress [default: fast]
    #[arg(long, value_enum, help_heading = "Files")]
    pub(super) compression: Option<Effort>,
    /// What to keep of A, B, C and D [default: f64]
    #[arg(long, value_enum, help_heading = "Files")]
    pub(super) store: Option<Store>,
    /// Folder of the suites' model files [default: vendor/ here, above, or where the program was built]
    #[arg(long, value_name = "DIR", help_heading = "Files")]
    pub(super) assets: Option<PathBuf>,
}

/// What one recording is of, and where it goes; a sweep has its own.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Subject {
    /// A task (see `dynsparse tasks`) or an MJCF file; the embedded Juggler when left out
    #[arg(value_name = "TASK|MODEL.xml")]
    task: Option<String>,
    /// The file to write [default: TASK.h5]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What a model file does not say.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ModelFile {
    /// Physics steps per control step of an MJCF file [default: 1]
    #[arg(long, value_name = "N", help_heading = "Model file")]
    substeps: Option<usize>,
    /// Keyframe that episodes of an MJCF file start from
    #[arg(long, value_name = "NAME", help_heading = "Model file")]
    keyframe: Option<String>,
    /// Uniform noise on the start of an MJCF file: +-X on hinge and slide positions and all velocities [default: 0]
    #[arg(long, value_name = "X", help_heading = "Model file")]
    reset_noise: Option<f64>,
    /// Refuse a model that takes files into the recording from outside its folder and the folders it names for its assets
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Model file")]
    no_outside_files: Option<bool>,
}

impl Subject {
    /// A task or a model file, with the default output.
    pub(super) fn of(task: &str) -> Self {
        Self { task: Some(task.to_owned()), output: None }
    }
}

impl ModelFile {
    /// The first flag that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--substeps", self.substeps.is_some()),
            ("--keyframe", self.keyframe.is_some()),
            ("--reset-noise", self.reset_noise.is_some()),
            ("--no-outside-files", self.no_outside_files.is_some()),
        ];
        given.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }
}

/// Names of the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PolicyName {
    /// No control
    Zero,
    /// Uniform in the control range, new at every control step
    Uniform,
    /// Normal around the middle of the range
    Gaussian,
    /// Noise with power 1/f^beta
    Colored,
    /// A sine with random phase
    Sinusoid,
    /// Planned for the reward of the task, from its model alone
    Expert,
    /// A network that somebody trained, from an ONNX file
    Onnx,
    /// States or controls from a file
    Replay,
    /// States and commands of a robot, from its log
    Log,
}

/// The value of a flag that says no.
fn parse_no(text: &str) -> Result<bool, String> {
    text.parse().map(|no: bool| !no).map_err(|_| "give true or false".to_owned())
}

/// A setting that belongs to one policy was given with another.
fn misplaced(flag: &str, policy: PolicyName) -> anyhow::Error {
    anyhow::anyhow!("{flag} has no meaning for the policy {}; remove it, or choose another --policy", name(policy))
}

impl Settings {
    /// These settings for one recording.
    pub(super) fn of(self, subject: &Subject, model: &ModelFile) -> Self {
        Self {
            task: subject.task.clone(),
            output: subject.output.clone(),
            substeps: model.substeps,
            keyframe: model.keyframe.clone(),
            reset_noise: model.reset_noise,
            no_outside_files: model.no_outside_files,
            ..self
        }
    }

    /// These settings, with those of `file` where these say nothing.
    pub(super) fn or(self, file: Self) -> Self {
        macro_rules! merged {
            ($($field:ident),* $(,)?) => { Self { $($field: self.$field.or(file.$field)),* } };
        }
        merged!(
            task,
            output,
            episodes,
            steps,
            seed,
            threads,
            policy,
            scale,
            beta,
            frequency,
            amplitude,
            replay,
            replay_with,
            log,
            map,
            onnx_file,
            explore_scale,
            explore_beta,
            planner,
            horizon,
            samples,
            iterations,
            spacing,
            spline,
            noise,
            levels,
            coarse,
            guide,
            elites,
            temperature,
            tries,
            effort,
            engine,
            eps,
            difference,
            sensors,
            zero_test,
            past_done,
            step,
            solver,
            timestep,
            set,
            observe,
            command,
            substeps,
            keyframe,
            reset_noise,
            no_outside_files,
            compression,
            store,
            assets,
        )
    }

    /// The task that is meant, with what is changed in it.
    pub(super) fn task(&self) -> anyhow::Result<Task> {
        let mut task = self.changes()?.apply(self.plain_task()?)?;
        if let Some(map) = self.log_map()? {
            let given = [("--substeps", self.substeps.is_some()), ("--timestep", self.timestep.is_some())];
            if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
                anyhow::bail!("{flag} has no meaning for a log: rate and substeps in the map say it; leave it out");
            }
            let given = [("--keyframe", self.keyframe.is_some()), ("--reset-noise", self.reset_noise.is_some())];
            if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
                anyhow::bail!(
                    "{flag} has no meaning for a log: every state is set from the log and its map; leave it out"
                );
            }
            task.spec.substeps = map.substeps();
            task.spec.timestep = Some(map.timestep());
        }
        Ok(task)
    }

    /// The map of a log.
    fn log_map(&self) -> anyhow::Result<Option<LogMap>> {
        match (&self.log, &self.map) {
            (None, None) => Ok(None),
            (Some(_), Some(map)) => Ok(Some(LogMap::read(map)?)),
            (Some(log), None) => anyhow::bail!(
                "--log {0} needs --map FILE, what its columns are to the model; `dynsparse replay-map {0} MODEL.xml -o FILE` writes a first one",
                log.display()
            ),
            (None, Some(_)) => anyhow::bail!("--map is given without --log, the log that it is of; add it"),
        }
    }

    fn plain_task(&self) -> anyhow::Result<Task> {
        let embedded = Task::embedded();
        let (file_only, path) = match self.task.as_deref() {
            None => (None, None),
            Some(name) if name == embedded.spec.name => (None, None),
            Some(name) if is_path(name) => (None, Some(name)),
            Some(name) => (Some(name), None),
        };
        if path.is_none() {
            let given = [
                ("--substeps", self.substeps.is_some()),
                ("--keyframe", self.keyframe.is_some()),
                ("--reset-noise", self.reset_noise.is_some()),
            ];
            if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
                anyhow::bail!("{flag} is for MJCF files; the task says its own");
            }
        }
        Ok(match (file_only, path) {
            (Some(name), _) => {
                refuse_file(name)?;
                Task::from_catalogue(name, &Assets::find(self.assets.as_deref()))?
            }
            (_, Some(path)) => Task::from_mjcf(
                path.as_ref(),
                self.substeps.unwrap_or(1),
                self.keyframe.as_deref(),
                self.reset_noise.unwrap_or(0.0),
            )?,
            _ => embedded,
        })
    }

    fn policy(&self) -> anyhow::Result<PolicySpec> {
        let kind = self.policy.unwrap_or(match (&self.replay, &self.log, &self.onnx_file) {
            (Some(_), ..) => PolicyName::Replay,
            (None, Some(_), _) => PolicyName::Log,
            (None, None, Some(_)) => PolicyName::Onnx,
            (None, None, None) => PolicyName::Uniform,
        });
        let noise = matches!(kind, PolicyName::Gaussian | PolicyName::Colored);
        let sine = kind == PolicyName::Sinusoid;
        let replay = kind == PolicyName::Replay;
        let given = [
            ("--scale", self.scale.is_some(), noise),
            ("--beta", self.beta.is_some(), kind == PolicyName::Colored),
            ("--frequency", self.frequency.is_some(), sine),
            ("--amplitude", self.amplitude.is_some(), sine),
            ("--replay", self.replay.is_some(), replay),
            ("--replay-with", self.replay_with.is_some(), replay),
            ("--log", self.log.is_some(), kind == PolicyName::Log),
            ("--map", self.map.is_some(), kind == PolicyName::Log),
            ("--onnx-file", self.onnx_file.is_some(), kind == PolicyName::Onnx),
        ];
        if let Some((flag, ..)) = given.iter().find(|(_, given, fits)| *given && !fits) {
            return Err(misplaced(flag, kind));
        }
        let plan = self.plan();
        if kind != PolicyName::Expert
            && let Some((field, _)) = plan.given().first()
        {
            let flag = if *field == "method" { "planner" } else { field };
            return Err(misplaced(&format!("--{flag}"), kind));
        }
        let scale = self.scale.unwrap_or(1.0);
        Ok(match kind {
            PolicyName::Zero => PolicySpec::Zero,
            PolicyName::Uniform => PolicySpec::Uniform,
            PolicyName::Gaussian => PolicySpec::Gaussian { scale },
            PolicyName::Colored => PolicySpec::Colored { beta: self.beta.unwrap_or(1.0), scale },
            PolicyName::Sinusoid => PolicySpec::Sinusoid {
                frequency: self.frequency.unwrap_or(1.0),
                amplitude: self.amplitude.unwrap_or(1.0),
            },
            PolicyName::Expert => PolicySpec::Expert { plan },
            PolicyName::Onnx => {
                let file = self.onnx_file.clone();
                let file =
                    file.ok_or_else(|| anyhow::anyhow!("the policy onnx needs a network: add --onnx-file FILE"))?;
                PolicySpec::Onnx { file, sha256: None }
            }
            PolicyName::Log => {
                let needed = || anyhow::anyhow!("the policy log needs a log: add --log LOG and --map FILE");
                let (file, map) = (self.log.clone().ok_or_else(needed)?, self.log_map()?.ok_or_else(needed)?);
                PolicySpec::Log { file, map: Box::new(map), sha256: None, noise: Vec::new() }
            }
            PolicyName::Replay => {
                let file = self
                    .replay
                    .clone()
                    .ok_or_else(|| anyhow::anyhow!("the policy replay needs a file: add --replay FILE"))?;
                PolicySpec::Replay { file, with: self.replay_with.unwrap_or(ReplayWith::States), sha256: None }
            }
        })
    }

    /// What is said of the planner.
    fn plan(&self) -> PlanSpec {
        PlanSpec {
            method: self.planner,
            horizon: self.horizon,
            samples: self.samples,
            iterations: self.iterations,
            spacing: self.spacing,
            spline: self.spline,
            noise: self.noise,
            levels: self.levels,
            coarse: self.coarse,
            guide: self.guide.clone(),
            elites: self.elites,
            temperature: self.temperature,
            tries: self.tries,
            effort: self.effort,
        }
    }

    /// Noise on top of the policy.
    fn explore(&self) -> anyhow::Result<Option<Explore>> {
        match (self.explore_scale, self.explore_beta) {
            (None, Some(_)) => {
                anyhow::bail!("--explore-beta is given without --explore-scale, the size of the noise; add it")
            }
            (scale, beta) => Ok(scale.map(|scale| Explore { beta: beta.unwrap_or(1.0), scale })),
        }
    }

    /// What is changed in the model.
    fn changes(&self) -> anyhow::Result<Changes> {
        let set = self.set.iter().flatten().map(|text| text.parse().map_err(|e| anyhow::anyhow!("--set: {e}")));
        let list = |text: &String| ObservedPart::list(text).map_err(|e| anyhow::anyhow!("--observe: {e}"));
        let observe: Vec<Vec<_>> = self.observe.iter().flatten().map(list).collect::<anyhow::Result<_>>()?;
        anyhow::ensure!(self.observe.is_none() || !observe.is_empty(), "--observe: it names nothing; leave it out");
        let three = |text: &String| -> Option<[f64; 3]> {
            let all: Vec<f64> = text.split(',').map(|x| x.trim().parse().ok()).collect::<Option<_>>()?;
            all.try_into().ok()
        };
        let command = self.command.as_ref().map(|text| {
            three(text).with_context(|| format!("--command: \"{text}\" is not X,Y,YAW, three numbers as 1,0,0.5"))
        });
        anyhow::ensure!(
            command.is_none() || self.replay.is_none(),
            "--command has no meaning for a replay, which has no commands; leave it out"
        );
        Ok(Changes {
            timestep: self.timestep,
            set: set.collect::<anyhow::Result<_>>()?,
            observe: observe.concat(),
            command: command.transpose()?,
        })
    }

    /// Worker threads.
    pub(super) fn threads(&self) -> anyhow::Result<usize> {
        threads::count(self.threads)
    }

    /// What is asked of a task.
    pub(super) fn asked(&self) -> anyhow::Result<record::RecordSettings> {
        Ok(record::RecordSettings {
            policy: self.policy()?,
            explore: self.explore()?,
            jacobian: EngineRequest {
                engine: self.engine.unwrap_or_default(),
                eps: self.eps,
                difference: self.difference.unwrap_or_default(),
                sensors: self.sensors.unwrap_or(false),
                zero_test: self.zero_test.unwrap_or(EngineRequest::default().zero_test),
            },
            solver: self.solver.unwrap_or_default(),
            step: self.step.unwrap_or_default(),
            episodes: self.episodes,
            steps: self.steps,
            past_done: self.past_done.unwrap_or(false),
            seed: self.seed.unwrap_or(0),
            compression: self.compression.unwrap_or_default(),
            store: self.store.unwrap_or_default(),
            changes: self.changes()?,
        })
    }

    /// The output file; a symbolic link stands for what it leads to.
    pub(super) fn output(&self, task: &Task) -> anyhow::Result<PathBuf> {
        let path = self.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.h5", file_stem(&task.spec.name))));
        let text = path.to_string_lossy();
        if text.is_empty() || text.ends_with('/') || text == "." || text.ends_with("..") {
            anyhow::bail!("the output \"{text}\" is a folder; name the file to write, such as -o out.h5");
        }
        if path.is_dir() {
            anyhow::bail!("{}: is a folder; name the file to write, such as -o out.h5", path.display());
        }
        Ok(files::resolve(&path)?)
    }

    /// The command that makes a job's recording.
    pub(super) fn command(&self, job: &Job) -> String {
        let file = self.task.as_deref().filter(|task| is_path(task));
        let file = file.map(|path| Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned());
        let more = [
            ("map", self.map.as_ref().and_then(|m| m.file_name()).map(|m| m.to_string_lossy().into_owned())),
            ("substeps", self.substeps.filter(|n| *n != 1).map(|n| n.to_string())),
            ("keyframe", self.keyframe.clone()),
            ("reset-noise", self.reset_noise.filter(|x| *x != 0.0).map(|x| x.to_string())),
        ];
        let more = more.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
        // What cannot be read was refused when the task was made.
        let more: Vec<_> = more.chain(self.changes().unwrap_or_default().flags()).collect();
        record::command(job, file.as_deref().unwrap_or(&job.task.name), &more)
    }
}

fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

/// Refuses the name of a task that is none, where there is a file of that name.
///
/// # Errors
/// One line that says how to name the file.
pub(super) fn refuse_file(name: &str) -> anyhow::Result<()> {
    let is_task = find(name).is_some() || names_suite(name) || Task::embedded().spec.name == name;
    anyhow::ensure!(
        is_task || !Path::new(name).is_file(),
        "{name}: is a file and no task, and its name is not that of a model (.xml, .mjcf, .urdf): if it is one, give \
         ./{name}"
    );
    Ok(())
}

/// A model file rather than the name of a task.
pub(super) fn is_path(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.contains(['/', '\\']) && !names_suite(name)
        || lower.ends_with(".xml")
        || lower.ends_with(".mjcf")
        || lower.ends_with(".mjb")
        || lower.ends_with(".urdf")
}
