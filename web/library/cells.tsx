/*
 * library/cells: fields edited in the cell of the list, by keyboard first. Loaded with the list's first field column.
 *
 * One cell has the cursor, at most one is being written in. What is typed is checked here by the house's own rules, shows at once, and
 * goes out as one request with the value that was seen: when somebody set another one meanwhile, nothing is set and the cell says who
 * did, with what was typed still there. While a cell is written in, the list stays as it is. With a finger, the first tap marks a
 * cell and the second writes in it, with buttons for what keys do.
 */
import type { Asset, Field, ValueChange } from "api-types";
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { get, post, problem_of } from "../app/api";
import { may } from "../app/session";
import { Button } from "../parts/button";
import { plural } from "../parts/format";
import { Icon } from "../parts/icons";
import { useKeys } from "../parts/keys";
import { tell, tell_problem } from "../parts/toast";
import { value_of } from "./fields_model";
import type { Assets } from "./model";
import sheet from "./cells.css?url";

export { sheet };

export interface Around { // what the list lends
  project: string;
  cols: readonly Field[];
  model: Assets;
  total: number;
  at: number; // the row of the cursor, -1 for none
  from: number; // where a range began
  chosen: readonly Asset[];
  move: (place: number) => void; // the cursor, choosing that row alone
  focus: () => void; // the list itself
}

interface Editing {
  asset: string;
  name: string;
  place: number;
  field: string;
  was: string; // what stood there when it was begun
  text: string;
  why: string | null; // why it is no value, or was refused
  by_hand: boolean; // with a finger: no Tab and no Esc
}

export const column = signal<string | null>(null); // the field that the cursor is in
const editing = signal<Editing | null>(null);
const pending = signal<ReadonlyMap<string, string>>(new Map()); // sent and not answered, by asset and field
const refused = signal<ReadonlyMap<string, { text: string; why: string }>>(new Map()); // typed, and not taken
const steps: { number: number; words: string }[] = []; // what can be undone, newest last
const undone: typeof steps = [];
const LIMIT = 100;

const key_of = (asset: string, field: string) => `${asset} ${field}`;
const kept = (a: Asset, field: string) => (a.fields as Record<string, string> | null | undefined)?.[field] ?? "";
const shown = (a: Asset, field: string) => pending.value.get(key_of(a.id, field)) ?? kept(a, field);
const with_value = (a: Asset, field: string, value: string): Asset => ({ ...a, fields: { ...(a.fields as Record<string, string> | null), [field]: value } });

function change<K, V>(map: ReadonlyMap<K, V>, how: (m: Map<K, V>) => void): ReadonlyMap<K, V> {
  const fresh = new Map(map);
  how(fresh);
  return fresh;
}

// ---- sending

async function set_values(o: Around, field: Field, value: string, list: readonly Asset[], was: ReadonlyMap<string, string>, typed: string): Promise<void> {
  const words = list.length === 1 && list[0] ? `${field.name} of ${list[0].name}` : `${field.name} of ${plural(list.length, "asset")}`;
  const keys = list.map((a) => key_of(a.id, field.key));
  pending.value = change(pending.value, (m) => keys.forEach((k) => m.set(k, value)));
  refused.value = change(refused.value, (m) => keys.forEach((k) => m.delete(k)));
  const seen = Object.fromEntries(list.map((a) => [a.id, was.get(a.id) ?? kept(a, field.key)]));
  try {
    const c = await post<ValueChange>(`/projects/${o.project}/values`, { assets: list.map((a) => a.id), set: [{ field: field.key, value, was: seen }] });
    o.model.change_all(new Set(list.map((a) => a.id)), (a) => with_value(a, field.key, value));
    if (c.number) {
      steps.push({ number: c.number, words });
      if (steps.length > LIMIT) steps.shift();
      undone.length = 0;
    }
    if (list.length > 1) tell(c.count === list.length ? `${words} set` : `${plural(c.count, "value")} set, ${list.length - c.count} were so already`, c.number ? { name: "Undo", run: () => void back(o, false) } : undefined);
  } catch (e) {
    const p = problem_of(e);
    const why = p.kind === "conflict" ? `${p.detail}. What you typed is still here: Enter sets it, Esc leaves theirs.` : `${p.title}: ${p.detail}`;
    const first = list[0];
    if (p.kind === "conflict") await Promise.all(list.slice(0, 20).map((a) => get<Asset>(`/assets/${a.id}`).then((fresh) => o.model.change(a.id, () => fresh)).catch(() => undefined)));
    if (first) refused.value = change(refused.value, (m) => m.set(key_of(first.id, field.key), { text: typed, why }));
    tell_problem({ ...p, title: `${words} ${list.length > 1 ? "were" : "was"} not set` });
  }
  pending.value = change(pending.value, (m) => keys.forEach((k) => m.delete(k)));
}

