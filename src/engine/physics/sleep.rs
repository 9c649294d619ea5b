//! Trees of bodies that sleep (`<flag sleep="enable"/>`): what of mjData a step depends on then, beside the integration state.
//!
//! A tree t sleeps where tree_asleep_t >= 0, which names the next tree of the cycle that fell asleep together; else
//! -tree_asleep_t - 1 steps are left for which it has to rest before it may. What sleeps is left out of all stages: its poses, inertias,
//! sensors and forces stay those of the step in which it fell asleep. At its start `mj_step` wakes a cycle
//!
//! - whose bodies are elsewhere than their poses were, to the last bit, with any velocity, or with a force from outside;
//! - in contact with an awake tree or a mocap body, joined to one by an equality, or by a tendon at its limit.
//!
//! At its end an island falls asleep all of whose trees have rested for long enough; velocities become 0, positions stay.
//!
//! So a step is a function of the integration state and of four arrays, which [`Sim::get_state`] gives behind it: tree_asleep (ntree);
//! the acceleration without constraints (qacc_smooth, nv), which becomes the warm start of what sleeps; the rate of
//! activations (act_dot, na), by which those of sleeping trees go on; and sensordata (nsensordata), which stays there. Poses are not among them:
//! a state that is set has what sleeps where its positions say, asleep.

use mujoco_rs::mujoco_c::{mjtEnableBit, mjtObj, mjtSleepPolicy, mjtSleepState};

use super::attachments::{Attachment, Attachments};
use super::elements::Slices;
use super::guard;
use super::sim::view;
use super::{Model, PhysicsError, Sim};

/// tree_asleep of a tree that has not rested yet: -(1 + mjMINAWAKE).
const AWAKE: i32 = -11;

/// tree_asleep of a tree that falls asleep at the end of a step in which it rests; so does the one after.
const LAST_STEPS: i32 = -2;

/// Policies under which a tree stays awake.
const NEVER: [i32; 2] = [mjtSleepPolicy::mjSLEEP_AUTO_NEVER as i32, mjtSleepPolicy::mjSLEEP_NEVER as i32];

/// What the data of a simulation has to catch up with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unsettled {
    /// A state was set: what sleeps there has no poses yet.
    pub(super) placed: bool,
    /// Positions may have been written since MuJoCo last saw them.
    pub(super) moved: bool,
    /// Sensors of what sleeps are those of its new poses, not those that were set.
    pub(super) renewed: bool,
}

impl Model {
    /// Whether trees of bodies at rest fall asleep.
    pub fn sleeps(&self) -> bool {
        self.is_enabled(mjtEnableBit::mjENBL_SLEEP)
    }

    /// Number of kinematic trees.
    pub fn ntree(&self) -> usize {
        self.raw().ntree as usize
    }

    /// Names of the root bodies of the trees; that of a body without a name is its number (ntree).
    pub fn tree_labels(&self) -> Vec<String> {
        let roots = Slices(self.raw()).tree_bodyadr();
        let names = self.body_names();
        roots.iter().map(|body| names.get(*body as usize).cloned().unwrap_or_default()).collect()
    }

    /// Numbers behind the integration state that a step depends on where trees sleep.
    pub(super) fn sleep_size(&self) -> usize {
        if self.sleeps() { self.ntree() + self.nv() + self.na() + self.nsensordata() } else { 0 }
    }

    /// A copy in which nothing sleeps.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for it.
    pub fn sleepless(&self) -> Result<Self, PhysicsError> {
        let mut copy = self.copy()?;
        copy.raw_mut().opt.enableflags &= !(mjtEnableBit::mjENBL_SLEEP as i32);
        Ok(copy)
    }

    /// By tree, whether it may sleep at all (ntree).
    fn may_sleep(&self) -> Vec<bool> {
        let policies = Slices(self.raw()).tree_sleep_policy();
        policies.iter().map(|policy| self.sleeps() && !NEVER.contains(policy)).collect()
    }

