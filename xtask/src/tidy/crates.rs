//! The sources of the crates as the compiler finds them: from a crate's root along `mod`, without what is compiled for tests only.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use syn::{Attribute, Item, Meta};

/// The libraries whose public items others can use: their names, and the roots of their sources.
pub(super) const LIBRARIES: [(&str, &str); 3] =
    [("dynsparse_base", "src/base/lib.rs"), ("dynsparse_engine", "src/engine/lib.rs"), ("dynsparse", "src/lib.rs")];

/// The root of the program.
pub(super) const PROGRAM: &str = "src/main.rs";

/// A file of a crate.
pub(super) struct Source {
    /// As messages name it.
    pub(super) file: String,
    /// The modules that it lies within, the name of the crate first.
    pub(super) modules: Vec<String>,
    /// What it says.
    pub(super) items: Vec<Item>,
}

/// All files of the crate with this root, which is a path below `folder`.
pub(super) fn sources(folder: &Path, root: &str, name: &str) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let path = folder.join(root);
    let beside = path.parent().context("a root lies in a folder")?.to_owned();
    follow(folder, &path, &beside, vec![name.to_owned()], &mut found)?;
    Ok(found)
}

/// Reads a file and those of its modules, which lie in `beside`.
fn follow(folder: &Path, path: &Path, beside: &Path, modules: Vec<String>, found: &mut Vec<Source>) -> Result<()> {
    let file = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).with_context(|| format!("{file} cannot be read"))?;
    let items = syn::parse_file(&text).with_context(|| format!("{file} is no Rust that can be read"))?.items;
    let children: Vec<String> = items.iter().filter_map(child).collect();
    found.push(Source { file: file.clone(), modules: modules.clone(), items });
    for name in children {
        let (flat, deep) = (beside.join(format!("{name}.rs")), beside.join(&name).join("mod.rs"));
        let Some(path) = [flat, deep].into_iter().find(|path| path.is_file()) else {
            bail!("{file} has `mod {name};` and no file beside it has this name");
        };
        let modules = modules.iter().cloned().chain([name.clone()]).collect();
        follow(folder, &path, &beside.join(&name), modules, found)?;
    }
    Ok(())
}

/// The module that an item says is in another file.
fn child(item: &Item) -> Option<String> {
    match item {
        Item::Mod(module) if module.content.is_none() && !only_for_tests(&module.attrs) => {
            Some(module.ident.to_string())
        }
        _ => None,
    }
}

/// Whether what has these attributes is compiled for tests only.
pub(super) fn only_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || (condition.starts_with("all") && condition.contains("test"))
        }
        path => path.path().is_ident("test"),
    })
}

/// A folder with these files, for tests of what reads sources.
#[cfg(test)]
pub(super) fn house(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_followed_and_those_of_tests_are_not() {
        let house = house(&[
            ("src/lib.rs", "mod a; pub mod b; #[cfg(test)] mod gone;"),
            ("src/a.rs", "mod c;"),
            ("src/a/c.rs", "struct C;"),
            ("src/b/mod.rs", "mod d; #[cfg(all(test, unix))] mod gone;"),
            ("src/b/d.rs", "fn d() {}"),
            ("src/b/stray.rs", "no Rust"),
        ]);
        let found = sources(house.path(), "src/lib.rs", "x").unwrap();
        let names: Vec<String> = found.iter().map(|s| format!("{} {}", s.file, s.modules.join("::"))).collect();
        assert_eq!(
            names,
            ["src/lib.rs x", "src/a.rs x::a", "src/a/c.rs x::a::c", "src/b/mod.rs x::b", "src/b/d.rs x::b::d"]
        );
    }

    #[test]
    fn a_module_without_a_file_is_named() {
        let house = house(&[("src/lib.rs", "mod a;")]);
        let error = sources(house.path(), "src/lib.rs", "x").err().expect("no file").to_string();
        assert_eq!(error, "src/lib.rs has `mod a;` and no file beside it has this name");
    }
}