async function back(o: Around, again: boolean): Promise<void> {
  const step = (again ? undone : steps).pop();
  if (!step) return tell(again ? "There is nothing to do again" : "There is nothing to undo here");
  try {
    const u = await post<ValueChange>(`/projects/${o.project}/value-changes/${step.number}/undo`);
    (again ? steps : undone).push({ number: u.number, words: step.words });
    o.model.refresh();
    tell(`${step.words}: ${again ? "set again" : "as it was before"}${u.left ? `; ${plural(u.left, "value")} set again since stay` : ""}`);
  } catch (e) {
    tell_problem(problem_of(e));
  }
}

// ---- writing in a cell

function begin(o: Around, place: number, field: string, text: string | null, by_hand = false): boolean {
  const a = o.model.at(place);
  if (!a || !may("edit")) return false;
  const left = refused.value.get(key_of(a.id, field));
  const was = shown(a, field);
  column.value = field;
  o.model.hold(true);
  editing.value = { asset: a.id, name: a.name, place, field, was, text: text ?? left?.text ?? was, why: left?.why ?? null, by_hand };
  return true;
}

function end(o: Around, focus: boolean): void {
  editing.value = null;
  o.model.hold(false);
  if (focus) o.focus();
}

// Sends what is typed when it is a value and another one. False: it is none, and the cell says why.
function finish(o: Around, all: boolean): boolean {
  const e = editing.value;
  const field = o.cols.find((f) => f.key === e?.field);
  if (!e || !field) return true;
  const { value, why } = value_of(field, e.text);
  if (why) {
    editing.value = { ...e, why: field.type === "choice" ? `${why}: ${field.choices.slice(0, 8).join(", ")}${field.choices.length > 8 ? ", ..." : ""}` : why };
    return false;
  }
  const own = [...o.model.items.value.values()].find((a) => a.id === e.asset);
  if (!own) return true;
  const list = all && o.chosen.some((a) => a.id === e.asset) ? o.chosen : [own];
  const others = list.filter((a) => shown(a, e.field) !== value);
  const held = refused.value.has(key_of(e.asset, e.field));
  if (held) refused.value = change(refused.value, (m) => m.delete(key_of(e.asset, e.field)));
  if (others.length) void set_values(o, field, value, others, new Map([[e.asset, e.was]]), e.text);
  else if (all) tell("They are so already");
  return true;
}

function move_on(o: Around, by: number): void {
  const e = editing.value;
  const at = o.cols.findIndex((f) => f.key === e?.field);
  if (!e || !finish(o, false)) return;
  const next = at + by;
  const place = e.place + (next < 0 ? -1 : next >= o.cols.length ? 1 : 0);
  const field = o.cols[(next + o.cols.length) % o.cols.length];
  if (!field || place < 0 || place >= o.total) return end(o, true);
  if (place !== e.place) o.move(place);
  if (!begin(o, place, field.key, null, e.by_hand)) end(o, true);
}

// What the row would take for its own: a click opens or chooses it, and a finger that stays opens its menu. Made for each: Preact
// notes at the function when it was given out, and leaves out those given out after the event, here to the next cell.
const its_own = () => {
  const stop = (e: Event) => e.stopPropagation();
  return { onMouseDown: stop, onClick: stop, onDblClick: stop, onTouchStart: stop, onContextMenu: stop };
};

