// The robot, drawn by WebGL: geoms by the poses of their bodies, a floor with a grid, shadows on it, contacts, what is chosen.

const VERTEX = `#version 300 es
layout(location=0) in vec3 position; layout(location=1) in vec3 normal;
uniform mat4 model, view; uniform vec3 inverseScale;
out vec3 world, facing;
void main() {
  vec4 p = model * vec4(position, 1.0);
  world = p.xyz;
  facing = mat3(model) * (normal * inverseScale * inverseScale);
  gl_Position = view * p;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec3 world, facing;
uniform vec4 colour; uniform vec3 eye, sun, glow; uniform float dark;
out vec4 pixel;
void main() {
  vec3 n = normalize(facing), v = normalize(eye - world);
  if (dot(n, v) < 0.0) n = -n;
  float key = max(dot(n, sun), 0.0), sky = 0.5 + 0.5 * n.z;
  float fill = max(dot(n, v), 0.0);
  vec3 own = mix(colour.rgb, vec3(0.5), 0.1);
  vec3 light = own * (0.30 + 0.22 * sky + 0.58 * key + 0.12 * fill);
  light += 0.16 * pow(max(dot(n, normalize(sun + v)), 0.0), 40.0);
  light += glow * (0.35 + 0.65 * pow(1.0 - fill, 2.0));
  pixel = vec4(light, colour.a);
}`;
// A plane: a grid whose lines stay a pixel wide, and that fades away with the distance.
const FLOOR = `#version 300 es
precision highp float;
in vec3 world, facing;
uniform vec4 colour; uniform vec3 lines, eye, axisU, axisV, origin; uniform float cell, reach;
out vec4 pixel;
float grid(vec2 p, float width) {
  vec2 w = fwidth(p), d = abs(fract(p - 0.5) - 0.5) / w;
  vec2 line = (1.0 - smoothstep(vec2(width - 0.5), vec2(width + 0.5), d)) * (1.0 - smoothstep(0.25, 0.6, w));
  return max(line.x, line.y);
}
void main() {
  vec2 p = vec2(dot(world - origin, axisU), dot(world - origin, axisV)) / cell;
  float strength = max(0.5 * grid(p, 0.7), grid(p / 5.0, 1.1));
  float fade = 1.0 - smoothstep(0.35, 1.0, length(world - eye) / reach);
  pixel = vec4(mix(colour.rgb, lines, strength), colour.a * fade);
}`;
const FLAT = `#version 300 es
precision highp float;
uniform vec4 colour; out vec4 pixel;
void main() { pixel = colour; }`;
const POINTS = `#version 300 es
layout(location=0) in vec3 position; uniform mat4 view; uniform float size;
void main() { gl_Position = view * vec4(position, 1.0); gl_PointSize = size / gl_Position.w; }`;
const ROUND = `#version 300 es
precision highp float;
uniform vec4 colour; out vec4 pixel;
void main() { vec2 p = 2.0 * gl_PointCoord - 1.0; float r = dot(p, p); if (r > 1.0) discard; pixel = vec4(colour.rgb * (1.0 - 0.45 * r), colour.a); }`;

const SUN = unit([0.45, -0.35, 0.85]);
// A pulley in a tendon's path is a gap.
const isGap = (x) => Number.isNaN(x);

