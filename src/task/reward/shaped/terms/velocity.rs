//! Velocities: those that a command asks for, and those that should not be.

use super::{Now, Resolve, Term, TermKind, boxed, positive};

pub(super) fn resolve(kind: &TermKind, with: &Resolve<'_, '_>) -> Option<Result<Box<dyn Term>, String>> {
    Some(match kind {
        TermKind::Track { linear, angular, turn, sigma } => track(linear, angular, *turn, *sigma, with),
        TermKind::Squares { sensor, entries, target, gaits_from } => {
            squares(sensor, entries, target, *gaits_from, with)
        }
        TermKind::Along { sensor, entry } => entry_of(sensor, *entry, with).map(|i| boxed(Along(i))),
        _ => return None,
    })
}

#[derive(Debug)]
struct Track {
    linear: Option<usize>,
    angular: Option<usize>,
    turn: f64,
    sigma: f64,
}

fn track(
    linear: &Option<String>,
    angular: &Option<String>,
    turn: f64,
    sigma: f64,
    with: &Resolve<'_, '_>,
) -> Result<Box<dyn Term>, String> {
    with.commanded()?;
    let sensor = |name: &Option<String>| name.as_ref().map(|n| with.draft.sensor(n, 3)).transpose();
    let sigma = positive("sigma", sigma)?;
    Ok(boxed(Track { linear: sensor(linear)?, angular: sensor(angular)?, turn, sigma }))
}

impl Term for Track {
    fn of(&self, now: &Now<'_>) -> f64 {
        let (s, c) = (now.sensors(), now.command());
        let near = |error: f64| libm::exp(-error / self.sigma);
        let square = |x: f64| x * x;
        let linear = self.linear.map_or(0.0, |v| near(square(c[0] - s[v]) + square(c[1] - s[v + 1])));
        let angular = self.angular.map_or(0.0, |w| near(square(c[2] - s[w + 2])));
        linear + self.turn * angular
    }
}

#[derive(Debug)]
struct Squares {
    /// Entries of sensordata, and what they should be.
    entries: Vec<(usize, f64)>,
    gaits_from: usize,
}

fn squares(
    sensor: &str,
    entries: &[usize],
    target: &[f64],
    gaits_from: usize,
    with: &Resolve<'_, '_>,
) -> Result<Box<dyn Term>, String> {
    if !(target.is_empty() || target.len() == entries.len() && target.iter().all(|x| x.is_finite())) {
        return Err("needs a target for every entry, or none".to_owned());
    }
    if gaits_from > 0 && with.spec.gait.is_none() {
        return Err("there is no gait".to_owned());
    }
    let targets = target.iter().copied().chain(std::iter::repeat(0.0));
    let entries = entries.iter().zip(targets).map(|(entry, target)| Ok((entry_of(sensor, *entry, with)?, target)));
    Ok(boxed(Squares { entries: entries.collect::<Result<_, String>>()?, gaits_from }))
}

impl Term for Squares {
    fn of(&self, now: &Now<'_>) -> f64 {
        if now.memory.gait.kind < self.gaits_from {
            return 0.0;
        }
        let s = now.sensors();
        self.entries.iter().map(|(i, target)| (s[*i] - target) * (s[*i] - target)).sum()
    }
}

#[derive(Debug)]
struct Along(usize);

impl Term for Along {
    fn of(&self, now: &Now<'_>) -> f64 {
        now.sensors()[self.0]
    }
}

/// An entry of a sensor in sensordata.
fn entry_of(sensor: &str, entry: usize, with: &Resolve<'_, '_>) -> Result<usize, String> {
    let range = with.draft.sensor_range(sensor)?;
    if entry < range.len() {
        Ok(range.start + entry)
    } else {
        Err(format!("the sensor \"{sensor}\" has {} values, not {}", range.len(), entry + 1))
    }
}
