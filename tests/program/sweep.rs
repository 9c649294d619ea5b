//! Many tasks into one folder: whatever happens on the way, the same content comes out, and the folder says so.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dynsparse::dataset::Recording;
use dynsparse::dataset::schema::Var;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::common::manifest::sealed;
use crate::common::{self, Dice, Listing, Place, Ran, finish, fuzz, vendor, wait};

/// Three small tasks and the embedded one; `--assets DIR` goes behind.
const TASKS: [&str; 4] = ["CartpoleBalance", "Pendulum*", "Juggler", "WalkerRun"];

/// As the manifest names them.
const NAMES: [&str; 4] = ["CartpoleBalance", "Juggler", "PendulumSwingup", "WalkerRun"];

const SIZE: [&str; 4] = ["--episodes", "4", "--steps", "12"];

/// The arguments of a small sweep.
fn args<'a>(assets: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["sweep"][..], &TASKS, &SIZE, &["--assets", assets, "--out", "s"], more].concat()
}

fn manifest(place: &Place) -> Value {
    serde_json::from_slice(&place.read("s/manifest.json")).expect("the manifest is JSON")
}

/// The digest of the whole, which the last line says too.
#[track_caller]
fn content(place: &Place, ran: &Ran) -> String {
    let content = manifest(place)["content_sha256"].as_str().expect("every task is done").to_owned();
    assert_eq!(ran.stdout.lines().last(), Some(format!("content {content}").as_str()));
    content
}

/// What a sweep leaves besides its manifest, which has times in it.
fn files(place: &Place) -> Listing {
    place.listing().into_iter().filter(|(k, _)| !k.ends_with("manifest.json")).collect()
}

