/*
 * The bar under the picture: waveform, what is held, in and out, the playhead; drag to scrub, hover for
 * a thumbnail. A slider to keyboards and readers. The head is moved by itself, at the speed of the
 * picture; the rest is drawn when it changes.
 */
import { peakColumns, type Peaks } from './peaks';
import type { PlayerState } from './player';

export interface Sprites {
  urls: string[];
  width: number;
  height: number;
  columns: number;
  rows: number;
  every: number;
  count: number;
}

export interface BarDoor {
  seek: (frame: number, moving: boolean) => void;
  label: (frame: number) => string; // how a frame is named to people
}

const ALONG_MS = 300; // pictures that come sooner one after another go along with the hand

// What the head's place and its name hang on; the rest changes oftener.
const PLACED = ['frame', 'count', 'total', 'startFrame', 'rate', 'tc'] as const;

export class Bar {
  readonly element: HTMLDivElement;
  private canvas = document.createElement('canvas');
  private head = document.createElement('div');
  private tip = document.createElement('div');
  private tipPicture = document.createElement('div');
  private tipLabel = document.createElement('span');
  private state: PlayerState | null = null;
  private peaks: Peaks | null = null;
  private channel = -1;
  private sprites: Sprites | null = null;
  private drawn = '';
  private dragging = false;
  private came = -Infinity; // when the last picture did
  private size: ResizeObserver;
  private room = { width: 0, height: 0 }; // inside the border, as last laid out: asking again would lay the page out again
  private at: { left: number; width: number } | null = null; // with the border, on the screen

  constructor(host: HTMLElement, private door: BarDoor) {
    this.element = document.createElement('div');
    this.element.className = 'bar-track';
    this.element.tabIndex = 0;
    this.element.setAttribute('role', 'slider');
    this.element.setAttribute('aria-label', 'Position');
    this.element.setAttribute('aria-valuemin', '0');
    this.head.className = 'bar-head';
    this.tip.className = 'bar-tip';
    this.tip.hidden = true;
    this.tip.append(this.tipPicture, this.tipLabel);
    this.canvas.setAttribute('aria-hidden', 'true');
    this.element.append(this.canvas, this.head);
    host.append(this.element, this.tip);
    this.size = new ResizeObserver(() => {
      this.room = { width: this.element.clientWidth, height: this.element.clientHeight };
      this.at = null;
      this.drawn = '';
      this.place();
      this.draw();
    });
    this.size.observe(this.element);
    this.listen();
  }

  private frameAt(x: number): number {
    const r = this.at ??= this.element.getBoundingClientRect();
    const total = this.total();
    return Math.max(0, Math.min(total - 1, Math.floor((x - r.left) / r.width * total)));
  }

  private total(): number {
    return Math.max(1, this.state?.total ?? 1, this.state?.count ?? 1);
  }

  private listen(): void {
    this.element.addEventListener('pointerenter', () => { this.at = null; });
    this.element.addEventListener('pointerdown', (e) => {
      if (e.button !== 0) return;
      this.at = null;
      this.dragging = true;
      this.element.setPointerCapture(e.pointerId);
      this.door.seek(this.frameAt(e.clientX), true);
    });
    this.element.addEventListener('pointermove', (e) => {
      if (this.dragging) this.door.seek(this.frameAt(e.clientX), true);
      this.hover(e.clientX);
    });
    const end = (e: PointerEvent): void => {
      if (!this.dragging) return;
      this.dragging = false;
      this.door.seek(this.frameAt(e.clientX), false);
    };
    this.element.addEventListener('pointerup', end);
    this.element.addEventListener('pointercancel', end);
    this.element.addEventListener('pointerleave', () => { this.tip.hidden = true; });
  }

