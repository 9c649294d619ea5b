//! StateFeatures against differences, targets and back, equivariance, and the losses of every network on a model with a free joint, a
//! ball joint, hinges, a slide, an activation, a control and a mocap body.

use burn_tensor::Tensor;

use super::super::models::tests::{check_gradients, drawn};
use super::super::models::{Input, ModelKind, ModelSpec, Network, Space, predict};
use super::super::place::{Place, numbers};
use super::*;
use crate::rng::Stream;

/// Of `free`, `ball`, `hinge` (free to turn), `slide`, `hinge` (with a range).
fn tree() -> Kinematics {
    Kinematics {
        dof_parent: vec![-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, -1, 10],
        act_dofs: vec![vec![9]],
        ctrl_dofs: vec![vec![9]],
        quaternions: vec![[3, 3], [7, 6]],
        joints: vec![JointKind::Free, JointKind::Ball, JointKind::Hinge, JointKind::Slide, JointKind::Hinge],
        limited: vec![false, false, false, false, true],
    }
}

fn coordinates(features: &str, target: LearningTarget) -> Coordinates {
    let tree = tree();
    assert!(tree.fits(12, 1, 1));
    let space = StateSpace { layout: tree.layout(), kinematics: Some(&tree), mocap: 1, seconds: 0.02 };
    Coordinates::new(space, features.parse().unwrap(), target).unwrap()
}

/// A state; orientations are of length 1.
fn state(of: &Coordinates, stream: &mut Stream) -> Vec<f64> {
    let mut row: Vec<f64> = (0..of.width()).map(|_| stream.normal()).collect();
    let mocap = of.width() - QUATERNION;
    for at in of.turns.iter().map(|[at, _]| *at).chain([mocap]) {
        let q = quat::normalized(quat::at(&row, at));
        row[at..at + 4].copy_from_slice(&q);
    }
    row
}

/// Where a state goes in a step: not far.
fn after(of: &Coordinates, row: &[f64], stream: &mut Stream) -> Vec<f64> {
    let by: Vec<f64> = (0..of.layout.ndx()).map(|_| 0.4 * stream.normal()).collect();
    of.moved(row, &by)
}

fn norm(of: &Coordinates, stream: &mut Stream) -> Norm {
    let n = of.layout.inputs();
    let mut draw = |n: usize| (0..n).map(|_| 0.3 + stream.uniform()).collect::<Vec<f64>>();
    let (mut mean, mut std, means, stds) = (draw(n), draw(n), draw(of.inputs()), draw(of.inputs()));
    for [_, first] in &of.turns {
        for column in *first..first + 3 {
            (mean[column], std[column]) = (0.0, std[*first]);
        }
    }
    let (goals, goal_stds) = (draw(of.outputs()), draw(of.outputs()));
    let pairs = |a: Vec<f64>, b: Vec<f64>| a.into_iter().zip(b).map(|(a, b)| [0.2 * a, 0.5 * b]).collect();
    Norm { mean, std, still: Vec::new(), features: pairs(means, stds), target: pairs(goals, goal_stds) }
}

const FEATURES: [&str; 4] = ["6d", "quat", "6d+sincos", "quat+sincos+local"];

#[test]
fn features_have_one_way_to_be_written() {
    for (text, shown) in [("6d", "6d"), ("local+quat", "quat+local"), ("sincos", "6d+sincos")] {
        assert_eq!(text.parse::<StateFeatures>().unwrap().to_string(), shown);
    }
    for bad in ["", "6d+quat", "sincos+sincos", "euler", "6d+6d"] {
        assert!(bad.parse::<StateFeatures>().is_err(), "{bad}");
    }
}

#[test]
fn directions_are_differences_of_features() {
    for features in FEATURES {
        let of = coordinates(features, LearningTarget::Next);
        let mut stream = Stream::new(3, "test", 0);
        let norm = norm(&of, &mut stream);
        for _ in 0..20 {
            let row = state(&of, &mut stream);
            for column in 0..of.layout.inputs() {
                let mut found = vec![0.0; of.inputs()];
                of.add_direction(&norm, &row, column, &mut found);
                let moved = |by: f64| {
                    let mut row = row.clone();
                    let mut step = vec![0.0; of.layout.ndx()];
                    match step.get_mut(column) {
                        Some(x) => *x = by,
                        None => row[of.after() + column - of.layout.ndx()] += by,
                    }
                    let next = of.moved(&row, &step);
                    row[..next.len()].copy_from_slice(&next);
                    of.normal(&norm, &row)
                };
                let h = 1e-6;
                let (up, down) = (moved(h), moved(-h));
                for (i, found) in found.iter().enumerate() {
                    let expected = (up[i] - down[i]) / (2.0 * h) * norm.std[column];
                    assert!((found - expected).abs() < 1e-8, "{features} {i} by {column}: {found}, not {expected}");
                }
            }
        }
    }
}

