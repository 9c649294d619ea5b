//! A limit from values at shrinking nudges.

/// Columns of the tableau: how many orders of the nudge are taken off at most. Each one more adds rounding.
const ORDERS: usize = 6;

/// The order after which only rounding is left at the finest nudges, and how many rows of it tell how much.
const FREE: usize = 1;
const TELLING: usize = 3;

/// What a wider nudge says of rounding is about the same up to this factor; where powers of the nudge are left, it says 8
/// times as much or more.
const ALIKE: f64 = 6.0;

/// The finest values, which the limit must not contradict.
const FINEST: usize = 4;

/// What a finer nudge says is seen beyond so many times what rounding makes of it.
const SEEN: f64 = 2.0;

/// How values depend on their nudges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Series {
    /// How many times the next nudge each nudge is.
    pub(super) spacing: f64,
    /// 2 where the values depend on even powers of the nudge, 1 where on all.
    pub(super) order: i32,
}

/// A limit, and how far off it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    pub(super) value: f64,
    /// Infinite where there is none.
    pub(super) error: f64,
}

/// The limit of `values` at nudges h, h/s, h/s^2, ... for h to 0, after Neville, as Ridders, "Accurate computation of
/// F'(x) and F'(x) F''(x)" (Advances in Engineering Software 4, 1982) uses it: of all extrapolations in the tableau the
/// one that agrees best with its neighbours, with that disagreement as its error.
///
/// `series` says what the nudges are and which powers of them the values depend on. `grain` is what rounding of the
/// function's result alone makes at the finest nudge.
///
/// Neighbours in a large tableau agree by accident too, so an error is never less than what rounding makes at its
/// nudge: the grain, or more, which is measured. And wide nudges can agree with each other on something else than the limit,
/// when they all cross a switch. So each is held against the finest values: it lies among them, by what they scatter, or its
/// error is its distance. So it is against every finer one of its order, as far as rounding lets that see.
pub(super) fn extrapolate(values: &[f64], series: Series, grain: f64) -> Limit {
    if !values.is_empty() && values.iter().all(|v| *v == 0.0) {
        return Limit { value: 0.0, error: 0.0 };
    }
    let n = values.len();
    let finest = Finest::of(values);
    let mut best = Limit { value: values.last().copied().unwrap_or(0.0), error: f64::INFINITY };
    let rows = tableau(values, series.spacing.powi(series.order));
    let wider = |row: usize| series.spacing.powi((n - 1 - row) as i32);
    if values.iter().rev().take(FINEST).any(|v| !v.is_finite()) {
        return best;
    }
    // Rounding, as it is at the finest nudge. Wider nudges tell of it too, as long as they tell of about the same: what the
    // series leaves grows by more from each nudge to the next wider one.
    let mut rounding = grain;
    for i in (FREE + 1..n).rev() {
        let apart = (rows[i][FREE] - rows[i - 1][FREE]).abs() * wider(i);
        if n - i > TELLING && apart > ALIKE * rounding {
            break;
        }
        rounding = rounding.max(apart);
    }
    for i in 2..n {
        // One difference alone may vanish by accident; two need a second row.
        for j in 0..=(i - 2).min(ORDERS) {
            let (row, before) = (&rows[i], &rows[i - 1]);
            let step = match j {
                0 => (before[0] - rows[i - 2][0]).abs(),
                _ => (row[j] - row[j - 1]).abs().max((row[j] - before[j - 1]).abs()),
            };
            let mut apart = (row[j] - before[j]).abs().max(step).max(rounding / wider(i));
            if finest.contradict(row[j]) {
                apart = apart.max((row[j] - finest.middle).abs());
            }
            if apart >= best.error {
                continue;
            }
            for (k, finer) in rows.iter().enumerate().skip(i + 1) {
                let off = (finer[j] - row[j]).abs();
                if off > SEEN * rounding / wider(k) {
                    apart = apart.max(off);
                }
            }
            let error = apart + f64::EPSILON * row[j].abs();
            if error < best.error {
                best = Limit { value: row[j], error };
            }
        }
    }
    best
}

/// Where the finest values lie.
struct Finest {
    middle: f64,
    scatter: f64,
}

impl Finest {
    fn of(values: &[f64]) -> Self {
        let finest = &values[values.len().saturating_sub(FINEST)..];
        let (low, high) = finest.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        Self { middle: 0.5 * (low + high), scatter: high - low }
    }

    fn contradict(&self, limit: f64) -> bool {
        (limit - self.middle).abs() > 4.0 * self.scatter
    }
}

