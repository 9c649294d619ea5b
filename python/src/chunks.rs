//! Rows of recordings, gathered into arrays: each chunk is read and decoded once for a batch, on all threads, without the
//! interpreter's lock and without HDF5. Where chunks lie comes from Python, which asks HDF5 once; nothing of it is believed that the
//! file cannot hold.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dynsparse_base::chunk::{Chunk, Piece, Stored, room};
use dynsparse_base::heap;
use dynsparse_base::idle::Idle;
use numpy::{PyArray2, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyIndexError, PyKeyError, PyOSError, PyValueError};
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::cache::{Cache, Key, OVERHEAD};
use crate::error::DynsparseError;
use crate::pool::{Owned, pool};
use crate::slots::{Kind, Rows, Slot, shorten};

/// How often the interpreter is asked for signals.
const PULSE: Duration = Duration::from_millis(50);

/// Files beyond so many are opened when they are read.
const OPEN: usize = 256;

/// Bytes to copy at most that one thread does alone, since others would begin when it is done.
const ALONE: usize = 4 << 20;

/// Bytes to copy, about, between two questions for signals.
const PIECE: usize = 256 << 20;

/// Chunks of several rows larger than this are none of a recording, whose chunks have 256 KiB or one row.
const LARGEST: usize = 1 << 30;

/// What a file was when it was opened: its length, the time of its last change (ns), its number and its device.
type Identity = (u64, i64, u64, u64);

/// Where the chunks of a dataset lie: rows of a chunk, and a line for each with its number, its first byte, its stored bytes, and
/// filters that were left out. Rows of a chunk are 0 for a dataset in one piece, which has one line.
type Table<'py> = (usize, PyReadonlyArray2<'py, u64>);

/// Files by their number.
type Files = HashMap<usize, Arc<File>>;

struct Source {
    path: PathBuf,
    identity: Identity,
    open: Option<Arc<File>>,
}

/// A variable in all files.
struct Column {
    name: String,
    kind: Kind,
    /// Numbers of a row.
    width: usize,
    stored: Vec<Stored>,
    /// Whether its numbers are kept as 32-bit floats.
    short: bool,
    /// Whether all its chunks stay in the cache.
    stays: bool,
}

impl Column {
    /// Bytes of a number in the cache.
    fn number(&self) -> usize {
        if self.short { 4 } else { self.kind.bytes() }
    }
}

/// What threads share, in the process that made it.
struct Shared {
    cache: Cache,
    pieces: Idle<Piece>,
    /// Memory of chunks that are gone from the cache.
    spare: Idle<Vec<u8>>,
}

/// Reads rows of variables out of recordings: what `dynsparse.Dataset` runs on.
#[pyclass(frozen, module = "dynsparse._native")]
pub(crate) struct ChunkReader {
    sources: Vec<Source>,
    columns: Vec<Column>,
    /// The first row of every file among those of all, and how many there are.
    starts: Vec<usize>,
    /// Bytes of chunks that come and go in the cache, at most.
    cache_bytes: usize,
    shared: Mutex<Owned<Arc<Shared>>>,
}

/// Rows of one chunk that are wanted, and where they go.
struct Task<'a> {
    column: usize,
    file: usize,
    chunk: usize,
    rows: Vec<(usize, Slot<'a>)>,
}

impl Task<'_> {
    /// 64-bit floats that are wanted short are kept short, so that the cache has twice as many; `kind` is what the column stores.
    fn key(&self, kind: Kind) -> Key {
        let short = kind == Kind::F64 && self.rows.first().is_some_and(|(_, slot)| slot.is_short());
        (self.column, self.file, self.chunk, short)
    }
}

fn identity_of(there: &Metadata) -> Identity {
    let changed = there.mtime().saturating_mul(1_000_000_000).saturating_add(there.mtime_nsec());
    (there.len(), changed, there.ino(), there.dev())
}

