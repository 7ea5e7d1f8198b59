/*
 * The lens: the frame that stands, through a viewing transform, at once: the original's own values and the transform's table
 * are here before they are wanted, and the graphics card does the rest. It lies over the picture while the films beneath
 * are seen through something else, and is gone when the picture moves or they are right.
 *
 * Of two sources the better one is taken: the original's frame (as deep as it is, at most 1920 across), which an engine
 * gives half a second after the picture stands; until then the films' own picture, where nothing was done to it.
 *
 * Without a card the picture is made here, in as many pixels as are seen: first of the nearest colours of few, in the time
 * of one look-up a pixel, then exactly, some rows at a time, so that no key waits for it. What takes longer than that is done
 * before anybody asks, when the picture has stood for a moment.
 */
import { is_aborted } from '../app/api';
import { bytes, fetch_frame, url_of, wait } from './original';
import type { Player, PlayerState } from './player';
import type { Samples } from './scopes_math';
import { colours, paint, paint_at_once, places, prepare, quick, readTable, type Plain, type Prepared, type Quick, type Table } from './table';
import { Painter } from './lens_gl';

const SETTLED_MS = 300;
const READY_MS = 250;
const EXACT_MS = 20; // the first picture is on the screen then
const SLICE_MS = 8;
const SLICE_ROWS = 16;
export const REPAINTED = 'repainted'; // at the player's box: what lies over the films has become exact
const FRAMES = 4; // of originals that are kept
const FAST = 4000; // bytes a millisecond: then a frame is fetched before anybody has switched

export interface Films { // what is beneath
  transform: string | null;
  plain: boolean; // as they are, the file's own values are in them
}
export interface Through { transform: string | null; url: string | null }
export interface Showing { transform: string | null; frame: number; of: 'original' | 'proxy'; width: number; height: number; bits: number }
export interface LensWish {
  version: string;
  own: boolean; // the original's values may be had
  plain: boolean; // and as they are they are a picture: not PQ or HLG
  changed: () => void;
}

export class Lens {
  showing: Showing | null = null;
  private canvas: HTMLCanvasElement | null = null;
  private painter: Painter | null | undefined; // undefined: not tried
  private player: Player | null = null;
  private films: Films = { transform: null, plain: false };
  private wanted: Through | null = null;
  private used = false;
  private fast = false;
  private frames: Plain[] = [];
  private tables = new Map<string, Table | null>(); // null: on its way, or none
  private asked: { frame: number; stop: AbortController } | null = null;
  private drawn = ''; // what the canvas holds
  private own: { canvas: HTMLCanvasElement; pen: CanvasRenderingContext2D; image: ImageData | null } | null = null; // without a card
  private prepared: Prepared | null = null;
  private quicks = new Map<Table | null, Quick>();
  private films_own: { of: string; plain: Plain } | null = null;
  private readying = '';
  private ready_timer = 0;
  private exact_timer = 0;

  constructor(private wish: LensWish) {}

  // A room's player. The answer takes it off.
  attach(player: Player): () => void {
    this.player = player;
    const stop = player.subscribe(() => this.update());
    return () => {
      stop();
      this.asked?.stop.abort();
      this.asked = null;
      this.stop();
      if (this.player === player) this.player = null;
      this.canvas?.remove();
    };
  }

  // What the player shows.
  over(films: Films): void {
    const { transform, plain } = this.films;
    this.films = films;
    if (transform !== films.transform || plain !== films.plain) this.update();
  }

  // Tables of what may be wanted next.
  bring(list: readonly Through[]): void {
    for (const t of list) if (t.transform !== null && t.url !== null && !this.tables.has(t.transform)) void this.table(t.transform, t.url);
  }

  // From now on frames are fetched as soon as they stand.
  warm(): void {
    this.used = true;
    this.update();
  }

  // null: what the films show.
  want(through: Through | null): void {
    this.wanted = through;
    if (through) this.bring([through]);
    if (through) this.used = true;
    this.update();
  }

  private async table(transform: string, url: string): Promise<void> {
    this.tables.set(transform, null);
    const began = performance.now();
    try {
      const got = await bytes(url, new AbortController().signal);
      this.fast ||= got.byteLength / Math.max(1, performance.now() - began) > FAST;
      this.tables.set(transform, readTable(got));
      const t = this.tables.get(transform);
      const card = this.card();
      if (t && card) card.ready(t);
      else if (t) this.get_ready(t);
    } catch {
      this.tables.delete(transform);
    }
    this.update();
  }

  private card(): Painter | null {
    if (this.painter === undefined) this.painter = Painter.open();
    return this.painter;
  }

