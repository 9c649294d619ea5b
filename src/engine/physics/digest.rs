//! What a compiled model is, in numbers and hashes, so that two loaders can be compared without the models.

use std::ffi::c_int;
use std::ptr;

use dynsparse_base::seal::sha256_hex;
use mujoco_rs::mujoco_c::{mj_sizeModel, mjModel, mjtDisableBit, mjtObj};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::arrays::{Array, Element, arrays, settings, sizes};
use super::guard::{self, check};
use super::{Model, PhysicsError, mujoco_version, names};

/// Everything that a compiled model holds: numbers where they are few, the sha256 of the bytes of every array.
/// It is that of the model as its file and the edits say; what this program changes for its own use
/// (auto-reset) is not in it.
#[derive(Debug, Clone, Serialize)]
pub struct Digest {
    /// MuJoCo's version.
    pub mujoco: String,
    /// The sizes, flags and the signature of the compiled model.
    pub sizes: Named<Value>,
    /// Fields of mjOption: numbers and lists of numbers.
    pub opt: Named<Value>,
    /// Fields of mjStatistic.
    pub stat: Named<Value>,
    /// Fields of mjVisual by part.
    pub vis: Named<Named<Value>>,
    /// Names of the objects by kind; None for an object without.
    pub names: Named<Vec<Option<String>>>,
    /// All arrays of mjModel.
    pub arrays: Named<ArrayDigest>,
    /// The model as mj_saveModel writes it.
    pub mjb: FileDigest,
}

/// An array of mjModel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArrayDigest {
    /// The element type, in numpy's words; `bytes` for text.
    pub dtype: &'static str,
    /// The sizes of the dimensions.
    pub shape: Vec<usize>,
    /// SHA-256 of its bytes, row-major and little-endian.
    pub sha256: String,
}

/// A file that was not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDigest {
    /// Its length.
    pub bytes: usize,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl FileDigest {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len(), sha256: sha256_hex(bytes) }
    }
}

