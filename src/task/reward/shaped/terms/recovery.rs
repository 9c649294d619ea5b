//! Getting up and standing: which way is up, and how high.

use serde::{Deserialize, Serialize};

use super::super::super::offset::norm;
use super::{Now, Resolve, Term, TermKind, boxed, positive};
use crate::physics::SiteId;

/// What tells which way is up.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Up {
    /// A sensor of the body's z axis in the world.
    Sensor(String),
    /// The direction of gravity in the frame of a site.
    Gravity(String),
}

/// How height counts, with h the height and z where it should be.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum HeightForm {
    /// exp(min(h, z)) - 1.
    Grown,
    /// exp(min(h, z) - z).
    Missing,
    /// 1 - (z - h) / z, within [0, 1].
    Share,
}

/// Squared distance from up, and what is missing of a height (m, or its share), below which a body is there.
const UPRIGHT: f64 = 0.01;
const HIGH: f64 = 0.005;

pub(super) fn resolve(kind: &TermKind, with: &Resolve<'_, '_>) -> Option<Result<Box<dyn Term>, String>> {
    Some(match kind {
        TermKind::Level { up } => Direction::new(up, with).map(|up| boxed(Level(up))),
        TermKind::Height { site, height, form } => Height::new(site, *height, *form, with).map(boxed),
        TermKind::UprightPose { up } => Direction::new(up, with).map(|up| boxed(UprightPose(up))),
        TermKind::UprightIdle { up, site, height, form } => Direction::new(up, with)
            .and_then(|up| Ok(boxed(UprightIdle { up, height: Height::new(site, *height, *form, with)? }))),
        TermKind::Heading { site, toward } => {
            with.draft.site(site).map(|site| boxed(Heading { site, toward: *toward }))
        }
        _ => return None,
    })
}

#[derive(Debug)]
enum Direction {
    Sensor(usize),
    Gravity(SiteId),
}

impl Direction {
    fn new(up: &Up, with: &Resolve<'_, '_>) -> Result<Self, String> {
        Ok(match up {
            Up::Sensor(name) => Self::Sensor(with.draft.sensor(name, 3)?),
            Up::Gravity(site) => Self::Gravity(with.draft.site(site)?),
        })
    }

    /// The squared distance from where it should be.
    fn error(&self, now: &Now<'_>) -> f64 {
        let [x, y, z] = match self {
            Self::Sensor(i) => std::array::from_fn(|k| now.sensors()[i + k]),
            Self::Gravity(site) => {
                let mat = now.taken.sim.site_mat(*site);
                std::array::from_fn(|k| mat[6 + k])
            }
        };
        x * x + y * y + (1.0 - z) * (1.0 - z)
    }

    fn is_upright(&self, now: &Now<'_>) -> bool {
        self.error(now) < UPRIGHT
    }
}

#[derive(Debug)]
struct Level(Direction);

impl Term for Level {
    fn of(&self, now: &Now<'_>) -> f64 {
        libm::exp(-2.0 * self.0.error(now))
    }
}

#[derive(Debug)]
struct Height {
    site: Option<SiteId>,
    z: f64,
    form: HeightForm,
}

impl Height {
    fn new(site: &Option<String>, height: f64, form: HeightForm, with: &Resolve<'_, '_>) -> Result<Self, String> {
        let site = site.as_ref().map(|name| with.draft.site(name)).transpose()?;
        if site.is_none() && with.draft.model().nq() < 3 {
            return Err("the model has no root with a height; name a site".to_owned());
        }
        Ok(Self { site, z: positive("height", height)?, form })
    }

    fn of(&self, now: &Now<'_>) -> f64 {
        let sim = now.taken.sim;
        self.site.map_or_else(|| sim.qpos()[2], |site| sim.site_pos(site)[2])
    }

    /// What is missing, m, or its share.
    fn missing(&self, now: &Now<'_>) -> f64 {
        let h = self.of(now);
        match self.form {
            HeightForm::Share => ((self.z - h) / self.z).clamp(0.0, 1.0),
            HeightForm::Grown | HeightForm::Missing => self.z - h.min(self.z),
        }
    }
}

impl Term for Height {
    fn of(&self, now: &Now<'_>) -> f64 {
        match self.form {
            HeightForm::Grown => libm::exp(self.of(now).min(self.z)) - 1.0,
            HeightForm::Missing => libm::exp(-self.missing(now)),
            HeightForm::Share => 1.0 - self.missing(now),
        }
    }
}

#[derive(Debug)]
struct UprightPose(Direction);

impl Term for UprightPose {
    fn of(&self, now: &Now<'_>) -> f64 {
        if !self.0.is_upright(now) {
            return 0.0;
        }
        libm::exp(-0.5 * now.joints.offsets(now.taken.sim).map(|x| x * x).sum::<f64>())
    }
}

#[derive(Debug)]
struct UprightIdle {
    up: Direction,
    height: Height,
}

impl Term for UprightIdle {
    fn of(&self, now: &Now<'_>) -> f64 {
        if !(self.up.is_upright(now) && self.height.missing(now) < HIGH) {
            return 0.0;
        }
        let size = norm(now.taken.action);
        libm::exp(-0.5 * size * size)
    }
}

#[derive(Debug)]
struct Heading {
    site: SiteId,
    toward: [f64; 3],
}

impl Term for Heading {
    fn of(&self, now: &Now<'_>) -> f64 {
        let mat = now.taken.sim.site_mat(self.site);
        let cos: f64 = (0..3).map(|i| mat[3 * i] * self.toward[i]).sum();
        let half = 0.5 * cos + 0.5;
        half * half
    }
}
