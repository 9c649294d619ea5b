//! Tables of the page: a column's heading and what stands below it are given together.

use maud::{Markup, Render, html};

/// A table with a line for every row.
pub(super) struct Table<'a, Row> {
    rows: Vec<Row>,
    class: Option<&'static str>,
    /// Whether the page's script sorts it by a click on a heading.
    sortable: bool,
    columns: Vec<Column<'a, Row>>,
}

struct Column<'a, Row> {
    heading: String,
    heading_class: Option<&'static str>,
    class: Option<&'static str>,
    cell: Box<dyn Fn(Row) -> Cell + 'a>,
}

struct Cell {
    text: Markup,
    /// What the cell is sorted by, where that is not its text.
    value: Option<String>,
}

impl<'a, Row: Copy> Table<'a, Row> {
    /// A table without columns.
    pub(super) fn of(rows: impl IntoIterator<Item = Row>) -> Self {
        Self { rows: rows.into_iter().collect(), class: None, sortable: false, columns: Vec::new() }
    }

    /// The same, sorted by a click on a heading.
    pub(super) fn sortable(self) -> Self {
        Self { class: Some("front"), sortable: true, ..self }
    }

    /// The same, with cells that break their lines.
    pub(super) fn wrapping(self) -> Self {
        Self { class: Some("wrap"), ..self }
    }

    fn column(
        mut self,
        heading: impl Into<String>,
        heading_class: Option<&'static str>,
        class: Option<&'static str>,
        cell: impl Fn(Row) -> Cell + 'a,
    ) -> Self {
        self.columns.push(Column { heading: heading.into(), heading_class, class, cell: Box::new(cell) });
        self
    }

    /// Adds a column of numbers, or of something as short.
    pub(super) fn number<T: Render>(self, heading: impl Into<String>, text: impl Fn(Row) -> T + 'a) -> Self {
        self.column(heading, None, None, move |row| Cell { text: text(row).render(), value: None })
    }

    /// Adds a column of words, which begin at the left.
    pub(super) fn words<T: Render>(self, heading: impl Into<String>, text: impl Fn(Row) -> T + 'a) -> Self {
        self.column(heading, Some("l"), Some("l"), move |row| Cell { text: text(row).render(), value: None })
    }

    /// Adds a column of what others published, in the colour of less important things.
    pub(super) fn published<T: Render>(self, heading: impl Into<String>, text: impl Fn(Row) -> T + 'a) -> Self {
        self.column(heading, None, Some("soft"), move |row| Cell { text: text(row).render(), value: None })
    }

    /// Adds a column of texts, each with the number that it is sorted by.
    pub(super) fn sorted<T: Render>(
        self,
        heading: impl Into<String>,
        cell: impl Fn(Row) -> (T, Option<f64>) + 'a,
    ) -> Self {
        self.column(heading, None, None, move |row| {
            let (text, value) = cell(row);
            Cell { text: text.render(), value: Some(value.map_or_else(String::new, |v| v.to_string())) }
        })
    }

    /// The table, which scrolls by itself where it is too wide.
    pub(super) fn markup(self) -> Markup {
        let scope = self.sortable.then_some("col");
        html! {
            div.scroll { table class=[self.class] {
                thead { tr { @for c in &self.columns { th class=[c.heading_class] scope=[scope] { (c.heading) } } } }
                tbody { @for row in &self.rows { tr {
                    @for c in &self.columns {
                        @let Cell { text, value } = (c.cell)(*row);
                        td class=[c.class] data-v=[value] { (text) }
                    }
                } } }
            } }
        }
    }
}