    /// What of a model that sleeps makes its steps no function of a state: one reason each.
    pub fn sleep_obstacles(&self) -> Vec<String> {
        let m = Slices(self.raw());
        let may = self.may_sleep();
        let mut found = Vec::new();
        if self.sleeps() && self.steps_by_runge_kutta() {
            found.push(
                "sleep with the integrator RK4: what falls asleep keeps the poses of the last stage, and wakes again"
                    .to_owned(),
            );
        }
        let mocap =
            |body: i32| m.body_rootid().get(body as usize).and_then(|root| m.body_mocapid().get(*root as usize));
        let carried =
            m.tree_bodyadr().iter().zip(&may).any(|(body, may)| *may && mocap(*body).is_some_and(|id| *id >= 0));
        if carried {
            found.push("sleep of what a mocap body carries: give its body sleep=\"never\"".to_owned());
        }
        found
    }

    /// Whether a tendon or an actuator with an activation takes hold of what may sleep, and whether an actuator takes hold of nothing
    /// that moves: a tendon between two trees acts on the one that is awake alone, an activation runs on, and what holds on
    /// to nothing that is awake does nothing.
    pub fn sleep_is_pulled_at(&self) -> [bool; 3] {
        if !self.sleeps() {
            return [false; 3];
        }
        let (m, may) = (Slices(self.raw()), self.may_sleep());
        let sleepy = |trees: &[usize]| trees.iter().any(|tree| may.get(*tree).copied().unwrap_or(true));
        let attachments = Attachments::new(self);
        let tree = |attachment: Attachment| usize::try_from(*m.body_treeid().get(attachments.body(attachment)?)?).ok();
        let tendons = (0..self.raw().ntendon).any(|tendon| {
            let mut trees: Vec<usize> = attachments.tendon(tendon as i32).filter_map(tree).collect();
            trees.sort_unstable();
            trees.dedup();
            trees.len() > 1 && sleepy(&trees)
        });
        let moved = |actuator: usize| -> Option<Vec<usize>> {
            Some(attachments.transmission(actuator)?.into_iter().filter_map(tree).collect())
        };
        let [mut activations, mut idle] = [false; 2];
        for actuator in 0..self.raw().nactuator as usize {
            let trees = moved(actuator);
            let may_sleep = trees.as_ref().map_or(may.contains(&true), |trees| sleepy(trees));
            activations |= m.actuator_actnum()[actuator] > 0 && may_sleep;
            idle |= trees.is_some_and(|trees| trees.is_empty());
        }
        [tendons, activations, idle]
    }

    /// The velocity below which a dof rests (nv): opt.sleep_tolerance over dof_length; infinite where the tree may not sleep.
    pub fn resting_speeds(&self) -> Vec<f64> {
        let (m, may) = (Slices(self.raw()), self.may_sleep());
        let tolerance = self.raw().opt.sleep_tolerance;
        let speed = |(tree, length): (&i32, &f64)| match may.get(*tree as usize) {
            Some(true) => tolerance / length,
            _ => f64::INFINITY,
        };
        m.dof_treeid().iter().zip(m.dof_length()).map(speed).collect()
    }
}

impl Sim {
    /// By tree: at least 0 where it sleeps, and then the next tree of those that fell asleep together; else below 0, the more so the
    /// longer it has to rest until it may (ntree). All are awake where the model does not sleep.
    pub fn tree_asleep(&self) -> &[i32] {
        // SAFETY: ntree entries (mjdata.h), which live as long as self.
        unsafe { view(self.raw().tree_asleep.cast_const(), self.model().ntree()) }
    }

    /// Acceleration without constraints of the last step (nv); in the state where trees sleep.
    pub fn qacc_smooth(&self) -> &[f64] {
        // SAFETY: nv entries, as above.
        unsafe { view(self.raw().qacc_smooth.cast_const(), self.model().nv()) }
    }

