//! The linear system of an integrator that damps implicitly, MH x = right, whose solution is added to da.

use nalgebra::{DMatrix, Matrix6};

use super::blocks::{Factors, Part, gathered, scatter};
use super::motion::ULP;

/// The system over all dofs, or those of a block.
#[derive(Debug)]
pub(super) struct Damped {
    /// MH - M, and a bound on the terms of MH (nv x nv).
    pub(super) extra: DMatrix<f64>,
    pub(super) terms: DMatrix<f64>,
    /// What of the right side is not (MH - M) da, and bounds on its errors (nv x ndx + nu).
    pub(super) right: DMatrix<f64>,
    pub(super) right_noise: DMatrix<f64>,
    /// Space: |MH^-1| (nv x nv), sizes (nv x ndx + nu).
    inverse: DMatrix<f64>,
    sizes: DMatrix<f64>,
}

/// First dofs of the free bodies that are solved by themselves, and the inverse of what they are solved with.
type FreeBodies<'a> = [(usize, &'a Matrix6<f64>)];

impl Damped {
    pub(super) fn new(nv: usize, inputs: usize) -> Self {
        let (square, wide) = (|| DMatrix::zeros(nv, nv), || DMatrix::zeros(nv, inputs));
        Self { extra: square(), terms: square(), right: wide(), right_noise: wide(), inverse: square(), sizes: wide() }
    }

    /// Adds MH^-1 (right - (MH - M) da) to `da`, and with `bounds` bounds on its errors to `noise`.
    pub(super) fn solve(
        &mut self,
        factors: &Factors,
        free_bodies: &FreeBodies<'_>,
        (da, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
        bounds: bool,
    ) {
        let blocks = factors.partition.blocks();
        if factors.partition.is_whole() {
            if let Some(part) = factors.parts.first() {
                self.solve_block(part, free_bodies, (da, noise), bounds);
            }
            return;
        }
        let of_dofs = factors.partition.block_of_dof();
        let columns = {
            let all: [&DMatrix<f64>; 4] = [da, noise, &self.right, &self.right_noise];
            factors.partition.columns_within(&all.map(|matrix| (matrix, of_dofs.as_slice())))
        };
        for ((dofs, part), columns) in blocks.iter().zip(&factors.parts).zip(&columns) {
            let of = |matrix: &DMatrix<f64>| gathered(matrix, dofs, columns);
            let mut block = Self {
                extra: gathered(&self.extra, dofs, dofs),
                terms: gathered(&self.terms, dofs, dofs),
                right: of(&self.right),
                right_noise: of(&self.right_noise),
                inverse: DMatrix::zeros(dofs.len(), dofs.len()),
                sizes: DMatrix::zeros(dofs.len(), columns.len()),
            };
            let (mut own_da, mut own_noise) = (of(da), of(noise));
            // A free body is a block of its own.
            let own: Vec<_> =
                free_bodies.iter().filter(|(dof, _)| dofs.first() == Some(dof)).map(|(_, x)| (0, *x)).collect();
            block.solve_block(part, &own, (&mut own_da, &mut own_noise), bounds);
            scatter(&own_da, dofs, columns, da);
            scatter(&own_noise, dofs, columns, noise);
        }
    }

    /// The same of a block.
    fn solve_block(
        &mut self,
        part: &Part,
        free_bodies: &FreeBodies<'_>,
        (da, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
        bounds: bool,
    ) {
        self.right.gemm(-1.0, &self.extra, da, 1.0);
        if bounds {
            part.inverse_size(&mut self.inverse);
            for (dof, inverse) in free_bodies {
                self.inverse.view_mut((*dof, *dof), (6, 6)).copy_from(&inverse.abs());
            }
            // Terms of the right side.
            self.sizes.copy_from(da);
            self.sizes.apply(|x| *x = x.abs());
            self.sizes *= 2.0 * ULP;
            self.sizes += &*noise;
            self.extra.apply(|x| *x = x.abs());
            self.right_noise.gemm(1.0, &self.extra, &self.sizes, 1.0);
        }
        solve(part, free_bodies, &mut self.right);
        *da += &self.right;
        if bounds {
            // Rounding of the solve itself, and of the sum.
            self.sizes.copy_from(&self.right);
            self.sizes.apply(|x| *x = x.abs());
            self.right_noise.gemm(2.0 * ULP, &self.terms, &self.sizes, 1.0);
            self.sizes.gemm(1.0, &self.inverse, &self.right_noise, 0.0);
            *noise += &self.sizes;
            noise.zip_apply(&self.right, |noise, x| *noise += ULP * x.abs());
        }
    }
}

/// MH^-1 times a matrix, in place.
fn solve(part: &Part, free_bodies: &FreeBodies<'_>, x: &mut DMatrix<f64>) {
    let mut own = DMatrix::zeros(6 * free_bodies.len(), x.ncols());
    for (at, (dof, inverse)) in free_bodies.iter().enumerate() {
        for (c, column) in x.column_iter().enumerate() {
            own.fixed_view_mut::<6, 1>(6 * at, c).copy_from(&(*inverse * column.fixed_rows::<6>(*dof)));
        }
    }
    part.solve(&mut x.as_view_mut());
    for (at, (dof, _)) in free_bodies.iter().enumerate() {
        x.rows_mut(*dof, 6).copy_from(&own.rows(6 * at, 6));
    }
}
