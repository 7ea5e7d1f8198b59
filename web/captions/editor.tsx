/*
 * The caption editor beside the player: the list, the chosen one's fields, and what rules say of it while one
 * types. Changes are this page's until they are saved as a new version of the captions; every one can be undone.
 */
import type { CaptionFinding, CaptionRules, CaptionSaved, Problem } from "api-types";
import type { Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, is_aborted, post, problem_of, with_query } from "../app/api";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { ask } from "../parts/dialog";
import { count_text, plural } from "../parts/format";
import { useKeys } from "../parts/keys";
import { menu_under, type MenuItem } from "../parts/menu";
import { ProblemBox } from "../parts/problem";
import { tell, tell_problem } from "../parts/toast";
import { VirtualRows, type Rows } from "../parts/virtual";
import type { Peaks } from "../player/peaks";
import type { PlayerState } from "../player/player";
import { formatTimecode, parseEntry } from "../player/timecode";
import { added, cue_at, caption_name, History, lines_of, merged, moved, plain_of, removed, speed_of, split, SPEED_MOST, SPEED_USUAL, with_cue, with_in, with_out, words_of, type Align, type Changed, type Cue, type Mode, type Vertical } from "./model";
import { Wave } from "./wave";
import type { Captions, Shown } from "./use";
import sheet from "./captions.css?url";

export { sheet };

const FORMATS = [["srt", "SubRip"], ["vtt", "WebVTT"], ["scc", "SCC (608)"], ["mcc", "MCC (608 and 708)"], ["imsc", "IMSC 1.1"], ["ttml", "TTML"], ["dfxp", "DFXP"], ["itt", "iTunes (iTT)"], ["ebu-stl", "EBU STL"], ["spruce-stl", "Spruce STL"]] as const;

interface Props {
  captions: Captions;
  state: Signal<PlayerState>;
  peaks: Signal<Peaks | null>;
  wave_host: HTMLElement | null;
  seek: (frame: number, moving?: boolean) => void;
}

export function CaptionEditor(p: Props) {
  const here = p.captions.shown.value;
  if (!here) return <section class="captions-panel" aria-label="Captions"><div class="empty" aria-busy="true"><span class="spinner" aria-hidden="true" /></div></section>;
  return <Editor key={here.document.version} {...p} here={here} />;
}