#[track_caller]
fn same_files(a: &Listing, b: &Listing, what: &str) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{what}: other files");
    for (name, bytes) in a {
        assert!(b[name] == *bytes, "{what}: {} differs", name.display());
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn narrow(text: &str) {
    let wide = text.lines().find(|l| l.chars().count() > 80);
    assert!(wide.is_none(), "wider than 80: {wide:?}");
}

/// The sweep that others are compared with.
fn undisturbed(assets: &str) -> (Place, String) {
    let place = Place::new();
    let ran = place.run(&args(assets, &["--threads", "2"])).ok();
    let content = content(&place, &ran);
    (place, content)
}

#[test]
fn a_sweep_records_what_was_asked_and_says_what_it_is_worth() {
    let assets = vendor();
    let (place, content) = undisturbed(&assets);
    let manifest = manifest(&place);
    let tasks = manifest["tasks"].as_object().expect("tasks");
    assert_eq!(tasks.keys().collect::<Vec<_>>(), NAMES);
    let mut lines = String::new();
    for (name, task) in tasks {
        assert_eq!(task["status"], "done", "{task}");
        assert_eq!((&task["episodes"], &task["steps"]), (&4.into(), &48.into()));
        let bytes = place.read(&format!("s/{name}.h5"));
        assert_eq!(task["sha256"], sha256(&bytes), "{name}");
        assert_eq!(task["bytes"], bytes.len() as u64);
        let recording = Recording::open(&place.path(&format!("s/{name}.h5"))).expect("it opens");
        let digest = recording.text_attribute("content_sha256").expect("a digest");
        assert_eq!(task["content_sha256"], digest.as_str());
        lines.push_str(&format!("{name} {digest}\n"));
    }
    // As a shell computes it.
    assert_eq!(content, sha256(lines.as_bytes()));

    let again = place.run(&args(&assets, &[])).ok();
    assert_eq!(again.stdout.matches(" kept ").count(), 4, "{}", again.stdout);
    narrow(&again.stdout);
    same_files(&again.before, &again.after, "a second run");
    let info = place.run(&["info", "s"]).ok();
    narrow(&info.stdout);
    assert!(info.stdout.contains("4 of 4 done") && info.stdout.contains(&content), "{}", info.stdout);
    let verified = place.run(&["verify", "s"]).ok();
    narrow(&verified.stdout);
    assert_eq!(verified.stdout.matches("every bit agrees").count(), 4, "{}", verified.stdout);
    let verified = place.run(&["verify", "s", "--content-only"]).ok();
    assert_eq!(verified.stdout.matches("digests agree").count(), 4, "{}", verified.stdout);
    let mut changed = manifest.clone();
    changed["content_sha256"] = content.chars().rev().collect::<String>().into();
    place.write("s/manifest.json", sealed(changed));
    let verified = place.run(&["verify", "s", "--content-only"]);
    assert_eq!(verified.status.code(), Some(1), "{}", verified.stdout);
    assert!(verified.stdout.contains("not the digest over its tasks"), "{}", verified.stdout);
    assert!(
        verified.stdout.ends_with("the sweep differs from its manifest: compare no digest of it\n"),
        "{}",
        verified.stdout
    );
}

/// Threads, processes, place and order do not show in a single byte.
#[test]
fn however_it_is_run_the_files_are_the_same() {
    let assets = vendor();
    let (whole, content_of_whole) = undisturbed(&assets);
    let one = Place::new();
    let ran = one.run(&args(&assets, &["--threads", "1"])).ok();
    assert_eq!(content(&one, &ran), content_of_whole, "1 and 2 threads");
    same_files(&files(&whole), &files(&one), "1 and 2 threads");

    let two = Place::new();
    let children: Vec<_> = ["1/2", "2/2"]
        .into_iter()
        .map(|shard| {
            let mut command = two.command(&args(&assets, &["--shard", shard]));
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
        })
        .collect();
    for child in children {
        let (status, stdout, stderr) = finish(child);
        assert!(status.success(), "{stderr}");
        assert!(stdout.contains("--merge"), "it does not say what comes next: {stdout}");
    }
    let ran = two.run(&args(&assets, &["--merge"])).ok();
    assert_eq!(content(&two, &ran), content_of_whole, "two processes");
    same_files(&files(&whole), &files(&two), "two processes");
}

/// Settings that decide what is recorded decide the digest; how it is packed does not.
#[test]
fn the_digest_is_of_the_content() {
    let place = Place::new();
    let digest = |more: &[&str]| {
        let base = ["sweep", "Juggler", "--episodes", "2", "--out", "s", "--force"];
        let ran = place.run(&[&base[..], more].concat()).ok();
        content(&place, &ran)
    };
    let plain = digest(&["--steps", "9"]);
    assert_eq!(digest(&["--steps", "9", "--compression", "small"]), plain);
    assert_ne!(digest(&["--steps", "8"]), plain);
    for other in [["--seed", "1"], ["--policy", "zero"], ["--engine", "transition-fd"]] {
        assert_ne!(digest(&[&["--steps", "9"][..], &other].concat()), plain, "{other:?}");
    }
}

/// As docs/format.md says it, from what the file holds.
#[test]
fn the_digest_of_an_episode_can_be_computed_from_the_file() {
    let place = Place::new();
    place.small("a.h5", &["--sensors"]).ok();
    let recording = Recording::open(&place.path("a.h5")).expect("it opens");
    let offsets = recording.offsets().expect("offsets");
    let int = |var: Var, at: usize| i64::from(recording.read::<i32>(var, at..at + 1).unwrap()[0]) as usize;
    let long = |var: Var, at: usize| recording.read::<i64>(var, at..at + 1).unwrap()[0] as usize;
    for (e, episode) in recording.episodes().expect("episodes").iter().enumerate() {
        let mut hash = Sha256::new();
        for step in offsets[e]..offsets[e + 1] {
            for var in Var::ALL.iter().filter(|v| recording.has(**v)) {
                let rows = match var.spec().axes[0].name() {
                    "step" if !var.spec().name.ends_with("_offset") => step..step + 1,
                    "contact" => {
                        let first = long(Var::ContactOffset, step);
                        first..first + int(Var::Ncon, step)
                    }
                    "constraint" => {
                        let first = long(Var::ConstraintOffset, step);
                        first..first + int(Var::Nefc, step)
                    }
                    "touch" => {
                        let first = long(Var::TouchOffset, step);
                        first..first + int(Var::Ntouch, step)
                    }
                    _ => continue,
                };
                hash.update(recording.bytes(*var, rows).expect("bytes"));
            }
        }
        hash.update(episode.end.as_bytes());
        let digest: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(digest, episode.sha256, "episode {e}");
    }
}

#[test]
fn a_table_of_one_task_wins_over_that_of_all_and_flags_over_both() {
    let place = Place::new();
    let assets = vendor();
    place.write(
        "sweep.toml",
        "[sweep]\ntasks = [\"Cartpole*\", \"Juggler\"]\nout = \"s\"\n[record]\nepisodes = 3\nsteps = 8\npolicy = \"colored\"\nbeta = 0.5\n\
         [task.Juggler]\nsteps = 5\nseed = 7\n[task.HumanoidRun]\nsteps = 2\n[slurm]\n",
    );
    place.run(&["sweep", "--config", "sweep.toml", "--assets", &assets, "--episodes", "2"]).ok();
    let manifest = manifest(&place);
    let tasks = manifest["tasks"].as_object().expect("tasks");
    assert_eq!(tasks.len(), 5, "four of Cartpole and the Juggler");
    for (name, task) in tasks {
        let (steps, seed) = if name == "Juggler" { (5, 7) } else { (8, 0) };
        let settings = &task["settings"];
        assert_eq!(
            (&settings["steps"], &settings["seed"], &settings["episodes"]),
            (&steps.into(), &seed.into(), &2.into())
        );
        assert_eq!(settings["policy"], serde_json::json!({"kind": "colored", "beta": 0.5, "scale": 1.0}));
        assert_eq!(task["steps"], 2 * steps);
    }
}

#[test]
fn a_wrong_plan_is_refused_before_anything_is_written() {
    let place = Place::new();
    place.run(&["sweep", "WalkerRnu", "dm_contrl", "Nix*"]).refused(&[
        "unknown task or suite \"WalkerRnu\"; did you mean WalkerRun",
        "\"dm_contrl\"; did you mean dm_control or dm_control_suite or dm_control/",
        "no task matches \"Nix*\"",
        "dynsparse tasks",
    ]);
    place.run(&["sweep", "robot.xml"]).refused(&["\"robot.xml\" is a file", "dynsparse record"]);
    place.run(&["sweep", "[a"]).refused(&["pattern \"[a\""]);
    for (text, parts) in [
        ("[record]\nepisode = 3\n", &["bad.toml, line 2: there is no setting `episode`; did you mean `episodes`?"][..]),
        (
            "[record]\ntask = \"WalkerRun\"\n",
            &["bad.toml, [record]: a sweep has no setting `task`", "`tasks` into [sweep]"],
        ),
        ("[task.WalkerRnu]\nsteps = 3\n", &["bad.toml, [task.WalkerRnu]: ", "did you mean WalkerRun"]),
        ("[task.'Walker*']\nsteps = 3\n", &["[task.Walker*]: ", "one task"]),
        ("[task.WalkerRun]\nthreads = 3\n", &["[task.WalkerRun]: threads is for all tasks"]),
        ("[sweeep]\n", &["line 1: there is no setting `sweeep`; did you mean `sweep`?"]),
        ("[record]\nscale = 3.0\n", &["--scale has no meaning for the policy uniform"]),
        ("[sweep]\ntasks = 3\n", &["bad.toml, line 2"]),
    ] {
        place.write("bad.toml", text);
        place.run(&["sweep", "--config", "bad.toml"]).refused(parts);
    }
    place.run(&["sweep", "Juggler", "--episodes", "0", "--out", "s"]);
    let failed = manifest(&place);
    assert!(failed["tasks"]["Juggler"]["reason"].as_str().unwrap().contains("episodes is 0"), "{failed}");
}

/// A copy of the model files with one model broken and those of a folder gone.
fn half_broken(place: &Place) -> String {
    let from = std::path::Path::new(&vendor()).join("playground");
    let to = place.path("assets/playground");
    copy(&from, &to, &|path| path.to_string_lossy().contains("humanoid"));
    let cartpole = walk(&to).into_iter().find(|p| p.ends_with("cartpole.xml")).expect("the cartpole's model");
    std::fs::write(cartpole, "<mujoco><worldbody><nonsense/></worldbody></mujoco>").unwrap();
    place.path("assets").display().to_string()
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    entries.flat_map(|p| if p.is_dir() { walk(&p) } else { vec![p] }).collect()
}

fn copy(from: &std::path::Path, to: &std::path::Path, leave_out: &dyn Fn(&std::path::Path) -> bool) {
    let kept = |p: &std::path::PathBuf| p.extension().is_some_and(|e| e == "xml") && !leave_out(p);
    for file in walk(from).into_iter().filter(kept) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

#[test]
fn what_cannot_be_recorded_does_not_stop_the_rest() {
    let place = Place::new();
    let broken = half_broken(&place);
    let sweep = |assets: &str| {
        let tasks = ["sweep", "CartpoleBalance", "HumanoidStand", "Juggler", "PointMass", "--out", "s"];
        place.run(&[&tasks[..], &["--episodes", "2", "--steps", "3", "--assets", assets]].concat())
    };
    let ran = sweep(&broken);
    ran.sane();
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    narrow(&ran.stdout);
    for part in ["2 of 4 tasks are not done", "cargo xtask setup", "nonsense", "of HumanoidStand"] {
        assert!(ran.stdout.contains(part), "no \"{part}\" in {}", ran.stdout);
    }
    // A line on stderr for each, for whoever reads only that.
    let errors: Vec<&str> = ran.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
    let told = |start: &str, part: &str| errors.iter().filter(|l| l.starts_with(start) && l.contains(part)).count();
    assert_eq!(errors.len(), 2, "{}", ran.stderr);
    assert_eq!(told("error: CartpoleBalance: ", "nonsense"), 1, "{errors:?}");
    assert_eq!(told("error: HumanoidStand: ", "cargo xtask setup"), 1, "{errors:?}");
    let after = manifest(&place);
    let status = |name: &str| after["tasks"][name]["status"].as_str().unwrap_or_default().to_owned();
    assert_eq!(NAMES_OF_HALF.map(status), ["failed", "missing_assets", "done", "done"]);
    assert_eq!(after["tasks"]["HumanoidStand"]["fix"], "cargo xtask setup");
    assert_eq!(after["content_sha256"], Value::Null);
    assert!(place.has("s/index.h5"), "no index of what is there");
    let checked = place.run(&["verify", "s", "--content-only"]);
    assert_eq!(checked.status.code(), Some(1), "an unfinished sweep verifies: {}", checked.stdout);

    // Mended, the same command records what is missing and nothing else.
    let ran = sweep(&vendor()).ok();
    assert_eq!(ran.stdout.matches(" kept ").count(), 2, "{}", ran.stdout);
    content(&place, &ran);
}

const NAMES_OF_HALF: [&str; 4] = ["CartpoleBalance", "HumanoidStand", "Juggler", "PointMass"];

#[test]
fn kills_at_any_instant_change_nothing() {
    const KILLS: u32 = 14;
    let assets = vendor();
    let (whole, expected) = undisturbed(&assets);
    let mut dice = Dice(11);
    let (mut kills, mut rounds) = (0, 0);
    while kills < KILLS {
        rounds += 1;
        assert!(rounds < 200, "the sweep ends before a kill ever lands");
        let place = Place::new();
        loop {
            let mut child = place.command(&args(&assets, &["--threads", "2"]));
            let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
            let ended = wait(&mut child, Duration::from_micros(20_000 + dice.below(900_000)));
            if ended.is_none() {
                child.kill().expect("a kill is sent");
            }
            let (status, _, stderr) = finish(child);
            if status.success() {
                break;
            }
            assert_eq!(status.code(), None, "not killed, but failed: {stderr}");
            kills += 1;
            if kills >= KILLS {
                place.run(&args(&assets, &[])).ok();
                break;
            }
        }
        let ran = place.run(&args(&assets, &[])).ok();
        assert_eq!(content(&place, &ran), expected, "after {kills} kills");
        let leftover =
            |l: Listing| -> Listing { l.into_iter().filter(|(k, _)| !k.to_string_lossy().ends_with(".tmp")).collect() };
        same_files(&leftover(files(&whole)), &leftover(files(&place)), "after kills");
    }
}

#[test]
fn sigterm_keeps_finished_episodes() {
    let assets = vendor();
    let place = Place::new();
    let long =
        ["sweep", "HumanoidStand", "WalkerRun", "--assets", &assets, "--out", "s", "--episodes", "6", "--steps", "30"];
    let child = place.command(&long).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let shards = |place: &Place| {
        place
            .listing()
            .keys()
            .filter(|k| k.to_string_lossy().contains("episode-") && k.extension().is_some_and(|e| e == "h5"))
            .count()
    };
    let begun = Instant::now();
    while shards(&place) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no episode is ever finished");
        std::thread::sleep(Duration::from_millis(2));
    }
    let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|s| s.success()), "the signal is not sent");
    let (status, stdout, stderr) = finish(child);
    assert_eq!(status.code(), Some(143), "{stdout}{stderr}");
    assert!(
        stderr.lines().last().is_some_and(|l| l.starts_with("error: stopped; finished episodes are kept")),
        "{stderr}"
    );
    assert!(shards(&place) >= 2, "finished episodes are gone");
    let temporary = place.listing().into_keys().find(|k| k.to_string_lossy().ends_with(".tmp"));
    assert!(temporary.is_none(), "left {temporary:?}");
    assert_eq!(manifest(&place)["tasks"]["HumanoidStand"]["status"], "pending");
}

