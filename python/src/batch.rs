//! Many trajectories on all threads, in pieces; Ctrl-C ends it, inside of a control step too.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dynsparse_base::flags::StepFlags;
use dynsparse_engine::physics::stop_if;
use dynsparse_engine::{Differentiator, Error, Model, Sim, Worker};
use pyo3::prelude::*;
use rayon::ThreadPool;

use crate::inputs::Inputs;
use crate::outputs::Outputs;

/// How often the interpreter is asked for signals.
const PULSE: Duration = Duration::from_millis(50);

/// Questions that go by without a look at the clock, at most, and how near two looks have to be for that. A Jacobian asks hundreds
/// of times, and to look at each would be a percent of it.
const UNSEEN: u32 = 32;
const NEAR: Duration = Duration::from_micros(500);

/// Pieces that each thread takes, so that none waits long for the slowest.
const PIECES: usize = 8;

/// A limited control this near to an end of its range is at it.
const AT_LIMIT: f64 = 1e-6;

/// What is done with every trajectory.
pub(crate) struct Plan<'a> {
    pub(crate) differentiator: &'a Differentiator,
    pub(crate) inputs: &'a Inputs,
    /// Control steps of a trajectory, and physics steps of each.
    pub(crate) horizon: usize,
    pub(crate) substeps: usize,
}

/// Why a trajectory ended before its last step.
pub(crate) struct Ended {
    /// Which trajectory, and how many steps of it hold.
    pub(crate) trajectory: usize,
    pub(crate) steps: usize,
    pub(crate) why: Why,
}

/// Why it ended.
pub(crate) enum Why {
    /// The simulation diverged.
    Diverged(String),
    /// MuJoCo or the engine refused the step.
    Refused(Error),
}

/// Runs `count` trajectories in this thread, or in those of a pool. Returns those that ended early, in their order.
///
/// # Errors
/// What a signal raises in Python, and errors of the engine that are of no trajectory.
pub(crate) fn run(
    plan: &Plan<'_>,
    count: usize,
    outputs: Outputs<'_>,
    pool: Option<&ThreadPool>,
) -> PyResult<Vec<Ended>> {
    let Some(pool) = pool.filter(|_| count > 1) else {
        return alone(plan, count, outputs);
    };
    let (stop, left) = (Arc::new(AtomicBool::new(false)), Left::default());
    let ended: Mutex<Vec<Ended>> = Mutex::default();
    let size = count.div_ceil(PIECES * pool.current_num_threads()).max(1);
    left.open.store(count.div_ceil(size), Ordering::Relaxed);
    let mut raised = None;
    let failed: Mutex<Option<Error>> = Mutex::default();
    pool.in_place_scope(|scope| {
        let mut rest = outputs;
        for first in (0..count).step_by(size) {
            let rows = size.min(count - first);
            let (piece, others) = rest.split(rows * plan.horizon);
            rest = others;
            let (stop, left, ended, failed) = (stop.clone(), &left, &ended, &failed);
            scope.spawn(move |_| {
                let flag = stop.clone();
                match trajectories(plan, first, rows, piece, Rc::new(move || flag.load(Ordering::Relaxed))) {
                    Ok(mut some) => lock(ended).append(&mut some),
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        lock(failed).get_or_insert(error);
                    }
                }
                left.done();
            });
        }
        while !left.wait() {
            if let Err(error) = Python::attach(|py| py.check_signals()) {
                stop.store(true, Ordering::Relaxed);
                raised.get_or_insert(error);
            }
        }
    });
    if let Some(error) = raised {
        return Err(error);
    }
    if let Some(error) = lock(&failed).take() {
        return Err(crate::error::raised(&error));
    }
    let mut ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ended.sort_by_key(|one| one.trajectory);
    Ok(ended)
}

/// In this thread, which asks for signals itself.
fn alone(plan: &Plan<'_>, count: usize, outputs: Outputs<'_>) -> PyResult<Vec<Ended>> {
    let pulse = Pulse::new();
    let raised: Rc<Cell<Option<PyErr>>> = Rc::default();
    let here = raised.clone();
    let stopped = move || {
        pulse.beats()
            && Python::attach(|py| py.check_signals()).is_err_and(|error| {
                here.set(Some(error));
                true
            })
    };
    let ended = trajectories(plan, 0, count, outputs, Rc::new(stopped)).map_err(|e| crate::error::raised(&e))?;
    raised.take().map_or(Ok(ended), Err)
}

/// Says when the interpreter is to be asked, to who asks often: it looks at the clock now and then only.
struct Pulse {
    beat: Cell<Instant>,
    seen: Cell<Instant>,
    /// Questions between the last two looks, and those until the next one.
    apart: Cell<u32>,
    left: Cell<u32>,
}

