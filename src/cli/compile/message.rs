//! What goes between the two processes: a line of JSON, and after it the bytes of what the line counts.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use dynsparse::physics::{Compiled, Files, ModelSource, PhysicsError, Want};
use serde::{Deserialize, Serialize};

/// Where a model comes from, without the bytes of its files.
#[derive(Debug, Serialize, Deserialize)]
enum Outline {
    Disk(PathBuf),
    Memory {
        main: String,
        files: Vec<(String, u64)>,
    },
    Kept {
        main: String,
        files: Vec<(String, u64)>,
        root: Option<String>,
    },
    /// In an answer: what was asked for, whose files need not come back.
    Same,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    source: Outline,
    /// Whether files are wanted, or given.
    files: bool,
    /// Bytes of the model.
    model: u64,
}

/// The model that is to be compiled.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) source: ModelSource,
    pub(super) want: Want,
}

/// Asks for a model.
///
/// # Errors
/// When the pipe is closed.
pub(super) fn ask(source: &ModelSource, want: Want, to: &mut impl Write) -> std::io::Result<()> {
    let files = want == Want::Files;
    line(to, &Head { source: outline(source), files, model: 0 })?;
    files_of(source).values().try_for_each(|bytes| to.write_all(bytes))
}

impl Question {
    pub(super) fn read(from: &mut impl Read) -> std::io::Result<Self> {
        let mut from = BufReader::new(from);
        let head: Head = read_line(&mut from)?;
        let want = if head.files { Want::Files } else { Want::Model };
        let source = read_source(head.source, &mut from)?.ok_or(std::io::ErrorKind::InvalidData)?;
        Ok(Self { source, want })
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    /// The source, where it is another than what was asked for, and the model.
    Compiled(Option<ModelSource>, Vec<u8>),
    Refused(Refusal),
}

/// The errors of a compilation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Refusal {
    Load { file: String, message: String },
    Nonsense { file: String, field: String, value: String, fix: String },
    File { file: String, message: String },
    Plugin { file: String, message: String },
    Other(String),
}

impl Answer {
    /// The answer to a question.
    pub(super) fn of(question: &Question, result: Result<Compiled, PhysicsError>) -> Self {
        let was_on_disk = matches!(question.source, ModelSource::Disk(_));
        match result {
            Ok(Compiled { source, model }) => Self::Compiled(Some(source).filter(|_| was_on_disk), model),
            Err(PhysicsError::Load { file, message }) => Self::Refused(Refusal::Load { file, message }),
            Err(PhysicsError::Nonsense { file, field, value, fix }) => {
                Self::Refused(Refusal::Nonsense { file, field, value, fix })
            }
            Err(PhysicsError::File { file, message }) => Self::Refused(Refusal::File { file, message }),
            Err(PhysicsError::Plugin { file, message }) => Self::Refused(Refusal::Plugin { file, message }),
            Err(PhysicsError::Mujoco(message)) => Self::Refused(Refusal::Other(message)),
            Err(other) => Self::Refused(Refusal::Other(other.to_string())),
        }
    }

    /// # Errors
    /// When the pipe is closed.
    pub(super) fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        match self {
            Self::Refused(refusal) => line(to, &Err::<Head, _>(refusal)),
            Self::Compiled(source, model) => {
                let outline = source.as_ref().map_or(Outline::Same, outline);
                line(to, &Ok::<_, Refusal>(Head { source: outline, files: true, model: model.len() as u64 }))?;
                let files = source.iter().flat_map(|source| files_of(source).values());
                files.into_iter().try_for_each(|bytes| to.write_all(bytes))?;
                to.write_all(model)
            }
        }?;
        to.flush()
    }

    /// # Errors
    /// When it is not whole.
    pub(super) fn read(from: &mut impl Read) -> std::io::Result<Self> {
        let mut from = BufReader::new(from);
        Ok(match read_line::<Result<Head, Refusal>>(&mut from)? {
            Err(refusal) => Self::Refused(refusal),
            Ok(head) => {
                let source = read_source(head.source, &mut from)?;
                Self::Compiled(source, read_bytes(head.model, &mut from)?)
            }
        })
    }

    /// The model, or why there is none; `asked` is what was asked for.
    ///
    /// # Errors
    /// What the process has found.
    pub(super) fn result(self, asked: &ModelSource) -> Result<Compiled, PhysicsError> {
        Err(match self {
            Self::Compiled(source, model) => {
                return Ok(Compiled { source: source.unwrap_or_else(|| asked.clone()), model });
            }
            Self::Refused(Refusal::Load { file, message }) => PhysicsError::Load { file, message },
            Self::Refused(Refusal::Nonsense { file, field, value, fix }) => {
                PhysicsError::Nonsense { file, field, value, fix }
            }
            Self::Refused(Refusal::File { file, message }) => PhysicsError::File { file, message },
            Self::Refused(Refusal::Plugin { file, message }) => PhysicsError::Plugin { file, message },
            Self::Refused(Refusal::Other(message)) => PhysicsError::Mujoco(message),
        })
    }
}

fn files_of(source: &ModelSource) -> &Files {
    static NONE: Files = Files::new();
    match source {
        ModelSource::Disk(_) => &NONE,
        ModelSource::Memory { files, .. } | ModelSource::Kept { files, .. } => files,
    }
}

fn outline(source: &ModelSource) -> Outline {
    let files = files_of(source).iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect();
    match source {
        ModelSource::Disk(path) => Outline::Disk(path.clone()),
        ModelSource::Memory { main, .. } => Outline::Memory { main: main.clone(), files },
        ModelSource::Kept { main, root, .. } => Outline::Kept { main: main.clone(), files, root: root.clone() },
    }
}

/// None for what was asked for.
fn read_source(outline: Outline, from: &mut impl Read) -> std::io::Result<Option<ModelSource>> {
    let mut read = |files: Vec<(String, u64)>| -> std::io::Result<Files> {
        files.into_iter().map(|(name, n)| Ok((name, Arc::from(read_bytes(n, from)?)))).collect()
    };
    Ok(Some(match outline {
        Outline::Same => return Ok(None),
        Outline::Disk(path) => ModelSource::Disk(path),
        Outline::Memory { main, files } => ModelSource::Memory { main, files: read(files)? },
        Outline::Kept { main, files, root } => ModelSource::Kept { main, files: read(files)?, root },
    }))
}

fn read_bytes(n: u64, from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(n).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == n { Ok(bytes) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

fn line(to: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, value)?;
    to.write_all(b"\n")
}

fn read_line<T: for<'a> Deserialize<'a>>(from: &mut impl BufRead) -> std::io::Result<T> {
    let mut text = Vec::new();
    from.read_until(b'\n', &mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
