//! `dynsparse view`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::dataset::Recording;
use dynsparse::files::{FileKind, Inputs, Output};
use dynsparse::view::{View, ViewSettings};

use super::output as terminal;

const AFTER: &str = "\
Examples:
  dynsparse view WalkerRun.h5           episode 0, into WalkerRun.html
  dynsparse view a.h5 --episode 3 --from 200 --to 599 -o kick.html
  dynsparse view a.h5 --budget-mb 60    more steps, finer meshes

The page opens from disk in any browser and fetches nothing: the robot in motion, A and B of each step beside it, what \
acts, and the share of zeros over time, which one scrubs. A click on an entry shows its value over time and the bodies \
that it joins, a click on a contact the entries that switch with it. Numbers on the page have four digits; a \
recording without zero masks is read with the threshold 1e-7, and the page says so.
Meshes are made coarser, and without --to as many steps are shown as have room in the budget.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// The recording
    file: PathBuf,
    /// The page; one of this name is replaced [default: the recording's name with .html]
    #[arg(short, long, value_name = "FILE.html")]
    output: Option<PathBuf>,
    /// Number of the episode
    #[arg(long, value_name = "N", default_value_t = 0)]
    episode: i64,
    /// The first step
    #[arg(long, value_name = "STEP", default_value_t = 0)]
    from: usize,
    /// The last step [default: as many as have room]
    #[arg(long, value_name = "STEP")]
    to: Option<usize>,
    /// Size of the page at most, MB
    #[arg(long, value_name = "MB", default_value_t = 15.0, value_parser = megabytes)]
    budget_mb: f64,
}

/// Megabytes that the smallest page takes, and above which no browser opens one with pleasure.
const SIZES: [f64; 2] = [0.2, 500.0];

/// A size of a page, MB.
fn megabytes(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|mb| (SIZES[0]..=SIZES[1]).contains(mb));
    parsed.ok_or_else(|| format!("give {} to {} MB", SIZES[0], SIZES[1]))
}

/// Writes the page.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let page = args.output.clone().unwrap_or_else(|| args.file.with_extension("html"));
    // A recording is never overwritten by its page.
    let is_html = page.extension().is_some_and(|e| e.eq_ignore_ascii_case("html") || e.eq_ignore_ascii_case("htm"));
    anyhow::ensure!(is_html, "{}: a page is HTML; give --output a name that ends in .html", page.display());
    let output = Output::claim(&page, FileKind::Html, &Inputs::new([&args.file]))?;
    let settings =
        ViewSettings { episode: args.episode, from: args.from, to: args.to, budget: (args.budget_mb * 1e6) as usize };
    let recording = Recording::open(&args.file)?;
    let view = View::new(&recording, &settings, &format!("dynsparse {}", terminal::version()))?;
    output.write(view.html.as_bytes())?;
    let of = if view.steps.len() < view.length { format!(" of {}", view.length) } else { String::new() };
    let mut text = format!(
        "{}: episode {}, steps {} to {}{of}, {}\n",
        page.display(),
        args.episode,
        view.steps.start,
        view.steps.end - 1,
        terminal::bytes(view.html.len() as u64)
    );
    for note in &view.notes {
        text.push_str(&format!("{note}\n"));
    }
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
