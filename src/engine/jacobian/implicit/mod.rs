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
mod attraction;
#[cfg(test)]
mod attraction_tests;
mod bending;
mod blocks;
mod boxes;
mod closed;
mod confirm;
mod contact;
#[cfg(test)]
mod controller_tests;
mod damped;
mod damper;
mod difference;
mod dual;
mod fields;
mod integrator;
mod jet;
mod length;
mod motion;
mod motor;
mod muscle;
mod narrow;
mod noslip;
mod onset;
mod pid;
mod rows;
mod runge_kutta;
mod sensors;
mod smooth;
mod spatial;
mod support;
mod surface;
mod switches;
mod system;
mod tendon;
#[cfg(test)]
mod tendon_tests;
#[cfg(test)]
mod tests;
mod tree;
mod triangular;
mod verdict;
mod weld;
mod wrap;

use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::asleep::Watch;
use super::kink::Bends;
use super::{Engine, EngineSpec, Jacobian, Switches};
use crate::physics::{Model, PhysicsError, Sim, go_on};
use activation::Activations;
use attraction::Attraction;
use bending::Bending;
use blocks::{Factors, Partition};
use contact::{Contacts, Shift, Sums};
use difference::Differences;
use integrator::Integrator;
use motion::{ExternalForces, Motion};
use noslip::{Noslip, Scene};
use onset::{Onsets, Solution};
use rows::{Coverage, Rows};
use runge_kutta::RungeKutta;
use sensors::Sensors;
use smooth::Smooth;
use spatial::{Size, norm3, sub3};
pub(super) use switches::REACH;
use system::System;
use tendon::Tendons;
use tree::Tree;

/// Implicit differentiation.
#[derive(Debug)]
pub struct Implicit {
    /// The model whose steps are differentiated; `work` may have solver settings of its own, and nothing sleeps in it.
    model: Arc<Model>,
    /// Of models that sleep.
    watch: Option<Watch>,
    work: Sim,
    tree: Tree,
    /// The forces from outside that are in closed form, and those where springs and dampers are differenced.
    outside: [ExternalForces; 2],
    coverage: Coverage,
    tendons: Tendons,
    bending: Bending,
    /// None where springs, dampers or actuators are differenced.
    smooth: Option<Smooth>,
    rows: Rows,
    contacts: Contacts,
    /// Of models whose contacts are pulled together.
    attraction: Option<Attraction>,
    activations: Activations,
    differences: Differences,
    integrator: Integrator,
    /// Of models with noslip iterations.
    noslip: Option<Noslip>,
    /// Of models that step by Runge and Kutta's method.
    runge_kutta: Option<RungeKutta>,
    motion: Motion,
    field: Motion,
    space: Workspace,
    bends: Bends,
    /// Limits that begin at the state.
    onsets: Onsets,
    sensors: Option<Sensors>,
    zero_test: bool,
}

/// The residual that is left, as a share of the largest force: as the solver leaves it, and after a step of Newton's method.
const SOLVED: f64 = 1e-14;
const POLISHED: f64 = 1e-10;

/// Errors of a column up to this share of the largest entry of A are no reason to ask whole steps.
const SURE: f64 = 1e-7;

/// The same of what the iteration behind a contact leaves open: no more than what differences of whole steps may.
const OPEN: f64 = super::whole_step::UNSETTLED;

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
    /// M, and H (nv x nv).
    inertia: DMatrix<f64>,
    hessian: DMatrix<f64>,
    /// dR, then da, with bounds on their errors.
    system: System,
    /// How J a - aref of the contacts that push changes with the positions, at a fixed acceleration (nefc x nv).
    jar_change: DMatrix<f64>,
    /// How the contacts that push or stick shift, where that is asked for.
    shifts: Vec<Shift>,
}

