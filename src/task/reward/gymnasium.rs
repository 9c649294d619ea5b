//! Rewards and observations of Gymnasium's MuJoCo environments (version 5), as data: a sum of weighted terms, and a list of what is
//! observed.
//!
//! ```text
//! r = sum of the terms; "forward" is w (x - x before) / dt, "control" -w |a|^2, "alive" v unless the step ends the episode, ...
//! ```
//!
//! What MuJoCo derives is, as in Gymnasium, that of the last physics step's own forward pass, not of the state that it ends in.

use serde::{Deserialize, Serialize};

use super::observation::{DerivedArray, Entry, Known};
use super::offset::{Offset, Place, norm};
use super::{Draft, Memory, ObservedPart, Reward, Taken};
use crate::physics::{Model, Sim};

/// The reward and the observation of an environment.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct GymnasiumSpec {
    /// What is added up.
    terms: Vec<Term>,
    /// What is observed, in this order.
    observe: Vec<Seen>,
}

/// A term of the reward.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(tag = "term", rename_all = "snake_case", deny_unknown_fields)]
enum Term {
    /// Speed along x, m/s, over the control step.
    Forward {
        /// Of what.
        of: Moving,
        /// What 1 m/s is worth.
        weight: f64,
    },
    /// A constant, unless the control step ends the episode.
    Alive {
        /// It.
        value: f64,
    },
    /// A constant.
    Constant {
        /// It.
        value: f64,
    },
    /// The squares of all entries of the action, as a cost.
    Control {
        /// What 1 costs.
        weight: f64,
    },
    /// The squares of all forces (N) and torques (N m) on bodies from outside, as a cost.
    Contact {
        /// What 1 costs.
        weight: f64,
        /// Each is cut to [-each, each] before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        each: Option<f64>,
        /// The most that they cost altogether.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<f64>,
    },
    /// The distance of two bodies, m, as a cost.
    Distance {
        /// The one.
        from: String,
        /// The other.
        to: String,
        /// What 1 m costs.
        weight: f64,
    },
    /// A position over the physics time step, m/s.
    Height {
        /// Its number.
        qpos: usize,
    },
    /// Squared distances of coordinates of a site from a place, m^2, as a cost.
    Place {
        /// The site.
        site: String,
        /// The coordinates: 0, 1, 2 for x, y, z.
        axes: Vec<usize>,
        /// Where it is to be, m.
        at: Vec<f64>,
        /// What 1 m^2 costs.
        weights: Vec<f64>,
    },
    /// Squares of velocities, as a cost.
    Speed {
        /// Their numbers.
        qvel: Vec<usize>,
        /// What 1 costs.
        weights: Vec<f64>,
    },
}

/// What moves forward.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Moving {
    /// A position of this number.
    Qpos(usize),
    /// The frame of a body.
    Body(String),
    /// The centre of mass of all bodies, the world's own included.
    Mass,
}

/// A part of the observation.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Seen {
    what: What,
    /// Each number is cut to [-clip, clip].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clip: Option<f64>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum What {
    /// As `--observe` takes it.
    Part(ObservedPart),
    /// Sines of the positions `[first, end)`.
    Sin([usize; 2]),
    /// Their cosines.
    Cos([usize; 2]),
    /// Inertias of all bodies but the world.
    Cinert,
    /// Velocities of all bodies but the world.
    Cvel,
    /// Forces on all bodies but the world from outside; 0 before the first step.
    CfrcExt,
    /// Actuator forces of the dofs from this one on.
    QfrcActuator(usize),
    /// Constraint forces of the dofs `[first, end)`.
    QfrcConstraint([usize; 2]),
    /// The place of a body, m.
    Body(String),
    /// The first `n` coordinates of the way to a body from another, m.
    Way { to: String, from: String, n: usize },
}

/// A reward with all names resolved.
#[derive(Debug)]
pub(super) struct Gymnasium {
    terms: Vec<Formula>,
    names: Vec<String>,
    /// Whether forces from outside are needed.
    forces: bool,
    control_dt: f64,
}

#[derive(Debug)]
enum Formula {
    Forward { of: Source, weight: f64 },
    Alive(f64),
    Constant(f64),
    Control(f64),
    Contact { weight: f64, each: f64, most: f64 },
    Distance { way: Offset, weight: f64 },
    Height { qpos: usize, timestep: f64 },
    Place { place: Place, parts: Vec<(usize, f64, f64)> },
    Speed(Vec<(usize, f64)>),
}

#[derive(Debug)]
enum Source {
    Qpos(usize),
    Body(Place),
    /// Shares of the bodies.
    Mass(Vec<f64>),
}

impl Source {
    /// Its x, m.
    fn x(&self, sim: &Sim) -> f64 {
        match self {
            Self::Qpos(i) => sim.qpos()[*i],
            Self::Body(place) => place.pos(sim)[0],
            Self::Mass(masses) => {
                let sum: f64 = masses.iter().zip(sim.xipos().chunks_exact(3)).map(|(m, at)| m * at[0]).sum();
                sum / masses.iter().sum::<f64>()
            }
        }
    }
}

