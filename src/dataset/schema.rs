//! The schema of a recording, written down once. Writer and reader both come from these tables, and so do
//! the tables of docs/format.md (`dynsparse info --schema`).

/// Version of the schema; a reader refuses any other.
pub const VERSION: u32 = 6;

/// The value of the root attribute `format`.
pub const FORMAT: &str = "dynsparse-recording";

/// What a root attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// Text.
    Text,
    /// A whole number with a sign.
    Int,
    /// A whole number without one.
    Unsigned,
    /// A number.
    Float,
}

macro_rules! attributes {
    ($( $id:ident = $name:literal: $kind:ident; )*) => {
        /// Names of the root attributes.
        #[allow(missing_docs, reason = "docs/format.md says what each holds")]
        pub mod attribute {
            $( pub const $id: &str = $name; )*
        }

        /// The root attributes and what they hold; one of these that holds something else is a fault of the file.
        pub const ATTRIBUTES: &[(&str, AttributeType)] = &[$((attribute::$id, AttributeType::$kind)),*];
    };
}

attributes! {
    FORMAT = "format": Text;
    SCHEMA_VERSION = "schema_version": Int;
    RECIPE_SHA256 = "recipe_sha256": Text;
    TASK = "task": Text;
    SUITE = "suite": Text;
    DESCRIPTION = "description": Text;
    STEP_KIND = "step_kind": Text;
    STEP_DURATION = "step_duration": Float;
    TIMESTEP = "timestep": Float;
    SUBSTEPS = "substeps": Int;
    INTEGRATOR = "integrator": Text;
    CONE = "cone": Text;
    POLICY = "policy": Text;
    ENGINE = "engine": Text;
    EPS = "eps": Float;
    DIFFERENCE = "difference": Text;
    SOLVER = "solver": Text;
    SOLVER_MAX_ITERATIONS = "solver_max_iterations": Int;
    SOLVER_LS_ITERATIONS = "solver_ls_iterations": Int;
    SOLVER_TOLERANCE = "solver_tolerance": Float;
    SEED = "seed": Unsigned;
    NQ = "nq": Int;
    NV = "nv": Int;
    NA = "na": Int;
    NU = "nu": Int;
    KINEMATICS = "kinematics": Text;
    CTRL_RANGE = "ctrl_range": Text;
    DYNSPARSE_VERSION = "dynsparse_version": Text;
    GIT_COMMIT = "git_commit": Text;
    MUJOCO_VERSION = "mujoco_version": Text;
    HDF5_VERSION = "hdf5_version": Text;
    PLATFORM = "platform": Text;
    COMMAND = "command": Text;
    RECIPE = "recipe": Text;
    MODEL_EDITS = "model_edits": Text;
    ENGINE_FALLBACK = "engine_fallback": Text;
    HELD_STATE = "held_state": Text;
    PLUGINS = "plugins": Text;
    UNTESTED_PLUGINS = "untested_plugins": Text;
    SENSOR_ENGINE = "sensor_engine": Text;
    MEASUREMENT_NOISE = "measurement_noise": Text;
    RESIDUAL_HORIZONS = "residual_horizons": Text;
    CONTENT_SHA256 = "content_sha256": Text;
}

/// A dimension. Each has a scale dataset of its name: labels for what has names, indices for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Axis {
    /// Recorded steps, all episodes one after the other.
    Step,
    /// Contacts, of all steps one after the other.
    Contact,
    /// Constraint rows (efc), of all steps one after the other.
    Constraint,
    /// Pairs of geoms that touch within a step, of all steps one after the other.
    Touch,
    /// Episodes.
    Episode,
    /// Bounds between episodes: one more than episodes.
    EpisodeBound,
    /// Position coordinates (nq).
    Coordinate,
    /// Degrees of freedom (nv).
    Dof,
    /// Activations (na).
    Activation,
    /// Controls (nu).
    Actuator,
    /// Tangent state (ndx = 2 nv + na), as the input of a Jacobian.
    State,
    /// Tangent state, as the output of a Jacobian.
    StateNext,
    /// Sensor values.
    Sensor,
    /// Mocap bodies.
    Mocap,
    /// x, y, z.
    Xyz,
    /// w, x, y, z.
    Quaternion,
    /// Geoms; the meaning of the numbers in `contact_geom1` and `contact_geom2`.
    Geom,
    /// Entries of a policy's action.
    Action,
    /// What a policy sees.
    Observation,
    /// Bodies that a task's events apply forces to.
    ForcedBody,
    /// Force x, y, z, torque x, y, z.
    Wrench,
    /// Kinematic trees, of a model in which they sleep.
    Tree,
}

