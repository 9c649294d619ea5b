//! Settings in TOML: of `record`, `sweep` and `learn`.

use std::sync::Arc;

use crate::case::Case;
use crate::common::bytes::{FLOATS, INTEGERS, damage, one_in, pick};
use crate::common::json::TEXTS;
use crate::common::{Dice, Place};
use crate::drive::Target;
use crate::limits::make;

/// Settings of a recording. How much is recorded is on the command line, which wins: a long job is no fault.
const RECORD: [(&str, &str); 41] = [
    ("task", "\"Juggler\""),
    ("seed", "3"),
    ("policy", "\"uniform\""),
    ("policy", "\"expert\""),
    ("policy", "\"colored\""),
    ("policy", "\"sinusoid\""),
    ("scale", "0.5"),
    ("beta", "1"),
    ("frequency", "2"),
    ("amplitude", "0.5"),
    ("replay", "\"r.h5\""),
    ("replay-with", "\"controls\""),
    ("onnx-file", "\"p.onnx\""),
    ("explore-scale", "0.1"),
    ("explore-beta", "1"),
    ("planner", "\"cem\""),
    ("planner", "\"ilqg\""),
    ("horizon", "4"),
    ("samples", "4"),
    ("iterations", "1"),
    ("spacing", "2"),
    ("spline", "\"linear\""),
    ("noise", "0.3"),
    ("levels", "2"),
    ("coarse", "1"),
    ("elites", "2"),
    ("temperature", "0.1"),
    ("tries", "3"),
    ("effort", "0.01"),
    ("engine", "\"whole-step\""),
    ("eps", "1e-6"),
    ("difference", "\"forward\""),
    ("sensors", "true"),
    ("no-zero-test", "true"),
    ("step", "\"physics\""),
    ("solver", "\"task\""),
    ("timestep", "0.005"),
    ("set", "[\"geom_friction[0]=0.5\"]"),
    ("past-done", "true"),
    ("compression", "\"small\""),
    ("store", "\"f32\""),
];

/// Settings of training, with work that is done in a moment.
const LEARN: [(&str, &str); 20] = [
    ("models", "[\"mlp\"]"),
    ("models", "[\"transformer\", \"gated\"]"),
    ("models", "[\"graph\"]"),
    ("losses", "[\"mse\"]"),
    ("losses", "[\"mse+jacobian\"]"),
    ("seeds", "1"),
    ("width", "4"),
    ("weights", "500"),
    ("depth", "1"),
    ("states", "3"),
    ("memory", "0.001"),
    ("training.batch", "8"),
    ("training.lr", "0.001"),
    ("training.clip", "1"),
    ("training.weight_decay", "0.1"),
    ("training.columns", "2"),
    ("training.check_every", "1"),
    ("training.patience", "1"),
    ("split.validation", "0.3"),
    ("split.test", "0.3"),
];

/// Tables of a sweep's file besides its settings of recordings.
const SWEEP: [(&str, &str); 12] = [
    ("sweep.tasks", "[\"Juggler\"]"),
    ("sweep.tasks", "[\"Jugg*\", \"\"]"),
    ("sweep.out", "\"s\""),
    ("task.Juggler.beta", "1"),
    ("task.Nobody.seed", "1"),
    ("slurm.partition", "\"x\""),
    ("slurm.cpus", "2"),
    ("slurm.max-array-size", "10"),
    ("slurm.jobs-per-task", "3"),
    ("slurm.extra", "[\"--hold\"]"),
    ("slurm.time", "\"30\""),
    ("slurm.program", "[\"true\"]"),
];

/// A value in the place of one.
fn value(dice: &mut Dice) -> String {
    match dice.below(8) {
        0 | 1 => pick(dice, &INTEGERS).to_string(),
        2 | 3 => (*pick(dice, &FLOATS)).to_owned(),
        4 => ::toml::Value::from(*pick(dice, &TEXTS)).to_string(),
        5 => (*pick(dice, &["true", "[]", "[[]]", "{}", "1979-05-27", "'''x'''", "[1, 2]", "0x7fffffffffffffff"]))
            .to_owned(),
        6 => format!("{}1{}", "[".repeat(200), "]".repeat(200)),
        _ => format!("\"{}\"", "x".repeat(*pick(dice, &[1, 300, 100_000]))),
    }
}

/// Some lines of a list, one or two with other values.
fn lines(list: &[(&str, &str)], prefix: &str, most: u64, dice: &mut Dice) -> String {
    let mut keys = std::collections::BTreeMap::new();
    for _ in 0..=dice.below(most) {
        let (key, usual) = *pick(dice, list);
        let drawn = if one_in(dice, 2) { value(dice) } else { usual.to_owned() };
        // Thousands of runs of a grid are allowed, and take their time.
        let many = key.ends_with("seeds") && (3..10).contains(&drawn.len()) && drawn.parse::<u64>().is_ok();
        let value = if many { usual.to_owned() } else { drawn };
        keys.insert(format!("{prefix}{key}"), value);
    }
    keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// Files of settings.
pub(crate) struct Settings {
    recording: Arc<Vec<u8>>,
}

impl Target for Settings {
    fn new() -> Self {
        let place = Place::new();
        make(&place, "record --episodes 4 --steps 5 -o r.h5");
        Self { recording: Arc::new(place.read("r.h5")) }
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let (text, command) = match dice.below(5) {
            0 | 1 => {
                (lines(&RECORD, "", 4, dice), "record --config c.toml --episodes 1 --steps 2 --threads 1 -o out.h5")
            }
            2 => {
                let text = lines(&SWEEP, "", 3, dice) + &lines(&RECORD[1..], "record.", 2, dice);
                (text, "sweep Juggler --config c.toml --episodes 1 --steps 2 --threads 1 --out s")
            }
            _ => {
                let text = lines(&LEARN, "", 3, dice);
                let needed = [("recordings", "[\"r.h5\"]"), ("training.steps", "2"), ("width", "4"), ("states", "3")];
                let missing = |key: &str| !text.lines().any(|l| l.starts_with(&format!("{key} ")));
                let weights = !missing("weights");
                let needed = needed.iter().filter(|(key, _)| missing(key) && !(*key == "width" && weights));
                (
                    text.clone() + &needed.map(|(k, v)| format!("{k} = {v}\n")).collect::<String>(),
                    "learn --grid c.toml -o l",
                )
            }
        };
        let text = if one_in(dice, 5) { damage(text.as_bytes(), dice) } else { text.into_bytes() };
        Case::of("c.toml", text).with("r.h5", Arc::clone(&self.recording)).command(command)
    }
}
