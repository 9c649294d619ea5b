//! Files of settings, and what becomes of them when values are changed.

use serde_json::Value;

use super::Dice;
use super::bytes::damage;
use super::json;

/// Settings of a recording, for `record --config` together with the flags that keep it short.
pub(crate) fn record() -> Vec<u8> {
    b"policy = \"colored\"\nbeta = 1.0\nscale = 0.5\nseed = 3\nengine = \"auto\"\nsensors = false\nsolver = \"converged\"\n\
      step = \"control\"\nset = [\"geom_friction[0]=0.5\"]\nexplore-scale = 0.1\nexplore-beta = 1.0\ncompression = \"fast\"\nstore = \"f32\"\n\
      past-done = true\nepisodes = 2\nsteps = 3\n"
        .to_vec()
}

/// A sweep with a cluster, for `sweep --dry-run --config`, with `--slurm` or without.
pub(crate) fn sweep() -> Vec<u8> {
    b"[sweep]\ntasks = [\"Juggler\"]\nout = \"s\"\n[record]\nepisodes = 2\nsteps = 3\nseed = 1\ntimestep = 0.002\n\
      [task.Juggler]\nsteps = 2\npolicy = \"gaussian\"\nscale = 0.5\n[slurm]\npartition = \"cpu\"\ntime = \"12:00:00\"\n\
      mem = \"2G\"\ncpus = 2\nmax-array-size = 1001\nmax-running = 5\njobs-per-task = 2\nrequeue = true\nmodules = [\"gcc\"]\n\
      setup = \"ulimit -c 0\"\nextra = [\"--constraint=skylake\"]\nprogram = [\"dynsparse\"]\n"
        .to_vec()
}

/// A grid over `made.h5`, for `learn --grid`.
pub(crate) fn grid() -> Vec<u8> {
    b"recordings = [\"made.h5\"]\nmodels = [\"mlp\", \"oracle\"]\nlosses = [\"mse\", \"mse+sae:0.1\"]\nseeds = 1\nwidth = 4\ndepth = 1\n\
      states = 9\nbackend = \"cpu\"\nmemory = 1.0\n[training]\nsteps = 4\nbatch = 8\nlr = 0.001\nweight_decay = 0.0001\nclip = 10.0\n\
      columns = 2\ncheck_every = 2\npatience = 3\nvalidation_states = 8\n[split]\nvalidation = 0.2\ntest = 0.2\nseed = 0\n"
        .to_vec()
}

/// A file with some values changed, removed, doubled or of another type; sometimes any bytes.
pub(crate) fn mutate(file: &[u8], seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut text = String::from_utf8_lossy(file).into_owned();
    if dice.below(4) > 0
        && let Ok(table) = toml::from_str::<toml::Table>(&text)
        && let Ok(document) = serde_json::to_value(&table)
    {
        let mut document = json::damage(&document, &mut dice);
        without_null(&mut document);
        text = toml::to_string(&document).unwrap_or(text);
    }
    match dice.below(6) {
        0 => text = odd_number(&text, &mut dice),
        1 => {
            // A line twice is a key or a table twice.
            let lines: Vec<&str> = text.lines().collect();
            let line = lines.get(dice.below(lines.len().max(1) as u64) as usize).copied().unwrap_or_default();
            text = format!("{text}\n{line}\n");
        }
        _ => {}
    }
    let bytes = if dice.below(4) == 0 { damage(text.as_bytes(), &mut dice) } else { text.into_bytes() };
    // Once more: there are other ways to write a number than by digits.
    tame(&kept_short(tame(&bytes)))
}

/// Puts back what keeps a run short where a change has taken it away: without tasks a sweep has all, and training has a
/// thousand steps.
fn kept_short(bytes: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&bytes);
    let Ok(mut document) = toml::from_str::<toml::Table>(&text) else { return bytes };
    let mut short = |table: &str, key: &str, value: toml::Value| {
        let inside = match table {
            "" => Some(&mut document),
            _ => document.entry(table).or_insert(toml::Table::new().into()).as_table_mut(),
        };
        if let Some(inside) = inside
            && inside.get(key).is_none_or(|v| v.as_array().is_some_and(Vec::is_empty))
        {
            inside.insert(key.to_owned(), value);
        }
    };
    if text.contains("recordings") {
        for (key, value) in [("steps", 4), ("batch", 8), ("validation_states", 8)] {
            short("training", key, value.into());
        }
        short("", "width", 4.into());
    } else if ["[sweep", "[record", "[task", "[slurm"].iter().any(|table| text.contains(table)) {
        short("sweep", "tasks", vec!["Juggler"].into());
    } else {
        return bytes;
    }
    toml::to_string(&document).map_or(bytes, String::into_bytes)
}

fn without_null(document: &mut Value) {
    match document {
        Value::Null => *document = Value::String("null".to_owned()),
        Value::Array(list) => list.iter_mut().for_each(without_null),
        Value::Object(fields) => fields.values_mut().for_each(without_null),
        Value::Number(n) if n.as_u64().is_some_and(|n| n > i64::MAX as u64) => *document = Value::from(i64::MAX),
        _ => {}
    }
}

/// Puts a number in place that JSON does not have.
fn odd_number(text: &str, dice: &mut Dice) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let at = dice.below(lines.len().max(1) as u64) as usize;
    let odd = ["nan", "inf", "-inf", "0x7fffffffffffffff", "1e999", "-0.0", "99999999999999999999", "1979-05-27"];
    let odd = odd[dice.below(odd.len() as u64) as usize];
    let line = |(i, line): (usize, &&str)| match line.split_once(" = ") {
        Some((key, _)) if i == at => format!("{key} = {odd}\n"),
        _ => format!("{line}\n"),
    };
    lines.iter().enumerate().map(line).collect()
}

/// Cuts numbers that bytes have made by chance: what is large and still allowed is a long run, no fault.
fn tame(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut digits = Vec::new();
    for byte in bytes.iter().chain(b"\n") {
        if byte.is_ascii_digit() {
            digits.push(*byte);
            continue;
        }
        let keep = if (3..10).contains(&digits.len()) { 2 } else { digits.len() };
        out.extend(digits.drain(..).take(keep));
        out.push(*byte);
    }
    out
}
