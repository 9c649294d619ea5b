//! Public items that nobody uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use proc_macro2::{TokenStream, TokenTree};

use super::public::Public;
use super::rust_files;

/// Where users of the libraries are: the libraries themselves, the program, the Python module, tests, benchmarks and these
/// commands.
const USERS: [&str; 5] = ["src", "python/src", "tests", "benches", "xtask/src"];

/// Where the documents with examples in Rust are.
const DOCUMENTS: [&str; 2] = ["docs", "."];

/// The words of a file, without those in comments and texts, those that a definition gives and those of a `pub use`.
#[derive(Default)]
pub(super) struct Words {
    /// All of them.
    all: BTreeSet<String>,
    /// Those behind a dot or two colons, as methods are.
    behind: BTreeSet<String>,
}

/// The words of all files that may use the libraries, by file; examples in the comments of a file count as another file.
pub(super) fn words(folder: &Path) -> Result<BTreeMap<String, Words>> {
    let mut found = BTreeMap::new();
    let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    let mut add = |name: String, text: &str| -> Result<()> {
        let tokens = text.parse().map_err(|e| anyhow::anyhow!("{name} is no Rust that can be read: {e}"))?;
        found.entry(name).or_insert_with(Words::default).collect(tokens);
        Ok(())
    };
    for part in USERS {
        for path in rust_files(&folder.join(part))? {
            let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let comments = text.lines().filter_map(|line| {
                let line = line.trim_start();
                line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))
            });
            let examples = examples(comments, &["", "rust", "no_run", "should_panic"]);
            add(name(&path), &text)?;
            add(format!("{} (examples)", name(&path)), &examples)?;
        }
    }
    for part in DOCUMENTS {
        for entry in std::fs::read_dir(folder.join(part))? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "md") {
                let text =
                    std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
                add(name(&path), &examples(text.lines(), &["rust"]))?;
            }
        }
    }
    Ok(found)
}

/// The lines of blocks whose fence has one of these kinds.
fn examples<'a>(lines: impl Iterator<Item = &'a str>, kinds: &[&str]) -> String {
    let mut out = String::new();
    let mut within = None;
    for line in lines {
        let line = line.trim();
        match (line.strip_prefix("```"), within) {
            (Some(_), Some(_)) => within = None,
            (Some(kind), None) => within = Some(kinds.contains(&kind)),
            (None, Some(true)) => {
                out.push_str(line.strip_prefix("# ").unwrap_or(line));
                out.push('\n');
            }
            (None, _) => {}
        }
    }
    out
}

impl Words {
    fn collect(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, sign: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == sign);
        let word = |at: usize| match tokens.get(at) {
            Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
            _ => None,
        };
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.collect(group.stream()),
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    let restricted = usize::from(matches!(tokens.get(at + 1), Some(TokenTree::Group(_))));
                    if name == "pub" && word(at + 1 + restricted).is_some_and(|next| next == "use") {
                        while at < tokens.len() && !is(at, ';') {
                            at += 1;
                        }
                        continue;
                    }
                    let (before, before_that) = (at.checked_sub(1), at.checked_sub(2));
                    // `*const T` and `&'static T` define nothing.
                    let defines = before.and_then(word).is_some_and(|word| DEFINING.contains(&word.as_str()))
                        && !before_that.is_some_and(|at| is(at, '*') || is(at, '\''));
                    if !defines {
                        let colons = before_that.is_some_and(|at| is(at, ':') && is(at + 1, ':'));
                        if colons || before.is_some_and(|at| is(at, '.')) {
                            self.behind.insert(name.clone());
                        }
                        self.all.insert(name);
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }
}

/// Words before a name that they define.
const DEFINING: [&str; 9] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"];

/// Public items whose name is in no file but their own, and that come with none that is used: places by path.
pub(super) fn unused(all: &[Public], words: &BTreeMap<String, Words>) -> BTreeMap<String, Vec<String>> {
    without_users(all, words, |item, file| item.file != file)
}

/// Public items that only their own crate uses, so that they need not be public: places by path.
pub(super) fn used_within(all: &[Public], words: &BTreeMap<String, Words>) -> BTreeMap<String, Vec<String>> {
    let unused = unused(all, words);
    let mut within = without_users(all, words, |item, file| library(file) != Some(item.modules[0].as_str()));
    within.retain(|path, _| !unused.contains_key(path));
    within
}

/// The library that a file belongs to; None for the program, tests, benchmarks, examples and documents.
fn library(file: &str) -> Option<&'static str> {
    let parts: Vec<&str> = file.split('/').collect();
    match parts.as_slice() {
        _ if !file.ends_with(".rs") => None,
        ["src", "engine", "tests" | "examples", ..] | ["src", "cli", ..] | ["src", "main.rs"] => None,
        ["src", "engine", ..] => Some("dynsparse_engine"),
        ["src", "base", ..] => Some("dynsparse_base"),
        ["src", ..] => Some("dynsparse"),
        _ => None,
    }
}

