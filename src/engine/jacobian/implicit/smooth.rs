//! Springs, dampers and actuators: what of the smooth forces is linear in lengths, velocities and controls.

use mujoco_rs::mujoco_c::{mjtBias, mjtGain, mjtTrn};
use nalgebra::DMatrix;

use super::activation::Activations;
use super::motion::ULP;
use super::muscle::Muscle;
use super::rows::Coverage;
use super::tendon::{Arm, Tendons};
use crate::physics::{self, Model, Sim, StateLayout};

/// A tendon with a spring, a damper or both.
#[derive(Debug)]
struct Spring {
    id: usize,
    stiffness: f64,
    /// No force between these lengths.
    slack: [f64; 2],
    damping: f64,
}

/// Gain and bias of an actuator as functions of its length and velocity.
#[derive(Debug, Clone, Copy)]
enum Law {
    /// gain . (1, length, velocity) and bias . (1, length, velocity).
    Affine {
        gain: [f64; 3],
        bias: [f64; 3],
    },
    Muscle(Muscle),
}

/// An actuator whose force is linear in its control or activation.
#[derive(Debug)]
pub(super) struct Actuator {
    control: usize,
    /// Its activation, which takes the place of the control in the force.
    activation: Option<usize>,
    output: usize,
    /// Force = gain times control + bias.
    law: Law,
    /// The tendon whose length times `gear` is its length; None of one whose moment arm is constant.
    tendon: Option<(usize, f64)>,
    range: Option<[f64; 2]>,
    control_range: Option<[f64; 2]>,
}

/// The linear part of the smooth forces, if all of springs, dampers and actuators is.
#[derive(Debug)]
pub(super) struct Smooth {
    springs: Vec<(usize, f64)>,
    dampers: Vec<f64>,
    tendons: Vec<Spring>,
    actuators: Vec<Actuator>,
    /// By dof: bounds of the sum of its actuators' forces.
    force_range: Vec<Option<[f64; 2]>>,
    /// Dofs whose actuator force is held by its range now.
    held: Vec<bool>,
    /// By dof: sum of its actuators' forces, and its rounding.
    totals: Vec<(f64, f64)>,
    row: Vec<Arm>,
}

impl Smooth {
    /// None where something is not linear, or its lever depends on the posture.
    pub(super) fn new(model: &Model, coverage: &Coverage, activations: &Activations) -> Option<Self> {
        let any = |coefficients: &[f64]| coefficients.iter().any(|x| *x != 0.0);
        let curved_joints = model.joints().any(|j| any(&j.stiffnesspoly) || j.actgravcomp);
        let curved_tendons = model.tendons().any(|t| any(&t.stiffnesspoly) || any(&t.dampingpoly) || t.actfrclimited);
        let damping_actuators = model.actuators().any(|a| a.is_damped());
        if curved_joints || curved_tendons || damping_actuators || model.has_curved_dampers() {
            return None;
        }
        if model.has_ellipsoid_fluid() {
            return None;
        }
        let [springs_on, dampers_on, actuators_on] = model.pushes();
        let mut springs = Vec::new();
        for joint in model.joints().filter(|j| springs_on && j.stiffness != 0.0) {
            if !joint.is_scalar() {
                return None;
            }
            springs.push((joint.dof, joint.stiffness));
        }
        let mut tendons = Vec::new();
        for (id, tendon) in model.tendons().enumerate() {
            let stiffness = if springs_on { tendon.stiffness } else { 0.0 };
            let damping = if dampers_on { tendon.damping } else { 0.0 };
            if stiffness == 0.0 && damping == 0.0 {
                continue;
            }
            tendons.push(Spring { id, stiffness, slack: tendon.springlength, damping });
        }
        let actuators = if actuators_on { actuators(model, coverage, activations)? } else { Vec::new() };
        let nv = model.nv();
        let mut force_range = vec![None; nv];
        for joint in model.joints().filter(|j| j.is_scalar()) {
            force_range[joint.dof] = joint.actfrcrange;
        }
        // How a sum of bent arms' forces comes to its range is not followed.
        let bent = actuators.iter().any(|a| a.tendon.is_some());
        if bent && force_range.iter().any(Option::is_some) {
            return None;
        }
        let dampers = if dampers_on { model.dof_damping().to_vec() } else { vec![0.0; nv] };
        let (held, totals) = (vec![false; nv], vec![(0.0, 0.0); nv]);
        Some(Self { springs, dampers, tendons, actuators, force_range, held, totals, row: Vec::new() })
    }

