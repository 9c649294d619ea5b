//! Derivatives of a whole step by its inputs: differences of `mj_step` at many nudges, extrapolated to none entry by
//! entry, each with an estimate of its error, and with how far the derivatives of the two sides are apart.
//!
//! The nudges are powers of two, so that they are exact. At each, F(h) = (step(x + h) - step(x)) / h and F(-h) are the
//! one-sided differences, in the tangent space. Their mean is the central difference, whose error is a series in h^2:
//! where a contact pushes back over a millimetre, 1e-6 of its value at h = 1e-6 and 1 at 1e-3. Rounding grows as 1/h.
//! Extrapolation takes the series off, and each entry has a best place between the two.
//!
//! Their difference F(h) - F(-h) goes to 0 with h where the step is smooth, and to a constant where it has a kink, even
//! one that the state lies exactly on, which central differences at any two nudges agree about and get wrong.
//!
//! Nothing of MuJoCo's own derivatives is in here: mjd_transitionFD skips stages and reuses factors that depend on what
//! it nudges.

mod extrapolate;
mod next_state;

use std::sync::Arc;

use super::Switches;
use super::asleep::Asleep;
use crate::physics::{JointKind, Model, PhysicsError, Sim, go_on};
use extrapolate::{Limit, Series, extrapolate};
pub(super) use next_state::NextState;

/// The nudges of a series of differences: `share` times 2^-first, then each 2^-gap times the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    share: f64,
    first: i32,
    gap: i32,
    count: usize,
    /// Central differences of a control need as many nudges inside its range; else its column is one-sided.
    enough: usize,
}

impl Schedule {
    /// 15 nudges from 2^-10 to 2^-24.
    pub(super) const FULL: Self = Self { share: 1.0, first: 10, gap: 1, count: 15, enough: 8 };

    /// As many others between them, for a second look: what rounding makes there is something else.
    pub(super) const OTHERS: Self = Self { share: 0.75, ..Self::FULL };

    /// As many down to 2^-28, for a kink: a switch that these do not reach is none of the state, though it bends all wider ones.
    pub(super) const FINE: Self = Self { first: 14, ..Self::FULL };

    /// Five nudges from 2^-12 to 2^-20: enough where a step is smooth over the widest.
    const QUICK: Self = Self { first: 12, gap: 2, count: 5, enough: 5, ..Self::FULL };

    /// The same and two finer ones: enough where each side is smooth over the widest.
    const SIDES: Self = Self { first: 12, gap: 2, count: 7, enough: 5, ..Self::FULL };

    /// Three nudges from 2^-18 to 2^-22, to see whether the step jumps.
    const JUMPS: Self = Self { first: 18, gap: 2, count: 3, enough: 3, ..Self::FULL };

    /// Two nudges within 2^-22.
    const NEAR: Self = Self { first: 22, gap: 2, count: 2, enough: 2, ..Self::FULL };

    /// Where the differences over nudge `i` are kept, one place for each size.
    fn slot(&self, i: usize) -> usize {
        (self.first - Self::FULL.first) as usize + self.gap as usize * i
    }

    fn nudge(&self, i: usize) -> f64 {
        self.share * 0.5_f64.powi(self.first + self.gap * i as i32)
    }

    /// All, from the widest to the finest.
    pub(super) fn nudges(&self) -> impl DoubleEndedIterator<Item = f64> + '_ {
        (0..self.count).map(|i| self.nudge(i))
    }

    fn finest(&self) -> f64 {
        self.nudge(self.count - 1)
    }

    fn series(&self, order: i32) -> Series {
        Series { spacing: 2.0_f64.powi(self.gap), order }
    }
}

/// A difference of values that grows as the nudge shrinks is a jump where it is so many times what rounding makes.
const JUMP: f64 = 1e4;

/// A difference of one-sided derivatives is a kink where it is so many times its own error.
const SURE: f64 = 10.0;

/// What jumps is apart by as many times more as the nudge is finer, within this share: what bends is there too.
const GROWS: f64 = 0.1;

/// At the finest nudge at least this share of a kink is there.
const STAYS: f64 = 0.5;

/// And a kink is at least this share of what the sides differ by over the finest nudge.
const REST: f64 = 1.0 / 32.0;

