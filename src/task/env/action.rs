//! From an action to controls.

use super::panda::Cartesian;
use super::push_cube::Delayed;
use super::spec::ActionSpec;
use super::{Bounds, Limits, Misfit, PerEntry, resolve, spread};
use crate::physics::{Model, Sim};
use crate::rng::Stream;

/// An action map and what it remembers.
#[derive(Debug, Clone)]
pub(super) struct Action {
    map: Map,
    /// Labels of the controls.
    controls: Vec<String>,
    /// The last control it gave, before MuJoCo or the recorder clamp it (nu).
    last: Vec<f64>,
}

#[derive(Debug, Clone)]
enum Map {
    Control,
    Affine { base: Base, scale: Vec<f64>, clip: Option<Limits> },
    Cartesian(Box<Cartesian>),
    Delayed(Box<Delayed>),
}

/// What `scale * action` is added to.
#[derive(Debug, Clone)]
enum Base {
    Given(Vec<f64>),
    Qpos(usize),
    Last,
}

impl Action {
    pub(super) fn new(spec: &ActionSpec, model: &Model) -> Result<Self, Misfit> {
        let nu = model.nu();
        let affine = |base: Base, scale: &PerEntry, clip: &Option<Bounds>| -> Result<Map, Misfit> {
            Ok(Map::Affine {
                base,
                scale: spread(scale, nu, "scale")?,
                clip: clip.as_ref().map(|c| resolve(c, model, nu, "clip")).transpose()?,
            })
        };
        let map = match spec {
            ActionSpec::Control => Map::Control,
            ActionSpec::Offset { offset, scale, clip } => {
                affine(Base::Given(spread(offset, nu, "offset")?), scale, clip)?
            }
            ActionSpec::DeltaQpos { qpos: [first, end], scale, clip } => {
                if *end > model.nq() || end.checked_sub(*first) != Some(nu) {
                    return Err(format!("qpos [{first}, {end}] of {} does not fit {nu} controls", model.nq()).into());
                }
                affine(Base::Qpos(*first), scale, clip)?
            }
            ActionSpec::DeltaCtrl { scale, clip } => affine(Base::Last, scale, clip)?,
            ActionSpec::Around { keyframe, share } => {
                if !share.is_finite() {
                    return Err(format!("the share is {share}; give a finite number").into());
                }
                let offset = model.keyframe_ctrl(model.keyframe(keyframe)?).to_vec();
                let clip = Limits::of_controls(model);
                let scale: Vec<f64> = clip.low.iter().zip(&clip.high).map(|(l, h)| share * (h - l) / 2.0).collect();
                if scale.iter().any(|s| !s.is_finite()) {
                    return Err("a control has no range".to_owned().into());
                }
                Map::Affine { base: Base::Given(offset), scale, clip: Some(clip) }
            }
            ActionSpec::PandaCartesian => Map::Cartesian(Box::new(Cartesian::new(model)?)),
            ActionSpec::PandaPushCube => Map::Delayed(Box::new(Delayed::new(model)?)),
        };
        Ok(Self { map, controls: model.names().ctrl.clone(), last: vec![0.0; nu] })
    }

    pub(super) fn labels(&self) -> Option<Vec<String>> {
        match &self.map {
            Map::Control => None,
            Map::Affine { .. } => Some(self.controls.clone()),
            Map::Cartesian(_) => Some(Cartesian::LABELS.map(str::to_owned).to_vec()),
            Map::Delayed(_) => Some(self.controls[..Delayed::SIZE].to_vec()),
        }
    }

    /// See [`super::Env::applied`].
    pub(super) fn applied(&self) -> Option<&[f64]> {
        match &self.map {
            Map::Delayed(map) => Some(map.applied()),
            _ => None,
        }
    }

    /// See [`super::Env::unreachable`].
    pub(super) fn unreachable(&self) -> bool {
        matches!(&self.map, Map::Cartesian(map) if map.unreachable())
    }

    pub(super) fn begin(&mut self, sim: &Sim, stream: Stream) {
        self.set_last(sim.ctrl());
        match &mut self.map {
            Map::Control | Map::Affine { .. } => {}
            Map::Cartesian(map) => map.begin(),
            Map::Delayed(map) => map.begin(stream),
        }
    }

    /// Makes other controls the last ones.
    pub(super) fn set_last(&mut self, ctrl: &[f64]) {
        self.last.copy_from_slice(ctrl);
    }

    pub(super) fn control(&mut self, sim: &Sim, action: &[f64], ctrl: &mut [f64]) {
        match &mut self.map {
            Map::Control => ctrl.copy_from_slice(action),
            Map::Affine { base, scale, clip } => {
                for (i, u) in ctrl.iter_mut().enumerate() {
                    let from = match base {
                        Base::Given(offset) => offset[i],
                        Base::Qpos(first) => sim.qpos()[*first + i],
                        Base::Last => self.last[i],
                    };
                    *u = from + scale[i] * action[i];
                }
                if let Some(limits) = clip {
                    limits.clip(ctrl);
                }
            }
            Map::Cartesian(map) => map.control(&self.last, action, ctrl),
            Map::Delayed(map) => map.control(action, ctrl),
        }
        self.last.copy_from_slice(ctrl);
    }
}
