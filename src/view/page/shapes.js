// Surfaces of triangles: positions and normals, three numbers a corner. Meshes get normals that are smooth but for edges.

// Cosine of the angle between two triangles up to which their edge is smooth.
const SMOOTH = Math.cos(40 * Math.PI / 180);

function revolved(profile, turns) {
  // profile: [radius, height, normal along the radius, normal along z], from the bottom to the top.
  const positions = [], normals = [], index = [];
  for (const [r, z, nr, nz] of profile)
    for (let i = 0; i <= turns; i++) {
      const a = 2 * Math.PI * i / turns, [c, s] = [Math.cos(a), Math.sin(a)];
      positions.push(r * c, r * s, z);
      normals.push(nr * c, nr * s, nz);
    }
  const row = turns + 1;
  for (let k = 0; k + 1 < profile.length; k++)
    for (let i = 0; i < turns; i++) {
      const a = k * row + i, b = a + row;
      index.push(a, a + 1, b + 1, a, b + 1, b);
    }
  return { positions: new Float32Array(positions), normals: new Float32Array(normals), index: new Uint32Array(index) };
}

function halfRound(radius, middle, from, to, n) {
  const out = [];
  for (let k = 0; k <= n; k++) {
    const a = mix(from, to, k / n), [c, s] = [Math.cos(a), Math.sin(a)];
    out.push([radius * c, middle + radius * s, c, s]);
  }
  return out;
}

const shapes = {
  // A ball of radius 1.
  sphere: () => revolved(halfRound(1, 0, -Math.PI / 2, Math.PI / 2, 14), 24),
  capsule: (radius, half) => revolved([
    ...halfRound(radius, -half, -Math.PI / 2, 0, 7), ...halfRound(radius, half, 0, Math.PI / 2, 7)], 24),
  // Of radius 1, from -1 to 1.
  cylinder: () => revolved([[0, -1, 0, -1], [1, -1, 0, -1], [1, -1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 1], [0, 1, 0, 1]], 32),
  // From -1 to 1 along each side.
  box() {
    const positions = [], normals = [], index = [];
    for (let axis = 0; axis < 3; axis++)
      for (const sign of [-1, 1]) {
        const [u, v] = sign > 0 ? [(axis + 1) % 3, (axis + 2) % 3] : [(axis + 2) % 3, (axis + 1) % 3];
        const first = positions.length / 3;
        for (const [a, b] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
          const p = [0, 0, 0], n = [0, 0, 0];
          p[axis] = sign; p[u] = a; p[v] = b; n[axis] = sign;
          positions.push(...p); normals.push(...n);
        }
        index.push(first, first + 1, first + 2, first, first + 2, first + 3);
      }
    return { positions: new Float32Array(positions), normals: new Float32Array(normals), index: new Uint32Array(index) };
  },
  // The square from -1 to 1 in z = 0.
  square: () => ({
    positions: new Float32Array([-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0]),
    normals: new Float32Array([0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1]),
    index: new Uint32Array([0, 1, 2, 0, 2, 3]),
  }),
};

// The meshes of the page: numbers are differences from the one before.
function meshes(pack) {
  const { vertices, faces } = pack;
  let v = 0, f = 0;
  return ABOUT.scene.meshes.map((mesh) => {
    const positions = new Float32Array(3 * mesh.vertices), corners = new Uint32Array(3 * mesh.faces);
    let [x, y, z] = [0, 0, 0];
    for (let i = 0; i < positions.length; i += 3) {
      x = (x + vertices[v++]) & 0xffff; y = (y + vertices[v++]) & 0xffff; z = (z + vertices[v++]) & 0xffff;
      positions[i] = mesh.low[0] + mesh.side * x / 65535;
      positions[i + 1] = mesh.low[1] + mesh.side * y / 65535;
      positions[i + 2] = mesh.low[2] + mesh.side * z / 65535;
    }
    let corner = 0;
    for (let i = 0; i < corners.length; i++) {
      const by = faces[f++];
      corner += (by >>> 1) ^ -(by & 1);
      corners[i] = corner;
    }
    return smoothed(positions, corners);
  });
}