/// A jump within 2^-22 is by no less than this share of the largest entry, and by so many times what there is within 2^-18; a kink
/// would be the same there, and what bends less.
const JUMPS_BY: f64 = 1e-3;
const STEEPER: f64 = 4.0;

/// Beside a jump an entry is known well enough within this share of the largest one.
const ENOUGH: f64 = 1e-6;

/// Errors up to this share of a column's largest entry end the search for better ones.
const SETTLED: f64 = 1e-9;

/// Where an impedance changes over less than this (m or rad), a few nudges may all lie beyond it.
const NARROW: f64 = 1e-5;

/// Where the sides differ, between which an entry lies, it need not be known as well.
const BENT: f64 = 1e-7;

/// So do errors up to this share of the size of the number that is differenced.
const ROUNDED: f64 = 4e-12;

/// How one input acts on the next state, and on the sensors behind it (ndx + nsensordata).
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    /// The derivatives.
    pub(super) values: Vec<f64>,
    /// How far off each may be; infinite where the differences settle on nothing.
    pub(super) errors: Vec<f64>,
    /// How far the derivatives of the two sides are apart, where that is more than its own error; else 0.
    pub(super) kinks: Vec<f64>,
}

impl Column {
    /// Nothing, of so many rows.
    fn clear(&mut self, rows: usize) {
        for list in [&mut self.values, &mut self.errors, &mut self.kinks] {
            list.clear();
            list.resize(rows, 0.0);
        }
    }

    /// A value, with its error and how far its sides are apart.
    pub(super) fn entry(&self, row: usize) -> (f64, [f64; 2]) {
        (self.values[row], [self.errors[row], self.kinks[row]])
    }
}

/// How far an input can be nudged; the number is the first nudge that fits.
#[derive(Debug, Clone, Copy)]
enum Room {
    Both(usize),
    One { side: usize, from: usize },
    None,
}

/// Differences of the step of one model, from one state at a time.
#[derive(Debug)]
pub(super) struct Steps {
    sim: Sim,
    /// Whether solves start from nothing. From a warm start next to the solution a solver may find nothing worth an
    /// iteration and keep what is left of the step before; the difference of two such solves is the derivative of that
    /// rest: for a box at rest 4e-8 where the truth is 5e-11. A solver that stops by its count of iterations alone is
    /// what it is from its warm start.
    cold: bool,
    /// Whether an impedance changes within less than [`NARROW`].
    narrow: bool,
    state: Vec<f64>,
    /// Steps of mj_step that count as one.
    span: usize,
    /// Whether no constraint row is there at the state, and none was in any of the nudged steps of [`Self::derive_together`].
    free: bool,
    stays_free: bool,
    next: NextState,
    /// What sleeps in the step; over several, in the first of them.
    asleep: Asleep,
    /// Sensors at the state; empty where they are not differenced.
    sensors: Vec<f64>,
    /// Sizes of the numbers that are differenced (ndx + nsensordata).
    sizes: Vec<f64>,
    /// F(h) and F(-h) at every nudge of [`Schedule::FULL`] and [`Schedule::FINE`], and which of them have been taken of the
    /// present input.
    samples: Vec<[Vec<f64>; 2]>,
    taken: Vec<[bool; 2]>,
    /// Space of a nudge (nv).
    direction: Vec<f64>,
    /// The same with more sweeps of a solver that their number stops. From a warm start at its solution PGS has nothing to
    /// do, and from the nudged ones it does not come to theirs: what the two say differently is the solver's, not the step's.
    further: Option<Box<Self>>,
}

impl Steps {
    /// For a model, with a simulation of its own whose solver runs to its end ([`Model::strict`]).
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for one.
    pub(super) fn new(model: &Model, sensors: bool) -> Result<Self, PhysicsError> {
        let strict = model.strict()?;
        let further = strict.with_more_sweeps()?.map(|more| Self::of(more, None, sensors).map(Box::new)).transpose()?;
        Self::of(strict, further, sensors)
    }

