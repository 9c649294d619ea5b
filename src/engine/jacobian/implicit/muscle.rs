//! MuJoCo's muscle: its activation's rate and its force, with their derivatives.
//!
//! From the excitation u and the activation w (both held in 0..1 as c(u), c(w)) the rate is
//!
//! ```text
//! dw/dt = (c(u) - w) / tau,        tau = tau_act s  or  tau_deact / s,        s = 1/2 + 3/2 c(w),
//! ```
//!
//! the first where the activation rises and the second where it falls, or a mix of both over a width of c(u) - w. It bends where
//! c does, and without a width where the activation begins to fall. The force is
//!
//! ```text
//! f(L, V, w) = -F0 FL(L) FV(V) w - F0 FP(L)        (N)
//! ```
//!
//! with the normalised length L and velocity V. The curves FL, FV and FP are parabolas and straight lines in a row, with one
//! slope where they meet: no knot bends a force, only its slope, but for a FV that does not rise beyond 1.

use mujoco_rs::mujoco_c::{mjtBias, mjtGain};

use super::motion::ULP;
use crate::physics::Actuator;

/// MuJoCo's mjMINVAL.
const NO_LENGTH: f64 = 1e-15;

/// Parts of the curves that are narrower than this are taken for none: their slopes change within them as good as at once.
const NARROW: f64 = 1e-6;

/// How a muscle's activation moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Excitation {
    /// Time constants of rising and falling, s, and the width of c(u) - w over which one becomes the other.
    rise: f64,
    fall: f64,
    width: f64,
}

/// A number held in 0..1, and its slope to one side (+1 or -1).
fn held(x: f64, side: f64) -> (f64, f64) {
    let inside = if side > 0.0 { (0.0..1.0).contains(&x) } else { x > 0.0 && x <= 1.0 };
    (x.clamp(0.0, 1.0), f64::from(u8::from(inside)))
}

/// A smooth step from 0 to 1, and its slope.
fn smooth_step(x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 0.0);
    }
    if x >= 1.0 {
        return (1.0, 0.0);
    }
    (x * x * x * (3.0 * x * (2.0 * x - 5.0) + 10.0), 30.0 * (x * (1.0 - x)).powi(2))
}

impl Excitation {
    /// From an actuator's `dynprm`.
    pub(super) fn new(dynprm: &[f64]) -> Self {
        Self { rise: dynprm[0], fall: dynprm[1], width: dynprm[2] }
    }

    /// dw/dt, 1/s, and its slope along a direction (of w, of u) to the one side that it points to.
    fn towards(&self, [w, u]: [f64; 2], direction: [f64; 2]) -> (f64, f64) {
        let ((c, dc), (e, de)) = (held(w, direction[0]), held(u, direction[1]));
        let (dc, de) = (dc * direction[0], de * direction[1]);
        let (s, ds) = (0.5 + 1.5 * c, 1.5 * dc);
        let (rise, fall) = (self.rise * s, self.fall / s);
        let (d_rise, d_fall) = (self.rise * ds, -self.fall / (s * s) * ds);
        let (d, dd) = (e - w, de - direction[0]);
        let (tau, d_tau) = if self.width < NO_LENGTH {
            if d > 0.0 || d == 0.0 && dd > 0.0 { (rise, d_rise) } else { (fall, d_fall) }
        } else {
            let (mix, slope) = smooth_step(d / self.width + 0.5);
            let d_mix = slope * dd / self.width;
            (fall + (rise - fall) * mix, d_fall + (d_rise - d_fall) * mix + (rise - fall) * d_mix)
        };
        let (tau, d_tau) = if tau > NO_LENGTH { (tau, d_tau) } else { (NO_LENGTH, 0.0) };
        (d / tau, (dd - d / tau * d_tau) / tau)
    }

    /// dw/dt, 1/s.
    pub(super) fn rate(&self, act: f64, control: f64) -> f64 {
        self.towards([act, control], [1.0, 0.0]).0
    }

