//! How directions of friction act on each other: A = r M^-1 r', and how it changes with the positions.

use nalgebra::DMatrix;

use super::super::blocks::Factors;
use super::super::motion::{Motion, ULP};
use super::Scene;
use super::directions::Direction;

/// Between all pairs of n directions.
#[derive(Debug)]
pub(super) struct Coupling {
    n: usize,
    nv: usize,
    /// W_g = M^-1 r_g', by direction (nv).
    pub(super) w: Vec<Vec<f64>>,
    /// A with bounds on its errors (n x n), and its derivatives by position likewise (n x n x nv).
    a: Vec<(f64, f64)>,
    change: Vec<(f64, f64)>,
    /// Whether A_gh or its derivative is anything (n x n).
    acts: Vec<bool>,
}

impl Coupling {
    pub(super) fn of(scene: &Scene<'_>, directions: &[Direction], factors: &Factors, field: &mut Motion) -> Self {
        let (n, nv) = (directions.len(), scene.tree.nv());
        let w: Vec<Vec<f64>> = directions
            .iter()
            .map(|direction| {
                let mut w = direction.jacobian.clone();
                factors.solve(&mut w);
                w
            })
            .collect();
        let moves: Vec<Vec<usize>> = w.iter().map(|w| (0..nv).filter(|dof| w[*dof] != 0.0).collect()).collect();
        let mut out =
            Self { n, nv, w, a: vec![(0.0, 0.0); n * n], change: vec![(0.0, 0.0); n * n * nv], acts: Vec::new() };
        let (mut turned, mut noise) = (DMatrix::zeros(nv, nv), DMatrix::zeros(nv, nv));
        for h in 0..n {
            turned.fill(0.0);
            noise.fill(0.0);
            field.set_accelerations(scene.tree, scene.sim, &out.w[h]);
            field.by_position(scene.tree, false, &mut turned, &mut noise);
            let turns: Vec<bool> =
                (0..nv).map(|dof| turned.row(dof).iter().chain(noise.row(dof).iter()).any(|x| *x != 0.0)).collect();
            for g in 0..=h {
                let (x, size) = moves[h].iter().fold((0.0, 0.0), |(x, size), dof| {
                    let term = directions[g].jacobian[*dof] * out.w[h][*dof];
                    (x + term, size + term.abs())
                });
                let entry = (x, 16.0 * ULP * size);
                (out.a[g * n + h], out.a[h * n + g]) = (entry, entry);
                // Where A_gh is 0 at this state its derivative need not be.
                let turned_dofs: Vec<usize> = moves[g].iter().copied().filter(|dof| turns[*dof]).collect();
                for k in (0..nv).filter(|_| !turned_dofs.is_empty()) {
                    let (mut x, mut error) = (0.0, 0.0);
                    for dof in &turned_dofs {
                        let term = out.w[g][*dof] * turned[(*dof, k)];
                        x += term;
                        error += 4.0 * ULP * term.abs() + out.w[g][*dof].abs() * noise[(*dof, k)];
                    }
                    out.put(g, h, k, (x, error));
                }
                for (bending, other) in [(g, h), (h, g)] {
                    for bend in &directions[bending].bends {
                        let w = out.w[other][bend.at.0];
                        out.put(g, h, bend.at.1, (bend.x * w, (bend.error + 4.0 * ULP * bend.x.abs()) * w.abs()));
                    }
                }
            }
        }
        let any = |(x, error): &(f64, f64)| *x != 0.0 || *error != 0.0;
        out.acts = (0..n * n).map(|at| any(&out.a[at]) || out.change(at / n, at % n).iter().any(any)).collect();
        out
    }

    /// Whether two directions act on each other, at this state or beside it.
    pub(super) fn acts(&self, g: usize, h: usize) -> bool {
        self.acts[g * self.n + h]
    }

    /// Adds to the derivative of A_gh by position `k`.
    fn put(&mut self, g: usize, h: usize, k: usize, (x, error): (f64, f64)) {
        let (n, nv) = (self.n, self.nv);
        for at in [(g * n + h) * nv + k, (h * n + g) * nv + k] {
            self.change[at].0 += x;
            self.change[at].1 += error;
            if g == h {
                break;
            }
        }
    }

    /// A_gh, with a bound on its error.
    pub(super) fn a(&self, g: usize, h: usize) -> (f64, f64) {
        self.a[g * self.n + h]
    }

    /// Its derivatives by the positions (nv).
    pub(super) fn change(&self, g: usize, h: usize) -> &[(f64, f64)] {
        let first = (g * self.n + h) * self.nv;
        &self.change[first..first + self.nv]
    }
}