impl Axis {
    /// All axes.
    pub const ALL: [Self; 22] = [
        Self::Step,
        Self::Contact,
        Self::Constraint,
        Self::Touch,
        Self::Episode,
        Self::EpisodeBound,
        Self::Coordinate,
        Self::Dof,
        Self::Activation,
        Self::Actuator,
        Self::State,
        Self::StateNext,
        Self::Sensor,
        Self::Mocap,
        Self::Xyz,
        Self::Quaternion,
        Self::Geom,
        Self::Action,
        Self::Observation,
        Self::ForcedBody,
        Self::Wrench,
        Self::Tree,
    ];

    /// Name of the dimension and of its scale dataset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Contact => "contact",
            Self::Constraint => "constraint",
            Self::Touch => "touch",
            Self::Episode => "episode",
            Self::EpisodeBound => "episode_bound",
            Self::Coordinate => "coordinate",
            Self::Dof => "dof",
            Self::Activation => "activation",
            Self::Actuator => "actuator",
            Self::State => "state",
            Self::StateNext => "state_next",
            Self::Sensor => "sensor",
            Self::Mocap => "mocap",
            Self::Xyz => "xyz",
            Self::Quaternion => "quaternion",
            Self::Geom => "geom",
            Self::Action => "action_entry",
            Self::Observation => "observation_entry",
            Self::ForcedBody => "forced_body",
            Self::Wrench => "wrench",
            Self::Tree => "tree",
        }
    }

    /// What it runs over.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Step => "recorded steps, all episodes one after the other",
            Self::Contact => "contacts, all steps one after the other; contact_offset says where a step's begin",
            Self::Constraint => {
                "constraint rows, all steps one after the other; constraint_offset says where a step's begin"
            }
            Self::Touch => {
                "pairs of geoms that touch within a step, all steps one after the other; touch_offset says where a step's begin"
            }
            Self::Episode => "episodes, by their number",
            Self::EpisodeBound => "bounds between episodes",
            Self::Coordinate => "position coordinates (nq), by joint",
            Self::Dof => "degrees of freedom (nv), by joint",
            Self::Activation => "actuator activations (na)",
            Self::Actuator => "controls (nu), by actuator",
            Self::State => "tangent state (2 nv + na): pos: and vel: of every dof, act: of every activation",
            Self::StateNext => "tangent state after the step, same labels as state",
            Self::Sensor => "sensor values",
            Self::Mocap => "mocap bodies",
            Self::Xyz => "Cartesian components",
            Self::Quaternion => "quaternion components",
            Self::Geom => "geoms, by number as in contact_geom1 and contact_geom2",
            Self::Action => "entries of a policy's action",
            Self::Observation => "entries of what a policy sees",
            Self::ForcedBody => "bodies that the task's events apply forces to",
            Self::Wrench => "force x, y, z and torque x, y, z",
            Self::Tree => "kinematic trees, by their root bodies; where trees sleep",
        }
    }

    /// Whether it grows while recording (its scale is then an index), and is the first axis of a table.
    pub const fn is_rows(self) -> bool {
        matches!(self, Self::Step | Self::Episode | Self::EpisodeBound) || self.ragged().is_some()
    }

    /// The number of its table in [`RAGGED`], where it is one.
    pub const fn ragged(self) -> Option<usize> {
        match self {
            Self::Contact => Some(0),
            Self::Constraint => Some(1),
            Self::Touch => Some(2),
            _ => None,
        }
    }
}

/// Element types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// 64-bit float.
    F64,
    /// 32-bit float, of matrices that are kept so.
    F32,
    /// 64-bit signed integer.
    I64,
    /// 32-bit signed integer.
    I32,
    /// 32-bit unsigned integer, a bit mask.
    U32,
    /// 8-bit unsigned integer.
    U8,
    /// Text.
    Text,
}

