//! The friction of an elliptic contact in one go, and its derivative.
//!
//! Of all forces x with sum of (x_i / mu_i)^2 <= r^2 (r the normal force) it is the one that minimises x' A x / 2 + x' b. With
//! y = x / mu, B = mu A mu and c = mu b MuJoCo looks for
//!
//! ```text
//! y = -(B + l)^-1 c,   l = 0 if |y| <= r, else |y| = r
//! ```
//!
//! by Newton's method on |y|^2 - r^2, from l = 0 on, until that is below 1e-10 or a step is, or after twenty steps; and puts y onto the
//! ellipse. As both are absolute, and forces may be small, the derivative is that of the steps it takes and not of their limit.

/// The most directions of a contact, and what its force depends on: A's lower triangle, b and r.
pub(super) const MOST: usize = 5;
pub(super) const PARAMETERS: usize = MOST * (MOST + 1) / 2 + MOST + 1;

/// MuJoCo's bounds: of what is no longer positive definite, of what has converged, and of its smallest number.
const SINGULAR: f64 = 1e-10;
const CONVERGED: f64 = 1e-10;
const LEAST: f64 = 1e-15;
const STEPS: usize = 20;

type Vector = [f64; MOST];
type Square = [[f64; MOST]; MOST];

/// A problem of n directions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ellipse {
    pub(super) n: usize,
    pub(super) a: Square,
    pub(super) b: Vector,
    pub(super) mu: Vector,
    pub(super) r: f64,
}

/// A step of Newton's method: y, the inverse of B + l, and what follows from these.
#[derive(Debug, Clone, Copy)]
struct Step {
    y: Vector,
    inverse: Square,
    /// The inverse times y.
    z: Vector,
    /// How far l moves, and the slope of |y|^2 - r^2 that says so; 0 of the last one.
    delta: f64,
    slope: f64,
}

/// The force, and its derivatives by the parameters.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    pub(super) x: Vector,
    pub(super) by: [[f64; PARAMETERS]; MOST],
    /// |y|^2 - r^2 at l = 0, where the force begins to slip, and its derivatives.
    pub(super) edge: f64,
    pub(super) edge_by: [f64; PARAMETERS],
    /// Where on its ellipse the force is (y / |y|), l, and the size of the inverse of B.
    pub(super) place: Vector,
    pub(super) l: f64,
    pub(super) soft: f64,
    /// Whether it is on the ellipse, and whether the derivative is that of the force.
    pub(super) slides: bool,
    pub(super) sure: bool,
}

/// Place of A's entry (i, j), of b's entry i and of r among the parameters.
pub(super) fn of_a(i: usize, j: usize) -> usize {
    let (i, j) = (i.max(j), i.min(j));
    i * (i + 1) / 2 + j
}
pub(super) fn of_b(i: usize) -> usize {
    MOST * (MOST + 1) / 2 + i
}
pub(super) const OF_R: usize = PARAMETERS - 1;

impl Ellipse {
    pub(super) fn solve(&self) -> Solution {
        let (steps, l, sure) = self.steps();
        let mut out = Solution {
            x: [0.0; MOST],
            by: [[0.0; PARAMETERS]; MOST],
            edge: f64::INFINITY,
            edge_by: [0.0; PARAMETERS],
            place: [0.0; MOST],
            l,
            soft: 0.0,
            slides: l != 0.0,
            sure,
        };
        let Some(last) = steps.last() else { return Solution { slides: false, ..out } };
        let slides = out.slides;
        let length = self.dot(&last.y, &last.y).max(LEAST).sqrt();
        let onto = if slides { self.r / length } else { 1.0 };
        out.x = std::array::from_fn(|i| self.mu[i] * onto * last.y[i]);
        out.edge = self.dot(&steps[0].y, &steps[0].y) - self.r * self.r;
        out.place = last.y.map(|y| y / length);
        out.soft = (0..self.n).map(|i| steps[0].inverse[i][i]).sum();
        out.sure &= !(slides && length * length <= 2.0 * LEAST);
        let mut nudge = |parameter: usize, db: Square, dc: Vector, dr: f64| {
            let (dy, d_edge) = self.tangent(&steps, &db, &dc, dr);
            out.edge_by[parameter] = d_edge;
            let d_onto = if slides { dr / length - onto * self.dot(&last.y, &dy) / (length * length) } else { 0.0 };
            for (i, by) in out.by.iter_mut().enumerate().take(self.n) {
                by[parameter] = self.mu[i] * (onto * dy[i] + d_onto * last.y[i]);
            }
        };
        for i in 0..self.n {
            for j in 0..=i {
                let mut db = [[0.0; MOST]; MOST];
                db[i][j] = self.mu[i] * self.mu[j];
                db[j][i] = db[i][j];
                nudge(of_a(i, j), db, [0.0; MOST], 0.0);
            }
            let mut dc = [0.0; MOST];
            dc[i] = self.mu[i];
            nudge(of_b(i), [[0.0; MOST]; MOST], dc, 0.0);
        }
        nudge(OF_R, [[0.0; MOST]; MOST], [0.0; MOST], 1.0);
        out
    }

