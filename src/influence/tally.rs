//! What the graphs of all rows say together, size by size and apart for A (inputs of the state) and B (controls).
//!
//! Rows with a flag that is to be left out do not count; an entry that is undecided, in the Jacobian or in the graph, neither. **The
//! error of the proxy** is the share of the Jacobian's zeros that interventions of a size break, over entries that both decide:
//!
//! ```text
//! sum over rows of (zeros that are changed) / sum over rows of (zeros that are changed or unchanged)
//! ```
//!
//! Its interval is the middle 95 % of a bootstrap over blocks, since rows next to each other are not independent: whole episodes
//! where there are enough of them, else stretches of about the root of the number of rows.

use serde::Serialize;

use super::row::{
    CONTACT, CUT, DIVERGED, Dimensions, FORCE, FRICTION, LIMIT, NOT_APPLIED, RowFound, STUDIED, SWITCHES,
};
use crate::flags::StepFlags;
use crate::rng::Stream;

/// Episodes that make blocks, at least.
const EPISODES: usize = 10;

/// Draws of the bootstrap.
const DRAWS: usize = 2000;

/// A share with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EntryShare {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The share; None of nothing.
    pub share: Option<f64>,
    /// The middle 95 % of a bootstrap over blocks of rows; None with fewer than two blocks.
    pub interval: Option<[f64; 2]>,
}

/// What switches in the intervened steps and not without the intervention; an entry counts in all that hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Breaks {
    /// The set of contacts that push is another one.
    pub contact: u64,
    /// The set of limits that push is.
    pub limit: u64,
    /// Friction slips where it stuck, or sticks.
    pub friction: u64,
    /// A force reaches its range or leaves it.
    pub force: u64,
    /// Nothing of these: the dynamics bend.
    pub smooth: u64,
}

/// A number that every intervention has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OfInterventions {
    /// Interventions that it is of.
    pub of: usize,
    /// Its median.
    pub median: f64,
    /// What nine of ten stay below.
    pub ninth_decile: f64,
}

/// How entries of the Jacobian change with the state, over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct EntryKinds {
    /// No input changes them.
    pub constant: u64,
    /// Each change grows as its input.
    pub bilinear: u64,
    /// They change otherwise.
    pub bends: u64,
    /// They change only where other constraints act.
    pub switches: u64,
    /// Nothing is known.
    pub undecided: u64,
}

/// What interventions of one size say, of A or of B.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SizeSummary {
    /// The size, in the unit of the study.
    pub size: f64,
    /// A or B.
    pub matrix: &'static str,
    /// Rows that count.
    pub rows: usize,
    /// Entries of their graphs that are changed.
    pub changed: u64,
    /// Entries that are not.
    pub unchanged: u64,
    /// Entries that nothing is known of.
    pub undecided: u64,
    /// unchanged / (changed + unchanged).
    pub sparsity: Option<f64>,
    /// The same of the Jacobian's verdicts.
    pub jacobian_sparsity: Option<f64>,
    /// Zeros of the Jacobian that are changed: the error of the proxy.
    pub broken: EntryShare,
    /// What switches where they are.
    pub breaks: Breaks,
    /// Of the entries that are changed, those that the Jacobian calls zero.
    pub missed: EntryShare,
    /// Nonzero entries of the Jacobian that are unchanged.
    pub vanished: EntryShare,
    /// Of these, where something switches, or a range cuts the intervention.
    pub vanished_with_switch: u64,
    /// Interventions that the range of a control cuts, or leaves nothing of, or whose steps diverge.
    pub cut: u64,
    /// Interventions of which it leaves nothing, or whose unit is zero.
    pub not_applied: u64,
    /// Interventions whose steps diverge.
    pub diverged: u64,
    /// How far a linear model holds: |change - A delta| / |change|, every entry in its unit; None where the recording keeps no numbers
    /// of A and B.
    pub linear_error: Option<OfInterventions>,
    /// Second order, where it was asked for.
    pub entries: Option<EntryKinds>,
    /// Its size against the first: |J after the intervention - J| / |J|, where it was asked for.
    pub second_share: Option<OfInterventions>,
}

/// Counts of one row, size and matrix.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    verdicts: [u64; 3],
    jacobian: [u64; 3],
    /// By verdict of the Jacobian (nonzero, zero) and of the intervention (changed, unchanged).
    both: [[u64; 2]; 2],
    breaks: Breaks,
    vanished_with_switch: u64,
    status: [u64; 3],
    kinds: [u64; 5],
}

