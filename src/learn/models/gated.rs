//! A gated mixture that switches structure with the state. It holds a few masks of (output, input), each learned; a small
//! network of the state mixes them with sparsemax, and each output sees the inputs that the mixture lets through. Where one
//! mask has all the weight, the mixture does not change with the state, and what the mask shuts out has a derivative of
//! exactly zero. So it exploits that sparsity is piecewise constant and comes in few patterns, as contacts make it.
//! Mixtures whose gate leaves most parts out: Shazeer et al. 2017 (arXiv 1701.06538); structure by region of the state:
//! Hwang et al. 2024 (arXiv 2406.03234); sparsemax: Martins and Astudillo 2016 (arXiv 1602.02068).

use burn_tensor::{Tensor, activation};

use super::super::LearnError;
use super::super::dual::Dual;
use super::super::params::{Init, Layout, Linear};
use super::oracle::Body;
use super::{Input, Model, apply, start};

/// Masks to choose from.
const MASKS: usize = 4;

/// Neurons of the network that chooses.
const CHOICE: usize = 32;

pub(super) struct Gated {
    layout: Layout,
    body: Body,
    /// [masks, outputs * inputs]
    masks: usize,
    choice: [Linear; 2],
    sizes: [usize; 2],
}

impl Gated {
    pub(super) fn new(inputs: usize, outputs: usize, width: usize, depth: usize) -> Self {
        let mut layout = Layout::default();
        let body = Body::new(&mut layout, inputs, outputs, width, depth);
        let masks = layout.add("masks", [MASKS, outputs * inputs], Init::Uniform(4));
        let choice = [layout.linear("choice0", inputs, CHOICE), layout.linear("choice1", CHOICE, MASKS)];
        Self { layout, body, masks, choice, sizes: [outputs, inputs] }
    }
}

impl Model for Gated {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&self, weights: &[Tensor<2>], input: &Input) -> Result<Dual, LearnError> {
        let x = start(input);
        let hidden = apply(self.choice[0], weights, &x).elu();
        // Times 4: begins with one mask ahead in most states.
        let choice = apply(self.choice[1], weights, &hidden).scaled(4.0).sparsemax()?;
        // Open at first (1/2 + a little); relu lets a mask shut an input out for good.
        let masks = activation::relu(weights[self.masks].clone() + 0.5);
        let [outputs, inputs] = self.sizes;
        let mixed = choice.linear(&masks, None).reshape(outputs, inputs);
        Ok(self.body.run(weights, &mixed.mul(&x)))
    }
}
