//! The commands in README.md and docs/ run, and the tables of the schema are those of the code.
//!
//! A document is a session: its blocks run in order in one fresh folder, with `dynsparse` on PATH. A block that begins with
//! ```` ```sh ```` is run by `sh -e`, one of `python` by python3; one of another language with a name behind it
//! (```` ```toml job.toml ````) is written to a file of that name. A block of `sh no-run` or `python no-run` is not run, and
//! an HTML comment above it says why.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use dynsparse::task::Assets;

use crate::common::python::Python;

/// A block of code of a document.
#[derive(Debug, PartialEq)]
struct Block<'a> {
    /// The line that it begins at, from 1.
    line: usize,
    language: &'a str,
    /// What stands behind the language.
    rest: &'a str,
    /// The last line above it that is not empty.
    above: &'a str,
    code: String,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut above) = (Vec::new(), "");
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
            let code = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let code = code.flat_map(|line| [line, "\n"]).collect();
            blocks.push(Block { line: number + 1, language, rest, above, code });
        }
        if !line.is_empty() {
            above = line;
        }
    }
    blocks
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// README.md and the chapters.
fn documents() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let names = std::fs::read_dir(folder).expect("docs/").map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| format!("docs/{}", name.to_string_lossy()));
    let mut all: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    all.push("README.md".to_owned());
    all.sort();
    all
}

/// PATH with a program of the name `dynsparse` in `folder` before all others.
fn path(folder: &Path) -> OsString {
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dynsparse"), folder.join("dynsparse")).expect("a link");
    let others = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&others));
    std::env::join_paths(all).expect("a PATH")
}

/// Runs the blocks of a document.
fn session(name: &str) {
    // What the examples record comes with every set-up.
    if !Assets::find(None).has("CheetahRun") {
        assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "run `cargo xtask setup`");
        eprintln!("skipped: no files of CheetahRun; run `cargo xtask setup`");
        return;
    }
    let text = read(name);
    let [folder, programs] = std::array::from_fn(|_| tempfile::tempdir().expect("a temporary folder"));
    let path = path(programs.path());
    let run = |mut command: Command, block: &Block<'_>| {
        command.env("PATH", &path).current_dir(folder.path()).stdin(Stdio::null());
        command.env_remove("DYNSPARSE_LOG");
        let Output { status, stdout, stderr } = command.output().expect("a shell or python3");
        let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(status.success(), "{name}:{}: {status}\n{stdout}{stderr}", block.line);
    };
    for block in blocks(&text) {
        match (block.language, block.rest) {
            (_, "no-run") | ("text", "") => {}
            ("sh", "") => {
                let mut shell = Command::new("sh");
                // With -x a failure says which line it is.
                shell.args(["-ex", "-c", &block.code]);
                run(shell, &block);
            }
            ("python", "") => {
                // What follows may need what it writes.
                let Some(python) = Python::find() else { return };
                let mut command = python.command();
                command.args(["-c", &block.code]);
                run(command, &block);
            }
            (_, file) => std::fs::write(folder.path().join(file), &block.code).expect("a file of the session"),
        }
    }
}

#[test]
fn the_readme_runs() {
    session("README.md");
}

#[test]
fn the_quickstart_runs() {
    session("docs/quickstart.md");
}

#[test]
fn the_chapter_on_models_runs() {
    session("docs/models.md");
}

#[test]
fn the_chapter_on_tasks_runs() {
    session("docs/tasks.md");
}

#[test]
fn the_chapter_on_suites_runs() {
    session("docs/suites.md");
}

#[test]
fn the_chapter_on_the_format_runs() {
    session("docs/format.md");
}

#[test]
fn the_chapter_on_engines_runs() {
    session("docs/engines.md");
}

#[test]
fn the_chapter_on_analysis_runs() {
    session("docs/analysis.md");
}

#[test]
fn the_chapter_on_seeing_an_episode_runs() {
    session("docs/view.md");
}

#[test]
fn the_chapter_on_real_robots_runs() {
    session("docs/real-robots.md");
}

#[test]
fn the_chapter_on_exports_runs() {
    session("docs/export.md");
}

#[test]
fn the_chapter_on_experts_runs() {
    session("docs/experts.md");
}

#[test]
fn the_chapter_on_learning_runs() {
    session("docs/learning.md");
}

#[test]
fn the_chapter_on_influence_runs() {
    session("docs/influence.md");
}

#[test]
fn the_chapter_on_sweeps_runs() {
    session("docs/hpc.md");
}

/// A block is run by one of the tests above, or a reader is told why not; nothing else is in a fence.
#[test]
fn every_block_runs_or_says_why_not() {
    let tests = include_str!("docs.rs");
    for name in documents() {
        let text = read(&name);
        let blocks = blocks(&text);
        let place = |block: &Block<'_>| format!("{name}:{}", block.line);
        for block in &blocks {
            match (block.language, block.rest) {
                ("text", "") => {}
                ("sh" | "python", "") => {
                    assert!(tests.contains(&format!("session(\"{name}\")")), "{}: no test runs it", place(block));
                }
                ("sh" | "python", "no-run") => {
                    let reason = block.above.strip_prefix("<!-- not run: ").and_then(|r| r.strip_suffix(" -->"));
                    assert!(reason.is_some_and(|r| !r.is_empty()), "{}: no reason above it", place(block));
                }
                // Rust is compiled where the examples are.
                ("rust", _) => {}
                ("toml" | "xml", file) if !file.is_empty() && !file.contains(['/', ' ']) => {}
                _ => panic!("{}: a block of an unknown kind", place(block)),
            }
        }
        // Indented code would not be seen.
        let indented = text.lines().find(|line| line.starts_with("    dynsparse ") || line.starts_with("    cargo "));
        assert!(indented.is_none(), "{name}: fence it: {indented:?}");
    }
}

#[test]
fn the_readme_is_short() {
    assert!(read("README.md").lines().count() <= 150);
}

#[test]
fn the_schema_in_the_book_is_the_schema_of_the_code() {
    let chapter = read("docs/format.md");
    let output = Command::new(env!("CARGO_BIN_EXE_dynsparse")).args(["info", "--schema"]).output().expect("it runs");
    let schema = String::from_utf8(output.stdout).expect("text");
    assert!(schema.contains("`solver_residual`"), "{schema}");
    assert!(
        chapter.contains(schema.trim()),
        "docs/format.md: replace its tables by what `dynsparse info --schema` prints"
    );
}

#[test]
fn blocks_are_found() {
    let text = "a\n\n```sh\none\n\ntwo\n```\n<!-- not run: x -->\n\n```sh no-run\nthree\n```\n";
    let code = |code: &str| code.to_owned();
    let all = [
        Block { line: 3, language: "sh", rest: "", above: "a", code: code("one\n\ntwo\n") },
        Block { line: 10, language: "sh", rest: "no-run", above: "<!-- not run: x -->", code: code("three\n") },
    ];
    assert_eq!(blocks(text), all);
}