#[pymethods]
impl ChunkReader {
    /// Of files (path and identity, see `file_identity`) with so many rows each, and of columns: name, type, numbers of a row, and for
    /// each file the table of its chunks. `short` says that 64-bit floats will be asked for as 32-bit ones.
    #[new]
    #[pyo3(signature = (files, rows, columns, cache_bytes, short))]
    fn new(
        files: Vec<(PathBuf, Identity)>,
        rows: Vec<usize>,
        columns: Vec<(String, String, usize, Vec<Table<'_>>)>,
        cache_bytes: usize,
        short: bool,
    ) -> PyResult<Self> {
        let few = files.len() <= OPEN;
        let mut sources = Vec::new();
        for (path, identity) in files {
            let mut source = Source { path, identity, open: None };
            let file = source.opened()?;
            source.open = few.then_some(Arc::new(file));
            sources.push(source);
        }
        if rows.len() != sources.len() {
            return Err(PyValueError::new_err(format!("{} files have {} numbers of rows", sources.len(), rows.len())));
        }
        let mut starts = vec![0_usize];
        for rows in &rows {
            let end = starts.last().and_then(|start| start.checked_add(*rows));
            starts.push(end.ok_or_else(|| PyValueError::new_err("there are too many rows"))?);
        }
        let columns = columns.into_iter().map(|(name, kind, width, tables)| {
            if tables.len() != sources.len() {
                return Err(PyValueError::new_err(format!("{name} has {} tables of chunks", tables.len())));
            }
            if width == 0 {
                return Err(PyValueError::new_err(format!("{name} has rows without entries")));
            }
            let kind = Kind::named(&kind)?;
            let stored = sources.iter().zip(&rows).zip(&tables).map(|((source, rows), table)| {
                stored([*rows, width], kind, table, source.identity.0).map_err(|e| source.error(&name, &e))
            });
            let stored = stored.collect::<PyResult<_>>()?;
            Ok(Column { name, kind, width, stored, short: short && kind == Kind::F64, stays: false })
        });
        let mut columns = columns.collect::<PyResult<Vec<Column>>>()?;
        let cache_bytes = cache_bytes - keep_small(&mut columns, cache_bytes / 2);
        let shared = Mutex::new(Owned::new(Arc::new(Shared::new(cache_bytes))));
        Ok(Self { sources, columns, starts, cache_bytes, shared })
    }

    /// Writes rows, by their number among those of all files, into arrays: each with the names of the columns that its rows are put
    /// together from, of shape (rows, numbers of a row). On `threads` threads; all cores with 0.
    #[pyo3(signature = (rows, out, threads))]
    fn gather<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray1<'py, i64>,
        out: Vec<(Vec<String>, Bound<'py, PyAny>)>,
        threads: usize,
    ) -> PyResult<()> {
        let total = self.starts.last().copied().unwrap_or(0);
        let place = |row: &i64| usize::try_from(*row).ok().filter(|row| *row < total);
        let rows: Option<Vec<usize>> = rows.as_array().iter().map(place).collect();
        let rows =
            rows.ok_or_else(|| PyIndexError::new_err(format!("a row is asked for beyond the {total} there are")))?;
        let mut arrays = Vec::new();
        for (names, array) in &out {
            let columns = names.iter().map(|name| self.column(name)).collect::<PyResult<Vec<usize>>>()?;
            let Some(first) = columns.first() else { continue };
            let kind = self.columns[*first].kind;
            if let Some(other) = columns.iter().find(|c| self.columns[**c].kind != kind) {
                let (a, b) = (&self.columns[*first].name, &self.columns[*other].name);
                return Err(PyValueError::new_err(format!("{a} and {b} are of different types")));
            }
            let width = columns.iter().map(|c| self.columns[*c].width).sum();
            arrays.push((columns, width, Rows::borrow(array, kind, [rows.len(), width])?));
        }
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|i| rows[*i]);
        let mut tasks = Vec::new();
        for (columns, width, array) in &mut arrays {
            self.plan(&rows, &order, columns, array.slots(*width)?, &mut tasks);
        }
        let (shared, threads) = (self.shared(py), if tasks.len() > 1 { threads } else { 1 });
        let pool = if threads == 1 { None } else { Some(pool(py, threads)?) };
        py.detach(|| self.run(&shared, tasks, pool.as_deref()))
    }

    /// Bytes of decoded chunks that this process keeps, and how often a chunk was among them and was not.
    #[getter]
    fn cache(&self, py: Python<'_>) -> (usize, u64, u64) {
        self.shared(py).cache.statistics()
    }

