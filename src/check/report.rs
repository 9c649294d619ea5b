//! From states to distributions.

use serde::Serialize;

use super::{CheckSettings, Contacts, EngineOutcome, JacobianBlock, SampledState, StateOutcome, Zeros, name};
use crate::jacobian::{EngineSpec, Entry, SwitchKind, Switches};
use crate::physics::Model;
use crate::task::Task;

/// What the check of a task has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The task.
    pub task: String,
    /// Degrees of freedom.
    pub nv: usize,
    /// States compared.
    pub states: usize,
    /// Of them, those that have a derivative, by the arbiter.
    pub smooth: usize,
    /// What the arbiter says has no derivative.
    pub arbiter: Flags,
    /// The arbiter's own error estimates, at smooth states.
    pub reference: Option<Errors>,
    /// The engines that cover the model, in the order they were named.
    pub engines: Vec<EngineReport>,
    /// Those that do not, with everything they do not cover.
    pub not_covered: Vec<(String, String)>,
    /// States with the largest errors of the first engine, worst first.
    pub worst: Vec<Found>,
    /// States that the arbiter or the first engine flags, those first whose differences are furthest apart.
    pub kinks: Vec<Found>,
}

/// States without a derivative, by what switches there; one state can have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Flags {
    /// All.
    pub states: usize,
    /// Contacts.
    pub contact: usize,
    /// Points of contacts that jump; no engine says so.
    pub shape: usize,
    /// Limits.
    pub limit: usize,
    /// Friction.
    pub friction: usize,
    /// Anything else.
    pub other: usize,
}

impl Flags {
    fn add(&mut self, kinds: [bool; 5]) {
        self.states += 1;
        let counts = [&mut self.contact, &mut self.shape, &mut self.limit, &mut self.friction, &mut self.other];
        for (count, is) in counts.into_iter().zip(kinds) {
            *count += usize::from(is);
        }
    }

    /// Counts a state that an engine flags.
    pub(super) fn take(&mut self, said: &EngineOutcome) {
        let Switches { contact, limit, friction, force, sleep: _, other } = said.switches;
        self.add([contact, false, limit, friction, force || other || said.near_singular]);
    }
}

/// A distribution of relative errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Errors {
    /// How many.
    pub states: usize,
    /// Half are no larger.
    pub median: f64,
    /// Of a hundred, 99 are no larger.
    pub p99: f64,
    /// None is larger.
    pub max: f64,
}

impl Errors {
    /// Of some numbers; None where there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let rank = |q: f64| values[((q * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1];
        (!values.is_empty()).then(|| Self { states: values.len(), median: rank(0.5), p99: rank(0.99), max: rank(1.0) })
    }
}

/// How an engine's flags and the arbiter's agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Agreement {
    /// States that both flag.
    pub both: usize,
    /// States that the arbiter alone flags.
    pub arbiter_only: usize,
    /// States that the engine alone flags.
    pub engine_only: usize,
}

/// An engine on a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngineReport {
    /// Its name with its nudge.
    pub engine: String,
    /// Errors at states that neither the arbiter nor it flags; None where there are none.
    pub errors: Option<Errors>,
    /// The same, by block.
    pub blocks: Vec<(JacobianBlock, Option<Errors>)>,
    /// The same, by what pushes.
    pub contacts: Vec<(Contacts, Option<Errors>)>,
    /// States that it says have no derivative.
    pub flags: Flags,
    /// Whether the arbiter says so too.
    pub agreement: Agreement,
    /// Its verdicts at those states; None where it gives none.
    pub zeros: Option<Zeros>,
    /// Where the largest nonzero is that it calls zero.
    pub missed: Option<EntryAt>,
    /// Where the largest value is that it calls nonzero, of an entry that is zero.
    pub false_nonzero: Option<EntryAt>,
}

/// An entry of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryAt {
    /// Episode.
    pub episode: u64,
    /// Control step.
    pub step: usize,
    /// Physics step of it.
    pub substep: usize,
    /// Row and column by name.
    pub entry: [String; 2],
}

/// A state worth a look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// Episode.
    pub episode: u64,
    /// Control step.
    pub step: usize,
    /// Physics step of it.
    pub substep: usize,
    /// Row and column by name.
    pub entry: [String; 2],
    /// The arbiter's value of the entry, and its error.
    pub arbiter: [f64; 2],
    /// How far the one-sided derivatives are apart at most, as a share of the largest entry of A.
    pub kink: f64,
    /// What switches nearest when the column is nudged, and the nudge.
    pub switch: Option<(SwitchKind, f64)>,
    /// Each engine's error of the state and value of the entry.
    pub engines: Vec<Seen>,
}

/// What an engine saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// Its error of the state.
    pub error: f64,
    /// Its value of the entry.
    pub value: f64,
    /// What it says that switches.
    pub switches: Vec<&'static str>,
}

