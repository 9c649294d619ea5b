//! When an episode is over.

use super::spec::DoneSpec;
use super::{Bounds, Limits, Misfit, distance_to_mocap, resolve};
use crate::physics::{BodyId, Model, Sim, SiteId};

/// One condition and what it remembers.
#[derive(Debug, Clone)]
pub(super) struct Done {
    check: Check,
    /// Of [`Check::Dropped`]: whether the height was reached.
    reached: bool,
}

#[derive(Debug, Clone)]
enum Check {
    Sensors {
        values: Vec<(String, usize)>,
        bounds: Between,
    },
    /// Positions, or velocities: their first one, and a label and bounds for each.
    Coordinates {
        velocities: bool,
        first: usize,
        bounds: Vec<(String, Between)>,
    },
    Position {
        name: String,
        place: Place,
        axes: Vec<usize>,
        bounds: Between,
    },
    Still(f64),
    Dropped {
        name: String,
        body: BodyId,
        reached: f64,
        below: f64,
    },
    Reached {
        name: String,
        body: BodyId,
        mocap: usize,
        distance: f64,
    },
}

#[derive(Debug, Clone)]
enum Place {
    Body(BodyId),
    Site(SiteId),
}

/// Bounds, which are left beyond them or, if `touching`, at them.
#[derive(Debug, Clone)]
struct Between {
    below: f64,
    above: f64,
    touching: bool,
}

impl Between {
    fn new(below: Option<f64>, above: Option<f64>, touching: bool) -> Result<Self, Misfit> {
        if below.is_none() && above.is_none() {
            return Err("needs below, above or both".to_owned().into());
        }
        Ok(Self { below: below.unwrap_or(f64::NEG_INFINITY), above: above.unwrap_or(f64::INFINITY), touching })
    }

    /// What is wrong with `x`.
    fn left(&self, name: &str, x: f64) -> Option<String> {
        let at = |bound: f64| self.touching && x == bound;
        if x < self.below || at(self.below) {
            Some(format!("{name} below {}", self.below))
        } else if x > self.above || at(self.above) {
            Some(format!("{name} above {}", self.above))
        } else {
            None
        }
    }
}

impl Done {
    pub(super) fn new(spec: &DoneSpec, model: &Model) -> Result<Self, Misfit> {
        let check = match spec {
            DoneSpec::Sensor { sensors, entry, below, above } => {
                let values = sensors
                    .iter()
                    .map(|name| {
                        let at = model.sensor(name)?;
                        let label = if at.len() == 1 { name.clone() } else { format!("{name}[{entry}]") };
                        match at.start + entry {
                            i if at.contains(&i) => Ok((label, i)),
                            _ => Err(Misfit(format!("the sensor {name} has {} values, not {}", at.len(), entry + 1))),
                        }
                    })
                    .collect::<Result<_, _>>()?;
                Check::Sensors { values, bounds: Between::new(*below, *above, false)? }
            }
            DoneSpec::Qpos { range, bounds, touching } => coordinates(model, false, *range, bounds, *touching)?,
            DoneSpec::Qvel { range, bounds, touching } => coordinates(model, true, *range, bounds, *touching)?,
            DoneSpec::Position { body, site, axes, below, above, touching } => {
                let (name, place) = match (body, site) {
                    (Some(name), None) => (name, Place::Body(model.body(name)?)),
                    (None, Some(name)) => (name, Place::Site(model.site(name)?)),
                    _ => return Err("needs a body or a site".to_owned().into()),
                };
                if axes.iter().any(|a| *a > 2) {
                    return Err("axes are 0, 1 and 2".to_owned().into());
                }
                let bounds = Between::new(*below, *above, *touching)?;
                Check::Position { name: name.clone(), place, axes: axes.clone(), bounds }
            }
            DoneSpec::Still { below } => Check::Still(*below),
            DoneSpec::Dropped { body, reached, below } => {
                Check::Dropped { name: body.clone(), body: model.body(body)?, reached: *reached, below: *below }
            }
            DoneSpec::Reached { body, target, distance } => {
                let mocap = model.mocap(model.body(target)?).ok_or_else(|| format!("{target} is no mocap body"))?;
                Check::Reached { name: body.clone(), body: model.body(body)?, mocap, distance: *distance }
            }
        };
        Ok(Self { check, reached: false })
    }

    pub(super) fn begin(&mut self) {
        self.reached = false;
    }

    /// Why the episode is over, if it is.
    pub(super) fn reason(&mut self, sim: &Sim) -> Option<String> {
        match &self.check {
            Check::Sensors { values, bounds } => {
                values.iter().find_map(|(name, i)| bounds.left(&format!("sensor {name}"), sim.sensordata()[*i]))
            }
            Check::Coordinates { velocities, first, bounds } => {
                let values = if *velocities { sim.qvel() } else { sim.qpos() };
                bounds.iter().zip(&values[*first..]).find_map(|((label, bounds), x)| bounds.left(label, *x))
            }
            Check::Position { name, place, axes, bounds } => {
                let pos = match place {
                    Place::Body(body) => sim.body_pos(*body),
                    Place::Site(site) => sim.site_pos(*site),
                };
                axes.iter().find_map(|a| bounds.left(&format!("{name} {}", ["x", "y", "z"][*a]), pos[*a]))
            }
            Check::Still(below) => {
                let squares = sim.qpos().iter().chain(sim.qvel()).map(|x| x * x).sum::<f64>();
                (squares.sqrt() < *below).then(|| "it is still".to_owned())
            }
            Check::Dropped { name, body, reached, below } => {
                let z = sim.body_pos(*body)[2];
                // In Playground's order: a height counts from the step that reaches it.
                self.reached |= z > *reached;
                (self.reached && z < *below).then(|| format!("{name} dropped"))
            }
            Check::Reached { name, body, mocap, distance } => {
                let d = distance_to_mocap(sim, sim.body_pos(*body), *mocap);
                (d < *distance).then(|| format!("{name} at its target"))
            }
        }
    }
}

/// Bounds of the positions or the velocities `[first, end)`.
fn coordinates(
    model: &Model,
    velocities: bool,
    [first, end]: [usize; 2],
    bounds: &Bounds,
    touching: bool,
) -> Result<Check, Misfit> {
    let (word, names) = if velocities { ("qvel", &model.names().dof) } else { ("qpos", &model.names().qpos) };
    if first >= end || end > names.len() {
        return Err(format!("{word} [{first}, {end}] does not lie in {}", names.len()).into());
    }
    let Limits { low, high } = resolve(bounds, model, end - first, "bounds")?;
    let limits = low.into_iter().zip(high).map(|(below, above)| Between { below, above, touching });
    let bounds = names[first..end].iter().map(|name| format!("{word} {name}")).zip(limits).collect();
    Ok(Check::Coordinates { velocities, first, bounds })
}
