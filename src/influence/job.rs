//! From a recording to a file of graphs.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::json;

use super::parts::RowParts;
use super::row::{Dimensions, ROW_CODES, RowFound, STATUS, STUDIED};
use super::second::{KINDS, SecondOrder};
use super::start::Starts;
use super::tally::{SizeSummary, Tally};
use super::unit::units;
use super::{InfluenceError, InfluenceSettings};
use crate::dataset::schema::{ElementType, Var, attribute};
use crate::dataset::{ArrayAxis, ArrayVariable, ArrayWriter, Attribute, AxisEntries, INFLUENCE, Recording};
use crate::files::{FileKind, Inputs, Output, publish, resolve};
use crate::jacobian::{EngineSpec, Interventions};
use crate::physics::{Model, mujoco_version};
use crate::record::{COMMIT, MOST_THREADS, Recipe, Restored, restored};
use crate::zero::ZeroVerdict;

/// Bytes of what is found at one row, at most.
const MOST_BYTES: usize = 1 << 30;

/// A recording made ready to be intervened in.
pub struct Study<'r> {
    recording: &'r Recording,
    settings: InfluenceSettings,
    recipe: Recipe,
    model: Arc<Model>,
    /// Sizes by input, of every size.
    sizes: Vec<Vec<f64>>,
    units: Vec<f64>,
    /// The rows that are studied.
    rows: Vec<usize>,
    dimensions: Dimensions,
}

/// How to run a study, which does not change its result.
#[derive(Debug)]
pub struct InfluenceRun<'a> {
    /// The file to write.
    pub output: &'a Path,
    /// Worker threads.
    pub threads: usize,
    /// Replace an output, or unfinished work of other settings.
    pub force: bool,
    /// Set when the work is to stop.
    pub stop: &'a AtomicBool,
}

/// What a study has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InfluenceOutcome {
    /// The task.
    pub task: String,
    /// What was asked for.
    pub settings: InfluenceSettings,
    /// Rows that were sampled.
    pub rows: usize,
    /// Rows left out of the summaries by their flags.
    pub flagged: usize,
    /// Rows whose recorded steps could not be simulated again, or diverge by themselves.
    pub not_studied: usize,
    /// By size, A and B apart.
    pub summaries: Vec<SizeSummary>,
}

/// Told what happens. Called from the workers.
pub trait InfluenceProgress: Sync {
    /// `done` of `rows` rows are there.
    fn rows(&self, done: usize, rows: usize);
}

impl<'r> Study<'r> {
    /// Compiles the model and chooses the rows: as evenly spread over those that have `horizon` rows left as can be.
    ///
    /// # Errors
    /// [`InfluenceError`] for settings that make no sense and recordings that cannot be intervened in.
    pub fn new(recording: &'r Recording, settings: InfluenceSettings) -> Result<Self, InfluenceError> {
        settings.validate()?;
        let Restored { recipe, task, .. } = restored(recording)?;
        let model = Arc::new(task.model(recipe.job.solver)?);
        let refuse = |text: String| Err(InfluenceError::Setting(format!("{}: {text}", recording.path().display())));
        if model.sleeps() {
            return refuse(
                "trees of its model sleep, and what an intervention on one that sleeps means is not settled here"
                    .to_owned(),
            );
        }
        if let [first, ..] = &model.held_state()[..] {
            return refuse(format!(
                "its model has {first}, which the recording does not hold, so that no row can be simulated by itself"
            ));
        }
        if !recording.has(Var::AZero) {
            return refuse("it was recorded without the zero test, so there are no zeros to compare with; record it without --no-zero-test".to_owned());
        }
        if settings.horizon > 1 && recording.has(Var::Residual) {
            return refuse("its rows are those of a robot's log, each set from the log, so that none follows from the one before; leave out --horizon".to_owned());
        }
        let units = units(recording, &model, settings.unit)?;
        let sizes = settings.sizes.iter().map(|size| units.iter().map(|unit| size * unit).collect()).collect();
        let starts = Starts::new(recording, &model, recipe.job.substeps_per_row())?;
        let rows = spread(&starts.rows(settings.horizon), settings.rows);
        if rows.is_empty() {
            return refuse(format!("none of its episodes has {} rows; lower horizon", settings.horizon));
        }
        let layout = model.layout();
        let dimensions = Dimensions {
            sizes: settings.sizes.len(),
            ndx: layout.ndx(),
            inputs: layout.inputs(),
            radius: settings.radius,
            second: settings.second,
        };
        let bytes = dimensions.entries().saturating_mul(8 * dimensions.sizes + 32);
        if bytes > MOST_BYTES {
            return refuse(format!(
                "one row has {:.1} GB of results, the most is {:.1} GB; give fewer sizes",
                bytes as f64 / 1e9,
                MOST_BYTES as f64 / 1e9
            ));
        }
        Ok(Self { recording, settings, recipe, model, sizes, units, rows, dimensions })
    }

