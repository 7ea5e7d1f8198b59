/*
 * farm/grid: the tasks of a step as cells on a canvas; 100,000 of them and more, never an element a task.
 *
 * All cells are pixels of one small picture, made anew when states change, and drawn enlarged without smoothing;
 * gaps, marks, letters, the selection and the cursor are drawn over the part that is seen. From 8 px on a cell has
 * a mark, from 14 px on a letter, so that a state is never colour alone.
 *
 * The selection is ranges of tasks in their order, as frames are thought of, not rectangles.
 */
import { add, columns_of, find, fitting, has, next_in, remove, states, type Range, type Ranges, type TaskState } from "./runs";

export const SIZES = [2, 3, 4, 6, 8, 11, 14, 18, 24, 32] as const;
const GUTTER = 58; // where a row says its first frame
const PAD = 4;

export interface GridTells {
  hover(task: number | null): void;
  choose(task: number): void; // one was clicked, or Enter was pressed on it
  selected(ranges: Ranges, cursor: number): void;
  menu(e: MouseEvent): void;
  zoomed(size: number): void;
}

type Look = Record<TaskState | "unknown" | "ground" | "line" | "text" | "strong" | "focus" | "mark", string>;

export class Grid {
  private known: Uint8Array = new Uint8Array(0);
  private name: (task: number) => string = String;
  private size = 0; // px of a cell; 0: what fits
  private columns = 1;
  private selection: Ranges = [];
  private cursor = -1;
  private anchor = -1;
  private kept: Ranges = []; // what stood before the range that is being drawn out
  private pixels = document.createElement("canvas");
  private pixels_true = false;
  private look: Look;
  private frame = 0;
  private watch: ResizeObserver;
  private dragging = false;
  private stop = new AbortController();

  constructor(private box: HTMLElement, private canvas: HTMLCanvasElement, private room: HTMLElement, private tells: GridTells) {
    this.look = this.read_look();
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(box);
    const on = <K extends keyof HTMLElementEventMap>(kind: K, act: (e: HTMLElementEventMap[K]) => void) => box.addEventListener(kind, act, { signal: this.stop.signal });
    on("scroll", () => this.ask());
    on("pointerdown", (e) => this.down(e));
    on("pointermove", (e) => this.over(e));
    on("pointerup", (e) => this.up(e));
    on("pointercancel", () => { this.dragging = false; });
    on("pointerleave", () => this.tells.hover(null));
    on("contextmenu", (e) => this.right(e));
    on("keydown", (e) => this.key(e));
    on("focus", () => this.ask());
    on("blur", () => this.ask());
    box.addEventListener("wheel", (e) => {
      if (!e.ctrlKey) return;
      e.preventDefault();
      this.zoom(e.deltaY < 0 ? 1 : -1);
    }, { signal: this.stop.signal, passive: false });
    const scheme = new MutationObserver(() => { this.look = this.read_look(); this.pixels_true = false; this.ask(); });
    scheme.observe(document.documentElement, { attributeFilter: ["data-scheme"] });
    this.stop.signal.addEventListener("abort", () => scheme.disconnect());
  }

  close(): void {
    this.stop.abort();
    this.watch.disconnect();
    cancelAnimationFrame(this.frame);
  }

  // The states are borrowed: call again when they have changed.
  set(known: Uint8Array, name: (task: number) => string): void {
    const other = known.length !== this.known.length;
    this.known = known;
    this.name = name;
    this.pixels_true = false;
    if (other) {
      this.selection = [];
      this.cursor = this.anchor = -1;
      this.fit();
    } else this.ask();
  }

  zoom(by: 1 | -1 | 0): void {
    const at = SIZES.indexOf(this.cell as (typeof SIZES)[number]);
    this.size = by === 0 ? 0 : (SIZES[Math.min(SIZES.length - 1, Math.max(0, at + by))] ?? 0);
    this.fit();
    if (this.cursor >= 0) this.show(this.cursor);
  }

