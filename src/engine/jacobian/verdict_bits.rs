//! Verdicts as bits: which entries are surely not zero, and which perhaps are not. The boolean product over the
//! physics steps of a control step is taken on these.

use super::ZeroVerdict;

/// Bits of a word.
const WORD: usize = u64::BITS as usize;

/// Verdicts of a matrix. An entry is nonzero where it is sure, undecided where it is only possible, zero elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VerdictBits {
    columns: usize,
    /// Words of a row.
    words: usize,
    sure: Vec<u64>,
    possible: Vec<u64>,
}

impl VerdictBits {
    /// Zeros.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let words = columns.div_ceil(WORD);
        Self { columns, words, sure: vec![0; rows * words], possible: vec![0; rows * words] }
    }

    /// Takes over a row-major matrix.
    pub(super) fn read(&mut self, verdicts: &[ZeroVerdict]) {
        self.sure.fill(0);
        self.possible.fill(0);
        if self.columns == 0 {
            return;
        }
        for (r, row) in verdicts.chunks_exact(self.columns).enumerate() {
            for (c, verdict) in row.iter().enumerate() {
                let (word, bit) = (r * self.words + c / WORD, 1 << (c % WORD));
                if *verdict == ZeroVerdict::Nonzero {
                    self.sure[word] |= bit;
                }
                if *verdict != ZeroVerdict::Zero {
                    self.possible[word] |= bit;
                }
            }
        }
    }

    /// Into a row-major matrix.
    pub(super) fn write(&self, verdicts: &mut [ZeroVerdict]) {
        if self.columns == 0 {
            return;
        }
        for (r, row) in verdicts.chunks_exact_mut(self.columns).enumerate() {
            for (c, verdict) in row.iter_mut().enumerate() {
                let (word, bit) = (r * self.words + c / WORD, 1 << (c % WORD));
                *verdict = match (self.sure[word] & bit != 0, self.possible[word] & bit != 0) {
                    (true, _) => ZeroVerdict::Nonzero,
                    (false, true) => ZeroVerdict::Undecided,
                    (false, false) => ZeroVerdict::Zero,
                };
            }
        }
    }

    /// Adds the product `left right` to this: an entry is nonzero where one of its paths is so in both factors, and
    /// zero where each has a zero. Numbers that cancel are not looked at.
    pub(super) fn add_product(&mut self, left: &Self, right: &Self) {
        let words = self.words;
        for (plane, left_plane, right_plane) in
            [(&mut self.sure, &left.sure, &right.sure), (&mut self.possible, &left.possible, &right.possible)]
        {
            if words == 0 || left.words == 0 {
                continue;
            }
            for (to, bits) in plane.chunks_exact_mut(words).zip(left_plane.chunks_exact(left.words)) {
                for m in ones(bits) {
                    for (x, y) in to.iter_mut().zip(&right_plane[m * words..(m + 1) * words]) {
                        *x |= y;
                    }
                }
            }
        }
    }

    /// Forgets everything: zeros.
    pub(super) fn clear(&mut self) {
        self.sure.fill(0);
        self.possible.fill(0);
    }
}

/// The positions of the bits that are set.
fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(i, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros();
            (left != 0).then(|| {
                left &= left - 1;
                i * WORD + bit as usize
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jacobian::draws::Draws;

    /// A sum of three-valued products, as the definition has it.
    fn by_hand(
        left: &[ZeroVerdict],
        right: &[ZeroVerdict],
        plus: &[ZeroVerdict],
        n: usize,
        columns: usize,
    ) -> Vec<ZeroVerdict> {
        let mut out = plus.to_vec();
        for r in 0..n {
            for c in 0..columns {
                let paths = (0..n).map(|m| match (left[r * n + m], right[m * columns + c]) {
                    (ZeroVerdict::Zero, _) | (_, ZeroVerdict::Zero) => ZeroVerdict::Zero,
                    (ZeroVerdict::Nonzero, ZeroVerdict::Nonzero) => ZeroVerdict::Nonzero,
                    _ => ZeroVerdict::Undecided,
                });
                for path in paths {
                    let entry = &mut out[r * columns + c];
                    *entry = match (*entry, path) {
                        (ZeroVerdict::Nonzero, _) | (_, ZeroVerdict::Nonzero) => ZeroVerdict::Nonzero,
                        (ZeroVerdict::Zero, ZeroVerdict::Zero) => ZeroVerdict::Zero,
                        _ => ZeroVerdict::Undecided,
                    };
                }
            }
        }
        out
    }

    #[test]
    fn the_product_is_that_of_its_definition() {
        let mut draws = Draws::new(5);
        for (n, columns) in [(1, 1), (4, 2), (18, 6), (63, 64), (65, 130), (70, 0)] {
            for zeros in [0.5, 0.9, 0.98] {
                let mut draw = |len: usize| -> Vec<ZeroVerdict> {
                    let mut one = || match draws.uniform() {
                        x if x < zeros => ZeroVerdict::Zero,
                        x if x < zeros + 0.5 * (1.0 - zeros) => ZeroVerdict::Undecided,
                        _ => ZeroVerdict::Nonzero,
                    };
                    (0..len).map(|_| one()).collect()
                };
                let (left, right, plus) = (draw(n * n), draw(n * columns), draw(n * columns));
                let (mut a, mut b, mut sum) =
                    (VerdictBits::new(n, n), VerdictBits::new(n, columns), VerdictBits::new(n, columns));
                a.read(&left);
                b.read(&right);
                sum.read(&plus);
                let mut found = plus.clone();
                sum.write(&mut found);
                assert_eq!(found, plus);
                sum.add_product(&a, &b);
                sum.write(&mut found);
                assert_eq!(found, by_hand(&left, &right, &plus, n, columns), "{n} x {columns}, {zeros} zeros");
            }
        }
    }
}
