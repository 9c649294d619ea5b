//! Second order: which entries of A and B change with the state at all, by differences of Jacobians.
//!
//! With J = [A, B] of a row (ndx x (ndx + nu)), for every size and every input k
//!
//! ```text
//! J_ij(x +- delta_k e_k) - J_ij(x)
//! ```
//!
//! is taken by the recording's own engine, whose zero test has a floor of each row's noise. An entry is constant where no input
//! moves it by more than three floors, and changes where one does by more than ten. It is bilinear where every change is, within
//! the floors, the opposite to the other side, so that it grows with the input; it switches where it changes only with
//! interventions in whose steps other constraints act.
//!
//! How large the second order is against the first is, of every intervention,
//!
//! ```text
//! |J(x +- delta_k e_k) - J(x)| / |J(x)|      Frobenius norms, J_ij over unit_i / unit_j
//! ```

use std::sync::Arc;

use super::InfluenceError;
use super::row::{Dimensions, NOT_APPLIED, RowFound, SWITCHES};
use super::start::Start;
use crate::jacobian::{Chain, Engine, EngineSpec, Jacobian};
use crate::physics::{Model, Sim};

/// How an entry changes with the state, by code.
pub(super) const KINDS: [&str; 5] = ["constant", "bilinear", "bends", "switches", "undecided"];
const CONSTANT: u8 = 0;
const BILINEAR: u8 = 1;
const BENDS: u8 = 2;
const SWITCHING: u8 = 3;
pub(super) const UNDECIDED: u8 = 4;

const WITHIN: f64 = 3.0;
const BEYOND: f64 = 10.0;

/// Differentiates at states beside a row.
pub(super) struct SecondOrder {
    engine: Box<dyn Engine>,
    chain: Chain,
    sim: Sim,
    substeps: usize,
    step: Jacobian,
    base: Jacobian,
    sides: [Jacobian; 2],
    direction: Vec<f64>,
}

/// What has been seen of an entry.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    largest: f64,
    smooth: bool,
    uneven: bool,
    switching: bool,
    doubtful: bool,
}

impl Seen {
    fn code(self) -> u8 {
        match self {
            Self { smooth: true, uneven: false, switching: false, .. } => BILINEAR,
            Self { smooth: true, .. } => BENDS,
            Self { switching: true, .. } => SWITCHING,
            Self { doubtful: true, .. } => UNDECIDED,
            _ => CONSTANT,
        }
    }
}

impl SecondOrder {
    /// With the engine of a recording.
    ///
    /// # Errors
    /// [`InfluenceError::Physics`].
    pub(super) fn new(model: &Arc<Model>, spec: &EngineSpec, substeps: usize) -> Result<Self, InfluenceError> {
        let zeros = || Jacobian::zeros(model, false);
        Ok(Self {
            engine: spec.build(model)?,
            chain: Chain::new(model, spec),
            sim: Sim::new(model)?,
            substeps,
            step: zeros(),
            base: zeros(),
            sides: [zeros(), zeros()],
            direction: vec![0.0; model.nv()],
        })
    }

    /// Fills in what a studied row says of second order.
    ///
    /// # Errors
    /// [`InfluenceError`].
    pub(super) fn find(
        &mut self,
        dimensions: Dimensions,
        start: &Start,
        units: &[f64],
        found: &mut RowFound,
    ) -> Result<(), InfluenceError> {
        let Dimensions { sizes, inputs, .. } = dimensions;
        let mut base = std::mem::take(&mut self.base);
        self.differentiate(start, None, &mut base)?;
        for s in 0..sizes {
            let mut seen = vec![Seen::default(); dimensions.entries()];
            let mut tried = false;
            for input in 0..inputs {
                let mut applied = [false; 2];
                let mut sides = std::mem::take(&mut self.sides);
                let mut status = 0;
                for (sign, side) in sides.iter_mut().enumerate() {
                    let at = dimensions.at(s, sign, input);
                    status |= found.status[at];
                    applied[sign] = found.status[at] & NOT_APPLIED == 0;
                    if applied[sign] {
                        applied[sign] = self.differentiate(start, Some((input, found.applied[at])), side)?;
                    }
                    if applied[sign] {
                        found.second_share[at] = share(&base, side, units) as f32;
                    }
                }
                tried |= applied != [false, false];
                compare(&base, &sides, applied, status & SWITCHES != 0, &mut seen);
                self.sides = sides;
            }
            let place = s * dimensions.entries();
            for (entry, seen) in seen.into_iter().enumerate() {
                found.second[place + entry] = if tried { seen.code() } else { UNDECIDED };
                found.second_change[place + entry] = seen.largest as f32;
            }
        }
        self.base = base;
        Ok(())
    }

