//! The sweeps themselves, with their derivatives.
//!
//! Rounding is followed as errors e of dx (n) by one input in the norm |e|^2 = e' A e, which is that of their accelerations W e in
//! the kinetic energy, so that da_m is off by at most the root of (M^-1)_mm times it. A visit takes an error that is the least in that
//! norm by the block's own directions, and none grows by it; only what is rounded there comes on top. Where a force gets held, or
//! slides on its ellipse, the error of the block before the visit, itself in the norm, comes on top as well: by how much errors
//! grow by that at most is kept beside the sweeps, and what a visit rounds at most is found behind them. (Sums of absolute values, which know
//! nothing of this, grow by a factor with every sweep.)

use nalgebra::{DMatrix, DVector};

use super::super::blocks::Factors;
use super::super::motion::ULP;
use super::coupling::Coupling;
use super::directions::{Block, Direction, Friction, Hold};
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

/// How a visit leaves a block.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Left {
    /// At the force that nothing slips at.
    Free,
    /// At a bound, the lower or the upper one, or at no force.
    Held(i8),
    /// On its ellipse, at this place (y / |y|), with this l.
    Sliding { at: [f64; MOST], l: f64 },
}

/// By how much errors grow in the sweeps at most, if they were 1 at their beginning.
struct Growth {
    /// By direction, the group of those that act on each other that it is of.
    group: Vec<usize>,
    /// By group, of all of its directions.
    all: Vec<f64>,
    /// By block's first direction, of the block alone, and how it was left.
    own: Vec<f64>,
    left: Vec<Left>,
}

impl Growth {
    fn new(coupling: &Coupling, n: usize) -> Self {
        let mut sets = Sets::new(n);
        for g in 0..n {
            (0..g).filter(|h| coupling.acts(g, *h)).for_each(|h| sets.join(g, h));
        }
        let group = (0..n).map(|g| sets.root(g)).collect();
        Self { group, all: vec![1.0; n], own: vec![1.0; n], left: vec![Left::Free; n] }
    }

    /// Takes the visit of a block. `soft` is |(B^-1)| of one that slides.
    fn visit(&mut self, first: usize, left: Left, soft: f64) {
        let before = std::mem::replace(&mut self.left[first], left);
        let (all, own) = (&mut self.all[self.group[first]], &mut self.own[first]);
        let both = *all + *own;
        (*all, *own) = match (before, left) {
            (Left::Held(before), Left::Held(now)) if before == now => return,
            (_, Left::Free) => (*all, both),
            (_, Left::Held(_)) => (both, 0.0),
            // In the norm with the curvature l of the ellipse on top it is the least error along the ellipse once more.
            (Left::Sliding { at: y, l: before }, Left::Sliding { at, l }) => {
                let turned = y.iter().zip(at).map(|(y, x)| (y - x).powi(2)).sum::<f64>().sqrt();
                ((l / before).max(1.0).sqrt() * *all + turned * *own, both)
            }
            (_, Left::Sliding { l, .. }) => {
                let both = *all + (1.0 + l * soft).sqrt() * *own;
                (both, both)
            }
        };
    }
}

/// The changes x of the forces, and how they change.
pub(super) struct Sweeps<'a> {
    friction: &'a Friction,
    coupling: &'a Coupling,
    x: Vec<f64>,
    /// By direction, dx (ndx + nu).
    change: Vec<Vec<f64>>,
    growth: Growth,
    /// The largest |x| and |dx| of all visits, and by direction of a block on its ellipse, the largest derivatives by its parameters.
    most: (Vec<f64>, Vec<Vec<f64>>),
    steepest: Vec<[f64; PARAMETERS]>,
    /// The most visits of a block.
    visits: usize,
    /// By direction, how fast its force without a bound comes to that by any input at most, at the last visit.
    rates: Vec<f64>,
    inputs: usize,
}

/// What a block is visited with: the residuals s without its own changes, and how they change.
struct Visit {
    residual: Vec<f64>,
    change: Vec<Vec<f64>>,
}

