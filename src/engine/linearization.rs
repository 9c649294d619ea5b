//! The linear model of a step: matrices with their names, and what is known about each entry.

use std::sync::Arc;

use nalgebra::{Dyn, MatrixView, U1};

use crate::jacobian::{Jacobian, Switches, Verdict};
use crate::physics::Model;

/// A view of a matrix that is stored row after row.
pub type RowMajor<'a, T> = MatrixView<'a, T, Dyn, Dyn, Dyn, U1>;

/// Names of the axes of the matrices, shared by all linearizations of a [`crate::Differentiator`].
#[derive(Debug)]
pub(crate) struct Axes {
    states: Vec<String>,
    controls: Vec<String>,
    sensors: Vec<String>,
}

impl Axes {
    /// Of a model; without sensors where these are not differentiated.
    pub(crate) fn new(model: &Model, sensors: bool) -> Self {
        let names = model.names();
        let sensors = if sensors { names.sensor.clone() } else { Vec::new() };
        Self { states: names.state(), controls: names.ctrl.clone(), sensors }
    }
}

/// The linear model dx' = A dx + B du, dy = C dx + D du of one step, or of several under one control.
///
/// dx = (dq, dqvel, dact) has ndx = 2 nv + na entries; dq is in the tangent space (rad or m, see [`Model::integrate_pos`]). Units
/// of an entry are those of its row by those of its column.
///
/// An entry that does not exist, because what touches jumps and both sides differ without a limit, is NaN, and undecided.
#[derive(Debug, Clone)]
pub struct Linearization {
    pub(crate) jacobian: Jacobian,
    pub(crate) axes: Arc<Axes>,
    pub(crate) judged: bool,
}

impl Linearization {
    fn matrix<'a, T: nalgebra::Scalar>(values: &'a [T], rows: usize, columns: usize) -> RowMajor<'a, T> {
        RowMajor::from_slice_with_strides_generic(values, Dyn(rows), Dyn(columns), Dyn(columns), U1)
    }

    fn sizes(&self) -> [usize; 3] {
        [self.axes.states.len(), self.axes.controls.len(), self.axes.sensors.len()]
    }

    /// A = d next state / d state, ndx x ndx.
    pub fn a(&self) -> RowMajor<'_, f64> {
        let [ndx, _, _] = self.sizes();
        Self::matrix(&self.jacobian.a, ndx, ndx)
    }

    /// B = d next state / d control, ndx x nu. Of a control at the end of its range (`ctrlrange`) it is one-sided, from within.
    pub fn b(&self) -> RowMajor<'_, f64> {
        let [ndx, nu, _] = self.sizes();
        Self::matrix(&self.jacobian.b, ndx, nu)
    }

    /// C = d sensor values / d state, nsensordata x ndx; no rows where sensors are not asked for. Sensors are those that
    /// `mj_step` computes: of the state before the step.
    pub fn c(&self) -> RowMajor<'_, f64> {
        let [ndx, _, ns] = self.sizes();
        Self::matrix(&self.jacobian.c, ns, ndx)
    }

    /// D = d sensor values / d control, nsensordata x nu; no rows where sensors are not asked for.
    pub fn d(&self) -> RowMajor<'_, f64> {
        let [_, nu, ns] = self.sizes();
        Self::matrix(&self.jacobian.d, ns, nu)
    }

    /// Whether entries were judged ([`crate::Settings::zero_test`]). Otherwise every verdict is undecided.
    pub fn is_judged(&self) -> bool {
        self.judged
    }

    /// What each entry of A is, ndx x ndx.
    pub fn a_verdicts(&self) -> RowMajor<'_, Verdict> {
        let [ndx, _, _] = self.sizes();
        Self::matrix(&self.jacobian.verdicts.a, ndx, ndx)
    }

    /// What each entry of B is, ndx x nu.
    pub fn b_verdicts(&self) -> RowMajor<'_, Verdict> {
        let [ndx, nu, _] = self.sizes();
        Self::matrix(&self.jacobian.verdicts.b, ndx, nu)
    }

    /// What each entry of C is, nsensordata x ndx.
    pub fn c_verdicts(&self) -> RowMajor<'_, Verdict> {
        let [ndx, _, ns] = self.sizes();
        Self::matrix(&self.jacobian.verdicts.c, ns, ndx)
    }

    /// What each entry of D is, nsensordata x nu.
    pub fn d_verdicts(&self) -> RowMajor<'_, Verdict> {
        let [_, nu, ns] = self.sizes();
        Self::matrix(&self.jacobian.verdicts.d, ns, nu)
    }

    /// The largest bound on rounding among the entries of each row of A and B (ndx), in units of these entries.
    pub fn floor(&self) -> &[f64] {
        &self.jacobian.verdicts.floor
    }

    /// What switches within reach of the state: a contact opens or closes, a limit or friction begins or ends, a force or
    /// control meets its range. There the step has two derivatives, one for each side.
    pub fn switches(&self) -> Switches {
        self.jacobian.verdicts.switches
    }

    /// Where something switches: the largest difference between the derivatives of both sides, as a share of the largest entry
    /// of A. 0 where nothing switches.
    pub fn kink(&self) -> f64 {
        self.jacobian.verdicts.kink
    }

    /// Whether the system that is solved for the acceleration is nearly singular, so that A and B hold few digits.
    pub fn is_near_singular(&self) -> bool {
        self.jacobian.verdicts.near_singular
    }

    /// Whether the matrices are the derivative of the step: it was looked for switches, none is near, every entry is a number and
    /// the system is well posed.
    pub fn is_smooth(&self) -> bool {
        self.judged && !self.switches().any() && !self.is_near_singular() && self.jacobian.is_finite()
    }

    /// Names of the rows and columns of A (ndx): `pos:knee`, `vel:knee`, `act:muscle`.
    pub fn states(&self) -> &[String] {
        &self.axes.states
    }

    /// Names of the columns of B (nu).
    pub fn controls(&self) -> &[String] {
        &self.axes.controls
    }

    /// Names of the rows of C and D (nsensordata); empty where sensors are not asked for.
    pub fn sensors(&self) -> &[String] {
        &self.axes.sensors
    }

    /// The numbers as the engines of [`crate::jacobian`] leave them: row-major slices with their verdicts.
    pub fn jacobian(&self) -> &Jacobian {
        &self.jacobian
    }
}