  private update(): void {
    const { player, wanted } = this;
    if (!player) return;
    const s = player.state;
    const standing = s.speed === 0 && !s.sampleSteps && (s.shown < 0 || s.shown === s.frame) && s.status !== 'failed';
    const right = !wanted || (this.films.transform === wanted.transform && s.status === 'ready' && s.shown === s.frame);
    if (standing) this.fetch_soon(s);
    const own = this.frames.find((f) => f.frame === s.frame);
    if (this.painter === null) this.ready_soon(standing ? `${s.frame} ${own ? 'original' : s.from}` : '', own ?? null);
    player.box.dataset['held'] = own && (this.painter || this.prepared?.of === own) ? 'original' : '';
    if (!standing || right || !this.draw(player, s, wanted)) this.say(null);
  }

  // False: it can not be shown yet.
  private draw(player: Player, s: PlayerState, wanted: Through): boolean {
    const table = wanted.transform === null ? null : this.tables.get(wanted.transform) ?? undefined;
    if (table === undefined) return false;
    const own = this.frames.find((f) => f.frame === s.frame);
    const plain = own && (table || this.wish.plain) ? own : null;
    const films = !plain && table ? this.films_picture(player, s) : null;
    const of = plain ?? films;
    const key = `${wanted.transform ?? ''} ${s.frame} ${plain ? 'original' : films ? 'proxy' : ''}`;
    if (!of && !this.drawn.startsWith(`${wanted.transform ?? ''} ${s.frame} `)) return false;
    if (of && key !== this.drawn) {
      const canvas = this.render(of, table, table !== null && this.drawn.startsWith(`${wanted.transform ?? ''} ${s.frame} `));
      if (!canvas) return false;
      if (canvas !== this.canvas) this.canvas?.remove();
      this.canvas = canvas;
      this.drawn = key;
    }
    const { canvas } = this;
    if (!canvas) return false;
    if (canvas.parentElement !== player.box) player.box.insertBefore(canvas, player.video.nextSibling);
    canvas.hidden = false;
    const from = this.drawn.endsWith('original') ? 'original' : 'proxy';
    canvas.dataset['frame'] = String(s.frame);
    canvas.dataset['of'] = from;
    canvas.dataset['transform'] = wanted.transform ?? '';
    this.say({ transform: wanted.transform, frame: s.frame, of: from, width: canvas.width, height: canvas.height, bits: from === 'original' ? plain?.said.bits ?? this.showing?.bits ?? 8 : 8 });
    return true;
  }

  private render(of: Plain | HTMLCanvasElement, table: Table | null, better: boolean): HTMLCanvasElement | null {
    const card = this.card();
    const by_card = card?.paint(of, table) === true;
    const canvas = by_card ? card.canvas : this.render_here(of, table, better);
    if (!canvas) return null;
    if (by_card) canvas.dataset['exact'] = 'yes';
    canvas.className = 'picture-lens';
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', 'Preview');
    return canvas;
  }

  // Without a card. `better`: of what the canvas shows; that stays until all of this is there.
  private render_here(of: Plain | HTMLCanvasElement, table: Table | null, better: boolean): HTMLCanvasElement | null {
    this.painter = null;
    if (!this.own) {
      const canvas = document.createElement('canvas'), pen = canvas.getContext('2d', { alpha: false });
      if (pen) this.own = { canvas, pen, image: null };
    }
    const plain = this.plain_of(of);
    const { own } = this;
    if (!own || !plain) return null;
    const p = this.prepare(plain);
    const q = this.quick(table, plain);
    const same_size = own.canvas.width === p.width && own.canvas.height === p.height;
    if (!same_size || !own.image) {
      own.canvas.width = p.width;
      own.canvas.height = p.height;
      own.image = own.pen.createImageData(p.width, p.height);
    }
    clearTimeout(this.exact_timer);
    if (table) this.exact_timer = window.setTimeout(() => this.exactly(p, q, 0), EXACT_MS);
    if (!better || !same_size) {
      if (table) paint_at_once(p, q, own.image.data);
      else paint(p, q, own.image.data);
      own.pen.putImageData(own.image, 0, 0);
      own.canvas.dataset['exact'] = table ? '' : 'yes';
    }
    return own.canvas;
  }

  // A few rows more of what the canvas holds; it is on the screen when all are there.
  private exactly(p: Prepared, q: Quick, row: number): void {
    const { own } = this;
    if (!own?.image) return;
    for (const began = performance.now(); row < p.height && performance.now() - began < SLICE_MS; row += SLICE_ROWS) paint(p, q, own.image.data, row, Math.min(p.height, row + SLICE_ROWS));
    if (row < p.height) {
      this.exact_timer = window.setTimeout(() => this.exactly(p, q, row), 0);
      return;
    }
    own.pen.putImageData(own.image, 0, 0);
    own.canvas.dataset['exact'] = 'yes';
    this.player?.box.dispatchEvent(new Event(REPAINTED));
  }

