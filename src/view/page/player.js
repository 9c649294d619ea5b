// The clock: steps in real time at a speed, and by hand.

class Player {
  constructor(changed) {
    this.changed = changed;
    // Where it is, in steps; whole unless it plays.
    this.time = 0;
    this.speed = 0.25;
    this.playing = false;
    this.frames = 0;
  }

  get step() {
    return Math.min(Math.floor(this.time + 1e-9), ABOUT.steps - 1);
  }

  seek(step) {
    this.time = clamp(step, 0, ABOUT.steps - 1);
    this.last = null;
    this.changed();
  }

  play(on = !this.playing) {
    this.playing = on && ABOUT.steps > 1;
    if (this.playing && this.time >= ABOUT.steps - 1) this.time = 0;
    if (!this.playing) this.time = this.step;
    this.last = null;
    this.frames = 0;
    this.began = performance.now();
    this.changed();
  }

  // Goes on by what has passed since the last frame; gives how long that was, ms.
  tick(now) {
    if (!this.playing) return 0;
    const passed = this.last === null ? 0 : now - this.last;
    this.last = now;
    this.frames++;
    // A page that was hidden does not jump.
    this.time += Math.min(passed, 250) / 1e3 / ABOUT.dt * this.speed;
    if (this.time >= ABOUT.steps - 1) {
      this.time = ABOUT.steps - 1;
      this.playing = false;
    }
    return passed;
  }

  // Frames a second since it plays.
  rate() {
    return this.frames / Math.max(1e-3, (performance.now() - this.began) / 1e3);
  }
}
