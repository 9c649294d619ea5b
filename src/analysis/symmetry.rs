//! Which structure explains the entries that are always zero: symmetries of the model, as far as a recording shows
//! them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::pattern::{Matrix, Shape};
use crate::dataset::{DatasetError, Recording};

/// A structure and how much it explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What it is.
    pub kind: ReasonKind,
    /// The column, the row or the first dof of the part.
    pub name: String,
    /// Entries that are zero because of it and no earlier reason.
    pub cells: usize,
    /// Entries that are undecided at least once and never nonzero, and would be zero because of it.
    pub undecided: usize,
}

/// Kinds of structure, the more special first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// Nothing but a position itself depends on it, and it is a translation.
    Translation,
    /// The same of a rotation.
    Rotation,
    /// The same of a position of which the recording does not say what it is: one that was made before joints were kept.
    CyclicPosition,
    /// Nothing depends on it at all.
    NoEffect,
    /// It depends on nothing, not even on itself.
    Constant,
    /// It lies between parts of the model that never touch each other.
    SeparatePart,
}

impl ReasonKind {
    /// In words, of the thing named.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Translation => "column, translation symmetry",
            Self::Rotation => "column, rotation symmetry",
            Self::CyclicPosition => "column, nothing else depends on it",
            Self::NoEffect => "column, no effect",
            Self::Constant => "row, depends on nothing",
            Self::SeparatePart => "separate part of the model",
        }
    }
}

/// What the recording says of the model's structure.
#[derive(Debug)]
pub(super) struct Structure {
    /// By dof: whether it moves along an axis, else it turns; None in a recording that does not tell.
    translations: Option<Vec<bool>>,
}

impl Structure {
    /// Of the recording's kinematic tree.
    ///
    /// # Errors
    /// [`DatasetError`] where it is damaged.
    pub(super) fn of(recording: &Recording) -> Result<Self, DatasetError> {
        Ok(Self { translations: recording.kinematics()?.and_then(|tree| tree.translations()) })
    }

    /// What it means that nothing depends on the position of a dof.
    fn cyclic(&self, dof: usize) -> ReasonKind {
        match self.translations.as_ref().and_then(|all| all.get(dof)) {
            Some(true) => ReasonKind::Translation,
            Some(false) => ReasonKind::Rotation,
            None => ReasonKind::CyclicPosition,
        }
    }

    /// What explains the entries that are zero or undecided: the reasons, and by entry the number of one.
    pub(super) fn explain(
        &self,
        matrix: Matrix,
        shape: Shape,
        labels: [&[String]; 2],
        [zero, undecided]: [&[bool]; 2],
        parts: &Parts,
    ) -> (Vec<Reason>, Vec<Option<usize>>) {
        let never: Vec<bool> = zero.iter().zip(undecided).map(|(zero, undecided)| *zero || *undecided).collect();
        let mut reasons: Vec<Reason> = Vec::new();
        let mut reason = vec![None; never.len()];
        let at = |row: usize, column: usize| row * shape.columns + column;
        let mut give = |kind: ReasonKind, name: &str, cells: &mut dyn Iterator<Item = usize>| {
            let mut found = Reason { kind, name: name.to_owned(), cells: 0, undecided: 0 };
            for cell in cells {
                if never[cell] && reason[cell].is_none() {
                    reason[cell] = Some(reasons.len());
                    found.cells += usize::from(zero[cell]);
                    found.undecided += usize::from(undecided[cell]);
                }
            }
            if found.cells + found.undecided > 0 {
                reasons.push(found);
            }
        };
        for (column, label) in labels[1].iter().enumerate() {
            let all = |but: usize| (0..shape.rows).all(|r| r == but || never[at(r, column)]);
            if all(usize::MAX) {
                give(ReasonKind::NoEffect, label, &mut (0..shape.rows).map(|r| at(r, column)));
            } else if matrix == Matrix::A && label.starts_with("pos:") && all(column) {
                // The tangent state begins with the positions of all dofs.
                give(self.cyclic(column), label, &mut (0..shape.rows).map(|r| at(r, column)));
            }
        }
        for (row, label) in labels[0].iter().enumerate() {
            if (0..shape.columns).all(|c| never[at(row, c)]) {
                give(ReasonKind::Constant, label, &mut (0..shape.columns).map(|c| at(row, c)));
            }
        }
        for (part, name) in &parts.names {
            // Between this part and another one; each pair of parts once, with the part of its row.
            let across = (0..never.len()).filter(|e| {
                let (row, column) = (e / shape.columns, e % shape.columns);
                let other = match matrix {
                    Matrix::A => parts.of_state[column],
                    Matrix::B => parts.of_control[column],
                };
                parts.of_state[row] == *part && other != *part
            });
            give(ReasonKind::SeparatePart, name, &mut across.into_iter());
        }
        (reasons, reason)
    }
}

/// Parts of the model that no entry ever joins.
#[derive(Debug)]
pub(super) struct Parts {
    of_state: Vec<usize>,
    of_control: Vec<usize>,
    /// The parts, where there are several, and the first dof of each.
    names: Vec<(usize, String)>,
}

impl Parts {
    /// Of the entries that were never nonzero. Position and velocity of a dof belong together; a control belongs to
    /// what it moves.
    pub(super) fn new(state: &[String], never_a: &[bool], controls: usize, never_b: &[bool]) -> Self {
        let n = state.len();
        let bare = |label: &str| label.split_once(':').map_or(label, |(_, name)| name).to_owned();
        let mut root: Vec<usize> = (0..n + controls).collect();
        let mut first = BTreeMap::new();
        for (i, label) in state.iter().enumerate() {
            // An actuator may have the name of a joint.
            let key = (label.starts_with("act:"), bare(label));
            let with = *first.entry(key).or_insert(i);
            join(&mut root, i, with);
        }
        for row in 0..n {
            (0..n).filter(|c| !never_a[row * n + c]).for_each(|c| join(&mut root, row, c));
            (0..controls).filter(|c| !never_b[row * controls + c]).for_each(|c| join(&mut root, row, n + c));
        }
        let of = |i: usize| find(&root, i);
        let of_state: Vec<usize> = (0..n).map(of).collect();
        let of_control = (n..n + controls).map(of).collect();
        let mut names: Vec<(usize, String)> = Vec::new();
        for (i, label) in state.iter().enumerate() {
            if names.iter().all(|(part, _)| *part != of_state[i]) {
                names.push((of_state[i], bare(label)));
            }
        }
        if names.len() < 2 {
            names.clear();
        }
        Self { of_state, of_control, names }
    }
}

fn find(root: &[usize], mut i: usize) -> usize {
    while root[i] != i {
        i = root[i];
    }
    i
}

fn join(root: &mut [usize], i: usize, j: usize) {
    let (i, j) = (find(root, i), find(root, j));
    root[i.max(j)] = i.min(j);
}
