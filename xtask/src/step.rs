//! Runs one program as a step of a command, and passes its exit code on.

use std::fmt;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

use crate::place::tell;

/// A step that ran and did not succeed.
#[derive(Debug)]
struct Failed {
    step: String,
    code: u8,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed with exit code {}", self.step, self.code)
    }
}

impl std::error::Error for Failed {}

/// The exit code for an error: that of the step that failed, or 1.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(error.downcast_ref::<Failed>().map_or(1, |failed| failed.code))
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(crate::place::root());
    cargo
}

/// Announces the step, runs it and fails if it fails.
pub(crate) fn run(step: &str, command: &mut Command) -> Result<()> {
    tell(format_args!("==> {step}"));
    // Ctrl-C reaches the program too: let it finish what it must, and stop after it.
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))
        .context("Ctrl-C cannot be handled")?;
    let status = command.status().with_context(|| format!("{step} cannot be started"))?;
    check(step, status)?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failed { step: step.to_owned(), code: 130 }.into());
    }
    Ok(())
}

/// Fails with the exit code of a program that failed; a signal counts as in the shell.
pub(crate) fn check(step: &str, status: ExitStatus) -> Result<()> {
    use std::os::unix::process::ExitStatusExt as _;
    if status.success() {
        return Ok(());
    }
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Err(Failed { step: step.to_owned(), code: u8::try_from(code).unwrap_or(1) }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_of_a_step_is_passed_on() {
        run("true", &mut Command::new("true")).unwrap();
        let error = run("seven", Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
        assert_eq!(exit_code(&error), ExitCode::from(7));
        assert!(error.to_string().contains("seven"));
        let error = run("killed", Command::new("sh").args(["-c", "kill -TERM $$"])).unwrap_err();
        assert_eq!(exit_code(&error), ExitCode::from(143));
        let error = run("nothing", &mut Command::new("/none")).unwrap_err();
        assert_eq!(exit_code(&error), ExitCode::from(1));
    }
}
