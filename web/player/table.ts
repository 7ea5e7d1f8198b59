/*
 * A viewing transform's table (docs/formats/looks.md, phlu) and a picture's own values through it, as the engine does it:
 * a scale, a table for each channel, a cube read by tetrahedra. Values that no page needs to see. No DOM; lens.ts does the
 * same on the graphics card.
 */
import { share, weights, type Samples } from './scopes_math';

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

// The picture in so many pixels (means of those of the source that fall into each), as R', G', B' of 0 to 1 or light: what
// does not change from one table to the next, done before anybody asks.
export interface Prepared { of: Plain; width: number; height: number; rgb: Float32Array; places: Map<string, Uint32Array> }
export function prepare(p: Plain, width: number, height: number): Prepared {
  const { said: s, data } = p;
  const k = scaling(s);
  const n = s.channels, floats = s.type === 'f32';
  const rgb = new Float32Array(width * height * 3);
  for (let y = 0, o = 0; y < height; y++) {
    const top = Math.floor(y * s.height / height), bottom = Math.max(top + 1, Math.floor((y + 1) * s.height / height));
    for (let x = 0; x < width; x++, o += 3) {
      const left = Math.floor(x * s.width / width), right = Math.max(left + 1, Math.floor((x + 1) * s.width / width));
      let a = 0, b = 0, c = 0;
      for (let sy = top; sy < bottom; sy++) {
        for (let sx = left, at = (sy * s.width + left) * n; sx < right; sx++, at += n) {
          a += data[at] ?? 0;
          if (n > 1) { b += data[at + 1] ?? 0; c += data[at + 2] ?? 0; }
        }
      }
      const count = (bottom - top) * (right - left);
      a /= count;
      if (n > 1) { b /= count; c /= count; } else b = c = a;
      if (s.space === 'ycbcr' && !floats) {
        const l = k.zero + a * k.one, cr = k.chroma_zero + c * k.chroma_one, cb = k.chroma_zero + b * k.chroma_one;
        const red = l + 2 * (1 - k.kr) * cr, blue = l + 2 * (1 - k.kb) * cb;
        rgb[o] = held(red, 1);
        rgb[o + 1] = held((l - k.kr * red - k.kb * blue) / (1 - k.kr - k.kb), 1);
        rgb[o + 2] = held(blue, 1);
      } else if (floats) {
        rgb[o] = a;
        rgb[o + 1] = b;
        rgb[o + 2] = c;
      } else {
        rgb[o] = held(k.zero + a * k.one, 1);
        rgb[o + 1] = held(k.zero + b * k.one, 1);
        rgb[o + 2] = held(k.zero + c * k.one, 1);
      }
    }
  }
  return { of: p, width, height, rgb, places: new Map() };
}

// A table made ready for many pixels: for each channel what lies before the cube, in STEPS from low to high.
const STEPS = 16384;
export interface Quick { table: Table | null; light: boolean; low: number[]; per: number[]; axes: Float32Array[]; of_light: boolean; colours: Uint32Array | null }
export function quick(t: Table | null, light: boolean): Quick {
  const low = [0, 0, 0], per = [STEPS - 1, STEPS - 1, STEPS - 1];
  const first: Table | null = t && { ...t, size3: 0 };
  const axes = [0, 1, 2].map((c) => {
    const from = t && !t.light ? (t.size1 ? t.low1 : t.low3)[c] ?? 0 : 0;
    const to = t && !t.light ? (t.size1 ? t.high1 : t.high3)[c] ?? 1 : 1;
    low[c] = from;
    per[c] = (STEPS - 1) / (to - from);
    const axis = new Float32Array(STEPS);
    const v = new Float32Array(3);
    for (let i = 0; i < STEPS; i++) {
      v.fill(from + i / (STEPS - 1) * (to - from));
      if (first) through({ ...first, light: false }, v); // of light the scale is done before
      else if (light) v.fill(signal(v[c] ?? 0));
      let x = v[c] ?? 0;
      if (t?.size3) {
        const bottom = t.low3[c] ?? 0;
        x = held((x - bottom) / ((t.high3[c] ?? 1) - bottom) * (t.size3 - 1), t.size3 - 1);
      } else x = Math.floor(held(x, 1) * 255 + 0.5);
      axis[i] = x;
    }
    return axis;
  });
  return { table: t, light: t?.light ?? false, low, per, axes, of_light: light, colours: null };
}

