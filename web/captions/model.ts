/*
 * Captions as the editor holds them: whole frames, lines of styled words. Lists are never changed in
 * place, so that undo is the list before. No DOM.
 *
 * Words are typed as text with light marks: <i>, <b>, <u>, <c #ffff00>, <bg #000000>; everything that a cue
 * has besides (place, mode, ruby) stays as it came unless it is changed.
 */

export interface Run {
  t: string;
  i?: boolean;
  b?: boolean;
  u?: boolean;
  c?: string; // "#rrggbbaa"
  bg?: string;
  ruby?: string;
}

export type Align = "centre" | "start" | "end" | "left" | "right";
export type Vertical = "bottom" | "top" | "middle";
export type Mode = "pop-on" | "roll-up" | "paint-on";

export interface Cue {
  in: number;
  out: number; // the frame behind its last one
  lines: Run[][];
  align: Align;
  vertical: Vertical;
  mode: Mode;
  rows?: number; // of a window that rolls up
  cells?: [number, number][]; // row 1..15 (0: not said), column 0..31 of each line
  box?: [number, number, number, number]; // of 10,000: x, y, width, height
  writing?: string;
  forced?: boolean;
  name?: string;
}

export const cue_at = (cues: readonly Cue[], frame: number): number => {
  let low = 0;
  let high = cues.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cues[middle] as Cue).in > frame) high = middle;
    else low = middle + 1;
  }
  return low - 1; // the last that begins at or before it
};

const LOOK_BACK = 64; // cues that overlap lie near one another

// What is seen at a frame, in order.
export function seen_at(cues: readonly Cue[], frame: number): Cue[] {
  const last = cue_at(cues, frame);
  const seen: Cue[] = [];
  for (let i = Math.max(0, last - LOOK_BACK); i <= last; i++) {
    const cue = cues[i] as Cue;
    if (cue.out > frame) seen.push(cue);
  }
  return seen;
}

// ---- words and marks

const escape_mark = (t: string): string => t.replace(/\\/g, "\\\\").replace(/</g, "\\<");

