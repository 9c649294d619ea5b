//! What switches between two regimes within reach of a nudge.

use nalgebra::{DMatrix, DVector};

use super::contact::Contacts;
use super::motion::ULP;
use super::onset::Onsets;
use super::spatial::{Vec3, add3, cross, dot3, lin, norm3, rot, scale3, sub3};
use super::tendon::Tendons;
use super::tree::Tree;
use crate::jacobian::Switches;
use crate::physics::{ContactDetail, JointKind, PhysicsError, Sim};

/// How far a state is nudged to look for a switch: about as far as differences go.
pub(in crate::jacobian) const REACH: f64 = 1e-6;

/// Speeds along a normal below this share of their terms are rounding.
const ROUNDING: f64 = 64.0 * ULP;

/// The least inverse mass of two bodies whose contact is an ordinary one, 1/kg.
const LIGHT: f64 = 1e-9;

/// An acceleration that is so many times what nudges change of it does not change its sign.
const AWAY: f64 = 16.0;

/// One-sided derivatives of a tendon's lever that are apart by less than this share of it, 1/rad, are as good as one.
const BEND: f64 = 1e-4;

/// A lever, m, below which changes are rounding.
const LEAST: f64 = 1e-3;

/// Points that jump by more than this, m, within [`REACH`]: a tendon goes round the other side of a geom.
const JUMP: f64 = 1e-3;

/// Looks for what else switches at a state than its rows and forces, which have been `found`, and marks the columns of A
/// and B that it bends in `bent`, and in `undecided` those that rounding decides on. Forgets the constraint rows of `work`.
/// Contacts on an edge are not looked for here. `a` is the acceleration (nv), `da` its derivatives (nv x ndx + nu).
///
/// # Errors
/// [`PhysicsError::Mujoco`].
pub(super) fn find(
    work: &mut Sim,
    (tree, tendons, contacts, onsets): (&Tree, &Tendons, &Contacts, &Onsets),
    (a, da): (&DVector<f64>, &DMatrix<f64>),
    mut found: Switches,
    bent: &mut [bool],
    undecided: &mut [bool],
) -> Result<Switches, PhysicsError> {
    found.limit |= joint_limits(work, (a, da), onsets, bent) | tendon_limits(work, bent);
    let model = work.model().clone();
    if model.has_contacts() {
        // Contacts that are about to begin are listed by wider margins alone.
        work.collide_all(model.with_wider_margins()?)?;
        let near = |apart: f64| apart.abs() <= 2.0 * REACH;
        for c in work.contact_details() {
            let apart = c.dist - c.margin;
            let idles = |dof: usize| contacts.is_plain(&c) && is_idle(work, tree, &c, dof, (a, da));
            if near(apart) {
                found.contact |= approaches(work, tree, (&c, apart), &idles, bent, undecided);
            }
            // A contact that is about to be listed, or no longer, changes how the force of an adhesion actuator is shared.
            if contacts.sticks(&c) {
                for apart in model.gaps(c.geoms).into_iter().map(|gap| apart - gap).filter(|apart| near(*apart)) {
                    found.contact |= approaches(work, tree, (&c, apart), &idles, bent, undecided);
                }
            }
        }
    }
    // Last, for it moves the bodies.
    found.force |= wrapping(work, tree, tendons, bent)?;
    Ok(found)
}

