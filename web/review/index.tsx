/*
 * review: one asset, looked at frame by frame. The picture and its keys are the player's (plain
 * TypeScript); here are the panel, the drawings over the picture, and a face for every state.
 */
import type { Asset, Comment, Delivery, Derived, Problem, QcFinding, QcReport, Stroke, Version } from "api-types";
import { useSignal, type Signal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { lazy } from "../app/lazy";
import { get, is_aborted, me, online, problem_of } from "../app/api";
import { subscribe } from "../app/events";
import { go, set_query, to } from "../app/router";
import { may } from "../app/session";
import { seen_at } from "../captions/model";
import { CaptionsOver } from "../captions/over";
import { use_captions } from "../captions/use";
import { NeverClosed, wrong_hash } from "../growing/closed";
import { ShareDialog } from "../library/dialogs";
import { Plate, without_picture } from "../library/original";
import { Button, Segments } from "../parts/button";
import { open_dialog } from "../parts/dialog";
import { ago_text, count_text, sentence } from "../parts/format";
import { Icon } from "../parts/icons";
import { useKeys } from "../parts/keys";
import { menu_under, type MenuItem } from "../parts/menu";
import { ProblemBox } from "../parts/problem";
import { Progress } from "../parts/progress";
import { tell } from "../parts/toast";
import { Bar } from "../player/bar";
import { KEYS, KEY_SETS, keysOf, type Action, type KeySet } from "../player/keys";
import { NOTHING, any, type Closer } from "../player/closing";
import type { Addresses } from "../player/messages";
import { Colour, type Coloured } from "../player/colour";
import { readPeaks, type Peaks } from "../player/peaks";
import { Player, emptyState, type Media, type PlayerState } from "../player/player";
import type { MeterNews } from "../player/meter.worklet";
import { Sound } from "../player/sound";
import { STILL, press, release, type Shuttle } from "../player/shuttle";
import { durationText, formatSamples, formatTimecode, parseEntry, rateName } from "../player/timecode";
import worker_address from "../player/decode.worker.ts?worker";
import meter_address from "../player/meter.worklet.ts?worker";
import { BurntFace, use_burnt } from "./burnt";
import { Comments, type Pen } from "./comments";
import { COLOURS, UNIT, extend, pathOf, toPicture } from "./draw";
import { Meters } from "./meters";
import { notes_menu } from "./notes";
import { Quality, look_of, placed } from "./quality";
import style from "./review.css?url";
import { at_frame, drop, neighbour, put, threads, type Filter } from "./threads";
import { StatusButton } from "./status";
import { by_version, version_beside, version_shown } from "./versions";

export { ShareView } from "./share";

const CaptionEditor = lazy(() => import("../captions/editor"), (m, p: Parameters<typeof import("../captions/editor").CaptionEditor>[0]) => <m.CaptionEditor {...p} />);

const CloserPanel = lazy(() => import("../player/closer"), (m, p: Parameters<typeof import("../player/closer").CloserPanel>[0]) => <m.CloserPanel {...p} />);

const Timeline = lazy(() => import("./timeline"), (m, p: Parameters<typeof import("./timeline").Timeline>[0]) => <m.Timeline {...p} />);

export interface ReviewProps {
  asset: string;
  version?: number; // the newest without
  frame?: number;
  comment?: string;
  share: boolean;
}

// The sheet comes with the view; it stays once it is there.
export function wear(address: string): Promise<void> {
  if (document.querySelector(`link[data-view="${address}"]`)) return Promise.resolve();
  return new Promise((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = address;
    link.dataset["view"] = address;
    link.onload = link.onerror = () => done();
    document.head.append(link);
  });
}

const one = (v: Version, kind: Derived["kind"]): Derived | undefined => v.derived.find((d) => d.kind === kind);

export function addresses_of(v: Version): Addresses {
  const made: Addresses = {};
  for (const source of ["scrub", "review"] as const) {
    const media = one(v, source);
    const index = one(v, `${source}_index`);
    if (media && index) made[source] = { media: media.url, index: index.url, growing: media.growing || index.growing };
  }
  return made;
}

// What the player is given; null while there is nothing to show yet.
export function media_of(asset: Asset, v: Version): Media | null {
  const addresses = addresses_of(v);
  const f = v.facts;
  const audio = one(v, "audio")?.url;
  const poster = one(v, "poster")?.url;
  const picture = asset.kind !== "sound" && (f ? f.video.length > 0 || asset.kind !== "clip" : true);
  if (picture ? !addresses.scrub && !addresses.review : !audio) return null;
  const tc = f?.timecode;
  const shape = f?.video[0];
  return {
    ...addresses, ...(audio && { audio }), ...(poster && { poster }), picture,
    rate: f?.rate ?? "25/1", durationFrames: f?.duration_frames ?? 0, startFrame: tc?.start_frame ?? 0,
    base: tc?.base ?? 25, framesPerLabel: tc?.frames_per_label ?? 1, drop: tc?.drop ?? false,
    firstFile: f?.sequence?.first ?? null,
    aspect: shape && shape.display_height > 0 ? shape.display_width / shape.display_height : 16 / 9,
  };
}

type Units = "timecode" | "frames" | "file";

export function name_frame(s: PlayerState, n: number, units: Units = "timecode"): string {
  if (units === "frames") return count_text(n);
  if (units === "file" && s.firstFile !== null) return String(s.firstFile + n);
  return s.sampleSteps ? formatSamples(n + s.startFrame, s.rate.num / s.rate.den) : formatTimecode(n + s.startFrame, s.tc);
}

// Not each picture on its way, nor what is held: the canvas and the bar show those, and all of the room would be drawn again.
const BY_THEMSELVES: (keyof PlayerState)[] = ["shown", "from", "held"];
const is_news = (a: PlayerState, b: PlayerState): boolean =>
  (a.shown < 0) !== (b.shown < 0) || (Object.keys(b) as (keyof PlayerState)[]).some((k) => a[k] !== b[k] && !BY_THEMSELVES.includes(k));

const stored = (key: string, otherwise: string): string => {
  try { return localStorage.getItem(key) ?? otherwise; } catch { return otherwise; }
};
const keep = (key: string, value: string): void => {
  try { localStorage.setItem(key, value); } catch { /* a convenience only */ }
};

const MASKS = [0, 2.39, 1.85, 16 / 9, 4 / 3];

const NO_VERSION = { id: "", state: "stored" } as Version;

export function ReviewView(p: ReviewProps) {
  const [asset, set_asset] = useState<Asset | null>(null);
  const [versions, set_versions] = useState<Version[]>([]);
  const on_screen = useRef<string | null>(null);
  const was_named = useRef(p.version);
  const leaving = useRef<(() => void) | null>(null);
  const [, draw_again] = useState(0);
  const [problem, set_problem] = useState<Problem | null>(null);
  const [dressed, set_dressed] = useState(false);
  const load = (): void => {
    set_problem(null);
    get<Asset>(`/assets/${p.asset}`).then(async (got) => {
      set_versions(got.versions > 1 ? await get<Version[]>(`/assets/${p.asset}/versions`) : [got.version]);
      set_asset(got);
    }).catch((e: unknown) => { if (!is_aborted(e)) set_problem(problem_of(e)); });
  };
  useEffect(() => void wear(style).then(() => set_dressed(true)), []);
  useEffect(() => {
    if (!asset || p.version === undefined || versions.some((v) => v.number === p.version)) return;
    tell(`There is no version ${p.version}: this is the newest`);
    set_query({ v: null }, { replace: true });
  }, [asset, p.version]);
  useEffect(() => {
    set_asset(null);
    on_screen.current = null;
    load();
    return subscribe({ asset: p.asset, kinds: ["asset.", "version."], hear: (n) => {
      if (n.kind !== "asset.deleted") load();
      else set_problem({ type: "about:blank", title: "This asset was deleted", detail: "somebody deleted it while you were here", fix: "an editor of the project can bring it back from the library", reference: "", status: 0, kind: "gone" });
    } });
  }, [p.asset]);
  const at_hand = asset ? version_shown(asset, versions, p.version, on_screen.current) : null;
  use_burnt(at_hand ?? NO_VERSION, (now) => {
    set_versions((all) => all.map((o) => (o.id === now.id ? now : o)));
    set_asset((a) => (a && a.version.id === now.id ? { ...a, version: now } : a));
  });
  if (problem && !asset) return <div class="empty"><ProblemBox problem={problem} retry={load} /></div>;
  if (!asset || !dressed) return <div class="empty" aria-busy="true"><span class="spinner" aria-hidden="true" /><span class="seen-by-readers">Loading</span></div>;
  if (was_named.current !== undefined && p.version === undefined) on_screen.current = null; // from ?v= to the newest
  was_named.current = p.version;
  const shown = version_shown(asset, versions, p.version, on_screen.current);
  on_screen.current = shown.id;
  return (
    <Colour key={shown.id} asset={asset} v={shown} share={p.share} leave={() => leaving.current?.()}>
      {(colour) => <Room key={`${asset.id}.${shown.id}.${colour.key}`} asset={asset} v={colour.v} colour={colour} leaving={leaving} versions={versions} hold={(v) => { on_screen.current = v.id; draw_again((n) => n + 1); }} p={p} />}
    </Colour>
  );
}

interface RoomProps {
  asset: Asset;
  v: Version; // the one on the screen
  colour: Coloured;
  leaving: { current: (() => void) | null }; // called before the same frame is seen in other films
  versions: Version[]; // newest first
  hold: (v: Version) => void; // the one to show where the address names none
  p: ReviewProps;
}

function Room({ asset, v, colour, leaving, versions, hold, p }: RoomProps) {
  const root = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const bar_host = useRef<HTMLDivElement>(null);
  const [wave_host, set_wave_host] = useState<HTMLDivElement | null>(null);
  const peaks_read = useSignal<Peaks | null>(null);
  const player = useRef<Player | null>(null);
  const bar = useRef<Bar | null>(null);
  const opened = useRef(false);
  const wanted = useRef(0); // the frame of the comment that the address names
  const renew = useRef(colour.renew);
  renew.current = colour.renew;
  const shuttle = useRef<Shuttle>(STILL);
  const state = useSignal<PlayerState>(emptyState());
  const comments = useSignal<Comment[]>([]);
  const elsewhere_too = useSignal(false); // comments on other versions are listed
  const comments_problem = useSignal<Problem | null>(null);
  const filter = useSignal<Filter>("open");
  const chosen = useSignal<string | null>(p.comment ?? null);
  const waiting = useSignal<string[]>([]);
  const panel = useSignal<"comments" | "quality">("comments");
  const report = useSignal<QcReport | null>(null);
  const finding = useSignal<number | null>(null);
  const log_finding = useRef<() => void>(() => undefined);
  const pen = useSignal<Pen>({ tool: null, colour: COLOURS[0] ?? "#ffd24a", strokes: [] });
  const drawing = useSignal<Stroke | null>(null);
  const units = useSignal<Units>("timecode");
  const entry = useSignal<string | null>(null);
  const entry_wrong = useSignal("");
  const safe = useSignal(false);
  const mask = useSignal(0);
  const closer = useSignal<Closer>(NOTHING);
  const spoken = useSignal("");
  const set_name = useSignal<KeySet>(stored("posthouse.keys", "posthouse") as KeySet);
  const asked_name = useSignal<((name: string | null) => void) | null>(null);
  const label = (n: number): string => name_frame(state.value, n);
  const sound = useSignal<Sound | null>(null);
  const meters_on = useSignal(stored("posthouse.meters", "") === "yes");
  const solo_changed = useSignal(0);
  const ears = useRef(new Set<(n: MeterNews) => void>());
  const channels = v.facts?.audio[0]?.channels ?? 0;
  const all_channels = one(v, "audio");
  const can_meter = Sound.possible && channels > 0 && all_channels !== undefined && !all_channels.growing;
  const media = useMemo(() => media_of(asset, v), [asset, v]);
  const captions = use_captions(asset, media?.picture === true);
  const cues = captions.shown.value;
  const { here: own } = by_version(comments.value, v.id);
  const newest = versions[0] ?? v;
  const sound_only = media?.picture === false;

  // ---- player and bar live as long as the room
  useEffect(() => {
    if (!stage.current || !bar_host.current) return;
    const made = new Player(stage.current, {
      makeWorker: () => new Worker(worker_address, { type: "module" }),
      renew: async () => addresses_of(await renew.current()),
    });
    player.current = made;
    const track = new Bar(bar_host.current, { seek: (n, moving) => seek(n, moving), label: (n) => name_frame(made.state, n) });
    bar.current = track;
    const stop = made.subscribe((s) => {
      if (is_news(state.peek(), s)) state.value = s;
      track.update(s);
    });
    const off = colour.lens.attach(made);
    return () => {
      stop();
      track.close();
      off();
      made.close();
      player.current = null;
      opened.current = false;
    };
  }, []);
  useEffect(() => {
    const here = player.current;
    if (!here || !media) return;
    if (opened.current) return here.update(media);
    opened.current = true;
    void here.open(media, p.frame ?? wanted.current);
  }, [media]);
  useEffect(() => {
    const f = v.facts?.sprite;
    const urls = v.derived.filter((d) => d.kind === "sprites").map((d) => d.url);
    if (f && urls.length) bar.current?.setSprites({ urls, width: f.width, height: f.height, columns: f.columns, rows: f.rows, every: Math.max(1, f.every_frames), count: f.count });
    const peaks = one(v, "peaks");
    if (!peaks || peaks.growing) return;
    const stop = new AbortController();
    fetch(peaks.url, { signal: stop.signal, credentials: "omit" })
      .then((r) => (r.ok ? r.arrayBuffer() : Promise.reject(new Error(String(r.status)))))
      .then((b) => bar.current?.setPeaks((peaks_read.value = readPeaks(new Uint8Array(b)))))
      .catch(() => undefined); // no waveform: the bar works without
    return () => stop.abort();
  }, [asset]);

  // All channels with meters, while they are wanted. An element that was tapped stays so.
  const ready = state.value.status === "ready";
  useEffect(() => {
    const here = player.current;
    if (!here || !ready || !can_meter || !all_channels) return;
    if (!meters_on.value) {
      if (sound.value?.apart) {
        sound.value.close();
        sound.value = null;
        here.setSound(null);
      }
      return;
    }
    if (sound.value) return;
    let gone = false;
    Sound.open(here.video, sound_only ? null : all_channels.url, Math.min(8, channels), {
      worklet: meter_address,
      news: (n) => { for (const hear of ears.current) hear(n); },
      renew: async () => one(await get<Version>(`/versions/${v.id}`), "audio")?.url ?? null,
    }).then((made) => {
      if (gone) return made.close();
      sound.value = made;
      here.setSound(made);
    }, (e: unknown) => {
      tell(`No meters: ${e instanceof Error ? e.message : String(e)}`);
      meters_on.value = false;
    });
    return () => { gone = true; };
  }, [ready, can_meter, meters_on.value]);
  useEffect(() => () => sound.value?.close(), []);

  // Back on the line: what did not come is asked for again.
  useEffect(() => online.subscribe((is) => { if (is && player.current?.state.fault) player.current.retry(); }), []);

  // ---- comments, live
  useEffect(() => {
    let first = true;
    const load = (): void => {
      get<Comment[]>(`/assets/${asset.id}/comments`).then((list) => {
        const unsent = comments.value.filter((c) => waiting.value.includes(c.id) && !list.some((o) => o.id === c.id));
        comments.value = [...list, ...unsent];
        comments_problem.value = null;
        const aim = p.comment ? list.find((c) => c.id === p.comment) : undefined;
        const its = aim && aim.version !== v.id && p.version === undefined ? versions.find((o) => o.id === aim.version) : undefined;
        if (first && aim && its) return show_version(its, { frame: aim.frame, comment: aim.id, replace: true }); // a link to a comment leads to its version
        if (aim && p.frame === undefined && !opened.current) wanted.current = aim.frame;
        else if (aim && p.frame === undefined && first) seek(aim.frame, false);
        first = false;
      }).catch((e: unknown) => { comments_problem.value = problem_of(e); });
    };
    load();
    return subscribe({ asset: asset.id, kinds: ["comment.", "comments."], caught_up: load, hear: (n) => {
      if (n.kind === "comments.carried") return load();
      const c = n.body as Comment;
      if (n.kind === "comment.deleted") comments.value = drop(comments.value, n.subject ?? c.id);
      else if (c && typeof c.id === "string") comments.value = put(comments.value, { ...c, mine: c.by_id !== "" && c.by_id === me.value?.person?.id });
    } });
  }, [asset.id]);

  // ---- moving
  const seek = (n: number, moving = false): void => {
    shuttle.current = STILL;
    player.current?.seek(n, moving);
    if (!moving) {
      const at = player.current?.state.frame ?? n;
      spoken.value = label(at);
      set_query_later(at);
    }
  };
  const address_timer = useRef(0);
  const set_query_later = (n: number): void => {
    window.clearTimeout(address_timer.current);
    address_timer.current = window.setTimeout(() => set_query({ f: n || null }, { replace: true }), 400);
  };
  useEffect(() => () => window.clearTimeout(address_timer.current), []);
  leaving.current = () => { window.clearTimeout(address_timer.current); set_query({ f: player.current?.state.frame || null }, { replace: true }); };
  // Another version, at the same frame unless another is named.
  const show_version = (to: Version, at: { frame?: number; comment?: string; replace?: boolean } = {}): void => {
    window.clearTimeout(address_timer.current);
    hold(to);
    set_query({ v: to.id === newest.id ? null : to.number, f: (at.frame ?? player.current?.state.frame ?? 0) || null, c: at.comment ?? null }, { replace: at.replace ?? false });
  };
  const other_version = (way: 1 | -1): void => {
    const to = version_beside(versions, v.id, way);
    if (to) show_version(to);
    else spoken.value = "There is only this version";
  };
  const go_comment = (c: Comment): void => {
    const its = c.version === v.id ? undefined : versions.find((o) => o.id === c.version);
    if (its) return show_version(its, { frame: c.frame, comment: c.id });
    chosen.value = c.id;
    seek(c.frame);
  };
  const step = (n: number): void => {
    shuttle.current = STILL;
    player.current?.step(n);
    const at = player.current?.state.frame ?? 0;
    spoken.value = label(at);
    set_query_later(at);
  };
  const speed = (s: number): void => {
    player.current?.setSpeed(s);
    shuttle.current = { ...shuttle.current, speed: s };
    if (s === 0) set_query_later(player.current?.state.frame ?? 0);
  };
  const jkl = (key: "J" | "K" | "L"): void => {
    // The shuttle follows what is really running: it may have stopped at an end.
    const [next, act] = press({ ...shuttle.current, speed: state.value.speed }, key);
    if (act.act === "speed") speed(act.speed);
    else if (act.act === "step") step(act.frames);
    shuttle.current = next;
  };
  useEffect(() => {
    const up = (e: KeyboardEvent): void => { if (e.key.toUpperCase() === "K") shuttle.current = release(shuttle.current, "K"); };
    const blur = (): void => { shuttle.current = release(shuttle.current, "K"); };
    window.addEventListener("keyup", up);
    window.addEventListener("blur", blur);
    return () => {
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", blur);
    };
  }, []);
  const second = (): number => (state.value.sampleSteps ? 25 : Math.round(state.value.rate.num / state.value.rate.den));
  const full = (): void => void (document.fullscreenElement ? document.exitFullscreen() : root.current?.requestFullscreen?.().catch(() => undefined));
  const go_finding = (f: QcFinding): void => {
    finding.value = f.number;
    if (f.from != null) seek(f.from);
  };
  const jump = (way: 1 | -1): void => {
    if (panel.value === "quality") {
      const all = placed(report.value), at = state.value.frame;
      const next = way > 0 ? all.find((f) => (f.from ?? 0) > at) : all.filter((f) => (f.from ?? 0) < at).pop();
      if (next) go_finding(next);
      return;
    }
    const c = neighbour(threads(own, filter.value), state.value.frame, way);
    if (c) go_comment(c);
  };
  const range = (a: number | null, b: number | null): void => player.current?.setRange(a, b);
  const acts: Record<Action, () => void> = {
    play: () => speed(state.value.speed === 0 ? 1 : 0), back: () => jkl("J"), stop: () => jkl("K"), forward: () => jkl("L"),
    stepBack: () => step(-1), stepForward: () => step(1), secondBack: () => step(-second()), secondForward: () => step(second()),
    first: () => seek(0), last: () => seek(state.value.count - 1),
    markIn: () => range(state.value.frame, state.value.outFrame !== null && state.value.outFrame < state.value.frame ? null : state.value.outFrame),
    markOut: () => range(state.value.inFrame !== null && state.value.inFrame > state.value.frame ? null : state.value.inFrame, state.value.frame),
    clearIn: () => range(null, state.value.outFrame), clearOut: () => range(state.value.inFrame, null),
    goIn: () => seek(state.value.inFrame ?? 0), goOut: () => seek(state.value.outFrame ?? state.value.count - 1),
    loop: () => player.current?.setLoop(!state.value.loop),
    comment: () => (panel.value === "quality" ? log_finding.current() : document.getElementById("comment-words")?.focus()),
    nextComment: () => jump(1), previousComment: () => jump(-1), full,
    olderVersion: () => other_version(1), newerVersion: () => other_version(-1),
    fit: () => player.current?.zoomTo(0), whole: () => player.current?.zoomTo(state.value.zoom === 1 ? 0 : 1),
    goto: () => { entry.value = ""; }, retry: () => player.current?.retry(),
    mute: () => player.current?.setVolume(state.value.volume, !state.value.muted),
    meters: () => {
      if (!can_meter) return tell(channels === 0 ? "It has no sound" : Sound.possible ? "Its sound is still being made" : "Meters want the house over https");
      meters_on.value = !meters_on.value;
      keep("posthouse.meters", meters_on.value ? "yes" : "no");
    },
    safe: () => { safe.value = !safe.value; }, mask: () => { mask.value = MASKS[(MASKS.indexOf(mask.value) + 1) % MASKS.length] ?? 0; },
    original: () => { closer.value = { ...closer.value, original: !closer.value.original, layer: null }; },
    scopes: () => { closer.value = { ...closer.value, scopes: !closer.value.scopes }; },
    falseColour: () => { closer.value = { ...closer.value, false_colour: !closer.value.false_colour }; },
    layers: () => { if (v.facts?.exr) closer.value = { ...closer.value, picking: !closer.value.picking }; else tell("Only OpenEXR files have layers"); },
    captions: captions.toggle, captionEditor: captions.edit,
    units: () => { units.value = units.value === "timecode" ? "frames" : units.value === "frames" && state.value.firstFile !== null ? "file" : "timecode"; },
  };
  useKeys("Player", [
    ...KEYS.map((row) => ({ keys: keysOf(row, set_name.value), name: row[1], run: () => acts[row[0]]() })),
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ keys: [`Alt+${n}`], name: `Channel ${n} alone`, hidden: true, in_palette: false, run: () => {
      if (!sound.value || n > sound.value.places.length) return false;
      sound.value.toggle("solo", n - 1);
      solo_changed.value++;
    } })),
    ...["+", "-", ...(set_name.value === "avid" ? ["5", "6", "7", "8", "9"] : ["1", "2", "3", "4", "5", "6", "7", "8", "9"])].map((k) => ({ keys: [k], name: "Type a timecode", hidden: true, in_palette: false, run: () => { entry.value = k; } })),
  ]);
  const enter = (): void => {
    const s = state.value;
    if (s.sampleSteps) {
      entry.value = null;
      return;
    }
    const got = parseEntry(entry.value ?? "", s.tc);
    if (got.kind === "wrong") { entry_wrong.value = got.why; return; }
    const to = got.kind === "offset" ? s.frame + got.frames : got.kind === "frame" ? got.frame : got.frames - s.startFrame;
    if (to < 0 || to >= s.count) { entry_wrong.value = `outside: ${label(0)} to ${label(s.count - 1)}`; return; }
    entry.value = null;
    entry_wrong.value = "";
    seek(to);
  };

  // ---- full screen: the chrome leaves after two seconds of rest
  useEffect(() => {
    let timer = 0;
    const wake = (): void => {
      root.current?.classList.remove("idle");
      window.clearTimeout(timer);
      if (document.fullscreenElement) timer = window.setTimeout(() => root.current?.classList.add("idle"), 2000);
    };
    const names = ["pointermove", "keydown", "fullscreenchange"] as const;
    for (const n of names) document.addEventListener(n, wake);
    return () => {
      window.clearTimeout(timer);
      for (const n of names) document.removeEventListener(n, wake);
    };
  }, []);

  // ---- what lies over the picture
  const s = state.value;
  const aspect = media?.aspect ?? 16 / 9;
  useEffect(() => {
    const here = player.current;
    if (here) render(<>{cues && <CaptionsOver cues={seen_at(cues.cues, s.frame)} language={cues.document.language} />}<Over aspect={aspect} pen={pen} drawing={drawing} safe={safe.value} mask={mask.value} seen={s.speed === 0 ? at_frame(own, s.frame).filter((c) => !c.resolved || c.id === chosen.value) : []} /></>, here.over);
  });
  // Zoom with the wheel, pan by dragging.
  useEffect(() => {
    const room = stage.current;
    if (!room) return;
    let from: [number, number] | null = null;
    const wheel = (e: WheelEvent): void => {
      const here = player.current;
      if (!here || !(e.ctrlKey || here.state.zoom > 0)) return;
      e.preventDefault();
      const b = here.box.getBoundingClientRect();
      here.zoomTo(here.scale * Math.exp(-e.deltaY / 300), (e.clientX - b.left) / b.width, (e.clientY - b.top) / b.height);
    };
    const down = (e: PointerEvent): void => { if (!pen.value.tool && (e.target as Element).closest("button") === null) from = [e.clientX, e.clientY]; };
    const move = (e: PointerEvent): void => {
      if (!from || !player.current) return;
      player.current.panBy(e.clientX - from[0], e.clientY - from[1]);
      from = [e.clientX, e.clientY];
    };
    const up = (): void => { from = null; };
    room.addEventListener("wheel", wheel, { passive: false });
    room.addEventListener("pointerdown", down);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    return () => {
      room.removeEventListener("wheel", wheel);
      room.removeEventListener("pointerdown", down);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
    };
  }, []);

  const version_menu = (): MenuItem[] => versions.map((o) => {
    const open = comments.value.filter((c) => c.version === o.id && !c.parent && !c.deleted && !c.resolved).length;
    return { name: `v${o.number}, ${ago_text(o.created)}, ${o.by}${open ? `, ${open} open` : ""}${o.state === "ready" ? "" : ` (${o.state})`}`, checked: o.id === v.id, run: () => show_version(o) };
  });
  const closer_menu = (): MenuItem[] => [
    { name: "Original frame", keys: "U", checked: closer.value.original, run: acts.original },
    { name: "Scopes", keys: "X", checked: closer.value.scopes, run: acts.scopes },
    { name: "False colour", keys: "Shift+X", checked: closer.value.false_colour, run: acts.falseColour },
    ...(v.facts?.exr ? [{ name: "Layers", keys: "Y", checked: closer.value.picking, run: acts.layers }] : []),
  ];
  // Beside another version, or what was made of this one.
  const compare_menu = (made: Delivery[]): MenuItem[] => {
    const at = { f: player.current?.state.frame ?? 0 };
    const older = versions.filter((o) => o.id !== v.id && o.state === "ready");
    const done = made.filter((d) => d.state === "done");
    return [
      ...(older.length ? [{ heading: "Versions" }, ...older.map((o) => ({ name: `v${o.number}, ${ago_text(o.created)}, ${o.by}`, run: () => go(to.compare(asset.project, `v-${o.id}`, `v-${v.id}`, at)) }))] : []),
      ...(done.length ? [{ heading: "What was made of it" }, ...done.map((d) => ({ name: `${d.name} (${d.profile})`, run: () => go(to.compare(asset.project, `v-${v.id}`, `d-${d.id}`, at)) }))] : []),
      ...(older.length || done.length ? [] : [{ heading: "There is nothing to compare it with: one version, and no deliverable" }]),
    ];
  };
  const compare = (e: MouseEvent): void => {
    const button = e.currentTarget as Element;
    get<Delivery[]>(`/versions/${v.id}/deliveries`).catch(() => [] as Delivery[]).then((made) => menu_under(button, compare_menu(made), { right: true, label: "Compare with" }));
  };
  const total = Math.max(1, s.total, s.count);
  const tabs = (count: number) => (p.share || asset.kind === "document" || asset.kind === "still"
    ? <h2>Comments {count}</h2>
    : <Segments name="Beside the picture" value={panel.value} pick={(to) => { panel.value = to; }}
        options={[{ value: "comments", label: panel.value === "comments" ? `Comments ${count}` : "Comments" }, { value: "quality", label: "Quality", hint: "What was checked, found and waived" }]} />);
  const nothing = !media && (v.state === "ready" || v.state === "failed"); // a document, or what could not be read
  const still = asset.kind === "still";
  const size = v.facts?.video[0];
  const visitor = p.share && !me.value?.share?.name;
  return (
    <div class={`review${sound_only ? " sound" : ""}${captions.editing.value ? " editing" : ""}${nothing || still ? " nothing" : ""}`} ref={root}>
      <div class="review-main">
        <div class="review-top">
          <h1 class="cut" style={{ fontSize: "13px", lineHeight: "18px" }} title={asset.name}>{asset.name}</h1>
          {versions.length > 1
            ? <Button class="mono version" expanded={false} name={`Version ${v.number} of ${versions.length}`} keys="V" run={(e) => menu_under(e.currentTarget as Element, version_menu(), { label: "Versions" })}>v{v.number} <span class="quiet">of {versions.length}</span><Icon name="down" size={12} /></Button>
            : <span class="mono quiet">v{v.number}</span>}
          {v.id !== newest.id && <Button class="newer" run={() => show_version(newest)}>{p.version === undefined ? `Version ${newest.number} has come` : "Not the newest"}</Button>}
          <StatusButton version={v} />
          {colour.button}
          {s.growing && <span class="pill busy">Growing</span>}
          {!p.share && <NeverClosed project={asset.project} version={v.id} />}
          {v.hashes && !v.hashes.right && <span class="pill bad" title={wrong_hash(v.hashes)}>Wrong hash</span>}
          <span class="end">
            <span class="mono quiet wide">{nothing ? "" : still ? (size ? `${size.display_width} × ${size.display_height}` : "") : media?.picture ? `${rateName(s.rate)} · ${formatTimecode(total, s.tc)}` : durationText(total, s.rate)}</span>
            <label class="quiet wide">Keys <select class="input" style={{ width: "auto", minHeight: "24px", padding: "0 4px" }} value={set_name.value} onChange={(e) => { set_name.value = e.currentTarget.value as KeySet; keep("posthouse.keys", set_name.value); }}>{KEY_SETS.map((k) => <option key={k.name} value={k.name}>{k.title}</option>)}</select></label>
            {media?.picture && (captions.list.value.length > 0 || may("upload")) && <Button on={cues !== null} expanded={false} name={cues ? "Captions are shown" : "Captions"} keys="C" run={(e) => menu_under(e.currentTarget as Element, captions.menu(), { right: true, label: "Captions" })}>CC</Button>}
            {media?.picture && <Button expanded={false} on={any(closer.value)} name="Look closely: original frame, scopes, layers" run={(e) => menu_under(e.currentTarget as Element, closer_menu(), { right: true, label: "Look closely" })}>Look</Button>}
            {media?.picture && !still && !p.share && <Button expanded={false} name="Compare with another version, or with what was made of it" run={compare}>Compare</Button>}
            {may("share") && <Button icon="link" name="Share" run={() => open_dialog((close) => <ShareDialog project={asset.project} assets={[asset]} close={close} />)}><span class="wide">Share</span></Button>}
            {may("download") && v.file_count === 1 && <a class="button icon" href={`/api/v1/versions/${v.id}/files/1/bytes`} download={asset.name} title="Download the original" aria-label="Download the original"><Icon name="download" /></a>}
            <Button icon="full" run={full} name="Full screen" keys="F" />
          </span>
        </div>
        <div class={`review-stage${!media || sound_only || s.status === "failed" ? " bare" : ""}`} ref={stage}>
          <Face asset={asset} s={s} v={v} ready={media !== null} sound={sound_only} retry={acts.retry} />
          <div class="review-say" role="status">
            {s.status === "ready" && s.exactness === "video" && <span>Frames by the browser’s player: {window.isSecureContext ? "this browser has no exact decoder" : "open the house over https for the exact one"}</span>}
            {s.waiting && <span>Waiting for the picture</span>}
            {s.concealed && <span class="busy">⚠ The source frame is damaged here</span>}
            {s.zoom > 0 && <span class="mono">{Math.round((player.current?.scale ?? 1) * 100)} %</span>}
            {s.fault && s.status === "ready" && online.value && <><span class="bad">{sentence(s.fault.what)}: {s.fault.why}. {s.fault.fix}</span><Button run={acts.retry}>Try again</Button></>}
          </div>
        </div>
        {any(closer.value) && media?.picture && player.current && <CloserPanel player={player.current} asset={asset} version={v} state={state} closer={closer} may_save={may("download")} transform={colour.transform} />}
        {meters_on.value && sound.value && <Meters key={solo_changed.value} sound={sound.value} listen={(hear) => { ears.current.add(hear); return () => ears.current.delete(hear); }} />}
        <div class="review-foot">
          <div class="bar-marks">
            {panel.value === "quality" && placed(report.value).map((f) => {
              const [a, b] = [f.from ?? 0, (f.to ?? f.from ?? 0) + 1];
              return <button key={`f${f.number}`} type="button" tabIndex={-1} class={`range mark ${look_of(f.severity)}${finding.value === f.number ? " on" : ""}${f.waived_by ? " done" : ""}`}
                style={{ left: `${a / total * 100}%`, width: `max(6px, ${(b - a) / total * 100}%)` }} aria-label={`${f.severity} at ${label(a)}`} title={`${label(a)}: ${f.seen}`} onClick={() => go_finding(f)} />;
            })}
            {panel.value === "comments" && threads(own, filter.value, chosen.value).map(({ head: c }) => {
              const wide = c.end_frame != null && c.end_frame > c.frame;
              return <button key={c.id} type="button" tabIndex={-1} class={`${wide ? "range" : ""}${chosen.value === c.id ? " on" : ""}${c.resolved ? " done" : ""}`}
                style={{ left: `${(c.frame + (wide ? 0 : 0.5)) / total * 100}%`, ...(wide ? { width: `max(6px, ${((c.end_frame ?? c.frame) + 1 - c.frame) / total * 100}%)` } : {}) }}
                aria-label={`Comment by ${c.by} at ${label(c.frame)}`} title={`${c.by}, ${label(c.frame)}: ${c.text.slice(0, 120)}`} onClick={() => go_comment(c)} />;
            })}
          </div>
          <div class="bar-host" ref={bar_host} />
          {panel.value === "quality" && report.value?.state === "done" && <Timeline report={report.value} state={state} total={total} chosen={finding.value} label={label} seek={(n) => seek(n)} go={go_finding} />}
          {captions.editing.value && <div ref={set_wave_host} />}
          <div class="review-trans">
            <div class="review-tc">
              {entry.value === null
                ? <button type="button" id="timecode" aria-label={`Position ${name_frame(s, s.frame, units.value)}. Go to a timecode`} title="Go to a timecode (=)" onClick={() => { entry.value = ""; }}>{name_frame(s, s.frame, units.value)}</button>
                : <input class="input" aria-label="Go to timecode" placeholder={label(s.frame)} value={entry.value} ref={(i) => { if (i && document.activeElement !== i) i.focus(); }}
                    aria-invalid={entry_wrong.value !== ""} onInput={(e) => { entry.value = e.currentTarget.value; entry_wrong.value = ""; }} onBlur={() => { entry.value = null; entry_wrong.value = ""; }}
                    onKeyDown={(e) => { e.stopPropagation(); if (e.key === "Enter") enter(); else if (e.key === "Escape") { entry.value = null; entry_wrong.value = ""; } }} />}
              {entry_wrong.value ? <span class="wrong" role="alert">{entry_wrong.value}</span> : !s.sampleSteps && <span class="mono quiet" title="Frame, from 0, of all">{count_text(s.frame)} / {count_text(total)}</span>}
            </div>
            <div class="review-keys" role="group" aria-label="Transport">
              <Button run={() => step(-1)} name="One frame back" keys="←">|◀</Button>
              <Button run={() => jkl("J")} on={s.speed < 0} name="Backward" keys="J">◀ J</Button>
              <Button run={acts.play} look={s.speed === 0 ? undefined : "primary"} name={s.speed === 0 ? "Play" : "Stop"} keys="Space">{s.speed === 0 ? "▶" : "❚❚"}</Button>
              <Button run={() => jkl("L")} on={s.speed > 1} name="Forward" keys="L">L ▶</Button>
              <Button run={() => step(1)} name="One frame on" keys="→">▶|</Button>
            </div>
            <div class="review-end">
              {s.speed !== 0 && s.speed !== 1 && <span>{s.speed}×</span>}
              {(s.inFrame !== null || s.outFrame !== null) && <span class="range-ends">{s.inFrame !== null && <span>I {label(s.inFrame)}</span>}{s.outFrame !== null && <span>O {label(s.outFrame)}</span>}</span>}
              {s.loop && <span class="note">Loop</span>}
              <select aria-label="Speed" value={String([0.25, 0.5, 1, 2, 4, 8].includes(s.speed) ? s.speed : 1)} onChange={(e) => speed(Number(e.currentTarget.value))}>{[0.25, 0.5, 1, 2, 4, 8].map((x) => <option key={x} value={String(x)}>{x}×</option>)}</select>
              {can_meter && <Button run={acts.meters} name="Meters and channels" keys="A" on={meters_on.value}>Meters</Button>}
              <Button run={acts.mute} name={s.muted ? "Sound on" : "Sound off"} keys="S" on={s.muted}>{s.muted ? "Muted" : "Sound"}</Button>
              <input type="range" min="0" max="1" step="0.05" value={s.volume} aria-label="Volume" onInput={(e) => player.current?.setVolume(Number(e.currentTarget.value), false)} />
            </div>
          </div>
          <span class="seen-by-readers" aria-live="polite">{spoken.value}</span>
        </div>
      </div>
      {captions.editing.value
        ? <CaptionEditor captions={captions} state={state} peaks={peaks_read} wave_host={wave_host} seek={seek} />
        : comments_problem.value && comments.value.length === 0
        ? <section class="comments"><div /><div class="empty"><ProblemBox problem={comments_problem.value} retry={() => location.reload()} /></div></section>
        : panel.value === "quality"
        ? <Quality version={v.id} report={report} chosen={finding} label={label} go={go_finding} head={tabs} log={log_finding} here={() => ({ frame: state.value.frame, from: state.value.inFrame, to: state.value.outFrame })} />
        : <Comments head={tabs} notes={() => notes_menu({ asset, version: v, comments: () => own, may_comment: may("comment"), player: () => player.current, label })} asset={asset.id} version={v.id} versions={versions} elsewhere_too={elsewhere_too} comments={comments} filter={filter} chosen={chosen} pen={pen} waiting={waiting} label={label}
            here={() => ({ frame: state.value.frame, from: state.value.inFrame, to: state.value.outFrame })} go={go_comment}
            pause={() => { const was = state.value.speed !== 0; if (was) speed(0); return was; }} resume={() => speed(1)}
            ask_name={visitor ? () => ask_name(asked_name) : null} />}
      {asked_name.value && <NameDialog give={(name) => { asked_name.value?.(name); asked_name.value = null; }} />}
    </div>
  );
}

