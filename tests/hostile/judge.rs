//! What is wrong with the end of a process.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;

use crate::case::Case;
use crate::common::Place;
use crate::limits::{self, Ended};

/// Memory that the program may take besides what the input stores.
const MEMORY: u64 = 4 << 30;

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Panic,
    Signal,
    Hang,
    Asleep,
    Memory,
    ExitCode,
    NoError,
    ManyErrors,
    ErrorOfSuccess,
    ControlCharacters,
    InputChanged,
    OtherResult,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panic => "panic",
            Self::Signal => "signal",
            Self::Hang => "hang",
            Self::Asleep => "asleep",
            Self::Memory => "memory",
            Self::ExitCode => "exit-code",
            Self::NoError => "no-error-line",
            Self::ManyErrors => "more-than-one-line",
            Self::ErrorOfSuccess => "error-and-success",
            Self::ControlCharacters => "control-characters",
            Self::InputChanged => "input-changed",
            Self::OtherResult => "other-result",
        })
    }
}

/// What `verify` says on stdout of a recording that another one comes out of, and of a sweep.
const DIFFERS: [&str; 2] = [": differs: ", "the sweep differs from its manifest"];

/// What went wrong.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// In words.
    pub(crate) what: String,
    /// Position of the command.
    pub(crate) command: usize,
}

impl Fault {
    /// The same for faults that probably have one cause: the verb, the kind and the words without numbers.
    pub(crate) fn signature(&self, case: &Case) -> String {
        let verb = case.commands.get(self.command).map_or("", |c| c[0].as_str());
        let mut words: String = self.what.chars().filter(|c| !c.is_ascii_digit()).take(90).collect();
        // What is quoted comes from the input.
        if let Some(at) = words.find(['"', '`']) {
            words.truncate(at);
        }
        format!("{verb} {} {words}", self.kind)
    }
}

/// What all commands of a case came to.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) fault: Option<Fault>,
    /// Every command succeeded.
    pub(crate) accepted: bool,
    pub(crate) memory: u64,
    pub(crate) processor: f64,
    pub(crate) stderr: String,
}

/// Runs the commands of a case, up to the first fault.
pub(crate) fn judge(case: &Case) -> Verdict {
    let place = case.place();
    let mut verdict = Verdict { accepted: true, ..Verdict::default() };
    let mut said: Vec<Ended> = Vec::new();
    for (command, arguments) in case.commands.iter().enumerate() {
        let ended = limits::run(&place, arguments);
        verdict.memory = verdict.memory.max(ended.memory);
        verdict.processor = verdict.processor.max(ended.processor.as_secs_f64());
        verdict.accepted &= ended.status.success();
        let wrong = wrong(&ended, case.stored()).or_else(|| changed(&place, case));
        verdict.stderr.clone_from(&ended.stderr);
        said.push(ended);
        if let Some((kind, what)) = wrong.or_else(|| other_result(case, &said)) {
            verdict.fault = Some(Fault { kind, what, command });
            return verdict;
        }
    }
    verdict
}

/// What is wrong with one process.
fn wrong(ended: &Ended, stored: u64) -> Option<(Kind, String)> {
    // The advice on backtraces is no reason.
    let last =
        || ended.stderr.lines().rfind(|l| !l.is_empty() && !l.starts_with("note: ")).unwrap_or_default().to_owned();
    if ended.asleep {
        return Some((Kind::Asleep, format!("not ended after {:.0} s", ended.wall.as_secs_f64())));
    }
    // The limit comes as a signal of its own first, then as a kill.
    if ended.status.signal() == Some(libc::SIGXCPU)
        || ended.status.signal().is_some() && ended.processor.as_secs() >= 20
    {
        return Some((Kind::Hang, "takes more than 20 s of processor time".to_owned()));
    }
    if let Some(line) = ended.stderr.lines().find(|l| l.contains("panicked at")) {
        let place = line.split("panicked at ").nth(1).unwrap_or(line);
        let next = ended.stderr.lines().skip_while(|l| *l != line).nth(1).unwrap_or_default();
        return Some((Kind::Panic, format!("{place} {next}")));
    }
    if let Some(signal) = ended.status.signal() {
        return Some((Kind::Signal, format!("{}: {}", named(signal), last())));
    }
    if ended.memory > MEMORY + stored {
        return Some((Kind::Memory, format!("{} MiB", ended.memory >> 20)));
    }
    let code = ended.status.code().unwrap_or(-1);
    if code > 2 {
        return Some((Kind::ExitCode, format!("{code}: {}", last())));
    }
    // What `verify` finds is its result, as of `diff`.
    let stdout = String::from_utf8_lossy(&ended.stdout);
    let found = code == 1 && DIFFERS.iter().any(|words| stdout.contains(words));
    words(code, &ended.stderr).filter(|(kind, _)| !(found && *kind == Kind::NoError))
}