    /// Bytes of the cache for the chunks of large columns, and for each of these its name and the bytes of a row; the chunks of
    /// the others stay.
    #[getter]
    fn large(&self) -> (usize, Vec<(String, usize)>) {
        let large = self.columns.iter().filter(|column| !column.stays);
        (self.cache_bytes, large.map(|column| (column.name.clone(), column.width * column.number())).collect())
    }

    /// The first row of each chunk of a column among the rows of all files.
    fn chunk_starts(&self, name: &str) -> PyResult<Vec<usize>> {
        let column = &self.columns[self.column(name)?];
        let of = |(stored, start): (&Stored, &usize)| {
            let start = *start;
            (0..stored.rows()).step_by(stored.chunk_rows()).map(move |row| start + row).collect::<Vec<_>>()
        };
        Ok(column.stored.iter().zip(&self.starts).flat_map(of).collect())
    }
}

impl ChunkReader {
    fn column(&self, name: &str) -> PyResult<usize> {
        self.columns.iter().position(|c| c.name == name).ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    /// What threads share, made anew after a fork. The lock is held by who has the interpreter only.
    fn shared(&self, _py: Python<'_>) -> Arc<Shared> {
        let mut owned = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = owned.here() {
            return there.clone();
        }
        let new = Arc::new(Shared::new(self.cache_bytes));
        std::mem::forget(std::mem::replace(&mut *owned, Owned::new(new.clone())));
        new
    }

    /// Cuts what is wanted into tasks, one for each chunk. `order` has the rows by their number.
    fn plan<'a>(
        &self,
        rows: &[usize],
        order: &[usize],
        columns: &[usize],
        mut slots: Vec<Option<Slot<'a>>>,
        tasks: &mut Vec<Task<'a>>,
    ) {
        for (k, column) in columns.iter().enumerate() {
            let Column { width, stored, .. } = &self.columns[*column];
            let mut file = 0;
            let mut task: Option<Task<'a>> = None;
            for i in order {
                while rows[*i] >= self.starts[file + 1] {
                    file += 1;
                }
                let row = rows[*i] - self.starts[file];
                let chunk = row / stored[file].chunk_rows();
                let Some(slot) = slots[*i].take() else { continue };
                let (own, rest) = slot.split(*width);
                if k + 1 < columns.len() {
                    slots[*i] = Some(rest);
                }
                match &mut task {
                    Some(task) if (task.file, task.chunk) == (file, chunk) => task.rows.push((row, own)),
                    _ => tasks.extend(task.replace(Task { column: *column, file, chunk, rows: vec![(row, own)] })),
                }
            }
            tasks.extend(task);
        }
    }

