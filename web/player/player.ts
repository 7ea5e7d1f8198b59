/*
 * The player: one picture, one playhead, whole frames.
 *
 * It stacks a canvas (exact side, fed by the decode worker) and a <video> (playing with sound) in one
 * box and decides which is seen. The playhead has two numbers: `frame`, which is asked for and named on
 * the screen, and `shown`, which the picture is. They differ only while a seek is on its way, and then
 * the box is dimmed: the picture never passes for another.
 *
 * Handing over: to <video> at the centre of the frame that stands, shown only when its first picture is
 * there; back at the frame that requestVideoFrameCallback named last. <video> leaves the screen only when the
 * canvas has a new picture: what it held before is from where playing began.
 *
 * Without WebCodecs (a page that is not secure, or an old browser) the <video> does all, by frame
 * centres; `exactness` says so. Without a picture (sound alone) positions are samples.
 */
import { looking } from './looking';
import type { Address, Addresses, Fault, FromWorker, ToWorker, TrackSeen } from './messages';
import { Playback } from './playback';
import type { Sound } from './sound';
import { parseRational, tcRate, roundedRate, type Rational, type TcRate } from './timecode';

export interface Media extends Addresses {
  audio?: string; // all channels of the first sound
  poster?: string;
  picture: boolean; // false: sound alone
  rate: string; // "24000/1001"; of sound "48000/1"
  durationFrames: number;
  startFrame: number;
  base: number;
  framesPerLabel: number;
  drop: boolean;
  firstFile: number | null;
  aspect: number; // upright, square pixels
}

export type Exactness = 'exact' | 'video' | 'sound' | 'still';

export interface PlayerState {
  status: 'empty' | 'opening' | 'ready' | 'failed';
  exactness: Exactness;
  frame: number;
  shown: number; // -1: nothing yet
  from: 'scrub' | 'review' | 'video' | 'poster' | '';
  count: number; // frames that exist now
  total: number; // frames there will be
  growing: boolean;
  speed: number;
  waiting: boolean;
  concealed: boolean;
  inFrame: number | null;
  outFrame: number | null;
  loop: boolean;
  held: [number, number][];
  fault: Fault | null;
  volume: number;
  muted: boolean;
  rate: Rational;
  tc: TcRate;
  startFrame: number;
  firstFile: number | null;
  sampleSteps: boolean; // positions are samples
  zoom: number; // 0 fits; else picture pixels a CSS pixel
}

export interface PlayerDoor {
  makeWorker: () => Worker;
  renew: () => Promise<Addresses>; // fresh signed addresses
}

const LOOKS_MS = 100; // between two words to the other tabs; they mind one for half a second

const CLAMP = (n: number, low: number, high: number): number => Math.max(low, Math.min(high, n));

export function emptyState(): PlayerState {
  const rate = { num: 25, den: 1 };
  return {
    status: 'empty', exactness: 'exact', frame: 0, shown: -1, from: '', count: 0, total: 0, growing: false, speed: 0,
    waiting: false, concealed: false, inFrame: null, outFrame: null, loop: false, held: [], fault: null, volume: 1,
    muted: false, rate, tc: { fps: rate, base: 25, framesPerLabel: 1, drop: false }, startFrame: 0, firstFile: null,
    sampleSteps: false, zoom: 0,
  };
}

export class Player {
  state: PlayerState = emptyState();
  readonly box: HTMLDivElement; // holds the picture; overlays go in `over`
  readonly over: HTMLDivElement;
  readonly canvas: HTMLCanvasElement;
  readonly video: HTMLVideoElement;
  private pen: CanvasRenderingContext2D | null;
  private eye = looking();
  private looked = -Infinity; // when the others were told
  private worker: Worker | null = null;
  private playback: Playback | null = null;
  private media: Media | null = null;
  private listeners = new Set<(s: PlayerState) => void>();
  private id = 0;
  private mode: 'still' | 'starting' | 'video' | 'settling' | 'run' = 'still';
  private prepareTimer = 0;
  private growTimer = 0;
  private soundTimer = 0;
  private sound: Sound | null = null;
  private closed = false;
  private pan = { x: 0, y: 0 };
  private ownPixels = 0;
  private proxied = { width: 0, height: 0 }; // of the larger proxy
  private sizes: ResizeObserver;
  private renewing: Promise<void> | null = null;

