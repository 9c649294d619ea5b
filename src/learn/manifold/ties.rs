//! What joins features and outputs to coordinates, for networks that are told structure: attention reads an output from its own
//! features, a graph from its own node, and a true mask is one of features.

use super::{Coordinates, Feature, Row};

/// By feature and by output, where they belong.
#[derive(Debug, Clone, PartialEq)]
pub struct Ties {
    /// By output: the features that it is read from.
    pub homes: Vec<Vec<usize>>,
    /// By feature: the nodes that it belongs to: dofs, activations, controls, then mocap bodies.
    pub nodes: Vec<Vec<usize>>,
    /// By output: its node.
    pub readers: Vec<usize>,
    /// Nodes behind those of the kinematic tree.
    pub mocap: usize,
    /// By output and feature: the entries (row, column) of the Jacobian that let it be seen; None: it always may.
    pub(in super::super) windows: Vec<Option<Vec<[usize; 2]>>>,
}

/// None where features are the coordinates in their order and outputs the next ones.
pub(super) fn of(coordinates: &Coordinates) -> Option<Ties> {
    let layout = coordinates.layout;
    let copied =
        coordinates.features.iter().enumerate().all(|(i, f)| matches!(f, Feature::Copy { column, .. } if *column == i));
    let said = (0..coordinates.outputs()).all(|o| coordinates.number(o) == Some(o));
    if copied && said && coordinates.inputs() == layout.inputs() {
        return None;
    }
    // Position and velocity of a dof are one node.
    let node = |column: usize| if column < layout.nv { column } else { column - layout.nv };
    let behind = layout.nv + layout.na + layout.nu;
    let places = coordinates.after() + layout.nu;
    let mocap = |at: usize| match at - places {
        place if place < super::PLACE * coordinates.mocap => behind + place / super::PLACE,
        turn => behind + (turn - super::PLACE * coordinates.mocap) / super::QUATERNION,
    };
    let nodes: Vec<Vec<usize>> = coordinates
        .features
        .iter()
        .map(|feature| match *feature {
            Feature::Given { at }
            | Feature::Turned { at, column: None, .. }
            | Feature::Between { at, column: None, .. } => vec![mocap(at)],
            // What it is seen from is a frame, not a part.
            Feature::Between { column: Some(column), .. } => vec![node(column)],
            _ => feature.columns().into_iter().map(node).collect(),
        })
        .collect();
    let column = |output: usize| match coordinates.rows.outputs[output] {
        Row::Number { column, .. } | Row::Step { column } | Row::Rate { column, .. } => column,
    };
    let homes = (0..coordinates.outputs()).map(|o| {
        let of = |column: usize| -> Vec<usize> {
            let own = |f: &Feature| f.columns().contains(&column);
            let between = |f: &Feature| matches!(f, Feature::Between { column: c, .. } if *c != Some(column));
            let found = coordinates.features.iter().enumerate().filter(|(_, f)| own(f) && !between(f));
            found.map(|(i, _)| i).collect()
        };
        let found = of(column(o));
        // The place of the first free joint is no feature: what moves it is its velocity.
        if found.is_empty() && column(o) < layout.nv { of(layout.nv + column(o)) } else { found }
    });
    let homes = homes.collect();
    let readers = (0..coordinates.outputs()).map(|o| node(column(o))).collect();
    Some(Ties { homes, nodes, readers, mocap: coordinates.mocap, windows: windows(coordinates) })
}

/// See [`Ties::windows`]. Where a row is also carried over (C), what the output adds to it is not zero where the sum is.
fn windows(coordinates: &Coordinates) -> Vec<Option<Vec<[usize; 2]>>> {
    let carried = coordinates.rows.carried(coordinates);
    let mut found = Vec::with_capacity(coordinates.outputs() * coordinates.inputs());
    for rows in coordinates.rows_of_outputs() {
        for feature in &coordinates.features {
            let entries: Vec<[usize; 2]> =
                rows.iter().flat_map(|row| feature.columns().into_iter().map(|column| [*row, column])).collect();
            let adds = entries.iter().any(|[row, column]| {
                let turn =
                    coordinates.turns.iter().any(|[_, f]| (*f..f + 3).contains(row) && (*f..f + 3).contains(column));
                turn || carried.iter().any(|(r, c, _)| r == row && c == column)
            });
            found.push((!entries.is_empty() && !adds).then_some(entries));
        }
    }
    found
}
