//! What acts at each step: pairs of geoms that touch, limits and other constraints, flags; and how sparse A and B are.

use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;

use super::ViewError;
use super::pack::Pack;
use crate::dataset::Recording;
use crate::dataset::schema::{Axis, CONSTRAINT_STATES, CONSTRAINT_TYPES, RAGGED, Ragged, Var};
use crate::physics::Model;

/// The state of a constraint row that does nothing.
const SATISFIED: u8 = 0;

/// Pairs of geoms and constraints that act at any of the steps, and the flags there are.
#[derive(Debug, Default, Serialize)]
pub(super) struct Events {
    /// Geoms that touch, by number; -1 for a flex.
    pub(super) pairs: Vec<[i32; 2]>,
    /// Constraints but those of contacts.
    pub(super) constraints: Vec<Constraint>,
    /// What the states of constraints are called.
    states: Vec<&'static str>,
    /// Bit, name and meaning of each flag.
    flags: Vec<(u32, &'static str, &'static str)>,
    #[serde(skip)]
    series: Series,
}

/// A constraint that acts at some step.
#[derive(Debug, Serialize)]
pub(super) struct Constraint {
    /// Its type, as a recording has it.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// What it belongs to.
    pub(super) name: String,
}

/// Lists by step, one after the other: `first` has where each begins, then their length.
#[derive(Debug, Default)]
struct Series {
    time: Vec<f64>,
    flags: Vec<u32>,
    kink: Vec<f32>,
    touch_first: Vec<u32>,
    touch_pair: Vec<u32>,
    touch_steps: Vec<u16>,
    touch_dist: Vec<f32>,
    acting_first: Vec<u32>,
    acting: Vec<u32>,
    acting_state: Vec<u8>,
}

/// Which rows of a table belong to each of some steps.
struct StepLists {
    /// Those of all the steps.
    all: Range<usize>,
    /// By step, its first one among these; then their number.
    bounds: Vec<usize>,
}

impl StepLists {
    /// Of the steps in some rows of the file, of which there is one at least.
    fn of(recording: &Recording, table: Ragged, rows: Range<usize>) -> Result<Self, ViewError> {
        let first: Vec<i64> = recording.read(table.offset, rows.start..rows.start + 1)?;
        let counts: Vec<i32> = recording.read(table.count, rows)?;
        let mut bounds = vec![0];
        let mut end = 0;
        for count in counts {
            end += count.max(0) as usize;
            bounds.push(end);
        }
        // Both were found to fit when the file was opened.
        let first = first[0] as usize;
        Ok(Self { all: first..first + end, bounds })
    }

    /// Those of a step.
    fn of_step(&self, step: usize) -> Range<usize> {
        self.bounds[step]..self.bounds[step + 1]
    }
}

/// The contacts at the start of some steps.
pub(super) struct Contacts {
    lists: StepLists,
    /// Geoms and distance, m.
    all: Vec<([i32; 2], f64)>,
}

impl Contacts {
    /// Of the steps in some rows of the file.
    pub(super) fn new(recording: &Recording, rows: Range<usize>) -> Result<Self, ViewError> {
        let vars = [Var::ContactGeom1, Var::ContactGeom2, Var::ContactDist];
        if !vars.iter().all(|var| recording.has(*var)) {
            let lists = StepLists { all: 0..0, bounds: vec![0; rows.len() + 1] };
            return Ok(Self { lists, all: Vec::new() });
        }
        let lists = StepLists::of(recording, RAGGED[0], rows)?;
        let read = |var| recording.read::<i32>(var, lists.all.clone());
        let geoms = read(vars[0])?.into_iter().zip(read(vars[1])?).map(<[i32; 2]>::from);
        let all = geoms.zip(recording.read::<f64>(vars[2], lists.all.clone())?).collect();
        Ok(Self { lists, all })
    }

    /// Those of a step.
    pub(super) fn of_step(&self, step: usize) -> &[([i32; 2], f64)] {
        &self.all[self.lists.of_step(step)]
    }
}