function Editor({ captions, state, peaks, wave_host, seek, here }: Props & { here: Shown }) {
  const { document: doc, of } = here;
  const writes = may("edit");
  const cues = here.cues;
  const s = state.value;
  const fps = s.rate.num / s.rate.den;
  const total = Math.max(1, s.total, s.count);
  const [at, set_at] = useState(() => Math.max(0, cue_at(cues, s.frame)));
  const [busy, set_busy] = useState(false);
  const [wrong, set_wrong] = useState<Problem | null>(null);
  const [notes, set_notes] = useState<CaptionSaved | null>(null);
  const [findings, set_findings] = useState<CaptionFinding[]>([]);
  const [rules, set_rules] = useState("house");
  const [rule_names, set_rule_names] = useState<CaptionRules[]>([]);
  const [only_faults, set_only_faults] = useState(false);
  const history = useRef(new History());
  const rows = useRef<Rows>(null);
  const dirty = cues !== doc.cues;
  const label = (frame: number): string => formatTimecode(frame + s.startFrame, s.tc);

  // ---- changes
  const apply = (next: Changed, name: string, run: string | null = null): void => {
    if (!writes || next.cues === cues) return;
    history.current.keep({ cues, at, name }, run);
    captions.shown.value = { ...here, cues: next.cues };
    set_at(next.at);
  };
  const step_back = (way: "undo" | "redo"): void => {
    const next = way === "undo" ? history.current.undo({ cues, at }) : history.current.redo({ cues, at });
    if (!next) return tell(way === "undo" ? "Nothing to undo" : "Nothing to redo");
    captions.shown.value = { ...here, cues: next.cues };
    choose(next.at, false);
  };
  const choose = (n: number, go = true): void => {
    const to = Math.max(0, Math.min(captions.shown.value?.cues.length ?? 0, n));
    history.current.pause();
    set_at(to);
    rows.current?.scroll_to(shown_rows.indexOf(to) >= 0 ? shown_rows.indexOf(to) : to);
    const cue = captions.shown.value?.cues[to];
    if (go && cue) seek(cue.in);
  };
  const beside = (way: 1 | -1): void => choose(at + way);
  const words = (): void => void document.getElementById("cue-words")?.focus();
  // With the drawing, not after it: who types at once types into the new one.
  const words_next = useRef(false);
  useLayoutEffect(() => {
    if (words_next.current) words();
    words_next.current = false;
  });

  // ---- rules, some time after the last change
  useEffect(() => void get<CaptionRules[]>("/caption-rules").then(set_rule_names, () => undefined), []);
  useEffect(() => {
    const stop = new AbortController();
    const timer = window.setTimeout(() => {
      const body = new Blob([JSON.stringify({ language: doc.language, kind: doc.kind, cues })]);
      post<CaptionFinding[]>(with_query(`/versions/${doc.version}/cues/check`, { rules }), body, { signal: stop.signal, patient: false }).then(set_findings, (e: unknown) => { if (!is_aborted(e)) set_findings([]); });
    }, 500);
    return () => {
      window.clearTimeout(timer);
      stop.abort();
    };
  }, [cues, rules]);
  const by_cue = useMemo(() => {
    const map = new Map<number, CaptionFinding[]>();
    for (const f of findings) map.set(f.cue - 1, [...(map.get(f.cue - 1) ?? []), f]);
    return map;
  }, [findings]);
  const shown_rows = useMemo(() => (only_faults ? cues.map((_, i) => i).filter((i) => by_cue.has(i)) : cues.map((_, i) => i)), [cues, only_faults, by_cue]);

  // ---- saving
  const save = async (format: string | null = null): Promise<void> => {
    if (!dirty && !format) return tell("Everything is saved");
    set_busy(true);
    set_wrong(null);
    try {
      const body = new Blob([JSON.stringify({ language: doc.language, kind: doc.kind, cues })]);
      const made = await post<CaptionSaved>(with_query(`/assets/${of.asset}/cues`, { base: doc.version, format }), body);
      set_notes(made.notes.length ? made : null);
      captions.shown.value = { of: { ...of, version: made.version, number: made.number }, document: { ...doc, version: made.version, number: made.number, format: made.format, cues }, cues };
      tell(made.notes.length ? `Saved as version ${made.number}: ${plural(made.notes.length, "thing")} the format cannot say` : `Saved as version ${made.number}`);
      await captions.reload();
    } catch (e) {
      set_wrong(problem_of(e));
    } finally {
      set_busy(false);
    }
  };
  const close = async (): Promise<void> => {
    if (dirty && !(await ask({ title: "Discard the changes?", text: "What was changed in these captions since they were saved is gone then.", yes: "Discard", danger: true }))) return;
    if (dirty) captions.shown.value = { ...here, cues: doc.cues as Cue[] };
    captions.editing.value = false;
  };
  useEffect(() => {
    if (!dirty) return;
    const stay = (e: BeforeUnloadEvent): void => e.preventDefault();
    window.addEventListener("beforeunload", stay);
    return () => window.removeEventListener("beforeunload", stay);
  }, [dirty]);

  // ---- keys: those of the player that mark in and out mark the caption's here
  const now = (): number => state.value.frame;
  const set_in = (): void => apply(with_in(cues, at, now()), "in");
  const set_out = (): void => apply(with_out(cues, at, now() + 1), "out");
  const add = (): void => {
    words_next.current = true;
    apply(added(cues, now(), Math.round(2 * fps), total), "a new caption");
  };
  const cut = (): void => (now() > (cues[at]?.in ?? 0) && now() < (cues[at]?.out ?? 0) ? apply(split(cues, at, now()), "split") : tell("Put the playhead inside the caption to split it there"));
  const join = (): void => (cues[at + 1] ? apply(merged(cues, at), "merge") : tell("There is no caption behind it"));
  const take_away = (): void => apply(removed(cues, at), "remove");
  useKeys("Caption editor", writes ? [
    { keys: ["I"], name: "In at the playhead", run: set_in },
    { keys: ["O"], name: "Out at the playhead: this frame is its last", run: set_out },
    { keys: ["Alt+I"], name: "In at the playhead, while typing", in_fields: true, in_palette: false, run: set_in },
    { keys: ["Alt+O"], name: "Out at the playhead, while typing", in_fields: true, in_palette: false, run: set_out },
    { keys: ["Alt+ArrowDown", "Ctrl+Enter"], name: "Next caption", in_fields: true, run: () => beside(1) },
    { keys: ["Alt+ArrowUp"], name: "Caption before", in_fields: true, run: () => beside(-1) },
    { keys: ["Enter"], name: "Write its words", run: words },
    { keys: ["Insert", "Ctrl+I"], name: "New caption at the playhead", in_fields: true, run: add },
    { keys: ["Ctrl+K", "X"], name: "Split at the playhead", run: cut },
    { keys: ["Ctrl+M"], name: "Merge with the next one", in_fields: true, run: join },
    { keys: ["Delete", "Backspace"], name: "Remove the caption", run: take_away },
    { keys: ["Ctrl+Z"], name: "Undo", in_fields: true, run: () => step_back("undo") },
    { keys: ["Ctrl+Shift+Z", "Ctrl+Y"], name: "Redo", in_fields: true, run: () => step_back("redo") },
    { keys: ["Ctrl+S"], name: "Save as a new version", in_fields: true, run: () => void save() },
  ] : [
    { keys: ["Alt+ArrowDown"], name: "Next caption", run: () => beside(1) },
    { keys: ["Alt+ArrowUp"], name: "Caption before", run: () => beside(-1) },
  ]);

  // ---- the waveform
  const wave = useRef<Wave | null>(null);
  const door = useRef({ choose, apply, cues, seek });
  door.current = { choose, apply, cues, seek };
  useEffect(() => {
    if (!wave_host) return;
    let began: readonly Cue[] | null = null;
    const made = new Wave(wave_host, {
      seek: (n, moving) => door.current.seek(n, moving),
      choose: (n) => door.current.choose(n, false),
      drag: (n, what, frame, done) => {
        const all = door.current.cues;
        began ??= all;
        const next = what === "in" ? with_in(all, n, frame) : what === "out" ? with_out(all, n, frame) : moved(all, n, frame);
        door.current.apply(next, what === "whole" ? "move" : what, `drag ${what}`);
        made.held_is(next.at);
        if (done) began = null;
        if (done) history.current.pause();
      },
    });
    wave.current = made;
    return () => made.close();
  }, [wave_host]);
  useEffect(() => wave.current?.set_peaks(peaks.value), [peaks.value, wave_host]);
  wave.current?.update({ frame: s.frame, total, rate: s.rate, cues, chosen: at, fast: (c) => speed_of(c, fps) > SPEED_MOST });

  const playing = cue_at(cues, s.frame);
  const lit = playing >= 0 && (cues[playing] as Cue).out > s.frame ? playing : -1;
  const save_menu = (): MenuItem[] => [{ heading: "Save as another format" }, ...FORMATS.map(([f, name]) => ({ name, checked: f === doc.format, run: () => void save(f) }))];
  const take_menu = (): MenuItem[] => FORMATS.map(([f, name]) => ({ name, run: () => void take_out(doc.version, f, of.name) }));
  const cue = cues[at];
  return (
    <section class="captions-panel" aria-label="Captions">
      <header>
        <h2 class="cut" title={of.name}>{caption_name(of)}</h2>
        <span class="mono quiet">v{doc.number}{dirty ? " •" : ""}</span>
        <span class="end">
          {may("download") && <Button icon="download" name="Take out as" expanded={false} run={(e) => menu_under(e.currentTarget as Element, take_menu(), { right: true, label: "Take out as" })} />}
          {writes && <Button run={() => step_back("undo")} name={`Undo ${history.current.can_undo ?? ""}`} keys="Ctrl Z" disabled={!history.current.can_undo}>Undo</Button>}
          {writes && <Button look={dirty ? "primary" : undefined} busy={busy} run={() => void save()} name="Save as a new version" keys="Ctrl S">Save</Button>}
          {writes && <Button icon="down" name="Save as another format" expanded={false} run={(e) => menu_under(e.currentTarget as Element, save_menu(), { right: true, label: "Save as" })} />}
          <Button icon="close" name="Close the editor" keys="E" run={() => void close()} />
        </span>
      </header>
      <div class="caption-rules">
        <label class="quiet">Rules <select class="input" value={rules} onChange={(e) => set_rules(e.currentTarget.value)}>{rule_names.map((r) => <option key={r.name} value={r.name}>{r.title}</option>)}</select></label>
        <button type="button" class={`pill${findings.length ? " busy" : " good"}`} aria-pressed={only_faults} onClick={() => set_only_faults(!only_faults)}>{findings.length ? `⚠ ${plural(findings.length, "fault")}` : "✓ no faults"}</button>
        <span class="quiet mono">{count_text(cues.length)}</span>
      </div>
      {wrong && <ProblemBox problem={wrong} />}
      {notes && <div class="caption-notes" role="status"><b>What {notes.format} cannot say</b>{notes.notes.slice(0, 5).map((n, i) => <div key={i}>{n.cue ? `caption ${n.cue}: ` : ""}{n.what}</div>)}{notes.notes.length > 5 && <div class="quiet">and {count_text(notes.notes.length - 5)} more</div>}<Button run={() => set_notes(null)}>Well</Button></div>}
      {cues.length === 0
        ? <div class="empty"><p>No captions in it yet.</p>{writes && <Button look="primary" run={add}>A caption at the playhead</Button>}</div>
        : <VirtualRows class="caption-list" count={shown_rows.length} row_height={52} rows={rows} row_key={(i) => shown_rows[i] ?? i}
            attributes={{ role: "listbox", "aria-label": "Captions", tabIndex: 0, "aria-activedescendant": `cue-${at}`,
              onKeyDown: (e) => { if (e.key === "ArrowDown" || e.key === "ArrowUp") { if (e.altKey) return; e.preventDefault(); e.stopPropagation(); beside(e.key === "ArrowDown" ? 1 : -1); } } }}
            draw={(row) => <Line n={shown_rows[row] ?? 0} cue={cues[shown_rows[row] ?? 0]} on={at === shown_rows[row]} lit={lit === shown_rows[row]} faults={by_cue.get(shown_rows[row] ?? 0) ?? []} fps={fps} label={label} choose={choose} />} />}
      {cue && <Fields key={at} cue={cue} at={at} writes={writes} fps={fps} faults={by_cue.get(at) ?? []} label={label}
        parse={(t) => { const got = parseEntry(t, s.tc); return got.kind === "wrong" ? got.why : got.kind === "offset" ? s.frame + got.frames : got.kind === "frame" ? got.frame : got.frames - s.startFrame; }}
        change={(c, name, run) => apply(with_cue(cues, at, c), name, run)} acts={{ set_in, set_out, add, cut, join, take_away, next: () => beside(1), before: () => beside(-1) }} pause={() => history.current.pause()} />}
    </section>
  );
}