  constructor(private host: HTMLElement, private door: PlayerDoor) {
    this.box = document.createElement('div');
    this.box.className = 'picture';
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'picture-exact';
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('aria-label', 'Picture');
    this.video = document.createElement('video');
    this.video.className = 'picture-video';
    this.video.setAttribute('aria-hidden', 'true');
    this.video.tabIndex = -1;
    this.over = document.createElement('div');
    this.over.className = 'picture-over';
    this.box.append(this.canvas, this.video, this.over);
    host.append(this.box);
    this.pen = this.canvas.getContext('2d', { alpha: false });
    this.sizes = new ResizeObserver(() => this.layout());
    this.sizes.observe(host);
  }

  // Calls `listener` now and at every change; the answer stops it.
  subscribe(listener: (s: PlayerState) => void): () => void {
    this.listeners.add(listener);
    listener(this.state);
    return () => this.listeners.delete(listener);
  }

  private set(change: Partial<PlayerState>): void {
    this.state = { ...this.state, ...change };
    const { frame, shown } = this.state;
    // For people who look on with tools, and for tests: what is named, what is seen.
    this.box.dataset['frame'] = String(frame);
    this.box.dataset['shown'] = String(shown);
    this.box.dataset['from'] = this.state.from;
    const behind = this.mode === 'still' && frame !== shown && this.state.status === 'ready' && this.state.exactness !== 'sound';
    this.box.classList.toggle('on-its-way', behind);
    for (const l of this.listeners) l(this.state);
  }

  // ---- opening

  // `frame`: the one to show first.
  async open(media: Media, frame = 0): Promise<void> {
    this.media = media;
    const rate = parseRational(media.rate) ?? { num: 25, den: 1 };
    const tc = tcRate(rate, media.base, media.drop) ?? tcRate(rate, roundedRate(rate), false) ??
      { fps: rate, base: 25, framesPerLabel: 1, drop: false };
    const still = media.picture && media.durationFrames <= 1;
    const canDecode = typeof VideoDecoder === 'function' && this.pen !== null;
    const exactness: Exactness = !media.picture ? 'sound' : canDecode ? 'exact' : still ? 'still' : 'video';
    this.set({
      status: 'opening', exactness, rate, tc, frame: Math.max(0, Math.round(frame)), startFrame: media.startFrame, firstFile: media.firstFile,
      total: media.durationFrames, sampleSteps: !media.picture,
      growing: media.scrub?.growing === true || media.review?.growing === true,
    });
    this.layout();
    if (exactness === 'sound') return this.openSound(media);
    if (exactness === 'still') {
      this.set({ status: 'ready', count: 1, frame: 0, shown: 0, from: 'poster' });
      return;
    }
    if (exactness === 'exact') this.openWorker(media);
    await this.openPlayback(media);
  }

  private tell(message: ToWorker): void {
    this.worker?.postMessage(message);
  }

  private openWorker(media: Media): void {
    const worker = this.door.makeWorker();
    this.worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.heard(data);
    worker.onerror = () => this.set({
      status: 'failed',
      fault: { what: 'the player did not start', why: 'its decode worker stopped', fix: 'Load the page again.', fatal: true },
    });
    const { scrub, review } = media;
    this.tell({ kind: 'open', addresses: { ...(scrub && { scrub }), ...(review && { review }) } });
    this.growTimer = window.setInterval(() => void this.playback?.grow(), 1000);
  }

  private async openPlayback(media: Media): Promise<void> {
    if (!media.review) {
      if (this.state.exactness === 'video') {
        this.set({ status: 'failed', fault: { what: 'nothing to play yet', why: 'the review proxy is not made yet, and this browser (or a page without TLS) has no exact decoder', fix: 'Wait for the proxy, or open the house over https.', fatal: true } });
      }
      return;
    }
    const playback = new Playback(this.video, {
      fetch: (url, init) => fetch(url, init),
      wait: (ms) => new Promise((done) => setTimeout(done, ms)),
      renew: () => this.renew(),
    }, {
      frame: (n) => this.videoFrame(n),
      ended: () => this.videoEnded(),
      waiting: (waiting) => { if (this.mode === 'video') this.set({ waiting }); },
      failed: (why) => this.videoFailed(why),
    });
    try {
      const problem = await playback.open(media.review);
      if (this.closed) return;
      if (problem) return this.videoFailed(problem);
    } catch (e) {
      return this.videoFailed(e instanceof Error ? e.message : String(e));
    }
    this.playback = playback;
    if (this.state.exactness === 'video') {
      this.canvas.hidden = true;
      this.box.classList.add('by-video');
      this.set({ status: 'ready', count: playback.count });
      this.seek(this.state.frame);
    } else if (this.state.status === 'ready') this.prepareSoon();
  }

