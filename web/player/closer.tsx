/*
 * Looking closely at the frame that stands: the original's frame or a layer of it in the proxy's place, scopes of what is
 * shown, false colour, and the values under the pointer. What is shown is named beside it; while the original's frame is
 * on its way the proxy stays, and is called that.
 */
import type { Asset, ExrFact, ExrLayer, FrameShown, Problem, Version } from 'api-types';
import type { Signal as Value } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { is_aborted, problem_of } from '../app/api';
import { Button, Segments } from '../parts/button';
import { ProblemBox } from '../parts/problem';
import { Progress } from '../parts/progress';
import sheet from './closer.css?url';
import { NOTHING, type Closer } from './closing';
import { bytes, fetch_frame, url_of, wait } from './original';
import { found, layerName, partFacts } from './layers';
import { REPAINTED } from './lens';
import type { Player, PlayerState } from './player';
import { drawFalseColour, drawScopes } from './scopes_draw';
import { BANDS, inWords, ofPicture, ofSamples, scaleName, type Samples, type Signal } from './scopes_math';

export { sheet };

const SETTLED_MS = 150;
const SCOPES_WIDTH = 320; // of what is sampled of a proxy
const MOVING_MS = 400; // pictures that come sooner one after another are measured in every third row
const QUICK_MS = 1000; // longer than this, progress is shown

interface Seen { width: number; height: number; bits: number; pixel_format: string; view: string; held: boolean; layer?: { low: number; high: number; nan: number; infinite: number; negative: number; overscan: boolean } }
interface Got { frame: number; layer: string | null; transform: string | null; seen: Seen; samples: Samples | null; urls: Record<string, string>; burnt: boolean; picture: ImageBitmap; signal: Signal | null }

async function bring(f: FrameShown, layer: string | null, scopes: boolean, stop: AbortSignal): Promise<Got> {
  const urls = url_of(f);
  const seen = f.seen as Seen;
  const samples = (f.samples ?? null) as Samples | null;
  const picture = await createImageBitmap(new Blob([await bytes(urls['picture'] ?? '', stop)], { type: 'image/png' }));
  const signal = scopes && samples && urls['scopes']
    ? ofSamples(await bytes(urls['scopes'], stop), samples, samples.scopes_width, samples.scopes_height, seen.layer) : null;
  return { frame: f.frame, layer, transform: null, seen, samples, urls, burnt: f.burnt, picture, signal };
}

interface Props {
  player: Player;
  asset: Asset;
  version: Version;
  state: Value<PlayerState>;
  closer: Value<Closer>;
  may_save: boolean;
  transform: string | null; // that the proxy is seen through
}

