//! Tensors of a policy's network: row-major numbers in double precision.

use std::cell::Cell;

use crate::bounded::listed;

/// Numbers of a tensor, and of all tensors of a network together, at most; a shape in a file can ask for anything.
pub(super) const MOST: usize = 1 << 25;

/// Axes of a tensor, at most.
const RANK: usize = 8;

/// What one action may cost: products of matrices and entries of other operators.
const WORK: u64 = 1 << 28;

/// What is left of the memory and the time that a network may take.
#[derive(Debug)]
pub(super) struct Budget {
    numbers: Cell<usize>,
    work: Cell<u64>,
}

impl Budget {
    /// Of a network that holds so many numbers already.
    pub(super) fn after(held: usize) -> Self {
        Self { numbers: Cell::new(MOST.saturating_sub(held)), work: Cell::new(WORK) }
    }

    /// Numbers that stay.
    pub(super) fn hold(&self, numbers: usize) -> Result<(), String> {
        let left = self.numbers.get().checked_sub(numbers);
        self.numbers.set(left.ok_or_else(|| format!("the network holds more than {MOST} numbers"))?);
        Ok(())
    }

    /// Work that is about to be done.
    pub(super) fn spend(&self, work: usize) -> Result<(), String> {
        let left = self.work.get().checked_sub(work as u64);
        self.work.set(left.ok_or_else(|| format!("the network takes more than {WORK} operations an action"))?);
        Ok(())
    }
}

/// A tensor. Whole numbers (shapes, axes) are held as doubles too, which are exact for them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) data: Vec<f64>,
}

impl Tensor {
    pub(super) fn new(shape: Vec<usize>, data: Vec<f64>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        Self { shape, data }
    }

