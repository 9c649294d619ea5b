//! Q2: a sample of (s, a, s') in two dimensions, to be coloured by sparsity: principal components, and t-SNE.

use bhtsne::{Neighbor, tSNE};
use nalgebra::{DMatrix, SymmetricEigen};
use rayon::prelude::*;
use serde::Serialize;

use super::{AnalysisError, AnalysisSettings};
use crate::dataset::schema::{Axis, Var};
use crate::dataset::{Recording, RowReader};
use crate::rng::Stream;

/// Accuracy of the Barnes-Hut approximation, as in its paper (van der Maaten 2014).
const THETA: f32 = 0.5;

/// Loadings that are listed of a component.
const LOADINGS: usize = 8;

/// A step of the sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmbeddedStep {
    /// Number of the step, of all steps of the recording.
    pub step: usize,
    /// Sparsity of A.
    pub sparsity_a: f64,
    /// Sparsity of B; None in a model without controls.
    pub sparsity_b: Option<f64>,
    /// Contacts.
    pub contacts: usize,
    /// First and second principal component.
    pub pca: [f64; 2],
    /// Coordinates by t-SNE, where asked for.
    pub tsne: Option<[f64; 2]>,
}

/// A feature's part in a component.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Loading {
    /// The feature: a variable and its label.
    pub feature: String,
    /// Its weight; the squares of all add up to 1.
    pub weight: f64,
}

/// A sample in two dimensions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Embedding {
    /// Features: entries of qpos, qvel, act, ctrl and of the next state that vary in the sample; each is scaled to
    /// mean 0 and standard deviation 1.
    pub features: Vec<String>,
    /// Share of the variance that each component explains.
    pub explained: [f64; 2],
    /// The largest weights of each component.
    pub loadings: [Vec<Loading>; 2],
    /// Perplexity of t-SNE, where it was computed: the one asked for, or less where the sample is small.
    pub perplexity: Option<f64>,
    /// The sample, in the order of steps.
    pub steps: Vec<EmbeddedStep>,
}

/// A uniform sample of the steps that count, drawn while they go by (reservoir sampling, Vitter's algorithm R).
#[derive(Debug)]
pub(super) struct Reservoir {
    random: Stream,
    most: usize,
    seen: u64,
    steps: Vec<EmbeddedStep>,
}

impl Reservoir {
    pub(super) fn new(settings: &AnalysisSettings) -> Self {
        let random = Stream::new(settings.seed, "embedding", 0);
        Self { random, most: settings.embedding_rows, seen: 0, steps: Vec::new() }
    }

    pub(super) fn step(&mut self, step: usize, sparsity: [Option<f64>; 2], contacts: usize) {
        self.seen += 1;
        let place = if self.steps.len() < self.most {
            self.steps.len()
        } else {
            (self.random.uniform() * self.seen as f64) as usize
        };
        if place < self.most {
            let [a, sparsity_b] = sparsity;
            let step =
                EmbeddedStep { step, sparsity_a: a.unwrap_or(0.0), sparsity_b, contacts, pca: [0.0; 2], tsne: None };
            match self.steps.get_mut(place) {
                Some(old) => *old = step,
                None => self.steps.push(step),
            }
        }
    }

    /// Reads the sampled states and places them.
    pub(super) fn embed(
        mut self,
        recording: &Recording,
        settings: &AnalysisSettings,
    ) -> Result<Embedding, AnalysisError> {
        self.steps.sort_by_key(|s| s.step);
        let (names, values) = features(recording, &self.steps)?;
        let n = self.steps.len();
        let d = names.len();
        let mut embedding = Embedding {
            features: names,
            explained: [0.0; 2],
            loadings: [Vec::new(), Vec::new()],
            perplexity: None,
            steps: self.steps,
        };
        if n < 2 || d == 0 {
            return Ok(embedding);
        }
        let matrix = DMatrix::from_row_slice(n, d, &values);
        let eigen = SymmetricEigen::new(matrix.tr_mul(&matrix) / n as f64);
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        for (k, column) in order.into_iter().take(2).enumerate() {
            let mut axis = eigen.eigenvectors.column(column).into_owned();
            // The sign is free: the largest weight is positive.
            if axis[axis.iamax()] < 0.0 {
                axis = -axis;
            }
            let place = &matrix * &axis;
            embedding.steps.iter_mut().zip(place.iter()).for_each(|(step, x)| step.pca[k] = *x);
            embedding.explained[k] = eigen.eigenvalues[column] / d as f64;
            let weights = embedding.features.iter().zip(axis.iter());
            let mut loadings: Vec<Loading> =
                weights.map(|(name, w)| Loading { feature: name.clone(), weight: *w }).collect();
            loadings.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
            loadings.truncate(LOADINGS);
            embedding.loadings[k] = loadings;
        }
        if settings.tsne {
            tsne(&mut embedding, &values, d, settings.perplexity);
        }
        Ok(embedding)
    }
}