    fn horizon(&self) -> usize {
        self.settings.horizon
    }

    /// What decides every row, as JSON with sorted keys.
    fn identity(&self) -> String {
        let content = self.recording.text_attribute(attribute::CONTENT_SHA256);
        let program = json!({"dynsparse": env!("CARGO_PKG_VERSION"), "commit": COMMIT, "mujoco": mujoco_version()});
        json!({"recording": content, "settings": self.settings, "program": program}).to_string()
    }

    /// Studies one row.
    fn row(&self, worker: &mut Worker<'_>, row: usize) -> Result<RowFound, InfluenceError> {
        let Worker { starts, steps, second } = worker;
        let start = starts.start(row, self.horizon())?;
        let derivatives = starts.derivatives(row, self.horizon())?;
        let mut found = RowFound::find(self.dimensions, &start, &derivatives, (&self.sizes, &self.units), steps)?;
        if let Some(second) = second.as_mut().filter(|_| found.code == STUDIED) {
            second.find(self.dimensions, &start, &self.units, &mut found)?;
        }
        Ok(found)
    }

    /// Finds the rows that are missing, on all threads.
    fn work(
        &self,
        parts: &RowParts,
        run: &InfluenceRun<'_>,
        progress: &dyn InfluenceProgress,
    ) -> Result<(), InfluenceError> {
        let total = self.rows.len();
        let mut missing = Vec::new();
        for number in 0..total {
            if parts.finished(number)?.is_none() {
                missing.push(number);
            }
        }
        let done = AtomicUsize::new(total - missing.len());
        progress.rows(done.load(Ordering::Relaxed), total);
        let (next, first) = (AtomicUsize::new(0), Mutex::new(None::<InfluenceError>));
        let failed = |error| {
            first.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
        };
        let substeps = self.recipe.job.substeps_per_row();
        let worker = || -> Result<(), InfluenceError> {
            let spec = self.recipe.job.jacobian.resolve(&self.model).spec;
            let second = || SecondOrder::new(&self.model, &EngineSpec { sensors: false, ..spec }, substeps);
            let mut worker = Worker {
                starts: Starts::new(self.recording, &self.model, substeps)?,
                steps: Interventions::new(&self.model, substeps)?,
                second: self.settings.second.then(second).transpose()?,
            };
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(number) = missing.get(at) else { return Ok(()) };
                if run.stop.load(Ordering::Relaxed) {
                    return Err(InfluenceError::Stopped);
                }
                parts.keep(*number, &self.row(&mut worker, self.rows[*number])?)?;
                progress.rows(1 + done.fetch_add(1, Ordering::Relaxed), total);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..run.threads.clamp(1, missing.len().clamp(1, MOST_THREADS)) {
                scope.spawn(|| {
                    if let Err(error) = worker() {
                        next.store(total, Ordering::Relaxed);
                        failed(error);
                    }
                });
            }
        });
        first.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Joins the rows into a file, and counts them.
    fn join(&self, parts: &RowParts, draft: &Path) -> Result<InfluenceOutcome, InfluenceError> {
        let mut writer = ArrayWriter::create(draft, self.axes(), variables(&self.settings))?;
        let mut tally = Tally::new(self.dimensions, self.settings.excluded()?);
        let offsets = self.recording.offsets()?;
        let episodes = self.recording.episodes()?;
        for (number, row) in self.rows.iter().enumerate() {
            let found = parts.finished(number)?;
            let found = found.ok_or_else(|| self.recording.foreign("a finished row of its study is gone"))?;
            let at = offsets.partition_point(|first| first <= row) - 1;
            let episode = episodes[at].episode;
            tally.add(episode, &found);
            let place = [*row as i64, episode, (row - offsets[at]) as i64].map(i64::to_le_bytes);
            let [flags, code] = [&found.flags.bits().to_le_bytes()[..], &[found.code]];
            let off = found.off.to_le_bytes();
            let mut values = vec![&place[0][..], &place[1], &place[2], flags, code, &off];
            let columns = found.columns();
            // What was not asked for is empty.
            values.extend(columns.iter().filter(|column| !column.is_empty()));
            writer.row(&values)?;
        }
        let outcome = InfluenceOutcome {
            task: self.recording.text_attribute(attribute::TASK).unwrap_or_default(),
            settings: self.settings.clone(),
            rows: self.rows.len(),
            flagged: tally.flagged,
            not_studied: tally.not_studied,
            summaries: tally.summaries(&self.settings.sizes),
        };
        let about = "what a size of 1 is, by input: 1, its standard deviation or its range in the recording";
        writer.finish(&[("unit_of_input", "input", about, self.units.clone())], &self.attributes(&outcome))?;
        Ok(outcome)
    }