class Stage {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.camera = new Camera(canvas, changed);
    this.follow = true;
    this.collide = false;
    this.gl = canvas.getContext("webgl2", { antialias: true, alpha: false, stencil: true, powerPreference: "high-performance" });
    this.slow = 0;
    this.coarse = false;
    // Drivers compile while the page reads its numbers.
    this.compiling = this.gl && {
      solid: this.program(VERTEX, FRAGMENT), floor: this.program(VERTEX, FLOOR), flat: this.program(VERTEX, FLAT), points: this.program(POINTS, ROUND),
    };
  }

  program(vertex, fragment) {
    const gl = this.gl, out = gl.createProgram();
    for (const [type, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(out, shader);
    }
    gl.linkProgram(out);
    return out;
  }

  // A program with the places of its uniforms.
  compiled(out) {
    const gl = this.gl;
    if (!gl.getProgramParameter(out, gl.LINK_STATUS)) {
      const logs = gl.getAttachedShaders(out).map((shader) => gl.getShaderInfoLog(shader));
      throw new Error([gl.getProgramInfoLog(out), ...logs].filter((text) => text).join(" "));
    }
    const at = {};
    for (let i = 0; i < gl.getProgramParameter(out, gl.ACTIVE_UNIFORMS); i++) {
      const { name } = gl.getActiveUniform(out, i);
      at[name] = gl.getUniformLocation(out, name);
    }
    return { out, at };
  }

  // What is drawn, from the packs of the page.
  load(scenePack, motion) {
    this.motion = motion;
    this.path();
    this.frame();
    if (!this.gl) return;
    const gl = this.gl;
    this.programs = Object.fromEntries(Object.entries(this.compiling).map(([name, program]) => [name, this.compiled(program)]));
    this.surfaces = { sphere: this.surface(shapes.sphere()), cylinder: this.surface(shapes.cylinder()), box: this.surface(shapes.box()), square: this.surface(shapes.square()) };
    const all = meshes(scenePack).map((mesh) => this.surface(mesh));
    this.items = ABOUT.scene.geoms.map((geom, number) => this.item(geom, number, all)).filter((item) => item);
    this.triangles = this.items.reduce((sum, item) => sum + (item.geom.shown ? item.surface.n / 3 : 0), 1);
    this.scratch = gl.createBuffer();
    this.scratchArray = gl.createVertexArray();
    gl.bindVertexArray(this.scratchArray);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.scratch);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
    gl.bindVertexArray(null);
  }

  surface({ positions, normals, index }) {
    const gl = this.gl, array = gl.createVertexArray();
    gl.bindVertexArray(array);
    for (const [at, numbers] of [[0, positions], [1, normals]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, numbers, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, index, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    return { array, n: index.length, mesh: { positions, normals, index } };
  }

  item(geom, number, all) {
    const s = geom.size, base = { geom, number, scale: [1, 1, 1], matrix: new Float32Array(16) };
    switch (geom.kind) {
      case "sphere": return { ...base, surface: this.surfaces.sphere, scale: s };
      case "cylinder": return { ...base, surface: this.surfaces.cylinder, scale: [s[0], s[0], s[1]] };
      case "box": return { ...base, surface: this.surfaces.box, scale: s };
      case "capsule": return { ...base, surface: this.surface(shapes.capsule(s[0], s[1])) };
      case "plane": return { ...base, surface: this.surfaces.square, scale: [s[0] || 1, s[1] || 1, 1], plane: true };
      case "mesh": return { ...base, surface: all[geom.mesh] };
      default: return null;
    }
  }

  pose(body, t) {
    const { pos, quat } = this.motion, T = ABOUT.steps, i = Math.min(Math.floor(t), T - 1), j = Math.min(i + 1, T - 1), f = t - i;
    const p = [0, 1, 2].map((k) => { const at = (3 * body + k) * T; return mix(pos[at + i], pos[at + j], f); });
    const q = (at) => [0, 1, 2, 3].map((k) => quat[(4 * body + k) * T + at] / 32767);
    return [p, f > 0 ? between(q(i), q(j), f) : q(i)];
  }

  // Where what moves has its middle, along the steps; where the camera is to look is smoother.
  path() {
    const T = ABOUT.steps, { pos } = this.motion, bodies = ABOUT.scene.bodies;
    const own = bodies.map((b, i) => [i, b.moves && !b.placed ? Math.max(b.mass, 1e-9) : 0]).filter(([, mass]) => mass > 0);
    const total = own.reduce((sum, [, mass]) => sum + mass, 0) || 1;
    this.middle = [0, 1, 2].map((k) => {
      const raw = new Float64Array(T);
      for (const [i, mass] of own) for (let t = 0; t < T; t++) raw[t] += mass / total * pos[(3 * i + k) * T + t];
      return raw;
    });
  }

  // How large what moves is at the first step, so that all of it is seen; what is only put somewhere counts where it is near.
  frame() {
    const middle = this.lookAt(0), { bodies, geoms, meshes: all, soft } = ABOUT.scene, reach = [];
    for (const geom of geoms) {
      if (!bodies[geom.body].moves || geom.kind === "none" || geom.kind === "plane") continue;
      const [p, q] = this.pose(geom.body, 0), s = geom.size, mesh = all[geom.mesh];
      const own = mesh ? mesh.side * 0.5 : geom.kind === "capsule" ? s[0] + s[1] : geom.kind === "sphere" ? Math.max(...s) : Math.hypot(...s);
      reach.push({ far: norm(sub(add(p, turned(q, geom.pos)), middle)) + own, own, placed: bodies[geom.body].placed });
    }
    for (const { vertices } of soft)
      for (const [body, local] of vertices) reach.push({ far: norm(sub(this.vertex(body, local, 0), middle)), own: 0, placed: false });
    // A single ball is not all that there is to see.
    let radius = reach.filter((r) => !r.placed).reduce((most, r) => Math.max(most, r.far, 3 * r.own), 0) || 1;
    radius = reach.filter((r) => r.placed && r.far < 3 * radius).reduce((most, r) => Math.max(most, r.far), radius);
    this.radius = radius;
    this.camera.fit(radius * 1.08);
  }

  vertex(body, local, t) {
    const [p, q] = this.pose(body, t);
    return add(p, turned(q, local));
  }

  lookAt(t) {
    const i = Math.min(Math.floor(t), ABOUT.steps - 1), j = Math.min(i + 1, ABOUT.steps - 1);
    return this.middle.map((m) => mix(m[i], m[j], t - i));
  }

  resize() {
    const scale = Math.min(devicePixelRatio || 1, this.coarse ? 0.75 : 2);
    const [w, h] = [Math.max(1, Math.round(this.canvas.clientWidth * scale)), Math.max(1, Math.round(this.canvas.clientHeight * scale))];
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    this.scale = scale;
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => rgb(style.getPropertyValue("--" + name).trim());
    this.palette = { back: of("sky"), floor: of("floor"), lines: of("lines"), a: of("a"), b: of("b"), event: of("event"), shadow: Number(style.getPropertyValue("--shadow")) };
  }

  // Draws the state at a time in steps; `chosen` says which bodies and geoms glow.
  draw(t, chosen, moving) {
    const gl = this.gl;
    if (!gl || !this.items) return;
    // Where frames are slow, what moves is drawn coarser, and what stands as finely as it can be.
    this.coarse = moving && this.slow > SLOW;
    this.resize();
    if (!this.palette) this.colours();
    const { palette } = this, [w, h] = [this.canvas.width, this.canvas.height];
    if (this.follow) this.camera.target = this.lookAt(t);
    const eye = this.camera.eye(), far = Math.max(this.camera.distance * 8, this.radius * 24);
    const fov = w < h ? 2 * Math.atan(Math.tan(FOVY / 2) * h / w) : FOVY;
    const view = multiplied(perspective(fov, w / h, this.camera.distance * 0.02, far), lookingAt(eye, this.camera.center()));
    gl.viewport(0, 0, w, h);
    gl.clearColor(...palette.back, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);

    const poses = new Map(), pose = (body) => poses.get(body) ?? poses.set(body, this.pose(body, t)).get(body);
    const seen = this.items.filter((item) => item.geom.shown || this.collide || chosen.geoms.has(item.number));
    for (const item of seen) {
      const [p, q] = pose(item.geom.body), place = add(p, turned(q, item.geom.pos));
      item.turn = product(q, item.geom.quat);
      item.endless = item.plane && (!item.geom.size[0] || turned(item.turn, [0, 0, 1])[2] > 0.9);
      item.place = item.endless ? this.under(place, item.turn) : place;
      if (item.endless) item.scale = [far, far, 1];
      placed(item.matrix, item.place, item.turn, item.scale);
    }
    const solid = seen.filter((item) => !item.plane && (item.geom.shown ? item.geom.rgba[3] : 0.35) >= 0.99);
    const clear = seen.filter((item) => !item.plane && !solid.includes(item));
    // To what collides no plane ends; a floor is drawn so, a wall in its own size, and none hides what is in front of it from behind.
    const planes = seen.filter((item) => item.plane && dot(turned(item.turn, [0, 0, 1]), sub(eye, item.place)) > 0);
    this.solids(solid, view, eye, chosen);
    this.floors(planes, view, eye, far);
    if (!this.coarse) this.shade(planes, solid, view);
    this.tendons(t, view, eye);
    this.softs(t, view, eye);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.depthMask(false);
    this.solids(clear, view, eye, chosen);
    gl.depthMask(true);
    this.contacts(t, view, eye, chosen);
    gl.disable(gl.BLEND);
  }

  // The part of a plane that is drawn lies about what the camera looks at; its grid is the world's.
  under(place, turn) {
    const center = this.camera.center(), n = turned(turn, [0, 0, 1]), d = sub(center, place);
    return add(place, sub(d, scaled(n, dot(d, n))));
  }

  use(program, view) {
    this.gl.useProgram(program.out);
    this.gl.uniformMatrix4fv(program.at.view, false, view);
    return program.at;
  }

  solids(items, view, eye, chosen) {
    const gl = this.gl, at = this.use(this.programs.solid, view);
    gl.uniform3fv(at.eye, eye);
    gl.uniform3fv(at.sun, SUN);
    for (const item of items) {
      const glow = chosen.geoms.has(item.number) ? this.palette.event : chosen.glow(item.geom.body, this.palette);
      const own = item.geom.rgba, alpha = item.geom.shown ? own[3] : 0.35;
      // What glows is drawn in that colour; what does not steps back while something does.
      const base = glow ? glow.map((c, k) => mix(own[k], c, 0.75)) : chosen.any ? own.slice(0, 3).map((c) => mix(c, 0.5, 0.45)) : own;
      gl.uniform4f(at.colour, base[0], base[1], base[2], alpha);
      gl.uniform3fv(at.glow, glow ? scaled(glow, 0.22) : [0, 0, 0]);
      gl.uniform3fv(at.inverseScale, item.scale.map((s) => (s ? 1 / s : 0)));
      gl.uniformMatrix4fv(at.model, false, item.matrix);
      const surface = this.coarse ? this.thin(item.surface) : item.surface;
      gl.bindVertexArray(surface.array);
      gl.drawElements(gl.TRIANGLES, surface.n, gl.UNSIGNED_INT, 0);
    }
  }

  // A surface with a fraction of its triangles, made when it is first needed.
  thin(surface) {
    if (surface.n < 600) return surface;
    surface.thin ??= this.surface(thinned(surface.mesh, Math.min(0.5, FEW / this.triangles)));
    return surface.thin;
  }

  floors(planes, view, eye, far) {
    const gl = this.gl, at = this.use(this.programs.floor, view);
    gl.uniform3fv(at.eye, eye);
    gl.uniform3fv(at.lines, this.palette.lines);
    gl.uniform1f(at.reach, far * 0.9);
    // A cell is a round length, about a quarter of what moves.
    const size = 10 ** Math.floor(Math.log10(this.radius / 2)), cell = [5, 2, 1].map((k) => k * size).find((c) => c <= this.radius / 2) ?? size;
    gl.uniform1f(at.cell, cell);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.enable(gl.STENCIL_TEST);
    gl.stencilFunc(gl.ALWAYS, 1, 0xff);
    gl.stencilOp(gl.KEEP, gl.KEEP, gl.REPLACE);
    for (const item of planes) {
      gl.uniform4f(at.colour, ...this.palette.floor, 1);
      gl.uniform3fv(at.axisU, turned(item.turn, [1, 0, 0]));
      gl.uniform3fv(at.axisV, turned(item.turn, [0, 1, 0]));
      gl.uniform3fv(at.origin, [0, 0, 0]);
      gl.uniform3fv(at.inverseScale, [1, 1, 1]);
      gl.uniformMatrix4fv(at.model, false, item.matrix);
      gl.bindVertexArray(item.surface.array);
      gl.drawElements(gl.TRIANGLES, item.surface.n, gl.UNSIGNED_INT, 0);
    }
    gl.disable(gl.STENCIL_TEST);
    gl.disable(gl.BLEND);
  }

  // What lies between the sun and a level floor darkens it, once however many geoms do.
  shade(planes, solid, view) {
    const gl = this.gl;
    const floor = planes.find((item) => turned(item.turn, [0, 0, 1])[2] > 0.999);
    if (!floor) return;
    const z = floor.place[2], [a, b] = [SUN[0] / SUN[2], SUN[1] / SUN[2]];
    const cast = new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, -a, -b, 0, 0, a * z, b * z, z, 1]);
    const at = this.use(this.programs.flat, multiplied(view, cast));
    gl.uniform4f(at.colour, 0, 0, 0, this.palette.shadow);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.enable(gl.STENCIL_TEST);
    gl.stencilFunc(gl.EQUAL, 1, 0xff);
    gl.stencilOp(gl.KEEP, gl.KEEP, gl.INCR);
    // The floor that is seen is in the stencil, so that depth has nothing to say.
    gl.disable(gl.DEPTH_TEST);
    for (const item of solid) {
      if (!ABOUT.scene.bodies[item.geom.body].moves) continue;
      gl.uniformMatrix4fv(at.model, false, item.matrix);
      gl.bindVertexArray(item.surface.array);
      gl.drawElements(gl.TRIANGLES, item.surface.n, gl.UNSIGNED_INT, 0);
    }
    gl.enable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.disable(gl.BLEND);
  }

  // Tendons as thin cylinders along their paths.
  tendons(t, view, eye) {
    const shown = ABOUT.scene.tendons.filter((tendon) => tendon.shown);
    if (!shown.length) return;
    if (!this.pathFirst) {
      this.pathFirst = new Uint32Array(this.motion.pathLength.length + 1);
      this.motion.pathLength.forEach((n, i) => { this.pathFirst[i + 1] = this.pathFirst[i] + n; });
    }
    const gl = this.gl, at = this.use(this.programs.solid, view), step = Math.min(Math.round(t), ABOUT.steps - 1);
    gl.uniform3fv(at.eye, eye);
    gl.uniform3fv(at.sun, SUN);
    gl.uniform3fv(at.glow, [0, 0, 0]);
    gl.bindVertexArray(this.surfaces.cylinder.array);
    const matrix = new Float32Array(16), path = this.motion.path;
    shown.forEach((tendon, i) => {
      gl.uniform4f(at.colour, ...tendon.rgba);
      const [from, to] = [this.pathFirst[step * shown.length + i], this.pathFirst[step * shown.length + i + 1]];
      const width = Math.max(tendon.width, 0.002 * this.radius);
      for (let k = from; k + 1 < to; k++) {
        const [p, q] = [[...path.slice(3 * k, 3 * k + 3)], [...path.slice(3 * k + 3, 3 * k + 6)]];
        if (isGap(p[0]) || isGap(q[0])) continue;
        const along = sub(q, p), half = norm(along) / 2;
        if (!half) continue;
        const scale = [width, width, half];
        placed(matrix, scaled(add(p, q), 0.5), towards(along), scale);
        gl.uniform3fv(at.inverseScale, scale.map((s) => 1 / s));
        gl.uniformMatrix4fv(at.model, false, matrix);
        gl.drawElements(gl.TRIANGLES, this.surfaces.cylinder.n, gl.UNSIGNED_INT, 0);
      }
    });
  }

  // Vertices of flexes as small balls.
  softs(t, view) {
    const gl = this.gl;
    for (const soft of ABOUT.scene.soft) {
      const places = new Float32Array(3 * soft.vertices.length);
      soft.vertices.forEach(([body, local], i) => places.set(this.vertex(body, local, t), 3 * i));
      const at = this.use(this.programs.points, view);
      gl.uniform4f(at.colour, ...soft.rgba);
      gl.uniform1f(at.size, 0.03 * this.radius * this.canvas.height / Math.tan(FOVY / 2));
      gl.bindVertexArray(this.scratchArray);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.scratch);
      gl.bufferData(gl.ARRAY_BUFFER, places, gl.DYNAMIC_DRAW);
      gl.drawArrays(gl.POINTS, 0, soft.vertices.length);
    }
  }

  // Points of contact as discs across their normals, seen through the robot too.
  contacts(t, view, eye, chosen) {
    const gl = this.gl, { pointFirst, pointGeom1, pointGeom2, pointPos, pointNormal } = this.motion;
    const step = Math.min(Math.floor(t + 1e-9), ABOUT.steps - 1), matrix = new Float32Array(16);
    const at = this.use(this.programs.flat, view);
    gl.bindVertexArray(this.surfaces.cylinder.array);
    gl.disable(gl.DEPTH_TEST);
    for (let i = pointFirst[step]; i < pointFirst[step + 1]; i++) {
      const own = chosen.touches(pointGeom1[i] | 0, pointGeom2[i] | 0);
      const size = this.radius * (own ? 0.05 : 0.032);
      placed(matrix, [...pointPos.slice(3 * i, 3 * i + 3)], towards([...pointNormal.slice(3 * i, 3 * i + 3)]), [size, size, size * 0.22]);
      gl.uniform4f(at.colour, ...this.palette.event, own ? 0.95 : chosen.any ? 0.35 : 0.7);
      gl.uniformMatrix4fv(at.model, false, matrix);
      gl.drawElements(gl.TRIANGLES, this.surfaces.cylinder.n, gl.UNSIGNED_INT, 0);
    }
    gl.enable(gl.DEPTH_TEST);
  }

  // How long frames take while playing, ms.
  took(ms) {
    this.slow = mix(this.slow || 16, ms, 0.15);
  }
}

// Frames longer than this are slow, ms; and triangles of all that moves where they are.
const SLOW = 34;
const FEW = 16000;

// #rgb or #rrggbb as three numbers from 0 to 1.
function rgb(hex) {
  const h = hex.replace("#", ""), full = h.length === 3 ? [...h].map((c) => c + c).join("") : h;
  return [0, 2, 4].map((i) => parseInt(full.slice(i, i + 2), 16) / 255);
}
