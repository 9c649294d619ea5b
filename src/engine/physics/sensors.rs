//! What sensors see, by their type, and their values at a state whose acceleration is given.

use std::ops::Range;

use mujoco_rs::mujoco_c::{mjtDisableBit, mjtEnableBit, mjtSensor, mjtTrn};

use super::guard;
use super::{Model, PhysicsError, Sim};

/// All types of sensors, by number. [`sees`] matches them exhaustively: a type that MuJoCo adds has to be given a
/// place there, and here.
const TYPES: [mjtSensor; 49] = {
    use mjtSensor::*;
    [
        mjSENS_TOUCH,
        mjSENS_ACCELEROMETER,
        mjSENS_VELOCIMETER,
        mjSENS_GYRO,
        mjSENS_FORCE,
        mjSENS_TORQUE,
        mjSENS_MAGNETOMETER,
        mjSENS_RANGEFINDER,
        mjSENS_CAMPROJECTION,
        mjSENS_JOINTPOS,
        mjSENS_JOINTVEL,
        mjSENS_TENDONPOS,
        mjSENS_TENDONVEL,
        mjSENS_ACTUATORPOS,
        mjSENS_ACTUATORVEL,
        mjSENS_ACTUATORFRC,
        mjSENS_JOINTACTFRC,
        mjSENS_TENDONACTFRC,
        mjSENS_BALLQUAT,
        mjSENS_BALLANGVEL,
        mjSENS_JOINTLIMITPOS,
        mjSENS_JOINTLIMITVEL,
        mjSENS_JOINTLIMITFRC,
        mjSENS_TENDONLIMITPOS,
        mjSENS_TENDONLIMITVEL,
        mjSENS_TENDONLIMITFRC,
        mjSENS_FRAMEPOS,
        mjSENS_FRAMEQUAT,
        mjSENS_FRAMEXAXIS,
        mjSENS_FRAMEYAXIS,
        mjSENS_FRAMEZAXIS,
        mjSENS_FRAMELINVEL,
        mjSENS_FRAMEANGVEL,
        mjSENS_FRAMELINACC,
        mjSENS_FRAMEANGACC,
        mjSENS_SUBTREECOM,
        mjSENS_SUBTREELINVEL,
        mjSENS_SUBTREEANGMOM,
        mjSENS_INSIDESITE,
        mjSENS_GEOMDIST,
        mjSENS_GEOMNORMAL,
        mjSENS_GEOMFROMTO,
        mjSENS_CONTACT,
        mjSENS_E_POTENTIAL,
        mjSENS_E_KINETIC,
        mjSENS_CLOCK,
        mjSENS_TACTILE,
        mjSENS_PLUGIN,
        mjSENS_USER,
    ]
};

/// What a sensor's values depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sees {
    position: bool,
    velocity: bool,
    /// Controls, activations and the acceleration.
    force: bool,
    /// Forces of contacts, or where they are.
    contacts: bool,
    /// Several values of different kinds.
    mixed: bool,
}

