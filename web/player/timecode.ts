/*
 * Frame counts and the HH:MM:SS:FF labels people give them (SMPTE ST 12-1). The twin of
 * src/time/timecode.c: tests/vectors/timecode.json holds both to the same answers.
 *
 * A position is always a whole number of frames; a label is only how it is written. Frame rate and
 * timecode base are separate facts: 59.94p files often carry 29.97 timecode, where two frames share
 * a label and the second is written with ".1" behind it. Nothing here counts in seconds.
 */

export interface Rational {
  num: number;
  den: number;
}

export interface TcRate {
  fps: Rational;
  base: number; // labels a second
  framesPerLabel: number;
  drop: boolean;
}

export type Parsed = { ok: true; frames: number } | { ok: false; why: string };

const DECIMALS: Record<string, Rational> = {
  '23.976': { num: 24000, den: 1001 },
  '29.97': { num: 30000, den: 1001 },
  '47.952': { num: 48000, den: 1001 },
  '59.94': { num: 60000, den: 1001 },
  '119.88': { num: 120000, den: 1001 },
};

// Reads "24000/1001", "25" and the trade's five decimals; null for anything else.
export function parseRational(text: string): Rational | null {
  const known = DECIMALS[text.trim()];
  if (known) return known;
  const m = /^(\d{1,9})(?:\/(\d{1,9}))?$/.exec(text.trim());
  if (!m) return null;
  const num = Number(m[1]);
  const den = m[2] === undefined ? 1 : Number(m[2]);
  return den > 0 && num > 0 ? { num, den } : null;
}

// "23.976", "25": for people.
export function rateName(rate: Rational): string {
  for (const [name, r] of Object.entries(DECIMALS)) if (r.num * rate.den === r.den * rate.num) return name;
  const value = rate.num / rate.den;
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}

export function roundedRate(fps: Rational): number {
  return Math.floor((2 * fps.num + fps.den) / (2 * fps.den));
}

// The counting of a rate. Null where ST 12-1 has no drop-frame, or labels would not be whole frames.
export function tcRate(fps: Rational, base: number, drop: boolean): TcRate | null {
  const rounded = fps.den > 0 ? roundedRate(fps) : 0;
  if (base <= 0 || base > 1000 || rounded < base || rounded % base !== 0) return null;
  const mayDrop = base % 30 === 0 && fps.num * 1001 === rounded * 1000 * fps.den;
  if (drop && !mayDrop) return null;
  return { fps, base, framesPerLabel: rounded / base, drop };
}

function dropped(rate: TcRate): number {
  return rate.drop ? Math.trunc(rate.base / 15) : 0;
}

