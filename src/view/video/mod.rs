//! An episode as a video for talks: the robot as MuJoCo draws it, A and B beside it, what acts, and the share of zeros over time.
//!
//! Frame k of a video of `rate` frames a second at `speed` shows the step that is under way at the time of the episode
//!
//! ```text
//! t_k = k speed / rate,    step_k = floor(t_k / dt),    k = 0 .. floor((N dt - dt) rate / speed)
//! ```
//!
//! for N steps of dt. `source` reads the steps, `sheet` and `letters` are what is drawn with, `matrix` (over `bins`), `acting` and
//! `timeline` what is drawn, `film` where it goes: `h264` and `mp4`, or PNG.

mod acting;
mod bins;
mod film;
#[cfg(feature = "video")]
mod h264;
mod letters;
mod matrix;
#[cfg(feature = "video")]
mod mp4;
mod sheet;
mod source;
mod timeline;
mod words;

use std::io::{Seek, Write};
use std::ops::Range;

pub use film::VideoFormat;

use super::ViewError;
use super::axes::Axes;
use super::matrices::Kept;
use crate::dataset::Recording;
use crate::dataset::schema::{Axis, attribute};
use crate::physics::Renderer;
use crate::render::{States, find_camera, find_episode, step_duration};
use acting::{Acting, GeomNames};
use film::Shape;
use letters::{Anchor, Letters};
use matrix::{MatrixSubject, MatrixView};
use sheet::{Colours, Sheet};
use source::{Block, Source};
use timeline::{Course, Share, Timeline};

/// What to show, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoSettings {
    /// Number of the episode.
    pub episode: i64,
    /// Its first step.
    pub from: usize,
    /// Its last step; None: the last one that there is.
    pub to: Option<usize>,
    /// Width and height of a frame, pixels; both even.
    pub size: [usize; 2],
    /// Frames a second; None: one for each step, or for every n-th where these are more than 50.
    pub rate: Option<f64>,
    /// Seconds of the episode in a second of the video.
    pub speed: f64,
    /// A camera by its name or number, or `free`; None: the one that shows the model best.
    pub camera: Option<String>,
}

/// Frames a second at most where none are asked for.
const USUAL_RATE: f64 = 50.0;

/// Steps on each side of the time line where one step alone is shown.
const BESIDE: usize = 200;

/// Frames a second that can be asked for, and how fast a video may go.
const RATES: [f64; 2] = [1.0, 60.0];
const SPEEDS: [f64; 2] = [1e-4, 1e4];

/// Width and height of a frame at least and at most, pixels: what its letters need, and what H.264 has.
const LEAST_SIZE: [usize; 2] = [480, 270];
const MOST_SIZE: [usize; 2] = [3840, 2160];

/// A frame is drawn in units, of which there are so many across and down, or more in one direction.
const UNITS: [f32; 2] = [1280.0, 720.0];

/// Places in units: the margin, the line below the title, what the robot takes of the width.
const MARGIN: f32 = 20.0;
const HEAD: f32 = 54.0;
const ROBOT: f32 = 0.48;
/// Heights of the time line and of the words above it.
const TIMELINE: f32 = 148.0;
const WORDS: f32 = 140.0;
const KEY: f32 = 34.0;
const LEGEND: f32 = 26.0;

/// A video of an episode.
pub struct Video<'r> {
    recording: &'r Recording,
    settings: VideoSettings,
    /// Steps that the episode has, and seconds of one.
    length: usize,
    dt: f64,
    rate: f64,
    /// Steps that are shown.
    shown: Range<usize>,
    /// Steps of the time line.
    along: Range<usize>,
    /// By frame, its step counted from the first one of the time line.
    steps: Vec<usize>,
    camera: String,
    source: Source<'r>,
    states: States<'r>,
    renderer: Renderer,
    place: Place,
    letters: Letters,
    title: [String; 2],
}

/// Where the robot is on a frame, pixels, and how large a unit is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    scale: f32,
    /// The whole, in units.
    whole: [f32; 2],
    robot_at: [usize; 2],
    robot_size: [usize; 2],
}

