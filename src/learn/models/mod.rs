//! Networks from (state, action) to next state, one file each.

mod adaptive;
mod gated;
mod graph;
mod mlp;
mod oracle;
mod transformer;

use burn_tensor::{Tensor, TensorData, activation};
use serde::{Deserialize, Serialize};

use super::LearnError;
use super::batch::Marks;
use super::dual::Dual;
use super::manifold::{TangentChain, Ties};
use super::params::{Init, Layout, Linear};
use crate::bounded;
use crate::kinematics::Kinematics;

/// What a network sees at once: some states, and along which inputs its derivatives are wanted.
#[derive(Debug, Clone)]
pub struct Input {
    /// Normalised features of state and action, [batch, inputs].
    pub x: Tensor<2>,
    /// 1 where the truth lets an output depend on an input, [batch, outputs, inputs]; only where a network asks for it.
    pub mask: Option<Tensor<3>>,
    /// Directions, [direction, batch or 1, 1, inputs]; None: values only.
    pub directions: Option<Tensor<4>>,
    /// From derivatives of outputs to rows of the Jacobian; None where they are the same.
    pub chain: Option<TangentChain>,
}

/// A network. It holds sizes and positions; the weights are given to it.
pub trait Network: Send + Sync {
    /// What its weights are.
    fn layout(&self) -> &Layout;

    /// Whether [`Input::mask`] must be there.
    fn needs_mask(&self) -> bool {
        false
    }

    /// Normalised next state, or what the target has in its place, as [batch, outputs, 1] or [batch, 1, outputs].
    ///
    /// # Errors
    /// [`LearnError`] when the tensor library fails.
    fn run(&self, weights: &[Tensor<2>], input: &Input) -> Result<Dual, LearnError>;

    /// What it says of zeros, where it has gates: see [`ModelKind::has_gates`].
    fn gates(&self, _weights: &[Tensor<2>], _input: &Input) -> Option<Gates> {
        None
    }
}

/// What a network with gates says of zeros: log odds that an output depends on an input.
#[derive(Debug, Clone)]
pub struct Gates {
    /// At the states, [batch, outputs, inputs].
    pub log_odds: Tensor<3>,
    /// Without looking at them, [1, outputs, inputs].
    pub usual: Tensor<3>,
}

impl Gates {
    /// Mean over known entries of -log p of the truth, with and without looking at the state: a tensor of one number.
    pub(super) fn surprise(&self, marks: &Marks) -> Tensor<1> {
        let of = |log_odds: Tensor<3>| {
            let [yes, no] = [log_odds.clone(), -log_odds].map(activation::log_sigmoid);
            let shut = marks.known.clone() - marks.open.clone();
            (yes * marks.open.clone() + no * shut).sum() * -marks.per_known
        };
        of(self.log_odds.clone()) + of(self.usual.clone())
    }
}

/// What a network says, [batch, outputs], and its Jacobian in the tangent space of A and B, [direction, batch, rows], where
/// directions are given.
///
/// # Errors
/// As [`Network::run`].
pub fn predict(
    model: &dyn Network,
    weights: &[Tensor<2>],
    input: &Input,
) -> Result<(Tensor<2>, Option<Tensor<3>>), LearnError> {
    let out = model.run(weights, input)?;
    let [b, n, h] = out.value.dims();
    let jacobian = out.tangent.map(|t| {
        let [k, ..] = t.dims();
        t.expand([k, b, n, h]).reshape([k, b, n * h])
    });
    let said = out.value.reshape([b, n * h]);
    let jacobian = match &input.chain {
        Some(chain) => jacobian.map(|derivatives| chain.apply(&said, derivatives)),
        None => jacobian,
    };
    Ok((said, jacobian))
}

/// Numbers of a network, and of a tensor on the way through it, at most: half a GiB.
const MOST_WEIGHTS: usize = 100_000_000;
const MOST_IN_A_TENSOR: u64 = 1 << 27;

/// Neurons of a layer, and layers, at most.
const MOST_WIDTH: usize = 16_384;
pub(super) const MOST_DEPTH: usize = 6;

/// Which network, with its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Its kind.
    pub kind: ModelKind,
    /// Neurons of a hidden layer, or features of a token.
    pub width: usize,
    /// Hidden layers.
    pub depth: usize,
}

/// The networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Dense layers with ELU.
    Mlp,
    /// Sees what the true mask lets through.
    Oracle,
    /// The oracle's network without its mask: the control of it.
    Unmasked,
    /// Attention over state variables with softmax.
    Transformer,
    /// Attention over state variables with sparsemax.
    SparseTransformer,
    /// Networks with learned masks, mixed by the state.
    Gated,
    /// Messages along the kinematic tree, and along edges that it learns.
    Graph,
    /// Hard gates of (output, input) that the state sets, taught by the loss `mask`.
    Adaptive,
    /// The adaptive network whose gates let everything pass: the control of it.
    AdaptiveOpen,
}

