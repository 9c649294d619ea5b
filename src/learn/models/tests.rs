//! Derivatives of every network and every loss against finite differences, in 64 bits.

use super::super::batch::{Batch, Marks, Truth};
use super::super::loss::Loss;
use super::super::place::{Place, numbers};
use super::super::train::objective;
use super::*;
use crate::rng::Stream;

/// Two dofs, an activation and a control.
const INPUTS: usize = 6;
const OUTPUTS: usize = 5;
const STATES: usize = 5;

struct Setup {
    model: Box<dyn Network>,
    weights: Vec<Tensor<2>>,
    x: Vec<f64>,
    mask: Vec<f64>,
    place: Place,
}

impl Setup {
    fn new(kind: ModelKind) -> Self {
        let place = Place::cpu64();
        // Two trees, which only a learned edge can join.
        let tree = Kinematics {
            dof_parent: vec![-1, -1],
            act_dofs: vec![vec![1]],
            ctrl_dofs: vec![vec![1]],
            ..Kinematics::default()
        };
        let space = Space { kinematics: Some(&tree), ..Space::plain(INPUTS, OUTPUTS) };
        let model = ModelSpec { kind, width: 6, depth: 2 }.build(space).unwrap();
        let weights = model.layout().draw(3, &place);
        let mut stream = Stream::new(1, "test", 0);
        let x = (0..STATES * INPUTS).map(|_| stream.normal()).collect();
        let mask = (0..STATES * OUTPUTS * INPUTS).map(|_| f64::from(stream.uniform() < 0.6)).collect();
        Self { model, weights, x, mask, place }
    }

    fn input(&self, x: &[f64], derivatives: bool) -> Input {
        let identity = (0..INPUTS * INPUTS).map(|i| f64::from(i % (INPUTS + 1) == 0)).collect();
        Input {
            x: self.place.tensor64(x.to_vec(), [STATES, INPUTS]),
            mask: Some(self.place.tensor64(self.mask.clone(), [STATES, OUTPUTS, INPUTS])),
            directions: derivatives.then(|| self.place.tensor64(identity, [INPUTS, 1, 1, INPUTS])),
            chain: None,
        }
    }

    fn next(&self, x: &[f64]) -> Vec<f64> {
        numbers(predict(&*self.model, &self.weights, &self.input(x, false)).unwrap().0).unwrap()
    }
}

/// (f(x + h) - f(x - h)) / 2h.
pub(in super::super) fn difference(x: &[f64], i: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
    let h = 1e-6;
    let moved = |by: f64| {
        let mut x = x.to_vec();
        x[i] += by;
        f(&x)
    };
    (moved(h) - moved(-h)) / (2.0 * h)
}

#[test]
fn jacobians_are_those_of_differences() {
    for kind in ModelKind::ALL {
        let setup = Setup::new(kind);
        let (next, jacobian) = predict(&*setup.model, &setup.weights, &setup.input(&setup.x, true)).unwrap();
        let next = numbers(next).unwrap();
        assert_eq!(next, setup.next(&setup.x), "{kind}: values with and without derivatives");
        let jacobian = numbers(jacobian.unwrap()).unwrap();
        let mut largest: f64 = 0.0;
        for state in 0..STATES {
            for input in 0..INPUTS {
                for output in 0..OUTPUTS {
                    let expected =
                        difference(&setup.x, state * INPUTS + input, |x| setup.next(x)[state * OUTPUTS + output]);
                    let found = jacobian[(input * STATES + state) * OUTPUTS + output];
                    assert!((found - expected).abs() < 1e-8, "{kind}: {found}, not {expected}");
                    largest = largest.max(found.abs());
                }
            }
        }
        assert!(largest > 1e-3, "{kind}: the network is flat");
    }
}

#[test]
fn the_jacobian_of_the_oracle_is_zero_where_the_mask_is() {
    let setup = Setup::new(ModelKind::Oracle);
    let (_, jacobian) = predict(&*setup.model, &setup.weights, &setup.input(&setup.x, true)).unwrap();
    for (at, j) in numbers(jacobian.unwrap()).unwrap().into_iter().enumerate() {
        let (input, state, output) = (at / (STATES * OUTPUTS), at / OUTPUTS % STATES, at % OUTPUTS);
        assert_eq!(j != 0.0, setup.mask[(state * OUTPUTS + output) * INPUTS + input] == 1.0);
    }
}

#[test]
fn the_oracle_without_its_mask_is_the_oracle_with_a_mask_of_ones() {
    let mut oracle = Setup::new(ModelKind::Oracle);
    let unmasked = Setup::new(ModelKind::Unmasked);
    assert_ne!(oracle.next(&oracle.x), unmasked.next(&oracle.x));
    oracle.mask.fill(1.0);
    assert_eq!(oracle.next(&oracle.x), unmasked.next(&oracle.x));
    assert_eq!((oracle.model.needs_mask(), unmasked.model.needs_mask()), (true, false));
}

