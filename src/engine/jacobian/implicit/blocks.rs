//! Dofs that a matrix does not couple are solved for apart.
//!
//! H and the integrator's inertia couple two dofs where a tree, a row that pushes or a damper does. Over the blocks B of dofs
//! that are coupled, be it through others,
//!
//! ```text
//! X = H^-1 R    is    X_B = H_B^-1 R_B,
//! ```
//!
//! and of R_B (|B| x inputs) only the columns count that are not zero: those of inputs that act on the block. So a hundred
//! bodies that do not touch cost a hundred times what one costs, and not a million times.

use nalgebra::{Cholesky, DMatrix, DMatrixViewMut, Dyn, LU};

use super::triangular;
use crate::physics::Sets;

/// Of fewer dofs the whole matrix is as fast as its blocks.
const FEW: usize = 48;

/// The dofs of a matrix (n x n) in blocks that nothing couples; in each in ascending order.
#[derive(Debug, Clone, Default)]
pub(super) struct Partition {
    n: usize,
    blocks: Vec<Vec<usize>>,
}

impl Partition {
    /// The blocks of a matrix, and of `groups` of dofs that are coupled whatever it says.
    pub(super) fn of<G: IntoIterator<Item = usize>>(matrix: &DMatrix<f64>, groups: impl Iterator<Item = G>) -> Self {
        let n = matrix.nrows();
        if n <= FEW {
            return Self::whole(n);
        }
        let mut sets = Sets::new(n);
        for (c, column) in matrix.column_iter().enumerate() {
            column.iter().enumerate().filter(|(_, x)| **x != 0.0).for_each(|(r, _)| sets.join(r, c));
        }
        groups.for_each(|group| sets.join_all(group.into_iter()));
        let mut blocks: Vec<Vec<usize>> = vec![Vec::new(); n];
        (0..n).for_each(|dof| blocks[sets.root(dof)].push(dof));
        blocks.retain(|block| !block.is_empty());
        let cube = |n: usize| (n as f64).powi(3);
        if blocks.iter().map(|block| cube(block.len())).sum::<f64>() > 0.5 * cube(n) {
            return Self::whole(n);
        }
        Self { n, blocks }
    }

    fn whole(n: usize) -> Self {
        Self { n, blocks: vec![(0..n).collect()] }
    }

    /// Whether there is one block of all dofs.
    pub(super) fn is_whole(&self) -> bool {
        self.blocks.len() <= 1
    }

    /// The dofs of each block.
    pub(super) fn blocks(&self) -> &[Vec<usize>] {
        &self.blocks
    }

    /// By dof, its block.
    pub(super) fn block_of_dof(&self) -> Vec<Vec<usize>> {
        let mut block_of = vec![Vec::new(); self.n];
        for (block, dofs) in self.blocks.iter().enumerate() {
            dofs.iter().for_each(|dof| block_of[*dof] = vec![block]);
        }
        block_of
    }

    /// By row of a matrix (any x n, row-major), the blocks that it has an entry in.
    pub(super) fn blocks_of_rows(&self, matrix: &[f64]) -> Vec<Vec<usize>> {
        let block_of = self.block_of_dof();
        let of = |row: &[f64]| {
            let mut blocks: Vec<usize> =
                row.iter().zip(&block_of).filter(|(x, _)| **x != 0.0).map(|(_, b)| b[0]).collect();
            blocks.sort_unstable();
            blocks.dedup();
            blocks
        };
        matrix.chunks_exact(self.n).map(of).collect()
    }

    /// By block, the columns in which a matrix has an entry in one of its rows; each matrix comes with the blocks of its rows.
    pub(super) fn columns_within(&self, matrices: &[(&DMatrix<f64>, &[Vec<usize>])]) -> Vec<Vec<usize>> {
        let mut columns: Vec<Vec<usize>> = vec![Vec::new(); self.blocks.len()];
        for c in 0..matrices.first().map_or(0, |(matrix, _)| matrix.ncols()) {
            for (matrix, blocks_of) in matrices {
                for (blocks, _) in blocks_of.iter().zip(matrix.column(c)).filter(|(_, x)| **x != 0.0) {
                    for block in blocks {
                        if columns[*block].last() != Some(&c) {
                            columns[*block].push(c);
                        }
                    }
                }
            }
        }
        columns
    }
}

/// The factors of a block.
#[derive(Debug)]
pub(super) enum Part {
    /// Of one that is symmetric and positive definite.
    Symmetric(Cholesky<f64, Dyn>),
    /// Of any other that can be inverted.
    General(LU<f64, Dyn, Dyn>),
}

impl Part {
    fn new(matrix: DMatrix<f64>, symmetric: bool) -> Option<Self> {
        if symmetric {
            return Cholesky::new(matrix).map(Self::Symmetric);
        }
        let lu = LU::new(matrix);
        lu.is_invertible().then_some(Self::General(lu))
    }

    /// The block's inverse times `x` (|B| x any), in place.
    pub(super) fn solve(&self, x: &mut DMatrixViewMut<'_, f64>) {
        match self {
            Self::Symmetric(factors) => triangular::solve(factors.l_dirty().as_slice(), x),
            Self::General(factors) => drop(factors.solve_mut(x)),
        }
    }

    /// The absolute values of the block's inverse, entry by entry.
    pub(super) fn inverse_size(&self, out: &mut DMatrix<f64>) {
        out.fill_with_identity();
        self.solve(&mut out.as_view_mut());
        out.apply(|x| *x = x.abs());
    }

