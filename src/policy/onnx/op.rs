//! What the nodes of a network do, after the operators of ONNX: those that multilayer perceptrons, their normalisation
//! and the heads of their distributions are exported with; layers with a memory are in `recurrent`.

use std::borrow::Cow;

use super::proto;
use super::tensor::{Budget, Tensor, count, place};
use crate::bounded::{listed, word};

/// The inputs of a node; one that is left out is None.
type Inputs<'a> = [Option<&'a Tensor>];

/// What is known, for the message about what is not.
pub(super) const KNOWN: &str = "Abs, Add, Cast, Clip, Concat, Constant, Cos, Div, Dropout, Elu, Erf, Exp, Flatten, Gemm, \
    GRU, Gather, Gelu, HardSigmoid, HardSwish, Identity, LSTM, LayerNormalization, LeakyRelu, Log, LogSoftmax, MatMul, \
    Max, Min, Mish, Mul, Neg, Pow, RNN, Reciprocal, ReduceMean, ReduceSum, Relu, Reshape, Selu, Shape, Sigmoid, Sin, \
    Slice, Softmax, Softplus, Softsign, Split, Sqrt, Squeeze, Sub, Tanh, Transpose, Unsqueeze";

/// Whether an operator is known.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.split(", ").any(|known| known == name)
}

/// Attributes of an operator whose meaning is computed here, or that change nothing here.
fn attributes(operator: &str) -> &'static [&'static str] {
    match operator {
        // The last two are about 8-bit numbers.
        "Cast" => &["to", "saturate", "round_mode"],
        "Clip" => &["min", "max"],
        "Concat" | "Flatten" | "Gather" | "Softmax" | "LogSoftmax" => &["axis"],
        "Constant" => &["value", "value_float", "value_int", "value_floats", "value_ints"],
        "Dropout" => &["ratio", "seed"],
        "Elu" | "LeakyRelu" => &["alpha"],
        "Selu" => &["alpha", "gamma"],
        "Gemm" => &["alpha", "beta", "transA", "transB"],
        "Gelu" => &["approximate"],
        "HardSigmoid" => &["alpha", "beta"],
        "LSTM" | "RNN" => &["activations", "direction", "hidden_size", "layout"],
        "GRU" => &["activations", "direction", "hidden_size", "layout", "linear_before_reset"],
        "ReduceMean" | "ReduceSum" => &["axes", "keepdims", "noop_with_empty_axes"],
        "Shape" => &["start", "end"],
        "LayerNormalization" => &["axis", "epsilon", "stash_type"],
        "Reshape" => &["allowzero"],
        "Slice" => &["starts", "ends", "axes"],
        "Split" => &["axis", "split", "num_outputs"],
        "Squeeze" | "Unsqueeze" => &["axes"],
        "Transpose" => &["perm"],
        _ => &[],
    }
}

/// Refuses a node with an attribute that is not computed here.
pub(super) fn check(node: &proto::Node) -> Result<(), String> {
    let known = attributes(&node.op_type);
    match node.attribute.iter().find(|a| !known.contains(&a.name.as_str())) {
        Some(other) => Err(format!("its attribute \"{}\" is not known here", word(&other.name))),
        None => Ok(()),
    }
}

/// The outputs of a node, within the budget of the network.
pub(super) fn apply(node: &proto::Node, inputs: &Inputs<'_>, left: &Budget) -> Result<Vec<Tensor>, String> {
    left.spend(inputs.iter().flatten().map(|t| t.data.len()).sum::<usize>().saturating_add(node.output.len()))?;
    let call = Call { node, inputs, left };
    if let Some(result) = call.pointwise() {
        return Ok(vec![result?]);
    }
    match node.op_type.as_str() {
        "Split" => return call.split(),
        "LSTM" | "GRU" | "RNN" => return call.recurrent(),
        _ => {}
    }
    let result = match node.op_type.as_str() {
        "Dropout" | "Identity" => call.identity(),
        "Cast" => call.cast(),
        "Constant" => call.constant(),
        "MatMul" => call.input(0)?.matmul(call.input(1)?, left),
        "Gemm" => call.gemm(),
        "LayerNormalization" => call.layer_normalization(),
        "Softmax" | "LogSoftmax" => call.softmax(),
        "ReduceMean" | "ReduceSum" => call.reduce(),
        "Shape" => call.shape(),
        "Gather" => call.gather(),
        "Transpose" => call.transpose(),
        "Flatten" => call.flatten(),
        "Reshape" => call.reshape(),
        "Squeeze" => call.squeeze(),
        "Unsqueeze" => call.unsqueeze(),
        "Concat" => call.concat(),
        "Slice" => call.slice(),
        other => Err(format!("the operator {other} is not known")),
    };
    Ok(vec![result?])
}

