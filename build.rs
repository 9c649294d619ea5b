//! Links the programs of this package to the MuJoCo that the engine's build script has found, by an rpath, so that binaries
//! and tests run with no environment; and notes the commit.

use std::process::Command;

fn main() {
    // A program that goes into a wheel finds MuJoCo in the package of that name, from dynsparse/bin, and nowhere else.
    println!("cargo::rerun-if-env-changed=DYNSPARSE_FOR_WHEEL");
    let origin = if cfg!(target_os = "macos") { "@loader_path" } else { "$ORIGIN" };
    if std::env::var_os("DYNSPARSE_FOR_WHEEL").is_some() {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{origin}/../../mujoco");
    } else {
        let mujoco =
            std::env::var("DEP_DYNSPARSE_ENGINE_MUJOCO").expect("the engine's build script says where MuJoCo is");
        println!("cargo::rustc-link-arg=-Wl,-rpath,{mujoco}");
        println!("cargo::rustc-link-arg=-Wl,-rpath,{origin}");
    }
    println!("cargo::rustc-env=DYNSPARSE_COMMIT={}", git_commit());
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
