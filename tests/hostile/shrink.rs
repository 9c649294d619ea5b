//! Makes an input smaller as long as it still fails in the same way.

use std::ops::Range;
use std::sync::Arc;

use crate::case::Case;

/// Tries at most so many smaller inputs.
pub(crate) fn shrink(case: &Case, tries: u32, fails: &dyn Fn(&Case) -> bool) -> Case {
    let mut small = Small { case: case.clone(), left: tries, fails };
    // Commands before the one that fails, and files that nobody needs.
    for at in (0..case.commands.len()).rev() {
        if small.case.commands.len() > 1 && small.case.same.is_none() {
            small.offer(|c| drop(c.commands.remove(at.min(c.commands.len() - 1))));
        }
    }
    for name in case.files.keys() {
        small.offer(|c| drop(c.files.remove(name)));
    }
    for name in &case.hostile {
        if small.case.files.get(name).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok()) {
            small.blocks(name);
            small.attributes(name);
        }
        small.reverts(name);
        // What was only changed in places stays as long as it was.
        if small.case.undamaged.is_none() {
            small.chunks(name);
        }
    }
    small.case
}

struct Small<'a> {
    case: Case,
    left: u32,
    fails: &'a dyn Fn(&Case) -> bool,
}

impl Small<'_> {
    /// Takes a change if the input still fails.
    fn offer(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let mut changed = self.case.clone();
        change(&mut changed);
        let better = (self.fails)(&changed);
        if better {
            self.case = changed;
        }
        better
    }

    fn bytes(&self, name: &str) -> Arc<Vec<u8>> {
        self.case.files.get(name).cloned().unwrap_or_default()
    }

    fn without(&mut self, name: &str, range: Range<usize>) -> bool {
        let mut bytes = self.bytes(name).to_vec();
        bytes.drain(range);
        self.offer(|c| drop(c.files.insert(name.to_owned(), Arc::new(bytes))))
    }

    /// Undoes changes of single bytes, halves first.
    fn reverts(&mut self, name: &str) {
        let Some(before) = self.case.undamaged.clone().filter(|b| b.len() == self.bytes(name).len()) else {
            self.case.undamaged = None;
            return;
        };
        let differing = |bytes: &[u8]| -> Vec<usize> { (0..bytes.len()).filter(|i| bytes[*i] != before[*i]).collect() };
        let mut size = differing(&self.bytes(name)).len().div_ceil(2);
        while size > 0 && self.left > 0 {
            let mut from = 0;
            loop {
                let mut bytes = self.bytes(name).to_vec();
                let there = differing(&bytes);
                if from >= there.len() || self.left == 0 {
                    break;
                }
                let undone = &there[from..(from + size).min(there.len())];
                undone.iter().for_each(|i| bytes[*i] = before[*i]);
                if undone.len() == there.len()
                    || !self.offer(|c| drop(c.files.insert(name.to_owned(), Arc::new(bytes))))
                {
                    from += size;
                }
            }
            size /= 2;
        }
    }

    /// Leaves out lines with all that is indented below them.
    fn blocks(&mut self, name: &str) {
        let mut at = 0;
        loop {
            let bytes = self.bytes(name);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            if at >= lines.len() || self.left == 0 {
                return;
            }
            let indent = |line: &str| line.len() - line.trim_start().len();
            let mut end = at + 1;
            while end < lines.len() && indent(lines[end]) > indent(lines[at]) {
                end += 1;
            }
            let closes =
                |line: &&&str| line.trim_start().starts_with(['}', ']']) || line.trim_start().starts_with("</");
            if end > at + 1 && lines.get(end).as_ref().is_some_and(closes) {
                end += 1;
            }
            let start: usize = lines[..at].iter().map(|l| l.len()).sum();
            let length: usize = lines[at..end].iter().map(|l| l.len()).sum();
            if length == bytes.len() || !self.without(name, start..start + length) {
                at += 1;
            }
        }
    }

    /// Leaves out attributes of XML.
    fn attributes(&mut self, name: &str) {
        let mut from = 0;
        loop {
            let text = String::from_utf8_lossy(&self.bytes(name)).into_owned();
            let Some(equals) = text.get(from..).and_then(|t| t.find("=\"")).map(|at| from + at) else { return };
            let Some(start) = text[..equals].rfind(' ') else { return };
            let Some(end) = text[equals + 2..].find('"').map(|at| equals + 2 + at + 1) else { return };
            if self.left == 0 {
                return;
            }
            from = if self.without(name, start..end) { start } else { end };
        }
    }

    /// Leaves out halves, quarters, and so on.
    fn chunks(&mut self, name: &str) {
        let mut size = self.bytes(name).len() / 2;
        while size > 0 && self.left > 0 {
            let mut at = 0;
            while at + size <= self.bytes(name).len() && self.left > 0 {
                if !self.without(name, at..at + size) {
                    at += size;
                }
            }
            size /= 2;
        }
    }
}
