//! What is not covered in closed form: differences of forces at a fixed acceleration, extrapolated.

use nalgebra::{DMatrix, DVector};

use super::motion::ULP;
use super::rows::Rows;
use crate::physics::{Islands, Model, PhysicsError, Sim};

/// Nudges: powers of two. Differences at one and two of them are extrapolated, with an error of the fourth order; so are
/// those to either side, which a second derivative that jumps at the state does not disturb. Each entry is taken from the
/// nudge where its error is smallest.
const POSITION: [f64; 5] =
    [1.0 / 8192.0, 1.0 / 262_144.0, 1.0 / 4_194_304.0, 1.0 / 67_108_864.0, 1.0 / 1_073_741_824.0];
const VELOCITY: [f64; 4] = [1.0 / 16_384.0, 1.0 / 262_144.0, 1.0 / 4_194_304.0, 1.0 / 67_108_864.0];
const CONTROL: [f64; 4] = [1.0 / 8192.0, 1.0 / 131_072.0, 1.0 / 2_097_152.0, 1.0 / 33_554_432.0];

/// One nudge is a sixteenth or a thirty-second of the one before: rounding grows by as much.
const GROWS: f64 = 4.0;

/// Differences of what is smooth disagree so many times less over a sixteenth of the nudge (256, where nothing rounds).
const SMOOTH: f64 = 100.0;

/// What is left of an error of the fourth order over a sixteenth of the nudge, and some more.
const LEFT: f64 = 1e-3;

/// Values that are apart by so many times their errors are not the same.
const REFUTED: f64 = 16.0;

/// Values within so many times an error are the same.
const AGREE: f64 = 4.0;

/// Errors up to this share of a column's largest entry need no finer nudge.
const ENOUGH: f64 = 1e-11;

/// Errors beyond this share of a column's largest entry: something switches within the finest nudge.
const UNSETTLED: f64 = 1e-8;

/// A force (nv) at +h, -h, +2h, -2h, and at the state.
#[derive(Debug)]
pub(super) struct Samples {
    at: [Vec<f64>; 5],
    /// The size of the terms that a force is a sum of, where they are larger than it is.
    terms: f64,
}

/// Where the sample at the state is.
const HERE: usize = 4;

#[derive(Debug)]
pub(super) struct Differences {
    jar: Vec<f64>,
    samples: Samples,
    pub(super) nudger: Nudger,
}

/// Visits the inputs of a state, nudged: those of islands that nothing but contacts can join together, since a force at a fixed
/// acceleration that is not a contact's depends on nothing beyond its island.
#[derive(Debug)]
pub(super) struct Nudger {
    /// The dofs of each island, and by input (ndx + nu) its island; None for an actuator that moves nothing.
    islands: Vec<Vec<usize>>,
    /// What of the samples belongs to each island: its dofs' forces, if nothing else is sampled.
    rows: Vec<Vec<usize>>,
    island_of: Vec<Option<usize>>,
    qpos: Vec<f64>,
    direction: Vec<f64>,
    /// Derivatives by the input under way, and bounds on their errors (nv); and the mean of both sides at the nudge
    /// before.
    column: Vec<(f64, f64)>,
    before: Vec<f64>,
    /// How far both sides were apart there, and whether finer nudges have nothing to add: there is more rounding in them.
    apart: Vec<f64>,
    done: Vec<bool>,
    /// How far the central differences over one and two nudges were apart there.
    disagree: Vec<f64>,
    /// Inputs (ndx + nu) whose differences settle on nothing.
    pub(super) unsettled: Vec<bool>,
    /// Nudges of a position that are larger see nothing of what changes within them (nv).
    widest: Vec<f64>,
}

/// The nudges that are no larger than the widest allowed, at least the finest.
pub(super) fn within(nudges: &[f64], widest: f64) -> &[f64] {
    let fits = nudges.iter().position(|h| *h <= widest);
    &nudges[fits.unwrap_or(nudges.len() - 1)..]
}

/// Nudges and samples one input: the simulation has gone through all stages but those of contacts and inertia.
pub(super) type Sample<'a> = &'a mut dyn FnMut(&mut Sim, &mut [f64]) -> Result<(), PhysicsError>;

/// Where differences go: through samples, times a sign, into columns and bounds on their errors (nv x ndx + nu).
struct Columns<'a> {
    samples: &'a mut Samples,
    sign: f64,
    out: &'a mut DMatrix<f64>,
    noise: &'a mut DMatrix<f64>,
}

