//! Models are compiled by a process of its own, which may die of them: `dynsparse compile`, hidden, with limits of memory and time.

mod message;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use dynsparse::physics::{self, Compiled, Limits, ModelSource, PhysicsError, Want};
use message::{Answer, Question};

use super::{output, signals};

/// Memory and time of a compilation.
const DEFAULT: Limits = Limits { memory: 4 << 30, seconds: 15 };

/// What changes them: bytes as GiB, and seconds.
const MEMORY: &str = "DYNSPARSE_COMPILE_GIB";
const SECONDS: &str = "DYNSPARSE_COMPILE_SECONDS";

/// A process that has not answered by then waits for something: what it may compute is limited.
const ASLEEP: Duration = Duration::from_secs(20 * 60);

/// How often a signal is looked for while the process works.
const LOOK: Duration = Duration::from_millis(100);

/// The arguments: none, the question comes from stdin.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Compiles the model that stdin names, within the limits, and writes it to stdout.
pub(super) fn run(_: &Args) -> anyhow::Result<ExitCode> {
    limits()?.hold();
    let question = Question::read(&mut std::io::stdin().lock()).context("no model to compile")?;
    let answer = Answer::of(&question, physics::compile_here(&question.source, question.want));
    answer.write(&mut std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

/// Lets such processes compile all models of this one, with the plugins of this one.
///
/// # Errors
/// When a limit in the environment is no number.
pub(super) fn elsewhere(plugins: &[PathBuf]) -> anyhow::Result<()> {
    let (limits, plugins) = (limits()?, plugins.to_vec());
    physics::compile_elsewhere(Box::new(move |source, want| compile(source, want, &plugins, limits)));
    Ok(())
}

fn limits() -> anyhow::Result<Limits> {
    let read = |name: &str, most: u64| match std::env::var(name) {
        Err(_) => Ok(None),
        Ok(text) => {
            let number = text.trim().parse().ok().filter(|n| (1..=most).contains(n));
            number.map(Some).with_context(|| format!("{name} is \"{text}\"; give a whole number from 1 to {most}"))
        }
    };
    Ok(Limits {
        memory: read(MEMORY, 1 << 20)?.map_or(DEFAULT.memory, |gib| gib << 30),
        seconds: read(SECONDS, 1 << 20)?.unwrap_or(DEFAULT.seconds),
    })
}

/// What became of a process.
struct Ended {
    asleep: bool,
    answer: Vec<u8>,
    words: String,
    status: ExitStatus,
}

fn compile(source: &ModelSource, want: Want, plugins: &[PathBuf], limits: Limits) -> Result<Compiled, PhysicsError> {
    let failed = |message: String| PhysicsError::Load { file: source.name(), message };
    let trouble = |e: &dyn std::fmt::Display| failed(format!("the process that compiles it cannot be started: {e}"));
    if let ModelSource::Disk(path) = source
        && path.to_str().is_none()
    {
        return Err(PhysicsError::File { file: source.name(), message: "its path is no UTF-8: rename it".to_owned() });
    }
    // Who allows more processor time may wait longer for it.
    let patience = ASLEEP.max(Duration::from_secs(limits.seconds.saturating_mul(80)));
    let program = std::env::current_exe().map_err(|e| trouble(&e))?;
    let mut command = Command::new(program);
    command.arg("compile");
    for plugin in plugins {
        command.arg("--plugin").arg(plugin);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|e| trouble(&e))?;
    let Some(ended) = follow(child, source, want, patience).map_err(|e| trouble(&e))? else {
        return Err(PhysicsError::Stopped);
    };
    if ended.asleep {
        return Err(failed(format!(
            "the process that compiles it has not ended after {} minutes: a file of it does not answer",
            patience.as_secs() / 60
        )));
    }
    if !ended.status.success() {
        // A terminal sends its signals to both.
        let asked = matches!(signal(&ended), Some(libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT));
        return Err(if asked { PhysicsError::Stopped } else { failed(death(&ended, limits)) });
    }
    if !ended.words.is_empty() {
        output::aside(&ended.words);
    }
    let answer = Answer::read(&mut ended.answer.as_slice());
    answer.map_err(|e| failed(format!("the process that compiles it does not answer: {e}")))?.result(source)
}

/// Asks the process and waits for its end; None where a signal asks this one to stop.
fn follow(mut child: Child, source: &ModelSource, want: Want, patience: Duration) -> std::io::Result<Option<Ended>> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A process that died before it had read all says so by its end.
            stdin.map(|mut pipe| message::ask(source, want, &mut pipe).and_then(|()| pipe.flush()))
        });
        let words = scope.spawn(move || {
            let mut bytes = Vec::new();
            stderr.map(|pipe| pipe.take(1 << 20).read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).trim().to_owned()
        });
        let (send, answered) = mpsc::channel();
        scope.spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
            let _ = send.send(read.map(|_| bytes));
        });
        let begun = Instant::now();
        let mut asleep = false;
        let answer = loop {
            match answered.recv_timeout(LOOK) {
                Ok(answer) => break answer?,
                Err(RecvTimeoutError::Disconnected) => break Vec::new(),
                Err(RecvTimeoutError::Timeout) if signals::exit_code().is_some() => {
                    child.kill()?;
                    child.wait()?;
                    return Ok(None);
                }
                Err(RecvTimeoutError::Timeout) if !asleep && begun.elapsed() > patience => {
                    asleep = true;
                    child.kill()?;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        let status = child.wait()?;
        Ok(Some(Ended { asleep, answer, words: words.join().unwrap_or_default(), status }))
    })
}

/// The signal that ended a process.
fn signal(ended: &Ended) -> Option<i32> {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&ended.status);
    #[cfg(not(unix))]
    return None;
}

/// What a process died of, and what to do.
fn death(ended: &Ended, limits: Limits) -> String {
    let (gib, seconds) = (limits.memory >> 30, limits.seconds);
    let more_memory = format!("it may take {gib} GiB, {MEMORY} allows more");
    let last = ended.words.lines().rev().find(|line| line.chars().any(char::is_alphabetic)).unwrap_or_default().trim();
    let without_memory = ["bad_alloc", "memory allocation", "allocate"].iter().any(|word| ended.words.contains(word));
    match signal(ended) {
        Some(libc::SIGXCPU) => {
            format!(
                "compiling it takes more than {seconds} s of processor time (length ranges of actuators?); \
                 {SECONDS} allows more"
            )
        }
        _ if without_memory => format!("compiling it needs too much memory; {more_memory}"),
        _ if ended.words.contains("overflowed its stack") => {
            "the compiler runs out of stack: something in it contains itself, or is nested too deeply".to_owned()
        }
        Some(signal) => {
            format!(
                "MuJoCo's compiler dies of it by signal {signal}: a size in it is too large, or something contains \
                 itself ({more_memory})"
            )
        }
        None => format!("the process that compiles it ends with {}: {last}", ended.status),
    }
}