// In 8 bits, four a pixel; of all rows or those from `first_row` to before `end_row`.
export function paint(p: Pick<Prepared, 'width' | 'height' | 'rgb'>, q: Quick, to: Uint8ClampedArray, first_row = 0, end_row = p.height): void {
  const { rgb } = p;
  const [red = new Float32Array(0), green = red, blue = red] = q.axes;
  const [l0 = 0, l1 = 0, l2 = 0] = q.low, [p0 = 0, p1 = 0, p2 = 0] = q.per;
  const out = new Uint32Array(to.buffer, to.byteOffset, p.width * p.height);
  const n = q.table?.size3 ?? 0, cube = q.table?.at3 ?? red, ends = n - 2;
  const sr = 3, sg = 3 * n, sb = 3 * n * n, all = sr + sg + sb, last = STEPS - 1;
  const end = end_row * p.width;
  for (let i = first_row * p.width, at = i * 3; i < end; i++, at += 3) {
    let a = rgb[at] as number, b = rgb[at + 1] as number, c = rgb[at + 2] as number;
    if (q.light) {
      a = a > 0 ? (Math.log2(a + 0.000244140625) + 12) / 20 : 0;
      b = b > 0 ? (Math.log2(b + 0.000244140625) + 12) / 20 : 0;
      c = c > 0 ? (Math.log2(c + 0.000244140625) + 12) / 20 : 0;
    }
    a = (a - l0) * p0 + 0.5;
    b = (b - l1) * p1 + 0.5;
    c = (c - l2) * p2 + 0.5;
    const r = red[a > 0 ? (a < last ? a | 0 : last) : 0] as number;
    const g = green[b > 0 ? (b < last ? b | 0 : last) : 0] as number;
    const e = blue[c > 0 ? (c < last ? c | 0 : last) : 0] as number;
    if (n === 0) {
      out[i] = 0xff000000 | e << 16 | g << 8 | r;
      continue;
    }
    let ir = r | 0, ig = g | 0, ib = e | 0;
    if (ir > ends) ir = ends;
    if (ig > ends) ig = ends;
    if (ib > ends) ib = ends;
    const x = r - ir, y = g - ig, z = e - ib;
    const k = ir * sr + ig * sg + ib * sb;
    let high = x, middle = y, low = z, first = sr, second = sr + sg;
    if (x >= y) {
      if (y < z) {
        if (x >= z) { middle = z; low = y; second = sr + sb; }
        else { high = z; middle = x; low = y; first = sb; second = sb + sr; }
      }
    } else if (x >= z) { high = y; middle = x; first = sg; second = sg + sr; }
    else if (y >= z) { high = y; middle = z; low = x; first = sg; second = sg + sb; }
    else { high = z; middle = y; low = x; first = sb; second = sb + sg; }
    const w0 = 1 - high, w1 = high - middle, w2 = middle - low;
    const k1 = k + first, k2 = k + second, k3 = k + all;
    let R = (w0 * (cube[k] as number) + w1 * (cube[k1] as number) + w2 * (cube[k2] as number) + low * (cube[k3] as number)) * 255 + 0.5;
    let G = (w0 * (cube[k + 1] as number) + w1 * (cube[k1 + 1] as number) + w2 * (cube[k2 + 1] as number) + low * (cube[k3 + 1] as number)) * 255 + 0.5;
    let B = (w0 * (cube[k + 2] as number) + w1 * (cube[k1 + 2] as number) + w2 * (cube[k2 + 2] as number) + low * (cube[k3 + 2] as number)) * 255 + 0.5;
    R = R > 0 ? (R < 255 ? R : 255) : 0;
    G = G > 0 ? (G < 255 ? G : 255) : 0;
    B = B > 0 ? (B < 255 ? B : 255) : 0;
    out[i] = 0xff000000 | (B | 0) << 16 | (G | 0) << 8 | (R | 0);
  }
}