impl Nudger {
    pub(super) fn new(model: &Model) -> Self {
        let labels = Islands::new(model).labels();
        let mut islands: Vec<Vec<usize>> = Vec::new();
        let mut of_label = vec![None; labels.iter().map(|label| label + 1).max().unwrap_or(0)];
        for (dof, label) in labels.iter().enumerate().take(model.nv()) {
            let island = *of_label[*label].get_or_insert(islands.len());
            islands.resize_with(islands.len().max(island + 1), Vec::new);
            islands[island].push(dof);
        }
        Self {
            rows: islands.clone(),
            islands,
            island_of: labels.into_iter().map(|label| of_label[label]).collect(),
            qpos: vec![0.0; model.nq()],
            direction: vec![0.0; model.nv()],
            column: Vec::new(),
            before: Vec::new(),
            apart: Vec::new(),
            disagree: Vec::new(),
            done: Vec::new(),
            unsettled: vec![false; model.layout().inputs()],
            widest: vec![f64::INFINITY; model.nv()],
        }
    }

    /// For samples of something else: by each, the activations or controls that are in its island; None where it depends on nothing.
    pub(super) fn of_inputs(model: &Model, inputs: impl Iterator<Item = Option<usize>>) -> Self {
        let mut nudger = Self::new(model);
        nudger.rows.iter_mut().for_each(Vec::clear);
        for (row, input) in inputs.enumerate() {
            if let Some(island) = input.and_then(|input| nudger.island_of[input]) {
                nudger.rows[island].push(row);
            }
        }
        nudger
    }

    /// Takes the sample at the state of `work`, around which inputs are nudged.
    fn begin(&mut self, work: &mut Sim, samples: &mut Samples, sample: Sample<'_>) -> Result<(), PhysicsError> {
        self.qpos.copy_from_slice(work.qpos());
        self.unsettled.fill(false);
        work.stage_light()?;
        work.stage_velocity()?;
        work.stage_actuation()?;
        sample(work, &mut samples.at[HERE])
    }

