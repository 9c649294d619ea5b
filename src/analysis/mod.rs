//! The questions of "Dynamic Sparsity" (arXiv 2511.08086), answered from recordings.
//!
//! Reads files and nothing else. A recording goes by once, in blocks that all threads decompress; results are the same
//! on any number of threads. One file per question: [`global`] (Q1), [`state`] and [`embedding`] (Q2), [`temporal`] and
//! [`trace`] (Q3), [`threshold`] and [`compare`] (ablations). Every result can be serialised, with its settings.

mod chance;
pub mod compare;
pub mod csv;
pub mod embedding;
mod error;
pub mod global;
mod information;
pub mod paper;
#[cfg(feature = "parquet")]
mod parquet;
mod pattern;
mod regime;
mod residual;
mod scan;
mod settings;
mod shuffle;
pub mod state;
mod symmetry;
pub mod table;
mod tables;
pub mod temporal;
pub mod threshold;
pub mod trace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use chance::{Against, Chance, RARE};
pub use error::AnalysisError;
pub use information::{Information, entropy, miller_madow};
pub use pattern::{Matrix, Shape};
pub use residual::{Residual, residuals};
pub use settings::{AnalysisSettings, Criterion, DEFAULT_THRESHOLD, Steps, flags_named};
pub use symmetry::{Reason, ReasonKind};
pub use tables::tables;

use crate::dataset::schema::{Axis, Var, attribute};
use crate::dataset::{Attribute, FlagReader, Recording, Store};
use crate::flags::StepFlags;
use embedding::{Embedding, Reservoir};
use global::GlobalSparsity;
pub(crate) use regime::Regimes;
use scan::{Scan, Use, has_masks, held, matrices};
use state::{RegimeDependence, RegimeWatch, StateDependence};
use temporal::Temporal;
use threshold::Thresholds;
use trace::{Trace, TraceStep};

/// What was analysed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subject {
    /// A name that no other recording of the analysis has.
    pub name: String,
    /// The file.
    pub file: String,
    /// The task.
    pub task: String,
    /// The root attributes, as JSON; the recipe is left out.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// Digest of the recording's content, which names the data whatever the file is called.
    pub content_sha256: Option<String>,
    /// Labels of the state.
    pub state: Vec<String>,
    /// Labels of the control.
    pub control: Vec<String>,
}

/// Which steps count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// Steps of the recording.
    pub steps: u64,
    /// Steps that count.
    pub samples: u64,
    /// Steps left out by their flags.
    pub unwanted: u64,
    /// Steps left out because an entry is NaN or infinite.
    pub not_finite: u64,
    /// Episodes of the recording.
    pub episodes: usize,
    /// Numbers of the episodes with such steps.
    pub not_finite_episodes: Vec<i64>,
    /// Steps of the recording with any flag.
    pub flagged: u64,
    /// Steps of the recording by flag.
    pub flags: BTreeMap<&'static str, u64>,
}

impl Analysis {
    /// The largest entry of the steps that count, where it is beyond what a step of a robot does
    /// ([`crate::dataset::schema::BEYOND_REASON`]): whatever is said of such a recording needs a second look.
    pub fn beyond_reason(&self) -> Option<f64> {
        let largest = self.global.iter().flat_map(|g| &g.largest).fold(0.0_f64, |most, x| most.max(*x));
        (largest > crate::dataset::schema::BEYOND_REASON).then_some(largest)
    }
}

/// A recording that could not be analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: PathBuf,
    /// Why, and what to do.
    pub reason: String,
}

/// Everything that was found in one recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// The recording.
    pub subject: Subject,
    /// The settings.
    pub settings: AnalysisSettings,
    /// What made an entry zero.
    pub criterion: Criterion,
    /// Whether the recording holds zero masks.
    pub masks: bool,
    /// The steps.
    pub selection: Selection,
    /// Q1, by matrix.
    pub global: Vec<GlobalSparsity>,
    /// What is published of the task.
    pub published: Option<paper::Published>,
    /// Q2, by matrix.
    pub state: Vec<StateDependence>,
    /// Q2, by regime.
    pub regimes: RegimeDependence,
    /// Q2, in two dimensions.
    pub embedding: Embedding,
    /// Q3, by matrix.
    pub temporal: Vec<Temporal>,
    /// Q3, chosen episodes.
    pub traces: Vec<Trace>,
    /// Ablation, by matrix.
    pub thresholds: Vec<Thresholds>,
    /// Of a robot's log: what the model predicts against what the robot did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub residuals: Vec<Residual>,
}

