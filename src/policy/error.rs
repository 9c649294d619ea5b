//! What can be wrong with the settings of a policy.

/// An error in the settings of a policy, or in the ranges it is given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// A setting outside its bounds.
    #[error("policy {kind}: {field} is {value}: {fix}")]
    Setting {
        /// The kind of policy.
        kind: &'static str,
        /// The setting.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What to do.
        fix: String,
    },
    /// The range of a control is empty, infinite or NaN.
    #[error("control {control} has the range [{lo}, {hi}]: give the actuator a finite ctrlrange with low <= high")]
    Range {
        /// Index of the control.
        control: usize,
        /// Its lower end.
        lo: f64,
        /// Its upper end.
        hi: f64,
    },
    /// The vectors of a [`super::ControlRanges`] differ in length.
    #[error("control ranges have {lo} lower ends, {hi} upper ends and {limited} flags: they must be as many")]
    Lengths {
        /// Number of lower ends.
        lo: usize,
        /// Number of upper ends.
        hi: usize,
        /// Number of flags.
        limited: usize,
    },
    /// An expert was asked for where nothing is planned.
    #[error("policy expert plans its controls, which only `dynsparse record` and `sweep` do; choose another policy")]
    Expert,
    /// A network was asked for where nothing is shown to it.
    #[error(
        "policy onnx acts on what it sees, which only `dynsparse record` and `sweep` show it; choose another policy"
    )]
    Unseen,
    /// A network that cannot be used.
    #[error("{file}: {reason}")]
    Onnx {
        /// Its file.
        file: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// A log or its map that cannot be used.
    #[error(transparent)]
    Log(#[from] crate::logs::LogError),
    /// A replay was asked for where controls are generated.
    #[error("policy replay takes its trajectories from a file: open it with ReplayFile::open")]
    Replay,
}
