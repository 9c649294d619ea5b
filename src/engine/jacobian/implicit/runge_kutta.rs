//! The method of Runge and Kutta of fourth order, as mj_RungeKutta takes it.
//!
//! From the state x = (q, v, w) of positions, velocities and activations, under the control u, four stages
//!
//! ```text
//! q_i = q (+) h c_i v_(i-1),   v_i = v + h c_i a_(i-1),   w_i = w + h c_i r_(i-1),   c = 0, 1/2, 1/2, 1
//! ```
//!
//! each have the acceleration a_i of the forward dynamics and the rates r_i of the activations; the step is
//!
//! ```text
//! q' = q (+) h sum_i b_i v_i,   v' = v + h sum_i b_i a_i,   w' = w + h sum_i b_i r_i,   b = 1/6, 1/3, 1/3, 1/6.
//! ```
//!
//! (+) turns quaternions. With T_i = d (q_i, v_i, w_i) / d (x, u), which is (I, 0) for the first stage (ndx x ndx + nu), and
//! d a / d (x_i, u) of the stage (nv x ndx + nu),
//!
//! ```text
//! d a_i / d (x, u) = d a / d x_i T_i + (0, d a / d u),
//! ```
//!
//! and so for r_i. Bounds on errors take the same way through the absolute values:
//! |dx_i| bound(T_i) + bound(d x_i) |T_i| + rounding.

use nalgebra::DMatrix;

use super::activation::Activations;
use super::motion::ULP;
use crate::jacobian::Jacobian;
use crate::physics::{Model, Sim, StateLayout, StepInput, turn_derivatives};

/// Stages of a step.
pub(super) const STAGES: usize = 4;

/// How far along the step a stage is, and what it weighs in it.
const AT: [f64; STAGES] = [0.0, 0.5, 0.5, 1.0];
const WEIGHT: [f64; STAGES] = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0];

/// Numbers and bounds on their errors (rows x ndx + nu).
#[derive(Debug)]
struct Bounded {
    value: DMatrix<f64>,
    bound: DMatrix<f64>,
}

impl Bounded {
    fn zeros(rows: usize, columns: usize) -> Self {
        Self { value: DMatrix::zeros(rows, columns), bound: DMatrix::zeros(rows, columns) }
    }

    fn put(&mut self, at: (usize, usize), (value, bound): (f64, f64)) {
        self.value[at] = value;
        self.bound[at] = bound;
    }

    fn at(&self, at: (usize, usize)) -> (f64, f64) {
        (self.value[at], self.bound[at])
    }
}

/// The state at the begin of the step, the stage that it is at, and the sums over those that were.
#[derive(Debug)]
pub(super) struct RungeKutta {
    h: f64,
    layout: StateLayout,
    stage: usize,
    qpos: Vec<f64>,
    qvel: Vec<f64>,
    act: Vec<f64>,
    /// T of the stage (ndx x ndx + nu).
    tangent: Bounded,
    /// d (v, a, r) of the stage (ndx x ndx + nu), and their weighted sum so far.
    rates: Bounded,
    sum: Bounded,
    /// (v, a, r) of the stage (ndx), and their weighted sum so far.
    rate: Vec<f64>,
    mean: Vec<f64>,
    /// Space for sizes.
    sizes: [DMatrix<f64>; 2],
}

impl RungeKutta {
    pub(super) fn new(model: &Model) -> Self {
        let layout = model.layout();
        let (nv, ndx, inputs) = (layout.nv, layout.ndx(), layout.inputs());
        let wide = || Bounded::zeros(ndx, inputs);
        Self {
            h: model.timestep(),
            layout,
            stage: 0,
            qpos: Vec::new(),
            qvel: Vec::new(),
            act: Vec::new(),
            tangent: wide(),
            rates: wide(),
            sum: wide(),
            rate: vec![0.0; ndx],
            mean: vec![0.0; ndx],
            sizes: [DMatrix::zeros(nv, ndx), DMatrix::zeros(ndx, inputs)],
        }
    }

    /// Begins a step at the state of `work`.
    pub(super) fn begin(&mut self, work: &Sim) {
        self.stage = 0;
        self.qpos = work.qpos().to_vec();
        self.qvel = work.qvel().to_vec();
        self.act = work.act().to_vec();
        self.tangent.value.fill_with_identity();
        self.tangent.bound.fill(0.0);
        self.sum.value.fill(0.0);
        self.sum.bound.fill(0.0);
        self.mean.fill(0.0);
    }

