//! What chance alone explains: the regimes of every episode are shifted in a circle against its patterns. That keeps how
//! often each occurs, how long it lasts and how one follows another, and takes away what the two have to do with each other.
//! What the shifted ones "explain" is what many regimes that occur once, few steps, and slow changes explain by themselves.
//!
//! **Beyond chance** is the mutual information less the mean over shifts. Its interval takes two things together: how far
//! shifts scatter, and how the figure changes as one part of the recording after the other is left out (jackknife; whole
//! episodes where there are enough of them, else parts of them), since steps next to each other are not independent.
//!
//! **What recurs.** Nothing can be known of a regime that occurs once: it "explains" its pattern whatever that is. Where most
//! do, and fall where the pattern is the usual one, shifts explain even more than the recording, and the difference is
//! negative though regimes matter. So all regimes of fewer than [`RARE`] steps are taken for one. That can only lose
//! information (it is a function of the regime), so what is found beyond chance then is there at least.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::rng::Stream;

/// Steps times shifts, about: recordings of 1e5 steps and less get all shifts.
const BUDGET: usize = 20_000_000;

/// Shifts, at least and at most.
const SHIFTS: [usize; 2] = [20, 200];

/// Steps whose order is kept (16 bytes each); longer recordings are not compared with chance.
const MOST: usize = 1 << 22;

/// Parts of the jackknife, at least and at most.
const PARTS: [usize; 2] = [10, 20];

/// A regime of fewer steps does not recur.
pub const RARE: usize = 5;

/// How many standard deviations are half of a 95 % interval.
const NORMAL: f64 = 1.96;

/// What sums of logarithms leave of nothing, bits.
const ROUNDING: f64 = 1e-12;

/// A number of bits that is more than rounding.
fn seen(bits: f64) -> f64 {
    if bits.abs() > ROUNDING { bits } else { 0.0 }
}

/// How many surrogates a sequence of so many steps gets.
pub(super) fn surrogates(steps: usize) -> usize {
    (BUDGET / steps.max(1)).clamp(SHIFTS[0], SHIFTS[1])
}

/// A stream of draws for surrogate `number` of something.
pub(super) fn draws(what: &str, number: usize) -> Stream {
    Stream::new(0, &format!("analysis/{what}"), number as u64)
}

/// The mean of some values, and the ends of the middle 95 % of them. None where there are none.
pub(super) fn middle(mut values: Vec<f64>) -> Option<(f64, [f64; 2])> {
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    Some((mean, [at(0.025), at(0.975)]))
}

/// Two regimes and two patterns by step, episode by episode.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    regimes: [Vec<u32>; 2],
    patterns: [Vec<u32>; 2],
    /// Where episodes end.
    ends: Vec<usize>,
    too_long: bool,
}

/// Mutual information against chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chance {
    /// Shifts.
    pub shifts: usize,
    /// Of all regimes as they are.
    pub all: Against,
    /// Of those that recur, the others taken for one.
    pub recurring: Against,
    /// Regimes of at least [`RARE`] steps.
    pub recurring_regimes: usize,
    /// Share of the steps whose regime is none of them.
    pub rare_steps: f64,
}

/// Mutual information, and what chance makes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Against {
    /// Mutual information as counted, bits.
    pub bits: f64,
    /// Its share of the pattern's entropy; None where regime or pattern never changes, as all shares.
    pub explained: Option<f64>,
    /// Mean over the shifts of the mutual information, bits.
    pub chance_bits: f64,
    /// Its standard deviation over the shifts.
    pub chance_std: f64,
    /// Its share of the pattern's entropy.
    pub chance_explained: Option<f64>,
    /// The ends of the middle 95 % of the shifts, as shares of the pattern's entropy.
    pub chance_interval: Option<[f64; 2]>,
    /// Mutual information beyond chance, bits.
    pub beyond_bits: f64,
    /// Its 95 % interval.
    pub beyond_bits_interval: [f64; 2],
    /// Mutual information beyond chance, as a share of the pattern's entropy.
    pub beyond: Option<f64>,
    /// Its 95 % interval.
    pub beyond_interval: Option<[f64; 2]>,
    /// Share of the shifts, and the recording itself, that explain as much as the recording does: one-sided p; None where
    /// regime or pattern never changes.
    pub p: Option<f64>,
}

impl Sequences {
    /// Takes the next step.
    pub(super) fn push(&mut self, regimes: [u32; 2], patterns: [u32; 2]) {
        if self.steps() >= MOST {
            self.too_long = true;
            return;
        }
        let lists = self.regimes.iter_mut().chain(&mut self.patterns);
        lists.zip(regimes.into_iter().chain(patterns)).for_each(|(list, symbol)| list.push(symbol));
    }

