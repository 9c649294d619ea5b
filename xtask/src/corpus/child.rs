//! One process with a time limit.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) seconds: f64,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Code(i32),
    Signal(i32),
    /// It was ended because the time was over.
    Late,
}

/// Runs it; what it prints passes through files in `space`, so that no pipe fills up.
pub(crate) fn run(command: &mut Command, limit: Duration, space: &Path) -> Result<Ran> {
    use std::os::unix::process::ExitStatusExt as _;
    let [out, err] = [".stdout", ".stderr"].map(|name| space.join(name));
    let file = |path: &Path| File::create(path).with_context(|| format!("{} cannot be written", path.display()));
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file(&out)?)
        .stderr(file(&err)?)
        .spawn()
        .with_context(|| format!("{:?} cannot be started", command.get_program()))?;
    let end = loop {
        if let Some(status) = child.try_wait().context("a process cannot be waited for")? {
            break match (status.code(), status.signal()) {
                (Some(code), _) => End::Code(code),
                (None, signal) => End::Signal(signal.unwrap_or(0)),
            };
        }
        if begun.elapsed() > limit {
            // It may have ended meanwhile, which is no error.
            let _ = child.kill();
            child.wait().context("a process cannot be waited for")?;
            break End::Late;
        }
        sleep(Duration::from_millis(10));
    };
    let seconds = begun.elapsed().as_secs_f64();
    let read = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (stdout, stderr) = (read(&out)?, read(&err)?);
    fs::remove_file(&out)?;
    fs::remove_file(&err)?;
    Ok(Ran { end, stdout, stderr, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Ran {
        let dir = tempfile::tempdir().unwrap();
        run(Command::new("sh").args(["-c", script]), limit, dir.path()).unwrap()
    }

    #[test]
    fn every_end_is_told_with_what_was_said_before() {
        let long = Duration::from_secs(60);
        let ran = shell("echo out; echo err >&2; exit 3", long);
        assert_eq!((ran.end, ran.stdout.as_str(), ran.stderr.as_str()), (End::Code(3), "out\n", "err\n"));
        assert_eq!(shell("kill -SEGV $$", long).end, End::Signal(11));
        let late = shell("echo first; exec sleep 60", Duration::from_millis(300));
        assert_eq!((late.end, late.stdout.as_str()), (End::Late, "first\n"));
    }
}
