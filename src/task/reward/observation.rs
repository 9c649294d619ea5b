//! What one sees of a state, and of what an episode has left behind: a list of labelled numbers.

use std::ops::Range;

use super::memory::Memory;
use super::observed::ObservedArray;
use super::offset::{Offset, Place};
use crate::physics::{BodyId, GeomId, Joint, JointKind, Model, Sim, SiteId};
use crate::quat;

/// Names of the axes.
const XYZ: [&str; 3] = ["x", "y", "z"];

/// One number of an observation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    Qpos(usize),
    Qvel(usize),
    Act(usize),
    Ctrl(usize),
    /// An entry of sensordata.
    Sensor(usize),
    /// ln(1 + sensordata).
    LogSensor(usize),
    /// One entry of sensordata minus another.
    SensorGap(usize, usize),
    /// How far two points are apart in the plane, m, less a radius. A point is two entries of sensordata.
    Clearance([usize; 2], [usize; 2], f64),
    /// An entry of a body's rotation matrix, row-major.
    Mat(BodyId, usize),
    /// The z coordinate of a body, m.
    Height(BodyId),
    /// An entry of an array of mjData that the last physics step derived.
    Derived(DerivedArray, usize),
    /// Sine and cosine of a position.
    QposSin(usize),
    QposCos(usize),
    /// One coordinate of an offset.
    Offset(Offset, usize),
    /// An entry of sensordata times a number.
    Scaled(usize, f64),
    /// A position less a number.
    QposFrom(usize, f64),
    /// A position less the control of a joint, which counts as 0 before the first control step, unless that of the reset counts.
    Behind(usize, usize, bool),
    /// A control less a position.
    Ahead(usize, usize),
    /// A coordinate of the direction of gravity in a site's frame.
    Gravity(SiteId, usize),
    /// A coordinate of a place, m, and an entry of its rotation matrix, row-major.
    Pos(Place, usize),
    Rotation(Place, usize),
    /// A coordinate of a mocap body, m, an entry of its rotation matrix, and that less a body's.
    MocapPos(usize, usize),
    MocapMat(usize, usize),
    MocapMatFrom(usize, BodyId, usize),
    /// A coordinate of the way from a body to the target of the episode, m; where `back`, of the way back.
    ToTarget {
        body: BodyId,
        axis: usize,
        back: bool,
    },
    /// An entry of the rotation matrix from the second orientation in sensordata to the first.
    Turn([usize; 2], usize),
    /// What the episode has left behind.
    Known(Known),
    /// A row of a history: which history, how long ago, which of its entries.
    Past(usize, usize, usize),
}

/// Arrays of mjData that a physics step derives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DerivedArray {
    /// Inertias of the bodies (nbody x 10), and their velocities (nbody x 6), both about the centre of mass of their tree.
    Cinert,
    Cvel,
    /// Forces of the actuators and of constraints in joint space (nv).
    QfrcActuator,
    QfrcConstraint,
}

impl DerivedArray {
    fn of(self, sim: &Sim) -> &[f64] {
        match self {
            Self::Cinert => sim.cinert(),
            Self::Cvel => sim.cvel(),
            Self::QfrcActuator => sim.qfrc_actuator(),
            Self::QfrcConstraint => sim.qfrc_constraint(),
        }
    }
}

/// Numbers of a [`Memory`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    /// Of the forces that bodies get from outside (nbody x 6): torque and force about the centre of mass of the tree.
    Force(usize),
    /// Of the last control step, and of this one.
    LastAction(usize),
    Action(usize),
    /// A component of the command, and what it is multiplied with.
    Command(usize, f64),
    Cos(usize),
    Sin(usize),
    Touches(usize),
    Frequency,
    GaitKind,
    SwingHeight,
    Unreachable,
    /// Control steps so far, as a share of an episode of so many.
    Progress(u64),
}