impl ElementType {
    /// Bytes of one element; 0 for text.
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::U8 => 1,
            Self::Text => 0,
        }
    }

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F64 => "64-bit floats",
            Self::F32 => "32-bit floats",
            Self::I64 => "64-bit integers",
            Self::I32 => "32-bit integers",
            Self::U32 => "unsigned 32-bit integers",
            Self::U8 => "bytes",
            Self::Text => "text as this program stores it",
        }
    }
}

/// One dataset of the file.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Element type.
    pub kind: ElementType,
    /// Its axes; the first grows.
    pub axes: &'static [Axis],
    /// Units, as text; empty where they differ by entry or there are none.
    pub units: &'static str,
    /// What it is.
    pub description: &'static str,
}

macro_rules! variables {
    ($( $id:ident = $name:literal: $kind:ident [$($axis:ident),*] $units:literal $description:literal; )*) => {
        /// The variables, in the order of [`VARIABLES`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "each is described in VARIABLES")]
        pub enum Var { $($id),* }

        impl Var {
            /// All variables.
            pub const ALL: &'static [Self] = &[$(Self::$id),*];
        }

        /// The schema's table.
        pub const VARIABLES: &[Variable] = &[$(Variable {
            name: $name, kind: ElementType::$kind, axes: &[$(Axis::$axis),*], units: $units, description: $description,
        }),*];
    };
}

