/*
 * parts/palette: Ctrl-K: find anything, do anything. Keys of the view, places, and assets by name.
 */
import type { Asset, AssetList } from "api-types";
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, with_query } from "../app/api";
import { commands } from "../app/commands";
import { go, parse, to } from "../app/router";
import { project } from "../app/session";
import { Icon, type IconName } from "./icons";
import { chord_text, maps, useKeys } from "./keys";

const open = signal(false);
export const open_palette = (): void => void (open.value = true);

interface Entry {
  group: string;
  name: string;
  icon: IconName;
  hint?: string;
  keys?: string;
  run: () => void;
}

// Letters in order, words' beginnings count more: "prxy" finds "Make proxies". 0 is no match.
export function score(wanted: string, name: string): number {
  const want = wanted.toLowerCase();
  const text = name.toLowerCase();
  const whole = text.indexOf(want);
  if (whole >= 0) return 1000 - whole + (whole === 0 || /[\s_\-./]/.test(text[whole - 1] ?? "") ? 500 : 0);
  let at = -1;
  let sum = 100;
  for (const letter of want) {
    if (letter === " ") continue;
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return 0;
    sum -= next - at - 1;
    at = next;
  }
  return Math.max(1, sum);
}

const kind_icons: Record<Asset["kind"], IconName> = { clip: "clip", sound: "sound", sequence: "sequence", still: "still", captions: "document", document: "document" };

export function Palette() {
  return open.value ? <Box close={() => (open.value = false)} /> : null;
}

function Box({ close }: { close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  const [typed, type] = useState("");
  const [chosen, choose] = useState(0);
  const [assets, set_assets] = useState<Asset[]>([]);
  // The keys of the view beneath, taken before this box puts its own on top.
  const beneath = useMemo(() => maps.value.flatMap((m) => m.current.list.filter((k) => k.run && k.in_palette !== false && !k.hidden).map((k) => ({ view: m.current.view, key: k }))), []);
  useKeys("Find", [{ keys: ["Escape"], name: "Close", run: close, in_fields: true, hidden: true }], { modal: true });
  useEffect(() => {
    box.current?.showModal();
  }, []);
  useEffect(() => {
    const q = typed.trim();
    const here = project.value;
    set_assets([]);
    if (!q || !here) return;
    const stop = new AbortController();
    const timer = window.setTimeout(() => {
      get<AssetList>(with_query(`/projects/${here.id}/assets`, { q, limit: 12 }), { signal: stop.signal })
        .then((list) => set_assets(list.items))
        .catch(() => undefined);
    }, 60);
    return () => {
      window.clearTimeout(timer);
      stop.abort();
    };
  }, [typed]);

  const entries = useMemo<Entry[]>(() => {
    const want = typed.trim();
    const all: Entry[] = [];
    if (/^(https?:\/\/|\/)/.test(want)) {
      const url = new URL(want, location.origin);
      if (url.origin === location.origin && parse(url.pathname).view !== "missing")
        all.push({ group: "Go", name: `Go to ${url.pathname}${url.search}`, icon: "link", run: () => go(url.pathname + url.search + url.hash) });
    }
    const acts: Entry[] = [
      ...beneath.map(({ view, key }) => ({ group: view, name: key.name, icon: "keyboard" as IconName, keys: key.keys[0], run: () => void key.run?.(new KeyboardEvent("keydown")) })),
      ...commands().map((c) => ({ group: "Go to", name: c.name, icon: c.icon ?? ("right" as IconName), hint: c.hint, run: c.run })),
    ];
    const ranked = want ? acts.map((a) => ({ a, s: score(want, a.name) })).filter((r) => r.s > 0).sort((x, y) => y.s - x.s).map((r) => r.a).slice(0, 12) : acts.slice(0, 60);
    all.push(...ranked.filter((a) => a.group === "Go to"));
    all.push(...assets.map((a) => ({ group: "In this project", name: a.name, icon: kind_icons[a.kind], hint: a.version.facts?.duration_text, run: () => go(to.review(a.project, a.id)) })));
    all.push(...ranked.filter((a) => a.group !== "Go to"));
    return all;
  }, [typed, assets, beneath]);

  const at = Math.min(chosen, entries.length - 1);
  useEffect(() => {
    box.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at]);
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    queueMicrotask(entry.run);
  };
  return (
    <dialog ref={box} class="palette" aria-label="Find or do anything" onCancel={close} onMouseDown={(e) => e.target === box.current && close()}>
      <input
        type="text"
        autofocus
        placeholder="Find an asset, a project, or what to do"
        aria-label="Find or do anything"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-results"
        aria-activedescendant={entries.length ? `palette-${at}` : undefined}
        value={typed}
        onInput={(e) => {
          type(e.currentTarget.value);
          choose(0);
        }}
        onKeyDown={(e) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
          if (step) {
            choose((at + step + entries.length) % Math.max(1, entries.length));
            e.preventDefault();
          } else if (e.key === "Enter") {
            run(entries[at]);
            e.preventDefault();
          }
        }}
      />
      <div class="results" id="palette-results" role="listbox" aria-label="Found">
        {entries.length === 0 && <div class="quiet heading">Nothing found</div>}
        {entries.map((e, i) => (
          <div key={i} role="presentation">
            {e.group !== entries[i - 1]?.group && <div class="heading" role="presentation">{e.group}</div>}
            <div id={`palette-${i}`} role="option" aria-selected={i === at} onMouseMove={() => i !== at && choose(i)} onClick={() => run(e)}>
              <Icon name={e.icon} />
              <span class="name cut">{e.name}</span>
              {e.hint && <span class="quiet mono">{e.hint}</span>}
              {e.keys && <kbd>{chord_text(e.keys)}</kbd>}
            </div>
          </div>
        ))}
      </div>
    </dialog>
  );
}
