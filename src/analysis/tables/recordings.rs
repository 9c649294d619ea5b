//! The recordings and how they were read.

use serde_json::Value;

use super::super::table::{Table, row};
use super::super::{Analysis, Criterion};

row! {
    struct RecordingRow<'a> in "recordings": "what was analysed" {
        file: &'a str => "file",
        content_sha256: Option<&'a str> => "digest of the recording's content",
        zero: Criterion => "what makes an entry zero: mask, or the threshold",
        masks: bool => "whether the recording holds zero masks",
        episodes: usize => "episodes",
        steps: u64 => "steps",
        samples: u64 => "steps that count",
        unwanted: u64 => "steps left out by their flags",
        not_finite: u64 => "steps left out because an entry is NaN or infinite",
        step_kind: Option<&'a Value> => "control: a step of the policy; physics: a step of the simulation",
        step_duration: Option<&'a Value> => "duration of a step, s",
        engine: Option<&'a Value> => "how the Jacobians were computed",
        policy: Option<&'a Value> => "policy",
    }
}

pub(super) fn table(analyses: &[Analysis]) -> Table {
    super::table(analyses, |a| {
        let attribute = |name: &str| a.subject.attributes.get(name);
        let s = &a.selection;
        [RecordingRow {
            file: &a.subject.file,
            content_sha256: a.subject.content_sha256.as_deref(),
            zero: a.criterion,
            masks: a.masks,
            episodes: s.episodes,
            steps: s.steps,
            samples: s.samples,
            unwanted: s.unwanted,
            not_finite: s.not_finite,
            step_kind: attribute("step_kind"),
            step_duration: attribute("step_duration"),
            engine: attribute("engine"),
            policy: attribute("policy"),
        }]
    })
}
