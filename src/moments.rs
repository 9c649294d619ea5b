//! Means, spreads and ends of columns of numbers, in one pass over their rows (Welford's recurrence):
//!
//! ```text
//! mean_n = mean_(n-1) + (x - mean_(n-1)) / n          square_n = square_(n-1) + (x - mean_(n-1)) (x - mean_n)
//! ```

/// What is known of the rows so far, by column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moments {
    /// Rows.
    pub(crate) n: f64,
    /// Means.
    pub(crate) mean: Vec<f64>,
    /// Sums of the squared distances from the mean.
    square: Vec<f64>,
    /// Least and largest numbers.
    pub(crate) ends: Vec<[f64; 2]>,
}

impl Moments {
    /// Of so many columns; without them there are as many as a row has.
    pub(crate) fn of(columns: usize) -> Self {
        let mut found = Self::default();
        found.widen(columns);
        found
    }

    fn widen(&mut self, columns: usize) {
        self.mean.resize(columns, 0.0);
        self.square.resize(columns, 0.0);
        self.ends.resize(columns, [f64::INFINITY, f64::NEG_INFINITY]);
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: impl Iterator<Item = f64>) {
        self.n += 1.0;
        for (i, x) in row.enumerate() {
            if i == self.mean.len() {
                self.widen(i + 1);
            }
            let off = x - self.mean[i];
            self.mean[i] += off / self.n;
            self.square[i] += off * (x - self.mean[i]);
            let [least, most] = self.ends[i];
            self.ends[i] = [least.min(x), most.max(x)];
        }
    }

    /// Standard deviations.
    pub(crate) fn std(&self) -> Vec<f64> {
        self.square.iter().map(|s| (s / self.n.max(1.0)).sqrt()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_those_of_numpy() {
        let mut found = Moments::default();
        [1.0, 4.0, -2.0, 1e-3].into_iter().for_each(|x| found.add([x, 5.0].into_iter()));
        // np.std([1, 4, -2, 1e-3])
        assert!((found.std()[0] - 2.164_976_948_491_6).abs() < 1e-13, "{:?}", found.std());
        assert_eq!((found.std()[1], &found.ends[..]), (0.0, &[[-2.0, 4.0], [5.0, 5.0]][..]));
        assert_eq!(Moments::of(2).ends.len(), 2);
    }
}
