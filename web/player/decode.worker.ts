/*
 * The exact side of the player, in a worker of its own: pause, step, scrub and every speed that
 * <video> cannot play (backward, 4x, 8x).
 *
 * A seek shows the frame from the scrub proxy at once (all-intra: one sample, one decode) and, when the
 * playhead has come to rest, the same frame from the review proxy in its place. A newer seek replaces
 * an older one that has not begun; those under way are let finish while the hand moves (few, small)
 * and may be shown as pictures on the way, under their own numbers. Reading ahead is cut short at once.
 *
 * A run keeps its own clock. When bytes are late the clock waits: frames are left out to keep the
 * speed, but never shown under another's number.
 */
import type { BytesDoor } from './bytes';
import type { Addresses, Fault, FromWorker, Source, ToWorker } from './messages';
import { frameAt, stride } from './shuttle';
import { Track, isAbort } from './track';

interface WorkerScope {
  postMessage: (message: FromWorker, pass: Transferable[]) => void;
  requestAnimationFrame?: (f: () => void) => number;
  onmessage: ((e: MessageEvent<ToWorker>) => void) | null;
}
const scope = self as unknown as WorkerScope;

const SCRUB = { cacheBytes: 32 << 20, windowFrames: 24 };
const REVIEW = { cacheBytes: 32 << 20, windowFrames: 24 };
const LANES = 3; // seeks under way at once: more would only queue behind each other on a thin line
const REST_MS = 50; // without a new seek, the hand rests
const AHEAD_FRAMES = 32; // compressed frames fetched ahead of a run
const STALL_MS = 250;

interface Wish {
  id: number;
  frame: number;
  moving: boolean;
  order: number;
}

interface Run {
  id: number;
  from: number;
  speed: number;
  first: number;
  last: number;
  loop: boolean;
  began: number;
  every: number;
  shown: number;
  shownAt: number;
  waiting: boolean;
}

let scrub: Track | null = null;
let review: Track | null = null;
let want: Wish | null = null;
let run: Run | null = null;
let order = 0;
let lastShownOrder = 0;
let lanes = 0;
let restTimer = 0;
let ahead = new AbortController();
let atRest = new AbortController();
let failing = false;
let renewal: { done: () => void; promise: Promise<void> } | null = null;

function say(message: FromWorker, pass: Transferable[] = []): void {
  scope.postMessage(message, pass);
}

const door: BytesDoor = {
  fetch: (url, init) => fetch(url, init),
  wait: (ms) => new Promise((done) => setTimeout(done, ms)),
  renew: () => {
    if (!renewal) {
      let done = (): void => undefined;
      const promise = new Promise<void>((resolve) => { done = resolve; });
      renewal = { done, promise };
      say({ kind: 'stale' });
    }
    return renewal.promise;
  },
};

function fault(what: string, why: unknown, fix: string, fatal: boolean, frame: number | null): void {
  failing = true;
  const reason = why instanceof Error ? why.message : String(why);
  const f: Fault = { what, why: reason, fix, fatal };
  say({ kind: 'fault', fault: f, frame });
}

function fine(): void {
  if (failing) say({ kind: 'recovered' });
  failing = false;
}

// ---- showing

function show(track: Track, frame: number, id: number | null, at: number): boolean {
  const picture = track.frame(frame);
  if (!picture) return false;
  // One canvas size for both proxies, the larger: the picture does not jump when they take turns.
  const width = Math.max(scrub?.seen?.width ?? 0, review?.seen?.width ?? 0);
  const height = Math.max(scrub?.seen?.height ?? 0, review?.seen?.height ?? 0);
  const passed = picture.clone(); // the page draws it: a bitmap made here would be one more copy of every pixel
  lastShownOrder = at;
  const concealed = track.index?.has(frame) === true && track.index.concealed(frame);
  say({ kind: 'shown', id, frame, source: track.source, concealed, picture: passed, width, height }, [passed]);
  fine();
  return true;
}

function setPlayhead(frame: number, direction: number): void {
  for (const track of [scrub, review]) {
    if (!track) continue;
    track.playhead = frame;
    track.direction = direction;
  }
}

// The quick track for a frame: the scrub proxy, or the review proxy where the other is not there yet.
function quick(frame: number): Track | null {
  if (scrub && frame < scrub.count) return scrub;
  if (review && frame < review.count) return review;
  return null;
}

