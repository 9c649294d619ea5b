//! One state: the arbiter's word, and what each engine says.

use std::sync::Arc;

use serde::Serialize;

use crate::jacobian::{
    Arbiter, Engine, EngineSpec, Entry, Jacobian, Judgement, SwitchKind, Switches, ZeroVerdict, largest, side_by_side,
};
use crate::physics::{Model, PhysicsError, Sim};

/// Nudges up to which a switch explains why there is no derivative; the arbiter's finest is 6e-8.
const NEAR: f64 = 1e-5;

/// A value within so many times its own error may be zero, where it is tiny too, as a share of the largest entry of A.
const MAYBE_ZERO: f64 = 3.0;
const TINY: f64 = 1e-10;

/// A value beyond so many times its own error is not zero.
const SURELY_NOT: f64 = 10.0;

/// A part of A and B: rows of the next state by columns of state and control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say all")]
pub enum JacobianBlock {
    QposQpos,
    QposQvel,
    QposAct,
    QposCtrl,
    QvelQpos,
    QvelQvel,
    QvelAct,
    QvelCtrl,
    ActQpos,
    ActQvel,
    ActAct,
    ActCtrl,
}

impl JacobianBlock {
    /// All, in order.
    pub const ALL: [Self; 12] = [
        Self::QposQpos,
        Self::QposQvel,
        Self::QposAct,
        Self::QposCtrl,
        Self::QvelQpos,
        Self::QvelQvel,
        Self::QvelAct,
        Self::QvelCtrl,
        Self::ActQpos,
        Self::ActQvel,
        Self::ActAct,
        Self::ActCtrl,
    ];

    /// As in a table: `qvel'/qpos`.
    pub fn label(self) -> &'static str {
        const LABELS: [&str; 12] = [
            "qpos'/qpos",
            "qpos'/qvel",
            "qpos'/act",
            "qpos'/ctrl",
            "qvel'/qpos",
            "qvel'/qvel",
            "qvel'/act",
            "qvel'/ctrl",
            "act'/qpos",
            "act'/qvel",
            "act'/act",
            "act'/ctrl",
        ];
        LABELS[self as usize]
    }

    /// Whether a model has it.
    pub fn is_of(self, model: &Model) -> bool {
        let (row, column) = (self as usize / 4, self as usize % 4);
        (row < 2 || model.na() > 0) && (column != 2 || model.na() > 0) && (column != 3 || model.nu() > 0)
    }

    /// The number of the one that an entry lies in.
    fn of(model: &Model, entry: Entry) -> usize {
        let part = |i: usize| if i >= model.ndx() { 3 } else { (i / model.nv()).min(2) };
        4 * part(entry.row) + part(entry.column)
    }
}

/// What pushes at a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contacts {
    /// No constraint row.
    NoRows,
    /// Limits, friction loss or equalities only.
    NoContact,
    /// One to four contacts.
    Few,
    /// Five or more.
    Many,
}

impl Contacts {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::NoRows, Self::NoContact, Self::Few, Self::Many];

    /// As in a table.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoRows => "unconstrained",
            Self::NoContact => "no contact",
            Self::Few => "1-4 contacts",
            Self::Many => "5+ contacts",
        }
    }

    fn of(sim: &Sim) -> Self {
        let mut contacts: Vec<usize> = sim.constraint_rows().filter(|row| row.is_contact()).map(|row| row.id).collect();
        contacts.sort_unstable();
        contacts.dedup();
        match contacts.len() {
            0 if sim.nefc() == 0 => Self::NoRows,
            0 => Self::NoContact,
            1..=4 => Self::Few,
            _ => Self::Many,
        }
    }
}

/// What the arbiter says of an entry of this value and error, where the largest entry of A is `scale`: zero within its own
/// error, and tiny; nonzero well beyond it; undecided between.
fn arbitrate(value: f64, error: f64, scale: f64) -> ZeroVerdict {
    let value = value.abs();
    if value <= MAYBE_ZERO * error && value.max(error) <= TINY * scale {
        ZeroVerdict::Zero
    } else if value > SURELY_NOT * error {
        ZeroVerdict::Nonzero
    } else {
        ZeroVerdict::Undecided
    }
}

