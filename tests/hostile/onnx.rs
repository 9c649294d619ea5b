//! Networks: protobuf messages field by field, with fields changed.

use crate::case::Case;
use crate::common::bytes::{FLOATS, INTEGERS, damage, one_in, pick, word};
use crate::common::onnx::{self, Net, bytes, number, value, value_of, varint, wave};
use crate::common::{Dice, vendor};
use crate::drive::Target;

/// Sizes of CartpoleBalance's observation and action.
const SEEN: usize = 5;
const ACTIONS: usize = 1;

/// Operators, those that the program knows and others.
const OPERATORS: [&str; 37] = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "MatMul",
    "Gemm",
    "Tanh",
    "Sigmoid",
    "Relu",
    "Elu",
    "LeakyRelu",
    "Selu",
    "Softplus",
    "Exp",
    "Sqrt",
    "Neg",
    "Abs",
    "Clip",
    "Concat",
    "Slice",
    "Split",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Identity",
    "Cast",
    "Constant",
    "Softmax",
    "Expand",
    "LayerNormalization",
    "LSTM",
    "GRU",
    "RNN",
    "Loop",
];

/// Names of attributes.
const ATTRIBUTES: [&str; 20] = [
    "axis",
    "axes",
    "alpha",
    "beta",
    "transA",
    "transB",
    "perm",
    "to",
    "value",
    "starts",
    "ends",
    "split",
    "min",
    "max",
    "keepdims",
    "num_outputs",
    "hidden_size",
    "layout",
    "direction",
    "linear_before_reset",
];

/// Names of values.
const VALUES: [&str; 13] = ["seen", "w", "b", "x0", "x1", "x2", "n", "action", "", "x", "r", "h_in", "y"];

/// A tensor; its type, shape and data need not agree.
fn tensor(name: &str, kind: u64, shape: &[u64], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|d| number(1, *d)).collect();
    [dims, number(2, kind), bytes(8, name.as_bytes()), bytes(9, raw)].concat()
}

fn floats(name: &str, shape: &[usize]) -> Vec<u8> {
    onnx::floats(name, shape, &wave(shape, 0.0, 0.6))
}

fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.iter().flat_map(|name| bytes(1, name.as_bytes()));
    let outputs = outputs.iter().flat_map(|name| bytes(2, name.as_bytes()));
    let attributes = attributes.iter().flat_map(|a| bytes(5, a));
    inputs.chain(outputs).chain(bytes(4, operator.as_bytes())).chain(attributes).collect()
}

/// Two layers, which work.
fn plain() -> Net {
    Net {
        nodes: vec![
            node("Gemm", &["seen", "w", "b"], &["x0"], &[]),
            node("Tanh", &["x0"], &["x1"], &[]),
            node("MatMul", &["x1", "n"], &["action"], &[]),
        ],
        tensors: vec![floats("w", &[SEEN, 4]), floats("b", &[4]), floats("n", &[4, ACTIONS])],
        inputs: vec![value("seen", &[1, SEEN as u64])],
        outputs: vec![value("action", &[1, ACTIONS as u64])],
        ..Net::default()
    }
}

fn change(net: &mut Net, dice: &mut Dice) {
    match dice.below(9) {
        0..=2 => {
            let at = dice.below(net.nodes.len() as u64) as usize;
            net.nodes.insert(at, any_node(dice));
        }
        // What doubles something many times over: sizes grow as powers.
        3 => {
            let (operator, times) =
                (*pick(dice, &["Concat", "Add", "MatMul", "Expand"]), *pick(dice, &[3, 12, 40, 70]));
            let mut last = "seen".to_owned();
            for i in 0..times {
                let next = format!("d{i}");
                net.nodes.insert(i, node(operator, &[&last, &last], &[&next], &[axis(1)]));
                last = next;
            }
        }
        4 | 5 => {
            let at = dice.below(net.tensors.len() as u64) as usize;
            let name = *pick(dice, &["w", "b", "n", "x2"]);
            let shape: Vec<u64> = (0..dice.below(5)).map(|_| any_size(dice)).collect();
            let raw = vec![*pick(dice, &[0, 1, 0x7f, 0xff]); *pick(dice, &[0, 4, 7, 16, 20, 80])];
            net.tensors[at] = tensor(name, *pick(dice, &[0, 1, 6, 7, 10, 11, 99]), &shape, &raw);
        }
        6 => net.inputs = vec![value_of("seen", *pick(dice, &[1, 11, 0, 7]), &[any_size(dice), SEEN as u64])],
        7 => net.outputs = vec![value(word(dice, &VALUES), &[any_size(dice), ACTIONS as u64])],
        _ => net.opsets = Some(vec![number(2, any_number(dice))]),
    }
}

fn any_number(dice: &mut Dice) -> u64 {
    pick(dice, &INTEGERS).cast_unsigned()
}

fn any_size(dice: &mut Dice) -> u64 {
    if one_in(dice, 2) { *pick(dice, &[1, 4, 5]) } else { any_number(dice) }
}

fn axis(value: u64) -> Vec<u8> {
    [bytes(1, b"axis"), number(3, value), number(20, 2)].concat()
}

fn any_node(dice: &mut Dice) -> Vec<u8> {
    let operator = *pick(dice, &OPERATORS);
    let names = |n: u64, dice: &mut Dice| (0..n).map(|_| *pick(dice, &VALUES)).collect::<Vec<_>>();
    let inputs = names(dice.below(5), dice);
    let outputs = names(1 + dice.below(2), dice);
    let attributes: Vec<Vec<u8>> = (0..dice.below(3)).map(|_| any_attribute(dice)).collect();
    node(operator, &inputs, &outputs, &attributes)
}

fn any_attribute(dice: &mut Dice) -> Vec<u8> {
    let name = bytes(1, pick(dice, &ATTRIBUTES).as_bytes());
    let rest = match dice.below(4) {
        0 => [number(3, any_number(dice)), number(20, 2)].concat(),
        1 => {
            let x = pick(dice, &FLOATS).parse::<f32>().unwrap_or(f32::NAN);
            [varint(2 << 3 | 5), x.to_le_bytes().to_vec(), number(20, 1)].concat()
        }
        2 => {
            let all: Vec<u8> = (0..dice.below(6)).flat_map(|_| number(8, any_size(dice))).collect();
            [all, number(20, 7)].concat()
        }
        _ => [bytes(5, &floats("", &[2, 2])), number(20, 4)].concat(),
    };
    [name, rest].concat()
}

/// Networks.
pub(crate) struct Onnx {
    assets: String,
}

impl Target for Onnx {
    fn new() -> Self {
        Self { assets: vendor() }
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let kind = *pick(dice, &["", "", "LSTM", "GRU", "GRU before", "RNN"]);
        let mut net = if kind.is_empty() { plain() } else { onnx::remembering(kind, SEEN, ACTIONS) };
        let mut file = net.file();
        if one_in(dice, 3) {
            file = damage(&file, dice);
        } else {
            for _ in 0..dice.below(4) {
                change(&mut net, dice);
            }
            file = if one_in(dice, 8) { damage(&net.file(), dice) } else { net.file() };
        }
        let command = "record CartpoleBalance --episodes 1 --steps 2 --threads 1 --onnx-file p.onnx -o out.h5 --assets";
        let mut case = Case::of("p.onnx", file).command(command);
        case.commands[0].push(self.assets.clone());
        case
    }
}