/// The features of these steps, row by row, scaled, and their names.
fn features(recording: &Recording, steps: &[EmbeddedStep]) -> Result<(Vec<String>, Vec<f64>), AnalysisError> {
    let n = steps.len();
    let (mut names, mut columns) = (Vec::new(), Vec::new());
    for (var, axis) in [
        (Var::Qpos, Axis::Coordinate),
        (Var::Qvel, Axis::Dof),
        (Var::Act, Axis::Activation),
        (Var::Ctrl, Axis::Actuator),
        (Var::QposNext, Axis::Coordinate),
        (Var::QvelNext, Axis::Dof),
        (Var::ActNext, Axis::Activation),
    ] {
        if !recording.has(var) {
            continue;
        }
        let labels = recording.labels(axis)?;
        let mut reader = RowReader::new(recording, var)?;
        let mut values = vec![Vec::with_capacity(n); labels.len()];
        for step in steps {
            let numbers = reader.numbers(step.step)?;
            values.iter_mut().zip(numbers).for_each(|(column, x)| column.push(*x));
        }
        for (label, column) in labels.iter().zip(values) {
            let mean = column.iter().sum::<f64>() / n.max(1) as f64;
            let std = (column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n.max(1) as f64).sqrt();
            // What is constant but for rounding would be blown up to noise.
            if column.len() == n && std > 1e-12 * (1.0 + mean.abs()) && std.is_finite() {
                names.push(format!("{}:{label}", var.spec().name));
                columns.push(column.into_iter().map(|x| (x - mean) / std).collect::<Vec<_>>());
            }
        }
    }
    let values = (0..n).flat_map(|i| columns.iter().map(move |column| column[i])).collect();
    Ok((names, values))
}

/// t-SNE (Barnes-Hut), from the principal components. The library draws random numbers only to begin and to find
/// neighbours; both are given to it here, and one thread adds up, so that a seed has one result.
fn tsne(embedding: &mut Embedding, values: &[f64], d: usize, perplexity: f64) {
    let n = embedding.steps.len();
    let rows: Vec<&[f64]> = values.chunks_exact(d).collect();
    // Three times the perplexity are neighbours.
    let perplexity = perplexity.min((n as f64 - 1.0) / 3.0);
    if perplexity <= 1.0 {
        return;
    }
    let count = ((3.0 * perplexity) as usize).clamp(1, n - 1);
    let near = |i: usize| {
        let mut all: Vec<(f64, usize)> = (0..n)
            .filter(|j| *j != i)
            .map(|j| (rows[i].iter().zip(rows[j]).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt(), j))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all[..count].iter().map(|(distance, index)| Neighbor { index: *index, distance: *distance as f32 }).collect()
    };
    let neighbours: Vec<Vec<Neighbor<f32>>> = (0..n).into_par_iter().map(near).collect();
    let spread = embedding.steps.iter().map(|s| s.pca[0].powi(2)).sum::<f64>() / n as f64;
    let scale = 1e-4 / spread.sqrt().max(f64::MIN_POSITIVE);
    let start: Vec<f32> = embedding.steps.iter().flat_map(|s| s.pca.map(|x| (x * scale) as f32)).collect();
    let Ok(one) = rayon::ThreadPoolBuilder::new().num_threads(1).build() else { return };
    let placed = one.install(|| {
        let mut tsne = tSNE::<f32, &[f64], 2>::new(&rows);
        tsne.perplexity(perplexity as f32).initial_embedding(start);
        tsne.barnes_hut_with_neighbors(THETA, &neighbours).embedding()
    });
    embedding.perplexity = Some(perplexity);
    for (step, place) in embedding.steps.iter_mut().zip(placed.as_chunks::<2>().0) {
        step.tsne = Some(place.map(f64::from));
    }
}
