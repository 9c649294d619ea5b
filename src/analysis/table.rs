//! Results as tidy tables: one row an observation, the recording and the task in the first columns, so that several
//! recordings lie in one table.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::{AnalysisError, csv};
use crate::files::{FileKind, replace};

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds, with the unit.
    pub about: &'static str,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// Its name, which its files have.
    pub name: &'static str,
    /// What it answers.
    pub about: &'static str,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; null where a value has no meaning.
    pub rows: Vec<Vec<Value>>,
}

/// Columns, and what gives a value for each of them. [`row!`] writes it for a struct.
pub(crate) trait Cells {
    /// Appends the columns.
    fn columns(all: &mut Vec<Column>);

    /// Appends their values, in the same order.
    fn values(&self, all: &mut Vec<Value>);
}

/// A row of a table.
pub(crate) trait Row: Cells {
    /// The table's name.
    const TABLE: &'static str;
    /// What the table answers.
    const ABOUT: &'static str;
}

/// A row behind columns that say what it is of.
impl<Key: Cells, R: Row> Cells for (Key, R) {
    fn columns(all: &mut Vec<Column>) {
        Key::columns(all);
        R::columns(all);
    }

    fn values(&self, all: &mut Vec<Value>) {
        self.0.values(all);
        self.1.values(all);
    }
}

impl<Key: Cells, R: Row> Row for (Key, R) {
    const TABLE: &'static str = R::TABLE;
    const ABOUT: &'static str = R::ABOUT;
}