/// Row i holds the extrapolations that end with value i, order by order.
fn tableau(values: &[f64], ratio: f64) -> Vec<[f64; ORDERS + 1]> {
    let mut rows: Vec<[f64; ORDERS + 1]> = Vec::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        let mut row = [*value; ORDERS + 1];
        let mut factor = 1.0;
        for j in 1..=i.min(ORDERS) {
            factor *= ratio;
            row[j] = row[j - 1] + (row[j - 1] - rows[i - 1][j - 1]) / (factor - 1.0);
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jacobian::draws::Draws;

    const EVEN: Series = Series { spacing: 2.0, order: 2 };

    fn central(f: impl Fn(f64) -> f64) -> Vec<f64> {
        (10..=24).map(|k| 0.5f64.powi(k)).map(|h| (f(h) - f(-h)) / (2.0 * h)).collect()
    }

    #[test]
    fn smooth_functions_come_out_to_ten_digits_with_an_honest_error() {
        for (f, derivative) in [
            ((|x| (1.0 + x).exp()) as fn(f64) -> f64, std::f64::consts::E),
            (|x| (0.3 + x).sin() * (1.0 + x).powi(7), 0.3f64.cos() + 7.0 * 0.3f64.sin()),
            // A length of a millimetre, as of a contact's impedance.
            (|x| (1e3 * x).sin(), 1e3),
            (
                |x| 1.0 / (1.0 + (500.0 * (x - 0.001)).exp()),
                -500.0 * 0.5f64.exp().recip() / (1.0 + 0.5f64.exp().recip()).powi(2),
            ),
        ] {
            let limit = extrapolate(&central(f), EVEN, 0.0);
            let off = (limit.value - derivative).abs();
            assert!(
                off <= 10.0 * limit.error && limit.error < 1e-10 * derivative.abs().max(1.0),
                "{limit:?} {derivative} off {off:e}"
            );
        }
    }

    #[test]
    fn a_straight_line_is_exact() {
        assert_eq!(extrapolate(&central(|x| 3.0 * x), EVEN, 0.0).value, 3.0);
        let zero = extrapolate(&central(|_| 0.7), EVEN, 0.0);
        assert_eq!((zero.value, zero.error), (0.0, 0.0));
    }

    /// Rounding of the function's value, amplified a thousand times: the error is seldom beyond three times its
    /// estimate.
    #[test]
    fn noise_is_seen() {
        let (mut beyond, n) = (0, 2000);
        for k in 0..n {
            let mut draws = Draws::new(k);
            let values: Vec<f64> = (10..=24)
                .map(|k| 0.5f64.powi(k))
                .map(|h| ((0.5 + h).sin() - (0.5 - h).sin() + 1e-13 * draws.normal()) / (2.0 * h))
                .collect();
            let limit = extrapolate(&values, EVEN, 0.0);
            beyond += usize::from((limit.value - 0.5f64.cos()).abs() > 3.0 * limit.error);
        }
        assert!(beyond < n as usize / 100, "{beyond} of {n}");
    }

    #[test]
    fn wide_nudges_across_a_switch_do_not_outvote_the_fine_ones() {
        // Nudges above 1e-6 see nearly 0, those below exactly -1.
        let limit = extrapolate(&central(|x: f64| (x - 1e-6).abs()), EVEN, 0.0);
        assert!((limit.value + 1.0).abs() <= 1e-8, "{limit:?}");
        // Only the last two nudges are below: no verdict.
        let limit = extrapolate(&central(|x: f64| (x - 1.5e-7).abs()), EVEN, 0.0);
        assert!(limit.error > 1e-4, "{limit:?}");
    }

    /// A second line begins at 3e-6, and rounding hides the first one from the finest nudges: of it no more is claimed than
    /// what the nudges between the two see.
    #[test]
    fn a_switch_near_what_rounding_hides_is_an_error() {
        let (mut beyond, n) = (0, 500);
        for k in 0..n {
            let mut draws = Draws::new(1000 + k);
            let mut f = |x: f64| -1.5 * x - (x + 3e-6).min(0.0) + 1e-12 * draws.normal();
            let central: Vec<f64> = (10..=24).map(|k| 0.5f64.powi(k)).map(|h| (f(h) - f(-h)) / (2.0 * h)).collect();
            let limit = extrapolate(&central, EVEN, 0.0);
            beyond += usize::from((limit.value + 1.5).abs() > 3.0 * limit.error);
        }
        assert!(beyond < n as usize / 50, "{beyond} of {n}");
    }

    #[test]
    fn numbers_that_are_none_have_no_limit() {
        assert_eq!(extrapolate(&[1.0, 1.0, 1.0, 1.0, f64::NAN], EVEN, 0.0).error, f64::INFINITY);
        assert_eq!(extrapolate(&[], EVEN, 0.0).error, f64::INFINITY);
    }
}
