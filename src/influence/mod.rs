//! Influence at finite size: what changes in the next state when one entry of a recorded state, or one control, is set to another
//! value, by intervening in the simulator. A Jacobian says what an infinitesimal change does; a foot 2 mm above the ground has a
//! zero there, and pushed by 3 mm it has not.
//!
//! For sampled rows of a recording and every input j (positions in the tangent space, velocities, activations, controls) the
//! control steps are simulated after do(x_j := x_j +- delta) and without it:
//!
//! ```text
//! change[row, size, sign, i, j] = x'_i(x +- delta_j e_j) - x'_i(x)
//! ```
//!
//! with delta_j = size times the unit of j, and whether that is more than what rounding makes (`judge`). The graph of a size has
//! an edge from j to i where it is. A row depends on the recording and the settings alone, so threads and interruptions decide
//! nothing.

mod error;
mod job;
mod judge;
mod parts;
mod radius;
mod row;
mod second;
mod settings;
mod start;
mod table;
mod tally;
mod unit;

pub use error::InfluenceError;
pub use job::{InfluenceOutcome, InfluenceProgress, InfluenceRun, Study, influence};
pub use settings::{InfluenceSettings, SizeUnit};
pub use table::influence_table;
pub use tally::{Breaks, EntryKinds, EntryShare, OfInterventions, SizeSummary};
