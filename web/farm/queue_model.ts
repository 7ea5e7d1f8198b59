/*
 * farm/queue_model: the jobs that the queue shows, live, in an order that holds still while somebody reads.
 *
 * A house may have 100,000 jobs. They come in the farm's own order, by parts: what needs a person or runs, all of it; then
 * what waits, what was suspended, what has ended, by pages as one scrolls to it. The house searches and filters. News change
 * rows where they stand. The order is made anew when the wish changes, and by itself only while `hold` says that nobody is
 * in the middle of the list; else `moved` counts the rows that would stand elsewhere, for a button.
 */
import type { Problem } from "api-types";
import { signal } from "@preact/signals";
import { get, is_aborted, problem_of, with_query } from "../app/api";
import { subscribe } from "../app/events";
import { ordered, wanted, type Filter, type Job, type JobList, type Wish } from "./model";

const PAGE = 500;
const WHOLE_MOST = 5000; // of a part that is loaded whole
const NEWS_MS = 250;
const TYPING_MS = 200;

// States in the order of the rows. The first part is loaded whole.
const first_part = "stopped,approval,running";
const parts_of: Record<Filter, readonly string[]> = {
  all: [first_part, "waiting", "suspended", "ended"],
  active: [first_part, "waiting", "suspended"],
  waiting: ["waiting"],
  failed: ["stopped,approval,running,suspended", "failed"],
  approval: ["approval"],
  ended: ["ended"],
};
interface Part {
  states: string;
  next: string | null | undefined; // undefined: not asked yet
  count: number;
  total: number;
}

const asked_of = (w: Wish): string => JSON.stringify([w.project, w.filter, w.kind, w.q, w.mine]);

export class Queue {
  readonly rows = signal<readonly string[]>([]);
  readonly turn = signal(0); // counts up whenever a job has changed
  readonly moved = signal(0);
  readonly loaded = signal(false);
  readonly problem = signal<Problem | null>(null);
  readonly left = signal(0); // jobs that are not loaded yet
  hold: () => boolean = () => false;

  private jobs = new Map<string, Job>();
  private wish: Wish;
  private parts: Part[] = [];
  private asking = false;
  private heard = new Map<string, Job>();
  private timer = 0;
  private typing = 0;
  private stop = new AbortController();
  private end: () => void;

  constructor(wish: Wish) {
    this.wish = wish;
    this.end = subscribe({
      project: wish.project ?? undefined,
      kinds: ["job.changed"],
      hear: (news) => {
        const job = news.body as Job | null;
        if (job && typeof job.id === "string") this.take(job);
      },
      caught_up: () => void this.load(),
    });
    void this.load();
  }

  close(): void {
    this.end();
    this.stop.abort();
    window.clearTimeout(this.timer);
    window.clearTimeout(this.typing);
  }

  job(id: string): Job | undefined {
    return this.jobs.get(id);
  }
  all(): Iterable<Job> {
    return this.jobs.values();
  }

  // What is loaded is shown by the wish at once; the house is asked for the rest.
  want(wish: Wish): void {
    const other = asked_of(wish) !== asked_of(this.wish);
    this.wish = wish;
    this.sort();
    if (!other) return;
    window.clearTimeout(this.typing);
    this.typing = window.setTimeout(() => void this.load(), TYPING_MS);
  }

  // What the house said of a job; many of one moment are drawn once.
  take(job: Job): void {
    this.heard.set(job.id, job);
    if (!this.timer) this.timer = window.setTimeout(() => this.apply(), NEWS_MS);
  }

  sort(): void {
    this.rows.value = ordered(this.jobs.values(), this.wish).map((j) => j.id);
    this.moved.value = 0;
  }

  private ask(part: Part): Promise<JobList> {
    const { project, kind, q, mine } = this.wish;
    const query = { project, state: part.states, order: "turn", kind: kind === "all" ? null : kind, q: q || null, by: mine, limit: PAGE, cursor: part.next ?? null };
    return get<JobList>(with_query("/jobs", query), { signal: this.stop.signal });
  }

  private async next_page(part: Part, into: Map<string, Job>): Promise<void> {
    const list = await this.ask(part);
    for (const j of list.items) into.set(j.id, j);
    part.next = list.cursor ?? null;
    part.count += list.items.length;
    part.total = list.total;
  }

  private tell_left(): void {
    this.left.value = this.parts.reduce((n, p) => n + Math.max(0, p.total - p.count), 0);
  }

  // The next page of the first part that has more.
  async more(): Promise<void> {
    const part = this.parts.find((p) => p.next !== null);
    if (this.asking || !part) return;
    this.asking = true;
    const parts = this.parts;
    try {
      const found = new Map<string, Job>();
      await this.next_page(part, found);
      if (parts === this.parts) {
        for (const [id, j] of found) if (!this.jobs.has(id)) this.jobs.set(id, j);
        // What comes later in the farm's order stands below: adding it moves nothing that is read.
        this.sort();
        this.tell_left();
      }
    } catch (e) {
      if (!is_aborted(e)) this.problem.value = problem_of(e);
    }
    this.asking = false;
    if (this.rows.value.length < 60) void this.more();
  }

  // From the beginning: the first part, and of the others as much as was there.
  async load(): Promise<void> {
    const parts = parts_of[this.wish.filter].map((states): Part => ({ states, next: undefined, count: 0, total: 0 }));
    const before = this.loaded.value ? this.jobs.size : 0;
    const asked = asked_of(this.wish);
    const found = new Map<string, Job>();
    try {
      for (const [i, part] of parts.entries())
        while (part.next !== null && (i === 0 ? part.count < WHOLE_MOST : part.next === undefined ? found.size < Math.max(PAGE, before) : found.size < before)) await this.next_page(part, found);
      if (asked !== asked_of(this.wish)) return; // another one is on its way
      this.jobs = found;
      this.parts = parts;
      this.problem.value = null;
      this.loaded.value = true;
      this.turn.value++;
      this.tell_left();
      this.settle();
    } catch (e) {
      if (!is_aborted(e)) this.problem.value = problem_of(e);
    }
  }

  private apply(): void {
    this.timer = 0;
    for (const [id, job] of this.heard) this.jobs.set(id, job);
    this.heard.clear();
    this.turn.value++;
    this.settle();
  }

  // In order at once when nobody reads in the middle; else the rows stay, and what would move is counted.
  private settle(): void {
    const now = this.rows.value;
    if (!now.length || !this.hold()) return this.sort();
    const next = ordered(this.jobs.values(), this.wish);
    let moved = Math.max(0, next.length - now.length);
    for (let i = 0; i < now.length; i++) if (next[i]?.id !== now[i]) moved++;
    this.moved.value = Math.min(moved, next.length);
  }

  wants(job: Job): boolean {
    return wanted(job, this.wish);
  }
}
