//! Q2: how sparsity depends on the state: its distribution, the zero patterns, and the regimes of contact.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use serde::Serialize;

use super::chance::{Chance, Sequences};
use super::information::{Information, Interner, Joint, OTHER, entropy, miller_madow};
use super::pattern::{Kept, Matrix, Pattern, Shape};
use super::regime::{Regime, Regimes};
use super::scan::matrices;

/// Patterns and contact sets that are listed; the rest is summed up.
const LISTED: usize = 1000;

/// A zero pattern and how long it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatternShare {
    /// Steps in which it holds.
    pub steps: u64,
    /// Their share of the samples.
    pub share: f64,
    /// Entries that are zero.
    pub zero: usize,
    /// Entries that are undecided.
    pub undecided: usize,
    /// Number of the first step in which it holds, of all steps of the recording.
    pub first_step: usize,
}

/// All zero patterns of one matrix. An undecided entry is a third value beside zero and nonzero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Patterns {
    /// Distinct patterns; at least so many where `complete` is false.
    pub distinct: usize,
    /// Whether all were told apart (at most 2^20 are).
    pub complete: bool,
    /// Entropy of the pattern, bits.
    pub entropy_bits: f64,
    /// The same with the correction of Miller and Madow.
    pub entropy_corrected_bits: f64,
    /// Patterns that hold in half of the samples, the most frequent first.
    pub half: usize,
    /// The most frequent patterns.
    pub most: Vec<PatternShare>,
}

/// A number of zeros and how often it occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Level {
    /// Entries that are zero.
    pub zero: usize,
    /// Steps in which so many are.
    pub steps: u64,
}

/// The answer to Q2 for one matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StateDependence {
    /// The matrix.
    pub matrix: Matrix,
    /// Entries.
    pub entries: usize,
    /// Steps that count.
    pub samples: u64,
    /// Sparsity of a step is the share of its entries that are zero; the mean of it.
    pub mean: f64,
    /// Standard deviation over the samples.
    pub std: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Mean share of the entries that are undecided: the mean sparsity could be larger by so much.
    pub mean_undecided: f64,
    /// Steps by sparsity: 0 to 0.1, ..., 0.9 to 1 (1 included).
    pub bins: [u64; 10],
    /// Steps by the exact number of zeros.
    pub levels: Vec<Level>,
    /// Zero patterns.
    pub patterns: Patterns,
}

#[derive(Debug, Clone)]
struct Seen {
    steps: u64,
    zero: usize,
    undecided: usize,
    first_step: usize,
}

/// Watches the patterns of one matrix.
#[derive(Debug)]
pub(super) struct Watch {
    matrix: Matrix,
    entries: usize,
    samples: u64,
    undecided: u64,
    levels: Vec<u64>,
    ids: Interner<(u64, u64)>,
    seen: Vec<Seen>,
    other: u64,
    last: Option<(Kept, u32, usize)>,
}

impl Watch {
    pub(super) fn new(matrix: Matrix, shape: Shape) -> Self {
        Self {
            matrix,
            entries: shape.entries(),
            samples: 0,
            undecided: 0,
            levels: vec![0; shape.entries() + 1],
            ids: Interner::default(),
            seen: Vec::new(),
            other: 0,
            last: None,
        }
    }

    /// Number of the pattern and its zeros.
    pub(super) fn step(&mut self, step: usize, pattern: Pattern<'_>) -> (u32, usize) {
        let (id, zero) = match &self.last {
            Some((last, id, zero)) if last.view() == pattern => (*id, *zero),
            _ => {
                let zero = pattern.zeros();
                let (id, new) = self.ids.id(digest(pattern));
                if new {
                    self.seen.push(Seen { steps: 0, zero, undecided: pattern.undecided(), first_step: step });
                }
                let (mut last, ..) = self.last.take().unwrap_or_default();
                last.set(pattern);
                self.last = Some((last, id, zero));
                (id, zero)
            }
        };
        self.samples += 1;
        self.levels[zero] += 1;
        match self.seen.get_mut(id as usize) {
            Some(seen) if id != OTHER => {
                seen.steps += 1;
                self.undecided += seen.undecided as u64;
            }
            _ => {
                self.other += 1;
                self.undecided += pattern.undecided() as u64;
            }
        }
        (id, zero)
    }