/// Values by name, in MuJoCo's order. JSON: an object.
#[derive(Debug, Clone)]
pub struct Named<V>(pub Vec<(&'static str, V)>);

impl<V: Serialize> Serialize for Named<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Model {
    /// What this model is.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for a copy of it.
    pub fn digest(&self) -> Result<Digest, PhysicsError> {
        let copy = Snapshot::of(self)?;
        let m = copy.get();
        // SAFETY: the copy is alive, is not changed, and nobody else has it.
        let fields = unsafe { settings(copy.0) };
        let part = |prefix: &str| {
            let of_part = fields.iter().filter_map(|a| Some((a.name.strip_prefix(prefix)?, setting(a))));
            Named(of_part.collect())
        };
        let mut all_sizes: Vec<(&str, Value)> = sizes(m).into_iter().map(|(name, n)| (name, json!(n))).collect();
        all_sizes.push(("flg_gravcomp", json!(m.flg_gravcomp)));
        all_sizes.push(("flg_surfacevel", json!(m.flg_surfacevel)));
        all_sizes.push(("flg_adhesion", json!(m.flg_adhesion)));
        all_sizes.push(("signature", json!(m.signature)));
        let parts = ["global", "quality", "headlight", "map", "scale", "rgba"];
        Ok(Digest {
            mujoco: mujoco_version(),
            sizes: Named(all_sizes),
            opt: part("opt."),
            stat: part("stat."),
            vis: Named(parts.map(|p| (p, part(&format!("vis.{p}.")))).into()),
            names: object_names(m),
            arrays: Named(arrays(m).iter().map(|a| (a.name, array(a))).collect()),
            mjb: FileDigest::of(&copy.saved()?),
        })
    }
}

impl Model {
    /// The model as mj_saveModel writes it, with the flag for auto-reset as its file has it, and behind that its signature, which
    /// mj_saveModel leaves out (8 bytes, little-endian).
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`] when there is no memory for a copy of it.
    pub fn saved(&self) -> Result<Vec<u8>, PhysicsError> {
        let copy = Snapshot::of(self)?;
        let mut bytes = copy.saved()?;
        bytes.extend(copy.get().signature.to_le_bytes());
        Ok(bytes)
    }

    /// The content of an MJB file: the model as mj_saveModel writes it, edits included, which [`Model::from_mjb`] and
    /// MuJoCo itself (of this version) load.
    ///
    /// # Errors
    /// As [`Model::saved`].
    pub fn mjb(&self) -> Result<Vec<u8>, PhysicsError> {
        Snapshot::of(self)?.saved()
    }
}

/// A copy of a model with the flag for auto-reset as its file has it.
struct Snapshot(*mut mjModel);

impl Snapshot {
    fn of(model: &Model) -> Result<Self, PhysicsError> {
        let mut copy = Self(ptr::null_mut());
        // SAFETY: the model is alive; the guard turns a fatal error into a return code.
        check(unsafe { guard::ds_copy_model(model.ptr(), &mut copy.0) })?;
        if copy.0.is_null() {
            return Err(PhysicsError::Mujoco("no memory for a copy of the model".to_owned()));
        }
        if model.wants_autoreset() {
            // SAFETY: the copy is valid and belongs to this value alone.
            unsafe { (*copy.0).opt.disableflags &= !(mjtDisableBit::mjDSBL_AUTORESET as c_int) };
        }
        Ok(copy)
    }

    fn get(&self) -> &mjModel {
        // SAFETY: not null (see `of`), valid for as long as self.
        unsafe { &*self.0 }
    }

    /// What mj_saveModel writes.
    fn saved(&self) -> Result<Vec<u8>, PhysicsError> {
        // SAFETY: the copy is valid.
        let size = unsafe { mj_sizeModel(self.0) };
        let mut buffer = vec![0u8; size as usize];
        // SAFETY: the buffer has the size that is passed, which is the one MuJoCo asked for.
        check(unsafe { guard::ds_save_model(self.0, buffer.as_mut_ptr().cast(), size) })?;
        Ok(buffer)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // SAFETY: made by mj_copyModel and deleted once; null is allowed.
        unsafe { mujoco_rs::mujoco_c::mj_deleteModel(self.0) };
    }
}

/// A number as JSON: whole where the field is, widened exactly where it is single; a word where it is not finite.
fn number(a: &Array, i: usize) -> Value {
    // SAFETY: callers hold the model that `a` was read from.
    let x = unsafe { a.get(i) };
    if !a.element.is_float() {
        return json!(x as i64);
    }
    serde_json::Number::from_f64(x).map_or_else(|| json!(x.to_string()), Value::Number)
}

fn setting(a: &Array) -> Value {
    if a.shape().is_empty() { number(a, 0) } else { (0..a.len()).map(|i| number(a, i)).collect() }
}

fn array(a: &Array) -> ArrayDigest {
    let dtype = match (a.element, a.name) {
        // Text; `plugin_attr` alone is a list of characters in MuJoCo's Python binding.
        (_, "text_data" | "names" | "paths") => "bytes",
        (_, "plugin_attr") => "int8",
        (Element::F64, _) => "float64",
        (Element::F32, _) => "float32",
        (Element::I32, _) => "int32",
        (Element::I64, _) => "int64",
        (Element::U8, _) => "uint8",
        (Element::I8, _) => "int8",
        (Element::Bool, _) => "bool",
    };
    // SAFETY: callers hold the model that `a` was read from, and it is not changed meanwhile.
    let bytes = unsafe { a.bytes() };
    ArrayDigest { dtype, shape: a.shape(), sha256: sha256_hex(bytes) }
}

fn object_names(m: &mjModel) -> Named<Vec<Option<String>>> {
    let kinds = [
        ("joint", mjtObj::mjOBJ_JOINT, m.njnt),
        ("actuator", mjtObj::mjOBJ_ACTUATOR, m.nactuator),
        ("body", mjtObj::mjOBJ_BODY, m.nbody),
        ("geom", mjtObj::mjOBJ_GEOM, m.ngeom),
        ("site", mjtObj::mjOBJ_SITE, m.nsite),
        ("sensor", mjtObj::mjOBJ_SENSOR, m.nsensor),
        ("key", mjtObj::mjOBJ_KEY, m.nkey),
        ("tendon", mjtObj::mjOBJ_TENDON, m.ntendon),
    ];
    Named(kinds.map(|(word, kind, n)| (word, (0..n as usize).map(|i| names::name(m, kind, i)).collect())).into())
}