  select(ranges: Ranges, cursor?: number): void {
    this.selection = ranges;
    if (cursor !== undefined) this.cursor = this.anchor = cursor;
    else if (this.cursor < 0 && ranges[0]) this.cursor = this.anchor = ranges[0][0];
    this.kept = [];
    this.changed();
  }

  // Puts the cursor on a task and brings it into sight.
  at(task: number): void {
    if (task < 0 || task >= this.known.length) return;
    this.cursor = this.anchor = task;
    this.selection = [[task, task]];
    this.kept = [];
    this.show(task);
    this.changed();
  }

  next_failed(): void {
    const to = next_in(this.known, "failed", this.cursor, 1);
    if (to !== null) this.at(to);
  }

  private changed(): void {
    this.tells.selected(this.selection, this.cursor);
    this.ask();
  }

  // ---- room

  private get cell(): number {
    return this.size || fitting(this.known.length, this.width, this.height, SIZES.filter((s) => s <= 24));
  }
  private get width(): number {
    return Math.max(20, this.box.clientWidth - GUTTER - PAD * 2);
  }
  private get height(): number {
    return Math.max(20, this.box.clientHeight - PAD * 2);
  }

  private fit(): void {
    const scale = window.devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = this.box;
    this.columns = columns_of(this.known.length, this.width, this.cell);
    this.canvas.width = Math.round(w * scale);
    this.canvas.height = Math.round(h * scale);
    this.canvas.style.width = `${w}px`;
    this.canvas.style.height = `${h}px`;
    this.room.style.height = `${Math.max(h, Math.ceil(this.known.length / this.columns) * this.cell + PAD * 2)}px`;
    this.pixels_true = false;
    this.tells.zoomed(this.cell);
    this.ask();
  }

  private show(task: number): void {
    const top = Math.floor(task / this.columns) * this.cell + PAD;
    if (top < this.box.scrollTop + PAD) this.box.scrollTop = Math.max(0, top - this.cell);
    else if (top + this.cell > this.box.scrollTop + this.box.clientHeight - PAD) this.box.scrollTop = top + this.cell * 2 - this.box.clientHeight;
  }

  private task_at(e: { clientX: number; clientY: number }): number | null {
    const at = this.canvas.getBoundingClientRect();
    const column = Math.floor((e.clientX - at.left - GUTTER - PAD) / this.cell);
    const row = Math.floor((e.clientY - at.top + this.box.scrollTop - PAD) / this.cell);
    const task = row * this.columns + column;
    return column >= 0 && column < this.columns && row >= 0 && task < this.known.length ? task : null;
  }

  // ---- hand and keys

  private draw_out(to: number): void {
    const range: Range = this.anchor <= to ? [this.anchor, to] : [to, this.anchor];
    this.selection = add(this.kept, range);
    this.cursor = to;
    this.changed();
  }

  private down(e: PointerEvent): void {
    if (e.button !== 0) return;
    const task = this.task_at(e);
    if (task === null) return;
    this.box.focus({ preventScroll: true });
    if (e.pointerType !== "touch") {
      this.box.setPointerCapture(e.pointerId);
      this.dragging = true;
    }
    if (e.shiftKey && this.anchor >= 0) return this.draw_out(task);
    const more = e.ctrlKey || e.metaKey;
    if (more && has(this.selection, task)) {
      this.selection = this.kept = remove(this.selection, [task, task]);
      this.cursor = this.anchor = task;
      this.dragging = false;
      return this.changed();
    }
    this.kept = more ? this.selection : [];
    this.anchor = task;
    this.draw_out(task);
  }

  private over(e: PointerEvent): void {
    const task = this.task_at(e);
    this.tells.hover(task);
    if (this.dragging && task !== null && task !== this.cursor) this.draw_out(task);
  }

  private up(e: PointerEvent): void {
    const was = this.dragging || e.pointerType === "touch";
    this.dragging = false;
    const task = this.task_at(e);
    if (was && task !== null && task === this.anchor && !e.shiftKey && !e.ctrlKey && !e.metaKey) this.tells.choose(task);
  }