    pub(super) fn result(mut self) -> StateDependence {
        let (n, samples) = (self.entries.max(1) as f64, self.samples.max(1) as f64);
        let levels: Vec<Level> = self
            .levels
            .iter()
            .enumerate()
            .filter(|(_, steps)| **steps > 0)
            .map(|(zero, steps)| Level { zero, steps: *steps })
            .collect();
        let sum: u128 = levels.iter().map(|l| l.zero as u128 * u128::from(l.steps)).sum();
        let squares: u128 = levels.iter().map(|l| (l.zero * l.zero) as u128 * u128::from(l.steps)).sum();
        let mean = sum as f64 / samples;
        let mut bins = [0; 10];
        for level in &levels {
            // In whole numbers, so that a sparsity of exactly 0.3 begins its bin.
            bins[(level.zero * 10 / self.entries.max(1)).min(9)] += level.steps;
        }
        let counts: Vec<u64> =
            self.seen.iter().map(|s| s.steps).chain((self.other > 0).then_some(self.other)).collect();
        let entropy_bits = entropy(&counts);
        let distinct = counts.len();
        self.seen.sort_by_key(|s| (std::cmp::Reverse(s.steps), s.first_step));
        let mut covered = 0;
        let half = self.seen.iter().take_while(|s| {
            let more = 2 * covered < self.samples;
            covered += s.steps;
            more
        });
        let half = half.count();
        let most = self.seen.iter().take(LISTED).map(|s| PatternShare {
            steps: s.steps,
            share: s.steps as f64 / samples,
            zero: s.zero,
            undecided: s.undecided,
            first_step: s.first_step,
        });
        StateDependence {
            matrix: self.matrix,
            entries: self.entries,
            samples: self.samples,
            mean: mean / n,
            std: (squares as f64 / samples - mean * mean).max(0.0).sqrt() / n,
            min: levels.first().map_or(0.0, |l| l.zero as f64 / n),
            max: levels.last().map_or(0.0, |l| l.zero as f64 / n),
            mean_undecided: self.undecided as f64 / samples / n,
            bins,
            levels,
            patterns: Patterns {
                distinct,
                complete: self.other == 0,
                entropy_bits,
                entropy_corrected_bits: entropy_bits + miller_madow(distinct, self.samples),
                half,
                most: most.collect(),
            },
        }
    }
}

/// 128 bits that stand for a pattern.
fn digest(pattern: Pattern<'_>) -> (u64, u64) {
    let half = |salt: u64| {
        let mut hash = DefaultHasher::new();
        hash.write_u64(salt);
        pattern.zero.iter().chain(pattern.undecided).for_each(|w| hash.write_u64(*w));
        hash.finish()
    };
    (half(0), half(1))
}

/// Steps that have something in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RegimeGroup {
    /// Steps.
    pub steps: u64,
    /// Their share of the samples.
    pub share: f64,
    /// Mean sparsity of A in them.
    pub mean_a: f64,
    /// Mean sparsity of B in them; None in a model without controls.
    pub mean_b: Option<f64>,
}

/// A set of geom pairs in contact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContactSet {
    /// The geoms of every pair, by name.
    pub pairs: Vec<[String; 2]>,
    /// Steps in which exactly these touch.
    pub group: RegimeGroup,
    /// Distinct patterns of A in them.
    pub patterns_a: usize,
}

/// Steps by a count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountGroup {
    /// The count.
    pub count: usize,
    /// Steps that have it.
    pub group: RegimeGroup,
}

/// Mutual information of a regime and the pattern of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimeInformation {
    /// The matrix.
    pub matrix: Matrix,
    /// `contacts`: the set of geom pairs in contact ([`RegimeDependence::contacts_of`]); `constraints`: the constraint rows
    /// that act at the start of the step, by type, what they hold (geoms, joint, dof) and state (such as sticking or sliding).
    pub regime: &'static str,
    /// The figures.
    pub information: Information,
    /// The same against chance; None where the recording is too long to be shifted.
    pub chance: Option<Chance>,
}

/// Sparsity by regime.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegimeDependence {
    /// When a pair of geoms counts as in contact: `step`, in any physics step of the step; `start`, at the start of the step,
    /// where the recording does not tell more.
    pub contacts_of: &'static str,
    /// Distinct contact sets.
    pub distinct_contact_sets: usize,
    /// The most frequent of them.
    pub contact_sets: Vec<ContactSet>,
    /// By the number of contacts at the start of the step.
    pub by_contacts: Vec<CountGroup>,
    /// By the number of constraint rows that act.
    pub by_rows: Vec<CountGroup>,
    /// By the number of limits that act.
    pub by_limits: Vec<CountGroup>,
    /// Whether the pattern follows the regime.
    pub information: Vec<RegimeInformation>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    steps: u64,
    zeros: [u64; 2],
}

