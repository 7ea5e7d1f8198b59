/*
 * parts/keys: the keyboard.
 *
 * A view hands in its keys while it is shown; the last one in is asked first, and a dialog stops the
 * search there. "?" shows what is in force, and the palette offers the same things by name.
 * A chord is written "Ctrl+Shift+K", "?", "ArrowDown", "Space"; letters are upper case, and a sign that
 * needs Shift on some keyboards is written as the sign alone. Cmd counts as Ctrl.
 */
import { signal } from "@preact/signals";
import { options } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export interface Key {
  keys: string[]; // any of these; the first is shown
  name: string; // what it does, as a sentence part: "Make a folder"
  group?: string; // heading on the sheet; the view's name when absent
  run?: (e: KeyboardEvent) => boolean | void; // false: not for me, go on looking. Absent: shown on the sheet only
  in_fields?: boolean; // also while typing in a field
  in_palette?: boolean; // offered by name in Ctrl-K (default: when it has a run)
  hidden?: boolean; // not on the sheet
}

export interface KeyMap {
  view: string;
  list: Key[];
  modal: boolean; // nothing beneath is asked
}

export const maps = signal<readonly { readonly current: KeyMap }[]>([]);

export function useKeys(view: string, list: Key[], how: { modal?: boolean } = {}): void {
  const map = useRef<KeyMap>({ view, list, modal: how.modal ?? false });
  map.current = { view, list, modal: how.modal ?? false };
  useLayoutEffect(() => {
    maps.value = [...maps.value, map];
    return () => {
      maps.value = maps.value.filter((m) => m !== map);
    };
  }, []);
}

export function chord_of(e: KeyboardEvent): string {
  let key = e.key === " " ? "Space" : e.key;
  const sign = key.length === 1 && !/[a-z0-9]/i.test(key);
  if (key.length === 1) key = key.toUpperCase();
  return `${e.ctrlKey || e.metaKey ? "Ctrl+" : ""}${e.altKey ? "Alt+" : ""}${e.shiftKey && !sign ? "Shift+" : ""}${key}`;
}

export function in_field(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "range"].includes(target.type);
}

// Enter and Space on a button or a link belong to it.
function belongs_to_target(e: KeyboardEvent): boolean {
  if (e.key !== "Enter" && e.key !== " ") return false;
  return e.target instanceof Element && e.target.closest("button, a[href], summary, input, select, [role=menuitem]") !== null;
}

// What a key brought up is there before the next key comes: who types fast after Ctrl+F types into the field.
function drawn_at_once<T>(act: () => T): T {
  const before = options.debounceRendering;
  let draw: (() => void) | undefined;
  options.debounceRendering = (all) => (draw = all);
  try {
    return act();
  } finally {
    options.debounceRendering = before;
    draw?.();
  }
}

window.addEventListener("keydown", (e) => drawn_at_once(() => {
  if (e.defaultPrevented || e.isComposing) return;
  const typing = in_field(e.target);
  const chord = chord_of(e);
  if (belongs_to_target(e)) return;
  for (const { current } of [...maps.value].reverse()) {
    for (const key of current.list) {
      if (!key.run || !key.keys.includes(chord) || (typing && !key.in_fields)) continue;
      if (key.run(e) === false) continue;
      e.preventDefault();
      return;
    }
    if (current.modal) return;
  }
}));

const shown: Record<string, string> = {
  ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", Delete: "Del", Backspace: "⌫", PageUp: "PgUp", PageDown: "PgDn",
};
const mac = /Mac|iPhone|iPad/.test(navigator.platform);
// "Ctrl+Shift+ArrowDown" -> "Ctrl Shift ↓"
export function chord_text(chord: string): string {
  return chord
    .split(/\+(?=.)/)
    .map((part) => (mac && part === "Ctrl" ? "⌘" : (shown[part] ?? part)))
    .join(" ");
}
