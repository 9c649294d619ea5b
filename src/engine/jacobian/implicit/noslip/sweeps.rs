//! The sweeps themselves, with their derivatives.
//!
//! Rounding is followed as errors e of dx (n) by one input in the norm |e|^2 = e' A e, which is that of their accelerations W e in
//! the kinetic energy, so that da_m is off by at most the root of (M^-1)_mm times it. A visit takes an error that is the least in that
//! norm by the block's own directions, and none grows by it; only what is rounded there comes on top. Where a force gets held, or
//! slides on its ellipse, the error of the block before the visit, itself in the norm, comes on top as well. (Sums of absolute values,
//! which know nothing of this, grow by a factor with every sweep.)

use nalgebra::{DMatrix, DVector};

use super::super::blocks::Factors;
use super::super::motion::ULP;
use super::coupling::Coupling;
use super::directions::{Block, Friction, Hold};
use super::ellipse::{Ellipse, MOST, OF_R, PARAMETERS, Solution, of_a, of_b};
use super::{Edges, Slope};
use crate::physics::Sets;

/// Of a direction that nothing moves along MuJoCo takes this for A_gg, 1/kg or 1/(kg m^2); what is near to it is left to whole steps.
const RIGID: f64 = 1e-10;
const STIFF: f64 = 4e-9;

/// What MuJoCo takes for no normal force.
const LEAST: f64 = 1e-15;

/// What is so many times farther from its bound than a nudge takes it is far from it, however the rate may change from sweep to sweep.
const MARGIN: f64 = 16.0;

/// A visit that raises the cost by more is undone.
const RISE: f64 = 1e-10;

/// The changes x of the forces, and how they change.
pub(super) struct Sweeps<'a> {
    friction: &'a Friction,
    coupling: &'a Coupling,
    x: Vec<f64>,
    /// Without bounds on errors.
    change: Vec<Slope>,
    errors: Errors,
    /// By direction, how fast its force without a bound comes to that by any input at most, at the last visit.
    rates: Vec<f64>,
    inputs: usize,
}

/// Bounds on the errors of dx, by input.
struct Errors {
    /// By direction, the group of those that act on each other that it is of.
    group: Vec<usize>,
    /// By group, of all of its directions, in the norm above.
    all: Vec<Vec<f64>>,
    /// By block's first direction, of the block alone, and how it was left.
    own: Vec<Vec<f64>>,
    left: Vec<Left>,
}

/// How a visit leaves a block.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Left {
    /// At the force that nothing slips at.
    Free,
    /// At a bound, the lower or the upper one, or at no force.
    Held(i8),
    /// On its ellipse.
    Sliding,
}

impl Errors {
    fn new(coupling: &Coupling, n: usize, inputs: usize) -> Self {
        let mut sets = Sets::new(n);
        for g in 0..n {
            (0..g).filter(|h| coupling.a(g, *h).1 != 0.0).for_each(|h| sets.join(g, h));
        }
        let zeros = || vec![vec![0.0; inputs]; n];
        let group = (0..n).map(|g| sets.root(g)).collect();
        Self { group, all: zeros(), own: zeros(), left: vec![Left::Free; n] }
    }

    /// Takes the visit of a block, and what is rounded there (in the norm).
    fn visit(&mut self, first: usize, left: Left, rounded: &[f64]) {
        let before = std::mem::replace(&mut self.left[first], left);
        if left == before && matches!(left, Left::Held(_)) {
            return;
        }
        let (all, own) = (&mut self.all[self.group[first]], &mut self.own[first]);
        for ((all, own), rounded) in all.iter_mut().zip(own).zip(rounded) {
            let both = *all + *own + rounded;
            (*all, *own) = match left {
                Left::Free => (*all + rounded, both),
                Left::Held(_) => (both, *rounded),
                Left::Sliding => (both, both),
            };
        }
    }
}

/// What a block is visited with: the residuals s without its own changes, and how they change.
struct Visit {
    residual: Vec<f64>,
    change: Vec<Slope>,
}

impl<'a> Sweeps<'a> {
    pub(super) fn new(friction: &'a Friction, coupling: &'a Coupling, inputs: usize) -> Self {
        let n = friction.directions.len();
        let errors = Errors::new(coupling, n, inputs);
        let change = vec![Slope::zero(inputs); n];
        Self { friction, coupling, x: vec![0.0; n], change, errors, rates: vec![0.0; n], inputs }
    }

