//! The states of MuJoCo's PID controller: its setpoint, which may move no faster than so much, and the integral of its error.
//!
//! From the control u (its position input, held by its range), the setpoint s of the step before and the actuator's length L,
//!
//! ```text
//! e = clip(u, s - d, s + d),     d = slewmax h     (e = u without a slewmax)
//! s' = e,                        ds/dt = (e - s) / h
//! z' = z + h g,                  dz/dt = g = e - L
//! ```
//!
//! with g = min(g, 0) where z >= imax, and g = max(g, 0) where z <= -imax. Where L is an angle, u is taken at its turn next to s, and g
//! at its turn next to 0.

use crate::physics::Actuator;

/// A PID controller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pid {
    /// The activation that is its setpoint, if that is kept.
    pub(super) setpoint: Option<usize>,
    /// How far the setpoint moves in a step.
    most: f64,
    /// Where the integral stops to grow; none at 0.
    imax: f64,
    /// A turn of its length; 0 where that is no angle.
    period: f64,
}

/// The setpoint that a controller works towards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setpoint {
    value: f64,
    /// Its derivatives by the control and by the setpoint of the step before.
    pub(super) by_control: f64,
    pub(super) by_setpoint: f64,
    /// How far u - s is from where it bends or jumps.
    pub(super) apart: f64,
}

impl Pid {
    /// Of an actuator, whose steps are `h` long.
    pub(super) fn new(actuator: &Actuator, h: f64) -> Self {
        let slew = actuator.dynprm[1];
        Self {
            setpoint: (slew > 0.0).then_some(actuator.activations.start),
            most: slew * h,
            imax: actuator.dynprm[0],
            period: actuator.period,
        }
    }

    /// An angle at its turn next to 0.
    fn nearest(&self, angle: f64) -> f64 {
        if self.period > 0.0 { angle - self.period * (angle / self.period).round() } else { angle }
    }

    /// How far an angle is from where its turn next to 0 is another one.
    fn jump_distance(&self, angle: f64) -> f64 {
        if self.period > 0.0 { 0.5 * self.period - self.nearest(angle).abs() } else { f64::INFINITY }
    }

    /// What it works towards: the control, held by its range, and the setpoint of the step before, if that is kept.
    pub(super) fn at(&self, u: f64, setpoint: Option<f64>) -> Setpoint {
        let Some(s) = setpoint else {
            return Setpoint { value: u, by_control: 1.0, by_setpoint: 0.0, apart: f64::INFINITY };
        };
        let ahead = self.nearest(u - s);
        let limited = ahead.abs() > self.most;
        let by_control = f64::from(u8::from(!limited));
        Setpoint {
            value: s + ahead.clamp(-self.most, self.most),
            by_control,
            by_setpoint: 1.0 - by_control,
            apart: (ahead.abs() - self.most).abs().min(self.jump_distance(u - s)),
        }
    }

    /// How far a length is from the setpoint.
    pub(super) fn error(&self, at: &Setpoint, length: f64) -> f64 {
        at.value - length
    }

    /// Whether the integral `z` takes an error in: 1, or 0 where it is held.
    pub(super) fn accumulates(&self, error: f64, z: f64) -> f64 {
        let error = self.nearest(error);
        let held = self.imax > 0.0 && (z >= self.imax && error > 0.0 || z <= -self.imax && error < 0.0);
        f64::from(u8::from(!held))
    }

    /// Whether the integral's rate bends or jumps when its error or the integral itself changes by `reach`.
    pub(super) fn bends_within(&self, (error, z): (f64, f64), reach: f64) -> bool {
        let full = self.imax > 0.0 && z.abs() >= self.imax - reach;
        let at_bound = self.imax > 0.0 && (z.abs() - self.imax).abs() <= reach;
        at_bound || full && self.nearest(error).abs() <= reach || self.jump_distance(error) <= reach
    }
}