  private quick(table: Table | null, of: Plain): Quick {
    const light = of.said.type === 'f32';
    let q = this.quicks.get(table);
    if (!q || (!table && q.of_light !== light)) this.quicks.set(table, q = quick(table, light));
    return q;
  }

  // A table that has come, without a card.
  private get_ready(t: Table): void {
    const q = quick(t, false);
    this.quicks.set(t, q);
    colours(q);
    if (this.prepared) places(this.prepared, q);
  }

  // What a switch would wait for is done when the picture has stood for a moment. '': it does not stand.
  private ready_soon(key: string, own: Plain | null): void {
    if (key === this.readying) return;
    this.readying = key;
    clearTimeout(this.ready_timer);
    if (key) this.ready_timer = window.setTimeout(() => {
      const { player } = this;
      const of = own ?? (player && this.films_picture(player, player.state));
      const plain = of && this.plain_of(of);
      if (plain) this.ready_for(plain);
      this.update();
    }, READY_MS);
  }

  private ready_for(plain: Plain): void {
    const p = this.prepare(plain);
    for (const q of this.quicks.values()) if (q.table) places(p, q);
  }

  // The films' picture, where it is the frame that stands as the file has it.
  private films_picture(player: Player, s: PlayerState): HTMLCanvasElement | null {
    return this.films.plain && s.status === 'ready' && s.shown === s.frame && !player.box.classList.contains('by-video') ? player.canvas : null;
  }

  private plain_of(of: Plain | HTMLCanvasElement): Plain | null {
    if ('said' in of) return of;
    const { frame, from } = this.player?.state ?? {};
    const key = `${frame} ${from} ${of.width}`;
    if (this.films_own?.of !== key) {
      const plain = as_plain(of);
      this.films_own = plain && { of: key, plain };
    }
    return this.films_own?.plain ?? null;
  }

  private prepare(of: Plain): Prepared {
    const across = Math.round((this.player?.box.clientWidth ?? of.said.width) * (window.devicePixelRatio || 1));
    const width = Math.max(1, Math.min(of.said.width, across || of.said.width)), height = Math.max(1, Math.round(of.said.height * width / of.said.width));
    if (this.prepared?.of !== of || this.prepared.width !== width) this.prepared = prepare(of, width, height);
    return this.prepared;
  }

  private stop(): void {
    clearTimeout(this.ready_timer);
    this.readying = '';
    this.films_own = null;
  }

  private say(now: Showing | null): void {
    if (!now && this.canvas) this.canvas.hidden = true;
    const before = this.showing;
    if (before === now || (before && now && (Object.keys(now) as (keyof Showing)[]).every((k) => before[k] === now[k]))) return;
    this.showing = now;
    this.wish.changed();
  }

  private fetch_soon(s: PlayerState): void {
    if (!this.wish.own || !(this.used || this.fast) || this.frames.some((f) => f.frame === s.frame) || this.asked?.frame === s.frame) return;
    this.asked?.stop.abort();
    const asked = this.asked = { frame: s.frame, stop: new AbortController() };
    const { signal } = asked.stop;
    (async () => {
      await wait(SETTLED_MS, signal);
      if (this.player?.state.frame !== asked.frame) return;
      const f = await fetch_frame(this.wish.version, { frame: asked.frame, plain: true }, signal, () => undefined);
      const url = url_of(f)['plain'], said = f.samples as Samples | undefined;
      if (!url || !said) return;
      const raw = await bytes(url, signal);
      const plain: Plain = { frame: asked.frame, said, data: said.type === 'u16' ? new Uint16Array(raw) : new Float32Array(raw) };
      this.frames = [plain, ...this.frames.slice(0, FRAMES - 1)];
      const card = this.card();
      if (card) card.bring(plain);
      else this.ready_for(plain);
      this.update();
    })().catch((e: unknown) => { if (!is_aborted(e)) this.wish.own = false; }) // what can not be had is not asked for again and again
      .finally(() => { if (this.asked === asked && signal.aborted) this.asked = null; });
  }

  close(): void {
    this.asked?.stop.abort();
    this.stop();
    clearTimeout(this.exact_timer);
    this.canvas?.remove();
    this.painter?.close();
  }
}

function as_plain(canvas: HTMLCanvasElement): Plain | null {
  const { width, height } = canvas;
  const d = canvas.getContext('2d')?.getImageData(0, 0, width, height).data;
  if (!d) return null;
  const data = new Uint16Array(width * height * 3);
  for (let i = 0, k = 0; k < data.length; i += 4, k += 3) {
    data[k] = d[i] ?? 0;
    data[k + 1] = d[i + 1] ?? 0;
    data[k + 2] = d[i + 2] ?? 0;
  }
  return { frame: 0, data, said: { width, height, channels: 3, type: 'u16', bits: 8, space: 'rgb', matrix: 'bt709', full: true, step: 1, scopes_width: 0, scopes_height: 0 } };
}