    /// Solves for the directions of a block. Whether that is sure.
    pub(super) fn visit(&mut self, block: &Block, edges: &mut Edges<'_>) -> bool {
        let own = block.first..block.first + block.n;
        let is_free = |g: usize| self.friction.directions[g].jacobian.iter().any(|x| *x != 0.0);
        if !own.clone().any(is_free) {
            return true;
        }
        if matches!(&block.hold, Hold::Bound { bound, .. } if self.stays_held(block, *bound, edges.reach)) {
            return true;
        }
        let visit = self.look(block);
        let (x, mut change, left, undoes, mut sure) = match &block.hold {
            Hold::Bound { bound, change, undone } => {
                let (x, slope, left) = self.held(block.first, &visit, (*bound, change), edges);
                (vec![x], vec![slope], left, *undone, true)
            }
            Hold::Ellipse { normal, change, friction } if *normal >= LEAST => {
                let (x, slopes, left, sure) = self.within(block, &visit, (*normal, change, friction), edges);
                (x, slopes, left, true, sure)
            }
            Hold::Ellipse { .. } => {
                let none = own.clone().map(|g| -self.friction.directions[g].force).collect();
                let slopes = own.clone().map(|g| self.friction.directions[g].force_change.scaled(-1.0)).collect();
                (none, slopes, Left::Held(0), true, true)
            }
        };
        sure &= own.clone().all(|g| !is_free(g) || self.coupling.a(g, g).0 >= STIFF);
        if !undoes || self.rise(block, &visit, &x) <= RISE {
            let mut rounded = vec![0.0; self.inputs];
            for (g, slope) in own.clone().zip(&mut change) {
                let size = self.coupling.a(g, g).0.max(0.0).sqrt();
                rounded.iter_mut().zip(&mut slope.error).for_each(|(sum, error)| *sum += size * std::mem::take(error));
            }
            self.errors.visit(block.first, left, &rounded);
            self.x[own.clone()].copy_from_slice(&x);
            self.change[own].clone_from_slice(&change);
        }
        sure
    }

    /// Whether a direction that is held is so once more, by the same bound and far beyond it: then nothing of it changes.
    fn stays_held(&self, block: &Block, bound: f64, reach: f64) -> bool {
        let (g, Left::Held(side)) = (block.first, self.errors.left[block.first]) else { return false };
        let direction = &self.friction.directions[g];
        let others = (0..self.x.len()).filter(|h| *h != g);
        let residual = others.fold(direction.residual, |sum, h| sum + self.coupling.a(g, h).0 * self.x[h]);
        let force = direction.force - residual / self.coupling.a(g, g).0;
        f64::from(side) * force - bound > MARGIN * reach * self.rates[g]
    }

    /// The residuals of a block without its own changes.
    fn look(&self, block: &Block) -> Visit {
        let own = block.first..block.first + block.n;
        let mut out = Visit { residual: Vec::with_capacity(block.n), change: Vec::with_capacity(block.n) };
        for g in own.clone() {
            let direction = &self.friction.directions[g];
            let (mut residual, mut change) = (direction.residual, direction.residual_change.clone());
            for h in (0..self.x.len()).filter(|h| !own.contains(h)) {
                let (a, error) = self.coupling.a(g, h);
                if a == 0.0 && error == 0.0 {
                    continue;
                }
                residual += a * self.x[h];
                change.add(a, error, &self.change[h]);
                self.turn((g, h), self.x[h], &mut change);
            }
            out.residual.push(residual);
            out.change.push(change);
        }
        out
    }

    /// Adds dA_gh x.
    fn turn(&self, (g, h): (usize, usize), x: f64, to: &mut Slope) {
        if x == 0.0 {
            return;
        }
        for (k, (by, error)) in self.coupling.change(g, h).iter().enumerate() {
            to.x[k] += by * x;
            to.error[k] += (error + 2.0 * ULP * by.abs()) * x.abs();
        }
    }

    /// The direction's change within a bound to both sides.
    fn held(
        &mut self,
        g: usize,
        visit: &Visit,
        (bound, by): (f64, &Slope),
        edges: &mut Edges<'_>,
    ) -> (f64, Slope, Left) {
        let direction = &self.friction.directions[g];
        let (a, error) = self.coupling.a(g, g);
        let x = -visit.residual[0] / a;
        let mut right = visit.change[0].clone();
        self.turn((g, g), x, &mut right);
        let mut free = Slope::zero(self.inputs);
        free.add(-1.0 / a, error / (a * a), &right);
        let force = direction.force + x;
        let mut fastest = 0.0_f64;
        for side in [-1.0, 1.0] {
            let rates = (0..self.inputs).map(|c| direction.force_change.x[c] + free.x[c] - side * by.x[c]);
            let rates = rates.inspect(|rate| fastest = fastest.max(rate.abs()));
            edges.mark(force - side * bound, rates);
        }
        self.rates[g] = fastest;
        let side = if force < -bound {
            -1.0
        } else if force > bound {
            1.0
        } else {
            return (x, free, Left::Free);
        };
        let mut held = direction.force_change.scaled(-1.0);
        held.add(side, 0.0, by);
        (side * bound - direction.force, held, Left::Held(side as i8))
    }

