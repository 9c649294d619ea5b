//! The Jacobian by implicit differentiation of the constraint solve: one solve per state, none per input.
//!
//! At the solution `a` of the forward dynamics the residual
//!
//! ```text
//! R(p) = smooth(p) + J(p)' f(p; a) - M(p) a
//! ```
//!
//! vanishes. Along an input p, with a held fixed inside R,
//!
//! ```text
//! da/dp = H^-1 dR/dp,        H = M + J' W J,
//! ```
//!
//! where W holds the constraint masses of the rows that push back in proportion, and the Hessians of elliptic cones
//! in their middle zone. dR/dp needs no solve, and it is in closed form: inertial forces, gravity, drag ([`motion`]),
//! springs, dampers and actuators ([`smooth`]), limits and friction ([`rows`]), and contacts ([`contact`]) up to the geometry of
//! each touching pair ([`narrow`]). What of a model is not covered there is differenced ([`difference`]).
//!
//! An integrator that damps implicitly solves `MH a_n = M a` for the step's acceleration, so that
//!
//! ```text
//! da_n = da + MH^-1 (d(M (a - a_n)) - (MH - M) da - dMH a_n + dM a_n).
//! ```
//!
//! The next velocity is v + h a_n, the next position q turned and moved by it for h. Runge and Kutta's method chains the
//! derivatives of four accelerations instead ([`runge_kutta`]).
//!
//! Every derivative comes with a bound on its rounding, which is carried along to the entries of A and B; that decides
//! what is zero ([`verdict`]).

mod activation;
mod closed;
mod confirm;
mod contact;
mod difference;
mod fields;
mod integrator;
mod motion;
mod narrow;
mod rows;
mod runge_kutta;
mod sensors;
mod smooth;
mod spatial;
mod support;
mod switches;
#[cfg(test)]
mod tests;
mod tree;
mod verdict;

use std::sync::Arc;

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::kink::Bends;
use super::{Engine, EngineSpec, Jacobian, Switches};
use crate::physics::{Model, PhysicsError, Sim, go_on};
use activation::Activations;
use contact::{Contacts, Sums};
use difference::Differences;
use integrator::Integrator;
use motion::{ExternalForces, Motion, ULP};
use rows::{Coverage, Rows};
use runge_kutta::RungeKutta;
use sensors::Sensors;
use smooth::Smooth;
use spatial::{Size, norm3, sub3};
pub(super) use switches::REACH;
use tree::Tree;

/// Implicit differentiation.
#[derive(Debug)]
pub struct Implicit {
    work: Sim,
    tree: Tree,
    outside: ExternalForces,
    coverage: Coverage,
    /// None where springs, dampers or actuators are differenced.
    smooth: Option<Smooth>,
    rows: Rows,
    contacts: Contacts,
    activations: Activations,
    differences: Differences,
    integrator: Integrator,
    /// Of models that step by Runge and Kutta's method.
    runge_kutta: Option<RungeKutta>,
    motion: Motion,
    field: Motion,
    space: Workspace,
    bends: Bends,
    sensors: Option<Sensors>,
    zero_test: bool,
}

/// The residual that is left, as a share of the largest force: as the solver leaves it, and after a step of Newton's method.
const SOLVED: f64 = 1e-14;
const POLISHED: f64 = 1e-10;

/// Errors of a column up to this share of the largest entry of A are no reason to ask whole steps.
const SURE: f64 = 1e-7;

/// Bounds beyond this share are one, however they come about: of a mass or a lever of nothing no digit is left.
const LOST: f64 = 1e-3;

/// Steps of Newton's method after the solver.
const TRIES: usize = 10;

/// Buffers of a state.
#[derive(Debug)]
struct Workspace {
    state: Vec<f64>,
    /// The acceleration, and what is left of the residual (nv).
    a: DVector<f64>,
    residual: DVector<f64>,
    /// The acceleration that sensors see (nv).
    sensed: DVector<f64>,
    jar: Vec<f64>,
    square: Vec<f64>,
    /// M, and |M| (nv x nv).
    inertia: DMatrix<f64>,
    terms: DMatrix<f64>,
    /// H before it is factored, and |H^-1|.
    hessian: DMatrix<f64>,
    inverse: DMatrix<f64>,
    /// dR, then da; bounds on their errors (nv x ndx + nu).
    da: DMatrix<f64>,
    noise: DMatrix<f64>,
    wide: DMatrix<f64>,
    /// Bounds on the errors of the rows' forces (nefc x ndx + nu), and H^-1 J' (nv x nefc).
    errors: DMatrix<f64>,
    pull: DMatrix<f64>,
    /// How J a - aref of the contacts that push changes with the positions, at a fixed acceleration (nefc x nv).
    jar_change: DMatrix<f64>,
}

