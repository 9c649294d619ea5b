//! Learned models of the dynamics, and how much of the true, state-dependent sparsity they recover (question 4 of
//! arXiv 2511.08086). This room knows recordings and what an analysis says of contacts; it has not heard of MuJoCo.

mod baseline;
mod batch;
mod data;
mod dual;
mod error;
mod evaluate;
mod files;
mod finite;
mod gate_score;
mod grid;
mod loss;
mod manifold;
pub mod metrics;
pub mod models;
mod norm;
mod optim;
mod params;
mod place;
mod score;
pub mod stats;
mod strip;
mod tables;
mod train;
mod truths;

pub use baseline::Baseline;
pub use batch::{Batch, Marks, Truth, Wanted, assemble};
pub use data::{Data, MEMORY, Part, Split};
pub use dual::Dual;
pub use error::LearnError;
pub use evaluate::{
    ALL, BY_TIME, EntryGroup, Evaluation, FIXED, JacobianError, Judged, NextError, OpenLoop, Recovered, Sparsity,
    VARYING, evaluate, jacobian_error, recovered,
};
pub use finite::{
    ChangeError, FinitePrediction, FinitePredictor, FiniteScore, FiniteTruth, StudySize, score_interventions,
    score_network,
};
pub use grid::{
    Grid, GridOutcome, GridWatch, Measure, RunResult, STATES, SettingComparison, Summary, read_results, run_grid,
    setting_comparisons, summaries,
};
pub use loss::{DEFAULT_WEIGHT, Loss, Term};
pub use manifold::{Coordinates, LearningTarget, Orientation, StateFeatures, StateSpace, TangentChain, Ties};
pub use models::{Gates, Input, ModelKind, ModelSpec, Network, Space, predict};
pub use norm::Norm;
pub use optim::{AdamW, Rates};
pub use params::{Init, Layout, Linear, Slot};
pub use place::{Backend, Place, numbers, numbers32};
pub use score::{Prediction, Score, score};
pub use strip::Strip;
pub use tables::learning_tables;
pub use train::{Look, MODEL, Notes, RunSpec, Trained, Training, TrainingProgress, gradients, train};
pub use truths::Truths;
