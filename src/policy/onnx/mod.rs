//! Policies from ONNX files: the network that somebody trained, from what it sees to its action.
//!
//! A network is run here, in double precision, one operation after the other in the order of the file: the same bits on
//! every machine, which a runtime that picks its kernels by the processor does not give. It has an input, the observation (n
//! or 1 x n numbers), and an output, the action; one with a memory has an input and an output more for each of its states.

mod memory;
mod op;
mod outside;
mod proto;
mod recurrent;
mod tensor;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message;

use super::PolicyError;
use crate::bounded::{self, listed, word};
use crate::seal::sha256_hex;
use memory::Carried;
pub use memory::NetworkMemory;
use outside::Outside;
use tensor::{Budget, Tensor};

/// Bytes of a file, at most: four a number.
const BYTES: u64 = 4 * tensor::MOST as u64;

/// Versions of the operator set whose operators mean what is computed here: before 7 they do not broadcast as numpy does.
const OPERATORS: RangeInclusive<i64> = 7..=25;

/// Versions of the file format that are known.
const FORMATS: RangeInclusive<i64> = 3..=13;

/// A network that was opened and has been run once. A clone is cheap.
#[derive(Debug, Clone)]
pub struct OnnxFile {
    graph: Arc<Graph>,
    sha256: String,
    beside: Vec<PathBuf>,
}

#[derive(Debug)]
struct Graph {
    /// The file, for messages.
    file: String,
    nodes: Vec<proto::Node>,
    constants: HashMap<String, Tensor>,
    /// Numbers of the constants.
    held: usize,
    input: String,
    /// Shape of the input.
    shape: Vec<usize>,
    output: String,
    carried: Vec<Carried>,
}

impl OnnxFile {
    /// Opens a network that turns `seen` numbers into `actions` numbers.
    ///
    /// # Errors
    /// [`PolicyError::Onnx`] when it cannot be read, is no ONNX, has other inputs or outputs, or an operator that is
    /// not known here.
    pub fn open(path: &Path, seen: usize, actions: usize) -> Result<Self, PolicyError> {
        let file = path.display().to_string();
        let wrong = |reason: String| PolicyError::Onnx { file: file.clone(), reason };
        let bytes = bounded::read(path, BYTES).map_err(|e| wrong(format!("cannot be read: {e}")))?;
        let (graph, outside) = Graph::read(path, &bytes, seen).map_err(wrong)?;
        let sha256 = sha256_hex(&outside.append_to(bytes));
        let opened = Self { graph: Arc::new(graph), sha256, beside: outside.places };
        let answer = opened.graph.run(&vec![0.0; seen], &mut opened.memory()).map_err(wrong)?;
        if answer.data.len() != actions {
            return Err(wrong(format!(
                "its output has the shape {:?}, the task's action {actions} numbers: export the action alone (the mode \
                 of the distribution), of a policy for this task",
                answer.shape
            )));
        }
        Ok(opened)
    }

    /// SHA-256 of the file, and of those behind it that its numbers lie in, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Other files that it was read from.
    pub fn beside(&self) -> &[PathBuf] {
        &self.beside
    }

    /// What the network remembers before the first action of an episode: zeros.
    pub fn memory(&self) -> NetworkMemory {
        let zeros = |carried: &Carried| Tensor::new(carried.shape.clone(), vec![0.0; carried.shape.iter().product()]);
        NetworkMemory { held: self.graph.carried.iter().map(zeros).collect() }
    }

    /// Writes the action for an observation, and what the network remembers of it.
    ///
    /// # Errors
    /// [`PolicyError::Onnx`] for an action that is not finite.
    ///
    /// # Panics
    /// When one of them has another size than at [`OnnxFile::open`], or the memory is another network's.
    pub fn act(&self, seen: &[f64], memory: &mut NetworkMemory, action: &mut [f64]) -> Result<(), PolicyError> {
        let wrong = |reason: String| PolicyError::Onnx { file: self.graph.file.clone(), reason };
        assert_eq!(seen.len(), self.graph.shape.iter().product::<usize>(), "numbers of an observation");
        let answer = self.graph.run(seen, memory).map_err(wrong)?;
        if let Some(i) = answer.data.iter().position(|x| !x.is_finite()) {
            let finite = seen.iter().all(|x| x.is_finite());
            let of = if finite { "an observation of finite numbers" } else { "an observation that is not finite" };
            return Err(wrong(format!("entry {i} of its output is {} for {of}: mend the network", answer.data[i])));
        }
        action.copy_from_slice(&answer.data);
        Ok(())
    }
}

