//! One recorded step, as the dataset room sees it: plain numbers.

use super::schema::{RAGGED, Var};
use crate::flags::StepFlags;

/// One step. All slices have the sizes of the schema's axes; matrices are row-major. A slice is empty where
/// the recording does not hold the variable.
#[derive(Debug, Clone, Copy, Default)]
pub struct StepRow<'a> {
    /// See [`Var::Time`].
    pub time: f64,
    /// See [`Var::StepEpisode`].
    pub episode: i32,
    /// See [`Var::StepInEpisode`].
    pub step: i32,
    /// nq
    pub qpos: &'a [f64],
    /// nv
    pub qvel: &'a [f64],
    /// na
    pub act: &'a [f64],
    /// nu
    pub ctrl: &'a [f64],
    /// Entries of the action; empty where the action is the control.
    pub action: &'a [f64],
    /// nv
    pub qacc_warmstart: &'a [f64],
    /// nmocap x 3
    pub mocap_pos: &'a [f64],
    /// nmocap x 4
    pub mocap_quat: &'a [f64],
    /// Forced bodies x 6
    pub xfrc_applied: &'a [f64],
    /// ntree; empty where the model does not sleep, as the next two
    pub tree_asleep: &'a [i32],
    /// nv
    pub qacc_smooth: &'a [f64],
    /// na
    pub act_dot: &'a [f64],
    /// nq
    pub qpos_next: &'a [f64],
    /// nv
    pub qvel_next: &'a [f64],
    /// na
    pub act_next: &'a [f64],
    /// ndx; empty without a log, as the next two
    pub residual: &'a [f64],
    /// ndx
    pub residual_tenth: &'a [f64],
    /// ndx
    pub residual_second: &'a [f64],
    /// See [`Var::Observation`].
    pub observation: &'a [f64],
    /// See [`Var::ObservationNext`].
    pub observation_next: &'a [f64],
    /// See [`Var::Reward`].
    pub reward: f64,
    /// See [`Var::Terminated`].
    pub terminated: bool,
    /// ndx x ndx
    pub a: Floats<'a>,
    /// ndx x nu
    pub b: Floats<'a>,
    /// ndx x ndx; empty without the zero test, as the next two
    pub a_zero: &'a [u8],
    /// ndx x nu
    pub b_zero: &'a [u8],
    /// ndx
    pub zero_floor: &'a [f64],
    /// See [`Var::Kink`].
    pub kink: f64,
    /// ns
    pub sensordata: &'a [f64],
    /// ns x ndx
    pub c: Floats<'a>,
    /// ns x nu
    pub d: Floats<'a>,
    /// ns x ndx; empty without the zero test, as the next one
    pub c_zero: &'a [u8],
    /// ns x nu
    pub d_zero: &'a [u8],
    /// See [`Var::SolverIterations`].
    pub solver_iterations: i32,
    /// See [`Var::SolverResidual`].
    pub solver_residual: f64,
    /// See [`StepFlags`].
    pub flags: StepFlags,
    /// One per contact.
    pub contact_geom1: &'a [i32],
    /// One per contact.
    pub contact_geom2: &'a [i32],
    /// One per contact, m.
    pub contact_dist: &'a [f64],
    /// One per constraint row.
    pub constraint_type: &'a [u8],
    /// One per constraint row.
    pub constraint_id: &'a [i32],
    /// One per constraint row.
    pub constraint_state: &'a [u8],
    /// One per pair of geoms that touch; empty where a row is one physics step, as the next two.
    pub touch_geom1: &'a [i32],
    /// One per pair.
    pub touch_geom2: &'a [i32],
    /// One per pair.
    pub touch_steps: &'a [i32],
}

