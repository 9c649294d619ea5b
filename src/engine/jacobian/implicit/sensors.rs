//! C and D: the derivatives of the sensors, without a solve.
//!
//! A sensor is a function s(q, v, act, u, a) of the state, the control and the acceleration that was solved for. Where an
//! input p is nudged by h, the acceleration becomes a + h da/dp to first order, and that is all a derivative needs: what
//! follows from positions, velocities and controls is computed again, the forces of constraints are those at that
//! acceleration, and the sensors are read. Nudges of several sizes, extrapolated, give the value and a bound on its error;
//! the error of da goes into the bound through ds/da.
//!
//! A sensor that picks one of several (the contact with the largest force, the nearest pair) has no derivative where two
//! are equal, as the corners of a box that lies flat are; nudges of one input at a time need not show it, since both sides of each
//! may pick the same. So it is nudged aslant too: a derivative is linear, and along any w (ndx + nu)
//!
//! ```text
//! ds = (C D) w
//! ```
//!
//! within the bounds on both, or the sensor's values have none. Where one that picks has a kink along any input, nothing tells
//! which of those that are equal the other derivatives are of.

use nalgebra::{DMatrix, DVector};

use super::difference::{inwards, within};
use crate::jacobian::ladder::{Entry, Side, decide};
use crate::jacobian::{Jacobian, ZeroVerdict};
use crate::physics::{Model, PhysicsError, Sensed, SensorStages, Sim, StepInput};

/// Nudges: powers of two. The next one is tried where a sensor bends or has a kink within the one before.
const POSITION: [f64; 4] = [1.0 / 4096.0, 1.0 / 131_072.0, 1.0 / 4_194_304.0, 1.0 / 67_108_864.0];
const VELOCITY: [f64; 3] = [1.0 / 4096.0, 1.0 / 262_144.0, 1.0 / 16_777_216.0];
/// Of the probe for rounding: too small for anything else to be seen.
const PROBE: f64 = 1.0 / 68_719_476_736.0;
const CONTROL: [f64; 3] = [1.0 / 4096.0, 1.0 / 262_144.0, 1.0 / 16_777_216.0];

/// Directions aslant that a derivative has to be linear along.
const ASLANT: usize = 2;
/// Derivatives along them and what columns say that are apart by more bounds than this, and by a larger share of the sensor's
/// largest derivative than that for each input, are not of one linear map.
const BOUNDS_APART: f64 = 16.0;
const SHARE_APART: f64 = 1e-6;

/// Inputs that are nudged in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Position,
    Velocity,
    /// Activations and controls.
    Force,
}

#[derive(Debug)]
pub(super) struct Sensors {
    sensed: Vec<Sensed>,
    stages: SensorStages,
    /// da/dp, and bounds on its errors (nv x ndx + nu).
    pub(super) da: DMatrix<f64>,
    pub(super) noise: DMatrix<f64>,
    /// Positions are nudged by this at most, to begin with (nv).
    pub(super) widest: Vec<f64>,
    /// Errors of a sensor's values that its nudges show (nsensordata).
    ripple: Vec<f64>,
    /// Values at the state, and nudged (nsensordata).
    at: Vec<f64>,
    samples: [Vec<f64>; 4],
    entries: Vec<Entry>,
    /// Derivatives and bounds on their errors (nsensordata x ndx + nu).
    found: DMatrix<f64>,
    bounds: DMatrix<f64>,
    /// Inputs whose two sides have different derivatives (nsensordata x ndx + nu).
    kinks: DMatrix<bool>,
    /// |ds/da| (nsensordata x nv).
    lever: DMatrix<f64>,
    qpos: Vec<f64>,
    qacc: Vec<f64>,
    direction: Vec<f64>,
    jar: Vec<f64>,
}

