//! What whole steps say where something may switch. Looking at constraint rows finds what *may* bend a column; whether the
//! derivatives of the two sides differ is seen by stepping to either side.

use super::super::whole_step::KINK;
use crate::jacobian::kink::Bends;
use crate::jacobian::zero::decide;
use crate::jacobian::{Jacobian, Switches, Verdict};
use crate::physics::{Model, PhysicsError};

/// An error beyond this share of the largest entry of A: the differences do not settle on anything.
const UNSETTLED: f64 = 1e-6;

/// Takes the columns of positions that are `doubtful` (nv), where the geometry of a contact has no derivative, from
/// extrapolated differences of whole steps: the forces may have one all the same. Where they have none either, an entry is
/// NaN and undecided. Looks at both sides of the columns that are marked in `bends`; a switch is withdrawn where
/// all of them agree, and `kink` says how far they are apart where not.
///
/// # Errors
/// [`PhysicsError::Mujoco`].
pub(super) fn confirm(
    model: &Model,
    state: &[f64],
    doubtful: &[bool],
    bends: &mut Bends,
    out: &mut Jacobian,
) -> Result<(), PhysicsError> {
    let (ndx, nu) = (model.ndx(), model.nu());
    out.verdicts.kink = 0.0;
    if !doubtful.contains(&true) && !bends.columns.contains(&true) {
        out.verdicts.switches = Switches::default();
        return Ok(());
    }
    bends.begin(model, state)?;
    let trusted = out.a.iter().enumerate().filter(|(at, _)| !doubtful.get(at % ndx).is_some_and(|d| *d));
    let mut scale = trusted.map(|(_, x)| x.abs()).filter(|x| x.is_finite()).fold(0.0, f64::max);
    let mut kink = 0.0_f64;
    let mut undefined = false;
    for column in (0..doubtful.len()).filter(|c| doubtful[*c]) {
        let found = bends.derive(column)?;
        let settled = |row: usize| found.errors[row] <= UNSETTLED * scale;
        scale = (0..ndx).filter(|r| settled(*r)).map(|r| found.values[r].abs()).fold(scale, f64::max);
        for row in 0..ndx {
            let (value, error, apart) = (found.values[row], found.errors[row], found.kinks[row]);
            let at = row * ndx + column;
            let bent = apart > KINK * scale;
            if bent || error.is_nan() || error > UNSETTLED * scale {
                (out.a[at], out.verdicts.a[at]) = (f64::NAN, Verdict::Undecided);
                undefined = true;
                kink = kink.max(if bent { apart } else { scale });
            } else {
                (out.a[at], out.verdicts.a[at]) = (value, decide(value, error, scale));
                out.verdicts.floor[row] = out.verdicts.floor[row].max(error);
            }
        }
    }
    for column in (0..ndx + nu).filter(|c| bends.columns.get(*c).is_some_and(|b| *b)).collect::<Vec<_>>() {
        if doubtful.get(column).is_some_and(|d| *d) {
            continue;
        }
        let apart = bends.sides_apart(column)?;
        for (row, apart) in apart.iter().enumerate().filter(|(_, apart)| !(**apart <= KINK * scale)) {
            kink = kink.max(if apart.is_nan() { scale } else { *apart });
            let (values, verdicts, at) = match column.checked_sub(ndx) {
                None => (&out.a, &mut out.verdicts.a, row * ndx + column),
                Some(control) => (&out.b, &mut out.verdicts.b, row * nu + control),
            };
            // One side may be zero and the other not.
            if !(*apart < values[at].abs()) {
                verdicts[at] = Verdict::Undecided;
            }
        }
    }
    if kink == 0.0 && !undefined {
        out.verdicts.switches = Switches::default();
    } else if undefined {
        out.verdicts.switches.contact = true;
    } else if !out.verdicts.switches.any() {
        out.verdicts.switches = Switches { other: true, ..Switches::default() };
    }
    out.verdicts.kink = if scale > 0.0 { kink / scale } else { 0.0 };
    Ok(())
}