    pub(super) fn scalar(x: f64) -> Self {
        Self::new(Vec::new(), vec![x])
    }

    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(self.shape.clone(), self.data.iter().map(|x| f(*x)).collect())
    }

    /// Length of the last axis, 1 for a scalar.
    pub(super) fn last(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// The axis of a number that may count from the end.
    pub(super) fn axis(&self, axis: i64) -> Result<usize, String> {
        let rank = self.shape.len();
        let size = usize::try_from(axis.unsigned_abs()).ok();
        let found = size.and_then(|n| if axis < 0 { rank.checked_sub(n) } else { Some(n) });
        found.filter(|a| *a < rank).ok_or_else(|| format!("axis {axis} of the shape {}", listed(&self.shape)))
    }

    /// Entry by entry, with the broadcasting of numpy.
    pub(super) fn zip(&self, other: &Self, left: &Budget, f: impl Fn(f64, f64) -> f64) -> Result<Self, String> {
        if self.shape == other.shape {
            left.spend(self.data.len())?;
            let data = self.data.iter().zip(&other.data).map(|(a, b)| f(*a, *b)).collect();
            return Ok(Self::new(self.shape.clone(), data));
        }
        let rank = self.shape.len().max(other.shape.len());
        let size = |t: &Self, axis: usize| (axis + t.shape.len()).checked_sub(rank).map_or(1, |i| t.shape[i]);
        let mut shape = Vec::with_capacity(rank);
        for axis in 0..rank {
            shape.push(match (size(self, axis), size(other, axis)) {
                (a, b) if a == b || b == 1 => a,
                (1, b) => b,
                _ => return Err(format!("shapes {} and {} do not fit", listed(&self.shape), listed(&other.shape))),
            });
        }
        let n = count(&shape)?;
        left.spend(n * rank)?;
        let at = |t: &Self, i: usize| t.data[place(&shape, |axis| size(t, axis), i)];
        let data = (0..n).map(|i| f(at(self, i), at(other, i))).collect();
        Ok(Self::new(shape, data))
    }

    /// The product of matrices; a vector on the left is a row.
    pub(super) fn matmul(&self, other: &Self, left: &Budget) -> Result<Self, String> {
        let wrong = || format!("shapes {} and {} have no product", listed(&self.shape), listed(&other.shape));
        let [inner, columns] = *other.shape else { return Err(wrong()) };
        if self.shape.is_empty() || self.last() != inner {
            return Err(wrong());
        }
        let mut shape = self.shape.clone();
        if let Some(last) = shape.last_mut() {
            *last = columns;
        }
        let n = count(&shape)?;
        left.spend(self.data.len().saturating_mul(columns).saturating_add(n))?;
        let mut data = Vec::new();
        data.try_reserve_exact(n).map_err(|e| e.to_string())?;
        for row in self.data.chunks_exact(inner.max(1)) {
            let start = data.len();
            data.resize(start + columns, 0.0);
            // In the order of the inputs, whatever the machine, so that the sums are the same everywhere.
            for (x, weights) in row.iter().zip(other.data.chunks_exact(columns.max(1))) {
                for (sum, weight) in data[start..].iter_mut().zip(weights) {
                    *sum += x * weight;
                }
            }
        }
        if data.len() == n { Ok(Self::new(shape, data)) } else { Err(wrong()) }
    }

    /// A matrix with rows for columns.
    pub(super) fn transposed(&self) -> Result<Self, String> {
        let [rows, columns] = *self.shape else {
            return Err(format!("the shape {} is no matrix", listed(&self.shape)));
        };
        let data = (0..columns).flat_map(|c| (0..rows).map(move |r| self.data[r * columns + c])).collect();
        Ok(Self::new(vec![columns, rows], data))
    }

    /// Entries `range` of an axis.
    pub(super) fn part(&self, axis: usize, range: std::ops::Range<usize>) -> Self {
        let inner: usize = self.shape[axis + 1..].iter().product();
        let mut shape = self.shape.clone();
        shape[axis] = range.len();
        let blocks = self.data.chunks_exact((self.shape[axis] * inner).max(1));
        let data = blocks.flat_map(|block| &block[range.start * inner..range.end * inner]).copied().collect();
        Self::new(shape, data)
    }

    /// The same numbers in another shape; one size may be -1, and 0 keeps what there is.
    pub(super) fn reshaped(&self, to: &[f64]) -> Result<Self, String> {
        let wrong = || format!("the shape {} cannot become {}", listed(&self.shape), listed(to));
        if to.len() > RANK {
            return Err(wrong());
        }
        let mut shape = Vec::with_capacity(to.len());
        let mut free = None;
        for (i, size) in to.iter().enumerate() {
            shape.push(match *size {
                -1.0 if free.is_none() => {
                    free = Some(i);
                    1
                }
                0.0 => *self.shape.get(i).ok_or_else(wrong)?,
                n if n > 0.0 && n.fract() == 0.0 => n as usize,
                _ => return Err(wrong()),
            });
        }
        if let Some(i) = free {
            shape[i] = self.data.len().checked_div(count(&shape)?).ok_or_else(wrong)?;
        }
        if count(&shape)? == self.data.len() { Ok(Self::new(shape, self.data.clone())) } else { Err(wrong()) }
    }
}

/// Where entry `i` of a tensor of `shape` lies in one whose axes have the sizes `own`: the same ones, or 1.
pub(super) fn place(shape: &[usize], own: impl Fn(usize) -> usize, mut i: usize) -> usize {
    let (mut place, mut stride) = (0, 1);
    for axis in (0..shape.len()).rev() {
        let (k, own) = (i % shape[axis], own(axis));
        i /= shape[axis];
        place += if own == 1 { 0 } else { k * stride };
        stride *= own;
    }
    place
}

/// How many numbers a shape has. With an axis of length 0 the others have bounds too, so that no part of a shape overflows.
pub(super) fn count(shape: &[usize]) -> Result<usize, String> {
    let all = shape.iter().try_fold(1usize, |n, size| n.checked_mul((*size).max(1))).filter(|n| *n <= MOST);
    match all {
        Some(n) if shape.len() <= RANK => Ok(if shape.contains(&0) { 0 } else { n }),
        _ => Err(format!(
            "a tensor of the shape {} is too large: at most {RANK} axes and {MOST} numbers are taken",
            listed(shape)
        )),
    }
}
