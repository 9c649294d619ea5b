//! A network whose structure follows from the state. It looks twice, with the same weights. The first look is a plain network
//! that sees everything; what it comes to decides which entries of the Jacobian are open. The second look goes through
//! these gates alone, and predicts. Gates are hard: they are constant around almost every state, so that the network's own
//! derivative is exactly zero where a gate is shut, as that of the dynamics is while no contact opens or closes.
//!
//! ```text
//! first look    h0 = x, h = elu(h W + b) of every layer; code = elu(elu(h L) K), 4 numbers
//!               l = 4 (code H + c)                                     [outputs, inputs]: log odds that the entry is not zero
//! gates         M_oj = 1 where l_oj > min(max(10 t_oj, -3), 3)         t learned without the state: log odds / 10 on average
//! second look   neurons come in blocks, one for each output; block r of the first layer sees M_r * x,
//!               and reads block s of a layer only where M_s <= M_r     (C_rs = 1; of what r may not see s saw nothing)
//!               h_r = elu(sum_s C_rs h_s W_sr + b_r),   y_r = sum_s C_rs h_s W_sr + b_r
//! ```
//!
//! With all gates open this is the plain network of that width, neuron by neuron. The loss `mask` teaches the gates: the
//! likelihood of the true zeros (training states only; nothing needs them afterwards); without it they stay near what was drawn. An entry is open where the
//! state makes it likelier than it is on average, which is the threshold of the best balanced accuracy, so that contacts which are
//! rare are not given up. The open control has the same network and the same gates, and lets everything pass.
//!
//! Masks that keep outputs from seeing inputs through every layer: Germain et al. 2015 (arXiv 1502.03509), there drawn once, here
//! by the state. Units that a state switches: Bengio et al. 2013 (arXiv 1308.3432).

use burn_tensor::{Tensor, activation};

use super::super::LearnError;
use super::super::dual::Dual;
use super::super::params::{Init, Layout, Linear};
use super::{Gates, Input, Network, start};

/// Neurons behind the first look, and numbers that say which pattern of gates it is.
const LOOK: usize = 32;
const CODE: usize = 4;

/// Log odds come in these units, so that weights of usual size reach what is nearly sure.
const LOG_ODDS: f64 = 4.0;
const USUAL: f64 = 10.0;

/// Threshold of gates at most, in log odds: what is 95 % sure decides by itself.
const SURE: f64 = 3.0;

pub(super) struct Adaptive {
    layout: Layout,
    inputs: usize,
    outputs: usize,
    /// Neurons of a block.
    units: usize,
    /// As those of a plain network; the neurons of a block are side by side.
    layers: Vec<Linear>,
    look: Linear,
    code: Linear,
    head: Linear,
    /// [1, outputs inputs]
    usual: usize,
    /// Without it everything passes: the control of what the gates are worth.
    gated: bool,
}

impl Adaptive {
    pub(super) fn new(inputs: usize, outputs: usize, width: usize, depth: usize, gated: bool) -> Self {
        let mut layout = Layout::default();
        let units = (width / outputs.max(1)).max(1);
        let mut size = inputs;
        let mut layers = Vec::new();
        for i in 0..depth {
            layers.push(layout.linear(&format!("hidden{i}"), size, units * outputs));
            size = units * outputs;
        }
        layers.push(layout.linear("output", size, outputs));
        let look = layout.linear("gates.look", size, LOOK);
        let code = layout.linear("gates.code", LOOK, CODE);
        let entries = outputs * inputs;
        // As drawn, about every other gate is open, others at other states: a network that has seen many patterns in its first
        // hundreds of steps is less thrown by a wrong one later than one that begins with open gates.
        let head = layout.linear("gates.head", CODE, entries);
        let usual = layout.add("gates.usual", [1, entries], Init::Constant(0.0));
        Self { layout, inputs, outputs, units, layers, look, code, head, usual, gated }
    }

    /// The layer's weights by block that is read, [blocks, features of one, ...]. The first layer reads the same inputs in
    /// every block, each with neurons of its own.
    fn by_block(&self, layer: usize, weights: &[Tensor<2>]) -> Tensor<3> {
        let weight = weights[self.layers[layer].weight].clone();
        if layer == 0 {
            return weight.reshape([self.inputs, self.outputs, self.units]).swap_dims(0, 1);
        }
        let [_, out] = weight.dims();
        weight.reshape([self.outputs, self.units, out])
    }

    /// Log odds that entries are not zero: [batch, outputs, inputs], and without looking, [1, outputs, inputs].
    fn log_odds(&self, weights: &[Tensor<2>], input: &Input) -> [Tensor<3>; 2] {
        let mut x = Dual::constant(input.x.clone().unsqueeze_dim(1));
        let hidden = &self.layers[..self.layers.len() - 1];
        for layer in hidden.iter().chain([&self.look, &self.code]) {
            x = super::apply(*layer, weights, &x).elu();
        }
        let batch = input.x.dims()[0];
        let found = super::apply(self.head, weights, &x).value * LOG_ODDS;
        let usual = weights[self.usual].clone() * USUAL;
        let shape = |batch| [batch, self.outputs, self.inputs];
        [found.reshape(shape(batch)), usual.reshape(shape(1))]
    }

    /// Which inputs each output may see, [batch, outputs, inputs]: constants.
    fn open(&self, weights: &[Tensor<2>], input: &Input) -> Tensor<3> {
        let weights: Vec<_> = weights.iter().map(|w| w.clone().inner()).collect();
        let [found, usual] = self.log_odds(&weights, input);
        if !self.gated {
            return found.ones_like();
        }
        let above = found - usual.clamp(-SURE, SURE);
        above.clone().greater_elem(0.0).float().cast(above.dtype())
    }
}