/// What an engine said of entries of one truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Known {
    /// Called zero.
    pub zero: u64,
    /// Called nonzero.
    pub nonzero: u64,
    /// Called undecided.
    pub undecided: u64,
}

impl Known {
    fn count(&mut self, verdict: ZeroVerdict) {
        match verdict {
            ZeroVerdict::Zero => self.zero += 1,
            ZeroVerdict::Nonzero => self.nonzero += 1,
            ZeroVerdict::Undecided => self.undecided += 1,
        }
    }

    fn add(&mut self, other: Self) {
        self.zero += other.zero;
        self.nonzero += other.nonzero;
        self.undecided += other.undecided;
    }

    /// All.
    pub fn total(self) -> u64 {
        self.zero + self.nonzero + self.undecided
    }
}

/// An engine's verdicts against the arbiter.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Zeros {
    /// Of entries that are zero.
    pub zero: Known,
    /// Of entries that are not.
    pub nonzero: Known,
    /// Of entries that the arbiter cannot tell.
    pub unknown: Known,
    /// The largest entry that is not zero and was called so.
    pub largest_missed: f64,
    /// The largest value that the engine gives an entry that is zero and that it calls nonzero.
    pub largest_false: f64,
    /// The entry of `largest_missed`.
    #[serde(skip)]
    pub missed: Option<Entry>,
    /// The entry of `largest_false`.
    #[serde(skip)]
    pub false_entry: Option<Entry>,
}

impl Zeros {
    /// Counts one entry: what it is, by its value, and what the engine says, by its own value.
    pub fn count(&mut self, entry: Entry, truth: ZeroVerdict, value: f64, verdict: ZeroVerdict, engine: f64) {
        match (truth, verdict) {
            (ZeroVerdict::Zero, ZeroVerdict::Nonzero) if engine.abs() >= self.largest_false => {
                (self.largest_false, self.false_entry) = (engine.abs(), Some(entry));
            }
            (ZeroVerdict::Nonzero, ZeroVerdict::Zero) if value.abs() >= self.largest_missed => {
                (self.largest_missed, self.missed) = (value.abs(), Some(entry));
            }
            _ => {}
        }
        match truth {
            ZeroVerdict::Zero => self.zero.count(verdict),
            ZeroVerdict::Undecided => self.unknown.count(verdict),
            ZeroVerdict::Nonzero => self.nonzero.count(verdict),
        }
    }

    /// Takes those of another state in.
    pub fn add(&mut self, other: &Self) {
        self.zero.add(other.zero);
        self.nonzero.add(other.nonzero);
        self.unknown.add(other.unknown);
        if other.largest_missed > self.largest_missed {
            (self.largest_missed, self.missed) = (other.largest_missed, other.missed);
        }
        if other.largest_false > self.largest_false {
            (self.largest_false, self.false_entry) = (other.largest_false, other.false_entry);
        }
    }
}

/// What an engine says at one state.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineOutcome {
    /// max |X - X_ref| / max |A_ref| over A and B; infinite where an entry is not a number.
    pub error: f64,
    /// The same of every [`JacobianBlock`].
    pub blocks: [f64; 12],
    /// The entry that differs most.
    pub worst: Entry,
    /// A and B at the first engine's worst entry.
    pub value: f64,
    /// What it says that switches.
    pub switches: Switches,
    /// Whether it says that its system is nearly singular.
    pub near_singular: bool,
    /// Its verdicts; None where it gives none.
    pub zeros: Option<Zeros>,
}

impl EngineOutcome {
    /// Whether it says that there is no derivative.
    pub fn is_flagged(&self) -> bool {
        self.switches.any() || self.near_singular
    }
}

