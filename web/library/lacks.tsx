/*
 * library/lacks: what is not there: of a clip of several files, and of a card by its own index.
 */
import type { Asset, CardCame, Folder } from "api-types";
import { useEffect, useState } from "preact/hooks";
import { get } from "../app/api";
import { plural } from "../parts/format";

export const lacks_of = (a: Asset): readonly string[] => a.version.facts?.span?.missing ?? [];

// In a tile and a row: one word, all of it on hover.
export function Lacks({ asset }: { asset: Asset }) {
  const missing = lacks_of(asset);
  if (!missing.length) return null;
  return <span class="bad lacks" title={`Not there: ${missing.join("; ")}`}>incomplete</span>;
}

export function MissingList({ missing }: { missing: readonly string[] }) {
  return <ul class="plain">{missing.map((m) => <li key={m} class="bad">{m}</li>)}</ul>;
}

const MOST = 3;

// Over a folder that is a card, or lies in one.
export function CardNote({ project, folder, folders, changed }: { project: string; folder: string | null; folders: readonly Folder[]; changed: unknown }) {
  const [cards, set] = useState<readonly CardCame[]>([]);
  const [all, set_all] = useState(false);
  useEffect(() => {
    let gone = false;
    if (folder) get<CardCame[]>(`/projects/${project}/cards`).then((list) => { if (!gone) set(list); }, () => undefined);
    return () => { gone = true; };
  }, [project, folder, changed]);
  if (!folder) return null;
  let at: string | null = folder === "top" ? "" : folder;
  let came: CardCame | undefined;
  while (at !== null && !came) {
    came = cards.find((c) => (c.card.folder ?? "") === at);
    at = at ? (folders.find((f) => f.id === at)?.parent ?? null) : null;
  }
  if (!came || (!came.card.missing.length && !came.card.notes.length)) return null;
  const { title, missing, notes } = came.card;
  const lines = [...missing.map((m) => ({ m, bad: true })), ...notes.map((m) => ({ m, bad: false }))];
  return (
    <section class="card-note" role="status">
      <p><b>{title}</b>, {plural(came.card.clips, "clip")}: {missing.length ? <span class="bad">{plural(missing.length, "thing")} that its own index lists {missing.length === 1 ? "is" : "are"} not there</span> : "all that its index lists is there"}</p>
      <ul class="plain">{(all ? lines : lines.slice(0, MOST)).map((l) => <li key={l.m} class={l.bad ? "bad" : "quiet"}>{l.m}</li>)}</ul>
      {lines.length > MOST && <button type="button" class="link" onClick={() => set_all(!all)}>{all ? "Show less" : `Show all ${lines.length}`}</button>}
    </section>
  );
}
