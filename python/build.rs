//! Lets the module find MuJoCo in the package `mujoco` that lies beside its own, in any environment.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let origin = if cfg!(target_os = "macos") { "@loader_path" } else { "$ORIGIN" };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{origin}/../mujoco");
}
