//! What sensors see, by their type, and their values at a state whose acceleration is given.

use std::ops::Range;

use mujoco_rs::mujoco_c::{mjtDisableBit, mjtEnableBit, mjtSensor, mjtTrn};

use super::elements::Sensor;
use super::guard;
use super::{Model, PhysicsError, Sim};

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
    /// The one of several that is nearest, or pushes most.
    picks: bool,
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
        | mjSENS_E_POTENTIAL => position,
        mjSENS_GEOMDIST | mjSENS_GEOMNORMAL | mjSENS_GEOMFROMTO => Sees { picks: true, ..position },
        mjSENS_RANGEFINDER => Sees { mixed: true, picks: true, ..position },
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
        mjSENS_CONTACT => Sees { contacts: true, mixed: true, picks: true, ..all },
        mjSENS_TACTILE => Sees { contacts: true, mixed: true, ..all },
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
    /// Whether the values are those of one of several things, the nearest or the one that pushes most.
    pub picks: bool,
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
    /// The sensors that depend on anything, and what is needed for them. Plugins, whose values nobody but
    /// themselves can foretell, are left out.
    pub fn sensed(&self) -> (Vec<Sensed>, SensorStages) {
        let (mut found, mut stages) = (Vec::new(), SensorStages::default());
        if self.is_disabled(mjtDisableBit::mjDSBL_SENSOR) {
            return (found, stages);
        }
        let sticks = self.actuators().any(|actuator| actuator.transmission == Ok(mjtTrn::mjTRN_BODY));
        for Sensor { kind, values, .. } in self.sensors() {
            let sees = kind.ok().and_then(sees).filter(|s| s.position || s.velocity || s.force);
            let Some(sees) = sees else { continue };
            found.push(Sensed {
                values,
                by: [sees.position, sees.velocity, sees.force],
                mixed: sees.mixed,
                picks: sees.picks,
            });
            stages.velocity |= sees.velocity;
            stages.acceleration |= sees.force;
            // The force and the velocity of an actuator on a body are those of the body's contacts.
            let of_actuators = sees.force || kind == Ok(mjtSensor::mjSENS_ACTUATORVEL);
            stages.contacts |= sees.contacts || of_actuators && sticks;
            stages.late |= kind == Ok(mjtSensor::mjSENS_E_KINETIC);
        }
        (found, stages)
    }

    /// Why sensors have no derivative by the state alone, one reason for each kind. One of kinetic energy shows an earlier state
    /// where the flag `energy` is set, which no integration state holds. One with a delay or an interval shows an earlier state too,
    /// and a plugin shows what it likes: differences of whole steps (`by_steps`) see both, since what these read is held in the
    /// integration state. Nothing where they have a derivative.
    pub fn sensor_obstacles(&self, by_steps: bool) -> Vec<String> {
        if self.is_disabled(mjtDisableBit::mjDSBL_SENSOR) {
            return Vec::new();
        }
        let names = &self.names().sensor;
        let named = |what: &str, is: &dyn Fn(&Sensor) -> bool| {
            let of: Vec<&str> =
                self.sensors().filter(|s| is(s)).filter_map(|s| Some(names.get(s.values.start)?.as_str())).collect();
            (!of.is_empty()).then(|| format!("{what} ({})", of.join(", ")))
        };
        let kept = self.is_enabled(mjtEnableBit::mjENBL_ENERGY);
        [
            named("sensors with a delay", &|s| !by_steps && s.delay > 0.0),
            named("sensors with an interval", &|s| !by_steps && s.interval > 0.0),
            // MuJoCo 3.17 keeps the number that it reckons for the flag, and hands it to the sensor one step later.
            named("sensors of kinetic energy beside the flag energy", &|s| {
                kept && s.kind == Ok(mjtSensor::mjSENS_E_KINETIC)
            }),
            named("sensors of plugins", &|s| !by_steps && s.kind == Ok(mjtSensor::mjSENS_PLUGIN)),
            named("sensors of a type that is not known", &|s| s.kind.is_err()),
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
