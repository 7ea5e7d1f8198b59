/*
 * What scopes show, as numbers: no page in it.
 *
 * A signal is R'G'B' from 0 (black) to 1 (white), not clipped, and the matrix that its luma is made with. Levels are laid on
 * LEVELS steps from LOW to HIGH, so that what is under black and over white is seen where there is any: a picture as the
 * browser shows it has none (8 bits, full range), samples of an original may.
 */
export const LOW = -0.1;
export const HIGH = 1.1;
export const LEVELS = 240;

export interface Weights { kr: number; kb: number }
const MATRICES: Record<string, Weights> = {
  bt709: { kr: 0.2126, kb: 0.0722 }, bt601: { kr: 0.299, kb: 0.114 }, bt2020: { kr: 0.2627, kb: 0.0593 },
  smpte240m: { kr: 0.212, kb: 0.087 }, fcc: { kr: 0.3, kb: 0.11 },
};
export const weights = (matrix: string): Weights => MATRICES[matrix] ?? { kr: 0.2126, kb: 0.0722 };

export interface Signal {
  width: number;
  height: number;
  rgb: Float32Array; // three a pixel
  weights: Weights;
}

// How the engine's samples.raw and scopes.raw are to be read.
export interface Samples {
  width: number;
  height: number;
  channels: number;
  type: 'u16' | 'f32';
  bits: number;
  space: 'ycbcr' | 'rgb' | 'grey' | 'linear';
  matrix: string;
  full: boolean;
  step: number;
  scopes_width: number;
  scopes_height: number;
}

// A colour, 0 to 255, as a canvas's picture has it in one word: machines that browsers run on have the low byte first.
export const packed = ([r, g, b]: readonly [number, number, number]): number => (0xff000000 | b << 16 | g << 8 | r) >>> 0;

export const level = (v: number): number => {
  const n = Math.floor((v - LOW) / (HIGH - LOW) * LEVELS);
  return n < 0 ? 0 : n >= LEVELS ? LEVELS - 1 : n;
};

// A picture as a canvas gives it. `room` of an earlier one of the same size is used again.
export function ofPicture(rgba: Uint8ClampedArray, width: number, height: number, room?: Signal): Signal {
  const n = width * height;
  const rgb = room?.rgb.length === n * 3 ? room.rgb : new Float32Array(n * 3);
  for (let i = 0, k = 0; i < n * 4; i += 4) {
    rgb[k++] = (rgba[i] ?? 0) / 255;
    rgb[k++] = (rgba[i + 1] ?? 0) / 255;
    rgb[k++] = (rgba[i + 2] ?? 0) / 255;
  }
  return { width, height, rgb, weights: weights('bt709') };
}

const srgb = (v: number): number => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

// Luma or R', G', B' of a code value, 0 to 1; chroma -0.5 to 0.5.
export function share(code: number, bits: number, full: boolean, chroma: boolean): number {
  const up = 2 ** (bits - 8);
  if (full) return chroma ? (code - 2 ** (bits - 1)) / (2 ** bits - 1) : code / (2 ** bits - 1);
  return chroma ? (code - 128 * up) / (224 * up) : (code - 16 * up) / (219 * up);
}

export function rgbOf(y: number, cb: number, cr: number, { kr, kb }: Weights): [number, number, number] {
  const r = y + 2 * (1 - kr) * cr;
  const b = y + 2 * (1 - kb) * cb;
  return [r, (y - kr * r - kb * b) / (1 - kr - kb), b];
}

export function chromaOf(r: number, g: number, b: number, { kr, kb }: Weights): [number, number, number] {
  const y = kr * r + (1 - kr - kb) * g + kb * b;
  return [y, (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))];
}

// One pixel's samples as R'G'B'; of one channel all are the same. Linear light gets sRGB's signal.
function pixel(v: readonly number[], s: Samples, range: { low: number; high: number }): [number, number, number] {
  const [a = 0, b = 0, c = 0] = v;
  if (s.space === 'ycbcr') return rgbOf(share(a, s.bits, s.full, false), share(b, s.bits, s.full, true), share(c, s.bits, s.full, true), weights(s.matrix));
  if (s.space === 'linear') return [srgb(a), srgb(b), srgb(c)];
  if (s.type === 'f32') {
    const one = s.channels === 1 ? (range.high > range.low ? (a - range.low) / (range.high - range.low) : 0.5) : a;
    return s.channels === 1 ? [one, one, one] : [a, b, c];
  }
  if (s.channels === 1) {
    const one = share(a, s.bits, s.full, false);
    return [one, one, one];
  }
  const most = 2 ** s.bits - 1;
  return [a / most, b / most, c / most];
}