// ---- seeking

function seek(wish: Wish): void {
  const before = want?.frame ?? wish.frame;
  want = wish;
  run = null;
  clearTimeout(restTimer);
  ahead.abort();
  ahead = new AbortController();
  atRest.abort();
  atRest = new AbortController();
  setPlayhead(wish.frame, Math.sign(wish.frame - before));
  if (review && show(review, wish.frame, wish.id, wish.order)) {
    settle(wish);
  } else if (scrub && show(scrub, wish.frame, wish.id, wish.order)) {
    settle(wish);
  } else {
    if (!wish.moving && !scrub?.isFed(wish.frame) && !review?.isFed(wish.frame)) for (const track of [scrub, review]) track?.drop();
    if (lanes < LANES) void lane();
  }
}

async function lane(): Promise<void> {
  lanes++;
  let done: Wish | null = null;
  while (want && want !== done && !run) {
    const wish: Wish = want;
    done = wish;
    try {
      await exact(wish);
    } catch (e) {
      if (!isAbort(e) && want === wish) {
        fault(`frame ${wish.frame} did not come`, e, 'It is asked for again when you move, or press R to retry now.', false, wish.frame);
      }
    }
  }
  lanes--;
}

async function exact(wish: Wish): Promise<void> {
  const track = quick(wish.frame);
  if (!track) return;
  // No more of the group than the frame takes: what follows it would have the processor while this one is drawn.
  const frames = track === scrub ? [wish.frame] : await track.lead(wish.frame);
  await track.fetch(frames);
  // While the hand moves, a picture on the way is worth showing; otherwise only the last wish is.
  if (want !== wish && !(want?.moving ?? false)) return;
  for (let tries = 0; tries < 2; tries++) {
    const came = track.arrived(wish.frame);
    if (!track.isFed(wish.frame)) void track.feed(frames);
    if (await came) break;
    if (tries === 1) throw new Error('the decoder refused this frame');
    await track.fetch(frames);
  }
  if (run || wish.order < lastShownOrder) return;
  show(track, wish.frame, want === wish ? wish.id : null, wish.order);
  if (want === wish) settle(wish);
}

async function readAhead(from: number, to: number): Promise<void> {
  const track = quick(to) ?? quick(from);
  const frames = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((f) => f < (track?.count ?? 0));
  try {
    await track?.fetch(frames);
  } catch { /* the frame itself is asked for in its turn, and says why it did not come */ }
}

// The wish is shown. When it stays so: the better picture, then what may be wanted next.
function settle(wish: Wish): void {
  clearTimeout(restTimer);
  restTimer = setTimeout(() => void rest(wish), wish.moving ? REST_MS * 3 : REST_MS) as unknown as number;
}

async function rest(wish: Wish): Promise<void> {
  const signal = atRest.signal;
  const here = (): boolean => want === wish && !run && !signal.aborted;
  try {
    if (review && wish.frame < review.count && !wish.moving) {
      const track = review;
      const group = await track.group(wish.frame);
      // Shown also when it is there already: it may have been decoded for another wish since this
      // one's quick picture was drawn. A frame that was pushed out of the window is decoded again.
      for (let tries = 0; tries < 3 && !show(track, wish.frame, wish.id, wish.order); tries++) {
        await track.fetch(group, signal);
        if (!here()) return;
        const came = track.arrived(wish.frame);
        if (!track.isFed(wish.frame)) void track.feed(group);
        await came;
        if (!here()) return;
      }
    }
    await around(wish, here, signal);
  } catch (e) {
    if (!isAbort(e) && here()) {
      fault('the sharper picture did not come', e, 'The quick picture stays. Press R to try again.', false, wish.frame);
    }
  }
}

