//! What differences of the narrow phase's answer at shrinking nudges come to: a derivative, and what is open about it.

use super::super::motion::ULP;
use super::super::spatial::norm3;
use crate::physics::ContactGeometry;

/// Differences that disagree by less, beyond their rounding, have a common limit.
const AGREE: f64 = 3e-7;

/// Differences that disagree by more than `AGREE` at one nudge have a limit too where what they are extrapolated to is
/// the same at the nudge before, and where they disagree by less than a quarter of what they did there.
const SHRINKS: f64 = 0.25;

/// What an iteration comes to is as good as in closed form where its differences agree so well; and where they are the
/// same at two nudges within this.
const FLAT: f64 = 1e-9;
const STEADY: f64 = 1e-8;

/// Where rounding of the narrow phase is what is left at every nudge, the best one does if it is no worse than this.
pub(super) const ROUGH: f64 = 3e-6;

/// Of an iteration it does up to this; whether what it leaves open matters is seen from the bounds that follow from it.
pub(super) const OPEN_UP_TO: f64 = 1e-3;

pub(super) const NOTHING: ContactGeometry =
    ContactGeometry { dist: 0.0, pos: [0.0; 3], normal: [0.0; 3], tangent: [0.0; 3] };

/// What the differences of one contact along one motion have come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    pub(super) by: ContactGeometry,
    pub(super) error: [f64; 3],
    /// The errors that these differences alone tell of.
    own: [f64; 3],
    /// By how much the differences disagree, beyond rounding; infinite where there is none. And the same of the distance, the
    /// position, the normal.
    pub(super) apart: f64,
    parts: [f64; 3],
    pub(super) settled: bool,
    /// What an iteration's last nudge said alone.
    before: Option<Said>,
    /// Whether finer nudges say no more than wider ones.
    pub(super) hopeless: bool,
}

/// What the differences at one nudge say.
#[derive(Debug, Clone, Copy)]
struct Said {
    by: ContactGeometry,
    own: [f64; 3],
    apart: f64,
    parts: [f64; 3],
    /// Whether it was held against another nudge.
    compared: bool,
}

pub(super) const OPEN: Estimate = Estimate {
    by: NOTHING,
    error: [0.0; 3],
    own: [0.0; 3],
    apart: f64::INFINITY,
    parts: [f64::INFINITY; 3],
    settled: false,
    before: None,
    hopeless: false,
};
pub(super) const NONE: Estimate = Estimate { apart: 0.0, parts: [0.0; 3], settled: true, ..OPEN };

impl Estimate {
    /// Takes the differences at the next nudge in.
    pub(super) fn improve(&mut self, next: &Self, iterates: bool) {
        if iterates && next.apart > FLAT {
            self.improve_iterated(next);
            return;
        }
        let change = changes(&self.by, &next.by).into_iter().fold(0.0, f64::max);
        let seen = self.apart.is_finite();
        let shrinks = seen && next.apart <= SHRINKS * self.apart;
        if next.apart <= AGREE || (shrinks && change <= AGREE) {
            *self = Self { settled: true, ..*next };
            if next.apart > AGREE {
                self.error.iter_mut().for_each(|e| *e = e.max(change));
            }
        } else if next.apart < self.apart {
            *self = *next;
        }
    }

