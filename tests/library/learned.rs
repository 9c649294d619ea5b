//! Jacobians of every network in the tangent space of A and B, on a model with a free joint, a ball joint, hinges, a slide, an
//! activation and a mocap body, against differences that MuJoCo's own mj_integratePos and mj_differentiatePos take.

use dynsparse::kinematics::JointKind;
use dynsparse::learn::{
    Coordinates, Input, LearningTarget, ModelKind, ModelSpec, Norm, Place, Space, StateSpace, TangentChain, numbers,
    predict,
};
use dynsparse::physics::Model;
use dynsparse::rng::Stream;

const MODEL: &str = r#"<mujoco>
  <worldbody>
    <body name="goal" mocap="true"><geom size="0.1"/></body>
    <body name="torso" pos="0 0 1"><freejoint name="root"/><geom size="0.1"/>
      <body name="arm" pos="0.2 0 0"><joint name="shoulder" type="ball"/><geom size="0.1"/>
        <body name="wheel" pos="0.2 0 0"><joint name="axle" axis="0 1 0"/><geom size="0.1"/>
          <body name="rail" pos="0.2 0 0"><joint name="rail" type="slide" range="-1 1"/><geom size="0.1"/></body></body></body></body>
    <body name="lamp" pos="2 0 1"><joint name="tilt" range="-1 1"/><geom size="0.1"/>
      <body name="head" pos="0 0 0.2"><joint name="head" type="ball"/><geom size="0.1"/></body></body>
    <body name="box" pos="0 2 1"><freejoint name="box"/><geom size="0.1"/></body>
  </worldbody>
  <actuator><motor joint="rail"/><general joint="tilt" dyntype="filter" dynprm="0.1"/></actuator>
</mujoco>"#;

const STATES: usize = 2;
const SECONDS: f64 = 0.02;

struct Made {
    model: Model,
    of: Coordinates,
    norm: Norm,
    /// qpos, qvel, act, ctrl, place and quaternion of the mocap body.
    rows: Vec<Vec<f64>>,
}

impl Made {
    fn new(features: &str, target: LearningTarget) -> Self {
        let model = Model::from_text("made.xml", MODEL).unwrap_or_else(|e| panic!("{e}"));
        let tree = model.kinematics();
        let space = StateSpace { layout: tree.layout(), kinematics: Some(&tree), mocap: 1, seconds: SECONDS };
        let of = Coordinates::new(space, features.parse().expect("features"), target).expect("coordinates");
        let mut stream = Stream::new(11, "test", 0);
        let mut draw = |n: usize| (0..n).map(|_| 0.3 + stream.uniform()).collect::<Vec<f64>>();
        let n = tree.layout().inputs();
        let (mut mean, mut std) = (draw(n), draw(n));
        for [_, first] in &tree.quaternions {
            for column in *first..first + 3 {
                (mean[column], std[column]) = (0.0, std[*first]);
            }
        }
        let mut scales = |n: usize| draw(n).into_iter().zip(draw(n)).map(|(m, s)| [0.2 * m, 0.5 * s]).collect();
        let norm = Norm { mean, std, still: Vec::new(), features: scales(of.inputs()), target: scales(of.outputs()) };
        let width = model.nq() + model.nv() + model.na() + model.nu() + 7;
        let states = (0..STATES).map(|_| {
            let mut row: Vec<f64> = (0..width).map(|_| stream.normal()).collect();
            for at in tree.quaternions.iter().map(|[at, _]| *at).chain([width - 4]) {
                let length = row[at..at + 4].iter().map(|x| x * x).sum::<f64>().sqrt();
                row[at..at + 4].iter_mut().for_each(|x| *x /= length);
            }
            row
        });
        let rows = states.collect();
        Self { model, of, norm, rows }
    }