/// None for a plugin, which may see anything.
fn sees(kind: mjtSensor) -> Option<Sees> {
    use mjtSensor::*;
    let none = Sees::default();
    let position = Sees { position: true, ..none };
    let motion = Sees { velocity: true, ..position };
    let all = Sees { force: true, ..motion };
    Some(match kind {
        mjSENS_MAGNETOMETER
        | mjSENS_CAMPROJECTION
        | mjSENS_JOINTPOS
        | mjSENS_TENDONPOS
        | mjSENS_ACTUATORPOS
        | mjSENS_BALLQUAT
        | mjSENS_JOINTLIMITPOS
        | mjSENS_TENDONLIMITPOS
        | mjSENS_FRAMEPOS
        | mjSENS_FRAMEQUAT
        | mjSENS_FRAMEXAXIS
        | mjSENS_FRAMEYAXIS
        | mjSENS_FRAMEZAXIS
        | mjSENS_SUBTREECOM
        | mjSENS_INSIDESITE
        | mjSENS_GEOMDIST
        | mjSENS_GEOMNORMAL
        | mjSENS_GEOMFROMTO
        | mjSENS_E_POTENTIAL => position,
        mjSENS_RANGEFINDER => Sees { mixed: true, ..position },
        mjSENS_JOINTVEL | mjSENS_BALLANGVEL => Sees { velocity: true, ..none },
        mjSENS_VELOCIMETER
        | mjSENS_GYRO
        | mjSENS_TENDONVEL
        | mjSENS_ACTUATORVEL
        | mjSENS_JOINTLIMITVEL
        | mjSENS_TENDONLIMITVEL
        | mjSENS_FRAMELINVEL
        | mjSENS_FRAMEANGVEL
        | mjSENS_SUBTREELINVEL
        | mjSENS_SUBTREEANGMOM
        | mjSENS_E_KINETIC => motion,
        mjSENS_ACCELEROMETER
        | mjSENS_ACTUATORFRC
        | mjSENS_JOINTACTFRC
        | mjSENS_TENDONACTFRC
        | mjSENS_JOINTLIMITFRC
        | mjSENS_TENDONLIMITFRC
        | mjSENS_FRAMELINACC
        | mjSENS_FRAMEANGACC => all,
        mjSENS_TOUCH | mjSENS_FORCE | mjSENS_TORQUE => Sees { contacts: true, ..all },
        mjSENS_CONTACT | mjSENS_TACTILE => Sees { contacts: true, mixed: true, ..all },
        // Nobody installs a callback for user sensors here: MuJoCo leaves them at zero.
        mjSENS_CLOCK | mjSENS_USER => none,
        mjSENS_PLUGIN => return None,
    })
}

/// A sensor that has something to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensed {
    /// Its values in [`Sim::sensordata`].
    pub values: Range<usize>,
    /// Whether positions, velocities, and controls, activations or accelerations change them.
    pub by: [bool; 3],
    /// Whether the values are quantities of different kinds.
    pub mixed: bool,
}

/// Which stages of a state the sensors of a model need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SensorStages {
    /// Velocities and what follows from them.
    pub velocity: bool,
    /// Actuator forces, constraint forces and accelerations.
    pub acceleration: bool,
    /// Contacts.
    pub contacts: bool,
    /// Whether a sensor of the position stage (kinetic energy) depends on velocities.
    pub late: bool,
}

