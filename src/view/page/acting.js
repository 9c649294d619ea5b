// What acts at a step: pairs of geoms that touch, limits and other constraints, flags. And which entries switch with a contact.

const touches = {
  // By pair: 1 at the steps at which it touches.
  pairs: [],
  load(motion) {
    this.pairs = ABOUT.events.pairs.map(() => new Uint8Array(ABOUT.steps));
    for (let t = 0; t < ABOUT.steps; t++)
      for (let i = motion.touchFirst[t]; i < motion.touchFirst[t + 1]; i++) this.pairs[motion.touchPair[i]][t] = 1;
  },
  switches(pair) {
    const on = this.pairs[pair], out = [];
    for (let t = 1; t < ABOUT.steps; t++) if (on[t] !== on[t - 1]) out.push(t);
    return out;
  },
};

// By entry, at how many of the switches of a pair its verdict goes from zero to nonzero or back. What is undecided at either step
// does not count.
function switching(pair) {
  const steps = touches.switches(pair), out = { steps, A: null, B: null };
  for (const name of ["A", "B"]) {
    const n = matrices.ndx * matrices.columns(name), counts = out[name] = new Uint16Array(n);
    for (const t of steps) {
      const [now, at, n1] = matrices.at(t), [before, at0, n0] = matrices.at(t - 1);
      const [a, b] = [now[name + "Zero"], before[name + "Zero"]];
      for (let k = 0; k < n; k++) if (a[k * n1 + at] + b[k * n0 + at0] === 1) counts[k]++;
    }
  }
  return out;
}

// At how many steps the verdict of an entry goes from zero to nonzero or back.
function allSwitches(entry) {
  const k = entryIndex(entry);
  let n = 0;
  for (let t = 1; t < ABOUT.steps; t++) n += matrices.verdict(entry.matrix, k, t) + matrices.verdict(entry.matrix, k, t - 1) === 1;
  return n;
}

// The entries that switch most often with a pair.
function most(found, n) {
  const all = [];
  for (const name of ["A", "B"]) {
    const columns = matrices.columns(name);
    found[name].forEach((count, k) => { if (count) all.push({ count, entry: { matrix: name, row: Math.floor(k / columns), column: k % columns } }); });
  }
  return all.sort((a, b) => b.count - a.count).slice(0, n);
}

class Acting {
  constructor(section, { choosePair, chooseEntry }) {
    Object.assign(this, { section, choosePair, chooseEntry });
  }

  load(motion) {
    this.motion = motion;
  }

  draw(step, pair, found) {
    const focused = document.activeElement?.dataset?.pair;
    const parts = [this.contacts(step, pair), this.constraints(step), this.flags(step)];
    if (pair !== null && found) parts.unshift(this.chosen(pair, found));
    const scroll = this.section.scrollTop;
    this.section.replaceChildren(element("h2", {}, "Acting at this step"), element("div", { class: "columns" }, ...parts.filter((p) => p)));
    this.section.scrollTop = scroll;
    if (focused !== undefined) this.section.querySelector(`[data-pair="${focused}"]`)?.focus({ preventScroll: true });
  }

  button(pair, chosen, text) {
    return element("button", {
      type: "button", "data-pair": pair, "aria-pressed": String(pair === chosen), title: ABOUT.events.pairs[pair].map(geomName).map((n) => shortened(n, 200)).join(" – "),
      onclick: () => this.choosePair(pair === chosen ? null : pair),
    }, element("span", {}, pairName(pair)), text ? element("small", {}, text) : "");
  }

