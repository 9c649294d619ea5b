//! What events without memory would look like: those of every episode are put at random steps of it, as many as there are.
//! So each episode keeps its own rate, and what is left is how they follow one another.

use rayon::prelude::*;

use super::chance::{draws, middle, surrogates};
use super::temporal::{EventCounts, WINDOWS};

/// Whether each pair of successive steps is an event, episode by episode; 1 bit each.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    bits: Vec<u64>,
    steps: usize,
    /// Stretches without a gap: the first pair's place here and its step in the episode.
    stretches: Vec<(usize, usize)>,
    /// Where episodes end, here and among the stretches.
    ends: Vec<(usize, usize)>,
    open: bool,
}

/// What shuffles within episodes give: the mean, and the ends of the middle 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Memoryless {
    pub(super) burstiness: Option<(f64, [f64; 2])>,
    pub(super) fano: [Option<(f64, [f64; 2])>; WINDOWS.len()],
}

impl EventLog {
    /// Nothing is compared across what follows.
    pub(super) fn gap(&mut self) {
        self.open = false;
    }

    /// Step `at` of the episode and the one before.
    pub(super) fn push(&mut self, at: usize, event: bool) {
        if !self.open {
            self.stretches.push((self.steps, at));
            self.open = true;
        }
        if self.steps.is_multiple_of(64) {
            self.bits.push(0);
        }
        if let Some(word) = self.bits.last_mut() {
            *word |= u64::from(event) << (self.steps % 64);
        }
        self.steps += 1;
    }

    pub(super) fn end_episode(&mut self) {
        self.open = false;
        self.ends.push((self.steps, self.stretches.len()));
    }

    fn events(&self, from: usize, to: usize) -> usize {
        (from..to).filter(|i| self.bits[i / 64] >> (i % 64) & 1 == 1).count()
    }

    /// What is expected without memory.
    pub(super) fn memoryless(&self) -> Memoryless {
        let mut episodes = Vec::with_capacity(self.ends.len());
        let (mut from, mut first) = (0, 0);
        for (to, last) in &self.ends {
            episodes.push((from..*to, first..*last, self.events(from, *to)));
            (from, first) = (*to, *last);
        }
        if episodes.iter().all(|(.., events)| *events == 0) {
            return Memoryless::default();
        }
        let found: Vec<(Option<f64>, [Option<f64>; WINDOWS.len()])> = (0..surrogates(self.steps))
            .into_par_iter()
            .map(|number| {
                let mut draws = draws("shuffle", number);
                let mut counts = EventCounts::default();
                for (steps, stretches, events) in &episodes {
                    // So many of the steps that are left are events (selection sampling, Knuth, TAOCP 2, algorithm S).
                    let (mut left, mut wanted) = (steps.len(), *events);
                    for stretch in stretches.clone() {
                        let (start, at) = self.stretches[stretch];
                        let end =
                            self.stretches.get(stretch + 1).map_or(self.steps, |(start, _)| *start).min(steps.end);
                        counts.gap();
                        for i in 0..end - start {
                            let event = draws.uniform() * (left as f64) < wanted as f64;
                            (left, wanted) = (left - 1, wanted - usize::from(event));
                            counts.step(at + i, event);
                        }
                    }
                }
                (counts.burstiness(), counts.fano())
            })
            .collect();
        Memoryless {
            burstiness: middle(found.iter().filter_map(|(burstiness, _)| *burstiness).collect()),
            fano: std::array::from_fn(|w| middle(found.iter().filter_map(|(_, fano)| fano[w]).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    /// Episodes without memory of different rates, whose pooled intervals look bursty.
    fn episodes(seed: u64) -> (EventLog, EventCounts) {
        let mut draws = Stream::new(seed, "events", 0);
        let (mut log, mut counts) = (EventLog::default(), EventCounts::default());
        for rate in [0.02, 0.5, 0.1, 0.6, 0.01, 0.3] {
            counts.gap();
            for at in 0..300 {
                // A gap now and then.
                if draws.uniform() < 0.01 {
                    counts.gap();
                    log.gap();
                    continue;
                }
                let event = draws.uniform() < rate;
                counts.step(at, event);
                log.push(at, event);
            }
            log.end_episode();
        }
        (log, counts)
    }

    #[test]
    fn episodes_of_different_rates_are_no_bursts() {
        let (mut outside, mut pooled) = ([0; 2], 0.0);
        for seed in 0..200 {
            let (log, counts) = episodes(seed);
            let memoryless = log.memoryless();
            let within = |x: Option<f64>, by: Option<(f64, [f64; 2])>| {
                let (Some(x), Some((_, [low, high]))) = (x, by) else { return false };
                (low..=high).contains(&x)
            };
            let [burstiness, fano] = [counts.burstiness(), counts.fano()[1]];
            outside[0] += usize::from(!within(burstiness, memoryless.burstiness));
            outside[1] += usize::from(!within(fano, memoryless.fano[1]));
            pooled += memoryless.burstiness.map_or(0.0, |(mean, _)| mean) / 200.0;
        }
        // One rate for all would give less than 0.
        assert!(pooled > 0.2, "{pooled}");
        // 5 % of 200, and what chance adds to that.
        assert!(outside.iter().all(|n| *n <= 20), "{outside:?} of 200 outside of the middle 95 %");
    }

    #[test]
    fn events_in_bursts_are_beyond_it() {
        let (mut log, mut counts) = (EventLog::default(), EventCounts::default());
        for _ in 0..4 {
            counts.gap();
            for at in 0..400 {
                let event = at % 100 < 10;
                counts.step(at, event);
                log.push(at, event);
            }
            log.end_episode();
        }
        let (_, [_, high]) = log.memoryless().burstiness.expect("events");
        assert!(counts.burstiness().expect("events") > high + 0.2);
        assert_eq!(EventLog::default().memoryless(), Memoryless::default());
    }
}
