//! Spatial vectors: motions (angular, linear) and forces (torque, force), as MuJoCo lays them out.

/// A motion or a force, the rotational part first.
pub(super) type Spatial = [f64; 6];

/// Three numbers.
pub(super) type Vec3 = [f64; 3];

pub(super) const ZERO: Spatial = [0.0; 6];

pub(super) fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn dot3(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn norm3(a: Vec3) -> f64 {
    dot3(a, a).sqrt()
}

pub(super) fn add3(a: Vec3, b: Vec3) -> Vec3 {
    std::array::from_fn(|i| a[i] + b[i])
}

pub(super) fn sub3(a: Vec3, b: Vec3) -> Vec3 {
    std::array::from_fn(|i| a[i] - b[i])
}

pub(super) fn scale3(a: Vec3, s: f64) -> Vec3 {
    a.map(|x| s * x)
}

/// A row-major 3 x 3 matrix times a vector.
pub(super) fn rotate(m: &[f64; 9], v: Vec3) -> Vec3 {
    std::array::from_fn(|i| m[3 * i] * v[0] + m[3 * i + 1] * v[1] + m[3 * i + 2] * v[2])
}

/// The transpose of a row-major 3 x 3 matrix times a vector.
pub(super) fn rotate_back(m: &[f64; 9], v: Vec3) -> Vec3 {
    std::array::from_fn(|i| m[i] * v[0] + m[3 + i] * v[1] + m[6 + i] * v[2])
}

/// The rotational part.
pub(super) fn rot(a: &Spatial) -> Vec3 {
    [a[0], a[1], a[2]]
}

/// The linear part.
pub(super) fn lin(a: &Spatial) -> Vec3 {
    [a[3], a[4], a[5]]
}

pub(super) fn join(r: Vec3, l: Vec3) -> Spatial {
    [r[0], r[1], r[2], l[0], l[1], l[2]]
}

pub(super) fn add(a: &Spatial, b: &Spatial) -> Spatial {
    std::array::from_fn(|i| a[i] + b[i])
}

pub(super) fn sub(a: &Spatial, b: &Spatial) -> Spatial {
    std::array::from_fn(|i| a[i] - b[i])
}

/// a += s b
pub(super) fn add_scaled(a: &mut Spatial, b: &Spatial, s: f64) {
    for (x, y) in a.iter_mut().zip(b) {
        *x += s * y;
    }
}

pub(super) fn dot(a: &Spatial, b: &Spatial) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3] + a[4] * b[4] + a[5] * b[5]
}

/// How the motion `s` changes when it is carried along by the motion `v`: v x s.
pub(super) fn cross_motion(v: &Spatial, s: &Spatial) -> Spatial {
    let (w, r) = (rot(v), rot(s));
    join(cross(w, r), add3(cross(w, lin(s)), cross(lin(v), r)))
}

/// How the force `f` changes when it is carried along by the motion `v`: v x* f.
pub(super) fn cross_force(v: &Spatial, f: &Spatial) -> Spatial {
    let (w, l) = (rot(v), lin(f));
    join(add3(cross(w, rot(f)), cross(lin(v), l)), cross(w, l))
}

/// An inertia (xx, yy, zz, xy, xz, yz, mass times offset, mass) times a motion.
pub(super) fn momentum(i: &[f64; 10], v: &Spatial) -> Spatial {
    let (w, l, c) = (rot(v), lin(v), [i[6], i[7], i[8]]);
    let turn = [
        i[0] * w[0] + i[3] * w[1] + i[4] * w[2],
        i[3] * w[0] + i[1] * w[1] + i[5] * w[2],
        i[4] * w[0] + i[5] * w[1] + i[2] * w[2],
    ];
    join(add3(turn, cross(c, l)), add3(scale3(l, i[9]), cross(w, c)))
}

/// A 6 x 6 matrix by columns.
pub(super) type Matrix = [Spatial; 6];

/// A matrix times a vector.
pub(super) fn apply(m: &Matrix, v: &Spatial) -> Spatial {
    let mut out = ZERO;
    for (column, x) in m.iter().zip(v) {
        add_scaled(&mut out, column, *x);
    }
    out
}

/// The transpose of a matrix times a vector.
pub(super) fn apply_transposed(m: &Matrix, v: &Spatial) -> Spatial {
    std::array::from_fn(|i| dot(&m[i], v))
}

/// The unit motion along axis `i`.
pub(super) fn unit(i: usize) -> Spatial {
    let mut e = ZERO;
    e[i] = 1.0;
    e
}

/// Sizes of the rotational and the linear part, for bounds on rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Size {
    pub(super) rot: f64,
    pub(super) lin: f64,
}

impl Size {
    pub(super) fn of(a: &Spatial) -> Self {
        Self { rot: norm3(rot(a)), lin: norm3(lin(a)) }
    }

    /// A bound on |a . b|, term by term.
    pub(super) fn dot(self, other: Self) -> f64 {
        self.rot * other.rot + self.lin * other.lin
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { rot: self.rot + other.rot, lin: self.lin + other.lin }
    }

    /// Of v x s.
    pub(super) fn cross_motion(self, s: Self) -> Self {
        Self { rot: self.rot * s.rot, lin: self.rot * s.lin + self.lin * s.rot }
    }

    /// Of v x* f.
    pub(super) fn cross_force(self, f: Self) -> Self {
        Self { rot: self.rot * f.rot + self.lin * f.lin, lin: self.rot * f.lin }
    }

    /// Of an inertia times a motion.
    pub(super) fn momentum(self, i: &[f64; 10]) -> Self {
        let c = norm3([i[6], i[7], i[8]]);
        let turn = i[0].abs() + i[1].abs() + i[2].abs();
        Self { rot: turn * self.rot + c * self.lin, lin: i[9] * self.lin + c * self.rot }
    }
}
