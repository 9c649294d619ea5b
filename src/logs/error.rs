//! What can be wrong with a log or with its map.

/// One line with the file, the field in it, what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {field}: {problem}: {fix}")]
pub struct LogError {
    /// The log, a file in it, or the map.
    pub file: String,
    /// A column, a table of the map, an episode.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl LogError {
    /// An error of a field in a file.
    pub(crate) fn new(file: impl ToString, field: impl ToString, problem: impl ToString, fix: impl ToString) -> Self {
        let one_line = |text: String| text.lines().map(str::trim).collect::<Vec<_>>().join(", ");
        Self {
            file: file.to_string(),
            field: field.to_string(),
            problem: one_line(problem.to_string()),
            fix: fix.to_string(),
        }
    }
}
