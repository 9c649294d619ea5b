//! A gated mixture that switches structure with the state. Each part has a learned mask of (output, input) and a network
//! that sees what the mask lets through; a small network of the state mixes the parts with sparsemax. Where one part has
//! all the weight, the mixture does not change with the state, and what the part's mask shuts out has a derivative of
//! exactly zero. So it exploits that sparsity is piecewise constant and comes in few patterns, as contacts make it.
//! Mixtures whose gate leaves most parts out: Shazeer et al. 2017 (arXiv 1701.06538); structure by region of the state:
//! Hwang et al. 2024 (arXiv 2406.03234); sparsemax: Martins and Astudillo 2016 (arXiv 1602.02068).

use burn_tensor::{Tensor, activation};

use super::super::LearnError;
use super::super::dual::Dual;
use super::super::params::{Init, Layout, Linear};
use super::oracle::Body;
use super::{Input, Network, apply, start, tokens};

/// Parts to choose from.
const PARTS: usize = 3;

/// Neurons of the network that chooses.
const CHOICE: usize = 32;

pub(super) struct Gated {
    layout: Layout,
    parts: Vec<Part>,
    choice: [Linear; 2],
}

struct Part {
    /// [outputs, inputs]
    mask: usize,
    body: Body,
}

impl Gated {
    pub(super) fn new(inputs: usize, outputs: usize, width: usize, depth: usize) -> Self {
        let mut layout = Layout::default();
        let parts = (0..PARTS).map(|i| Part {
            mask: layout.add(format!("part{i}.mask"), [outputs, inputs], Init::Uniform(16)),
            body: Body::new(&mut layout, &format!("part{i}."), inputs, outputs, width, depth),
        });
        let parts = parts.collect();
        let choice = [layout.linear("choice0", inputs, CHOICE), layout.linear("choice1", CHOICE, PARTS)];
        Self { layout, parts, choice }
    }
}

impl Network for Gated {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&self, weights: &[Tensor<2>], input: &Input) -> Result<Dual, LearnError> {
        let x = start(input);
        let hidden = apply(self.choice[0], weights, &x).elu();
        // Times 4: the gate leaves parts out within the first hundreds of steps, not thousands.
        let choice = apply(self.choice[1], weights, &hidden).scaled(4.0).sparsemax()?;
        let mut sum: Option<Dual> = None;
        for (i, part) in self.parts.iter().enumerate() {
            // Open at first, about 1/2; relu lets a mask shut an input out for good.
            let mask = activation::relu(weights[part.mask].clone() + 0.5);
            let share = part.body.run(weights, &x.times(tokens(&mask))).mul(&choice.feature(i));
            sum = Some(match sum {
                Some(sum) => sum.add(&share),
                None => share,
            });
        }
        sum.ok_or_else(|| LearnError::Library("a mixture of nothing".to_owned()))
    }
}
