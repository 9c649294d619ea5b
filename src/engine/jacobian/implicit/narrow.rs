//! How the narrow phase's answer for two geoms changes when one of them moves: differences of it alone, or a closed form
//! ([`super::closed`], [`super::boxes`]).
//!
//! A distance like |x| has central differences that agree on 0 at every nudge, and a contact that jumps has one-sided
//! ones that grow as the nudge shrinks. So a derivative counts where central differences at one and two of a nudge
//! agree and the one-sided ones of either side do too; where they do not, the nudge shrinks, and where they never do,
//! that motion has none, and no number stands for it.

mod estimate;

use super::boxes::of_boxes;
use super::closed::{Exact, on_plane};
use super::spatial::{Spatial, Vec3, add3, cross, dot3, norm3, scale3, sub3};
use crate::physics::{ContactDetail, ContactGeometry, GeomShape, Model, PhysicsError, Sim};
use estimate::{Estimate, KINDS, NONE, NOTHING, OPEN, OPEN_UP_TO, ROUGH, differences, numbers};

/// Nudges of the narrow phase, m and rad: powers of two, so that nudging rounds little. Two differences, at one and two
/// of a nudge, are extrapolated to none; their error is of the fourth order. Almost always the first does; the others
/// are for contacts that change their face within the nudge before.
const NUDGES: [f64; 4] = [1.0 / 131_072.0, 1.0 / 2_097_152.0, 1.0 / 33_554_432.0, 1.0 / 536_870_912.0];

/// Those for what an iteration comes to, whose rounding is larger.
const ITERATED: [f64; 3] = [NUDGES[0], NUDGES[1], 1.0 / 16_777_216.0];

/// Motions of several parts by which contacts must change as by these one by one, within a share.
const MIXES: [[f64; MOTIONS]; 2] =
    [[0.71, -0.53, 0.46, 0.38, 0.64, -0.55, 0.0, 0.0, 0.0], [0.37, 0.88, -0.29, -0.61, 0.25, 0.47, 0.0, 0.0, 0.0]];
const MIXED: f64 = 1e-5;

/// Faces that are tilted by less, rad, are parallel: more is seen by differences.
const PARALLEL: f64 = 1e-7;

/// Contacts farther apart than this, m, are not the same one at two nudges; how far apart their normals count, m.
const SAME: f64 = 1e-3;
const TURN: f64 = 1e-2;

/// Cosines that are as near to 0 or 1 are those of the world's axes, to an iteration.
const NEAR_AXES: f64 = 1e-3;

/// A contact found again where the geoms are is the same within this, m and rad.
const AGAIN: f64 = 1e-9;

/// A share of a motion that is no more than this is its rounding.
pub(super) const SHARE: f64 = 1e-12;

/// Motions of two geoms: rotations of the second one about three axes through a centre, its translations along them, and
/// rotations of both, by which a contact changes beyond its turning with them where an iteration finds it.
pub(super) const MOTIONS: usize = 9;

/// How dist, position, normal and tangent hint of one contact change with the motions of its geoms.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    pub(super) touch: ContactGeometry,
    /// Zero for a motion without a derivative.
    pub(super) by: [ContactGeometry; MOTIONS],
    /// Bounds on the errors of `by`: of the distance, the position, the normal.
    pub(super) error: [f64; 3],
    /// What differences leave open beyond that, by motion.
    pub(super) open: [[f64; 3]; MOTIONS],
    /// Motions that have no derivative: one side loses the contact or sees another face.
    pub(super) broken: [bool; MOTIONS],
    /// Whether turning both geoms changes it.
    pub(super) spins: bool,
}

/// Workspace for the pair of geoms under way.
#[derive(Debug, Default)]
pub(super) struct Narrow {
    /// What is found where the geoms are: for each contact of the pair, and where it stands in the answer. None where it
    /// is not found again.
    touches: Vec<ContactGeometry>,
    indices: Vec<Option<usize>>,
    base: Vec<ContactGeometry>,
    found: Vec<ContactGeometry>,
    taken: Vec<bool>,
    /// By contact: at +h, -h, +2h, -2h of the motion under way. None where it is lost.
    samples: Vec<[Option<ContactGeometry>; 4]>,
    /// By contact and motion.
    estimates: Vec<[Estimate; MOTIONS]>,
    pub(super) geometry: Vec<Geometry>,
    /// The axes of the motions: those of the world, or of the first contact's frame where some motion has no derivative
    /// at the first nudge. There a turn about the normal is a motion of its own, which a flat face does not notice.
    pub(super) axes: [Vec3; 3],
    /// What the dofs make of the geoms: motions of the second one against the first, and turns of that.
    pub(super) twists: Vec<(Spatial, Vec3)>,
}

