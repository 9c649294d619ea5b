//! Activations of actuators: their next values and what these depend on.

use mujoco_rs::mujoco_c::mjtDyn;

use super::length::Lengths;
use super::motion::ULP;
use super::motor::{self, Motor, State};
use super::muscle::Excitation;
use super::pid::Pid;
use crate::jacobian::steps::{NEAR, sides_meet_at};
use crate::physics::{Actuator, Model, PhysicsError, Sim};

/// How a number changes with what its actuator sees.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Slopes {
    /// Columns of A, or of B behind them (ndx + nu), each once, and the derivatives by them: of activations, then of controls.
    pub(super) inputs: Vec<(usize, f64)>,
    /// By the length of the actuator and by its velocity, which depend on positions and velocities.
    pub(super) by_length: f64,
    pub(super) by_velocity: f64,
    /// A bound on what rounding makes of each.
    pub(super) error: f64,
}

impl Slopes {
    /// By inputs alone.
    fn of(inputs: Vec<(usize, f64)>) -> Self {
        Self { inputs, ..Self::default() }
    }

    fn are_zero(&mut self) {
        let inputs = std::mem::take(&mut self.inputs);
        *self = Self::of(inputs.into_iter().map(|(column, _)| (column, 0.0)).collect());
    }

    /// By these inputs alone, in the memory that there is.
    fn refill(&mut self, columns: [usize; 2], by: [f64; 2]) {
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.clear();
        inputs.extend(columns.into_iter().zip(by));
        *self = Self::of(inputs);
    }

    /// A number itself plus so many times this rate of it.
    fn integrated(&self, own: usize, h: f64) -> Self {
        let inputs = self.inputs.iter().map(|(column, by)| (*column, f64::from(u8::from(*column == own)) + h * by));
        Self { inputs: inputs.collect(), by_length: h * self.by_length, ..Self::default() }
    }
}

/// One activation, its value and derivatives now.
#[derive(Debug, Clone, Default)]
pub(super) struct Now {
    /// The activation that makes the force.
    pub(super) used: f64,
    pub(super) of_used: Slopes,
    /// d next activation.
    pub(super) of_next: Slopes,
    /// How fast it changes, 1/s, and d rate.
    pub(super) rate: f64,
    pub(super) of_rate: Slopes,
}

/// An entry of A or B whose derivatives to the two sides differ, known without a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kink {
    /// The next activation's row, and the column of A, or of B behind them (ndx + nu).
    pub(super) row: usize,
    pub(super) column: usize,
    /// How far they are apart.
    pub(super) apart: f64,
}

/// How an activation moves, as far as its derivative goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Dynamics {
    /// d act / dt = u.
    Integrator,
    /// d act / dt = (u - act) / tau, by Euler's method.
    Filter,
    /// The same, integrated exactly.
    FilterExact,
    /// A muscle's.
    Muscle(Excitation),
    /// The setpoint of a PID controller, and the integral of its error.
    Setpoint(Pid),
    Integral(Pid),
    /// A state of a DC motor.
    Motor(Motor, State),
}

#[derive(Debug)]
struct Activation {
    actuator: usize,
    /// Its first control and how many it has; one without any has none to find.
    control: usize,
    controls: usize,
    /// The place of its actuator's length.
    output: usize,
    kind: Dynamics,
    tau: f64,
    range: Option<[f64; 2]>,
    /// Whether the force is that of the next activation.
    early: bool,
    /// Whether it is switched off, its group or all actuation: its rate is 0. MuJoCo clamps it all the same where its group
    /// is off, and leaves it as it is where all actuation is.
    disabled: bool,
}

impl Dynamics {
    /// That of one activation of an actuator.
    fn of(model: &Model, a: &Actuator, act: usize) -> Self {
        match a.dyntype {
            Ok(mjtDyn::mjDYN_INTEGRATOR) => Self::Integrator,
            Ok(mjtDyn::mjDYN_FILTER) => Self::Filter,
            Ok(mjtDyn::mjDYN_FILTEREXACT) => Self::FilterExact,
            Ok(mjtDyn::mjDYN_PID) => {
                let pid = Pid::new(a, model.timestep());
                if pid.setpoint == Some(act) { Self::Setpoint(pid) } else { Self::Integral(pid) }
            }
            Ok(mjtDyn::mjDYN_DCMOTOR) => {
                let motor = Motor::new(a, model.timestep());
                let state = motor.states().nth(act - a.activations.start);
                // There are as many as it has parameters for.
                Self::Motor(motor, state.unwrap_or(State::Current))
            }
            // Others are not covered.
            _ => Self::Muscle(Excitation::new(a.dynprm)),
        }
    }
}