impl Graph {
    /// The network, and what of it lies in other files.
    fn read(path: &Path, bytes: &[u8], seen: usize) -> Result<(Self, Outside), String> {
        if !proto::is_small(bytes) {
            return Err("it has too many nodes and names for a policy".to_owned());
        }
        let model = proto::Model::decode(bytes).ok().filter(|m| m.ir_version > 0);
        let Some((graph, model)) = model.and_then(|mut m| Some((m.graph.take()?, m))) else {
            return Err(
                "is no ONNX model; export the policy with torch.onnx, or as examples/export_playground.py does"
                    .to_owned(),
            );
        };
        versions(&model)?;
        let mut constants = HashMap::new();
        let outside = Outside::read(path, &graph.initializer)?;
        let left = Budget::after(0);
        for t in &graph.initializer {
            let wrong = |reason| format!("its tensor \"{}\" cannot be used: {reason}", word(&t.name));
            let value = outside.of(t).and_then(|raw| op::tensor(t, raw)).map_err(wrong)?;
            left.hold(value.data.len()).map_err(wrong)?;
            constants.insert(t.name.clone(), value);
        }
        let inputs: Vec<_> = graph.input.iter().filter(|i| !constants.contains_key(&i.name)).collect();
        if inputs.is_empty() {
            return Err("it has 0 inputs, a policy has one: the observation".to_owned());
        }
        let (input, carried) = memory::paired(&inputs, &graph.output)?;
        let states: Vec<&str> = carried.iter().map(|c| c.output.as_str()).collect();
        let output = action(graph.output.iter().filter(|o| !states.contains(&o.name.as_str())).collect())?;
        let nodes = needed(&graph.node, states.into_iter().chain([output.name.as_str()]));
        let unknown = |n: &&proto::Node| !op::is_known(&n.op_type) || !matches!(n.domain.as_str(), "" | "ai.onnx");
        if let Some(node) = nodes.iter().copied().find(unknown) {
            let domain = if node.domain.is_empty() { String::new() } else { format!("{}.", word(&node.domain)) };
            return Err(format!(
                "it uses the operator {domain}{}; those of policies are known: {}",
                word(&node.op_type),
                op::KNOWN
            ));
        }
        for node in &nodes {
            op::check(node).map_err(|reason| format!("its node {}: {reason}", name(node)))?;
        }
        let shape = shape(input, seen)?;
        let mut given: HashSet<&str> = constants.keys().map(String::as_str).chain([input.name.as_str()]).collect();
        given.extend(carried.iter().map(|c| c.input.as_str()));
        let outputs = nodes.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty());
        if let Some(twice) = outputs.into_iter().find(|name| !given.insert(name)) {
            return Err(format!("it gives \"{}\" twice", word(twice)));
        }
        let states = carried.iter().map(|c| c.shape.iter().product::<usize>());
        let held = constants.values().map(|t| t.data.len()).chain(states).sum();
        let (input, output) = (input.name.clone(), output.name.clone());
        let nodes = nodes.into_iter().cloned().collect();
        let file = path.display().to_string();
        Ok((Self { file, nodes, constants, held, input, shape, output, carried }, outside))
    }

    /// The action; the memory is what it was before, and becomes what the next action starts from.
    fn run(&self, seen: &[f64], memory: &mut NetworkMemory) -> Result<Tensor, String> {
        assert_eq!(memory.held.len(), self.carried.len(), "parts of a memory");
        let mut values: HashMap<&str, Tensor> = HashMap::new();
        values.insert(&self.input, Tensor::new(self.shape.clone(), seen.to_vec()));
        for (carried, held) in self.carried.iter().zip(&memory.held) {
            values.insert(&carried.input, held.clone());
        }
        let left = Budget::after(self.held);
        for node in &self.nodes {
            let mut inputs = Vec::with_capacity(node.input.len());
            for input in &node.input {
                let found = values.get(input.as_str()).or_else(|| self.constants.get(input));
                if found.is_none() && !input.is_empty() {
                    let (node, input) = (name(node), word(input));
                    return Err(format!("its node {node} takes \"{input}\", which nothing gives before it"));
                }
                inputs.push(found);
            }
            let outputs = op::apply(node, &inputs, &left).and_then(|outputs| {
                left.hold(outputs.iter().map(|t| t.data.len()).sum())?;
                Ok(outputs)
            });
            let outputs = outputs
                .map_err(|reason| format!("its node {} ({}) cannot be run: {reason}", name(node), node.op_type))?;
            values.extend(node.output.iter().map(String::as_str).zip(outputs));
        }
        let answer = |name: &str| {
            let found = values.get(name).or_else(|| self.constants.get(name)).cloned();
            found.ok_or_else(|| format!("nothing gives its output \"{}\"", word(name)))
        };
        for (carried, held) in self.carried.iter().zip(&mut memory.held) {
            let next = answer(&carried.output)?;
            if next.shape != carried.shape {
                let (is, was) = (listed(&next.shape), listed(&carried.shape));
                return Err(format!(
                    "its state \"{}\" has the shape {is} after the shape {was}",
                    word(&carried.output)
                ));
            }
            *held = next;
        }
        answer(&self.output)
    }
}

