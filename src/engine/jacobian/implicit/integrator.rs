//! From accelerations to the next state.

use nalgebra::{DMatrix, DVector, Matrix6, Vector6};

use super::activation::Activations;
use super::blocks::{Factors, Partition};
use super::damped::Damped;
use super::damper::Damper;
use super::difference::{Nudger, Samples};
use super::motion::{Motion, ULP};
use super::spatial::{Vec3, add3, cross, rotate, rotate_back, scale3, sub3};
use super::support;
use super::tree::Tree;
use crate::jacobian::Jacobian;
use crate::physics::{Damping, Model, PhysicsError, Sim, turn_derivatives};

/// A free body that no other joint hangs on: implicitfast integrates its gyroscopic forces implicitly too
/// (MuJoCo 3.17).
#[derive(Debug)]
struct FreeBody {
    body: usize,
    /// The bodies that move as one with it, itself among them.
    members: Vec<usize>,
    /// Its first dof.
    dof: usize,
    /// (M + h (d bias / d velocity - d smooth / d velocity))^-1, unsymmetric.
    inverse: Matrix6<f64>,
}

/// Solves with the inertia that the integrator adds its damping to, and integrates derivatives.
#[derive(Debug)]
pub(super) struct Integrator {
    h: f64,
    damping: Damping,
    /// Of each dof, with what actuators on its joint add: linear damping and the coefficients of the higher powers.
    dampers: Vec<(f64, [f64; 2])>,
    free_bodies: Vec<FreeBody>,
    /// The system that is solved; MH (nv x nv), and its factors.
    damped: Damped,
    matrix: DMatrix<f64>,
    factors: Option<Factors>,
    /// Differences of (MH - M) a_n, where MH - M depends on the state; whether on controls too.
    varying: Option<(Nudger, Samples, bool)>,
    /// What the integrator adds; None where it adds the dampers of joints, or nothing.
    damper: Option<Damper>,
    /// The step's acceleration, and how it differs from the solved one (nv).
    pub(super) a_n: DVector<f64>,
    gyroscopic: DVector<f64>,
    /// Bounds on the errors of A and B, row-major.
    pub(super) bounds: [Vec<f64>; 2],
}

impl Integrator {
    pub(super) fn new(model: &Model, tree: &Tree) -> Self {
        let (nv, nu) = (model.nv(), model.nu());
        let damping = model.integrator_damping().unwrap_or(Damping::None);
        let varying = support::damping_varies(model, damping);
        let free_bodies = if damping == Damping::Symmetric {
            model
                .free_bodies()
                .into_iter()
                .map(|(body, members)| FreeBody {
                    body,
                    members,
                    dof: tree.groups[body][0].first,
                    inverse: Matrix6::zeros(),
                })
                .collect()
        } else {
            Vec::new()
        };
        let dofs: Vec<usize> = free_bodies.iter().map(|body: &FreeBody| body.dof).collect();
        let ndx = model.ndx();
        Self {
            h: model.timestep(),
            damping,
            dampers: model.dampers(),
            free_bodies,
            damped: Damped::new(nv, ndx + nu),
            matrix: DMatrix::zeros(nv, nv),
            factors: None,
            damper: matches!(damping, Damping::Symmetric | Damping::Full).then(|| Damper::new(model, damping, &dofs)),
            varying: varying.map(|inner| (Nudger::new(model), Samples::new(nv), inner)),
            a_n: DVector::zeros(nv),
            gyroscopic: DVector::zeros(nv),
            bounds: [vec![0.0; ndx * ndx], vec![0.0; ndx * nu]],
        }
    }

    /// The largest bound on the errors of each column of A, and of B behind them (ndx + nu).
    pub(super) fn largest_bounds(&self) -> Vec<f64> {
        let [a, b] = &self.bounds;
        let ndx = a.len().isqrt().max(1);
        let mut largest = vec![0.0_f64; ndx + b.len() / ndx];
        let (of_a, of_b) = largest.split_at_mut(ndx);
        for (bounds, largest) in [(a, of_a), (b, of_b)] {
            for row in bounds.chunks_exact(largest.len().max(1)) {
                largest.iter_mut().zip(row).for_each(|(most, x)| *most = most.max(*x));
            }
        }
        largest
    }

