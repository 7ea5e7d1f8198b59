/*
 * Which proxies of a version are seen: through its viewing transform, another one, or as it is. No DOM.
 */
import type { ColourSet, VersionColour } from "api-types";

export const set_shown = (c: VersionColour | null): ColourSet | null => c?.sets.find((s) => s.shown) ?? null;

export const set_named = (c: VersionColour | null, transform: string | null): ColourSet | null => c?.sets.find((s) => (s.transform ?? null) === transform) ?? null;

export const through = (s: ColourSet): string => (s.name ? `through ${s.name}` : "as it is");

// What one key switches to: as it is, and back to the transform that is set, else to the first one that is there.
export function other_of(c: VersionColour | null, seen: ColourSet | null): ColourSet | null {
  if (!c || !seen) return null;
  if (seen.transform) return set_named(c, null);
  const set = c.transform ? set_named(c, c.transform) : null;
  return set ?? c.sets.find((s) => s.transform && s.state === "ready") ?? null;
}

// ---- what a transform is made of

export type Kind = "table" | "correction" | "config";

export function kind_of(name: string): Kind | null {
  const ending = /\.([^.]+)$/.exec(name.toLowerCase())?.[1] ?? "";
  if (ending === "cube") return "table";
  if (["cdl", "cc", "ccc", "edl", "ale"].includes(ending)) return "correction";
  return ending === "ocio" ? "config" : null;
}

export interface ConfigWish { space: string; display: string; view: string; look: string }
export interface Step { table?: string; correction?: string; config?: string; id?: string; space?: string; display?: string; view?: string; look?: string }

// One step for each file that is one; tables in a configuration's folder belong to it.
export function steps_of(names: readonly string[], correction: string, wish: ConfigWish): Step[] {
  const config = names.filter((n) => kind_of(n) === "config").sort((a, b) => a.length - b.length)[0];
  const order: Kind[] = ["correction", "config", "table"];
  const first = names.filter((n) => { const kind = kind_of(n); return kind === "correction" || (config ? n === config : kind === "table"); });
  return first.sort((a, b) => order.indexOf(kind_of(a) ?? "table") - order.indexOf(kind_of(b) ?? "table")).map((name) => {
    const kind = kind_of(name);
    if (kind === "correction") return { correction: name, ...(correction && { id: correction }) };
    if (kind === "table") return { table: name };
    return { config: name, ...(wish.space && { space: wish.space }), ...(wish.view && { display: wish.display, view: wish.view }), ...(wish.look && { look: wish.look }) };
  });
}
