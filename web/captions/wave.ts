/*
 * The waveform under the picture with captions as blocks: some seconds around the playhead. Dragging a block's
 * ends sets in and out, dragging its middle moves it, a click chooses it; elsewhere one scrubs. Whole frames.
 */
import { peakColumns, type Peaks } from "../player/peaks";
import type { Rational } from "../player/timecode";
import { cue_at, plain_of, type Cue } from "./model";

export interface WaveDoor {
  seek: (frame: number, moving: boolean) => void;
  choose: (at: number) => void;
  // While a hand holds it; `done` when it lets go. What: the end, or the whole, that moves.
  drag: (at: number, what: "in" | "out" | "whole", frame: number, done: boolean) => void;
}

export interface WaveSeen {
  frame: number;
  total: number;
  rate: Rational;
  cues: readonly Cue[];
  chosen: number;
  fast: (cue: Cue) => boolean; // is it to be marked?
}

const NEAR = 6; // px of an end that a hand still means

export class Wave {
  readonly element = document.createElement("div");
  private canvas = document.createElement("canvas");
  private seen: WaveSeen | null = null;
  private peaks: Peaks | null = null;
  private seconds = 12;
  private hold: { at: number; what: "in" | "out" | "whole" | "scrub"; grip: number; first: number } | null = null;
  private size: ResizeObserver;
  private asked = 0;

  constructor(host: HTMLElement, private door: WaveDoor) {
    this.element.className = "caption-wave";
    this.element.setAttribute("aria-hidden", "true"); // the list and its fields say and do the same
    this.element.append(this.canvas);
    host.append(this.element);
    this.size = new ResizeObserver(() => this.draw());
    this.size.observe(this.element);
    this.listen();
  }

  set_peaks(peaks: Peaks | null): void {
    this.peaks = peaks;
    this.draw();
  }

  update(seen: WaveSeen): void {
    this.seen = seen;
    if (!this.asked) this.asked = requestAnimationFrame(() => { this.asked = 0; this.draw(); });
  }

  close(): void {
    cancelAnimationFrame(this.asked);
    this.size.disconnect();
    this.element.remove();
  }

  // ---- frames and pixels. While a hand holds something the window stays.

  private window(): [number, number] {
    const s = this.seen;
    if (!s) return [0, 1];
    const frames = this.seconds * s.rate.num / s.rate.den;
    const first = this.hold ? this.hold.first : Math.max(-frames * 0.1, s.frame - frames * 0.4);
    return [first, frames];
  }
  private x_of(frame: number): number {
    const [first, frames] = this.window();
    return (frame - first) / frames * this.element.clientWidth;
  }
  private frame_at(x: number): number {
    const [first, frames] = this.window();
    const f = first + x / Math.max(1, this.element.clientWidth) * frames;
    return Math.max(0, Math.min((this.seen?.total ?? 1) - 1, Math.floor(f)));
  }
  private edge_at(x: number): number {
    const [first, frames] = this.window();
    return Math.max(0, Math.round(first + x / Math.max(1, this.element.clientWidth) * frames));
  }

  private find(x: number, y: number): { at: number; what: "in" | "out" | "whole" } | null {
    const s = this.seen;
    if (!s || y < this.top()) return null;
    let best: { at: number; what: "in" | "out" | "whole" } | null = null;
    const last = cue_at(s.cues, this.frame_at(x + NEAR));
    for (let i = Math.max(0, last - 8); i <= Math.min(last + 1, s.cues.length - 1); i++) {
      const c = s.cues[i] as Cue;
      const [a, b] = [this.x_of(c.in), this.x_of(c.out)];
      if (x < a - NEAR || x > b + NEAR) continue;
      const what = Math.abs(x - a) <= NEAR && Math.abs(x - a) <= Math.abs(x - b) ? "in" : Math.abs(x - b) <= NEAR ? "out" : "whole";
      if (!best || i === s.chosen) best = { at: i, what };
    }
    return best;
  }
  private top(): number {
    return this.element.clientHeight * 0.42;
  }