    /// Ends an episode.
    pub(super) fn end_episode(&mut self) {
        self.ends.push(self.steps());
    }

    fn steps(&self) -> usize {
        self.regimes[0].len()
    }

    /// The part of the jackknife that each step is in, and how many there are.
    fn parts(&self) -> (Vec<usize>, usize) {
        let lengths: Vec<usize> = self.episodes().map(|(start, end)| end - start).filter(|n| *n > 0).collect();
        let mut parts = Vec::with_capacity(self.steps());
        if lengths.len() >= PARTS[0] {
            let all = lengths.len().min(PARTS[1]);
            for (e, n) in lengths.iter().enumerate() {
                parts.extend(std::iter::repeat_n(e * all / lengths.len(), *n));
            }
            return (parts, all);
        }
        let each = PARTS[0].div_ceil(lengths.len().max(1));
        for (e, n) in lengths.iter().enumerate() {
            parts.extend((0..*n).map(|i| e * each + i * each / n));
        }
        (parts, each * lengths.len())
    }

    fn episodes(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        std::iter::once(0).chain(self.ends.iter().copied()).zip(self.ends.iter().copied())
    }

    /// Compares what one of the regimes says about one of the patterns with chance. None where the recording is too long for
    /// it, or has no episode that can be shifted.
    pub(super) fn chance(&self, regime: usize, pattern: usize) -> Option<Chance> {
        self.chance_by(regime, pattern, surrogates(self.steps()))
    }

    fn chance_by(&self, regime: usize, pattern: usize, shifts: usize) -> Option<Chance> {
        let (n, regimes, patterns) = (self.steps(), &self.regimes[regime], &self.patterns[pattern]);
        if self.too_long || !self.episodes().any(|(start, end)| end - start > 1) {
            return None;
        }
        let mut counts: HashMap<u32, usize> = HashMap::new();
        regimes.iter().for_each(|regime| *counts.entry(*regime).or_default() += 1);
        let rare = |regime: &u32| counts.get(regime).is_none_or(|n| *n < RARE);
        let rare_steps = regimes.iter().filter(|regime| rare(regime)).count();
        let known = Known::new(patterns, self.parts());
        let all = self.against(regimes, &known, shifts);
        let recurring = match rare_steps {
            0 => all.clone(),
            _ => {
                let merged = regimes.iter().map(|regime| if rare(regime) { u32::MAX } else { *regime });
                self.against(&merged.collect::<Vec<u32>>(), &known, shifts)
            }
        };
        let recurring_regimes = counts.keys().filter(|regime| !rare(regime)).count();
        Some(Chance { shifts, all, recurring, recurring_regimes, rare_steps: rare_steps as f64 / n as f64 })
    }

    fn against(&self, regimes: &[u32], known: &Known<'_>, shifts: usize) -> Against {
        let count = known.count;
        let here = known.information(regimes);
        let by_shift: Vec<Vec<f64>> =
            (0..shifts).into_par_iter().map(|number| known.information(&self.shifted(regimes, number))).collect();
        // The first figure is of all, the others without one part each.
        let mean = |k: usize| by_shift.iter().map(|s| s[k]).sum::<f64>() / shifts as f64;
        let (chance, beyond) = (mean(0), seen(here[0] - mean(0)));
        let scatter = by_shift.iter().map(|s| (s[0] - chance).powi(2)).sum::<f64>() / (shifts - 1) as f64;
        let t = StudentsT::new(0.0, 1.0, (count - 1) as f64).map_or(NORMAL, |t| t.inverse_cdf(0.975));
        let half = |scatter: f64, without: Vec<f64>| {
            let middle = without.iter().sum::<f64>() / count as f64;
            let apart = without.iter().map(|x| (x - middle).powi(2)).sum::<f64>();
            seen((NORMAL.powi(2) * scatter + t.powi(2) * apart * (count - 1) as f64 / count as f64).sqrt())
        };
        let of_bits = half(scatter, (1..=count).map(|k| here[k] - mean(k)).collect());
        // The pattern's entropy changes with the episodes too, and mostly along with the information.
        let entropy = &known.entropy;
        let whole = entropy[0];
        let ratio = |k: usize| if entropy[k] > 0.0 { (here[k] - mean(k)) / entropy[k] } else { 0.0 };
        let of_share = half(scatter / whole.powi(2), (1..=count).map(ratio).collect());
        let changes = |symbols: &[u32]| symbols.windows(2).any(|w| w[0] != w[1]);
        let tells = changes(regimes) && changes(known.patterns);
        let share = |bits: f64| tells.then(|| bits / whole);
        let as_much = by_shift.iter().filter(|s| s[0] >= here[0]).count();
        let spread = middle(by_shift.iter().map(|s| s[0]).collect()).map(|(_, spread)| spread);
        Against {
            bits: here[0],
            explained: share(here[0]),
            chance_bits: chance,
            chance_std: scatter.sqrt(),
            chance_explained: share(chance),
            chance_interval: spread.and_then(|[low, high]| Some([share(low)?, share(high)?])),
            beyond_bits: beyond,
            beyond_bits_interval: [beyond - of_bits, beyond + of_bits],
            beyond: share(beyond),
            beyond_interval: share(beyond).map(|x| [x - of_share, x + of_share]),
            p: tells.then(|| (1 + as_much) as f64 / (1 + shifts) as f64),
        }
    }

