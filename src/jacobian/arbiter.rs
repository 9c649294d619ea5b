//! A second opinion: extrapolated differences, and whether there is a derivative to have an opinion about.

use super::{Difference, Engine, EngineSpec, Jacobian, TransitionFd};
use crate::physics::{Model, PhysicsError, Sim};

/// Nudges of the two differences. Where a contact pushes back over a micrometre, a difference over more is not a
/// derivative any more; the extrapolation takes the next order off.
const NUDGE: f64 = 2e-7;

/// Central differences of mjd_transitionFD at two nudges, extrapolated to none (Richardson):
/// `(4 X(h) - X(2 h)) / 3`, with an error of h^4 where X(h) has one of h^2.
#[derive(Debug)]
pub struct Arbiter {
    fine: TransitionFd,
    coarse: TransitionFd,
    other: Jacobian,
}

impl Arbiter {
    /// For a model.
    pub fn new(model: &Model) -> Self {
        let spec =
            |eps| EngineSpec { eps, difference: Difference::Centered, zero_test: false, ..EngineSpec::default() };
        Self {
            fine: TransitionFd::new(&spec(NUDGE), model),
            coarse: TransitionFd::new(&spec(2.0 * NUDGE), model),
            other: Jacobian::zeros(model, false),
        }
    }

    /// The Jacobian at the present state, and how much the two differences disagree, as a share of the largest entry
    /// of A. Near 0 both see the same derivative; a contact, limit or friction that switches within the nudge makes
    /// them disagree by up to 1, and then no engine is right.
    ///
    /// # Errors
    /// As [`Engine::jacobian`].
    pub fn judge(&mut self, sim: &mut Sim, out: &mut Jacobian) -> Result<f64, PhysicsError> {
        self.fine.jacobian(sim, out)?;
        self.coarse.jacobian(sim, &mut self.other)?;
        let largest = out.a.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let mut apart = 0.0_f64;
        for (fine, coarse) in [(&mut out.a, &self.other.a), (&mut out.b, &self.other.b)] {
            for (x, y) in fine.iter_mut().zip(coarse) {
                apart = apart.max((*x - y).abs());
                *x = (4.0 * *x - y) / 3.0;
            }
        }
        Ok(apart / largest)
    }
}