/// A node with its inputs, and what is left of the network's budget. Each method is an operator of the ONNX specification, or reads
/// what one is given.
pub(super) struct Call<'a> {
    pub(super) node: &'a proto::Node,
    inputs: &'a Inputs<'a>,
    pub(super) left: &'a Budget,
}

impl<'a> Call<'a> {
    pub(super) fn attribute(&self, name: &str) -> Option<&'a proto::Attribute> {
        self.node.attribute.iter().find(|a| a.name == name)
    }

    fn number(&self, name: &str, default: f64) -> f64 {
        self.attribute(name).map_or(default, |a| f64::from(a.f))
    }

    pub(super) fn whole(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    fn list(&self, name: &str) -> Option<Vec<f64>> {
        self.attribute(name).map(|a| a.ints.iter().map(|i| *i as f64).collect())
    }

    pub(super) fn optional(&self, i: usize) -> Option<&'a Tensor> {
        self.inputs.get(i).copied().flatten()
    }

    pub(super) fn input(&self, i: usize) -> Result<&'a Tensor, String> {
        self.optional(i).ok_or_else(|| format!("input {i} is missing"))
    }

    /// A list that newer operator sets take as an input and older ones as an attribute.
    fn given(&self, i: usize, name: &str) -> Option<Vec<f64>> {
        self.optional(i).map(|t| t.data.clone()).or_else(|| self.list(name))
    }

    /// Operators that take entries one by one; None for another operator.
    fn pointwise(&self) -> Option<Result<Tensor, String>> {
        let unary = |f: &dyn Fn(f64) -> f64| self.input(0).map(|x| x.map(f));
        let binary = |f: &dyn Fn(f64, f64) -> f64| self.input(0)?.zip(self.input(1)?, self.left, f);
        let folded = |f: &dyn Fn(f64, f64) -> f64| {
            let mut rest = self.inputs.iter().flatten().skip(1);
            rest.try_fold(self.input(0)?.clone(), |all, next| all.zip(next, self.left, f))
        };
        let below = |scale: f64, f: &dyn Fn(f64) -> f64| self.input(0).map(|x| below_zero(x, scale, f));
        Some(match self.node.op_type.as_str() {
            "Abs" => unary(&f64::abs),
            "Add" => binary(&|a, b| a + b),
            "Sub" => binary(&|a, b| a - b),
            "Mul" => binary(&|a, b| a * b),
            "Div" => binary(&|a, b| a / b),
            "Pow" => binary(&libm::pow),
            "Max" => folded(&larger),
            "Min" => folded(&|a, b| -larger(-a, -b)),
            "Neg" => unary(&|x| -x),
            "Sqrt" => unary(&f64::sqrt),
            "Exp" => unary(&libm::exp),
            "Log" => unary(&libm::log),
            "Erf" => unary(&libm::erf),
            "Sin" => unary(&libm::sin),
            "Cos" => unary(&libm::cos),
            "Reciprocal" => unary(&|x| 1.0 / x),
            "Gelu" => match self.attribute("approximate").map(|a| &a.s[..]) {
                None | Some(b"none") => unary(&|x| 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))),
                Some(b"tanh") => {
                    let inner = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
                    unary(&|x| 0.5 * x * (1.0 + libm::tanh(inner(x))))
                }
                Some(_) => Err("its way to approximate is not none or tanh".to_owned()),
            },
            "Mish" => unary(&|x| x * libm::tanh(softplus(x))),
            "HardSigmoid" => {
                let (alpha, beta) = (self.number("alpha", f64::from(0.2f32)), self.number("beta", 0.5));
                unary(&|x| hard(alpha * x + beta))
            }
            "HardSwish" => unary(&|x| x * hard(x / 6.0 + 0.5)),
            "Tanh" => unary(&libm::tanh),
            "Sigmoid" => unary(&|x| 1.0 / (1.0 + libm::exp(-x))),
            "Softplus" => unary(&softplus),
            "Softsign" => unary(&|x| x / (1.0 + x.abs())),
            "Relu" => unary(&|x| larger(x, 0.0)),
            "LeakyRelu" => {
                let alpha = self.number("alpha", f64::from(0.01f32));
                below(1.0, &|x| x * alpha)
            }
            "Elu" => {
                let alpha = self.number("alpha", 1.0);
                below(1.0, &|x| alpha * libm::expm1(x))
            }
            "Selu" => {
                let alpha = self.number("alpha", f64::from(1.673_263_2_f32));
                let gamma = self.number("gamma", f64::from(1.050_701_f32));
                below(gamma, &|x| gamma * alpha * libm::expm1(x))
            }
            "Clip" => {
                let bound = |i: usize, name, none| {
                    let given = self.optional(i).and_then(|t| t.data.first().copied());
                    given.unwrap_or(self.number(name, none))
                };
                let (low, high) = (bound(1, "min", f64::NEG_INFINITY), bound(2, "max", f64::INFINITY));
                unary(&|x| -larger(-larger(x, low), -high))
            }
            _ => return None,
        })
    }

    fn identity(&self) -> Result<Tensor, String> {
        let training =
            self.node.op_type == "Dropout" && self.optional(2).is_some_and(|t| t.data.iter().any(|x| *x != 0.0));
        if training {
            return Err("it drops entries at random (training_mode): export the network for inference".to_owned());
        }
        self.input(0).cloned()
    }

    fn cast(&self) -> Result<Tensor, String> {
        match i32::try_from(self.whole("to", 0)) {
            Ok(proto::FLOAT | proto::DOUBLE) => self.input(0).cloned(),
            _ => Err(format!("it casts to the element type {}", self.whole("to", 0))),
        }
    }

    fn constant(&self) -> Result<Tensor, String> {
        let list = |values: Vec<f64>| Tensor::new(vec![values.len()], values);
        Ok(match self.node.attribute.first() {
            Some(a) if a.name == "value" => tensor(a.t.as_ref().ok_or("it has no value")?, None)?,
            Some(a) if a.name == "value_float" => Tensor::scalar(f64::from(a.f)),
            Some(a) if a.name == "value_int" => Tensor::scalar(a.i as f64),
            Some(a) if a.name == "value_floats" => list(a.floats.iter().map(|x| f64::from(*x)).collect()),
            Some(a) if a.name == "value_ints" => list(a.ints.iter().map(|x| *x as f64).collect()),
            _ => return Err("it has no value that is known here".to_owned()),
        })
    }

    fn reshape(&self) -> Result<Tensor, String> {
        if self.whole("allowzero", 0) != 0 {
            return Err("its sizes of 0 are meant (allowzero)".to_owned());
        }
        self.input(0)?.reshaped(&self.input(1)?.data)
    }

    fn gemm(&self) -> Result<Tensor, String> {
        let turned = |i: usize, name| {
            let matrix = self.input(i)?;
            Ok::<_, String>(match self.whole(name, 0) {
                0 => Cow::Borrowed(matrix),
                _ => Cow::Owned(matrix.transposed()?),
            })
        };
        let (alpha, beta) = (self.number("alpha", 1.0), self.number("beta", 1.0));
        let (a, b) = (turned(0, "transA")?, turned(1, "transB")?);
        let product = a.matmul(&b, self.left)?.map(|x| alpha * x);
        match self.optional(2) {
            Some(bias) => product.zip(bias, self.left, |x, b| x + beta * b),
            None => Ok(product),
        }
    }

    fn layer_normalization(&self) -> Result<Tensor, String> {
        let x = self.input(0)?;
        if x.axis(self.whole("axis", -1))? + 1 != x.shape.len() {
            return Err("it normalises over more than the last axis".to_owned());
        }
        let (n, epsilon) = (x.last().max(1), self.number("epsilon", f64::from(1e-5f32)));
        let normal = x.data.chunks_exact(n).flat_map(|row| {
            let mean = row.iter().sum::<f64>() / n as f64;
            let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64;
            row.iter().map(move |x| (x - mean) / (variance + epsilon).sqrt())
        });
        let scaled = Tensor::new(x.shape.clone(), normal.collect()).zip(self.input(1)?, self.left, |a, b| a * b)?;
        match self.optional(2) {
            Some(bias) => scaled.zip(bias, self.left, |a, b| a + b),
            None => Ok(scaled),
        }
    }

    /// Over the last axis, of which the largest entry is taken off first.
    fn softmax(&self) -> Result<Tensor, String> {
        let x = self.input(0)?;
        // With more axes, operator sets before 13 meant all that follow.
        if x.axis(self.whole("axis", -1))? + 1 != x.shape.len() || x.shape.len() > 2 {
            return Err(format!("it runs over more, or another axis, than the last of the shape {}", listed(&x.shape)));
        }
        let logarithm = self.node.op_type == "LogSoftmax";
        let data = x.data.chunks_exact(x.last().max(1)).flat_map(|row| {
            let top = row.iter().copied().fold(f64::NEG_INFINITY, larger);
            let sum: f64 = row.iter().map(|x| libm::exp(x - top)).sum();
            let log = libm::log(sum);
            row.iter().map(move |x| if logarithm { x - top - log } else { libm::exp(x - top) / sum })
        });
        Ok(Tensor::new(x.shape.clone(), data.collect()))
    }

    /// Sums or means over axes, in the order of the entries.
    fn reduce(&self) -> Result<Tensor, String> {
        let x = self.input(0)?;
        let axes = match self.given(1, "axes").filter(|axes| !axes.is_empty()) {
            None if self.whole("noop_with_empty_axes", 0) != 0 => return Ok(x.clone()),
            None => (0..x.shape.len()).collect(),
            Some(axes) => axes.iter().map(|a| x.axis(*a as i64)).collect::<Result<Vec<_>, _>>()?,
        };
        let kept: Vec<usize> =
            x.shape.iter().enumerate().map(|(i, n)| if axes.contains(&i) { 1 } else { *n }).collect();
        let mut sums = vec![0.0; count(&kept)?];
        for (i, value) in x.data.iter().enumerate() {
            sums[place(&x.shape, |axis| kept[axis], i)] += value;
        }
        if self.node.op_type == "ReduceMean" {
            let n = x.data.len() as f64 / sums.len().max(1) as f64;
            sums.iter_mut().for_each(|sum| *sum /= n);
        }
        let sums = Tensor::new(kept, sums);
        if self.whole("keepdims", 1) != 0 {
            return Ok(sums);
        }
        let shape = x.shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, n)| *n).collect();
        Ok(Tensor::new(shape, sums.data))
    }

    fn shape(&self) -> Result<Tensor, String> {
        let sizes: Vec<f64> = self.input(0)?.shape.iter().map(|n| *n as f64).collect();
        let n = sizes.len() as i64;
        let place = |at: i64| (if at < 0 { at.saturating_add(n) } else { at }).clamp(0, n) as usize;
        let (start, end) = (place(self.whole("start", 0)), place(self.whole("end", n)));
        let sizes = sizes[start..end.max(start)].to_vec();
        Ok(Tensor::new(vec![sizes.len()], sizes))
    }

    /// Entries of an axis by their numbers, of which there is one, or a list.
    fn gather(&self) -> Result<Tensor, String> {
        let (x, numbers) = (self.input(0)?, self.input(1)?);
        let axis = x.axis(self.whole("axis", 0))?;
        if numbers.shape.len() > 1 {
            return Err(format!("its numbers have the shape {}", listed(&numbers.shape)));
        }
        let n = x.shape[axis] as f64;
        let places = numbers.data.iter().map(|at| {
            let place = if *at < 0.0 { at + n } else { *at };
            let sound = place.fract() == 0.0 && (0.0..n).contains(&place);
            sound.then_some(place as usize).ok_or_else(|| format!("entry {at} of the shape {}", listed(&x.shape)))
        });
        let places = places.collect::<Result<Vec<_>, _>>()?;
        let mut shape = x.shape.clone();
        shape[axis] = places.len();
        self.left.spend(count(&shape)?)?;
        let parts: Vec<Tensor> = places.iter().map(|at| x.part(axis, *at..at + 1)).collect();
        let found = match &parts[..] {
            [] => x.part(axis, 0..0),
            parts => joined(&parts.iter().collect::<Vec<_>>(), axis)?,
        };
        if numbers.shape.is_empty() {
            shape.remove(axis);
            return Ok(Tensor::new(shape, found.data));
        }
        Ok(found)
    }

    fn transpose(&self) -> Result<Tensor, String> {
        let x = self.input(0)?;
        match self.list("perm") {
            Some(perm) if perm.iter().enumerate().all(|(i, p)| *p == i as f64) => Ok(x.clone()),
            None if x.shape.len() < 2 => Ok(x.clone()),
            Some(perm) if perm != [1.0, 0.0] => Err(format!("it permutes axes by {}", listed(&perm))),
            _ => x.transposed(),
        }
    }

    fn flatten(&self) -> Result<Tensor, String> {
        let x = self.input(0)?;
        let rank = x.shape.len() as i64;
        let axis = self.whole("axis", 1);
        let from = if axis < 0 { axis + rank } else { axis };
        if !(0..=rank).contains(&from) {
            return Err(format!("axis {axis} of the shape {}", listed(&x.shape)));
        }
        let rows: usize = x.shape.iter().take(from as usize).product();
        x.reshaped(&[rows.max(1) as f64, -1.0])
    }

    fn squeeze(&self) -> Result<Tensor, String> {
        let x = self.input(0)?;
        let axes =
            self.given(1, "axes").map(|axes| axes.iter().map(|a| x.axis(*a as i64)).collect::<Result<Vec<_>, _>>());
        let axes = axes.transpose()?;
        let keep = |i: &usize| axes.as_ref().map_or(x.shape[*i] != 1, |axes| !axes.contains(i));
        let shape: Vec<f64> = (0..x.shape.len()).filter(keep).map(|i| x.shape[i] as f64).collect();
        x.reshaped(&shape)
    }

    fn unsqueeze(&self) -> Result<Tensor, String> {
        let x = self.input(0)?;
        let axes = self.given(1, "axes").ok_or("it has no axes")?;
        // Also refuses more axes than a tensor may have, before they are counted out.
        count(&[&x.shape[..], &vec![1; axes.len()]].concat())?;
        let rank = (x.shape.len() + axes.len()) as f64;
        let axes: Vec<f64> = axes.iter().map(|a| if *a < 0.0 { a + rank } else { *a }).collect();
        let mut own = x.shape.iter();
        let size = |i| if axes.contains(&f64::from(i)) { Some(1) } else { own.next().copied() };
        let shape: Option<Vec<usize>> = (0..rank as i32).map(size).collect();
        let shape = shape.filter(|s| s.iter().product::<usize>() == x.data.len());
        let shape = shape.ok_or_else(|| format!("axes {axes:?} do not fit {}", listed(&x.shape)))?;
        Ok(Tensor::new(shape, x.data.clone()))
    }

    fn concat(&self) -> Result<Tensor, String> {
        let axis = self.attribute("axis").ok_or("it has no axis")?.i;
        let all = (0..self.inputs.len()).map(|i| self.input(i)).collect::<Result<Vec<_>, _>>()?;
        joined(&all, self.input(0)?.axis(axis)?)
    }

    fn slice(&self) -> Result<Tensor, String> {
        let starts = self.given(1, "starts").ok_or("it has no starts")?;
        let ends = self.given(2, "ends").ok_or("it has no ends")?;
        let axes = self.given(3, "axes").unwrap_or_else(|| (0..starts.len()).map(|i| i as f64).collect());
        if self.optional(4).is_some_and(|steps| steps.data.iter().any(|s| *s != 1.0)) {
            return Err("its steps are not 1".to_owned());
        }
        if ends.len() != starts.len() || axes.len() != starts.len() {
            return Err("its starts, ends and axes are not as many".to_owned());
        }
        let mut x = self.input(0)?.clone();
        if starts.len() > x.shape.len() {
            return Err(format!("it has {} starts for the shape {}", starts.len(), listed(&x.shape)));
        }
        for ((start, end), axis) in starts.iter().zip(&ends).zip(&axes) {
            let axis = x.axis(*axis as i64)?;
            let n = x.shape[axis] as f64;
            let place = |at: f64| (if at < 0.0 { at + n } else { at }).clamp(0.0, n) as usize;
            self.left.spend(x.data.len())?;
            let (start, end) = (place(*start), place(*end));
            x = x.part(axis, start..end.max(start));
        }
        Ok(x)
    }

    fn split(&self) -> Result<Vec<Tensor>, String> {
        let x = self.input(0)?;
        let axis = x.axis(self.whole("axis", 0))?;
        let n = x.shape[axis];
        let parts = self.node.output.len().max(1);
        self.left.spend(x.data.len().saturating_add(parts))?;
        let sizes: Vec<f64> = match self.given(1, "split") {
            Some(sizes) => sizes,
            None => {
                let size = n.div_ceil(parts);
                (0..parts).map(|i| size.min(n.saturating_sub(i.saturating_mul(size))) as f64).collect()
            }
        };
        let sound = |s: &f64| (0.0..=n as f64).contains(s) && s.fract() == 0.0;
        if sizes.len() != parts || !sizes.iter().all(sound) || sizes.iter().sum::<f64>() != n as f64 {
            return Err(format!("it splits {n} entries into {}", listed(&sizes)));
        }
        let sizes: Vec<usize> = sizes.iter().map(|s| *s as usize).collect();
        let mut start = 0;
        let part = |size: &usize| {
            start += size;
            x.part(axis, start - size..start)
        };
        Ok(sizes.iter().map(part).collect())
    }
}