  contacts(step, chosen) {
    const { touchFirst, touchPair, touchSteps, touchDist } = this.motion, list = element("div", { class: "list" });
    const there = new Set();
    for (let i = touchFirst[step]; i < touchFirst[step + 1]; i++) {
      const pair = touchPair[i], dist = touchDist[i];
      there.add(pair);
      const words = [];
      if (!Number.isNaN(dist)) words.push(dist < 0 ? millimetres(-dist) + " deep" : millimetres(dist) + " apart");
      if (ABOUT.substeps > 1) words.push(`${touchSteps[i]} of ${ABOUT.substeps} physics steps`);
      list.append(this.button(pair, chosen, words.join(", ")));
    }
    const others = ABOUT.events.pairs.map((_, p) => p).filter((p) => !there.has(p));
    const out = element("div", { class: "group contacts" }, element("h3", {}, "Contacts"), there.size ? list : element("p", { class: "soft" }, "Nothing touches."));
    if (others.length) {
      const at = element("details", { open: this.open }, element("summary", {}, `${others.length} more at other steps`));
      at.addEventListener("toggle", () => { this.open = at.open; });
      at.append(element("div", { class: "list" }, ...others.slice(0, 200).map((p) => this.button(p, chosen, ""))));
      out.append(at);
    }
    return out;
  }

  chosen(pair, found) {
    const n = found.steps.length, count = (name) => found[name].reduce((sum, c) => sum + (c > 0), 0);
    const out = element("div", { class: "group chosen" }, element("h3", {}, "Switches with " + pairName(pair)));
    if (!n) {
      out.append(element("p", {}, "It neither opens nor closes in the steps shown."));
      return out;
    }
    const all = [["A", count("A")], ["B", count("B")]].filter(([name]) => name === "A" || matrices.nu);
    out.append(element("p", {}, `It opens or closes at ${n} step${n > 1 ? "s" : ""}; with it ${all.map(([name, c]) => `${c} entries of ${name}`).join(" and ")} switch between zero and nonzero at least once.`));
    const list = element("div", { class: "list" });
    for (const { count: c, entry } of most(found, 6))
      list.append(element("button", { type: "button", onclick: () => this.chooseEntry(entry) }, element("span", {}, entryName(entry, 20)), element("small", {}, `${c} of ${n}, ${allSwitches(entry)} in all`)));
    out.append(list);
    return out;
  }

  constraints(step) {
    const { actingFirst, acting, actingState } = this.motion, limits = [], equalities = [], sticking = [], slipping = [];
    for (let i = actingFirst[step]; i < actingFirst[step + 1]; i++) {
      const { type, name } = ABOUT.events.constraints[acting[i]];
      const list = type.startsWith("limit") ? limits : type === "equality" ? equalities
        : ABOUT.events.states[actingState[i]] === "quadratic" ? sticking : slipping;
      list.push(shortened(name, 24));
    }
    const named = (all) => all.slice(0, 8).join(", ") + (all.length > 8 ? ` and ${all.length - 8} more` : "");
    const group = (head, ...texts) => element("div", { class: "group" }, element("h3", {}, head), ...texts);
    const out = element("div", {}, group("Limits", limits.length ? element("p", {}, named(limits)) : element("p", { class: "soft" }, "No limit pushes.")));
    if (equalities.length) out.append(group("Equalities", element("p", {}, named(equalities))));
    if (sticking.length + slipping.length)
      out.append(group("Friction of joints and tendons", ...[["sticks", sticking], ["slips", slipping]].filter(([, all]) => all.length)
        .map(([word, all]) => element("p", {}, element("b", {}, `${all.length} ${all.length > 1 ? word.slice(0, -1) : word}: `), named(all)))));
    return out;
  }

  flags(step) {
    const bits = this.motion.flags[step], set = ABOUT.events.flags.filter(([bit]) => bits & bit);
    const list = set.map(([, name, what]) => element("li", {}, element("b", {}, name), ": " + what));
    const kink = this.motion.kink[step];
    if (kink > 0) list.push(element("li", {}, `The sides of its derivatives differ by ${percent(kink)} of the largest entry of A (kink).`));
    return element("div", { class: "group" }, element("h3", {}, "Flags"), list.length ? element("ul", {}, ...list) : element("p", { class: "soft" }, "None."));
  }
}