    /// Marks the velocities that are within `reach` of rest and whose damper's slope, which the integrator adds to the inertia, has
    /// a kink there; and whether there are any.
    pub(super) fn switches(&self, work: &Sim, reach: f64, bent: &mut [bool]) -> bool {
        if self.damping != Damping::Joints {
            return false;
        }
        let mut any = false;
        for (dof, _) in self.dampers.iter().enumerate().filter(|(_, (_, [c0, _]))| *c0 != 0.0) {
            if work.qvel()[dof].abs() <= reach {
                (any, bent[self.dampers.len() + dof]) = (true, true);
            }
        }
        any
    }

    /// Whether the differences by an input (ndx + nu) settle on nothing.
    pub(super) fn is_unsettled(&self, input: usize) -> bool {
        self.varying.as_ref().is_some_and(|(nudger, ..)| nudger.unsettled[input])
    }

    /// The step's acceleration, from the solved one. False where its inertia is not positive definite.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn solve(
        &mut self,
        work: &mut Sim,
        inertia: &DMatrix<f64>,
        a: &DVector<f64>,
    ) -> Result<bool, PhysicsError> {
        let (nv, h) = (a.len(), self.h);
        self.a_n.copy_from(a);
        self.gyroscopic.fill(0.0);
        if self.damping == Damping::None {
            return Ok(true);
        }
        let extra = &mut self.damped.extra;
        extra.fill(0.0);
        match &mut self.damper {
            None => {
                for i in 0..nv {
                    extra[(i, i)] = h * slope(self.dampers[i], work.qvel()[i]).0;
                }
            }
            Some(damper) => {
                damper.set(work)?;
                for r in 0..nv {
                    damper.row(r).for_each(|(c, x)| extra[(r, c)] = -h * x);
                }
            }
        }
        // Free bodies are solved by themselves, with all there is.
        for body in &self.free_bodies {
            extra.view_mut((body.dof, body.dof), (6, 6)).fill(0.0);
        }
        self.matrix.copy_from(inertia);
        self.matrix += &*extra;
        let partition = Partition::of(&self.matrix, self.free_bodies.iter().map(FreeBody::dofs));
        let Some(factors) = Factors::new(&self.matrix, partition, self.damping != Damping::Full) else {
            return Ok(false);
        };
        for body in &mut self.free_bodies {
            let variation = body.gyroscopic(work, &velocity(work, body.dof));
            let mut whole = Matrix6::zeros();
            for (r, row) in body.dofs().enumerate() {
                for (column, x) in self.damper.iter().flat_map(|damper| damper.row(row)) {
                    let c = column - body.dof;
                    extra[(row, column)] = h * (variation[(r, c)] - x);
                    whole[(r, c)] = inertia[(row, column)] + extra[(row, column)];
                }
            }
            let Some(inverse) = whole.try_inverse() else { return Ok(false) };
            body.inverse = inverse;
        }
        held_back(extra, &factors, &self.free_bodies, a, &mut self.gyroscopic);
        self.damped.terms.copy_from(inertia);
        self.damped.terms.zip_apply(&self.damped.extra, |m, x| *m = m.abs() + x.abs());
        self.a_n -= &self.gyroscopic;
        self.factors = Some(factors);
        Ok(true)
    }

    /// Turns a change of the solved acceleration into that of the step's, after [`Integrator::solve`].
    pub(super) fn damp(&self, change: &mut DVector<f64>) {
        if let Some(factors) = &self.factors {
            let mut held = DVector::zeros(change.len());
            held_back(&self.damped.extra, factors, &self.free_bodies, change, &mut held);
            *change -= held;
        }
    }

    /// Turns da into da_n, and bounds on its errors likewise.
    pub(super) fn differentiate(
        &mut self,
        tree: &Tree,
        work: &mut Sim,
        field: &mut Motion,
        (da, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
        bounds: bool,
    ) -> Result<(), PhysicsError> {
        let Some(factors) = &self.factors else { return Ok(()) };
        let nv = da.nrows();
        let right = (&mut self.damped.right, &mut self.damped.right_noise);
        right.0.fill(0.0);
        right.1.fill(0.0);
        // gyroscopic = a - a_n; the derivative of M (a_n - a) is subtracted.
        self.gyroscopic.neg_mut();
        field.set_accelerations(tree, work, self.gyroscopic.as_slice());
        field.by_position(tree, false, right.0, right.1);
        for body in &self.free_bodies {
            body.by_state(work, self.h, &self.a_n, nv, right.0);
        }
        if self.damping == Damping::Joints {
            for i in 0..nv {
                let change = self.h * slope(self.dampers[i], work.qvel()[i]).1 * self.a_n[i];
                right.0[(i, nv + i)] -= change;
                right.1[(i, nv + i)] += 4.0 * ULP * change.abs();
            }
        }
        if let (Some((nudger, samples, inner)), Some(damper)) = (&mut self.varying, &mut self.damper) {
            let (h, a_n) = (self.h, &self.a_n);
            let mut sample = |work: &mut Sim, to: &mut [f64]| {
                damper.set(work)?;
                for (r, to) in to.iter_mut().enumerate() {
                    *to = damper.row(r).map(|(c, x)| -h * x * a_n[c]).sum();
                }
                Ok(())
            };
            nudger.differentiate(work, *inner, samples, &mut sample, -1.0, right)?;
        }
        let free_bodies: Vec<_> = self.free_bodies.iter().map(|body| (body.dof, &body.inverse)).collect();
        self.damped.solve(factors, &free_bodies, (da, noise), bounds);
        Ok(())
    }

    /// The next state from da_n, into the row-major matrices of `out`; bounds on its errors into [`Integrator::bounds`].
    pub(super) fn integrate(
        &mut self,
        work: &Sim,
        activations: &Activations,
        da: &DMatrix<f64>,
        noise: &DMatrix<f64>,
        out: &mut Jacobian,
    ) {
        let (nv, columns, h) = (da.nrows(), da.ncols(), self.h);
        let layout = work.model().layout();
        let (ndx, nu) = (layout.ndx(), layout.nu);
        let [bound_a, bound_b] = &mut self.bounds;
        let mut put = |r: usize, c: usize, x: f64, bound: f64| {
            if c < ndx {
                out.a[r * ndx + c] = x;
                bound_a[r * ndx + c] = bound;
            } else {
                out.b[r * nu + c - ndx] = x;
                bound_b[r * nu + c - ndx] = bound;
            }
        };
        let velocity = |r: usize, c: usize| h * da[(r, c)] + f64::from(u8::from(c == nv + r));
        let error = |r: usize, c: usize| {
            let own = if c == nv + r { ULP } else { 0.0 };
            h * noise[(r, c)] + own
        };
        for r in 0..nv {
            for c in 0..columns {
                let (x, e) = (velocity(r, c), error(r, c));
                put(nv + r, c, x, e);
                let own = f64::from(u8::from(c == r));
                put(r, c, h * x + own, h * e + ULP * own);
            }
        }
        for (i, now) in activations.now.iter().enumerate() {
            for c in 0..columns {
                put(layout.activation(i), c, 0.0, 0.0);
            }
            for (column, by, error) in activations.columns(i, &now.of_next) {
                put(layout.activation(i), column, by, ULP * by.abs() + error);
            }
        }
        for dof in work.turns() {
            let next = std::array::from_fn(|k| work.qvel()[dof + k] + h * self.a_n[dof + k]);
            let (by_turn, by_velocity) = turn_derivatives(next, h);
            for c in 0..columns {
                for r in 0..3 {
                    let turn = if (dof..dof + 3).contains(&c) { by_turn[3 * r + c - dof] } else { 0.0 };
                    let terms = |k: usize| by_velocity[3 * r + k] * velocity(dof + k, c);
                    let x = (0..3).fold(turn, |x, k| x + terms(k));
                    let size = (0..3).fold(turn.abs(), |x, k| x + terms(k).abs());
                    let e = (0..3).map(|k| by_velocity[3 * r + k].abs() * error(dof + k, c)).sum::<f64>();
                    put(dof + r, c, x, e + 2.0 * ULP * size);
                }
            }
        }
    }
}