async function take_out(version: string, format: string, name: string): Promise<void> {
  try {
    const report = await get<{ notes: { what: string; cue: number }[]; name: string }>(with_query(`/versions/${version}/caption-report`, { format }));
    if (report.notes.length && !(await ask({ title: `Not all of ${name} can be said there`, text: <>{report.notes.slice(0, 8).map((n, i) => <p key={i}>{n.cue ? `caption ${n.cue}: ` : ""}{n.what}</p>)}{report.notes.length > 8 && <p class="quiet">and {count_text(report.notes.length - 8)} more</p>}</>, yes: "Take it out" }))) return;
    const link = document.createElement("a");
    link.href = with_query(`/api/v1/versions/${version}/caption-file`, { format });
    link.download = report.name;
    link.click();
  } catch (e) {
    tell_problem(problem_of(e));
  }
}

interface LineProps {
  n: number;
  cue: Cue | undefined;
  on: boolean;
  lit: boolean;
  faults: readonly CaptionFinding[];
  fps: number;
  label: (frame: number) => string;
  choose: (n: number) => void;
}

function Line({ n, cue, on, lit, faults, fps, label, choose }: LineProps) {
  if (!cue) return null;
  const speed = speed_of(cue, fps);
  const mark = faults[0];
  return (
    <div id={`cue-${n}`} role="option" aria-selected={on} class={`cue${on ? " on" : ""}${lit ? " lit" : ""}`} onClick={() => choose(n)}>
      <span class="mono quiet n">{n + 1}</span>
      <span class="mono times">{label(cue.in)}<br />{label(cue.out)}</span>
      <span class="words">{plain_of(cue.lines).split("\n").slice(0, 2).map((l, i) => <span key={i} class="cut">{l}</span>)}</span>
      <span class={`mono speed${speed > SPEED_MOST ? " bad" : speed > SPEED_USUAL ? " busy" : " quiet"}`} title={`${speed.toFixed(1)} characters a second`}>{speed.toFixed(0)}{speed > SPEED_MOST ? "!" : ""}</span>
      {mark && <span class="busy mark" title={faults.map((f) => `${f.rule}: ${f.seen} (${f.allowed})`).join("\n")} aria-label={plural(faults.length, "fault")}>⚠</span>}
    </div>
  );
}

