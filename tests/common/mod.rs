//! What every test of the program shares: a fresh folder, a run with a time limit, and checks on its words.

pub(crate) mod browser;
pub(crate) mod bytes;
pub(crate) mod dice;
pub(crate) mod fuzz;
pub(crate) mod json;
pub(crate) mod log;
pub(crate) mod made;
pub(crate) mod manifest;
pub(crate) mod npz;
pub(crate) mod onnx;
pub(crate) mod python;
pub(crate) mod recording;
pub(crate) mod slurm;
pub(crate) mod toml;
pub(crate) mod weights;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub(crate) use dice::Dice;

/// A run that takes longer hangs, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(600);

/// Settings of a job that takes a fraction of a second.
pub(crate) const SMALL: [&str; 4] = ["--episodes", "3", "--steps", "40"];

/// The tasks of the paper (arXiv 2511.08086).
pub(crate) fn paper_tasks() -> [&'static str; 8] {
    dynsparse::analysis::paper::PUBLISHED.map(|row| row.task)
}

/// Every file of a folder by its relative path; a folder counts with no bytes.
pub(crate) type Listing = BTreeMap<PathBuf, Vec<u8>>;

/// A fresh folder, which the program runs in.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path(name), bytes).expect("a file is written");
        self
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn listing(&self) -> Listing {
        let mut found = Listing::new();
        list(self.folder.path(), self.folder.path(), &mut found);
        found
    }

    /// The program in this folder, free of the caller's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dynsparse"));
        command.args(args);
        self.prepare(command)
    }

    /// The program under a shell line that ends in `exec "$@"`.
    pub(crate) fn shell(&self, line: &str, args: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh", env!("CARGO_BIN_EXE_dynsparse")]).args(args);
        self.prepare(command)
    }

    fn prepare(&self, mut command: Command) -> Command {
        for variable in ["DYNSPARSE_ASSETS", "DYNSPARSE_LOG", "RUST_BACKTRACE", "COLUMNS"] {
            command.env_remove(variable);
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs it and waits.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_command(self.command(args))
    }

    /// Runs what draws; None where there is no OpenGL, which the program has said then. Where everything must be tested, there is.
    #[track_caller]
    pub(crate) fn draw(&self, args: &[&str]) -> Option<Ran> {
        let mut command = self.command(args);
        // Mesa has words of its own about drivers that it does not find.
        command.env("EGL_LOG_LEVEL", "fatal");
        let ran = self.run_command(command);
        if !ran.stderr.contains("there is no OpenGL") {
            return Some(ran.ok());
        }
        let ci = std::env::var("CI").is_ok_and(|v| v == "true");
        assert!(!ci, "run `cargo xtask setup --opengl`: {}", ran.stderr);
        ran.refused(&["install EGL", "apt-get install libegl1 libgl1-mesa-dri"]);
        None
    }

    /// Runs a command made here and waits.
    pub(crate) fn run_command(&self, mut command: Command) -> Ran {
        let before = self.listing();
        let what = format!("{command:?}");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (status, stdout, stderr) = finish(child);
        Ran { what, status, stdout, stderr, before, after: self.listing() }
    }

    /// Records a small job of the embedded model; `extra` wins over its settings.
    pub(crate) fn small(&self, output: &str, extra: &[&str]) -> Ran {
        let sizes = SMALL.chunks(2).filter(|pair| !extra.contains(&pair[0])).flatten().copied();
        let args: Vec<&str> = ["record", "-o", output].into_iter().chain(sizes).chain(extra.iter().copied()).collect();
        self.run(&args)
    }
}

fn list(root: &Path, folder: &Path, found: &mut Listing) {
    for entry in std::fs::read_dir(folder).expect("a folder is read") {
        let path = entry.expect("an entry is read").path();
        let name = path.strip_prefix(root).expect("below the root").to_owned();
        if path.is_dir() {
            found.insert(name, Vec::new());
            list(root, &path, found);
        } else {
            // A pipe waits for somebody to write.
            let bytes = if path.is_file() { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
            found.insert(name, bytes);
        }
    }
}

/// Waits for a child with piped stdout and stderr; one that hangs is killed and fails the test.
pub(crate) fn finish(mut child: Child) -> (ExitStatus, String, String) {
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|p| Box::new(p) as Box<dyn Read + Send>));
    let err = read(child.stderr.take().map(|p| Box::new(p) as Box<dyn Read + Send>));
    let status = wait(&mut child, LIMIT).unwrap_or_else(|| {
        let _ = child.kill();
        panic!("the program hangs")
    });
    (status, out.join().expect("stdout is read"), err.join().expect("stderr is read"))
}

/// Waits at most that long.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child is waited for") {
            return Some(status);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A run that has ended.
