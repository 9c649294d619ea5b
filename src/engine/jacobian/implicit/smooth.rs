//! Springs, dampers and actuators: what of the smooth forces is linear in lengths, velocities and controls.

use mujoco_rs::mujoco_c::{mjtBias, mjtGain, mjtTrn};
use nalgebra::DMatrix;

use super::activation::Activations;
use super::motion::ULP;
use super::rows::Coverage;
use crate::physics::{self, Model, Sim, StateLayout};

/// A straight tendon with a spring, a damper or both.
#[derive(Debug)]
struct Tendon {
    id: usize,
    stiffness: f64,
    /// No force between these lengths.
    slack: [f64; 2],
    damping: f64,
}

/// An actuator whose force is linear in its control, and affine in its length and velocity.
#[derive(Debug)]
struct Actuator {
    control: usize,
    /// Its activation, which takes the place of the control in the force.
    activation: Option<usize>,
    output: usize,
    /// Force = (gain . (1, length, velocity)) control + bias . (1, length, velocity).
    gain: [f64; 3],
    bias: [f64; 3],
    range: Option<[f64; 2]>,
    control_range: Option<[f64; 2]>,
}

/// The linear part of the smooth forces, if all of springs, dampers and actuators is.
#[derive(Debug)]
pub(super) struct Smooth {
    springs: Vec<(usize, f64)>,
    dampers: Vec<f64>,
    tendons: Vec<Tendon>,
    actuators: Vec<Actuator>,
    /// By dof: bounds of the sum of its actuators' forces.
    force_range: Vec<Option<[f64; 2]>>,
    /// Dofs whose actuator force is held by its range now.
    held: Vec<bool>,
    /// By dof: sum of its actuators' forces, and its rounding.
    totals: Vec<(f64, f64)>,
    row: Vec<(usize, f64)>,
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
        if model.has_adhesive_geoms() || model.has_ellipsoid_fluid() {
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
            if !coverage.tendon[id] {
                return None;
            }
            tendons.push(Tendon { id, stiffness, slack: tendon.springlength, damping });
        }
        let actuators = if actuators_on { actuators(model, coverage, activations)? } else { Vec::new() };
        let nv = model.nv();
        let mut force_range = vec![None; nv];
        for joint in model.joints().filter(|j| j.is_scalar()) {
            force_range[joint.dof] = joint.actfrcrange;
        }
        let dampers = if dampers_on { model.dof_damping().to_vec() } else { vec![0.0; nv] };
        let (held, totals) = (vec![false; nv], vec![(0.0, 0.0); nv]);
        Some(Self { springs, dampers, tendons, actuators, force_range, held, totals, row: Vec::new() })
    }

    /// Adds the derivative of springs, dampers and actuators to `out` (nv x ndx + nu), with bounds on its rounding.
    /// Returns whether a force enters or leaves its range when an input is nudged by `reach`, and marks these inputs in `bent`.
    pub(super) fn add(
        &mut self,
        sim: &Sim,
        activations: &Activations,
        reach: f64,
        bent: &mut [bool],
        out: &mut DMatrix<f64>,
        noise: &mut DMatrix<f64>,
    ) -> bool {
        let nv = self.dampers.len();
        let layout = sim.model().layout();
        let mut edge = false;
        for (dof, k) in &self.springs {
            out[(*dof, *dof)] -= k;
        }
        for (dof, b) in self.dampers.iter().enumerate() {
            out[(dof, nv + dof)] -= b;
        }
        for tendon in &self.tendons {
            let length = sim.ten_length()[tendon.id];
            let slack = length >= tendon.slack[0] && length <= tendon.slack[1];
            let stretch = tendon.slack.iter().map(|x| (x - length).abs()).fold(f64::INFINITY, f64::min);
            let bends = tendon.stiffness != 0.0 && tendon.slack[0] != tendon.slack[1];
            self.row.clear();
            self.row.extend(sim.tendon_jacobian(tendon.id));
            for (dof, _) in self.row.iter().filter(|(_, x)| bends && *x != 0.0 && stretch <= reach * x.abs()) {
                (edge, bent[*dof]) = (true, true);
            }
            for (r, x) in &self.row {
                for (c, y) in &self.row {
                    if !slack || tendon.slack[0] == tendon.slack[1] {
                        add(out, noise, (*r, *c), -tendon.stiffness * x * y);
                    }
                    add(out, noise, (*r, nv + c), -tendon.damping * x * y);
                }
            }
        }
        edge |= self.totals(sim, activations, reach, bent);
        for a in &self.actuators {
            let now = Force::of(a, sim, activations, reach);
            let Force { gain, by_length, by_velocity, heard, .. } = now;
            self.row.clear();
            self.row.extend(sim.actuator_moment(a.output).filter(|(_, x)| *x != 0.0));
            if let Some(range) = a.range {
                edge |= now.mark(&self.row, (now.force, 1.0, now.rounding, range), (layout, reach), bent);
                if outside(now.force, range, now.rounding) {
                    continue;
                }
            }
            for (r, x) in self.row.iter().filter(|(r, _)| !self.held[*r]) {
                for (c, y) in &self.row {
                    add(out, noise, (*r, *c), by_length * x * y);
                    add(out, noise, (*r, nv + c), by_velocity * x * y);
                }
                match a.activation.map(|i| (i, activations.now[i].of_used)) {
                    // Beyond its range a control does nothing; on its edge the derivative is that of the inside.
                    None if heard => add(out, noise, (*r, layout.control(a.control)), gain * x),
                    None => {}
                    Some((i, [by_activation, by_control])) => {
                        add(out, noise, (*r, layout.activation(i)), gain * x * by_activation);
                        add(out, noise, (*r, layout.control(a.control)), gain * x * by_control);
                    }
                }
            }
        }
        edge
    }

    /// Finds out which dofs' actuator forces are held by the range of their sum. Returns whether a sum enters or leaves its
    /// range when an input is nudged by `reach`, and marks these inputs.
    fn totals(&mut self, sim: &Sim, activations: &Activations, reach: f64, bent: &mut [bool]) -> bool {
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
            self.row.clear();
            self.row.extend(sim.actuator_moment(a.output).filter(|(_, x)| *x != 0.0));
            for (r, x) in &self.row {
                if let Some(range) = self.force_range[*r] {
                    let (total, rounding) = self.totals[*r];
                    edge |= now.mark(&self.row, (total, *x, rounding, range), (layout, reach), bent);
                }
            }
        }
        edge
    }
}