export function CloserPanel({ player, asset, version, state, closer, may_save, transform }: Props) {
  const s = state.value;
  const c = closer.value;
  const exr = version.facts?.exr ?? null;
  const [got, set_got] = useState<Got | null>(null);
  const [news, set_news] = useState<FrameShown | null>(null);
  const [slow, set_slow] = useState(false);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const over = useRef<HTMLCanvasElement | null>(null);
  const wanted = c.original || c.layer !== null;
  const standing = s.speed === 0 && s.status === 'ready' && s.count > 0;
  const here = wanted && standing && got !== null && got.frame === s.frame && got.layer === c.layer && got.transform === transform;
  const of_file = here && c.of_file && got?.signal != null;
  const change = (to: Partial<Closer>): void => { closer.value = { ...closer.value, ...to }; };

  // ---- the frame itself
  useEffect(() => {
    if (!wanted || !standing || here) return;
    const stop = new AbortController();
    const wish = { frame: s.frame, ...(c.layer !== null && { layer: c.layer }), ...(transform !== null && c.layer === null && { transform }) };
    const late = setTimeout(() => set_slow(true), QUICK_MS);
    set_wrong(null);
    wait(SETTLED_MS, stop.signal).then(() => fetch_frame(version.id, wish, stop.signal, set_news))
      .then(async (f) => {
        if (f.state === 'failed') return set_wrong(f.problem ?? null);
        const made = await bring(f, c.layer, true, stop.signal);
        set_got((before) => { before?.picture.close(); return { ...made, transform }; });
      })
      .catch((e: unknown) => { if (!is_aborted(e)) set_wrong(problem_of(e)); })
      .finally(() => { clearTimeout(late); if (!stop.signal.aborted) { set_slow(false); set_news(null); } });
    return () => { stop.abort(); clearTimeout(late); set_slow(false); };
  }, [wanted, standing, s.frame, c.layer, version.id, transform]);

  // Over the picture, in its box, while it is the frame that is named.
  useEffect(() => {
    const canvas = document.createElement('canvas');
    canvas.className = 'picture-original';
    canvas.hidden = true;
    player.box.insertBefore(canvas, player.over);
    over.current = canvas;
    return () => { canvas.remove(); player.showPixels(0); };
  }, []);
  useEffect(() => {
    const canvas = over.current;
    if (!canvas) return;
    canvas.hidden = !here;
    if (here && got) {
      canvas.width = got.picture.width;
      canvas.height = got.picture.height;
      canvas.getContext('2d', { alpha: false })?.drawImage(got.picture, 0, 0);
      canvas.dataset['frame'] = String(got.frame);
      canvas.dataset['layer'] = got.layer ?? '';
    }
    player.showPixels(here && got ? got.picture.width : 0);
  }, [here, got]);

  // ---- scopes and false colour of what is shown
  const scopes = useRef<(HTMLCanvasElement | null)[]>([]);
  const colours = useRef<HTMLCanvasElement | null>(null);
  const few = useRef<{ pen: CanvasRenderingContext2D; signal?: Signal } | null>(null);
  useEffect(() => {
    if (!c.false_colour) return;
    const canvas = document.createElement('canvas');
    canvas.className = 'picture-false';
    player.box.insertBefore(canvas, player.over);
    colours.current = canvas;
    return () => { canvas.remove(); colours.current = null; };
  }, [c.false_colour]);
  // Once for each picture that the screen shows, of what is there then: pictures that come faster do not put it off, and
  // what is drawn again around them is not waited for.
  const measure = useRef<((moving: boolean) => void) | null>(null);
  const due = useRef({ frame: 0, rest: 0, last: -Infinity });
  const soon = (): void => {
    const d = due.current;
    d.frame ||= requestAnimationFrame(() => {
      const now = performance.now(), moving = now - d.last < MOVING_MS;
      d.frame = 0;
      d.last = now;
      measure.current?.(moving);
      clearTimeout(d.rest);
      if (moving) d.rest = window.setTimeout(soon, MOVING_MS + 50);
    });
  };
  useEffect(() => () => { cancelAnimationFrame(due.current.frame); clearTimeout(due.current.rest); }, []);
  useLayoutEffect(() => {
    measure.current = !c.scopes && !c.false_colour ? null : (moving) => {
      const { shown, frame } = player.state;
      const own = here && got?.frame === frame ? got : null;
      const signal = of_file && own?.signal ? own.signal : sample(player, few, own?.picture ?? null, moving && !c.false_colour);
      if (!signal) return;
      const [wave, parade, vector, histogram] = scopes.current;
      if (c.scopes && wave && parade && vector && histogram) {
        drawScopes([wave, parade, vector, histogram], signal);
        wave.dataset['frame'] = String(shown);
        wave.dataset['of'] = of_file && own ? 'original' : 'shown';
        wave.dataset['rows'] = String(signal.height);
      }
      if (colours.current) drawFalseColour(colours.current, signal);
    };
  });
  useEffect(soon, [c.scopes, c.false_colour, of_file, here, got, transform]);
  useEffect(() => {
    if (!c.scopes && !c.false_colour) return;
    let seen = '';
    player.box.addEventListener(REPAINTED, soon);
    const stop = player.subscribe((now) => {
      const key = `${now.shown} ${now.from} ${now.status}`;
      if (key !== seen) soon();
      seen = key;
    });
    return () => { stop(); player.box.removeEventListener(REPAINTED, soon); };
  }, [player, c.scopes, c.false_colour]);

  // ---- the values under the pointer
  const [under, set_under] = useState('');
  useEffect(() => {
    let stop = new AbortController();
    let timer = 0;
    const move = (e: PointerEvent): void => {
      const b = player.box.getBoundingClientRect();
      const x = (e.clientX - b.left) / b.width, y = (e.clientY - b.top) / b.height;
      stop.abort();
      clearTimeout(timer);
      if (x < 0 || y < 0 || x >= 1 || y >= 1) return set_under('');
      stop = new AbortController();
      timer = window.setTimeout(() => { void read(x, y, stop.signal).then(set_under, () => undefined); }, 40);
    };
    const read = async (x: number, y: number, signal: AbortSignal): Promise<string> => {
      const url = got?.urls['samples'];
      if (here && got?.samples && url) {
        const n = got.samples;
        const px = Math.floor(x * n.width), py = Math.floor(y * n.height);
        const size = n.channels * (n.type === 'u16' ? 2 : 4), at = (py * n.width + px) * size;
        const raw = await bytes(url, signal, [at, at + size - 1]);
        return `${px}, ${py}: ${inWords([...(n.type === 'u16' ? new Uint16Array(raw) : new Float32Array(raw))], n)}`;
      }
      const source = here && over.current ? over.current : player.canvas;
      const px = Math.floor(x * source.width), py = Math.floor(y * source.height);
      const rgb = source.getContext('2d')?.getImageData(px, py, 1, 1).data;
      return rgb ? `${px}, ${py}: ${inWords([...rgb.slice(0, 3)], { width: 0, height: 0, channels: 3, type: 'u16', bits: 8, space: 'rgb', matrix: 'bt709', full: true, step: 1, scopes_width: 0, scopes_height: 0 })} (as shown)` : '';
    };
    player.box.addEventListener('pointermove', move);
    return () => { stop.abort(); clearTimeout(timer); set_under(''); player.box.removeEventListener('pointermove', move); };
  }, [here, got]);

  // ---- keeping it
  const [saving, set_saving] = useState(false);
  const save = (): void => {
    const stop = new AbortController();
    set_saving(true);
    fetch_frame(version.id, { frame: s.frame, save: true, ...(c.layer !== null && { layer: c.layer }) }, stop.signal, () => undefined)
      .then(async (f) => {
        const url = url_of(f)['save'];
        if (f.state === 'failed') return set_wrong(f.problem ?? null);
        if (!url) return;
        const link = document.createElement('a');
        link.href = URL.createObjectURL(new Blob([await bytes(url, stop.signal)], { type: 'image/png' }));
        link.download = `${asset.name.replace(/\.[^.]*$/, '')}-${s.frame}${c.layer ? `-${c.layer.replace(/[^\w.]+/g, '-')}` : ''}.png`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      })
      .catch((e: unknown) => { if (!is_aborted(e)) set_wrong(problem_of(e)); })
      .finally(() => set_saving(false));
  };

  const layer = exr?.layers.find((l) => l.key === c.layer) ?? null;
  const name = here && got
    ? `${layer && exr ? `Layer ${layerName(exr, layer)}` : 'Original frame'} ${got.seen.width} × ${got.seen.height}, ${got.seen.bits} bit${got.seen.pixel_format === 'half' || got.seen.pixel_format === 'float' ? ` ${got.seen.pixel_format}` : ''}, not the proxy`
    : `Proxy ${player.size.width} × ${player.size.height}, 8 bit`;
  const scale = of_file && got?.samples
    ? `Original’s code values, ${scaleName(got.samples)}; every ${got.samples.step === 1 ? 'pixel' : `${got.samples.step}. pixel each way`}`
    : `Picture as the browser shows it, ${transform === null ? 'without a viewing transform' : 'through the viewing transform'}: 8 bit, full range, BT.709, cut at 0 and 100 %; 320 pixels across${c.false_colour ? '' : ', every third row while it moves'}${c.of_file && wanted && !here ? '; the file’s values come with its frame' : ''}`;
  return (
    <section class="closer" aria-label="Looking closely">
      <div class="closer-line">
        <strong class="closer-name">{name}</strong>
        {here && got && <span class="quiet">{got.seen.view}{got.seen.held ? '; this frame is missing, the one before it is held' : ''}{got.burnt ? '; your name is burnt in' : ''}</span>}
        {here && got?.seen.layer && <Range seen={got.seen} grey={layer?.kind === 'grey'} />}
        {wanted && !here && standing && !wrong && (slow
          ? <><span role="status">Fetching the original frame{news && news.total > 1 ? `: ${news.done} of ${news.total} frames read` : news?.state === 'waiting' ? ': waiting its turn' : ''}</span><Progress part={news && news.total > 1 ? news.done / news.total : null} name="Original frame" /></>
          : <span role="status" class="quiet">Fetching the original frame</span>)}
        {wanted && !standing && <span class="quiet">The original’s frame comes when the picture stands</span>}
        <span class="mono closer-values" title="Under the pointer">{under}</span>
        <span class="end">
          {exr && exr.layers.length > 1 && <Button on={c.picking} run={() => change({ picking: !c.picking })} name="Layers" keys="Y">Layers</Button>}
          {here && got && !got.burnt && may_save && <Button run={save} disabled={saving} name="Save this frame as a PNG of 16 bits">{saving ? 'Saving' : 'Save 16 bit'}</Button>}
          <Button run={() => { closer.value = NOTHING; }} name="Close">Close</Button>
        </span>
      </div>
      {wrong && <ProblemBox problem={wrong} />}
      {c.picking && exr && <Layers exr={exr} chosen={c.layer} pick={(key) => change({ layer: key, original: key === null ? c.original : true })} />}
      {c.scopes && (
        <>
          <div class="scopes">
            {['Waveform, luma', 'Parade R G B', 'Vectorscope, boxes 75 and 100 %, skin line', 'Histogram R G B'].map((title, i) => (
              <figure key={title}><canvas role="img" aria-label={title} ref={(e) => { scopes.current[i] = e; }} /><figcaption>{title}</figcaption></figure>
            ))}
          </div>
          <div class="closer-line">
            <Segments name="Whose values the scopes show" value={c.of_file ? 'file' : 'seen'} pick={(of) => change(of === 'file' ? { of_file: true, original: true } : { of_file: false })} options={[{ value: 'seen', label: 'As seen' }, { value: 'file', label: 'The file’s values' }]} />
            <span class="quiet">{scale}</span>
          </div>
        </>
      )}
      {c.false_colour && <div class="bands" role="note" aria-label="False colour, luma in per cent">{BANDS.map((b) => (
        <span key={b.words}><i style={{ background: `rgb(${b.colour.join(' ')})` }} />{b.from === -Infinity ? `under ${b.to} %` : b.to === Infinity ? `${b.from} % and over` : `${b.from} to ${b.to} %`}: {b.words}</span>
      ))}</div>}
    </section>
  );
}

