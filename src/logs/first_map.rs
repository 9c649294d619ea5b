//! A first map: what the names of a log and of a model say, and `TODO` for what they do not.

use std::fmt::Write as _;
use std::path::Path;

use super::map::{TODO, key};
use super::{Log, LogArray, LogError};
use crate::kinematics::JointKind;
use crate::physics::{Joint, Model};

/// Arrays of these names are commands, not measurements.
const COMMANDS: [&str; 10] =
    ["action", "actions", "ctrl", "cmd", "command", "commands", "control", "controls", "target", "targets"];

/// Columns of these names are time stamps.
const TIMES: [&str; 6] = ["timestamp", "time", "t", "stamp", "times", "timestamps"];

/// A map that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstMap {
    /// Its TOML.
    pub toml: String,
    /// What was found, and what is missing, a line each.
    pub notes: Vec<String>,
    /// How many values are still TODO.
    pub todo: usize,
}

/// A map of a log onto a model, from the names in both.
///
/// # Errors
/// [`LogError`] for what is no log.
pub fn first_map(path: &Path, model: &Model, model_name: &str) -> Result<FirstMap, LogError> {
    let log = Log::open(path, &|_| true)?;
    let mut out = Writer { log: &log, model, toml: String::new(), notes: log.notes.clone(), todo: 0 };
    let rows: usize = log.episodes.iter().map(|e| e.rows).sum();
    let about = format!("{}: {}, {} episodes, {rows} rows", log.file, log.layout, log.episodes.len());
    out.notes.insert(0, about.clone());
    let columns: Vec<String> = log.arrays.iter().flat_map(LogArray::columns).collect();
    out.comment(&format!("What the columns of a log are to {model_name}. {about}."));
    out.comment(&format!("Columns: {}", columns.join(", ")));
    out.comment("A value that is TODO must be filled in before anything is recorded.");
    out.line("keyframe", &text("qpos0"), "where joints are that are not measured: qpos0 or a keyframe of the model");
    out.time();
    out.velocity();
    for (joint, name) in model.joints().zip(&model.names().joint) {
        out.joint(name, &joint);
    }
    for name in &model.names().ctrl {
        out.actuator(name);
    }
    Ok(FirstMap { toml: out.toml, notes: out.notes, todo: out.todo })
}

struct Writer<'a> {
    log: &'a Log,
    model: &'a Model,
    toml: String,
    notes: Vec<String>,
    todo: usize,
}

fn text(value: &str) -> String {
    toml::Value::from(value).to_string()
}

/// A name without what differs by habit: case, marks, `joint`, `pos`, a leading `k`.
fn plain(name: &str) -> String {
    let mut name = name;
    if let Some(rest) = name.strip_prefix('k').filter(|rest| rest.starts_with(char::is_uppercase)) {
        name = rest;
    }
    let lower = name.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let letters: String = parts.filter(|p| !["joint", "pos", "position", "q", "motor"].contains(p)).collect();
    let letters = letters.strip_prefix("joint").unwrap_or(&letters);
    letters.strip_suffix("joint").unwrap_or(letters).to_owned()
}