impl Workspace {
    fn new(model: &Model) -> Self {
        let nv = model.nv();
        let square = || DMatrix::zeros(nv, nv);
        Self {
            state: vec![0.0; model.state_size()],
            a: DVector::zeros(nv),
            residual: DVector::zeros(nv),
            sensed: DVector::zeros(nv),
            jar: Vec::new(),
            square: vec![0.0; nv * nv],
            inertia: square(),
            hessian: square(),
            system: System::new(nv, model.layout().inputs()),
            jar_change: DMatrix::zeros(0, 0),
            shifts: Vec::new(),
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
        // What sleeps is put into the Jacobian of the step in which nothing does.
        let (whole, watch) = (model, Watch::new(model)?);
        let awake = if watch.is_some() { Arc::new(model.sleepless()?) } else { model.clone() };
        let model = &awake;
        let noslip = Noslip::new(model);
        // What sweeps of PGS come to, Newton's method comes to, too; and noslip iterations are gone through here.
        let solved = if model.solves_by_sweeps() || noslip.is_some() {
            Arc::new(model.strict_without_noslip()?)
        } else {
            model.clone()
        };
        let tree = Tree::new(model);
        let bending = Bending::new(model, &tree);
        let coverage = Coverage::new(model, &bending);
        let activations = Activations::new(model);
        let smooth = Smooth::new(model, &coverage, &activations);
        Ok(Self {
            model: whole.clone(),
            watch,
            work: Sim::new(&solved)?,
            outside: [smooth.is_some(), false].map(|closed| ExternalForces::new(model, closed)),
            tendons: Tendons::new(model, &tree),
            bending,
            smooth,
            rows: Rows::new(model),
            contacts: Contacts::new(model),
            attraction: Attraction::new(model, &activations),
            differences: Differences::new(model),
            activations,
            integrator: Integrator::new(model, &tree),
            noslip,
            runge_kutta: model.steps_by_runge_kutta().then(|| RungeKutta::new(model)),
            motion: Motion::new(&tree),
            field: Motion::new(&tree),
            space: Workspace::new(whole),
            bends: Bends::new(whole, spec.sensors),
            onsets: Onsets::default(),
            sensors: spec.sensors.then(|| Sensors::new(model)).flatten(),
            zero_test: spec.zero_test,
            coverage,
            tree,
        })
    }

    /// Solves at the state of `work`, and factors H. None where H is not positive definite.
    fn solve(&mut self) -> Result<Option<Factors>, PhysicsError> {
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
            space.system.terms.copy_from(&space.inertia);
            space.system.terms.apply(|x| *x = x.abs());
            space.hessian.copy_from(&space.inertia);
            rows.add_hessian(&mut space.hessian);
            let partition = Partition::of(&space.hessian, rows.active_dofs());
            let Some(factors) = Factors::new(&space.hessian, partition, true) else { return Ok(None) };
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
                return Ok(Some(factors));
            }
            (tries, before) = (tries + 1, left);
            factors.solve(space.residual.as_mut_slice());
            space.a += &space.residual;
        }
    }

    /// dR/dp into `space.system.da`, with bounds on its errors in `space.system.noise`; and whether a force is at the edge of its range:
    /// the columns that take it across are marked in `bends`.
    fn residual_derivative(&mut self) -> Result<bool, PhysicsError> {
        let Self {
            work,
            tree,
            outside,
            coverage,
            tendons,
            bending,
            smooth,
            rows,
            contacts,
            differences,
            activations,
            motion,
            field,
            space,
            bends,
            noslip,
            attraction,
            ..
        } = self;
        let bent = &mut bends.columns;
        space.shifts.clear();
        bent.clear();
        bent.resize(space.system.da.ncols(), false);
        space.system.da.fill(0.0);
        space.system.noise.fill(0.0);
        resize(&mut space.system.errors, rows.n, space.system.da.ncols());
        resize(&mut space.jar_change, rows.n, space.a.len());
        // Where a moment arm has no derivative in closed form, all that may have to do with it is differenced.
        tendons.set(work, tree);
        let smooth = smooth.as_mut().filter(|smooth| smooth.is_closed(tendons));
        motion.set(tree, work, space.a.as_slice(), &outside[usize::from(smooth.is_none())]);
        motion.by_position(tree, true, &mut space.system.da, &mut space.system.noise);
        motion.by_velocity(tree, &mut space.system.da, &mut space.system.noise);
        let mut edge = activations.set(work, REACH, bent);
        let differenced = smooth.is_none();
        if let Some(smooth) = smooth {
            edge |=
                smooth.add(work, (activations, tendons), REACH, bent, &mut space.system.da, &mut space.system.noise);
        }
        let closed = coverage.all(work) && work.constraint_rows().all(|row| bending.is_closed(&row, tendons));
        contacts.edges.fill(false);
        contacts.open.fill(false);
        contacts.light = false;
        differences.nudger.unsettled.fill(false);
        if rows.n > 0 || attraction.is_some() {
            if closed && bending.has_welds() {
                field.set_drift(tree, work);
                let System { da, errors, .. } = &mut space.system;
                rows.drift(bending, (work, tree, &*field), (da, errors));
            }
            field.set_field(tree, work, space.a.as_slice());
            let Workspace { a, system: System { da, noise, errors, .. }, jar_change: jar, shifts, .. } = &mut *space;
            rows.blur(bending, (work, tree, tendons));
            rows.by_velocity(closed, da, errors);
            if closed {
                let motion = [work.qvel(), a.as_slice()];
                rows.by_position(bending, (work, tree, tendons), motion, (&mut *da, &mut *noise, &mut *errors));
            }
            let asked = (noslip.is_some() || attraction.is_some()).then_some(&mut *shifts);
            let sums = Sums { out: da, noise, errors, jar, shifts: asked };
            contacts.by_position(tree, work, rows, [field, motion], sums)?;
            if let Some(attraction) = attraction {
                let (place, out) = ((&*work, &*tree, &*motion), (&mut *da, &mut *noise));
                edge |= attraction.add(place, activations, (contacts, shifts), (REACH, &mut *bent), out);
            }
        }
        if differenced || !closed {
            let out = (&mut space.system.da, &mut space.system.noise);
            let rows = (!closed).then_some(&*rows);
            if differences.add(work, differenced, rows, &space.a, out)? {
                // Which column it was is not known.
                edge = true;
                bent.fill(true);
            }
        }
        activations.difference(work)?;
        Ok(edge)
    }

    /// d a / d (x, u) at the state of `work` into `space.system.da`, with bounds on its errors in `space.system.noise`, from the factors of H
    /// that [`Implicit::solve`] gave; what of its rows and forces switches within reach goes to `seen`, the columns to `bends`.
    fn accelerate(&mut self, factors: &Factors, seen: &mut Seen) -> Result<(), PhysicsError> {
        go_on()?;
        seen.near_singular |= self.rows.is_rigid() || factors.is_nearly_singular();
        seen.switches.force |= self.residual_derivative()?;
        let Self { work, rows, space, bends, zero_test, .. } = self;
        space.system.solve(factors, rows, *zero_test);
        // The rows see the acceleration that is solved for, before the integrator damps it; so do the sensors.
        if *zero_test {
            let motion = [work.qvel(), space.a.as_slice()];
            rows.switches([&space.system.da, &space.jar_change], motion, REACH, &mut seen.switches, &mut bends.columns);
        }
        self.sweep_friction(seen);
        Ok(())
    }

    /// What limits that begin here make of the step, where no noslip iterations follow and nothing sleeps.
    fn look_at_limits(&mut self, factors: &Factors, seen: &mut Seen) {
        let Self { watch, work, integrator, rows, space, onsets, noslip, zero_test, .. } = self;
        if *zero_test && noslip.is_none() && watch.is_none() {
            onsets.find(work, &Solution { factors, rows, integrator, a: &space.a, da: &space.system.da });
            seen.switches.limit |= !onsets.kinks.is_empty();
        }
    }

    /// Noslip iterations, if the model has them and the state has rows.
    fn sweep_friction(&mut self, seen: &mut Seen) {
        let Self { work, tree, tendons, bending, rows, contacts, motion, field, space, bends, noslip, .. } = self;
        let Some(noslip) = noslip.as_mut().filter(|_| rows.n > 0) else { return };
        let Workspace { a, inertia, system, jar_change, shifts, .. } = space;
        let scene = Scene { tree, sim: work, tendons, bending, rows, contacts, shifts, motion, inertia, jar_change };
        let switches = (REACH, &mut seen.switches, bends.columns.as_mut_slice());
        noslip.sweep(&scene, field, (a, &mut system.da, &mut system.noise), switches);
    }

    /// What is in doubt of the derivative at the state of `work`, after [`Implicit::accelerate`]. What else switches there goes to
    /// `seen`, the columns to `bends`; the constraint rows of `work` are forgotten.
    fn examine(&mut self, seen: &mut Seen) -> Result<Doubts, PhysicsError> {
        let Self { work, tree, tendons, rows, contacts, differences, noslip, space, bends, onsets, zero_test, .. } =
            self;
        let lengths = &self.activations.lengths;
        let mut doubts = Doubts::new(space.system.da.ncols());
        doubts.everything = rows.is_rigid() || contacts.light || rows.is_faint();
        doubts.everything |= noslip.as_ref().is_some_and(|noslip| noslip.in_doubt);
        doubts.edges.clone_from(&contacts.edges);
        doubts.columns.iter_mut().zip(&contacts.edges).for_each(|(doubtful, edge)| *doubtful = *edge);
        doubts.unsettled.copy_from_slice(&differences.nudger.unsettled);
        doubts.unsettled.iter_mut().zip(lengths.unsettled()).for_each(|(unsettled, length)| *unsettled |= length);
        doubts.open.iter_mut().zip(&contacts.open).for_each(|(open, contact)| *open = *contact);
        if *zero_test {
            let (bent, undecided) = (&mut bends.columns, &mut doubts.columns);
            seen.switches = switches::find(
                work,
                (tree, tendons, contacts, onsets),
                (&space.a, &space.system.da),
                seen.switches,
                bent,
                undecided,
            )?;
        }
        Ok(doubts)
    }

    /// The step's acceleration, from the one that is solved for. False where the integrator's inertia is not positive definite.
    fn integrate_acceleration(&mut self) -> Result<bool, PhysicsError> {
        let Self { work, integrator, space, .. } = self;
        integrator.solve(work, &space.inertia, &space.a)
    }

    /// Keeps what the sensors need of the state that they see.
    fn keep_for_sensors(&mut self) {
        if let Some(sensors) = &mut self.sensors {
            sensors.da.copy_from(&self.space.system.da);
            sensors.noise.copy_from(&self.space.system.noise);
            self.space.sensed.copy_from(&self.space.a);
            self.rows.widest_nudges(&mut sensors.widest);
        }
    }

    /// A step of Runge and Kutta's method from the state of `work`: [`runge_kutta`]. What is in doubt of a stage is in doubt of
    /// all inputs that it depends on.
    fn by_stages(&mut self, steps: &mut RungeKutta, out: &mut Jacobian) -> Result<(), PhysicsError> {
        let inputs = self.space.system.da.ncols();
        let (mut doubts, mut seen, mut bent) = (Doubts::new(inputs), Seen::default(), vec![false; inputs]);
        steps.begin(&self.work);
        for stage in 0..runge_kutta::STAGES {
            if stage > 0 {
                steps.advance(&mut self.work);
            }
            let Some(factors) = self.solve()? else {
                return self.step_all(out);
            };
            self.accelerate(&factors, &mut seen)?;
            if stage == 0 {
                self.keep_for_sensors();
            }
            let Self { work, activations, space, .. } = self;
            steps.take(work, space.a.as_slice(), (&space.system.da, &space.system.noise), activations);
            let here = self.examine(&mut seen)?;
            doubts.everything |= here.everything;
            doubts.edges.resize(here.edges.len(), false);
            doubts.edges.iter_mut().zip(&here.edges).for_each(|(edge, here)| *edge |= here);
            steps.trace_back(&here.columns, &mut doubts.columns);
            steps.trace_back(&here.unsettled, &mut doubts.unsettled);
            steps.trace_back(&here.open, &mut doubts.open);
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
        let Self { model, watch, work, integrator, activations, space, bends, onsets, sensors, zero_test, .. } = self;
        if *zero_test {
            out.verdicts.near_singular = seen.near_singular;
            out.verdicts.switches = seen.switches;
        }
        if let Some(sensors) = sensors {
            work.set_state(&space.state[..work.model().state_size()])?;
            sensors.differentiate(work, &space.sensed, *zero_test, out)?;
        }
        if let Some(watch) = &*watch {
            let asleep = &watch.asleep;
            asleep.hold(out, &mut integrator.bounds);
            doubts.forget(asleep.held(), &mut bends.columns);
            if *zero_test {
                watch.mark_edges(work.qvel(), 2.0 * REACH, &mut bends.columns);
            }
            // What falls asleep is derived once more at rest, for the sensors; of forces and accelerations beside what sleeps, which has
            // those of the step that it fell asleep in, nothing but whole steps tell.
            doubts.everything |= (asleep.begins || watch.is_felt()) && sensors.is_some();
        }
        if doubts.everything {
            doubts.columns.fill(true);
        }
        mark_what_is_no_number(&mut doubts.columns, out);
        mark_unsure(&mut doubts, out, integrator, *zero_test);
        if *zero_test {
            verdict::judge(out, &integrator.bounds, &doubts.columns);
        }
        if doubts.edges.contains(&true) {
            out.verdicts.switches.contact = true;
        }
        let kinks = [activations.kinks.as_slice(), onsets.kinks.as_slice()];
        confirm::confirm(model, &space.state, (&doubts.columns, &doubts.edges), (bends, kinks), out)?;
        self.tell_asleep(out);
        Ok(())
    }

    /// Says what sleeps.
    fn tell_asleep(&self, out: &mut Jacobian) {
        if let Some(watch) = self.watch.as_ref().filter(|_| self.zero_test) {
            watch.asleep.tell(out);
        }
    }

    /// Every column from differences of whole steps, where the closed form has nothing to solve with.
    fn step_all(&mut self, out: &mut Jacobian) -> Result<(), PhysicsError> {
        let Self { model, space, bends, .. } = self;
        out.fill(0.0);
        out.verdicts.near_singular = true;
        bends.columns.clear();
        confirm::confirm(model, &space.state, (&vec![true; model.ndx() + model.nu()], &[]), (bends, [&[]; 2]), out)?;
        self.tell_asleep(out);
        Ok(())
    }
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
    /// By dof (nv), whether a contact that it moves is on an edge.
    edges: Vec<bool>,
    /// Columns of A, then of B, those whose differences settle on nothing, and those by a contact that an iteration leaves open
    /// (ndx + nu).
    columns: Vec<bool>,
    unsettled: Vec<bool>,
    open: Vec<bool>,
}