/// Analyses one recording on the threads of the current rayon pool.
///
/// # Errors
/// [`AnalysisError::Dataset`] when it cannot be read, [`AnalysisError::Nothing`] when nothing in it counts, it lacks
/// masks that are asked for, or has no episode whose trace is.
pub fn analyze(path: &Path, settings: &AnalysisSettings) -> Result<Analysis, AnalysisError> {
    let recording = open(path)?;
    let masks = has_masks(&recording);
    let criterion = match settings.zero {
        Some(Criterion::Mask) if !masks => {
            return Err(AnalysisError::nothing(
                path,
                "has no zero masks: record it again with the zero test, or give a threshold with --zero",
            ));
        }
        Some(Criterion::Threshold(_)) if recording.store() == Store::Masks => {
            return Err(AnalysisError::nothing(
                path,
                "keeps the verdicts of its zero test and no numbers that a threshold could judge (it was recorded with \
                 --store masks): leave --zero out, or record it again with --store f32",
            ));
        }
        Some(criterion) => criterion,
        None if masks => Criterion::Mask,
        None => Criterion::Threshold(DEFAULT_THRESHOLD),
    };
    let labels = |axis: Axis, var: Var| if recording.has(var) { recording.labels(axis) } else { Ok(Vec::new()) };
    let [a, b] = held(&recording);
    let (state, control) = (labels(Axis::State, a)?, labels(Axis::Actuator, b)?);
    let scan = Scan::new(&recording, settings, criterion)?;
    let shapes = scan.shapes();
    if [shapes[0].columns, shapes[1].columns] != [state.len(), control.len()] {
        return Err(recording.foreign("labels do not fit A and B: the file is damaged").into());
    }
    let (offsets, episodes) = (recording.offsets()?, recording.episodes()?);
    let mut walk = Walk::new(&recording, settings, shapes, &offsets)?;
    let mut sums = scan.run(|step, used, patterns| walk.step(step, used, patterns))?;
    let numbers = recording.store() != Store::Masks;
    if !numbers {
        sums.iter_mut().for_each(|sums| sums.largest.fill(f64::NAN));
    }
    walk.end_episodes(offsets.len() - 1);
    let samples = walk.selection[Use::Counts as usize];
    let selection = Selection {
        steps: walk.selection.iter().sum(),
        samples,
        unwanted: walk.selection[Use::Unwanted as usize],
        not_finite: walk.selection[Use::NotFinite as usize],
        episodes: episodes.len(),
        not_finite_episodes: walk.not_finite.iter().map(|e| episodes[*e].episode).collect(),
        flagged: walk.flagged,
        flags: StepFlags::TABLE.iter().zip(&walk.flags).map(|((_, name, _), n)| (*name, *n)).collect(),
    };
    if samples == 0 {
        return Err(AnalysisError::nothing(path, empty(&selection)));
    }
    let mut counts: [pattern::Counts; 2] = Default::default();
    for (watch, (m, _)) in walk.temporal.iter().zip(matrices(shapes)) {
        counts[m] = watch.counts(samples);
    }
    let never = |m: usize| {
        let both = counts[m].zero.iter().zip(&counts[m].undecided);
        both.map(|(zero, undecided)| zero + undecided == samples).collect::<Vec<_>>()
    };
    let parts = symmetry::Parts::new(&state, &never(0), control.len(), &never(1));
    let structure = symmetry::Structure::of(&recording)?;
    let global = walk.global.into_iter().zip(matrices(shapes)).map(|(watch, (m, matrix))| {
        let labels = [&state[..], if matrix == Matrix::A { &state } else { &control }];
        watch.result(&sums[m], &counts[m], labels, |zero, undecided| {
            structure.explain(matrix, shapes[m], labels, [zero, undecided], &parts)
        })
    });
    let global = global.collect();
    let geoms = if recording.has_coordinate(Axis::Geom) { recording.labels(Axis::Geom)? } else { Vec::new() };
    let task = recording.text_attribute(attribute::TASK).unwrap_or_default();
    Ok(Analysis {
        published: paper::published(&task),
        settings: settings.clone(),
        criterion,
        masks,
        selection,
        global,
        state: walk.state.into_iter().map(state::Watch::result).collect(),
        regimes: walk.regime_watch.result(shapes, &walk.regimes, &geoms),
        embedding: walk.reservoir.embed(&recording, settings)?,
        temporal: walk.temporal.iter().map(temporal::Watch::result).collect(),
        traces: walk.traces,
        thresholds: matrices(shapes)
            .filter(|_| numbers)
            .map(|(m, matrix)| threshold::result(matrix, shapes[m], &sums[m], &settings.thresholds, masks))
            .collect(),
        residuals: residuals(&recording)?,
        subject: Subject {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            file: path.display().to_string(),
            task,
            content_sha256: recording.text_attribute(attribute::CONTENT_SHA256),
            attributes: attributes(&recording),
            state,
            control,
        },
    })
}

