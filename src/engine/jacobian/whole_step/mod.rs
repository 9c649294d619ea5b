//! The Jacobian by differences of whole steps: for every model that MuJoCo steps.
//!
//! With x = (q, qvel, act) the tangent state (ndx), u the controls (nu), y the sensors (ns), and w what a step hands on beside
//! x ([`Model::held_state`]: samples of delays, states of plugins; empty for most models), a step is
//!
//! ```text
//! (x', w') = F(x, u, w)    y = H(x, u, w)    A = dF_x/dx (ndx x ndx)   B = dF_x/du (ndx x nu)   C = dH/dx   D = dH/du
//! ```
//!
//! all at fixed w. Over several steps w is held at the beginning alone, and what x and u do through it in between counts: so
//! where there is a w, the k steps of a control step are differenced as one. The product of single steps would lose that.
//!
//! Every column is the extrapolated difference of `mj_step` ([`Steps`]), so nothing of a model needs to be known, and each
//! entry has an estimate of its own error. The zero test follows from that: an entry that no nudge changes, or that no
//! path of the model leads to ([`Islands`]), is zero; one beyond its error is not; what lies between is undecided. Where
//! the derivatives of the two sides differ the state is flagged, and an entry whose differences settle on nothing is NaN.

mod groups;

use std::sync::Arc;

use self::groups::{Group, groups};
use super::kink::Surroundings;
use super::steps::{self, Column, SOMETHING, Steps};
use super::zero::decide;
use super::{Engine, EngineSpec, Jacobian, ZeroVerdict};
use crate::physics::{Islands, Model, PhysicsError, Sim};

/// One-sided derivatives that are apart by more than this share of the largest entry of A are a kink.
pub(super) const KINK: f64 = 5e-7;

/// An error beyond this share of the largest entry of A: the differences do not settle on anything.
pub(super) const UNSETTLED: f64 = 1e-6;

/// What a solver that comes no nearer to its end leaves in an entry, as a share of the largest entry of A: no verdict there.
const LEFT_OVER: f64 = 1e-6;

/// What is seen of an entry that no path of the model leads to, beyond this share of the largest entry of A, comes from the
/// solver: no verdict there either.
const CARRIED: f64 = 1e-10;

/// How far a state is nudged to name what switches.
const REACH: f64 = 1e-6;

/// Differences of whole steps.
#[derive(Debug)]
pub struct WholeStep {
    steps: Steps,
    state: Vec<f64>,
    column: Column,
    errors: Errors,
    islands: Islands,
    /// Made for the first kink.
    surroundings: Option<Surroundings>,
    zero_test: bool,
    /// Whether steps hand on more than the state.
    holds: bool,
    /// Whether code that is not MuJoCo's own takes part in a step.
    plugins: bool,
    /// The entries of the state in groups that can be nudged together, where no constraint is in force; empty where none can.
    groups: Vec<Group>,
    /// Values of sensors that show one of several things.
    picks: Vec<std::ops::Range<usize>>,
}

/// Of every entry of A, B, C and D, row-major: its error, and how far its one-sided derivatives are apart.
#[derive(Debug)]
struct Errors {
    a: Vec<[f64; 2]>,
    b: Vec<[f64; 2]>,
    c: Vec<[f64; 2]>,
    d: Vec<[f64; 2]>,
}

impl Errors {
    /// Puts an entry with its error, and with how far its sides are apart, into its place.
    fn put(&mut self, out: &mut Jacobian, [ndx, nu]: [usize; 2], [row, input]: [usize; 2], entry: (f64, [f64; 2])) {
        let (to, errors, at) = match (row < ndx, input < ndx) {
            (true, true) => (&mut out.a, &mut self.a, row * ndx + input),
            (true, false) => (&mut out.b, &mut self.b, row * nu + input - ndx),
            (false, true) => (&mut out.c, &mut self.c, (row - ndx) * ndx + input),
            (false, false) => (&mut out.d, &mut self.d, (row - ndx) * nu + input - ndx),
        };
        (to[at], errors[at]) = entry;
    }
}

impl WholeStep {
    /// What of a model the engine does not cover; nothing when it covers all.
    pub fn obstacles(model: &Model) -> Vec<String> {
        steps::obstacles(model)
    }

