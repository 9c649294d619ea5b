//! What can be wrong with a file of trajectories.

/// An error of a replay file. Every message is one line with the file, the array and what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// The file is not there or cannot be read at all.
    #[error("{file}: cannot be read: {message}")]
    File {
        /// The file.
        file: String,
        /// Why not.
        message: String,
    },
    /// The content is of another format.
    #[error("{file}: is neither an HDF5 file nor an .npz archive: write it with h5py or numpy.savez")]
    Format {
        /// The file.
        file: String,
    },
    /// The HDF5 or .npz library cannot make sense of it.
    #[error("{file}: {what} cannot be read ({message}): the file may be cut short or damaged, write it again")]
    Damaged {
        /// The file.
        file: String,
        /// The part of it.
        what: String,
        /// The library's words, on one line.
        message: String,
    },
    /// An array that says more of itself than the file can hold.
    #[error("{file}: array {array} {message}: write the file again")]
    Size {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// What is wrong.
        message: String,
    },
    /// An array that the replay needs is not there.
    #[error("{file}: there is no array {array}, expected with shape {expected}; it has {found}: {fix}")]
    Missing {
        /// The file.
        file: String,
        /// The array, with its group.
        array: String,
        /// The shape it should have.
        expected: String,
        /// The arrays and groups that are there.
        found: String,
        /// What to do.
        fix: String,
    },
    /// An array of the wrong type.
    #[error("{file}: array {array} holds {found}, expected {expected}: convert it with .astype before you save it")]
    DType {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// Its type.
        found: String,
        /// The types that are accepted.
        expected: &'static str,
    },
    /// An array of the wrong shape.
    #[error("{file}: array {array} has shape {found}, expected {expected}: {fix}")]
    Shape {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// Its shape.
        found: String,
        /// The shape it should have.
        expected: String,
        /// What to do.
        fix: String,
    },
    /// Two arrays that do not have rows for the same steps.
    #[error("{file}: array {array} has {rows} rows, expected {expected}: {fix}")]
    Rows {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// Its rows.
        rows: usize,
        /// The rows it should have, and the array that says so.
        expected: String,
        /// What to do.
        fix: String,
    },
    /// `episode_offsets` does not cut the rows into episodes.
    #[error(
        "{file}: array episode_offsets {problem}: give the first row of every episode, from 0, and the number of rows ({rows}) at the end"
    )]
    Offsets {
        /// The file.
        file: String,
        /// What is wrong, with the entry.
        problem: String,
        /// Rows of the controls.
        rows: usize,
    },
    /// A NaN or infinite number.
    #[error(
        "{file}: array {array} holds {value} at row {row}, column {col}: replay needs finite numbers, mend the row or cut it out"
    )]
    NotFinite {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// Its row, from 0.
        row: usize,
        /// Its column, from 0.
        col: usize,
        /// The number.
        value: f64,
    },
    /// A fraction where which trees sleep is told.
    #[error(
        "{file}: array {array} holds {value} at row {row}, column {col}: store mjData.tree_asleep as it is, in whole numbers"
    )]
    NoTree {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// Its row, from 0.
        row: usize,
        /// Its column, from 0.
        col: usize,
        /// The number.
        value: f64,
    },
    /// Neither 0 nor 1 where a row says whether an episode ends with it.
    #[error("{file}: array {array} holds {value} at row {row}, expected 0 or 1: store 1 where an episode ends, else 0")]
    End {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// Its row, from 0.
        row: usize,
        /// The number.
        value: f64,
    },
    /// A quaternion that is no rotation.
    #[error(
        "{file}: array {array} holds a quaternion of length {norm} at row {row}, from column {col}: it is no rotation, mend the row or cut it out"
    )]
    NoRotation {
        /// The file.
        file: String,
        /// The array.
        array: String,
        /// Its row, from 0.
        row: usize,
        /// The column of its first number, from 0.
        col: usize,
        /// Its length.
        norm: f64,
    },
    /// Not one control step in the whole file.
    #[error("{file}: has no control steps, expected one row in {array} or more: record the trajectory again")]
    Empty {
        /// The file.
        file: String,
        /// The array that is empty.
        array: String,
    },
    /// An episode that the file does not have.
    #[error("{file}: there is no episode {episode}, it has {episodes}: ask for fewer episodes")]
    Episode {
        /// The file.
        file: String,
        /// The episode asked for, from 0.
        episode: usize,
        /// Number of episodes.
        episodes: usize,
    },
    /// Not the file the settings were written for.
    #[error("{file}: has SHA-256 {found}, expected {expected}: restore the file, or change sha256 in the settings")]
    Sha256 {
        /// The file.
        file: String,
        /// The sum in the settings.
        expected: String,
        /// The sum of the file.
        found: String,
    },
}
