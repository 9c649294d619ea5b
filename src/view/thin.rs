//! Meshes with fewer triangles: vertices of one cell of a grid become one (Rossignac and Borrel 1993).

use std::collections::{HashMap, HashSet};

/// A surface of triangles; vertices in m.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Mesh {
    pub(super) vertices: Vec<[f32; 3]>,
    pub(super) faces: Vec<[u32; 3]>,
}

impl Mesh {
    /// The same with one vertex for each cell of `cell` m that has any, the one next to the mean of those in it, and without the
    /// triangles that have no area left. A mesh whose triangles would all go stays as it is.
    pub(super) fn thinned(&self, cell: f64) -> Self {
        let of = |vertex: &[f32; 3]| vertex.map(|x| (f64::from(x) / cell).floor() as i64);
        let mut sums: HashMap<[i64; 3], ([f64; 3], f64)> = HashMap::new();
        for vertex in &self.vertices {
            let (sum, n) = sums.entry(of(vertex)).or_default();
            sum.iter_mut().zip(vertex).for_each(|(sum, x)| *sum += f64::from(*x));
            *n += 1.0;
        }
        // By cell, the vertex next to the mean, the first of several; ties and order do not depend on the map's.
        let mut nearest: HashMap<[i64; 3], (f64, u32)> = HashMap::new();
        for (i, vertex) in self.vertices.iter().enumerate() {
            let at = of(vertex);
            let (sum, n) = sums[&at];
            let distance: f64 = sum.iter().zip(vertex).map(|(sum, x)| (sum / n - f64::from(*x)).powi(2)).sum();
            let best = nearest.entry(at).or_insert((f64::INFINITY, i as u32));
            if distance < best.0 {
                *best = (distance, i as u32);
            }
        }
        let stands = |vertex: u32| nearest[&of(&self.vertices[vertex as usize])].1;
        let mut seen = HashSet::new();
        let mut faces = Vec::new();
        for face in &self.faces {
            let face = face.map(stands);
            let [a, b, c] = face;
            let mut sorted = face;
            sorted.sort_unstable();
            if a != b && b != c && a != c && seen.insert(sorted) {
                faces.push(face);
            }
        }
        if faces.is_empty() {
            return self.clone();
        }
        Self { vertices: self.vertices.clone(), faces }.in_order()
    }

    /// Vertices in the order in which triangles name them, without those that none does: neighbours in a list compress well.
    pub(super) fn in_order(&self) -> Self {
        let mut number: HashMap<u32, u32> = HashMap::new();
        let mut vertices = Vec::new();
        let mut renamed = |vertex: u32| {
            *number.entry(vertex).or_insert_with(|| {
                vertices.push(self.vertices[vertex as usize]);
                vertices.len() as u32 - 1
            })
        };
        let faces = self.faces.iter().map(|face| face.map(&mut renamed)).collect();
        Self { vertices, faces }
    }

    /// The lowest corner of the box around it, and its longest side, m.
    pub(super) fn bounds(&self) -> ([f32; 3], f32) {
        let mut low = [f32::INFINITY; 3];
        let mut high = [f32::NEG_INFINITY; 3];
        for vertex in &self.vertices {
            for k in 0..3 {
                low[k] = low[k].min(vertex[k]);
                high[k] = high[k].max(vertex[k]);
            }
        }
        if self.vertices.is_empty() {
            return ([0.0; 3], 0.0);
        }
        (low, (0..3).map(|k| high[k] - low[k]).fold(0.0, f32::max))
    }
}

/// All meshes by the finest grid, of cells that grow by a quarter, at which `fits` takes them; and the cell, m, 0 where they need no grid.
pub(super) fn thinned_to(meshes: Vec<Mesh>, fits: impl Fn(&[Mesh]) -> bool) -> (Vec<Mesh>, f64) {
    let whole: Vec<Mesh> = meshes.iter().map(Mesh::in_order).collect();
    if fits(&whole) {
        return (whole, 0.0);
    }
    let extent = whole.iter().map(|m| f64::from(m.bounds().1)).fold(0.0, f64::max).max(1e-9);
    let mut cell = extent * 5e-4;
    loop {
        let thin: Vec<Mesh> = whole.iter().map(|mesh| mesh.thinned(cell)).collect();
        // A cell as large as the largest mesh leaves nothing to take.
        if fits(&thin) || cell > extent {
            return (thin, cell);
        }
        cell *= 1.25;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of n x n cells in z = 0, 1 m wide.
    fn square(n: u32) -> Mesh {
        let vertices =
            (0..=n).flat_map(|i| (0..=n).map(move |j| [i as f32 / n as f32, j as f32 / n as f32, 0.0])).collect();
        let at = |i: u32, j: u32| i * (n + 1) + j;
        let faces = (0..n).flat_map(|i| {
            (0..n).flat_map(move |j| {
                [[at(i, j), at(i + 1, j), at(i + 1, j + 1)], [at(i, j), at(i + 1, j + 1), at(i, j + 1)]]
            })
        });
        Mesh { vertices, faces: faces.collect() }
    }

    fn area(mesh: &Mesh) -> f64 {
        let at = |v: u32| mesh.vertices[v as usize].map(f64::from);
        let one = |[a, b, c]: &[u32; 3]| {
            let ([a, b, c], k) = ([at(*a), at(*b), at(*c)], [0, 1]);
            let [u, v] = [k.map(|k| b[k] - a[k]), k.map(|k| c[k] - a[k])];
            (u[0] * v[1] - u[1] * v[0]) / 2.0
        };
        mesh.faces.iter().map(one).sum()
    }

    #[test]
    fn a_flat_square_stays_one_with_fewer_triangles() {
        let fine = square(40);
        assert!(fine.faces.len() == 3200 && (area(&fine) - 1.0).abs() < 1e-12, "what is compared with");
        let (thin, cell) = thinned_to(vec![fine], |m| m[0].faces.len() <= 300);
        assert!(cell > 0.0 && thin[0].faces.len() <= 300 && thin[0].faces.len() > 50, "{}", thin[0].faces.len());
        // Vertices of the border move inwards by less than a cell, nothing folds over.
        assert!((1.0 - 4.0 * cell..=1.0 + 1e-6).contains(&area(&thin[0])), "{} {cell}", area(&thin[0]));
        assert!(thin[0].faces.iter().flatten().all(|v| (*v as usize) < thin[0].vertices.len()));
    }

    #[test]
    fn what_fits_stays_whole_and_nothing_vanishes() {
        let (same, cell) = thinned_to(vec![square(3)], |_| true);
        assert_eq!((same[0].faces.len(), cell), (18, 0.0));
        let (last, _) = thinned_to(vec![square(3)], |_| false);
        assert!(!last[0].faces.is_empty());
    }
}