impl Workspace {
    fn new(model: &Model) -> Self {
        let (nv, nu) = (model.nv(), model.nu());
        let square = || DMatrix::zeros(nv, nv);
        let wide = || DMatrix::zeros(nv, model.ndx() + nu);
        Self {
            state: vec![0.0; model.state_size()],
            a: DVector::zeros(nv),
            residual: DVector::zeros(nv),
            sensed: DVector::zeros(nv),
            jar: Vec::new(),
            square: vec![0.0; nv * nv],
            inertia: square(),
            terms: square(),
            hessian: square(),
            inverse: square(),
            da: wide(),
            noise: wide(),
            wide: wide(),
            errors: DMatrix::zeros(0, 0),
            pull: DMatrix::zeros(0, 0),
            jar_change: DMatrix::zeros(0, 0),
        }
    }
}

impl Implicit {
    /// What of a model the engine does not cover; nothing when it covers all.
    pub fn obstacles(model: &Model) -> Vec<String> {
        support::obstacles(model)
    }

    /// The engine, with a simulation of its own.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for one.
    pub fn new(spec: &EngineSpec, model: &Arc<Model>) -> Result<Self, PhysicsError> {
        let tree = Tree::new(model);
        let coverage = Coverage::new(model);
        let activations = Activations::new(model);
        let smooth = Smooth::new(model, &coverage, &activations);
        Ok(Self {
            work: Sim::new(model)?,
            outside: ExternalForces::new(model, smooth.is_some()),
            smooth,
            rows: Rows::new(model),
            contacts: Contacts::new(model.largest_gap(), model.nv()),
            differences: Differences::new(model),
            activations,
            integrator: Integrator::new(model, &tree),
            runge_kutta: model.steps_by_runge_kutta().then(|| RungeKutta::new(model)),
            motion: Motion::new(&tree),
            field: Motion::new(&tree),
            space: Workspace::new(model),
            bends: Bends::new(model, spec.sensors),
            sensors: spec.sensors.then(|| Sensors::new(model)).flatten(),
            zero_test: spec.zero_test,
            coverage,
            tree,
        })
    }

    /// Solves at the state of `work`, and factors H. None where H is not positive definite.
    fn solve(&mut self) -> Result<Option<Cholesky<f64, Dyn>>, PhysicsError> {
        let nv = self.tree.nv();
        self.work.forward()?;
        self.space.a.as_mut_slice().copy_from_slice(self.work.qacc());
        self.work.inertia(&mut self.space.square);
        self.space.inertia.as_mut_slice().copy_from_slice(&self.space.square);
        let (mut tries, mut before) = (0, f64::INFINITY);
        loop {
            let Self { work, space, rows, tree, .. } = self;
            work.stage_constraint(space.a.as_slice(), &mut space.jar, true)?;
            let coms = work.subtree_com().as_chunks::<3>().0;
            let axes = work.cdof().as_chunks::<6>().0;
            let far = work
                .contact_details()
                .flat_map(|c| c.bodies.map(|b| norm3(sub3(c.pos, coms[tree.root[b]]))))
                .fold(0.0, f64::max);
            rows.set(work, &space.jar, axes.iter().map(|s| Size::of(s).lin + far * Size::of(s).rot));
            space.terms.copy_from(&space.inertia);
            space.terms.apply(|x| *x = x.abs());
            // An error after an earlier solve has kept the matrix.
            let mut hessian = std::mem::replace(&mut space.hessian, DMatrix::zeros(0, 0));
            if hessian.is_empty() {
                hessian = DMatrix::zeros(nv, nv);
            }
            hessian.copy_from(&space.inertia);
            rows.add_hessian(&mut hessian);
            let Some(hessian) = Cholesky::new(hessian) else {
                space.hessian = DMatrix::zeros(nv, nv);
                return Ok(None);
            };
            // The solver stops at a tolerance; one more step of Newton's method takes the rest of the residual off, some more
            // where the solver is not Newton's.
            work.smooth_force(space.residual.as_mut_slice());
            let scale = space.residual.amax();
            for (x, f) in space.residual.iter_mut().zip(work.qfrc_constraint()) {
                *x += f;
            }
            space.residual.gemv(-1.0, &space.inertia, &space.a, 1.0);
            let left = space.residual.amax();
            let done = left <= if tries == 0 { SOLVED } else { POLISHED } * scale;
            if done || rows.n == 0 || tries == TRIES || left > 0.5 * before {
                return Ok(Some(hessian));
            }
            (tries, before) = (tries + 1, left);
            let mut step = space.residual.clone();
            hessian.solve_mut(&mut step);
            space.a += step;
            space.hessian = hessian.unpack_dirty();
        }
    }