  private right(e: MouseEvent): void {
    const task = this.task_at(e);
    if (task === null) return;
    if (!has(this.selection, task)) this.at(task);
    this.tells.menu(e);
  }

  private key(e: KeyboardEvent): void {
    if (e.altKey || e.metaKey || !this.known.length) return;
    const c = this.columns;
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.cell) - 1) * c;
    const by: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -c, ArrowDown: c, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    const step = e.ctrlKey ? undefined : by[e.key];
    const last = this.known.length - 1;
    if (step !== undefined) {
      const to = this.cursor < 0 ? 0 : Math.min(last, Math.max(0, this.cursor + step));
      if (!e.shiftKey || this.anchor < 0) {
        this.anchor = to;
        this.kept = [];
      }
      this.draw_out(to);
      this.show(to);
    } else if (e.ctrlKey && e.key.toLowerCase() === "a") {
      this.selection = [[0, last]];
      this.changed();
    } else if (e.key === "Enter" && this.cursor >= 0) {
      this.tells.choose(this.cursor);
    } else if (e.key === "Escape" && this.selection.length) {
      this.selection = this.kept = [];
      this.changed();
    } else return;
    e.preventDefault();
    e.stopPropagation();
  }

  // ---- drawing

  private read_look(): Look {
    const style = getComputedStyle(this.box);
    const of = (name: string) => style.getPropertyValue(name).trim() || "#888888";
    return {
      waiting: of("--task-waiting"), running: of("--task-running"), done: of("--task-done"), failed: of("--task-failed"), cancelled: of("--task-cancelled"),
      unknown: of("--ground"), ground: of("--ground"), line: of("--line"), text: of("--text-quiet"), strong: of("--text-strong"), focus: of("--focus"), mark: of("--task-mark"),
    };
  }

  private ask(): void {
    if (!this.frame)
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
  }

  private make_pixels(): void {
    const rows = Math.max(1, Math.ceil(this.known.length / this.columns));
    this.pixels.width = this.columns;
    this.pixels.height = rows;
    const line = this.pixels.getContext("2d");
    if (!line) return;
    const image = line.createImageData(this.columns, rows);
    const to = new Uint32Array(image.data.buffer);
    const colours = [...states, "unknown" as const].map((s) => packed(this.look[s]));
    for (let i = 0; i < this.known.length; i++) to[i] = colours[this.known[i] ?? states.length] ?? 0;
    line.putImageData(image, 0, 0);
    this.pixels_true = true;
  }

  private draw(): void {
    const c = this.canvas.getContext("2d");
    if (!c) return;
    if (!this.pixels_true) this.make_pixels();
    const scale = window.devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = this.box;
    const { cell, columns, known } = this;
    const left = GUTTER + PAD;
    const top = PAD - this.box.scrollTop;
    const first = Math.max(0, Math.floor(-top / cell));
    const last = Math.min(Math.ceil(known.length / columns), Math.ceil((h - top) / cell)); // one after
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.fillStyle = this.look.ground;
    c.fillRect(0, 0, w, h);
    if (last <= first) return;
    c.imageSmoothingEnabled = false;
    c.drawImage(this.pixels, 0, first, columns, last - first, left, top + first * cell, columns * cell, (last - first) * cell);
    if (cell >= 4) this.draw_gaps(c, left, top, first, last);
    if (cell >= 8) this.draw_marks(c, left, top, first, last);
    this.draw_names(c, top, first, last);
    this.draw_selection(c, left, top, first, last);
  }

  private draw_gaps(c: CanvasRenderingContext2D, left: number, top: number, first: number, last: number): void {
    const { cell, columns } = this;
    c.fillStyle = this.look.ground;
    for (let i = 0; i <= columns; i++) c.fillRect(left + i * cell - 1, top + first * cell, i % 10 || cell < 6 ? 1 : 2, (last - first) * cell);
    for (let i = first; i <= last; i++) c.fillRect(left, top + i * cell - 1, columns * cell, 1);
  }

  private draw_marks(c: CanvasRenderingContext2D, left: number, top: number, first: number, last: number): void {
    const { cell, columns, known } = this;
    const letters = cell >= 14;
    c.fillStyle = c.strokeStyle = this.look.mark;
    c.lineWidth = 1.2;
    c.font = `600 ${Math.min(11, cell - 5)}px ${getComputedStyle(this.box).getPropertyValue("--mono") || "monospace"}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    const end = Math.min(known.length, last * columns);
    for (let i = first * columns; i < end; i++) {
      const state = states[known[i] ?? states.length];
      if (!state || state === "waiting" || (!letters && state === "done")) continue;
      const x = left + (i % columns) * cell;
      const y = top + Math.floor(i / columns) * cell;
      if (letters) c.fillText(LETTERS[state], x + (cell - 1) / 2, y + cell / 2);
      else if (state === "running") c.fillRect(x + cell / 2 - 2, y + cell / 2 - 2, 3, 3);
      else {
        c.beginPath();
        c.moveTo(x + 1.5, y + 1.5);
        c.lineTo(x + cell - 2.5, y + cell - 2.5);
        if (state === "failed") {
          c.moveTo(x + cell - 2.5, y + 1.5);
          c.lineTo(x + 1.5, y + cell - 2.5);
        }
        c.stroke();
      }
    }
  }

  private draw_names(c: CanvasRenderingContext2D, top: number, first: number, last: number): void {
    const { cell, columns } = this;
    const every = Math.max(1, Math.ceil(16 / cell));
    c.fillStyle = this.look.text;
    c.font = `11px ${getComputedStyle(this.box).getPropertyValue("--mono") || "monospace"}`;
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (let row = Math.ceil(first / every) * every; row < last; row += every) c.fillText(this.name(row * columns), GUTTER - 4, top + row * cell + Math.max(cell, 11) / 2);
  }

  private draw_selection(c: CanvasRenderingContext2D, left: number, top: number, first: number, last: number): void {
    const { cell, columns, selection } = this;
    const end = last * columns;
    c.strokeStyle = c.fillStyle = this.look.focus;
    c.lineWidth = cell >= 6 ? 1.5 : 1;
    for (let n = find(selection, first * columns); n < selection.length; n++) {
      const r = selection[n];
      if (!r || r[0] >= end) break;
      for (let row = Math.max(first, Math.floor(r[0] / columns)); row < last && row * columns <= r[1]; row++) {
        const from = Math.max(r[0], row * columns) - row * columns;
        const to = Math.min(r[1], row * columns + columns - 1) - row * columns;
        const [x, y, width] = [left + from * cell, top + row * cell, (to - from + 1) * cell];
        c.globalAlpha = 0.28;
        c.fillRect(x, y, width, cell - (cell >= 4 ? 1 : 0));
        c.globalAlpha = 1;
        c.beginPath();
        c.moveTo(x, y - 0.5);
        c.lineTo(x + width - 1, y - 0.5);
        c.moveTo(x, y + cell - 0.5);
        c.lineTo(x + width - 1, y + cell - 0.5);
        c.stroke();
      }
    }
    if (this.cursor < 0) return;
    const x = left + (this.cursor % columns) * cell;
    const y = top + Math.floor(this.cursor / columns) * cell;
    c.strokeStyle = document.activeElement === this.box ? this.look.focus : this.look.strong;
    c.lineWidth = 2;
    c.strokeRect(x - 1.5, y - 1.5, Math.max(cell + 1, 6), Math.max(cell + 1, 6));
  }
}

const LETTERS: Record<TaskState, string> = { waiting: "", running: "R", done: "D", failed: "F", cancelled: "C" };

// "#rrggbb" as the bytes of a pixel on a little-endian machine.
function packed(colour: string): number {
  const n = parseInt(colour.slice(1, 7), 16);
  return (255 << 24) | ((n & 255) << 16) | (n & 0xff00) | (n >> 16);
}
