/*
 * library/model: the assets that the address asks for, as a long list of which windows are loaded.
 *
 * The total is known from the first answer; windows of WINDOW assets are fetched by offset as they come
 * into sight, so that the scroll bar jumps anywhere in 50,000. News change what is loaded in place.
 */
import type { Asset, AssetList, Field, Folder, Problem, Version } from "api-types";
import { signal } from "@preact/signals";
import { get, is_aborted, problem_of, with_query } from "../app/api";
import { subscribe, type News } from "../app/events";

export const WINDOW = 200;
const KEPT = 20 * WINDOW;
export const RANGE_MOST = 5000; // that are chosen at once
export type Sort = string; // name, created, size, duration, timecode, or the key of a field

export interface Wish {
  project: string;
  folder: string | null; // an id, "top", or null for all
  q: string;
  kind: string;
  sort: Sort;
  order: "asc" | "desc";
  where: string; // a condition as JSON, "" for none
  takes: boolean; // sound is listed with its picture
}

export class Assets {
  readonly items = signal<ReadonlyMap<number, Asset>>(new Map()); // by place in the list
  readonly total = signal<number | null>(null);
  readonly problem = signal<Problem | null>(null);
  readonly folders = signal<readonly Folder[]>([]);
  readonly fields = signal<readonly Field[]>([]);
  private wish: Wish;
  private asked = new Set<number>();
  private stop = new AbortController();
  private again = 0;
  private place_timer = 0;
  private ends: (() => void)[] = [];

  constructor(wish: Wish) {
    this.wish = wish;
    this.ends.push(subscribe({ project: wish.project, hear: (n) => this.hear(n), caught_up: () => this.refresh() }));
    void this.load_folders();
    void this.load_fields();
    this.ask(0);
  }

  close(): void {
    for (const end of this.ends) end();
    this.stop.abort();
    window.clearTimeout(this.again);
    window.clearTimeout(this.place_timer);
  }

  // Another filter: what is shown stays until the answer is there, so that typing does not flicker.
  want(wish: Wish): void {
    if (JSON.stringify(wish) === JSON.stringify(this.wish)) return;
    this.wish = wish;
    this.restart();
  }

  // The same of many at once.
  change_all(ids: ReadonlySet<string>, how: (a: Asset) => Asset): void {
    this.items.value = new Map([...this.items.value].map(([place, a]) => [place, ids.has(a.id) ? how(a) : a]));
  }

  // While somebody writes in the list nothing moves; what was missed comes afterwards.
  hold(on: boolean): void {
    this.held = on;
    if (on || !this.missed) return;
    this.missed = false;
    this.refresh();
  }
  private held = false;
  private missed = false;

  // Loads what is seen anew, quietly.
  refresh(): void {
    if (this.held) return void (this.missed = true);
    window.clearTimeout(this.again);
    this.again = window.setTimeout(() => {
      if (this.held) return void (this.missed = true);
      this.restart();
      void this.load_folders();
    }, 150);
  }

  retry(): void {
    this.problem.value = null;
    this.restart();
    void this.load_folders();
  }

  look(first: number, last: number): void {
    this.seen = [first, last];
    for (let w = Math.floor(first / WINDOW); w <= Math.floor(Math.max(first, last) / WINDOW); w++) this.ask(w);
  }
  private seen: [number, number] = [0, 0];

  // All of a range, also what is out of sight; at most RANGE_MOST.
  async range(first: number, last: number): Promise<Asset[]> {
    const end = Math.min(last, first + RANGE_MOST - 1, (this.total.value ?? 0) - 1);
    const found: Asset[] = [];
    for (let p = first; p <= end; ) {
      const here = this.items.value.get(p);
      if (here) {
        found.push(here);
        p++;
        continue;
      }
      const list = await get<AssetList>(this.address(Math.min(WINDOW, end - p + 1), p), { signal: this.stop.signal });
      if (!list.items.length) break;
      found.push(...list.items);
      p += list.items.length;
    }
    return found;
  }

  private address(limit: number, offset: number): string {
    const { project, ...rest } = this.wish;
    return with_query(`/projects/${project}/assets`, { ...rest, where: rest.where || null, takes: rest.takes ? "1" : null, fields: "1", limit, offset: offset || null });
  }

  at(place: number): Asset | null {
    return this.items.value.get(place) ?? null;
  }

