//! The states of MuJoCo's DC motor, up to five, in this order: setpoint, integral, temperature, bristle and current.
//!
//! With the controls (position, velocity, torque, voltage, those that it has; the others 0), the actuator's length L and its velocity w,
//!
//! ```text
//! s' = e = clip(u, s - d, s + d),   d = slewmax h
//! dz/dt = e - L                     (none beyond imax, as of a PID controller's integral)
//! V = clip(R0/K (kp (e - L) + kd (u_w - w) + ki z + u_t) + K w, -Vmax, Vmax) + u_V
//! dT/dt = (R i^2 - T / RT) / C,     R = R0 (1 + alpha (T + Ta - T0)),   i = (V - K w) / R without a state of its own
//! db/dt = w + a b,                  a = -sigma0 |w| / (Fc + (Fs - Fc) exp(-(w / vs)^2))
//! di/dt = clip((V - K w) / R - i, -te dimax, te dimax) / te
//! ```
//!
//! Setpoint, integral (held by imax) and temperature take a step of Euler's method; bristle and current move as if w and V stayed as
//! they are. What these depend on is carried along in numbers with their derivatives.

use mujoco_rs::mujoco_c::mjtCtrlInput;

use super::jet::{Jet, Number as _};
use crate::physics::Actuator;

/// What a motor's states depend on: length, velocity, five states, four controls.
pub(super) const INPUTS: usize = 11;
const LENGTH: usize = 0;
const VELOCITY: usize = 1;
const STATE: usize = 2;
const CONTROL: usize = 7;

pub(super) type Number = Jet<INPUTS>;

/// MuJoCo's mjMINVAL.
const LEAST: f64 = 1e-15;

/// A motor's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Setpoint,
    Integral,
    Temperature,
    Bristle,
    Current,
}

/// A DC motor, by MuJoCo's parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Motor {
    h: f64,
    /// R0, K, alpha, T0, kp, ki, kd, Vmax.
    gain: [f64; 8],
    /// te, dimax, RT, C, Ta, sigma0, sigma1, slewmax, imax.
    dynamics: [f64; 9],
    /// Fc, Fs, vs.
    friction: [f64; 3],
    /// Which inputs there are.
    inputs: i32,
}

/// A state's rate and next value, and whether either bends within reach.
pub(super) struct Moved {
    pub(super) rate: Number,
    pub(super) next: Number,
    pub(super) near: bool,
}

/// Where the values of a motor bend.
struct Watch {
    /// How far each input is nudged.
    reach: [f64; INPUTS],
    near: bool,
}

impl Watch {
    /// Notes that something bends where `x` is 0.
    fn at(&mut self, x: Number) {
        let change: f64 = x.by.iter().zip(&self.reach).map(|(by, reach)| by.abs() * reach).sum();
        self.near |= change > 0.0 && x.x.abs() <= 2.0 * change + x.error;
    }

    /// A number held in a range around a middle.
    fn clip(&mut self, x: Number, middle: Number, most: f64) -> Number {
        let ahead = x - middle;
        self.at(ahead - Number::constant(most));
        self.at(ahead + Number::constant(most));
        if ahead.x > most {
            middle + Number::constant(most)
        } else if ahead.x < -most {
            middle - Number::constant(most)
        } else {
            x
        }
    }
}

/// The places of a motor's states and controls among its inputs.
pub(super) fn places(states: usize, controls: usize) -> impl Iterator<Item = usize> + Clone {
    (STATE..STATE + states).chain(CONTROL..CONTROL + controls)
}

impl Motor {
    /// Of an actuator, whose steps are `h` long.
    pub(super) fn new(a: &Actuator, h: f64) -> Self {
        Self {
            h,
            gain: std::array::from_fn(|i| a.gainprm[i]),
            dynamics: std::array::from_fn(|i| a.dynprm[i]),
            friction: std::array::from_fn(|i| a.biasprm[3 + i]),
            inputs: a.inputs,
        }
    }

    /// The states that it has, in their order.
    pub(super) fn states(&self) -> impl Iterator<Item = State> {
        let [te, _, thermal, _, _, bristle, _, slew, _] = self.dynamics;
        let all = [
            (State::Setpoint, slew),
            (State::Integral, self.gain[5]),
            (State::Temperature, thermal),
            (State::Bristle, bristle),
            (State::Current, te),
        ];
        all.into_iter().filter(|(_, there)| *there > 0.0).map(|(state, _)| state)
    }

    /// The range of its integral, where that has one.
    pub(super) fn integral_range(&self) -> Option<[f64; 2]> {
        let most = self.dynamics[8];
        (most > 0.0).then_some([-most, most])
    }

    fn has(&self, input: mjtCtrlInput) -> bool {
        self.inputs & input as i32 != 0
    }

