//! A cube in a hand.

use std::f64::consts::PI;

use super::super::super::offset::norm;
use super::super::super::tolerance::{Sigmoid, Tolerance};
use super::{Now, Resolve, Term, TermKind, boxed};
use crate::quat::{Quat, angle_between};

const TURNED: Tolerance = Tolerance::within(0.0, 0.2).fading(PI, Sigmoid::Linear, 0.1);
const NEAR: Tolerance = Tolerance::within(0.0, 0.02).fading(0.05, Sigmoid::Linear, 0.1);

pub(super) fn resolve(kind: &TermKind, with: &Resolve<'_, '_>) -> Option<Result<Box<dyn Term>, String>> {
    let two = |names: &[String; 2], n: usize| with.sensors(names, n).map(|all| [all[0], all[1]]);
    Some(match kind {
        TermKind::Turned { sensors } => two(sensors, 4).map(|pair| boxed(Turned(pair))),
        TermKind::Near { sensors } => two(sensors, 3).map(|pair| boxed(Near(pair))),
        _ => return None,
    })
}

#[derive(Debug)]
struct Turned([usize; 2]);

impl Term for Turned {
    fn of(&self, now: &Now<'_>) -> f64 {
        let [a, b] = self.0.map(|at| -> Quat { std::array::from_fn(|i| now.sensors()[at + i]) });
        TURNED.of(angle_between(a, b))
    }
}

#[derive(Debug)]
struct Near([usize; 2]);

impl Term for Near {
    fn of(&self, now: &Now<'_>) -> f64 {
        let [a, b] = self.0;
        let s = now.sensors();
        let apart: [f64; 3] = std::array::from_fn(|i| s[a + i] - s[b + i]);
        NEAR.of(norm(&apart))
    }
}
