//! Models against interventions of finite size: what a model says of x' after do(x_j := x_j + delta), beside what the simulator has made of
//! it, from the file that `dynsparse influence` has written.
//!
//! For a row of the study, a size and both signs, with f a model of the next state and (-) the difference in the tangent space of x'
//! (of an orientation the turn in its own frame),
//!
//! ```text
//! predicted_ij = (f(x (+) delta_j e_j) (-) f(x))_i / sigma_i         [sign, ndx, ndx + nu]
//! score_ij     = max over the signs that were applied of |predicted_ij|        [ndx, ndx + nu]
//! ```
//!
//! where x (+) delta_j e_j is what was intervened on (positions by a turn or a shift along the tangent, controls within their ranges: the study
//! says which delta was applied), and sigma the standard deviations of the data. The score is held against the study's verdict of the size:
//! changed, or unchanged; undecided entries are in no number. The error is that of predicted against the simulator's change, signs apart.
//!
//! Beside a model's own predictions stand those of its Jacobian (J_ij delta_j), of the recorded Jacobian, and of a model for which everything
//! changes by one standard deviation: what they all do as well, no finite prediction has added.

mod file;
mod predict;
mod score;
mod study;
mod table;

pub use file::FinitePrediction;
pub use score::{ChangeError, FinitePredictor, FiniteScore, score_interventions, score_network};
pub use study::{FiniteTruth, StudySize};
pub(super) use table::finite_table;