impl StepRow<'_> {
    /// Rows of the step in each of [`RAGGED`](super::schema::RAGGED).
    pub fn counts(&self) -> [usize; RAGGED.len()] {
        [self.contact_dist.len(), self.constraint_type.len(), self.touch_steps.len()]
    }

    /// Calls `f` with every variable that a step decides and its bytes, in the order of the schema. Offsets
    /// into the ragged variables are not among them: they follow from the counts.
    pub fn visit(&self, mut f: impl FnMut(Var, &[u8])) {
        let mut put = |var, bytes: &[u8]| f(var, bytes);
        put(Var::Time, &self.time.to_le_bytes());
        put(Var::StepEpisode, &self.episode.to_le_bytes());
        put(Var::StepInEpisode, &self.step.to_le_bytes());
        for (var, values) in [
            (Var::Qpos, self.qpos),
            (Var::Qvel, self.qvel),
            (Var::Act, self.act),
            (Var::Ctrl, self.ctrl),
            (Var::Action, self.action),
            (Var::QaccWarmstart, self.qacc_warmstart),
            (Var::MocapPos, self.mocap_pos),
            (Var::MocapQuat, self.mocap_quat),
            (Var::XfrcApplied, self.xfrc_applied),
        ] {
            put(var, bytemuck::cast_slice(values));
        }
        put(Var::TreeAsleep, bytemuck::cast_slice(self.tree_asleep));
        for (var, values) in [
            (Var::QaccSmooth, self.qacc_smooth),
            (Var::ActDot, self.act_dot),
            (Var::QposNext, self.qpos_next),
            (Var::QvelNext, self.qvel_next),
            (Var::ActNext, self.act_next),
            (Var::Residual, self.residual),
            (Var::ResidualTenth, self.residual_tenth),
            (Var::ResidualSecond, self.residual_second),
            (Var::Observation, self.observation),
            (Var::ObservationNext, self.observation_next),
        ] {
            put(var, bytemuck::cast_slice(values));
        }
        put(Var::Reward, &self.reward.to_le_bytes());
        put(Var::Terminated, &[u8::from(self.terminated)]);
        put(Var::A, self.a.bytes());
        put(Var::B, self.b.bytes());
        put(Var::AZero, self.a_zero);
        put(Var::BZero, self.b_zero);
        put(Var::ZeroFloor, bytemuck::cast_slice(self.zero_floor));
        put(Var::Kink, &self.kink.to_le_bytes());
        put(Var::Sensordata, bytemuck::cast_slice(self.sensordata));
        put(Var::C, self.c.bytes());
        put(Var::D, self.d.bytes());
        put(Var::CZero, self.c_zero);
        put(Var::DZero, self.d_zero);
        for (table, count) in RAGGED.iter().zip(self.counts()) {
            put(table.count, &(count as i32).to_le_bytes());
        }
        put(Var::SolverIterations, &self.solver_iterations.to_le_bytes());
        put(Var::SolverResidual, &self.solver_residual.to_le_bytes());
        put(Var::Flags, &self.flags.bits().to_le_bytes());
        put(Var::ContactGeom1, bytemuck::cast_slice(self.contact_geom1));
        put(Var::ContactGeom2, bytemuck::cast_slice(self.contact_geom2));
        put(Var::ContactDist, bytemuck::cast_slice(self.contact_dist));
        put(Var::ConstraintType, self.constraint_type);
        put(Var::ConstraintId, bytemuck::cast_slice(self.constraint_id));
        put(Var::ConstraintState, self.constraint_state);
        put(Var::TouchGeom1, bytemuck::cast_slice(self.touch_geom1));
        put(Var::TouchGeom2, bytemuck::cast_slice(self.touch_geom2));
        put(Var::TouchSteps, bytemuck::cast_slice(self.touch_steps));
    }
}

/// The numbers of a matrix, row-major, as they are stored.
#[derive(Debug, Clone, Copy)]
pub enum Floats<'a> {
    /// In double precision.
    F64(&'a [f64]),
    /// In single precision.
    F32(&'a [f32]),
}

impl Floats<'_> {
    /// Their bytes.
    fn bytes(&self) -> &[u8] {
        match self {
            Self::F64(x) => bytemuck::cast_slice(x),
            Self::F32(x) => bytemuck::cast_slice(x),
        }
    }
}

impl<'a> From<&'a [f64]> for Floats<'a> {
    fn from(numbers: &'a [f64]) -> Self {
        Self::F64(numbers)
    }
}

impl<'a> From<&'a [f32]> for Floats<'a> {
    fn from(numbers: &'a [f32]) -> Self {
        Self::F32(numbers)
    }
}

impl Default for Floats<'_> {
    fn default() -> Self {
        Self::F64(&[])
    }
}

/// How an episode ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeRow {
    /// Its number.
    pub episode: i64,
    /// Recorded steps.
    pub length: i64,
    /// See [`Var::EpisodeEnd`].
    pub end: String,
    /// See [`Var::EpisodeSha256`].
    pub sha256: String,
    /// See [`Var::EpisodeHost`].
    pub host: String,
    /// See [`Var::EpisodeCpu`].
    pub cpu: String,
}

/// [`EpisodeRow::end`] of an episode that ran its whole length.
pub const COMPLETED: &str = "completed";