/// A struct that is a row of a table. Each field is a column: its name is the column's, and the text behind it says
/// what the column holds. A field without a text is a struct of the same kind, whose columns are inserted there.
/// Without `in`, the struct is a part of rows and has no table of its own.
///
/// ```ignore
/// row! {
///     struct Step in "trace": "sparsity step by step" {
///         place: Place,
///         time: f64 => "s",
///         sparsity: Option<f64> => "sparsity of A; empty where the step does not count",
///     }
/// }
/// ```
macro_rules! row {
    (@columns $all:ident, $type:ty, $field:ident => $about:expr) => {
        $all.push($crate::analysis::table::Column { name: stringify!($field), about: $about })
    };
    (@columns $all:ident, $type:ty, $field:ident) => {
        <$type as $crate::analysis::table::Cells>::columns($all)
    };
    (@values $all:ident, $value:expr => $about:expr) => {
        $all.push(serde_json::json!($value))
    };
    (@values $all:ident, $value:expr) => {
        $crate::analysis::table::Cells::values(&$value, $all)
    };
    (
        $(#[$meta:meta])*
        struct $Row:ident $(<$life:lifetime>)? in $table:literal: $answers:literal { $($fields:tt)+ }
    ) => {
        $crate::analysis::table::row! { $(#[$meta])* struct $Row $(<$life>)? { $($fields)+ } }

        impl $(<$life>)? $crate::analysis::table::Row for $Row $(<$life>)? {
            const TABLE: &'static str = $table;
            const ABOUT: &'static str = $answers;
        }
    };
    (
        $(#[$meta:meta])*
        struct $Row:ident $(<$life:lifetime>)? { $($field:ident: $type:ty $(=> $about:expr)?,)+ }
    ) => {
        $(#[$meta])*
        struct $Row $(<$life>)? {
            $($field: $type,)+
        }

        impl $(<$life>)? $crate::analysis::table::Cells for $Row $(<$life>)? {
            fn columns(all: &mut Vec<$crate::analysis::table::Column>) {
                $($crate::analysis::table::row!(@columns all, $type, $field $(=> $about)?);)+
            }

            fn values(&self, all: &mut Vec<serde_json::Value>) {
                $($crate::analysis::table::row!(@values all, self.$field $(=> $about)?);)+
            }
        }
    };
}
pub(crate) use row;

impl Table {
    /// A table of these rows.
    pub(crate) fn of<R: Row>(rows: impl IntoIterator<Item = R>) -> Self {
        let mut table = Self { name: R::TABLE, about: R::ABOUT, columns: Vec::new(), rows: Vec::new() };
        R::columns(&mut table.columns);
        for row in rows {
            let mut values = Vec::with_capacity(table.columns.len());
            row.values(&mut values);
            table.rows.push(values);
        }
        table
    }

    fn header(&self) -> Vec<&'static str> {
        self.columns.iter().map(|c| c.name).collect()
    }

    /// As CSV without comments: the header and the rows.
    ///
    /// # Errors
    /// [`AnalysisError::Write`], which a writer into memory does not give.
    pub fn to_bare_csv(&self) -> Result<Vec<u8>, AnalysisError> {
        csv::text(&self.header(), self.rows.iter().cloned())
    }

    /// As CSV: comment lines (#) with the program, the settings and the columns, a header, the rows.
    ///
    /// # Errors
    /// [`AnalysisError::Write`], which a writer into memory does not give.
    pub fn to_csv(&self, program: &str, settings: &Value) -> Result<Vec<u8>, AnalysisError> {
        let mut out = format!("# {}: {}\n# made by {program}\n", self.name, self.about);
        out.push_str(&format!("# settings {}\n", csv::comment(settings)));
        for column in &self.columns {
            out.push_str(&format!("# column {}: {}\n", column.name, column.about));
        }
        csv::append(out.into_bytes(), &self.header(), self.rows.iter().cloned())
    }

    /// As Parquet, with the program, the settings and what it answers in the file's metadata.
    ///
    /// # Errors
    /// [`AnalysisError::Write`], which a writer into memory does not give.
    #[cfg(feature = "parquet")]
    fn to_parquet(&self, program: &str, settings: &Value) -> Result<Vec<u8>, AnalysisError> {
        let (about, program) = (self.about.to_owned(), program.to_owned());
        let notes = [("about", about), ("program", program), ("settings", settings.to_string())];
        super::parquet::encode(self, &notes)
            .map_err(|e| AnalysisError::Write { file: self.name.into(), reason: e.to_string() })
    }

    /// As JSON: the program, the settings, the columns with their meaning, and the rows in `data`.
    pub fn to_json(&self, program: &str, settings: &Value) -> Value {
        json!({
            "name": self.name,
            "about": self.about,
            "program": program,
            "settings": settings,
            "columns": self.header(),
            "meaning": self.columns.iter().map(|c| (c.name, c.about)).collect::<std::collections::BTreeMap<_, _>>(),
            "data": self.rows,
        })
    }
}

/// Writes every table as CSV, JSON and, with the feature `parquet`, Parquet into a folder, which is created; tables of
/// these names are replaced. `settings` goes into each.
///
/// # Errors
/// [`AnalysisError::Write`].
pub fn write(folder: &Path, tables: &[Table], program: &str, settings: &Value) -> Result<(), AnalysisError> {
    std::fs::create_dir_all(folder).map_err(|e| trouble(folder, &e))?;
    #[cfg(not(feature = "parquet"))]
    tables.iter().try_for_each(|table| nothing_stale(&folder.join(format!("{}.parquet", table.name))))?;
    for table in tables {
        let file = |ending: &str| folder.join(format!("{}.{ending}", table.name));
        replace(&file("csv"), FileKind::Csv, &table.to_csv(program, settings)?)?;
        #[cfg(feature = "parquet")]
        replace(&file("parquet"), FileKind::Parquet, &table.to_parquet(program, settings)?)?;
        replace(&file("json"), FileKind::Json, table.to_json(program, settings).to_string().as_bytes())?;
    }
    Ok(())
}

/// A build that writes no Parquet leaves none that another build wrote beside its own new CSV.
#[cfg(not(feature = "parquet"))]
fn nothing_stale(file: &Path) -> Result<(), AnalysisError> {
    if !file.exists() {
        return Ok(());
    }
    let reason = "an earlier table is there, and this build of dynsparse writes no Parquet: remove it, name another \
                  folder, or build with the feature parquet";
    Err(AnalysisError::Write { file: file.to_owned(), reason: reason.to_owned() })
}

fn trouble(path: &Path, error: &std::io::Error) -> AnalysisError {
    AnalysisError::Write { file: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    row! {
        struct Place<'a> {
            robot: &'a str => "which robot",
            step: usize => "number of the step",
        }
    }

    row! {
        struct Height in "heights": "how high the robot is" {
            mean: f64 => "m",
            ends: Ends,
            contacts: Option<usize> => "contacts",
        }
    }

    row! {
        struct Ends {
            low: f64 => "lower end, m",
            high: f64 => "upper end, m",
        }
    }

    #[test]
    fn a_column_holds_the_field_of_its_name() {
        let height = Height { contacts: None, ends: Ends { high: 3.0, low: 1.0 }, mean: 2.0 };
        let table = Table::of([(Place { step: 7, robot: "walker" }, height)]);
        assert_eq!((table.name, table.about), ("heights", "how high the robot is"));
        let columns: Vec<_> = table.columns.iter().map(|c| (c.name, c.about)).collect();
        let row: Vec<_> = columns.into_iter().zip(&table.rows[0]).collect();
        let expected = [
            (("robot", "which robot"), json!("walker")),
            (("step", "number of the step"), json!(7)),
            (("mean", "m"), json!(2.0)),
            (("low", "lower end, m"), json!(1.0)),
            (("high", "upper end, m"), json!(3.0)),
            (("contacts", "contacts"), Value::Null),
        ];
        assert_eq!(row, expected.each_ref().map(|(column, value)| (*column, value)));
    }
}