impl Sensors {
    /// None where a model has none.
    pub(super) fn new(model: &Model) -> Option<Self> {
        let (ns, nv, inputs) = (model.nsensordata(), model.nv(), model.layout().inputs());
        if ns == 0 {
            return None;
        }
        let (sensed, stages) = model.sensed();
        let wide = |n| DMatrix::zeros(n, inputs);
        Some(Self {
            sensed,
            stages,
            da: wide(nv),
            noise: wide(nv),
            widest: vec![f64::INFINITY; nv],
            ripple: vec![0.0; ns],
            at: vec![0.0; ns],
            samples: std::array::from_fn(|_| vec![0.0; ns]),
            entries: vec![Entry::UNKNOWN; ns],
            found: wide(ns),
            bounds: wide(ns),
            kinks: DMatrix::repeat(ns, inputs, false),
            lever: DMatrix::zeros(ns, nv),
            qpos: vec![0.0; model.nq()],
            qacc: vec![0.0; nv],
            direction: vec![0.0; nv],
            jar: Vec::new(),
        })
    }

    /// Fills C and D, at the state of `work` and the acceleration `a`, with `judge` their verdicts too. What `work` has
    /// derived from its state is that of a nudge afterwards.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn differentiate(
        &mut self,
        work: &mut Sim,
        a: &DVector<f64>,
        judge: bool,
        out: &mut Jacobian,
    ) -> Result<(), PhysicsError> {
        let model = work.model().clone();
        let layout = model.layout();
        self.found.fill(0.0);
        self.bounds.fill(0.0);
        self.kinks.fill(false);
        self.ripple.fill(0.0);
        self.qpos.copy_from_slice(work.qpos());
        self.everything(work, a)?;
        self.at.copy_from_slice(work.sensordata());
        if judge {
            self.levers(work, a)?;
        }
        self.probe(work, a)?;
        for c in 0..layout.nv {
            let sizes = within(&POSITION, self.widest[c]);
            self.column(work, a, c, sizes, Block::Position, Side::Both)?;
        }
        work.qpos_mut().copy_from_slice(&self.qpos);
        self.everything(work, a)?;
        if self.stages.velocity || self.stages.acceleration {
            for c in layout.velocities() {
                self.column(work, a, c, &VELOCITY, Block::Velocity, Side::Both)?;
            }
            self.everything(work, a)?;
        }
        if self.stages.acceleration {
            for c in layout.activations() {
                self.column(work, a, c, &CONTROL, Block::Force, Side::Both)?;
            }
            for i in 0..layout.nu {
                let side = side(&model, i, work.ctrl()[i]);
                self.column(work, a, layout.control(i), &CONTROL, Block::Force, side)?;
            }
        }
        self.aslant(work, a)?;
        self.put(judge, out);
        Ok(())
    }

    /// All stages, at the state itself.
    fn everything(&mut self, work: &mut Sim, a: &DVector<f64>) -> Result<(), PhysicsError> {
        self.qacc.copy_from_slice(a.as_slice());
        self.stages(work, Block::Position)
    }

    /// What follows from a block of inputs, down to the sensors, at the acceleration `self.qacc`.
    fn stages(&mut self, work: &mut Sim, from: Block) -> Result<(), PhysicsError> {
        let SensorStages { velocity, acceleration, contacts, late } = self.stages;
        if from == Block::Position {
            work.stage_seen(contacts)?;
        }
        if from != Block::Force && (velocity || acceleration) {
            work.stage_velocity()?;
        }
        if acceleration {
            work.stage_actuation()?;
            work.stage_constraint(&self.qacc, &mut self.jar, false)?;
        }
        let first = from == Block::Position || from == Block::Velocity && late;
        work.stage_sensors([first, from != Block::Force && velocity, acceleration], &self.qacc)
    }

    /// Rounding of the sensors' values, from fourth differences over nudges of all positions and velocities at once that are
    /// too small for anything else. Stiff contacts make far more of it than their values tell: forces that cancel have it
    /// all the same. The state itself, which may be on an edge, is none of the points.
    fn probe(&mut self, work: &mut Sim, a: &DVector<f64>) -> Result<(), PhysicsError> {
        let (model, qvel) = (work.model().clone(), work.qvel().to_vec());
        let nv = model.nv();
        for (turn, sign) in [(0.0, 1.0), (0.3, -1.0), (0.7, 1.0)] {
            let along: Vec<f64> = (0..2 * nv).map(|i| sign * (0.5 + (0.618_034 * i as f64 + turn).fract())).collect();
            let slope = self.da.columns(0, 2 * nv) * DVector::from_column_slice(&along);
            let mut fourth = vec![0.0; self.at.len()];
            for (k, weight) in [1.0, -4.0, 6.0, -4.0, 1.0].into_iter().enumerate() {
                let by = (k + 1) as f64 * PROBE;
                work.qpos_mut().copy_from_slice(&self.qpos);
                work.nudge_along(&along, by);
                for (x, (a, d)) in self.qacc.iter_mut().zip(a.iter().zip(slope.iter())) {
                    *x = a + by * d;
                }
                let stages = self.stages(work, Block::Position);
                work.qvel_mut().copy_from_slice(&qvel);
                stages?;
                for (sum, x) in fourth.iter_mut().zip(work.sensordata()) {
                    *sum += weight * x;
                }
            }
            for sensor in &self.sensed {
                let most = sensor.values.clone().map(|r| fourth[r].abs()).fold(0.0, f64::max);
                for r in sensor.values.clone() {
                    let seen = if sensor.mixed { fourth[r].abs() } else { most };
                    self.ripple[r] = self.ripple[r].max(seen / 4.0);
                }
            }
        }
        work.qpos_mut().copy_from_slice(&self.qpos);
        Ok(())
    }

    /// |ds/da|, by differences.
    fn levers(&mut self, work: &mut Sim, a: &DVector<f64>) -> Result<(), PhysicsError> {
        self.lever.fill(0.0);
        if !self.stages.acceleration {
            return Ok(());
        }
        let h = 1e-6 * (1.0 + a.amax());
        for c in 0..a.len() {
            self.qacc.copy_from_slice(a.as_slice());
            self.qacc[c] += h;
            work.stage_constraint(&self.qacc, &mut self.jar, false)?;
            work.stage_sensors([false, false, true], &self.qacc)?;
            for (r, (x, at)) in work.sensordata().iter().zip(&self.at).enumerate() {
                self.lever[(r, c)] = ((x - at) / h).abs();
            }
        }
        Ok(())
    }

    /// One column of C or D.
    fn column(
        &mut self,
        work: &mut Sim,
        a: &DVector<f64>,
        c: usize,
        sizes: &[f64],
        block: Block,
        side: Side,
    ) -> Result<(), PhysicsError> {
        let moved = match block {
            Block::Position => 0,
            Block::Velocity => 1,
            Block::Force => 2,
        };
        self.ladder(work, sizes, side, Some(moved), |sensors, work, by| {
            let before = sensors.nudge(work, c, by);
            for (x, (a, da)) in sensors.qacc.iter_mut().zip(a.iter().zip(sensors.da.column(c).iter())) {
                *x = a + by * da;
            }
            let stages = sensors.stages(work, block);
            sensors.back(work, c, before);
            stages
        })?;
        for sensor in self.sensed.iter().filter(|s| s.by[moved]) {
            for r in sensor.values.clone() {
                let entry = &self.entries[r];
                self.ripple[r] = self.ripple[r].max(entry.ripple());
                let (x, bound) = entry.derivative(side, self.at[r], self.noise_of(sensor, r));
                self.found[(r, c)] = x;
                self.bounds[(r, c)] = bound;
                self.kinks[(r, c)] = !entry.is_smooth();
            }
        }
        Ok(())
    }

    /// Of a value of a sensor at the state: what its nudges show, and its own rounding.
    fn noise_of(&self, sensor: &Sensed, r: usize) -> f64 {
        let size = |r: usize| self.at[r].abs();
        let size = if sensor.mixed { size(r) } else { sensor.values.clone().map(size).fold(0.0, f64::max) };
        self.ripple[r].max(2.0 * f64::EPSILON * size)
    }

    /// Values at nudges of several sizes, down to those of which smaller ones are of no use to the sensors that a block moves, or
    /// to any. `nudged` leaves the sensors at a nudge and puts the inputs back.
    fn ladder(
        &mut self,
        work: &mut Sim,
        sizes: &[f64],
        side: Side,
        moved: Option<usize>,
        mut nudged: impl FnMut(&mut Self, &mut Sim, f64) -> Result<(), PhysicsError>,
    ) -> Result<(), PhysicsError> {
        self.entries.fill(Entry::UNKNOWN);
        for h in sizes {
            for (k, by) in side.nudges(*h).into_iter().enumerate() {
                nudged(self, work, by)?;
                self.samples[k].copy_from_slice(work.sensordata());
            }
            let mut settled = true;
            for sensor in self.sensed.iter().filter(|s| moved.is_none_or(|block| s.by[block])) {
                let size = |r: usize| self.samples.iter().fold(self.at[r].abs(), |m, s| m.max(s[r].abs()));
                let most = sensor.values.clone().map(size).fold(0.0, f64::max);
                for r in sensor.values.clone() {
                    let noise = self.ripple[r].max(2.0 * f64::EPSILON * if sensor.mixed { size(r) } else { most });
                    let values = std::array::from_fn(|k| self.samples[k][r]);
                    settled &= self.entries[r].look(side, self.at[r], values, *h, noise);
                }
            }
            if settled {
                break;
            }
        }
        Ok(())
    }

    /// Takes the derivatives from sensors that have none: where those along directions aslant are not what the columns say, and
    /// where one that picks has a kink.
    fn aslant(&mut self, work: &mut Sim, a: &DVector<f64>) -> Result<(), PhysicsError> {
        let (qvel, act, ctrl) = (work.qvel().to_vec(), work.act().to_vec(), work.ctrl().to_vec());
        let model = work.model().clone();
        let mut bent: Vec<bool> = self.sensed.iter().map(|sensor| self.picks_at_a_kink(sensor)).collect();
        for turn in 0..ASLANT {
            let along = self.direction_aslant(&model, &ctrl, turn);
            let mut slope = vec![0.0; a.len()];
            for (c, by) in along.iter().enumerate().filter(|(_, by)| **by != 0.0) {
                slope.iter_mut().zip(self.da.column(c).iter()).for_each(|(sum, da)| *sum += by * da);
            }
            self.ladder(work, &POSITION, Side::Both, None, |sensors, work, by| {
                work.nudge_along(&along, by);
                for (x, (a, slope)) in sensors.qacc.iter_mut().zip(a.iter().zip(&slope)) {
                    *x = a + by * slope;
                }
                let stages = sensors.stages(work, Block::Position);
                work.qpos_mut().copy_from_slice(&sensors.qpos);
                work.qvel_mut().copy_from_slice(&qvel);
                work.act_mut().copy_from_slice(&act);
                work.ctrl_mut().copy_from_slice(&ctrl);
                stages
            })?;
            for (bent, sensor) in bent.iter_mut().zip(&self.sensed) {
                *bent |= !self.is_linear(sensor, &along);
            }
        }
        for sensor in bent.iter().zip(&self.sensed).filter(|(bent, _)| **bent).map(|(_, sensor)| sensor) {
            for r in sensor.values.clone() {
                self.found.row_mut(r).fill(f64::NAN);
                self.bounds.row_mut(r).fill(f64::INFINITY);
            }
        }
        Ok(())
    }

    /// A direction w (ndx + nu), of inputs that can be nudged to both sides and whose derivatives are known.
    fn direction_aslant(&self, model: &Model, ctrl: &[f64], turn: usize) -> Vec<f64> {
        let known = |c: usize| {
            let finite = |m: &DMatrix<f64>| m.column(c).iter().all(|x| x.is_finite());
            finite(&self.found) && finite(&self.bounds) && finite(&self.da)
        };
        let weight = |c: usize| {
            let share = (0.618_034 * c as f64 + 0.381_966 * turn as f64).fract();
            let sign = if (c + turn).is_multiple_of(turn + 2) { 1.0 } else { -1.0 };
            let fits = match model.layout().input(c) {
                StepInput::Position(dof) => (self.widest[dof] / (3.0 * POSITION[0])).min(1.0),
                StepInput::Control(i) if side(model, i, ctrl[i]) != Side::Both => 0.0,
                _ => 1.0,
            };
            if known(c) { sign * fits * (0.5 + share) } else { 0.0 }
        };
        (0..self.found.ncols()).map(weight).collect()
    }

    /// The largest derivative of a sensor's values.
    fn largest(&self, sensor: &Sensed) -> f64 {
        let rows = sensor.values.clone().flat_map(|r| self.found.row(r).iter().copied().collect::<Vec<_>>());
        rows.filter(|x| x.is_finite()).fold(0.0, |most, x| most.max(x.abs()))
    }

    /// Whether two of the things that a sensor picks from are equal at the state: its sides differ along some input, by more than
    /// what is rounding beside its largest derivative.
    fn picks_at_a_kink(&self, sensor: &Sensed) -> bool {
        let least = SHARE_APART * self.largest(sensor);
        let kinked = |r: usize| (0..self.found.ncols()).any(|c| self.kinks[(r, c)] && self.bounds[(r, c)] > least);
        sensor.picks && sensor.values.clone().any(kinked)
    }

    /// Whether a sensor's derivatives along a direction are what its columns add up to.
    fn is_linear(&self, sensor: &Sensed, along: &[f64]) -> bool {
        let least = SHARE_APART * along.len() as f64 * self.largest(sensor);
        sensor.values.clone().all(|r| {
            let (x, left) = self.entries[r].derivative(Side::Both, self.at[r], self.noise_of(sensor, r));
            // Where the sides differ, what the bound has of it is no excuse.
            let (mut bound, kink) = if self.entries[r].is_smooth() { (left, 0.0) } else { (0.0, left) };
            let mut sum = 0.0;
            for (c, w) in along.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                sum += w * self.found[(r, c)];
                bound += w.abs() * self.bounds[(r, c)];
            }
            (x - sum).abs() + kink <= BOUNDS_APART * bound + least
        })
    }

    /// Nudges an input, and returns what it was, where that is a number.
    fn nudge(&mut self, work: &mut Sim, c: usize, by: f64) -> f64 {
        let before = match work.model().layout().input(c) {
            StepInput::Position(_) => 0.0,
            StepInput::Velocity(dof) => work.qvel()[dof],
            StepInput::Activation(i) => work.act()[i],
            StepInput::Control(i) => work.ctrl()[i],
        };
        work.nudge(c, by, &mut self.direction);
        before
    }

    fn back(&self, work: &mut Sim, c: usize, before: f64) {
        match work.model().layout().input(c) {
            StepInput::Position(_) => work.qpos_mut().copy_from_slice(&self.qpos),
            StepInput::Velocity(dof) => work.qvel_mut()[dof] = before,
            StepInput::Activation(i) => work.act_mut()[i] = before,
            StepInput::Control(i) => work.ctrl_mut()[i] = before,
        }
    }

    /// C and D out of what was found, and their verdicts.
    fn put(&mut self, judge: bool, out: &mut Jacobian) {
        let (ns, inputs) = self.found.shape();
        let nu = out.d.len() / ns;
        let ndx = inputs - nu;
        for r in 0..ns {
            for c in 0..ndx {
                out.c[r * ndx + c] = self.found[(r, c)];
            }
            for c in 0..nu {
                out.d[r * nu + c] = self.found[(r, ndx + c)];
            }
        }
        if !judge {
            return;
        }
        self.bounds.gemm(1.0, &self.lever, &self.noise, 1.0);
        for r in 0..ns {
            let row = self.found.row(r);
            let scale = row.iter().filter(|x| x.is_finite()).fold(0.0_f64, |m, x| m.max(x.abs()));
            let verdict = |c: usize| -> ZeroVerdict { decide(self.found[(r, c)], self.bounds[(r, c)], scale) };
            for c in 0..ndx {
                out.verdicts.c[r * ndx + c] = verdict(c);
            }
            for c in 0..nu {
                out.verdicts.d[r * nu + c] = verdict(ndx + c);
            }
        }
    }
}

/// To which side a control can be nudged: at the end of its range to one alone.
fn side(model: &Model, i: usize, u: f64) -> Side {
    match inwards(model, i, u, CONTROL[0]) {
        by if by < 0.0 => Side::Down,
        by if by > 0.0 => Side::Up,
        _ => Side::Both,
    }
}