impl Events {
    /// What acts at the steps in some rows of the file.
    pub(super) fn new(
        recording: &Recording,
        model: &Model,
        contacts: &Contacts,
        rows: Range<usize>,
    ) -> Result<Self, ViewError> {
        let mut events = Self {
            states: CONSTRAINT_STATES.to_vec(),
            flags: crate::flags::StepFlags::TABLE
                .iter()
                .map(|(flag, name, what)| (flag.bits(), *name, *what))
                .collect(),
            ..Self::default()
        };
        let series = &mut events.series;
        series.time = recording.read(Var::Time, rows.clone())?;
        series.flags = match recording.has(Var::Flags) {
            true => recording.read(Var::Flags, rows.clone())?,
            false => vec![0; rows.len()],
        };
        series.kink = match recording.has(Var::Kink) {
            true => recording.read::<f64>(Var::Kink, rows.clone())?.into_iter().map(|x| x as f32).collect(),
            false => vec![f32::NAN; rows.len()],
        };
        let mut known = Known::new(recording, model)?;
        events.touches(recording, &mut known, contacts, rows.clone())?;
        events.rows(recording, &mut known, rows)?;
        events.series.touch_first.push(events.series.touch_pair.len() as u32);
        events.series.acting_first.push(events.series.acting.len() as u32);
        Ok(events)
    }

    /// Pairs of geoms that touch within a step: in how many of its physics steps, and how near they are at its start.
    fn touches(
        &mut self,
        recording: &Recording,
        known: &mut Known,
        contacts: &Contacts,
        rows: Range<usize>,
    ) -> Result<(), ViewError> {
        let steps = rows.len();
        let touched = match recording.has(Var::Ntouch) {
            true => {
                let lists = StepLists::of(recording, RAGGED[2], rows)?;
                let [one, two, times] = [Var::TouchGeom1, Var::TouchGeom2, Var::TouchSteps]
                    .map(|var| recording.read::<i32>(var, lists.all.clone()));
                let pairs = one?.into_iter().zip(two?).map(<[i32; 2]>::from);
                let times = times?.into_iter().map(|n| n.clamp(0, u16::MAX.into()) as u16);
                Some((lists, pairs.zip(times).collect::<Vec<_>>()))
            }
            false => None,
        };
        for step in 0..steps {
            let contacts = contacts.of_step(step);
            let found = match &touched {
                Some((lists, all)) => all[lists.of_step(step)].to_vec(),
                None => {
                    let mut found: Vec<_> = contacts.iter().map(|(geoms, _)| (sorted(*geoms), 1)).collect();
                    found.sort_unstable();
                    found.dedup();
                    found
                }
            };
            self.series.touch_first.push(self.series.touch_pair.len() as u32);
            for (pair, times) in found {
                let next = self.pairs.len();
                let number = *known.pairs.entry(pair).or_insert(next);
                if number == next {
                    self.pairs.push(pair);
                }
                let own = contacts.iter().filter(|(geoms, _)| sorted(*geoms) == pair).map(|(_, dist)| *dist as f32);
                self.series.touch_pair.push(number as u32);
                self.series.touch_steps.push(times);
                self.series.touch_dist.push(own.fold(f32::NAN, f32::min));
            }
        }
        Ok(())
    }