  private openSound(media: Media): void {
    if (!media.audio) {
      this.set({ status: 'failed', fault: { what: 'nothing to hear yet', why: 'the sound for the page is not made yet', fix: 'Wait for the proxy.', fatal: true } });
      return;
    }
    this.video.crossOrigin = 'anonymous';
    this.video.src = media.audio;
    this.video.addEventListener('ended', () => this.setSpeed(0));
    this.video.addEventListener('error', () => void this.renew().then(() => undefined, () => this.videoFailed('the sound did not come')));
    const place = (): void => {
      if (this.closed) return;
      if (this.state.speed !== 0) {
        const frame = CLAMP(Math.round(this.video.currentTime * this.state.rate.num / this.state.rate.den), 0, this.state.count - 1);
        const { inFrame, outFrame, loop } = this.state;
        if (loop && outFrame !== null && frame > outFrame) this.seek(inFrame ?? 0);
        else this.set({ frame, shown: frame });
      }
      this.soundTimer = requestAnimationFrame(place);
    };
    this.soundTimer = requestAnimationFrame(place);
    this.set({ status: 'ready', count: media.durationFrames, shown: 0 });
    this.seek(this.state.frame);
  }

  // New derived files, or the same under fresh addresses.
  update(media: Media): void {
    const before = this.media;
    if (!before) return;
    this.media = media;
    const { scrub, review } = media;
    const growing = scrub?.growing === true || review?.growing === true;
    this.set({ growing, total: media.durationFrames });
    if (this.state.exactness === 'sound') return;
    if (!this.worker && this.state.exactness === 'exact') return;
    this.tell({ kind: 'addresses', addresses: { ...(scrub && { scrub }), ...(review && { review }) } });
    if (review && this.playback) this.playback.move(review);
    else if (review && !before.review) void this.openPlayback(media);
    this.tell({ kind: 'grew' });
  }

  private renew(): Promise<void> {
    this.renewing ??= this.door.renew().then((addresses) => {
      if (this.media) this.media = { ...this.media, ...addresses };
      this.tell({ kind: 'addresses', addresses });
      if (addresses.review) this.playback?.move(addresses.review);
    }).finally(() => { this.renewing = null; });
    return this.renewing;
  }

  // ---- what the worker says

  private heard(m: FromWorker): void {
    switch (m.kind) {
      case 'opened': {
        const seen: TrackSeen | null = m.scrub ?? m.review;
        if (!seen) {
          this.set({ status: 'failed', fault: this.state.fault ?? { what: 'nothing to show yet', why: 'the proxies are not made yet', fix: 'They appear here as they are made.', fatal: true } });
          return;
        }
        const count = Math.max(m.scrub?.count ?? 0, m.review?.count ?? 0);
        this.proxied = { width: Math.max(m.scrub?.width ?? 0, m.review?.width ?? 0), height: Math.max(m.scrub?.height ?? 0, m.review?.height ?? 0) };
        const first = this.state.status !== 'ready';
        const rate = { num: seen.num, den: seen.den };
        const tc = tcRate(rate, seen.base, seen.drop) ?? this.state.tc;
        this.set({ status: 'ready', count, fault: null, rate, tc, startFrame: seen.startFrame, firstFile: seen.firstFile ?? this.state.firstFile, total: seen.complete ? seen.count : Math.max(this.state.total, count) });
        this.layout();
        if (first && count > 0) this.seek(this.state.frame);
        break;
      }
      case 'grew':
        this.set({
          count: Math.max(this.state.count, m.count),
          total: m.complete ? Math.max(m.count, this.state.count) : Math.max(this.state.total, m.count),
        });
        if (this.state.shown < 0 && this.state.count > 0 && this.mode === 'still') this.seek(this.state.frame);
        break;
      case 'shown':
        // One of a run or a seek that another has replaced: it would stand under a number that is not its own.
        if ((this.mode !== 'run' && this.mode !== 'settling') || m.id === this.id) {
          this.draw(m.picture, m.width, m.height);
          this.pictureShown(m.id, m.frame, m.source, m.concealed);
        }
        m.picture.close();
        break;
      case 'ended':
        if (m.id !== this.id) break;
        this.mode = 'still';
        this.set({ speed: 0, waiting: false, frame: m.frame, shown: m.frame });
        break;
      case 'waiting':
        if (m.id === this.id) this.set({ waiting: m.waiting });
        break;
      case 'held': this.set({ held: m.ranges }); break;
      case 'stale': void this.renew().catch((e: unknown) => this.set({ fault: { what: 'the picture’s address has run out', why: e instanceof Error ? e.message : String(e), fix: 'Log in again, then press R.', fatal: false } })); break;
      case 'fault': this.set({ fault: m.fault }); break;
      case 'recovered': this.set({ fault: null }); break;
      case 'times': break;
    }
  }