function Writing({ e, field, o }: { e: Editing; field: Field; o: Around }) {
  const input = useRef<HTMLInputElement>(null);
  const over = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const box = input.current;
    if (!box) return;
    box.focus({ preventScroll: true });
    box.setSelectionRange(e.text === e.was ? 0 : e.text.length, e.text.length);
    for (const all of [over.current, box]) all?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [e.asset, e.field]);
  // At the lower end of the list the words stand over the cell.
  useLayoutEffect(() => {
    const list = input.current?.closest(".virtual")?.getBoundingClientRect();
    const own = input.current?.getBoundingClientRect();
    if (list && own) over.current?.classList.toggle("above", own.bottom + over.current.offsetHeight + 4 > list.bottom);
  });
  const type = (text: string) => {
    const now = editing.value;
    if (now) editing.value = { ...now, text, why: now.why && value_of(field, text).why };
  };
  const leave = () => {
    refused.value = change(refused.value, (m) => m.delete(key_of(e.asset, e.field)));
    end(o, true);
  };
  const press = (k: KeyboardEvent) => {
    if (k.isComposing) return;
    const many = k.ctrlKey || k.metaKey;
    if (k.key === "Escape") leave();
    else if (k.key === "Tab") move_on(o, k.shiftKey ? -1 : 1);
    else if (k.key === "Enter") {
      if (!finish(o, many)) return k.preventDefault();
      end(o, true);
      if (!many && o.chosen.length < 2 && e.place + 1 < o.total) o.move(e.place + 1);
    } else return k.stopPropagation();
    k.preventDefault();
    k.stopPropagation();
  };
  const many = o.chosen.length > 1 && o.chosen.some((a) => a.id === e.asset);
  const choices = field.type === "yesno" ? ["yes", "no"] : field.type === "choice" ? field.choices : null;
  return (
    <>
      <input ref={input} class={e.why ? "cell-input wrong" : "cell-input"} value={e.text} maxLength={4000} list={choices ? "cell-choices" : undefined} aria-label={`${field.name} of ${e.name}`} aria-invalid={!!e.why} aria-describedby="cell-words"
        placeholder={field.type === "timecode" ? "01:00:00:00" : field.type === "date" ? "2026-11-24" : undefined} autocomplete="off" spellcheck={false}
        enterkeyhint="done" onInput={(i) => type(i.currentTarget.value)} onKeyDown={press} {...its_own()}
        onBlur={() => { if (document.hasFocus() && editing.value?.asset === e.asset && editing.value.field === e.field && finish(o, false)) end(o, false); }} />
      {choices && <datalist id="cell-choices">{choices.map((c) => <option key={c} value={c} />)}</datalist>}
      {(e.why || many || e.by_hand) && (
        <span ref={over} id="cell-words" class="cell-words" role={e.why ? "alert" : undefined}>
          {e.why && <span class="bad"><Icon name="alert" size={12} /> {e.why}</span>}
          {many && !e.why && <span class="quiet"><kbd>Ctrl Enter</kbd> sets all {o.chosen.length} chosen</span>}
          {e.by_hand && (
            <span class="cell-hands" {...its_own()} onPointerDown={(p) => p.preventDefault()}>
              <span class="quiet cut">{field.name} of {e.name}</span>
              <Button run={() => { if (finish(o, false)) end(o, true); }} look="primary">Set</Button>
              <Button run={() => move_on(o, 1)}>Next field</Button>
              <Button run={leave}>Leave it</Button>
            </span>
          )}
        </span>
      )}
    </>
  );
}