// Round a resting playhead: the next frames both ways, the nearer first, then bytes farther out.
async function around(wish: Wish, here: () => boolean, signal: AbortSignal): Promise<void> {
  const n = wish.frame;
  if (scrub) {
    const track = scrub;
    const near = Array.from({ length: 20 }, (_, i) => n + (i % 2 ? -1 : 1) * ((i >> 1) + 1))
      .filter((f) => f >= 0 && f < track.count && !track.frame(f));
    await track.fetch(near, signal);
    for (let i = 0; i < near.length && here(); i += 5) await track.feed(near.slice(i, i + 5), true);
    if (!here()) return;
    const far = Array.from({ length: 64 }, (_, i) => n - 24 + i).filter((f) => f >= 0 && f < track.count);
    await track.fetch(far, signal);
  }
  if (review && n < review.count) {
    const track = review;
    const group = await track.group(n);
    const first = group[0] ?? n;
    const last = group[group.length - 1] ?? n;
    // The half of the group that the playhead is in says which neighbour a step reaches first.
    const next = n - first < last - n ? first - 1 : last + 1;
    if (next >= 0 && next < track.count) {
      const frames = await track.group(next);
      await track.fetch(frames, signal);
      if (here() && frames.some((f) => !track.frame(f))) await track.feed(frames, true);
    }
    if (!here()) return;
    const missing = group.filter((f) => !track.frame(f));
    if (missing.length > 0) await track.feed(group, true);
  }
  report();
}

// ---- runs

function start(r: Run): void {
  want = null;
  clearTimeout(restTimer);
  ahead.abort();
  ahead = new AbortController();
  atRest.abort();
  run = r;
  setPlayhead(r.from, Math.sign(r.speed));
  tick();
  void feeder(r);
}

const nextTick = (f: () => void): void => {
  if (typeof scope.requestAnimationFrame === 'function') scope.requestAnimationFrame(f);
  else setTimeout(f, 16);
};

// Frames a run shows are those `every` apart from where it began, so that what is decoded is shown.
function due(r: Run, track: Track, now: number): number {
  const seen = track.seen;
  if (!seen) return r.from;
  const exactFrame = frameAt(r.from, r.speed, now - r.began, seen.num, seen.den, track.count);
  const moved = Math.abs(exactFrame - r.from);
  const sign = Math.sign(r.speed);
  const target = r.from + sign * Math.floor(moved / r.every) * r.every;
  const limit = sign > 0 ? Math.min(r.last, track.count - 1) : r.first;
  return sign * (exactFrame - limit) >= 0 ? limit : target;
}

function tick(): void {
  const r = run;
  const track = r ? scrub ?? review : null;
  if (!r || !track) return;
  const now = performance.now();
  const sign = Math.sign(r.speed);
  const target = due(r, track, now);
  // The furthest decoded frame that is due; frames in between are left out to keep the speed.
  let best = r.shown;
  for (const f of track.decodedAhead(Math.min(r.shown, target), Math.max(r.shown, target))) {
    if (sign * (f - best) > 0) best = f;
  }
  if (best !== r.shown || r.shownAt === 0) {
    if (show(track, best, r.id, ++order)) {
      r.shown = best;
      r.shownAt = now;
      setPlayhead(best, sign);
    }
  }
  const late = Math.abs(target - r.shown) > Math.max(r.every, Math.abs(r.speed) * 4) && now - r.shownAt > STALL_MS;
  if (late) {
    // The clock waits at the picture that stands, so that nothing is skipped for a slow line.
    r.from = r.shown;
    r.began = now;
  }
  if (late !== r.waiting && (late || best === target)) {
    r.waiting = late;
    say({ kind: 'waiting', id: r.id, waiting: late });
  }
  const end = sign > 0 ? Math.min(r.last, track.count - 1) : r.first;
  if (r.shown === end) {
    if (r.loop) {
      r.from = sign > 0 ? r.first : r.last;
      r.shown = r.from;
      r.shownAt = 0;
      r.began = now;
      setPlayhead(r.from, sign);
    } else if (sign < 0 || track.complete || end === r.last) {
      run = null;
      say({ kind: 'ended', id: r.id, frame: r.shown });
      seek({ id: r.id, frame: r.shown, moving: false, order: ++order });
      return;
    }
  }
  nextTick(tick);
}

