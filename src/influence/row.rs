//! What interventions at one row have found, and its bytes.

use super::judge::{Derivative, judge, of_both, stands_out};
use super::start::Start;
use super::{InfluenceError, radius, second};
use crate::flags::StepFlags;
use crate::jacobian::{Effect, Interventions, Switches};
use crate::zero::ZeroVerdict;

/// What else is to be known of an intervention, by bit.
pub(super) const STATUS: [&str; 7] = ["contact", "limit", "friction", "force", "cut", "not_applied", "diverged"];
pub(super) const CONTACT: u8 = 1;
pub(super) const LIMIT: u8 = 2;
pub(super) const FRICTION: u8 = 4;
pub(super) const FORCE: u8 = 8;
pub(super) const CUT: u8 = 16;
pub(super) const NOT_APPLIED: u8 = 32;
pub(super) const DIVERGED: u8 = 64;
/// Those of what switches.
pub(super) const SWITCHES: u8 = CONTACT | LIMIT | FRICTION | FORCE;

/// What became of a row, by code.
pub(super) const ROW_CODES: [&str; 3] = ["studied", "not_restored", "diverged"];
pub(super) const STUDIED: u8 = 0;
const NOT_RESTORED: u8 = 1;
const ROW_DIVERGED: u8 = 2;

/// The sizes of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dimensions {
    pub(super) sizes: usize,
    pub(super) ndx: usize,
    pub(super) inputs: usize,
    pub(super) radius: bool,
    pub(super) second: bool,
}

impl Dimensions {
    /// Interventions of a row: sizes x signs x inputs.
    pub(super) fn interventions(self) -> usize {
        2 * self.sizes * self.inputs
    }

    /// Entries of a graph.
    pub(super) fn entries(self) -> usize {
        self.ndx * self.inputs
    }

    /// Entries of a radius: signs x outputs x inputs, where it is asked for.
    fn radii(self) -> usize {
        if self.radius { 2 * self.entries() } else { 0 }
    }

    /// Entries of what second order says: sizes x outputs x inputs, where it is asked for.
    fn seconds(self) -> usize {
        if self.second { self.sizes * self.entries() } else { 0 }
    }

    /// Interventions whose Jacobians are compared, where that is asked for.
    fn shares(self) -> usize {
        if self.second { self.interventions() } else { 0 }
    }

    /// The place of an intervention.
    pub(super) fn at(self, size: usize, sign: usize, input: usize) -> usize {
        (2 * size + sign) * self.inputs + input
    }
}

/// What was found at one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RowFound {
    pub(super) code: u8,
    pub(super) flags: StepFlags,
    /// How far the simulated states are from the recorded ones.
    pub(super) off: f64,
    /// sizes x signs x inputs.
    pub(super) applied: Vec<f64>,
    /// The same.
    pub(super) status: Vec<u8>,
    /// sizes x signs x outputs x inputs.
    pub(super) change: Vec<f32>,
    /// sizes x outputs x inputs.
    pub(super) verdict: Vec<u8>,
    /// How far the state is from where the Jacobian alone leads, over how far it moves; sizes x signs x inputs.
    pub(super) linear_error: Vec<f32>,
    /// outputs x inputs.
    pub(super) jacobian: Vec<u8>,
    /// The largest noise of an output in the row's interventions.
    pub(super) noise: Vec<f32>,
    /// signs x outputs x inputs.
    pub(super) radius: Vec<f64>,
    /// The same.
    pub(super) radius_status: Vec<u8>,
    /// sizes x outputs x inputs.
    pub(super) second: Vec<u8>,
    /// The same.
    pub(super) second_change: Vec<f32>,
    /// How much of the Jacobian an intervention changes; sizes x signs x inputs, where it is asked for.
    pub(super) second_share: Vec<f32>,
}

impl RowFound {
    /// Nothing known.
    fn new(dimensions: Dimensions, code: u8, start: &Start) -> Self {
        let (runs, entries) = (dimensions.interventions(), dimensions.entries());
        Self {
            code,
            flags: start.flags,
            off: start.off,
            applied: vec![0.0; runs],
            status: vec![NOT_APPLIED; runs],
            change: vec![f32::NAN; runs * dimensions.ndx],
            verdict: vec![ZeroVerdict::Undecided.code(); dimensions.sizes * entries],
            linear_error: vec![f32::NAN; runs],
            jacobian: vec![ZeroVerdict::Undecided.code(); entries],
            noise: vec![f32::NAN; dimensions.ndx],
            radius: vec![f64::NAN; dimensions.radii()],
            radius_status: vec![0; dimensions.radii()],
            second: vec![second::UNDECIDED; dimensions.seconds()],
            second_change: vec![f32::NAN; dimensions.seconds()],
            second_share: vec![f32::NAN; dimensions.shares()],
        }
    }