    /// Does all tasks, in this thread or in those of a pool; between pieces the interpreter is asked for signals.
    fn run(&self, shared: &Shared, mut tasks: Vec<Task<'_>>, pool: Option<&rayon::ThreadPool>) -> PyResult<()> {
        let failed: Mutex<Option<PyErr>> = Mutex::default();
        let stop = AtomicBool::new(false);
        let one = |files: &Files, task: &mut Task<'_>| {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if let Some(file) = files.get(&task.file)
                && let Err(what) = self.fill(shared, file, task)
            {
                stop.store(true, Ordering::Relaxed);
                let error = self.sources[task.file].error(&self.columns[task.column].name, &what);
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        };
        // What is there is copied, what is not is decoded, which takes some times as long.
        let cost = |task: &Task<'_>| {
            let stored = &self.columns[task.column].stored[task.file];
            let there = stored.chunks().is_none() || shared.cache.has(task.key(self.columns[task.column].kind));
            let decoded = if there { 0 } else { 4 * stored.chunk_rows() };
            (decoded + task.rows.len()).saturating_mul(stored.row_bytes())
        };
        let costs: Vec<usize> = tasks.iter().map(cost).collect();
        let pool = pool.filter(|_| costs.iter().copied().fold(0, usize::saturating_add) > ALONE);
        let most = if self.sources.len() > OPEN { OPEN / 2 } else { usize::MAX };
        let mut asked = Instant::now();
        let (mut rest, mut costs) = (&mut tasks[..], &costs[..]);
        while !rest.is_empty() {
            let mut sum = 0_usize;
            let within = |cost: &&usize| {
                sum = sum.saturating_add(**cost);
                sum < PIECE
            };
            let count = (costs.iter().take_while(within).count() + 1).min(rest.len()).min(most);
            let (piece, others) = rest.split_at_mut(count);
            (rest, costs) = (others, &costs[count..]);
            let files = self.files(piece)?;
            match pool {
                Some(pool) => pool.install(|| piece.par_iter_mut().for_each(|task| one(&files, task))),
                None => piece.iter_mut().for_each(|task| one(&files, task)),
            }
            if let Some(error) = failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Err(error);
            }
            if asked.elapsed() > PULSE {
                Python::attach(|py| py.check_signals())?;
                asked = Instant::now();
            }
        }
        Ok(())
    }

    /// The files of some tasks, each of them still the one that was opened first.
    fn files(&self, tasks: &[Task<'_>]) -> PyResult<Files> {
        let mut files = Files::new();
        for task in tasks {
            if let Entry::Vacant(place) = files.entry(task.file) {
                let source = &self.sources[task.file];
                let file = match &source.open {
                    Some(open) => source.same(open).map(|()| open.clone())?,
                    None => Arc::new(source.opened()?),
                };
                place.insert(file);
            }
        }
        Ok(files)
    }

    /// Does one task.
    fn fill(&self, shared: &Shared, file: &File, task: &mut Task<'_>) -> Result<(), String> {
        let stored = &self.columns[task.column].stored[task.file];
        if stored.chunks().is_none() {
            let mut bytes = vec![0; stored.row_bytes()];
            for (row, slot) in &mut task.rows {
                stored.read(file, *row..*row + 1, &mut bytes)?;
                slot.fill(&bytes);
            }
            return Ok(());
        }
        let key @ (.., short) = task.key(self.columns[task.column].kind);
        let bytes = match shared.cache.get(key) {
            Some(there) => there,
            None => {
                let Ok(mut piece) = shared.pieces.take(|| Ok::<_, ()>(Piece::default())) else { return Ok(()) };
                let read = stored.piece(file, task.chunk, &mut piece).and_then(|()| shared.kept(&mut piece, short));
                shared.pieces.put(piece);
                let read = Arc::new(read?);
                let spare = shared.cache.put(key, &read, self.columns[task.column].stays);
                spare.into_iter().for_each(|memory| shared.spare.put(memory));
                read
            }
        };
        let row_bytes = if short { stored.row_bytes() / 2 } else { stored.row_bytes() };
        for (row, slot) in &mut task.rows {
            let at = (*row % stored.chunk_rows()) * row_bytes;
            let row = bytes.get(at..at + row_bytes).ok_or("has a chunk that is too short")?;
            if short { slot.fill_short(row) } else { slot.fill(row) }
        }
        Ok(())
    }
}

/// Marks the smallest columns, as many as fit into `most` bytes whole; their bytes.
fn keep_small(columns: &mut [Column], most: usize) -> usize {
    let whole = |column: &Column| {
        let of = |stored: &Stored| {
            let row = column.width.saturating_mul(column.number());
            let chunk = stored.chunk_rows().saturating_mul(row).saturating_add(OVERHEAD);
            stored.chunks().map_or(0, |chunks| chunks.len().saturating_mul(chunk))
        };
        column.stored.iter().map(of).fold(0, usize::saturating_add)
    };
    let mut all: Vec<&mut Column> = columns.iter_mut().collect();
    all.sort_by_cached_key(|column| whole(column));
    let mut kept = 0_usize;
    for column in all {
        let bytes = kept.saturating_add(whole(column));
        if bytes > most {
            break;
        }
        kept = bytes;
        column.stays = true;
    }
    kept
}

impl Shared {
    fn new(cache_bytes: usize) -> Self {
        Self { cache: Cache::new(cache_bytes), pieces: Idle::default(), spare: Idle::default() }
    }