/// Counts rows.
#[derive(Debug)]
pub(super) struct Tally {
    dimensions: Dimensions,
    exclude: StepFlags,
    /// By row that counts: its episode, and by size and matrix its counts.
    rows: Vec<(i64, Vec<[Counts; 2]>)>,
    /// By size and matrix: of every intervention.
    linear_errors: Vec<[Vec<f32>; 2]>,
    second_shares: Vec<[Vec<f32>; 2]>,
    /// Rows left out by their flags, and those that could not be studied.
    pub(super) flagged: usize,
    pub(super) not_studied: usize,
}

impl Tally {
    pub(super) fn new(dimensions: Dimensions, exclude: StepFlags) -> Self {
        let none = || vec![Default::default(); dimensions.sizes];
        let (linear_errors, second_shares) = (none(), none());
        Self { dimensions, exclude, linear_errors, second_shares, rows: Vec::new(), flagged: 0, not_studied: 0 }
    }

    /// Takes a row of an episode.
    pub(super) fn add(&mut self, episode: i64, found: &RowFound) {
        if found.code != STUDIED {
            self.not_studied += 1;
        } else if found.flags.intersects(self.exclude) {
            self.flagged += 1;
        } else {
            let sizes = (0..self.dimensions.sizes).map(|size| self.count(size, found)).collect();
            self.rows.push((episode, sizes));
            let d = self.dimensions;
            for (all, own) in
                [(&mut self.linear_errors, &found.linear_error), (&mut self.second_shares, &found.second_share)]
            {
                for (at, number) in own.iter().enumerate().filter(|(_, number)| number.is_finite()) {
                    all[at / (2 * d.inputs)][usize::from(at % d.inputs >= d.ndx)].push(*number);
                }
            }
        }
    }

    fn count(&self, size: usize, found: &RowFound) -> [Counts; 2] {
        let d = self.dimensions;
        let mut counts = [Counts::default(); 2];
        for input in 0..d.inputs {
            let counts = &mut counts[usize::from(input >= d.ndx)];
            let status = [0, 1].map(|sign| found.status[d.at(size, sign, input)]);
            for bits in status {
                for (count, bit) in counts.status.iter_mut().zip([CUT, NOT_APPLIED, DIVERGED]) {
                    *count += u64::from(bits & bit != 0);
                }
            }
            for output in 0..d.ndx {
                let entry = output * d.inputs + input;
                let verdict = usize::from(found.verdict[size * d.entries() + entry]);
                let jacobian = usize::from(found.jacobian[entry]);
                counts.verdicts[verdict] += 1;
                counts.jacobian[jacobian] += 1;
                if let Some(kind) = found.second.get(size * d.entries() + entry) {
                    counts.kinds[usize::from(*kind)] += 1;
                }
                if verdict > 1 || jacobian > 1 {
                    continue;
                }
                counts.both[jacobian][verdict] += 1;
                let change = |sign: usize| {
                    let x = found.change[((2 * size + sign) * d.ndx + output) * d.inputs + input].abs();
                    if x.is_nan() { -1.0 } else { x }
                };
                let bits = status[usize::from(change(1) > change(0))];
                if [jacobian, verdict] == [1, 0] {
                    counts.breaks.add(bits);
                } else if [jacobian, verdict] == [0, 1] {
                    let all = status[0] | status[1];
                    counts.vanished_with_switch += u64::from(all & (SWITCHES | CUT | NOT_APPLIED) != 0);
                }
            }
        }
        counts
    }

    /// What all rows say.
    pub(super) fn summaries(&self, sizes: &[f64]) -> Vec<SizeSummary> {
        let blocks = self.blocks();
        let each = sizes.iter().enumerate().flat_map(|(s, size)| [(s, *size, 0), (s, *size, 1)]);
        let controls = self.dimensions.inputs > self.dimensions.ndx;
        each.filter(|(.., matrix)| *matrix == 0 || controls)
            .map(|(s, size, m)| self.summary(&blocks, s, size, m))
            .collect()
    }

    fn summary(&self, blocks: &[Vec<usize>], s: usize, size: f64, matrix: usize) -> SizeSummary {
        let of = |row: &usize| &self.rows[*row].1[s][matrix];
        let mut all = Counts::default();
        (0..self.rows.len()).for_each(|row| all.merge(of(&row)));
        let share = |part: &dyn Fn(&Counts) -> [u64; 2]| {
            let [count, of_all] = part(&all);
            let parts: Vec<[u64; 2]> = blocks
                .iter()
                .map(|rows| rows.iter().map(|row| part(of(row))).fold([0, 0], |[a, b], [c, d]| [a + c, b + d]))
                .collect();
            EntryShare { count, of: of_all, share: ratio(count, of_all), interval: interval(&parts) }
        };
        let [changed, unchanged, undecided] = all.verdicts;
        SizeSummary {
            size,
            matrix: ["A", "B"][matrix],
            rows: self.rows.len(),
            changed,
            unchanged,
            undecided,
            sparsity: ratio(unchanged, changed + unchanged),
            jacobian_sparsity: ratio(all.jacobian[1], all.jacobian[0] + all.jacobian[1]),
            broken: share(&|c| [c.both[1][0], c.both[1][0] + c.both[1][1]]),
            breaks: all.breaks,
            missed: share(&|c| [c.both[1][0], c.both[1][0] + c.both[0][0]]),
            vanished: share(&|c| [c.both[0][1], c.both[0][0] + c.both[0][1]]),
            vanished_with_switch: all.vanished_with_switch,
            cut: all.status[0],
            not_applied: all.status[1],
            diverged: all.status[2],
            linear_error: OfInterventions::of(&self.linear_errors[s][matrix]),
            entries: self.dimensions.second.then(|| {
                let [constant, bilinear, bends, switches, undecided] = all.kinds;
                EntryKinds { constant, bilinear, bends, switches, undecided }
            }),
            second_share: OfInterventions::of(&self.second_shares[s][matrix]),
        }
    }