    /// Whether some tree sleeps, or may fall asleep in the next step.
    pub fn is_drowsy(&self) -> bool {
        self.model().sleeps() && self.tree_asleep().iter().any(|asleep| *asleep >= LAST_STEPS)
    }

    /// Whether a tree of that tree_asleep is awake and falls asleep in the next step if it rests.
    pub fn is_tired(asleep: i32) -> bool {
        (LAST_STEPS..0).contains(&asleep)
    }

    /// By sensor value, whether what it sees sleeps, so that it is not computed (nsensordata).
    pub fn asleep_sensors(&self) -> Vec<bool> {
        let model = self.model().clone();
        let m = Slices(model.raw());
        let mut asleep = vec![false; model.nsensordata()];
        for (sensor, (adr, dim)) in m.sensor_adr().iter().zip(m.sensor_dim()).enumerate() {
            // SAFETY: model and data belong together, and the sensor is one of the model's.
            let state = unsafe {
                guard::mj_sleepState(model.ptr(), self.data.as_ptr(), mjtObj::mjOBJ_SENSOR as i32, sensor as i32)
            };
            let sleeps = state == mjtSleepState::mjS_ASLEEP as i32 && self.tree_asleep().iter().any(|t| *t >= 0);
            let values = usize::try_from(*adr).unwrap_or(usize::MAX);
            asleep.iter_mut().skip(values).take(*dim as usize).for_each(|asleep| *asleep = sleeps);
        }
        asleep
    }

    /// Says which trees sleep, as [`Sim::tree_asleep`] tells it, what sleeps then being where its positions say; with the
    /// acceleration and the rates that its last step has left. All trees are awake where there is nothing to take it from.
    ///
    /// # Errors
    /// [`PhysicsError::NoCycles`] for numbers that are no cycles of trees.
    pub fn set_asleep(
        &mut self,
        trees: Option<&[i32]>,
        qacc_smooth: &[f64],
        act_dot: &[f64],
    ) -> Result<(), PhysicsError> {
        if !self.model().sleeps() {
            return Ok(());
        }
        let awake = vec![AWAKE; self.model().ntree()];
        let trees = trees.unwrap_or(&awake);
        if !are_cycles(trees, awake.len()) {
            return Err(PhysicsError::NoCycles(trees.to_vec()));
        }
        self.trees_mut().copy_from_slice(trees);
        let [smooth, rates, _] = self.kept_mut();
        for (to, from) in [(smooth, qacc_smooth), (rates, act_dot)] {
            if to.len() == from.len() {
                to.copy_from_slice(from);
            }
        }
        self.unsettled = Unsettled { placed: true, moved: false, renewed: false };
        Ok(())
    }

    /// After [`Sim::set_state`]: lets sensors of what sleeps be those of the poses that it is nudged to.
    pub fn renew_asleep_sensors(&mut self) {
        self.unsettled.renewed = true;
    }

