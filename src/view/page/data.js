"use strict";
// What the page is about, and its numbers: arrays of little-endian numbers, by planes of their bytes, deflated, in base64.
const ABOUT = JSON.parse(document.getElementById("about").textContent);
const TYPES = { u8: Uint8Array, i16: Int16Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array, f64: Float64Array };

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The bytes of each number together again.
function gathered(bytes, place) {
  const type = TYPES[place.type], size = type.BYTES_PER_ELEMENT, n = place.length;
  if (size === 1) return bytes.slice(place.at, place.at + n);
  const out = new Uint8Array(n * size);
  for (let plane = 0; plane < size; plane++) {
    const from = place.at + plane * n;
    for (let i = 0, to = plane; i < n; i++, to += size) out[to] = bytes[from + i];
  }
  return new type(out.buffer);
}

// The arrays of a pack by their names. The text is let go of, since it is as large as the page.
async function unpack(name) {
  const element = document.getElementById("pack-" + name);
  const bytes = await inflated(fromBase64(element.textContent));
  element.remove();
  const arrays = {};
  for (const place of ABOUT.packs[name]) arrays[place.name] = gathered(bytes, place);
  return arrays;
}

// A and B: values and verdicts by entry and step. Blocks of steps come one after the other.
const VERDICTS = ["nonzero", "zero", "undecided"];
const matrices = {
  ndx: ABOUT.axes.state.length,
  nu: ABOUT.axes.control.length,
  blocks: [],
  has(step) { return this.blocks[Math.floor(step / ABOUT.kept.block)] !== undefined; },
  // Where a step is: its block, its number there, and the steps of that.
  at(step) {
    const of = Math.floor(step / ABOUT.kept.block), first = of * ABOUT.kept.block;
    return [this.blocks[of], step - first, Math.min(ABOUT.kept.block, ABOUT.steps - first)];
  },
  value(matrix, entry, step) {
    const [block, at, n] = this.at(step);
    return block && ABOUT.kept.values ? block[matrix][entry * n + at] : NaN;
  },
  verdict(matrix, entry, step) {
    const [block, at, n] = this.at(step);
    return block ? block[matrix + "Zero"][entry * n + at] : 2;
  },
  floor(row, step) {
    const [block, at, n] = this.at(step);
    return block && ABOUT.kept.floor ? block.floor[row * n + at] : NaN;
  },
  columns(matrix) { return matrix === "A" ? this.ndx : this.nu; },
  async load(each) {
    for (let i = 0; i < Math.ceil(ABOUT.steps / ABOUT.kept.block); i++) {
      this.blocks[i] = await unpack("block" + i);
      each(i);
      // The page stays alive meanwhile.
      await new Promise((resolve) => setTimeout(resolve));
    }
  },
};