    /// The inputs of the step (ndx + nu) that any of the `marked` inputs of the stage (ndx + nu) depends on, are marked in `out`.
    pub(super) fn trace_back(&self, marked: &[bool], out: &mut [bool]) {
        for (input, _) in marked.iter().enumerate().filter(|(_, marked)| **marked) {
            if matches!(self.layout.input(input), StepInput::Control(_)) {
                out[input] = true;
                continue;
            }
            for (column, out) in out.iter_mut().enumerate() {
                *out |= self.tangent.value[(input, column)] != 0.0;
            }
        }
    }

    /// Takes the stage at the state of `work`: its acceleration `a`, d a / d (x_i, u) in `da` with bounds on its errors in `noise` (nv x
    /// ndx + nu), and its activations.
    pub(super) fn take(
        &mut self,
        work: &Sim,
        a: &[f64],
        (da, noise): (&DMatrix<f64>, &DMatrix<f64>),
        activations: &Activations,
    ) {
        let layout = self.layout;
        let (nv, ndx) = (layout.nv, layout.ndx());
        self.rate[..nv].copy_from_slice(work.qvel());
        self.rate[layout.velocities()].copy_from_slice(a);
        for (rate, now) in self.rate[layout.activations()].iter_mut().zip(&activations.now) {
            *rate = now.rate;
        }
        let Self { tangent, rates, sizes: [by, of], .. } = self;
        rates.value.rows_mut(0, nv).copy_from(&tangent.value.rows(nv, nv));
        rates.bound.rows_mut(0, nv).copy_from(&tangent.bound.rows(nv, nv));
        if self.stage == 0 {
            rates.value.rows_mut(nv, nv).copy_from(da);
            rates.bound.rows_mut(nv, nv).copy_from(noise);
        } else {
            rates.value.rows_mut(nv, nv).gemm(1.0, &da.columns(0, ndx), &tangent.value, 0.0);
            by.copy_from(&da.columns(0, ndx));
            by.apply(|x| *x = x.abs());
            of.copy_from(&tangent.value);
            of.apply(|x| *x = x.abs());
            let mut bound = rates.bound.rows_mut(nv, nv);
            bound.gemm(1.0, by, &tangent.bound, 0.0);
            bound.gemm(2.0 * ULP, by, of, 1.0);
            bound.gemm(1.0, &noise.columns(0, ndx), of, 1.0);
            let mut controls = rates.value.view_mut((nv, ndx), (nv, da.ncols() - ndx));
            controls += da.columns(ndx, da.ncols() - ndx);
            let mut controls = rates.bound.view_mut((nv, ndx), (nv, da.ncols() - ndx));
            controls += noise.columns(ndx, da.ncols() - ndx);
        }
        for (i, now) in activations.now.iter().enumerate() {
            let by = activations.columns(i, &now.of_rate);
            let terms = by.len().max(2) as f64;
            for c in 0..da.ncols() {
                let (mut sum, mut size, mut bound) = (0.0, 0.0, 0.0);
                for (column, by, by_error) in &by {
                    // Controls are the same at all stages.
                    let (x, x_bound) = match column.checked_sub(ndx) {
                        Some(_) => (f64::from(u8::from(*column == c)), 0.0),
                        None => tangent.at((*column, c)),
                    };
                    sum += by * x;
                    size += (by * x).abs();
                    bound += by.abs() * x_bound + by_error * x.abs();
                }
                rates.put((layout.activation(i), c), (sum, bound + terms * ULP * size));
            }
        }
        let weight = WEIGHT[self.stage];
        self.sum.value.zip_apply(&rates.value, |sum, x| *sum += weight * x);
        self.sum
            .bound
            .zip_zip_apply(&rates.bound, &rates.value, |sum, bound, x| *sum += weight * (bound + ULP * x.abs()));
        self.mean.iter_mut().zip(&self.rate).for_each(|(mean, x)| *mean += weight * x);
    }

