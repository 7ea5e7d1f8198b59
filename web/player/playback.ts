/*
 * The <video> side of the player: forward at up to 2x, with sound. It is fed from the review proxy by
 * MediaSource, by whole fragments found through the frame index: so it needs no index inside the MP4
 * (a growing one has none), plays up to what exists, and survives new addresses.
 *
 * A fragment begins with its `moof` somewhere between the last sample of the group before and the
 * first of this one; sound may lie there too. The box is believed when it is followed by `mdat`.
 *
 * Where the browser has no MediaSource the element gets the file's address and seeks by itself.
 * Either way it is only ever asked for the centre of a frame, and only requestVideoFrameCallback says
 * which frame is seen.
 */
import { Bytes, type BytesDoor } from './bytes';
import { codecOf, frameAtTime } from './frameindex';
import { IndexFile } from './indexfile';
import type { Address } from './messages';
import { frameCentreSeconds, frameOfMediaTime } from './timecode';

const AHEAD_S = 12;
const READY_S = 1.5; // while it stands: enough to start at once, and little that a seek would wait behind
const AHEAD_BYTES = 48 << 20; // the browser has room for about three times this
const BEHIND_S = 20;
const CHUNK_BYTES = 1 << 20; // a request; twice as much each time while nothing can be shown
const MOST_CHUNK_BYTES = 8 << 20;

export interface PlaybackNews {
  frame: (frame: number) => void; // this frame is on the screen now
  ended: () => void;
  waiting: (waiting: boolean) => void;
  failed: (why: string) => void;
}

function boxes(bytes: Uint8Array, at: number): { size: number; type: string } | null {
  if (at + 8 > bytes.length) return null;
  const v = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  return { size: v.getUint32(0, false), type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)) };
}

// Where a fragment's moof begins in `bytes`, or -1.
export function findMoof(bytes: Uint8Array): number {
  for (let at = 0; at + 8 <= bytes.length; at++) {
    if (bytes[at + 4] !== 0x6d || bytes[at + 5] !== 0x6f) continue; // "mo"
    const box = boxes(bytes, at);
    if (box?.type !== 'moof') continue;
    if (boxes(bytes, at + box.size)?.type === 'mdat') return at;
  }
  return -1;
}

// The bytes before the first fragment: ftyp and moov. -1 when they do not end in `bytes`.
export function initEnd(bytes: Uint8Array): number {
  let at = 0;
  for (let box = boxes(bytes, at); box; box = boxes(bytes, at)) {
    if (box.type === 'moof' || box.type === 'sidx' || box.type === 'mdat') return at;
    if (box.size < 8) return -1;
    at += box.size;
  }
  return -1;
}

function holds(bytes: Uint8Array, word: string): boolean {
  for (let i = 0; i + 4 <= bytes.length; i++) {
    if ([0, 1, 2, 3].every((k) => bytes[i + k] === word.charCodeAt(k))) return true;
  }
  return false;
}

export class Playback {
  readonly video: HTMLVideoElement;
  private bytes: Bytes | null = null;
  private file: IndexFile | null = null;
  private source: MediaSource | null = null;
  private buffer: SourceBuffer | null = null;
  private init: Uint8Array | null = null;
  private at = 0; // next byte to append
  private chunk = CHUNK_BYTES;
  private coming: { from: number; to: number; data: Promise<Uint8Array> } | null = null;
  private line = new AbortController(); // ends what is being fetched
  private resting = false; // an exact seek has the line
  private inside = false; // `at` goes on from appended bytes
  private pumping = false;
  private epoch = 0; // grows with each reposition: older fetches are dropped
  private finished = false;
  private times: Float64Array | null = null;
  private fps = { num: 25, den: 1 };
  private timescale = 1;
  private firstTime = 0;
  private wanted = -1; // frame that the element was last sent to
  private landed = false; // a picture near `wanted` was seen
  private closed = false;
  lastFrame = -1;

