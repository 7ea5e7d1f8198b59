/*
 * farm/runs: the tasks of a step, 100,000 of them and more, as one byte each; ranges of them; and which
 * frame a task is. No DOM.
 *
 * The house says runs ("0 to 99 are done"), a person says frames ("1-100,120"): both are ranges, and
 * nothing here is made once a task but the byte of its state.
 */
export const states = ["waiting", "running", "done", "failed", "cancelled"] as const;
export type TaskState = (typeof states)[number];
export const UNKNOWN = states.length; // not told yet

export interface Run {
  first: number;
  last: number;
  state: TaskState;
}

export type Range = readonly [first: number, last: number]; // both are in it
export type Ranges = readonly Range[]; // in order, apart from each other

// Writes runs over what is known; what lies outside of the step is left out.
export function paint(known: Uint8Array, runs: readonly Run[]): void {
  for (const r of runs) known.fill(states.indexOf(r.state), Math.max(0, r.first), Math.min(known.length, r.last + 1));
}

// How many tasks are in each state; the last number counts those that are not told yet.
export function count(known: Uint8Array): number[] {
  const counts = [...states, ""].map(() => 0);
  for (const s of known) counts[s] = (counts[s] ?? 0) + 1;
  return counts;
}

// The next task in that state after `at` (or before, with -1), going round once; null when there is none.
export function next_in(known: Uint8Array, state: TaskState, at: number, by: 1 | -1): number | null {
  const wanted = states.indexOf(state);
  for (let n = 1; n <= known.length; n++) {
    const place = (((at + by * n) % known.length) + known.length) % known.length;
    if (known[place] === wanted) return place;
  }
  return null;
}

export function all_in(known: Uint8Array, state: TaskState): Ranges {
  const wanted = states.indexOf(state);
  const found: [number, number][] = [];
  for (let i = 0; i < known.length; i++) {
    if (known[i] !== wanted) continue;
    const first = i;
    while (i + 1 < known.length && known[i + 1] === wanted) i++;
    found.push([first, i]);
  }
  return found;
}

// ---- ranges

export const size_of = (ranges: Ranges): number => ranges.reduce((sum, [a, b]) => sum + b - a + 1, 0);

// The first range that ends at or after `at`: where to look on from.
export function find(ranges: Ranges, at: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.[1] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function has(ranges: Ranges, at: number): boolean {
  const r = ranges[find(ranges, at)];
  return r !== undefined && r[0] <= at;
}

export function add(ranges: Ranges, [first, last]: Range): Ranges {
  const from = find(ranges, first - 1);
  let until = from;
  let [a, b] = [first, last];
  for (let r = ranges[until]; r && r[0] <= last + 1; r = ranges[++until]) {
    a = Math.min(a, r[0]);
    b = Math.max(b, r[1]);
  }
  return [...ranges.slice(0, from), [a, b], ...ranges.slice(until)];
}

export function remove(ranges: Ranges, [first, last]: Range): Ranges {
  return ranges.flatMap(([a, b]): Range[] => {
    if (b < first || a > last) return [[a, b]];
    const left: Range[] = [];
    if (a < first) left.push([a, first - 1]);
    if (b > last) left.push([last + 1, b]);
    return left;
  });
}

// [[0, 9], [14, 14]] -> "0-9,14"; `shown` says how a task is written, and long lists end with how many more.
export function text_of(ranges: Ranges, shown: (task: number) => string = String, most = Infinity): string {
  const parts = ranges.slice(0, most).map(([a, b]) => (a === b ? shown(a) : `${shown(a)}–${shown(b)}`));
  return parts.join(", ") + (ranges.length > most ? `, and ${ranges.length - most} ranges more` : "");
}

// ---- frames

// "1-100,200-300:2" as runs of tasks: the n-th number of the list is the frame of task n.
export interface Frames {
  parts: { task: number; frame: number; by: number; count: number }[];
}

export function frames_of(list: string | null | undefined): Frames | null {
  if (!list) return null;
  const parts: Frames["parts"] = [];
  let task = 0;
  for (const one of list.split(",")) {
    const m = /^\s*(-?\d+)\s*(?:-\s*(-?\d+)\s*(?::\s*(-?\d+)\s*)?)?$/.exec(one);
    if (!m) return null;
    const first = Number(m[1]);
    const last = m[2] === undefined ? first : Number(m[2]);
    const by = m[3] === undefined ? Math.sign(last - first) || 1 : Number(m[3]);
    const count = by ? Math.floor((last - first) / by) + 1 : 0;
    if (count < 1) return null;
    parts.push({ task, frame: first, by, count });
    task += count;
  }
  return { parts };
}

export function frame_at(frames: Frames | null, task: number): number | null {
  if (!frames) return null;
  for (let i = frames.parts.length - 1; i >= 0; i--) {
    const p = frames.parts[i];
    if (p && task >= p.task) return task < p.task + p.count ? p.frame + (task - p.task) * p.by : null;
  }
  return null;
}

export function task_of(frames: Frames | null, frame: number): number | null {
  for (const p of frames?.parts ?? []) {
    const n = (frame - p.frame) / p.by;
    if (Number.isInteger(n) && n >= 0 && n < p.count) return p.task + n;
  }
  return null;
}

// What a person types to choose tasks: "1001-1024, 1100" in frames where there are some. Null: not understood.
export function ranges_of(text: string, total: number, frames: Frames | null): Ranges | null {
  const place = (frame: number, up: boolean): number | null => {
    if (!frames) return frame;
    const exact = task_of(frames, frame);
    if (exact !== null) return exact;
    // between two frames of the list: the nearest one inside of what was said
    let best: number | null = null;
    for (const p of frames.parts)
      for (const n of [Math.floor((frame - p.frame) / p.by), Math.ceil((frame - p.frame) / p.by)]) {
        const at = Math.min(p.count - 1, Math.max(0, n));
        const there = p.frame + at * p.by;
        if (up ? there < frame : there > frame) continue;
        const was = best === null ? null : frame_at(frames, best);
        if (was === null || Math.abs(there - frame) < Math.abs(was - frame)) best = p.task + at;
      }
    return best;
  };
  let found: Ranges = [];
  for (const one of text.split(",")) {
    const m = /^\s*(-?\d+)\s*(?:[-–]\s*(-?\d+)\s*)?$/.exec(one);
    if (!m) return null;
    const said = [Number(m[1]), Number(m[2] ?? m[1])].sort((a, b) => a - b);
    const a = place(said[0] ?? 0, true);
    const b = place(said[1] ?? 0, false);
    if (a === null || b === null) continue;
    const [first, last] = [Math.max(0, Math.min(a, b)), Math.min(total - 1, Math.max(a, b))];
    if (first <= last) found = add(found, [first, last]);
  }
  return found;
}

// ---- cells

// The cells' size at which all tasks fit into the room, from `sizes`; the smallest when none does.
export function fitting(total: number, width: number, height: number, sizes: readonly number[]): number {
  for (let i = sizes.length - 1; i >= 0; i--) {
    const size = sizes[i] ?? 1;
    if (Math.ceil(total / columns_of(total, width, size)) * size <= height) return size;
  }
  return sizes[0] ?? 1;
}

// Whole fives or fifties, where there is room for them, so that a row begins with a round number.
export function columns_of(total: number, width: number, size: number): number {
  const room = Math.max(1, Math.floor(width / size));
  const round = room >= 100 ? room - (room % 50) : room >= 10 ? room - (room % 5) : room;
  return Math.max(1, Math.min(round, Math.max(total, 1)));
}
