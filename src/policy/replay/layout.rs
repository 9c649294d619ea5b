//! Which arrays a replay needs, and the checks they must pass, whatever the format.

use super::{ReplayError, ReplayModel, ReplayWith};

/// What the model and the kind of replay ask of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want<'a> {
    pub(super) with: ReplayWith,
    pub(super) model: &'a ReplayModel,
}

/// The arrays a replay knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Ctrl,
    Qpos,
    Qvel,
    Act,
    Warmstart,
    MocapPos,
    MocapQuat,
    Time,
    TreeAsleep,
    QaccSmooth,
    ActDot,
}

impl Field {
    /// Controls first: the rows of the others are measured against theirs.
    const ALL: [Self; 11] = [
        Self::Ctrl,
        Self::Qpos,
        Self::Qvel,
        Self::Act,
        Self::Warmstart,
        Self::MocapPos,
        Self::MocapQuat,
        Self::Time,
        Self::TreeAsleep,
        Self::QaccSmooth,
        Self::ActDot,
    ];

    /// Its names in a file, the usual one first.
    pub(super) fn names(self, want: &Want<'_>) -> &'static [&'static str] {
        match self {
            Self::Ctrl if want.model.maps_actions => &["ctrl"],
            Self::Ctrl => &["ctrl", "actions"],
            Self::Qpos => &["qpos"],
            Self::Qvel => &["qvel"],
            Self::Act => &["act"],
            Self::Warmstart => &["qacc_warmstart"],
            Self::MocapPos => &["mocap_pos"],
            Self::MocapQuat => &["mocap_quat"],
            Self::Time => &["time"],
            // Of a model that does not sleep these say nothing.
            Self::TreeAsleep | Self::QaccSmooth | Self::ActDot if want.model.ntree == 0 => &[],
            Self::TreeAsleep => &["tree_asleep"],
            Self::QaccSmooth => &["qacc_smooth"],
            Self::ActDot => &["act_dot"],
        }
    }

    /// Whether its numbers may be integers.
    pub(super) fn is_whole(self) -> bool {
        self == Self::TreeAsleep
    }

    fn width(self, want: &Want<'_>) -> Width {
        match self {
            Self::Ctrl => Width::Of("nu", want.model.nu),
            Self::Qpos => Width::Of("nq", want.model.nq),
            Self::Qvel | Self::Warmstart | Self::QaccSmooth => Width::Of("nv", want.model.nv),
            Self::TreeAsleep => Width::Of("ntree", want.model.ntree),
            Self::Act | Self::ActDot => Width::Of("na", want.model.na),
            Self::MocapPos => Width::Each(3),
            Self::MocapQuat => Width::Each(4),
            Self::Time => Width::Of("1", 1),
        }
    }

    fn needed(self, want: &Want<'_>) -> bool {
        match (self, want.with) {
            (Self::Ctrl, _) => want.model.nu > 0,
            (Self::Qpos | Self::Qvel, ReplayWith::States) => true,
            (Self::Act, ReplayWith::States) => want.model.na > 0,
            _ => false,
        }
    }
}

/// How many numbers a row has.
#[derive(Debug, Clone, Copy)]
enum Width {
    /// A size of the model.
    Of(&'static str, usize),
    /// So many for each mocap body, of which the file alone knows the number.
    Each(usize),
}

impl Width {
    fn expected(self) -> String {
        match self {
            Self::Of("1", _) => "(rows,)".to_owned(),
            Self::Of(size, n) => format!("(rows, {n}), as the model has {size} = {n}"),
            Self::Each(k) => format!("(rows, nmocap, {k})"),
        }
    }

    /// Numbers per row of an array of that shape, if it fits.
    fn of(self, shape: &[usize]) -> Option<usize> {
        match (self, shape) {
            (Self::Of(_, n), [_, w]) if *w == n => Some(n),
            (Self::Of(_, 1), [_]) => Some(1),
            (Self::Each(k), [_, bodies, w]) if *w == k => bodies.checked_mul(k),
            (Self::Each(k), [_, w]) if w % k == 0 => Some(*w),
            _ => None,
        }
    }
}

/// An array as found in the file.
#[derive(Debug)]
pub(super) struct Found {
    /// Its name, with its group.
    pub(super) path: String,
    pub(super) shape: Vec<usize>,
    /// The type where it is not one that is accepted.
    pub(super) wrong_type: Option<String>,
}

/// An array that passed the checks.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) field: Field,
    pub(super) path: String,
    pub(super) shape: Vec<usize>,
    /// Its first number in a row, and how many there are of it.
    pub(super) from: usize,
    pub(super) width: usize,
}

/// Arrays with rows for the same steps: an .npz, the root of an HDF5 file, or one group of it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    /// Control steps.
    pub(super) rows: usize,
}

/// The types accepted for all arrays but the offsets.
pub(super) const FLOATS: &str = "float32 or float64";