/// The output that is the action: the only one, or of several (values, log probabilities) the one that is called so.
fn action(outputs: Vec<&proto::ValueInfo>) -> Result<&proto::ValueInfo, String> {
    let named = |o: &&&proto::ValueInfo| ["action", "actions"].contains(&o.name.to_lowercase().as_str());
    let called: Vec<_> = outputs.iter().filter(named).collect();
    match (&outputs[..], &called[..]) {
        ([only], _) => Ok(*only),
        (_, [only]) => Ok(**only),
        _ => Err(format!(
            "it has {} outputs ({}), and which of them is the action is not clear: call that one \"action\", or export it \
             alone",
            outputs.len(),
            names(outputs)
        )),
    }
}

/// The names of inputs or outputs, as a message shows them.
fn names<'a>(all: impl IntoIterator<Item = &'a proto::ValueInfo>) -> String {
    all.into_iter().take(8).map(|info| word(&info.name)).collect::<Vec<_>>().join(", ")
}

/// The nodes that outputs depend on, in their order.
fn needed<'a>(nodes: &'a [proto::Node], outputs: impl Iterator<Item = &'a str>) -> Vec<&'a proto::Node> {
    let mut wanted: HashSet<&str> = outputs.collect();
    let mut found: Vec<&proto::Node> = Vec::new();
    // A node takes what nodes before it give.
    for node in nodes.iter().rev() {
        if node.output.iter().any(|name| wanted.contains(name.as_str())) {
            wanted.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
            found.push(node);
        }
    }
    found.reverse();
    found
}

/// How a message calls a node.
fn name(node: &proto::Node) -> String {
    word(if node.name.is_empty() { &node.op_type } else { &node.name })
}

/// Refuses versions of the format and of the operators that nobody has compared with what is computed here.
fn versions(model: &proto::Model) -> Result<(), String> {
    let (low, high) = (OPERATORS.start(), OPERATORS.end());
    let again = format!("export it again with an opset_version from {low} to {high}");
    if !FORMATS.contains(&model.ir_version) {
        return Err(format!("it is of the ONNX format {}, which is not known here: {again}", model.ir_version));
    }
    let own = |set: &&proto::OperatorSet| matches!(set.domain.as_str(), "" | "ai.onnx");
    match model.opset_import.iter().filter(own).collect::<Vec<_>>()[..] {
        [set] if OPERATORS.contains(&set.version) => Ok(()),
        [set] => Err(format!("its operators are those of opset {}, which are not known here: {again}", set.version)),
        [] => Err(format!("it does not say which opset its operators are of: {again}")),
        _ => Err(format!("it names several opsets: {again}")),
    }
}

/// The shape of the input, one observation, where it may be.
fn shape(input: &proto::ValueInfo, seen: usize) -> Result<Vec<usize>, String> {
    let tensor = input.kind.as_ref().and_then(|k| k.tensor.as_ref());
    let kind = tensor.map_or(0, |t| t.elem_type);
    if !matches!(kind, proto::FLOAT | proto::DOUBLE) {
        return Err(format!("its input {} has the element type {kind}, not float or double", word(&input.name)));
    }
    let Some(shape) = tensor.and_then(|t| t.shape.as_ref()) else { return Ok(vec![1, seen]) };
    let sizes: Vec<i64> = shape.dim.iter().map(|d| d.value).collect();
    // 0 stands for a size with a name only.
    let fits = |size: i64, n: usize| size == 0 || usize::try_from(size) == Ok(n);
    match sizes[..] {
        [n] if fits(n, seen) => Ok(vec![seen]),
        [one, n] if fits(one, 1) && fits(n, seen) => Ok(vec![1, seen]),
        _ => Err(format!(
            "its input {} has the shape {} (0: any), but what it is to see has {seen} numbers, so that it must be \
             [{seen}] or [1, {seen}]; take a network for this task, or say with --observe what it sees",
            word(&input.name),
            listed(&sizes)
        )),
    }
}
