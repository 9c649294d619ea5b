//! Where results go: arrays of numpy that are written in place, each by the piece of the batch that it belongs to.

use dynsparse_base::flags::StepFlags;
use dynsparse_engine::jacobian::{Jacobian, ZeroVerdict};
use dynsparse_engine::{Model, Sim};
use numpy::{Element, PyArrayDyn, PyArrayMethods, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The kinds of results, in the order of their numbers.
const NAMES: [&str; 17] = [
    "A",
    "B",
    "C",
    "D",
    "A_zero",
    "B_zero",
    "C_zero",
    "D_zero",
    "zero_floor",
    "kink",
    "flags",
    "qpos",
    "qvel",
    "act",
    "sensordata",
    "time",
    "warmstart",
];
/// Where matrices end, verdicts, and what comes with a Jacobian at all.
const MATRICES: usize = 4;
const VERDICTS: usize = 8;
const OF_JACOBIAN: usize = 11;
/// Some of them.
const FLOOR: usize = 8;
const KINK: usize = 9;
const FLAGS: usize = 10;

/// An array that is borrowed from Python for as long as a batch runs.
enum Array<'py> {
    F64(PyReadwriteArrayDyn<'py, f64>),
    F32(PyReadwriteArrayDyn<'py, f32>),
    U8(PyReadwriteArrayDyn<'py, u8>),
    U32(PyReadwriteArrayDyn<'py, u32>),
}

impl Array<'_> {
    /// Its address, its bytes and its kind.
    fn place(&self, kind: usize) -> (usize, usize, usize) {
        fn of<T: Element>(array: &PyReadwriteArrayDyn<'_, T>, kind: usize) -> (usize, usize, usize) {
            (array.data().addr(), array.len() * size_of::<T>(), kind)
        }
        match self {
            Self::F64(array) => of(array, kind),
            Self::F32(array) => of(array, kind),
            Self::U8(array) => of(array, kind),
            Self::U32(array) => of(array, kind),
        }
    }
}

fn borrowed<'py, T: Element>(
    name: &str,
    array: &Bound<'py, PyArrayDyn<T>>,
    size: usize,
) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    if array.len() != size {
        return Err(PyValueError::new_err(format!("{name} has {} entries, where {size} are needed", array.len())));
    }
    if !array.is_c_contiguous() {
        return Err(PyValueError::new_err(format!("{name} is not contiguous in the order of C")));
    }
    if !array.data().is_aligned() {
        return Err(PyValueError::new_err(format!("{name} does not begin at a multiple of its numbers' size")));
    }
    let refused = |e| PyValueError::new_err(format!("{name} cannot be written: {e}"));
    array.try_readwrite().map_err(refused)
}

/// Refuses arrays that share memory: those of one owner numpy's bookkeeping has refused before, these are of two.
fn apart(all: &[(usize, Array<'_>)]) -> PyResult<()> {
    let mut places: Vec<(usize, usize, usize)> = all.iter().map(|(kind, array)| array.place(*kind)).collect();
    places.retain(|(_, bytes, _)| *bytes > 0);
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[0].0 + pair[0].1 > pair[1].0) {
        None => Ok(()),
        Some(pair) => {
            let [one, other] = [NAMES[pair[0].2], NAMES[pair[1].2]];
            Err(PyValueError::new_err(format!("{one} and {other} share memory; give arrays of their own")))
        }
    }
}

fn unfit(name: &str) -> PyErr {
    PyTypeError::new_err(format!("{name} is no array of a type that it can have"))
}

/// All arrays that were given.
pub(crate) struct Arrays<'py>(Vec<(usize, Array<'py>)>);

