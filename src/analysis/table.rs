//! Results as tidy tables: one row an observation, the recording and the task in the first columns, so that several
//! recordings lie in one table.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Analysis, AnalysisError, csv};
use crate::files::{Kind, replace};

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

impl Table {
    pub(super) fn new(name: &'static str, about: &'static str, columns: &[(&'static str, &'static str)]) -> Self {
        let first = [("recording", "name of the recording"), ("task", "task")];
        Self::plain(name, about, &[&first, columns].concat())
    }

    /// A table without rows, of these columns alone.
    pub fn plain(name: &'static str, about: &'static str, columns: &[(&'static str, &'static str)]) -> Self {
        let columns = columns.iter().map(|(name, about)| Column { name, about }).collect();
        Self { name, about, columns, rows: Vec::new() }
    }

    pub(super) fn add(&mut self, analysis: &Analysis, cells: Vec<Value>) {
        let mut row = vec![json!(analysis.subject.name), json!(analysis.subject.task)];
        row.extend(cells);
        debug_assert_eq!(row.len(), self.columns.len(), "{}", self.name);
        self.rows.push(row);
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
        let header: Vec<&str> = self.columns.iter().map(|c| c.name).collect();
        csv::append(out.into_bytes(), &header, self.rows.iter().cloned())
    }

    /// As Parquet, with the program, the settings and what it answers in the file's metadata.
    ///
    /// # Errors
    /// [`AnalysisError::Write`], which a writer into memory does not give.
    pub fn to_parquet(&self, program: &str, settings: &Value) -> Result<Vec<u8>, AnalysisError> {
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
            "columns": self.columns.iter().map(|c| c.name).collect::<Vec<_>>(),
            "meaning": self.columns.iter().map(|c| (c.name, c.about)).collect::<std::collections::BTreeMap<_, _>>(),
            "data": self.rows,
        })
    }
}

/// Writes every table as CSV, JSON and Parquet into a folder, which is created; tables of these names are replaced. `settings`
/// goes into each.
///
/// # Errors
/// [`AnalysisError::Write`].
pub fn write(folder: &Path, tables: &[Table], program: &str, settings: &Value) -> Result<(), AnalysisError> {
    std::fs::create_dir_all(folder).map_err(|e| trouble(folder, &e))?;
    for table in tables {
        let file = |ending: &str| folder.join(format!("{}.{ending}", table.name));
        replace(&file("csv"), Kind::Csv, &table.to_csv(program, settings)?)?;
        replace(&file("parquet"), Kind::Parquet, &table.to_parquet(program, settings)?)?;
        replace(&file("json"), Kind::Json, table.to_json(program, settings).to_string().as_bytes())?;
    }
    Ok(())
}

fn trouble(path: &Path, error: &std::io::Error) -> AnalysisError {
    AnalysisError::Write { file: path.to_owned(), reason: error.to_string() }
}