const marks_of = (r: Run): string[] => [
  ...(r.i ? ["i"] : []), ...(r.b ? ["b"] : []), ...(r.u ? ["u"] : []),
  ...(r.c ? [`c ${short_colour(r.c)}`] : []), ...(r.bg ? [`bg ${short_colour(r.bg)}`] : []), ...(r.ruby ? [`ruby ${r.ruby.replace(/[<>\\]/g, "")}`] : []),
];
export const short_colour = (c: string): string => (/^#[0-9a-f]{6}ff$/i.test(c) ? c.slice(0, 7) : c);

export function words_of(lines: readonly Run[][]): string {
  return lines.map((line) => line.map((r) => {
    const marks = marks_of(r);
    return marks.map((m) => `<${m}>`).join("") + escape_mark(r.t) + marks.reverse().map((m) => `</${m.split(" ")[0] ?? ""}>`).join("");
  }).join("")).join("\n");
}

export const plain_of = (lines: readonly Run[][]): string => lines.map((l) => l.map((r) => r.t).join("")).join("\n");

function style_of(open: readonly string[]): Omit<Run, "t"> {
  const style: Omit<Run, "t"> = {};
  for (const mark of open) {
    const [name, value = ""] = [mark.split(" ")[0], mark.slice(mark.indexOf(" ") + 1)];
    if (name === "i" || name === "b" || name === "u") style[name] = true;
    else if (name === "c" || name === "bg") style[name] = /^#[0-9a-f]{6}$/i.test(value) ? `${value}ff` : value;
    else if (name === "ruby") style.ruby = value;
  }
  return style;
}

// Marks that are not known, or not closed, are words.
export function lines_of(words: string): Run[][] {
  let open: string[] = [];
  return words.split(/\r?\n/).map((line) => {
    const runs: Run[] = [];
    let text = "";
    const flush = (): void => {
      if (text) runs.push({ t: text, ...style_of(open) });
      text = "";
    };
    for (let at = 0; at < line.length;) {
      const rest = line.slice(at);
      const mark = /^<(\/?)(i|b|u|c|bg|ruby)((?: [^<>]*)?)>/.exec(rest);
      if (rest.startsWith("\\") && rest.length > 1) {
        text += rest[1];
        at += 2;
      } else if (mark && (mark[1] === "" || open.some((o) => o.split(" ")[0] === mark[2]))) {
        flush();
        if (mark[1] === "") open = [...open, `${mark[2]}${mark[3]}`];
        else {
          const last = open.map((o) => o.split(" ")[0]).lastIndexOf(mark[2]);
          open = open.filter((_, i) => i !== last);
        }
        at += mark[0].length;
      } else {
        text += rest[0];
        at++;
      }
    }
    flush();
    return runs;
  });
}

// ---- reading speed

// Characters as people count them: marks over letters are not.
export const letters_of = (cue: Cue): number => [...plain_of(cue.lines).replace(/\n/g, "").normalize("NFC")].filter((c) => !/\p{M}/u.test(c)).length;
export const speed_of = (cue: Cue, frames_a_second: number): number => (cue.out > cue.in ? letters_of(cue) * frames_a_second / (cue.out - cue.in) : 0);
export const SPEED_USUAL = 17; // characters a second; more is shown as fast
export const SPEED_MOST = 20;

// ---- changes: each gives a new list, in order of `in`, and which cue is chosen then

export interface Changed {
  cues: readonly Cue[];
  at: number;
}

const sorted = (cues: Cue[], chosen: Cue): Changed => {
  const list = cues.map((c, i) => [c, i] as const).sort((a, b) => a[0].in - b[0].in || a[1] - b[1]).map(([c]) => c);
  return { cues: list, at: list.indexOf(chosen) };
};

export function with_cue(cues: readonly Cue[], at: number, change: Partial<Cue>): Changed {
  const was = cues[at];
  if (!was) return { cues, at };
  const next = { ...was, ...change };
  const list = [...cues];
  list[at] = next;
  return next.in === was.in ? { cues: list, at } : sorted(list, next);
}

// In and out at a frame: the other end gives way by staying a frame away.
export const with_in = (cues: readonly Cue[], at: number, frame: number): Changed => {
  const cue = cues[at];
  return cue ? with_cue(cues, at, { in: Math.max(0, frame), out: Math.max(cue.out, frame + 1) }) : { cues, at };
};
export const with_out = (cues: readonly Cue[], at: number, frame: number): Changed => {
  const cue = cues[at];
  return cue ? with_cue(cues, at, { in: Math.min(cue.in, Math.max(0, frame - 1)), out: Math.max(1, frame) }) : { cues, at };
};

// The whole of it elsewhere.
export const moved = (cues: readonly Cue[], at: number, to: number): Changed => {
  const cue = cues[at];
  return cue ? with_cue(cues, at, { in: Math.max(0, to), out: Math.max(0, to) + cue.out - cue.in }) : { cues, at };
};

const empty_at = (frame: number, length: number): Cue => ({ in: frame, out: frame + length, lines: [[]], align: "centre", vertical: "bottom", mode: "pop-on" });

// A new one at a frame, up to the next one at most.
export function added(cues: readonly Cue[], frame: number, length: number, end: number): Changed {
  const before = cue_at(cues, frame);
  const from = Math.max(frame, cues[before]?.out !== undefined && (cues[before] as Cue).out > frame ? (cues[before] as Cue).out : frame);
  const next = cues[cue_at(cues, from) + 1];
  const most = next && next.in > from ? next.in - from : length;
  const cue = empty_at(from, Math.max(1, Math.min(length, most, end > from ? end - from : length)));
  return sorted([...cues, cue], cue);
}

export function removed(cues: readonly Cue[], at: number): Changed {
  const list = cues.filter((_, i) => i !== at);
  return { cues: list, at: Math.min(at, list.length - 1) };
}

// In two at a frame, the lines shared out; words of a single line are parted at the space nearest to the same share.
export function split(cues: readonly Cue[], at: number, frame: number): Changed {
  const cue = cues[at];
  if (!cue || frame <= cue.in || frame >= cue.out) return { cues, at };
  const share = (frame - cue.in) / (cue.out - cue.in);
  let [first, second] = [cue.lines.slice(0, 1), cue.lines.slice(1)];
  if (cue.lines.length > 1) {
    const n = Math.min(cue.lines.length - 1, Math.max(1, Math.round(cue.lines.length * share)));
    [first, second] = [cue.lines.slice(0, n), cue.lines.slice(n)];
  } else {
    const words = plain_of(cue.lines);
    const spaces = [...words.matchAll(/ /g)].map((m) => m.index ?? 0);
    const cut = spaces.reduce((best, s) => (Math.abs(s - words.length * share) < Math.abs(best - words.length * share) ? s : best), spaces[0] ?? words.length);
    [first, second] = parted(cue.lines[0] ?? [], cut);
  }
  const cells = cue.cells;
  const a: Cue = { ...cue, out: frame, lines: first, ...(cells && { cells: cells.slice(0, first.length) }) };
  const b: Cue = { ...cue, in: frame, lines: second, ...(cells && { cells: cells.length > first.length ? cells.slice(first.length) : cells.slice(0, 1) }) };
  const list = [...cues];
  list.splice(at, 1, a, b);
  return { cues: list, at: at + 1 };
}

function parted(line: readonly Run[], cut: number): [Run[][], Run[][]] {
  const a: Run[] = [];
  const b: Run[] = [];
  let at = 0;
  for (const r of line) {
    const here = Math.max(0, Math.min(r.t.length, cut - at));
    if (here > 0) a.push({ ...r, t: r.t.slice(0, here) });
    const rest = r.t.slice(at + r.t.length > cut ? (at >= cut ? 0 : here) : r.t.length);
    const trimmed = b.length === 0 ? rest.replace(/^ /, "") : rest;
    if (trimmed) b.push({ ...r, t: trimmed });
    at += r.t.length;
  }
  return [[a], [b]];
}

// With the next one: from the first's in to the second's out, the lines below one another.
export function merged(cues: readonly Cue[], at: number): Changed {
  const [a, b] = [cues[at], cues[at + 1]];
  if (!a || !b) return { cues, at };
  const cells = a.cells && b.cells ? { cells: [...a.cells, ...b.cells] } : {};
  const one: Cue = { ...a, out: Math.max(a.out, b.out), lines: [...a.lines, ...b.lines].filter((l) => l.length > 0), ...cells };
  if (!a.cells || !b.cells) delete one.cells;
  const list = [...cues];
  list.splice(at, 2, one);
  return { cues: list, at };
}

// ---- undo

export interface Past {
  cues: readonly Cue[];
  at: number;
  name: string; // of the change that led from it
}

export class History {
  private before: Past[] = [];
  private after: Past[] = [];
  private typed: string | null = null; // words typed in one go are one change

  keep(now: Past, run: string | null = null): void {
    if (run !== null && run === this.typed) return;
    this.typed = run;
    this.before = [...this.before.slice(-499), now];
    this.after = [];
  }
  pause(): void {
    this.typed = null;
  }
  get can_undo(): string | null {
    return this.before[this.before.length - 1]?.name ?? null;
  }
  get can_redo(): string | null {
    return this.after[this.after.length - 1]?.name ?? null;
  }
  undo(now: Changed): Changed | null {
    const last = this.before.pop();
    if (!last) return null;
    this.typed = null;
    this.after.push({ ...now, name: last.name });
    return last;
  }
  redo(now: Changed): Changed | null {
    const next = this.after.pop();
    if (!next) return null;
    this.typed = null;
    this.before.push({ ...now, name: next.name });
    return next;
  }
}

// ---- files by their name: "Film.en-GB.sdh.srt"

const ROLES = ["cc", "sdh", "subtitle", "forced"] as const;
export type Role = (typeof ROLES)[number];
export const role_names: Record<Role, string> = { cc: "Closed captions", sdh: "Subtitles for the deaf (SDH)", subtitle: "Subtitles", forced: "Forced" };

export function guess(name: string): { language: string; role: Role } {
  const parts = name.split(".").slice(1, -1);
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  const role = ROLES.find((r) => parts.some((p) => p.toLowerCase() === r)) ?? (ending === "scc" || ending === "mcc" ? "cc" : "subtitle");
  const language = parts.find((p) => /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(p) && !ROLES.includes(p as Role)) ?? "";
  return { language, role };
}

export const caption_name = (c: { language: string; role: string; name: string }): string => {
  let language = c.language;
  try {
    language = c.language ? (new Intl.DisplayNames(undefined, { type: "language" }).of(c.language) ?? c.language) : "";
  } catch {
    // not a tag that the browser knows: as it is
  }
  const role = role_names[c.role as Role] ?? c.role;
  return language ? `${language}, ${role.toLowerCase()}` : `${role} (${c.name})`;
};