impl<'py> Arrays<'py> {
    /// Borrows the arrays of a dictionary, which have `rows` times the sizes of the model.
    pub(crate) fn borrow(model: &Model, given: &Bound<'py, PyDict>, rows: usize) -> PyResult<Self> {
        let mut all = Vec::new();
        for (name, array) in given {
            let name: String = name.extract()?;
            let kind = NAMES.iter().position(|known| *known == name);
            let kind = kind.ok_or_else(|| PyValueError::new_err(format!("there is no output {name}")))?;
            let size = rows.saturating_mul(width(model, kind));
            let array = if let Ok(array) = array.cast::<PyArrayDyn<f64>>() {
                Array::F64(borrowed(&name, array, size)?)
            } else if let Ok(array) = array.cast::<PyArrayDyn<f32>>() {
                Array::F32(borrowed(&name, array, size)?)
            } else if let Ok(array) = array.cast::<PyArrayDyn<u8>>() {
                Array::U8(borrowed(&name, array, size)?)
            } else if let Ok(array) = array.cast::<PyArrayDyn<u32>>() {
                Array::U32(borrowed(&name, array, size)?)
            } else {
                return Err(unfit(&name));
            };
            let fits = match (&array, kind) {
                (Array::F32(_), kind) => kind < MATRICES,
                (Array::U8(_), kind) => (MATRICES..VERDICTS).contains(&kind),
                (Array::U32(_), kind) => kind == FLAGS,
                (Array::F64(_), kind) => kind != FLAGS && !(MATRICES..VERDICTS).contains(&kind),
            };
            if !fits {
                return Err(unfit(&name));
            }
            all.push((kind, array));
        }
        apart(&all)?;
        Ok(Self(all))
    }

    /// What is written, as slices.
    pub(crate) fn slices(&mut self, model: &Model) -> PyResult<Outputs<'_>> {
        let mut planes: [Plane<'_>; NAMES.len()] = Default::default();
        let lost = |_| PyValueError::new_err("an output is not contiguous");
        for (kind, array) in &mut self.0 {
            let values = match array {
                Array::F64(a) => Values::F64(a.as_slice_mut().map_err(lost)?),
                Array::F32(a) => Values::F32(a.as_slice_mut().map_err(lost)?),
                Array::U8(a) => Values::U8(a.as_slice_mut().map_err(lost)?),
                Array::U32(a) => Values::U32(a.as_slice_mut().map_err(lost)?),
            };
            planes[*kind] = Plane { width: width(model, *kind), values };
        }
        Ok(Outputs(planes))
    }
}

/// Numbers of one row.
fn width(model: &Model, kind: usize) -> usize {
    let (n, nu, ns) = (model.ndx(), model.nu(), model.nsensordata());
    match NAMES[kind] {
        "A" | "A_zero" => n * n,
        "B" | "B_zero" => n * nu,
        "C" | "C_zero" => ns * n,
        "D" | "D_zero" => ns * nu,
        "zero_floor" => n,
        "qpos" => model.nq(),
        "qvel" | "warmstart" => model.nv(),
        "act" => model.na(),
        "sensordata" => ns,
        _ => 1,
    }
}

/// Rows of one kind of result.
#[derive(Default)]
struct Plane<'a> {
    width: usize,
    values: Values<'a>,
}