pub(crate) struct Ran {
    /// The command.
    pub(crate) what: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The folder before and after.
    pub(crate) before: Listing,
    pub(crate) after: Listing,
}

impl Ran {
    /// It succeeded without a word on stderr besides progress.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.sane();
        assert!(self.status.success(), "{}: {:?}\n{}", self.what, self.status, self.stderr);
        assert!(!self.stderr.contains("error"), "{}\n{}", self.what, self.stderr);
        self
    }

    /// One `error: ` line with all of `parts`, exit code 1, and the folder as it was.
    #[track_caller]
    pub(crate) fn refused(self, parts: &[&str]) -> Self {
        let this = self.failed(parts);
        let changed: Vec<_> = this.before.keys().chain(this.after.keys()).collect();
        let changed: Vec<_> = changed.into_iter().filter(|k| this.before.get(*k) != this.after.get(*k)).collect();
        assert!(changed.is_empty(), "{}: it touched {changed:?}", this.what);
        this
    }

    /// One `error: ` line with all of `parts` and exit code 1; files may have changed.
    #[track_caller]
    pub(crate) fn failed(self, parts: &[&str]) -> Self {
        self.sane();
        assert_eq!(self.status.code(), Some(1), "{}\n{}", self.what, self.stderr);
        let lines: Vec<&str> = self.stderr.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!(lines.len(), 1, "{}: not one error line:\n{}", self.what, self.stderr);
        assert_eq!(self.stderr.lines().last(), Some(lines[0]), "{}: words after the error", self.what);
        let progress = |l: &&str| !l.starts_with("error: ") && !l.contains(" episodes");
        let others: Vec<&str> = self.stderr.lines().filter(progress).collect();
        assert!(others.is_empty(), "{}: more than the error line: {others:?}", self.what);
        assert!(self.stdout.is_empty(), "{}: on stdout: {}", self.what, self.stdout);
        for part in parts {
            assert!(lines[0].contains(part), "{}: no \"{part}\" in: {}", self.what, lines[0]);
        }
        self
    }

    /// clap's own refusal of the command line.
    #[track_caller]
    pub(crate) fn usage(self, parts: &[&str]) -> Self {
        self.sane();
        assert_eq!(self.status.code(), Some(2), "{}\n{}", self.what, self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}\n{}", self.what, self.stderr);
        assert_eq!(self.before, self.after, "{}: it touched files", self.what);
        for part in parts {
            assert!(self.stderr.contains(part), "{}: no \"{part}\" in: {}", self.what, self.stderr);
        }
        self
    }

    /// It ended by itself, without a panic, and left no log of MuJoCo's.
    #[track_caller]
    pub(crate) fn sane(&self) {
        assert!(self.status.code().is_some_and(|c| c <= 2), "{}: {:?}\n{}", self.what, self.status, self.stderr);
        for word in ["panicked", "RUST_BACKTRACE", "HDF5-DIAG", "has overflowed its stack"] {
            assert!(!self.stderr.contains(word), "{}\n{}", self.what, self.stderr);
        }
        let log = self.after.keys().find(|k| k.to_string_lossy().contains("MUJOCO_LOG"));
        assert!(log.is_none(), "{}: left {log:?}", self.what);
    }
}

/// Opens an HDF5 file for changes. Without a lock: a program that another test starts in this very moment inherits the
/// open file, and would keep a lock on it until it ends.
pub(crate) fn open_to_change(path: &Path) -> hdf5::File {
    let builder = hdf5::File::with_options().with_fapl(|p| p.file_locking(false)).clone();
    builder.open_rw(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The files that `cargo xtask setup` fetches.
pub(crate) fn vendor() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor");
    assert!(folder.join("playground").is_dir(), "run `cargo xtask setup` first: {} is empty", folder.display());
    folder.display().to_string()
}

/// Where everything must be tested, no model may be missing; elsewhere some suffice (`cargo xtask setup` can fetch
/// a part).
#[track_caller]
pub(crate) fn complete(missing: &[&str]) {
    let ci = std::env::var("CI").is_ok_and(|v| v == "true");
    assert!(!ci || missing.is_empty(), "the files of {} are missing: run `cargo xtask setup`", missing.join(", "));
    assert!(missing.len() < dynsparse::task::playground().len(), "no model is there: run `cargo xtask setup`");
}

/// Those of the tasks whose files are there; see [`complete`].
#[track_caller]
pub(crate) fn present<'a>(tasks: &[&'a str], assets: &dynsparse::task::Assets) -> Vec<&'a str> {
    let (present, missing): (Vec<&str>, Vec<&str>) = tasks.iter().partition(|name| assets.has(name));
    complete(&missing);
    present
}
