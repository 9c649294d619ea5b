//! Q2: sparsity by state.

use super::super::chance::Against;
use super::super::state::{RegimeGroup, RegimeInformation};
use super::super::table::{Table, row};
use super::super::{Analysis, Matrix};
use super::{MATRIX, table};

pub(super) fn tables(analyses: &[Analysis]) -> Vec<Table> {
    vec![
        table(analyses, sparsity),
        table(analyses, bins),
        table(analyses, levels),
        table(analyses, patterns),
        table(analyses, contact_sets),
        table(analyses, regime_counts),
        table(analyses, information),
        table(analyses, embedding),
        table(analyses, loadings),
    ]
}

row! {
    struct SparsityRow in "sparsity": "Q2: sparsity of a step, the share of its entries that are zero" {
        matrix: Matrix => MATRIX,
        samples: u64 => "steps that count",
        mean: f64 => "mean sparsity",
        std: f64 => "standard deviation",
        min: f64 => "smallest",
        max: f64 => "largest",
        mean_undecided: f64 => "mean share of undecided entries, which are not in the sparsity",
        patterns: usize => "distinct zero patterns",
        complete: bool => "whether all patterns were told apart",
        entropy: f64 => "entropy of the pattern, bits",
        entropy_corrected: f64 => "the same with the Miller-Madow correction, bits",
        half: usize => "patterns that together hold in half of the samples",
    }
}

fn sparsity(a: &Analysis) -> impl Iterator<Item = SparsityRow> {
    a.state.iter().map(|s| SparsityRow {
        matrix: s.matrix,
        samples: s.samples,
        mean: s.mean,
        std: s.std,
        min: s.min,
        max: s.max,
        mean_undecided: s.mean_undecided,
        patterns: s.patterns.distinct,
        complete: s.patterns.complete,
        entropy: s.patterns.entropy_bits,
        entropy_corrected: s.patterns.entropy_corrected_bits,
        half: s.patterns.half,
    })
}

row! {
    struct BinRow in "sparsity_bins": "Q2: distribution of the sparsity in bins of 0.1" {
        matrix: Matrix => MATRIX,
        from: f64 => "smallest sparsity of the bin",
        to: f64 => "end of the bin; 1 is in the last",
        steps: u64 => "steps",
    }
}

fn bins(a: &Analysis) -> impl Iterator<Item = BinRow> {
    let edge = |i: usize| i as f64 / 10.0;
    a.state.iter().flat_map(move |s| {
        let bin =
            move |(i, steps): (usize, &u64)| BinRow { matrix: s.matrix, from: edge(i), to: edge(i + 1), steps: *steps };
        s.bins.iter().enumerate().map(bin)
    })
}

row! {
    struct LevelRow in "sparsity_levels": "Q2: distribution of the exact number of zeros" {
        matrix: Matrix => MATRIX,
        zero: usize => "entries that are zero",
        sparsity: f64 => "their share",
        steps: u64 => "steps",
    }
}

fn levels(a: &Analysis) -> impl Iterator<Item = LevelRow> {
    a.state.iter().flat_map(|s| {
        s.levels.iter().map(|l| LevelRow {
            matrix: s.matrix,
            zero: l.zero,
            sparsity: l.zero as f64 / s.entries as f64,
            steps: l.steps,
        })
    })
}

row! {
    struct PatternRow in "patterns": "Q2: the most frequent zero patterns" {
        matrix: Matrix => MATRIX,
        rank: usize => "from 1, the most frequent",
        steps: u64 => "steps in which it holds",
        share: f64 => "their share",
        zero: usize => "entries that are zero",
        undecided: usize => "entries that are undecided",
        first_step: usize => "number of its first step, of all steps of the recording",
    }
}

fn patterns(a: &Analysis) -> impl Iterator<Item = PatternRow> {
    a.state.iter().flat_map(|s| {
        s.patterns.most.iter().zip(1..).map(|(p, rank)| PatternRow {
            matrix: s.matrix,
            rank,
            steps: p.steps,
            share: p.share,
            zero: p.zero,
            undecided: p.undecided,
            first_step: p.first_step,
        })
    })
}

