//! A quadratic function within bounds.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// Most steps, and most halvings of one.
const STEPS: usize = 50;
const HALVINGS: usize = 30;
/// A gradient this small, in parts of the largest one, is none.
const NOTHING: f64 = 1e-12;
/// The share of the predicted fall that a step has to make.
const ARMIJO: f64 = 0.1;

/// The free entries at a minimum, with the factor of their part of H; None where all are at a bound.
pub(super) type Free = (Vec<usize>, Option<Cholesky<f64, Dyn>>);

/// Minimises x' H x / 2 + g' x within `[low, high]`, from the point in `x`, by projected Newton steps (Tassa, Mansard
/// and Todorov 2014, section III.C; Bertsekas 1982). None where H is not positive definite along what is free.
pub(super) fn minimise(
    h: &DMatrix<f64>,
    g: &DVector<f64>,
    [low, high]: [&DVector<f64>; 2],
    x: &mut DVector<f64>,
) -> Option<Free> {
    let n = g.len();
    let clamp = |x: &mut DVector<f64>| {
        for i in 0..n {
            x[i] = x[i].max(low[i]).min(high[i]);
        }
    };
    let value = |x: &DVector<f64>| 0.5 * x.dot(&(h * x)) + g.dot(x);
    clamp(x);
    let mut free: Free = (Vec::new(), None);
    for step in 0..STEPS {
        let slope = g + h * &*x;
        let loose: Vec<usize> = (0..n)
            .filter(|i| !((x[*i] <= low[*i] && slope[*i] > 0.0) || (x[*i] >= high[*i] && slope[*i] < 0.0)))
            .collect();
        if step == 0 || loose != free.0 {
            let part = DMatrix::from_fn(loose.len(), loose.len(), |i, j| h[(loose[i], loose[j])]);
            let factor = if loose.is_empty() { None } else { Some(Cholesky::new(part)?) };
            free = (loose, factor);
        }
        let Some(factor) = &free.1 else { break };
        let part = DVector::from_fn(free.0.len(), |i, _| slope[free.0[i]]);
        if part.amax() <= NOTHING * (1.0 + g.amax()) {
            break;
        }
        let newton = factor.solve(&part);
        let was = value(x);
        let mut share = 1.0;
        let mut moved = false;
        for _ in 0..HALVINGS {
            let mut next = x.clone();
            for (i, at) in free.0.iter().enumerate() {
                next[*at] -= share * newton[i];
            }
            clamp(&mut next);
            let predicted = slope.dot(&(&*x - &next));
            if predicted > 0.0 && was - value(&next) >= ARMIJO * predicted {
                *x = next;
                moved = true;
                break;
            }
            share *= 0.5;
        }
        if !moved {
            break;
        }
    }
    Some(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    #[test]
    fn the_minimum_is_where_the_conditions_hold() {
        let mut stream = Stream::new(3, "box", 0);
        let (mut at_bounds, mut inside) = (0, 0);
        for n in 1..7 {
            for _ in 0..50 {
                let root = DMatrix::from_fn(n, n, |_, _| stream.normal());
                let h = &root * root.transpose() + DMatrix::identity(n, n) * 0.05;
                let g = DVector::from_fn(n, |_, _| 3.0 * stream.normal());
                let low = DVector::from_fn(n, |_, _| -stream.uniform());
                let high = DVector::from_fn(n, |_, _| stream.uniform());
                let mut x = DVector::zeros(n);
                let (free, _) = minimise(&h, &g, [&low, &high], &mut x).unwrap();
                let slope = &g + &h * &x;
                for i in 0..n {
                    if free.contains(&i) {
                        assert!(slope[i].abs() < 1e-8, "{n}: {}", slope[i]);
                        inside += 1;
                    } else {
                        assert!((x[i] == low[i] && slope[i] > 0.0) || (x[i] == high[i] && slope[i] < 0.0));
                        at_bounds += 1;
                    }
                    assert!((low[i]..=high[i]).contains(&x[i]));
                }
            }
        }
        assert!(at_bounds > 100 && inside > 100, "{at_bounds} {inside}");
    }

    #[test]
    fn what_has_no_minimum_is_refused() {
        let (low, high) = (DVector::from_element(1, -1.0), DVector::from_element(1, 1.0));
        let h = DMatrix::from_element(1, 1, -1.0);
        assert!(minimise(&h, &DVector::zeros(1), [&low, &high], &mut DVector::zeros(1)).is_none());
    }
}