    /// Wakes what sleeps and was moved or pushed since the last step, as the next one would; [`Sim::get_state`] does so too.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub fn wake_moved(&mut self) -> Result<(), PhysicsError> {
        let Unsettled { placed, moved, .. } = self.unsettled;
        self.unsettled.moved = false;
        if moved && !placed && self.model().sleeps() && self.tree_asleep().iter().any(|asleep| *asleep >= 0) {
            let m = self.model().clone();
            // SAFETY: model and data belong together.
            self.call_as_it_is(|d| unsafe { guard::ds_kinematics(m.ptr(), d) })?;
        }
        Ok(())
    }

    /// Appends what a step depends on beside the integration state.
    pub(super) fn get_sleep(&mut self, out: &mut [f64]) -> Result<(), PhysicsError> {
        if out.is_empty() {
            return Ok(());
        }
        self.wake_moved()?;
        let (trees, rest) = out.split_at_mut(self.model().ntree());
        trees.iter_mut().zip(self.tree_asleep()).for_each(|(to, from)| *to = f64::from(*from));
        let mut at = 0;
        for from in self.kept_mut() {
            rest[at..at + from.len()].copy_from_slice(from);
            at += from.len();
        }
        Ok(())
    }

    /// Takes what [`Sim::get_sleep`] gave.
    pub(super) fn set_sleep(&mut self, from: &[f64]) -> Result<(), PhysicsError> {
        if from.is_empty() {
            return Ok(());
        }
        let (trees, rest) = from.split_at(self.model().ntree());
        let trees: Vec<i32> = trees.iter().map(|x| *x as i32).collect();
        let (nv, na) = (self.model().nv(), self.model().na());
        self.set_asleep(Some(&trees), &rest[..nv], &rest[nv..nv + na])?;
        let [.., sensors] = self.kept_mut();
        sensors.copy_from_slice(&rest[nv + na..]);
        Ok(())
    }

    /// Gives what sleeps its poses, and all that follows from them, at the positions of a state that was set: everything is derived
    /// once with all trees awake.
    pub(super) fn settle_sleep(&mut self) -> Result<(), PhysicsError> {
        let Unsettled { renewed, .. } = std::mem::take(&mut self.unsettled);
        let trees = self.tree_asleep().to_vec();
        let model = self.model().clone();
        if trees.iter().any(|asleep| *asleep >= 0) {
            let kept: Vec<Vec<f64>> = self.kept_mut().map(|array| array.to_vec()).into();
            let warmstart = self.qacc_warmstart().to_vec();
            let warnings = self.raw().warning.clone();
            self.trees_mut().fill(AWAKE);
            // SAFETY: model and data belong together.
            self.call_as_it_is(|d| unsafe { guard::ds_update_sleep(model.ptr(), d) })?;
            // SAFETY: as above.
            self.call_as_it_is(|d| unsafe { guard::ds_forward(model.ptr(), d) })?;
            let arrays = if renewed { 2 } else { 3 };
            self.kept_mut().into_iter().zip(&kept).take(arrays).for_each(|(to, from)| to.copy_from_slice(from));
            self.qacc_warmstart_mut().copy_from_slice(&warmstart);
            // SAFETY: valid, and `&mut self` excludes every other access.
            unsafe { self.data.as_mut() }.warning = warnings;
            self.trees_mut().copy_from_slice(&trees);
        }
        // SAFETY: model and data belong together, and the trees are cycles.
        self.call_as_it_is(|d| unsafe { guard::ds_update_sleep(model.ptr(), d) })
    }

    fn trees_mut(&mut self) -> &mut [i32] {
        let n = self.model().ntree();
        if n == 0 {
            return &mut [];
        }
        // SAFETY: ntree entries (mjdata.h), and `&mut self` excludes every other access.
        unsafe { std::slice::from_raw_parts_mut(self.raw().tree_asleep, n) }
    }

    /// The arrays that are kept of what sleeps: qacc_smooth, act_dot and sensordata.
    fn kept_mut(&mut self) -> [&mut [f64]; 3] {
        let (nv, na, ns) = (self.model().nv(), self.model().na(), self.model().nsensordata());
        let d = self.raw();
        [(d.qacc_smooth, nv), (d.act_dot, na), (d.sensordata, ns)].map(|(array, n)| match n {
            0 => &mut [][..],
            // SAFETY: three arrays apart from each other with so many entries (mjdata.h), and `&mut self` excludes every other access.
            n => unsafe { std::slice::from_raw_parts_mut(array, n) },
        })
    }
}

/// Whether every tree that sleeps is in a cycle of such trees.
fn are_cycles(trees: &[i32], n: usize) -> bool {
    let mut comes_from = vec![false; n];
    let asleep = || trees.iter().filter(|tree| **tree >= 0);
    trees.len() == n
        && asleep().all(|next| {
            let next = *next as usize;
            next < n && trees[next] >= 0 && !std::mem::replace(&mut comes_from[next], true)
        })
        && trees.iter().all(|tree| *tree >= AWAKE)
}