row! {
    /// The steps of a regime and how sparse they are.
    struct RegimeSteps {
        steps: u64 => "steps",
        share: f64 => "their share of the samples",
        mean_a: f64 => "mean sparsity of A in them",
        mean_b: Option<f64> => "mean sparsity of B in them",
    }
}

impl RegimeSteps {
    fn of(group: &RegimeGroup) -> Self {
        let RegimeGroup { steps, share, mean_a, mean_b } = *group;
        Self { steps, share, mean_a, mean_b }
    }
}

row! {
    struct ContactSetRow in "contact_sets": "Q2: sparsity by the set of geom pairs in contact" {
        rank: usize => "from 1, the most frequent",
        pairs: String => "geom pairs, joined by +; empty: nothing touches",
        steps: RegimeSteps,
        patterns_a: usize => "distinct patterns of A in them",
    }
}

fn contact_sets(a: &Analysis) -> impl Iterator<Item = ContactSetRow> {
    a.regimes.contact_sets.iter().zip(1..).map(|(set, rank)| ContactSetRow {
        rank,
        pairs: set.pairs.iter().map(|pair| pair.join("/")).collect::<Vec<_>>().join("+"),
        steps: RegimeSteps::of(&set.group),
        patterns_a: set.patterns_a,
    })
}

row! {
    struct RegimeCountRow in "regime_counts":
        "Q2: sparsity by the number of contacts, of constraint rows that act, and of limits that act"
    {
        of: &'static str => "contacts, rows or limits",
        count: usize => "how many",
        steps: RegimeSteps,
    }
}

fn regime_counts(a: &Analysis) -> impl Iterator<Item = RegimeCountRow> {
    let r = &a.regimes;
    [("contacts", &r.by_contacts), ("rows", &r.by_rows), ("limits", &r.by_limits)].into_iter().flat_map(
        |(of, groups)| {
            groups.iter().map(move |g| RegimeCountRow { of, count: g.count, steps: RegimeSteps::of(&g.group) })
        },
    )
}

row! {
    struct InformationRow in "information": "Q2: whether the zero pattern follows the regime" {
        matrix: Matrix => MATRIX,
        regime: &'static str =>
            "contacts: set of geom pairs; constraints: rows that act, by type, what they hold and state",
        at: &'static str => "step: within the step; start: at its start",
        samples: u64 => "steps",
        regimes: usize => "distinct regimes",
        patterns: usize => "distinct patterns",
        pairs: usize => "distinct pairs of both",
        regime_entropy: f64 => "bits",
        pattern_entropy: f64 => "bits",
        information: f64 => "mutual information as counted, bits",
        explained: Option<f64> => "its share of the pattern's entropy",
        bias: f64 => "its bias by Miller and Madow, bits",
        corrected: f64 => "mutual information without the bias, bits",
        corrected_explained: Option<f64> => "its share of the pattern's entropy",
        complete: bool => "whether all were told apart",
        shifts: Option<usize> => "circular shifts of the regimes against the patterns, within episodes",
        chance_explained: Option<f64> => "mean share of the pattern's entropy that the shifts explain",
        beyond: Option<f64> => "share explained beyond chance",
        beyond_low: Option<f64> => "lower end of its 95 % interval",
        beyond_high: Option<f64> => "upper end",
        p: Option<f64> => "share of the shifts, and the recording itself, that explain as much",
        recurring_regimes: Option<usize> => "regimes of at least 5 steps; below, the others count as one",
        rare_steps: Option<f64> => "share of the steps with another regime",
        recurring_explained: Option<f64> => "share of the pattern's entropy that what recurs explains",
        recurring_chance_explained: Option<f64> => "mean share that its shifts explain",
        recurring_beyond: Option<f64> => "share that it explains beyond chance",
        recurring_beyond_low: Option<f64> => "lower end of its 95 % interval",
        recurring_beyond_high: Option<f64> => "upper end",
        recurring_p: Option<f64> => "share of its shifts, and itself, that explain as much",
    }
}