    /// dR/dp into `space.da`, with bounds on its errors in `space.noise`; and whether a force is at the edge of its range:
    /// the columns that take it across are marked in `bends`.
    fn residual_derivative(&mut self) -> Result<bool, PhysicsError> {
        let Self {
            work,
            tree,
            outside,
            coverage,
            smooth,
            rows,
            contacts,
            differences,
            activations,
            motion,
            field,
            space,
            bends,
            ..
        } = self;
        let bent = &mut bends.columns;
        bent.clear();
        bent.resize(space.da.ncols(), false);
        space.da.fill(0.0);
        space.noise.fill(0.0);
        resize(&mut space.errors, rows.n, space.da.ncols());
        resize(&mut space.jar_change, rows.n, space.a.len());
        motion.set(tree, work, space.a.as_slice(), outside);
        motion.by_position(tree, true, &mut space.da, &mut space.noise);
        motion.by_velocity(tree, &mut space.da, &mut space.noise);
        let mut edge = activations.set(work, REACH, bent)?;
        if let Some(smooth) = smooth {
            edge |= smooth.add(work, activations, REACH, bent, &mut space.da, &mut space.noise);
        }
        let closed = coverage.all(work);
        contacts.edges.fill(false);
        contacts.light = false;
        differences.nudger.unsettled.fill(false);
        if rows.n > 0 {
            field.set_field(tree, work, space.a.as_slice());
            let Workspace { da, noise, errors, jar_change: jar, .. } = &mut *space;
            rows.by_velocity(closed, da, errors);
            if closed {
                rows.by_position(da, noise);
            }
            contacts.by_position(tree, work, rows, [field, motion], Sums { out: da, noise, errors, jar })?;
        }
        if smooth.is_none() || !closed {
            let out = (&mut space.da, &mut space.noise);
            let rows = (!closed).then_some(&*rows);
            if differences.add(work, smooth.is_none(), rows, &space.a, out)? {
                // Which column it was is not known.
                edge = true;
                bent.fill(true);
            }
        }
        Ok(edge)
    }

    /// d a / d (x, u) at the state of `work` into `space.da`, with bounds on its errors in `space.noise`, from the factors of H
    /// that [`Implicit::solve`] gave; what of its rows and forces switches within reach goes to `seen`, the columns to `bends`.
    fn accelerate(&mut self, hessian: Cholesky<f64, Dyn>, seen: &mut Seen) -> Result<(), PhysicsError> {
        go_on()?;
        seen.near_singular |= self.rows.is_rigid() || verdict::nearly_singular(hessian.l_dirty());
        seen.switches.force |= self.residual_derivative()?;
        let Self { work, rows, space, bends, zero_test, .. } = self;
        solve_with_bounds(&hessian, rows, space, *zero_test);
        space.hessian = hessian.unpack_dirty();
        // The rows see the acceleration that is solved for, before the integrator damps it; so do the sensors.
        if *zero_test {
            let motion = [work.qvel(), space.a.as_slice()];
            rows.switches([&space.da, &space.jar_change], motion, REACH, &mut seen.switches, &mut bends.columns);
        }
        Ok(())
    }

    /// What is in doubt of the derivative at the state of `work`, after [`Implicit::accelerate`]. What else switches there goes to
    /// `seen`, the columns to `bends`; the constraint rows of `work` are forgotten.
    fn examine(&mut self, seen: &mut Seen) -> Result<Doubts, PhysicsError> {
        let Self { work, tree, rows, contacts, differences, space, bends, zero_test, .. } = self;
        let mut doubts = Doubts::new(space.da.ncols());
        doubts.everything = rows.is_rigid() || contacts.light || rows.is_faint();
        doubts.contact = contacts.edges.contains(&true);
        doubts.columns.iter_mut().zip(&contacts.edges).for_each(|(doubtful, edge)| *doubtful = *edge);
        doubts.unsettled.copy_from_slice(&differences.nudger.unsettled);
        if *zero_test {
            let (bent, undecided) = (&mut bends.columns, &mut doubts.columns);
            seen.switches = switches::find(work, tree, seen.switches, bent, undecided)?;
        }
        Ok(doubts)
    }

