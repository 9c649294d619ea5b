//! Policies from ONNX files: the network that somebody trained, from what it sees to its action.
//!
//! A network is run here, in double precision, one operation after the other in the order of the file: the same bits on
//! every machine, which a runtime that picks its kernels by the processor does not give. It has one input, an observation (n
//! or 1 x n numbers), and one output, an action.

mod op;
mod proto;
mod tensor;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use prost::Message;

use super::PolicyError;
use crate::physics::sha256_hex;
use tensor::Tensor;

/// A network that was opened and has been run once. A clone is cheap.
#[derive(Debug, Clone)]
pub struct OnnxFile {
    graph: Arc<Graph>,
    sha256: String,
}

#[derive(Debug)]
struct Graph {
    /// The file, for messages.
    file: String,
    nodes: Vec<proto::Node>,
    constants: HashMap<String, Tensor>,
    input: String,
    /// Shape of the input.
    shape: Vec<usize>,
    output: String,
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
        let bytes = std::fs::read(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
        let graph = Graph::read(&file, &bytes, seen).map_err(wrong)?;
        let opened = Self { graph: Arc::new(graph), sha256: sha256_hex(&bytes) };
        let answer = opened.graph.run(&vec![0.0; seen]).map_err(wrong)?;
        if answer.data.len() != actions {
            return Err(wrong(format!(
                "its output has the shape {:?}, the task's action {actions} numbers: export the action alone (the mode \
                 of the distribution), of a policy for this task",
                answer.shape
            )));
        }
        Ok(opened)
    }

    /// SHA-256 of the file, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Writes the action for an observation.
    ///
    /// # Errors
    /// [`PolicyError::Onnx`] for an action that is not finite.
    ///
    /// # Panics
    /// When one of them has another size than at [`OnnxFile::open`].
    pub fn act(&self, seen: &[f64], action: &mut [f64]) -> Result<(), PolicyError> {
        let wrong = |reason: String| PolicyError::Onnx { file: self.graph.file.clone(), reason };
        assert_eq!(seen.len(), self.graph.shape.iter().product::<usize>(), "numbers of an observation");
        let answer = self.graph.run(seen).map_err(wrong)?;
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
    fn read(file: &str, bytes: &[u8], seen: usize) -> Result<Self, String> {
        let model = proto::Model::decode(bytes).ok().filter(|m| m.ir_version > 0);
        let Some(graph) = model.and_then(|m| m.graph) else {
            return Err(
                "is no ONNX model; export the policy with torch.onnx, or as examples/export_playground.py does"
                    .to_owned(),
            );
        };
        let mut constants = HashMap::new();
        for t in &graph.initializer {
            let value =
                op::tensor(t).map_err(|reason| format!("its tensor \"{}\" cannot be used: {reason}", t.name))?;
            constants.insert(t.name.clone(), value);
        }
        let unknown = |n: &&proto::Node| !op::is_known(&n.op_type) || !matches!(n.domain.as_str(), "" | "ai.onnx");
        if let Some(node) = graph.node.iter().find(unknown) {
            let domain = if node.domain.is_empty() { String::new() } else { format!("{}.", node.domain) };
            return Err(format!(
                "it uses the operator {domain}{}; those of policies are known: {}",
                node.op_type,
                op::KNOWN
            ));
        }
        let inputs: Vec<_> = graph.input.iter().filter(|i| !constants.contains_key(&i.name)).collect();
        let names = |all: &[&proto::ValueInfo]| all.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(", ");
        let [input] = inputs[..] else {
            return Err(format!(
                "it has {} inputs ({}), a policy has one: the observation",
                inputs.len(),
                names(&inputs)
            ));
        };
        let outputs: Vec<_> = graph.output.iter().collect();
        let [output] = outputs[..] else {
            return Err(format!(
                "it has {} outputs ({}), a policy has one: the action",
                outputs.len(),
                names(&outputs)
            ));
        };
        let shape = shape(input, seen)?;
        let (input, output) = (input.name.clone(), output.name.clone());
        Ok(Self { file: file.to_owned(), nodes: graph.node, constants, input, shape, output })
    }

    fn run(&self, seen: &[f64]) -> Result<Tensor, String> {
        let mut values: HashMap<&str, Tensor> = HashMap::new();
        values.insert(&self.input, Tensor::new(self.shape.clone(), seen.to_vec()));
        for node in &self.nodes {
            let name = if node.name.is_empty() { &node.op_type } else { &node.name };
            let mut inputs = Vec::with_capacity(node.input.len());
            for input in &node.input {
                let found = values.get(input.as_str()).or_else(|| self.constants.get(input));
                if found.is_none() && !input.is_empty() {
                    return Err(format!("its node {name} takes \"{input}\", which nothing gives before it"));
                }
                inputs.push(found);
            }
            let outputs = op::apply(node, &inputs)
                .map_err(|reason| format!("its node {name} ({}) cannot be run: {reason}", node.op_type))?;
            values.extend(node.output.iter().map(String::as_str).zip(outputs));
        }
        let answer = values.remove(self.output.as_str()).or_else(|| self.constants.get(&self.output).cloned());
        answer.ok_or_else(|| format!("nothing gives its output \"{}\"", self.output))
    }
}

/// The shape of the input, one observation, where it may be.
fn shape(input: &proto::ValueInfo, seen: usize) -> Result<Vec<usize>, String> {
    let tensor = input.kind.as_ref().and_then(|k| k.tensor.as_ref());
    let kind = tensor.map_or(0, |t| t.elem_type);
    if !matches!(kind, proto::FLOAT | proto::DOUBLE) {
        return Err(format!("its input {} has the element type {kind}, not float or double", input.name));
    }
    let Some(shape) = tensor.and_then(|t| t.shape.as_ref()) else { return Ok(vec![1, seen]) };
    let sizes: Vec<i64> = shape.dim.iter().map(|d| d.value).collect();
    // 0 stands for a size with a name only.
    let fits = |size: i64, n: usize| size == 0 || usize::try_from(size) == Ok(n);
    match sizes[..] {
        [n] if fits(n, seen) => Ok(vec![seen]),
        [one, n] if fits(one, 1) && fits(n, seen) => Ok(vec![1, seen]),
        _ => Err(format!(
            "its input {} has the shape {sizes:?} (0: any), the task's observation {seen} numbers: it must be [{seen}] or \
             [1, {seen}]; choose a policy for this task",
            input.name
        )),
    }
}