  // In its own pixels: the screen makes it as large as the box, and does that once. Where single pixels are seen, in those
  // of the larger proxy, so that they do not change their size when the two take turns.
  private draw(picture: VideoFrame, width: number, height: number): void {
    this.proxied = { width, height };
    const { canvas } = this;
    const single = this.box.classList.contains('over-100');
    const across = single ? width : Math.min(width, picture.displayWidth), down = single ? height : Math.min(height, picture.displayHeight);
    if (canvas.width !== across || canvas.height !== down) {
      canvas.width = across;
      canvas.height = down;
    }
    this.pen?.drawImage(picture, 0, 0, across, down);
  }

  private pictureShown(id: number | null, frame: number, from: 'scrub' | 'review', concealed: boolean): void {
    if (this.mode === 'run') {
      this.box.classList.remove('by-video');
      this.set({ frame, shown: frame, from, concealed });
      return;
    }
    if (this.mode === 'settling') {
      // The canvas holds the frame that <video> stopped on: they may change places now.
      this.mode = 'still';
      this.box.classList.remove('by-video');
      this.set({ frame, shown: frame, from, concealed });
      this.prepareSoon();
      return;
    }
    if (this.mode === 'video' || this.mode === 'starting') {
      if (!this.box.classList.contains('by-video')) this.set({ shown: frame, from, concealed });
      return;
    }
    this.box.classList.remove('by-video');
    this.set({ shown: frame, from, concealed });
    if (id === this.id) this.prepareSoon();
  }

  // ---- what <video> says

  private videoFrame(n: number): void {
    if (this.state.exactness === 'video') {
      if (this.state.speed === 0) this.set({ shown: n, from: 'video' });
      else this.set({ frame: n, shown: n, from: 'video' });
      this.turnAtOut(n);
      return;
    }
    if (this.mode === 'starting') {
      // Its first picture after play: before that the canvas stays.
      // A picture from before the seek may still be announced; one far from the clock is such a one.
      const clock = (this.video.currentTime * this.state.rate.num) / this.state.rate.den;
      if (this.video.paused || this.video.seeking || Math.abs(n - clock) > Math.max(3, this.state.tc.base / 2)) return;
      if (n < this.state.frame) {
        this.playback?.go(this.state.frame);
        return;
      }
      this.mode = 'video';
      this.box.classList.add('by-video');
    }
    if (this.mode === 'video') {
      this.set({ frame: n, shown: n, from: 'video', concealed: false });
      this.turnAtOut(n);
    } else if (this.mode === 'settling' && n !== this.state.frame) {
      // One more picture came out after pause(): that one is on the screen, so that one is it.
      this.set({ frame: n, shown: n });
      this.tell({ kind: 'seek', id: ++this.id, frame: n, moving: false });
    } else if (this.box.classList.contains('by-video')) this.set({ shown: n }); // the same, before a seek or a run has its picture
  }

  private turnAtOut(n: number): void {
    const { loop, inFrame, outFrame, speed, count } = this.state;
    if (!loop || speed <= 0) return;
    if (n >= (outFrame ?? count - 1)) this.playback?.go(inFrame ?? 0);
  }

