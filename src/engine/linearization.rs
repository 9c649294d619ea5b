//! The linear model of a step: matrices with their names, and what is known about each entry.

use std::sync::Arc;

use nalgebra::{DMatrix, Scalar};

use crate::jacobian::{Jacobian, Switches, ZeroVerdict};
use crate::physics::Model;

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
    axes: Arc<Axes>,
    judged: bool,
    a: DMatrix<f64>,
    b: DMatrix<f64>,
    c: DMatrix<f64>,
    d: DMatrix<f64>,
    a_verdicts: DMatrix<ZeroVerdict>,
    b_verdicts: DMatrix<ZeroVerdict>,
    c_verdicts: DMatrix<ZeroVerdict>,
    d_verdicts: DMatrix<ZeroVerdict>,
    floor: Vec<f64>,
    switches: Switches,
    kink: f64,
    near_singular: bool,
}

/// Sides that differ by less, as a share of the largest entry of A, are one.
const SAME: f64 = 1e-6;

/// Copies row after row.
fn copy<T: Scalar + Copy>(rows: &[T], to: &mut DMatrix<T>) {
    let columns = to.ncols();
    for (i, row) in rows.chunks_exact(columns.max(1)).enumerate() {
        for (j, x) in row.iter().enumerate() {
            to[(i, j)] = *x;
        }
    }
}

impl Linearization {
    /// Of these sizes, with nothing in it.
    pub(crate) fn empty(axes: &Arc<Axes>, judged: bool) -> Self {
        let (n, nu, ns) = (axes.states.len(), axes.controls.len(), axes.sensors.len());
        let (zeros, open) = (DMatrix::zeros, |rows, columns| DMatrix::repeat(rows, columns, ZeroVerdict::Undecided));
        Self {
            axes: axes.clone(),
            judged,
            a: zeros(n, n),
            b: zeros(n, nu),
            c: zeros(ns, n),
            d: zeros(ns, nu),
            a_verdicts: open(n, n),
            b_verdicts: open(n, nu),
            c_verdicts: open(ns, n),
            d_verdicts: open(ns, nu),
            floor: vec![0.0; n],
            switches: Switches::default(),
            kink: 0.0,
            near_singular: false,
        }
    }

    /// Takes what an engine has computed.
    pub(crate) fn take(&mut self, jacobian: &Jacobian) {
        let verdicts = &jacobian.verdicts;
        copy(&jacobian.a, &mut self.a);
        copy(&jacobian.b, &mut self.b);
        copy(&jacobian.c, &mut self.c);
        copy(&jacobian.d, &mut self.d);
        copy(&verdicts.a, &mut self.a_verdicts);
        copy(&verdicts.b, &mut self.b_verdicts);
        copy(&verdicts.c, &mut self.c_verdicts);
        copy(&verdicts.d, &mut self.d_verdicts);
        self.floor.copy_from_slice(&verdicts.floor);
        (self.switches, self.kink, self.near_singular) = (verdicts.switches, verdicts.kink, verdicts.near_singular);
    }

    /// Whether it has these axes, the very same.
    pub(crate) fn is_of(&self, axes: &Arc<Axes>) -> bool {
        Arc::ptr_eq(&self.axes, axes)
    }

    /// A = d next state / d state, ndx x ndx.
    pub fn a(&self) -> &DMatrix<f64> {
        &self.a
    }

    /// B = d next state / d control, ndx x nu. Of one step, and of a control at the end of its range (`ctrlrange`), it is
    /// the derivative towards the inside; over several steps it is the product of these.
    pub fn b(&self) -> &DMatrix<f64> {
        &self.b
    }

    /// C = d sensor values / d state, nsensordata x ndx; no rows where sensors are not asked for. Sensors are those that
    /// `mj_step` computes: of the state before the step.
    pub fn c(&self) -> &DMatrix<f64> {
        &self.c
    }

    /// D = d sensor values / d control, nsensordata x nu; no rows where sensors are not asked for.
    pub fn d(&self) -> &DMatrix<f64> {
        &self.d
    }

    /// Whether entries were judged (not with [`crate::Settings::without_zero_test`]). Otherwise every verdict is undecided.
    pub fn is_judged(&self) -> bool {
        self.judged
    }

    /// What each entry of A is, ndx x ndx.
    pub fn a_verdicts(&self) -> &DMatrix<ZeroVerdict> {
        &self.a_verdicts
    }

    /// What each entry of B is, ndx x nu.
    pub fn b_verdicts(&self) -> &DMatrix<ZeroVerdict> {
        &self.b_verdicts
    }

    /// What each entry of C is, nsensordata x ndx.
    pub fn c_verdicts(&self) -> &DMatrix<ZeroVerdict> {
        &self.c_verdicts
    }

    /// What each entry of D is, nsensordata x nu.
    pub fn d_verdicts(&self) -> &DMatrix<ZeroVerdict> {
        &self.d_verdicts
    }

    /// The largest bound on rounding among the entries of each row of A and B (ndx), in units of these entries.
    pub fn floor(&self) -> &[f64] {
        &self.floor
    }

    /// What switches at the state or very near it (within about 1e-7 rad or m, at a tendon's dead band 1e-9): a contact
    /// opens or closes, a limit or friction begins or ends, a force meets its range. There the step has two derivatives, one for
    /// each side. Two things are not looked at: a control at the end of its `ctrlrange` (see [`Linearization::b`]), and a sensor
    /// at its `cutoff`.
    pub fn switches(&self) -> Switches {
        self.switches
    }

    /// Where something switches: the largest difference between the derivatives of both sides, as a share of the largest entry
    /// of A. 0 where nothing switches.
    pub fn kink(&self) -> f64 {
        self.kink
    }

    /// Whether the system that is solved for the acceleration is nearly singular, so that A and B hold few digits.
    pub fn is_near_singular(&self) -> bool {
        self.near_singular
    }

    /// Whether the matrices are the derivative of the step: entries were judged, nothing switches ([`Linearization::switches`]
    /// says what that means), both sides agree, every entry is a number and the system is well posed.
    pub fn is_smooth(&self) -> bool {
        let finite = [&self.a, &self.b, &self.c, &self.d].iter().all(|m| m.iter().all(|x| x.is_finite()));
        self.judged && !self.switches.any() && self.kink <= SAME && !self.near_singular && finite
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
}
