//! Recordings made by hand, with answers that are known.

use std::collections::BTreeMap;
use std::path::Path;

use dynsparse::dataset::schema::{self, Axis, Var, attribute};
use dynsparse::dataset::{
    Attribute, COMPLETED, Effort, EpisodeRow, Header, ModelFile, ModelFiles, StepRow, Store, Writer,
};
use dynsparse::flags::StepFlags;
use dynsparse::kinematics::{JointKind, Kinematics};

/// One step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    pub(crate) a: Vec<f64>,
    pub(crate) b: Vec<f64>,
    /// Of A and of B, where the recording has masks.
    pub(crate) masks: [Vec<u8>; 2],
    /// Geom pairs.
    pub(crate) contacts: Vec<[i32; 2]>,
    pub(crate) flags: u32,
    /// qpos, qvel, ctrl, qpos_next, qvel_next; zeros where empty.
    pub(crate) x: Vec<f64>,
}

/// A recording of a model whose `dofs` are all slides or hinges.
pub(crate) struct Made {
    pub(crate) task: &'static str,
    /// Names, and the type that the MJCF gives the joint.
    pub(crate) dofs: Vec<(&'static str, &'static str)>,
    pub(crate) controls: usize,
    pub(crate) episodes: Vec<Vec<Step>>,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
    /// Whether the recording tells the kinematic tree, as one of this program does.
    pub(crate) tells_kinematics: bool,
}

impl Made {
    pub(crate) fn new(dofs: usize, controls: usize, episodes: Vec<Vec<Step>>) -> Self {
        let names = [("x", "slide"), ("y", "hinge"), ("z", "slide"), ("w", "hinge")];
        Self {
            task: "Made",
            dofs: names[..dofs].to_vec(),
            controls,
            episodes,
            attributes: Vec::new(),
            tells_kinematics: true,
        }
    }

    /// A chain of its joints; each control moves one.
    fn kinematics(&self) -> Kinematics {
        let n = self.dofs.len();
        let kind = |kind: &str| if kind == "slide" { JointKind::Slide } else { JointKind::Hinge };
        Kinematics {
            dof_parent: (-1..n as i32 - 1).collect(),
            ctrl_dofs: (0..self.controls).map(|control| vec![control % n]).collect(),
            joints: self.dofs.iter().map(|(_, of)| kind(of)).collect(),
            ..Kinematics::default()
        }
    }

    /// Writes it.
    pub(crate) fn write(&self, path: &Path) {
        let names: Vec<String> = self.dofs.iter().map(|(name, _)| (*name).to_owned()).collect();
        let tagged = |tag: &str| names.iter().map(|n| format!("{tag}:{n}")).collect::<Vec<_>>();
        let state = [tagged("pos"), tagged("vel")].concat();
        let numbered = |tag: &str, n: usize| (0..n).map(|i| format!("{tag}{i}")).collect::<Vec<_>>();
        let labels = BTreeMap::from([
            (Axis::Coordinate, names.clone()),
            (Axis::Dof, names.clone()),
            (Axis::Actuator, numbered("motor", self.controls)),
            (Axis::State, state.clone()),
            (Axis::StateNext, state),
            (Axis::Geom, vec!["floor".to_owned(), "foot".to_owned(), "hand".to_owned()]),
        ]);
        let joints: String =
            self.dofs.iter().map(|(n, kind)| format!("<joint name=\"{n}\" type=\"{kind}\"/>")).collect();
        let model = format!("<mujoco><worldbody><body>{joints}</body></worldbody></mujoco>");
        let text = |text: &str| Attribute::Text(text.to_owned());
        let mut attributes = vec![
            ("format", text(schema::FORMAT)),
            ("schema_version", Attribute::Int(schema::VERSION.into())),
            ("recipe", text("{}")),
            ("task", text(self.task)),
            ("step_kind", text("control")),
            ("step_duration", Attribute::Float(0.01)),
        ];
        attributes.extend(self.attributes.iter().cloned());
        if self.tells_kinematics {
            attributes.push((attribute::KINEMATICS, text(&serde_json::to_string(&self.kinematics()).expect("JSON"))));
        }
        let mut absent = vec![Var::Reward, Var::Terminated, Var::TreeAsleep, Var::QaccSmooth, Var::ActDot];
        absent.extend([Var::Residual, Var::ResidualTenth, Var::ResidualSecond]);
        // What touches is what touches at the start of a step.
        absent.extend([Var::Ntouch, Var::TouchOffset, Var::TouchGeom1, Var::TouchGeom2, Var::TouchSteps]);
        let masked = self.episodes.iter().flatten().any(|s| !s.masks[0].is_empty());
        if !masked {
            absent.extend([Var::AZero, Var::BZero, Var::ZeroFloor, Var::Kink]);
        }
        let header = Header {
            labels,
            absent,
            rows_per_episode: self.episodes.iter().map(Vec::len).max().unwrap_or(1),
            effort: Effort::Fast,
            store: Store::F64,
            attributes: attributes.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
            model: Some(ModelFiles {
                root: None,
                main: "made.xml".to_owned(),
                layout: "memory".to_owned(),
                files: vec![ModelFile {
                    name: "made.xml".to_owned(),
                    bytes: model.into_bytes().into(),
                    sha256: String::new(),
                }],
            }),
            content: None,
            shard: false,
        };
        let mut writer = Writer::create(path, header).expect("a recording is created");
        let (nv, nu) = (self.dofs.len(), self.controls);
        for (number, episode) in self.episodes.iter().enumerate() {
            for (at, step) in episode.iter().enumerate() {
                let zeros = vec![0.0; 4 * nv + nu];
                let x = if step.x.is_empty() { &zeros } else { &step.x };
                let (first, second): (Vec<i32>, Vec<i32>) = step.contacts.iter().map(|[a, b]| (*a, *b)).unzip();
                let distances = vec![-0.001; first.len()];
                // A contact without friction has one row.
                let (types, ids) = (vec![5; first.len()], (0..first.len() as i32).collect::<Vec<_>>());
                let states = vec![1; first.len()];
                let row = StepRow {
                    time: at as f64 * 0.01,
                    episode: number as i32,
                    step: at as i32,
                    qpos: &x[..nv],
                    qvel: &x[nv..2 * nv],
                    ctrl: &x[2 * nv..2 * nv + nu],
                    qacc_warmstart: &zeros[..nv],
                    qpos_next: &x[2 * nv + nu..3 * nv + nu],
                    qvel_next: &x[3 * nv + nu..],
                    a: step.a[..].into(),
                    b: step.b[..].into(),
                    a_zero: &step.masks[0],
                    b_zero: &step.masks[1],
                    zero_floor: &zeros[..2 * nv],
                    flags: StepFlags::from_bits_retain(step.flags),
                    contact_geom1: &first,
                    contact_geom2: &second,
                    contact_dist: &distances,
                    constraint_type: &types,
                    constraint_id: &ids,
                    constraint_state: &states,
                    ..StepRow::default()
                };
                writer.step(&row).expect("a step is written");
            }
            writer.end_episode(EpisodeRow {
                episode: number as i64,
                length: episode.len() as i64,
                end: COMPLETED.to_owned(),
                sha256: String::new(),
                host: "here".to_owned(),
                cpu: "this".to_owned(),
            });
        }
        writer.finish().expect("a recording is written");
    }
}

/// A matrix of ones where `zero` says otherwise: 0 there.
pub(crate) fn pattern(entries: usize, zero: impl Fn(usize) -> bool) -> Vec<f64> {
    (0..entries).map(|e| if zero(e) { 0.0 } else { 1.0 }).collect()
}
