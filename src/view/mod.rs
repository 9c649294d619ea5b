//! An episode as one page that opens from disk: the robot, A and B beside it, and the time line that both go along.
//!
//! `scene` is what is drawn, `motion` where it is, `events` what acts, `matrices` A and B, `pack` how numbers get into the page, `page`
//! the page. What runs in the browser is in `page/`, a script per concept.

mod axes;
mod error;
mod events;
mod matrices;
mod motion;
mod pack;
mod page;
mod scene;
mod thin;
mod video;

use std::ops::Range;

pub use error::ViewError;
pub use video::{Video, VideoFormat, VideoSettings};

use crate::dataset::Recording;
use crate::dataset::schema::{Axis, attribute};
use crate::render::{States, find_episode, step_duration};
use axes::Axes;
use events::{Contacts, Events};
use matrices::{Kept, Tally};
use motion::Motion;
use pack::{Pack, Packed};
use scene::Scene;

/// What to show.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewSettings {
    /// Number of the episode.
    pub episode: i64,
    /// Its first step.
    pub from: usize,
    /// Its last step; None: as far as the page has room.
    pub to: Option<usize>,
    /// Size of the page at most, bytes.
    pub budget: usize,
}

/// A page.
#[derive(Debug)]
pub struct View {
    /// The page.
    pub html: String,
    /// Steps of the episode that it shows.
    pub steps: Range<usize>,
    /// Steps that the episode has.
    pub length: usize,
    /// What it says about itself, a sentence each.
    pub notes: Vec<String>,
}

/// The least budget of a page: what style, script and a small model take.
const LEAST_BUDGET: usize = 200_000;

/// Parts of the budget that meshes and motions may take.
const MESHES: f64 = 0.4;
const MOTION: f64 = 0.3;

/// Numbers of A and B on a page at most: a browser has them unpacked.
const MOST_NUMBERS: usize = 100_000_000;

/// Steps that are tried where none are asked for.
const MOST_STEPS: usize = 5000;

/// Everything of a page, before it is text.
struct Parts {
    axes: Axes,
    scene: Scene,
    events: Events,
    kept: Kept,
    tally: Tally,
    dt: f64,
    episode: i64,
    end: String,
    steps: Range<usize>,
    length: usize,
    notes: Vec<String>,
    packs: Vec<(String, Packed)>,
}

impl View {
    /// Makes the page of an episode; `program` is what made it.
    ///
    /// # Errors
    /// [`ViewError::Setting`] for an episode or steps that there are not, and where the page would be larger than its budget; others when
    /// the recording or its model cannot be used.
    pub fn new(recording: &Recording, settings: &ViewSettings, program: &str) -> Result<Self, ViewError> {
        let file = recording.path().display();
        let (at, episode) = find_episode(recording, settings.episode)?;
        let length = episode.length.max(0) as usize;
        let asked = steps(settings, length).map_err(|reason| ViewError::Setting(format!("{file}: {reason}")))?;
        let dt = step_duration(recording)?;
        let kept = Kept::of(recording)?;
        let mut states = States::new(recording)?;
        let model = states.model().clone();
        let axes = Axes::new(recording, &model)?;
        let names = recording.labels(Axis::Geom)?;
        let (scene, meshes) = Scene::new(&model, &names, part(settings.budget, MESHES))?;
        let meshes = meshes.packed()?;

        let rows = Rows { recording, first: recording.offsets()?[at] };
        let mut parts = Parts {
            axes,
            events: Events::default(),
            kept,
            tally: Tally::default(),
            dt,
            episode: settings.episode,
            end: episode.end,
            steps: asked.clone(),
            length,
            notes: scene.notes.iter().cloned().chain(kept.note()).collect(),
            packs: vec![("scene".to_owned(), meshes)],
            scene,
        };
        parts.add_matrices(&rows, asked, settings)?;
        parts.add_motion(&rows, &mut states, settings)?;
        let html = page::page(recording, &parts, program)?;
        Ok(Self { html, steps: parts.steps, length, notes: parts.notes })
    }
}

/// The rows of an episode.
struct Rows<'r> {
    recording: &'r Recording,
    /// The row of its first step.
    first: usize,
}

impl Rows<'_> {
    fn of(&self, steps: &Range<usize>) -> Range<usize> {
        self.first + steps.start..self.first + steps.end
    }
}

impl Parts {
    /// Adds A and B of so many of the steps as the budget holds, and leaves room for what moves.
    fn add_matrices(&mut self, rows: &Rows<'_>, steps: Range<usize>, settings: &ViewSettings) -> Result<(), ViewError> {
        let motion = self.scene.motion_bytes().saturating_mul(steps.len()).min(part(settings.budget, MOTION));
        let taken = page::own_size(rows.recording, self)? + motion;
        let mut room = settings.budget.saturating_sub(taken);
        let mut end = steps.start;
        while end < steps.end {
            let block = end..(end + self.kept.block).min(steps.end);
            let packed = self.kept.block(rows.recording, rows.of(&block), &mut self.tally)?.packed()?;
            let numbers = (block.end - steps.start).saturating_mul(self.kept.entries());
            let left = room.checked_sub(packed.base64.len() + page::PACK);
            let Some(left) = left.filter(|_| numbers <= MOST_NUMBERS) else { break };
            room = left;
            self.packs.push((format!("block{}", (end - steps.start) / self.kept.block), packed));
            end = block.end;
        }
        if end == steps.start && settings.to.is_none() {
            end = self.add_part_of_a_block(rows, &steps, room)?;
        }
        if end == steps.start || (settings.to.is_some() && end < steps.end) {
            return Err(too_large(rows.recording, settings, &format!("A and B of {} steps", steps.len())));
        }
        self.steps = steps.start..end;
        Ok(())
    }