#[test]
fn networks_of_equal_size_differ_by_less_than_one_more_width() {
    let tree = Kinematics {
        dof_parent: vec![-1, -1],
        act_dofs: vec![vec![1]],
        ctrl_dofs: vec![vec![1]],
        ..Kinematics::default()
    };
    let space = Space { kinematics: Some(&tree), ..Space::plain(INPUTS, OUTPUTS) };
    for kind in ModelKind::ALL {
        let few = ModelSpec::of_weights(kind, kind.sizes().1, 1, space).unwrap_err().to_string();
        assert!(few.contains(&format!("gives {kind} about 1 weights")), "{few}");
        for wanted in [2000, 25_000] {
            let spec = ModelSpec::of_weights(kind, kind.sizes().1, wanted, space).unwrap();
            let count = |width: usize| ModelSpec { width, ..spec }.build(space).unwrap().layout().count();
            let off = |width: usize| count(width).abs_diff(wanted);
            let nearest =
                off(spec.width) <= off(spec.width + 1) && (spec.width == 1 || off(spec.width) <= off(spec.width - 1));
            assert!(nearest, "{kind} of width {}: {} for {wanted}", spec.width, count(spec.width));
        }
    }
}

/// A batch of an input with targets, Jacobians (`shape`: directions, states, rows) and verdicts that are drawn.
pub(in super::super) fn drawn(place: &Place, input: Input, outputs: usize, shape: [usize; 3], seed: u64) -> Batch {
    let mut stream = Stream::new(seed, "test", 0);
    let n = shape.iter().product();
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| stream.normal()).collect() };
    let (next, jacobian, kinds) = (draw(shape[1] * outputs), draw(n), draw(n));
    let flag = |least: f64| kinds.iter().map(|k| f64::from(u8::from(*k > least))).collect::<Vec<_>>();
    let (decided, zero) = (flag(-1.0), flag(0.0));
    let seen = [shape[1], outputs, input.x.dims()[1]];
    let known: Vec<f64> = draw(seen.iter().product()).into_iter().map(|k| f64::from(u8::from(k > -1.0))).collect();
    let open = known.iter().zip(draw(known.len())).map(|(known, k)| known * f64::from(u8::from(k > 0.0))).collect();
    let marks = Marks {
        open: place.tensor64(open, seen),
        per_known: 1.0 / known.iter().sum::<f64>(),
        known: place.tensor64(known, seen),
    };
    Batch {
        input,
        next: place.tensor64(next, [shape[1], outputs]),
        truth: Some(Truth {
            jacobian: place.tensor64(jacobian, shape),
            per_decided: 1.0 / decided.iter().sum::<f64>(),
            per_zero: 1.0 / zero.iter().sum::<f64>(),
            decided: place.tensor64(decided, shape),
            zero: place.tensor64(zero, shape),
        }),
        marks: Some(marks),
    }
}

/// Gradients of losses by some `parts` of the weights of each slot, against differences: within a share of them or of 1.
pub(in super::super) fn check_gradients(
    name: &str,
    (model, weights): (&dyn Network, &[Tensor<2>]),
    (batch, place): (&Batch, &Place),
    losses: &[&str],
    (parts, within): (usize, f64),
) {
    for loss in losses {
        let loss: Loss = loss.parse().unwrap();
        let value = |weights: &[Tensor<2>]| objective(model, weights, &loss, batch).unwrap();
        let tracked: Vec<_> = weights.iter().map(|w| w.clone().autodiff().require_grad()).collect();
        let mut gradients = value(&tracked).backward();
        let mut largest: f64 = 0.0;
        for (i, slot) in model.layout().slots.iter().enumerate() {
            let found = match tracked[i].grad_remove(&mut gradients) {
                Some(g) => numbers(g).unwrap(),
                None => vec![0.0; slot.shape[0] * slot.shape[1]],
            };
            let before = numbers(weights[i].clone()).unwrap();
            for at in (0..before.len()).step_by(1 + before.len() / parts) {
                let expected = difference(&before, at, |w| {
                    let mut weights = weights.to_vec();
                    weights[i] = place.tensor64(w.to_vec(), slot.shape);
                    numbers(value(&weights)).unwrap()[0]
                });
                let off = (found[at] - expected).abs();
                assert!(
                    off < within * (1.0 + expected.abs()),
                    "{name} {loss} {} {at}: {} {expected}",
                    slot.name,
                    found[at]
                );
                largest = largest.max(expected.abs());
            }
        }
        assert!(largest > 1e-4, "{name} {loss}: no gradient");
    }
}

#[test]
fn gradients_of_every_loss_are_those_of_differences() {
    let losses = ["mse", "mse+mse-jac", "mse+mae-jac", "mse+l1", "mse+sae", "mse+mse-jac:0.3+mae-jac:0.7+l1+sae"];
    for kind in ModelKind::ALL {
        let setup = Setup::new(kind);
        let shape = [INPUTS, STATES, OUTPUTS];
        let batch = drawn(&setup.place, setup.input(&setup.x, true), OUTPUTS, shape, 2);
        let network = (&*setup.model, &setup.weights[..]);
        check_gradients(&kind.to_string(), network, (&batch, &setup.place), &losses, (7, 1e-7));
        if kind.has_gates() {
            check_gradients(
                &kind.to_string(),
                network,
                (&batch, &setup.place),
                &["mse+mask", "mse+sae+mask:3"],
                (7, 1e-7),
            );
        }
    }
}
