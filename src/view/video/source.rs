//! The steps of an episode, read in blocks, so that one of any length takes the memory of a block.

use std::ops::Range;

use super::super::ViewError;
use super::super::events::{Contacts, Events};
use super::super::matrices::{Entries, Kept};
use crate::dataset::Recording;
use crate::physics::Model;

/// Reads blocks of steps.
pub(super) struct Source<'r> {
    pub(super) recording: &'r Recording,
    pub(super) kept: Kept,
    /// The rows of the steps of the time line.
    pub(super) rows: Range<usize>,
    block: Option<Block>,
}

/// Some steps.
pub(super) struct Block {
    /// Counted from the first one of the time line.
    pub(super) steps: Range<usize>,
    pub(super) entries: [Entries; 2],
    pub(super) events: Events,
}

impl<'r> Source<'r> {
    pub(super) fn new(recording: &'r Recording, kept: Kept, rows: Range<usize>) -> Self {
        Self { recording, kept, rows, block: None }
    }

    /// Reads a block of steps, counted from the first one of the time line.
    pub(super) fn read(&self, model: &Model, steps: Range<usize>) -> Result<Block, ViewError> {
        let rows = self.rows.start + steps.start..self.rows.start + steps.end;
        let contacts = Contacts::new(self.recording, rows.clone())?;
        let events = Events::new(self.recording, model, &contacts, rows.clone())?;
        Ok(Block { steps, entries: self.kept.read(self.recording, rows)?, events })
    }

    /// The blocks of all steps.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let (n, size) = (self.rows.len(), self.kept.block);
        (0..n).step_by(size).map(move |first| first..(first + size).min(n))
    }

    /// The block that a step is in.
    pub(super) fn block_of(&mut self, model: &Model, step: usize) -> Result<&Block, ViewError> {
        let first = step / self.kept.block * self.kept.block;
        let block = match self.block.take().filter(|block| block.steps.start == first) {
            Some(block) => block,
            None => self.read(model, first..(first + self.kept.block).min(self.rows.len()))?,
        };
        Ok(self.block.insert(block))
    }
}