    /// Constraint rows that act, but those of contacts; a constraint counts once.
    fn rows(&mut self, recording: &Recording, known: &mut Known, rows: Range<usize>) -> Result<(), ViewError> {
        if !recording.has(Var::ConstraintType) {
            self.series.acting_first.extend(vec![0; rows.len()]);
            return Ok(());
        }
        let steps = rows.len();
        let lists = StepLists::of(recording, RAGGED[1], rows)?;
        let (kinds, states): (Vec<u8>, Vec<u8>) = (
            recording.read(Var::ConstraintType, lists.all.clone())?,
            recording.read(Var::ConstraintState, lists.all.clone())?,
        );
        let ids: Vec<i32> = recording.read(Var::ConstraintId, lists.all.clone())?;
        for step in 0..steps {
            self.series.acting_first.push(self.series.acting.len() as u32);
            let mut last = None;
            for at in lists.of_step(step) {
                let (kind, state, id) = (kinds[at], states[at], ids[at]);
                let Some(name) = CONSTRAINT_TYPES.get(usize::from(kind)) else { continue };
                if name.starts_with("contact") || state == SATISFIED || last == Some((kind, id)) {
                    continue;
                }
                last = Some((kind, id));
                let next = self.constraints.len();
                let number = *known.constraints.entry((kind, id)).or_insert(next);
                if number == next {
                    self.constraints.push(Constraint { kind: name, name: known.name(name, id) });
                }
                self.series.acting.push(number as u32);
                self.series.acting_state.push(state);
            }
        }
        Ok(())
    }

    /// Time (s), flags and kink (NaN where none was measured) of a step.
    pub(super) fn marks(&self, step: usize) -> (f64, u32, f32) {
        (self.series.time[step], self.series.flags[step], self.series.kink[step])
    }

    /// What touches at a step: geoms, in how many of its physics steps, and how far apart they are at its start, m (NaN where they do
    /// not touch there).
    pub(super) fn touching(&self, step: usize) -> impl Iterator<Item = ([i32; 2], u16, f32)> {
        let series = &self.series;
        let own = series.touch_first[step] as usize..series.touch_first[step + 1] as usize;
        own.map(|at| (self.pairs[series.touch_pair[at] as usize], series.touch_steps[at], series.touch_dist[at]))
    }

    /// Constraints that act at a step but those of contacts, and in which state.
    pub(super) fn acting(&self, step: usize) -> impl Iterator<Item = (&Constraint, &'static str)> {
        let series = &self.series;
        let own = series.acting_first[step] as usize..series.acting_first[step + 1] as usize;
        let state = |at: usize| self.states.get(usize::from(series.acting_state[at])).copied().unwrap_or_default();
        own.map(move |at| (&self.constraints[series.acting[at] as usize], state(at)))
    }

    /// Adds its numbers to a pack.
    pub(super) fn pack(&self, pack: &mut Pack) {
        let series = &self.series;
        pack.add("time", &series.time);
        pack.add("flags", &series.flags);
        pack.add("kink", &series.kink);
        pack.add("touchFirst", &series.touch_first);
        pack.add("touchPair", &series.touch_pair);
        pack.add("touchSteps", &series.touch_steps);
        pack.add("touchDist", &series.touch_dist);
        pack.add("actingFirst", &series.acting_first);
        pack.add("acting", &series.acting);
        pack.add("actingState", &series.acting_state);
    }
}

fn sorted([a, b]: [i32; 2]) -> [i32; 2] {
    [a.min(b), a.max(b)]
}

/// What has been met, and names.
struct Known {
    pairs: HashMap<[i32; 2], usize>,
    constraints: HashMap<(u8, i32), usize>,
    dofs: Vec<String>,
    joints: Vec<String>,
    tendons: Vec<String>,
}

impl Known {
    fn new(recording: &Recording, model: &Model) -> Result<Self, ViewError> {
        Ok(Self {
            pairs: HashMap::new(),
            constraints: HashMap::new(),
            dofs: recording.labels(Axis::Dof)?,
            joints: model.names().joint.clone(),
            tendons: model.tendon_looks().into_iter().map(|look| look.0).collect(),
        })
    }

    /// The name of what a constraint of a type belongs to.
    fn name(&self, kind: &str, id: i32) -> String {
        let of = match kind {
            "friction_dof" => &self.dofs[..],
            "limit_joint" => &self.joints,
            "friction_tendon" | "limit_tendon" => &self.tendons,
            _ => &[],
        };
        let found = usize::try_from(id).ok().and_then(|id| of.get(id));
        found.cloned().unwrap_or_else(|| format!("{kind} {id}"))
    }
}