export function framesPerDay(rate: TcRate): number {
  return (rate.base * 86400 - dropped(rate) * 9 * 6 * 24) * rate.framesPerLabel;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

// Any whole count, also negative or over a day: it is wrapped first.
export function formatTimecode(frames: number, rate: TcRate): string {
  const day = framesPerDay(rate);
  const wrapped = ((frames % day) + day) % day;
  let n = Math.floor(wrapped / rate.framesPerLabel);
  const part = wrapped % rate.framesPerLabel;
  const drop = dropped(rate);
  if (drop) {
    const block = rate.base * 600 - drop * 9;
    const minute = rate.base * 60 - drop;
    const blocks = Math.floor(n / block);
    const rest = n % block;
    n += blocks * drop * 9;
    if (rest >= rate.base * 60) n += drop * (1 + Math.floor((rest - rate.base * 60) / minute));
  }
  const seconds = Math.floor(n / rate.base);
  const ff = String(n % rate.base).padStart(rate.base > 100 ? 3 : 2, '0');
  const label = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:` +
    `${two(seconds % 60)}${drop ? ';' : ':'}${ff}`;
  return part ? `${label}.${part}` : label;
}

export function parseTimecode(label: string, rate: TcRate): Parsed {
  const drop = dropped(rate);
  const m = (drop ? /^(\d{1,2}):(\d{1,2}):(\d{1,2})[:;,.](\d{1,3})(?:\.(\d))?$/
    : /^(\d{1,2}):(\d{1,2}):(\d{1,2}):(\d{1,3})(?:\.(\d))?$/).exec(label.trim());
  if (!m) return { ok: false, why: `write it as ${drop ? 'HH:MM:SS;FF' : 'HH:MM:SS:FF'}` };
  const [h, min, s, f, part] = [1, 2, 3, 4, 5].map((i) => Number(m[i] ?? 0)) as [number, number, number, number, number];
  if (m[5] !== undefined && part >= rate.framesPerLabel) return { ok: false, why: 'a label has fewer frames than that here' };
  if (h > 23 || min > 59 || s > 59 || f >= rate.base) {
    return { ok: false, why: `a part is over its limit (23:59:59 and ${rate.base - 1} frames)` };
  }
  if (drop && s === 0 && f < drop && min % 10 !== 0) return { ok: false, why: 'drop-frame counting leaves this label out' };
  const minutes = h * 60 + min;
  const n = (minutes * 60 + s) * rate.base + f - drop * (minutes - Math.floor(minutes / 10));
  return { ok: true, frames: n * rate.framesPerLabel + part };
}

// What a person types into the go-to box, as a count from midnight or as an offset in frames:
//   "1:02:03:04", "01020304" or "2304" (filled from the right, as on an editor's number pad),
//   "+12", "-1:00" (an offset of a second), "f1440" or "#1440" (a frame's own number).
export type Entry =
  | { kind: 'timecode'; frames: number }
  | { kind: 'offset'; frames: number }
  | { kind: 'frame'; frame: number }
  | { kind: 'wrong'; why: string };

export function parseEntry(text: string, rate: TcRate): Entry {
  const t = text.trim().replace(/^=/, '');
  const frame = /^[f#](\d{1,10})$/i.exec(t);
  if (frame) return { kind: 'frame', frame: Number(frame[1]) };
  const signed = /^([+-])(.*)$/.exec(t);
  const body = signed ? signed[2] ?? '' : t;
  const split = /^(.*?)(?:\.(\d))?$/.exec(body);
  const words = (split?.[1] ?? '').split(/[:;,]/);
  const part = Number(split?.[2] ?? 0);
  let fields: number[];
  if (words.length === 1) {
    const digits = words[0] ?? '';
    if (!/^\d{1,9}$/.test(digits)) return { kind: 'wrong', why: 'write digits, such as 01:00:10:00 or 1000' };
    // "+12" is twelve frames, and so is "+100" a hundred: pads fill from the right only with colons.
    if (signed) return { kind: 'offset', frames: (signed[1] === '-' ? -1 : 1) * Number(digits) };
    const wide = rate.base > 100 ? 3 : 2;
    const f = Number(digits.slice(-wide));
    const rest = digits.slice(0, -wide).padStart(6, '0');
    fields = [Number(rest.slice(0, -4)), Number(rest.slice(-4, -2)), Number(rest.slice(-2)), f];
  } else {
    if (words.length > 4 || !words.every((w) => /^\d{0,3}$/.test(w))) return { kind: 'wrong', why: 'write hours:minutes:seconds:frames' };
    fields = [...Array<number>(4 - words.length).fill(0), ...words.map(Number)];
  }
  const [h, m, s, f] = fields as [number, number, number, number];
  if (signed) {
    // An offset is a length: labels left out do not count, 1:00 is one second of frames.
    const labels = ((h * 60 + m) * 60 + s) * rate.base + f;
    return { kind: 'offset', frames: (signed[1] === '-' ? -1 : 1) * (labels * rate.framesPerLabel + part) };
  }
  const sep = rate.drop ? ';' : ':';
  const got = parseTimecode(`${h}:${m}:${s}${sep}${f}${part ? `.${part}` : ''}`, rate);
  return got.ok ? { kind: 'timecode', frames: got.frames } : { kind: 'wrong', why: got.why };
}

// The start of a frame on a clock of `scale` a second, rounded up so that the pair is exact.
export function frameToUnits(frame: number, fps: Rational, scale: number): number {
  return Number((BigInt(frame) * BigInt(fps.den) * BigInt(scale) + BigInt(fps.num) - 1n) / BigInt(fps.num));
}

// Where to seek a <video> for frame n: its centre, since browsers keep whole microseconds and an
// edge so truncated lies in the frame before (half the time at 24000/1001).
export function frameCentreSeconds(frame: number, fps: Rational): number {
  return ((2 * frame + 1) * fps.den) / (2 * fps.num);
}

// Which frame a <video> shows, from requestVideoFrameCallback's mediaTime (never from currentTime,
// which is the sound's clock).
export function frameOfMediaTime(seconds: number, fps: Rational): number {
  return Math.floor((seconds * fps.num) / fps.den + 0.5);
}

// A length for people: "1:02:03" or "2:03".
export function durationText(frames: number, fps: Rational): string {
  const all = Math.floor((frames * fps.den) / fps.num);
  const h = Math.floor(all / 3600);
  const m = Math.floor(all / 60) % 60;
  return h ? `${h}:${two(m)}:${two(all % 60)}` : `${m}:${two(all % 60)}`;
}

// Sound has samples instead of frames: hours to milliseconds.
export function formatSamples(samples: number, sampleRate: number): string {
  const ms = Math.floor((Math.max(0, samples) * 1000) / sampleRate);
  const s = Math.floor(ms / 1000);
  return `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}.${String(ms % 1000).padStart(3, '0')}`;
}