    fn input(&self, rows: &[Vec<f64>], place: &Place, mask: &[f64]) -> Input {
        let (f, o) = (self.of.inputs(), self.of.outputs());
        let columns: Vec<usize> = (0..self.norm.mean.len()).collect();
        let mut seeds = vec![0.0; columns.len() * STATES * f];
        for (i, seeds) in seeds.chunks_mut(f).enumerate() {
            self.of.add_direction(&self.norm, &rows[i % STATES], i / STATES, seeds);
        }
        let x = rows.iter().flat_map(|row| self.of.normal(&self.norm, row)).collect();
        let views: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        Input {
            x: place.tensor64(x, [STATES, f]),
            mask: Some(place.tensor64(mask.to_vec(), [STATES, o, f])),
            directions: Some(place.tensor64(seeds, [columns.len(), STATES, 1, f])),
            chain: TangentChain::new(&self.of, &self.norm, &views, &columns, place),
        }
    }

    /// A state whose tangent coordinate of this number is moved by so much.
    fn moved(&self, row: &[f64], column: usize, by: f64) -> Vec<f64> {
        let (nq, nv) = (self.model.nq(), self.model.nv());
        let mut row = row.to_vec();
        if column < nv {
            let mut direction = vec![0.0; nv];
            direction[column] = 1.0;
            self.model.integrate_pos(&mut row[..nq], &direction, by);
        } else {
            row[nq + column - nv] += by;
        }
        row
    }

    /// Tangent increments between two next states.
    fn apart(&self, from: &[f64], to: &[f64]) -> Vec<f64> {
        let (nq, nv) = (self.model.nq(), self.model.nv());
        let mut apart = vec![0.0; nv];
        self.model.differentiate_pos(&from[..nq], &to[..nq], 1.0, &mut apart);
        apart.extend(from[nq..].iter().zip(&to[nq..]).map(|(a, b)| b - a));
        apart
    }
}

#[test]
fn jacobians_of_networks_are_differences_of_mujoco() {
    let place = Place::cpu64();
    let features = ["6d", "quat", "6d+sincos+local"];
    let all = ModelKind::ALL.into_iter().flat_map(|kind| LearningTarget::ALL.map(|target| (kind, target)));
    for ((kind, target), features) in all.zip(features.into_iter().cycle()) {
        let made = Made::new(features, target);
        let tree = made.model.kinematics();
        assert_eq!(tree.joints.iter().filter(|kind| **kind == JointKind::Ball).count(), 2);
        let (f, o, k) = (made.of.inputs(), made.of.outputs(), made.norm.mean.len());
        let space = Space { inputs: f, outputs: o, columns: k, kinematics: Some(&tree), ties: made.of.ties() };
        let model = ModelSpec { kind, width: 8, depth: 2 }.build(space).expect("a network");
        let weights = model.layout().draw(1, &place);
        let mut stream = Stream::new(12, "test", 0);
        let mask: Vec<f64> = (0..STATES * o * f).map(|_| f64::from(u8::from(stream.uniform() < 0.6))).collect();
        let next = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let input = Input { directions: None, chain: None, ..made.input(rows, &place, &mask) };
            let said = numbers(predict(&*model, &weights, &input).expect("a prediction").0).expect("numbers");
            rows.iter().zip(said.chunks(o)).map(|(row, said)| made.of.next(&made.norm, row, said)).collect()
        };
        let found = predict(&*model, &weights, &made.input(&made.rows, &place, &mask)).expect("a prediction").1;
        let found = numbers(found.expect("a Jacobian")).expect("numbers");
        let ndx = tree.layout().ndx();
        let here = next(&made.rows);
        let h = 1e-6;
        let (mut worst, mut largest): (f64, f64) = (0.0, 0.0);
        for column in 0..k {
            let [up, down] =
                [h, -h].map(|by| next(&made.rows.iter().map(|r| made.moved(r, column, by)).collect::<Vec<_>>()));
            for state in 0..STATES {
                let up = made.apart(&here[state], &up[state]);
                let down = made.apart(&here[state], &down[state]);
                for row in 0..ndx {
                    let slope = (up[row] - down[row]) / (2.0 * h);
                    let expected = slope * made.norm.std[column] / made.norm.std[row];
                    let off = (found[(column * STATES + state) * ndx + row] - expected).abs();
                    worst = worst.max(off / (1.0 + expected.abs()));
                    largest = largest.max(expected.abs());
                }
            }
        }
        assert!(worst < 1e-6, "{kind} {target} {features}: off by {worst:e}");
        assert!(largest > 0.1, "{kind} {target} {features}: a Jacobian of nothing");
    }
}
