/*
 * Scopes onto canvases: brightness is how many pixels there are, by its square root.
 *
 * While the hand moves all of this is done for every picture, so a scope is one block of words that is put on its canvas
 * once: what a count looks like is looked up, and the lines and names over it, which never change, are drawn only the first
 * time and kept as the few pixels that they touch.
 */
import { HIGH, LEVELS, LOW, SKIN_DEGREES, counts, falseColour, measure, packed, place, targets, type Signal, type Weights } from './scopes_math';

type Pen = CanvasRenderingContext2D;
interface Room { pen: Pen; image: ImageData; words: Uint32Array }
const rooms = new WeakMap<HTMLCanvasElement, Room>();

// The canvas's own picture, kept from one drawing to the next.
function room(canvas: HTMLCanvasElement, width: number, height: number): Room | null {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    rooms.delete(canvas);
  }
  const had = rooms.get(canvas);
  if (had) return had;
  const pen = canvas.getContext('2d', { alpha: false });
  if (!pen) return null;
  const image = pen.createImageData(width, height);
  const made = { pen, image, words: new Uint32Array(image.data.buffer) };
  rooms.set(canvas, made);
  return made;
}

// ---- counts as colours

const bright = (n: number, most: number): number => (n === 0 ? 0 : Math.min(1, (50 + 205 * Math.sqrt(n / most)) / 255));
const shades = new Map<string, Uint32Array>();

// The words of 0, 1, 2 ... pixels in this tint; more than `most` are as bright as that.
function shade(most: number, tint: readonly [number, number, number]): Uint32Array {
  const key = `${most} ${tint.join(' ')}`;
  let had = shades.get(key);
  if (!had) {
    if (shades.size > 16) shades.clear();
    const part = (c: number, n: number): number => Math.round(c * bright(n, most));
    had = Uint32Array.from({ length: Math.ceil(most) + 1 }, (_, n) => packed([part(tint[0], n), part(tint[1], n), part(tint[2], n)]));
    shades.set(key, had);
  }
  return had;
}

const WHITE = [255, 255, 255] as const;

function lay(many: Uint32Array, to: Uint32Array, of: Uint32Array, from = 0, end = many.length): void {
  const last = of.length - 1;
  for (let i = from; i < end; i++) {
    const n = many[i] ?? 0;
    to[i] = of[n < last ? n : last] ?? 0;
  }
}

// ---- what lies over them

interface Over { at: Uint32Array; red: Float32Array; green: Float32Array; blue: Float32Array; through: Float32Array }
const overs = new Map<string, Over>();

function over(key: string, { image: { width, height } }: Room, draw: (pen: Pen) => void): Over | null {
  const had = overs.get(key);
  if (had) return had;
  const pen = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
  if (!pen) return null;
  draw(pen);
  const { data } = pen.getImageData(0, 0, width, height);
  const at = Uint32Array.from(Array.from({ length: width * height }, (_, i) => i).filter((i) => data[i * 4 + 3]));
  const part = (c: number): Float32Array => Float32Array.from(at, (i) => (data[i * 4 + c] ?? 0) * (data[i * 4 + 3] ?? 0) / 255);
  const made = { at, red: part(0), green: part(1), blue: part(2), through: Float32Array.from(at, (i) => 1 - (data[i * 4 + 3] ?? 0) / 255) };
  overs.set(key, made);
  return made;
}

function show(to: Room, over: Over | null): void {
  const { words } = to;
  for (let k = 0; over && k < over.at.length; k++) {
    const i = over.at[k] ?? 0, w = words[i] ?? 0, t = over.through[k] ?? 1;
    words[i] = 0xff000000 | ((w >> 16 & 255) * t + (over.blue[k] ?? 0)) << 16 | ((w >> 8 & 255) * t + (over.green[k] ?? 0)) << 8 | (w & 255) * t + (over.red[k] ?? 0);
  }
  to.pen.putImageData(to.image, 0, 0);
}

function lines(pen: Pen, width: number): void {
  pen.font = '10px monospace';
  for (const p of [0, 25, 50, 75, 100]) {
    const y = Math.round((HIGH - p / 100) / (HIGH - LOW) * LEVELS) + 0.5;
    pen.strokeStyle = p === 0 || p === 100 ? 'rgba(255,255,255,0.45)' : 'rgba(255,255,255,0.18)';
    pen.beginPath();
    pen.moveTo(0, y);
    pen.lineTo(width, y);
    pen.stroke();
    pen.fillStyle = 'rgba(255,255,255,0.6)';
    pen.fillText(String(p), 2, y - 2);
  }
}

