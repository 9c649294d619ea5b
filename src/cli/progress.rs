//! Progress on stderr: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dynsparse::record::RecordProgress;
use dynsparse::sweep::{SweepWatch, TaskReport};
use dynsparse::text;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Time between two looks at the clock on a terminal.
const TICK: Duration = Duration::from_millis(500);

/// Shows how a job comes along.
pub(super) struct Shown {
    what: String,
    terminal: bool,
    bar: Mutex<Option<ProgressBar>>,
    lines: Mutex<Lines>,
    rows: AtomicU64,
    episodes: AtomicU64,
    total: AtomicU64,
    ended_early: AtomicU64,
}

/// Lines that are said now and then.
pub(super) struct Lines {
    started: Instant,
    last: Instant,
}

impl Lines {
    /// From now on.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { started: now, last: now }
    }

    /// Whether one is due: seconds after the one before.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.last.elapsed() >= LINE_EVERY;
        if due {
            self.last = Instant::now();
        }
        due
    }
}

impl Shown {
    /// For a job of that name.
    pub(super) fn new(what: &str) -> Self {
        Self {
            what: text::plain(what).into_owned(),
            // Log lines and a bar would tear each other apart.
            terminal: std::io::stderr().is_terminal() && !tracing::enabled!(tracing::Level::INFO),
            bar: Mutex::new(None),
            lines: Mutex::new(Lines::new()),
            rows: AtomicU64::new(0),
            episodes: AtomicU64::new(0),
            total: AtomicU64::new(0),
            ended_early: AtomicU64::new(0),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = lock(&self.bar).take() {
            bar.finish_and_clear();
        }
    }

    /// Episodes that ended before their last step.
    pub(super) fn ended_early(&self) -> u64 {
        self.ended_early.load(Ordering::Relaxed)
    }

    fn line(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{}: {text}", self.what);
    }

    fn message(&self) -> String {
        format!("{}/{} episodes", self.episodes.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl RecordProgress for Shown {
    fn begin(&self, episodes: u64, done: u64, rows: usize) {
        self.total.store(episodes, Ordering::Relaxed);
        self.episodes.store(done, Ordering::Relaxed);
        if done > 0 {
            self.line(&format!("{done} of {episodes} episodes are there already"));
        }
        if self.terminal && done < episodes {
            let bar = ProgressBar::new((episodes - done).saturating_mul(rows as u64));
            let template = "{prefix} {bar:12} {percent:>3}%  {rate:>14}  {eta:>4} left  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:.0} steps/s", state.per_sec());
                };
                bar.set_style(style.with_key("rate", rate).progress_chars("━╸─"));
            }
            bar.set_prefix(self.what.clone());
            bar.set_message(self.message());
            *lock(&self.bar) = Some(bar);
        }
    }

    fn row(&self) {
        let n = self.rows.fetch_add(1, Ordering::Relaxed) + 1;
        // Drawing takes a lock; the rows of a small model come every few microseconds.
        if !n.is_multiple_of(64) {
            return;
        }
        if self.terminal {
            if let Some(bar) = &*lock(&self.bar) {
                bar.set_position(n);
            }
            return;
        }
        let mut lines = lock(&self.lines);
        if lines.is_due() {
            let rate = n as f64 / lines.started.elapsed().as_secs_f64();
            self.line(&format!("{}, {n} steps, {rate:.0} steps/s", self.message()));
        }
    }

    fn episode(&self, episode: u64, rows: usize, end: &str) {
        self.episodes.fetch_add(1, Ordering::Relaxed);
        tracing::info!(episode, rows, end, "episode finished");
        if end != dynsparse::dataset::COMPLETED {
            self.ended_early.fetch_add(1, Ordering::Relaxed);
            tracing::info!(episode, "ended early: {end}");
        }
        if let Some(bar) = &*lock(&self.bar) {
            bar.set_message(self.message());
        }
    }

    fn joining(&self, done: u64, total: u64) {
        // While episodes come in, their number says more.
        if self.episodes.load(Ordering::Relaxed) < self.total.load(Ordering::Relaxed) {
            return;
        }
        if let Some(bar) = &*lock(&self.bar) {
            bar.set_message(format!("joining {done}/{total}"));
        }
    }
}

/// Shows how a sweep comes along: a bar for each running task and one for all of them.
pub(super) struct Board {
    bars: MultiProgress,
    total: ProgressBar,
    running: Mutex<Vec<(String, ProgressBar)>>,
    said: Arc<Said>,
}

/// What the lines say where there is no terminal.
struct Said {
    terminal: bool,
    lines: Mutex<Lines>,
    done: AtomicU64,
    tasks: AtomicU64,
}

impl Said {
    fn line(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "sweep: {text}");
    }