    /// How state `which` moves, at a length, a velocity, states and controls, held by their ranges; of these, whether they are `heard`
    /// within them. Inputs are nudged by `reach`.
    pub(super) fn moves(
        &self,
        which: State,
        (length, velocity): (f64, f64),
        states: &[f64],
        controls: &[(f64, bool)],
        reach: [f64; INPUTS],
    ) -> Moved {
        let mut watch = Watch { reach, near: false };
        let state = |state: State| {
            let place = self.states().position(|other| other == state)?;
            states.get(place).map(|x| Number::coordinate(*x, 0.0, STATE + place))
        };
        let mut controls: Vec<Number> = controls
            .iter()
            .enumerate()
            .map(|(i, (u, heard))| match heard {
                true => Number::coordinate(*u, 0.0, CONTROL + i),
                false => Number::constant(*u),
            })
            .collect();
        let (length, velocity) = (Number::coordinate(length, 0.0, LENGTH), Number::coordinate(velocity, 0.0, VELOCITY));
        let moved = |rate: Number, next: Number, watch: Watch| Moved { rate, next, near: watch.near };
        if let (Some(s), Some(first)) = (state(State::Setpoint), controls.first_mut()) {
            *first = watch.clip(*first, s, self.dynamics[7] * self.h);
            if which == State::Setpoint {
                return moved((*first - s).scale(1.0 / self.h), *first, watch);
            }
        }
        let integral = state(State::Integral);
        if let (State::Integral, Some(z), Some(setpoint)) = (which, integral, controls.first()) {
            let (rate, next) = self.accumulates(z, *setpoint - length, &mut watch);
            return moved(rate, next, watch);
        }
        if which == State::Bristle {
            let b = state(which).unwrap_or_else(|| Number::constant(0.0));
            let (rate, next) = self.bristle(velocity, b, &mut watch);
            return moved(rate, next, watch);
        }
        let voltage = self.voltage(&controls, (length, velocity), integral, &mut watch);
        let [te, most, thermal, capacity, ambient, ..] = self.dynamics;
        let [mut resistance, constant] = [self.gain[0], self.gain[1]].map(Number::constant);
        let temperature = state(State::Temperature);
        if let Some(t) = temperature {
            let rise = (t + Number::constant(ambient - self.gain[3])).scale(self.gain[2]);
            resistance = resistance * (rise + Number::constant(1.0));
        }
        let driven = (voltage - constant * velocity) * resistance.inverse();
        let current = state(State::Current);
        if let (State::Temperature, Some(t)) = (which, temperature) {
            let i = current.unwrap_or(driven);
            let rate = (resistance * i * i - t.scale(1.0 / thermal)).scale(1.0 / capacity);
            return moved(rate, t + rate.scale(self.h), watch);
        }
        let i = current.unwrap_or_else(|| Number::constant(0.0));
        let free = (driven - i).scale(1.0 / te);
        let rate = if most > 0.0 { watch.clip(free, Number::constant(0.0), most) } else { free };
        moved(rate, i + rate.scale(-te * (-self.h / te).exp_m1()), watch)
    }

    /// The rate of the integral `z` of an error, and where it is after a step.
    fn accumulates(&self, z: Number, error: Number, watch: &mut Watch) -> (Number, Number) {
        let next = z + error.scale(self.h);
        let Some([_, most]) = self.integral_range() else { return (error, next) };
        watch.at(z - Number::constant(most));
        watch.at(z + Number::constant(most));
        if z.x.abs() >= most {
            watch.at(error);
            if error.x * z.x > 0.0 {
                // What is full and would go on filling is at its bound after the step, wherever near to it it was.
                return (Number::constant(0.0), Number::constant(most.copysign(z.x)));
            }
        }
        (error, watch.clip(next, Number::constant(0.0), most))
    }

    /// The voltage at its terminals.
    fn voltage(
        &self,
        controls: &[Number],
        (length, velocity): (Number, Number),
        integral: Option<Number>,
        watch: &mut Watch,
    ) -> Number {
        use mjtCtrlInput::{mjINPUT_FF, mjINPUT_POS, mjINPUT_VEL, mjINPUT_VOLTAGE};
        let mut rest = controls.iter();
        let zero = Number::constant(0.0);
        let mut next = |input| if self.has(input) { rest.next().copied().unwrap_or(zero) } else { zero };
        let [position, speed, torque, terminal] =
            [mjINPUT_POS, mjINPUT_VEL, mjINPUT_FF, mjINPUT_VOLTAGE].map(&mut next);
        let [resistance, constant, _, _, kp, ki, kd, most] = self.gain;
        if ![mjINPUT_POS, mjINPUT_VEL, mjINPUT_FF].into_iter().any(|input| self.has(input)) {
            return terminal;
        }
        let asked =
            (position - length).scale(kp) + (speed - velocity).scale(kd) + integral.unwrap_or(zero).scale(ki) + torque;
        let voltage = asked.scale(resistance / constant) + velocity.scale(constant);
        let voltage = if most > 0.0 { watch.clip(voltage, zero, most) } else { voltage };
        voltage + terminal
    }

    /// The rate of the bristle `b` at a velocity, and where it is after a step at that velocity.
    fn bristle(&self, velocity: Number, b: Number, watch: &mut Watch) -> (Number, Number) {
        watch.at(velocity);
        let [coulomb, rest, stribeck] = self.friction;
        let ratio = velocity.scale(1.0 / stribeck.max(LEAST));
        let square = ratio * ratio;
        let fading = (-square.x).exp();
        let friction = square.map(fading, -fading, fading).scale(rest - coulomb) + Number::constant(coulomb);
        let friction = if friction.x > LEAST { friction } else { Number::constant(LEAST) };
        let speed = if velocity.x < 0.0 { -velocity } else { velocity };
        let a = speed.scale(-self.dynamics[5]) * friction.inverse();
        let (h, x) = (self.h, a.x * self.h);
        let decay = x.exp();
        // (exp(a h) - 1) / a, and its slopes by a, which cancel where a h is small.
        let (spread, slope, bend) = if x.abs() < 1e-4 {
            (
                h * (1.0 + x / 2.0 + x * x / 6.0),
                h * h * (0.5 + x / 3.0 + x * x / 8.0),
                h * h * h * (1.0 / 3.0 + x / 4.0),
            )
        } else {
            let spread = x.exp_m1() / a.x;
            let slope = (h * decay - spread) / a.x;
            (spread, slope, (h * h * decay - 2.0 * slope) / a.x)
        };
        let next = a.map(decay, h * decay, h * h * decay) * b + a.map(spread, slope, bend) * velocity;
        (a * b + velocity, next)
    }
}
