//! Linearizes a model along a fall, and says how sparse the step is while the feet meet the floor.
//!
//!     cargo run -p dynsparse-engine --example linearize [MODEL.xml]

use std::path::Path;
use std::sync::Arc;

use dynsparse_engine::{Differentiator, Error, Linearization, Model, Sim, ZeroVerdict};

const HUMANOID: &str = include_str!("humanoid.xml");

/// Shares of entries of A that are zero, and that are undecided.
fn shares(lin: &Linearization) -> [f64; 2] {
    let verdicts = lin.a_verdicts();
    [ZeroVerdict::Zero, ZeroVerdict::Undecided]
        .map(|kind| verdicts.iter().filter(|v| **v == kind).count() as f64 / verdicts.len() as f64)
}

fn humanoid() -> Result<Model, Error> {
    Model::from_text("humanoid.xml", HUMANOID)
}

fn main() -> Result<(), Error> {
    let model = std::env::args().nth(1).map_or_else(humanoid, |file| Model::from_path(Path::new(&file)))?;
    fall(Arc::new(model))
}

/// Lets go of a model and shows its linearizations.
fn fall(model: Arc<Model>) -> Result<(), Error> {
    let mut sim = Sim::new(&model)?;
    let differentiator = Differentiator::auto(&model)?;
    println!(
        "{}: {} states, {} controls, engine {}",
        model.file(),
        model.ndx(),
        model.nu(),
        differentiator.engine().name()
    );
    if let Some(reason) = differentiator.fallback() {
        println!("{reason}");
    }
    println!("{:>8} {:>9} {:>7} {:>10} {:>9}", "time, s", "contacts", "zero", "undecided", "kink");
    for step in 0..100 {
        if step % 10 == 0 {
            let lin = differentiator.linearize(&mut sim)?;
            // Derived quantities of the state that was linearized.
            sim.forward()?;
            let [zero, undecided] = shares(&lin).map(|share| 100.0 * share);
            println!(
                "{:>8.3} {:>9} {zero:>6.1}% {undecided:>9.1}% {:>9.1e}",
                sim.time(),
                sim.contacts().len(),
                lin.kink()
            );
        }
        sim.step()?;
    }
    Ok(())
}

#[test]
fn a_standing_humanoid_is_less_sparse_than_a_flying_one() -> Result<(), Error> {
    let model = Arc::new(humanoid()?);
    fall(model.clone())?;
    let differentiator = Differentiator::auto(&model)?;
    let mut sim = Sim::new(&model)?;
    sim.qpos_mut()[2] += 1.0;
    let [flying, _] = shares(&differentiator.linearize(&mut sim)?);
    sim.qpos_mut()[2] -= 1.0;
    (0..100).try_for_each(|_| sim.step())?;
    let [standing, _] = shares(&differentiator.linearize(&mut sim)?);
    sim.forward()?;
    assert!(sim.contacts().len() > 0 && standing < flying, "{standing} {flying}");
    Ok(())
}
