//! Changes of a compiled model, as data.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use mujoco_rs::mujoco_c::{mjtDisableBit, mjtObj};
use serde::{Deserialize, Serialize};

use super::arrays::{Array, Element, Owner, Role, arrays, settings};
use super::{Model, PhysicsError};

/// One change of a compiled model. Nothing is derived from it anew (no mj_setConst), as Playground edits its
/// models. At most one of `object`, `rows` and `matching` picks rows; without them all rows are set.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ModelEdit {
    /// An array of mjModel, such as `dof_damping`, or a setting, such as `opt.timestep` and
    /// `vis.global.offwidth`.
    pub field: String,
    /// The row, by the name of its object (for dof arrays the joint's, which must have one dof).
    #[serde(default)]
    pub object: Option<String>,
    /// The rows, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
    /// The rows where another array has a value; that array has as many rows and one column.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub matching: Option<Matching>,
    /// The column; None: all columns.
    #[serde(default)]
    pub column: Option<usize>,
    /// The new value.
    pub value: EditValue,
}

/// Rows `[first, end)`.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// The first row.
    #[serde(default)]
    pub first: usize,
    /// The row behind the last; None: to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<usize>,
}

/// A condition on rows.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// An array of mjModel, such as `geom_dataid`.
    pub field: String,
    /// What it must hold.
    pub equals: EditValue,
}

/// A number, or the number of an object that a name stands for.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum EditValue {
    /// The number itself.
    Number(#[serde(with = "dynsparse_base::number")] f64),
    /// The id of an object.
    Id(ObjectName),
}

/// An object of the model by kind and name.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ObjectName {
    /// The kind.
    pub kind: ObjectKind,
    /// The name.
    pub name: String,
}

/// Kinds of objects that have names.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ObjectKind {
    Body,
    Joint,
    Geom,
    Site,
    Camera,
    Light,
    Mesh,
    Hfield,
    Texture,
    Material,
    Equality,
    Tendon,
    Actuator,
    Sensor,
    Keyframe,
}

impl ObjectKind {
    /// MuJoCo's number of the kind.
    pub(super) fn mujoco(self) -> mjtObj {
        match self {
            Self::Body => mjtObj::mjOBJ_BODY,
            Self::Joint => mjtObj::mjOBJ_JOINT,
            Self::Geom => mjtObj::mjOBJ_GEOM,
            Self::Site => mjtObj::mjOBJ_SITE,
            Self::Camera => mjtObj::mjOBJ_CAMERA,
            Self::Light => mjtObj::mjOBJ_LIGHT,
            Self::Mesh => mjtObj::mjOBJ_MESH,
            Self::Hfield => mjtObj::mjOBJ_HFIELD,
            Self::Texture => mjtObj::mjOBJ_TEXTURE,
            Self::Material => mjtObj::mjOBJ_MATERIAL,
            Self::Equality => mjtObj::mjOBJ_EQUALITY,
            Self::Tendon => mjtObj::mjOBJ_TENDON,
            Self::Actuator => mjtObj::mjOBJ_ACTUATOR,
            Self::Sensor => mjtObj::mjOBJ_SENSOR,
            Self::Keyframe => mjtObj::mjOBJ_KEY,
        }
    }

    /// The kind for people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Joint => "joint",
            Self::Geom => "geom",
            Self::Site => "site",
            Self::Camera => "camera",
            Self::Light => "light",
            Self::Mesh => "mesh",
            Self::Hfield => "hfield",
            Self::Texture => "texture",
            Self::Material => "material",
            Self::Equality => "equality",
            Self::Tendon => "tendon",
            Self::Actuator => "actuator",
            Self::Sensor => "sensor",
            Self::Keyframe => "keyframe",
        }
    }
}

impl ModelEdit {
    /// Sets all of a field to a number.
    pub fn all(field: &str, value: f64) -> Self {
        Self {
            field: field.to_owned(),
            object: None,
            rows: None,
            matching: None,
            column: None,
            value: EditValue::Number(value),
        }
    }

    /// The same for the row of one object.
    pub fn of(field: &str, object: &str, value: f64) -> Self {
        Self { object: Some(object.to_owned()), ..Self::all(field, value) }
    }
}