    /// Intervenes at a row.
    ///
    /// # Errors
    /// [`InfluenceError`].
    pub(super) fn find(
        dimensions: Dimensions,
        start: &Start,
        derivatives: &[Derivative],
        (sizes, units): (&[Vec<f64>], &[f64]),
        steps: &mut Interventions,
    ) -> Result<Self, InfluenceError> {
        if !start.is_restored() {
            return Ok(Self::new(dimensions, NOT_RESTORED, start));
        }
        if !steps.begin(&start.state, start.drives.clone())? {
            return Ok(Self::new(dimensions, ROW_DIVERGED, start));
        }
        let mut found = Self::new(dimensions, STUDIED, start);
        found.jacobian.iter_mut().zip(derivatives).for_each(|(code, d)| *code = d.verdict.code());
        found.noise.iter_mut().zip(steps.base_noise()).for_each(|(to, noise)| *to = *noise as f32);
        let mut effects = [Effect::default(), Effect::default()];
        for (s, sizes) in sizes.iter().enumerate() {
            for (input, size) in sizes.iter().enumerate() {
                for (sign, effect) in effects.iter_mut().enumerate() {
                    steps.apply(input, [*size, -*size][sign], effect)?;
                    found.keep(dimensions, [s, sign, input], *size, effect);
                    let column = derivatives.iter().skip(input).step_by(dimensions.inputs);
                    found.linear_error[dimensions.at(s, sign, input)] = linear_error(effect, column, units) as f32;
                }
                for i in 0..dimensions.ndx {
                    let derivative = derivatives[i * dimensions.inputs + input];
                    let of = |effect: &Effect| {
                        (effect.applied != 0.0)
                            .then(|| judge(effect.change[i], effect.noise[i], effect.applied, derivative))
                    };
                    let verdict = of_both(effects.each_ref().map(of));
                    found.verdict[s * dimensions.entries() + i * dimensions.inputs + input] = verdict.code();
                }
            }
        }
        found.doubt(dimensions);
        if dimensions.radius {
            radius::find(dimensions, derivatives, sizes, steps, &mut found)?;
        }
        Ok(found)
    }

    /// What is changed by less than the largest noise of its output allows to say is undecided.
    fn doubt(&mut self, dimensions: Dimensions) {
        let Dimensions { sizes, ndx, inputs, .. } = dimensions;
        let nonzero = ZeroVerdict::Nonzero.code();
        for (s, i, input) in
            (0..sizes).flat_map(|s| (0..ndx).flat_map(move |i| (0..inputs).map(move |input| (s, i, input))))
        {
            let change = |sign: usize| f64::from(self.change[((2 * s + sign) * ndx + i) * inputs + input]);
            let seen = (0..2).any(|sign| stands_out(change(sign), self.noise[i].into()));
            let verdict = &mut self.verdict[(s * ndx + i) * inputs + input];
            if *verdict == nonzero && !seen {
                *verdict = ZeroVerdict::Undecided.code();
            }
        }
    }

    fn keep(&mut self, dimensions: Dimensions, [s, sign, input]: [usize; 3], size: f64, effect: &Effect) {
        let at = dimensions.at(s, sign, input);
        self.applied[at] = effect.applied;
        self.status[at] = status(effect, size);
        for (i, change) in effect.change.iter().enumerate() {
            let place = ((2 * s + sign) * dimensions.ndx + i) * dimensions.inputs + input;
            self.change[place] = if effect.applied == 0.0 { f32::NAN } else { *change as f32 };
        }
        for (noise, seen) in self.noise.iter_mut().zip(&effect.noise) {
            *noise = noise.max(*seen as f32);
        }
    }