    /// Whether dw/dt may bend when the activation or the control is nudged by `reach`.
    pub(super) fn bends_within(&self, act: f64, control: f64, reach: f64) -> bool {
        let edge = |x: f64| x.abs().min((x - 1.0).abs()) <= reach;
        let d = control.clamp(0.0, 1.0) - act;
        edge(act) || edge(control) || self.width < NO_LENGTH && d.abs() <= 2.0 * reach
    }

    /// The derivatives of dw/dt by activation and control; at a bend the mean of both sides, and at an end of the control's `range`
    /// that of the inside.
    pub(super) fn slopes(&self, act: f64, control: f64, range: Option<[f64; 2]>) -> [f64; 2] {
        let [low, high] = range.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        let at = [act, control.clamp(low, high)];
        let both = |[w, u]: [f64; 2]| [self.towards(at, [w, u]).1, -self.towards(at, [-w, -u]).1];
        let [by_act, by_control] = [[1.0, 0.0], [0.0, 1.0]].map(both);
        let mean = |[up, down]: [f64; 2]| 0.5 * (up + down);
        let inside = match by_control {
            [up, _] if control <= low => up,
            [_, down] if control >= high => down,
            both => mean(both),
        };
        [mean(by_act), inside]
    }
}

/// A value and its slope.
type Sloped = (f64, f64);

/// The force of a muscle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Muscle {
    /// L = offset + length / scale, V = velocity / (scale vmax).
    offset: f64,
    scale: f64,
    vmax: f64,
    /// F0, N; and the largest force of a stretched one, as a share of it.
    peak: f64,
    passive: f64,
    /// The range of lengths that it pulls at, and what a stretching muscle pulls at most, as a share of a still one.
    range: [f64; 2],
    stretched: f64,
}

/// A muscle's force at unit activation less that at none, that at none, and how each changes with the actuator's length and
/// velocity; with bounds on the rounding of each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pull {
    pub(super) gain: [f64; 3],
    pub(super) bias: [f64; 2],
    pub(super) gain_error: [f64; 3],
    pub(super) bias_error: [f64; 2],
}

impl Muscle {
    /// Of an actuator whose gain and bias are those of one muscle; `range` are the lengths of its output, `acc0` what a unit of its
    /// force accelerates. None for another, and where a curve has a part of no width.
    pub(super) fn new(actuator: &Actuator<'_>) -> Option<Self> {
        let muscle = actuator.gaintype == Ok(mjtGain::mjGAIN_MUSCLE) && actuator.biastype == Ok(mjtBias::mjBIAS_MUSCLE);
        if !muscle || actuator.gainprm[..9] != actuator.biasprm[..9] {
            return None;
        }
        let &[low, high, force, scale, lmin, lmax, vmax, fpmax, fvmax] = actuator.gainprm.first_chunk::<9>()?;
        let [shortest, longest] = actuator.lengthrange;
        let unit = (longest - shortest) / (high - low).max(NO_LENGTH);
        // Without a rise, FV bends where the muscle begins to stretch.
        let rise = if fvmax == 1.0 { 1.0 } else { fvmax - 1.0 };
        let wide = [1.0 - lmin, lmax - 1.0, rise, high - low, vmax, (longest - shortest) / (1.0 + longest.abs())];
        if wide.iter().any(|x| x.is_nan() || *x < NARROW) || unit * vmax < NARROW {
            return None;
        }
        Some(Self {
            offset: low - shortest / unit,
            scale: unit,
            vmax,
            peak: if force < 0.0 { scale / actuator.acc0.max(NO_LENGTH) } else { force },
            passive: fpmax,
            range: [lmin, lmax],
            stretched: fvmax,
        })
    }

