//! The engine for others: a crate outside the workspace depends on it alone, and the program in the book works.

use std::path::Path;
use std::process::{Command, Output};

/// Crates that nobody should have to build for A and B of a step.
const NOT_NEEDED: [&str; 8] =
    ["hdf5-metno", "hdf5-metno-sys", "cmake", "clap", "burn-tensor", "parquet", "resvg", "libloading"];

fn checked(out: Output, what: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(out.status.success(), "{what}: {}{}", text(&out.stdout), text(&out.stderr));
    text(&out.stdout)
}

#[test]
fn a_crate_outside_the_workspace_builds_on_the_engine_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/library.md")).unwrap();
    let program =
        page.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program in the page");
    assert!(program.lines().count() <= 15, "it has {} lines", program.lines().count());

    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("src")).unwrap();
    std::fs::write(dir.path().join("src/main.rs"), program).unwrap();
    std::fs::copy(root.join("src/engine/examples/humanoid.xml"), dir.path().join("humanoid.xml")).unwrap();
    // The versions that this repository is tested with, so that nothing is fetched.
    std::fs::copy(root.join("Cargo.lock"), dir.path().join("Cargo.lock")).unwrap();
    let manifest = format!(
        "[package]\nname = \"outside\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         dynsparse-engine = {{ path = {:?} }}\n",
        root.join("src/engine")
    );
    std::fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();

    let mujoco = root.join("vendor/mujoco/lib");
    let library = std::env::var_os("MUJOCO_DYNAMIC_LINK_DIR").unwrap_or_else(|| mujoco.into());
    let cargo = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(args).arg("--offline").current_dir(dir.path());
        command.env("MUJOCO_DYNAMIC_LINK_DIR", &library).env("LD_LIBRARY_PATH", &library);
        command.env("DYLD_LIBRARY_PATH", &library).env("CARGO_TARGET_DIR", root.join("target/outside"));
        command
    };
    let tree = checked(cargo(&["tree", "--prefix", "none", "-e", "normal,build"]).output().unwrap(), "cargo tree");
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    for name in NOT_NEEDED {
        assert!(!crates.contains(&name), "{name} is needed by the engine:\n{tree}");
    }
    let said = checked(cargo(&["run", "--quiet"]).output().unwrap(), "cargo run");
    assert!(said.contains("vel:right_knee") && said.contains("28 x 8"), "{said}");
}