  // Changes assets where they stand; null takes one out until the next load.
  change(id: string, how: (a: Asset) => Asset): void {
    const map = new Map(this.items.value);
    for (const [place, a] of map)
      if (a.id === id) {
        map.set(place, how(a));
        this.items.value = map;
        return;
      }
  }

  private restart(): void {
    this.stop.abort();
    this.stop = new AbortController();
    this.asked.clear();
    this.fresh = true;
    const [first, last] = this.seen;
    for (let w = Math.floor(first / WINDOW); w <= Math.floor(last / WINDOW); w++) this.ask(w);
  }
  private fresh = false;

  private ask(window_index: number): void {
    if (this.asked.has(window_index)) return;
    const total = this.total.value;
    if (!this.fresh && total !== null && window_index > 0 && window_index * WINDOW >= total) return;
    this.asked.add(window_index);
    void this.load(window_index, this.stop.signal);
  }

  private async load(window_index: number, stop: AbortSignal): Promise<void> {
    try {
      const list = await get<AssetList>(this.address(WINDOW, window_index * WINDOW), { signal: stop });
      const map = this.fresh ? new Map<number, Asset>() : new Map(this.items.value);
      this.fresh = false;
      list.items.forEach((a, i) => map.set(window_index * WINDOW + i, a));
      this.forget(map);
      this.items.value = map;
      this.total.value = list.total;
      this.problem.value = null;
      if (window_index * WINDOW >= list.total && window_index > 0) {
        this.seen = [0, 0];
        this.ask(0);
      }
    } catch (e) {
      if (is_aborted(e)) return;
      this.asked.delete(window_index);
      this.problem.value = problem_of(e);
    }
  }

  // What is far out of sight is let go: who scrolls through 200,000 keeps a few thousand.
  private forget(map: Map<number, Asset>): void {
    if (map.size <= KEPT) return;
    const middle = Math.floor((this.seen[0] + this.seen[1]) / 2 / WINDOW);
    const far = [...new Set([...map.keys()].map((p) => Math.floor(p / WINDOW)))].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    for (const w of far) {
      if (map.size <= KEPT / 2) break;
      for (let p = w * WINDOW; p < (w + 1) * WINDOW; p++) map.delete(p);
      this.asked.delete(w);
    }
  }

  async load_folders(): Promise<void> {
    try {
      this.folders.value = await get<Folder[]>(`/projects/${this.wish.project}/folders`);
    } catch {
      // the assets say what is wrong; the tree comes with the next try
    }
  }

  async load_fields(): Promise<void> {
    try {
      this.fields.value = await get<Field[]>(`/projects/${this.wish.project}/fields`);
    } catch {
      // the list does without
    }
  }

  private hear(news: News): void {
    if (news.kind === "folder.changed") void this.load_folders();
    else if (news.kind.startsWith("version.") || news.kind === "asset.changed" || news.kind.startsWith("comment.")) {
      const body = news.body as { asset?: unknown } | null;
      const id = news.kind === "asset.changed" ? news.subject : typeof body?.asset === "string" ? body.asset : news.subject;
      const known = [...this.items.value.values()].find((a) => a.id === id || a.version.id === news.subject);
      if (known) this.reload(known.id);
      else if (!news.kind.startsWith("comment.")) this.refresh();
    } else if (news.kind === "asset.deleted" || news.kind === "fields.changed" || news.kind === "takes.changed") {
      if (news.kind === "fields.changed") void this.load_fields();
      this.refresh();
    } else if (news.kind === "place.changed" && !this.place_timer) {
      // A volume is looked at or hashed: that is told often, and changes what is said of many.
      this.place_timer = window.setTimeout(() => {
        this.place_timer = 0;
        this.refresh();
      }, 2000);
    }
  }

  // One asset anew; many in one moment are a load of the windows seen.
  private waiting = new Set<string>();
  private reload_timer = 0;
  private reload(id: string): void {
    this.waiting.add(id);
    if (this.reload_timer) return;
    this.reload_timer = window.setTimeout(() => {
      this.reload_timer = 0;
      const ids = [...this.waiting];
      this.waiting.clear();
      if (ids.length > 8) return this.refresh();
      for (const one of ids)
        get<Asset>(`/assets/${one}`)
          .then((fresh) => this.change(one, () => fresh))
          .catch(() => this.refresh());
    }, 200);
  }
}

// The signed addresses end after a while: a picture that does not load asks for its version anew.
export async function fresh_version(id: string): Promise<Version | null> {
  try {
    return await get<Version>(`/versions/${id}`);
  } catch {
    return null;
  }
}