impl Doubts {
    fn new(inputs: usize) -> Self {
        let none = vec![false; inputs];
        Self { everything: false, edges: Vec::new(), columns: none.clone(), unsettled: none.clone(), open: none }
    }

    /// Of the columns of dofs that sleep nothing is in doubt, and nothing bends them.
    fn forget(&mut self, dofs: impl Iterator<Item = usize>, bent: &mut [bool]) {
        let nv = self.edges.len();
        for dof in dofs {
            if let Some(edge) = self.edges.get_mut(dof) {
                *edge = false;
            }
            for column in [dof, nv + dof] {
                for marks in [&mut self.columns, &mut self.unsettled, &mut self.open] {
                    marks[column] = false;
                }
                bent[column] = false;
            }
        }
    }
}

/// Marks the columns of A and B whose differences settle on nothing, or whose bounds are too wide, for the largest entry of the
/// others. Differences that leave much open of a small force leave little open of the step.
fn mark_unsure(doubts: &mut Doubts, out: &Jacobian, integrator: &Integrator, zero_test: bool) {
    let Doubts { columns: doubtful, unsettled, open, .. } = doubts;
    let bounds = if zero_test { integrator.largest_bounds() } else { vec![f64::INFINITY; doubtful.len()] };
    loop {
        let scale = verdict::trusted_scale(&out.a, doubtful);
        let unsure = |column: usize| {
            let unsettled = unsettled[column] || integrator.is_unsettled(column);
            let bound = bounds[column];
            (unsettled && bound > SURE * scale)
                || (open[column] && bound > OPEN * scale)
                || (zero_test && bound > LOST * scale)
        };
        let more: Vec<usize> = (0..doubtful.len()).filter(|c| !doubtful[*c] && unsure(*c)).collect();
        if more.is_empty() {
            return;
        }
        more.into_iter().for_each(|c| doubtful[c] = true);
    }
}