    /// Keeps what the sensors need of the state that they see.
    fn keep_for_sensors(&mut self) {
        if let Some(sensors) = &mut self.sensors {
            sensors.da.copy_from(&self.space.da);
            sensors.noise.copy_from(&self.space.noise);
            self.space.sensed.copy_from(&self.space.a);
            self.rows.widest_nudges(&mut sensors.widest);
        }
    }

    /// A step of Runge and Kutta's method from the state of `work`: [`runge_kutta`]. What is in doubt of a stage is in doubt of
    /// all inputs that it depends on.
    fn by_stages(&mut self, steps: &mut RungeKutta, out: &mut Jacobian) -> Result<(), PhysicsError> {
        let inputs = self.space.da.ncols();
        let (mut doubts, mut seen, mut bent) = (Doubts::new(inputs), Seen::default(), vec![false; inputs]);
        steps.begin(&self.work);
        for stage in 0..runge_kutta::STAGES {
            if stage > 0 {
                steps.advance(&mut self.work);
            }
            let Some(hessian) = self.solve()? else {
                return self.step_all(out);
            };
            self.accelerate(hessian, &mut seen)?;
            if stage == 0 {
                self.keep_for_sensors();
            }
            let Self { work, activations, space, .. } = self;
            steps.take(work, space.a.as_slice(), (&space.da, &space.noise), activations);
            let here = self.examine(&mut seen)?;
            doubts.everything |= here.everything;
            doubts.contact |= here.contact;
            steps.trace_back(&here.columns, &mut doubts.columns);
            steps.trace_back(&here.unsettled, &mut doubts.unsettled);
            steps.trace_back(&self.bends.columns, &mut bent);
        }
        let to = (&mut *out, &mut self.integrator.bounds);
        seen.switches.force |= steps.finish(&self.work, &self.activations, (REACH, &mut bent), to);
        self.bends.columns = bent;
        self.conclude(doubts, seen, out)
    }

    /// Differentiates the sensors, judges what is zero, and asks whole steps where the derivative is in doubt or may bend.
    fn conclude(&mut self, mut doubts: Doubts, seen: Seen, out: &mut Jacobian) -> Result<(), PhysicsError> {
        go_on()?;
        let Self { work, integrator, space, bends, sensors, zero_test, .. } = self;
        if *zero_test {
            out.verdicts.near_singular = seen.near_singular;
            out.verdicts.switches = seen.switches;
        }
        if let Some(sensors) = sensors {
            work.set_state(&space.state)?;
            sensors.differentiate(work, &space.sensed, *zero_test, out)?;
        }
        let model = work.model();
        for (c, doubtful) in doubts.columns.iter_mut().enumerate() {
            *doubtful |= doubts.everything || !is_finite(out, c, model);
        }
        mark_unsure(&mut doubts, out, integrator, *zero_test);
        if *zero_test {
            verdict::judge(out, &integrator.bounds, &doubts.columns);
        }
        if doubts.contact {
            out.verdicts.switches.contact = true;
        }
        confirm::confirm(model, &space.state, &doubts.columns, bends, out)
    }

    /// Every column from differences of whole steps, where the closed form has nothing to solve with.
    fn step_all(&mut self, out: &mut Jacobian) -> Result<(), PhysicsError> {
        let Self { work, space, bends, .. } = self;
        out.fill(0.0);
        out.verdicts.near_singular = true;
        let model = work.model();
        bends.columns.clear();
        confirm::confirm(model, &space.state, &vec![true; model.ndx() + model.nu()], bends, out)
    }
}

