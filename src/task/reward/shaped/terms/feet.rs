//! What feet do.

use super::super::super::offset::norm;
use super::super::gait;
use super::{Now, Resolve, Term, TermKind, boxed, positive};
use crate::physics::SiteId;

pub(super) fn resolve(kind: &TermKind, with: &Resolve<'_, '_>) -> Option<Result<Box<dyn Term>, String>> {
    let footed = |term| with.footed().and(Ok(term));
    Some(match kind {
        TermKind::Slip { above } => footed(boxed(Slip { above: *above })),
        TermKind::BodySlip { sensor } => with.draft.sensor(sensor, 3).map(|i| boxed(BodySlip(i))),
        TermKind::Clearance { height } => footed(boxed(Clearance(*height))),
        TermKind::Swing { height, above } => {
            positive("height", *height).map(|height| boxed(Swing { height, above: *above }))
        }
        TermKind::AirTime { least, most, above, planar } => {
            footed(boxed(AirTime { least: *least, most: *most, above: *above, planar: *planar }))
        }
        TermKind::Phase { height, width, moving } => phase(*height, *width, moving, with),
        TermKind::Apart { site } => apart(site, with),
        TermKind::Touch { sensors } => with.sensors(sensors, 1).map(|all| boxed(Touch(all))),
        TermKind::Force { sensors, above } => {
            with.sensors(sensors, 3).map(|all| boxed(Force { sensors: all, above: *above }))
        }
        _ => return None,
    })
}

#[derive(Debug)]
struct Slip {
    above: Option<f64>,
}

impl Term for Slip {
    fn of(&self, now: &Now<'_>) -> f64 {
        if !now.is_commanded(self.above) {
            return 0.0;
        }
        let all = now.feet.iter().zip(&now.memory.feet).filter(|(_, known)| known.touches);
        all.map(|(foot, _)| foot.speed2(now.taken.sim)).sum()
    }
}

#[derive(Debug)]
struct BodySlip(usize);

impl Term for BodySlip {
    fn of(&self, now: &Now<'_>) -> f64 {
        let speed = norm(&now.sensors()[self.0..self.0 + 2]);
        now.memory.feet.iter().filter(|known| known.touches).map(|_| speed).sum()
    }
}

#[derive(Debug)]
struct Clearance(f64);

impl Term for Clearance {
    fn of(&self, now: &Now<'_>) -> f64 {
        let sim = now.taken.sim;
        now.feet.iter().map(|foot| (foot.height(sim) - self.0).abs() * foot.speed2(sim).sqrt().sqrt()).sum()
    }
}

#[derive(Debug)]
struct Swing {
    height: f64,
    above: f64,
}

impl Term for Swing {
    fn of(&self, now: &Now<'_>) -> f64 {
        if !now.is_commanded(Some(self.above)) {
            return 0.0;
        }
        let error = |peak: f64| peak / self.height - 1.0;
        now.memory.feet.iter().filter(|known| known.lands).map(|known| error(known.peak) * error(known.peak)).sum()
    }
}

#[derive(Debug)]
struct AirTime {
    least: f64,
    most: Option<f64>,
    above: Option<f64>,
    planar: bool,
}

impl Term for AirTime {
    fn of(&self, now: &Now<'_>) -> f64 {
        let c = now.command();
        let speed = if self.planar { norm(&c[..2]) } else { norm(&c) };
        if self.above.is_some_and(|above| speed <= above) {
            return 0.0;
        }
        let worth = |air: f64| (air - self.least).min(self.most.unwrap_or(f64::INFINITY));
        now.memory.feet.iter().filter(|known| known.lands).map(|known| worth(known.air)).sum()
    }
}

/// Speeds from which on the body moves, m/s and rad/s, and the command that is none.
const MOVING: f64 = 0.1;
const NO_COMMAND: f64 = 0.01;

#[derive(Debug)]
struct Phase {
    height: Option<f64>,
    width: f64,
    moving: Option<[usize; 2]>,
}

fn phase(
    height: Option<f64>,
    width: f64,
    moving: &Option<[String; 2]>,
    with: &Resolve<'_, '_>,
) -> Result<Box<dyn Term>, String> {
    with.footed()?;
    let Some(gait) = &with.spec.gait else { return Err("there is no gait".to_owned()) };
    if height.is_none() && gait.height.is_none() {
        return Err("the gait has no height, so the term needs one".to_owned());
    }
    let sensor = |name: &String| with.draft.sensor(name, 3);
    let moving = moving.as_ref().map(|[v, w]| Ok::<_, String>([sensor(v)?, sensor(w)?])).transpose()?;
    Ok(boxed(Phase { height, width: positive("width", width)?, moving }))
}

impl Term for Phase {
    fn of(&self, now: &Now<'_>) -> f64 {
        if let Some([v, w]) = self.moving {
            let s = now.sensors();
            let moves = norm(&s[v..v + 2]) > MOVING || s[w + 2].abs() > MOVING;
            if !(moves || norm(&now.command()) > NO_COMMAND) {
                return 0.0;
            }
        }
        let swing = self.height.unwrap_or(now.memory.gait.height);
        let all = now.feet.iter().zip(&now.memory.gait.phase);
        let error: f64 = all
            .map(|(foot, phase)| {
                let x = foot.height(now.taken.sim) - gait::height(*phase, swing);
                x * x
            })
            .sum();
        libm::exp(-error / self.width)
    }
}

/// How far feet should be apart, and what counts at most, m.
const APART: f64 = 0.2;
const MOST: f64 = 0.1;

#[derive(Debug)]
struct Apart(SiteId);

fn apart(site: &str, with: &Resolve<'_, '_>) -> Result<Box<dyn Term>, String> {
    if with.feet != 2 {
        return Err(format!("needs two feet, not {}", with.feet));
    }
    Ok(boxed(Apart(with.draft.site(site)?)))
}

impl Term for Apart {
    fn of(&self, now: &Now<'_>) -> f64 {
        let sim = now.taken.sim;
        let [left, right] = [0, 1].map(|i| now.feet[i].pos(sim));
        let frame = sim.site_mat(self.0);
        let yaw = libm::atan2(frame[3], frame[0]);
        let across = libm::cos(yaw) * (left[1] - right[1]) - libm::sin(yaw) * (left[0] - right[0]);
        (APART - across.abs()).clamp(0.0, MOST)
    }
}

#[derive(Debug)]
struct Touch(Vec<usize>);

impl Term for Touch {
    fn of(&self, now: &Now<'_>) -> f64 {
        f64::from(self.0.iter().any(|i| now.sensors()[*i] > 0.0))
    }
}

#[derive(Debug)]
struct Force {
    sensors: Vec<usize>,
    above: f64,
}

impl Term for Force {
    fn of(&self, now: &Now<'_>) -> f64 {
        self.sensors.iter().map(|i| (now.sensors()[i + 2].abs() - self.above).max(0.0)).sum()
    }
}