impl Writer<'_> {
    fn comment(&mut self, text: &str) {
        let _ = writeln!(self.toml, "# {}", text.replace(['\n', '\r'], " "));
    }

    fn table(&mut self, name: &str) {
        let _ = writeln!(self.toml, "\n[{name}]");
    }

    fn line(&mut self, name: &str, value: &str, comment: &str) {
        let comment =
            if comment.is_empty() { String::new() } else { format!(" # {}", comment.replace(['\n', '\r'], " ")) };
        let _ = writeln!(self.toml, "{name} = {value}{comment}");
    }

    fn todo(&mut self, table: &str, name: &str, comment: &str) {
        self.todo += 1;
        self.notes.push(format!("missing: [{table}] {name}: {comment}"));
        self.line(name, &text(TODO), comment);
    }

    fn time(&mut self) {
        self.table("time");
        let stamp = self.log.arrays.iter().find(|a| a.width == 1 && TIMES.contains(&a.name.to_lowercase().as_str()));
        let Some(name) = stamp.map(|a| a.name.clone()) else {
            self.todo("time", "column", "the column of time stamps, or none where rows are evenly 1 / rate apart");
            self.line("unit", &text("s"), "s, ms, us or ns; leave it out where column is none");
            self.rate(None);
            return;
        };
        self.line("column", &text(&name), "");
        let mut steps = Vec::new();
        for episode in 0..self.log.episodes.len() {
            let column = self.log.column(&name, "time", "map").and_then(|c| self.log.values(episode, c));
            steps.extend(column.unwrap_or_default().windows(2).map(|t| t[1] - t[0]));
        }
        let median = super::noise::median(&mut steps);
        if LIKELY.contains(&median) {
            self.line("unit", &text("s"), &format!("rows are {median:.6} apart in the median"));
            self.rate(Some(median));
        } else {
            self.todo("time", "unit", &format!("s, ms, us or ns; rows are {median} apart in the median"));
            self.rate(None);
        }
    }

    fn rate(&mut self, step: Option<f64>) {
        match step {
            Some(step) => {
                let rate = 1.0 / step;
                // What a logger was set to, where time stamps are rounded.
                let whole = rate.round();
                let rate = if (rate / whole - 1.0).abs() < 1e-3 { whole } else { rate };
                let substeps = (step / self.model.timestep()).round().max(1.0);
                self.line("rate", &format!("{rate:?}"), "rows a second; a row of the recording lasts 1 / rate");
                let comment = format!(
                    "physics steps a row, of {:.6} s (the model's own is {} s)",
                    step / substeps,
                    self.model.timestep()
                );
                self.line("substeps", &format!("{substeps}"), &comment);
                self.line("max_gap", &format!("{:?}", 2.5 / rate), "the longest time between two rows, s");
            }
            None => {
                self.todo("time", "rate", "rows a second; a row of the recording lasts 1 / rate");
                self.todo(
                    "time",
                    "substeps",
                    &format!("physics steps a row; the model's own are {} s", self.model.timestep()),
                );
                self.todo("time", "max_gap", "the longest time between two rows, s");
            }
        }
        self.line("rows", &text("logged"), "logged: at the log's own times; resampled: evenly, rate a second");
        self.line("interpolation", &text("linear"), "linear or cubic, for what lies between two samples");
    }

    fn velocity(&mut self) {
        self.table("velocity");
        self.comment(
            "How velocities come that no column measures: the slope of a polynomial through the samples around.",
        );
        self.line("filter", &text("savitzky-golay"), "");
        self.line("window", "9", "samples, odd");
        self.line("order", "3", "of the polynomial");
    }

    /// The columns whose name is that of a joint or actuator, commands or not.
    fn matching(&self, name: &str, commands: bool) -> Vec<String> {
        let is_command = |array: &str| {
            array.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).any(|part| COMMANDS.contains(&part))
        };
        let mut found = Vec::new();
        for array in self.log.arrays.iter().filter(|a| is_command(&a.name) == commands) {
            for (entry, column) in array.columns().into_iter().enumerate() {
                let label = array.labels.get(entry).unwrap_or(&array.name);
                if plain(label) == plain(name) {
                    found.push(column);
                }
            }
        }
        let exact: Vec<String> = found.iter().filter(|c| c.contains(&format!("[{name}"))).cloned().collect();
        if exact.len() == 1 { exact } else { found }
    }

    /// How many numbers of a column there are, and between what.
    fn extent(&self, column: &str) -> String {
        let Ok(at) = self.log.column(column, "", "map") else { return String::new() };
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for episode in 0..self.log.episodes.len() {
            for x in self.log.values(episode, at).unwrap_or_default() {
                least = least.min(x);
                most = most.max(x);
            }
        }
        format!("{least:.4} to {most:.4}")
    }

    fn joint(&mut self, name: &str, joint: &Joint) {
        let table = format!("joint.{}", key(name));
        self.table(&table);
        if !joint.is_scalar() {
            let kind = format!("{:?}", joint.kind).to_lowercase();
            let position = if joint.kind == JointKind::Free { "position (3 columns, m), " } else { "" };
            let comment = format!(
                "\"keyframe\", or instead of value: {position}orientation (4 columns) and order of this {kind} joint"
            );
            self.todo(&table, "value", &comment);
            return;
        }
        let limit = self.model.joint_limits().find(|l| l.dof == joint.dof).map(|l| l.range);
        let unit = if joint.kind == JointKind::Hinge { "rad" } else { "m" };
        let range = limit.map_or("none".to_owned(), |[a, b]| format!("{a:.4} to {b:.4} {unit}"));
        let found = self.matching(name, false);
        match &found[..] {
            [column] => {
                self.line("column", &text(column), "");
                let units = if unit == "rad" { "rad, deg" } else { "m, mm" };
                let comment = format!(
                    "{units}, normalised (-100..100), percent or fraction; it runs from {}, the model's range is {range}",
                    self.extent(column)
                );
                self.todo(&table, "unit", &comment);
                if let Some([low, high]) = limit {
                    self.comment(&format!(
                        "range = [{low:?}, {high:?}] # of normalised, percent and fraction, in {unit}"
                    ));
                }
                self.line("sign", "1", "position = sign * scale * x + offset, with x in rad or m");
                self.line("scale", "1.0", "");
                self.line("offset", "0.0", unit);
            }
            several => {
                let hint = if several.is_empty() { self.by_number(joint.dof) } else { several.join(" or ") };
                let comment = format!(
                    "a column ({hint}) with unit; or instead: value = \"keyframe\" or a number in {unit}, or follow and polynomial; \
                     the model's range is {range}"
                );
                self.todo(&table, "column", &comment);
            }
        }
    }

    /// Columns that have this place in arrays as long as the model has dofs.
    fn by_number(&self, dof: usize) -> String {
        let fits = self.log.arrays.iter().filter(|a| a.width == self.model.nv() && a.width > 1);
        let found: Vec<String> = fits.filter_map(|a| a.columns().into_iter().nth(dof)).collect();
        if found.is_empty() {
            "none has its name".to_owned()
        } else {
            format!("none has its name; by number {}", found.join(", "))
        }
    }

    fn actuator(&mut self, name: &str) {
        let table = format!("actuator.{}", key(name));
        self.table(&table);
        let found = self.matching(name, true);
        self.todo(
            &table,
            "kind",
            "position, velocity or torque of a column; hold where the joint is; value, always the same",
        );
        match &found[..] {
            [column] => {
                self.line("column", &text(column), &format!("it runs from {}", self.extent(column)));
                self.todo(
                    &table,
                    "unit",
                    "as of joints; Nm or N of torques; leave out column and unit for hold and value",
                );
            }
            several => {
                let hint = if several.is_empty() { "no command has its name".to_owned() } else { several.join(" or ") };
                self.comment(&format!("column and unit of what was commanded ({hint}); none for hold and value"));
            }
        }
    }
}

/// Times between two rows that are seconds, most likely.
const LIKELY: std::ops::RangeInclusive<f64> = 1e-4..=0.5;

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn habits_of_naming_do_not_count() {
        for (log, model) in [
            ("shoulder_pan.pos", "shoulder_pan"),
            ("kLeftShoulderPitch", "left_shoulder_pitch_joint"),
            ("LeftElbow", "left_elbow_joint"),
            ("joint_3", "joint3"),
            ("gripper.pos", "Gripper"),
        ] {
            assert_eq!(plain(log), plain(model), "{log}");
        }
        assert_ne!(plain("joint_3"), plain("joint_2"));
        assert_ne!(plain("left_elbow"), plain("right_elbow"));
    }
}
