//! Networks written byte by byte, and what becomes of them when fields are changed.

use super::Dice;
use super::bytes::damage;

/// A field of a protobuf message: its number, and bytes behind their length.
pub(crate) fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

pub(crate) fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

pub(crate) fn varint(mut x: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
    out
}

/// A tensor of floats.
pub(crate) fn floats(name: &str, shape: &[usize], data: &[f32]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|d| number(1, *d as u64)).collect();
    let raw: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes()).collect();
    [dims, number(2, 1), bytes(8, name.as_bytes()), bytes(9, &raw)].concat()
}

pub(crate) fn integers(name: &str, data: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes()).collect();
    [number(1, data.len() as u64), number(2, 7), bytes(8, name.as_bytes()), bytes(9, &raw)].concat()
}

/// A node of the graph: `op a, b -> c`.
pub(crate) fn node(op: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|i| bytes(1, i.as_bytes())).collect();
    [inputs, bytes(2, output.as_bytes()), bytes(4, op.as_bytes())].concat()
}

/// A node with several outputs and attributes.
pub(crate) fn node_with(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let texts = |field, all: &[&str]| all.iter().flat_map(|i| bytes(field, i.as_bytes())).collect::<Vec<u8>>();
    let attributes: Vec<u8> = attributes.iter().flat_map(|a| bytes(5, a)).collect();
    [texts(1, inputs), texts(2, outputs), bytes(4, op.as_bytes()), attributes].concat()
}

/// Attributes: a whole number, a text, a list of texts.
pub(crate) fn whole(name: &str, value: u64) -> Vec<u8> {
    [bytes(1, name.as_bytes()), number(3, value)].concat()
}

pub(crate) fn text(name: &str, value: &str) -> Vec<u8> {
    [bytes(1, name.as_bytes()), bytes(4, value.as_bytes())].concat()
}

pub(crate) fn texts(name: &str, values: &[&str]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|v| bytes(9, v.as_bytes())).collect();
    [bytes(1, name.as_bytes()), values].concat()
}

/// An input or output: floats of a shape.
pub(crate) fn value(name: &str, shape: &[u64]) -> Vec<u8> {
    value_of(name, 1, shape)
}

/// An input or output of another element type.
pub(crate) fn value_of(name: &str, kind: u64, shape: &[u64]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|d| bytes(1, &number(1, *d))).collect();
    let kind = bytes(1, &[number(1, kind), bytes(2, &dims)].concat());
    [bytes(1, name.as_bytes()), bytes(2, &kind)].concat()
}

/// A network as a file.
#[derive(Clone, Default)]
pub(crate) struct Net {
    pub(crate) nodes: Vec<Vec<u8>>,
    pub(crate) tensors: Vec<Vec<u8>>,
    pub(crate) inputs: Vec<Vec<u8>>,
    pub(crate) outputs: Vec<Vec<u8>>,
    /// Versions of the operators; 17 where nothing is said.
    pub(crate) opsets: Option<Vec<Vec<u8>>>,
    /// Version of the format; 8 where nothing is said.
    pub(crate) format: Option<u64>,
}

impl Net {
    pub(crate) fn file(&self) -> Vec<u8> {
        let all = |field, parts: &[Vec<u8>]| parts.iter().flat_map(|p| bytes(field, p)).collect::<Vec<u8>>();
        let graph =
            [all(1, &self.nodes), all(5, &self.tensors), all(11, &self.inputs), all(12, &self.outputs)].concat();
        let opsets = all(8, self.opsets.as_deref().unwrap_or(&[number(2, 17)]));
        [number(1, self.format.unwrap_or(8)), bytes(7, &graph), opsets].concat()
    }
}

pub(crate) fn wave(shape: &[usize], phase: f64, scale: f64) -> Vec<f32> {
    (0..shape.iter().product()).map(|i| (scale * (phase + i as f64).sin()) as f32).collect()
}