/// ln(1 + exp(x)).
fn softplus(x: f64) -> f64 {
    larger(x, 0.0) + libm::log1p(libm::exp(-x.abs()))
}

/// Between 0 and 1; NaN stays.
fn hard(x: f64) -> f64 {
    -larger(-larger(x, 0.0), -1.0)
}

/// The larger one; NaN if one of them is, which `f64::max` loses.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// `scale` x above 0, `f` below.
fn below_zero(x: &Tensor, scale: f64, f: impl Fn(f64) -> f64) -> Tensor {
    x.map(|x| if x > 0.0 { scale * x } else { f(x) })
}

/// Tensors one behind the other along an axis.
fn joined(all: &[&Tensor], axis: usize) -> Result<Tensor, String> {
    let Some(first) = all.first() else { return Err("it has no inputs".to_owned()) };
    let mut shape = first.shape.clone();
    let mut length = 0usize;
    for next in all {
        let same = |i: usize| i == axis || next.shape[i] == first.shape[i];
        if next.shape.len() != shape.len() || !(0..shape.len()).all(same) {
            let (a, b) = (listed(&first.shape), listed(&next.shape));
            return Err(format!("shapes {a} and {b} cannot be joined along axis {axis}"));
        }
        length = length.saturating_add(next.shape[axis]);
    }
    shape[axis] = length;
    let mut data = Vec::new();
    data.try_reserve_exact(count(&shape)?).map_err(|e| e.to_string())?;
    let inner = |t: &Tensor| t.shape[axis..].iter().product::<usize>();
    for block in 0..count(&shape[..axis])? {
        for t in all {
            data.extend_from_slice(&t.data[block * inner(t)..(block + 1) * inner(t)]);
        }
    }
    Ok(Tensor::new(shape, data))
}