/// The range that an activation is held in. Of a DC motor's states the integral alone has one, which is its own.
fn range_of(a: &Actuator, kind: Dynamics) -> Option<[f64; 2]> {
    match kind {
        Dynamics::Motor(motor, State::Integral) => motor.integral_range(),
        Dynamics::Motor(..) => None,
        _ => a.actrange,
    }
}

impl Activation {
    fn own_controls(&self) -> std::ops::Range<usize> {
        if self.controls == 0 { 0..0 } else { self.control..self.control + self.controls }
    }
}

/// All activations of a model, in the order of act.
#[derive(Debug)]
pub(super) struct Activations {
    all: Vec<Activation>,
    pub(super) now: Vec<Now>,
    /// What bends of the next activations, by themselves or their controls, now.
    pub(super) kinks: Vec<Kink>,
    h: f64,
    nv: usize,
    /// Whether a step has stages, whose activations everything after them depends on.
    chained: bool,
    /// How the lengths that activations depend on change with the positions.
    pub(super) lengths: Lengths,
}

impl Activations {
    pub(super) fn new(model: &Model) -> Self {
        let [_, _, actuation] = model.pushes();
        let mut all: Vec<(usize, Activation)> = Vec::new();
        for (id, a) in model.actuators().enumerate() {
            for act in a.activations.clone() {
                let kind = Dynamics::of(model, &a, act);
                let activation = Activation {
                    actuator: id,
                    control: if a.controls.is_empty() { usize::MAX } else { a.controls.start },
                    controls: a.controls.len(),
                    output: a.outputs.start,
                    kind,
                    tau: a.dynprm[0].max(1e-15),
                    range: range_of(&a, kind).filter(|_| actuation),
                    early: a.actearly,
                    // Without a callback a user's dynamics are none.
                    disabled: !actuation || a.disabled || a.dyntype == Ok(mjtDyn::mjDYN_USER),
                };
                all.push((act, activation));
            }
        }
        all.sort_by_key(|(adr, _)| *adr);
        let now = vec![Now::default(); all.len()];
        let all: Vec<Activation> = all.into_iter().map(|(_, a)| a).collect();
        let seeing = |a: &&Activation| matches!(a.kind, Dynamics::Integral(_) | Dynamics::Motor(..));
        let lengths = Lengths::new(model, all.iter().filter(|a| !a.disabled).filter(seeing).map(|a| a.actuator));
        Self {
            all,
            now,
            kinks: Vec::new(),
            h: model.timestep(),
            nv: model.nv(),
            chained: model.steps_by_runge_kutta(),
            lengths,
        }
    }

    /// What one unit of an activation's rate is of its change in a step, s.
    pub(super) fn gain(&self, i: usize) -> f64 {
        match self.all[i].kind {
            Dynamics::FilterExact | Dynamics::Motor(_, State::Current) => {
                -self.all[i].tau * (-self.h / self.all[i].tau).exp_m1()
            }
            Dynamics::Integrator
            | Dynamics::Filter
            | Dynamics::Muscle(_)
            | Dynamics::Setpoint(_)
            | Dynamics::Integral(_)
            | Dynamics::Motor(..) => self.h,
        }
    }

    /// The range that a next activation is held in.
    pub(super) fn range(&self, i: usize) -> Option<[f64; 2]> {
        self.all[i].range
    }

    /// The activation of an actuator.
    pub(super) fn of(&self, actuator: usize) -> Option<usize> {
        self.all.iter().position(|a| a.actuator == actuator)
    }

