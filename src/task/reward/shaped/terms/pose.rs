//! How far joints are from the default pose, and from their limits.

use serde::{Deserialize, Serialize};

use super::super::super::offset::norm;
use super::{Now, Resolve, Term, TermKind, boxed};

/// When a deviation from the pose counts.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Default)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum When {
    /// Always.
    #[default]
    Always,
    /// Where |c| is below this.
    Still(f64),
    /// Where the sideward command is above this, to either side, m/s.
    Sideways(f64),
    /// Where the sideward share of the commanded direction is below this.
    Ahead(f64),
}

impl When {
    pub(super) fn is_always(&self) -> bool {
        *self == Self::Always
    }

    fn holds(self, c: [f64; 3]) -> bool {
        match self {
            Self::Always => true,
            Self::Still(below) => norm(&c) < below,
            Self::Sideways(above) => c[1].abs() > above,
            // Without a direction it is NaN, which is below nothing.
            Self::Ahead(below) => c[1] / norm(&c[..2]) < below,
        }
    }
}

/// A sideward command from which on hips are freer, m/s: those of Apollo and of G1.
const LATERAL: f64 = 0.3;
const LEFT: f64 = 0.1;
/// What a free hip of Apollo weighs.
const FREE: f64 = 0.01;
/// A command below this is none.
const NO_COMMAND: f64 = 0.01;

pub(super) fn resolve(kind: &TermKind, with: &Resolve<'_, '_>) -> Option<Result<Box<dyn Term>, String>> {
    Some(match kind {
        TermKind::Pose { joints, weights, lateral } => pose(joints, weights, lateral, with),
        TermKind::NearPose { weights, rate, still } => near(weights, *rate, *still, with),
        TermKind::Deviation { joints, when, times } => deviation(joints, *when, *times, with),
        TermKind::Limits { factor, about_middle } => limits(*factor, *about_middle, with),
        _ => return None,
    })
}

fn within(numbers: &[usize], n: usize) -> Result<Vec<usize>, String> {
    match numbers.iter().find(|i| **i >= n) {
        Some(i) => Err(format!("there is no number {i} among {n} joints")),
        None => Ok(numbers.to_vec()),
    }
}

#[derive(Debug)]
struct Pose {
    joints: Vec<usize>,
    weights: Vec<f64>,
    lateral: Vec<usize>,
}

fn pose(joints: &[usize], weights: &[f64], lateral: &[usize], with: &Resolve<'_, '_>) -> Result<Box<dyn Term>, String> {
    let joints = with.joints(joints)?;
    let weights = with.weights(weights, joints.len())?;
    let lateral = within(lateral, joints.len())?;
    if !lateral.is_empty() {
        with.commanded()?;
    }
    Ok(boxed(Pose { joints, weights, lateral }))
}

impl Term for Pose {
    fn of(&self, now: &Now<'_>) -> f64 {
        let c = now.command();
        let stands = !self.lateral.is_empty() && norm(&c) < NO_COMMAND;
        let hip = if c[1].abs() > LATERAL { FREE } else { 1.0 };
        let (q, q0) = (now.joints.positions(now.taken.sim), &now.joints.pose);
        let all = self.joints.iter().zip(&self.weights).enumerate();
        all.map(|(i, (joint, weight))| {
            let weight = match () {
                () if self.lateral.contains(&i) => hip,
                () if stands => 1.0,
                () => *weight,
            };
            let x = q[*joint] - q0[*joint];
            x * x * weight
        })
        .sum()
    }
}

#[derive(Debug)]
struct NearPose {
    weights: Vec<f64>,
    rate: f64,
    still: Option<f64>,
}

fn near(weights: &[f64], rate: f64, still: Option<f64>, with: &Resolve<'_, '_>) -> Result<Box<dyn Term>, String> {
    if still.is_some() {
        with.commanded()?;
    }
    if !rate.is_finite() {
        return Err("rate must be finite".to_owned());
    }
    Ok(boxed(NearPose { weights: with.weights(weights, with.joints.len())?, rate, still }))
}

impl Term for NearPose {
    fn of(&self, now: &Now<'_>) -> f64 {
        if self.still.is_some_and(|below| norm(&now.command()) >= below) {
            return 1.0;
        }
        let cost: f64 = now.joints.offsets(now.taken.sim).zip(&self.weights).map(|(x, w)| x * x * w).sum();
        libm::exp(-self.rate * cost)
    }
}

#[derive(Debug)]
struct Deviation {
    joints: Vec<usize>,
    when: When,
    times: Option<[f64; 2]>,
}

fn deviation(
    joints: &[usize],
    when: When,
    times: Option<[f64; 2]>,
    with: &Resolve<'_, '_>,
) -> Result<Box<dyn Term>, String> {
    let joints = with.joints(joints)?;
    if !(when.is_always() && times.is_none()) {
        with.commanded()?;
    }
    if times.iter().flatten().any(|x| !x.is_finite()) {
        return Err("times must be finite".to_owned());
    }
    Ok(boxed(Deviation { joints, when, times }))
}

impl Term for Deviation {
    fn of(&self, now: &Now<'_>) -> f64 {
        let c = now.command();
        if !self.when.holds(c) {
            return 0.0;
        }
        let (q, q0) = (now.joints.positions(now.taken.sim), &now.joints.pose);
        let sum: f64 = self.joints.iter().map(|joint| (q[*joint] - q0[*joint]).abs()).sum();
        self.times.map_or(sum, |[else_, left]| sum * if c[1] > LEFT { left } else { else_ })
    }
}

#[derive(Debug)]
struct Limits(Vec<[f64; 2]>);

fn limits(factor: f64, about_middle: bool, with: &Resolve<'_, '_>) -> Result<Box<dyn Term>, String> {
    if !(factor.is_finite() && factor > 0.0) {
        return Err("factor must be a finite number above 0".to_owned());
    }
    let soft = |range: &Option<[f64; 2]>| {
        let [low, high] = range.ok_or_else(|| "a joint has no limits".to_owned())?;
        let (middle, width) = ((low + high) / 2.0, high - low);
        Ok(if about_middle {
            [middle - 0.5 * width * factor, middle + 0.5 * width * factor]
        } else {
            [low * factor, high * factor]
        })
    };
    Ok(boxed(Limits(with.joints.limits.iter().map(soft).collect::<Result<_, String>>()?)))
}

impl Term for Limits {
    fn of(&self, now: &Now<'_>) -> f64 {
        let all = now.joints.positions(now.taken.sim).iter().zip(&self.0);
        all.map(|(q, [low, high])| (q - high).max(0.0) - (q - low).min(0.0)).sum()
    }
}
