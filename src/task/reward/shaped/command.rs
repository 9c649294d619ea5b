//! Velocity commands as Playground draws them.

use serde::{Deserialize, Serialize};

use super::super::memory::Memory;
use crate::rng::Stream;

/// What commands there are: velocity forward and to the left (m/s), yaw rate (rad/s).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// Lower bounds.
    pub low: [f64; 3],
    /// Upper bounds.
    pub high: [f64; 3],
    /// Probability that a command is to stand still.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub still: f64,
    /// A component that is smaller becomes 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<[f64; 3]>,
    /// Later commands change each component with probability 1/2, to 0 but with this probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<[f64; 3]>,
    /// When the next one comes.
    pub next: NextCommand,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(super) fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

/// When a new command is drawn.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NextCommand {
    /// After so many control steps.
    After(i64),
    /// After a time that is exponentially distributed, with this mean, s.
    Random(f64),
}

impl CommandSpec {
    /// The same command in all episodes.
    pub(in crate::task) fn fixed(command: [f64; 3]) -> Self {
        Self { low: command, high: command, still: 0.0, least: None, keep: None, next: NextCommand::After(i64::MAX) }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let ordered = self.low.iter().zip(&self.high).all(|(a, b)| a.is_finite() && b.is_finite() && a <= b);
        let rate = match self.next {
            NextCommand::After(steps) => steps > 0,
            NextCommand::Random(mean) => mean.is_finite() && mean > 0.0,
        };
        let shares = self.keep.iter().flatten().chain([&self.still]).all(|p| (0.0..=1.0).contains(p));
        let least = self.least.iter().flatten().all(|x| x.is_finite());
        if ordered && rate && shares && least {
            Ok(())
        } else {
            Err("the command needs finite low and high in order, probabilities in [0, 1] and a time above 0".to_owned())
        }
    }

    /// The first command of an episode.
    pub(super) fn begin(&self, memory: &mut Memory, control_dt: f64) {
        let Some(mut stream) = memory.stream.take() else { return };
        memory.count = self.wait(&mut stream, control_dt);
        memory.command = self.draw(&mut stream);
        memory.stream = Some(stream);
    }

    /// Counts a control step, and draws the next command when it is time.
    pub(super) fn advance(&self, memory: &mut Memory, over: bool, control_dt: f64) {
        let due = match self.next {
            NextCommand::After(steps) => {
                memory.count += 1;
                memory.count > steps
            }
            NextCommand::Random(_) => {
                memory.count -= 1;
                memory.count <= 0
            }
        };
        if !(due || over) || !memory.foresees {
            return;
        }
        let Some(mut stream) = memory.stream.take() else { return };
        if due {
            memory.command = match self.keep {
                None => self.draw(&mut stream),
                Some(keep) => self.change(memory.command, keep, &mut stream),
            };
        }
        memory.count = self.wait(&mut stream, control_dt);
        memory.stream = Some(stream);
    }

    fn uniform(&self, stream: &mut Stream) -> [f64; 3] {
        std::array::from_fn(|i| self.low[i] + (self.high[i] - self.low[i]) * stream.uniform())
    }

    fn draw(&self, stream: &mut Stream) -> [f64; 3] {
        let mut command = self.uniform(stream);
        if self.still > 0.0 && stream.uniform() < self.still {
            return [0.0; 3];
        }
        for (x, least) in command.iter_mut().zip(self.least.unwrap_or_default()) {
            if x.abs() < least {
                *x = 0.0;
            }
        }
        command
    }

    fn change(&self, old: [f64; 3], keep: [f64; 3], stream: &mut Stream) -> [f64; 3] {
        let fresh = self.uniform(stream);
        std::array::from_fn(|i| {
            let fresh = if stream.uniform() < keep[i] { fresh[i] } else { 0.0 };
            if stream.uniform() < 0.5 { fresh } else { old[i] }
        })
    }

    /// The count that the next command begins with.
    fn wait(&self, stream: &mut Stream, control_dt: f64) -> i64 {
        match self.next {
            NextCommand::After(_) => 0,
            NextCommand::Random(mean) => (-libm::log1p(-stream.uniform()) * mean / control_dt).round() as i64,
        }
    }
}