#[derive(Default)]
enum Values<'a> {
    #[default]
    None,
    F64(&'a mut [f64]),
    F32(&'a mut [f32]),
    U8(&'a mut [u8]),
    U32(&'a mut [u32]),
}

impl<'a> Plane<'a> {
    fn split(self, rows: usize) -> (Self, Self) {
        fn halves<'a, T>(all: &'a mut [T], at: usize, kind: fn(&'a mut [T]) -> Values<'a>) -> (Values<'a>, Values<'a>) {
            let (first, rest) = all.split_at_mut(at);
            (kind(first), kind(rest))
        }
        let Self { width, values } = self;
        let at = rows * width;
        let (first, rest) = match values {
            Values::None => (Values::None, Values::None),
            Values::F64(all) => halves(all, at, Values::F64),
            Values::F32(all) => halves(all, at, Values::F32),
            Values::U8(all) => halves(all, at, Values::U8),
            Values::U32(all) => halves(all, at, Values::U32),
        };
        (Self { width, values: first }, Self { width, values: rest })
    }

    /// Writes numbers into a row.
    fn numbers(&mut self, row: usize, from: &[f64]) {
        let at = row * self.width..(row + 1) * self.width;
        match &mut self.values {
            Values::F64(x) => x[at].copy_from_slice(from),
            Values::F32(x) => x[at].iter_mut().zip(from).for_each(|(to, from)| *to = *from as f32),
            Values::None | Values::U8(_) | Values::U32(_) => {}
        }
    }

    /// Writes verdicts into a row: nothing is known of a number that is none.
    fn verdicts(&mut self, row: usize, from: &[ZeroVerdict], numbers: &[f64]) {
        let at = row * self.width..(row + 1) * self.width;
        if let Values::U8(x) = &mut self.values {
            for ((to, verdict), number) in x[at].iter_mut().zip(from).zip(numbers) {
                *to = if number.is_finite() { *verdict } else { ZeroVerdict::Undecided }.code();
            }
        }
    }

    fn flags(&mut self, row: usize, flags: StepFlags) {
        if let Values::U32(x) = &mut self.values {
            x[row] = flags.bits();
        }
    }

    /// Marks a row as not known.
    fn unknown(&mut self, row: usize) {
        let at = row * self.width..(row + 1) * self.width;
        match &mut self.values {
            Values::None => {}
            Values::F64(x) => x[at].fill(f64::NAN),
            Values::F32(x) => x[at].fill(f32::NAN),
            Values::U8(x) => x[at].fill(ZeroVerdict::Undecided.code()),
            Values::U32(x) => x[at].fill(StepFlags::JACOBIAN_NOT_FINITE.bits()),
        }
    }
}

/// Results of some trajectories, row after row.
pub(crate) struct Outputs<'a>([Plane<'a>; NAMES.len()]);

impl<'a> Outputs<'a> {
    /// Those of the first rows, and the rest.
    pub(crate) fn split(self, rows: usize) -> (Self, Self) {
        let mut rest: [Plane<'a>; NAMES.len()] = Default::default();
        let mut at = 0;
        let first = self.0.map(|plane| {
            let (first, others) = plane.split(rows);
            rest[at] = others;
            at += 1;
            first
        });
        (Self(first), Self(rest))
    }

    /// Whether anything of a Jacobian is wanted, and anything of the next state.
    pub(crate) fn wants(&self) -> (bool, bool) {
        let wanted = |planes: &[Plane<'_>]| planes.iter().any(|plane| !matches!(plane.values, Values::None));
        (wanted(&self.0[..OF_JACOBIAN]), wanted(&self.0[OF_JACOBIAN..]))
    }

    /// Writes a Jacobian.
    pub(crate) fn jacobian(&mut self, row: usize, jacobian: &Jacobian, at_control: StepFlags) {
        let Jacobian { a, b, c, d, verdicts } = jacobian;
        let known = [&verdicts.a, &verdicts.b, &verdicts.c, &verdicts.d];
        for (k, (numbers, verdicts)) in [a, b, c, d].into_iter().zip(known).enumerate() {
            self.0[k].numbers(row, numbers);
            self.0[MATRICES + k].verdicts(row, verdicts, numbers);
        }
        self.0[FLOOR].numbers(row, &verdicts.floor);
        self.0[KINK].numbers(row, &[verdicts.kink]);
        let mut flags = verdicts.flags() | at_control;
        flags.set(StepFlags::JACOBIAN_NOT_FINITE, !jacobian.is_finite());
        self.0[FLAGS].flags(row, flags);
    }

    /// Writes the state that a step has led to.
    pub(crate) fn state(&mut self, row: usize, sim: &Sim) {
        let time = [sim.time()];
        let all = [sim.qpos(), sim.qvel(), sim.act(), sim.sensordata(), &time, sim.qacc_warmstart()];
        for (plane, numbers) in self.0[OF_JACOBIAN..].iter_mut().zip(all) {
            plane.numbers(row, numbers);
        }
    }

    /// Marks a row as not known: NaN, undecided, flagged.
    pub(crate) fn unknown(&mut self, row: usize) {
        for plane in &mut self.0 {
            plane.unknown(row);
        }
    }
}
