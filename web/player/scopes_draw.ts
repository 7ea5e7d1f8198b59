// Scopes onto canvases: brightness is how many pixels there are, by its square root.
import { HIGH, LEVELS, LOW, SKIN_DEGREES, histogram, place, targets, vectorscope, waveform, type Signal } from './scopes_math';

type Pen = CanvasRenderingContext2D;
const pens = new WeakMap<HTMLCanvasElement, { pen: Pen; image: ImageData }>();

// The canvas's own picture, kept from one drawing to the next.
function room(canvas: HTMLCanvasElement, width: number, height: number): { pen: Pen; image: ImageData } | null {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    pens.delete(canvas);
  }
  const had = pens.get(canvas);
  if (had) return had;
  const pen = canvas.getContext('2d', { alpha: false });
  if (!pen) return null;
  const made = { pen, image: pen.createImageData(width, height) };
  pens.set(canvas, made);
  return made;
}

const bright = (n: number, most: number): number => (n === 0 ? 0 : Math.min(255, 50 + 205 * Math.sqrt(n / most)));

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

export function drawWaveform(canvas: HTMLCanvasElement, s: Signal, columns = 256): void {
  const to = room(canvas, columns, LEVELS);
  if (!to) return;
  const counts = waveform(s, 'luma', columns);
  const most = s.height / 6;
  const d = new Uint32Array(to.image.data.buffer);
  for (let i = 0; i < d.length; i++) {
    const v = bright(counts[i] ?? 0, most);
    d[i] = 0xff000000 | v << 16 | v << 8 | v;
  }
  to.pen.putImageData(to.image, 0, 0);
  lines(to.pen, columns);
}

export function drawParade(canvas: HTMLCanvasElement, s: Signal, columns = 120): void {
  const to = room(canvas, columns * 3, LEVELS);
  if (!to) return;
  const most = s.height / 6;
  const d = new Uint32Array(to.image.data.buffer);
  const tints = [[255, 90, 90], [90, 235, 110], [110, 150, 255]];
  (['r', 'g', 'b'] as const).forEach((what, k) => {
    const counts = waveform(s, what, columns);
    const [r = 0, g = 0, b = 0] = tints[k] ?? [];
    for (let y = 0; y < LEVELS; y++) {
      for (let x = 0; x < columns; x++) {
        const v = bright(counts[y * columns + x] ?? 0, most) / 255;
        d[y * columns * 3 + k * columns + x] = 0xff000000 | (b * v) << 16 | (g * v) << 8 | (r * v);
      }
    }
  });
  to.pen.putImageData(to.image, 0, 0);
  lines(to.pen, columns * 3);
}

export function drawVectorscope(canvas: HTMLCanvasElement, s: Signal, size = LEVELS): void {
  const to = room(canvas, size, size);
  if (!to) return;
  const counts = vectorscope(s, size);
  const most = s.rgb.length / 3 / 400;
  const d = new Uint32Array(to.image.data.buffer);
  for (let i = 0; i < d.length; i++) {
    const v = bright(counts[i] ?? 0, most);
    d[i] = 0xff000000 | v << 16 | v << 8 | v;
  }
  const { pen } = to;
  pen.putImageData(to.image, 0, 0);
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
    for (const t of targets(s.weights, amplitude)) {
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

export function drawHistogram(canvas: HTMLCanvasElement, s: Signal): void {
  const height = 120;
  const to = room(canvas, LEVELS, height);
  if (!to) return;
  const { pen } = to;
  const all = histogram(s);
  // What lies at black and white would hide the rest: the third highest step is the height.
  const most = Math.max(1, ...all.map((row) => [...row].sort((a, b) => b - a)[2] ?? 1));
  pen.globalCompositeOperation = 'source-over';
  pen.fillStyle = '#000';
  pen.fillRect(0, 0, LEVELS, height);
  pen.globalCompositeOperation = 'lighter';
  ['#c03030', '#30a840', '#3858d0'].forEach((colour, k) => {
    pen.fillStyle = colour;
    const row = all[k] ?? [];
    for (let x = 0; x < LEVELS; x++) {
      const h = Math.min(height, (row[x] ?? 0) / most * height);
      if (h > 0) pen.fillRect(x, height - h, 1, h);
    }
  });
  pen.globalCompositeOperation = 'source-over';
  for (const p of [0, 0.5, 1]) {
    const x = Math.round((p - LOW) / (HIGH - LOW) * LEVELS) + 0.5;
    pen.strokeStyle = 'rgba(255,255,255,0.4)';
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, height);
    pen.stroke();
  }
}