/// Sorts the outcomes of a task.
pub(super) fn report(
    model: &Model,
    task: &Task,
    settings: &CheckSettings,
    engines: &[EngineSpec],
    not_covered: Vec<(String, String)>,
    places: &[SampledState],
    outcomes: Vec<StateOutcome>,
) -> CheckReport {
    let smooth: Vec<&StateOutcome> = outcomes.iter().filter(|o| o.arbiter.is_none()).collect();
    let mut arbiter = Flags::default();
    for kind in outcomes.iter().filter_map(|o| o.arbiter) {
        use SwitchKind::{Contact, Friction, Limit, Other, Shape};
        arbiter.add([Contact, Shape, Limit, Friction, Other].map(|k| k == kind));
    }
    let mut found: Vec<(&SampledState, &StateOutcome)> = places.iter().zip(&outcomes).collect();
    let pick = |found: &[(&SampledState, &StateOutcome)], counts: bool| {
        let those = found.iter().filter(|(_, o)| o.counts(0) == counts);
        those.take(settings.worst).map(|(place, o)| describe(model, place, o)).collect::<Vec<Found>>()
    };
    // Stable sorts: equals stay in the order of the states.
    found.sort_by(|(_, x), (_, y)| y.kink.max(y.error).total_cmp(&x.kink.max(x.error)));
    let kinks = pick(&found, false);
    found.sort_by(|(_, x), (_, y)| lead(y).total_cmp(&lead(x)));
    let worst = if engines.is_empty() { Vec::new() } else { pick(&found, true) };
    CheckReport {
        task: task.spec.name.clone(),
        nv: model.nv(),
        states: outcomes.len(),
        smooth: smooth.len(),
        arbiter,
        reference: Errors::of(smooth.iter().map(|o| o.error)),
        engines: engines.iter().enumerate().map(|(i, spec)| engine(model, i, spec, places, &outcomes)).collect(),
        not_covered,
        worst,
        kinks,
    }
}

/// The first engine's error.
fn lead(outcome: &StateOutcome) -> f64 {
    outcome.engines.first().map_or(0.0, |e| e.error)
}

fn engine(model: &Model, i: usize, spec: &EngineSpec, places: &[SampledState], all: &[StateOutcome]) -> EngineReport {
    let smooth: Vec<&StateOutcome> = all.iter().filter(|o| o.counts(i)).collect();
    let (mut flags, mut agreement, mut zeros) = (Flags::default(), Agreement::default(), None::<Zeros>);
    for outcome in all {
        let said = &outcome.engines[i];
        if said.is_flagged() {
            flags.take(said);
        }
        match (outcome.arbiter.is_some(), said.is_flagged()) {
            (true, true) => agreement.both += 1,
            (true, false) => agreement.arbiter_only += 1,
            (false, true) => agreement.engine_only += 1,
            (false, false) => {}
        }
    }
    let (mut missed, mut false_nonzero) = (None, None);
    for (place, outcome) in places.iter().zip(all).filter(|(_, o)| o.counts(i)) {
        let Some(found) = outcome.engines[i].zeros else { continue };
        let sum = zeros.get_or_insert_default();
        if found.largest_missed > sum.largest_missed {
            missed = found.missed.map(|entry| at(model, place, entry));
        }
        if found.largest_false > sum.largest_false {
            false_nonzero = found.false_entry.map(|entry| at(model, place, entry));
        }
        sum.add(&found);
    }
    let blocks = JacobianBlock::ALL.into_iter().filter(|b| b.is_of(model));
    EngineReport {
        engine: name(spec),
        errors: Errors::of(smooth.iter().map(|o| o.engines[i].error)),
        blocks: blocks.map(|b| (b, Errors::of(smooth.iter().map(|o| o.engines[i].blocks[b as usize])))).collect(),
        contacts: Contacts::ALL
            .into_iter()
            .map(|c| (c, Errors::of(smooth.iter().filter(|o| o.contacts == c).map(|o| o.engines[i].error))))
            .collect(),
        flags,
        agreement,
        zeros,
        missed,
        false_nonzero,
    }
}

fn at(model: &Model, place: &SampledState, entry: Entry) -> EntryAt {
    let SampledState { episode, step, substep, .. } = *place;
    EntryAt { episode, step, substep, entry: names(model, entry) }
}

/// Row and column of an entry of A and B side by side.
fn names(model: &Model, entry: Entry) -> [String; 2] {
    let names = model.names();
    let state = names.state();
    let column = match entry.column.checked_sub(state.len()) {
        Some(control) => format!("ctrl:{}", names.ctrl[control]),
        None => state[entry.column].clone(),
    };
    [state[entry.row].clone(), column]
}

fn describe(model: &Model, place: &SampledState, outcome: &StateOutcome) -> Found {
    let words = |s: Switches| {
        let all = [
            (s.contact, "contact"),
            (s.limit, "limit"),
            (s.friction, "friction"),
            (s.force, "force"),
            (s.other, "other"),
        ];
        all.into_iter().filter_map(|(is, word)| is.then_some(word)).collect()
    };
    Found {
        episode: place.episode,
        step: place.step,
        substep: place.substep,
        entry: names(model, outcome.entry),
        arbiter: outcome.value,
        kink: outcome.kink,
        switch: outcome.switch,
        engines: outcome
            .engines
            .iter()
            .map(|e| Seen { error: e.error, value: e.value, switches: words(e.switches) })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let errors = Errors::of((1..=200).rev().map(f64::from)).unwrap();
        assert_eq!((errors.states, errors.median, errors.p99, errors.max), (200, 100.0, 198.0, 200.0));
        let one = Errors::of([f64::INFINITY]).unwrap();
        assert_eq!((one.median, one.max), (f64::INFINITY, f64::INFINITY));
        assert_eq!(Errors::of([]), None);
    }
}