export function ofSamples(bytes: ArrayBuffer, s: Samples, width: number, height: number, range = { low: 0, high: 1 }): Signal {
  const from = s.type === 'u16' ? new Uint16Array(bytes) : new Float32Array(bytes);
  const rgb = new Float32Array(width * height * 3);
  if (s.space === 'ycbcr' && s.type === 'u16') { // most of them: without a list for each pixel
    const w = weights(s.matrix);
    const zero = share(0, s.bits, s.full, false), one = share(1, s.bits, s.full, false) - zero;
    const c_zero = share(0, s.bits, s.full, true), c_one = share(1, s.bits, s.full, true) - c_zero;
    for (let i = 0; i < rgb.length; i += 3) {
      const y = zero + (from[i] ?? 0) * one;
      const r = y + 2 * (1 - w.kr) * (c_zero + (from[i + 2] ?? 0) * c_one);
      const b = y + 2 * (1 - w.kb) * (c_zero + (from[i + 1] ?? 0) * c_one);
      rgb[i] = r;
      rgb[i + 1] = (y - w.kr * r - w.kb * b) / (1 - w.kr - w.kb);
      rgb[i + 2] = b;
    }
    return { width, height, rgb, weights: w };
  }
  for (let i = 0; i < width * height; i++) {
    const at = i * s.channels;
    const got = pixel([from[at] ?? 0, from[at + 1] ?? 0, from[at + 2] ?? 0], s, range);
    rgb.set(got, i * 3);
  }
  return { width, height, rgb, weights: weights(s.matrix) };
}

// ---- scopes

// Where a colour stands on a vectorscope of `size` pixels: Cb to the right, Cr up.
export const SCOPE_GAIN = 0.88;
export const place = (cb: number, cr: number, size: number): [number, number] => [size / 2 + cb * SCOPE_GAIN * size, size / 2 - cr * SCOPE_GAIN * size];

// How many pixels there are of each kind. Of the waveform and the parade: at each level of each column, row 0 is HIGH.
export interface Counts {
  columns: number; // of the waveform
  third: number; // columns of each of the parade's three
  size: number; // of the vectorscope, each way
  luma: Uint32Array;
  parade: Uint32Array;
  chroma: Uint32Array;
  red: Uint32Array;
  green: Uint32Array;
  blue: Uint32Array;
}

export function counts(columns: number, third: number, size: number): Counts {
  const [red, green, blue] = [new Uint32Array(LEVELS), new Uint32Array(LEVELS), new Uint32Array(LEVELS)];
  return { columns, third, size, luma: new Uint32Array(columns * LEVELS), parade: new Uint32Array(third * 3 * LEVELS), chroma: new Uint32Array(size * size), red, green, blue };
}

// As level(), where it is asked a hundred thousand times for each picture; what is no number is at the bottom.
const SCALE = LEVELS / (HIGH - LOW);
const step = (v: number): number => (v >= HIGH ? LEVELS - 1 : v > LOW ? (v - LOW) * SCALE | 0 : 0);

// All that the scopes show of a signal, in one walk through it.
export function measure(s: Signal, to: Counts): Counts {
  const { columns, third, size, luma, parade, chroma, red, green, blue } = to;
  for (const of of [luma, parade, chroma, red, green, blue]) of.fill(0);
  const { rgb, width, height } = s;
  const { kr, kb } = s.weights;
  const kg = 1 - kr - kb, across = third * 3;
  const to_cb = SCOPE_GAIN * size / (2 * (1 - kb)), to_cr = SCOPE_GAIN * size / (2 * (1 - kr));
  const bottom = (of: number, row: number): Uint32Array => Uint32Array.from({ length: width }, (_, x) => Math.floor(x * of / width) + (LEVELS - 1) * row);
  const of_luma = bottom(columns, columns), of_parade = bottom(third, across);
  const one = (of: Uint32Array, at: number): void => { of[at] = (of[at] ?? 0) + 1; };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) {
      const r = rgb[i] ?? 0, g = rgb[i + 1] ?? 0, b = rgb[i + 2] ?? 0;
      const l = kr * r + kg * g + kb * b;
      const at_r = step(r), at_g = step(g), at_b = step(b), column = of_parade[x] ?? 0;
      one(luma, (of_luma[x] ?? 0) - step(l) * columns);
      one(parade, column - at_r * across);
      one(parade, column + third - at_g * across);
      one(parade, column + third * 2 - at_b * across);
      one(red, at_r);
      one(green, at_g);
      one(blue, at_b);
      const cb = Math.floor(size / 2 + (b - l) * to_cb), cr = Math.floor(size / 2 - (r - l) * to_cr);
      if (cb >= 0 && cb < size && cr >= 0 && cr < size) one(chroma, cr * size + cb);
    }
  }
  return to;
}

