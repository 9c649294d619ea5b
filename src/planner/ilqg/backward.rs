//! The linear-quadratic problem along a plan, from its end to its start.

use nalgebra::{DMatrix, DVector};

use super::box_qp;
use super::slopes::Slope;

/// A change of every control of a plan, and its feedback on the state. Controls are in half ranges.
#[derive(Debug)]
pub(super) struct Gains {
    /// Change of a whole step (nu each).
    pub(super) change: Vec<DVector<f64>>,
    /// d control / d state (nu x ndx each).
    pub(super) feedback: Vec<DMatrix<f64>>,
    space: Workspace,
}

/// Buffers: the value of a state, and products.
#[derive(Debug)]
struct Workspace {
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
            space: Workspace {
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
    pub(super) fn solve(&mut self, slopes: &[Slope], plan: &[f64], effort: f64, damping: f64) -> bool {
        let Self { change, feedback, space: s } = self;
        s.gradient.fill(0.0);
        s.curvature.fill(0.0);
        for (k, slope) in slopes.iter().enumerate().rev() {
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

#[cfg(test)]
mod tests {
    use super::*;

    const HORIZON: usize = 30;

    /// A point on a line that is pushed: position and velocity, a cost on both, steps of 0.1 s.
    fn slopes(at: &[DVector<f64>]) -> Vec<Slope> {
        let weight = DMatrix::from_row_slice(2, 2, &[2.0, 0.3, 0.3, 0.5]);
        let slope = |x: &DVector<f64>| Slope {
            a: DMatrix::from_row_slice(2, 2, &[1.0, 0.1, 0.0, 1.0]),
            b: DMatrix::from_row_slice(2, 1, &[0.005, 0.1]),
            state: (&weight * x, weight.clone()),
            control: (DVector::zeros(1), DMatrix::zeros(1, 1)),
        };
        at.iter().map(slope).collect()
    }

    /// The states that a plan leads to, and what it costs.
    fn roll(plan: &[f64], effort: f64) -> (Vec<DVector<f64>>, f64) {
        let one = &slopes(&[DVector::zeros(2)])[0];
        let mut x = DVector::from_column_slice(&[1.0, -0.5]);
        let mut states = Vec::new();
        let mut cost = 0.0;
        for u in plan {
            x = &one.a * &x + &one.b * *u;
            cost += 0.5 * x.dot(&(&one.state.1 * &x)) + effort * u * u;
            states.push(x.clone());
        }
        (states, cost)
    }

    /// The plan after so many whole steps with feedback, from no plan at all.
    fn planned(effort: f64, steps: usize) -> Vec<f64> {
        let mut plan = vec![0.0; HORIZON];
        let mut gains = Gains::new(HORIZON, 2, 1);
        for _ in 0..steps {
            let (before, _) = roll(&plan, effort);
            assert!(gains.solve(&slopes(&before), &plan, effort, 0.0));
            for k in 0..HORIZON {
                // The state before action k, now and then; both begin at the same.
                let apart = match k {
                    0 => DVector::zeros(2),
                    k => &roll(&plan[..k], effort).0[k - 1] - &before[k - 1],
                };
                plan[k] = (plan[k] + gains.change[k][0] + (&gains.feedback[k] * apart)[0]).clamp(-1.0, 1.0);
            }
        }
        plan
    }

    /// Change of the cost with every control.
    fn gradient(plan: &[f64], effort: f64) -> Vec<f64> {
        let at = |k: usize, by: f64| {
            let mut plan = plan.to_vec();
            plan[k] += by;
            roll(&plan, effort).1
        };
        (0..HORIZON).map(|k| (at(k, 1e-4) - at(k, -1e-4)) / 2e-4).collect()
    }

    #[test]
    fn one_step_solves_a_linear_quadratic_problem() {
        let effort = 1.0;
        let plan = planned(effort, 1);
        assert!(plan.iter().all(|u| u.abs() < 1.0) && plan[0].abs() > 0.1, "{plan:?}");
        let slope = gradient(&plan, effort);
        assert!(slope.iter().all(|g| g.abs() < 1e-8), "{slope:?}");
    }

    #[test]
    fn cheap_controls_stop_at_their_limits() {
        let effort = 0.01;
        let (plan, idle) = (planned(effort, 20), roll(&[0.0; HORIZON], effort).1);
        let held = plan.iter().filter(|u| u.abs() == 1.0).count();
        assert!((1..HORIZON).contains(&held), "{plan:?}");
        assert!(roll(&plan, effort).1 < 0.95 * idle, "{} of {idle}", roll(&plan, effort).1);
        // What is held would go further if it could, and what is not does not want to go anywhere.
        for (u, slope) in plan.iter().zip(gradient(&plan, effort)) {
            assert!(if u.abs() == 1.0 { u * slope < 1e-8 } else { slope.abs() < 1e-8 }, "{u}: {slope}");
        }
    }
}