impl Gymnasium {
    pub(super) fn new(spec: &GymnasiumSpec, draft: &mut Draft<'_>, control_dt: f64) -> Result<Self, String> {
        let terms = spec.terms.iter().map(|t| t.resolve(draft)).collect::<Result<Vec<_>, _>>()?;
        for seen in &spec.observe {
            seen.add(draft)?;
        }
        let contact = |t: &Term| matches!(t, Term::Contact { .. });
        let forces = spec.terms.iter().any(contact) || spec.observe.iter().any(|s| s.what == What::CfrcExt);
        if forces && draft.model().equalities().len() > 0 {
            return Err("forces on bodies are those of contacts, and the model has equality constraints".to_owned());
        }
        let names = spec.terms.iter().map(|t| t.word().to_owned()).collect();
        Ok(Self { terms, names, forces, control_dt })
    }

    fn progress(&self, sim: &Sim) -> Option<f64> {
        self.terms.iter().find_map(|t| match t {
            Formula::Forward { of, .. } => Some(of.x(sim)),
            _ => None,
        })
    }
}

impl Term {
    fn word(&self) -> &'static str {
        match self {
            Self::Forward { .. } => "forward",
            Self::Alive { .. } => "alive",
            Self::Constant { .. } => "constant",
            Self::Control { .. } => "control",
            Self::Contact { .. } => "contact",
            Self::Distance { .. } => "distance",
            Self::Height { .. } => "height",
            Self::Place { .. } => "place",
            Self::Speed { .. } => "speed",
        }
    }

    fn resolve(&self, draft: &Draft<'_>) -> Result<Formula, String> {
        let model: &Model = draft.model();
        let within = |i: usize, n: usize, what: &str| {
            if i < n { Ok(i) } else { Err(format!("{what} {i} of a model that has {n}")) }
        };
        let finite = |x: f64, what: &str| if x.is_finite() { Ok(x) } else { Err(format!("{what} is {x}")) };
        let same = |a: usize, b: usize| {
            if a == b { Ok(()) } else { Err(format!("{}: {a} entries and {b} weights", self.word())) }
        };
        Ok(match self {
            Self::Forward { of, weight } => {
                let of = match of {
                    Moving::Qpos(i) => Source::Qpos(within(*i, model.nq(), "qpos")?),
                    Moving::Body(name) => Source::Body(Place::Body(draft.body(name)?)),
                    Moving::Mass => Source::Mass(model.bodies().map(|b| b.mass).collect()),
                };
                Formula::Forward { of, weight: finite(*weight, "a weight")? }
            }
            Self::Alive { value } => Formula::Alive(finite(*value, "a value")?),
            Self::Constant { value } => Formula::Constant(finite(*value, "a value")?),
            Self::Control { weight } => Formula::Control(finite(*weight, "a weight")?),
            Self::Contact { weight, each, most } => Formula::Contact {
                weight: finite(*weight, "a weight")?,
                each: each.unwrap_or(f64::INFINITY),
                most: most.unwrap_or(f64::INFINITY),
            },
            Self::Distance { from, to, weight } => {
                let place = |name: &String| Ok::<_, String>(Place::Body(draft.body(name)?));
                let way = Offset { from: place(from)?, to: place(to)?, frame: None };
                Formula::Distance { way, weight: finite(*weight, "a weight")? }
            }
            Self::Height { qpos } => {
                Formula::Height { qpos: within(*qpos, model.nq(), "qpos")?, timestep: model.timestep() }
            }
            Self::Place { site, axes, at, weights } => {
                same(axes.len(), weights.len()).and(same(at.len(), weights.len()))?;
                let parts = axes.iter().zip(at).zip(weights).map(|((axis, at), weight)| {
                    Ok((within(*axis, 3, "axis")?, finite(*at, "a place")?, finite(*weight, "a weight")?))
                });
                let parts = parts.collect::<Result<_, String>>()?;
                Formula::Place { place: Place::Site(draft.site(site)?), parts }
            }
            Self::Speed { qvel, weights } => {
                same(qvel.len(), weights.len())?;
                let part = |(i, weight): (&usize, &f64)| {
                    Ok::<_, String>((within(*i, model.nv(), "qvel")?, finite(*weight, "a weight")?))
                };
                Formula::Speed(qvel.iter().zip(weights).map(part).collect::<Result<_, _>>()?)
            }
        })
    }
}