/// A tensor of the file, whose numbers lie in `outside` where they lie in another file.
pub(super) fn tensor(t: &proto::Tensor, outside: Option<&[u8]>) -> Result<Tensor, String> {
    if t.data_location != 0 && outside.is_none() {
        return Err("its numbers lie in another file; save the model as one file".to_owned());
    }
    if t.dims.len() > 64 {
        return Err(format!("it has {} axes", t.dims.len()));
    }
    let shape = t.dims.iter().map(|d| usize::try_from(*d).map_err(|_| format!("a size of {d}")));
    let shape = shape.collect::<Result<Vec<_>, _>>()?;
    let raw = outside.unwrap_or(&t.raw_data);
    let listed_here = outside.is_none() && raw.is_empty();
    let size = if t.data_type == proto::FLOAT { 4 } else { 8 };
    let data: Vec<f64> = match t.data_type {
        proto::FLOAT if listed_here => t.float_data.iter().map(|x| f64::from(*x)).collect(),
        proto::FLOAT => raw.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
        proto::DOUBLE if listed_here => t.double_data.clone(),
        proto::DOUBLE => raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        proto::INT64 if listed_here => t.int64_data.iter().map(|x| *x as f64).collect(),
        proto::INT64 => raw.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
        other => return Err(format!("the element type {other} is not float, double or int64")),
    };
    if count(&shape)? != data.len() || !(listed_here || raw.len() == size * data.len()) {
        return Err(format!("it has {} numbers for the shape {}", data.len(), listed(&shape)));
    }
    Ok(Tensor::new(shape, data))
}