  constructor(video: HTMLVideoElement, private door: BytesDoor, private news: PlaybackNews) {
    this.video = video;
    video.preload = 'auto';
    video.playsInline = true;
    video.addEventListener('waiting', () => this.news.waiting(true));
    video.addEventListener('playing', () => this.news.waiting(false));
    video.addEventListener('ended', () => this.news.ended());
    video.addEventListener('timeupdate', () => void this.pump());
    video.addEventListener('seeking', () => void this.pump());
    video.addEventListener('play', () => void this.pump());
    // A seek before the element knows how long the film is lands at 0: it is said again then.
    for (const known of ['loadedmetadata', 'durationchange']) {
      video.addEventListener(known, () => {
        if (this.wanted >= 0 && !this.landed) this.video.currentTime = this.centre(this.wanted);
      });
    }
    video.addEventListener('error', () => {
      if (!this.closed && video.error) this.news.failed(video.error.message || 'the browser cannot play this proxy');
    });
    this.listen();
  }

  private listen(): void {
    this.video.requestVideoFrameCallback((_now, seen) => {
      if (this.closed) return;
      this.lastFrame = this.frameOf(seen.mediaTime);
      if (Math.abs(this.lastFrame - this.wanted) <= 2) this.landed = true;
      this.news.frame(this.lastFrame);
      this.listen();
    });
  }

  private frameOf(seconds: number): number {
    // Half a microsecond short counts as there: the browser keeps whole microseconds.
    const n = this.times ? frameAtTime(this.times, (seconds + 2e-6) * this.timescale)
      : frameOfMediaTime(seconds - this.firstTime, this.fps);
    return Math.max(0, Math.min(n, Math.max(0, this.count - 1)));
  }

  private centre(frame: number): number {
    if (this.times) {
      const t = this.times[frame] ?? 0;
      const next = this.times[frame + 1] ?? t + (this.timescale * this.fps.den) / this.fps.num;
      return (t + next) / 2 / this.timescale;
    }
    return this.firstTime + frameCentreSeconds(frame, this.fps);
  }

  get count(): number {
    return this.file?.index.count ?? 0;
  }
  get ready(): boolean {
    return this.file !== null;
  }
  get complete(): boolean {
    return this.file?.index.complete ?? false;
  }

