//! What a sweep, a recording under way and an ablation leave for themselves: manifests, notes, recipes, shards.

use crate::case::{Case, Files, files_of};
use crate::common::bytes::{damage, one_in, pick};
use crate::common::{Dice, Place, manifest};
use crate::drive::Target;
use crate::limits::make;

/// A folder that was left, which of its files are damaged, and who reads them.
struct Seed {
    files: Files,
    hostile: Vec<String>,
    commands: &'static [&'static str],
}

/// A finished sweep.
const FINISHED: [&str; 4] = [
    "sweep Juggler --episodes 2 --steps 3 --threads 1 --out s",
    "info s",
    "verify s --content-only",
    "report s --embed 10 -o out.html",
];

/// A sweep of which a part is there.
const PART: [&str; 3] = [
    "sweep Juggler --episodes 3 --steps 3 --threads 1 --out s --shard 1/2",
    "info s",
    "sweep Juggler --episodes 3 --steps 3 --threads 1 --out s",
];

/// A recording of which a part is there.
const SHARDS: [&str; 3] = [
    "record --episodes 3 --steps 3 --threads 1 -o r.h5 --shard 1/2",
    "merge --episodes 3 --steps 3 --threads 1 -o r.h5",
    "record --episodes 3 --steps 3 --threads 1 -o r.h5",
];

/// Folders of state.
pub(crate) struct Manifests {
    seeds: Vec<Seed>,
}

impl Target for Manifests {
    fn new() -> Self {
        let seed = |made_by: &str, commands: &'static [&'static str], hostile: &[&str]| {
            let place = Place::new();
            make(&place, made_by);
            let files = files_of(&place);
            let hostile = files.keys().filter(|name| hostile.iter().any(|end| name.ends_with(end))).cloned().collect();
            Seed { files, hostile, commands }
        };
        Self {
            seeds: vec![
                seed(FINISHED[0], &FINISHED[1..], &["manifest.json", "index.h5"]),
                seed(FINISHED[0], &FINISHED[..1], &["manifest.json"]),
                seed(PART[0], &PART[1..], &[".json", "episode-00000000.h5"]),
                seed(SHARDS[0], &SHARDS[1..], &["recipe.json", "episode-00000000.h5"]),
            ],
        }
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let seed = pick(dice, &self.seeds);
        let name = pick(dice, &seed.hostile).clone();
        let bytes = &seed.files[&name];
        let changed = match one_in(dice, 10) {
            // Now and then as it was.
            true => bytes.to_vec(),
            false if name.ends_with(".json") => manifest::changed(bytes, dice),
            false => damage(bytes, dice),
        };
        let mut case = Case { files: seed.files.clone(), ..Case::default() };
        // The program goes on with what is there.
        case.written = case.files.keys().cloned().collect();
        case = case.with(&name, changed);
        case.hostile = vec![name];
        seed.commands.iter().fold(case, |case, command| case.command(command))
    }
}