    /// Whether the factor of a symmetric matrix shows that it is nearly singular: of some row's diagonal, what the others leave
    /// is rounding. That light and heavy dofs stand beside each other makes no row so: units do not count.
    fn is_nearly_singular(&self) -> bool {
        let Self::Symmetric(factors) = self else { return false };
        let factor = factors.l_dirty();
        (0..factor.nrows()).any(|r| {
            let diagonal: f64 = (0..=r).map(|c| factor[(r, c)] * factor[(r, c)]).sum();
            factor[(r, r)] * factor[(r, r)] < 1e-14 * diagonal
        })
    }
}

/// A matrix, factored block by block.
#[derive(Debug)]
pub(super) struct Factors {
    pub(super) partition: Partition,
    /// By block.
    pub(super) parts: Vec<Part>,
}

impl Factors {
    /// None where the matrix is singular, or is to be positive definite (`symmetric`) and is not.
    pub(super) fn new(matrix: &DMatrix<f64>, partition: Partition, symmetric: bool) -> Option<Self> {
        let parts = if partition.is_whole() {
            vec![Part::new(matrix.clone(), symmetric)?]
        } else {
            let part = |dofs: &Vec<usize>| Part::new(gathered(matrix, dofs, dofs), symmetric);
            partition.blocks().iter().map(part).collect::<Option<_>>()?
        };
        Some(Self { partition, parts })
    }

    /// The inverse times a vector (n), in place.
    pub(super) fn solve(&self, x: &mut [f64]) {
        let n = x.len();
        if self.partition.is_whole() {
            return self.parts[0].solve(&mut DMatrixViewMut::from_slice(x, n, 1));
        }
        for (dofs, part) in self.partition.blocks().iter().zip(&self.parts) {
            let mut own: Vec<f64> = dofs.iter().map(|dof| x[*dof]).collect();
            part.solve(&mut DMatrixViewMut::from_slice(&mut own, dofs.len(), 1));
            dofs.iter().zip(&own).for_each(|(dof, own)| x[*dof] = *own);
        }
    }

    /// Whether a block of a symmetric matrix is nearly singular.
    pub(super) fn is_nearly_singular(&self) -> bool {
        self.parts.iter().any(Part::is_nearly_singular)
    }
}

/// Entries of a matrix.
pub(super) fn gathered(from: &DMatrix<f64>, rows: &[usize], columns: &[usize]) -> DMatrix<f64> {
    DMatrix::from_fn(rows.len(), columns.len(), |r, c| from[(rows[r], columns[c])])
}

/// Entries of a matrix, to where they came from.
pub(super) fn scatter(from: &DMatrix<f64>, rows: &[usize], columns: &[usize], to: &mut DMatrix<f64>) {
    for (c, column) in columns.iter().enumerate() {
        for (r, row) in rows.iter().enumerate() {
            to[(*row, *column)] = from[(r, c)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 60 dofs in twenty blocks of three, dof i beside i + 20 and i + 40, and one group that couples two of them.
    fn matrix() -> (DMatrix<f64>, Partition) {
        let matrix = DMatrix::from_fn(60, 60, |r, c| match () {
            () if r == c => 4.0 + r as f64,
            () if r % 20 == c % 20 => 1.0 / (1.0 + (r + c) as f64),
            () => 0.0,
        });
        let partition = Partition::of(&matrix, std::iter::once([3, 25]));
        (matrix, partition)
    }

    #[test]
    fn dofs_are_together_that_are_coupled_through_others() {
        let (_, partition) = matrix();
        assert_eq!(partition.blocks().len(), 19);
        assert!(partition.blocks().contains(&vec![3, 5, 23, 25, 43, 45]));
        assert!(partition.blocks().contains(&vec![0, 20, 40]));
    }

    #[test]
    fn blocks_solve_what_the_whole_matrix_solves() {
        let (matrix, partition) = matrix();
        for symmetric in [true, false] {
            let factors = Factors::new(&matrix, partition.clone(), symmetric).unwrap();
            let mut x: Vec<f64> = (0..60).map(|i| (i as f64).sin()).collect();
            let right = DMatrix::from_column_slice(60, 1, &x);
            factors.solve(&mut x);
            let left = &matrix * DMatrix::from_column_slice(60, 1, &x) - right;
            assert!(left.amax() < 1e-14, "{}", left.amax());
        }
    }

    #[test]
    fn a_block_that_is_not_positive_definite_is_none() {
        let (mut matrix, partition) = matrix();
        matrix[(7, 7)] = -1.0;
        assert!(Factors::new(&matrix, partition, true).is_none());
    }

    #[test]
    fn rows_and_columns_are_those_with_an_entry() {
        let (matrix, partition) = matrix();
        let of = partition.block_of_dof();
        let mut rows = vec![0.0; 2 * 60];
        (rows[45], rows[60 + 7], rows[60 + 40]) = (1.0, 2.0, 3.0);
        let blocks = partition.blocks_of_rows(&rows);
        assert_eq!([&blocks[0], &blocks[1]], [&of[3], &[of[0][0], of[7][0]].to_vec()]);
        // Two rows' errors have an entry each, in the columns 5 and 2.
        let errors = DMatrix::from_fn(2, 60, |r, c| f64::from(u8::from((r, c) == (0, 5) || (r, c) == (1, 2))));
        let columns = partition.columns_within(&[(&matrix, &of), (&errors, &blocks)]);
        assert_eq!(columns[of[7][0]], [2, 7, 27, 47]);
        assert_eq!(columns[of[3][0]], [3, 5, 23, 25, 43, 45]);
    }

    #[test]
    fn few_dofs_stay_together() {
        assert!(Partition::of(&DMatrix::identity(FEW, FEW), std::iter::empty::<[usize; 0]>()).is_whole());
        assert!(!Partition::of(&DMatrix::identity(FEW + 1, FEW + 1), std::iter::empty::<[usize; 0]>()).is_whole());
    }
}