impl ModelKind {
    /// All networks.
    pub const ALL: [Self; 9] = [
        Self::Mlp,
        Self::Oracle,
        Self::Unmasked,
        Self::Transformer,
        Self::SparseTransformer,
        Self::Gated,
        Self::Graph,
        Self::Adaptive,
        Self::AdaptiveOpen,
    ];

    /// Whether it has gates, which the loss `mask` teaches.
    pub const fn has_gates(self) -> bool {
        matches!(self, Self::Adaptive | Self::AdaptiveOpen)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mlp => "mlp",
            Self::Oracle => "oracle",
            Self::Unmasked => "unmasked",
            Self::Transformer => "transformer",
            Self::SparseTransformer => "sparse-transformer",
            Self::Gated => "gated",
            Self::Graph => "graph",
            Self::Adaptive => "adaptive",
            Self::AdaptiveOpen => "adaptive-open",
        }
    }

    /// Width and depth where none are given.
    pub const fn sizes(self) -> (usize, usize) {
        match self {
            Self::Mlp | Self::Adaptive | Self::AdaptiveOpen => (512, 2),
            Self::Oracle | Self::Unmasked => (128, 2),
            Self::Gated => (64, 2),
            Self::Transformer | Self::SparseTransformer => (32, 1),
            Self::Graph => (32, 2),
        }
    }
}

impl std::fmt::Display for ModelKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for ModelKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|k| k.name() == text)
            .ok_or_else(|| format!("there is no model \"{text}\"; models are {}", known()))
    }
}

/// What a network maps from and to.
#[derive(Debug, Clone, Copy)]
pub struct Space<'a> {
    /// Numbers it sees: features of state and action.
    pub inputs: usize,
    /// Numbers it predicts.
    pub outputs: usize,
    /// Columns of its Jacobian.
    pub columns: usize,
    /// What joins degrees of freedom, where the recording tells.
    pub kinematics: Option<&'a Kinematics>,
    /// What joins inputs and outputs to these; None where they are their coordinates.
    pub ties: Option<&'a Ties>,
}

impl Space<'_> {
    /// A space of numbers that are their own tangent coordinates: state and action, to the next state.
    pub const fn plain(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, columns: inputs, kinematics: None, ties: None }
    }
}

impl ModelSpec {
    /// The network whose number of weights comes nearest to `weights`.
    ///
    /// # Errors
    /// As [`Self::build`]; [`LearnError::Settings`] where none comes within a tenth of it.
    pub fn of_weights(kind: ModelKind, depth: usize, weights: usize, space: Space<'_>) -> Result<Self, LearnError> {
        bounded::within("weights", weights, &(1..=MOST_WEIGHTS)).map_err(LearnError::Settings)?;
        bounded::within("depth", depth, &(1..=MOST_DEPTH)).map_err(LearnError::Settings)?;
        let spec = |width: usize| Self { kind, width, depth };
        let count = |width: usize| Ok::<_, LearnError>(spec(width).network(space)?.layout().count());
        // The count grows with the width.
        let (mut low, mut high) = (1, 2);
        while count(high)? < weights {
            (low, high) = (high, 2 * high);
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if count(middle)? < weights { low = middle } else { high = middle }
        }
        let off = |width: usize| Ok::<_, LearnError>(count(width)?.abs_diff(weights));
        let nearest = if off(low)? < off(high)? { low } else { high };
        if 10 * off(nearest)? > weights {
            let found = count(nearest)?;
            let text = format!("no width gives {kind} about {weights} weights: {found} come nearest; give more");
            return Err(LearnError::Settings(text));
        }
        Ok(spec(nearest))
    }

    /// The network for a space.
    ///
    /// # Errors
    /// [`LearnError::Settings`] for a network on the kinematic tree where none is known, and for one that is too large.
    pub fn build(&self, space: Space<'_>) -> Result<Box<dyn Network>, LearnError> {
        bounded::within("width", self.width, &(1..=MOST_WIDTH)).map_err(LearnError::Settings)?;
        bounded::within("depth", self.depth, &(1..=MOST_DEPTH)).map_err(LearnError::Settings)?;
        let network = self.network(space)?;
        let weights = network.layout().count();
        if weights > MOST_WEIGHTS {
            let text = format!("a {} of width {} and depth {}", self.kind, self.width, self.depth);
            let text = format!("{text} has {weights} weights, more than {MOST_WEIGHTS}: lower one of them");
            return Err(LearnError::Settings(text));
        }
        Ok(network)
    }