    /// Takes those of an iteration in. What it comes to jumps and bends by its tolerance: there two nudges must agree, but where the
    /// first one's differences agree to the last digits. Of those that do not, the two that differ by least tell what is open.
    fn improve_iterated(&mut self, next: &Self) {
        let now = Said { by: next.by, own: next.own, apart: next.apart, parts: next.parts, compared: false };
        let most = |x: [f64; 3]| x.into_iter().fold(0.0_f64, f64::max);
        let size = |by: &ContactGeometry| 1.0 + numbers(by).fold(0.0_f64, |most, x| most.max(x.abs()));
        let adopt = |said: &Said, parts: [f64; 3]| {
            let size = size(&said.by);
            let error = std::array::from_fn(|i| said.own[i].max(parts[i] * size));
            Self { by: said.by, own: said.own, error, apart: most(parts), parts, before: Some(now), ..OPEN }
        };
        let Some(before) = self.before else {
            *self = adopt(&now, now.parts);
            return;
        };
        let change = changes(&before.by, &now.by);
        if before.apart.max(now.apart) <= AGREE && most(change) <= STEADY {
            // The wider nudge rounds less.
            let error = before.own.map(|e| e.max(most(change) * size(&now.by)));
            *self = Self { by: before.by, own: before.own, error, settled: true, ..*self };
            return;
        }
        self.hopeless = now.apart > OPEN_UP_TO && now.apart > 0.5 * before.apart;
        let better = if now.apart <= before.apart { &now } else { &before };
        let parts = std::array::from_fn(|i| better.parts[i].max(change[i]));
        let hopeless = self.hopeless;
        if !before.compared || most(parts) < self.apart {
            *self = adopt(better, parts);
        }
        self.hopeless = hopeless;
        self.before = Some(Said { compared: true, ..now });
    }
}

/// How much two derivatives differ, for their size: those of the distance, the position, the normal.
fn changes(before: &ContactGeometry, now: &ContactGeometry) -> [f64; 3] {
    let mut out = [0.0_f64; 3];
    for ((before, now), kind) in numbers(before).zip(numbers(now)).zip(KINDS) {
        out[kind] = out[kind].max((now - before).abs() / (1.0 + now.abs()));
    }
    out
}

/// Of what the numbers of a contact are: the distance, the position, the normal with the tangent.
pub(super) const KINDS: [usize; 10] = [0, 1, 1, 1, 2, 2, 2, 2, 2, 2];

/// All numbers of a contact or of its derivative.
pub(super) fn numbers(touch: &ContactGeometry) -> impl Iterator<Item = f64> {
    std::iter::once(touch.dist).chain(touch.pos).chain(touch.normal).chain(touch.tangent)
}

/// Derivatives from samples at +h, -h, +2h, -2h, and by how much the differences disagree.
pub(super) fn differences(
    touch: &ContactGeometry,
    [p1, m1, p2, m2]: [&ContactGeometry; 4],
    size: f64,
    nudge: f64,
) -> Estimate {
    let rounding = 2.0 * ULP * (size + norm3(touch.pos) + 0.01) / nudge;
    let mut parts = [0.0_f64; 3];
    let mut worst = [rounding; 3];
    let mut derive = |which: usize, f: &dyn Fn(&ContactGeometry) -> f64| {
        let [here, p1, m1, p2, m2] = [touch, p1, m1, p2, m2].map(f);
        let near = (p1 - m1) / (2.0 * nudge);
        let wide = (p2 - m2) / (4.0 * nudge);
        // Of the second order, from either side: their leading errors are the same.
        let ahead = (4.0 * (p1 - here) - (p2 - here)) / (2.0 * nudge);
        let behind = (4.0 * (here - m1) - (here - m2)) / (2.0 * nudge);
        let central = (near - wide).abs();
        let sides = (ahead - behind).abs();
        // Where both agree well, what is left after the extrapolation is smaller by as much again.
        let left = central * (30.0 * central / (1.0 + near.abs())).min(1.0);
        worst[which] = worst[which].max(left);
        parts[which] = parts[which].max((central.max(sides) - 4.0 * rounding).max(0.0) / (1.0 + near.abs()));
        if central == 0.0 { near } else { near + (near - wide) / 3.0 }
    };
    let by = ContactGeometry {
        dist: derive(0, &|t| t.dist),
        pos: std::array::from_fn(|i| derive(1, &|t| t.pos[i])),
        normal: std::array::from_fn(|i| derive(2, &|t| t.normal[i])),
        tangent: std::array::from_fn(|i| derive(2, &|t| t.tangent[i])),
    };
    if !numbers(&by).all(f64::is_finite) {
        parts = [f64::INFINITY; 3];
    }
    let apart = parts.into_iter().fold(0.0_f64, f64::max);
    Estimate { by, error: worst, own: worst, apart, parts, ..OPEN }
}