/// Marks the columns of A, and of B behind them, that hold anything but numbers.
fn mark_what_is_no_number(doubtful: &mut [bool], out: &Jacobian) {
    let ndx = out.a.len().isqrt();
    let (of_a, of_b) = doubtful.split_at_mut(ndx);
    for (matrix, doubtful) in [(&out.a, of_a), (&out.b, of_b)] {
        for row in matrix.chunks_exact(doubtful.len().max(1)) {
            doubtful.iter_mut().zip(row).for_each(|(doubtful, x)| *doubtful |= !x.is_finite());
        }
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
        self.onsets.clear();
        sim.get_state(&mut self.space.state)?;
        self.work.set_state(&self.space.state[..self.work.model().state_size()])?;
        if let Some(watch) = &mut self.watch {
            watch.look(&self.space.state)?;
        }
        if let Some(mut steps) = self.runge_kutta.take() {
            let done = self.by_stages(&mut steps, out);
            self.runge_kutta = Some(steps);
            return done;
        }
        let Some(factors) = self.solve()? else {
            return self.step_all(out);
        };
        if !self.integrate_acceleration()? {
            return self.step_all(out);
        }
        let mut seen = Seen::default();
        self.accelerate(&factors, &mut seen)?;
        self.look_at_limits(&factors, &mut seen);
        // Noslip iterations have changed the acceleration.
        if self.noslip.is_some() && !self.integrate_acceleration()? {
            return self.step_all(out);
        }
        self.keep_for_sensors();
        let Self { work, tree, activations, integrator, field, space, bends, zero_test, .. } = self;
        integrator.differentiate(tree, work, field, (&mut space.system.da, &mut space.system.noise), *zero_test)?;
        if *zero_test {
            seen.switches.force |= integrator.switches(work, REACH, &mut bends.columns);
        }
        integrator.integrate(work, activations, &space.system.da, &space.system.noise, out);
        let doubts = self.examine(&mut seen)?;
        self.conclude(doubts, seen, out)
    }
}