  private listen(): void {
    const place = (e: PointerEvent): [number, number] => {
      const r = this.element.getBoundingClientRect();
      return [e.clientX - r.left, e.clientY - r.top];
    };
    this.element.addEventListener("pointerdown", (e) => {
      if (e.button !== 0 || !this.seen) return;
      e.preventDefault();
      this.element.setPointerCapture(e.pointerId);
      const [x, y] = place(e);
      const hit = this.find(x, y);
      const first = this.window()[0];
      if (hit) {
        this.hold = { ...hit, grip: this.edge_at(x) - (this.seen.cues[hit.at] as Cue).in, first };
        this.door.choose(hit.at);
      } else {
        this.hold = { at: -1, what: "scrub", grip: 0, first };
        this.door.seek(this.frame_at(x), true);
      }
    });
    let moved = false;
    this.element.addEventListener("pointermove", (e) => {
      const [x, y] = place(e);
      if (!this.hold) {
        const hit = this.find(x, y);
        this.element.style.cursor = !hit ? "ew-resize" : hit.what === "whole" ? "grab" : "col-resize";
        return;
      }
      moved = moved || Math.abs(e.movementX) > 0;
      this.act(x, false);
    });
    const end = (e: PointerEvent): void => {
      if (!this.hold) return;
      if (this.hold.what === "scrub" || moved) this.act(place(e)[0], true);
      moved = false;
      this.hold = null;
      this.draw();
    };
    this.element.addEventListener("pointerup", end);
    this.element.addEventListener("pointercancel", end);
    this.element.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.seconds = Math.max(2, Math.min(120, this.seconds * Math.exp(e.deltaY / 400)));
      this.draw();
    }, { passive: false });
  }

  private act(x: number, done: boolean): void {
    const h = this.hold;
    if (!h) return;
    if (h.what === "scrub") this.door.seek(this.frame_at(x), !done);
    else this.door.drag(h.at, h.what, h.what === "whole" ? Math.max(0, this.edge_at(x) - h.grip) : this.edge_at(x), done);
  }
  // The list was sorted anew under the hand.
  held_is(at: number): void {
    if (this.hold && this.hold.what !== "scrub") this.hold.at = at;
  }

  private draw(): void {
    const s = this.seen;
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    if (!s || !width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const g = this.canvas.getContext("2d");
    if (!g) return;
    g.scale(ratio, ratio);
    const look = getComputedStyle(this.element);
    const colour = (name: string): string => look.getPropertyValue(name).trim() || "#808080";
    const [first, frames] = this.window();
    const top = this.top();
    if (this.peaks) {
      const rate = this.peaks.sampleRate * s.rate.den / s.rate.num;
      const columns = peakColumns(this.peaks, -1, first * rate, (first + frames) * rate, Math.floor(width));
      g.fillStyle = colour("--text-quiet");
      g.globalAlpha = 0.7;
      for (let i = 0; i < Math.floor(width); i++) {
        const [low, high] = [(columns[i * 2] ?? 0) / 128, (columns[i * 2 + 1] ?? 0) / 128];
        g.fillRect(i, height / 2 - high * height / 2, 1, Math.max(1, (high - low) * height / 2));
      }
      g.globalAlpha = 1;
    }
    const last = cue_at(s.cues, first + frames);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "middle";
    for (let i = last; i >= 0; i--) {
      const c = s.cues[i] as Cue;
      if (c.out <= first) {
        if (last - i > 40) break;
        continue;
      }
      const [a, b] = [this.x_of(c.in), this.x_of(c.out)];
      const on = i === s.chosen;
      g.fillStyle = on ? colour("--focus") : s.fast(c) ? colour("--busy") : colour("--note");
      g.globalAlpha = on ? 0.45 : 0.3;
      g.fillRect(a, top, Math.max(2, b - a), height - top);
      g.globalAlpha = 1;
      g.fillRect(a, top, 1, height - top);
      g.fillRect(b - 1, top, 1, height - top);
      if (b - a > 24) {
        g.save();
        g.beginPath();
        g.rect(a + 4, top, b - a - 8, height - top);
        g.clip();
        g.fillStyle = colour("--text-strong");
        g.fillText(plain_of(c.lines).replace(/\n/g, " / "), a + 5, top + (height - top) / 2);
        g.restore();
      }
    }
    g.fillStyle = colour("--text-strong");
    g.fillRect(Math.round(this.x_of(s.frame + 0.5)), 0, 1, height);
  }
}