impl Network for Adaptive {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&self, weights: &[Tensor<2>], input: &Input) -> Result<Dual, LearnError> {
        let open = self.open(weights, input);
        // Inputs of block s that block r may not see: [batch, s, r].
        let hidden = open.clone().matmul((open.ones_like() - open.clone()).swap_dims(1, 2));
        let reads = activation::relu(hidden.ones_like() - hidden);
        let mut x = start(input).times(open);
        let last = self.layers.len() - 1;
        for (i, layer) in self.layers.iter().enumerate() {
            let out = if i < last { self.units } else { 1 };
            let bias = weights[layer.bias].clone().reshape([1, self.outputs, out]);
            x = x.each(self.by_block(i, weights));
            if i > 0 {
                let [batch, blocks, _] = reads.dims();
                let reads = reads.clone().unsqueeze_dim::<4>(3).expand([batch, blocks, blocks, out]);
                x = x.times(reads.reshape([batch, blocks, blocks * out])).sum_tokens().reshape(blocks, out);
            }
            x = x.plus(bias);
            if i < last {
                x = x.elu();
            }
        }
        Ok(x)
    }

    fn gates(&self, weights: &[Tensor<2>], input: &Input) -> Option<Gates> {
        let [log_odds, usual] = self.log_odds(weights, input);
        Some(Gates { log_odds, usual })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::place::{Place, numbers};
    use super::super::{ModelKind, ModelSpec, Space, predict};
    use super::*;
    use crate::rng::Stream;

    const INPUTS: usize = 5;
    const OUTPUTS: usize = 3;
    const STATES: usize = 6;

    fn input(place: &Place, x: &[f64]) -> Input {
        let identity = (0..INPUTS * INPUTS).map(|i| f64::from(i % (INPUTS + 1) == 0)).collect();
        Input {
            x: place.tensor64(x.to_vec(), [STATES, INPUTS]),
            mask: None,
            directions: Some(place.tensor64(identity, [INPUTS, 1, 1, INPUTS])),
            chain: None,
        }
    }

    /// Weights whose gates are open here and shut there.
    fn mixed(model: &Adaptive, place: &Place) -> Vec<Tensor<2>> {
        let mut weights = model.layout().draw(5, place);
        let mut stream = Stream::new(6, "test", 0);
        for at in [model.look.weight, model.code.weight, model.head.weight] {
            let shape = weights[at].dims();
            weights[at] = place.tensor64((0..shape[0] * shape[1]).map(|_| stream.normal()).collect(), shape);
        }
        weights[model.head.bias] = weights[model.head.bias].zeros_like();
        weights
    }

    #[test]
    fn what_is_shut_is_exactly_zero_and_the_rest_is_a_derivative() {
        let place = Place::cpu64();
        let model = Adaptive::new(INPUTS, OUTPUTS, 9, 2, true);
        let weights = mixed(&model, &place);
        let mut stream = Stream::new(7, "test", 0);
        let x: Vec<f64> = (0..STATES * INPUTS).map(|_| 2.0 * stream.normal()).collect();
        let said = |x: &[f64]| numbers(predict(&model, &weights, &input(&place, x)).unwrap().0).unwrap();
        let open = numbers(model.open(&weights, &input(&place, &x))).unwrap();
        let found = numbers(predict(&model, &weights, &input(&place, &x)).unwrap().1.unwrap()).unwrap();
        let (mut shut, mut varies) = (0, 0);
        for (at, j) in found.iter().enumerate() {
            let (input, state, output) = (at / (STATES * OUTPUTS), at / OUTPUTS % STATES, at % OUTPUTS);
            let gate = |state: usize| open[(state * OUTPUTS + output) * INPUTS + input];
            assert_eq!(*j != 0.0, gate(state) == 1.0, "output {output} by input {input} at state {state}");
            shut += usize::from(*j == 0.0);
            varies += usize::from(gate(state) != gate(0));
            let expected =
                super::super::tests::difference(&x, state * INPUTS + input, |x| said(x)[state * OUTPUTS + output]);
            assert!((j - expected).abs() < 1e-8, "{j}, not {expected}");
        }
        assert!(shut > 10 && varies > 5, "{shut} shut, {varies} vary");
    }

    #[test]
    fn with_open_gates_it_is_the_plain_network() {
        let place = Place::cpu64();
        let mut stream = Stream::new(8, "test", 0);
        let x: Vec<f64> = (0..STATES * INPUTS).map(|_| stream.normal()).collect();
        let of = |kind, weights: Option<Vec<Tensor<2>>>| {
            let model = ModelSpec { kind, width: 9, depth: 2 }.build(Space::plain(INPUTS, OUTPUTS)).unwrap();
            let weights = weights.unwrap_or_else(|| model.layout().draw(1, &place));
            let (said, jacobian) = predict(&*model, &weights, &input(&place, &x)).unwrap();
            [numbers(said).unwrap(), numbers(jacobian.unwrap()).unwrap()].concat()
        };
        let adaptive = Adaptive::new(INPUTS, OUTPUTS, 9, 2, true);
        let shut = mixed(&adaptive, &place);
        let mut open = shut.clone();
        open[adaptive.head.bias] = open[adaptive.head.bias].ones_like() * 100.0;
        for (a, b) in [
            (of(ModelKind::Adaptive, Some(open.clone())), of(ModelKind::Mlp, Some(open[..6].to_vec()))),
            (of(ModelKind::AdaptiveOpen, Some(shut.clone())), of(ModelKind::Mlp, Some(shut[..6].to_vec()))),
        ] {
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
        }
        assert_ne!(of(ModelKind::Adaptive, Some(shut.clone())), of(ModelKind::AdaptiveOpen, Some(shut)));
    }
}