// A corner's normal is the mean of the triangles around its vertex that are nearly in one plane with its own. Corners of a vertex with
// one normal share it.
function smoothed(positions, corners) {
  const n = positions.length / 3, faces = corners.length / 3;
  const normal = new Float32Array(3 * faces), area = new Float32Array(faces);
  const count = new Uint32Array(n + 1);
  for (let f = 0; f < faces; f++) {
    const [a, b, c] = [3 * corners[3 * f], 3 * corners[3 * f + 1], 3 * corners[3 * f + 2]];
    const ux = positions[b] - positions[a], uy = positions[b + 1] - positions[a + 1], uz = positions[b + 2] - positions[a + 2];
    const vx = positions[c] - positions[a], vy = positions[c + 1] - positions[a + 1], vz = positions[c + 2] - positions[a + 2];
    const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx, size = Math.sqrt(x * x + y * y + z * z) || 1e-30;
    normal[3 * f] = x / size; normal[3 * f + 1] = y / size; normal[3 * f + 2] = z / size;
    area[f] = size;
    for (let k = 0; k < 3; k++) count[corners[3 * f + k] + 1]++;
  }
  for (let i = 0; i < n; i++) count[i + 1] += count[i];
  const around = new Uint32Array(corners.length), next = count.slice();
  for (let i = 0; i < corners.length; i++) around[next[corners[i]]++] = (i / 3) | 0;

  const outPositions = [], outNormals = [], index = new Uint32Array(corners.length);
  const head = new Int32Array(n).fill(-1), link = [];
  for (let i = 0; i < corners.length; i++) {
    const vertex = corners[i], f = 3 * ((i / 3) | 0);
    let x = 0, y = 0, z = 0;
    for (let k = count[vertex]; k < count[vertex + 1]; k++) {
      const g = 3 * around[k];
      if (normal[f] * normal[g] + normal[f + 1] * normal[g + 1] + normal[f + 2] * normal[g + 2] < SMOOTH) continue;
      const w = area[around[k]];
      x += w * normal[g]; y += w * normal[g + 1]; z += w * normal[g + 2];
    }
    const size = Math.sqrt(x * x + y * y + z * z) || 1;
    x /= size; y /= size; z /= size;
    let at = head[vertex];
    while (at >= 0 && Math.abs(outNormals[3 * at] - x) + Math.abs(outNormals[3 * at + 1] - y) + Math.abs(outNormals[3 * at + 2] - z) > 0.02) at = link[at];
    if (at < 0) {
      at = link.length;
      link.push(head[vertex]);
      head[vertex] = at;
      outPositions.push(positions[3 * vertex], positions[3 * vertex + 1], positions[3 * vertex + 2]);
      outNormals.push(x, y, z);
    }
    index[i] = at;
  }
  return { positions: new Float32Array(outPositions), normals: new Float32Array(outNormals), index };
}

// A surface with about a share of its triangles: vertices of one cell of a grid become one.
function thinned({ positions, normals, index }, share) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    low[i % 3] = Math.min(low[i % 3], positions[i]);
    high[i % 3] = Math.max(high[i % 3], positions[i]);
  }
  // A surface goes through some 4 of the square of the cells along a side, with two triangles in each.
  const side = Math.max(...high.map((h, k) => h - low[k])) || 1, cells = clamp(Math.round(Math.sqrt(share * index.length / 3 / 9)), 3, 60);
  const stands = new Map(), to = new Uint32Array(positions.length / 3);
  for (let v = 0; v < to.length; v++) {
    let key = 0;
    for (let k = 0; k < 3; k++) key = key * 64 + Math.min(cells, Math.floor((positions[3 * v + k] - low[k]) / side * cells));
    // Sides that face away from each other stay apart.
    key = key * 8 + (normals[3 * v] > 0) + 2 * (normals[3 * v + 1] > 0) + 4 * (normals[3 * v + 2] > 0);
    if (!stands.has(key)) stands.set(key, v);
    to[v] = stands.get(key);
  }
  const out = [];
  for (let i = 0; i < index.length; i += 3) {
    const [a, b, c] = [to[index[i]], to[index[i + 1]], to[index[i + 2]]];
    if (a !== b && b !== c && a !== c) out.push(a, b, c);
  }
  // Vertices that nobody names any more would be computed all the same.
  const number = new Map(), kept = [];
  const renamed = Uint32Array.from(out, (v) => {
    if (!number.has(v)) { number.set(v, kept.length); kept.push(v); }
    return number.get(v);
  });
  const of = (from) => Float32Array.from({ length: 3 * kept.length }, (_, i) => from[3 * kept[(i / 3) | 0] + i % 3]);
  return { positions: of(positions), normals: of(normals), index: renamed };
}