/// What a visit comes to.
struct Outcome {
    x: Vec<f64>,
    change: Vec<Vec<f64>>,
    left: Left,
    soft: f64,
    sure: bool,
}

impl<'a> Sweeps<'a> {
    pub(super) fn new(friction: &'a Friction, coupling: &'a Coupling, inputs: usize) -> Self {
        let n = friction.directions.len();
        let zeros = || vec![vec![0.0; inputs]; n];
        Self {
            friction,
            coupling,
            x: vec![0.0; n],
            change: zeros(),
            growth: Growth::new(coupling, n),
            most: (vec![0.0; n], zeros()),
            steepest: vec![[0.0; PARAMETERS]; n],
            visits: 0,
            rates: vec![0.0; n],
            inputs,
        }
    }

    /// Goes over all blocks once. Whether that is sure.
    pub(super) fn sweep(&mut self, edges: &mut Edges<'_>) -> bool {
        self.visits += 1;
        let unsure = self.friction.blocks.iter().filter(|block| !self.visit(block, edges)).count();
        unsure == 0
    }

    /// Solves for the directions of a block. Whether that is sure.
    fn visit(&mut self, block: &Block, edges: &mut Edges<'_>) -> bool {
        let own = block.first..block.first + block.n;
        let is_free = |direction: &Direction| direction.jacobian.iter().any(|x| *x != 0.0);
        let directions = &self.friction.directions[own.clone()];
        if !directions.iter().any(is_free) {
            return true;
        }
        if matches!(&block.hold, Hold::Bound { bound, .. } if self.stays_held(block, *bound, edges.reach)) {
            return true;
        }
        let visit = self.look(block);
        let (outcome, undoes) = match &block.hold {
            Hold::Bound { bound, change, undone } => (self.held(block.first, &visit, (*bound, change), edges), *undone),
            Hold::Ellipse { normal, change, friction } if *normal >= LEAST => {
                (self.within(block, &visit, (*normal, change, friction), edges), true)
            }
            Hold::Ellipse { .. } => {
                let x = directions.iter().map(|direction| -direction.force).collect();
                let change = directions.iter().map(|d| d.force_change.x.iter().map(|x| -x).collect()).collect();
                (Outcome { x, change, left: Left::Held(0), soft: 0.0, sure: true }, true)
            }
        };
        let stiff = own.clone().zip(directions).any(|(g, d)| is_free(d) && self.coupling.a(g, g).0 < STIFF);
        // MuJoCo has no solution within an ellipse where nothing moves along one of its directions, as in a plane: a threshold decides.
        let flat = matches!(block.hold, Hold::Ellipse { .. }) && !directions.iter().all(is_free);
        let Outcome { x, change, left, soft, sure } = outcome;
        if !undoes || self.rise(block, &visit, &x) <= RISE {
            self.growth.visit(block.first, left, soft);
            for ((g, x), change) in own.zip(x).zip(change) {
                self.x[g] = x;
                self.most.0[g] = self.most.0[g].max(x.abs());
                self.most.1[g].iter_mut().zip(&change).for_each(|(most, x)| *most = most.max(x.abs()));
                self.change[g] = change;
            }
        }
        sure && !stiff && !flat
    }