impl Place {
    fn of([width, height]: [usize; 2]) -> Self {
        let scale = (width as f32 / UNITS[0]).min(height as f32 / UNITS[1]);
        let whole = [width as f32 / scale, height as f32 / scale];
        let px = |units: f32| (units * scale).round().max(1.0) as usize;
        let robot = [(whole[0] - 2.0 * MARGIN) * ROBOT, whole[1] - HEAD - WORDS - KEY - TIMELINE - MARGIN - 12.0];
        Self { scale, whole, robot_at: [px(MARGIN), px(HEAD)], robot_size: robot.map(px) }
    }

    /// The right edge of the robot, units.
    fn right(&self) -> f32 {
        (self.robot_at[0] + self.robot_size[0]) as f32 / self.scale
    }

    /// Its lower edge.
    fn below(&self) -> f32 {
        (self.robot_at[1] + self.robot_size[1]) as f32 / self.scale
    }
}

impl<'r> Video<'r> {
    /// Opens an episode for a video.
    ///
    /// # Errors
    /// [`ViewError::Setting`] with what is there instead of what was asked for; [`ViewError::Physics`] without OpenGL; others when
    /// the recording or its model cannot be used.
    pub fn new(recording: &'r Recording, settings: VideoSettings) -> Result<Self, ViewError> {
        let named = |reason| ViewError::Setting(format!("{}: {reason}", recording.path().display()));
        check(&settings).map_err(ViewError::Setting)?;
        let (at, episode) = find_episode(recording, settings.episode)?;
        let length = episode.length.max(0) as usize;
        let shown = super::shown_steps(settings.episode, settings.from, settings.to, length).map_err(named)?;
        let dt = step_duration(recording)?;
        let (rate, mut steps) = frames(shown.len(), dt, &settings).map_err(named)?;
        let along = match shown.len() {
            1 => shown.start.saturating_sub(BESIDE)..shown.end.saturating_add(BESIDE).min(length),
            _ => shown.clone(),
        };
        steps.iter_mut().for_each(|step| *step += shown.start - along.start);
        let kept = Kept::of(recording)?;
        let states = States::new(recording)?;
        let (camera, name) = find_camera(states.model(), settings.camera.as_deref()).map_err(named)?;
        let place = Place::of(settings.size);
        let [width, height] = place.robot_size;
        let renderer = Renderer::new(states.model(), width, height, camera, false)?;
        let first = recording.offsets()?[at];
        let rows = first + along.start..first + along.end;
        let (title, policy) = super::subject(recording);
        let letters = Letters::new().ok_or_else(|| ViewError::Setting("the font of this build is damaged".into()))?;
        Ok(Self {
            recording,
            length,
            dt,
            rate,
            shown,
            along,
            steps,
            camera: name,
            source: Source::new(recording, kept, rows),
            states,
            renderer,
            place,
            letters,
            title: [title, policy].map(|text| words::name(&text)),
            settings,
        })
    }

    /// Frames of the video.
    pub fn frames(&self) -> usize {
        self.steps.len()
    }

    /// Frames a second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The first and the last step, and how many the episode has.
    pub fn steps(&self) -> ([usize; 2], usize) {
        ([self.shown.start, self.shown.end - 1], self.length)
    }

    /// Steps of the episode from one frame to the next at least, where they are more than one.
    pub fn every(&self) -> usize {
        self.steps.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(1)
    }

    /// The name of the camera.
    pub fn camera(&self) -> &str {
        &self.camera
    }

