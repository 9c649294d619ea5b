//! Operators of networks, entry by entry.

use super::op::{self, check};
use super::proto::{Attribute, Node};
use super::tensor::{Budget, MOST, Tensor};

fn tensor<const N: usize>(shape: [usize; N], data: &[f64]) -> Tensor {
    Tensor::new(shape.to_vec(), data.to_vec())
}

fn node(op: &str, attributes: &[(&str, i64, f32, &[i64])]) -> Node {
    let attribute = attributes.iter().map(|(name, i, f, ints)| Attribute {
        name: (*name).to_owned(),
        i: *i,
        f: *f,
        ints: ints.to_vec(),
        ..Attribute::default()
    });
    Node { op_type: op.to_owned(), output: vec!["y".to_owned()], attribute: attribute.collect(), ..Node::default() }
}

fn apply(node: &Node, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, String> {
    op::apply(node, inputs, &Budget::after(0))
}

fn one(node: &Node, inputs: &[&Tensor]) -> Result<Tensor, String> {
    let inputs: Vec<Option<&Tensor>> = inputs.iter().map(|t| Some(*t)).collect();
    apply(node, &inputs).map(|mut outputs| outputs.remove(0))
}

/// Every operator without attributes, against its formula by hand.
#[test]
fn entry_by_entry() {
    let x = tensor([1, 3], &[-2.0, 0.0, 0.5]);
    let near = |op: &str, expected: [f64; 3]| {
        let y = one(&node(op, &[]), &[&x]).expect(op);
        assert_eq!(y.shape, x.shape, "{op}");
        let off = y.data.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-15, "{op}: {:?} instead of {expected:?}", y.data);
    };
    near("Relu", [0.0, 0.0, 0.5]);
    near("Neg", [2.0, 0.0, -0.5]);
    near("Abs", [2.0, 0.0, 0.5]);
    near("Identity", [-2.0, 0.0, 0.5]);
    near("Tanh", [(-2f64).tanh(), 0.0, 0.5f64.tanh()]);
    near("Exp", [(-2f64).exp(), 1.0, 0.5f64.exp()]);
    near("Sigmoid", [1.0 / (1.0 + 2f64.exp()), 0.5, 1.0 / (1.0 + (-0.5f64).exp())]);
    near("Softplus", [(-2f64).exp().ln_1p(), 2f64.ln(), 0.5f64.exp().ln_1p()]);
    near("Softsign", [-2.0 / 3.0, 0.0, 1.0 / 3.0]);
    near("Elu", [(-2f64).exp_m1(), 0.0, 0.5]);
    near("LeakyRelu", [-2.0 * f64::from(0.01f32), 0.0, 0.5]);
    near("Erf", [-0.995_322_265_018_952_7, 0.0, 0.520_499_877_813_046_5]);
    near("Sin", [(-2f64).sin(), 0.0, 0.5f64.sin()]);
    near("Cos", [(-2f64).cos(), 1.0, 0.5f64.cos()]);
    near("Gelu", [-0.045_500_263_896_358_42, 0.0, 0.345_731_230_637_006_56]);
    near("Mish", [-0.252_501_482_695_708_9, 0.0, 0.375_245_211_304_895_1]);
    near("HardSwish", [-1.0 / 3.0, 0.0, 7.0 / 24.0]);
    near("HardSigmoid", [0.5 - 2.0 * f64::from(0.2f32), 0.5, 0.5 + 0.5 * f64::from(0.2f32)]);
    near("Softmax", [0.048_610_824_031_302_26, 0.359_188_105_782_538_57, 0.592_201_070_186_159_1]);
    near("LogSoftmax", [-3.023_909_056_179_907_6, -1.023_909_056_179_907_8, -0.523_909_056_179_907_8]);
    let mut gelu = node("Gelu", &[("approximate", 0, 0.0, &[])]);
    gelu.attribute[0].s = b"tanh".to_vec();
    let y = one(&gelu, &[&x]).expect("Gelu");
    assert!(
        (y.data[0] + 0.045_402_305_912_224_94).abs() < 1e-15 && (y.data[2] - 0.345_714_009_825_143_94).abs() < 1e-15
    );
    gelu.attribute[0].s = b"guess".to_vec();
    assert!(one(&gelu, &[&x]).unwrap_err().contains("none or tanh"));
    let huge = one(&node("Softmax", &[]), &[&tensor([2], &[1e4, 1e4 - 1.0])]).expect("Softmax");
    assert!((huge.data[0] - 1.0 / (1.0 + (-1f64).exp())).abs() < 1e-15, "{huge:?}");
    let y = one(&node("Elu", &[("alpha", 0, 0.5, &[])]), &[&x]).expect("Elu");
    assert_eq!(y.data[0], 0.5 * libm::expm1(-2.0));
    let (low, high) = (Tensor::scalar(-1.0), Tensor::scalar(0.25));
    assert_eq!(one(&node("Clip", &[]), &[&x, &low, &high]).expect("Clip").data, [-1.0, 0.0, 0.25]);
    let nan = tensor([2], &[f64::NAN, 1.0]);
    for op in ["Relu", "Clip", "Softplus", "Elu"] {
        assert!(one(&node(op, &[]), &[&nan]).expect(op).data[0].is_nan(), "{op} loses a NaN");
    }
}