  private videoEnded(): void {
    if (this.state.loop && this.state.speed > 0) {
      const { inFrame, speed } = this.state;
      void this.playback?.play(inFrame ?? 0, speed);
      return;
    }
    if (this.mode === 'video' || this.mode === 'starting' || this.state.exactness === 'video') this.setSpeed(0);
  }

  private videoFailed(why: string): void {
    const fault: Fault = { what: 'playing with sound stopped', why, fix: 'Stepping and scrubbing still work. Press R to try again.', fatal: false };
    if (this.state.exactness !== 'exact') {
      this.set({ status: 'failed', speed: 0, fault: { ...fault, fix: 'Load the page again, or open the house over https for the exact player.', fatal: true } });
      return;
    }
    this.playback?.close();
    this.playback = null;
    const was = this.mode;
    this.mode = 'still';
    this.box.classList.remove('by-video');
    this.set({ fault });
    if (was === 'video' || was === 'starting') {
      // Go on without sound rather than stop in front of people.
      const { speed } = this.state;
      this.set({ speed: 0 });
      this.setSpeed(speed || 1);
    }
  }

  // While it rests: <video> stands ready at the same frame, so that Play answers at once.
  private prepareSoon(): void {
    clearTimeout(this.prepareTimer);
    this.prepareTimer = window.setTimeout(() => {
      if (this.mode === 'still' && this.playback && this.state.frame < this.playback.count && !this.playback.standsAt(this.state.frame)) {
        this.playback.go(this.state.frame);
      }
    }, 250);
  }

  // ---- the playhead

  // `moving`: the hand is on the bar; more seeks follow at once.
  seek(frame: number, moving = false): void {
    const n = CLAMP(Math.round(frame), 0, Math.max(0, this.state.count - 1));
    clearTimeout(this.prepareTimer);
    if (this.state.exactness === 'sound') {
      this.video.currentTime = n * this.state.rate.den / this.state.rate.num;
      this.set({ frame: n, shown: n });
      return;
    }
    if (this.state.exactness === 'video') {
      this.set({ frame: n });
      this.playback?.go(n);
      return;
    }
    if (this.mode === 'video' || this.mode === 'starting') {
      if (moving || this.state.speed === 0) this.leaveVideo();
      else {
        this.set({ frame: n });
        this.playback?.go(n);
        return;
      }
    }
    const speed = this.mode === 'run' && !moving ? this.state.speed : 0;
    this.mode = 'still';
    this.playback?.rest();
    this.id++;
    this.set({ frame: n, speed, waiting: false });
    if (this.state.status !== 'ready') return; // asked for when it opens
    if (speed !== 0) this.startRun(n, speed);
    else {
      const now = performance.now();
      if (now - this.looked > LOOKS_MS) {
        this.eye.postMessage(0);
        this.looked = now;
      }
      this.tell({ kind: 'seek', id: this.id, frame: n, moving });
    }
  }

  private leaveVideo(): void {
    this.playback?.pause();
    this.mode = 'still';
    this.set({ speed: 0 });
  }

  step(frames: number): void {
    if (this.state.speed !== 0) this.setSpeed(0);
    const unit = this.state.sampleSteps ? Math.round(this.state.rate.num / this.state.rate.den / 25) : 1;
    this.seek(this.state.frame + frames * unit);
  }

