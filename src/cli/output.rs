//! What goes to stdout and stderr.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use dynsparse::text;

/// Version, commit and the libraries in use.
pub(super) fn version() -> String {
    let commit = dynsparse::record::COMMIT;
    format!(
        "{} ({}, MuJoCo {}, HDF5 {})",
        env!("CARGO_PKG_VERSION"),
        &commit[..commit.len().min(9)],
        dynsparse::physics::mujoco_version(),
        dynsparse::dataset::hdf5_version()
    )
}

/// Writes to stdout. What names have in them that a terminal would obey is written out.
///
/// # Errors
/// When stdout is closed.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text::lines(text).as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// A reader that went away (`| head`) is no error.
pub(super) fn broken_pipe(error: &anyhow::Error) -> Option<ExitCode> {
    let io = error.downcast_ref::<std::io::Error>()?;
    (io.kind() == std::io::ErrorKind::BrokenPipe).then_some(ExitCode::SUCCESS)
}

/// One line on stderr; it stays one line whatever a library has put into the message.
pub(super) fn report(error: &anyhow::Error) {
    let text = format!("{error:#}");
    let line = text.split(['\n', '\r']).map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ");
    let line = text::plain(&line);
    let _ = if colour() {
        writeln!(std::io::stderr(), "\x1b[1;31merror\x1b[0m: {line}")
    } else {
        writeln!(std::io::stderr(), "error: {line}")
    };
}

/// What another process had to say, on stderr.
pub(super) fn aside(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// As [`report`], of one task of many.
pub(super) fn report_task(task: &str, reason: &str) {
    let reason = reason.strip_prefix(&format!("{task}: ")).unwrap_or(reason);
    report(&anyhow::anyhow!("{task}: {reason}"));
}

/// The log: lines on stderr, in which what names have in them is written out as in [`print`].
pub(super) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // A line comes in one piece.
        let shown = String::from_utf8_lossy(bytes);
        std::io::stderr().write_all(text::lines(&shown).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Whether stderr takes colours.
pub(super) fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Bytes for people.
pub(super) fn bytes(n: u64) -> String {
    let n = n as f64;
    for (unit, size) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] {
        if n >= size {
            return format!("{:.1} {unit}", n / size);
        }
    }
    format!("{n} B")
}

/// A whole number with thin groups of three, as people read it.
pub(super) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// Aligns all columns from `first` on to the right.
pub(super) fn right_aligned(table: &mut comfy_table::Table, first: usize) {
    for i in first..table.column_count() {
        if let Some(column) = table.column_mut(i) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
}

/// A table as text, without the blank that the layout puts at both ends of a line.
pub(super) fn table(table: &comfy_table::Table) -> String {
    table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned() + "\n").collect()
}

/// `name` and its text, broken at spaces before column 80.
pub(super) fn wrapped(name: &str, text: &str) -> String {
    let mut out = format!("  {name:<9}");
    let mut width = out.len();
    for word in text.split(' ') {
        if width + 1 + word.len() > 79 && width > 11 {
            out.push_str("\n           ");
            width = 11;
        }
        out.push(' ');
        out.push_str(word);
        width += 1 + word.chars().count();
    }
    out.push('\n');
    out
}

/// A time for people.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A name that leaves room for the rest of a row.
pub(super) fn short(name: &str) -> String {
    if name.chars().count() <= 32 { name.to_owned() } else { format!("{}~", name.chars().take(31).collect::<String>()) }
}

/// Tasks that lack their model files, and the command that fetches them.
pub(super) fn no_files(tasks: &[&str], fix: &str) -> String {
    wrapped("no files", &format!("of {}: run `{fix}`, then the same sweep again", tasks.join(", ")))
}

/// The digest of a whole sweep, as a last line that two sites can compare.
pub(super) fn whole(tasks: usize, content: &str) -> String {
    format!("all {tasks} tasks are done; compare the next line with other sites\ncontent {content}\n")
}
