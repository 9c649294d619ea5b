//! What whole steps say where something may switch. Looking at constraint rows finds what *may* bend a column; whether the
//! derivatives of the two sides differ is seen by stepping to either side.

use super::super::whole_step::{KINK, UNSETTLED};
use super::activation::Kink;
use super::verdict::trusted_scale;
use crate::jacobian::kink::Bends;
use crate::jacobian::zero::decide;
use crate::jacobian::{Jacobian, Switches, ZeroVerdict};
use crate::physics::{Model, PhysicsError};

/// Takes the columns that are `doubtful` (ndx + nu) from extrapolated differences of whole steps: where the geometry of a
/// contact has no derivative, the forces may have one all the same. Where the derivatives of the two sides differ, an entry
/// is their mean; where there are none, it is NaN and undecided. Columns of `contact` (nv) are in doubt because a contact may jump.
/// Looks at both sides of the columns that are marked in `bends`, and takes those of `kinks` (of forces, of limits) as they are; a switch is withdrawn where all of them agree, and `kink` says how far they are
/// apart where not.
///
/// # Errors
/// [`PhysicsError::Mujoco`].
pub(super) fn confirm(
    model: &Model,
    state: &[f64],
    (doubtful, contact): (&[bool], &[bool]),
    (bends, kinks): (&mut Bends, [&[Kink]; 2]),
    out: &mut Jacobian,
) -> Result<(), PhysicsError> {
    let ndx = model.ndx();
    out.verdicts.kink = 0.0;
    if !doubtful.contains(&true) && !bends.columns.contains(&true) && kinks.iter().all(|kinks| kinks.is_empty()) {
        out.verdicts.switches = Switches::default();
        return Ok(());
    }
    if doubtful.contains(&true) || bends.columns.contains(&true) {
        bends.begin(model, state)?;
    }
    let mut scale = trusted_scale(&out.a, doubtful);
    let (mut kink, mut undefined) = (0.0_f64, false);
    for column in (0..doubtful.len()).filter(|c| doubtful[*c]) {
        let jumps = (contact.get(column) == Some(&true) && scale > 0.0).then_some(scale);
        let found = bends.derive(column, jumps)?;
        let rows = found.values.len();
        let largest = |rows: std::ops::Range<usize>, from: f64| {
            let finite = rows.filter(|r| found.errors[*r].is_finite()).map(|r| found.values[r].abs());
            finite.filter(|x| x.is_finite()).fold(from, f64::max)
        };
        if column < ndx {
            scale = largest(0..ndx, scale);
        }
        let sensed = largest(ndx..rows, out.c.iter().filter(|x| x.is_finite()).fold(0.0, |m, x| m.max(x.abs())));
        for row in 0..rows {
            let (value, error, apart) = (found.values[row], found.errors[row], found.kinks[row]);
            let scale = if row < ndx { scale } else { sensed };
            let bent = apart > KINK * scale;
            let settled = error <= UNSETTLED * scale || error == 0.0;
            let (x, verdict) = entry(out, row, column, model);
            (*x, *verdict) = match settled {
                false => (f64::NAN, ZeroVerdict::Undecided),
                // One side may be zero and the other not.
                true if bent && apart >= value.abs() => (value, ZeroVerdict::Undecided),
                true => (value, decide(value, error, scale)),
            };
            if row < ndx {
                undefined |= !settled;
                let floor = if settled { error } else { scale };
                out.verdicts.floor[row] = out.verdicts.floor[row].max(floor);
                kink = kink.max(if !settled {
                    scale
                } else if bent {
                    apart
                } else {
                    0.0
                });
            }
        }
    }
    let marked: Vec<usize> = (0..bends.columns.len()).filter(|c| bends.columns[*c] && !doubtful[*c]).collect();
    for column in marked {
        let apart = bends.sides_apart(column)?;
        // Not a number counts as apart.
        for (row, apart) in apart.iter().enumerate().filter(|(_, apart)| apart.is_nan() || **apart > KINK * scale) {
            kink = kink.max(if apart.is_nan() { scale } else { *apart });
            let (x, verdict) = entry(out, row, column, model);
            // One side may be zero and the other not.
            if apart.is_nan() || *apart >= x.abs() {
                *verdict = ZeroVerdict::Undecided;
            }
        }
    }
    let [of_forces, of_limits] = kinks.map(|kinks| kinks.iter());
    let known = of_forces.map(|kink| (kink, false)).chain(of_limits.map(|kink| (kink, true)));
    for (known, of_limit) in known.filter(|(k, _)| !doubtful[k.column] && k.apart > KINK * scale) {
        kink = kink.max(known.apart);
        out.verdicts.switches.force |= !of_limit;
        out.verdicts.switches.limit |= of_limit;
        let (x, verdict) = entry(out, known.row, known.column, model);
        if known.apart >= x.abs() {
            *verdict = ZeroVerdict::Undecided;
        }
    }
    if kink == 0.0 && !undefined {
        out.verdicts.switches = Switches::default();
    } else if !out.verdicts.switches.any() {
        out.verdicts.switches = Switches { other: true, ..Switches::default() };
    }
    out.verdicts.kink = if scale > 0.0 { kink / scale } else { 0.0 };
    Ok(())
}

/// An entry of A and B, with C and D below, and its verdict.
fn entry<'a>(out: &'a mut Jacobian, row: usize, column: usize, model: &Model) -> (&'a mut f64, &'a mut ZeroVerdict) {
    let (ndx, nu) = (model.ndx(), model.nu());
    let Jacobian { a, b, c, d, verdicts } = out;
    let (values, verdicts, at) = match (row.checked_sub(ndx), column.checked_sub(ndx)) {
        (None, None) => (a, &mut verdicts.a, row * ndx + column),
        (None, Some(control)) => (b, &mut verdicts.b, row * nu + control),
        (Some(sensor), None) => (c, &mut verdicts.c, sensor * ndx + column),
        (Some(sensor), Some(control)) => (d, &mut verdicts.d, sensor * nu + control),
    };
    (&mut values[at], &mut verdicts[at])
}
