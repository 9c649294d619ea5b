//! Which room of the code knows which others, from the paths in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{paths, rust_files};

/// The crates within `src`, by the name of their folder, and how sources call them; and the one beside it, which is a room.
const CRATES: [(&str, &str); 3] = [("base", "dynsparse_base"), ("engine", "dynsparse_engine"), (PYTHON, "_native")];

/// The Python module, whose sources are in `python/src`.
const PYTHON: &str = "python";

/// The room of what lies at the root of the engine.
const FACADE: &str = "facade";

/// Rooms, and those that each of them knows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Graph(pub(super) BTreeMap<String, BTreeSet<String>>);

impl Graph {
    /// Of the sources in a folder `src`, and of the Python module where it lies beside.
    pub(super) fn of(src: &Path) -> Result<Self> {
        let module = src.with_file_name(PYTHON).join("src");
        let mut files: Vec<(PathBuf, PathBuf)> = Vec::new();
        for (folder, within) in [(src, ""), (&*module, PYTHON)] {
            let all = if folder.is_dir() || within.is_empty() { rust_files(folder)? } else { Vec::new() };
            let placed = |path: PathBuf| Some((Path::new(within).join(path.strip_prefix(folder).ok()?), path));
            files.extend(all.into_iter().filter_map(placed));
        }
        let homes: Vec<(Vec<String>, &Path)> =
            files.iter().filter_map(|(place, path)| home(place).map(|home| (home, &**path))).collect();
        let mut rooms: BTreeMap<String, BTreeSet<String>> =
            homes.iter().map(|(home, _)| (room(home), BTreeSet::new())).collect();
        for (home, path) in &homes {
            let own = room(home);
            let source = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let within = CRATES.iter().find(|(folder, _)| home[0] == *folder);
            let depth = home.len() - usize::from(within.is_some());
            let roots = ["crate", "dynsparse", CRATES[0].1, CRATES[1].1];
            let found = paths::rooted(&source, &roots, depth)
                .map_err(|e| anyhow::anyhow!("{} is no Rust that can be read: {e}", path.display()))?;
            for (root, path) in found {
                let mut home: Vec<String> = match CRATES.iter().find(|(_, name)| *name == root).or(within) {
                    Some((folder, _)) if root != "dynsparse" => vec![(*folder).to_owned()],
                    _ => Vec::new(),
                };
                home.extend(path);
                let other = room(&home);
                if other != own && rooms.contains_key(&other) {
                    rooms.entry(own.clone()).or_default().insert(other);
                }
            }
        }
        Ok(Self(rooms))
    }

    /// The rooms in an order in which each knows those before it only.
    ///
    /// # Errors
    /// Where rooms know each other in a circle.
    fn ordered(&self) -> Result<Vec<&str>> {
        let mut done: Vec<&str> = Vec::new();
        while done.len() < self.0.len() {
            let waiting = self.0.iter().filter(|(room, _)| !done.contains(&room.as_str()));
            let ready: Vec<&str> = waiting
                .clone()
                .filter(|(_, known)| known.iter().all(|other| done.contains(&other.as_str())))
                .map(|(room, _)| room.as_str())
                .collect();
            if ready.is_empty() {
                bail!(
                    "rooms know each other in a circle: {}",
                    waiting.map(|(room, _)| room.as_str()).collect::<Vec<_>>().join(", ")
                );
            }
            done.extend(ready);
        }
        Ok(done)
    }

    /// As the table in ARCHITECTURE.md.
    ///
    /// # Errors
    /// As [`Graph::ordered`].
    pub(super) fn table(&self) -> Result<String> {
        let mut out = String::from("| room | knows |\n|---|---|\n");
        for room in self.ordered()? {
            let known: Vec<&str> = self.0[room].iter().map(String::as_str).collect();
            out.push_str(&format!("| `{room}` | {} |\n", known.join(", ")));
        }
        Ok(out)
    }

    /// For Graphviz: an arrow from a room to each that it knows, but for those that another one on the way knows already.
    pub(super) fn dot(&self) -> String {
        let mut out = String::from("digraph rooms {\n  rankdir=BT;\n  node [shape=box];\n");
        for (room, known) in &self.0 {
            out.push_str(&format!("  {room};\n"));
            for other in known.iter().filter(|other| !known.iter().any(|way| way != *other && self.reaches(way, other)))
            {
                out.push_str(&format!("  {room} -> {other};\n"));
            }
        }
        out + "}\n"
    }

    fn reaches(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![from];
        while let Some(room) = waiting.pop() {
            let known = self.0.get(room).into_iter().flatten();
            for other in known.map(String::as_str).filter(|other| seen.insert((*other).to_owned())) {
                if other == to {
                    return true;
                }
                waiting.push(self.0.get_key_value(other).map_or("", |(name, _)| name));
            }
        }
        false
    }
}

/// The modules that a file lies within, with the folder of its crate before them; None for roots of crates, build scripts, tests
/// and examples.
fn home(path: &Path) -> Option<Vec<String>> {
    let mut parts: Vec<String> = path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    let file = parts.pop()?;
    let name = file.strip_suffix(".rs")?.to_owned();
    let in_crate = parts.first().is_some_and(|first| CRATES.iter().any(|(folder, _)| folder == first));
    if in_crate && parts.get(1).is_some_and(|folder| ["tests", "examples", "benches"].contains(&folder.as_str())) {
        return None;
    }
    let at_root = parts.len() == usize::from(in_crate);
    if at_root && ["lib", "main", "build"].contains(&name.as_str()) {
        return None;
    }
    if name != "mod" {
        parts.push(name);
    }
    Some(parts)
}

/// The room that a module belongs to.
fn room(home: &[String]) -> String {
    match (home.first().map(String::as_str), home.get(1)) {
        (Some("base"), Some(name)) => name.clone(),
        (Some("engine"), Some(name)) if ["physics", "jacobian"].contains(&name.as_str()) => name.clone(),
        (Some("engine"), _) => FACADE.to_owned(),
        (Some(name), _) => name.to_owned(),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A house of three rooms; `turned` turns an import round.
    fn house(turned: bool) -> Result<Graph> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder"))?;
            std::fs::write(path, text)
        };
        write("lib.rs", "pub mod record;")?;
        write("record/mod.rs", "use crate::physics::Model; use dynsparse_base::text;")?;
        let below = if turned {
            "fn f() { g(super::jacobian::X) }"
        } else {
            "use super::other; mod a { use super::super::b; }"
        };
        write("engine/physics/mod.rs", below)?;
        write("engine/jacobian/fd.rs", "use crate::physics::Sim;")?;
        write("base/text.rs", "")?;
        Graph::of(folder.path())
    }

    #[test]
    fn a_house_in_order_has_one() {
        assert_eq!(
            house(false).unwrap().table().unwrap(),
            "| room | knows |\n|---|---|\n| `physics` |  |\n| `text` |  |\n| `jacobian` | physics |\n| `record` | physics, text |\n"
        );
        assert!(house(false).unwrap().dot().contains("  jacobian -> physics;\n"));
    }

    #[test]
    fn an_import_that_is_turned_round_is_a_circle() {
        let error = house(true).unwrap().table().unwrap_err().to_string();
        assert!(error.contains("circle") && error.contains("jacobian") && error.contains("physics"), "{error}");
    }
}
