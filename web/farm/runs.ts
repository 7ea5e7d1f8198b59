/*
 * farm/runs: the tasks of a step, 100,000 of them and more, as one byte each; ranges of them; and which
 * frame a task is. No DOM.
 *
 * The house says runs ("0 to 99 are done"), a person says frames ("1-100,120"): both are ranges, and
 * nothing here is made once a task but the byte of its state.
 */
import type { TaskAxis } from "api-types";

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
  const between = (a: string, b: string): string => (/ /.test(a + b) ? `${a} – ${b}` : `${a}–${b}`);
  const parts = ranges.slice(0, most).map(([a, b]) => (a === b ? shown(a) : between(shown(a), shown(b))));
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

// ---- axes: the parameters along the tasks of a step (GET /jobs/JOB/steps/N/axes)

export interface Axis {
  name: string;
  span: number; // task t has value number floor(t / span) % count
  count: number;
  frame: boolean; // what tasks are called by
  at: (index: number) => string;
  within: (low: number, high: number) => Ranges; // indexes whose numbers lie there; of texts none
  is: (word: string) => Ranges; // indexes whose value is that word, in any case
}
export type Axes = readonly Axis[];

// An axis of which the house does not tell the values has no name to call a task by, and is left out.
export function axes_of(list: readonly TaskAxis[]): Axes {
  return list.flatMap((x): Axis[] => {
    const { name, span, count, frame } = x;
    const numbers = frames_of(x.numbers);
    if (numbers) return [{ name, span, count, frame, at: (i) => String(frame_at(numbers, i) ?? "?"), within: (low, high) => within(numbers, low, high), is: (word) => (/^-?\d+$/.test(word) ? within(numbers, Number(word), Number(word)) : []) }];
    const texts = x.texts;
    if (!texts) return [];
    return [{ name, span, count, frame, at: (i) => texts[i] ?? "?", within: () => [], is: (word) => texts.flatMap((t, i): Range[] => (t.toLowerCase() === word.toLowerCase() ? [[i, i]] : [])) }];
  });
}

function within(frames: Frames, low: number, high: number): Ranges {
  const found: Range[] = [];
  for (const p of frames.parts) {
    const ends = [(low - p.frame) / p.by, (high - p.frame) / p.by].sort((a, b) => a - b);
    const first = Math.max(0, Math.ceil(ends[0] ?? 0));
    const last = Math.min(p.count - 1, Math.floor(ends[1] ?? 0));
    if (first <= last) found.push([p.task + first, p.task + last]);
  }
  return joined(found);
}

// Any ranges, in order and apart from each other.
function joined(ranges: readonly Range[]): Ranges {
  const found: [number, number][] = [];
  for (const [a, b] of [...ranges].sort((x, y) => x[0] - y[0])) {
    const last = found[found.length - 1];
    if (last && a <= last[1] + 1) last[1] = Math.max(last[1], b);
    else found.push([a, b]);
  }
  return found;
}

// The tasks with these indexes of an axis.
function along(axis: Axis, indexes: Ranges, total: number): Ranges {
  const found: Range[] = [];
  for (let row = 0; row < total; row += axis.span * axis.count)
    for (const [a, b] of indexes) {
      const first = row + a * axis.span;
      if (first < total) found.push([first, Math.min(total, row + (b + 1) * axis.span) - 1]);
    }
  return joined(found);
}

function both(a: Ranges, b: Ranges): Ranges {
  const found: Range[] = [];
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    const [x, y] = [a[i] as Range, b[k] as Range];
    const first = Math.max(x[0], y[0]);
    const last = Math.min(x[1], y[1]);
    if (first <= last) found.push([first, last]);
    if (x[1] < y[1]) i++;
    else k++;
  }
  return found;
}

const index_of = (axis: Axis, task: number): number => Math.floor(task / axis.span) % axis.count;
export const frame_axis = (axes: Axes): Axis | undefined => axes.find((x) => x.frame);

// "1001", or with what else tells it apart: "1001 beauty", "1001 Tile 3". Without axes its number.
export function name_of(axes: Axes, task: number): string {
  const frame = frame_axis(axes);
  const words = axes.filter((x) => x !== frame && x.count > 1).map((x) => (x.within(-Infinity, Infinity).length ? `${x.name} ${x.at(index_of(x, task))}` : x.at(index_of(x, task))));
  if (frame) words.unshift(frame.at(index_of(frame, task)));
  return words.join(" ") || String(task);
}

// Whether its frame is all that tells a task apart.
export const is_frames = (axes: Axes): boolean => frame_axis(axes) !== undefined && axes.every((x) => x.frame || x.count === 1);

// Tasks first..last of a step, as people call them: "frames 1001–1010", "1001 beauty – 1002 matte", "tasks 0–9". "": of a step
// of one task there is nothing to say.
export function span_text(axes: Axes, first: number, last: number): string {
  if (!axes.length && first === last) return first ? `task ${first}` : "";
  const word = is_frames(axes) ? "frame" : axes.length ? "" : "task";
  const from = name_of(axes, first);
  const named = first === last ? from : axes.length && !word ? `${from} – ${name_of(axes, last)}` : `${from}–${name_of(axes, last)}`;
  return word ? `${word}${first === last ? "" : "s"} ${named}` : named;
}

// For a narrow place: the frame alone, or the start of the name.
export function short_name_of(axes: Axes, task: number): string {
  const frame = frame_axis(axes);
  const name = frame ? frame.at(index_of(frame, task)) : name_of(axes, task);
  return name.length > 7 ? `${name.slice(0, 6)}…` : name;
}

// What a person types to choose tasks, in frames where there are some: "1001-1024, 1100", and with the other parameters'
// values behind: "1001-1010 beauty, 1020 Tile=3". Null: not understood.
export function ranges_of(text: string, total: number, axes: Axes): Ranges | null {
  const frame = frame_axis(axes);
  const found: Range[] = [];
  for (const one of text.split(",")) {
    let these: Ranges = total > 0 ? [[0, total - 1]] : [];
    const words = one.trim().replace(/(\d)\s*[-–]\s*(-?\d)/g, "$1-$2").split(/\s+/);
    for (const word of words) {
      const range = /^(-?\d+)\s*(?:[-–]\s*(-?\d+))?$/.exec(word);
      const named = /^(\w+)=(.+)$/.exec(word);
      const said = range && [Number(range[1]), Number(range[2] ?? range[1])].sort((a, b) => a - b);
      const axis = named && axes.find((x) => x.name.toLowerCase() === named[1]?.toLowerCase());
      if (said && frame) these = both(these, along(frame, frame.within(said[0] ?? 0, said[1] ?? 0), total));
      else if (said) these = both(these, [[said[0] ?? 0, said[1] ?? 0]]);
      else if (named && axis) these = both(these, along(axis, axis.is(named[2] ?? ""), total));
      else {
        const with_it = axes.map((x) => [x, x.is(word)] as const).filter(([, i]) => i.length);
        if (!with_it.length) return null;
        these = both(these, joined(with_it.flatMap(([x, i]) => along(x, i, total))));
      }
    }
    found.push(...these);
  }
  return joined(found);
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