// What stands, in few pixels: each of them one of the picture's, none a mixture.
function sample(player: Player, kept: { current: { pen: CanvasRenderingContext2D; signal?: Signal } | null }, picture: ImageBitmap | null, moving: boolean): Signal | null {
  const by_video = player.box.classList.contains('by-video');
  const lens = player.box.querySelector<HTMLCanvasElement>('.picture-lens:not([hidden])'); // it lies over the films
  const source = picture ?? lens ?? (by_video ? player.video : player.canvas);
  const w = source instanceof HTMLVideoElement ? source.videoWidth : source.width;
  const h = source instanceof HTMLVideoElement ? source.videoHeight : source.height;
  if (!w || !h) return null;
  const width = Math.min(SCOPES_WIDTH, w), height = Math.max(1, Math.round(width * h / w / (moving ? 3 : 1)));
  if (!kept.current) {
    const pen = document.createElement('canvas').getContext('2d', { alpha: false, willReadFrequently: true });
    if (!pen) return null;
    kept.current = { pen };
  }
  const { pen } = kept.current;
  if (pen.canvas.width !== width || pen.canvas.height !== height) {
    pen.canvas.width = width;
    pen.canvas.height = height;
  }
  pen.imageSmoothingEnabled = false;
  pen.drawImage(source, 0, 0, width, height);
  kept.current.signal = ofPicture(pen.getImageData(0, 0, width, height).data, width, height, kept.current.signal);
  return kept.current.signal;
}

