//! Entropy and mutual information of counted symbols, in bits.

use std::collections::HashMap;

use serde::Serialize;

/// Distinct symbols that are told apart; beyond, memory would grow with the recording. What comes later is one symbol
/// and the result says so.
pub(super) const MOST_SYMBOLS: usize = 1 << 20;

/// The symbol of everything that came after [`MOST_SYMBOLS`] others.
pub(super) const OTHER: u32 = u32::MAX;

/// Numbers keys in the order of their first appearance.
#[derive(Debug, Clone)]
pub(super) struct Interner<K> {
    ids: HashMap<K, u32>,
}

impl<K> Default for Interner<K> {
    fn default() -> Self {
        Self { ids: HashMap::new() }
    }
}

impl<K: std::hash::Hash + Eq> Interner<K> {
    /// The number of a key, and whether it is new.
    pub(super) fn id(&mut self, key: K) -> (u32, bool) {
        let next = self.ids.len();
        if let Some(id) = self.ids.get(&key) {
            return (*id, false);
        }
        if next >= MOST_SYMBOLS {
            return (OTHER, false);
        }
        self.ids.insert(key, next as u32);
        (next as u32, true)
    }
}

/// Shannon entropy of counted symbols, bits: H = -sum p log2 p.
pub fn entropy(counts: &[u64]) -> f64 {
    // In a fixed order, so that the sum has the same bits in every run.
    let mut counts: Vec<u64> = counts.iter().copied().filter(|c| *c > 0).collect();
    counts.sort_unstable();
    let n = counts.iter().sum::<u64>() as f64;
    if counts.len() < 2 {
        return 0.0;
    }
    counts.iter().map(|c| *c as f64 / n).map(|p| -p * p.log2()).sum()
}

/// What the Miller-Madow correction adds to the entropy of `symbols` distinct symbols in `n` samples, bits:
/// (symbols - 1) / (2 n ln 2) (Miller 1955).
pub fn miller_madow(symbols: usize, n: u64) -> f64 {
    (symbols.max(1) - 1) as f64 / (2.0 * n.max(1) as f64 * std::f64::consts::LN_2)
}

/// How often two symbols came together.
#[derive(Debug, Clone, Default)]
pub(super) struct Joint {
    counts: HashMap<(u32, u32), u64>,
    /// The pair that came last and its count since then: mostly it comes again.
    last: ((u32, u32), u64),
    /// A pair that was not told apart.
    incomplete: bool,
}

impl Joint {
    pub(super) fn add(&mut self, x: u32, y: u32, n: u64) {
        if self.last.0 != (x, y) {
            self.settle();
            self.last = ((x, y), 0);
        }
        self.last.1 += n;
    }

    /// Counts what came last.
    fn settle(&mut self) {
        let ((x, y), n) = std::mem::take(&mut self.last);
        if n == 0 {
            return;
        }
        let room = self.counts.len() < MOST_SYMBOLS;
        self.incomplete |= x == OTHER || y == OTHER;
        match self.counts.get_mut(&(x, y)) {
            Some(count) => *count += n,
            None if room => drop(self.counts.insert((x, y), n)),
            None => {
                self.incomplete = true;
                *self.counts.entry((OTHER, OTHER)).or_default() += n;
            }
        }
    }

    /// Distinct second symbols of every first one.
    pub(super) fn partners(&mut self) -> HashMap<u32, usize> {
        self.settle();
        let mut found = HashMap::new();
        self.counts.keys().for_each(|(x, _)| *found.entry(*x).or_default() += 1);
        found
    }

    /// Entropies and mutual information.
    pub(super) fn information(&mut self) -> Information {
        self.settle();
        let (mut xs, mut ys): (HashMap<u32, u64>, HashMap<u32, u64>) = (HashMap::new(), HashMap::new());
        for ((x, y), n) in &self.counts {
            *xs.entry(*x).or_default() += n;
            *ys.entry(*y).or_default() += n;
        }
        let list = |map: &HashMap<u32, u64>| map.values().copied().collect::<Vec<_>>();
        let both: Vec<u64> = self.counts.values().copied().collect();
        let samples = both.iter().sum();
        let (regimes, patterns, pairs) = (xs.len(), ys.len(), both.len());
        let (h_regime, h_pattern, h_both) = (entropy(&list(&xs)), entropy(&list(&ys)), entropy(&both));
        let bits = (h_regime + h_pattern - h_both).max(0.0);
        let bias = miller_madow(pairs, samples) - miller_madow(regimes, samples) - miller_madow(patterns, samples);
        let share = |bits: f64, of: f64| if of > 0.0 { Some(bits / of) } else { None };
        Information {
            samples,
            regimes,
            patterns,
            pairs,
            regime_bits: h_regime,
            pattern_bits: h_pattern,
            bits,
            explained: share(bits, h_pattern),
            bias_bits: bias,
            corrected_bits: (bits - bias).clamp(0.0, h_pattern),
            corrected_explained: share((bits - bias).clamp(0.0, h_pattern), h_pattern),
            complete: !self.incomplete,
        }
    }
}

/// How much of the zero pattern follows from a regime.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Information {
    /// Steps.
    pub samples: u64,
    /// Distinct regimes.
    pub regimes: usize,
    /// Distinct patterns.
    pub patterns: usize,
    /// Distinct pairs of both.
    pub pairs: usize,
    /// Entropy of the regime, bits.
    pub regime_bits: f64,
    /// Entropy of the pattern, bits.
    pub pattern_bits: f64,
    /// Mutual information of both, bits, as counted (plug-in estimate: too high where pairs are many and steps few).
    pub bits: f64,
    /// Its share of the pattern's entropy: 1 where the regime says the pattern, 0 where it says nothing; None where the
    /// pattern never changes.
    pub explained: Option<f64>,
    /// The bias of `bits` by Miller and Madow: (pairs - regimes - patterns + 1) / (2 samples ln 2).
    pub bias_bits: f64,
    /// `bits` without this bias, kept between 0 and the pattern's entropy.
    pub corrected_bits: f64,
    /// Its share of the pattern's entropy.
    pub corrected_explained: Option<f64>,
    /// Whether all symbols were told apart (there are at most 2^20 of a kind).
    pub complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropies_that_are_known() {
        assert_eq!(entropy(&[]), 0.0);
        assert_eq!(entropy(&[7, 0]), 0.0);
        assert_eq!(entropy(&[5, 5]), 1.0);
        assert_eq!(entropy(&[2, 1, 1]), 1.5);
        assert_eq!(miller_madow(1, 100), 0.0);
    }

    #[test]
    fn a_copy_says_all_and_a_coin_says_nothing() {
        let (mut copy, mut coin) = (Joint::default(), Joint::default());
        for x in 0..4 {
            copy.add(x, 10 + x, 25);
            (0..4).for_each(|y| coin.add(x, y, 25));
        }
        let copy = copy.information();
        assert_eq!((copy.bits, copy.explained), (2.0, Some(1.0)));
        // 4 pairs, 4 regimes, 4 patterns: the bias is negative, and the entropy still the most there is.
        assert_eq!(copy.corrected_explained, Some(1.0));
        let coin = coin.information();
        assert_eq!((coin.bits, coin.explained, coin.corrected_bits), (0.0, Some(0.0), 0.0));
        assert!((coin.bias_bits - 9.0 / (800.0 * std::f64::consts::LN_2)).abs() < 1e-15);
    }
}