/// The network of tests/reference/onnx.py: 17 numbers to 6, as Brax's policies are exported.
pub(crate) fn cheetah() -> Net {
    let layer = |i: usize, shape: &[usize], phase: f64| {
        let (w, b) = (format!("w{i}"), format!("b{i}"));
        [floats(&w, shape, &wave(shape, phase, 0.4)), floats(&b, &shape[1..], &wave(&shape[1..], phase + 1.0, 0.1))]
    };
    let spread: Vec<f32> = wave(&[17], 2.0, 0.5);
    let mut net = Net {
        tensors: vec![
            floats("mean", &[17], &wave(&[17], 1.0, 0.1)),
            floats("spread", &[17], &spread),
            floats("one", &[], &[1.0]),
            integers("from", &[0]),
            integers("to", &[6]),
            integers("axis", &[1]),
        ],
        inputs: vec![value("seen", &[1, 17])],
        outputs: vec![value("action", &[1, 6])],
        ..Net::default()
    };
    for (i, shape, phase) in [(0, [17, 32], 3.0), (1, [32, 16], 5.0), (2, [16, 12], 7.0)] {
        net.tensors.extend(layer(i, &shape, phase));
    }
    net.nodes = vec![node("Sub", &["seen", "mean"], "centred"), node("Add", &["one", "spread"], "std")];
    net.nodes.push(node("Div", &["centred", "std"], "x0"));
    for i in 0..3 {
        let [x, w, b, y, s, next] = ["x", "w", "b", "y", "s", "x"].map(|l| format!("{l}{i}"));
        let next = next.replace(&i.to_string(), &(i + 1).to_string());
        net.nodes.push(node("Gemm", &[&x, &w, &b], &y));
        if i < 2 {
            net.nodes.extend([node("Sigmoid", &[&y], &s), node("Mul", &[&y, &s], &next)]);
        }
    }
    net.nodes.extend([node("Slice", &["y2", "from", "to", "axis"], "mode"), node("Tanh", &["mode"], "action")]);
    net
}

/// A network of tests/reference/onnx.py with a memory, as locomotion policies are exported: `kind` is what it calls the layer.
pub(crate) fn remembering(kind: &str, seen: usize, actions: usize) -> Net {
    let (op, gates, attributes) = match kind {
        "LSTM" => ("LSTM", 4, vec![text("direction", "forward")]),
        "GRU" => ("GRU", 3, vec![whole("linear_before_reset", 1)]),
        "GRU before" => ("GRU", 3, vec![texts("activations", &["Sigmoid", "Tanh"])]),
        "RNN relu" => ("RNN", 1, vec![texts("activations", &["Relu"])]),
        _ => ("RNN", 1, vec![whole("hidden_size", 8)]),
    };
    // One bias behind the other, of all gates each.
    let weights = |name: &str, shape: [usize; 3], phase, scale| floats(name, &shape, &wave(&shape, phase, scale));
    let states: &[&str] = if op == "LSTM" { &["h", "c"] } else { &["h"] };
    let names = |side: &str| states.iter().map(|s| format!("{s}_{side}")).collect::<Vec<_>>();
    let (inputs, outputs) = (names("in"), names("out"));
    let layer_inputs: Vec<&str> =
        ["x", "w", "r", "b", ""].into_iter().chain(inputs.iter().map(String::as_str)).collect();
    let layer_outputs: Vec<&str> = ["y"].into_iter().chain(outputs.iter().map(String::as_str)).collect();
    let bias = wave(&[2 * gates * 8], 3.0, 0.2);
    Net {
        nodes: vec![
            node("Unsqueeze", &["obs", "first"], "x"),
            node_with(op, &layer_inputs, &layer_outputs, &attributes),
            node("Squeeze", &["y", "both"], "features"),
            node("MatMul", &["features", "head"], "actions"),
        ],
        tensors: vec![
            weights("w", [1, gates * 8, seen], 1.0, 0.3),
            weights("r", [1, gates * 8, 8], 2.0, 0.4),
            floats("b", &[1, 2 * gates * 8], &bias),
            floats("head", &[8, actions], &wave(&[8, actions], 4.0, 0.5)),
            integers("first", &[0]),
            integers("both", &[0, 1]),
        ],
        inputs: [vec![value("obs", &[1, seen as u64])], inputs.iter().map(|n| value(n, &[1, 1, 8])).collect()].concat(),
        outputs: [vec![value("actions", &[1, actions as u64])], outputs.iter().map(|n| value(n, &[1, 1, 8])).collect()]
            .concat(),
        ..Net::default()
    }
}

/// A network that acts.
pub(crate) fn seed() -> Vec<u8> {
    cheetah().file()
}

/// A field of a message.
#[derive(Clone)]
enum Field {
    Number(u64, u64),
    /// Behind their length, and of another wire type.
    Bytes(u64, Vec<u8>),
    Fixed(u64, Vec<u8>),
    Message(u64, Vec<Field>),
}

/// The message that a field of a message is, by the names of onnx.proto3.
fn inside(kind: &str, field: u64) -> Option<&'static str> {
    Some(match (kind, field) {
        ("model", 7) => "graph",
        ("model", 8) => "opset",
        ("graph", 1) => "node",
        ("graph", 5) | ("attribute", 5) => "tensor",
        ("graph", 11 | 12) => "value",
        ("node", 5) => "attribute",
        ("value", 2) => "type",
        ("type", 1) => "tensor-type",
        ("tensor-type", 2) => "shape",
        ("shape", 1) => "dim",
        _ => return None,
    })
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for i in 0..10 {
        let byte = *bytes.get(i)?;
        value |= u64::from(byte & 0x7f) << (7 * i).min(63);
        if byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Some(value);
        }
    }
    None
}

