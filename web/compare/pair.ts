/*
 * Two pictures, one playhead. Each side has a decode worker of its own; a pair of frames is shown only
 * when both pictures are there, in the same breath, so that what stands side by side belongs together.
 * While playing, frames are left out when a line is slow, but never shown beside another's.
 *
 * The clock is the sound of the side that is heard, where there is one and it plays forward; else the
 * machine's.
 */
import type { Address, Addresses, FromWorker, ToWorker, TrackSeen } from "../player/messages";
import { tcRate, type Rational, type TcRate } from "../player/timecode";
import type { Mapping, Side } from "./mapping";

export type Which = "left" | "right";

export interface Film {
  addresses: Addresses;
  audio: string | null;
  rate: Rational;
  base: number;
  drop: boolean;
  start: number;
  timecode: boolean;
  first_file: number | null;
}

export interface PairDoor {
  make_worker: () => Worker;
  renew: (which: Which) => Promise<Addresses>;
  map: (left: Side, right: Side) => Mapping;
  changed: () => void;
  drawn: () => void; // both stand
}

const AHEAD = 48;

// One side: what it is, and the picture that was asked for last.
class Half {
  seen: TrackSeen | null = null;
  times: Side["times"] = null;
  shown = -1; // on the canvas; -1: nothing, or there is no such frame
  wanted: number | null = null;
  id = 0;
  came: { picture: VideoFrame; width: number; height: number } | null = null;
  waits_times = false;
  fault: string | null = null;
  private worker: Worker;
  private pen: CanvasRenderingContext2D | null;

  constructor(readonly canvas: HTMLCanvasElement, private film: Film, door: PairDoor, which: Which, private heard: (here: Half) => void) {
    this.pen = canvas.getContext("2d", { alpha: false });
    this.worker = door.make_worker();
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "stale") void door.renew(which).then((addresses) => this.tell({ kind: "addresses", addresses }), () => undefined);
      else this.take(data);
    };
    this.worker.onerror = () => { this.fault = "its decoder did not start: load the page again"; heard(this); };
    this.tell({ kind: "open", addresses: film.addresses });
  }

  tell(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private take(m: FromWorker): void {
    switch (m.kind) {
      case "opened":
        this.seen = m.scrub ?? m.review;
        if (!this.seen) this.fault ??= "its pictures did not come";
        else if (this.seen.vfr && !this.times) {
          this.waits_times = true;
          this.tell({ kind: "times" });
        }
        this.heard(this);
        break;
      case "times":
        this.waits_times = false;
        this.times = { at: m.times, scale: m.timescale };
        this.heard(this);
        break;
      case "shown":
        if (m.frame !== this.wanted || m.id !== this.id) return m.picture.close();
        this.fault = null;
        this.came?.picture.close();
        this.came = { picture: m.picture, width: m.width, height: m.height };
        this.heard(this);
        break;
      case "fault":
        this.fault = `${m.fault.what}: ${m.fault.why}`;
        this.heard(this);
        break;
      case "recovered":
        this.fault = null;
        this.heard(this);
        break;
      default:
    }
  }

  // null: there is no such frame.
  want(frame: number | null, moving: boolean): void {
    if (frame !== null && frame === this.wanted && moving) return;
    this.came?.picture.close();
    this.came = null;
    this.wanted = frame;
    this.id++;
    if (frame !== null) this.tell({ kind: "seek", id: this.id, frame, moving });
  }

  get there(): boolean {
    return this.wanted === null || this.came !== null || this.shown === this.wanted;
  }

  draw(): void {
    if (this.wanted === null) {
      if (this.shown !== -1) this.pen?.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.shown = -1;
    } else if (this.came) {
      const { picture, width, height } = this.came;
      if (this.canvas.width !== width || this.canvas.height !== height) {
        this.canvas.width = width;
        this.canvas.height = height;
      }
      this.pen?.drawImage(picture, 0, 0, width, height);
      picture.close();
      this.came = null;
      this.shown = this.wanted;
    }
    this.canvas.dataset["shown"] = String(this.shown);
  }

  get count(): number {
    return this.seen?.count ?? 0;
  }

  get tc(): TcRate {
    const rate = this.seen ? { num: this.seen.num, den: this.seen.den } : this.film.rate;
    return tcRate(rate, this.film.base, this.film.drop) ?? { fps: rate, base: Math.max(1, this.film.base), framesPerLabel: 1, drop: false };
  }

  get side(): Side {
    const tc = this.tc;
    return { rate: tc.fps, count: this.count, start: this.film.start, labels: tc.base * tc.framesPerLabel, timecode: this.film.timecode, times: this.times };
  }

  close(): void {
    this.came?.picture.close();
    this.worker.terminate();
  }
}

export class Pair {
  readonly left: Half;
  readonly right: Half;
  frame = 0; // of the left, asked for
  speed = 0;
  heard: Which | null = "left";
  loop = false;
  in_frame: number | null = null;
  out_frame: number | null = null;
  mapping: Mapping | null = null;
  private timer = 0;
  private began = { at: 0, frame: 0 };
  private ahead_to = -1;
  private sound = new Audio();
  private sounding = false;
  private closed = false;

  constructor(canvases: Record<Which, HTMLCanvasElement>, private films: Record<Which, Film>, private door: PairDoor, first: number) {
    this.frame = first;
    const heard = (): void => this.news();
    this.left = new Half(canvases.left, films.left, door, "left", heard);
    this.right = new Half(canvases.right, films.right, door, "right", heard);
  }

