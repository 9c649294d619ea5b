// A camera that goes around a point: drag, two fingers, wheel and keys.
class Camera {
  constructor(canvas, changed) {
    [this.azimuth, this.height] = ABOUT.scene.camera.map((d) => d * Math.PI / 180);
    this.first = { azimuth: this.azimuth, height: this.height };
    this.target = [0, 0, 0];
    // How far the target was moved by hand from what it follows.
    this.moved = [0, 0, 0];
    this.distance = this.firstDistance = 3;
    this.changed = changed;
    this.fingers = new Map();
    this.turnedAt = -Infinity;
    canvas.addEventListener("pointerdown", (e) => {
      canvas.setPointerCapture(e.pointerId);
      this.fingers.set(e.pointerId, [e.clientX, e.clientY]);
    });
    canvas.addEventListener("pointermove", (e) => this.drag(e, canvas));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (e) => this.fingers.delete(e.pointerId));
    canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.zoom(Math.exp(clamp(e.deltaY, -200, 200) * (e.ctrlKey ? 0.01 : 0.0015)));
    }, { passive: false });
    canvas.addEventListener("contextmenu", (e) => e.preventDefault());
    canvas.addEventListener("keydown", (e) => this.key(e));
  }

  fit(radius) {
    this.distance = this.firstDistance = radius / Math.sin(FOVY / 2);
  }

  drag(e, canvas) {
    const before = this.fingers.get(e.pointerId);
    if (!before) return;
    const now = [e.clientX, e.clientY], [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (this.fingers.size === 2) {
      const other = [...this.fingers].find(([id]) => id !== e.pointerId)[1];
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      this.zoom(apart(before) / apart(now));
      this.pan(dx / 2, dy / 2, canvas);
    } else if (e.shiftKey || e.buttons & 6) this.pan(dx, dy, canvas);
    else this.turn(-dx * 0.008, dy * 0.008);
    this.fingers.set(e.pointerId, now);
  }

  turn(azimuth, height) {
    this.azimuth += azimuth;
    this.height = clamp(this.height + height, -1.5, 1.5);
    this.changed();
  }

  zoom(by) {
    this.turnedAt = performance.now();
    this.distance = clamp(this.distance * by, this.firstDistance * 0.05, this.firstDistance * 20);
    this.changed();
  }

  pan(dx, dy, canvas) {
    const scale = 2 * this.distance * Math.tan(FOVY / 2) / (canvas.clientHeight || 1);
    const z = this.direction(), x = unit(cross([0, 0, 1], z)), y = cross(z, x);
    this.moved = add(this.moved, add(scaled(x, -dx * scale), scaled(y, dy * scale)));
    this.changed();
  }

  key(e) {
    const step = 0.1;
    const actions = {
      ArrowLeft: () => this.turn(-step, 0), ArrowRight: () => this.turn(step, 0),
      ArrowUp: () => this.turn(0, step), ArrowDown: () => this.turn(0, -step),
      "+": () => this.zoom(1 / 1.15), "=": () => this.zoom(1 / 1.15), "-": () => this.zoom(1.15),
    };
    if (!actions[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    actions[e.key]();
    e.preventDefault();
    e.stopPropagation();
  }

  // Whether somebody moves it just now.
  isHeld(now) {
    return this.fingers.size > 0 || now - this.turnedAt < 200;
  }

  reset() {
    Object.assign(this, this.first, { moved: [0, 0, 0], distance: this.firstDistance });
    this.changed();
  }

  direction() {
    const c = Math.cos(this.height);
    return [c * Math.cos(this.azimuth), c * Math.sin(this.azimuth), Math.sin(this.height)];
  }

  eye() {
    return add(this.center(), scaled(this.direction(), this.distance));
  }

  center() {
    return add(this.target, this.moved);
  }
}

const FOVY = 38 * Math.PI / 180;