    /// Its bytes, little-endian.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.code];
        bytes.extend(self.flags.bits().to_le_bytes());
        bytes.extend(self.off.to_le_bytes());
        self.columns().iter().for_each(|column| bytes.extend_from_slice(column));
        bytes
    }

    /// The lists, as bytes.
    pub(super) fn columns(&self) -> [&[u8]; 12] {
        use bytemuck::cast_slice;
        [
            cast_slice(&self.applied),
            &self.status,
            cast_slice(&self.change),
            &self.verdict,
            cast_slice(&self.linear_error),
            &self.jacobian,
            cast_slice(&self.noise),
            cast_slice(&self.radius),
            &self.radius_status,
            &self.second,
            cast_slice(&self.second_change),
            cast_slice(&self.second_share),
        ]
    }

    /// From its bytes; None where they are not those of such a row.
    pub(super) fn from_bytes(dimensions: Dimensions, bytes: &[u8]) -> Option<Self> {
        let (runs, entries) = (dimensions.interventions(), dimensions.entries());
        let (radii, seconds) = (dimensions.radii(), dimensions.seconds());
        let mut rest = bytes;
        let mut take = |n: usize| rest.split_off(..n);
        let code = *take(1)?.first()?;
        let flags = StepFlags::from_le_bytes(take(4)?.try_into().ok()?);
        let off = f64::from_le_bytes(take(8)?.try_into().ok()?);
        let found = Self {
            code,
            flags,
            off,
            applied: doubles(take(8 * runs)?),
            status: take(runs)?.to_vec(),
            change: singles(take(4 * runs * dimensions.ndx)?),
            verdict: take(dimensions.sizes * entries)?.to_vec(),
            linear_error: singles(take(4 * runs)?),
            jacobian: take(entries)?.to_vec(),
            noise: singles(take(4 * dimensions.ndx)?),
            radius: doubles(take(8 * radii)?),
            radius_status: take(radii)?.to_vec(),
            second: take(seconds)?.to_vec(),
            second_change: singles(take(4 * seconds)?),
            second_share: singles(take(4 * dimensions.shares())?),
        };
        rest.is_empty().then_some(found)
    }
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x)).collect()
}

fn singles(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect()
}

/// |change - A_j applied| / |change|, with every entry in its unit; NaN where the Jacobian has no number or nothing moves. What is not
/// beyond its noise is no change.
fn linear_error<'a>(effect: &Effect, column: impl Iterator<Item = &'a Derivative>, units: &[f64]) -> f64 {
    let (mut off, mut moved) = (0.0, 0.0);
    let changes = effect
        .change
        .iter()
        .zip(&effect.noise)
        .map(|(change, noise)| if change.is_nan() || stands_out(*change, *noise) { *change } else { 0.0 });
    for ((change, derivative), unit) in changes.zip(column).zip(units).filter(|(_, unit)| **unit > 0.0) {
        let predicted = if derivative.verdict == ZeroVerdict::Zero { 0.0 } else { derivative.value * effect.applied };
        off += ((change - predicted) / unit).powi(2);
        moved += (change / unit).powi(2);
    }
    if moved > 0.0 { (off / moved).sqrt() } else { f64::NAN }
}

/// The bits of [`STATUS`].
pub(super) fn status(effect: &Effect, size: f64) -> u8 {
    let Switches { contact, limit, friction, force, .. } = effect.switches;
    let (none, cut) = (effect.applied == 0.0, effect.applied.abs() < size);
    let all = [contact, limit, friction, force, cut && !none, none, effect.diverged];
    all.iter().enumerate().map(|(bit, set)| u8::from(*set) << bit).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_no_others() {
        let dimensions = Dimensions { sizes: 2, ndx: 2, inputs: 3, radius: true, second: true };
        let start = Start { state: vec![], drives: vec![], flags: StepFlags::EVENT, off: 1e-12 };
        let mut found = RowFound::new(dimensions, STUDIED, &start);
        found.change.iter_mut().enumerate().for_each(|(i, x)| *x = i as f32);
        // NaN is not equal to itself.
        for column in [&mut found.noise, &mut found.linear_error, &mut found.second_change, &mut found.second_share] {
            column.fill(1.0);
        }
        found.radius.fill(f64::INFINITY);
        let bytes = found.to_bytes();
        assert_eq!(RowFound::from_bytes(dimensions, &bytes), Some(found));
        assert_eq!(RowFound::from_bytes(dimensions, &bytes[1..]), None);
        assert_eq!(RowFound::from_bytes(dimensions, &[&bytes[..], &[0]].concat()), None);
        assert_eq!(RowFound::from_bytes(Dimensions { radius: false, ..dimensions }, &bytes), None);
    }
}