    /// Differences `sample` by all positions into columns of `out` (samples x nv), with bounds on the errors in `noise`. Forgets the
    /// contacts of `work`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn differentiate_by_position(
        &mut self,
        work: &mut Sim,
        samples: &mut Samples,
        sample: Sample<'_>,
        (out, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> Result<(), PhysicsError> {
        self.begin(work, samples, sample)?;
        self.by_position(work, sample, &mut Columns { samples, sign: 1.0, out, noise })?;
        work.stage_velocity()?;
        work.stage_actuation()
    }

    /// Differences `sample` by all positions and velocities, and by activations and controls with `inner`, into columns of
    /// `out` (nv x ndx + nu), times `sign`, with bounds on the errors in `noise`. Forgets the contacts of `work`.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn differentiate(
        &mut self,
        work: &mut Sim,
        inner: bool,
        samples: &mut Samples,
        sample: Sample<'_>,
        sign: f64,
        (out, noise): (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> Result<(), PhysicsError> {
        self.begin(work, samples, sample)?;
        let mut to = Columns { samples, sign, out, noise };
        self.by_position(work, sample, &mut to)?;
        self.by_velocity(work, sample, &mut to)?;
        if inner {
            self.by_activation(work, sample, &mut to)?;
            self.by_control(work, sample, &mut to)?;
        }
        work.stage_actuation()
    }

    /// By all positions. Leaves the position stage of the state itself.
    fn by_position(&mut self, work: &mut Sim, sample: Sample<'_>, to: &mut Columns<'_>) -> Result<(), PhysicsError> {
        let model = work.model().clone();
        for round in 0..self.rounds() {
            let dofs: Vec<usize> = self.round(round).collect();
            self.direction.fill(0.0);
            dofs.iter().for_each(|dof| self.direction[*dof] = 1.0);
            let widest = dofs.iter().map(|dof| self.widest[*dof]).fold(f64::INFINITY, f64::min);
            for (level, h) in within(&POSITION, widest).iter().copied().enumerate() {
                for (side, nudge) in nudges(h) {
                    work.qpos_mut().copy_from_slice(&self.qpos);
                    model.integrate_pos(work.qpos_mut(), &self.direction, nudge);
                    work.stage_light()?;
                    work.stage_velocity()?;
                    work.stage_actuation()?;
                    sample(work, &mut to.samples.at[side])?;
                }
                if self.settles(to.samples, h, level, to.sign) {
                    break;
                }
            }
            dofs.iter().for_each(|dof| self.put(*dof, to.out, to.noise));
        }
        work.qpos_mut().copy_from_slice(&self.qpos);
        work.stage_light()
    }

    /// By all velocities. Leaves the velocity stage of the state itself.
    fn by_velocity(&mut self, work: &mut Sim, sample: Sample<'_>, to: &mut Columns<'_>) -> Result<(), PhysicsError> {
        let qvel = work.qvel().to_vec();
        for round in 0..self.rounds() {
            let dofs: Vec<usize> = self.round(round).collect();
            for (level, h) in VELOCITY.into_iter().enumerate() {
                for (side, nudge) in nudges(h) {
                    dofs.iter().for_each(|dof| work.qvel_mut()[*dof] = qvel[*dof] + nudge);
                    work.stage_velocity()?;
                    work.stage_actuation()?;
                    sample(work, &mut to.samples.at[side])?;
                }
                if self.settles(to.samples, h, level, to.sign) {
                    break;
                }
            }
            dofs.iter().for_each(|dof| work.qvel_mut()[*dof] = qvel[*dof]);
            dofs.iter().for_each(|dof| self.put(qvel.len() + dof, to.out, to.noise));
        }
        work.stage_velocity()
    }

    /// As many rounds as the largest island has dofs.
    fn rounds(&self) -> usize {
        self.islands.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The dofs that are nudged together: one of each island that has as many.
    fn round(&self, round: usize) -> impl Iterator<Item = usize> + '_ {
        self.islands.iter().filter_map(move |dofs| dofs.get(round).copied())
    }

    /// By all activations.
    fn by_activation(&mut self, work: &mut Sim, sample: Sample<'_>, to: &mut Columns<'_>) -> Result<(), PhysicsError> {
        let layout = work.model().layout();
        for c in 0..layout.na {
            let act = work.act()[c];
            for (level, h) in CONTROL.into_iter().enumerate() {
                for (side, nudge) in nudges(h) {
                    work.act_mut()[c] = act + nudge;
                    work.stage_actuation()?;
                    sample(work, &mut to.samples.at[side])?;
                }
                if self.settles(to.samples, h, level, to.sign) {
                    break;
                }
            }
            work.act_mut()[c] = act;
            self.put(layout.activation(c), to.out, to.noise);
        }
        Ok(())
    }

    /// By all controls. On the edge of its range one is nudged inwards alone, over the same distances.
    fn by_control(&mut self, work: &mut Sim, sample: Sample<'_>, to: &mut Columns<'_>) -> Result<(), PhysicsError> {
        let model = work.model().clone();
        for c in 0..model.nu() {
            let u = work.ctrl()[c];
            for (level, h) in CONTROL.into_iter().enumerate() {
                let step = inwards(&model, c, u, h);
                if step != 0.0 {
                    work.ctrl_mut()[c] = u + step;
                    work.stage_actuation()?;
                    sample(work, &mut to.samples.at[HERE])?;
                }
                for (side, nudge) in nudges(h) {
                    work.ctrl_mut()[c] = u + nudge + step;
                    work.stage_actuation()?;
                    sample(work, &mut to.samples.at[side])?;
                }
                if step != 0.0 {
                    to.samples.move_middle(-step / h);
                }
                let settles = self.settles(to.samples, h, level, to.sign);
                if step != 0.0 {
                    work.ctrl_mut()[c] = u;
                    work.stage_actuation()?;
                    sample(work, &mut to.samples.at[HERE])?;
                }
                if settles {
                    break;
                }
            }
            work.ctrl_mut()[c] = u;
            self.put(model.layout().control(c), to.out, to.noise);
        }
        Ok(())
    }

    /// Takes the differences over `h` in where they are better than those of the nudges before. Whether they are as good as
    /// rounding lets them be.
    fn settles(&mut self, samples: &Samples, h: f64, level: usize, sign: f64) -> bool {
        let n = samples.at[HERE].len();
        if level == 0 {
            self.column.clear();
            self.column.resize(n, (0.0, f64::INFINITY));
            self.before.clear();
            self.before.resize(n, f64::NAN);
            self.apart.clear();
            self.apart.resize(n, f64::INFINITY);
            self.disagree.clear();
            self.disagree.resize(n, 0.0);
            self.done.clear();
            self.done.resize(n, false);
        }
        let islands_rows = std::mem::take(&mut self.rows);
        // All of them take the nudge in.
        let open = islands_rows.iter().filter(|rows| !self.settles_within(rows, samples, (h, level), sign)).count();
        self.rows = islands_rows;
        open == 0
    }

    /// The same of the rows of an island.
    fn settles_within(&mut self, rows: &[usize], samples: &Samples, (h, level): (f64, usize), sign: f64) -> bool {
        let rounding = samples.rounding(rows, h);
        let largest = rows.iter().fold(0.0_f64, |most, r| most.max(self.column[*r].0.abs()));
        let mut all = true;
        for r in rows.iter().copied() {
            let Row { central, disagree, mean, apart } = samples.row(r, h, rounding);
            // A kink stays and a bend shrinks as the nudge does; what grows is rounding, and finer nudges have more of it.
            let (value, error) = &mut self.column[r];
            let change = (sign * central - *value).abs();
            // Beside it a wider nudge cannot be right within its error: all of its samples lay beyond what bends.
            let refuted = level > 0 && change > REFUTED * (disagree + apart + rounding + *error);
            self.done[r] |= if self.apart[r] > 0.0 { apart > GROWS * self.apart[r] } else { apart > *error };
            // What is smooth disagrees with the square of the nudge, and much less of it is left after the extrapolation; where a
            // second derivative jumps it is half as much.
            let smooth = SMOOTH * disagree <= self.disagree[r] && self.apart[r] <= self.disagree[r];
            (self.apart[r], self.disagree[r]) = (apart, disagree);
            if self.done[r] && !refuted {
                continue;
            }
            self.done[r] = false;
            let constant = central == 0.0 && disagree == 0.0 && apart == 0.0;
            let own = if constant { 0.0 } else { disagree + apart + rounding };
            if level > 0 && smooth && !refuted && change <= AGREE * own {
                if change <= AGREE * rounding {
                    // The finer nudge has shown that the wider one was fine enough, and the wider one rounds less.
                    *error = error.min(rounding.max(change));
                } else {
                    // What the extrapolation left at the wider one is seen, and at least 16^4 times less of it is left.
                    (*value, *error) = (sign * central, error.min(rounding + LEFT * change));
                }
                self.done[r] = true;
                continue;
            }
            if own < *error || refuted {
                (*value, *error) = (sign * central, own);
            }
            // At the first nudge there is nothing to compare the mean of both sides with.
            let steady = (mean - self.before[r]).abs() + apart + 3.0 * rounding;
            if steady < *error {
                (*value, *error) = (sign * mean, steady);
            }
            self.before[r] = mean;
            all &= *error <= (2.0 * rounding).max(ENOUGH * largest);
        }
        all
    }

    /// Adds the derivatives by input `c`, of the rows of its island.
    fn put(&mut self, c: usize, out: &mut DMatrix<f64>, noise: &mut DMatrix<f64>) {
        let rows = self.island_of[c].map_or(&[][..], |island| &self.rows[island]);
        let largest = rows.iter().fold(0.0_f64, |most, r| most.max(self.column[*r].0.abs()));
        self.unsettled[c] = rows.iter().any(|r| self.column[*r].1 > UNSETTLED * largest.max(1.0));
        for r in rows.iter().copied() {
            let (x, error) = self.column[r];
            out[(r, c)] += x;
            noise[(r, c)] += error;
        }
    }
}

impl Differences {
    pub(super) fn new(model: &Model) -> Self {
        Self { jar: Vec::new(), samples: Samples::new(model.nv()), nudger: Nudger::new(model) }
    }

    /// Adds the derivatives of springs, dampers and actuators (`smooth`), and of the forces of constraints that are no
    /// contacts (those of `rows`, if any), to `out` (nv x ndx + nu), and bounds on their errors to `noise`. Forgets the contacts of `work`. Returns whether a force reaches its range
    /// or leaves it on the way.
    ///
    /// # Errors
    /// [`PhysicsError::Mujoco`].
    pub(super) fn add(
        &mut self,
        work: &mut Sim,
        smooth: bool,
        rows: Option<&Rows>,
        a: &DVector<f64>,
        out: (&mut DMatrix<f64>, &mut DMatrix<f64>),
    ) -> Result<bool, PhysicsError> {
        let Self { jar, samples, nudger } = self;
        samples.terms = rows.map_or(0.0, Rows::terms);
        nudger.widest.fill(f64::INFINITY);
        if let Some(rows) = rows {
            rows.widest_nudges(&mut nudger.widest);
        }
        let (held, mut edge) = (work.clamped_forces(), false);
        let mut sample = |work: &mut Sim, to: &mut [f64]| {
            to.fill(0.0);
            if smooth {
                work.pushing_force(to);
                edge |= work.clamped_forces() != held;
            }
            if rows.is_some() {
                work.stage_constraint(a.as_slice(), jar, false)?;
                for (x, f) in to.iter_mut().zip(work.qfrc_constraint()) {
                    *x += f;
                }
            }
            Ok(())
        };
        nudger.differentiate(work, smooth, samples, &mut sample, 1.0, out)?;
        Ok(edge)
    }
}

impl Samples {
    /// Of `n` numbers.
    pub(super) fn new(n: usize) -> Self {
        Self { at: std::array::from_fn(|_| vec![0.0; n]), terms: 0.0 }
    }

    /// The differences of row `r`.
    fn row(&self, r: usize, h: f64, rounding: f64) -> Row {
        let [p1, m1, p2, m2, here] = self.at.each_ref().map(|side| side[r]);
        let near = (p1 - m1) / (2.0 * h);
        let far = (p2 - m2) / (4.0 * h);
        let disagree = (near - far).abs();
        let central = if disagree == 0.0 { near } else { near + (near - far) / 3.0 };
        let up = (4.0 * (p1 - here) - (p2 - here)) / (2.0 * h);
        let down = (4.0 * (here - m1) - (here - m2)) / (2.0 * h);
        // What bends evenly, and what both round.
        let allowed = 1e-3 * disagree + 2.0 * rounding;
        Row { central, disagree, mean: 0.5 * (up + down), apart: ((up - down).abs() - allowed).max(0.0) }
    }

    /// Moves the middle by `t` nudges (at most two), to where the state is that the samples could not surround: the new
    /// samples are those of the polynomial of degree four through the old ones. What they round weighs more there.
    fn move_middle(&mut self, t: f64) {
        const NODES: [f64; 5] = [1.0, -1.0, 2.0, -2.0, 0.0];
        let weights = NODES.map(|at| {
            let basis = |k: usize| {
                let others = NODES.iter().enumerate().filter(|(j, _)| *j != k);
                others.map(|(_, node)| (t + at - node) / (NODES[k] - node)).product::<f64>()
            };
            std::array::from_fn::<f64, 5, _>(basis)
        });
        for r in 0..self.at[HERE].len() {
            let old = self.at.each_ref().map(|side| side[r]);
            if old.iter().all(|x| *x == old[HERE]) {
                continue;
            }
            for (side, weights) in self.at.iter_mut().zip(&weights) {
                side[r] = old.iter().zip(weights).map(|(x, w)| x * w).sum();
            }
        }
    }

    /// What rounding makes of differences of these rows over `h`.
    fn rounding(&self, rows: &[usize], h: f64) -> f64 {
        let largest = |at: &Vec<f64>| rows.iter().fold(0.0_f64, |m, r| m.max(at[*r].abs()));
        4.0 * ULP * self.at.iter().map(largest).fold(self.terms, f64::max) / h
    }
}

/// Differences of one force.
struct Row {
    /// From both sides, extrapolated, and how far it is apart over one nudge and two.
    central: f64,
    disagree: f64,
    /// The mean of those to either side, of second order, and how far they are apart.
    mean: f64,
    apart: f64,
}

fn nudges(h: f64) -> [(usize, f64); 4] {
    [(0, h), (1, -h), (2, 2.0 * h), (3, -2.0 * h)]
}

/// By how much the middle of the nudges is moved so that all of them are within a control's range.
pub(super) fn inwards(model: &Model, i: usize, u: f64, h: f64) -> f64 {
    let Some([low, high]) = model.clamped_range(i) else { return 0.0 };
    let room = 2.0 * h;
    if u < low || u > high || high - low < 2.0 * room {
        // Beyond its range it has no influence; a range that is narrower than the nudges is taken as none.
        return 0.0;
    }
    if u + room > high {
        high - room - u
    } else if u - room < low {
        low + room - u
    } else {
        0.0
    }
}