/// The slope of a damper, v (b + c0 |v| + c1 v^2), at a velocity, and how the slope changes with that.
fn slope((b, [c0, c1]): (f64, [f64; 2]), v: f64) -> (f64, f64) {
    let side = if v == 0.0 { 0.0 } else { v.signum() };
    (b + 2.0 * c0 * v.abs() + 3.0 * c1 * v * v, 2.0 * c0 * side + 6.0 * c1 * v)
}

/// The angular velocity of a free body, in its own frame.
fn velocity(work: &Sim, dof: usize) -> Vec3 {
    std::array::from_fn(|i| work.qvel()[dof + 3 + i])
}

/// What the integrator holds back of an acceleration: MH^-1 (MH - M) a, with free bodies solved by themselves.
fn held_back(
    extra: &DMatrix<f64>,
    factors: &Factors,
    free_bodies: &[FreeBody],
    a: &DVector<f64>,
    out: &mut DVector<f64>,
) {
    out.gemv(1.0, extra, a, 0.0);
    let own: Vec<Vector6<f64>> = free_bodies.iter().map(|body| body.solve(out)).collect();
    factors.solve(out.as_mut_slice());
    for (body, own) in free_bodies.iter().zip(&own) {
        out.rows_mut(body.dof, 6).copy_from(own);
    }
}

