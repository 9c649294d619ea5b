//! States along random rollouts: physics steps drawn evenly from whole episodes.

use std::sync::Arc;

use rayon::prelude::*;

use super::{CheckError, CheckSettings};
use crate::physics::{Model, Sim};
use crate::policy::{self, ControlRanges};
use crate::rng::Stream;
use crate::task::Task;

/// A state of an episode, before a physics step, with the controls of that step.
#[derive(Debug, Clone, PartialEq)]
pub struct SampledState {
    /// Episode.
    pub episode: u64,
    /// Control step.
    pub step: usize,
    /// Physics step of it.
    pub substep: usize,
    /// The integration state ([`Sim::get_state`]).
    pub state: Vec<f64>,
}

/// Which physics steps of an episode are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// A random draw.
    Drawn,
    /// The first, and others at even distances from it.
    Even,
}

/// `settings.states` states, as evenly from `settings.episodes` episodes as they divide, in order. Fewer where the
/// episodes have fewer physics steps before they diverge or the task ends them.
pub(super) fn sample(
    task: &Task,
    model: &Arc<Model>,
    settings: &CheckSettings,
    choice: Choice,
) -> Result<Vec<SampledState>, CheckError> {
    let (n, episodes) = (settings.states as u64, settings.episodes);
    let share = |episode: u64| (n / episodes + u64::from(episode < n % episodes)) as usize;
    let found: Vec<(Vec<SampledState>, Option<String>)> = (0..episodes.min(n))
        .into_par_iter()
        .map(|episode| Rollout::new(task, model, settings)?.run(episode, share(episode), choice))
        .collect::<Result<_, CheckError>>()?;
    let reason = found.iter().find_map(|(_, reason)| reason.clone());
    let places: Vec<SampledState> = found.into_iter().flat_map(|(places, _)| places).collect();
    if places.is_empty() {
        let reason = reason.unwrap_or_else(|| "the episodes have no step".to_owned());
        return Err(CheckError::NoState { task: task.spec.name.clone(), reason });
    }
    Ok(places)
}

struct Rollout<'a> {
    task: &'a Task,
    settings: &'a CheckSettings,
    sim: Sim,
}

impl<'a> Rollout<'a> {
    fn new(task: &'a Task, model: &Arc<Model>, settings: &'a CheckSettings) -> Result<Self, CheckError> {
        Ok(Self { task, settings, sim: Sim::new(model)? })
    }

    /// `n` states of an episode, and why it diverged, if it did.
    fn run(
        &mut self,
        episode: u64,
        n: usize,
        choice: Choice,
    ) -> Result<(Vec<SampledState>, Option<String>), CheckError> {
        let Self { task, settings, sim } = self;
        let (spec, model) = (&task.spec, sim.model().clone());
        let mut env = task.env(&model)?;
        let ranges = ControlRanges::from(&*model);
        let actions = env.action_labels().map_or_else(|| ranges.clone(), |l| ControlRanges::unit(l.len()));
        let (dt, length) = (task.control_dt(&model) * spec.action_repeat as f64, spec.episode_length);
        let calls = length.div_ceil(spec.action_repeat);
        let mut policy = policy::build(&settings.policy, &actions, settings.seed, episode, calls, dt)?;
        let (mut action, mut ctrl) = (vec![0.0; actions.lo.len()], vec![0.0; model.nu()]);
        let mut kept = match choice {
            Choice::Drawn => Kept::Drawn(Box::new(Reservoir::new(n, settings.seed, episode))),
            Choice::Even => Kept::Even(Even::new(n, length * spec.substeps)),
        };

        task.reset(sim, settings.seed, episode)?;
        env.begin(sim, settings.seed, episode);
        let mut end = sim.divergence();
        'episode: for step in 0..length {
            if end.is_some() {
                break;
            }
            if step % spec.action_repeat == 0 {
                policy.act(step / spec.action_repeat, &mut action);
            }
            env.act(sim, &action, &mut ctrl);
            ranges.clamp(&mut ctrl);
            sim.ctrl_mut().copy_from_slice(&ctrl);
            for substep in 0..spec.substeps {
                if let Some(slot) = kept.slot() {
                    let mut state = vec![0.0; model.state_size()];
                    sim.get_state(&mut state)?;
                    kept.put(slot, SampledState { episode, step, substep, state });
                }
                sim.step()?;
                end = sim.divergence();
                if end.is_some() {
                    break 'episode;
                }
            }
            if env.after(sim).is_some() {
                break;
            }
        }
        Ok((kept.done(), end.map(|reason| reason.to_string())))
    }
}