variables! {
    Time = "time": F64 [Step] "s" "simulation time at the start of the step";
    StepEpisode = "step_episode": I32 [Step] "" "number of the episode the step belongs to";
    StepInEpisode = "step_in_episode": I32 [Step] "" "number of the step within its episode, from 0";
    Qpos = "qpos": F64 [Step, Coordinate] "" "position coordinates at the start of the step (m, rad, or quaternion components)";
    Qvel = "qvel": F64 [Step, Dof] "" "generalised velocity at the start of the step (m/s, rad/s)";
    Act = "act": F64 [Step, Activation] "" "actuator activations at the start of the step";
    Ctrl = "ctrl": F64 [Step, Actuator] "" "control applied during the step, already inside its range";
    Action = "action": F64 [Step, Action] "" "action of the policy, which the task turns into ctrl; where it is absent, ctrl is the action";
    QaccWarmstart = "qacc_warmstart": F64 [Step, Dof] "" "acceleration the solver starts from; part of the state that a Jacobian depends on";
    MocapPos = "mocap_pos": F64 [Step, Mocap, Xyz] "m" "positions of mocap bodies";
    MocapQuat = "mocap_quat": F64 [Step, Mocap, Quaternion] "" "orientations of mocap bodies";
    XfrcApplied = "xfrc_applied": F64 [Step, ForcedBody, Wrench] "" "force (N) and torque (N m) that the task's events apply to a body during the step, in the world frame; absent where they apply none";
    TreeAsleep = "tree_asleep": I32 [Step, Tree] "" "which trees sleep at the start of the step, as mjData.tree_asleep: at least 0, the next tree of those that sleep together; -1 and below, awake, for so many steps and one less it has to rest; part of the state, absent where the model does not sleep, as the next two";
    QaccSmooth = "qacc_smooth": F64 [Step, Dof] "" "acceleration without constraints that the step before has left, which becomes the warm start of a tree that sleeps; part of the state";
    ActDot = "act_dot": F64 [Step, Activation] "" "rate of the activations that the step before has left, by which those on a tree that sleeps go on; part of the state";
    QposNext = "qpos_next": F64 [Step, Coordinate] "" "position coordinates after the step";
    QvelNext = "qvel_next": F64 [Step, Dof] "" "generalised velocity after the step";
    ActNext = "act_next": F64 [Step, Activation] "" "actuator activations after the step";
    Residual = "residual": F64 [Step, StateNext] "" "of a robot's log: the state that the model predicts for the end of the step minus the one that the robot was in, in the tangent space; NaN where the log does not measure it, or has ended; absent without a log, as the next two";
    ResidualTenth = "residual_tenth": F64 [Step, StateNext] "" "the same after 0.1 s (the time in the attribute residual_horizons) of the model alone under the robot's commands";
    ResidualSecond = "residual_second": F64 [Step, StateNext] "" "the same after 1 s";
    Observation = "observation": F64 [Step, Observation] "" "what a policy sees at the start of the step; absent where the task defines no observation but the state";
    ObservationNext = "observation_next": F64 [Step, Observation] "" "what a policy sees after the step";
    Reward = "reward": F64 [Step] "" "reward of the step; absent where the task's reward is not implemented";
    Terminated = "terminated": U8 [Step] "" "1 where one of the task's conditions ends the episode after the step; absent where only time does";
    A = "A": F64 [Step, StateNext, State] "" "d next state / d state, in the tangent space of the position; f32 where so few digits were asked for (--store), absent where only verdicts were, as B, C and D";
    B = "B": F64 [Step, StateNext, Actuator] "" "d next state / d control";
    AZero = "A_zero": U8 [Step, StateNext, State] "" "zero test of A: 0 nonzero, 1 zero (by structure, or below what rounding makes), 2 undecided; absent without the test, as the next three";
    BZero = "B_zero": U8 [Step, StateNext, Actuator] "" "zero test of B: 0 nonzero, 1 zero, 2 undecided";
    ZeroFloor = "zero_floor": F64 [Step, StateNext] "" "largest noise of the row's entries in A and B; of a control step a bound, carried through the product; rounded up to 4 bits";
    Kink = "kink": F64 [Step] "" "largest difference between one-sided derivatives, as a share of the largest entry of A, the most over physics steps; 0 where nothing switches";
    Sensordata = "sensordata": F64 [Step, Sensor] "" "sensor values at the start of the last physics step of the step";
    C = "C": F64 [Step, Sensor, State] "" "d sensor values / d state";
    D = "D": F64 [Step, Sensor, Actuator] "" "d sensor values / d control";
    CZero = "C_zero": U8 [Step, Sensor, State] "" "zero test of C: 0 nonzero, 1 zero, 2 undecided; absent without the test, as D_zero";
    DZero = "D_zero": U8 [Step, Sensor, Actuator] "" "zero test of D: 0 nonzero, 1 zero, 2 undecided";
    Ncon = "ncon": I32 [Step] "" "number of contacts at the start of the step";
    ContactOffset = "contact_offset": I64 [Step] "" "row of the step's first contact in the contact_* variables";
    Nefc = "nefc": I32 [Step] "" "number of constraint rows at the start of the step";
    ConstraintOffset = "constraint_offset": I64 [Step] "" "row of the step's first constraint in the constraint_* variables";
    Ntouch = "ntouch": I32 [Step] "" "number of pairs of geoms that have a contact in some physics step of the step; absent where a row is one physics step, as touch_*: its contacts are all there are";
    TouchOffset = "touch_offset": I64 [Step] "" "row of the step's first pair in the touch_* variables";
    SolverIterations = "solver_iterations": I32 [Step] "" "constraint solver iterations, the most over islands and physics steps";
    SolverResidual = "solver_residual": F64 [Step] "" "solver gradient norm after its last iteration, scaled by 1/trace(M); the largest over islands and physics steps; of PGS at the accelerations that it came to; NaN where MuJoCo does not tell (noslip iterations after PGS, more than 20 islands)";
    Flags = "flags": U32 [Step] "" "why a step deserves a second look, as a bit mask";
    ContactGeom1 = "contact_geom1": I32 [Contact] "" "first geom of the contact, a number along geom; -1 for a flex";
    ContactGeom2 = "contact_geom2": I32 [Contact] "" "second geom of the contact; -1 for a flex";
    ContactDist = "contact_dist": F64 [Contact] "m" "distance between the geoms; negative: penetration";
    ConstraintType = "constraint_type": U8 [Constraint] "" "type of the constraint row";
    ConstraintId = "constraint_id": I32 [Constraint] "" "equality, dof, tendon, joint or contact of the row, by its type; contacts count from the step's first";
    ConstraintState = "constraint_state": U8 [Constraint] "" "state of the constraint row in the solver";
    TouchGeom1 = "touch_geom1": I32 [Touch] "" "the lower number of a pair of geoms that touch within the step; -1 for a flex";
    TouchGeom2 = "touch_geom2": I32 [Touch] "" "the higher one";
    TouchSteps = "touch_steps": I32 [Touch] "" "physics steps of the step in which the pair has a contact";
    EpisodeLength = "episode_length": I64 [Episode] "" "recorded steps of the episode";
    EpisodeEnd = "episode_end": Text [Episode] "" "why it ended: completed, or what went wrong";
    EpisodeSha256 = "episode_sha256": Text [Episode] "" "SHA-256 of the episode's content, see docs/format.md";
    EpisodeHost = "episode_host": Text [Episode] "" "machine that recorded it";
    EpisodeCpu = "episode_cpu": Text [Episode] "" "processor that recorded it";
    EpisodeOffsets = "episode_offsets": I64 [EpisodeBound] "" "first step of every episode, then the number of steps";
}