    /// Whether all tendons that pull have derivatives in closed form now.
    pub(super) fn is_closed(&self, tendons: &Tendons) -> bool {
        let actuators = self.actuators.iter().filter_map(|a| a.tendon.map(|(id, _)| id));
        self.tendons.iter().map(|spring| spring.id).chain(actuators).all(|id| tendons.all[id].closed)
    }

    /// Adds the derivative of springs, dampers and actuators to `out` (nv x ndx + nu), with bounds on its rounding.
    /// Returns whether a force enters or leaves its range when an input is nudged by `reach`, and marks these inputs in `bent`.
    pub(super) fn add(
        &mut self,
        sim: &Sim,
        (activations, arms): (&Activations, &Tendons),
        reach: f64,
        bent: &mut [bool],
        out: &mut DMatrix<f64>,
        noise: &mut DMatrix<f64>,
    ) -> bool {
        let nv = self.dampers.len();
        let mut edge = false;
        for (dof, k) in &self.springs {
            out[(*dof, *dof)] -= k;
        }
        for (dof, b) in self.dampers.iter().enumerate() {
            out[(dof, nv + dof)] -= b;
        }
        for spring in &self.tendons {
            edge |= spring.add(sim, arms, reach, bent, (&mut *out, &mut *noise));
        }
        edge |= self.totals(sim, activations, arms, reach, bent);
        for a in &self.actuators {
            edge |= a.add(
                sim,
                (activations, Some(arms)),
                reach,
                bent,
                (&self.held, &mut self.row),
                (&mut *out, &mut *noise),
            );
        }
        edge
    }

    /// Finds out which dofs' actuator forces are held by the range of their sum. Returns whether a sum enters or leaves its
    /// range when an input is nudged by `reach`, and marks these inputs.
    fn totals(&mut self, sim: &Sim, activations: &Activations, arms: &Tendons, reach: f64, bent: &mut [bool]) -> bool {
        self.held.fill(false);
        if self.force_range.iter().all(Option::is_none) {
            return false;
        }
        let layout = sim.model().layout();
        self.totals.fill((0.0, 0.0));
        for a in &self.actuators {
            let force = sim.actuator_force()[a.output];
            for (r, x) in sim.actuator_moment(a.output) {
                self.totals[r].0 += x * force;
                self.totals[r].1 += 4.0 * ULP * (x * force).abs();
            }
        }
        for ((range, held), (total, rounding)) in self.force_range.iter().zip(&mut self.held).zip(&self.totals) {
            *held = range.is_some_and(|range| outside(*total, range, *rounding));
        }
        let mut edge = false;
        for a in &self.actuators {
            let now = Force::of(a, sim, activations, reach);
            if a.range.is_some_and(|range| outside(now.force, range, now.rounding)) {
                continue;
            }
            a.moment(sim, Some(arms), &mut self.row);
            for Arm { dof, x, .. } in &self.row {
                if let Some(range) = self.force_range[*dof] {
                    let (total, rounding) = self.totals[*dof];
                    edge |=
                        now.mark((&self.row, &[]), (total, *x, rounding, range), (activations, layout, reach), bent);
                }
            }
        }
        edge
    }
}