    /// The engine, with a simulation of its own.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for one.
    pub fn new(spec: &EngineSpec, model: &Arc<Model>) -> Result<Self, PhysicsError> {
        let steps = Steps::new(model, spec.sensors)?;
        let (ndx, nu) = (model.ndx(), model.nu());
        let ns = steps.rows() - ndx;
        Ok(Self {
            state: vec![0.0; model.state_size()],
            column: Column::default(),
            errors: Errors {
                a: vec![[0.0; 2]; ndx * ndx],
                b: vec![[0.0; 2]; ndx * nu],
                c: vec![[0.0; 2]; ns * ndx],
                d: vec![[0.0; 2]; ns * nu],
            },
            islands: Islands::new(model),
            surroundings: None,
            zero_test: spec.zero_test,
            holds: !model.held_state().is_empty(),
            plugins: model.has_plugins(),
            groups: if ns == 0 { groups(model).unwrap_or_default() } else { Vec::new() },
            picks: if ns == 0 {
                Vec::new()
            } else {
                model.sensed().0.into_iter().filter(|s| s.picks).map(|s| s.values).collect()
            },
            steps,
        })
    }

    /// The Jacobian of `span` steps as one.
    fn over(&mut self, sim: &mut Sim, span: usize, out: &mut Jacobian) -> Result<(), PhysicsError> {
        sim.get_state(&mut self.state)?;
        self.steps.begin_over(&self.state, span)?;
        self.difference(span, out)?;
        if self.plugins && !self.steps.repeats()? {
            let names: Vec<String> = sim.model().plugins()?.into_iter().map(|plugin| plugin.name).collect();
            return Err(PhysicsError::NotRepeatable { file: sim.model().file().to_owned(), plugins: names.join(", ") });
        }
        let kink = self.settle(out);
        if self.zero_test {
            self.judge(sim, span, out, kink)?;
            self.steps.asleep().tell(out);
        }
        Ok(())
    }

    /// Fills all values, and `errors`.
    fn difference(&mut self, span: usize, out: &mut Jacobian) -> Result<(), PhysicsError> {
        let (ndx, nu) = (self.steps.sim().model().ndx(), self.steps.sim().model().nu());
        let mut done = vec![false; ndx + nu];
        // Over several steps what lies apart meets.
        let groups = if span == 1 { std::mem::take(&mut self.groups) } else { Vec::new() };
        for Group { inputs, reach } in &groups {
            if !self.steps.derive_together(inputs, reach, &mut self.column)? {
                continue;
            }
            for (input, rows) in inputs.iter().zip(reach) {
                done[*input] = true;
                (0..ndx).for_each(|row| self.errors.put(out, [ndx, nu], [row, *input], (0.0, [0.0; 2])));
                rows.iter().for_each(|row| self.errors.put(out, [ndx, nu], [*row, *input], self.column.entry(*row)));
            }
        }
        if span == 1 {
            self.groups = groups;
        }
        for input in (0..ndx + nu).filter(|input| !done[*input]) {
            self.steps.derive(input, &mut self.column)?;
            for row in 0..self.steps.rows() {
                self.errors.put(out, [ndx, nu], [row, input], self.column.entry(row));
            }
        }
        Ok(())
    }

    /// Replaces what the differences do not settle on by NaN, and returns how far one-sided derivatives of A and B are
    /// apart at most, as a share of the largest entry of A: 0 where there is a derivative.
    fn settle(&self, out: &mut Jacobian) -> f64 {
        let sure = |(x, [error, _]): (&f64, &[f64; 2])| if error.is_finite() { x.abs() } else { 0.0 };
        let scale = out.a.iter().zip(&self.errors.a).map(sure).fold(0.0, f64::max);
        let own = |values: &[f64], errors: &[[f64; 2]]| values.iter().zip(errors).map(sure).fold(0.0, f64::max);
        let sensed = own(&out.c, &self.errors.c).max(own(&out.d, &self.errors.d));
        let mut kink = 0.0_f64;
        let Errors { a, b, c, d } = &self.errors;
        for (values, errors, scale, counts) in [
            (&mut out.a, a, scale, true),
            (&mut out.b, b, scale, true),
            (&mut out.c, c, sensed, false),
            (&mut out.d, d, sensed, false),
        ] {
            for (x, [error, apart]) in values.iter_mut().zip(errors) {
                let settled = *error <= UNSETTLED * scale.max(f64::MIN_POSITIVE) || *error == 0.0;
                let apart = if settled { apart / scale.max(f64::MIN_POSITIVE) } else { 1.0 };
                if !settled {
                    *x = f64::NAN;
                }
                if counts && apart > KINK {
                    kink = kink.max(apart);
                }
            }
        }
        for values in &self.picks {
            self.settle_pick(values.clone(), out);
        }
        kink
    }