/// Opens a recording; one that is not there may be under way.
fn open(path: &Path) -> Result<Recording, AnalysisError> {
    let mut parts = path.as_os_str().to_owned();
    parts.push(".parts");
    if !path.exists() && Path::new(&parts).is_dir() {
        return Err(AnalysisError::nothing(
            path,
            "is still being recorded: wait, or start its `dynsparse record` again if that was stopped",
        ));
    }
    let recording = Recording::open(path)?;
    if recording.text_attribute(attribute::RECIPE).is_none() {
        return Err(recording
            .foreign("is a shard of a recording that is not joined yet: analyse the joined file")
            .into());
    }
    Ok(recording)
}

/// Why nothing counts.
fn empty(selection: &Selection) -> String {
    let Selection { steps, unwanted, not_finite, .. } = selection;
    match (steps, unwanted, not_finite) {
        (0, ..) => "has no steps: record at least one".to_owned(),
        (_, 0, _) => format!("none of its {steps} steps has a finite Jacobian: look at its episode_end"),
        _ => format!(
            "no step is left of {steps}: {unwanted} are left out by their flags and {not_finite} are not finite; \
             change --exclude and --only"
        ),
    }
}

fn attributes(recording: &Recording) -> BTreeMap<String, serde_json::Value> {
    let value = |value: Attribute| match value {
        Attribute::Text(text) => text.into(),
        Attribute::Int(i) => i.into(),
        Attribute::Unsigned(u) => u.into(),
        Attribute::Float(x) => serde_json::json!(x),
    };
    recording.attributes().into_iter().filter(|(name, _)| name != "recipe").map(|(n, v)| (n, value(v))).collect()
}

/// Everything that sees the steps in their order.
struct Walk<'a> {
    offsets: &'a [usize],
    shapes: [Shape; 2],
    trace: Vec<Option<usize>>,
    flag_reader: FlagReader<'a>,
    /// The episode of the next step.
    episode: usize,
    previous: Option<regime::Regime>,
    contacts_before: Option<u32>,
    selection: [u64; 3],
    not_finite: Vec<usize>,
    flagged: u64,
    flags: [u64; StepFlags::TABLE.len()],
    regimes: Regimes<'a>,
    regime_watch: RegimeWatch,
    global: Vec<global::Watch>,
    state: Vec<state::Watch>,
    temporal: Vec<temporal::Watch>,
    reservoir: Reservoir,
    traces: Vec<Trace>,
}