    /// Rows that go together in the bootstrap.
    fn blocks(&self) -> Vec<Vec<usize>> {
        let mut blocks: Vec<Vec<usize>> = Vec::new();
        for (row, (episode, _)) in self.rows.iter().enumerate() {
            match blocks.last_mut() {
                Some(block) if self.rows[block[0]].0 == *episode => block.push(row),
                _ => blocks.push(vec![row]),
            }
        }
        if blocks.len() >= EPISODES {
            return blocks;
        }
        let length = (self.rows.len() as f64).sqrt().ceil().max(1.0) as usize;
        (0..self.rows.len()).collect::<Vec<_>>().chunks(length).map(<[usize]>::to_vec).collect()
    }
}

impl Breaks {
    fn add(&mut self, bits: u8) {
        self.contact += u64::from(bits & CONTACT != 0);
        self.limit += u64::from(bits & LIMIT != 0);
        self.friction += u64::from(bits & FRICTION != 0);
        self.force += u64::from(bits & FORCE != 0);
        self.smooth += u64::from(bits & SWITCHES == 0);
    }
}

impl Counts {
    fn merge(&mut self, other: &Self) {
        let add = |to: &mut [u64], from: &[u64]| to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        add(&mut self.verdicts, &other.verdicts);
        add(&mut self.jacobian, &other.jacobian);
        add(self.both.as_flattened_mut(), other.both.as_flattened());
        add(&mut self.status, &other.status);
        add(&mut self.kinds, &other.kinds);
        let Breaks { contact, limit, friction, force, smooth } = other.breaks;
        self.breaks.contact += contact;
        self.breaks.limit += limit;
        self.breaks.friction += friction;
        self.breaks.force += force;
        self.breaks.smooth += smooth;
        self.vanished_with_switch += other.vanished_with_switch;
    }
}

impl OfInterventions {
    fn of(numbers: &[f32]) -> Option<Self> {
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let at =
            |share: f64| sorted.get(((sorted.len().max(1) - 1) as f64 * share).round() as usize).map(|x| f64::from(*x));
        Some(Self { of: sorted.len(), median: at(0.5)?, ninth_decile: at(0.9)? })
    }
}

fn ratio(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}

/// The middle 95 % of ratios of sums over blocks that are drawn with replacement.
fn interval(blocks: &[[u64; 2]]) -> Option<[f64; 2]> {
    if blocks.len() < 2 {
        return None;
    }
    let mut ratios = Vec::with_capacity(DRAWS);
    for draw in 0..DRAWS {
        let mut stream = Stream::new(0, "influence/blocks", draw as u64);
        let mut sums = [0, 0];
        for _ in 0..blocks.len() {
            let [count, of] = blocks[((stream.uniform() * blocks.len() as f64) as usize).min(blocks.len() - 1)];
            sums = [sums[0] + count, sums[1] + of];
        }
        ratios.extend(ratio(sums[0], sums[1]));
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| ratios.get((share * (ratios.len() as f64 - 1.0)).round() as usize).copied();
    Some([at(0.025)?, at(0.975)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_alike_blocks_is_a_point_and_that_of_others_covers_the_share() {
        assert_eq!(interval(&[[1, 4], [2, 8], [3, 12]]), Some([0.25, 0.25]));
        assert_eq!(interval(&[[1, 4]]), None);
        assert_eq!(interval(&[[0, 0], [0, 0]]), None);
        let blocks: Vec<[u64; 2]> = (0..100).map(|i| [u64::from(i % 5 == 0), 1]).collect();
        let [low, high] = interval(&blocks).unwrap();
        // 20 of 100: the binomial's standard deviation is 4.
        assert!((low - 0.12).abs() < 0.015 && (high - 0.28).abs() < 0.015, "{low} {high}");
    }
}