    /// The regimes of every episode, shifted in a circle; not at all, too, as often as by any other number of steps.
    fn shifted(&self, regimes: &[u32], number: usize) -> Vec<u32> {
        let mut draws = draws("shift", number);
        let mut shifted = Vec::with_capacity(regimes.len());
        for (start, end) in self.episodes() {
            let regimes = &regimes[start..end];
            let by = (draws.uniform() * regimes.len() as f64) as usize;
            let (back, front) = regimes.split_at(by.min(regimes.len()));
            shifted.extend_from_slice(front);
            shifted.extend_from_slice(back);
        }
        shifted
    }
}

/// What no shift of the regimes changes.
struct Known<'a> {
    patterns: &'a [u32],
    /// The part of the jackknife that each step is in, and how many there are.
    parts: Vec<usize>,
    count: usize,
    /// Entropy of the pattern, bits: of all steps, then without each part.
    entropy: Vec<f64>,
}

impl<'a> Known<'a> {
    fn new(patterns: &'a [u32], (parts, count): (Vec<usize>, usize)) -> Self {
        let entropy = entropies(patterns.iter().map(|s| u64::from(*s)).collect(), &parts, count);
        Self { patterns, parts, count, entropy }
    }

    /// Mutual information of regimes and patterns, bits: of all steps, then without each part.
    fn information(&self, regimes: &[u32]) -> Vec<f64> {
        let both = regimes.iter().zip(self.patterns).map(|(x, y)| u64::from(*x) << 32 | u64::from(*y));
        let both = entropies(both.collect(), &self.parts, self.count);
        let regime = entropies(regimes.iter().map(|s| u64::from(*s)).collect(), &self.parts, self.count);
        regime.iter().zip(&self.entropy).zip(&both).map(|((x, y), both)| (x + y - both).max(0.0)).collect()
    }
}

/// Entropy of symbols, bits: log2 N - sum c log2 c / N over the counts c of N steps; of all steps, then without each part.
fn entropies(keys: Vec<u64>, parts: &[usize], count: usize) -> Vec<f64> {
    let part_bits = usize::BITS - parts.iter().max().unwrap_or(&0).leading_zeros();
    let parts = parts.iter().map(|part| *part as u64);
    // Symbols are numbered from 0, so that key and part nearly always fit into one word, which sorts at twice the speed.
    if keys.iter().all(|key| key.leading_zeros() >= part_bits) {
        let steps = keys.iter().zip(parts).map(|(key, part)| key << part_bits | part).collect();
        sorted_entropies(steps, |step| step >> part_bits, |step| (step & !(u64::MAX << part_bits)) as usize, count)
    } else {
        let steps = keys.iter().zip(parts).map(|(key, part)| (*key, part)).collect();
        sorted_entropies(steps, |step| step.0, |step| step.1 as usize, count)
    }
}

