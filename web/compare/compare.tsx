/*
 * compare: two films side by side, under a wipe, or as their difference, locked frame by frame: two
 * versions of an asset, or a master and what was made of it. The address says which, at which frame
 * of the left one, and how: /p/PROJECT/compare/LEFT/RIGHT?f=&m=
 */
import sheet from "./compare.css?url";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { post, problem, problem_of } from "../app/api";
import { active } from "../app/jobs";
import { go, route, set_query, to } from "../app/router";
import { job_words } from "../parts/activity";
import { Button, Segments } from "../parts/button";
import { count_text } from "../parts/format";
import { useKeys } from "../parts/keys";
import { ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { tell_problem } from "../parts/toast";
import { Bar } from "../player/bar";
import worker_address from "../player/decode.worker.ts?worker";
import { KEYS, keysOf, type Action, type KeySet } from "../player/keys";
import { emptyState } from "../player/player";
import { STILL, press, release, type Shuttle } from "../player/shuttle";
import { formatTimecode, rateName } from "../player/timecode";
import { by_origin, by_timecode, moved, type Mapping, type Side } from "./mapping";
import { Pair, type Film, type Which } from "./pair";
import { ask_again, film_of, fresh_addresses, use_source, type Source } from "./source";

export { sheet };

const MODES = [
  { value: "beside", label: "Side by side", hint: "Side by side (1)" }, { value: "wipe", label: "Wipe", hint: "Wipe (2); Alt and arrows move it" },
  { value: "difference", label: "Difference", hint: "Difference (3); G makes it stronger" }, { value: "left", label: "Left", hint: "Only the left (4)" }, { value: "right", label: "Right", hint: "Only the right (5)" },
] as const;
type Mode = (typeof MODES)[number]["value"];
const mode_named = (word: string | undefined): Mode => MODES.find((m) => m.value === word)?.value ?? "beside";
const GAINS = [1, 4, 16];

export function Compare() {
  const r = route.value;
  const left = use_source(r.asset ?? ""), right = use_source(r.key ?? "");
  const wrong = left.problem ?? right.problem;
  if (wrong && (!left.source || !right.source)) return <main><div class="empty"><ProblemBox problem={wrong} retry={left.problem ? left.reload : right.reload} /></div></main>;
  if (!left.source || !right.source) return <main><div class="empty" aria-busy="true"><span class="spinner" aria-hidden="true" /><span class="seen-by-readers">Loading</span></div></main>;
  const films = [left.source, right.source].map(film_of);
  const [a, b] = films;
  const waits = [left.source, right.source].find((s) => s.state !== "ready" || typeof film_of(s) === "string");
  if (waits || typeof a !== "object" || typeof b !== "object") return <Waits source={waits ?? left.source} reload={() => { left.reload(); right.reload(); }} />;
  return <Room key={`${left.source.key} ${right.source.key}`} left={left.source} right={right.source} films={{ left: a, right: b }} />;
}

function Waits({ source, reload }: { source: Source; reload: () => void }) {
  const job = source.job ? active.value.get(source.job) : undefined;
  const why = source.state === "ready" ? film_of(source) : "";
  const again = (): void => {
    (source.key.startsWith("d-") ? ask_again(source.key) : source.job ? post(`/jobs/${source.job}/retry`) : Promise.resolve(null)).then(reload, (e: unknown) => tell_problem(problem_of(e)));
  };
  return (
    <main>
      <div class="empty" role="status">
        {source.problem || source.state === "failed"
          ? <ProblemBox problem={source.problem ?? problem("child", `The pictures of ${source.name} were not made`, "its job failed")} retry={again} />
          : <>
            <h2>{typeof why === "string" && why ? `${source.name} can not be compared here` : `Making the pictures of ${source.name}`}</h2>
            {typeof why === "string" && why ? <p>{why}</p> : <><Progress part={job?.progress ?? null} name="Proxies" /><p>{job ? job_words(job) : "It waits for a worker."} The comparison opens by itself.</p></>}
          </>}
        <Button run={() => history.back()}>Back</Button>
      </div>
    </main>
  );
}

// How much the two that stand differ, of 255: on average, and most. Looked at small: it is a hint, no measurement.
function difference(a: HTMLCanvasElement, b: HTMLCanvasElement): { mean: number; most: number } | null {
  const width = 192, height = 108;
  const read = (from: HTMLCanvasElement): Uint8ClampedArray | null => {
    const to = document.createElement("canvas");
    to.width = width;
    to.height = height;
    const g = to.getContext("2d", { willReadFrequently: true });
    g?.drawImage(from, 0, 0, width, height);
    return g?.getImageData(0, 0, width, height).data ?? null;
  };
  const x = read(a), y = read(b);
  if (!x || !y) return null;
  let sum = 0, most = 0;
  for (let i = 0; i < x.length; i++) {
    if (i % 4 === 3) continue;
    const d = Math.abs((x[i] ?? 0) - (y[i] ?? 0));
    sum += d;
    if (d > most) most = d;
  }
  return { mean: sum / (width * height * 3), most };
}

function mapping_of(left: Source, right: Source, a: Side, b: Side): Mapping {
  if (right.origin && right.version === left.version && !left.origin) return by_origin(right.origin, a, b);
  if (left.origin && left.version === right.version && !right.origin) {
    const m = by_origin(left.origin, b, a);
    return { words: m.words, toRight: m.toLeft, toLeft: m.toRight };
  }
  return by_timecode(a, b);
}

function Room({ left, right, films }: { left: Source; right: Source; films: Record<Which, Film> }) {
  const r = route.value;
  const canvases = { left: useRef<HTMLCanvasElement>(null), right: useRef<HTMLCanvasElement>(null) };
  const stage = useRef<HTMLDivElement>(null), bar_host = useRef<HTMLDivElement>(null);
  const pair = useRef<Pair | null>(null), bar = useRef<Bar | null>(null);
  const shuttle = useRef<Shuttle>(STILL);
  const turn = useSignal(0);
  const mode = useSignal<Mode>(mode_named(r.query["m"]));
  const at = useSignal(50); // of the wipe, per cent
  const gain = useSignal(1);
  const nudge = useSignal(0);
  const differs = useSignal<{ mean: number; most: number } | null>(null);
  const view = useSignal({ zoom: 0, x: 0, y: 0 }); // zoom 0 fits
  const spoken = useSignal("");
  const later = useRef({ address: 0, difference: 0 });

  const label = (which: Which, frame: number): string => {
    const half = pair.current?.[which];
    return half ? formatTimecode(frame + films[which].start, half.tc) : "";
  };
  const look_closer = (): void => {
    window.clearTimeout(later.current.difference);
    later.current.difference = window.setTimeout(() => {
      const p = pair.current;
      differs.value = mode.value === "difference" && p && p.speed === 0 && p.left.shown >= 0 && p.right.shown >= 0 ? difference(p.left.canvas, p.right.canvas) : null;
    }, 120);
  };
  const keep_address = (): void => {
    window.clearTimeout(later.current.address);
    later.current.address = window.setTimeout(() => set_query({ f: pair.current?.frame || null, m: mode.value === "beside" ? null : mode.value }, { replace: true }), 400);
  };

  useEffect(() => {
    const l = canvases.left.current, rt = canvases.right.current, host = bar_host.current;
    if (!l || !rt || !host) return;
    const said = r.query["f"];
    const made = new Pair({ left: l, right: rt }, films, {
      make_worker: () => new Worker(worker_address, { type: "module" }),
      renew: (which) => fresh_addresses((which === "left" ? left : right).key),
      map: (a, b) => moved(mapping_of(left, right, a, b), b, nudge.value),
      changed: () => { turn.value++; },
      drawn: look_closer,
    }, said && /^\d+$/.test(said) ? Number(said) : 0);
    pair.current = made;
    const track = new Bar(host, { seek: (n, moving) => seek(n, moving), label: (n) => label("left", n) });
    bar.current = track;
    return () => {
      window.clearTimeout(later.current.address);
      window.clearTimeout(later.current.difference);
      track.close();
      made.close();
      pair.current = null;
    };
  }, []);

  const p = pair.current;
  useEffect(() => {
    const now = pair.current;
    if (now) bar.current?.update({ ...emptyState(), frame: now.frame, shown: now.left.shown, count: now.count, total: now.count, rate: now.left.tc.fps, tc: now.left.tc, inFrame: now.in_frame, outFrame: now.out_frame, loop: now.loop });
  }, [turn.value]);

  // ---- moving
  const told = (): void => {
    spoken.value = label("left", pair.current?.frame ?? 0);
    keep_address();
  };
  const seek = (n: number, moving = false): void => {
    shuttle.current = STILL;
    pair.current?.seek(n, moving);
    if (!moving) told();
  };
  const step = (n: number): void => seek((pair.current?.frame ?? 0) + n);
  const speed = (s: number): void => {
    pair.current?.setSpeed(s);
    shuttle.current = { ...shuttle.current, speed: s };
    if (s === 0) told();
  };
  const jkl = (key: "J" | "K" | "L"): void => {
    const [next, act] = press({ ...shuttle.current, speed: pair.current?.speed ?? 0 }, key);
    if (act.act === "speed") speed(act.speed);
    else if (act.act === "step") step(act.frames);
    shuttle.current = next;
  };
  useEffect(() => {
    const up = (e: KeyboardEvent): void => { if (e.key.toUpperCase() === "K") shuttle.current = release(shuttle.current, "K"); };
    window.addEventListener("keyup", up);
    return () => window.removeEventListener("keyup", up);
  }, []);
  const second = (): number => (p ? Math.max(1, Math.round(p.left.tc.fps.num / p.left.tc.fps.den)) : 25);
  const pick = (to_mode: Mode): void => {
    mode.value = to_mode;
    look_closer();
    keep_address();
  };
  const next_mode = (way: 1 | -1): void => {
    const i = MODES.findIndex((m) => m.value === mode.value);
    pick(MODES[(i + way + MODES.length) % MODES.length]?.value ?? "beside");
  };
  const move_by = (n: number): void => {
    nudge.value = n === 0 ? 0 : nudge.value + n;
    pair.current?.remap();
  };
  const hear = (): void => {
    const now = pair.current;
    now?.hear(now.heard === "left" ? "right" : now.heard === "right" ? null : "left");
  };
  const range = (a: number | null, b: number | null): void => {
    const now = pair.current;
    if (!now) return;
    [now.in_frame, now.out_frame] = a !== null && b !== null && b < a ? [b, a] : [a, b];
    turn.value++;
  };
  const zoom_to = (zoom: number): void => { view.value = zoom <= 0 ? { zoom: 0, x: 0, y: 0 } : { ...view.value, zoom: Math.min(16, Math.max(0.1, zoom)) }; };
  const fitted = (): number => { // screen pixels a picture pixel while it fits
    const c = canvases.left.current, room = c?.parentElement;
    return c && room && c.width ? Math.min(room.clientWidth / c.width, room.clientHeight / c.height) * (window.devicePixelRatio || 1) : 1;
  };
  const now = (): Pair | null => pair.current;
  const acts: Partial<Record<Action, () => void>> = {
    play: () => speed(now()?.speed === 0 ? 1 : 0), back: () => jkl("J"), stop: () => jkl("K"), forward: () => jkl("L"),
    stepBack: () => step(-1), stepForward: () => step(1), secondBack: () => step(-second()), secondForward: () => step(second()),
    first: () => seek(0), last: () => seek((now()?.count ?? 1) - 1),
    markIn: () => range(now()?.frame ?? 0, now()?.out_frame ?? null), markOut: () => range(now()?.in_frame ?? null, now()?.frame ?? 0),
    clearIn: () => range(null, now()?.out_frame ?? null), clearOut: () => range(now()?.in_frame ?? null, null),
    loop: () => { const c = now(); if (c) c.loop = !c.loop; turn.value++; },
    fit: () => zoom_to(0), whole: () => zoom_to(view.value.zoom === 1 ? 0 : 1),
    full: () => void (document.fullscreenElement ? document.exitFullscreen() : stage.current?.closest(".compare")?.requestFullscreen().catch(() => undefined)),
    mute: hear,
  };
  let set: KeySet = "posthouse";
  try { set = (localStorage.getItem("posthouse.keys") ?? "posthouse") as KeySet; } catch { /* the usual keys */ }
  useKeys("Comparison", [
    { keys: ["X"], name: "Side by side, wipe, difference, left, right", run: () => next_mode(1) },
    { keys: ["Shift+X"], name: "The same, backward", run: () => next_mode(-1), in_palette: false },
    ...MODES.map((m, i) => ({ keys: [String(i + 1)], name: m.label, run: () => pick(m.value) })),
    { keys: ["Alt+ArrowLeft"], name: "Wipe to the left", run: () => { at.value = Math.max(0, at.value - 2); }, in_palette: false },
    { keys: ["Alt+ArrowRight"], name: "Wipe to the right", run: () => { at.value = Math.min(100, at.value + 2); }, in_palette: false },
    { keys: ["G"], name: "Difference 1, 4 or 16 times", run: () => { gain.value = GAINS[(GAINS.indexOf(gain.value) + 1) % GAINS.length] ?? 1; } },
    { keys: [","], name: "Right one frame earlier", run: () => move_by(-1) },
    { keys: ["."], name: "Right one frame later", run: () => move_by(1) },
    { keys: ["Shift+,", "<"], name: "Right as it belongs", run: () => move_by(0) },
    ...KEYS.filter((row) => acts[row[0]]).map((row) => ({ keys: keysOf(row, set), name: row[0] === "mute" ? "Sound of the left, of the right, off" : row[1], run: () => acts[row[0]]?.() })),
  ]);

  // Drag: the wipe, or the picture when it is larger than its room. The wheel with Ctrl zooms.
  useEffect(() => {
    const room = stage.current;
    if (!room) return;
    let from: [number, number] | null = null;
    const wipe = (x: number): void => {
      const b = room.getBoundingClientRect();
      at.value = Math.max(0, Math.min(100, ((x - b.left) / b.width) * 100));
    };
    const down = (e: PointerEvent): void => {
      if (e.button !== 0) return;
      from = [e.clientX, e.clientY];
      if (mode.value === "wipe" && view.value.zoom === 0) wipe(e.clientX);
    };
    const move = (e: PointerEvent): void => {
      if (!from) return;
      if (mode.value === "wipe" && (view.value.zoom === 0 || e.shiftKey)) return wipe(e.clientX);
      if (view.value.zoom > 0) view.value = { ...view.value, x: view.value.x + e.clientX - from[0], y: view.value.y + e.clientY - from[1] };
      from = [e.clientX, e.clientY];
    };
    const up = (): void => { from = null; };
    const wheel = (e: WheelEvent): void => {
      if (!(e.ctrlKey || view.value.zoom > 0)) return;
      e.preventDefault();
      zoom_to((view.value.zoom || fitted()) * Math.exp(-e.deltaY / 300));
    };
    room.addEventListener("pointerdown", down);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    room.addEventListener("wheel", wheel, { passive: false });
    return () => {
      room.removeEventListener("pointerdown", down);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      room.removeEventListener("wheel", wheel);
    };
  }, []);

  void turn.value;
  const other = p?.mapping?.toRight(p.frame) ?? null;
  const v = view.value;
  const transform = v.zoom > 0 ? `translate(${v.x}px, ${v.y}px) scale(${v.zoom / fitted()})` : undefined;
  const fault = p?.left.fault ?? p?.right.fault;
  const secure = typeof VideoDecoder === "function";
  const tc = (which: Which, frame: number | null) => (
    <div class={`review-tc ${which}`}>
      {frame === null ? <b class="none">no such frame</b> : <><b>{label(which, frame)}</b><span class="mono quiet" title="Frame, from 0, of all">{count_text(frame)} / {count_text(p?.[which].count ?? 0)}</span></>}
    </div>
  );
  return (
    <main class="compare" aria-label="Comparison">
      <div class="compare-top">
        <div class="who left"><a class="cut" href={left.href} title={left.name}>{left.name}</a><span class="quiet cut">{left.detail}{p?.left.seen ? ` · ${rateName(p.left.tc.fps)} · ${p.left.seen.width} × ${p.left.seen.height}` : ""}</span></div>
        <div class="how">
          <Segments name="How they are shown" value={mode.value} pick={pick} options={MODES.map((m) => ({ ...m }))} />
          <Button run={hear} name="Whose sound is heard" keys="S">{p?.heard === "left" ? "Sound: left" : p?.heard === "right" ? "Sound: right" : "No sound"}</Button>
          <Button name="Change sides" run={() => go(to.compare(r.project ?? "", right.key, left.key, { f: other, m: mode.value }), { replace: true })}>⇄</Button>
        </div>
        <div class="who right"><a class="cut" href={right.href} title={right.name}>{right.name}</a><span class="quiet cut">{right.detail}{p?.right.seen ? ` · ${rateName(p.right.tc.fps)} · ${p.right.seen.width} × ${p.right.seen.height}` : ""}</span></div>
      </div>
      <div class={`compare-stage${v.zoom > 1 ? " over-100" : ""}`} ref={stage} data-mode={mode.value} style={{ "--at": `${at.value}%`, "--gain": String(gain.value) }}>
        <div class="both">
          <div class="side left"><canvas ref={canvases.left} role="img" aria-label={`${left.name}, the left`} style={{ transform }} /></div>
          <div class="side right"><canvas ref={canvases.right} role="img" aria-label={`${right.name}, the right`} style={{ transform }} />
            {p?.mapping && other === null && p.right.shown < 0 && <div class="face">{right.name} has no frame here</div>}
          </div>
        </div>
        {mode.value === "wipe" && <div class="edge" />}
        <div class="compare-say" role="status">
          {!secure && <span class="bad">This browser has no exact decoder, or the house is not open over https.</span>}
          {secure && !p?.mapping && !fault && <span>Opening both</span>}
          {fault && <span class="bad">{fault}</span>}
          {p?.mapping && <span>Locked {p.mapping.words}</span>}
          {mode.value === "difference" && differs.value && <span class="mono">differs by {differs.value.mean.toFixed(2)} on average, {differs.value.most} at most, of 255{gain.value > 1 ? ` · shown ${gain.value} times` : ""}</span>}
          {p?.loop && <span class="note">Loop</span>}
        </div>
      </div>
      <div class="compare-foot">
        <div class="bar-host" ref={bar_host} />
        <div class="review-trans">
          {tc("left", p?.frame ?? 0)}
          <div class="review-keys" role="group" aria-label="Transport">
            <Button run={() => step(-1)} name="One frame back" keys="←">|◀</Button>
            <Button run={() => jkl("J")} on={(p?.speed ?? 0) < 0} name="Backward" keys="J">◀ J</Button>
            <Button run={() => acts.play?.()} look={p?.speed ? "primary" : undefined} name={p?.speed ? "Stop" : "Play"} keys="Space">{p?.speed ? "❚❚" : "▶"}</Button>
            <Button run={() => jkl("L")} on={(p?.speed ?? 0) > 1} name="Forward" keys="L">L ▶</Button>
            <Button run={() => step(1)} name="One frame on" keys="→">▶|</Button>
          </div>
          {tc("right", other)}
        </div>
        <span class="seen-by-readers" aria-live="polite">{spoken.value}</span>
      </div>
    </main>
  );
}
