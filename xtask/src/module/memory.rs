//! `cargo xtask wheel --valgrind`: tests of the Python module under valgrind. An error with a frame of the module is a failure; CPython,
//! numpy and MuJoCo by themselves are not looked at.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::checks::pytest;
use super::environment::Environment;
use super::packages::{BUILD, TESTS};
use super::{build, target};
use crate::place::{say, tell};
use crate::step::{cargo, run};

/// What is run: every function of the module, good and bad input, damaged files. Tests that take processes apart are left to themselves.
const FILES: [&str; 4] = ["bad_input", "batch", "dataset", "dataset_damaged"];

/// The library whose frames are ours.
const MODULE: &str = "_native.abi3.so";

/// Lines of an error that are shown.
const SHOWN: usize = 30;

/// Builds the module and runs its tests under valgrind.
///
/// # Errors
/// Where there is no valgrind, where a test fails, and where valgrind tells of an error with a frame of the module.
pub(super) fn check(offline: bool) -> Result<()> {
    let valgrind = Command::new("valgrind").arg("--version").stdin(Stdio::null()).output();
    let there = valgrind.is_ok_and(|out| out.status.success());
    ensure!(there, "there is no valgrind on PATH (on Debian and Ubuntu: apt-get install valgrind)");
    let folders = [BUILD.folder(offline)?, TESTS.folder(offline)?];
    let packages = [&*folders[0], &*folders[1]];
    let tools = Environment::make("module-tools", &packages, &["h5py", "maturin", "mujoco", "numpy", "pytest"])?;
    let wheel = build(&tools, &target().join("module-dist"))?;
    tools.install(&packages, &["--force-reinstall", "--no-deps", &wheel.to_string_lossy()])?;
    // What makes the recordings that are read; without it half of the tests are skipped.
    let mut program = cargo();
    program.args(["build", "--locked", "--no-default-features"]).env("CARGO_TARGET_DIR", target());
    run("cargo build of the program", &mut program)?;

    let report = target().join("valgrind.txt");
    let plain = pytest(&tools);
    let mut command = Command::new("valgrind");
    command.args(["--num-callers=60", "--leak-check=no", "--error-limit=no"]);
    command.arg(format!("--log-file={}", report.display())).arg(plain.get_program()).args(plain.get_args());
    command.args(["-p", "no:cacheprovider"]).args(FILES.map(|file| format!("tests/test_{file}.py")));
    command.current_dir(plain.get_current_dir().unwrap_or(&target()));
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // So that each object is a piece of memory of its own.
    command.env("PYTHONMALLOC", "malloc");
    run("pytest of the Python module under valgrind (a quarter of an hour)", &mut command)?;

    let text = fs::read(&report).with_context(|| format!("{} cannot be read", report.display()))?;
    let text = String::from_utf8_lossy(&text);
    ensure!(text.contains("ERROR SUMMARY"), "{} has no summary: valgrind did not come to its end", report.display());
    let errors = of_the_module(&text);
    for error in &errors {
        tell(error.lines().take(SHOWN).collect::<Vec<_>>().join("\n"));
    }
    ensure!(
        errors.is_empty(),
        "valgrind tells of {} errors with a frame of {MODULE}, see {}",
        errors.len(),
        report.display()
    );
    say("valgrind", format_args!("no error with a frame of {MODULE}"));
    Ok(())
}

/// The errors in what valgrind tells that have a frame of the module. Errors are apart by empty lines; each line has the process
/// in front.
fn of_the_module(text: &str) -> Vec<String> {
    let own = |line: &str| line.splitn(3, "==").nth(2).map(|rest| rest.trim().to_owned());
    let lines: Vec<String> = text.lines().filter_map(own).collect();
    let blocks = lines.split(|line| line.is_empty());
    let ours = |block: &&[String]| block.iter().any(|line| is_frame(line) && line.contains(MODULE));
    blocks.filter(ours).map(|block| block.join("\n")).collect()
}

fn is_frame(line: &str) -> bool {
    line.starts_with("at 0x") || line.starts_with("by 0x")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "\
==7== Memcheck, a memory error detector
==7== Command: python tests/_native.abi3.so.py
==7== 
==7== Invalid read of size 8
==7==    at 0x4C: memmove (in /usr/lib/libc.so.6)
==7==    by 0x5D: ??? (in /home/me/dynsparse/_native.abi3.so)
==7==  Address 0x6E is 0 bytes after a block of size 80 alloc'd
==7==    at 0x4C: malloc (in /usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so)
==7== 
==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x4C: PyObject_Free (in /usr/bin/python3.11)
==7== 
==7== ERROR SUMMARY: 2 errors from 2 contexts (suppressed: 0 from 0)
";

    #[test]
    fn errors_with_a_frame_of_the_module_are_told_from_others() {
        let errors = of_the_module(TOLD);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with("Invalid read of size 8\nat 0x4C: memmove"), "{errors:?}");
        assert!(of_the_module(&TOLD.replace("dynsparse/_native.abi3.so", "other.so")).is_empty());
    }
}