fn information(a: &Analysis) -> impl Iterator<Item = InformationRow> {
    let at = |regime: &str| if regime == "contacts" { a.regimes.contacts_of } else { "start" };
    a.regimes.information.iter().map(move |i| InformationRow::of(i, at(i.regime)))
}

impl InformationRow {
    fn of(found: &RegimeInformation, at: &'static str) -> Self {
        let i = &found.information;
        let chance = found.chance.as_ref();
        let (all, recurring) = (chance.map(|c| &c.all), chance.map(|c| &c.recurring));
        let beyond = |against: Option<&Against>| against.and_then(|x| x.beyond_interval);
        Self {
            matrix: found.matrix,
            regime: found.regime,
            at,
            samples: i.samples,
            regimes: i.regimes,
            patterns: i.patterns,
            pairs: i.pairs,
            regime_entropy: i.regime_bits,
            pattern_entropy: i.pattern_bits,
            information: i.bits,
            explained: i.explained,
            bias: i.bias_bits,
            corrected: i.corrected_bits,
            corrected_explained: i.corrected_explained,
            complete: i.complete,
            shifts: chance.map(|c| c.shifts),
            chance_explained: all.and_then(|x| x.chance_explained),
            beyond: all.and_then(|x| x.beyond),
            beyond_low: beyond(all).map(|[low, _]| low),
            beyond_high: beyond(all).map(|[_, high]| high),
            p: all.and_then(|x| x.p),
            recurring_regimes: chance.map(|c| c.recurring_regimes),
            rare_steps: chance.map(|c| c.rare_steps),
            recurring_explained: recurring.and_then(|x| x.explained),
            recurring_chance_explained: recurring.and_then(|x| x.chance_explained),
            recurring_beyond: recurring.and_then(|x| x.beyond),
            recurring_beyond_low: beyond(recurring).map(|[low, _]| low),
            recurring_beyond_high: beyond(recurring).map(|[_, high]| high),
            recurring_p: recurring.and_then(|x| x.p),
        }
    }
}

row! {
    struct EmbeddingRow in "embedding": "Q2: a sample of (s, a, s') in two dimensions" {
        step: usize => "number of the step, of all steps of the recording",
        pca1: f64 => "first principal component",
        pca2: f64 => "second principal component",
        tsne1: Option<f64> => "first coordinate by t-SNE",
        tsne2: Option<f64> => "second coordinate by t-SNE",
        sparsity_a: f64 => "sparsity of A",
        sparsity_b: Option<f64> => "sparsity of B",
        contacts: usize => "contacts",
    }
}

fn embedding(a: &Analysis) -> impl Iterator<Item = EmbeddingRow> {
    a.embedding.steps.iter().map(|s| EmbeddingRow {
        step: s.step,
        pca1: s.pca[0],
        pca2: s.pca[1],
        tsne1: s.tsne.map(|[first, _]| first),
        tsne2: s.tsne.map(|[_, second]| second),
        sparsity_a: s.sparsity_a,
        sparsity_b: s.sparsity_b,
        contacts: s.contacts,
    })
}

row! {
    struct LoadingRow<'a> in "embedding_loadings": "Q2: what the principal components are made of" {
        component: usize => "1 or 2",
        explained: f64 => "share of the variance that it explains",
        feature: &'a str => "variable and label",
        weight: f64 => "its weight",
    }
}

fn loadings(a: &Analysis) -> impl Iterator<Item = LoadingRow<'_>> {
    let components = a.embedding.loadings.iter().zip(a.embedding.explained).zip(1..);
    components.flat_map(|((loadings, explained), component)| {
        loadings.iter().map(move |l| LoadingRow { component, explained, feature: &l.feature, weight: l.weight })
    })
}
