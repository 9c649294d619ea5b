//! The zero test of differences: two well separated step sizes.
//!
//! A difference over a nudge h has the derivative in it, the rounding of the step's result divided by h, and what the
//! function bends within h. Rounding shrinks with 1/h, so a number that stays while h grows a hundredfold is a
//! derivative, one that shrinks with it is noise. What is zero by structure (see [`Islands`]) needs no test.

use super::kink::{OneSided, Surroundings, one_sided};
use super::{Jacobian, Switches, Verdicts, ZeroVerdict};
use crate::physics::{Islands, Model, PhysicsError, Sim};

/// How much wider the second nudge is.
const WIDE: f64 = 100.0;

/// Rounding errors of a step's result, in units of half the last place of its operands.
const ROUNDING: f64 = 64.0;

/// A noise floor is an estimate; a number above so many floors is surely not noise.
const SURE: f64 = 8.0;

/// How far the two differences of a row's entries lie apart, at the median, is the noise of the narrow one as it is. The
/// floor is so many times that, where it is more than the estimate, but never more than [`MOST`] estimates: a switch
/// inside the wide nudge is no noise.
const SPREAD: f64 = 8.0;

/// See [`SPREAD`].
const MOST: f64 = 16.0;

/// OneSided, or step sizes, that disagree by more, as a share of the largest entry of A, make a switch likely. Smooth
/// dynamics bend less within the wide nudge, stiff contacts perhaps not.
const APART: f64 = 1e-3;

/// The disagreement of the sides over the narrow nudge, as a share of that over the wide one, above which it is a
/// switch: that of a bend grows with the nudge, that of a switch stays.
const STAYS: f64 = 0.1;

/// Above this it is a switch whatever the wide nudge says. Bends of stiff contacts reach 0.013 on Playground's tasks,
/// switches are around 1.
const SURELY_APART: f64 = 0.03;

/// The test, with its space.
#[derive(Debug)]
pub(super) struct TwoStepTest {
    eps: f64,
    islands: Islands,
    wide: OneSided,
    narrow: OneSided,
    /// Made for the first kink.
    surroundings: Option<Surroundings>,
    /// Sizes of the tangent state's entries and of the controls.
    sizes: Vec<f64>,
    differences: Vec<f64>,
}

/// Two differences of one entry with their noise.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// Over the narrow nudge, the one that is recorded.
    narrow: f64,
    /// Over the wide one.
    wide: f64,
    /// Noise of the narrow one.
    floor: f64,
}

impl Pair {
    fn verdict(self) -> ZeroVerdict {
        let (narrow, wide, wide_floor) = (self.narrow.abs(), self.wide.abs(), self.floor / WIDE);
        if !(narrow.is_finite() && wide.is_finite() && self.floor.is_finite()) {
            return ZeroVerdict::Undecided;
        }
        if narrow <= self.floor {
            return match () {
                () if wide <= wide_floor => ZeroVerdict::Zero,
                // The wide difference alone sees something that the narrow one ought to see too: it switches.
                () if wide > SURE * self.floor => ZeroVerdict::Undecided,
                () if wide > SURE * wide_floor => ZeroVerdict::Nonzero,
                () => ZeroVerdict::Undecided,
            };
        }
        // Above the noise, and both agree.
        if (self.narrow - self.wide).abs() <= 0.5 * narrow.max(wide) + self.floor && wide > SURE * wide_floor {
            return ZeroVerdict::Nonzero;
        }
        // They do not: far above the noise the narrow one is right.
        match () {
            () if narrow > SURE * self.floor => ZeroVerdict::Nonzero,
            () if wide <= wide_floor => ZeroVerdict::Zero,
            () => ZeroVerdict::Undecided,
        }
    }
}