impl Pulse {
    fn new() -> Self {
        let now = Instant::now();
        Self { beat: Cell::new(now), seen: Cell::new(now), apart: Cell::new(1), left: Cell::new(1) }
    }

    /// Whether a pulse has gone by.
    fn beats(&self) -> bool {
        self.left.set(self.left.get() - 1);
        if self.left.get() > 0 {
            return false;
        }
        let now = Instant::now();
        let near = now.duration_since(self.seen.replace(now)) < NEAR;
        self.apart.set(if near { (2 * self.apart.get()).min(UNSEEN) } else { 1 });
        self.left.set(self.apart.get());
        let beats = now.duration_since(self.beat.get()) >= PULSE;
        if beats {
            self.beat.set(now);
        }
        beats
    }
}

/// Runs some trajectories, the first of which has the number `first`.
fn trajectories(
    plan: &Plan<'_>,
    first: usize,
    count: usize,
    outputs: Outputs<'_>,
    stopped: Rc<dyn Fn() -> bool>,
) -> Result<Vec<Ended>, Error> {
    stop_if(stopped.clone(), || each(plan, first, count, outputs, &*stopped))
}

fn each(
    plan: &Plan<'_>,
    first: usize,
    count: usize,
    outputs: Outputs<'_>,
    stopped: &dyn Fn() -> bool,
) -> Result<Vec<Ended>, Error> {
    let mut ended = Vec::new();
    let mut rest = outputs;
    let mut worker = plan.differentiator.worker()?;
    for i in first..first + count {
        let (mut own, others) = rest.split(plan.horizon);
        rest = others;
        if let Err((steps, why)) = trajectory(plan, i, &mut worker, &mut own, stopped) {
            let Some(why) = why else { return Ok(ended) };
            (steps..plan.horizon).for_each(|t| own.unknown(t));
            if !worker.is_usable() {
                worker = plan.differentiator.worker()?;
            }
            ended.push(Ended { trajectory: i, steps, why });
        }
    }
    Ok(ended)
}

/// Runs one; an error says how many of its steps hold, and why it ended (None: it was stopped).
fn trajectory(
    plan: &Plan<'_>,
    i: usize,
    worker: &mut Worker<'_>,
    own: &mut Outputs<'_>,
    stopped: &dyn Fn() -> bool,
) -> Result<(), (usize, Option<Why>)> {
    let (jacobians, states) = own.wants();
    let model = plan.differentiator.model();
    worker.sim().clear_warnings();
    plan.inputs.begin(i, worker.sim()).map_err(|e| (0, Some(Why::Refused(e))))?;
    if let Some(why) = worker.sim().divergence() {
        return Err((0, Some(Why::Diverged(why.to_string()))));
    }
    for t in 0..plan.horizon {
        if stopped() {
            return Err((t, None));
        }
        let refused = |e| (t, Some(e).filter(|e| !matches!(e, Error::Stopped)).map(Why::Refused));
        plan.inputs.control(i, t, worker.sim());
        if jacobians {
            let at_control = at_control(model, worker.sim());
            let jacobian = if states { worker.advance(plan.substeps) } else { worker.jacobian(plan.substeps) };
            own.jacobian(t, jacobian.map_err(refused)?, at_control);
        } else {
            for _ in 0..plan.substeps {
                if stopped() {
                    return Err((t, None));
                }
                worker.sim().step().map_err(refused)?;
            }
        }
        if let Some(why) = worker.sim().divergence() {
            return Err((t, Some(Why::Diverged(why.to_string()))));
        }
        own.state(t, worker.sim());
    }
    Ok(())
}

/// Flags of controls outside of their range, or at its end.
fn at_control(model: &Model, sim: &Sim) -> StepFlags {
    let mut flags = StepFlags::empty();
    for (i, u) in sim.ctrl().iter().enumerate() {
        if let Some([low, high]) = model.clamped_range(i) {
            flags.set(StepFlags::CTRL_CLAMPED, flags.contains(StepFlags::CTRL_CLAMPED) || *u < low || *u > high);
            let near = *u - low < AT_LIMIT || high - *u < AT_LIMIT;
            flags.set(StepFlags::CTRL_AT_LIMIT, flags.contains(StepFlags::CTRL_AT_LIMIT) || near);
        }
    }
    flags
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many pieces are left to do.
#[derive(Default)]
struct Left {
    open: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Left {
    fn done(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _held = lock(&self.lock);
            self.changed.notify_all();
        }
    }

    /// Whether none is left; waits for that, but not longer than a pulse.
    fn wait(&self) -> bool {
        let held = lock(&self.lock);
        if self.open.load(Ordering::Acquire) > 0 {
            let _ = self.changed.wait_timeout(held, PULSE);
        }
        self.open.load(Ordering::Acquire) == 0
    }
}