/// One state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateOutcome {
    /// What pushes.
    pub contacts: Contacts,
    /// The largest entry of A.
    pub scale: f64,
    /// The arbiter's error, as a share of the largest entry of A.
    pub error: f64,
    /// The largest difference of one-sided derivatives, as a share of the largest entry of A.
    pub kink: f64,
    /// What makes the arbiter say that there is no derivative; None where there is one.
    pub arbiter: Option<SwitchKind>,
    /// The first engine's worst entry, or the arbiter's where there is no derivative or no engine.
    pub entry: Entry,
    /// The arbiter's value of it, and its error.
    pub value: [f64; 2],
    /// What switches nearest when the column of the entry is nudged, and the nudge.
    pub switch: Option<(SwitchKind, f64)>,
    /// The engines, in order.
    pub engines: Vec<EngineOutcome>,
}

impl StateOutcome {
    /// Whether the errors of engine `i` take this state in: neither the arbiter nor the engine says that there is no
    /// derivative. Without engines the arbiter decides.
    pub fn counts(&self, i: usize) -> bool {
        self.arbiter.is_none() && !self.engines.get(i).is_some_and(EngineOutcome::is_flagged)
    }
}

/// Compares engines with the arbiter, state by state.
pub struct Judge {
    sim: Sim,
    arbiter: Arbiter,
    engines: Vec<Box<dyn Engine>>,
    /// One for each engine: one that gives no verdicts leaves those of another alone.
    jacobians: Vec<Jacobian>,
    values: Vec<Vec<f64>>,
}

impl Judge {
    /// `model` is what the engines differentiate, `strict` the same with [`Arbiter::SOLVER`].
    ///
    /// # Errors
    /// As [`EngineSpec::build`].
    pub fn new(model: &Arc<Model>, strict: &Arc<Model>, engines: &[EngineSpec]) -> Result<Self, PhysicsError> {
        let n = model.ndx() * (model.ndx() + model.nu());
        Ok(Self {
            sim: Sim::new(model)?,
            arbiter: Arbiter::new(strict)?,
            engines: engines.iter().map(|spec| spec.build(model)).collect::<Result<_, _>>()?,
            jacobians: vec![Jacobian::zeros(model, false); engines.len()],
            values: vec![vec![0.0; n]; engines.len()],
        })
    }

    /// Lets the arbiter nudge by other sizes from here on ([`Arbiter::nudge_otherwise`]).
    pub fn nudge_otherwise(&mut self) {
        self.arbiter.nudge_otherwise();
    }

    /// Lets the arbiter nudge by finer sizes from here on ([`Arbiter::nudge_finely`]).
    pub fn nudge_finely(&mut self) {
        self.arbiter.nudge_finely();
    }