/// A table of which every step has a number of rows of its own.
#[derive(Debug, Clone, Copy)]
pub struct Ragged {
    /// Its axis.
    pub axis: Axis,
    /// How many rows a step has.
    pub count: Var,
    /// The first of them; follows from the counts.
    pub offset: Var,
    /// One of its columns.
    pub column: Var,
}

/// All such tables, by [`Axis::ragged`].
pub const RAGGED: [Ragged; 3] = [
    Ragged { axis: Axis::Contact, count: Var::Ncon, offset: Var::ContactOffset, column: Var::ContactDist },
    Ragged { axis: Axis::Constraint, count: Var::Nefc, offset: Var::ConstraintOffset, column: Var::ConstraintType },
    Ragged { axis: Axis::Touch, count: Var::Ntouch, offset: Var::TouchOffset, column: Var::TouchSteps },
];

/// Variables that a recording may lack though all their axes have entries: all of a group or none. Of A, B, C and D and
/// of their masks it lacks one group at most.
pub const OPTIONAL: [&[Var]; 7] = [
    &super::store::MATRICES,
    &[Var::TreeAsleep, Var::QaccSmooth, Var::ActDot],
    &[Var::Reward],
    &[Var::Terminated],
    &[Var::Residual, Var::ResidualTenth, Var::ResidualSecond],
    &[Var::AZero, Var::BZero, Var::ZeroFloor, Var::Kink, Var::CZero, Var::DZero],
    &[Var::Ntouch, Var::TouchOffset, Var::TouchGeom1, Var::TouchGeom2, Var::TouchSteps],
];

impl Var {
    /// Whether it follows from the counts of the steps before.
    pub fn is_offset(self) -> bool {
        RAGGED.iter().any(|table| table.offset == self)
    }

    /// Its row in the schema.
    pub const fn spec(self) -> &'static Variable {
        &VARIABLES[self as usize]
    }

    /// The variable of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|v| v.spec().name == name)
    }
}

/// mjtConstraint by number (MuJoCo 3.17.0).
pub const CONSTRAINT_TYPES: [&str; 8] = [
    "equality",
    "friction_dof",
    "friction_tendon",
    "limit_joint",
    "limit_tendon",
    "contact_frictionless",
    "contact_pyramidal",
    "contact_elliptic",
];

/// mjtConstraintState by number (MuJoCo 3.17.0).
pub const CONSTRAINT_STATES: [&str; 5] = ["satisfied", "quadratic", "linear_negative", "linear_positive", "cone"];

/// An entry of A, B, C or D beyond this is not what a step of a robot does: tell the reader.
pub const BEYOND_REASON: f64 = 1e6;

/// Aim for the bytes of one chunk: large enough to compress and to read fast, small enough to hold one of
/// every variable in memory.
const CHUNK_BYTES: usize = 256 * 1024;

/// Rows of a chunk. Step variables take a divisor of the episode's rows where a good one exists, so that
/// whole chunks of one episode's shard go into the merged file as they are.
pub fn chunk_rows(row_bytes: usize, axis: Axis, rows_per_episode: usize) -> usize {
    let target = (CHUNK_BYTES / row_bytes.max(1)).max(1);
    match axis {
        Axis::Step => {
            let n = rows_per_episode.max(1);
            let most = target.min(n);
            (most.div_ceil(2)..=most).rev().find(|r| n.is_multiple_of(*r)).unwrap_or(most)
        }
        Axis::Contact | Axis::Constraint | Axis::Touch => target.min(8192),
        _ => target.min(1024),
    }
}
