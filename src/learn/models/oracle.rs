//! Each output sees only the inputs that the true mask of the state lets through. Its Jacobian is exactly zero where
//! the truth is, so it bounds from above what a model can gain that knows the structure but not the numbers.
//!
//! Its control is the same network with a mask of ones: what differs between the two is the mask alone.
//!
//! One network serves all outputs: it gets the masked inputs and a learned offset of the output, and ends in weights of
//! the output. Along an open-loop prediction the mask is that of the recorded state.

use burn_tensor::Tensor;

use super::super::LearnError;
use super::super::dual::Dual;
use super::super::params::{Init, Layout, Linear};
use super::{Input, Network, Readout, apply, start, tokens};

pub(super) struct Oracle {
    layout: Layout,
    body: Body,
    /// Without it every output sees every input: the control of what the mask is worth.
    masked: bool,
}

/// A network shared by all outputs, which tells them apart by an offset.
pub(super) struct Body {
    first: usize,
    offset: usize,
    hidden: Vec<Linear>,
    readout: Readout,
}

impl Body {
    pub(super) fn new(
        layout: &mut Layout,
        of: &str,
        inputs: usize,
        outputs: usize,
        width: usize,
        depth: usize,
    ) -> Self {
        let hidden = |i| layout.linear(&format!("{of}hidden{i}"), width, width);
        let hidden = (1..depth).map(hidden).collect();
        Self {
            first: layout.add(format!("{of}first.weight"), [inputs, width], Init::Uniform(inputs)),
            // As far apart as the inputs are.
            offset: layout.add(format!("{of}first.offset"), [outputs, width], Init::Uniform(1)),
            hidden,
            readout: Readout::new(layout, of, outputs, width),
        }
    }

    /// From [batch, output, input], what each output sees, to [batch, output, 1].
    pub(super) fn run(&self, weights: &[Tensor<2>], seen: &Dual) -> Dual {
        let mut x = seen.linear(&weights[self.first], None).plus(tokens(&weights[self.offset])).elu();
        for layer in &self.hidden {
            x = apply(*layer, weights, &x).elu();
        }
        self.readout.run(weights, &x)
    }
}

impl Oracle {
    pub(super) fn new(inputs: usize, outputs: usize, width: usize, depth: usize, masked: bool) -> Self {
        let mut layout = Layout::default();
        let body = Body::new(&mut layout, "", inputs, outputs, width, depth);
        Self { layout, body, masked }
    }
}

impl Network for Oracle {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn needs_mask(&self) -> bool {
        self.masked
    }

    fn run(&self, weights: &[Tensor<2>], input: &Input) -> Result<Dual, LearnError> {
        let mask = if self.masked {
            input.mask.clone().ok_or_else(|| LearnError::Settings("the oracle needs true masks".to_owned()))?
        } else {
            let ([batch, inputs], [outputs, _]) = (input.x.dims(), self.layout.slots[self.body.offset].shape);
            input.x.ones_like().unsqueeze_dim::<3>(1).expand([batch, outputs, inputs])
        };
        Ok(self.body.run(weights, &start(input).times(mask)))
    }
}