impl Known {
    fn of(self, memory: &Memory) -> f64 {
        let gait = &memory.gait;
        // What has not begun has left nothing behind.
        let or_zero = |x: Option<&f64>| x.copied().unwrap_or(0.0);
        match self {
            Self::Force(i) => or_zero(memory.forces.get(i / 6).map(|f| &f[i % 6])),
            Self::LastAction(i) => or_zero(memory.last[0].get(i)),
            Self::Action(i) => or_zero(memory.now.get(i)),
            Self::Command(i, scale) => memory.command[i] * scale,
            Self::Cos(i) => libm::cos(or_zero(gait.phase.get(i))),
            Self::Sin(i) => libm::sin(or_zero(gait.phase.get(i))),
            Self::Touches(i) => f64::from(memory.feet.get(i).is_some_and(|foot| foot.touches)),
            Self::Frequency => gait.frequency,
            Self::GaitKind => gait.kind as f64,
            Self::SwingHeight => gait.height,
            Self::Unreachable => f64::from(memory.unreachable),
            Self::Progress(length) => memory.steps as f64 / length as f64,
        }
    }
}

/// An entry of the rotation matrix of a mocap body, row-major.
fn mocap_mat(sim: &Sim, mocap: usize, i: usize) -> f64 {
    quat::to_mat(quat::at(sim.mocap_quat(), 4 * mocap))[i]
}

impl Entry {
    fn of(self, sim: &Sim, memory: &Memory) -> f64 {
        let sensors = sim.sensordata();
        match self {
            Self::Qpos(i) => sim.qpos()[i],
            Self::Qvel(i) => sim.qvel()[i],
            Self::Act(i) => sim.act()[i],
            Self::Ctrl(i) => sim.ctrl()[i],
            Self::Sensor(i) => sensors[i],
            Self::LogSensor(i) => libm::log1p(sensors[i]),
            Self::SensorGap(i, j) => sensors[i] - sensors[j],
            Self::Clearance(a, b, radius) => clearance(sensors, a, b, radius),
            Self::Mat(body, i) => sim.body_mat(body)[i],
            Self::Height(body) => sim.body_pos(body)[2],
            Self::Derived(array, i) => array.of(sim)[i],
            Self::QposSin(i) => libm::sin(sim.qpos()[i]),
            Self::QposCos(i) => libm::cos(sim.qpos()[i]),
            Self::Offset(offset, axis) => offset.of(sim)[axis],
            Self::Scaled(i, by) => sensors[i] * by,
            Self::QposFrom(i, from) => sim.qpos()[i] - from,
            Self::Behind(i, j, reset) => sim.qpos()[i] - if reset || memory.stepped { sim.ctrl()[j] } else { 0.0 },
            Self::Ahead(j, i) => sim.ctrl()[j] - sim.qpos()[i],
            Self::Gravity(site, i) => -sim.site_mat(site)[6 + i],
            Self::Pos(place, axis) => place.pos(sim)[axis],
            Self::Rotation(place, i) => place.mat(sim)[i],
            Self::MocapPos(mocap, axis) => sim.mocap_pos()[3 * mocap + axis],
            Self::MocapMat(mocap, i) => mocap_mat(sim, mocap, i),
            Self::MocapMatFrom(mocap, body, i) => mocap_mat(sim, mocap, i) - sim.body_mat(body)[i],
            Self::ToTarget { body, axis, back } => {
                let (to, from) = (memory.target[axis], sim.body_pos(body)[axis]);
                if back { from - to } else { to - from }
            }
            Self::Turn([a, b], i) => {
                let b = quat::conjugate(quat::at(sensors, b));
                quat::to_mat(quat::mul(quat::normalized(quat::at(sensors, a)), b))[i]
            }
            Self::Known(known) => known.of(memory),
            Self::Past(history, ago, i) => memory.histories[history][ago * memory.widths[history] + i],
        }
    }
}

/// How far two points of `sensors` are apart in the plane, less a radius.
pub(super) fn clearance(sensors: &[f64], a: [usize; 2], b: [usize; 2], radius: f64) -> f64 {
    super::offset::norm(&[sensors[a[0]] - sensors[b[0]], sensors[a[1]] - sensors[b[1]]]) - radius
}