  get ready(): boolean {
    const { left, right } = this;
    return left.seen !== null && right.seen !== null && !left.waits_times && !right.waits_times;
  }

  get count(): number {
    return this.left.count;
  }

  private news(): void {
    if (this.closed) return;
    if (this.ready && !this.mapping) {
      this.mapping = this.door.map(this.left.side, this.right.side);
      this.seek(Math.min(this.frame, this.count - 1));
    }
    this.show();
    this.door.changed();
  }

  // Of the mapping, after it was moved.
  remap(): void {
    if (!this.ready) return;
    this.mapping = this.door.map(this.left.side, this.right.side);
    this.seek(this.frame);
  }

  private show(): void {
    const { left, right } = this;
    if (!this.mapping || !left.there || !right.there) return;
    left.draw();
    right.draw();
    this.door.drawn();
  }

  private ask(frame: number, moving: boolean): void {
    this.frame = frame;
    this.left.want(frame, moving);
    this.right.want(this.mapping?.toRight(frame) ?? null, moving);
    this.show();
    this.door.changed();
  }

  private bounded(frame: number): number {
    return Math.max(0, Math.min(this.count - 1, Math.round(frame)));
  }

  // `moving`: the hand is on the bar.
  seek(frame: number, moving = false): void {
    if (!this.mapping) {
      this.frame = Math.max(0, frame);
      return;
    }
    if (this.speed !== 0) this.stop();
    this.ask(this.bounded(frame), moving);
  }

  step(frames: number): void {
    this.seek(this.frame + frames);
  }

  private stop(): void {
    this.speed = 0;
    cancelAnimationFrame(this.timer);
    this.sound.pause();
    this.sounding = false;
  }

  setSpeed(speed: number): void {
    if (!this.mapping || this.count === 0) return;
    if (speed === 0) return this.seek(this.frame);
    const [first, last] = this.bounds();
    if (speed > 0 && this.frame >= last) this.frame = first;
    if (speed < 0 && this.frame <= first && this.loop) this.frame = last;
    cancelAnimationFrame(this.timer);
    this.speed = speed;
    this.begin(this.frame);
    this.timer = requestAnimationFrame(() => this.tick());
    this.door.changed();
  }

  private bounds(): [number, number] {
    return this.loop ? [this.in_frame ?? 0, this.out_frame ?? this.count - 1] : [0, this.count - 1];
  }

  private rate_of(which: Which): number {
    const { num, den } = this[which].tc.fps;
    return num / den;
  }

  private begin(frame: number): void {
    this.began = { at: performance.now(), frame };
    this.ahead_to = frame;
    this.sounding = false;
    this.sound.pause();
    const { heard } = this;
    const address = heard ? this.films[heard].audio : null;
    const own = heard === "right" ? (this.mapping?.toRight(frame) ?? null) : frame;
    if (!heard || !address || own === null || this.speed < 0.5 || this.speed > 2) return;
    if (this.sound.src !== address) this.sound.src = address;
    this.sound.currentTime = own / this.rate_of(heard);
    this.sound.playbackRate = this.speed;
    this.sound.play().then(() => { this.sounding = this.speed > 0; }, () => undefined); // without sound, then
  }

  // The frame that is due.
  private due(): number {
    if (this.sounding && this.heard && !this.sound.ended) {
      const own = Math.floor(this.sound.currentTime * this.rate_of(this.heard) + 1e-6);
      const due = this.heard === "left" ? own : (this.mapping?.toLeft(own) ?? null);
      if (due !== null) {
        this.began = { at: performance.now(), frame: due };
        return due;
      }
    }
    return this.began.frame + Math.trunc(((performance.now() - this.began.at) / 1000) * this.rate_of("left") * this.speed);
  }

  private read_ahead(): void {
    const way = Math.sign(this.speed);
    if (way * (this.ahead_to - this.frame) > AHEAD / 2) return;
    const from = this.frame, to = this.bounded(this.frame + way * AHEAD);
    this.ahead_to = to;
    this.left.tell({ kind: "ahead", from: Math.min(from, to), to: Math.max(from, to) });
    const a = this.mapping?.toRight(from) ?? null, b = this.mapping?.toRight(to) ?? null;
    if (a !== null && b !== null) this.right.tell({ kind: "ahead", from: Math.min(a, b), to: Math.max(a, b) });
  }

  private tick(): void {
    if (this.closed || this.speed === 0) return;
    const [first, last] = this.bounds();
    const standing = this.left.there && this.right.there;
    if (standing) {
      const due = Math.max(first, Math.min(last, this.due()));
      if (due !== this.frame) {
        this.ask(due, true);
        this.read_ahead();
      }
      const end = this.speed > 0 ? last : first;
      if (this.frame === end && this.left.there && this.right.there) {
        if (!this.loop) return this.seek(end);
        this.begin(this.speed > 0 ? first : last);
      }
    }
    this.timer = requestAnimationFrame(() => this.tick());
  }

  hear(which: Which | null): void {
    this.heard = which;
    if (this.speed !== 0) this.begin(this.frame);
    this.door.changed();
  }

  close(): void {
    this.closed = true;
    this.stop();
    this.sound.removeAttribute("src");
    this.left.close();
    this.right.close();
  }
}

export type { Address };
