//! The README's tables of the schema are those of the code.

use std::process::Command;

#[test]
fn the_schema_in_the_readme_is_the_schema_of_the_code() {
    let readme = include_str!("../README.md");
    let output = Command::new(env!("CARGO_BIN_EXE_dynsparse")).args(["info", "--schema"]).output().expect("it runs");
    let schema = String::from_utf8(output.stdout).expect("text");
    assert!(schema.contains("`solver_residual`"), "{schema}");
    assert!(readme.contains(schema.trim()), "README.md: replace its tables by what `dynsparse info --schema` prints");
}