/// An observation with all names resolved.
#[derive(Debug)]
pub(super) struct Observation {
    entries: Vec<Entry>,
    /// Numbers are clipped to [-bound, bound].
    bounds: Vec<f64>,
    labels: Vec<String>,
    histories: Vec<History>,
}

/// Numbers of this observation and of earlier ones.
#[derive(Debug)]
struct History {
    rows: usize,
    entries: Vec<Entry>,
    bound: f64,
}

impl Observation {
    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Whether a number depends on more than the simulation.
    pub(super) fn sees_memory(&self) -> bool {
        let depends =
            |e: &Entry| matches!(e, Entry::Known(_) | Entry::Past(..) | Entry::Behind(..) | Entry::ToTarget { .. });
        self.entries.iter().any(depends)
    }

    /// Before the first observation of an episode: earlier ones are 0.
    pub(super) fn begin(&self, memory: &mut Memory) {
        memory.widths = self.histories.iter().map(|h| h.entries.len()).collect();
        memory.histories = self.histories.iter().map(|h| vec![0.0; h.rows * h.entries.len()]).collect();
    }

    /// Writes all numbers. Each call is an observation that histories keep.
    pub(super) fn write(&self, sim: &Sim, memory: &mut Memory, out: &mut [f64]) {
        assert_eq!(out.len(), self.entries.len(), "numbers of an observation");
        for (i, history) in self.histories.iter().enumerate() {
            let mut rows = std::mem::take(&mut memory.histories[i]);
            rows.rotate_right(history.entries.len());
            for (x, entry) in rows.iter_mut().zip(&history.entries) {
                *x = entry.of(sim, memory).clamp(-history.bound, history.bound);
            }
            memory.histories[i] = rows;
        }
        for ((out, entry), bound) in out.iter_mut().zip(&self.entries).zip(&self.bounds) {
            *out = entry.of(sim, memory).clamp(-bound, *bound);
        }
    }
}

/// Resolves names of a model and puts an observation together, in the order of the calls. A name that the
/// model lacks is an error that says so.
pub(super) struct Draft<'m> {
    model: &'m Model,
    observation: Observation,
}