/// `FIELD=VALUE`, `FIELD[COLUMN]=VALUE`, `FIELD@OBJECT=VALUE` or `FIELD[COLUMN]@OBJECT=VALUE`.
impl FromStr for ModelEdit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || format!("\"{text}\" is not FIELD=VALUE, such as geom_solref[0]=0.04 or dof_damping@hinge=1");
        let (place, value) = text.rsplit_once('=').ok_or_else(shape)?;
        let value = value.trim().parse().map_err(|_| format!("\"{text}\": {value:?} is not a number"))?;
        let (field, object) = match place.split_once('@') {
            Some((_, "")) => return Err(format!("\"{text}\": the name of an object must follow the @")),
            Some((field, object)) => (field, Some(object.to_owned())),
            None => (place, None),
        };
        let (field, column) = match field.strip_suffix(']').and_then(|f| f.split_once('[')) {
            Some((field, column)) => {
                let column =
                    column.parse().map_err(|_| format!("\"{text}\": {column:?} is not the number of a column"));
                (field, Some(column?))
            }
            None => (field, None),
        };
        if field.trim().is_empty() {
            return Err(shape());
        }
        Ok(Self { object, column, ..Self::all(field.trim(), value) })
    }
}

impl fmt::Display for ModelEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(column) = self.column {
            write!(f, "[{column}]")?;
        }
        if let Some(object) = &self.object {
            write!(f, "@{object}")?;
        }
        if let Some(Rows { first, end }) = self.rows {
            write!(f, " of rows {first}..{}", end.map_or_else(String::new, |e| e.to_string()))?;
        }
        if let Some(Matching { field, equals }) = &self.matching {
            write!(f, " where {field} is {equals}")?;
        }
        write!(f, "={}", self.value)
    }
}

impl fmt::Display for EditValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(x) => write!(f, "{x}"),
            Self::Id(ObjectName { kind, name }) => write!(f, "{} {name}", kind.word()),
        }
    }
}

impl Model {
    /// Applies an edit.
    ///
    /// # Errors
    /// [`PhysicsError::Edit`] for an unknown field, row or column or a value that its type cannot hold,
    /// [`PhysicsError::NoSuchName`] for an object, [`PhysicsError::Nonsense`] when the value leaves the model
    /// without meaning.
    pub fn set_field(&mut self, edit: &ModelEdit) -> Result<(), PhysicsError> {
        let refuse = |reason: String| PhysicsError::Edit { field: edit.field.clone(), reason };
        let array = self
            .fields()
            .into_iter()
            .find(|a| a.name == edit.field && a.role != Role::Fixed)
            .ok_or_else(|| refuse("it is not a field that can be set".to_owned()))?;
        let value = self.value(&edit.value)?;
        self.check_value(&array, value).map_err(refuse)?;
        let rows = self.rows(&array, edit)?;
        let columns = match edit.column {
            None => 0..array.cols(),
            Some(c) if c < array.cols() => c..c + 1,
            Some(c) => return Err(refuse(format!("it has no column {c}, only {}", array.cols()))),
        };
        for i in rows.into_iter().flat_map(|r| columns.clone().map(move |c| (r, c))).map(|(r, c)| r * array.cols() + c)
        {
            // SAFETY: an element of the array, and `&mut self` excludes every reader.
            unsafe { array.set(i, value) };
        }
        if edit.field == "opt.disableflags" {
            self.keep_autoreset_off();
        }
        self.check_sense()
    }

    /// The numbers of an array or setting, by the names that [`ModelEdit`] uses; None for an unknown name.
    pub fn numbers(&self, field: &str) -> Option<Vec<f64>> {
        let array = self.fields().into_iter().find(|a| a.name == field)?;
        // SAFETY: the model is alive and not changed here; every i is an element.
        Some((0..array.len()).map(|i| unsafe { array.get(i) }).collect())
    }

    /// Everything in the table.
    pub(super) fn fields(&self) -> Vec<Array> {
        // SAFETY: the model is alive.
        arrays(self.raw()).into_iter().chain(unsafe { settings(self.ptr().cast_mut()) }).collect()
    }

    /// The number that a value stands for.
    fn value(&self, value: &EditValue) -> Result<f64, PhysicsError> {
        match value {
            EditValue::Number(x) => Ok(*x),
            EditValue::Id(ObjectName { kind, name }) => self.find(*kind, name).map(|id| id as f64),
        }
    }

    fn find(&self, kind: ObjectKind, name: &str) -> Result<usize, PhysicsError> {
        self.id(kind.mujoco(), name)
            .ok_or_else(|| PhysicsError::NoSuchName { kind: kind.word(), name: name.to_owned() })
    }

