//! `dynsparse view`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use dynsparse::dataset::Recording;
use dynsparse::files::{FileKind, Inputs, Output};
use dynsparse::view::{Video, VideoFormat, VideoSettings, View, ViewError, ViewSettings};

use super::progress::Lines;
use super::{absent, output as terminal, render, signals};

const AFTER: &str = "\
Examples:
  dynsparse view WalkerRun.h5           episode 0, into WalkerRun.html
  dynsparse view a.h5 --episode 3 --from 200 --to 599 -o kick.html
  dynsparse view a.h5 --budget-mb 60    more steps, finer meshes
  dynsparse view a.h5 --video walk.mp4 --speed 0.5
                                        a video for a talk, at half the speed
  dynsparse view a.h5 --video step.png --from 60 --to 60 --size 1920x1080
                                        one step as a picture

The page opens from disk in any browser and fetches nothing: the robot in motion, A and B of each step beside it, what \
acts, and the share of zeros over time, which one scrubs. A click on an entry shows its value over time and the bodies \
that it joins, a click on a contact the entries that switch with it. Numbers on the page have four digits; a \
recording without zero masks is read with the threshold 1e-7, and the page says so.
Meshes are made coarser, and without --to as many steps are shown as have room in the budget.
A video has the same beside each other, drawn by MuJoCo's own renderer (see `dynsparse render --help`): MP4 with H.264, \
or PNG, which moves where there are several frames. It shows every step, or every n-th one where that were more than \
50 frames a second.";

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
    /// A video in the place of the page; one of this name is replaced
    #[arg(long, value_name = "FILE.mp4|FILE.png", conflicts_with_all = ["output", "budget_mb"])]
    video: Option<PathBuf>,
    /// Size of the video, pixels
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = render::size, requires = "video")]
    size: (usize, usize),
    /// Frames of the video a second [default: one for each step, 50 at most]
    #[arg(long, value_name = "N", requires = "video")]
    fps: Option<f64>,
    /// Seconds of the episode in a second of the video
    #[arg(long, value_name = "X", default_value_t = 1.0, requires = "video")]
    speed: f64,
    /// A camera of the model, or "free", for the video
    #[arg(long, value_name = "NAME", requires = "video")]
    camera: Option<String>,
}

/// Megabytes that the smallest page takes, and above which no browser opens one with pleasure.
const SIZES: [f64; 2] = [0.2, 500.0];

/// A size of a page, MB.
fn megabytes(text: &str) -> Result<f64, String> {
    let parsed = text.parse().ok().filter(|mb| (SIZES[0]..=SIZES[1]).contains(mb));
    parsed.ok_or_else(|| format!("give {} to {} MB", SIZES[0], SIZES[1]))
}

/// Writes the page, or the video.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(video) = &args.video {
        return film(args, video);
    }
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

/// What a video is by the ending of its name.
fn format(video: &Path) -> anyhow::Result<(VideoFormat, FileKind)> {
    let ending = video.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let Some((_, format)) = VideoFormat::ENDINGS.into_iter().find(|(known, _)| *known == ending) else {
        anyhow::bail!(
            "{}: a video is .mp4 (H.264) or .png (a picture, or several that move); give --video such a name",
            video.display()
        );
    };
    if !format.is_built() {
        let missing = absent::missing("write videos as MP4", "video");
        anyhow::bail!("{}: {missing}; a name that ends in .png makes an animated picture", video.display());
    }
    let kind = match format {
        VideoFormat::Mp4 => FileKind::Mp4,
        VideoFormat::Png => FileKind::Png,
    };
    Ok((format, kind))
}

/// Writes the video.
fn film(args: &Args, name: &Path) -> anyhow::Result<ExitCode> {
    let (format, kind) = format(name)?;
    let stop = signals::install()?;
    let output = Output::claim(name, kind, &Inputs::new([&args.file]))?;
    let settings = VideoSettings {
        episode: args.episode,
        from: args.from,
        to: args.to,
        size: args.size.into(),
        rate: args.fps,
        speed: args.speed,
        camera: args.camera.clone(),
    };
    let recording = Recording::open(&args.file)?;
    let mut video = Video::new(&recording, settings)?;
    let (frames, mut lines) = (video.frames(), Lines::new());
    let mut go_on = |done: usize| {
        if lines.is_due() {
            let _ = writeln!(std::io::stderr(), "view: {done} of {frames} frames");
        }
        !stop.load(Ordering::Relaxed)
    };
    let bytes = output.write_by(|file| {
        video.write(format, std::io::BufWriter::new(&mut *file), &mut go_on)?;
        Ok::<u64, ViewError>(file.metadata()?.len())
    })?;
    let ([from, to], length) = video.steps();
    let of = if to - from + 1 < length { format!(" of {length}") } else { String::new() };
    let every = if video.every() > 1 { format!(", every {}th", video.every()) } else { String::new() };
    let times = match frames {
        1 => "1 frame".to_owned(),
        n => format!("{n} frames, {:.4} a second", video.rate()),
    };
    terminal::print(&format!(
        "{}: episode {}, steps {from} to {to}{of}{every}, {times}, camera {}, {}",
        name.display(),
        args.episode,
        video.camera(),
        terminal::bytes(bytes)
    ))?;
    Ok(ExitCode::SUCCESS)
}
