//! How the narrow phase's answer for two geoms changes when one of them moves: differences of it alone.

use super::motion::ULP;
use super::spatial::{Vec3, add3, cross, dot3, norm3, scale3, sub3};
use crate::physics::{ContactDetail, PhysicsError, Sim, Touch};

/// Nudges of the narrow phase, m and rad: powers of two, so that nudging rounds little. Two differences, at one and two
/// of a nudge, are extrapolated to none; their error is of the fourth order. Where the two disagree, a contact changes
/// its face within the nudge, and the next one is tried.
const NUDGES: [f64; 3] = [1.0 / 131_072.0, 1.0 / 2_097_152.0, 1.0 / 33_554_432.0];

/// Two differences that disagree by more see no common derivative.
const AGREE: f64 = 1e-4;

/// Contacts farther apart than this, m, are not the same one at two nudges.
const SAME: f64 = 1e-3;

/// How dist, position, normal and tangent hint of one contact change with the six motions (rotations, then
/// translations) of the second geom about a centre.
#[derive(Debug, Clone)]
pub(super) struct Geometry {
    pub(super) touch: Touch,
    pub(super) by: [Touch; 6],
    /// Bounds on the errors of `by`: of the distance, the position, the normal.
    pub(super) error: [f64; 3],
}

/// Space for the pair of geoms under way.
#[derive(Debug, Default)]
pub(super) struct Narrow {
    /// What is found where the geoms are, for each contact of the pair.
    touches: Vec<Touch>,
    /// Where it stands in the narrow phase's answer; beyond it for a contact that is not found again.
    indices: Vec<usize>,
    found: Vec<Touch>,
    /// Contacts that the narrow phase finds where the geoms are.
    count: usize,
    /// By contact, motion and nudge.
    samples: Vec<[[Touch; 4]; 6]>,
    pub(super) geometry: Vec<Geometry>,
}