impl FreeBody {
    /// Its inertia about its centre of mass, along the world's axes (kg m^2), its mass, and where that centre is from its frame's
    /// origin.
    fn inertia(&self, work: &Sim) -> ([f64; 9], f64, Vec3) {
        let origin = work.xpos().as_chunks::<3>().0[self.body];
        // About the centre of mass of its tree, which it is.
        let i = self.members.iter().fold([0.0; 10], |sum, member| {
            let own = &work.cinert().as_chunks::<10>().0[*member];
            std::array::from_fn(|k| sum[k] + own[k])
        });
        let centre = match self.members[..] {
            [body] => work.xipos().as_chunks::<3>().0[body],
            _ => work.subtree_com().as_chunks::<3>().0[self.body],
        };
        ([i[0], i[3], i[4], i[3], i[1], i[5], i[4], i[5], i[2]], i[9], sub3(centre, origin))
    }

    /// The parts of its bias force that two of its angular velocities (in the world) make together: at its frame's origin in the
    /// world, and about it in its own frame.
    fn bias(&self, work: &Sim, x: Vec3, y: Vec3) -> (Vec3, Vec3) {
        let frame = &work.xmat().as_chunks::<9>().0[self.body];
        let (inertia, mass, arm) = self.inertia(work);
        let turn = |w: Vec3, v: Vec3| cross(w, cross(v, arm));
        let force = scale3(add3(turn(x, y), turn(y, x)), mass);
        let torque = add3(cross(x, rotate(&inertia, y)), cross(y, rotate(&inertia, x)));
        (force, rotate_back(frame, add3(cross(arm, force), torque)))
    }

    /// d bias / d velocity at an angular velocity in its own frame.
    fn gyroscopic(&self, work: &Sim, velocity: &Vec3) -> Matrix6<f64> {
        let frame = &work.xmat().as_chunks::<9>().0[self.body];
        let mut out = Matrix6::zeros();
        for c in 0..3 {
            let axis = rotate(frame, std::array::from_fn(|i| f64::from(u8::from(i == c))));
            let (force, torque) = self.bias(work, rotate(frame, *velocity), axis);
            for r in 0..3 {
                out[(r, 3 + c)] = force[r];
                out[(3 + r, 3 + c)] = torque[r];
            }
        }
        out
    }

    fn dofs(&self) -> std::ops::Range<usize> {
        self.dof..self.dof + 6
    }

    /// The inverse of its inertia times its share of a vector (nv).
    fn solve(&self, x: &DVector<f64>) -> Vector6<f64> {
        self.inverse * x.fixed_rows::<6>(self.dof)
    }

    /// Subtracts d MH a_n from `out`: the gyroscopic part depends on velocity and orientation.
    fn by_state(&self, work: &Sim, h: f64, a_n: &DVector<f64>, nv: usize, out: &mut DMatrix<f64>) {
        let turn = std::array::from_fn(|i| a_n[self.dof + 3 + i]);
        let by_velocity = self.gyroscopic(work, &turn);
        let frame = &work.xmat().as_chunks::<9>().0[self.body];
        let velocity = rotate(frame, velocity(work, self.dof));
        let (force, _) = self.bias(work, velocity, rotate(frame, turn));
        for c in 0..3 {
            let axis = rotate(frame, std::array::from_fn(|i| f64::from(u8::from(i == c))));
            let turned = cross(axis, force);
            for r in 0..6 {
                out[(self.dof + r, nv + self.dof + 3 + c)] -= h * by_velocity[(r, 3 + c)];
                if r < 3 {
                    out[(self.dof + r, self.dof + 3 + c)] -= h * turned[r];
                }
            }
        }
    }
}