    /// A sensor that shows one of several things has a kink where two of them are equal, and then nothing tells which of them
    /// its other derivatives are of.
    fn settle_pick(&self, values: std::ops::Range<usize>, out: &mut Jacobian) {
        let model = self.steps.sim().model();
        let (ndx, nu) = (model.ndx(), model.nu());
        let of = |row: usize| (row * ndx..(row + 1) * ndx, row * nu..(row + 1) * nu);
        let kinked = values.clone().any(|row| {
            let (c, d) = of(row);
            let entries = || {
                self.errors.c[c.clone()]
                    .iter()
                    .zip(&out.c[c.clone()])
                    .chain(self.errors.d[d.clone()].iter().zip(&out.d[d.clone()]))
            };
            let largest = entries().map(|(_, x)| x.abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
            entries().any(|([_, apart], x)| x.is_nan() || *apart > KINK * largest)
        });
        if kinked {
            for (c, d) in values.map(of) {
                out.c[c].fill(f64::NAN);
                out.d[d].fill(f64::NAN);
            }
        }
    }

    /// Fills the verdicts.
    fn judge(&mut self, sim: &mut Sim, span: usize, out: &mut Jacobian, kink: f64) -> Result<(), PhysicsError> {
        let (ndx, nu) = (sim.model().ndx(), sim.model().nu());
        let left = if sim.model().needs_cg() { LEFT_OVER } else { 0.0 };
        sim.find_islands(&mut self.islands)?;
        for _ in 1..span {
            sim.step()?;
            sim.join_islands(&mut self.islands)?;
        }
        if span > 1 {
            sim.set_state(&self.state)?;
        }
        let Self { errors, islands, .. } = self;
        let Jacobian { a, b, c, d, verdicts } = out;
        let finite = |m: &[f64]| m.iter().filter(|x| x.is_finite()).fold(0.0_f64, |most, x| most.max(x.abs()));
        let sensed = finite(c).max(finite(d));
        for (values, errors, verdicts) in [(&*c, &errors.c, &mut verdicts.c), (&*d, &errors.d, &mut verdicts.d)] {
            for ((x, [error, apart]), verdict) in values.iter().zip(errors).zip(verdicts) {
                let bent = *apart > KINK * sensed && *apart >= x.abs();
                *verdict = if bent || *x != 0.0 && x.abs() <= left * sensed {
                    ZeroVerdict::Undecided
                } else {
                    decide(*x, *error, sensed)
                };
            }
        }
        let scale = a.iter().filter(|x| x.is_finite()).fold(0.0_f64, |most, x| most.max(x.abs()));
        let verdict = |x: f64, [error, apart]: [f64; 2], acts: bool| match acts {
            // What a solver that stops early carries from one group of bodies to another is no path, and no zero either.
            false if x.abs() <= CARRIED * scale => ZeroVerdict::Zero,
            false => ZeroVerdict::Undecided,
            true if x != 0.0 && x.abs() <= left * scale => ZeroVerdict::Undecided,
            // One side may be zero and the other not.
            true if apart > KINK * scale && apart >= x.abs() => ZeroVerdict::Undecided,
            true => decide(x, error, scale),
        };
        for row in 0..ndx {
            let mut floor = 0.0_f64;
            for column in 0..ndx {
                let at = row * ndx + column;
                verdicts.a[at] = verdict(a[at], errors.a[at], islands.state_acts(row, column));
                floor = floor.max(errors.a[at][0]);
            }
            for column in 0..nu {
                let at = row * nu + column;
                verdicts.b[at] = verdict(b[at], errors.b[at], islands.control_acts(row, column));
                floor = floor.max(errors.b[at][0]);
            }
            verdicts.floor[row] = floor;
        }
        verdicts.near_singular = false;
        verdicts.kink = kink;
        verdicts.switches = Default::default();
        if kink > 0.0 {
            if self.surroundings.is_none() {
                self.surroundings = Some(Surroundings::new(sim.model())?);
            }
            if let Some(surroundings) = &mut self.surroundings {
                verdicts.switches = surroundings.switches(sim, REACH)?;
            }
            if !verdicts.switches.any() {
                verdicts.switches = SOMETHING;
            }
        }
        Ok(())
    }
}

impl Engine for WholeStep {
    /// Entries that the differences do not settle on are NaN.
    fn jacobian(&mut self, sim: &mut Sim, out: &mut Jacobian) -> Result<(), PhysicsError> {
        self.over(sim, 1, out)
    }

    fn jacobian_at_once(&mut self, sim: &mut Sim, k: usize, out: &mut Jacobian) -> Result<bool, PhysicsError> {
        if self.holds {
            self.over(sim, k, out)?;
        }
        Ok(self.holds)
    }
}

#[cfg(test)]
mod tests;