/// Public items whose name is in no file that `counts` for them, and that come with none that has users.
fn without_users(
    all: &[Public],
    words: &BTreeMap<String, Words>,
    counts: impl Fn(&Public, &str) -> bool,
) -> BTreeMap<String, Vec<String>> {
    let has =
        |item: &Public, words: &Words| if item.of.is_some() { &words.behind } else { &words.all }.contains(&item.name);
    let (mut used, mut unused): (Vec<&Public>, Vec<&Public>) =
        all.iter().partition(|item| words.iter().any(|(file, words)| counts(item, file) && has(item, words)));
    while !used.is_empty() {
        let brought: BTreeSet<&str> = used.iter().flat_map(|item| &item.brings).map(String::as_str).collect();
        let comes = |item: &&Public| item.of.is_none() && brought.contains(item.name.as_str());
        (used, unused) = unused.into_iter().partition(comes);
    }
    unused.into_iter().map(|item| (item.path(), vec![item.place()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place;
    use crate::tidy::{crates, public};

    /// What is found without users in a house whose library says `text`, with these files besides.
    fn found(text: &str, files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let more =
            [("src/lib.rs", text), ("src/base/lib.rs", ""), ("src/engine/lib.rs", ""), ("python/src/lib.rs", "")];
        let rest = [
            ("tests/t.rs", ""),
            ("benches/b.rs", ""),
            ("xtask/src/x.rs", ""),
            ("docs/d.md", ""),
            ("src/a.rs", ""),
            ("src/main.rs", ""),
        ];
        let given = |name: &str| files.iter().any(|(file, _)| *file == name);
        let all: Vec<(&str, &str)> =
            more.into_iter().chain(rest).filter(|(name, _)| !given(name)).chain(files.iter().copied()).collect();
        let house = crates::house(&all);
        let (all, words) = (public::all(house.path()).unwrap(), words(house.path()).unwrap());
        let paths = |list: BTreeMap<String, Vec<String>>| list.into_keys().collect();
        (paths(unused(&all, &words)), paths(used_within(&all, &words)))
    }

    #[test]
    fn a_use_is_a_word_elsewhere_and_no_definition_comment_or_import_for_others() {
        let text = "pub struct A; impl A { pub fn go(&self) {} } pub fn f() { A.go() }";
        for user in [
            "// A go f\nfn go() { let go = \"f\"; }",
            "pub use x::{A, f};",
            "struct A; mod f {} fn g(a: u8) { S { a: go } }",
        ] {
            assert_eq!(
                found(text, &[("src/a.rs", user)]).0,
                ["dynsparse::A", "dynsparse::A::go", "dynsparse::f"],
                "{user}"
            );
        }
        for user in ["fn x(a: A) { a.go(); f() }", "use x::{A, f}; m!(A::go)", "fn y(a: *const A) { a.go(m::f) }"] {
            assert_eq!(found(text, &[("tests/t.rs", user)]).0, [""; 0], "{user}");
        }
    }

    #[test]
    fn examples_are_uses_and_texts_are_not() {
        let text =
            "/// ```\n/// # f();\n/// A.go();\n/// ```\npub struct A; impl A { pub fn go(&self) {} }\npub fn f() {}";
        assert_eq!(found(text, &[]).0, [""; 0]);
        assert_eq!(found(&text.replace("```\n/// #", "```text\n/// #"), &[]).0.len(), 3);
        let document = ("docs/d.md", "```rust\nlet a = A; a.go(f());\n```\n```sh\nf\n```\n");
        assert_eq!(found("pub struct A; impl A { pub fn go(&self) {} } pub fn f() {}", &[document]).0, [""; 0]);
    }

    #[test]
    fn what_comes_with_a_used_item_is_used() {
        let text = "pub fn f() -> B {} pub struct B { pub c: C, d: D } pub struct C; pub struct D;
            impl Iterator for C { type Item = E; } pub struct E; impl E { pub fn g() -> F {} } pub struct F;";
        assert_eq!(
            found(text, &[("tests/t.rs", "fn t() { f() }")]).0,
            ["dynsparse::D", "dynsparse::E::g", "dynsparse::F"]
        );
    }

    #[test]
    fn the_program_is_outside_of_its_library() {
        let text = "mod a; pub fn f() {} pub fn g() {}";
        let files = [("src/a.rs", "fn a() { f(); g() }"), ("src/main.rs", "fn main() { f() }")];
        assert_eq!(found(text, &files), (vec![], vec!["dynsparse::g".to_owned()]));
    }

    /// What nobody uses is private, or not there.
    #[test]
    fn public_items_have_users() {
        let root = place::root();
        let found = unused(&public::all(&root).unwrap(), &words(&root).unwrap());
        let wrong: Vec<String> = found.iter().map(|(name, places)| format!("{name} ({})", places.join(", "))).collect();
        assert!(
            wrong.is_empty(),
            "public items that nothing outside of their file uses (make them private, or drop them; `cargo xtask public`):\n{}",
            wrong.join("\n")
        );
    }
}
