//! What touches and what holds at a step: the regimes that sparsity is said to follow.

use super::information::{Interner, OTHER};
use crate::dataset::schema::{CONSTRAINT_TYPES, Var};
use crate::dataset::{Attribute, DatasetError, Recording, RowReader};

/// `constraint_state` of a row that exerts no force.
const SATISFIED: u8 = 0;

/// What holds at one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Regime {
    /// Number of the set of geom pairs in contact, see [`Regimes::contacts_of`].
    pub(crate) contact_set: u32,
    /// Number of the list of constraint rows that act at the start of the step: type, what they hold, state.
    pub(crate) constraint_set: u32,
    /// Contacts at the start of the step.
    pub(crate) contacts: usize,
    /// Constraint rows that act.
    pub(crate) rows: usize,
    /// Limits of joints and tendons that act.
    pub(crate) limits: usize,
}

/// Reads regimes, step after step from the first.
#[derive(Debug)]
pub(crate) struct Regimes<'a> {
    recording: &'a Recording,
    counts: [Option<RowReader<'a>>; 2],
    geoms: [Option<RowReader<'a>>; 2],
    rows: [Option<RowReader<'a>>; 3],
    /// Count and geoms of the pairs that touch within a step, where the recording tells.
    touch: [Option<RowReader<'a>>; 3],
    /// The next contact, constraint row and pair that touches.
    next: [usize; 3],
    contact_ids: Interner<Vec<[i32; 2]>>,
    constraint_ids: Interner<Vec<[i32; 4]>>,
    /// What the last step had, with its numbers: mostly the next one has the same.
    last: (Vec<[i32; 2]>, Vec<[i32; 4]>, [u32; 2]),
    /// The geom pairs of every contact set, by its number.
    pub(crate) sets: Vec<Vec<[i32; 2]>>,
}

impl<'a> Regimes<'a> {
    pub(crate) fn new(recording: &'a Recording) -> Result<Self, DatasetError> {
        let reader = |var: Var| recording.has(var).then(|| RowReader::new(recording, var)).transpose();
        Ok(Self {
            recording,
            counts: [reader(Var::Ncon)?, reader(Var::Nefc)?],
            geoms: [reader(Var::ContactGeom1)?, reader(Var::ContactGeom2)?],
            rows: [reader(Var::ConstraintType)?, reader(Var::ConstraintId)?, reader(Var::ConstraintState)?],
            touch: [reader(Var::Ntouch)?, reader(Var::TouchGeom1)?, reader(Var::TouchGeom2)?],
            next: [0; 3],
            contact_ids: Interner::default(),
            constraint_ids: Interner::default(),
            last: (Vec::new(), Vec::new(), [OTHER; 2]),
            sets: Vec::new(),
        })
    }

    /// Which contacts a contact set is made of: those within the step (`step`) or, where the recording does not tell these,
    /// those at its start (`start`).
    pub(crate) fn contacts_of(&self) -> &'static str {
        // A row of one physics step has no others.
        let one = |(name, value): (String, Attribute)| match (name.as_str(), value) {
            ("step_kind", Attribute::Text(kind)) => kind == "physics",
            ("substeps", Attribute::Int(n)) => n == 1,
            _ => false,
        };
        let whole = self.touch[0].is_some() || self.recording.attributes().into_iter().any(one);
        if whole { "step" } else { "start" }
    }

    /// The regime of the next step, which is this one.
    pub(crate) fn next(&mut self, step: usize) -> Result<Regime, DatasetError> {
        let mut counts = [0; 3];
        let [touch, ..] = &mut self.touch;
        for (count, reader) in counts.iter_mut().zip(self.counts.iter_mut().chain([touch])) {
            let n = int(reader, step)?;
            let damaged = || self.recording.foreign("a step has a negative number of contacts: the file is damaged");
            *count = usize::try_from(n).map_err(|_| damaged())?;
        }
        let mut pairs = Vec::with_capacity(counts[0]);
        for at in self.next[0]..self.next[0] + counts[0] {
            let [first, second] = &mut self.geoms;
            let (a, b) = (int(first, at)?, int(second, at)?);
            pairs.push([a.min(b), a.max(b)]);
        }
        let (mut acting, mut limits) = (Vec::new(), 0);
        for at in self.next[1]..self.next[1] + counts[1] {
            let [kind, id, state] = &mut self.rows;
            let (kind, id, state) = (byte(kind, at)?, int(id, at)?, byte(state, at)?);
            if state == SATISFIED {
                continue;
            }
            let name = CONSTRAINT_TYPES.get(usize::from(kind)).copied().unwrap_or_default();
            limits += usize::from(name.starts_with("limit"));
            // A contact's number says nothing about which one it is; its geoms do.
            let held = match usize::try_from(id).ok().and_then(|i| pairs.get(i)) {
                Some(pair) if name.starts_with("contact") => *pair,
                _ => [id, 0],
            };
            acting.push([kind.into(), held[0], held[1], state.into()]);
        }
        if self.touch[0].is_some() {
            pairs.clear();
            let [_, first, second] = &mut self.touch;
            for at in self.next[2]..self.next[2] + counts[2] {
                pairs.push([int(first, at)?, int(second, at)?]);
            }
        }
        self.next.iter_mut().zip(counts).for_each(|(next, n)| *next += n);
        let rows = acting.len();
        pairs.sort_unstable();
        pairs.dedup();
        let [mut contact_set, mut constraint_set] = self.last.2;
        if contact_set == OTHER || self.last.0 != pairs {
            let new;
            (contact_set, new) = self.contact_ids.id(pairs.clone());
            if new {
                self.sets.push(pairs.clone());
            }
        }
        if constraint_set == OTHER || self.last.1 != acting {
            constraint_set = self.constraint_ids.id(acting.clone()).0;
        }
        self.last = (pairs, acting, [contact_set, constraint_set]);
        Ok(Regime { contact_set, constraint_set, contacts: counts[0], rows, limits })
    }
}

fn int(reader: &mut Option<RowReader<'_>>, row: usize) -> Result<i32, DatasetError> {
    match reader {
        Some(reader) => Ok(reader.row(row)?.try_into().map_or(0, i32::from_le_bytes)),
        None => Ok(0),
    }
}

fn byte(reader: &mut Option<RowReader<'_>>, row: usize) -> Result<u8, DatasetError> {
    match reader {
        Some(reader) => Ok(reader.row(row)?.first().copied().unwrap_or(0)),
        None => Ok(0),
    }
}