    /// Compares at one state ([`Sim::get_state`]).
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] where the arbiter or an engine fails.
    pub fn state(&mut self, state: &[f64]) -> Result<StateOutcome, PhysicsError> {
        let judged = self.arbiter.judge(state)?;
        self.sim.set_state(state)?;
        self.sim.forward()?;
        let contacts = Contacts::of(&self.sim);
        let mut engines = Vec::with_capacity(self.engines.len());
        for i in 0..self.engines.len() {
            self.sim.set_state(state)?;
            self.engines[i].jacobian(&mut self.sim, &mut self.jacobians[i])?;
            engines.push(self.compare(i, &judged));
        }
        let smooth = judged.is_smooth();
        let entry = engines.first().filter(|_| smooth).map_or(judged.entry, |e: &EngineOutcome| e.worst);
        let k = entry.row * (judged.values.len() / self.sim.model().ndx()) + entry.column;
        for (engine, values) in engines.iter_mut().zip(&self.values) {
            engine.value = values[k];
        }
        let switch = self.arbiter.switch_near(state, entry.column)?;
        let cause = switch.filter(|(_, nudge)| *nudge <= NEAR).map_or(SwitchKind::Other, |(kind, _)| kind);
        Ok(StateOutcome {
            contacts,
            scale: judged.scale,
            error: judged.error,
            kink: judged.kink,
            arbiter: (!smooth).then_some(cause),
            entry,
            value: [judged.values[k], judged.errors[k]],
            switch,
            engines,
        })
    }

    /// Engine `i`, whose Jacobian was just computed.
    fn compare(&mut self, i: usize, judged: &Judgement) -> EngineOutcome {
        let model = self.sim.model();
        let (ndx, nu) = (model.ndx(), model.nu());
        side_by_side(&self.jacobians[i], ndx, nu, &mut self.values[i]);
        let apart: Vec<f64> = self.values[i].iter().zip(&judged.values).map(|(x, y)| (x - y).abs()).collect();
        let share = |x: f64| if x == 0.0 { 0.0 } else { x / judged.scale };
        let place = |k: usize| Entry { row: k / (ndx + nu), column: k % (ndx + nu) };
        let mut blocks = [0.0_f64; 12];
        for (k, x) in apart.iter().enumerate() {
            let block = &mut blocks[JacobianBlock::of(model, place(k))];
            *block = block.max(if x.is_nan() { f64::INFINITY } else { share(*x) });
        }
        let (worst, error) = largest(&apart);
        let said = &self.jacobians[i].verdicts;
        let verdict = |k: usize| {
            let at = place(k);
            if at.column < ndx { said.a[at.row * ndx + at.column] } else { said.b[at.row * nu + at.column - ndx] }
        };
        // An engine that does not test for zeros leaves all undecided.
        let tests = said.a.iter().chain(&said.b).any(|v| *v != ZeroVerdict::Undecided);
        let zeros = tests.then(|| {
            let mut zeros = Zeros::default();
            for (k, (value, error)) in judged.values.iter().zip(&judged.errors).enumerate() {
                zeros.count(place(k), arbitrate(*value, *error, judged.scale), *value, verdict(k), self.values[i][k]);
            }
            zeros
        });
        EngineOutcome {
            error: share(error),
            blocks,
            worst: place(worst),
            value: f64::NAN,
            switches: said.switches,
            near_singular: said.near_singular,
            zeros,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_known_beyond_the_error_only() {
        assert_eq!(arbitrate(0.0, 0.0, 1.0), ZeroVerdict::Zero);
        assert_eq!(arbitrate(-1e-12, 1e-12, 1.0), ZeroVerdict::Zero);
        assert_eq!(arbitrate(1e-9, 1e-12, 1.0), ZeroVerdict::Nonzero);
        assert_eq!(arbitrate(5e-12, 1e-12, 1.0), ZeroVerdict::Undecided);
        // Not tiny: an error this large tells nothing.
        assert_eq!(arbitrate(1e-6, 1e-6, 1.0), ZeroVerdict::Undecided);
        assert_eq!(arbitrate(f64::NAN, f64::INFINITY, 1.0), ZeroVerdict::Undecided);
    }

    #[test]
    fn verdicts_are_counted_against_the_truth() {
        let mut zeros = Zeros::default();
        for (truth, value, verdict) in [
            (ZeroVerdict::Zero, 0.0, ZeroVerdict::Zero),
            (ZeroVerdict::Zero, 0.0, ZeroVerdict::Nonzero),
            (ZeroVerdict::Nonzero, -3e-5, ZeroVerdict::Zero),
            (ZeroVerdict::Nonzero, 2e-7, ZeroVerdict::Zero),
            (ZeroVerdict::Nonzero, 1.0, ZeroVerdict::Nonzero),
            (ZeroVerdict::Undecided, 1.0, ZeroVerdict::Zero),
            (ZeroVerdict::Nonzero, 1.0, ZeroVerdict::Undecided),
        ] {
            zeros.count(Entry { row: 0, column: 0 }, truth, value, verdict, value + 1e-12);
        }
        assert_eq!(zeros.zero, Known { zero: 1, nonzero: 1, undecided: 0 });
        assert_eq!(zeros.nonzero, Known { zero: 2, nonzero: 1, undecided: 1 });
        assert_eq!((zeros.unknown.total(), zeros.largest_missed, zeros.largest_false), (1, 3e-5, 1e-12));
    }
}
