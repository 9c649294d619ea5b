//! What packages of others may be here, by deny.toml: a licence that it allows, and crates.io as the source.
//!
//! `cargo deny check` says the same and more (advisories); this needs neither it nor its database.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::step::cargo;

/// The one source of packages that are not our own.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Of deny.toml.
#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
    clarify: Vec<Clarified>,
}

/// What one package may have besides.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<String>,
}

/// What one package means that names no licence.
#[derive(Deserialize)]
struct Clarified {
    #[serde(rename = "crate")]
    package: String,
    expression: String,
}

/// Of what `cargo metadata` prints.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

/// Of Cargo.lock.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

impl Rules {
    fn of(text: &str) -> Result<Self> {
        toml::from_str(text).context("deny.toml cannot be read")
    }

    /// What is wrong with the licence of a package.
    fn wrong(&self, package: &Package) -> Option<String> {
        let Package { name, version, license } = package;
        let clarified = self.licenses.clarify.iter().find(|one| one.package == *name).map(|one| &one.expression);
        let Some(told) = clarified.or(license.as_ref()) else {
            return Some(format!(
                "{name} {version} names no licence: read its files, and say in [[licenses.clarify]] what they are"
            ));
        };
        let expression = match Expression::parse_mode(told, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(e) => return Some(format!("{name} {version} is under `{told}`, which is no SPDX expression: {e}")),
        };
        let own = self.licenses.exceptions.iter().filter(|one| one.package == *name).flat_map(|one| &one.allow);
        let allowed: Vec<Licensee> =
            self.licenses.allow.iter().chain(own).filter_map(|one| Licensee::parse(one).ok()).collect();
        let fits = expression.evaluate(|wanted| allowed.iter().any(|one| one.satisfies(wanted)));
        (!fits).then(|| {
            format!("{name} {version} is under `{told}`, which deny.toml does not allow: do without it, or allow that")
        })
    }

    /// Names that no SPDX list has, and packages that are spoken of and not here.
    fn stale(&self, lock: &Lock) -> Vec<String> {
        let Licences { allow, exceptions, clarify } = &self.licenses;
        let names = allow.iter().chain(exceptions.iter().flat_map(|one| &one.allow));
        let unknown = names.filter(|one| Licensee::parse(one).is_err());
        let mut wrong: Vec<String> = unknown.map(|one| format!("deny.toml: `{one}` is no SPDX licence")).collect();
        let packages = exceptions.iter().map(|one| &one.package).chain(clarify.iter().map(|one| &one.package));
        let gone = packages.filter(|name| !lock.package.iter().any(|one| one.name == **name));
        wrong.extend(gone.map(|name| format!("deny.toml speaks of {name}, which Cargo.lock has not: take it out")));
        wrong
    }
}

/// Packages whose source is neither crates.io nor this repository.
fn foreign(lock: &Lock) -> Vec<String> {
    let sources = lock.package.iter().filter_map(|one| Some((one, one.source.as_ref()?)));
    let foreign = sources.filter(|(_, source)| *source != CRATES_IO);
    foreign
        .map(|(one, source)| format!("{} {} comes from {source}, not from crates.io", one.name, one.version))
        .collect()
}

/// The workspaces, by their folders: the second is that of the Python module.
const WORKSPACES: [&str; 2] = [".", "python"];

/// All packages of a workspace that this platform may need. Cargo asks the network only for what no build has fetched yet.
fn packages(workspace: &str) -> Result<Vec<Package>> {
    let told = String::from_utf8(cargo().arg("-vV").output()?.stdout)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).context("cargo does not name its host")?;
    let arguments = ["metadata", "--locked", "--format-version", "1", "--filter-platform", host];
    let output = cargo().args(arguments).current_dir(crate::place::root().join(workspace)).output()?;
    if !output.status.success() {
        bail!(
            "cargo metadata fails (without a network, `cargo fetch` first):\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    Ok(metadata.packages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place;

    fn read(name: &str) -> String {
        std::fs::read_to_string(place::root().join(name)).unwrap()
    }

    #[test]
    fn packages_have_licences_that_are_allowed() {
        let rules = Rules::of(&read("deny.toml")).unwrap();
        for (workspace, least) in WORKSPACES.into_iter().zip([100, 30]) {
            let packages = packages(workspace).unwrap();
            assert!(packages.len() > least, "cargo metadata knows of {} packages only", packages.len());
            let wrong: Vec<String> = packages.iter().filter_map(|package| rules.wrong(package)).collect();
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }

    #[test]
    fn packages_come_from_one_place() {
        let lock: Lock = toml::from_str(&read("Cargo.lock")).unwrap();
        let rules = Rules::of(&read("deny.toml")).unwrap();
        let module: Lock = toml::from_str(&read("python/Cargo.lock")).unwrap();
        let wrong = [foreign(&lock), rules.stale(&lock), foreign(&module)].concat();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn an_expression_holds_where_the_allowed_licences_suffice() {
        let text = r#"
            [licenses]
            allow = ["MIT", "Apache-2.0 WITH LLVM-exception", "Zlib"]
            exceptions = [{ crate = "soft", allow = ["MPL-2.0"] }]
            clarify = [{ crate = "silent", expression = "Zlib" }]
        "#;
        let rules = Rules::of(text).unwrap();
        let wrong = |name: &str, license: Option<&str>| {
            rules.wrong(&Package { name: name.into(), version: "1.0.0".into(), license: license.map(str::to_owned) })
        };
        let fine = [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "(Apache-2.0 OR MIT) AND Zlib",
            "Apache-2.0 WITH LLVM-exception",
        ];
        for told in fine {
            assert_eq!(wrong("x", Some(told)), None);
        }
        for told in ["Apache-2.0", "MIT AND Apache-2.0", "MPL-2.0", "(Apache-2.0 AND MIT) OR GPL-3.0"] {
            let said =
                format!("x 1.0.0 is under `{told}`, which deny.toml does not allow: do without it, or allow that");
            assert_eq!(wrong("x", Some(told)), Some(said));
        }
        assert_eq!(wrong("soft", Some("MPL-2.0")), None);
        assert_eq!(wrong("silent", None), None);
        assert!(wrong("x", None).unwrap().contains("x 1.0.0 names no licence"));
        assert!(wrong("x", Some("mine")).unwrap().contains("no SPDX expression"));
    }

    #[test]
    fn other_sources_and_rules_for_nobody_are_named() {
        let text = format!(
            "[[package]]\nname = \"own\"\nversion = \"1.0.0\"\n[[package]]\nname = \"good\"\nversion = \"1.0.0\"\nsource = \"{CRATES_IO}\"\n\
             [[package]]\nname = \"far\"\nversion = \"2.0.0\"\nsource = \"git+https://example.org/far\"\n"
        );
        let lock: Lock = toml::from_str(&text).unwrap();
        assert_eq!(foreign(&lock), ["far 2.0.0 comes from git+https://example.org/far, not from crates.io"]);
        let rules = "[licenses]\nallow = [\"MTI\"]\nexceptions = [{ crate = \"good\", allow = [] }]\n\
                     clarify = [{ crate = \"gone\", expression = \"MIT\" }]";
        assert_eq!(
            Rules::of(rules).unwrap().stale(&lock),
            ["deny.toml: `MTI` is no SPDX licence", "deny.toml speaks of gone, which Cargo.lock has not: take it out"]
        );
    }
}
