//! What `learn` leaves: weights, checkpoints, results.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bytes::{damage, one_in, pick};
use crate::case::{Case, Files, Same, files_of};
use crate::common::{Dice, Place};
use crate::drive::Target;
use crate::json;
use crate::limits::{make, program};
use crate::seal;

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
        } else if name.ends_with(".json") && !one_in(dice, 4) {
            let value: Value = serde_json::from_slice(bytes).expect("JSON");
            let value = json::damage(&value, dice);
            let value = if one_in(dice, 4) { value } else { seal::json(value) };
            value.to_string().into_bytes()
        } else if one_in(dice, 2) {
            header(bytes, dice).unwrap_or_else(|| damage(bytes, dice))
        } else {
            damage(bytes, dice)
        };
        // What is changed with a checksum is changed on purpose, and may say something else.
        let (changed, sealed) = if one_in(dice, 2) { seal::weights(changed) } else { (changed, false) };
        let mut case = Case { files: files.clone(), ..Case::default() };
        case.written = case.files.keys().filter(|name| name.starts_with("l/")).cloned().collect();
        case = case.with(&name, changed);
        case.hostile = vec![name.clone()];
        if name.ends_with(".json") {
            return case.command("report r.h5 --embed 10 --learned l -o out.html");
        }
        if !sealed {
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

/// A file of safetensors with its header changed, and the header's length.
fn header(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let length = usize::try_from(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)).ok()?;
    let mut value: Value = serde_json::from_slice(bytes.get(8..8 + length)?).ok()?;
    let notes = value.pointer("/__metadata__/dynsparse").and_then(Value::as_str).map(str::to_owned);
    match notes.and_then(|text| serde_json::from_str::<Value>(&text).ok()) {
        // The notes are JSON in a text.
        Some(notes) if !one_in(dice, 3) => {
            let mut notes = json::damage(&notes, dice);
            // The checksum, where there is one, comes first.
            let sum = notes.as_object_mut().and_then(|fields| fields.remove("sha256"));
            let rest = notes.to_string();
            let notes = match sum {
                Some(_) => format!("{{\"sha256\":\"{}\",{}", "0".repeat(64), &rest[1..]),
                None => rest,
            };
            *value.pointer_mut("/__metadata__/dynsparse")? = Value::from(notes);
        }
        _ => value = json::damage(&value, dice),
    }
    let mut header = value.to_string().into_bytes();
    while !header.len().is_multiple_of(8) {
        header.push(b' ');
    }
    Some([&(header.len() as u64).to_le_bytes()[..], &header, &bytes[8 + length..]].concat())
}
