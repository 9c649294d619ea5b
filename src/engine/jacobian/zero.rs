//! Beyond the value of an entry: whether it is zero, and whether there is a derivative at all.

use dynsparse_base::flags::StepFlags;
use dynsparse_base::zero::ZeroVerdict;

use crate::physics::Model;

/// What switches between two regimes within reach of a nudge of the state: there the derivatives of the two sides
/// differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switches {
    /// A contact opens or closes.
    pub contact: bool,
    /// A limit of a joint or tendon begins or ends.
    pub limit: bool,
    /// Friction begins to slip or to stick.
    pub friction: bool,
    /// A force, activation or control reaches its range or leaves it.
    pub force: bool,
    /// A tree of bodies sleeps, which a nudge of its velocity would wake, or falls asleep: it is constant in A and B. By itself
    /// this makes no kink.
    pub sleep: bool,
    /// The derivatives of the two sides differ, or there are none, and nothing of the above is seen to switch: the point
    /// of a contact jumps, a tendon begins to wrap.
    pub other: bool,
}

impl Switches {
    /// Whether anything switches that can make a kink.
    pub fn any(self) -> bool {
        self.contact || self.limit || self.friction || self.force || self.other
    }

    /// What switches in one or the other.
    pub fn or(self, other: Self) -> Self {
        Self {
            contact: self.contact || other.contact,
            limit: self.limit || other.limit,
            friction: self.friction || other.friction,
            force: self.force || other.force,
            sleep: self.sleep || other.sleep,
            other: self.other || other.other,
        }
    }
}

/// A value within so many times its error may be nothing but error; beyond so many times it is surely more.
const WITHIN: f64 = 3.0;
const BEYOND: f64 = 10.0;

/// What is called zero, error included, is at most this share of the largest entry of A: what is left after that is not
/// known to be nothing.
const NOTHING: f64 = 1e-11;

/// The verdict of a value with an estimate of its error, where the largest entry of A is `scale`.
pub(super) fn decide(value: f64, error: f64, scale: f64) -> ZeroVerdict {
    let size = value.abs();
    match () {
        () if !(value.is_finite() && error.is_finite()) => ZeroVerdict::Undecided,
        () if size <= WITHIN * error && size + WITHIN * error <= NOTHING * scale => ZeroVerdict::Zero,
        () if size == 0.0 && error == 0.0 => ZeroVerdict::Zero,
        () if size > BEYOND * error => ZeroVerdict::Nonzero,
        () => ZeroVerdict::Undecided,
    }
}

/// What is known about a Jacobian besides its numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdicts {
    /// Of A: ndx x ndx, row-major.
    pub a: Vec<ZeroVerdict>,
    /// Of B: ndx x nu, row-major.
    pub b: Vec<ZeroVerdict>,
    /// Of C: nsensordata x ndx, row-major; empty when sensors are not differentiated.
    pub c: Vec<ZeroVerdict>,
    /// Of D: nsensordata x nu, row-major; empty as above.
    pub d: Vec<ZeroVerdict>,
    /// The largest noise floor of a row's entries, of A and B together (ndx).
    pub floor: Vec<f64>,
    /// What switches here.
    pub switches: Switches,
    /// Where something switches: the largest difference between the one-sided derivatives of both sides, as a share of
    /// the largest entry of A. 0 where nothing switches.
    pub kink: f64,
    /// Whether the system that is solved for the acceleration is nearly singular.
    pub near_singular: bool,
}

impl Verdicts {
    /// All undecided, of the sizes of a model; with `sensors` those of C and D, too.
    pub fn new(model: &Model, sensors: bool) -> Self {
        let (ndx, nu) = (model.ndx(), model.nu());
        let ns = if sensors { model.nsensordata() } else { 0 };
        Self {
            a: vec![ZeroVerdict::Undecided; ndx * ndx],
            b: vec![ZeroVerdict::Undecided; ndx * nu],
            c: vec![ZeroVerdict::Undecided; ns * ndx],
            d: vec![ZeroVerdict::Undecided; ns * nu],
            floor: vec![0.0; ndx],
            switches: Switches::default(),
            kink: 0.0,
            near_singular: false,
        }
    }

    /// What switches and what is nearly singular, as the flags of a step.
    pub fn flags(&self) -> StepFlags {
        let Switches { contact, limit, friction, force, sleep, other } = self.switches;
        let all = [
            (contact, StepFlags::CONTACT_SWITCH),
            (limit, StepFlags::LIMIT_SWITCH),
            (friction, StepFlags::FRICTION_SWITCH),
            (force, StepFlags::FORCE_AT_LIMIT),
            (sleep, StepFlags::SLEEP_SWITCH),
            (other, StepFlags::OTHER_SWITCH),
            (self.near_singular, StepFlags::NEAR_SINGULAR),
        ];
        all.into_iter().filter_map(|(there, flag)| there.then_some(flag)).collect()
    }

    /// Back to knowing nothing.
    pub(super) fn forget(&mut self) {
        for plane in [&mut self.a, &mut self.b, &mut self.c, &mut self.d] {
            plane.fill(ZeroVerdict::Undecided);
        }
        self.floor.fill(0.0);
        self.switches = Switches::default();
        self.kink = 0.0;
        self.near_singular = false;
    }
}
