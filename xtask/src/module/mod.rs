//! `cargo xtask wheel`: the Python module `dynsparse` as a wheel; and its checks, which are part of `cargo xtask test`.
//!
//! All that is needed comes from pip, into folders of its own: nothing of the user's Python changes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::download::{Downloads, pip, pip_outcome};
use crate::place::{root, say, tell, vendor};
use crate::setup::lock;
use crate::step::{cargo, run};
use crate::tree::{Tree, remove};

/// What is installed, each file by its sha256.
const REQUIREMENTS: &str = include_str!("module.txt");

/// The oldest Python that the module is for.
const OLDEST: (u32, u32) = (3, 10);

/// What somebody does who has installed the wheel; in the book, too.
const FIVE_LINES: &str = "\
import mujoco, dynsparse
model = mujoco.MjModel.from_xml_path('src/engine/examples/humanoid.xml')
lin = dynsparse.linearize(model, mujoco.MjData(model))
for name, row in zip(lin.state_names, lin.A):
    print(f'{name:>20}', ' '.join(f'{x:8.4f}' for x in row[:6]))
";

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
    /// Test the module instead, as `cargo xtask test` does
    #[arg(long)]
    test: bool,
}

impl Wheel {
    /// Builds it for the machine's own C library, and says where it is.
    pub(crate) fn run(&self) -> Result<()> {
        if self.test {
            return test(self.offline);
        }
        let environment = Environment::make("module-tools", &packages(self.offline)?, &["maturin"])?;
        let out = root().join(&self.out);
        remove(&program_place())?;
        if self.program {
            build_program()?;
        }
        for file in build(&environment, &out)? {
            say("wheel", file.display());
        }
        Ok(())
    }
}