impl Model {
    fn sensor_types(&self) -> impl Iterator<Item = Option<mjtSensor>> + '_ {
        let m = self.raw();
        (0..m.nsensor as usize).map(|i| {
            // SAFETY: one entry per sensor.
            let kind = unsafe { *m.sensor_type.add(i) };
            TYPES.into_iter().find(|t| *t as i32 == kind)
        })
    }

    /// The sensors that depend on anything, and what is needed for them. Plugins, whose values nobody but
    /// themselves can foretell, are left out.
    pub fn sensed(&self) -> (Vec<Sensed>, SensorStages) {
        let m = self.raw();
        let (mut found, mut stages) = (Vec::new(), SensorStages::default());
        if m.opt.disableflags & mjtDisableBit::mjDSBL_SENSOR as i32 != 0 {
            return (found, stages);
        }
        // SAFETY: one entry per actuator.
        let sticks =
            (0..m.nactuator as usize).any(|i| unsafe { *m.actuator_trntype.add(i) } == mjtTrn::mjTRN_BODY as i32);
        for (i, kind) in self.sensor_types().enumerate() {
            let Some(sees) = kind.and_then(sees).filter(|s| s.position || s.velocity || s.force) else { continue };
            // SAFETY: one entry per sensor.
            let (first, n) = unsafe { (*m.sensor_adr.add(i) as usize, *m.sensor_dim.add(i) as usize) };
            found.push(Sensed {
                values: first..first + n,
                by: [sees.position, sees.velocity, sees.force],
                mixed: sees.mixed,
            });
            stages.velocity |= sees.velocity;
            stages.acceleration |= sees.force;
            // The force of an actuator on a body goes through the body's contacts.
            stages.contacts |= sees.contacts || sees.force && sticks;
            stages.late |= kind == Some(mjtSensor::mjSENS_E_KINETIC);
        }
        (found, stages)
    }

    /// Why sensors have no derivative by the state alone, one reason for each kind: a sensor with a delay or an interval
    /// shows an earlier state, one of kinetic energy too where the flag `energy` is set, and a plugin shows what it likes. Nothing where they have one.
    pub fn sensor_obstacles(&self) -> Vec<String> {
        let m = self.raw();
        if m.opt.disableflags & mjtDisableBit::mjDSBL_SENSOR as i32 != 0 {
            return Vec::new();
        }
        let names = &self.names().sensor;
        let named = |what: &str, is: &dyn Fn(usize) -> bool| {
            let of: Vec<&str> = (0..m.nsensor as usize)
                .filter(|i| is(*i))
                // SAFETY: one entry per sensor.
                .filter_map(|i| names.get(unsafe { *m.sensor_adr.add(i) } as usize).map(String::as_str))
                .collect();
            (!of.is_empty()).then(|| format!("{what} ({})", of.join(", ")))
        };
        let kinds: Vec<Option<mjtSensor>> = self.sensor_types().collect();
        // SAFETY: sensor_delay has one entry per sensor, sensor_interval two.
        let late = |i: usize| unsafe { *m.sensor_delay.add(i) } > 0.0;
        // SAFETY: as above.
        let rare = |i: usize| unsafe { *m.sensor_interval.add(2 * i) } > 0.0;
        let kept = m.opt.enableflags & mjtEnableBit::mjENBL_ENERGY as i32 != 0;
        let energy = |i: usize| kept && kinds[i] == Some(mjtSensor::mjSENS_E_KINETIC);
        [
            named("sensors with a delay", &late),
            named("sensors with an interval", &rare),
            // MuJoCo 3.17 keeps the number that it reckons for the flag, and hands it to the sensor one step later.
            named("sensors of kinetic energy beside the flag energy", &energy),
            named("sensors of plugins", &|i| kinds[i] == Some(mjtSensor::mjSENS_PLUGIN)),
            named("sensors of a type that is not known", &|i| kinds[i].is_none()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Sim {
    /// Everything that sensors see of positions; with `contacts` the contacts, too, else there are none afterwards.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn stage_seen(&mut self, contacts: bool) -> Result<(), PhysicsError> {
        let m = self.model().ptr();
        // SAFETY: model and data belong together; ncon is a member of data, which nobody else reads meanwhile.
        self.call(|d| unsafe { guard::ds_stage_seen(m, d, contacts.into(), &raw mut (*d).ncon) })
    }

    /// Sensors of the stages that are asked for (position, velocity, acceleration), at the acceleration `qacc` (nv) and
    /// the forces of the last [`Sim::stage_constraint`].
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn stage_sensors(&mut self, [p, v, a]: [bool; 3], qacc: &[f64]) -> Result<(), PhysicsError> {
        let nv = self.model().nv();
        assert_eq!(qacc.len(), nv, "qacc is nv");
        let m = self.model().ptr();
        self.call(|d| {
            // SAFETY: data is valid and nobody else uses it; its qacc has nv entries. What was kept for later use is that
            // of another state.
            unsafe {
                if nv > 0 {
                    std::ptr::copy_nonoverlapping(qacc.as_ptr(), (*d).qacc, nv);
                }
                (*d).flg_energypos = false;
                (*d).flg_energyvel = false;
                (*d).flg_subtreevel = false;
                (*d).flg_rnepost = false;
                guard::ds_sensors(m, d, p.into(), v.into(), a.into())
            }
        })
    }
}
