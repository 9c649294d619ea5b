//! Dense layers with ELU. It exploits nothing: every output sees every input through every neuron, so a zero of the
//! Jacobian is a sum that cancels. Width 512 and depth 2 are the network of arXiv 2511.08086.

use burn_tensor::Tensor;

use super::super::LearnError;
use super::super::dual::Dual;
use super::super::params::{Layout, Linear};
use super::{Input, Network, apply, start};

pub(super) struct Mlp {
    layout: Layout,
    layers: Vec<Linear>,
}

impl Mlp {
    pub(super) fn new(inputs: usize, outputs: usize, width: usize, depth: usize) -> Self {
        let mut layout = Layout::default();
        let mut layers = Vec::new();
        let mut size = inputs;
        for i in 0..depth {
            layers.push(layout.linear(&format!("hidden{i}"), size, width));
            size = width;
        }
        layers.push(layout.linear("output", size, outputs));
        Self { layout, layers }
    }
}

impl Network for Mlp {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&self, weights: &[Tensor<2>], input: &Input) -> Result<Dual, LearnError> {
        let mut x = start(input);
        for (i, layer) in self.layers.iter().enumerate() {
            x = apply(*layer, weights, &x);
            if i + 1 < self.layers.len() {
                x = x.elu();
            }
        }
        Ok(x)
    }
}
