//! A sweep on a real Slurm: one node on loopback.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::slurm::Slurm;
use crate::common::{self, Place, Ran, finish};

/// Whatever a test waits for is there by then.
const LIMIT: Duration = Duration::from_secs(60);

/// Three tasks; the first has enough long episodes to be caught at it on a fast machine too.
const SWEEP: &str = r#"
[sweep]
tasks = ["Juggler", "CartpoleBalance", "BallInCup"]
out = "out"

[record]
episodes = 6
steps = 300

[task.Juggler]
steps = 2000
episodes = 12

[slurm]
jobs-per-task = 2
"#;

/// A sweep in a folder of its own, on a cluster of its own.
struct Sweep {
    place: Place,
    slurm: Slurm,
}

impl Sweep {
    /// None where there is no Slurm.
    fn new(file: &str, max_array_size: u32) -> Option<Self> {
        common::vendor();
        let slurm = Slurm::start(max_array_size)?;
        let place = Place::new();
        place.write("sweep.toml", file);
        Some(Self { place, slurm })
    }

    fn run(&self, args: &[&str]) -> Ran {
        let args = [&["sweep", "--config", "sweep.toml"], args].concat();
        self.place.run_command(self.slurm.seen_by(self.place.command(&args)))
    }

    fn submit(&self) -> String {
        self.run(&["--slurm"]).ok().stdout
    }

    fn status(&self) -> serde_json::Value {
        let ran = self.run(&["--slurm", "--status", "--json"]);
        ran.sane();
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", ran.stdout, ran.stderr))
    }