    /// Adds as many steps as have room where those of a block have not, and says behind which it ends.
    fn add_part_of_a_block(&mut self, rows: &Rows<'_>, steps: &Range<usize>, room: usize) -> Result<usize, ViewError> {
        let mut n = self.kept.block.min(steps.len()) / 2;
        while n > 0 {
            self.tally = Tally::default();
            let part = steps.start..steps.start + n;
            let packed = self.kept.block(rows.recording, rows.of(&part), &mut self.tally)?.packed()?;
            if packed.base64.len() + page::PACK <= room {
                self.packs.push(("block0".to_owned(), packed));
                return Ok(part.end);
            }
            n /= 2;
        }
        Ok(steps.start)
    }

    /// Adds what moves and what acts along the steps, and leaves out the last of them where a page has no room for that.
    fn add_motion(
        &mut self,
        rows: &Rows<'_>,
        states: &mut States<'_>,
        settings: &ViewSettings,
    ) -> Result<(), ViewError> {
        let model = states.model().clone();
        let (packed, strange) = loop {
            let contacts = Contacts::new(rows.recording, rows.of(&self.steps))?;
            self.events = Events::new(rows.recording, &model, &contacts, rows.of(&self.steps))?;
            let motion = Motion::new(states, &self.scene, &contacts, rows.of(&self.steps))?;
            let mut pack = Pack::default();
            motion.pack(&mut pack);
            self.events.pack(&mut pack);
            self.tally.pack(&mut pack, self.steps.len());
            let packed = pack.packed()?;
            if page::own_size(rows.recording, self)? + packed.base64.len() <= settings.budget {
                break (packed, motion.strange);
            }
            let (n, block) = (self.steps.len(), self.kept.block);
            if settings.to.is_some() || n <= block {
                return Err(too_large(rows.recording, settings, &format!("the motions of {n} steps")));
            }
            let blocks = n.div_ceil(block) / 2;
            self.steps.end = self.steps.start + blocks * block;
            self.packs.truncate(1 + blocks);
        };
        if strange > 0 {
            self.notes.push(format!(
                "Points of contact are not drawn at {strange} steps: MuJoCo does not find the recorded contacts again."
            ));
        }
        if self.steps.end < self.length && settings.to.is_none() {
            self.notes.push(format!(
                "Steps {} to {} of {} are shown: as many as the page has room for.",
                self.steps.start,
                self.steps.end - 1,
                self.length
            ));
        }
        self.packs.insert(1, ("motion".to_owned(), packed));
        Ok(())
    }
}

fn part(budget: usize, share: f64) -> usize {
    (budget as f64 * share) as usize
}

fn too_large(recording: &Recording, settings: &ViewSettings, what: &str) -> ViewError {
    ViewError::Setting(format!(
        "{}: {what} do not fit into a page of {} MB; show fewer steps (--from, --to) or allow more (--budget-mb)",
        recording.path().display(),
        settings.budget as f64 / 1e6
    ))
}

/// The steps to show of an episode of `length` steps.
fn steps(settings: &ViewSettings, length: usize) -> Result<Range<usize>, String> {
    let ViewSettings { episode, from, to, budget } = *settings;
    if budget < LEAST_BUDGET {
        return Err(format!("a budget of {} MB holds no page; give at least 0.2", budget as f64 / 1e6));
    }
    let shown = shown_steps(episode, from, to, length)?;
    Ok(if to.is_some() { shown } else { from..length.min(from + MOST_STEPS) })
}

/// The steps from the first to the last one that are asked for, None for the last one that there is, of an episode of `length`.
fn shown_steps(episode: i64, from: usize, to: Option<usize>, length: usize) -> Result<Range<usize>, String> {
    if length == 0 {
        return Err(format!("episode {episode} has no step, so there is nothing to show; choose another one"));
    }
    if let Some(step) = [Some(from), to].into_iter().flatten().find(|step| *step >= length) {
        return Err(format!("episode {episode} has no step {step}; its steps are 0 to {}", length - 1));
    }
    match to {
        Some(to) if to < from => Err(format!("the last step, {to}, comes before the first one, {from}")),
        to => Ok(from..to.map_or(length, |to| to + 1)),
    }
}

/// What the file says of itself, in one line.
fn subject(recording: &Recording) -> (String, String) {
    let text = |name: &str| recording.text_attribute(name).unwrap_or_default();
    let title = match text(attribute::TASK) {
        task if task.is_empty() => recording.path().file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        task => task,
    };
    (title, text(attribute::POLICY))
}
