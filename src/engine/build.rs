//! Finds MuJoCo, builds the small C guard of the physics room, and links both. Where MuJoCo is missing it names what mends it.

use std::path::{Path, PathBuf};

const VERSION: &str = "3.17.0";

fn main() {
    println!("cargo::rerun-if-env-changed=MUJOCO_DYNAMIC_LINK_DIR");
    println!("cargo::rerun-if-changed=physics/guard.c");

    let Some(dir) = std::env::var_os("MUJOCO_DYNAMIC_LINK_DIR").map(PathBuf::from) else {
        fail(&format!(
            "MUJOCO_DYNAMIC_LINK_DIR is not set: let it name the folder that holds the library of MuJoCo {VERSION} (within the \
             repository of dynsparse, `cargo xtask setup` fetches one)"
        ));
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

    cc::Build::new().file("physics/guard.c").opt_level(2).compile("dynsparse_guard");
    // After the guard, which needs it: the linker reads its arguments from left to right.
    println!("cargo::rustc-link-search=native={}", dir.display());
    println!("cargo::rustc-link-lib=dylib=mujoco");
    // Of this package's own tests and examples. Those of dependents are set by theirs.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", dir.display());
    println!("cargo::metadata=mujoco={}", dir.display());
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

fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    std::process::exit(1);
}