    /// Finished episodes of a task that are not joined yet.
    fn shards(&self, task: &str) -> usize {
        let folder = self.place.path(&format!("out/{task}.h5.parts"));
        let whole = |path: &Path| path.extension().is_some_and(|e| e == "h5");
        std::fs::read_dir(folder).into_iter().flatten().flatten().filter(|e| whole(&e.path())).count()
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            let late = start.elapsed() > LIMIT;
            assert!(!late, "no {what}: {:?}\n{}\n{}", self.slurm.queue(), self.logs(), self.slurm.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until an array task that works on `task` has finished an episode and has one to do; returns its id.
    #[track_caller]
    fn at_work(&self, task: &str) -> String {
        let found = std::cell::RefCell::new(None);
        self.until("array task in the middle of its work", || {
            if self.shards(task) == 0 {
                return false;
            }
            let status = self.status();
            let at_work = |u: &&serde_json::Value| {
                let finished = u["finished"].as_u64().unwrap_or(0);
                u["task"] == task && u["state"] == "running" && 0 < finished && u["finished"] != u["episodes"]
            };
            let unit = status["units"].as_array().and_then(|units| units.iter().find(at_work));
            *found.borrow_mut() = unit.and_then(|u| u["job"].as_str().map(str::to_owned));
            found.borrow().is_some()
        });
        found.into_inner().expect("it was found")
    }

    /// Logs of all jobs.
    fn logs(&self) -> String {
        let listing = self.place.listing();
        let logs = listing.iter().filter(|(name, _)| name.extension().is_some_and(|e| e == "log"));
        logs.map(|(name, text)| format!("== {}\n{}\n", name.display(), String::from_utf8_lossy(text))).collect()
    }

    /// The digest in the manifest, once all jobs are over.
    #[track_caller]
    fn content(&self) -> String {
        self.slurm.drained(LIMIT);
        let manifest: serde_json::Value = serde_json::from_slice(&self.place.read("out/manifest.json")).expect("JSON");
        let content = manifest["content_sha256"].as_str();
        content.unwrap_or_else(|| panic!("not complete: {manifest:#}\n{}", self.logs())).to_owned()
    }

    /// The digest of the same sweep without Slurm.
    fn local(&self) -> String {
        self.run(&["--out", "local", "--threads", "2"]).ok();
        let manifest: serde_json::Value =
            serde_json::from_slice(&self.place.read("local/manifest.json")).expect("JSON");
        manifest["content_sha256"].as_str().expect("a digest").to_owned()
    }
}

/// Six units on a cluster whose arrays have three at most; one is sent back into the queue in the middle.
#[test]
fn arrays_with_a_requeue_give_the_content_of_a_local_run() {
    let Some(sweep) = Sweep::new(SWEEP, 3) else { return };
    let said = sweep.submit();
    assert!(said.starts_with("submitted: 6 array tasks of 3 tasks in 2 arrays: job 1, "), "{said}");

    let task = "Juggler";
    let id = sweep.at_work(task);
    sweep.slurm.ask("scontrol", &["requeue", &id]);
    let status = sweep.run(&["--slurm", "--status"]).ok().stdout;
    assert!(status.contains("merge (job 5): waits for them") || status.contains("merge (job "), "{status}");
    assert!(status.contains("running") && status.lines().all(|l| l.chars().count() <= 80), "{status}");
    sweep.run(&["--slurm"]).failed(&["still in the queue (", " running, ", "scancel --name=dynsparse-out-"]);
    sweep.run(&[]).failed(&["jobs of this sweep are still in the queue"]);

    let content = sweep.content();
    let status = sweep.status();
    let units = status["units"].as_array().expect("units");
    let requeued = units.iter().find(|u| u["job"] == id.as_str()).expect("the unit");
    assert_eq!((&requeued["state"], &requeued["starts"]), (&"done".into(), &2.into()), "{status:#}");
    assert!(units.iter().all(|u| u["state"] == "done"), "{status:#}");
    assert_eq!((&status["merge"], &status["content_sha256"]), (&"done".into(), &content.as_str().into()));
    let indices: Vec<_> =
        units.iter().map(|u| u["job"].as_str().expect("an id").split('_').nth(1).unwrap_or("")).collect();
    assert_eq!(indices, ["0", "1", "2", "0", "1", "2"]);
    assert_eq!(content, sweep.local(), "another content than without Slurm");

    let said = sweep.submit();
    assert!(said.starts_with("nothing to submit: 3 tasks are done") && said.contains(&content), "{said}");
    assert!(sweep.slurm.queue().is_empty(), "{:?}", sweep.slurm.queue());
    let status = sweep.run(&["--slurm", "--status"]).ok().stdout;
    assert!(status.ends_with(&format!("\ncontent {content}\n")), "{status}");
}

/// An array task that is killed fails the merge, which names it; the same command does the rest.
#[test]
fn a_killed_array_task_fails_the_merge_by_name() {
    let Some(sweep) = Sweep::new(SWEEP, 1001) else { return };
    sweep.submit();
    let id = sweep.at_work("Juggler");
    sweep.slurm.ask("scancel", &["--signal=KILL", "--batch", &id]);
    sweep.slurm.drained(LIMIT);

    let logs = sweep.logs();
    // Each task has a line, and all of them one.
    let mut errors = logs.lines().filter(|l| l.starts_with("error: "));
    assert!(errors.clone().any(|l| l.contains("Juggler: ") && l.contains("episodes are missing")), "{logs}");
    let error = errors.find(|l| l.contains("not whole")).unwrap_or_else(|| panic!("no error in {logs}"));
    for part in [
        &id,
        "(Juggler, part ",
        " of 2)",
        "1 of 3 tasks are not whole: Juggler",
        "go on with: cd ",
        "sweep --config sweep.toml --slurm",
    ] {
        assert!(error.contains(part), "no \"{part}\" in {error}");
    }
    assert!(logs.contains(&format!("logs/{id}.log")), "{logs}");
    let ran = sweep.run(&["--slurm", "--status"]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stdout);
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [&format!("{id} Juggler, part"), "it ended without a word", "merge (job", "): failed", "go on cd "] {
        assert!(said.contains(part), "no \"{part}\" in {}", ran.stdout);
    }

    // Nothing that is finished is lost, but what is damaged is not believed.
    let kept = sweep.shards("Juggler");
    assert!(kept > 1, "finished episodes are gone");
    let shard = sweep
        .place
        .listing()
        .into_keys()
        .find(|name| name.starts_with("out/Juggler.h5.parts") && name.extension().is_some_and(|e| e == "h5"));
    let shard = shard.expect("a shard").display().to_string();
    let mut bytes = sweep.place.read(&shard);
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0x55);
    sweep.place.write(&shard, bytes);
    let again = sweep.run(&["--slurm"]);
    again.sane();
    assert!(again.status.success() && again.stderr.contains("the episode is recorded again"), "{}", again.stderr);
    assert!(again.stdout.contains(" of 1 tasks in 1 array: job "), "{}", again.stdout);
    assert!(again.stdout.contains("2 tasks are done"), "{}", again.stdout);
    assert_eq!(sweep.content(), sweep.local());
}

/// What a cluster does to jobs in the middle of their work: all of it ends in the same content.
#[test]
fn preemption_and_time_limits_lose_no_finished_episode() {
    // Every start has episodes left to do, however fast the machine.
    let file = SWEEP.replace(", \"CartpoleBalance\", \"BallInCup\"", "").replace("episodes = 12", "episodes = 24");
    let Some(sweep) = Sweep::new(&file, 1001) else { return };
    sweep.submit();
    // The time limit of one array task comes near: it goes back into the queue, the other one stays. It is the last
    // one, which has the number of its array.
    sweep.until("second array task in the middle of its work", || {
        let unit = &sweep.status()["units"][1];
        unit["state"] == "running" && unit["finished"].as_u64().is_some_and(|n| n > 0)
    });
    sweep.slurm.ask("scancel", &["--signal=USR1", "--batch", "1_1"]);
    sweep.until("requeue after the warning", || sweep.slurm.queue().contains(&"1_1 PENDING".to_owned()));
    assert!(sweep.logs().contains("the time limit came; finished episodes are kept"), "{}", sweep.logs());
    // A job of more importance takes the node away. It may be a while until Slurm looks, so the work stands still.
    let kept = sweep.shards("Juggler");
    sweep.until("second start", || {
        assert!(!sweep.slurm.queue().contains(&"1_0 PENDING".to_owned()), "the other one went back, too");
        sweep.status()["units"][1]["starts"] == 2
    });
    sweep.slurm.ask("scancel", &["--signal=STOP", "--batch", "1_1"]);
    sweep.place.write("urgent.sh", "#!/bin/sh\nsleep 1\n");
    let script = sweep.place.path("urgent.sh").display().to_string();
    sweep.slurm.ask("sbatch", &["--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", &script]);
    sweep.until("preemption", || sweep.slurm.queue().contains(&"1_1 PENDING".to_owned()));
    assert!(sweep.shards("Juggler") >= kept, "finished episodes are gone");
    assert_eq!(sweep.content(), sweep.local());
    assert_eq!(sweep.status()["units"][1]["starts"], 3);
}

/// Without time for an episode, going back into the queue would never end.
#[test]
fn a_time_limit_below_one_episode_is_an_error() {
    let long = SWEEP.replace("= 2000", "= 100000").replace("\"CartpoleBalance\", \"BallInCup\"", "");
    let long = long.replace("jobs-per-task = 2", "jobs-per-task = 1").replace("\"out\"", "\"my out\"");
    let Some(sweep) = Sweep::new(&long, 1001) else { return };
    sweep.submit();
    sweep.until("start", || sweep.status()["units"][0]["starts"] == 1);
    std::thread::sleep(Duration::from_millis(300));
    sweep.slurm.ask("scancel", &["--signal=USR1", "--batch", "1_0"]);
    sweep.slurm.drained(LIMIT);
    let logs = sweep.logs();
    for part in [
        "no episode was finished before the time limit; raise slurm.time",
        "array task 1_0 (Juggler, part 1 of 1) failed",
    ] {
        assert!(logs.contains(part), "no \"{part}\" in {logs}");
    }
}

/// Two calls at the same moment: one submits, the other sees it.
#[test]
fn two_submissions_at_once_are_one() {
    let Some(sweep) = Sweep::new(SWEEP, 1001) else { return };
    let start = || {
        let command = sweep.place.command(&["sweep", "--config", "sweep.toml", "--slurm"]);
        let mut command = sweep.slurm.seen_by(command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    let ended = [start(), start()].map(finish);
    let (good, bad): (Vec<_>, Vec<_>) = ended.iter().partition(|(status, ..)| status.success());
    assert_eq!((good.len(), bad.len()), (1, 1), "{ended:?}");
    let words = &bad[0].2;
    assert!(words.contains("still in the queue") || words.contains("another sweep is at work"), "{words}");
    let jobs: Vec<_> = sweep.slurm.queue().iter().filter(|l| !l.contains('_')).cloned().collect();
    assert!(jobs.len() <= 1, "more than one merge: {jobs:?}");
}

#[test]
fn what_sbatch_refuses_leaves_nothing_behind() {
    let Some(sweep) = Sweep::new(&format!("{SWEEP}partition = \"none\"\n"), 3) else { return };
    let words = ["sbatch refused array-1.sh: ", "nvalid partition", "slurm.partition"];
    sweep.run(&["--slurm"]).failed(&words);
    assert!(sweep.slurm.queue().is_empty(), "{:?}", sweep.slurm.queue());
    assert!(!sweep.place.has("out/slurm/run-0001"), "a submission that never was");
    sweep.run(&["--slurm", "--status"]).failed(&["nothing of this sweep was submitted to Slurm"]);
    // The second array is refused: the first is cancelled.
    sweep.place.write("sweep.toml", format!("{SWEEP}max-array-size = 4\n"));
    sweep.run(&["--slurm"]).failed(&["sbatch refused array-1.sh: ", "slurm.max-array-size"]);
    assert!(sweep.slurm.queue().is_empty(), "{:?}", sweep.slurm.queue());
}

#[test]
fn a_dry_run_shows_the_scripts_and_writes_nothing() {
    common::vendor();
    let place = Place::new();
    place.write("sweep.toml", format!("{SWEEP}max-array-size = 4\nmax-running = 3\ntime = \"30\"\n"));
    let ran = place.run(&["sweep", "--config", "sweep.toml", "--slurm", "--dry-run"]).ok();
    assert_eq!(ran.before, ran.after);
    for part in [
        "to submit: 6 array tasks of 3 tasks in 2 arrays, then a merge",
        "==> array-1.sh\n#!/bin/bash -l\n",
        "#SBATCH --array=0-3%2\n",
        "#SBATCH --array=0-1%1\n",
        "#SBATCH --time=30\n",
        "slurm-job unit ",
        " $((4 + SLURM_ARRAY_TASK_ID))\n",
        "==> merge.sh\n",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
}

/// The example of the page "Running on HPC", with every line that it shows.
#[test]
fn the_example_is_a_sweep() {
    common::vendor();
    let example = include_str!("../../examples/hpc/sweep.toml");
    let (shared, cluster) = example.split_once("[slurm]").expect("a table for Slurm");
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(setting) if setting.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')) => {
            format!("{setting}\n")
        }
        _ => format!("{line}\n"),
    };
    let place = Place::new();
    let cluster: String = cluster.lines().map(line).collect();
    let shared = shared.replace("\"dm_control_suite\", ", "");
    place.write("sweep.toml", format!("{shared}[slurm]{cluster}"));
    let said = place.run(&["sweep", "--config", "sweep.toml", "--slurm", "--dry-run"]).ok().stdout;
    for part in [
        "#SBATCH --partition=cpu\n",
        "#SBATCH --constraint=skylake\n#SBATCH --mail-type=FAIL\n",
        "\nmodule load gcc/13 || ",
        "\nulimit -c 0\nexec apptainer exec --bind /project /project/dynsparse.sif dynsparse slurm-job unit ",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    let settings = include_str!("../../src/sweep/slurm/settings.rs");
    let names = settings
        .lines()
        .filter_map(|l| Some(l.strip_prefix("    pub ")?.split_once(": ")?.0))
        .filter(|name| !name.contains("fn "));
    for name in names.map(|n| n.replace('_', "-")) {
        assert!(example.contains(&name), "the example does not show {name}");
    }
}

#[test]
fn a_machine_without_slurm_is_told_so() {
    common::vendor();
    let place = Place::new();
    place.write("sweep.toml", SWEEP);
    let mut command = place.command(&["sweep", "--config", "sweep.toml", "--slurm"]);
    command.env("PATH", "");
    let words = ["scontrol not found: load your cluster's Slurm module, or run this on a login node"];
    place.run_command(command).refused(&words);
    // Where the array size is known, the queue is asked first.
    place.write("sweep.toml", format!("{SWEEP}max-array-size = 10\n"));
    let mut command = place.command(&["sweep", "--config", "sweep.toml", "--slurm"]);
    command.env("PATH", "");
    place.run_command(command).failed(&["squeue not found: load"]);
}

#[test]
fn settings_of_the_cluster_are_checked_before_anything_is_written() {
    common::vendor();
    let place = Place::new();
    for (line, words) in [
        ("partiton = \"x\"", ["sweep.toml, line 16: there is no setting `partiton`", "did you mean `partition`?"]),
        ("time = \"1h\"", ["sweep.toml, [slurm]: slurm.time: \"1h\"", "12:00:00"]),
        ("cpus = 0", ["slurm.cpus: is 0", "at least 1"]),
        ("extra = [\"--array=0-9\"]", ["slurm.extra: \"--array=0-9\"", "jobs-per-task"]),
    ] {
        place.write("sweep.toml", format!("{SWEEP}{line}\n"));
        place.run(&["sweep", "--config", "sweep.toml", "--slurm"]).refused(&words);
    }
    place.write("sweep.toml", SWEEP);
    place
        .run(&["sweep", "--config", "sweep.toml", "--slurm", "--out", "50%"])
        .refused(&["which batch scripts cannot name"]);
    place.run(&["sweep", "--status"]).usage(&["--slurm"]);
}
