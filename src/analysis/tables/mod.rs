//! Which tables there are, and what is in them: a struct for the rows of each, in one file per question.

mod ablation;
mod global;
mod recordings;
mod residuals;
mod state;
mod temporal;

use super::compare::Comparison;
use super::table::{Row, Table, row};
use super::{Analysis, Matrix};

/// All tables of some recordings. Those without a row are left out.
pub fn tables(analyses: &[Analysis], comparisons: &[Comparison]) -> Vec<Table> {
    let mut all = vec![recordings::table(analyses)];
    all.extend(global::tables(analyses));
    all.extend(state::tables(analyses));
    all.extend(temporal::tables(analyses));
    all.extend(ablation::tables(analyses, comparisons));
    all.push(residuals::table(analyses));
    all.retain(|table| !table.rows.is_empty());
    all
}

row! {
    /// The recording that a row is of, so that several recordings lie in one table.
    struct Source<'a> {
        recording: &'a str => "name of the recording",
        task: &'a str => "task",
    }
}

/// The rows of every recording in one table.
fn table<'a, R: Row, Rows: IntoIterator<Item = R>>(
    analyses: &'a [Analysis],
    rows: impl Fn(&'a Analysis) -> Rows,
) -> Table {
    let of = |a: &'a Analysis| {
        rows(a).into_iter().map(|row| (Source { recording: &a.subject.name, task: &a.subject.task }, row))
    };
    Table::of(analyses.iter().flat_map(of))
}

/// What the column `matrix` holds.
const MATRIX: &str = "A or B";

/// Labels of an entry: its row and its column.
fn labels(a: &Analysis, matrix: Matrix, entry: usize) -> [&str; 2] {
    let columns = match matrix {
        Matrix::A => &a.subject.state,
        Matrix::B => &a.subject.control,
    };
    [&a.subject.state[entry / columns.len()], &columns[entry % columns.len()]]
}

/// What the columns `row` and `column` hold.
const ROW: &str = "entry of the next state";
const COLUMN: &str = "entry of the state or control";