    /// Draws and writes all frames. `go_on` gets how many are done, and says whether to go on.
    ///
    /// # Errors
    /// [`ViewError::Stopped`] where it says no; others when a state cannot be drawn, or a frame cannot be written.
    pub fn write<W: Write + Seek + Send>(
        &mut self,
        format: VideoFormat,
        out: W,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<(), ViewError> {
        let model = self.states.model().clone();
        let course = Course::read(&self.source, &model, &mut || go_on(0))?.ok_or(ViewError::Stopped)?;
        let axes = Axes::new(self.recording, &model)?;
        let shares = shares(&course, &axes);
        let [width, height] = self.settings.size;
        let mut still = Sheet::new(width, height, self.place.scale, &self.letters)?;
        let stage = self.stage(&mut still, &course, &shares, &axes, &model)?;
        let mut sheet = Sheet::new(width, height, self.place.scale, &self.letters)?;
        let mut robot = vec![0; 3 * self.place.robot_size[0] * self.place.robot_size[1]];
        let shape = Shape { width, height, rate: self.rate, frames: self.steps.len() };
        let film = film::begin(format, shape, out)?;
        let (mut done, mut last) = (0, None);
        film::filmed(film, |frame| {
            if !go_on(done) {
                return Err(ViewError::Stopped);
            }
            let Some(step) = self.steps.get(done).copied() else { return Ok(false) };
            // A frame that shows the step of the one before is that one once more.
            if last != Some(step) {
                let sim = self.states.put_back(self.source.rows.start + step)?;
                self.renderer.draw(sim, "", &mut robot)?;
                sheet.copy_from(&still);
                sheet.picture(self.place.robot_at, self.place.robot_size[0], &robot);
                let block = self.source.block_of(&model, step)?;
                stage.draw(&mut sheet, block, step, &course, &shares);
                last = Some(step);
            }
            frame.clear();
            frame.extend(sheet.pixels.data());
            done += 1;
            Ok(true)
        })
    }

    /// What stays from frame to frame, drawn once, and where what changes goes.
    fn stage(
        &self,
        sheet: &mut Sheet<'_>,
        course: &Course,
        shares: &[Share],
        axes: &Axes,
        model: &crate::physics::Model,
    ) -> Result<Stage, ViewError> {
        let colours = Colours::new();
        let [width, height] = self.place.whole;
        let (right, below) = (self.place.right() + 26.0, self.place.below());
        let time_top = height - TIMELINE;
        let subject = MatrixSubject {
            axes,
            decades: course.tally.decades(),
            has_values: self.source.kept.has_values(),
            has_test: self.source.kept.has_test(),
        };
        let panel = [width - MARGIN - right, time_top - KEY - HEAD - LEGEND - 22.0];
        let matrix = MatrixView::new(sheet, [right, HEAD + 22.0], panel, &subject);
        matrix.frame(sheet);
        matrix.legend(sheet, [right, time_top - KEY - 10.0], panel[0], subject.has_test);
        let none = "The model has no degree of freedom.".to_owned();
        let heading = Some(matrix.heading()).filter(|heading| !heading.is_empty()).unwrap_or(none);
        sheet.text((14.0, true), colours.ink, [right, HEAD + 12.0], Anchor::Start, &heading);

        let looks = model.looks();
        let geoms = GeomNames::new(self.recording.labels(Axis::Geom)?, &model.body_names(), |geom| {
            looks.get(geom).map(|look| look.body)
        });
        let acting = Acting {
            at: [MARGIN, below + 12.0],
            size: [self.place.right() - MARGIN, time_top - KEY - below - 12.0],
            geoms,
            substeps: self.recording.int_attribute(attribute::SUBSTEPS).unwrap_or(1),
            colours,
        };
        acting.frame(sheet);
        let ([x, y], robot) = (self.place.robot_at, self.place.robot_size);
        sheet.pixels([x - 1, y - 1], [robot[0] + 2, robot[1] + 2], colours.grid);
        let timeline = Timeline::new([MARGIN, time_top], [width - 2.0 * MARGIN, TIMELINE - 10.0], course, shares);
        timeline.frame(sheet, course, shares);
        let at_most = course.times.last().map_or(0.0, |t| t.abs()).max(course.times.first().map_or(0.0, |t| t.abs()));
        let widest = format!("step {}   {}", self.along.end - 1, words::seconds(at_most, self.dt));
        let clock = width - MARGIN - sheet.width(17.0, true, &widest.replace(|c: char| c.is_ascii_digit(), "0"));
        self.head(sheet, clock - 24.0, colours);
        let key = [MARGIN + 62.0, time_top - 16.0];
        Ok(Stage { matrix, acting, timeline, clock, key, colours, from: self.along.start, dt: self.dt })
    }

    /// The title, and what is said of the episode, as far as there is room.
    fn head(&self, sheet: &mut Sheet<'_>, end: f32, colours: Colours) {
        let [title, policy] = &self.title;
        let title = sheet.fitted(22.0, true, title, end * 0.5);
        sheet.text((22.0, true), colours.ink, [MARGIN, 35.0], Anchor::Start, &title);
        let x = MARGIN + sheet.width(22.0, true, &title) + 16.0;
        let speed = match self.settings.speed {
            1.0 => String::new(),
            speed => format!(", at {speed} × real time"),
        };
        let policy = if policy.is_empty() { String::new() } else { format!(", policy {policy}") };
        let words = format!("Episode {}{speed}{policy}", self.settings.episode);
        let words = sheet.wrapped(13.0, &words, end - x, 1).remove(0);
        sheet.text((13.0, false), colours.soft, [x, 34.0], Anchor::Start, &words);
    }
}

/// Where what changes goes.
struct Stage {
    matrix: MatrixView,
    acting: Acting,
    timeline: Timeline,
    /// Left of the step and the time, units.
    clock: f32,
    /// Where the key of the curves begins.
    key: [f32; 2],
    colours: Colours,
    /// The first step of the time line, and seconds of a step.
    from: usize,
    dt: f64,
}

impl Stage {
    /// Draws a step, counted from the first one of the time line.
    fn draw(&self, sheet: &mut Sheet<'_>, block: &Block, step: usize, course: &Course, shares: &[Share]) {
        let own = step - block.steps.start;
        self.matrix.draw(sheet, [block.entries[0].at(own), block.entries[1].at(own)]);
        self.acting.draw(sheet, block, own);
        self.timeline.mark(sheet, step);
        self.timeline.key(sheet, self.key, shares, step);
        self.clock(sheet, self.from + step, course.times[step], self.dt);
    }