#[test]
fn what_a_network_should_say_is_the_next_state() {
    for (features, target) in FEATURES.iter().flat_map(|f| LearningTarget::ALL.map(|t| (f, t))) {
        let of = coordinates(features, target);
        let mut stream = Stream::new(4, "test", 0);
        let norm = norm(&of, &mut stream);
        for _ in 0..20 {
            let row = state(&of, &mut stream);
            let mut truth = after(&of, &row, &mut stream);
            if target == LearningTarget::Acceleration {
                // Where positions follow from the new velocities.
                let mut by = of.apart(&row, &truth);
                (0..of.layout.nv).for_each(|i| by[i] = of.seconds * truth[of.nq() + i]);
                truth = of.moved(&row, &by);
            }
            let goal = of.normal_goal(&norm, &row, &truth);
            let next = of.next(&norm, &row, &goal);
            let off = of.error(&norm, &next, &truth);
            assert!(off.iter().all(|e| e.abs() < 1e-6), "{features} {target}: {off:?}");
            let still = of.error(&norm, &row, &truth);
            assert!(still.iter().any(|e| e.abs() > 0.1), "a step that goes nowhere");
        }
    }
}

#[test]
fn a_quaternion_and_its_negative_are_one_orientation() {
    for (features, target) in FEATURES.iter().flat_map(|f| LearningTarget::ALL.map(|t| (f, t))) {
        let of = coordinates(features, target);
        let mut stream = Stream::new(5, "test", 0);
        let norm = norm(&of, &mut stream);
        for _ in 0..20 {
            let row = state(&of, &mut stream);
            let truth = after(&of, &row, &mut stream);
            let mut other = row.clone();
            for at in of.turns.iter().map(|[at, _]| *at).chain([of.width() - QUATERNION]) {
                other[at..at + 4].iter_mut().for_each(|x| *x = -*x);
            }
            assert_eq!(of.normal(&norm, &row), of.normal(&norm, &other));
            for column in 0..of.layout.inputs() {
                let [mut a, mut b] = [(); 2].map(|()| vec![0.0; of.inputs()]);
                of.add_direction(&norm, &row, column, &mut a);
                of.add_direction(&norm, &other, column, &mut b);
                assert_eq!(a, b);
            }
            let [a, b] = [&row, &other].map(|row| of.goal(row, &truth));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
        }
    }
}

#[test]
fn local_features_do_not_see_where_everything_is() {
    for target in LearningTarget::ALL {
        let of = coordinates("6d+local", target);
        let mut stream = Stream::new(6, "test", 0);
        let norm = norm(&of, &mut stream);
        let row = state(&of, &mut stream);
        let truth = after(&of, &row, &mut stream);
        let shifted = |row: &[f64]| {
            let mut row = row.to_vec();
            let mocap = of.after() + of.layout.nu;
            for (at, by) in [(0, 4.0), (1, -2.0), (mocap, 4.0), (mocap + 1, -2.0)] {
                row[at] += by;
            }
            row
        };
        let next = |row: &[f64], truth: &[f64]| {
            let mut truth = truth.to_vec();
            truth[0] += row[0];
            truth[1] += row[1];
            of.goal(row, &truth)
        };
        // Powers of 2 leave no rounding in differences of places that are multiples of 2^-20.
        let grid = |mut row: Vec<f64>| {
            row.iter_mut().for_each(|x| *x = (*x * 1048576.0).round() / 1048576.0);
            row
        };
        let row = grid(row);
        assert_eq!(of.normal(&norm, &row), of.normal(&norm, &shifted(&row)), "{target}");
        let (a, b) = (next(&row, &truth), next(&shifted(&row), &truth));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-12), "{target}");
        let plain = coordinates("6d", target);
        assert!(plain.features(&row).zip(plain.features(&shifted(&row))).any(|(a, b)| (a - b).abs() > 1.0));
    }
}

#[test]
fn hinges_and_slides_are_their_own_coordinates() {
    let tree = Kinematics {
        dof_parent: vec![-1, 0],
        joints: vec![JointKind::Hinge, JointKind::Slide],
        limited: vec![false, true],
        ..Kinematics::default()
    };
    let space = StateSpace { layout: tree.layout(), kinematics: Some(&tree), mocap: 0, seconds: 0.1 };
    let of = |features: &str, target| Coordinates::new(space, features.parse().unwrap(), target);
    assert!(of("6d", LearningTarget::Next).unwrap().is_plain());
    assert!(!of("6d", LearningTarget::Increment).unwrap().is_plain());
    let seen = of("6d+sincos", LearningTarget::Next).unwrap();
    assert_eq!((seen.inputs(), seen.outputs(), seen.is_plain()), (5, 4, false));
    assert!(of("6d+local", LearningTarget::Next).unwrap_err().contains("no free joint"));
    let untold = StateSpace { kinematics: None, ..space };
    assert!(
        Coordinates::new(untold, "sincos".parse().unwrap(), LearningTarget::Next)
            .unwrap_err()
            .contains("does not tell")
    );
}

