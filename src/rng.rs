//! Counter-based random numbers.
//!
//! Every draw is a function of (seed, purpose, episode, position) alone: ChaCha12 keyed by a hash of seed
//! and purpose, with the episode as its stream. Threads, shards and order cannot change it.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha12Rng);

impl Stream {
    /// The stream of one purpose (such as `reset` or `policy`) in one episode.
    pub fn new(seed: u64, purpose: &str, episode: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(purpose.as_bytes());
        let mut rng = ChaCha12Rng::from_seed(hash.finalize().into());
        rng.set_stream(episode);
        Self(rng)
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Standard normal, by inversion of one [`Stream::uniform`].
    pub fn normal(&mut self) -> f64 {
        normal_from_uniform(self.uniform())
    }
}

/// The standard normal quantile of `u` in [0, 1), kept finite at 0.
pub fn normal_from_uniform(u: f64) -> f64 {
    let u = u.max(0.5 / (1u64 << 53) as f64);
    std::f64::consts::SQRT_2 * statrs::function::erf::erf_inv(2.0 * u - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_reproducible_and_apart() {
        let draw = |seed, purpose, episode| Stream::new(seed, purpose, episode).uniform();
        assert_eq!(draw(1, "reset", 2), draw(1, "reset", 2));
        assert_ne!(draw(1, "reset", 2), draw(1, "reset", 3));
        assert_ne!(draw(1, "reset", 2), draw(1, "policy", 2));
        assert_ne!(draw(1, "reset", 2), draw(2, "reset", 2));
    }

    #[test]
    fn normal_has_mean_zero_and_unit_variance() {
        let mut stream = Stream::new(0, "test", 0);
        let n = 100_000;
        let draws: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let var = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.02 && (var - 1.0).abs() < 0.02, "{mean} {var}");
        assert!(normal_from_uniform(0.0).is_finite());
    }
}
