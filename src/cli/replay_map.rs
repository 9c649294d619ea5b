//! `dynsparse replay-map`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::files::{FileKind, Inputs, replace, resolve};
use dynsparse::logs::first_map;
use dynsparse::task::Task;

use super::output;

const AFTER: &str = "\
Examples:
  dynsparse replay-map so101/ so101.xml -o map.toml
  dynsparse replay-map panda.npz panda.xml

What names do not tell is TODO in the map, and refused until it is filled in; then
  dynsparse record so101.xml --log so101/ --map map.toml -o so101.h5
Without -o the map is printed.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// A robot's log: a LeRobot folder, HDF5, .npz or CSV
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// The MJCF file of its model
    #[arg(value_name = "MODEL.xml")]
    model: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a map that is there
    #[arg(long)]
    force: bool,
}

/// Writes a first map.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let output = args.output.as_ref().map(|path| resolve(path)).transpose()?;
    if let Some(path) = &output {
        Inputs::new([&args.log, &args.model]).spare(path)?;
        anyhow::ensure!(
            args.force || !path.exists(),
            "{} exists already; choose another name, or --force to replace it",
            path.display()
        );
    }
    let model = Task::from_mjcf(&args.model, 1, None, 0.0)?.source.load()?;
    let first = first_map(&args.log, &model, &args.model.display().to_string())?;
    let Some(path) = output else {
        output::print(&first.toml)?;
        return Ok(ExitCode::SUCCESS);
    };
    replace(&path, FileKind::Text, first.toml.as_bytes())?;
    let mut text = String::new();
    for note in &first.notes {
        let (name, rest) = note.split_once(": ").filter(|(name, _)| *name == "missing").unwrap_or(("", note));
        if name.is_empty() {
            text.push_str(&format!("{note}\n"));
        } else {
            text.push_str(&output::wrapped(&format!("{name}:"), rest));
        }
    }
    text.push_str(&format!("{}: {} values to fill in", path.display(), first.todo));
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