    /// FL by L.
    fn by_length(&self, x: f64) -> Sloped {
        let [lmin, lmax] = self.range;
        let (a, b) = (0.5 * (lmin + 1.0), 0.5 * (1.0 + lmax));
        let rising = |from: f64, width: f64| (0.5 * (from / width).powi(2), from / (width * width));
        let topping = |from: f64, width: f64| (1.0 - 0.5 * (from / width).powi(2), -from / (width * width));
        match x {
            _ if x < lmin || x > lmax => (0.0, 0.0),
            _ if x <= a => rising(x - lmin, a - lmin),
            _ if x <= 1.0 => topping(x - 1.0, 1.0 - a),
            _ if x <= b => topping(x - 1.0, b - 1.0),
            _ => rising(x - lmax, lmax - b),
        }
    }

    /// Whether a force bends where the muscle begins to stretch.
    pub(super) fn bends_at_rest(&self) -> bool {
        self.stretched == 1.0
    }

    /// FV by V; where it bends, the mean slope of both sides.
    fn by_velocity(&self, v: f64) -> Sloped {
        let most = self.stretched - 1.0;
        match v {
            _ if v <= -1.0 => (0.0, 0.0),
            _ if v == 0.0 && most == 0.0 => (1.0, 1.0),
            _ if v <= 0.0 => ((v + 1.0) * (v + 1.0), 2.0 * (v + 1.0)),
            _ if v <= most => (self.stretched - (most - v) * (most - v) / most, 2.0 * (most - v) / most),
            _ => (self.stretched, 0.0),
        }
    }

    /// FP by L.
    fn by_stretch(&self, x: f64) -> Sloped {
        let half = 0.5 * (self.range[1] - 1.0);
        match x {
            _ if x <= 1.0 => (0.0, 0.0),
            _ if x <= 1.0 + half => (0.5 * ((x - 1.0) / half).powi(2), (x - 1.0) / (half * half)),
            _ => (0.5 + (x - 1.0 - half) / half, 1.0 / half),
        }
    }