const PLACES: [string, Vertical, Align][] = [
  ["Bottom", "bottom", "centre"], ["Bottom left", "bottom", "left"], ["Bottom right", "bottom", "right"],
  ["Middle", "middle", "centre"], ["Middle left", "middle", "left"], ["Middle right", "middle", "right"],
  ["Top", "top", "centre"], ["Top left", "top", "left"], ["Top right", "top", "right"],
];
const MODES: [string, Mode, number][] = [["Pop-on", "pop-on", 0], ["Roll-up 2", "roll-up", 2], ["Roll-up 3", "roll-up", 3], ["Roll-up 4", "roll-up", 4], ["Paint-on", "paint-on", 0]];
const COLOURS = [["", "White"], ["#ffff00", "Yellow"], ["#00ffff", "Cyan"], ["#00ff00", "Green"], ["#ff0000", "Red"], ["#ff00ff", "Magenta"], ["#0000ff", "Blue"]] as const;

interface FieldsProps {
  cue: Cue;
  at: number;
  writes: boolean;
  fps: number;
  faults: readonly CaptionFinding[];
  label: (frame: number) => string;
  parse: (t: string) => number | string;
  change: (change: Partial<Cue>, name: string, run?: string) => void;
  acts: Record<"set_in" | "set_out" | "add" | "cut" | "join" | "take_away" | "next" | "before", () => void>;
  pause: () => void;
}

