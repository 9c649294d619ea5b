//! A, B, C and D of states as numbers for another program, which so has what the facade has, bit for bit.
//!
//!     matrices MODEL.mjb SUBSTEPS [recording] < states > numbers
//!
//! The solver runs to its end, or with the third word as in a recording (100 iterations, tolerance 1e-10).
//!
//! `states` are integration states (mjSTATE_INTEGRATION) and `numbers` the matrices of each, row by row: 64-bit floats,
//! little-endian. After the matrices of a state come its verdicts, a byte each, and kink.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use dynsparse_engine::nalgebra::DMatrix;
use dynsparse_engine::physics::Solver;
use dynsparse_engine::{Differentiator, Error, Linearization, Model, Settings, SolverMode};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (file, substeps, settings) = match &arguments[..] {
        [file, substeps] => (file, substeps, Settings::new()),
        [file, substeps, solver] if solver == "recording" => (file, substeps, Settings::new().solver(SolverMode::Task)),
        _ => return Err("give a compiled model, the number of steps, and perhaps the word recording".into()),
    };
    let mut model = Model::from_mjb(file, &std::fs::read(file)?)?;
    if settings.solver == SolverMode::Task {
        model.set_solver(Solver::CONVERGED);
    }
    let model = Arc::new(model);
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let numbers: Vec<f64> = bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    let states: Vec<&[f64]> = numbers.chunks_exact(model.state_size()).collect();
    std::io::stdout().write_all(&matrices(&model, &settings.sensors(), &states, substeps.parse()?)?)?;
    Ok(())
}

fn matrices(model: &Arc<Model>, settings: &Settings, states: &[&[f64]], substeps: usize) -> Result<Vec<u8>, Error> {
    let differentiator = Differentiator::new(model, settings)?;
    let all = differentiator.linearize_many(states, substeps)?;
    Ok(all.iter().flat_map(written).collect())
}

fn written(lin: &Linearization) -> Vec<u8> {
    let matrices = [lin.a(), lin.b(), lin.c(), lin.d()];
    let verdicts = [lin.a_verdicts(), lin.b_verdicts(), lin.c_verdicts(), lin.d_verdicts()];
    let mut out: Vec<u8> = matrices.into_iter().flat_map(rows).flat_map(f64::to_le_bytes).collect();
    out.extend(verdicts.into_iter().flat_map(rows).map(|verdict| verdict.code()));
    out.extend(lin.kink().to_le_bytes());
    out
}

fn rows<T: Copy>(m: &DMatrix<T>) -> Vec<T> {
    (0..m.nrows()).flat_map(|i| (0..m.ncols()).map(move |j| m[(i, j)])).collect()
}

#[test]
fn every_number_of_every_state_is_written() {
    let mjcf = r#"<mujoco><worldbody><body><joint type="slide"/><geom size="0.1"/></body></worldbody>
        <sensor><jointvel joint="j"/></sensor></mujoco>"#;
    let mjcf = mjcf.replace("<joint type", "<joint name=\"j\" type");
    let model = Arc::new(Model::from_text("slide.xml", &mjcf).unwrap());
    let mut state = vec![0.0; model.state_size()];
    dynsparse_engine::Sim::new(&model).unwrap().get_state(&mut state).unwrap();
    let out = matrices(&model, &Settings::new().sensors(), &[&state, &state], 1).unwrap();
    let one = (4 + 2) * 8 + (4 + 2) + 8;
    assert_eq!(out.len(), 2 * one);
    assert_eq!(out[8..16], 0.002_f64.to_le_bytes(), "dq' / dqvel is the time step");
}
