/*
 * A viewing transform's table (docs/formats/looks.md, phlu) and a picture's own values through it, as the engine does it:
 * a scale, a table for each channel, a cube read by tetrahedra. Values that no page needs to see. No DOM; lens.ts does the
 * same on the graphics card.
 */
import { rgbOf, share, weights, type Samples } from './scopes_math';

export interface Table {
  light: boolean; // a scale of light comes first
  size1: number; // 0: no table
  low1: Float32Array;
  high1: Float32Array;
  at1: Float32Array; // red green blue in turn
  size3: number; // 0: no cube
  low3: Float32Array;
  high3: Float32Array;
  at3: Float32Array; // red fastest
}

const HEAD = 128;

// null: these bytes are none.
export function readTable(bytes: ArrayBuffer): Table | null {
  if (bytes.byteLength < HEAD) return null;
  const v = new DataView(bytes);
  const [magic, version, scale, size1, size3] = [v.getUint32(0, true), v.getUint16(4, true), v.getUint16(6, true), v.getUint32(8, true), v.getUint32(12, true)];
  if (magic !== 0x554c4850 || version !== 1 || scale > 1 || size1 > 65536 || size3 > 129 || size1 === 1 || size3 === 1) return null;
  if (bytes.byteLength !== HEAD + 12 * (size1 + size3 ** 3)) return null;
  const three = (at: number): Float32Array => new Float32Array(bytes, at, 3);
  return {
    light: scale === 1, size1, low1: three(16), high1: three(28), low3: three(40), high3: three(52), size3,
    at1: new Float32Array(bytes, HEAD, size1 * 3), at3: new Float32Array(bytes, HEAD + 12 * size1, size3 ** 3 * 3),
  };
}

const held = (v: number, most: number): number => (v > 0 ? (v < most ? v : most) : 0); // NaN: 0

// One colour in place.
export function through(t: Table, v: Float32Array): void {
  if (t.light) for (let c = 0; c < 3; c++) { const x = v[c] ?? 0; v[c] = x > 0 ? held((Math.log2(x + 2 ** -12) + 12) / 20, 1) : 0; }
  if (t.size1) {
    for (let c = 0; c < 3; c++) {
      const low = t.low1[c] ?? 0;
      const at = held(((v[c] ?? 0) - low) / ((t.high1[c] ?? 1) - low) * (t.size1 - 1), t.size1 - 1);
      const i = Math.min(Math.floor(at), t.size1 - 2);
      const a = t.at1[i * 3 + c] ?? 0;
      v[c] = a + (at - i) * ((t.at1[i * 3 + 3 + c] ?? 0) - a);
    }
  }
  if (t.size3) cube(t, v);
}

function cube(t: Table, v: Float32Array): void {
  const n = t.size3;
  const step = [3, 3 * n, 3 * n * n];
  const part = [0, 0, 0];
  let at = 0;
  for (let c = 0; c < 3; c++) {
    const low = t.low3[c] ?? 0;
    const p = held(((v[c] ?? 0) - low) / ((t.high3[c] ?? 1) - low) * (n - 1), n - 1);
    const i = Math.min(Math.floor(p), n - 2);
    part[c] = p - i;
    at += i * (step[c] ?? 0);
  }
  const order = [0, 1, 2].sort((a, b) => (part[b] ?? 0) - (part[a] ?? 0));
  let before = 1;
  v.fill(0);
  for (let k = 0; k < 4; k++) {
    const c = order[k];
    const next = c === undefined ? 0 : part[c] ?? 0;
    for (let i = 0; i < 3; i++) v[i] = (v[i] ?? 0) + (before - next) * (t.at3[at + i] ?? 0);
    before = next;
    if (c !== undefined) at += step[c] ?? 0;
  }
}

// ---- a picture's own values

// The first frame of the original as it is stored, or fewer pixels of it.
export interface Plain {
  frame: number;
  said: Samples;
  data: Uint16Array | Float32Array;
}

// How a code becomes R', G', B' of 0 to 1: y = zero + code * one, chroma likewise, then the matrix.
export function scaling(s: Samples): { zero: number; one: number; chroma_zero: number; chroma_one: number; kr: number; kb: number } {
  const zero = share(0, s.bits, s.full, false), chroma = share(0, s.bits, s.full, true);
  const rgb = s.space === 'rgb' ? 1 / (2 ** s.bits - 1) : 0;
  return {
    zero: rgb ? 0 : zero, one: rgb || share(1, s.bits, s.full, false) - zero,
    chroma_zero: chroma, chroma_one: share(1, s.bits, s.full, true) - chroma, ...weights(s.matrix),
  };
}

const signal = (light: number): number => (light < 0.018 ? 4.5 * light : 1.099 * light ** 0.45 - 0.099); // BT.709

// The picture in 8 bits: through a table, or as it is.
export function paint(p: Plain, t: Table | null, to: Uint8ClampedArray): void {
  const { said: s, data } = p;
  const k = scaling(s);
  const v = new Float32Array(3);
  for (let i = 0, at = 0, o = 0; i < s.width * s.height; i++, at += s.channels, o += 4) {
    const a = data[at] ?? 0, b = s.channels === 1 ? a : data[at + 1] ?? 0, c = s.channels === 1 ? a : data[at + 2] ?? 0;
    if (s.type === 'f32') v.set([a, b, c]);
    else if (s.space === 'ycbcr') v.set(rgbOf(k.zero + a * k.one, k.chroma_zero + b * k.chroma_one, k.chroma_zero + c * k.chroma_one, k));
    else v.set([k.zero + a * k.one, k.zero + b * k.one, k.zero + c * k.one]);
    if (s.type === 'u16') for (let n = 0; n < 3; n++) v[n] = held(v[n] ?? 0, 1);
    if (t) through(t, v);
    for (let n = 0; n < 3; n++) {
      const x = held(v[n] ?? 0, 1);
      to[o + n] = Math.floor((t || s.type === 'u16' ? x : signal(x)) * 255 + 0.5);
    }
    to[o + 3] = 255;
  }
}