function Fields({ cue, at, writes, fps, faults, label, parse, change, acts, pause }: FieldsProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [typed, set_typed] = useState<string | null>(null); // as typed: marks half written stay as they are
  const shown = words_of(cue.lines);
  const text = typed !== null && words_of(lines_of(typed)) === shown ? typed : shown;
  const type = (words: string): void => {
    set_typed(words);
    change({ lines: lines_of(words) }, "words", `words ${at}`);
  };
  const wrap = (mark: string): void => {
    const box = area.current;
    if (!box) return;
    const [a, b] = box.selectionStart === box.selectionEnd ? [0, text.length] : [box.selectionStart, box.selectionEnd];
    const name = mark.split(" ")[0] ?? mark;
    const inner = text.slice(a, b);
    const bare = inner.startsWith(`<${mark}>`) && inner.endsWith(`</${name}>`) ? inner.slice(mark.length + 2, -(name.length + 3)) : `<${mark}>${inner}</${name}>`;
    pause();
    type(text.slice(0, a) + bare + text.slice(b));
    window.setTimeout(() => { box.focus(); box.setSelectionRange(a, a + bare.length); });
  };
  const colour = (c: string): void => {
    if (c) wrap(`c ${c}`);
    else change({ lines: cue.lines.map((l) => l.map(({ c: _, ...r }) => r)) }, "colour");
  };
  const cells = cue.cells?.some(([row]) => row > 0) ?? false;
  const place = cells || cue.box ? "" : `${cue.vertical} ${cue.align}`;
  const put = (value: string): void => {
    const found = PLACES.find(([, v, a]) => `${v} ${a}` === value);
    if (found) change({ vertical: found[1], align: found[2], box: undefined, cells: undefined }, "place");
  };
  const speed = speed_of(cue, fps);
  return (
    <form class="cue-fields" onSubmit={(e) => e.preventDefault()} aria-label={`Caption ${at + 1}`}>
      <div class="line">
        <Time name="In" frame={cue.in} label={label} parse={parse} writes={writes} set={(n) => change({ in: n, out: Math.max(cue.out, n + 1) }, "in")} mark={acts.set_in} keys="I" />
        <Time name="Out" frame={cue.out} label={label} parse={parse} writes={writes} set={(n) => change({ out: n, in: Math.min(cue.in, n - 1) }, "out")} mark={acts.set_out} keys="O" />
        <span class="mono quiet" title="Length in frames; characters a second">{cue.out - cue.in} f · <span class={speed > SPEED_MOST ? "bad" : speed > SPEED_USUAL ? "busy" : ""}>{speed.toFixed(1)} c/s</span></span>
      </div>
      <textarea id="cue-words" ref={area} class="input" aria-label="Words" rows={3} readOnly={!writes} value={text} spellcheck={true}
        onInput={(e) => type(e.currentTarget.value)} onBlur={() => { set_typed(null); pause(); }} onKeyDown={(e) => { if (e.key === "Escape") e.currentTarget.blur(); }} />
      {writes && <div class="line">
        <span role="group" aria-label="Style" class="group">
          <Button name="Italic" run={() => wrap("i")}><i>I</i></Button><Button name="Bold" run={() => wrap("b")}><b>B</b></Button><Button name="Underline" run={() => wrap("u")}><u>U</u></Button>
          <select class="input" aria-label="Colour" value="-" onChange={(e) => { colour(e.currentTarget.value); e.currentTarget.value = "-"; }}><option value="-" disabled>Colour</option>{COLOURS.map(([c, n]) => <option key={n} value={c}>{n}</option>)}</select>
        </span>
        <select class="input" aria-label="Place" value={place} onChange={(e) => put(e.currentTarget.value)}>
          {(cells || cue.box) && <option value="">{cells ? `Row ${cue.cells?.[0]?.[0] ?? 0}, column ${cue.cells?.[0]?.[1] ?? 0}` : "In its box"}</option>}
          {PLACES.map(([n, v, a]) => <option key={n} value={`${v} ${a}`}>{n}</option>)}
        </select>
        <select class="input" aria-label="Mode" value={`${cue.mode} ${cue.mode === "roll-up" ? cue.rows ?? 2 : 0}`} onChange={(e) => { const m = MODES.find(([, mode, n]) => `${mode} ${n}` === e.currentTarget.value); if (m) change({ mode: m[1], rows: m[2] || undefined }, "mode"); }}>
          {MODES.map(([n, m, r]) => <option key={n} value={`${m} ${r}`}>{n}</option>)}
        </select>
      </div>}
      {faults.length > 0 && <ul class="faults">{faults.slice(0, 4).map((f, i) => <li key={i}><span class="busy">⚠ {f.rule}</span> {f.seen} <span class="quiet">({f.allowed}{f.clause ? `; ${f.clause}` : ""})</span></li>)}</ul>}
      {writes && <div class="line acts">
        <Button run={acts.before} name="Caption before" keys="Alt ↑">↑</Button><Button run={acts.next} name="Next caption" keys="Alt ↓">↓</Button>
        <Button run={acts.add} name="New caption at the playhead" keys="Ins">New</Button><Button run={acts.cut} name="Split at the playhead" keys="X">Split</Button>
        <Button run={acts.join} name="Merge with the next one" keys="Ctrl M">Merge</Button><Button run={acts.take_away} look="danger" name="Remove the caption" keys="Del">Remove</Button>
      </div>}
    </form>
  );
}

