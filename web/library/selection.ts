// library/selection: what is chosen, as ids; arrows, Shift for a range, Ctrl for one more. No DOM.
export interface Selection {
  ids: ReadonlySet<string>;
  at: number; // the place of the cursor, -1 for none
  from: number; // where a range began
}

export const nothing: Selection = { ids: new Set(), at: -1, from: -1 };

// id_at answers null for what is not loaded: a range takes the loaded ones.
export function pick(s: Selection, place: number, how: { range?: boolean; more?: boolean }, id_at: (place: number) => string | null): Selection {
  const id = id_at(place);
  if (how.range && s.from >= 0) {
    const ids = new Set<string>(how.more ? s.ids : []);
    for (let i = Math.min(s.from, place); i <= Math.max(s.from, place); i++) {
      const one = id_at(i);
      if (one) ids.add(one);
    }
    return { ids, at: place, from: s.from };
  }
  if (how.more) {
    const ids = new Set(s.ids);
    if (id && !ids.delete(id)) ids.add(id);
    return { ids, at: place, from: place };
  }
  return { ids: new Set(id ? [id] : []), at: place, from: place };
}

export function step(at: number, key: string, columns: number, page: number, total: number): number | null {
  if (!total) return null;
  const now = Math.max(0, at);
  const moves: Record<string, number> = { ArrowLeft: now - 1, ArrowRight: now + 1, ArrowUp: now - columns, ArrowDown: now + columns, Home: 0, End: total - 1, PageUp: now - page, PageDown: now + page };
  const next = moves[key];
  if (next === undefined) return null;
  if (at < 0) return key === "End" ? total - 1 : 0;
  if ((key === "ArrowUp" && next < 0) || (key === "ArrowDown" && next >= total && Math.floor(now / columns) === Math.floor((total - 1) / columns))) return now;
  return Math.min(total - 1, Math.max(0, next));
}
