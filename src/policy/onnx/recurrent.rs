//! Layers with a memory: LSTM, GRU and RNN of ONNX, forward in time.
//!
//! With x_t of m numbers, h_t and c_t of n, s the sigmoid, * entry by entry, and rows of W (g n x m), R (g n x n) and of the two
//! biases in B (2 g n) in the order of the gates:
//!
//! ```text
//! LSTM  i, o, f = s(W x_t + R h_(t-1) + b + r)      g = tanh(W x_t + R h_(t-1) + b + r)     (rows i, o, f, g)
//!       c_t = f * c_(t-1) + i * g                   h_t = o * tanh(c_t)
//! GRU   z, u = s(W x_t + R h_(t-1) + b + r)         h_t = (1 - z) * g + z * h_(t-1)         (rows z, u, g)
//!       g = tanh(W x_t + u * (R h_(t-1) + r) + b)   where linear_before_reset is 1 (PyTorch), else
//!       g = tanh(W x_t + R (u * h_(t-1)) + r + b)
//! RNN   h_t = f(W x_t + R h_(t-1) + b + r)          f: tanh, or relu
//! ```

use super::op::{Call, larger};
use super::tensor::{Tensor, count};
use crate::bounded::listed;

/// One layer at work: its weights, and what it holds of the steps so far.
struct Layer<'a> {
    /// Rows of W and R: gates times `hidden`.
    rows: usize,
    hidden: usize,
    seen: usize,
    w: &'a [f64],
    r: &'a [f64],
    /// The biases of x and of h.
    b: Vec<f64>,
}

impl Layer<'_> {
    /// W x + b, in the order of the columns.
    fn by_input(&self, x: &[f64]) -> Vec<f64> {
        affine(self.w, x, &self.b[..self.rows])
    }

    /// Rows `from` to the end of R h + r.
    fn by_memory(&self, h: &[f64], from: usize) -> Vec<f64> {
        affine(&self.r[from * self.hidden..], h, &self.b[self.rows + from..])
    }
}

