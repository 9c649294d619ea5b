// Vectors as arrays of three, quaternions as w, x, y, z, matrices as WebGL takes them: 16 numbers by columns.
const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const scaled = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const norm = (a) => Math.hypot(a[0], a[1], a[2]);
const unit = (a) => { const n = norm(a); return n > 0 ? scaled(a, 1 / n) : [0, 0, 1]; };
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
const mix = (a, b, t) => a + (b - a) * t;

// A vector turned by a quaternion.
function turned(q, v) {
  const u = [q[1], q[2], q[3]], t = scaled(cross(u, v), 2);
  return add(add(v, scaled(t, q[0])), cross(u, t));
}

function product(p, q) {
  return [
    p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
    p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
    p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
    p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
  ];
}

// Between two turns that are near each other, along a chord.
function between(p, q, t) {
  const sign = p[0] * q[0] + p[1] * q[1] + p[2] * q[2] + p[3] * q[3] < 0 ? -1 : 1;
  const out = [0, 1, 2, 3].map((k) => mix(p[k], sign * q[k], t));
  const n = Math.hypot(...out) || 1;
  return out.map((x) => x / n);
}

// The quaternion that turns z to a direction.
function towards(direction) {
  const d = unit(direction);
  if (d[2] < -0.999999) return [0, 1, 0, 0];
  const q = [1 + d[2], -d[1], d[0], 0], n = Math.hypot(...q);
  return q.map((x) => x / n);
}

// Scaled, turned, then moved.
function placed(out, p, q, s) {
  const [w, x, y, z] = q;
  out[0] = (1 - 2 * (y * y + z * z)) * s[0]; out[1] = 2 * (x * y + w * z) * s[0]; out[2] = 2 * (x * z - w * y) * s[0]; out[3] = 0;
  out[4] = 2 * (x * y - w * z) * s[1]; out[5] = (1 - 2 * (x * x + z * z)) * s[1]; out[6] = 2 * (y * z + w * x) * s[1]; out[7] = 0;
  out[8] = 2 * (x * z + w * y) * s[2]; out[9] = 2 * (y * z - w * x) * s[2]; out[10] = (1 - 2 * (x * x + y * y)) * s[2]; out[11] = 0;
  out[12] = p[0]; out[13] = p[1]; out[14] = p[2]; out[15] = 1;
  return out;
}

function multiplied(a, b) {
  const out = new Float32Array(16);
  for (let col = 0; col < 4; col++)
    for (let row = 0; row < 4; row++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a[4 * k + row] * b[4 * col + k];
      out[4 * col + row] = sum;
    }
  return out;
}

function perspective(fovy, aspect, near, far) {
  const f = 1 / Math.tan(fovy / 2), out = new Float32Array(16);
  out[0] = f / aspect; out[5] = f; out[10] = (far + near) / (near - far); out[11] = -1; out[14] = 2 * far * near / (near - far);
  return out;
}

function lookingAt(eye, target) {
  const z = unit(sub(eye, target)), x = unit(cross([0, 0, 1], z)), y = cross(z, x);
  return new Float32Array([x[0], y[0], z[0], 0, x[1], y[1], z[1], 0, x[2], y[2], z[2], 0, -dot(x, eye), -dot(y, eye), -dot(z, eye), 1]);
}