impl Narrow {
    /// Fills `geometry` for the contacts of one pair of geoms, from the largest nudge at which all differences agree. False
    /// where they do not even at the smallest: then a contact is on an edge.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn differentiate(
        &mut self,
        sim: &mut Sim,
        pair: &[ContactDetail],
        gap: f64,
        centre: Vec3,
    ) -> Result<bool, PhysicsError> {
        let geoms = pair[0].geoms;
        let poses = geoms.map(|g| sim.geom_pose(g));
        // About the contact: numbers near zero round less.
        let near = poses.map(|(pos, mat)| (sub3(pos, centre), mat));
        sim.set_geom_pose(geoms[0], &near[0].0, &near[0].1);
        let result = self.agree(sim, pair, gap, centre, &near[1]);
        for (geom, (pos, mat)) in geoms.iter().zip(&poses) {
            sim.set_geom_pose(*geom, pos, mat);
        }
        result
    }

    fn agree(
        &mut self,
        sim: &mut Sim,
        pair: &[ContactDetail],
        gap: f64,
        centre: Vec3,
        second: &(Vec3, [f64; 9]),
    ) -> Result<bool, PhysicsError> {
        let arm = norm3(second.0);
        let margin = pair[0].margin + gap;
        sim.set_geom_pose(pair[0].geoms[1], &second.0, &second.1);
        self.find(sim, pair, margin, centre)?;
        for nudge in NUDGES {
            self.sample(sim, pair[0].geoms, margin, second, nudge)?;
            self.geometry.clear();
            let mut worst = 0.0_f64;
            for (touch, samples) in self.touches.iter().zip(&self.samples) {
                let (geometry, apart) = geometry(touch, samples, arm, nudge);
                worst = worst.max(apart);
                self.geometry.push(geometry);
            }
            if worst <= AGREE {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Finds the contacts again where the geoms are.
    fn find(&mut self, sim: &mut Sim, pair: &[ContactDetail], margin: f64, centre: Vec3) -> Result<(), PhysicsError> {
        sim.collide(pair[0].geoms, margin, &mut self.found)?;
        self.count = self.found.len();
        self.touches.clear();
        self.indices.clear();
        for contact in pair {
            let at = sub3(contact.pos, centre);
            // A narrow phase that does not find its contact again at the same pose is one on an edge.
            let found = nearest(&self.found, at).filter(|(_, t)| (t.dist - contact.dist).abs() <= SAME);
            let lost = Touch { dist: contact.dist, pos: at, normal: contact.frame[0], tangent: [0.0; 3] };
            self.indices.push(found.map_or(usize::MAX, |(i, _)| i));
            self.touches.push(found.map_or(lost, |(_, t)| *t));
        }
        Ok(())
    }

    /// Fills `samples` at four nudges of the second geom along six motions.
    fn sample(
        &mut self,
        sim: &mut Sim,
        geoms: [usize; 2],
        margin: f64,
        (pos, mat): &(Vec3, [f64; 9]),
        nudge: f64,
    ) -> Result<(), PhysicsError> {
        self.samples.clear();
        self.samples.resize(self.touches.len(), [[Touch::default(); 4]; 6]);
        for motion in 0..6 {
            let axis: Vec3 = std::array::from_fn(|i| f64::from(u8::from(i == motion % 3)));
            for (side, nudge) in [nudge, -nudge, 2.0 * nudge, -2.0 * nudge].into_iter().enumerate() {
                if motion < 3 {
                    let turn = rotation(axis, nudge);
                    let columns: [Vec3; 3] = std::array::from_fn(|c| apply3(&turn, [mat[c], mat[3 + c], mat[6 + c]]));
                    let turned = std::array::from_fn(|i| columns[i % 3][i / 3]);
                    sim.set_geom_pose(geoms[1], &apply3(&turn, *pos), &turned);
                } else {
                    sim.set_geom_pose(geoms[1], &add3(*pos, scale3(axis, nudge)), mat);
                }
                sim.collide(geoms, margin, &mut self.found)?;
                for ((touch, index), samples) in self.touches.iter().zip(&self.indices).zip(&mut self.samples) {
                    let same = self.found.get(*index).filter(|_| self.found.len() == self.count);
                    let found = same
                        .filter(|t| norm3(sub3(t.pos, touch.pos)) < SAME)
                        .or_else(|| nearest(&self.found, touch.pos).map(|(_, t)| t));
                    // Lost within the nudge: all differences disagree.
                    samples[motion][side] = found.copied().unwrap_or(Touch { dist: 1.0, ..*touch });
                }
            }
        }
        Ok(())
    }
}

fn nearest(touches: &[Touch], at: Vec3) -> Option<(usize, &Touch)> {
    let far = |t: &Touch| norm3(sub3(t.pos, at));
    touches.iter().enumerate().filter(|(_, t)| far(t) < SAME).min_by(|(_, a), (_, b)| far(a).total_cmp(&far(b)))
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

fn apply3(m: &[Vec3; 3], v: Vec3) -> Vec3 {
    std::array::from_fn(|r| dot3(m[r], v))
}

/// Derivatives from samples at +h, -h, +2h, -2h; and by how much the two differences disagree at most.
fn geometry(touch: &Touch, samples: &[[Touch; 4]; 6], arm: f64, nudge: f64) -> (Geometry, f64) {
    let rounding = 2.0 * ULP * (arm + norm3(touch.pos) + 0.01) / nudge;
    let mut disagreement = 0.0_f64;
    let mut error = [rounding, rounding, rounding];
    let by = std::array::from_fn(|motion| {
        let [p1, m1, p2, m2] = &samples[motion];
        let mut worst = [0.0_f64; 3];
        let mut derive = |which: usize, f: &dyn Fn(&Touch) -> f64| {
            let near = (f(p1) - f(m1)) / (2.0 * nudge);
            let far = (f(p2) - f(m2)) / (4.0 * nudge);
            let apart = (near - far).abs();
            // Where both agree well, what is left after the extrapolation is smaller by as much again.
            let left = apart * (30.0 * apart / (1.0 + near.abs())).min(1.0);
            worst[which.min(2)] = worst[which.min(2)].max(left);
            disagreement = disagreement.max(apart / (1.0 + near.abs()));
            if apart == 0.0 { near } else { near + (near - far) / 3.0 }
        };
        let touch = Touch {
            dist: derive(0, &|t| t.dist),
            pos: std::array::from_fn(|i| derive(1, &|t| t.pos[i])),
            normal: std::array::from_fn(|i| derive(2, &|t| t.normal[i])),
            tangent: std::array::from_fn(|i| derive(3, &|t| t.tangent[i])),
        };
        for (e, w) in error.iter_mut().zip(worst) {
            *e = e.max(w);
        }
        touch
    });
    (Geometry { touch: *touch, by, error }, disagreement)
}