/// A row-major matrix by a vector, and a bias; sums from the first column on, so that they are the same everywhere.
fn affine(matrix: &[f64], x: &[f64], bias: &[f64]) -> Vec<f64> {
    let row = |(i, b): (usize, &f64)| {
        let row = &matrix[i * x.len()..(i + 1) * x.len()];
        row.iter().zip(x).map(|(a, x)| a * x).sum::<f64>() + b
    };
    bias.iter().enumerate().map(row).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// h and c after a step.
type State = (Vec<f64>, Vec<f64>);

fn lstm(layer: &Layer<'_>, x: &[f64], (h, c): &State) -> State {
    let n = layer.hidden;
    let gates: Vec<f64> = layer.by_input(x).iter().zip(layer.by_memory(h, 0)).map(|(a, b)| a + b).collect();
    let c: Vec<f64> =
        (0..n).map(|k| sigmoid(gates[2 * n + k]) * c[k] + sigmoid(gates[k]) * libm::tanh(gates[3 * n + k])).collect();
    let h = (0..n).map(|k| sigmoid(gates[n + k]) * libm::tanh(c[k])).collect();
    (h, c)
}

fn gru(layer: &Layer<'_>, x: &[f64], h: &[f64], linear_before_reset: bool) -> Vec<f64> {
    let n = layer.hidden;
    let (by_input, by_memory) = (layer.by_input(x), layer.by_memory(h, 0));
    let gate = |k: usize| sigmoid(by_input[k] + by_memory[k]);
    let remembered = if linear_before_reset {
        (0..n).map(|k| gate(n + k) * by_memory[2 * n + k]).collect()
    } else {
        let kept: Vec<f64> = (0..n).map(|k| gate(n + k) * h[k]).collect();
        layer.by_memory(&kept, 2 * n)
    };
    let new = |k: usize| libm::tanh(by_input[2 * n + k] + remembered[k]);
    (0..n).map(|k| (1.0 - gate(k)) * new(k) + gate(k) * h[k]).collect()
}

fn rnn(layer: &Layer<'_>, x: &[f64], h: &[f64], relu: bool) -> Vec<f64> {
    let sums = layer.by_input(x).into_iter().zip(layer.by_memory(h, 0)).map(|(a, b)| a + b);
    sums.map(|x| if relu { larger(x, 0.0) } else { libm::tanh(x) }).collect()
}

impl Call<'_> {
    /// Y (time x 1 x batch x n), the last h, and of an LSTM the last c (both 1 x batch x n).
    pub(super) fn recurrent(&self) -> Result<Vec<Tensor>, String> {
        let operator = self.node.op_type.as_str();
        let gates = match operator {
            "LSTM" => 4,
            "GRU" => 3,
            _ => 1,
        };
        let relu = self.plain(operator)?;
        let (x, w) = (self.input(0)?, self.input(1)?);
        let wrong = |what: &str, t: &Tensor| format!("its {what} has the shape {}", listed(&t.shape));
        let &[time, batch, seen] = &x.shape[..] else { return Err(wrong("input", x)) };
        let &[1, rows, columns] = &w.shape[..] else { return Err(wrong("W", w)) };
        let hidden = rows / gates;
        if columns != seen || rows != gates * hidden || self.whole("hidden_size", hidden as i64) != hidden as i64 {
            return Err(wrong("W", w));
        }
        let of = |i: usize, what: &str, shape: &[usize]| match self.optional(i) {
            None => Ok(vec![0.0; count(shape)?]),
            Some(t) if t.shape == shape => Ok(t.data.clone()),
            Some(t) => Err(wrong(what, t)),
        };
        let r = self.input(2)?;
        if r.shape != [1, rows, hidden] {
            return Err(wrong("R", r));
        }
        let b = of(3, "B", &[1, 2 * rows])?;
        let (h, c) = (of(5, "initial_h", &[1, batch, hidden])?, of(6, "initial_c", &[1, batch, hidden])?);
        let layer = Layer { rows, hidden, seen, w: &w.data, r: &r.data, b };
        let size = count(&[time, batch, hidden])?;
        let work = time.saturating_mul(batch).saturating_mul(rows).saturating_mul(seen + hidden);
        self.left.spend(work.saturating_add(size))?;

        let linear = self.whole("linear_before_reset", 0) != 0;
        let after = |x: &[f64], state: &State| match operator {
            "LSTM" => lstm(&layer, x, state),
            "GRU" => (gru(&layer, x, &state.0, linear), Vec::new()),
            _ => (rnn(&layer, x, &state.0, relu), Vec::new()),
        };
        let mut y = vec![0.0; size];
        let (mut last_h, mut last_c) = (Vec::new(), Vec::new());
        for i in 0..batch {
            let own = i * hidden..(i + 1) * hidden;
            let mut state = (h[own.clone()].to_vec(), c[own].to_vec());
            for t in 0..time {
                let at = t * batch + i;
                state = after(&x.data[at * layer.seen..(at + 1) * layer.seen], &state);
                y[at * hidden..(at + 1) * hidden].copy_from_slice(&state.0);
            }
            last_h.extend(state.0);
            last_c.extend(state.1);
        }
        let mut outputs =
            vec![Tensor::new(vec![time, 1, batch, hidden], y), Tensor::new(vec![1, batch, hidden], last_h)];
        if operator == "LSTM" {
            outputs.push(Tensor::new(vec![1, batch, hidden], last_c));
        }
        Ok(outputs)
    }

    /// Refuses what is not computed here; whether an RNN is of relu.
    fn plain(&self, operator: &str) -> Result<bool, String> {
        if self.attribute("direction").is_some_and(|a| a.s != b"forward") {
            return Err("it runs backwards in time, which a policy cannot".to_owned());
        }
        if self.whole("layout", 0) != 0 {
            return Err("its batch comes before its time (layout 1)".to_owned());
        }
        if self.optional(4).is_some() || (operator == "LSTM" && self.optional(7).is_some()) {
            return Err("it has lengths of sequences, or peepholes".to_owned());
        }
        let usual: &[&[u8]] = match operator {
            "LSTM" => &[b"Sigmoid", b"Tanh", b"Tanh"],
            "GRU" => &[b"Sigmoid", b"Tanh"],
            _ => &[b"Tanh"],
        };
        match self.attribute("activations").map(|a| &a.strings[..]) {
            None => Ok(false),
            Some(given) if given == usual => Ok(false),
            Some([one]) if operator == "RNN" && one == b"Relu" => Ok(true),
            Some(_) => Err("its activations are not the usual ones".to_owned()),
        }
    }
}