impl<'a> Walk<'a> {
    fn new(
        recording: &'a Recording,
        settings: &AnalysisSettings,
        shapes: [Shape; 2],
        offsets: &'a [usize],
    ) -> Result<Self, AnalysisError> {
        let numbers: Vec<i64> = recording.episodes()?.iter().map(|e| e.episode).collect();
        let step_duration = recording.float_attribute(attribute::STEP_DURATION).unwrap_or(0.0);
        let traces: Vec<Trace> = settings
            .trace
            .iter()
            .filter(|episode| numbers.contains(episode))
            .map(|episode| Trace { episode: *episode, step_duration, steps: Vec::new() })
            .collect();
        Ok(Self {
            offsets,
            shapes,
            trace: numbers.iter().map(|n| traces.iter().position(|t| t.episode == *n)).collect(),
            flag_reader: FlagReader::new(recording)?,
            episode: 0,
            previous: None,
            contacts_before: None,
            selection: [0; 3],
            not_finite: Vec::new(),
            flagged: 0,
            flags: [0; StepFlags::TABLE.len()],
            regimes: Regimes::new(recording)?,
            regime_watch: RegimeWatch::default(),
            global: matrices(shapes).map(|(m, matrix)| global::Watch::new(matrix, shapes[m])).collect(),
            state: matrices(shapes).map(|(m, matrix)| state::Watch::new(matrix, shapes[m])).collect(),
            temporal: matrices(shapes).map(|(m, matrix)| temporal::Watch::new(matrix, shapes[m])).collect(),
            reservoir: Reservoir::new(settings),
            traces,
        })
    }

    fn step(&mut self, step: usize, used: Use, patterns: [pattern::Pattern<'_>; 2]) -> Result<(), AnalysisError> {
        while step >= self.offsets[self.episode + 1] {
            self.end_episodes(self.episode + 1);
        }
        let at = step - self.offsets[self.episode];
        let flags = self.flag_reader.step(step)?;
        self.flagged += u64::from(!flags.is_empty());
        for (count, (flag, ..)) in self.flags.iter_mut().zip(StepFlags::TABLE) {
            *count += u64::from(flags.contains(flag));
        }
        self.selection[used as usize] += 1;
        let regime = self.regimes.next(step)?;
        let event = self.contacts_before.replace(regime.contact_set).is_some_and(|set| set != regime.contact_set);
        let counts = used == Use::Counts;
        let mut found = [(0, 0); 2];
        if counts {
            let changed = self.previous.map(|before| temporal::changes(before, regime));
            for (i, (m, _)) in matrices(self.shapes).enumerate() {
                self.global[i].step(patterns[m]);
                found[m] = self.state[i].step(step, patterns[m]);
                self.temporal[i].step(at, patterns[m], found[m].0, changed);
            }
            self.regime_watch.step(regime, found);
            self.reservoir.step(step, self.sparsity(found), regime.contacts);
            self.previous = Some(regime);
        } else {
            self.temporal.iter_mut().for_each(|t| t.gap(at));
            self.previous = None;
            if used == Use::NotFinite && self.not_finite.last() != Some(&self.episode) {
                self.not_finite.push(self.episode);
            }
        }
        if let Some(trace) = self.trace[self.episode] {
            let share = |x: usize| x as f64 / self.shapes[0].entries().max(1) as f64;
            let [a, b] = if counts { self.sparsity(found) } else { [None; 2] };
            self.traces[trace].steps.push(TraceStep {
                step: at,
                sparsity_a: a,
                sparsity_b: b,
                undecided_a: counts.then(|| share(patterns[0].undecided())),
                contacts: regime.contacts,
                contact_event: event,
            });
        }
        Ok(())
    }

    /// Shares of zeros.
    fn sparsity(&self, found: [(u32, usize); 2]) -> [Option<f64>; 2] {
        let share = |m: usize| {
            let n = self.shapes[m].entries();
            (n > 0).then(|| found[m].1 as f64 / n as f64)
        };
        [share(0), share(1)]
    }

    /// Ends episodes until this one is next.
    fn end_episodes(&mut self, next: usize) {
        while self.episode < next {
            let length = self.offsets[self.episode + 1] - self.offsets[self.episode];
            self.global.iter_mut().for_each(global::Watch::end_episode);
            self.temporal.iter_mut().for_each(|t| t.end_episode(length));
            self.regime_watch.end_episode();
            (self.previous, self.contacts_before) = (None, None);
            self.episode += 1;
        }
    }
}