const NAME_KEY = "posthouse.visitor";
function ask_name(asked: Signal<((name: string | null) => void) | null>): Promise<string | null> {
  const known = stored(NAME_KEY, "");
  if (known) return Promise.resolve(known);
  return new Promise((done) => { asked.value = done; });
}

function NameDialog({ give }: { give: (name: string | null) => void }) {
  const [name, set_name] = useState("");
  return (
    <dialog class="dialog" ref={(d) => { if (d && !d.open) d.showModal(); }} onCancel={() => give(null)} aria-label="Your name">
      <header><h2>Who is commenting?</h2></header>
      <form class="body" onSubmit={(e) => { e.preventDefault(); if (name.trim()) { keep(NAME_KEY, name.trim()); give(name.trim()); } }}>
        <label class="field"><span class="label">Your name, as others will see it</span><input class="input" required maxLength={80} value={name} onInput={(e) => set_name(e.currentTarget.value)} /></label>
        <div class="writer"><div class="line"><Button run={() => give(null)}>Cancel</Button><Button look="primary" submit>Send the comment</Button></div></div>
      </form>
    </dialog>
  );
}

// What stands in the picture's place while there is none.
function Face({ asset, s, v, ready, sound, retry }: { asset: Asset; s: PlayerState; v: Version; ready: boolean; sound: boolean; retry: () => void }) {
  if (!ready && without_picture(v)) return <Plate asset={asset} v={v} />;
  if (!ready && v.burn && v.state === "ready" && v.burn.state !== "ready" && v.facts?.video.length) return <BurntFace v={v} />;
  if (v.problem && !ready) return <div class="review-face"><ProblemBox problem={v.problem} /></div>;
  if (!ready) {
    return (
      <div class="review-face" role="status">
        <h2>{v.state === "ready" ? "There is nothing to play in this one" : v.state === "probing" ? "Looking at the media" : "Making the proxies"}</h2>
        {v.state !== "ready" && <Progress part={v.progress ?? null} name="Proxies" />}
        <p>{v.state === "ready" ? "It has neither picture nor sound; comments still work." : "It can be played while they grow, in a moment."}</p>
      </div>
    );
  }
  if (s.status === "failed" && s.fault) {
    return <div class="review-face"><ProblemBox problem={{ type: "about:blank", title: s.fault.what, detail: s.fault.why, fix: s.fault.fix, reference: "", status: 0, kind: "player" }} retry={retry} /></div>;
  }
  if (sound) return <div class="review-face"><h2>Sound only</h2><p>The waveform is below; J K L and comments work as with a picture.</p></div>;
  if (s.shown < 0 && s.growing && online.value)
    return <div class="review-face" role="status"><h2>Making the proxies</h2><Progress part={v.progress ?? null} name="Proxies" /><p>It can be played while they grow, in a moment.</p></div>;
  if (s.shown < 0) return <div class="review-face" role="status"><span class="spinner" aria-hidden="true" />{online.value ? "" : <p>The house is out of reach; it goes on by itself.</p>}</div>;
  return null;
}