impl Spring {
    /// Adds its derivative. Returns whether it becomes slack or taut when an input is nudged by `reach`, and marks these inputs.
    fn add(
        &self,
        sim: &Sim,
        arms: &Tendons,
        reach: f64,
        bent: &mut [bool],
        (out, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> bool {
        let (tendon, length) = (&arms.all[self.id], sim.ten_length()[self.id]);
        let [low, high] = self.slack;
        let slack = length >= low && length <= high && low != high;
        let stretch = self.slack.iter().map(|x| (x - length).abs()).fold(f64::INFINITY, f64::min);
        let mut edge = false;
        for arm in tendon.arms.iter().filter(|arm| self.stiffness != 0.0 && low != high && arm.x != 0.0) {
            if stretch <= reach * arm.x.abs() {
                (edge, bent[arm.dof]) = (true, true);
            }
        }
        let (nv, stiffness) = (sim.qvel().len(), if slack { 0.0 } else { self.stiffness });
        let turning = tendon.turning(|dof| sim.qvel()[dof]);
        for r in &tendon.arms {
            for (c, (turn, turn_error)) in tendon.arms.iter().zip(&turning) {
                product(out, noise, (r.dof, c.dof), -stiffness, r, c);
                product(out, noise, (r.dof, nv + c.dof), -self.damping, r, c);
                let turned = Arm { dof: c.dof, x: *turn, error: *turn_error };
                product(out, noise, (r.dof, c.dof), -self.damping, r, &turned);
            }
        }
        let stretched = if length > high { length - high } else { length.min(low) - low };
        let (velocity, velocity_error) = tendon.along(|dof| sim.qvel()[dof]);
        let force = -stiffness * stretched - self.damping * velocity;
        let error = stiffness * 8.0 * ULP * (length.abs() + high.abs()) + self.damping * velocity_error;
        tendon.add_bends((force, error), &|_| false, out, noise);
        edge
    }
}

impl Actuator {
    /// None of one with no control of its own, or several.
    fn of(
        model: &Model,
        activations: &Activations,
        (id, actuator): (usize, &physics::Actuator),
        law: Law,
        tendon: Option<(usize, f64)>,
    ) -> Option<Self> {
        if actuator.controls.len() != 1 || actuator.outputs.len() != 1 {
            return None;
        }
        let control = actuator.controls.start;
        Some(Self {
            control,
            activation: activations.of(id),
            output: actuator.outputs.start,
            law,
            tendon,
            range: actuator.forcerange,
            control_range: model.clamped_range(control),
        })
    }

    /// The place of its force.
    pub(super) fn output(&self) -> usize {
        self.output
    }

    /// Adds the derivative of one whose moments are MuJoCo's, as [`Smooth::add`] does of all.
    pub(super) fn add_alone(
        &self,
        sim: &Sim,
        activations: &Activations,
        (reach, bent): (f64, &mut [bool]),
        to: (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> bool {
        let held = vec![false; sim.qvel().len()];
        self.add(sim, (activations, None), reach, bent, (&held, &mut Vec::new()), to)
    }

    /// The dofs that it moves, with their moments.
    fn moment(&self, sim: &Sim, arms: Option<&Tendons>, to: &mut Vec<Arm>) {
        to.clear();
        match self.tendon.zip(arms) {
            Some(((id, gear), arms)) => to.extend(arms.all[id].arms.iter().map(|arm| Arm {
                x: gear * arm.x,
                error: gear.abs() * (arm.error + ULP * arm.x.abs()),
                ..*arm
            })),
            None => to.extend(sim.actuator_moment(self.output).map(|(dof, x)| Arm { dof, x, error: 0.0 })),
        }
        to.retain(|arm| arm.x != 0.0);
    }

    /// Adds its derivative, but for rows that are `held`; `row` is space. Returns whether its force enters or leaves its range when
    /// an input is nudged by `reach`, and marks these inputs.
    fn add(
        &self,
        sim: &Sim,
        (activations, arms): (&Activations, Option<&Tendons>),
        reach: f64,
        bent: &mut [bool],
        (held, row): (&[bool], &mut Vec<Arm>),
        (out, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> bool {
        let layout = sim.model().layout();
        let now = Force::of(self, sim, activations, reach);
        let tendon = self.tendon.zip(arms).map(|((id, gear), arms)| (&arms.all[id], gear));
        if let Some((tendon, gear)) = tendon {
            let force = self.range.map_or(now.force, |[low, high]| now.force.clamp(low, high));
            tendon.add_bends((gear * force, gear.abs() * now.rounding), &|dof| held[dof], out, noise);
        }
        // How the velocity changes with the positions.
        let turning: Vec<Arm> = tendon.map_or_else(Vec::new, |(tendon, gear)| {
            let turns = tendon.turning(|dof| sim.qvel()[dof]);
            let scaled =
                |(arm, (x, error)): (&Arm, (f64, f64))| Arm { dof: arm.dof, x: gear * x, error: gear.abs() * error };
            tendon.arms.iter().zip(turns).map(scaled).collect()
        });
        self.moment(sim, arms, row);
        let mut edge = false;
        if let Some(range) = self.range {
            edge = now.mark((row, &turning), (now.force, 1.0, now.rounding, range), (activations, layout, reach), bent);
            if outside(now.force, range, now.rounding) {
                return edge;
            }
        }
        edge |= self.begins_to_stretch(sim, (row, &turning), now.active, reach, bent);
        now.add(row, &turning, (self, activations, layout), held, (out, noise));
        edge
    }

    /// Whether a muscle whose `active` force (N) bends there begins to stretch when an input is nudged by `reach`; marks these inputs.
    fn begins_to_stretch(
        &self,
        sim: &Sim,
        (row, turning): (&[Arm], &[Arm]),
        active: f64,
        reach: f64,
        bent: &mut [bool],
    ) -> bool {
        let bends = matches!(self.law, Law::Muscle(muscle) if muscle.bends_at_rest()) && active != 0.0;
        let (nv, velocity) = (sim.qvel().len(), sim.actuator_velocity()[self.output]);
        let mut any = false;
        let columns = row.iter().map(|arm| (nv + arm.dof, arm.x)).chain(turning.iter().map(|arm| (arm.dof, arm.x)));
        for (column, _) in columns.filter(|(_, x)| bends && *x != 0.0 && velocity.abs() <= 2.0 * reach * x.abs()) {
            (any, bent[column]) = (true, true);
        }
        any
    }
}

/// An adhesion actuator.
#[derive(Debug)]
pub(super) struct Pull {
    pub(super) body: usize,
    pub(super) actuator: Actuator,
}

impl Pull {
    /// Those of a model that are switched on. Their length is none, and their force does not depend on their velocity.
    pub(super) fn all(model: &Model, activations: &Activations) -> Vec<Self> {
        let on = model.actuators().enumerate().filter(|(_, a)| !a.disabled && a.transmission == Ok(mjtTrn::mjTRN_BODY));
        on.filter_map(|(id, actuator)| {
            let Some(Law::Affine { gain, bias }) = law(&actuator) else { return None };
            let constant = |x: [f64; 3]| [x[0], 0.0, 0.0];
            let law = Law::Affine { gain: constant(gain), bias: constant(bias) };
            let actuator = Actuator::of(model, activations, (id, &actuator), law, None)?;
            Some(Self { body: usize::try_from(model.actuators().nth(id)?.targets[0]).ok()?, actuator })
        })
        .collect()
    }
}

/// The force of an actuator before its range holds it, and how it changes.
struct Force {
    force: f64,
    /// What of it is the control's or activation's.
    active: f64,
    rounding: f64,
    gain: f64,
    by_length: f64,
    by_velocity: f64,
    /// Bounds on the errors of the three.
    errors: [f64; 3],
    /// Whether the control is within its range; and how far it can be nudged down and up, and is heard.
    heard: bool,
    room: [f64; 2],
    /// Its activation; None for a control that acts by itself.
    activation: Option<usize>,
    /// Column of the control.
    column: usize,
}

impl Force {
    fn of(a: &Actuator, sim: &Sim, activations: &Activations, reach: f64) -> Self {
        let u = sim.ctrl()[a.control];
        let clamp = |u: f64| a.control_range.map_or(u, |[low, high]| u.clamp(low, high));
        let control = a.activation.map_or(clamp(u), |i| activations.now[i].used);
        let (length, velocity) = (sim.actuator_length()[a.output], sim.actuator_velocity()[a.output]);
        let (gain, bias, gain_error, bias_error) = match &a.law {
            Law::Affine { gain, bias } => {
                let of = |p: &[f64; 3]| [p[0] + p[1] * length + p[2] * velocity, p[1], p[2]];
                (of(gain), of(bias), [0.0; 3], [0.0; 3])
            }
            Law::Muscle(muscle) => {
                let pull = muscle.pull(length, velocity);
                let [bias, by_length] = pull.bias;
                let [bias_error, length_error] = pull.bias_error;
                (pull.gain, [bias, by_length, 0.0], pull.gain_error, [bias_error, length_error, 0.0])
            }
        };
        let whole: [f64; 3] = std::array::from_fn(|k| gain[k] * control + bias[k]);
        let errors: [f64; 3] = std::array::from_fn(|k| gain_error[k] * control.abs() + bias_error[k]);
        Self {
            force: whole[0],
            active: gain[0] * control,
            rounding: 4.0 * ULP * ((gain[0] * control).abs() + bias[0].abs()) + errors[0],
            gain: gain[0],
            by_length: whole[1],
            by_velocity: whole[2],
            errors: [gain_error[0], errors[1], errors[2]],
            heard: clamp(u) == u,
            room: [clamp(u - reach) - clamp(u), clamp(u + reach) - clamp(u)],
            activation: a.activation,
            column: sim.model().layout().control(a.control),
        }
    }

    /// Adds what an actuator with these moments changes by all inputs, but for rows that are `held`.
    fn add(
        &self,
        row: &[Arm],
        turning: &[Arm],
        (a, activations, layout): (&Actuator, &Activations, StateLayout),
        held: &[bool],
        (out, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) {
        let nv = layout.nv;
        let [gain_error, length_error, velocity_error] = self.errors;
        for r in row.iter().filter(|r| !held[r.dof]) {
            // A rate of the force, with a bound on its error, times the row's moment and what the rate is of.
            let mut put = |column: usize, (rate, error): (f64, f64), by: f64, by_error: f64| {
                let x = rate * r.x * by;
                out[(r.dof, column)] += x;
                let moments = r.error * by.abs() + r.x.abs() * by_error;
                noise[(r.dof, column)] += 2.0 * ULP * x.abs() + (error * (r.x * by).abs() + rate.abs() * moments);
            };
            for c in row {
                put(c.dof, (self.by_length, length_error), c.x, c.error);
                put(nv + c.dof, (self.by_velocity, velocity_error), c.x, c.error);
            }
            for c in turning {
                put(c.dof, (self.by_velocity, velocity_error), c.x, c.error);
            }
            let (control, gain) = (layout.control(a.control), (self.gain, gain_error));
            match a.activation {
                // Beyond its range a control does nothing; on its edge the derivative is that of the inside.
                None if self.heard => put(control, gain, 1.0, 0.0),
                None => {}
                Some(i) => {
                    let inputs = &activations.now[i].of_used.inputs;
                    inputs.iter().for_each(|(column, by)| put(*column, gain, *by, 0.0));
                }
            }
        }
    }

    /// Marks the inputs that take `value`, which changes by `share` of this force, across an end of `range` when they are nudged.
    /// A control at an end of its own range goes one way only. Returns whether there are any.
    fn mark(
        &self,
        (row, turning): (&[Arm], &[Arm]),
        (value, share, rounding, range): (f64, f64, f64, [f64; 2]),
        (activations, layout, reach): (&Activations, StateLayout, f64),
        bent: &mut [bool],
    ) -> bool {
        let mut any = false;
        let mut mark = |column: usize, rate: f64, [down, up]: [f64; 2]| {
            let ends = [value + share * rate * down, value + share * rate * up];
            if range.iter().any(|edge| crosses(ends, *edge, rounding)) {
                (any, bent[column]) = (true, true);
            }
        };
        let both = [-reach, reach];
        for arm in row {
            let turned = turning.iter().find(|turned| turned.dof == arm.dof).map_or(0.0, |turned| turned.x);
            mark(arm.dof, self.by_length * arm.x + self.by_velocity * turned, both);
            mark(layout.nv + arm.dof, self.by_velocity * arm.x, both);
        }
        for turned in turning.iter().filter(|turned| !row.iter().any(|arm| arm.dof == turned.dof)) {
            mark(turned.dof, self.by_velocity * turned.x, both);
        }
        match self.activation {
            None => mark(self.column, self.gain, self.room),
            Some(i) => {
                for (column, by) in &activations.now[i].of_used.inputs {
                    mark(*column, self.gain * by, if *column == self.column { self.room } else { both });
                }
            }
        }
        any
    }
}

/// Whether an edge lies well between two ends.
fn crosses(ends: [f64; 2], edge: f64, rounding: f64) -> bool {
    ends[0].min(ends[1]) < edge - rounding && ends[0].max(ends[1]) > edge + rounding
}

/// Whether a value is beyond a range. On an end of it the derivative is that of the inside.
fn outside(x: f64, [low, high]: [f64; 2], rounding: f64) -> bool {
    x < low - rounding || x > high + rounding
}

/// Adds `by` times the product of two arms, with a bound on its error.
fn product(out: &mut DMatrix<f64>, noise: &mut DMatrix<f64>, at: (usize, usize), by: f64, r: &Arm, c: &Arm) {
    let x = by * r.x * c.x;
    out[at] += x;
    noise[at] += 2.0 * ULP * x.abs() + by.abs() * (r.error * c.x.abs() + r.x.abs() * c.error);
}

/// The actuators that are switched on. None where one is not linear, or its moment arm depends on the configuration.
fn actuators(model: &Model, coverage: &Coverage, activations: &Activations) -> Option<Vec<Actuator>> {
    // Those on bodies are in a file of their own.
    let on = model.actuators().enumerate().filter(|(_, a)| !a.disabled && a.transmission != Ok(mjtTrn::mjTRN_BODY));
    on.map(|(id, actuator)| linear(model, coverage, activations, id, &actuator)).collect()
}

/// An actuator of which all that was said above holds.
fn linear(
    model: &Model,
    coverage: &Coverage,
    activations: &Activations,
    id: usize,
    actuator: &physics::Actuator,
) -> Option<Actuator> {
    let target = actuator.targets[0] as usize;
    let tendon = match actuator.transmission {
        Ok(mjtTrn::mjTRN_JOINT | mjtTrn::mjTRN_JOINTINPARENT) if coverage.joint.get(target) == Some(&true) => None,
        Ok(mjtTrn::mjTRN_TENDON) => match coverage.bends.get(target)? {
            true => Some((target, actuator.gear)),
            false => None,
        },
        _ => return None,
    };
    Actuator::of(model, activations, (id, actuator), law(actuator)?, tendon)
}

/// Gain and bias of an actuator; None where one is not in closed form.
fn law(actuator: &physics::Actuator) -> Option<Law> {
    if let Some(muscle) = Muscle::new(actuator) {
        return Some(Law::Muscle(muscle));
    }
    let affine = |p: &[f64]| [p[0], p[1], p[2]];
    let gain = match actuator.gaintype {
        Ok(mjtGain::mjGAIN_FIXED) => [actuator.gainprm[0], 0.0, 0.0],
        Ok(mjtGain::mjGAIN_AFFINE) => affine(actuator.gainprm),
        // MuJoCo's own, where no callback is installed.
        Ok(mjtGain::mjGAIN_USER) => [1.0, 0.0, 0.0],
        _ => return None,
    };
    let bias = match actuator.biastype {
        Ok(mjtBias::mjBIAS_NONE | mjtBias::mjBIAS_USER) => [0.0; 3],
        Ok(mjtBias::mjBIAS_AFFINE) => affine(actuator.biasprm),
        _ => return None,
    };
    Some(Law::Affine { gain, bias })
}
