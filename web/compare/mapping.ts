/*
 * Which frame of one film belongs to a frame of another. A deliverable's plan says it exactly (its
 * origin); two films that know nothing of each other go by source timecode, and by time where their
 * rates differ. Frames are integers; null: the other has no such frame. No DOM.
 */
import { frameAtTime } from "../player/frameindex";
import { rateName, type Rational } from "../player/timecode";

export interface Side {
  rate: Rational;
  count: number;
  start: number; // its first timecode label, in frames from midnight
  labels: number; // labels of it in a second of the clock it counts by, times frames a label
  timecode: boolean; // somebody said it
  times: { at: ArrayLike<number>; scale: number } | null; // of frames without a constant rate
}

export type Origin =
  | { kind: "same" }
  | { kind: "runs"; runs: [number, number, number][] }
  | { kind: "list"; first: number; steps: string }
  | { kind: "time" };

export interface Mapping {
  words: string; // how they are locked
  toRight: (frame: number) => number | null;
  toLeft: (frame: number) => number | null;
}

const within = (n: number, side: Side): number | null => (n >= 0 && n < side.count ? n : null);
const same_rate = (a: Rational, b: Rational): boolean => a.num * b.den === b.num * a.den;

function by_frames(left: Side, right: Side, away: number, words: string): Mapping {
  return { words, toRight: (n) => within(n + away, right), toLeft: (m) => within(m - away, left) };
}

// The middle of a frame, in seconds from the first.
function time_of(s: Side, n: number): number {
  if (!s.times) return ((n + 0.5) * s.rate.den) / s.rate.num;
  const at = s.times.at, first = at[0] ?? 0, own = at[n] ?? first, next = at[n + 1] ?? own + (s.times.scale * s.rate.den) / s.rate.num;
  return ((own + next) / 2 - first) / s.times.scale;
}

function frame_at(s: Side, seconds: number): number | null {
  if (seconds < 0) return null;
  if (!s.times) return within(Math.floor((seconds * s.rate.num) / s.rate.den), s);
  const first = s.times.at[0] ?? 0;
  return within(frameAtTime(s.times.at, first + seconds * s.times.scale), s);
}

// `later_s`: how much later than the left the right begins.
function by_time(left: Side, right: Side, later_s: number, words: string): Mapping {
  return {
    words,
    toRight: (n) => (within(n, left) === null ? null : frame_at(right, time_of(left, n) - later_s)),
    toLeft: (m) => (within(m, right) === null ? null : frame_at(left, time_of(right, m) + later_s)),
  };
}

const rates = (a: Side, b: Side): string => `${rateName(a.rate)} to ${rateName(b.rate)}`;

// Two that know nothing of each other.
export function by_timecode(left: Side, right: Side): Mapping {
  const known = left.timecode && right.timecode;
  if (!left.times && !right.times) {
    if (same_rate(left.rate, right.rate)) return by_frames(left, right, known ? left.start - right.start : 0, known ? "by timecode" : "by frame number: one of them has no timecode");
    // As many frames, shown faster or slower: each frame stayed what it was.
    if (Math.abs(left.count - right.count) <= 1) return by_frames(left, right, 0, `frame by frame, ${rates(left, right)}`);
  }
  const later = known ? right.start / right.labels - left.start / left.labels : 0;
  return by_time(left, right, later, known ? `by timecode, ${rates(left, right)}` : `by time, ${rates(left, right)}`);
}

// A master (left) and what was made of it.
export function by_origin(origin: Origin, left: Side, right: Side): Mapping {
  switch (origin.kind) {
    case "same":
      return by_frames(left, right, 0, same_rate(left.rate, right.rate) ? "frame by frame" : `frame by frame, ${rates(left, right)}`);
    case "runs": {
      const { runs } = origin;
      const left_of = (m: number): number | null => {
        const run = runs.find(([first, , count]) => m >= first && m < first + count);
        return run ? within(run[1] + m - run[0], left) : null;
      };
      const right_of = (n: number): number | null => {
        const run = runs.find(([, place, count]) => n >= place && n < place + count);
        return run ? within(run[0] + n - run[1], right) : null;
      };
      return { words: "by the plan it was made by", toRight: right_of, toLeft: left_of };
    }
    case "list": {
      const places: number[] = [origin.first];
      for (const step of origin.steps) places.push((places[places.length - 1] ?? 0) + parseInt(step, 36));
      const left_of = (m: number): number | null => within(places[m] ?? -1, left);
      // A frame of which nothing was made shows the one before it.
      const right_of = (n: number): number | null => (n < origin.first || within(n, left) === null ? null : within(frameAtTime(places, n), right));
      return { words: `by the fields it was made of, ${rates(left, right)}`, toRight: right_of, toLeft: left_of };
    }
    case "time":
      return by_time(left, right, 0, `by time, ${rates(left, right)}`);
  }
}

// The right one `frames` later than it would be.
export function moved(m: Mapping, right: Side, frames: number): Mapping {
  if (frames === 0) return m;
  return {
    words: `${m.words}, moved by ${frames > 0 ? "+" : "−"}${Math.abs(frames)}`,
    toRight: (n) => {
      const to = m.toRight(n);
      return to === null ? null : within(to + frames, right);
    },
    toLeft: (k) => m.toLeft(k - frames),
  };
}