    fn of(model: Model, further: Option<Box<Self>>, sensors: bool) -> Result<Self, PhysicsError> {
        let model = Arc::new(model);
        let ns = if sensors { model.nsensordata() } else { 0 };
        let rows = model.ndx() + ns;
        let count = Schedule::FINE.slot(Schedule::FINE.count);
        Ok(Self {
            cold: !model.solves_by_sweeps(),
            narrow: model.narrowest_impedance() < NARROW,
            state: vec![0.0; model.state_size()],
            span: 1,
            free: false,
            stays_free: false,
            next: NextState::new(&model),
            asleep: Asleep::default(),
            sensors: vec![0.0; ns],
            sizes: vec![0.0; rows],
            samples: (0..count).map(|_| [vec![0.0; rows], vec![0.0; rows]]).collect(),
            taken: vec![[false; 2]; count],
            direction: vec![0.0; model.nv()],
            sim: Sim::new(&model)?,
            further,
        })
    }

    /// Takes a state ([`Sim::get_state`]) and its step as the place to take differences from.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn begin(&mut self, state: &[f64]) -> Result<(), PhysicsError> {
        self.begin_over(state, 1)
    }

    /// The same with `span` successive steps as one.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn begin_over(&mut self, state: &[f64], span: usize) -> Result<(), PhysicsError> {
        if let Some(further) = &mut self.further {
            further.begin_over(state, span)?;
        }
        self.span = span;
        self.state.copy_from_slice(state);
        self.place()?;
        self.stays_free = true;
        let before = self.sim.tree_asleep().to_vec();
        let unseen = self.unseen(&before)?;
        self.asleep = Asleep::default();
        self.run()?;
        self.watch(&before)?;
        self.asleep = std::mem::take(&mut self.asleep).with_sensors(unseen);
        self.free = self.stays_free;
        let Self { sim, next, sizes, sensors, .. } = self;
        next.note(sim);
        if !sensors.is_empty() {
            sensors.copy_from_slice(sim.sensordata());
        }
        let (model, nv) = (sim.model(), sim.model().nv());
        // Turns are differences of unit quaternions.
        sizes.fill(1.0);
        for joint in model.joints() {
            let n = match joint.kind {
                JointKind::Free => 3,
                JointKind::Ball => 0,
                JointKind::Slide | JointKind::Hinge => 1,
            };
            sizes[joint.dof..joint.dof + n].copy_from_slice(&sim.qpos()[joint.qpos..joint.qpos + n]);
        }
        let others = sim.qvel().iter().chain(sim.act()).chain(sensors.iter());
        for (size, x) in sizes[nv..].iter_mut().zip(others) {
            *size = *x;
        }
        sizes.iter_mut().for_each(|x| *x = x.abs());
        self.place()
    }

    fn place(&mut self) -> Result<(), PhysicsError> {
        self.sim.set_state(&self.state)?;
        self.sim.renew_asleep_sensors();
        if self.cold {
            self.sim.qacc_warmstart_mut().fill(0.0);
        }
        Ok(())
    }

    /// Takes the steps that count as one.
    fn run(&mut self) -> Result<(), PhysicsError> {
        for step in 0..self.span {
            if step > 0 {
                go_on()?;
            }
            self.sim.step()?;
            self.stays_free &= self.sim.nefc() == 0;
        }
        Ok(())
    }

    /// Which sensors are those of what sleeps at the state, where the simulation is.
    fn unseen(&mut self, before: &[i32]) -> Result<Vec<bool>, PhysicsError> {
        if self.sensors.is_empty() || before.iter().all(|tree| *tree < 0) {
            return Ok(Vec::new());
        }
        self.sim.forward()?;
        let unseen = self.sim.asleep_sensors();
        self.place()?;
        Ok(unseen)
    }

    /// Sees what sleeps in the first step from the state, of which the last one has been taken.
    fn watch(&mut self, before: &[i32]) -> Result<(), PhysicsError> {
        let model = self.sim.model().clone();
        if !model.sleeps() {
            return Ok(());
        }
        if self.span == 1 {
            self.asleep = Asleep::of(&model, before, self.sim.tree_asleep());
            return Ok(());
        }
        let mut end = vec![0.0; model.state_size()];
        self.sim.get_state(&mut end)?;
        self.place()?;
        self.sim.step()?;
        self.asleep = Asleep::of(&model, before, self.sim.tree_asleep());
        self.sim.set_state(&end)
    }

    /// What sleeps in the step.
    pub(super) fn asleep(&self) -> &Asleep {
        &self.asleep
    }

    /// Whether the steps from the state lead where they led in [`Self::begin_over`], to the last bit: not where a plugin keeps
    /// something beside the integration state.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn repeats(&mut self) -> Result<bool, PhysicsError> {
        self.place()?;
        self.run()?;
        let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        let same =
            self.next.is_state_of(&self.sim) && (self.sensors.is_empty() || same(&self.sensors, self.sim.sensordata()));
        self.place()?;
        Ok(same)
    }

    /// Rows of a column: ndx, with the sensors behind.
    pub(super) fn rows(&self) -> usize {
        self.sizes.len()
    }

    /// The simulation, at the state.
    pub(super) fn sim(&self) -> &Sim {
        &self.sim
    }

    /// How an input (a column of A, or one of B behind them) acts: by five nudges where that is enough, by two more where
    /// the sides differ, else by [`Schedule::FULL`].
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn derive(&mut self, input: usize, out: &mut Column) -> Result<(), PhysicsError> {
        self.by_need(input, out)?;
        self.compare(out, |further, column| further.by_need(input, column))
    }

    /// The same where the step may jump: an entry that does within 2^-22, by the measure of A's largest entry, has no derivative
    /// (its error is infinite), and no more nudges are spent on its column where the others are known.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn derive_unless_it_jumps(
        &mut self,
        input: usize,
        largest: f64,
        out: &mut Column,
    ) -> Result<(), PhysicsError> {
        let jumps = Schedule::JUMPS;
        let whole = self.further.is_some() || self.narrow || self.asleep.is_velocity(input);
        if whole || !matches!(self.room(input, &jumps), Room::Both(0)) {
            return self.derive(input, out);
        }
        self.forget();
        self.differentiate(&[input], &jumps, out)?;
        let apart = |i: usize, row: usize| {
            let [up, down] = &self.samples[jumps.slot(i)];
            (up[row] - down[row]).abs()
        };
        let jumps: Vec<usize> = (0..self.sim.model().ndx())
            .filter(|row| {
                let (wide, fine) = (apart(0, *row), apart(jumps.count - 1, *row));
                fine > JUMPS_BY * largest && fine > STEEPER * wide
            })
            .collect();
        let known = |row: usize| jumps.contains(&row) || out.errors[row] <= ENOUGH * largest;
        if jumps.is_empty() || !(0..self.rows()).all(known) {
            return self.by_further_need(input, out);
        }
        jumps.into_iter().for_each(|row| out.errors[row] = f64::INFINITY);
        Ok(())
    }

    /// Takes what more sweeps say differently into the errors.
    fn compare(
        &mut self,
        out: &mut Column,
        derive: impl FnOnce(&mut Self, &mut Column) -> Result<(), PhysicsError>,
    ) -> Result<(), PhysicsError> {
        let Some(further) = &mut self.further else { return Ok(()) };
        let mut column = Column::default();
        derive(further, &mut column)?;
        for ((error, x), y) in out.errors.iter_mut().zip(&out.values).zip(&column.values) {
            let off = (x - y).abs();
            *error = if off.is_nan() { f64::INFINITY } else { error.max(off) };
        }
        Ok(())
    }

    /// How entries of the state act that are nudged together, as [`Self::derive`] each: `reach` has the rows of each, which are those
    /// of no other. The rows of all come out in one column. False, and nothing, where that does not hold: where a constraint
    /// joins what lies apart.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn derive_together(
        &mut self,
        inputs: &[usize],
        reach: &[Vec<usize>],
        out: &mut Column,
    ) -> Result<bool, PhysicsError> {
        self.stays_free = self.free;
        if !self.free || self.further.is_some() || self.narrow || inputs.iter().any(|i| self.asleep.is_velocity(*i)) {
            return Ok(false);
        }
        self.forget();
        for (schedule, bends) in [(Schedule::QUICK, false), (Schedule::SIDES, true), (Schedule::FULL, true)] {
            self.differentiate(inputs, &schedule, out)?;
            let seen = out.values.iter().chain(&out.errors).filter(|x| **x != 0.0).count();
            let known =
                reach.iter().flatten().map(|r| usize::from(out.values[*r] != 0.0) + usize::from(out.errors[*r] != 0.0));
            if !self.stays_free || seen != known.sum::<usize>() {
                return Ok(false);
            }
            let done = reach.iter().all(|rows| {
                self.is_settled(out, rows.iter().copied()) && (bends || rows.iter().all(|r| out.kinks[*r] == 0.0))
            });
            if done {
                break;
            }
        }
        Ok(true)
    }

    fn by_need(&mut self, input: usize, out: &mut Column) -> Result<(), PhysicsError> {
        self.forget();
        if self.narrow {
            return self.differentiate(&[input], &Schedule::FULL, out);
        }
        self.by_further_need(input, out)
    }

    /// The same with what has been taken of the input already.
    fn by_further_need(&mut self, input: usize, out: &mut Column) -> Result<(), PhysicsError> {
        let (input, rows) = (&[input], 0..self.rows());
        self.differentiate(input, &Schedule::QUICK, out)?;
        if self.is_settled(out, rows.clone()) && out.kinks.iter().all(|kink| *kink == 0.0) {
            return Ok(());
        }
        self.differentiate(input, &Schedule::SIDES, out)?;
        if self.is_settled(out, rows) { Ok(()) } else { self.differentiate(input, &Schedule::FULL, out) }
    }

    /// Whether no error in these rows of a column asks for more nudges.
    fn is_settled(&self, column: &Column, rows: impl Iterator<Item = usize> + Clone) -> bool {
        let largest = rows.clone().fold(0.0_f64, |most, r| most.max(column.values[r].abs()));
        let enough = |r: usize| {
            let share = if column.kinks[r] > 0.0 { BENT } else { SETTLED };
            (share * largest).max(ROUNDED * self.sizes[r])
        };
        rows.into_iter().all(|r| column.errors[r] <= enough(r))
    }

    /// How an input acts, by the nudges of a schedule.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn column(&mut self, input: usize, schedule: &Schedule, out: &mut Column) -> Result<(), PhysicsError> {
        self.forget();
        self.differentiate(&[input], schedule, out)?;
        self.compare(out, |further, column| further.column(input, schedule, column))
    }

    /// Before the differences of another input, or at another state.
    fn forget(&mut self) {
        self.taken.fill([false; 2]);
    }

    /// How an input acts, or some together, by the nudges of a schedule and what has been taken of them.
    fn differentiate(&mut self, inputs: &[usize], schedule: &Schedule, out: &mut Column) -> Result<(), PhysicsError> {
        if let [input] = inputs
            && self.asleep.is_velocity(*input)
        {
            out.clear(self.rows());
            return Ok(());
        }
        let room = match inputs {
            [input] => self.room(*input, schedule),
            _ => Room::Both(0),
        };
        for i in 0..schedule.count {
            for side in 0..2 {
                match room {
                    Room::Both(from) if i >= from => self.sample(inputs, schedule, i, side)?,
                    Room::One { side: only, from } if i >= from && side == only => {
                        self.sample(inputs, schedule, i, side)?;
                    }
                    _ => {}
                }
            }
        }
        self.place()?;
        let rows = self.rows();
        for list in [&mut out.values, &mut out.errors, &mut out.kinks] {
            list.resize(rows, 0.0);
        }
        let ndx = self.sim.model().ndx();
        for row in 0..rows {
            if let [input] = inputs
                && row >= ndx
                && self.asleep.is_still(row - ndx, *input)
            {
                (out.values[row], out.errors[row], out.kinks[row]) = (0.0, 0.0, 0.0);
                continue;
            }
            let (limit, kink) = self.entry(row, room, schedule);
            (out.values[row], out.errors[row], out.kinks[row]) = (limit.value, limit.error, kink);
        }
        Ok(())
    }

    /// The one-sided difference over nudge `i`, upwards (0) or downwards (1).
    fn sample(&mut self, inputs: &[usize], schedule: &Schedule, i: usize, side: usize) -> Result<(), PhysicsError> {
        let (at, nudge) = (schedule.slot(i), [1.0, -1.0][side] * schedule.nudge(i));
        if std::mem::replace(&mut self.taken[at][side], true) {
            return Ok(());
        }
        go_on()?;
        self.place()?;
        match inputs {
            [input] => self.sim.nudge(*input, nudge, &mut self.direction),
            _ => self.sim.nudge_together(inputs, nudge, &mut self.direction),
        }
        self.run()?;
        let (state, sensed) = self.samples[at][side].split_at_mut(self.sim.model().ndx());
        self.next.difference(&self.sim, nudge, state);
        for (x, (after, before)) in sensed.iter_mut().zip(self.sim.sensordata().iter().zip(&self.sensors)) {
            *x = (after - before) / nudge;
        }
        Ok(())
    }

    /// How far the derivatives of the two sides are apart, over the first ndx rows and by row, looked at within 2^-22 of
    /// the state: the limit of F(h) - F(-h) from two nudges. A switch that is farther away is none of this state. A step that jumps
    /// to both sides by the opposite has slopes that agree and grow as one over the nudge: by so much they count as apart.
    /// An input that has one side only has no kink. `out` has ndx entries.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn sides_apart(&mut self, input: usize, out: &mut [f64]) -> Result<(), PhysicsError> {
        out.fill(0.0);
        let near = Schedule::NEAR;
        if !matches!(self.room(input, &near), Room::Both(0)) || self.asleep.is_velocity(input) {
            return Ok(());
        }
        self.forget();
        for (i, side) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            self.sample(&[input], &near, i, side)?;
        }
        self.place()?;
        for (row, out) in out.iter_mut().enumerate() {
            let sides = |i: usize| {
                let [up, down] = &self.samples[near.slot(i)];
                [up[row], down[row]]
            };
            let [wide, fine] = [sides(0), sides(1)];
            let apart = sides_meet_at([wide, fine].map(|[up, down]| up - down), self.sizes[row]);
            let grown = grows_at([wide, fine].map(|[up, down]| 0.5 * (up + down)), self.sizes[row]);
            *out = if apart.is_nan() { apart } else { apart.max(grown) };
        }
        Ok(())
    }

    /// The limit of an entry, and how far its one-sided derivatives are apart (0 where that is not sure).
    fn entry(&self, row: usize, room: Room, schedule: &Schedule) -> (Limit, f64) {
        let still = |s: &[Vec<f64>; 2], sides: std::ops::Range<usize>| s[sides].iter().all(|side| side[row] == 0.0);
        let (from, sides) = match room {
            Room::Both(from) => (from, 0..2),
            Room::One { side, from } => (from, side..side + 1),
            Room::None => (schedule.count, 0..0),
        };
        // As most rows of a large model.
        if (from..schedule.count).all(|i| still(&self.samples[schedule.slot(i)], sides.clone())) {
            return (Limit { value: 0.0, error: 0.0 }, 0.0);
        }
        let series = |f: &dyn Fn(&[Vec<f64>; 2]) -> f64, from: usize| {
            (from..schedule.count).map(|i| f(&self.samples[schedule.slot(i)])).collect::<Vec<f64>>()
        };
        // Half a unit in the last place at the finest nudge.
        let grain = 0.5 * f64::EPSILON * self.sizes[row] / schedule.finest();
        let (even, all) = (schedule.series(2), schedule.series(1));
        match room {
            Room::Both(from) => {
                // Even powers of the nudge only, or all where a second derivative jumps.
                let central = series(&|s| 0.5 * (s[0][row] + s[1][row]), from);
                let (even, odd) = (extrapolate(&central, even, grain), extrapolate(&central, all, grain));
                let limit = if odd.error < even.error { odd } else { even };
                let sides = series(&|s| s[0][row] - s[1][row], from);
                let least = JUMP * grain.max(0.5 * f64::EPSILON / schedule.finest());
                if jumps(&sides, all.spacing, least) {
                    return (Limit { value: limit.value, error: f64::INFINITY }, 0.0);
                }
                let apart = extrapolate(&sides, all, 2.0 * grain);
                // Without a limit of their difference there is no kink to tell of; nor where they come nearer to each other
                // than that, when wider nudges cross a switch that the finest one does not reach; nor where it is a small rest
                // of what bends within the finest.
                let limit_apart = apart.value.abs();
                let [.., before, finest] = sides[..] else { return (limit, 0.0) };
                let stays = finest.abs() > STAYS * limit_apart && limit_apart > REST * finest.abs();
                if !(apart.error.is_finite() && limit_apart > SURE * apart.error && stays) {
                    return (limit, 0.0);
                }
                // Where the finest nudges see nothing but rounding, what the wider ones see may be a switch beyond them: the
                // derivative lies between the sides.
                let hidden = (finest + (finest - before) / (all.spacing - 1.0) - apart.value).abs() > limit_apart;
                if hidden {
                    return (Limit { error: limit.error.max(limit_apart), ..limit }, 0.0);
                }
                (limit, limit_apart)
            }
            Room::One { side, from } => (extrapolate(&series(&|s| s[side][row], from), all, 2.0 * grain), 0.0),
            Room::None => (Limit { value: 0.0, error: 0.0 }, 0.0),
        }
    }

    /// How an input can be nudged: a limited control stays inside its range, so at an edge its column is the derivative
    /// towards the inside.
    fn room(&self, input: usize, schedule: &Schedule) -> Room {
        let model = self.sim.model();
        let Some(control) = input.checked_sub(model.ndx()) else { return Room::Both(0) };
        let Some([low, high]) = model.clamped_range(control) else {
            return Room::Both(0);
        };
        let u = self.sim.ctrl()[control];
        let n = schedule.count;
        let first = |fits: &dyn Fn(f64) -> bool| (0..n).position(|i| fits(schedule.nudge(i))).unwrap_or(n);
        let (up, down) = (first(&|h| u + h <= high), first(&|h| u - h >= low));
        match (up.max(down), up.min(down)) {
            (both, _) if both + schedule.enough <= n => Room::Both(both),
            (_, one) if one < n => Room::One { side: usize::from(down < up), from: one },
            _ => Room::None,
        }
    }
}

