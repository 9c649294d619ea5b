//! The linear-quadratic problem along a plan, from its end to its start.

use nalgebra::{DMatrix, DVector};

use super::box_qp;
use super::slopes::Slopes;

/// A change of every control of a plan, and its feedback on the state. Controls are in half ranges.
#[derive(Debug)]
pub(super) struct Gains {
    /// Change of a whole step (nu each).
    pub(super) change: Vec<DVector<f64>>,
    /// d control / d state (nu x ndx each).
    pub(super) feedback: Vec<DMatrix<f64>>,
    space: Space,
}

/// Buffers: the value of a state, and products.
#[derive(Debug)]
struct Space {
    gradient: DVector<f64>,
    curvature: DMatrix<f64>,
    /// V A and V B.
    by_state: DMatrix<f64>,
    by_control: DMatrix<f64>,
    /// Second derivatives by control, control and state; by state.
    uu: DMatrix<f64>,
    ux: DMatrix<f64>,
    xx: DMatrix<f64>,
}

impl Gains {
    pub(super) fn new(horizon: usize, n: usize, nu: usize) -> Self {
        let z = DMatrix::zeros;
        Self {
            change: vec![DVector::zeros(nu); horizon],
            feedback: vec![z(nu, n); horizon],
            space: Space {
                gradient: DVector::zeros(n),
                curvature: z(n, n),
                by_state: z(n, n),
                by_control: z(n, nu),
                uu: z(nu, nu),
                ux: z(nu, n),
                xx: z(n, n),
            },
        }
    }

    /// Solves for the change of `plan` (horizon x nu) that loses least, within [-1, 1], with `damping` on every control;
    /// false where that has no minimum.
    pub(super) fn solve(&mut self, slopes: &Slopes, plan: &[f64], effort: f64, damping: f64) -> bool {
        let Self { change, feedback, space: s } = self;
        s.gradient.fill(0.0);
        s.curvature.fill(0.0);
        for (k, slope) in slopes.all.iter().enumerate().rev() {
            let nu = slope.b.ncols();
            let u = DVector::from_column_slice(&plan[k * nu..(k + 1) * nu]);
            s.gradient += &slope.state.0;
            s.curvature += &slope.state.1;
            s.by_state.gemm(1.0, &s.curvature, &slope.a, 0.0);
            s.by_control.gemm(1.0, &s.curvature, &slope.b, 0.0);
            let by_u = slope.b.tr_mul(&s.gradient) + &slope.control.0 + 2.0 * effort * &u;
            let by_x = slope.a.tr_mul(&s.gradient);
            s.uu.gemm_tr(1.0, &slope.b, &s.by_control, 0.0);
            s.uu += &slope.control.1;
            s.ux.gemm_tr(1.0, &slope.b, &s.by_state, 0.0);
            s.xx.gemm_tr(1.0, &slope.a, &s.by_state, 0.0);
            let mut damped = s.uu.clone();
            for i in 0..nu {
                s.uu[(i, i)] += 2.0 * effort;
                damped[(i, i)] += 2.0 * effort + damping;
            }
            let (low, high) = (u.map(|x| -1.0 - x), u.map(|x| 1.0 - x));
            let mut step = change.get(k + 1).cloned().unwrap_or_else(|| DVector::zeros(nu));
            let Some((free, factor)) = box_qp::minimise(&damped, &by_u, [&low, &high], &mut step) else { return false };
            let gain = &mut feedback[k];
            gain.fill(0.0);
            if let Some(factor) = factor {
                let solved = factor.solve(&s.ux.select_rows(&free));
                for (i, row) in free.iter().enumerate() {
                    gain.set_row(*row, &(-solved.row(i)));
                }
            }
            // V' = Qx + K' Quu k + K' Qu + Qux' k,  V'' = Qxx + K' Quu K + K' Qux + Qux' K.
            let turned = &s.uu * &step + &by_u;
            s.gradient.copy_from(&by_x);
            s.gradient.gemv_tr(1.0, gain, &turned, 1.0);
            s.gradient.gemv_tr(1.0, &s.ux, &step, 1.0);
            let mut both = s.ux.clone();
            both.gemm(1.0, &s.uu, gain, 1.0);
            s.curvature.copy_from(&s.xx);
            s.curvature.gemm_tr(1.0, gain, &both, 1.0);
            s.curvature.gemm_tr(1.0, &s.ux, gain, 1.0);
            // Rounding must not add up to a skew part.
            let n = s.curvature.nrows();
            for i in 0..n {
                for j in 0..i {
                    let mean = 0.5 * (s.curvature[(i, j)] + s.curvature[(j, i)]);
                    s.curvature[(i, j)] = mean;
                    s.curvature[(j, i)] = mean;
                }
            }
            change[k] = step;
        }
        s.gradient.iter().all(|x| x.is_finite())
    }
}