function boxes(pen: Pen, size: number, w: Weights): void {
  pen.lineWidth = 1;
  pen.strokeStyle = 'rgba(255,255,255,0.2)';
  pen.beginPath();
  pen.moveTo(size / 2, 0);
  pen.lineTo(size / 2, size);
  pen.moveTo(0, size / 2);
  pen.lineTo(size, size / 2);
  pen.stroke();
  const skin = SKIN_DEGREES / 180 * Math.PI;
  pen.strokeStyle = 'rgba(240,160,120,0.8)';
  pen.beginPath();
  pen.moveTo(size / 2, size / 2);
  pen.lineTo(...place(0.45 * Math.cos(skin), 0.45 * Math.sin(skin), size));
  pen.stroke();
  pen.font = '9px monospace';
  for (const amplitude of [0.75, 1]) {
    for (const t of targets(w, amplitude)) {
      const [x, y] = place(t.cb, t.cr, size);
      pen.strokeStyle = amplitude === 1 ? 'rgba(255,255,255,0.35)' : 'rgba(255,255,255,0.75)';
      pen.strokeRect(Math.round(x) - 4.5, Math.round(y) - 4.5, 9, 9);
      if (amplitude === 0.75) {
        pen.fillStyle = 'rgba(255,255,255,0.75)';
        pen.fillText(t.name, x + 6, y + 3);
      }
    }
  }
}

// Black, half and white.
function marks(pen: Pen, height: number): void {
  pen.strokeStyle = 'rgba(255,255,255,0.4)';
  for (const p of [0, 0.5, 1]) {
    const x = Math.round((p - LOW) / (HIGH - LOW) * LEVELS) + 0.5;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, height);
    pen.stroke();
  }
}

// ---- the four

const COLUMNS = 256, THIRD = 120, HISTOGRAM = 120;
const kept = counts(COLUMNS, THIRD, LEVELS);
const TINTS = [[255, 90, 90], [90, 235, 110], [110, 150, 255]] as const;

function waveform(to: Room, s: Signal): void {
  lay(kept.luma, to.words, shade(s.height / 6, WHITE));
  show(to, over('waveform', to, (pen) => lines(pen, COLUMNS)));
}

function parade(to: Room, s: Signal): void {
  const looks = TINTS.map((tint) => shade(s.height / 6, tint));
  for (let at = 0; at < kept.parade.length; at += THIRD) {
    const of = looks[at / THIRD % 3];
    if (of) lay(kept.parade, to.words, of, at, at + THIRD);
  }
  show(to, over('parade', to, (pen) => lines(pen, THIRD * 3)));
}

function vectorscope(to: Room, s: Signal): void {
  lay(kept.chroma, to.words, shade(s.rgb.length / 3 / 400, WHITE));
  show(to, over(`vectorscope ${s.weights.kr} ${s.weights.kb}`, to, (pen) => boxes(pen, LEVELS, s.weights)));
}

// What lies at black and white would hide the rest: the third highest step is the height.
function third(row: Uint32Array): number {
  let a = 0, b = 0, c = 0;
  for (const n of row) {
    if (n > a) [a, b, c] = [n, a, b];
    else if (n > b) [b, c] = [n, b];
    else if (n > c) c = n;
  }
  return c;
}

// Where two or three lie over each other they are added.
const SUMS = Uint32Array.from({ length: 8 }, (_, i) => {
  const on = [[0xc0, 0x30, 0x30], [0x30, 0xa8, 0x40], [0x38, 0x58, 0xd0]].filter((_c, k) => i >> k & 1);
  const sum = (part: number): number => Math.min(255, on.reduce((n, c) => n + (c[part] ?? 0), 0));
  return packed([sum(0), sum(1), sum(2)]);
});

function histogram(to: Room): void {
  const { red, green, blue } = kept;
  const most = Math.max(1, third(red), third(green), third(blue));
  const free = (n: number | undefined): number => HISTOGRAM - Math.ceil((n ?? 0) / most * HISTOGRAM); // rows over it
  for (let x = 0; x < LEVELS; x++) {
    const r = free(red[x]), g = free(green[x]), b = free(blue[x]);
    for (let y = 0, at = x; y < HISTOGRAM; y++, at += LEVELS) to.words[at] = SUMS[(y >= r ? 1 : 0) | (y >= g ? 2 : 0) | (y >= b ? 4 : 0)] ?? 0;
  }
  show(to, over('histogram', to, (pen) => marks(pen, HISTOGRAM)));
}

export type Four = readonly [waveform: HTMLCanvasElement, parade: HTMLCanvasElement, vectorscope: HTMLCanvasElement, histogram: HTMLCanvasElement];
export function drawScopes(on: Four, s: Signal): void {
  measure(s, kept);
  const rooms = [room(on[0], COLUMNS, LEVELS), room(on[1], THIRD * 3, LEVELS), room(on[2], LEVELS, LEVELS), room(on[3], LEVELS, HISTOGRAM)];
  [waveform, parade, vectorscope, histogram].forEach((draw, i) => {
    const to = rooms[i];
    if (to) draw(to, s);
  });
}

export function drawFalseColour(canvas: HTMLCanvasElement, s: Signal): void {
  const to = room(canvas, s.width, s.height);
  if (!to) return;
  falseColour(s, to.words);
  to.pen.putImageData(to.image, 0, 0);
}
