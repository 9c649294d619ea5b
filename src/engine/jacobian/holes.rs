//! Entries without a number, through the chain over the physics steps of a control step.

use super::{Jacobian, ZeroVerdict};

/// Which entries of a matrix of rows x cols something holds for, row-major.
#[derive(Debug, Clone, Default)]
struct Mask {
    cols: usize,
    at: Vec<bool>,
}

impl Mask {
    fn none(rows: usize, cols: usize) -> Self {
        Self { cols, at: vec![false; rows * cols] }
    }

    /// Entries that are no finite number.
    fn holes(values: &[f64], cols: usize) -> Self {
        Self { cols, at: values.iter().map(|x| !x.is_finite()).collect() }
    }

    /// Entries through which something flows: those not known to be zero.
    fn flows(values: &[f64], verdicts: Option<&[ZeroVerdict]>, cols: usize) -> Self {
        let at = match verdicts {
            Some(verdicts) => verdicts.iter().map(|v| *v != ZeroVerdict::Zero).collect(),
            None => values.iter().map(|x| *x != 0.0).collect(),
        };
        Self { cols, at }
    }

    fn row(&self, i: usize) -> &[bool] {
        &self.at[i * self.cols..(i + 1) * self.cols]
    }

    /// Adds the boolean product of `left` and `right`.
    fn add_product(&mut self, left: &Self, right: &Self) {
        if left.cols == 0 || self.cols == 0 {
            return;
        }
        for (row, factors) in self.at.chunks_exact_mut(self.cols).zip(left.at.chunks_exact(left.cols)) {
            for j in factors.iter().enumerate().filter(|(_, set)| **set).map(|(j, _)| j) {
                row.iter_mut().zip(right.row(j)).for_each(|(x, y)| *x |= y);
            }
        }
    }
}

/// A product of matrices with its holes, and where something flows in it.
#[derive(Debug, Clone, Default)]
struct Factor {
    holes: Mask,
    flows: Mask,
}

impl Factor {
    fn new(values: &[f64], verdicts: Option<&[ZeroVerdict]>, cols: usize) -> Self {
        Self { holes: Mask::holes(values, cols), flows: Mask::flows(values, verdicts, cols) }
    }

    /// Holes of the product of `self` and `right`: an entry is one where a hole of one factor meets something that flows,
    /// or is a hole, in the other.
    fn times(&self, right: &Self, out: &mut Mask) {
        out.add_product(&self.holes, &right.flows);
        out.add_product(&self.holes, &right.holes);
        out.add_product(&self.flows, &right.holes);
    }
}

/// The entries of a chain's product that have no number, because an entry of a physics step that they are made of has
/// none (NaN: the state has no derivative there). Without this, one NaN in a step would spread through every sum of the
/// product, times the zeros of the other factor too.
#[derive(Debug, Clone)]
pub(super) struct Holes {
    n: usize,
    nu: usize,
    any: bool,
    a: Mask,
    b: Mask,
    c: Mask,
    d: Mask,
}

impl Holes {
    /// For matrices of n states, nu controls and ns sensor values.
    pub(super) fn new(n: usize, nu: usize, ns: usize) -> Self {
        Self {
            n,
            nu,
            any: false,
            a: Mask::none(n, n),
            b: Mask::none(n, nu),
            c: Mask::none(ns, n),
            d: Mask::none(ns, nu),
        }
    }

    /// Whether no entry is one, nor was.
    pub(super) fn none(&self) -> bool {
        !self.any
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        if self.any {
            self.any = false;
            for mask in [&mut self.a, &mut self.b, &mut self.c, &mut self.d] {
                mask.at.fill(false);
            }
        }
    }

    /// Takes the first step of a chain.
    pub(super) fn first(&mut self, step: &Jacobian) {
        self.any = true;
        self.a = Mask::holes(&step.a, self.n);
        self.b = Mask::holes(&step.b, self.nu);
        self.c = Mask::holes(&step.c, self.n);
        self.d = Mask::holes(&step.d, self.nu);
    }

    /// Appends a step to the product `so_far`, whose holes hold any finite number. With `judged` the verdicts say where
    /// something flows, else the values do.
    pub(super) fn push(&mut self, step: &Jacobian, so_far: &Jacobian, judged: bool) {
        self.any = true;
        let (n, nu) = (self.n, self.nu);
        let step_a = Factor::new(&step.a, judged.then_some(&step.verdicts.a), n);
        let step_c = Factor::new(&step.c, judged.then_some(&step.verdicts.c), n);
        let flows = |values, verdicts, cols| Mask::flows(values, verdicts, cols);
        let a = Factor {
            holes: std::mem::take(&mut self.a),
            flows: flows(&so_far.a, judged.then_some(&so_far.verdicts.a), n),
        };
        let b = Factor {
            holes: std::mem::take(&mut self.b),
            flows: flows(&so_far.b, judged.then_some(&so_far.verdicts.b), nu),
        };
        self.a = Mask::none(n, n);
        step_a.times(&a, &mut self.a);
        self.b = Mask::holes(&step.b, nu);
        step_a.times(&b, &mut self.b);
        self.c.at.fill(false);
        step_c.times(&a, &mut self.c);
        self.d = Mask::holes(&step.d, nu);
        step_c.times(&b, &mut self.d);
    }

    /// Makes the holes NaN, and undecided.
    pub(super) fn punch(&self, out: &mut Jacobian) {
        if !self.any {
            return;
        }
        let verdicts = &mut out.verdicts;
        let planes = [
            (&self.a, &mut out.a, &mut verdicts.a),
            (&self.b, &mut out.b, &mut verdicts.b),
            (&self.c, &mut out.c, &mut verdicts.c),
            (&self.d, &mut out.d, &mut verdicts.d),
        ];
        for (mask, values, verdicts) in planes {
            for k in (0..values.len()).filter(|k| mask.at[*k]) {
                values[k] = f64::NAN;
                verdicts[k] = ZeroVerdict::Undecided;
            }
        }
    }
}

/// The same step with 0 in its holes.
pub(super) fn filled(step: &Jacobian) -> Jacobian {
    let mut step = step.clone();
    for values in [&mut step.a, &mut step.b, &mut step.c, &mut step.d] {
        values.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = 0.0);
    }
    step
}