    /// Moves `work` to the next stage.
    pub(super) fn advance(&mut self, work: &mut Sim) {
        let layout = self.layout;
        self.stage += 1;
        let (h, c) = (self.h, AT[self.stage]);
        let model = work.model().clone();
        let velocity: Vec<f64> = self.rate[..layout.nv].iter().map(|v| c * v).collect();
        moved(work, (c * h, h), &velocity, &self.rates, &mut self.tangent);
        work.qpos_mut().copy_from_slice(&self.qpos);
        model.integrate_pos(work.qpos_mut(), &velocity, h);
        let next = |from: &[f64], rate: &[f64], to: &mut [f64]| {
            to.iter_mut().zip(from.iter().zip(rate)).for_each(|(to, (x, rate))| *to = x + c * h * rate);
        };
        next(&self.qvel, &self.rate[layout.velocities()], work.qvel_mut());
        next(&self.act, &self.rate[layout.activations()], work.act_mut());
    }

    /// The next state into the row-major matrices of `out`, and bounds on its errors into `bounds`. Returns whether an activation
    /// enters or leaves its range when an input is nudged by `reach`, and marks these columns in `bent`.
    pub(super) fn finish(
        &mut self,
        work: &Sim,
        activations: &Activations,
        (reach, bent): (f64, &mut [bool]),
        (out, bounds): (&mut Jacobian, &mut [Vec<f64>; 2]),
    ) -> bool {
        let layout = self.layout;
        let (ndx, nu, inputs) = (layout.ndx(), layout.nu, layout.inputs());
        let velocity = self.mean[..layout.nv].to_vec();
        moved(work, (self.h, self.h), &velocity, &self.sum, &mut self.tangent);
        let mut edge = false;
        for i in 0..activations.now.len() {
            let row = layout.activation(i);
            let gain = activations.gain(i);
            for c in 0..inputs {
                let (x, bound) = self.sum.at((row, c));
                let own = f64::from(u8::from(c == row));
                let size = own + (gain * x).abs();
                self.tangent.put((row, c), (own + gain * x, gain * bound + 2.0 * ULP * size));
            }
            let Some([low, high]) = activations.range(i) else { continue };
            let next = self.act[i] + gain * self.mean[row];
            let within = (next - low).abs().min((next - high).abs());
            for c in (0..inputs).filter(|c| within <= reach * self.tangent.value[(row, *c)].abs()) {
                if self.tangent.value[(row, c)] != 0.0 {
                    (edge, bent[c]) = (true, true);
                }
            }
            if next <= low || next >= high {
                self.tangent.value.row_mut(row).fill(0.0);
                self.tangent.bound.row_mut(row).fill(0.0);
            }
        }
        let [bound_a, bound_b] = bounds;
        for r in 0..ndx {
            for c in 0..ndx {
                (out.a[r * ndx + c], bound_a[r * ndx + c]) = self.tangent.at((r, c));
            }
            for c in 0..nu {
                (out.b[r * nu + c], bound_b[r * nu + c]) = self.tangent.at((r, ndx + c));
            }
        }
        edge
    }
}

/// T of the state that the step's first one moves to by `by` times the rates whose derivatives are `rates`, in `to` (ndx x ndx +
/// nu). Quaternions turn by `velocity` (nv), which is the velocity times `by` / `h`, for `h`.
fn moved(work: &Sim, (by, h): (f64, f64), velocity: &[f64], rates: &Bounded, to: &mut Bounded) {
    let (rows, columns) = to.value.shape();
    for c in 0..columns {
        for r in 0..rows {
            let (x, bound) = rates.at((r, c));
            let own = f64::from(u8::from(c == r));
            let rounding = ULP * (own + 2.0 * (by * x).abs());
            to.put((r, c), (own + by * x, by * bound + if own == 0.0 && x == 0.0 { 0.0 } else { rounding }));
        }
    }
    for dof in work.turns() {
        let (by_turn, by_velocity) = turn_derivatives(std::array::from_fn(|k| velocity[dof + k]), h);
        let share = by / h;
        for c in 0..columns {
            for r in 0..3 {
                let turn = if (dof..dof + 3).contains(&c) { by_turn[3 * r + c - dof] } else { 0.0 };
                let term = |k: usize| share * by_velocity[3 * r + k] * rates.value[(dof + k, c)];
                let x = (0..3).fold(turn, |x, k| x + term(k));
                let size = (0..3).fold(turn.abs(), |x, k| x + term(k).abs());
                let error: f64 = (0..3).map(|k| share * by_velocity[3 * r + k].abs() * rates.bound[(dof + k, c)]).sum();
                to.put((dof + r, c), (x, error + 4.0 * ULP * size));
            }
        }
    }
}