    /// The changes of a contact's directions within its ellipse.
    fn within(
        &self,
        block: &Block,
        visit: &Visit,
        (normal, by, friction): (f64, &Slope, &[f64; 5]),
        edges: &mut Edges<'_>,
    ) -> (Vec<f64>, Vec<Slope>, Left, bool) {
        let (first, n) = (block.first, block.n);
        let directions = &self.friction.directions[first..first + n];
        let mut problem = Ellipse { n, a: [[0.0; MOST]; MOST], b: [0.0; MOST], mu: *friction, r: normal };
        // b = s - A f*, so that x is the whole force.
        let mut b_change = visit.change.clone();
        for (i, b_change) in b_change.iter_mut().enumerate() {
            problem.b[i] = visit.residual[i];
            for (j, direction) in directions.iter().enumerate() {
                let (a, error) = self.coupling.a(first + i, first + j);
                problem.a[i][j] = if i == j { a.max(RIGID) } else { a };
                problem.b[i] -= problem.a[i][j] * direction.force;
                b_change.add(-a, error, &direction.force_change);
                self.turn((first + i, first + j), -direction.force, b_change);
            }
        }
        let solution = problem.solve();
        let parameters = |c: usize| {
            let mut all: Vec<(usize, f64, f64)> = Vec::with_capacity(PARAMETERS);
            for (i, b_change) in b_change.iter().enumerate() {
                all.push((of_b(i), b_change.x[c], b_change.error[c]));
                for j in 0..=i {
                    if let Some((x, error)) = self.coupling.change(first + i, first + j).get(c) {
                        all.push((of_a(i, j), *x, *error));
                    }
                }
            }
            all.push((OF_R, by.x[c], by.error[c]));
            all
        };
        let all: Vec<_> = (0..self.inputs).map(parameters).collect();
        let rates = all.iter().map(|list| list.iter().map(|(p, x, _)| solution.edge_by[*p] * x).sum::<f64>());
        edges.mark(solution.edge, rates);
        let slopes = directions.iter().enumerate().map(|(i, direction)| {
            let mut slope = direction.force_change.scaled(-1.0);
            for (c, list) in all.iter().enumerate() {
                for (p, x, error) in list {
                    let rate = solution.by[i][*p];
                    slope.x[c] += rate * x;
                    slope.error[c] += rate.abs() * (error + 32.0 * ULP * x.abs());
                }
            }
            slope
        });
        let slopes = slopes.collect();
        let Solution { x, slides, sure, .. } = solution;
        let left = if slides { Left::Sliding } else { Left::Free };
        (directions.iter().zip(x).map(|(direction, x)| x - direction.force).collect(), slopes, left, sure)
    }

    /// By how much the cost rises when a block takes these changes.
    fn rise(&self, block: &Block, visit: &Visit, x: &[f64]) -> f64 {
        let own = |i: usize| block.first + i;
        let step: Vec<f64> = (0..block.n).map(|i| x[i] - self.x[own(i)]).collect();
        let along = |i: usize| -> f64 {
            // The mean of the residual with the block's own changes along the step.
            let terms = (0..block.n).map(|j| self.coupling.a(own(i), own(j)).0 * (self.x[own(j)] + 0.5 * step[j]));
            visit.residual[i] + terms.sum::<f64>()
        };
        (0..block.n).map(|i| step[i] * along(i)).sum()
    }

    /// By how much the accelerations change (nv).
    pub(super) fn moved(&self) -> DVector<f64> {
        let nv = self.coupling.w.first().map_or(0, Vec::len);
        let mut out = DVector::zeros(nv);
        for (w, x) in self.coupling.w.iter().zip(&self.x) {
            out.iter_mut().zip(w).for_each(|(out, w)| *out += w * x);
        }
        out
    }

    /// Adds sum of r' dx + dr' x, with bounds on the errors of the latter.
    pub(super) fn pull(&self, out: &mut DMatrix<f64>, noise: &mut DMatrix<f64>) {
        for ((direction, x), change) in self.friction.directions.iter().zip(&self.x).zip(&self.change) {
            for (dof, by) in direction.jacobian.iter().enumerate().filter(|(_, by)| **by != 0.0) {
                for (c, dx) in change.x.iter().enumerate() {
                    out[(dof, c)] += by * dx;
                    noise[(dof, c)] += 2.0 * ULP * (by * dx).abs();
                }
            }
            for bend in &direction.bends {
                out[bend.at] += x * bend.x;
                noise[bend.at] += x.abs() * (bend.error + 2.0 * ULP * bend.x.abs());
            }
        }
    }

    /// Adds bounds on what errors of dx make of da, with the factors of M.
    pub(super) fn spread(&self, factors: &Factors, noise: &mut DMatrix<f64>) {
        for dof in 0..noise.nrows() {
            let moving = |g: &usize| self.coupling.w[*g][dof] != 0.0;
            let mut groups: Vec<usize> = (0..self.x.len()).filter(moving).map(|g| self.errors.group[g]).collect();
            groups.sort_unstable();
            groups.dedup();
            if groups.is_empty() {
                continue;
            }
            let mut column = vec![0.0; noise.nrows()];
            column[dof] = 1.0;
            factors.solve(&mut column);
            let root = column[dof].max(0.0).sqrt();
            for group in groups {
                for (c, error) in self.errors.all[group].iter().enumerate() {
                    noise[(dof, c)] += root * error;
                }
            }
        }
    }
}