/// Nudges that tell whether the derivatives of two sides differ: what switches farther away is none of a state.
pub(super) const NEAR: [f64; 2] = [1.0 / 4_194_304.0, 1.0 / 16_777_216.0];

/// The limit of how far the derivatives of two sides are apart, from differences over [`NEAR`] of a number of that size; 0 where it
/// is none to tell from rounding.
pub(super) fn sides_meet_at([wide, fine]: [f64; 2], size: f64) -> f64 {
    // What bends evenly shrinks with the nudge and a kink stays; what rounds grows as it shrinks, as a jump does, which
    // is larger by far.
    let limit = fine - (wide - fine) / 3.0;
    let rounding = rounding_near(size);
    let stays = wide * fine > 0.0 && wide.abs() > 0.5 * fine.abs();
    let beyond = if stays { rounding } else { JUMP * rounding };
    if limit.abs() > beyond || limit.is_nan() { limit.abs() } else { 0.0 }
}

/// By how much a slope over the finer of [`NEAR`] is larger than over the wider one, of a number of that size; 0 where it does not grow as
/// one over the nudge, as where a step jumps, or no more than rounding does.
fn grows_at([wide, fine]: [f64; 2], size: f64) -> f64 {
    let grown = (fine - wide).abs();
    if grown > 0.5 * fine.abs() && grown > JUMP * rounding_near(size) { grown } else { 0.0 }
}

/// What rounding makes of a difference over the finer of [`NEAR`], of a number of that size.
fn rounding_near(size: f64) -> f64 {
    16.0 * f64::EPSILON * size.max(1.0) / NEAR[1]
}

/// Whether the step itself jumps at the state: over the finest nudges the differences to either side are apart by what
/// grows as one over the nudge, and by `least` at the finest: by far more than rounding.
fn jumps(sides: &[f64], spacing: f64, least: f64) -> bool {
    let [.., a, b, c, d] = sides else { return false };
    let grows = |wide: f64, fine: f64| (fine - spacing * wide).abs() <= GROWS * (spacing * wide).abs();
    grows(*a, *b) && grows(*b, *c) && grows(*c, *d) && d.abs() > least
}

/// What of a model has no derivative of its whole step: one reason each; nothing where differences of whole steps are what they
/// say. What a step hands on beside the state (delays, plugins) is held, see [`Model::held_state`].
pub(super) fn obstacles(model: &Model) -> Vec<String> {
    model.sleep_obstacles()
}

/// What switches, of which nothing is known but that the sides differ.
pub(super) const SOMETHING: Switches =
    Switches { contact: false, limit: false, friction: false, force: false, sleep: false, other: true };
