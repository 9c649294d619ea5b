//! Limits of joints that begin exactly where the joint is: how far that bends the step, without taking one.
//!
//! A limit's row pushes once the joint is beyond it. With the joint of dof j at the limit, inside of which lies s = +-1, the row has
//! J = s e_j, and at no depth
//!
//! ```text
//! jar = s a_j + B s v_j,        d jar / d q_j = s (da_j / dq_j + K I)        (m/s^2 or rad/s^2, and per m or rad)
//! ```
//!
//! With u = H^-1 e_j (nv) and the row's weight D, the acceleration at a depth h beyond the limit differs by the row from the one without by
//!
//! ```text
//! -D min(jar - (da_j / dq_j + K I) h, 0) s u / (1 + D u_j)
//! ```
//!
//! as long as no other row begins or ceases to push by it. Where jar is below zero that is a jump, else a kink at the limit or within
//! nudges of it. From there on it is the integrator's, as every acceleration.

use nalgebra::{DMatrix, DVector};

use super::activation::Kink;
use super::blocks::Factors;
use super::integrator::Integrator;
use super::rows::Rows;
use crate::jacobian::steps::{NEAR, sides_meet_at};
use crate::physics::{JointKind, JointLimit, Sim};

/// A joint is at its limit within this, m or rad: far below the nudges that whole steps are asked with.
const AT: f64 = 1e-11;

/// Nudges beyond so many times the widest one are not taken.
const BEYOND: f64 = 2.0;

/// The limits that begin here.
#[derive(Debug, Default)]
pub(super) struct Onsets {
    /// By how much the derivatives of the step to both sides of a limit are apart.
    pub(super) kinks: Vec<Kink>,
    /// The dofs of limits of which that is known, none included.
    known: Vec<usize>,
}

/// What stays as it is: the solution and what it was solved with.
pub(super) struct Solution<'a> {
    pub(super) factors: &'a Factors,
    pub(super) rows: &'a Rows,
    pub(super) integrator: &'a Integrator,
    /// The acceleration (nv) and its derivatives (nv x ndx + nu), before the integrator damps them.
    pub(super) a: &'a DVector<f64>,
    pub(super) da: &'a DMatrix<f64>,
}

impl Onsets {
    /// Knows nothing.
    pub(super) fn clear(&mut self) {
        self.kinks.clear();
        self.known.clear();
    }

    /// Whether nothing of the limit at a dof is left to be asked.
    pub(super) fn knows(&self, dof: usize) -> bool {
        self.known.contains(&dof)
    }

    /// Looks at the limits that begin at the state of `work`.
    pub(super) fn find(&mut self, work: &Sim, solution: &Solution<'_>) {
        self.clear();
        let model = work.model().clone();
        for limit in model.joint_limits() {
            if let Some((inwards, push)) = begins(work, &limit)
                && let Some(apart) = solution.sides(work, &limit, (inwards, push))
            {
                self.known.push(limit.dof);
                let bent = apart.into_iter().enumerate().filter(|(_, apart)| *apart != 0.0);
                self.kinks.extend(bent.map(|(row, apart)| Kink { row, column: limit.dof, apart }));
            }
        }
    }
}

/// The direction away from a limit that begins exactly here, and what its row begins with. None where it has begun, where the other one is
/// as near, and of joints that are no number.
fn begins(work: &Sim, limit: &JointLimit) -> Option<(f64, [f64; 3])> {
    let (JointKind::Hinge | JointKind::Slide, Some(onset)) = (limit.kind, limit.onset) else { return None };
    let q = work.qpos()[limit.qpos];
    let [low, high] = [q - limit.range[0], limit.range[1] - q].map(|depth| depth - limit.margin);
    let inwards = match (low, high) {
        _ if (0.0..=AT).contains(&low) && high > BEYOND * NEAR[0] => 1.0,
        _ if (0.0..=AT).contains(&high) && low > BEYOND * NEAR[0] => -1.0,
        _ => return None,
    };
    Some((inwards, [onset.d, onset.damping, onset.push]))
}

