//! How far measurements are off by themselves, from the log.
//!
//! White noise of standard deviation s on every sample gives second differences of s sqrt(6). So s is 1.4826 times the median of
//! |x_{k-1} - 2 x_k + x_{k+1}|, over sqrt(6), over the samples where the joint is slowest (a quarter of all, where its own
//! acceleration counts least). A coarse encoder at rest gives 0 there: s is at least that of rounding to the smallest step that
//! is seen, step / sqrt(12).

/// Of a normal distribution: its standard deviation by the median of its absolute values.
const MAD: f64 = 1.482_602_218_505_602;

/// The slowest of this share of the samples count as at rest.
const SLOW: f64 = 0.25;

/// An estimate from fewer samples would be none.
const FEWEST: usize = 20;

/// The noise of a quantity whose steps between samples are `steps` by episode, at speeds |v| of the sample between two steps
/// (one fewer than steps). NaN where there are too few samples, or it never moves.
pub(super) fn of_steps(steps: &[Vec<f64>], speeds: &[Vec<f64>]) -> f64 {
    let mut seconds: Vec<(f64, f64)> = Vec::new();
    for (steps, speeds) in steps.iter().zip(speeds) {
        seconds.extend(steps.windows(2).zip(speeds).map(|(pair, speed)| (speed.abs(), (pair[1] - pair[0]).abs())));
    }
    if seconds.len() < FEWEST {
        return f64::NAN;
    }
    seconds.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let quarter = ((seconds.len() as f64 * SLOW).ceil() as usize).max(FEWEST).min(seconds.len());
    let mut slow: Vec<f64> = seconds[..quarter].iter().map(|(_, d)| *d).collect();
    let smallest = steps.iter().flatten().map(|x| x.abs()).filter(|x| *x > 0.0).fold(f64::INFINITY, f64::min);
    if !smallest.is_finite() {
        return f64::NAN;
    }
    let rounding = smallest / 12_f64.sqrt();
    (MAD * median(&mut slow) / 6_f64.sqrt()).max(rounding)
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
        let found = of_steps(&[steps], &[speeds]);
        assert!((found / 0.01 - 1.0).abs() < 0.05, "{found}");
    }

    #[test]
    fn an_encoder_at_rest_has_the_noise_of_its_rounding() {
        let x: Vec<f64> = (0..100).map(|k| if k < 80 { 0.0 } else { 0.5 * (k - 79) as f64 }).collect();
        let steps: Vec<f64> = x.windows(2).map(|p| p[1] - p[0]).collect();
        let speeds = steps[1..].to_vec();
        assert_eq!(of_steps(&[steps], &[speeds]), 0.5 / 12_f64.sqrt());
        assert!(of_steps(&[vec![0.1; 5]], &[vec![0.0; 4]]).is_nan());
    }
}
