//! What the model predicts against what the robot did next.
//!
//! From the robot's state x_k at time t_k the model alone takes physics steps of h under the robot's commands, to a state f(x_k).
//! The residual at a horizon T is f(x_k) minus the log's state at t_k + T, in the tangent space there (2 nv + na numbers): how far
//! the model is off, in m, rad and per second. It is NaN for what the log does not measure, and where it has ended. Within the
//! row the control is the row's own, as it is in the recording; behind it that of the last row that has begun.

use std::sync::Arc;

use super::RecordError;
use crate::logs::{Interpolation, LogMap, Track};
use crate::physics::{Joint, Model, PhysicsError, Sim};
use crate::policy::{ControlRanges, ReplayEpisode};

/// How far ahead, as numbers of physics steps: a row, 0.1 s and 1 s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Horizons {
    timestep: f64,
    steps: [usize; 3],
}

impl Horizons {
    /// Of rows of so many physics steps; the others are rounded to whole physics steps.
    pub(super) fn new(timestep: f64, substeps: usize) -> Self {
        let of = |seconds: f64| ((seconds / timestep).round() as usize).max(1);
        Self { timestep, steps: [substeps, of(0.1), of(1.0)] }
    }

    /// How long they are, s.
    pub(super) fn seconds(&self) -> [f64; 3] {
        self.steps.map(|n| n as f64 * self.timestep)
    }
}

/// Makes the residuals of rows, with a simulation of its own.
pub(super) struct Residuals {
    model: Arc<Model>,
    sim: Sim,
    horizons: Horizons,
    interpolation: Interpolation,
    joints: Vec<Joint>,
    /// By dof: whether the log measures it.
    measured: Vec<bool>,
    state: Vec<f64>,
    ctrl: Vec<f64>,
    /// The log's state at a horizon.
    qpos: Vec<f64>,
    qvel: Vec<f64>,
    /// By horizon (ndx each).
    pub(super) out: [Vec<f64>; 3],
}

impl Residuals {
    pub(super) fn new(model: &Arc<Model>, map: &LogMap, substeps: usize) -> Result<Self, RecordError> {
        let zeros = |n| vec![0.0; n];
        Ok(Self {
            sim: Sim::new(model)?,
            horizons: Horizons::new(model.timestep(), substeps),
            interpolation: map.interpolation(),
            joints: model.joints().collect(),
            measured: map.measured(model),
            state: zeros(model.state_size()),
            ctrl: zeros(model.nu()),
            qpos: zeros(model.nq()),
            qvel: zeros(model.nv()),
            out: [(); 3].map(|()| zeros(model.ndx())),
            model: model.clone(),
        })
    }

    /// Fills `out` for row `k` of an episode, whose state `from` is in.
    pub(super) fn of_row(
        &mut self,
        from: &mut Sim,
        episode: &ReplayEpisode,
        k: usize,
        ranges: &ControlRanges,
    ) -> Result<(), RecordError> {
        self.out.iter_mut().for_each(|out| out.fill(f64::NAN));
        let (Some(time), Some(qpos), Some(qvel)) = (&episode.time, &episode.qpos, &episode.qvel) else {
            return Ok(());
        };
        from.get_state(&mut self.state)?;
        self.sim.set_state(&self.state)?;
        match self.roll(time, qpos, qvel, episode.ctrl.as_deref(), k, ranges) {
            Err(RecordError::Physics(PhysicsError::Stopped)) => Err(RecordError::Stopped),
            // What the model cannot simulate on has no residual from there on.
            Err(RecordError::Physics(_)) => {
                self.sim = Sim::new(&self.model)?;
                Ok(())
            }
            other => other,
        }
    }

    fn roll(
        &mut self,
        time: &[f64],
        qpos: &[f64],
        qvel: &[f64],
        ctrl: Option<&[f64]>,
        k: usize,
        ranges: &ControlRanges,
    ) -> Result<(), RecordError> {
        let (h, [row, ..]) = (self.horizons.timestep, self.horizons.steps);
        let interpolation = self.interpolation;
        let joints = std::mem::take(&mut self.joints);
        let track = Track { joints: &joints, time, qpos, qvel, interpolation, row: row as f64 * h };
        let steps = self.horizons.steps;
        let mut within = Vec::new();
        for (i, steps) in steps.iter().enumerate() {
            if track.at(time[k] + *steps as f64 * h, &mut self.qpos, &mut self.qvel) {
                within.push(i);
            }
        }
        let last = within.iter().map(|i| steps[*i]).max().unwrap_or(0);
        let mut now = k;
        let mut result = Ok(());
        for step in 0..last {
            let at = time[k] + (step as f64 + 0.5) * h;
            while step >= row && now + 1 < time.len() && time[now + 1] <= at {
                now += 1;
            }
            if let Some(ctrl) = ctrl {
                let nu = self.ctrl.len();
                self.ctrl.copy_from_slice(&ctrl[now * nu..(now + 1) * nu]);
            }
            ranges.clamp(&mut self.ctrl);
            self.sim.ctrl_mut().copy_from_slice(&self.ctrl);
            result = self.sim.step().map_err(RecordError::from);
            if result.is_err() || self.sim.divergence().is_some() {
                break;
            }
            for i in within.iter().filter(|i| steps[**i] == step + 1) {
                let there = track.at(time[k] + (step + 1) as f64 * h, &mut self.qpos, &mut self.qvel);
                if there {
                    compare(&self.measured, &self.sim, (&self.qpos, &self.qvel), &mut self.out[*i]);
                }
            }
        }
        self.joints = joints;
        self.sim.clear_warnings();
        result
    }
}

/// The simulation's state minus the log's, where that is measured.
fn compare(measured: &[bool], sim: &Sim, (qpos, qvel): (&[f64], &[f64]), out: &mut [f64]) {
    let nv = measured.len();
    sim.model().differentiate_pos(qpos, sim.qpos(), 1.0, &mut out[..nv]);
    for dof in 0..nv {
        out[nv + dof] = sim.qvel()[dof] - qvel[dof];
        if !measured[dof] {
            out[dof] = f64::NAN;
            out[nv + dof] = f64::NAN;
        }
    }
}