impl Sum {
    fn add(&mut self, zeros: [usize; 2]) {
        self.steps += 1;
        self.zeros.iter_mut().zip(zeros).for_each(|(a, b)| *a += b as u64);
    }
}

/// Watches regimes and patterns together.
#[derive(Debug, Default)]
pub(super) struct RegimeWatch {
    samples: u64,
    sets: BTreeMap<u32, Sum>,
    counts: [BTreeMap<usize, Sum>; 3],
    /// By regime (contacts, constraints) and matrix.
    joint: [[Joint; 2]; 2],
    sequences: Sequences,
}

impl RegimeWatch {
    /// A step with the numbers of its patterns and their zeros.
    pub(super) fn step(&mut self, regime: Regime, patterns: [(u32, usize); 2]) {
        let zeros = patterns.map(|(_, zeros)| zeros);
        self.samples += 1;
        self.sets.entry(regime.contact_set).or_default().add(zeros);
        for (counts, n) in self.counts.iter_mut().zip([regime.contacts, regime.rows, regime.limits]) {
            counts.entry(n).or_default().add(zeros);
        }
        let (regimes, patterns) = ([regime.contact_set, regime.constraint_set], patterns.map(|(pattern, _)| pattern));
        for (joint, regime) in self.joint.iter_mut().zip(regimes) {
            joint.iter_mut().zip(patterns).for_each(|(joint, pattern)| joint.add(regime, pattern, 1));
        }
        self.sequences.push(regimes, patterns);
    }

    /// Ends an episode.
    pub(super) fn end_episode(&mut self) {
        self.sequences.end_episode();
    }

    /// The answer; `regimes` have read the recording, `geoms` are the names.
    pub(super) fn result(mut self, shapes: [Shape; 2], regimes: &Regimes<'_>, geoms: &[String]) -> RegimeDependence {
        let sets = &regimes.sets;
        let mean = |sum: &Sum, m: usize| sum.zeros[m] as f64 / (sum.steps.max(1) as f64 * shapes[m].entries() as f64);
        let group = |sum: &Sum| RegimeGroup {
            steps: sum.steps,
            share: sum.steps as f64 / self.samples.max(1) as f64,
            mean_a: mean(sum, 0),
            mean_b: (shapes[1].entries() > 0).then(|| mean(sum, 1)),
        };
        let name = |geom: i32| match usize::try_from(geom).ok().and_then(|g| geoms.get(g)) {
            Some(name) => name.clone(),
            None => "flex".to_owned(),
        };
        let partners = self.joint[0][0].partners();
        let mut order: Vec<(&u32, &Sum)> = self.sets.iter().collect();
        order.sort_by_key(|(id, sum)| (std::cmp::Reverse(sum.steps), **id));
        let contact_sets = order.into_iter().filter(|(id, _)| (**id as usize) < sets.len()).take(LISTED);
        let contact_sets = contact_sets.map(|(id, sum)| ContactSet {
            pairs: sets[*id as usize].iter().map(|pair| pair.map(name)).collect(),
            group: group(sum),
            patterns_a: partners.get(id).copied().unwrap_or(0),
        });
        let counted = |counts: &BTreeMap<usize, Sum>| {
            counts.iter().map(|(count, sum)| CountGroup { count: *count, group: group(sum) }).collect()
        };
        let mut information = Vec::new();
        for (r, (regime, joint)) in ["contacts", "constraints"].into_iter().zip(&mut self.joint).enumerate() {
            for (m, matrix) in matrices(shapes) {
                let (information_of, chance) = (joint[m].information(), self.sequences.chance(r, m));
                information.push(RegimeInformation { matrix, regime, information: information_of, chance });
            }
        }
        RegimeDependence {
            contacts_of: regimes.contacts_of(),
            distinct_contact_sets: self.sets.len(),
            contact_sets: contact_sets.collect(),
            by_contacts: counted(&self.counts[0]),
            by_rows: counted(&self.counts[1]),
            by_limits: counted(&self.counts[2]),
            information,
        }
    }
}