  async open(address: Address): Promise<string | null> {
    this.bytes = new Bytes(address.media, this.door);
    const file = await IndexFile.open(new Bytes(address.index, this.door), address.growing);
    if (typeof file === 'string') return file;
    const { header } = file.index;
    this.fps = { num: header.num, den: header.den };
    this.timescale = header.timescale;
    if (file.index.count > 0) this.firstTime = file.index.time(0) / header.timescale;
    if (header.vfr) this.times = await file.times();
    const Kind = window.MediaSource ?? (window as unknown as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;
    if (Kind) {
      const head = await this.bytes.get(0, 64 << 10);
      const end = initEnd(head);
      if (end < 0) return 'the review proxy is not fragmented as expected';
      this.init = head.slice(0, end);
      const type = `video/mp4; codecs="${codecOf(header.avcC) ?? ''}${holds(this.init, 'mp4a') ? ', mp4a.40.2' : ''}"`;
      if (!Kind.isTypeSupported(type)) return `this browser does not play ${type}`;
      const source = new Kind();
      this.source = source;
      this.video.disableRemotePlayback = true;
      this.video.src = URL.createObjectURL(source);
      await new Promise<void>((opened) => source.addEventListener('sourceopen', () => opened(), { once: true }));
      URL.revokeObjectURL(this.video.src);
      this.buffer = source.addSourceBuffer(type);
      this.buffer.addEventListener('updateend', () => void this.pump());
      this.buffer.appendBuffer(this.init as BufferSource);
      this.file = file;
      this.setDuration();
    } else {
      this.video.crossOrigin = 'anonymous';
      this.video.src = address.media;
      this.file = file;
    }
    return null;
  }

  move(address: Address): void {
    this.bytes?.move(address.media);
    if (this.file) this.file.growing = address.growing;
    if (!this.source && this.video.src !== address.media) {
      const t = this.video.currentTime;
      this.video.src = address.media;
      this.video.currentTime = t;
    }
  }

  private setDuration(): void {
    const source = this.source;
    if (!source || source.readyState !== 'open' || this.buffer?.updating) return;
    const seconds = this.firstTime + (this.count * this.fps.den) / this.fps.num;
    if (!(source.duration >= seconds)) source.duration = seconds;
  }

  async grow(): Promise<void> {
    if (!this.file || this.complete) return;
    while (await this.file.grow()) { /* to the present end */ }
    if (this.file.index.header.vfr) this.times = await this.file.times();
    void this.pump();
  }

  private buffered(t: number): number {
    const b = this.video.buffered;
    for (let i = 0; i < b.length; i++) {
      if (t >= b.start(i) - 0.05 && t < b.end(i)) return b.end(i);
    }
    return -1;
  }

  // Enough is there ahead of the playhead, in seconds or, of a heavy proxy, in bytes.
  private enough(file: IndexFile): boolean {
    const now = this.video.currentTime;
    const ahead = this.buffered(now) - now;
    if (ahead > (this.video.paused ? READY_S : AHEAD_S)) return true;
    const frame = this.frameOf(now);
    return ahead > 1 && file.index.has(frame) && this.at - file.index.offset(frame) > AHEAD_BYTES;
  }

  // Appends what is missing ahead of the playhead. The next request is under way while these bytes are appended.
  private async pump(): Promise<void> {
    const { buffer, file, bytes, source } = this;
    if (!buffer || !file || !bytes || !source || this.pumping || buffer.updating || this.closed || this.resting) return;
    if (source.readyState === 'closed') return;
    this.setDuration();
    if (this.wanted < 0 || this.enough(file)) return;
    this.pumping = true;
    const epoch = this.epoch;
    let appended = false;
    try {
      if (!this.inside) await this.position(this.frameOf(this.video.currentTime));
      if (this.finished || epoch !== this.epoch) return;
      const { index } = file;
      const from = this.at;
      if (this.coming?.from !== from) this.coming = await this.ask(file, bytes, from);
      if (!this.coming) return;
      const { to } = this.coming;
      let data = await this.coming.data;
      if (epoch !== this.epoch) return;
      const whole = data.length;
      const first = !this.inside;
      if (first) {
        const moof = findMoof(data);
        if (moof < 0) throw new Error('no fragment begins where the index says');
        data = data.subarray(moof);
        this.inside = true;
      }
      const last = index.complete && whole < to - from;
      this.at = from + whole;
      const soon = last || this.enough(file) ? null : await this.ask(file, bytes, this.at);
      if (data.length > 0) appended = await this.append(buffer, data);
      if (data.length > 0 && !appended) {
        // No room: from these bytes again when the playhead has moved.
        this.at = from;
        this.inside = this.inside && !first;
        return;
      }
      if (epoch !== this.epoch) return;
      this.coming = soon;
      this.finished = last;
      this.chunk = this.buffered(this.video.currentTime) < 0 ? Math.min(this.chunk * 2, MOST_CHUNK_BYTES) : CHUNK_BYTES;
      if (this.finished && source.readyState === 'open' && !buffer.updating) source.endOfStream();
    } catch (e) {
      if (epoch === this.epoch) this.news.failed(e instanceof Error ? e.message : String(e));
    } finally {
      this.pumping = false;
    }
    // Again until there is enough: a fragment may be larger than one request, and what is not whole yet moves no clock.
    if (appended || epoch !== this.epoch) void this.pump();
  }

  // Begins to fetch from this byte; null where a growing file has no more yet.
  private async ask(file: IndexFile, bytes: Bytes, from: number): Promise<Playback['coming']> {
    const { index } = file;
    // The end of what may be read: the last known sample, or, when complete, everything behind it.
    let to = from + this.chunk;
    if (!index.complete) {
      await file.need(index.count - 1);
      to = Math.min(to, index.offset(index.count - 1) + index.size(index.count - 1));
      if (to <= from) return null;
    }
    const data = bytes.get(from, to, this.line.signal);
    data.catch(() => undefined); // whoever waits for it is told; nobody may be, by then
    return { from, to, data };
  }

  // Nothing that was asked for is wanted any more.
  private forget(): void {
    this.epoch++;
    this.line.abort();
    this.line = new AbortController();
    this.coming = null;
    this.chunk = CHUNK_BYTES;
  }

  // The line and the processor are for an exact seek; go() and play() end this.
  rest(): void {
    if (this.resting) return;
    this.resting = true;
    this.forget();
  }

  // False where the browser has no room for it now.
  private append(buffer: SourceBuffer, data: Uint8Array): Promise<boolean> {
    return new Promise((done, refuse) => {
      const put = (): void => {
        try {
          buffer.appendBuffer(data as BufferSource);
          buffer.addEventListener('updateend', () => done(true), { once: true });
        } catch (e) {
          if (!(e instanceof DOMException && e.name === 'QuotaExceededError')) return refuse(e as Error);
          drop(0, put);
        }
      };
      const drop = (least: number, then: () => void): void => {
        const until = this.video.currentTime - (least || 2);
        const start = this.video.buffered.length ? this.video.buffered.start(0) : 0;
        if (until <= start || buffer.updating) {
          if (least) return then();
          if (this.buffered(this.video.currentTime) - this.video.currentTime > 0.5) return done(false);
          return refuse(new Error('the browser has no room for more'));
        }
        buffer.addEventListener('updateend', then, { once: true });
        buffer.remove(0, until);
      };
      const start = this.video.buffered.length ? this.video.buffered.start(0) : 0;
      if (this.video.currentTime - start > BEHIND_S * 2) drop(BEHIND_S, put);
      else put();
    });
  }

  // Makes ready to append from the group of this frame.
  private async position(frame: number): Promise<void> {
    const { file, buffer, source } = this;
    if (!file || !buffer || !source) return;
    const group = await file.group(Math.min(frame, Math.max(0, file.index.count - 1)));
    const key = group[0] ?? 0;
    if (key > 0) await file.need(key - 1);
    // Only one stretch is ever buffered, so that `at` always goes on from its end.
    if (source.readyState !== 'closed' && !buffer.updating) {
      if (source.readyState === 'open') buffer.abort();
      if (buffer.buffered.length > 0) {
        await new Promise<void>((done) => {
          buffer.addEventListener('updateend', () => done(), { once: true });
          buffer.remove(0, Infinity);
        });
      }
    }
    this.at = key > 0 ? file.index.offset(key - 1) + file.index.size(key - 1) : this.init?.length ?? 0;
    this.inside = false;
    this.finished = false;
  }

  // Sends the element to the centre of a frame; it will be told by news.frame.
  go(frame: number): void {
    if (!this.file) return;
    const t = this.centre(Math.max(0, Math.min(frame, this.count - 1)));
    this.wanted = frame;
    this.landed = false;
    this.resting = false;
    if (this.buffered(t) < 0) {
      this.forget();
      this.inside = false;
      this.finished = false;
    }
    if (this.source && this.source.readyState === 'open') this.setDuration();
    this.video.currentTime = t;
    void this.pump();
  }

  // Already standing at this frame, buffered and ready to run.
  standsAt(frame: number): boolean {
    return this.wanted === frame && this.video.paused && !this.video.seeking && this.video.readyState >= 3;
  }

  async play(frame: number, speed: number): Promise<void> {
    if (!this.standsAt(frame) || this.lastFrame !== frame) this.go(frame);
    this.video.playbackRate = speed;
    this.wanted = frame;
    this.resting = false;
    await this.video.play();
  }

  pause(): void {
    this.video.pause();
    this.wanted = this.lastFrame;
  }

  close(): void {
    this.closed = true;
    this.forget();
    this.video.pause();
    this.video.removeAttribute('src');
    this.video.load();
  }
}
