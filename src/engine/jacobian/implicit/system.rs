//! The linear system of the derivative, H da = dR, with bounds on the errors of its solution.

use nalgebra::DMatrix;

use super::blocks::{Factors, Part, gathered, scatter};
use super::motion::ULP;
use super::rows::Rows;

/// The right side and the solution of H da = dR, over all dofs or those of a block.
#[derive(Debug)]
pub(super) struct System {
    /// dR, then da; bounds on their errors (nv x ndx + nu).
    pub(super) da: DMatrix<f64>,
    pub(super) noise: DMatrix<f64>,
    /// Bounds on the errors of the rows' forces (nefc x ndx + nu).
    pub(super) errors: DMatrix<f64>,
    /// |M| (nv x nv).
    pub(super) terms: DMatrix<f64>,
    /// Space: |H^-1| (nv x nv), H^-1 J' (nv x nefc), sizes (nv x ndx + nu).
    inverse: DMatrix<f64>,
    pull: DMatrix<f64>,
    sizes: DMatrix<f64>,
}

impl System {
    pub(super) fn new(nv: usize, inputs: usize) -> Self {
        let wide = || DMatrix::zeros(nv, inputs);
        let square = || DMatrix::zeros(nv, nv);
        Self {
            da: wide(),
            noise: wide(),
            errors: DMatrix::zeros(0, 0),
            terms: square(),
            inverse: square(),
            pull: DMatrix::zeros(0, 0),
            sizes: wide(),
        }
    }

    /// Turns dR/dp into da/dp = H^-1 dR/dp, and with `bounds` the bounds on its errors into those of da/dp:
    /// |H^-1| (noise + 2 ulp |H| |da|) + |H^-1 J'| errors.
    pub(super) fn solve(&mut self, factors: &Factors, rows: &Rows, bounds: bool) {
        let blocks = factors.partition.blocks();
        if factors.partition.is_whole() {
            let all_rows: Vec<usize> = (0..rows.n).collect();
            if let (Some(part), Some(dofs)) = (factors.parts.first(), blocks.first()) {
                self.solve_block(part, rows, (&all_rows, dofs), bounds);
            }
            return;
        }
        let (of_dofs, of_rows) = (factors.partition.block_of_dof(), factors.partition.blocks_of_rows(&rows.j));
        let columns = factors.partition.columns_within(&[
            (&self.da, &of_dofs),
            (&self.noise, &of_dofs),
            (&self.errors, &of_rows),
        ]);
        for (at, ((dofs, part), columns)) in blocks.iter().zip(&factors.parts).zip(&columns).enumerate() {
            let own_rows: Vec<usize> = (0..rows.n).filter(|row| of_rows[*row].contains(&at)).collect();
            let mut block = Self {
                da: gathered(&self.da, dofs, columns),
                noise: gathered(&self.noise, dofs, columns),
                errors: gathered(&self.errors, &own_rows, columns),
                terms: gathered(&self.terms, dofs, dofs),
                inverse: DMatrix::zeros(dofs.len(), dofs.len()),
                pull: DMatrix::zeros(0, 0),
                sizes: DMatrix::zeros(dofs.len(), columns.len()),
            };
            block.solve_block(part, rows, (&own_rows, dofs), bounds);
            scatter(&block.da, dofs, columns, &mut self.da);
            scatter(&block.noise, dofs, columns, &mut self.noise);
        }
    }

    /// The same of a block, whose dofs and constraint rows are these.
    fn solve_block(&mut self, part: &Part, rows: &Rows, (own_rows, dofs): (&[usize], &[usize]), bounds: bool) {
        part.solve(&mut self.da.as_view_mut());
        if !bounds {
            return;
        }
        part.inverse_size(&mut self.inverse);
        // Rounding of the solve, as an error of its right side.
        self.sizes.copy_from(&self.da);
        self.sizes.apply(|x| *x = x.abs());
        self.noise.gemm(2.0 * ULP, &self.terms, &self.sizes, 1.0);
        self.sizes.gemm(1.0, &self.inverse, &self.noise, 0.0);
        if !own_rows.is_empty() {
            // An error of a stiff row's force hardly moves anything: not |H^-1| |J'|, but |H^-1 J'|.
            rows.rounding((own_rows, dofs), &self.da, &mut self.errors);
            self.pull.resize_mut(dofs.len(), own_rows.len(), 0.0);
            rows.transposed((own_rows, dofs), &mut self.pull);
            part.solve(&mut self.pull.as_view_mut());
            self.pull.apply(|x| *x = x.abs());
            self.sizes.gemm(1.0, &self.pull, &self.errors, 1.0);
        }
        std::mem::swap(&mut self.sizes, &mut self.noise);
    }
}
