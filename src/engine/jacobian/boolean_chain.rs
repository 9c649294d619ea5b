//! The verdicts of a control step, from those of its physics steps.

use super::verdict_bits::VerdictBits;
use super::{Jacobian, Verdicts};
use crate::physics::Model;

/// Carries verdicts, floors and switches through the product of [`super::Chain`].
///
/// An entry of the product is nonzero if some path through the physics steps is nonzero in every factor, zero if every
/// path has a zero, else undecided. The floor of a row bounds the noise of its entries to first order: that of the
/// last factor times the largest column of the product so far, plus that product's floors times the last factor.
#[derive(Debug, Clone)]
pub(super) struct BooleanChain {
    /// Of the product so far.
    a: VerdictBits,
    b: VerdictBits,
    /// Of the step that comes in, and space.
    step_a: VerdictBits,
    step_c: VerdictBits,
    next_a: VerdictBits,
    next_b: VerdictBits,
    /// Of the last step's sensors.
    c: VerdictBits,
    d: VerdictBits,
    floor: Vec<f64>,
    next_floor: Vec<f64>,
    rest: Verdicts,
}

impl BooleanChain {
    pub(super) fn new(model: &Model, sensors: bool) -> Self {
        let (n, nu) = (model.ndx(), model.nu());
        let ns = if sensors { model.nsensordata() } else { 0 };
        let (square, wide) = (VerdictBits::new(n, n), VerdictBits::new(n, nu));
        Self {
            a: square.clone(),
            b: wide.clone(),
            step_a: square.clone(),
            step_c: VerdictBits::new(ns, n),
            c: VerdictBits::new(ns, n),
            d: VerdictBits::new(ns, nu),
            next_a: square,
            next_b: wide,
            floor: vec![0.0; n],
            next_floor: vec![0.0; n],
            rest: Verdicts { a: Vec::new(), b: Vec::new(), ..Verdicts::new(model, false) },
        }
    }

    /// Takes the first step.
    pub(super) fn first(&mut self, step: &Jacobian) {
        let verdicts = &step.verdicts;
        self.a.read(&verdicts.a);
        self.b.read(&verdicts.b);
        self.c.read(&verdicts.c);
        self.d.read(&verdicts.d);
        self.floor.copy_from_slice(&verdicts.floor);
        self.rest.switches = verdicts.switches;
        self.rest.kink = verdicts.kink;
        self.rest.near_singular = verdicts.near_singular;
    }

    /// Appends a step. `largest` is the largest sum of absolute values of a column of A of the product so far, or of one
    /// of B, with the 1 of the step's own entry.
    pub(super) fn push(&mut self, step: &Jacobian, largest: f64) {
        let verdicts = &step.verdicts;
        self.step_c.read(&verdicts.c);
        self.c.clear();
        self.c.add_product(&self.step_c, &self.a);
        self.d.read(&verdicts.d);
        self.d.add_product(&self.step_c, &self.b);
        self.step_a.read(&verdicts.a);
        self.next_a.clear();
        self.next_a.add_product(&self.step_a, &self.a);
        std::mem::swap(&mut self.a, &mut self.next_a);
        self.next_b.read(&verdicts.b);
        self.next_b.add_product(&self.step_a, &self.b);
        std::mem::swap(&mut self.b, &mut self.next_b);

        let n = self.floor.len();
        for (i, (next, own)) in self.next_floor.iter_mut().zip(&verdicts.floor).enumerate() {
            let carried: f64 = step.a[i * n..(i + 1) * n].iter().zip(&self.floor).map(|(x, f)| x.abs() * f).sum();
            *next = own * largest + carried;
        }
        std::mem::swap(&mut self.floor, &mut self.next_floor);
        self.rest.switches = self.rest.switches.or(verdicts.switches);
        self.rest.kink = self.rest.kink.max(verdicts.kink);
        self.rest.near_singular |= verdicts.near_singular;
    }

    /// What is known of all steps.
    pub(super) fn finish(&self, out: &mut Verdicts) {
        self.a.write(&mut out.a);
        self.b.write(&mut out.b);
        self.c.write(&mut out.c);
        self.d.write(&mut out.d);
        out.floor.copy_from_slice(&self.floor);
        out.switches = self.rest.switches;
        out.kink = self.rest.kink;
        out.near_singular = self.rest.near_singular;
    }
}
