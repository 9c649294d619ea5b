//! Sizes and buffers of the implicit engine, made once.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use crate::physics::{Model, PhysicsError, Sim};

/// mjCNSTRSTATE_QUADRATIC: the row pushes back in proportion.
const QUADRATIC: i32 = 1;

/// One side of a difference.
#[derive(Debug)]
pub(super) struct Side {
    /// All forces at the fixed acceleration.
    pub(super) s: DVector<f64>,
    /// M a.
    pub(super) ma: DVector<f64>,
    /// M a_n.
    pub(super) ma_n: DVector<f64>,
}

#[derive(Debug)]
pub(super) struct Space {
    pub(super) nv: usize,
    pub(super) nu: usize,
    pub(super) state: Vec<f64>,
    pub(super) qpos: Vec<f64>,
    pub(super) direction: Vec<f64>,
    /// The solved acceleration, and the one that the integrator uses (nv).
    pub(super) a: DVector<f64>,
    pub(super) a_n: DVector<f64>,
    /// Constraint Jacobian, nefc x nv, row-major, and W times it.
    pub(super) j: Vec<f64>,
    pub(super) wj: Vec<f64>,
    /// Whether a row is one of a cone, or pushes back in proportion.
    active: Vec<bool>,
    jar: Vec<f64>,
    /// J' W J.
    pub(super) jwj: DMatrix<f64>,
    /// nv x (2 nv + nu): derivatives of S, of M a, of M a_n.
    pub(super) ds: DMatrix<f64>,
    pub(super) dma: DMatrix<f64>,
    pub(super) dma_n: DMatrix<f64>,
    pub(super) sides: [Side; 2],
    /// nv x nv, row-major.
    pub(super) square: Vec<f64>,
}

impl Space {
    pub(super) fn new(model: &Model) -> Self {
        let (nv, nu) = (model.nv(), model.nu());
        let v = || DVector::zeros(nv);
        let wide = || DMatrix::zeros(nv, 2 * nv + nu);
        let side = || Side { s: v(), ma: v(), ma_n: v() };
        Self {
            nv,
            nu,
            state: vec![0.0; model.state_size()],
            qpos: vec![0.0; model.nq()],
            direction: vec![0.0; nv],
            a: v(),
            a_n: v(),
            j: Vec::new(),
            wj: Vec::new(),
            active: Vec::new(),
            jar: Vec::new(),
            jwj: DMatrix::zeros(nv, nv),
            ds: wide(),
            dma: wide(),
            dma_n: wide(),
            sides: [side(), side()],
            square: vec![0.0; nv * nv],
        }
    }

    /// Whether a constraint row pushes back.
    pub(super) fn pushes(&self, row: usize) -> bool {
        self.active[row]
    }

    /// Takes the solution from a simulation after its forward pass: a, M into `square`, J, W J, J' W J.
    pub(super) fn solution(&mut self, work: &mut Sim) -> Result<(), PhysicsError> {
        self.a.as_mut_slice().copy_from_slice(work.qacc());
        work.stage_constraint(self.a.as_slice(), &mut self.jar, true)?;
        self.weigh(work);
        work.inertia(&mut self.square);
        Ok(())
    }

    fn weigh(&mut self, work: &Sim) {
        let nv = self.nv;
        work.constraint_jacobian(&mut self.j);
        let (_, _, states) = work.constraints();
        self.active.clear();
        self.active.extend(states.iter().map(|s| *s == QUADRATIC));
        self.wj.clear();
        self.wj.resize(self.j.len(), 0.0);
        let rows = self.wj.chunks_exact_mut(nv).zip(self.j.chunks_exact(nv));
        for (((wj, j), active), d) in rows.zip(&self.active).zip(work.efc_D()) {
            if *active {
                for (x, j) in wj.iter_mut().zip(j) {
                    *x = d * j;
                }
            }
        }
        for cone in work.cones() {
            for r in 0..cone.dim {
                self.active[cone.row + r] = true;
                for k in 0..cone.dim {
                    let x = cone.hessian[r * cone.dim + k];
                    for c in 0..nv {
                        self.wj[(cone.row + r) * nv + c] += x * self.j[(cone.row + k) * nv + c];
                    }
                }
            }
        }
        self.jwj.fill(0.0);
        for row in (0..self.active.len()).filter(|row| self.active[*row]) {
            let (j, wj) = (&self.j[row * nv..(row + 1) * nv], &self.wj[row * nv..(row + 1) * nv]);
            for c in (0..nv).filter(|c| wj[*c] != 0.0) {
                for (r, j) in j.iter().enumerate() {
                    self.jwj[(r, c)] += j * wj[c];
                }
            }
        }
    }

    /// a_n = MH^-1 S, or a without an inertia of the integrator.
    pub(super) fn integrated_acceleration(&mut self, work: &Sim, inertia: Option<&Cholesky<f64, Dyn>>) {
        let Some(inertia) = inertia else {
            self.a_n.copy_from(&self.a);
            return;
        };
        all_forces(work, &mut self.a_n);
        inertia.solve_mut(&mut self.a_n);
    }

    /// S of a nudged simulation, at the fixed acceleration.
    pub(super) fn read_force(&mut self, work: &mut Sim, side: usize) -> Result<(), PhysicsError> {
        work.stage_constraint(self.a.as_slice(), &mut self.jar, false)?;
        all_forces(work, &mut self.sides[side].s);
        Ok(())
    }

    /// Column `c` of dS, over a distance.
    pub(super) fn difference_force(&mut self, c: usize, distance: f64) {
        let [plus, minus] = &self.sides;
        for r in 0..self.nv {
            self.ds[(r, c)] = (plus.s[r] - minus.s[r]) / distance;
        }
    }

    /// Column `c` of d(M a) and d(M a_n), over a distance.
    pub(super) fn difference_inertia(&mut self, c: usize, distance: f64) {
        let [plus, minus] = &self.sides;
        for r in 0..self.nv {
            self.dma[(r, c)] = (plus.ma[r] - minus.ma[r]) / distance;
            self.dma_n[(r, c)] = (plus.ma_n[r] - minus.ma_n[r]) / distance;
        }
    }
}

/// S: smooth forces and those of constraints (nv).
fn all_forces(work: &Sim, out: &mut DVector<f64>) {
    work.smooth_force(out.as_mut_slice());
    for (x, f) in out.iter_mut().zip(work.qfrc_constraint()) {
        *x += f;
    }
}
