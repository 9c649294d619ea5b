//! How far measurements are off by themselves, from the log.
//!
//! White noise of standard deviation s on every sample gives third differences of s sqrt(1 + 9 + 9 + 1), and motion of even
//! acceleration gives none. So s is 1.4826 times the median of |x_{k-1} - 3 x_k + 3 x_{k+1} - x_{k+2}|, over sqrt(20), over the
//! samples where the joint is slowest (a quarter of all).
//!
//! A coarse encoder at rest gives 0 there. It is known by values that come again, which numbers that are not rounded do not: where
//! a tenth of all values do, s is at least that of rounding to the smallest gap between two different values of the whole column,
//! gap / sqrt(12). Always s is at least that of the digits that numbers of the stored type have.

/// Of a normal distribution: its standard deviation by the median of its absolute values.
const MAD: f64 = 1.482_602_218_505_602;

/// The slowest of this share of the samples count as at rest.
const SLOW: f64 = 0.25;

/// An estimate from fewer samples would be none.
const FEWEST: usize = 20;

/// Where that share of the values has been there before, they are rounded.
const AGAIN: f64 = 0.1;

/// The noise of a quantity whose steps between samples are `steps` by episode, at speeds |v| of the samples between the first and
/// the last (one fewer than steps), and no less than `rounding`. NaN where there are too few samples, or it never moves.
pub(super) fn of_steps(steps: &[Vec<f64>], speeds: &[Vec<f64>], rounding: f64) -> f64 {
    let mut thirds: Vec<(f64, f64)> = Vec::new();
    for (steps, speeds) in steps.iter().zip(speeds) {
        let fastest = speeds.windows(2).map(|v| v[0].abs().max(v[1].abs()));
        thirds.extend(fastest.zip(steps.windows(3).map(|s| (s[0] - 2.0 * s[1] + s[2]).abs())));
    }
    if thirds.len() < FEWEST || steps.iter().flatten().all(|x| *x == 0.0) {
        return f64::NAN;
    }
    thirds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let quarter = ((thirds.len() as f64 * SLOW).ceil() as usize).max(FEWEST).min(thirds.len());
    // All that are as slow, so that none is chosen by how far it is off.
    let quarter = thirds.partition_point(|(speed, _)| *speed <= thirds[quarter - 1].0);
    let mut slow: Vec<f64> = thirds[..quarter].iter().map(|(_, d)| *d).collect();
    (MAD * median(&mut slow) / 20_f64.sqrt()).max(rounding)
}

/// The standard deviation of what rounding has done to the values of a column, in its unit.
pub(super) fn of_rounding(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let largest = values.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let single = values.iter().all(|x| f64::from(*x as f32) == *x);
    let digit = largest * if single { f64::from(f32::EPSILON) } else { f64::EPSILON };
    // What is two digits apart may be one value that was computed in two ways.
    let gaps = values.windows(2).map(|p| p[1] - p[0]);
    let (mut again, mut smallest) = (0_usize, f64::INFINITY);
    for gap in gaps {
        if gap <= 2.0 * digit {
            again += 1;
        } else {
            smallest = smallest.min(gap);
        }
    }
    let rounded = again as f64 >= AGAIN * values.len() as f64 && smallest.is_finite();
    (if rounded { smallest } else { digit }) / 12_f64.sqrt()
}

/// The median; of an even number of values the lower one of the two in the middle. NaN of none.
pub(super) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of a normal distribution, by twelve uniform ones of a linear congruential generator.
    fn normal(n: usize) -> Vec<f64> {
        let mut state = 1_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    #[test]
    fn the_noise_of_a_joint_is_found_beside_its_motion() {
        let noise = normal(20_000);
        let motion = |k: usize| libm::sin(0.002 * k as f64);
        let x: Vec<f64> = noise.iter().enumerate().map(|(k, e)| 10.0 * motion(k) + 0.01 * e).collect();
        let steps: Vec<f64> = x.windows(2).map(|p| p[1] - p[0]).collect();
        let speeds: Vec<f64> = (1..x.len() - 1).map(|k| libm::cos(0.002 * k as f64)).collect();
        let found = of_steps(&[steps], &[speeds], of_rounding(x));
        assert!((found / 0.01 - 1.0).abs() < 0.05, "{found}");
    }

    #[test]
    fn an_encoder_at_rest_has_the_noise_of_its_rounding() {
        let x: Vec<f64> = (0..100).map(|k| if k < 80 { 0.0 } else { 0.5 * (k - 79) as f64 }).collect();
        let steps: Vec<f64> = x.windows(2).map(|p| p[1] - p[0]).collect();
        let speeds = steps[1..].to_vec();
        assert_eq!(of_steps(&[steps], &[speeds], of_rounding(x)), 0.5 / 12_f64.sqrt());
        assert!(of_steps(&[vec![0.1; 5]], &[vec![0.0; 4]], 0.0).is_nan());
        assert!(of_steps(&[vec![0.0; 50]], &[vec![0.0; 49]], 0.0).is_nan());
    }

    #[test]
    fn a_joint_that_drifts_or_gathers_speed_has_its_noise_and_not_its_speed() {
        let noise = normal(300);
        for (speed, acceleration) in [(0.2, 0.0), (2.0, 0.0), (2.0, 10.0)] {
            let at = |k: usize| 0.01 * k as f64;
            let x: Vec<f64> = noise
                .iter()
                .enumerate()
                .map(|(k, e)| speed * at(k) + 0.5 * acceleration * at(k) * at(k) + 1e-6 * e)
                .collect();
            let steps: Vec<f64> = x.windows(2).map(|p| p[1] - p[0]).collect();
            let speeds = (1..x.len() - 1).map(|k| speed + acceleration * at(k)).collect();
            let found = of_steps(&[steps], &[speeds], of_rounding(x));
            assert!((0.6e-6..1.7e-6).contains(&found), "{speed}, {acceleration}: {found}");
        }
    }

    #[test]
    fn values_that_come_again_are_rounded_ones() {
        // In single precision, a step that its digits do not hold.
        let x: Vec<f64> = (0..200).map(|k| f64::from((k % 40) as f32 * 0.048_828_125 + 0.1_f32)).collect();
        assert!((of_rounding(x) * 12_f64.sqrt() / 0.048_828_125 - 1.0).abs() < 1e-4);
    }
}