    fn clock(&self, sheet: &mut Sheet<'_>, step: usize, time: f64, dt: f64) {
        let right = sheet.pixels.width() as f32 / sheet.scale - MARGIN;
        let ink = self.colours.ink;
        sheet.text((17.0, true), ink, [self.clock, 34.0], Anchor::Start, &format!("step {step}"));
        sheet.text((17.0, true), ink, [right, 34.0], Anchor::End, &words::seconds(time, dt));
    }
}

/// The shares of zeros of those matrices that have entries.
fn shares(course: &Course, axes: &Axes) -> Vec<Share> {
    let (ndx, nu) = (axes.state.len(), axes.control.len());
    let of = |(matrix, name, entries): (usize, &'static str, usize)| {
        let [zero, undecided] = course.shares(matrix, entries);
        Share { name, zero, undecided }
    };
    [(0, "A", ndx * ndx), (1, "B", ndx * nu)].into_iter().filter(|(.., entries)| *entries > 0).map(of).collect()
}

/// What every video asks of its settings.
fn check(settings: &VideoSettings) -> Result<(), String> {
    let [width, height] = settings.size;
    let fits = |k: usize| (LEAST_SIZE[k]..=MOST_SIZE[k]).contains(&settings.size[k]);
    if !(fits(0) && fits(1)) {
        let ([w, h], [most_w, most_h]) = (LEAST_SIZE, MOST_SIZE);
        return Err(format!(
            "a frame of {width} x {height} pixels cannot be drawn; give {w}x{h} to {most_w}x{most_h} pixels"
        ));
    }
    if width % 2 + height % 2 > 0 {
        let [w, h] = settings.size.map(|n| n.next_multiple_of(2).min(n + 1));
        return Err(format!("a frame of {width} x {height} pixels is no video, whose sides are even; give {w}x{h}"));
    }
    if let Some(rate) = settings.rate.filter(|rate| !(RATES[0]..=RATES[1]).contains(rate)) {
        return Err(format!("{rate} frames a second are not played everywhere; give {} to {}", RATES[0], RATES[1]));
    }
    if !(SPEEDS[0]..=SPEEDS[1]).contains(&settings.speed) {
        return Err(format!("no video runs at a speed of {}; give {} to {}", settings.speed, SPEEDS[0], SPEEDS[1]));
    }
    Ok(())
}

/// Frames a second, and the step of each frame, of `n` steps of `dt`.
fn frames(n: usize, dt: f64, settings: &VideoSettings) -> Result<(f64, Vec<usize>), String> {
    let steps_a_second = settings.speed / dt;
    let rate = settings.rate.unwrap_or_else(|| match steps_a_second {
        own if own > USUAL_RATE => own / (own / USUAL_RATE - 1e-9).ceil(),
        // What is slower is shown in frames that repeat, since not every player shows few.
        own => own * (RATES[0] / own - 1e-9).ceil().max(1.0),
    });
    let each = steps_a_second / rate;
    let number = ((n - 1) as f64 / each * (1.0 + 1e-12)).floor() + 1.0;
    if number > film::MOST_FRAMES as f64 {
        return Err(format!(
            "{number:.0} frames are more than {}; show fewer steps (--from, --to), or go faster (--speed, --fps)",
            film::MOST_FRAMES
        ));
    }
    let step = |frame: usize| ((frame as f64 * each * (1.0 + 1e-12)).floor() as usize).min(n - 1);
    Ok((rate, (0..number as usize).map(step).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(rate: Option<f64>, speed: f64) -> VideoSettings {
        VideoSettings { episode: 0, from: 0, to: None, size: [1280, 720], rate, speed, camera: None }
    }

    #[test]
    fn frames_follow_the_time_of_the_episode() {
        let of = |n, dt, rate, speed| frames(n, dt, &settings(rate, speed)).unwrap();
        // A step a frame, and every n-th where steps are short.
        assert_eq!(of(4, 0.025, None, 1.0), (40.0, vec![0, 1, 2, 3]));
        assert_eq!(of(10, 0.005, None, 1.0), (50.0, vec![0, 4, 8]));
        assert_eq!(of(10, 0.01, None, 0.5), (50.0, vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        let (rate, steps) = of(7, 0.03, None, 1.0);
        assert!((rate - 100.0 / 3.0).abs() < 1e-9 && steps == [0, 1, 2, 3, 4, 5, 6]);
        // As many as were asked for.
        assert_eq!(of(6, 0.02, Some(30.0), 1.0).1, [0, 1, 3, 5]);
        assert_eq!(of(3, 0.1, Some(30.0), 1.0).1, [0, 0, 0, 1, 1, 1, 2]);
        assert_eq!(of(2, 0.01, None, 0.001), (1.0, vec![0; 10].into_iter().chain([1]).collect()));
        assert_eq!(of(1, 0.01, None, 1.0).1, [0]);
        let all: Vec<usize> = of(99_999, 0.02, None, 1.0).1;
        assert_eq!(all, (0..99_999).collect::<Vec<_>>());
        assert!(frames(1_000_000, 0.02, &settings(None, 1.0)).unwrap_err().contains("more than 100000"));
    }

    #[test]
    fn what_is_no_video_is_refused() {
        for (size, words) in [([1281, 720], "give 1282x720"), ([100, 100], "480x270"), ([3840, 2162], "3840x2160")] {
            let reason = check(&VideoSettings { size, ..settings(None, 1.0) }).unwrap_err();
            assert!(reason.contains(words), "{reason}");
        }
        assert!(check(&settings(Some(0.0), 1.0)).is_err() && check(&settings(Some(f64::NAN), 1.0)).is_err());
        assert!(check(&settings(None, 0.0)).is_err() && check(&settings(None, -1.0)).is_err());
        assert!(check(&settings(Some(24.0), 0.25)).is_ok());
    }
}