// Where the six colours of bars stand, and the line that skin lies near: the I axis, 123 degrees from Cb.
export const SKIN_DEGREES = 123;
export function targets(w: Weights, amplitude: number): { name: string; cb: number; cr: number }[] {
  const a = amplitude;
  const colours: [string, number, number, number][] = [['R', a, 0, 0], ['Yl', a, a, 0], ['G', 0, a, 0], ['Cy', 0, a, a], ['B', 0, 0, a], ['Mg', a, 0, a]];
  return colours.map(([name, r, g, b]) => {
    const [, cb, cr] = chromaOf(r, g, b, w);
    return { name, cb, cr };
  });
}

// ---- false colour: of luma, in per cent. Between the bands the picture is grey.
export interface Band { from: number; to: number; colour: [number, number, number]; words: string }
export const BANDS: Band[] = [
  { from: -Infinity, to: 0.5, colour: [110, 40, 170], words: 'black, nothing in it' },
  { from: 0.5, to: 4, colour: [40, 90, 220], words: 'just over black' },
  { from: 38, to: 44, colour: [50, 170, 70], words: '18 % grey' },
  { from: 52, to: 58, colour: [240, 150, 170], words: 'light skin' },
  { from: 94, to: 99, colour: [240, 220, 60], words: 'just under white' },
  { from: 99, to: Infinity, colour: [225, 45, 40], words: 'white, nothing in it' },
];
export const bandOf = (percent: number): Band | null => BANDS.find((b) => percent >= b.from && percent < b.to) ?? null;

const FALSE = Uint32Array.from({ length: 1001 }, (_, i) => {
  const grey = Math.round(i / 1000 * 255);
  return packed(bandOf(i / 10)?.colour ?? [grey, grey, grey]);
});

// `to` has a word for each pixel, as packed() makes it.
export function falseColour(s: Signal, to: Uint32Array): void {
  const { kr, kb } = s.weights;
  const kg = 1 - kr - kb;
  const { rgb } = s;
  for (let i = 0, k = 0; i < rgb.length; i += 3, k++) {
    const y = kr * (rgb[i] ?? 0) + kg * (rgb[i + 1] ?? 0) + kb * (rgb[i + 2] ?? 0);
    to[k] = FALSE[y > 0 ? (y < 1 ? y * 1000 + 0.5 | 0 : 1000) : 0] ?? 0;
  }
}

// ---- one pixel in words
const number = (v: number): string => (Number.isInteger(v) ? String(v) : Number.isFinite(v) ? v.toPrecision(5) : Number.isNaN(v) ? 'NaN' : v > 0 ? '∞' : '−∞');
const percent = (v: number): string => `${(v * 100).toFixed(1).replace('-', '−')} %`;

export function inWords(v: readonly number[], s: Samples): string {
  const names = s.space === 'ycbcr' ? ['Y', 'Cb', 'Cr'] : s.channels === 1 ? [s.type === 'f32' ? 'value' : 'Y'] : ['R', 'G', 'B'];
  const codes = names.map((n, i) => `${n} ${number(v[i] ?? 0)}`).join('  ');
  if (s.type === 'f32') return codes;
  const rgb = pixel(v, s, { low: 0, high: 1 });
  const [y] = chromaOf(rgb[0], rgb[1], rgb[2], weights(s.matrix));
  const shares = s.channels === 1 ? percent(rgb[0]) : `Y ${percent(y)}  R ${percent(rgb[0])}  G ${percent(rgb[1])}  B ${percent(rgb[2])}`;
  return `${codes}   ${shares}`;
}

export const scaleName = (s: Samples): string =>
  s.space === 'linear' ? 'sRGB signal of scene linear, 0 to 100 %'
    : s.type === 'f32' ? (s.channels === 1 ? 'the layer’s smallest to its largest value' : 'as stored, 1.0 is 100 %')
      : `${s.bits} bit, ${s.full ? `full range: 0 is 0 %, ${2 ** s.bits - 1} is 100 %` : `limited range: ${16 * 2 ** (s.bits - 8)} is 0 %, ${235 * 2 ** (s.bits - 8)} is 100 %`}${s.space === 'ycbcr' ? `, ${s.matrix}` : ''}`;
