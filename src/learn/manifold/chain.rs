//! From derivatives of a network's outputs to rows of A and B, as tensor operations that reverse mode differentiates.

use burn_tensor::{Tensor, activation};

use super::super::norm::Norm;
use super::super::place::Place;
use super::{Coordinates, Row};

/// The chain of some states by some tangent coordinates; the formulas are at the head of `learn/manifold`.
#[derive(Debug, Clone)]
pub struct TangentChain {
    /// P, scaled and transposed, [outputs, ndx].
    spread: Tensor<2>,
    /// Columns of C, scaled, [direction, 1, ndx].
    carried: Tensor<3>,
    /// By orientation.
    turns: Vec<Turn>,
    ndx: usize,
}

#[derive(Debug, Clone)]
struct Turn {
    /// Its first tangent coordinate.
    first: usize,
    /// δ = y D + e: [outputs, 3] and [batch, 3].
    from_outputs: Tensor<2>,
    offset: Tensor<2>,
    /// S: which directions are turns of this joint, [direction, 1, 1, 3].
    own: Tensor<4>,
}

impl TangentChain {
    /// Of states (rows of numbers, see [`Coordinates`]) by tangent coordinates; None where there is nothing to do.
    pub fn new(
        coordinates: &Coordinates,
        norm: &Norm,
        rows: &[&[f64]],
        columns: &[usize],
        place: &Place,
    ) -> Option<Self> {
        if coordinates.is_plain() {
            return None;
        }
        let (ndx, outputs, std) = (coordinates.layout.ndx(), coordinates.outputs(), &norm.std);
        let mut spread = vec![0.0; outputs * ndx];
        for (row, o, factor) in coordinates.rows.spread(coordinates) {
            spread[o * ndx + row] += factor * coordinates.goal_scale(norm, o)[1] / std[row];
        }
        let mut carried = vec![0.0; columns.len() * ndx];
        for (row, column, factor) in coordinates.rows.carried(coordinates) {
            for (k, _) in columns.iter().enumerate().filter(|(_, c)| **c == column) {
                carried[k * ndx + row] += factor * std[column] / std[row];
            }
        }
        let turn = |[_, first]: &[usize; 2]| {
            let mut from_outputs = vec![0.0; outputs * 3];
            for (row, o, factor) in coordinates.rows.spread(coordinates) {
                if (*first..first + 3).contains(&row) {
                    from_outputs[o * 3 + row - first] += factor * coordinates.goal_scale(norm, o)[1];
                }
            }
            // What δ is where the normalised outputs are 0.
            let means: Vec<f64> = (0..outputs).map(|o| coordinates.goal_scale(norm, o)[0]).collect();
            let offset = rows.iter().flat_map(|row| {
                let by = coordinates.rows.steps(coordinates, row, &means);
                [by[*first], by[first + 1], by[first + 2]]
            });
            let mut own = vec![0.0; columns.len() * 3];
            for (k, column) in columns.iter().enumerate().filter(|(_, c)| (*first..first + 3).contains(*c)) {
                own[k * 3 + column - first] = 1.0;
            }
            Turn {
                first: *first,
                from_outputs: place.tensor64(from_outputs, [outputs, 3]),
                offset: place.tensor64(offset.collect(), [rows.len(), 3]),
                own: place.tensor64(own, [columns.len(), 1, 1, 3]),
            }
        };
        Some(Self {
            spread: place.tensor64(spread, [outputs, ndx]),
            carried: place.tensor64(carried, [columns.len(), 1, ndx]),
            turns: coordinates.turns.iter().map(turn).collect(),
            ndx,
        })
    }

    /// Normalised rows of A and B, [direction, batch, ndx], of normalised outputs [batch, outputs] and their derivatives
    /// [direction, batch, outputs].
    pub fn apply(&self, outputs: &Tensor<2>, derivatives: Tensor<3>) -> Tensor<3> {
        let [directions, batch, width] = derivatives.dims();
        let rows = derivatives.reshape([directions * batch, width]).matmul(self.spread.clone());
        let rows = rows.reshape([directions, batch, self.ndx]) + self.carried.clone();
        if self.turns.is_empty() {
            return rows;
        }
        let (mut parts, mut done) = (Vec::new(), 0);
        for turn in &self.turns {
            if turn.first > done {
                parts.push(rows.clone().narrow(2, done, turn.first - done));
            }
            let delta = outputs.clone().matmul(turn.from_outputs.clone()) + turn.offset.clone();
            let [jacobian, back] = maps(delta);
            // [1, batch, 3, 3] times [direction, batch or 1, 1, 3], summed over the last.
            let turned = rows.clone().narrow(2, turn.first, 3).unsqueeze_dim::<4>(2);
            let sum = jacobian.unsqueeze_dim::<4>(0) * turned + back.unsqueeze_dim::<4>(0) * turn.own.clone();
            parts.push(sum.sum_dim(3).reshape([directions, batch, 3]));
            done = turn.first + 3;
        }
        if done < self.ndx {
            parts.push(rows.narrow(2, done, self.ndx - done));
        }
        Tensor::cat(parts, 2)
    }
}

