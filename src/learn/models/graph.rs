//! A graph network on the kinematic tree, with contact edges that it learns. Nodes are degrees of freedom, activations, controls and
//! mocap bodies (nothing but a learned edge joins these); features of an orientation belong to its three dofs; the tree and the actuators join them for good, and any two dofs may be joined besides, by an edge whose
//! weight follows from both of their states and can be exactly zero. In a round every node hears its neighbours; an output
//! is read from its own node. So what is several joints away matters only through those between, and what the tree
//! does not join matters only while an edge is open, as in a contact. Graph networks over bodies and joints: Sanchez-Gonzalez et
//! al. 2018 (arXiv 1806.01242); edges that are switched by the state: Pitis et al. 2020 (arXiv 2007.02863).

use burn_tensor::Tensor;

use super::super::LearnError;
use super::super::dual::Dual;
use super::super::manifold::Ties;
use super::super::params::{Init, Layout, Linear};
use super::{Asks, Input, Network, Readout, apply, matrix, start, tokens};
use crate::kinematics::Kinematics;

struct Round {
    near: Linear,
    far: Linear,
    own: Linear,
    asks: Asks,
    /// [nodes, nodes]: how open an edge is before the states are looked at.
    open: usize,
    mix: Linear,
}

pub(super) struct Graph {
    layout: Layout,
    inputs: usize,
    nodes: usize,
    scale: usize,
    offset: usize,
    rounds: Vec<Round>,
    readout: Readout,
    /// [nodes, inputs]: 1 where the input belongs to the node.
    gather: Vec<f32>,
    /// [nodes, nodes]: 1 / neighbours where the tree or an actuator joins them.
    tree: Vec<f32>,
    /// [nodes, nodes]: 1 where an edge may be learned.
    learned: Vec<f32>,
    /// [outputs, nodes]: 1 where the output is the node's.
    read: Vec<f32>,
}

impl Graph {
    pub(super) fn new(tree: &Kinematics, ties: Option<&Ties>, width: usize, depth: usize) -> Self {
        let layout = tree.layout();
        let nodes = tree.nodes() + ties.map_or(0, |ties| ties.mocap);
        // pos and vel of a dof are one node; activations and controls follow.
        let nv = layout.nv;
        let node = |i: usize| if i < nv { i } else { i - nv };
        let of_inputs: Vec<Vec<usize>> =
            ties.map_or_else(|| (0..layout.inputs()).map(|i| vec![node(i)]).collect(), |ties| ties.nodes.clone());
        let readers: Vec<usize> =
            ties.map_or_else(|| (0..layout.ndx()).map(node).collect(), |ties| ties.readers.clone());
        let (inputs, outputs) = (of_inputs.len(), readers.len());
        let mut gather = vec![0.0; nodes * inputs];
        for (i, own) in of_inputs.iter().enumerate() {
            own.iter().for_each(|node| gather[node * inputs + i] = 1.0);
        }
        let mut read = vec![0.0; outputs * nodes];
        readers.iter().enumerate().for_each(|(o, node)| read[o * nodes + node] = 1.0);
        let mut joined = vec![0.0f32; nodes * nodes];
        for [a, b] in tree.edges() {
            (joined[a * nodes + b], joined[b * nodes + a]) = (1.0, 1.0);
        }
        let mut learned = vec![0.0; nodes * nodes];
        let meets = |node: usize| node < nv || node >= tree.nodes();
        for (a, b) in (0..nodes).flat_map(|a| (0..nodes).map(move |b| (a, b))).filter(|(a, b)| meets(*a) && meets(*b)) {
            learned[a * nodes + b] = f32::from(a != b && joined[a * nodes + b] == 0.0);
        }
        for row in joined.chunks_mut(nodes.max(1)) {
            let neighbours = row.iter().sum::<f32>().max(1.0);
            row.iter_mut().for_each(|x| *x /= neighbours);
        }
        let mut layout = Layout::default();
        let scale = layout.add("token.scale", [inputs, width], Init::Uniform(1));
        let offset = layout.add("token.offset", [nodes, width], Init::Uniform(1));
        let rounds = (0..depth).map(|i| {
            let mut linear = |name: &str| layout.linear(&format!("round{i}.{name}"), width, width);
            let (near, far, own) = (linear("near"), linear("far"), linear("own"));
            Round {
                near,
                far,
                own,
                asks: Asks::new(&mut layout, &format!("round{i}."), width),
                mix: layout.linear(&format!("round{i}.mix"), width, width),
                open: layout.add(format!("round{i}.open"), [nodes, nodes], Init::Uniform(16)),
            }
        });
        let rounds = rounds.collect();
        let readout = Readout::new(&mut layout, "", outputs, width);
        Self { layout, inputs, nodes, scale, offset, rounds, readout, gather, tree: joined, learned, read }
    }
}

impl Network for Graph {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn run(&self, weights: &[Tensor<2>], input: &Input) -> Result<Dual, LearnError> {
        let outputs = self.read.len() / self.nodes.max(1);
        let constant = |values: &[f32], rows: usize, columns: usize| matrix(values, [rows, columns], input);
        let tree = constant(&self.tree, self.nodes, self.nodes);
        let learned = constant(&self.learned, self.nodes, self.nodes);
        let numbers = start(input).reshape(self.inputs, 1).times(tokens(&weights[self.scale]));
        let mut x =
            constant(&self.gather, self.nodes, self.inputs).matmul(&numbers).plus(tokens(&weights[self.offset]));
        for round in &self.rounds {
            let heard = tree.matmul(&apply(round.near, weights, &x));
            let meets = round.asks.run(weights, &x.elu());
            // About 1/4 open at first, and shut for good where the sum is below 0.
            let open = meets.plus(tokens(&(weights[round.open].clone() + 0.25))).relu().mul(&learned);
            let far = open.scaled(1.0 / self.nodes as f64).matmul(&apply(round.far, weights, &x));
            let next = apply(round.own, weights, &x).add(&heard).add(&far).elu();
            x = x.add(&apply(round.mix, weights, &next));
        }
        let read = constant(&self.read, outputs, self.nodes).matmul(&x.elu());
        Ok(self.readout.run(weights, &read))
    }
}
