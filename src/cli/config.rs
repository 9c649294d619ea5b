//! TOML files of settings: that of a recording, and that of a sweep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dynsparse::bounded;
use dynsparse::sweep::slurm::SlurmSettings;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::args::Settings;

/// Where all settings of a recording are listed.
const ALL: &str = "`dynsparse record --help` lists them";

/// A sweep's file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SweepFile {
    pub(super) sweep: SweepTable,
    /// Settings of all tasks, with the names of `record --config`.
    pub(super) record: Settings,
    /// Settings of single tasks.
    pub(super) task: BTreeMap<String, Settings>,
    /// How to run on a cluster.
    pub(super) slurm: SlurmSettings,
}

/// `[sweep]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct SweepTable {
    /// Names, suites and patterns.
    pub(super) tasks: Option<Vec<String>>,
    /// The folder.
    pub(super) out: Option<PathBuf>,
}

/// Reads the settings of a recording.
///
/// # Errors
/// One line with file, line number, what is wrong, and the nearest setting for a misspelt one.
pub(super) fn read(path: &Path) -> anyhow::Result<Settings> {
    parse(path, ALL)
}

/// Reads a sweep's file.
///
/// # Errors
/// As [`read`].
pub(super) fn read_sweep(path: &Path) -> anyhow::Result<SweepFile> {
    parse(
        path,
        "a sweep has the tables [sweep], [record], [task.NAME] and [slurm], with the settings of `dynsparse sweep --help`",
    )
}

fn parse<T: DeserializeOwned>(path: &Path, all: &str) -> anyhow::Result<T> {
    let text = bounded::read_text(path).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|s| bounded::line_of(&text, s.start));
        let place = line.map_or_else(|| path.display().to_string(), |l| format!("{}, line {l}", path.display()));
        explained(&place, error.message(), all)
    })
}

/// What is wrong at a place, and the nearest name for a misspelt one.
fn explained(place: &str, message: &str, all: &str) -> anyhow::Error {
    match bounded::unknown_key(message) {
        Some((flag @ ("plugin" | "verbose" | "log-format" | "log_format"), _)) => {
            anyhow::anyhow!("{place}: `{flag}` is a flag of the command line alone; give it there")
        }
        Some((unknown, known)) => {
            let hint = bounded::meant(unknown, known).map(|name| format!("; did you mean `{name}`?"));
            anyhow::anyhow!(
                "{place}: there is no setting `{}`{}",
                bounded::word(unknown),
                hint.unwrap_or_else(|| format!("; {all}"))
            )
        }
        None => anyhow::anyhow!("{place}: {}", message.replace('\n', " ")),
    }
}

/// One setting of a recording by its name in a file. A value that is no number and no word of TOML is a text.
///
/// # Errors
/// One line with the setting and what is wrong.
#[cfg(feature = "report")]
pub(super) fn setting(key: &str, value: &str) -> anyhow::Result<Settings> {
    let text = toml::Value::from(value).to_string();
    // Some settings are lists.
    let quoted = || {
        let one = toml::from_str(&format!("{key} = {text}"));
        one.or_else(|error| toml::from_str(&format!("{key} = [{text}]")).map_err(|_| error))
    };
    let raw = format!("{key} = {value}");
    let explain = |e: toml::de::Error| explained(&format!("{key}={value}"), e.message(), ALL);
    match toml::from_str(&raw) {
        Ok(settings) => Ok(settings),
        // Its type is not the setting's; as a text it would not be either.
        Err(error) if toml::from_str::<toml::Table>(&raw).is_ok() => quoted().map_err(|_| explain(error)),
        Err(_) => quoted().map_err(explain),
    }
}
