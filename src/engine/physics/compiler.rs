//! Who compiles models.
//!
//! MuJoCo's compiler is C++ that a model can end: by its stack (a model that attaches itself), by memory (a height field of 65536 by
//! 65536), by taking for ever (length ranges of a model that diverges). No guard catches that. So a program that takes models from
//! strangers lets a process of its own compile them, and loads what that process has made: see [`compile_elsewhere`].

use std::sync::{Arc, OnceLock};

use super::{ModelSource, PhysicsError, Sim};

/// What is wanted of a compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The model.
    Model,
    /// And what MuJoCo read of it, so that it can be compiled from that ([`ModelSource::kept`]).
    Files,
}

/// A model that was compiled.
#[derive(Debug)]
pub struct Compiled {
    /// What it was compiled from: what was asked for, or what was read of that.
    pub source: ModelSource,
    /// The model, see [`Model::saved`](super::Model::saved).
    pub model: Vec<u8>,
}

/// Compiles models somewhere.
pub type Compiler = dyn Fn(&ModelSource, Want) -> Result<Compiled, PhysicsError> + Send + Sync;

static ELSEWHERE: OnceLock<Box<Compiler>> = OnceLock::new();

/// From now on, models are compiled by `compiler`, and MuJoCo's own does not run in this process. Only the first call counts.
pub fn compile_elsewhere(compiler: Box<Compiler>) {
    let _ = ELSEWHERE.set(compiler);
}

/// What compiles models in the place of this process.
pub(super) fn elsewhere() -> Option<&'static Compiler> {
    ELSEWHERE.get().map(AsRef::as_ref)
}

/// Compiles a model in this process, makes a simulation of it and lets it find its forces: whatever dies of the model dies here.
///
/// # Errors
/// As [`ModelSource::kept`].
pub fn compile_here(source: &ModelSource, want: Want) -> Result<Compiled, PhysicsError> {
    let (source, model) = match want {
        Want::Model => (source.clone(), source.load_here()?),
        Want::Files => source.clone().kept_here()?,
    };
    let bytes = model.saved()?;
    // What MuJoCo says to it, it will say again where it matters.
    if let Ok(mut sim) = Sim::new(&Arc::new(model)) {
        let _ = sim.forward();
    }
    Ok(Compiled { source, model: bytes })
}