/// A shape as numpy prints it.
pub(super) fn shape_text(shape: &[usize]) -> String {
    match shape {
        [n] => format!("({n},)"),
        _ => format!("({})", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Finds and checks the arrays of one table. `group` is put before the names in messages; `find` looks
/// an array up, `list` tells what is there.
pub(super) fn table(
    file: &str,
    group: &str,
    want: &Want<'_>,
    find: impl Fn(Field) -> Result<Option<Found>, ReplayError>,
    list: impl Fn() -> Vec<String>,
) -> Result<Table, ReplayError> {
    let mut columns = Vec::new();
    for field in Field::ALL {
        let width = field.width(want);
        match find(field)? {
            Some(found) => columns.push(column(file, field, width, found)?),
            None if field.needed(want) => return Err(missing(file, group, field, width, want, list())),
            None => {}
        }
    }
    let rows = rows(file, &columns)?;
    // An array without columns, such as act of a model without activations, says nothing.
    columns.retain(|c| c.width > 0 || c.field == Field::Ctrl);
    Ok(Table { columns, rows })
}

fn missing(file: &str, group: &str, field: Field, width: Width, want: &Want<'_>, found: Vec<String>) -> ReplayError {
    let fix = match (field, want.with) {
        (Field::Ctrl, _) if want.model.maps_actions => {
            "add the controls that the actuators get, named ctrl: the task makes them of its actions"
        }
        (Field::Ctrl, _) => "add the controls, named ctrl or actions",
        (Field::Act, _) => "add the activations, or replay controls alone (--replay-with controls)",
        _ => "add it, or replay controls alone (--replay-with controls), which needs ctrl",
    };
    ReplayError::Missing {
        file: file.to_owned(),
        array: format!("{group}{}", field.names(want)[0]),
        expected: width.expected(),
        found: if found.is_empty() { "nothing".to_owned() } else { found.join(", ") },
        fix: fix.to_owned(),
    }
}

fn column(file: &str, field: Field, width: Width, found: Found) -> Result<Column, ReplayError> {
    let Found { path, shape, wrong_type } = found;
    if let Some(found) = wrong_type {
        return Err(ReplayError::DType { file: file.to_owned(), array: path, found, expected: FLOATS });
    }
    let size = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    match width.of(&shape) {
        Some(width) if size.is_some() => Ok(Column { field, path, shape, from: 0, width }),
        _ => Err(ReplayError::Shape {
            file: file.to_owned(),
            array: path,
            found: shape_text(&shape),
            expected: width.expected(),
            fix: "use a file of the same model, with one row per step".to_owned(),
        }),
    }
}

/// The number of control steps. The other arrays may have one row more: the state after the last one.
fn rows(file: &str, columns: &[Column]) -> Result<usize, ReplayError> {
    let ctrl = columns.iter().find(|c| c.field == Field::Ctrl);
    let mut states = columns.iter().filter(|c| c.field != Field::Ctrl);
    let first = states.next();
    if let Some(first) = first {
        if let Some(other) = states.find(|c| c.shape[0] != first.shape[0]) {
            return Err(ReplayError::Rows {
                file: file.to_owned(),
                array: other.path.clone(),
                rows: other.shape[0],
                expected: format!("{} as {} has", first.shape[0], first.path),
                fix: "store one row per state in each of them".to_owned(),
            });
        }
        if let Some(ctrl) = ctrl {
            let (t, n) = (ctrl.shape[0], first.shape[0]);
            if n != t && n.checked_sub(1) != Some(t) {
                return Err(ReplayError::Rows {
                    file: file.to_owned(),
                    array: ctrl.path.clone(),
                    rows: t,
                    expected: format!("{n} as {} has, or {}", first.path, n.saturating_sub(1)),
                    fix: "store one row of controls per state (the last state may go without)".to_owned(),
                });
            }
        }
    }
    Ok(ctrl.or(first).map_or(0, |c| c.shape[0]))
}

/// Arrays that say of every row whether an episode ends with it, as D4RL and Gymnasium name them.
pub(super) const ENDS: [&str; 5] = ["terminals", "timeouts", "terminations", "truncations", "dones"];

/// Whether an episode ends with each row, by an array that holds 0 and 1 alone.
pub(super) fn ends_of(file: &str, array: &str, numbers: Vec<f64>) -> Result<Vec<bool>, ReplayError> {
    let strange = numbers.iter().position(|x| *x != 0.0 && *x != 1.0);
    match strange {
        None => Ok(numbers.into_iter().map(|x| x == 1.0).collect()),
        Some(row) => Err(ReplayError::End { file: file.to_owned(), array: array.to_owned(), row, value: numbers[row] }),
    }
}

/// Refuses ends that `episode_offsets` does not have.
pub(super) fn check_agree(file: &str, rows: usize, offsets: &[i64], ends: &[Vec<bool>]) -> Result<(), ReplayError> {
    let lost = cut(rows, ends).into_iter().find(|end| !offsets.contains(end));
    match lost.filter(|_| !ends.is_empty()) {
        None => Ok(()),
        Some(row) => Err(ReplayError::Offsets {
            file: file.to_owned(),
            problem: format!("has no episode that begins with row {row}, where another array ends one"),
            rows,
        }),
    }
}

/// First rows of the episodes that end where any of the arrays says so, and the number of rows at the end.
pub(super) fn cut(rows: usize, ends: &[Vec<bool>]) -> Vec<i64> {
    let last = (0..rows).filter(|row| ends.iter().any(|ends| ends[*row]));
    let mut offsets: Vec<i64> = std::iter::once(0).chain(last.map(|row| row as i64 + 1)).collect();
    if offsets.last() != Some(&(rows as i64)) {
        offsets.push(rows as i64);
    }
    offsets
}

/// Refuses an array of ends that does not have a row for every step.
pub(super) fn check_ends(file: &str, array: &str, shape: &[usize], rows: usize) -> Result<(), ReplayError> {
    match shape {
        [n] | [n, 1] if *n == rows => Ok(()),
        _ => Err(ReplayError::Shape {
            file: file.to_owned(),
            array: array.to_owned(),
            found: shape_text(shape),
            expected: format!("({rows},), as there are steps"),
            fix: "store for every step whether an episode ends with it, or leave the array out".to_owned(),
        }),
    }
}

/// The states of robosuite, robomimic and LIBERO: time, qpos, qvel and, in some files, act in one array.
pub(super) fn flattened(file: &str, found: Found, want: &Want<'_>) -> Result<Table, ReplayError> {
    let plain = 1 + want.model.nq + want.model.nv;
    let Found { path, shape, wrong_type } = found;
    let file = || file.to_owned();
    if want.with == ReplayWith::Controls {
        return Err(ReplayError::Missing {
            file: file(),
            array: "ctrl".to_owned(),
            expected: Width::Of("nu", want.model.nu).expected(),
            found: path,
            fix: "its actions are those of a controller; replay its states (--replay-with states)".to_owned(),
        });
    }
    if let Some(found) = wrong_type {
        return Err(ReplayError::DType { file: file(), array: path, found, expected: FLOATS });
    }
    let act = match shape[..] {
        [_, n] if n == plain && want.model.na == 0 => 0,
        [_, n] if n == plain + want.model.na => want.model.na,
        _ => {
            let n = plain + want.model.na;
            let act = if want.model.na > 0 { " + na" } else { "" };
            return Err(ReplayError::Shape {
                file: file(),
                array: path,
                found: shape_text(&shape),
                expected: format!("(rows, {n}), as the model has 1 + nq + nv{act} = {n}"),
                fix: "record the model that the file's attribute model_file holds".to_owned(),
            });
        }
    };
    let mut from = 0;
    let parts = [(Field::Time, 1), (Field::Qpos, want.model.nq), (Field::Qvel, want.model.nv), (Field::Act, act)];
    let columns = parts.into_iter().filter(|(_, width)| *width > 0).map(|(field, width)| {
        let column = Column { field, path: path.clone(), shape: shape.clone(), from, width };
        from += width;
        column
    });
    Ok(Table { columns: columns.collect(), rows: shape[0] })
}

/// Start and length of each episode of a table that holds several.
pub(super) fn episodes(file: &str, table: &Table, offsets: &[i64]) -> Result<Vec<(usize, usize)>, ReplayError> {
    let wrong = |problem: String| Err(ReplayError::Offsets { file: file.to_owned(), problem, rows: table.rows });
    // A row without controls at the end of each episode has no place in arrays that share one offset.
    if let Some(longer) = table.columns.iter().find(|c| c.shape[0] != table.rows) {
        return Err(ReplayError::Rows {
            file: file.to_owned(),
            array: longer.path.clone(),
            rows: longer.shape[0],
            expected: format!("{} as the controls have", table.rows),
            fix: "with episode_offsets all arrays have the same rows; leave out the last state of each episode"
                .to_owned(),
        });
    }
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
        return wrong("is empty".to_owned());
    };
    if *first != 0 {
        return wrong(format!("starts with {first}, expected 0"));
    }
    if let Some(i) = offsets.windows(2).position(|w| w[1] < w[0]) {
        return wrong(format!("falls from {} to {} at entry {}", offsets[i], offsets[i + 1], i + 1));
    }
    if usize::try_from(*last) != Ok(table.rows) {
        return wrong(format!("ends with {last}, expected {}", table.rows));
    }
    // From 0, rising, and ending with a usize: every entry fits.
    Ok(offsets.windows(2).map(|w| (w[0] as usize, (w[1] - w[0]) as usize)).collect())
}
