//! What a model is compared with: a digest that somebody else made.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::bounded;
use crate::task::TaskError;

/// Sections that a digest must have.
const SECTIONS: [&str; 6] = ["sizes", "opt", "stat", "vis", "names", "arrays"];

/// Hexadecimal digits of a hash that are enough to compare.
pub(super) const DIGITS: usize = 16;

/// A digest by path, such as `opt.timestep`; an array as one text, `float64[3,2] HASH`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// The MuJoCo version it was made with.
    pub mujoco: String,
    pub(super) leaves: BTreeMap<String, Value>,
}

/// The references that are part of the program: see `about` in the file, and tests/reference/digests.py.
#[derive(Deserialize)]
struct Document {
    mujoco: String,
    tasks: Vec<String>,
    fields: BTreeMap<String, Column>,
}

/// The distinct values of a field, and a letter per task that says which of them it has.
#[derive(Deserialize)]
#[serde(untagged)]
enum Column {
    Same(([Value; 1],)),
    Each(Vec<Value>, String),
}

impl Reference {
    /// What the suite itself has for the task `name` of the catalogue, if the program knows it.
    pub fn builtin(name: &str) -> Option<Self> {
        static DOCUMENTS: LazyLock<Vec<Document>> = LazyLock::new(|| {
            let files = [
                ("playground", include_str!("../../../assets/playground.digests.json")),
                ("gymnasium", include_str!("../../../assets/gymnasium.digests.json")),
                ("dm_control", include_str!("../../../assets/dm_control.digests.json")),
                ("menagerie", include_str!("../../../assets/menagerie.digests.json")),
            ];
            // Part of the program, not of its input; a test reads all of them.
            let read = |(suite, text)| {
                serde_json::from_str(text).unwrap_or_else(|e| panic!("assets/{suite}.digests.json: {e}"))
            };
            files.into_iter().map(read).collect()
        });
        let (document, i) = DOCUMENTS.iter().find_map(|d| Some((d, d.tasks.iter().position(|t| t == name)?)))?;
        let value = |column: &Column| match column {
            Column::Same(([value],)) => Some(value.clone()),
            Column::Each(values, which) => values.get(index(*which.as_bytes().get(i)?)?).cloned(),
        };
        let leaves = document.fields.iter().map(|(path, column)| Some((path.clone(), value(column)?)));
        Some(Self { mujoco: document.mujoco.clone(), leaves: leaves.collect::<Option<_>>()? })
    }

    /// A size of the model, such as `nv`.
    pub fn size(&self, name: &str) -> Option<usize> {
        self.leaves.get(&format!("sizes.{name}"))?.as_u64()?.try_into().ok()
    }

    /// The physics time step, s.
    pub fn timestep(&self) -> Option<f64> {
        self.leaves.get("opt.timestep")?.as_f64()
    }

    /// Reads the digest of the task `name` as `dynsparse tasks digest NAME --json` writes it.
    ///
    /// # Errors
    /// [`TaskError::File`] when it cannot be read, is no digest, or is that of another task.
    pub fn read(path: &Path, name: &str) -> Result<Self, TaskError> {
        let refuse = |reason: String| TaskError::File { file: path.to_owned(), reason };
        let text = bounded::read_text(path).map_err(|e| refuse(e.to_string()))?;
        let tree: Value = serde_json::from_str(&text).map_err(|e| refuse(format!("is not JSON: {e}")))?;
        let no_digest = |what: &str| {
            refuse(format!("has no \"{what}\", so it is no digest; `dynsparse tasks digest {name} --json` makes one"))
        };
        let word = |key: &str| tree.get(key).and_then(Value::as_str).ok_or_else(|| no_digest(key));
        let task = word("task")?;
        if task != name {
            return Err(refuse(format!("is the digest of {task}, not of {name}")));
        }
        if let Some(section) = SECTIONS.iter().find(|s| !tree.get(s).is_some_and(Value::is_object)) {
            return Err(no_digest(section));
        }
        let leaves =
            leaves(&tree).map_err(|at| refuse(format!("{at} is no array's digest: give dtype, shape, sha256")))?;
        Ok(Self { mujoco: word("mujoco")?.to_owned(), leaves })
    }
}

/// The number that a letter stands for: 0-9, a-z, A-Z.
fn index(letter: u8) -> Option<usize> {
    let i = match letter {
        b'0'..=b'9' => letter - b'0',
        b'a'..=b'z' => letter - b'a' + 10,
        b'A'..=b'Z' => letter - b'A' + 36,
        _ => return None,
    };
    Some(i.into())
}

/// Every value of a digest under its path, but for what identifies it. The error is a path.
pub(super) fn leaves(tree: &Value) -> Result<BTreeMap<String, Value>, String> {
    fn visit(tree: &Value, path: &str, out: &mut BTreeMap<String, Value>) -> Result<(), String> {
        for (key, value) in tree.as_object().into_iter().flatten() {
            let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if path == "arrays" {
                let text = array(value).ok_or_else(|| at.clone())?;
                out.insert(at, Value::String(text));
            } else if value.is_object() {
                visit(value, &at, out)?;
            } else if !["task", "mujoco", "missing_in_python_binding"].contains(&at.as_str()) {
                out.insert(at, value.clone());
            }
        }
        Ok(())
    }
    let mut out = BTreeMap::new();
    visit(tree, "", &mut out)?;
    Ok(out)
}

/// An array's digest as one text.
fn array(value: &Value) -> Option<String> {
    let shape: Vec<String> =
        value.get("shape")?.as_array()?.iter().map(|n| n.as_u64().map(|n| n.to_string())).collect::<Option<_>>()?;
    let hash = value.get("sha256")?.as_str().filter(|h| h.len() >= DIGITS)?;
    Some(format!("{}[{}] {hash}", value.get("dtype")?.as_str()?, shape.join(",")))
}
