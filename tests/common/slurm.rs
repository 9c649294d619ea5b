//! A real Slurm of one node on loopback, in a temporary folder, for the length of a test.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{finish, wait};

/// A cluster that is not up by then never will be.
const START: Duration = Duration::from_secs(30);

/// What the cluster is made of and asked with.
const PROGRAMS: [&str; 7] = ["munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"];

/// Runs a program until stdin is closed, which the end of the test does in any case, also when it is killed.
const WATCHED: &str = r#"
"$@" & pid=$!
read -r _
kill "$pid" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    kill -0 "$pid" 2>/dev/null || exit 0
    sleep 0.1
done
kill -9 "$pid""#;

/// A running cluster; it ends when this is dropped.
pub(crate) struct Slurm {
    folder: tempfile::TempDir,
    /// In the order of their start.
    daemons: Vec<Child>,
}

impl Slurm {
    /// Starts a cluster whose arrays have at most `max_array_size` - 1 as index. None where Slurm is not
    /// installed; the test is to end then. With CI=true that fails.
    pub(crate) fn start(max_array_size: u32) -> Option<Self> {
        if let Some(missing) = PROGRAMS.iter().find(|name| program(name).is_none()) {
            let how = "`cargo xtask setup --slurm` installs it on Debian and Ubuntu";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing} is not installed; {how}");
            eprintln!("skipped: {missing} is not installed; {how}");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut slurm = Self { folder, daemons: Vec::new() };
        slurm.configure(max_array_size);
        slurm.daemon("munged", &slurm.munge_options());
        slurm.until("munged's socket", || slurm.path("munge.sock").exists());
        slurm.daemon("slurmctld", &["-D".to_owned()]);
        slurm.daemon("slurmd", &["-D".to_owned()]);
        slurm.until("a node that is idle", || slurm.try_ask("sinfo", &["-h", "-o", "%T"]).as_deref() == Some("idle\n"));
        Some(slurm)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn munge_options(&self) -> Vec<String> {
        let file = |option: &str, name: &str| format!("--{option}={}", self.path(name).display());
        vec![
            "--foreground".to_owned(),
            file("key-file", "munge.key"),
            file("socket", "munge.sock"),
            file("pid-file", "munged.pid"),
            file("log-file", "log/munged.log"),
            file("seed-file", "munge.seed"),
        ]
    }

    fn configure(&self, max_array_size: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode is set");
        };
        mode(self.folder.path(), 0o755);
        for name in ["state", "spool", "log"] {
            std::fs::create_dir(self.path(name)).expect("a folder is made");
        }
        // Any bytes do: the key guards a cluster that nobody else can reach, for a minute.
        std::fs::write(self.path("munge.key"), [0x5a; 128]).expect("a key is written");
        mode(&self.path("munge.key"), 0o600);
        std::fs::write(self.path("plugstack.conf"), "").expect("a file is written");
        // Slurm 22.05 refuses "disabled".
        std::fs::write(self.path("cgroup.conf"), "CgroupPlugin=cgroup/v1\n").expect("a file is written");
        let host = gethostname::gethostname().to_string_lossy().split('.').next().unwrap_or_default().to_owned();
        let user = output("id", &["-un"]);
        let user = user.trim();
        // Both sockets are open at once, so that the ports differ.
        let sockets = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [controller, node] = sockets.map(|s| s.local_addr().expect("a port").port());
        let folder = self.folder.path().display();
        let mut conf = format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser={user}\nSlurmdUser={user}\n\
             SlurmctldPort={controller}\nSlurmdPort={node}\nMaxArraySize={max_array_size}\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN\n\
             PartitionName=normal Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1\n\
             PartitionName=urgent Nodes={host} MaxTime=INFINITE State=UP PriorityTier=2\n"
        );
        for (key, name) in [
            ("StateSaveLocation", "state"),
            ("SlurmdSpoolDir", "spool"),
            ("SlurmctldPidFile", "slurmctld.pid"),
            ("SlurmdPidFile", "slurmd.pid"),
            ("SlurmctldLogFile", "log/slurmctld.log"),
            ("SlurmdLogFile", "log/slurmd.log"),
            ("PlugStackConfig", "plugstack.conf"),
        ] {
            let _ = writeln!(conf, "{key}={folder}/{name}");
        }
        // A requeued job waits for cred_expire, 120 s by default and 5 s at least.
        let _ = writeln!(conf, "AuthInfo=socket={folder}/munge.sock,cred_expire=5");
        conf.push_str(SETTINGS);
        std::fs::write(self.path("slurm.conf"), conf).expect("a file is written");
    }

    fn daemon(&mut self, name: &str, args: &[String]) {
        let log = std::fs::File::create(self.path(&format!("log/{name}.out"))).expect("a log is made");
        let err = log.try_clone().expect("a second handle");
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh"]).arg(program(name).expect("it was there")).args(args);
        command.env("SLURM_CONF", self.path("slurm.conf"));
        command.stdin(Stdio::piped()).stdout(log).stderr(err);
        self.daemons.push(command.spawn().expect("sh starts"));
    }

    /// Waits until something holds; if it never does, the test fails with the daemons' logs.
    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < START, "Slurm: no {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The last words of every daemon.
    pub(crate) fn logs(&self) -> String {
        let mut out = String::new();
        for entry in std::fs::read_dir(self.path("log")).into_iter().flatten().flatten() {
            let text = std::fs::read(entry.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].join("\n");
            let _ = writeln!(out, "== {}\n{last}", entry.path().display());
        }
        out
    }

    /// Lets a command see this cluster.
    pub(crate) fn seen_by(&self, mut command: Command) -> Command {
        command.env("SLURM_CONF", self.path("slurm.conf"));
        // Jobs begin in a login shell. What the user's own files do there is no part of a test: pyenv's, killed in a requeue,
        // leave a lock for which every shell after it waits a minute.
        command.env("HOME", self.path(""));
        command
    }

    /// What a command of Slurm's prints, if it succeeds.
    pub(crate) fn try_ask(&self, name: &str, args: &[&str]) -> Option<String> {
        let mut command = self.seen_by(Command::new(name));
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (status, stdout, _) = finish(command.spawn().ok()?);
        status.success().then_some(stdout)
    }

    /// The same, where it must succeed.
    #[track_caller]
    pub(crate) fn ask(&self, name: &str, args: &[&str]) -> String {
        self.try_ask(name, args).unwrap_or_else(|| panic!("{name} {args:?} failed\n{}", self.logs()))
    }

    /// The queue, an array task a line: its id and its state, sorted.
    pub(crate) fn queue(&self) -> Vec<String> {
        let text = self.ask("squeue", &["--noheader", "--array", "--format=%i %T"]);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Waits until no job is left.
    #[track_caller]
    pub(crate) fn drained(&self, limit: Duration) {
        let start = Instant::now();
        while !self.queue().is_empty() {
            assert!(start.elapsed() < limit, "jobs still there: {:?}\n{}", self.queue(), self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let user = output("id", &["-un"]);
        let _ = self.try_ask("scancel", &["--user", user.trim()]);
        let start = Instant::now();
        let busy = || self.try_ask("squeue", &["--noheader"]).is_some_and(|text| !text.trim().is_empty());
        while start.elapsed() < Duration::from_secs(10) && busy() {
            std::thread::sleep(Duration::from_millis(100));
        }
        for daemon in self.daemons.iter_mut().rev() {
            drop(daemon.stdin.take());
            if wait(daemon, Duration::from_secs(10)).is_none() {
                let _ = daemon.kill();
                let _ = daemon.wait();
            }
        }
    }
}

/// What every such cluster has in common: nothing is accounted, limited or waited for, and a job of the
/// partition `urgent` sends one of `normal` back into the queue.
const SETTINGS: &str = "\
AuthType=auth/munge
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
EnforcePartLimits=ALL
SwitchType=switch/none
ReturnToService=2
KillWait=5
MinJobAge=300
";

/// A program on PATH or where daemons are.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(daemons).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn output(name: &str, args: &[&str]) -> String {
    let out = Command::new(name).args(args).output().unwrap_or_else(|e| panic!("{name}: {e}"));
    String::from_utf8_lossy(&out.stdout).into_owned()
}