    /// Its force at an actuator's length and velocity.
    pub(super) fn pull(&self, length: f64, velocity: f64) -> Pull {
        let [lmin, lmax] = self.range;
        let x = self.offset + length / self.scale;
        let v = velocity / (self.scale * self.vmax);
        // How far off they may be, and what the steepest parabolas make of that.
        let (dx, dv) = (4.0 * ULP * (self.offset.abs() + (length / self.scale).abs()), 4.0 * ULP * v.abs());
        let steep = 4.0 / (1.0 - lmin).min(lmax - 1.0).powi(2);
        let steep_v = 2.0 / if self.bends_at_rest() { 1.0 } else { (self.stretched - 1.0).min(1.0) };
        let ((fl, fl_x), (fv, fv_v), (fp, fp_x)) = (self.by_length(x), self.by_velocity(v), self.by_stretch(x));
        let (per_x, per_v) = (1.0 / self.scale, 1.0 / (self.scale * self.vmax));
        let active = -self.peak;
        let passive = -self.peak * self.passive;
        let rounded = |x: f64| 8.0 * ULP * x.abs();
        let slack =
            (dx * fl_x.abs() + dv * fv_v.abs() + rounded(fl) + rounded(fv)) * active.abs() * (1.0 + self.stretched);
        let slack_x = (dx * steep * fv + fl_x.abs() * dv * fv_v.abs() + rounded(fl_x * fv)) * active.abs() * per_x;
        let slack_v = (dx * fl_x.abs() * fv_v.abs() + fl * dv * steep_v + rounded(fl * fv_v)) * active.abs() * per_v;
        Pull {
            gain: [active * fl * fv, active * fl_x * fv * per_x, active * fl * fv_v * per_v],
            bias: [passive * fp, passive * fp_x * per_x],
            gain_error: [slack, slack_x, slack_v],
            bias_error: [
                passive.abs() * (dx * fp_x.abs() + rounded(fp)),
                passive.abs() * per_x * (dx * steep + rounded(fp_x)),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against differences, away from bends; and at each bend the mean of both sides.
    #[test]
    fn slopes_of_an_activation() {
        let h = 1e-6;
        for width in [0.0, 0.3] {
            let excitation = Excitation { rise: 0.01, fall: 0.04, width };
            for (act, u) in
                [(0.3, 0.8), (0.8, 0.3), (0.4, 0.45), (-0.2, 0.3), (1.2, 0.4), (0.3, 1.3), (0.0, 0.5), (1.0, 0.2)]
            {
                let rate = |w: f64, u: f64| excitation.rate(w, u);
                let expected = [
                    (rate(act + h, u) - rate(act - h, u)) / (2.0 * h),
                    (rate(act, u + h) - rate(act, u - h)) / (2.0 * h),
                ];
                for (x, y) in excitation.slopes(act, u, None).into_iter().zip(expected) {
                    assert!((x - y).abs() < 1e-5 * (1.0 + y.abs()), "width {width}, {act} {u}: {x} for {y}");
                }
            }
        }
        // From the inside of a range.
        let excitation = Excitation { rise: 0.01, fall: 0.04, width: 0.0 };
        let [_, by_control] = excitation.slopes(0.3, 1.0, Some([0.0, 1.0]));
        assert!((by_control - 1.0 / (0.01 * 0.95)).abs() < 1e-9, "{by_control}");
        // Where a rise becomes a fall without a width, the slope is the mean of both time constants' inverses.
        let [by_act, by_control] = Excitation { rise: 0.01, fall: 0.04, width: 0.0 }.slopes(0.5, 0.5, None);
        let mean = 0.5 * (1.0 / (0.01 * 1.25) + 1.25 / 0.04);
        assert!((by_act + mean).abs() < 1e-9 && (by_control - mean).abs() < 1e-9, "{by_act} {by_control} {mean}");
    }

    /// Every part of every curve against differences, and the knots between them, where the slope must not jump.
    #[test]
    fn slopes_of_a_force() {
        let muscle = Muscle {
            offset: 0.2,
            scale: 0.31,
            vmax: 1.5,
            peak: 700.0,
            passive: 1.3,
            range: [0.5, 1.6],
            stretched: 1.2,
        };
        let h = 1e-6;
        // A muscle that does not gain by stretching: 2 (V + 1) before, nothing after, the mean between.
        let flat = Muscle { stretched: 1.0, ..muscle };
        for (v, slope) in [(-0.5, 1.0), (0.0, 1.0), (0.2, 0.0)] {
            let pull = flat.pull((1.0 - 0.2) * 0.31, v * 0.31 * 1.5);
            assert!((pull.gain[2] + 700.0 * slope / (0.31 * 1.5)).abs() < 1e-9, "{v}: {pull:?}");
        }
        for x in [0.4, 0.5, 0.6, 0.75, 0.9, 1.0, 1.2, 1.3, 1.5, 1.6, 1.8] {
            for v in [-1.2, -1.0, -0.4, 0.0, 0.1, 0.2, 0.5] {
                let (length, velocity) = ((x - 0.2) * 0.31, v * 0.31 * 1.5);
                let at = |l: f64, v: f64| muscle.pull(l, v);
                let here = at(length, velocity);
                let gains = [
                    (at(length + h, velocity).gain[0] - at(length - h, velocity).gain[0]) / (2.0 * h),
                    (at(length, velocity + h).gain[0] - at(length, velocity - h).gain[0]) / (2.0 * h),
                ];
                let bias = (at(length + h, velocity).bias[0] - at(length - h, velocity).bias[0]) / (2.0 * h);
                for (x, y) in [(here.gain[1], gains[0]), (here.gain[2], gains[1]), (here.bias[1], bias)] {
                    assert!((x - y).abs() < 0.1, "{length} {velocity}: {x} for {y}");
                }
            }
        }
    }
}