    /// Why `value` cannot stand in `array`.
    fn check_value(&self, array: &Array, value: f64) -> Result<(), String> {
        // The end of a range may be open; of anything else, a number that is infinite means nothing.
        // NaN in a number that decides the motion is refused with its owner, as in a model that is loaded.
        let is_range = array.name.ends_with("range") && array.cols() == 2;
        if array.role != Role::Given && !value.is_finite() || value.is_infinite() && !is_range {
            return Err(format!("{value} is not finite"));
        }
        if array.element != Element::F64 && array.element != Element::F32 {
            let lowest = if array.name.starts_with("opt.") { 0.0 } else { i32::MIN.into() };
            if value.fract() != 0.0 || value < lowest || value > i32::MAX.into() {
                return Err(format!("{value} is not a whole number from {lowest} to {}", i32::MAX));
            }
        }
        if let Role::Id(kind) = array.role {
            let n = arrays(self.raw()).iter().find(|a| a.owner == Owner::Of(kind)).map_or(0, |a| a.rows);
            if value < -1.0 || value >= n as f64 {
                return Err(format!("{value} is no {}; the model has {n}", kind.word()));
            }
        }
        Ok(())
    }

    /// The rows that an edit means.
    fn rows(&self, array: &Array, edit: &ModelEdit) -> Result<Vec<usize>, PhysicsError> {
        let refuse = |reason: String| Err(PhysicsError::Edit { field: edit.field.clone(), reason });
        match (&edit.object, edit.rows, &edit.matching) {
            (None, None, None) => Ok((0..array.rows).collect()),
            (Some(name), None, None) => Ok(vec![self.row_of(array, name)?]),
            (None, Some(Rows { first, end }), None) => {
                let rows: Range<usize> = first..end.unwrap_or(array.rows);
                if rows.start >= rows.end || rows.end > array.rows {
                    let (n, end) = (array.rows, rows.end);
                    return refuse(format!("rows {first} to {end} are not among its {n} rows"));
                }
                Ok(rows.collect())
            }
            (None, None, Some(Matching { field, equals })) => {
                let wanted = self.value(equals)?;
                let others = arrays(self.raw());
                let Some(other) =
                    others.iter().find(|a| a.name == field && a.owner == array.owner && a.len() == array.rows)
                else {
                    return refuse(format!("{field} is not a field with one number for each of its rows"));
                };
                // SAFETY: the model is alive and not changed here; r is a row of `other`.
                let rows: Vec<usize> = (0..array.rows).filter(|r| unsafe { other.get(*r) } == wanted).collect();
                if rows.is_empty() {
                    return refuse(format!("no row has {field} {wanted}"));
                }
                Ok(rows)
            }
            _ => refuse("give one of object, rows and where".to_owned()),
        }
    }

    fn row_of(&self, array: &Array, name: &str) -> Result<usize, PhysicsError> {
        let refuse = |reason: String| PhysicsError::Edit { field: array.name.to_owned(), reason };
        match array.owner {
            Owner::Of(kind) => self.find(kind, name),
            Owner::Dof => {
                let id = self.find(ObjectKind::Joint, name)?;
                let first = self.joint_at(id).dof;
                let next = self.joints().nth(id + 1).map_or(self.nv(), |joint| joint.dof);
                if next - first != 1 {
                    return Err(refuse(format!("joint \"{name}\" has {} dofs; give rows", next - first)));
                }
                Ok(first)
            }
            Owner::Control => {
                let id = self.find(ObjectKind::Actuator, name)?;
                let controls = self.actuator_at(id).controls;
                if controls.len() != 1 {
                    return Err(refuse(format!("actuator \"{name}\" has {} controls; give rows", controls.len())));
                }
                Ok(controls.start)
            }
            Owner::Qpos | Owner::Other => Err(refuse("its rows have no names".to_owned())),
        }
    }

    /// MuJoCo's automatic reset hides divergence; whether the model itself wants it is kept for its digest.
    pub(super) fn keep_autoreset_off(&mut self) {
        let bit = mjtDisableBit::mjDSBL_AUTORESET as i32;
        let flags = self.raw().opt.disableflags;
        self.set_wants_autoreset(flags & bit == 0);
        self.raw_mut().opt.disableflags = flags | bit;
    }
}
