//! The only room that touches MuJoCo.
//!
//! A [`Model`] is loaded, edited and then shared as a constant; every worker owns one [`Sim`] (an
//! mjData). MuJoCo's fatal errors come back as [`PhysicsError`], nothing outside sees a raw pointer,
//! and no file or console output is left to the library.

mod arrays;
mod attachments;
mod child;
mod compiler;
mod contacts;
mod digest;
mod dynamics;
mod edit;
mod elements;
mod error;
mod features;
mod guard;
mod islands;
mod kinematics;
mod looks;
mod model;
mod names;
mod neighbours;
mod objects;
mod plugins;
mod process;
mod provider;
#[cfg(feature = "render")]
mod render;
mod schema;
mod sensors;
mod sets;
mod settings;
mod sim;
mod sleep;
mod source;
mod stop;
mod tendons;
mod trees;

pub use dynsparse_base::kinematics::{JointKind, Kinematics};
pub use dynsparse_base::layout::{StateLayout, StepInput};

pub use child::{Ended, wait_measured};
pub use compiler::{Compiled, Compiler, Want, compile_elsewhere, compile_here};
pub use contacts::{ContactDetail, ContactGeometry};
pub use digest::{ArrayDigest, Digest, FileDigest, Named};
pub(crate) use dynamics::turn_derivatives;
pub use dynamics::{Cone, Damping};
pub use edit::{EditValue, Matching, ModelEdit, ObjectKind, ObjectName, Rows};
pub use elements::{
    Actuator, Body, ConstraintRow, Equality, GeomShape, Joint, JointLimit, PathPoint, Tendon, TendonLimit, Unknown,
};
pub use error::{Divergence, PhysicsError};
pub use features::Features;
pub use guard::{REQUIRED_VERSION, installed_callback, mujoco_version, quiet_clock, share_messages};
pub use islands::Islands;
pub use looks::{GeomLook, SoftBody, Surface, Texture};
pub use model::Model;
pub use names::Names;
pub use objects::{BodyId, GeomId, SiteId};
pub use plugins::{PluginFile, named_plugins, use_plugins};
pub use process::{Limits, keep_freed_memory};
#[cfg(feature = "render")]
pub use render::{Camera, MOST_PIXELS, Renderer};
pub use schema::xml_schema;
pub use sensors::{Sensed, SensorStages};
pub(crate) use sets::Sets;
pub use settings::{Solver, SolverMode};
pub use sim::{Contact, Sim, SolverStats, is_bad};
pub use source::{Files, ModelSource, SourceFile, needed};
pub(crate) use stop::go_on;
pub use stop::{stop_if, stop_when};
pub use tendons::{PathGeom, PathPiece, PathSite};