const SETTLED: [[f64; 3]; MOTIONS] = [[0.0; 3]; MOTIONS];
const WORLD: [Vec3; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Position and orientation (row-major) of a geom.
type Pose = (Vec3, [f64; 9]);

/// The geoms of a pair about a centre, and how far the narrow phase looks.
struct Setting {
    geoms: [usize; 2],
    poses: [Pose; 2],
    /// The centre that geoms turn about.
    pivot: Vec3,
    margin: f64,
    /// Distance from which on a contact acts, m.
    acts: f64,
    /// Whether the contacts come from an iteration, whose steps depend on how both geoms lie in the world.
    iterates: bool,
    /// Whether the first geom turns.
    turns: bool,
}

impl Narrow {
    /// Fills `geometry` for the contacts of one pair of geoms, each motion from the largest nudge at which all its
    /// differences agree. `turns`: whether any dof turns the first geom.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn differentiate(
        &mut self,
        sim: &mut Sim,
        pair: &[ContactDetail],
        (gap, turns): (f64, bool),
        centre: Vec3,
    ) -> Result<(), PhysicsError> {
        let geoms = pair[0].geoms;
        let poses = geoms.map(|g| sim.geom_pose(g));
        // About the contact: numbers near zero round less. But what an iteration comes to within its tolerance is what its
        // steps make of it, and these depend on where it stands.
        let iterates = iterates(sim.model(), geoms);
        let origin = if iterates { [0.0; 3] } else { centre };
        let near = poses.map(|(pos, mat)| (sub3(pos, origin), mat));
        let result = self.motions(sim, pair, (gap, iterates, turns), [centre, origin], near);
        place(sim, geoms, &poses);
        result
    }

    /// A twist of the second geom about the centre by which it leaves the first one, and a rotation of the first one, in the
    /// axes of the motions.
    pub(super) fn in_axes(&self, twist: &Spatial, both: Vec3) -> [f64; MOTIONS] {
        let parts = [[twist[0], twist[1], twist[2]], [twist[3], twist[4], twist[5]], both];
        std::array::from_fn(|i| dot3(self.axes[i % 3], parts[i / 3]))
    }

    fn motions(
        &mut self,
        sim: &mut Sim,
        pair: &[ContactDetail],
        (gap, iterates, turns): (f64, bool, bool),
        [centre, origin]: [Vec3; 2],
        poses: [Pose; 2],
    ) -> Result<(), PhysicsError> {
        let pivot = sub3(centre, origin);
        let arm = norm3(sub3(poses[1].0, pivot));
        let geoms = pair[0].geoms;
        let acts = pair[0].margin;
        let margin = acts + gap;
        // Wider where it must be, so that no contact is lost by its distance alone; but not where that makes another contact
        // of it. An iteration inflates the geoms by half of the margin, and takes other steps then.
        let reach = 4.0 * NUDGES[0] * (1.0 + arm);
        let wider = if pair.iter().any(|c| c.dist > margin - reach) { margin + reach } else { margin };
        place(sim, geoms, &poses);
        let mut setting = Setting { geoms, poses, pivot, margin: wider, acts, iterates, turns };
        if !self.find(sim, &setting, pair, origin)? {
            setting.margin = margin;
            self.find(sim, &setting, pair, origin)?;
        }
        self.axes = WORLD;
        let shapes = geoms.map(|g| sim.model().shape(g));
        if shapes[0] == GeomShape::Plane && self.exact(&poses[0], shapes[1], &poses[1], pair)
            || self.exact_boxes(shapes, &setting)
        {
            return Ok(());
        }
        self.axes = WORLD;
        self.estimates.clear();
        self.estimates.resize(pair.len(), [OPEN; MOTIONS]);
        self.level(sim, &setting, NUDGES[0])?;
        if !self.settled() {
            let frame = pair[0].frame;
            let bends = !iterates || self.estimates.iter().flatten().any(|e| !e.settled && e.apart > OPEN_UP_TO);
            // What an iteration comes to near the axes of the world is meant to be along them.
            let off = if iterates { NEAR_AXES } else { 0.0 };
            if bends && frame.iter().flatten().any(|x| x.abs() > off && (x.abs() - 1.0).abs() > off) {
                self.axes = frame;
                self.estimates.fill([OPEN; MOTIONS]);
                self.level(sim, &setting, NUDGES[0])?;
            }
            let finer = if iterates { &ITERATED[1..] } else { &NUDGES[1..] };
            for nudge in finer {
                if !self.settled() {
                    self.level(sim, &setting, *nudge)?;
                }
            }
        }
        self.geometry.clear();
        let mixes = !iterates || self.mixes(sim, &setting, NUDGES[0])? || self.mixes(sim, &setting, NUDGES[1])?;
        let tilts = shapes.iter().all(|shape| matches!(shape, GeomShape::Box { .. })) && parallel(&poses);
        self.conclude(iterates, mixes, tilts);
        Ok(())
    }

    /// Fills `geometry` from the estimates: whether the motions add up, and whether tilts are without a derivative.
    fn conclude(&mut self, iterates: bool, mixes: bool, tilts: bool) {
        let most = if iterates { OPEN_UP_TO } else { ROUGH };
        for (touch, estimates) in self.touches.iter().zip(&self.estimates) {
            let none = |e: &Estimate| !mixes || !e.settled && e.apart > most;
            let broken = std::array::from_fn(|i| tilts && i % 6 < 3 || none(&estimates[i]));
            let kept = |i: usize| if broken[i] { OPEN } else { estimates[i] };
            let is_open = |e: &Estimate| !e.settled && e.apart > ROUGH;
            let known = (0..MOTIONS).map(kept).filter(|e| !is_open(e));
            let error = known.fold([0.0_f64; 3], |m, e| std::array::from_fn(|i| m[i].max(e.error[i])));
            let open = std::array::from_fn(|i| if is_open(&kept(i)) { kept(i).error } else { [0.0; 3] });
            let by: [ContactGeometry; MOTIONS] = std::array::from_fn(|i| kept(i).by);
            let spins = by[6..].iter().any(|by| *by != NOTHING);
            self.geometry.push(Geometry { touch: *touch, by, error, open, broken, spins });
        }
    }

    /// Fills `geometry` in closed form. False where there is none for every contact.
    fn exact(
        &mut self,
        plane: &(Vec3, [f64; 9]),
        shape: GeomShape,
        second: &(Vec3, [f64; 9]),
        pair: &[ContactDetail],
    ) -> bool {
        let Some(mut all) = on_plane(plane, shape, second, &self.axes) else { return false };
        if all.iter().any(|e| e.broken.contains(&true)) {
            self.axes = pair[0].frame;
            all = on_plane(plane, shape, second, &self.axes).unwrap_or_default();
        }
        self.take(&all)
    }

    /// The same of two boxes. False where a choice of the narrow phase is not clear.
    fn exact_boxes(&mut self, shapes: [GeomShape; 2], setting: &Setting) -> bool {
        let [GeomShape::Box { halves: first }, GeomShape::Box { halves: second }] = shapes else { return false };
        let poses = setting.poses.map(|(pos, mat)| (sub3(pos, setting.pivot), mat));
        let Some(mut all) = of_boxes(&poses, [first, second], &self.axes, setting.margin) else { return false };
        all.iter_mut().for_each(|e| e.touch.pos = add3(e.touch.pos, setting.pivot));
        all.len() == self.base.len() && self.take(&all)
    }

    /// Fills `geometry` with contacts in closed form. False where one of the pair's is not among them.
    fn take(&mut self, all: &[Exact]) -> bool {
        self.geometry.clear();
        self.taken.clear();
        self.taken.resize(all.len(), false);
        let touches: Vec<ContactGeometry> = all.iter().map(|e| e.touch).collect();
        for touch in &self.touches {
            let Some((i, _)) = nearest(&touches, &self.taken, touch).filter(|(_, far)| *far <= AGAIN) else {
                return false;
            };
            self.taken[i] = true;
            let e = &all[i];
            let (by, broken) = (padded(e.by, NOTHING), padded(e.broken, false));
            self.geometry.push(Geometry { touch: *touch, by, error: e.error, open: SETTLED, broken, spins: false });
        }
        true
    }

    /// Whether any dof has a share in a motion.
    fn stirs(&self, motion: usize) -> bool {
        self.twists.iter().any(|(twist, both)| {
            let shares = self.in_axes(twist, *both);
            shares[motion].abs() > SHARE * shares.iter().fold(0.0_f64, |m, x| m.max(x.abs()))
        })
    }

    fn settled(&self) -> bool {
        self.estimates.iter().flatten().all(|e| e.settled)
    }

    /// Whether the contacts change by a motion of several parts as by these one by one. Where one of two faces is chosen,
    /// each motion may have a derivative of its own and their sum none: that of two boxes with parallel faces depends on
    /// which one tilts more. Motions without a derivative are left out.
    fn mixes(&mut self, sim: &mut Sim, setting: &Setting, nudge: f64) -> Result<bool, PhysicsError> {
        let [first, second] = setting.poses;
        let derives = |motion: usize| {
            self.stirs(motion) && self.estimates.iter().all(|e| e[motion].settled || e[motion].apart <= OPEN_UP_TO)
        };
        let derives: [bool; MOTIONS] = std::array::from_fn(derives);
        if !derives[..6].contains(&true) {
            return Ok(true);
        }
        for all in &MIXES {
            let mix = &std::array::from_fn::<f64, MOTIONS, _>(|i| if derives[i] { all[i] } else { 0.0 });
            let part = |from: usize| (0..3).fold([0.0; 3], |sum, i| add3(sum, scale3(self.axes[i], mix[from + i])));
            let [turn, shift] = [part(0), part(3)];
            let angle = norm3(turn);
            let axis = if angle > 0.0 { scale3(turn, 1.0 / angle) } else { WORLD[0] };
            self.samples.clear();
            self.samples.resize(self.touches.len(), [None; 4]);
            for (side, by) in [nudge, -nudge].into_iter().enumerate() {
                let (pos, mat) = turned(second, &rotation(axis, by * angle), setting.pivot);
                place(sim, setting.geoms, &[first, (add3(pos, scale3(shift, by)), mat)]);
                sim.collide(setting.geoms, setting.margin, &mut self.found)?;
                self.match_sample(side);
            }
            for (samples, estimates) in self.samples.iter().zip(&self.estimates) {
                let [Some(up), Some(down), ..] = samples else { return Ok(false) };
                let by = estimates.map(|e| e.by);
                let (sum, size) = (along(&by, mix), along(&by.map(size), &mix.map(f64::abs)));
                let open = estimates.iter().zip(mix).fold([0.0_f64; 3], |sum, (e, x)| {
                    let counts = if e.settled || !e.apart.is_finite() { 0.0 } else { x.abs() };
                    std::array::from_fn(|i| sum[i] + counts * e.error[i])
                });
                let mut all = numbers(up).zip(numbers(down)).zip(numbers(&sum).zip(numbers(&size))).zip(KINDS);
                let off = |up: f64, down: f64, sum: f64| ((up - down) / (2.0 * nudge) - sum).abs();
                if all.any(|(((up, down), (sum, size)), kind)| off(up, down, sum) > MIXED * (1.0 + size) + open[kind]) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Finds the contacts again where the geoms are. False where one is not the same.
    fn find(
        &mut self,
        sim: &mut Sim,
        setting: &Setting,
        pair: &[ContactDetail],
        origin: Vec3,
    ) -> Result<bool, PhysicsError> {
        sim.collide(setting.geoms, setting.margin, &mut self.base)?;
        self.touches.clear();
        self.indices.clear();
        self.taken.clear();
        self.taken.resize(self.base.len(), false);
        for contact in pair {
            let lost = ContactGeometry {
                dist: contact.dist,
                pos: sub3(contact.pos, origin),
                normal: contact.frame[0],
                tangent: [0.0; 3],
            };
            // A narrow phase that does not find its contact again at the same pose is one on an edge.
            let again = nearest(&self.base, &self.taken, &lost).filter(|(_, far)| *far <= AGAIN).map(|(i, _)| i);
            if let Some(i) = again {
                self.taken[i] = true;
            }
            self.indices.push(again);
            self.touches.push(again.map_or(lost, |i| self.base[i]));
        }
        Ok(self.indices.iter().all(Option::is_some))
    }

    /// Improves the estimates of every motion that is not settled by differences at one nudge.
    fn level(&mut self, sim: &mut Sim, setting: &Setting, nudge: f64) -> Result<(), PhysicsError> {
        let [_, (pos, _)] = &setting.poses;
        let arm = norm3(sub3(*pos, setting.pivot));
        let size = arm.max(norm3(*pos)) + norm3(setting.pivot);
        for motion in 0..MOTIONS {
            if self.estimates.iter().all(|e| e[motion].settled) || self.estimates.iter().any(|e| e[motion].hopeless) {
                continue;
            }
            let both = motion >= 6;
            if both && !(setting.iterates && setting.turns) || setting.iterates && !self.stirs(motion) {
                self.estimates.iter_mut().for_each(|e| e[motion] = NONE);
                continue;
            }
            let axis = self.axes[motion % 3];
            self.samples.clear();
            self.samples.resize(self.touches.len(), [None; 4]);
            let mut whole = true;
            for (side, by) in [nudge, -nudge, 2.0 * nudge, -2.0 * nudge].into_iter().enumerate() {
                let moved = |pose: Pose| match motion {
                    3..6 => (add3(pose.0, scale3(axis, by)), pose.1),
                    _ => turned(pose, &rotation(axis, by), setting.pivot),
                };
                let [first, second] = setting.poses;
                let poses = [if both { moved(first) } else { first }, moved(second)];
                place(sim, setting.geoms, &poses);
                sim.collide(setting.geoms, setting.margin, &mut self.found)?;
                if both {
                    // What is left when it is turned back.
                    let back = rotation(axis, -by);
                    for touch in &mut self.found {
                        touch.pos = add3(setting.pivot, apply3(&back, sub3(touch.pos, setting.pivot)));
                        touch.normal = apply3(&back, touch.normal);
                        touch.tangent = apply3(&back, touch.tangent);
                    }
                }
                self.match_sample(side);
                whole &= self.as_many(setting.acts, 8.0 * nudge * (1.0 + arm));
            }
            for ((touch, samples), estimates) in self.touches.iter().zip(&self.samples).zip(&mut self.estimates) {
                let estimate = &mut estimates[motion];
                if estimate.settled {
                    continue;
                }
                if let ([Some(p1), Some(m1), Some(p2), Some(m2)], true) = (samples, whole) {
                    estimate.improve(&differences(touch, [p1, m1, p2, m2], size, nudge), setting.iterates);
                } else if setting.iterates && nudge < NUDGES[0] {
                    estimate.hopeless = true;
                }
            }
        }
        Ok(())
    }

    /// Finds the contacts of the pair among those found at one nudge, each at most once: at the same place of the answer
    /// where that is as long as before and the contact is near, else the nearest by position, normal and distance.
    fn match_sample(&mut self, side: usize) {
        let Self { touches, indices, base, found, taken, samples, .. } = self;
        taken.clear();
        taken.resize(found.len(), false);
        for ((touch, index), samples) in touches.iter().zip(indices).zip(samples) {
            let Some(index) = *index else { continue };
            let same =
                (found.len() == base.len() && far(&found[index], touch) < SAME && !taken[index]).then_some(index);
            let at = same.or_else(|| nearest(found, taken, touch).filter(|(_, far)| *far < SAME).map(|(i, _)| i));
            if let Some(i) = at {
                taken[i] = true;
                samples[side] = Some(found[i]);
            }
        }
    }

    /// Whether no contact has come or gone but for those that cross the distance from which on they act.
    fn as_many(&self, acts: f64, reach: f64) -> bool {
        let count = |list: &[ContactGeometry], within: f64| list.iter().filter(|t| t.dist < within).count();
        count(&self.found, acts - reach) <= count(&self.base, acts)
            && count(&self.found, acts) >= count(&self.base, acts - reach)
    }
}

/// Whether the contacts of two geoms come from an iteration, which ends within a tolerance: those of ellipsoids, meshes,
/// height fields, signed distance fields and cylinders, but for a sphere at a cylinder and whatever is on a plane. Those of
/// two boxes come from a choice among their faces and edges, which rounding makes where faces are parallel.
fn iterates(model: &Model, geoms: [usize; 2]) -> bool {
    let closed = |shape: GeomShape| {
        matches!(shape, GeomShape::Sphere { .. } | GeomShape::Capsule { .. } | GeomShape::Box { .. })
    };
    let [a, b] = geoms.map(|g| model.shape(g));
    let cylinder =
        |a: GeomShape, b: GeomShape| matches!((a, b), (GeomShape::Sphere { .. }, GeomShape::Cylinder { .. }));
    let plane = geoms.into_iter().any(|g| model.is_plane(g));
    let boxes = matches!((a, b), (GeomShape::Box { .. }, GeomShape::Box { .. }));
    boxes || !(plane || (closed(a) && closed(b)) || cylinder(a, b) || cylinder(b, a))
}

/// How far two contacts are from being the same one, m.
fn far(a: &ContactGeometry, b: &ContactGeometry) -> f64 {
    norm3(sub3(a.pos, b.pos)) + TURN * norm3(sub3(a.normal, b.normal)) + (a.dist - b.dist).abs()
}

fn nearest(touches: &[ContactGeometry], taken: &[bool], to: &ContactGeometry) -> Option<(usize, f64)> {
    let free = touches.iter().zip(taken).enumerate().filter(|(_, (_, taken))| !**taken);
    free.map(|(i, (t, _))| (i, far(t, to))).min_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// The rotation by an angle about an axis of the world.
fn rotation(axis: Vec3, angle: f64) -> [Vec3; 3] {
    let (sin, versine) = (angle.sin(), 2.0 * (0.5 * angle).sin().powi(2));
    std::array::from_fn(|r| {
        std::array::from_fn(|c| {
            let mut e = [0.0; 3];
            e[c] = 1.0;
            let k = cross(axis, e);
            let kk = cross(axis, k);
            f64::from(u8::from(r == c)) + sin * k[r] + versine * kk[r]
        })
    })
}

/// Whether two boxes have parallel faces. Which one of them is met is decided by the least tilt, of either side, so that
/// turns have no derivative that adds up.
fn parallel(poses: &[Pose; 2]) -> bool {
    let [first, second] = poses.map(|(_, mat)| std::array::from_fn::<Vec3, 3, _>(|c| [mat[c], mat[3 + c], mat[6 + c]]));
    first.iter().any(|a| second.iter().any(|b| norm3(cross(*a, *b)) < PARALLEL))
}

/// Puts both geoms of a pair somewhere.
fn place(sim: &mut Sim, geoms: [usize; 2], poses: &[Pose; 2]) {
    for (geom, (pos, mat)) in geoms.iter().zip(poses) {
        sim.set_geom_pose(*geom, pos, mat);
    }
}

/// A pose turned about a point.
fn turned((pos, mat): Pose, turn: &[Vec3; 3], about: Vec3) -> Pose {
    let columns: [Vec3; 3] = std::array::from_fn(|c| apply3(turn, [mat[c], mat[3 + c], mat[6 + c]]));
    (add3(about, apply3(turn, sub3(pos, about))), std::array::from_fn(|i| columns[i % 3][i / 3]))
}

fn apply3(m: &[Vec3; 3], v: Vec3) -> Vec3 {
    std::array::from_fn(|r| dot3(m[r], v))
}

/// Derivatives of a motion of the second geom alone, and nothing for turns of both.
fn padded<T: Copy>(by: [T; 6], nothing: T) -> [T; MOTIONS] {
    std::array::from_fn(|i| by.get(i).copied().unwrap_or(nothing))
}

/// The sum of derivatives, weighted by a motion.
pub(super) fn along(by: &[ContactGeometry; MOTIONS], motion: &[f64; MOTIONS]) -> ContactGeometry {
    let mut out = ContactGeometry::default();
    for (d, x) in by.iter().zip(motion).filter(|(_, x)| **x != 0.0) {
        out.dist += x * d.dist;
        out.pos = add3(out.pos, scale3(d.pos, *x));
        out.normal = add3(out.normal, scale3(d.normal, *x));
        out.tangent = add3(out.tangent, scale3(d.tangent, *x));
    }
    out
}

/// The sizes of a contact's numbers.
fn size(touch: ContactGeometry) -> ContactGeometry {
    let sizes = |v: Vec3| v.map(f64::abs);
    ContactGeometry {
        dist: touch.dist.abs(),
        pos: sizes(touch.pos),
        normal: sizes(touch.normal),
        tangent: sizes(touch.tangent),
    }
}