impl Solution<'_> {
    /// How far the derivatives of the next positions and velocities to both sides of a limit are apart, as whole steps tell it (2 nv). None where
    /// what the limit does reaches farther than its own row.
    fn sides(
        &self,
        work: &Sim,
        limit: &JointLimit,
        (inwards, [d, damping, stiffness]): (f64, [f64; 3]),
    ) -> Option<Vec<f64>> {
        let (nv, dof) = (self.a.len(), limit.dof);
        let jar = inwards * (self.a[dof] + damping * work.qvel()[dof]);
        let rate = self.da[(dof, dof)] + stiffness;
        let within = jar.abs() <= BEYOND * NEAR[0] * rate.abs();
        if jar > 0.0 && !within || jar == 0.0 && rate <= 0.0 {
            return Some(vec![0.0; 2 * nv]);
        }
        let mut pull = DVector::zeros(nv);
        pull[dof] = 1.0;
        self.factors.solve(pull.as_mut_slice());
        let weight = -d * inwards / (1.0 + d * pull[dof]);
        let push = |depth: f64| weight * (jar - rate * depth).min(0.0);
        // A cone's force has a derivative, but a jump leads away from where it holds.
        let most =
            [0.0, NEAR[0]].map(push).into_iter().fold(0.0_f64, |most, x| if x.abs() > most.abs() { x } else { most });
        if !self.rows.stay(&(&pull * most), jar >= 0.0) {
            return None;
        }
        self.integrator.damp(&mut pull);
        let h = work.model().timestep();
        let sides = |row: usize| {
            let (share, size) = match row.checked_sub(nv) {
                None => (h * h * pull[row], 1.0),
                Some(dof) => (h * pull[dof], work.qvel()[dof] + h * self.integrator.a_n[dof]),
            };
            sides_meet_at(NEAR.map(|nudge| share * push(nudge) / nudge), size.abs())
        };
        Some((0..2 * nv).map(sides).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::model;
    use crate::jacobian::kink::Bends;
    use crate::jacobian::{Engine as _, EngineKind, EngineSpec, Jacobian};
    use crate::physics::Sim;

    /// Two arms and a cart that begin at their limits, at rest and on their way in and out.
    fn at_limits(option: &str, joint: &str) -> (f64, f64, usize) {
        let arm = |name: &str, x: f64, range: &str| {
            format!(
                r#"<body pos="{x} 0 1"><joint name="{name}" axis="0 1 0" limited="true" range="{range}" {joint}/>
                   <geom type="capsule" size=".03" fromto="0 0 0 .3 0 -.1" mass=".4"/>
                   <body pos=".3 0 -.1"><joint axis="0 1 0" damping=".05"/><geom size=".05" mass=".2"/></body></body>"#
            )
        };
        let bodies = format!(
            r#"{}{}<body pos="0 1 1"><joint type="slide" axis="1 0 0" limited="true" range="0 1" {joint}/><geom size=".1" mass="2"/></body>"#,
            arm("p", 0.0, "0 1"),
            arm("q", 1.0, "-1 0")
        );
        let model = model(option, &bodies, "");
        let spec = EngineSpec { zero_test: true, ..EngineSpec::new(EngineKind::Implicit) };
        let mut engine = super::super::Implicit::new(&spec, &model).unwrap();
        let (mut sim, mut out) = (Sim::new(&model).unwrap(), Jacobian::zeros(&model, false));
        let mut bends = Bends::new(&model, false);
        let mut state = vec![0.0; model.state_size()];
        let (mut worst, mut largest, mut known) = (0.0_f64, 0.0_f64, 0);
        for speed in [0.0, 0.3, -0.3] {
            sim.reset().unwrap();
            sim.qvel_mut().fill(speed);
            sim.get_state(&mut state).unwrap();
            engine.jacobian(&mut sim, &mut out).unwrap();
            bends.begin(&model, &state).unwrap();
            for dof in [0, 2, 4].into_iter().filter(|dof| engine.onsets.knows(*dof)) {
                known += 1;
                for (row, expected) in bends.sides_apart(dof).unwrap().iter().enumerate() {
                    let kink = engine.onsets.kinks.iter().find(|k| (k.row, k.column) == (row, dof));
                    let apart = kink.map_or(0.0, |k| k.apart);
                    worst = worst.max((apart - expected).abs() / (1.0 + expected));
                    largest = largest.max(*expected);
                }
            }
        }
        (worst, largest, known)
    }

    #[test]
    fn sides_of_a_limit_are_as_far_apart_as_whole_steps_say() {
        let option = |integrator: &str| format!(r#"<option integrator="{integrator}" timestep=".004"/>"#);
        let joints = [
            "",
            r#"damping=".3""#,
            r#"damping=".2" stiffness="4" springref=".2""#,
            r#"solreflimit="-400 -30" damping=".1""#,
            r#"solreflimit=".05 .7" solimplimit=".8 .99 .01 .5 2""#,
        ];
        for integrator in ["Euler", "implicitfast", "implicit"] {
            for joint in joints {
                let (worst, largest, known) = at_limits(&option(integrator), joint);
                assert!(worst < 1e-5, "{integrator}, {joint}: {worst}");
                // All nine limits; those that are left alone do not bend, the others do, and some jump.
                assert!(known == 9 && largest > 1e3, "{integrator}, {joint}: {known} known, {largest}");
            }
        }
    }

    /// Friction holds a door beside its stop: it creeps away from it, by so little that within the nudges the stop pushes.
    #[test]
    fn a_door_that_friction_holds_at_its_stop() {
        for (axis, range) in [("0 0 1", "0 1"), ("0 .00001 1", "0 1"), ("0 1 0", "-1 0")] {
            let door = format!(
                r#"<body><joint axis="{axis}" limited="true" range="{range}" frictionloss="5" damping=".1"/>
                   <geom type="box" size=".3 .02 .2" pos=".3 0 0" density="100"/></body>"#
            );
            let model = model("", &door, "");
            let spec = EngineSpec { zero_test: true, ..EngineSpec::new(EngineKind::Implicit) };
            let mut engine = super::super::Implicit::new(&spec, &model).unwrap();
            let (mut sim, mut out) = (Sim::new(&model).unwrap(), Jacobian::zeros(&model, false));
            let (mut bends, mut state) = (Bends::new(&model, false), vec![0.0; model.state_size()]);
            sim.get_state(&mut state).unwrap();
            engine.jacobian(&mut sim, &mut out).unwrap();
            bends.begin(&model, &state).unwrap();
            let bends_much = engine.onsets.kinks.iter().any(|k| k.apart > 1.0);
            assert!(engine.onsets.knows(0) && bends_much, "{axis}, {range}: {:?}", engine.onsets.kinks);
            for (row, expected) in bends.sides_apart(0).unwrap().iter().enumerate() {
                let apart = engine.onsets.kinks.iter().find(|k| k.row == row).map_or(0.0, |k| k.apart);
                assert!(
                    (apart - expected).abs() < 1e-4 * (1.0 + expected),
                    "{axis}, {range}: {apart} is not {expected}"
                );
            }
        }
    }

    /// The row that MuJoCo makes just beyond a limit.
    #[test]
    fn the_row_of_a_limit_is_that_of_mujoco() {
        for joint in ["", r#"solreflimit="-300 -20""#, r#"solreflimit=".001 1""#, r#"solimplimit=".3 .9 .1 .5 3""#] {
            let body = format!(
                r#"<body><joint axis="0 1 0" limited="true" range="0 1" {joint}/><geom size=".05" pos=".2 0 0" mass="3"/></body>"#
            );
            let model = model("", &body, "");
            let onset = model.joint_limits().next().unwrap().onset.unwrap();
            let mut sim = Sim::new(&model).unwrap();
            sim.qpos_mut()[0] = -1e-12;
            sim.forward().unwrap();
            let [stiffness, damping, impedance, _] = sim.efc_KBIP().as_chunks::<4>().0[0];
            for (ours, theirs) in
                [(onset.d, sim.efc_D()[0]), (onset.damping, damping), (onset.push, stiffness * impedance)]
            {
                assert!((ours - theirs).abs() < 1e-9 * theirs, "{joint}: {ours} is not {theirs}");
            }
        }
    }
}
