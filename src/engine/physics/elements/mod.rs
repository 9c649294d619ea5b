//! What the elements of an MJCF became in the compiled model: joints, bodies, geoms, tendons, actuators, equalities, options
//! and constraint rows, one plain struct per element, with kinds in MuJoCo's own enums.
//!
//! Names are those of MJCF's attributes. A kind that MuJoCo does not define is [`Unknown`]: whoever matches it has to say
//! what happens then.

mod actuator;
mod body;
mod constraint;
mod equality;
mod geom;
mod joint;
mod option;
mod sensor;
mod slices;
mod tendon;
mod variant;

pub use actuator::Actuator;
pub use body::Body;
pub use constraint::ConstraintRow;
pub use equality::Equality;
pub use geom::GeomShape;
pub use joint::{Joint, JointLimit};
pub(super) use sensor::Sensor;
pub(super) use slices::Slices;
pub use tendon::{PathPoint, Tendon, TendonLimit};
pub use variant::Unknown;
pub(super) use variant::Variant;