impl<'m> Draft<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        let observation =
            Observation { entries: Vec::new(), bounds: Vec::new(), labels: Vec::new(), histories: Vec::new() };
        Self { model, observation }
    }

    pub(super) fn finish(self) -> Observation {
        self.observation
    }

    /// A label that stands twice.
    pub(super) fn twice(&self) -> Option<&str> {
        let mut labels: Vec<&str> = self.observation.labels.iter().map(String::as_str).collect();
        labels.sort_unstable();
        labels.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    pub(super) fn push(&mut self, label: impl Into<String>, entry: Entry) {
        self.observation.labels.push(label.into());
        self.observation.entries.push(entry);
        self.observation.bounds.push(f64::INFINITY);
    }

    /// What `add` puts into the observation, each number within [-bound, bound].
    pub(super) fn bounded(
        &mut self,
        bound: f64,
        add: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let first = self.observation.entries.len();
        add(self)?;
        self.observation.bounds[first..].iter_mut().for_each(|b| *b = b.min(bound));
        Ok(())
    }

    /// What `add` puts into the observation, in this observation and in earlier ones, `rows` altogether, the newest first; each
    /// number within [-bound, bound]. A single row without a bound is no history.
    ///
    /// # Errors
    /// Those of `add`, and a history of a history.
    pub(super) fn history(
        &mut self,
        rows: usize,
        bound: Option<f64>,
        add: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let (first, known) = (self.observation.entries.len(), self.observation.histories.len());
        add(self)?;
        if rows == 1 && bound.is_none() {
            return Ok(());
        }
        if self.observation.histories.len() > known {
            return Err("a history of observations that have histories".to_owned());
        }
        let entries = self.observation.entries.split_off(first);
        let labels = self.observation.labels.split_off(first);
        // A history has one bound for all.
        self.observation.bounds.truncate(first);
        for ago in 0..rows {
            for (i, label) in labels.iter().enumerate() {
                let when = if rows == 1 { String::new() } else { format!(" @-{ago}") };
                self.push(format!("{label}{when}"), Entry::Past(known, ago, i));
            }
        }
        self.observation.histories.push(History { rows, entries, bound: bound.unwrap_or(f64::INFINITY) });
        Ok(())
    }

    /// Where the values of a sensor are.
    pub(super) fn sensor_range(&self, name: &str) -> Result<Range<usize>, String> {
        self.model.sensor(name).map_err(|e| e.to_string())
    }

    /// The number of a mocap body.
    pub(super) fn mocap(&self, name: &str) -> Result<usize, String> {
        self.model.mocap(self.body(name)?).ok_or_else(|| format!("the body \"{name}\" of the model is no mocap body"))
    }

    /// The coordinates of a place: `LABEL_x`, `LABEL_y`, `LABEL_z`.
    pub(super) fn place(&mut self, label: &str, place: Place) {
        for (axis, xyz) in XYZ.iter().enumerate() {
            self.push(format!("{label}_{xyz}"), Entry::Pos(place, axis));
        }
    }

    /// Entries of the rotation matrix of a place, row-major.
    pub(super) fn rotation(&mut self, label: &str, place: Place, entries: Range<usize>) {
        for i in entries {
            self.push(format!("{label}[{},{}]", i / 3, i % 3), Entry::Rotation(place, i));
        }
    }

    pub(super) fn model(&self) -> &'m Model {
        self.model
    }

    pub(super) fn body(&self, name: &str) -> Result<BodyId, String> {
        self.model.body(name).map_err(|e| e.to_string())
    }

    pub(super) fn geom(&self, name: &str) -> Result<GeomId, String> {
        self.model.geom(name).map_err(|e| e.to_string())
    }

    pub(super) fn site(&self, name: &str) -> Result<SiteId, String> {
        self.model.site(name).map_err(|e| e.to_string())
    }

    /// The first of the `n` values of a sensor.
    pub(super) fn sensor(&self, name: &str, n: usize) -> Result<usize, String> {
        let range = self.model.sensor(name).map_err(|e| e.to_string())?;
        if range.len() == n {
            Ok(range.start)
        } else {
            Err(format!("the sensor \"{name}\" of the model has {} values instead of {n}", range.len()))
        }
    }

    /// A hinge or slide.
    pub(super) fn scalar_joint(&self, name: &str) -> Result<Joint, String> {
        let joint = self.model.joint(name).map_err(|e| e.to_string())?;
        if joint.is_scalar() { Ok(joint) } else { Err(format!("the joint \"{name}\" of the model has no single axis")) }
    }

    /// Labels of an array's entries, what stands before them, and what an entry is.
    fn array(&self, of: ObservedArray) -> (&'m [String], &'static str, fn(usize) -> Entry) {
        let names = self.model.names();
        match of {
            ObservedArray::Qpos => (&names.qpos, "qpos", Entry::Qpos),
            ObservedArray::Qvel => (&names.dof, "qvel", Entry::Qvel),
            ObservedArray::Act => (&names.act, "act", Entry::Act),
            ObservedArray::Ctrl => (&names.ctrl, "ctrl", Entry::Ctrl),
            ObservedArray::Sensordata => (&names.sensor, "sensor", Entry::Sensor),
        }
    }

    /// How many entries an array has.
    pub(super) fn length(&self, of: ObservedArray) -> usize {
        self.array(of).0.len()
    }

    /// Entries of an array.
    pub(super) fn entries(&mut self, of: ObservedArray, range: Range<usize>) {
        let (labels, kind, entry) = self.array(of);
        for i in range {
            self.push(format!("{kind}:{}", labels[i]), entry(i));
        }
    }

    /// All positions.
    pub(super) fn all_qpos(&mut self) {
        self.entries(ObservedArray::Qpos, 0..self.model.nq());
    }

    /// The position of a hinge or slide.
    pub(super) fn qpos_of(&mut self, joint: Joint) {
        self.entries(ObservedArray::Qpos, joint.qpos..joint.qpos + 1);
    }

    /// All positions behind those of a joint.
    pub(super) fn qpos_behind(&mut self, joint: &str) -> Result<(), String> {
        let joint = self.model.joint(joint).map_err(|e| e.to_string())?;
        let width = match joint.kind {
            JointKind::Free => 7,
            JointKind::Ball => 4,
            JointKind::Slide | JointKind::Hinge => 1,
        };
        self.entries(ObservedArray::Qpos, joint.qpos + width..self.model.nq());
        Ok(())
    }

    /// All velocities.
    pub(super) fn all_qvel(&mut self) {
        self.entries(ObservedArray::Qvel, 0..self.model.nv());
    }

    /// All values of a sensor.
    pub(super) fn whole_sensor(&mut self, name: &str) -> Result<(), String> {
        let range = self.model.sensor(name).map_err(|e| {
            let labels = &self.model.names().sensor;
            let mut known: Vec<&str> =
                labels.iter().map(|l| l.rsplit_once('[').map_or(&l[..], |(name, _)| name)).collect();
            known.dedup();
            format!("{e}; its sensors: {}", crate::bounded::listed(&known))
        })?;
        self.entries(ObservedArray::Sensordata, range);
        Ok(())
    }

    /// `n` values of a sensor from its entry `first` on.
    pub(super) fn sensor_values(&mut self, first: usize, n: usize) {
        self.entries(ObservedArray::Sensordata, first..first + n);
    }

    /// ln(1 + x) of a sensor with one value x.
    pub(super) fn log_sensor(&mut self, name: &str) -> Result<(), String> {
        let i = self.sensor(name, 1)?;
        self.push(format!("ln(1 + sensor:{name})"), Entry::LogSensor(i));
        Ok(())
    }

    /// `LABEL_x` and `LABEL_z`: the point `to` of sensordata seen from `from`.
    pub(super) fn sensor_gap_xz(&mut self, label: &str, from: usize, to: usize) {
        for axis in [0, 2] {
            self.push(format!("{label}_{}", XYZ[axis]), Entry::SensorGap(to + axis, from + axis));
        }
    }

    /// See [`clearance`].
    pub(super) fn clearance(&mut self, label: &str, a: [usize; 2], b: [usize; 2], radius: f64) {
        self.push(label, Entry::Clearance(a, b, radius));
    }

    /// Entry (row, column) of a body's rotation matrix.
    pub(super) fn mat(&mut self, body: &str, row: usize, column: usize) -> Result<(), String> {
        let id = self.body(body)?;
        let label = match (row, column) {
            (2, 2) => format!("{body} upright"),
            _ => format!("xmat:{body}[{row},{column}]"),
        };
        self.push(label, Entry::Mat(id, 3 * row + column));
        Ok(())
    }

    /// The z coordinate of a body.
    pub(super) fn height(&mut self, body: &str) -> Result<(), String> {
        let id = self.body(body)?;
        self.push(format!("{body} height"), Entry::Height(id));
        Ok(())
    }

    /// The first `n` coordinates of an offset: `LABEL_x`, `LABEL_y`, `LABEL_z`.
    pub(super) fn offset(&mut self, label: &str, offset: Offset, n: usize) {
        for (axis, xyz) in XYZ.iter().enumerate().take(n) {
            self.push(format!("{label}_{xyz}"), Entry::Offset(offset, axis));
        }
    }

    /// From one geom to another.
    pub(super) fn between_geoms(&self, from: &str, to: &str, frame: Option<Place>) -> Result<Offset, String> {
        Ok(Offset { from: Place::Geom(self.geom(from)?), to: Place::Geom(self.geom(to)?), frame })
    }
}