/// None for what is no such message.
fn read(kind: &str, mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = read_varint(&mut bytes)?;
        let field = tag >> 3;
        let length = match tag & 7 {
            0 => {
                fields.push(Field::Number(field, read_varint(&mut bytes)?));
                continue;
            }
            1 => 8,
            5 => 4,
            2 => usize::try_from(read_varint(&mut bytes)?).ok()?,
            _ => return None,
        };
        let content = bytes.get(..length)?.to_vec();
        bytes = &bytes[length..];
        let message = inside(kind, field).and_then(|kind| read(kind, &content));
        fields.push(match message {
            _ if tag & 7 != 2 => Field::Fixed(tag, content),
            Some(fields) => Field::Message(field, fields),
            None => Field::Bytes(field, content),
        });
    }
    Some(fields)
}

fn written(fields: &[Field]) -> Vec<u8> {
    let one = |field: &Field| match field {
        Field::Number(field, value) => number(*field, *value),
        Field::Bytes(field, content) => bytes(*field, content),
        Field::Fixed(tag, content) => [varint(*tag), content.clone()].concat(),
        Field::Message(field, inside) => bytes(*field, &written(inside)),
    };
    fields.iter().flat_map(one).collect()
}

fn count(fields: &[Field]) -> u64 {
    fields.iter().map(|f| 1 + if let Field::Message(_, inside) = f { count(inside) } else { 0 }).sum()
}

/// Changes field number `at`, counted through all messages.
fn change(fields: &mut Vec<Field>, at: &mut u64, dice: &mut Dice) -> bool {
    for i in 0..fields.len() {
        if *at == 0 {
            let copy = fields[i].clone();
            match dice.below(4) {
                0 => drop(fields.remove(i)),
                1 => fields.extend(std::iter::repeat_n(copy, [1, 2, 40, 2000][dice.below(4) as usize])),
                2 => {
                    let other = dice.below(fields.len() as u64) as usize;
                    fields.swap(i, other);
                }
                _ => renew(&mut fields[i], dice),
            }
            return true;
        }
        *at -= 1;
        if let Field::Message(_, inside) = &mut fields[i]
            && change(inside, at, dice)
        {
            return true;
        }
    }
    false
}

const NAMES: [&str; 16] = [
    "Concat",
    "MatMul",
    "Add",
    "Reshape",
    "Slice",
    "Split",
    "Unsqueeze",
    "Squeeze",
    "Gemm",
    "Flatten",
    "Transpose",
    "LayerNormalization",
    "axis",
    "seen",
    "x0",
    "w1",
];

fn renew(field: &mut Field, dice: &mut Dice) {
    const NUMBERS: [u64; 12] = [0, 1, 2, 7, 11, 17, 1 << 20, 1 << 31, 1 << 40, (1 << 62) + 1, u64::MAX, (1 << 63) + 5];
    match field {
        Field::Number(_, value) => {
            *value = match dice.below(3) {
                0 => dice.below(40),
                1 => value.wrapping_add(dice.below(3)).wrapping_sub(1),
                _ => NUMBERS[dice.below(NUMBERS.len() as u64) as usize],
            }
        }
        Field::Bytes(_, content) => match dice.below(4) {
            0 => *content = NAMES[dice.below(NAMES.len() as u64) as usize].as_bytes().to_vec(),
            1 => content.truncate(dice.below(content.len() as u64 + 1) as usize),
            2 => *content = damage(content, dice),
            _ => {
                let n = content.len() as u64;
                for chunk in content.chunks_exact_mut(8) {
                    if dice.below(1 + n / 16) == 0 {
                        let value = NUMBERS[dice.below(NUMBERS.len() as u64) as usize];
                        chunk.copy_from_slice(&value.to_le_bytes());
                    }
                }
            }
        },
        Field::Fixed(_, content) => *content = damage(content, dice),
        Field::Message(_, inside) => {
            if dice.below(2) == 0 {
                inside.clear();
            } else {
                inside.push(Field::Number(dice.below(24), NUMBERS[dice.below(NUMBERS.len() as u64) as usize]));
            }
        }
    }
}

/// A network with some fields changed: sizes, names, attributes, whole messages; sometimes any bytes.
pub(crate) fn mutate(file: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut file = file.to_vec();
    if dice.below(5) > 0
        && let Some(mut fields) = read("model", &file)
    {
        for _ in 0..=dice.below(4) {
            let mut at = dice.below(count(&fields).max(1));
            change(&mut fields, &mut at, &mut dice);
        }
        file = written(&fields);
    }
    if dice.below(4) == 0 { damage(&file, &mut dice) } else { file }
}