  private hover(x: number): void {
    const frame = this.frameAt(x);
    const r = this.at ??= this.element.getBoundingClientRect();
    const { sprites } = this;
    this.tip.hidden = false;
    this.tipLabel.textContent = this.door.label(frame);
    const along = this.dragging && performance.now() - this.came < ALONG_MS; // then the thumbnail would only lie over the scopes
    const width = sprites && !along ? sprites.width : 96;
    const left = Math.max(0, Math.min(r.width - width, x - r.left - width / 2));
    this.tip.style.transform = `translateX(${left}px)`;
    this.tipPicture.hidden = !sprites || along;
    if (!sprites || along) return;
    const tile = Math.min(sprites.count - 1, Math.floor(frame / sprites.every));
    const sheet = Math.floor(tile / (sprites.columns * sprites.rows));
    const within = tile % (sprites.columns * sprites.rows);
    const url = sprites.urls[sheet];
    this.tipPicture.style.width = `${sprites.width}px`;
    this.tipPicture.style.height = `${sprites.height}px`;
    this.tipPicture.style.backgroundImage = url ? `url("${url}")` : 'none';
    this.tipPicture.style.backgroundPosition = `${-(within % sprites.columns) * sprites.width}px ${-Math.floor(within / sprites.columns) * sprites.height}px`;
  }

  setSprites(sprites: Sprites | null): void {
    this.sprites = sprites;
  }
  setPeaks(peaks: Peaks | null): void {
    this.peaks = peaks;
    this.drawn = '';
    this.draw();
  }
  // One channel alone, or -1 for all together.
  setChannel(channel: number): void {
    this.channel = channel;
    this.drawn = '';
    this.draw();
  }

  update(state: PlayerState): void {
    const before = this.state;
    this.state = state;
    if (before?.shown !== state.shown) this.came = performance.now();
    if (!before || PLACED.some((k) => before[k] !== state[k])) {
      this.head.hidden = state.count === 0;
      this.place();
      this.element.setAttribute('aria-valuemax', String(this.total() - 1));
      this.element.setAttribute('aria-valuenow', String(state.frame));
      this.element.setAttribute('aria-valuetext', this.door.label(state.frame));
    }
    this.draw();
  }

  private place(): void {
    this.head.style.transform = `translateX(${((this.state?.frame ?? 0) + 0.5) / this.total() * this.room.width}px)`;
  }

  private draw(): void {
    const { state } = this;
    const { width, height } = this.room;
    if (!state || !width || !height) return;
    const key = JSON.stringify([width, height, state.total, state.count, state.held, state.inFrame, state.outFrame, state.loop]);
    if (key === this.drawn) return;
    this.drawn = key;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const g = this.canvas.getContext('2d');
    if (!g) return;
    g.scale(ratio, ratio);
    const look = getComputedStyle(this.element);
    const colour = (name: string): string => look.getPropertyValue(name).trim() || '#808080';
    const total = this.total();
    const x = (frame: number): number => frame / total * width;
    if (state.inFrame !== null || state.outFrame !== null) {
      const a = x(state.inFrame ?? 0);
      const b = x((state.outFrame ?? total - 1) + 1);
      g.fillStyle = colour('--focus');
      g.globalAlpha = state.loop ? 0.28 : 0.16;
      g.fillRect(a, 0, Math.max(1, b - a), height);
      g.globalAlpha = 1;
      g.fillRect(a, 0, 1, height);
      g.fillRect(b - 1, 0, 1, height);
    }
    if (this.peaks) {
      const seconds = total * state.rate.den / state.rate.num;
      const columns = peakColumns(this.peaks, this.channel, 0, seconds * this.peaks.sampleRate, Math.floor(width));
      g.fillStyle = colour('--text-quiet');
      g.globalAlpha = 0.75;
      for (let i = 0; i < Math.floor(width); i++) {
        const low = (columns[i * 2] ?? 0) / 128;
        const high = (columns[i * 2 + 1] ?? 0) / 128;
        g.fillRect(i, height / 2 - high * height / 2, 1, Math.max(1, (high - low) * height / 2));
      }
      g.globalAlpha = 1;
    }
    g.fillStyle = colour('--line-strong');
    for (const [a, b] of state.held) g.fillRect(x(a), height - 2, Math.max(1, x(b + 1) - x(a)), 2);
    if (state.count < total) {
      // Not made yet: hatched.
      g.strokeStyle = colour('--line-strong');
      g.beginPath();
      for (let i = x(state.count); i < width + height; i += 6) {
        g.moveTo(Math.max(i, x(state.count)), 0);
        g.lineTo(i - height, height);
      }
      g.save();
      const clip = new Path2D();
      clip.rect(x(state.count), 0, width, height);
      g.clip(clip);
      g.stroke();
      g.restore();
    }
  }

  close(): void {
    this.size.disconnect();
    this.element.remove();
    this.tip.remove();
  }
}