/// A network over these coordinates with what it sees of some states.
struct Setup {
    model: Box<dyn Network>,
    weights: Vec<Tensor<2>>,
    input: Input,
    place: Place,
    columns: usize,
    rows: usize,
}

const STATES: usize = 3;

impl Setup {
    fn new(kind: ModelKind, features: &str, target: LearningTarget) -> Self {
        let (place, tree) = (Place::cpu64(), tree());
        let of = coordinates(features, target);
        let mut stream = Stream::new(7, "test", 0);
        let norm = norm(&of, &mut stream);
        let states: Vec<Vec<f64>> = (0..STATES).map(|_| state(&of, &mut stream)).collect();
        let columns: Vec<usize> = (0..of.layout.inputs()).collect();
        let (f, o, k) = (of.inputs(), of.outputs(), columns.len());
        let space = Space { inputs: f, outputs: o, columns: k, kinematics: Some(&tree), ties: of.ties() };
        let model = ModelSpec { kind, width: 6, depth: 1 }.build(space).unwrap();
        let mut seeds = vec![0.0; k * STATES * f];
        for (i, seeds) in seeds.chunks_mut(f).enumerate() {
            of.add_direction(&norm, &states[i % STATES], columns[i / STATES], seeds);
        }
        let rows: Vec<&[f64]> = states.iter().map(Vec::as_slice).collect();
        let mask = (0..STATES * o * f).map(|_| f64::from(u8::from(stream.uniform() < 0.6))).collect();
        let x: Vec<f64> = states.iter().flat_map(|row| of.normal(&norm, row)).collect();
        let input = Input {
            x: place.tensor64(x, [STATES, f]),
            mask: Some(place.tensor64(mask, [STATES, o, f])),
            directions: Some(place.tensor64(seeds, [k, STATES, 1, f])),
            chain: TangentChain::new(&of, &norm, &rows, &columns, &place),
        };
        let weights = model.layout().draw(1, &place);
        Self { model, weights, input, place, columns: k, rows: of.layout.ndx() }
    }
}

#[test]
fn gradients_of_every_loss_are_those_of_differences_on_manifolds() {
    let losses = ["mse", "mse+mse-jac", "mse+mae-jac", "mse+l1", "mse+sae"];
    for (kind, target) in ModelKind::ALL.into_iter().zip(LearningTarget::ALL.into_iter().cycle()) {
        let setup = Setup::new(kind, "6d+sincos", target);
        let outputs = predict(&*setup.model, &setup.weights, &setup.input).unwrap().0.dims()[1];
        let shape = [setup.columns, STATES, setup.rows];
        let batch = drawn(&setup.place, setup.input.clone(), outputs, shape, 8);
        let network = (&*setup.model, &setup.weights[..]);
        let name = format!("{kind} {target}");
        check_gradients(&name, network, (&batch, &setup.place), &losses, (3, 1e-6));
        if kind.has_gates() {
            check_gradients(&name, network, (&batch, &setup.place), &["mse+mask"], (3, 1e-6));
        }
    }
}

/// At rest, for turns that are small beside rounding, at the seam of the series, and beyond a whole turn.
#[test]
fn maps_of_rotations_are_right_at_every_angle() {
    let place = Place::cpu64();
    let axis = [0.6, -0.48, 0.64];
    for angle in [0.0, 1e-9, 1e-4, 0.1, 0.999_999, 1.000_001, 2.0, 3.1, 7.0] {
        let turn = axis.map(|x| x * angle);
        let [jacobian, back] = chain::maps(place.tensor64(turn.to_vec(), [1, 3])).map(|m| numbers(m).unwrap());
        let here = quat::integrated([1.0, 0.0, 0.0, 0.0], turn, 1.0);
        let h = 1e-6;
        for j in 0..3 {
            let moved = |by: f64| {
                let mut turn = turn;
                turn[j] += by;
                quat::turn(quat::integrated([1.0, 0.0, 0.0, 0.0], turn, 1.0), here)
            };
            let (up, down) = (moved(h), moved(-h));
            let mut unit = [0.0; 3];
            unit[j] = h;
            let turned = quat::mul(quat::integrated([1.0, 0.0, 0.0, 0.0], unit, 1.0), here);
            let turned = quat::turn(turned, here);
            for i in 0..3 {
                let expected = (up[i] - down[i]) / (2.0 * h);
                assert!(
                    (jacobian[3 * i + j] - expected).abs() < 1e-8,
                    "Jr at {angle}: {} {expected}",
                    jacobian[3 * i + j]
                );
                assert!((back[3 * i + j] - turned[i] / h).abs() < 1e-8, "exp at {angle}: {}", back[3 * i + j]);
            }
        }
    }
}