function Range({ seen, grey }: { seen: Seen; grey: boolean }) {
  const l = seen.layer;
  if (!l) return null;
  const odd = [l.nan ? `${l.nan} NaN (magenta)` : '', l.infinite ? `${l.infinite} infinite (cyan)` : '', l.negative && !grey ? `${l.negative} negative (black)` : '', l.overscan ? 'overscan not shown' : ''].filter(Boolean);
  return <span class="quiet">{grey ? `black is ${l.low.toPrecision(5)}, white is ${l.high.toPrecision(5)}` : `values ${l.low.toPrecision(4)} to ${l.high.toPrecision(4)}`}{odd.length ? `; ${odd.join(', ')}` : ''}</span>;
}

// A list that is walked by keys and narrowed by words: there may be dozens, with long names.
function Layers({ exr, chosen, pick }: { exr: ExrFact; chosen: string | null; pick: (key: string | null) => void }) {
  const [words, set_words] = useState('');
  const rows: (ExrLayer | null)[] = [...(words ? [] : [null]), ...found(exr, words)];
  const [at, set_at] = useState(Math.max(0, rows.findIndex((l) => (l?.key ?? null) === chosen)));
  const list = useRef<HTMLUListElement>(null);
  const now = Math.min(at, rows.length - 1);
  useEffect(() => { list.current?.children[now]?.scrollIntoView({ block: 'nearest' }); }, [now, words]);
  const take = (l: ExrLayer | null | undefined): void => { if (l === null) pick(null); else if (l?.shown) pick(l.key); };
  const key = (e: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[e.key];
    if (step === undefined && e.key !== 'Enter') return e.stopPropagation();
    e.preventDefault();
    e.stopPropagation();
    if (step === undefined) return take(rows[now]);
    const next = Math.max(0, Math.min(rows.length - 1, now + step));
    set_at(next);
    take(rows[next]);
  };
  const here = rows[now];
  return (
    <div class="layers">
      <input class="input" role="combobox" aria-expanded="true" aria-controls="layer-list" aria-activedescendant={rows.length ? `layer-${now}` : undefined} aria-label="Layers: type to narrow, arrows to look" placeholder={`${exr.layers.length} layers: type to narrow`}
        ref={(i) => { if (i && i.dataset['seen'] !== 'yes') { i.dataset['seen'] = 'yes'; i.focus(); } }} value={words} onInput={(e) => { set_words(e.currentTarget.value); set_at(0); }} onKeyDown={key} />
      <ul id="layer-list" role="listbox" aria-label="Layers" ref={list}>
        {rows.map((l, i) => (
          <li key={l?.key ?? ''} id={`layer-${i}`} role="option" class={i === now ? 'at' : ''} aria-selected={(l?.key ?? null) === chosen} aria-disabled={l !== null && !l.shown} onClick={() => { set_at(i); take(l); }}>
            {l ? `${layerName(exr, l)} (${l.type}${l.shown ? '' : ', not shown'})` : 'The proxy’s picture'}
          </li>
        ))}
        {rows.length === 0 && <li role="option" aria-selected="false" aria-disabled="true">No layer has that in its name</li>}
      </ul>
      {here && <span class="quiet">{partFacts(exr, here)}{exr.left_out ? `; ${exr.left_out} more layers are not listed` : ''}</span>}
    </div>
  );
}
