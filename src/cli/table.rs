//! Tables for people: a column's heading and what stands below it are given together.

use comfy_table::{CellAlignment, ContentArrangement, presets};

use super::output;

/// A table with a line for every row.
pub(super) struct Table<Row> {
    rows: Vec<Row>,
    columns: Vec<Column>,
}

struct Column {
    heading: String,
    alignment: CellAlignment,
    cells: Vec<String>,
}

impl<Row: Copy> Table<Row> {
    /// A table without columns.
    pub(super) fn of(rows: impl IntoIterator<Item = Row>) -> Self {
        Self { rows: rows.into_iter().collect(), columns: Vec::new() }
    }

    fn column(mut self, heading: &str, alignment: CellAlignment, cell: impl Fn(Row) -> String) -> Self {
        let cells = self.rows.iter().map(|row| cell(*row)).collect();
        self.columns.push(Column { heading: heading.to_owned(), alignment, cells });
        self
    }

    /// Adds a column of words, which begin at the left.
    pub(super) fn words(self, heading: &str, cell: impl Fn(Row) -> String) -> Self {
        self.column(heading, CellAlignment::Left, cell)
    }

    /// Adds a column of numbers, or of what else ends at the right.
    pub(super) fn number(self, heading: &str, cell: impl Fn(Row) -> String) -> Self {
        self.column(heading, CellAlignment::Right, cell)
    }

    /// The table as text.
    pub(super) fn text(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().map(|c| &c.heading));
        for i in 0..self.rows.len() {
            table.add_row(self.columns.iter().map(|c| &c.cells[i]));
        }
        for (column, of) in table.column_iter_mut().zip(&self.columns) {
            column.set_cell_alignment(of.alignment);
        }
        output::table(&table)
    }

    /// The same, two blanks from the left.
    pub(super) fn indented(&self) -> String {
        self.text().lines().map(|line| format!("  {line}\n")).collect()
    }
}
