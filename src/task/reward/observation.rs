//! What one sees of a state: a list of labelled numbers.

use std::ops::Range;

use super::observed::ObservedArray;
use super::offset::{Offset, Place};
use crate::physics::{BodyId, GeomId, Joint, JointKind, Model, Sim, SiteId};

/// Names of the axes.
const XYZ: [&str; 3] = ["x", "y", "z"];

/// One number of an observation.
#[derive(Debug, Clone, Copy)]
enum Entry {
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
    /// One coordinate of an offset.
    Offset(Offset, usize),
}

impl Entry {
    fn of(self, sim: &Sim) -> f64 {
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
            Self::Offset(offset, axis) => offset.of(sim)[axis],
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
    labels: Vec<String>,
}

impl Observation {
    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Writes all numbers.
    pub(super) fn write(&self, sim: &Sim, out: &mut [f64]) {
        assert_eq!(out.len(), self.entries.len(), "numbers of an observation");
        for (out, entry) in out.iter_mut().zip(&self.entries) {
            *out = entry.of(sim);
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
        Self { model, observation: Observation { entries: Vec::new(), labels: Vec::new() } }
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

    fn push(&mut self, label: impl Into<String>, entry: Entry) {
        self.observation.labels.push(label.into());
        self.observation.entries.push(entry);
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