    /// A line now and then.
    fn now_and_then(&self, what: &str) {
        let mut lines = lock(&self.lines);
        if !self.terminal && lines.is_due() {
            let (done, tasks) = (self.done.load(Ordering::Relaxed), self.tasks.load(Ordering::Relaxed));
            let seconds = lines.started.elapsed().as_secs_f64();
            self.line(&format!("{done} of {tasks} tasks done, {seconds:.0} s; {what}"));
        }
    }
}

impl Board {
    /// With nothing on it.
    pub(super) fn new() -> Self {
        Self {
            bars: MultiProgress::new(),
            total: ProgressBar::hidden(),
            running: Mutex::new(Vec::new()),
            said: Arc::new(Said {
                // Log lines and bars would tear each other apart.
                terminal: std::io::stderr().is_terminal() && !tracing::enabled!(tracing::Level::INFO),
                lines: Mutex::new(Lines::new()),
                done: AtomicU64::new(0),
                tasks: AtomicU64::new(0),
            }),
        }
    }

    /// Takes all bars away.
    pub(super) fn finish(&self) {
        for (_, bar) in lock(&self.running).drain(..) {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
        let _ = self.bars.clear();
    }
}

impl SweepWatch for Board {
    fn planned(&self, tasks: usize, seconds: Option<f64>) {
        let Some(seconds) = seconds else {
            return self.said.line(&format!("measuring {tasks} tasks for a moment each"));
        };
        self.said.tasks.store(tasks as u64, Ordering::Relaxed);
        let work =
            if seconds > 0.0 { format!(", about {} of work", super::output::duration(seconds)) } else { String::new() };
        self.said.line(&format!("{tasks} tasks{work}"));
        let style = ProgressStyle::with_template("{prefix:24} {bar:16} {pos}/{len} tasks  {elapsed}");
        if let (true, Ok(style)) = (self.said.terminal, style) {
            self.bars.add(self.total.clone());
            self.total.set_style(style.progress_chars("━╸─"));
            self.total.set_length(tasks as u64);
            self.total.set_prefix("all");
            self.total.enable_steady_tick(TICK);
        }
    }

    fn begin(&self, task: &str) -> Arc<dyn RecordProgress + Send + Sync> {
        let bar = ProgressBar::hidden();
        let style = ProgressStyle::with_template("{prefix:24!} {bar:16} {percent:>3}%  {msg}");
        if let (true, Ok(style)) = (self.said.terminal, style) {
            self.bars.insert_before(&self.total, bar.clone());
            bar.set_style(style.progress_chars("━╸─"));
            bar.set_prefix(task.to_owned());
            lock(&self.running).push((task.to_owned(), bar.clone()));
        }
        Arc::new(TaskBar {
            task: task.to_owned(),
            bar,
            rows: AtomicU64::new(0),
            episodes: AtomicU64::new(0),
            total: AtomicU64::new(0),
            said: self.said.clone(),
        })
    }

    fn end(&self, report: &TaskReport) {
        let done = self.said.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.total.set_position(done);
        let mut running = lock(&self.running);
        if let Some(at) = running.iter().position(|(name, _)| *name == report.name) {
            running.remove(at).1.finish_and_clear();
        }
        drop(running);
        tracing::info!(task = report.name, outcome = ?report.outcome, "task ended");
        self.said.now_and_then(&format!("{} ended", report.name));
    }
}

/// One running task of a sweep.
struct TaskBar {
    task: String,
    bar: ProgressBar,
    rows: AtomicU64,
    episodes: AtomicU64,
    total: AtomicU64,
    said: Arc<Said>,
}

impl TaskBar {
    fn message(&self) -> String {
        format!("{}/{} episodes", self.episodes.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

impl RecordProgress for TaskBar {
    fn begin(&self, episodes: u64, done: u64, rows: usize) {
        self.total.store(episodes, Ordering::Relaxed);
        self.episodes.store(done, Ordering::Relaxed);
        self.bar.set_length(episodes.saturating_mul(rows as u64));
        self.rows.store(done.saturating_mul(rows as u64), Ordering::Relaxed);
        self.bar.set_message(self.message());
    }

    fn row(&self) {
        let n = self.rows.fetch_add(1, Ordering::Relaxed) + 1;
        // Drawing takes a lock; the rows of a small model come every few microseconds.
        if n.is_multiple_of(64) {
            self.bar.set_position(n);
            self.said.now_and_then(&format!("{} {}", self.task, self.message()));
        }
    }

    fn episode(&self, episode: u64, rows: usize, end: &str) {
        self.episodes.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(task = self.task, episode, rows, end, "episode finished");
        self.bar.set_message(self.message());
        self.said.now_and_then(&format!("{} {}", self.task, self.message()));
    }

    fn joining(&self, _: u64, _: u64) {}
}
