//! What a reader sees of the place of a drawing that the pointer is over: the numbers behind marks and cells.

use serde::Serialize;

/// Texts of the marks and cells of a drawing, by their place. Empty where nothing can be said.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Hover {
    /// What the two texts of a mark are.
    axes: [String; 2],
    series: Vec<String>,
    /// Marks: x and y in tenths of a pixel, number of the series, texts by the axes.
    marks: Vec<(i64, i64, usize, String, String)>,
    grids: Vec<Grid>,
}

/// Cells with a text each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Grid {
    /// The upper left corner, px.
    pub(super) at: [f64; 2],
    /// Width and height of a cell, px.
    pub(super) cell: [f64; 2],
    /// Names of the rows.
    pub(super) rows: Vec<String>,
    /// Names of the columns.
    pub(super) columns: Vec<String>,
    /// All texts that a cell can have.
    texts: Vec<String>,
    /// By cell, row by row: which text it has.
    cells: Vec<usize>,
}

impl Grid {
    /// Cells of `size` from the corner `at`, with a text for each, row by row.
    pub(super) fn new(
        at: [f64; 2],
        cell: [f64; 2],
        [rows, columns]: [&[String]; 2],
        cells: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut numbers = std::collections::HashMap::new();
        let mut texts = Vec::new();
        let mut number = |text: String| {
            *numbers.entry(text).or_insert_with_key(|text| {
                texts.push(text.clone());
                texts.len() - 1
            })
        };
        let cells = cells.into_iter().map(&mut number).collect();
        Self { at, cell, rows: rows.to_vec(), columns: columns.to_vec(), texts, cells }
    }
}

impl Hover {
    /// Says what the two texts of marks are.
    pub(super) fn axes(&mut self, x: &str, y: &str) {
        self.axes = [x, y].map(str::to_owned);
    }

    /// Adds a mark at `at` (px) with its texts by the axes.
    pub(super) fn mark(&mut self, at: [f64; 2], series: &str, [x, y]: [String; 2]) {
        let known = self.series.iter().position(|s| s == series);
        let number = known.unwrap_or_else(|| {
            self.series.push(series.to_owned());
            self.series.len() - 1
        });
        let [left, top] = at.map(|p| (10.0 * p).round() as i64);
        self.marks.push((left, top, number, x, y));
    }

    /// Adds cells.
    pub(super) fn grid(&mut self, grid: Grid) {
        self.grids.push(grid);
    }

    /// As JSON; none where nothing can be said.
    pub(super) fn json(&self) -> Option<String> {
        let something = !self.marks.is_empty() || !self.grids.is_empty();
        something.then(|| serde_json::to_string(self).ok()).flatten()
    }
}