/// What has been taken of an episode so far.
enum Kept {
    Drawn(Box<Reservoir>),
    Even(Even),
}

impl Kept {
    fn slot(&mut self) -> Option<usize> {
        match self {
            Self::Drawn(kept) => kept.slot(),
            Self::Even(kept) => kept.slot(),
        }
    }

    fn put(&mut self, slot: usize, place: SampledState) {
        match self {
            Self::Drawn(kept) => kept.put(slot, place),
            Self::Even(kept) => kept.places.push(place),
        }
    }

    fn done(self) -> Vec<SampledState> {
        match self {
            Self::Drawn(kept) => kept.done(),
            Self::Even(kept) => kept.places,
        }
    }
}

/// Elements of a sequence at even distances, the first among them.
struct Even {
    places: Vec<SampledState>,
    n: usize,
    length: usize,
    seen: usize,
}

impl Even {
    fn new(n: usize, length: usize) -> Self {
        Self { places: Vec::with_capacity(n), n, length, seen: 0 }
    }

    fn slot(&mut self) -> Option<usize> {
        let taken = self.places.len();
        let wanted = taken < self.n && self.seen >= taken * self.length / self.n;
        self.seen += 1;
        wanted.then_some(taken)
    }
}

/// An even draw from a sequence of unknown length (reservoir sampling).
struct Reservoir {
    places: Vec<SampledState>,
    n: usize,
    seen: u64,
    draws: Stream,
}

impl Reservoir {
    fn new(n: usize, seed: u64, episode: u64) -> Self {
        Self { places: Vec::with_capacity(n), n, seen: 0, draws: Stream::new(seed, "check", episode) }
    }

    /// Where the next element of the sequence goes; None: nowhere.
    fn slot(&mut self) -> Option<usize> {
        self.seen += 1;
        if self.places.len() < self.n {
            return Some(self.places.len());
        }
        let slot = (self.draws.uniform() * self.seen as f64) as usize;
        (slot < self.n).then_some(slot)
    }

    fn put(&mut self, slot: usize, place: SampledState) {
        match self.places.get_mut(slot) {
            Some(old) => *old = place,
            None => self.places.push(place),
        }
    }

    fn done(mut self) -> Vec<SampledState> {
        self.places.sort_by_key(|p| (p.step, p.substep));
        self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_distances_begin_with_the_first() {
        let taken = |n: usize, length: usize| {
            let mut kept = Even::new(n, length);
            for step in 0..length {
                if kept.slot().is_some() {
                    kept.places.push(SampledState { episode: 0, step, substep: 0, state: Vec::new() });
                }
            }
            kept.places.iter().map(|p| p.step).collect::<Vec<_>>()
        };
        assert_eq!(taken(4, 100), [0, 25, 50, 75]);
        assert_eq!(taken(3, 10), [0, 3, 6]);
        assert_eq!(taken(4, 2), [0, 1]);
        assert_eq!(taken(0, 10), [0; 0]);
    }

    #[test]
    fn a_reservoir_draws_evenly() {
        let mut counts = [0; 20];
        for episode in 0..4000 {
            let mut kept = Reservoir::new(5, 1, episode);
            for step in 0..20 {
                if let Some(slot) = kept.slot() {
                    kept.put(slot, SampledState { episode, step, substep: 0, state: Vec::new() });
                }
            }
            let places = kept.done();
            assert!(places.len() == 5 && places.windows(2).all(|w| w[0].step < w[1].step));
            places.iter().for_each(|p| counts[p.step] += 1);
        }
        // 1000 each, with a standard deviation of 27.
        assert!(counts.iter().all(|c| (880..1120).contains(c)), "{counts:?}");
    }
}
