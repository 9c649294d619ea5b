//! A sweep over all tasks of Playground: left alone, killed twenty times, and through a real Slurm array with a task
//! that is sent back into the queue. One digest comes out. It takes some minutes; with CI=true it runs, elsewhere
//! when it is asked for: `cargo test --test program all_tasks:: -- --ignored`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::slurm::Slurm;
use crate::common::{Dice, Place, finish, vendor, wait};

/// A sweep of 54 short recordings on a loaded machine.
const LIMIT: Duration = Duration::from_secs(1200);

const KILLS: usize = 20;

/// Every task, two episodes of three steps.
const SWEEP: &str = r#"
[record]
episodes = 2
steps = 3

[slurm]
jobs-per-task = 1
"#;

#[test]
fn with_ci_all_tasks_give_one_content() {
    if std::env::var("CI").as_deref() == Ok("true") {
        all_tasks();
    } else {
        eprintln!("skipped: run `cargo test --test program all_tasks:: -- --ignored`");
    }
}

#[test]
#[ignore = "takes minutes; CI=true runs it"]
fn all_tasks_give_one_content() {
    all_tasks();
}

fn all_tasks() {
    let place = Place::new();
    place.write("sweep.toml", SWEEP);

    let undisturbed = start(&place, "undisturbed", &[]);
    ended(undisturbed);
    let (expected, tasks) = content(&place, "undisturbed");
    assert_eq!(tasks, 54);

    // As often as it is killed, it is started again, at any instant of measuring, recording and joining.
    let mut dice = Dice(5);
    let mut kills = 0;
    while kills < KILLS {
        let mut child = start(&place, "killed", &[]);
        if wait(&mut child, Duration::from_millis(300 + dice.below(4000))).is_some() {
            ended(child);
            break;
        }
        child.kill().expect("a kill is sent");
        child.wait().expect("a child is waited for");
        kills += 1;
    }
    assert_eq!(kills, KILLS, "the sweep ends before all kills have landed");
    ended(start(&place, "killed", &[]));
    assert_eq!(content(&place, "killed").0, expected, "after {kills} kills");
    remove(&place, "killed");

    let Some(slurm) = Slurm::start(1001) else { return };
    let command = slurm.seen_by(command(&place, "slurm", &["--slurm"]));
    ended(spawn(command));
    let sent = requeue(&slurm);
    slurm.drained(LIMIT);
    assert_eq!(content(&place, "slurm").0, expected, "through Slurm");
    let again = |id: &String| slurm.ask("scontrol", &["show", "job", id]).contains("Restarts=1");
    assert!(sent.iter().any(again), "none of {sent:?} began twice");
}

/// Sends array tasks that run back into the queue. Each takes a second or two, so that some end in that very instant;
/// of several, one is caught in the middle of its work.
fn requeue(slurm: &Slurm) -> BTreeSet<String> {
    const TIMES: usize = 6;
    let begun = Instant::now();
    let mut sent = BTreeSet::new();
    while sent.len() < TIMES {
        assert!(begun.elapsed() < LIMIT, "no array task runs: {:?}", slurm.queue());
        let running = slurm.ask("squeue", &["-h", "-r", "-t", "R", "-o", "%i"]);
        for id in running.lines().filter(|id| id.contains('_')) {
            if sent.len() < TIMES && !sent.contains(id) && slurm.try_ask("scontrol", &["requeue", id]).is_some() {
                sent.insert(id.to_owned());
            }
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    sent
}

fn command(place: &Place, out: &str, more: &[&str]) -> Command {
    let assets = vendor();
    let args =
        [&["sweep", "--config", "sweep.toml", "--assets", &assets, "--out", out, "--threads", "2"], more].concat();
    let mut command = place.command(&args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start(place: &Place, out: &str, more: &[&str]) -> Child {
    spawn(command(place, out, more))
}

fn spawn(mut command: Command) -> Child {
    command.spawn().expect("the program starts")
}

/// Waits for a run that must succeed.
fn ended(mut child: Child) {
    // Its few lines fit into the pipes.
    if wait(&mut child, LIMIT).is_none() {
        let _ = child.kill();
        panic!("the sweep hangs");
    }
    let (status, stdout, stderr) = finish(child);
    assert!(status.success(), "{status:?}\n{stdout}\n{stderr}");
}

/// The digest of a sweep, and how many tasks it holds; all are done.
fn content(place: &Place, out: &str) -> (String, usize) {
    let manifest: Value =
        serde_json::from_slice(&place.read(&format!("{out}/manifest.json"))).expect("the manifest is JSON");
    let digest = manifest["content_sha256"].as_str().unwrap_or_else(|| panic!("not all are done: {manifest:#}"));
    (digest.to_owned(), manifest["tasks"].as_object().map_or(0, serde_json::Map::len))
}

/// Makes room.
fn remove(place: &Place, out: &str) {
    let folder: &Path = &place.path(out);
    std::fs::remove_dir_all(folder).expect("a folder is removed");
}
