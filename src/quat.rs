//! Quaternions (w, x, y, z), with the sines of `libm`: the platform's may differ in the last bit.

/// A unit quaternion or its parts.
pub(crate) type Quat = [f64; 4];

/// The product a b: first b, then a.
pub(crate) fn mul(a: Quat, b: Quat) -> Quat {
    [
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    ]
}

/// The turn by `angle` (rad) about a unit axis.
pub(crate) fn from_axis_angle(axis: [f64; 3], angle: f64) -> Quat {
    let s = libm::sin(0.5 * angle);
    [libm::cos(0.5 * angle), s * axis[0], s * axis[1], s * axis[2]]
}

/// The quaternion over its norm; one without a direction stays as it is.
pub(crate) fn normalized(q: Quat) -> Quat {
    let norm = q.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 { q.map(|x| x / norm) } else { q }
}

/// The rotation matrix, row-major; its columns are the turned axes. That of no unit quaternion is scaled by its square.
pub(crate) fn to_mat([w, x, y, z]: Quat) -> [f64; 9] {
    [
        w * w + x * x - y * y - z * z,
        2.0 * (x * y - w * z),
        2.0 * (x * z + w * y),
        2.0 * (x * y + w * z),
        w * w - x * x + y * y - z * z,
        2.0 * (y * z - w * x),
        2.0 * (x * z - w * y),
        2.0 * (y * z + w * x),
        w * w - x * x - y * y + z * z,
    ]
}

/// The turn back.
pub(crate) fn conjugate(q: Quat) -> Quat {
    [q[0], -q[1], -q[2], -q[3]]
}

/// The quaternion that begins at a place in a list of numbers.
pub(crate) fn at(numbers: &[f64], at: usize) -> Quat {
    std::array::from_fn(|i| numbers[at + i])
}

/// The turn from `b` to `a` as axis times angle (rad, at most pi), along the axes of `b`.
pub(crate) fn turn(a: Quat, b: Quat) -> [f64; 3] {
    let q = mul(conjugate(b), a);
    let half = (q[1] * q[1] + q[2] * q[2] + q[3] * q[3]).sqrt();
    if half == 0.0 {
        return [0.0; 3];
    }
    let angle = 2.0 * libm::atan2(half, q[0]);
    let angle = if angle > std::f64::consts::PI { angle - 2.0 * std::f64::consts::PI } else { angle };
    [q[1], q[2], q[3]].map(|x| x / half * angle)
}

/// The angle of the turn between two orientations, rad, in [0, pi].
pub(crate) fn angle_between(a: Quat, b: Quat) -> f64 {
    let d = normalized(mul(a, conjugate(b)));
    2.0 * libm::asin(d[1..].iter().map(|x| x * x).sum::<f64>().sqrt().min(1.0))
}

/// `q` after turning for `dt` seconds at the angular velocity `w` (rad/s), given in its own frame.
pub(crate) fn integrated(q: Quat, w: [f64; 3], dt: f64) -> Quat {
    let speed = w.iter().map(|x| x * x).sum::<f64>().sqrt();
    if speed == 0.0 {
        return q;
    }
    normalized(mul(q, from_axis_angle(w.map(|x| x / speed), speed * dt)))
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, PI};

    use super::*;

    #[test]
    fn turns_add_up_about_one_axis() {
        let z = [0.0, 0.0, 1.0];
        let q = mul(from_axis_angle(z, 0.3), from_axis_angle(z, 0.4));
        for (a, b) in q.iter().zip(from_axis_angle(z, 0.7)) {
            assert!((a - b).abs() < 1e-15);
        }
        assert!((angle_between(q, from_axis_angle(z, 0.2)) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn a_product_is_the_second_turn_first() {
        // A quarter turn about z, then one about x: y goes to -x and stays there.
        let q = mul(from_axis_angle([1.0, 0.0, 0.0], FRAC_PI_2), from_axis_angle([0.0, 0.0, 1.0], FRAC_PI_2));
        let turned = mul(mul(q, [0.0, 0.0, 1.0, 0.0]), [q[0], -q[1], -q[2], -q[3]]);
        for (a, b) in turned.iter().zip([0.0, -1.0, 0.0, 0.0]) {
            assert!((a - b).abs() < 1e-15, "{turned:?}");
        }
    }

    #[test]
    fn a_turn_is_along_the_axes_of_the_second() {
        let x = from_axis_angle([1.0, 0.0, 0.0], 0.4);
        let off = turn(mul(x, from_axis_angle([0.0, 1.0, 0.0], 0.2)), x);
        for (x, exact) in off.iter().zip([0.0, 0.2, 0.0]) {
            assert!((x - exact).abs() < 1e-15, "{off:?}");
        }
    }

    #[test]
    fn half_a_turn_a_second_makes_a_quarter_in_half_a_second() {
        let q = integrated([1.0, 0.0, 0.0, 0.0], [0.0, PI, 0.0], 0.5);
        for (a, b) in q.iter().zip(from_axis_angle([0.0, 1.0, 0.0], FRAC_PI_2)) {
            assert!((a - b).abs() < 1e-15);
        }
    }
}