#[test]
fn broadcasting_is_that_of_numpy() {
    let (a, b) = (tensor([2, 1], &[1.0, 2.0]), tensor([3], &[10.0, 20.0, 30.0]));
    let sum = one(&node("Add", &[]), &[&a, &b]).expect("Add");
    assert_eq!(sum, tensor([2, 3], &[11.0, 21.0, 31.0, 12.0, 22.0, 32.0]));
    assert_eq!(one(&node("Sub", &[]), &[&b, &Tensor::scalar(1.0)]).expect("Sub").data, [9.0, 19.0, 29.0]);
    let folded = one(&node("Max", &[]), &[&a, &b, &Tensor::scalar(15.0)]).expect("Max");
    assert_eq!(folded.data, [15.0, 20.0, 30.0, 15.0, 20.0, 30.0]);
    let wrong = one(&node("Mul", &[]), &[&b, &tensor([2], &[1.0, 2.0])]);
    assert_eq!(wrong, Err("shapes [3] and [2] do not fit".to_owned()));
}

#[test]
fn matrices() {
    let (x, w) = (tensor([1, 2], &[1.0, 2.0]), tensor([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(one(&node("MatMul", &[]), &[&x, &w]), Ok(tensor([1, 3], &[9.0, 12.0, 15.0])));
    let turned = one(&node("Transpose", &[("perm", 0, 0.0, &[1, 0])]), &[&w]).expect("Transpose");
    assert_eq!(turned, tensor([3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    let gemm = node("Gemm", &[("transB", 1, 0.0, &[]), ("alpha", 0, 2.0, &[]), ("beta", 0, -1.0, &[])]);
    let bias = tensor([3], &[1.0, 1.0, 1.0]);
    assert_eq!(one(&gemm, &[&x, &turned, &bias]), Ok(tensor([1, 3], &[17.0, 23.0, 29.0])));
    assert!(one(&node("MatMul", &[]), &[&w, &w]).is_err());
    let norm = one(&node("LayerNormalization", &[]), &[&tensor([1, 2], &[1.0, 3.0]), &tensor([2], &[2.0, 3.0])]);
    let expected = 1.0 / (1.0 + f64::from(1e-5f32)).sqrt();
    assert_eq!(norm, Ok(tensor([1, 2], &[-2.0 * expected, 3.0 * expected])));
}

#[test]
fn shapes() {
    let x = tensor([1, 4], &[1.0, 2.0, 3.0, 4.0]);
    let index = |i: &[f64]| tensor([i.len()].map(|n| n), i);
    let slice = |start, end| one(&node("Slice", &[]), &[&x, &index(&[start]), &index(&[end]), &index(&[-1.0])]);
    assert_eq!(slice(0.0, 2.0), Ok(tensor([1, 2], &[1.0, 2.0])));
    assert_eq!(slice(-1.0, 1e18), Ok(tensor([1, 1], &[4.0])));
    assert_eq!(slice(3.0, 1.0), Ok(tensor([1, 0], &[])));
    let mut split = node("Split", &[("axis", 1, 0.0, &[])]);
    split.output.push("z".to_owned());
    let halves = apply(&split, &[Some(&x)]).expect("Split");
    assert_eq!(halves, [tensor([1, 2], &[1.0, 2.0]), tensor([1, 2], &[3.0, 4.0])]);
    let joined = one(&node("Concat", &[("axis", -1, 0.0, &[])]), &[&halves[1], &halves[0], &halves[1]]);
    assert_eq!(joined, Ok(tensor([1, 6], &[3.0, 4.0, 1.0, 2.0, 3.0, 4.0])));
    assert_eq!(one(&node("Reshape", &[]), &[&x, &index(&[2.0, -1.0])]).expect("Reshape").shape, [2, 2]);
    assert_eq!(one(&node("Flatten", &[]), &[&tensor([4], &x.data)]).expect("Flatten").shape, [4, 1]);
    assert_eq!(one(&node("Squeeze", &[]), &[&x]).expect("Squeeze").shape, [4]);
    assert_eq!(one(&node("Unsqueeze", &[("axes", 0, 0.0, &[0, 3])]), &[&x]).expect("Unsqueeze").shape, [1, 1, 4, 1]);
    for (op, shape) in
        [("Reshape", &[3.0][..]), ("Reshape", &[-1.0, -1.0]), ("Reshape", &[1e300]), ("Unsqueeze", &[9.0])]
    {
        assert!(one(&node(op, &[]), &[&x, &index(shape)]).is_err(), "{op} {shape:?}");
    }
    assert!(one(&node("Slice", &[]), &[&x, &index(&[0.0]), &index(&[1.0]), &index(&[-9e18])]).is_err());
    assert!(one(&node("Add", &[]), &[&x]).is_err(), "an input is missing");
}

#[test]
fn sums_over_axes_and_entries_by_number() {
    let x = tensor([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 9.0]);
    let index = |i: &[f64]| tensor([i.len()].map(|n| n), i);
    assert_eq!(one(&node("ReduceMean", &[("axes", 0, 0.0, &[-1])]), &[&x]), Ok(tensor([2, 1], &[2.0, 6.0])));
    assert_eq!(
        one(&node("ReduceSum", &[("keepdims", 0, 0.0, &[])]), &[&x, &index(&[0.0])]),
        Ok(index(&[5.0, 7.0, 12.0]))
    );
    assert_eq!(one(&node("ReduceMean", &[]), &[&x]), Ok(tensor([1, 1], &[4.0])));
    assert_eq!(one(&node("ReduceSum", &[("noop_with_empty_axes", 1, 0.0, &[])]), &[&x]), Ok(x.clone()));
    assert!(one(&node("ReduceMean", &[("axes", 0, 0.0, &[2])]), &[&x]).is_err());
    assert_eq!(one(&node("Shape", &[]), &[&x]), Ok(index(&[2.0, 3.0])));
    assert_eq!(one(&node("Shape", &[("start", -1, 0.0, &[])]), &[&x]), Ok(index(&[3.0])));
    let gather = |axis, at: &Tensor| one(&node("Gather", &[("axis", axis, 0.0, &[])]), &[&x, at]);
    assert_eq!(gather(0, &Tensor::scalar(1.0)), Ok(index(&[4.0, 5.0, 9.0])));
    assert_eq!(gather(1, &index(&[2.0, -3.0])), Ok(tensor([2, 2], &[3.0, 1.0, 9.0, 4.0])));
    assert_eq!(gather(1, &index(&[])), Ok(tensor([2, 0], &[])));
    for at in [2.0, -3.0, 0.5, f64::NAN, 1e300] {
        assert!(gather(0, &index(&[at])).unwrap_err().contains("of the shape [2, 3]"), "{at}");
    }
    assert!(one(&node("Softmax", &[("axis", 0, 0.0, &[])]), &[&x]).is_err());
}

/// Sizes of a file cannot ask for more memory or time than a network may take, and no sum or product of them overflows.
#[test]
fn sizes_have_bounds() {
    let refused = |op: &Node, inputs: &[&Tensor], part: &str| {
        let text = one(op, inputs).unwrap_err();
        assert!(text.contains(part) && text.len() < 300, "{text}");
    };
    let index = |i: &[f64]| tensor([i.len()].map(|n| n), i);
    let row = tensor([1, 1 << 14], &vec![1.0; 1 << 14]);
    let column = tensor([1 << 14, 1], &vec![1.0; 1 << 14]);
    refused(&node("Add", &[]), &[&row, &column], "too large");
    refused(&node("MatMul", &[]), &[&column, &row], "too large");
    let square = tensor([1 << 11, 1 << 11], &vec![1.0; 1 << 22]);
    refused(&node("MatMul", &[]), &[&square, &square], "operations an action");
    let long = tensor([MOST / 2], &vec![0.0; MOST / 2]);
    refused(&node("Concat", &[("axis", 0, 0.0, &[])]), &[&long, &long, &long], "too large");
    refused(&node("Concat", &[]), &[&long, &long], "no axis");
    let empty = Tensor::new(vec![0], Vec::new());
    for sizes in [&[0.0, 1e18, 1e18][..], &[1e18, 0.0, 1e18], &[-1.0, 1e18, 1e18]] {
        refused(&node("Reshape", &[]), &[&empty, &index(sizes)], "");
    }
    refused(&node("Reshape", &[]), &[&index(&[1.0]), &tensor([4096], &[1.0; 4096])], "and 4088 more");
    refused(&node("Unsqueeze", &[]), &[&index(&[1.0]), &tensor([4096], &[1.0; 4096])], "axes");
    let many = tensor([4096], &[0.0; 4096]);
    refused(&node("Slice", &[]), &[&index(&[1.0]), &many, &many, &many], "4096 starts");
    refused(&node("Split", &[]), &[&index(&[1.0]), &many], "it splits 1 entries into");
    refused(&node("Split", &[]), &[&index(&[1.0]), &index(&[1e300])], "it splits 1 entries");
    refused(&node("Split", &[]), &[&index(&[1.0]), &index(&[f64::NAN])], "it splits 1 entries");
    refused(&node("Flatten", &[("axis", i64::MIN, 0.0, &[])]), &[&index(&[1.0])], "axis");
    // What each costs is added up over a network.
    let left = Budget::after(MOST - 10);
    left.hold(10).unwrap();
    assert!(left.hold(1).unwrap_err().contains("more than"));
}

#[test]
fn what_is_not_computed_here_is_refused_by_its_name() {
    let text = check(&node("Gemm", &[("broadcast", 1, 0.0, &[])])).unwrap_err();
    assert!(text.contains("\"broadcast\""), "{text}");
    check(&node("Gemm", &[("transB", 1, 0.0, &[])])).unwrap();
    let x = tensor([2], &[1.0, 2.0]);
    let yes = Tensor::scalar(1.0);
    let text = apply(&node("Dropout", &[]), &[Some(&x), None, Some(&yes)]).unwrap_err();
    assert!(text.contains("training_mode"), "{text}");
    let text = one(&node("Reshape", &[("allowzero", 1, 0.0, &[])]), &[&x, &x]).unwrap_err();
    assert!(text.contains("allowzero"), "{text}");
    assert!(one(&node("Cast", &[("to", (1 << 32) + 1, 0.0, &[])]), &[&x]).is_err(), "a type beyond 32 bits");
}
