//! True and learned verdicts side by side along a stretch of an episode, for people to look at.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::LearnError;
use super::data::{Data, Part};
use super::truths::Truths;
use crate::zero::ZeroVerdict;

/// Steps and entries that are shown at most.
const STEPS: usize = 120;
const ENTRIES: usize = 32;

/// Verdicts of some entries over some steps: a text by entry with a letter by step, `1` nonzero, `0` zero, `?` unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strip {
    /// The episode's place in the recording.
    pub episode: usize,
    /// The first step, counted in the episode.
    pub first: usize,
    /// Entries, as `output / input`.
    pub entries: Vec<String>,
    /// What is true.
    pub truth: Vec<String>,
    /// What the network says, at its threshold.
    pub found: Vec<String>,
}

/// A stretch of an episode, which depends on the truth alone.
pub(super) struct Window {
    episode: usize,
    first: usize,
    /// Steps of the data.
    pub(super) steps: Range<usize>,
    entries: Vec<usize>,
    /// What is true at these steps.
    truths: Truths,
}

/// The stretch of a part's episodes in which most verdicts change, and the entries that do.
pub(super) fn window(data: &Data, part: Option<Part>) -> Result<Option<Window>, LearnError> {
    let allowed: Vec<Range<usize>> = match part {
        Some(part) => data.part(part).collect(),
        None => data.episodes.clone(),
    };
    let mut best: Option<(usize, Range<usize>, usize)> = None;
    for (number, episode) in data.episodes.iter().enumerate().filter(|(_, e)| allowed.contains(e)) {
        let length = STEPS.min(episode.len());
        let truths = data.truths(&episode.clone().collect::<Vec<_>>())?;
        let changed =
            |at: usize| truths.verdicts(at).iter().zip(truths.verdicts(at - 1)).filter(|(a, b)| a != b).count();
        let by_step: Vec<usize> = (0..episode.len()).map(|at| if at == 0 { 0 } else { changed(at) }).collect();
        // Within the window, so its first step does not count.
        let mut sum: usize = by_step[1.min(length)..length].iter().sum();
        for first in 0..=episode.len() - length {
            if first > 0 {
                sum = sum + by_step[first + length - 1] - by_step[first];
            }
            if best.as_ref().is_none_or(|(most, ..)| sum > *most) {
                let start = episode.start + first;
                best = Some((sum, start..start + length, number));
            }
        }
    }
    let Some((_, steps, episode)) = best else { return Ok(None) };
    let n = data.outputs() * data.inputs();
    let truths = data.truths(&steps.clone().collect::<Vec<_>>())?;
    let varies = |e: &usize| (1..truths.len()).any(|at| truths.verdicts(at)[*e] != truths.verdicts(at - 1)[*e]);
    let mut entries: Vec<usize> = (0..n).filter(varies).collect();
    if entries.is_empty() {
        entries = (0..n).collect();
    }
    // Evenly apart: neighbours often change together.
    let shown = ENTRIES.min(entries.len());
    let entries = (0..shown).map(|i| entries[i * entries.len() / shown]).collect();
    let first = steps.start - data.episodes[episode].start;
    Ok(Some(Window { episode, first, steps, entries, truths }))
}

impl Window {
    /// With the network's Jacobians at its steps, [step, outputs, inputs].
    pub(super) fn read(&self, data: &Data, found: &[f32], threshold: f64) -> Strip {
        let (inputs, n) = (data.inputs(), data.outputs() * data.inputs());
        let names: Vec<&String> = data.state.iter().chain(&data.action).collect();
        let row = |letter: &dyn Fn(usize) -> char| -> String { (0..self.truths.len()).map(letter).collect() };
        let both = |entry: usize| {
            let truth = |at: usize| match self.truths.verdicts(at)[entry] {
                v if v == ZeroVerdict::Undecided.code() || !data.has_derivative(self.steps.start + at) => '?',
                v if v == ZeroVerdict::Zero.code() => '0',
                _ => '1',
            };
            let learned = |at: usize| match found.get(at * n + entry) {
                Some(j) if f64::from(j.abs()) >= threshold => '1',
                Some(_) => '0',
                None => '?',
            };
            (row(&truth), row(&learned))
        };
        let (truth, found) = self.entries.iter().map(|e| both(*e)).unzip();
        let label = |e: &usize| format!("{} / {}", names[e / inputs], names[e % inputs]);
        Strip {
            episode: self.episode,
            first: self.first,
            entries: self.entries.iter().map(label).collect(),
            truth,
            found,
        }
    }
}
