/*
 * One proxy, open for exact frames: its index by pages, its compressed samples in a bounded cache, one
 * decoder that is kept, and a window of decoded frames round the playhead.
 *
 * Numbers, not seconds: a chunk's timestamp is its frame number, so the decoder hands back pictures
 * under the number they were asked by. Every feed begins at a key frame and ends with flush(), which
 * drains the decoder's threads. (optimizeForLatency would switch those threads off: measured 1.4 to
 * 2.6 times slower in long groups.)
 *
 * Decoding is asked for in software where it can be had: a hardware decoder has a handful of surfaces,
 * stops when we keep them, and buys nothing at these sizes. Where only hardware answers, the window is
 * made small enough for it.
 */
import { Bytes } from './bytes';
import type { BytesDoor } from './bytes';
import { codecOf, coalesce } from './frameindex';
import type { FrameIndex } from './frameindex';
import { IndexFile } from './indexfile';
import type { Address, Source, TrackSeen } from './messages';

interface Span {
  frames: number[];
  bytes: number;
  used: number;
}

export interface TrackLimits {
  cacheBytes: number;
  windowFrames: number;
}

export class Track {
  private file: IndexFile | null = null;
  seen: TrackSeen | null = null;
  private media: Bytes;
  private indexBytes: Bytes;
  private growing: boolean;

  private samples = new Map<number, { data: Uint8Array; span: Span }>();
  private spans = new Set<Span>();
  private cached = 0;
  private coming = new Map<number, Promise<void>>();
  private clock = 0;

  private decoder: VideoDecoder | null = null;
  private config: VideoDecoderConfig | null = null;
  private window = new Map<number, VideoFrame>();
  private waiters = new Map<number, { resolve: (got: boolean) => void }[]>();
  private fed = new Map<number, boolean>(); // given to the decoder, not come out yet; true: only read ahead
  playhead = 0;
  direction = 0;

  constructor(readonly source: Source, address: Address, door: BytesDoor, private limits: TrackLimits) {
    this.media = new Bytes(address.media, door);
    this.indexBytes = new Bytes(address.index, door);
    this.growing = address.growing;
  }

  move(address: Address): void {
    this.media.move(address.media);
    this.indexBytes.move(address.index);
    this.growing = address.growing;
    if (this.file) this.file.growing = address.growing;
  }

  async open(): Promise<string | null> {
    const file = await IndexFile.open(this.indexBytes, this.growing);
    if (typeof file === 'string') return file;
    this.file = file;
    const { header } = file.index;
    const codec = codecOf(header.avcC);
    if (!codec) return 'the proxy is not H.264 as this page expects';
    this.seen = {
      num: header.num, den: header.den, timescale: header.timescale, width: header.width, height: header.height,
      count: file.index.count, complete: file.index.complete, vfr: header.vfr, drop: header.drop, base: header.base,
      framesPerLabel: header.framesPerLabel, startFrame: header.startFrame, firstFile: header.firstFile, codec,
    };
    const config: VideoDecoderConfig = {
      codec, description: header.avcC, codedWidth: header.width, codedHeight: header.height,
      hardwareAcceleration: 'prefer-software',
    };
    if (!(await VideoDecoder.isConfigSupported(config)).supported) {
      config.hardwareAcceleration = 'no-preference';
      this.limits.windowFrames = Math.min(6, this.limits.windowFrames);
      if (!(await VideoDecoder.isConfigSupported(config)).supported) return `this browser does not decode ${codec}`;
    }
    this.config = config;
    return null;
  }

  get index(): FrameIndex | null {
    return this.file?.index ?? null;
  }
  get count(): number {
    return this.index?.count ?? 0;
  }
  get complete(): boolean {
    return this.index?.complete ?? false;
  }

  async grow(): Promise<boolean> {
    const more = await this.file?.grow() ?? false;
    if (this.seen) {
      this.seen.count = this.count;
      this.seen.complete = this.complete;
    }
    return more;
  }

  async times(): Promise<Float64Array> {
    return this.file ? this.file.times() : new Float64Array(0);
  }
  async lead(frame: number): Promise<number[]> {
    return this.file ? this.file.lead(frame) : [];
  }
  async group(frame: number): Promise<number[]> {
    return this.file ? this.file.group(frame) : [];
  }

  // ---- compressed samples

  async fetch(frames: number[], signal?: AbortSignal): Promise<void> {
    const index = this.index;
    if (!index) return;
    for (const f of frames) if (!index.has(f)) await this.file?.need(f);
    const waits: Promise<void>[] = [];
    const wanted: number[] = [];
    for (const f of frames) {
      const held = this.samples.get(f);
      const coming = this.coming.get(f);
      if (held) held.span.used = ++this.clock;
      else if (coming) waits.push(coming);
      else wanted.push(f);
    }
    for (const run of coalesce(index, wanted.sort((a, b) => a - b))) {
      const got = this.media.get(run.from, run.to, signal).then((bytes) => {
        if (bytes.length < run.to - run.from) throw new Error('the proxy ends before the frame asked for');
        this.keep(run.frames, run.from, bytes);
      }).finally(() => {
        for (const f of run.frames) this.coming.delete(f);
      });
      for (const f of run.frames) this.coming.set(f, got);
      waits.push(got);
    }
    const results = await Promise.allSettled(waits);
    const bad = results.find((r) => r.status === 'rejected');
    if (!bad) return;
    // A fetch that somebody else began and abandoned is not our failure: ask again.
    if (!signal?.aborted && isAbort(bad.reason)) return this.fetch(frames, signal);
    throw bad.reason;
  }