    /// What the cache gets of a chunk, in memory that another one had where there is some of its size.
    fn kept(&self, piece: &mut Piece, short: bool) -> Result<Vec<u8>, String> {
        let size = if short { piece.bytes().len() / 2 } else { piece.bytes().len() };
        let mut memory = self.spare.take(|| Ok::<_, String>(Vec::new()))?;
        if memory.capacity() != size {
            memory = Vec::new();
        }
        if !short {
            let mut bytes = piece.take(memory);
            bytes.shrink_to_fit();
            return Ok(bytes);
        }
        if !room(&mut memory, size) {
            return Err("does not fit into memory".to_owned());
        }
        shorten(piece.bytes(), &mut memory);
        Ok(memory)
    }
}

impl Source {
    fn error(&self, name: &str, what: &str) -> PyErr {
        DynsparseError::new_err(format!("{}: {name} {what}", self.path.display()))
    }

    fn unreadable(&self, error: &std::io::Error) -> PyErr {
        DynsparseError::new_err(format!("{}: cannot be read: {error}", self.path.display()))
    }

    /// The file, which must be the one that was opened first.
    fn opened(&self) -> PyResult<File> {
        let file = File::open(&self.path).map_err(|e| self.unreadable(&e))?;
        self.same(&file).map(|()| file)
    }

    fn same(&self, file: &File) -> PyResult<()> {
        let there = file.metadata().map_err(|e| self.unreadable(&e))?;
        if identity_of(&there) == self.identity {
            return Ok(());
        }
        Err(DynsparseError::new_err(format!(
            "{}: was changed or replaced after it was opened; make the Dataset anew",
            self.path.display()
        )))
    }
}

/// Where a variable of that shape lies, checked against the length of its file.
fn stored(shape: [usize; 2], kind: Kind, table: &Table<'_>, length: u64) -> Result<Stored, String> {
    let (chunk_rows, lines) = (table.0, table.1.as_array());
    if lines.ncols() != 4 {
        return Err("has a table of chunks with other columns than four".to_owned());
    }
    let size = |n: u64| usize::try_from(n).map_err(|_| "has chunks that no memory holds".to_owned());
    if chunk_rows == 0 {
        let address = lines.get([0, 1]).copied().ok_or("was never written, or lies in another file")?;
        return Stored::whole(&shape, kind.bytes(), address, length);
    }
    let bytes = chunk_rows.checked_mul(shape[1]).and_then(|n| n.checked_mul(kind.bytes()));
    if chunk_rows > 1 && bytes.is_none_or(|bytes| bytes > LARGEST) {
        return Err(format!("has chunks of {chunk_rows} rows: use the file as dynsparse wrote it"));
    }
    let mut found = Vec::with_capacity(lines.nrows());
    for line in lines.rows() {
        let mask = u32::try_from(line[3]).map_err(|_| "has chunks with filters that are not known")?;
        found.push((size(line[0])?, Chunk { address: line[1], size: size(line[2])?, mask }));
    }
    Stored::chunked(&shape, kind.bytes(), chunk_rows, found, length)
}

/// What tells a file from others: its length, the time of its last change (ns), its number and its device.
#[pyfunction]
#[pyo3(signature = (path))]
pub(crate) fn file_identity(path: PathBuf) -> PyResult<Identity> {
    let there = std::fs::metadata(&path)?;
    if !there.is_file() {
        return Err(PyOSError::new_err("it is no plain file"));
    }
    Ok(identity_of(&there))
}

/// Walks the texts of a file before HDF5 does, which does not leave damaged ones; `ranges` (first byte, and the one behind the last)
/// hold numbers.
#[pyfunction]
#[pyo3(signature = (path, ranges))]
pub(crate) fn check_texts(py: Python<'_>, path: PathBuf, ranges: &Bound<'_, PyArray2<u64>>) -> PyResult<()> {
    let trouble = |e: &dyn std::fmt::Display| DynsparseError::new_err(format!("{}: {e}", path.display()));
    let ranges: PyReadonlyArray2<'_, u64> = ranges.extract()?;
    if ranges.shape()[1] != 2 {
        return Err(PyValueError::new_err("ranges have two numbers"));
    }
    let ranges: Vec<Range<u64>> = ranges.as_array().rows().into_iter().map(|r| r[0]..r[1]).collect();
    py.detach(|| {
        let file = File::open(&path).map_err(|e| trouble(&e))?;
        let length = file.metadata().map_err(|e| trouble(&e))?.len();
        heap::check(&file, length, ranges).map_err(|e| trouble(&e))
    })
}
