//! `dynsparse export`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::dataset::Recording;
use dynsparse::export::{ExportFormat, ExportJob, export};

use super::output::{self, grouped};

const AFTER: &str = "\
Examples:
  dynsparse export CheetahRun.h5 --to minari -o datasets/dynsparse/cheetah-v0
                    minari.load_dataset(\"dynsparse/cheetah-v0\", download=False)
                    with MINARI_DATASETS_PATH=datasets
  dynsparse export CheetahRun.h5 --to lerobot -o cheetah
                    LeRobotDataset(\"me/cheetah\", root=\"cheetah\")

Minari: observations (the task's, qpos, qvel, act) with the state after the last step, actions, rewards, terminations; A, \
B, their verdicts, flags and sensors are in infos, a row a step. LeRobot v3.0: observation.state, action, next.reward in \
single precision as its policies expect, and dynsparse.A, dynsparse.B and the rest as they were recorded.
The folder is new or empty, and is there whole or not at all.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// The recording
    file: PathBuf,
    /// The library that the data set is for
    #[arg(long, value_name = "LIBRARY")]
    to: ExportFormat,
    /// Folder of the data set
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Name of the data set in Minari [default: the last two parts of the folder]
    #[arg(long, value_name = "NAMESPACE/NAME-v0")]
    name: Option<String>,
}

/// Writes the data set.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let recording = Recording::open(&args.file)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => from_folder(&args.output),
    };
    match args.to {
        ExportFormat::Lerobot => anyhow::ensure!(
            args.name.is_none(),
            "--name: a data set of LeRobot has no name but that of its folder; leave it out"
        ),
        ExportFormat::Minari if !is_minari_name(&name) => {
            let from = if args.name.is_some() { "--name" } else { "--output" };
            anyhow::bail!(
                "{from}: \"{}\" is no name of a data set in Minari; give --name one like dynsparse/cheetah-v0",
                dynsparse::text::plain(&name)
            );
        }
        ExportFormat::Minari => {}
    }
    let job = ExportJob { recording: &recording, format: args.to, folder: &args.output, name };
    let done = export(&job)?;
    let mut text = format!("{}: {} episodes, {} steps\n", args.output.display(), done.episodes, grouped(done.steps));
    for note in done.notes {
        text.push_str(&format!("  {note}\n"));
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The last two parts of a folder's path, or the last one, as a name.
fn from_folder(folder: &std::path::Path) -> String {
    let has_name = folder.components().any(|part| matches!(part, std::path::Component::Normal(_)));
    let whole = std::path::absolute(folder).unwrap_or_default();
    let folder = if has_name { folder } else { &whole };
    let parts: Vec<String> = folder
        .components()
        .filter_map(|part| match part {
            std::path::Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

/// Letters, digits, - and _ in parts divided by /, the last with a version behind it.
fn is_minari_name(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let version = name.rsplit_once("-v").is_some_and(|(before, n)| {
        !before.is_empty() && !before.ends_with('/') && !n.is_empty() && n.chars().all(|c| c.is_ascii_digit())
    });
    version && name.split('/').all(part)
}