/// Whether a contact that is `apart` from where it begins comes within [`REACH`] of that when a dof that moves one of its points, but not the other along
/// with it, is nudged; marks these dofs.
///
/// Where none of them moves it along its normal and it is at its margin to rounding, as that of a disc which slides on the floor
/// and has no dof to lift it, rounding decides whether there is a contact, and anew with every dof that moves the body at
/// all: these are marked in `undecided`, too, but for those by which it `idles`.
fn approaches(
    work: &Sim,
    tree: &Tree,
    (contact, apart): (&ContactDetail, f64),
    idles: &dyn Fn(usize) -> bool,
    bent: &mut [bool],
    undecided: &mut [bool],
) -> bool {
    let coms = work.subtree_com().as_chunks::<3>().0;
    let axes = work.cdof().as_chunks::<6>().0;
    let normal = contact.frame[0];
    let chains = contact.bodies.map(|b| &tree.chain[b]);
    let gap = apart.abs();
    let (mut any, mut lifted) = (false, false);
    let own = |side: usize| chains[side].iter().filter(move |dof| chains[1 - side].binary_search(dof).is_err());
    for side in [0, 1] {
        let arm = sub3(contact.pos, coms[tree.root[contact.bodies[side]]]);
        for &dof in own(side) {
            let turned = cross(rot(&axes[dof]), arm);
            let speed = dot3(normal, add3(lin(&axes[dof]), turned)).abs();
            // What is left of a sum that cancels is no motion.
            if speed <= ROUNDING * (norm3(lin(&axes[dof])) + norm3(turned)) {
                continue;
            }
            lifted = true;
            if gap <= 2.0 * REACH * speed {
                (any, bent[dof]) = (true, true);
            }
        }
    }
    if !lifted && gap <= ROUNDING * (1.0 + norm3(contact.pos)) {
        for &dof in [0, 1].iter().flat_map(|side| own(*side)).filter(|dof| !idles(**dof)) {
            (any, bent[dof], undecided[dof]) = (true, true, true);
        }
    }
    any
}

/// Whether a contact that no dof moves along its normal has no part in the derivative by the position of `dof`, be it there or not:
/// nothing moves its point in any direction that it has friction in, or all that could rests, is not accelerated, and stays so
/// when the dof is nudged.
fn is_idle(
    work: &Sim,
    tree: &Tree,
    contact: &ContactDetail,
    dof: usize,
    (a, da): (&DVector<f64>, &DMatrix<f64>),
) -> bool {
    let coms = work.subtree_com().as_chunks::<3>().0;
    let axes = work.cdof().as_chunks::<6>().0;
    let chains = contact.bodies.map(|b| &tree.chain[b]);
    let own = |side: usize| chains[side].iter().filter(move |dof| chains[1 - side].binary_search(dof).is_err());
    let rests = |k: usize| work.qvel()[k] == 0.0 && a[k] == 0.0 && da[(k, dof)] == 0.0;
    if [0, 1].iter().flat_map(|side| own(*side)).all(|k| rests(*k)) {
        return true;
    }
    let stays = |side: usize, k: usize| {
        let arm = sub3(contact.pos, coms[tree.root[contact.bodies[side]]]);
        let (spin, moved) = (rot(&axes[k]), lin(&axes[k]));
        let turned = cross(spin, arm);
        (0..contact.dim).all(|i| match i {
            0..3 => dot3(contact.frame[i], add3(moved, turned)).abs() <= ROUNDING * (norm3(moved) + norm3(turned)),
            _ => dot3(contact.frame[i - 3], spin).abs() <= ROUNDING * norm3(spin),
        })
    };
    work.model().inverse_mass(contact.bodies) > LIGHT && [0, 1].iter().all(|side| own(*side).all(|k| stays(*side, *k)))
}

/// Whether limits of joints are about to begin or to end; marks their dofs. One that begins with its joint at rest or on its way
/// back, and accelerated away from it, does not push: with J a + b J v > 0 its force is none on either side. Those that `onsets` know are
/// left to them.
fn joint_limits(work: &Sim, (a, da): (&DVector<f64>, &DMatrix<f64>), onsets: &Onsets, bent: &mut [bool]) -> bool {
    let mut any = false;
    let leaves = |dof: usize, inwards: f64| {
        let most = da.row(dof).iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        inwards * work.qvel()[dof] >= 0.0 && inwards * a[dof] > AWAY * REACH * most + ROUNDING * a.amax()
    };
    for limit in work.model().joint_limits().filter(|limit| !onsets.knows(limit.dof)) {
        match limit.kind {
            JointKind::Hinge | JointKind::Slide => {
                let q = work.qpos()[limit.qpos];
                let (low, high) = (q - limit.range[0], limit.range[1] - q);
                let (at, inwards) = if low < high { (low, 1.0) } else { (high, -1.0) };
                if (at - limit.margin).abs() <= REACH && !leaves(limit.dof, inwards) {
                    (any, bent[limit.dof]) = (true, true);
                }
            }
            JointKind::Ball => {
                let (axis, angle) = turn(&work.qpos()[limit.qpos..limit.qpos + 4]);
                let gap = (limit.range[0].max(limit.range[1]) - angle - limit.margin).abs();
                for (i, _) in axis.iter().enumerate().filter(|(_, x)| **x != 0.0 && gap <= REACH * x.abs()) {
                    (any, bent[limit.dof + i]) = (true, true);
                }
            }
            JointKind::Free => {}
        }
    }
    any
}