    /// Slopes of activation `i` by columns of A, and of B behind them (ndx + nu), each once, with bounds on the errors of what a
    /// length makes of them.
    pub(super) fn columns(&self, i: usize, slopes: &Slopes) -> Vec<(usize, f64, f64)> {
        let mut all: Vec<_> = slopes.inputs.iter().map(|(column, by)| (*column, *by, slopes.error)).collect();
        let [by_position, turning, arm] = self.lengths.of(self.all[i].actuator);
        let of_length = by_position.iter().map(|(dof, x, error)| (*dof, slopes.by_length, *x, *error));
        let of_turn = turning.iter().map(|(dof, x, error)| (*dof, slopes.by_velocity, *x, *error));
        let of_arm = arm.iter().map(|(dof, x, error)| (self.nv + dof, slopes.by_velocity, *x, *error));
        for (column, by, x, error) in of_length.chain(of_turn).chain(of_arm) {
            let (term, bound) = (by * x, by.abs() * error + slopes.error * x.abs() + 2.0 * ULP * (by * x).abs());
            if term == 0.0 && bound == 0.0 {
                continue;
            }
            match all.iter_mut().find(|(known, ..)| *known == column) {
                Some((_, sum, error)) => (*sum, *error) = (*sum + term, *error + bound),
                None => all.push((column, term, bound)),
            }
        }
        all
    }