interface TimeProps {
  name: string;
  frame: number;
  label: (frame: number) => string;
  parse: (t: string) => number | string;
  writes: boolean;
  set: (frame: number) => void;
  mark: () => void;
  keys: string;
}

function Time({ name, frame, label, parse, writes, set, mark, keys }: TimeProps) {
  const [typed, set_typed] = useState<string | null>(null);
  const [wrong, set_wrong] = useState("");
  const enter = (): void => {
    if (typed === null) return;
    const got = parse(typed);
    if (typeof got === "string" || got < 0) return set_wrong(typeof got === "string" ? got : "before the first frame");
    set_wrong("");
    set_typed(null);
    set(got);
  };
  return (
    <span class="time">
      <label class="quiet">{name} <input class="input mono" size={11} readOnly={!writes} value={typed ?? label(frame)} aria-invalid={wrong !== ""} title={wrong || `${name}: frame ${frame}`}
        onFocus={(e) => e.currentTarget.select()} onInput={(e) => { set_typed(e.currentTarget.value); set_wrong(""); }} onBlur={() => { enter(); set_typed(null); set_wrong(""); }}
        onKeyDown={(e) => { if (e.key === "Enter") { e.preventDefault(); enter(); } else if (e.key === "Escape") { set_typed(null); set_wrong(""); e.currentTarget.blur(); } }} /></label>
      {writes && <Button run={mark} name={`${name} at the playhead`} keys={keys}>{keys}</Button>}
      {wrong && <span class="wrong" role="alert">{wrong}</span>}
    </span>
  );
}
