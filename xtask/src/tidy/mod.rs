//! `cargo xtask rooms` and `public`, and what no compiler checks: who may know whom, public names, licences, a head on every file,
//! one version of MuJoCo.
//!
//! The checks are tests (`cargo test -p xtask tidy`), so that they run with all others.

mod crates;
mod graph;
#[cfg(test)]
mod licences;
mod longest;
mod paths;
mod public;
mod repeated;
mod table;
mod used;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

pub(crate) use longest::Longest;

use crate::place;

/// Show which room of the code knows which others
#[derive(Args)]
pub(crate) struct Rooms {
    /// As a graph for Graphviz
    #[arg(long)]
    dot: bool,
}

impl Rooms {
    /// Prints the rooms in an order in which each knows those before it only.
    pub(crate) fn run(&self) -> Result<()> {
        let graph = graph::Graph::of(&place::root().join("src"))?;
        place::show(if self.dot { graph.dot() } else { graph.table()? });
        let wrong = differences(&graph)?;
        if !wrong.is_empty() {
            bail!("{TABLE} says otherwise: {}", wrong.join("; "));
        }
        Ok(())
    }
}

/// Show how many public items each library has, which names stand for two of them, and which nobody uses
#[derive(Args)]
pub(crate) struct Public {
    /// Also those that only their own library uses
    #[arg(long)]
    within: bool,
}

impl Public {
    /// Prints the numbers and the lists.
    pub(crate) fn run(&self) -> Result<()> {
        let root = place::root();
        let all = public::all(&root)?;
        for (library, _) in crates::LIBRARIES {
            let own = all.iter().filter(|item| item.modules[0] == library);
            let (methods, items): (Vec<_>, Vec<_>) = own.partition(|item| item.of.is_some());
            place::show(format_args!("{library}: {} items, {} methods\n", items.len(), methods.len()));
        }
        let words = used::words(&root)?;
        let mut lists =
            vec![("names of two things", repeated::repeated(&all)), ("used by nobody", used::unused(&all, &words))];
        if self.within {
            lists.push(("used by their own library only", used::used_within(&all, &words)));
        }
        for (title, list) in lists {
            place::show(format_args!("\n{title}: {}\n", list.len()));
            for (name, places) in list {
                place::show(format_args!("  {name}  {}\n", places.join(" ")));
            }
        }
        Ok(())
    }
}

/// Where the table is.
const TABLE: &str = "ARCHITECTURE.md";

/// Where the table and the sources differ.
fn differences(graph: &graph::Graph) -> Result<Vec<String>> {
    let file = place::root().join(TABLE);
    let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(table::differences(&text, graph))
}

/// All Rust files beneath a folder, in order.
fn rust_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn all_files() -> Vec<std::path::PathBuf> {
        let root = place::root();
        let folders = ["src", "python/src", "tests", "benches", "xtask/src"];
        folders.iter().flat_map(|folder| rust_files(&root.join(folder)).unwrap()).collect()
    }

    /// ARCHITECTURE.md says who knows whom, and the sources do.
    #[test]
    fn rooms_know_what_the_table_says() {
        let root = place::root();
        let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
        let graph = graph::Graph::of(&root.join("src")).unwrap();
        let wrong = table::differences(&text, &graph);
        assert!(
            wrong.is_empty(),
            "ARCHITECTURE.md and the sources differ (`cargo xtask rooms`):\n{}",
            wrong.join("\n")
        );
        graph.table().expect("no room knows one that knows it");
    }

    #[test]
    fn every_file_begins_with_what_it_is_for() {
        let without = all_files().into_iter().filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            !text.trim_start().starts_with("//!")
        });
        assert_eq!(
            without.collect::<Vec<_>>(),
            Vec::<std::path::PathBuf>::new(),
            "files without a `//!` at their head"
        );
    }

    /// Some places name the version of MuJoCo: what is downloaded, what is linked, what is loaded, what Python has.
    #[test]
    fn mujoco_has_one_version() {
        let root = place::root();
        let places = [
            ("xtask/src/pins.rs", "MUJOCO_VERSION"),
            ("src/engine/build.rs", "VERSION"),
            ("src/engine/physics/guard.rs", "REQUIRED_VERSION"),
            ("python/package/dynsparse/_mujoco.py", "NEEDED"),
        ];
        let versions = places.map(|(file, name)| {
            let text = fs::read_to_string(root.join(file)).unwrap();
            let line = text
                .lines()
                .find(|line| line.contains(&format!("const {name}: &str")) || line.starts_with(&format!("{name} = ")));
            let line = line.map(str::to_owned);
            let line = line.unwrap_or_else(|| panic!("{file} has no {name}"));
            line.split('"').nth(1).expect("a text").to_owned()
        });
        assert!(versions.iter().all(|version| *version == versions[0]), "{places:?}: {versions:?}");
        let project = fs::read_to_string(root.join("python/pyproject.toml")).unwrap();
        assert!(project.contains(&format!("\"mujoco=={}\"", versions[0])), "python/pyproject.toml");
    }

    /// The Python module is a workspace of its own, with the packages that all else is tested with.
    #[test]
    fn packages_of_the_python_module_have_the_versions_of_the_workspace() {
        let packages = |name: &str| -> Vec<(String, String)> {
            let text = fs::read_to_string(place::root().join(name)).unwrap();
            let lock: toml::Table = toml::from_str(&text).unwrap();
            let text = |package: &toml::Value, field: &str| package[field].as_str().expect("a text").to_owned();
            let all = lock["package"].as_array().expect("packages").iter();
            all.map(|package| (text(package, "name"), text(package, "version"))).collect()
        };
        let (ours, theirs) = (packages("Cargo.lock"), packages("python/Cargo.lock"));
        assert!(theirs.len() > 30 && theirs.len() < ours.len());
        let other = theirs.iter().filter(|one| !ours.contains(one) && ours.iter().any(|(name, _)| *name == one.0));
        assert_eq!(
            other.collect::<Vec<_>>(),
            Vec::<&(String, String)>::new(),
            "`cargo update -p NAME --precise VERSION`"
        );
    }

    /// `unsafe` lives in the physics room, the HDF5 edge, where a worker asks the system, and where the Python module looks at
    /// memory of numpy.
    #[test]
    fn unsafe_code_stays_where_it_is_allowed() {
        let root = place::root();
        let allowed = [
            "src/base/lib.rs",
            "src/engine/physics/",
            "src/dataset/h5.rs",
            "src/record/workers.rs",
            "python/src/watch.rs",
        ];
        let files = ["src", "python/src"].into_iter().flat_map(|folder| rust_files(&root.join(folder)).unwrap());
        let found = files.filter_map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            let has = paths::words(&fs::read_to_string(&path).unwrap()).iter().any(|word| word == "unsafe");
            (has && !allowed.iter().any(|place| name.starts_with(place))).then_some(name)
        });
        assert_eq!(found.collect::<Vec<_>>(), Vec::<String>::new());
    }
}