/// [`entropies`] of steps that sort by key, then part.
fn sorted_entropies<S: Copy + Ord>(
    mut steps: Vec<S>,
    key: impl Fn(S) -> u64,
    part: impl Fn(S) -> usize,
    count: usize,
) -> Vec<f64> {
    let log = |c: usize| if c > 1 { c as f64 * (c as f64).log2() } else { 0.0 };
    steps.sort_unstable();
    let mut sums = vec![0.0; count + 1];
    let mut sizes = vec![steps.len(); count + 1];
    for same in steps.chunk_by(|a, b| key(*a) == key(*b)) {
        let whole = log(same.len());
        sums[0] += whole;
        for inside in same.chunk_by(|a, b| part(*a) == part(*b)) {
            let k = 1 + part(inside[0]);
            if k <= count {
                sums[k] += log(same.len() - inside.len()) - whole;
                sizes[k] -= inside.len();
            }
        }
    }
    let all = sums[0];
    sums.iter()
        .zip(sizes)
        .enumerate()
        .map(|(k, (sum, n))| {
            let sum = if k == 0 { *sum } else { all + sum };
            if n == 0 { 0.0 } else { (n as f64).log2() - sum / n as f64 }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regimes that last some steps, in 10 episodes of 200: with probability `fresh` one that never occurs again, else one of
    /// three, which sets the pattern for as long as it lasts with probability `follows`. Else the pattern is one of three
    /// that last as long, but begin and end by themselves; with a fresh regime it may be the `usual` one instead.
    fn planted(seed: u64, fresh: f64, follows: f64, usual: Option<u32>) -> Sequences {
        let mut draws = Stream::new(seed, "planted", 0);
        let mut sequences = Sequences::default();
        let mut next = 100;
        for _ in 0..10 {
            let (mut regime, mut any, mut lasts, mut sets) = (0, 0, [0; 2], false);
            for _ in 0..200 {
                if lasts[0] == 0 {
                    lasts[0] = 1 + (draws.uniform() * 4.0) as usize;
                    next += 1;
                    regime = if draws.uniform() < fresh { next } else { (draws.uniform() * 3.0) as u32 };
                    sets = draws.uniform() < follows;
                }
                if lasts[1] == 0 {
                    lasts[1] = 1 + (draws.uniform() * 4.0) as usize;
                    any = (draws.uniform() * 3.0) as u32;
                }
                lasts.iter_mut().for_each(|n| *n -= 1);
                let pattern = match regime {
                    0..3 if sets => regime,
                    0..3 => any,
                    _ => usual.unwrap_or(any),
                };
                sequences.push([regime, 0], [0, pattern]);
            }
            sequences.end_episode();
        }
        sequences
    }

    /// Mutual information of probabilities by row and column, bits.
    fn shared(joint: &[Vec<f64>]) -> f64 {
        let entropy = |p: &[f64]| p.iter().filter(|p| **p > 0.0).map(|p| -p * p.log2()).sum::<f64>();
        let rows: Vec<f64> = joint.iter().map(|row| row.iter().sum()).collect();
        let columns: Vec<f64> = (0..joint[0].len()).map(|c| joint.iter().map(|row| row[c]).sum()).collect();
        entropy(&rows) + entropy(&columns) - entropy(&joint.concat())
    }

    /// What [`planted`] has planted: regimes 0, 1, 2 and, as one, the fresh ones.
    fn truth(fresh: f64, follows: f64, usual: Option<u32>) -> f64 {
        let row = |own: u32| (0..3).map(move |p| f64::from(u8::from(p == own)) * follows + (1.0 - follows) / 3.0);
        let mut joint: Vec<Vec<f64>> = (0..3).map(|own| row(own).map(|p| p * (1.0 - fresh) / 3.0).collect()).collect();
        joint.push((0..3).map(|p| fresh * usual.map_or(1.0 / 3.0, |own| f64::from(u8::from(p == own)))).collect());
        shared(&joint)
    }

    /// Of 200 seeds, those whose intervals miss a value: of all regimes, and of those that recur.
    fn missed(value: f64, made: impl Fn(u64) -> Sequences) -> ([usize; 2], Vec<Chance>) {
        let all: Vec<Chance> = (0..200).filter_map(|seed| made(seed).chance_by(0, 1, 40)).collect();
        let outside = |of: fn(&Chance) -> &Against| {
            let missed = |c: &&Chance| {
                let [low, high] = of(c).beyond_bits_interval;
                !(low..=high).contains(&value)
            };
            all.iter().filter(missed).count()
        };
        ([outside(|c| &c.all), outside(|c| &c.recurring)], all)
    }

    #[test]
    fn regimes_that_occur_once_explain_nothing_beyond_chance() {
        let (missed, all) = missed(0.0, |seed| planted(seed, 0.6, 0.0, None));
        assert_eq!(all.len(), 200);
        // By itself the count says much of the pattern.
        assert!(all.iter().all(|c| c.all.explained.unwrap_or(0.0) > 0.3));
        assert!(missed.iter().all(|n| *n <= 10), "{missed:?} of 200 intervals without 0");
        for of in [|c: &Chance| c.all.p, |c: &Chance| c.recurring.p] {
            let significant = all.iter().filter(|c| of(c).is_some_and(|p| p < 0.05)).count();
            assert!(significant <= 20, "{significant} of 200 below p = 0.05");
        }
    }

    #[test]
    fn what_is_planted_is_found_among_regimes_that_occur_once() {
        let (fresh, follows) = (0.6, 0.8);
        let truth = truth(fresh, follows, None);
        let (missed, all) = missed(truth, |seed| planted(seed, fresh, follows, None));
        // 95 % intervals, and what 200 seeds add to 5 %.
        assert!(missed[0] <= 24 && missed[1] <= 16, "{missed:?} of 200 intervals without {truth}");
        assert!(all.iter().all(|c| c.all.p < Some(0.03) && c.recurring.p < Some(0.03)));
        assert!(all.iter().all(|c| c.recurring_regimes == 3 && (c.rare_steps - fresh).abs() < 0.2));
    }

    /// Regimes that occur once, and always with the usual pattern: shifts that put them elsewhere explain what is rare.
    #[test]
    fn chance_can_explain_more_than_what_is_planted_but_not_of_what_recurs() {
        let (fresh, follows, usual) = (0.7, 0.9, Some(0));
        let truth = truth(fresh, follows, usual);
        let (missed, all) = missed(truth, |seed| planted(seed, fresh, follows, usual));
        assert!(missed[0] > 190 && missed[1] <= 16, "{missed:?} of 200 intervals without {truth}");
        assert!(all.iter().all(|c| c.all.beyond_bits < 0.8 * truth));
    }

    #[test]
    fn one_long_episode_and_a_constant_pattern() {
        let mut sequences = planted(1, 0.0, 1.0, None);
        sequences.ends = vec![sequences.steps()];
        let chance = sequences.chance(0, 1).expect("an episode");
        let [low, high] = chance.all.beyond_interval.expect("a share");
        assert!(low > 0.8 && high < 1.1, "{chance:?}");
        assert_eq!((&chance.all, chance.recurring_regimes, chance.rare_steps), (&chance.recurring, 3, 0.0));
        sequences.patterns[1].fill(7);
        let chance = sequences.chance(0, 1).expect("an episode").all;
        assert_eq!((chance.beyond_bits, chance.explained, chance.beyond, chance.p), (0.0, None, None, None));
        assert!(Sequences::default().chance(0, 0).is_none());
        // Nothing recurs, so nothing is known of what does.
        let mut sequences = planted(1, 1.0, 0.0, None);
        sequences.regimes[0] = (0..).take(sequences.steps()).collect();
        let chance = sequences.chance(0, 1).expect("episodes");
        assert_eq!((chance.recurring_regimes, chance.recurring.beyond, chance.recurring.p), (0, None, None));
    }

    /// A regime that is the same throughout its episode is the same by every shift.
    #[test]
    fn rounding_is_nothing() {
        let mut sequences = Sequences::default();
        for e in 0..61 {
            let regime = u32::from(e % 3 == 0);
            (0..2).for_each(|t| sequences.push([regime, 0], [0, regime + 2 * t]));
            sequences.end_episode();
        }
        let chance = sequences.chance(0, 1).expect("episodes").all;
        assert_eq!((chance.beyond, chance.beyond_interval, chance.p), (Some(0.0), Some([0.0; 2]), Some(1.0)));
    }

    /// An episode of two steps is shifted by one step or by none.
    #[test]
    fn short_episodes_are_shifted_by_nothing_too() {
        let mut sequences = Sequences::default();
        for e in 0..60 {
            for t in 0..2 {
                sequences.push([t, 0], [0, (t + e / 40) % 2]);
            }
            sequences.end_episode();
        }
        // Swapped or not, by a coin for each episode: nearly nothing is left, while the recording says something.
        let chance = sequences.chance(0, 1).expect("episodes").all;
        assert!(chance.bits > 0.05 && chance.chance_bits < 0.02 && chance.p < Some(0.02), "{chance:?}");
    }

    #[test]
    fn entropies_without_parts_are_those_of_what_is_left() {
        let keys = vec![1, 1, 2, 3, 3, 3, 1, 2];
        let parts = [0, 0, 0, 1, 1, 2, 2, 2];
        let found = entropies(keys.clone(), &parts, 3);
        for (k, found) in found.iter().enumerate() {
            let left: Vec<u64> =
                keys.iter().zip(parts).filter(|(_, p)| k == 0 || *p + 1 != k).map(|(key, _)| *key).collect();
            let counts: Vec<u64> = (1..=3).map(|s| left.iter().filter(|key| **key == s).count() as u64).collect();
            assert!((found - super::super::entropy(&counts)).abs() < 1e-12, "{k}");
        }
    }
}