/// Jr(δ) and exp(-[δ]x), [batch, 3, 3], of δ [batch, 3].
pub(super) fn maps(delta: Tensor<2>) -> [Tensor<3>; 2] {
    let batch = delta.dims()[0];
    let like = |values: Vec<f64>, shape: [usize; 2]| {
        Tensor::<2>::from_data(burn_tensor::TensorData::new(values, shape), (&delta.device(), delta.dtype()))
    };
    // [δ]x v = δ x v: entry (i, j) is -e_ijk δ_k.
    let mut cross = vec![0.0; 27];
    for (i, j, k) in [(0, 1, 2), (1, 2, 0), (2, 0, 1)] {
        cross[k * 9 + 3 * i + j] = -1.0;
        cross[k * 9 + 3 * j + i] = 1.0;
    }
    let cross = delta.clone().matmul(like(cross, [3, 9])).reshape([batch, 3, 3]);
    let identity = like((0..9).map(|i| f64::from(u8::from(i % 4 == 0))).collect(), [3, 3]).unsqueeze_dim::<3>(0);
    let square = delta.clone().square().sum_dim(1);
    let [sine, cosine, third] = shares(square.clone()).map(|c| c.unsqueeze_dim::<3>(2));
    let outer = delta.clone().unsqueeze_dim::<3>(2) * delta.unsqueeze_dim::<3>(1);
    let twice = outer - identity.clone() * square.unsqueeze_dim::<3>(2);
    let jacobian = identity.clone() - cross.clone() * cosine.clone() + twice.clone() * third;
    let back = identity - cross * sine + twice * cosine;
    [jacobian, back]
}

/// sin θ / θ, (1 - cos θ) / θ², (θ - sin θ) / θ³ of θ² [batch, 1]: their series up to 1, where the formulas cancel, and these
/// beyond; so that derivatives are right at rest too.
fn shares(square: Tensor<2>) -> [Tensor<2>; 3] {
    let beyond = activation::relu(square.clone() - 1.0);
    let small = square.clone() - beyond.clone();
    let large = beyond + 1.0;
    let angle = large.clone().sqrt();
    let near = Tensor::from_inner(square.clone().inner().lower_elem(1.0).float().cast(square.dtype()));
    let sine = angle.clone().sin() / angle.clone();
    let exact = [sine.clone(), (angle.cos() * -1.0 + 1.0) / large.clone(), (sine * -1.0 + 1.0) / large];
    let mut first = 1;
    exact.map(|exact| {
        let series = series(&small, first);
        first += 1;
        series * near.clone() + exact * (near.clone() * -1.0 + 1.0)
    })
}

/// The sum over k of (-t)^k / (2 k + first)!, to the last bit of 64 for t up to 1.
fn series(t: &Tensor<2>, first: u32) -> Tensor<2> {
    const TERMS: u32 = 9;
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let mut sum = t.zeros_like() + 1.0 / factorial(2 * TERMS + first);
    for k in (0..TERMS).rev() {
        sum = sum * t.clone() * -1.0 + 1.0 / factorial(2 * k + first);
    }
    sum
}

impl Coordinates {
    /// Which entries of the Jacobian decide what an output may see: by output, its rows; those of an orientation go together.
    pub(super) fn rows_of_outputs(&self) -> Vec<Vec<usize>> {
        let mut found = vec![Vec::new(); self.outputs()];
        for (row, o, _) in self.rows.spread(self) {
            match self.turns.iter().find(|[_, first]| (*first..first + 3).contains(&row)) {
                Some([_, first]) => found[o].extend(*first..first + 3),
                None => found[o].push(row),
            }
        }
        for rows in &mut found {
            rows.sort_unstable();
            rows.dedup();
        }
        found
    }

    /// The tangent coordinate whose next value an output is; None where it is another thing.
    pub(in super::super) fn number(&self, output: usize) -> Option<usize> {
        match self.rows.outputs[output] {
            Row::Number { column, .. } => Some(column),
            Row::Step { .. } | Row::Rate { .. } => None,
        }
    }
}
