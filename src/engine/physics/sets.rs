//! Disjoint sets of numbers: what is joined, be it through others, has one root.

/// Sets of the numbers below n; at first each is alone.
#[derive(Debug, Clone)]
pub(crate) struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    pub(crate) fn new(n: usize) -> Self {
        Self { parent: (0..n).collect() }
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        self.parent.len()
    }

    /// The least number of the set of `x`.
    pub(crate) fn root(&self, mut x: usize) -> usize {
        while self.parent[x] != x {
            x = self.parent[x];
        }
        x
    }

    /// Makes one set of two.
    pub(crate) fn join(&mut self, x: usize, y: usize) {
        let (x, y) = (self.root(x), self.root(y));
        self.parent[x.max(y)] = x.min(y);
    }

    /// Makes one set of all of some numbers' sets.
    pub(crate) fn join_all(&mut self, mut all: impl Iterator<Item = usize>) {
        if let Some(first) = all.next() {
            all.for_each(|x| self.join(first, x));
        }
    }
}