interface OverProps {
  aspect: number;
  pen: Signal<Pen>;
  drawing: Signal<Stroke | null>;
  safe: boolean;
  mask: number;
  seen: Comment[];
}

function Over({ aspect, pen, drawing, safe, mask, seen }: OverProps) {
  const now = pen.value;
  const strokes = [...seen.flatMap((c) => c.drawing ?? []), ...now.strokes, ...(drawing.value ? [drawing.value] : [])];
  const w = aspect * UNIT;
  const point = (e: PointerEvent): [number, number] => toPicture(e.clientX, e.clientY, (e.currentTarget as Element).getBoundingClientRect());
  const pressure = (e: PointerEvent): number => (e.pointerType === "pen" ? e.pressure : 0.5);
  const bar = mask > 0 ? (mask > aspect ? (1 - aspect / mask) / 2 : 0) : 0;
  const side = mask > 0 && mask < aspect ? (1 - mask / aspect) / 2 : 0;
  return (
    <svg viewBox={`0 0 ${w} ${UNIT}`} class={now.tool ? "drawing-on" : ""} aria-hidden="true" preserveAspectRatio="none"
      onPointerDown={(e) => {
        if (!now.tool || e.button !== 0) return;
        e.currentTarget.setPointerCapture(e.pointerId);
        const [x, y] = point(e);
        drawing.value = { tool: now.tool, colour: now.colour, width: 0.005, points: [x, y, pressure(e)] };
      }}
      onPointerMove={(e) => {
        if (!drawing.value) return;
        const [x, y] = point(e);
        drawing.value = extend(drawing.value, x, y, pressure(e));
      }}
      onPointerUp={() => {
        const done = drawing.value;
        drawing.value = null;
        if (done && done.points.length >= 6) pen.value = { ...pen.value, strokes: [...pen.value.strokes, done] };
      }}>
      {bar > 0 && <><rect x={0} y={0} width={w} height={bar * UNIT} fill="#000" /><rect x={0} y={(1 - bar) * UNIT} width={w} height={bar * UNIT} fill="#000" /></>}
      {side > 0 && <><rect x={0} y={0} width={side * w} height={UNIT} fill="#000" /><rect x={(1 - side) * w} y={0} width={side * w} height={UNIT} fill="#000" /></>}
      {safe && [0.035, 0.05].map((m) => <rect key={m} x={m * w} y={m * UNIT} width={(1 - 2 * m) * w} height={(1 - 2 * m) * UNIT} fill="none" stroke="#fff" stroke-opacity="0.7" stroke-width="1" vector-effect="non-scaling-stroke" />)}
      {strokes.map((stroke, i) => {
        const path = pathOf(stroke, aspect);
        return path.fill ? <path key={i} d={path.d} fill={stroke.colour} /> : <path key={i} d={path.d} fill="none" stroke={stroke.colour} stroke-width={path.width} stroke-linecap="round" stroke-linejoin="round" />;
      })}
    </svg>
  );
}