  private keep(frames: number[], base: number, bytes: Uint8Array): void {
    const index = this.index;
    if (!index) return;
    const span: Span = { frames, bytes: bytes.length, used: ++this.clock };
    for (const f of frames) {
      const at = index.offset(f) - base;
      this.samples.set(f, { data: bytes.subarray(at, at + index.size(f)), span });
    }
    this.spans.add(span);
    this.cached += bytes.length;
    while (this.cached > this.limits.cacheBytes && this.spans.size > 1) {
      let oldest = span;
      for (const s of this.spans) if (s.used < oldest.used) oldest = s;
      for (const f of oldest.frames) if (this.samples.get(f)?.span === oldest) this.samples.delete(f);
      this.spans.delete(oldest);
      this.cached -= oldest.bytes;
    }
  }

  hasBytes(frame: number): boolean {
    return this.samples.has(frame);
  }

  // What is here in compressed form, as ranges of frames, for the bar.
  held(): [number, number][] {
    const out: [number, number][] = [];
    for (const f of [...this.samples.keys()].sort((a, b) => a - b)) {
      const last = out[out.length - 1];
      if (last && f - last[1] <= 2) last[1] = f;
      else out.push([f, f]);
    }
    return out;
  }

  // ---- decoding

  frame(n: number): VideoFrame | undefined {
    return this.window.get(n);
  }
  isFed(n: number): boolean {
    return this.fed.has(n);
  }
  decodedAhead(from: number, to: number): number[] {
    return [...this.window.keys()].filter((f) => f >= from && f <= to);
  }

  private ready(): VideoDecoder | null {
    if (!this.config) return null;
    if (this.decoder && this.decoder.state === 'configured') return this.decoder;
    const decoder = new VideoDecoder({
      output: (picture) => this.cameOut(picture),
      error: () => {
        // The decoder has closed itself; the next feed makes another. Whoever waits is told.
        if (this.decoder === decoder) this.decoder = null;
        this.fed.clear();
        for (const f of [...this.waiters.keys()]) this.tell(f, false);
      },
    });
    decoder.configure(this.config);
    this.decoder = decoder;
    return decoder;
  }

  private tell(frame: number, got: boolean): void {
    const waiting = this.waiters.get(frame);
    this.waiters.delete(frame);
    for (const w of waiting ?? []) w.resolve(got);
  }

  private cameOut(picture: VideoFrame): void {
    const n = picture.timestamp;
    this.fed.delete(n);
    this.window.get(n)?.close();
    this.window.set(n, picture);
    this.tell(n, true);
    this.trim();
  }

  // Closes what lies farthest from the playhead; what lies behind the way it moves counts double.
  private trim(): void {
    while (this.window.size > this.limits.windowFrames) {
      let worst = -1;
      let worstFar = -1;
      for (const f of this.window.keys()) {
        const d = f - this.playhead;
        const far = Math.abs(d) * (this.direction !== 0 && Math.sign(d) === -this.direction ? 2 : 1);
        if (far > worstFar) {
          worstFar = far;
          worst = f;
        }
      }
      this.window.get(worst)?.close();
      this.window.delete(worst);
    }
  }

  // Lets go of what is only read ahead, for a seek that would wait behind it.
  drop(): void {
    if (!this.fed.size || ![...this.fed.values()].every((ahead) => ahead)) return;
    this.decoder?.close();
    this.decoder = null;
    this.fed.clear();
    this.ready();
  }

  // Gives the decoder these frames, whose bytes are here and whose first is a key frame. Resolves when
  // all have come out, or were dropped.
  feed(frames: number[], ahead = false): Promise<void> {
    const decoder = this.ready();
    const index = this.index;
    if (!decoder || !index) return Promise.reject(new Error('no decoder'));
    for (const f of frames) {
      const sample = this.samples.get(f);
      if (!sample) break; // gone from the cache meanwhile: what was fed still comes out
      decoder.decode(new EncodedVideoChunk({ type: index.key(f) ? 'key' : 'delta', timestamp: f, data: sample.data }));
      this.fed.set(f, ahead);
    }
    return decoder.flush().catch(() => undefined).then(() => {
      for (const f of frames) this.tell(f, this.window.has(f));
    });
  }

  // True when the frame came out, false when the decoder refused.
  arrived(frame: number): Promise<boolean> {
    if (this.window.has(frame)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const list = this.waiters.get(frame) ?? [];
      list.push({ resolve });
      this.waiters.set(frame, list);
    });
  }

  close(): void {
    if (this.decoder && this.decoder.state !== 'closed') this.decoder.close();
    for (const picture of this.window.values()) picture.close();
    this.window.clear();
  }
}

export function isAbort(e: unknown): boolean {
  return e instanceof DOMException && e.name === 'AbortError';
}
