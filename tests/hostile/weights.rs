//! What `learn` leaves: weights, checkpoints, results.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::case::{Case, Files, Same, files_of};
use crate::common::bytes::{one_in, pick};
use crate::common::{Dice, Place, manifest, weights};
use crate::drive::Target;
use crate::limits::{make, program};

/// A run that is finished in a moment.
const LEARN: &str = "learn r.h5 --steps 60 --check-every 1 --patience 100 --width 4 --depth 1 --states 3 -o l";

/// Its folder.
const RUN: &str = "l/Juggler-mlp-mse-s0";

/// Finished and unfinished folders.
pub(crate) struct Weights {
    finished: Files,
    unfinished: Files,
    /// What is said of the finished one, which a run that goes on ends with too.
    evaluated: Arc<Vec<u8>>,
}

fn evaluate() -> String {
    format!("evaluate {RUN} r.h5 --states 3")
}

impl Target for Weights {
    fn new() -> Self {
        let place = Place::new();
        make(&place, "record --episodes 4 --steps 5 -o r.h5");
        let recording = place.read("r.h5");
        make(&place, LEARN);
        let evaluated = make(&place, &evaluate());
        Self { finished: files_of(&place), unfinished: unfinished(&recording), evaluated: Arc::new(evaluated) }
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let unfinished = one_in(dice, 2);
        let files = if unfinished { &self.unfinished } else { &self.finished };
        let read = ["model.safetensors", "checkpoint.safetensors", "results.json"];
        let names: Vec<&String> = files.keys().filter(|name| read.iter().any(|end| name.ends_with(end))).collect();
        let name = (*pick(dice, &names)).clone();
        let bytes = &files[&name];
        let changed = if one_in(dice, 10) {
            bytes.to_vec()
        } else if name.ends_with(".json") {
            manifest::changed(bytes, dice)
        } else {
            weights::changed(bytes, dice)
        };
        // What is changed with a checksum is changed on purpose, and may say something else.
        let sealed = if one_in(dice, 2) { weights::sealed(&changed) } else { None };
        let is_sealed = sealed.is_some();
        let changed = sealed.unwrap_or(changed);
        let mut case = Case { files: files.clone(), ..Case::default() };
        case.written = case.files.keys().filter(|name| name.starts_with("l/")).cloned().collect();
        case = case.with(&name, changed);
        case.hostile = vec![name.clone()];
        if name.ends_with(".json") {
            return case.command("report r.h5 --embed 10 --learned l -o out.html");
        }
        if !is_sealed {
            case.same = Some(Same { accepted: 0, said: 1, expected: Arc::clone(&self.evaluated) });
        }
        case.command(LEARN).command(&evaluate())
    }
}

/// Kills a run as soon as it has a checkpoint.
fn unfinished(recording: &[u8]) -> Files {
    let begun = Instant::now();
    loop {
        let place = Place::new();
        place.write("r.h5", recording);
        let mut command = program(&place, &LEARN.split(' ').collect::<Vec<_>>());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let checkpoint = place.path(&format!("{RUN}/checkpoint.safetensors"));
        while !checkpoint.exists() && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        child.kill().expect("a kill is sent");
        child.wait().expect("a child is waited for");
        let files = files_of(&place);
        if files.contains_key(&format!("{RUN}/checkpoint.safetensors")) {
            return files;
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "no run is ever killed with a checkpoint");
    }
}