/// What is wrong with the words on stderr.
fn words(code: i32, stderr: &str) -> Option<(Kind, String)> {
    let lines: Vec<&str> = stderr.lines().collect();
    let errors: Vec<&&str> = lines.iter().filter(|l| l.starts_with("error: ")).collect();
    let first = errors.first().map(|l| (**l).to_owned());
    if let Some(line) = lines.iter().find(|l| l.chars().any(|c| c.is_control() && c != '\t')) {
        return Some((Kind::ControlCharacters, format!("{line:?}")));
    }
    match (code, first) {
        (0, Some(line)) => Some((Kind::ErrorOfSuccess, line)),
        (0, None) => None,
        (_, None) => Some((Kind::NoError, format!("exit code {code}: {}", lines.last().unwrap_or(&"")))),
        // A folder of recordings gives a line for each that cannot be used; what follows the last one is no line of ours.
        (_, Some(line)) if errors.last().copied() != lines.last() => Some((Kind::ManyErrors, line)),
        _ => None,
    }
}

/// A file that the program should have left alone.
fn changed(place: &Place, case: &Case) -> Option<(Kind, String)> {
    let ours = case.files.iter().filter(|(name, _)| !case.written.contains(name));
    let mut changed = ours.filter(|(name, bytes)| std::fs::read(place.path(name)).ok().as_ref() != Some(&**bytes));
    changed.next().map(|(name, _)| (Kind::InputChanged, name.clone()))
}

/// What was accepted, but says something else than it did before it was damaged.
fn other_result(case: &Case, said: &[Ended]) -> Option<(Kind, String)> {
    let same = case.same.as_ref()?;
    if said.len() != same.said.max(same.accepted) + 1 {
        return None;
    }
    let (judge, compared) = (&said[same.accepted], &said[same.said]);
    let (now, then) = (results(&compared.stdout), results(&same.expected));
    if !judge.status.success() || !compared.status.success() || now == then {
        return None;
    }
    let differs = now.lines().zip(then.lines()).find(|(a, b)| a != b);
    let (now, then) = differs.unwrap_or(("other lines", ""));
    Some((Kind::OtherResult, format!("now: {} then: {}", now.trim(), then.trim())))
}

/// What is said of an input, without what an analysis repeats of the file about its making, which is in no digest.
fn results(said: &[u8]) -> String {
    let text = || String::from_utf8_lossy(said).into_owned();
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(said) else { return text() };
    for recording in value["recordings"].as_array_mut().into_iter().flatten() {
        recording["subject"]["attributes"].take();
    }
    format!("{value:#}")
}

fn named(signal: i32) -> String {
    match signal {
        libc::SIGILL => "SIGILL".to_owned(),
        libc::SIGABRT => "SIGABRT".to_owned(),
        libc::SIGBUS => "SIGBUS".to_owned(),
        libc::SIGFPE => "SIGFPE".to_owned(),
        libc::SIGKILL => "SIGKILL".to_owned(),
        libc::SIGSEGV => "SIGSEGV".to_owned(),
        other => format!("signal {other}"),
    }
}