impl Formula {
    fn of(&self, taken: &Taken<'_>, memory: &Memory, control_dt: f64) -> f64 {
        let sim = taken.sim;
        match self {
            Self::Forward { of, weight } => weight * ((of.x(sim) - memory.before) / control_dt),
            Self::Alive(value) => {
                if taken.over {
                    0.0
                } else {
                    *value
                }
            }
            Self::Constant(value) => *value,
            Self::Control(weight) => -weight * taken.action.iter().map(|a| a * a).sum::<f64>(),
            Self::Contact { weight, each, most } => {
                let cut = memory.forces.iter().flatten().map(|f| f.clamp(-each, *each));
                -(weight * cut.map(|f| f * f).sum::<f64>()).min(*most)
            }
            Self::Distance { way, weight } => -weight * norm(&way.of(sim)),
            Self::Height { qpos, timestep } => sim.qpos()[*qpos] / timestep,
            Self::Place { place, parts } => {
                let at = place.pos(sim);
                -parts.iter().map(|(axis, to, weight)| weight * (at[*axis] - to).powi(2)).sum::<f64>()
            }
            Self::Speed(parts) => -parts.iter().map(|(i, weight)| weight * sim.qvel()[*i].powi(2)).sum::<f64>(),
        }
    }
}

impl Seen {
    fn add(&self, draft: &mut Draft<'_>) -> Result<(), String> {
        match self.clip {
            None => self.what.add(draft),
            Some(clip) if clip.is_finite() && clip > 0.0 => draft.bounded(clip, |draft| self.what.add(draft)),
            Some(clip) => Err(format!("clip is {clip}; give a number above 0, or leave it out")),
        }
    }
}

impl What {
    fn add(&self, draft: &mut Draft<'_>) -> Result<(), String> {
        let model = draft.model();
        let (nq, nv) = (model.nq(), model.nv());
        let inside = |[first, end]: [usize; 2], n: usize, what: &str| {
            if first < end && end <= n { Ok(first..end) } else { Err(format!("{what} [{first}, {end}] of {n}")) }
        };
        match self {
            Self::Part(part) => part.add(draft)?,
            Self::Sin(range) | Self::Cos(range) => {
                let sine = matches!(self, Self::Sin(_));
                for i in inside(*range, nq, "qpos")? {
                    let (word, entry) = if sine { ("sin", Entry::QposSin(i)) } else { ("cos", Entry::QposCos(i)) };
                    draft.push(format!("{word} qpos:{}", model.names().qpos[i]), entry);
                }
            }
            Self::Cinert => per_body(draft, "cinert", 10, |i| Entry::Derived(DerivedArray::Cinert, i)),
            Self::Cvel => per_body(draft, "cvel", 6, |i| Entry::Derived(DerivedArray::Cvel, i)),
            Self::CfrcExt => per_body(draft, "cfrc_ext", 6, |i| Entry::Known(Known::Force(i))),
            Self::QfrcActuator(first) => {
                for i in inside([*first, nv], nv, "qfrc_actuator")? {
                    let label = format!("qfrc_actuator:{}", model.names().dof[i]);
                    draft.push(label, Entry::Derived(DerivedArray::QfrcActuator, i));
                }
            }
            Self::QfrcConstraint(range) => {
                for i in inside(*range, nv, "qfrc_constraint")? {
                    let label = format!("qfrc_constraint:{}", model.names().dof[i]);
                    draft.push(label, Entry::Derived(DerivedArray::QfrcConstraint, i));
                }
            }
            Self::Body(name) => draft.place(name, Place::Body(draft.body(name)?)),
            Self::Way { to, from, n } => {
                let place = |name: &String| Ok::<_, String>(Place::Body(draft.body(name)?));
                let way = Offset { from: place(from)?, to: place(to)?, frame: None };
                draft.offset(&format!("{from} to {to}"), way, inside([0, *n], 3, "coordinates")?.end);
            }
        }
        Ok(())
    }
}

/// Rows of an array with `width` numbers for each body but the world.
fn per_body(draft: &mut Draft<'_>, array: &str, width: usize, entry: impl Fn(usize) -> Entry) {
    let names = draft.model().body_names();
    for (body, name) in names.iter().enumerate().skip(1) {
        for k in 0..width {
            draft.push(format!("{array}:{name}[{k}]"), entry(width * body + k));
        }
    }
}

impl Reward for Gymnasium {
    fn score(&self, taken: &Taken<'_>, memory: &mut Memory) -> f64 {
        if self.forces {
            memory.forces = taken.sim.external_forces();
        }
        let terms: Vec<f64> = self.terms.iter().map(|t| t.of(taken, memory, self.control_dt)).collect();
        let sum = terms.iter().sum();
        memory.terms = terms;
        sum
    }

    fn remembers(&self) -> bool {
        self.forces || self.terms.iter().any(|t| matches!(t, Formula::Forward { .. } | Formula::Alive(_)))
    }

    fn terms(&self) -> &[String] {
        &self.names
    }

    fn begin(&self, sim: &Sim, memory: &mut Memory) {
        memory.before = self.progress(sim).unwrap_or(0.0);
    }

    fn conclude(&self, taken: &Taken<'_>, memory: &mut Memory) {
        memory.before = self.progress(taken.sim).unwrap_or(0.0);
    }
}
