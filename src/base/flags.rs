//! The flags of a step: what is to be known before its Jacobian is trusted. One definition for who sets them, the file that
//! keeps them, and whoever reads it.

macro_rules! step_flags {
    ($($id:ident = $bit:literal, $name:literal: $meaning:literal;)*) => {
        bitflags::bitflags! {
            /// Flags of a step. The bits are those of a recording's `flags`; bits that are not known are kept.
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
            pub struct StepFlags: u32 {
                $(#[doc = concat!("`", $name, "`: ", $meaning, ".")] const $id = 1 << $bit;)*
                const _ = !0;
            }
        }

        impl StepFlags {
            /// Each flag with its name in a recording and what it means, by bit.
            pub const TABLE: [(Self, &str, &str); [$($bit),*].len()] = [$((Self::$id, $name, $meaning)),*];
        }
    };
}

step_flags! {
    CTRL_CLAMPED = 0, "ctrl_clamped": "a control was asked for outside its range; it was clamped";
    CTRL_AT_LIMIT = 1, "ctrl_at_limit": "a control is within eps of its limit: its column of B is one-sided";
    SOLVER_UNCONVERGED = 2, "solver_unconverged":
        "the solver ran out of iterations, its residual above the tolerance or unknown, or PGS stopped away from its \
         solution";
    CONTACTS_CHANGED = 3, "contacts_changed": "the geom pairs with a contact changed within the control step";
    JACOBIAN_NOT_FINITE = 4, "jacobian_not_finite": "an entry of the Jacobian is NaN or infinite";
    EVENT = 5, "event": "an event of the task (a push, a kick) changed state or forces before the step";
    CONTACT_SWITCH = 6, "contact_switch":
        "a contact opens or closes within reach of a nudge of the state, see kink";
    LIMIT_SWITCH = 7, "limit_switch": "a joint or tendon limit begins or ends within reach of a nudge";
    FRICTION_SWITCH = 8, "friction_switch": "friction begins to slip or to stick within reach of a nudge";
    FORCE_AT_LIMIT = 9, "force_at_limit":
        "a force or activation reaches its range or leaves it within reach of a nudge";
    NEAR_SINGULAR = 10, "near_singular": "the system that is solved for the acceleration is nearly singular";
    OTHER_SWITCH = 11, "other_switch":
        "the derivatives of the two sides differ, or there are none, though nothing of the above switches, see kink";
    SLEEP_SWITCH = 12, "sleep_switch":
        "a tree of bodies sleeps, which a nudge of its velocity would wake, or falls asleep in the step: it is constant in A and B";
}

impl StepFlags {
    /// The flag of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, known, _)| *known == name).map(|(flag, ..)| *flag)
    }

    /// The names of the flags that are set.
    pub fn names(self) -> Vec<&'static str> {
        Self::TABLE.iter().filter(|(flag, ..)| self.contains(*flag)).map(|(_, name, _)| *name).collect()
    }

    /// Of four little-endian bytes, as a recording has them.
    pub fn from_le_bytes(bytes: [u8; 4]) -> Self {
        Self::from_bits_retain(u32::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_file() {
        for (i, (flag, name, _)) in StepFlags::TABLE.into_iter().enumerate() {
            assert_eq!(flag.bits(), 1 << i, "{name}");
            assert_eq!(StepFlags::named(name), Some(flag));
        }
        assert_eq!(StepFlags::named("CTRL_CLAMPED"), None);
    }

    #[test]
    fn unknown_bits_are_kept() {
        let flags = StepFlags::from_le_bytes([0b1000_0001, 0, 0, 0x80]);
        assert_eq!(flags.names(), ["ctrl_clamped", "limit_switch"]);
        assert_eq!(flags.bits(), 0x8000_0081);
        assert_eq!((flags - StepFlags::CTRL_CLAMPED).bits(), 0x8000_0080);
    }
}