    /// The Jacobian of the row from its state, or beside it; false where its steps diverge.
    fn differentiate(
        &mut self,
        start: &Start,
        nudge: Option<(usize, f64)>,
        out: &mut Jacobian,
    ) -> Result<bool, InfluenceError> {
        let Self { engine, chain, sim, substeps, step, direction, .. } = self;
        sim.set_state(&start.state)?;
        sim.clear_warnings();
        start.drives[0].apply(sim);
        if let Some((input, by)) = nudge {
            sim.nudge(input, by, direction);
        }
        if sim.divergence().is_some() {
            return Ok(false);
        }
        if *substeps == 1 {
            engine.jacobian(sim, out)?;
            sim.step()?;
        } else {
            chain.over(&mut **engine, sim, *substeps, [step, out])?;
        }
        Ok(sim.divergence().is_none())
    }
}

/// |J(x + delta) - J(x)| / |J(x)|, every entry over the units of its output and its input; NaN where it is no number.
fn share(base: &Jacobian, side: &Jacobian, units: &[f64]) -> f64 {
    let ndx = base.verdicts.floor.len();
    let (mut apart, mut all) = (0.0, 0.0);
    for (i, unit) in units[..ndx].iter().enumerate().filter(|(_, unit)| **unit > 0.0) {
        for (j, by) in units.iter().enumerate() {
            let scale = by / unit;
            let here = value(base, i, j, units.len());
            apart += ((value(side, i, j, units.len()) - here) * scale).powi(2);
            all += (here * scale).powi(2);
        }
    }
    if all > 0.0 { (apart / all).sqrt() } else { f64::NAN }
}

/// Entry of [A, B] with so many columns.
fn value(j: &Jacobian, i: usize, column: usize, inputs: usize) -> f64 {
    let ndx = j.verdicts.floor.len();
    match column.checked_sub(ndx) {
        None => j.a[i * ndx + column],
        Some(control) => j.b[i * (inputs - ndx) + control],
    }
}

/// Takes the differences of one input into what is seen of every entry.
fn compare(base: &Jacobian, sides: &[Jacobian; 2], applied: [bool; 2], switches: bool, seen: &mut [Seen]) {
    let ndx = base.verdicts.floor.len();
    let inputs = seen.len() / ndx.max(1);
    for (entry, seen) in seen.iter_mut().enumerate() {
        let (i, column) = (entry / inputs, entry % inputs);
        let here = value(base, i, column, inputs);
        let mut changes = [0.0; 2];
        let mut floor = base.verdicts.floor[i];
        for ((change, side), _) in changes.iter_mut().zip(sides).zip(applied).filter(|(_, applied)| *applied) {
            *change = value(side, i, column, inputs) - here;
            floor = floor.max(side.verdicts.floor[i]);
        }
        // An entry is rounded as the largest that it is a sum of, and as itself.
        floor = floor.max(4.0 * f64::EPSILON * here.abs());
        let [up, down] = changes;
        let most = up.abs().max(down.abs());
        if !(up.is_finite() && down.is_finite() && floor.is_finite()) {
            seen.doubtful = true;
        } else if most > BEYOND * floor {
            seen.largest = seen.largest.max(most);
            seen.switching |= switches;
            seen.smooth |= !switches;
            seen.uneven |= !switches && (applied != [true, true] || (up + down).abs() > BEYOND * floor);
        } else {
            seen.doubtful |= most > WITHIN * floor;
        }
    }
}