    fn attributes(&self, outcome: &InfluenceOutcome) -> Vec<(&'static str, Attribute)> {
        let copied = |name: &'static str| Some((name, Attribute::Text(self.recording.text_attribute(name)?)));
        let mut all: Vec<(&str, Attribute)> =
            vec![("format", INFLUENCE.0.into()), ("format_version", Attribute::Int(INFLUENCE.1))];
        all.extend([attribute::TASK, attribute::SUITE, attribute::STEP_KIND].into_iter().filter_map(copied));
        let content = self.recording.text_attribute(attribute::CONTENT_SHA256).unwrap_or_default();
        all.extend([
            ("recording_content_sha256", Attribute::Text(content)),
            ("unit", self.settings.unit.name().into()),
            ("horizon", Attribute::Int(self.horizon() as i64)),
            ("settings", Attribute::Text(self.identity())),
            (
                "solver",
                "the model's, run to its end (Newton to rounding), from a cold start as the Jacobian's whole steps"
                    .into(),
            ),
            ("summary", Attribute::Text(serde_json::to_string(outcome).unwrap_or_default())),
            (attribute::DYNSPARSE_VERSION, env!("CARGO_PKG_VERSION").into()),
            (attribute::GIT_COMMIT, COMMIT.into()),
            (attribute::MUJOCO_VERSION, mujoco_version().into()),
        ]);
        all
    }

    fn axes(&self) -> Vec<ArrayAxis> {
        let names = self.model.names();
        let inputs = names.state().into_iter().chain(names.ctrl.iter().map(|name| format!("ctrl:{name}"))).collect();
        let axis = |name, about, entries| ArrayAxis { name, about, entries };
        vec![
            axis("row", "rows that were studied", AxisEntries::Rows),
            axis(
                "size",
                "size of an intervention, in the attribute unit",
                AxisEntries::Numbers(self.settings.sizes.clone()),
            ),
            axis("sign", "1: upwards, -1: downwards", AxisEntries::Numbers(vec![1.0, -1.0])),
            axis(
                "state_next",
                "the state in its tangent space, horizon rows later",
                AxisEntries::Labels(names.state()),
            ),
            axis(
                "input",
                "what is intervened on: the state in its tangent space, then the controls of the row",
                AxisEntries::Labels(inputs),
            ),
        ]
    }
}

/// What a thread works with.
struct Worker<'r> {
    starts: Starts<'r>,
    steps: Interventions,
    second: Option<SecondOrder>,
}

/// At most `n` of some rows, the middles of so many even parts.
fn spread(rows: &[usize], n: usize) -> Vec<usize> {
    let n = n.min(rows.len());
    (0..n).map(|i| rows[(2 * i + 1) * rows.len() / (2 * n)]).collect()
}

