//! A Cholesky factor against many right sides at once.
//!
//! ```text
//! L L' X = B        L: n x n, lower triangular    B: n x columns
//! ```
//!
//! Columns are taken [`LANES`] at a time, a row of them beside each other, so that one entry of L meets all of them. Each column
//! goes through the very operations of nalgebra's `Cholesky::solve_mut`, in their order: the numbers are the same to the last bit.

use nalgebra::DMatrixViewMut;

/// Columns that are solved for at once.
const LANES: usize = 8;

/// Partial sums of a product of two vectors, as nalgebra has them.
const SUMS: usize = 8;

type Row = [f64; LANES];

/// Solves in place; `l` holds L (n x n, column-major), above whose diagonal nothing is read.
pub(super) fn solve(l: &[f64], x: &mut DMatrixViewMut<'_, f64>) {
    let n = x.nrows();
    assert_eq!(l.len(), n * n, "the factor is n x n");
    let mut rows = vec![[0.0; LANES]; n];
    for first in (0..x.ncols()).step_by(LANES) {
        let lanes = LANES.min(x.ncols() - first);
        for (lane, column) in x.columns(first, lanes).column_iter().enumerate() {
            rows.iter_mut().zip(&column).for_each(|(row, x)| row[lane] = *x);
        }
        forward(l, &mut rows);
        backward(l, &mut rows);
        for (lane, mut column) in x.columns_mut(first, lanes).column_iter_mut().enumerate() {
            rows.iter().zip(&mut column).for_each(|(row, x)| *x = row[lane]);
        }
    }
}

/// L Y = B.
fn forward(l: &[f64], x: &mut [Row]) {
    let n = x.len();
    for i in 0..n {
        let column = &l[i * n..(i + 1) * n];
        let (solved, rest) = x.split_at_mut(i + 1);
        let own = &mut solved[i];
        own.iter_mut().for_each(|x| *x /= column[i]);
        let factor = own.map(|x| -x);
        for (row, l) in rest.iter_mut().zip(&column[i + 1..]) {
            for (x, factor) in row.iter_mut().zip(&factor) {
                *x += factor * l;
            }
        }
    }
}

/// L' X = Y.
fn backward(l: &[f64], x: &mut [Row]) {
    let n = x.len();
    for i in (0..n).rev() {
        let column = &l[i * n..(i + 1) * n];
        let (open, solved) = x.split_at_mut(i + 1);
        let (lower, mut sum) = (&column[i + 1..], [0.0; LANES]);
        let (l_chunks, x_chunks) = (lower.chunks_exact(SUMS), solved.chunks_exact(SUMS));
        let (l_rest, x_rest) = (l_chunks.remainder(), x_chunks.remainder());
        let mut sums = [[0.0; LANES]; SUMS];
        for (l, rows) in l_chunks.zip(x_chunks) {
            for ((sum, l), row) in sums.iter_mut().zip(l).zip(rows) {
                add_scaled(sum, *l, row);
            }
        }
        let (first, second) = sums.split_at(SUMS / 2);
        for (first, second) in first.iter().zip(second) {
            sum.iter_mut().zip(first.iter().zip(second)).for_each(|(sum, (a, b))| *sum += a + b);
        }
        for (l, row) in l_rest.iter().zip(x_rest) {
            add_scaled(&mut sum, *l, row);
        }
        for (x, sum) in open[i].iter_mut().zip(&sum) {
            *x = (*x - sum) / column[i];
        }
    }
}

fn add_scaled(to: &mut Row, factor: f64, row: &Row) {
    to.iter_mut().zip(row).for_each(|(to, x)| *to += factor * x);
}

#[cfg(test)]
mod tests {
    use nalgebra::{Cholesky, DMatrix};

    use super::*;
    use crate::jacobian::draws::Draws;

    #[test]
    fn it_is_nalgebras_solution_to_the_last_bit() {
        let mut draws = Draws::new(11);
        for n in [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 27, 41] {
            for columns in [0, 1, 5, 8, 9, 33] {
                let half = DMatrix::from_fn(n, n, |_, _| draws.normal());
                let matrix = &half * half.transpose() + DMatrix::identity(n, n);
                let factors = Cholesky::new(matrix).unwrap();
                let mut ours = DMatrix::from_fn(n, columns, |_, _| draws.normal());
                let mut theirs = ours.clone();
                solve(factors.l_dirty().as_slice(), &mut ours.as_view_mut());
                factors.solve_mut(&mut theirs);
                assert_eq!(ours, theirs, "{n} x {columns}");
            }
        }
    }
}