// ---- at once: of each pixel the nearest of EDGE x EDGE x EDGE colours, one look-up. Where it lies between two of them a
// pattern over the picture says which, so that a slope stays a slope; paint() follows with what is exact.
const EDGE = 64;
const PATTERN = Float32Array.from({ length: 64 }, (_, i) => { // Bayer's, 8 x 8
  let v = 0;
  for (let bit = 0, x = i & 7, y = i >> 3; bit < 3; bit++) v = v << 2 | ((x >> bit ^ y >> bit) & 1) << 1 | (y >> bit & 1);
  return (v + 0.5) / 64;
});

// Where the picture's pixels lie among them: the same for all tables that begin with the same values.
export function places(p: Prepared, q: Quick): Uint32Array {
  const key = `${q.light} ${q.low.join()} ${q.per.join()}`;
  const had = p.places.get(key);
  if (had) return had;
  const { rgb, width, height } = p;
  const to = new Uint32Array(width * height), most = EDGE - 1, k = most / (STEPS - 1);
  const [l0 = 0, l1 = 0, l2 = 0] = q.low, p0 = (q.per[0] ?? 0) * k, p1 = (q.per[1] ?? 0) * k, p2 = (q.per[2] ?? 0) * k;
  for (let y = 0, i = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++, at += 3) {
      let a = rgb[at] as number, b = rgb[at + 1] as number, c = rgb[at + 2] as number;
      if (q.light) {
        a = a > 0 ? (Math.log2(a + 0.000244140625) + 12) / 20 : 0;
        b = b > 0 ? (Math.log2(b + 0.000244140625) + 12) / 20 : 0;
        c = c > 0 ? (Math.log2(c + 0.000244140625) + 12) / 20 : 0;
      }
      const more = PATTERN[(y & 7) << 3 | (x & 7)] as number;
      a = (a - l0) * p0 + more;
      b = (b - l1) * p1 + more;
      c = (c - l2) * p2 + more;
      to[i] = (a > 0 ? (a < most ? a | 0 : most) : 0) | (b > 0 ? (b < most ? b | 0 : most) : 0) << 6 | (c > 0 ? (c < most ? c | 0 : most) : 0) << 12;
    }
  }
  p.places.set(key, to);
  return to;
}

// What a table makes of them.
export function colours(q: Quick): Uint32Array {
  if (q.colours) return q.colours;
  const rgb = new Float32Array(EDGE ** 3 * 3);
  const value = (i: number, c: number): number => {
    const v = (q.low[c] ?? 0) + i / (EDGE - 1) * (STEPS - 1) / (q.per[c] ?? 1);
    return q.light ? 2 ** (v * 20 - 12) - 2 ** -12 : v;
  };
  const [red, green, blue] = [0, 1, 2].map((c) => Float32Array.from({ length: EDGE }, (_, i) => value(i, c)));
  if (!red || !green || !blue) throw new RangeError('three channels');
  for (let i = 0, at = 0; i < EDGE ** 3; i++, at += 3) {
    rgb[at] = red[i & 63] as number;
    rgb[at + 1] = green[i >> 6 & 63] as number;
    rgb[at + 2] = blue[i >> 12] as number;
  }
  const made = new Uint8ClampedArray(EDGE ** 3 * 4);
  paint({ width: EDGE * EDGE, height: EDGE, rgb }, q, made);
  return (q.colours = new Uint32Array(made.buffer));
}

export function paint_at_once(p: Prepared, q: Quick, to: Uint8ClampedArray): void {
  const at = places(p, q), of = colours(q);
  const out = new Uint32Array(to.buffer, to.byteOffset, at.length);
  for (let i = 0; i < at.length; i++) out[i] = of[at[i] as number] as number;
}