async function feeder(r: Run): Promise<void> {
  const track = scrub ?? review;
  if (!track) return;
  const sign = Math.sign(r.speed);
  const signal = ahead.signal;
  while (run === r) {
    try {
      const target = due(r, track, performance.now());
      const head = sign * (target - r.shown) > 0 && track.frame(target) ? target : r.shown;
      const list: number[] = [];
      for (let i = 0; i < AHEAD_FRAMES; i++) {
        const f = head + sign * i * r.every;
        if (f < r.first || f > r.last || f >= track.count) {
          const end = sign > 0 ? Math.min(r.last, track.count - 1) : r.first;
          list.push(end);
          break;
        }
        list.push(f);
      }
      if (track === scrub) {
        // Decode half the window ahead; fetch the rest of the list meanwhile.
        const soon = list.slice(0, 14).filter((f) => !track.frame(f) && !track.isFed(f)).slice(0, 6);
        if (soon.length > 0) {
          await track.fetch(soon, signal);
          const decoded = run === r ? track.feed(soon) : Promise.resolve();
          await Promise.all([decoded, track.fetch(list, signal)]);
        } else {
          if (list.some((f) => !track.hasBytes(f))) await track.fetch(list, signal);
          await door.wait(8);
        }
      } else {
        const need = list.slice(0, 12).find((f) => !track.frame(f) && !track.isFed(f));
        if (need === undefined) await door.wait(8);
        else {
          const group = await track.group(need);
          await track.fetch(group, signal);
          if (run === r) await track.feed(group);
        }
      }
      fine();
      report();
    } catch (e) {
      if (isAbort(e) || run !== r) return;
      fault('playing waits for the picture', e, 'It goes on when the line is back.', false, r.shown);
      await door.wait(500);
    }
  }
}

// ---- news

let reported = 0;
function report(): void {
  const now = performance.now();
  if (now - reported < 250) return;
  reported = now;
  const track = scrub ?? review;
  if (track) say({ kind: 'held', ranges: track.held() });
}

let growing = false;
async function grow(): Promise<void> {
  if (growing) return;
  growing = true;
  try {
    for (const track of [scrub, review]) {
      if (!track || track.complete) continue;
      const was = track.count;
      while (await track.grow()) { /* to the present end */ }
      if (track.count !== was || track.complete) say({ kind: 'grew', source: track.source, count: track.count, complete: track.complete });
    }
    // A seek that waited for its frame to exist.
    if (want && lanes === 0 && want.order > lastShownOrder && quick(want.frame)) void lane();
  } catch { /* the next poll asks again */ } finally {
    growing = false;
  }
}
setInterval(() => void grow(), 1000);

async function openTrack(source: Source, addresses: Addresses): Promise<Track | null> {
  const address = addresses[source];
  if (!address) return null;
  const track = new Track(source, address, door, source === 'scrub' ? { ...SCRUB } : { ...REVIEW });
  try {
    const problem = await track.open();
    if (problem === null) return track;
    fault(`the ${source} proxy cannot be used`, problem, 'Make the proxies again from the asset’s page.', false, null);
  } catch (e) {
    fault(`the ${source} proxy did not open`, e, 'Check the line to the house, then press R.', false, null);
  }
  track.close();
  return null;
}

async function setAddresses(addresses: Addresses): Promise<void> {
  for (const source of ['scrub', 'review'] as const) {
    const address = addresses[source];
    if (!address) continue;
    const track = source === 'scrub' ? scrub : review;
    if (track) track.move(address);
    else {
      const made = await openTrack(source, addresses);
      if (source === 'scrub') scrub = made;
      else review = made;
      if (made) say({ kind: 'opened', scrub: scrub?.seen ?? null, review: review?.seen ?? null });
    }
  }
  renewal?.done();
  renewal = null;
}

async function open(addresses: Addresses): Promise<void> {
  [scrub, review] = await Promise.all([openTrack('scrub', addresses), openTrack('review', addresses)]);
  say({ kind: 'opened', scrub: scrub?.seen ?? null, review: review?.seen ?? null });
  if (want && lanes === 0) void lane();
}

scope.onmessage = ({ data }: MessageEvent<ToWorker>): void => {
  switch (data.kind) {
    case 'open': void open(data.addresses); break;
    case 'addresses': void setAddresses(data.addresses); break;
    case 'seek': seek({ id: data.id, frame: data.frame, moving: data.moving, order: ++order }); break;
    case 'run': {
      const fps = scrub?.seen ?? review?.seen;
      start({ ...data, began: performance.now(), every: stride(data.speed, fps ? fps.num / fps.den : 25), shown: data.from, shownAt: 0, waiting: false });
      break;
    }
    case 'ahead': void readAhead(data.from, data.to); break;
    case 'grew': void grow(); break;
    case 'times': {
      const track = review ?? scrub;
      if (!track?.seen) break;
      const timescale = track.seen.timescale;
      void track.times().then((times) => say({ kind: 'times', source: track.source, times, timescale }, [times.buffer]), () => undefined);
      break;
    }
  }
};
