//! Pictures in text: sparsity over time as a line of bars, and which entries are what as half blocks. They need neither colours
//! nor more than 80 columns.

/// Columns of a page.
const WIDTH: usize = 76;

/// Lines that a map may take.
const LINES: usize = 20;

/// Columns of a line of bars.
const BARS: usize = 32;

/// What is known of the entries of a matrix over all steps, row by row.
pub(super) struct Entries {
    pub(super) name: &'static str,
    pub(super) columns: usize,
    /// Nonzero in some step.
    pub(super) nonzero: Vec<bool>,
    /// Zero in some steps and nonzero in others.
    pub(super) switches: Vec<bool>,
}

impl Entries {
    fn rows(&self) -> usize {
        self.nonzero.len() / self.columns.max(1)
    }
}

/// Bars for the shares of an episode's steps, from the lowest to the highest of them, with these two at the ends in percent; a
/// dot where no step counts. None where none does at all.
pub(super) fn over_time(shares: &[Option<f64>]) -> Option<String> {
    let bars = shares.len().min(BARS);
    let mean = |i: usize| {
        let counted: Vec<f64> =
            shares[i * shares.len() / bars..(i + 1) * shares.len() / bars].iter().flatten().copied().collect();
        (!counted.is_empty()).then(|| counted.iter().sum::<f64>() / counted.len() as f64)
    };
    let means: Vec<Option<f64>> = (0..bars).map(mean).collect();
    let (low, high) =
        means.iter().flatten().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    if low > high {
        return None;
    }
    let bar = |mean: &Option<f64>| {
        let of_eight = |x: f64| (7.0 * (x - low) / (high - low).max(1e-12)).round() as u32;
        mean.map_or('·', |x| char::from_u32(u32::from('▁') + of_eight(x).min(7)).unwrap_or('▁'))
    };
    Some(format!("{:.1} % {} {:.1} %", 100.0 * low, means.iter().map(bar).collect::<String>(), 100.0 * high))
}

/// A map of the matrices of a recording, side by side: at the left the entries that are nonzero in some step, at the right those that
/// switch. Two rows of entries stand in one line, and where it would be too large a block is several entries. None without an entry.
pub(super) fn map(matrices: &[Entries]) -> Option<String> {
    let columns: usize = matrices.iter().map(|m| m.columns).sum();
    let rows = matrices.first()?.rows();
    if rows == 0 {
        return None;
    }
    let room = (WIDTH - 4) / 2 - matrices.len();
    let fold = columns.div_ceil(room).max(rows.div_ceil(2 * LINES)).max(1);
    let of = |m: &Entries| m.columns.div_ceil(fold);
    let width = matrices.iter().map(|m| of(m) + 1).sum::<usize>().max("nonzero in some step".len()) + 2;
    let mut out = format!("  {:<width$}zero in some, nonzero in others\n", "nonzero in some step");
    let heads: String = matrices.iter().map(|m| format!("{:<1$} ", m.name, of(m))).collect();
    out.push_str(&format!("  {heads:<width$}{}\n", heads.trim_end()));
    let side = |which: fn(&Entries) -> &[bool]| matrices.iter().map(|m| Map::new(m, which(m))).collect::<Vec<_>>();
    let sides = [side(|m| &m.nonzero), side(|m| &m.switches)];
    for line in 0..rows.div_ceil(2 * fold) {
        let half = |maps: &[Map<'_>]| {
            let blocks =
                |m: &Map<'_>| (0..of(m.entries)).map(|c| m.block(fold, line, c)).chain([' ']).collect::<String>();
            maps.iter().map(blocks).collect::<String>()
        };
        let [left, right] = sides.each_ref().map(|maps| half(maps));
        out.push_str(format!("  {left:<width$}{right}").trim_end());
        out.push('\n');
    }
    if fold > 1 {
        out.push_str(&format!("  half a block is {fold} x {fold} entries, drawn where this is so of half of them,\n  or of as many as of all\n"));
    }
    Some(out)
}

/// Which entries of a matrix are in a set.
struct Map<'a> {
    entries: &'a Entries,
    set: &'a [bool],
    /// The share of its entries from which on a half block is drawn: half, or of a sparse set, that of all its entries.
    least: f64,
}

impl<'a> Map<'a> {
    fn new(entries: &'a Entries, set: &'a [bool]) -> Self {
        Self { entries, set, least: share(set.iter().copied()).min(0.5) }
    }

    /// The block of two by `fold` rows and `fold` columns.
    fn block(&self, fold: usize, line: usize, column: usize) -> char {
        let n = self.entries.columns;
        let half = |half: usize| {
            let from = (2 * line + half) * fold;
            let rows = from..(from + fold).min(self.entries.rows());
            let columns = column * fold..((column + 1) * fold).min(n);
            let there = share(rows.flat_map(|r| columns.clone().map(move |c| self.set[r * n + c])));
            there > 0.0 && there >= self.least
        };
        match (half(0), half(1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        }
    }
}

/// The share of what is true.
fn share(set: impl Iterator<Item = bool>) -> f64 {
    let (there, all) = set.fold((0, 0), |(there, all), is| (there + usize::from(is), all + 1));
    there as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_go_from_the_lowest_to_the_highest() {
        let shares: Vec<Option<f64>> = (0..8).map(|i| (i != 3).then_some(f64::from(i) / 7.0)).collect();
        assert_eq!(over_time(&shares).unwrap(), "0.0 % ▁▂▃·▅▆▇█ 100.0 %");
        assert_eq!(over_time(&[Some(0.25); 100]).unwrap(), format!("25.0 % {} 25.0 %", "▁".repeat(BARS)));
        assert_eq!(over_time(&[None; 3]), None);
        assert_eq!(over_time(&[]), None);
    }

    #[test]
    fn maps_fold_what_is_too_large() {
        let small = Entries {
            name: "A",
            columns: 2,
            nonzero: vec![true, false, false, true, true, true],
            switches: vec![false, false, false, true, false, false],
        };
        let map_of_small = map(&[small]).unwrap();
        let lines: Vec<&str> = map_of_small.lines().collect();
        assert_eq!(lines[2], "  ▀▄                     ▄");
        assert_eq!(lines[3], "  ▀▀");
        let n = 130;
        let diagonal: Vec<bool> = (0..n * n).map(|e| e / n == e % n).collect();
        let large = Entries { name: "A", columns: n, switches: vec![false; n * n], nonzero: diagonal };
        let text = map(&[large]).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("4 x 4 entries"), "{text}");
        assert!(text.lines().nth(2).unwrap().starts_with("  ▀▄"), "{text}");
        assert_eq!(map(&[]), None);
    }
}
