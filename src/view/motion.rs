//! Poses of bodies, paths of tendons and points of contacts along the steps: the recorded states, put back into MuJoCo.

use std::ops::Range;

use super::ViewError;
use super::events::Contacts;
use super::pack::Pack;
use super::scene::Scene;
use crate::physics::Sim;
use crate::render::States;

/// What a component of a unit quaternion is multiplied by.
const UNIT: f64 = 32767.0;

/// Points of contacts, of the steps one after the other.
#[derive(Debug, Default)]
struct Points {
    /// By step, the first of its points; then their number.
    first: Vec<u32>,
    geoms: [Vec<u32>; 2],
    /// Where, and the normal, x, y and z by point.
    pos: Vec<f32>,
    normal: Vec<f32>,
}

/// What moves, by step.
#[derive(Debug, Default)]
pub(super) struct Motion {
    pos: Vec<f32>,
    quat: Vec<i16>,
    steps: usize,
    points: Points,
    /// By step and shown tendon: how many points its path has; and the points.
    path_lengths: Vec<u16>,
    paths: Vec<f32>,
    /// Steps whose contacts MuJoCo does not find again as they were recorded.
    pub(super) strange: usize,
}

impl Motion {
    /// Puts back the states of some rows of the file.
    pub(super) fn new(
        states: &mut States<'_>,
        scene: &Scene,
        contacts: &Contacts,
        rows: Range<usize>,
    ) -> Result<Self, ViewError> {
        let model = states.model().clone();
        let shown: Vec<usize> = (0..scene.tendons.len()).filter(|i| scene.tendons[*i].shown).collect();
        let mut motion = Self { steps: rows.len(), ..Self::default() };
        for (step, row) in rows.enumerate() {
            let sim = states.put_back(row)?;
            for body in model.body_ids() {
                motion.pos.extend(sim.body_pos(body).map(|x| x as f32));
                let quat = sim.body_quat(body);
                let norm = quat.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
                motion.quat.extend(quat.map(|x| (x / norm * UNIT).round() as i16));
            }
            motion.contacts(sim, contacts.of_step(step));
            for tendon in &shown {
                let path = sim.tendon_path(*tendon);
                motion.path_lengths.push(u16::try_from(path.len()).unwrap_or(u16::MAX));
                let points = path.take(u16::MAX.into()).map(|(object, point)| (object, point.map(|x| x as f32)));
                // A pulley is a gap in the path.
                motion.paths.extend(points.flat_map(|(object, p)| if object == PULLEY { [f32::NAN; 3] } else { p }));
            }
        }
        motion.points.first.push(motion.points.geoms[0].len() as u32);
        Ok(motion)
    }

    /// The points of the contacts of a step, where these are those that were recorded.
    fn contacts(&mut self, sim: &Sim, recorded: &[([i32; 2], f64)]) {
        let points = &mut self.points;
        points.first.push(points.geoms[0].len() as u32);
        let same = sim.contacts().len() == recorded.len()
            && sim.contacts().zip(recorded).all(|(found, (geoms, _))| found.geom == *geoms);
        if !same {
            self.strange += 1;
            return;
        }
        let mut details = sim.contact_details();
        for contact in sim.contacts() {
            let rigid = contact.geom.iter().all(|g| *g >= 0);
            let normal = if rigid { details.next().map(|d| d.frame[0]) } else { None };
            for (to, geom) in points.geoms.iter_mut().zip(contact.geom) {
                to.push(geom.max(-1) as u32);
            }
            points.pos.extend(contact.pos.map(|x| x as f32));
            points.normal.extend(normal.unwrap_or([0.0, 0.0, 1.0]).map(|x| x as f32));
        }
    }

    /// Adds what it has to a pack: by number of a body and coordinate, one step after the other.
    pub(super) fn pack(&self, pack: &mut Pack) {
        pack.add_by_column("pos", &self.pos, self.steps);
        pack.add_by_column("quat", &self.quat, self.steps);
        pack.add("pointFirst", &self.points.first);
        pack.add("pointGeom1", &self.points.geoms[0]);
        pack.add("pointGeom2", &self.points.geoms[1]);
        pack.add("pointPos", &self.points.pos);
        pack.add("pointNormal", &self.points.normal);
        pack.add("pathLength", &self.path_lengths);
        pack.add("path", &self.paths);
    }
}

/// What MuJoCo says a point of a tendon's path is on, of a pulley.
const PULLEY: i32 = -2;
