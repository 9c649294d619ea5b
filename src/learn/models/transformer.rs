//! Attention over state variables: every input is a token, and the output of a state variable is read from its own (the mean of
//! those of an orientation). Which
//! token listens to which follows from the state, so structure may change with it. With softmax every variable listens a
//! little to every other; with sparsemax a weight can be exactly zero, and then so is the derivative along that path.
//! Attention as a local causal graph: Pitis et al. 2020 (arXiv 2007.02863); attention with a price for every edge: Lei et
//! al. 2024 (arXiv 2411.06890); here the price is a loss on the Jacobian (`l1`, `sae`).
//!
//! Attention reads raw embeddings: a normalisation before it would mix nothing across tokens, but every token is one
//! number, whose size it would take away. One head; the state variables are few.

use burn_tensor::Tensor;

use super::super::LearnError;
use super::super::dual::Dual;
use super::super::params::{Init, Layout, Linear};
use super::{Asks, Input, Network, Readout, Space, apply, matrix, start, tokens};

/// What the tokens' own layer is wider than a token.
const WIDER: usize = 2;

struct Block {
    asks: Asks,
    value: Linear,
    mix: Linear,
    up: Linear,
    down: Linear,
}

pub(super) struct Transformer {
    layout: Layout,
    sparse: bool,
    sizes: [usize; 2],
    /// [inputs, width]: a token is its number times this,
    scale: usize,
    /// plus this,
    offset: usize,
    /// and through this layer, so that a token is no straight line.
    lift: Linear,
    blocks: Vec<Block>,
    readout: Readout,
    /// [outputs, inputs]: how much of a token an output is read from; empty where it is the first ones.
    homes: Vec<f32>,
}

impl Transformer {
    pub(super) fn new(space: Space<'_>, width: usize, depth: usize, sparse: bool) -> Self {
        let Space { inputs, outputs, .. } = space;
        let mut layout = Layout::default();
        let scale = layout.add("token.scale", [inputs, width], Init::Uniform(1));
        let offset = layout.add("token.offset", [inputs, width], Init::Uniform(1));
        let lift = layout.linear("token.lift", width, width);
        let blocks = (0..depth).map(|i| {
            let of = format!("block{i}.");
            let asks = Asks::new(&mut layout, &of, width);
            let mut linear = |name: &str, a, b| layout.linear(&format!("{of}{name}"), a, b);
            Block {
                asks,
                value: linear("value", width, width),
                mix: linear("mix", width, width),
                up: linear("up", width, WIDER * width),
                down: linear("down", WIDER * width, width),
            }
        });
        let blocks = blocks.collect();
        let readout = Readout::new(&mut layout, "", outputs, width);
        let sizes = [inputs, outputs];
        let mut homes = Vec::new();
        if let Some(ties) = space.ties {
            homes = vec![0.0; outputs * inputs];
            for (output, tokens) in ties.homes.iter().enumerate() {
                tokens.iter().for_each(|token| homes[output * inputs + token] = 1.0 / tokens.len() as f32);
            }
        }
        Self { layout, sparse, sizes, scale, offset, lift, blocks, readout, homes }
    }
}

impl Network for Transformer {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&self, weights: &[Tensor<2>], input: &Input) -> Result<Dual, LearnError> {
        let [inputs, outputs] = self.sizes;
        let numbers = start(input).reshape(inputs, 1);
        let mut x = numbers.times(tokens(&weights[self.scale])).plus(tokens(&weights[self.offset]));
        x = x.add(&apply(self.lift, weights, &x.elu()));
        for block in &self.blocks {
            let listens = block.asks.run(weights, &x);
            let listens = if self.sparse { listens.sparsemax()? } else { listens.softmax() };
            let heard = listens.matmul(&apply(block.value, weights, &x));
            x = x.add(&apply(block.mix, weights, &heard));
            x = x.add(&apply(block.down, weights, &apply(block.up, weights, &x).elu()));
        }
        let read = if self.homes.is_empty() {
            x.first_tokens(outputs)
        } else {
            matrix(&self.homes, [outputs, inputs], input).matmul(&x)
        };
        Ok(self.readout.run(weights, &read))
    }
}