/// Turns one bit of a file's middle.
fn damage(place: &Place, name: &str) {
    let mut bytes = place.read(name);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    place.write(name, bytes);
}

#[test]
fn a_finished_file_is_believed_by_its_checksum() {
    let assets = vendor();
    let (place, expected) = undisturbed(&assets);
    let whole = files(&place);
    damage(&place, "s/WalkerRun.h5");
    std::fs::remove_file(place.path("s/Juggler.h5")).unwrap();
    let checked = place.run(&["verify", "s", "--content-only"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(checked.stdout.contains("checksum") && checked.stdout.contains("Juggler.h5: "), "{}", checked.stdout);
    let ran = place.run(&args(&assets, &[])).ok();
    assert!(
        ran.stderr.contains("WalkerRun.h5 does not have the checksum of the manifest: it is recorded again"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Juggler.h5 is gone"), "{}", ran.stderr);
    assert_eq!(ran.stdout.matches(" kept ").count(), 2, "{}", ran.stdout);
    assert_eq!(content(&place, &ran), expected);
    same_files(&whole, &files(&place), "after damage");

    // Finished, but killed before the manifest knew: the content decides.
    let mut manifest = manifest(&place);
    let task = manifest["tasks"]["WalkerRun"].as_object_mut().unwrap();
    task.retain(|k, _| ["suite", "file", "settings", "attempts"].contains(&k.as_str()));
    task.insert("status".to_owned(), "pending".into());
    place.write("s/manifest.json", sealed(manifest.clone()));
    let file = place.path("s/WalkerRun.h5");
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    let ran = place.run(&args(&assets, &[])).ok();
    assert_eq!(content(&place, &ran), expected);
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), written, "a good file is recorded again");
    place.write("s/manifest.json", sealed(manifest.clone()));
    change(&file, |a| a[0] += 1.0);
    let ran = place.run(&args(&assets, &[])).ok();
    assert!(ran.stderr.contains("episode 0 does not have the content"), "{}", ran.stderr);
    assert_eq!(content(&place, &ran), expected);
    same_files(&whole, &files(&place), "after other damage");
}

/// Changes A of a recording or a shard.
fn change(file: &std::path::Path, f: impl Fn(&mut [f64])) {
    let file = common::open_to_change(file);
    let dataset = file.dataset("A").expect("A");
    let mut values = dataset.read_dyn::<f64>().expect("it is read");
    f(values.as_slice_mut().expect("in order"));
    dataset.write(&values).expect("it is written");
}

#[test]
fn a_shard_is_believed_by_its_digest() {
    let assets = vendor();
    let (whole, expected) = undisturbed(&assets);
    let place = Place::new();
    place.run(&args(&assets, &["--shard", "1/1"])).ok();
    let shard = |i: usize| place.path(&format!("s/WalkerRun.h5.parts/episode-0000000{i}.h5"));
    // A flipped bit of one number; half a file; another episode under this name.
    change(&shard(1), |a| a[7] = f64::from_bits(a[7].to_bits() ^ 1));
    let bytes = std::fs::read(shard(2)).unwrap();
    std::fs::write(shard(2), &bytes[..bytes.len() / 2]).unwrap();
    std::fs::copy(shard(0), shard(3)).unwrap();

    let merge = place.run(&args(&assets, &["--merge"]));
    assert_eq!(merge.status.code(), Some(1), "a damaged shard is joined: {}", merge.stdout);
    let said = merge.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("episode-00000001.h5: its content does not have the digest"), "{said}");
    assert!(said.contains("remove this file, record its episode again"), "{said}");
    assert_eq!(merge.stdout.matches(" done ").count(), 3, "the others are not joined: {}", merge.stdout);

    let ran = place.run(&args(&assets, &[])).ok();
    for part in ["digest that it was recorded with: the episode is recorded again", "does not hold episode 3"] {
        assert!(ran.stderr.contains(part), "no \"{part}\" in {}", ran.stderr);
    }
    assert_eq!(ran.stderr.matches("recorded again").count(), 3, "{}", ran.stderr);
    assert_eq!(content(&place, &ran), expected);
    same_files(&files(&whole), &files(&place), "after damaged shards");
}

#[test]
fn a_merge_names_what_is_missing_and_why() {
    let place = Place::new();
    let broken = half_broken(&place);
    let base = |assets: &str, more: &[&str]| {
        let tasks = [
            "sweep",
            "CartpoleBalance",
            "Juggler",
            "--out",
            "s",
            "--episodes",
            "3",
            "--steps",
            "3",
            "--assets",
            assets,
        ];
        place.run(&[&tasks[..], more].concat())
    };
    let assets = vendor();
    base(&assets, &["--shard", "1/2"]).ok();
    let ran = base(&broken, &["--shard", "2/2"]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    let ran = base(&assets, &["--merge"]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("1 of 3 episodes are missing"), "{said}");
    assert!(said.contains("part 2/2 failed on") && said.contains("nonsense"), "{said}");
    assert!(place.has("s/Juggler.h5"), "the other task is not joined");
    base(&assets, &["--shard", "2/2"]).ok();
    let ran = base(&assets, &["--merge"]).ok();
    content(&place, &ran);
    assert!(!place.has("s/units"), "notes are left");
}

#[test]
fn a_second_sweep_is_told_to_wait() {
    let assets = vendor();
    let place = Place::new();
    let long = ["sweep", "HumanoidStand", "--assets", &assets, "--out", "s", "--episodes", "4", "--steps", "40"];
    let mut first = place.command(&long).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let begun = Instant::now();
    while !place.has("s/manifest.json") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the first sweep does not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    let refusals: Vec<Ran> = [&[][..], &["--force"], &["--shard", "1/2"], &["--merge"]]
        .iter()
        .map(|m| place.run(&[&long[..], m].concat()))
        .collect();
    let still = first.try_wait().expect("the first is asked").is_none();
    first.kill().expect("it is stopped");
    first.wait().expect("it ends");
    assert!(still, "the first sweep was too quick for this test");
    for refusal in refusals {
        refusal.failed(&["another sweep is at work in s", "choose another folder"]);
    }
}

#[test]
fn another_sweep_in_the_folder_is_refused_and_force_starts_anew() {
    let place = Place::new();
    let sweep = |more: &[&str]| {
        place.run(&[&["sweep", "Juggler", "--out", "s", "--steps", "4", "--episodes", "2"][..], more].concat())
    };
    sweep(&[]).ok();
    sweep(&["--seed", "3"]).refused(&["s holds another sweep", "Juggler.seed: 0 there, 3 here", "--force"]);
    sweep(&["PendulumSwingup"]).refused(&["tasks here and not there: PendulumSwingup"]);
    let good = manifest(&place);
    let with = |f: &dyn Fn(&mut Value)| {
        let mut changed = good.clone();
        f(&mut changed);
        place.write("s/manifest.json", sealed(changed));
    };
    with(&|m| m["version"] = 9.into());
    sweep(&[]).refused(&["s/manifest.json: is a manifest of version 9, this program knows version 2"]);
    with(&|m| m["version"] = 1.into());
    sweep(&[]).refused(&["s/manifest.json: is a manifest of version 1", "use the dynsparse that wrote it"]);
    with(&|m| m["program"]["mujoco"] = "3.99.0".into());
    sweep(&[]).refused(&["mujoco: \"3.99.0\" there, \"3.17.0\" here"]);
    with(&|m| m["format"] = "other".into());
    sweep(&[]).refused(&["s/manifest.json: is not the manifest of a sweep"]);
    place.write("s/manifest.json", "{\"format\": ");
    sweep(&[]).refused(&["s/manifest.json: is not JSON", "--force"]);
    with(&|m| m["tasks"]["Juggler"]["file"] = "../escape.h5".into());
    place.write("escape.h5", "keep me");
    sweep(&[]).refused(&["s/manifest.json: says of the task \"Juggler\"", "../escape.h5", "not in the folder"]);
    // What it says is not to be kept, and nothing that it names is touched.
    sweep(&["--force"]).ok();
    assert_eq!(place.read("escape.h5"), b"keep me");
    with(&|_| {});
    let ran = sweep(&["--seed", "3", "--force"]).ok();
    content(&place, &ran);
    assert_eq!(manifest(&place)["tasks"]["Juggler"]["settings"]["seed"], 3);
    sweep(&["--seed", "3"]).ok();
}

#[test]
fn a_dry_run_writes_nothing_and_names_time_memory_and_disk() {
    let assets = vendor();
    let place = Place::new();
    let ran = place.run(&args(&assets, &["--dry-run"])).ok();
    assert_eq!(ran.before, ran.after, "it wrote something");
    narrow(&ran.stdout);
    for part in ["time", "memory", "disk", "4 tasks on ", "in s."] {
        assert!(ran.stdout.contains(part), "no \"{part}\" in {}", ran.stdout);
    }
    let ran = place.run(&args(&assets, &["--dry-run", "--json", "--threads", "2"])).ok();
    let plan: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let seconds: BTreeMap<&str, f64> = plan["tasks"]
        .as_array()
        .expect("tasks")
        .iter()
        .map(|t| (t["task"].as_str().unwrap(), t["estimate"]["seconds"].as_f64().unwrap()))
        .collect();
    assert_eq!(seconds.len(), 4);
    assert!(seconds.values().all(|s| *s > 0.0), "{seconds:?}");
    assert!(plan["total"]["wall_seconds"].as_f64() <= plan["total"]["seconds"].as_f64());
    let empty = place.path("empty").display().to_string();
    let ran = place.run(&args(&empty, &["--dry-run"]));
    assert_eq!(ran.status.code(), Some(1), "a plan that cannot be recorded");
    assert!(ran.stdout.contains("cargo xtask setup"), "{}", ran.stdout);
}

#[test]
fn the_index_leads_to_every_recording_also_after_a_move() {
    let assets = vendor();
    let (place, content) = undisturbed(&assets);
    std::fs::rename(place.path("s"), place.path("moved")).unwrap();
    let index = hdf5::File::open(place.path("moved/index.h5")).expect("the index opens");
    for name in NAMES {
        let a = index.dataset(&format!("{name}/A")).expect("a link").shape();
        assert_eq!((a[0], a[1]), (48, a[2]), "{name}");
    }
    let texts = |name: &str| {
        let read = index.dataset(name).unwrap().read_raw::<hdf5::types::VarLenUnicode>().unwrap();
        read.iter().map(|t| t.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts("task"), NAMES);
    assert_eq!(texts("suite"), ["dm_control_suite", "embedded", "dm_control_suite", "dm_control_suite"]);
    assert_eq!(index.dataset("steps").unwrap().read_raw::<i64>().unwrap(), [48; 4]);
    let digest = index.attr("content_sha256").unwrap().read_scalar::<hdf5::types::VarLenUnicode>().unwrap();
    assert_eq!(digest.as_str(), content);
}

/// A small sweep of the embedded task.
fn juggled() -> Place {
    let place = Place::new();
    place.run(&["sweep", "Juggler", "--out", "s", "--steps", "3", "--episodes", "2"]).ok();
    place
}

#[test]
fn a_manifest_is_believed_by_its_checksum_and_nothing_is_lost_without_it() {
    let place = juggled();
    let sweep = |more: &[&str]| {
        place.run(&[&["sweep", "Juggler", "--out", "s", "--steps", "3", "--episodes", "2"][..], more].concat())
    };
    let good = place.read("s/manifest.json");
    let content = manifest(&place)["content_sha256"].clone();
    let mut dice = Dice(4);
    for _ in 0..12 {
        let mut bytes = good.clone();
        // Of a letter or a digit, where the file stays JSON.
        let at = loop {
            let at = dice.below(bytes.len() as u64) as usize;
            if bytes[at].is_ascii_alphanumeric() {
                break at;
            }
        };
        bytes[at] ^= 1;
        place.write("s/manifest.json", &bytes);
        let ran = place.run(&["verify", "s", "--content-only"]);
        assert!(ran.stderr.contains("error: s/manifest.json: "), "byte {at}: {}", ran.stderr);
    }
    let text = String::from_utf8(good.clone()).expect("text");
    place.write("s/manifest.json", text.replace("\"attempts\": 1", "\"attempts\": 2"));
    for args in [&["info", "s"][..], &["verify", "s"]] {
        place.run(args).refused(&["s/manifest.json: ", "the checksum that it states", "restore it from a copy"]);
    }
    sweep(&[]).refused(&["the checksum that it states", "recordings that are whole are kept", "--force"]);
    // As it says: without a manifest the recordings are looked at, and kept.
    std::fs::remove_file(place.path("s/manifest.json")).expect("removed");
    let written = std::fs::metadata(place.path("s/Juggler.h5")).expect("a file").modified().expect("a time");
    sweep(&[]).ok();
    assert_eq!(std::fs::metadata(place.path("s/Juggler.h5")).expect("a file").modified().expect("a time"), written);
    assert_eq!(manifest(&place)["content_sha256"], content);
}

#[test]
fn a_manifest_that_says_what_cannot_be_is_refused() {
    let place = juggled();
    let good = manifest(&place);
    let refused = |f: &dyn Fn(&mut Value), part: &str| {
        let mut changed = good.clone();
        f(&mut changed["tasks"]["Juggler"]);
        place.write("s/manifest.json", sealed(changed));
        for args in [&["info", "s"][..], &["verify", "s"]] {
            place.run(args).refused(&["s/manifest.json: ", part]);
        }
    };
    for file in ["/etc/passwd", "../Juggler.h5", "x/Juggler.h5", ".", "", "Other.h5", "Jugg\u{1b}[2Jler.h5"] {
        refused(&|t| t["file"] = file.into(), "not in the folder of the sweep");
    }
    refused(&|t| t["episodes"] = u64::MAX.into(), "episodes is 18446744073709551615; it must be 1 to 100000000");
    refused(&|t| t["steps"] = u64::MAX.into(), "steps is 18446744073709551615");
    refused(&|t| t["bytes"] = u64::MAX.into(), "bytes is 18446744073709551615");
    refused(&|t| t["ended_early"] = 3.into(), "ended_early is 3; it must be 0 to 2");
    refused(&|t| t["seconds"] = (-1.0).into(), "seconds is -1");
    refused(&|t| t["seconds"] = Value::Null, "cannot be understood");
    refused(&|t| t["sha256"] = "00".into(), "no SHA-256");
    let estimate = serde_json::json!({
        "episodes": 1, "steps": 1, "seconds": 1.0, "disk": 1, "memory_per_thread": u64::MAX, "memory_shared": 1,
    });
    refused(&|t| t["estimate"] = estimate.clone(), "estimated bytes is 18446744073709551615");
}

/// Whatever a manifest says, the program takes it or says in one line why not.
#[test]
fn mutated_manifests_are_no_panic() {
    let place = juggled();
    let seed = place.read("s/manifest.json");
    let runs: [&[&str]; 4] = [
        &["info", "s"],
        &["verify", "s", "--content-only"],
        &["sweep", "Juggler", "--out", "s", "--steps", "3", "--episodes", "2", "--threads", "1"],
        &["sweep", "Juggler", "--out", "s", "--steps", "3", "--episodes", "2", "--merge"],
    ];
    fuzz::short(60, |number| {
        place.write("s/manifest.json", common::manifest::mutate(&seed, number));
        place.run(runs[(number % 4) as usize])
    });
}
