//! From accelerations to the next state.

use nalgebra::{Cholesky, DMatrix, DMatrixViewMut, DVector, Dyn, LU, Matrix6, Vector6};

use super::activation::Activations;
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
    /// Its first dof.
    dof: usize,
    /// M + h (d bias / d velocity - d smooth / d velocity), unsymmetric.
    inertia: Matrix6<f64>,
    inverse: Matrix6<f64>,
}

/// MH, factored: it is symmetric but for the integrator implicit.
#[derive(Debug)]
enum Factors {
    Cholesky(Cholesky<f64, Dyn>),
    Lu(LU<f64, Dyn, Dyn>),
}

impl Factors {
    /// None where the matrix is singular, or is to be positive definite and is not.
    fn new(matrix: DMatrix<f64>, symmetric: bool) -> Option<Self> {
        if symmetric {
            return Cholesky::new(matrix).map(Self::Cholesky);
        }
        let lu = LU::new(matrix);
        lu.is_invertible().then_some(Self::Lu(lu))
    }

    fn solve(&self, x: &mut DMatrixViewMut<'_, f64>) {
        match self {
            Self::Cholesky(factors) => factors.solve_mut(x),
            Self::Lu(factors) => drop(factors.solve_mut(x)),
        }
    }
}

/// Solves with the inertia that the integrator adds its damping to, and integrates derivatives.
#[derive(Debug)]
pub(super) struct Integrator {
    h: f64,
    damping: Damping,
    free_bodies: Vec<FreeBody>,
    /// MH - M, and a bound on the terms of MH (nv x nv).
    extra: DMatrix<f64>,
    terms: DMatrix<f64>,
    inverse: DMatrix<f64>,
    factors: Option<Factors>,
    /// Differences of (MH - M) a_n, where MH - M depends on the state; whether on controls too.
    varying: Option<(Nudger, Samples, bool)>,
    /// Entries (nv x nv) that the integrator adds to; None: to all.
    pattern: Option<Vec<bool>>,
    /// The step's acceleration, and how it differs from the solved one (nv).
    pub(super) a_n: DVector<f64>,
    gyroscopic: DVector<f64>,
    square: Vec<f64>,
    right: DMatrix<f64>,
    right_noise: DMatrix<f64>,
    sizes: DMatrix<f64>,
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
                .free_bodies_alone()
                .into_iter()
                .map(|body| FreeBody {
                    body,
                    dof: tree.groups[body][0].first,
                    inertia: Matrix6::zeros(),
                    inverse: Matrix6::zeros(),
                })
                .collect()
        } else {
            Vec::new()
        };
        let pattern = (damping == Damping::Symmetric).then(|| {
            let mut pattern = model.inertia_pattern();
            // Free bodies are solved by themselves, with all there is.
            for dof in free_bodies.iter().map(|body: &FreeBody| body.dof) {
                for row in dof..dof + 6 {
                    pattern[row * nv + dof..row * nv + dof + 6].fill(true);
                }
            }
            pattern
        });
        let (square, wide) = (|| DMatrix::zeros(nv, nv), || DMatrix::zeros(nv, model.ndx() + nu));
        let ndx = model.ndx();
        Self {
            h: model.timestep(),
            damping,
            free_bodies,
            extra: square(),
            terms: square(),
            inverse: square(),
            factors: None,
            pattern,
            varying: varying.map(|inner| (Nudger::new(model), Samples::new(nv), inner)),
            a_n: DVector::zeros(nv),
            gyroscopic: DVector::zeros(nv),
            square: vec![0.0; nv * nv],
            right: wide(),
            right_noise: wide(),
            sizes: wide(),
            bounds: [vec![0.0; ndx * ndx], vec![0.0; ndx * nu]],
        }
    }

    /// The largest bound on the errors of a column of A, or of B behind them.
    pub(super) fn largest_bound(&self, input: usize) -> f64 {
        let [a, b] = &self.bounds;
        let ndx = a.len().isqrt();
        let (bounds, columns, column) = if input < ndx { (a, ndx, input) } else { (b, b.len() / ndx, input - ndx) };
        bounds.iter().skip(column).step_by(columns).fold(0.0, |most, x| most.max(*x))
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
        self.extra.fill(0.0);
        if self.damping == Damping::Joints {
            for (i, d) in work.model().dof_damping().iter().enumerate() {
                self.extra[(i, i)] = h * d;
            }
        } else {
            let full = self.damping == Damping::Full;
            work.smooth_derivative(full, &mut self.square)?;
            keep(self.pattern.as_deref(), &mut self.square);
            for c in 0..nv {
                for r in 0..nv {
                    self.extra[(r, c)] = -h * damping_entry(&self.square, nv, full, r, c);
                }
            }
            for body in &self.free_bodies {
                self.extra.view_mut((body.dof, body.dof), (6, 6)).fill(0.0);
            }
        }
        let mut matrix = match self.factors.take() {
            Some(Factors::Cholesky(old)) => old.unpack_dirty(),
            _ => DMatrix::zeros(nv, nv),
        };
        matrix.copy_from(inertia);
        matrix += &self.extra;
        let Some(factors) = Factors::new(matrix, self.damping != Damping::Full) else { return Ok(false) };
        for i in 0..self.free_bodies.len() {
            let inertia_variation =
                gyroscopic(work, self.free_bodies[i].body, &velocity(work, self.free_bodies[i].dof));
            let body = &mut self.free_bodies[i];
            let d = body.dof;
            for r in 0..6 {
                for c in 0..6 {
                    self.extra[(d + r, d + c)] = h * (inertia_variation[(r, c)] - self.square[(d + r) * nv + d + c]);
                    body.inertia[(r, c)] = inertia[(d + r, d + c)] + self.extra[(d + r, d + c)];
                }
            }
            let Some(inverse) = body.inertia.try_inverse() else { return Ok(false) };
            body.inverse = inverse;
        }
        self.terms.copy_from(inertia);
        self.terms.zip_apply(&self.extra, |m, x| *m = m.abs() + x.abs());
        self.gyroscopic.gemv(1.0, &self.extra, a, 0.0);
        solve(&self.free_bodies, &factors, self.gyroscopic.as_mut_slice());
        self.a_n -= &self.gyroscopic;
        self.factors = Some(factors);
        Ok(true)
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
        let (nv, columns) = (da.nrows(), da.ncols());
        self.right.fill(0.0);
        self.right_noise.fill(0.0);
        // gyroscopic = a - a_n; the derivative of M (a_n - a) is subtracted.
        self.gyroscopic.neg_mut();
        field.set_accelerations(tree, work, self.gyroscopic.as_slice());
        field.by_position(tree, false, &mut self.right, &mut self.right_noise);
        for body in &self.free_bodies {
            body.by_state(work, self.h, &self.a_n, nv, &mut self.right);
        }
        self.right.gemm(-1.0, &self.extra, da, 1.0);
        if let Some((nudger, samples, inner)) = &mut self.varying {
            let (h, full, a_n, square) = (self.h, self.damping == Damping::Full, &self.a_n, &mut self.square);
            let pattern = self.pattern.as_deref();
            let free_bodies: Vec<usize> = self.free_bodies.iter().map(|a| a.dof).collect();
            let mut sample = |work: &mut Sim, to: &mut [f64]| {
                work.smooth_derivative(full, square)?;
                keep(pattern, square);
                for (r, to) in to.iter_mut().enumerate() {
                    let whole = full || free_bodies.iter().any(|d| (*d..*d + 6).contains(&r));
                    *to = (0..nv).map(|c| -h * damping_entry(square, nv, whole, r, c) * a_n[c]).sum();
                }
                Ok(())
            };
            let out = (&mut self.right, &mut self.right_noise);
            nudger.differentiate(work, *inner, samples, &mut sample, -1.0, out)?;
        }
        if bounds {
            self.inverse.fill_with_identity();
            factors.solve(&mut self.inverse.as_view_mut());
            self.inverse.apply(|x| *x = x.abs());
            for body in &self.free_bodies {
                let mut block = self.inverse.view_mut((body.dof, body.dof), (6, 6));
                block.copy_from(&body.inverse.abs());
            }
            let sizes = |m: &DMatrix<f64>, to: &mut DMatrix<f64>| {
                to.copy_from(m);
                to.apply(|x| *x = x.abs());
            };
            // Terms of the right side.
            sizes(da, &mut self.sizes);
            self.sizes *= 2.0 * ULP;
            self.sizes += &*noise;
            self.extra.apply(|x| *x = x.abs());
            self.right_noise.gemm(1.0, &self.extra, &self.sizes, 1.0);
        }
        for mut column in self.right.column_iter_mut() {
            solve(&self.free_bodies, factors, column.as_mut_slice());
        }
        *da += &self.right;
        if bounds {
            // Rounding of the solve itself, and of the sum.
            self.sizes.copy_from(&self.right);
            self.sizes.apply(|x| *x = x.abs());
            self.right_noise.gemm(2.0 * ULP, &self.terms, &self.sizes, 1.0);
            self.sizes.gemm(1.0, &self.inverse, &self.right_noise, 0.0);
            *noise += &self.sizes;
            for c in 0..columns {
                for r in 0..nv {
                    noise[(r, c)] += ULP * self.right[(r, c)].abs();
                }
            }
        }
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
            let [by_activation, by_control] = now.of_next;
            let (row, control) = (layout.activation(i), layout.control(activations.control(i)));
            put(row, row, by_activation, ULP * by_activation.abs());
            put(row, control, by_control, ULP * by_control.abs());
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

/// Leaves nothing but the entries of a pattern.
fn keep(pattern: Option<&[bool]>, square: &mut [f64]) {
    if let Some(pattern) = pattern {
        square.iter_mut().zip(pattern).filter(|(_, kept)| !**kept).for_each(|(x, _)| *x = 0.0);
    }
}

/// An entry of d smooth / d velocity (row-major), as the integrator takes it: implicitfast takes its lower triangle for
/// both.
fn damping_entry(square: &[f64], nv: usize, full: bool, r: usize, c: usize) -> f64 {
    if full || r >= c { square[r * nv + c] } else { square[c * nv + r] }
}

/// MH^-1 times a vector.
fn solve(free_bodies: &[FreeBody], factors: &Factors, x: &mut [f64]) {
    let n = x.len();
    let mut blocks = [Vector6::zeros(); 8];
    let (few, many) = free_bodies.split_at(free_bodies.len().min(8));
    for (block, body) in blocks.iter_mut().zip(few) {
        *block = body.inverse * Vector6::from_column_slice(&x[body.dof..body.dof + 6]);
    }
    let more: Vec<Vector6<f64>> =
        many.iter().map(|body| body.inverse * Vector6::from_column_slice(&x[body.dof..body.dof + 6])).collect();
    factors.solve(&mut DMatrixViewMut::from_slice(x, n, 1));
    for (body, block) in free_bodies.iter().zip(blocks.iter().take(few.len()).chain(&more)) {
        x[body.dof..body.dof + 6].copy_from_slice(block.as_slice());
    }
}

/// The angular velocity of a free body, in its own frame.
fn velocity(work: &Sim, dof: usize) -> Vec3 {
    std::array::from_fn(|i| work.qvel()[dof + 3 + i])
}

/// The parts of a free body's bias force that two of its angular velocities (in the world) make together: at its frame's
/// origin in the world, and about it in its own frame.
fn bias(work: &Sim, body: usize, x: Vec3, y: Vec3) -> (Vec3, Vec3) {
    let frame = &work.xmat().as_chunks::<9>().0[body];
    let arm = sub3(work.xipos().as_chunks::<3>().0[body], work.xpos().as_chunks::<3>().0[body]);
    // Alone, it is its tree's centre of mass that its inertia is about.
    let i = &work.cinert().as_chunks::<10>().0[body];
    let inertia = [i[0], i[3], i[4], i[3], i[1], i[5], i[4], i[5], i[2]];
    let turn = |w: Vec3, v: Vec3| cross(w, cross(v, arm));
    let force = scale3(add3(turn(x, y), turn(y, x)), i[9]);
    let torque = add3(cross(x, rotate(&inertia, y)), cross(y, rotate(&inertia, x)));
    (force, rotate_back(frame, add3(cross(arm, force), torque)))
}

/// d bias / d velocity of a free body at an angular velocity in its own frame.
fn gyroscopic(work: &Sim, body: usize, velocity: &Vec3) -> Matrix6<f64> {
    let frame = &work.xmat().as_chunks::<9>().0[body];
    let mut out = Matrix6::zeros();
    for c in 0..3 {
        let axis = rotate(frame, std::array::from_fn(|i| f64::from(u8::from(i == c))));
        let (force, torque) = bias(work, body, rotate(frame, *velocity), axis);
        for r in 0..3 {
            out[(r, 3 + c)] = force[r];
            out[(3 + r, 3 + c)] = torque[r];
        }
    }
    out
}

impl FreeBody {
    /// Subtracts d MH a_n from `out`: the gyroscopic part depends on velocity and orientation.
    fn by_state(&self, work: &Sim, h: f64, a_n: &DVector<f64>, nv: usize, out: &mut DMatrix<f64>) {
        let turn = std::array::from_fn(|i| a_n[self.dof + 3 + i]);
        let by_velocity = gyroscopic(work, self.body, &turn);
        let frame = &work.xmat().as_chunks::<9>().0[self.body];
        let velocity = rotate(frame, velocity(work, self.dof));
        let (force, _) = bias(work, self.body, velocity, rotate(frame, turn));
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