/// The axis and the angle, 0 to pi, of a turn by a quaternion of any length; no axis without a turn.
fn turn(quaternion: &[f64]) -> (Vec3, f64) {
    let v = [quaternion[1], quaternion[2], quaternion[3]];
    let (sin, cos) = (norm3(v), quaternion[0]);
    if sin == 0.0 { ([0.0; 3], 0.0) } else { (scale3(v, 1.0 / sin), 2.0 * sin.atan2(cos.abs())) }
}

/// Whether limits of tendons are about to begin or to end; marks the dofs that stretch them.
fn tendon_limits(work: &Sim, bent: &mut [bool]) -> bool {
    let mut any = false;
    for limit in work.model().tendon_limits() {
        let length = work.ten_length()[limit.tendon];
        let at = (length - limit.range[0]).min(limit.range[1] - length);
        let gap = (at - limit.margin).abs();
        for (dof, by) in work.tendon_jacobian(limit.tendon) {
            if by != 0.0 && gap <= 2.0 * REACH * by.abs() {
                (any, bent[dof]) = (true, true);
            }
        }
    }
    any
}

/// Whether a tendon's path comes upon a geom, leaves one or goes round another side of one when a dof is nudged, and its
/// lever bends or jumps there; marks these dofs. Only where the path is seen to be near another one is MuJoCo asked.
fn wrapping(work: &mut Sim, tree: &Tree, tendons: &Tendons, bent: &mut [bool]) -> Result<bool, PhysicsError> {
    let near = tendons.switching(work, tree, (REACH, 0.5 * JUMP));
    if near.is_empty() {
        return Ok(false);
    }
    let model = work.model().clone();
    let here: Vec<Path> = near.iter().map(|(tendon, _)| Path::of(work, *tendon)).collect();
    let (qpos, mut direction, mut any) = (work.qpos().to_vec(), vec![0.0; model.nv()], false);
    for (dof, bent) in bent.iter_mut().enumerate().take(model.nv()) {
        let of_dof = || near.iter().zip(&here).filter(|((_, d), _)| *d == dof);
        if of_dof().next().is_none() {
            continue;
        }
        let mut sides = [Vec::new(), Vec::new()];
        for (nudge, side) in [REACH, -REACH].into_iter().zip(&mut sides) {
            work.nudge(dof, nudge, &mut direction);
            work.stage_light()?;
            *side = of_dof().map(|((tendon, _), _)| Path::of(work, *tendon)).collect();
            work.qpos_mut().copy_from_slice(&qpos);
        }
        let [up, down] = &sides;
        if of_dof().zip(up).zip(down).any(|(((_, here), up), down)| here.bends(up, down)) {
            (any, *bent) = (true, true);
        }
    }
    work.stage_light()?;
    Ok(any)
}

/// Where a tendon runs: the points of its path with what they are on, and its lever by dof.
struct Path {
    points: Vec<(i32, Vec3)>,
    lever: Vec<(usize, f64)>,
}

impl Path {
    fn of(work: &Sim, tendon: usize) -> Self {
        Self { points: work.tendon_path(tendon).collect(), lever: work.tendon_jacobian(tendon).collect() }
    }

    fn is_along(&self, other: &Self) -> bool {
        let same = |((a, x), (b, y)): (&(i32, Vec3), &(i32, Vec3))| a == b && norm3(sub3(*x, *y)) <= JUMP;
        self.points.len() == other.points.len() && self.points.iter().zip(&other.points).all(same)
    }

    /// Whether it runs otherwise at one of two sides, and the lever's changes to both differ.
    fn bends(&self, up: &Self, down: &Self) -> bool {
        if self.is_along(up) && self.is_along(down) {
            return false;
        }
        // At a tangent the lever may be zero itself.
        let most = self.lever.iter().fold(LEAST, |most, (_, x)| most.max(x.abs()));
        let all = self.lever.iter().zip(&up.lever).zip(&down.lever);
        all.map(|(((_, x), (_, up)), (_, down))| (up - 2.0 * x + down).abs()).any(|apart| apart > BEND * REACH * most)
    }
}