    /// Refuses so many states at once, with derivatives along so many directions, where a tensor would be too large.
    ///
    /// # Errors
    /// [`LearnError::Settings`].
    pub fn check_batch(
        &self,
        space: Space<'_>,
        (name, states): (&str, usize),
        directions: usize,
    ) -> Result<(), LearnError> {
        // All but the first have a layer for every state variable.
        let tokens = if self.kind == ModelKind::Mlp { 1 } else { space.inputs.max(space.outputs) };
        let inner = tokens.max(space.inputs).max(space.outputs);
        let factors = [(name, states), ("1 + directions", 1 + directions), ("tokens", tokens), ("width", self.width)];
        let masks = [(name, states), ("1 + directions", 1 + directions), ("state variables", inner)];
        for factors in [&factors[..], &masks] {
            let factors: Vec<_> = factors.iter().map(|(name, n)| (*name, *n as u64)).collect();
            bounded::product(&factors, MOST_IN_A_TENSOR, "numbers in a tensor").map_err(LearnError::Settings)?;
        }
        Ok(())
    }

    fn network(&self, space: Space<'_>) -> Result<Box<dyn Network>, LearnError> {
        let Space { inputs, outputs, kinematics, ties, .. } = space;
        Ok(match self.kind {
            ModelKind::Mlp => Box::new(mlp::Mlp::new(inputs, outputs, self.width, self.depth)),
            ModelKind::Oracle => Box::new(oracle::Oracle::new(inputs, outputs, self.width, self.depth, true)),
            ModelKind::Unmasked => Box::new(oracle::Oracle::new(inputs, outputs, self.width, self.depth, false)),
            ModelKind::Transformer => Box::new(transformer::Transformer::new(space, self.width, self.depth, false)),
            ModelKind::SparseTransformer => {
                Box::new(transformer::Transformer::new(space, self.width, self.depth, true))
            }
            ModelKind::Gated => Box::new(gated::Gated::new(inputs, outputs, self.width, self.depth)),
            ModelKind::Graph => {
                let missing = || LearnError::Settings("the model graph needs the kinematic tree".to_owned());
                let tree = kinematics.ok_or_else(missing)?;
                Box::new(graph::Graph::new(tree, ties, self.width, self.depth))
            }
            ModelKind::Adaptive => Box::new(adaptive::Adaptive::new(inputs, outputs, self.width, self.depth, true)),
            ModelKind::AdaptiveOpen => {
                Box::new(adaptive::Adaptive::new(inputs, outputs, self.width, self.depth, false))
            }
        })
    }
}

/// The input as one token a state, with its directions.
fn start(input: &Input) -> Dual {
    Dual { value: input.x.clone().unsqueeze_dim(1), tangent: input.directions.clone() }
}

fn apply(layer: Linear, weights: &[Tensor<2>], x: &Dual) -> Dual {
    x.linear(&weights[layer.weight], Some(&weights[layer.bias]))
}

/// Weights that read each output from its own token.
struct Readout {
    /// [outputs, width]
    weight: usize,
    /// [outputs, 1]
    bias: usize,
}

impl Readout {
    fn new(layout: &mut Layout, of: &str, outputs: usize, width: usize) -> Self {
        let init = Init::Uniform(width);
        Self {
            weight: layout.add(format!("{of}output.weight"), [outputs, width], init),
            bias: layout.add(format!("{of}output.bias"), [outputs, 1], init),
        }
    }

    /// From [batch, output, width] to [batch, output, 1].
    fn run(&self, weights: &[Tensor<2>], x: &Dual) -> Dual {
        x.times(tokens(&weights[self.weight])).sum_features().plus(tokens(&weights[self.bias]))
    }
}

/// How much each token asks for each other one, [batch, token, token].
struct Asks {
    query: Linear,
    key: Linear,
}

impl Asks {
    fn new(layout: &mut Layout, of: &str, width: usize) -> Self {
        let mut linear = |name: &str| layout.linear(&format!("{of}{name}"), width, width);
        Self { query: linear("query"), key: linear("key") }
    }

    fn run(&self, weights: &[Tensor<2>], x: &Dual) -> Dual {
        let width = x.value.dims()[2];
        let query = apply(self.query, weights, x).scaled(1.0 / (width as f64).sqrt());
        query.matmul(&apply(self.key, weights, x).transpose())
    }
}

/// The same matrix for every state.
fn matrix(values: &[f32], shape: [usize; 2], input: &Input) -> Dual {
    let (batch, [rows, columns]) = (input.x.dims()[0], shape);
    let data = TensorData::new(values.to_vec(), [1, rows, columns]);
    let matrix = Tensor::<3>::from_data(data, (&input.x.device(), input.x.dtype()));
    Dual::constant(matrix.expand([batch, rows, columns]))
}

/// A matrix of weights as [1, token, feature].
fn tokens(weight: &Tensor<2>) -> Tensor<3> {
    weight.clone().unsqueeze_dim(0)
}

#[cfg(test)]
pub(super) mod tests;
