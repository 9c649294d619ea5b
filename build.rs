//! Finds MuJoCo, sets the rpath so that binaries and tests run with no environment, and builds the
//! small C guard of the physics room. Where MuJoCo is missing it names the one command that mends it.

use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "3.17.0";

fn main() {
    println!("cargo::rerun-if-env-changed=MUJOCO_DYNAMIC_LINK_DIR");
    println!("cargo::rerun-if-changed=src/physics/guard.c");

    let Some(dir) = std::env::var_os("MUJOCO_DYNAMIC_LINK_DIR").map(PathBuf::from) else {
        fail("MUJOCO_DYNAMIC_LINK_DIR is not set: build inside the repository, or run `cargo xtask setup` there first");
    };
    let library = dir.join(if cfg!(target_os = "macos") { "libmujoco.dylib" } else { "libmujoco.so" });
    println!("cargo::rerun-if-changed={}", library.display());
    let Ok(real) = library.canonicalize() else {
        fail(&format!(
            "MuJoCo {VERSION} is not at {}: run `cargo xtask setup`, or set MUJOCO_DYNAMIC_LINK_DIR to the folder that holds it",
            library.display()
        ));
    };
    check_version(&real);

    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", dir.display());
    let origin = if cfg!(target_os = "macos") { "@loader_path" } else { "$ORIGIN" };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{origin}");

    cc::Build::new().file("src/physics/guard.c").opt_level(2).compile("dynsparse_guard");
    // After the guard, which needs it: the linker reads its arguments from left to right.
    println!("cargo::rustc-link-search=native={}", dir.display());
    println!("cargo::rustc-link-lib=dylib=mujoco");

    println!("cargo::rustc-env=DYNSPARSE_COMMIT={}", git_commit());
}

/// A library whose file name states another version is refused here; one that states none is checked
/// by `mj_version()` when the program starts.
fn check_version(library: &Path) {
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    let stated: String =
        name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let stated = stated.trim_end_matches('.');
    if stated.contains('.') && stated != VERSION {
        fail(&format!(
            "MuJoCo {VERSION} is needed, but {} is {stated}: run `cargo xtask setup`, or point MUJOCO_DYNAMIC_LINK_DIR to {VERSION}",
            library.display()
        ));
    }
}

/// The commit the program is built from, with `-dirty` when tracked files differ from it.
fn git_commit() -> String {
    let git = |args: &[&str]| {
        let out = Command::new("git").args(args).output().ok().filter(|o| o.status.success())?;
        String::from_utf8(out.stdout).ok().map(|s| s.trim().to_owned())
    };
    if let Some(dir) = git(&["rev-parse", "--git-dir"]) {
        println!("cargo::rerun-if-changed={dir}/HEAD");
        println!("cargo::rerun-if-changed={dir}/index");
    }
    let Some(commit) = git(&["rev-parse", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}-dirty"),
    }
}

fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    std::process::exit(1);
}
