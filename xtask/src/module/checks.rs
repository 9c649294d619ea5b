//! The checks of the Python module, which are part of `cargo xtask test`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::environment::Environment;
use super::packages::{BUILD, OLDEST, TESTS};
use super::{build, target};
use crate::packages;
use crate::place::{root, tell};
use crate::step::{cargo, run};

/// What somebody does who has installed the wheel; in the book, too.
const FIVE_LINES: &str = "\
import mujoco, dynsparse
model = mujoco.MjModel.from_xml_path('src/engine/examples/humanoid.xml')
lin = dynsparse.linearize(model, mujoco.MjData(model))
for name, row in zip(lin.state_names, lin.A):
    print(f'{name:>20}', ' '.join(f'{x:8.4f}' for x in row[:6]))
";

/// Builds the module, and tests it in environments of its own.
///
/// Where there is no Python that can do so, or no package index, a line says that nothing was tested, and why; with CI=true that is
/// an error.
///
/// # Errors
/// Where a check fails.
pub(crate) fn test(offline: bool) -> Result<()> {
    let lists = [&BUILD, &TESTS, &OLDEST].map(|list| list.folder(offline));
    let [packages, more, oldest] = match lists.into_iter().collect::<Result<Vec<PathBuf>>>() {
        Ok(folders) => <[PathBuf; 3]>::try_from(folders).expect("as many as lists"),
        Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            return Err(
                error.context("the Python module cannot be tested, and with CI=true nothing may be left untested")
            );
        }
        Err(error) => {
            tell(format_args!("warning: the Python module is neither built nor tested: {error:#}"));
            return Ok(());
        }
    };
    let here = || {
        let mut cargo = cargo();
        cargo.current_dir(root().join("python")).env("CARGO_TARGET_DIR", target());
        cargo
    };
    run("cargo fmt of the Python module", here().args(["fmt", "--check"]))?;
    let tools = Environment::make("module-tools", &[&packages], &["maturin", "mujoco", "numpy", "pytest"])?;
    let mut clippy = here();
    run("cargo clippy of the Python module", clippy.args(["clippy", "--locked", "--", "-D", "warnings"]))?;
    let wheel = build(&tools, &target().join("module-dist"))?;
    let file = wheel.to_string_lossy();

    let fresh = Environment::make("module-fresh", &[&packages], &[&file])?;
    let mut five_lines = Command::new(fresh.program("python"));
    // Nobody's Rust, and nobody's libraries.
    five_lines.env_clear().args(["-I", "-c", FIVE_LINES]).current_dir(root());
    run("five lines of Python, in a new environment", &mut five_lines)?;

    tools.install(&[&packages, &more], &["--force-reinstall", "--no-deps", &file])?;
    tools.install(&[&packages, &more], &["gymnasium", "h5netcdf", "h5py", "imageio", "jax", "xarray"])?;
    let mut example = cargo();
    example.args(["build", "--package", "dynsparse-engine", "--example", "matrices"]).env("CARGO_TARGET_DIR", target());
    run("cargo build of what the module is compared with", &mut example)?;
    // JAX has threads, which forbid the forks of other tests.
    run("pytest of the Python module", pytest(&tools).args(["tests", "--ignore", "tests/test_jax.py"]))?;
    run("pytest of the Python module with JAX", pytest(&tools).arg("tests/test_jax.py"))?;
    with_torch(&[&oldest, &packages, &more], &file)
}

/// Runs tests of the module in an environment.
pub(super) fn pytest(environment: &Environment) -> Command {
    let mut pytest = Command::new(environment.program("python"));
    pytest.args(["-m", "pytest", "-q"]).current_dir(root().join("python"));
    pytest.env("DYNSPARSE_MATRICES", target().join("debug/examples/matrices"));
    let program = target().join("debug/dynsparse");
    if program.is_file() {
        pytest.env("DYNSPARSE_PROGRAM", program);
    }
    pytest
}

/// Tests with PyTorch, and with the oldest numpy. The wheels of PyTorch for Linux take gigabytes of CUDA, so that it is Debian's,
/// which goes with Debian's Python only; where python3 is another one, a line says that nothing was tested.
fn with_torch(packages: &[&Path], wheel: &str) -> Result<()> {
    let (ours, systems) = (version("python3"), version("/usr/bin/python3"));
    let there = packages::TORCH.is_there();
    if ours.is_none() || ours != systems || !there {
        let why = if there {
            "python3 is another one than that of the system".to_owned()
        } else {
            format!("there is no {}", packages::TORCH_FOLDER)
        };
        tell(format_args!("warning: dynsparse.torch is not tested: {why}"));
        return Ok(());
    }
    let numpy = if ours < Some((3, 13)) { "numpy==1.26.4" } else { "numpy" };
    let environment =
        Environment::make("module-torch", packages, &["h5py", "pytest", numpy, "typing-extensions", wheel])?;
    environment.link(Path::new(packages::TORCH_FOLDER), &["torch", "functorch"])?;
    let mut pytest = pytest(&environment);
    pytest.arg("tests");
    // What hangs on neither.
    for file in ["bits", "numbers", "process", "program", "stubs"] {
        pytest.arg("--ignore").arg(format!("tests/test_{file}.py"));
    }
    run("pytest of the Python module with PyTorch and the oldest numpy", &mut pytest)
}

/// Tests with a PyTorch of the package index, such as `torch` or `torch==2.4.1`: those of 2.0 and newer have transforms of functions,
/// which Debian's has not.
///
/// # Errors
/// Where a package cannot be had, and where a test fails.
pub(super) fn with_torch_of_the_index(torch: &str, offline: bool) -> Result<()> {
    let folders = [BUILD.folder(offline)?, TESTS.folder(offline)?];
    let packages = [&*folders[0], &*folders[1]];
    let tools = Environment::make("module-tools", &packages, &["maturin", "mujoco", "numpy"])?;
    let wheel = build(&tools, &target().join("module-dist"))?;
    let wanted = ["gymnasium", "h5py", "imageio", "pytest", &wheel.to_string_lossy()];
    let environment = Environment::make("module-torch-index", &packages, &wanted)?;
    environment.download(torch)?;
    let mut pytest = pytest(&environment);
    pytest.args(["torch", "dataset_torch", "dataset_book", "examples"].map(|file| format!("tests/test_{file}.py")));
    run("pytest of the Python module with PyTorch of the index", &mut pytest)
}

/// Major and minor version of a Python.
fn version(python: &str) -> Option<(u32, u32)> {
    let mut command = Command::new(python);
    command.args(["-c", "import sys; print(*sys.version_info[:2])"]).stdin(Stdio::null());
    let out = command.output().ok().filter(|out| out.status.success())?;
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    let (major, minor) = told.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The book shows what is run.
    #[test]
    fn the_five_lines_are_those_of_the_book() {
        let page = fs::read_to_string(root().join("docs/python.md")).unwrap();
        let shown = FIVE_LINES.replace("src/engine/examples/", "").replace('\'', "\"");
        assert!(page.contains(&shown), "docs/python.md has not the lines\n{shown}");
    }
}
