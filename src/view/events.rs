//! What acts at each step: pairs of geoms that touch, limits and other constraints, flags; and how sparse A and B are.

use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;

use super::ViewError;
use super::motion::CONTACT;
use super::pack::Pack;
use crate::dataset::Recording;
use crate::dataset::schema::{Axis, CONSTRAINT_STATES, CONSTRAINT_TYPES, Var};
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
    kind: &'static str,
    /// What it belongs to.
    name: String,
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

/// The contacts at the start of a step: geoms and distance, m.
pub(super) fn contacts_of(recording: &Recording, row: usize) -> Result<Vec<([i32; 2], f64)>, ViewError> {
    if !CONTACT.iter().all(|var| recording.has(*var)) {
        return Ok(Vec::new());
    }
    let rows = rows_of(recording, Var::Ncon, Var::ContactOffset, row)?;
    let geoms: Vec<Vec<i32>> = [Var::ContactGeom1, Var::ContactGeom2]
        .iter()
        .map(|var| recording.read(*var, rows.clone()))
        .collect::<Result<_, _>>()?;
    let dist: Vec<f64> = recording.read(Var::ContactDist, rows)?;
    Ok(dist.into_iter().enumerate().map(|(i, dist)| ([geoms[0][i], geoms[1][i]], dist)).collect())
}

/// The rows of a step in a table of which each step has some.
fn rows_of(recording: &Recording, count: Var, offset: Var, row: usize) -> Result<Range<usize>, ViewError> {
    let n: Vec<i32> = recording.read(count, row..row + 1)?;
    if n[0] <= 0 {
        return Ok(0..0);
    }
    let first: Vec<i64> = recording.read(offset, row..row + 1)?;
    // Both were found to fit when the file was opened.
    Ok(first[0] as usize..first[0] as usize + n[0] as usize)
}

impl Events {
    /// What acts at the steps in some rows of the file.
    pub(super) fn new(recording: &Recording, model: &Model, rows: Range<usize>) -> Result<Self, ViewError> {
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
        for row in rows {
            events.touches(recording, &mut known, row)?;
            events.rows(recording, &mut known, row)?;
        }
        events.series.touch_first.push(events.series.touch_pair.len() as u32);
        events.series.acting_first.push(events.series.acting.len() as u32);
        Ok(events)
    }

    /// Pairs of geoms that touch within a step: in how many of its physics steps, and how near they are at its start.
    fn touches(&mut self, recording: &Recording, known: &mut Known, row: usize) -> Result<(), ViewError> {
        let contacts = contacts_of(recording, row)?;
        let mut found: Vec<([i32; 2], u16)> = Vec::new();
        if recording.has(Var::Ntouch) {
            let rows = rows_of(recording, Var::Ntouch, Var::TouchOffset, row)?;
            let [one, two, steps] =
                [Var::TouchGeom1, Var::TouchGeom2, Var::TouchSteps].map(|var| recording.read::<i32>(var, rows.clone()));
            let (one, two, steps) = (one?, two?, steps?);
            found.extend((0..one.len()).map(|i| ([one[i], two[i]], steps[i].clamp(0, u16::MAX.into()) as u16)));
        } else {
            found.extend(contacts.iter().map(|(geoms, _)| (sorted(*geoms), 1)));
            found.sort_unstable();
            found.dedup();
        }
        self.series.touch_first.push(self.series.touch_pair.len() as u32);
        for (pair, steps) in found {
            let next = self.pairs.len();
            let number = *known.pairs.entry(pair).or_insert(next);
            if number == next {
                self.pairs.push(pair);
            }
            let own = contacts.iter().filter(|(geoms, _)| sorted(*geoms) == pair).map(|(_, dist)| *dist as f32);
            self.series.touch_pair.push(number as u32);
            self.series.touch_steps.push(steps);
            self.series.touch_dist.push(own.fold(f32::NAN, f32::min));
        }
        Ok(())
    }

    /// Constraint rows that act, but those of contacts; a constraint counts once.
    fn rows(&mut self, recording: &Recording, known: &mut Known, row: usize) -> Result<(), ViewError> {
        self.series.acting_first.push(self.series.acting.len() as u32);
        if !recording.has(Var::ConstraintType) {
            return Ok(());
        }
        let rows = rows_of(recording, Var::Nefc, Var::ConstraintOffset, row)?;
        let (kinds, states): (Vec<u8>, Vec<u8>) =
            (recording.read(Var::ConstraintType, rows.clone())?, recording.read(Var::ConstraintState, rows.clone())?);
        let ids: Vec<i32> = recording.read(Var::ConstraintId, rows)?;
        let mut last = None;
        for ((kind, state), id) in kinds.into_iter().zip(states).zip(ids) {
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
        Ok(())
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
        let dofs = if recording.len(Axis::Dof) > 0 { recording.labels(Axis::Dof)? } else { Vec::new() };
        Ok(Self {
            pairs: HashMap::new(),
            constraints: HashMap::new(),
            dofs,
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