    /// Whether a direction that is held is so once more, by the same bound and far beyond it: then nothing of it changes.
    fn stays_held(&self, block: &Block, bound: f64, reach: f64) -> bool {
        let (g, Left::Held(side)) = (block.first, self.growth.left[block.first]) else { return false };
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
            let (mut residual, mut change) = (direction.residual, direction.residual_change.x.clone());
            for h in (0..self.x.len()).filter(|h| !own.contains(h) && self.coupling.acts(g, *h)) {
                let (a, _) = self.coupling.a(g, h);
                residual += a * self.x[h];
                change.iter_mut().zip(&self.change[h]).for_each(|(sum, x)| *sum += a * x);
                self.turn((g, h), self.x[h], &mut change);
            }
            out.residual.push(residual);
            out.change.push(change);
        }
        out
    }

    /// Adds dA_gh x.
    fn turn(&self, (g, h): (usize, usize), x: f64, to: &mut [f64]) {
        if x != 0.0 {
            to.iter_mut().zip(self.coupling.change(g, h)).for_each(|(sum, (by, _))| *sum += by * x);
        }
    }

    /// The direction's change within a bound to both sides.
    fn held(&mut self, g: usize, visit: &Visit, (bound, by): (f64, &Slope), edges: &mut Edges<'_>) -> Outcome {
        let direction = &self.friction.directions[g];
        let (a, _) = self.coupling.a(g, g);
        let x = -visit.residual[0] / a;
        let mut free = visit.change[0].clone();
        self.turn((g, g), x, &mut free);
        free.iter_mut().for_each(|x| *x /= -a);
        let force = direction.force + x;
        let mut fastest = 0.0_f64;
        for side in [-1.0, 1.0] {
            let rates = (0..self.inputs).map(|c| direction.force_change.x[c] + free[c] - side * by.x[c]);
            let rates = rates.inspect(|rate| fastest = fastest.max(rate.abs()));
            edges.mark(force - side * bound, rates);
        }
        self.rates[g] = fastest;
        let outcome = |x, change, left| Outcome { x: vec![x], change: vec![change], left, soft: 0.0, sure: true };
        let side = if force < -bound {
            -1.0
        } else if force > bound {
            1.0
        } else {
            return outcome(x, free, Left::Free);
        };
        let held = by.x.iter().zip(&direction.force_change.x).map(|(by, own)| side * by - own).collect();
        outcome(side * bound - direction.force, held, Left::Held(side as i8))
    }

    /// The changes of a contact's directions within its ellipse.
    fn within(
        &mut self,
        block: &Block,
        visit: &Visit,
        (normal, by_normal, friction): (f64, &Slope, &[f64; 5]),
        edges: &mut Edges<'_>,
    ) -> Outcome {
        let (first, n) = (block.first, block.n);
        let directions = &self.friction.directions[first..first + n];
        let mut problem = Ellipse { n, a: [[0.0; MOST]; MOST], b: [0.0; MOST], mu: *friction, r: normal };
        // b = s - A f*, so that x is the whole force.
        let mut b_change = visit.change.clone();
        for (i, b_change) in b_change.iter_mut().enumerate() {
            problem.b[i] = visit.residual[i];
            for (j, direction) in directions.iter().enumerate() {
                let (a, _) = self.coupling.a(first + i, first + j);
                problem.a[i][j] = if i == j { a.max(RIGID) } else { a };
                problem.b[i] -= problem.a[i][j] * direction.force;
                b_change.iter_mut().zip(&direction.force_change.x).for_each(|(sum, x)| *sum -= a * x);
                self.turn((first + i, first + j), -direction.force, b_change);
            }
        }
        let solution = problem.solve();
        let sum = |by: &[f64; PARAMETERS], c: usize| {
            let mut sum = by[OF_R] * by_normal.x[c];
            for (i, b_change) in b_change.iter().enumerate() {
                sum += by[of_b(i)] * b_change[c];
                for j in 0..=i {
                    if let Some((x, _)) = self.coupling.change(first + i, first + j).get(c) {
                        sum += by[of_a(i, j)] * x;
                    }
                }
            }
            sum
        };
        edges.mark(solution.edge, (0..self.inputs).map(|c| sum(&solution.edge_by, c)));
        let changes = directions.iter().enumerate().map(|(i, direction)| {
            (0..self.inputs).map(|c| sum(&solution.by[i], c) - direction.force_change.x[c]).collect()
        });
        let change = changes.collect();
        let x = directions.iter().zip(solution.x).map(|(direction, x)| x - direction.force).collect();
        for (most, by) in self.steepest[first..first + n].iter_mut().zip(&solution.by) {
            most.iter_mut().zip(by).for_each(|(most, x)| *most = most.max(x.abs()));
        }
        let Solution { place, l, soft, slides, sure, .. } = solution;
        let left = if slides { Left::Sliding { at: place, l } } else { Left::Free };
        Outcome { x, change, left, soft, sure }
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
                for (c, dx) in change.iter().enumerate() {
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
        let rounded = self.rounded();
        for dof in 0..noise.nrows() {
            let moving = |g: &usize| self.coupling.w[*g][dof] != 0.0;
            let mut groups: Vec<usize> = (0..self.x.len()).filter(moving).map(|g| self.growth.group[g]).collect();
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
                let grown = root * self.growth.all[group] * self.visits as f64;
                for (c, error) in rounded[group].iter().enumerate() {
                    noise[(dof, c)] += grown * error;
                }
            }
        }
    }

    /// By group, a bound on what the visits of all its blocks in one sweep round, in the norm (ndx + nu).
    fn rounded(&self) -> Vec<Vec<f64>> {
        let mut out = vec![vec![0.0; self.inputs]; self.x.len()];
        for block in &self.friction.blocks {
            let own = block.first..block.first + block.n;
            // Of the right sides b = s - A f*, and their sizes.
            let right: Vec<(Vec<f64>, Vec<f64>)> = own.clone().map(|g| self.right_side(g, &own)).collect();
            for (i, g) in own.clone().enumerate() {
                let (a, a_error) = self.coupling.a(g, g);
                let (direction, to) = (&self.friction.directions[g], &mut out[self.growth.group[g]]);
                let norm = a.max(0.0).sqrt();
                for (c, to) in to.iter_mut().enumerate() {
                    let held = direction.force_change.error[c] + 4.0 * ULP * direction.force_change.x[c].abs();
                    let visit = match &block.hold {
                        Hold::Bound { change, .. } => {
                            let free = right[i].0[c] / a + (a_error / a + 4.0 * ULP) * self.most.1[g][c];
                            free + change.error[c] + 4.0 * ULP * change.x[c].abs()
                        }
                        Hold::Ellipse { change, .. } => {
                            let by = &self.steepest[g];
                            let mut sum = by[OF_R] * (change.error[c] + 32.0 * ULP * change.x[c].abs());
                            for (j, (error, size)) in right.iter().enumerate() {
                                sum += by[of_b(j)] * (error[c] + 32.0 * ULP * size[c]);
                                for k in 0..=j {
                                    let change = self.coupling.change(block.first + j, block.first + k).get(c);
                                    let (x, error) = change.copied().unwrap_or_default();
                                    sum += by[of_a(j, k)] * (error + 32.0 * ULP * x.abs());
                                }
                            }
                            sum
                        }
                    };
                    *to += norm * (held + visit);
                }
            }
        }
        out
    }

    /// Bounds on the errors of the right side of a direction's visit, and on its terms, by input; `own` are those of its block.
    fn right_side(&self, g: usize, own: &std::ops::Range<usize>) -> (Vec<f64>, Vec<f64>) {
        let direction = &self.friction.directions[g];
        let mut errors = direction.residual_change.error.clone();
        let mut sizes: Vec<f64> = direction.residual_change.x.iter().map(|x| x.abs()).collect();
        for h in (0..self.x.len()).filter(|h| self.coupling.acts(g, *h)) {
            let (a, error) = self.coupling.a(g, h);
            let other = &self.friction.directions[h];
            let inner = own.contains(&h);
            for c in 0..self.inputs {
                let (start, start_error) =
                    if inner { (other.force_change.x[c].abs(), other.force_change.error[c]) } else { (0.0, 0.0) };
                let most = self.most.1[h][c] + start;
                errors[c] += error * most + a.abs() * start_error;
                sizes[c] += a.abs() * most;
            }
            let most = self.most.0[h] + if inner { other.force.abs() } else { 0.0 };
            for (c, (by, error)) in self.coupling.change(g, h).iter().enumerate() {
                errors[c] += error * most;
                sizes[c] += by.abs() * most;
            }
        }
        let rounding = 2.0 * ULP * (2.0 + self.x.len() as f64).sqrt();
        errors.iter_mut().zip(&sizes).for_each(|(error, size)| *error += rounding * size);
        (errors, sizes)
    }
}