impl TwoStepTest {
    /// The test for differences over `eps`.
    pub(super) fn new(model: &Model, eps: f64) -> Self {
        Self {
            eps,
            islands: Islands::new(model),
            wide: OneSided::new(model),
            narrow: OneSided::new(model),
            surroundings: None,
            sizes: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// Judges the Jacobian in `out`, which was taken at the present state of `sim`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn judge(&mut self, sim: &mut Sim, out: &mut Jacobian) -> Result<(), PhysicsError> {
        let Jacobian { a, b, verdicts, .. } = out;
        self.wide.take(sim, WIDE * self.eps)?;
        self.kink(sim, a, verdicts)?;
        sim.find_islands(&mut self.islands)?;
        self.measure(sim);
        let (ndx, nu) = (sim.model().ndx(), sim.model().nu());
        for row in 0..ndx {
            let (states, controls) = self.sizes.split_at(ndx);
            let (a_row, b_row) = (&a[row * ndx..(row + 1) * ndx], &b[row * nu..(row + 1) * nu]);
            let sum = |entries: &[f64], sizes: &[f64]| entries.iter().zip(sizes).map(|(x, s)| x.abs() * s).sum::<f64>();
            let size = states[row].max(sum(a_row, states) + sum(b_row, controls));
            let estimate = ROUNDING * 0.5 * f64::EPSILON * size / self.eps;
            let seen = SPREAD * self.spread(row, a_row, b_row);
            let floor = estimate.max(seen.min(MOST * estimate));
            verdicts.floor[row] = floor;
            let judge = |narrow: &f64, [up, down]: &[Vec<f64>; 2], at: usize| {
                Pair { narrow: *narrow, wide: 0.5 * (up[at] + down[at]), floor }.verdict()
            };
            for (column, narrow) in a_row.iter().enumerate() {
                let at = row * ndx + column;
                let acts = self.islands.state_acts(row, column);
                verdicts.a[at] = if acts { judge(narrow, &self.wide.a, at) } else { ZeroVerdict::Zero };
            }
            for (control, narrow) in b_row.iter().enumerate() {
                let at = row * nu + control;
                let acts = self.islands.control_acts(row, control);
                verdicts.b[at] = if acts { judge(narrow, &self.wide.b, at) } else { ZeroVerdict::Zero };
            }
        }
        Ok(())
    }

    /// The median of how far the two differences of a row's entries lie apart; 0 where all are zero.
    fn spread(&mut self, row: usize, a: &[f64], b: &[f64]) -> f64 {
        let Self { wide, differences, .. } = self;
        differences.clear();
        for (narrow, [up, down]) in [(a, &wide.a), (b, &wide.b)] {
            let at = row * narrow.len();
            let wide = up[at..].iter().zip(&down[at..]).map(|(up, down)| 0.5 * (up + down));
            let both = narrow.iter().zip(wide).filter(|(n, w)| **n != 0.0 || *w != 0.0);
            differences.extend(both.map(|(narrow, wide)| (narrow - wide).abs()));
        }
        if differences.is_empty() {
            return 0.0;
        }
        let middle = differences.len() / 2;
        *differences.select_nth_unstable_by(middle, f64::total_cmp).1
    }

    /// Whether something switches within the narrow nudge. It is looked for where the wide one gives a reason.
    fn kink(&mut self, sim: &mut Sim, a: &[f64], verdicts: &mut Verdicts) -> Result<(), PhysicsError> {
        verdicts.kink = 0.0;
        verdicts.switches = Switches::default();
        verdicts.near_singular = false;
        let [up, down] = &self.wide.a;
        let largest = a.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        let scales =
            a.iter().zip(up).zip(down).fold(0.0_f64, |most, ((x, up), down)| most.max((x - 0.5 * (up + down)).abs()));
        let wide = self.wide.apart(sim, WIDE * self.eps);
        if scales.max(wide * largest) <= APART * largest {
            return Ok(());
        }
        let apart = one_sided(sim, self.eps, &mut self.narrow)?;
        if apart <= (STAYS * wide).clamp(APART, SURELY_APART) {
            return Ok(());
        }
        verdicts.kink = apart;
        if self.surroundings.is_none() {
            self.surroundings = Some(Surroundings::new(sim.model())?);
        }
        if let Some(surroundings) = &mut self.surroundings {
            verdicts.switches = surroundings.switches(sim, self.eps)?;
        }
        Ok(())
    }

    /// Sizes of what a step computes with: positions and velocities of at least 1 (there are postures and lengths of
    /// that size in the kinematics whatever the coordinates), controls as they are.
    fn measure(&mut self, sim: &Sim) {
        let model = sim.model();
        let nv = model.nv();
        self.sizes.clear();
        self.sizes.resize(2 * nv, 1.0);
        for joint in model.joints().filter(|j| j.is_scalar()) {
            self.sizes[joint.dof] = sim.qpos()[joint.qpos].abs().max(1.0);
        }
        for joint in model.joints().filter(|j| j.kind == crate::physics::JointKind::Free) {
            for k in 0..3 {
                self.sizes[joint.dof + k] = sim.qpos()[joint.qpos + k].abs().max(1.0);
            }
        }
        for (size, v) in self.sizes[nv..].iter_mut().zip(sim.qvel()) {
            *size = v.abs().max(1.0);
        }
        // The nudge itself is rounded too.
        let nudge = WIDE * self.eps;
        self.sizes.extend(sim.act().iter().chain(sim.ctrl()).map(|x| x.abs() + nudge));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_step_sizes_decide() {
        let verdict = |narrow: f64, wide: f64| Pair { narrow, wide, floor: 1e-8 }.verdict();
        for (narrow, wide, expected) in [
            (0.0, 0.0, ZeroVerdict::Zero),
            // Noise that shrinks with the nudge, even where it is more than was reckoned with.
            (3e-9, 4e-11, ZeroVerdict::Zero),
            (-5e-8, 9e-11, ZeroVerdict::Zero),
            // A derivative stays.
            (1.0, 1.0, ZeroVerdict::Nonzero),
            (-2e-7, -2e-7, ZeroVerdict::Nonzero),
            (1.2e-8, 1e-8, ZeroVerdict::Nonzero),
            // Too small for the narrow nudge, seen by the wide one; and too small for both to tell.
            (-4e-9, 2e-9, ZeroVerdict::Nonzero),
            (4e-9, 3e-10, ZeroVerdict::Undecided),
            // The wide nudge alone meets a contact.
            (1e-9, 0.3, ZeroVerdict::Undecided),
            // The derivative is there, though a contact switches within the wide nudge.
            (0.3, -7.0, ZeroVerdict::Nonzero),
            (0.3, 0.0, ZeroVerdict::Nonzero),
            (f64::NAN, 0.0, ZeroVerdict::Undecided),
            (0.0, f64::INFINITY, ZeroVerdict::Undecided),
        ] {
            assert_eq!(verdict(narrow, wide), expected, "{narrow:e} and {wide:e}");
        }
        assert_eq!(Pair { narrow: 0.0, wide: 0.0, floor: f64::NAN }.verdict(), ZeroVerdict::Undecided);
    }
}
