//! `dynsparse render`.

use std::path::PathBuf;
use std::process::ExitCode;

use dynsparse::dataset::Recording;
use dynsparse::files::{FileKind, Inputs, Output};
use dynsparse::render::{Pick, RenderSettings, Shots};

use super::output as terminal;

const AFTER: &str = "\
Examples:
  dynsparse render CheetahRun.h5  8 frames of episode 0 into CheetahRun.png
  dynsparse render a.h5 --episode 3 --every 20 --contacts
  dynsparse render a.h5 --at 120 --size 1280x960
                                  one state, large
  dynsparse render a.h5 --video -o a-film.png
                                  an animated PNG in real time

Pictures are drawn by MuJoCo's own renderer, without a window, from the states and the model in the file; nothing is \
simulated. This takes OpenGL through EGL, which on Debian and Ubuntu is in libegl1 and libgl1-mesa-dri.
The default camera is the model's first one that follows a body, else its first one, else the free one.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Args {
    /// The recording
    file: PathBuf,
    /// The picture; one of this name is replaced [default: the recording's name with .png]
    #[arg(short, long, value_name = "FILE.png")]
    output: Option<PathBuf>,
    /// Number of the episode
    #[arg(long, value_name = "N", default_value_t = 0)]
    episode: i64,
    /// How many frames, from the first step to the last [default: 8]
    #[arg(long, value_name = "N", group = "steps")]
    frames: Option<usize>,
    /// A frame of every so many steps
    #[arg(long, value_name = "N", group = "steps")]
    every: Option<usize>,
    /// Frames of these steps of the episode
    #[arg(long, value_name = "STEP,...", value_delimiter = ',', group = "steps")]
    at: Option<Vec<usize>>,
    /// A camera of the model, or "free"
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// Size of a frame, pixels
    #[arg(long, value_name = "WxH", default_value = "320x240", value_parser = size)]
    size: (usize, usize),
    /// Frames in a row
    #[arg(long, value_name = "N", default_value_t = 4, conflicts_with = "video")]
    columns: usize,
    /// Draw contact points and forces
    #[arg(long)]
    contacts: bool,
    /// An animated PNG in real time instead, of at most 25 frames a second unless frames are chosen
    #[arg(long)]
    video: bool,
}

/// A width and a height.
pub(super) fn size(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    parsed.ok_or_else(|| "give width and height in pixels, such as 320x240".to_owned())
}

/// Draws.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let picture = args.output.clone().unwrap_or_else(|| args.file.with_extension("png"));
    // A recording is never overwritten by its picture.
    let is_png = picture.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    anyhow::ensure!(is_png, "{}: a picture is a PNG; give --output a name that ends in .png", picture.display());
    let output = Output::claim(&picture, FileKind::Png, &Inputs::new([&args.file]))?;

    let pick = match (args.frames, args.every, &args.at) {
        (Some(n), ..) => Pick::Count(n),
        (_, Some(n), _) => Pick::Every(n),
        (.., Some(steps)) => Pick::Steps(steps.clone()),
        _ if args.video => Pick::Film,
        _ => Pick::Count(8),
    };
    let (width, height) = args.size;
    let settings = RenderSettings {
        episode: args.episode,
        pick,
        camera: args.camera.clone(),
        width,
        height,
        contacts: args.contacts,
    };
    let recording = Recording::open(&args.file)?;
    let mut shots = Shots::new(&recording, settings)?;
    let bytes = if args.video { shots.film()? } else { shots.strip(args.columns)? };
    output.write(&bytes)?;
    let steps = match shots.steps() {
        [only] => format!("step {only}"),
        [first, .., last] => format!("{} frames, steps {first} to {last}", shots.steps().len()),
        [] => String::new(),
    };
    terminal::print(&format!(
        "{}: episode {}, {steps}, camera {}, {}",
        picture.display(),
        args.episode,
        shots.camera(),
        terminal::bytes(bytes.len() as u64)
    ))?;
    Ok(ExitCode::SUCCESS)
}