export function Cell({ asset: a, field, place, o }: { asset: Asset; field: Field; place: number; o: Around }) {
  const e = editing.value;
  const key = key_of(a.id, field.key);
  const left = refused.value.get(key);
  const here = place === o.at && column.value === field.key;
  const writing = e?.asset === a.id && e.field === field.key;
  const text = left ? left.text : shown(a, field.key);
  // A finger marks the cell first and writes with the second tap: elsewhere in the row it opens the asset.
  const click = (m: MouseEvent) => {
    const finger = (m as PointerEvent).pointerType === "touch";
    if (m.shiftKey || m.ctrlKey || m.metaKey || (finger && !may("edit"))) return;
    if (finger && !here) o.move(place);
    column.value = field.key;
    if ((here && begin(o, place, field.key, null, finger)) || finger) m.stopPropagation();
  };
  return (
    <span role="gridcell" id={`cell-${place}-${field.key}`} class={`field${here ? " here" : ""}${left ? " wrong" : ""}${writing ? " writing" : ""}`} aria-busy={pending.value.has(key) || undefined} onClick={click} onDblClick={(m) => { m.stopPropagation(); if (!writing) begin(o, place, field.key, null); }}>
      {writing && e ? <Writing e={e} field={field} o={o} /> : <span class="cut" title={left ? left.why : text}>{left && <Icon name="alert" size={12} />}{text}</span>}
      {here && !writing && may("edit") && <span class="cell-pencil" aria-hidden="true"><Icon name="pencil" size={14} /></span>}
      {left && here && !writing && <span class="cell-words" role="alert"><span class="bad">{left.why}</span></span>}
    </span>
  );
}

// ---- keys of the list while it has field columns

const signs = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((c) => !/[a-z]/.test(c) && c !== "/" && c !== "?").concat(Array.from({ length: 31 }, (_, i) => String.fromCharCode(192 + i)));

export function Keys({ o }: { o: Around }) {
  useEffect(() => () => {
    column.value = null;
    editing.value = null;
    refused.value = new Map();
    steps.length = undone.length = 0;
    o.model.hold(false);
  }, []);
  const in_list = () => !(document.activeElement instanceof Element && document.activeElement.closest(".panel, .activity, .top"));
  const aside = (by: number) => {
    if (!in_list()) return false;
    const at = o.cols.findIndex((f) => f.key === column.value) + by;
    if (o.at < 0) o.move(0);
    column.value = at < 0 ? null : (o.cols[Math.min(at, o.cols.length - 1)]?.key ?? null);
    if (column.value) document.getElementById(`cell-${Math.max(0, o.at)}-${column.value}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    return true;
  };
  const field = () => o.cols.find((f) => f.key === column.value);
  const set_chosen = (value: string) => {
    const f = field();
    if (!f || !o.chosen.length || !may("edit")) return false;
    const list = o.chosen.filter((a) => shown(a, f.key) !== value);
    if (list.length) void set_values(o, f, value, list, new Map(), value);
    else tell("They are so already");
    return true;
  };
  const write = (text: string | null) => (column.value && o.at >= 0 ? begin(o, o.at, column.value, text) : false);
  useKeys("Fields in the list", [
    { keys: ["ArrowRight"], name: "To the next field", in_palette: false, run: () => aside(1) },
    { keys: ["ArrowLeft"], name: "To the field before", in_palette: false, run: () => aside(-1) },
    { keys: ["Enter", "F2"], name: "Write in the field", in_palette: false, run: () => write(null) },
    { keys: ["Tab"], name: "While writing: keep it and go to the next field (Shift: the one before)" },
    { keys: ["Ctrl+Enter"], name: "Set the field of all that is chosen: to what is written, or to the first one's", in_palette: false, run: () => {
      const top = o.model.at(Math.min(o.from, o.at));
      return column.value && top ? set_chosen(shown(top, column.value)) : false;
    } },
    { keys: ["Delete", "Backspace"], name: "Take the field's value away from what is chosen", in_palette: false, run: () => (column.value ? set_chosen("") : false) },
    { keys: ["Escape"], name: "Out of the fields", in_palette: false, run: () => (column.value && o.chosen.length < 2 ? void (column.value = null) : false) },
    { keys: ["Ctrl+Z"], name: "Undo the last edit of fields", run: () => void back(o, false) },
    { keys: ["Ctrl+Shift+Z"], name: "Do it again", run: () => void back(o, true) },
    { keys: signs.flatMap((c) => (/[A-Z\u00c0-\u00de]/.test(c) ? [c, `Shift+${c}`] : [c])), name: "", hidden: true, in_palette: false, run: (e) => write(e.key) },
  ]);
  return null;
}