/// The force of an actuator before its range holds it, and how it changes.
struct Force {
    force: f64,
    rounding: f64,
    gain: f64,
    by_length: f64,
    by_velocity: f64,
    /// Whether the control is within its range; and how far it can be nudged down and up, and is heard.
    heard: bool,
    room: [f64; 2],
    /// Its activation and the one's derivatives; None for a control that acts by itself.
    activation: Option<(usize, [f64; 2])>,
    /// Column of the control.
    column: usize,
}

impl Force {
    fn of(a: &Actuator, sim: &Sim, activations: &Activations, reach: f64) -> Self {
        let u = sim.ctrl()[a.control];
        let clamp = |u: f64| a.control_range.map_or(u, |[low, high]| u.clamp(low, high));
        let control = a.activation.map_or(clamp(u), |i| activations.now[i].used);
        let (length, velocity) = (sim.actuator_length()[a.output], sim.actuator_velocity()[a.output]);
        let of = |p: &[f64; 3]| p[0] + p[1] * length + p[2] * velocity;
        let (gain, bias) = (of(&a.gain), of(&a.bias));
        Self {
            force: gain * control + bias,
            rounding: 4.0 * ULP * ((gain * control).abs() + bias.abs()),
            gain,
            by_length: a.gain[1] * control + a.bias[1],
            by_velocity: a.gain[2] * control + a.bias[2],
            heard: clamp(u) == u,
            room: [clamp(u - reach) - clamp(u), clamp(u + reach) - clamp(u)],
            activation: a.activation.map(|i| (i, activations.now[i].of_used)),
            column: sim.model().layout().control(a.control),
        }
    }

    /// Marks the inputs that take `value`, which changes by `share` of this force, across an end of `range` when they are nudged.
    /// A control at an end of its own range goes one way only. Returns whether there are any.
    fn mark(
        &self,
        row: &[(usize, f64)],
        (value, share, rounding, range): (f64, f64, f64, [f64; 2]),
        (layout, reach): (StateLayout, f64),
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
        for (dof, x) in row {
            mark(*dof, self.by_length * x, both);
            mark(layout.nv + dof, self.by_velocity * x, both);
        }
        match self.activation {
            None => mark(self.column, self.gain, self.room),
            Some((i, [by_activation, by_control])) => {
                mark(layout.activation(i), self.gain * by_activation, both);
                mark(self.column, self.gain * by_control, self.room);
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

fn add(out: &mut DMatrix<f64>, noise: &mut DMatrix<f64>, at: (usize, usize), x: f64) {
    out[at] += x;
    noise[at] += 2.0 * ULP * x.abs();
}

/// The actuators that are switched on. None where one is not linear, or its moment arm depends on the configuration.
fn actuators(model: &Model, coverage: &Coverage, activations: &Activations) -> Option<Vec<Actuator>> {
    let on = model.actuators().enumerate().filter(|(_, a)| !a.disabled);
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
    let constant_arm = match actuator.transmission {
        Ok(mjtTrn::mjTRN_JOINT | mjtTrn::mjTRN_JOINTINPARENT) => coverage.joint.get(target).copied().unwrap_or(false),
        Ok(mjtTrn::mjTRN_TENDON) => coverage.tendon.get(target).copied().unwrap_or(false),
        _ => false,
    };
    let affine = |p: &[f64]| [p[0], p[1], p[2]];
    let gain = match actuator.gaintype {
        Ok(mjtGain::mjGAIN_FIXED) => [actuator.gainprm[0], 0.0, 0.0],
        Ok(mjtGain::mjGAIN_AFFINE) => affine(actuator.gainprm),
        _ => return None,
    };
    let bias = match actuator.biastype {
        Ok(mjtBias::mjBIAS_NONE) => [0.0; 3],
        Ok(mjtBias::mjBIAS_AFFINE) => affine(actuator.biasprm),
        _ => return None,
    };
    if !constant_arm || actuator.controls.len() != 1 || actuator.outputs.len() != 1 {
        return None;
    }
    let control = actuator.controls.start;
    Some(Actuator {
        control,
        activation: activations.of(id),
        output: actuator.outputs.start,
        gain,
        bias,
        range: actuator.forcerange,
        control_range: model.clamped_range(control),
    })
}