    /// The steps that MuJoCo takes, none where it takes the force for zero; l, 0 where it is not put onto the ellipse; and whether
    /// rounding decides on nothing of that.
    fn steps(&self) -> (Vec<Step>, f64, bool) {
        let (mut steps, mut l, mut sure): (Vec<Step>, f64, bool) = (Vec::new(), 0.0, true);
        let apart = |x: f64, from: f64| (x - from).abs() > 1e-6 * from;
        for _ in 0..STEPS {
            let Some((inverse, margin)) = self.inverse(l) else { return (Vec::new(), 0.0, sure) };
            sure &= apart(margin, SINGULAR);
            let c: Vector = std::array::from_fn(|i| self.mu[i] * self.b[i]);
            let y = self.times(&inverse, &c).map(|x| -x);
            let z = self.times(&inverse, &y);
            let beyond = self.dot(&y, &y) - self.r * self.r;
            let slope = -2.0 * self.dot(&y, &z);
            let delta = -beyond / slope;
            let done = beyond < CONVERGED || delta < CONVERGED;
            // Of the first, that is the edge between sticking and slipping.
            sure &= steps.is_empty() || apart(beyond, CONVERGED) && apart(delta, CONVERGED);
            steps.push(Step { y, inverse, z, delta: if done { 0.0 } else { delta }, slope });
            if done {
                break;
            }
            l += delta;
        }
        (steps, l, sure)
    }

    /// How y changes with B, c and r, and |y|^2 - r^2 of the first step.
    fn tangent(&self, steps: &[Step], db: &Square, dc: &Vector, dr: f64) -> (Vector, f64) {
        let (mut dl, mut dy, mut edge) = (0.0, [0.0; MOST], 0.0);
        for (k, step) in steps.iter().enumerate() {
            let moved = self.times(db, &step.y);
            let right: Vector = std::array::from_fn(|i| dc[i] + moved[i] + dl * step.y[i]);
            dy = self.times(&step.inverse, &right).map(|x| -x);
            let beyond = 2.0 * self.dot(&step.y, &dy) - 2.0 * self.r * dr;
            if k == 0 {
                edge = beyond;
            }
            if step.delta != 0.0 {
                let bent = self.dot(&step.z, &self.times(db, &step.z)) + dl * self.dot(&step.z, &step.z);
                let d_slope = -2.0 * (2.0 * self.dot(&step.z, &dy) - bent);
                dl -= (beyond + step.delta * d_slope) / step.slope;
            }
        }
        (dy, edge)
    }

    /// The inverse of B + l, and what MuJoCo compares with its bound to see whether it is one: the determinant, or the least
    /// pivot of more than three directions. None where it is not.
    fn inverse(&self, l: f64) -> Option<(Square, f64)> {
        let n = self.n;
        let b = nalgebra::DMatrix::from_fn(n, n, |i, j| {
            self.a[i][j] * self.mu[i] * self.mu[j] + if i == j { l } else { 0.0 }
        });
        let margin = if n <= 3 {
            b.determinant()
        } else {
            let cholesky = nalgebra::Cholesky::new(b.clone())?;
            (0..n).map(|i| cholesky.l_dirty()[(i, i)].powi(2)).fold(f64::INFINITY, f64::min)
        };
        if margin < SINGULAR {
            return None;
        }
        let inverse = b.try_inverse()?;
        let mut out = [[0.0; MOST]; MOST];
        for i in 0..n {
            for j in 0..n {
                out[i][j] = inverse[(i, j)];
            }
        }
        Some((out, margin))
    }

    fn times(&self, m: &Square, x: &Vector) -> Vector {
        std::array::from_fn(|i| if i < self.n { (0..self.n).map(|j| m[i][j] * x[j]).sum() } else { 0.0 })
    }

    fn dot(&self, x: &Vector, y: &Vector) -> f64 {
        (0..self.n).map(|i| x[i] * y[i]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(n: usize, r: f64) -> Ellipse {
        let a = std::array::from_fn(|i| {
            std::array::from_fn(|j| if i == j { 3.0 + i as f64 } else { 0.7 / (1.0 + (i + j) as f64) })
        });
        Ellipse { n, a, b: [4.0, -2.0, 1.0, 0.5, -3.0], mu: [0.8, 0.6, 0.1, 0.05, 0.02], r }
    }

    /// The problem with one of its parameters nudged.
    fn nudged(mut of: Ellipse, parameter: usize, h: f64) -> Ellipse {
        for i in 0..of.n {
            for j in 0..=i {
                if of_a(i, j) == parameter {
                    of.a[i][j] += h;
                    of.a[j][i] = of.a[i][j];
                }
            }
            if of_b(i) == parameter {
                of.b[i] += h;
            }
        }
        if parameter == OF_R {
            of.r += h;
        }
        of
    }

    /// Sticking, sliding, and a normal force so small that MuJoCo's bound ends Newton's method long before it is done.
    #[test]
    fn the_force_and_its_derivatives() {
        for n in [2, 3, 5] {
            for (r, slides) in [(200.0, false), (0.9, true), (2e-4, true)] {
                let of = problem(n, r);
                let at = of.solve();
                assert!(at.sure && at.slides == slides, "{n} {r}");
                let length: f64 = (0..n).map(|i| (at.x[i] / of.mu[i]).powi(2)).sum::<f64>().sqrt();
                assert!(if slides { (length / r - 1.0).abs() < 1e-12 } else { length < r }, "{n} {r}: {length}");
                for parameter in 0..PARAMETERS {
                    let h = 1e-6 * r.min(1.0);
                    let [up, down] = [h, -h].map(|h| nudged(of, parameter, h).solve());
                    for i in 0..n {
                        let right = (up.x[i] - down.x[i]) / (2.0 * h);
                        assert!((at.by[i][parameter] - right).abs() < 1e-6, "{n} {r}, {i} by {parameter}: {right}");
                    }
                    let right = (up.edge - down.edge) / (2.0 * h);
                    assert!(
                        (at.edge_by[parameter] - right).abs() < 1e-3 * (1.0 + right.abs()),
                        "{n} {r} {parameter}: {} for {right}",
                        at.edge_by[parameter]
                    );
                }
            }
        }
    }
}
