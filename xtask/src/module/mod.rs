//! `cargo xtask wheel`: the Python module `dynsparse` as a wheel; and its checks, which are part of `cargo xtask test`.
//!
//! All that is needed comes from pip, into folders of its own: nothing of the user's Python changes.

mod checks;
mod environment;
mod memory;
mod packages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

pub(crate) use checks::test;
use environment::Environment;
pub(crate) use packages::{BUILD, OLDEST, TESTS};

use crate::place::{root, say, vendor};
use crate::step::{cargo, run};
use crate::tree::remove;

/// Build the Python module as a wheel
#[derive(Args)]
pub(crate) struct Wheel {
    /// The folder that it goes into
    #[arg(long, default_value = "dist")]
    out: PathBuf,
    /// Download nothing: use the files in vendor/downloads
    #[arg(long)]
    offline: bool,
    /// With the command line program in it, but for networks, figures and Parquet (it takes minutes to build)
    #[arg(long)]
    program: bool,
    /// The sources instead, which `pip install` builds where there is Rust
    #[arg(long, conflicts_with = "program")]
    sdist: bool,
    /// Test the module instead, as `cargo xtask test` does
    #[arg(long, conflicts_with_all = ["program", "sdist"])]
    test: bool,
    /// Run tests of the module under valgrind instead: reads and writes of memory that is not there, numbers that nobody wrote
    #[arg(long, conflicts_with_all = ["program", "sdist", "test"])]
    valgrind: bool,
    /// Test dynsparse.torch instead with a PyTorch of the package index: `torch`, `torch==2.4.1` (gigabytes, with CUDA)
    #[arg(long, value_name = "REQUIREMENT", conflicts_with_all = ["program", "sdist", "test", "valgrind"])]
    torch: Option<String>,
}

impl Wheel {
    /// Builds it for the machine's own C library, and says where it is.
    pub(crate) fn run(&self) -> Result<()> {
        if self.test {
            return test(self.offline);
        }
        if self.valgrind {
            return memory::check(self.offline);
        }
        if let Some(torch) = &self.torch {
            return checks::with_torch_of_the_index(torch, self.offline);
        }
        let environment = Environment::make("module-tools", &[&BUILD.folder(self.offline)?], &["maturin"])?;
        let out = root().join(&self.out);
        if self.sdist {
            let file = sdist(&environment, &out)?;
            say("sdist", file.display());
            return Ok(());
        }
        remove(&program_place())?;
        if self.program {
            build_program()?;
        }
        let file = build(&environment, &out)?;
        say("wheel", format_args!("{} ({:.1} MB)", file.display(), megabytes(&file)?));
        Ok(())
    }
}

/// Where the program lies in the package; git does not see it.
fn program_place() -> PathBuf {
    root().join("python/package/dynsparse/bin")
}

/// Builds the program so that it finds MuJoCo beside the package, and puts it there.
fn build_program() -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--no-default-features"]).env("DYNSPARSE_FOR_WHEEL", "1");
    // Another one than that which finds MuJoCo in vendor.
    let target = target().join("for-wheel");
    run("cargo build of the program", build.arg("--target-dir").arg(&target))?;
    let place = program_place();
    fs::create_dir_all(&place).with_context(|| format!("{} cannot be made", place.display()))?;
    let (from, to) = (target.join("release/dynsparse"), place.join("dynsparse"));
    fs::copy(&from, &to).with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))?;
    Ok(())
}

/// Where cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The largest wheel that people are asked to download.
const MOST_MEGABYTES: f64 = 20.0;

/// Builds the wheel into a folder, where it takes the place of older ones.
fn build(tools: &Environment, out: &Path) -> Result<PathBuf> {
    let mut maturin = Command::new(tools.program("maturin"));
    maturin.current_dir(root().join("python")).args(["build", "--release", "--locked"]);
    // MuJoCo's library stays in its own package, which is what an audit of the wheel would complain of.
    maturin.args(["--auditwheel", "skip", "--interpreter"]).arg(tools.program("python"));
    maturin.env("CARGO_TARGET_DIR", target());
    if let Some(tag) = platform_tag()? {
        maturin.args(["--compatibility", &tag]);
    }
    if std::env::var_os("MUJOCO_DYNAMIC_LINK_DIR").is_none() {
        maturin.env("MUJOCO_DYNAMIC_LINK_DIR", vendor().join("mujoco/lib"));
    }
    let file = made("maturin build", maturin, out, ".whl")?;
    let size = megabytes(&file)?;
    ensure!(size < MOST_MEGABYTES, "{} has {size:.1} MB, and {MOST_MEGABYTES} are the most", file.display());
    Ok(file)
}

/// What makes the sources, and says nothing.
const SDIST: &str =
    "import sys; sys.path.insert(0, 'backend'); import dynsparse_build as d; d.build_sdist(sys.argv[2])";

/// The sources as an archive: the module with the crates that it is made of, and the lock of their dependencies.
fn sdist(tools: &Environment, out: &Path) -> Result<PathBuf> {
    fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    let mut python = Command::new(tools.program("python"));
    python.current_dir(root().join("python")).args(["-c", SDIST]);
    // The backend looks for maturin there.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bin = tools.program("maturin").parent().map(Path::to_owned).unwrap_or_default();
    python.env("PATH", std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?);
    made("maturin sdist", python, out, ".tar.gz")
}

/// Lets maturin put one file into a folder, in place of older ones of its kind.
fn made(what: &str, mut maturin: Command, out: &Path, kind: &str) -> Result<PathBuf> {
    if out.is_dir() {
        for old in built(out, kind)? {
            remove(&old)?;
        }
    }
    run(what, maturin.arg("--out").arg(out))?;
    let files = built(out, kind)?;
    let [file] = &files[..] else { anyhow::bail!("{} holds {} files {kind}", out.display(), files.len()) };
    Ok(file.clone())
}

fn megabytes(file: &Path) -> Result<f64> {
    let found = fs::metadata(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(found.len() as f64 / 1e6)
}

/// What was built of the module, in a folder.
fn built(folder: &Path, kind: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("dynsparse-") && name.ends_with(kind)
    };
    Ok(files.filter(ours).collect())
}

/// The oldest glibc that the wheel may meet is that of this machine; macOS and others have maturin's own tag.
fn platform_tag() -> Result<Option<String>> {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return Ok(None);
    }
    let out = Command::new("getconf").arg("GNU_LIBC_VERSION").stdin(Stdio::null()).output();
    let told = out.context("getconf does not run, which says the version of glibc")?.stdout;
    Ok(Some(tag_of(&String::from_utf8_lossy(&told))?))
}

/// `manylinux_2_36` of "glibc 2.36".
fn tag_of(told: &str) -> Result<String> {
    let version = told.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    let (major, minor) =
        version.with_context(|| format!("getconf says {told:?}, where a version of glibc was expected"))?;
    Ok(format!("manylinux_{major}_{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_for_the_c_library_that_it_is_built_with() {
        assert_eq!(tag_of("glibc 2.36\n").unwrap(), "manylinux_2_36");
        assert!(tag_of("").unwrap_err().to_string().contains("a version of glibc was expected"));
    }
}
