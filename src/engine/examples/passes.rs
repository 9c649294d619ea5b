//! Linearizes the same states again and again as another process asks for it, which so learns what the engine costs without Python
//! around it (python/benches/overhead.py).
//!
//!     passes MODEL.mjb STATES < requests > answers
//!
//! `STATES` is a file of integration states (mjSTATE_INTEGRATION; 64-bit floats, little-endian). A request is a byte: a number for so many of the
//! states, one by one into one linearization, 0 to go on behind those (round and round), or 255 for all as a batch on all threads of
//! the pool (RAYON_NUM_THREADS). The answer to each is a byte, once it is done; before the first request comes one, when all is ready.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use dynsparse_engine::{Differentiator, Model, Sim};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, states] = &arguments[..] else { return Err("give a compiled model and a file of states".into()) };
    let model = Arc::new(Model::from_mjb(file, &std::fs::read(file)?)?);
    let bytes = std::fs::read(states)?;
    let numbers: Vec<f64> = bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    let states: Vec<&[f64]> = numbers.chunks_exact(model.state_size()).collect();

    let differentiator = Differentiator::auto(&model)?;
    let mut sim = Sim::new(&model)?;
    let mut lin = differentiator.linearize(&mut sim)?;
    let (mut first, mut count) = (0, 0);
    let mut out = std::io::stdout().lock();
    let mut answer = || out.write_all(b".").and_then(|()| out.flush());
    answer()?;
    for request in std::io::stdin().lock().bytes() {
        match request? {
            u8::MAX => drop(differentiator.linearize_many(&states, 1)?),
            0 => first = (first + count) % states.len().max(1),
            some => {
                count = usize::from(some);
                for state in states.iter().cycle().skip(first).take(count) {
                    sim.set_state(state)?;
                    differentiator.linearize_into(&mut sim, 1, &mut lin)?;
                }
            }
        }
        answer()?;
    }
    Ok(())
}
