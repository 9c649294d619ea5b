//! The smallest size at which a zero of the Jacobian breaks.
//!
//! For an entry that the Jacobian calls zero, the radius to one side is the least delta at which the intervention changes it beyond
//! its noise ([`super::judge`]). Sizes are tried on a ladder, each twice the one before, from the smallest size of the study to its
//! largest; between the first that breaks the entry and the one below it lies the radius, which bisection finds to a share of
//! 1e-7. What breaks and heals between two rungs is not seen.

use std::collections::BTreeMap;

use super::InfluenceError;
use super::judge::{Derivative, judge, stands_out};
use super::row::{Dimensions, RowFound, status};
use crate::jacobian::{Effect, Interventions};
use crate::zero::ZeroVerdict;

/// How exactly a radius is found, as a share of it.
const EXACTLY: f64 = 1e-7;

/// What an intervention of one size has done: by output whether it has changed it, and whether that is decided.
#[derive(Debug, Clone)]
struct Tried {
    verdicts: Vec<ZeroVerdict>,
    status: u8,
}

/// Interventions on one input to one side, by size (the bits of a number above 0 rise as it does).
struct Line<'a> {
    steps: &'a mut Interventions,
    input: usize,
    sign: f64,
    derivatives: &'a [Derivative],
    inputs: usize,
    /// The largest noise of each output in the interventions of the row.
    noise: &'a [f32],
    tried: BTreeMap<u64, Tried>,
    effect: Effect,
}

impl Line<'_> {
    fn try_size(&mut self, size: f64) -> Result<(), InfluenceError> {
        if self.tried.contains_key(&size.to_bits()) {
            return Ok(());
        }
        self.steps.apply(self.input, self.sign * size, &mut self.effect)?;
        let effect = &self.effect;
        let of = |(i, change): (usize, &f64)| {
            let derivative = self.derivatives[i * self.inputs + self.input];
            let verdict = judge(*change, effect.noise[i], effect.applied, derivative);
            let doubtful = verdict == ZeroVerdict::Nonzero && !stands_out(*change, self.noise[i].into());
            if doubtful { ZeroVerdict::Undecided } else { verdict }
        };
        // A size that the range of a control cuts is none that was asked for.
        let whole = effect.applied.abs() >= size;
        let verdicts = effect.change.iter().enumerate().map(of);
        let verdicts = verdicts.map(|verdict| if whole { verdict } else { ZeroVerdict::Undecided }).collect();
        self.tried.insert(size.to_bits(), Tried { verdicts, status: status(effect, size) });
        Ok(())
    }

    /// The largest size below all that change an output, 0 where there is none, and the smallest that does.
    fn bracket(&self, output: usize) -> (f64, Option<f64>) {
        let changes = |tried: &Tried| tried.verdicts[output] == ZeroVerdict::Nonzero;
        let first = self.tried.iter().find(|(_, tried)| changes(tried)).map(|(size, _)| *size);
        let below = match first {
            Some(first) => self.tried.range(..first).next_back(),
            None => self.tried.iter().next_back(),
        };
        (below.map_or(0.0, |(size, _)| f64::from_bits(*size)), first.map(f64::from_bits))
    }

    /// The radius of an output, and what switches there: infinite where no size up to the largest changes it, NaN where that is
    /// not decided.
    fn radius(&mut self, output: usize) -> Result<(f64, u8), InfluenceError> {
        loop {
            let (low, high) = self.bracket(output);
            let Some(high) = high else {
                let sure = self.tried.values().all(|tried| tried.verdicts[output] == ZeroVerdict::Zero);
                return Ok((if sure { f64::INFINITY } else { f64::NAN }, 0));
            };
            let middle = low + 0.5 * (high - low);
            // Below the smallest size nothing is looked at; between the least numbers there is none.
            let found = low == 0.0 || high - low <= EXACTLY * high || middle <= low || middle >= high;
            if found {
                return Ok((high, self.tried.get(&high.to_bits()).map_or(0, |tried| tried.status)));
            }
            self.try_size(middle)?;
        }
    }
}

/// Finds the radii of a row.
///
/// # Errors
/// [`InfluenceError`].
pub(super) fn find(
    dimensions: Dimensions,
    derivatives: &[Derivative],
    sizes: &[Vec<f64>],
    steps: &mut Interventions,
    found: &mut RowFound,
) -> Result<(), InfluenceError> {
    let Dimensions { ndx, inputs, .. } = dimensions;
    let [Some(smallest), Some(largest)] = [sizes.first(), sizes.last()] else { return Ok(()) };
    for input in 0..inputs {
        let is_zero = |i: &usize| derivatives[i * inputs + input].verdict == ZeroVerdict::Zero;
        let zeros: Vec<usize> = (0..ndx).filter(is_zero).collect();
        // A unit of zero, or one that no number is left of.
        let sizes_are_numbers = smallest[input] > 0.0 && largest[input].is_finite();
        if zeros.is_empty() || !sizes_are_numbers {
            continue;
        }
        for (s, sign) in [1.0, -1.0].into_iter().enumerate() {
            let (tried, effect) = (BTreeMap::new(), Effect::default());
            let noise = &found.noise;
            let mut line = Line { steps, input, sign, derivatives, inputs, noise, tried, effect };
            let mut rung = smallest[input];
            while rung < largest[input] {
                line.try_size(rung)?;
                rung *= 2.0;
            }
            line.try_size(largest[input])?;
            for output in &zeros {
                let at = (s * ndx + output) * inputs + input;
                (found.radius[at], found.radius_status[at]) = line.radius(*output)?;
            }
        }
    }
    Ok(())
}
