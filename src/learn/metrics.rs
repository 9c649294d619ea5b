//! How well scores find edges. An edge is an entry of the Jacobian that is not zero; a higher score says edge.

use serde::{Deserialize, Serialize};

/// Area under the receiver operating characteristic: the share of pairs (edge, no edge) in which the edge has the higher
/// score, ties counting half (Mann and Whitney). None without both kinds.
pub fn roc_auc(scores: &[f32], edges: &[bool]) -> Option<f64> {
    let (positive, negative) = counts(edges);
    if positive == 0 || negative == 0 {
        return None;
    }
    let (mut below, mut won) = (0u64, 0.0);
    for tie in ties(scores, edges) {
        won += tie.edges as f64 * (below as f64 + 0.5 * tie.others as f64);
        below += tie.others;
    }
    Some(won / (positive as f64 * negative as f64))
}

/// Area under precision over recall in steps (average precision): the sum over thresholds, from the highest score, of
/// the precision times what the threshold adds to the recall. None without edges.
pub fn pr_auc(scores: &[f32], edges: &[bool]) -> Option<f64> {
    let (positive, _) = counts(edges);
    if positive == 0 {
        return None;
    }
    let (mut found, mut called, mut area) = (0u64, 0u64, 0.0);
    for tie in ties(scores, edges).into_iter().rev() {
        found += tie.edges;
        called += tie.edges + tie.others;
        area += tie.edges as f64 / positive as f64 * (found as f64 / called as f64);
    }
    Some(area)
}

/// Scores that are the same.
struct Tie {
    edges: u64,
    others: u64,
}

/// By ascending score.
fn ties(scores: &[f32], edges: &[bool]) -> Vec<Tie> {
    let mut pairs: Vec<(f32, bool)> = scores.iter().copied().zip(edges.iter().copied()).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let same = pairs.chunk_by(|a, b| a.0 == b.0);
    same.map(|tie| {
        let edges = tie.iter().filter(|(_, e)| *e).count() as u64;
        Tie { edges, others: tie.len() as u64 - edges }
    })
    .collect()
}

fn counts(edges: &[bool]) -> (u64, u64) {
    let positive = edges.iter().filter(|e| **e).count() as u64;
    (positive, edges.len() as u64 - positive)
}

/// What a threshold makes of scores: an entry whose score is below it is called zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// The threshold.
    #[serde(with = "crate::number")]
    pub threshold: f64,
    /// Share of entries called zero: relative sparsity at this threshold.
    #[serde(with = "crate::number")]
    pub sparsity: f64,
    /// F1 of edges; None where there are none, in truth or called.
    #[serde(default, with = "crate::number")]
    pub f1: Option<f64>,
    /// F1 of zeros.
    #[serde(default, with = "crate::number")]
    pub f1_zeros: Option<f64>,
    /// Structural Hamming distance: wrongly called entries of a state, on average.
    #[serde(with = "crate::number")]
    pub shd: f64,
}

impl Cut {
    /// Mean of both F1, by which a threshold is chosen: that of edges alone would call everything an edge.
    pub fn macro_f1(&self) -> f64 {
        0.5 * (self.f1.unwrap_or(0.0) + self.f1_zeros.unwrap_or(0.0))
    }
}

/// Cuts at thresholds, of scores of that many states.
pub fn cuts(scores: &[f32], edges: &[bool], states: usize, thresholds: &[f64]) -> Vec<Cut> {
    thresholds.iter().map(|t| cut(scores, edges, states, *t)).collect()
}

fn cut(scores: &[f32], edges: &[bool], states: usize, threshold: f64) -> Cut {
    let mut table = [[0u64; 2]; 2];
    for (score, edge) in scores.iter().zip(edges) {
        table[usize::from(*edge)][usize::from(f64::from(*score) >= threshold)] += 1;
    }
    let [[zeros, false_edges], [false_zeros, found]] = table;
    let wrong = (false_edges + false_zeros) as f64;
    let f1 = |right: u64| {
        let all = 2.0 * right as f64 + wrong;
        (all > 0.0).then(|| 2.0 * right as f64 / all)
    };
    let entries = (zeros + false_edges + false_zeros + found).max(1) as f64;
    Cut {
        threshold,
        sparsity: (zeros + false_zeros) as f64 / entries,
        f1: f1(found),
        f1_zeros: f1(zeros),
        shd: wrong / states.max(1) as f64,
    }
}

/// 1e-10, 10^-9.75, ..., 1e2: what a whole curve is made of.
pub fn curve() -> Vec<f64> {
    (-40..=8).map(|i| 10f64.powf(f64::from(i) / 4.0)).collect()
}