  // 0 stands, 1 plays, negative runs backward.
  setSpeed(speed: number): void {
    const { state } = this;
    if (state.status !== 'ready' || state.count === 0) return;
    if (state.exactness === 'sound' || state.exactness === 'video') return this.setSpeedByElement(speed);
    if (speed === 0) {
      if (this.mode === 'video' || this.mode === 'starting') {
        const started = this.mode === 'video';
        this.playback?.pause();
        const n = started ? this.playback?.lastFrame ?? state.frame : state.frame;
        this.mode = started ? 'settling' : 'still';
        this.id++;
        this.set({ speed: 0, frame: n, waiting: false });
        this.tell({ kind: 'seek', id: this.id, frame: n, moving: false });
      } else if (this.mode === 'run') {
        this.mode = 'still';
        this.set({ speed: 0, waiting: false });
        this.tell({ kind: 'seek', id: ++this.id, frame: state.frame, moving: false });
      } else this.set({ speed: 0 });
      return;
    }
    let from = this.mode === 'video' ? this.playback?.lastFrame ?? state.frame : state.frame;
    const [first, last] = this.bounds();
    if (speed > 0 && from >= last) from = first;
    if (speed < 0 && from <= first && state.loop) from = last;
    const { playback } = this;
    if (speed > 0 && speed <= 2 && playback && from < playback.count) {
      if (this.mode === 'video') {
        this.video.playbackRate = speed;
        this.set({ speed });
        return;
      }
      this.mode = 'starting';
      this.id++;
      this.set({ speed, frame: from, waiting: false });
      playback.play(from, speed).catch((e: unknown) => {
        if (e instanceof DOMException && e.name === 'NotAllowedError') {
          // The browser wants a click before it makes sound.
          this.mode = 'still';
          this.set({ speed: 0, fault: { what: 'the browser did not start the sound', why: 'it wants a click on the page first', fix: 'Click the picture, or press Space again.', fatal: false } });
        }
      });
      return;
    }
    if (this.mode === 'video' || this.mode === 'starting') playback?.pause();
    this.startRun(from, speed);
  }

  private startRun(from: number, speed: number): void {
    const [first, last] = this.bounds();
    this.mode = 'run';
    this.id++;
    this.set({ speed, waiting: false });
    this.tell({ kind: 'run', id: this.id, from, speed, first, last, loop: this.state.loop });
  }

  // Where playing may go: the range when looping, else all that will exist.
  private bounds(): [number, number] {
    const { loop, inFrame, outFrame, count, growing, total } = this.state;
    const end = Math.max(0, (growing ? Math.max(count, total) : count) - 1);
    return loop ? [inFrame ?? 0, outFrame ?? end] : [0, end];
  }

  private setSpeedByElement(speed: number): void {
    if (speed === 0) {
      this.video.pause();
      const n = this.playback && this.playback.lastFrame >= 0 ? this.playback.lastFrame : this.state.frame;
      this.set({ speed: 0, frame: n, waiting: false });
      return;
    }
    if (speed < 0) {
      // No exact decoder: backward goes by frames, as fast as the element seeks.
      this.video.pause();
      this.set({ speed });
      const back = (): void => {
        if (this.state.speed >= 0 || this.closed) return;
        const unit = this.state.sampleSteps ? this.state.rate.num / this.state.rate.den / 10 : 1;
        this.seek(this.state.frame - Math.max(1, Math.abs(this.state.speed)) * unit);
        if (this.state.frame <= 0) this.set({ speed: 0 });
        else setTimeout(back, this.state.sampleSteps ? 100 : 1000 * this.state.rate.den / this.state.rate.num);
      };
      back();
      return;
    }
    this.set({ speed });
    if (this.state.exactness === 'video') void this.playback?.play(this.state.frame, speed).catch(() => this.set({ speed: 0 }));
    else {
      this.video.playbackRate = speed;
      void this.video.play().catch(() => this.set({ speed: 0 }));
    }
  }

  toggle(): void {
    this.setSpeed(this.state.speed === 0 ? 1 : 0);
  }

  setRange(inFrame: number | null, outFrame: number | null): void {
    if (inFrame !== null && outFrame !== null && outFrame < inFrame) [inFrame, outFrame] = [outFrame, inFrame];
    this.set({ inFrame, outFrame });
    if (this.mode === 'run') this.startRun(this.state.frame, this.state.speed);
  }

  setLoop(loop: boolean): void {
    this.set({ loop });
    if (this.mode === 'run') this.startRun(this.state.frame, this.state.speed);
  }

  setVolume(volume: number, muted: boolean): void {
    this.set({ volume: CLAMP(volume, 0, 1), muted });
    this.hear();
  }

  // All channels instead of the element's own two; null gives these back.
  setSound(sound: Sound | null): void {
    this.sound = sound;
    this.hear();
  }

  private hear(): void {
    const { volume, muted } = this.state;
    this.video.volume = this.sound ? 1 : volume;
    this.video.muted = this.sound ? this.sound.apart : muted;
    this.sound?.setVolume(volume, muted);
  }