/// Turns dR/dp in `space.da` (nv x ndx + nu) into da/dp = H^-1 dR/dp, and with `bounds` the bounds on its errors in `space.noise`
/// into those of da/dp: |H^-1| (noise + 2 ulp |H| |da|) + |H^-1 J'| errors.
fn solve_with_bounds(hessian: &Cholesky<f64, Dyn>, rows: &Rows, space: &mut Workspace, bounds: bool) {
    hessian.solve_mut(&mut space.da);
    if !bounds {
        return;
    }
    verdict::inverse_size(hessian, &mut space.inverse);
    // Rounding of the solve, as an error of its right side.
    space.wide.copy_from(&space.da);
    space.wide.apply(|x| *x = x.abs());
    space.noise.gemm(2.0 * ULP, &space.terms, &space.wide, 1.0);
    space.wide.gemm(1.0, &space.inverse, &space.noise, 0.0);
    if rows.n > 0 {
        // An error of a stiff row's force hardly moves anything: not |H^-1| |J'|, but |H^-1 J'|.
        rows.rounding(&space.da, &mut space.errors);
        resize(&mut space.pull, space.a.len(), rows.n);
        rows.transposed(&mut space.pull);
        hessian.solve_mut(&mut space.pull);
        space.pull.apply(|x| *x = x.abs());
        space.wide.gemm(1.0, &space.pull, &space.errors, 1.0);
    }
    std::mem::swap(&mut space.wide, &mut space.noise);
}

/// What was seen of a step.
#[derive(Default)]
struct Seen {
    switches: Switches,
    near_singular: bool,
}

/// What of the closed form is in doubt.
struct Doubts {
    /// All of it.
    everything: bool,
    /// Because a contact is on an edge.
    contact: bool,
    /// Columns of A, then of B, and those whose differences settle on nothing (ndx + nu).
    columns: Vec<bool>,
    unsettled: Vec<bool>,
}

impl Doubts {
    fn new(inputs: usize) -> Self {
        Self { everything: false, contact: false, columns: vec![false; inputs], unsettled: vec![false; inputs] }
    }
}

/// Marks the columns of A and B whose differences settle on nothing, or whose bounds are too wide, for the largest entry of the
/// others. Differences that leave much open of a small force leave little open of the step.
fn mark_unsure(doubts: &mut Doubts, out: &Jacobian, integrator: &Integrator, zero_test: bool) {
    let Doubts { columns: doubtful, unsettled, .. } = doubts;
    loop {
        let scale = verdict::trusted_scale(&out.a, doubtful);
        let unsure = |column: usize| {
            let unsettled = unsettled[column] || integrator.is_unsettled(column);
            let bound = if zero_test { integrator.largest_bound(column) } else { f64::INFINITY };
            (unsettled && bound > SURE * scale) || (zero_test && bound > LOST * scale)
        };
        let more: Vec<usize> = (0..doubtful.len()).filter(|c| !doubtful[*c] && unsure(*c)).collect();
        if more.is_empty() {
            return;
        }
        more.into_iter().for_each(|c| doubtful[c] = true);
    }
}

/// Whether a column of A, or of B behind them, holds numbers only.
fn is_finite(out: &Jacobian, column: usize, model: &Model) -> bool {
    let (ndx, nu) = (model.ndx(), model.nu());
    match column.checked_sub(ndx) {
        None => (0..ndx).all(|row| out.a[row * ndx + column].is_finite()),
        Some(control) => (0..ndx).all(|row| out.b[row * nu + control].is_finite()),
    }
}

/// Zeros of other sizes, without giving memory back.
fn resize(m: &mut DMatrix<f64>, rows: usize, columns: usize) {
    m.resize_mut(rows, columns, 0.0);
    m.fill(0.0);
}

impl Engine for Implicit {
    /// Where H or the integrator's inertia is not positive definite, and where the geometry of a contact has no derivative,
    /// differences of whole steps take the place; entries that these do not settle on are NaN.
    fn jacobian(&mut self, sim: &mut Sim, out: &mut Jacobian) -> Result<(), PhysicsError> {
        out.verdicts.forget();
        sim.get_state(&mut self.space.state)?;
        self.work.set_state(&self.space.state)?;
        if let Some(mut steps) = self.runge_kutta.take() {
            let done = self.by_stages(&mut steps, out);
            self.runge_kutta = Some(steps);
            return done;
        }
        let Some(hessian) = self.solve()? else {
            return self.step_all(out);
        };
        let integrable = {
            let Self { work, integrator, space, .. } = self;
            integrator.solve(work, &space.inertia, &space.a)?
        };
        if !integrable {
            self.space.hessian = hessian.unpack_dirty();
            return self.step_all(out);
        }
        let mut seen = Seen::default();
        self.accelerate(hessian, &mut seen)?;
        self.keep_for_sensors();
        let Self { work, tree, activations, integrator, field, space, zero_test, .. } = self;
        integrator.differentiate(tree, work, field, (&mut space.da, &mut space.noise), *zero_test)?;
        integrator.integrate(work, activations, &space.da, &space.noise, out);
        let doubts = self.examine(&mut seen)?;
        self.conclude(doubts, seen, out)
    }
}
