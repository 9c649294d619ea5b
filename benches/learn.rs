//! What a training step costs, beside JAX and PyTorch on the same processor.
//!
//! `cargo bench --bench learn [-- --python PATH --peers jax,torch --rounds N]`. The network is the paper's, 24 -> 512 ->
//! 512 -> 18 with ELU; a step is loss, gradient, clipping and AdamW over 256 states, with the same batch every time; losses
//! on the Jacobian see all of its entries. With `--python`, an interpreter that has the peer, `benches/learn_peer.py` does
//! the same there, in turns with ours; a ratio is ours over theirs, of medians. JAX is compiled (jit) and takes the
//! quicker one of its two ways to a Jacobian; so does PyTorch, eager.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use dynsparse::learn::{AdamW, Batch, Input, Loss, ModelKind, ModelSpec, Place, Rates, Space, Truth, gradients};

const INPUTS: usize = 24;
const OUTPUTS: usize = 18;
const STATES: usize = 256;
const LOSSES: [&str; 3] = ["mse", "mse+mae-jac", "mse+l1"];

fn main() {
    // As `dynsparse learn` does.
    dynsparse::physics::keep_freed_memory();
    let (mut python, mut peers, mut rounds) = (None, vec!["jax".to_owned()], 7);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().expect("a value");
        match arg.as_str() {
            "--python" => python = Some(value()),
            "--peers" => peers = value().split(',').map(str::to_owned).collect(),
            "--rounds" => rounds = value().parse().expect("a number"),
            _ => {}
        }
    }
    let mut peers: Vec<(String, Peer)> = match &python {
        Some(python) => peers.into_iter().map(|name| (name.clone(), Peer::start(python, &name))).collect(),
        None => Vec::new(),
    };
    let titles: String =
        peers.iter().map(|(name, _)| format!(" {:>10} {:>8}", format!("{name} ms"), "ratio")).collect();
    println!("{:<14} {:>12}{titles}", "loss", "dynsparse ms");
    for name in LOSSES {
        let mut own = Own::new(name);
        let steps = if name == "mse" { 40 } else { 8 };
        own.steps(3);
        peers.iter_mut().for_each(|(_, peer)| _ = peer.steps(name, 3));
        let mut times = vec![Vec::new(); peers.len() + 1];
        for _ in 0..rounds {
            times[0].push(own.steps(steps));
            for (i, (_, peer)) in peers.iter_mut().enumerate() {
                times[i + 1].push(peer.steps(name, steps));
            }
        }
        let medians: Vec<f64> = times.into_iter().map(|mut t| median(&mut t)).collect();
        print!("{name:<14} {:>12.2}", 1e3 * medians[0]);
        medians[1..].iter().for_each(|m| print!(" {:>10.2} {:>8.2}", 1e3 * m, medians[0] / m));
        println!();
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Own {
    model: Box<dyn dynsparse::learn::Network>,
    state: AdamW,
    loss: Loss,
    batch: Batch,
    step: usize,
}

impl Own {
    fn new(loss: &str) -> Self {
        let place = Place::cpu();
        let space = Space::plain(INPUTS, OUTPUTS);
        let model = ModelSpec { kind: ModelKind::Mlp, width: 512, depth: 2 }.build(space).expect("a network");
        let state = AdamW::new(model.layout().draw(0, &place));
        let loss: Loss = loss.parse().expect("a loss");
        let wave = |n: usize| (0..n).map(|i| (0.7 * i as f32).sin()).collect::<Vec<f32>>();
        let n = INPUTS * STATES * OUTPUTS;
        let shape = [INPUTS, STATES, OUTPUTS];
        let mut identity = vec![0.0; INPUTS * INPUTS];
        identity.iter_mut().step_by(INPUTS + 1).for_each(|x| *x = 1.0);
        let jacobian = loss.needs_jacobian();
        let batch = Batch {
            input: Input {
                x: place.tensor(wave(STATES * INPUTS), [STATES, INPUTS]),
                mask: None,
                directions: jacobian.then(|| place.tensor(identity, [INPUTS, 1, 1, INPUTS])),
                chain: None,
            },
            next: place.tensor(wave(STATES * OUTPUTS), [STATES, OUTPUTS]),
            truth: jacobian.then(|| Truth {
                jacobian: place.tensor(wave(n), shape),
                decided: place.tensor(vec![1.0; n], shape),
                zero: place.tensor(vec![0.0; n], shape),
                per_decided: 1.0 / n as f64,
                per_zero: 1.0,
            }),
            marks: None,
        };
        Self { model, state, loss, batch, step: 0 }
    }

    /// Seconds a step.
    fn steps(&mut self, count: usize) -> f64 {
        let begun = Instant::now();
        for _ in 0..count {
            self.step += 1;
            let (_, found) = gradients(&*self.model, &self.state.weights, &self.loss, &self.batch).expect("a gradient");
            let rates = Rates { lr: 1e-3, decay: 1e-4, clip: 10.0 };
            self.state.step(found, self.step, rates).expect("a step");
        }
        begun.elapsed().as_secs_f64() / count as f64
    }
}

/// Another library, in a process of its own that waits while we measure.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &str, library: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/learn_peer.py");
        let mut child = Command::new(python)
            .args([script, library])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{python} cannot be started: {e}"));
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Self { child, input, output: BufReader::new(output) }
    }

    fn steps(&mut self, loss: &str, count: usize) -> f64 {
        writeln!(self.input, "{loss} {count}").expect("the peer listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the peer answers");
        line.trim().parse().unwrap_or_else(|_| panic!("the peer ended: see its message above"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
