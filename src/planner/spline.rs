//! Controls between the points of a plan.

use crate::policy::Spline;

/// Points of a spline, `width` numbers each, at the actions 0, spacing, 2 spacing, ...
#[derive(Debug, Clone, Copy)]
pub(super) struct Curve {
    pub(super) spline: Spline,
    pub(super) spacing: usize,
    pub(super) width: usize,
}

impl Curve {
    /// How many points reach `horizon` actions ahead from anywhere before the second point.
    pub(super) fn points(&self, horizon: usize) -> usize {
        (horizon + self.spacing - 1).div_ceil(self.spacing) + usize::from(self.spline != Spline::Zero)
    }

    /// Writes the values at action `at` into `out` (width). Beyond the last point its values hold.
    pub(super) fn write(&self, points: &[f64], at: usize, out: &mut [f64]) {
        let (n, w) = (points.len() / self.width, self.width);
        let share = (at % self.spacing) as f64 / self.spacing as f64;
        let here = (at / self.spacing).min(n - 1);
        let next = (here + 1).min(n - 1);
        for (i, out) in out.iter_mut().enumerate() {
            let (here, next) = (points[here * w + i], points[next * w + i]);
            *out = match self.spline {
                Spline::Zero => here,
                Spline::Linear => here + share * (next - here),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(spline: Spline, points: &[f64]) -> Vec<f64> {
        let curve = Curve { spline, spacing: 4, width: 1 };
        let mut out = [0.0];
        (0..13)
            .map(|at| {
                curve.write(points, at, &mut out);
                out[0]
            })
            .collect()
    }

    #[test]
    fn every_spline_goes_through_its_points() {
        let points = [0.0, 1.0, -1.0, 2.0];
        for spline in [Spline::Zero, Spline::Linear] {
            let found = values(spline, &points);
            assert_eq!([found[0], found[4], found[8], found[12]], points, "{spline:?}");
        }
        assert_eq!(values(Spline::Zero, &points)[7], 1.0);
        assert_eq!(values(Spline::Linear, &points)[6], 0.0);
    }

    #[test]
    fn points_reach_the_horizon_from_every_phase() {
        for spline in [Spline::Zero, Spline::Linear] {
            for (horizon, spacing) in [(1, 1), (5, 1), (5, 4), (8, 4), (9, 4), (3, 7)] {
                let curve = Curve { spline, spacing, width: 1 };
                let last = horizon - 1 + spacing - 1;
                let needed = last / spacing + 1 + usize::from(spline != Spline::Zero);
                assert!(curve.points(horizon) >= needed, "{spline:?} {horizon} {spacing}");
            }
        }
    }
}