fn variables(settings: &InfluenceSettings) -> Vec<ArrayVariable> {
    let of = |name, kind, axes: &[&'static str], about| ArrayVariable {
        name,
        kind,
        axes: axes.to_vec(),
        about,
        codes: &[],
        bits: &[],
    };
    let coded = |codes, variable| ArrayVariable { codes, ..variable };
    let masked = |variable| ArrayVariable { bits: &STATUS, ..variable };
    use ElementType::{F32, F64, I64, U8, U32};
    let mut all = vec![
        of("row_in_recording", I64, &[], "number of the row in the recording (axis step there)"),
        of("episode", I64, &[], "number of its episode"),
        of("step_in_episode", I64, &[], "its number within the episode"),
        of("flags", U32, &[], "flags of the row, of all rows up to the horizon, as in the recording"),
        coded(
            &ROW_CODES,
            of("row_status", U8, &[], "whether the row was studied: its recorded steps could be simulated again"),
        ),
        of(
            "restored_within",
            F64,
            &[],
            "largest distance of the states that were simulated again from the recorded ones, relative to their size or 1",
        ),
        of(
            "applied",
            F64,
            &["size", "sign", "input"],
            "size that was applied, with its sign: what the range of a control has left of size times unit_of_input",
        ),
        masked(of(
            "status",
            U8,
            &["size", "sign", "input"],
            "what switches within the intervened steps and not without the intervention, and what became of it",
        )),
        of(
            "change",
            F32,
            &["size", "sign", "state_next", "input"],
            "state after the intervention minus state without it, in the tangent space; NaN where it was not applied or has diverged",
        ),
        coded(
            &CHANGE_CODES,
            of(
                "verdict",
                U8,
                &["size", "state_next", "input"],
                "whether an intervention of the size, to either side, changes the entry beyond rounding",
            ),
        ),
        of(
            "linear_error",
            F32,
            &["size", "sign", "input"],
            "|change - A applied| / |change|, every entry of the state over its unit_of_input: how far off the Jacobian alone is; NaN where the recording keeps no numbers of it",
        ),
        coded(
            &ZeroVerdict::NAMES,
            of(
                "jacobian",
                U8,
                &["state_next", "input"],
                "zero test of the recorded Jacobian (A, then B); of several rows, of their product",
            ),
        ),
        of("noise", F32, &["state_next"], "largest measured noise of the entry: what rounding makes of it"),
    ];
    if settings.radius {
        let axes = ["sign", "state_next", "input"];
        let about = "least size (in the units of the input itself) that changes an entry which the Jacobian calls zero; the smallest size where that does already, infinite where none up to the largest does, NaN where that is undecided or the Jacobian says otherwise";
        all.push(of("radius", F64, &axes, about));
        all.push(masked(of("radius_status", U8, &axes, "what switches there")));
    }
    if settings.second {
        let axes = ["size", "state_next", "input"];
        let about = "how an entry of the Jacobian changes when any input is changed by the size";
        all.push(coded(&KINDS, of("second", U8, &axes, about)));
        all.push(of("second_change", F32, &axes, "the most by which an entry of the Jacobian changes then"));
        let about = "|J after the intervention - J| / |J|, J = [A, B], every entry over the units of its output and its input: how large the second order is against the first";
        all.push(of("second_share", F32, &["size", "sign", "input"], about));
    }
    all
}

/// Names of the verdicts on an intervention; the numbers are those of the zero test.
const CHANGE_CODES: [&str; 3] = ["changed", "unchanged", "undecided"];

/// Runs a study.
///
/// # Errors
/// [`InfluenceError`]; finished rows are kept in every case, and the same study goes on from them.
pub fn influence(
    study: &Study<'_>,
    run: &InfluenceRun<'_>,
    progress: &dyn InfluenceProgress,
) -> Result<InfluenceOutcome, InfluenceError> {
    let _claimed = Output::claim(run.output, FileKind::Hdf5, &Inputs::new([study.recording.path()]))?;
    let output = resolve(run.output)?;
    if output.exists() && !run.force && !RowParts::are_there(&output, &study.identity()) {
        let text = format!("{} exists already; choose another name, or --force to replace it", run.output.display());
        return Err(InfluenceError::Setting(text));
    }
    if Recording::open(&output).is_ok() {
        let text =
            format!("{} is a recording, which a study does not replace; choose another name", run.output.display());
        return Err(InfluenceError::Setting(text));
    }
    let parts = RowParts::open(&output, &study.identity(), study.dimensions, run.force)?;
    study.work(&parts, run, progress)?;
    let draft = parts.draft();
    let outcome = study.join(&parts, &draft).inspect_err(|_| drop(std::fs::remove_file(&draft)))?;
    if outcome.not_studied == outcome.rows {
        drop(std::fs::remove_file(&draft));
        let text = format!(
            "{}: the simulator does not come from any of {} sampled rows to the recorded next state, so there is nothing to \
             intervene in: each row may be set from elsewhere (a replay of states), another machine or version may have recorded it, or the file is damaged; `dynsparse verify` says more",
            study.recording.path().display(),
            outcome.rows
        );
        parts.remove()?;
        return Err(InfluenceError::Setting(text));
    }
    publish(&draft, &output).inspect_err(|_| drop(std::fs::remove_file(&draft)))?;
    parts.remove()?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn rows_are_the_middles_of_even_parts() {
        let rows: Vec<usize> = (100..110).collect();
        assert_eq!(spread(&rows, 1), [105]);
        assert_eq!(spread(&rows, 2), [102, 107]);
        assert_eq!(spread(&rows, 10), rows);
        assert_eq!(spread(&rows, 99), rows);
        assert!(spread(&[], 3).is_empty());
    }
}
