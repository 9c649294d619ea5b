//! How well the gates of a network tell edges from zeros by themselves: scores are their probabilities in the place of |J|, which
//! is a hard gate times a slope. What the two differ by is lost by deciding, and by the slopes.

use burn_tensor::{Tensor, activation};

use super::LearnError;
use super::batch::{Wanted, assemble};
use super::data::Data;
use super::evaluate::{ALL, EntryGroup, VARYING, recovered};
use super::models::Network;
use super::place::{self, Place};
use super::train::CHUNK;
use super::truths::Truths;

/// All entries, and those that depend on the state; the cut is at 1/2. None where the network has no gates, or they are of features
/// that are no coordinates.
pub(super) fn gate_groups(
    (model, weights): (&dyn Network, &[Tensor<2>]),
    data: &Data,
    steps: &[usize],
    truths: &Truths,
    place: &Place,
) -> Result<Option<Vec<EntryGroup>>, LearnError> {
    if data.coordinates.ties().is_some() {
        return Ok(None);
    }
    let mut found = Vec::with_capacity(truths.all_verdicts().len());
    for chunk in steps.chunks(CHUNK) {
        let input = assemble(data, chunk, Wanted::default(), place)?.input;
        let Some(gates) = model.gates(weights, &input) else { return Ok(None) };
        found.extend(place::numbers32(activation::sigmoid(gates.log_odds))?);
    }
    let groups = recovered(data, steps, truths, &found, &[0.5], None)?.groups;
    Ok(Some(groups.into_iter().filter(|group| [ALL, VARYING].contains(&group.name.as_str())).collect()))
}