/// Builds the module, and tests it in an environment of its own.
///
/// Where there is no Python that can do so, or no package index, a line says that nothing was tested, and why; with CI=true that is
/// an error.
///
/// # Errors
/// Where a check fails.
pub(crate) fn test(offline: bool) -> Result<()> {
    let packages = match packages(offline) {
        Ok(packages) => packages,
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
    let tools = Environment::make("module-tools", &packages, &["maturin", "mujoco", "numpy", "pytest"])?;
    let mut clippy = here();
    run("cargo clippy of the Python module", clippy.args(["clippy", "--locked", "--", "-D", "warnings"]))?;
    let dist = target().join("module-dist");
    let wheels = build(&tools, &dist)?;
    let [wheel] = &wheels[..] else { bail!("{} holds {} wheels", dist.display(), wheels.len()) };

    let fresh = Environment::make("module-fresh", &packages, &[&wheel.to_string_lossy()])?;
    let mut five_lines = Command::new(fresh.program("python"));
    // Nobody's Rust, and nobody's libraries.
    five_lines.env_clear().args(["-I", "-c", FIVE_LINES]).current_dir(root());
    run("five lines of Python, in a new environment", &mut five_lines)?;

    tools.install(&packages, &["--force-reinstall", "--no-deps", &wheel.to_string_lossy()])?;
    let mut example = cargo();
    example.args(["build", "--package", "dynsparse-engine", "--example", "matrices"]).env("CARGO_TARGET_DIR", target());
    run("cargo build of what the module is compared with", &mut example)?;
    let mut pytest = Command::new(tools.program("python"));
    pytest.args(["-m", "pytest", "-q", "tests"]).current_dir(root().join("python"));
    pytest.env("DYNSPARSE_MATRICES", target().join("debug/examples/matrices"));
    let program = target().join("debug/dynsparse");
    if program.is_file() {
        pytest.env("DYNSPARSE_PROGRAM", program);
    }
    run("pytest of the Python module", &mut pytest)
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

/// Builds the wheel into a folder, where it takes the place of older ones.
fn build(tools: &Environment, out: &Path) -> Result<Vec<PathBuf>> {
    if out.is_dir() {
        for old in built(out)? {
            remove(&old)?;
        }
    }
    let mut maturin = Command::new(tools.program("maturin"));
    maturin.current_dir(root().join("python")).args(["build", "--release", "--locked"]);
    // MuJoCo's library stays in its own package, which is what an audit of the wheel would complain of.
    maturin.args(["--auditwheel", "skip", "--interpreter"]).arg(tools.program("python"));
    maturin.arg("--out").arg(out).env("CARGO_TARGET_DIR", target());
    if let Some(tag) = platform_tag()? {
        maturin.args(["--compatibility", &tag]);
    }
    if std::env::var_os("MUJOCO_DYNAMIC_LINK_DIR").is_none() {
        maturin.env("MUJOCO_DYNAMIC_LINK_DIR", vendor().join("mujoco/lib"));
    }
    run("maturin build", &mut maturin)?;
    let files = built(out)?;
    ensure!(!files.is_empty(), "maturin has left nothing in {}", out.display());
    Ok(files)
}

/// Wheels of the module in a folder.
fn built(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("dynsparse-") && name.ends_with(".whl")
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

/// The folder with all packages, downloaded where it is not there.
fn packages(offline: bool) -> Result<PathBuf> {
    let vendor = vendor();
    let _lock = lock(&vendor)?;
    download(&vendor, offline)
}

/// As `packages`, for who has the lock of `vendor`.
///
/// # Errors
/// Where there is no Python for it, or where a package is not here and cannot be downloaded.
pub(crate) fn download(vendor: &Path, offline: bool) -> Result<PathBuf> {
    let version = python_version()?;
    let machine = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let tree = Tree::new(vendor, "module", format!("{}\npython {version} {machine}", sum()));
    if !tree.ready() {
        tree.make(|dir| {
            let mut pip = pip();
            pip.args(["download", "--quiet", "--only-binary=:all:", "--retries", "1", "--require-hashes", "--no-deps"]);
            if offline {
                pip.arg("--no-index").arg("--find-links").arg(Downloads::new(vendor).dir());
            } else {
                say("python module", "downloading 60 MB to build and test it ...");
            }
            let list = dir.join("requirements.txt");
            fs::write(&list, REQUIREMENTS).with_context(|| format!("{} cannot be written", list.display()))?;
            pip_outcome(pip.arg("--dest").arg(dir).arg("--requirement").arg(&list).output()).with_context(|| {
                let from = Downloads::new(vendor).dir().display().to_string();
                format!(
                    "the packages of xtask/src/module.txt are not here (they may also lie in {from}, with --offline)"
                )
            })
        })?;
    }
    say("python module", "packages ready");
    Ok(tree.path())
}

/// What tells one list from another in a stamp.
fn sum() -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(REQUIREMENTS.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The user's Python, which must be new enough and able to make environments.
fn python_version() -> Result<String> {
    let script = "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')";
    let out = Command::new("python3").args(["-c", script]).stdin(Stdio::null()).output();
    let out = out.ok().context("there is no python3 on PATH")?;
    ensure!(
        out.status.success(),
        "python3 has no module venv or ensurepip (on Debian and Ubuntu: apt-get install python3-venv)"
    );
    let version = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    let number = |part: Option<&str>| part.and_then(|p| p.parse::<u32>().ok()).unwrap_or(0);
    let mut parts = version.split('.');
    let found = (number(parts.next()), number(parts.next()));
    ensure!(found >= OLDEST, "python3 is {version}, and the module is for {}.{} and newer", OLDEST.0, OLDEST.1);
    Ok(version)
}

/// A virtual environment below the target folder.
struct Environment(PathBuf);

impl Environment {
    /// Makes it anew, with these packages out of `packages` alone.
    fn make(name: &str, packages: &Path, wanted: &[&str]) -> Result<Self> {
        let path = target().join(name);
        remove(&path)?;
        run("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(&path))?;
        let made = Self(path);
        made.install(packages, wanted)?;
        Ok(made)
    }

    /// Installs something, without an index.
    fn install(&self, packages: &Path, wanted: &[&str]) -> Result<()> {
        let mut pip = Command::new(self.program("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--find-links"]);
        pip.arg(packages).args(wanted.iter().map(OsString::from)).stdin(Stdio::null());
        run("pip install", &mut pip)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_version_and_hashes() {
        let joined = REQUIREMENTS.replace("\\\n", " ");
        let lines: Vec<&str> = joined.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 10);
        for line in lines {
            let name = line.split_whitespace().next().unwrap_or_default();
            let hashes = line.split_whitespace().filter_map(|word| word.strip_prefix("--hash=sha256:"));
            let hashes: Vec<&str> = hashes.collect();
            let sound = |hash: &&str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(name.contains("==") && !hashes.is_empty() && hashes.iter().all(sound), "{line}");
        }
        for wanted in ["maturin==", "mujoco==", "numpy==", "pytest=="] {
            assert!(joined.contains(wanted), "{wanted}");
        }
        assert!(joined.contains(&format!("mujoco=={}", crate::pins::MUJOCO_VERSION)));
    }

    #[test]
    fn a_wheel_is_for_the_c_library_that_it_is_built_with() {
        assert_eq!(tag_of("glibc 2.36\n").unwrap(), "manylinux_2_36");
        assert!(tag_of("").unwrap_err().to_string().contains("a version of glibc was expected"));
    }

    /// The book shows what is run.
    #[test]
    fn the_five_lines_are_those_of_the_book() {
        let page = fs::read_to_string(root().join("docs/python.md")).unwrap();
        let shown = FIVE_LINES.replace("src/engine/examples/", "").replace('\'', "\"");
        assert!(page.contains(&shown), "docs/python.md has not the lines\n{shown}");
    }
}