    /// Differences the lengths that activations depend on and that have no closed form. Forgets the contacts of `work`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn difference(&mut self, work: &mut Sim) -> Result<(), PhysicsError> {
        self.lengths.difference(work)
    }

    /// Fills `now` and `kinks` at the state of `work`, after its actuation stage. Returns whether anything else than the next
    /// activations may bend when an activation or its control is nudged by `reach`, and marks these columns in `bent`.
    pub(super) fn set(&mut self, work: &Sim, reach: f64, bent: &mut [bool]) -> bool {
        let model = work.model();
        let mut edge = false;
        self.kinks.clear();
        self.lengths.set(work);
        for i in 0..self.all.len() {
            let a = &self.all[i];
            if let (Dynamics::Setpoint(pid) | Dynamics::Integral(pid), false) = (a.kind, a.disabled) {
                edge |= self.set_controller(work, (i, pid), reach, bent);
                continue;
            }
            if let (Dynamics::Motor(motor, state), false) = (a.kind, a.disabled) {
                edge |= self.set_motor(work, (i, motor, state), reach, bent);
                continue;
            }
            // One without a control of its own is switched off here.
            let Some(u) = work.ctrl().get(a.control).copied() else {
                let own = || Slopes::of(vec![(model.layout().activation(i), 1.0)]);
                let act = work.act()[i];
                self.now[i] = Now { used: act, of_used: own(), of_next: own(), ..Now::default() };
                continue;
            };
            let act = work.act()[i];
            let rate = if a.disabled { 0.0 } else { work.act_dot()[i] };
            let ctrl_range = model.clamped_range(a.control);
            // Beyond its range a control does nothing; on its edge the derivative is that of the inside.
            let heard = ctrl_range.is_none_or(|[low, high]| (low..=high).contains(&u));
            let (mut of_next, mut of_rate) = match a.kind {
                _ if a.disabled => ([1.0, 0.0], [0.0; 2]),
                Dynamics::Integrator => ([1.0, self.h], [0.0, 1.0]),
                Dynamics::Filter => ([1.0 - self.h / a.tau, self.h / a.tau], [-1.0 / a.tau, 1.0 / a.tau]),
                Dynamics::FilterExact => {
                    let decay = -self.h / a.tau;
                    ([decay.exp(), -decay.exp_m1()], [-1.0 / a.tau, 1.0 / a.tau])
                }
                Dynamics::Muscle(excitation) => {
                    let by = excitation.slopes(act, u, ctrl_range);
                    ([1.0 + self.h * by[0], self.h * by[1]], by)
                }
                // Seen to above, but for what is switched off.
                Dynamics::Setpoint(_) | Dynamics::Integral(_) | Dynamics::Motor(..) => ([1.0, 0.0], [0.0; 2]),
            };
            if !heard {
                (of_next[1], of_rate[1]) = (0.0, 0.0);
            }
            let mut next = act + rate * self.gain(i);
            let mut near =
                matches!(a.kind, Dynamics::Muscle(excitation) if !a.disabled && excitation.bends_within(act, u, reach));
            if let Some([low, high]) = a.range {
                let within = (next - low).abs().min((next - high).abs());
                near |= of_next.into_iter().any(|by| by != 0.0 && within <= reach * by.abs());
                if next <= low || next >= high {
                    of_next = [0.0; 2];
                }
                next = next.clamp(low, high);
            }
            let (used, of_used) = if a.early { (next, of_next) } else { (act, [1.0, 0.0]) };
            let columns = [model.layout().activation(i), model.layout().control(a.control)];
            let now = &mut self.now[i];
            (now.used, now.rate) = (used, rate);
            now.of_used.refill(columns, of_used);
            now.of_next.refill(columns, of_next);
            now.of_rate.refill(columns, of_rate);
            if near {
                if a.early || self.chained {
                    edge = true;
                    columns.into_iter().for_each(|column| bent[column] = true);
                }
                // A stage's columns are marked: what follows bends with them.
                let own = if self.chained { &[][..] } else { &columns[..] };
                for (k, &column) in own.iter().enumerate() {
                    let apart = self.sides_apart(i, [act, u], k, ctrl_range);
                    if apart > 0.0 {
                        self.kinks.push(Kink { row: model.layout().activation(i), column, apart });
                    }
                }
            }
        }
        edge
    }

    /// The same of an activation of a PID controller. Returns whether anything of it bends when an input is nudged by `reach`, and
    /// marks all inputs of the controller where it does.
    fn set_controller(&mut self, work: &Sim, (i, pid): (usize, Pid), reach: f64, bent: &mut [bool]) -> bool {
        let (a, layout) = (&self.all[i], work.model().layout());
        let (act, rate) = (work.act()[i], work.act_dot()[i]);
        let ctrl_range = work.model().clamped_range(a.control);
        let u = work.ctrl()[a.control];
        let clamped = ctrl_range.map_or(u, |[low, high]| u.clamp(low, high));
        let heard = f64::from(u8::from(clamped == u));
        let moments: Vec<(usize, f64)> = work.actuator_moment(a.output).filter(|(_, x)| *x != 0.0).collect();
        let most = moments.iter().fold(1.0_f64, |most, (_, x)| most.max(x.abs()));
        let setpoint = pid.setpoint.map(|at| work.act()[at]);
        let at = pid.at(clamped, setpoint);
        let error = pid.error(&at, work.actuator_length()[a.output]);
        let integral = matches!(a.kind, Dynamics::Integral(_));
        // Both inputs of a difference may be nudged.
        let reach = 2.0 * reach * most;
        let mut near = at.apart <= reach || integral && pid.bends_within((error, act), reach);
        let (own, control) = (layout.activation(i), layout.control(a.control));
        let of_rate = if integral {
            let by = pid.accumulates(error, act);
            let of_setpoint = pid.setpoint.map(|place| (layout.activation(place), by * at.by_setpoint));
            let inputs = [Some((own, 0.0)), of_setpoint, Some((control, by * at.by_control * heard))];
            Slopes { by_length: -by, ..Slopes::of(inputs.into_iter().flatten().collect()) }
        } else {
            Slopes::of(vec![(own, (at.by_setpoint - 1.0) / self.h), (control, at.by_control * heard / self.h)])
        };
        let mut of_next = of_rate.integrated(own, self.h);
        if !integral {
            // The rate is the change over a step: what it leaves of the setpoint is known without rounding.
            of_next.inputs = vec![(own, at.by_setpoint), (control, at.by_control * heard)];
        }
        let mut next = act + rate * self.h;
        if let Some([low, high]) = a.range {
            near |= (next - low).abs().min((next - high).abs()) <= reach;
            if next <= low || next >= high {
                of_next.are_zero();
            }
            next = next.clamp(low, high);
        }
        let (used, of_used) = if a.early { (next, of_next.clone()) } else { (act, Slopes::of(vec![(own, 1.0)])) };
        self.now[i] = Now { used, of_used, of_next, rate, of_rate };
        if near {
            let actuator = self.all.iter().enumerate().filter(|(_, other)| other.actuator == a.actuator);
            actuator.for_each(|(other, _)| bent[layout.activation(other)] = true);
            bent[control] = true;
            moments.iter().for_each(|(dof, _)| bent[*dof] = true);
        }
        near
    }

    /// The same of a state of a DC motor.
    fn set_motor(
        &mut self,
        work: &Sim,
        (i, motor, state): (usize, Motor, State),
        reach: f64,
        bent: &mut [bool],
    ) -> bool {
        let (a, layout) = (&self.all[i], work.model().layout());
        let siblings: Vec<usize> = (0..self.all.len()).filter(|k| self.all[*k].actuator == a.actuator).collect();
        let states: Vec<f64> = siblings.iter().map(|k| work.act()[*k]).collect();
        let controls: Vec<(f64, bool)> = a
            .own_controls()
            .map(|c| {
                let u = work.ctrl()[c];
                let clamped = work.model().clamped_range(c).map_or(u, |[low, high]| u.clamp(low, high));
                (clamped, clamped == u)
            })
            .collect();
        let [_, _, arm] = self.lengths.of(a.actuator);
        let most = arm.iter().fold(1.0_f64, |most, (_, x, _)| most.max(x.abs()));
        let mut reaches = [reach; motor::INPUTS];
        reaches[..2].fill(reach * most);
        let seen = (work.actuator_length()[a.output], work.actuator_velocity()[a.output]);
        let moved = motor.moves(state, seen, &states, &controls, reaches);
        let columns: Vec<usize> = (siblings.iter().map(|k| layout.activation(*k)))
            .chain(a.own_controls().map(|c| layout.control(c)))
            .collect();
        let places = motor::places(states.len(), controls.len());
        let slopes = |x: &motor::Number| Slopes {
            inputs: columns.iter().zip(places.clone()).map(|(column, at)| (*column, x.by[at])).collect(),
            by_length: x.by[0],
            by_velocity: x.by[1],
            error: x.errors.iter().fold(0.0_f64, |most, error| most.max(*error)),
        };
        let (of_next, of_rate, act) = (slopes(&moved.next), slopes(&moved.rate), work.act()[i]);
        let (used, of_used) = if a.early {
            (moved.next.x, of_next.clone())
        } else {
            (act, Slopes::of(vec![(layout.activation(i), 1.0)]))
        };
        if moved.near {
            arm.iter().flat_map(|(dof, ..)| [*dof, layout.nv + dof]).for_each(|column| bent[column] = true);
            columns.into_iter().for_each(|column| bent[column] = true);
        }
        self.now[i] = Now { used, of_used, of_next, rate: work.act_dot()[i], of_rate };
        moved.near
    }

    /// The next activation.
    fn next(&self, i: usize, [act, u]: [f64; 2], ctrl_range: Option<[f64; 2]>) -> f64 {
        let a = &self.all[i];
        let u = ctrl_range.map_or(u, |[low, high]| u.clamp(low, high));
        let rate = match a.kind {
            _ if a.disabled => 0.0,
            Dynamics::Integrator => u,
            Dynamics::Filter | Dynamics::FilterExact => (u - act) / a.tau,
            Dynamics::Muscle(excitation) => excitation.rate(act, u),
            // These have no kinks of their own here.
            Dynamics::Setpoint(_) | Dynamics::Integral(_) | Dynamics::Motor(..) => 0.0,
        };
        let next = act + rate * self.gain(i);
        a.range.map_or(next, |[low, high]| next.clamp(low, high))
    }

    /// How far the derivatives of the next activation by itself (`k` = 0) or its control (1) to the two sides are apart, as whole
    /// steps tell it. A control at an end of its range has one side.
    fn sides_apart(&self, i: usize, at: [f64; 2], k: usize, ctrl_range: Option<[f64; 2]>) -> f64 {
        let apart = |h: f64| {
            let next = |by: f64| {
                let mut at = at;
                at[k] += by;
                self.next(i, at, ctrl_range)
            };
            let here = next(0.0);
            (next(h) - here) / h - (next(-h) - here) / -h
        };
        let one_sided = ctrl_range.is_some_and(|[low, high]| at[1] + NEAR[0] > high || at[1] - NEAR[0] < low);
        if k == 1 && one_sided { 0.0 } else { sides_meet_at(NEAR.map(apart), self.now[i].used) }
    }
}
