//! Noise with a power spectrum 1/f^beta, after Timmer and Koenig, "On generating power law noise"
//! (Astronomy and Astrophysics 300, 1995), as Eberhard et al., "Pink noise is all you need" (ICLR 2023)
//! explore with it: one long signal per control and episode, independent between controls.

use std::fmt;
use std::sync::Arc;

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlannerScalar};

use super::Policy;
use super::ranges::Frame;
use super::simple::Draws;

/// Longest block of control steps that colored noise is made in. An episode up to this length is one
/// block. A longer one is a row of independent blocks, so that memory stays flat: its spectrum is flat
/// below the rate of one turn per block, 1 / (65536 control_dt) Hz, and the signal jumps between blocks.
pub const BLOCK: usize = 1 << 16;

/// Colored noise around the middle of the range.
pub(super) struct Colored {
    frame: Frame,
    draws: Draws,
    scale: f64,
    noise: Noise,
    /// The number of the block held, and its values (control by control, each of the block's length).
    block: Option<usize>,
    values: Vec<f64>,
}

impl fmt::Debug for Colored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Colored").field("scale", &self.scale).field("block", &self.block).finish_non_exhaustive()
    }
}

impl Colored {
    pub(super) fn new(frame: Frame, draws: Draws, beta: f64, scale: f64, steps: usize) -> Self {
        let noise = Noise::new(beta, steps.clamp(1, BLOCK));
        Self { frame, draws, scale, noise, block: None, values: Vec::new() }
    }

    fn fill(&mut self, block: usize) {
        let (nu, n) = (self.frame.nu(), self.noise.len());
        let stream = self.draws.batch(block, nu * n);
        self.values.clear();
        for _ in 0..nu {
            let noise = self.noise.make(|| stream.normal());
            self.values.extend(noise);
        }
        self.block = Some(block);
    }
}

impl Policy for Colored {
    fn act(&mut self, step: usize, ctrl: &mut [f64]) {
        self.each(step, ctrl, |frame, i, x, _| frame.at(i, x));
    }
}

impl Colored {
    /// Makes every control of itself and its noise at a step, in half ranges.
    fn each(&mut self, step: usize, ctrl: &mut [f64], f: impl Fn(&Frame, usize, f64, f64) -> f64) {
        let n = self.noise.len();
        if self.block != Some(step / n) {
            self.fill(step / n);
        }
        for (i, u) in ctrl.iter_mut().enumerate().take(self.frame.nu()) {
            *u = f(&self.frame, i, self.scale * self.values[i * n + step % n], *u);
        }
    }

    /// Adds the noise of a step to controls, and keeps them in their ranges.
    pub(super) fn add(&mut self, step: usize, ctrl: &mut [f64]) {
        self.each(step, ctrl, |frame, i, x, u| frame.moved(i, u, x));
    }
}

/// Makes blocks of noise of one length, with mean 0 and variance 1 over the draws at every step.
struct Noise {
    /// Root of the power at each frequency 0 ..= n/2, in turns per block; all powers of the block add to 1.
    amplitudes: Vec<f64>,
    fft: Arc<dyn Fft<f64>>,
    buffer: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl Noise {
    fn new(beta: f64, n: usize) -> Self {
        // Frequency 0 has the power of the lowest frequency, so that beta = 0 is white.
        let mut amplitudes: Vec<f64> = (0..=n / 2).map(|k| libm::pow(k.max(1) as f64, -0.5 * beta)).collect();
        // All frequencies but 0 and, in an even block, the highest stand for themselves and their mirror.
        let share = |k: usize| if k == 0 || 2 * k == n { 1.0 } else { 2.0 };
        let power: f64 = amplitudes.iter().enumerate().map(|(k, a)| share(k) * a * a).sum();
        let root = power.sqrt();
        amplitudes.iter_mut().for_each(|a| *a /= root);
        // The scalar planner: the others pick SIMD code by the CPU, which rounds otherwise.
        let fft = FftPlannerScalar::new().plan_fft_inverse(n);
        let scratch = vec![Complex64::ZERO; fft.get_inplace_scratch_len()];
        Self { amplitudes, fft, buffer: vec![Complex64::ZERO; n], scratch }
    }

    fn len(&self) -> usize {
        self.buffer.len()
    }

    /// One block, from as many standard normal draws as it has values.
    fn make(&mut self, mut normal: impl FnMut() -> f64) -> impl Iterator<Item = f64> {
        let n = self.buffer.len();
        for (k, a) in self.amplitudes.iter().enumerate() {
            if k == 0 || 2 * k == n {
                self.buffer[k] = Complex64::new(a * normal(), 0.0);
            } else {
                let a = a * std::f64::consts::FRAC_1_SQRT_2;
                let x = Complex64::new(a * normal(), a * normal());
                self.buffer[k] = x;
                self.buffer[n - k] = x.conj();
            }
        }
        self.fft.process_with_scratch(&mut self.buffer, &mut self.scratch);
        self.buffer.iter().map(|x| x.re)
    }
}