  clearFault(): void {
    this.set({ fault: null });
  }

  // Asks again for what failed: R.
  retry(): void {
    this.set({ fault: null });
    const { media } = this;
    if (!media) return;
    void this.renew().catch(() => undefined).then(() => {
      if (!this.playback && media.review && this.state.exactness === 'exact') void this.openPlayback(this.media ?? media);
      if (this.state.status === 'failed') {
        this.set({ status: 'opening' });
        this.worker?.terminate();
        if (this.state.exactness === 'exact') this.openWorker(this.media ?? media);
        else void this.open(this.media ?? media);
      } else this.seek(this.state.frame);
    });
  }

  // ---- zoom

  // Of the larger proxy; 0 while there is none.
  get size(): { width: number; height: number } {
    return this.proxied;
  }

  // The size of the picture in its own pixels, as proxied.
  get pixels(): { width: number; height: number } {
    const width = this.ownPixels || this.proxied.width || 1280;
    const aspect = this.aspect();
    return { width, height: Math.round(width / aspect) };
  }

  // Something else of so many pixels across lies over the picture: 1:1 is of those. 0: nothing.
  showPixels(width: number): void {
    if (width === this.ownPixels) return;
    this.ownPixels = width;
    this.layout();
  }

  private aspect(): number {
    const a = this.media?.aspect ?? 0;
    return a > 0.05 && a < 20 ? a : 16 / 9;
  }

  // 0 fits the room; 1 is one picture pixel a screen pixel. (x, y) is the point that stays, 0..1.
  zoomTo(zoom: number, x = 0.5, y = 0.5): void {
    const before = this.box.getBoundingClientRect();
    const room = this.host.getBoundingClientRect();
    const z = zoom <= 0 ? 0 : CLAMP(zoom, 0.1, 16);
    this.set({ zoom: z });
    if (z === 0) this.pan = { x: 0, y: 0 };
    else {
      const { width, height } = this.pixels;
      const ratio = window.devicePixelRatio || 1;
      const w = width * z / ratio;
      const h = height * z / ratio;
      // Keep the point under the pointer where it is.
      const px = before.left + x * before.width - room.left;
      const py = before.top + y * before.height - room.top;
      this.pan = { x: px - x * w - (room.width - w) / 2, y: py - y * h - (room.height - h) / 2 };
    }
    this.layout();
  }

  panBy(dx: number, dy: number): void {
    if (this.state.zoom === 0) return;
    this.pan = { x: this.pan.x + dx, y: this.pan.y + dy };
    this.layout();
  }

  // The scale now, picture pixels to screen pixels: 1 is 100 %.
  get scale(): number {
    return this.box.clientWidth * (window.devicePixelRatio || 1) / this.pixels.width;
  }

  private layout(): void {
    const room = this.host.getBoundingClientRect();
    if (room.width === 0 || room.height === 0) return;
    const aspect = this.aspect();
    let w = Math.min(room.width, room.height * aspect);
    const { zoom } = this.state;
    if (zoom > 0) w = this.pixels.width * zoom / (window.devicePixelRatio || 1);
    const h = w / aspect;
    if (zoom > 0) {
      // The picture may not be pushed out of the room altogether.
      const mx = (w + room.width) / 2 - 40;
      const my = (h + room.height) / 2 - 40;
      this.pan = { x: CLAMP(this.pan.x, -mx, mx), y: CLAMP(this.pan.y, -my, my) };
    }
    this.box.style.width = `${w}px`;
    this.box.style.height = `${h}px`;
    this.box.style.left = `${(room.width - w) / 2 + (zoom > 0 ? this.pan.x : 0)}px`;
    this.box.style.top = `${(room.height - h) / 2 + (zoom > 0 ? this.pan.y : 0)}px`;
    this.box.classList.toggle('over-100', this.scale > 1.01 && zoom > 0);
    for (const l of this.listeners) l(this.state);
  }

  close(): void {
    this.closed = true;
    this.eye.close();
    this.worker?.terminate();
    this.playback?.close();
    clearInterval(this.growTimer);
    clearTimeout(this.prepareTimer);
    cancelAnimationFrame(this.soundTimer);
    this.sizes.disconnect();
    this.video.pause();
    this.box.remove();
  }
}

export type { Address };
